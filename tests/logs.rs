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

/// Was: logs without a row took the place of the older ones.
#[test]
fn where_nothing_could_be_read_older_logs_stay_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (text, logs) = (folder.path().join("letter.pcap"), folder.path().join("logs"));
    fs::write(&text, "no packets").unwrap();
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("conn.log"), "the old one").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_intransit"));
    let ran = command.args(["inspect", "--format", "zeek", "-o"]).arg(&logs).arg(&text).output().unwrap();
    assert!(!ran.status.success());
    let names: Vec<_> = fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["conn.log"]);
    assert_eq!(fs::read_to_string(logs.join("conn.log")).unwrap(), "the old one");
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

/// The fields that Zeek 7 logs (7.1 added `ip_proto`), in the order of its scripts, with their types: base/protocols/*/main.zeek,
/// base/protocols/ssl/files.zeek, base/files/x509/main.zeek and base/init-bare.zeek, policy/protocols/conn/community-id-logging.zeek.
const PUBLISHED: [(&str, &str); 5] = [
    (
        "conn",
        "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port proto:enum service:string duration:interval \
         orig_bytes:count resp_bytes:count conn_state:string local_orig:bool local_resp:bool missed_bytes:count history:string \
         orig_pkts:count orig_ip_bytes:count resp_pkts:count resp_ip_bytes:count tunnel_parents:set[string] ip_proto:count \
         community_id:string",
    ),
    (
        "ssl",
        "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port version:string cipher:string curve:string \
         server_name:string resumed:bool last_alert:string next_protocol:string established:bool ssl_history:string \
         cert_chain_fps:vector[string] client_cert_chain_fps:vector[string] sni_matches_cert:bool",
    ),
    (
        "x509",
        "ts:time fingerprint:string certificate.version:count certificate.serial:string certificate.subject:string \
         certificate.issuer:string certificate.not_valid_before:time certificate.not_valid_after:time certificate.key_alg:string \
         certificate.sig_alg:string certificate.key_type:string certificate.key_length:count certificate.exponent:string \
         certificate.curve:string san.dns:vector[string] san.uri:vector[string] san.email:vector[string] san.ip:vector[addr] \
         basic_constraints.ca:bool basic_constraints.path_len:count host_cert:bool client_cert:bool",
    ),
    (
        "quic",
        "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port version:string client_initial_dcid:string \
         client_scid:string server_scid:string server_name:string client_protocol:string history:string",
    ),
    (
        "dns",
        "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port proto:enum trans_id:count rtt:interval \
         query:string qclass:count qclass_name:string qtype:count qtype_name:string rcode:count rcode_name:string AA:bool TC:bool \
         RD:bool RA:bool Z:count answers:vector[string] TTLs:vector[interval] rejected:bool",
    ),
];

#[test]
fn headers_are_those_of_zeek_and_a_folder_that_is_not_there_is_made() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/logs");
    let capture = common::cabinet().join("dns_plain.pcap");
    intransit(&["inspect", "-q", "--format", "zeek", "-o", folder.to_str().unwrap(), capture.to_str().unwrap()]);
    for (log, published) in PUBLISHED {
        let text = fs::read_to_string(folder.join(format!("{log}.log"))).unwrap();
        let (names, kinds): (Vec<&str>, Vec<&str>) = published.split_whitespace().map(|field| field.split_once(':').unwrap()).unzip();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let expected = [
            "#separator \\x09".to_owned(),
            "#set_separator\t,".to_owned(),
            "#empty_field\t(empty)".to_owned(),
            "#unset_field\t-".to_owned(),
            format!("#path\t{log}"),
            format!("#fields\t{}", names.join("\t")),
            format!("#types\t{}", kinds.join("\t")),
        ];
        assert_eq!(head, expected, "{log}");
        zeek(&folder.join(format!("{log}.log")));
    }
}

