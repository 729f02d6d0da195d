//! The frames behind a statement.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;

use smallvec::SmallVec;

use super::Reader;
use super::freeze::{Freeze, put_number, take_number};

/// The number of a frame in its capture, from 1: equal to Wireshark's `frame.number` for the same file.
///
/// pcapng custom blocks and systemd-journal blocks take a number too, as they do there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(NonZeroU64);

impl FrameNo {
    /// The first frame of a capture.
    pub const FIRST: FrameNo = FrameNo(NonZeroU64::MIN);

    /// A frame number that was written down before; `None` for 0.
    #[must_use]
    pub fn new(number: u64) -> Option<FrameNo> {
        NonZeroU64::new(number).map(FrameNo)
    }

    /// The frame after this one. Saturates, far beyond any real capture.
    #[must_use]
    pub fn next(self) -> FrameNo {
        FrameNo(self.0.saturating_add(1))
    }

    /// The number itself, from 1.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How many frames a piece of evidence names at most; the lowest ones are kept.
const MOST: usize = 16;

/// Frames of a long list that need no second allocation.
const IN_ONE_PIECE: usize = 6;

/// The frames that prove a statement: never empty, ascending, unique, the 16 lowest.
///
/// Keeping the lowest (and not the first to arrive) makes a joined evidence independent of the order in
/// which its parts were joined, so that neither reordering nor the number of workers changes a report.
/// Only a [`Frame`](super::Frame) or a [`Window`](super::Window) can mint one; everyone else can [join](Evidence::join) them.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence(Frames);

/// Most evidence is of one or two frames, and there are a few dozen of it for each connection: three words, without an allocation.
#[derive(Clone, PartialEq, Eq)]
enum Frames {
    One([FrameNo; 1]),
    Two([FrameNo; 2]),
    Many(Box<Many>),
}

/// More frames than two, or a list that was cut.
#[derive(Clone, PartialEq, Eq)]
struct Many {
    frames: SmallVec<[FrameNo; IN_ONE_PIECE]>,
    truncated: bool,
}

// Facts are moved about by the million.
const _: () = assert!(size_of::<Evidence>() <= 24);

impl Frames {
    /// Ascending and unique frames: as few words as hold them, so that what is equal looks equal.
    fn listed(frames: &[FrameNo], truncated: bool) -> Frames {
        match *frames {
            [one] if !truncated => Frames::One([one]),
            [one, other] if !truncated => Frames::Two([one, other]),
            _ => Frames::Many(Box::new(Many { frames: SmallVec::from_slice(frames), truncated })),
        }
    }

    fn as_slice(&self) -> &[FrameNo] {
        match self {
            Frames::One(one) => one,
            Frames::Two(two) => two,
            Frames::Many(many) => &many.frames,
        }
    }
}

impl Many {
    fn insert(&mut self, frame: FrameNo) {
        let Err(at) = self.frames.binary_search(&frame) else { return };
        if at >= MOST {
            self.truncated = true;
            return;
        }
        self.frames.insert(at, frame);
        if self.frames.len() > MOST {
            self.frames.truncate(MOST);
            self.truncated = true;
        }
    }
}

impl Evidence {
    /// Evidence of one frame. Private to this floor: see the type's promise.
    pub(in crate::base) fn of(frame: FrameNo) -> Evidence {
        Evidence(Frames::One([frame]))
    }

    pub(in crate::base) fn insert(&mut self, frame: FrameNo) {
        match &mut self.0 {
            Frames::One([one]) => match frame.cmp(one) {
                Ordering::Less => self.0 = Frames::Two([frame, *one]),
                Ordering::Equal => {}
                Ordering::Greater => self.0 = Frames::Two([*one, frame]),
            },
            Frames::Two(two) => {
                if !two.contains(&frame) {
                    let mut many = Many { frames: SmallVec::from_slice(two), truncated: false };
                    many.insert(frame);
                    self.0 = Frames::Many(Box::new(many));
                }
            }
            Frames::Many(many) => many.insert(frame),
        }
    }

    /// Adds the frames of another piece of evidence to this one.
    pub fn join(&mut self, other: &Evidence) {
        for &frame in other.frames() {
            self.insert(frame);
        }
        if other.truncated() {
            self.mark_truncated();
        }
    }

    /// This evidence and another as one.
    #[must_use]
    pub fn and(mut self, other: &Evidence) -> Evidence {
        self.join(other);
        self
    }

    /// The frames, ascending; never empty.
    #[must_use]
    pub fn frames(&self) -> &[FrameNo] {
        self.0.as_slice()
    }

    /// The lowest frame.
    #[must_use]
    pub fn first(&self) -> FrameNo {
        self.frames().first().copied().unwrap_or(FrameNo::FIRST)
    }

    /// Whether more frames than are listed stand behind the statement.
    #[must_use]
    pub fn truncated(&self) -> bool {
        matches!(&self.0, Frames::Many(many) if many.truncated)
    }

    /// Says that there are more frames than are listed.
    fn mark_truncated(&mut self) {
        match &mut self.0 {
            Frames::Many(many) => many.truncated = true,
            few => *few = Frames::listed(few.as_slice(), true),
        }
    }

    /// The Wireshark display filter that shows exactly these frames: `frame.number in {12,14}`.
    #[must_use]
    pub fn display_filter(&self) -> String {
        let list: Vec<String> = self.frames().iter().map(ToString::to_string).collect();
        format!("frame.number in {{{}}}", list.join(","))
    }
}

impl Freeze for Evidence {
    fn put(&self, out: &mut Vec<u8>) {
        let mut last = 0;
        let frames = self.frames();
        put_number(out, (frames.len() as u64) << 1 | u64::from(self.truncated()));
        for frame in frames {
            put_number(out, frame.get().saturating_sub(last));
            last = frame.get();
        }
    }

    fn take(reader: &mut Reader<'_>) -> Option<Evidence> {
        let head = take_number(reader)?;
        let mut last = 0u64;
        let mut next = || {
            last = last.saturating_add(take_number(reader)?);
            FrameNo::new(last)
        };
        let first = next()?;
        if head == 1 << 1 {
            return Some(Evidence::of(first));
        }
        let mut frames: SmallVec<[FrameNo; MOST]> = SmallVec::new();
        frames.push(first);
        for _ in 1..head >> 1 {
            frames.push(next()?);
        }
        Some(Evidence(Frames::listed(&frames, head & 1 == 1)))
    }

    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        let head = take_number(reader)?;
        (0..head >> 1).try_for_each(|_| take_number(reader).map(drop))
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.frames()).finish()?;
        if self.truncated() { f.write_str("+") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(n: u64) -> FrameNo {
        FrameNo::new(n).unwrap_or(FrameNo::FIRST)
    }

    #[test]
    fn evidence_keeps_the_lowest_frames_whatever_the_order_of_arrival() {
        let mut up = Evidence::of(no(1));
        (2..40).for_each(|n| up.insert(no(n)));
        let mut down = Evidence::of(no(39));
        (1..39).rev().for_each(|n| down.insert(no(n)));
        assert_eq!(up, down);
        assert_eq!(up.frames().len(), MOST);
        assert!(up.truncated());
        assert_eq!(up.first(), no(1));
    }

    #[test]
    fn the_display_filter_is_one_wireshark_takes() {
        let both = Evidence::of(no(14)).and(&Evidence::of(no(12)));
        assert_eq!(both.display_filter(), "frame.number in {12,14}");
    }
}
