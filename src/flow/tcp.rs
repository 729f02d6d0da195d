//! The two byte streams of a TCP connection (RFC 9293 §3).

use crate::base::{Dir, Evidence, Fact, Facts, Kind, Sides, What, Window, WireStr};
use crate::link::TcpHeader;

use super::assembler::Assembler;
use super::framing::Follower;
use super::{Next, Payload};

/// After how many further packets a hole that the receiver has acknowledged is given up: until then it may be the
/// capture, and not the network, that shows packets out of order.
const PATIENCE: u8 = 16;

/// Where an unsynchronised stream starts: far enough from zero that bytes from before can still be placed.
const ASSUMED_START: u64 = 1 << 32;

/// The first data so far before the start that a SYN gave shows that it was another's SYN: a connection answered twice.
const FAR: u32 = 1 << 16;

/// How many conflicting overlaps of one connection are told: they must not crowd out what else there is to say.
const MOST_CONFLICTS: usize = 16;

/// One direction.
#[derive(Debug, Default)]
struct Half {
    /// Sequence number and stream offset that stand for each other; `None` until something was seen.
    origin: Option<(u32, u64)>,
    /// Whether `origin` comes from a SYN.
    synchronised: bool,
    assembler: Assembler,
    /// The highest offset the receiver acknowledged.
    acked: u64,
    waited: u8,
    fin_at: Option<u64>,
}

/// Both directions and what reads them.
#[derive(Debug, Default)]
pub struct Streams<P> {
    halves: Sides<Half>,
    payload: P,
    done: bool,
}

impl<P: Payload> Streams<P> {
    /// Streams read by `payload`, whose SYNs carried these sequence numbers.
    #[must_use]
    pub fn synchronised(payload: P, isn: Sides<Option<u32>>) -> Streams<P> {
        let mut streams = Streams { halves: Sides::default(), payload, done: false };
        for (half, isn) in [(&mut streams.halves.client, isn.client), (&mut streams.halves.server, isn.server)] {
            if let Some(isn) = isn {
                half.synchronise(isn);
            }
        }
        streams
    }

    /// Reads a segment. Returns how many octets of payload were new.
    pub fn segment(&mut self, tcp: &TcpHeader, window: &Window<'_>, wire_len: u32, facts: &mut Facts) -> u64 {
        let dir = window.dir;
        // A reset may say why in octets of its own, which are no part of the stream (RFC 9293 §3.5.3).
        let window = if tcp.flags.rst { &window.from(usize::MAX) } else { window };
        if tcp.flags.ack {
            self.acknowledged(dir.other(), tcp.ack);
        }
        let half = self.halves.of_mut(dir);
        let mut seq = tcp.seq;
        if tcp.flags.syn {
            half.synchronise(seq);
            // A SYN takes one sequence number; data may follow it in the same segment (RFC 7413).
            seq = seq.wrapping_add(1);
        }
        let (mut offset, mut before) = half.place(seq);
        if before > FAR && !window.bytes.is_empty() && half.assembler.is_untouched() {
            half.start(seq, 0);
            (offset, before) = (0, 0);
        }
        if tcp.flags.fin {
            half.fin_at = Some(offset.saturating_add(u64::from(wire_len.saturating_sub(before))));
        }
        let window = window.from(usize::try_from(before).unwrap_or(usize::MAX));
        let mut fresh = 0;
        if !window.bytes.is_empty() {
            fresh = self.data(dir, offset, &window, facts);
        }
        self.give_up_on_holes(dir, facts);
        self.give_up_on_holes(dir.other(), facts);
        if [&self.halves.client, &self.halves.server].into_iter().all(|half| half.fin_at.is_some_and(|at| half.assembler.next() >= at)) {
            self.close(facts);
        }
        fresh
    }

    /// Whether nothing more can be learnt.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The connection is over, or memory is needed: reads what still waits, then closes.
    pub fn close(&mut self, facts: &mut Facts) {
        if self.done {
            return;
        }
        for dir in [Dir::Client, Dir::Server] {
            while self.halves.of(dir).assembler.is_waiting() && !self.done {
                self.skip_gap(dir, facts);
            }
        }
        if !self.done {
            for dir in [Dir::Client, Dir::Server] {
                self.leave(dir);
            }
            self.payload.close(facts);
            self.done = true;
        }
    }

    /// What waits in order will not be offered again.
    fn leave(&mut self, dir: Dir) {
        if let Some(front) = self.halves.of(dir).assembler.front(dir) {
            self.payload.left(&front);
        }
    }

    /// Who the payload says the client is, in the labels of now.
    #[must_use]
    pub fn client(&self) -> Option<Dir> {
        self.payload.client()
    }

    /// Swaps the labels of the two sides.
    pub fn swap_sides(&mut self) {
        self.halves.swap();
        self.payload.swap_sides();
    }

    /// Follows the frames of the streams from where their reading ended; what waited behind that and is none is counted.
    #[must_use]
    pub fn follower(&self, facts: &mut Facts) -> Option<Box<Follower>> {
        let framing = self.payload.framing()?;
        let next = |half: &Half| half.seq_of(half.assembler.taken()).filter(|_| !half.assembler.is_waiting());
        let Sides { client, server } = &self.halves;
        let next = Sides { client: next(client), server: next(server) };
        let mut follower = Box::new(Follower::new(framing, next));
        for (dir, next) in [(Dir::Client, next.client), (Dir::Server, next.server)] {
            if let (Some(front), Some(seq)) = (self.halves.of(dir).assembler.front(dir), next) {
                let length = u32::try_from(front.bytes.len()).unwrap_or(u32::MAX);
                if let Some(at) = follower.see(dir, seq, front.bytes, length) {
                    facts.other_octets(&front.from(at));
                }
            }
        }
        Some(follower)
    }

