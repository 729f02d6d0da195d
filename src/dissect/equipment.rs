//! What dissectors are given beside the bytes: keys, and somebody who looks at what is inside.

use std::fmt;
use std::sync::Arc;

use super::keys::{KeyCounts, Keys, Usage};
use super::plain::{Identity, Plain, Sinks};
use super::quic::Moves;
use super::waiting::Patience;

/// What the dissectors of one capture are given.
#[derive(Clone, Default)]
pub struct Equipment {
    /// Keys of the user's own sessions.
    pub keys: Arc<Keys>,
    /// What became of them.
    pub usage: Arc<Usage>,
    /// More keys may come while the capture is read.
    pub growing: bool,
    /// Records wait a while for keys that may come after them: a program writes its key log beside its packets.
    pub patient: bool,
    /// Room for what waits, of all connections together.
    pub room: Arc<Patience>,
    /// How connections of QUIC that go on from another address are found again.
    pub moves: Arc<Moves>,
    /// Makes those who look at the bytes inside, if anybody does.
    pub sinks: Option<Sinks>,
}

impl fmt::Debug for Equipment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Equipment").field("keys", &self.keys).field("usage", &self.usage).finish_non_exhaustive()
    }
}

impl Equipment {
    /// Keys, and nobody who looks inside.
    #[must_use]
    pub fn with_keys(keys: Arc<Keys>) -> Equipment {
        Equipment { keys, ..Equipment::default() }
    }

    /// The same for one capture, whose use of keys is counted apart. Keys may be added to it.
    #[must_use]
    pub fn branch(&self) -> Equipment {
        Equipment { keys: Arc::new(self.keys.branch()), usage: Arc::default(), moves: Arc::default(), ..self.clone() }
    }

    /// Whether there is nothing: no key and no key log, and nobody who looks inside.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.sinks.is_none() && !self.growing && !self.keys.are_expected()
    }

    /// Whether the connections of a running capture are to be read one after the other: more keys may come, and which packets they find should
    /// not be left to chance; or somebody looks inside, and a QUIC connection may go on from another address.
    #[must_use]
    pub fn is_for_one(&self) -> bool {
        self.growing || self.patient || self.sinks.is_some()
    }

    /// What became of the keys; `None` when there were none.
    #[must_use]
    pub fn counts(&self) -> Option<KeyCounts> {
        (!self.keys.is_empty()).then(|| self.keys.counts(&self.usage))
    }

    /// What the dissectors of one connection are given.
    pub(in crate::dissect) fn of(&self, connection: &Identity) -> Option<Box<Tools>> {
        if self.is_none() {
            return None;
        }
        let plain = self.sinks.as_ref().map(|make| Plain::new(make(connection)));
        Some(Box::new(Tools {
            keys: Arc::clone(&self.keys),
            usage: Arc::clone(&self.usage),
            patient: self.patient.then(|| Arc::clone(&self.room)),
            room: Arc::clone(&self.room),
            moves: Arc::clone(&self.moves),
            plain,
        }))
    }
}

/// What the dissectors of one connection are given.
#[derive(Clone, Debug)]
pub struct Tools {
    pub(in crate::dissect) keys: Arc<Keys>,
    pub(in crate::dissect) usage: Arc<Usage>,
    pub(in crate::dissect) patient: Option<Arc<Patience>>,
    pub(in crate::dissect) room: Arc<Patience>,
    pub(in crate::dissect) moves: Arc<Moves>,
    pub(in crate::dissect) plain: Option<Plain>,
}
