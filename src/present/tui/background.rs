//! What colour the terminal's background has: asked with OSC 11, answered or not.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

/// How long an answer is waited for. A question that every terminal answers is asked after it, so that one which knows no OSC 11 costs
/// no more than its answer to that.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether the background is a light one; `None` where the terminal does not say.
#[must_use]
pub fn is_light() -> Option<bool> {
    let mut options = QueryOptions::default();
    options.timeout = PATIENCE;
    match theme_mode(options) {
        Ok(ThemeMode::Light) => Some(true),
        Ok(ThemeMode::Dark) => Some(false),
        Err(_) => None,
    }
}

/// The most keys of an answer.
const LONGEST: u8 = 40;

/// An answer that came too late looks like typed keys: Alt-], `11;rgb:…`, and an end. They must not do anything.
#[derive(Debug, Default)]
pub struct LateAnswer {
    left: u8,
}

impl LateAnswer {
    /// Whether a key belongs to such an answer.
    pub fn swallows(&mut self, key: KeyEvent) -> bool {
        let (alt, ctrl) = (key.modifiers.contains(KeyModifiers::ALT), key.modifiers.contains(KeyModifiers::CONTROL));
        match key.code {
            KeyCode::Char(']') if alt => self.left = LONGEST,
            _ if self.left == 0 => return false,
            // BEL, or the string terminator.
            KeyCode::Char('g') if ctrl => self.left = 0,
            KeyCode::Char('\\') if alt => self.left = 0,
            KeyCode::Char(c) if c.is_ascii_hexdigit() || "rgb:/;".contains(c) => self.left = self.left.saturating_sub(1),
            _ => {
                self.left = 0;
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swallowed(keys: &[(char, KeyModifiers)]) -> usize {
        let mut late = LateAnswer::default();
        keys.iter().filter(|(c, modifiers)| late.swallows(KeyEvent::new(KeyCode::Char(*c), *modifiers))).count()
    }

    #[test]
    fn an_answer_that_comes_late_does_nothing_and_keys_after_it_work() {
        let plain = KeyModifiers::NONE;
        let mut keys = vec![(']', KeyModifiers::ALT)];
        keys.extend("11;rgb:1e1e/1e1e/1e1e".chars().map(|c| (c, plain)));
        keys.push(('\\', KeyModifiers::ALT));
        let answer = keys.len();
        keys.extend([('q', plain), ('1', plain)]);
        assert_eq!(swallowed(&keys), answer);
        assert_eq!(swallowed(&[('1', plain), ('r', plain)]), 0);
        assert_eq!(swallowed(&[(']', KeyModifiers::ALT), ('q', plain), ('1', plain)]), 1);
    }
}
