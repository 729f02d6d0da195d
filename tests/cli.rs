//! The command itself: exit status, messages, outputs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::container::{boundaries, ethernet_pcap};
use common::frames::{self, ACK, CLIENT, PSH, SERVER, tcp};

fn intransit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("not killed by a signal")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn capture(name: &str) -> String {
    common::cabinet().join(name).to_str().unwrap().to_owned()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// One line that names the program, nothing on standard output.
fn is_one_sentence(output: &Output, about: &str) {
    let said = err(output);
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(said.starts_with("intransit: ") && said.contains(about), "{said:?} says nothing of {about:?}");
    assert_eq!(out(output), "", "nothing on standard output");
}

/// Characters that steer a terminal: C0 apart from the line feed, DEL, C1, and bidi controls.
fn steers(text: &str) -> Option<char> {
    let bidi = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().find(|&c| c != '\n' && (c.is_control() || bidi(c)))
}

#[test]
fn a_whole_capture_is_status_0() {
    let done = intransit(&["inspect", &capture("tls13_aes128.pcap")]);
    assert_eq!(status(&done), 0);
    assert!(out(&done).contains("TLS_AES_128_GCM_SHA256"), "{}", out(&done));
    let quiet = intransit(&["inspect", "-q", &capture("tls13_aes128.pcap")]);
    assert_eq!((status(&quiet), err(&quiet).as_str()), (0, ""));
    assert_eq!(out(&quiet), out(&done));
}

#[test]
fn what_is_no_capture_is_status_1_and_one_sentence() {
    let folder = folder();
    let text = file(&folder, "letter.txt", "Dear Sir or Madam,\n\x1b[31mplease find enclosed no packets.\n");
    let empty = file(&folder, "empty.pcap", "");
    let header = file(&folder, "header.pcap", &ethernet_pcap(&[])[..23]);
    let missing = folder.path().join("nowhere.pcap").to_str().unwrap().to_owned();
    let directory = folder.path().to_str().unwrap().to_owned();
    for path in [&text, &empty, &header, &missing, &directory] {
        for format in ["table", "jsonl", "json", "csv"] {
            let done = intransit(&["inspect", "--format", format, path]);
            assert_eq!(status(&done), 1, "{path}");
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            is_one_sentence(&done, name);
            assert_eq!(steers(&err(&done)), None);
        }
    }
    assert!(err(&intransit(&["inspect", &text])).contains("not a capture"));
    assert!(err(&intransit(&["inspect", &missing])).contains("No such file"));
}

#[test]
fn a_capture_without_packets_is_whole() {
    let folder = folder();
    let done = intransit(&["inspect", "-q", "--format", "jsonl", &file(&folder, "none.pcap", ethernet_pcap(&[]))]);
    assert_eq!((status(&done), out(&done).as_str(), err(&done).as_str()), (0, "", ""));
}

#[test]
fn wrong_usage_is_status_2() {
    let some = capture("tls13_aes128.pcap");
    let wrong: [&[&str]; 7] = [
        &["inspect"],
        &["inspect", "--format", "yaml", &some],
        &["inspect", "--no-such-option", &some],
        &["inspect", "--workers", "0", &some],
        &["inspect", "--workers", "many", &some],
        &["inspect", "--max-flows", "1", &some],
        &["live", "somewhere"],
    ];
    for args in wrong {
        let done = intransit(args);
        assert_eq!(status(&done), 2, "{args:?}");
        assert_eq!(out(&done), "");
        assert!(err(&done).starts_with("error: "), "{}", err(&done));
    }
    assert_eq!(status(&intransit(&["--help"])), 0);
    assert_eq!(status(&intransit(&["--version"])), 0);
}

#[test]
fn a_cut_capture_is_status_3_and_names_the_byte() {
    let folder = folder();
    for name in ["tls12_gcm.pcap", "demo.pcapng"] {
        let bytes = fs::read(common::cabinet().join(name)).unwrap();
        let ends = boundaries(&bytes).unwrap();
        let whole = ends[ends.len() - 3];
        let cut = file(&folder, name, &bytes[..whole + 9]);
        for workers in ["1", "2"] {
            let done = intransit(&["inspect", "-q", "--workers", workers, "--format", "jsonl", &cut]);
            assert_eq!(status(&done), 3, "{name}");
            assert!(err(&done).contains(&format!("byte {whole}:")), "{} names byte {whole}", err(&done));
            assert_eq!(err(&done).lines().count(), 1, "{}", err(&done));
            assert!(!out(&done).is_empty(), "what could be read is reported");
        }
        // What is whole is written all the same.
        let prefix = file(&folder, "prefix", &bytes[..whole]);
        let (got, expected) =
            (intransit(&["inspect", "-q", "--format", "jsonl", &cut]), intransit(&["inspect", "-q", "--format", "jsonl", &prefix]));
        assert_eq!(status(&expected), 0);
        assert_eq!(out(&got), out(&expected).replace("\"name\":\"prefix\"", &format!("\"name\":\"{name}\"")));
    }
}

#[test]
fn one_unreadable_file_of_several_is_status_3() {
    let folder = folder();
    let text = file(&folder, "letter.txt", "no packets");
    let done = intransit(&["inspect", "-q", "--format", "jsonl", &capture("tls10.pcap"), &text, &capture("tls11.pcap")]);
    assert_eq!(status(&done), 3);
    assert_eq!(err(&done).lines().count(), 1);
    assert!(err(&done).contains("letter.txt"));
    let names: Vec<bool> = out(&done).lines().map(|line| line.contains("\"tls10.pcap\"")).collect();
    assert!(names.first() == Some(&true) && names.last() == Some(&false));
}

#[test]
fn several_files_come_in_order_with_the_same_bytes_for_any_number_of_workers() {
    let names = ["quic_v1_h3.pcap", "demo.pcapng", "tls13_hrr.pcap", "tls10.pcap", "form_zst.pcap.zst", "demo.pcapng"];
    let paths: Vec<String> = names.iter().map(|name| capture(name)).collect();
    for format in ["jsonl", "json", "csv", "table"] {
        let said = |workers: &str| {
            let mut args = vec!["inspect", "-q", "--workers", workers, "--format", format];
            args.extend(paths.iter().map(String::as_str));
            let done = intransit(&args);
            assert_eq!((status(&done), err(&done).as_str()), (0, ""));
            out(&done)
        };
        let one = said("1");
        for workers in ["2", "3", "8", "64"] {
            assert!(said(workers) == one, "{format} with {workers} workers");
        }
        if format == "jsonl" {
            let mut seen: Vec<String> = one.lines().map(file_name).collect();
            seen.dedup();
            assert_eq!(seen, names);
        }
        if format == "json" {
            assert!(serde_json::from_str::<serde_json::Value>(&one).unwrap().as_array().unwrap().len() > names.len());
        }
    }
}

/// Several small captures are written by the threads that read them: nothing that can be seen may depend on it.
#[test]
fn whoever_writes_a_capture_says_the_same_in_every_format_and_whatever_is_asked() {
    let folder = folder();
    let text = file(&folder, "letter.txt", "no packets");
    let whole = std::fs::read(capture("tls10.pcap")).unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 9]).unwrap();
    let paths = [&capture("tls10.pcap"), cut.to_str().unwrap(), &text, &capture("demo.pcapng"), &capture("phone.pcap")].map(str::to_owned);
    for asked in [
        &["--format", "md"][..],
        &["--format", "eve"],
        &["--format", "zeek"],
        &["--format", "table"],
        &["--format", "parquet"],
        &["--fields", "network.protocol,tls.version"],
        &["--format", "jsonl", "--filter", "grade:exposed"],
        &["--format", "jsonl", "--fail-on", "weak"],
        &["--format", "json", "--filter", "grade:weak", "--fail-on", "exposed"],
    ] {
        let said = |workers: &str| {
            let args = [&["inspect", "--workers", workers][..], asked, &paths.each_ref().map(String::as_str)].concat();
            let done = intransit(&args);
            (status(&done), done.stdout.clone(), err(&done))
        };
        let one = said("1");
        assert!(one.0 != 0 && one.2.contains("letter.txt") && one.2.contains("cut.pcap"), "{asked:?}: {one:?}");
        for workers in ["2", "5"] {
            assert!(said(workers) == one, "{asked:?} with {workers} workers");
        }
    }
}

