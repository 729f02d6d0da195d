//! Dialogues in each protocol: upgraded, refused, plain, one side alone, cut.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod overheard;

use super::super::testing::{C, HELLO, Outcome, S, dialogue, probe, survives};
use super::super::{Next, Payload, Probe, Protocol};
use super::{Dialogue, Ldap, Mysql, Postgres, Rdp, Xmpp};
use crate::base::{Dir, Message};

type Turn<'a> = (Dir, &'a [u8]);

/// The dialogue ends in an upgrade that was asked for in one frame and granted in another, and takes nothing of the hello after it.
fn upgrades<P: Payload>(name: &str, frames: &str, turns: &[Turn<'_>]) -> Outcome {
    let turns = [turns, &[(C, HELLO)]].concat();
    let talk = dialogue::<P>(&turns);
    assert_eq!((talk.next, talk.left), (Next::Upgrade, HELLO.len()), "{:?}", talk.said());
    assert!(talk.says(&format!("intransit.starttls Text({name:?}) observed {frames}")), "{:?}", talk.said());
    assert!(talk.says(&format!("network.protocol Text({name:?})")), "{:?}", talk.said());
    talk
}

fn refuses<P: Payload>(name: &str, frames: &str, turns: &[Turn<'_>]) {
    let talk = dialogue::<P>(turns);
    assert!(talk.next != Next::Upgrade && !talk.says("intransit.starttls "), "{:?}", talk.said());
    assert!(talk.says(&format!("intransit.starttls_refused Text({name:?}) observed {frames}")), "{:?}", talk.said());
    assert_eq!(talk.facts.steps().last().map(|s| s.message), Some(Message::StartTlsRefused));
}

/// The protocol is named, and neither an upgrade nor a refusal is stated.
fn stays_plain<P: Payload>(name: &str, turns: &[Turn<'_>]) {
    let talk = dialogue::<P>(turns);
    assert_ne!(talk.next, Next::Upgrade);
    assert!(talk.says(&format!("network.protocol Text({name:?})")) && !talk.says("starttls"), "{:?}", talk.said());
}

/// TLS appears although no agreement was seen.
fn infers<P: Payload>(name: &str, frames: &str, turns: &[Turn<'_>]) {
    let talk = dialogue::<P>(turns);
    assert_eq!(talk.next, Next::Upgrade, "{:?}", talk.said());
    assert!(talk.says(&format!("intransit.starttls Text({name:?}) inferred {frames}")), "{:?}", talk.said());
}

#[test]
fn smtp() {
    let hello: [Turn<'_>; 3] =
        [(S, b"220 mx.example ESMTP ready\r\n"), (C, b"EHLO a.example\r\n"), (S, b"250-mx.example\r\n250-STARTTLS\r\n250 SIZE 100\r\n")];
    let asked = [&hello[..], &[(C, b"STARTTLS\r\n")]].concat();
    let talk = upgrades::<Dialogue>("smtp", "[#4, #5]", &[&asked[..], &[(S, b"220 2.0.0 go ahead\r\n")]].concat());
    assert_eq!(talk.facts.steps().iter().map(|s| s.message).collect::<Vec<_>>(), [Message::StartTlsRequest, Message::StartTlsAccepted]);
    refuses::<Dialogue>("smtp", "[#4, #5]", &[&asked[..], &[(S, b"454 4.7.0 TLS not available\r\n")]].concat());
    infers::<Dialogue>("smtp", "[#4, #5]", &[&asked[..], &[(C, HELLO)]].concat());
    infers::<Dialogue>("smtp", "[#4, #5]", &[&asked[..], &[(S, &[0x16, 3, 3, 0, 80, 2])]].concat());
    let message: Turn<'_> = (C, b"Subject: how to\r\n\r\nSTARTTLS\r\n.\r\n");
    stays_plain::<Dialogue>(
        "smtp",
        &[&hello[..], &[(C, b"MAIL FROM:<a@b>\r\nDATA\r\n"), (S, b"354 go on\r\n"), message, (S, b"250 ok\r\n")]].concat(),
    );
}

#[test]
fn the_greeting_does_not_agree_to_what_a_hasty_client_asked_before_it() {
    let talk = dialogue::<Dialogue>(&[(C, b"EHLO a\r\nSTARTTLS\r\n"), (S, b"220 mx.example ESMTP\r\n"), (S, b"250 mx.example\r\n")]);
    assert_eq!(talk.next, Next::Stay);
    upgrades::<Dialogue>(
        "smtp",
        "[#1, #4]",
        &[(C, b"EHLO a\r\nSTARTTLS\r\n"), (S, b"220 mx.example ESMTP\r\n"), (S, b"250 mx.example\r\n"), (S, b"220 go\r\n")],
    );
}

#[test]
fn one_side_alone_shows_that_tls_began() {
    infers::<Dialogue>("smtp", "[#2, #3]", &[(C, b"EHLO a\r\n"), (C, b"STARTTLS\r\n"), (C, HELLO)]);
    let server: [Turn<'_>; 4] =
        [(S, b"220 mx.example ESMTP\r\n"), (S, b"250-mx\r\n250 STARTTLS\r\n"), (S, b"220 go\r\n"), (S, &[0x16, 3, 3, 0, 80, 2])];
    infers::<Dialogue>("smtp", "[#4]", &server);
}

#[test]
fn a_bare_220_is_named_by_what_follows() {
    let greeting: Turn<'_> = (S, b"220 host.example ready\r\n");
    assert_eq!(probe::<Dialogue>(greeting.1), Probe::Yes);
    assert!(dialogue::<Dialogue>(&[greeting]).said().is_empty());
    let smtp = dialogue::<Dialogue>(&[greeting, (C, b"HELO a\r\n")]);
    assert_eq!(smtp.said(), [r#"network.protocol Text("smtp") observed [#1, #2]"#]);
    let ftp = dialogue::<Dialogue>(&[greeting, (C, b"USER anonymous\r\n")]);
    assert_eq!(ftp.said(), [r#"network.protocol Text("ftp") observed [#1, #2]"#]);
}

#[test]
fn ftp() {
    let greeting: Turn<'_> = (S, b"220 (vsFTPd 3.0.3)\r\n");
    upgrades::<Dialogue>("ftp", "[#2, #3]", &[greeting, (C, b"AUTH TLS\r\n"), (S, b"234 Proceed with negotiation.\r\n")]);
    let second: [Turn<'_>; 4] = [(C, b"AUTH TLS\r\n"), (S, b"504 no\r\n"), (C, b"AUTH SSL\r\n"), (S, b"234 yes\r\n")];
    upgrades::<Dialogue>("ftp", "[#4, #5]", &[&[greeting][..], &second].concat());
    refuses::<Dialogue>("ftp", "[#2, #3]", &[greeting, (C, b"AUTH TLS\r\n"), (S, b"530 Please login with USER and PASS.\r\n")]);
    stays_plain::<Dialogue>("ftp", &[greeting, (C, b"USER a\r\n"), (S, b"331 x\r\n"), (C, b"PASS b\r\n"), (S, b"230 ok\r\n")]);
}

#[test]
fn imap() {
    let greeting: Turn<'_> = (S, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
    upgrades::<Dialogue>("imap", "[#2, #3]", &[greeting, (C, b"a1 STARTTLS\r\n"), (S, b"a1 OK begin\r\n")]);
    let pipelined: [Turn<'_>; 4] =
        [greeting, (C, b"a0 CAPABILITY\r\na1 starttls\r\n"), (S, b"* CAPABILITY IMAP4rev1\r\na0 OK done\r\n"), (S, b"a1 OK begin\r\n")];
    upgrades::<Dialogue>("imap", "[#2, #4]", &pipelined);
    refuses::<Dialogue>("imap", "[#2, #3]", &[greeting, (C, b"a1 STARTTLS\r\n"), (S, b"a1 BAD no\r\n")]);
    stays_plain::<Dialogue>("imap", &[greeting, (C, b"1 LOGIN a b\r\n"), (S, b"1 OK hello\r\n"), (C, b"2 SELECT INBOX\r\n")]);
}

#[test]
fn pop3() {
    let greeting: Turn<'_> = (S, b"+OK POP3 ready\r\n");
    upgrades::<Dialogue>("pop3", "[#2, #3]", &[greeting, (C, b"STLS\r\n"), (S, b"+OK Begin TLS\r\n")]);
    let pipelined: [Turn<'_>; 4] = [greeting, (C, b"CAPA\r\nSTLS\r\n"), (S, b"+OK\r\nSTLS\r\nUIDL\r\n.\r\n"), (S, b"+OK\r\n")];
    upgrades::<Dialogue>("pop3", "[#2, #4]", &pipelined);
    refuses::<Dialogue>("pop3", "[#2, #3]", &[greeting, (C, b"STLS\r\n"), (S, b"-ERR no\r\n")]);
    stays_plain::<Dialogue>(
        "pop3",
        &[greeting, (C, b"USER a\r\n"), (S, b"+OK\r\n"), (C, b"PASS b\r\n"), (S, b"+OK\r\n"), (C, b"RETR 1\r\n")],
    );
    assert_eq!(probe::<Dialogue>(b"+OK\r\n"), Probe::No, "Redis answers like this");
}

#[test]
fn nntp() {
    let greeting: Turn<'_> = (S, b"200 news.example InterNetNews NNRP server ready (posting ok)\r\n");
    upgrades::<Dialogue>("nntp", "[#2, #3]", &[greeting, (C, b"STARTTLS\r\n"), (S, b"382 Continue with TLS\r\n")]);
    refuses::<Dialogue>("nntp", "[#2, #3]", &[greeting, (C, b"STARTTLS\r\n"), (S, b"580 Can not initiate TLS\r\n")]);
    stays_plain::<Dialogue>("nntp", &[greeting, (C, b"MODE READER\r\n"), (S, b"200 ok\r\n"), (C, b"GROUP a.b\r\n"), (C, b"ARTICLE 1\r\n")]);
}

#[test]
fn manage_sieve() {
    let greeting: Turn<'_> = (S, b"\"IMPLEMENTATION\" \"Example 1.0\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n");
    upgrades::<Dialogue>("sieve", "[#2, #3]", &[greeting, (C, b"STARTTLS\r\n"), (S, b"OK\r\n")]);
    refuses::<Dialogue>("sieve", "[#2, #3]", &[greeting, (C, b"StartTls\r\n"), (S, b"NO \"no\"\r\n")]);
    stays_plain::<Dialogue>("sieve", &[greeting, (C, b"AUTHENTICATE \"PLAIN\" \"eA==\"\r\n"), (S, b"OK\r\n"), (C, b"LISTSCRIPTS\r\n")]);
}

#[test]
fn irc() {
    let notice: Turn<'_> = (S, b":irc.example NOTICE * :*** Looking up your hostname\r\n");
    let accepted: Turn<'_> = (S, b":irc.example 670 * :STARTTLS successful, proceed with TLS handshake\r\n");
    upgrades::<Dialogue>("irc", "[#2, #3]", &[notice, (C, b"STARTTLS\r\n"), accepted]);
    upgrades::<Dialogue>("irc", "[#1, #2]", &[(C, b"CAP LS\r\nSTARTTLS\r\n"), accepted]);
    refuses::<Dialogue>("irc", "[#2, #3]", &[notice, (C, b"STARTTLS\r\n"), (S, b":irc.example 691 * :STARTTLS failure\r\n")]);
    stays_plain::<Dialogue>("irc", &[(C, b"NICK a\r\nUSER a 0 * :A\r\n"), (S, b":irc.example 001 a :Welcome\r\n"), (C, b"JOIN #x\r\n")]);
}

#[test]
fn xmpp() {
    let client: Turn<'_> =
        (C, b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>");
    let server: Turn<'_> = (
        S,
        b"<?xml version='1.0'?><stream:stream id='1' from='a.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
          <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
    );
    let ask: Turn<'_> = (C, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    upgrades::<Xmpp>("xmpp", "[#3, #4]", &[client, server, ask, (S, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]);
    upgrades::<Xmpp>("xmpp", "[#3, #4]", &[client, server, ask, (S, b"<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"></proceed>")]);
    refuses::<Xmpp>("xmpp", "[#3, #4]", &[client, server, ask, (S, b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")]);
    stays_plain::<Xmpp>(
        "xmpp",
        &[client, server, (C, b"<iq type='get'/>"), ask, (S, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")],
    );
    infers::<Xmpp>("xmpp", "[#3, #4]", &[client, server, ask, (C, HELLO)]);
    infers::<Xmpp>("xmpp", "[#2]", &[server, (S, &[0x16, 3, 3, 0, 80, 2])]);
    assert_eq!(probe::<Xmpp>(client.1), Probe::Yes);
    assert_eq!(probe::<Xmpp>(&client.1[..30]), Probe::More);
    assert_eq!(probe::<Xmpp>(b"<?xml version='1.0'?><html>"), Probe::No);
    assert_eq!(super::super::testing::in_frame(1, C, server.1, Xmpp::sender), Some(S));
}

const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

#[test]
fn ldap() {
    let ask: Turn<'_> = (C, LDAP_REQUEST);
    let response = |code| [&b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01"[..], &[code], b"\x04\x00\x04\x00"].concat();
    upgrades::<Ldap>("ldap", "[#1, #2]", &[ask, (S, &response(0))]);
    refuses::<Ldap>("ldap", "[#1, #2]", &[ask, (S, &response(2))]);
    infers::<Ldap>("ldap", "[#1, #2]", &[ask, (C, HELLO)]);
    let bind: Turn<'_> = (C, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00");
    stays_plain::<Ldap>("ldap", &[bind, (S, b"\x30\x84\0\0\0\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")]);
    assert_eq!(probe::<Ldap>(bind.1), Probe::Yes);
    let snmp = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19";
    assert_eq!(probe::<Ldap>(snmp), Probe::No);
}

#[test]
fn postgres() {
    let ask: Turn<'_> = (C, b"\0\0\0\x08\x04\xd2\x16\x2f");
    let startup: Turn<'_> = (C, b"\0\0\0\x10\0\x03\0\0user\0a\0\0");
    upgrades::<Postgres>("postgres", "[#1, #2]", &[ask, (S, b"S")]);
    upgrades::<Postgres>("postgres", "[#3, #4]", &[(C, b"\0\0\0\x08\x04\xd2\x16\x30"), (S, b"N"), ask, (S, b"S")]);
    refuses::<Postgres>("postgres", "[#1, #2]", &[ask, (S, b"N"), startup]);
    stays_plain::<Postgres>("postgres", &[startup]);
    infers::<Postgres>("postgres", "[#1, #2]", &[ask, (C, HELLO)]);
    assert_eq!(probe::<Postgres>(startup.1), Probe::Yes);
    assert_eq!(probe::<Postgres>(b"\0\0\0\x08\x04\xd2\x16\x20"), Probe::No);
}

fn mysql_greeting(capabilities: u16) -> Vec<u8> {
    let mut body = b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0".to_vec();
    body.extend_from_slice(&capabilities.to_le_bytes());
    body.extend_from_slice(&[0xff, 2, 0, 0xff, 0xdf, 21]);
    body.extend_from_slice(&[0; 10]);
    body.extend_from_slice(b"abcdefghijkl\0caching_sha2_password\0");
    [&[body.len() as u8, 0, 0, 0], body.as_slice()].concat()
}

#[test]
fn mysql() {
    let greeting = mysql_greeting(0xffff);
    let ask = [&[32, 0, 0, 1, 0x85, 0xae, 0xff, 0x19, 0, 0, 0, 1, 0xff][..], &[0; 23]].concat();
    upgrades::<Mysql>("mysql", "[#1, #2]", &[(S, &greeting), (C, &ask)]);
    upgrades::<Mysql>("mysql", "[#1]", &[(C, &ask)]);
    infers::<Mysql>("mysql", "[#2]", &[(S, &greeting), (S, &[0x16, 3, 3, 0, 80, 2])]);
    let login = [&[40, 0, 0, 1, 0x85, 0xa6, 0xff, 0x19, 0, 0, 0, 1, 0xff][..], &[0; 23], b"root\0\0\0\0"].concat();
    stays_plain::<Mysql>("mysql", &[(S, &greeting), (C, &login)]);
    assert_eq!(probe::<Mysql>(&greeting), Probe::Yes);
    assert_eq!(probe::<Mysql>(&greeting[..20]), Probe::More);
    assert_eq!(probe::<Mysql>(&ask), Probe::Yes);
    assert_eq!(probe::<Mysql>(&[0; 40]), Probe::No);
}

fn rdp_request(protocols: u8) -> Vec<u8> {
    let cookie = b"Cookie: mstshash=eve\r\n";
    let len = 11 + cookie.len() as u8 + 8;
    [&[3, 0, 0, len, len - 5, 0xe0, 0, 0, 0, 0, 0][..], cookie, &[1, 0, 8, 0, protocols, 0, 0, 0]].concat()
}

#[test]
fn rdp() {
    let confirm = |kind, value| [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, kind, 0, 8, 0, value, 0, 0, 0];
    for selected in [1, 2, 8] {
        upgrades::<Rdp>("rdp", "[#1, #2]", &[(C, &rdp_request(11)), (S, &confirm(2, selected))]);
    }
    refuses::<Rdp>("rdp", "[#1, #2]", &[(C, &rdp_request(1)), (S, &confirm(2, 0))]);
    refuses::<Rdp>("rdp", "[#1, #2]", &[(C, &rdp_request(1)), (S, &[3, 0, 0, 11, 6, 0xd0, 0, 0, 0, 0, 0])]);
    stays_plain::<Rdp>("rdp", &[(C, &rdp_request(0)), (S, &confirm(2, 0))]);
    stays_plain::<Rdp>("rdp", &[(C, &rdp_request(0)), (S, &confirm(3, 1))]);
    infers::<Rdp>("rdp", "[#1, #2]", &[(C, &rdp_request(1)), (C, HELLO)]);
    assert_eq!(probe::<Rdp>(&rdp_request(1)), Probe::Yes);
    let s7 = [3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2, 0xc0, 1, 10];
    assert_eq!(probe::<Rdp>(&s7), Probe::No, "S7 over the same transport");
}

#[test]
fn a_line_without_end_is_passed_over_and_the_next_one_read() {
    let long = [&b"220 mx ESMTP\r\n250-"[..], &[b'x'; 20_000], b"\r\n"].concat();
    upgrades::<Dialogue>("smtp", "[#2, #3]", &[(S, &long), (C, b"STARTTLS\r\n"), (S, b"220 go\r\n")]);
}

#[test]
fn other_protocols_are_no_dialogue() {
    for bytes in
        [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], b"GET / HTTP/1.1\r\n", b"RFB 003.008\n", b"INFO {}\r\n", b"*1\r\n$4\r\nPING\r\n", b"200 OK\r\n"]
    {
        assert_eq!(probe::<Dialogue>(bytes), Probe::No, "{bytes:?}");
    }
    assert_eq!(probe::<Dialogue>(b"220"), Probe::More);
    assert_eq!(probe::<Dialogue>(b"\x13BitTorrent protocol"), Probe::No);
    assert_eq!(probe::<Dialogue>(&[b'a'; 2000]), Probe::No);
}

proptest::proptest! {
    #[test]
    fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
        survives::<Dialogue>(&random, piece);
        survives::<Xmpp>(&random, piece);
        survives::<Ldap>(&random, piece);
        survives::<Postgres>(&random, piece);
        survives::<Mysql>(&random, piece);
        survives::<Rdp>(&random, piece);
    }

    #[test]
    fn any_dialogue_says_the_same_in_any_pieces(
        lines in proptest::collection::vec((proptest::bool::ANY, "(220|250|\\+OK|\\* OK|a1 OK|a1 STARTTLS|STARTTLS|STLS|AUTH TLS|EHLO x|USER x|OK|454|234|382|\x16\x03\x01)[ -]?[a-zA-Z ]{0,6}\r?\n"), 0..8),
    ) {
        let turns: Vec<Turn<'_>> = lines.iter().map(|(client, line)| (if *client { C } else { S }, line.as_bytes())).collect();
        dialogue::<Dialogue>(&turns);
    }

    #[test]
    fn changed_octets_never_panic(which in 0usize..4, at in 0usize..64, with: u8, piece in 1usize..9) {
        let mut bytes = [LDAP_REQUEST.to_vec(), mysql_greeting(0xffff), rdp_request(3), b"\0\0\0\x10\0\x03\0\0user\0a\0\0".to_vec()][which].clone();
        if let Some(b) = bytes.get_mut(at) {
            *b = with;
        }
        for client in [true, false] {
            let random = [(client, bytes.clone())];
            survives::<Ldap>(&random, piece);
            survives::<Mysql>(&random, piece);
            survives::<Rdp>(&random, piece);
            survives::<Postgres>(&random, piece);
        }
    }
}
