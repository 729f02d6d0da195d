//! A running capture on the screen. The capture never waits for the screen: what is not yet drawn is kept together, the newest state of
//! each connection once.

use std::collections::HashMap;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender, TrySendError, channel};

use super::super::open::{Hands, looks};
use super::super::{Failure, Outcome, bounds};
use super::canary::Conclusion;
use super::others::hiding;
use super::print::Tally;
use super::{Opened, Signals, kept, safe};
use crate::assess::Judged;
use crate::cli::{Global, TestPanic};
use crate::engine;
use crate::engine::live::{Event, Tick, Watched};
use crate::flow::ConnectionId;
use crate::present::tui::{self, Answer, Look, Request, Tested, Update};
use crate::source::Capturing;

/// Updates on their way to the screen; what comes then waits here.
const UPDATES_IN_FLIGHT: usize = 8;

/// Watches until the user leaves the screen, a signal comes, or the capture ends and the user has seen it.
pub(super) fn show(opened: Opened, signals: Signals, global: &Global) -> Result<Outcome, Failure> {
    let (sender, updates) = std::sync::mpsc::sync_channel(UPDATES_IN_FLIGHT);
    let (color, theme) = looks(global);
    let name = opened.name.clone();
    let mut feed = Feed {
        sender,
        stop: Arc::clone(&signals.stop),
        others: opened.others.count(),
        capturing: Capturing {
            sees: opened.sees,
            lock: opened.lock.as_ref().map(ToString::to_string),
            onlooker: opened.owners.as_ref().map(super::owners::what_it_is),
            kept_in: opened.recording.as_ref().map(|_| name.clone()),
            ..Capturing::default()
        },
        tally: Tally::new(name.clone(), global.quiet),
        waiting: Vec::new(),
        places: HashMap::new(),
        told: None,
    };
    let mut opened = opened;
    let hands = Hands {
        settings: opened.settings,
        equipment: opened.keys.equipment(),
        case: opened.case.take(),
        global: global.clone(),
        asked: Arc::default(),
        hides: opened.own.clone().map(hiding),
    };
    // Of several files that follow each other none is the capture.
    let kept_in = opened.recording.as_ref().filter(|recording| !recording.rotates()).and_then(|recording| recording.files().first());
    let kept_in = kept_in.map(|(path, _)| path.clone());
    if let (Some(path), Some(test)) = (&kept_in, &opened.test) {
        hands.remember(path, test.asking().clone());
    }
    let asks = answers(&hands, kept_in.clone(), feed.sender.clone());
    let fails = global.test_panic;
    let capture = engine::background(move || {
        let watched = opened.watch(true, &mut |event, tested| {
            if let Some(tested) = tested {
                feed.tested(tested);
            }
            let packets = matches!(&event, Event::Tick(tick) if tick.capture.frames > 0);
            if packets && matches!(fails, Some(TestPanic::Parse | TestPanic::Thread)) {
                crate::base::fail_for_a_test();
            }
            feed.take(event);
        })?;
        let conclusion = opened.test.take().map(|test| test.end(&watched));
        feed.last(&watched, conclusion.as_ref());
        Ok::<_, Failure>((opened, std::mem::take(&mut feed.tally), watched, conclusion))
    });
    let options = tui::Options {
        files: vec![name],
        color,
        theme,
        tested: false,
        case: hands.case.as_ref().map(|case| case.name()),
        catalogue: hands.settings.catalogue,
        test_panic: global.test_panic == Some(TestPanic::Draw),
        live: true,
    };
    let shown = std::panic::catch_unwind(AssertUnwindSafe(|| tui::run(options, updates, asks)));
    // The screen is gone: the capture ends as it would at Ctrl-C, with everything written.
    signals.stop.store(true, Ordering::Relaxed);
    let (opened, tally, watched, conclusion) = capture.join().unwrap_or_else(|panic| hands.rescue(kept_in.as_deref(), panic))?;
    if let Some(recording) = opened.recording.as_ref().filter(|_| !global.quiet) {
        let _ = writeln!(io::stderr(), "{}", kept(recording));
    }
    let outcome = tally.end(&watched, conclusion.as_ref(), opened.others.count().load(Ordering::Relaxed));
    if let Some(run) = opened.run {
        run.end(global.quiet);
    }
    shown.unwrap_or_else(|panic| hands.rescue(kept_in.as_deref(), panic)).map_err(|error| Failure::Terminal(error.to_string()))?;
    Ok(outcome)
}

