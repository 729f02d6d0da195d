//! A capture file or stream as a [`Source`]: chunked reads, the tail of one chunk carried to the next.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::input::{Failure, Input};
use super::pcapng::Pcapng;
use super::savefile::{self, Pcap};
use super::{BlockAt, Capture, Chunk, Damage, FrameAt, Interface, Source, SourceError};
use crate::base::{FrameNo, Owner, WireStr};

/// Octets read in one go.
const CHUNK: usize = 256 << 10;

/// Of the first.
const FIRST_CHUNK: usize = 16 << 10;

/// A saved capture: pcap or pcapng, plain or compressed with gzip, zstd or xz, from a file or a pipe.
pub struct FileSource {
    input: Input,
    format: Format,
    capture: Capture,
    next: FrameNo,
    /// The incomplete record at the end of the last chunk.
    carry: Vec<u8>,
    /// Where in the (decompressed) capture the carry starts.
    at: u64,
    /// Octets to read next.
    room: usize,
    done: bool,
    /// The section header that a pcapng file begins with.
    header: Vec<u8>,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Where a format puts what it reads.
pub(super) struct Sink<'a> {
    pub(super) frames: &'a mut Vec<FrameAt>,
    pub(super) uids: &'a mut Vec<(FrameNo, u32)>,
    pub(super) owners: &'a mut Vec<(FrameNo, Owner)>,
    pub(super) blocks: &'a mut Option<Vec<BlockAt>>,
    pub(super) capture: &'a mut Capture,
    pub(super) next: &'a mut FrameNo,
}

impl Sink<'_> {
    /// The number of the next frame.
    #[inline]
    pub(super) fn number(&mut self) -> FrameNo {
        let number = *self.next;
        // In a part, only packets have numbers: those of the whole.
        if self.capture.part.is_some() {
            return number;
        }
        *self.next = number.next();
        self.capture.frames = number.get();
        number
    }
}

/// Why a format stopped reading.
pub(super) enum Stop {
    /// The record here needs this many octets in all, as far as is known.
    More { whole: usize },
    /// The record here cannot be read.
    Broken(String),
}

/// Opens a capture file.
///
/// # Errors
/// When it cannot be opened, is no capture, or ends inside its header.
pub fn open(path: &Path) -> Result<FileSource, SourceError> {
    let file = File::open(path)?;
    let len = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    read(file, len)
}

/// Reads a capture from a stream; `input_len` is its length as stored, where known.
///
/// # Errors
/// When it cannot be read, is no capture, or ends inside its header.
pub fn read(reader: impl Read + Send + 'static, input_len: Option<u64>) -> Result<FileSource, SourceError> {
    let (mut input, compression) = Input::new(Box::new(reader))?;
    let mut capture = Capture { compression, input_len, ..Capture::default() };
    let mut start = Start { bytes: Vec::new(), input: &mut input };
    let magic = start.upto(12);
    let (format, header) = if let Some(len) = savefile::header_len(magic) {
        let (pcap, name, snaplen) = Pcap::new(start.whole(len)?)?;
        capture.format = name;
        capture.interfaces.push(Interface { link: pcap.link(), name: None, snaplen });
        (Format::Pcap(pcap), len)
    } else if let Some(len) = Pcapng::section_len(magic)? {
        let pcapng = Pcapng::new(start.whole(len)?, &mut capture)?;
        capture.format = "pcapng";
        (Format::Pcapng(pcapng), len)
    } else {
        start.upto(64);
        return Err(start.not_a_capture(compression));
    };
    let mut carry = start.bytes;
    capture.bytes_read = wide(carry.len());
    let first: Vec<u8> = carry.drain(..header.min(carry.len())).collect();
    let kept = if matches!(format, Format::Pcapng(_)) { first } else { Vec::new() };
    capture.input_read = input.stored();
    Ok(FileSource { input, format, capture, next: FrameNo::FIRST, carry, at: wide(header), room: FIRST_CHUNK, done: false, header: kept })
}

/// The first octets, while it is found out what they are.
struct Start<'a> {
    bytes: Vec<u8>,
    input: &'a mut Input,
}

impl Start<'_> {
    /// Reads until there are `n` octets, or no more.
    fn upto(&mut self, n: usize) -> &[u8] {
        while self.bytes.len() < n {
            let old = self.bytes.len();
            // Grows with what arrives, not with what a length field claims.
            self.bytes.resize(n.min(old + CHUNK), 0);
            let got = self.input.read(self.bytes.get_mut(old..).unwrap_or_default());
            self.bytes.truncate(old + got);
            if got == 0 {
                break;
            }
        }
        &self.bytes
    }

    fn whole(&mut self, n: usize) -> Result<&[u8], SourceError> {
        if self.upto(n).len() < n {
            return Err(SourceError::Header(match self.input.failure() {
                Some(Failure::Stream(what)) => what.clone(),
                Some(Failure::Io(error)) => format!("reading fails inside it: {error}"),
                None => "the file ends inside it".to_owned(),
            }));
        }
        Ok(&self.bytes)
    }

    fn not_a_capture(&self, compression: &str) -> SourceError {
        match self.input.failure() {
            Some(Failure::Io(error)) => return std::io::Error::new(error.kind(), error.to_string()).into(),
            Some(Failure::Stream(what)) if self.bytes.is_empty() => return SourceError::NotACapture(what.clone()),
            _ => {}
        }
        let mut what = looks_like(&self.bytes);
        if !compression.is_empty() {
            what = format!("{what}, compressed with {compression}");
        }
        SourceError::NotACapture(what)
    }
}

