//! One connection: who, when, how much; the handshake as a ladder; every fact with its basis and frames.
//!
//! ```text
//!  intransit  demo.pcapng   connection 3 of 48   www.example.org
//!  client 10.0.0.2:51234   sent 9 packets, 1,200 bytes
//!  server 203.0.113.9:443  sent 8 packets, 3,121 bytes
//!  tcp, frames 12–40, 2024-05-01T09:00:00.123Z (+0.123 s), for 1.234 s
//!  TLS 1.3 encrypts the certificate; not visible without keys.
//!
//!  Handshake: complete   CsidID
//!       after  client                                       server  frames
//!     0.000 s  ├── ClientHello ─────────────────────────────────►│  14,15
//!     0.012 s  │◄───────────────────────────────── ServerHello ──┤  16
//!
//!  12 facts, each with how it is known and the frames that show it
//! >tls.version                1.3                           observed 16
//! ─────────────────────────────────────────────────────────────────────
//!  tls.version (observed: bytes in the frames below say it): 1.3
//!  frame.number in {16}
//! ```
//!
//! On a wide terminal ladder and facts stand side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::connections::{PROGRAM, safe};
use super::facts::{self, Widths};
use super::ladder;
use crate::assess::Ledger;
use crate::base::{Dir, Evidence, Fact, Step, Timestamp};
use crate::flow::Connection;
use crate::present::tui::draw::{len, line, put, put_all};
use crate::present::tui::model::{Model, Open};
use crate::present::tui::order::connection;
use crate::present::tui::theme::Theme;
use crate::present::tui::{row, said, text};

/// Lines above the body.
const HEAD: u16 = 4;
/// From this width on, ladder and facts stand side by side.
const WIDE: u16 = 130;

/// A line of the body.
enum Line<'a> {
    Heading(String),
    Sentence(String),
    LadderHead,
    Step(usize, &'a Step),
    Fact(usize, &'a Fact),
    Blank,
}

impl Line<'_> {
    fn item(&self) -> Option<usize> {
        match self {
            Line::Step(item, _) | Line::Fact(item, _) => Some(*item),
            _ => None,
        }
    }
}

/// How many things can be selected: the connection, its steps, its facts.
#[must_use]
pub fn items(connection: &Connection) -> usize {
    connection.facts.steps().len().saturating_add(connection.facts.list().len()).saturating_add(1)
}

/// The first item of the section after the one the cursor is in; after the last comes the first.
#[must_use]
pub fn next_section(connection: &Connection, cursor: usize) -> usize {
    let steps = connection.facts.steps().len();
    let firsts = [0, 1, steps.saturating_add(1)];
    firsts.into_iter().find(|first| *first > cursor && *first < items(connection)).unwrap_or(0)
}

fn evidence(connection: &Connection, cursor: usize) -> Option<&Evidence> {
    let at = cursor.checked_sub(1)?;
    let steps = connection.facts.steps();
    match at.checked_sub(steps.len()) {
        None => steps.get(at).map(|s| &s.evidence),
        Some(at) => connection.facts.list().get(at).map(|f| &f.evidence),
    }
}

/// The display filter of what the cursor is on.
#[must_use]
pub fn display_filter(connection: &Connection, cursor: usize) -> String {
    evidence(connection, cursor).map_or_else(|| row::display_filter(connection), Evidence::display_filter)
}

/// Where the body is: between the head and the pane of what is selected, which is taller where its value needs it.
fn body(area: Rect, pane: &Pane) -> Rect {
    let below = pane.height.saturating_add(2);
    let top = HEAD.min(area.height);
    Rect { y: area.y.saturating_add(top), height: area.height.saturating_sub(top).saturating_sub(below), ..area }
}

/// How many lines a page is.
#[must_use]
pub fn page(area: Rect) -> u16 {
    area.height.saturating_sub(HEAD).saturating_sub(usual_pane(area)).saturating_sub(2)
}

/// Lines of the pane, unless what is selected needs more.
fn usual_pane(area: Rect) -> u16 {
    match area.height {
        0..14 => 0,
        14..22 => 3,
        22..36 => 4,
        _ => 7,
    }
}

/// The two halves of the body: sentences and ladder, facts. On a narrow terminal the second is empty and the first holds everything.
fn halves(area: Rect, pane: &Pane) -> (Rect, Option<Rect>) {
    let body = body(area, pane);
    if area.width < WIDE {
        return (body, None);
    }
    let left = (area.width * 2 / 5).clamp(64, 80);
    let right = Rect { x: body.x.saturating_add(left).saturating_add(1), width: body.width.saturating_sub(left).saturating_sub(1), ..body };
    (Rect { width: left, ..body }, Some(right))
}

