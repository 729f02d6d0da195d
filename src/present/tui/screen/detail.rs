//! One connection: its grade and why; who, when, how much; the rules that fired; the handshake as a ladder; the certificate; every fact by
//! how it is known, with its frames.
//!
//! ```text
//!  intransit  demo.pcapng   connection 3 of 48   www.example.org
//!  ● protected: TLS 1.3 with X25519MLKEM768 and TLS_AES_128_GCM_SHA256; handshake seen whole
//!  client 10.0.0.2:51234   sent 9 packets, 1,200 bytes
//!  server 203.0.113.9:443  sent 8 packets, 3,121 bytes
//!  tcp, frames 12–40, 2024-05-01T09:00:00.123Z (+0.123 s), for 1.234 s
//!
//!  Why
//!  ● protected                                                      4,5,6
//!  + good    pq-hybrid  The key exchange …                          4,6
//!
//!  Handshake: complete   CsidID
//!       after  client                                       server  frames
//!     0.000 s  ├── ClientHello ─────────────────────────────────►│  14,15
//!
//!  Observed: bytes in the frames say it (12)
//! >tls.version                1.3                           observed 16
//! ─────────────────────────────────────────────────────────────────────
//!  tls.version (observed: bytes in the frames below say it): 1.3
//!  frame.number in {16}
//! ```
//!
//! On a wide terminal the facts stand beside the rest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::facts::{self, Widths};
use super::items::{Item, Section};
use super::pane::verdict;
use super::{ladder, said_of};
use crate::assess::{Judged, Ledger};
use crate::base::{Basis, Dir, Timestamp};
use crate::present::tui::draw::{len, line, put, put_all};
use crate::present::tui::header::{PROGRAM, safe};
use crate::present::tui::model::{Model, Open};
use crate::present::tui::rows::connection;
use crate::present::tui::theme::{Theme, glyph, severity_glyph};
use crate::present::tui::{row, said, text};

/// From this width on, facts stand beside the rest.
const WIDE: u16 = 130;

/// A line of the body.
enum Line<'a> {
    Heading(String),
    Sentence(String),
    LadderHead,
    Item(usize, Item<'a>),
    Blank,
}

impl Line<'_> {
    fn item(&self) -> Option<usize> {
        match self {
            Line::Item(item, _) => Some(*item),
            _ => None,
        }
    }
}

/// Everything that can be selected.
#[must_use]
pub fn items(judged: &Judged) -> Vec<(Section, Item<'_>)> {
    Item::all(judged)
}

/// The first item of the section after the one the cursor is in; after the last comes the first.
#[must_use]
pub fn next_section(judged: &Judged, cursor: usize) -> usize {
    let items = Item::all(judged);
    let here = items.get(cursor).map(|(section, _)| *section);
    items.iter().position(|(section, _)| Some(*section) > here).unwrap_or(0)
}

/// The display filter of what the cursor is on.
#[must_use]
pub fn display_filter(judged: &Judged, cursor: usize) -> String {
    let evidence = Item::all(judged).get(cursor).and_then(|(_, item)| item.evidence(judged));
    evidence.map_or_else(|| row::display_filter(judged), crate::base::Evidence::display_filter)
}

/// What the cursor is on says.
#[must_use]
pub fn value(judged: &Judged, cursor: usize) -> String {
    match Item::all(judged).get(cursor) {
        None | Some((_, Item::Whole)) => row::server(judged),
        Some((_, Item::Why)) => safe(&judged.judgement.why),
        Some((_, Item::Finding(finding))) => safe(&finding.text),
        Some((_, Item::Step(step))) => step.message.name().to_owned(),
        Some((_, Item::Fact(fact))) => row::shown(fact),
    }
}

/// Lines above the body: what the connection is, and the grade.
fn head_height(area: Rect) -> u16 {
    5_u16.min(area.height)
}

/// Where the body is: between the head and the pane of what is selected, which is taller where its value needs it.
fn body(area: Rect, pane: &Pane) -> Rect {
    let below = pane.height.saturating_add(2);
    let top = head_height(area);
    Rect { y: area.y.saturating_add(top), height: area.height.saturating_sub(top).saturating_sub(below), ..area }
}

