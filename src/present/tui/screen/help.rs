//! The help page for the screen at hand: its keys, from their table; its columns, from theirs; the words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::assess::{Grade, Ledger};
use crate::present::tui::draw::{line, put_all};
use crate::present::tui::header::{all_notes, safe};
use crate::present::tui::keys::{BINDINGS, Binding};
use crate::present::tui::model::Model;
use crate::present::tui::prompt::Ask;
use crate::present::tui::screens::Place;
use crate::present::tui::theme::{Theme, glyph};
use crate::present::tui::{tables, text};

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
pub fn last_top(model: &Model, ledger: &Ledger) -> usize {
    let longest = columns(model, ledger).iter().map(Vec::len).max().unwrap_or(0);
    longest.saturating_sub(usize::from(body(model.area()).height))
}

type Lines = Vec<(String, String, Style)>;

/// The place that the page is about: the one behind it.
fn behind(model: &Model) -> Place {
    match (&model.inside, model.open) {
        (Some(_), _) => Place::Inside,
        (None, Some(_)) => Place::Detail,
        (None, None) => Place::Screen(model.screen),
    }
}

/// One column of lines, or two.
fn columns(model: &Model, ledger: &Ledger) -> Vec<Lines> {
    let (theme, area, place) = (&model.theme, model.area(), behind(model));
    let wide = area.width >= WIDE;
    let room = usize::from(if wide { area.width / 2 } else { area.width }).saturating_sub(NAMES).saturating_sub(4);
    let mut keys: Lines = Vec::new();
    // What works everywhere stands after what works here.
    let everywhere = |b: &&Binding| b.places.contains(&Place::Help) || b.places.len() > 4;
    let here = BINDINGS.iter().filter(|b| b.places.contains(&place));
    section(&mut keys, &format!("Keys here: {}", title(place)), here.clone().filter(|b| !everywhere(b)), (room, theme));
    section(&mut keys, "Keys everywhere", here.filter(everywhere), (room, theme));
    section(&mut keys, "While something is typed", typing(), (room, theme));
    let page = BINDINGS.iter().filter(|b| b.places == [Place::Help]);
    section(&mut keys, "This page", page, (room, theme));
    let mut words: Lines = Vec::new();
    let notes = all_notes(ledger);
    if !notes.is_empty() {
        heading(&mut words, "Warnings about this capture", theme);
        notes.iter().for_each(|note| add(&mut words, "!", &safe(note), room, theme));
    }
    heading(&mut words, "The grades: what a listener on the path could do", theme);
    for grade in Grade::ALL {
        add(&mut words, &format!("{} {}", glyph(grade), grade.word()), meaning(grade), room, theme);
    }
    let titles = if matches!(place, Place::Detail | Place::Inside) { Vec::new() } else { tables::titles(model.screen) };
    if !titles.is_empty() {
        heading(&mut words, "The columns", theme);
        titles.iter().for_each(|(title, says)| add(&mut words, title, says, room, theme));
    }
    heading(&mut words, "The words", theme);
    WORDS.iter().for_each(|(word, says)| add(&mut words, word, says, room, theme));
    if wide {
        return vec![keys, words];
    }
    keys.push(Default::default());
    keys.extend(words);
    vec![keys]
}

fn typing() -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(|b| b.places.first() == Some(&Place::Prompt(Ask::Filter)))
}

fn title(place: Place) -> &'static str {
    match place {
        Place::Screen(screen) => screen.title(),
        Place::Detail => "one connection",
        Place::Inside => "what one connection carries",
        Place::Help | Place::Prompt(_) => "",
    }
}

/// What a grade means, in a sentence.
fn meaning(grade: Grade) -> &'static str {
    match grade {
        Grade::Exposed => "readable: content, credentials, identifiers; or names and service data, which are counted apart",
        Grade::Weak => "encrypted in a way that the norms advise against; nothing readable was seen",
        Grade::Custom => "encrypted in an app's or VPN's own way; how strong that is cannot be judged from outside",
        Grade::Protected => "a current standard protected it between this device and that server; not beyond",
        Grade::Unknown => "bytes went by, and they do not say; absence of proof is never proof",
        Grade::None => "nothing was carried",
    }
}

const WORDS: &[(&str, &str)] = &[
    ("·", "not seen, or the question does not arise: never a good sign by itself"),
    ("by design", "only names or service data were readable: they never set a grade"),
    ("unrecognised", "the bytes fit no protocol that intransit knows"),
    ("unknown", "the protocol was recognised, the version the server chose was not seen"),
    ("complete", "the handshake was seen from both sides to its end"),
    ("client-only", "the client asked; no answer is in the capture"),
    ("server-only", "the answer was seen, the question was not"),
    ("not seen", "the handshake came before the capture began, or was lost"),
    ("failed", "the handshake was refused: nothing was protected by it"),
    ("observed", "bytes in the named frames say it"),
    ("inferred", "it follows from what the named frames hold"),
    ("mouse", "the wheel scrolls; a click selects, a second one opens; headings sort, tabs and seek bar work; hold Shift to select text"),
    ("copying", "goes through the terminal (OSC 52); some terminals must be told to allow it"),
];

fn heading(lines: &mut Lines, told: &str, theme: &Theme) {
    if !lines.is_empty() {
        lines.push(Default::default());
    }
    lines.push((String::new(), told.to_owned(), theme.heading));
}

fn section<'b>(lines: &mut Lines, told: &str, bindings: impl Iterator<Item = &'b Binding>, (room, theme): (usize, &Theme)) {
    heading(lines, told, theme);
    for binding in bindings {
        let names = binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        add(lines, &names, binding.long, room, theme);
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
    let columns = columns(model, ledger);
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
