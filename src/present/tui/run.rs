//! The only loop: waits for a key, for the engine or for time to pass; draws when something changed, at most 30 times a second.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::background;
use super::beside::Beside;
use super::looking::{Answer, Look, Request};
use super::model::{Effect, Message};
use super::session::Session;
use super::terminal::{self, Signals, Taken};
use super::theme::{ColorChoice, Palette, Theme, ThemeChoice};
use super::update::Update;
use crate::assess::{Catalogue, State};
use crate::base::WireStr;

/// Between two drawings pass at least this long.
const FRAME: Duration = Duration::from_millis(33);
/// While the engine works, the tables are put in order at most this often: ordering is linear in the rows, drawing is not.
const REORDER: Duration = Duration::from_millis(200);
/// Putting in order takes at most this part of the time.
const MOST_ORDERING: u32 = 8;
/// So many connections are put in order while a key waits, which takes a few milliseconds; more are put in order beside.
const MOST_AT_ONCE: usize = 4_000;
/// While that is done, the loop wakes this often to see whether it is.
const BESIDE: Duration = Duration::from_millis(5);
/// With nothing to read, the loop wakes this often to look for signals.
const IDLE: Duration = Duration::from_millis(100);
/// The shortest wait for a key. Not zero: crossterm reads nothing at all in no time.
const SHORTEST: Duration = Duration::from_millis(1);
/// A look whether there is something besides keys: another size, or a key that was read with the last one.
const GLANCE: Duration = Duration::from_micros(50);
/// The most updates taken in one turn, so that keys are heard while the engine is fast.
const MOST_UPDATES: usize = 256;
/// The longest that is spent on them.
const LONGEST_TAKING: Duration = Duration::from_millis(10);

/// What the terminal UI is told when it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The captures' names.
    pub files: Vec<WireStr>,
    /// `--color`.
    pub color: ColorChoice,
    /// `--theme`.
    pub theme: ThemeChoice,
    /// A phrase is looked for from the beginning.
    pub tested: bool,
    /// The case file that marks go into.
    pub case: Option<WireStr>,
    /// The catalogue of platforms.
    pub catalogue: &'static Catalogue,
    /// Fail while drawing, for a test of what becomes of the terminal.
    pub test_panic: bool,
    /// The capture runs: after a signal the caller still has to write what is left, and then ends by itself.
    pub live: bool,
}

/// Why the terminal UI ended, when not because the user left it.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows what the engine sends, each update with the place of its capture, until the user leaves; then says what became of each capture.
/// After a signal that asks the process to end, the terminal is given back and the process ends as that signal wants it.
///
/// # Errors
/// When the terminal cannot be used.
#[allow(clippy::needless_pass_by_value)]
pub fn run(options: Options, updates: Receiver<(usize, Update)>, requests: Option<Sender<Request>>) -> Result<Vec<State>, TuiError> {
    let env = |name| std::env::var(name).ok();
    let (term, colorterm) = (env("TERM"), env("COLORTERM"));
    let colours = options.color.colours(env("NO_COLOR").as_deref(), term.as_deref());
    // crossterm looks at NO_COLOR by itself; our own answer, which includes --color, stands.
    crossterm::style::force_color_output(colours);
    let light = if colours && options.theme == ThemeChoice::Auto { background::is_light() } else { None };
    let palette = Palette::choose(colours, options.theme, term.as_deref(), colorterm.as_deref(), light);
    let signals = Signals::catch()?;
    let left = watch(signals.clone());
    let taken = Taken::take()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let size = terminal.size()?;
    let mut ui = Ui {
        session: Session::with(&options.files, options.case.as_ref(), Some(options.catalogue), Theme::new(palette), size),
        beside: Beside::start(),
        late: background::LateAnswer::default(),
        requests,
        fails: false,
    };
    ui.session.order_beside(MOST_AT_ONCE);
    if options.tested {
        ui.session.test_all();
    }
    ui.fails = options.test_panic;
    let ended = ui.serve(&mut terminal, &taken, &signals, &updates);
    left.store(true, Ordering::SeqCst);
    drop(taken);
    if !options.live {
        signals.obey();
    }
    ended?;
    Ok(ui.session.states().cloned().collect())
}

/// A terminal of which nothing is known any more, cleared. Not by `Terminal::clear`, which asks for the place of the cursor and fails where
/// nobody answers.
fn anew() -> io::Result<Terminal<CrosstermBackend<io::Stdout>>> {
    crossterm::execute!(io::stdout(), crossterm::terminal::Clear(crossterm::terminal::ClearType::All))?;
    Terminal::new(CrosstermBackend::new(io::stdout()))
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
    session: Session,
    beside: Beside,
    late: background::LateAnswer,
    /// To whoever can read a capture once more.
    requests: Option<Sender<Request>>,
    /// Fails when it draws something that was read, for a test.
    fails: bool,
}

