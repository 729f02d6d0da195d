//! What the terminal UI knows, and the one function that changes it. No terminal, clock or file in here.

mod typed;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent};
use ratatui::layout::{Rect, Size};

use super::keys::{self, Action, Edit};
use super::layout::Layout;
use super::looking::{Answer, Look, Question};
use super::order::{Manner, Order, Ordered};
use super::prompt::{Ask, History, Prompt};
use super::replay::Replay;
use super::rows::{Rows, connection};
use super::screen::{canary, capture, detail, help, inside};
use super::screens::{Place, Screen};
use super::table::{List, Sort};
use super::tables;
use super::theme::Theme;
use crate::assess::{Filter, FilterError, Ledger, Severity};
use crate::base::{FrameNo, Timestamp, WireStr};

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
    /// So many nanoseconds have passed.
    Tick(u64),
    /// The capture can be seen again from its beginning: its first and last moment, and when rules fired.
    Rewound((Timestamp, Timestamp), Vec<(Timestamp, Severity)>),
    /// Go to this moment of the replay.
    Seek(Timestamp),
    /// Something to tell the user.
    Told(String),
    /// The capture was read once more, for what was asked.
    Answer(Answer),
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
    /// Make the capture ready to be replayed.
    Rewind,
    /// Find the event after the moment of the replay, or before.
    Event {
        /// After it.
        after: bool,
    },
    /// Let the screen stand still, or go on.
    Freeze(bool),
    /// The file so many further.
    File(isize),
    /// Read the capture once more, for this.
    Look(Look),
}

/// Which connection is open, and what is selected in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its place in the ledger.
    pub id: u32,
    /// The selected item: 0 for the connection itself.
    pub cursor: usize,
}

/// The capture that is shown, among others.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its name.
    pub name: WireStr,
    /// Which one it is, from 1, and of how many.
    pub of: (usize, usize),
    /// The case file that marks go into.
    pub case: Option<WireStr>,
}

/// Time: of the replay, and whether the screen stands still.
#[derive(Debug, Default)]
pub struct Time {
    /// The replay, while there is one.
    pub replay: Option<Replay>,
    /// When rules fired.
    pub findings: Vec<(Timestamp, Severity)>,
    /// The screen stands still; the capture goes on.
    pub frozen: bool,
    /// The cursor stays with the newest.
    pub follow: bool,
    /// Moments that were marked.
    pub marks: Vec<Mark>,
}

/// A moment that somebody marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The latest frame then.
    pub frame: Option<FrameNo>,
    /// What was noted.
    pub note: String,
}

/// What is typed, and what came of it.
#[derive(Debug, Default)]
pub struct Typing {
    /// The line that is being typed.
    pub prompt: Option<Prompt>,
    /// The filter as it was typed.
    pub filter: String,
    /// What is wrong with the filter as it stands in the line.
    pub wrong: Option<FilterError>,
    /// The word that is looked for.
    pub find: String,
    /// What is wrong with a phrase or a time in the line.
    pub said: Option<String>,
    /// The file that a report may replace.
    pub replaces: String,
    /// The phrase and the controls typed so far.
    pub question: Question,
    /// The filter that works; `None` lets all through.
    understood: Option<Filter>,
    pub(super) filters: History,
    pub(super) finds: History,
}

/// Everything the screens need beside the ledger.
#[derive(Debug)]
pub struct Model {
    /// The capture.
    pub shown: Shown,
    /// The looks.
    pub theme: Theme,
    /// The terminal's size.
    pub size: Size,
    /// The screen.
    pub screen: Screen,
    /// What is selected on each screen.
    pub lists: [List; Screen::ALL.len()],
    /// What stands in the tables.
    pub rows: Rows,
    /// What is typed.
    pub typing: Typing,
    /// The open connection, if one is.
    pub open: Option<Open>,
    /// What the open connection carries, when that is shown.
    pub inside: Option<inside::Page>,
    /// The canary test.
    pub canary: canary::Page,
    /// The line at the top of the help page, when it is open.
    pub help: Option<usize>,
    /// Of which row how much was read of what is said of it: the first line that is shown.
    pub said: ((Screen, usize), usize),
    /// What was just done.
    pub status: Option<String>,
    /// Time.
    pub time: Time,
}

impl Model {
    /// The first screen, before anything is read.
    #[must_use]
    pub fn new(shown: Shown, theme: Theme, size: Size) -> Model {
        Model {
            shown,
            theme,
            size,
            screen: Screen::Apps,
            lists: [List::default(); Screen::ALL.len()],
            rows: Rows::default(),
            typing: Typing::default(),
            open: None,
            inside: None,
            canary: canary::Page::default(),
            help: None,
            said: ((Screen::Apps, 0), 0),
            status: None,
            time: Time::default(),
        }
    }

