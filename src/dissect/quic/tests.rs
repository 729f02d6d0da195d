//! The published test vectors (RFC 9001 appendix A, RFC 9369 appendix A), and connections sealed here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{DirectionalKeys, Keys, Version};

use super::*;
use crate::base::{Frame as Captured, FrameNo, LinkType, Timestamp};

const ORIGIN: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SERVER_ID: [u8; 8] = [0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5];
const CLIENT_V1: &str = include_str!("vectors/rfc9001-client-initial.hex");
const SERVER_V1: &str = include_str!("vectors/rfc9001-server-initial.hex");
const RETRY_V1: &str = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";
const CLIENT_V2: &str = include_str!("vectors/rfc9369-client-initial.hex");
const SERVER_V2: &str = include_str!("vectors/rfc9369-server-initial.hex");
const RETRY_V2: &str = "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6";
/// The hellos inside them.
const CLIENT_HELLO: &str = "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b65\
    78616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753d\
    e171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000\
    ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";
const SERVER_HELLO: &str = "020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c940d89690b84d0\
    8a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Feeds datagrams as frames 1, 2, 3, ... of one flow.
fn feed(datagrams: &[(Dir, Vec<u8>)]) -> (Quic, Facts) {
    let (mut quic, mut facts) = (Quic::default(), Facts::new());
    let mut number = FrameNo::FIRST;
    for (dir, bytes) in datagrams {
        let frame = Captured { number, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
        quic.feed(&frame.window(bytes).with_dir(*dir), &mut facts);
        number = number.next();
    }
    (quic, facts)
}

fn closed(datagrams: &[(Dir, Vec<u8>)]) -> Facts {
    let turns: Vec<(Dir, &[u8])> = datagrams.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    crate::fuzzing::kept::keep_turns("quic", &[0, 1], &turns);
    let (mut quic, mut facts) = feed(datagrams);
    quic.close(&mut facts);
    facts.sort();
    facts
}

fn shown(facts: &Facts, kind: Kind) -> Option<String> {
    facts.get(kind).map(|fact| fact.what.shown().to_string())
}

fn proof(facts: &Facts, kind: Kind) -> String {
    facts.get(kind).map(|fact| fact.evidence.display_filter()).unwrap_or_default()
}

fn probe(bytes: &[u8]) -> Probe {
    let frame = Captured { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
    Quic::probe(&frame.window(bytes))
}

/// Seals a payload as an Initial packet that fills a datagram.
struct Sealer {
    version: QuicVersion,
    keys: Keys,
}

impl Sealer {
    fn new(version: QuicVersion, origin: &[u8]) -> Sealer {
        let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
        let known = if version == QuicVersion::V2 { Version::V2 } else { Version::V1 };
        Sealer { version, keys: Keys::initial(known, suite, suite.quic.unwrap(), origin, Side::Client) }
    }

    fn client(&self, dcid: &[u8], scid: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
        self.seal(&self.keys.local, dcid, scid, number, payload)
    }

    fn server(&self, dcid: &[u8], scid: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
        self.seal(&self.keys.remote, dcid, scid, number, payload)
    }

    fn seal(&self, keys: &DirectionalKeys, dcid: &[u8], scid: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
        let mut body = payload.to_vec();
        body.resize(body.len().max(1162), 0);
        let first = if self.version == QuicVersion::V2 { 0xd0 } else { 0xc0 };
        let mut header = vec![first];
        header.extend_from_slice(&self.version.0.to_be_bytes());
        for id in [dcid, scid] {
            header.push(u8::try_from(id.len()).unwrap());
            header.extend_from_slice(id);
        }
        header.push(0);
        header.extend_from_slice(&(0x4000 | u16::try_from(1 + body.len() + 16).unwrap()).to_be_bytes());
        let number_at = header.len();
        header.push(number);
        let tag = keys.packet.encrypt_in_place(u64::from(number), &header, &mut body).unwrap();
        let mut packet = header;
        packet.extend_from_slice(&body);
        packet.extend_from_slice(tag.as_ref());
        let sample: Vec<u8> = packet[number_at + 4..number_at + 20].to_vec();
        let (first, rest) = packet.split_first_mut().unwrap();
        keys.header.encrypt_in_place(&sample, first, &mut rest[number_at - 1..number_at]).unwrap();
        packet
    }
}

fn crypto_frame(offset: usize, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![6];
    frame.extend_from_slice(&(0x4000 | u16::try_from(offset).unwrap()).to_be_bytes());
    frame.extend_from_slice(&(0x4000 | u16::try_from(data.len()).unwrap()).to_be_bytes());
    frame.extend_from_slice(data);
    frame
}

fn short(id: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x41];
    packet.extend_from_slice(id);
    packet.extend_from_slice(&[0x5a; 40]);
    packet
}

/// A Handshake packet (RFC 9000 §17.2.4) that nobody can open.
fn handshake(to: &[u8], from: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xe3, 0, 0, 0, 1];
    for id in [to, from] {
        packet.push(u8::try_from(id.len()).unwrap());
        packet.extend_from_slice(id);
    }
    packet.extend_from_slice(&[0x40, 40]);
    packet.extend_from_slice(&[0x5a; 40]);
    packet
}

