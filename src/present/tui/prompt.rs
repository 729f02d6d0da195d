//! A line that is being typed: a filter, a word to find, a note, a phrase.

use super::text;

/// The most characters of a line.
const LONGEST: usize = 200;
/// The most lines a history keeps.
const REMEMBERED: usize = 50;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Which rows to show.
    Filter,
    /// What to look for in the rows.
    Find,
    /// A note for this moment.
    Note,
    /// The phrase that was sent.
    Phrase,
    /// A phrase that must have reached the server.
    Control,
    /// When the phrase was sent.
    SentAfter,
    /// Where the report goes.
    Report,
    /// Whether it replaces the file that is there.
    Replace,
}

impl Ask {
    /// What to do, where the label does not say it all.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Ask::Filter | Ask::Find | Ask::Note => None,
            Ask::Phrase => Some("as it was typed; it stays here"),
            Ask::Control => Some("one at a time; Enter alone: no more"),
            Ask::Report => Some("Enter writes it: .html, .md or .json"),
            Ask::Replace => Some("yes replaces it"),
            Ask::SentAfter => Some("UTC, as 09:02:03; Enter alone: not known"),
        }
    }
}

/// The line, and where the cursor is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked for.
    pub ask: Ask,
    line: Vec<char>,
    cursor: usize,
    /// How far back in the history, and the line that was typed before going there.
    recalled: Option<(usize, Vec<char>)>,
}

impl Prompt {
    /// A line that begins with a text; the cursor is at its end.
    #[must_use]
    pub fn new(ask: Ask, text: &str) -> Prompt {
        let line: Vec<char> = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        Prompt { ask, cursor: line.len(), line, recalled: None }
    }

    /// The line.
    #[must_use]
    pub fn text(&self) -> String {
        self.line.iter().collect()
    }

    /// What stands before the cursor.
    #[must_use]
    pub fn before(&self) -> String {
        self.line.iter().take(self.cursor).collect()
    }

    /// What stands after it.
    #[must_use]
    pub fn after(&self) -> String {
        self.line.iter().skip(self.cursor).collect()
    }

    /// Types a character.
    pub fn insert(&mut self, c: char) {
        if !c.is_control() && self.line.len() < LONGEST {
            self.line.insert(self.cursor.min(self.line.len()), c);
            self.cursor = self.cursor.saturating_add(1);
        }
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        if let Some(at) = self.cursor.checked_sub(1).filter(|at| *at < self.line.len()) {
            self.line.remove(at);
            self.cursor = at;
        }
    }

    /// Removes the character under the cursor.
    pub fn delete(&mut self) {
        if self.cursor < self.line.len() {
            self.line.remove(self.cursor);
        }
    }

    /// Removes the word before the cursor.
    pub fn delete_word(&mut self) {
        let before = |at: usize| at.checked_sub(1).and_then(|at| self.line.get(at)).copied();
        let mut from = self.cursor;
        while before(from).is_some_and(|c| c == ' ') {
            from = from.saturating_sub(1);
        }
        while before(from).is_some_and(|c| c != ' ') {
            from = from.saturating_sub(1);
        }
        self.line.drain(from..self.cursor.min(self.line.len()));
        self.cursor = from;
    }

    /// Removes everything before the cursor.
    pub fn delete_line(&mut self) {
        self.line.drain(..self.cursor.min(self.line.len()));
        self.cursor = 0;
    }

    /// Moves the cursor.
    pub fn go(&mut self, to: impl Fn(usize) -> usize) {
        self.cursor = to(self.cursor).min(self.line.len());
    }

    /// Puts an older line of the history here (`by` 1), or a newer one (`by` −1); beyond the newest is what was being typed.
    pub fn recall(&mut self, history: &History, by: isize) {
        let back = self.recalled.as_ref().map_or(0, |(back, _)| back.saturating_add(1));
        let Some(back) = back.checked_add_signed(by) else { return };
        let typed = self.recalled.take().map_or_else(|| self.line.clone(), |(_, typed)| typed);
        match back.checked_sub(1) {
            None => self.line = typed,
            Some(at) => {
                let at = at.min(history.0.len().saturating_sub(1));
                match history.0.iter().rev().nth(at) {
                    Some(line) => (self.line, self.recalled) = (line.chars().collect(), Some((at, typed))),
                    None => self.line = typed,
                }
            }
        }
        self.cursor = self.line.len();
    }

    /// The part of the line that fits, and the column of the cursor in it.
    #[must_use]
    pub fn window(&self, room: usize) -> (String, usize) {
        let mut from = 0_usize;
        let mut width = text::width(&self.before());
        while width >= room.max(1) && from < self.cursor {
            width = width.saturating_sub(self.line.get(from).map_or(0, |c| text::width(&c.to_string())));
            from = from.saturating_add(1);
        }
        (text::fit(&self.line.iter().skip(from).collect::<String>(), room), width)
    }
}

/// Lines that were accepted, the newest last.
#[derive(Debug, Default)]
pub struct History(Vec<String>);

impl History {
    /// Remembers a line; an older one like it is forgotten.
    pub fn remember(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        self.0.retain(|old| old != line);
        self.0.push(line.to_owned());
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Prompt {
        let mut prompt = Prompt::new(Ask::Filter, "");
        text.chars().for_each(|c| prompt.insert(c));
        prompt
    }

    #[test]
    fn a_line_is_edited_where_the_cursor_is() {
        let mut p = typed("grade = weak");
        p.go(|_| 5);
        p.delete();
        p.insert(':');
        assert_eq!(p.text(), "grade:= weak");
        p.go(|_| usize::MAX);
        p.delete_word();
        assert_eq!(p.text(), "grade:= ");
        p.backspace();
        p.backspace();
        assert_eq!((p.text(), p.after()), ("grade:".to_owned(), String::new()));
        p.delete_line();
        p.backspace();
        p.delete();
        assert_eq!(p.text(), "");
        p.insert('\u{1b}');
        assert_eq!(p.text(), "");
        (0..300).for_each(|_| p.insert('x'));
        assert_eq!(p.text().len(), LONGEST);
    }

    #[test]
    fn the_history_gives_back_older_lines_and_then_what_was_being_typed() {
        let mut history = History::default();
        for line in ["one", "two", "one", ""] {
            history.remember(line);
        }
        let mut p = typed("thr");
        for (by, expected) in [(1, "one"), (1, "two"), (1, "two"), (-1, "one"), (-1, "thr"), (-1, "thr")] {
            p.recall(&history, by);
            assert_eq!(p.text(), expected);
        }
        let mut p = typed("x");
        p.recall(&History::default(), 1);
        assert_eq!(p.text(), "x");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_cursor_is_shown() {
        let mut p = typed("0123456789");
        assert_eq!(p.window(20), ("0123456789".to_owned(), 10));
        assert_eq!(p.window(5), ("6789".to_owned(), 4));
        p.go(|_| 0);
        assert_eq!(p.window(5), ("0123…".to_owned(), 0));
    }
}
