//! Finds the connection of each packet, within bounds.
//!
//! The table is 64 virtual shards. A flow's shard is a fixed function of its key, and each shard sees its packets in
//! capture order, so bounds and evictions are the same for any number of workers and any hash seed.

mod age;
mod challenge;
mod guard;
mod reading;
mod watched;

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::base::{Dir, Fact, Facts, FrameNo, Reader, Sides, Timestamp, What, Window, WireStr};
use crate::link::{Packet, Process, TcpHeader, Transport as Header};

use super::finished::RestingShard;
use super::resting::{self, Resting};
use super::runs::{InOrder, Runs};
use super::spill::{Ahead, Place, Spill};
use super::tcp::Streams;
use super::{Connection, Endpoint, Finished, FlowKey, Next, Payload, Tally, Transport};

use age::{Belongs, Closing};
pub use age::{Left, Seen};
use challenge::Challenge;
use watched::Watched;

/// Number of virtual shards.
pub const SHARDS: usize = 64;

/// Of how many connections of a shard the facts stay as they are until they are written. Those of a small capture, in all: to put them away
/// and take them out again would be a twentieth of its cost.
const MOST_AT_HAND: usize = 16;

/// What the table may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections tracked at once, over all shards.
    pub max_flows: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_flows: 1 << 20 }
    }
}

/// What the table did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableCounts {
    /// Connections begun.
    pub flows: u64,
    /// Connections reported early because the table was full; packets that still came were counted as new connections.
    pub evicted: u64,
    /// Connections of which not all was read: they were silent while too many others were read at once, and then went on.
    pub unread: u64,
    /// Segments without payload that came long after their connection was closed, and openings in the middle of one that nobody answered:
    /// they are in none.
    pub strays: u64,
    /// Connections whose reading failed: a fault of this program, which the connection then says.
    pub failed: u64,
    /// Connections that could not be read back from the temporary file they waited in.
    pub lost: u64,
    /// Packets of transports that have no connections (ICMP and the like).
    pub other_packets: u64,
}

impl TableCounts {
    /// Adds what another worker's table did.
    pub fn add(&mut self, other: TableCounts) {
        let TableCounts { flows, evicted, unread, strays, failed, lost, other_packets } = other;
        self.flows += flows;
        self.evicted += evicted;
        self.unread += unread;
        self.strays += strays;
        self.failed += failed;
        self.lost += lost;
        self.other_packets += other_packets;
    }
}

/// Makes what reads the payload of a connection that begins, given its key and the frame that began it.
pub struct Makers<S, D> {
    /// For TCP.
    pub stream: Make<S>,
    /// For UDP.
    pub datagrams: Make<D>,
}

/// Makes what reads one connection.
pub type Make<P> = Box<dyn Fn(&FlowKey, FrameNo) -> P>;

impl<S: Default, D: Default> Default for Makers<S, D> {
    fn default() -> Makers<S, D> {
        Makers { stream: Box::new(|_, _| S::default()), datagrams: Box::new(|_, _| D::default()) }
    }
}

impl<S, D> std::fmt::Debug for Makers<S, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Makers")
    }
}

/// The connections of a capture. `S` reads byte streams (TCP), `D` reads datagrams (UDP).
#[derive(Debug)]
pub struct FlowTable<S, D> {
    shards: Vec<Shard<S, D>>,
    makers: Makers<S, D>,
    seed: foldhash::fast::RandomState,
    other_packets: u64,
}

#[derive(Debug)]
struct Shard<S, D> {
    index: HashTable<u32>,
    flows: Vec<Flow<S, D>>,
    capacity: usize,
    /// Where the search for a flow to evict goes on (the clock algorithm: a flow used since the last visit is spared).
    hand: usize,
    /// The flow of the last packet.
    last: u32,
    /// Flows whose payload is read, in the order in which that began, as their place and first frame; some of them are done with by now, or
    /// have left their place to another.
    read: VecDeque<(u32, FrameNo)>,
    /// How many of them there may be.
    most_read: usize,
    /// Connections that were evicted or whose five-tuple was used again.
    past: Runs,
    spill: Spill,
    /// How many connections went to `past` or, at the end, to whoever tells of them.
    rested: u64,
    /// Of a capture that is still running: connections that left the table, to be told. Nothing goes to `past` and `spill` then.
    over: Option<Vec<Connection>>,
    /// Of such a capture: until this moment there is nothing to tell, unless packets come.
    quiet_until: Option<Timestamp>,
    begun: u64,
    evicted: u64,
    unread: u64,
    strays: u64,
    failed: u64,
}

