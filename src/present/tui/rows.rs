//! The rows of the tables: computed when something changes, never when something is drawn, and only for the screen that is open.

use std::fmt::Write as _;
use std::sync::Arc;

use super::row;
use super::screens::Screen;
use super::sparks::Sparks;
use super::table::{self, Key, Sort};
use super::tables::apps::{self, App};
use super::tables::connections::COLUMNS;
use super::tables::endpoints::{self, Endpoint};
use super::tables::exposure::{self, Shown};
use super::tables::findings;
use crate::assess::report::RuleCount;
use crate::assess::{Catalogue, Filter, Judged, Ledger};
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
    words: Words,
    /// Which screens' rows are those of the ledger as it is.
    fresh: [bool; Screen::ALL.len()],
}

impl Rows {
    /// The ledger has changed, or the filter.
    pub fn stale(&mut self) {
        self.fresh = Default::default();
    }

    /// The ledger has changed.
    pub fn changed(&mut self, ledger: &Ledger) {
        self.stale();
        self.words.take_in(ledger.connections());
        self.sparks = Sparks::of(ledger);
    }

    /// Brings the rows of a screen up to date.
    pub fn refresh(&mut self, screen: Screen, ledger: &Ledger, filter: Option<&Filter>, sort: Sort) {
        let Some(fresh) = self.fresh.get_mut(screen.index()) else { return };
        if std::mem::replace(fresh, true) {
            return;
        }
        match screen {
            Screen::Apps => {
                self.apps = apps::gather(matching(ledger, filter), self.catalogue.unwrap_or_else(Catalogue::own));
                table::sort(&mut self.apps, apps::COLUMNS, sort);
            }
            Screen::Connections => self.connections = connections(ledger, filter, sort),
            Screen::Endpoints => {
                self.endpoints = endpoints::gather(matching(ledger, filter));
                table::sort(&mut self.endpoints, endpoints::COLUMNS, sort);
            }
            Screen::Exposure => {
                self.exposure = exposure::gather(matching(ledger, filter));
                table::sort(&mut self.exposure, exposure::COLUMNS, sort);
            }
            Screen::Findings => {
                self.findings = findings::gather(matching(ledger, filter));
                table::sort(&mut self.findings, findings::COLUMNS, sort);
            }
            Screen::Capture | Screen::Canary => {}
        }
    }

    /// Another order for a screen.
    pub fn resort(&mut self, screen: Screen) {
        if let Some(fresh) = self.fresh.get_mut(screen.index()) {
            *fresh = false;
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

/// The connections that a filter lets through; without one, all.
fn matching<'a>(ledger: &'a Ledger, filter: Option<&'a Filter>) -> impl Iterator<Item = &'a Judged> {
    let all = ledger.connections().iter().map(|judged| &**judged);
    all.filter(move |judged| filter.is_none_or(|filter| filter.matches(judged)))
}

/// The connections to show. Rows that are equal in the column stand by first frame.
fn connections(ledger: &Ledger, filter: Option<&Filter>, sort: Sort) -> Vec<u32> {
    let Some(column) = COLUMNS.get(sort.column) else { return Vec::new() };
    let all = (0_u32..).zip(ledger.connections());
    let matching = all.filter(|(_, judged)| filter.is_none_or(|filter| filter.matches(judged)));
    let mut rows: Vec<(Key<'_>, u64, u32)> = matching.map(|(id, judged)| ((column.key)(judged), judged.first_frame.get(), id)).collect();
    rows.sort_unstable_by(|a, b| a.0.compare(&b.0, sort.reversed).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    rows.into_iter().map(|(.., id)| id).collect()
}

/// A connection by its place in the ledger.
#[must_use]
pub fn connection(ledger: &Ledger, id: u32) -> Option<&Judged> {
    ledger.connections().get(usize::try_from(id).ok()?).map(|judged| &**judged)
}