/// The item under the mouse.
#[must_use]
pub fn hit(area: Rect, open: Open, ledger: &Ledger, x: u16, y: u16) -> Option<usize> {
    let connection = connection(ledger, open.id)?;
    if y < area.y.saturating_add(HEAD) {
        return Some(0);
    }
    let (first, second) = halves(area, &Pane::of(connection, open.cursor, area));
    let half = if first.contains((x, y).into()) { first } else { second.filter(|s| s.contains((x, y).into()))? };
    let lines = if half == first { first_lines(connection, half, second.is_none()) } else { fact_lines(connection) };
    let at = top(&lines, open.cursor, half.height).saturating_add(usize::from(y.saturating_sub(half.y)));
    lines.get(at)?.item()
}

fn first_lines<'a>(connection: &'a Connection, half: Rect, with_facts: bool) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let room = usize::from(half.width.saturating_sub(3));
    for sentence in said::sentences(connection) {
        lines.extend(text::wrap(&sentence, room, 4).into_iter().map(Line::Sentence));
    }
    let steps = connection.facts.steps();
    if !steps.is_empty() {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        let word = row::handshake(connection).map(|w| format!(": {w}")).unwrap_or_default();
        lines.push(Line::Heading(format!("Handshake{word}   {}", connection.facts.history())));
        lines.push(Line::LadderHead);
        lines.extend(steps.iter().enumerate().map(|(i, step)| Line::Step(i.saturating_add(1), step)));
    }
    if with_facts {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.extend(fact_lines(connection));
    }
    lines
}

fn fact_lines(connection: &Connection) -> Vec<Line<'_>> {
    let (steps, facts) = (connection.facts.steps().len(), connection.facts.list());
    let heading = match facts.len() {
        0 => "No facts: nothing in this connection was recognised".to_owned(),
        n => format!("{}, each with how it is known and the frames that show it", text::counted(len(n), "fact")),
    };
    let mut lines = vec![Line::Heading(heading)];
    lines.extend(facts.iter().enumerate().map(|(i, fact)| Line::Fact(i.saturating_add(steps).saturating_add(1), fact)));
    if connection.facts.dropped() > 0 {
        let more = text::grouped(u64::from(connection.facts.dropped()));
        lines.push(Line::Sentence(format!("{more} more facts or steps were seen: more than is kept for one connection")));
    }
    lines
}

/// The first visible line, so that the cursor's line is visible with some lines around it.
fn top(lines: &[Line<'_>], cursor: usize, height: u16) -> usize {
    let height = usize::from(height);
    let at = lines.iter().position(|l| l.item() == Some(cursor)).unwrap_or(0);
    let most = lines.len().saturating_sub(height);
    if at < height.saturating_sub(1) { 0 } else { at.saturating_sub(height / 2).min(most) }
}

/// Draws the screen.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, open: Open, ledger: &Ledger) {
    let Some(connection) = connection(ledger, open.id) else { return };
    let theme = &model.theme;
    head(buf, area, model, open, connection, ledger);
    let pane = Pane::of(connection, open.cursor, area);
    let (first, second) = halves(area, &pane);
    let widths = Widths::of(connection.facts.list(), second.unwrap_or(first).width);
    let mut half = |half: Rect, lines: &[Line<'_>]| {
        let top = top(lines, open.cursor, half.height);
        for (n, one) in (0..half.height).zip(lines.iter().skip(top)) {
            draw_line(buf, line(half, n), one, open.cursor, (connection.start, widths), theme);
        }
    };
    half(first, &first_lines(connection, first, second.is_none()));
    if let Some(second) = second {
        half(second, &fact_lines(connection));
    }
    pane.draw(buf, area, theme);
}

fn head(buf: &mut Buffer, area: Rect, model: &Model, open: Open, connection: &Connection, ledger: &Ledger) {
    let theme = &model.theme;
    let at = model.table.rows.iter().position(|id| *id == open.id).map(len);
    let place =
        at.map(|at| format!("   connection {} of {}", text::grouped(at.saturating_add(1)), text::grouped(len(model.table.rows.len()))));
    let place = place.unwrap_or_default();
    let name = row::server(connection);
    let rest = text::width(&place).saturating_add(3);
    let file = text::fit(&model.file.to_string(), usize::from(area.width).saturating_sub(rest).saturating_sub(12).clamp(8, 40));
    let program =
        match rest.saturating_add(text::width(&file)).saturating_add(text::width(&name)) <= usize::from(area.width.saturating_sub(12)) {
            true => PROGRAM,
            false => " ",
        };
    let title = [(program, theme.heading), (&file, theme.heading), (&place, theme.text), ("   ", theme.text), (&name, theme.heading)];
    put_all(buf, line(area, 0), &title);
    let ends = [row::endpoint(&connection.client), row::endpoint(&connection.server)];
    let wide = ends.iter().map(|e| text::width(e)).max().unwrap_or(0);
    let sides = [("client", Dir::Client, theme.client), ("server", Dir::Server, theme.server)];
    for (n, ((side, dir, style), end)) in (1_u16..).zip(sides.into_iter().zip(&ends)) {
        let tally = connection.tally(dir);
        let sent = format!("  sent {}, {}", text::counted(tally.packets, "packet"), text::counted(tally.bytes, "byte"));
        let more = if connection.guessed && dir == Dir::Client { "  (side guessed)" } else { "" };
        let end = text::left(end, wide);
        let pieces =
            [(" ", theme.text), (side, style), (" ", theme.text), (&end, theme.heading), (&sent, theme.text), (more, theme.heading)];
        put_all(buf, line(area, n), &pieces);
    }
    put_all(buf, line(area, 3), &[(" ", theme.text), (&when(connection, ledger, area.width), theme.text)]);
    if open.cursor == 0 {
        for here in (1..HEAD).map(|n| line(area, n)).filter(|here| !here.is_empty()) {
            put(buf, here.x, here.y, 1, ">", theme.text);
            buf.set_style(here, theme.selected);
        }
    }
}

