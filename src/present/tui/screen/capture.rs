//! What is known of the capture itself, and what is not: how much could be judged, what was lost, which bounds were reached.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::assess::{Grade, Ledger, State};
use crate::present::tui::draw::{line, put_all};
use crate::present::tui::header::{all_notes, safe};
use crate::present::tui::model::Model;
use crate::present::tui::text;
use crate::present::tui::theme::{Theme, glyph};
use crate::source::Capturing;

/// Room for the names of things.
const NAMES: usize = 22;

type Lines = Vec<(String, String, Style)>;

/// The last line that can stand at the top.
#[must_use]
pub fn last_top(model: &Model, ledger: &Ledger, body: Rect) -> usize {
    lines(model, ledger, body.width).len().saturating_sub(usize::from(body.height))
}

/// Draws the screen.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    let theme = &model.theme;
    let lines = lines(model, ledger, area.width);
    for (n, (name, told, style)) in (0..area.height).zip(lines.iter().skip(model.list().top)) {
        match name.is_empty() {
            true => put_all(buf, line(area, n), &[(" ", theme.text), (told, *style)]),
            false => put_all(buf, line(area, n), &[("   ", theme.text), (&text::left(name, NAMES), theme.text), (told, *style)]),
        };
    }
}

fn lines(model: &Model, ledger: &Ledger, width: u16) -> Lines {
    let theme = &model.theme;
    let room = usize::from(width).saturating_sub(NAMES).saturating_sub(4);
    let mut page = Page { lines: Vec::new(), room, theme };
    if let Some(capturing) = &ledger.capturing {
        page.heading("The capture");
        running(&mut page, capturing);
    }
    page.heading("The file");
    page.row("name", &model.shown.name.to_string());
    page.row("read", &read(ledger));
    if let Some(hash) = &ledger.sha256 {
        page.row("SHA-256", hash);
    }
    page.row("packets", &text::grouped(ledger.frames));
    if let Some((start, end)) = ledger.span() {
        page.row("first connection", &start.to_string());
        page.row("last packet of one", &format!("{end}, after {}", text::duration(end.since(start))));
    }
    page.heading("How much could be judged");
    coverage(&mut page, ledger);
    page.heading("By grade");
    grades(&mut page, ledger);
    page.heading("By what was negotiated");
    for (outcome, n) in ledger.outcomes() {
        page.row(&outcome.to_string(), &text::counted(n, "connection"));
    }
    page.heading("What was lost, and bounds that were reached");
    let notes = all_notes(ledger);
    if notes.is_empty() {
        page.row("none", "nothing was lost or left out, as far as the capture tells");
    }
    for note in notes {
        page.styled("!", &safe(&note), theme.warning);
    }
    if !model.time.marks.is_empty() {
        page.heading("Moments that were marked");
        for mark in &model.time.marks {
            let frame = mark.frame.map(|no| format!(" (frame {no})")).unwrap_or_default();
            page.row(&mark.at.seconds().to_string(), &format!("{}{frame}", safe(&mark.note)));
        }
    }
    page.lines
}

/// How a capture that runs stands: what is seen, what was lost, how far the program is locked in.
fn running(page: &mut Page<'_>, capturing: &Capturing) {
    let Capturing { status, sees, lock, kept_in, onlooker, programs, others } = capturing;
    page.row("interface", &format!("{}: {sees}", status.interface));
    if let Some(since) = status.down_since {
        page.styled("!", &format!("down since {}; the capture goes on when it is up", since.seconds()), page.theme.warning);
    }
    let style = if status.drops.is_serious() { page.theme.warning } else { page.theme.text };
    page.styled("packets", &status.drops.to_string(), style);
    let kept = kept_in.as_ref().map_or_else(|| "nowhere".to_owned(), |file| format!("{file}, with what was not encrypted in clear"));
    page.row("kept in", &kept);
    match lock {
        Some(lock) => page.row("this program is", &safe(lock)),
        None => page.styled("this program is", "not locked in, as was asked for", page.theme.warning),
    }
    page.row("programs looked for", onlooker.map_or("no", |onlooker| onlooker));
    if let Some(programs) = programs {
        page.row("found", &programs.to_string());
    }
    if *others > 0 {
        let counted = text::counted(*others, "connection");
        page.row("other devices", &format!("{counted}, not shown: begin with --show-others to see them"));
    }
}

fn read(ledger: &Ledger) -> String {
    let all = ledger.total.map(|total| format!(" of {}", text::octets(total))).unwrap_or_default();
    match &ledger.state {
        State::Reading => format!("{}{all} so far", text::octets(ledger.read)),
        State::Done => format!("{}{all}: to the end", text::octets(ledger.read)),
        State::Failed(why) => safe(why),
    }
}

fn coverage(page: &mut Page<'_>, ledger: &Ledger) {
    let whole = ledger.whole();
    let seen = ledger.seen();
    page.row("connections", &text::grouped(ledger.count()));
    page.row("judged", &text::grouped(whole.judged()));
    page.row("not judged", &format!("{}: bytes went by, and they do not say", text::grouped(whole.of(Grade::Unknown).connections)));
    page.row("carried nothing", &text::grouped(whole.of(Grade::None).connections));
    let aside = text::grouped(whole.aside().connections);
    page.row("readable by design", &format!("{aside}: name lookups, clocks and the like, which set no grade"));
    page.row("one direction only", &text::grouped(seen.one_sided));
    if seen.named > 0 {
        let unnamed = text::grouped(ledger.count().saturating_sub(seen.named));
        let of_those = match seen.shared {
            0 => String::new(),
            shared => format!(", and of {} of those that several programs held them", text::grouped(shared)),
        };
        page.row("program known", &format!("{}; of {unnamed} the capture does not say it{of_those}", text::grouped(seen.named)));
    }
}

fn grades(page: &mut Page<'_>, ledger: &Ledger) {
    for grade in Grade::ALL {
        let count = ledger.whole().of(grade);
        if count.connections > 0 {
            let told = format!("{}, {}", text::counted(count.connections, "connection"), text::octets(count.bytes));
            page.styled(&format!("{} {}", glyph(grade), grade.word()), &told, page.theme.grade(grade));
        }
    }
}

struct Page<'t> {
    lines: Lines,
    room: usize,
    theme: &'t Theme,
}

impl Page<'_> {
    fn heading(&mut self, told: &str) {
        if !self.lines.is_empty() {
            self.lines.push((String::new(), String::new(), Style::new()));
        }
        self.lines.push((String::new(), told.to_owned(), self.theme.heading));
    }

    fn row(&mut self, name: &str, told: &str) {
        self.styled(name, told, self.theme.text);
    }

    fn styled(&mut self, name: &str, told: &str, style: Style) {
        for (i, told) in text::wrap(told, self.room, 4).into_iter().enumerate() {
            self.lines.push((if i == 0 { name.to_owned() } else { " ".to_owned() }, told, style));
        }
    }
}