#[test]
fn the_initials_of_both_rfcs_open_and_their_hellos_are_read() {
    for (client, server, version) in [(CLIENT_V1, SERVER_V1, "1"), (CLIENT_V2, SERVER_V2, "2")] {
        assert_eq!(probe(&hex(client)), Probe::Yes);
        assert_eq!(probe(&hex(server)), Probe::Yes);
        let facts = closed(&[(Dir::Client, hex(client)), (Dir::Server, hex(server))]);
        assert_eq!(shown(&facts, Kind::QuicVersion).unwrap(), version);
        assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.com");
        assert_eq!(shown(&facts, Kind::TlsVersion).unwrap(), "1.3");
        assert_eq!(shown(&facts, Kind::TlsCipher).unwrap(), "TLS_AES_128_GCM_SHA256");
        assert_eq!(proof(&facts, Kind::TlsCipher), "frame.number in {2}");
        assert_eq!(facts.history(), "Cs");
    }
}

#[test]
fn retry_packets_of_both_rfcs_are_believed_and_altered_ones_are_not() {
    for (client, retry) in [(CLIENT_V1, RETRY_V1), (CLIENT_V2, RETRY_V2)] {
        let facts = closed(&[(Dir::Client, hex(client)), (Dir::Server, hex(retry))]);
        assert_eq!(proof(&facts, Kind::QuicRetry), "frame.number in {2}");
        let mut forged = hex(retry);
        *forged.last_mut().unwrap() ^= 1;
        assert!(!closed(&[(Dir::Client, hex(client)), (Dir::Server, forged)]).has(Kind::QuicRetry));
    }
}

#[test]
fn a_hello_over_three_initials_in_any_order_gives_the_same_facts_with_all_its_frames() {
    let hello = hex(CLIENT_HELLO);
    let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
    let cuts = [0, 70, 150, hello.len()];
    let parts: Vec<Vec<u8>> = (0..3)
        .map(|i| sealer.client(&ORIGIN, &[], u8::try_from(i).unwrap(), &crypto_frame(cuts[i], &hello[cuts[i]..cuts[i + 1]])))
        .collect();
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let facts = closed(&order.map(|i| (Dir::Client, parts[i].clone())));
        assert_eq!(proof(&facts, Kind::TlsServerName), "frame.number in {1,2,3}");
        seen.push(facts.list().to_vec());
    }
    assert!(seen.iter().all(|facts| *facts == seen[0]));
}

#[test]
fn crypto_frames_that_overlap_are_read_once_and_the_first_bytes_win() {
    let hello = hex(CLIENT_HELLO);
    let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
    let mut other = hello[60..200].to_vec();
    other.iter_mut().for_each(|b| *b ^= 0xff);
    let first = [crypto_frame(100, &hello[100..]), vec![1, 0, 0], crypto_frame(20, &hello[20..110])].concat();
    let then = [crypto_frame(60, &other), crypto_frame(0, &hello[..25])].concat();
    let facts = closed(&[(Dir::Client, sealer.client(&ORIGIN, &[], 0, &first)), (Dir::Client, sealer.client(&ORIGIN, &[], 1, &then))]);
    assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.com");
    assert!(facts.has(Kind::Malformed));
}

