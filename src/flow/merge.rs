//! Several ordered sequences made one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// The items of several sequences, each of which ascends by its keys: the least first, of equal ones that of the first sequence. Only the
/// first item of each sequence is held.
#[derive(Debug)]
pub(in crate::flow) struct Merge<K, T> {
    heads: Vec<Option<T>>,
    least: BinaryHeap<Reverse<(K, usize)>>,
}

impl<K: Ord, T> Merge<K, T> {
    /// Sequences that begin with these items, and their keys.
    pub fn new(firsts: impl Iterator<Item = Option<(K, T)>>) -> Merge<K, T> {
        let (mut heads, mut least) = (Vec::new(), Vec::new());
        for (at, first) in firsts.enumerate() {
            let (key, item) = first.unzip();
            least.extend(key.map(|key| Reverse((key, at))));
            heads.push(item);
        }
        Merge { heads, least: BinaryHeap::from(least) }
    }

    /// The least item of all; `following` tells the next one of the sequence with a number.
    pub fn next(&mut self, following: impl FnOnce(usize) -> Option<(K, T)>) -> Option<T> {
        let mut least = self.least.peek_mut()?;
        let Reverse((_, at)) = *least;
        let (key, item) = following(at).unzip();
        match key {
            Some(key) => *least = Reverse((key, at)),
            None => drop(PeekMut::pop(least)),
        }
        std::mem::replace(self.heads.get_mut(at)?, item)
    }
}
