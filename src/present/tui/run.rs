//! The only loop: waits for a key, for the engine or for time to pass; draws when something changed, at most 30 times a second.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;

use super::model::{Effect, Message, Model};
use super::terminal::{self, Signals, Taken};
use super::theme::{ColorChoice, Theme};
use crate::assess::Judged;
use crate::assess::{Ledger, State};
use crate::base::WireStr;

/// Between two drawings pass at least this long.
const FRAME: Duration = Duration::from_millis(33);
/// While the engine works, the table is put in order at most this often: ordering is linear in the rows, drawing is not.
const REORDER: Duration = Duration::from_millis(200);
/// With nothing to read, the loop wakes this often to look for signals.
const IDLE: Duration = Duration::from_millis(200);
/// The most updates taken in one turn, so that keys are heard while the engine is fast.
const MOST_UPDATES: usize = 256;

/// What the terminal UI is told when it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The capture's name, for the title.
    pub file: WireStr,
    /// `--color`.
    pub color: ColorChoice,
}

/// What the engine sends.
#[derive(Debug)]
pub enum Update {
    /// Connections that are finished.
    Connections(Vec<Judged>),
    /// How far the reading has come.
    Progress {
        /// Octets of the input read so far.
        read: u64,
        /// Octets of the input, where known.
        total: Option<u64>,
        /// Frames read so far.
        frames: u64,
    },
    /// Everything readable was read.
    Done {
        /// Damage, bounds that were hit, and the like: a sentence each.
        notes: Vec<String>,
    },
    /// Nothing usable was read: one sentence.
    Failed(String),
}

/// Why the terminal UI ended, when not because the user left it.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    /// The capture could not be read; the user has seen this on the screen.
    #[error("{0}")]
    Failed(String),
}

/// Shows what the engine sends until the user leaves. After a signal that asks the process to end, the terminal is given back and the
/// process ends as that signal wants it.
///
/// # Errors
/// When the terminal cannot be used, or the engine said [`Update::Failed`].
#[allow(clippy::needless_pass_by_value)]
pub fn run(options: Options, updates: Receiver<Update>) -> Result<(), TuiError> {
    let env = |name| std::env::var(name).ok();
    let colours = options.color.colours(env("NO_COLOR").as_deref(), env("TERM").as_deref());
    // crossterm looks at NO_COLOR by itself; our own answer, which includes --color, stands.
    crossterm::style::force_color_output(colours);
    let signals = Signals::catch()?;
    let left = watch(signals.clone());
    let taken = Taken::take()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let size = terminal.size()?;
    let mut ui = Ui { model: Model::new(options.file, Theme::new(colours), size), ledger: Ledger::default(), ordered: 0 };
    let ended = ui.serve(&mut terminal, &taken, &signals, &updates);
    left.store(true, Ordering::SeqCst);
    drop(taken);
    signals.obey();
    match (ended, ui.ledger.state) {
        (Err(error), _) => Err(error.into()),
        (Ok(()), State::Failed(why)) => Err(TuiError::Failed(why)),
        (Ok(()), _) => Ok(()),
    }
}

/// How long the loop has to return after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// Sees to it that a signal ends the program even where the loop does not return: when the terminal is closed, the library that waits
/// for keys may never come back. The flag says that the loop has returned.
fn watch(signals: Signals) -> Arc<AtomicBool> {
    let left = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&left);
    std::thread::spawn(move || {
        while !signals.came() {
            if gone.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(GRACE);
        }
        std::thread::sleep(GRACE);
        if !gone.load(Ordering::SeqCst) {
            signals.insist();
        }
    });
    left
}

struct Ui {
    model: Model,
    ledger: Ledger,
    /// Connections that are already in the table.
    ordered: usize,
}

impl Ui {
    fn serve(
        &mut self,
        terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
        taken: &Taken,
        signals: &Signals,
        updates: &Receiver<Update>,
    ) -> io::Result<()> {
        let mut listening = true;
        let mut dirty = true;
        let mut drawn = Instant::now().checked_sub(FRAME);
        let mut ordered = Instant::now().checked_sub(REORDER);
        while !signals.came() {
            if listening {
                let (changed, more) = self.receive(updates);
                dirty |= changed;
                listening = more;
            }
            let stale = self.ordered < self.ledger.connections().len();
            if stale && (!listening || due(ordered, REORDER)) {
                self.ordered = self.ledger.connections().len();
                self.model.update(Message::Ledger, &self.ledger);
                ordered = Some(Instant::now());
                dirty = true;
            }
            if dirty && due(drawn, FRAME) {
                terminal.draw(|frame| super::draw(frame, &self.model, &self.ledger))?;
                drawn = Some(Instant::now());
                dirty = false;
            }
            let wait = match (dirty, listening) {
                (true, _) => drawn.map_or(Duration::ZERO, |at| FRAME.saturating_sub(at.elapsed())),
                (false, true) => FRAME,
                (false, false) => IDLE,
            };
            // Everything that is already typed is taken before the next drawing: holding a key down never lags behind.
            let mut ready = event::poll(wait)?;
            while ready {
                let effect = self.event(event::read()?);
                dirty = true;
                match effect {
                    Some(Effect::Quit) => return Ok(()),
                    Some(Effect::Copy(text)) => terminal::copy(&text)?,
                    Some(Effect::Suspend) => {
                        taken.suspend()?;
                        terminal.clear()?;
                        self.resize(terminal.size()?);
                    }
                    None => {}
                }
                ready = event::poll(Duration::ZERO)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Key(key) => self.model.update(Message::Key(key), &self.ledger),
            Event::Mouse(mouse) => self.model.update(Message::Mouse(mouse), &self.ledger),
            Event::Paste(text) => self.model.update(Message::Paste(text), &self.ledger),
            Event::Resize(width, height) => {
                self.resize(Size { width, height });
                None
            }
            Event::FocusGained | Event::FocusLost => None,
        }
    }

    fn resize(&mut self, size: Size) {
        self.model.update(Message::Resize(size), &self.ledger);
    }

    /// Takes what the engine has sent: whether anything came, and whether more can come.
    fn receive(&mut self, updates: &Receiver<Update>) -> (bool, bool) {
        for taken in 0..MOST_UPDATES {
            match updates.try_recv() {
                Ok(update) => self.take(update),
                Err(TryRecvError::Empty) => return (taken > 0, true),
                Err(TryRecvError::Disconnected) => {
                    // An engine that ends without a word has failed: an unfinished count must not look like a whole one.
                    if self.ledger.state == State::Reading {
                        self.ledger.state = State::Failed("the analysis ended early: what is shown is not the whole capture".to_owned());
                    }
                    return (true, false);
                }
            }
        }
        (true, true)
    }

    fn take(&mut self, update: Update) {
        let ledger = &mut self.ledger;
        match update {
            Update::Connections(connections) => connections.into_iter().for_each(|connection| ledger.push(connection)),
            Update::Progress { read, total, frames } => (ledger.read, ledger.total, ledger.frames) = (read, total, frames),
            Update::Done { notes } => {
                ledger.notes.extend(notes);
                ledger.state = State::Done;
            }
            Update::Failed(why) => ledger.state = State::Failed(why),
        }
    }
}

fn due(last: Option<Instant>, period: Duration) -> bool {
    last.is_none_or(|at| at.elapsed() >= period)
}
