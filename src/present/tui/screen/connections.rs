//! The table of connections.
//!
//! ```text
//!  intransit  demo.pcapng   48 connections: 37 TLS, 4 QUIC   12,345 packets   2 min 3 s
//!  TLS 1.3 ×31  TLS 1.2 ×6  QUIC ×4  no encryption recognised ×7
//!  ! the capture breaks at byte 123456: …                                (only if it does)
//!       #↑ server              protocol     cipher             handshake     bytes
//! >      1 www.example.org     TLS 1.3      AES_128_GCM_SHA256 complete     4.3 kB
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::assess::{Family, Ledger, State};
use crate::base::escape_into;
use crate::present::tui::columns::{COLUMNS, arrange};
use crate::present::tui::draw::{len, line, put, put_all};
use crate::present::tui::model::Model;
use crate::present::tui::order::connection;
use crate::present::tui::text;

/// How many notes are shown above the table at most.
const MOST_NOTES: usize = 2;
/// How many lines the counts of versions take at most.
const MOST_VERSION_LINES: usize = 2;
/// The start of the title where there is room.
pub(super) const PROGRAM: &str = " intransit  ";

/// Where the rows are: between the headings and the two lines at the bottom.
#[must_use]
pub fn rows_area(area: Rect, ledger: &Ledger) -> Rect {
    let told = notes(ledger).len().saturating_add(versions(ledger, area.width).len());
    let above = 2_u16.saturating_add(u16::try_from(told).unwrap_or(u16::MAX)).min(area.height);
    let height = area.height.saturating_sub(above).saturating_sub(2);
    Rect { x: area.x, y: area.y.saturating_add(above), width: area.width, height }
}

/// What went wrong, worst first: at most two lines.
fn notes(ledger: &Ledger) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    if let State::Failed(why) = &ledger.state
        && ledger.count() > 0
    {
        told.push(why.clone());
    }
    told.extend(ledger.notes.iter().cloned());
    if ledger.truncated > 0 {
        told.push(format!(
            "the capture cut {} short: what was in the missing part is not known",
            text::counted(ledger.truncated, "packet")
        ));
    }
    if ledger.not_kept > 0 {
        told.push(format!("{} counted but not listed: there were more than fit in memory", text::counted(ledger.not_kept, "connection")));
    }
    if told.len() > MOST_NOTES {
        let more = told.len().saturating_sub(MOST_NOTES.saturating_sub(1));
        told.truncate(MOST_NOTES.saturating_sub(1));
        told.push(format!("and {more} more warnings: see the help page (?)"));
    }
    told.iter().map(|note| safe(note)).collect()
}

/// Escapes what might steer the terminal: notes can quote a capture.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, text.as_bytes());
    out
}

/// Draws the screen.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    title(buf, line(area, 0), model, ledger);
    let versions = versions(ledger, area.width).into_iter().map(|told| (" ", told, model.theme.heading));
    let notes = notes(ledger).into_iter().map(|told| (" ! ", told, model.theme.warning));
    for (n, (mark, told, style)) in (1_u16..).zip(versions.chain(notes)) {
        put_all(buf, line(area, n), &[(mark, style), (&told, style)]);
    }
    let rows = rows_area(area, ledger);
    if rows.is_empty() {
        return;
    }
    headings(buf, Rect { y: rows.y.saturating_sub(1), height: 1, ..rows }, model);
    if model.table.rows.is_empty() {
        let room = usize::from(rows.width.saturating_sub(4));
        for (n, told) in (1_u16..).zip(text::wrap(&nothing(model, ledger), room, 4)) {
            put_all(buf, line(rows, n), &[("  ", model.theme.text), (&told, model.theme.text)]);
        }
        return;
    }
    let places = arrange(area.width);
    let visible = model.table.rows.iter().enumerate().skip(model.table.top).take(usize::from(rows.height));
    for (n, (at, id)) in (0_u16..).zip(visible) {
        let Some(connection) = connection(ledger, *id) else { continue };
        let here = line(rows, n);
        let selected = at == model.table.cursor;
        if selected {
            put(buf, here.x, here.y, 1, ">", model.theme.text);
        }
        for place in &places {
            let Some(column) = COLUMNS.get(place.index) else { continue };
            let cell = (column.cell)(connection, ledger);
            let style = if cell == crate::present::tui::row::UNKNOWN { model.theme.quiet } else { model.theme.text };
            let room = usize::from(place.width);
            let padded = if place.right { text::right(&cell, room) } else { text::left(&cell, room) };
            put(buf, place.x, here.y, place.width, &padded, style);
        }
        if selected {
            buf.set_style(here, model.theme.selected);
        }
    }
}

