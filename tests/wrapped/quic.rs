//! The same over QUIC v1 and v2, between rustls and rustls: HTTP/3 with a dynamic table of QPACK, its streams interleaved, its packets
//! coalesced, repeated and in another order, with key updates in between.

use std::sync::Arc;

use intransit::base::Dir;
use rustls::pki_types::ServerName;
use rustls::quic::{self, Connection, DirectionalKeys, HeaderProtectionKey, KeyChange, Keys, PacketKey, Secrets, Version};
use rustls::{ClientConfig, KeyLog, ServerConfig, Side};

use super::framings::{self, Huffman, varint};
use super::sessions::{Anybody, IDENTITY, Log, PROVIDERS, Tried, canary, captured_datagrams};
use super::{PHRASE, Random, Turns, cases, encodings};

/// What each side says on which stream.
pub type Streams = Vec<(Dir, u64, Vec<u8>)>;

/// A request of HTTP/3 with the content, and what belongs to it on other streams.
fn http3(content: &[u8], random: &mut Random) -> (&'static str, Streams) {
    let frame = |kind: usize, body: &[u8]| [varint(kind), varint(body.len()), body.to_vec()].concat();
    // SETTINGS_QPACK_MAX_TABLE_CAPACITY of 4096 (RFC 9204 §5).
    let mut all: Streams =
        vec![(Dir::Server, 3, [vec![0], frame(4, &[1, 0x50, 0])].concat()), (Dir::Client, 2, [vec![0], frame(4, &[])].concat())];
    let huffman = random.chance(2);
    let string = |prefix: u8, first: u8, text: &[u8]| framings::string(text, prefix, first, huffman.then_some(Huffman));
    // Set the capacity to 4096, and insert (RFC 9204 §4.3).
    let mut table = vec![2, 0x3f, 0xe1, 0x1f];
    let mut insert = |name: &[u8], value: &[u8]| {
        table.extend(string(5, 0x40, name));
        table.extend(string(7, 0, value));
    };
    // The required insert count, encoded (§4.5.1.1), and a base of the same number.
    let section = |inserted: u8, lines: &[Vec<u8>]| [&[inserted + 1, 0][..], &lines.concat()].concat();
    let literal = |name: &[u8], value: &[u8]| [string(3, 0x20, name), string(7, 0, value)].concat();
    let (name, head, body) = match random.below(3) {
        0 if content.len() < 900 => {
            insert(b"x-first", b"something else");
            insert(b"x-note", content);
            // The second insertion is the newest: index 0 before the base.
            ("HTTP/3 QPACK table", section(2, &[vec![0x81], vec![0x80], literal(b":path", b"/a")]), b"nothing else".to_vec())
        }
        1 => {
            let ask = section(0, &[literal(b":method", b"CONNECT"), literal(b":protocol", b"websocket"), literal(b":path", b"/chat")]);
            // No insertion is needed: the count is zero.
            let ask = [&[0, 0][..], &ask[2..]].concat();
            let agree = [&[0, 0][..], &literal(b":status", b"200"), &literal(b"sec-websocket-extensions", b"permessage-deflate")].concat();
            all.push((Dir::Client, 0, frame(1, &ask)));
            all.push((Dir::Server, 0, frame(1, &agree)));
            let messages = framings::messages(content, random, true);
            for part in messages.chunks(1 + random.below(300)) {
                all.push((Dir::Client, 0, frame(0, part)));
            }
            return ("WebSocket over HTTP/3", all);
        }
        _ => {
            let (coding, body) = framings::coded(content, random);
            insert(b"content-encoding", coding.as_bytes());
            ("HTTP/3", section(1, &[literal(b":method", b"POST"), vec![0x80], literal(b":path", b"/send")]), body)
        }
    };
    let mut request = frame(1, &head);
    for part in body.chunks(1 + random.below(300)) {
        request.extend(frame(0, part));
    }
    // The table may come behind what refers to it.
    let at = all.len();
    all.push((Dir::Client, 6, table));
    all.insert(at + random.below(2), (Dir::Client, 0, request));
    (name, all)
}

/// One side's keys and counters, by kind of packet: Initial, Handshake, 1-RTT.
struct Sender {
    keys: [Option<DirectionalKeys>; 3],
    /// The packet protection of 1-RTT after key updates, and how many there were.
    updated: Option<Box<dyn PacketKey>>,
    phase: u8,
    next: Option<Secrets>,
    numbers: [u64; 3],
    /// Octets of CRYPTO frames so far.
    crypto: [usize; 3],
    level: usize,
}

