//! The rows of the tables: computed when something changes, never when something is drawn, and only for the screen that is open.

use std::fmt::Write as _;
use std::sync::Arc;

use super::order::{Manner, Order, Ordered, Table};
use super::row;
use super::screens::Screen;
use super::sparks::Sparks;
use super::tables::apps::App;
use super::tables::endpoints::Endpoint;
use super::tables::exposure::Shown;
use crate::assess::report::RuleCount;
use crate::assess::{Catalogue, Judged, Ledger};
use crate::base::Kind;

/// What the tables show.
#[derive(Debug, Default)]
pub struct Rows {
    /// Whose claims are told, where it is not the program's own.
    pub catalogue: Option<&'static Catalogue>,
    /// App by app.
    pub apps: Vec<App>,
    /// Connections, as places in the ledger.
    pub connections: Vec<u32>,
    /// Servers.
    pub endpoints: Vec<Endpoint>,
    /// What was readable.
    pub exposure: Vec<Shown>,
    /// The rules that fired.
    pub findings: Vec<RuleCount>,
    /// Octets over time.
    pub sparks: Sparks,
    /// More connections than these are put in order by whoever takes an [`Order`]; without a number, none.
    pub at_once: Option<usize>,
    words: Words,
    /// How each screen's rows were made, and in which turn.
    made: [Option<(Manner, u64)>; Screen::ALL.len()],
    /// How often the ledger has changed.
    turn: u64,
    /// The turn from which on it has been this ledger: of another one, connections had other places.
    since: u64,
}

impl Rows {
    /// The ledger has changed.
    pub fn changed(&mut self, ledger: &Ledger) {
        self.turn = self.turn.wrapping_add(1);
        self.words.take_in(ledger.connections());
        if self.makes_at_once(ledger) {
            self.sparks = Sparks::of(ledger.connections(), ledger.span());
        }
    }

    /// It is another ledger. Rows of the last one that cannot be made anew at once are shown no longer.
    pub fn other_ledger(&mut self, ledger: &Ledger) {
        self.turn = self.turn.wrapping_add(1);
        self.since = self.turn;
        if !self.makes_at_once(ledger) {
            let Rows { catalogue, at_once, words, turn, since, .. } = std::mem::take(self);
            *self = Rows { catalogue, at_once, words, turn, since, ..Rows::default() };
        }
    }

    fn makes_at_once(&self, ledger: &Ledger) -> bool {
        self.at_once.is_none_or(|most| ledger.connections().len() <= most)
    }

    fn catalogue(&self) -> &'static Catalogue {
        self.catalogue.unwrap_or_else(Catalogue::own)
    }

    /// Whether the rows of a screen are those of the ledger as it is.
    fn is_fresh(&self, screen: Screen, manner: &Manner) -> bool {
        let made = self.made.get(screen.index()).and_then(Option::as_ref);
        made.is_some_and(|(of, turn)| *turn == self.turn && of == manner)
    }

    /// Whether the rows of a screen were made in another manner than this, or never: they are being made.
    #[must_use]
    pub fn are_awaited(&self, screen: Screen, ledger: &Ledger, manner: &Manner) -> bool {
        let made = self.made.get(screen.index()).and_then(Option::as_ref);
        self.are_behind(screen, ledger, manner) && made.is_none_or(|(of, _)| of != manner)
    }

    /// Whether the rows of a screen are of an earlier state of the ledger, and others are being made.
    #[must_use]
    pub fn are_behind(&self, screen: Screen, ledger: &Ledger, manner: &Manner) -> bool {
        let has_rows = !matches!(screen, Screen::Capture | Screen::Canary);
        has_rows && !self.makes_at_once(ledger) && !self.is_fresh(screen, manner)
    }

    /// Brings the rows of a screen up to date, unless there are too many for it.
    pub fn refresh(&mut self, screen: Screen, ledger: &Ledger, manner: Manner) {
        if !self.is_fresh(screen, &manner) && self.makes_at_once(ledger) {
            let table = Table::of(screen, ledger.connections(), &manner, self.catalogue());
            self.put(screen, table, manner, self.turn);
        }
    }

    /// What brings the rows of a screen up to date, where that is to be done beside.
    #[must_use]
    pub fn order(&self, screen: Screen, ledger: &Ledger, manner: Manner) -> Option<Order> {
        self.are_behind(screen, ledger, &manner).then(|| Order {
            screen,
            manner,
            connections: ledger.connections().to_vec(),
            span: ledger.span(),
            catalogue: self.catalogue(),
            turn: self.turn,
        })
    }

    /// Takes in rows that were made beside.
    pub fn take(&mut self, ordered: Ordered) {
        if ordered.turn < self.since {
            return;
        }
        self.sparks = ordered.sparks;
        if let Some(screen) = ordered.table.screen() {
            self.put(screen, ordered.table, ordered.manner, ordered.turn);
        }
    }

    fn put(&mut self, screen: Screen, table: Table, manner: Manner, turn: u64) {
        match table {
            Table::Apps(rows) => self.apps = rows,
            Table::Connections(rows) => self.connections = rows,
            Table::Endpoints(rows) => self.endpoints = rows,
            Table::Exposure(rows) => self.exposure = rows,
            Table::Findings(rows) => self.findings = rows,
            Table::None => {}
        }
        if let Some(made) = self.made.get_mut(screen.index()) {
            *made = Some((manner, turn));
        }
    }

    /// How many rows a screen has.
    #[must_use]
    pub fn len(&self, screen: Screen) -> usize {
        match screen {
            Screen::Apps => self.apps.len(),
            Screen::Connections => self.connections.len(),
            Screen::Endpoints => self.endpoints.len(),
            Screen::Exposure => self.exposure.len(),
            Screen::Findings => self.findings.len(),
            Screen::Capture | Screen::Canary => 0,
        }
    }

    /// What makes a row the same row when others come in.
    #[must_use]
    pub fn identity(&self, screen: Screen, at: usize) -> Option<Identity> {
        Some(match screen {
            Screen::Apps => Identity::Name(self.apps.get(at)?.id.clone()),
            Screen::Connections => Identity::Place(*self.connections.get(at)?),
            Screen::Endpoints => Identity::Name(self.endpoints.get(at)?.title()),
            Screen::Exposure => {
                let shown = self.exposure.get(at)?;
                Identity::Name(format!("{}\n{}", shown.what, shown.value))
            }
            Screen::Findings => Identity::Rule(self.findings.get(at)?.rule.id),
            Screen::Capture | Screen::Canary => return None,
        })
    }

    /// The first row from `start` on, wrapping round, that contains a word; backwards when asked.
    #[must_use]
    pub fn find(&self, screen: Screen, word: &str, start: usize, backwards: bool) -> Option<usize> {
        let count = self.len(screen);
        let word = word.to_lowercase();
        (0..count).find_map(|n| {
            let at = match backwards {
                false => start.saturating_add(n) % count,
                true => start.saturating_add(count).saturating_sub(n) % count,
            };
            self.holds(screen, at, &word).then_some(at)
        })
    }

    fn holds(&self, screen: Screen, at: usize, word: &str) -> bool {
        match screen {
            Screen::Apps => self.apps.get(at).is_some_and(|a| [&a.name, &a.id, &a.claim].iter().any(|w| w.to_lowercase().contains(word))),
            Screen::Connections => {
                let id = self.connections.get(at).and_then(|id| usize::try_from(*id).ok());
                id.is_some_and(|id| self.words.of(id).contains(word))
            }
            Screen::Endpoints => self.endpoints.get(at).is_some_and(|e| {
                let addresses = e.addresses.iter().map(ToString::to_string);
                let words = std::iter::once(e.title()).chain(addresses).chain(e.apps.iter().cloned()).chain(e.protocols.iter().cloned());
                words.into_iter().any(|w| w.to_lowercase().contains(word))
            }),
            Screen::Exposure => self
                .exposure
                .get(at)
                .is_some_and(|shown| [shown.kind.word(), shown.what, &shown.value].iter().any(|w| w.to_lowercase().contains(word))),
            Screen::Findings => self.findings.get(at).is_some_and(|found| {
                let rule = found.rule;
                [rule.id, rule.title, rule.norm, rule.severity.word()].iter().any(|w| w.to_lowercase().contains(word))
            }),
            Screen::Capture | Screen::Canary => false,
        }
    }
}

