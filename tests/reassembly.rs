//! What the network may do to a handshake: order, repetition, overlap, wrap, loss of a side, fragments. The facts stay the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;

use common::container::{self, ethernet_pcap};
use common::frames::{self, ACK, CLIENT, FIN, PSH, SERVER, SYN, Side, tcp};
use common::orders;
use intransit::base::{Frame, FrameNo, Kind, LinkType, What};
use intransit::flow::Connection;
use intransit::link::{Decoder, Transport};

const CLIENT_ISN: u32 = 1_000;
const SERVER_ISN: u32 = 9_000;

/// The `ClientHello` and the `ServerHello` of a recorded connection with a large hello, as their records.
fn recorded() -> (Vec<u8>, Vec<u8>) {
    let bytes = std::fs::read(common::cabinet().join("pq_x25519mlkem768.pcap")).unwrap();
    let mut sides: Vec<(u16, u32, Vec<u8>)> = Vec::new();
    let mut decoder = Decoder::new();
    for (n, record) in container::pcap(&bytes).unwrap().records.iter().enumerate() {
        let frame = Frame {
            number: FrameNo::new(n as u64 + 1).unwrap(),
            at: common::frames_of::second(n as i64),
            bytes: &record.bytes,
            wire_len: record.wire_len,
            link: LinkType(1),
            interface: 0,
        };
        decoder.decode(&frame, &mut |packet| {
            let Transport::Tcp(header) = packet.transport else { return };
            if packet.payload.bytes.is_empty() {
                return;
            }
            match sides.iter_mut().find(|(port, ..)| *port == header.src_port) {
                Some((_, next, stream)) if *next == header.seq => {
                    stream.extend(packet.payload.bytes);
                    *next = header.seq.wrapping_add(packet.payload.bytes.len() as u32);
                }
                Some(_) => {}
                None => {
                    let next = header.seq.wrapping_add(packet.payload.bytes.len() as u32);
                    sides.push((header.src_port, next, packet.payload.bytes.to_vec()));
                }
            }
        });
    }
    let record = |stream: &[u8]| stream[..5 + usize::from(u16::from_be_bytes([stream[3], stream[4]]))].to_vec();
    let hellos = (record(&sides[0].2), record(&sides[1].2));
    assert_eq!((hellos.0[5], hellos.1[5]), (1, 2), "a ClientHello and a ServerHello");
    assert!(hellos.0.len() > 1500);
    hellos
}

fn from_client(at: usize, payload: &[u8]) -> Vec<u8> {
    tcp(CLIENT, SERVER, (CLIENT_ISN + 1).wrapping_add(at as u32), SERVER_ISN + 1, ACK | PSH, payload)
}

fn from_server(at: usize, payload: &[u8]) -> Vec<u8> {
    tcp(SERVER, CLIENT, (SERVER_ISN + 1).wrapping_add(at as u32), CLIENT_ISN + 1, ACK | PSH, payload)
}

fn thirds(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let third = bytes.len() / 3;
    vec![(0, &bytes[..third]), (third, &bytes[third..2 * third]), (2 * third, &bytes[2 * third..])]
}

fn connections(frames: &[Vec<u8>]) -> Vec<Connection> {
    common::connections(ethernet_pcap(frames))
}

fn only(frames: &[Vec<u8>]) -> Connection {
    let mut all = connections(frames);
    assert_eq!(all.len(), 1, "one connection");
    all.pop().unwrap()
}

/// Statements with their frames, where frames are named by what they carry (`names[n]` is frame `n + 1`).
fn said(connection: &Connection, names: &[usize]) -> Vec<(String, BTreeSet<usize>)> {
    let name = |frame: &FrameNo| names[frame.get() as usize - 1];
    connection
        .facts
        .list()
        .iter()
        .map(|fact| (format!("{:?} {:?}", fact.what, fact.basis), fact.evidence.frames().iter().map(name).collect()))
        .collect()
}

/// Statements without their frames.
fn values(connection: &Connection) -> Vec<String> {
    connection.facts.list().iter().map(|fact| format!("{:?} {:?}", fact.what, fact.basis)).collect()
}

