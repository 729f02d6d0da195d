//! DTLS handshakes made here, record by record.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::base::{Frame, FrameNo, LinkType, Timestamp};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

fn feed(datagrams: &[(Dir, Vec<u8>)]) -> (Dtls, Facts) {
    let (mut dtls, mut facts) = (Dtls::default(), Facts::new());
    let mut number = FrameNo::FIRST;
    for (dir, bytes) in datagrams {
        let frame = Frame { number, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
        dtls.feed(&frame.window(bytes).with_dir(*dir), &mut facts);
        number = number.next();
    }
    (dtls, facts)
}

fn closed(datagrams: &[(Dir, Vec<u8>)]) -> Facts {
    let turns: Vec<(Dir, &[u8])> = datagrams.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    crate::fuzzing::kept::keep_turns("dtls", &[0, 1], &turns);
    let (mut dtls, mut facts) = feed(datagrams);
    dtls.close(&mut facts);
    facts.sort();
    facts
}

fn probe(bytes: &[u8]) -> Probe {
    let frame = Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
    Dtls::probe(&frame.window(bytes))
}

fn shown(facts: &Facts, kind: FactKind) -> Option<String> {
    facts.get(kind).map(|fact| fact.what.shown().to_string())
}

fn proof(facts: &Facts, kind: FactKind) -> String {
    facts.get(kind).map(|fact| fact.evidence.display_filter()).unwrap_or_default()
}

fn u24(n: usize) -> [u8; 3] {
    let [_, a, b, c] = u32::try_from(n).unwrap().to_be_bytes();
    [a, b, c]
}

fn record_of(content: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd];
    record.extend_from_slice(&epoch.to_be_bytes());
    record.extend_from_slice(&[0; 6]);
    record.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    record.extend_from_slice(body);
    record
}

fn fragment(kind: u8, sequence: u16, body: &[u8], span: std::ops::Range<usize>) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&u24(body.len()));
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&u24(span.start));
    out.extend_from_slice(&u24(span.len()));
    out.extend_from_slice(&body[span]);
    record_of(content::HANDSHAKE, 0, &out)
}

fn whole(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    fragment(kind, sequence, body, 0..body.len())
}

fn client_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&[0x11; 32]);
    body.extend_from_slice(&[0, 0, 0, 4, 0xc0, 0x2f, 0xc0, 0x2b, 1, 0]);
    body.extend_from_slice(&[0, 20, 0, 0, 0, 16, 0, 14, 0, 0, 11]);
    body.extend_from_slice(b"example.com");
    body
}

fn server_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&[0x22; 32]);
    body.extend_from_slice(&[0, 0xc0, 0x2f, 0]);
    body
}

