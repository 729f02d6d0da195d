use super::super::testing::{C, S, dialogue, probe, survives, talk};
use super::kexinit::tests::body;
use super::*;

const CLIENT: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
const SERVER: &[u8] = b"SSH-2.0-AsyncSSH_2.24.1\r\n";
const LISTS: [&str; 6] =
    ["mlkem768x25519-sha256,curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256"];

/// A packet in clear (RFC 4253 §6).
fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (6 + body.len() + 4) % 8) % 8;
    let length = u32::try_from(2 + body.len() + padding).unwrap_or_default();
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&[u8::try_from(padding).unwrap_or_default(), number]);
    packet.extend_from_slice(body);
    packet.resize(packet.len() + padding, 0);
    packet
}

fn whole() -> Vec<(Dir, Vec<u8>)> {
    let mut server_lists = LISTS;
    server_lists[0] = "curve25519-sha256,mlkem768x25519-sha256";
    vec![
        (S, SERVER.to_vec()),
        (C, [CLIENT, &packet(message::KEXINIT, &body(LISTS))].concat()),
        (S, packet(message::KEXINIT, &body(server_lists))),
        (C, packet(message::KEX_INIT, &[1; 40])),
        (S, [packet(31, &[2; 80]), packet(message::NEWKEYS, &[])].concat()),
        (C, packet(message::NEWKEYS, &[])),
    ]
}

fn as_turns(turns: &[(Dir, Vec<u8>)]) -> Vec<(Dir, &[u8])> {
    turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect()
}

#[test]
fn a_key_exchange_seen_whole_says_what_was_agreed_and_from_which_frames() {
    let turns = whole();
    let told = dialogue::<Ssh>(&as_turns(&turns));
    assert_eq!(
        told.said(),
        [
            r#"network.protocol Text("ssh") observed [#1]"#,
            r#"ssh.client Wire("SSH-2.0-OpenSSH_9.2p1 Debian-2") observed [#2]"#,
            r#"ssh.server Wire("SSH-2.0-AsyncSSH_2.24.1") observed [#1]"#,
            r#"ssh.version Text("2") observed [#1, #2]"#,
            r#"ssh.kex Wire("mlkem768x25519-sha256") observed [#2, #3]"#,
            r#"ssh.host_key Wire("ssh-ed25519") observed [#2, #3]"#,
            r#"ssh.cipher List([Wire("aes128-ctr")]) observed [#2, #3]"#,
            r#"ssh.mac List([Wire("hmac-sha2-256")]) observed [#2, #3]"#,
            r#"intransit.handshake Text("complete") observed [#2, #3, #5, #6]"#,
        ]
    );
    assert_eq!((told.next, told.left), (Next::Done, 0));
}

#[test]
fn the_side_that_begins_the_exchange_is_the_client_whatever_the_flow_guessed() {
    let turns: Vec<_> = whole().into_iter().map(|(dir, bytes)| (dir.other(), bytes)).collect();
    let told = talk::<Ssh>(&as_turns(&turns), usize::MAX);
    assert!(told.says(r#"ssh.client Wire("SSH-2.0-OpenSSH_9.2p1 Debian-2")"#));
    assert!(told.says(r#"ssh.kex Wire("mlkem768x25519-sha256")"#), "the preference is the client's: {:?}", told.said());
}

#[test]
fn an_exchange_that_did_not_come_to_its_end_is_not_called_complete() {
    let turns = whole();
    for (cut, word) in [(5, None), (3, None), (1, Some("server-only"))] {
        let told = talk::<Ssh>(&as_turns(&turns[..cut]), usize::MAX);
        let said = told.facts.get(Kind::Handshake).map(|fact| fact.what.clone());
        assert_eq!(said, word.map(What::Handshake), "after {cut} turns");
    }
    let refused = [(C, CLIENT.to_vec()), (S, SERVER.to_vec()), (S, packet(message::DISCONNECT, &[0; 12]))];
    assert!(talk::<Ssh>(&as_turns(&refused), usize::MAX).says(r#"Text("failed") observed [#3]"#));
    let client_only: Vec<_> = whole().into_iter().filter(|(dir, _)| *dir == C).collect();
    assert!(talk::<Ssh>(&as_turns(&client_only), usize::MAX).says(r#"Text("client-only")"#));
}

#[test]
fn version_1_names_the_cipher_that_the_client_chose() {
    let packet_1 = |number: u8, body: &[u8]| {
        let length = 1 + body.len() + 4;
        let mut packet = u32::try_from(length).unwrap_or_default().to_be_bytes().to_vec();
        packet.resize(packet.len() + 8 - length % 8, 0);
        packet.push(number);
        packet.extend_from_slice(body);
        packet.extend_from_slice(&[0; 4]);
        packet
    };
    let turns = [
        (S, b"SSH-1.99-Cisco-1.25\n".to_vec()),
        (C, b"SSH-1.5-1.2.27\n".to_vec()),
        (S, packet_1(message1::PUBLIC_KEY, &[9; 60])),
        (C, packet_1(message1::SESSION_KEY, &[&[3], [9; 60].as_slice()].concat())),
        (S, vec![0xaa; 40]),
    ];
    let told = dialogue::<Ssh>(&as_turns(&turns));
    for said in [r#"ssh.version Text("1") observed [#1, #2]"#, r#"ssh.cipher List([Wire("3des")]) observed [#4]"#, "complete"] {
        assert!(told.says(said), "{said}: {:?}", told.said());
    }
}

#[test]
fn lines_before_the_identification_string_are_passed_over() {
    let told = dialogue::<Ssh>(&[(C, CLIENT), (S, b"Welcome.\r\nAuthorised use only.\r\n"), (S, SERVER)]);
    assert!(told.says(r#"ssh.server Wire("SSH-2.0-AsyncSSH_2.24.1") observed [#3]"#), "{:?}", told.said());
}

#[test]
fn look_alikes_are_refused() {
    for other in [b"SSH-3.0-x\r\n".as_slice(), b"SSH-2.0\r\n", b"SSH-2.0-\r\n", b"SSH is fine\n", b"SSH-2.0-\xff\r\n", b"ssh-2.0-x\r\n"] {
        assert_eq!(probe::<Ssh>(other), Probe::No, "{other:?}");
    }
    assert_eq!(probe::<Ssh>(&[b"SSH-2.0-".as_slice(), &[b'x'; 300]].concat()), Probe::No);
    assert_eq!(probe::<Ssh>(b"SS"), Probe::More);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, number: u8, piece in 1usize..9) {
        survives::<Ssh>(&random, piece);
        survives::<Ssh>(&[(true, [CLIENT, &tail].concat()), (false, [SERVER, &packet(number, &tail)].concat())], piece);
        survives::<Ssh>(&[(true, [b"SSH-1.5-x\n", tail.as_slice()].concat()), (false, [b"SSH-1.99-x\n", tail.as_slice()].concat())], piece);
    }

    #[test]
    fn changed_octets_never_panic(at in 0usize..400, with: u8, piece in 1usize..9) {
        let mut turns: Vec<(bool, Vec<u8>)> = whole().into_iter().map(|(dir, bytes)| (dir == C, bytes)).collect();
        for (_, bytes) in &mut turns {
            if let Some(b) = bytes.get_mut(at) {
                *b = with;
            }
        }
        survives::<Ssh>(&turns, piece);
    }
}
