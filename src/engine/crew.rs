//! Who reads the payload of a running capture: the calling thread itself, or several threads that each own some of the 64 virtual shards of
//! the flow table. Either way the same is told, in the same order: that of the shards, and at the end that of first frames.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::{Batch, Held, IN_FLIGHT, Options, Table, hold, release};
use crate::base::Timestamp;
use crate::dissect::Equipment;
use crate::flow::{Connection, Left, SHARDS, Seen, TableCounts};
use crate::link::Packet;
use crate::source::Chunk;

/// Connections that are told together, and how many such batches of one thread may wait: a thread that is ahead of the calling one waits.
const TOLD: usize = 64;
const AHEAD: usize = 4;

/// The connections of a running capture.
pub(super) trait Tables {
    /// Takes a packet of a frame of this chunk.
    fn packet(&mut self, packet: &Packet<'_>, chunk: &Chunk, frame: usize);
    /// All packets of the chunk were handed over. Returns the one to fill next.
    fn next(&mut self, chunk: Chunk) -> Chunk;
    /// See [`FlowTable::tend`](crate::flow::FlowTable::tend); returns what was done so far.
    fn tend(&mut self, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) -> TableCounts;
    /// See [`FlowTable::end`](crate::flow::FlowTable::end).
    fn end(self, tell: &mut dyn FnMut(Seen)) -> TableCounts;
}

/// On the calling thread: what a chunk holds is still in the processor's cache when its payload is read.
impl Tables for Table {
    fn packet(&mut self, packet: &Packet<'_>, _: &Chunk, _: usize) {
        Table::packet(self, packet);
    }

    fn next(&mut self, chunk: Chunk) -> Chunk {
        chunk
    }

    fn tend(&mut self, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) -> TableCounts {
        Table::tend(self, now, changes, tell);
        self.counts()
    }

    fn end(self, tell: &mut dyn FnMut(Seen)) -> TableCounts {
        Table::end(self, tell)
    }
}

/// What a thread is asked for, in the order in which it is done.
enum Task {
    Read(Arc<Batch>),
    Tend { now: Timestamp, changes: bool },
    End,
}

/// What a thread answers.
enum Told {
    /// Of the shard that is its turn; with `true` that was all.
    Shard(Vec<Seen>, bool),
    /// Connections that were left, in their order.
    Left(Vec<(Left, Connection)>),
    /// That was all; what the thread's table did.
    Counts(TableCounts),
}

/// Several threads. The queue to each is bounded: when one is full, the calling thread waits, and what the kernel then cannot keep it counts.
pub(super) struct Crew<'scope> {
    workers: Vec<Worker<'scope>>,
    /// Packets of the chunk at hand, and which thread reads each.
    packets: Vec<(u8, Held)>,
    sent: VecDeque<Arc<Batch>>,
}

struct Worker<'scope> {
    tasks: SyncSender<Task>,
    told: Receiver<Told>,
    handle: ScopedJoinHandle<'scope, ()>,
    /// Connections that were left and are not passed on yet.
    left: VecDeque<(Left, Connection)>,
    counts: Option<TableCounts>,
}

