//! IP datagrams from their fragments (RFC 791 §3.2, RFC 815, RFC 8200 §4.5).
//!
//! Where fragments overlap, the octets that came first stand. Each octet is stored once, so any order and any overlap costs
//! time linear in the octets seen.

use std::collections::BTreeMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::LinkCounts;
use crate::base::{Dir, Stitched, Timestamp, Window};

/// The largest IP payload.
const MOST_OCTETS: u32 = 65_535;
/// Octets that all waiting fragments together may hold.
const MOST_MEMORY: usize = 32 << 20;
/// Datagrams that may wait.
const MOST_WAITING: usize = 4096;
/// How long fragments wait for the others, by packet time (RFC 8200 §4.5). Later ones with the same identification belong to
/// another datagram.
const PATIENCE: u64 = 60_000_000_000;
/// What a stored piece costs beside its octets, roughly.
const PIECE_COST: usize = 48;

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub id: u32,
    pub vlan: Option<u16>,
}

/// One fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'f> {
    /// Where it belongs, in octets.
    pub offset: u32,
    /// Whether others follow.
    pub more: bool,
    /// The protocol of the payload, as this fragment has it.
    pub protocol: u8,
    pub window: Window<'f>,
    pub wire_len: u32,
}

/// A complete datagram's payload.
#[derive(Debug)]
pub(super) struct Whole {
    pub bytes: Stitched,
    /// The protocol of the payload, as the first fragment has it.
    pub protocol: u8,
    /// Octets on the wire of all its frames.
    pub wire_len: u32,
}

/// A part of the datagram, by its offset there.
#[derive(Clone, Copy, Debug)]
struct Piece {
    len: u32,
    /// Where it lies in the octets as they arrived.
    at: usize,
}

#[derive(Debug)]
struct Datagram {
    serial: u64,
    started: Timestamp,
    fragments: u64,
    protocol: u8,
    wire_len: u32,
    /// Known once the last fragment is here.
    total: Option<u32>,
    held: u32,
    /// Octets in the order they arrived.
    arrived: Stitched,
    pieces: BTreeMap<u32, Piece>,
}

/// Fragments that wait for others.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: HashMap<Key, Datagram, RandomState>,
    /// Oldest first.
    order: BTreeMap<u64, Key>,
    serial: u64,
    memory: usize,
}

impl Fragments {
    /// Takes a fragment; gives the datagram that it completes.
    pub fn add(&mut self, key: Key, fragment: &Fragment<'_>, counts: &mut LinkCounts) -> Option<Whole> {
        counts.fragments += 1;
        // Every fragment counts as dropped until its datagram is complete.
        counts.fragments_dropped += 1;
        let stale = |datagram: &Datagram| fragment.window.at.since(datagram.started) > PATIENCE;
        if self.waiting.get(&key).is_some_and(stale) {
            self.forget(&key);
        }
        let Fragments { waiting, order, serial, memory } = self;
        let datagram = waiting.entry(key).or_insert_with(|| {
            *serial += 1;
            order.insert(*serial, key);
            Datagram::new(*serial, fragment.window.at)
        });
        let before = datagram.footprint();
        datagram.add(fragment);
        *memory = memory.saturating_sub(before).saturating_add(datagram.footprint());
        if datagram.is_complete() {
            counts.reassembled += 1;
            counts.fragments_dropped = counts.fragments_dropped.saturating_sub(datagram.fragments);
            return self.forget(&key).map(Datagram::finish);
        }
        while self.memory > MOST_MEMORY || self.waiting.len() > MOST_WAITING {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.forget(&oldest);
            counts.fragment_bounds += 1;
        }
        None
    }

    fn forget(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.waiting.remove(key)?;
        self.order.remove(&datagram.serial);
        self.memory = self.memory.saturating_sub(datagram.footprint());
        Some(datagram)
    }
}

impl Datagram {
    fn new(serial: u64, started: Timestamp) -> Datagram {
        let (arrived, pieces) = (Stitched::new(), BTreeMap::new());
        Datagram { serial, started, fragments: 0, protocol: 0, wire_len: 0, total: None, held: 0, arrived, pieces }
    }

    fn footprint(&self) -> usize {
        self.arrived.footprint() + self.pieces.len() * PIECE_COST + std::mem::size_of::<Datagram>()
    }

    fn add(&mut self, fragment: &Fragment<'_>) {
        self.fragments += 1;
        self.wire_len = self.wire_len.saturating_add(fragment.wire_len);
        let len = u32::try_from(fragment.window.bytes.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(len);
        // Fragments past the end, or a second end, contradict what came first.
        if end > self.total.unwrap_or(MOST_OCTETS) {
            return;
        }
        if !fragment.more {
            let last_held = self.pieces.last_key_value().map_or(0, |(&start, piece)| start.saturating_add(piece.len));
            if last_held > end || self.total.is_some_and(|total| total != end) {
                return;
            }
            self.total = Some(end);
        }
        if fragment.offset == 0 && !self.pieces.contains_key(&0) {
            self.protocol = fragment.protocol;
        }
        self.fill(fragment, end);
    }

    /// Stores those octets of a fragment that are not held yet.
    fn fill(&mut self, fragment: &Fragment<'_>, end: u32) {
        let held_until = self.pieces.range(..=fragment.offset).next_back().map_or(0, |(&start, piece)| start.saturating_add(piece.len));
        let mut from = fragment.offset.max(held_until);
        while from < end {
            let next = self.pieces.range(from..).next().map(|(&start, piece)| (start, start.saturating_add(piece.len)));
            let until = next.map_or(end, |(start, _)| start.min(end));
            if let Some(part) = fragment.window.slice(place(from - fragment.offset)..place(until.saturating_sub(fragment.offset)))
                && until > from
            {
                self.pieces.insert(from, Piece { len: until - from, at: self.arrived.len() });
                self.arrived.push(&part);
                self.held = self.held.saturating_add(until - from);
            }
            from = next.map_or(end, |(_, its_end)| its_end.max(until));
        }
    }

    /// Pieces never overlap, so as many octets as the datagram has are all of them.
    fn is_complete(&self) -> bool {
        self.total == Some(self.held)
    }

    fn finish(self) -> Whole {
        let Datagram { protocol, wire_len, arrived, pieces, .. } = self;
        let in_order = pieces.iter().all(|(&start, piece)| place(start) == piece.at);
        let bytes = if in_order { arrived } else { sorted(&arrived, &pieces) };
        Whole { bytes, protocol, wire_len }
    }
}

fn sorted(arrived: &Stitched, pieces: &BTreeMap<u32, Piece>) -> Stitched {
    let mut bytes = Stitched::new();
    if let Some(window) = arrived.window(Dir::Client) {
        for piece in pieces.values() {
            if let Some(part) = window.slice(piece.at..piece.at.saturating_add(place(piece.len))) {
                bytes.push(&part);
            }
        }
    }
    bytes
}

fn place(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
