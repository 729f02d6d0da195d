//! What things look like. Colour never carries meaning alone: a grade is a glyph, a word and a colour, and everything is readable without
//! the colour.
//!
//! Colours are of the fixed part of the 256-colour palette, so that their contrast is known: a test holds it at 4.5 to 1 (WCAG 2.1,
//! criterion 1.4.3) against the usual backgrounds, and the grades apart for the three kinds of colour blindness. Where a terminal has only
//! sixteen colours, they are its own.

use ratatui::style::{Color, Modifier, Style};

pub use crate::present::glyph;

use crate::assess::{Grade, Severity};

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

/// `--theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// As the terminal's background asks for.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The terminal's own sixteen colours.
    Sixteen,
    /// No colour at all.
    Mono,
}

/// Which colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// None: bold, dim and reverse remain.
    Mono,
    /// The terminal's own sixteen.
    Sixteen {
        /// On a light background, where its yellow and cyan are not readable.
        light: bool,
    },
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
}

impl Palette {
    /// The palette for what was asked for and what the terminal can do. `light` says what its background is, where it told.
    #[must_use]
    pub fn choose(colours: bool, theme: ThemeChoice, term: Option<&str>, colorterm: Option<&str>, light: Option<bool>) -> Palette {
        let many = colorterm.is_some_and(|value| !value.is_empty())
            || term.is_some_and(|term| term.contains("256color") || term.contains("direct") || term.contains("kitty"));
        match theme {
            _ if !colours => Palette::Mono,
            ThemeChoice::Mono => Palette::Mono,
            ThemeChoice::Sixteen => Palette::Sixteen { light: light.unwrap_or(false) },
            ThemeChoice::Dark if many => Palette::Dark,
            ThemeChoice::Light if many => Palette::Light,
            ThemeChoice::Dark => Palette::Sixteen { light: false },
            ThemeChoice::Light => Palette::Sixteen { light: true },
            // A background that did not tell could be either: the terminal's own colours suit both.
            ThemeChoice::Auto => match light {
                Some(true) if many => Palette::Light,
                Some(false) if many => Palette::Dark,
                light => Palette::Sixteen { light: light.unwrap_or(false) },
            },
        }
    }
}

/// The styles of the screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Headings and the program's name.
    pub heading: Style,
    /// What is there but not important: rules of the ladder, what was not seen.
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
    /// The screen that is open, among the tabs.
    pub tab: Style,
    grades: [Style; Grade::ALL.len()],
}

/// The colours of one palette: key, warning, client, server; then the grades in their order.
struct Colours {
    key: Color,
    warning: Color,
    client: Color,
    server: Color,
    grades: [Color; Grade::ALL.len()],
}

const DARK: Colours = Colours {
    key: Color::Indexed(80),
    warning: Color::Indexed(209),
    client: Color::Indexed(80),
    server: Color::Indexed(176),
    grades: [Color::Indexed(209), Color::Indexed(220), Color::Indexed(195), Color::Indexed(75), Color::Indexed(247), Color::Indexed(247)],
};

const LIGHT: Colours = Colours {
    key: Color::Indexed(24),
    warning: Color::Indexed(88),
    client: Color::Indexed(24),
    server: Color::Indexed(90),
    grades: [Color::Indexed(88), Color::Indexed(94), Color::Indexed(54), Color::Indexed(20), Color::Indexed(241), Color::Indexed(241)],
};

const SIXTEEN: Colours = Colours {
    key: Color::Cyan,
    warning: Color::Red,
    client: Color::Cyan,
    server: Color::Magenta,
    grades: [Color::Red, Color::Yellow, Color::Magenta, Color::Cyan, Color::Reset, Color::Reset],
};

const SIXTEEN_LIGHT: Colours = Colours {
    key: Color::Blue,
    client: Color::Blue,
    grades: [Color::Red, Color::Reset, Color::Magenta, Color::Blue, Color::Reset, Color::Reset],
    ..SIXTEEN
};

const MONO: Colours = Colours {
    key: Color::Reset,
    warning: Color::Reset,
    client: Color::Reset,
    server: Color::Reset,
    grades: [Color::Reset; Grade::ALL.len()],
};

impl Theme {
    /// The styles in a palette.
    #[must_use]
    pub fn new(palette: Palette) -> Theme {
        let colours = match palette {
            Palette::Mono => MONO,
            Palette::Sixteen { light: false } => SIXTEEN,
            Palette::Sixteen { light: true } => SIXTEEN_LIGHT,
            Palette::Dark => DARK,
            Palette::Light => LIGHT,
        };
        let plain = Style::new();
        let fg = |style: Style, colour: Color| if colour == Color::Reset { style } else { style.fg(colour) };
        let quiet = match palette {
            Palette::Dark | Palette::Light => fg(plain, colours.grades[4]),
            Palette::Mono | Palette::Sixteen { .. } => plain.add_modifier(Modifier::DIM),
        };
        let mut grades = colours.grades.map(|colour| fg(plain, colour));
        // What was readable must not be overlooked.
        grades[0] = grades[0].add_modifier(Modifier::BOLD);
        Theme {
            text: plain,
            heading: plain.add_modifier(Modifier::BOLD),
            quiet,
            key: fg(plain.add_modifier(Modifier::BOLD), colours.key),
            warning: fg(plain.add_modifier(Modifier::BOLD), colours.warning),
            client: fg(plain, colours.client),
            server: fg(plain, colours.server),
            selected: plain.add_modifier(Modifier::REVERSED),
            tab: plain.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            grades,
        }
    }

