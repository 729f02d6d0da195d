//! From model and ledger to cells: the frame around every screen. Pure; touches only what is visible. Arranged with care from 60×16 up;
//! on less, what fits is shown.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::keys;
use super::model::{Model, Place};
use super::screen::{connections, detail, help};
use super::text;
use crate::assess::{Ledger, State};

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, model: &Model, ledger: &Ledger) {
    let area = frame.area();
    let buf = frame.buffer_mut();
    match (model.help, model.open) {
        (Some(top), _) => help::draw(buf, area, model, ledger, top),
        (None, Some(open)) => detail::draw(buf, area, model, open, ledger),
        (None, None) => connections::draw(buf, area, model, ledger),
    }
    status(buf, line_from_bottom(area, 2), model, ledger);
    footer(buf, line_from_bottom(area, 1), model);
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

fn line_from_bottom(area: Rect, n: u16) -> Rect {
    let height = u16::from(n <= area.height);
    Rect { x: area.x, y: area.bottom().saturating_sub(n), width: area.width, height }
}

/// What was just done; else how far the reading has come; else what the table shows.
fn status(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    if area.is_empty() {
        return;
    }
    let theme = &model.theme;
    if let Some(status) = &model.status {
        put_all(buf, area, &[(" ", theme.text), (status, theme.heading)]);
        return;
    }
    if model.place() == Place::Filter {
        // The end of what is typed is what matters when it does not fit.
        let room = usize::from(area.width).saturating_sub(20);
        let typed: String = {
            let all: Vec<char> = model.table.filter.chars().collect();
            let mut from = 0_usize;
            while text::width(&all.get(from..).unwrap_or_default().iter().collect::<String>()) > room && from < all.len() {
                from = from.saturating_add(1);
            }
            all.get(from..).unwrap_or_default().iter().collect()
        };
        let found = format!("  {} of {}", text::grouped(len(model.table.rows.len())), text::grouped(len(ledger.connections().len())));
        put_all(buf, area, &[(" filter: ", theme.heading), (&typed, theme.text), ("▏", theme.heading), (&found, theme.quiet)]);
        return;
    }
    let mut x = area.x;
    if ledger.state == State::Reading {
        let told = reading(ledger, area.width);
        x = x.saturating_add(put(buf, x, area.y, area.width, &told, theme.heading));
    }
    if model.place() == Place::Connections {
        let told = connections::shown(model, ledger);
        put(buf, x, area.y, area.right().saturating_sub(x), &told, theme.quiet);
    }
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

/// The keys of this place, as many as fit; the table of keys puts the ones that must not be lost first.
fn footer(buf: &mut Buffer, area: Rect, model: &Model) {
    if area.is_empty() {
        return;
    }
    let mut x = area.x.saturating_add(1);
    for binding in keys::of(model.place()).filter(|b| !b.short.is_empty()) {
        let Some(key) = binding.keys.first() else { continue };
        let key = key.to_string();
        let needs = text::width(&key).saturating_add(text::width(binding.short)).saturating_add(1);
        if usize::from(x).saturating_add(needs) > usize::from(area.right()) {
            break;
        }
        x = x.saturating_add(put(buf, x, area.y, area.width, &key, model.theme.key)).saturating_add(1);
        x = x.saturating_add(put(buf, x, area.y, area.width, binding.short, model.theme.text)).saturating_add(2);
    }
}

/// A length as a number for people.
#[must_use]
pub fn len(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
