//! What keys open: the same bytes as tshark opens, however the records are cut, with a reason for every record that stays closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use intransit::dissect::plain::Channel;
use intransit::flow::Transport;
use serde_json::Value;

/// tshark's words, or nothing where it is not installed.
fn tshark(arguments: &[&str]) -> Option<String> {
    let done = Command::new("tshark").args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// What tshark shows when it follows the TLS of the first `count` TCP connections: the bytes of both sides, in either order.
fn followed(path: &str, keylog: &str, count: usize) -> Vec<[Vec<u8>; 2]> {
    let keys = format!("tls.keylog_file:{keylog}");
    let follow: Vec<String> = (0..count).flat_map(|n| ["-z".to_owned(), format!("follow,tls,raw,{n}")]).collect();
    let mut arguments = vec!["-r", path, "-o", &keys, "-o", "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==6667,tls", "-q"];
    arguments.extend(follow.iter().map(String::as_str));
    let out = tshark(&arguments).unwrap_or_default();
    let mut found = vec![[Vec::new(), Vec::new()]; count];
    let mut at = 0;
    for line in out.lines() {
        if let Some(n) = line.strip_prefix("Filter: tcp.stream eq ") {
            at = n.parse().unwrap();
            continue;
        }
        let (side, digits) = match line.strip_prefix('\t') {
            Some(digits) => (1, digits),
            None => (0, line),
        };
        let octets = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok()));
        if let Some(octets) = octets.collect::<Option<Vec<u8>>>().filter(|_| !digits.is_empty()) {
            found[at][side].extend(octets);
        }
    }
    found
}

fn is_tls(channel: Channel) -> bool {
    matches!(channel, Channel::Tls(_))
}

/// Captures that tshark 4.0 does not follow: what is inside is checked by its canary in the cabinet's table.
const NOT_BY_TSHARK: &[(&str, &str)] = &[
    ("ech_accepted", "the secrets are filed under the inner hello's random"),
    ("ech_matches_config", "the secrets are filed under the inner hello's random"),
    ("ech_rejected", "the secrets of its second connection are filed under the inner hello's random"),
    ("form_xz", "tshark does not read xz"),
    ("ftp_starttls", "tshark takes the TLS of the data connection for plain FTP data"),
];

/// One of each kind of record; all captures are compared where the environment has `INTRANSIT_TSHARK=all`.
const SAMPLE: [&str; 12] = [
    "ssl3",
    "tls10",
    "tls10_rc4",
    "tls11",
    "tls12_3des",
    "tls12_cbc_etm",
    "tls12_gcm",
    "tls12_resumed",
    "tls13_0rtt",
    "tls13_chacha",
    "tls13_hrr",
    "form_reordered",
];

#[test]
fn the_bytes_inside_tls_are_those_that_tshark_opens() {
    if tshark(&["--version"]).is_none() {
        return println!("skipped: comparing with tshark, which is not installed");
    }
    let all = std::env::var_os("INTRANSIT_TSHARK").is_some_and(|which| which == "all");
    let (mut same, mut octets, mut wrong) = (0, 0, Vec::new());
    for path in common::cabinet_captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let stem = name.split(".pcap").next().unwrap();
        let keylog = path.with_file_name(format!("{stem}.keylog"));
        let wanted = all && !NOT_BY_TSHARK.iter().any(|(known, _)| *known == stem) || SAMPLE.contains(&stem);
        if !keylog.exists() || !wanted {
            continue;
        }
        let connections = common::analyse_file(&path, 1).unwrap();
        let tcp: Vec<u64> = connections.connections().filter(|c| c.transport == Transport::Tcp).map(|c| c.first_frame.get()).collect();
        let theirs = followed(path.to_str().unwrap(), keylog.to_str().unwrap(), tcp.len());
        let inside = common::inside::look_into(&path);
        for (frame, theirs) in tcp.iter().zip(&theirs) {
            let Some(inside) = inside.get(frame) else { continue };
            let mut ours: Vec<&Vec<u8>> =
                inside.bytes.iter().filter(|(channel, _)| is_tls(**channel)).flat_map(|(_, sides)| sides).collect();
            let mut theirs: Vec<&Vec<u8>> = theirs.iter().collect();
            ours.resize(2, const { &Vec::new() });
            ours.sort();
            theirs.sort();
            if ours == theirs {
                same += usize::from(!ours[1].is_empty());
                octets += ours[0].len() + ours[1].len();
            } else {
                let lengths = |sides: &[&Vec<u8>]| sides.iter().map(|side| side.len()).collect::<Vec<_>>();
                wrong.push(format!("{name} from frame {frame}: {:?}, tshark {:?}", lengths(&ours), lengths(&theirs)));
            }
        }
    }
    println!("{same} TLS connections, {octets} octets the same as tshark's");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= if all { 80 } else { SAMPLE.len() }, "{same}");
}

