//! The pcapng format (draft-ietf-opsawg-pcapng §3, §4): blocks, sections and interfaces.
//!
//! Which blocks take a frame number, and which faults end the reading, is as in Wireshark 4.0, so that numbers are the same there.

use super::file::{Sink, Stop};
use super::options::{self, Keeper, Order};
use super::parts::{self, PartOf};
use super::savefile;
use super::{BlockAt, Capture, FrameAt, Interface, SourceError};
use crate::base::{FrameNo, LinkType, Owner, Timestamp, WireStr};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL: u32 = 9;
const SECRETS: u32 = 10;
const CUSTOM: u32 = 0x0bad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
/// The event blocks of Sysdig, the only ones of its kind that take a frame number.
const SYSDIG_EVENT: u32 = 0x204;
const SYSDIG_EVENT_V2: u32 = 0x216;
const SYSDIG_EVENT_V2_LARGE: u32 = 0x221;

/// The largest block that is read: a frame of the largest size with generous options.
const MOST: usize = (savefile::MOST as usize) + (128 << 10);

/// Interfaces remembered, over all sections.
const MOST_INTERFACES: usize = 1 << 18;

/// A reader of pcapng blocks.
pub(super) struct Pcapng {
    order: Order,
    /// The interfaces of this section.
    interfaces: Vec<Clocked>,
    /// Which interface of the capture is the first of this section.
    first_interface: usize,
    /// The time of the last packet that had one: Simple Packet Blocks have none.
    last: Timestamp,
    /// Whether there was a section before.
    sections: bool,
    keep: Keeper,
}

/// What of an interface the reading of its packets needs.
#[derive(Clone, Copy)]
struct Clocked {
    link: LinkType,
    snaplen: u32,
    /// The most octets of a frame that are believed.
    most: u32,
    clock: Clock,
    /// Packets that were lost at it, by its last statistics.
    lost: u64,
}

impl Pcapng {
    /// The length of the section header that a file begins with, by its first 12 octets; `None` when they are of no pcapng file.
    pub(super) fn section_len(bytes: &[u8]) -> Result<Option<usize>, SourceError> {
        if bytes.first_chunk() != Some(&SECTION_HEADER.to_be_bytes()) {
            return Ok(None);
        }
        let header = |what: &str| SourceError::Header(what.to_owned());
        let &[_, _, _, _, l0, l1, l2, l3, m0, m1, m2, m3] = bytes.first_chunk::<12>().ok_or_else(|| header("the file ends inside it"))?;
        let order = Order::of([m0, m1, m2, m3]).ok_or_else(|| header("the byte-order magic of its section is missing"))?;
        match padded(order.u32([l0, l1, l2, l3])) {
            0..28 => Err(header("its section header is too short")),
            len if len > MOST => Err(header("its section header claims to be larger than 16 MiB")),
            len => Ok(Some(len)),
        }
    }

    /// Reads the first section header, of which [`Pcapng::section_len`] octets are there.
    pub(super) fn new(block: &[u8], capture: &mut Capture) -> Result<Pcapng, SourceError> {
        let mut pcapng = Pcapng {
            order: Order::Little,
            interfaces: Vec::new(),
            first_interface: 0,
            last: Timestamp::ZERO,
            sections: false,
            keep: Keeper::default(),
        };
        let magic = block.get(8..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        pcapng.order = Order::of(magic).unwrap_or(Order::Little);
        let body = pcapng.body(block).map_err(SourceError::Header)?;
        pcapng.section(body, capture).map_err(SourceError::Header)?;
        Ok(pcapng)
    }

    /// Reads whole blocks from `at` on, moving it past them.
    pub(super) fn blocks(&mut self, bytes: &[u8], at: &mut usize, sink: &mut Sink<'_>) -> Stop {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            let Some(&[k0, k1, k2, k3, l0, l1, l2, l3]) = rest.first_chunk::<8>() else { return Stop::More { whole: 12 } };
            let kind = self.order.u32([k0, k1, k2, k3]);
            if kind == SECTION_HEADER {
                let Some(&[.., m0, m1, m2, m3]) = rest.first_chunk::<12>() else { return Stop::More { whole: 12 } };
                match Order::of([m0, m1, m2, m3]) {
                    Some(order) => self.order = order,
                    None => return Stop::Broken("the byte-order magic of a section is missing".to_owned()),
                }
            }
            let stated = self.order.u32([l0, l1, l2, l3]);
            let whole = padded(stated);
            if !(12..=MOST).contains(&whole) {
                return Stop::Broken(format!("a block claims {stated} octets"));
            }
            let Some(block) = rest.get(..whole) else { return Stop::More { whole } };
            let (frames, next) = (sink.frames.len(), *sink.next);
            let read = self.body(block).and_then(|body| match kind {
                ENHANCED_PACKET => self.enhanced_packet(body, *at + 8, sink),
                _ => self.block(kind, body, *at + 8, sink),
            });
            if let Err(what) = read {
                return Stop::Broken(what);
            }
            if sink.blocks.is_some() {
                let block = BlockAt {
                    kind,
                    start: *at,
                    len: whole,
                    big_endian: matches!(self.order, Order::Big),
                    frame: (sink.frames.len() > frames).then_some(frames),
                    numbered: *sink.next != next,
                    ticks: self.interfaces.first().map_or(0, |first| first.clock.ticks(self.last)),
                };
                sink.blocks.iter_mut().for_each(|blocks| blocks.push(block));
            }
            *at += whole;
        }
    }