#[derive(Debug)]
struct Flow<S, D> {
    key: FlowKey,
    low_is_client: bool,
    guessed: bool,
    /// Used since the clock hand last passed.
    used: bool,
    vlan: Option<u16>,
    first_frame: FrameNo,
    last_frame: FrameNo,
    start: Timestamp,
    end: Timestamp,
    sent: Sides<Tally>,
    truncated: u32,
    /// Initial sequence numbers.
    isn: Sides<Option<u32>>,
    /// Where there are some, and they were not put away: nothing is said of most connections of a flood.
    facts: Option<Box<Facts>>,
    /// Facts that came when the others were put away.
    late: Option<Box<Facts>>,
    /// The facts say something about other connections.
    tells: bool,
    /// How many facts for other connections were told.
    telling: u16,
    /// Whether a process was named.
    named: bool,
    /// Something came since it was last looked at.
    changed: bool,
    /// It was over, and was told.
    told: bool,
    /// Its payload was read since it was last considered for being read no further.
    lately: bool,
    /// It is read no further, to make room.
    given_up: bool,
    closing: Closing,
    watched: Watched,
    /// A SYN that may begin another connection with the same addresses and ports: nobody has answered it yet.
    challenge: Option<Box<Challenge>>,
    reading: Reading<S, D>,
}

/// How far the payload of a flow is read.
#[derive(Debug)]
enum Reading<S, D> {
    /// No payload yet.
    Nothing,
    Stream(Box<Streams<S>>),
    Datagrams(Box<D>),
    /// Nothing more to learn; facts are still in the flow.
    Done,
    /// Nothing more to learn; facts wait in the spill.
    Frozen(Place),
    /// Nothing more to learn; the facts of a capture that is still running, in compact form.
    Packed(Box<[u8]>),
}

/// Where facts go when nothing more can be learnt.
enum Away<'a> {
    /// Into the spill.
    Spill(&'a mut Spill),
    /// Into memory, in compact form.
    Packed,
    /// They stay as they are.
    Nowhere,
}

impl<S, D> Reading<S, D> {
    /// Whether payload is read, which takes memory.
    fn is_active(&self) -> bool {
        matches!(self, Reading::Stream(_) | Reading::Datagrams(_))
    }

    /// Whether the facts are no longer in the flow.
    fn is_put_away(&self) -> bool {
        matches!(self, Reading::Frozen(_) | Reading::Packed(_))
    }
}

impl<S: Payload, D: Payload> FlowTable<S, D> {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> FlowTable<S, D> {
        FlowTable::making(limits, Makers::default())
    }

    /// An empty table whose connections are read by what `makers` make.
    #[must_use]
    pub fn making(limits: Limits, makers: Makers<S, D>) -> FlowTable<S, D> {
        let capacity = limits.max_flows.div_ceil(SHARDS).max(1);
        FlowTable {
            shards: (0..SHARDS).map(|_| Shard::new(capacity)).collect(),
            makers,
            seed: foldhash::fast::RandomState::default(),
            other_packets: 0,
        }
    }

    /// Which shard a packet belongs to; `None` for transports without connections.
    #[must_use]
    pub fn shard_of(packet: &Packet<'_>) -> Option<usize> {
        endpoints(packet).map(|(transport, src, dst)| FlowKey::new(transport, src, dst).0.shard())
    }

    /// Which connections a packet may belong to; `None` for transports without connections.
    #[must_use]
    pub fn key_of(packet: &Packet<'_>) -> Option<FlowKey> {
        endpoints(packet).map(|(transport, src, dst)| FlowKey::new(transport, src, dst).0)
    }

    /// Reads a packet.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let Some((transport, src, dst)) = endpoints(packet) else {
            self.other_packets += 1;
            return;
        };
        let (key, from_low) = FlowKey::new(transport, src, dst);
        let (seed, makers) = (&self.seed, &self.makers);
        if let Some(shard) = self.shards.get_mut(key.shard()) {
            shard.packet(seed, makers, &key, from_low, packet);
        }
    }

    /// The capture is over: reads what still waits, and reports every connection.
    #[must_use]
    pub fn finish(self) -> Finished {
        let mut counts = self.counts();
        let mut shards = Vec::with_capacity(SHARDS);
        for mut shard in self.shards {
            drop(std::mem::take(&mut shard.index));
            let before = shard.failed;
            let rest = shard.rest();
            counts.failed += rest.failed - before;
            shards.push(rest);
        }
        Finished::new(shards, counts)
    }

    /// What the table did so far.
    #[must_use]
    pub fn counts(&self) -> TableCounts {
        let mut counts = TableCounts { other_packets: self.other_packets, ..TableCounts::default() };
        for shard in &self.shards {
            counts.flows += shard.begun;
            counts.evicted += shard.evicted;
            counts.unread += shard.unread;
            counts.strays += shard.strays;
            counts.failed += shard.failed;
        }
        counts
    }
}

