//! What a handshake does not protect: datagrams of something else on the ports of a QUIC connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::container::{self, ethernet_pcap};
use common::frames::{Side, udp};
use intransit::assess::{Grade, Judged};

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
    [first, &[0x5a; 160]].concat()
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
    for other in [rtp, dtls, own] {
        let before = quic_and_then(&[]).last_frame.get();
        let judged = quic_and_then(&[other.clone(), other]);
        assert_eq!(judged.judgement.grade, Grade::Unknown, "{}", judged.judgement.why);
        assert!(judged.judgement.why.contains("not QUIC"), "{}", judged.judgement.why);
        let frames: Vec<u64> = judged.judgement.evidence.as_ref().unwrap().frames().iter().map(|frame| frame.get()).collect();
        assert_eq!(frames, [before + 1, before + 2], "the frames of the strangers, not of the handshake");
    }
}
