//! Compressed content, unpacked as it comes and within bounds: gzip (RFC 1952), zlib (RFC 1950), raw deflate (RFC 1951), Brotli
//! (RFC 7932) and Zstandard (RFC 8878).
//!
//! Output may be as long as [`FREE_OUTPUT`], and beyond that so many times as long as the input; windows are at most 8 MiB. Whoever
//! sends more is taken for a decompression bomb, and it is told.

use std::fmt;

use super::zstd::Zstd;
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

/// Output that costs nothing.
const FREE_OUTPUT: u64 = 4 << 20;
/// How many times as long as its input output beyond that may be.
const MOST_RATIO: u64 = 8;
/// The largest window of Zstandard and Brotli: what RFC 8878 §3.1.1.1.2 asks decoders to support, and RFC 9659 allows in HTTP.
pub(super) const LARGEST_WINDOW: u64 = 8 << 20;
/// Output is handed on in pieces of this size.
pub(super) const PIECE: usize = 8 * 1024;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Zlib,
    Deflate,
    /// What HTTP calls `deflate`: zlib by the standard, raw in some servers. The first two octets decide.
    HttpDeflate,
    /// Deflate in WebSocket's permessage-deflate (RFC 7692): the same without an end.
    Inflate,
    Brotli,
    Zstd,
}

impl Format {
    /// The name in a chain.
    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Zlib => "zlib",
            Format::Deflate | Format::HttpDeflate => "deflate",
            Format::Inflate => "inflate",
            Format::Brotli => "br",
            Format::Zstd => "zstd",
        }
    }

    /// The content coding of HTTP (RFC 9110 §8.4.1).
    pub(super) fn of_coding(coding: &[u8]) -> Option<Format> {
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        Some(match () {
            () if is("gzip") || is("x-gzip") => Format::Gzip,
            () if is("deflate") => Format::HttpDeflate,
            () if is("br") => Format::Brotli,
            () if is("zstd") => Format::Zstd,
            () => return None,
        })
    }

    /// The format that bytes announce. Brotli and raw deflate announce nothing.
    pub(super) fn of_magic(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Format::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Format::Zstd),
            [cmf, flg, ..] if cmf & 0x8f == 8 && flg & 0x20 == 0 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0 => {
                Some(Format::Zlib)
            }
            _ => None,
        }
    }
}

/// How unpacking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More input is expected.
    Open,
    /// The compressed data ended here; so many octets of the last input are behind it.
    Ended(usize),
    /// It is not what it claims to be, or is damaged.
    Damaged,
    /// It would become too large.
    Bomb,
}

/// One compressed stream.
pub(super) struct Unpack {
    engine: Engine,
    state: State,
    taken: u64,
    given: u64,
    format: Format,
    /// Octets behind the end.
    behind: Vec<u8>,
}

enum Engine {
    /// Before it is clear what `deflate` means.
    Undecided(Vec<u8>),
    /// Before the header of gzip is complete; then deflate, then the trailer.
    Gzip {
        head: Vec<u8>,
        body: Option<Box<Decompress>>,
        trailer: usize,
    },
    Deflate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>, bool),
    Zstd(Box<Zstd>),
}

impl fmt::Debug for Unpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpack").field("format", &self.format).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Unpack {
    /// The beginning of a stream.
    pub(super) fn new(format: Format) -> Unpack {
        let engine = match format {
            Format::Gzip => Engine::Gzip { head: Vec::new(), body: None, trailer: 0 },
            Format::HttpDeflate => Engine::Undecided(Vec::new()),
            Format::Zlib => Engine::Deflate(Box::new(Decompress::new(true))),
            Format::Deflate | Format::Inflate => Engine::Deflate(Box::new(Decompress::new(false))),
            Format::Brotli => Engine::Brotli(
                Box::new(BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default())),
                false,
            ),
            Format::Zstd => Engine::Zstd(Box::new(Zstd::new())),
        };
        Unpack { engine, state: State::Open, taken: 0, given: 0, format, behind: Vec::new() }
    }

    /// The format.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// How it stands.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// What follows is another message with the same context: its bounds are its own.
    pub(super) fn next_message(&mut self) {
        (self.taken, self.given) = (0, 0);
    }

    /// Unpacks what comes next; `out` is given the output in pieces, and says whether it can take more.
    pub(super) fn push(&mut self, input: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> State {
        self.taken = self.taken.saturating_add(input.len() as u64);
        if let State::Ended(_) = self.state {
            self.behind.extend_from_slice(input);
            return self.go_on(out);
        }
        if self.state != State::Open {
            return self.state;
        }
        let held;
        let mut input = input;
        if let Engine::Undecided(head) = &mut self.engine {
            head.extend_from_slice(input);
            if head.len() < 2 {
                return State::Open;
            }
            held = std::mem::take(head);
            let is_zlib = Format::of_magic(&held) == Some(Format::Zlib);
            self.engine = Engine::Deflate(Box::new(Decompress::new(is_zlib)));
            input = &held;
        }
        let allowed = FREE_OUTPUT.max(self.taken.saturating_mul(MOST_RATIO));
        let given = &mut self.given;
        let mut give = |piece: &[u8]| {
            *given = given.saturating_add(piece.len() as u64);
            if *given > allowed { false } else { out(piece) }
        };
        self.state = match &mut self.engine {
            Engine::Undecided(_) => State::Open,
            Engine::Gzip { head, body, trailer } => gzip(head, body, trailer, input, &mut give),
            Engine::Deflate(decompress) => inflate(decompress, input, &mut give),
            Engine::Brotli(state, begun) => brotli(state, begun, input, &mut give),
            Engine::Zstd(frame) => frame.push(input, &mut give),
        };
        if let State::Ended(left) = self.state {
            self.behind = input.get(input.len().saturating_sub(left)..).unwrap_or_default().to_vec();
            return self.go_on(out);
        }
        self.state
    }

    /// Another member or frame may follow the one that ended (RFC 1952 §2.2, RFC 8878 §3).
    fn go_on(&mut self, out: &mut dyn FnMut(&[u8]) -> bool) -> State {
        let is_another = matches!(self.format, Format::Gzip | Format::Zstd) && Format::of_magic(&self.behind) == Some(self.format);
        if is_another {
            let rest = std::mem::take(&mut self.behind);
            let (taken, given) = (self.taken, self.given);
            *self = Unpack { taken: taken.saturating_sub(rest.len() as u64), given, ..Unpack::new(self.format) };
            return self.push(&rest, out);
        }
        self.state = State::Ended(self.behind.len());
        // What stands behind is counted, and only its beginning matters.
        self.behind.truncate(MOST_BEHIND);
        self.state
    }
}

