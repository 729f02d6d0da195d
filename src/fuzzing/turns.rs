//! Dialogues as bytes: who says what, what is missing in between, and in which pieces it comes.

use crate::base::{Dir, Frame, FrameNo, LinkType, Timestamp, Window};

/// Turns that are read of one input.
const MOST: usize = 512;

/// One turn of a dialogue.
#[derive(Clone, Copy, Debug)]
pub enum Turn<'a> {
    /// A side says this.
    Says(Dir, &'a [u8]),
    /// So many octets of a side are missing.
    Missing(Dir, u64),
}

/// A dialogue: `how`, then turns of `head length(2) octets`. Of `head`, bit 0 is the side (1 is the server), bit 1 says that `length` octets
/// are missing, and the rest is free. The last turn may be shorter than it says.
#[derive(Clone, Debug)]
pub struct Turns<'a> {
    /// Octets of each piece that turns are fed in; 0 for whole turns.
    pub piece: usize,
    rest: &'a [u8],
    left: usize,
}

impl<'a> Turns<'a> {
    /// Reads a dialogue; also gives the first octet, which some targets choose a protocol by.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> (u8, Turns<'a>) {
        let (which, piece, rest) = match bytes {
            [which, piece, rest @ ..] => (*which, usize::from(*piece), rest),
            [which] => (*which, 0, &[][..]),
            [] => (0, 0, &[][..]),
        };
        (which, Turns { piece, rest, left: MOST })
    }

    /// Writes what [`Turns::read`] reads.
    #[must_use]
    pub fn write(which: u8, piece: u8, turns: &[(Dir, &[u8])]) -> Vec<u8> {
        let mut out = vec![which, piece];
        for (dir, bytes) in turns {
            for part in bytes.chunks(usize::from(u16::MAX)) {
                out.push(u8::from(*dir == Dir::Server));
                out.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
                out.extend_from_slice(part);
            }
        }
        out
    }

    /// The pieces of a turn.
    pub fn pieces<'b>(&self, bytes: &'b [u8]) -> std::slice::Chunks<'b, u8> {
        bytes.chunks(if self.piece == 0 { usize::MAX } else { self.piece })
    }
}

impl<'a> Iterator for Turns<'a> {
    type Item = Turn<'a>;

    fn next(&mut self) -> Option<Turn<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (&[head, high, low], rest) = self.rest.split_first_chunk::<3>()?;
        let dir = if head & 1 == 0 { Dir::Client } else { Dir::Server };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if head & 2 != 0 {
            self.rest = rest;
            return Some(Turn::Missing(dir, length as u64));
        }
        let (bytes, rest) = rest.split_at(length.min(rest.len()));
        self.rest = rest;
        Some(Turn::Says(dir, bytes))
    }
}

/// Frames, numbered as they come; each a millisecond after the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames(FrameNo, i64);

impl Frames {
    pub fn new() -> Frames {
        Frames(FrameNo::FIRST, 1_700_000_000_000_000_000)
    }

    /// The next frame, of these bytes.
    pub fn frame<'a>(&mut self, bytes: &'a [u8]) -> Frame<'a> {
        let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let frame = Frame { number: self.0, at: Timestamp::from_nanos(self.1), bytes, wire_len, link: LinkType(1), interface: 0 };
        (self.0, self.1) = (self.0.next(), self.1 + 1_000_000);
        frame
    }

    pub fn window<'a>(&mut self, dir: Dir, bytes: &'a [u8]) -> Window<'a> {
        self.frame(bytes).window(bytes).with_dir(dir)
    }
}
