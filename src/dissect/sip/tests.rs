use super::super::testing::{C, Outcome, S, dialogue, probe as probe_of, survives, talk};
use super::*;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5004 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n";

fn message(start: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{start}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn invite() -> Vec<u8> {
    let headers = "From: Alice <sip:alice@example.org>;tag=1\r\nt: sip:bob@example.org;x=y\r\nContent-Type: application/sdp\r\n";
    message("INVITE sip:bob@example.org SIP/2.0", headers, SDP)
}

fn tell(turns: &[(Dir, &[u8])]) -> [Outcome; 2] {
    [talk::<Sip>(turns, usize::MAX), dialogue::<SipOverTcp>(turns)]
}

#[test]
fn a_request_or_a_status_names_sip() {
    for line in
        [b"INVITE sip:bob@example.org SIP/2.0\r\nVia: ".as_slice(), b"SIP/2.0 180 Ringing\r\n", b"OPTIONS SIPS:b@example.org SIP/2.0\r\n"]
    {
        for told in tell(&[(S, line)]) {
            assert_eq!(told.said(), [r#"network.protocol Text("sip") observed [#1]"#]);
        }
    }
    let two = dialogue::<SipOverTcp>(&[(C, b"REGISTER sip:exa"), (C, b"mple.org SIP/2.0\r\n")]);
    assert_eq!(two.said(), [r#"network.protocol Text("sip") observed [#1, #2]"#]);
}

#[test]
fn an_offer_says_where_media_is_expected_and_that_its_key_was_readable() {
    for told in tell(&[(C, &invite()), (S, b"SIP/2.0 100 Trying\r\n\r\n")]) {
        for said in [
            r#"sdp.media List([Wire("RTP/SAVP"), Text("sdes"), Wire("PCMA/8000"), Text("192.0.2.1:5004")]) observed [#1]"#,
            r#"List([Text("credentials"), Text("SRTP key"), Number(1), "#,
            r#"List([Text("identifiers"), Text("SIP address"), Number(2), "#,
        ] {
            assert!(told.says(said), "{said}: {:#?}", told.said());
        }
        assert!(!format!("{:?}", told.said()).contains("c2VjcmV0"), "a key is never shown");
    }
}

#[test]
fn over_tcp_messages_are_told_apart_by_their_length() {
    let text = message("MESSAGE sip:bob@example.org SIP/2.0", "Content-Type: text/plain\r\n", "INVITE is only a word here");
    let stream = [b"\r\n\r\n".as_slice(), &text, &invite()].concat();
    let told = dialogue::<SipOverTcp>(&[(C, &invite()), (C, &stream)]);
    assert!(told.says(r#"Text("content"), Text("SIP message"), Number(1), Number(26)"#), "{:#?}", told.said());
    assert_eq!(told.facts.list().iter().filter(|fact| fact.what.kind() == Kind::SdpMedia).count(), 2);
    let datagram = talk::<Sip>(&[(C, &text), (S, b"\r\n"), (C, b"\0\0\0\0")], usize::MAX);
    assert!(datagram.says("SIP message") && datagram.next == Next::Stay);
    assert_eq!(talk::<Sip>(&[(C, &text), (C, b"\x80\x08 something else")], usize::MAX).next, Next::Upgrade);
}

#[test]
fn a_login_by_digest_shows_who_and_not_the_password_as_it_does_in_http() {
    for name in ["Authorization", "Proxy-Authorization"] {
        let login = format!("{name}: Digest username=\"alice\", response=\"0123\"\r\n");
        let told = talk::<Sip>(&[(C, &message("REGISTER sip:example.org SIP/2.0", &login, ""))], usize::MAX);
        assert!(told.says(r#"Text("identifiers"), Text("SIP login without its password")"#), "{:#?}", told.said());
        assert!(!told.says("credentials") && !told.says("0123"), "{:#?}", told.said());
    }
}

#[test]
fn a_password_or_token_in_a_login_is_told_and_not_shown() {
    for login in ["Basic YWw6b3Blbg==", "Bearer b3Blbg"] {
        let register = message("REGISTER sip:example.org SIP/2.0", &format!("Authorization: {login}\r\n"), "");
        let told = talk::<Sip>(&[(C, &register)], usize::MAX);
        assert!(told.says(r#"Text("credentials"), Text("SIP password or token")"#) && !told.says("b3Blbg"), "{:#?}", told.said());
    }
}

#[test]
fn a_flood_of_descriptions_is_bounded_and_told() {
    let invite = invite();
    let turns: Vec<(Dir, &[u8])> = (0..200).map(|_| (C, invite.as_slice())).collect();
    let told = talk::<Sip>(&turns, usize::MAX);
    assert_eq!(told.facts.list().iter().filter(|fact| fact.what.kind() == Kind::SdpMedia).count(), usize::from(MOST_MEDIA));
    assert!(told.says(r#"intransit.overflow Text("sdp media descriptions")"#));
}

#[test]
fn look_alikes_are_refused() {
    for other in [
        b"OPTIONS rtsp://example.org RTSP/1.0\r\n".as_slice(),
        b"OPTIONS * HTTP/1.1\r\n",
        b"NOTIFY * HTTP/1.1\r\n",
        b"SIP/2.0 700 No\r\n",
        b"INVITE sip:bob@example.org SIP/2.0 \r\n",
        b"INVITE sip: SIP/2.0\r\n",
        b"INVITE sip:bob@example.org SIP/2.0\n",
        b"SUBSCRIBE /x",
    ] {
        assert_eq!(probe_of::<Sip>(other), Probe::No, "{}", String::from_utf8_lossy(other));
    }
    assert_eq!(probe_of::<Sip>(b"INVITE si"), Probe::More);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
        survives::<Sip>(&random, piece);
        survives::<SipOverTcp>(&random, piece);
        let begun = [b"INVITE sip:a SIP/2.0\r\n".as_slice(), &tail].concat();
        let bodied = [b"INVITE sip:a SIP/2.0\r\nc: application/sdp\r\nl: 99\r\n\r\nv=0\r\n".as_slice(), &tail].concat();
        for bytes in [begun, bodied] {
            survives::<Sip>(&[(true, bytes.clone())], piece);
            survives::<SipOverTcp>(&[(true, bytes)], piece);
        }
    }

    #[test]
    fn changed_octets_never_panic(at in 0usize..400, with: u8, piece in 1usize..9) {
        let mut bytes = invite();
        if let Some(b) = bytes.get_mut(at) {
            *b = with;
        }
        survives::<SipOverTcp>(&[(true, bytes.clone()), (true, bytes)], piece);
    }
}
