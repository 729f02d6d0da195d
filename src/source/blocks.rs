//! Blocks of a pcapng file as they are written (draft-ietf-opsawg-pcapng §3 and §4), little-endian.

use crate::base::Frame;

pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
pub(super) const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
pub(super) const SECRETS: u32 = 10;
/// Options of any block.
pub(super) const END: u16 = 0;
pub(super) const COMMENT: u16 = 1;

/// A block whose length is not known yet.
pub(super) struct Block {
    start: usize,
}

impl Block {
    pub(super) fn begin(out: &mut Vec<u8>, kind: u32) -> Block {
        let start = out.len();
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        Block { start }
    }

    pub(super) fn end(self, out: &mut Vec<u8>) {
        let len = u32::try_from(out.len() - self.start + 4).unwrap_or(u32::MAX).to_le_bytes();
        out.extend_from_slice(&len);
        if let Some(place) = out.get_mut(self.start + 4..self.start + 8) {
            place.copy_from_slice(&len);
        }
    }
}

/// Blocks begin at multiples of four octets of the file, and in a buffer that is emptied by whole blocks so do they.
pub(super) fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

pub(super) fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// Enhanced Packet Block (§4.3) of an interface that counts nanoseconds. A time before 1970 is written as its beginning.
pub(super) fn packet(out: &mut Vec<u8>, frame: &Frame<'_>, interface: u32, comment: Option<&str>) {
    let ticks = u64::try_from(frame.at.nanos()).unwrap_or(0);
    let captured = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
    let block = Block::begin(out, ENHANCED_PACKET);
    // The time stands high half first.
    for word in [interface, (ticks >> 32) as u32, (ticks & u64::from(u32::MAX)) as u32, captured, frame.wire_len] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(frame.bytes);
    pad(out);
    if let Some(comment) = comment {
        option(out, COMMENT, comment.as_bytes());
        option(out, END, &[]);
    }
    block.end(out);
}
