//! `intransit FILE...`: captures in the terminal UI.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use super::canary::Asking;
use super::saved::{self, CaseFile};
use super::{Failure, Outcome, Read, file_name, keys, lock, notes, read_input, report, settings, shown};
use crate::assess::{Judged, State};
use crate::base::{WireStr, escape_into};
use crate::cli::{self, Global, TestPanic};
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, Keep, Needles, Quest};
use crate::dissect::plain::Identity;
use crate::engine::{self, Options};
use crate::present::tui::{self, Answer, Look, Request, Seen, Tested, Update};

/// Updates that wait for the screen; with more, the reader waits.
const UPDATES_IN_FLIGHT: usize = 64;
/// Connections in one update.
const BATCH: usize = 512;

/// `intransit FILE...`: the terminal UI.
///
/// # Errors
/// When a phrase cannot be searched, or the terminal not be used.
pub fn open(files: &[PathBuf], phrase: &cli::Phrase, case: Option<&Path>, global: &Global) -> Result<Outcome, Failure> {
    let asking = Asking::of(phrase)?;
    let tested = asking.is_some();
    let (sender, updates) = std::sync::mpsc::sync_channel(UPDATES_IN_FLIGHT);
    let (asks, requests) = channel::<Request>();
    let (ended, outcomes) = channel();
    let (inputs, settings, equipment) = (files.to_vec(), settings(global)?, keys::equipment(global)?);
    let case = case.map(CaseFile::open).transpose()?.map(Arc::new);
    let hands =
        Hands { settings, equipment: equipment.clone(), case: case.clone(), global: global.clone(), asked: Arc::default(), hides: None };
    for (path, asking) in files.iter().zip(std::iter::repeat(&asking)) {
        asking.iter().for_each(|asking| hands.remember(path, asking.clone()));
    }
    lock::lock(global, &lock::looking(files))?;
    let (first, writing) = (files.first().cloned(), hands.clone());
    let reader = engine::background(move || {
        if writing.global.test_panic == Some(TestPanic::Thread) {
            crate::base::fail_for_a_test();
        }
        let each = inputs.iter().enumerate();
        let all: Vec<Outcome> = each
            .map(|(at, input)| feed(input, settings, &equipment, writing.global.test_panic, &|update| sender.send((at, update)).is_ok()))
            .collect();
        // Whoever waits for them may be gone.
        let _ = ended.send(all);
        let answer = |at: usize, answer| sender.send((at, Update::Answer(answer))).is_ok();
        if let Some(asking) = asking {
            for (at, input) in inputs.iter().enumerate() {
                if !answer(at, test(input, settings, &equipment, &asking, None)) {
                    return;
                }
            }
        }
        for Request { capture, look } in requests {
            let Some(input) = inputs.get(capture) else { continue };
            if !answer(capture, writing.look(input, &look)) {
                return;
            }
        }
    });
    let names = files.iter().map(|path| WireStr::from(file_name(path))).collect();
    let (color, theme) = looks(global);
    let options = tui::Options {
        files: names,
        color,
        theme,
        tested,
        case: case.map(|case| case.name()),
        catalogue: settings.catalogue,
        test_panic: global.test_panic == Some(TestPanic::Draw),
        live: false,
    };
    let shown_to_the_end = std::panic::catch_unwind(AssertUnwindSafe(|| tui::run(options, updates, Some(asks))));
    let states = shown_to_the_end
        .unwrap_or_else(|panic| hands.rescue(first.as_deref(), panic))
        .map_err(|error| Failure::Terminal(error.to_string()))?;
    if states.contains(&State::Reading) {
        // The user left before the end; what is still being read is not waited for.
        return Ok(Outcome::Done);
    }
    // What is still read for a question is not waited for.
    let outcomes = match outcomes.recv() {
        Ok(outcomes) => outcomes,
        Err(_) => {
            reader.join().unwrap_or_else(|panic| hands.rescue(first.as_deref(), panic));
            return Ok(Outcome::Done);
        }
    };
    let mut tally = Read::default();
    for ((path, state), outcome) in files.iter().zip(states).zip(outcomes) {
        match (state, outcome) {
            (State::Failed(why), _) => {
                tally.refused += 1;
                let _ = writeln!(io::stderr(), "intransit: {}: {why}", shown(path));
            }
            (_, Outcome::Partial) => tally.damaged += 1,
            _ => tally.read += 1,
        }
    }
    if tally.read + tally.damaged == 0 && tally.refused > 0 {
        return Ok(Outcome::Nothing);
    }
    Ok(tally.outcome())
}

pub(super) fn looks(global: &Global) -> (tui::ColorChoice, tui::ThemeChoice) {
    let color = match global.color {
        cli::Color::Auto => tui::ColorChoice::Auto,
        cli::Color::Always => tui::ColorChoice::Always,
        cli::Color::Never => tui::ColorChoice::Never,
    };
    let theme = match global.theme {
        cli::Theme::Auto => tui::ThemeChoice::Auto,
        cli::Theme::Dark => tui::ThemeChoice::Dark,
        cli::Theme::Light => tui::ThemeChoice::Light,
        cli::Theme::Sixteen => tui::ThemeChoice::Sixteen,
        cli::Theme::Mono => tui::ThemeChoice::Mono,
    };
    (color, theme)
}

