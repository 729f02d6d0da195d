//! What changed between two captures: an update of an app, another network, a VPN.

use std::collections::BTreeSet;

use super::{Citations, Counted, Counts, Part, Report, ReportBuilder, Sentence, Summary, Voice};
use crate::assess::{Catalogue, Judged};
use crate::base::{Kind, What, WireStr};

/// Different values of a kind that are kept.
const ROOM: usize = 2000;

/// What is compared. The order is that of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Grades of connections.
    Grade,
    /// Negotiated versions, and protocols.
    Version,
    /// Negotiated cipher suites.
    Cipher,
    /// Negotiated groups of the key exchange.
    Group,
    /// Certificates in clear: subject and fingerprint.
    Certificate,
    /// Names of servers.
    Name,
    /// Addresses and ports of servers.
    Endpoint,
    /// Rules that fired.
    Finding,
}

impl Subject {
    /// Every one, in order.
    pub const ALL: [Subject; 8] = [
        Subject::Grade,
        Subject::Version,
        Subject::Cipher,
        Subject::Group,
        Subject::Certificate,
        Subject::Name,
        Subject::Endpoint,
        Subject::Finding,
    ];

    /// For people.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Subject::Grade => "Grades",
            Subject::Version => "Versions and protocols",
            Subject::Cipher => "Cipher suites",
            Subject::Group => "Groups of the key exchange",
            Subject::Certificate => "Certificates in clear",
            Subject::Name => "Names of servers",
            Subject::Endpoint => "Addresses of servers",
            Subject::Finding => "Findings",
        }
    }

    /// For programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Subject::Grade => "grades",
            Subject::Version => "versions",
            Subject::Cipher => "ciphers",
            Subject::Group => "groups",
            Subject::Certificate => "certificates",
            Subject::Name => "names",
            Subject::Endpoint => "endpoints",
            Subject::Finding => "findings",
        }
    }

    /// Whether the values are what strangers chose.
    #[must_use]
    pub fn is_private(self) -> bool {
        matches!(self, Subject::Certificate | Subject::Name | Subject::Endpoint)
    }
}

/// What occurs in one capture, by connections.
#[derive(Clone, Debug)]
pub struct Inventory {
    counts: Vec<Counts<WireStr>>,
}

impl Default for Inventory {
    fn default() -> Inventory {
        Inventory { counts: Subject::ALL.iter().map(|_| Counts::with_room(ROOM)).collect() }
    }
}

impl Inventory {
    fn push(&mut self, input: u32, judged: &Judged) {
        let opening = Citations::frame(input, judged.first_frame);
        let proof = judged.judgement.evidence.as_ref().map_or_else(|| opening.clone(), |e| Citations::of(input, e));
        let (mut certificate, mut hash) = (None, None);
        self.add(Subject::Grade, judged.judgement.grade.word().into(), &proof);
        for fact in super::in_clear(&judged.facts) {
            let cited = Citations::of(input, &fact.evidence);
            match &fact.what {
                What::TlsCipher(cipher) => self.add(Subject::Cipher, cipher.to_string().into(), &cited),
                What::TlsCurve(group) => self.add(Subject::Group, group.to_string().into(), &cited),
                What::TlsSubject(subject) => certificate = Some((subject.clone(), cited)),
                What::TlsCertSha256(_) => hash = Some(fact.what.shown().to_string()),
                What::TlsServerName(name) | What::HttpHost(name) => self.add(Subject::Name, name.clone(), &cited),
                _ => {}
            }
        }
        if let Some((subject, cited)) = certificate {
            let hash = hash.as_deref().and_then(|hash| hash.get(..16)).unwrap_or("unknown").to_owned();
            let key = [subject.as_bytes(), b" (SHA-256 ", hash.as_bytes(), "…)".as_bytes()].concat();
            self.add(Subject::Certificate, WireStr::new(&key), &cited);
        }
        let version = judged.facts.get(Kind::TlsVersion);
        let what = match crate::assess::Outcome::of(judged) {
            crate::assess::Outcome::Nothing => judged.protocol().unwrap_or(judged.transport.name()).to_owned(),
            outcome => outcome.to_string(),
        };
        let cited = version.map_or(proof, |fact| Citations::of(input, &fact.evidence));
        self.add(Subject::Version, what.into(), &cited);
        self.add(Subject::Endpoint, format!("{} {}", judged.server, judged.transport.name()).into(), &opening);
        for finding in &judged.judgement.findings {
            self.add(Subject::Finding, finding.rule.id.into(), &Citations::of(input, &finding.evidence));
        }
    }

    fn add(&mut self, subject: Subject, value: WireStr, cited: &Citations) {
        if let Some(counts) = self.counts.get_mut(subject as usize) {
            counts.add(value, cited);
        }
    }

    /// What occurs of a kind.
    #[must_use]
    pub fn of(&self, subject: Subject) -> Option<&Counts<WireStr>> {
        self.counts.get(subject as usize)
    }
}

/// One capture of a comparison.
#[derive(Debug)]
pub struct Side {
    builder: ReportBuilder,
    inventory: Inventory,
    input: u32,
}

impl Side {
    /// The first capture (0) or the second (1).
    #[must_use]
    pub fn new(input: u32) -> Side {
        Side { builder: ReportBuilder::numbered_from(input), inventory: Inventory::default(), input }
    }

    /// What reading it came to.
    pub fn begin(&mut self, input: super::Input) {
        self.builder.begin(input);
    }

    /// Counts a connection.
    pub fn push(&mut self, judged: &Judged) {
        self.builder.push(judged);
        self.inventory.push(self.input, judged);
    }