fn frames_of(connection: &Connection, kind: Kind) -> Vec<u64> {
    connection.facts.get(kind).unwrap_or_else(|| panic!("{kind:?}")).evidence.frames().iter().map(|frame| frame.get()).collect()
}

/// Opening, the three parts of a hello in this order, the answer.
fn shuffled(order: &[usize]) -> Vec<Vec<u8>> {
    let (hello, answer) = recorded();
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    all.extend(order.iter().map(|&part| thirds(&hello)[part]).map(|(at, bytes)| from_client(at, bytes)));
    all.push(from_server(0, &answer));
    all
}

#[test]
fn a_hello_over_three_segments_says_the_same_in_all_six_orders() {
    let expected = said(&only(&shuffled(&[0, 1, 2])), &[0, 1, 2, 3, 4, 5, 6]);
    assert!(expected.len() > 15, "{expected:?}");
    for order in orders(3) {
        let names: Vec<usize> = [0, 1, 2].into_iter().chain(order.iter().map(|part| part + 3)).chain([6]).collect();
        assert_eq!(said(&only(&shuffled(&order)), &names), expected, "{order:?}");
    }
}

#[test]
fn a_hello_over_three_segments_names_the_frames_that_carry_the_field() {
    let (hello, _) = recorded();
    let connection = only(&shuffled(&[2, 0, 1]));
    // Frame 4 carries the last third, 5 the first, 6 the second.
    let carrying = |at: usize, len: usize| -> Vec<u64> {
        let third = hello.len() / 3;
        let parts: BTreeSet<usize> = [at / third, (at + len - 1) / third].into_iter().map(|part| part.min(2)).collect();
        let mut frames: Vec<u64> = parts.into_iter().map(|part| [5, 6, 4][part]).collect();
        frames.sort_unstable();
        frames
    };
    let Some(What::TlsServerName(name)) = connection.facts.get(Kind::TlsServerName).map(|fact| &fact.what) else { panic!("no name") };
    let at = memchr::memmem::find(&hello, name.as_bytes()).unwrap();
    let named = frames_of(&connection, Kind::TlsServerName);
    assert!(carrying(at, name.as_bytes().len()).iter().all(|frame| named.contains(frame)), "{named:?}");
    // The fingerprint is of the whole message.
    assert_eq!(frames_of(&connection, Kind::TlsJa4), [4, 5, 6]);
    assert_eq!(frames_of(&connection, Kind::TlsJa3), [4, 5, 6]);
    assert_eq!(frames_of(&connection, Kind::TlsVersion), [7]);
}

#[test]
fn retransmissions_overlaps_and_keep_alives_add_nothing() {
    let (hello, answer) = recorded();
    let plain = only(&shuffled(&[0, 1, 2]));
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    let half = hello.len() / 2;
    all.push(from_client(0, &hello[..half]));
    all.push(from_client(0, &hello[..half]));
    // A keep-alive: the octet before the next one, once more (RFC 9293 §3.8.4), with and without content.
    all.push(from_client(half - 1, &hello[half - 1..half]));
    all.push(tcp(CLIENT, SERVER, CLIENT_ISN + half as u32, SERVER_ISN + 1, ACK, &[]));
    all.push(from_client(half - 100, &hello[half - 100..half + 200]));
    all.push(from_client(half + 100, &hello[half + 100..]));
    all.push(from_client(half, &hello[half..]));
    all.push(from_client(0, &hello));
    all.push(from_server(0, &answer[..40]));
    all.push(from_server(20, &answer[20..]));
    all.push(from_server(0, &answer));
    let connection = only(&all);
    assert_eq!(values(&connection), values(&plain));
    assert!(!connection.facts.has(Kind::ConflictingOverlap));
    assert_eq!(frames_of(&connection, Kind::TlsJa4), [4, 8, 9], "the frames whose octets were read first");
}

#[test]
fn the_garbage_of_a_keep_alive_before_the_first_octet_is_not_part_of_the_stream() {
    let (hello, answer) = recorded();
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    // A browser that connects ahead of need keeps the connection alive before it says anything.
    all.push(tcp(CLIENT, SERVER, CLIENT_ISN, SERVER_ISN + 1, ACK, &[0]));
    all.push(from_client(0, &hello));
    all.push(from_server(0, &answer));
    let connection = only(&all);
    assert_eq!(values(&connection), values(&only(&shuffled(&[0, 1, 2]))));
    assert_eq!(frames_of(&connection, Kind::TlsJa4), [5]);
}

