//! What the terminal UI knows, and the one function that changes it. No terminal, clock or file in here.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Rect, Size};

use super::columns::{COLUMNS, arrange};
use super::keys::{self, Action};
use super::order::{Sort, Words, connection, order};
use super::row;
use super::screen::{connections, detail, help};
use super::theme::Theme;
use crate::assess::Ledger;
use crate::base::WireStr;

/// The most characters a filter can have.
const LONGEST_FILTER: usize = 200;
/// Rows a turn of the mouse wheel moves.
const WHEEL: usize = 3;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize(Size),
    /// The ledger changed.
    Ledger,
}

/// Something that only the world outside can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Put text on the clipboard.
    Copy(String),
    /// Stop until the shell continues us.
    Suspend,
}

/// Where keys mean what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The table.
    Connections,
    /// One connection.
    Detail,
    /// The help page.
    Help,
    /// A filter is being typed.
    Filter,
}

/// The table: what it shows and where the cursor is.
#[derive(Debug, Default)]
pub struct Table {
    /// By which column.
    pub sort: Sort,
    /// Only rows with these words.
    pub filter: String,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// The rows, as indices into the ledger.
    pub rows: Vec<u32>,
    /// The selected row.
    pub cursor: usize,
    /// The row at the top.
    pub top: usize,
}

/// Which connection is open, and what is selected in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its index in the ledger.
    pub id: u32,
    /// 0 for the connection itself, then its steps, then its facts.
    pub cursor: usize,
}

/// Everything the screens need beside the ledger.
#[derive(Debug)]
pub struct Model {
    /// The file's name.
    pub file: WireStr,
    /// The looks.
    pub theme: Theme,
    /// The terminal's size.
    pub size: Size,
    /// The table.
    pub table: Table,
    /// The open connection, if one is.
    pub open: Option<Open>,
    /// The line at the top of the help page, when it is open.
    pub help: Option<usize>,
    /// What was just done.
    pub status: Option<String>,
    words: Words,
}

impl Model {
    /// The first screen, before anything is read.
    #[must_use]
    pub fn new(file: WireStr, theme: Theme, size: Size) -> Model {
        Model { file, theme, size, table: Table::default(), open: None, help: None, status: None, words: Words::default() }
    }

    /// Where a key would land.
    #[must_use]
    pub fn place(&self) -> Place {
        match (self.help, self.open, self.table.typing) {
            (Some(_), ..) => Place::Help,
            (_, Some(_), _) => Place::Detail,
            (.., true) => Place::Filter,
            _ => Place::Connections,
        }
    }

