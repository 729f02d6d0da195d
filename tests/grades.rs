//! The grades over the whole corpus, held against its ground truth, which was made with another program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;

use intransit::assess::{Grade, Judged};
use intransit::base::Kind;
use serde_json::Value;

/// Dissections of tshark whose payload anyone can read. A connection that only these describe must never be `protected`.
const READABLE: &[&str] = &[
    "http", "dns", "mdns", "llmnr", "dhcp", "bootp", "smtp", "imap", "pop", "ftp", "irc", "nntp", "sip", "xmpp", "mqtt", "ldap", "mysql",
    "pgsql", "telnet", "ntp", "ssdp", "nbns", "snmp", "rtsp", "syslog", "redis",
];

/// A connection of the truth and what we say of it.
struct Pair<'a> {
    file: String,
    truth: &'a Value,
    ours: &'a Judged,
}

impl Pair<'_> {
    fn expects(&self, name: &str) -> Option<&str> {
        self.truth["expect"][name].as_str()
    }

    fn dissected(&self) -> Vec<&str> {
        self.truth["expect"]["tshark.protocols"].as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    fn is_sure(&self) -> bool {
        self.truth["confidence"] == "high"
    }

    fn told(&self) -> String {
        format!("{} #{}: {} ({})", self.file, self.ours.first_frame, self.ours.judgement.grade.word(), self.ours.judgement.why)
    }
}

/// Calls `look` with every connection of the corpus that the truth knows too.
fn each_pair(root: &Path, look: impl Fn(&Pair<'_>) + Sync) {
    common::each(&common::corpus_captures(root), |path| {
        let name = path.strip_prefix(root.join("captures")).unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(root.join("truth").join(format!("{name}.jsonl"))) else { return };
        let Ok(analysis) = common::analyse_file(path, 1) else { return };
        let mut ours: HashMap<(u64, String), Judged> = HashMap::new();
        for judged in analysis.judged() {
            ours.insert((judged.first_frame.get(), judged.server.port.to_string()), judged);
        }
        for truth in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|truth| truth["record"] == "flow") {
            let first = truth["first_frame"].as_u64().unwrap();
            let found = ["source", "destination"].iter().find_map(|end| ours.get(&(first, truth[*end]["port"].to_string())));
            if let Some(ours) = found {
                look(&Pair { file: name.clone(), truth: &truth, ours });
            }
        }
    });
}

fn found(root: &Path, is_wrong: impl Fn(&Pair<'_>) -> bool + Sync) -> (usize, Vec<String>) {
    let (seen, wrong) = (Mutex::new(0), Mutex::new(Vec::new()));
    each_pair(root, |pair| {
        *seen.lock().unwrap() += 1;
        if is_wrong(pair) {
            wrong.lock().unwrap().push(pair.told());
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    (seen.into_inner().unwrap(), wrong)
}

#[test]
fn nothing_that_anyone_can_read_is_called_protected() {
    let Some(root) = common::corpus("readable protocols are never protected") else { return };
    let (seen, wrong) = found(&root, |pair| {
        let layers = pair.dissected();
        let secured = layers.iter().any(|layer| matches!(*layer, "tls" | "quic" | "dtls" | "ssh" | "wg" | "gquic"));
        // Upgraded, tunnelled or opened with the capture's own secrets: the truth knows the TLS underneath.
        let secured = secured || pair.expects("tls.version").is_some();
        let readable = layers.iter().any(|layer| READABLE.contains(layer));
        readable && !secured && pair.ours.judgement.grade == Grade::Protected
    });
    println!("{seen} connections looked at");
    assert!(seen > 3000 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_connection_of_tls_1_1_or_older_is_better_than_weak() {
    let Some(root) = common::corpus("old versions are weak") else { return };
    let (_, wrong) = found(&root, |pair| {
        let old = matches!(pair.expects("tls.version"), Some("1.0" | "1.1" | "SSLv3" | "SSLv2" | "2.0" | "3.0"));
        // TLS over a VPN's control channel says nothing of the VPN's data, which are judged as the VPN's own.
        let tunnel = pair.ours.facts.has(Kind::TlsTunnel) && pair.ours.judgement.grade == Grade::Custom;
        old && !tunnel && pair.ours.judgement.grade == Grade::Protected
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_on_port_443_is_called_tls_that_another_program_knows_as_something_else() {
    let Some(root) = common::corpus("ports prove nothing") else { return };
    let (_, wrong) = found(&root, |pair| {
        let layers = pair.dissected();
        let tls = layers.iter().any(|layer| matches!(*layer, "tls" | "ssl" | "dtls" | "quic" | "gquic"))
            || pair.expects("tls.version_protocol").is_some();
        pair.is_sure() && pair.ours.server.port == 443 && !tls && !layers.is_empty() && matches!(pair.ours.protocol(), Some("tls"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_modern_connections_raise_no_false_alarm() {
    let Some(root) = common::corpus("false alarms") else { return };
    let weak = Mutex::new(BTreeMap::new());
    let (_, wrong) = found(&root, |pair| {
        let modern = matches!(pair.expects("tls.version"), Some("1.2" | "1.3"));
        if !modern || !pair.is_sure() {
            return false;
        }
        let judgement = &pair.ours.judgement;
        if judgement.grade == Grade::Weak {
            let norm = judgement.findings.iter().find(|finding| finding.rule.severity >= intransit::assess::Severity::Medium);
            *weak.lock().unwrap().entry(norm.map_or("none", |finding| finding.rule.id)).or_insert(0) += 1;
            return norm.is_none_or(|finding| !finding.rule.norm.contains("RFC"));
        }
        // STARTTLS with something that matters before it is the one honest reason.
        judgement.grade == Grade::Exposed && !pair.ours.facts.has(Kind::StartTls)
    });
    println!("weak by rule: {:?}", weak.lock().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_media_of_messengers_calls_are_never_called_readable() {
    let Some(root) = common::corpus("calls") else { return };
    let calls = ["signal", "stun_wa_call", "whatsapp_login_call", "snapchat_call", "stun_google_meet"];
    let (_, wrong) = found(&root, |pair| {
        let of_a_call = calls.iter().any(|name| pair.file.contains(name));
        let media = matches!(pair.ours.protocol(), Some("rtp" | "srtp" | "rtcp"))
            || pair.dissected().iter().any(|l| matches!(*l, "rtp" | "srtp" | "rtcp"));
        of_a_call && media && pair.ours.judgement.grade == Grade::Exposed
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
