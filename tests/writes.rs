//! What is written is written whole and checked, or the old file stays: full disks, files that may not grow, folders that may not be
//! written, errors of the device, readers that are gone, links that change.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use common::container::ethernet_pcap;
use common::frames::{self, ACK, CLIENT, PSH, SERVER, tcp};

const BINARY: &str = env!("CARGO_BIN_EXE_intransit");

/// Whatever writes to a path, with `-o PATH` behind it.
const WRITING: &[&[&str]] = &[
    &["inspect", "--format", "table", "$many"],
    &["inspect", "--format", "jsonl", "$many"],
    &["inspect", "--format", "json", "$many"],
    &["inspect", "--format", "csv", "$many"],
    &["inspect", "--format", "md", "$many"],
    &["inspect", "--format", "eve", "$many"],
    &["inspect", "--format", "zeek", "$many"],
    &["inspect", "--format", "parquet", "$many"],
    &["inspect", "--format", "pcapng", "$many"],
    &["report", "--format", "html", "$many"],
    &["report", "--format", "md", "$many"],
    &["report", "--format", "json", "$many"],
    &["compare", "--format", "html", "$many", "$few"],
    &["compare", "--format", "json", "$many", "$few"],
    &["canary", "--message", "maroon walrus 3407", "--format", "table", "$many"],
    &["canary", "--message", "maroon walrus 3407", "--format", "json", "$many"],
    &["canary", "--message", "maroon walrus 3407", "--format", "md", "$many"],
];

/// Whatever writes to standard output only.
const SAYING: &[&[&str]] = &[&["rules"], &["platforms"], &["schema", "report"], &["verify", "$report", "$few"]];