fn endpoints(packet: &Packet<'_>) -> Option<(Transport, Endpoint, Endpoint)> {
    let (transport, src, dst) = match packet.transport {
        Header::Tcp(tcp) => (Transport::Tcp, tcp.src_port, tcp.dst_port),
        Header::Udp { src_port, dst_port } => (Transport::Udp, src_port, dst_port),
        Header::Sctp { src_port, dst_port } => (Transport::Sctp, src_port, dst_port),
        Header::Other(_) => return None,
    };
    Some((transport, Endpoint { ip: packet.src, port: src }, Endpoint { ip: packet.dst, port: dst }))
}

impl<S: Payload, D: Payload> Shard<S, D> {
    fn new(capacity: usize) -> Shard<S, D> {
        Shard {
            index: HashTable::new(),
            flows: Vec::new(),
            capacity,
            hand: 0,
            last: 0,
            read: VecDeque::new(),
            most_read: reading::most(capacity),
            past: Runs::default(),
            spill: Spill::default(),
            rested: 0,
            over: None,
            quiet_until: None,
            begun: 0,
            evicted: 0,
            unread: 0,
            strays: 0,
            failed: 0,
        }
    }

    fn packet(&mut self, seed: &foldhash::fast::RandomState, makers: &Makers<S, D>, key: &FlowKey, from_low: bool, packet: &Packet<'_>) {
        self.quiet_until = None;
        let flows = &mut self.flows;
        let is = |slot: u32| flows.get(slot as usize).is_some_and(|flow| flow.key == *key);
        // Packets come in trains: the flow of the last one is asked first.
        let mut hash = 0;
        let found = if is(self.last) {
            Some(self.last)
        } else {
            hash = key.hash(seed);
            self.index.find(hash, |&slot| is(slot)).copied()
        };
        let slot = match found {
            Some(slot) => {
                match flows.get(slot as usize).map_or(Belongs::Here, |flow| flow.belongs(packet, from_low)) {
                    Belongs::Here => {}
                    Belongs::Stray => {
                        self.strays += 1;
                        return;
                    }
                    Belongs::Challenges => {
                        self.challenged(slot, from_low, packet);
                        return;
                    }
                    Belongs::Answers => self.give_way(slot, key, makers),
                    Belongs::Anew => self.replace(slot, Flow::new(*key, from_low, packet)),
                }
                slot
            }
            None => self.admit(seed, hash, Flow::new(*key, from_low, packet)),
        };
        self.last = slot;
        if let Some(flow) = self.flows.get_mut(slot as usize) {
            let away = match self.over {
                Some(_) => Away::Packed,
                None if (slot as usize) < MOST_AT_HAND => Away::Nowhere,
                None => Away::Spill(&mut self.spill),
            };
            let was_read = flow.reading.is_active();
            let failed = flow.packet(from_low, packet, makers, away);
            self.failed += u64::from(failed);
            if flow.reading.is_active() {
                // A first packet is no sign that more will come.
                flow.lately = was_read;
                if !was_read {
                    self.read.push_back((slot, flow.first_frame));
                    self.read_fewer();
                }
            } else if flow.given_up && packet.payload_wire_len > 0 {
                flow.given_up = false;
                self.unread += 1;
            }
        }
    }

    /// Another connection with the same addresses and ports begins.
    #[inline(never)]
    fn replace(&mut self, slot: u32, fresh: Flow<S, D>) {
        if let Some(flow) = self.flows.get_mut(slot as usize) {
            self.failed += u64::from(flow.close());
            let old = std::mem::replace(flow, fresh);
            self.begun += 1;
            self.retire(old);
        }
    }