fn file_name(line: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    object["file"]["name"].as_str().unwrap().to_owned()
}

#[test]
fn files_without_a_command_are_inspected_where_there_is_no_terminal() {
    let some = capture("tls13_aes128.pcap");
    let (bare, inspected) = (intransit(&["-q", &some]), intransit(&["inspect", "-q", &some]));
    assert_eq!((status(&bare), out(&bare)), (0, out(&inspected)));
}

#[test]
fn intransit_alone_says_in_three_lines_what_one_can_do() {
    let done = intransit(&[]);
    assert_eq!((status(&done), err(&done).as_str(), out(&done).lines().count()), (0, "", 3));
}

#[test]
fn the_suffix_of_the_output_chooses_the_format() {
    let folder = folder();
    for (name, format) in
        [("x.csv", "csv"), ("x.jsonl", "jsonl"), ("x.ndjson", "jsonl"), ("x.json", "json"), ("x.txt", "table"), ("x", "table")]
    {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let done = intransit(&["inspect", "-q", &capture("demo.pcapng"), "-o", &path]);
        assert_eq!((status(&done), out(&done).as_str(), err(&done).as_str()), (0, "", ""), "{name}");
        let expected = out(&intransit(&["inspect", "-q", "--format", format, &capture("demo.pcapng")]));
        assert_eq!(fs::read_to_string(&path).unwrap(), expected, "{name} is {format}");
    }
    // What was said outright counts more than the suffix.
    let path = folder.path().join("y.csv").to_str().unwrap().to_owned();
    intransit(&["inspect", "-q", "--format", "json", &capture("demo.pcapng"), "-o", &path]);
    assert!(fs::read_to_string(&path).unwrap().starts_with('['));
}

