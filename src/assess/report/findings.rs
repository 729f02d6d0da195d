//! The rules that fired, each once, with how often and where.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::board::OTHER;
use super::{Citations, Counts};
use crate::assess::{Judged, RULES, Rule};

/// Different wordings of one rule that are kept.
const MOST_TEXTS: usize = 8;
/// Apps of one rule that are kept.
const MOST_APPS: usize = 32;

/// One rule, over all connections.
#[derive(Clone, Debug)]
pub struct RuleCount {
    /// The rule.
    pub rule: &'static Rule,
    /// Connections it fired for.
    pub connections: u64,
    /// The frames.
    pub cited: Citations,
    /// What it said, with the values seen.
    pub texts: Counts<String>,
    /// Which apps those connections belong to.
    pub apps: Counts<String>,
}

/// Every rule that fired.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    by_rule: BTreeMap<&'static str, RuleCount>,
}

impl Findings {
    /// Counts what fired for one connection.
    pub fn push(&mut self, input: u32, judged: &Judged) {
        let app = judged.attribution.as_ref().map_or(OTHER, |of| &*of.platform);
        for finding in &judged.judgement.findings {
            let cited = Citations::of(input, &finding.evidence);
            let seen = self.by_rule.entry(finding.rule.id).or_insert_with(|| RuleCount {
                rule: finding.rule,
                connections: 0,
                cited: Citations::default(),
                texts: Counts::with_room(MOST_TEXTS),
                apps: Counts::with_room(MOST_APPS),
            });
            seen.connections = seen.connections.saturating_add(1);
            seen.cited.extend(&cited);
            seen.texts.add(finding.text.clone().into_owned(), &cited);
            seen.apps.add(app.to_owned(), &cited);
        }
    }

    /// The rules that fired: gravest first, then in the order of the table of rules.
    #[must_use]
    pub fn gravest_first(&self) -> Vec<&RuleCount> {
        let place = |rule: &Rule| RULES.iter().position(|known| known.id == rule.id);
        let mut all: Vec<&RuleCount> = self.by_rule.values().collect();
        all.sort_by_key(|seen| (Reverse(seen.rule.severity), place(seen.rule), seen.rule.id));
        all
    }

    /// One rule.
    #[must_use]
    pub fn get(&self, rule: &str) -> Option<&RuleCount> {
        self.by_rule.get(rule)
    }
}
