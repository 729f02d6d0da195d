//! The keys: one table, from which the footer, the help page and the dispatch derive.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::prompt::Ask;
use super::screens::{Place, Screen};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Leave this page, forget the filter, end the replay: the last of them that was begun.
    Back,
    /// The help page.
    Help,
    /// A screen.
    Go(Screen),
    /// The next screen.
    NextScreen,
    /// The screen before.
    PreviousScreen,
    /// Open what is selected.
    Open,
    /// Type something.
    Ask(Ask),
    /// What one connection carries.
    Inside,
    /// Show content as it was read, or mask it again.
    Unmask,
    /// Keep what was typed.
    Accept,
    /// Forget what was typed.
    Cancel,
    /// Change the line that is typed.
    Edit(Edit),
    /// Find it again, further down.
    FindNext,
    /// Find it again, further up.
    FindPrevious,
    /// Sort by the next column.
    NextColumn,
    /// Sort by the column before.
    PreviousColumn,
    /// Turn the order round.
    Reverse,
    /// Copy a display filter.
    CopyFilter,
    /// Copy what it says.
    CopyValue,
    /// One down.
    Down,
    /// One up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// What else is said of the selected row.
    MoreSaid,
    /// What was said of it before that.
    LessSaid,
    /// To the top.
    First,
    /// To the end.
    Last,
    /// To the next section of a connection.
    Section,
    /// The next connection.
    Next,
    /// The previous connection.
    Previous,
    /// Begin the replay, or end it.
    Replay,
    /// Stop time, or let it go on.
    Pause,
    /// To the next event of the replay.
    StepForward,
    /// To the event before.
    StepBack,
    /// A part of the capture forward.
    SkipForward,
    /// A part of the capture back.
    SkipBack,
    /// Faster.
    Faster,
    /// Slower.
    Slower,
    /// Stay with the newest connection.
    Follow,
    /// The next file.
    NextFile,
    /// The file before.
    PreviousFile,
    /// Put the program to sleep.
    Suspend,
}

/// A change of the line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Remove the character before the cursor.
    Backspace,
    /// Remove the one under it.
    Delete,
    /// Remove the word before it.
    Word,
    /// Remove all before it.
    Line,
    /// One to the left.
    Left,
    /// One to the right.
    Right,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// The line before in the history.
    Older,
    /// The line after in the history.
    Newer,
}

/// A key on the keyboard, with or without Ctrl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl held.
    pub ctrl: bool,
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// Where it works.
    pub places: &'static [Place],
    /// Any of these keys.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// Its word in the footer; empty: help page only.
    pub short: &'static str,
    /// Its sentence in the help page.
    pub long: &'static str,
}

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn ch(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: false }
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: true }
}

const fn bind(places: &'static [Place], keys: &'static [Key], action: Action, short: &'static str, long: &'static str) -> Binding {
    Binding { places, keys, action, short, long }
}

const APPS: Place = Place::Screen(Screen::Apps);
const CONNECTIONS: Place = Place::Screen(Screen::Connections);
const ENDPOINTS: Place = Place::Screen(Screen::Endpoints);
const EXPOSURE: Place = Place::Screen(Screen::Exposure);
const FINDINGS: Place = Place::Screen(Screen::Findings);
const CAPTURE: Place = Place::Screen(Screen::Capture);
const CANARY: Place = Place::Screen(Screen::Canary);
const FILTER: Place = Place::Prompt(Ask::Filter);
const FIND: Place = Place::Prompt(Ask::Find);
const NOTE: Place = Place::Prompt(Ask::Note);
const PHRASE: Place = Place::Prompt(Ask::Phrase);
const CONTROL: Place = Place::Prompt(Ask::Control);
const SENT_AFTER: Place = Place::Prompt(Ask::SentAfter);
const REPORT: Place = Place::Prompt(Ask::Report);
const REPLACE: Place = Place::Prompt(Ask::Replace);

/// The tables.
const TABLES: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS];
/// Whatever a number opens.
const SCREENS: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CAPTURE, CANARY];
/// Where a row can be opened.
const OPENING: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CANARY];
const DETAIL: &[Place] = &[Place::Detail];
const HELP: &[Place] = &[Place::Help];
const INSIDE: &[Place] = &[Place::Inside];
/// Where content is masked.
const MASKED: &[Place] = &[CANARY, Place::Inside];
/// The screens and one connection.
const READING: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CAPTURE, CANARY, Place::Detail];
/// Where there is a help page.
const HELPED: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CAPTURE, CANARY, Place::Detail, Place::Inside];
/// Where something can be selected.
const SELECTING: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CANARY, Place::Detail, Place::Inside];
/// Where one can move.
const MOVING: &[Place] = &[APPS, CONNECTIONS, ENDPOINTS, EXPOSURE, FINDINGS, CAPTURE, CANARY, Place::Detail, Place::Inside, Place::Help];
const TYPING: &[Place] = &[FILTER, FIND, NOTE, PHRASE, CONTROL, SENT_AFTER, REPORT, REPLACE];
/// What is typed again and again.
const REMEMBERED: &[Place] = &[FILTER, FIND, NOTE];
const EVERYWHERE: &[Place] = &[
    APPS,
    CONNECTIONS,
    ENDPOINTS,
    EXPOSURE,
    FINDINGS,
    CAPTURE,
    CANARY,
    Place::Detail,
    Place::Inside,
    Place::Help,
    FILTER,
    FIND,
    NOTE,
    PHRASE,
    CONTROL,
    SENT_AFTER,
    REPORT,
    REPLACE,
];

