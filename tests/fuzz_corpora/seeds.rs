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
use crate::hostile;

/// By target, and by name.
pub type Seeds = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

/// Octets of a dialogue that are kept of each side.
const MOST_SAID: usize = 6000;
/// Octets of a capture that is taken whole.
const MOST_FILE: usize = 12_000;

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
                _ if sides[0].starts_with(b"PRI * HTTP/2") => {
                    put(seeds, "http2", &name, dialogue(1, 0, &turns));
                    put(seeds, "http1", &name, dialogue(1, 0, &turns));
                }
                Channel::Tcp | Channel::Tls(_) => {
                    put(seeds, "inside", &name, dialogue(2, 0, &turns));
                    if sides[0].windows(5).take(2000).any(|w| w == b"HTTP/") {
                        (0..3).for_each(|which| put(seeds, "http1", &format!("{name}-{which}"), dialogue(which, 0, &turns)));
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

/// What can be made of one capture.
fn of_capture(path: &Path, seeds: &mut Seeds) {
    {
        let name = path.file_name().unwrap().to_string_lossy().replace('.', "_");
        let bytes = std::fs::read(path).unwrap();
        if bytes.len() <= MOST_FILE {
            let target = match bytes[0] {
                0x0a => "pcapng",
                0xd4 | 0xa1 | 0x4d => "pcap",
                _ => "compressed",
            };
            put(seeds, target, &name, bytes.clone());
            put(seeds, "sinks", &name, bytes);
        }
        frames(path, seeds, &name);
        insides(path, seeds, &name);
        let (Ok(kept), Ok(analysis)) = (Kept::open(path), common::analyse_file(path, 1)) else { return };
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
                put(seeds, target, &format!("{name}-{which}"), dialogue(*which, [0, 7, 100][usize::from(*which % 3)], &turns));
            }
            if let Some(log) = common::keylog(path) {
                let mut out = (log.len() as u16).to_be_bytes().to_vec();
                out.extend(&log);
                out.extend(dialogue(u8::from(!is_stream), 0, &turns));
                put(seeds, "keylog", &name, out);
            }
            if is_stream {
                put(seeds, "tcp", &name, segments(&turns));
                for (dir, stream) in &turns {
                    for (n, der) in certificates(stream).into_iter().enumerate() {
                        put(seeds, "certificate", &format!("{name}-{n}"), der);
                    }
                    if stream.len() > 50 && stream[0] == 22 && stream[1] == 3 && matches!(stream[5], 1 | 2) {
                        put(seeds, "initial", &name, dialogue(0, 0, &vec![(*dir, crypto(stream))]));
                    }
                }
            }
        }
    }
}

/// Everything that can be made of the captures.
pub fn all() -> Seeds {
    let mut seeds = Seeds::new();
    for path in common::cabinet_captures() {
        of_capture(&path, &mut seeds);
    }
    handmade(&mut seeds);
    tunnelled(&mut seeds);
    wrapped(&mut seeds);
    crate::behind::all().into_iter().for_each(|(name, bytes)| put(&mut seeds, "opened", &name, bytes));
    put(&mut seeds, "keylog", "every-line", crate::behind::every_line());
    seeds
}

