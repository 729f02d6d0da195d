//! The conclusion, reason by reason: starting from a case in which "not seen" may be said, each doubt alone takes it away.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::assess::Judged;
use crate::assess::attribution::{Attribution, Confidence, Role};
use crate::base::{Dir, Facts, Frame, FrameNo, LinkType};
use crate::dissect::inside::{Container, Cut, Found, Opaque, Sealed};
use crate::dissect::plain::{Books, Closed, Tally as Records};
use crate::flow::{Connection, Endpoint, Tally, Transport};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn frame(n: u64) -> Evidence {
    Frame { number: FrameNo::new(n).unwrap(), at: at(0), bytes: b"x", wire_len: 1, link: LinkType(1), interface: 0 }.evidence()
}

fn connection() -> Judged {
    let end = |port| Endpoint { ip: std::net::IpAddr::from([192, 0, 2, 1]), port };
    let sent = Tally { packets: 3, bytes: 900, payload: 500 };
    Judged::from(Connection {
        transport: Transport::Tcp,
        client: end(50_000),
        server: end(443),
        guessed: false,
        first_frame: FrameNo::FIRST,
        last_frame: FrameNo::FIRST,
        start: at(90),
        end: at(200),
        sent: [sent, sent],
        vlan: None,
        truncated: 0,
        facts: Facts::new(),
    })
}

fn hit(sought: Sought, dir: Dir, secs: i64) -> Hit {
    Hit {
        sought,
        dir,
        at: at(secs),
        chain: "TLS 1.3 › HTTP/2 stream 1".into(),
        evidence: frame(9),
        excerpt: "[phrase]".into(),
        clear: None,
    }
}

/// Everything was looked at, and the control was found.
fn clean() -> Looked {
    let mut found = Found::default();
    found.framing("HTTP/2");
    found.octets.client = 400;
    found.hits.push(hit(Sought::Control(0), Dir::Client, 100));
    let mut books = Books::default();
    (0..4).for_each(|_| books.client.note(Ok(())));
    (0..4).for_each(|_| books.server.note(Ok(())));
    Looked { connection: connection(), found, books, goes_on: false }
}

fn asked() -> Asked {
    Asked { bits: Bits(46), since: Some(at(100)), controls: 1, room: 18 }
}

fn concluded(asked: &Asked, looked: Looked) -> Canary {
    Canary::conclude(asked, &Lacks::default(), vec![looked])
}

#[test]
fn not_seen_is_said_where_everything_was_looked_at() {
    let canary = concluded(&asked(), clean());
    assert_eq!((canary.verdict, canary.channels[0].verdict), (Verdict::NotSeen, Verdict::NotSeen), "{:?}", canary.reasons);
    assert!(canary.reasons.is_empty() && canary.channels[0].reasons.is_empty());
}

#[test]
fn connections_of_other_devices_are_not_named_and_count_all_the_same() {
    let mut theirs = clean();
    theirs.connection.connection.client.ip = [203, 0, 113, 77].into();
    theirs.books.client.note(Err(crate::dissect::plain::Closed::NoKey));
    let is_theirs = |judged: &Judged| judged.client.ip == std::net::IpAddr::from([203, 0, 113, 77]);
    let mut canary = Canary::conclude(&asked(), &Lacks::default(), vec![clean(), theirs.clone()]);
    canary.hide(is_theirs);
    assert_eq!((canary.verdict, canary.channels.len()), (Verdict::Inconclusive, 1));
    assert_eq!(canary.hidden, Hidden { connections: 1, readable: 0 });
    assert_eq!(canary.reasons, ["1 connection of other devices was not wholly looked at"]);
    theirs.found.hits.push(hit(Sought::Message, Dir::Client, 120));
    let mut canary = Canary::conclude(&asked(), &Lacks::default(), vec![clean(), theirs]);
    canary.hide(is_theirs);
    assert_eq!((canary.verdict, canary.hidden.readable), (Verdict::Readable, 1), "what was readable is never called \"not seen\"");
    assert!(canary.reasons.is_empty());
}

/// Spoils a case.
type Doubt = Box<dyn Fn(&mut Asked, &mut Looked)>;