    /// The whole screen.
    #[must_use]
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }

    /// Takes in what happened; what it asks of the world outside is returned.
    pub fn update(&mut self, message: Message, ledger: &Ledger) -> Option<Effect> {
        match message {
            Message::Key(key) if key.kind == KeyEventKind::Release => None,
            Message::Key(key) => self.key(key, ledger),
            Message::Mouse(mouse) => self.mouse(mouse, ledger),
            Message::Paste(text) => {
                if self.place() == Place::Filter {
                    text.chars().for_each(|c| self.type_char(c));
                    self.filter_changed(ledger);
                }
                None
            }
            Message::Resize(size) => {
                self.size = size;
                self.keep_in_view(ledger);
                None
            }
            Message::Ledger => {
                self.words.extend(ledger.connections());
                self.reorder(ledger);
                None
            }
        }
    }

    fn key(&mut self, key: KeyEvent, ledger: &Ledger) -> Option<Effect> {
        let place = self.place();
        self.status = None;
        if let Some(action) = keys::action(place, key) {
            return self.act(place, action, ledger);
        }
        if let (Place::Filter, KeyCode::Char(c), false) =
            (place, key.code, key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT))
        {
            self.type_char(c);
            self.filter_changed(ledger);
        }
        None
    }

    fn act(&mut self, place: Place, action: Action, ledger: &Ledger) -> Option<Effect> {
        let page = self.page(ledger);
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Copy => return self.copy(ledger),
            Action::Help => self.help = Some(0),
            Action::Back if place == Place::Help => self.help = None,
            Action::Back => self.open = None,
            Action::Open => self.open = self.selected().map(|id| Open { id, cursor: 0 }),
            Action::Next => self.turn_page(1, ledger),
            Action::Previous => self.turn_page(-1, ledger),
            Action::Section => self.next_section(ledger),
            Action::Filter => self.table.typing = true,
            Action::Accept => self.table.typing = false,
            Action::Clear => {
                self.table.typing = false;
                self.table.filter.clear();
                self.filter_changed(ledger);
            }
            Action::Erase => {
                self.table.filter.pop();
                self.filter_changed(ledger);
            }
            Action::NextColumn => self.sort_by(self.table.sort.column.saturating_add(1) % COLUMNS.len(), false, ledger),
            Action::PreviousColumn => {
                self.sort_by(self.table.sort.column.checked_sub(1).unwrap_or(COLUMNS.len().saturating_sub(1)), false, ledger);
            }
            Action::Reverse => self.sort_by(self.table.sort.column, !self.table.sort.reversed, ledger),
            Action::Down => self.go(place, |at| at.saturating_add(1), ledger),
            Action::Up => self.go(place, |at| at.saturating_sub(1), ledger),
            Action::PageDown => self.go(place, |at| at.saturating_add(page), ledger),
            Action::PageUp => self.go(place, |at| at.saturating_sub(page), ledger),
            Action::First => self.go(place, |_| 0, ledger),
            Action::Last => self.go(place, |_| usize::MAX, ledger),
        }
        None
    }

    fn mouse(&mut self, mouse: MouseEvent, ledger: &Ledger) -> Option<Effect> {
        let place = self.place();
        match mouse.kind {
            MouseEventKind::ScrollDown => self.go(place, |at| at.saturating_add(WHEEL), ledger),
            MouseEventKind::ScrollUp => self.go(place, |at| at.saturating_sub(WHEEL), ledger),
            MouseEventKind::Down(MouseButton::Left) => self.click(place, mouse.column, mouse.row, ledger),
            _ => {}
        }
        None
    }

    fn click(&mut self, place: Place, x: u16, y: u16, ledger: &Ledger) {
        self.status = None;
        match place {
            Place::Connections | Place::Filter => {
                let area = connections::rows_area(self.area(), ledger);
                if y.saturating_add(1) == area.y {
                    if let Some(column) = arrange(self.size.width).iter().find(|p| (p.x..=p.x.saturating_add(p.width)).contains(&x)) {
                        let again = column.index == self.table.sort.column;
                        self.sort_by(column.index, again && !self.table.sort.reversed, ledger);
                    }
                } else if area.contains((x, y).into()) {
                    let row = self.table.top.saturating_add(usize::from(y.saturating_sub(area.y)));
                    if row == self.table.cursor {
                        self.table.typing = false;
                        self.open = self.selected().map(|id| Open { id, cursor: 0 });
                    } else if row < self.table.rows.len() {
                        self.table.cursor = row;
                    }
                }
            }
            Place::Detail => {
                if let Some(open) = self.open
                    && let Some(cursor) = detail::hit(self.area(), open, ledger, x, y)
                {
                    self.open = Some(Open { cursor, ..open });
                }
            }
            Place::Help => {}
        }
    }

    /// The connection under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<u32> {
        self.table.rows.get(self.table.cursor).copied()
    }

    fn copy(&mut self, ledger: &Ledger) -> Option<Effect> {
        let filter = match self.open {
            Some(open) => detail::display_filter(connection(ledger, open.id)?, open.cursor),
            None => row::display_filter(connection(ledger, self.selected()?)?),
        };
        self.status = Some(format!("copied: {filter}"));
        Some(Effect::Copy(filter))
    }

    fn type_char(&mut self, c: char) {
        if !c.is_control() && self.table.filter.chars().count() < LONGEST_FILTER {
            self.table.filter.push(c);
        }
    }

    fn filter_changed(&mut self, ledger: &Ledger) {
        self.reorder(ledger);
    }

    fn sort_by(&mut self, column: usize, reversed: bool, ledger: &Ledger) {
        self.table.sort = Sort { column, reversed };
        self.reorder(ledger);
    }

    /// Computes the rows anew; the cursor stays on its connection if that is still shown. On the first row it stays on the first row.
    fn reorder(&mut self, ledger: &Ledger) {
        let selected = self.selected().filter(|_| self.table.cursor > 0);
        self.table.rows = order(ledger, &self.words, &self.table.filter, self.table.sort);
        let at = selected.and_then(|id| self.table.rows.iter().position(|row| *row == id));
        self.table.cursor = at.unwrap_or(0);
        self.keep_in_view(ledger);
    }

    fn go(&mut self, place: Place, to: impl Fn(usize) -> usize, ledger: &Ledger) {
        match place {
            Place::Connections | Place::Filter => self.table.cursor = to(self.table.cursor),
            Place::Detail => {
                if let Some(open) = &mut self.open {
                    let last = connection(ledger, open.id).map_or(0, |c| detail::items(c).saturating_sub(1));
                    open.cursor = to(open.cursor).min(last);
                }
            }
            Place::Help => self.help = self.help.map(|top| to(top).min(help::last_top(self.area(), ledger))),
        }
        self.keep_in_view(ledger);
    }

    fn keep_in_view(&mut self, ledger: &Ledger) {
        let height = usize::from(connections::rows_area(self.area(), ledger).height).max(1);
        let table = &mut self.table;
        table.cursor = table.cursor.min(table.rows.len().saturating_sub(1));
        let lowest = table.cursor.saturating_add(1).saturating_sub(height);
        table.top = table.top.clamp(lowest, table.cursor).min(table.rows.len().saturating_sub(height).max(lowest));
        self.help = self.help.map(|top| top.min(help::last_top(self.area(), ledger)));
    }

    fn turn_page(&mut self, by: isize, ledger: &Ledger) {
        let Some(open) = self.open else { return };
        let here = self.table.rows.iter().position(|row| *row == open.id).unwrap_or(self.table.cursor);
        let there = here.saturating_add_signed(by).min(self.table.rows.len().saturating_sub(1));
        self.table.cursor = there;
        self.open = self.selected().map(|id| Open { id, cursor: 0 }).or(Some(open));
        self.keep_in_view(ledger);
    }

    fn next_section(&mut self, ledger: &Ledger) {
        if let Some(open) = &mut self.open
            && let Some(connection) = connection(ledger, open.id)
        {
            open.cursor = detail::next_section(connection, open.cursor);
        }
    }

    fn page(&self, ledger: &Ledger) -> usize {
        let height = match self.place() {
            Place::Connections | Place::Filter => connections::rows_area(self.area(), ledger).height,
            Place::Detail => detail::page(self.area()),
            Place::Help => help::body(self.area()).height,
        };
        usize::from(height).saturating_sub(1).max(1)
    }
}
