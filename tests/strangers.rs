//! What a handshake does not protect: something else on the ports of a QUIC connection, or in the streams of a TLS connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod common;

use std::io::Cursor;

use common::container::{self, ethernet_pcap};
use common::frames::{ACK, FIN, RST, SYN, Side, client_hello, tcp, udp};
use intransit::assess::{Catalogue, Grade, Judged};
use intransit::engine::{self, Options};
use intransit::flow::{Endpoint, FlowKey, Limits, Transport};
use intransit::source;

/// A recorded QUIC connection, protected as it is, and then these datagrams from its client.
fn quic_and_then(others: &[Vec<u8>]) -> Judged {
    let bytes = std::fs::read(common::cabinet().join("quic_v1_h3.pcap")).unwrap();
    let mut frames: Vec<Vec<u8>> = container::pcap(&bytes).unwrap().records.into_iter().map(|record| record.bytes).collect();
    let first = &frames[0];
    let end =
        |ip: usize, port: usize| -> Side { (first[ip..ip + 4].try_into().unwrap(), u16::from_be_bytes([first[port], first[port + 1]])) };
    let (client, server) = (end(26, 34), end(30, 36));
    frames.extend(others.iter().map(|payload| udp(client, server, payload)));
    let analysis = common::analyse(ethernet_pcap(&frames), 1).unwrap();
    let mut judged: Vec<Judged> = analysis.judged().filter(|judged| judged.protocol() == Some("quic")).collect();
    assert_eq!(judged.len(), 1);
    judged.pop().unwrap()
}

fn with_first_octets(first: &[u8]) -> Vec<u8> {
    [first, &[0x9a; 160]].concat()
}

#[test]
fn a_quic_connection_alone_is_protected() {
    assert_eq!(quic_and_then(&[]).judgement.grade, Grade::Protected);
    // More of the same: a short header, a long one of version 1, a keep-alive for an address translation, a connectivity check.
    let more = [
        with_first_octets(&[0x41]),
        with_first_octets(&[0xe3, 0, 0, 0, 1]),
        vec![0],
        with_first_octets(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]),
    ];
    assert_eq!(quic_and_then(&more).judgement.grade, Grade::Protected);
}

#[test]
fn media_on_the_ports_of_a_quic_connection_is_not_protected_by_its_handshake() {
    let rtp = with_first_octets(&[0x80, 0x6f, 0, 1, 0, 0, 0, 9]);
    let dtls = with_first_octets(&[22, 0xfe, 0xfd, 0, 0]);
    let own = with_first_octets(&[0x07]);
    // The fixed bit is set, as in every QUIC packet, but nothing encrypted reads like this.
    let text = b"MESSAGE from alice to bob: the keys are under the mat".to_vec();
    for other in [rtp, dtls, own, text.clone()] {
        let before = quic_and_then(&[]).last_frame.get();
        let judged = quic_and_then(&[other.clone(), other.clone()]);
        let (grade, why) = if other == text { (Grade::Exposed, "text beside QUIC") } else { (Grade::Unknown, "not QUIC") };
        assert_eq!(judged.judgement.grade, grade, "{}", judged.judgement.why);
        assert!(judged.judgement.why.contains(why), "{}", judged.judgement.why);
        let frames: Vec<u64> = judged.judgement.evidence.as_ref().unwrap().frames().iter().map(|frame| frame.get()).collect();
        assert_eq!(frames, [before + 1, before + 2], "the frames of the strangers, not of the handshake");
    }
}

/// A recorded TLS connection without its end, and then this from one of its sides.
fn tls_and_then(capture: &str, from_client: bool, payloads: &[&[u8]]) -> Judged {
    tls_and_segments(capture, from_client, ACK, payloads)
}

fn tls_and_segments(capture: &str, from_client: bool, with: u8, payloads: &[&[u8]]) -> Judged {
    let (mut frames, [client, server]) = begun(capture, |frame| frame[47] & (FIN | RST) != 0);
    let ((from, mut seq), (to, ack)) = if from_client { (client, server) } else { (server, client) };
    for payload in payloads {
        frames.push(tcp(from, to, seq, ack, with, payload));
        seq = seq.wrapping_add(payload.len() as u32);
    }
    let analysis = common::analyse(ethernet_pcap(&frames), 1).unwrap();
    let mut judged: Vec<Judged> = analysis.judged().collect();
    assert_eq!(judged.len(), 1);
    judged.pop().unwrap()
}

/// The frames of a recorded TLS connection before the first of this kind, and where client and server go on.
fn begun(capture: &str, is_too_late: impl Fn(&[u8]) -> bool) -> (Vec<Vec<u8>>, [(Side, u32); 2]) {
    let bytes = std::fs::read(common::cabinet().join(capture)).unwrap();
    let (mut frames, mut sides) = (Vec::new(), Vec::<(Side, u32)>::new());
    for record in container::pcap(&bytes).unwrap().records {
        let frame = record.bytes;
        if is_too_late(&frame) {
            break;
        }
        let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        let seq = u32::from_be_bytes(frame[38..42].try_into().unwrap());
        let (header, flags) = (usize::from(frame[46] >> 4) * 4, frame[47]);
        let length = u32::from(word(16)) - 20 - header as u32 + u32::from(flags & SYN != 0);
        let side: Side = (frame[26..30].try_into().unwrap(), word(34));
        match sides.iter_mut().find(|(known, _)| *known == side) {
            Some((_, next)) => *next = (*next).max(seq.wrapping_add(length)),
            None => sides.push((side, seq.wrapping_add(length))),
        }
        frames.push(frame);
    }
    (frames, sides.try_into().unwrap())
}

