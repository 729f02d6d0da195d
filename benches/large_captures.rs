//! Makes the large captures that speed is measured on, from the small ones of `captures/`. The same arguments give the same bytes.
//!
//! ```text
//! cargo run --release --example large_captures -- handshakes OUT.pcap MEGABYTES
//! cargo run --release --example large_captures -- flows      OUT.pcap CONNECTIONS
//! cargo run --release --example large_captures -- bulk       OUT.pcap MEGABYTES SEGMENT_BYTES
//! cargo run --release --example large_captures -- quic       OUT.pcap CONNECTIONS
//! ```
//!
//! `handshakes` repeats every recorded Ethernet capture, each time with other addresses and other random numbers in its hellos; `flows` has
//! short connections, of which half begin TLS, a third are a question and an answer in DNS, and the rest are never answered; `bulk` is
//! the download of one TLS 1.3 connection; `quic` has the first datagram of as many connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Octets of Ethernet, IPv4 and UDP headers without options.
const ETHERNET: usize = 14;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, out, amount, rest @ ..] = args.as_slice() else {
        panic!("handshakes|flows|bulk|quic OUT.pcap AMOUNT [SEGMENT_BYTES]");
    };
    let amount: u64 = amount.parse().expect("an amount");
    let mut out = Pcap::create(out);
    match kind.as_str() {
        "handshakes" => handshakes(&mut out, amount * 1_000_000),
        "flows" => flows(&mut out, amount),
        "bulk" => bulk(&mut out, amount * 1_000_000, rest.first().map_or(1448, |n| n.parse().expect("octets"))),
        "quic" => quic(&mut out, amount),
        other => panic!("no such kind of capture: {other}"),
    }
    out.file.flush().unwrap();
    eprintln!("{} packets, {} octets", out.packets, out.octets);
}

/// A pcap file that is being written, with nanoseconds; packets are a microsecond apart.
struct Pcap {
    file: BufWriter<File>,
    packets: u64,
    octets: u64,
}

impl Pcap {
    fn create(path: &str) -> Pcap {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path).expect("the output can be made"));
        let header: [u32; 6] = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1];
        header.iter().for_each(|word| file.write_all(&word.to_le_bytes()).unwrap());
        Pcap { file, packets: 0, octets: 24 }
    }

    fn frame(&mut self, bytes: &[u8]) {
        let nanos = self.packets * 1_000;
        let header =
            [1_700_000_000 + (nanos / 1_000_000_000) as u32, (nanos % 1_000_000_000) as u32, bytes.len() as u32, bytes.len() as u32];
        header.iter().for_each(|word| self.file.write_all(&word.to_le_bytes()).unwrap());
        self.file.write_all(bytes).unwrap();
        self.packets += 1;
        self.octets += 16 + bytes.len() as u64;
    }
}

/// The frames of a little-endian pcap file with Ethernet; none of any other.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| bytes.get(at..at + 4).map(|w| u32::from_le_bytes(w.try_into().unwrap()));
    if !matches!(word(0), Some(0xa1b2_c3d4 | 0xa1b2_3c4d)) || word(20) != Some(1) {
        return Vec::new();
    }
    let mut frames = Vec::new();
    let mut at = 24;
    while let Some(length) = word(at + 8) {
        let Some(frame) = bytes.get(at + 16..at + 16 + length as usize) else { break };
        frames.push(frame.to_vec());
        at += 16 + length as usize;
    }
    frames
}

fn recorded(name: &str) -> Vec<Vec<u8>> {
    frames(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name))
}

/// Numbers that look random and are always the same (splitmix64, Steele, Lea and Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn handshakes(out: &mut Pcap, most: u64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    paths.sort();
    let captures: Vec<Vec<Vec<u8>>> = paths.iter().map(|path| frames(path)).collect();
    let mut numbers = Numbers(1);
    for copy in 1u32.. {
        for frame in captures.iter().flatten() {
            if out.octets >= most {
                return;
            }
            let mut frame = frame.clone();
            readdress(&mut frame, copy);
            renew_random(&mut frame, &mut numbers);
            out.frame(&frame);
        }
    }
}