    /// Counts a connection that a filter left out, and nothing of it.
    pub fn leave_out(&mut self) {
        self.builder.leave_out();
    }
}

/// Two captures, side by side.
#[derive(Debug)]
pub struct Comparison {
    /// What was counted of each.
    pub sides: [Summary; 2],
    inventories: [Inventory; 2],
    /// Both as one, for names and footnotes.
    pub both: Report,
}

/// A value, and how often it occurs in each capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value.
    pub value: WireStr,
    /// In the first and in the second capture.
    pub seen: [Counted; 2],
}

impl Row {
    /// Whether it occurs in one capture only.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.seen.iter().any(|seen| seen.connections == 0)
    }
}

impl Comparison {
    /// Of two captures that were counted.
    #[must_use]
    pub fn of(first: Side, second: Side, about: super::About, catalogue: &'static Catalogue) -> Comparison {
        let sides = [first.builder.finish(), second.builder.finish()];
        let inputs = sides.iter().flat_map(|side| side.inputs.clone()).collect();
        let left_out = sides.iter().fold(0u64, |sum, side| sum.saturating_add(side.left_out));
        let mut summary = Summary { inputs, left_out, ..Summary::default() };
        summary.coverage.connections = sides.iter().fold(0u64, |sum, side| sum.saturating_add(side.coverage.connections));
        let both = Report { summary, about, case: None, canary: None, catalogue };
        Comparison { sides, inventories: [first.inventory, second.inventory], both }
    }

    /// The values of a kind that occur in either: those of one capture only first.
    #[must_use]
    pub fn rows(&self, subject: Subject) -> Vec<Row> {
        let [a, b] = self.inventories.each_ref().map(|inventory| inventory.of(subject));
        let values: BTreeSet<&WireStr> = [a, b].into_iter().flatten().flat_map(|counts| counts.iter().map(|(value, _)| value)).collect();
        let get = |counts: Option<&Counts<WireStr>>, value| counts.and_then(|counts| counts.get(value)).cloned().unwrap_or_default();
        let mut rows: Vec<Row> =
            values.into_iter().map(|value| Row { value: value.clone(), seen: [get(a, value), get(b, value)] }).collect();
        rows.sort_by_key(|row| !row.is_change());
        rows
    }

    /// A value of a kind as it is said: names and addresses may get pseudonyms, ports do not.
    #[must_use]
    pub fn said(subject: Subject, value: &WireStr) -> Vec<Part> {
        let words = || Part::Words(value.to_string().into());
        match subject {
            Subject::Certificate | Subject::Name => vec![Part::Name(value.clone())],
            Subject::Endpoint => {
                let text = value.to_string();
                let parsed = text.split_once(' ').and_then(|(at, rest)| Some((at.parse::<std::net::SocketAddr>().ok()?, rest)));
                let Some((at, transport)) = parsed else { return vec![Part::Name(value.clone())] };
                let (before, after) = if at.is_ipv6() { ("[", "]") } else { ("", "") };
                vec![before.into(), Part::Address(at.ip()), Part::Words(format!("{after}:{} {transport}", at.port()).into())]
            }
            _ => vec![words()],
        }
    }

    /// How it speaks: with pseudonyms for every name and address in its tables, or plainly.
    #[must_use]
    pub fn voice(&self) -> Voice {
        let mut voice = self.both.voice();
        if voice.is_redacted() {
            for subject in Subject::ALL {
                for row in self.rows(subject) {
                    Comparison::said(subject, &row.value).iter().for_each(|part| voice.learn(part));
                }
            }
        }
        voice
    }

    /// What must be known before the rest: that keys were used, what could not be read, what a filter left out.
    #[must_use]
    pub fn warnings(&self) -> Vec<Sentence> {
        super::words::warnings(&self.both)
    }

    /// How many values of a kind found no room, in both captures.
    #[must_use]
    pub fn left_out(&self, subject: Subject) -> u64 {
        self.inventories.iter().filter_map(|inventory| inventory.of(subject)).fold(0, |sum, counts| sum.saturating_add(counts.left_out()))
    }

    /// The ids of all rows of both boards, those of the first before those that only the second has.
    #[must_use]
    pub fn apps(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for app in self.sides.iter().flat_map(|side| side.board.rows()) {
            if !all.contains(&app.id) {
                all.push(app.id.clone());
            }
        }
        all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::testing::graded;
    use super::super::{About, Input};
    use super::*;
    use crate::assess::Grade;

    #[test]
    fn what_occurs_in_one_capture_only_stands_first_with_the_frames_of_its_capture() {
        let [mut before, mut after] = [0, 1].map(Side::new);
        [&mut before, &mut after].into_iter().for_each(|side| side.begin(Input::default()));
        before.push(&graded(1, Grade::Weak, "a.example"));
        before.push(&graded(11, Grade::Protected, "b.example"));
        after.push(&graded(1, Grade::Protected, "b.example"));
        let comparison = Comparison::of(before, after, About::default(), Catalogue::own());
        let said: Vec<(String, [u64; 2])> = comparison
            .rows(Subject::Grade)
            .iter()
            .map(|row| (row.value.to_string(), row.seen.clone().map(|seen| seen.connections)))
            .collect();
        assert_eq!(said, [("weak".into(), [1, 0]), ("protected".into(), [1, 1])]);
        let names = comparison.rows(Subject::Name);
        assert_eq!(names[1].seen[1].cited.by_input()[0].0, 1, "the second capture is input 1");
    }
}