/// What makes a row the same row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A connection's place in the ledger.
    Place(u32),
    /// What it is called.
    Name(String),
    /// A rule's id.
    Rule(&'static str),
}

/// The words of every connection, in lower case, so that looking for one is a walk over memory. Which connection it was is remembered:
/// one that has changed is read anew.
#[derive(Debug, Default)]
struct Words(Vec<(Option<Arc<Judged>>, Box<str>)>);

impl Words {
    fn take_in(&mut self, connections: &[Arc<Judged>]) {
        if self.0.len() < connections.len() {
            self.0.resize_with(connections.len(), || (None, Box::default()));
        }
        let mut text = String::new();
        for ((known, words), judged) in self.0.iter_mut().zip(connections) {
            if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, judged)) {
                read(judged, &mut text);
                *words = text.as_str().into();
                *known = Some(Arc::clone(judged));
            }
        }
    }

    fn of(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |(_, words)| words)
    }
}

fn read(judged: &Judged, text: &mut String) {
    text.clear();
    let handshake = row::handshake(judged).unwrap_or_default();
    let (client, server) = (judged.client, judged.server);
    // Writing to a String cannot fail.
    let _ = write!(text, "{client}\n{server}\n{}\n{handshake}\n{}", judged.transport.name(), judged.judgement.grade.word());
    let _ = write!(text, "\n{}\n{}", row::protocol(judged), row::server(judged));
    if let Some(of) = &judged.attribution {
        let _ = write!(text, "\n{}", of.platform);
    }
    for fact in judged.facts.list().iter().filter(|fact| SEARCHED.contains(&fact.what.kind())) {
        let _ = write!(text, "\n{}", fact.what.shown());
    }
    match text.is_ascii() {
        true => text.make_ascii_lowercase(),
        false => *text = text.to_lowercase(),
    }
}

/// The facts that are searched beside endpoints, names and protocol.
const SEARCHED: &[Kind] = &[
    Kind::TlsCipher,
    Kind::TlsCurve,
    Kind::TlsNextProtocol,
    Kind::TlsSubject,
    Kind::Protocol,
    Kind::Handshake,
    Kind::StartTls,
    Kind::HttpHost,
    Kind::DnsQuery,
    Kind::ResolvedName,
    Kind::ProcessName,
];

/// A connection by its place in the ledger.
#[must_use]
pub fn connection(ledger: &Ledger, id: u32) -> Option<&Judged> {
    ledger.connections().get(usize::try_from(id).ok()?).map(|judged| &**judged)
}
