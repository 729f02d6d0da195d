//! The board: for each app one line, where what was seen in transit and what is claimed can stand side by side.
//!
//! An app's headline comes from its messaging and call connections alone, and only from those that are certainly or likely its own; what
//! is only possibly its own, and media, web and the rest, stand beside it (contract §2, Groups).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use super::Citations;
use super::tally::{ByGrade, Counts};
use crate::assess::attribution::{Confidence, Role};
use crate::assess::{Grade, Identity, Judged, Outcome, Severity};
use crate::base::{Dir, Exposed, Kind, Timestamp, What, WireStr};

/// The row of connections that no platform was named for.
pub const OTHER: &str = "other";

/// Different values that one row keeps of a kind.
const ROOM: usize = 24;

/// Every app of a capture, or of several.
#[derive(Clone, Debug)]
pub struct Board {
    apps: BTreeMap<String, App>,
    all: App,
}

impl Default for Board {
    fn default() -> Board {
        Board { apps: BTreeMap::new(), all: App::new("", Standing::All) }
    }
}

impl Board {
    /// Counts a connection of one input. What is kept is bounded by the number of platforms of the catalogue.
    pub fn push(&mut self, input: u32, judged: &Judged) {
        let (id, standing) = match &judged.attribution {
            Some(of) if of.confidence == Confidence::Shared => (&*of.platform, Standing::Shared),
            Some(of) => (&*of.platform, Standing::App),
            None => (OTHER, Standing::All),
        };
        if !self.apps.contains_key(id) {
            self.apps.insert(id.to_owned(), App::new(id, standing));
        }
        if let Some(app) = self.apps.get_mut(id) {
            app.push(input, judged);
        }
        self.all.push(input, judged);
    }

    /// The capture as a whole.
    #[must_use]
    pub fn all(&self) -> &App {
        &self.all
    }

    /// The rows: apps, then names that several apps share, then what belongs to none; the busiest first. Never by grade.
    #[must_use]
    pub fn rows(&self) -> Vec<&App> {
        let mut rows: Vec<&App> = self.apps.values().collect();
        rows.sort_by_key(|app| (app.standing, Reverse(app.total())));
        rows
    }

    /// The row of an app.
    #[must_use]
    pub fn app(&self, id: &str) -> Option<&App> {
        self.apps.get(id)
    }
}

/// What a row is about. The order is that of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// One app.
    App,
    /// Names or channels that several apps use.
    Shared,
    /// Whatever there was: what belongs to no app, or the whole capture.
    All,
}