#[test]
fn a_second_answer_to_a_syn_that_the_client_did_not_take_moves_nothing() {
    let (hello, answer) = recorded();
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    all.push(tcp(SERVER, CLIENT, SERVER_ISN.wrapping_add(99_310_615), CLIENT_ISN + 1, SYN | ACK, &[]));
    all.push(from_client(0, &hello));
    all.push(from_server(0, &answer));
    let connection = only(&all);
    assert_eq!(values(&connection), values(&only(&shuffled(&[0, 1, 2]))));
}

#[test]
fn a_server_that_agrees_to_tls_which_never_begins_is_no_starttls() {
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    let (ask, agree) = (b"EHLO client.example\r\nSTARTTLS\r\n", b"250 mx.example\r\n220 go ahead\r\n");
    all.push(from_server(0, b"220 mx.example ESMTP\r\n"));
    all.push(from_client(0, ask));
    all.push(from_server(22, agree));
    all.push(from_client(ask.len(), b"MAIL FROM:<a@client.example>\r\n"));
    all.push(from_server(22 + agree.len(), b"250 fine\r\n"));
    let connection = only(&all);
    assert_eq!(connection.protocol(), Some("smtp"));
    assert!(!connection.facts.has(Kind::StartTls));
}

#[test]
fn overlaps_that_differ_a_thousand_times_do_not_crowd_out_the_handshake() {
    let (hello, answer) = recorded();
    let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
    all.push(from_client(0, &hello[..1000]));
    all.extend((0..1000).map(|_| from_client(0, b"something else")));
    all.push(from_client(1000, &hello[1000..]));
    all.push(from_server(0, &answer));
    let connection = only(&all);
    assert!(connection.facts.has(Kind::TlsVersion) && connection.facts.has(Kind::ConflictingOverlap));
}

#[test]
fn sequence_numbers_may_wrap_in_the_middle_of_a_hello() {
    let (hello, answer) = recorded();
    let plain = values(&only(&shuffled(&[0, 1, 2])));
    for isn in [u32::MAX, u32::MAX - 1, u32::MAX - 700, u32::MAX - 1400] {
        for order in orders(3) {
            let mut all = frames::handshake(isn, SERVER_ISN);
            for (at, bytes) in order.iter().map(|&part| thirds(&hello)[part]) {
                all.push(tcp(CLIENT, SERVER, isn.wrapping_add(1).wrapping_add(at as u32), SERVER_ISN + 1, ACK, bytes));
            }
            all.push(tcp(SERVER, CLIENT, SERVER_ISN + 1, isn.wrapping_add(1 + hello.len() as u32), ACK, &answer));
            assert_eq!(values(&only(&all)), plain, "{isn:#x} {order:?}");
        }
    }
}

#[test]
fn of_conflicting_octets_the_first_win_and_both_are_told() {
    let good = frames::client_hello(b"aaaa.example.net");
    let evil = frames::client_hello(b"bbbb.example.net");
    let name = memchr::memmem::find(&good, b"aaaa").unwrap();
    for (first, second) in [(&good, &evil), (&evil, &good)] {
        let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
        // The middle arrives twice with different content before the beginning does.
        all.push(from_client(name, &first[name..name + 8]));
        all.push(from_client(name, &second[name..name + 8]));
        all.push(from_client(0, &first[..name]));
        all.push(from_client(name + 8, &first[name + 8..]));
        let connection = only(&all);
        let Some(What::TlsServerName(said)) = connection.facts.get(Kind::TlsServerName).map(|fact| &fact.what) else { panic!("no name") };
        assert_eq!(said.as_bytes(), &first[name..name + 16], "first wins");
        let Some(What::ConflictingOverlap(values)) = connection.facts.get(Kind::ConflictingOverlap).map(|fact| &fact.what) else {
            panic!("the conflict is not told: {:?}", values(&connection))
        };
        let both: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        assert!(first[name..name + 8].windows(4).any(|w| both[0].windows(4).any(|b| b == w)), "{values:?}");
        assert!(both[0].starts_with(&first[name..name + 4]) && both[1].starts_with(&second[name..name + 4]), "{values:?}");
        assert_eq!(frames_of(&connection, Kind::ConflictingOverlap), [4, 5]);
    }
}

