//! When a silent connection is over, and what a capture that is still running tells of its connections.
//!
//! Whether a packet still belongs to a connection follows from the times of that connection's own packets and from nothing else. So a
//! file and the wire give the same connections: a capture that is still running only tells earlier what can no longer change.

use super::super::TableCounts;
use super::{Flow, Packet};
use super::{FlowTable, Header, Limits, Makers, Payload, Reading, SHARDS, Shard, resting};
use crate::base::{Dir, Facts, FrameNo, Reader, Sides, Timestamp};
use crate::flow::{Connection, Transport};
use crate::link::{TcpFlags, TcpHeader};

const SECOND: u64 = 1_000_000_000;
/// Both sides have closed, or one has reset: what still comes comes soon, or is a stray.
const CLOSED: u64 = 5 * SECOND;
/// For so long a segment without payload is taken for a stray of the closed connection: TIME-WAIT, twice the maximum segment lifetime of
/// two minutes (RFC 9293 §3.4.2).
const TIME_WAIT: u64 = 240 * SECOND;
/// One side has not been heard, and nothing was sent: the shortest time a NAT keeps such a connection (RFC 5382 REQ-5).
const OPENING: u64 = 240 * SECOND;
/// The shortest time a NAT keeps an established TCP connection (RFC 5382 REQ-5): two hours and four minutes.
const ESTABLISHED: u64 = 7440 * SECOND;
/// The time a NAT should keep a UDP mapping (RFC 4787 REQ-5).
const DATAGRAMS: u64 = 300 * SECOND;

/// What a capture that is still running tells.
#[derive(Debug)]
pub enum Seen {
    /// A connection that says something about others, before any of those that may be judged by it.
    Telling(Connection),
    /// A connection that goes on, as far as it is known; told again when it has changed.
    Open(Connection),
    /// A connection that is over.
    Over(Connection),
}

/// How far a TCP connection is closed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closing {
    fin: Sides<bool>,
    reset: bool,
}

impl Closing {
    pub(super) fn see(&mut self, flags: TcpFlags, dir: Dir, carries: bool) {
        if flags.rst {
            self.reset = true;
        } else if carries {
            // A reset that was not believed: it was forged, or crossed what was under way.
            self.reset = false;
        }
        *self.fin.of_mut(dir) |= flags.fin;
    }

    pub(super) fn swap(&mut self) {
        self.fin.swap();
    }

    fn is_closed(self) -> bool {
        self.reset || (self.fin.client && self.fin.server)
    }
}

/// What a packet is to a connection with its addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    Here,
    /// A late segment without payload of a connection that was closed: counted, and no connection.
    Stray,
    /// A SYN that would begin another connection while this one lives: see [`super::challenge`].
    Challenges,
    /// It answers such a SYN, which did begin one.
    Answers,
    /// It begins another connection.
    Anew,
}

impl<S: Payload, D: Payload> Flow<S, D> {
    pub(super) fn belongs(&self, packet: &Packet<'_>, from_low: bool) -> Belongs {
        let silent = packet.payload.at.since(self.end);
        let tcp = if let Header::Tcp(tcp) = &packet.transport { Some(tcp) } else { None };
        if let Some(tcp) = tcp {
            if self.is_reused_by(tcp, from_low) {
                return if self.lives(silent) { Belongs::Challenges } else { Belongs::Anew };
            }
            if self.challenge.as_ref().is_some_and(|challenge| challenge.is_answered_by(tcp, from_low)) {
                return Belongs::Answers;
            }
        }
        if (silent <= CLOSED || silent <= self.patience()) && !self.told {
            return Belongs::Here;
        }
        let bare = |tcp: &TcpHeader| !tcp.flags.syn && packet.payload_wire_len == 0;
        if self.closing.is_closed() && silent <= TIME_WAIT && tcp.is_some_and(bare) { Belongs::Stray } else { Belongs::Anew }
    }