/// Does what the screen asks, where there is a file that keeps the packets to be read, or a case file to be written.
fn answers(hands: &Hands, kept_in: Option<PathBuf>, sender: SyncSender<(usize, Update)>) -> Option<Sender<Request>> {
    if kept_in.is_none() && hands.case.is_none() {
        return None;
    }
    let (asks, requests) = channel::<Request>();
    let hands = hands.clone();
    drop(engine::background(move || {
        for Request { capture, look } in requests {
            let answer = match (&kept_in, &look) {
                (Some(path), _) => hands.look(path, &look),
                (None, Look::Mark(_)) => hands.look(Path::new(""), &look),
                (None, _) => Answer::Failed("nothing keeps the packets, so that they could be read again: begin it with -w".to_owned()),
            };
            if sender.send((capture, Update::Answer(answer))).is_err() {
                return;
            }
        }
    }));
    Some(asks)
}

/// A capture that breaks off by an internal error must not look like one that goes on.
impl Drop for Feed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = "the analysis ended early: what is shown is not the whole capture".to_owned();
            let _ = self.sender.send((0, Update::Failed(why)));
        }
    }
}

/// What goes to the screen.
struct Feed {
    sender: SyncSender<(usize, Update)>,
    stop: Arc<AtomicBool>,
    others: Arc<AtomicU64>,
    capturing: Capturing,
    tally: Tally,
    /// The newest state of each connection that the screen has not been told, and whether it is over.
    waiting: Vec<(Judged, bool)>,
    places: HashMap<ConnectionId, usize>,
    /// What the screen was told last of how the capture stands.
    told: Option<((u64, u64), Capturing)>,
}

impl Feed {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Over(judged) => {
                self.tally.count(&judged);
                self.wait(judged, true);
            }
            Event::Changed(judged) => self.wait(judged, false),
            Event::Come => {}
            Event::Tick(tick) => self.tick(tick),
        }
    }

    fn wait(&mut self, judged: Judged, over: bool) {
        let id = judged.connection.id();
        match self.places.get(&id).and_then(|&place| self.waiting.get_mut(place)) {
            Some(known) => *known = (judged, over),
            None => {
                self.places.insert(id, self.waiting.len());
                self.waiting.push((judged, over));
            }
        }
    }

    fn tick(&mut self, tick: &Tick<'_>) {
        let Some(status) = tick.status else { return };
        self.capturing.status = status.clone();
        self.capturing.programs = tick.programs;
        self.capturing.others = self.others.load(Ordering::Relaxed);
        let capture = tick.capture;
        if !self.waiting.is_empty() {
            match self.sender.try_send((0, Update::Changed(std::mem::take(&mut self.waiting)))) {
                Ok(()) => self.places.clear(),
                Err(TrySendError::Full((_, Update::Changed(waiting)))) => self.waiting = waiting,
                Err(_) => self.stop.store(true, Ordering::Relaxed),
            }
        }
        // What has not changed is not drawn again: a quiet capture costs nothing. Where there is no room, newer ones will come.
        let progress = (capture.bytes_read, capture.frames);
        if self.told.as_ref().is_some_and(|(before, capturing)| *before == progress && *capturing == self.capturing) {
            return;
        }
        let read = self.sender.try_send((0, Update::Progress { read: progress.0, total: None, frames: progress.1 }));
        let stands = self.sender.try_send((0, Update::Capturing(Box::new(self.capturing.clone()))));
        self.told = (read.is_ok() && stands.is_ok()).then(|| (progress, self.capturing.clone()));
    }

    /// How the canary test stands. Where the screen is behind, a newer state will come.
    fn tested(&mut self, tested: Tested) {
        let _ = self.sender.try_send((0, Update::Answer(Answer::Canary(Box::new(tested)))));
    }

    /// The capture is over: now the screen may take its time, or be gone.
    fn last(&mut self, watched: &Watched, conclusion: Option<&Conclusion>) {
        if let Some(status) = &watched.status {
            self.capturing.status = status.clone();
        }
        self.capturing.programs = watched.programs;
        self.capturing.others = self.others.load(Ordering::Relaxed);
        let capture = &watched.capture;
        let mut notes: Vec<String> = capture.damage.iter().map(|damage| format!("the capture broke off: {}", safe(&damage.what))).collect();
        notes.extend(watched.unwritten.as_ref().map(|error| safe(&error.to_string())));
        notes.extend(bounds(&watched.link, watched.counts, watched.announced_left_out));
        let all = [
            Update::Changed(std::mem::take(&mut self.waiting)),
            Update::Progress { read: capture.bytes_read, total: None, frames: capture.frames },
            Update::Capturing(Box::new(self.capturing.clone())),
            Update::Done { notes },
        ];
        let tested = conclusion.map(|conclusion| Update::Answer(Answer::Canary(Box::new(conclusion.tested.clone()))));
        let _ = tested.into_iter().chain(all).try_for_each(|update| self.sender.send((0, update)));
    }
}
