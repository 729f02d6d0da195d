//! What people and programs are shown.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::assess::Catalogue;
use crate::assess::Judged;
use crate::assess::canary::{Asked, Bits, Lacks, Looked};
use crate::base::{Facts, Frame, FrameNo, LinkType, Timestamp, What};
use crate::dissect::inside::{Container, Found, Sought};
use crate::dissect::plain::{Books, Closed};
use crate::flow::{Connection, Endpoint, Tally, Transport};

fn frame(n: u64) -> Evidence {
    let number = FrameNo::new(n).unwrap();
    Frame { number, at: Timestamp::ZERO, bytes: b"x", wire_len: 1, link: LinkType(1), interface: 0 }.evidence()
}

fn looked(port: u16, name: &str) -> Looked {
    let mut facts = Facts::new();
    facts.observe(What::TlsServerName(name.into()), frame(2));
    let sent = Tally { packets: 3, bytes: 900, payload: 500 };
    let connection = Judged::from(Connection {
        transport: Transport::Tcp,
        client: Endpoint { ip: std::net::IpAddr::from([192, 0, 2, 10]), port: 51_000 + port },
        server: Endpoint { ip: std::net::IpAddr::from([203, 0, 113, 9]), port },
        guessed: false,
        first_frame: FrameNo::FIRST,
        last_frame: FrameNo::FIRST,
        start: Timestamp::ZERO,
        end: Timestamp::from_secs(1_714_554_000),
        sent: [sent, sent],
        vlan: None,
        truncated: 0,
        facts,
    });
    let mut found = Found::default();
    found.framing("HTTP/2");
    found.octets.client = 400;
    let mut books = Books::default();
    (0..6).for_each(|_| books.client.note(Ok(())));
    (0..6).for_each(|_| books.server.note(Ok(())));
    Looked { connection, found, books, goes_on: false }
}

fn hit(sought: Sought) -> Hit {
    Hit {
        sought,
        dir: Dir::Client,
        at: Timestamp::from_secs(1_714_553_990),
        chain: "TLS 1.3 › HTTP/2 stream 5 › WebSocket message 3 › inflate › JSON $.text".into(),
        evidence: frame(19).and(&frame(20)),
        excerpt: "\"····\":\"[phrase]\"".into(),
        clear: None,
    }
}

fn canary(kind: &str) -> Canary {
    let asked = Asked { bits: Bits(46), since: None, controls: 1, room: 18 };
    let mut one = looked(443, "im.example.net");
    let mut two = looked(5222, "push\u{202e}.example.net");
    one.found.hits.push(hit(Sought::Control(0)));
    match kind {
        "readable" => one.found.hits.push(hit(Sought::Message)),
        "inconclusive" => two.books.client.note(Err(Closed::NoKey)),
        _ => two.found.sealed.push(Sealed {
            container: Container::Omemo,
            dir: Dir::Client,
            at: Timestamp::ZERO,
            octets: 812,
            evidence: frame(31),
        }),
    }
    Canary::conclude(&asked, &Lacks::default(), vec![one, two])
}

fn shown(kind: &str, format: Format) -> String {
    let (file, canary) = ("dm.pcapng".into(), canary(kind));
    let keys = KeyCounts { loaded: 5, matched: 2, ..KeyCounts::default() };
    let mut out = Vec::new();
    let sheet = Sheet {
        file: &file,
        message_sha256: [0xab; 32],
        canary: &canary,
        keys: Some(&keys),
        keys_in_capture: kind == "readable",
        catalogue: Catalogue::own(),
    };
    format.write(&mut out, &sheet);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_says_what_was_found_and_what_it_does_not_mean() {
    for kind in ["readable", "not-seen", "inconclusive"] {
        insta::assert_snapshot!(format!("table_{kind}"), shown(kind, Format::Table));
    }
}

#[test]
fn the_report_says_the_same_in_markdown() {
    insta::assert_snapshot!("markdown_readable", shown("readable", Format::Markdown));
}

#[test]
fn the_json_is_that_of_the_contract() {
    let json: serde_json::Value = serde_json::from_str(&shown("readable", Format::Json)).unwrap();
    insta::assert_snapshot!("json_readable", serde_json::to_string_pretty(&json).unwrap());
    for kind in ["not-seen", "inconclusive"] {
        let json: serde_json::Value = serde_json::from_str(&shown(kind, Format::Json)).unwrap();
        assert_eq!(json.get("verdict").unwrap(), kind);
    }
}
