//! Streams of records, made by hand and recorded.

use std::path::Path;

use proptest::prelude::*;

use super::{Carrier, Handshake, Tls};
use crate::base::{
    CipherSuite, Dir, Facts, Frame, FrameNo, Kind, LinkType, NamedGroup, ProtocolVersion, Sides, Stitched, Timestamp, VersionName, What,
};
use crate::dissect::{Next, Payload as _, Probe, Protocol as _};

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// A connection: each segment is a frame, numbered from 1; what was not taken is offered again.
#[derive(Default)]
struct Wire {
    tls: Tls,
    facts: Facts,
    waiting: Sides<Stitched>,
    frames: u64,
    said: Vec<(Dir, Vec<u8>)>,
}

impl Wire {
    fn send(&mut self, dir: Dir, bytes: &[u8]) -> &mut Wire {
        self.frames += 1;
        self.said.push((dir, bytes.to_vec()));
        let frame = frame(self.frames, bytes);
        let waiting = self.waiting.of_mut(dir);
        waiting.push(&frame.window(bytes).with_dir(dir));
        if let Some(window) = waiting.window(dir) {
            let taken = self.tls.feed(&window, &mut self.facts);
            assert!(taken <= window.bytes.len());
            waiting.consume(taken);
        }
        self
    }

    fn client(&mut self, bytes: &[u8]) -> &mut Wire {
        self.send(Dir::Client, bytes)
    }

    fn server(&mut self, bytes: &[u8]) -> &mut Wire {
        self.send(Dir::Server, bytes)
    }

    fn gap(&mut self, dir: Dir, missing: u64) -> &mut Wire {
        self.waiting.of_mut(dir).clear();
        self.tls.gap(dir, missing, &mut self.facts);
        self
    }

    fn close(&mut self) -> &mut Wire {
        let turns: Vec<(Dir, &[u8])> = self.said.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
        crate::fuzzing::kept::keep_turns("tls", &[0, 1], &turns);
        self.tls.close(&mut self.facts);
        self.facts.sort();
        self
    }

    fn what(&self, kind: Kind) -> Option<&What> {
        self.facts.get(kind).map(|fact| &fact.what)
    }

    fn frames_of(&self, kind: Kind) -> Vec<u64> {
        self.facts.get(kind).map(|fact| fact.evidence.frames().iter().map(|n| n.get()).collect()).unwrap_or_default()
    }

    fn statements(&self) -> Vec<What> {
        self.facts.list().iter().map(|fact| fact.what.clone()).collect()
    }
}

fn frame(number: u64, bytes: &[u8]) -> Frame<'_> {
    let number = FrameNo::new(number).unwrap_or(FrameNo::FIRST);
    Frame { number, at: Timestamp::ZERO, bytes, wire_len: bytes.len() as u32, link: LinkType(1), interface: 0 }
}

fn probe(bytes: &[u8]) -> Probe {
    Tls::probe(&frame(1, bytes).window(bytes))
}

fn vec8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn codes(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|code| code.to_be_bytes()).collect()
}

fn extensions(list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    vec16(&list.iter().flat_map(|(kind, data)| [kind.to_be_bytes().to_vec(), vec16(data)].concat()).collect::<Vec<u8>>())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], vec16(body).as_slice()].concat()
}

fn client_hello(version: u16, ciphers: &[u16], list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let ciphers = vec16(&codes(ciphers));
    message(1, &[&version.to_be_bytes(), &[7; 32][..], &[0], &ciphers, &[1, 0], &extensions(list)].concat())
}

fn server_hello(random: &[u8; 32], cipher: u16, list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    message(2, &[&[3, 3], &random[..], &[0], &cipher.to_be_bytes(), &[0], &extensions(list)].concat())
}

fn server_name(name: &str) -> (u16, Vec<u8>) {
    (0, vec16(&[&[0], vec16(name.as_bytes()).as_slice()].concat()))
}

fn usual_hello() -> Vec<u8> {
    let shares = vec16(&[codes(&[29]), vec16(&[9; 32])].concat());
    let list = [server_name("chat.example.net"), (43, vec8(&codes(&[0x0304, 0x0303]))), (51, shares), (10, vec16(&codes(&[29, 23])))];
    client_hello(0x0303, &[0x1301, 0xc02f], &list)
}

fn answer_1_3() -> Vec<u8> {
    let share = [codes(&[29]), vec16(&[9; 32])].concat();
    server_hello(&[5; 32], 0x1301, &[(43, codes(&[0x0304])), (51, share)])
}