#[test]
fn hello_fragments_in_any_order_give_the_same_facts_with_all_their_frames() {
    let body = client_hello();
    let cuts = [0, 20, 50, body.len()];
    let parts: Vec<Vec<u8>> = (0..3).map(|i| fragment(CLIENT_HELLO, 0, &body, cuts[i]..cuts[i + 1])).collect();
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let facts = closed(&order.map(|i| (Dir::Client, parts[i].clone())));
        assert_eq!(shown(&facts, FactKind::TlsServerName).unwrap(), "example.com");
        assert_eq!(proof(&facts, FactKind::TlsServerName), "frame.number in {1,2,3}");
        seen.push(
            facts
                .list()
                .iter()
                .filter(|f| f.what.kind() != FactKind::Protocol && f.what.kind() != FactKind::TlsVersionProtocol)
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    assert!(seen.iter().all(|facts| *facts == seen[0]));
}

#[test]
fn cookies_and_retransmissions_are_understood_and_a_whole_handshake_is_complete() {
    let cookie = [0xfe, 0xfd, 2, 7, 7];
    let up = |bytes: Vec<u8>| (Dir::Client, bytes);
    let down = |bytes: Vec<u8>| (Dir::Server, bytes);
    let change = record_of(content::CHANGE_CIPHER_SPEC, 0, &[1]);
    let finished = record_of(content::HANDSHAKE, 1, &[0x5a; 40]);
    let (dtls, facts) = feed(&[
        up(whole(CLIENT_HELLO, 0, &client_hello())),
        up(whole(CLIENT_HELLO, 0, &client_hello())),
        down(whole(HELLO_VERIFY_REQUEST, 0, &cookie)),
        up(whole(CLIENT_HELLO, 1, &client_hello())),
        down([whole(SERVER_HELLO, 1, &server_hello()), whole(14, 2, &[])].concat()),
        down([whole(SERVER_HELLO, 1, &server_hello()), whole(14, 2, &[])].concat()),
        up([whole(16, 2, &[1, 2]), change.clone(), finished.clone()].concat()),
        down([change, finished].concat()),
        up(record_of(content::APPLICATION_DATA, 1, &[0x5a; 40])),
        down(record_of(content::APPLICATION_DATA, 1, &[0x5a; 40])),
    ]);
    assert_eq!(dtls.next(), Next::Done);
    assert_eq!(facts.history(), "CvCsnGIZizDd");
    assert_eq!(shown(&facts, FactKind::DtlsCookie).unwrap(), "yes");
    assert_eq!(shown(&facts, FactKind::TlsVersion).unwrap(), "1.2");
    assert_eq!(shown(&facts, FactKind::Handshake).unwrap(), "complete");
    assert_eq!(facts.get(FactKind::Handshake).unwrap().basis, Basis::Observed);
}

#[test]
fn messages_whose_predecessor_was_lost_are_read_when_the_flight_is_over() {
    let done = whole(14, 9, &[]);
    let change = record_of(content::CHANGE_CIPHER_SPEC, 0, &[1]);
    let facts = closed(&[(Dir::Server, whole(SERVER_HELLO, 1, &server_hello())), (Dir::Server, done), (Dir::Server, change)]);
    assert_eq!(facts.history(), "sni");
    assert_eq!(shown(&facts, FactKind::Handshake).unwrap(), "server-only");
}

#[test]
fn a_forged_message_number_far_ahead_does_not_block_the_handshake() {
    let forged = whole(SERVER_HELLO, 60000, &[0; 40]);
    let facts = closed(&[(Dir::Server, forged), (Dir::Server, whole(SERVER_HELLO, 1, &server_hello()))]);
    assert_eq!(proof(&facts, FactKind::TlsVersion), "frame.number in {2}");
}

#[test]
fn dtls_inside_a_turn_relay_is_found() {
    let hello = whole(CLIENT_HELLO, 0, &client_hello());
    let length = u16::try_from(hello.len()).unwrap();
    let mut channel = [&[0x40, 0x01][..], &length.to_be_bytes(), &hello].concat();
    while channel.len() % 4 != 0 {
        channel.push(0);
    }
    let padding = vec![0; hello.len().wrapping_neg() & 3];
    let attributes = [&[0, 0x12, 0, 3, 1, 2, 3, 0, 0, 0x13][..], &length.to_be_bytes(), &hello, &padding].concat();
    let size = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    let indication = [&[0, 0x16][..], &size, &[0x21, 0x12, 0xa4, 0x42], &[9; 12], &attributes].concat();
    for datagram in [channel, indication] {
        assert_eq!(probe(&datagram), Probe::Yes);
        let facts = closed(&[(Dir::Client, datagram)]);
        assert_eq!(shown(&facts, FactKind::TlsServerName).unwrap(), "example.com");
    }
}

#[test]
fn a_connection_whose_beginning_is_missing_says_its_record_versions_only() {
    let data = record_of(content::APPLICATION_DATA, 1, &[0x5a; 60]);
    assert_eq!(probe(&data), Probe::Yes);
    let facts = closed(&[(Dir::Client, data.clone()), (Dir::Server, data)]);
    assert_eq!(shown(&facts, FactKind::TlsRecordVersions).unwrap(), "1.2");
    assert_eq!(shown(&facts, FactKind::Handshake).unwrap(), "missing");
    assert!(!facts.has(FactKind::TlsVersion) && !facts.has(FactKind::TlsEstablished));
}

#[test]
fn an_alert_in_clear_that_ends_the_handshake_is_a_failure() {
    let facts = closed(&[(Dir::Client, whole(CLIENT_HELLO, 0, &client_hello())), (Dir::Server, record_of(content::ALERT, 0, &[2, 40]))]);
    assert_eq!(shown(&facts, FactKind::TlsAlerts).unwrap(), "handshake_failure");
    assert_eq!(shown(&facts, FactKind::Handshake).unwrap(), "failed");
}

#[test]
fn other_datagrams_are_not_dtls() {
    let unified = [&[0x2f, 0, 1, 0, 20][..], &[0x5a; 20]].concat();
    let early_data = record_of(content::APPLICATION_DATA, 0, &[0x5a; 20]);
    let trailing = [whole(CLIENT_HELLO, 0, &client_hello()), vec![0x80; 3]].concat();
    let mut far = record_of(content::APPLICATION_DATA, 1, &[0x5a; 20]);
    far[5] = 0x77;
    for bytes in [unified, early_data, trailing, far, vec![], vec![22], vec![0x80; 40]] {
        assert_eq!(probe(&bytes), Probe::No, "{bytes:02x?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..120)), 0..8)) {
        for (_, bytes) in &datagrams {
            probe(bytes);
        }
        closed(&datagrams.into_iter().map(|(up, bytes)| (if up { Dir::Client } else { Dir::Server }, bytes)).collect::<Vec<_>>());
    }

    #[test]
    fn any_fragments_never_panic(parts in prop::collection::vec((any::<bool>(), 0u8..24, 0u16..20, 0usize..300, 0usize..300, 0usize..300), 0..24)) {
        let body = [7u8; 600];
        let datagrams: Vec<_> = parts
            .into_iter()
            .map(|(up, kind, sequence, length, from, len)| {
                let from = from.min(length);
                let end = (from + len).min(length);
                (if up { Dir::Client } else { Dir::Server }, fragment(kind, sequence, &body[..length], from..end))
            })
            .collect();
        closed(&datagrams);
    }

    #[test]
    fn any_cutting_into_fragments_gives_the_same_facts(cuts in prop::collection::vec(1usize..60, 0..5), turn in 0usize..6) {
        let body = client_hello();
        let mut bounds = [vec![0, body.len()], cuts].concat();
        bounds.sort_unstable();
        bounds.dedup();
        let mut parts: Vec<Vec<u8>> = bounds.windows(2).map(|w| fragment(CLIENT_HELLO, 0, &body, w[0]..w[1])).collect();
        let turn = turn % parts.len();
        parts.rotate_left(turn);
        let cut = closed(&[(Dir::Client, parts.concat())]);
        let one = closed(&[(Dir::Client, whole(CLIENT_HELLO, 0, &body))]);
        prop_assert_eq!(cut.list(), one.list());
    }
}
