//! Records that came before their keys, where these may still come: a program writes its key log beside its packets.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Stitched, Window};

/// Octets that wait at most, of all connections together.
const MOST: u64 = 64 * 1024 * 1024;
/// What a record that waits takes beside its octets, roughly: its frames, and its place in the list.
const BESIDE: u64 = 256;

/// Room for what waits, shared by all connections.
#[derive(Debug)]
pub struct Patience {
    left: AtomicU64,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience::of(MOST)
    }
}

impl Patience {
    /// Room for so many octets.
    #[must_use]
    pub fn of(octets: u64) -> Patience {
        Patience { left: AtomicU64::new(octets) }
    }

    fn take(&self, octets: u64) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(octets)).is_ok()
    }

    fn give(&self, octets: u64) {
        self.left.fetch_add(octets, Ordering::AcqRel);
    }
}

/// What waits in one connection, in the order it came, each with what its reader needs to know.
pub(in crate::dissect) struct Waiting<T> {
    room: Arc<Patience>,
    list: Vec<(T, Stitched)>,
    octets: u64,
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting({})", self.list.len())
    }
}

impl<T> Waiting<T> {
    pub fn new(room: Arc<Patience>) -> Waiting<T> {
        Waiting { room, list: Vec::new(), octets: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Keeps a copy; `false` when there is no room.
    pub fn push(&mut self, about: T, window: &Window<'_>) -> bool {
        let octets = window.bytes.len() as u64 + BESIDE;
        if !self.room.take(octets) {
            return false;
        }
        self.octets = self.octets.saturating_add(octets);
        let mut copy = Stitched::new();
        copy.push(window);
        self.list.push((about, copy));
        true
    }

    /// All that waits; its room is free again.
    pub fn take(&mut self) -> Vec<(T, Stitched)> {
        self.room.give(std::mem::take(&mut self.octets));
        std::mem::take(&mut self.list)
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        self.take();
    }
}