/// What bytes that are no capture look like, for a person who mixed up two files.
fn looks_like(bytes: &[u8]) -> String {
    match bytes {
        [] => "an empty file".to_owned(),
        [b'P', b'K', 3, 4, ..] => "a zip archive (extract it first)".to_owned(),
        [b'7', b'z', 0xbc, 0xaf, ..] => "a 7z archive (extract it first)".to_owned(),
        [b'R', b'a', b'r', b'!', ..] => "a rar archive (extract it first)".to_owned(),
        [b'B', b'Z', b'h', ..] => "a bzip2 file (decompress it first)".to_owned(),
        [0x04, 0x22, 0x4d, 0x18, ..] => "an lz4 file (decompress it first)".to_owned(),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', ..] => "another compressed file".to_owned(),
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "a snoop file (convert it with editcap)".to_owned(),
        [b'G', b'M', b'B', b'U', ..] | [b'R', b'T', b'S', b'S', ..] => {
            "a Microsoft Network Monitor file (convert it with editcap)".to_owned()
        }
        [b'%', b'P', b'D', b'F', ..] => "a PDF document".to_owned(),
        [0x89, b'P', b'N', b'G', ..] => "a PNG image".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "a program".to_owned(),
        _ if is_text(bytes) => {
            let line = bytes.split(|&b| b == b'\n' || b == b'\r').find(|line| !line.is_empty()).unwrap_or_default();
            let shown = line.get(..line.len().min(32)).unwrap_or_default();
            format!("text that begins with \"{}\"", WireStr::new(shown))
        }
        _ => {
            let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("bytes that begin with {}", hex.join(" "))
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    // The last character may be cut.
    let valid = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(text.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && valid.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

impl Source for FileSource {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        chunk.clear();
        if self.done {
            return Ok(false);
        }
        let Chunk { bytes, frames, uids, owners, blocks } = chunk;
        // Room to read into beside the carry, whatever its size. A recycled chunk may be longer: what is used of it is not.
        let mut room = self.room.max(self.carry.len().saturating_mul(2));
        if bytes.len() < room {
            bytes.resize(room, 0);
        }
        let mut filled = self.carry.len();
        if let Some(front) = bytes.get_mut(..filled) {
            front.copy_from_slice(&self.carry);
        }
        self.carry.clear();
        let mut parsed = 0;
        loop {
            let got = self.input.read(bytes.get_mut(filled..room).unwrap_or_default());
            filled += got;
            // It grows as it is filled, so that a small file costs no large buffer.
            if filled == room {
                self.room = CHUNK.min(self.room.saturating_mul(4));
            }
            self.capture.bytes_read = self.capture.bytes_read.saturating_add(wide(got));
            let read = bytes.get(..filled).unwrap_or_default();
            let mut sink = Sink { frames, uids, owners, blocks, capture: &mut self.capture, next: &mut self.next };
            let stop = match &mut self.format {
                Format::Pcap(pcap) => pcap.records(read, &mut parsed, &mut sink),
                Format::Pcapng(pcapng) => pcapng.blocks(read, &mut parsed, &mut sink),
            };
            let holds = !frames.is_empty() || blocks.as_ref().is_some_and(|blocks| !blocks.is_empty());
            let here = self.at.saturating_add(wide(parsed));
            let tail = read.get(parsed..).unwrap_or_default();
            match stop {
                Stop::Broken(what) => {
                    self.capture.damage = Some(Damage { at: here, what });
                    self.done = true;
                }
                // There is always room, so nothing read means the end.
                Stop::More { .. } if got == 0 => {
                    self.capture.damage = self.ending(tail.is_empty()).map(|what| Damage { at: here, what });
                    self.done = true;
                }
                Stop::More { .. } if holds => self.carry.extend_from_slice(tail),
                Stop::More { whole } => {
                    // Nothing whole yet: a record larger than the chunk, or a short read from a pipe. Blocks that were
                    // read (names, statistics) make room first.
                    self.at = here;
                    if parsed > 0 {
                        bytes.copy_within(parsed..filled, 0);
                        filled -= parsed;
                        parsed = 0;
                    }
                    if filled == room {
                        // Doubles at most, so that memory follows what arrives and not what a length field claims.
                        room = whole.clamp(filled + 1, filled * 2);
                        bytes.resize(room.max(bytes.len()), 0);
                    }
                    continue;
                }
            }
            self.at = here;
            self.capture.input_read = self.input.stored();
            return Ok(holds);
        }
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }
}

impl FileSource {
    /// The section header that a pcapng file begins with, which is in no chunk; nothing for pcap.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// What is wrong with the end of the input; `None` when it came between two records.
    fn ending(&self, between: bool) -> Option<String> {
        match (self.input.failure(), &self.format) {
            (Some(Failure::Stream(what)), _) => Some(what.clone()),
            (Some(Failure::Io(error)), _) => Some(format!("reading fails: {error}")),
            (None, _) if between => None,
            (None, Format::Pcap(_)) => Some("the file ends inside a packet record".to_owned()),
            (None, Format::Pcapng(_)) => Some("the file ends inside a block".to_owned()),
        }
    }
}

pub(super) fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