/// Everything counted of one app.
#[derive(Clone, Debug)]
pub struct App {
    /// The platform's id, or [`OTHER`]; empty for the whole capture.
    pub id: String,
    /// What the row is about.
    pub standing: Standing,
    /// The connections that count for the grade of a group, by their own grade.
    pub connections: ByGrade,
    /// Octets of their payload, retransmissions left out, by grade.
    pub payload: ByGrade,
    /// Octets of whole frames.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// The connections that make the headline, by grade.
    pub headline: ByGrade,
    /// The frames behind each grade of the headline.
    pub headline_cited: BTreeMap<Grade, Citations>,
    /// Connections that are surely or likely the app's but are not for messages or calls, by grade.
    pub beside: ByGrade,
    /// Connections that are only possibly the app's, by grade.
    pub possible: ByGrade,
    /// Connections that are readable by design (names, service): they set no grade and are in none of the counts above.
    pub by_design: u64,
    /// Connections that are surely or likely the app's, by what they are for and their grade.
    pub roles: BTreeMap<Role, ByGrade>,
    /// Negotiated versions (`TLS 1.3`, `QUIC`) and protocols that encrypt by themselves.
    pub versions: Counts<String>,
    /// Of the headline: the versions that were negotiated, by grade.
    pub headline_versions: Counts<(Grade, String)>,
    /// Of the headline: why connections have their grade.
    pub reasons: Counts<(Grade, String)>,
    /// Whether the other side was who it said.
    pub identities: Counts<Identity>,
    /// Protocols of the connections whose construction is an app's own.
    pub constructions: Counts<&'static str>,
    /// What could be read: its kind and what it was.
    pub readable: Counts<(Exposed, &'static str)>,
    /// The rules that fired, gravest first.
    pub findings: Counts<(Reverse<Severity>, &'static str)>,
    /// Why connections are held to be this app's: the kind of signal, and its value.
    pub because: Counts<(&'static str, WireStr)>,
    /// Connections whose server name could be read.
    pub named: u64,
    /// When the first connection began and the last one ended.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The first frames of its connections.
    pub cited: Citations,
}

impl App {
    fn new(id: &str, standing: Standing) -> App {
        App {
            id: id.to_owned(),
            standing,
            connections: ByGrade::default(),
            payload: ByGrade::default(),
            bytes: 0,
            packets: 0,
            headline: ByGrade::default(),
            headline_cited: BTreeMap::new(),
            beside: ByGrade::default(),
            possible: ByGrade::default(),
            by_design: 0,
            roles: BTreeMap::new(),
            versions: Counts::with_room(ROOM),
            headline_versions: Counts::with_room(ROOM),
            reasons: Counts::with_room(ROOM),
            identities: Counts::with_room(ROOM),
            constructions: Counts::with_room(ROOM),
            readable: Counts::with_room(ROOM),
            findings: Counts::with_room(2 * ROOM),
            because: Counts::with_room(ROOM),
            named: 0,
            span: None,
            cited: Citations::default(),
        }
    }

    fn push(&mut self, input: u32, judged: &Judged) {
        let (connection, judgement) = (&judged.connection, &judged.judgement);
        let (client, server) = (connection.tally(Dir::Client), connection.tally(Dir::Server));
        let grade = judgement.grade;
        let opening = Citations::frame(input, connection.first_frame);
        let proof = judgement.evidence.as_ref().map_or_else(|| opening.clone(), |evidence| Citations::of(input, evidence));
        self.bytes = self.bytes.saturating_add(client.bytes).saturating_add(server.bytes);
        self.packets = self.packets.saturating_add(client.packets).saturating_add(server.packets);
        self.cited.extend(&opening);
        let (start, end) = self.span.unwrap_or((connection.start, connection.end));
        self.span = Some((start.min(connection.start), end.max(connection.end)));

        let role = judged.attribution.as_ref().map_or(Role::Shared, |of| of.role);
        let ours = judged.attribution.as_ref().is_none_or(|of| of.confidence != Confidence::Possible);
        if judgement.counts_for_groups() {
            self.connections.add(grade, 1);
            self.payload.add(grade, client.payload.saturating_add(server.payload));
        }
        let headline =
            judgement.counts_for_groups() && (self.standing != Standing::App || ours && matches!(role, Role::Messaging | Role::Call));
        if headline {
            self.headline.add(grade, 1);
            self.headline_cited.entry(grade).or_default().extend(&proof);
            self.reasons.add((grade, judgement.why.clone().into_owned()), &proof);
        } else if !judgement.counts_for_groups() {
            self.by_design = self.by_design.saturating_add(1);
        } else if ours {
            self.beside.add(grade, 1);
        } else {
            self.possible.add(grade, 1);
        }
        if judgement.counts_for_groups() && ours && judged.attribution.is_some() && self.standing != Standing::All {
            self.roles.entry(role).or_default().add(grade, 1);
        }

        match Outcome::of(connection) {
            outcome @ (Outcome::Negotiated(..) | Outcome::GoogleQuic | Outcome::Other(_)) => {
                let cited =
                    connection.facts.get(Kind::TlsVersion).map_or_else(|| proof.clone(), |fact| Citations::of(input, &fact.evidence));
                self.versions.add(outcome.to_string(), &cited);
                if headline {
                    self.headline_versions.add((grade, outcome.to_string()), &cited);
                }
            }
            Outcome::Failed(_) | Outcome::Unanswered(_) | Outcome::Unseen(_) | Outcome::Nothing => {}
        }
        if let Some(identity) = judgement.identity {
            let cited =
                connection.facts.get(Kind::TlsCertSha256).map_or_else(|| proof.clone(), |fact| Citations::of(input, &fact.evidence));
            self.identities.add(identity, &cited);
        }
        if let (Grade::Custom, Some(protocol)) = (grade, connection.protocol()) {
            self.constructions.add(protocol, &proof);
        }
        for (readable, evidence) in super::readables(&connection.facts) {
            self.readable.add((readable.kind, readable.what), &Citations::of(input, evidence));
        }
        for finding in &judgement.findings {
            self.findings.add((Reverse(finding.rule.severity), finding.rule.id), &Citations::of(input, &finding.evidence));
        }
        if self.standing != Standing::All {
            for signal in judged.attribution.iter().flat_map(|of| &of.because) {
                self.because.add((signal.signal, signal.value.clone()), &Citations::of(input, &signal.evidence));
            }
        }
        if super::in_clear(&connection.facts).any(|fact| matches!(fact.what, What::TlsServerName(_) | What::HttpHost(_))) {
            self.named = self.named.saturating_add(1);
        }
    }

    /// How many connections there are, those that are readable by design included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.connections.total().saturating_add(self.by_design)
    }

    /// The grade with its denominator.
    #[must_use]
    pub fn headline(&self) -> Headline {
        let grade = self.headline.group();
        let unjudged = self.headline.of(Grade::Unknown);
        Headline { grade, with: self.headline.of(grade), judged: self.headline.judged(), unjudged, empty: self.headline.of(Grade::None) }
    }

    /// The gravest rule that fired: its severity and its id. Praise and remarks are not grave.
    #[must_use]
    pub fn worst(&self) -> Option<(Severity, &'static str)> {
        let (&(Reverse(severity), rule), _) = self.findings.iter().next()?;
        (severity >= Severity::Low).then_some((severity, rule))
    }
}

/// A group's grade, never without its denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The grade of the group.
    pub grade: Grade,
    /// Connections that have this grade.
    pub with: u64,
    /// Connections that were judged.
    pub judged: u64,
    /// Connections that could not be judged.
    pub unjudged: u64,
    /// Connections that carried nothing.
    pub empty: u64,
}

impl Headline {
    /// Connections that carried something: judged and not.
    #[must_use]
    pub fn of(&self) -> u64 {
        self.judged.saturating_add(self.unjudged)
    }
}

/// `protected in 32 of 34; 2 not judged`.
impl fmt::Display for Headline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grade {
            Grade::None if self.empty == 0 => f.write_str("no connection of this kind"),
            Grade::None => write!(f, "none: {} carried nothing", self.empty),
            Grade::Unknown => write!(f, "unknown: none of {} judged", self.unjudged),
            grade => {
                write!(f, "{} in {} of {}", grade.word(), self.with, self.of())?;
                if self.unjudged > 0 { write!(f, "; {} not judged", self.unjudged) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{graded, of};
    use super::*;
    use crate::assess::Finding;
    use crate::assess::rules::RULES;
    use Confidence::{Confirmed, Likely, Possible, Shared};
    use Grade::{Custom, Exposed, None, Protected, Unknown, Weak};

    fn board(connections: impl IntoIterator<Item = Judged>) -> Board {
        let mut board = Board::default();
        connections.into_iter().for_each(|judged| board.push(0, &judged));
        board
    }

    fn headline(board: &Board, id: &str) -> String {
        board.app(id).unwrap().headline().to_string()
    }

    #[test]
    fn a_headline_names_its_denominator_and_what_was_not_judged() {
        let messages = |grade, n| (0..n).map(move |i| of(graded(10 * i + 1, grade, "x"), "a", Role::Messaging, Likely));
        assert_eq!(headline(&board(messages(Protected, 32).chain(messages(Unknown, 2))), "a"), "protected in 32 of 34; 2 not judged");
        assert_eq!(headline(&board(messages(Protected, 3)), "a"), "protected in 3 of 3");
        assert_eq!(headline(&board(messages(Protected, 3).chain(messages(Custom, 1))), "a"), "custom in 1 of 4");
        assert_eq!(headline(&board(messages(Unknown, 3).chain(messages(None, 1))), "a"), "unknown: none of 3 judged");
        assert_eq!(headline(&board(messages(None, 2)), "a"), "none: 2 carried nothing");
    }

    #[test]
    fn only_messages_and_calls_that_are_surely_or_likely_the_apps_make_its_headline() {
        let board = board([
            of(graded(1, Protected, "x"), "a", Role::Messaging, Likely),
            of(graded(11, Protected, "x"), "a", Role::Call, Confirmed),
            of(graded(21, Weak, "x"), "a", Role::Media, Confirmed),
            of(graded(31, Exposed, "x"), "a", Role::Messaging, Possible),
        ]);
        let app = board.app("a").unwrap();
        assert_eq!(app.headline().to_string(), "protected in 2 of 2");
        assert_eq!((app.beside.of(Weak), app.possible.of(Exposed), app.connections.total()), (1, 1, 4));
        assert_eq!(board.all().headline().to_string(), "exposed in 1 of 4");
        assert!(app.headline_cited.get(&Protected).is_some_and(|cited| cited.by_input().len() == 1));
    }

    #[test]
    fn an_app_of_which_only_a_web_page_was_seen_has_no_headline() {
        let board = board([of(graded(1, Protected, "x"), "a", Role::Web, Likely)]);
        assert_eq!(headline(&board, "a"), "no connection of this kind");
    }

    #[test]
    fn readable_names_set_no_grade_and_are_counted() {
        let mut dns = graded(1, Exposed, "x");
        dns.judgement.exposed = vec![crate::base::Exposed::Names];
        let board = board([dns, graded(11, Protected, "x")]);
        assert_eq!(headline(&board, OTHER), "protected in 1 of 1");
        assert_eq!((board.all().by_design, board.all().connections.of(Exposed), board.all().total()), (1, 0, 2));
    }

    #[test]
    fn rows_stand_by_what_they_are_and_how_busy_never_by_grade() {
        let mut all = vec![of(graded(1, Exposed, "x"), "quiet", Role::Messaging, Likely), graded(11, Exposed, "x")];
        all.extend((2..5).map(|i| of(graded(10 * i + 1, Protected, "x"), "busy", Role::Messaging, Likely)));
        all.extend((5..9).map(|i| of(graded(10 * i + 1, Protected, "x"), "everybody", Role::Push, Shared)));
        let order: Vec<String> = board(all).rows().iter().map(|app| app.id.clone()).collect();
        assert_eq!(order, ["busy", "quiet", "everybody", OTHER]);
    }

    #[test]
    fn the_worst_finding_is_the_gravest_and_praise_is_none() {
        let mut judged = graded(1, Weak, "x");
        let grave = RULES.iter().find(|rule| rule.severity >= Severity::Medium).unwrap();
        judged.judgement.findings.push(Finding { rule: grave, text: "seen".into(), evidence: super::super::testing::frame(3) });
        let worst = board([judged]).all().worst();
        assert_eq!(worst, Some((grave.severity, grave.id)));
        assert_eq!(board([graded(1, Weak, "x")]).all().worst(), Option::None);
    }
}