/// A folder with captures: few connections, and so many that no output of them fits in 64 KiB.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let frames = |ports: std::ops::Range<u16>| -> Vec<Vec<u8>> {
            let hello = |port: u16| frames::client_hello(format!("host-{port}.{}.example", "long".repeat(12)).as_bytes());
            ports
                .flat_map(|port| {
                    let client = (CLIENT.0, port);
                    [tcp(client, SERVER, 0, 0, frames::SYN, &[]), tcp(client, SERVER, 1, 1, ACK | PSH, &hello(port))]
                })
                .collect()
        };
        fs::write(place.path("many.pcap"), ethernet_pcap(&frames(1024..3024))).unwrap();
        fs::write(place.path("few.pcap"), ethernet_pcap(&frames(1024..1030))).unwrap();
        let made = place.run(&["report", "$few", "-o", &place.path("report.json")]);
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn args(&self, args: &[&str]) -> Vec<String> {
        let named = |arg: &&str| match *arg {
            "$many" => self.path("many.pcap"),
            "$few" => self.path("few.pcap"),
            "$report" => self.path("report.json"),
            other => other.to_owned(),
        };
        args.iter().map(named).collect()
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(BINARY).args(self.args(args)).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a script with mounts of its own, the arguments behind it as `"$@"`; `None` where that is not possible, which is said.
    fn mounted(&self, what: &str, script: &str, args: &[&str]) -> Option<Output> {
        let flags: &[&str] = if fs::metadata("/proc/self").unwrap().uid() == 0 { &["-m"] } else { &["-U", "-r", "-m"] };
        let script =
            format!("cd '{}' || exit 77\nmkdir -p small && mount -t tmpfs -o size=64k none small || exit 77\n{script}", self.path(""));
        let done =
            Command::new("unshare").args(flags).args(["sh", "-c", &script, BINARY]).args(self.args(args)).stdin(Stdio::null()).output();
        match done {
            Ok(done) if done.status.code() != Some(77) => Some(done),
            _ => {
                println!("skipped: {what} (no mounts of one's own)");
                None
            }
        }
    }
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Status 1 and one sentence that names the target and what is wrong with it; nothing that claims it was done.
fn is_told(output: &Output, target: &str, why: &str, what: &[&str]) {
    let said = err(output);
    assert_eq!(output.status.code(), Some(1), "{what:?}: {said}");
    let sentences: Vec<&str> = said.lines().filter(|line| line.starts_with("intransit: ")).collect();
    assert_eq!(sentences.len(), 1, "{what:?}: {said}");
    assert!(sentences[0].contains(target) && sentences[0].contains(why), "{what:?}: {said}");
    assert!(!said.contains("written"), "{what:?}: {said}");
}

#[test]
fn a_full_device_is_told_by_everything_that_writes() {
    let place = Place::new();
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    for what in WRITING.iter().chain(SAYING) {
        let args = place.args(what);
        let done = Command::new(BINARY).args(&args).stdin(Stdio::null()).stdout(full()).output().unwrap();
        is_told(&done, "standard output", "No space left", what);
    }
    let one = ["one", "-q", "$few", "--out", &place.path("dataset")];
    let done = Command::new(BINARY).args(place.args(&one)).stdin(Stdio::null()).stdout(full()).output().unwrap();
    is_told(&done, "standard output", "No space left", &one);
    for what in WRITING {
        let args = [&place.args(what)[..], &["-o".into(), "/dev/full".into()]].concat();
        let done = Command::new(BINARY).args(&args).stdin(Stdio::null()).output().unwrap();
        // Zeek's logs are files in a folder.
        let why = if what.contains(&"zeek") { "" } else { "No space left" };
        is_told(&done, "/dev/full", why, what);
    }
    assert!(!fs::metadata("/dev/full").unwrap().is_file(), "a device stays one");
}

#[test]
fn a_disk_that_is_full_leaves_the_old_file_and_nothing_else() {
    let place = Place::new();
    for what in WRITING.iter().filter(|what| !what.contains(&"zeek")) {
        let script = r#"
            printf 'the old report' > small/out.x
            "$0" "$@" -o small/out.x; echo "status=$?" >&2
            ls -A small | tr '\n' ' '; cat small/out.x
        "#;
        let Some(done) = place.mounted("a full disk", script, what) else { return };
        let (said, left) = (err(&done), String::from_utf8_lossy(&done.stdout).into_owned());
        // Some outputs are small whatever was captured.
        if said.contains("status=0") {
            assert!(left.starts_with("out.x ") && !left.contains("the old report"), "{what:?}: {left}");
            assert!(["canary", "compare", "report"].contains(&what[0]), "{what:?} of 2,000 connections fits in 64 KiB");
            continue;
        }
        assert!(said.contains("status=1") && said.contains("No space left") && said.contains("small/out.x"), "{what:?}: {said}");
        assert_eq!(left, "out.x the old report", "{what:?}");
    }
    let Some(done) = place.mounted(
        "a full disk",
        r#"mkdir small/logs; "$0" "$@" -o small/logs; echo "status=$?" >&2; find small -type f"#,
        &["inspect", "--format", "zeek", "$many"],
    ) else {
        return;
    };
    let left = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(err(&done).contains("status=1") && err(&done).contains("No space left"), "{}", err(&done));
    assert!(!left.contains("conn.log"), "no log that is not whole: {left}");
}

#[test]
fn a_disk_that_is_full_ends_one_and_batch_without_half_a_table() {
    let place = Place::new();
    for command in ["one", "batch"] {
        let script = r#"dd if=/dev/zero of=small/ballast bs=1k count=56 2>/dev/null; "$0" "$@" --out small/out; echo "status=$?" >&2; find small -name '*.parquet' -size 0 -o -name '*tmp*' -type f"#;
        let Some(done) = place.mounted("a full disk", script, &[command, "$many"]) else { return };
        let said = err(&done);
        assert!(said.contains("status=1"), "{command}: {said}");
        assert!(said.contains("No space left") || said.contains("cannot write"), "{command}: {said}");
        assert_eq!(String::from_utf8_lossy(&done.stdout).lines().filter(|line| line.contains(".parquet")).count(), 0, "{command}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_told_and_no_signal_ends_the_program() {
    let place = Place::new();
    fs::write(place.path("out.jsonl"), "the old report").unwrap();
    for what in [&["inspect", "--format", "jsonl", "$many"][..], &["inspect", "--format", "pcapng", "$many"]] {
        let args = [&place.args(what)[..], &["-o".into(), place.path("out.jsonl")]].concat();
        let done = Command::new("sh").args(["-c", "ulimit -f 16; exec \"$@\"", "sh", BINARY]).args(&args).output().unwrap();
        is_told(&done, "out.jsonl", "File too large", what);
        assert_eq!(fs::read_to_string(place.path("out.jsonl")).unwrap(), "the old report");
    }
    let left: Vec<String> =
        fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(left.len(), 4, "nothing is left behind: {left:?}");
}

#[test]
fn a_folder_that_may_not_be_written_is_told_and_keeps_the_old_file() {
    let place = Place::new();
    for what in WRITING.iter().filter(|what| !what.contains(&"zeek")) {
        let script = r#"
            printf 'the old report' > small/out.x
            mount -o remount,ro none small || exit 77
            "$0" "$@" -o small/out.x; echo "status=$?" >&2
            ls -A small | tr '\n' ' '; cat small/out.x
        "#;
        let Some(done) = place.mounted("a read-only folder", script, what) else { return };
        let said = err(&done);
        assert!(said.contains("status=1") && said.contains("Read-only file system") && said.contains("small/out.x"), "{what:?}: {said}");
        assert_eq!(String::from_utf8_lossy(&done.stdout), "out.x the old report", "{what:?}");
    }
    for command in ["one", "batch"] {
        let script = r#"mount -o remount,ro none small || exit 77; "$0" "$@" --out small/out; echo "status=$?" >&2"#;
        let Some(done) = place.mounted("a read-only folder", script, &[command, "$few"]) else { return };
        assert!(err(&done).contains("status=1") && err(&done).contains("Read-only file system"), "{command}: {}", err(&done));
    }
}

#[test]
fn a_device_that_takes_nothing_is_told() {
    let place = Place::new();
    for what in WRITING.iter().chain(SAYING) {
        // A process's own memory at address 0, where nothing is: what is written there goes nowhere, and the system says so.
        let args = place.args(what);
        let done = Command::new("sh").args(["-c", "exec \"$0\" \"$@\" > /proc/self/mem", BINARY]).args(&args).output().unwrap();
        if err(&done).contains("cannot create") {
            return println!("skipped: a device that takes nothing (no /proc/self/mem)");
        }
        is_told(&done, "standard output", "", what);
        assert!(["failed to write whole buffer", "Input/output error"].iter().any(|why| err(&done).contains(why)), "{}", err(&done));
    }
}

#[test]
fn a_reader_that_is_gone_ends_everything_without_a_word() {
    let place = Place::new();
    for what in WRITING.iter().chain(SAYING) {
        let mut child = Command::new(BINARY)
            .args(place.args(what))
            .args(["-q"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert_eq!((done.status.code(), err(&done).as_str()), (Some(0), ""), "{what:?}");
    }
}

#[test]
fn a_pipe_of_a_reader_that_is_gone_is_no_file() {
    let place = Place::new();
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = Command::new("sh").args(["-c", "head -c 10 > /dev/null < \"$0\"", &pipe]).spawn();
    let done = place.run(&["inspect", "-q", "--format", "jsonl", "$many", "-o", &pipe]);
    reader.unwrap().wait().unwrap();
    assert_eq!((done.status.code(), err(&done).as_str()), (Some(0), ""));
    assert!(!fs::metadata(&pipe).unwrap().is_file());
}

/// Whoever may put names into a folder where all may (as `/tmp`) must not be able to have another file replaced by them.
#[test]
fn a_link_that_a_stranger_put_into_a_shared_folder_is_not_followed() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: links of strangers (not root)");
    }
    let place = Place::new();
    let shared = place.0.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    let victim = place.path("victim");
    fs::write(&victim, "what is not theirs").unwrap();
    let link = shared.join("out.jsonl");
    symlink(&victim, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(65534), Some(65534)).unwrap();
    for what in
        [&["inspect", "--format", "jsonl", "$few"][..], &["report", "--format", "md", "$few"], &["inspect", "--format", "pcapng", "$few"]]
    {
        let done = place.run(&[what, &["-o", link.to_str().unwrap()]].concat());
        is_told(&done, "out.jsonl", "link", what);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "what is not theirs");
    }
    // A dangling one makes no file either.
    fs::remove_file(&victim).unwrap();
    assert_eq!(place.run(&["report", "$few", "--format", "md", "-o", link.to_str().unwrap()]).status.code(), Some(1));
    assert!(!Path::new(&victim).exists());
    // One's own is.
    fs::remove_file(&link).unwrap();
    fs::write(&victim, "old").unwrap();
    symlink(&victim, &link).unwrap();
    assert_eq!(place.run(&["report", "$few", "--format", "md", "-o", link.to_str().unwrap()]).status.code(), Some(0));
    assert!(fs::read_to_string(&victim).unwrap().starts_with('#'));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn whatever_a_name_is_changed_into_meanwhile_every_file_is_old_or_new_and_whole() {
    let place = Place::new();
    let (name, victim) = (place.path("out.csv"), place.path("victim"));
    fs::write(&victim, "the victim").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // A file, a link, nothing, a folder: in turn, as fast as it goes.
                let _ = fs::write(&name, "the old report");
                let _ = fs::remove_file(&name);
                let _ = symlink(&victim, &name);
                let _ = fs::remove_file(&name);
                let _ = fs::create_dir(&name);
                let _ = fs::remove_dir(&name);
            }
        });
        for _ in 0..60 {
            let done = place.run(&["inspect", "-q", "--format", "csv", "$few", "-o", &name]);
            assert!(matches!(done.status.code(), Some(0 | 1)), "{}", err(&done));
            let found = fs::read_to_string(&victim).unwrap();
            assert!(found == "the victim" || found.starts_with("file,") && found.lines().count() == 7, "half a file: {found:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    let left = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert!(left.into_iter().all(|name| !name.starts_with(".tmp")), "nothing is left behind");
}

#[test]
fn a_stranger_who_puts_a_link_in_place_of_a_file_at_any_moment_chooses_no_file() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: links of strangers (not root)");
    }
    let place = Place::new();
    let shared = place.0.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    let (victim, name, link) = (place.path("victim"), shared.join("out.jsonl"), shared.join("link"));
    fs::write(&victim, "what is not theirs").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let theirs = |path: &Path| std::os::unix::fs::lchown(path, Some(65534), Some(65534));
            while !stop.load(Ordering::Relaxed) {
                // A file and a link under one name, never nothing, as fast as it goes.
                let _ = fs::write(&link, "a file").and_then(|()| theirs(&link)).and_then(|()| fs::rename(&link, &name));
                let _ = symlink(&victim, &link).and_then(|()| theirs(&link)).and_then(|()| fs::rename(&link, &name));
            }
        });
        for _ in 0..150 {
            let done = place.run(&["inspect", "-q", "--format", "jsonl", "$few", "-o", name.to_str().unwrap()]);
            assert!(matches!(done.status.code(), Some(0 | 1)), "{}", err(&done));
            assert_eq!(fs::read_to_string(&victim).unwrap(), "what is not theirs");
        }
        stop.store(true, Ordering::Relaxed);
    });
}