#[test]
fn a_new_syn_on_the_same_ports_is_a_new_connection() {
    let (hello, answer) = recorded();
    let mut all = shuffled(&[0, 1, 2]);
    all.push(tcp(CLIENT, SERVER, CLIENT_ISN + 1 + hello.len() as u32, SERVER_ISN + 1 + answer.len() as u32, FIN | ACK, &[]));
    all.push(tcp(SERVER, CLIENT, SERVER_ISN + 1 + answer.len() as u32, CLIENT_ISN + 2 + hello.len() as u32, FIN | ACK, &[]));
    let boundary = all.len() as u64;
    let (client_isn, server_isn) = (5_000_000, 7_000_000);
    all.extend(frames::handshake(client_isn, server_isn));
    all.push(tcp(CLIENT, SERVER, client_isn + 1, server_isn + 1, ACK, &frames::client_hello(b"second.example.net")));
    let found = connections(&all);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].first_frame.get(), boundary + 1);
    assert_eq!(found[0].last_frame.get(), boundary);
    assert_eq!(format!("{:?}", found[1].facts.get(Kind::TlsServerName).unwrap().what), r#"TlsServerName("second.example.net")"#);
    assert!(found[0].facts.has(Kind::TlsVersion) && !found[1].facts.has(Kind::TlsVersion));
}

#[test]
fn a_capture_that_begins_in_the_middle_claims_no_version() {
    let mut records = frames::record(23, &[0x5a; 400]);
    // The version every record after the hellos has, TLS 1.3's among them.
    records[2] = 3;
    let all = vec![
        tcp(CLIENT, SERVER, 77_000, 88_000, ACK | PSH, &records),
        tcp(SERVER, CLIENT, 88_000, 77_405, ACK | PSH, &records),
        tcp(CLIENT, SERVER, 77_405, 88_405, ACK | PSH, &records),
    ];
    let connection = only(&all);
    assert!(!connection.facts.has(Kind::TlsVersion), "{:?}", connection.facts.list());
    assert!(!connection.facts.has(Kind::TlsCipher));
    assert_ne!(connection.facts.get(Kind::TlsEstablished).map(|fact| &fact.what), Some(&What::TlsEstablished(false)));
}

#[test]
fn the_middle_of_a_recorded_connection_claims_no_version() {
    let bytes = std::fs::read(common::cabinet().join("tls12_gcm.pcap")).unwrap();
    let records = container::pcap(&bytes).unwrap().records;
    let whole = connections(&records.iter().map(|record| record.bytes.clone()).collect::<Vec<_>>());
    let said = whole.iter().filter_map(|c| c.facts.get(Kind::TlsVersion)).map(|fact| fact.evidence.first().get()).max().unwrap();
    for from in said as usize..records.len() {
        for connection in connections(&records[from..].iter().map(|record| record.bytes.clone()).collect::<Vec<_>>()) {
            assert!(!connection.facts.has(Kind::TlsVersion), "from record {from}");
            assert!(!connection.facts.has(Kind::TlsServerName));
        }
    }
}

