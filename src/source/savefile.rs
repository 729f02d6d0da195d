//! The pcap format (draft-ietf-opsawg-pcap §4, §5), with the variants that libpcap and Wireshark read.
//!
//! Lenient where they are: a frame may be longer than the stated snapshot length, and longer than it was on the wire.

use super::file::{Sink, Stop};
use super::{FrameAt, SourceError};
use crate::base::{LinkType, Timestamp};

/// Octets of a frame beyond which Wireshark and libpcap call a record damaged.
const MOST_USUAL: u32 = 262_144;

/// What we accept where the header announces larger frames, or the link type is known for them.
pub(super) const MOST: u32 = 16 << 20;

/// How many octets the file header has, by the first four of them; `None` when they are not of a pcap file.
pub(super) fn header_len(bytes: &[u8]) -> Option<usize> {
    let magic = <[u8; 4]>::try_from(bytes.get(..4)?).ok()?;
    Variant::of(u32::from_le_bytes(magic)).or_else(|| Variant::of(u32::from_be_bytes(magic))).map(|v| v.header)
}

/// What the magic number says.
struct Variant {
    name: &'static str,
    /// Octets of the file header.
    header: usize,
    /// Octets of a record header.
    record: usize,
    /// Nanoseconds of one unit of the fraction.
    unit: i64,
}

impl Variant {
    fn of(magic: u32) -> Option<Variant> {
        Some(match magic {
            0xa1b2_c3d4 => Variant { name: "pcap", header: 24, record: 16, unit: 1000 },
            0xa1b2_3c4d => Variant { name: "pcap-ns", header: 24, record: 16, unit: 1 },
            // Kuznetzov's patch: interface, protocol and packet type follow the usual record header.
            0xa1b2_cd34 => Variant { name: "pcap-modified", header: 24, record: 24, unit: 1000 },
            // Ixia's hardware and software captures state the size of all records at the end of the file header.
            0x1c00_01ac | 0x1c00_01ab => Variant { name: "pcap", header: 28, record: 16, unit: 1000 },
            _ => return None,
        })
    }
}

/// Which of the two lengths of a record comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// Before version 2.3.
    WireFirst,
    /// Version 2.3 was written both ways; more captured than there was gives it away.
    SmallerIsCaptured,
}

/// A reader of pcap records.
pub(super) struct Pcap {
    big_endian: bool,
    record: usize,
    unit: i64,
    lengths: Lengths,
    link: LinkType,
    most: u32,
}

impl Pcap {
    /// Reads the file header, of which [`header_len`] octets are there. Gives the name of the variant, too.
    pub(super) fn new(header: &[u8]) -> Result<(Pcap, &'static str, u32), SourceError> {
        let short = || SourceError::Header("the file ends inside it".to_owned());
        let fixed = header.first_chunk::<24>().ok_or_else(short)?;
        let [m0, m1, m2, m3, major0, major1, minor0, minor1, _, _, _, _, _, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3] = *fixed;
        let magic = [m0, m1, m2, m3];
        let (variant, big_endian) = match Variant::of(u32::from_le_bytes(magic)) {
            Some(variant) => (variant, false),
            None => (Variant::of(u32::from_be_bytes(magic)).ok_or_else(short)?, true),
        };
        let u16 = |b: [u8; 2]| if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) };
        let u32 = |b: [u8; 4]| if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        let (major, minor) = (u16([major0, major1]), u16([minor0, minor1]));
        let lengths = match (major, minor) {
            (0 | 1, _) => return Err(SourceError::Header(format!("its version is {major}.{minor}, and 2.0 was the first"))),
            (2, 0..=2) | (543, _) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        let snaplen = u32([s0, s1, s2, s3]);
        // The upper half is flags and the length of the frame check sequence.
        let link = LinkType((u32([n0, n1, n2, n3]) & 0xffff) as u16);
        let pcap = Pcap { big_endian, record: variant.record, unit: variant.unit, lengths, link, most: most(link, snaplen) };
        Ok((pcap, variant.name, snaplen))
    }

    /// The link type of every frame.
    pub(super) fn link(&self) -> LinkType {
        self.link
    }

    /// Reads whole records from `at` on, moving it past them.
    pub(super) fn records(&self, bytes: &[u8], at: &mut usize, sink: &mut Sink<'_>) -> Stop {
        loop {
            let Some(header) = bytes.get(*at..).and_then(<[u8]>::first_chunk::<16>) else { return Stop::More { whole: self.record } };
            let [s0, s1, s2, s3, f0, f1, f2, f3, a0, a1, a2, a3, b0, b1, b2, b3] = *header;
            let u32 = |b: [u8; 4]| if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
            let (first, second) = (u32([a0, a1, a2, a3]), u32([b0, b1, b2, b3]));
            let swap = match self.lengths {
                Lengths::CapturedFirst => false,
                Lengths::WireFirst => true,
                Lengths::SmallerIsCaptured => first > second,
            };
            let (captured, wire_len) = if swap { (second, first) } else { (first, second) };
            if captured > self.most {
                return Stop::Broken(format!("a record claims {captured} octets"));
            }
            let start = *at + self.record;
            let end = start + captured as usize;
            if end > bytes.len() {
                return Stop::More { whole: end - *at };
            }
            let nanos = i64::from(u32([s0, s1, s2, s3])) * 1_000_000_000 + i64::from(u32([f0, f1, f2, f3])) * self.unit;
            let number = sink.number();
            let at_time = Timestamp::from_nanos(nanos);
            sink.frames.push(FrameAt {
                number,
                at: at_time,
                start: start as u32,
                captured,
                wire_len,
                link: self.link,
                interface: 0,
                copy: false,
            });
            *at = end;
        }
    }
}

/// The most octets of a frame that are believed, for a link type and the snapshot length that was announced.
pub(super) fn most(link: LinkType, snaplen: u32) -> u32 {
    match link.0 {
        // D-Bus, USBPcap and ETSI EBHSCR carry transfers, not packets.
        231 | 249 | 279 => MOST,
        _ => snaplen.clamp(MOST_USUAL, MOST),
    }
}
