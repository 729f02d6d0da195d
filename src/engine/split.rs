//! A capture into parts that can be read apart, in one reading: what `one` finds in the parts together is what it finds in the whole.
//!
//! A part holds whole shards of the flow table, so that both directions of a connection, its fragments, and whatever its shard does when it
//! is full are the same as in the whole. What connections tell of each other (names in DNS, QUIC connection ids, whose software uses a
//! socket, where calls are expected) goes into every part as a copy: it is read there, and its connections are not reported.

use std::collections::{HashSet, VecDeque};

use super::Table;
use crate::base::{Frame, FrameNo, Timestamp};
use crate::dissect::{begins_to_tell, tells_of_others};
use crate::flow::{Endpoint, FlowKey, Transport};
use crate::link::{Decoder, Packet, Transport as Header};
use crate::source::{Capture, Chunk, FileSource, Kept, PartOf, Parts, Source, SourceError};

/// Octets of frames that are held back until the last fragment of the oldest datagram among them has come.
const MOST_HELD: usize = 64 << 20;
/// What holding a frame costs beside its octets.
const HELD: usize = size_of::<Held>() + 64;
/// How long fragments wait for others, as in the decoder.
const PATIENCE: u64 = 60_000_000_000;
/// Octets that copies may take in all, besides as many as the capture itself has.
const COPIES: u64 = 64 << 20;
/// The port of DNS. Its messages over TCP begin too plainly to be looked for in the middle of any stream.
const DNS: u16 = 53;
/// TCP connections remembered, all of whose payload is copied.
const MOST_STREAMS: usize = 1 << 16;

/// What splitting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Frames of each part, without copies.
    pub frames: Vec<u64>,
    /// Frames that went into other parts, too.
    pub copied: u64,
    /// Frames that did not, because copies would have taken more than the capture.
    pub not_copied: u64,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug)]
struct Route {
    /// The part it counts for, from 0.
    own: u8,
    /// All the parts it goes into, a bit for each.
    to: u64,
    /// It is a fragment, and only the last one of its datagram tells.
    waits: bool,
}

impl Route {
    fn add(&mut self, other: Route) {
        *self = Route { own: other.own, to: if self.waits { other.to } else { self.to | other.to }, waits: false };
    }
}

/// What is written: a block of a pcapng file, or a frame of a pcap file.
#[derive(Clone, Copy)]
enum Item<'a> {
    Block(Kept<'a>),
    Frame(Frame<'a>),
}

impl Item<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Item::Block(kept) => kept.bytes(),
            Item::Frame(frame) => frame.bytes,
        }
    }

    /// The same with its bytes elsewhere.
    fn onto<'b>(&self, bytes: &'b [u8]) -> Item<'b> {
        match self {
            Item::Block(kept) => Item::Block(kept.onto(bytes)),
            Item::Frame(frame) => Item::Frame(Frame { bytes, ..*frame }),
        }
    }
}

/// What is held back while a fragment before it waits.
struct Held {
    item: Item<'static>,
    bytes: Vec<u8>,
    /// Of a frame; other blocks have none.
    number: Option<FrameNo>,
    /// Its number, or that of the frame before it.
    place: u64,
    at: Timestamp,
    route: Route,
}

/// How the parts are written: the number of one, from 0, and what appends to it.
pub type Put<'p, E> = dyn FnMut(usize, &mut dyn FnMut(&mut Vec<u8>)) -> Result<(), E> + 'p;

