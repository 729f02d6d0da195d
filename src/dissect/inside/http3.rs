//! HTTP/3 (RFC 9114) on the streams of a QUIC connection, and streams of QUIC that are something else.

use std::collections::BTreeMap;

use crate::base::{Dir, Reader, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::leaf::Leaf;
use super::message::Exchange;
use super::qpack::{Qpack, Section};

/// Streams followed at once; with more, the one with the lowest number is over.
const MOST_STREAMS: usize = 256;
/// Frames other than DATA that are longer than this are not believed.
const LONGEST_FRAME: u64 = 256 * 1024;
/// Field sections that wait for the table.
const MOST_BLOCKED: usize = 64;

const DATA: u64 = 0;
const HEADERS: u64 = 1;
const SETTINGS: u64 = 4;
const PUSH_PROMISE: u64 = 5;
/// SETTINGS_QPACK_MAX_TABLE_CAPACITY (RFC 9204 §5).
const MAX_TABLE_CAPACITY: u64 = 1;

/// All streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Http3 {
    tables: Sides<Qpack>,
    streams: BTreeMap<u64, Stream>,
    blocked: Vec<Blocked>,
}

#[derive(Debug)]
struct Blocked {
    stream: u64,
    section: Stitched,
    dir: Dir,
}

#[derive(Debug, Default)]
struct Stream {
    sides: Sides<Side>,
    exchange: Exchange,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    kind: Kind,
    /// Octets of a DATA frame still to come.
    data: u64,
}

#[derive(Debug, Default)]
enum Kind {
    /// Before its first octets.
    #[default]
    Unknown,
    /// Frames.
    Frames,
    /// The instructions of an encoder of QPACK.
    Instructions,
    /// The answers of a decoder of QPACK: nothing in them.
    Answers,
    /// Not HTTP/3, or no longer to be followed.
    Other(Leaf),
}

impl Http3 {
    /// More octets of a stream.
    pub(super) fn push(&mut self, up: &Chain<'_>, id: u64, window: &Window<'_>, eye: &mut Eye) {
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&id) {
            self.end_first(up, eye);
        }
        let stream = self.streams.entry(id).or_default();
        let side = stream.sides.of_mut(window.dir);
        side.held.push(window);
        let held = std::mem::take(&mut side.held);
        let Some(all) = held.window(window.dir) else { return };
        let mut taken = 0;
        while taken < all.bytes.len() {
            let Some(n) = self.read(up, id, &all.from(taken), eye) else { break };
            taken += n;
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.sides.of_mut(window.dir).held.push(&all.from(taken));
        }
    }

    fn read(&mut self, up: &Chain<'_>, id: u64, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let Http3 { tables, streams, .. } = self;
        let side = streams.get_mut(&id)?.sides.of_mut(rest.dir);
        match &mut side.kind {
            Kind::Unknown => {
                let (kind, taken) = first(id, rest)?;
                if matches!(kind, Kind::Frames | Kind::Instructions) {
                    eye.found.framing("HTTP/3");
                }
                side.kind = kind;
                Some(taken)
            }
            Kind::Other(leaf) => {
                leaf.push(&up.then(Layer::Stream("QUIC", id)), rest, eye);
                Some(rest.bytes.len())
            }
            Kind::Answers => Some(rest.bytes.len()),
            Kind::Instructions => {
                eye.piece(&up.then(Layer::Stream("HTTP/3", id)), rest);
                let taken = tables.of_mut(rest.dir).instructions(rest.bytes);
                if taken == 0 {
                    return None;
                }
                self.unblock(up, rest.dir, eye);
                Some(taken)
            }
            Kind::Frames if side.data > 0 => {
                let len = usize::try_from(side.data).unwrap_or(usize::MAX).min(rest.bytes.len());
                side.data -= len as u64;
                let part = rest.slice(0..len)?;
                let stream = streams.get_mut(&id)?;
                stream.exchange.data(&up.then(Layer::Stream("HTTP/3", id)), &part, eye);
                Some(len)
            }
            Kind::Frames => self.frame(up, id, rest, eye),
        }
    }

    fn frame(&mut self, up: &Chain<'_>, id: u64, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let mut reader = Reader::new(rest.bytes);
        let (kind, len) = (reader.varint().ok()?, reader.varint().ok()?);
        let head = reader.position();
        let side = self.streams.get_mut(&id)?.sides.of_mut(rest.dir);
        if kind == DATA {
            side.data = len;
            return Some(head);
        }
        if len > LONGEST_FRAME {
            eye.cut(Cut::Framing, rest);
            side.kind = Kind::Other(Leaf::default());
            return Some(0);
        }
        let end = head.checked_add(usize::try_from(len).ok()?)?;
        let payload = rest.slice(head..end)?;
        let inside = up.then(Layer::Stream("HTTP/3", id));
        match kind {
            HEADERS => self.section(&inside, id, &payload, eye),
            PUSH_PROMISE => {
                let mut reader = Reader::new(payload.bytes);
                let _ = reader.varint();
                self.section(&inside, id, &payload.from(reader.position()), eye);
            }
            SETTINGS => {
                let mut reader = Reader::new(payload.bytes);
                while let (Ok(name), Ok(value)) = (reader.varint(), reader.varint()) {
                    if name == MAX_TABLE_CAPACITY {
                        // Said by the reader of the other side's table.
                        self.tables.of_mut(rest.dir.other()).allowed = usize::try_from(value).unwrap_or(usize::MAX).min(1 << 24);
                    }
                }
            }
            _ if !payload.bytes.is_empty() => {
                eye.piece(&inside, &payload);
            }
            _ => {}
        }
        Some(end)
    }

    fn section(&mut self, inside: &Chain<'_>, id: u64, section: &Window<'_>, eye: &mut Eye) {
        match self.tables.of(section.dir).section(section.bytes, false) {
            Section::Block(block) => {
                if !block.is_complete {
                    eye.cut(Cut::Headers, section);
                }
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.exchange.fields(inside, &block.fields, section, eye);
                }
            }
            Section::Blocked if self.blocked.len() < MOST_BLOCKED => {
                let mut held = Stitched::new();
                held.push(section);
                self.blocked.push(Blocked { stream: id, section: held, dir: section.dir });
            }
            Section::Blocked => eye.cut(Cut::Memory, section),
        }
    }

    /// The table has grown: sections that waited for it.
    fn unblock(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        let waiting = std::mem::take(&mut self.blocked);
        for blocked in waiting {
            match blocked.section.window(blocked.dir).filter(|_| blocked.dir == dir) {
                Some(section) => self.section(&up.then(Layer::Stream("HTTP/3", blocked.stream)), blocked.stream, &section, eye),
                None => self.blocked.push(blocked),
            }
        }
    }

    /// Octets of a stream are missing.
    pub(super) fn gap(&mut self, id: u64, dir: Dir) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let side = stream.sides.of_mut(dir);
        if matches!(side.kind, Kind::Instructions) {
            self.tables.of_mut(dir).lose();
        }
        side.held.clear();
        side.data = 0;
        stream.exchange.gap(dir);
        if !matches!(side.kind, Kind::Answers) {
            side.kind = Kind::Other(Leaf::default());
        }
    }

    fn end_first(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        // The streams of the connection itself stay.
        let first = self.streams.keys().copied().find(|id| id % 4 < 2).or_else(|| self.streams.keys().copied().next());
        if let Some(id) = first
            && let Some(stream) = self.streams.remove(&id)
        {
            end(up, id, stream, eye);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for blocked in std::mem::take(&mut self.blocked) {
            if let Some(section) = blocked.section.window(blocked.dir)
                && let Section::Block(block) = self.tables.of(blocked.dir).section(section.bytes, true)
            {
                eye.cut(Cut::Headers, &section);
                if let Some(stream) = self.streams.get_mut(&blocked.stream) {
                    stream.exchange.fields(&up.then(Layer::Stream("HTTP/3", blocked.stream)), &block.fields, &section, eye);
                }
            }
        }
        for (id, stream) in std::mem::take(&mut self.streams) {
            end(up, id, stream, eye);
        }
    }
}