/// Other IPv4 addresses, the same for the same ones of one copy.
fn readdress(frame: &mut [u8], copy: u32) {
    if frame.get(12..14) != Some(&[8, 0]) || frame.len() < ETHERNET + 20 {
        return;
    }
    for at in [26, 30] {
        let address = u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        // Loopback, multicast and broadcast mean something.
        if matches!(frame[at], 127 | 224..) {
            continue;
        }
        let other = (address ^ copy.wrapping_mul(0x0001_0003)) & 0x00ff_ffff | 0x0a00_0000;
        frame[at..at + 4].copy_from_slice(&other.to_be_bytes());
    }
    frame[24..26].fill(0);
    let sum = checksum(&frame[ETHERNET..ETHERNET + 20]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// Another random number in a TLS hello that begins a TCP segment: 32 octets after record header, message header and version.
fn renew_random(frame: &mut [u8], numbers: &mut Numbers) {
    if frame.get(12..14) != Some(&[8, 0]) || frame.get(23) != Some(&6) {
        return;
    }
    let tcp = ETHERNET + usize::from(frame[14] & 0x0f) * 4;
    let Some(offset) = frame.get(tcp + 12) else { return };
    let data = tcp + usize::from(offset >> 4) * 4;
    if matches!(frame.get(data..data + 6), Some([22, 3, _, _, _, 1 | 2]))
        && let Some(random) = frame.get_mut(data + 11..data + 35)
    {
        random.chunks_mut(8).for_each(|eight| eight.copy_from_slice(&numbers.next().to_be_bytes()));
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// One end of a connection.
type End = (u32, u16);

fn ipv4(from: End, to: End, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((transport.len() as u16 + 20).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    frame.extend(from.0.to_be_bytes());
    frame.extend(to.0.to_be_bytes());
    let sum = checksum(&frame[ETHERNET..ETHERNET + 20]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.extend(transport);
    frame
}

fn tcp(from: End, to: End, seq: u32, ack: u32, flags: u8, data: &[u8]) -> Vec<u8> {
    let mut segment = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &seq.to_be_bytes(), &ack.to_be_bytes()].concat();
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(data);
    ipv4(from, to, 6, &segment)
}

fn udp(from: End, to: End, data: &[u8]) -> Vec<u8> {
    let mut datagram = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &(data.len() as u16 + 8).to_be_bytes(), &[0, 0]].concat();
    datagram.extend(data);
    ipv4(from, to, 17, &datagram)
}

/// The first payload of each side of a recorded connection over TCP whose frames have IPv4 headers.
fn first_payloads(name: &str) -> [Vec<u8>; 2] {
    let payload = |frame: &Vec<u8>| {
        let tcp = ETHERNET + usize::from(frame[14] & 0x0f) * 4;
        let data = tcp + usize::from(frame[tcp + 12] >> 4) * 4;
        let end = ETHERNET + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        (u16::from_be_bytes([frame[tcp], frame[tcp + 1]]), frame[data..end].to_vec())
    };
    let all: Vec<(u16, Vec<u8>)> =
        recorded(name).iter().filter(|frame| frame.get(23) == Some(&6)).map(payload).filter(|(_, data)| !data.is_empty()).collect();
    let client = all[0].clone();
    let server = all.iter().find(|(port, _)| *port != client.0).unwrap().clone();
    [client.1, server.1]
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN_ACK: u8 = 17;

/// How many connections of `flows` go on at once.
const AT_ONCE: usize = 20_000;

fn flows(out: &mut Pcap, connections: u64) {
    let [hello, answer] = first_payloads("tls13_aes128.pcap");
    let mut numbers = Numbers(2);
    let mut open: std::collections::VecDeque<std::collections::VecDeque<Vec<u8>>> = std::collections::VecDeque::new();
    let mut begun = 0;
    while begun < connections || !open.is_empty() {
        while open.len() < AT_ONCE && begun < connections {
            open.push_back(connection(begun, &hello, &answer, &mut numbers));
            begun += 1;
        }
        let Some(mut next) = open.pop_front() else { break };
        if let Some(frame) = next.pop_front() {
            out.frame(&frame);
        }
        if !next.is_empty() {
            open.push_back(next);
        }
    }
}

fn connection(number: u64, hello: &[u8], answer: &[u8], numbers: &mut Numbers) -> std::collections::VecDeque<Vec<u8>> {
    let client: End = (0x0a00_0000 | (number / 40_000) as u32 | ((number % 251) as u32) << 16, (number % 40_000) as u16 + 20_000);
    let server = |port| -> End { (0xc612_0000 | (number % 65_536) as u32, port) };
    let mut renewed = hello.to_vec();
    renewed[11..43].chunks_mut(8).for_each(|eight| eight.copy_from_slice(&numbers.next().to_be_bytes()));
    let (h, a) = (hello.len() as u32, answer.len() as u32);
    match number % 20 {
        0..=9 => {
            let server = server(443);
            vec![
                tcp(client, server, 100, 0, SYN, &[]),
                tcp(server, client, 900, 101, SYN | ACK, &[]),
                tcp(client, server, 101, 901, ACK, &renewed),
                tcp(server, client, 901, 101 + h, ACK, answer),
                tcp(client, server, 101 + h, 901 + a, FIN_ACK, &[]),
                tcp(server, client, 901 + a, 102 + h, FIN_ACK, &[]),
            ]
            .into()
        }
        10..=16 => {
            let server = server(53);
            let name = format!("h{}", number % 5_000);
            let mut question = [(number as u16).to_be_bytes().as_slice(), &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.len() as u8]].concat();
            question.extend(name.as_bytes());
            question.extend(b"\x07example\x00\x00\x01\x00\x01");
            let mut reply = question.clone();
            reply[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            reply.extend((0xc612_0000 | (number % 65_536) as u32).to_be_bytes());
            vec![udp(client, server, &question), udp(server, client, &reply)].into()
        }
        _ => vec![tcp(client, server(8443), 100, 0, SYN, &[])].into(),
    }
}

fn bulk(out: &mut Pcap, most: u64, segment: usize) {
    let recorded = recorded("tls13_aes128.pcap");
    recorded.iter().for_each(|frame| out.frame(frame));
    // The last segment of the server says where its stream goes on.
    let server_port = u16::from_be_bytes([recorded[0][36], recorded[0][37]]);
    let from_server: Vec<&Vec<u8>> = recorded.iter().filter(|f| u16::from_be_bytes([f[34], f[35]]) == server_port).collect();
    let read = |frame: &[u8], at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
    let last = from_server[from_server.len() - 1];
    let data = usize::from(u16::from_be_bytes([last[16], last[17]])) - 20 - usize::from(last[46] >> 4) * 4;
    let (server, client): (End, End) = ((read(last, 26), server_port), (read(last, 30), u16::from_be_bytes([last[36], last[37]])));
    let mut seq = read(last, 38).wrapping_add(data as u32);
    let (from, to) = (server, client);
    let mut numbers = Numbers(3);
    let mut stream: Vec<u8> = Vec::new();
    while out.octets < most {
        while stream.len() < segment {
            stream.extend([23, 3, 3, 0x40, 0x11]);
            (0..0x4011 / 8 + 1).for_each(|_| stream.extend(numbers.next().to_be_bytes()));
            stream.truncate(stream.len() - (0x4011 / 8 + 1) * 8 + 0x4011);
        }
        let rest = stream.split_off(segment);
        out.frame(&tcp(from, to, seq, 1, ACK, &stream));
        seq = seq.wrapping_add(segment as u32);
        stream = rest;
    }
}

fn quic(out: &mut Pcap, connections: u64) {
    let first = recorded("quic_v1_h3.pcap").into_iter().find(|frame| frame[23] == 17).unwrap();
    let datagram = &first[ETHERNET + 28..];
    for number in 0..connections {
        let client: End = (0x0a00_0000 | (number / 40_000) as u32, (number % 40_000) as u16 + 20_000);
        out.frame(&udp(client, (0xc633_6401, 443), datagram));
    }
}