    /// What is between the two lengths of a block, which must agree.
    fn body<'a>(&self, block: &'a [u8]) -> Result<&'a [u8], String> {
        let (front, last) = block.split_last_chunk::<4>().ok_or("a block is too short")?;
        let (&[_, _, _, _, l0, l1, l2, l3], body) = front.split_first_chunk::<8>().ok_or("a block is too short")?;
        let (first, last) = (self.order.u32([l0, l1, l2, l3]), self.order.u32(*last));
        if padded(first) == padded(last) {
            Ok(body)
        } else {
            Err(format!("a block is {first} octets long at its start and {last} at its end"))
        }
    }

    /// Any block but the Enhanced Packet Block. `at` is where its body is in the chunk.
    fn block(&mut self, kind: u32, body: &[u8], at: usize, sink: &mut Sink<'_>) -> Result<(), String> {
        match kind {
            SECTION_HEADER => self.section(body, sink.capture),
            INTERFACE => self.interface(body, sink.capture),
            SIMPLE_PACKET => self.simple_packet(body, at, sink),
            PACKET => self.packet(body, at, sink),
            NAME_RESOLUTION => self.keep.names(self.order, body, sink.capture),
            SECRETS => self.keep.secrets(self.order, body, sink.capture),
            CUSTOM | CUSTOM_NOT_COPIED => self.custom(body, sink),
            JOURNAL => {
                // Its shortest entry is a time: `__REALTIME_TIMESTAMP=0` and the end of the line.
                enough(body, 23, "a systemd journal block")?;
                sink.number();
                count(sink.capture, "systemd-journal")
            }
            INTERFACE_STATISTICS => {
                enough(body, 12, "an interface statistics block")?;
                self.statistics(body, sink.capture)?;
                count(sink.capture, "statistics")
            }
            SYSDIG_EVENT | SYSDIG_EVENT_V2 | SYSDIG_EVENT_V2_LARGE => {
                sink.number();
                count(sink.capture, "sysdig")
            }
            _ => count(sink.capture, "unknown"),
        }
    }

    /// Section Header Block (§4.1): byte order and interfaces start anew. The length of the section is not needed.
    fn section(&mut self, body: &[u8], capture: &mut Capture) -> Result<(), String> {
        let Some((&[_, _, _, _, a0, a1, b0, b1, ..], rest)) = body.split_first_chunk::<16>() else {
            return Err("a section header is too short".to_owned());
        };
        let (major, minor) = (self.order.u16([a0, a1]), self.order.u16([b0, b1]));
        if !matches!((major, minor), (1, 0 | 2)) {
            return Err(format!("a section has version {major}.{minor}; 1.0 is the one that is known"));
        }
        self.interfaces.clear();
        self.first_interface = capture.interfaces.len();
        let (keep, mut part) = (&mut self.keep, None);
        options::each(self.order, rest, |code, value| {
            if code == 1 && part.is_none() {
                part = PartOf::parse(value);
            }
            let key = match code {
                1 => "comment",
                2 => "hardware",
                3 => "os",
                4 => "application",
                _ => return,
            };
            keep.comment(key, value, capture);
        })?;
        if self.sections && part != capture.part {
            return Err("a section of another part of a capture follows".to_owned());
        }
        (capture.part, self.sections) = (part, true);
        Ok(())
    }

    /// Interface Description Block (§4.2).
    fn interface(&mut self, body: &[u8], capture: &mut Capture) -> Result<(), String> {
        let Some((&[k0, k1, _, _, s0, s1, s2, s3], rest)) = body.split_first_chunk::<8>() else {
            return Err("an interface description is too short".to_owned());
        };
        if capture.interfaces.len() >= MOST_INTERFACES {
            return Err(format!("more than {MOST_INTERFACES} interfaces"));
        }
        let link = LinkType(self.order.u16([k0, k1]));
        let snaplen = self.order.u32([s0, s1, s2, s3]);
        let (mut name, mut clock, keep, order) = (None, Clock::default(), &mut self.keep, self.order);
        options::each(order, rest, |code, value| match (code, value) {
            (1, _) => keep.comment("comment", value, capture),
            (2, _) => name = Some(WireStr::new(value.get(..value.len().min(256)).unwrap_or_default())),
            (3, _) => keep.comment("interface description", value, capture),
            (11, [0, filter @ ..]) => keep.comment("capture filter", filter, capture),
            (12, _) => keep.comment("interface system", value, capture),
            (15, _) => keep.comment("interface hardware", value, capture),
            (9, &[resolution]) => clock.unit = Unit::of(resolution),
            (14, _) => clock.offset = value.try_into().map_or(0, |seconds| order.i64(seconds)),
            _ => {}
        })?;
        capture.interfaces.push(Interface { link, name, snaplen });
        self.interfaces.push(Clocked { link, snaplen, most: savefile::most(link, snaplen), clock, lost: 0 });
        Ok(())
    }

    /// Interface Statistics Block (§4.6): packets lost by the interface (isb_ifdrop) and by the operating system (isb_osdrop), since the
    /// capture began; the last one of an interface counts.
    fn statistics(&mut self, body: &[u8], capture: &mut Capture) -> Result<(), String> {
        let order = self.order;
        let Some((&interface, rest)) = body.split_first_chunk::<4>() else { return Ok(()) };
        let (mut lost, mut stated) = (0u64, false);
        options::each(order, rest.get(8..).unwrap_or_default(), |code, value| {
            if let (5 | 7, Ok(value)) = (code, <[u8; 8]>::try_from(value)) {
                (lost, stated) = (lost.saturating_add(order.u64(value)), true);
            }
        })?;
        if let Some(clocked) = self.interfaces.get_mut(order.u32(interface) as usize).filter(|_| stated) {
            let before = std::mem::replace(&mut clocked.lost, lost);
            capture.dropped = Some(capture.dropped.unwrap_or(0).saturating_sub(before).saturating_add(lost));
        }
        Ok(())
    }

    /// Enhanced Packet Block (§4.3).
    #[inline]
    fn enhanced_packet(&mut self, body: &[u8], at: usize, sink: &mut Sink<'_>) -> Result<(), String> {
        let Some((&[i0, i1, i2, i3, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, w0, w1, w2, w3], rest)) =
            body.split_first_chunk::<20>()
        else {
            return Err("a packet block is too short".to_owned());
        };
        let order = self.order;
        let ticks = u64::from(order.u32([h0, h1, h2, h3])) << 32 | u64::from(order.u32([t0, t1, t2, t3]));
        let lengths = (order.u32([c0, c1, c2, c3]), order.u32([w0, w1, w2, w3]));
        self.timed_packet(order.u32([i0, i1, i2, i3]), ticks, lengths, rest, at + 20, sink)
    }

    /// Packet Block (appendix A), which Enhanced Packet Blocks replaced.
    fn packet(&mut self, body: &[u8], at: usize, sink: &mut Sink<'_>) -> Result<(), String> {
        let Some((&[i0, i1, _, _, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, w0, w1, w2, w3], rest)) = body.split_first_chunk::<20>()
        else {
            return Err("a packet block is too short".to_owned());
        };
        let order = self.order;
        let ticks = u64::from(order.u32([h0, h1, h2, h3])) << 32 | u64::from(order.u32([t0, t1, t2, t3]));
        let lengths = (order.u32([c0, c1, c2, c3]), order.u32([w0, w1, w2, w3]));
        self.timed_packet(u32::from(order.u16([i0, i1])), ticks, lengths, rest, at + 20, sink)
    }

    /// A packet with interface, time and (captured, original) lengths; `rest` begins with its bytes.
    #[inline]
    fn timed_packet(
        &mut self,
        interface: u32,
        ticks: u64,
        (captured, wire_len): (u32, u32),
        rest: &[u8],
        at: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), String> {
        let Some(described) = self.interfaces.get(interface as usize) else {
            let known = self.interfaces.len();
            return Err(format!("a packet of interface {interface}, where {known} are described in its section"));
        };
        if captured > described.most {
            return Err(format!("a packet claims {captured} octets"));
        }
        let after = rest.get(padded(captured)..).ok_or_else(|| format!("a packet of {captured} octets does not fit in its block"))?;
        let (mut uid, mut owner, mut number) = (None, None, None);
        if !after.is_empty() {
            let keep = &self.keep;
            options::each(self.order, after, |code, value| {
                if code == 1 {
                    number = number.or_else(|| parts::number(value));
                    uid = uid.or_else(|| keep.uid(value));
                    owner = owner.take().or_else(|| Owner::parse(std::str::from_utf8(value).ok()?.strip_prefix("process: ")?));
                }
            })?;
        }
        self.last = described.clock.at(ticks);
        if sink.capture.part.is_some() {
            let number = number.ok_or("a packet of a part of a capture does not say its number in the whole")?;
            if number.0 < *sink.next {
                return Err(format!("a packet says that it is frame {} of the whole, after one with a higher number", number.0));
            }
            *sink.next = number.0.next();
            sink.capture.frames += u64::from(!number.1);
            self.place(interface as usize, captured, wire_len, at, number, sink);
        } else {
            self.push(interface as usize, captured, wire_len, at, sink);
        }
        if let (Some(uid), Some(frame)) = (uid, sink.frames.last()) {
            sink.uids.push((frame.number, uid));
        }
        if let (Some(owner), Some(frame)) = (owner, sink.frames.last()) {
            sink.owners.push((frame.number, owner));
        }
        Ok(())
    }

    /// Simple Packet Block (§4.4): of the section's first interface, without a time. It gets that of the packet before it.
    fn simple_packet(&mut self, body: &[u8], at: usize, sink: &mut Sink<'_>) -> Result<(), String> {
        let Some((&wire_len, rest)) = body.split_first_chunk::<4>() else { return Err("a packet block is too short".to_owned()) };
        let Some(described) = self.interfaces.first() else { return Err("a packet before any interface is described".to_owned()) };
        let wire_len = self.order.u32(wire_len);
        let captured = if described.snaplen == 0 { wire_len } else { wire_len.min(described.snaplen) };
        if captured > described.most {
            return Err(format!("a packet claims {captured} octets"));
        }
        if rest.len() < padded(captured) {
            return Err(format!("a packet of {captured} octets does not fit in its block"));
        }
        if sink.capture.part.is_some() {
            return Err("a packet of a part of a capture does not say its number in the whole".to_owned());
        }
        self.push(0, captured, wire_len, at + 4, sink);
        Ok(())
    }

    /// Places a packet that was checked against its block.
    #[inline]
    fn push(&self, interface: usize, captured: u32, wire_len: u32, at: usize, sink: &mut Sink<'_>) {
        let number = sink.number();
        self.place(interface, captured, wire_len, at, (number, false), sink);
    }

    #[inline]
    fn place(&self, interface: usize, captured: u32, wire_len: u32, at: usize, (number, copy): (FrameNo, bool), sink: &mut Sink<'_>) {
        let link = self.interfaces.get(interface).map_or(LinkType(0), |described| described.link);
        // A chunk is far below 4 GiB, and interfaces are fewer than `MOST_INTERFACES`.
        let interface = (self.first_interface + interface) as u32;
        sink.frames.push(FrameAt { number, at: self.last, start: at as u32, captured, wire_len, link, interface, copy });
    }

    /// Custom Block (§4.8). Every one takes a frame number, but of Netflix's (10949) only events and skips do.
    fn custom(&mut self, body: &[u8], sink: &mut Sink<'_>) -> Result<(), String> {
        let Some((&enterprise, content)) = body.split_first_chunk::<4>() else { return Err("a custom block is too short".to_owned()) };
        count(sink.capture, "custom")?;
        match self.order.u32(enterprise) {
            10_949 => {
                let Some((&kind, rest)) = content.split_first_chunk::<4>() else { return Err("a custom block is too short".to_owned()) };
                match u32::from_le_bytes(kind) {
                    1 => options::each(self.order, rest, |_, _| ())?,
                    2 => enough(rest, 4, "a custom block")?,
                    _ => return Ok(()),
                }
            }
            62_652 => self.keep.pcapdroid(self.order, content, sink.capture),
            _ => {}
        }
        sink.number();
        Ok(())
    }
}