/// How many lines a page is.
#[must_use]
pub fn page(area: Rect) -> u16 {
    area.height.saturating_sub(head_height(area)).saturating_sub(usual_pane(area)).saturating_sub(2)
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

/// The two halves of the body. On a narrow terminal the second is empty and the first holds everything.
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
pub fn hit(model: &Model, open: Open, ledger: &Ledger, x: u16, y: u16) -> Option<usize> {
    let (judged, area) = (connection(ledger, open.id)?, model.area());
    if y < area.y.saturating_add(head_height(area)) {
        return Some(usize::from(y == area.y.saturating_add(1)));
    }
    let (first, second) = halves(area, &Pane::of(judged, open.cursor, area));
    let half = if first.contains((x, y).into()) { first } else { second.filter(|s| s.contains((x, y).into()))? };
    let lines = if half == first { first_lines(judged, half, second.is_none()) } else { fact_lines(judged) };
    let at = top(&lines, open.cursor, half.height).saturating_add(usize::from(y.saturating_sub(half.y)));
    lines.get(at)?.item()
}

fn of_section<'a>(judged: &'a Judged, wanted: impl Fn(Section) -> bool + 'a) -> impl Iterator<Item = Line<'a>> + 'a {
    let items = Item::all(judged).into_iter().enumerate();
    items.filter(move |(_, (section, _))| wanted(*section)).map(|(at, (_, item))| Line::Item(at, item))
}

fn first_lines(judged: &Judged, half: Rect, with_facts: bool) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let room = usize::from(half.width.saturating_sub(3));
    let mut sentences = said::sentences(judged);
    sentences.extend(said_of::identity(judged));
    sentences.extend(said_of::app(judged));
    for sentence in sentences {
        lines.extend(text::wrap(&sentence, room, 4).into_iter().map(Line::Sentence));
    }
    if !lines.is_empty() {
        lines.push(Line::Blank);
    }
    let rules = judged.judgement.findings.len();
    lines.push(Line::Heading(match rules {
        0 => "Why this grade; no rule fired".to_owned(),
        n => format!("Why this grade, and {}", text::counted(len(n), "finding")),
    }));
    lines.extend(of_section(judged, |section| section == Section::Why));
    if !judged.facts.steps().is_empty() {
        let word = row::handshake(judged).map(|w| format!(": {w}")).unwrap_or_default();
        lines.push(Line::Blank);
        lines.push(Line::Heading(format!("Handshake{word}   {}", judged.facts.history())));
        lines.push(Line::LadderHead);
        lines.extend(of_section(judged, |section| section == Section::Handshake));
    }
    if with_facts {
        lines.push(Line::Blank);
        lines.extend(fact_lines(judged));
    }
    lines
}

/// The headings of facts, in the order of how they are known.
const BASES: [(Basis, &str); 4] = [
    (Basis::Observed, "Observed: bytes in the frames say it"),
    (Basis::ObservedWithKeys, "Observed with keys: decrypted bytes say it"),
    (Basis::Inferred, "Inferred: it follows from what the frames hold"),
    (Basis::Claimed, "Claimed: somebody says so"),
];

fn fact_lines(judged: &Judged) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    if judged.facts.list().is_empty() {
        lines.push(Line::Heading("No facts: nothing in this connection was recognised".to_owned()));
    }
    let certificate = (Section::Certificate, "The server's certificate, as it was sent in clear");
    let bases = BASES.into_iter().map(|(basis, told)| (Section::Facts(basis), told));
    for (section, heading) in std::iter::once(certificate).chain(bases) {
        let facts: Vec<Line<'_>> = of_section(judged, move |one| one == section).collect();
        if facts.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.push(Line::Heading(format!("{heading} ({})", facts.len())));
        lines.extend(facts);
    }
    if judged.facts.dropped() > 0 {
        let more = text::grouped(u64::from(judged.facts.dropped()));
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
    let Some(judged) = connection(ledger, open.id) else { return };
    let theme = &model.theme;
    head(buf, area, model, open, judged, ledger);
    let pane = Pane::of(judged, open.cursor, area);
    let (first, second) = halves(area, &pane);
    let widths = Widths::of(judged.facts.list(), second.unwrap_or(first).width);
    let mut half = |half: Rect, lines: &[Line<'_>]| {
        let top = top(lines, open.cursor, half.height);
        for (n, one) in (0..half.height).zip(lines.iter().skip(top)) {
            draw_line(buf, line(half, n), one, open.cursor, judged, (widths, theme));
        }
    };
    half(first, &first_lines(judged, first, second.is_none()));
    if let Some(second) = second {
        half(second, &fact_lines(judged));
    }
    pane.draw(buf, area, theme);
}