fn end(up: &Chain<'_>, id: u64, mut stream: Stream, eye: &mut Eye) {
    let inside = up.then(Layer::Stream("HTTP/3", id));
    for dir in [Dir::Client, Dir::Server] {
        let side = stream.sides.of_mut(dir);
        let is_whole = side.data == 0 && side.held.is_empty();
        if let Some(held) = side.held.window(dir).filter(|_| !matches!(side.kind, Kind::Answers)) {
            eye.cut(Cut::Unfinished, &held);
            eye.piece(&up.then(Layer::Stream("QUIC", id)), &held);
        }
        if let Kind::Other(leaf) = &mut side.kind {
            leaf.end(&up.then(Layer::Stream("QUIC", id)), dir, true, eye);
        }
        stream.exchange.end(&inside, dir, is_whole, eye);
    }
    stream.exchange.close(&inside, eye);
}

/// What a side of a stream is by its first octets (RFC 9114 §6.2), and how many of them said so.
fn first(id: u64, rest: &Window<'_>) -> Option<(Kind, usize)> {
    let mut reader = Reader::new(rest.bytes);
    let kind = reader.varint().ok()?;
    if id & 2 != 0 {
        return Some(match kind {
            0 => (Kind::Frames, reader.position()),
            1 => {
                reader.varint().ok()?;
                (Kind::Frames, reader.position())
            }
            2 => (Kind::Instructions, reader.position()),
            3 => (Kind::Answers, reader.position()),
            _ => (Kind::Other(Leaf::default()), 0),
        });
    }
    let len = reader.varint().ok()?;
    let is_frame = kind == HEADERS || is_reserved(kind) && len < LONGEST_FRAME;
    Some((if is_frame && len <= LONGEST_FRAME { Kind::Frames } else { Kind::Other(Leaf::default()) }, 0))
}

/// Types that are there to be ignored (RFC 9114 §7.2.8).
fn is_reserved(kind: u64) -> bool {
    kind >= 0x21 && (kind - 0x21).is_multiple_of(0x1f)
}
