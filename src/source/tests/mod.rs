//! Tests of this floor, on captures written by hand, octet by octet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod compressed;
mod pcapng;
mod properties;
mod savefile;

use std::io::{self, Read};

use super::{Capture, Chunk, Source, SourceError, read};

/// A frame without its place in a chunk: (number, nanoseconds, wire length, link type, interface, bytes).
pub(super) type Copied = (u64, i64, u32, u16, u32, Vec<u8>);

/// Everything a capture gives.
pub(super) fn all_of(reader: impl Read + Send + 'static) -> Result<(Vec<Copied>, Capture), SourceError> {
    let mut source = read(reader, None)?;
    let (mut chunk, mut copies) = (Chunk::default(), Vec::new());
    while source.fill(&mut chunk)? {
        for place in &chunk.frames {
            let frame = chunk.frame(place).expect("every frame lies in its chunk");
            copies.push((frame.number.get(), frame.at.nanos(), frame.wire_len, frame.link.0, frame.interface, frame.bytes.to_vec()));
        }
    }
    assert!(!source.fill(&mut chunk)?, "after the end comes nothing");
    Ok((copies, source.capture().clone()))
}

pub(super) fn all(bytes: &[u8]) -> (Vec<Copied>, Capture) {
    let target = match bytes.first() {
        Some(0x0a) => "pcapng",
        Some(0xd4 | 0xa1 | 0x4d) => "pcap",
        _ => "compressed",
    };
    if bytes.len() < 20_000 {
        crate::fuzzing::kept::keep(target, bytes);
    }
    all_of(io::Cursor::new(bytes.to_vec())).unwrap()
}

pub(super) fn numbers(bytes: &[u8]) -> Vec<u64> {
    all(bytes).0.iter().map(|frame| frame.0).collect()
}

/// Where and how reading broke.
pub(super) fn damage(bytes: &[u8]) -> (u64, String) {
    let damage = all(bytes).1.damage.expect("damage");
    (damage.at, damage.what)
}

/// A reader that gives at most so many octets at once, over and over, and is interrupted now and then.
pub(super) struct Dripping {
    pub(super) bytes: io::Cursor<Vec<u8>>,
    pub(super) sizes: Vec<usize>,
    pub(super) turn: usize,
}

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.turn % self.sizes.len()].clamp(1, buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

/// Numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) big: bool,
}

impl Order {
    pub(super) fn u16(self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
    pub(super) fn u32(self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

pub(super) const LITTLE: Order = Order { big: false };
pub(super) const BIG: Order = Order { big: true };

/// A pcap file header of version 2.4 and link type 1.
pub(super) fn pcap_header(order: Order, magic: u32) -> Vec<u8> {
    [&order.u32(magic)[..], &order.u16(2), &order.u16(4), &[0; 8], &order.u32(65_535), &order.u32(1)].concat()
}

/// A pcap record header and its frame.
pub(super) fn pcap_record(order: Order, (secs, fraction): (u32, u32), wire_len: u32, frame: &[u8]) -> Vec<u8> {
    let captured = u32::try_from(frame.len()).unwrap();
    [&order.u32(secs)[..], &order.u32(fraction), &order.u32(captured), &order.u32(wire_len), frame].concat()
}

/// A pcapng block around a body.
pub(super) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let len = order.u32(u32::try_from(body.len() + padding.len() + 12).unwrap());
    [&order.u32(kind)[..], &len, body, &padding, &len].concat()
}

/// An option.
pub(super) fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&order.u16(code)[..], &order.u16(u16::try_from(value.len()).unwrap()), value, &padding].concat()
}

pub(super) fn section(order: Order, options: &[u8]) -> Vec<u8> {
    block(order, 0x0a0d_0d0a, &[&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8], options].concat())
}

pub(super) fn interface(order: Order, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
    block(order, 1, &[&order.u16(link)[..], &[0; 2], &order.u32(snaplen), options].concat())
}

pub(super) fn packet(order: Order, interface: u32, ticks: u64, wire_len: u32, frame: &[u8], options: &[u8]) -> Vec<u8> {
    let time = [order.u32((ticks >> 32) as u32), order.u32(ticks as u32)].concat();
    let lengths = [order.u32(u32::try_from(frame.len()).unwrap()), order.u32(wire_len)].concat();
    let padding = vec![0; frame.len().next_multiple_of(4) - frame.len()];
    block(order, 6, &[&order.u32(interface)[..], &time, &lengths, frame, &padding, options].concat())
}

/// A section with one Ethernet interface.
pub(super) fn start() -> Vec<u8> {
    [section(LITTLE, &[]), interface(LITTLE, 1, 0, &[])].concat()
}

/// A packet of the first interface.
pub(super) fn plain(frame: &[u8]) -> Vec<u8> {
    packet(LITTLE, 0, 1_000_000, u32::try_from(frame.len()).unwrap(), frame, &[])
}
