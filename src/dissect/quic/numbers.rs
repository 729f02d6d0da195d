//! Which packet numbers were seen, and which the other side acknowledged (RFC 9000 §12.3, §13.2.1).
//!
//! A number that was acknowledged and not seen is a packet that the capture missed: whole streams may have been in it. A number that is
//! merely missing proves nothing where a later one was acknowledged, since senders may leave out numbers; behind the last acknowledgement it is a doubt.

use crate::base::{Reader, Short};
use crate::dissect::ranges::Ranges;

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

    /// Whether a packet was acknowledged that the capture missed, or is missing and no acknowledgement in the capture tells what became of it.
    pub fn has_missing(&self) -> bool {
        let told = self.acknowledged.last();
        let untold = |(first, last): (u64, u64)| told.is_none_or(|told| told < last) || self.acknowledged.touches(first, last);
        self.acknowledged.iter().any(|(first, last)| !self.seen.has(first, last)) || self.seen.holes().any(untold)
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
        // Nothing tells of 8.
        numbers.saw(9);
        assert!(numbers.has_missing());
        let mut numbers = Numbers::default();
        [0, 1, 3, 4, 7].into_iter().for_each(|number| numbers.saw(number));
        assert!(numbers.has_missing(), "nothing was acknowledged");
        numbers.acknowledge(&[7, 0, 2, 0, 1, 1, 0, 1]).unwrap();
        numbers.acknowledge(&[7, 0, 0, 1]).unwrap();
        assert!(numbers.has_missing(), "6 to 7 were acknowledged");
    }
}
