//! What can be selected in one connection, in the order in which it is shown.

use crate::assess::{Finding, Judged};
use crate::base::{Basis, Evidence, Fact, Kind, Step};

/// Something that can be selected.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The connection itself.
    Whole,
    /// Its grade and the reason.
    Why,
    /// A rule that fired.
    Finding(&'a Finding),
    /// A message of the handshake.
    Step(&'a Step),
    /// A fact.
    Fact(&'a Fact),
}

/// The parts of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The connection itself.
    Whole,
    /// Why it has its grade, and the rules that fired.
    Why,
    /// The handshake.
    Handshake,
    /// What the server showed of itself.
    Certificate,
    /// Facts of this basis.
    Facts(Basis),
}

impl<'a> Item<'a> {
    /// Every item, with its section.
    #[must_use]
    pub fn all(judged: &'a Judged) -> Vec<(Section, Item<'a>)> {
        let mut items = vec![(Section::Whole, Item::Whole), (Section::Why, Item::Why)];
        items.extend(judged.judgement.findings.iter().map(|finding| (Section::Why, Item::Finding(finding))));
        items.extend(judged.facts.steps().iter().map(|step| (Section::Handshake, Item::Step(step))));
        let mut facts: Vec<(Section, Item<'a>)> = judged.facts.list().iter().map(|fact| (section(fact), Item::Fact(fact))).collect();
        // Stable: within a section facts stay in the order of output.
        facts.sort_by_key(|(section, _)| *section);
        items.extend(facts);
        items
    }

    /// The frames behind it.
    #[must_use]
    pub fn evidence(&self, judged: &'a Judged) -> Option<&'a Evidence> {
        match self {
            Item::Whole => None,
            Item::Why => judged.judgement.evidence.as_ref(),
            Item::Finding(finding) => Some(&finding.evidence),
            Item::Step(step) => Some(&step.evidence),
            Item::Fact(fact) => Some(&fact.evidence),
        }
    }
}

fn section(fact: &Fact) -> Section {
    match fact.what.kind() {
        Kind::TlsCertSha256
        | Kind::TlsCertSha1
        | Kind::TlsSubject
        | Kind::TlsIssuer
        | Kind::TlsNotBefore
        | Kind::TlsNotAfter
        | Kind::TlsChainLength
        | Kind::TlsAlternativeNames
        | Kind::TlsSerial
        | Kind::TlsSignatureAlgorithm
        | Kind::TlsKeyAlgorithm
        | Kind::TlsKeySize
        | Kind::TlsChainState => Section::Certificate,
        _ => Section::Facts(fact.basis),
    }
}