const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[test]
fn a_client_hello_over_three_segments_names_three_frames() {
    let hello = record(HANDSHAKE, &usual_hello());
    let mut wire = Wire::default();
    for segment in hello.chunks(hello.len().div_ceil(3)) {
        wire.client(segment);
    }
    assert_eq!(wire.what(Kind::TlsServerName), Some(&What::TlsServerName("chat.example.net".into())));
    assert_eq!(wire.frames_of(Kind::TlsServerName), [1, 2, 3]);
}

#[test]
fn a_client_hello_over_many_records_of_one_octet_is_read() {
    let crumbs: Vec<u8> = usual_hello().iter().flat_map(|&octet| record(HANDSHAKE, &[octet])).collect();
    let mut wire = Wire::default();
    assert_eq!(probe(&crumbs), Probe::Yes);
    wire.client(&crumbs);
    assert_eq!(wire.what(Kind::TlsServerName), Some(&What::TlsServerName("chat.example.net".into())));
}

#[test]
fn a_hello_retry_request_is_not_a_server_hello() {
    let mut wire = Wire::default();
    let retry = server_hello(&RETRY, 0x1301, &[(43, codes(&[0x0304])), (51, codes(&[24]))]);
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(HANDSHAKE, &retry)).server(&record(20, &[1]));
    assert_eq!(wire.what(Kind::TlsHelloRetryRequest), Some(&What::TlsHelloRetryRequest(true)));
    assert_eq!(wire.what(Kind::TlsRetryGroup), Some(&What::TlsRetryGroup(NamedGroup::SECP384R1)));
    assert!(!wire.facts.has(Kind::TlsVersion) && !wire.facts.has(Kind::TlsCipher) && !wire.facts.has(Kind::TlsCurve));

    // The second ClientHello stands after a ChangeCipherSpec that means nothing, and does not overwrite the first.
    let second = client_hello(0x0303, &[0x1302], &[server_name("other.example")]);
    wire.client(&record(20, &[1])).client(&record(HANDSHAKE, &second)).server(&record(HANDSHAKE, &answer_1_3()));
    assert_eq!(wire.what(Kind::TlsServerName), Some(&What::TlsServerName("chat.example.net".into())));
    assert_eq!(wire.what(Kind::TlsVersion), Some(&What::TlsVersion(VersionName(ProtocolVersion::TLS1_3))));
    assert_eq!(wire.facts.history(), "CjiICs");
}

#[test]
fn a_client_that_answers_its_own_hello_has_negotiated_nothing() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).client(&record(HANDSHAKE, &answer_1_3())).close();
    assert!(!wire.facts.has(Kind::TlsVersion) && !wire.facts.has(Kind::TlsCipher) && !wire.facts.has(Kind::TlsCurve));
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("client-only")));
    assert_eq!(wire.frames_of(Kind::Malformed), [2]);

    // Nor is a ClientHello from the side that has answered what a client offered.
    let mut wire = Wire::default();
    wire.server(&record(HANDSHAKE, &answer_1_3())).server(&record(HANDSHAKE, &usual_hello())).close();
    assert!(!wire.facts.has(Kind::TlsServerName));
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("server-only")));
}

#[test]
fn tls_1_3_is_complete_by_inference_when_the_client_encrypts_after_the_servers_flight() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello()));
    wire.server(&[record(HANDSHAKE, &answer_1_3()), record(APPLICATION_DATA, &[7; 800])].concat());
    assert_eq!(wire.tls.next(), Next::Stay);
    wire.client(&record(APPLICATION_DATA, &[7; 53]));
    assert_eq!(wire.tls.next(), Next::Done);
    let complete = wire.facts.get(Kind::Handshake).unwrap();
    assert_eq!((&complete.what, complete.basis), (&What::Handshake("complete"), crate::base::Basis::Inferred));
    assert_eq!(wire.frames_of(Kind::Handshake), [2, 3]);
}

#[test]
fn a_client_that_only_sends_an_encrypted_alert_did_not_complete_tls_1_3() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello()));
    wire.server(&[record(HANDSHAKE, &answer_1_3()), record(APPLICATION_DATA, &[7; 800])].concat());
    wire.client(&record(APPLICATION_DATA, &[7; 19])).close();
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("failed")));
    assert_eq!(wire.what(Kind::TlsEstablished), Some(&What::TlsEstablished(false)));
}

