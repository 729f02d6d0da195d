//! The help page: the keys, from their table; the columns, from theirs; warnings in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::connections::safe;
use crate::assess::Ledger;
use crate::present::tui::columns::COLUMNS;
use crate::present::tui::draw::{line, put_all};
use crate::present::tui::keys::{BINDINGS, GROUPS};
use crate::present::tui::model::Model;
use crate::present::tui::text;
use crate::present::tui::theme::Theme;

/// From this width on there are two columns.
const WIDE: u16 = 120;
/// Room for the keys and for the names of columns.
const NAMES: usize = 19;

/// Where the lines are.
#[must_use]
pub fn body(area: Rect) -> Rect {
    let top = 2_u16.min(area.height);
    Rect { y: area.y.saturating_add(top), height: area.height.saturating_sub(top).saturating_sub(2), ..area }
}

/// The last line that can stand at the top.
#[must_use]
pub fn last_top(area: Rect, ledger: &Ledger) -> usize {
    let theme = Theme::new(false);
    let longest = columns(area, ledger, &theme).iter().map(Vec::len).max().unwrap_or(0);
    longest.saturating_sub(usize::from(body(area).height))
}

type Lines = Vec<(String, String, Style)>;

/// One column of lines, or two.
fn columns(area: Rect, ledger: &Ledger, theme: &Theme) -> Vec<Lines> {
    let wide = area.width >= WIDE;
    let room = usize::from(if wide { area.width / 2 } else { area.width }).saturating_sub(NAMES).saturating_sub(4);
    let mut keys: Lines = Vec::new();
    for (places, heading) in GROUPS {
        blank(&mut keys);
        keys.push((String::new(), (*heading).to_owned(), theme.heading));
        for binding in BINDINGS.iter().filter(|b| b.places == *places) {
            let names = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            add(&mut keys, &names, binding.long, room, theme);
        }
    }
    let mut words: Lines = Vec::new();
    if !ledger.notes.is_empty() {
        words.push((String::new(), "Warnings about this capture".to_owned(), theme.heading));
        ledger.notes.iter().for_each(|note| add(&mut words, "!", &safe(note), room, theme));
        blank(&mut words);
    }
    words.push((String::new(), "The columns".to_owned(), theme.heading));
    COLUMNS.iter().for_each(|column| add(&mut words, column.title, column.says, room, theme));
    blank(&mut words);
    words.push((String::new(), "The words".to_owned(), theme.heading));
    WORDS.iter().for_each(|(word, says)| add(&mut words, word, says, room, theme));
    if wide {
        return vec![keys, words];
    }
    blank(&mut keys);
    keys.extend(words);
    vec![keys]
}

const WORDS: &[(&str, &str)] = &[
    ("·", "not seen, or the question does not arise: never a good sign by itself"),
    ("unrecognised", "the bytes fit no protocol that intransit knows"),
    ("unknown", "the protocol was recognised, the version the server chose was not seen"),
    ("complete", "the handshake was seen from both sides to its end"),
    ("client-only", "the client asked; no answer is in the capture"),
    ("server-only", "the answer was seen, the question was not"),
    ("not seen", "the handshake came before the capture began, or was lost"),
    ("failed", "the handshake was refused: nothing was protected by it"),
    ("observed", "bytes in the named frames say it"),
    ("inferred", "it follows from what the named frames hold"),
    ("mouse", "the wheel scrolls; a click selects, a second one opens; a click on a heading sorts; hold Shift to select text"),
    ("copying", "goes through the terminal (OSC 52); some terminals must be told to allow it"),
];

fn blank(lines: &mut Lines) {
    if !lines.is_empty() {
        lines.push((String::new(), String::new(), Style::new()));
    }
}

fn add(lines: &mut Lines, name: &str, says: &str, room: usize, theme: &Theme) {
    for (i, told) in text::wrap(says, room, 3).into_iter().enumerate() {
        lines.push((if i == 0 { name.to_owned() } else { " ".to_owned() }, told, theme.text));
    }
}

/// Draws the page.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger, top: usize) {
    let theme = &model.theme;
    let about = concat!(" intransit ", env!("CARGO_PKG_VERSION"));
    put_all(buf, line(area, 0), &[(about, theme.heading), ("   what protected each connection, and the frames that show it", theme.text)]);
    let body = body(area);
    let columns = columns(area, ledger, theme);
    let width = if columns.len() > 1 { body.width / 2 } else { body.width };
    for (lines, x) in columns.iter().zip([body.x, body.x.saturating_add(width)]) {
        for (n, (name, told, style)) in (0..body.height).zip(lines.iter().skip(top)) {
            let here = Rect { x, width, ..line(body, n) };
            if name.is_empty() {
                put_all(buf, here, &[(" ", theme.text), (told, *style)]);
            } else {
                put_all(buf, here, &[("   ", theme.text), (&text::left(name, NAMES), theme.key), (told, *style)]);
            }
        }
    }
}
