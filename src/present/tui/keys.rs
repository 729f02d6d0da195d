//! The keys: one table, from which the footer, the help page and the dispatch derive.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Place;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Leave this screen, or clear the filter.
    Back,
    /// The help page.
    Help,
    /// Open the selected connection.
    Open,
    /// Start typing a filter.
    Filter,
    /// Keep the filter that was typed.
    Accept,
    /// Forget the filter.
    Clear,
    /// Remove the last character.
    Erase,
    /// Sort by the next column.
    NextColumn,
    /// Sort by the column before.
    PreviousColumn,
    /// Turn the order round.
    Reverse,
    /// Copy a display filter.
    Copy,
    /// One down.
    Down,
    /// One up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
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
    /// Put the program to sleep.
    Suspend,
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

const TABLE: &[Place] = &[Place::Connections];
const DETAIL: &[Place] = &[Place::Detail];
const FILTER: &[Place] = &[Place::Filter];
const HELP: &[Place] = &[Place::Help];
const READING: &[Place] = &[Place::Connections, Place::Detail];
const SCREENS: &[Place] = &[Place::Connections, Place::Detail, Place::Help];
const EVERYWHERE: &[Place] = &[Place::Connections, Place::Detail, Place::Help, Place::Filter];

/// Every key, in the order of the footer: what must not be lost on a narrow terminal comes first.
pub const BINDINGS: &[Binding] = &[
    Binding { places: SCREENS, keys: &[ch('q')], action: Action::Quit, short: "quit", long: "leave intransit" },
    Binding { places: EVERYWHERE, keys: &[ctrl('c')], action: Action::Quit, short: "", long: "leave intransit at once" },
    Binding { places: READING, keys: &[ch('?'), key(KeyCode::F(1))], action: Action::Help, short: "help", long: "this page" },
    Binding {
        places: HELP,
        keys: &[key(KeyCode::Esc), ch('?'), key(KeyCode::F(1)), key(KeyCode::Backspace)],
        action: Action::Back,
        short: "back",
        long: "leave this page",
    },
    Binding {
        places: TABLE,
        keys: &[key(KeyCode::Enter), key(KeyCode::Right), ch('l')],
        action: Action::Open,
        short: "open",
        long: "open the selected connection",
    },
    Binding {
        places: DETAIL,
        keys: &[key(KeyCode::Esc), key(KeyCode::Left), ch('h'), key(KeyCode::Backspace)],
        action: Action::Back,
        short: "back",
        long: "back to the table",
    },
    Binding {
        places: TABLE,
        keys: &[ch('/')],
        action: Action::Filter,
        short: "filter",
        long: "show only rows that contain all the words typed",
    },
    Binding { places: TABLE, keys: &[key(KeyCode::Esc)], action: Action::Clear, short: "", long: "show all rows again" },
    Binding { places: TABLE, keys: &[ch('s')], action: Action::NextColumn, short: "sort", long: "sort by the next column" },
    Binding { places: TABLE, keys: &[ch('S')], action: Action::PreviousColumn, short: "", long: "sort by the column before" },
    Binding { places: TABLE, keys: &[ch('r')], action: Action::Reverse, short: "reverse", long: "turn the order round" },
    Binding {
        places: READING,
        keys: &[ch('y')],
        action: Action::Copy,
        short: "copy filter",
        long: "copy the Wireshark display filter of what is selected",
    },
    Binding {
        places: DETAIL,
        keys: &[key(KeyCode::Tab)],
        action: Action::Section,
        short: "section",
        long: "to the next section: connection, handshake, facts",
    },
    Binding { places: DETAIL, keys: &[ch('n')], action: Action::Next, short: "next", long: "the next connection of the table" },
    Binding { places: DETAIL, keys: &[ch('p')], action: Action::Previous, short: "previous", long: "the connection before it" },
    Binding { places: SCREENS, keys: &[key(KeyCode::Down), ch('j')], action: Action::Down, short: "", long: "one down" },
    Binding { places: SCREENS, keys: &[key(KeyCode::Up), ch('k')], action: Action::Up, short: "", long: "one up" },
    Binding {
        places: SCREENS,
        keys: &[key(KeyCode::PageDown), ch(' '), ctrl('f')],
        action: Action::PageDown,
        short: "",
        long: "a page down",
    },
    Binding { places: SCREENS, keys: &[key(KeyCode::PageUp), ctrl('b')], action: Action::PageUp, short: "", long: "a page up" },
    Binding { places: SCREENS, keys: &[key(KeyCode::Home), ch('g')], action: Action::First, short: "", long: "to the top" },
    Binding { places: SCREENS, keys: &[key(KeyCode::End), ch('G')], action: Action::Last, short: "", long: "to the end" },
    Binding { places: SCREENS, keys: &[ctrl('z')], action: Action::Suspend, short: "", long: "put intransit to sleep; fg wakes it" },
    Binding { places: FILTER, keys: &[key(KeyCode::Enter)], action: Action::Accept, short: "keep", long: "keep the filter" },
    Binding { places: FILTER, keys: &[key(KeyCode::Esc)], action: Action::Clear, short: "show all", long: "forget the filter" },
    Binding {
        places: FILTER,
        keys: &[key(KeyCode::Backspace), ctrl('h')],
        action: Action::Erase,
        short: "",
        long: "remove the last character",
    },
    Binding { places: FILTER, keys: &[key(KeyCode::Down)], action: Action::Down, short: "", long: "one down" },
    Binding { places: FILTER, keys: &[key(KeyCode::Up)], action: Action::Up, short: "", long: "one up" },
];

/// The groups of the help page. A test holds that every binding is in one.
pub const GROUPS: &[(&[Place], &str)] = &[
    (TABLE, "The table of connections"),
    (DETAIL, "One connection"),
    (READING, "Both"),
    (SCREENS, "Every screen"),
    (FILTER, "While a filter is typed"),
    (HELP, "This page"),
    (EVERYWHERE, "At any moment"),
];

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
            other => write!(f, "{other:?}"),
        }
    }
}