#[test]
fn one_side_alone_says_what_that_side_said() {
    let both = only(&shuffled(&[0, 1, 2]));
    let side = |of: Side| -> Vec<Vec<u8>> {
        let source = of.0;
        shuffled(&[0, 1, 2]).into_iter().filter(|frame| frame[26..30] == source).collect()
    };
    let (client, server) = (only(&side(CLIENT)), only(&side(SERVER)));
    for kind in [Kind::TlsServerName, Kind::TlsJa3, Kind::TlsJa4, Kind::TlsOfferedVersions, Kind::TlsOfferedCiphers, Kind::TlsOfferedAlpn] {
        assert_eq!(client.facts.get(kind).map(|f| &f.what), both.facts.get(kind).map(|f| &f.what));
        assert!(!server.facts.has(kind), "{kind:?}");
    }
    for kind in [Kind::TlsVersion, Kind::TlsCipher, Kind::TlsCurve] {
        assert_eq!(server.facts.get(kind).map(|f| &f.what), both.facts.get(kind).map(|f| &f.what));
        assert!(!client.facts.has(kind), "an offer is not an answer: {kind:?}");
    }
    assert_eq!(client.facts.get(Kind::Handshake).map(|f| &f.what), Some(&What::Handshake("client-only")));
    assert_eq!(server.facts.get(Kind::Handshake).map(|f| &f.what), Some(&What::Handshake("server-only")));
    for alone in [&client, &server] {
        assert_eq!((alone.client.port, alone.server.port), (CLIENT.1, SERVER.1), "who is the client");
    }
}

#[test]
fn an_ip_fragmented_hello_says_the_same_in_any_order() {
    let (hello, answer) = recorded();
    let segment = frames::tcp_segment(CLIENT, SERVER, CLIENT_ISN + 1, SERVER_ISN + 1, ACK | PSH, &hello);
    let plain = values(&only(&shuffled(&[0, 1, 2])));
    let third = segment.len() / 3 / 8 * 8;
    let parts = [(0, third, true), (third, 2 * third, true), (2 * third, segment.len(), false)];
    for order in orders(3) {
        let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
        for &part in &order {
            let (from, to, more) = parts[part];
            all.push(frames::ipv4(CLIENT, SERVER, 6, 77, from, more, &segment[from..to]));
        }
        all.push(from_server(0, &answer));
        let connection = only(&all);
        assert_eq!(values(&connection), plain, "{order:?}");
        assert_eq!(frames_of(&connection, Kind::TlsJa4), [4, 5, 6], "{order:?}");
    }
}

#[test]
fn a_quic_hello_over_several_datagrams_says_the_same_in_any_order() {
    let bytes = std::fs::read(common::cabinet().join("quic_long_hello.pcap")).unwrap();
    let all: Vec<Vec<u8>> = container::pcap(&bytes).unwrap().records.into_iter().map(|record| record.bytes).collect();
    let found = connections(&all);
    let quic = found.iter().find(|connection| connection.facts.has(Kind::TlsJa4)).unwrap();
    let carriers: Vec<usize> = frames_of(quic, Kind::TlsJa4).into_iter().map(|frame| frame as usize - 1).collect();
    assert!(carriers.len() >= 3, "the hello is in {carriers:?}");
    let names: Vec<usize> = (0..all.len()).collect();
    let expected = said(quic, &names);
    let first_three = &carriers[..3];
    for order in orders(3) {
        let (mut shuffled, mut names) = (all.clone(), names.clone());
        for (&at, &part) in first_three.iter().zip(&order) {
            shuffled[at] = all[first_three[part]].clone();
            names[at] = first_three[part];
        }
        let found = connections(&shuffled);
        let quic = found.iter().find(|connection| connection.facts.has(Kind::TlsJa4)).unwrap_or_else(|| panic!("no hello: {order:?}"));
        let got = said(quic, &names);
        // Which frames stand for the connection being QUIC is a matter of which came first.
        let hello =
            |all: &[(String, BTreeSet<usize>)]| -> Vec<_> { all.iter().filter(|(what, _)| what.starts_with("Tls")).cloned().collect() };
        assert_eq!(hello(&got), hello(&expected), "{order:?}");
        let without = |all: &[(String, BTreeSet<usize>)]| -> Vec<String> { all.iter().map(|(what, _)| what.clone()).collect() };
        assert_eq!(without(&got), without(&expected), "{order:?}");
    }
}

#[test]
fn a_syn_with_the_same_number_again_is_no_new_connection() {
    let mut all = shuffled(&[0, 1, 2]);
    all.insert(1, tcp(CLIENT, SERVER, CLIENT_ISN, 0, SYN, &[]));
    assert_eq!(values(&only(&all)), values(&only(&shuffled(&[0, 1, 2]))));
}