/// How much is kept of what stands behind compressed data, beyond what is needed to recognise more of it.
const MOST_BEHIND: usize = 64 * 1024;

pub(super) type Give<'a> = &'a mut dyn FnMut(&[u8]) -> bool;

fn inflate(decompress: &mut Decompress, mut input: &[u8], give: Give<'_>) -> State {
    let mut out = vec![0; PIECE];
    loop {
        let (before_in, before_out) = (decompress.total_in(), decompress.total_out());
        let status = decompress.decompress(input, &mut out, FlushDecompress::None);
        let taken = usize::try_from(decompress.total_in() - before_in).unwrap_or(0);
        let given = usize::try_from(decompress.total_out() - before_out).unwrap_or(0);
        input = input.get(taken..).unwrap_or_default();
        if given > 0 && !give(out.get(..given).unwrap_or_default()) {
            return State::Bomb;
        }
        match status {
            Ok(Status::StreamEnd) => return State::Ended(input.len()),
            // It is asked once more than there is input: the end of a stored block is told only then.
            Ok(_) if taken == 0 && given == 0 => return State::Open,
            Ok(_) => {}
            Err(_) => return State::Damaged,
        }
    }
}

/// Octets of CRC and length behind the deflate of gzip (RFC 1952 §2.3.1). They are skipped, not checked: content that is readable is
/// readable.
const GZIP_TRAILER: usize = 8;
/// A longer header of gzip is believed to be none.
const LONGEST_GZIP_HEADER: usize = 64 * 1024;

fn gzip(head: &mut Vec<u8>, body: &mut Option<Box<Decompress>>, trailer: &mut usize, input: &[u8], give: Give<'_>) -> State {
    let mut left = input.len();
    if body.is_none() {
        head.extend_from_slice(input);
        match gzip_header(head) {
            Header::Short if head.len() <= LONGEST_GZIP_HEADER => return State::Open,
            Header::Short | Header::Wrong => return State::Damaged,
            Header::Of(len) => {
                let decompress = body.insert(Box::new(Decompress::new(false)));
                let rest = head.split_off(len);
                head.clear();
                match inflate(decompress, &rest, give) {
                    State::Ended(behind) => left = behind,
                    other => return other,
                }
            }
        }
    } else if *trailer == 0
        && let Some(decompress) = body
    {
        match inflate(decompress, input, give) {
            State::Ended(behind) => left = behind,
            other => return other,
        }
    }
    let part = left.min(GZIP_TRAILER.saturating_sub(*trailer));
    *trailer += part;
    if *trailer < GZIP_TRAILER { State::Open } else { State::Ended(left - part) }
}

enum Header {
    Short,
    Wrong,
    Of(usize),
}