impl<'scope> Crew<'scope> {
    /// Starts the threads: more than one, and no more than shards.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, workers: usize, options: Options, equipment: &'env Equipment) -> Crew<'scope> {
        let workers = workers.min(SHARDS);
        let start = |mine| {
            let (tasks, receiver) = sync_channel(IN_FLIGHT);
            let (sender, told) = sync_channel(AHEAD);
            let handle = scope.spawn(move || work(&receiver, Outbox::new(sender), options, equipment, mine, workers));
            Worker { tasks, told, handle, left: VecDeque::new(), counts: None }
        };
        Crew { workers: (0..workers).map(start).collect(), packets: Vec::new(), sent: VecDeque::new() }
    }

    fn ask(&mut self, task: impl Fn() -> Task) {
        if self.workers.iter().any(|worker| worker.tasks.send(task()).is_err()) {
            self.fail();
        }
    }

    /// A thread is gone, which is a fault of this program: it becomes one of the calling thread.
    fn fail(&mut self) {
        // Without their channels the others end, too.
        let handles: Vec<_> = self.workers.drain(..).map(|worker| worker.handle).collect();
        for handle in handles {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Passes on what the shards have to tell, in their order.
    fn shards(&mut self, tell: &mut dyn FnMut(Seen)) {
        for at in 0..SHARDS {
            loop {
                let Some(worker) = self.workers.get(at % self.workers.len().max(1)) else { return };
                let Ok(Told::Shard(seen, is_all)) = worker.told.recv() else { return self.fail() };
                seen.into_iter().for_each(&mut *tell);
                if is_all {
                    break;
                }
            }
        }
    }

    /// Waits for what the threads counted, and for connections that were left where some are not known yet.
    fn hear(&mut self) {
        let gone = self.workers.iter_mut().any(|worker| {
            while worker.left.is_empty() && worker.counts.is_none() {
                match worker.told.recv() {
                    Ok(Told::Left(left)) => worker.left.extend(left),
                    Ok(Told::Counts(counts)) => worker.counts = Some(counts),
                    Ok(Told::Shard(..)) | Err(_) => return true,
                }
            }
            false
        });
        if gone {
            self.fail();
        }
    }

    fn counts(&mut self) -> TableCounts {
        let mut all = TableCounts::default();
        self.workers.iter_mut().filter_map(|worker| worker.counts.take()).for_each(|counts| all.add(counts));
        all
    }
}

impl Tables for Crew<'_> {
    fn packet(&mut self, packet: &Packet<'_>, chunk: &Chunk, frame: usize) {
        let shard = Table::shard_of(packet).unwrap_or(0);
        let worker = u8::try_from(shard % self.workers.len().max(1)).unwrap_or(0);
        self.packets.push((worker, hold(packet, chunk, frame)));
    }

    fn next(&mut self, chunk: Chunk) -> Chunk {
        if self.packets.is_empty() {
            return chunk;
        }
        let batch = Arc::new(Batch { chunk, packets: std::mem::take(&mut self.packets) });
        self.ask(|| Task::Read(Arc::clone(&batch)));
        self.sent.push_back(batch);
        // The buffers of a batch that every thread is done with are used again.
        let Some(done) = self.sent.front_mut().and_then(Arc::get_mut).map(std::mem::take) else { return Chunk::default() };
        self.sent.pop_front();
        self.packets = done.packets;
        self.packets.clear();
        done.chunk
    }

    fn tend(&mut self, now: Timestamp, changes: bool, tell: &mut dyn FnMut(Seen)) -> TableCounts {
        self.ask(|| Task::Tend { now, changes });
        self.shards(tell);
        self.hear();
        self.counts()
    }

    fn end(mut self, tell: &mut dyn FnMut(Seen)) -> TableCounts {
        self.ask(|| Task::End);
        self.shards(tell);
        loop {
            self.hear();
            let first = self
                .workers
                .iter_mut()
                .filter(|worker| !worker.left.is_empty())
                .min_by_key(|worker| worker.left.front().map(|(left, _)| *left));
            let Some((_, connection)) = first.and_then(|worker| worker.left.pop_front()) else { break };
            tell(Seen::Over(connection));
        }
        self.counts()
    }
}

/// What a thread has to tell, on its way.
struct Outbox {
    to: SyncSender<Told>,
    seen: Vec<Seen>,
}

impl Outbox {
    fn new(to: SyncSender<Told>) -> Outbox {
        Outbox { to, seen: Vec::new() }
    }

    fn see(&mut self, seen: Seen) {
        self.seen.push(seen);
        if self.seen.len() >= TOLD {
            self.shard(false);
        }
    }

    fn shard(&mut self, is_all: bool) {
        let seen = std::mem::take(&mut self.seen);
        self.send(Told::Shard(seen, is_all));
    }

    fn send(&self, told: Told) {
        // Whoever would hear it is gone, and so will be this thread.
        let _ = self.to.send(told);
    }
}

fn work(tasks: &Receiver<Task>, mut out: Outbox, options: Options, equipment: &Equipment, mine: usize, workers: usize) {
    let mut table = Table::running(options.limits, equipment.makers());
    let own = u8::try_from(mine).unwrap_or(0);
    let shards = || (mine..SHARDS).step_by(workers.max(1));
    for task in tasks {
        match task {
            Task::Read(batch) => {
                for (_, held) in batch.packets.iter().filter(|(worker, _)| *worker == own) {
                    release(held, &batch.chunk, |packet| table.packet(packet));
                }
            }
            Task::Tend { now, changes } => {
                for at in shards() {
                    table.tend_shard(at, now, changes, &mut |seen| out.see(seen));
                    out.shard(true);
                }
                out.send(Told::Counts(table.counts()));
            }
            Task::End => {
                let mut left: Vec<Left> = Vec::new();
                for at in shards() {
                    left.extend(table.end_shard(at, &mut |seen| out.see(seen)));
                    out.shard(true);
                }
                left.sort_unstable();
                for some in left.chunks(TOLD) {
                    out.send(Told::Left(some.iter().filter_map(|&left| Some((left, table.end_with(left)?))).collect()));
                }
                out.send(Told::Counts(table.counts()));
                return;
            }
        }
    }
}