#[cfg(unix)]
#[test]
fn an_output_file_is_replaced_whole_or_left_as_it_was() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    let target = file(&folder, "x.csv", "old");
    let before = fs::metadata(&target).unwrap().ino();
    let nothing = intransit(&["inspect", &file(&folder, "letter.txt", "no packets"), "-o", &target]);
    assert_eq!(status(&nothing), 1);
    assert_eq!(fs::read_to_string(&target).unwrap(), "old");
    assert_eq!(fs::metadata(&target).unwrap().ino(), before);
    let done = intransit(&["inspect", "-q", &capture("tls10.pcap"), "-o", &target]);
    assert_eq!(status(&done), 0);
    assert!(fs::read_to_string(&target).unwrap().contains("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"));
    assert_ne!(fs::metadata(&target).unwrap().ino(), before, "replaced by another file, not overwritten");
    let left: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "no temporary file stays: {left:?}");
}

#[cfg(unix)]
#[test]
fn a_device_is_written_and_stays_a_device() {
    use std::os::unix::fs::FileTypeExt;
    let done = intransit(&["inspect", "-q", &capture("tls10.pcap"), "-o", "/dev/null"]);
    assert_eq!((status(&done), out(&done).as_str(), err(&done).as_str()), (0, "", ""));
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn an_output_that_cannot_be_written_is_status_1_and_one_sentence() {
    let folder = folder();
    let nowhere = folder.path().join("no/such/folder/x.csv").to_str().unwrap().to_owned();
    let done = intransit(&["inspect", "-q", &capture("tls10.pcap"), "-o", &nowhere]);
    assert_eq!(status(&done), 1);
    is_one_sentence(&done, "x.csv");
    if Path::new("/dev/full").exists() {
        let done = intransit(&["inspect", "-q", &capture("tls10.pcap"), "-o", "/dev/full"]);
        assert_eq!(status(&done), 1);
        is_one_sentence(&done, "/dev/full");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = folder();
    // Much more than a pipe holds, so that writing goes on after the reader is gone.
    let mut all = Vec::new();
    for port in 1024..3000u16 {
        let client = (CLIENT.0, port);
        all.push(tcp(client, SERVER, 0, 0, frames::SYN, &[]));
        all.push(tcp(client, SERVER, 1, 1, ACK | PSH, &frames::client_hello(b"chat.example.net")));
    }
    let path = file(&folder, "many.pcap", ethernet_pcap(&all));
    for args in [vec!["inspect", "-q", "--format", "jsonl", &path], vec!["inspect", "-q", &path]] {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        drop(stdout);
        let done = child.wait_with_output().unwrap();
        assert!(!line.is_empty());
        assert_eq!((status(&done), err(&done).as_str()), (0, ""));
    }
    let mut alone = Command::new(env!("CARGO_BIN_EXE_intransit")).stdout(Stdio::piped()).spawn().unwrap();
    drop(alone.stdout.take());
    assert_eq!(alone.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn file_names_cannot_steer_the_terminal() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let hostile = OsStr::from_bytes(b"a\x1b]0;owned\x07\n\xe2\x80\xae\xff.pcap");
    let path = folder.path().join(hostile);
    let good = fs::read(common::cabinet().join("tls10.pcap")).unwrap();
    for (content, expected) in [(None, 1), (Some(&b"no packets"[..]), 1), (Some(&good[..good.len() - 1]), 3), (Some(&good[..]), 0)] {
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        for format in ["table", "csv", "jsonl", "json"] {
            let done = Command::new(env!("CARGO_BIN_EXE_intransit")).args(["inspect", "--format", format]).arg(&path).output().unwrap();
            assert_eq!(status(&done), expected, "{}", err(&done));
            for (stream, said) in [("stderr", err(&done)), ("stdout", out(&done))] {
                assert_eq!(steers(&said.replace("\r\n", "\n")), None, "{format} {stream}: {said:?}");
            }
            // A line feed in the name makes no second message.
            let most = if expected == 3 { 2 } else { 1 };
            assert!(err(&done).lines().count() <= most, "{}", err(&done));
        }
    }
    let output = folder.path().join("no\x1b[31m/x.csv");
    let done = Command::new(env!("CARGO_BIN_EXE_intransit")).arg("inspect").arg(&path).arg("-o").arg(&output).output().unwrap();
    assert_eq!((status(&done), steers(&err(&done))), (1, None));
}

#[test]
fn a_server_name_cannot_steer_the_terminal() {
    let folder = folder();
    let names: [&[u8]; 5] = [
        b"a\x1b[2J\x1b]52;c;cm0gLXJm\x07.example.net",
        "a\u{202e}ten.elpmaxe\u{2066}.example.net".as_bytes(),
        b"a\xc2\x9b31m.example.net\xff\xfe\x9b",
        b"a\r\nfake,row,protected\n\"quoted\"\t.example.net\x00\x7f",
        b"=cmd|' /C calc'!A0",
    ];
    let mut all = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let client = (CLIENT.0, 2000 + n as u16);
        all.push(tcp(client, SERVER, 0, 0, frames::SYN, &[]));
        all.push(tcp(client, SERVER, 1, 1, ACK | PSH, &frames::client_hello(name)));
    }
    let path = file(&folder, "hostile.pcap", ethernet_pcap(&all));
    for format in ["table", "csv", "jsonl", "json"] {
        let done = intransit(&["inspect", "--format", format, &path]);
        assert_eq!(status(&done), 0);
        let said = out(&done);
        // RFC 4180 ends lines with CR LF.
        assert_eq!(steers(&said.replace("\r\n", "\n")), None, "{format}: {said:?}");
        if format == "jsonl" {
            let seen: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(seen.len(), names.len());
            // What is UTF-8 comes back as it was.
            assert_eq!(seen[1]["tls"]["client"]["server_name"].as_str().unwrap().as_bytes(), names[1]);
            assert_eq!(seen[0]["tls"]["client"]["server_name"].as_str().unwrap().as_bytes(), names[0]);
        }
        if format == "csv" {
            assert_eq!(said.replace("\r\n", "\n").lines().count(), names.len() + 1, "a name makes no row: {said}");
            let formula = said.lines().any(|line| line.split(',').any(|cell| cell.trim_matches('"').starts_with('=')));
            assert!(!formula, "a name makes no formula: {said}");
        }
    }
}

#[test]
fn watching_an_interface_that_is_not_there_is_one_sentence() {
    let done = intransit(&["live", "-i", "no\x1b[31msuch0"]);
    assert_eq!(status(&done), 1);
    let said = err(&done);
    assert_eq!(out(&done), "");
    assert_eq!(steers(&said), None, "{said:?}");
    assert!(said.starts_with("intransit: "), "{said:?}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn watching_without_permission_is_one_sentence() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_intransit"));
    command.args(["live", "-i", "lo"]).stdin(Stdio::null());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // Nobody, who may watch nothing.
        command.uid(65534).gid(65534);
    } else {
        // Where this user may watch, nothing would end it.
        return println!("skipped: watching without permission (run as root, to become somebody without)");
    }
    match command.output() {
        Ok(done) => {
            assert_eq!((status(&done), out(&done).as_str()), (1, ""), "{}", err(&done));
            assert_eq!(err(&done).lines().count(), 1, "{:?}", err(&done));
            assert!(err(&done).starts_with("intransit: "), "{:?}", err(&done));
        }
        Err(error) => println!("skipped: watching without permission ({error})"),
    }
}