    /// A SYN that is not a repetition of this connection's begins another one with the same addresses and ports.
    fn is_reused_by(&self, tcp: &TcpHeader, from_low: bool) -> bool {
        if !tcp.flags.syn || tcp.flags.ack {
            return false;
        }
        match *self.isn.of(self.dir(from_low)) {
            Some(isn) => isn != tcp.seq,
            None => self.sent.client.packets + self.sent.server.packets > 0,
        }
    }

    /// Whether both sides were heard, neither has ended it, and it is not over by its silence.
    fn lives(&self, silent: u64) -> bool {
        let both = self.sent.client.packets.min(self.sent.server.packets) > 0;
        both && !self.closing.is_closed() && !self.told && silent <= self.patience()
    }

    /// Nanoseconds of silence after which the connection is over.
    fn patience(&self) -> u64 {
        let (client, server) = (&self.sent.client, &self.sent.server);
        match self.key.transport() {
            Transport::Tcp if self.closing.is_closed() => CLOSED,
            Transport::Tcp if client.packets.min(server.packets) == 0 && client.payload + server.payload == 0 => OPENING,
            Transport::Tcp => ESTABLISHED,
            Transport::Udp | Transport::Sctp => DATAGRAMS,
        }
    }

    /// All facts so far, in the order of output. Not for facts in a spill.
    fn facts_so_far(&self) -> Facts {
        let mut facts = match &self.reading {
            Reading::Packed(bytes) => Facts::thaw(&mut Reader::new(bytes)).unwrap_or_default(),
            _ => self.facts.as_deref().cloned().unwrap_or_default(),
        };
        if let Some(late) = &self.late {
            facts.add_late(late);
        }
        facts.sort();
        facts
    }

    fn so_far(&self) -> Connection {
        Connection { facts: self.facts_so_far(), ..self.summary() }
    }

    /// Everything, once; what stays knows no more than that there was such a connection.
    pub(super) fn tell(&mut self) -> Connection {
        // Whoever counts failures has closed it before.
        let _ = self.close();
        let connection = self.so_far();
        self.told = true;
        (self.facts, self.late, self.reading) = (None, None, Reading::Nothing);
        connection
    }
}

impl<S: Payload, D: Payload> FlowTable<S, D> {
    /// A table for a capture that is still running: [`FlowTable::tend`] tells of its connections, and those that are over are forgotten.
    #[must_use]
    pub fn running(limits: Limits, makers: Makers<S, D>) -> FlowTable<S, D> {
        let mut table = FlowTable::making(limits, makers);
        table.shards.iter_mut().for_each(|shard| shard.over = Some(Vec::new()));
        table
    }

    /// Tells which connections are over at this moment, and with `changes` also those that go on and have changed.
    pub fn tend(&mut self, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) {
        (0..SHARDS).for_each(|at| self.tend_shard(at, now, changes, tell));
    }

    /// As [`FlowTable::tend`], of one shard: several tables that own some each tell together what one would.
    pub fn tend_shard(&mut self, at: usize, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) {
        if let Some(shard) = self.shards.get_mut(at) {
            shard.tend(&self.seed, now, changes, tell);
        }
    }

    /// The capture is over: tells every connection that is left, by first frame.
    pub fn end(mut self, tell: &mut dyn FnMut(Seen)) -> TableCounts {
        let mut left: Vec<Left> = (0..SHARDS).flat_map(|at| self.end_shard(at, tell)).collect();
        left.sort_unstable();
        for left in left {
            if let Some(connection) = self.end_with(left) {
                tell(Seen::Over(connection));
            }
        }
        self.counts()
    }

    /// The capture is over: tells what left a shard by itself, and what the rest says of others. Returns the connections that are left.
    pub fn end_shard(&mut self, at: usize, tell: &mut dyn FnMut(Seen)) -> Vec<Left> {
        let Some(shard) = self.shards.get_mut(at) else { return Vec::new() };
        shard.told(tell);
        let mut left = Vec::new();
        for (slot, flow) in shard.flows.iter_mut().enumerate().filter(|(_, flow)| !flow.told) {
            shard.failed += u64::from(flow.close());
            flow.tell_others(tell);
            left.push(Left { first_frame: flow.first_frame, shard: at, slot });
        }
        left
    }

