//! Connections made by hand for the tests of screens; every piece of evidence is minted by a frame.

use super::looking::{Answer, Seen, Tested};
use crate::assess::canary::{Asked, Bits, Canary, Lacks, Looked};
use crate::assess::{Catalogue, Judged, Ledger, State, attribute};
use crate::base::{
    Alert, AlertDescription, CipherSuite, Dir, Evidence, Exposed, Facts, Frame, FrameNo, LinkType, Message, NamedGroup, ProtocolVersion,
    QuicVersion, Timestamp, VersionName, What, WireStr,
};
use crate::dissect::inside::{Clear, Container, Found, Hit, Inside, Keep, Medium, Needles, Quest, Sealed, Sought, Watched};
use crate::dissect::plain::{Books, Identity};
use crate::flow::{Connection, Endpoint, Tally, Transport};
use std::sync::Arc;

/// 2024-05-01T09:00:00Z.
const START: i64 = 1_714_554_000_000_000_000;

pub fn no(n: u64) -> FrameNo {
    (1..n).fold(FrameNo::FIRST, |no, _| no.next())
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(START + millis * 1_000_000)
}

/// Evidence of these frames, from their bytes.
pub fn frames(numbers: &[u64]) -> Evidence {
    let one = |n: &u64| Frame { number: no(*n), at: at(0), bytes: &[0], wire_len: 1, link: LinkType(1), interface: 0 }.window(&[0]).all();
    numbers.iter().skip(1).fold(one(&numbers[0]), |sum, n| sum.and(&one(n)))
}

/// A connection that said nothing.
pub fn quiet(first: u64, client: &str, server: &str, transport: Transport) -> Connection {
    let end = |text: &str| {
        let socket: std::net::SocketAddr = text.parse().unwrap();
        Endpoint { ip: socket.ip(), port: socket.port() }
    };
    Connection {
        transport,
        client: end(client),
        server: end(server),
        guessed: false,
        first_frame: no(first),
        last_frame: no(first + 30),
        start: at(i64::try_from(first).unwrap() * 10),
        end: at(i64::try_from(first).unwrap() * 10 + 1234),
        sent: [Tally { packets: 9, bytes: 1200, payload: 900 }, Tally { packets: 8, bytes: 3121, payload: 2800 }],
        vlan: None,
        truncated: 0,
        facts: Facts::new(),
    }
}

fn tcp(first: u64, server: &str) -> Connection {
    quiet(first, &format!("10.0.0.2:{}", 51000 + first), server, Transport::Tcp)
}

pub fn tls13(first: u64, name: &str) -> Connection {
    let mut c = tcp(first, "203.0.113.9:443");
    let (hello, answer) = (first + 3, first + 5);
    let f = &mut c.facts;
    f.observe(What::TlsVersion(VersionName(ProtocolVersion::TLS1_3)), frames(&[answer]));
    f.observe(What::TlsVersionProtocol("tls"), frames(&[answer]));
    f.observe(What::TlsCipher(CipherSuite(0x1301)), frames(&[answer]));
    f.observe(What::TlsCurve(NamedGroup::X25519MLKEM768), frames(&[answer]));
    f.infer(What::TlsEstablished(true), frames(&[answer, first + 7]));
    f.observe(What::TlsServerName(WireStr::from(name)), frames(&[hello, hello + 1]));
    f.observe(What::TlsOfferedVersions(vec![ProtocolVersion::TLS1_3, ProtocolVersion::TLS1_2]), frames(&[hello]));
    let suites = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030];
    f.observe(What::TlsOfferedCiphers(suites.iter().map(|n| CipherSuite(*n)).collect()), frames(&[hello]));
    f.observe(What::TlsOfferedAlpn(vec![WireStr::from("h2"), WireStr::from("http/1.1")]), frames(&[hello + 1]));
    f.observe(What::TlsEch("none"), frames(&[hello, hello + 1]));
    f.observe(What::Protocol("tls"), frames(&[hello]));
    f.infer(What::Handshake("complete"), frames(&[hello, answer, first + 7]));
    let start = i64::try_from(first).unwrap() * 10;
    f.step(Dir::Client, Message::ClientHello, at(start + 21), frames(&[hello, hello + 1]));
    f.step(Dir::Server, Message::ServerHello, at(start + 43), frames(&[answer]));
    f.step(Dir::Server, Message::ChangeCipherSpec, at(start + 43), frames(&[answer]));
    f.step(Dir::Server, Message::ApplicationData, at(start + 44), frames(&[answer, answer + 1]));
    f.step(Dir::Client, Message::ChangeCipherSpec, at(start + 45), frames(&[first + 7]));
    f.step(Dir::Client, Message::ApplicationData, at(start + 46), frames(&[first + 7]));
    f.sort();
    c
}