#[test]
fn what_a_client_encrypts_before_the_server_has_answered_completes_nothing() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).client(&record(APPLICATION_DATA, &[9; 80]));
    wire.server(&record(HANDSHAKE, &answer_1_3())).server(&record(APPLICATION_DATA, &[9; 80])).close();
    assert!(!matches!(wire.what(Kind::Handshake), Some(What::Handshake("complete"))));
    assert!(!matches!(wire.what(Kind::TlsEstablished), Some(What::TlsEstablished(true))));
}

#[test]
fn before_tls_1_3_a_server_that_changes_ciphers_without_a_certificate_resumes() {
    let hello = record(HANDSHAKE, &client_hello(0x0303, &[0xc02f], &[]));
    let answer = record(HANDSHAKE, &server_hello(&[5; 32], 0xc02f, &[]));
    let (change, finished) = (record(20, &[1]), record(HANDSHAKE, &[0xee; 40]));
    let mut wire = Wire::default();
    wire.client(&hello).server(&answer).server(&change).server(&finished).client(&change).client(&finished).close();
    assert_eq!(wire.what(Kind::TlsResumed), Some(&What::TlsResumed(true)));
    assert_eq!(wire.frames_of(Kind::TlsResumed), [2, 3]);
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("complete")));
    assert_eq!(wire.frames_of(Kind::Handshake), [2, 3, 4, 5, 6]);

    let mut full = Wire::default();
    let done = record(HANDSHAKE, &message(14, &[]));
    full.client(&hello).server(&answer).server(&done).server(&change);
    assert_eq!(full.what(Kind::TlsResumed), Some(&What::TlsResumed(false)));

    let mut holed = Wire::default();
    holed.client(&hello).server(&answer).gap(Dir::Server, 3000).server(&change).server(&finished);
    assert_eq!(holed.what(Kind::TlsResumed), None);
}

#[test]
fn application_data_before_change_cipher_spec_is_not_protected_before_tls_1_3() {
    let hello = record(HANDSHAKE, &client_hello(0x0303, &[0xc02f], &[]));
    let answer = record(HANDSHAKE, &server_hello(&[5; 32], 0xc02f, &[]));
    let (data, change) = (record(APPLICATION_DATA, &[0xaa; 60]), record(20, &[1]));
    let mut wire = Wire::default();
    wire.client(&hello).server(&answer).client(&data).server(&data).client(&change).server(&change).close();
    assert_eq!(wire.what(Kind::Handshake), None, "both sides changed ciphers, and nothing came after");
    assert_eq!(wire.what(Kind::TlsEstablished), None);
}

#[test]
fn a_server_hello_whose_old_field_says_1_3_negotiates_nothing() {
    let mut answer = server_hello(&[5; 32], 0x1301, &[]);
    answer[4..6].copy_from_slice(&[3, 4]);
    let data = record(APPLICATION_DATA, &[0xaa; 60]);
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(HANDSHAKE, &answer)).server(&data).client(&data).close();
    assert_eq!(wire.what(Kind::TlsVersion), None);
    assert!(wire.what(Kind::Malformed).is_some());
    assert!(!matches!(wire.what(Kind::Handshake), Some(What::Handshake("complete"))));
}

#[test]
fn an_alert_in_clear_fails_a_handshake_and_is_told_with_its_sender() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(21, &[2, 40])).close();
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("failed")));
    assert_eq!(wire.what(Kind::TlsEstablished), Some(&What::TlsEstablished(false)));
    let Some(What::TlsAlerts(alerts)) = wire.what(Kind::TlsAlerts) else { panic!("no alert") };
    assert_eq!(alerts.iter().map(|a| (a.dir, a.fatal, a.description.0)).collect::<Vec<_>>(), [(Dir::Server, true, 40)]);
}

#[test]
fn garbage_after_good_hellos_takes_nothing_back() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(HANDSHAKE, &answer_1_3()));
    let before = wire.statements();
    wire.client(b"GET / HTTP/1.1\r\n\r\n").server(&[0xff; 300]);
    assert_eq!(wire.what(Kind::TlsOtherOctets), Some(&What::TlsOtherOctets(318)));
    assert!(!wire.facts.has(Kind::Readable), "nothing was established: this is an error message, not somebody's text");
    wire.facts.remove(Kind::TlsOtherOctets);
    assert_eq!(wire.statements(), before);
}