#[test]
fn a_server_initial_that_was_captured_before_the_client_s_is_opened_once_the_keys_are_known() {
    let facts = closed(&[(Dir::Server, hex(SERVER_V1)), (Dir::Client, hex(CLIENT_V1))]);
    assert_eq!(proof(&facts, Kind::TlsCipher), "frame.number in {1}");
    assert_eq!(proof(&facts, Kind::TlsServerName), "frame.number in {2}");
}

#[test]
fn when_the_flow_took_the_server_for_the_client_the_packets_say_so() {
    let (quic, facts) = feed(&[(Dir::Client, hex(SERVER_V1)), (Dir::Server, hex(CLIENT_V1))]);
    assert_eq!(quic.client(), Some(Dir::Server));
    assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.com");
    assert_eq!(facts.history(), "Cs");
}

#[test]
fn the_flow_learns_who_the_client_is_from_the_packet_that_opens() {
    let (mut datagrams, mut facts) = (crate::dissect::Datagrams::default(), Facts::new());
    let mut number = FrameNo::FIRST;
    let answer = hex(SERVER_V1);
    let hello = hex(CLIENT_V1);
    let (down, up) = (short(&[]), short(&SERVER_ID));
    for (label, bytes) in [(Dir::Client, &answer), (Dir::Server, &hello), (Dir::Client, &down), (Dir::Server, &up)] {
        let frame = Captured { number, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
        datagrams.feed(&frame.window(bytes).with_dir(label), &mut facts);
        number = number.next();
    }
    assert_eq!(datagrams.client(), Some(Dir::Server));
    datagrams.swap_sides();
    assert_eq!(datagrams.client(), Some(Dir::Client));
    assert_eq!(facts.history(), "CsdD");
    assert_eq!(shown(&facts, Kind::Handshake).unwrap(), "complete");
}

#[test]
fn short_headers_to_the_known_ids_both_ways_complete_the_handshake_by_inference() {
    let hello = (Dir::Client, hex(CLIENT_V1));
    let answer = (Dir::Server, hex(SERVER_V1));
    let stray = (Dir::Client, short(&ORIGIN));
    let up = (Dir::Client, short(&SERVER_ID));
    let down = (Dir::Server, short(&[]));
    let early = closed(&[hello.clone(), answer.clone(), stray.clone(), down.clone()]);
    assert!(!early.has(Kind::Handshake), "a short header to another id proves nothing");
    let (quic, facts) = feed(&[hello, answer, stray, down, up]);
    assert_eq!(quic.next(), Next::Done);
    let fact = facts.get(Kind::Handshake).unwrap();
    assert_eq!((fact.what.shown().to_string().as_str(), fact.basis), ("complete", Basis::Inferred));
    assert_eq!(fact.evidence.display_filter(), "frame.number in {1,2,4,5}");
    assert_eq!(shown(&facts, Kind::QuicConnectionIds).unwrap(), "f067a5502a4262b5");
}

#[test]
fn without_an_answer_only_the_client_was_seen() {
    assert_eq!(shown(&closed(&[(Dir::Client, hex(CLIENT_V1))]), Kind::Handshake).unwrap(), "client-only");
    assert_eq!(shown(&closed(&[(Dir::Server, hex(SERVER_V1))]), Kind::Handshake).unwrap(), "missing");
}

#[test]
fn a_server_that_chooses_version_2_for_a_client_of_version_1_is_understood() {
    let v2 = Sealer::new(QuicVersion::V2, &ORIGIN);
    let answer = hex(
        "020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304",
    );
    let facts = closed(&[(Dir::Client, hex(CLIENT_V1)), (Dir::Server, v2.server(&[], &SERVER_ID, 0, &crypto_frame(0, &answer)))]);
    assert_eq!(shown(&facts, Kind::QuicVersion).unwrap(), "2");
    assert_eq!(proof(&facts, Kind::QuicVersion), "frame.number in {2}");
    assert_eq!(shown(&facts, Kind::QuicOriginalVersion).unwrap(), "1");
    assert_eq!(proof(&facts, Kind::QuicOriginalVersion), "frame.number in {1}");
    assert_eq!(shown(&facts, Kind::TlsVersion).unwrap(), "1.3");
}

#[test]
fn after_version_negotiation_the_client_begins_anew() {
    let odd = Sealer::new(QuicVersion(0x1a2a_3a4a), &ORIGIN);
    let hello = hex(CLIENT_HELLO);
    let negotiation = [&[0x80, 0, 0, 0, 0, 2, 7, 7, 8][..], &ORIGIN, &[0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf]].concat();
    let forged = [&[0x80, 0, 0, 0, 0, 2, 9, 9, 8][..], &ORIGIN, &[0xff, 0, 0, 29]].concat();
    let mut refused = hello[..80].to_vec();
    refused[20] ^= 1;
    let facts = closed(&[
        (Dir::Client, odd.client(&ORIGIN, &[7, 7], 0, &crypto_frame(0, &refused))),
        (Dir::Server, forged),
        (Dir::Server, negotiation),
        (Dir::Client, Sealer::new(QuicVersion::V1, &ORIGIN).client(&ORIGIN, &[7, 7], 1, &crypto_frame(0, &hello))),
    ]);
    assert_eq!(shown(&facts, Kind::QuicNegotiation).unwrap(), "1, 2");
    assert_eq!(proof(&facts, Kind::QuicNegotiation), "frame.number in {3}");
    assert_eq!(shown(&facts, Kind::QuicVersion).unwrap(), "1");
    assert_eq!(proof(&facts, Kind::TlsServerName), "frame.number in {4}");
    assert!(!facts.has(Kind::Malformed));
}

#[test]
fn a_connection_close_in_an_initial_is_a_failure_and_its_tls_alert_is_told() {
    let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
    let refusal = sealer.server(&[], &SERVER_ID, 0, &[0x02, 0, 0, 0, 0, 0x1c, 0x41, 0x78, 0x06, 0]);
    let facts = closed(&[(Dir::Client, hex(CLIENT_V1)), (Dir::Server, refusal)]);
    assert_eq!(shown(&facts, Kind::TlsAlerts).unwrap(), "no_application_protocol");
    assert_eq!(shown(&facts, Kind::Handshake).unwrap(), "failed");
    assert_eq!(proof(&facts, Kind::Handshake), "frame.number in {2}");
}

#[test]
fn coalesced_packets_are_each_read_and_a_cut_one_is_tolerated() {
    let mut both = hex(SERVER_V1);
    both.extend_from_slice(&[0xe0, 0, 0, 0, 1, 0, 8]);
    both.extend_from_slice(&SERVER_ID);
    both.extend_from_slice(&[0x44, 0xb0]);
    both.extend_from_slice(&[0x77; 100]);
    let facts = closed(&[(Dir::Client, hex(CLIENT_V1)), (Dir::Server, both)]);
    assert_eq!(facts.history(), "Csz");
    let mut cut = hex(CLIENT_V1);
    cut.truncate(200);
    assert_eq!(probe(&cut), Probe::Yes);
    let facts = closed(&[(Dir::Client, cut)]);
    assert_eq!(shown(&facts, Kind::QuicVersion).unwrap(), "1");
    assert!(!facts.has(Kind::TlsServerName), "what cannot be authenticated is not read");
}

#[test]
fn a_stranger_s_initials_with_new_ids_cost_a_bounded_number_of_derivations_and_do_not_hide_the_hello() {
    let hello = hex(CLIENT_HELLO);
    let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
    let mut datagrams = vec![(Dir::Client, sealer.client(&ORIGIN, &[], 0, &crypto_frame(0, &hello[..100])))];
    for n in 0..200u8 {
        let id = [n; 8];
        datagrams.push((Dir::Client, Sealer::new(QuicVersion::V1, &id).client(&id, &[], 0, &crypto_frame(0, &[1, 0, 0xff, 0xff]))));
    }
    datagrams.push((Dir::Client, sealer.client(&ORIGIN, &[], 1, &crypto_frame(100, &hello[100..]))));
    let facts = closed(&datagrams);
    assert_eq!(proof(&facts, Kind::TlsServerName), "frame.number in {1,202}");
}

/// Was: what the server answered the second client was stated of the first one, as if it had been answered.
#[test]
fn what_a_second_client_on_the_same_ports_is_answered_is_not_said_of_the_first() {
    let (first, second) = (hex(CLIENT_HELLO), {
        let mut hello = hex(CLIENT_HELLO);
        hello[6..38].fill(7);
        let name = hello.windows(11).position(|w| w == b"example.com").unwrap();
        hello[name..][..11].copy_from_slice(b"example.net");
        hello
    });
    let answer = hex(SERVER_HELLO);
    let other = [9; 8];
    let (a, b) = (Sealer::new(QuicVersion::V1, &ORIGIN), Sealer::new(QuicVersion::V1, &other));
    let hello =
        |sealer: &Sealer, origin: &[u8], id: &[u8], hello: &[u8]| (Dir::Client, sealer.client(origin, id, 0, &crypto_frame(0, hello)));
    let answered = |sealer: &Sealer, to: &[u8], id: &[u8]| (Dir::Server, sealer.server(to, id, 0, &crypto_frame(0, &answer)));
    let data = |to_server: &[u8], to_client: &[u8]| [(Dir::Client, short(to_server)), (Dir::Server, short(to_client))];
    let (one, two) = (hello(&a, &ORIGIN, &[1; 4], &first), hello(&b, &other, &[2; 4], &second));
    // The first got no answer.
    let facts = closed(&[vec![one.clone(), two.clone(), answered(&b, &[2; 4], &[4; 8])], data(&[4; 8], &[2; 4]).to_vec()].concat());
    assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.com");
    assert_eq!((shown(&facts, Kind::TlsCipher), shown(&facts, Kind::Handshake).as_deref()), (None, Some("client-only")));
    assert_eq!((facts.has(Kind::TlsEstablished), facts.history()), (false, "C".to_owned()));
    // The first was answered, and goes on beside the second.
    let both = [one.clone(), answered(&a, &[1; 4], &[3; 8]), two, answered(&b, &[2; 4], &[4; 8])];
    let facts = closed(&[both.to_vec(), data(&[4; 8], &[2; 4]).to_vec(), data(&[3; 8], &[1; 4]).to_vec()].concat());
    assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.com");
    assert_eq!(proof(&facts, Kind::TlsCipher), "frame.number in {2}");
    assert_eq!(proof(&facts, Kind::Handshake), "frame.number in {1,2,7,8}");
    // The first was answered and never went on; the second, with its own handshake packets and data, did.
    let handshakes = [(Dir::Client, handshake(&[4; 8], &[2; 4])), (Dir::Server, handshake(&[2; 4], &[4; 8]))];
    let facts = closed(&[both.to_vec(), handshakes.to_vec(), data(&[4; 8], &[2; 4]).to_vec()].concat());
    assert_eq!((facts.has(Kind::TlsEstablished), shown(&facts, Kind::Handshake)), (false, None), "{facts:?}");
    // The first was refused, and the second goes on: whether that is protected is not known, and it has not failed.
    let refused = (Dir::Server, a.server(&[1; 4], &[3; 8], 0, &[0x1c, 0x02, 0, 0]));
    let facts = closed(&[one.clone(), refused.clone()]);
    assert_eq!(shown(&facts, Kind::Handshake).as_deref(), Some("failed"));
    let again = [one.clone(), refused, both[2].clone(), both[3].clone()];
    let facts = closed(&[again.to_vec(), handshakes.to_vec(), data(&[4; 8], &[2; 4]).to_vec()].concat());
    assert_eq!(shown(&facts, Kind::Handshake).as_deref(), Some("client-only"), "{facts:?}");
    // The same client again, after a Retry that was not captured.
    let again = hello(&b, &other, &[1; 4], &first);
    let facts = closed(&[vec![one, again, answered(&b, &[1; 4], &[4; 8])], data(&[4; 8], &[1; 4]).to_vec()].concat());
    assert_eq!(shown(&facts, Kind::Handshake).as_deref(), Some("complete"));
}

#[test]
fn other_datagrams_are_not_quic() {
    let stun = hex("000100002112a442694b7464723047424e555163");
    let dns = hex("c0000100000100000000000003777777076578616d706c6503636f6d0000010001");
    let dtls = hex("16feff000000000000000000");
    let rtp = [&[0x80, 0x60][..], &[0; 170]].concat();
    let counter = [&[0xc1, 0, 0, 0, 1][..], &[0xff; 60]].concat();
    for bytes in [stun, dns, dtls, rtp, counter, vec![], vec![0xc0]] {
        assert_eq!(probe(&bytes), Probe::No, "{bytes:02x?}");
    }
}

#[test]
fn google_quic_is_recognised_and_its_clear_hello_names_the_server() {
    let mut message = b"CHLO\x02\0\0\0PAD\0\x04\0\0\0SNI\0\x0f\0\0\0----example.org".to_vec();
    message.resize(1024, b'-');
    let q043 = [&[0x09][..], &[7; 8], b"Q043", &[1], &[0x11; 12], &[0xa0, 1, 4, 0], &message].concat();
    let q046 = [&[0xc3][..], b"Q046", &[0x50], &[7; 8], &[0, 0, 0, 1], &[0x11; 12], &[0xa0, 1, 4, 0], &message].concat();
    for (datagram, version) in [(q043, "Q043"), (q046, "Q046")] {
        assert_eq!(probe(&datagram), Probe::Yes);
        let facts = closed(&[(Dir::Client, datagram)]);
        assert_eq!(shown(&facts, Kind::QuicVersion).unwrap(), version);
        assert_eq!(shown(&facts, Kind::TlsServerName).unwrap(), "example.org");
        assert!(!facts.has(Kind::TlsVersion));
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..8)) {
        for (_, bytes) in &datagrams {
            probe(bytes);
        }
        closed(&datagrams.into_iter().map(|(up, bytes)| (if up { Dir::Client } else { Dir::Server }, bytes)).collect::<Vec<_>>());
    }

    #[test]
    fn any_frames_in_a_packet_that_authenticates_never_panic(payload in prop::collection::vec(any::<u8>(), 0..300), google in any::<bool>()) {
        let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
        closed(&[(Dir::Client, sealer.client(&ORIGIN, &[], 0, &payload))]);
        let frames = Frames::new(&payload, google).count();
        prop_assert!(frames <= payload.len());
    }

    #[test]
    fn any_change_to_a_packet_never_panics(at in 0usize..1200, value in any::<u8>(), len in 0usize..1200) {
        let mut changed = hex(CLIENT_V1);
        changed[at] = value;
        changed.truncate(len);
        closed(&[(Dir::Client, changed), (Dir::Server, hex(SERVER_V1)), (Dir::Server, hex(RETRY_V1))]);
    }

    #[test]
    fn any_cutting_of_the_hello_into_frames_gives_the_same_facts(cuts in prop::collection::vec(1usize..240, 0..6), shuffle in any::<u64>()) {
        let hello = hex(CLIENT_HELLO);
        let mut bounds = [vec![0, hello.len()], cuts].concat();
        bounds.sort_unstable();
        let mut frames: Vec<Vec<u8>> = bounds.windows(2).map(|w| crypto_frame(w[0], &hello[w[0]..w[1]])).collect();
        let turn = usize::try_from(shuffle % frames.len() as u64).unwrap();
        frames.rotate_left(turn);
        let sealer = Sealer::new(QuicVersion::V1, &ORIGIN);
        let whole = closed(&[(Dir::Client, sealer.client(&ORIGIN, &[], 0, &crypto_frame(0, &hello)))]);
        let cut = closed(&[(Dir::Client, sealer.client(&ORIGIN, &[], 0, &frames.concat()))]);
        prop_assert_eq!(whole.list(), cut.list());
    }
}
