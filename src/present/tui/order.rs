//! Which connections the table shows and in what order: computed when something changes, never when something is drawn.

use std::fmt::Write as _;

use memchr::memmem::Finder;

use super::columns::{COLUMNS, Key};
use super::row;
use crate::assess::Judged;
use crate::assess::Ledger;
use crate::base::Kind;

/// The words of every connection in one text, lower case, a line each: searching a hundred thousand rows is then one walk over memory.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    ends: Vec<usize>,
}

impl Words {
    /// Takes in the connections that came since last time.
    pub fn extend(&mut self, connections: &[Judged]) {
        for connection in connections.get(self.ends.len()..).unwrap_or_default() {
            let start = self.text.len();
            let words = [row::protocol(connection), row::server(connection)];
            let handshake = row::handshake(connection).unwrap_or_default();
            let (client, server) = (row::socket(&connection.client), row::socket(&connection.server));
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{client}\n{server}\n{}\n{handshake}", connection.transport.name());
            for word in words {
                let _ = write!(self.text, "\n{word}");
            }
            for fact in connection.facts.list().iter().filter(|fact| SEARCHED.contains(&fact.what.kind())) {
                let _ = write!(self.text, "\n{}", fact.what.shown());
            }
            self.lower_from(start);
            self.ends.push(self.text.len());
        }
    }

    fn lower_from(&mut self, start: usize) {
        match self.text.get_mut(start..) {
            Some(new) if new.is_ascii() => new.make_ascii_lowercase(),
            _ => {
                let lower = self.text.split_off(start).to_lowercase();
                self.text.push_str(&lower);
            }
        }
    }

    /// Which connections contain all the words of a filter. No word: all of them.
    fn matching(&self, filter: &str) -> Vec<u32> {
        let filter = filter.to_lowercase();
        let finders: Vec<Finder<'_>> = filter.split_whitespace().map(Finder::new).collect();
        let mut start = 0;
        let mut matching = Vec::new();
        for (i, &end) in self.ends.iter().enumerate() {
            let words = self.text.as_bytes().get(start..end).unwrap_or_default();
            if finders.iter().all(|finder| finder.find(words).is_some()) {
                matching.push(u32::try_from(i).unwrap_or(u32::MAX));
            }
            start = end;
        }
        matching
    }
}

/// The facts a filter looks at beside endpoints, names and protocol.
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
    Kind::ProcessName,
];

/// By which column, and which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// Index in [`COLUMNS`].
    pub column: usize,
    /// Largest first.
    pub reversed: bool,
}

/// The connections to show, as indices into the ledger. Rows that are equal in the column stand by first frame.
#[must_use]
pub fn order(ledger: &Ledger, words: &Words, filter: &str, sort: Sort) -> Vec<u32> {
    let Some(column) = COLUMNS.get(sort.column) else { return Vec::new() };
    let mut rows: Vec<(Key<'_>, u64, u32)> = words
        .matching(filter)
        .into_iter()
        .filter_map(|id| {
            let connection = connection(ledger, id)?;
            Some(((column.key)(connection), connection.first_frame.get(), id))
        })
        .collect();
    rows.sort_unstable_by(|a, b| a.0.compare(&b.0, sort.reversed).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    rows.into_iter().map(|(.., id)| id).collect()
}

/// A connection by its index.
#[must_use]
pub fn connection(ledger: &Ledger, id: u32) -> Option<&Judged> {
    ledger.connections().get(usize::try_from(id).ok()?)
}
