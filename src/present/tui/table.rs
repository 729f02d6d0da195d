//! A table: its columns, its order, its cursor. One row of a [`Column`] list is one column on the screen, with its width, cell and order.

use std::cmp::Ordering;
use std::net::IpAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw::{line, put};
use super::row::UNKNOWN;
use super::text;
use super::theme::{Theme, glyph, severity_glyph};
use crate::assess::{Grade, Judgement, Ledger, Outcome, Severity};
use crate::base::Exposed;

/// A column of rows of type `R`.
pub struct Column<R: 'static> {
    /// Its heading.
    pub title: &'static str,
    /// What the help page says of it.
    pub says: &'static str,
    /// Its width, given that of the table; [`STRETCH`] takes what is left.
    pub width: fn(u16) -> u16,
    /// The narrowest table that shows it.
    pub from: u16,
    /// Whether numbers line up at the right.
    pub right: bool,
    /// What stands in it.
    pub cell: fn(&R, &Ledger) -> Cell,
    /// What it is sorted by.
    pub key: for<'a> fn(&'a R) -> Key<'a>,
}

/// A width of "what is left".
pub const STRETCH: u16 = 0;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Text,
    Quiet,
    Grade(Grade),
    Severity(Severity),
}

impl Cell {
    /// Text; unknown where it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        Cell { text: if text.is_empty() { UNKNOWN.to_owned() } else { text }, tone: Tone::Text }
    }

    /// Text, or unknown.
    #[must_use]
    pub fn maybe(text: Option<String>) -> Cell {
        Cell::text(text.unwrap_or_default())
    }

    /// A grade: sign, word and colour.
    #[must_use]
    pub fn grade(grade: Grade) -> Cell {
        Cell { text: format!("{} {}", glyph(grade), grade.word()), tone: Tone::Grade(grade) }
    }

    /// The grade of a connection. Where only names or service data were readable, that: it weighs less, and must not look like more.
    #[must_use]
    pub fn judged(judgement: &Judgement) -> Cell {
        match judgement.exposed.first() {
            Some(kind) if !judgement.counts_for_groups() => {
                Cell { text: format!("{} {}", glyph(Grade::Exposed), kind.word()), tone: Tone::Quiet }
            }
            _ => Cell::grade(judgement.grade),
        }
    }

    /// A kind of what was readable; those that set no grade weigh less.
    #[must_use]
    pub fn exposed(kind: Exposed) -> Cell {
        Cell { text: kind.word().to_owned(), tone: if kind.sets_a_group() { Tone::Grade(Grade::Exposed) } else { Tone::Quiet } }
    }

    /// A severity: sign, word and colour.
    #[must_use]
    pub fn severity(severity: Severity) -> Cell {
        Cell { text: format!("{} {}", severity_glyph(severity), severity.word()), tone: Tone::Severity(severity) }
    }

    fn style(&self, theme: &Theme) -> Style {
        match self.tone {
            Tone::Text if self.text == UNKNOWN => theme.quiet,
            Tone::Quiet => theme.quiet,
            Tone::Text => theme.text,
            Tone::Grade(grade) => theme.grade(grade),
            Tone::Severity(severity) => theme.severity(severity),
        }
    }
}

/// What a column is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A count or a moment.
    Number(i128),
    /// A name from the wire: its first bytes as a number, which mostly settles it without a look at the rest, then all of it.
    Bytes(u128, &'a [u8]),
    /// An address.
    Address(IpAddr, u16),
    /// A word of ours.
    Word(&'static str),
    /// An outcome, newest version first, then the protocol.
    Outcome(Outcome, &'static str),
    /// Not known: last, whichever way the order is turned.
    Unknown,
}

impl<'a> Key<'a> {
    /// A name.
    #[must_use]
    pub fn bytes(all: &'a [u8]) -> Key<'a> {
        let head = (0..16).fold(0_u128, |head, i| (head << 8) | u128::from(all.get(i).copied().unwrap_or(0)));
        Key::Bytes(head, all)
    }

    /// A count.
    #[must_use]
    pub fn count(n: u64) -> Key<'a> {
        Key::Number(i128::from(n))
    }

    /// A grade, worst first.
    #[must_use]
    pub fn grade(grade: Grade) -> Key<'a> {
        Key::Number(Grade::ALL.iter().position(|g| *g == grade).and_then(|at| i128::try_from(at).ok()).unwrap_or_default())
    }

    /// The grade of a connection, worst first; what is readable by design stands after what is protected.
    #[must_use]
    pub fn judged(judgement: &Judgement) -> Key<'a> {
        match (judgement.counts_for_groups(), Key::grade(judgement.grade), Key::grade(Grade::Protected)) {
            (false, _, Key::Number(protected)) => Key::Number(protected.saturating_mul(2).saturating_add(1)),
            (_, Key::Number(rank), _) => Key::Number(rank.saturating_mul(2)),
            (_, key, _) => key,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Number(_) => 0,
            Key::Outcome(..) => 1,
            Key::Word(_) => 2,
            Key::Bytes(..) => 3,
            Key::Address(..) => 4,
            Key::Unknown => 5,
        }
    }

    /// Compares two keys of one column; what is unknown stays last.
    #[must_use]
    pub fn compare(&self, other: &Key<'_>, reversed: bool) -> Ordering {
        let order = match (self, other) {
            (Key::Unknown, _) | (_, Key::Unknown) => return self.rank().cmp(&other.rank()),
            (Key::Number(a), Key::Number(b)) => a.cmp(b),
            (Key::Bytes(a, all_a), Key::Bytes(b, all_b)) => a.cmp(b).then_with(|| all_a.cmp(all_b)),
            (Key::Address(a, p), Key::Address(b, q)) => (a, p).cmp(&(b, q)),
            (Key::Word(a), Key::Word(b)) => a.cmp(b),
            (Key::Outcome(a, n), Key::Outcome(b, m)) => (a, n).cmp(&(b, m)),
            (a, b) => a.rank().cmp(&b.rank()),
        };
        if reversed { order.reverse() } else { order }
    }
}

