//! OpenVPN: who opens, who answers, and the TLS inside.

use super::super::testing::{C, HELLO, S, dialogue, probe, survives, talk};
use super::super::{Next, Probe};
use super::*;

const CLIENT: [u8; 14] = *b"\x38clientid\0\0\0\0\0";

fn server_reset(answers: &[u8]) -> Vec<u8> {
    [b"\x40serverid\x01\0\0\0\0", answers, &[0; 4]].concat()
}

fn control(session: &[u8], id: u8, payload: &[u8]) -> Vec<u8> {
    [b"\x20", session, &[0, 0, 0, 0, id], payload].concat()
}

fn authenticated(first: u8, session: &[u8], digest: usize, rest: &[u8]) -> Vec<u8> {
    [&[first], session, &vec![0x5a; digest], &[0, 0, 0, 1, 0x5e, 0x3e, 0x7b, 0x98], rest].concat()
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes(), packet].concat()
}

#[test]
fn a_reset_and_its_answer_name_openvpn_together() {
    let answer = server_reset(b"clientid");
    let talk = talk::<Openvpn>(&[(C, &CLIENT), (S, &answer)], usize::MAX);
    assert_eq!(talk.said(), [r#"network.protocol Text("openvpn") observed [#1, #2]"#]);
}

#[test]
fn a_reset_that_nobody_answers_only_suggests_it() {
    let talk = talk::<Openvpn>(&[(C, &CLIENT), (C, &CLIENT)], usize::MAX);
    assert_eq!(talk.said(), [r#"network.protocol Text("openvpn") inferred [#2]"#]);
}

#[test]
fn an_answer_to_another_session_names_nothing() {
    let answer = server_reset(b"anotherx");
    let talk = talk::<Openvpn>(&[(C, &CLIENT), (S, &answer)], usize::MAX);
    assert_eq!((talk.said().len(), talk.next), (0, Next::Upgrade));
}

#[test]
fn with_tls_auth_digests_of_every_length_are_passed_over() {
    for digest in [16, 20, 32, 64] {
        let reset = authenticated(0x38, b"clientid", digest, &[0; 5]);
        let answer = authenticated(0x40, b"serverid", digest, b"\x01\0\0\0\0clientid\0\0\0\0");
        let talk = talk::<Openvpn>(&[(C, &reset), (S, &answer)], usize::MAX);
        assert_eq!(talk.said(), [r#"network.protocol Text("openvpn") observed [#1, #2]"#]);
    }
}

#[test]
fn with_tls_crypt_nothing_of_the_control_channel_is_read() {
    let reset = [b"\x38clientid\0\0\0\x01\x5e\x3e\x7b\x98".as_slice(), &[0xa5; 37]].concat();
    let answer = [b"\x40serverid\0\0\0\x01\x5e\x3e\x7b\x98".as_slice(), &[0xa5; 49]].concat();
    let talk = talk::<Openvpn>(&[(C, &reset), (S, &answer)], usize::MAX);
    assert_eq!((talk.said().len(), talk.next), (1, Next::Done));
}

#[test]
fn packets_of_the_control_channel_are_put_into_order_and_their_tls_is_read() {
    let answer = server_reset(b"clientid");
    // A ClientHello: version, random, no session, one suite, no compression, no extensions.
    let body = [b"\x03\x03".as_slice(), &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    let hello = [&[1, 0, 0, body.len() as u8], body.as_slice()].concat();
    let record = [&[22, 3, 1, 0, hello.len() as u8], hello.as_slice()].concat();
    let (first, second) = record.split_at(20);
    let (first, second) = (control(b"clientid", 1, first), control(b"clientid", 2, second));
    let talk = talk::<Openvpn>(&[(C, &CLIENT), (S, &answer), (C, &second), (C, &first), (C, &first)], usize::MAX);
    assert!(talk.says(r#"network.protocol Text("openvpn") observed [#1, #2]"#), "{:?}", talk.said());
    assert!(talk.says(r#"tls.tunnel Text("openvpn") observed [#1, #2, #4]"#));
    assert!(talk.said().iter().any(|fact| fact.starts_with("tls.client.ja3") && fact.ends_with("[#3, #4]")), "{:?}", talk.said());
    assert!(!talk.says(r#"Text("tls") observed [#1"#));

    let framed: Vec<(Dir, Vec<u8>)> =
        [(C, CLIENT.to_vec()), (S, answer), (C, first), (C, second)].into_iter().map(|(dir, packet)| (dir, framed(&packet))).collect();
    let turns: Vec<(Dir, &[u8])> = framed.iter().map(|(dir, packet)| (*dir, packet.as_slice())).collect();
    let talk = dialogue::<OpenvpnOverTcp>(&turns);
    assert!(talk.says(r#"network.protocol Text("openvpn") observed [#1, #2]"#));
    assert!(talk.said().iter().any(|fact| fact.starts_with("tls.client.ja3") && fact.ends_with("[#3, #4]")));
}

#[test]
fn look_alikes_are_refused() {
    for (at, with) in [(0, 0x39), (0, 0x48), (9, 1), (13, 1)] {
        let mut changed = CLIENT;
        changed[at] = with;
        assert_eq!(probe::<Openvpn>(&changed), Probe::No, "octet {at} is {with}");
    }
    assert_eq!(probe::<Openvpn>(b"\x38\0\0\0\0\0\0\0\0\0\0\0\0\0"), Probe::No);
    assert_eq!(probe::<Openvpn>(&CLIENT[..13]), Probe::No);
    assert_eq!(probe::<Openvpn>(HELLO), Probe::No);
    assert_eq!(probe::<OpenvpnOverTcp>(&framed(&CLIENT)[..9]), Probe::More);
    assert_eq!(probe::<OpenvpnOverTcp>(b"\0\x0e\x39"), Probe::No);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
        survives::<Openvpn>(&random, usize::MAX);
        survives::<OpenvpnOverTcp>(&random, piece);
    }

    #[test]
    fn anything_in_the_control_channel_never_panics(packets: Vec<(bool, u8, Vec<u8>)>, piece in 1usize..9) {
        let mut turns = vec![(true, CLIENT.to_vec()), (false, server_reset(b"clientid"))];
        turns.extend(packets.into_iter().map(|(client, id, payload)| (client, control(b"sessions", id % 8, &payload))));
        survives::<Openvpn>(&turns, usize::MAX);
        let turns: Vec<_> = turns.into_iter().map(|(client, packet)| (client, framed(&packet))).collect();
        survives::<OpenvpnOverTcp>(&turns, piece);
    }
}