/// Captures with keys in which something stays closed, and why.
const NOT_WHOLE: &[(&str, &str)] =
    &[("demo", "two of its connections have no key"), ("form_snaplen96", "the capture cut its packets short")];

#[test]
fn every_record_of_a_capture_with_its_keys_opens() {
    let (mut opened, mut wrong) = (0, Vec::new());
    for path in common::cabinet_captures().into_iter().filter(|path| common::keylog(path).is_some()) {
        let name = common::short(&path);
        let inside = common::inside::look_into(&path);
        for (frame, inside) in &inside {
            assert!(inside.closed, "{name}: the connection from frame {frame} was not closed");
            for (dir, tally) in [("client", &inside.books.client), ("server", &inside.books.server)] {
                opened += tally.opened;
                if !tally.is_whole() && !NOT_WHOLE.iter().any(|(known, _)| name.contains(known)) {
                    wrong.push(format!("{name} from frame {frame}, {dir}: {tally:?}"));
                }
            }
        }
    }
    println!("{opened} records and packets opened");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What tshark finds in the STREAM frames of each UDP stream, both sides, in either order.
fn in_streams(path: &str, keylog: &str) -> BTreeMap<u64, [Vec<u8>; 2]> {
    let keys = format!("tls.keylog_file:{keylog}");
    let fields = ["frame.number", "udp.stream", "udp.srcport", "quic.stream_data"].into_iter().flat_map(|field| ["-e", field]);
    let arguments = ["-r", path, "-o", &keys, "-d", "udp.port==853,quic", "-Y", "quic", "-T", "fields"];
    let out = tshark(&arguments.into_iter().chain(fields).collect::<Vec<_>>()).unwrap_or_default();
    let mut found: BTreeMap<&str, (u64, BTreeMap<&str, Vec<u8>>)> = BTreeMap::new();
    for line in out.lines() {
        let [frame, stream, port, data] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let (_, sides) = found.entry(stream).or_insert_with(|| (frame.parse().unwrap(), BTreeMap::new()));
        let digits = data.replace([',', ':'], "");
        let octets = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        sides.entry(port).or_default().extend(octets);
    }
    let pair = |sides: BTreeMap<&str, Vec<u8>>| {
        let mut sides = sides.into_values();
        [sides.next().unwrap_or_default(), sides.next().unwrap_or_default()]
    };
    found.into_values().map(|(frame, sides)| (frame, pair(sides))).collect()
}

#[test]
fn the_bytes_inside_quic_are_those_that_tshark_opens() {
    if tshark(&["--version"]).is_none() {
        return println!("skipped: comparing with tshark, which is not installed");
    }
    let (mut same, mut wrong) = (0, Vec::new());
    // tshark 4.0 opens nothing after a Retry, and does not follow a connection to another port.
    for name in ["quic_v1_h3", "quic_v2_h3", "quic_0rtt", "quic_compatible", "quic_long_hello", "chromium_h3", "dns_doq"] {
        let path = common::cabinet().join(format!("{name}.pcap"));
        let keylog = path.with_extension("keylog");
        let inside = common::inside::look_into(&path);
        for (frame, mut theirs) in in_streams(path.to_str().unwrap(), keylog.to_str().unwrap()) {
            let mut ours = inside[&frame].all.clone();
            ours.sort();
            theirs.sort();
            same += usize::from(ours == theirs && !ours[1].is_empty());
            if ours != theirs {
                let lengths = |sides: &[Vec<u8>; 2]| sides.iter().map(Vec::len).collect::<Vec<_>>();
                wrong.push(format!("{name} from frame {frame}: {:?}, tshark {:?}", lengths(&ours), lengths(&theirs)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 8, "{same}");
}

#[test]
fn what_tshark_does_not_open_holds_what_was_sent() {
    let table = std::fs::read_to_string(common::cabinet().join("README.md")).unwrap();
    let names = ["ech_accepted", "ech_matches_config", "ech_rejected", "quic_retry", "ftp_starttls", "form_xz"];
    let datagrams = ["dtls12", "dtls12_cookie", "dtls13_cid", "dtls_srtp", "dtls_srtp_turn"];
    for name in names.into_iter().chain(datagrams) {
        let row = table.lines().find(|line| line.starts_with(&format!("| {name}.pcap"))).unwrap();
        let phrase = row.split("canary.message=").nth(1).unwrap().split(' ').next().unwrap();
        let file = row.split(' ').nth(1).unwrap();
        let inside = common::inside::look_into(&common::cabinet().join(file));
        let holds = |bytes: &[u8]| bytes.windows(phrase.len()).any(|window| window == phrase.as_bytes());
        let found = inside.values().flat_map(|inside| &inside.bytes).filter(|(_, sides)| sides.iter().any(|side| holds(side)));
        let channels: Vec<String> = found.map(|(channel, _)| channel.to_string()).collect();
        let encrypted = channels.iter().any(|channel| !matches!(channel.as_str(), "TCP" | "UDP"));
        assert!(encrypted, "{file}: {phrase} is in {channels:?}");
    }
}

#[test]
fn secrets_in_the_captures_of_the_corpus_show_what_its_truth_expects_of_them() {
    let Some(root) = common::corpus("what the truth expects with keys") else { return };
    let mut checked = 0;
    for truth in common::files_under(&root.join("truth")) {
        let text = std::fs::read_to_string(&truth).unwrap();
        let name = truth.strip_prefix(root.join("truth")).unwrap().with_extension("");
        for line in text.lines().filter(|line| line.contains("\"expect_if_decrypted\"")) {
            let flow: Value = serde_json::from_str(line).unwrap();
            let analysis = common::analyse_with_keys(&root.join("captures").join(&name), 1).unwrap();
            let lines = common::jsonl(&analysis, "x");
            let ours: Value = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .find(|ours| ours["intransit"]["first_frame"] == flow["first_frame"])
                .unwrap();
            for (key, expected) in flow["expect_if_decrypted"].as_object().unwrap() {
                let got = key.split('.').fold(&ours, |value, part| &value[part]);
                // Distinguished names may be written in either order.
                let parts = |value: &Value| {
                    let mut parts: Vec<String> = value.as_str().unwrap_or_default().split(',').map(|part| part.trim().to_owned()).collect();
                    parts.sort();
                    parts
                };
                assert_eq!(parts(got), parts(expected), "{}: {key}", name.display());
                checked += 1;
            }
        }
    }
    println!("{checked} values");
    assert!(checked >= 12, "{checked}");
}

#[test]
fn captures_of_the_corpus_with_secrets_open() {
    let Some(root) = common::corpus("opening the captures that hold secrets") else { return };
    for name in
        ["foxio/http2-with-cookies.pcapng", "foxio/chrome-cloudflare-quic-with-secrets.pcapng", "ndpi/doq.pcapng", "ndpi/quic-33.pcapng"]
    {
        let path = root.join("captures").join(name);
        let inside = common::inside::look_into(&path);
        for (frame, inside) in inside {
            let books = [inside.books.client, inside.books.server];
            assert!(books.iter().all(|tally| tally.opened > 0 && tally.seen == tally.opened), "{name} from frame {frame}: {books:?}");
        }
    }
}
