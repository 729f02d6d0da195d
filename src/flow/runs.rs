//! Connections that left a shard, put in the order of their first frames within a bound of memory.
//!
//! Connections leave in another order than they are told in, and there may be any number of them. So a few wait in memory, and the earliest
//! of these goes on to the *run* that is being written, which is sorted by that; one that comes after its place was passed waits for the
//! next run (replacement selection). What leaves because the table is full leaves nearly in order, so there are few runs, whatever their
//! length; and when there are many, they are merged into longer ones. What stays in memory of a connection that was written is a sixteenth
//! of an octet.

use std::collections::VecDeque;
use std::ops::Range;

use crate::base::Reader;

use super::merge::Merge;
use super::resting::{Order, Resting};
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
    order: Order,
    at: usize,
}

/// Puts the connections of one shard in order.
#[derive(Debug)]
pub(in crate::flow) struct Runs {
    bounds: Bounds,
    /// In order: those that come in order are put behind it.
    waiting: VecDeque<Due>,
    kept: Vec<Resting>,
    /// The number of the run that is being written, and how far it has come.
    run: u64,
    passed: Option<Order>,
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
            waiting: VecDeque::new(),
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
            self.wait(due);
            self.kept.push(connection);
            return;
        }
        match self.waiting.front().copied().filter(|first| *first < due) {
            Some(first) => {
                self.waiting.pop_front();
                self.wait(Due { at: first.at, ..due });
                self.begin(first, spill);
                if let Some(place) = self.kept.get_mut(first.at) {
                    self.writer.put(place, spill);
                    *place = connection;
                }
            }
            None => {
                self.begin(due, spill);
                self.writer.put(&connection, spill);
            }
        }
    }

    fn wait(&mut self, due: Due) {
        match self.waiting.back() {
            Some(last) if due < *last => self.waiting.insert(self.waiting.partition_point(|other| *other < due), due),
            _ => self.waiting.push_back(due),
        }
    }

    /// There are no more.
    pub fn finish(mut self, spill: &mut Spill) -> InOrder {
        if self.passed.is_some() {
            // Not merged with others: all are, as they are read.
            self.runs.push(Run { blocks: self.writer.end(spill), merged: 0 });
        }
        self.kept.sort_unstable_by_key(Resting::order);
        InOrder { waiting: self.kept, runs: self.runs, lost: self.lost }
    }

    /// This one is written now: to the next run, where it is of that.
    fn begin(&mut self, due: Due, spill: &mut Spill) {
        if due.run != self.run {
            self.end_run(spill);
            self.run = due.run;
        }
        self.passed = Some(due.order);
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
        let mut next = |reading: &mut Reading, run: &Run, spill: &Spill| reading.next(run, spill, &mut lost);
        let mut merge = Merge::new(readings.iter_mut().zip(runs).map(|(reading, run)| next(reading, run, spill)));
        while let Some(at) = merge.turn() {
            let (Some(reading), Some(run)) = (readings.get_mut(at), runs.get(at)) else { break };
            writer.copy(reading.bytes(), spill);
            merge.went_on(next(reading, run, spill));
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
        let begin = self.bytes.len();
        // The octet before each says how long it is.
        self.bytes.push(0);
        connection.freeze(&mut self.bytes);
        let length = u8::try_from(self.bytes.len() - begin - 1).unwrap_or(u8::MAX);
        if let Some(place) = self.bytes.get_mut(begin) {
            *place = length;
        }
        self.wrote(spill);
    }

    /// One that is frozen already.
    fn copy(&mut self, frozen: &[u8], spill: &mut Spill) {
        self.bytes.push(u8::try_from(frozen.len()).unwrap_or(u8::MAX));
        self.bytes.extend_from_slice(frozen);
        self.wrote(spill);
    }

    fn wrote(&mut self, spill: &mut Spill) {
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
    block: Vec<u8>,
    /// Where in the block the connection is whose turn it is.
    at: Range<usize>,
    /// Connections of the block that come after it.
    left: u32,
}

impl Reading {
    /// Goes on to the next connection, and tells its place in the order. Those that cannot be read are counted as lost.
    pub fn next(&mut self, run: &Run, spill: &Spill, lost: &mut u64) -> Option<Order> {
        loop {
            if self.left > 0 {
                let begin = self.at.end + 1;
                let length = self.block.get(self.at.end).map_or(0, |length| usize::from(*length));
                self.at = begin..begin + length;
                if let Some(order) = Resting::order_of(self.bytes()) {
                    self.left -= 1;
                    return Some(order);
                }
                *lost = lost.saturating_add(u64::from(std::mem::take(&mut self.left)));
            }
            let block = run.blocks.get(self.blocks)?;
            self.blocks += 1;
            (self.at, self.left) = (0..0, block.connections);
            spill.read(block.place, &mut self.block);
        }
    }

    /// The connection whose turn it is.
    pub fn connection(&self) -> Option<Resting> {
        Resting::thaw(&mut Reader::new(self.bytes()))
    }

    fn bytes(&self) -> &[u8] {
        self.block.get(self.at.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
