//! First inputs for the targets, made of the captures of this repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use intransit::base::Dir;
use intransit::dissect::plain::Channel;
use intransit::flow::{Connection, Transport};
use intransit::fuzzing::Turns;
use intransit::source::{self, Chunk, Source as _};

use crate::common;
use crate::common::frames_of::{Kept, Named};

/// By target, and by name.
pub type Seeds = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

/// Octets of a dialogue that are kept of each side.
const MOST_SAID: usize = 6000;
/// Octets of a capture that is taken whole.
const MOST_FILE: usize = 7000;

type Said = Vec<(Dir, Vec<u8>)>;

fn put(seeds: &mut Seeds, target: &'static str, name: &str, bytes: Vec<u8>) {
    seeds.entry(target).or_default().insert(name.to_owned(), bytes);
}

/// Who says what in a connection; what follows each other of one side is one turn where it is a stream.
fn said(kept: &Kept, connection: &Connection) -> Said {
    let numbers: BTreeSet<u64> = kept.numbers();
    let named = Named::of(kept, &numbers, connection);
    let is_stream = connection.transport == Transport::Tcp;
    let (mut turns, mut sizes): (Said, _) = (Vec::new(), [0; 2]);
    for (from, payload) in named.payloads() {
        let dir = if from == connection.client { Dir::Client } else { Dir::Server };
        let size: &mut usize = &mut sizes[dir.index()];
        if *size > MOST_SAID || payload.is_empty() {
            continue;
        }
        *size += payload.len();
        match turns.last_mut() {
            Some((side, bytes)) if *side == dir && is_stream => bytes.extend(payload),
            _ => turns.push((dir, payload.to_vec())),
        }
    }
    turns
}

fn dialogue(which: u8, piece: u8, turns: &Said) -> Vec<u8> {
    let parts: Vec<(Dir, &[u8])> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    Turns::write(which, piece, &parts)
}

/// The target and the choices of its first octet for what this protocol is.
fn home(protocol: &str, is_stream: bool) -> (&'static str, &'static [u8]) {
    match (protocol, is_stream) {
        ("tls", true) => ("tls", &[0, 1]),
        ("dtls", _) => ("dtls", &[0, 1]),
        ("quic", _) => ("quic", &[0, 1]),
        ("http" | "websocket", true) => ("http1", &[0, 1, 2]),
        ("dns", false) => ("dns", &[0]),
        ("dns", true) => ("dns", &[1]),
        ("stun" | "turn", false) => ("rtc", &[0, 5]),
        ("rtp" | "srtp" | "rtcp", false) => ("rtc", &[1, 5]),
        ("stun" | "turn", true) => ("rtc", &[2]),
        ("sip", false) => ("rtc", &[3]),
        ("sip", true) => ("rtc", &[4]),
        ("xmpp", _) => ("starttls", &[1, 6]),
        ("postgres" | "postgresql", _) => ("starttls", &[2, 6]),
        ("mysql", _) => ("starttls", &[3, 6]),
        ("rdp", _) => ("starttls", &[4, 6]),
        ("ldap", _) => ("starttls", &[5, 6]),
        ("smtp" | "imap" | "pop3" | "ftp" | "irc" | "nntp" | "sieve", _) => ("starttls", &[0, 6]),
        ("ssh", _) => ("tunnels", &[0, 7]),
        ("ikev2" | "ike" | "esp" | "isakmp", _) => ("tunnels", &[1]),
        ("openvpn", false) => ("tunnels", &[2]),
        ("openvpn", true) => ("tunnels", &[3]),
        ("wireguard", _) => ("tunnels", &[4]),
        ("socks", _) => ("tunnels", &[5]),
        ("dhcp", _) => ("services", &[0, 11]),
        ("ntp", _) => ("services", &[1, 11]),
        ("mqtt", _) => ("services", &[8]),
        ("redis", _) => ("services", &[9]),
        ("mtproto", true) => ("messengers", &[1, 2]),
        (_, true) => ("messengers", &[2]),
        (_, false) => ("messengers", &[3]),
    }
}

/// The streams as segments with an opening, for the target `tcp`.
fn segments(turns: &Said) -> Vec<u8> {
    let side = |of: Dir| -> Vec<u8> { turns.iter().filter(|(dir, _)| *dir == of).flat_map(|(_, bytes)| bytes.clone()).collect() };
    let (client, server) = (side(Dir::Client), side(Dir::Server));
    let mut out = Vec::new();
    for said in [&client, &server] {
        out.extend((said.len().min(60_000) as u16).to_be_bytes());
        out.extend(&said[..said.len().min(60_000)]);
    }
    out.extend([2, 0, 0, 0, 0, 0, 0, 2 | 8, 1, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0]);
    let mut at = [0usize; 2];
    for (dir, bytes) in turns {
        for part in bytes.chunks(1000) {
            let from = &mut at[dir.index()];
            out.extend([8, dir.index() as u8]);
            out.extend((*from as u16).to_be_bytes());
            out.extend((part.len() as u16).to_be_bytes());
            out.push(0);
            *from += part.len();
        }
    }
    out.extend([1 | 8, 0, 0xff, 0xff, 0, 0, 0, 1 | 8, 1, 0xff, 0xff, 0, 0, 0]);
    out
}

