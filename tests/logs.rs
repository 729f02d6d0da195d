//! The logs of Zeek and Suricata's events, read as their own tools read them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn intransit(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_intransit")).env_remove("SSLKEYLOGFILE").args(arguments).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn json_lines(arguments: &[&str]) -> Vec<Value> {
    intransit(arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A record of a log: values by field, unset ones absent.
type Record = BTreeMap<String, String>;

/// Reads Zeek's ASCII format as its documentation describes it, as `zeek-cut` does: the header says separators, fields and types.
fn zeek(path: &Path) -> Vec<Record> {
    let text = fs::read_to_string(path).unwrap();
    let mut header: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut records = Vec::new();
    for line in text.lines() {
        if let Some(separator) = line.strip_prefix("#separator ") {
            assert_eq!(separator, "\\x09");
        } else if let Some(said) = line.strip_prefix('#') {
            let mut words = said.split('\t');
            header.insert(words.next().unwrap(), words.collect());
        } else {
            let values: Vec<&str> = line.split('\t').collect();
            assert_eq!((values.len(), header["fields"].len()), (header["types"].len(), header["types"].len()), "{line}");
            let mut record = Record::new();
            for ((name, kind), value) in header["fields"].iter().zip(&header["types"]).zip(values) {
                if value != header["unset_field"][0] {
                    check(kind, value, header["set_separator"][0], header["empty_field"][0]);
                    record.insert((*name).to_owned(), value.to_owned());
                }
            }
            records.push(record);
        }
    }
    records
}

/// The value is one of its type.
fn check(kind: &str, value: &str, separator: &str, empty: &str) {
    if let Some(inner) = kind.strip_prefix("vector[").or_else(|| kind.strip_prefix("set[")) {
        if value != empty {
            value.split(separator).for_each(|item| check(inner.trim_end_matches(']'), item, separator, empty));
        }
        return;
    }
    let sound = match kind {
        "time" | "interval" => value.parse::<f64>().is_ok() && value.split_once('.').is_some_and(|(_, digits)| digits.len() == 6),
        "count" => value.parse::<u64>().is_ok(),
        "port" => value.parse::<u16>().is_ok(),
        "addr" => value.parse::<std::net::IpAddr>().is_ok(),
        "bool" => matches!(value, "T" | "F"),
        "enum" => matches!(value, "tcp" | "udp" | "sctp" | "icmp"),
        "string" => !value.is_empty() && !value.contains('\t'),
        other => panic!("no such type in Zeek: {other}"),
    };
    assert!(sound, "{value} is no {kind}");
}

#[test]
fn zeeks_logs_load_and_say_what_the_json_says() {
    let folder = tempfile::tempdir().unwrap();
    let captures: Vec<String> =
        ["phone.pcap", "quic_v1_h3.pcap", "tls12_client_cert.pcap", "dns_plain.pcap", "smtp_starttls.pcap", "ssl3.pcap", "dtls12.pcap"]
            .iter()
            .map(|name| common::cabinet().join(name).to_string_lossy().into_owned())
            .collect();
    let names: Vec<&str> = captures.iter().map(String::as_str).collect();
    intransit(&[&["inspect", "-q", "--format", "zeek", "-o", folder.path().to_str().unwrap()], names.as_slice()].concat());
    let flows = json_lines(&[&["inspect", "-q", "--format", "jsonl"], names.as_slice()].concat());
    let conn = zeek(&folder.path().join("conn.log"));
    assert_eq!(conn.len(), flows.len());
    for (record, flow) in conn.iter().zip(&flows) {
        assert_eq!(record["community_id"], flow["network"]["community_id"].as_str().unwrap());
        assert_eq!(record["id.orig_h"], flow["source"]["ip"].as_str().unwrap());
        assert_eq!(record["id.resp_p"], flow["destination"]["port"].to_string());
        assert_eq!(record["orig_pkts"], flow["source"]["packets"].to_string());
    }
    let services: Vec<&str> = conn.iter().filter_map(|record| record.get("service")).map(String::as_str).collect();
    for service in ["ssl", "quic,ssl", "dns", "smtp,ssl"] {
        assert!(services.contains(&service), "{service} in {services:?}");
    }
    let ssl = zeek(&folder.path().join("ssl.log"));
    let with_tls: Vec<&Value> =
        flows.iter().filter(|flow| flow["tls"]["version"].is_string() || flow["tls"]["client"]["ja4"].is_string()).collect();
    assert_eq!(ssl.len(), with_tls.len());
    for (record, flow) in ssl.iter().zip(with_tls) {
        for (field, value) in [
            ("cipher", &flow["tls"]["cipher"]),
            ("curve", &flow["tls"]["curve"]),
            ("server_name", &flow["tls"]["client"]["server_name"]),
            ("next_protocol", &flow["tls"]["next_protocol"]),
            ("ssl_history", &flow["intransit"]["history"]),
        ] {
            assert_eq!(record.get(field).map(String::as_str), value.as_str(), "{field}");
        }
    }
    let versions: Vec<&str> = ssl.iter().filter_map(|record| record.get("version")).map(String::as_str).collect();
    for version in ["TLSv13", "TLSv12", "SSLv3", "DTLSv12"] {
        assert!(versions.contains(&version), "{version} in {versions:?}");
    }
    let x509 = zeek(&folder.path().join("x509.log"));
    assert!(x509.iter().any(|record| record["client_cert"] == "T") && x509.iter().any(|record| record.contains_key("san.dns")));
    assert!(!zeek(&folder.path().join("quic.log")).is_empty());
    assert!(zeek(&folder.path().join("dns.log")).iter().all(|record| record.contains_key("query")));
    // The uid ties the logs together.
    let uids: Vec<&String> = conn.iter().map(|record| &record["uid"]).collect();
    assert!(ssl.iter().all(|record| uids.contains(&&record["uid"])));
}

#[test]
fn zeeks_logs_as_json_hold_the_same_records() {
    let capture = common::cabinet().join("phone.pcap");
    let folder = tempfile::tempdir().unwrap();
    intransit(&["inspect", "-q", "--format", "zeek", "-o", folder.path().to_str().unwrap(), capture.to_str().unwrap()]);
    let records = json_lines(&["inspect", "-q", "--format", "zeek", capture.to_str().unwrap()]);
    for log in ["conn", "ssl", "x509", "quic", "dns"] {
        let of_log: Vec<&Value> = records.iter().filter(|record| record["_path"] == log).collect();
        let ascii = zeek(&folder.path().join(format!("{log}.log")));
        assert_eq!(of_log.len(), ascii.len(), "{log}");
        for (json, ascii) in of_log.iter().zip(&ascii) {
            let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).filter(|name| *name != "_path").collect();
            let mut expected: Vec<&str> = ascii.keys().map(String::as_str).collect();
            expected.sort_unstable();
            let mut names = names;
            names.sort_unstable();
            assert_eq!(names, expected, "{log}");
        }
    }
}

