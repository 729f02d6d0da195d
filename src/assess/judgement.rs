//! What was concluded about one connection.

use std::borrow::Cow;

use super::attribution::Attribution;
use super::grade::{Construction, Grade, Identity, Severity};
use super::platforms::Catalogue;
use super::rules::Rule;
use crate::base::{Evidence, Exposed};
use crate::flow::Connection;

/// A connection and what was concluded about it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The connection.
    pub connection: Connection,
    /// How it was protected.
    pub judgement: Judgement,
    /// Which app it belongs to, where that can be said.
    pub attribution: Option<Attribution>,
}

impl Judged {
    /// Judges and attributes a connection whose facts are in the order of output.
    #[must_use]
    pub fn of(connection: Connection, catalogue: &Catalogue) -> Judged {
        let mut judgement = super::judge(&connection);
        // What is known of a construction is a claim: the catalogue's word counts.
        if judgement.construction.is_some()
            && let Some(claim) = connection.protocol().and_then(|protocol| catalogue.construction(protocol))
        {
            judgement.construction = Some(claim.status);
        }
        let attribution = super::attribute(&connection, catalogue);
        Judged { connection, judgement, attribution }
    }
}

/// A judged connection is still a connection: everything that reads one takes it.
impl std::ops::Deref for Judged {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Judged by its own facts alone: no catalogue of platforms is asked.
impl From<Connection> for Judged {
    fn from(connection: Connection) -> Judged {
        let judgement = super::judge(&connection);
        Judged { connection, judgement, attribution: None }
    }
}

/// As [`From<Connection>`](Judged::from).
impl From<Connection> for std::sync::Arc<Judged> {
    fn from(connection: Connection) -> std::sync::Arc<Judged> {
        std::sync::Arc::new(connection.into())
    }
}

/// The grade of a connection, the reason, and every rule that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The grade.
    pub grade: Grade,
    /// What was readable, each kind once, in order; empty unless the grade is `exposed`.
    pub exposed: Vec<Exposed>,
    /// What is known of the construction; only for `custom`.
    pub construction: Option<Construction>,
    /// Whether the other side was who it said; `None` where the protocol has no such thing.
    pub identity: Option<Identity>,
    /// The reason, as a sentence without its full stop.
    pub why: Cow<'static, str>,
    /// The frames behind the reason.
    pub evidence: Option<Evidence>,
    /// The rules that fired, gravest first.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// The gravest severity among the findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.rule.severity).max()
    }

    /// Whether the connection counts for the grade of its group: readable names and services never do (contract §2).
    #[must_use]
    pub fn counts_for_groups(&self) -> bool {
        self.grade != Grade::Exposed || self.exposed.iter().any(|kind| kind.sets_a_group())
    }
}

/// The answer of one rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// One sentence for an engineer, with the values seen.
    pub text: Cow<'static, str>,
    /// The frames.
    pub evidence: Evidence,
}

impl PartialEq for Finding {
    fn eq(&self, other: &Finding) -> bool {
        self.rule.id == other.rule.id && self.text == other.text && self.evidence == other.evidence
    }
}
