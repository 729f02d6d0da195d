use super::super::testing::{C, S, probe, survives, talk};
use super::*;

const INITIATOR: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const RESPONDER: [u8; 8] = [8, 7, 6, 5, 4, 3, 2, 1];

/// A message of these payloads: type and contents.
fn message(version: u8, exchange: u8, flags: u8, responder: [u8; 8], id: u8, payloads: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (at, (kind, contents)) in payloads.iter().enumerate() {
        let following = if *kind == payload::ENCRYPTED { 35 } else { payloads.get(at + 1).map_or(0, |(kind, _)| *kind) };
        body.extend_from_slice(&[following, 0]);
        body.extend_from_slice(&u16::try_from(contents.len() + 4).unwrap_or_default().to_be_bytes());
        body.extend_from_slice(contents);
    }
    let first = payloads.first().map_or(0, |(kind, _)| *kind);
    let length = u32::try_from(body.len() + 28).unwrap_or_default().to_be_bytes();
    [&INITIATOR, responder.as_slice(), &[first, version << 4, exchange, flags, 0, 0, 0, id], &length, &body].concat()
}

/// One proposal: AES-GCM with a key of 256 bits, a PRF, Curve25519, and ML-KEM-768 beside it.
fn proposal() -> Vec<u8> {
    let transforms: [&[u8]; 4] =
        [&[3, 0, 0, 12, 1, 0, 0, 20, 0x80, 0x0e, 1, 0], &[3, 0, 0, 8, 2, 0, 0, 5], &[3, 0, 0, 8, 4, 0, 0, 31], &[0, 0, 0, 8, 6, 0, 0, 36]];
    let transforms = transforms.concat();
    let length = u8::try_from(transforms.len() + 8).unwrap_or_default();
    [&[0, 0, 0, length, 1, 1, 0, 4], transforms.as_slice()].concat()
}

fn with_marker(bytes: Vec<u8>) -> Vec<u8> {
    [NON_ESP_MARKER, &bytes].concat()
}

fn esp(number: u8) -> Vec<u8> {
    [&[0xc0, 0xff, 0xee, 1, 0, 0, 0, number], [0x5a; 32].as_slice()].concat()
}

fn exchange() -> Vec<(Dir, Vec<u8>)> {
    let initial = [(payload::SA, proposal()), (34, vec![0, 31, 0, 0, 9, 9]), (40, vec![7; 16])];
    let sealed = [(payload::ENCRYPTED, vec![0x5a; 60])];
    vec![
        (C, message(2, 34, 0x08, [0; 8], 0, &initial)),
        (S, message(2, 34, 0x20, RESPONDER, 0, &initial)),
        (C, with_marker(message(2, 35, 0x08, RESPONDER, 1, &sealed))),
        (S, with_marker(message(2, 35, 0x20, RESPONDER, 1, &sealed))),
        (C, vec![0xff]),
        (C, esp(1)),
        (C, esp(2)),
    ]
}

fn tell(turns: &[(Dir, Vec<u8>)]) -> super::super::testing::Outcome {
    let turns: Vec<(Dir, &[u8])> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    talk::<Ike>(&turns, usize::MAX)
}

#[test]
fn an_exchange_says_what_was_agreed_and_esp_is_named_after_it() {
    let told = tell(&exchange());
    assert_eq!(
        told.said(),
        [
            r#"network.protocol Text("ike") observed [#1]"#,
            r#"ike.version Text("2") observed [#1]"#,
            r#"ike.encryption Text("AES_GCM_16_256") observed [#2]"#,
            r#"ike.groups List([Text("curve25519"), Text("ml-kem-768")]) observed [#2]"#,
            r#"intransit.handshake Text("complete") observed [#1, #2, #3, #4]"#,
            r#"network.protocol Text("esp") inferred [#6, #7]"#,
        ]
    );
    assert_eq!(told.next, Next::Done);
    assert!(tell(&exchange()[..1]).says(r#"Text("client-only") observed [#1]"#));
    assert!(tell(&exchange()[1..2]).says(r#"Text("server-only") observed [#1]"#));
    assert!(!tell(&exchange()[..3]).says("intransit.handshake"));
}

#[test]
fn a_number_that_does_not_rise_is_no_esp() {
    let told = tell(&[&exchange()[..4], &[(C, esp(3)), (C, esp(3)), (C, esp(2))]].concat());
    assert!(!told.says("esp"), "{:?}", told.said());
}

#[test]
fn the_aggressive_mode_of_version_1_shows_who_it_is() {
    let payloads = [(1, vec![0; 40]), (payload::IDENTITY_1, b"\x0b\0\0\0office@example.org".to_vec())];
    let told = tell(&[(C, message(1, 4, 0, [0; 8], 0, &payloads))]);
    assert!(told.says(r#"ike.version Text("1") observed [#1]"#));
    assert!(told.says(r#"Text("identifiers"), Text("IKE identity"), Number(1), Number(18)"#), "{:?}", told.said());
}

#[test]
fn look_alikes_are_refused() {
    let sound = exchange().remove(0).1;
    assert_eq!(probe::<Ike>(&sound), Probe::Yes);
    assert_eq!(probe::<Ike>(&with_marker(sound.clone())), Probe::Yes);
    // The other's index, a version, an exchange, flags, an id, a length, the length of a payload.
    for (at, with) in [(9, 1), (17, 0x30), (18, 99), (19, 0x48), (23, 1), (27, 9), (30, 7)] {
        let mut changed = sound.clone();
        changed[at] = with;
        assert_eq!(probe::<Ike>(&changed), Probe::No, "octet {at} is {with}");
    }
    assert_eq!(probe::<Ike>(&sound[..sound.len() - 1]), Probe::No);
    assert_eq!(probe::<Ike>(&[0; 64]), Probe::No);
    assert_eq!(probe::<Ike>(&esp(1)), Probe::No);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, at in 0usize..160, with: u8, which in 0usize..7) {
        survives::<Ike>(&random, usize::MAX);
        let mut turns: Vec<(bool, Vec<u8>)> = exchange().into_iter().map(|(dir, bytes)| (dir == C, bytes)).collect();
        if let Some(b) = turns.get_mut(which).and_then(|(_, bytes)| bytes.get_mut(at)) {
            *b = with;
        }
        survives::<Ike>(&turns, usize::MAX);
    }
}