/// Reads a capture to its end and writes its parts.
///
/// # Errors
/// When nothing of the capture could be read, or `put` fails. Damage further in is told in [`Capture::damage`].
pub fn split<E: From<SourceError>>(
    source: &mut FileSource,
    parts: &Parts,
    put: &mut Put<'_, E>,
    progress: &mut dyn FnMut(&Capture),
) -> Result<Split, E> {
    let mut splitter = Splitter::new(parts, put);
    let is_blocks = !source.header().is_empty();
    if is_blocks {
        splitter.other(Kept::header(source.header()))?;
    } else {
        splitter.begin_pcap(source.capture())?;
    }
    let mut chunk = Chunk { blocks: is_blocks.then(Vec::new), ..Chunk::default() };
    while source.fill(&mut chunk)? {
        match &chunk.blocks {
            Some(blocks) => {
                for block in blocks {
                    let Some(kept) = Kept::of(&chunk, block) else { continue };
                    match block.frame.and_then(|at| chunk.frame(chunk.frames.get(at)?)) {
                        Some(frame) => splitter.frame(&frame, Item::Block(kept))?,
                        None => splitter.other(kept)?,
                    }
                }
            }
            None => {
                for frame in chunk.frames.iter().filter_map(|place| chunk.frame(place)) {
                    splitter.frame(&frame, Item::Frame(frame))?;
                }
            }
        }
        progress(source.capture());
    }
    splitter.finish()
}

struct Splitter<'s, 'p, E> {
    parts: &'s Parts,
    put: &'s mut Put<'p, E>,
    /// A bit for each part.
    all: u64,
    decoder: Decoder,
    streams: HashSet<FlowKey>,
    waiting: VecDeque<Held>,
    held: usize,
    place: u64,
    octets: u64,
    copied_octets: u64,
    done: Split,
}

impl<'s, 'p, E> Splitter<'s, 'p, E> {
    fn new(parts: &'s Parts, put: &'s mut Put<'p, E>) -> Self {
        Splitter {
            parts,
            put,
            all: u64::MAX >> (64 - u32::from(parts.of.clamp(1, PartOf::MOST))),
            decoder: Decoder::new(),
            streams: HashSet::new(),
            waiting: VecDeque::new(),
            held: 0,
            place: 0,
            octets: 0,
            copied_octets: 0,
            done: Split { frames: vec![0; usize::from(parts.of)], ..Split::default() },
        }
    }

    fn begin_pcap(&mut self, capture: &Capture) -> Result<(), E> {
        for number in 1..=self.parts.of {
            (self.put)(usize::from(number - 1), &mut |out| self.parts.of_pcap(number, capture, out))?;
        }
        Ok(())
    }

    /// A block without a packet: what packets may need goes everywhere, statistics, journals and what is not known into the first part.
    fn other(&mut self, kept: Kept<'_>) -> Result<(), E> {
        let to = if kept.is_section() || kept.is_for_all() { self.all } else { 1 };
        self.pass(None, Timestamp::ZERO, Route { own: 0, to, waits: false }, Item::Block(kept))
    }

    fn frame(&mut self, frame: &Frame<'_>, item: Item<'_>) -> Result<(), E> {
        self.octets = self.octets.saturating_add(frame.bytes.len() as u64);
        let before = self.decoder.counts().fragments;
        let (of, all, streams) = (usize::from(self.parts.of), self.all, &mut self.streams);
        let mut found: Option<Route> = None;
        let mut earlier: Vec<FrameNo> = Vec::new();
        self.decoder.decode(frame, &mut |packet| {
            let part = u8::try_from(shard(packet) % of).unwrap_or(0);
            let route = found.get_or_insert(Route { own: part, to: 0, waits: false });
            route.to |= if tells(packet, streams) { all } else { 1 << part };
            packet.payload.each_frame(|number| {
                if number != frame.number {
                    earlier.push(number);
                }
            });
        });
        // A fragment that was cut cannot be put together, and does not wait.
        let is_fragment = self.decoder.counts().fragments > before && frame.bytes.len() as u64 >= u64::from(frame.wire_len);
        let route = found.unwrap_or(Route { own: 0, to: 1, waits: is_fragment });
        for number in earlier {
            let at = self.waiting.partition_point(|held| held.place < number.get());
            if let Some(held) = self.waiting.get_mut(at).filter(|held| held.number == Some(number)) {
                held.route.add(route);
            }
        }
        self.pass(Some(frame.number), frame.at, route, item)?;
        while let Some(first) = self.waiting.front_mut() {
            if first.route.waits && (self.held > MOST_HELD || frame.at.since(first.at) > PATIENCE) {
                // Its datagram may still be completed: with a copy in every part, in whichever it is.
                first.route = Route { own: 0, to: all, waits: false };
            }
            if first.route.waits {
                break;
            }
            self.release()?;
        }
        Ok(())
    }

