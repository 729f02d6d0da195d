//! Rules: each a pure function over one connection and its grade, with the page that `intransit rules ID` prints.
//!
//! To add a rule: a row in one of the lists of this folder. Its id is never renamed and never used again.

mod capture;
mod certificate;
mod exposure;
mod handshake;
mod posture;
mod suite;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use super::grade::Severity;
use super::judgement::{Finding, Judgement};
use super::strength::Suite;
use crate::base::{CipherSuite, Evidence, Fact, Kind, KindSet, What};
use crate::flow::Connection;

/// What a rule looks at.
#[derive(Debug)]
pub struct Case<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Its grade and reason; findings are still empty.
    pub judgement: &'a Judgement,
    /// The suite that was negotiated and its parts, which many rules ask for.
    suite: Option<(CipherSuite, Suite)>,
}

/// That a rule fired: one sentence for an engineer, and the frames.
#[derive(Debug)]
pub struct Hit {
    /// With the values seen.
    pub text: Cow<'static, str>,
    /// Where.
    pub evidence: Evidence,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case; never renamed, never reused.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// What it means for a newspaper reader, in one sentence.
    pub reader: &'static str,
    /// What it means for an engineer.
    pub engineer: &'static str,
    /// The norm: document and section.
    pub norm: &'static str,
    /// A Wireshark display filter that shows where it applies.
    pub wireshark: &'static str,
    /// What a false positive would look like.
    pub mistaken: &'static str,
    /// The check.
    pub check: fn(&Case<'_>) -> Option<Hit>,
}

/// Rules by what they look at, each list with the kinds of facts without which none of it fires. Most connections of most captures are of
/// protocols that few of them are about: asking each of them would be a twentieth of the cost of a folder of small captures.
static LISTS: LazyLock<[(Option<KindSet>, &[Rule]); 6]> = LazyLock::new(|| {
    let about = |kinds: &[Kind]| Some(kinds.iter().copied().collect());
    [
        (about(suite::ABOUT), suite::RULES),
        (about(handshake::ABOUT), handshake::RULES),
        (about(certificate::ABOUT), certificate::RULES),
        (None, posture::RULES),
        (None, exposure::RULES),
        (about(capture::ABOUT), capture::RULES),
    ]
});

/// Every rule, by what it looks at.
pub static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| LISTS.iter().flat_map(|(_, rules)| *rules).collect());

/// The rule of an id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id).copied()
}

/// The findings of every rule that fires, gravest first, in the order of [`RULES`] within a severity.
#[must_use]
pub fn check(connection: &Connection, judgement: &Judgement) -> Vec<Finding> {
    let case = Case { connection, judgement, suite: negotiated(connection) };
    let asked = LISTS.iter().filter(|(about, _)| about.is_none_or(|kinds| connection.facts.has_any(kinds)));
    let asked = asked.flat_map(|(_, rules)| *rules);
    let mut findings: Vec<Finding> =
        asked.filter_map(|rule| (rule.check)(&case).map(|hit| Finding { rule, text: hit.text, evidence: hit.evidence })).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    findings
}

fn negotiated(connection: &Connection) -> Option<(CipherSuite, Suite)> {
    let What::TlsCipher(suite) = connection.facts.get(Kind::TlsCipher)?.what else { return None };
    Some((suite, Suite::of(suite)?))
}

impl Case<'_> {
    /// The first fact of a kind.
    fn fact(&self, kind: Kind) -> Option<&Fact> {
        self.connection.facts.get(kind)
    }

    /// A fact that must be there, as it is shown, and its frames.
    fn shown(&self, kind: Kind) -> Option<(String, Evidence)> {
        self.fact(kind).map(|fact| (fact.what.shown().to_string(), fact.evidence.clone()))
    }

    /// One of our own words.
    fn word(&self, kind: Kind) -> Option<&'static str> {
        super::judge::word(&self.connection.facts, kind)
    }

    /// Whether a yes-or-no fact is true.
    fn is_true(&self, kind: Kind) -> bool {
        super::judge::is_true(&self.connection.facts, kind)
    }
}

/// A hit with these words.
fn hit(text: impl Into<Cow<'static, str>>, evidence: Evidence) -> Option<Hit> {
    Some(Hit { text: text.into(), evidence })
}
