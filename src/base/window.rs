//! Frames, and contiguous bytes that remember which frames carried them.

use std::ops::Range;

use super::{Evidence, FrameNo, Timestamp};

/// Which side of a connection sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dir {
    /// From the client (see the contract, §5: who sent the `ClientHello`, else the SYN, else the first message).
    Client,
    /// From the server.
    Server,
}

impl Dir {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Dir {
        match self {
            Dir::Client => Dir::Server,
            Dir::Server => Dir::Client,
        }
    }

    /// 0 for the client, 1 for the server.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Dir::Client => 0,
            Dir::Server => 1,
        }
    }
}

/// One of something for each side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T> Sides<T> {
    /// One side's.
    pub fn of(&self, dir: Dir) -> &T {
        match dir {
            Dir::Client => &self.client,
            Dir::Server => &self.server,
        }
    }

    /// One side's, to change.
    pub fn of_mut(&mut self, dir: Dir) -> &mut T {
        match dir {
            Dir::Client => &mut self.client,
            Dir::Server => &mut self.server,
        }
    }

    /// Exchanges the sides.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }
}

/// A link-layer header type (the tcpdump.org `LINKTYPE_` registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured frame, numbered once by the source that read it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number in the capture.
    pub number: FrameNo,
    /// When it was captured.
    pub at: Timestamp,
    /// The captured bytes: may be fewer than were on the wire.
    pub bytes: &'a [u8],
    /// Octets on the wire, as the capture states them.
    pub wire_len: u32,
    /// How to read the first bytes.
    pub link: LinkType,
    /// The interface in the order of the capture's interface descriptions; 0 where the format has none.
    pub interface: u32,
}

impl<'a> Frame<'a> {
    /// A window on some bytes of this frame. The direction is set later, by the flow.
    #[must_use]
    pub fn window(&self, bytes: &'a [u8]) -> Window<'a> {
        Window { bytes, dir: Dir::Client, at: self.at, marks: Marks::One(self.number, self.at), base: 0 }
    }

    /// This frame as evidence.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence::of(self.number)
    }
}

/// Bytes `start..end` (offsets in the bytes the mark belongs to) came in `frame`.
///
/// A list of marks is ascending in `start` and in `end`; marks overlap only in decrypted bytes, where
/// every byte depends on all frames of its ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::base) struct Mark {
    pub start: u32,
    pub end: u32,
    pub frame: FrameNo,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::base) enum Marks<'a> {
    One(FrameNo, Timestamp),
    Many(&'a [Mark]),
}

/// Contiguous bytes of one direction that remember their frames.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Who sent them.
    pub dir: Dir,
    /// When the last of them arrived.
    pub at: Timestamp,
    pub(in crate::base) marks: Marks<'a>,
    /// Where `bytes` starts in the coordinates of `marks`.
    pub(in crate::base) base: u32,
}

impl<'a> Window<'a> {
    /// The same bytes as sent by `dir`.
    #[must_use]
    pub fn with_dir(mut self, dir: Dir) -> Window<'a> {
        self.dir = dir;
        self
    }

    /// A part of this window, or `None` when the span reaches outside.
    #[must_use]
    pub fn slice(&self, span: Range<usize>) -> Option<Window<'a>> {
        let bytes = self.bytes.get(span.clone())?;
        let base = self.base.saturating_add(clamp(span.start));
        Some(Window { bytes, base, ..*self })
    }

    /// Everything from `start` on, empty when `start` is past the end.
    #[must_use]
    pub fn from(&self, start: usize) -> Window<'a> {
        let start = start.min(self.bytes.len());
        let bytes = self.bytes.get(start..).unwrap_or_default();
        Window { bytes, base: self.base.saturating_add(clamp(start)), ..*self }
    }

    /// The frames that carried the bytes of `span`. A span outside the window is clamped into it, so the
    /// result is never empty.
    #[must_use]
    pub fn evidence(&self, span: Range<usize>) -> Evidence {
        match self.marks {
            Marks::One(frame, _) => Evidence::of(frame),
            Marks::Many(marks) => {
                let mut hit = within(marks, self.absolute(&span)).map(|m| m.frame);
                let mut evidence = match hit.next() {
                    Some(frame) => Evidence::of(frame),
                    // Only reachable for a window of no marks, which Stitched never builds.
                    None => Evidence::of(marks.last().map_or(FrameNo::FIRST, |m| m.frame)),
                };
                hit.for_each(|frame| evidence.insert(frame));
                evidence
            }
        }
    }

    /// The frames of the whole window.
    #[must_use]
    pub fn all(&self) -> Evidence {
        self.evidence(0..self.bytes.len())
    }

    /// Calls `each` with every frame of the window, in the order of the bytes; one that carried several parts may come again.
    pub fn each_frame(&self, mut each: impl FnMut(FrameNo)) {
        match self.marks {
            Marks::One(frame, _) => each(frame),
            Marks::Many(marks) => marks.iter().for_each(|mark| each(mark.frame)),
        }
    }

    /// The frame that completed these bytes: the highest number among them.
    #[must_use]
    pub fn newest(&self) -> FrameNo {
        match self.marks {
            Marks::One(frame, _) => frame,
            Marks::Many(marks) => marks.iter().map(|m| m.frame).max().unwrap_or(FrameNo::FIRST),
        }
    }

    /// When the last byte of `span` arrived.
    #[must_use]
    pub fn arrived(&self, span: Range<usize>) -> Timestamp {
        match self.marks {
            Marks::One(_, at) => at,
            Marks::Many(marks) => within(marks, self.absolute(&span)).map(|m| m.at).max().unwrap_or(self.at),
        }
    }

    /// Marks of this window, with offsets from its own start.
    pub(in crate::base) fn each_mark(&self, mut f: impl FnMut(Mark)) {
        let len = clamp(self.bytes.len());
        match self.marks {
            Marks::One(frame, at) => f(Mark { start: 0, end: len, frame, at }),
            Marks::Many(marks) => {
                for m in within(marks, self.absolute(&(0..self.bytes.len()))) {
                    let start = m.start.saturating_sub(self.base);
                    let end = m.end.saturating_sub(self.base).min(len);
                    f(Mark { start, end, ..*m });
                }
            }
        }
    }

    fn absolute(&self, span: &Range<usize>) -> Range<u32> {
        let len = self.bytes.len();
        let start = span.start.min(len.saturating_sub(1));
        let end = span.end.clamp(start, len);
        let from = self.base.saturating_add(clamp(start));
        from..self.base.saturating_add(clamp(end)).max(from.saturating_add(1))
    }
}

/// Marks that touch `span`; both ends of the list's marks ascend, so the first hit is found by bisection.
fn within(marks: &[Mark], span: Range<u32>) -> impl Iterator<Item = &Mark> {
    let first = marks.partition_point(|m| m.end <= span.start);
    marks.get(first..).unwrap_or_default().iter().take_while(move |m| m.start < span.end)
}

fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
