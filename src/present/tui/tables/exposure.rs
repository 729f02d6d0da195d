//! What anyone on the path could read: content, credentials and identifiers; then names and service data, which set no grade.

use crate::assess::Judged;
use crate::assess::report::{Citations, Exposure};
use crate::base::Exposed;
use crate::present::tui::table::{Cell, Column, Key, STRETCH};
use crate::present::tui::tables::endpoints::quoted;
use crate::present::tui::text;

/// Something readable.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Of which kind.
    pub kind: Exposed,
    /// What it was.
    pub what: &'static str,
    /// The thing itself, or a masked beginning of the first one; safe to print.
    pub value: String,
    /// Whether the value is a server's name.
    pub is_name: bool,
    /// Connections it was seen in.
    pub connections: u64,
    /// How often, and octets, where that was counted.
    pub amount: Option<(u64, u64)>,
    /// The frames.
    pub cited: Citations,
}

impl Shown {
    /// The filter that shows its connections.
    #[must_use]
    pub fn filter(&self) -> String {
        if self.is_name { format!("name:{}", quoted(&self.value)) } else { format!("exposed:{}", self.kind.word()) }
    }
}

/// What was readable in connections: what weighs most first, of the same kind the most frequent first.
#[must_use]
pub fn gather<'a>(connections: impl Iterator<Item = &'a Judged>) -> Vec<Shown> {
    let mut exposure = Exposure::default();
    connections.for_each(|judged| exposure.push(0, judged));
    // Names and identifiers are told one by one.
    let one_by_one = |kind: Exposed| matches!(kind, Exposed::Identifiers | Exposed::Names);
    let readable = exposure.readable.iter().filter(|((kind, _), _)| !one_by_one(*kind)).map(|((kind, what), seen)| Shown {
        kind: *kind,
        what,
        value: seen.excerpt.to_string(),
        is_name: false,
        connections: seen.connections,
        amount: Some((seen.count, seen.bytes)),
        cited: seen.cited.clone(),
    });
    let identifiers = exposure.identifiers.iter().map(|((what, value), seen)| Shown {
        kind: Exposed::Identifiers,
        what,
        value: value.to_string(),
        is_name: false,
        connections: seen.connections,
        amount: None,
        cited: seen.cited.clone(),
    });
    let names = exposure.names.iter().map(|((name, from), seen)| Shown {
        kind: Exposed::Names,
        what: from.words(),
        value: name.to_string(),
        is_name: true,
        connections: seen.connections,
        amount: None,
        cited: seen.cited.clone(),
    });
    let mut all: Vec<Shown> = readable.chain(identifiers).chain(names).collect();
    all.sort_by_key(|shown| (shown.kind, std::cmp::Reverse(shown.connections)));
    all
}

/// Every column, from left to right.
pub const COLUMNS: &[Column<Shown>] = &[
    Column {
        title: "kind",
        says: "content, credentials, identifiers; names and service set no grade",
        width: |_| 11,
        from: 0,
        right: false,
        cell: |s, _| Cell::exposed(s.kind),
        key: |s| Key::count(s.kind as u64),
    },
    Column {
        title: "what",
        says: "what it was",
        width: |table| if table >= 110 { 36 } else { 24 },
        from: 0,
        right: false,
        cell: |s, _| Cell::text(s.what),
        key: |s| Key::Word(s.what),
    },
    Column {
        title: "read",
        says: "the thing itself, or the beginning of the first one; content and identifiers are masked, of credentials nothing is kept",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |s, _| Cell::text(s.value.as_str()),
        key: |s| Key::bytes(s.value.as_bytes()),
    },
    Column {
        title: "times",
        says: "how often it was seen, where that was counted",
        width: |_| 7,
        from: 76,
        right: true,
        cell: |s, _| Cell::maybe(s.amount.map(|(count, _)| text::grouped(count))),
        key: |s| s.amount.map_or(Key::Unknown, |(count, _)| Key::count(count)),
    },
    Column {
        title: "conn.",
        says: "connections it was seen in",
        width: |_| 6,
        from: 60,
        right: true,
        cell: |s, _| Cell::text(text::grouped(s.connections)),
        key: |s| Key::count(s.connections),
    },
    Column {
        title: "bytes",
        says: "octets of it, where that was counted",
        width: |_| 7,
        from: 92,
        right: true,
        cell: |s, _| Cell::maybe(s.amount.map(|(_, bytes)| text::octets(bytes))),
        key: |s| s.amount.map_or(Key::Unknown, |(_, bytes)| Key::count(bytes)),
    },
];