    /// Where a key would land.
    #[must_use]
    pub fn place(&self) -> Place {
        match (&self.typing.prompt, self.help, &self.inside, self.open) {
            (Some(prompt), ..) => Place::Prompt(prompt.ask),
            (_, Some(_), ..) => Place::Help,
            (_, _, Some(_), _) => Place::Inside,
            (.., Some(_)) => Place::Detail,
            _ => Place::Screen(self.screen),
        }
    }

    /// The whole screen.
    #[must_use]
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }

    /// What is selected on the screen that is open.
    #[must_use]
    pub fn list(&self) -> List {
        self.lists.get(self.screen.index()).copied().unwrap_or_default()
    }

    pub(super) fn with_list(&mut self, screen: Screen, change: impl FnOnce(&mut List)) {
        if let Some(list) = self.lists.get_mut(screen.index()) {
            change(list);
        }
    }

    /// Takes in what happened; what it asks of the world outside is returned.
    pub fn update(&mut self, message: Message, ledger: &Ledger) -> Option<Effect> {
        match message {
            Message::Key(key) if key.kind == KeyEventKind::Release => return None,
            Message::Key(key) => return self.key(key, ledger),
            Message::Mouse(mouse) => return self.mouse(mouse, ledger),
            Message::Paste(text) => {
                if let Some(prompt) = &mut self.typing.prompt {
                    text.chars().for_each(|c| prompt.insert(c));
                    self.typed(ledger);
                }
            }
            Message::Resize(size) => {
                self.size = size;
                self.canary.arrange(ledger, size.width);
                self.keep_in_view(ledger);
            }
            Message::Ledger => {
                self.rows.changed(ledger);
                self.canary.arrange(ledger, self.size.width);
                self.refresh(ledger);
            }
            Message::Tick(nanos) => {
                if let Some(replay) = &mut self.time.replay {
                    replay.pass(nanos);
                }
            }
            Message::Rewound(span, findings) => {
                let mut replay = Replay::of(span);
                // Whoever looks at one connection wants to see that one.
                if let Some(judged) = self.open.and_then(|open| connection(ledger, open.id)) {
                    replay.seek(judged.start);
                }
                (self.time.replay, self.time.findings) = (Some(replay), findings);
            }
            Message::Seek(at) => {
                if let Some(replay) = &mut self.time.replay {
                    replay.playing = false;
                    replay.seek(at);
                }
            }
            Message::Told(what) => self.status = Some(what),
            Message::Answer(answer) => self.answer(answer, ledger),
        }
        None
    }

    fn key(&mut self, key: KeyEvent, ledger: &Ledger) -> Option<Effect> {
        let place = self.place();
        self.status = None;
        if let Some(action) = keys::action(place, key) {
            return self.act(place, action, ledger);
        }
        if let (Some(prompt), KeyCode::Char(c), false) =
            (&mut self.typing.prompt, key.code, key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT))
        {
            prompt.insert(c);
            self.typed(ledger);
        }
        None
    }

    fn act(&mut self, place: Place, action: Action, ledger: &Ledger) -> Option<Effect> {
        let page = self.page(ledger);
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::CopyFilter => return self.copy(self.filter_of_selected(ledger)),
            Action::CopyValue => return self.copy(self.value_of_selected(ledger)),
            Action::Help => self.help = Some(0),
            Action::Back => return self.back(place, ledger),
            Action::Go(screen) => self.go_to(screen, ledger),
            Action::NextScreen => self.go_to(self.screen.turned(1), ledger),
            Action::PreviousScreen => self.go_to(self.screen.turned(-1), ledger),
            Action::Open => self.open_selected(ledger),
            Action::Next => self.turn_page(1, ledger),
            Action::Previous => self.turn_page(-1, ledger),
            Action::Section => self.next_section(ledger),
            Action::Ask(ask) => self.ask(ask),
            Action::Accept => return self.accept(ledger),
            Action::Inside => return self.look_inside(ledger),
            Action::Unmask => self.unmask(ledger),
            Action::Cancel => self.cancel(ledger),
            Action::Edit(edit) => self.edit(edit, ledger),
            Action::FindNext => self.find(1, ledger),
            Action::FindPrevious => self.find(-1, ledger),
            Action::NextColumn => self.next_column(1, ledger),
            Action::PreviousColumn => self.next_column(-1, ledger),
            Action::Reverse => {
                let sort = self.list().sort;
                self.sort_by(Sort { reversed: !sort.reversed, ..sort }, ledger);
            }
            Action::Replay if self.time.replay.is_some() => self.time.replay = None,
            Action::Replay => return Some(Effect::Rewind),
            Action::Pause => return self.pause(),
            Action::StepForward => return self.event(true),
            Action::StepBack => return self.event(false),
            Action::SkipForward => self.with_replay(|replay| replay.skip(1)),
            Action::SkipBack => self.with_replay(|replay| replay.skip(-1)),
            Action::Faster => self.with_replay(|replay| replay.change_speed(1)),
            Action::Slower => self.with_replay(|replay| replay.change_speed(-1)),
            Action::Follow => self.follow(ledger),
            Action::NextFile => return self.file(1),
            Action::PreviousFile => return self.file(-1),
            Action::Down => self.go(place, |at| at.saturating_add(1), ledger),
            Action::Up => self.go(place, |at| at.saturating_sub(1), ledger),
            Action::PageDown => self.go(place, |at| at.saturating_add(page), ledger),
            Action::PageUp => self.go(place, |at| at.saturating_sub(page), ledger),
            Action::MoreSaid => self.page_said(1, ledger),
            Action::LessSaid => self.page_said(-1, ledger),
            Action::First => self.go(place, |_| 0, ledger),
            Action::Last => self.go(place, |_| usize::MAX, ledger),
        }
        None
    }

    /// Turns a page of what is said of the selected row.
    fn page_said(&mut self, by: isize, ledger: &Ledger) {
        let height = usize::from(Layout::of(self, ledger).pane.height).saturating_sub(1).max(1);
        let lines = usize::from(super::screen::pane::lines(self, ledger)).saturating_sub(1);
        let at = (self.screen, self.list().cursor);
        let top = self.said_from().saturating_add_signed(by.saturating_mul(height.cast_signed()));
        self.said = (at, top.min(lines.saturating_sub(height)));
    }

    /// The first line that is shown of what is said of the selected row.
    #[must_use]
    pub fn said_from(&self) -> usize {
        let ((screen, cursor), top) = self.said;
        if (screen, cursor) == (self.screen, self.list().cursor) { top } else { 0 }
    }

    /// Undoes the last thing that was begun: a page, a replay, a standstill, a filter.
    fn back(&mut self, place: Place, ledger: &Ledger) -> Option<Effect> {
        match place {
            Place::Help => self.help = None,
            Place::Inside => self.inside = None,
            Place::Detail => {
                self.open = None;
                self.refresh(ledger);
            }
            _ if self.time.replay.is_some() => self.time.replay = None,
            _ if self.time.frozen => return self.pause(),
            _ => self.set_filter("", ledger),
        }
        None
    }

    fn go_to(&mut self, screen: Screen, ledger: &Ledger) {
        (self.screen, self.open, self.inside) = (screen, None, None);
        self.refresh(ledger);
    }

    pub(super) fn open_selected(&mut self, ledger: &Ledger) {
        match self.screen {
            Screen::Connections => self.open = self.selected().map(|id| Open { id, cursor: 0 }),
            Screen::Canary => self.open_channel(ledger),
            _ => {
                if let Some(filter) = self.filter_to_open() {
                    self.screen = Screen::Connections;
                    self.set_filter(&filter, ledger);
                }
            }
        }
    }

    /// The filter that shows the connections of what is selected.
    fn filter_to_open(&self) -> Option<String> {
        let at = self.list().cursor;
        match self.screen {
            Screen::Apps => self.rows.apps.get(at).map(|app| format!("app:{}", app.id)),
            Screen::Endpoints => self.rows.endpoints.get(at).map(tables::endpoints::Endpoint::filter),
            Screen::Exposure => self.rows.exposure.get(at).map(tables::exposure::Shown::filter),
            Screen::Findings => self.rows.findings.get(at).map(|found| format!("rule:{}", found.rule.id)),
            Screen::Connections | Screen::Capture | Screen::Canary => None,
        }
    }

    /// The connection under the cursor of the table of connections.
    #[must_use]
    pub fn selected(&self) -> Option<u32> {
        let list = self.lists.get(Screen::Connections.index()).copied().unwrap_or_default();
        self.rows.connections.get(list.cursor).copied()
    }

    fn filter_of_selected(&self, ledger: &Ledger) -> Option<String> {
        if let Some(page) = &self.inside {
            return page.display_filter();
        }
        match (self.open, self.screen) {
            (Some(open), _) => Some(detail::display_filter(connection(ledger, open.id)?, open.cursor)),
            (None, Screen::Connections) => Some(super::row::display_filter(connection(ledger, self.selected()?)?)),
            (None, Screen::Endpoints) => {
                let endpoint = self.rows.endpoints.get(self.list().cursor)?;
                Some(endpoint.addresses.iter().map(super::row::address_filter).collect::<Vec<_>>().join(" || "))
            }
            (None, Screen::Apps) => Some(tables::cited_filter(&self.rows.apps.get(self.list().cursor)?.cited)),
            (None, Screen::Exposure) => Some(tables::cited_filter(&self.rows.exposure.get(self.list().cursor)?.cited)),
            (None, Screen::Findings) => Some(tables::cited_filter(&self.rows.findings.get(self.list().cursor)?.cited)),
            (None, Screen::Canary) => self.filter_of_channel(ledger),
            (None, Screen::Capture) => None,
        }
    }

    fn value_of_selected(&self, ledger: &Ledger) -> Option<String> {
        if let Some(page) = &self.inside {
            return page.value();
        }
        match (self.open, self.screen) {
            (Some(open), _) => Some(detail::value(connection(ledger, open.id)?, open.cursor)),
            (None, Screen::Connections) => Some(super::row::server(connection(ledger, self.selected()?)?)),
            (None, Screen::Apps) => Some(self.rows.apps.get(self.list().cursor)?.told.join(" ")),
            (None, Screen::Endpoints) => Some(self.rows.endpoints.get(self.list().cursor)?.title()),
            (None, Screen::Exposure) => Some(self.rows.exposure.get(self.list().cursor)?.value.clone()),
            (None, Screen::Findings) => Some(self.rows.findings.get(self.list().cursor)?.rule.id.to_owned()),
            (None, Screen::Canary) => self.canary.told(self.list().cursor),
            (None, Screen::Capture) => None,
        }
    }

    fn copy(&mut self, what: Option<String>) -> Option<Effect> {
        let what = what?;
        self.status = Some(format!("copied: {what}"));
        Some(Effect::Copy(what))
    }

    fn pause(&mut self) -> Option<Effect> {
        if let Some(replay) = &mut self.time.replay {
            replay.pause();
            return None;
        }
        self.time.frozen = !self.time.frozen;
        Some(Effect::Freeze(self.time.frozen))
    }

    fn event(&mut self, after: bool) -> Option<Effect> {
        self.time.replay.is_some().then_some(Effect::Event { after })
    }

    fn with_replay(&mut self, change: impl Fn(&mut Replay)) {
        match &mut self.time.replay {
            Some(replay) => change(replay),
            None => self.status = Some("there is no replay: r begins one".to_owned()),
        }
    }

    fn file(&mut self, by: isize) -> Option<Effect> {
        if self.shown.of.1 > 1 {
            return Some(Effect::File(by));
        }
        self.status = Some("only one capture is open".to_owned());
        None
    }

    fn follow(&mut self, ledger: &Ledger) {
        self.time.follow = !self.time.follow;
        if self.time.follow {
            self.sort_by(Sort::default(), ledger);
            self.go(Place::Screen(self.screen), |_| usize::MAX, ledger);
            self.time.follow = true;
        }
    }

    fn next_column(&mut self, by: isize, ledger: &Ledger) {
        let count = tables::titles(self.screen).len().max(1);
        let column = self.list().sort.column.saturating_add(count).saturating_add_signed(by) % count;
        self.sort_by(Sort { column, reversed: false }, ledger);
    }

    pub(super) fn sort_by(&mut self, sort: Sort, ledger: &Ledger) {
        self.with_list(self.screen, |list| list.sort = sort);
        self.refresh(ledger);
    }

    /// The screens whose rows are shown. The pages of connections are turned in the order of their table, whatever screen is behind.
    fn screens(&self) -> impl Iterator<Item = Screen> + use<> {
        let shown = if self.open.is_some() { 2 } else { 1 };
        [self.screen, Screen::Connections].into_iter().take(shown)
    }

    fn manner(&self, screen: Screen) -> Manner {
        let sort = self.lists.get(screen.index()).copied().unwrap_or_default().sort;
        Manner { filter: self.typing.understood.clone(), sort }
    }

    /// Whether the rows that are asked for are still being made. A replay shows one moment: rows of another are not those.
    #[must_use]
    pub fn waits(&self, ledger: &Ledger) -> bool {
        let manner = self.manner(self.screen);
        let behind = self.time.replay.is_some() && self.rows.are_behind(self.screen, ledger, &manner);
        behind || self.rows.are_awaited(self.screen, ledger, &manner)
    }

    /// The rows that are to be made beside, if any are.
    #[must_use]
    pub fn order(&self, ledger: &Ledger) -> Option<Order> {
        self.screens().find_map(|screen| self.rows.order(screen, ledger, self.manner(screen)))
    }

    /// Takes in rows that were made beside, unless others are asked for by now.
    pub fn take(&mut self, ordered: Ordered, ledger: &Ledger) {
        let Some(screen) = ordered.table.screen() else { return };
        if ordered.manner == self.manner(screen) {
            self.keeping_the_cursor(screen, |rows| rows.take(ordered));
            self.keep_in_view(ledger);
        }
    }

    /// Computes the rows of the screen anew where something has changed.
    pub(super) fn refresh(&mut self, ledger: &Ledger) {
        for screen in self.screens() {
            let manner = self.manner(screen);
            self.keeping_the_cursor(screen, |rows| rows.refresh(screen, ledger, manner));
        }
        self.keep_in_view(ledger);
    }

    /// Changes rows: the cursor stays on its row if that is still shown. On the first row it stays on the first row, and with the newest
    /// when it follows.
    fn keeping_the_cursor(&mut self, screen: Screen, change: impl FnOnce(&mut Rows)) {
        let Some(list) = self.lists.get(screen.index()).copied() else { return };
        let identity = if list.cursor > 0 { self.rows.identity(screen, list.cursor) } else { None };
        change(&mut self.rows);
        let still = |at: usize| identity.is_some() && self.rows.identity(screen, at) == identity;
        let cursor = match list.cursor {
            _ if self.time.follow => self.rows.len(screen),
            0 => 0,
            at if still(at) => at,
            _ => (0..self.rows.len(screen)).find(|at| still(*at)).unwrap_or(0),
        };
        self.with_list(screen, |list| list.cursor = cursor);
    }

    pub(super) fn go(&mut self, place: Place, to: impl Fn(usize) -> usize, ledger: &Ledger) {
        self.time.follow = false;
        match place {
            Place::Screen(_) | Place::Prompt(_) => self.with_list(self.screen, |list| list.cursor = to(list.cursor)),
            Place::Detail => {
                if let Some(open) = &mut self.open {
                    let last = connection(ledger, open.id).map_or(0, |c| detail::items(c).len().saturating_sub(1));
                    open.cursor = to(open.cursor).min(last);
                }
            }
            Place::Inside => {
                if let Some(page) = &mut self.inside {
                    page.list.cursor = to(page.list.cursor);
                }
            }
            Place::Help => self.help = self.help.map(to),
        }
        self.keep_in_view(ledger);
    }

    fn keep_in_view(&mut self, ledger: &Ledger) {
        let layout = Layout::of(self, ledger);
        match self.screen {
            // No cursor: what moves is the page.
            Screen::Capture => {
                let last = capture::last_top(self, ledger, layout.body);
                self.with_list(Screen::Capture, |list| {
                    list.cursor = list.cursor.min(last);
                    list.top = list.cursor;
                });
            }
            Screen::Canary => {
                let lines = self.canary.len();
                self.with_list(Screen::Canary, |list| list.keep_in_view(lines, layout.body.height));
            }
            screen => {
                let rows = self.rows.len(screen);
                self.with_list(screen, |list| list.keep_in_view(rows, layout.rows().height));
            }
        }
        let area = self.area();
        if let Some(page) = &mut self.inside {
            let lines = page.len();
            page.list.keep_in_view(lines, inside::body(area).height);
        }
        if let Some(top) = self.help {
            self.help = Some(top.min(help::last_top(self, ledger)));
        }
        // In a replay, before it began, a connection that was open is not there.
        self.open = self.open.and_then(|open| {
            let last = detail::items(connection(ledger, open.id)?).len().saturating_sub(1);
            Some(Open { cursor: open.cursor.min(last), ..open })
        });
        self.inside.take_if(|_| self.open.is_none());
    }

    fn turn_page(&mut self, by: isize, ledger: &Ledger) {
        let Some(open) = self.open else { return };
        let rows = &self.rows.connections;
        let Some(list) = self.lists.get_mut(Screen::Connections.index()) else { return };
        let here = rows.iter().position(|row| *row == open.id).unwrap_or(list.cursor);
        list.cursor = here.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        self.open = rows.get(list.cursor).map(|id| Open { id: *id, cursor: 0 }).or(Some(open));
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
            Place::Screen(_) | Place::Prompt(_) => Layout::of(self, ledger).rows().height,
            Place::Detail => detail::page(self.area()),
            Place::Inside => inside::body(self.area()).height,
            Place::Help => help::body(self.area()).height,
        };
        usize::from(height).saturating_sub(1).max(1)
    }
}
