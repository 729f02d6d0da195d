//! gzip (RFC 1952): several members, and zeros that pad a tape block.

use std::io::{self, BufRead as _, Read as _};

use flate2::Crc;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Stored;

/// Octets that are decoded before they are given: twice what deflate refers back to (RFC 1951 §2), a power of two as the decoder asks for.
const WINDOW: usize = 64 << 10;

/// What gzip members hold, one after the other. What was decoded before a damage is given, however the input is cut; for that, what the
/// decoder writes stays in a window of ours.
pub(super) struct Gzip {
    pub(super) stored: Stored,
    inflate: Box<DecompressorOxide>,
    window: Box<[u8]>,
    /// Where in the window what was decoded and not yet given begins, and how much of it there is.
    at: usize,
    ready: usize,
    crc: Crc,
    next: Next,
    /// The damage, until everything before it was given.
    damage: Option<io::Error>,
}

/// What comes next in the input.
#[derive(Clone, Copy)]
enum Next {
    Header,
    Body,
    Trailer,
    /// Another member, zeros, or the end.
    Member,
}

impl Gzip {
    pub(super) fn new(stored: Stored) -> Gzip {
        Gzip {
            stored,
            inflate: Box::default(),
            window: vec![0; WINDOW].into_boxed_slice(),
            at: 0,
            ready: 0,
            crc: Crc::new(),
            next: Next::Header,
            damage: None,
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.ready > 0 {
                return Ok(self.give(buffer));
            }
            if let Some(damage) = self.damage.take() {
                return Err(damage);
            }
            match self.next {
                Next::Header => {
                    Header::skip(&mut self.stored)?;
                    self.inflate.init();
                    (self.crc, self.next) = (Crc::new(), Next::Body);
                }
                Next::Body => self.inflate()?,
                Next::Trailer => {
                    let trailer = u64::from_le_bytes(octets(&mut self.stored)?);
                    // The checksum, then the length modulo 2³² (RFC 1952 §2.3.1).
                    if trailer != (u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum())) {
                        return Err(damaged("corrupt gzip stream does not have a matching checksum"));
                    }
                    self.next = Next::Member;
                }
                Next::Member => match self.stored.skip_zeros()? {
                    Some(0x1f) => self.next = Next::Header,
                    Some(_) => return Err(damaged("something else follows it")),
                    None => return Ok(0),
                },
            }
        }
    }

    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let ready = self.window.get(self.at..self.at + self.ready).unwrap_or_default();
        let n = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
            self.crc.update(from);
        }
        self.at = (self.at + n) % WINDOW;
        self.ready -= n;
        n
    }

    fn inflate(&mut self) -> io::Result<()> {
        let input = self.stored.fill_buf()?;
        let ended = input.is_empty();
        let flags = TINFL_FLAG_IGNORE_ADLER32 | if ended { 0 } else { TINFL_FLAG_HAS_MORE_INPUT };
        let (status, took, given) = decompress(&mut self.inflate, input, &mut self.window, self.at, flags);
        self.stored.consume(took);
        self.ready = given;
        match status {
            TINFLStatus::Done => self.next = Next::Trailer,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput if !ended => {}
            _ if ended => self.damage = Some(io::ErrorKind::UnexpectedEof.into()),
            _ => self.damage = Some(damaged("corrupt deflate stream")),
        }
        Ok(())
    }
}

/// The header of a member (RFC 1952 §2.3): nothing of it is of use, but it may be damaged.
struct Header<'a> {
    stored: &'a mut Stored,
    crc: Crc,
}

impl Header<'_> {
    const CRC: u8 = 0x02;
    const EXTRA: u8 = 0x04;
    const NAME: u8 = 0x08;
    const COMMENT: u8 = 0x10;
    const RESERVED: u8 = 0xe0;
    /// The longest name or comment that is believed.
    const LONGEST: u32 = 1 << 16;

    fn skip(stored: &mut Stored) -> io::Result<()> {
        let mut header = Header { stored, crc: Crc::new() };
        let [0x1f, 0x8b, 8, flags, ..] = header.octets::<10>()? else { return Err(damaged("invalid gzip header")) };
        if flags & Self::RESERVED != 0 {
            return Err(damaged("invalid gzip header"));
        }
        if flags & Self::EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(header.octets()?) {
                header.octets::<1>()?;
            }
        }
        // The file name, and the comment: each to its zero.
        for _ in [Self::NAME, Self::COMMENT].iter().filter(|&text| flags & text != 0) {
            header.text()?;
        }
        let [low, high, ..] = header.crc.sum().to_le_bytes();
        if flags & Self::CRC != 0 && header.octets()? != [low, high] {
            return Err(damaged("invalid gzip header"));
        }
        Ok(())
    }

    fn text(&mut self) -> io::Result<()> {
        for _ in 0..Self::LONGEST {
            if self.octets()? == [0] {
                return Ok(());
            }
        }
        Err(damaged("gzip header field too long"))
    }

    fn octets<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let octets = octets(self.stored)?;
        self.crc.update(&octets);
        Ok(octets)
    }
}

fn octets<const N: usize>(stored: &mut Stored) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    stored.read_exact(&mut octets)?;
    Ok(octets)
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
