//! Sets of numbers of packets and records: which were seen, and which are missing between them.

/// Ranges kept of each set; beyond them the oldest are given up, and nothing is concluded from them.
const MOST_RANGES: usize = 1024;

/// A set of numbers, as ascending ranges that do not touch.
#[derive(Debug, Default)]
pub(in crate::dissect) struct Ranges {
    list: Vec<(u64, u64)>,
    /// Numbers up to here were given up.
    forgotten: Option<u64>,
}

impl Ranges {
    /// Takes numbers from `first` to `last`.
    pub fn insert(&mut self, first: u64, last: u64) {
        let from = self.list.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let mut to = from;
        let (mut low, mut high) = (first, last);
        while let Some(&(start, end)) = self.list.get(to).filter(|&&(start, _)| start <= last.saturating_add(1)) {
            (low, high) = (low.min(start), high.max(end));
            to += 1;
        }
        self.list.splice(from..to, [(low, high)]);
        if self.list.len() > MOST_RANGES {
            let (_, end) = self.list.remove(0);
            self.forgotten = self.forgotten.max(Some(end));
        }
    }

    /// Whether all of these numbers are in the set, or were given up.
    pub fn has(&self, first: u64, last: u64) -> bool {
        let first = self.forgotten.map_or(first, |end| first.max(end.saturating_add(1)));
        first > last || self.list.iter().any(|&(start, end)| start <= first && last <= end)
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.list.iter().copied()
    }

    /// The greatest number.
    pub fn last(&self) -> Option<u64> {
        self.list.last().map(|&(_, end)| end)
    }

    /// Whether any of these numbers is in the set.
    pub fn touches(&self, first: u64, last: u64) -> bool {
        self.list.iter().any(|&(start, end)| start <= last && first <= end)
    }

    /// The numbers from 0 to the greatest that are not in the set, as far as nothing was given up.
    pub fn holes(&self) -> impl Iterator<Item = (u64, u64)> {
        let from = self.forgotten.map_or(0, |end| end.saturating_add(1));
        let starts = std::iter::once(from).chain(self.list.iter().map(|&(_, end)| end.saturating_add(1)));
        starts.zip(&self.list).filter(|(from, (start, _))| from < start).map(|(from, &(start, _))| (from, start.saturating_sub(1)))
    }

    /// Whether numbers are missing before the greatest, or were too scattered to tell.
    pub fn is_holed(&self) -> bool {
        self.forgotten.is_some() || self.holes().next().is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_any_order_make_the_same_ranges() {
        let mut ranges = Ranges::default();
        [9, 1, 5, 3, 2, 4, 8].into_iter().for_each(|number| ranges.insert(number, number));
        assert_eq!(ranges.list, [(1, 5), (8, 9)]);
        ranges.insert(4, 8);
        assert_eq!(ranges.list, [(1, 9)]);
        assert!(ranges.has(1, 9) && !ranges.has(0, 1));
        assert_eq!(ranges.holes().collect::<Vec<_>>(), [(0, 0)]);
        ranges.insert(0, 0);
        assert!(!ranges.is_holed());
        ranges.insert(12, 12);
        assert_eq!(ranges.holes().collect::<Vec<_>>(), [(10, 11)]);
    }
}
