//! The canary test over the cabinet: real software, real keys, and the answer each row promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use intransit::assess::canary::{Asked, Canary, Lacks, Reason, Verdict, bits, looked};
use intransit::base::Timestamp;
use intransit::dissect::inside::{Gathered, Keep, Needles, Quest};
use intransit::dissect::keys::Keys;
use intransit::dissect::{Equipment, Patience};
use intransit::engine;
use intransit::source;

/// The rows of captures/README.md that have a canary: name to value, and the file.
fn rows() -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(common::cabinet().join("README.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let mut row: BTreeMap<String, String> =
            cells[4].split("; ").filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
        row.insert("file".into(), cells[0].into());
        row
    };
    text.lines()
        .filter(|line| line.starts_with("| ") && line.contains("canary="))
        .map(row)
        .filter(|row| row.contains_key("canary.message"))
        .collect()
}

fn row(file: &str) -> BTreeMap<String, String> {
    rows().into_iter().find(|row| row["file"] == file).unwrap()
}

/// What the test says of a capture with these keys.
fn canary_of(bytes: Vec<u8>, keylog: &[u8], message: &str, controls: &[String], since: Option<Timestamp>) -> Canary {
    let keys = Keys::default();
    keys.add_log(keylog);
    let gathered = Gathered::default();
    let needles = Needles::new(message, controls).unwrap();
    let asked = Asked { bits: bits(message), since, controls: controls.len(), room: needles.room() };
    let sinks = Some(gathered.sinks(Quest { needles, since, keep: Keep::Masked }));
    let equipment = Equipment { sinks, ..Equipment::with_keys(Arc::new(keys)) };
    let open = || source::read(Cursor::new(bytes.clone()), None);
    let analysis = engine::analyse_twice(open, common::options(1), &equipment, &mut |_| {}).unwrap();
    let lacks = Lacks {
        damaged_at: analysis.capture.damage.as_ref().map(|d| d.at),
        evicted: analysis.finished.counts().evicted + analysis.finished.counts().unread,
        lost: analysis.capture.dropped.unwrap_or(0),
        ..Lacks::default()
    };
    Canary::conclude(&asked, &lacks, looked(analysis.judged(), gathered.take()))
}

fn path(row: &BTreeMap<String, String>) -> std::path::PathBuf {
    common::cabinet().join(&row["file"])
}

fn controls(row: &BTreeMap<String, String>) -> Vec<String> {
    row.get("canary.control").into_iter().cloned().collect()
}

fn keys(path: &Path) -> Vec<u8> {
    common::keylog(path).unwrap_or_default()
}

#[test]
fn every_row_with_a_canary_gives_its_verdict() {
    let (mut wrong, mut held) = (Vec::new(), 0);
    for row in rows() {
        let path = path(&row);
        let canary = canary_of(std::fs::read(&path).unwrap(), &keys(&path), &row["canary.message"], &controls(&row), None);
        let expected = row["canary"].as_str();
        if canary.verdict.word() == expected {
            held += 1;
        } else {
            wrong.push(format!("{}: expected {expected}, got {}: {:?}", row["file"], canary.verdict.word(), canary.reasons));
        }
    }
    println!("{held} rows hold");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(held > 100);
}

/// The chains and frames of some hits, as they were read once by hand; of these only the requests of Matrix were looked up with tshark too.
#[test]
fn hits_name_their_layers_and_frames() {
    for (file, chain, frame) in [
        ("http_plain.pcap", "TCP › HTTP/1 request 2 › JSON $.text", 19),
        ("ws_tls13_pmd.pcap", "TLS 1.3 › WebSocket message 3 › inflate › JSON $.text", 17),
        ("chromium_h2.pcap", "TLS 1.3 › HTTP/2 stream 3 › JSON $.text", 83),
        ("rust_h2.pcap", "TLS 1.3 › HTTP/2 stream 1 › JSON $.text", 10),
        ("mqtt_wss.pcap", "TLS 1.3 › WebSocket message 2 › MQTT PUBLISH message 2", 20),
        ("matrix_plain.pcap", "TLS 1.3 › HTTP/1 request 5 › JSON $.body", 31),
        ("xmpp_starttls.pcap", "TLS 1.3 › XMPP message 8", 33),
        ("mail_plain_in_tls.pcap", "TLS 1.3 › SMTP", 44),
    ] {
        let row = row(file);
        let path = path(&row);
        let canary = canary_of(std::fs::read(&path).unwrap(), &keys(&path), &row["canary.message"], &[], None);
        let hits: Vec<_> = canary.channels.iter().flat_map(|channel| &channel.hits).collect();
        let is_it = hits.iter().any(|hit| hit.chain == chain && hit.evidence.first().get() == frame);
        assert!(is_it, "{file}: {hits:#?}");
    }
}

