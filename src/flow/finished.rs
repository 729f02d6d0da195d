//! The connections of a finished capture, in the order of their first frames.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Facts, FrameNo, Reader, What};
use crate::source::PartOf;

use super::merge::Merge;
use super::resting::{Resting, tells};
use super::runs::{Reading, Run};
use super::spill::{Ahead, Spill};
use super::{Connection, SHARDS, TableCounts};

/// Every connection of a capture, waiting in compact form. One worker's, or several joined.
#[derive(Debug, Default)]
pub struct Finished {
    shards: Vec<RestingShard>,
    counts: TableCounts,
    /// Connections that could not be read back from the temporary file.
    lost: AtomicU64,
    /// Of a part of a capture: only its connections are given, the others tell of them.
    part: Option<PartOf>,
}

/// The connections of one shard.
#[derive(Debug)]
pub(in crate::flow) struct RestingShard {
    /// Some of them, in order, those among them whose facts are at hand.
    pub waiting: Vec<Resting>,
    /// All others.
    pub runs: Vec<Run>,
    /// How many there are.
    pub connections: usize,
    pub spill: Spill,
    /// Connections whose reading failed.
    pub failed: u64,
    /// Connections that could not be read back.
    pub lost: u64,
}

/// A connection whose turn it is: itself, or the number of one that waits in memory.
#[allow(clippy::large_enum_variant, reason = "one at a time, taken apart at once")]
enum Due {
    Stored(Resting),
    Waiting(usize),
}

/// By first frame; of connections that one frame began (aggregated frames), by shard and then as they came: a total order that does not
/// depend on who tracked what.
type Rank = (FrameNo, usize, u64);

/// All connections in order.
struct InOrder {
    sequences: Vec<Sequence>,
    merge: Merge<Rank>,
    /// What could not be read.
    lost: u64,
}

/// Connections of one shard, in order.
struct Sequence {
    shard: usize,
    from: From,
}

enum From {
    /// Those in memory, up to this one.
    Waiting(usize),
    /// One of its runs.
    Run(usize, Reading),
}

impl Sequence {
    /// The rank of the one after this one, whose turn it is then.
    fn next(&mut self, shards: &[RestingShard], lost: &mut u64) -> Option<Rank> {
        let shard = shards.get(self.shard)?;
        let (first_frame, nth) = match &mut self.from {
            From::Waiting(next) => {
                *next += 1;
                shard.waiting.get(*next - 1)?.order()
            }
            From::Run(run, reading) => reading.next(shard.runs.get(*run)?, &shard.spill, lost)?,
        };
        Some((first_frame, self.shard % SHARDS, nth))
    }
}

impl InOrder {
    fn new(shards: &[RestingShard], part: Option<PartOf>) -> InOrder {
        let of = |(at, shard): (usize, &RestingShard)| {
            let runs = 0..shard.runs.len();
            let from = std::iter::once(From::Waiting(0)).chain(runs.map(|run| From::Run(run, Reading::default())));
            from.map(move |from| Sequence { shard: at, from }).collect::<Vec<_>>()
        };
        let mut sequences: Vec<Sequence> = shards.iter().enumerate().filter(|(at, _)| is_held(part, *at)).flat_map(of).collect();
        let mut lost = 0;
        let merge = Merge::new(sequences.iter_mut().map(|sequence| sequence.next(shards, &mut lost)));
        InOrder { sequences, merge, lost }
    }

    /// The next connection, and whose it is.
    fn next(&mut self, shards: &[RestingShard]) -> Option<(usize, Due)> {
        loop {
            let sequence = self.sequences.get_mut(self.merge.turn()?)?;
            let due = match &sequence.from {
                From::Waiting(next) => Some(Due::Waiting(next.saturating_sub(1))),
                From::Run(_, reading) => reading.connection().map(Due::Stored),
            };
            let shard = sequence.shard;
            self.merge.went_on(sequence.next(shards, &mut self.lost));
            match due {
                Some(due) => return Some((shard, due)),
                None => self.lost = self.lost.saturating_add(1),
            }
        }
    }
}

fn is_held(part: Option<PartOf>, shard: usize) -> bool {
    part.is_none_or(|part| part.holds(shard % SHARDS))
}