#[test]
fn eve_has_a_flow_event_for_each_connection_and_its_tls_or_quic() {
    let capture = common::cabinet().join("phone.pcap");
    let flows = json_lines(&["inspect", "-q", "--format", "jsonl", capture.to_str().unwrap()]);
    let events = json_lines(&["inspect", "-q", "--format", "eve", capture.to_str().unwrap()]);
    let of = |kind: &str| events.iter().filter(|event| event["event_type"] == kind).cloned().collect::<Vec<_>>();
    let ids = |list: &[Value], path: fn(&Value) -> &Value| list.iter().map(|one| path(one).to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&of("flow"), |event| &event["community_id"]), ids(&flows, |flow| &flow["network"]["community_id"]));
    let tls = of("tls");
    assert!(!tls.is_empty() && tls.iter().all(|event| event["tls"]["ja4"].is_string() && event["flow_id"].is_u64()));
    assert_eq!(
        of("quic").len(),
        flows.iter().filter(|flow| flow["network"]["protocol"] == "quic" && flow["tls"]["client"]["ja4"].is_string()).count()
    );
}

#[test]
fn services_agree_with_what_zeek_says_in_the_corpus() {
    let Some(corpus) = common::corpus("Zeek's opinions") else { return };
    let (mut agreed, mut wrong) = (0, Vec::new());
    for truth in common::files_under(&corpus.join("truth")) {
        let text = fs::read_to_string(&truth).unwrap();
        if !text.contains("zeek_") {
            continue;
        }
        let name = truth.strip_prefix(corpus.join("truth")).unwrap().with_extension("");
        let capture = corpus.join("captures").join(name);
        let records = json_lines(&["inspect", "-q", "--format", "zeek", capture.to_str().unwrap()]);
        for flow in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let said = flow["second_opinions"]["zeek_service"].as_str();
            let id = &flow["expect"]["network.community_id"];
            let ours = records.iter().find(|record| record["_path"] == "conn" && record["community_id"] == *id);
            match (said, ours.and_then(|record| record["service"].as_str())) {
                (Some(theirs), Some(ours)) if theirs == ours => agreed += 1,
                (Some(theirs), ours) => wrong.push(format!("{}: Zeek says {theirs}, we say {ours:?}", common::short(&capture))),
                (None, _) => {}
            }
        }
    }
    println!("{agreed} services agree with Zeek's");
    assert!(wrong.is_empty() && agreed > 0, "{wrong:#?}");
}
