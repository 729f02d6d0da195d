//! Parts of a capture, as `intransit split` makes them: pcapng files whose packets keep, as a comment, the number they have in the whole.
//!
//! Blocks go into the parts as they are, options and byte order included; a comment is added to section headers and packets. What is read
//! back is [`PartOf`] and the numbers: a part is told from any other capture by the comment of its first section alone.

use super::blocks::{Block, COMMENT, END, ENHANCED_PACKET, INTERFACE, SECTION_HEADER, option, packet};
use super::{BlockAt, Capture, Chunk};
use crate::base::{Frame, FrameNo};

/// Which part of a capture: a number from 1, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// From 1.
    pub number: u8,
    /// At most [`PartOf::MOST`].
    pub of: u8,
}

impl PartOf {
    /// The most parts: as many as the flow table has shards, so that a part holds whole shards and bounds are the same as in the whole.
    pub const MOST: u8 = 64;

    /// Whether the connections of a shard of the flow table are this part's.
    #[must_use]
    pub fn holds(self, shard: usize) -> bool {
        shard % usize::from(self.of) + 1 == usize::from(self.number)
    }

    /// `intransit part 3 of 8`, and anything behind it.
    pub(super) fn parse(comment: &[u8]) -> Option<PartOf> {
        let text = std::str::from_utf8(comment).ok()?.strip_prefix("intransit part ")?;
        let mut words = text.split(' ');
        let (number, "of", of) = (words.next()?, words.next()?, words.next()?) else { return None };
        let part = PartOf { number: number.parse().ok()?, of: of.trim_end_matches(':').parse().ok()? };
        ((1..=Self::MOST).contains(&part.of) && (1..=part.of).contains(&part.number)).then_some(part)
    }
}

impl std::fmt::Display for PartOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "part {} of {}", self.number, self.of)
    }
}

/// The comment of a packet: its number in the whole, and whether it is of connections of other parts.
fn said(number: FrameNo, copy: bool) -> String {
    format!("frame {number}{}", if copy { ", of another part" } else { "" })
}

/// What [`said`] says.
pub(super) fn number(comment: &[u8]) -> Option<(FrameNo, bool)> {
    let text = std::str::from_utf8(comment).ok()?.strip_prefix("frame ")?;
    let (digits, copy) = text.strip_suffix(", of another part").map_or((text, false), |digits| (digits, true));
    Some((FrameNo::new(digits.parse().ok()?)?, copy))
}

/// A block and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    kind: u32,
    big_endian: bool,
    ticks: u64,
    bytes: &'a [u8],
}

impl<'a> Kept<'a> {
    /// A block of a chunk; `None` for a place of another chunk.
    #[must_use]
    pub fn of(chunk: &'a Chunk, block: &BlockAt) -> Option<Kept<'a>> {
        let bytes = chunk.bytes.get(block.start..block.start.checked_add(block.len)?)?;
        Some(Kept { kind: block.kind, big_endian: block.big_endian, ticks: block.ticks, bytes })
    }

    /// The section header that a file begins with.
    #[must_use]
    pub fn header(bytes: &'a [u8]) -> Kept<'a> {
        Kept { kind: SECTION_HEADER, big_endian: bytes.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]), ticks: 0, bytes }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The same block with its bytes elsewhere.
    #[must_use]
    pub fn onto<'b>(&self, bytes: &'b [u8]) -> Kept<'b> {
        Kept { kind: self.kind, big_endian: self.big_endian, ticks: self.ticks, bytes }
    }

    /// Whether it begins a section.
    #[must_use]
    pub fn is_section(&self) -> bool {
        self.kind == SECTION_HEADER
    }

    /// Whether what it says may be needed for the packets of any part: interfaces, names, secrets, the apps that PCAPdroid names.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        let enterprise = self.bytes.first_chunk::<12>().map(|&[.., a, b, c, d]| self.u32([a, b, c, d]));
        matches!(self.kind, INTERFACE | 4 | 10) || matches!(self.kind, 0x0bad | 0x4000_0bad) && enterprise == Some(62_652)
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn put(&self, out: &mut Vec<u8>, word: u32) {
        out.extend_from_slice(&if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
    }

    /// The block as it is.
    pub fn copy(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
    }

    /// The block with a comment as its first option; `fixed` octets of its body stand before the options.
    fn with_comment(&self, out: &mut Vec<u8>, kind: u32, fixed: &[&[u8]], options: &[u8], comment: &str) {
        let start = out.len();
        self.put(out, kind);
        out.extend_from_slice(&[0; 4]);
        fixed.iter().for_each(|part| out.extend_from_slice(part));
        out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        // Code and length in the section's byte order.
        let len = u16::try_from(comment.len()).unwrap_or(u16::MAX);
        let [code, len] = [COMMENT, len].map(|n| if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
        out.extend_from_slice(&code);
        out.extend_from_slice(&len);
        out.extend_from_slice(comment.as_bytes());
        out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        // The end of options is zero in either order.
        out.extend_from_slice(if options.is_empty() { &[0; 4] } else { options });
        let len = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX);
        self.put(out, len);
        let len = if self.big_endian { len.to_be_bytes() } else { len.to_le_bytes() };
        if let Some(place) = out.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&len);
        }
    }

    fn body(&self) -> &'a [u8] {
        self.bytes.get(8..self.bytes.len().saturating_sub(4)).unwrap_or_default()
    }

    /// A packet's block with its number; a Simple Packet Block becomes an Enhanced one, which has room for it. Its time, which is that of
    /// the packet before it, is cut to what its interface counts.
    pub fn packet(&self, out: &mut Vec<u8>, number: FrameNo, copy: bool) {
        let comment = said(number, copy);
        let body = self.body();
        if self.kind == 3 {
            let Some((&wire, data)) = body.split_first_chunk::<4>() else { return };
            let captured = data.len().min(self.u32(wire) as usize);
            let mut fixed = Vec::with_capacity(20);
            for word in [0, (self.ticks >> 32) as u32, (self.ticks & u64::from(u32::MAX)) as u32, captured as u32, self.u32(wire)] {
                self.put(&mut fixed, word);
            }
            return self.with_comment(out, ENHANCED_PACKET, &[&fixed, data], &[], &comment);
        }
        // Interface, time and lengths take 20 octets in both kinds of packet blocks.
        let captured = body.get(12..16).and_then(<[u8]>::first_chunk::<4>).map_or(0, |bytes| self.u32(*bytes) as usize);
        let end = 20 + captured.next_multiple_of(4);
        let (Some(fixed), Some(options)) = (body.get(..end), body.get(end..)) else { return self.copy(out) };
        self.with_comment(out, self.kind, &[fixed], options, &comment);
    }
}

