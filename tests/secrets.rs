//! No secret of a key log is in anything that is written: not in an output, not in a report, not on standard error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one run of the program wrote: both streams, and the files in its folder.
fn written(args: &[&str], folder: &Path) -> Vec<u8> {
    let done = Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).env("RUST_BACKTRACE", "1").output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    let mut all = [done.stdout, done.stderr].concat();
    for file in common::files_under(folder) {
        all.extend(std::fs::read(&file).unwrap());
        std::fs::remove_file(file).unwrap();
    }
    all
}

/// The secrets of a key log: what stands last on each line.
fn secrets(log: &[u8]) -> BTreeSet<Vec<u8>> {
    let text = String::from_utf8_lossy(log);
    let last = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2));
    let octets = |digits: &str| -> Option<Vec<u8>> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
    };
    last.filter_map(octets).filter(|secret| secret.len() >= 16).collect()
}

/// The ways in which a secret could stand in an output: its octets, hexadecimal, base64.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let lower: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let colons = secret.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":");
    let list = format!("{secret:?}");
    // Half of it would be too much, too.
    let half = lower[..lower.len() / 2].to_owned();
    let whole = secret[..secret.len() / 3 * 3].to_vec();
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let base64: String = whole
        .chunks(3)
        .flat_map(|group| {
            let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
            [18, 12, 6, 0].map(|shift| alphabet[(n >> shift & 63) as usize])
        })
        .collect();
    let mut all = vec![secret.to_vec()];
    all.extend([half.to_uppercase(), half, colons, list, base64].map(String::into_bytes));
    all
}

/// Which of these secrets are in what was written.
fn leaked(secrets: &BTreeSet<Vec<u8>>, written: &[u8]) -> usize {
    secrets.iter().flat_map(|secret| forms(secret)).filter(|form| memchr::memmem::find(written, form).is_some()).count()
}

/// One capture of each kind of key; all of the cabinet where the environment has `INTRANSIT_SECRETS=all`.
const SAMPLE: [&str; 12] = [
    "tls12_rsa_kx",
    "tls12_gcm",
    "tls13_0rtt",
    "tls13_key_update",
    "ech_accepted",
    "dtls_srtp",
    "quic_0rtt",
    "matrix_plain",
    "ws_tls13_pmd",
    "mail_openpgp",
    "demo",
    "form_bigendian",
];

fn captures() -> Vec<PathBuf> {
    let all = std::env::var_os("INTRANSIT_SECRETS").is_some_and(|which| which == "all");
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        common::keylog(path).is_some() && (all || SAMPLE.contains(&name.split(".pcap").next().unwrap()))
    };
    common::cabinet_captures().into_iter().filter(is_wanted).collect()
}

#[test]
fn no_output_holds_a_secret_of_the_key_log() {
    let folder = tempfile::tempdir().unwrap();
    let (mut checked, mut octets, mut wrong) = (0, 0, Vec::new());
    for path in captures() {
        let stem = path.file_name().unwrap().to_string_lossy().split(".pcap").next().unwrap().to_owned();
        let keylog = path.with_file_name(format!("{stem}.keylog"));
        let secrets = secrets(&std::fs::read(&keylog).unwrap());
        // A client that was refused before there was a key has an empty key log.
        if secrets.is_empty() {
            assert!(!SAMPLE.contains(&stem.as_str()), "{stem}");
            continue;
        }
        let (file, keys) = (path.to_str().unwrap(), keylog.to_str().unwrap());
        let mut runs: Vec<Vec<String>> = Vec::new();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        for format in ["table", "jsonl", "json", "csv", "md", "zeek", "eve", "pcapng"] {
            runs.push(words(&["inspect", "--unmask", "--keylog", keys, "--format", format, file]));
        }
        for format in ["html", "md", "json"] {
            let phrase = ["--message", "thistle-never-said-55021", "--control", "chat.example.net"];
            runs.push([words(&["report", "--keylog", keys, "--format", format, file]), words(&phrase)].concat());
        }
        for format in ["table", "json", "md"] {
            runs.push(words(&["canary", "--keylog", keys, "--message", "thistle-never-said-55021", "--format", format, file]));
        }
        let out = folder.path().to_str().unwrap();
        runs.push(words(&["one", "--keylog", keys, file, "--out", out]));
        for run in &runs {
            let args: Vec<&str> = run.iter().map(String::as_str).collect();
            let written = written(&args, folder.path());
            let leaks = leaked(&secrets, &written);
            (checked, octets) = (checked + secrets.len(), octets + written.len());
            if leaks > 0 {
                wrong.push(format!("{}: {leaks} forms of secrets", args.join(" ")));
            }
        }
    }
    println!("{checked} times a secret was looked for, in {octets} octets");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 500 && octets > 1_000_000, "{checked} {octets}");
}

/// The test can fail: where they are asked for, the secrets of a capture are written.
#[test]
fn secrets_that_a_capture_brings_are_written_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = common::cabinet().join("form_dsb.pcapng");
    let bytes = std::fs::read(&path).unwrap();
    let analysis = common::analyse_file(&path, 1).unwrap();
    let all: BTreeSet<Vec<u8>> = analysis.capture.secrets.iter().flat_map(|block| secrets(&block.content)).collect();
    assert!(!all.is_empty() && leaked(&all, &bytes) > 0);
    let file = path.to_str().unwrap();
    assert_eq!(leaked(&all, &written(&["inspect", "--format", "pcapng", file], folder.path())), 0);
    assert!(leaked(&all, &written(&["inspect", "--with-secrets", "--format", "pcapng", file], folder.path())) > 0);
    for format in ["jsonl", "csv", "eve", "zeek"] {
        assert_eq!(leaked(&all, &written(&["inspect", "--format", format, file], folder.path())), 0, "{format}");
    }
    assert_eq!(leaked(&all, &written(&["report", "--format", "json", file], folder.path())), 0);
}

/// A server's private key is nowhere either, and a key log that is not one is refused without being quoted.
#[test]
fn neither_a_servers_key_nor_what_stands_in_a_wrong_key_file_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, key) = (common::cabinet().join("tls12_server_key.pcap"), common::cabinet().join("tls12_server_key.key"));
    let pem = std::fs::read_to_string(&key).unwrap();
    let lines: Vec<&str> = pem.lines().filter(|line| line.len() > 40).collect();
    for format in ["jsonl", "table", "pcapng"] {
        let said =
            written(&["inspect", "--server-key", key.to_str().unwrap(), "--format", format, capture.to_str().unwrap()], folder.path());
        assert!(lines.iter().all(|line| memchr::memmem::find(&said, line.as_bytes()).is_none()), "{format}");
    }
    let wrong = folder.path().join("wrong.keylog");
    let secret = "5e".repeat(48);
    std::fs::write(&wrong, format!("CLIENT_RANDOM zz {secret}\nMY_OWN_LABEL {} {secret}\n", "00".repeat(32))).unwrap();
    for option in ["--keylog", "--server-key"] {
        let args = ["inspect", option, wrong.to_str().unwrap(), capture.to_str().unwrap()];
        let done = Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        assert!(memchr::memmem::find(&said, b"5e5e5e5e").is_none(), "{}", String::from_utf8_lossy(&said));
    }
}
