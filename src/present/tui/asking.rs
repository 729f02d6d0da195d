//! What the screens ask that needs the capture to be read once more: a phrase, and what one connection carries.

use super::looking::{Answer, Look, Question};
use super::model::{Effect, Model, Open};
use super::prompt::{Ask, Prompt};
use super::rows::connection;
use super::screen::canary::State;
use super::screen::inside;
use super::screens::Screen;
use crate::assess::Ledger;
use crate::base::Timestamp;
use crate::dissect::inside::Needles;
use crate::dissect::plain::Identity;

impl Model {
    /// The phrase was typed: controls are asked for next. One that cannot be searched stays, to be mended.
    pub(super) fn phrase(&mut self, prompt: Prompt) {
        let message = prompt.text().trim().to_owned();
        match Needles::new(&message, &[]) {
            Ok(_) => {
                self.typing.question = Question { message, ..Question::default() };
                self.typing.prompt = Some(Prompt::new(Ask::Control, ""));
            }
            Err(why) => (self.typing.said, self.typing.prompt) = (Some(why.to_string()), Some(prompt)),
        }
    }

    /// A control was typed: another one is asked for, or when there is no more, the time.
    pub(super) fn control(&mut self, text: &str) {
        let control = text.trim();
        let mut next = Ask::SentAfter;
        if !control.is_empty() {
            next = Ask::Control;
            match Needles::new(control, &[]) {
                Ok(_) => self.typing.question.controls.push(control.to_owned()),
                Err(why) => self.typing.said = Some(why.to_string()),
            }
        }
        self.typing.prompt = Some(Prompt::new(next, ""));
    }

    /// The time was typed: now everything is known. One that is not understood stays, to be mended.
    pub(super) fn sent_after(&mut self, prompt: Prompt, ledger: &Ledger) -> Option<Effect> {
        let text = prompt.text().trim().to_owned();
        let since = moment(&text, ledger);
        if since.is_none() && !text.is_empty() {
            let said = "expected 09:02:03 or 2024-05-01T09:02:03Z".to_owned();
            (self.typing.said, self.typing.prompt) = (Some(said), Some(prompt));
            return None;
        }
        let question = Question { since, ..std::mem::take(&mut self.typing.question) };
        self.test(ledger);
        Some(Effect::Look(Look::Canary(question)))
    }

    /// The capture is about to be read for a phrase.
    pub(super) fn test(&mut self, ledger: &Ledger) {
        self.canary.asked = true;
        self.set_state(State::Looking, ledger);
        self.with_list(Screen::Canary, |list| (list.cursor, list.top) = (0, 0));
    }

    fn set_state(&mut self, state: State, ledger: &Ledger) {
        self.canary.state = state;
        self.canary.arrange(ledger, self.size.width);
        self.refresh(ledger);
    }

    /// The capture was read once more.
    pub(super) fn answer(&mut self, answer: Answer, ledger: &Ledger) {
        match answer {
            // Another phrase was asked for on the screen.
            Answer::Canary(tested) if tested.running && self.canary.asked => {}
            Answer::Canary(tested) => self.set_state(State::Tested(tested), ledger),
            Answer::Inside(seen) => {
                if let Some(page) = &mut self.inside {
                    page.take(*seen);
                }
                self.refresh(ledger);
            }
            Answer::Told(what) => self.status = Some(what),
            Answer::Exists(to) => {
                self.status = None;
                self.typing.replaces = to;
                self.typing.prompt = Some(Prompt::new(Ask::Replace, ""));
            }
            Answer::Failed(why) => {
                self.status = Some(why.clone());
                if let Some(page) = &mut self.inside {
                    page.fail(why.clone());
                }
                if matches!(self.canary.state, State::Looking) {
                    self.set_state(State::Failed(why), ledger);
                }
            }
        }
    }

    /// Asks for what the open connection carries.
    pub(super) fn look_inside(&mut self, ledger: &Ledger) -> Option<Effect> {
        let identity = Identity::of(connection(ledger, self.open?.id)?);
        self.inside = Some(inside::Page::of(identity));
        Some(Effect::Look(Look::Inside(identity)))
    }

    pub(super) fn unmask(&mut self, ledger: &Ledger) {
        match &mut self.inside {
            Some(page) => page.unmasked = !page.unmasked,
            None => {
                self.canary.unmasked = !self.canary.unmasked;
                self.canary.arrange(ledger, self.size.width);
                self.refresh(ledger);
            }
        }
    }

    /// Opens the connection that the cursor is on.
    pub(super) fn open_channel(&mut self, ledger: &Ledger) {
        let Some(identity) = self.canary.connection(self.list().cursor) else { return };
        let at = ledger.connections().iter().position(|judged| Identity::of(judged) == identity);
        self.open = at.and_then(|at| u32::try_from(at).ok()).map(|id| Open { id, cursor: 0 });
        self.refresh(ledger);
    }

    /// The display filter of the hit, or else of the connection, that the cursor is on.
    pub(super) fn filter_of_channel(&self, ledger: &Ledger) -> Option<String> {
        let at = self.list().cursor;
        self.canary.display_filter(at).or_else(|| {
            let identity = self.canary.connection(at)?;
            let judged = ledger.connections().iter().find(|judged| Identity::of(judged) == identity)?;
            Some(super::row::display_filter(judged))
        })
    }
}

/// A moment as it is typed: whole, or only its time, which is then of the day on which the capture began.
fn moment(text: &str, ledger: &Ledger) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    let day = || Some(ledger.span()?.0.to_string().get(..10)?.to_owned());
    match text.split(':').count() {
        2 if !text.contains('T') => Timestamp::parse(&format!("{}T{text}:00Z", day()?)),
        3 if !text.contains('T') => Timestamp::parse(&format!("{}T{text}Z", day()?)),
        _ => Timestamp::parse(text),
    }
}
