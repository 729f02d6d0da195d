//! Where things stand on a screen: header, octets over time, tabs, table, what is said of the selected row; at the bottom a line for what
//! is going on and one for the keys.

use ratatui::layout::{Rect, Size};

use super::draw::line;
use super::header;
use super::model::Model;
use super::screen::pane;
use super::screens::Screen;
use crate::assess::Ledger;

/// Lines of a table that stay beside a long paragraph: its headings and three rows.
const FEWEST: u16 = 4;

/// The parts of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The file, the counts, the answer, warnings.
    pub header: Rect,
    /// Octets over time.
    pub sparks: Rect,
    /// The screens.
    pub tabs: Rect,
    /// The table with its headings.
    pub body: Rect,
    /// What is said of the selected row.
    pub pane: Rect,
}

impl Layout {
    /// The parts of the screen that is open.
    #[must_use]
    pub fn of(model: &Model, ledger: &Ledger) -> Layout {
        let area = model.area();
        // The lines at the bottom.
        let mut left = Rect { height: area.height.saturating_sub(2), ..area };
        let mut take = |height: u16| {
            let taken = Rect { height: height.min(left.height), ..left };
            left = Rect { y: left.y.saturating_add(taken.height), height: left.height.saturating_sub(taken.height), ..left };
            taken
        };
        let header = take(header::height(model, ledger));
        let most = match area.height {
            _ if model.screen == Screen::Canary => 0,
            0..20 => 0,
            20..30 => 2,
            _ => 5,
        };
        let pane_height = match (model.screen, area.height) {
            (Screen::Capture | Screen::Canary, _) | (_, 0..18) => 0,
            (Screen::Apps, 18..30) => 9,
            (Screen::Apps, _) => 20,
            (_, 18..30) => 4,
            _ => 8,
        };
        // The paragraph of an app is read whole: a long one takes the room of the octets over time, and of rows but the first few.
        let said = if model.screen == Screen::Apps && pane_height > 0 { pane::lines(model, ledger) } else { 0 };
        let room = area.height.saturating_sub(2).saturating_sub(header.height).saturating_sub(1).saturating_sub(FEWEST);
        let sparks = take(model.rows.sparks.lines().min(most).min(room.saturating_sub(said.max(pane_height))));
        let pane_height = pane_height.max(said).min(room.saturating_sub(sparks.height).max(pane_height));
        let tabs = take(1);
        let body = take(left_over(area, header, sparks, tabs, pane_height));
        let pane = take(pane_height);
        Layout { header, sparks, tabs, body, pane }
    }

    /// Where the rows are: below the headings of a table.
    #[must_use]
    pub fn rows(&self) -> Rect {
        let heading = 1.min(self.body.height);
        Rect { y: self.body.y.saturating_add(heading), height: self.body.height.saturating_sub(heading), ..self.body }
    }
}

fn left_over(area: Rect, header: Rect, sparks: Rect, tabs: Rect, pane: u16) -> u16 {
    let used = [header.height, sparks.height, tabs.height, pane, 2].into_iter().fold(0_u16, u16::saturating_add);
    area.height.saturating_sub(used)
}

/// A line counted from the bottom, from 1.
#[must_use]
pub fn line_from_bottom(area: Rect, n: u16) -> Rect {
    let height = u16::from(n <= area.height);
    Rect { x: area.x, y: area.bottom().saturating_sub(n), width: area.width, height }
}

/// The tabs on a screen of this width: where each begins, and what it says.
#[must_use]
pub fn tabs(width: u16) -> Vec<(u16, Screen, String)> {
    let mut tabs = arranged(Screen::title);
    let needs = |tabs: &[(u16, Screen, String)]| tabs.last().map_or(0, |(x, _, told)| usize::from(*x).saturating_add(told.len()));
    // The blank behind the last one may be cut.
    if needs(&tabs) > usize::from(width).saturating_add(1) {
        tabs = arranged(Screen::short);
    }
    if needs(&tabs) > usize::from(width)
        && let Some((.., told)) = tabs.last_mut()
    {
        told.truncate(told.trim_end().len());
    }
    tabs
}

fn arranged(title: fn(Screen) -> &'static str) -> Vec<(u16, Screen, String)> {
    let mut x = 0_u16;
    let mut tabs = Vec::with_capacity(Screen::ALL.len());
    for (number, screen) in (1..).zip(Screen::ALL) {
        let told = format!(" {number} {} ", title(screen));
        let width = u16::try_from(super::text::width(&told)).unwrap_or(u16::MAX);
        tabs.push((x, screen, told));
        x = x.saturating_add(width);
    }
    tabs
}

/// The tab under the mouse.
#[must_use]
pub fn tab_at(width: u16, x: u16) -> Option<Screen> {
    tabs(width).into_iter().rev().find(|(from, ..)| *from <= x).map(|(_, screen, _)| screen)
}

/// Columns at the left of the seek bar, for the state, the speed and the clock; and at its right.
pub const SEEK_BAR_EDGES: (u16, u16) = (24, 12);

/// Where the seek bar is, on the line of a replay.
#[must_use]
pub fn seek_bar(size: Size) -> Rect {
    let here = line_from_bottom(Rect::new(0, 0, size.width, size.height), 2);
    let (left, right) = SEEK_BAR_EDGES;
    Rect { x: left, width: size.width.saturating_sub(left).saturating_sub(right), ..line(here, 0) }
}

/// How far into the capture the mouse points, in thousandths, if at the seek bar.
#[must_use]
pub fn seek_bar_hit(size: Size, x: u16, y: u16) -> Option<u64> {
    let bar = seek_bar(size);
    let last = u64::from(bar.width.saturating_sub(1)).max(1);
    bar.contains((x, y).into()).then(|| u64::from(x.saturating_sub(bar.x)).saturating_mul(1000) / last)
}