#[test]
fn a_hello_behind_an_unknown_preface_is_found_in_whatever_pieces_it_comes() {
    let hello = frames::client_hello(b"chat.example.net");
    // A line of text and a lone zero make some probe wait for more; the other one is refused at once.
    for preface in [&b"NXSH-8.10.1\n"[..], b"\0", b"\xf7\xf7\xf7\xf7"] {
        let all = [preface, &hello].concat();
        let mut pieces = vec![vec![0..preface.len(), preface.len()..all.len()]];
        if preface.len() > 1 {
            pieces.push(vec![0..1, 1..preface.len(), preface.len()..all.len()]);
        }
        for pieces in pieces {
            let mut frames = frames::handshake(CLIENT_ISN, SERVER_ISN);
            frames.extend(pieces.iter().map(|span| from_client(span.start, &all[span.clone()])));
            let connection = only(&frames);
            assert_eq!(frames_of(&connection, Kind::TlsServerName), [frames.len() as u64], "{preface:?} {pieces:?}");
        }
    }
}

/// Everything a side sent until the other one spoke, of the largest connection of a capture.
fn flights(name: &str) -> Vec<(bool, Vec<u8>)> {
    let kept = common::frames_of::Kept::open(&common::cabinet().join(name)).unwrap();
    let analysis = common::analyse_file(&common::cabinet().join(name), 1).unwrap();
    let connection = analysis.connections().max_by_key(|connection| connection.sent[0].bytes + connection.sent[1].bytes).unwrap();
    let mut flights: Vec<(bool, Vec<u8>)> = Vec::new();
    for number in kept.numbers() {
        let named = common::frames_of::Named::of(&kept, &BTreeSet::from([number]), &connection);
        for (from, payload) in named.payloads() {
            let client = from == connection.client;
            match flights.last_mut() {
                Some((side, bytes)) if *side == client => bytes.extend(payload),
                _ => flights.push((client, payload.to_vec())),
            }
        }
    }
    flights
}

/// The flights as segments: cut anywhere, in any order within a flight, some twice, some that overlap.
fn scattered(flights: &[(bool, Vec<u8>)], dice: &mut common::Dice) -> Vec<Vec<u8>> {
    let mut frames = frames::handshake(CLIENT_ISN, SERVER_ISN);
    let mut sent = [0usize; 2];
    for (client, bytes) in flights {
        let mut spans = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + 1 + dice.below(900) as usize).min(bytes.len());
            // Now and then a segment begins before the end of the last one.
            let from = at.saturating_sub(if dice.below(4) == 0 { dice.below(60) as usize } else { 0 });
            spans.extend(std::iter::repeat_n(from..end, 1 + usize::from(dice.below(5) == 0)));
            at = end;
        }
        for i in (1..spans.len()).rev() {
            spans.swap(i, dice.below(i as u64 + 1) as usize);
        }
        let sender = if *client { from_client } else { from_server };
        let before = &mut sent[usize::from(*client)];
        frames.extend(spans.into_iter().map(|span| sender(*before + span.start, &bytes[span])));
        *before += bytes.len();
    }
    frames
}

#[test]
fn a_recorded_connection_says_the_same_however_it_is_cut_and_shuffled() {
    for name in ["tls12_gcm.pcap", "tls13_hrr.pcap", "tls12_client_cert.pcap", "pq_x25519mlkem768.pcap", "smtp_starttls.pcap", "tls10.pcap"]
    {
        let flights = flights(name);
        assert!(flights.len() >= 4, "{name}");
        let mut whole = frames::handshake(CLIENT_ISN, SERVER_ISN);
        let mut sent = [0usize; 2];
        for (client, bytes) in &flights {
            let sender = if *client { from_client } else { from_server };
            for part in bytes.chunks(1400) {
                whole.push(sender(sent[usize::from(*client)], part));
                sent[usize::from(*client)] += part.len();
            }
        }
        let expected = values(&only(&whole));
        assert!(expected.iter().any(|fact| fact.starts_with("TlsVersion(")), "{name}: {expected:?}");
        let mut dice = common::Dice(7);
        for round in 0..60 {
            let connection = only(&scattered(&flights, &mut dice));
            assert_eq!(values(&connection), expected, "{name}, round {round}");
        }
    }
}