    /// All of a connection that is left.
    pub fn end_with(&mut self, left: Left) -> Option<Connection> {
        Some(self.shards.get_mut(left.shard)?.flows.get_mut(left.slot)?.tell())
    }
}

/// A connection that is left when the capture is over, in the order in which these are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    first_frame: FrameNo,
    shard: usize,
    slot: usize,
}

impl<S: Payload, D: Payload> Shard<S, D> {
    fn tend(&mut self, seed: &foldhash::fast::RandomState, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) {
        self.told(tell);
        // A look at every connection, four times a second: of very many that are silent it would cost more than all else.
        if self.quiet_until.is_some_and(|until| now <= until) {
            return;
        }
        let mut until = Timestamp::from_nanos(i64::MAX);
        // From the end, because the last one takes the place of one that is forgotten.
        for slot in (0..self.flows.len()).rev() {
            let Some(flow) = self.flows.get_mut(slot) else { continue };
            let silent = now.since(flow.end);
            if flow.told || silent > flow.patience() {
                if !flow.told {
                    self.failed += u64::from(flow.close());
                    let connection = flow.tell();
                    tell_others(&connection, tell);
                    tell(Seen::Over(connection));
                }
                if !flow.closing.is_closed() || silent > TIME_WAIT {
                    self.forget(seed, slot);
                    continue;
                }
                until = until.min(flow.end.after(TIME_WAIT));
                continue;
            }
            until = until.min(flow.end.after(flow.patience()));
            if std::mem::replace(&mut flow.changed, false) {
                flow.tell_others(tell);
                if changes {
                    tell(Seen::Open(flow.so_far()));
                }
            }
        }
        self.quiet_until = Some(until);
    }

    /// Connections that left the table by themselves.
    fn told(&mut self, tell: &mut dyn FnMut(Seen)) {
        for connection in self.over.iter_mut().flat_map(std::mem::take) {
            tell_others(&connection, tell);
            tell(Seen::Over(connection));
        }
    }

    fn forget(&mut self, seed: &foldhash::fast::RandomState, slot: usize) {
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let Some(flow) = self.flows.get(slot) else { return };
        if let Ok(entry) = self.index.find_entry(flow.key.hash(seed), |&at| at == number(slot)) {
            entry.remove();
        }
        let moved = self.flows.len().saturating_sub(1);
        if let Some(last) = self.flows.get(moved)
            && let Some(at) = self.index.find_mut(last.key.hash(seed), |&at| at == number(moved))
        {
            *at = number(slot);
        }
        self.flows.swap_remove(slot);
        // The one that moved is found under its new number.
        if let Some(flow) = self.flows.get(slot).filter(|flow| flow.reading.is_active()) {
            self.read.push_back((number(slot), flow.first_frame));
        }
        self.hand = if self.hand < self.flows.len() { self.hand } else { 0 };
    }
}

impl<S: Payload, D: Payload> Flow<S, D> {
    /// Says what is of use to other connections, when there is more of it than the last time.
    fn tell_others(&mut self, tell: &mut dyn FnMut(Seen)) {
        let stated = match &self.reading {
            // Packed once and for all; what it tells was found then.
            Reading::Packed(_) => usize::from(self.tells),
            _ => self.facts.as_deref().map_or(0, resting::telling),
        };
        if stated > usize::from(self.telling) {
            self.telling = u16::try_from(stated).unwrap_or(u16::MAX);
            tell(Seen::Telling(self.so_far()));
        }
    }
}

fn tell_others(connection: &Connection, tell: &mut dyn FnMut(Seen)) {
    if resting::tells_of_others(&connection.facts) {
        tell(Seen::Telling(connection.clone()));
    }
}