/// The end-to-end captures, each spoilt in one way.
#[test]
fn what_is_missing_makes_not_seen_inconclusive_with_its_reason() {
    for file in ["xmpp_starttls_omemo.pcap", "matrix_e2ee.pcap", "mail_openpgp.pcap"] {
        let row = row(file);
        let path = path(&row);
        let (bytes, keys, message) = (std::fs::read(&path).unwrap(), keys(&path), &row["canary.message"]);
        let says = |canary: &Canary, verdict: Verdict, reason: &str| {
            assert_eq!(canary.verdict, verdict, "{file}, {reason}: {:?}", canary.reasons);
            assert!(reason.is_empty() || canary.reasons.iter().any(|r| r.contains(reason)), "{file}: {reason}: {:?}", canary.reasons);
        };
        says(&canary_of(bytes.clone(), &keys, message, &controls(&row), None), Verdict::NotSeen, "");
        says(&canary_of(bytes.clone(), &[], message, &controls(&row), None), Verdict::Inconclusive, "no key");
        says(&canary_of(bytes.clone(), &keys, message, &[], None), Verdict::Inconclusive, "no control");
        says(
            &canary_of(bytes.clone(), &keys, message, &["never-said-anywhere".into()], None),
            Verdict::Inconclusive,
            "control 1 was not found",
        );
        says(&canary_of(bytes.clone(), &keys, "hello", &controls(&row), None), Verdict::Inconclusive, "bits");
        // The file ends in the middle of a packet.
        says(&canary_of(bytes[..bytes.len() - 20].to_vec(), &keys, message, &controls(&row), None), Verdict::Inconclusive, "breaks off");
        // A packet of the encrypted part is missing.
        let lost = without_a_packet(&bytes, |len| len > 400, 12);
        says(&canary_of(lost, &keys, message, &controls(&row), None), Verdict::Inconclusive, "missing");
    }
}

/// A pcap file (little-endian, as the cabinet's are) without one packet: the first behind the `after`th that `is_it`.
fn without_a_packet(bytes: &[u8], is_it: impl Fn(usize) -> bool, after: usize) -> Vec<u8> {
    let (mut out, mut at, mut n, mut dropped) = (bytes[..24].to_vec(), 24, 0, false);
    while at + 16 <= bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        n += 1;
        if !dropped && n > after && is_it(len) {
            dropped = true;
        } else {
            out.extend(&bytes[at..at + 16 + len]);
        }
        at += 16 + len;
    }
    assert!(dropped);
    out
}

#[test]
fn a_phrase_that_was_there_before_it_was_sent_proves_nothing() {
    let row = row("http_plain.pcap");
    let bytes = std::fs::read(path(&row)).unwrap();
    let late = Timestamp::parse("2099-01-01T00:00:00Z");
    let canary = canary_of(bytes.clone(), &[], &row["canary.message"], &[], late);
    assert_eq!(canary.verdict, Verdict::Inconclusive);
    assert!(canary.reasons.iter().any(|r| r.starts_with("phrase known earlier")), "{:?}", canary.reasons);
    let early = Timestamp::parse("2001-01-01T00:00:00Z");
    assert_eq!(canary_of(bytes, &[], &row["canary.message"], &[], early).verdict, Verdict::Readable);
}

/// What the test says of a capture whose keys come behind its last packet, with room for so many octets that wait for them.
fn canary_with_late_keys(row: &BTreeMap<String, String>, room: u64) -> Canary {
    let path = path(row);
    let (mut bytes, log, message) = (std::fs::read(&path).unwrap(), keys(&path), &row["canary.message"]);
    // TCP connections stay open until the keys are there.
    let mut at = 24;
    while let Some(len) = bytes.get(at + 8..at + 12) {
        let len = u32::from_le_bytes(len.try_into().unwrap()) as usize;
        if bytes[at + 16 + 23] == 6 {
            bytes[at + 16 + 47] &= !0x05;
        }
        at += 16 + len;
    }
    let gathered = Gathered::default();
    let needles = Needles::new(message, &[]).unwrap();
    let asked = Asked { bits: bits(message), since: None, controls: 0, room: needles.room() };
    let sinks = Some(gathered.sinks(Quest { needles, since: None, keep: Keep::Masked }));
    let keys = Arc::new(Keys::default());
    let equipment =
        Equipment { sinks, growing: true, patient: true, room: Arc::new(Patience::of(room)), ..Equipment::with_keys(Arc::clone(&keys)) };
    let mut source = source::read(Cursor::new(bytes), None).unwrap();
    let analysis = engine::analyse_with(&mut source, common::options(1), &equipment, &mut |_| keys.add_log(&log)).unwrap();
    Canary::conclude(&asked, &Lacks::default(), looked(analysis.judged(), gathered.take()))
}