impl Finished {
    pub(in crate::flow) fn new(shards: Vec<RestingShard>, counts: TableCounts) -> Finished {
        let lost = shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.lost));
        Finished { shards, counts, lost: AtomicU64::new(lost), part: None }
    }

    /// Adds another worker's connections.
    pub fn join(&mut self, other: Finished) {
        self.shards.extend(other.shards);
        self.counts.add(other.counts);
        self.lose(other.lost.into_inner());
    }

    /// Leaves only the connections of a part of a capture, where it is one.
    #[must_use]
    pub fn of_part(mut self, part: Option<PartOf>) -> Finished {
        self.part = part;
        self
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().enumerate().filter(|(at, _)| is_held(self.part, *at)).map(|(_, shard)| shard.connections).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the table did, and how many connections could not be read back so far.
    #[must_use]
    pub fn counts(&self) -> TableCounts {
        TableCounts { lost: self.lost.load(Ordering::Relaxed), ..self.counts }
    }

    /// The connections, by first frame.
    pub fn iter(&self) -> impl Iterator<Item = Connection> {
        let (mut order, mut aheads) = (InOrder::new(&self.shards, self.part), self.aheads());
        std::iter::from_fn(move || {
            let (shard, due) = self.due(&mut order)?;
            let resting = match due {
                Due::Stored(stored) => stored,
                Due::Waiting(at) => self.shards.get(shard)?.waiting.get(at)?.clone(),
            };
            Some(self.thaw(shard, resting, aheads.get_mut(shard)?))
        })
    }

    /// As [`Finished::iter`], for whoever asks for them once: facts that are at hand are given away and not copied.
    pub fn give(&mut self) -> impl Iterator<Item = Connection> {
        let (mut order, mut aheads) = (InOrder::new(&self.shards, self.part), self.aheads());
        std::iter::from_fn(move || {
            let (shard, due) = self.due(&mut order)?;
            let resting = match due {
                Due::Stored(stored) => stored,
                Due::Waiting(at) => {
                    let waiting = self.shards.get_mut(shard)?.waiting.get_mut(at)?;
                    let facts = std::mem::take(&mut waiting.flow.facts);
                    let Resting { nth, tells, facts: place, ref flow } = *waiting;
                    Resting { nth, tells, facts: place, flow: Connection { facts, ..flow.clone() } }
                }
            };
            Some(self.thaw(shard, resting, aheads.get_mut(shard)?))
        })
    }

    /// Shows the connections whose facts say something about other connections, with at least those facts.
    pub fn telling_of_others(&self, mut show: impl FnMut(&Connection)) {
        let (mut order, mut aheads) = (InOrder::new(&self.shards, None), self.aheads());
        // Whoever asks for all of them counts what cannot be read.
        while let Some((at, due)) = order.next(&self.shards) {
            let Some((shard, ahead)) = self.shards.get(at).zip(aheads.get_mut(at)) else { continue };
            let resting = match due {
                Due::Stored(stored) if stored.tells => stored,
                Due::Waiting(at) if let Some(waiting) = shard.waiting.get(at).filter(|waiting| waiting.tells) => {
                    // Facts that are at hand are shown where they are.
                    if waiting.facts.is_none() {
                        show(&waiting.flow);
                        continue;
                    }
                    waiting.clone()
                }
                _ => continue,
            };
            let mut connection = resting.flow;
            let facts = resting.facts.and_then(|place| Facts::thaw_only(&mut Reader::new(shard.spill.load(place, ahead)), tells));
            connection.facts = facts.unwrap_or_default();
            show(&connection);
        }
    }

    fn due(&self, order: &mut InOrder) -> Option<(usize, Due)> {
        let due = order.next(&self.shards);
        self.lose(std::mem::take(&mut order.lost));
        due
    }

    fn lose(&self, connections: u64) {
        if connections > 0 {
            self.lost.fetch_add(connections, Ordering::Relaxed);
        }
    }

    fn aheads(&self) -> Vec<Ahead> {
        let mut aheads = Vec::new();
        aheads.resize_with(self.shards.len(), Ahead::default);
        aheads
    }

    /// With its facts, where they are in the spill.
    fn thaw(&self, shard: usize, resting: Resting, ahead: &mut Ahead) -> Connection {
        let mut connection = resting.flow;
        if let Some((place, shard)) = resting.facts.zip(self.shards.get(shard)) {
            match Facts::thaw(&mut Reader::new(shard.spill.load(place, ahead))) {
                Some(facts) => connection.facts = facts,
                None => {
                    self.lose(1);
                    let opening = connection.opening();
                    connection.facts.observe(What::InternalError(true), opening);
                }
            }
        }
        connection
    }
}