/// The file and the counts; what does not fit is left out from the least telling on, and the file's name is cut last.
fn title(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    let theme = &model.theme;
    let families: Vec<String> = [Family::Tls, Family::Quic, Family::Dtls]
        .into_iter()
        .map(|family| (ledger.of_family(family), family.name()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, name)| format!("{} {name}", text::grouped(n)))
        .collect();
    let connections = text::counted(ledger.count(), "connection");
    let lasted = ledger.span().map(|(start, end)| format!("   {}", text::duration(end.since(start)))).unwrap_or_default();
    let rest = format!("   {}{lasted}", text::counted(ledger.frames, "packet"));
    let long = if families.is_empty() { format!("{connections}{rest}") } else { format!("{connections}: {}{rest}", families.join(", ")) };
    let short = format!("{connections}{rest}");
    let file = model.file.to_string();
    let room = usize::from(area.width);
    let needs = |program: &str, told: &str| text::width(program) + text::width(&file) + text::width(told) + 3;
    let (program, told) = [(PROGRAM, &long), (" ", &long), (" ", &short)]
        .into_iter()
        .find(|(program, told)| needs(program, told) <= room)
        .unwrap_or((" ", &short));
    let file = text::fit(&file, room.saturating_sub(text::width(told)).saturating_sub(text::width(program)).saturating_sub(3).max(8));
    put_all(buf, area, &[(program, theme.heading), (&file, theme.heading), ("   ", theme.text), (told, theme.text)]);
}

/// `TLS 1.3 ×31  QUIC ×6  …`, in one line or two. When not all fit, the ones before the last are left out and counted:
/// the last is what nothing protected, and must not be hidden.
fn versions(ledger: &Ledger, width: u16) -> Vec<String> {
    let mut all: Vec<String> = ledger.outcomes().map(|(outcome, n)| format!("{outcome} ×{}", text::grouped(n))).collect();
    let room = usize::from(width).saturating_sub(2);
    let whole = flow(&all, room);
    if whole.len() <= MOST_VERSION_LINES {
        return whole;
    }
    let last = all.pop().unwrap_or_default();
    for kept in (0..all.len()).rev() {
        let left_out = all.len().saturating_sub(kept);
        let mut some: Vec<String> = all.iter().take(kept).cloned().collect();
        some.extend([format!("and {left_out} more kinds"), last.clone()]);
        let lines = flow(&some, room);
        if lines.len() <= MOST_VERSION_LINES {
            return lines;
        }
    }
    vec![text::fit(&last, room)]
}

/// Pieces in lines, two spaces apart, no piece broken.
fn flow(pieces: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for piece in pieces {
        let longer = match lines.last() {
            Some(line) if !line.is_empty() => format!("{line}  {piece}"),
            _ => piece.clone(),
        };
        match lines.last_mut() {
            Some(line) if line.is_empty() || text::width(&longer) <= room => *line = longer,
            _ => lines.push(piece.clone()),
        }
    }
    lines
}

fn headings(buf: &mut Buffer, area: Rect, model: &Model) {
    for place in arrange(area.width) {
        let Some(column) = COLUMNS.get(place.index) else { continue };
        let sorted = place.index == model.table.sort.column;
        let mark = match (sorted, model.table.sort.reversed) {
            (false, _) => "",
            (true, false) => "↑",
            (true, true) => "↓",
        };
        let heading = format!("{}{mark}", column.title);
        let room = usize::from(place.width);
        let padded = if place.right { text::right(&heading, room) } else { text::left(&heading, room) };
        put(buf, place.x, area.y, place.width, &padded, model.theme.heading);
    }
}

/// Why the table is empty.
fn nothing(model: &Model, ledger: &Ledger) -> String {
    match (&ledger.state, ledger.count()) {
        (State::Failed(why), 0) => format!("Nothing of this capture could be read: {}", safe(why)),
        (State::Reading, 0) => "Reading. Connections appear here when they are finished.".to_owned(),
        (State::Done, 0) if ledger.frames == 0 => "The capture holds no packets.".to_owned(),
        (State::Done, 0) => format!("{} read; none belonged to a TCP, UDP or SCTP connection.", text::counted(ledger.frames, "packet")),
        _ => format!("None of {} contains “{}”.", text::counted(len(ledger.connections().len()), "connection"), safe(&model.table.filter)),
    }
}

/// ` 1–19 of 48, sorted by start, filtered by “foo”`.
#[must_use]
pub fn shown(model: &Model, ledger: &Ledger) -> String {
    let table = &model.table;
    if table.rows.is_empty() && table.filter.is_empty() {
        return String::new();
    }
    let height = usize::from(rows_area(model.area(), ledger).height);
    let last = table.top.saturating_add(height).min(table.rows.len());
    let first = table.top.saturating_add(1).min(last);
    let mut told = match last {
        0 => " no rows".to_owned(),
        _ => format!(" {first}–{last} of {}", text::grouped(len(table.rows.len()))),
    };
    let column = COLUMNS.get(table.sort.column).map_or("", |c| if c.title == "#" { "first frame" } else { c.title });
    told = format!("{told}, by {column}{}", if table.sort.reversed { ", reversed" } else { "" });
    if !table.filter.is_empty() {
        told = format!("{told}, with “{}” (of {})", safe(&table.filter), text::grouped(len(ledger.connections().len())));
    }
    told
}