#[test]
fn a_broken_extension_is_told_and_what_stood_before_it_is_kept() {
    let mut hello = usual_hello();
    let cut = hello.len() - 3;
    hello.truncate(cut);
    // The message's own length says so too, as a hello that is wrong and not cut would.
    let hello = message(1, &hello[4..]);
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &hello));
    assert!(wire.facts.has(Kind::TlsServerName) && wire.facts.has(Kind::TlsOfferedVersions));
    assert_eq!(wire.what(Kind::Malformed), Some(&What::Malformed("ClientHello: extensions: the bytes end 3 short".into())));
}

#[test]
fn a_connection_joined_in_its_middle_is_tls_of_no_version() {
    let data = [record(APPLICATION_DATA, &[7; 100]), record(APPLICATION_DATA, &[7; 40])].concat();
    assert_eq!(probe(&data), Probe::Yes);
    let mut wire = Wire::default();
    wire.server(&data).client(&data).close();
    assert_eq!(wire.what(Kind::Protocol), Some(&What::Protocol("tls")));
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("missing")));
    assert_eq!(wire.what(Kind::TlsRecordVersions), Some(&What::TlsRecordVersions(vec![ProtocolVersion::TLS1_2])));
    assert!(!wire.facts.has(Kind::TlsVersion) && !wire.facts.has(Kind::TlsEstablished));
}

#[test]
fn after_a_gap_records_are_found_again() {
    let mut wire = Wire::default();
    let hello = record(HANDSHAKE, &client_hello(0x0303, &[0xc02f], &[]));
    let answer = record(HANDSHAKE, &server_hello(&[5; 32], 0xc02f, &[]));
    wire.client(&hello).server(&answer);
    wire.server(&record(HANDSHAKE, &message(11, &[0; 900]))[..400]).gap(Dir::Server, 600);
    wire.server(b"some octets of a record whose header was lost");
    wire.server(&[record(HANDSHAKE, &message(14, &[])), record(20, &[1])].concat());
    assert_eq!(wire.facts.history(), "Csni");
}

#[test]
fn a_gap_inside_a_record_that_is_not_looked_at_costs_nothing() {
    let mut wire = Wire::default();
    let data = record(APPLICATION_DATA, &[7; 1000]);
    wire.server(&data[..200]).gap(Dir::Server, 300).server(&data[500..]).server(&record(21, &[2, 20]));
    assert!(wire.facts.has(Kind::TlsAlerts));
}

#[test]
fn a_message_of_a_mebibyte_is_counted_and_not_kept() {
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(HANDSHAKE, &server_hello(&[5; 32], 0xc02f, &[])));
    let huge = message(11, &vec![0; 1 << 20]);
    let next = message(14, &[]);
    for fragment in [huge, next].concat().chunks(16_384) {
        wire.server(&record(HANDSHAKE, fragment));
    }
    assert!(wire.facts.has(Kind::Overflow));
    assert_eq!(wire.facts.history(), "Csn");
}

#[test]
fn ssl_2_hellos_are_read_only_when_every_length_adds_up() {
    let hello = |version: u16, lengths: [u16; 3]| {
        let body = [&[1], &version.to_be_bytes()[..], &codes(&lengths), &[0, 0, 0x2f, 1, 0, 0x80], &[9; 16]].concat();
        [&[0x80, body.len() as u8], body.as_slice()].concat()
    };
    assert_eq!(probe(&hello(0x0301, [6, 0, 16])), Probe::Yes);
    assert_eq!(probe(&hello(0x0301, [6, 0, 17])), Probe::No);
    assert_eq!(probe(&hello(0x4242, [6, 0, 16])), Probe::No);

    let mut wire = Wire::default();
    wire.client(&hello(0x0301, [6, 0, 16])).server(&record(HANDSHAKE, &server_hello(&[5; 32], 0x002f, &[])));
    assert!(wire.facts.has(Kind::TlsOfferedCiphers));
    assert_eq!(wire.what(Kind::TlsVersionProtocol), Some(&What::TlsVersionProtocol("tls")));
    assert_eq!(wire.facts.history(), "Cs");

    let sizes = codes(&[0, 0, 16]);
    let body = [&[4, 1, 0, 0, 2], sizes.as_slice(), &[8; 16]].concat();
    wire = Wire::default();
    wire.client(&hello(0x0002, [6, 0, 16])).server(&[&[0x80, body.len() as u8], body.as_slice()].concat());
    assert_eq!(wire.what(Kind::TlsVersion), Some(&What::TlsVersion(VersionName(ProtocolVersion::SSL2))));
    assert_eq!(wire.what(Kind::TlsVersionProtocol), Some(&What::TlsVersionProtocol("ssl")));
}

