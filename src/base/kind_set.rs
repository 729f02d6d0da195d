//! Which kinds of facts there are: most questions are for facts that are not there.

use super::Kind;

/// A set of kinds of facts.
#[derive(Clone, Copy, Debug, Default)]
pub struct KindSet([u64; KindSet::WORDS]);

impl KindSet {
    const WORDS: usize = Kind::ALL.len().div_ceil(64);

    fn place(kind: Kind) -> (usize, u64) {
        (kind as usize / 64, 1 << (kind as usize % 64))
    }

    pub(super) fn insert(&mut self, kind: Kind) {
        let (word, bit) = KindSet::place(kind);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    pub(super) fn remove(&mut self, kind: Kind) {
        let (word, bit) = KindSet::place(kind);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Whether a kind is in both.
    pub(super) fn meets(self, other: KindSet) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    pub(super) fn holds(self, kind: Kind) -> bool {
        let (word, bit) = KindSet::place(kind);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> KindSet {
        let mut set = KindSet::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}
