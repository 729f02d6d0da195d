//! Calls made here, datagram by datagram.

use super::super::testing::{C, Outcome, S, probe, survives, talk};
use super::super::{DatagramProtocols, recognise::Datagrams};
use super::*;

const REQUEST: &[u8] = b"\0\x01\0\x08\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\x03abc\0";
/// A whole `ClientHello` of DTLS 1.2 without extensions.
const HELLO: &[u8] = b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x38\x01\0\0\x2c\0\0\0\0\0\0\0\x2c\xfe\xfd\
    abcdefghijklmnopqrstuvwxyz012345\0\0\0\x04\xc0\x2b\0\xff\x01\0";
/// `SRTP_AES128_CM_HMAC_SHA1_80`, without an identifier of the master key.
const USE_SRTP: &[u8] = &[0, 14, 0, 5, 0, 2, 0, 1, 0];

fn record(content: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd];
    record.extend_from_slice(&epoch.to_be_bytes());
    record.extend_from_slice(&[0; 6]);
    record.extend_from_slice(&u16::try_from(body.len()).unwrap_or_default().to_be_bytes());
    record.extend_from_slice(body);
    record
}

fn handshake(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    let [high, low] = sequence.to_be_bytes();
    record(22, 0, &[&[kind], length.as_slice(), &[high, low, 0, 0, 0], &length, body].concat())
}

/// The datagrams of a handshake of DTLS 1.2, with these extensions in the hellos.
fn dtls(extensions: &[u8]) -> Vec<(Dir, Vec<u8>)> {
    let list = [&[0, u8::try_from(extensions.len()).unwrap_or_default()], extensions].concat();
    let client = [&[0xfe, 0xfd], [0x11; 32].as_slice(), &[0, 0, 0, 2, 0xc0, 0x2b, 1, 0], &list].concat();
    let server = [&[0xfe, 0xfd], [0x22; 32].as_slice(), &[0, 0xc0, 0x2b, 0], &list].concat();
    let sealed = [record(20, 0, &[1]), record(22, 1, &[0x5a; 40])].concat();
    vec![
        (C, handshake(1, 0, &client)),
        (S, [handshake(2, 0, &server), handshake(14, 1, &[])].concat()),
        (C, [handshake(16, 1, &[1, 2]), sealed.clone()].concat()),
        (S, sealed),
    ]
}

/// Packet `n` of a source; the sequence number has the lower 16 bits of it.
fn rtp(n: u32, source: u32) -> Vec<u8> {
    let [_, _, sequence @ ..] = n.to_be_bytes();
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence);
    packet.extend_from_slice(&(n * 160).to_be_bytes());
    packet.extend_from_slice(&source.to_be_bytes());
    packet.extend_from_slice(&[0x5a; 40]);
    packet
}

fn media(dir: Dir, n: u32) -> Vec<(Dir, Vec<u8>)> {
    (0..n).map(|i| (dir, rtp(65_533 + i, 7))).collect()
}

fn report(source: u32) -> Vec<u8> {
    [&[0x80, 200, 0, 6], source.to_be_bytes().as_slice(), &[0x5a; 20]].concat()
}

/// In a channel of a relay.
fn channel(inner: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inner.len()).unwrap_or_default();
    [&[0x40, 1], length.to_be_bytes().as_slice(), inner].concat()
}

fn call(turns: &[(Dir, Vec<u8>)]) -> Outcome {
    let turns: Vec<(Dir, &[u8])> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    talk::<Datagrams<DatagramProtocols>>(&turns, usize::MAX)
}

fn protocols(told: &Outcome) -> Vec<&'static str> {
    let name = |fact: &crate::base::Fact| if let What::Protocol(name) = fact.what { Some(name) } else { None };
    told.facts.list().iter().filter_map(name).collect()
}

fn keying(told: &Outcome) -> Option<&'static str> {
    if let Some(What::MediaKeying(word)) = told.facts.get(Kind::MediaKeying).map(|f| &f.what) { Some(word) } else { None }
}