#[test]
fn other_protocols_are_not_taken_for_tls() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01 not tls at all",
        b"\x17\x03\x03\x00\x10 zero",
        b"\x80\x2e\x01\x00\x00",
    ] {
        assert_ne!(probe(bytes), Probe::Yes, "{bytes:?}");
    }
    assert_eq!(probe(&[&[0x17, 3, 3, 0x40, 0][..], &b"text is not what encryption looks like ".repeat(20)].concat()), Probe::No);
}

#[test]
fn ja4_is_the_one_of_its_own_documentation() {
    let ciphers: [u16; 16] =
        [0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035];
    let schemes = vec16(&codes(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]));
    let mut list: Vec<(u16, Vec<u8>)> = vec![(0x1a1a, vec![]), server_name("a.example"), (0x10, vec16(&vec8(b"h2")))];
    list.push((43, vec8(&codes(&[0x2a2a, 0x0304, 0x0303]))));
    list.push((13, schemes));
    list.extend([0x05, 0x0a, 0x0b, 0x12, 0x15, 0x17, 0x1b, 0x23, 0x2d, 0x33, 0x4469, 0xff01].map(|kind| (kind, vec![])));
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &client_hello(0x0303, &ciphers, &list)));
    assert_eq!(wire.what(Kind::TlsJa4), Some(&What::TlsJa4("t13d1516h2_8daaf6152771_e5627efa2ab1".into())));
}

#[test]
fn ja3_is_the_one_of_its_own_documentation() {
    let ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
    let list = [server_name("a.example"), (10, vec16(&codes(&[23, 24, 25]))), (11, vec8(&[0]))];
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &client_hello(0x0301, &ciphers, &list)));
    let expected = [0xad, 0xa7, 0x02, 0x06, 0xe4, 0x06, 0x42, 0xa3, 0xe4, 0x46, 0x1f, 0x35, 0x50, 0x32, 0x41, 0xd5];
    assert_eq!(wire.what(Kind::TlsJa3), Some(&What::TlsJa3(expected)));
}

#[test]
fn a_dtls_hello_has_a_cookie_and_a_connection_id_is_negotiated_by_both() {
    let list = extensions(&[(54, vec8(&[])), (43, vec8(&codes(&[0xfefd])))]);
    let offer = message(1, &[&[0xfe, 0xfd], &[7; 32][..], &[0], &vec8(b"cookie"), &vec16(&codes(&[0xc02b])), &[1, 0], &list].concat());
    let answer = message(2, &[&[0xfe, 0xfd], &[5; 32][..], &[0, 0xc0, 0x2b, 0], &extensions(&[(54, vec8(&[1, 2, 3]))])].concat());
    let (mut handshake, mut facts) = (Handshake::new(Carrier::Dtls), Facts::new());
    handshake.message(&frame(1, &offer).window(&offer), &mut facts);
    handshake.message(&frame(2, &answer).window(&answer).with_dir(Dir::Server), &mut facts);
    assert_eq!(facts.get(Kind::TlsOfferedCiphers).map(|f| &f.what), Some(&What::TlsOfferedCiphers(vec![CipherSuite(0xc02b)])));
    assert_eq!(facts.get(Kind::TlsVersionProtocol).map(|f| &f.what), Some(&What::TlsVersionProtocol("dtls")));
    assert_eq!(facts.get(Kind::DtlsConnectionIds).map(|f| &f.what), Some(&What::DtlsConnectionIds(vec![0, 3])));
    assert!(handshake.has_server_hello() && !facts.has(Kind::Malformed));
}

#[test]
fn a_server_that_could_have_done_better_is_noticed() {
    let mut random = [5; 32];
    random[24..].copy_from_slice(b"DOWNGRD\x01");
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &usual_hello())).server(&record(HANDSHAKE, &server_hello(&random, 0xc02f, &[])));
    assert_eq!(wire.what(Kind::TlsDowngradeSentinel), Some(&What::TlsDowngradeSentinel("1.2")));
}

