//! When connections began, in a bounded number of stretches of equal length.

use std::collections::BTreeMap;

use super::ByGrade;
use crate::assess::Grade;
use crate::base::Timestamp;

/// The most stretches from the first to the last, empty ones included.
const MOST: i64 = 48;
/// The shortest stretch.
const SHORTEST: i64 = 1_000_000_000;
/// Lengths that people read easily, in seconds: each a multiple of the one before.
const STEPS: &[i64] = &[1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

/// Connections by when they began and how they were graded. Which connection comes first does not matter.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Nanoseconds of a stretch.
    width: i64,
    /// By the place of the stretch since the epoch.
    stretches: BTreeMap<i64, ByGrade>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { width: SHORTEST, stretches: BTreeMap::new() }
    }
}

impl Timeline {
    /// Counts a connection.
    pub fn add(&mut self, start: Timestamp, grade: Grade) {
        let at = start.nanos().div_euclid(self.width);
        self.stretches.entry(at).or_default().add(grade, 1);
        while self.span() > MOST {
            self.widen();
        }
    }

    /// How many stretches there are from the first to the last.
    fn span(&self) -> i64 {
        match (self.stretches.first_key_value(), self.stretches.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last.saturating_sub(*first).saturating_add(1),
            _ => 0,
        }
    }

    fn widen(&mut self) {
        let seconds = self.width / SHORTEST;
        let next = STEPS.iter().copied().find(|step| *step > seconds).unwrap_or_else(|| seconds.saturating_mul(2));
        let by = (next / seconds.max(1)).max(2);
        self.width = self.width.saturating_mul(by);
        for (at, counts) in std::mem::take(&mut self.stretches) {
            self.stretches.entry(at.div_euclid(by)).or_default().join(&counts);
        }
    }

    /// Seconds of a stretch.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        u64::try_from(self.width / SHORTEST).unwrap_or(0)
    }

    /// The stretches from the first to the last, empty ones included: when each begins, and what began in it.
    #[must_use]
    pub fn stretches(&self) -> Vec<(Timestamp, ByGrade)> {
        let Some((&first, _)) = self.stretches.first_key_value() else { return Vec::new() };
        (0..self.span())
            .map(|i| {
                let at = first.saturating_add(i);
                (Timestamp::from_nanos(at.saturating_mul(self.width)), self.stretches.get(&at).copied().unwrap_or_default())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: impl Iterator<Item = i64>) -> Timeline {
        let mut timeline = Timeline::default();
        seconds.for_each(|s| timeline.add(Timestamp::from_secs(s), Grade::Protected));
        timeline
    }

    #[test]
    fn a_timeline_of_any_length_has_a_bounded_number_of_stretches_and_loses_nothing() {
        for span in [1, 47, 48, 49, 1000, 86_400, 86_400 * 365 * 30] {
            let timeline = of((0..500).map(|i| 1_714_554_000 + i * span / 500));
            let stretches = timeline.stretches();
            assert!(!stretches.is_empty() && stretches.len() <= 48, "{span}: {}", stretches.len());
            assert_eq!(stretches.iter().map(|(_, counts)| counts.total()).sum::<u64>(), 500, "{span}");
        }
    }

    #[test]
    fn the_order_of_connections_does_not_matter() {
        let there = of((0..300).map(|i| i * 7));
        let back = of((0..300).rev().map(|i| i * 7));
        assert_eq!(there.stretches(), back.stretches());
        assert_eq!(there.seconds(), 60);
    }

    #[test]
    fn moments_at_both_ends_of_time_are_counted() {
        let mut timeline = Timeline::default();
        timeline.add(Timestamp::from_nanos(i64::MIN), Grade::Weak);
        timeline.add(Timestamp::from_nanos(i64::MAX), Grade::Weak);
        assert!(timeline.stretches().len() <= 48);
    }
}
