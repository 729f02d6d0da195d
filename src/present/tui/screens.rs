//! The screens, by number, and where keys mean what they mean.

use super::prompt::Ask;

/// A screen that a number opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    /// App by app.
    Apps,
    /// Every connection.
    Connections,
    /// Every server.
    Endpoints,
    /// What anyone on the path could read.
    Exposure,
    /// The rules that fired.
    Findings,
    /// What is known of the capture, and what is not.
    Capture,
    /// Whether a phrase that was sent could be read at the server end.
    Canary,
}

impl Screen {
    /// Every screen, by number.
    pub const ALL: [Screen; 7] =
        [Screen::Apps, Screen::Connections, Screen::Endpoints, Screen::Exposure, Screen::Findings, Screen::Capture, Screen::Canary];

    /// Its name.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Screen::Apps => "Apps",
            Screen::Connections => "Connections",
            Screen::Endpoints => "Endpoints",
            Screen::Exposure => "Exposure",
            Screen::Findings => "Findings",
            Screen::Capture => "Capture",
            Screen::Canary => "Canary",
        }
    }

    /// Its name where there is little room.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Screen::Apps => "Apps",
            Screen::Connections => "Conn.",
            Screen::Endpoints => "Ends",
            Screen::Exposure => "Expo.",
            Screen::Findings => "Find.",
            Screen::Capture => "Capt.",
            Screen::Canary => "Can.",
        }
    }

    /// Its place among the screens, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        Screen::ALL.iter().position(|screen| *screen == self).unwrap_or(0)
    }

    /// The screen so many further; after the last comes the first.
    #[must_use]
    pub fn turned(self, by: isize) -> Screen {
        let count = Screen::ALL.len();
        let at = self.index().saturating_add(count).saturating_add_signed(by) % count;
        Screen::ALL.get(at).copied().unwrap_or(self)
    }
}

/// Where keys mean what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A screen.
    Screen(Screen),
    /// One connection.
    Detail,
    /// What one connection carries.
    Inside,
    /// The help page.
    Help,
    /// A line is being typed.
    Prompt(Ask),
}
