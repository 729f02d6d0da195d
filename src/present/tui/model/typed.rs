//! What is typed: the line at the bottom, and what becomes of it.

use super::{Ask, Edit, Effect, Filter, FilterError, FrameNo, History, Ledger, Look, Mark, Model, Place, Prompt, Question, WireStr};

impl Model {
    pub(super) fn ask(&mut self, ask: Ask) {
        let before = match ask {
            Ask::Filter => self.typing.filter.clone(),
            Ask::Report => format!("{}.html", bare_name(&self.shown.name)),
            Ask::Find | Ask::Note | Ask::Phrase | Ask::Control | Ask::SentAfter | Ask::Replace => String::new(),
        };
        self.typing.prompt = Some(Prompt::new(ask, &before));
    }

    pub(super) fn edit(&mut self, edit: Edit, ledger: &Ledger) {
        let Some(prompt) = &mut self.typing.prompt else { return };
        let history = match prompt.ask {
            Ask::Filter => &self.typing.filters,
            Ask::Find | Ask::Note => &self.typing.finds,
            // A phrase is used once, and kept nowhere.
            Ask::Phrase | Ask::Control | Ask::SentAfter | Ask::Report | Ask::Replace => &History::default(),
        };
        match edit {
            Edit::Backspace => prompt.backspace(),
            Edit::Delete => prompt.delete(),
            Edit::Word => prompt.delete_word(),
            Edit::Line => prompt.delete_line(),
            Edit::Left => prompt.go(|at| at.saturating_sub(1)),
            Edit::Right => prompt.go(|at| at.saturating_add(1)),
            Edit::Home => prompt.go(|_| 0),
            Edit::End => prompt.go(|_| usize::MAX),
            Edit::Older => prompt.recall(history, 1),
            Edit::Newer => prompt.recall(history, -1),
        }
        self.typed(ledger);
    }

    /// The line has changed: a filter works while it is typed, as far as it can be understood.
    pub(super) fn typed(&mut self, ledger: &Ledger) {
        self.typing.said = None;
        let Some(prompt) = &self.typing.prompt else { return };
        if prompt.ask != Ask::Filter {
            return;
        }
        match understand(&prompt.text()) {
            Ok(filter) => {
                self.typing.wrong = None;
                self.apply(filter, ledger);
            }
            Err(wrong) => self.typing.wrong = Some(wrong),
        }
    }

    pub(super) fn apply(&mut self, filter: Option<Filter>, ledger: &Ledger) {
        if self.typing.understood != filter {
            self.typing.understood = filter;
            self.refresh(ledger);
        }
    }

    pub(super) fn set_filter(&mut self, text: &str, ledger: &Ledger) {
        if let Ok(filter) = understand(text) {
            text.clone_into(&mut self.typing.filter);
            self.typing.wrong = None;
            self.apply(filter, ledger);
            self.refresh(ledger);
        }
    }

    pub(super) fn accept(&mut self, ledger: &Ledger) -> Option<Effect> {
        let prompt = self.typing.prompt.take()?;
        let text = prompt.text();
        match prompt.ask {
            Ask::Filter => match self.typing.wrong.take() {
                None => {
                    self.typing.filters.remember(&text);
                    self.set_filter(text.trim(), ledger);
                }
                // It stays, so that it can be mended.
                Some(wrong) => (self.typing.prompt, self.typing.wrong) = (Some(prompt), Some(wrong)),
            },
            Ask::Find => {
                self.typing.finds.remember(&text);
                self.typing.find = text;
                self.find(0, ledger);
            }
            Ask::Phrase => self.phrase(prompt),
            Ask::Control => self.control(&text),
            Ask::SentAfter => return self.sent_after(prompt, ledger),
            Ask::Note => {
                let at = self.time.replay.map(|replay| replay.at).or_else(|| ledger.span().map(|(_, end)| end));
                if let Some(at) = at {
                    let mark = Mark { at, frame: FrameNo::new(ledger.frames), note: text };
                    self.time.marks.push(mark.clone());
                    self.status = Some(format!("marked {}", at.seconds()));
                    return self.shown.case.is_some().then_some(Effect::Look(Look::Mark(mark)));
                }
            }
            Ask::Report => return self.report(text.trim().to_owned(), false),
            Ask::Replace => {
                let to = std::mem::take(&mut self.typing.replaces);
                if text.trim() == "yes" {
                    return self.report(to, true);
                }
                self.status = Some(format!("{to} stays as it is"));
            }
        }
        None
    }

    pub(super) fn report(&mut self, to: String, replace: bool) -> Option<Effect> {
        if to.is_empty() {
            return None;
        }
        self.status = Some("the report is being written…".to_owned());
        Some(Effect::Look(Look::Report { to, replace }))
    }

    pub(super) fn cancel(&mut self, ledger: &Ledger) {
        (self.typing.wrong, self.typing.said, self.typing.question) = (None, None, Question::default());
        if self.typing.prompt.take().is_some_and(|prompt| prompt.ask == Ask::Filter) {
            let before = self.typing.filter.clone();
            self.set_filter(&before, ledger);
        }
    }

    /// Goes to the next row with the word (1), to the one before (−1), or to the next one that may be this one (0).
    pub(super) fn find(&mut self, by: isize, ledger: &Ledger) {
        if self.typing.find.is_empty() {
            self.status = Some("nothing to find: / asks for a word".to_owned());
            return;
        }
        let (count, before) = (self.rows.len(self.screen).max(1), self.list().cursor);
        let start = before.saturating_add(count).saturating_add_signed(by) % count;
        match self.rows.find(self.screen, &self.typing.find, start, by < 0) {
            Some(at) => {
                let wrapped = if by < 0 { at > before } else { at < before };
                self.go(Place::Screen(self.screen), |_| at, ledger);
                if wrapped {
                    self.status = Some(format!("“{}” found from the other end on", self.typing.find));
                }
            }
            None => self.status = Some(format!("“{}” is in no row", self.typing.find)),
        }
    }
}

/// The name of a capture without the suffixes of one, as it may be typed.
fn bare_name(name: &WireStr) -> String {
    let name = name.to_string();
    let bare = [".gz", ".zst", ".xz"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
    [".pcapng", ".pcap", ".cap"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare).to_owned()
}

/// A filter as it was typed; none where nothing was.
fn understand(text: &str) -> Result<Option<Filter>, FilterError> {
    if text.trim().is_empty() { Ok(None) } else { Filter::parse(text).map(Some) }
}
