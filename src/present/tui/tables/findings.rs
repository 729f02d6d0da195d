//! The rules that fired, gravest first.

use crate::assess::Judged;
use crate::assess::report::{Findings, RuleCount};
use crate::present::tui::table::{Cell, Column, Key, STRETCH};
use crate::present::tui::text;

/// The rules that fired for connections.
#[must_use]
pub fn gather<'a>(connections: impl Iterator<Item = &'a Judged>) -> Vec<RuleCount> {
    let mut findings = Findings::default();
    connections.for_each(|judged| findings.push(0, judged));
    findings.gravest_first().into_iter().cloned().collect()
}

/// Every column, from left to right.
pub const COLUMNS: &[Column<RuleCount>] = &[
    Column {
        title: "severity",
        says: "how much it matters: high, medium, low; info is worth knowing, good is better than what is asked for",
        width: |_| 9,
        from: 0,
        right: false,
        cell: |f, _| Cell::severity(f.rule.severity),
        key: |f| Key::Number(-i128::from(f.rule.severity as u8)),
    },
    Column {
        title: "finding",
        says: "what the rule found",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |f, _| Cell::text(f.rule.title),
        key: |f| Key::Word(f.rule.title),
    },
    Column {
        title: "conn.",
        says: "connections it found it in",
        width: |_| 6,
        from: 50,
        right: true,
        cell: |f, _| Cell::text(text::grouped(f.connections)),
        key: |f| Key::count(f.connections),
    },
    Column {
        title: "rule",
        says: "the rule; `intransit rules` prints its page",
        width: |_| 26,
        from: 76,
        right: false,
        cell: |f, _| Cell::text(f.rule.id),
        key: |f| Key::Word(f.rule.id),
    },
    Column {
        title: "norm",
        says: "the document and section it rests on",
        width: |_| 44,
        from: 130,
        right: false,
        cell: |f, _| Cell::text(f.rule.norm),
        key: |f| Key::Word(f.rule.norm),
    },
];
