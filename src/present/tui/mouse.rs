//! The mouse: what is under it is what was drawn there.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::layout::{self, Layout};
use super::model::{Effect, Model, Open};
use super::rows::connection;
use super::screen::{detail, inside};
use super::screens::{Place, Screen};
use super::table::{self, Sort};
use super::tables;
use crate::assess::Ledger;

/// Rows a turn of the wheel moves.
const WHEEL: usize = 3;

impl Model {
    pub(super) fn mouse(&mut self, mouse: MouseEvent, ledger: &Ledger) -> Option<Effect> {
        let place = self.place();
        match mouse.kind {
            MouseEventKind::ScrollDown => self.go(place, |at| at.saturating_add(WHEEL), ledger),
            MouseEventKind::ScrollUp => self.go(place, |at| at.saturating_sub(WHEEL), ledger),
            MouseEventKind::Down(MouseButton::Left) => self.click(place, mouse.column, mouse.row, ledger),
            MouseEventKind::Drag(MouseButton::Left) => self.drag(mouse.column, mouse.row),
            _ => {}
        }
        None
    }

    fn drag(&mut self, x: u16, y: u16) {
        if let (Some(replay), Some(thousandths)) = (&mut self.time.replay, layout::seek_bar_hit(self.size, x, y)) {
            replay.seek_to(thousandths);
        }
    }

    fn click(&mut self, place: Place, x: u16, y: u16, ledger: &Ledger) {
        self.status = None;
        if self.time.replay.is_some() && !matches!(place, Place::Prompt(_)) && layout::seek_bar_hit(self.size, x, y).is_some() {
            self.drag(x, y);
            return;
        }
        match place {
            Place::Screen(_) | Place::Prompt(_) => self.click_screen(x, y, ledger),
            Place::Detail => {
                if let Some(open) = self.open
                    && let Some(cursor) = detail::hit(self, open, ledger, x, y)
                {
                    self.open = Some(Open { cursor, ..open });
                }
            }
            Place::Inside => self.click_inside(y),
            Place::Help => {}
        }
    }

    fn click_inside(&mut self, y: u16) {
        let body = inside::body(self.area());
        if let (Some(page), Some(row)) = (&mut self.inside, y.checked_sub(body.y).filter(|row| *row < body.height)) {
            let row = page.list.top.saturating_add(usize::from(row));
            page.list.cursor = row.min(page.len().saturating_sub(1));
        }
    }

    fn click_screen(&mut self, x: u16, y: u16, ledger: &Ledger) {
        let layout = Layout::of(self, ledger);
        if y == layout.tabs.y {
            if let Some(screen) = layout::tab_at(self.size.width, x) {
                self.screen = screen;
                self.refresh(ledger);
            }
            return;
        }
        let is_page = matches!(self.screen, Screen::Capture | Screen::Canary);
        let rows = if self.screen == Screen::Canary { layout.body } else { layout.rows() };
        if !is_page && y.saturating_add(1) == rows.y {
            let places = tables::places(self.screen, layout.body.width);
            if let Some(column) = table::heading_at(&places, x.saturating_sub(layout.body.x)) {
                let sort = self.list().sort;
                self.sort_by(Sort { column, reversed: column == sort.column && !sort.reversed }, ledger);
            }
        } else if rows.contains((x, y).into()) {
            let list = self.list();
            let row = list.top.saturating_add(usize::from(y.saturating_sub(rows.y)));
            if row == list.cursor {
                self.typing.prompt = None;
                self.open_selected(ledger);
            } else if row < self.rows.len(self.screen) || self.screen == Screen::Canary && row < self.canary.len() {
                self.go(Place::Screen(self.screen), |_| row, ledger);
            }
        }
        // What is open must exist.
        if self.open.is_some_and(|open| connection(ledger, open.id).is_none()) {
            self.open = None;
        }
    }
}
