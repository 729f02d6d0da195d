//! What is told of one or several captures as a whole: plain data, counted connection by connection within bounds, and the sentences
//! that every format of the report prints.
//!
//! [`ReportBuilder`] counts into a [`Summary`]; [`Report`] adds who made it and how. `words` and `claims` turn it into [`Sentence`]s, each
//! of which knows what it rests on ([`Ground`]); a [`Voice`] says them plainly or with pseudonyms.

mod board;
mod builder;
mod canary;
mod case;
mod cited;
mod claims;
mod compare;
mod exposure;
mod findings;
mod input;
mod sentence;
mod tally;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod testing;
mod timeline;
mod voice;
pub mod words;

use super::platforms::Catalogue;
use super::rules::RULES;
use crate::base::{Basis, Evidence, Fact, Facts, Readable, What, WireStr};

pub use board::{App, Board, Headline, OTHER, Standing};
pub use builder::{ReportBuilder, Summary};
pub use canary::{CanaryTest, Tested};
pub use case::{Action, Case, CaseError};
pub use cited::{Citations, MOST_CITED};
pub use claims::{Claimed, status_words};
pub use compare::{Comparison, Inventory, Row, Side, Subject};
pub use exposure::{Exposure, NameFrom, Pair, ReadableCount};
pub use findings::{Findings, RuleCount};
pub use input::{Coverage, Input};
pub use sentence::{Ground, Part, Sentence, counted, grouped, listed, octets, percent};
pub use tally::{ByGrade, Counted, Counts, thousandths};
pub use timeline::Timeline;
pub use voice::{Voice, WITHHELD};

/// A report: what was counted, who counted it and how, and what is claimed.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was counted.
    pub summary: Summary,
    /// How the report was made.
    pub about: About,
    /// What the operator of the capture states.
    pub case: Option<Case>,
    /// A phrase that was looked for.
    pub canary: Option<CanaryTest>,
    /// What is claimed of platforms.
    pub catalogue: &'static Catalogue,
}

/// How a report was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The command line, argument by argument.
    pub command: Vec<Part>,
    /// The filter, as it was written.
    pub filter: Option<String>,
    /// Whether the filter says of nobody who they are, so that a redacted report can tell it.
    pub filter_is_public: bool,
    /// Whether names, addresses and times are replaced.
    pub redacted: bool,
    /// Whether excerpts are shown as they were.
    pub unmasked: bool,
    /// When it was made, where that was asked for.
    pub made: Option<String>,
}

impl Report {
    /// Its name for people.
    #[must_use]
    pub fn name_of(&self, app: &App) -> String {
        match app.id.as_str() {
            "" => "All connections".to_owned(),
            OTHER => "Other servers".to_owned(),
            id => self.catalogue.name(id).to_owned(),
        }
    }

    /// The filter as part of a sentence.
    #[must_use]
    pub fn filter(&self) -> Option<Part> {
        let text = self.about.filter.as_ref()?;
        Some(if self.about.filter_is_public { Part::Words(text.clone().into()) } else { Part::Quoted(text.as_str().into()) })
    }

    /// How it speaks: plainly, or with pseudonyms.
    #[must_use]
    pub fn voice(&self) -> Voice {
        if !self.about.redacted {
            return Voice::plain();
        }
        let mut voice = Voice::redacted(&self.summary);
        if let Some(canary) = &self.canary {
            canary.teach(&mut voice);
        }
        voice
    }
}

/// The facts that a listener without keys sees: what was read with keys is nobody else's to read.
fn in_clear(facts: &Facts) -> impl Iterator<Item = &Fact> {
    facts.list().iter().filter(|fact| fact.basis != Basis::ObservedWithKeys)
}

/// What a listener without keys could read.
fn readables(facts: &Facts) -> impl Iterator<Item = (&Readable, &Evidence)> {
    in_clear(facts).filter_map(|fact| match &fact.what {
        What::Readable(readable) => Some((readable.as_ref(), &fact.evidence)),
        _ => None,
    })
}

/// The value of a signal that speaks for an app, as part of a sentence: a protocol's name says nothing of anybody.
#[must_use]
pub fn signal_part(signal: &str, value: &WireStr) -> Part {
    match signal {
        "protocol" | "alpn" | "quic-version" | "stun-attribute" => Part::Words(value.to_string().into()),
        _ => Part::Name(value.clone()),
    }
}

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// SHA-256 of the table of rules, in lower-case hexadecimal: two programs of the same hash have the same rules.
#[must_use]
pub fn rules_hash() -> String {
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for rule in RULES.iter() {
        for text in [rule.id, rule.severity.word(), rule.title, rule.reader, rule.engineer, rule.norm] {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
