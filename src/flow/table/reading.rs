//! How many connections are read at once.

use super::{Flow, Payload, Shard};

/// Of so many connections that the table may hold, the payload of one is read at a time: reading takes some ten times the memory of counting.
const READ_OF: usize = 32;
/// But of so many in each shard at least.
const FEWEST_READ: usize = 64;

/// How many connections of a shard with so much room are read at a time.
pub(super) fn most(capacity: usize) -> usize {
    capacity.div_ceil(READ_OF).max(FEWEST_READ)
}

impl<S: Payload, D: Payload> Shard<S, D> {
    /// Keeps the number of flows that are read within its bound: the one that was silent for the longest is read no further.
    pub(super) fn read_fewer(&mut self) {
        // Two rounds: the first may find that every one was read lately.
        for _ in 0..self.read.len() * 2 {
            if self.read.len() <= self.most_read {
                return;
            }
            let Some((slot, first)) = self.read.pop_front() else { return };
            let is_it = |flow: &&mut Flow<S, D>| flow.first_frame == first && flow.reading.is_active();
            let Some(flow) = self.flows.get_mut(slot as usize).filter(is_it) else { continue };
            if std::mem::take(&mut flow.lately) {
                self.read.push_back((slot, first));
                continue;
            }
            self.failed += u64::from(flow.close());
            flow.given_up = true;
            match self.over {
                None => drop(flow.rest(&mut self.spill)),
                Some(_) => flow.pack(),
            }
        }
    }
}
