//! What things look like. Colour never carries meaning alone: everything is readable without it.

use ratatui::style::{Color, Modifier, Style};

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Colours, unless `NO_COLOR` is set or the terminal is a dumb one.
    #[default]
    Auto,
    /// Colours.
    Always,
    /// None.
    Never,
}

impl ColorChoice {
    /// Whether there are colours, given the environment's `NO_COLOR` and `TERM`.
    #[must_use]
    pub fn colours(self, no_color: Option<&str>, term: Option<&str>) -> bool {
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        }
    }
}

/// The styles of the screens. Colours are the terminal's own sixteen, so that light and dark backgrounds both work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Headings and the program's name.
    pub heading: Style,
    /// What is there but not important: unknowns, rules of the ladder.
    pub quiet: Style,
    /// Keys in the footer.
    pub key: Style,
    /// Damage and warnings.
    pub warning: Style,
    /// What the client sent.
    pub client: Style,
    /// What the server sent.
    pub server: Style,
    /// The selected row.
    pub selected: Style,
}

impl Theme {
    /// With colours, or with none at all: then only bold, dim and reverse remain.
    #[must_use]
    pub fn new(colour: bool) -> Theme {
        let fg = |style: Style, c: Color| if colour { style.fg(c) } else { style };
        let plain = Style::new();
        Theme {
            text: plain,
            heading: plain.add_modifier(Modifier::BOLD),
            quiet: plain.add_modifier(Modifier::DIM),
            key: fg(plain.add_modifier(Modifier::BOLD), Color::Cyan),
            warning: fg(plain.add_modifier(Modifier::BOLD), Color::Red),
            client: fg(plain, Color::Cyan),
            server: fg(plain, Color::Magenta),
            selected: plain.add_modifier(Modifier::REVERSED),
        }
    }
}