/// Writes the beginnings of parts.
#[derive(Clone, Debug)]
pub struct Parts {
    /// How many there are.
    pub of: u8,
    /// What the whole is called.
    pub name: String,
}

impl Parts {
    fn comment(&self, number: u8) -> String {
        format!("intransit {}: {}; a packet's comment is its frame number there", PartOf { number, of: self.of }, self.name)
    }

    /// A section header, of unknown length, in the part with this number.
    pub fn section(&self, number: u8, header: &Kept<'_>, out: &mut Vec<u8>) {
        let body = header.body();
        let (fixed, options) = body.split_at(body.len().min(16));
        header.with_comment(out, SECTION_HEADER, &[fixed.get(..8).unwrap_or_default(), &[0xff; 8]], options, &self.comment(number));
    }

    /// Section and interface of a part of a pcap file.
    pub fn of_pcap(&self, number: u8, capture: &Capture, out: &mut Vec<u8>) {
        let block = Block::begin(out, SECTION_HEADER);
        out.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&[0xff; 8]);
        option(out, COMMENT, self.comment(number).as_bytes());
        option(out, 4, concat!("intransit ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(out, END, &[]);
        block.end(out);
        for interface in &capture.interfaces {
            let block = Block::begin(out, INTERFACE);
            out.extend_from_slice(&interface.link.0.to_le_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&interface.snaplen.to_le_bytes());
            // Nanoseconds.
            option(out, 9, &[9]);
            option(out, END, &[]);
            block.end(out);
        }
    }

    /// A packet of a pcap file.
    pub fn packet_of_pcap(out: &mut Vec<u8>, frame: &Frame<'_>, copy: bool) {
        packet(out, frame, frame.interface, Some(&said(frame.number, copy)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_says_of_itself_is_read_back_and_nothing_else_is_taken_for_it() {
        let parts = Parts { of: 8, name: "x.pcap".into() };
        assert_eq!(PartOf::parse(parts.comment(3).as_bytes()), Some(PartOf { number: 3, of: 8 }));
        for other in ["intransit part 0 of 8", "intransit part 9 of 8", "intransit part 1 of 65", "intransit part 1", "part 1 of 2", ""] {
            assert_eq!(PartOf::parse(other.as_bytes()), None, "{other}");
        }
        for (n, copy) in [(1, false), (u64::MAX, true)] {
            let frame = FrameNo::new(n).unwrap_or(FrameNo::FIRST);
            assert_eq!(number(said(frame, copy).as_bytes()), Some((frame, copy)));
        }
        for other in ["frame 0", "frame -1", "frame", "frame 1 ", "frame 1\nconnection 2"] {
            assert_eq!(number(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn every_shard_is_of_one_part() {
        for of in 1..=PartOf::MOST {
            for shard in 0..64 {
                assert_eq!((1..=of).filter(|&number| PartOf { number, of }.holds(shard)).count(), 1, "{shard} of {of}");
            }
        }
    }
}
