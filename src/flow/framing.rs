//! Follows the framing of a byte stream once nothing more is to be learnt of it, without keeping its bytes.
//!
//! A handshake protects records, not connections: what one side sends between or after them, in clear, is protected by nothing. So the
//! headers of frames go on being checked, by sequence number alone. Bytes inside a frame are not looked at, none are kept but a header in
//! two segments, and a lost or reordered segment ends what is certain: from then on only a chain of frames restores it, and only text
//! that no cipher would produce counts as something else.

use crate::base::{Dir, Sides, begins_with_text};

/// Consecutive headers after which a direction that was lost is followed with certainty again: by chance, one in 2^60.
const CERTAIN: u8 = 3;
/// The longest header.
const MOST_HEADER: usize = 5;

/// What the first octets of a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameHeader {
    /// How many octets the frame takes, its header included.
    Whole(u32),
    /// More octets are needed, five at most.
    More,
    /// This is no frame.
    No,
}

/// How a byte stream goes on.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// Reads the header of a frame.
    pub header: fn(&[u8]) -> FrameHeader,
    /// How many octets of each direction are left of the frame that was being read; `None` where that is not known.
    pub left: Sides<Option<u32>>,
}

/// Both directions of a connection whose framing is followed.
#[derive(Debug)]
pub struct Follower {
    header: fn(&[u8]) -> FrameHeader,
    sides: Sides<Side>,
}

#[derive(Clone, Copy, Debug)]
struct Side {
    /// The sequence number of the next octet of a header.
    next: u32,
    /// What came of that header already.
    part: [u8; MOST_HEADER],
    part_len: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A frame begins where one is expected.
    Certain,
    /// A frame seems to begin there: how many headers said so.
    Perhaps(u8),
    /// A segment is missing, or came early.
    Lost,
    /// Something else went by: so is what follows, until frames begin again.
    Other,
}

impl Follower {
    /// Follows from here on: the sequence number of the next octet of each direction is given, where it is known.
    #[must_use]
    pub fn new(framing: Framing, next: Sides<Option<u32>>) -> Follower {
        let side = |next: Option<u32>, left: Option<u32>| match (next, left) {
            (Some(next), Some(left)) => Side { next: next.wrapping_add(left), part: [0; MOST_HEADER], part_len: 0, state: State::Certain },
            _ => Side { next: 0, part: [0; MOST_HEADER], part_len: 0, state: State::Lost },
        };
        let sides = Sides { client: side(next.client, framing.left.client), server: side(next.server, framing.left.server) };
        Follower { header: framing.header, sides }
    }

    /// Exchanges the sides.
    pub fn swap_sides(&mut self) {
        self.sides.swap();
    }

    /// Looks at a segment: its sequence number, what of it was captured, and how long it was. Returns from which octet on it is something
    /// else than frames, if it is.
    #[inline]
    pub fn see(&mut self, dir: Dir, seq: u32, bytes: &[u8], wire_len: u32) -> Option<usize> {
        let side = self.sides.of_mut(dir);
        let ahead = side.next.wrapping_sub(seq).cast_signed();
        // Most segments lie within a frame, or came before.
        if matches!(side.state, State::Certain | State::Perhaps(_)) && ahead >= 0 && ahead.unsigned_abs() >= wire_len {
            return None;
        }
        side.step(self.header, seq, ahead, bytes)
    }
}

impl Side {
    fn step(&mut self, header: fn(&[u8]) -> FrameHeader, seq: u32, ahead: i32, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        let at = match self.state {
            State::Certain | State::Perhaps(_) => usize::try_from(ahead).ok(),
            State::Lost | State::Other => matches!(header(bytes), FrameHeader::Whole(_)).then(|| {
                (self.state, self.next, self.part_len) = (State::Perhaps(0), seq, 0);
                0
            }),
        };
        match at {
            Some(at) => self.walk(header, at, bytes),
            None if self.state == State::Other => Some(0),
            None => self.lose(bytes),
        }
    }

    /// A header, or what is missing of it, is at `at`.
    fn walk(&mut self, header: fn(&[u8]) -> FrameHeader, mut at: usize, bytes: &[u8]) -> Option<usize> {
        // Ends: each round goes forward by a header at least, or returns.
        loop {
            let Some(rest) = bytes.get(at..) else {
                // In what was not captured, or in segments to come.
                return None;
            };
            if rest.is_empty() {
                return None;
            }
            let held = usize::from(self.part_len);
            let mut begin = [0; MOST_HEADER];
            let known = self.part.get(..held).unwrap_or_default();
            let octets = begin.iter_mut().zip(known.iter().chain(rest)).map(|(to, from)| *to = *from).count();
            match header(begin.get(..octets).unwrap_or_default()) {
                FrameHeader::Whole(length) => {
                    let from_here = length.saturating_sub(u32::from(self.part_len)).max(1);
                    self.part_len = 0;
                    self.next = self.next.wrapping_add(from_here);
                    at = at.saturating_add(from_here as usize);
                    self.state = match self.state {
                        State::Perhaps(n) if n < CERTAIN => State::Perhaps(n + 1),
                        _ => State::Certain,
                    };
                }
                FrameHeader::More if octets < MOST_HEADER => {
                    self.part = begin;
                    self.part_len = u8::try_from(octets).unwrap_or(0);
                    self.next = self.next.wrapping_add(u32::try_from(rest.len()).unwrap_or(u32::MAX));
                    return None;
                }
                FrameHeader::More | FrameHeader::No => {
                    let certain = self.state == State::Certain;
                    self.part_len = 0;
                    if !certain {
                        return self.lose(bytes);
                    }
                    self.state = State::Other;
                    return Some(at);
                }
            }
        }
    }

    fn lose(&mut self, bytes: &[u8]) -> Option<usize> {
        (self.state, self.part_len) = (State::Lost, 0);
        begins_with_text(bytes).then_some(0)
    }
}

#[cfg(test)]
mod tests;