fn head(buf: &mut Buffer, area: Rect, model: &Model, open: Open, judged: &Judged, ledger: &Ledger) {
    let theme = &model.theme;
    let at = model.rows.connections.iter().position(|id| *id == open.id).map(len);
    let all = text::grouped(len(model.rows.connections.len()));
    let place = at.map(|at| format!("   connection {} of {all}", text::grouped(at.saturating_add(1)))).unwrap_or_default();
    let name = row::server(judged);
    let rest = text::width(&place).saturating_add(3);
    let file = text::fit(&model.shown.name.to_string(), usize::from(area.width).saturating_sub(rest).saturating_sub(12).clamp(8, 40));
    let program =
        match rest.saturating_add(text::width(&file)).saturating_add(text::width(&name)) <= usize::from(area.width.saturating_sub(12)) {
            true => PROGRAM,
            false => " ",
        };
    let title = [(program, theme.heading), (&file, theme.heading), (&place, theme.text), ("   ", theme.text), (&name, theme.heading)];
    put_all(buf, line(area, 0), &title);
    put_all(buf, line(area, 1), &[(" ", theme.text), (&verdict(judged), theme.grade(judged.judgement.grade))]);
    let ends = [row::endpoint(&judged.client), row::endpoint(&judged.server)];
    let wide = ends.iter().map(|e| text::width(e)).max().unwrap_or(0);
    let process = row::value(judged, crate::base::Kind::ProcessName).map(|name| format!("  program {name}")).unwrap_or_default();
    let sides = [("client", Dir::Client, theme.client, process), ("server", Dir::Server, theme.server, String::new())];
    for (n, ((side, dir, style, program), end)) in (2_u16..).zip(sides.into_iter().zip(&ends)) {
        let tally = judged.tally(dir);
        let sent = format!("  sent {}, {}", text::counted(tally.packets, "packet"), text::counted(tally.bytes, "byte"));
        let guess = if judged.guessed && dir == Dir::Client { "  (guessed to be the client)" } else { "" };
        let pieces = [
            (" ", theme.text),
            (side, style),
            (" ", theme.text),
            (&text::left(end, wide), theme.text),
            (&sent, theme.text),
            (guess, theme.quiet),
            (&program, theme.text),
        ];
        put_all(buf, line(area, n), &pieces);
    }
    put_all(buf, line(area, 4), &[(" ", theme.text), (&when(judged, ledger, area.width), theme.text)]);
    if open.cursor == 0 {
        for here in (1..head_height(area)).map(|n| line(area, n)).filter(|here| !here.is_empty()) {
            put(buf, here.x, here.y, 1, ">", theme.text);
            buf.set_style(here, theme.selected);
        }
    }
}

/// `tcp, frames 92–122, 2024-05-01T09:00:00.920Z (+0.910 s), for 1.234 s`.
fn when(judged: &Judged, ledger: &Ledger, width: u16) -> String {
    let after = ledger.span().map_or(0, |(start, _)| judged.start.since(start));
    let lasted = text::duration(judged.end.since(judged.start));
    let exact = judged.start.to_string();
    // Milliseconds are enough where there is little room.
    let start = match exact.split_at_checked(exact.len().saturating_sub("000000Z".len())) {
        Some((start, _)) if width < 100 => format!("{start}Z"),
        _ => exact,
    };
    let vlan = judged.vlan.map(|id| format!(", VLAN {id}")).unwrap_or_default();
    let frames = format!("{}, frames {}–{}", judged.transport.name(), judged.first_frame, judged.last_frame);
    format!("{frames}, {start} (+{} s), for {lasted}{vlan}", text::seconds(after))
}

