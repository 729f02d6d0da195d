//! Frames of HTTP/2 (RFC 9113 §4.1, §6), for whoever reads it in clear and whoever looks inside TLS.

/// Octets of a frame header.
pub(super) const HEADER: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Octets of payload.
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    /// The header at the start of `bytes`; `None` where more octets are needed.
    pub(super) fn read(bytes: &[u8]) -> Option<Frame> {
        let &[a, b, c, kind, flags, s0, s1, s2, s3] = bytes.get(..HEADER)? else { return None };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        Some(Frame { length, kind, flags, stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]) })
    }

    /// Whether it may be a frame: what belongs to a stream names one, and settings belong to none and have six octets each.
    pub(super) fn is_sound(self) -> bool {
        match self.kind {
            DATA | HEADERS | CONTINUATION | PUSH_PROMISE | RST_STREAM => self.stream != 0,
            SETTINGS => self.stream == 0 && self.length.is_multiple_of(6),
            _ => true,
        }
    }

    /// Where the header block, or the part of one, stands in the payload of HEADERS, PUSH_PROMISE or CONTINUATION: behind the length of the
    /// padding, priority and promised stream, and before the padding.
    pub(super) fn block(self, payload: &[u8]) -> std::ops::Range<usize> {
        let padded = self.flags & PADDED != 0 && self.kind != CONTINUATION;
        let padding = if padded { payload.first().map_or(0, |n| usize::from(*n)) } else { 0 };
        let before = usize::from(padded)
            + match self.kind {
                PUSH_PROMISE => 4,
                HEADERS if self.flags & PRIORITY != 0 => 5,
                _ => 0,
            };
        let end = payload.len().saturating_sub(padding);
        before.min(end)..end
    }
}
