//! From model and ledger to cells: the frame around every screen. Pure; touches only what is visible. Arranged with care from 60×16 up;
//! on less, what fits is shown.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::keys;
use super::layout::{self, Layout, line_from_bottom};
use super::model::Model;
use super::prompt::{Ask, Prompt};
use super::replay::Replay;
use super::rows::connection;
use super::screen::{canary, capture, detail, help, inside, pane};
use super::screens::{Place, Screen};
use super::tables;
use super::{header, table, text};
use crate::assess::{Ledger, State};

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, model: &Model, ledger: &Ledger) {
    let area = frame.area();
    let buf = frame.buffer_mut();
    match (model.help, &model.inside, model.open) {
        (Some(top), ..) => help::draw(buf, area, model, ledger, top),
        (None, Some(page), _) => inside::draw(buf, area, model, page),
        (None, None, Some(open)) => detail::draw(buf, area, model, open, ledger),
        (None, None, None) => screen(buf, model, ledger),
    }
    status(buf, line_from_bottom(area, 2), model, ledger);
    footer(buf, line_from_bottom(area, 1), model);
}

/// A screen that a number opens.
fn screen(buf: &mut Buffer, model: &Model, ledger: &Ledger) {
    let layout = Layout::of(model, ledger);
    header::draw(buf, layout.header, model, ledger);
    model.rows.sparks.draw(buf, layout.sparks, &model.theme);
    tabs(buf, layout.tabs, model);
    let (list, with) = (model.list(), (ledger, &model.theme));
    match model.screen {
        Screen::Capture => capture::draw(buf, layout.body, model, ledger),
        Screen::Canary => canary::draw(buf, layout.body, model),
        screen if model.rows.len(screen) == 0 => nothing(buf, layout.rows(), model, ledger),
        Screen::Apps => {
            let rows = model.rows.apps.iter().skip(list.top);
            table::draw(buf, layout.body, tables::apps::COLUMNS, rows, list, with);
        }
        Screen::Connections => {
            let rows = model.rows.connections.iter().skip(list.top).filter_map(|id| connection(ledger, *id));
            table::draw(buf, layout.body, tables::connections::COLUMNS, rows, list, with);
        }
        Screen::Endpoints => {
            let rows = model.rows.endpoints.iter().skip(list.top);
            table::draw(buf, layout.body, tables::endpoints::COLUMNS, rows, list, with);
        }
        Screen::Exposure => {
            let rows = model.rows.exposure.iter().skip(list.top);
            table::draw(buf, layout.body, tables::exposure::COLUMNS, rows, list, with);
        }
        Screen::Findings => {
            let rows = model.rows.findings.iter().skip(list.top);
            table::draw(buf, layout.body, tables::findings::COLUMNS, rows, list, with);
        }
    }
    pane::draw(buf, layout.pane, model, ledger);
}

fn tabs(buf: &mut Buffer, area: Rect, model: &Model) {
    for (x, screen, told) in layout::tabs(area.width) {
        let style = if screen == model.screen { model.theme.tab } else { model.theme.quiet };
        put(buf, area.x.saturating_add(x), area.y, area.width, &told, style);
    }
}

/// Why a table is empty.
fn nothing(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    let told = match (&ledger.state, ledger.count()) {
        _ if model.waits(ledger) => format!("Putting {} in order…", text::counted(len(ledger.connections().len()), "connection")),
        _ if model.time.replay.is_some() && ledger.count() == 0 => "At this moment of the capture, no connection had begun.".to_owned(),
        (State::Failed(why), 0) => format!("Nothing of this capture could be read: {}", header::safe(why)),
        (State::Reading, 0) => "Reading. Connections appear here when they are finished.".to_owned(),
        (State::Done, 0) if ledger.frames == 0 => "The capture holds no packets.".to_owned(),
        (State::Done, 0) => format!("{} read; none belonged to a TCP, UDP or SCTP connection.", text::counted(ledger.frames, "packet")),
        _ if model.typing.filter.is_empty() && model.screen == Screen::Exposure => {
            "Nothing readable was recognised in these connections. That is not proof that there was nothing.".to_owned()
        }
        _ if model.typing.filter.is_empty() && model.screen == Screen::Findings => "No rule fired for these connections.".to_owned(),
        _ => format!(
            "None of {} matches “{}”. Esc shows all again.",
            text::counted(len(ledger.connections().len()), "connection"),
            header::safe(&model.typing.filter)
        ),
    };
    let room = usize::from(area.width.saturating_sub(4));
    for (n, told) in (0_u16..).zip(text::wrap(&told, room, 4)) {
        put_all(buf, line(area, n), &[("  ", model.theme.text), (&told, model.theme.text)]);
    }
}

/// Writes a text of at most `room` columns; what lies outside the buffer is not written. Returns the columns used.
pub fn put(buf: &mut Buffer, x: u16, y: u16, room: u16, content: &str, style: Style) -> u16 {
    if y < buf.area.top() || y >= buf.area.bottom() || x < buf.area.left() || x >= buf.area.right() {
        return 0;
    }
    let room = room.min(buf.area.right().saturating_sub(x));
    let fitted = text::fit(content, usize::from(room));
    let (end, _) = buf.set_stringn(x, y, fitted, usize::from(room), style);
    end.saturating_sub(x)
}