/// An IP packet and an Ethernet frame in every tunnel that is read.
fn tunnelled(seeds: &mut Seeds) {
    use common::frames::{CLIENT, SERVER, udp, udp_datagram};
    let inner = udp(CLIENT, SERVER, b"inside of a tunnel");
    let ip = &inner[14..];
    let over = |port: u16, payload: &[u8]| udp((CLIENT.0, 40_000), (SERVER.0, port), payload);
    let ethernet = |kind: u16, payload: &[u8]| [&inner[..12], &kind.to_be_bytes(), payload].concat();
    let v6 = |protocol: u8, payload: &[u8]| {
        [
            &[0x60, 0, 0, 0][..],
            &(payload.len() as u16).to_be_bytes(),
            &[protocol, 64],
            &[0x20, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            &[1; 16],
            payload,
        ]
        .concat()
    };
    let six = v6(17, &udp_datagram(CLIENT, SERVER, b"inside"));
    let ipip = |protocol: u8, payload: &[u8]| common::frames::ipv4(CLIENT, SERVER, protocol, 1, 0, false, payload);
    let mpls = [&[0, 1, 0x01, 64][..], ip].concat();
    let nsh = [&[0x0f, 0xc6, 1, 1, 0, 0, 1, 0xff][..], &[0; 16], ip].concat();
    let all: Vec<Vec<u8>> = vec![
        over(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat()),
        over(4790, &[&[0x0c, 0, 0, 1, 0, 0, 1, 0][..], ip].concat()),
        over(4790, &[&[0x0c, 0, 0, 3, 0, 0, 1, 0][..], &inner].concat()),
        over(4790, &[&[0x0c, 0, 0, 4, 0, 0, 1, 0][..], &nsh].concat()),
        over(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 1, 0][..], &inner].concat()),
        over(6081, &[&[0, 0, 0x08, 0, 0, 0, 1, 0][..], ip].concat()),
        over(2152, &[&[0x30, 0xff][..], &(ip.len() as u16).to_be_bytes(), &[0, 0, 0, 1], ip].concat()),
        over(2152, &[&[0x34, 0xff][..], &(ip.len() as u16 + 8).to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], ip].concat()),
        over(3544, &six),
        over(3544, &[&[0, 0, 1, 2, 3, 4, 5, 6][..], &six].concat()),
        over(1701, &[&[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21][..], ip].concat()),
        over(1701, &[&[0x40, 2][..], &(ip.len() as u16 + 12).to_be_bytes(), &[0, 1, 0, 1, 0xff, 3, 0, 0x21], ip].concat()),
        over(5247, &[&[0, 0x10, 2, 0, 0, 0, 0, 0][..], &inner].concat()),
        over(6635, &mpls),
        ethernet(0x8847, &mpls),
        ethernet(0x8100, &[&[0, 12, 8, 0][..], ip].concat()),
        ethernet(0x88a8, &[&[0, 12, 0x81, 0, 0, 13, 8, 0][..], ip].concat()),
        ethernet(0x8864, &[&[0x11, 0, 0, 1][..], &(ip.len() as u16 + 2).to_be_bytes(), &[0, 0x21], ip].concat()),
        ethernet(0x894f, &nsh),
        ethernet(0x88e7, &[&[0, 0, 0, 1][..], &inner].concat()),
        ethernet(0x893f, &[&[0, 0, 0, 1, 8, 0][..], ip].concat()),
        ethernet(0x8926, &[&[0, 0, 8, 0][..], ip].concat()),
        ethernet((ip.len() + 8) as u16, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], ip].concat()),
        ethernet(0x86dd, &six),
        ethernet(0x86dd, &v6(0, &[&[44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 7][..], &[9; 16]].concat())),
        ethernet(0x86dd, &v6(43, &[&[60, 0, 0, 0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0, 17, 1, 0, 0, 0, 0, 0, 1][..], &[9; 16]].concat())),
        ipip(4, ip),
        ipip(41, &six),
        ipip(47, &[&[0, 0, 8, 0][..], ip].concat()),
        ipip(47, &[&[0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 2][..], &inner].concat()),
        ipip(47, &[&[0x30, 1, 0x88, 0x0b][..], &(ip.len() as u16 + 2).to_be_bytes(), &[0, 1, 0, 0, 0, 1, 0, 0x21], ip].concat()),
        ipip(47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &inner].concat()),
        ipip(115, &[&[0, 0, 0, 1][..], &inner].concat()),
        ipip(132, &[&[0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 17][..], &[7; 16]].concat()),
    ];
    for (n, frame) in all.iter().enumerate() {
        put(seeds, "link", &format!("tunnel-{n}"), [&[0, 1][..], &(frame.len() as u16).to_be_bytes(), frame].concat());
    }
    // The same IP packet under the other link types.
    let sll = [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0][..], ip].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0][..], ip].concat();
    let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], ip].concat();
    let wlan = [&[8, 1, 0, 0][..], &[1; 18], &[0, 0], &llc].concat();
    let qos = [&[0x88, 2, 0, 0][..], &[1; 18], &[0, 0, 0, 0], &llc].concat();
    let amsdu = [&[0x88, 2, 0, 0][..], &[1; 18], &[0, 0, 0x80, 0], &[2; 12], &(llc.len() as u16).to_be_bytes(), &llc].concat();
    let radiotap = |frame: &[u8]| [&[0, 0, 8, 0, 0, 0, 0, 0][..], frame].concat();
    let links: Vec<(u16, Vec<u8>)> = vec![
        (113, sll),
        (276, sll2),
        (0, [&[2, 0, 0, 0][..], ip].concat()),
        (108, [&[0, 0, 0, 2][..], ip].concat()),
        (9, [&[0xff, 3, 0, 0x21][..], ip].concat()),
        (50, [&[0xff, 3, 0, 0x21][..], ip].concat()),
        (51, [&[0x11, 0, 0, 1][..], &(ip.len() as u16 + 2).to_be_bytes(), &[0, 0x21], ip].concat()),
        (104, [&[0x0f, 0, 8, 0][..], ip].concat()),
        (12, ip.to_vec()),
        (101, ip.to_vec()),
        (228, ip.to_vec()),
        (229, six),
        (105, wlan.clone()),
        (105, qos.clone()),
        (105, amsdu),
        (127, radiotap(&wlan)),
        (127, radiotap(&qos)),
        (192, [&[0, 0, 8, 0, 105, 0, 0, 0][..], &wlan].concat()),
        (119, [&[0; 144][..], &wlan].concat()),
        (163, [&[0, 0, 0, 1, 0, 0, 0, 64][..], &[0; 56], &wlan].concat()),
        (107, [&[0x18, 0x41, 8, 0][..], ip].concat()),
        (122, [&[0; 8][..], &llc].concat()),
        (6, [&[0x10, 0x40][..], &[1; 12], &llc].concat()),
        (10, [&[0x50][..], &[1; 12], &llc].concat()),
        (219, [&[0, 0, 0, 1, 0, 0, 0, 0][..], ip].concat()),
        (239, [&[2, 0, 0, 1, 8, 0, 9, 0, 1, 0, 0, 0][..], ip].concat()),
    ];
    for (n, (link, frame)) in links.iter().enumerate() {
        put(seeds, "link", &format!("type-{link}-{n}"), [&link.to_be_bytes()[..], &(frame.len() as u16).to_be_bytes(), frame].concat());
    }
}