/// Whether a value is what Suricata's etc/schema.json says of it; objects take no other members there.
fn fits(what: &str, value: &Value) -> Result<(), String> {
    let hash = |value: &Value| object("ja3", value, &[("hash", "string"), ("string", "string")]);
    let sound = match what {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "strings" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        "numbers" => value.as_array().is_some_and(|list| list.iter().all(Value::is_number)),
        "hash" => return hash(value),
        "certificate" => {
            return object(
                "tls.client",
                value,
                &[
                    ("fingerprint", "string"),
                    ("issuerdn", "string"),
                    ("notafter", "string"),
                    ("notbefore", "string"),
                    ("serial", "string"),
                    ("subject", "string"),
                    ("subjectaltname", "strings"),
                ],
            );
        }
        "tls" => {
            return object(
                "tls",
                value,
                &[
                    ("client", "certificate"),
                    ("client_alpns", "strings"),
                    ("server_alpns", "strings"),
                    ("fingerprint", "string"),
                    ("from_proto", "string"),
                    ("issuerdn", "string"),
                    ("subjectaltname", "strings"),
                    ("notafter", "string"),
                    ("notbefore", "string"),
                    ("serial", "string"),
                    ("session_resumed", "boolean"),
                    ("sni", "string"),
                    ("subject", "string"),
                    ("version", "string"),
                    ("ja3", "hash"),
                    ("ja3s", "hash"),
                    ("ja4", "string"),
                ],
            );
        }
        "quic" => {
            return object(
                "quic",
                value,
                &[("ja3", "hash"), ("ja3s", "hash"), ("ja4", "string"), ("sni", "string"), ("ua", "string"), ("version", "string")],
            );
        }
        "flow" => {
            return object(
                "flow",
                value,
                &[
                    ("action", "string"),
                    ("age", "integer"),
                    ("alerted", "boolean"),
                    ("bytes_toclient", "integer"),
                    ("bytes_toserver", "integer"),
                    ("end", "string"),
                    ("pkts_toclient", "integer"),
                    ("pkts_toserver", "integer"),
                    ("reason", "string"),
                    ("start", "string"),
                    ("state", "string"),
                ],
            );
        }
        _ => false,
    };
    if sound { Ok(()) } else { Err(format!("{value} is no {what}")) }
}

fn object(name: &str, value: &Value, members: &[(&str, &str)]) -> Result<(), String> {
    for (key, member) in value.as_object().ok_or_else(|| format!("{name} is no object"))? {
        let (_, kind) = members.iter().find(|(known, _)| known == key).ok_or_else(|| format!("{name} has no {key}"))?;
        fits(kind, member).map_err(|why| format!("{name}.{key}: {why}"))?;
    }
    Ok(())
}

/// `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$`
fn is_time(text: &str) -> bool {
    let Some((seconds, rest)) = text.split_once('.') else { return false };
    let Some((fraction, zone)) = rest.split_once(['+', '-']) else { return false };
    let shape: String = seconds.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    shape == "0000-00-00T00:00:00" && digits(fraction) && digits(zone)
}

#[test]
fn eve_is_what_suricatas_schema_allows() {
    let top = [
        ("timestamp", "string"),
        ("event_type", "string"),
        ("flow_id", "integer"),
        ("pcap_cnt", "integer"),
        ("pcap_filename", "string"),
        ("vlan", "numbers"),
        ("src_ip", "string"),
        ("src_port", "integer"),
        ("dest_ip", "string"),
        ("dest_port", "integer"),
        ("proto", "string"),
        ("app_proto", "string"),
        ("community_id", "string"),
        ("tls", "tls"),
        ("quic", "quic"),
        ("flow", "flow"),
    ];
    let mut captures = common::cabinet_captures();
    captures
        .extend(common::corpus("the corpus; only the cabinet's events are checked").iter().flat_map(|root| common::corpus_captures(root)));
    let counts = std::sync::Mutex::new(BTreeMap::<String, u64>::new());
    common::each(&captures, |path| {
        let Ok(analysis) = common::analyse_with_keys(path, 1) else { return };
        for line in common::written(&analysis, "x.pcap", "eve").lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            object("event", &event, &top).unwrap_or_else(|why| panic!("{}: {why}: {line}", common::short(path)));
            let kind = event["event_type"].as_str().unwrap();
            assert!(event[kind].is_object() && is_time(event["timestamp"].as_str().unwrap()), "{line}");
            assert!(event["src_ip"].as_str().unwrap().parse::<std::net::IpAddr>().is_ok() && event["flow_id"].as_u64().unwrap() < 1 << 53);
            *counts.lock().unwrap().entry(kind.to_owned()).or_default() += 1;
        }
    });
    let counts = counts.into_inner().unwrap();
    println!("events that Suricata's schema allows: {counts:?}");
    assert!(["flow", "tls", "quic"].iter().all(|kind| counts[*kind] > 5), "{counts:?}");
}