/// Writes pieces of different styles one after the other; the last one that does not fit is cut.
pub fn put_all(buf: &mut Buffer, area: Rect, pieces: &[(&str, Style)]) -> u16 {
    let mut x = area.x;
    for (content, style) in pieces {
        x = x.saturating_add(put(buf, x, area.y, area.right().saturating_sub(x), content, *style));
    }
    x.saturating_sub(area.x)
}

/// One line of an area, or an empty area.
#[must_use]
pub fn line(area: Rect, n: u16) -> Rect {
    let y = area.y.saturating_add(n);
    Rect { x: area.x, y, width: area.width, height: u16::from(y < area.bottom()) }
}

/// What is typed; else what was just done; else the replay; else how far the reading has come; else what the table shows.
fn status(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    if area.is_empty() {
        return;
    }
    let theme = &model.theme;
    if let Some(prompt) = &model.typing.prompt {
        typing(buf, area, model, ledger, prompt);
        return;
    }
    if let Some(status) = &model.status {
        put_all(buf, area, &[(" ", theme.text), (&header::safe(status), theme.heading)]);
        return;
    }
    if let Some(replay) = &model.time.replay {
        seek_bar(buf, area, model, replay);
        return;
    }
    let mut pieces: Vec<(String, Style)> = Vec::new();
    if model.time.frozen {
        pieces.push((" standing still; Space goes on ".to_owned(), theme.selected));
    }
    if ledger.state == State::Reading {
        pieces.push((reading(ledger, area.width), theme.heading));
    }
    if matches!(model.place(), Place::Screen(_)) {
        pieces.push((shown(model, ledger), theme.quiet));
    }
    let pieces: Vec<(&str, Style)> = pieces.iter().map(|(told, style)| (told.as_str(), *style)).collect();
    put_all(buf, area, &pieces);
}

fn typing(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger, prompt: &Prompt) {
    let theme = &model.theme;
    let label = match prompt.ask {
        Ask::Filter => " filter: ",
        Ask::Find => " find: ",
        Ask::Note => " note: ",
        Ask::Phrase => " the phrase that was sent: ",
        Ask::Control => " a control: ",
        Ask::SentAfter => " sent after: ",
        Ask::Report => " write the report to: ",
        Ask::Replace => " there is such a file; replace it? ",
    };
    let said = match (&model.typing.wrong, prompt.ask) {
        (Some(wrong), Ask::Filter) => format!("✗ at {}: {}", wrong.at.saturating_add(1), header::safe(&wrong.what)),
        (None, Ask::Filter) if model.waits(ledger) => "✓ …".to_owned(),
        (None, Ask::Filter) => format!("✓ {} of {}", text::grouped(len(model.rows.len(model.screen))), of_all(model, ledger)),
        _ => prompt.ask.hint().map(|hint| model.typing.said.clone().unwrap_or_else(|| hint.to_owned())).unwrap_or_default(),
    };
    let said_style = if model.typing.wrong.is_some() || model.typing.said.is_some() { theme.warning } else { theme.quiet };
    let (room, used) = (usize::from(area.width), text::width(label));
    let for_said = text::width(&said).min(room / 2).saturating_add(2);
    let (typed, cursor) = prompt.window(room.saturating_sub(used).saturating_sub(for_said).saturating_sub(1));
    let style = match (prompt.ask, model.typing.wrong.is_some()) {
        (Ask::Filter, true) => theme.warning,
        (Ask::Filter, false) => theme.key,
        _ => theme.text,
    };
    put_all(buf, area, &[(label, theme.heading), (&typed, style), ("  ", theme.text)]);
    let x = area.x.saturating_add(u16::try_from(used.saturating_add(cursor)).unwrap_or(u16::MAX));
    buf.set_style(Rect { x, width: 1, ..area }.intersection(buf.area), theme.selected);
    let at = area.right().saturating_sub(u16::try_from(for_said).unwrap_or(0)).saturating_add(1);
    put(buf, at, area.y, area.right().saturating_sub(at), &said, said_style);
}

/// How many there would be without a filter, where that is known.
fn of_all(model: &Model, ledger: &Ledger) -> String {
    match model.screen {
        Screen::Connections => text::grouped(len(ledger.connections().len())),
        _ => "those of the whole capture".to_owned(),
    }
}