#[test]
fn keys_that_come_after_the_packets_open_them_as_long_as_there_is_room_to_wait() {
    for file in ["tls13_aes128.pcap", "tls12_gcm.pcap", "dtls12.pcap", "dtls13_cid.pcap", "quic_v1_h3.pcap", "ws_tls13_pmd.pcap"] {
        let row = row(file);
        let canary = canary_with_late_keys(&row, 1 << 20);
        assert_eq!(canary.verdict, Verdict::Readable, "{file}: {:?}", canary.reasons);
        let canary = canary_with_late_keys(&row, 300);
        assert_eq!(canary.verdict, Verdict::Inconclusive, "{file}");
        assert!(canary.reasons.iter().any(|reason| reason.contains("keys came too late")), "{file}: {:?}", canary.reasons);
    }
}

/// Each datagram of application data that others of its side follow, left out in turn.
#[test]
fn a_missing_datagram_of_dtls_or_quic_is_told() {
    for (file, first) in [("dtls_srtp.pcap", 23..24), ("quic_v1_h3.pcap", 0x40..0x80)] {
        let row = row(file);
        let path = path(&row);
        let (bytes, keys) = (std::fs::read(&path).unwrap(), keys(&path));
        // Ethernet, IPv4 and UDP before it; whose it is, by its source port.
        let (mut at, mut data) = (24, Vec::new());
        for n in 0.. {
            let Some(len) = bytes.get(at + 8..at + 12) else { break };
            let packet = &bytes[at + 16..];
            if packet.len() > 42 && packet[23] == 17 && first.contains(&packet[42]) {
                data.push((n, packet[34..36].to_vec()));
            }
            at += 16 + u32::from_le_bytes(len.try_into().unwrap()) as usize;
        }
        let mut told = 0;
        for (place, (n, side)) in data.iter().enumerate() {
            if data[place + 1..].iter().filter(|(_, other)| other == side).count() < 2 {
                continue;
            }
            let lost = without_a_packet(&bytes, |_| true, *n);
            let canary = canary_of(lost, &keys, "thistle-never-said-55021-anywhere", &[], None);
            let reasons: Vec<String> = canary.channels.iter().flat_map(|c| &c.own_reasons).map(ToString::to_string).collect();
            let is_told = reasons.iter().any(|r| r.contains("gaps in which encrypted records are missing"));
            assert!(is_told, "{file}: packet {n} was left out: {reasons:?}");
            told += 1;
        }
        println!("{file}: {told} of {} datagrams left out, each told", data.len());
        assert!(told > 1, "{file}: {told} of {data:?}");
    }
}

/// After a migration on purpose the client uses a connection id that it was given under encryption (RFC 9000 §9.5).
#[test]
fn a_quic_connection_that_goes_on_from_another_address_is_looked_into_there() {
    let row = row("quic_migration.pcap");
    let path = path(&row);
    let (bytes, keys) = (std::fs::read(&path).unwrap(), keys(&path));
    let canary = canary_of(bytes.clone(), &keys, &row["canary.message"], &[], None);
    let moved = canary.channels.iter().find(|channel| channel.own_reasons.contains(&Reason::Moved)).unwrap();
    let own: Vec<u64> = (moved.connection.first_frame.get()..=moved.connection.last_frame.get()).collect();
    let hits: Vec<u64> = canary.channels.iter().flat_map(|c| &c.hits).flat_map(|hit| hit.evidence.frames()).map(|f| f.get()).collect();
    assert!(hits.iter().any(|frame| own.contains(frame)), "{hits:?}: a hit came by the new address, {own:?}");
    // Without keys nobody knows whose it is, and the verdict stays open.
    let closed = canary_of(bytes, &[], &row["canary.message"], &[], None);
    assert_eq!(closed.verdict, Verdict::Inconclusive);
    assert!(closed.channels.iter().all(|channel| !channel.own_reasons.contains(&Reason::Moved)));
}

/// A pcapng file with the secrets behind the last packet (draft-ietf-opsawg-pcapng, Decryption Secrets Block).
#[test]
fn secrets_that_stand_behind_the_packets_open_them() {
    for file in ["tls13_aes128.pcap", "quic_v1_h3.pcap", "dtls12.pcap"] {
        let row = row(file);
        let path = path(&row);
        let log = keys(&path);
        let mut bytes = common::container::pcapng(&common::container::pcap(&std::fs::read(&path).unwrap()).unwrap());
        assert_eq!(canary_of(bytes.clone(), &[], &row["canary.message"], &[], None).verdict, Verdict::Inconclusive, "{file}");
        let padded = log.len().next_multiple_of(4);
        let whole = (20 + padded) as u32;
        for field in [10, whole, 0x544c_534b, log.len() as u32] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(&log);
        bytes.resize(bytes.len() + padded - log.len(), 0);
        bytes.extend(whole.to_le_bytes());
        let canary = canary_of(bytes, &[], &row["canary.message"], &[], None);
        assert_eq!(canary.verdict, Verdict::Readable, "{file}: {:?}", canary.reasons);
    }
}