/// Whether a connection is in no report, and not shown.
pub(super) type Hides = Arc<dyn Fn(&Judged) -> bool + Send + Sync>;

/// What a screen can ask for beside its updates.
#[derive(Clone)]
pub(super) struct Hands {
    pub settings: Options,
    pub equipment: Equipment,
    pub case: Option<Arc<CaseFile>>,
    pub global: Global,
    /// What was asked of each capture last: a report on it tells that, too.
    pub asked: Arc<Mutex<HashMap<PathBuf, Asking>>>,
    /// Which connections are in no report: those of other devices.
    pub hides: Option<Hides>,
}

impl Hands {
    /// Does what a screen asks: reads its capture once more, writes.
    pub fn look(&self, path: &Path, look: &Look) -> Answer {
        let Hands { settings, equipment, case, hides, .. } = self;
        match look {
            Look::Canary(question) => match Asking::new(question) {
                Ok(asking) => {
                    let answer = test(path, *settings, equipment, &asking, hides.as_ref());
                    self.remember(path, asking);
                    answer
                }
                Err(why) => Answer::Failed(why),
            },
            Look::Inside(identity) => inside(path, *settings, equipment, *identity),
            Look::Report { to, replace } => {
                let asking = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
                saved::report_to(path, to, *replace, self, asking.as_ref())
            }
            Look::Mark(mark) => {
                case.as_ref().map_or_else(|| Answer::Told("no --case names a case file".to_owned()), |case| case.mark(mark))
            }
        }
    }

    /// What was asked of a capture.
    pub fn remember(&self, path: &Path, asking: Asking) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf(), asking);
    }

    /// After an internal error: the report, as far as the capture can still be read, and then the error.
    pub fn rescue(&self, capture: Option<&Path>, panic: Box<dyn std::any::Any + Send>) -> ! {
        // An error while writing is the same error.
        let saved = std::panic::catch_unwind(AssertUnwindSafe(|| saved::rescue(capture?, self)));
        let said = saved.ok().flatten().unwrap_or_else(|| "no report could be saved".to_owned());
        let _ = writeln!(io::stderr(), "intransit: {said}");
        std::panic::resume_unwind(panic)
    }
}

/// Reads a capture and sends what it finds to the terminal UI, until that is gone.
fn feed(path: &Path, settings: Options, equipment: &Equipment, fails: Option<TestPanic>, send: &dyn Fn(Update) -> bool) -> Outcome {
    let mut last = None;
    let mut gone = false;
    let analysed = report::read_hashed(path, settings, equipment, &mut |capture| {
        if fails == Some(TestPanic::Parse) {
            crate::base::fail_for_a_test();
        }
        let percent = capture.input_len.map_or(capture.frames >> 16, |len| capture.input_read.saturating_mul(200) / len.max(1));
        if !gone && last.replace(percent) != Some(percent) {
            gone = !send(Update::Progress { read: capture.input_read, total: capture.input_len, frames: capture.frames });
        }
    });
    let (analysis, hash) = match analysed {
        Ok(analysed) => analysed,
        Err(error) => {
            let mut text = String::new();
            let _ = escape_into(&mut text, error.to_string().as_bytes());
            send(Update::Failed(text));
            return Outcome::Nothing;
        }
    };
    let mut connections = analysis.judged();
    loop {
        let batch: Vec<Judged> = connections.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        if !send(Update::Connections(batch)) {
            return Outcome::Done;
        }
    }
    let capture = &analysis.capture;
    send(Update::Progress { read: capture.input_read, total: capture.input_len, frames: capture.frames });
    if let Ok((sha256, _)) = hash {
        send(Update::Hash(sha256.iter().map(|octet| format!("{octet:02x}")).collect()));
    }
    if let Some(keys) = &analysis.keys {
        send(Update::Keys(keys.clone()));
    }
    let notice = analysis.keys.as_ref().and_then(|keys| keys.notice()).map(str::to_owned);
    send(Update::Done { notes: notice.into_iter().chain(notes(&analysis)).collect() });
    if analysis.capture.damage.is_some() { Outcome::Partial } else { Outcome::Done }
}

fn test(path: &Path, settings: Options, equipment: &Equipment, asking: &Asking, hides: Option<&Hides>) -> Answer {
    match asking.test(path, settings, equipment, Keep::Hits, &mut |_| {}) {
        Ok((analysis, mut canary)) => {
            if let Some(hides) = hides {
                canary.hide(|judged| hides(judged));
            }
            let keys_in_capture = !analysis.capture.secrets.is_empty();
            Answer::Canary(Box::new(Tested { canary, keys: analysis.keys, keys_in_capture, running: false }))
        }
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// What one connection carries.
fn inside(path: &Path, settings: Options, equipment: &Equipment, identity: Identity) -> Answer {
    let needles = match Needles::none() {
        Ok(needles) => needles,
        Err(why) => return Answer::Failed(why.to_string()),
    };
    let gathered = Gathered::default();
    let sinks = Some(gathered.sinks_of(Quest { needles, since: None, keep: Keep::Layers }, identity));
    match read_input(path, settings, &Equipment { sinks, ..equipment.clone() }, &mut |_| {}) {
        Ok(_) => Answer::Inside(Box::new(Seen { identity, watched: gathered.take().pop() })),
        Err(error) => Answer::Failed(error.to_string()),
    }
}