/// By which column, and which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// Place of the column in its list.
    pub column: usize,
    /// Largest first.
    pub reversed: bool,
}

/// What is selected in a table, and what of it is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The order.
    pub sort: Sort,
    /// The selected row.
    pub cursor: usize,
    /// The row at the top.
    pub top: usize,
}

impl List {
    /// Keeps the cursor on a row, and the row on the screen.
    pub fn keep_in_view(&mut self, rows: usize, height: u16) {
        let height = usize::from(height).max(1);
        self.cursor = self.cursor.min(rows.saturating_sub(1));
        let lowest = self.cursor.saturating_add(1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.cursor).min(rows.saturating_sub(height).max(lowest));
    }
}

/// Puts rows into the order of a column; rows that are equal in it stay as they were.
pub fn sort<R>(rows: &mut [R], columns: &[Column<R>], sort: Sort) {
    if let Some(column) = columns.get(sort.column) {
        rows.sort_by(|a, b| (column.key)(a).compare(&(column.key)(b), sort.reversed));
    }
}

/// A column where it stands on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its index in the list of columns.
    pub index: usize,
    /// Where it starts, from the left edge of the table.
    pub x: u16,
    /// How wide it is.
    pub width: u16,
    /// Whether it lines up at the right.
    right: bool,
}

/// Which columns a table of this width shows, and where. The first column of the table is left for the cursor.
#[must_use]
pub fn arrange<R>(columns: &[Column<R>], table: u16) -> Vec<Place> {
    let shown: Vec<(usize, &Column<R>)> = columns.iter().enumerate().filter(|(_, c)| c.from <= table).collect();
    let fixed = shown.iter().fold(1_u16, |sum, (_, c)| sum.saturating_add((c.width)(table)).saturating_add(1));
    let left = table.saturating_sub(fixed.saturating_sub(1));
    let mut x = 1_u16;
    let mut places = Vec::with_capacity(shown.len());
    for (index, column) in shown {
        let width = match (column.width)(table) {
            STRETCH => left,
            width => width,
        };
        places.push(Place { index, x, width, right: column.right });
        x = x.saturating_add(width).saturating_add(1);
    }
    places
}

/// The column whose heading is at this distance from the left edge of the table.
#[must_use]
pub fn heading_at(places: &[Place], x: u16) -> Option<usize> {
    places.iter().find(|p| (p.x..=p.x.saturating_add(p.width)).contains(&x)).map(|p| p.index)
}

/// Draws headings and rows; `rows` begins with the one at the top.
pub fn draw<'r, R>(
    buf: &mut Buffer,
    area: Rect,
    columns: &[Column<R>],
    rows: impl Iterator<Item = &'r R>,
    list: List,
    (ledger, theme): (&Ledger, &Theme),
) {
    if area.is_empty() {
        return;
    }
    let places = arrange(columns, area.width);
    let padded = |cell: &str, place: &Place| {
        let room = usize::from(place.width);
        if place.right { text::right(cell, room) } else { text::left(cell, room) }
    };
    for place in &places {
        let Some(column) = columns.get(place.index) else { continue };
        let mark = match (place.index == list.sort.column, list.sort.reversed) {
            (false, _) => "",
            (true, false) => "↑",
            (true, true) => "↓",
        };
        let heading = padded(&format!("{}{mark}", column.title), place);
        put(buf, area.x.saturating_add(place.x), area.y, place.width, &heading, theme.heading);
    }
    for ((n, at), one) in (1..area.height).zip(list.top..).zip(rows) {
        let here = line(area, n);
        let selected = at == list.cursor;
        if selected {
            put(buf, here.x, here.y, 1, ">", theme.text);
        }
        for place in &places {
            let Some(column) = columns.get(place.index) else { continue };
            let cell = (column.cell)(one, ledger);
            put(buf, here.x.saturating_add(place.x), here.y, place.width, &padded(&cell.text, place), cell.style(theme));
        }
        if selected {
            buf.set_style(here, theme.selected);
        }
    }
}