    /// Writes an item, or keeps it where one before it waits.
    fn pass(&mut self, number: Option<FrameNo>, at: Timestamp, route: Route, item: Item<'_>) -> Result<(), E> {
        self.place = number.map_or(self.place, FrameNo::get);
        if self.waiting.is_empty() && !route.waits {
            return self.write(number, route, item);
        }
        let held = Held { item: item.onto(&[]), bytes: item.bytes().to_vec(), number, place: self.place, at, route };
        self.held = self.held.saturating_add(held.bytes.len() + HELD);
        self.waiting.push_back(held);
        Ok(())
    }

    fn release(&mut self) -> Result<(), E> {
        let Some(held) = self.waiting.pop_front() else { return Ok(()) };
        self.held = self.held.saturating_sub(held.bytes.len() + HELD);
        self.write(held.number, held.route, held.item.onto(&held.bytes))
    }

    fn write(&mut self, number: Option<FrameNo>, route: Route, item: Item<'_>) -> Result<(), E> {
        let parts = self.parts;
        let Some(number) = number else {
            let Item::Block(kept) = item else { return Ok(()) };
            for part in (0..parts.of).filter(|part| route.to >> part & 1 == 1) {
                (self.put)(usize::from(part), &mut |out| match kept.is_section() {
                    true => parts.section(part + 1, &kept, out),
                    false => kept.copy(out),
                })?;
            }
            return Ok(());
        };
        if let Some(frames) = self.done.frames.get_mut(usize::from(route.own)) {
            *frames += 1;
        }
        let own = 1u64 << route.own;
        let mut to = route.to | own;
        let costs = u64::from((to & !own).count_ones()).saturating_mul(item.bytes().len() as u64);
        if to != own && self.copied_octets.saturating_add(costs) > COPIES.saturating_add(self.octets) {
            self.done.not_copied += 1;
            to = own;
        } else if to != own {
            self.done.copied += 1;
            self.copied_octets = self.copied_octets.saturating_add(costs);
        }
        for part in (0..parts.of).filter(|part| to >> part & 1 == 1) {
            let copy = part != route.own;
            (self.put)(usize::from(part), &mut |out| match &item {
                Item::Block(kept) => kept.packet(out, number, copy),
                Item::Frame(frame) => Parts::packet_of_pcap(out, frame, copy),
            })?;
        }
        Ok(())
    }

    /// The capture is over: fragments that still wait stay alone.
    fn finish(mut self) -> Result<Split, E> {
        while !self.waiting.is_empty() {
            self.release()?;
        }
        Ok(self.done)
    }
}

/// The shard of a packet's connection; packets of transports without connections go by their addresses.
fn shard(packet: &Packet<'_>) -> usize {
    Table::shard_of(packet).unwrap_or_else(|| {
        let [src, dst] = [packet.src, packet.dst].map(|ip| Endpoint { ip, port: 0 });
        FlowKey::new(Transport::Udp, src, dst).0.shard()
    })
}

/// Whether a packet may say something of other connections.
fn tells(packet: &Packet<'_>, streams: &mut HashSet<FlowKey>) -> bool {
    match packet.transport {
        // Of a damaged message, what comes after it is read otherwise: what should be DNS goes along whole.
        Header::Udp { src_port: DNS, .. } | Header::Udp { dst_port: DNS, .. } => true,
        Header::Udp { .. } => tells_of_others(&packet.payload),
        Header::Tcp(_) if !packet.payload.bytes.is_empty() => {
            let Some(key) = Table::key_of(packet) else { return false };
            let known = streams.contains(&key);
            if !known && begins_to_tell(&packet.payload, key.low().port == DNS || key.high().port == DNS) && streams.len() < MOST_STREAMS {
                streams.insert(key);
                return true;
            }
            known
        }
        _ => false,
    }
}