pub fn tls12(first: u64, name: &str) -> Connection {
    let mut c = tcp(first, "[2001:db8::20]:8443");
    let start = i64::try_from(first).unwrap() * 10;
    let f = &mut c.facts;
    f.observe(What::TlsVersion(VersionName(ProtocolVersion::TLS1_2)), frames(&[first + 5]));
    f.observe(What::TlsVersionProtocol("tls"), frames(&[first + 5]));
    f.observe(What::TlsCipher(CipherSuite(0xc02f)), frames(&[first + 5]));
    f.observe(What::TlsCurve(NamedGroup::SECP256R1), frames(&[first + 6]));
    f.observe(What::TlsServerName(WireStr::from(name)), frames(&[first + 3]));
    f.observe(What::TlsNextProtocol(WireStr::from("http/1.1")), frames(&[first + 5]));
    f.observe(What::TlsCertSha256(Box::new([0xab; 32])), frames(&[first + 5, first + 6]));
    f.observe(What::TlsSubject(WireStr::from("CN=www.example.org,O=Example Organisation,C=DE")), frames(&[first + 5, first + 6]));
    f.observe(What::Protocol("tls"), frames(&[first + 3]));
    f.observe(What::Handshake("complete"), frames(&[first + 3, first + 5, first + 8, first + 9]));
    for (dir, message, after, frame) in [
        (Dir::Client, Message::ClientHello, 20, 3),
        (Dir::Server, Message::ServerHello, 41, 5),
        (Dir::Server, Message::Certificate, 41, 6),
        (Dir::Server, Message::ServerKeyExchange, 41, 6),
        (Dir::Server, Message::ServerHelloDone, 42, 6),
        (Dir::Client, Message::ClientKeyExchange, 44, 8),
        (Dir::Client, Message::ChangeCipherSpec, 44, 8),
        (Dir::Client, Message::EncryptedHandshake, 44, 8),
        (Dir::Server, Message::NewSessionTicket, 60, 9),
        (Dir::Server, Message::ChangeCipherSpec, 60, 9),
        (Dir::Server, Message::EncryptedHandshake, 60, 9),
        (Dir::Client, Message::ApplicationData, 61, 10),
    ] {
        f.step(dir, message, at(start + after), frames(&[first + frame]));
    }
    f.sort();
    c
}

