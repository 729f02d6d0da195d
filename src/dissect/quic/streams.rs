//! The streams of a connection, put in order for whoever looks inside (RFC 9000 §2).

use std::collections::BTreeMap;

use crate::base::{Dir, Sides, Window};
use crate::dissect::plain::{Channel, Plain};
use crate::flow::Assembler;

/// Streams remembered at most; beyond them bytes are told as missing.
const MOST: usize = 1 << 16;
/// Streams that may be unfinished at once.
const MOST_OPEN: usize = 4096;

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// `None` for one that is over, both ways.
    streams: BTreeMap<u64, Option<Box<Sides<Half>>>>,
    open: usize,
}

/// One direction of a stream.
#[derive(Debug, Default)]
struct Half {
    bytes: Assembler,
    end: Option<u64>,
    given_up: bool,
}

impl Streams {
    /// Bytes of a stream; `last` when they end it. Returns whether there was room for them.
    pub fn insert(&mut self, id: u64, offset: u64, window: &Window<'_>, last: bool, plain: &Plain) -> bool {
        let dir = window.dir;
        let Some(halves) = self.halves(id) else { return self.streams.contains_key(&id) };
        let half = halves.of_mut(dir);
        if last {
            half.end = Some(offset.saturating_add(window.bytes.len() as u64));
        }
        let channel = Channel::QuicStream(id);
        let mut take = |window: &Window<'_>| {
            plain.bytes(channel, window);
            window.bytes.len()
        };
        let mut whole = true;
        while half.bytes.insert(offset, window, &mut take).overflow {
            // What is missing will not come: the rest is worth more.
            whole = false;
            if half.bytes.skip_gap(dir, &mut |missing| plain.gap(channel, dir, Some(missing)), &mut take) == 0 {
                break;
            }
        }
        self.forget_if_over(id);
        whole
    }

    /// The sender gave the stream up.
    pub fn reset(&mut self, id: u64, dir: Dir, plain: &Plain) {
        if let Some(halves) = self.halves(id) {
            let half = halves.of_mut(dir);
            half.give_up(Channel::QuicStream(id), dir, plain);
            half.given_up = true;
            self.forget_if_over(id);
        }
    }

    /// The connection is over: what still waits for missing bytes is read without them. Returns whether any were missing.
    pub fn close(&mut self, plain: &Plain) -> Sides<bool> {
        let mut missing = Sides::default();
        for (id, halves) in &mut self.streams {
            let Some(halves) = halves else { continue };
            for dir in [Dir::Client, Dir::Server] {
                let half = halves.of_mut(dir);
                *missing.of_mut(dir) |= half.bytes.is_waiting();
                half.give_up(Channel::QuicStream(*id), dir, plain);
            }
        }
        missing
    }

    fn halves(&mut self, id: u64) -> Option<&mut Sides<Half>> {
        if !self.streams.contains_key(&id) {
            if self.streams.len() >= MOST || self.open >= MOST_OPEN {
                return None;
            }
            self.open += 1;
            self.streams.insert(id, Some(Box::default()));
        }
        self.streams.get_mut(&id)?.as_deref_mut()
    }

    /// A stream that is over both ways needs no memory; streams of one direction only have no bytes the other way (RFC 9000 §2.1).
    fn forget_if_over(&mut self, id: u64) {
        let Some(slot) = self.streams.get_mut(&id) else { return };
        let one_way = id & 2 != 0;
        let is_over = |half: &Half| half.given_up || half.end.is_some_and(|end| half.bytes.next() >= end && !half.bytes.is_waiting());
        let over = slot.as_ref().is_some_and(|halves| match (is_over(&halves.client), is_over(&halves.server)) {
            (client, server) if one_way => client || server,
            (client, server) => client && server,
        });
        if over {
            *slot = None;
            self.open = self.open.saturating_sub(1);
        }
    }
}

impl Half {
    /// Reads what waits for missing bytes.
    fn give_up(&mut self, channel: Channel, dir: Dir, plain: &Plain) {
        let mut take = |window: &Window<'_>| {
            plain.bytes(channel, window);
            window.bytes.len()
        };
        while self.bytes.is_waiting() {
            self.bytes.skip_gap(dir, &mut |missing| plain.gap(channel, dir, Some(missing)), &mut take);
        }
    }
}