struct Link {
    version: Version,
    origin: [u8; 8],
    /// Connection ids: the client's own, the server's own.
    ids: [[u8; 8]; 2],
    senders: [Sender; 2],
    wire: Turns,
}

fn protect(
    mut packet: Vec<u8>,
    number_at: usize,
    number: u64,
    body: &[u8],
    header: &dyn HeaderProtectionKey,
    key: &dyn PacketKey,
) -> Vec<u8> {
    packet.extend((number as u16).to_be_bytes());
    let mut body = body.to_vec();
    // Enough to take a sample of (RFC 9001 §5.4.2).
    body.resize(body.len().max(20), 0);
    let tag = key.encrypt_in_place(number, &packet, &mut body).unwrap();
    packet.extend(body);
    packet.extend(tag.as_ref());
    let sample = packet[number_at + 4..number_at + 20].to_vec();
    let (first, rest) = packet.split_first_mut().unwrap();
    header.encrypt_in_place(&sample, first, &mut rest[number_at - 1..number_at + 1]).unwrap();
    packet
}

impl Link {
    fn packet(&mut self, dir: Dir, level: usize, frames: &[u8]) -> Vec<u8> {
        let v2 = matches!(self.version, Version::V2);
        let first_to = if dir == Dir::Client { self.origin } else { self.ids[0] };
        let to = if dir == Dir::Client && level == 0 { first_to } else { self.ids[1 - dir.index()] };
        let own = self.ids[dir.index()];
        let sender = &mut self.senders[dir.index()];
        let number = sender.numbers[level];
        sender.numbers[level] += 1;
        let keys = sender.keys[level].as_ref().unwrap();
        if level == 2 {
            let packet = [&[0x41 | sender.phase << 2][..], &to].concat();
            let key = sender.updated.as_deref().unwrap_or(&*keys.packet);
            return protect(packet, 9, number, frames, &*keys.header, key);
        }
        let kind = match (level, v2) {
            (0, false) => 0xc1,
            (0, true) => 0xd1,
            (_, false) => 0xe1,
            (_, true) => 0xf1,
        };
        let version: [u8; 4] = if v2 { [0x6b, 0x33, 0x43, 0xcf] } else { [0, 0, 0, 1] };
        let mut packet = [&[kind][..], &version, &[8], &to, &[8], &own].concat();
        if level == 0 {
            packet.push(0);
        }
        let len = 2 + frames.len().max(20) + 16;
        packet.extend((0x4000 | len as u16).to_be_bytes());
        let number_at = packet.len();
        protect(packet, number_at, number, frames, &*keys.header, &*keys.packet)
    }

    /// Handshake data in packets of its kind.
    fn crypto(&mut self, dir: Dir, data: &[u8], random: &mut Random) {
        for part in data.chunks(300 + random.below(600)) {
            let sender = &mut self.senders[dir.index()];
            let level = sender.level;
            let at = sender.crypto[level];
            sender.crypto[level] += part.len();
            let mut frames = [vec![6], varint(at), varint(part.len()), part.to_vec()].concat();
            if level == 0 && dir == Dir::Client {
                frames.resize(frames.len().max(1150), 0);
            }
            let packet = self.packet(dir, level, &frames);
            // Packets of several kinds may share a datagram, those with a short header last.
            match self.wire.last_mut() {
                Some((last, datagram)) if *last == dir && level < 2 && datagram.len() + packet.len() < 1400 && random.chance(2) => {
                    datagram.extend(packet);
                }
                _ => self.wire.push((dir, packet)),
            }
        }
    }

    fn change(&mut self, dir: Dir, change: KeyChange) {
        let sender = &mut self.senders[dir.index()];
        match change {
            KeyChange::Handshake { keys } => (sender.keys[1], sender.level) = (Some(keys.local), 1),
            KeyChange::OneRtt { keys, next } => {
                (sender.keys[2], sender.level, sender.next) = (Some(keys.local), 2, Some(next));
            }
        }
    }

    /// Both sides use the next keys (RFC 9001 §6).
    fn update(&mut self) {
        for sender in &mut self.senders {
            sender.updated = sender.next.as_mut().map(|next| next.next_packet_keys().local);
            sender.phase ^= 1;
        }
    }
}

