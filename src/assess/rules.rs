//! Rules: each a pure function over one connection and its grade.

use std::borrow::Cow;

use super::grade::Severity;
use super::judgement::{Finding, Judgement};
use crate::base::{Evidence, Kind};
use crate::flow::Connection;

/// What a rule looks at.
#[derive(Debug)]
pub struct Case<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Its grade and reason; findings are still empty.
    pub judgement: &'a Judgement,
}

/// That a rule fired: one sentence for an engineer, and the frames.
#[derive(Debug)]
pub struct Hit {
    /// With the values seen.
    pub text: Cow<'static, str>,
    /// Where.
    pub evidence: Evidence,
}

/// A rule: never renamed, never reused.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// One sentence for a newspaper reader.
    pub reader: &'static str,
    /// The norm: document and section.
    pub norm: &'static str,
    /// The check.
    pub check: fn(&Case<'_>) -> Option<Hit>,
}

/// Every rule.
pub static RULES: &[Rule] = &[Rule {
    id: "tls-obsolete-version",
    severity: Severity::Medium,
    title: "An obsolete version of TLS",
    reader: "The connection used a version of TLS that was retired because it can be broken.",
    norm: "RFC 8996 §4 and §5 (TLS 1.0, 1.1), RFC 7568 §3 (SSL 3), RFC 6176 §3 (SSL 2)",
    check: |case| {
        let fact = case.connection.facts.get(Kind::TlsVersion)?;
        let crate::base::What::TlsVersion(version) = &fact.what else { return None };
        super::judge::obsolete(version.0)?;
        let name = super::judge::version_name(&case.connection.facts, version.0);
        Some(Hit { text: format!("{name} was negotiated").into(), evidence: fact.evidence.clone() })
    },
}];

/// The findings of every rule that fires, gravest first, in the order of [`RULES`] within a severity.
#[must_use]
pub fn check(connection: &Connection, judgement: &Judgement) -> Vec<Finding> {
    let case = Case { connection, judgement };
    let mut findings: Vec<Finding> =
        RULES.iter().filter_map(|rule| (rule.check)(&case).map(|hit| Finding { rule, text: hit.text, evidence: hit.evidence })).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity));
    findings
}
