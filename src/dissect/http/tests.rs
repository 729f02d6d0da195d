#![allow(clippy::indexing_slicing)]

use super::super::testing::{C, HELLO, Outcome, S, dialogue, in_frame, probe, survives};
use super::*;
use crate::base::Exposed;

/// What could be read: kind, name, count, octets, excerpt.
fn read(talk: &Outcome) -> Vec<String> {
    talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.bytes, r.excerpt)).collect()
}

#[test]
fn every_request_and_its_content_are_readable() {
    let turns: [(Dir, &[u8]); 4] = [
        (C, b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        (C, b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsee\r\n4\r\n you\r\n0\r\n\r\n"),
        (S, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    let talk = dialogue::<Http>(&turns);
    assert_eq!((talk.next, talk.left), (Next::Stay, 0));
    let said = [
        r#"network.protocol Text("http") observed [#1]"#,
        r#"http.method Wire("GET") observed [#1]"#,
        r#"http.host Wire("example.org") observed [#1]"#,
    ];
    assert_eq!(talk.said()[..3], said);
    let expected = [
        "content HTTP request 2 31 GE• /a HT••/1.1 [#1, #3]",
        "content HTTP content received 1 5 he••• [#2]",
        "content HTTP content sent 1 7 se• yo• [#3]",
    ];
    assert_eq!(read(&talk), expected);
}

#[test]
fn passwords_cookies_and_tokens_are_credentials_and_never_shown() {
    let turns: [(Dir, &[u8]); 4] = [
        (C, b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n\r\nuser=al&password=open"),
        (S, b"HTTP/1.1 200 OK\r\nSet-Cookie: id=secret\r\nContent-Length: 0\r\n\r\n"),
        (C, b"GET /?api_key=open HTTP/1.1\r\nCookie: id=secret\r\nAuthorization: Basic b3Blbg==\r\n\r\n"),
        (C, b"GET / HTTP/1.1\r\nAuthorization: Digest username=\"al\"\r\n\r\n"),
    ];
    let talk = dialogue::<Http>(&turns);
    let found = read(&talk);
    assert!(found.contains(&"credentials HTTP password or token 3 22 •••••• [#1, #3]".into()), "{found:?}");
    assert!(found.contains(&"credentials HTTP cookie 2 18 •••••• [#2, #3]".into()), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("identifiers HTTP login without its password 1")), "{found:?}");
    assert!(found.iter().all(|line| !line.contains("open") && !line.contains("secret")), "{found:?}");
}

#[test]
fn certificate_status_revocation_lists_and_connectivity_checks_are_service() {
    let service = |turns: &[(Dir, &[u8])], what: &str| {
        let talk = dialogue::<Http>(turns);
        assert!(talk.facts.readables().all(|(r, _)| r.kind == Exposed::Service && r.what == what), "{:?}", read(&talk));
        assert!(talk.facts.readables().count() == 1);
        talk
    };
    let asks = b"POST / HTTP/1.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: 3\r\n\r\nabc";
    let answers: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: 2\r\n\r\nok");
    let talk = service(&[(C, asks), answers], "certificate status");
    assert!(talk.says(r#"network.protocol Text("ocsp") observed [#1]"#));
    let talk = service(&[(C, b"GET /MFEwTz HTTP/1.1\r\n\r\n"), answers], "certificate status");
    assert!(talk.says(r#"network.protocol Text("ocsp") observed [#2]"#));
    let list: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n0\x82");
    service(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n"), list], "certificate or revocation list");
    service(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n")], "certificate or revocation list");
    let check = b"GET /hotspot-detect.html HTTP/1.0\r\nHost: captive.apple.com\r\n\r\n";
    service(&[(C, check), (S, b"HTTP/1.1 200 OK\r\n\r\n<HTML>Success</HTML>")], "connectivity check");
    let page: (Dir, &[u8]) = (S, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n<p");
    let talk = dialogue::<Http>(&[(C, b"GET /x/root.crl HTTP/1.1\r\n\r\n"), page]);
    assert!(talk.facts.readables().all(|(r, _)| r.kind == Exposed::Content));
}

#[test]
fn a_head_request_has_an_answer_without_content() {
    let turns: [(Dir, &[u8]); 4] = [
        (C, b"HEAD /a HTTP/1.1\r\n\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (C, b"GET /b HTTP/1.1\r\n\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ];
    assert!(read(&dialogue::<Http>(&turns)).contains(&"content HTTP content received 1 2 ok [#4]".into()));
}

#[test]
fn octets_missing_from_content_do_not_hide_what_follows_it() {
    let (mut http, mut facts) = (Http::default(), crate::base::Facts::new());
    let say = |n, bytes: &[u8], http: &mut Http, facts: &mut crate::base::Facts| in_frame(n, S, bytes, |w| http.feed(w, facts));
    say(1, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", &mut http, &mut facts);
    http.gap(S, 6, &mut facts);
    say(2, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n", &mut http, &mut facts);
    assert!(facts.readables().any(|(r, _)| r.what == "HTTP cookie"));
}

#[test]
fn a_connect_that_is_granted_is_a_tunnel() {
    let talk = dialogue::<Http>(&[
        (C, b"CONNECT mail.example:993 HTTP/1.1\r\nHost: mail.example:993\r\n\r\n"),
        (S, b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n"),
        (C, HELLO),
    ]);
    assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()));
    assert!(talk.says(r#"http.connect_target Wire("mail.example:993") observed [#1]"#));
    assert!(talk.says(r#"tls.tunnel Text("http_connect") observed [#1, #2]"#));
}

#[test]
fn a_connect_repeated_with_credentials_is_a_tunnel_after_the_second_answer() {
    for body in [&b"Content-Length: 4\r\n\r\nnope"[..], b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nnope\r\n0\r\nT: x\r\n\r\n"] {
        let refused = [&b"HTTP/1.1 407 Proxy Authentication Required\r\n"[..], body].concat();
        let talk = dialogue::<Http>(&[
            (C, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"),
            (S, &refused),
            (C, b"CONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\n\r\n"),
        ]);
        assert_eq!(talk.next, Next::Upgrade);
        assert!(talk.says("tls.tunnel Text(\"http_connect\") observed [#3, #4]"));
    }
}

#[test]
fn a_hello_after_connect_is_a_tunnel_by_inference_when_the_answer_is_missing() {
    let talk = dialogue::<Http>(&[(C, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"), (C, HELLO)]);
    assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()));
    assert!(talk.says(r#"tls.tunnel Text("http_connect") inferred [#1, #2]"#));
}

#[test]
fn the_preface_of_http_2_is_recognised() {
    assert_eq!(probe::<Http>(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Probe::Yes);
    let talk = dialogue::<Http>(&[(C, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]);
    assert_eq!(talk.next, Next::Stay);
    assert!(talk.says(r#"network.protocol Text("http2")"#));
}

#[test]
fn a_hello_of_mmtls_in_a_request_is_stated_besides_http() {
    let post = |target: &str, content: &[u8]| {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", content.len());
        dialogue::<Http>(&[(C, head.as_bytes()), (C, content), (S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")])
    };
    let hello = [&b"\x19\xf1\x04\0\xa1\0\0\0\x9d\x01\x04\xf1"[..], &[7; 154]].concat();
    let talk = post("/mmtls/00a1b2c3", &hello);
    assert!(talk.says(r#"network.protocol Text("http") observed [#1]"#));
    assert!(talk.says(r#"network.protocol Text("mmtls") observed [#2]"#));
    assert_eq!(talk.facts.readables().count(), 0);
    for (target, content) in [("/mmtls/00a1b2c3", &b"a=b"[..]), ("/mmtls/00a1b2c3", b"\x19\xf1\x04"), ("/mmtls/x", &hello), ("/", &hello)] {
        assert!(!post(target, content).says("mmtls"), "{target}");
    }
}

#[test]
fn other_protocols_with_lines_are_not_http() {
    for line in [
        "INVITE sip:a@b SIP/2.0\r\n",
        "SSH-2.0-x\r\n",
        "DESCRIBE rtsp://x RTSP/1.0\r\n",
        "GET /\r\n",
        "HTTP/1.1 20x\r\n",
        "get / HTTP/1.1\r\n",
    ] {
        assert_eq!(probe::<Http>(line.as_bytes()), Probe::No, "{line}");
    }
    assert_eq!(probe::<Http>(b"GE"), Probe::More);
    assert_eq!(probe::<Http>(b"\x16\x03\x01"), Probe::No);
    let long = [&b"GET /"[..], &[b'a'; 3000]].concat();
    assert_eq!(probe::<Http>(&long), Probe::Yes);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
        survives::<Http>(&random, piece);
    }

    #[test]
    fn any_text_never_panics(lines in proptest::collection::vec((proptest::bool::ANY, "(CONNECT|GET|HTTP/1.1 200|Content-Length: 9|[ -~]{0,9}|\r\n)( [ -~]{0,9})?( HTTP/1.1)?\r\n"), 0..9), piece in 1usize..9) {
        let random: Vec<_> = lines.into_iter().map(|(c, line)| (c, line.into_bytes())).collect();
        survives::<Http>(&random, piece);
    }
}
