//! Counting connections: by grade, and by anything else within bounds.

use std::collections::BTreeMap;

use super::Citations;
use crate::assess::Grade;

/// Something counted by grade: connections, or octets of their payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByGrade([u64; Grade::ALL.len()]);

impl ByGrade {
    /// Adds to one grade.
    pub fn add(&mut self, grade: Grade, n: u64) {
        if let Some(count) = self.0.get_mut(grade as usize) {
            *count = count.saturating_add(n);
        }
    }

    /// Adds all that another one counted.
    pub fn join(&mut self, other: &ByGrade) {
        Grade::ALL.into_iter().for_each(|grade| self.add(grade, other.of(grade)));
    }

    /// How many of this grade.
    #[must_use]
    pub fn of(&self, grade: Grade) -> u64 {
        self.0.get(grade as usize).copied().unwrap_or(0)
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many were judged: all but `unknown` and `none`.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.total() - self.of(Grade::Unknown) - self.of(Grade::None)
    }

    /// The grade of the group: the first that occurs among the judged, in the order exposed, weak, custom, protected; `unknown` only
    /// when nothing was judged, `none` only when there was nothing to judge (contract §2, Groups).
    #[must_use]
    pub fn group(&self) -> Grade {
        Grade::ALL.into_iter().find(|grade| self.of(*grade) > 0).unwrap_or(Grade::None)
    }

    /// The share of one grade in thousandths, rounded down: 1000 means all.
    #[must_use]
    pub fn thousandths(&self, grade: Grade) -> u64 {
        thousandths(self.of(grade), self.total())
    }
}

/// A share in thousandths, rounded down: 1000 means all. 0 of 0 is 0.
#[must_use]
pub fn thousandths(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// How often something was seen, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many connections.
    pub connections: u64,
    /// The frames.
    pub cited: Citations,
}

/// Things counted within bounds: what finds no room is counted together.
#[derive(Clone, Debug)]
pub struct Counts<K> {
    map: BTreeMap<K, Counted>,
    room: usize,
    left_out: u64,
}

impl<K: Ord> Counts<K> {
    /// Nothing yet, with room for so many different things.
    #[must_use]
    pub fn with_room(room: usize) -> Counts<K> {
        Counts { map: BTreeMap::new(), room, left_out: 0 }
    }

    /// Counts one connection.
    pub fn add(&mut self, key: K, cited: &Citations) {
        if self.map.len() >= self.room && !self.map.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let counted = self.map.entry(key).or_default();
        counted.connections = counted.connections.saturating_add(1);
        counted.cited.extend(cited);
    }

    /// What was counted, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Counted)> {
        self.map.iter()
    }

    /// What was counted: the most frequent first, of equally frequent ones by key.
    #[must_use]
    pub fn most_first(&self) -> Vec<(&K, &Counted)> {
        let mut all: Vec<(&K, &Counted)> = self.map.iter().collect();
        all.sort_by_key(|(_, counted)| std::cmp::Reverse(counted.connections));
        all
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&Counted> {
        self.map.get(key)
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty() && self.left_out == 0
    }

    /// How many different things found room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// How many times something found no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[(Grade, u64)]) -> ByGrade {
        let mut by_grade = ByGrade::default();
        counts.iter().for_each(|&(grade, n)| by_grade.add(grade, n));
        by_grade
    }

    #[test]
    fn the_grade_of_a_group_is_the_first_that_occurs_and_unknown_only_when_nothing_was_judged() {
        use Grade::{Custom, Exposed, None, Protected, Unknown, Weak};
        for (counts, grade) in [
            (&[(Protected, 99), (Custom, 1)][..], Custom),
            (&[(Custom, 5), (Weak, 1)], Weak),
            (&[(Weak, 5), (Exposed, 1), (Unknown, 9)], Exposed),
            (&[(Unknown, 99), (Protected, 1)], Protected),
            (&[(Unknown, 1), (None, 9)], Unknown),
            (&[(None, 9)], None),
            (&[], None),
        ] {
            assert_eq!(of(counts).group(), grade, "{counts:?}");
        }
    }

    #[test]
    fn shares_round_down_so_that_1000_means_all() {
        assert_eq!(of(&[(Grade::Protected, 9_999_999), (Grade::Exposed, 1)]).thousandths(Grade::Protected), 999);
        assert_eq!(of(&[(Grade::Protected, u64::MAX)]).thousandths(Grade::Protected), 1000);
        assert_eq!(of(&[]).thousandths(Grade::Protected), 0);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut counts = Counts::with_room(2);
        ["a", "b", "c", "a"].into_iter().for_each(|key| counts.add(key, &Citations::default()));
        assert_eq!((counts.len(), counts.left_out()), (2, 1));
        assert_eq!(counts.most_first().first().map(|(key, counted)| (**key, counted.connections)), Some(("a", 2)));
    }
}
