//! Connections that left a shard, put in the order of their first frames within a bound of memory.
//!
//! Connections leave in another order than they are told in, and there may be any number of them. So a few wait in memory, and the earliest
//! of these goes on to the *run* that is being written, which is sorted by that; one that comes after its place was passed waits for the
//! next run (replacement selection). What leaves because the table is full leaves nearly in order, so there are few runs, whatever their
//! length; and when there are many, they are merged into longer ones. What stays in memory of a connection that was written is a sixteenth
//! of an octet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::{FrameNo, Reader};

use super::merge::Merge;
use super::resting::Resting;
use super::spill::{Place, Spill};

/// What a shard keeps of those that left it.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Connections that wait in memory.
    waiting: usize,
    /// Octets that are written, and read, at once.
    block: usize,
    /// So many runs of about one length are merged.
    runs: usize,
}

/// In memory: some 150 KiB of a shard with very many connections.
const BOUNDS: Bounds = Bounds { waiting: 512, block: 16 << 10, runs: 8 };

/// The place of one that waits: in which run, and where there. `at` says where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    run: u64,
    order: (FrameNo, u64),
    at: usize,
}

/// Puts the connections of one shard in order.
#[derive(Debug)]
pub(in crate::flow) struct Runs {
    bounds: Bounds,
    waiting: BinaryHeap<Reverse<Due>>,
    kept: Vec<Resting>,
    /// The number of the run that is being written, and how far it has come.
    run: u64,
    passed: Option<(FrameNo, u64)>,
    writer: Writer,
    /// Those that are complete: first the longer ones.
    runs: Vec<Run>,
    lost: u64,
}

/// Connections in order, in the spill.
#[derive(Debug)]
pub(in crate::flow) struct Run {
    blocks: Vec<Block>,
    /// How often its connections were merged.
    merged: u8,
}

/// Connections that are written and read at once.
#[derive(Clone, Copy, Debug)]
struct Block {
    place: Place,
    connections: u32,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::flow) struct InOrder {
    /// Those that are still in memory, in order.
    pub waiting: Vec<Resting>,
    /// All others.
    pub runs: Vec<Run>,
    /// Connections that could not be read back when runs were merged.
    pub lost: u64,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs::within(BOUNDS)
    }
}

impl Runs {
    fn within(bounds: Bounds) -> Runs {
        Runs {
            bounds,
            waiting: BinaryHeap::new(),
            kept: Vec::new(),
            run: 0,
            passed: None,
            writer: Writer::of(bounds.block),
            runs: Vec::new(),
            lost: 0,
        }
    }

    /// Takes in a connection, in any order.
    pub fn add(&mut self, connection: Resting, spill: &mut Spill) {
        let order = connection.order();
        let late = self.passed.is_some_and(|passed| order < passed);
        let due = Due { run: self.run.saturating_add(u64::from(late)), order, at: self.kept.len() };
        if self.kept.len() < self.bounds.waiting {
            self.waiting.push(Reverse(due));
            self.kept.push(connection);
            return;
        }
        let first = self.waiting.peek_mut().filter(|least| least.0 < due).map(|mut least| {
            let at = least.0.at;
            std::mem::replace(&mut *least, Reverse(Due { at, ..due })).0
        });
        match first.and_then(|first| Some((first.run, self.kept.get_mut(first.at)?))) {
            Some((run, place)) => {
                let first = std::mem::replace(place, connection);
                self.write(run, &first, spill);
            }
            None => self.write(due.run, &connection, spill),
        }
    }

    /// There are no more.
    pub fn finish(mut self, spill: &mut Spill) -> InOrder {
        if self.passed.is_some() {
            self.end_run(spill);
        }
        self.kept.sort_unstable_by_key(Resting::order);
        InOrder { waiting: self.kept, runs: self.runs, lost: self.lost }
    }

    fn write(&mut self, run: u64, connection: &Resting, spill: &mut Spill) {
        if run != self.run {
            self.end_run(spill);
            self.run = run;
        }
        self.passed = Some(connection.order());
        self.writer.put(connection, spill);
    }

    fn end_run(&mut self, spill: &mut Spill) {
        self.runs.push(Run { blocks: self.writer.end(spill), merged: 0 });
        while let Some(merged) = self.runs.last().map(|run| run.merged) {
            let from = self.runs.iter().rposition(|run| run.merged != merged).map_or(0, |at| at + 1);
            if self.runs.len() - from < self.bounds.runs {
                return;
            }
            let runs = self.runs.split_off(from);
            let blocks = self.merge(&runs, spill);
            self.runs.push(Run { blocks, merged: merged.saturating_add(1) });
        }
    }

    fn merge(&mut self, runs: &[Run], spill: &mut Spill) -> Vec<Block> {
        let mut readings: Vec<Reading> = runs.iter().map(|_| Reading::default()).collect();
        let (mut lost, mut writer) = (0, Writer::of(self.bounds.block));
        let mut next = |at: usize, spill: &Spill| {
            let connection = readings.get_mut(at)?.next(runs.get(at)?, spill, &mut lost)?;
            Some((connection.order(), connection))
        };
        let mut merge = Merge::new((0..runs.len()).map(|at| next(at, spill)));
        while let Some(connection) = merge.next(|at| next(at, spill)) {
            writer.put(&connection, spill);
        }
        self.lost = self.lost.saturating_add(lost);
        writer.end(spill)
    }
}

/// Writes a run.
#[derive(Debug)]
struct Writer {
    most: usize,
    bytes: Vec<u8>,
    connections: u32,
    blocks: Vec<Block>,
}

impl Writer {
    fn of(most: usize) -> Writer {
        Writer { most, bytes: Vec::new(), connections: 0, blocks: Vec::new() }
    }

    fn put(&mut self, connection: &Resting, spill: &mut Spill) {
        connection.freeze(&mut self.bytes);
        self.connections = self.connections.saturating_add(1);
        if self.bytes.len() >= self.most {
            self.store(spill);
        }
    }

    fn store(&mut self, spill: &mut Spill) {
        let place = spill.store(|out| out.extend_from_slice(&self.bytes));
        self.blocks.push(Block { place, connections: std::mem::take(&mut self.connections) });
        self.bytes.clear();
    }

    /// All of the run that was written.
    fn end(&mut self, spill: &mut Spill) -> Vec<Block> {
        if !self.bytes.is_empty() {
            self.store(spill);
        }
        std::mem::take(&mut self.blocks)
    }
}

/// Reads a run from its beginning.
#[derive(Debug, Default)]
pub(in crate::flow) struct Reading {
    /// Blocks that were begun.
    blocks: usize,
    bytes: Vec<u8>,
    at: usize,
    /// Connections of the block that is read, which were not given yet.
    left: u32,
}

impl Reading {
    /// The connection after the one that was given last. Those that cannot be read are counted as lost.
    pub fn next(&mut self, run: &Run, spill: &Spill, lost: &mut u64) -> Option<Resting> {
        loop {
            if self.left > 0 {
                let mut reader = Reader::new(self.bytes.get(self.at..).unwrap_or_default());
                if let Some(connection) = Resting::thaw(&mut reader) {
                    self.at += reader.position();
                    self.left -= 1;
                    return Some(connection);
                }
                *lost = lost.saturating_add(u64::from(std::mem::take(&mut self.left)));
            }
            let block = run.blocks.get(self.blocks)?;
            self.blocks += 1;
            (self.at, self.left) = (0, block.connections);
            spill.read(block.place, &mut self.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