/// Certificates in a stream: behind their length, `30 82`.
fn certificates(stream: &[u8]) -> Vec<Vec<u8>> {
    let found = memchr::memmem::find_iter(stream, &[0x30, 0x82]).filter_map(|at| {
        let length = usize::from(u16::from_be_bytes([*stream.get(at + 2)?, *stream.get(at + 3)?])) + 4;
        let stated = stream.get(at.checked_sub(3)?..at)?;
        (stated == &(length as u32).to_be_bytes()[1..]).then(|| stream.get(at..at + length).map(<[u8]>::to_vec)).flatten()
    });
    found.collect()
}

/// A hello in a CRYPTO frame of an Initial packet, with the number 0.
fn crypto(hello: &[u8]) -> Vec<u8> {
    let message = &hello[5..hello.len().min(5 + 16_000)];
    [&[0, 6, 0][..], &(0x4000 | message.len() as u16).to_be_bytes(), message].concat()
}

fn frames(path: &Path, seeds: &mut Seeds, name: &str) {
    let Ok(mut source) = source::open(path) else { return };
    let mut chunk = Chunk::default();
    if !source.fill(&mut chunk).unwrap_or(false) {
        return;
    }
    let link = chunk.frames[0].link;
    let mut out = link.0.to_be_bytes().to_vec();
    for place in chunk.frames.iter().filter(|place| place.link == link).take(24) {
        let bytes = chunk.frame(place).unwrap().bytes;
        if out.len() + bytes.len() < 6000 {
            out.extend((bytes.len() as u16).to_be_bytes());
            out.extend(bytes);
        }
    }
    put(seeds, "link", name, out);
}

fn insides(path: &Path, seeds: &mut Seeds, name: &str) {
    for (frame, inside) in common::inside::look_into(path) {
        let streams = inside.bytes.iter().filter(|(_, sides)| !sides[0].is_empty() || !sides[1].is_empty());
        let mut quic: Said = Vec::new();
        for (channel, sides) in streams {
            let turns: Said = [Dir::Client, Dir::Server]
                .into_iter()
                .map(|dir| (dir, sides[dir.index()][..sides[dir.index()].len().min(MOST_SAID)].to_vec()))
                .filter(|(_, bytes)| !bytes.is_empty())
                .collect();
            let name = format!("{name}-{frame}-{}", channel.to_string().replace([' ', '.'], "_"));
            match channel {
                Channel::QuicStream(id) => {
                    quic.extend(turns.into_iter().map(|(dir, bytes)| (dir, [&[*id as u8][..], &bytes].concat())));
                }
                _ if sides[0].starts_with(b"PRI * HTTP/2") => put(seeds, "http2", &name, dialogue(1, 0, &turns)),
                Channel::Tcp | Channel::Tls(_) => {
                    put(seeds, "inside", &name, dialogue(2, 0, &turns));
                    if sides[0].windows(5).take(2000).any(|w| w == b"HTTP/") {
                        put(seeds, "http1", &name, dialogue(2, 0, &turns));
                    }
                }
                _ => put(seeds, "inside", &name, dialogue(u8::from(matches!(channel, Channel::Dtls(_))), 0, &turns)),
            }
        }
        if !quic.is_empty() {
            put(seeds, "http3", &format!("{name}-{frame}"), dialogue(0, 0, &quic));
        }
    }
}

/// Everything that can be made of the captures.
pub fn all() -> Seeds {
    let mut seeds = Seeds::new();
    for path in common::cabinet_captures() {
        let name = path.file_name().unwrap().to_string_lossy().replace('.', "_");
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() <= MOST_FILE {
            let target = match bytes[0] {
                0x0a => "pcapng",
                0xd4 | 0xa1 | 0x4d => "pcap",
                _ => "compressed",
            };
            put(&mut seeds, target, &name, bytes.clone());
            put(&mut seeds, "sinks", &name, bytes);
        }
        frames(&path, &mut seeds, &name);
        insides(&path, &mut seeds, &name);
        let (Ok(kept), Ok(analysis)) = (Kept::open(&path), common::analyse_file(&path, 1)) else { continue };
        for connection in analysis.connections() {
            let turns = said(&kept, &connection);
            let is_stream = connection.transport == Transport::Tcp;
            let name = format!("{name}-{}", connection.first_frame.get());
            if turns.is_empty() {
                continue;
            }
            let first = connection.facts.list().iter().find_map(|fact| match fact.what {
                intransit::base::What::Protocol(name) => Some(name),
                _ => None,
            });
            let started = connection.facts.list().iter().find_map(|fact| match fact.what {
                intransit::base::What::StartTls(name) => Some(name),
                _ => None,
            });
            let (target, choices) = home(started.or(first).unwrap_or(""), is_stream);
            for which in choices {
                put(&mut seeds, target, &format!("{name}-{which}"), dialogue(*which, [0, 7, 100][usize::from(*which % 3)], &turns));
            }
            if let Some(log) = common::keylog(&path) {
                let mut out = (log.len() as u16).to_be_bytes().to_vec();
                out.extend(&log);
                out.extend(dialogue(u8::from(!is_stream), 0, &turns));
                put(&mut seeds, "keylog", &name, out);
            }
            if is_stream {
                put(&mut seeds, "tcp", &name, segments(&turns));
                for (dir, stream) in &turns {
                    for (n, der) in certificates(stream).into_iter().enumerate() {
                        put(&mut seeds, "certificate", &format!("{name}-{n}"), der);
                    }
                    if stream.len() > 50 && stream[0] == 22 && stream[1] == 3 && matches!(stream[5], 1 | 2) {
                        put(&mut seeds, "initial", &name, dialogue(0, 0, &vec![(*dir, crypto(stream))]));
                    }
                }
            }
        }
    }
    handmade(&mut seeds);
    seeds
}

