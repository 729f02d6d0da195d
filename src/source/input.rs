//! The stored input: compression found by magic, undone while streaming, with bounded memory.
//!
//! Of a stream that is damaged or cut, everything that can be decoded before is given, and the same however the input is cut.

mod gzip;
mod xz;
mod zstd;

use std::io::{self, BufRead, Read};

use gzip::Gzip;
use xz::Xz;
use zstd::Zstd;

/// Octets of stored input buffered for a decoder.
const BUFFER: usize = 64 << 10;

/// Octets of it that are read first: a small capture as a whole, and of a plain one all that is buffered.
const FIRST: usize = 16 << 10;

/// The capture as a stream of octets.
pub(super) struct Input {
    decoder: Decoder,
    failure: Option<Failure>,
}

/// Why a stream ended early.
pub(super) enum Failure {
    /// The input could not be read.
    Io(io::Error),
    /// The compressed stream is cut or damaged.
    Stream(String),
}

enum Decoder {
    Plain(Stored),
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
    Xz(Xz),
}

impl Input {
    /// Looks at the first octets and starts the decoder they ask for. The second value is its name, empty for none.
    pub(super) fn new(reader: Box<dyn Read + Send>) -> io::Result<(Input, &'static str)> {
        let mut stored = Stored::new(reader);
        let (decoder, name) = match stored.peek(6)? {
            [0x1f, 0x8b, ..] => (Decoder::Gzip(Box::new(Gzip::new(stored))), "gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => (Decoder::Zstd(Box::new(Zstd::new(stored)?)), "zstd"),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => (Decoder::Xz(Xz::new(stored)?), "xz"),
            _ => (Decoder::Plain(stored), ""),
        };
        Ok((Input { decoder, failure: None }, name))
    }

    /// Reads what comes next. 0 is the end; [`Input::failure`] tells whether it came too early.
    ///
    /// A plain input gives what one read gives, so that a pipe is not waited for; a decoder fills the whole buffer.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            if self.failure.is_some() {
                break;
            }
            match self.decoder.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => self.failure = Some(self.decoder.explain(error)),
            }
            if matches!(self.decoder, Decoder::Plain(_)) {
                break;
            }
        }
        filled
    }

    /// Why the stream ended early, if it did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Octets of the input as stored that were consumed.
    pub(super) fn stored(&self) -> u64 {
        self.decoder.source().consumed()
    }
}

impl Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(stored) => stored.read(buffer),
            Decoder::Gzip(gzip) => gzip.read(buffer),
            Decoder::Zstd(zstd) => zstd.read(buffer),
            Decoder::Xz(xz) => xz.read(buffer),
        }
    }

    fn source(&self) -> &Stored {
        match self {
            Decoder::Plain(stored) => stored,
            Decoder::Gzip(gzip) => &gzip.stored,
            Decoder::Zstd(zstd) => &zstd.stored,
            Decoder::Xz(xz) => &xz.stored,
        }
    }

    fn explain(&self, error: io::Error) -> Failure {
        let name = match self {
            Decoder::Plain(_) => return Failure::Io(error),
            Decoder::Gzip(_) => "gzip",
            Decoder::Zstd(_) => "zstd",
            Decoder::Xz(_) => "xz",
        };
        let stored = self.source();
        if let Some(failed) = stored.failed {
            return Failure::Io(failed.into());
        }
        Failure::Stream(match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {name} stream breaks off"),
            _ if stored.ended => format!("the {name} stream breaks off"),
            _ => format!("the {name} stream is damaged: {error}"),
        })
    }
}

/// The input as it is stored: buffered for decoders, direct for large reads.
struct Stored {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    read: u64,
    ended: bool,
    failed: Option<io::ErrorKind>,
}

impl Stored {
    fn new(reader: Box<dyn Read + Send>) -> Stored {
        Stored { reader, buffer: vec![0; FIRST], start: 0, end: 0, read: 0, ended: false, failed: None }
    }

    /// The first octets, as many as `n` unless the input is shorter, without consuming them.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.end < n && !self.ended {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => self.ended = true,
                Ok(got) => {
                    self.end += got;
                    self.read = self.read.saturating_add(wide(got));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let start = self.buffer.get(..self.end.min(n)).unwrap_or_default();
        Ok(start)
    }

    fn consumed(&self) -> u64 {
        self.read.saturating_sub(wide(self.end.saturating_sub(self.start)))
    }

    /// Skips zeros; the first octet that is none, or `None` at the end.
    fn skip_zeros(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffered = self.fill_buf()?;
            if buffered.is_empty() {
                return Ok(None);
            }
            match buffered.iter().position(|&b| b != 0) {
                Some(at) => {
                    let found = buffered.get(at).copied();
                    self.consume(at);
                    return Ok(found);
                }
                None => {
                    let zeros = buffered.len();
                    self.consume(zeros);
                }
            }
        }
    }

    fn fetch(&mut self) -> io::Result<()> {
        (self.start, self.end) = (0, 0);
        self.buffer.resize(BUFFER, 0);
        while !self.ended {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => self.ended = true,
                Ok(got) => {
                    self.end = got.min(self.buffer.len());
                    self.read = self.read.saturating_add(wide(got));
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error.kind());
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Nothing is buffered for readers that ask for about as much as a buffer holds.
        if self.start == self.end && buffer.len() >= self.buffer.len() / 2 {
            let got = self.reader.read(buffer).inspect_err(|error| {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some(error.kind());
                }
            })?;
            self.ended |= got == 0;
            self.read = self.read.saturating_add(wide(got));
            return Ok(got);
        }
        let got = self.fill_buf()?.read(buffer)?;
        self.consume(got);
        Ok(got)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.fetch()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