pub fn quic(first: u64, name: &str) -> Connection {
    let mut c = quiet(first, "[2001:db8::5]:60123", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:443", Transport::Udp);
    let f = &mut c.facts;
    f.observe(What::TlsVersion(VersionName(ProtocolVersion::TLS1_3)), frames(&[first + 1]));
    f.observe(What::TlsVersionProtocol("quic"), frames(&[first + 1]));
    f.observe(What::TlsCipher(CipherSuite(0x1303)), frames(&[first + 1]));
    f.observe(What::TlsCurve(NamedGroup::X25519), frames(&[first + 1]));
    f.observe(What::TlsServerName(WireStr::from(name)), frames(&[first]));
    f.observe(What::TlsEch("present"), frames(&[first]));
    f.observe(What::QuicVersion(QuicVersion::V1), frames(&[first, first + 1]));
    f.observe(What::Protocol("quic"), frames(&[first]));
    f.infer(What::Handshake("complete"), frames(&[first, first + 1, first + 2]));
    f.step(Dir::Client, Message::ClientHello, at(i64::try_from(first).unwrap() * 10), frames(&[first]));
    f.sort();
    c
}

pub fn missing(first: u64) -> Connection {
    let mut c = tcp(first, "198.51.100.77:993");
    c.facts.observe(What::TlsRecordVersions(vec![ProtocolVersion::TLS1_2]), frames(&[first]));
    c.facts.observe(What::Protocol("tls"), frames(&[first]));
    c.facts.observe(What::Handshake("missing"), frames(&[first]));
    c.facts.step(Dir::Server, Message::ApplicationData, c.start, frames(&[first]));
    c.guessed = true;
    c.truncated = 3;
    c.facts.sort();
    c
}

pub fn failed(first: u64) -> Connection {
    let mut c = tcp(first, "198.51.100.80:443");
    let alert = Alert { dir: Dir::Server, fatal: true, description: AlertDescription(70) };
    c.facts.observe(What::TlsServerName(WireStr::from("old.example.net")), frames(&[first + 3]));
    c.facts.observe(What::TlsOfferedVersions(vec![ProtocolVersion::TLS1_0]), frames(&[first + 3]));
    c.facts.observe(What::TlsAlerts(vec![alert]), frames(&[first + 4]));
    c.facts.observe(What::Protocol("tls"), frames(&[first + 3]));
    c.facts.observe(What::Handshake("failed"), frames(&[first + 3, first + 4]));
    c.facts.step(Dir::Client, Message::ClientHello, c.start, frames(&[first + 3]));
    c.facts.step(Dir::Server, Message::Alert, c.start, frames(&[first + 4]));
    c.facts.sort();
    c
}

pub fn unanswered(first: u64) -> Connection {
    let mut c = tcp(first, "198.51.100.81:443");
    c.facts.observe(What::TlsServerName(WireStr::from("silent.example.net")), frames(&[first + 3]));
    c.facts.observe(What::TlsOfferedVersions(vec![ProtocolVersion::TLS1_3]), frames(&[first + 3]));
    c.facts.observe(What::Protocol("tls"), frames(&[first + 3]));
    c.facts.observe(What::Handshake("client-only"), frames(&[first + 3]));
    c.facts.step(Dir::Client, Message::ClientHello, c.start, frames(&[first + 3]));
    c.facts.sort();
    c
}

pub fn http(first: u64, host: &str) -> Connection {
    let mut c = tcp(first, "192.0.2.80:80");
    c.facts.observe(What::Protocol("http"), frames(&[first + 3]));
    c.facts.observe(What::HttpHost(WireStr::from(host)), frames(&[first + 3]));
    c.facts.readable(Exposed::Content, "HTTP request", b"GET /meeting?at=seven", frames(&[first + 3]));
    c.facts.readable(Exposed::Credentials, "HTTP cookie", b"secret", frames(&[first + 3]));
    c.facts.sort();
    c
}

/// A name lookup.
pub fn dns(first: u64, name: &str) -> Connection {
    let mut c = quiet(first, "10.0.0.2:40053", "192.0.2.53:53", Transport::Udp);
    c.facts.observe(What::Protocol("dns"), frames(&[first]));
    c.facts.observe(What::DnsQuery(WireStr::from(name)), frames(&[first]));
    c.facts.readable(Exposed::Names, "DNS question", name.as_bytes(), frames(&[first]));
    c.facts.sort();
    c
}

pub fn starttls(first: u64) -> Connection {
    let mut c = tls12(first, "chat.example.org");
    c.facts.observe(What::StartTls("xmpp"), frames(&[first + 1]));
    c.facts.replace(crate::base::Fact {
        what: What::TlsVersion(VersionName(ProtocolVersion::TLS1_0)),
        basis: crate::base::Basis::Observed,
        evidence: frames(&[first + 5]),
    });
    c.facts.sort();
    c
}

/// A capture with a connection of each kind.
pub fn session() -> Ledger {
    let mut ledger = Ledger::default();
    // Finished in another order than begun, as it happens.
    ledger.push(quic(61, "video.example.com"));
    ledger.push(tls13(1, "im-ws.example.com"));
    ledger.push(tls12(92, "www.example.org"));
    ledger.push(missing(120));
    ledger.push(http(150, "plain.example.net"));
    ledger.push(failed(180));
    ledger.push(unanswered(210));
    ledger.push(starttls(240));
    ledger.push(quiet(300, "10.0.0.2:5353", "224.0.0.251:5353", Transport::Udp));
    (ledger.frames, ledger.read, ledger.total, ledger.state) = (12_345, 4_000_000, Some(4_000_000), State::Done);
    ledger
}

/// A capture of several apps, by the catalogue of the program.
pub fn apps() -> Ledger {
    let mut ledger = session();
    let names = ["chat.signal.org", "im-ws.tiktok.com", "im-ws.tiktok.com", "g.whatsapp.net", "web.telegram.org", "gateway.discord.gg"];
    for (n, name) in (0..).zip(names) {
        let mut judged = Judged::from(tls13(400 + n * 40, name));
        judged.attribution = attribute(&judged, Catalogue::own());
        ledger.push(judged);
    }
    ledger
}

/// Names that try to steer the terminal, to hide or to push their neighbours away.
pub fn hostile() -> Ledger {
    let mut ledger = Ledger::default();
    let names = [
        "a\x1b]0;owned\x07\x1b[2J.example",
        "safe.example\u{202e}gpj.exe",
        "とても長い名前のサーバーです.例え.テスト",
        "שלום.דוגמה.example",
        "zalgo\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}.example",
        "👨‍👩‍👧‍👦.example",
        "",
        "two\nlines.example",
        &"x".repeat(300),
    ];
    for (first, name) in (0..).zip(names) {
        ledger.push(tls13(1 + first * 40, name));
    }
    ledger.notes.push("the capture breaks at byte 4711: \x1b[31mred".to_owned());
    (ledger.frames, ledger.state) = (400, State::Done);
    ledger
}

fn looked(connection: &Judged, opened: u64, no_key: u64) -> Looked {
    let mut books = Books::default();
    (0..opened).for_each(|_| books.client.note(Ok(())));
    (0..no_key).for_each(|_| books.server.note(Err(crate::dissect::plain::Closed::NoKey)));
    let mut found = Found::default();
    if opened > 0 {
        found.framing("HTTP/2");
        found.octets.client = 4321;
    }
    Looked { connection: connection.clone(), found, books, goes_on: false }
}

fn hit(sought: Sought, dir: Dir, frame: u64) -> Hit {
    Hit {
        sought,
        dir,
        at: at(1000),
        chain: "TLS 1.3 › HTTP/2 stream 5 › WebSocket message 3 › inflate › JSON $.text".into(),
        evidence: frames(&[frame, frame + 1]),
        excerpt: "{\"····\":\"[phrase]\"}".into(),
        clear: Some(Clear::new(b"{\"text\":\"lantern-otter-40713-poppy\"}")),
    }
}

/// The result of a canary test over the connections of a ledger: the first one readable, one with a container, one without keys.
pub fn tested(ledger: &Ledger) -> Answer {
    let all = ledger.connections();
    let mut first = looked(&all[0], 12, 0);
    first.found.hits = vec![hit(Sought::Control(0), Dir::Client, 7), hit(Sought::Message, Dir::Client, 9)];
    let mut second = looked(&all[1], 3, 0);
    second.found.sealed.push(Sealed { container: Container::Omemo, dir: Dir::Client, at: at(1100), octets: 420, evidence: frames(&[12]) });
    let third = looked(&all[2], 0, 5);
    let asked = Asked { bits: Bits(46), since: None, controls: 1, room: 18 };
    let canary = Canary::conclude(&asked, &Lacks::default(), vec![first, second, third]);
    let keys = crate::dissect::keys::KeyCounts { loaded: 5, matched: 2, ..Default::default() };
    Answer::Canary(Box::new(Tested { canary, keys: Some(keys), keys_in_capture: false, running: false }))
}

/// What a connection carries: a request of HTTP/1 with a body of JSON, and its answer.
pub fn carried(identity: Identity) -> Answer {
    let quest = Quest { needles: Needles::none().unwrap(), since: None, keep: Keep::Layers };
    let mut inside = Inside::new(Arc::new(quest));
    let body = "{\"room\":7,\"text\":\"the lantern is \\u001b[31mlit\",\"file\":\"bGFudGVybi1vdHRlci00MDcxMy1wb3BweQ==\"}";
    let request = format!("POST /send HTTP/1.1\r\nHost: im.example.net\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for (number, dir, text) in [(9, Dir::Client, request.as_str()), (11, Dir::Server, "HTTP/1.1 204 No Content\r\n\r\n")] {
        let frame = Frame { number: no(number), at: at(0), bytes: text.as_bytes(), wire_len: 1, link: LinkType(1), interface: 0 };
        let mut held = crate::base::Stitched::new();
        held.push(&frame.window(text.as_bytes()));
        inside.bytes("TLS 1.3", Medium::Stream, &held.window(dir).unwrap());
    }
    let mut books = Books::default();
    (0..2).for_each(|_| books.client.note(Ok(())));
    books.server.note(Err(crate::dissect::plain::Closed::NotAuthentic));
    let watched = Watched { identity, found: inside.close(), books };
    Answer::Inside(Box::new(Seen { identity, watched: Some(watched) }))
}
