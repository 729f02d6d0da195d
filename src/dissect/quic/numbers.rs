//! Which packet numbers were seen, and which the other side acknowledged (RFC 9000 §12.3, §13.2.1).
//!
//! A number that was acknowledged and not seen is a packet that the capture missed: whole streams may have been in it. A number that is
//! merely missing proves nothing, since senders may leave out numbers.

use crate::base::{Reader, Short};

/// Ranges kept of each set; beyond them the oldest are given up, and nothing is concluded from them.
const MOST_RANGES: usize = 1024;

/// A set of numbers, as ascending ranges that do not touch.
#[derive(Debug, Default)]
struct Ranges {
    list: Vec<(u64, u64)>,
    /// Numbers up to here were given up.
    forgotten: Option<u64>,
}

impl Ranges {
    fn insert(&mut self, first: u64, last: u64) {
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
    fn has(&self, first: u64, last: u64) -> bool {
        let first = self.forgotten.map_or(first, |end| first.max(end.saturating_add(1)));
        first > last || self.list.iter().any(|&(start, end)| start <= first && last <= end)
    }
}

/// The numbers of one side's packets.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    seen: Ranges,
    acknowledged: Ranges,
}

impl Numbers {
    /// A packet was seen.
    pub fn saw(&mut self, number: u64) {
        self.seen.insert(number, number);
    }

    /// The other side acknowledged packets: an ACK frame without its type (RFC 9000 §19.3).
    pub fn acknowledge(&mut self, frame: &[u8]) -> Result<(), Short> {
        let mut r = Reader::new(frame);
        let mut largest = r.varint()?;
        let _delay = r.varint()?;
        let ranges = r.varint()?;
        let mut length = r.varint()?;
        for _ in 0..=ranges {
            let Some(smallest) = largest.checked_sub(length) else { return Ok(()) };
            self.acknowledged.insert(smallest, largest);
            let (Ok(gap), Ok(next)) = (r.varint(), r.varint()) else { return Ok(()) };
            // RFC 9000 §19.3.1: a gap of 0 is one packet, and the range after it begins one below.
            let Some(below) = smallest.checked_sub(gap.saturating_add(2)) else { return Ok(()) };
            (largest, length) = (below, next);
        }
        Ok(())
    }

    /// Whether a packet was acknowledged that the capture missed.
    pub fn has_missing(&self) -> bool {
        self.acknowledged.list.iter().any(|&(first, last)| !self.seen.has(first, last))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_acknowledged_and_not_seen_is_missing_and_one_that_was_left_out_is_not() {
        let mut numbers = Numbers::default();
        [0, 1, 3, 4, 7].into_iter().for_each(|number| numbers.saw(number));
        // 7, 3 to 4, 0 to 1 (RFC 9000 §19.3.1).
        numbers.acknowledge(&[7, 0, 2, 0, 1, 1, 0, 1]).unwrap();
        assert!(!numbers.has_missing());
        numbers.acknowledge(&[7, 0, 0, 1]).unwrap();
        assert!(numbers.has_missing(), "6 to 7 were acknowledged");
    }

    #[test]
    fn numbers_in_any_order_make_the_same_ranges() {
        let mut ranges = Ranges::default();
        [9, 1, 5, 3, 2, 4, 8].into_iter().for_each(|number| ranges.insert(number, number));
        assert_eq!(ranges.list, [(1, 5), (8, 9)]);
        ranges.insert(4, 8);
        assert_eq!(ranges.list, [(1, 9)]);
        assert!(ranges.has(1, 9) && !ranges.has(0, 1));
    }
}