    fn data(&mut self, dir: Dir, offset: u64, window: &Window<'_>, facts: &mut Facts) -> u64 {
        let half = self.halves.of_mut(dir);
        if !half.synchronised {
            half.assembler.rewind(offset);
        }
        let payload = &mut self.payload;
        let inserted = half.assembler.insert(offset, window, &mut |w| payload.feed(w, facts));
        if inserted.dropped > 0 {
            payload.gap(dir, inserted.dropped as u64, facts);
        }
        if let Some(conflict) = inserted.conflict
            && facts.list().iter().filter(|fact| fact.what.kind() == Kind::ConflictingOverlap).count() < MOST_CONFLICTS
        {
            let values = vec![WireStr::new(&conflict.first), WireStr::new(&conflict.then)];
            facts.observe(What::ConflictingOverlap(values), conflict.evidence);
        }
        if inserted.overflow && !facts.has(Kind::Overflow) {
            facts.observe(What::Overflow("reassembly"), window.all());
        }
        if inserted.overflow && self.halves.of(dir).assembler.is_waiting() {
            self.skip_gap(dir, facts);
        }
        self.offer_again(dir.other(), facts);
        self.settle(facts);
        inserted.fresh as u64
    }

    /// The other side's bytes may have become readable by what was just recognised.
    fn offer_again(&mut self, dir: Dir, facts: &mut Facts) {
        let assembler = &mut self.halves.of_mut(dir).assembler;
        let taken = match assembler.front(dir) {
            Some(front) => self.payload.feed(&front, facts),
            None => return,
        };
        assembler.consume(taken);
    }

    fn settle(&mut self, facts: &mut Facts) {
        if !self.done && self.payload.next() == Next::Done {
            self.payload.close(facts);
            self.done = true;
        }
    }

    fn acknowledged(&mut self, dir: Dir, ack: u32) {
        let half = self.halves.of_mut(dir);
        if half.origin.is_some() {
            let (offset, _) = half.place(ack);
            // An acknowledgment far ahead of all data is not one of this stream.
            if offset < half.assembler.next().saturating_add(1 << 28) {
                half.acked = half.acked.max(offset);
            }
        }
    }

    fn give_up_on_holes(&mut self, dir: Dir, facts: &mut Facts) {
        let half = self.halves.of_mut(dir);
        let Some(from) = half.assembler.waiting_from() else {
            half.waited = 0;
            return;
        };
        if half.acked >= from {
            half.waited = half.waited.saturating_add(1);
            if half.waited > PATIENCE {
                half.waited = 0;
                self.skip_gap(dir, facts);
            }
        }
    }

    fn skip_gap(&mut self, dir: Dir, facts: &mut Facts) {
        self.leave(dir);
        let Streams { halves, payload, .. } = self;
        let mut missing = 0;
        let mut after: Option<Evidence> = None;
        // Both closures feed the same payload, one after the other.
        let shared = std::cell::RefCell::new((payload, facts));
        halves.of_mut(dir).assembler.skip_gap(
            dir,
            &mut |n| {
                missing = n;
                let (payload, facts) = &mut *shared.borrow_mut();
                payload.gap(dir, n, facts);
            },
            &mut |w| {
                after.get_or_insert_with(|| w.evidence(0..1));
                let (payload, facts) = &mut *shared.borrow_mut();
                payload.feed(w, facts)
            },
        );
        let (_, facts) = shared.into_inner();
        if let Some(evidence) = after {
            note_gap(facts, missing, evidence);
        }
        self.offer_again(dir.other(), facts);
        self.settle(facts);
    }
}

/// One fact for all gaps of a connection: octets missing in all, and the frames after each.
fn note_gap(facts: &mut Facts, missing: u64, evidence: Evidence) {
    match facts.get_mut(Kind::TcpGap) {
        Some(Fact { what: What::TcpGap(total), evidence: frames, .. }) => {
            *total = total.saturating_add(missing);
            frames.join(&evidence);
        }
        _ => facts.infer(What::TcpGap(missing), evidence),
    }
}

impl Half {
    fn synchronise(&mut self, isn: u32) {
        let first = isn.wrapping_add(1);
        match self.origin {
            // A SYN repeated, or answered twice: the last one before any data is the one that counts.
            Some((seq, _)) if seq != first && self.assembler.is_untouched() => self.start(first, 0),
            Some(_) => {}
            None => self.start(first, 0),
        }
        self.synchronised = true;
    }

    fn start(&mut self, seq: u32, offset: u64) {
        self.origin = Some((seq, offset));
        self.assembler = Assembler::starting_at(offset);
    }

    /// The sequence number of a stream offset.
    #[allow(clippy::cast_possible_truncation)]
    fn seq_of(&self, offset: u64) -> Option<u32> {
        self.origin.map(|(seq, origin)| seq.wrapping_add(offset.wrapping_sub(origin) as u32))
    }

    /// The stream offset of a sequence number: the one nearest to what is expected next, so that numbers may wrap; and how many
    /// octets from there on lie before the start of the stream, as the garbage of a keep-alive does (RFC 9293 §3.8.4).
    fn place(&mut self, seq: u32) -> (u64, u32) {
        if self.origin.is_none() {
            self.start(seq, ASSUMED_START);
        }
        let next = self.assembler.next();
        let next_seq = self.seq_of(next).unwrap_or(seq);
        let ahead = seq.wrapping_sub(next_seq).cast_signed();
        match next.checked_add_signed(i64::from(ahead)) {
            Some(offset) => (offset, 0),
            None => (0, u32::try_from(u64::from(ahead.unsigned_abs()).saturating_sub(next)).unwrap_or(u32::MAX)),
        }
    }
}