#[test]
fn grease_is_left_out_of_every_list() {
    let list = [
        (43, vec8(&codes(&[0x3a3a, 0x0304]))),
        (10, vec16(&codes(&[0x4a4a, 29]))),
        (16, vec16(&[vec8(&[0x5a, 0x5a]), vec8(b"h2")].concat())),
    ];
    let mut wire = Wire::default();
    wire.client(&record(HANDSHAKE, &client_hello(0x0303, &[0x0a0a, 0x1301], &list)));
    assert_eq!(wire.what(Kind::TlsOfferedCiphers), Some(&What::TlsOfferedCiphers(vec![CipherSuite(0x1301)])));
    assert_eq!(wire.what(Kind::TlsOfferedVersions), Some(&What::TlsOfferedVersions(vec![ProtocolVersion::TLS1_3])));
    assert_eq!(wire.what(Kind::TlsOfferedGroups), Some(&What::TlsOfferedGroups(vec![NamedGroup::X25519])));
    assert_eq!(wire.what(Kind::TlsOfferedAlpn), Some(&What::TlsOfferedAlpn(vec!["h2".into()])));
}

/// The payload of each TCP segment of one of our captures (one connection, nothing lost), with its sender. `None` where the
/// captures are not beside the sources.
fn recorded(name: &str) -> Option<Vec<(Dir, Vec<u8>)>> {
    let capture = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)).ok()?;
    let mut segments = Vec::new();
    let mut rest = &capture[24..];
    while let Some(head) = rest.get(..16) {
        let length = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        let ip = &rest[16 + 14..16 + length];
        let tcp = &ip[usize::from(ip[0] & 15) * 4..usize::from(u16::from_be_bytes([ip[2], ip[3]]))];
        let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
        let dir = if u16::from_be_bytes([tcp[2], tcp[3]]) == 443 { Dir::Client } else { Dir::Server };
        if !payload.is_empty() {
            segments.push((dir, payload.to_vec()));
        }
        rest = &rest[16 + length..];
    }
    Some(segments)
}

#[test]
fn a_recorded_tls_1_2_handshake_shows_its_certificate() {
    let Some(segments) = recorded("tls12_gcm.pcap") else { return };
    let mut wire = Wire::default();
    for (dir, bytes) in &segments {
        wire.send(*dir, bytes);
    }
    wire.close();
    assert_eq!(wire.what(Kind::TlsSubject), Some(&What::TlsSubject("CN=chat.example.net".into())));
    assert_eq!(wire.what(Kind::TlsSignatureAlgorithm), Some(&What::TlsSignatureAlgorithm("ECDSA-SHA256".into())));
    assert_eq!(wire.what(Kind::TlsKeySize), Some(&What::TlsKeySize(256)));
    assert_eq!(wire.what(Kind::Handshake), Some(&What::Handshake("complete")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_never_panic(segments in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200), 0u64..400), 0..12)) {
        let mut wire = Wire::default();
        for (client, bytes, gap) in segments {
            let dir = if client { Dir::Client } else { Dir::Server };
            let _ = probe(&bytes);
            wire.send(dir, &bytes);
            if gap > 300 {
                wire.gap(dir, gap);
            }
        }
        wire.close();
    }

    #[test]
    fn any_damage_to_a_handshake_never_panics(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20), cut in any::<prop::sample::Index>()) {
        let mut bytes = [record(HANDSHAKE, &usual_hello()), record(HANDSHAKE, &answer_1_3()), record(HANDSHAKE, &message(12, &[3, 0, 29, 4, 1, 2, 3, 4]))].concat();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len()));
        let mut wire = Wire::default();
        wire.client(&bytes).server(&bytes).close();
    }

    #[test]
    fn any_chunking_of_a_recorded_stream_gives_the_same_facts(sizes in prop::collection::vec(1usize..700, 1..40), name in prop::sample::select(vec!["tls12_gcm.pcap", "tls10.pcap", "tls13_aes128.pcap"])) {
        let Some(segments) = recorded(name) else { return Ok(()) };
        let (mut whole, mut pieces) = (Wire::default(), Wire::default());
        let mut size = sizes.iter().cycle();
        for (dir, mut bytes) in segments.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())) {
            whole.send(dir, bytes);
            while !bytes.is_empty() {
                let (piece, rest) = bytes.split_at((*size.next().unwrap()).min(bytes.len()));
                pieces.send(dir, piece);
                bytes = rest;
            }
        }
        whole.close();
        pieces.close();
        prop_assert_eq!(whole.statements(), pieces.statements());
        prop_assert_eq!(whole.facts.history(), pieces.facts.history());
    }
}