    /// Finds room for a new flow: a new slot, or that of a flow that was not used for the longest.
    #[inline(never)]
    fn admit(&mut self, seed: &foldhash::fast::RandomState, hash: u64, flow: Flow<S, D>) -> u32 {
        self.begun += 1;
        if self.flows.len() < self.capacity {
            let slot = u32::try_from(self.flows.len()).unwrap_or(u32::MAX);
            self.flows.push(flow);
            let flows = &self.flows;
            self.index.insert_unique(hash, slot, |&i| flows.get(i as usize).map_or(0, |f| f.key.hash(seed)));
            return slot;
        }
        let victim = self.next_victim();
        let Some(place) = self.flows.get_mut(victim) else { return u32::MAX };
        self.failed += u64::from(place.close());
        let old = std::mem::replace(place, flow);
        let slot = u32::try_from(victim).unwrap_or(u32::MAX);
        if let Ok(entry) = self.index.find_entry(old.key.hash(seed), |&i| i == slot) {
            entry.remove();
        }
        let flows = &self.flows;
        self.index.insert_unique(hash, slot, |&i| flows.get(i as usize).map_or(0, |f| f.key.hash(seed)));
        self.evicted += u64::from(!old.told);
        self.retire(old);
        slot
    }

    fn next_victim(&mut self) -> usize {
        // Two rounds: the first may find every flow used.
        for _ in 0..self.flows.len() * 2 {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.flows.len().max(1);
            match self.flows.get_mut(at) {
                Some(flow) if flow.used => flow.used = false,
                _ => return at,
            }
        }
        self.hand
    }

    /// A connection leaves the table before the end: all of it goes to the spill, or is told.
    fn retire(&mut self, mut flow: Flow<S, D>) {
        if let Some(over) = &mut self.over {
            if !flow.told {
                over.push(flow.tell());
            }
            return;
        }
        let facts = flow.rest(&mut self.spill);
        self.rested = self.rested.saturating_add(1);
        self.past.add(Resting { nth: self.rested, tells: flow.tells, facts, flow: flow.summary() }, &mut self.spill);
    }

    /// The capture is over: everything goes to the spill, but for facts of a small capture, and the connections that are told first.
    fn rest(mut self) -> RestingShard {
        let mut at_hand = Vec::new();
        for (slot, mut flow) in std::mem::take(&mut self.flows).into_iter().enumerate() {
            self.failed += u64::from(flow.close());
            let kept = if slot < MOST_AT_HAND { flow.take_facts() } else { None };
            match kept {
                Some(facts) => {
                    self.rested = self.rested.saturating_add(1);
                    let (nth, tells) = (self.rested, flow.tells);
                    at_hand.push(Resting { nth, tells, facts: None, flow: Connection { facts, ..flow.summary() } });
                }
                None => self.retire(flow),
            }
        }
        let connections = usize::try_from(self.rested).unwrap_or(usize::MAX);
        let InOrder { mut waiting, runs, lost } = self.past.finish(&mut self.spill);
        waiting.append(&mut at_hand);
        waiting.sort_unstable_by_key(Resting::order);
        RestingShard { waiting, runs, connections, spill: self.spill, failed: self.failed, lost }
    }
}

impl<S: Payload, D: Payload> Flow<S, D> {
    fn new(key: FlowKey, from_low: bool, packet: &Packet<'_>) -> Flow<S, D> {
        let (from_client, guessed) = match packet.transport {
            Header::Tcp(tcp) if tcp.flags.syn => (!tcp.flags.ack, false),
            _ => (true, true),
        };
        let frame = packet.payload.newest();
        Flow {
            key,
            low_is_client: from_low == from_client,
            guessed,
            used: true,
            vlan: None,
            first_frame: frame,
            last_frame: frame,
            start: packet.payload.at,
            end: packet.payload.at,
            sent: Sides::default(),
            truncated: 0,
            isn: Sides::default(),
            facts: None,
            late: None,
            tells: false,
            telling: 0,
            named: false,
            changed: true,
            told: false,
            lately: false,
            given_up: false,
            closing: Closing::default(),
            watched: Watched::Nothing,
            challenge: None,
            reading: Reading::Nothing,
        }
    }

    fn dir(&self, from_low: bool) -> Dir {
        if from_low == self.low_is_client { Dir::Client } else { Dir::Server }
    }

