//! What somebody says about a platform: never what packets show.

use serde::Deserialize;

use super::Date;
use crate::assess::Construction;
use crate::base::Timestamp;

/// Whether messages, groups or calls are said to be end-to-end encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Always, without anybody doing anything.
    Default,
    /// Only where people turn it on.
    Optional,
    /// Some kinds, not others.
    Partial,
    /// No.
    None,
    /// The service has ended.
    Retired,
    /// No statement was found.
    #[serde(skip)]
    Unknown,
}

impl Status {
    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Default => "default",
            Status::Optional => "optional",
            Status::Partial => "partial",
            Status::None => "none",
            Status::Retired => "retired",
            Status::Unknown => "unknown",
        }
    }
}

/// How good a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// The owner's own words, read on the owner's page.
    Official,
    /// The owner's own words, read in a copy of the owner's page.
    OfficialCopy,
    /// Published research: a paper, an analysis that shows its work.
    Research,
    /// Source code or a specification.
    Code,
    /// Traffic in a published capture.
    Capture,
    /// A list that others keep.
    List,
    /// Somebody reports it; the original was not read.
    Secondary,
    /// From memory, not checked against any source: every output says so.
    Recalled,
}

impl Quality {
    /// `official`, `official-copy`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Quality::Official => "official",
            Quality::OfficialCopy => "official-copy",
            Quality::Research => "research",
            Quality::Code => "code",
            Quality::Capture => "capture",
            Quality::List => "list",
            Quality::Secondary => "secondary",
            Quality::Recalled => "recalled",
        }
    }
}

/// The key of a [`Source`] in the catalogue: the loader has checked that there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct SourceKey(pub(super) Box<str>);

impl SourceKey {
    /// The key as it stands in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a statement comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its title, and who published it.
    pub title: String,
    /// Where to read it.
    pub url: Option<String>,
    /// When it was published or last changed; absent where it does not say.
    pub date: Option<Date>,
    /// How good it is.
    pub quality: Quality,
    /// What it quotes: "BBC News; original not read".
    pub quoting: Option<String>,
    /// When somebody last read it for the catalogue.
    pub checked: Date,
}

impl std::fmt::Display for Source {
    /// `"Title" (official, 2025-10-02), https://…, read 2026-11-25`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let date = self.date.map_or_else(|| "undated".to_owned(), |date| date.to_string());
        write!(f, "\"{}\" ({}, {date}", self.title, self.quality.word())?;
        if let Some(quoting) = &self.quoting {
            write!(f, ", quoting {quoting}")?;
        }
        f.write_str(")")?;
        if let Some(url) = &self.url {
            write!(f, ", {url}")?;
        }
        write!(f, ", read {}", self.checked)
    }
}

/// What is said of a platform's end-to-end encryption, and for which time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// From when on; absent where that was not found, or always.
    pub since: Option<Date>,
    /// Until when: the first day it was no longer so.
    pub until: Option<Date>,
    /// In one word.
    pub status: Status,
    /// For messages between two people.
    pub messages: Option<Status>,
    /// For groups.
    pub groups: Option<Status>,
    /// For calls.
    pub calls: Option<Status>,
    /// For what exactly, and for what not.
    pub scope: String,
    /// The protocol it is done with.
    pub protocol: Option<String>,
    /// Who disputes it, and how.
    pub disputed: Option<String>,
    /// Where it is said.
    pub source: SourceKey,
    /// Where else.
    #[serde(default)]
    pub also: Vec<SourceKey>,
    /// When somebody last looked whether it still is so.
    pub checked: Date,
}

impl Claim {
    /// For messages between two people; [`Status::Unknown`] where no statement was found.
    #[must_use]
    pub fn messages(&self) -> Status {
        self.messages.unwrap_or(Status::Unknown)
    }

    /// For groups.
    #[must_use]
    pub fn groups(&self) -> Status {
        self.groups.unwrap_or(Status::Unknown)
    }

    /// For calls.
    #[must_use]
    pub fn calls(&self) -> Status {
        self.calls.unwrap_or(Status::Unknown)
    }

    /// Whether it was in force at a moment.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since.start() <= at) && self.until.is_none_or(|until| at < until.start())
    }

    /// Whether a capture that ends at this moment ends more than a year after the claim was checked.
    #[must_use]
    pub fn is_stale(&self, capture_end: Timestamp) -> bool {
        capture_end > self.checked.a_year_later().start()
    }
}

/// The claim of a moment, and what was said before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce<'a> {
    /// The one in force then; `None` where none is known for that time.
    pub claim: Option<&'a Claim>,
    /// Those before it, oldest first.
    pub earlier: &'a [Claim],
    /// Those after it: what has changed since.
    pub later: &'a [Claim],
}

impl<'a> InForce<'a> {
    /// Of claims in the order of time.
    pub(super) fn among(claims: &'a [Claim], at: Timestamp) -> InForce<'a> {
        let begun = claims.partition_point(|claim| claim.since.is_none_or(|since| since.start() <= at));
        let (past, later) = claims.split_at_checked(begun).unwrap_or((claims, &[]));
        match past.split_last() {
            Some((last, earlier)) if last.covers(at) => InForce { claim: Some(last), earlier, later },
            _ => InForce { claim: None, earlier: past, later },
        }
    }

    /// Whether something else is said now.
    #[must_use]
    pub fn has_changed_since(&self) -> bool {
        !self.later.is_empty() || self.claim.is_some_and(|claim| claim.until.is_some())
    }

    /// What is said now, where that is not what was in force.
    #[must_use]
    pub fn now(&self) -> Option<&'a Claim> {
        self.later.last()
    }
}

/// One answer to what a reader asks next.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// In one or two sentences.
    pub text: String,
    /// Where it is said.
    pub source: SourceKey,
    /// Where else.
    #[serde(default)]
    pub also: Vec<SourceKey>,
}

/// What stands beside the claim. A blank is told as "no statement found".
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// How messages are kept on servers and in backups.
    pub at_rest: Option<Statement>,
    /// Who holds the keys.
    pub keys: Option<Statement>,
    /// Whether content is scanned.
    pub scanning: Option<Statement>,
    /// Who can get access: staff, states, courts.
    pub access: Option<Statement>,
}

impl Beside {
    /// The four questions, in order, with their answers.
    #[must_use]
    pub fn answers(&self) -> [(&'static str, Option<&Statement>); 4] {
        [
            ("at rest", self.at_rest.as_ref()),
            ("who holds the keys", self.keys.as_ref()),
            ("scanning", self.scanning.as_ref()),
            ("who can get access", self.access.as_ref()),
        ]
    }
}

/// What is known of the construction of a protocol that is nobody's standard (contract §2, `custom`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstructionClaim {
    /// Its name in `network.protocol`.
    pub protocol: String,
    /// In one word.
    pub status: Construction,
    /// In one or two sentences.
    pub text: String,
    /// Where it is said.
    pub source: SourceKey,
    /// Where else.
    #[serde(default)]
    pub also: Vec<SourceKey>,
}