#[test]
fn each_doubt_alone_takes_not_seen_away() {
    let token = |digest, dir| Opaque {
        dir,
        at: at(150),
        chain: "TLS 1.3 › JSON $.x".into(),
        octets: 40,
        digest,
        is_token: true,
        evidence: frame(7),
    };
    let doubts: Vec<(&str, Doubt)> = vec![
        ("no control was given", Box::new(|a, _| a.controls = 0)),
        ("control 2 was not found", Box::new(|a, _| a.controls = 2)),
        ("control 1 was not found", Box::new(|_, l| l.found.hits[0].dir = Dir::Server)),
        ("worth about 39 bits", Box::new(|a, _| a.bits = Bits(39))),
        (
            "no key for its 8 encrypted records",
            Box::new(|_, l| {
                l.books = Books::default();
                (0..8).for_each(|_| l.books.client.note(Err(Closed::NoKey)));
            }),
        ),
        ("1 of 9 encrypted records were not opened (1: no key)", Box::new(|_, l| l.books.client.note(Err(Closed::NoKey)))),
        ("1: did not authenticate", Box::new(|_, l| l.books.server.note(Err(Closed::NotAuthentic)))),
        ("gaps in which encrypted records are missing", Box::new(|_, l| l.books.server = Records { gaps: 1, ..l.books.server })),
        ("octets are missing from the capture", Box::new(|_, l| l.found.cut(Cut::Gap, Dir::Client, at(150), None))),
        ("could not be read (the first at TLS 1.3 › JSON $.x", Box::new(move |_, l| l.found.opaque.push(token(5, Dir::Client)))),
        ("of no protocol that is known here", Box::new(|_, l| l.found.framings.clear())),
        ("part of the phrase was readable", Box::new(|_, l| l.found.hits.push(hit(Sought::Fragment, Dir::Client, 150)))),
        ("cut short when they were captured", Box::new(|_, l| l.connection.connection.truncated = 1)),
        ("nothing readable went to a server that was long enough", Box::new(|_, l| l.found.octets.client = 17)),
        ("only what the server sent", Box::new(|_, l| l.connection.connection.sent[0].payload = 0)),
        ("more places than are kept", Box::new(|_, l| l.found.dropped = 1)),
        ("grown beyond the bounds", Box::new(|_, l| l.found.cut(Cut::Bomb, Dir::Server, at(150), None))),
    ];
    for (reason, doubt) in doubts {
        let (mut asked, mut looked) = (asked(), clean());
        doubt(&mut asked, &mut looked);
        let canary = concluded(&asked, looked);
        assert_eq!(canary.verdict, Verdict::Inconclusive, "{reason}");
        assert!(canary.reasons.iter().any(|r| r.contains(reason)), "{reason}: {:?}", canary.reasons);
        assert_ne!(canary.channels[0].verdict, Verdict::NotSeen, "{reason}");
    }
    let damaged = Canary::conclude(&asked(), &Lacks { damaged_at: Some(77), evicted: 1, ..Lacks::default() }, vec![clean()]);
    assert_eq!(damaged.verdict, Verdict::Inconclusive);
    assert_eq!(damaged.reasons.len(), 2);
}

#[test]
fn what_is_before_the_time_or_came_from_the_server_is_no_doubt() {
    let mut looked = clean();
    looked.found.cut(Cut::Gap, Dir::Client, at(99), None);
    let token = Opaque { dir: Dir::Client, at: at(150), chain: "x".into(), octets: 40, digest: 5, is_token: true, evidence: frame(7) };
    looked.found.opaque.push(token.clone());
    looked.found.opaque.push(Opaque { at: at(99), digest: 6, ..token });
    looked.found.given.insert(5, at(120));
    assert_eq!(concluded(&asked(), looked).verdict, Verdict::NotSeen);
}

#[test]
fn a_hit_after_the_time_is_readable_whatever_else_is_missing() {
    let mut looked = clean();
    looked.found.hits = vec![hit(Sought::Message, Dir::Server, 150)];
    looked.books.client.note(Err(Closed::NoKey));
    let canary = Canary::conclude(&Asked { controls: 0, ..asked() }, &Lacks { damaged_at: Some(1), ..Lacks::default() }, vec![looked]);
    assert_eq!(canary.verdict, Verdict::Readable);
    assert!(canary.reasons.is_empty());
    assert!(canary.channels[0].is_returned());
}

#[test]
fn a_phrase_known_earlier_or_worth_too_little_proves_nothing() {
    let mut looked = clean();
    looked.found.hits.extend([hit(Sought::Message, Dir::Client, 99), hit(Sought::Message, Dir::Client, 150)]);
    let canary = concluded(&asked(), looked.clone());
    assert_eq!(canary.verdict, Verdict::Inconclusive);
    assert!(canary.reasons.iter().any(|r| r.starts_with("phrase known earlier")), "{:?}", canary.reasons);
    let canary = concluded(&Asked { since: None, bits: Bits(20), ..asked() }, looked);
    assert_eq!((canary.verdict, canary.channels[0].verdict), (Verdict::Inconclusive, Verdict::Inconclusive));
}

#[test]
fn containers_are_signs_and_no_doubt() {
    let mut looked = clean();
    looked.found.sealed(Sealed { container: Container::Omemo, dir: Dir::Client, at: at(150), octets: 90, evidence: frame(4) });
    let canary = concluded(&asked(), looked);
    assert_eq!(canary.verdict, Verdict::NotSeen);
    assert_eq!(canary.channels[0].sealed[0].container.word(), "omemo");
}

#[test]
fn a_small_or_serving_connection_beside_it_leaves_the_capture_not_seen() {
    let mut small = clean();
    small.found = Found::default();
    small.found.framing("text");
    small.found.octets.client = 5;
    small.books = Books::default();
    let canary = Canary::conclude(&asked(), &Lacks::default(), vec![clean(), small]);
    assert_eq!(canary.verdict, Verdict::NotSeen, "{:?}", canary.reasons);
    assert_eq!(canary.channels[1].verdict, Verdict::Inconclusive);
}

#[test]
fn only_a_platforms_own_messages_refute_its_claim() {
    let readable = |role, confidence| {
        let mut looked = clean();
        looked.found.hits.push(hit(Sought::Message, Dir::Client, 150));
        looked.connection.attribution = Some(Attribution {
            platform: "x".into(),
            role,
            confidence,
            because: Vec::new(),
            candidates: std::sync::Arc::default(),
            conflicts: Vec::default(),
        });
        concluded(&asked(), looked).refuting().count()
    };
    assert_eq!(readable(Role::Messaging, Confidence::Likely), 1);
    assert_eq!(readable(Role::Telemetry, Confidence::Confirmed), 0);
    assert_eq!(readable(Role::Messaging, Confidence::Shared), 0);
}