    /// The style of a grade.
    #[must_use]
    pub fn grade(&self, grade: Grade) -> Style {
        Grade::ALL.iter().zip(self.grades).find(|(g, _)| **g == grade).map_or(self.text, |(_, style)| style)
    }

    /// The style of a severity: as grave as the grade it resembles.
    #[must_use]
    pub fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::High => self.grade(Grade::Exposed),
            Severity::Medium | Severity::Low => self.grade(Grade::Weak),
            Severity::Info => self.text,
            Severity::Good => self.grade(Grade::Protected),
        }
    }
}

/// The sign of a severity.
#[must_use]
pub fn severity_glyph(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "‼",
        Severity::Medium => "!",
        Severity::Low => "▪",
        Severity::Info => "i",
        Severity::Good => "+",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Backgrounds people have: black, and those of well-known colour schemes.
    const DARK_BACKGROUNDS: [u32; 6] = [0x00_0000, 0x1e_1e1e, 0x28_2a36, 0x00_2b36, 0x30_0a24, 0x2e_3440];
    const LIGHT_BACKGROUNDS: [u32; 4] = [0xff_ffff, 0xfd_f6e3, 0xfa_fafa, 0xee_e8d5];

    type Rgb = [f64; 3];

    fn linear(c: u32) -> f64 {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    }

    fn rgb(hex: u32) -> Rgb {
        [linear(hex >> 16 & 255), linear(hex >> 8 & 255), linear(hex & 255)]
    }

    /// The colours 16 to 255 are the same on every terminal: a cube, then greys.
    fn of(colour: Color) -> Option<Rgb> {
        let Color::Indexed(n) = colour else { return None };
        let n = u32::from(n);
        assert!(n >= 16, "the first sixteen are the user's own");
        if n >= 232 {
            let grey = linear(8 + 10 * (n - 232));
            return Some([grey; 3]);
        }
        let level = |n: u32| linear([0, 95, 135, 175, 215, 255][n as usize]);
        Some([level((n - 16) / 36), level((n - 16) / 6 % 6), level((n - 16) % 6)])
    }

    fn luminance(c: Rgb) -> f64 {
        0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
    }

    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_on_every_usual_background() {
        for (palette, backgrounds) in [(Palette::Dark, &DARK_BACKGROUNDS[..]), (Palette::Light, &LIGHT_BACKGROUNDS[..])] {
            let theme = Theme::new(palette);
            let styles = [theme.key, theme.warning, theme.client, theme.server, theme.quiet];
            for colour in styles.into_iter().chain(theme.grades).filter_map(|style| of(style.fg?)) {
                for background in backgrounds {
                    let told = contrast(colour, rgb(*background));
                    assert!(told >= 4.5, "{palette:?}: {colour:?} on {background:06x}: {told:.2}");
                }
            }
        }
    }

    /// What the three kinds of colour blindness make of a colour (Machado, Oliveira and Fernandes 2009, severity 1).
    const BLINDNESS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ];

    fn lab(c: Rgb) -> Rgb {
        let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let x = f((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.950_47);
        let y = f(luminance(c));
        let z = f((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.088_83);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn grades_can_be_told_apart_with_any_kind_of_colour_vision() {
        for palette in [Palette::Dark, Palette::Light] {
            let theme = Theme::new(palette);
            let grades = &Grade::ALL[..5];
            for matrix in BLINDNESS {
                let seen = |grade: Grade| {
                    let c = of(theme.grade(grade).fg.unwrap()).unwrap();
                    lab(matrix.map(|row| (row[0] * c[0] + row[1] * c[1] + row[2] * c[2]).clamp(0.0, 1.0)))
                };
                for (i, a) in grades.iter().enumerate() {
                    for b in &grades[i + 1..] {
                        let (p, q) = (seen(*a), seen(*b));
                        let apart = p.iter().zip(q).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                        assert!(apart >= 15.0, "{palette:?}: {a:?} and {b:?} are {apart:.1} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn unknown_never_wears_the_colour_of_protected_and_no_two_grades_share_a_sign() {
        for palette in [Palette::Sixteen { light: false }, Palette::Sixteen { light: true }, Palette::Dark, Palette::Light] {
            let theme = Theme::new(palette);
            assert_ne!(theme.grade(Grade::Unknown), theme.grade(Grade::Protected), "{palette:?}");
            assert_ne!(theme.grade(Grade::None), theme.grade(Grade::Protected), "{palette:?}");
        }
        let mut signs: Vec<&str> = Grade::ALL.into_iter().map(glyph).collect();
        signs.sort_unstable();
        signs.dedup();
        assert_eq!(signs.len(), Grade::ALL.len());
    }

    #[test]
    fn the_palette_follows_what_was_asked_for_and_what_the_terminal_can_do() {
        let choose = |colours, theme, term, light| Palette::choose(colours, theme, Some(term), None, light);
        assert_eq!(choose(false, ThemeChoice::Dark, "xterm-256color", None), Palette::Mono);
        assert_eq!(choose(true, ThemeChoice::Auto, "xterm-256color", Some(false)), Palette::Dark);
        assert_eq!(choose(true, ThemeChoice::Auto, "xterm-256color", Some(true)), Palette::Light);
        assert_eq!(choose(true, ThemeChoice::Auto, "xterm-256color", None), Palette::Sixteen { light: false });
        assert_eq!(choose(true, ThemeChoice::Auto, "linux", Some(false)), Palette::Sixteen { light: false });
        assert_eq!(choose(true, ThemeChoice::Light, "linux", None), Palette::Sixteen { light: true });
        assert_eq!(Palette::choose(true, ThemeChoice::Light, None, Some("truecolor"), None), Palette::Light);
    }
}
