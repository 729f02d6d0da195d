//! The captures that are open, each with its ledger and its screens; which moment of one is shown. No terminal, clock or file in here.

use ratatui::Frame;
use ratatui::layout::Size;

use super::looking::Answer;
use super::model::{Effect, Message, Model, Shown};
use super::order::{Order, Ordered};
use super::theme::Theme;
use super::update::Update;
use crate::assess::{Catalogue, Ledger, MOST_CONNECTIONS, Rewind, State};
use crate::base::WireStr;

/// Everything that is open.
#[derive(Debug)]
pub struct Session {
    captures: Vec<Capture>,
    current: usize,
}

/// One capture.
#[derive(Debug)]
struct Capture {
    model: Model,
    /// All that is known.
    ledger: Ledger,
    /// A capture seen again, while its replay lasts.
    rewind: Option<Rewind>,
    /// What is shown while the screen stands still.
    frozen: Option<Ledger>,
    /// The ledger has changed since the screens were told.
    stale: bool,
    /// It is being read once more.
    busy: bool,
}

impl Capture {
    /// The screens, and the ledger that they show.
    fn parts(&mut self) -> (&mut Model, &Ledger) {
        (&mut self.model, at_the_moment(self.rewind.as_ref(), self.frozen.as_ref(), &self.ledger))
    }

    fn shown(&self) -> &Ledger {
        at_the_moment(self.rewind.as_ref(), self.frozen.as_ref(), &self.ledger)
    }

    fn update(&mut self, message: Message) -> Option<Effect> {
        let (model, ledger) = self.parts();
        model.update(message, ledger)
    }

    /// Takes in a change and what it entails; what only the world outside can do is returned.
    fn handle(&mut self, message: Message) -> Option<Effect> {
        let effect = self.update(message);
        let outward = match effect {
            Some(Effect::Rewind) => {
                self.begin_replay();
                None
            }
            Some(Effect::Event { after }) => {
                self.step(after);
                None
            }
            Some(Effect::Freeze(frozen)) => {
                self.frozen = frozen.then(|| self.ledger.clone());
                self.update(Message::Ledger);
                None
            }
            Some(Effect::Look(look)) => {
                self.busy = true;
                Some(Effect::Look(look))
            }
            other => other,
        };
        self.follow_the_clock();
        outward
    }

    fn begin_replay(&mut self) {
        let rewind = match self.ledger.state {
            State::Reading => None,
            State::Done | State::Failed(_) => Rewind::of(&self.ledger),
        };
        match (rewind, self.ledger.span()) {
            (Some(rewind), Some(span)) => {
                let findings = rewind.findings().to_vec();
                self.rewind = Some(rewind);
                self.show_another();
                self.update(Message::Rewound(span, findings));
            }
            _ => {
                self.update(Message::Told("there is nothing to replay yet".to_owned()));
            }
        }
    }

    /// The ledger that is shown is another one now.
    fn show_another(&mut self) {
        let (model, ledger) = self.parts();
        model.rows.other_ledger(ledger);
    }

    fn step(&mut self, after: bool) {
        let Some(rewind) = &self.rewind else { return };
        let event = if after { rewind.event_after(rewind.at()) } else { rewind.event_before(rewind.at()) };
        let message = match event {
            Some(at) => Message::Seek(at),
            None => Message::Told(if after { "this was the last event" } else { "this was the first event" }.to_owned()),
        };
        self.update(message);
    }

    /// Brings the capture to the moment that its replay shows.
    fn follow_the_clock(&mut self) {
        match (&self.model.time.replay, &mut self.rewind) {
            (Some(replay), Some(rewind)) if rewind.at() != replay.at => {
                rewind.seek(replay.at);
                self.update(Message::Ledger);
            }
            (None, Some(_)) => {
                self.rewind = None;
                self.show_another();
                self.update(Message::Ledger);
            }
            _ => {}
        }
    }
}

/// The ledger of the moment that is shown.
fn at_the_moment<'a>(rewind: Option<&'a Rewind>, frozen: Option<&'a Ledger>, ledger: &'a Ledger) -> &'a Ledger {
    match (rewind, frozen) {
        (Some(rewind), _) => rewind.ledger(),
        (None, Some(frozen)) => frozen,
        (None, None) => ledger,
    }
}

impl Session {
    /// Captures of these names, before anything is read.
    #[must_use]
    pub fn new(names: &[WireStr], theme: Theme, size: Size) -> Session {
        Session::with(names, None, None, theme, size)
    }

