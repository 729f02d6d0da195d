//! Conversations with a phrase in them, and where it is found.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod framings;
mod wraps;

use std::io::Write as _;
use std::sync::Arc;

use super::Quest;
use super::found::Found;
use super::needles::{Needles, Sought};
use super::stream::{Inside, Medium};
use crate::base::{Dir, Stitched};
use crate::dissect::testing::in_frame;
use crate::fuzzing::kept;

pub(super) use Dir::{Client as C, Server as S};

pub(super) const PHRASE: &str = "purple-otter-47112-clover";
pub(super) const CONTROL: &str = "room-of-requirement";

pub(super) fn quest() -> Arc<Quest> {
    Arc::new(Quest { needles: Needles::new(PHRASE, &[CONTROL.into()]).unwrap(), since: None, keep: super::Keep::Masked })
}

/// What is found when each turn is a frame, and is handed on in pieces of `piece` octets.
pub(super) fn looked(medium: Medium, turns: &[(Dir, Vec<u8>)], piece: usize) -> Found {
    if piece == usize::MAX {
        let id = if let Medium::QuicStream(id) = medium { id.try_into().ok() } else { None };
        let turns: Vec<(Dir, Vec<u8>)> =
            turns.iter().map(|(dir, bytes)| (*dir, id.into_iter().chain(bytes.iter().copied()).collect())).collect();
        let turns: Vec<(Dir, &[u8])> = turns.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
        match medium {
            Medium::QuicStream(_) => kept::keep_turns("http3", &[0], &turns),
            Medium::Stream => kept::keep_turns("inside", &[2], &turns),
            Medium::Records => kept::keep_turns("inside", &[1], &turns),
            Medium::Datagrams => kept::keep_turns("inside", &[0], &turns),
        }
    }
    let mut inside = Inside::new(quest());
    for (n, (dir, bytes)) in (1..).zip(turns) {
        let mut whole = Stitched::new();
        in_frame(n, *dir, bytes, |w| whole.push(w));
        let Some(window) = whole.window(*dir) else { continue };
        let mut at = 0;
        for chunk in bytes.chunks(piece.max(1)) {
            inside.bytes("TLS 1.3", medium, &window.slice(at..at + chunk.len()).unwrap());
            at += chunk.len();
        }
    }
    inside.close()
}

/// The chains in which the phrase was found, with who sent it and the frames; the same in pieces.
pub(super) fn chains(turns: &[(Dir, Vec<u8>)]) -> Vec<String> {
    let all = |found: &Found| -> Vec<String> {
        let mut all: Vec<String> = found
            .hits
            .iter()
            .filter(|hit| hit.sought == Sought::Message)
            .map(|hit| format!("{} {:?} {}", if hit.dir == C { '>' } else { '<' }, hit.evidence, hit.chain))
            .collect();
        all.sort();
        all
    };
    let whole = all(&looked(Medium::Stream, turns, usize::MAX));
    for piece in [1, 3, 17] {
        assert_eq!(all(&looked(Medium::Stream, turns, piece)), whole, "in pieces of {piece}");
    }
    whole
}

pub(super) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlibbed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn brotlied(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
    out
}

pub(super) fn zstandarded(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub(super) fn base64(bytes: &[u8], url: bool) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(if url { ['-', '_'] } else { ['+', '/'] }).collect();
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            out.push(alphabet[(n >> (18 - 6 * i) & 63) as usize]);
        }
        if !url {
            out.extend(std::iter::repeat_n('=', 3 - group.len()));
        }
    }
    out
}

/// A WebSocket frame.
pub(super) fn ws(opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![opcode | u8::from(fin) << 7 | u8::from(rsv1) << 6];
    let masked = u8::from(mask.is_some()) << 7;
    match payload.len() {
        n @ 0..=125 => out.push(masked | n as u8),
        n @ 126..=65535 => {
            out.push(masked | 126);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(masked | 127);
            out.extend((n as u64).to_be_bytes());
        }
    }
    match mask {
        Some(mask) => {
            out.extend(mask);
            out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
        }
        None => out.extend(payload),
    }
    out
}

/// An HTTP/2 frame.
pub(super) fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A header block of literal fields without indexing.
pub(super) fn literal_fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            out.push(text.len() as u8);
            out.extend(text.bytes());
        }
    }
    out
}

pub(super) fn settings() -> Vec<u8> {
    h2(4, 0, 0, &[])
}

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