/// ` ▶ 10× 09:00:01.234 ━━━━━━●────▾──▾─── 2 min 3 s`.
fn seek_bar(buf: &mut Buffer, area: Rect, model: &Model, replay: &Replay) {
    let theme = &model.theme;
    let exact = replay.at.to_string();
    let clock = exact.get(11..23).unwrap_or_default();
    let state = if replay.playing { "▶" } else { "‖" };
    put_all(buf, area, &[(&format!(" {state} {:<4} {clock}", replay.speed()), theme.heading)]);
    let bar = layout::seek_bar(model.size);
    let last = u64::from(bar.width.saturating_sub(1));
    let column = |thousandths: u64| u16::try_from(thousandths.saturating_mul(last) / 1000).unwrap_or(0);
    let now = column(replay.thousandths());
    put(buf, bar.x, bar.y, bar.width, &"─".repeat(usize::from(bar.width)), theme.quiet);
    put(buf, bar.x, bar.y, now, &"━".repeat(usize::from(now)), theme.key);
    // Graver ones are drawn later, over the others.
    let mut findings: Vec<(crate::assess::Severity, u16)> =
        model.time.findings.iter().map(|(at, severity)| (*severity, column(replay.thousandths_of(*at)))).collect();
    findings.sort_unstable();
    findings.dedup();
    for (severity, column) in findings.into_iter().filter(|(severity, _)| *severity >= crate::assess::Severity::Low) {
        put(buf, bar.x.saturating_add(column), bar.y, 1, "▾", theme.severity(severity));
    }
    for mark in &model.time.marks {
        put(buf, bar.x.saturating_add(column(replay.thousandths_of(mark.at))), bar.y, 1, "◆", theme.heading);
    }
    put(buf, bar.x.saturating_add(now), bar.y, 1, "█", theme.key);
    let whole = text::duration(replay.span.1.since(replay.span.0));
    put(buf, bar.right().saturating_add(1), bar.y, area.width, &whole, theme.quiet);
}

/// ` 1–19 of 48, by start, with “foo” (of 120)`.
fn shown(model: &Model, ledger: &Ledger) -> String {
    let titles = tables::titles(model.screen);
    let (list, rows, filter) = (model.list(), model.rows.len(model.screen), &model.typing.filter);
    if matches!(model.screen, Screen::Capture | Screen::Canary) || rows == 0 && filter.is_empty() {
        return String::new();
    }
    if model.waits(ledger) {
        return format!(" putting {} in order…", text::counted(len(ledger.connections().len()), "connection"));
    }
    let height = usize::from(Layout::of(model, ledger).rows().height);
    let last = list.top.saturating_add(height).min(rows);
    let first = list.top.saturating_add(1).min(last);
    let mut told = match last {
        0 => " no rows".to_owned(),
        _ => format!(" {first}–{last} of {}", text::grouped(len(rows))),
    };
    let column = titles.get(list.sort.column).map_or("", |(title, _)| match (*title, model.screen) {
        ("#", Screen::Apps) => "busiest app",
        ("#", _) => "first frame",
        (title, _) => title,
    });
    told = format!("{told}, by {column}{}", if list.sort.reversed { ", reversed" } else { "" });
    if !filter.is_empty() {
        told = format!("{told}, filter “{}” (Esc: all)", header::safe(filter));
    }
    if model.time.follow {
        told = format!("{told}, following the newest");
    }
    told
}

/// ` reading 45 % █████░░░░░░ 123 MB of 270 MB `.
fn reading(ledger: &Ledger, width: u16) -> String {
    match ledger.total {
        Some(total) if ledger.read >= total && total > 0 => " read; putting the connections in order ".to_owned(),
        Some(total) if total > 0 => {
            let bar = usize::from(if width >= 100 { 30_u16 } else { 12 });
            let part = |of: u64| u64::try_from(u128::from(ledger.read.min(total)) * u128::from(of) / u128::from(total)).unwrap_or(0);
            let full = usize::try_from(part(len(bar))).unwrap_or(0).min(bar);
            format!(
                " reading {:>3} % {}{} {} of {} ",
                part(100),
                "█".repeat(full),
                "░".repeat(bar.saturating_sub(full)),
                text::octets(ledger.read),
                text::octets(total)
            )
        }
        _ => format!(" reading: {} so far ", text::octets(ledger.read)),
    }
}

/// The keys of this place, as many as fit; the table of keys puts the ones that must not be lost first. During a replay, its keys.
fn footer(buf: &mut Buffer, area: Rect, model: &Model) {
    if area.is_empty() {
        return;
    }
    let place = model.place();
    let replaying = model.time.replay.is_some() && keys::of(place).any(|b| b.action == keys::Action::StepForward);
    let shown: Vec<(String, &str)> = match replaying {
        true => keys::REPLAY.iter().filter_map(|(action, word)| Some((keys::key_of(place, *action)?.to_string(), *word))).collect(),
        false => keys::of(place).filter(|b| !b.short.is_empty()).filter_map(|b| Some((b.keys.first()?.to_string(), b.short))).collect(),
    };
    let mut x = area.x.saturating_add(1);
    for (key, word) in shown {
        let needs = text::width(&key).saturating_add(text::width(word)).saturating_add(1);
        if usize::from(x).saturating_add(needs) > usize::from(area.right()) {
            break;
        }
        x = x.saturating_add(put(buf, x, area.y, area.width, &key, model.theme.key)).saturating_add(1);
        x = x.saturating_add(put(buf, x, area.y, area.width, word, model.theme.text)).saturating_add(2);
    }
}

/// A length as a number for people.
#[must_use]
pub fn len(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
