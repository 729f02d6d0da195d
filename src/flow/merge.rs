//! Several ordered sequences made one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Which of several sequences goes on, each of which ascends by its keys: the one with the least key, of equal ones the first.
#[derive(Debug)]
pub(in crate::flow) struct Merge<K> {
    least: BinaryHeap<Reverse<(K, usize)>>,
}

impl<K: Ord> Merge<K> {
    /// Sequences that begin with these keys; `None` for an empty one.
    pub fn new(firsts: impl Iterator<Item = Option<K>>) -> Merge<K> {
        let keyed = firsts.enumerate().filter_map(|(at, key)| Some(Reverse((key?, at))));
        Merge { least: keyed.collect() }
    }

    /// The number of the sequence whose turn it is.
    pub fn turn(&self) -> Option<usize> {
        self.least.peek().map(|Reverse((_, at))| *at)
    }

    /// That sequence goes on with this key, or is at its end.
    pub fn went_on(&mut self, key: Option<K>) {
        let Some(mut least) = self.least.peek_mut() else { return };
        match key {
            Some(key) => least.0.0 = key,
            None => drop(PeekMut::pop(least)),
        }
    }
}
