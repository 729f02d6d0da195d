//! What a connection carries, layer by layer, for a screen that shows it: every layer that was looked at, with the beginning of its content.
//!
//! Only made where somebody asks for the inside of one connection ([`Keep::Layers`](super::Keep)): the content is what people wrote, and is
//! nowhere else kept.

use std::fmt;

use crate::base::{Dir, Evidence, Timestamp};

use super::chain::Chain;

/// Text that was read with keys, as it was. It does not show itself when a structure that holds it is printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Clear(Box<str>);

impl Clear {
    /// Of bytes, which may be anything.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Clear {
        Clear(String::from_utf8_lossy(bytes).into())
    }

    /// As it was: not safe to print as it is.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// With dots for letters and digits, so that only the structure shows.
    #[must_use]
    pub fn masked(&self) -> String {
        self.0.chars().map(|c| if c.is_alphanumeric() { '·' } else { c }).collect()
    }
}

impl fmt::Debug for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clear({} octets)", self.0.len())
    }
}

/// One layer that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The layers down to it, from the outside in, each safe to print.
    pub layers: Vec<String>,
    /// Who sent it.
    pub dir: Dir,
    /// When its last octet arrived.
    pub at: Timestamp,
    /// Octets of it.
    pub octets: u64,
    /// Its frames.
    pub evidence: Evidence,
    /// How it begins.
    pub begins: Clear,
}

/// Layers that are kept of one connection.
const MOST: usize = 4096;
/// Octets that are kept of one.
const MOST_TEXT: usize = 240;

/// The layers of one connection, in the order in which they were looked at: those above before those below.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    list: Vec<Seen>,
    /// Layers that were left out because there were too many.
    dropped: u64,
}

impl Outline {
    /// What was seen.
    #[must_use]
    pub fn list(&self) -> &[Seen] {
        &self.list
    }

    /// Layers that were left out.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many there are, to come back to.
    pub(super) fn mark(&self) -> usize {
        self.list.len()
    }

    /// What was added since turned out to be nothing.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.list.truncate(mark);
    }

    /// Adds a layer. The same one, looked at again with more content behind it, stays one.
    pub(super) fn add(&mut self, chain: &Chain<'_>, bytes: &[u8], (dir, at, evidence): (Dir, Timestamp, Evidence)) {
        if self.list.len() >= MOST {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let begins = Clear::new(bytes.get(..MOST_TEXT).unwrap_or(bytes));
        self.list.push(Seen { layers: chain.names(), dir, at, octets: bytes.len() as u64, evidence, begins });
    }

    pub(super) fn swap_sides(&mut self) {
        self.list.iter_mut().for_each(|seen| seen.dir = seen.dir.other());
    }
}
