//! What needs a capture to be read once more: the canary test, and what one connection carries. The screens ask, somebody outside reads and
//! answers.

use std::fmt;

use super::model::Mark;
use crate::assess::canary::Canary;
use crate::base::Timestamp;
use crate::dissect::inside::Watched;
use crate::dissect::keys::KeyCounts;
use crate::dissect::plain::Identity;

/// A phrase that was sent, and what is known of it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The phrase.
    pub message: String,
    /// Phrases that must have reached the server in the same app.
    pub controls: Vec<String>,
    /// When it was sent, where that is known.
    pub since: Option<Timestamp>,
}

/// Never the phrase itself.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("controls", &self.controls.len()).field("since", &self.since).finish_non_exhaustive()
    }
}

/// What a capture is to be read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A phrase.
    Canary(Question),
    /// What one connection carries.
    Inside(Identity),
    /// A report.
    Report {
        /// The file to write; its suffix says in which format.
        to: String,
        /// In place of one that is there.
        replace: bool,
    },
    /// A moment that was marked, for the case file.
    Mark(Mark),
}

/// The same, of one of the captures that are open.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its place among them.
    pub capture: usize,
    /// What for.
    pub look: Look,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The result of the canary test.
    Canary(Box<Tested>),
    /// What one connection carries.
    Inside(Box<Seen>),
    /// Something was done, or why it was not: a sentence.
    Told(String),
    /// There is such a file: replace it?
    Exists(String),
    /// It could not be read: a sentence.
    Failed(String),
}

/// The result of the canary test, with what belongs beside it.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The result.
    pub canary: Canary,
    /// What became of the keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// Keys came with the capture itself.
    pub keys_in_capture: bool,
    /// It came without being asked for on the screen: of a capture that runs, with its command line's phrase, again and again.
    pub running: bool,
}

/// What one connection carries.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection.
    pub identity: Identity,
    /// What was found in it; `None` where there was nothing to look at.
    pub watched: Option<Watched>,
}
