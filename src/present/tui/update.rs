//! What the engine sends to the terminal UI.

use super::looking::Answer;
use crate::assess::{Judged, Ledger, State};
use crate::dissect::keys::KeyCounts;
use crate::source::Capturing;

/// News of a capture.
#[derive(Debug)]
pub enum Update {
    /// Connections that are finished.
    Connections(Vec<Judged>),
    /// Connections of a capture that is still running, the first time or again; each with whether it is over.
    Changed(Vec<(Judged, bool)>),
    /// How far the reading has come.
    Progress {
        /// Octets of the input read so far.
        read: u64,
        /// Octets of the input, where known.
        total: Option<u64>,
        /// Frames read so far.
        frames: u64,
    },
    /// The SHA-256 of the input, in hexadecimal.
    Hash(String),
    /// How a running capture stands.
    Capturing(Box<Capturing>),
    /// What became of keys.
    Keys(KeyCounts),
    /// A capture was read once more, for what was asked.
    Answer(Answer),
    /// Everything readable was read.
    Done {
        /// Damage, bounds that were hit, and the like: a sentence each.
        notes: Vec<String>,
    },
    /// Nothing usable was read: one sentence.
    Failed(String),
}

impl Update {
    /// Puts it into the ledger of its capture; says whether the tables are concerned.
    pub fn apply(self, ledger: &mut Ledger) -> bool {
        match self {
            Update::Connections(connections) => {
                let any = !connections.is_empty();
                connections.into_iter().for_each(|connection| ledger.push(std::sync::Arc::new(connection)));
                return any;
            }
            Update::Changed(connections) => {
                let any = !connections.is_empty();
                for (connection, over) in connections {
                    ledger.put(std::sync::Arc::new(connection), over);
                }
                return any;
            }
            Update::Progress { read, total, frames } => (ledger.read, ledger.total, ledger.frames) = (read, total, frames),
            Update::Keys(keys) => ledger.keys = Some(keys),
            // It goes to the screens, not into the ledger.
            Update::Answer(_) => {}
            Update::Hash(hash) => ledger.sha256 = Some(hash),
            Update::Capturing(capturing) => ledger.capturing = Some(*capturing),
            Update::Done { notes } => {
                ledger.notes.extend(notes);
                ledger.state = State::Done;
                return true;
            }
            Update::Failed(why) => {
                ledger.state = State::Failed(why);
                return true;
            }
        }
        false
    }
}