fn draw_line(buf: &mut Buffer, at: Rect, what: &Line<'_>, cursor: usize, judged: &Judged, (widths, theme): (Widths, &Theme)) {
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
        Line::Item(_, item) => draw_item(buf, at, *item, judged, (widths, theme)),
    }
    if what.item() == Some(cursor) {
        put(buf, at.x, at.y, 1, ">", theme.text);
        buf.set_style(at, theme.selected);
    }
}

fn draw_item(buf: &mut Buffer, at: Rect, item: Item<'_>, judged: &Judged, (widths, theme): (Widths, &Theme)) {
    let start: Timestamp = judged.start;
    // With its frames at the right edge.
    let mut sentence = |sign: String, told: &str, style| {
        let frames = item.evidence(judged).map(facts::frame_list).unwrap_or_default();
        let frames = text::fit(&frames, 16);
        let room = usize::from(at.width).saturating_sub(text::width(&sign)).saturating_sub(text::width(&frames)).saturating_sub(4);
        put_all(buf, at, &[(" ", theme.text), (&sign, style), (" ", theme.text), (&text::left(told, room), theme.text), (" ", theme.text)]);
        let x = at.right().saturating_sub(u16::try_from(text::width(&frames)).unwrap_or(0)).saturating_sub(1);
        put(buf, x, at.y, 17, &frames, theme.quiet);
    };
    match item {
        Item::Whole => {}
        Item::Why => {
            let grade = judged.judgement.grade;
            sentence(format!("{} {:<9}", glyph(grade), grade.word()), &safe(&judged.judgement.why), theme.grade(grade));
        }
        Item::Finding(finding) => {
            let severity = finding.rule.severity;
            let told = format!("{}: {}", finding.rule.id, safe(&finding.text));
            sentence(format!("{} {:<9}", severity_glyph(severity), severity.word()), &told, theme.severity(severity));
        }
        Item::Step(step) => ladder::rung(buf, at, step, start, theme),
        Item::Fact(fact) => facts::row(buf, at, fact, widths, theme),
    }
}

/// What is selected, in full: its value, how it is known, and the filter that shows its frames.
struct Pane {
    told: Vec<String>,
    filter: Vec<String>,
    height: u16,
}

impl Pane {
    fn of(judged: &Judged, cursor: usize, area: Rect) -> Pane {
        let usual = usual_pane(area);
        let most = (area.height / 2).max(usual);
        let room = usize::from(area.width.saturating_sub(2));
        let item = Item::all(judged).get(cursor).map_or(Item::Whole, |(_, item)| *item);
        let more = item.evidence(judged).filter(|e| e.truncated()).map_or("", |_| "   (and more frames: the first 16 are named)");
        let filter = text::wrap(&format!("{}{more}", safe(&display_filter(judged, cursor))), room, 2);
        // On a small terminal the filter needs the room.
        let left = usize::from(most).saturating_sub(filter.len()).saturating_sub(1);
        let told = match in_full(item, judged) {
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

/// What is under the cursor, in full; `None` for the connection itself.
fn in_full(item: Item<'_>, judged: &Judged) -> Option<String> {
    Some(match item {
        Item::Whole => return None,
        Item::Why => format!("{}.", verdict(judged)),
        Item::Finding(finding) => {
            let rule = finding.rule;
            format!("{}. {} In detail: {}. Norm: {}.", rule.title, rule.reader, safe(&finding.text), rule.norm)
        }
        Item::Step(step) => {
            let from = if step.dir == Dir::Client { "client" } else { "server" };
            format!("{}, from the {from}; its last byte came at {}", step.message.name(), step.at)
        }
        Item::Fact(fact) => format!("{} ({}): {}", fact.what.kind().name(), facts::how_known(fact), row::shown(fact)),
    })
}