    /// Takes a packet in; `away` is where facts go when nothing more can be learnt. Returns whether reading it failed.
    fn packet(&mut self, from_low: bool, packet: &Packet<'_>, makers: &Makers<S, D>, away: Away<'_>) -> bool {
        let dir = self.dir(from_low);
        (self.used, self.changed) = (true, true);
        self.last_frame = self.last_frame.max(packet.payload.newest());
        self.start = self.start.min(packet.payload.at);
        self.end = self.end.max(packet.payload.at);
        self.vlan = self.vlan.or(packet.vlan);
        if let Some(process) = packet.process {
            self.name_process(process, packet);
        }
        let cut = u64::from(packet.payload_wire_len) > packet.payload.bytes.len() as u64;
        if cut && self.truncated == 0 && !matches!(self.reading, Reading::Done | Reading::Frozen(_) | Reading::Packed(_)) {
            self.facts.get_or_insert_default().observe(What::Truncated(true), packet.payload.all());
        }
        self.truncated = self.truncated.saturating_add(u32::from(cut));
        self.watch(dir, packet);
        // Most packets of most captures belong to connections of which nothing more can be learnt: they only count.
        let (fresh, failed) = match self.reading {
            Reading::Done | Reading::Frozen(_) | Reading::Packed(_) => (u64::from(packet.payload_wire_len), false),
            _ => self.guarded_read(dir, packet, makers, away),
        };
        let dir = self.dir(from_low);
        let tally = self.sent.of_mut(dir);
        tally.packets += 1;
        tally.bytes += u64::from(packet.wire_len);
        tally.payload += fresh;
        if let Header::Tcp(tcp) = &packet.transport {
            self.closing.see(tcp.flags, dir, packet.payload_wire_len > 0);
        }
        failed
    }

    /// Reads the payload. Returns how many octets of it were new.
    #[inline(never)]
    fn read(&mut self, dir: Dir, packet: &Packet<'_>, makers: &Makers<S, D>, away: Away<'_>) -> u64 {
        let window = packet.payload.with_dir(dir);
        let fresh = match packet.transport {
            Header::Tcp(tcp) => self.segment(&tcp, &window, packet.payload_wire_len, makers),
            Header::Udp { .. } => {
                self.datagram(&window, makers);
                u64::from(packet.payload_wire_len)
            }
            _ => u64::from(packet.payload_wire_len),
        };
        if matches!(self.reading, Reading::Done) {
            match away {
                Away::Spill(spill) => {
                    self.rest(spill);
                }
                Away::Packed => self.pack(),
                Away::Nowhere => {}
            }
        }
        fresh
    }

    /// Returns how many octets of payload were new.
    fn segment(&mut self, tcp: &TcpHeader, window: &Window<'_>, wire_len: u32, makers: &Makers<S, D>) -> u64 {
        if tcp.flags.syn {
            *self.isn.of_mut(window.dir) = Some(tcp.seq);
            let other = self.isn.of_mut(window.dir.other());
            if tcp.flags.ack && other.is_none() {
                *other = Some(tcp.ack.wrapping_sub(1));
            }
        }
        if matches!(self.reading, Reading::Nothing) && !window.bytes.is_empty() {
            let payload = (makers.stream)(&self.key, self.first_frame);
            self.reading = Reading::Stream(Box::new(Streams::synchronised(payload, self.isn)));
        }
        let Reading::Stream(streams) = &mut self.reading else {
            return u64::from(wire_len);
        };
        let facts = self.facts.get_or_insert_default();
        let fresh = streams.segment(tcp, window, wire_len, facts);
        let client = streams.client();
        if streams.is_done() {
            self.watched = Watched::after(streams, facts);
            self.reading = Reading::Done;
        }
        self.correct_sides(client);
        fresh
    }

    fn datagram(&mut self, window: &Window<'_>, makers: &Makers<S, D>) {
        if window.bytes.is_empty() {
            return;
        }
        if matches!(self.reading, Reading::Nothing) {
            self.reading = Reading::Datagrams(Box::new((makers.datagrams)(&self.key, self.first_frame)));
        }
        let Reading::Datagrams(payload) = &mut self.reading else { return };
        let facts = self.facts.get_or_insert_default();
        payload.feed(window, facts);
        self.watched = payload.stranger(facts).map_or(Watched::Nothing, Watched::Datagrams);
        let client = payload.client();
        if payload.next() == Next::Done {
            payload.close(facts);
            self.reading = Reading::Done;
        }
        self.correct_sides(client);
    }

    /// The bytes say who the client is; they outrank the SYN and the guess.
    fn correct_sides(&mut self, client: Option<Dir>) {
        match client {
            None => return,
            Some(Dir::Client) => {}
            Some(Dir::Server) => {
                self.low_is_client = !self.low_is_client;
                self.sent.swap();
                self.isn.swap();
                self.closing.swap();
                self.watched.swap_sides();
                match &mut self.reading {
                    Reading::Stream(streams) => streams.swap_sides(),
                    Reading::Datagrams(payload) => payload.swap_sides(),
                    Reading::Nothing | Reading::Done | Reading::Frozen(_) | Reading::Packed(_) => {}
                }
            }
        }
        self.guessed = false;
    }