    /// As [`Session::new`], with the case file that marks go into, and the catalogue of platforms where it is not the program's own.
    #[must_use]
    pub fn with(names: &[WireStr], case: Option<&WireStr>, catalogue: Option<&'static Catalogue>, theme: Theme, size: Size) -> Session {
        let count = names.len();
        let room = MOST_CONNECTIONS / count.max(1);
        let one = |(at, name): (usize, &WireStr)| {
            let shown = Shown { name: name.clone(), of: (at, count), case: case.cloned() };
            let mut model = Model::new(shown, theme, size);
            model.rows.catalogue = catalogue;
            model.canary.catalogue = catalogue;
            Capture { model, ledger: Ledger::with_room(room), rewind: None, frozen: None, stale: false, busy: false }
        };
        Session { captures: (1..).zip(names).map(one).collect(), current: 0 }
    }

    /// A session of one ledger, for tests.
    #[cfg(test)]
    pub fn of(name: &str, ledger: Ledger, theme: Theme, size: Size) -> Session {
        let mut session = Session::new(&[WireStr::from(name)], theme, size);
        if let Some(capture) = session.captures.first_mut() {
            capture.ledger = ledger;
            capture.handle(Message::Ledger);
        }
        session
    }

    /// The screens of the capture that is shown.
    #[must_use]
    pub fn model(&self) -> Option<&Model> {
        self.captures.get(self.current).map(|capture| &capture.model)
    }

    /// All that is known of the capture that is shown.
    #[cfg(test)]
    #[allow(clippy::indexing_slicing)]
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.captures[self.current].ledger
    }

    /// What became of each capture.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.captures.iter().map(|capture| &capture.ledger.state)
    }

    /// The place of the capture that is shown.
    #[must_use]
    pub fn current(&self) -> usize {
        self.current
    }

    /// A phrase was asked for before anything was read.
    pub fn test_all(&mut self) {
        for capture in &mut self.captures {
            capture.busy = true;
            let Capture { model, ledger, .. } = capture;
            model.test(ledger);
        }
    }

    /// Whether a capture is being read.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.captures.iter().any(|capture| capture.busy || capture.ledger.state == State::Reading)
    }

    /// Whether something moves by itself.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.model().is_some_and(|model| model.time.replay.is_some_and(|replay| replay.playing))
    }

    /// Takes in what happened; what only the world outside can do is returned.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        if let Message::Resize(size) = message {
            self.captures.iter_mut().for_each(|capture| drop(capture.handle(Message::Resize(size))));
            return None;
        }
        match self.captures.get_mut(self.current)?.handle(message) {
            Some(Effect::File(by)) => {
                let count = self.captures.len().max(1);
                self.current = self.current.saturating_add(count).saturating_add_signed(by) % count;
                self.refresh();
                None
            }
            effect => effect,
        }
    }

    /// Whether there is anything to show of the capture that is shown.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.captures.get(self.current).is_some_and(|capture| capture.shown().count() > 0)
    }

    /// Takes in what the engine sends about a capture.
    pub fn take(&mut self, at: usize, update: Update) {
        if let Some(capture) = self.captures.get_mut(at) {
            if let Update::Answer(answer) = update {
                let unasked = matches!(&answer, Answer::Canary(tested) if tested.running);
                capture.busy &= unasked;
                capture.handle(Message::Answer(answer));
                return;
            }
            let changed = update.apply(&mut capture.ledger);
            capture.stale |= changed;
        }
    }

    /// The engine will send no more: an unfinished count must not look like a whole one.
    pub fn ended(&mut self) {
        for capture in &mut self.captures {
            if std::mem::take(&mut capture.busy) {
                capture.handle(Message::Answer(Answer::Failed("the reading ended early".to_owned())));
            }
            if capture.ledger.state == State::Reading {
                capture.ledger.state = State::Failed("the analysis ended early: what is shown is not the whole capture".to_owned());
            }
        }
    }

    /// Whether the tables do not show all that came.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.captures.get(self.current).is_some_and(|capture| capture.stale)
    }

    /// Brings the tables of the capture that is shown up to date.
    pub fn refresh(&mut self) {
        if let Some(capture) = self.captures.get_mut(self.current)
            && std::mem::take(&mut capture.stale)
        {
            capture.handle(Message::Ledger);
        }
    }

    /// From now on, more connections than these are put in order beside.
    pub fn order_beside(&mut self, most_at_once: usize) {
        self.captures.iter_mut().for_each(|capture| capture.model.rows.at_once = Some(most_at_once));
    }

    /// The rows of the capture that is shown that are to be made beside, if any are.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        self.captures.get(self.current).and_then(|capture| capture.model.order(capture.shown()))
    }

    /// Takes in rows of a capture that were made beside.
    pub fn ordered(&mut self, at: usize, ordered: Ordered) {
        if let Some(capture) = self.captures.get_mut(at) {
            let (model, ledger) = capture.parts();
            model.take(ordered, ledger);
        }
    }

    /// Draws the capture that is shown.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        if let Some(capture) = self.captures.get(self.current) {
            super::draw(frame, &capture.model, capture.shown());
        }
    }
}