impl Ui {
    fn serve(
        &mut self,
        terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
        taken: &Taken,
        signals: &Signals,
        updates: &Receiver<(usize, Update)>,
    ) -> io::Result<()> {
        let mut listening = true;
        let mut dirty = true;
        let mut drawn = Instant::now().checked_sub(FRAME);
        let (mut ordered, mut pause) = (Instant::now().checked_sub(REORDER), REORDER);
        let mut ticked: Option<Instant> = None;
        while !signals.came() {
            if signals.stops() {
                self.stop(terminal, taken, signals)?;
                dirty = true;
            } else if signals.continues() {
                taken.again()?;
                *terminal = anew()?;
                dirty = true;
            }
            if listening {
                let (changed, more) = self.receive(updates);
                dirty |= changed;
                listening = more;
            }
            if self.session.is_stale() && (!listening || due(ordered, pause)) {
                let began = Instant::now();
                self.session.refresh();
                pause = REORDER.max(began.elapsed().saturating_mul(MOST_ORDERING));
                ordered = Some(Instant::now());
                dirty = true;
            }
            if let Some((capture, made, took)) = self.beside.take() {
                self.session.ordered(capture, made);
                pause = REORDER.max(took.saturating_mul(MOST_ORDERING));
                dirty = true;
            }
            if !self.beside.is_busy()
                && let Some(order) = self.session.order()
            {
                self.beside.ask(self.session.current(), order);
            }
            // A replay is told how much time has passed; it knows no clock.
            ticked = if self.session.is_moving() {
                let now = Instant::now();
                if let Some(before) = ticked {
                    let passed = u64::try_from(now.duration_since(before).as_nanos()).unwrap_or(u64::MAX);
                    self.session.update(Message::Tick(passed));
                    dirty = true;
                }
                Some(now)
            } else {
                None
            };
            if dirty && due(drawn, FRAME) {
                let fails = self.fails && self.session.has_any();
                terminal.draw(|frame| {
                    self.session.draw(frame);
                    if fails {
                        crate::base::fail_for_a_test();
                    }
                })?;
                drawn = Some(Instant::now());
                dirty = false;
            }
            let wait = match (dirty, listening && self.session.is_reading() || ticked.is_some()) {
                (true, _) => drawn.map_or(Duration::ZERO, |at| FRAME.saturating_sub(at.elapsed())),
                (false, true) => FRAME,
                (false, false) => IDLE,
            };
            let wait = if self.beside.is_busy() { wait.min(BESIDE) } else { wait };
            // Everything that is already typed is taken before the next drawing: holding a key down never lags behind.
            let mut ready = match stirs(wait) {
                Some(true) => event::poll(SHORTEST)?,
                Some(false) => event::poll(GLANCE)?,
                None => event::poll(wait.max(SHORTEST))?,
            };
            while ready {
                let effect = self.event(event::read()?);
                dirty = true;
                match effect {
                    Some(Effect::Quit) => return Ok(()),
                    Some(Effect::Copy(text)) => terminal::copy(&text)?,
                    Some(Effect::Suspend) => self.stop(terminal, taken, signals)?,
                    Some(Effect::Look(look)) => self.ask(look),
                    // The session sees to these itself.
                    Some(Effect::Rewind | Effect::Event { .. } | Effect::Freeze(_) | Effect::File(_)) | None => {}
                }
                ready = event::poll(SHORTEST)?;
            }
        }
        Ok(())
    }

    /// Stops until somebody continues us, who may have changed the size of the terminal.
    fn stop(&mut self, terminal: &mut Terminal<CrosstermBackend<io::Stdout>>, taken: &Taken, signals: &Signals) -> io::Result<()> {
        taken.suspend(signals)?;
        *terminal = anew()?;
        self.session.update(Message::Resize(terminal.size()?));
        Ok(())
    }

    /// Asks for a capture to be read once more. One that runs cannot be.
    fn ask(&mut self, look: Look) {
        let capture = self.session.current();
        let asked = self.requests.as_ref().is_some_and(|requests| requests.send(Request { capture, look }).is_ok());
        if !asked {
            let why = "a running capture cannot be read again: keep it with -w, and open the file when it is done";
            self.session.take(capture, Update::Answer(Answer::Failed(why.to_owned())));
        }
    }

    fn event(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Key(key) if self.late.swallows(key) => None,
            Event::Key(key) => self.session.update(Message::Key(key)),
            Event::Mouse(mouse) => self.session.update(Message::Mouse(mouse)),
            Event::Paste(text) => self.session.update(Message::Paste(text)),
            Event::Resize(width, height) => self.session.update(Message::Resize(Size { width, height })),
            Event::FocusGained | Event::FocusLost => None,
        }
    }

    /// Takes what the engine has sent: whether anything came, and whether more can come.
    fn receive(&mut self, updates: &Receiver<(usize, Update)>) -> (bool, bool) {
        let began = Instant::now();
        for taken in 0..MOST_UPDATES {
            if began.elapsed() >= LONGEST_TAKING {
                break;
            }
            match updates.try_recv() {
                Ok((at, update)) => self.session.take(at, update),
                Err(TryRecvError::Empty) => return (taken > 0, true),
                Err(TryRecvError::Disconnected) => {
                    self.session.ended();
                    return (true, false);
                }
            }
        }
        (true, true)
    }
}

fn due(last: Option<Instant>, period: Duration) -> bool {
    last.is_none_or(|at| at.elapsed() >= period)
}

/// Waits for a key or a signal, at most so long, and says whether one came; nothing where standard input is no terminal. crossterm's own
/// waiting spins through its last millisecond, which of a quiet screen is all that it costs.
fn stirs(wait: Duration) -> Option<bool> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    let mut keys = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec::try_from(wait).ok()?;
    // An error is a signal, most likely: the size may be another.
    Some(rustix::event::poll(&mut keys, Some(&wait)).map_or(true, |ready| ready > 0))
}