#[test]
fn media_after_dtls_agreed_on_its_keys_is_srtp_and_names_the_frames_of_both() {
    let told = call(&[dtls(USE_SRTP), media(C, 6)].concat());
    assert_eq!(protocols(&told), ["dtls", "srtp"]);
    assert!(told.says(r#"network.protocol Text("srtp") inferred [#2, #3, #4, #5, #6, #7, #8, #9, #10]"#), "{:?}", told.said());
    assert!(told.says(r#"srtp.profile Text("SRTP_AES128_CM_HMAC_SHA1_80") observed [#2]"#), "{:?}", told.said());
    assert!(told.says(r#"intransit.handshake Text("complete")"#));
    assert_eq!((keying(&told), told.next), (Some("dtls-srtp"), Next::Done));
}

#[test]
fn inside_the_channels_of_a_relay_the_same_is_said() {
    let inside = [dtls(USE_SRTP), media(S, 6)].concat().into_iter().map(|(dir, bytes)| (dir, channel(&bytes)));
    let turns: Vec<(Dir, Vec<u8>)> = std::iter::once((C, REQUEST.to_vec())).chain(inside).collect();
    let told = call(&turns);
    assert_eq!((protocols(&told), keying(&told)), (vec!["dtls", "srtp"], Some("dtls-srtp")), "{:?}", told.said());
}

#[test]
fn media_is_not_called_protected_without_its_keys() {
    let handshake = dtls(USE_SRTP);
    let before = [media(C, 7), handshake.clone(), media(S, 7)].concat();
    let unfinished = [handshake.get(..2).unwrap_or_default().to_vec(), media(C, 7)].concat();
    for (turns, expected, why) in [
        (media(C, 7), ["rtp"].as_slice(), "no keys at all"),
        ([dtls(&[]), media(C, 7)].concat(), &["dtls", "rtp"], "DTLS that agreed on no keys for media"),
        (unfinished, &["dtls", "rtp"], "a handshake that did not end"),
        (before, &["dtls", "rtp", "srtp"], "media before the keys is told beside the media after them"),
    ] {
        assert_eq!(protocols(&call(&turns)), expected, "{why}");
    }
    assert_eq!(keying(&call(&[dtls(&[]), media(C, 7)].concat())), None);
}

#[test]
fn rtp_is_believed_only_when_packets_of_one_source_follow_each_other() {
    assert_eq!(protocols(&call(&media(C, 5))), [""; 0], "too few");
    assert_eq!(protocols(&call(&media(C, 6))), ["rtp"], "the sequence number wraps");
    let scattered: Vec<_> = (0..20).map(|i| (C, rtp(i * 1000, 7))).collect();
    assert_eq!(protocols(&call(&scattered)), [""; 0], "no sequence");
    let strangers: Vec<_> = (0..20).map(|i| (C, rtp(i, i + 1))).collect();
    assert_eq!(protocols(&call(&strangers)), [""; 0], "no source");
    let mut still = media(C, 20);
    still.iter_mut().for_each(|(_, packet)| packet[4..8].fill(1));
    assert_eq!(protocols(&call(&still)), [""; 0], "a clock that stands");
    let two: Vec<_> = (0..6).flat_map(|i| [(C, rtp(i, 7)), (S, rtp(i, 9)), (C, rtp(i, 8))]).collect();
    assert_eq!(protocols(&call(&two)), ["rtp"], "several sources");
}

#[test]
fn reports_alone_are_rtcp_and_beside_media_do_not_disturb_it() {
    let reports: Vec<_> = (0..3).map(|_| (C, report(7))).collect();
    assert_eq!(protocols(&call(&reports)), ["rtcp"]);
    assert_eq!(protocols(&call(&reports[..2])), [""; 0]);
    assert_eq!(protocols(&call(&[reports, media(C, 6)].concat())), ["rtcp", "rtp"]);
}

#[test]
fn zrtp_is_told() {
    let mut hello = b"\x10\0\0\x01ZRTP\0\0\0\x01".to_vec();
    hello.extend_from_slice(&[0x5a; 60]);
    assert_eq!(keying(&call(&[vec![(C, hello)], media(C, 7)].concat())), Some("zrtp"));
}

#[test]
fn who_sends_the_client_hello_is_the_client_also_after_connectivity_checks() {
    let turns: Vec<_> = dtls(USE_SRTP).into_iter().map(|(dir, bytes)| (dir.other(), bytes)).collect();
    let turns = [vec![(C, REQUEST.to_vec())], turns, media(S, 6)].concat();
    let told = call(&turns);
    assert!(told.facts.steps().first().is_some_and(|step| step.dir == C && step.message == crate::base::Message::ClientHello));
    assert_eq!(protocols(&told), ["dtls", "srtp"]);
}

#[test]
fn a_message_with_the_cookie_names_stun_once() {
    let told = talk::<Rtc>(&[(C, REQUEST), (S, REQUEST), (C, b"\x40\0\0\x01x\0\0\0")], usize::MAX);
    assert_eq!(told.said(), [r#"network.protocol Text("stun") observed [#1]"#, r#"stun.software Wire("abc") observed [#1]"#]);
}

#[test]
fn a_relay_tells_its_realm_its_user_its_address_and_the_peers() {
    let message = |kind: u16, attributes: &[(u16, &[u8])]| {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let length = u16::try_from(body.len()).unwrap_or_default().to_be_bytes();
        [&kind.to_be_bytes(), length.as_slice(), b"\x21\x12\xa4\x42abcdefghijkl", &body].concat()
    };
    let v4 = [0, 1, 0x21 ^ 0x0d, 0x12 ^ 0x05, 0x21 ^ 192, 0x12, 0xa4 ^ 2, 0x42 ^ 9];
    let v6 = [&[0, 2, 0x21, 0x12, 0x21 ^ 0x20, 0x12 ^ 0x01, 0xa4 ^ 0x0d, 0x42 ^ 0xb8], b"abcdefghijkl".as_slice()].concat();
    let turns = [
        (C, message(0x0003, &[(6, b"alice"), (0x14, b"turn.example.org"), (0x4002, b"x")])),
        (S, message(0x0103, &[(0x16, &v4), (0x8022, b"coturn")])),
        (C, message(0x0008, &[(0x12, &v6)])),
        (C, message(0x0800, &[])),
    ];
    let told = call(&turns);
    for said in [
        r#"stun.username Wire("alice") observed [#1]"#,
        r#"stun.realm Wire("turn.example.org") observed [#1]"#,
        r#"stun.relayed_address Text("192.0.2.9:3333") observed [#2]"#,
        r#"stun.software Wire("coturn") observed [#2]"#,
        r#"stun.peers List([Text("[2001:db8::]:0")]) observed [#3]"#,
        r#"stun.vendor_attributes List([Text("0x4002")]) observed [#1]"#,
        r#"stun.vendor_messages List([Text("0x0800")]) observed [#4]"#,
    ] {
        assert!(told.says(said), "{said}: {:#?}", told.said());
    }
}

#[test]
fn dtls_after_stun_is_read_and_stun_between_does_not_disturb_it() {
    let hello = HELLO.to_vec();
    let told = call(&[(C, REQUEST.to_vec()), (S, b"media".to_vec()), (C, hello), (S, REQUEST.to_vec())]);
    assert!(told.says(r#"network.protocol Text("dtls") observed [#3]"#), "{:?}", told.said());
    assert!(told.says(r#"intransit.handshake Text("client-only") observed [#3]"#), "{:?}", told.said());
    let media = call(&[(C, REQUEST.to_vec()), (S, b"media".to_vec()), (C, REQUEST.to_vec()), (C, b"media".to_vec())]);
    assert_eq!(protocols(&media), ["stun"]);
}

#[test]
fn what_goes_beside_stun_is_looked_at() {
    let text = b"a text in clear, long enough to be read as one".to_vec();
    let beside = call(&[(C, REQUEST.to_vec()), (C, text.clone())]);
    assert!(beside.says(r#"intransit.looks Text("readable") inferred [#2]"#), "{:?}", beside.said());
    let relayed = call(&[(C, REQUEST.to_vec()), (C, channel(&text))]);
    assert!(relayed.says(r#"intransit.looks Text("readable") inferred [#2]"#), "{:?}", relayed.said());
}

#[test]
fn messages_without_a_cookie_or_without_padding_are_read_where_all_else_fits() {
    let classic = b"\0\x01\0\x08abcdefghijklmnop\0\x03\0\x04\0\0\0\x02";
    assert_eq!(probe::<Rtc>(classic), Probe::Yes);
    for (at, with) in [(1, 3), (3, 4), (21, 0x20), (20, 0x40), (23, 8)] {
        let mut changed = classic.to_vec();
        changed[at] = with;
        assert_eq!(probe::<Rtc>(&changed), Probe::No, "octet {at} is {with}");
    }
    assert_eq!(probe::<Rtc>(b"\0\x01\0\0abcdefghijklmnop"), Probe::No, "nothing but a type");
    assert_eq!(probe::<Rtc>(b"\0\x03\0\x06\x21\x12\xa4\x42abcdefghijkl\x40\0\0\x02ab"), Probe::Yes);
}

#[test]
fn look_alikes_are_refused() {
    for (at, with) in [(0, 0x40), (3, 4), (3, 9), (4, 0x22), (23, 9)] {
        let mut changed = REQUEST.to_vec();
        changed.splice(at..=at, [with]);
        assert_eq!(probe::<Rtc>(&changed), Probe::No, "octet {at} is {with}");
    }
    assert_eq!(probe::<Rtc>(&[REQUEST, b"x"].concat()), Probe::No);
    assert_eq!(probe::<Rtc>(b"\x40\0\0\x01x"), Probe::No);
    for (at, with) in [(0, 0x40), (0, 0x90), (0, 0x8f), (1, 72), (1, 200)] {
        let mut changed = rtp(1, 7);
        changed.splice(at..=at, [with]);
        changed[14..16].fill(0xff);
        assert_eq!(probe::<RtpFirst>(&changed), Probe::No, "octet {at} is {with}");
    }
    assert_eq!(probe::<RtpFirst>(&rtp(1, 0)), Probe::No);
    assert_eq!(probe::<RtpFirst>(&rtp(1, 7)[..12]), Probe::No);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
        survives::<Rtc>(&random, usize::MAX);
        survives::<RtpFirst>(&random, usize::MAX);
        let turns = [REQUEST.to_vec(), [REQUEST, &tail].concat(), channel(&tail), [&[0x80, 96], tail.as_slice()].concat()];
        survives::<Rtc>(&turns.map(|bytes| (true, bytes)), usize::MAX);
    }

    #[test]
    fn changed_octets_of_a_call_never_panic(at in 0usize..120, with: u8, which in 0usize..10) {
        let mut turns = [dtls(USE_SRTP), media(C, 6)].concat();
        if let Some(b) = turns.get_mut(which).and_then(|(_, bytes)| bytes.get_mut(at)) {
            *b = with;
        }
        let turns: Vec<(bool, Vec<u8>)> = turns.into_iter().map(|(dir, bytes)| (dir == C, bytes)).collect();
        survives::<Rtc>(&turns, usize::MAX);
    }
}