/// How long the header of a gzip member is (RFC 1952 §2.3).
fn gzip_header(bytes: &[u8]) -> Header {
    let [id1, id2, method, flags, rest @ ..] = bytes else { return Header::Short };
    if (*id1, *id2, *method) != (0x1f, 0x8b, 8) || flags & 0xe0 != 0 {
        return Header::Wrong;
    }
    let mut at = 4 + 6;
    if rest.len() < 6 {
        return Header::Short;
    }
    if flags & 4 != 0 {
        let Some([a, b]) = bytes.get(at..at + 2) else { return Header::Short };
        at += 2 + usize::from(u16::from_le_bytes([*a, *b]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(zero) = bytes.get(at..).and_then(|rest| memchr::memchr(0, rest)) else { return Header::Short };
            at += zero + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    if bytes.len() < at { Header::Short } else { Header::Of(at) }
}

fn brotli(state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>, begun: &mut bool, input: &[u8], give: Give<'_>) -> State {
    if !*begun && let Some(first) = input.first() {
        *begun = true;
        // RFC 7932 §9.1: the two largest windows; no encoder takes them unasked.
        if matches!(first & 0x0f, 0x0f | 0x0d) && window_bits(*first) > 23 {
            return State::Bomb;
        }
    }
    let mut out = vec![0; PIECE];
    let (mut at, mut available) = (0, input.len());
    loop {
        let (mut room, mut filled, mut total) = (out.len(), 0, 0);
        let result = BrotliDecompressStream(&mut available, &mut at, input, &mut room, &mut filled, &mut out, &mut total, state);
        if filled > 0 && !give(out.get(..filled).unwrap_or_default()) {
            return State::Bomb;
        }
        match result {
            BrotliResult::ResultSuccess => return State::Ended(available),
            BrotliResult::NeedsMoreInput => return State::Open,
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return State::Damaged,
        }
    }
}

/// WBITS of a Brotli stream (RFC 7932 §9.1), where its first octet holds all of it.
fn window_bits(first: u8) -> u8 {
    if first & 1 == 0 {
        return 16;
    }
    match (first >> 1 & 7, first >> 4 & 7) {
        (0, 0) => 17,
        (0, 1) => 0,
        (0, n) => n + 8,
        (n, _) => 17 + n,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn unpacked(format: Format, input: &[u8], piece: usize) -> (Vec<u8>, State) {
        let mut unpack = Unpack::new(format);
        let mut all = Vec::new();
        for chunk in input.chunks(piece) {
            unpack.push(chunk, &mut |out| {
                all.extend_from_slice(out);
                true
            });
        }
        (all, unpack.state())
    }

    fn text() -> Vec<u8> {
        (0..20_000u32).flat_map(|n| format!("line {} of {n}; ", n * 7919 % 1009).into_bytes()).collect()
    }

    fn packed(format: Format, plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match format {
            Format::Gzip => {
                let mut encoder = flate2::GzBuilder::new().filename("a name").extra(vec![1, 2, 3]).write(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Deflate | Format::Inflate => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::HttpDeflate => packed(if plain.len().is_multiple_of(2) { Format::Zlib } else { Format::Deflate }, plain),
            Format::Brotli => {
                let mut out = Vec::new();
                brotli::BrotliCompress(&mut &*plain, &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
                out
            }
            Format::Zstd => ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest),
        }
    }

    #[test]
    fn every_format_is_unpacked_whole_and_in_pieces() {
        let plain = text();
        for odd in [&plain[1..], &plain[2..]] {
            assert!(unpacked(Format::HttpDeflate, &packed(Format::HttpDeflate, odd), 1).0 == odd);
        }
        for format in [Format::Gzip, Format::Zlib, Format::Deflate, Format::Brotli, Format::Zstd] {
            let input = packed(format, &plain);
            for piece in [1, 7, 4096, usize::MAX] {
                let (all, state) = unpacked(format, &input, piece.min(input.len()));
                assert_eq!(state, State::Ended(0), "{format:?} in pieces of {piece}");
                assert!(all == plain, "{format:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn members_and_frames_that_follow_each_other_are_one_stream() {
        for format in [Format::Gzip, Format::Zstd] {
            let mut input = packed(format, b"one, ");
            input.extend(packed(format, b"two"));
            assert_eq!(unpacked(format, &input, 5), (b"one, two".to_vec(), State::Ended(0)), "{format:?}");
        }
    }

    #[test]
    fn what_is_cut_gives_what_is_there_and_what_is_damaged_is_told() {
        let plain = text();
        for format in [Format::Gzip, Format::Zlib, Format::Deflate, Format::Brotli] {
            let input = packed(format, &plain);
            let (all, state) = unpacked(format, input.get(..input.len() / 2).unwrap(), 1000);
            assert_eq!(state, State::Open, "{format:?}");
            assert!(!all.is_empty() && plain.starts_with(&all), "{format:?}");
        }
        assert_eq!(unpacked(Format::Zlib, b"\x78\x9c\xff\xff\xff\xff", 9).1, State::Damaged);
    }

    #[test]
    fn bombs_are_stopped_and_told() {
        let zeros = vec![0u8; 40 << 20];
        for format in [Format::Gzip, Format::Zlib, Format::Deflate, Format::Zstd] {
            let input = packed(format, &zeros);
            let mut most = 0;
            let mut unpack = Unpack::new(format);
            unpack.push(&input, &mut |piece| {
                most += piece.len();
                true
            });
            assert_eq!(unpack.state(), State::Bomb, "{format:?}");
            assert!(most <= 5 << 20, "{format:?} gave {most}");
        }
        // A Zstandard window of 2 GiB, and one segment of 2^40 octets.
        assert_eq!(unpacked(Format::Zstd, b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9).1, State::Bomb);
        assert_eq!(unpacked(Format::Zstd, b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\x01\0\0\x01\x00\x00", 99).1, State::Bomb);
    }
}
