//! The report: the same bytes each time, frames or a source behind every sentence, nothing from outside, nobody named once redacted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod apps;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod custody;
mod excerpt;
mod page;
mod redaction;
mod shape;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output, Stdio};

use common::container::ethernet_pcap;
use common::frames::{CLIENT, PSH, SERVER, tcp};
use page::text_nodes;
use serde_json::Value;

const FORMATS: [&str; 3] = ["html", "md", "json"];

fn intransit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn capture(name: &str) -> String {
    common::cabinet().join(name).to_str().unwrap().to_owned()
}

/// What `report` prints in this format.
fn report(format: &str, args: &[&str]) -> String {
    let done = intransit(&[&["report", "-q", "--format", format], args].concat());
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&report("json", args)).unwrap()
}

fn everything() -> Vec<String> {
    common::cabinet_captures().iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_format_is_guessed_from_the_suffix_and_a_strange_one_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("r.html", "<!DOCTYPE html>"), ("r.md", "# "), ("r.json", "{")] {
        let path = folder.path().join(name);
        assert!(intransit(&["report", "-q", &capture("tls13_aes128.pcap"), "-o", path.to_str().unwrap()]).status.success());
        assert!(fs::read_to_string(path).unwrap().starts_with(start), "{name}");
    }
    let refused = intransit(&["report", "nowhere.pcap", "-o", "report.doc"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("html"));
}

#[test]
fn a_filter_limits_the_report_and_the_report_says_so() {
    let said = json(&[&capture("demo.pcapng"), "--filter", "proto:dns"]);
    let (covers, of) = (said["filter"]["connections"].as_u64().unwrap(), said["filter"]["of"].as_u64().unwrap());
    assert!(covers > 0 && covers < of, "{}", said["filter"]);
    let text = report("md", &[&capture("demo.pcapng"), "--filter", "proto:dns"]);
    assert!(text.contains(&format!("covers {covers} of {of} connections")), "{text}");
    let wrong = intransit(&["report", &capture("demo.pcapng"), "--filter", "colour:red"]);
    assert_eq!(wrong.status.code(), Some(2));
}
