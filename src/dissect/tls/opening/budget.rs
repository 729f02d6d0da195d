//! How much a connection may cost in vain tries.

/// Octets that one connection may try to open in vain: enough to find the place after thousands of missing records, and a quarter of a
/// second at most.
const MOST: u64 = 256 << 20;
/// What a try costs beside its octets.
const EACH: u64 = 256;

/// What is left for tries that may fail.
pub(in crate::dissect) struct Budget(u64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(MOST)
    }
}

impl Budget {
    /// Whether another try of so many octets may be made.
    pub fn spend(&mut self, octets: usize) -> bool {
        match self.0.checked_sub(EACH.saturating_add(octets as u64)) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}