fn connect(random: &mut Random) -> (Link, String) {
    let suites: Vec<_> = PROVIDERS.iter().filter(|one| one.cipher_suites[0].tls13().is_some()).collect();
    let (suite, log) = (random.pick(&suites), Arc::new(Log::default()));
    let (certificate, key) = &*IDENTITY;
    let server = ServerConfig::builder_with_provider(Arc::clone(suite)).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut server = server.with_no_client_auth().with_single_cert(vec![certificate.clone()], key.clone_key()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(suite)).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut client = client.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(suite)))).with_no_client_auth();
    client.key_log = Arc::clone(&log) as Arc<dyn KeyLog>;
    client.alpn_protocols = vec![b"h3".to_vec()];
    server.alpn_protocols = vec![b"h3".to_vec()];
    let version = if random.chance(2) { Version::V1 } else { Version::V2 };
    let parameters = vec![1, 4, 0x80, 0, 0x75, 0x30];
    let name = ServerName::try_from("chat.example.net").unwrap();
    let mut ends = [
        Connection::Client(quic::ClientConnection::new(Arc::new(client), version, name, parameters.clone()).unwrap()),
        Connection::Server(quic::ServerConnection::new(Arc::new(server), version, parameters).unwrap()),
    ];
    let mut id = || -> [u8; 8] { random.draw().to_be_bytes() };
    let (origin, ids) = (id(), [id(), id()]);
    // The Initial keys are of a suite of their own, whichever is negotiated (RFC 9001 §5.2).
    let first = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let initial = |side: Side| Keys::initial(version, first, first.quic.unwrap(), &origin, side).local;
    let sender = |side: Side| Sender {
        keys: [Some(initial(side)), None, None],
        updated: None,
        phase: 0,
        next: None,
        numbers: [0; 3],
        crypto: [0; 3],
        level: 0,
    };
    let mut link = Link { version, origin, ids, senders: [sender(Side::Client), sender(Side::Server)], wire: Vec::new() };
    let mut idle = 0;
    while idle < 2 {
        for dir in [Dir::Client, Dir::Server] {
            idle += 1;
            loop {
                let mut data = Vec::new();
                let change = ends[dir.index()].write_hs(&mut data);
                if data.is_empty() && change.is_none() {
                    break;
                }
                idle = 0;
                if !data.is_empty() {
                    link.crypto(dir, &data, random);
                    ends[1 - dir.index()].read_hs(&data).unwrap();
                }
                if let Some(change) = change {
                    link.change(dir, change);
                }
            }
        }
    }
    let log = std::mem::take(&mut *log.0.lock().unwrap());
    (link, log)
}

/// The streams in packets, a few frames each.
fn send(link: &mut Link, streams: &Streams, random: &mut Random) {
    let mut sent: std::collections::BTreeMap<(usize, u64), usize> = std::collections::BTreeMap::new();
    for (dir, id, bytes) in streams {
        let most = 20 + random.below(1000);
        let mut frames = Vec::new();
        for part in bytes.chunks(1 + random.below(most)) {
            let at = sent.entry((dir.index(), *id)).or_default();
            // A STREAM frame with an offset and a length (RFC 9000 §19.8).
            frames.push([vec![0x0e], varint(*id as usize), varint(*at), varint(part.len()), part.to_vec()].concat());
            *at += part.len();
        }
        let few = 1 + random.below(3);
        for some in frames.chunks(few) {
            if random.chance(20) {
                link.update();
            }
            let packet = link.packet(*dir, 2, &some.concat());
            link.wire.push((*dir, packet));
        }
    }
}

#[test]
fn a_phrase_sent_readable_inside_quic_is_never_not_seen() {
    let mut tried = Tried::default();
    for seed in 0..cases() / 5 {
        let mut random = Random(seed.wrapping_mul(0x901c) ^ 0x3333);
        let (content, wrappings) = encodings::wrap(PHRASE, &mut random);
        let (framing, streams) = http3(&content, &mut random);
        let (mut link, log) = connect(&mut random);
        let handshake = link.wire.len();
        send(&mut link, &streams, &mut random);
        let canary = canary(&captured_datagrams(&link.wire, handshake, &mut random), &log);
        tried.note(framing, format!("seed {seed}: {}", wrappings.join(" > ")), &canary);
    }
    tried.check();
}