fn handmade(seeds: &mut Seeds) {
    for (name, bytes) in [
        ("two", &[1, 1, 0x20, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0, 1, 0, 0, 4, 9, 9, 9, 9][..]),
        ("turned", &[1, 1, 0, 1, 0, 0, 4, 9, 9, 9, 9, 1, 1, 0x20, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
        (
            "overlap",
            &[1, 1, 0x20, 0, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0, 1, 0, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9],
        ),
        ("long", &[1, 1, 0x20, 0, 0, 255, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0x3f, 255, 0, 255, 4, 9, 9, 9, 9]),
    ] {
        put(seeds, "fragments", name, bytes.to_vec());
    }
    for (name, which, text) in [
        ("filter", 0u8, "grade = weak and (port = 443 or not tls.version >= 1.3) and sni ~ \"tiktok\""),
        ("case", 1, "device = \"Pixel\"\n[[action]]\ntime = 10:32:05\nwhat = \"sent\"\n"),
        ("time", 3, "2024-05-01T09:00:00.5+02:00"),
        (
            "catalogue",
            2,
            "schema = 1\ndate = \"2026-11-25\"\n[sources]\nhelp = { title = \"t\", url = \"https://help.example/\", date = \"2024-01-10\", quality = \"official\", \
             checked = \"2024-02-01\" }\n[[platform]]\nid = \"chirp\"\nname = \"Chirp\"\nowner = \"Chirp Ltd\"\n[[platform.claim]]\nstatus = \"optional\"\n\
             source = \"help\"\nchecked = \"2024-02-01\"\n",
        ),
        ("pem", 4, "-----BEGIN CERTIFICATE-----\nMIIBADCBpwIBATAKBggqhkjOPQQDAjAAMB4XDTI0\n-----END CERTIFICATE-----\n"),
    ] {
        put(seeds, "words", name, [&[which][..], text.as_bytes()].concat());
    }
    if let Ok(key) = std::fs::read(common::cabinet().join("tls12_server_key.key")) {
        put(seeds, "words", "key", [&[5][..], &key].concat());
    }
    // DNS over UDP with one of each kind of record is in the captures; services that are not, by hand.
    for (name, which, bytes) in [
        ("syslog", 3u8, &b"<34>1 2024-05-01T09:00:00Z host app 1 - - hello"[..]),
        ("tftp", 4, b"\0\x01config.txt\0octet\0"),
        ("ssdp", 5, b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n"),
        ("snmp", 2, &[0x30, 0x26, 2, 1, 1, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0, 0x19, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 0x0e]),
        ("redis", 9, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n"),
        ("telnet", 10, b"\xff\xfd\x18\xff\xfb\x1flogin: "),
        ("netbios", 6, b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x20FHEPFCELEHFCEPFFFACACACACACACABO\0\0\x20\0\x01"),
        ("ntp", 1, &[0x23; 48]),
    ] {
        put(seeds, "services", name, dialogue(which, 0, &vec![(Dir::Client, bytes.to_vec())]));
    }
    for (name, which, bytes) in [
        ("socks5", 5u8, &b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x01\xbb"[..]),
        ("proxy1", 6, b"PROXY TCP4 192.0.2.1 198.51.100.1 50000 443\r\n"),
        ("proxy2", 6, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xc3\x50\x01\xbb"),
    ] {
        put(seeds, "tunnels", name, dialogue(which, 0, &vec![(Dir::Client, bytes.to_vec())]));
    }
    for (name, bytes) in [
        ("json", &br#"{"text":"maroon walrus juggles 3407","n":[1,2,{"a":"bWFyb29uIHdhbHJ1cw=="}]}"#[..]),
        ("mime", b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nbWFyb29uIHdhbHJ1cyBqdWdnbGVz\r\n--x--\r\n"),
        ("xml", b"<message><body>maroon walrus &#106;uggles 3407</body></message>"),
        ("protobuf", b"\x0a\x1amaroon walrus juggles 3407\x10\x01\x1a\x04\x0a\x02hi"),
        ("openpgp", b"-----BEGIN PGP MESSAGE-----\n\nhQEMA6Zz\n=abcd\n-----END PGP MESSAGE-----\n"),
    ] {
        put(seeds, "inside", name, dialogue(0, 0, &vec![(Dir::Client, bytes.to_vec())]));
    }
}