#[test]
fn an_output_that_is_a_link_stays_one_and_its_file_is_written() {
    let folder = folder();
    let real = file(&folder, "real.json", "old");
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(status(&intransit(&["inspect", "-q", &capture("demo.pcapng"), "-o", link.to_str().unwrap()])), 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().starts_with('['));
}

#[test]
fn keys_are_told_in_the_first_line_and_counted_in_the_summary() {
    let (file, keylog) = (&*capture("tls13_client_cert.pcap"), &*capture("tls13_client_cert.keylog"));
    let done = intransit(&["inspect", "--keylog", keylog, file]);
    assert!(out(&done).starts_with("Keys were used: "), "{}", out(&done));
    assert!(err(&done).contains("1 key loaded, 1 matched"), "{}", err(&done));
    let without = intransit(&["inspect", file]);
    assert!(!out(&without).contains("Keys were used") && !err(&without).contains("key"), "{}", err(&without));
}

#[test]
fn keys_of_another_capture_are_counted_as_not_matched_with_the_reason() {
    let done = intransit(&["inspect", "--format", "jsonl", "--keylog", &capture("tls13_hrr.keylog"), &capture("tls13_aes128.pcap")]);
    let told = "1 key loaded, 0 matched, because of 1 encrypted connection not opened (1: no key has its client random)";
    assert!(err(&done).contains(told), "{}", err(&done));
    assert!(!out(&done).contains("observed-with-keys"));
}