/// A message in everything it may be wrapped in; and what a stranger may write into a capture file.
fn wrapped(seeds: &mut Seeds) {
    use std::io::Write as _;
    const MESSAGE: &[u8] = br#"{"text":"maroon walrus juggles 3407","more":["maroon walrus juggles 3407",{"n":1.5e3,"u":"\u0041\/"}]}"#;
    let level = flate2::Compression::default();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), level);
    gzip.write_all(MESSAGE).unwrap();
    zlib.write_all(MESSAGE).unwrap();
    deflate.write_all(MESSAGE).unwrap();
    let mut brotli = Vec::new();
    brotli::CompressorWriter::new(&mut brotli, 4096, 5, 20).write_all(MESSAGE).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(MESSAGE, ruzstd::encoding::CompressionLevel::Fastest);
    let all = [
        ("gzip", gzip.finish().unwrap()),
        ("zlib", zlib.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("br", brotli),
        ("zstd", zstd),
    ];
    for (coding, bytes) in &all {
        put(seeds, "inside", &format!("{coding}-alone"), dialogue(0, 0, &vec![(Dir::Client, bytes.clone())]));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        );
        let ask = b"GET /messages HTTP/1.1\r\nHost: chat.example\r\n\r\n".to_vec();
        let turns = vec![(Dir::Client, ask), (Dir::Server, [head.as_bytes(), bytes].concat())];
        (0..3).for_each(|which| put(seeds, "http1", &format!("{coding}-{which}"), dialogue(which, 0, &turns)));
        put(seeds, "inside", &format!("{coding}-http"), dialogue(2, 0, &turns));
    }
    // A WebSocket in clear, masked by the client, with a ping and a close.
    let frame = |first: u8, bytes: &[u8]| [&[first, 0x80 | bytes.len() as u8, 0, 0, 0, 0][..], bytes].concat();
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let said = [
        frame(0x81, b"{\"text\":\"maroon walrus juggles 3407\"}"),
        frame(0x89, b"ping"),
        frame(0x01, b"one "),
        frame(0x80, b"two"),
        frame(0x88, &[3, 232]),
    ]
    .concat();
    let heard =
        [&[0x82, 4, 1, 2, 3, 4][..], &[0x81, 5], b"hello", &[0x8a, 4], b"ping", &[0x82, 126, 0, 200], &[7; 200], &[0x88, 0]].concat();
    let turns = vec![(Dir::Client, upgrade.to_vec()), (Dir::Server, agreed.to_vec()), (Dir::Client, said), (Dir::Server, heard)];
    (0..3).for_each(|which| put(seeds, "http1", &format!("websocket-{which}"), dialogue(which, 0, &turns)));
    // A data channel: SCTP with DATA chunks, one of them in two fragments.
    let chunk = |flags: u8, tsn: u8, text: &[u8]| {
        let mut out = [&[0, flags][..], &(16 + text.len() as u16).to_be_bytes(), &[0, 0, 0, tsn, 0, 1, 0, 0, 0, 0, 0, 51], text].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    };
    let sctp = |chunks: &[u8]| [&[0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0][..], chunks].concat();
    let turns = vec![
        (Dir::Client, sctp(&chunk(3, 1, b"maroon walrus juggles 3407"))),
        (Dir::Client, sctp(&chunk(2, 2, b"maroon walrus "))),
        (Dir::Client, sctp(&chunk(1, 3, b"juggles 3407"))),
        (Dir::Server, sctp(&[chunk(2, 9, b"later"), chunk(0, 11, b"missing before"), vec![192, 0, 0, 8, 0, 0, 0, 12]].concat())),
    ];
    put(seeds, "inside", "data-channel", dialogue(1, 0, &turns));
    // SSL 2 hellos.
    let body = [&[1, 3, 1, 0, 9, 0, 0, 0, 16][..], &[1, 0, 0x80, 7, 0, 0xc0, 0, 0, 0x2f], &[5; 16]].concat();
    let ssl2 = [&[0x80, body.len() as u8][..], &body].concat();
    let server = [&[4, 0, 1, 0, 2, 0, 4, 0, 3, 0, 16][..], &[0x30, 2, 5, 0], &[1, 0, 0x80], &[6; 16]].concat();
    let turns = vec![(Dir::Client, ssl2), (Dir::Server, [&[0x80, server.len() as u8][..], &server].concat())];
    (0..2).for_each(|which| put(seeds, "tls", &format!("ssl2-{which}"), dialogue(which, 0, &turns)));
    // Containers of end-to-end encryption.
    for (name, text) in [
        (
            "olm",
            r#"{"type":"m.room.encrypted","content":{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"AwgAEpABm6o7QYm0","sender_key":"a","session_id":"b","device_id":"c"}}"#,
        ),
        (
            "omemo",
            "<message><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>MwohBQ==</key><iv>AAAA</iv></header><payload>AAAA</payload></encrypted></message>",
        ),
        (
            "otr",
            "?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA1g5IjD1ZGLDVQEyCgCyn9hbrL3KAbGDdzE2ZkMyTKl7XfkSxh8YJnudstiB74i4BzT0W2haClg6dMary/jo=.",
        ),
        ("age", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3Yx\n-----END AGE ENCRYPTED FILE-----\n"),
        (
            "smime",
            "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIBHgYJKoZIhvcNAQcDoIIBDzCC\r\n",
        ),
        ("form", "text=maroon+walrus%20juggles+3407&a=b%3D&c"),
        ("quoted", "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nmaroon=20walrus =\r\njuggles 3407\r\n"),
        ("html", "<html><body>maroon <b>walrus</b> juggles&nbsp;3407 &#x41;&amp;</body></html>"),
    ] {
        put(seeds, "inside", name, dialogue(0, 0, &vec![(Dir::Client, text.as_bytes().to_vec())]));
        put(seeds, "inside", &format!("{name}-stream"), dialogue(2, 0, &vec![(Dir::Client, text.as_bytes().to_vec())]));
    }
    let hostile = hostile::capture(&|field, room| hostile::marked(5, field, room), 0);
    let plain = hostile::capture(&hostile::harmless, 1);
    for (name, bytes) in [("hostile", hostile), ("plain", plain)] {
        put(seeds, "pcapng", name, bytes.clone());
        put(seeds, "sinks", name, bytes.clone());
        let path = std::env::temp_dir().join(format!("intransit-seeds-{name}.pcapng"));
        std::fs::write(&path, bytes).unwrap();
        of_capture(&path, seeds);
        let _ = std::fs::remove_file(&path);
    }
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