/// Every key, in the order of the footer: what must not be lost on a narrow terminal comes first.
pub const BINDINGS: &[Binding] = &[
    bind(MOVING, &[ch('q')], Action::Quit, "quit", "leave intransit"),
    bind(EVERYWHERE, &[ctrl('c')], Action::Quit, "", "leave intransit at once"),
    bind(HELPED, &[ch('?'), key(KeyCode::F(1))], Action::Help, "help", "this page"),
    bind(HELP, &[key(KeyCode::Esc), ch('?'), key(KeyCode::F(1)), key(KeyCode::Backspace)], Action::Back, "back", "leave this page"),
    bind(&[CANARY], &[ch('c')], Action::Ask(Ask::Phrase), "ask", "ask for a phrase that was sent, and for controls"),
    bind(MASKED, &[ch('u')], Action::Unmask, "unmask", "show content as it was read; again: mask it"),
    bind(OPENING, &[key(KeyCode::Enter), key(KeyCode::Right), ch('l')], Action::Open, "open", "open what is selected"),
    bind(
        INSIDE,
        &[key(KeyCode::Esc), key(KeyCode::Left), ch('h'), key(KeyCode::Backspace)],
        Action::Back,
        "back",
        "back to the connection",
    ),
    bind(
        DETAIL,
        &[key(KeyCode::Esc), key(KeyCode::Left), ch('h'), key(KeyCode::Backspace)],
        Action::Back,
        "back",
        "back to where one came from",
    ),
    bind(
        TABLES,
        &[ch('f')],
        Action::Ask(Ask::Filter),
        "filter",
        "show only what matches: grade:weak app:signal name:example ip:192.0.2.0/24",
    ),
    bind(TABLES, &[ch('/')], Action::Ask(Ask::Find), "find", "go to the next row with a word"),
    bind(TABLES, &[ch('n')], Action::FindNext, "", "find it again, further down"),
    bind(TABLES, &[ch('N')], Action::FindPrevious, "", "find it again, further up"),
    bind(TABLES, &[ch('s')], Action::NextColumn, "sort", "sort by the next column"),
    bind(TABLES, &[ch('S')], Action::PreviousColumn, "", "sort by the column before"),
    bind(TABLES, &[ch('i')], Action::Reverse, "", "turn the order round"),
    bind(READING, &[ch('r')], Action::Replay, "replay", "replay the capture on its own clock; again: back to its end"),
    bind(SELECTING, &[ch('y')], Action::CopyFilter, "copy", "copy the Wireshark display filter of what is selected"),
    bind(SELECTING, &[ch('Y')], Action::CopyValue, "", "copy the name or the value that is selected"),
    bind(DETAIL, &[key(KeyCode::Tab)], Action::Section, "section", "to the next section: why, findings, handshake, facts"),
    bind(DETAIL, &[ch('d')], Action::Inside, "inside", "what it carries, layer by layer, as far as nothing or a key opens it"),
    bind(DETAIL, &[ch('n')], Action::Next, "next", "the next connection of the table"),
    bind(DETAIL, &[ch('p')], Action::Previous, "previous", "the connection before it"),
    bind(READING, &[ch('1')], Action::Go(Screen::Apps), "", "app by app: what was seen, what is claimed"),
    bind(READING, &[ch('2')], Action::Go(Screen::Connections), "", "every connection"),
    bind(READING, &[ch('3')], Action::Go(Screen::Endpoints), "", "every server"),
    bind(READING, &[ch('4')], Action::Go(Screen::Exposure), "", "what anyone on the path could read"),
    bind(READING, &[ch('5')], Action::Go(Screen::Findings), "", "the rules that fired"),
    bind(READING, &[ch('6')], Action::Go(Screen::Capture), "", "what is known of the capture, and what is not"),
    bind(READING, &[ch('7')], Action::Go(Screen::Canary), "", "the canary test: could a phrase that was sent be read?"),
    bind(SCREENS, &[key(KeyCode::Tab)], Action::NextScreen, "", "the next screen"),
    bind(SCREENS, &[key(KeyCode::BackTab)], Action::PreviousScreen, "", "the screen before"),
    bind(SCREENS, &[key(KeyCode::Esc)], Action::Back, "", "show all rows again; end the replay; let the screen go on"),
    bind(READING, &[ch(' ')], Action::Pause, "", "stop time, or let it go on: of the replay, else of the screen"),
    bind(READING, &[ch('.')], Action::StepForward, "", "replay: to the next event"),
    bind(READING, &[ch(',')], Action::StepBack, "", "replay: to the event before"),
    bind(READING, &[ch('>')], Action::SkipForward, "", "replay: a twentieth of the capture forward"),
    bind(READING, &[ch('<')], Action::SkipBack, "", "replay: a twentieth back"),
    bind(READING, &[ch('+'), ch('=')], Action::Faster, "", "replay: faster, up to 100× and max"),
    bind(READING, &[ch('-')], Action::Slower, "", "replay: slower"),
    bind(TABLES, &[ch('F')], Action::Follow, "", "stay with the newest, until one moves"),
    bind(READING, &[ch('m')], Action::Ask(Ask::Note), "", "mark this moment with a note"),
    bind(READING, &[ch('w')], Action::Ask(Ask::Report), "report", "write the report on this capture: HTML, Markdown or JSON"),
    bind(READING, &[ch(']')], Action::NextFile, "", "the next file"),
    bind(READING, &[ch('[')], Action::PreviousFile, "", "the file before"),
    bind(MOVING, &[key(KeyCode::Down), ch('j')], Action::Down, "", "one down"),
    bind(MOVING, &[key(KeyCode::Up), ch('k')], Action::Up, "", "one up"),
    bind(MOVING, &[key(KeyCode::PageDown), ctrl('f')], Action::PageDown, "", "a page down"),
    bind(MOVING, &[key(KeyCode::PageUp), ctrl('b')], Action::PageUp, "", "a page up"),
    bind(TABLES, &[ch('J')], Action::MoreSaid, "", "what else is said of the selected row"),
    bind(TABLES, &[ch('K')], Action::LessSaid, "", "what was said of it before that"),
    bind(MOVING, &[key(KeyCode::Home), ch('g')], Action::First, "", "to the top"),
    bind(MOVING, &[key(KeyCode::End), ch('G')], Action::Last, "", "to the end"),
    bind(MOVING, &[ctrl('z')], Action::Suspend, "", "put intransit to sleep; fg wakes it"),
    bind(TYPING, &[key(KeyCode::Enter)], Action::Accept, "keep", "keep what was typed"),
    bind(TYPING, &[key(KeyCode::Esc)], Action::Cancel, "cancel", "forget what was typed"),
    bind(TYPING, &[key(KeyCode::Backspace), ctrl('h')], Action::Edit(Edit::Backspace), "", "remove the character before the cursor"),
    bind(TYPING, &[key(KeyCode::Delete), ctrl('d')], Action::Edit(Edit::Delete), "", "remove the character under the cursor"),
    bind(TYPING, &[ctrl('w')], Action::Edit(Edit::Word), "", "remove the word before the cursor"),
    bind(TYPING, &[ctrl('u')], Action::Edit(Edit::Line), "clear", "remove all before the cursor"),
    bind(TYPING, &[key(KeyCode::Left), ctrl('b')], Action::Edit(Edit::Left), "", "one to the left"),
    bind(TYPING, &[key(KeyCode::Right), ctrl('f')], Action::Edit(Edit::Right), "", "one to the right"),
    bind(TYPING, &[key(KeyCode::Home), ctrl('a')], Action::Edit(Edit::Home), "", "to the beginning"),
    bind(TYPING, &[key(KeyCode::End), ctrl('e')], Action::Edit(Edit::End), "", "to the end"),
    bind(REMEMBERED, &[key(KeyCode::Up)], Action::Edit(Edit::Older), "history", "an older line"),
    bind(REMEMBERED, &[key(KeyCode::Down)], Action::Edit(Edit::Newer), "", "a newer line"),
];

/// What the footer shows during a replay.
pub const REPLAY: &[(Action, &str)] = &[
    (Action::Quit, "quit"),
    (Action::Help, "help"),
    (Action::Pause, "pause"),
    (Action::Faster, "faster"),
    (Action::Slower, "slower"),
    (Action::StepForward, "next event"),
    (Action::StepBack, "event before"),
    (Action::SkipForward, "skip"),
    (Action::SkipBack, "skip back"),
    (Action::Replay, "end replay"),
];

/// The first key of an action in a place.
#[must_use]
pub fn key_of(place: Place, action: Action) -> Option<Key> {
    of(place).find(|b| b.action == action)?.keys.first().copied()
}

/// The bindings that work in a place.
pub fn of(place: Place) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.places.contains(&place))
}

/// What a key asks for in a place.
#[must_use]
pub fn action(place: Place, event: KeyEvent) -> Option<Action> {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    of(place).find(|b| b.keys.iter().any(|k| k.code == event.code && k.ctrl == ctrl)).map(|b| b.action)
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            other => write!(f, "{other:?}"),
        }
    }
}