    fn name_process(&mut self, process: Process<'_>, packet: &Packet<'_>) {
        let (name, pid, owner) = match process {
            Process::Named { name, pid } => (name, pid, None),
            Process::Android { name, .. } => (name, None, None),
            Process::Owner(owner) => (owner.name.as_bytes(), owner.pid, Some(owner)),
        };
        let shared = owner.and_then(|owner| owner.shared.as_ref());
        if self.named || (name.is_empty() && shared.is_none()) {
            return;
        }
        self.named = true;
        let facts = self.facts_of_now();
        let mut claim = |what| facts.add(Fact { what, basis: crate::base::Basis::Claimed, evidence: packet.payload.all() });
        if let Some(shared) = shared {
            claim(What::ProcessHolders(shared.programs.clone()));
            claim(What::ProcessHolderCount(u64::from(shared.processes)));
        } else {
            claim(What::ProcessName(WireStr::new(name)));
        }
        if let Some(pid) = pid {
            claim(What::ProcessPid(u64::from(pid)));
        }
        if let Some(owner) = owner {
            if !owner.executable.as_bytes().is_empty() {
                claim(What::ProcessExecutable(owner.executable.clone()));
            }
            claim(What::ProcessSeen(owner.seen.word()));
        }
    }

    /// Where a fact goes that is stated now.
    fn facts_of_now(&mut self) -> &mut Facts {
        if self.reading.is_put_away() { self.late.get_or_insert_default() } else { self.facts.get_or_insert_default() }
    }

    /// Reads what still waits.
    fn read_rest(&mut self) {
        match &mut self.reading {
            Reading::Stream(streams) => {
                let facts = self.facts.get_or_insert_default();
                streams.close(facts);
                self.watched = Watched::after(streams, facts);
                let client = streams.client();
                self.correct_sides(client);
                self.reading = Reading::Done;
            }
            Reading::Datagrams(payload) => {
                payload.close(self.facts.get_or_insert_default());
                self.reading = Reading::Done;
            }
            Reading::Nothing | Reading::Done | Reading::Frozen(_) | Reading::Packed(_) => {}
        }
    }

    /// The facts, in the order of output, where they were not put away before.
    fn take_facts(&mut self) -> Option<Facts> {
        if matches!(self.reading, Reading::Frozen(_) | Reading::Packed(_)) || self.late.is_some() {
            return None;
        }
        Some(self.facts_in_order())
    }

    fn facts_in_order(&mut self) -> Facts {
        let mut facts = self.facts.take().map(|facts| *facts).unwrap_or_default();
        facts.sort();
        self.tells = resting::tells_of_others(&facts);
        facts
    }

    /// Puts the facts into the spill, in the order of output, unless they are there already.
    fn rest(&mut self, spill: &mut Spill) -> Option<Place> {
        if let Reading::Frozen(place) = self.reading {
            let Some(late) = self.late.take() else { return Some(place) };
            let mut facts = Facts::thaw(&mut Reader::new(spill.load(place, &mut Ahead::default()))).unwrap_or_default();
            facts.add_late(&late);
            self.facts = Some(Box::new(facts));
        }
        let says_nothing = |facts: &Facts| facts.list().is_empty() && facts.steps().is_empty();
        if self.facts.as_deref().is_none_or(says_nothing) && !matches!(self.reading, Reading::Done) {
            return None;
        }
        let facts = self.facts_in_order();
        let place = spill.store(|out| facts.freeze(out));
        self.reading = Reading::Frozen(place);
        Some(place)
    }

    /// Puts the facts away in memory, in the order of output.
    fn pack(&mut self) {
        let facts = self.facts_in_order();
        let mut packed = Vec::new();
        facts.freeze(&mut packed);
        self.reading = Reading::Packed(packed.into_boxed_slice());
    }

    /// Everything but the facts.
    fn summary(&self) -> Connection {
        let (client, server) = if self.low_is_client { (self.key.low(), self.key.high()) } else { (self.key.high(), self.key.low()) };
        Connection {
            transport: self.key.transport(),
            client,
            server,
            guessed: self.guessed,
            first_frame: self.first_frame,
            last_frame: self.last_frame,
            start: self.start,
            end: self.end,
            sent: [self.sent.client, self.sent.server],
            vlan: self.vlan,
            truncated: u64::from(self.truncated),
            facts: Facts::new(),
        }
    }
}