/// A block length rounded up to its alignment; lengths that are not multiples of 4 are padded so in files.
fn padded(len: u32) -> usize {
    (len as usize).saturating_add(3) & !3
}

fn enough(body: &[u8], least: usize, what: &str) -> Result<(), String> {
    if body.len() < least { Err(format!("{what} is too short")) } else { Ok(()) }
}

/// Counts a block that carries no packet we decode.
#[allow(clippy::unnecessary_wraps, reason = "ends every arm of a match of readers")]
fn count(capture: &mut Capture, kind: &'static str) -> Result<(), String> {
    match capture.other_blocks.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, n)) => *n = n.saturating_add(1),
        None => capture.other_blocks.push((kind, 1)),
    }
    Ok(())
}

/// How an interface counts time: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy, Default)]
struct Clock {
    unit: Unit,
    /// Seconds to add.
    offset: i64,
}

/// One tick.
#[derive(Clone, Copy)]
enum Unit {
    /// So many nanoseconds.
    Nanos(u32),
    /// One nanosecond divided by a power of ten.
    Part(u128),
    /// One second divided by two to this.
    SecondOver(u32),
}

impl Default for Unit {
    fn default() -> Unit {
        Unit::Nanos(1000)
    }
}

impl Unit {
    fn of(resolution: u8) -> Unit {
        match resolution {
            0..=9 => Unit::Nanos(10u32.pow(9 - u32::from(resolution))),
            // 10³⁸ is the largest power that fits; ticks have 20 digits, so that beyond it all is zero either way.
            10..=127 => Unit::Part(10u128.pow(u32::from(resolution - 9).min(38))),
            128.. => Unit::SecondOver(u32::from(resolution & 0x7f)),
        }
    }
}

