//! Content that grows when it is decoded: it stays within 16 MiB, and it is told. Each in a process of its own, whose memory is looked at.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use intransit::base::Dir::Client as C;
use intransit::dissect::inside::{Cut, Found, Medium};

use super::encodings::{brotli, gzip, zlib, zstd};
use super::framings::{PREFACE, h2};
use super::{QUEST, Random, Turns, look};

/// What one of them may cost, in octets.
const MOST: u64 = 16 << 20;
const ZEROS: usize = 64 << 20;

fn post(coding: &str, body: &[u8]) -> Turns {
    let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![(C, [head.as_bytes(), body].concat())]
}

fn nested(times: usize) -> Vec<u8> {
    (0..times).fold(vec![0; ZEROS], |content, _| gzip(&content))
}

/// One long field, put into the table once and named ever again: an octet for each of its 4,000.
fn header_block() -> Vec<u8> {
    let mut block = vec![0x40, 1, b'x', 0x7f];
    let value = 4000 - 127;
    block.extend([(value & 127) as u8 | 128, (value >> 7) as u8]);
    block.extend(std::iter::repeat_n(b'y', 4000));
    block.extend(std::iter::repeat_n(0xbe, 12_000));
    block
}

fn hpack() -> Turns {
    vec![(C, [PREFACE, &h2(4, 0, 0, &[]), &h2(1, 5, 1, &header_block())].concat())]
}

fn declared_protobuf() -> Turns {
    let body = protobuf(20_000);
    let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![(C, [head.as_bytes(), &body].concat())]
}

/// Messages in messages.
fn protobuf(levels: usize) -> Vec<u8> {
    let mut content = b"\x0a\x0bhello world".to_vec();
    for _ in 0..levels {
        let mut head = vec![0x12];
        let mut left = content.len();
        while left >= 128 {
            head.push(left as u8 & 127 | 128);
            left >>= 7;
        }
        head.push(left as u8);
        head.extend(&content);
        content = head;
    }
    content
}

fn websocket() -> Turns {
    let ask = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec();
    let agree = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n".to_vec();
    let packed = super::encodings::deflate(&vec![0; ZEROS]);
    let mut frame = vec![0xc2, 0x80 | 127];
    frame.extend((packed.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(packed);
    vec![(C, ask), (intransit::base::Dir::Server, agree), (C, frame)]
}

fn xmpp() -> Turns {
    let mut turns: Turns = vec![(C, b"<?xml version='1.0'?><stream:stream to='a'>".to_vec())];
    let agree = b"<?xml version='1.0'?><stream:stream from='a'><compressed xmlns='http://jabber.org/protocol/compress'/>".to_vec();
    turns.push((intransit::base::Dir::Server, agree));
    turns.push((C, zlib(&vec![b'<'; ZEROS])));
    turns
}

/// What it is, what is sent, and as what it is told; with nothing there, as content that could not be read.
type Bomb = (&'static str, fn() -> (Medium, Turns), &'static [Cut]);

const BOMBS: &[Bomb] = &[
    ("gzip of zeros", || (Medium::Stream, post("gzip", &gzip(&vec![0; ZEROS]))), &[Cut::Bomb]),
    ("gzip in gzip in gzip", || (Medium::Stream, post("gzip", &nested(3))), &[Cut::Bomb]),
    ("gzip nested where no field says so", || (Medium::Datagrams, vec![(C, nested(2))]), &[Cut::Bomb]),
    ("deflate of zeros", || (Medium::Stream, post("deflate", &zlib(&vec![0; ZEROS]))), &[Cut::Bomb]),
    ("br of zeros", || (Medium::Stream, post("br", &brotli(&vec![0; ZEROS]))), &[Cut::Bomb]),
    ("br with the largest window", || (Medium::Stream, post("br", b"\x7f\x00\x00\x00\x00\x00\x00\x00")), &[Cut::Bomb, Cut::Compression]),
    ("zstd of zeros", || (Medium::Stream, post("zstd", &zstd(&vec![0; ZEROS]))), &[Cut::Bomb]),
    ("zstd with a window of 2 GiB", || (Medium::Stream, post("zstd", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00")), &[Cut::Bomb]),
    ("HPACK naming one field ever again", || (Medium::Stream, hpack()), &[Cut::Headers, Cut::Bomb, Cut::Memory]),
    ("protobuf 20,000 deep", || (Medium::Datagrams, vec![(C, protobuf(20_000))]), &[]),
    ("protobuf 40 deep", || (Medium::Datagrams, vec![(C, protobuf(40))]), &[]),
    ("declared protobuf 20,000 deep", || (Medium::Stream, declared_protobuf()), &[]),
    ("JSON 200,000 deep", || (Medium::Datagrams, vec![(C, [b"[".repeat(200_000), b"1".to_vec()].concat())]), &[Cut::Depth]),
    ("base64 in base64", || (Medium::Datagrams, vec![(C, base64_often())]), &[Cut::Depth]),
    ("a WebSocket message", || (Medium::Stream, websocket()), &[Cut::Bomb]),
    ("a compressed XMPP stream", || (Medium::Stream, xmpp()), &[Cut::Bomb]),
];

fn base64_often() -> Vec<u8> {
    (0..30).fold(b"a phrase that is wrapped thirty times".to_vec(), |content, _| super::encodings::base64(&content, false).into_bytes())
}

/// Kibibytes of a line of `/proc/self/status`.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start_matches(':').trim().strip_suffix(" kB")?.trim().parse().ok())
}

fn explode(name: &str) -> Option<(Found, u64, u128)> {
    let (_, make, _) = BOMBS.iter().find(|(known, ..)| *known == name)?;
    let (medium, turns) = make();
    let _ = Arc::clone(&QUEST);
    // From here on the peak counts. What making the bomb took was given back.
    let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmRSS")?;
    let began = Instant::now();
    let found = look(medium, &turns, &mut Random(3));
    let took = began.elapsed().as_millis();
    let peak = if reset { status("VmHWM")?.saturating_sub(before) } else { 0 };
    Some((found, peak * 1024, took))
}

/// One of them, in the process that [`no_bomb_takes_more_than_sixteen_mebibytes_and_each_is_told`] starts.
#[test]
fn one_bomb() {
    let Ok(name) = std::env::var("INTRANSIT_BOMB") else { return };
    let Some((found, peak, took)) = explode(&name) else { return println!("skipped: {name}: the system tells no memory") };
    let told: Vec<Cut> = found.cuts.iter().map(|cut| cut.cut).collect();
    println!("{name}: {} KiB, {took} ms, told {told:?}", peak >> 10);
    let expected = BOMBS.iter().find(|(known, ..)| *known == name).unwrap().2;
    let is_told = told.iter().any(|cut| expected.contains(cut)) || expected.is_empty() && !found.opaque.is_empty();
    assert!(is_told, "{name}: told {told:?}, {} pieces could not be read", found.opaque.len());
    assert!(peak < MOST, "{name}: {peak} octets");
}

#[test]
fn no_bomb_takes_more_than_sixteen_mebibytes_and_each_is_told() {
    let this = std::env::current_exe().unwrap();
    let mut wrong = Vec::new();
    for (name, ..) in BOMBS {
        let done = Command::new(&this).args(["--exact", "bombs::one_bomb", "--nocapture"]).env("INTRANSIT_BOMB", name).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        said.lines().filter(|line| line.contains(name)).for_each(|line| println!("{line}"));
        if !done.status.success() {
            wrong.push(format!("{name}: {said}{}", String::from_utf8_lossy(&done.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