const TLS: [&str; 2] = ["tls13_aes128.pcap", "tls12_gcm.pcap"];

#[test]
fn text_in_clear_after_application_data_is_not_protected_by_the_handshake_before_it() {
    for capture in TLS {
        for from_client in [true, false] {
            let before = tls_and_then(capture, from_client, &[]);
            assert_eq!(before.judgement.grade, Grade::Protected, "{capture}");
            let judged = tls_and_then(capture, from_client, &[b"NICK alice\r\n", b"PRIVMSG bob :the keys are under the mat\r\n"]);
            assert_eq!(judged.judgement.grade, Grade::Exposed, "{capture}: {}", judged.judgement.why);
            assert_eq!(judged.judgement.why, "text outside TLS in clear");
            let frames: Vec<u64> = judged.judgement.evidence.as_ref().unwrap().frames().iter().map(|frame| frame.get()).collect();
            let last = before.last_frame.get();
            assert_eq!(frames, [last + 1, last + 2], "the frames of the text, not of the handshake");
        }
    }
}

#[test]
fn text_behind_a_record_in_the_same_segment_is_told() {
    for capture in TLS {
        let segment = [&[23, 3, 3, 0, 40][..], &[0x9e; 40], b"and this in clear"].concat();
        let judged = tls_and_then(capture, true, &[&segment]);
        assert_eq!(judged.judgement.grade, Grade::Exposed, "{}", judged.judgement.why);
    }
}

#[test]
fn other_octets_between_records_leave_open_what_protects_them() {
    for capture in TLS {
        let segment = [&[23, 3, 3, 0, 40][..], &[0x9e; 40], &[0x9f; 17]].concat();
        let judged = tls_and_then(capture, true, &[&segment, &[0x9f; 3]]);
        assert_eq!(judged.judgement.grade, Grade::Unknown, "{}", judged.judgement.why);
        assert!(judged.judgement.why.contains("20 octets that are in no TLS record"), "{}", judged.judgement.why);
    }
}

#[test]
fn more_records_change_no_grade_however_they_are_cut() {
    let record = [&[23, 3, 3, 0x10, 0][..], &[0x9e; 4096]].concat();
    for capture in TLS {
        for cut in [1, 3, 5, 700, 4101] {
            let pieces: Vec<&[u8]> = record.chunks(cut.max(1)).take(2000).collect();
            let judged = tls_and_then(capture, false, &pieces);
            assert_eq!(judged.judgement.grade, Grade::Protected, "{capture} {cut}: {}", judged.judgement.why);
        }
    }
}

#[test]
fn the_reason_that_a_reset_carries_is_nobody_s_text() {
    for capture in TLS {
        let judged = tls_and_segments(capture, false, RST | ACK, &[b"connection refused by policy of the firewall"]);
        assert_eq!(judged.judgement.grade, Grade::Protected, "{capture}: {}", judged.judgement.why);
    }
}

#[test]
fn text_before_and_after_tls_is_not_all_said_to_be_before_it() {
    let judged = tls_and_then("smtp_starttls.pcap", true, &[b"MAIL FROM:<alice@example.org>\r\n"]);
    assert_eq!(judged.judgement.grade, Grade::Exposed);
    assert_eq!(judged.judgement.why, "text outside TLS in clear");
}

#[test]
fn text_on_a_connection_that_was_read_no_further_is_told() {
    // Neither side's first application data was seen when so many others are read that this one gives way.
    let is_data = |frame: &[u8]| frame.get(34 + usize::from(frame[46] >> 4) * 4) == Some(&23);
    let (mut frames, [client, server]) = begun("tls12_gcm.pcap", is_data);
    let hello = client_hello(b"chat.example");
    let shard = |side: Side| {
        let end = |(ip, port): Side| Endpoint { ip: ip.into(), port };
        FlowKey::new(Transport::Tcp, end(side), end(server.0)).0.shard()
    };
    let others = (10_000u16..).map(|port| ([10, 0, 0, 1], port)).filter(|&side| shard(side) == shard(client.0));
    frames.extend(others.take(200).map(|side| tcp(side, server.0, 101, 1, ACK, &hello[..60])));
    frames.push(tcp(client.0, server.0, client.1, server.1, ACK, b"MESSAGE from alice to bob: the keys are under the mat"));
    // A shard reads 64 connections at least.
    let options = Options { workers: 1, limits: Limits { max_flows: 1 << 17 }, catalogue: Catalogue::own() };
    let mut source = source::read(Cursor::new(ethernet_pcap(&frames)), None).unwrap();
    let analysis = engine::analyse(&mut source, options, &mut |_| {}).unwrap();
    assert_eq!(analysis.finished.counts().unread, 1, "it was read no further, and went on");
    let judged = analysis.judged().next().unwrap();
    assert_eq!(judged.judgement.why, "text outside TLS in clear");
}