#[test]
fn zeeks_logs_agree_with_zeek_and_the_truth_of_the_corpus_field_by_field() {
    let Some(corpus) = common::corpus("Zeek's logs against the truth") else { return };
    let (mut agreed, mut known, mut wrong) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new(), Vec::new());
    for truth in common::files_under(&corpus.join("truth")) {
        let text = fs::read_to_string(&truth).unwrap();
        let name = truth.strip_prefix(corpus.join("truth")).unwrap().with_extension("");
        let capture = corpus.join("captures").join(&name);
        let Ok(analysis) = common::analyse_with_keys(&capture, 1) else { continue };
        let lines = |format| common::written(&analysis, "x", format);
        let parse = |text: String| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
        let (records, flows) = (parse(lines("zeek")), parse(lines("jsonl")));
        let conns: Vec<&Value> = records.iter().filter(|record| record["_path"] == "conn").collect();
        let truths: Vec<Value> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|line| line["record"] == "flow").collect();
        for flow in &truths {
            let expect = &flow["expect"];
            let id = &expect["network.community_id"];
            // Of addresses and ports that were used again, it is not known here which is which.
            let ours: Vec<usize> = (0..conns.len()).filter(|&at| conns[at]["community_id"] == *id).collect();
            let [at] = ours.as_slice() else { continue };
            if truths.iter().filter(|other| other["expect"]["network.community_id"] == *id).count() != 1 {
                continue;
            }
            let (conn, json) = (conns[*at], &flows[*at]);
            let uid = &conn["uid"];
            let of =
                |path: &str| records.iter().find(|record| record["_path"] == path && record["uid"] == *uid).cloned().unwrap_or_default();
            let (ssl, quic) = (of("ssl"), of("quic"));
            let fingerprint = &ssl["cert_chain_fps"][0];
            let x509 =
                records.iter().find(|record| record["_path"] == "x509" && !fingerprint.is_null() && record["fingerprint"] == *fingerprint);
            let x509 = x509.cloned().unwrap_or_default();
            let mut compare = |field: &'static str, said: Value, ours: &Value, in_json: &Value, in_truth: &Value| {
                if said.is_null() {
                    return;
                }
                if *ours == said {
                    *agreed.entry(field).or_default() += 1;
                } else if !in_json.is_null() && in_json == in_truth || in_truth.is_null() {
                    wrong.push(format!("{}: {field}: {said}, we say {ours}", name.display()));
                } else {
                    // Not a matter of the log: the JSON output differs from the truth too, and tests/corpus.rs judges that.
                    *known.entry(field).or_default() += 1;
                }
            };
            compare("conn.service", flow["second_opinions"]["zeek_service"].clone(), &conn["service"], &Value::Null, &Value::Null);
            compare(
                "conn.proto",
                expect["network.transport"].clone(),
                &conn["proto"],
                &json["network"]["transport"],
                &expect["network.transport"],
            );
            let packets = conn["orig_pkts"].as_u64().unwrap() + conn["resp_pkts"].as_u64().unwrap();
            compare("conn.pkts", flow["packets"].clone(), &packets.into(), &json["network"]["packets"], &flow["packets"]);
            let t = |key: &str| &expect[key];
            let version = match (t("tls.version_protocol").as_str(), t("tls.version").as_str(), t("tls.version_detail").as_str()) {
                (Some(_), Some("1.3"), Some(detail)) if detail.starts_with("draft-") => {
                    Value::from(format!("TLSv13-draft{}", &detail[6..]))
                }
                (Some("ssl"), Some(number), _) => format!("SSLv{}", &number[..1]).into(),
                (Some("dtls"), Some(number), _) => format!("DTLSv{}", number.replace('.', "")).into(),
                (Some(_), Some(number), _) => format!("TLSv{}", number.replace('.', "")).into(),
                _ => Value::Null,
            };
            let tls = &json["tls"];
            compare("ssl.version", version, &ssl["version"], &tls["version"], t("tls.version"));
            for (field, key, in_json) in [
                ("cipher", "tls.cipher", &tls["cipher"]),
                ("curve", "tls.curve", &tls["curve"]),
                ("server_name", "tls.client.server_name", &tls["client"]["server_name"]),
                ("next_protocol", "tls.next_protocol", &tls["next_protocol"]),
                ("resumed", "tls.resumed", &tls["resumed"]),
            ] {
                // Google's own QUIC carries no TLS.
                if !ssl.is_null() || quic.is_null() && conn["service"] != "quic" {
                    compare(field, t(key).clone(), &ssl[field], in_json, t(key));
                }
            }
            let sha256 = &tls["server"]["hash"]["sha256"];
            compare("ssl.cert_chain_fps", t("tls.server.hash.sha256").clone(), fingerprint, sha256, t("tls.server.hash.sha256"));
            compare("quic.version", t("quic.version").clone(), &quic["version"], &json["quic"]["version"], t("quic.version"));
            compare(
                "quic.server_name",
                if quic.is_null() { Value::Null } else { t("tls.client.server_name").clone() },
                &quic["server_name"],
                &tls["client"]["server_name"],
                t("tls.client.server_name"),
            );
            let (server, of_cert) = (&tls["server"], |key: &str| &expect[format!("tls.server.{key}")]);
            let upper = |value: &Value| value.as_str().map_or(Value::Null, |text| text.trim_start_matches('0').to_uppercase().into());
            let serial = upper(of_cert("x509.serial_number"));
            compare("x509.serial", serial.clone(), &upper(&x509["certificate.serial"]), &upper(&server["x509"]["serial_number"]), &serial);
            let seconds = |value: &Value| value.as_str().map_or(Value::Null, |text| epoch(text).into());
            for (field, key) in [("certificate.not_valid_before", "not_before"), ("certificate.not_valid_after", "not_after")] {
                compare(field, seconds(of_cert(key)), &x509[field], &seconds(&server[key]), &seconds(of_cert(key)));
            }
            compare(
                "x509.key_length",
                of_cert("x509.public_key_size").clone(),
                &x509["certificate.key_length"],
                &server["x509"]["public_key_size"],
                of_cert("x509.public_key_size"),
            );
            let of_openssl = |value: &Value| match value.as_str() {
                Some("rsa") => "rsaEncryption".into(),
                Some("ec") => "id-ecPublicKey".into(),
                Some("SHA1-RSA") => "sha1WithRSAEncryption".into(),
                Some("SHA256-RSA") => "sha256WithRSAEncryption".into(),
                Some("SHA384-RSA") => "sha384WithRSAEncryption".into(),
                Some("SHA512-RSA") => "sha512WithRSAEncryption".into(),
                Some("ECDSA-SHA256") => "ecdsa-with-SHA256".into(),
                Some("ECDSA-SHA384") => "ecdsa-with-SHA384".into(),
                _ => Value::Null,
            };
            for (field, key) in [("certificate.key_alg", "x509.public_key_algorithm"), ("certificate.sig_alg", "x509.signature_algorithm")]
            {
                let said = of_openssl(of_cert(key));
                compare(field, said.clone(), &x509[field], &of_openssl(&server["x509"][&key[5..]]), &said);
            }
        }
    }
    println!("Zeek's fields that agree: {agreed:?}; that differ as the JSON output does: {known:?}");
    assert!(wrong.is_empty(), "{} fields: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
    assert!(agreed.values().sum::<u64>() > 10_000 && agreed["conn.service"] == 5, "{agreed:?}");
}

/// Seconds since 1970 of `2018-03-24T07:15:42Z`, as a JSON number.
fn epoch(text: &str) -> f64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days from civil, with March as the first month.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468;
    (days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19)) as f64
}
