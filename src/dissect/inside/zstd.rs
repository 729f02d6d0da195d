//! One frame of Zstandard (RFC 8878), decoded block by block and within bounds.

use std::io::Read as _;

use ruzstd::decoding::FrameDecoder;

use super::unpack::{Give, LARGEST_WINDOW, PIECE, State};

/// One frame of Zstandard.
pub(super) struct Zstd {
    /// What is not decoded yet: at most a header and a block.
    held: Vec<u8>,
    decoder: Box<FrameDecoder>,
    /// Octets of the frame header still in `held`, once it is known.
    header: Option<usize>,
    /// Whether a checksum follows the last block.
    checksum: bool,
    /// Octets of the checksum still to skip, once the last block was decoded.
    trailer: Option<usize>,
}

/// A block of Zstandard is not longer than this (RFC 8878 §3.1.1.2.4).
const LONGEST_BLOCK: usize = 128 * 1024;

impl Zstd {
    /// The beginning of a frame.
    pub(super) fn new() -> Zstd {
        Zstd { held: Vec::new(), decoder: Box::new(FrameDecoder::new()), header: None, checksum: false, trailer: None }
    }

    /// Decodes one block at a time: a block of three octets may become 128 KiB.
    pub(super) fn push(&mut self, input: &[u8], give: Give<'_>) -> State {
        self.held.extend_from_slice(input);
        if self.header.is_none() {
            match zstd_header(&self.held) {
                None if self.held.len() < LONGEST_ZSTD_HEADER => return State::Open,
                None => return State::Damaged,
                Some((window, _, _)) if window > LARGEST_WINDOW => return State::Bomb,
                Some((_, len, checksum)) => (self.header, self.checksum) = (Some(len), checksum),
            }
        }
        let mut at = 0;
        let state = loop {
            let rest = self.held.get(at..).unwrap_or_default();
            if let Some(trailer) = self.trailer {
                let part = trailer.min(rest.len());
                self.trailer = Some(trailer - part);
                at += part;
                break if part < trailer { State::Open } else { State::Ended(rest.len() - part) };
            }
            let header = self.header.unwrap_or(0);
            let Some(&[a, b, c]) = rest.get(header..header + 3) else { break State::Open };
            let block = u32::from_le_bytes([a, b, c, 0]);
            let (last, kind, size) = (block & 1 == 1, block >> 1 & 3, usize::try_from(block >> 3).unwrap_or(usize::MAX));
            if kind == 3 || size > LONGEST_BLOCK {
                break State::Damaged;
            }
            let len = header + 3 + if kind == 1 { 1 } else { size };
            let Some(one) = rest.get(..len) else { break State::Open };
            if self.decoder.decode_from_to(one, &mut []).is_err() {
                break State::Damaged;
            }
            at += len;
            self.header = Some(0);
            self.trailer = last.then_some(if self.checksum { 4 } else { 0 });
            let mut out = vec![0; PIECE];
            loop {
                match self.decoder.read(&mut out) {
                    Ok(0) => break,
                    Ok(given) if give(out.get(..given).unwrap_or_default()) => {}
                    Ok(_) => return State::Bomb,
                    Err(_) => return State::Damaged,
                }
            }
        };
        self.held.drain(..at.min(self.held.len()));
        state
    }
}

const LONGEST_ZSTD_HEADER: usize = 18;

/// The window a Zstandard frame asks for, how long its header is, and whether it has a checksum (RFC 8878 §3.1.1.1); `None` when the
/// header is too short or wrong.
fn zstd_header(bytes: &[u8]) -> Option<(u64, usize, bool)> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = bytes else { return None };
    let single = descriptor & 0x20 != 0;
    let dictionary = match descriptor & 3 {
        3 => 4,
        n => usize::from(n),
    };
    let size = match (descriptor >> 6, single) {
        (0, false) => 0,
        (0, true) => 1,
        (n, _) => 1 << n,
    };
    let skip = dictionary + usize::from(!single);
    let field = rest.get(skip..skip + size)?;
    let content = field.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)).saturating_add(if size == 2 { 256 } else { 0 });
    let window = match rest.first() {
        _ if single => content,
        Some(window) => {
            let base = 1u64 << (10 + (window >> 3)).min(62);
            base.saturating_add(base / 8 * u64::from(window & 7))
        }
        None => return None,
    };
    Some((window, 5 + skip + size, descriptor & 4 != 0))
}