#[test]
fn a_key_log_that_cannot_be_read_fails_and_one_that_everybody_can_read_is_warned_about() {
    let done = intransit(&["inspect", "--keylog", "no/such/keys", &capture("tls13_hrr.pcap")]);
    assert_eq!(status(&done), 1);
    assert!(err(&done).starts_with("intransit: cannot read keys from no/such/keys: "), "{}", err(&done));
    let folder = folder();
    let keys = folder.path().join("keys.txt");
    std::fs::copy(capture("tls13_hrr.keylog"), &keys).unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&keys, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let done = intransit(&["inspect", "--keylog", keys.to_str().unwrap(), &capture("tls13_hrr.pcap")]);
        assert_eq!(err(&done).contains("everybody on this computer can read these keys"), warned, "{mode:o}: {}", err(&done));
    }
}

#[test]
fn secrets_in_a_capture_open_it_from_a_file_and_from_standard_input() {
    let from_file = intransit(&["inspect", "--format", "jsonl", &capture("form_dsb.pcapng")]);
    assert!(out(&from_file).contains("observed-with-keys"));
    let bytes = std::fs::read(capture("form_dsb.pcapng")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_intransit"))
        .args(["inspect", "--format", "jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert_eq!(out(&from_file).replace("form_dsb.pcapng", "-"), out(&piped));
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let commands = ["inspect", "report", "live", "canary"];
    let bash = out(&intransit(&["completions", "bash"]));
    assert!(commands.iter().all(|name| bash.contains(name)));
    assert!(out(&intransit(&["man"])).contains(".TH intransit 1"));
    let folder = folder();
    let pages = folder.path().join("man1");
    assert_eq!(status(&intransit(&["man", "--out", pages.to_str().unwrap()])), 0);
    for name in commands {
        let page = fs::read_to_string(pages.join(format!("intransit-{name}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{name}");
    }
    assert_eq!(status(&intransit(&["completions", "tcsh"])), 2);
}