/// `tcp, frames 92–122, 2024-05-01T09:00:00.920Z (+0.910 s), for 1.234 s`.
fn when(connection: &Connection, ledger: &Ledger, width: u16) -> String {
    let after = ledger.span().map_or(0, |(start, _)| connection.start.since(start));
    let lasted = text::duration(connection.end.since(connection.start));
    let exact = connection.start.to_string();
    // Milliseconds are enough where there is little room.
    let start = match exact.split_at_checked(exact.len().saturating_sub("000000Z".len())) {
        Some((start, _)) if width < 100 => format!("{start}Z"),
        _ => exact,
    };
    let vlan = connection.vlan.map(|id| format!(", VLAN {id}")).unwrap_or_default();
    let frames = format!("{}, frames {}–{}", connection.transport.name(), connection.first_frame, connection.last_frame);
    format!("{frames}, {start} (+{} s), for {lasted}{vlan}", text::seconds(after))
}

fn draw_line(buf: &mut Buffer, at: Rect, what: &Line<'_>, cursor: usize, (start, widths): (Timestamp, Widths), theme: &Theme) {
    if at.is_empty() {
        return;
    }
    match what {
        Line::Blank => {}
        Line::Heading(told) => {
            put_all(buf, at, &[(" ", theme.text), (told, theme.heading)]);
        }
        Line::Sentence(told) => {
            put_all(buf, at, &[(" ", theme.text), (told, theme.text)]);
        }
        Line::LadderHead => ladder::head(buf, at, theme),
        Line::Step(_, step) => ladder::rung(buf, at, step, start, theme),
        Line::Fact(_, fact) => facts::row(buf, at, fact, widths, theme),
    }
    if what.item() == Some(cursor) {
        put(buf, at.x, at.y, 1, ">", theme.text);
        buf.set_style(at, theme.selected);
    }
}

/// What is selected, in full: its value, how it is known, and the filter that shows its frames.
struct Pane {
    told: Vec<String>,
    filter: Vec<String>,
    height: u16,
}

impl Pane {
    fn of(connection: &Connection, cursor: usize, area: Rect) -> Pane {
        let usual = usual_pane(area);
        let most = (area.height / 2).max(usual);
        let room = usize::from(area.width.saturating_sub(2));
        let more = evidence(connection, cursor).filter(|e| e.truncated()).map_or("", |_| "   (and more frames: the first 16 are named)");
        let filter = text::wrap(&format!("{}{more}", safe(&display_filter(connection, cursor))), room, 2);
        // On a small terminal the filter needs the room.
        let left = usize::from(most).saturating_sub(filter.len()).saturating_sub(1);
        let told = match selected(connection, cursor) {
            Some(told) => text::wrap(&told, room, left),
            None if usual < 4 => Vec::new(),
            None => text::wrap("This connection. To see its packets in Wireshark, use the display filter:", room, left),
        };
        let needs = told.len().saturating_add(filter.len()).saturating_add(1);
        let height = if usual == 0 { 0 } else { u16::try_from(needs).unwrap_or(u16::MAX).clamp(usual, most) };
        Pane { told, filter, height }
    }

    fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        if self.height == 0 {
            return;
        }
        let pane = Rect { y: area.bottom().saturating_sub(2).saturating_sub(self.height), height: self.height, ..area };
        put(buf, pane.x, pane.y, pane.width, &"─".repeat(usize::from(pane.width)), theme.quiet);
        let lines = self.told.iter().map(|told| (told, theme.text)).chain(self.filter.iter().map(|told| (told, theme.key)));
        for (n, (told, style)) in (1_u16..).zip(lines) {
            put_all(buf, line(pane, n), &[(" ", theme.text), (told, style)]);
        }
    }
}

/// The step or the fact under the cursor, in full; `None` for the connection itself.
fn selected(connection: &Connection, cursor: usize) -> Option<String> {
    let at = cursor.checked_sub(1)?;
    let steps = connection.facts.steps();
    match at.checked_sub(steps.len()) {
        None => steps.get(at).map(|step| {
            let from = if step.dir == Dir::Client { "client" } else { "server" };
            format!("{}, from the {from}; its last byte came at {}", step.message.name(), step.at)
        }),
        Some(at) => connection.facts.list().get(at).map(|fact| {
            let name = fact.what.kind().name();
            format!("{name} ({}): {}", facts::how_known(fact), row::shown(fact))
        }),
    }
}