impl Clock {
    /// The units up to a time.
    fn ticks(&self, at: Timestamp) -> u64 {
        let nanos = i128::from(at.nanos()) - i128::from(self.offset) * 1_000_000_000;
        let ticks = match self.unit {
            Unit::Nanos(unit) => nanos / i128::from(unit),
            Unit::Part(part) => nanos.saturating_mul(i128::try_from(part).unwrap_or(i128::MAX)),
            // Rounded up, so that it is not less when it is read back.
            Unit::SecondOver(bits) => (nanos.max(0) << bits.min(63)).div_euclid(1_000_000_000) + i128::from(bits > 0),
        };
        u64::try_from(ticks.max(0)).unwrap_or(u64::MAX)
    }

    #[inline]
    fn at(&self, ticks: u64) -> Timestamp {
        if let (Unit::Nanos(nanos), 0) = (self.unit, self.offset)
            && let Some(nanos) = i64::try_from(ticks).ok().and_then(|ticks| ticks.checked_mul(i64::from(nanos)))
        {
            return Timestamp::from_nanos(nanos);
        }
        // 64 bits of ticks times 30 bits of nanoseconds stay below 2⁹⁴, as does the offset.
        let ticks = u128::from(ticks);
        let nanos = match self.unit {
            Unit::Nanos(nanos) => ticks * u128::from(nanos),
            Unit::Part(part) => ticks / part,
            Unit::SecondOver(bits) => (ticks * 1_000_000_000) >> bits,
        };
        Timestamp::from_nanos_wide(i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(i128::from(self.offset) * 1_000_000_000))
    }
}
