//! `intransit run`: one program in a network of its own, and nothing else in the capture.
//!
//! Four processes. This one stays in the network of the computer: it makes the way out (see `network`), passes signals on and clears up.
//! The second one has the network of its own; it is the capture, as `live`, locked in (see `inside`). It starts the third one before the
//! lock, which waits until the capture watches, starts the program, the fourth one, and ends it when the capture ends (see `program`).

mod inside;
mod keys;
mod network;
mod program;
mod undo;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::canary::Asking;
use super::live::safe;
use super::{Failure, Outcome, shown};
use crate::cli::{self, Global};
use crate::source::space;

use keys::Keys;
use network::{Network, Way};
pub(super) use program::{Program, Starting};

/// How long the capture has to begin, and the processes of a network to end when they are asked to.
const PATIENCE: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// `intransit run`.
///
/// # Errors
/// When the program cannot be found, the system gives no network for it, or the capture fails.
pub fn run(options: &cli::Run, global: &Global) -> Result<Outcome, Failure> {
    match options.part {
        Some(cli::Part::Inside) => inside::watch(options, global),
        Some(cli::Part::Program) => program::look_after(&options.command),
        Some(cli::Part::Helper) => program::become_helper(&options.command),
        Some(cli::Part::Undo) => undo::undo(),
        None => supervise(options, global),
    }
}

fn failed(why: impl std::fmt::Display) -> Failure {
    Failure::Live(safe(&why.to_string()))
}

fn supervise(options: &cli::Run, global: &Global) -> Result<Outcome, Failure> {
    let name = options.command.first().map(OsString::as_os_str).unwrap_or_default();
    findable(name)?;
    if options.phrase.message_file.as_deref() != Some(Path::new("-")) {
        // The process inside reads it again; what is wrong with it is better said before anything is changed.
        Asking::of(&options.phrase)?;
    }
    let way = Way::choose().map_err(failed)?;
    let signals = Signals::catch().map_err(failed)?;
    let left = keys::take_away_what_was_left();
    let keys = Keys::choose(options, global)?;
    for said in left.into_iter().chain(keys.said()).filter(|_| !global.quiet) {
        // Standard error may be closed: the capture goes on.
        let _ = writeln!(io::stderr(), "{said}");
    }
    let addresses = way.addresses();
    let mut capture = Command::new(std::env::current_exe().map_err(failed)?);
    capture.args(inside_arguments(&way, addresses.as_ref()));
    match keys.path() {
        Some(path) => capture.env(keys::VARIABLE, path),
        None => capture.env_remove(keys::VARIABLE),
    };
    let mut capture = capture.spawn().map_err(failed)?;
    let space = match begun(&mut capture) {
        Ok(space) => space,
        Err(ended) => return Ok(outcome(ended)),
    };
    let connected = Network::connect(&way, addresses.as_ref(), capture.id());
    if let Err(why) = &connected {
        // It waits for a network in vain.
        let _ = capture.kill();
        let _ = capture.wait();
        space.signal(Signal::KILL);
        return Err(failed(why));
    }
    if let (Some(lacks), false) = (connected.as_ref().ok().and_then(|network| network.lacks.as_ref()), global.quiet) {
        let _ = writeln!(io::stderr(), "{}", safe(lacks));
    }
    let ended = signals.pass_on(&mut capture);
    // Whoever looks after the program ends it and what it left behind; the network is not taken away before that.
    emptied(&space);
    drop(connected);
    Ok(outcome(ended.map_err(failed)?))
}

/// The same command line, with what the process inside must know before the program's own words.
fn inside_arguments(way: &Way, addresses: Option<&network::Addresses>) -> Vec<OsString> {
    let mut all: Vec<OsString> = std::env::args_os().skip(1).collect();
    let at = all.iter().position(|word| word == "--").unwrap_or(all.len());
    let mut added: Vec<OsString> = vec!["--part".into(), "inside".into()];
    if let Some(addresses) = addresses {
        added.extend(["--address".into(), addresses.text().into()]);
    }
    if way.forwards_names() {
        added.push("--names-forwarded".into());
    }
    all.splice(at..at, added);
    all
}

/// Waits until the process has its own network.
fn begun(capture: &mut Child) -> Result<space::Space, ExitStatus> {
    let since = Instant::now();
    loop {
        if let Some(space) = space::Space::of(capture.id()) {
            return Ok(space);
        }
        if let Ok(Some(ended)) = capture.try_wait() {
            return Err(ended);
        }
        if since.elapsed() > PATIENCE {
            let _ = capture.kill();
        }
        std::thread::sleep(PAUSE);
    }
}

/// Waits until nobody is in the network any more; insists, when that takes too long.
fn emptied(space: &space::Space) {
    let since = Instant::now();
    while !space.processes().is_empty() && since.elapsed() < GRACE * 3 {
        if since.elapsed() > GRACE * 2 {
            space.signal(Signal::KILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// What the capture said of itself by its exit status; what it has to say it has said.
fn outcome(ended: ExitStatus) -> Outcome {
    match ended.code() {
        Some(0) => Outcome::Done,
        Some(3) => Outcome::Partial,
        Some(130) => Outcome::Interrupted,
        _ => Outcome::Nothing,
    }
}

/// Before anything is changed: whether there is such a program.
fn findable(name: &OsStr) -> Result<(), Failure> {
    let runs = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let path = Path::new(name);
    let found = if path.components().count() > 1 || name.as_encoded_bytes().contains(&b'/') {
        runs(path)
    } else {
        std::env::var_os("PATH").is_some_and(|all| std::env::split_paths(&all).any(|folder| runs(&folder.join(name))))
    };
    match found {
        true => Ok(()),
        false => Err(Failure::Usage(format!("there is no program {}: name one that is in the PATH, or its file", shown(path)))),
    }
}

/// Signals on their way to the capture.
struct Signals {
    came: Arc<AtomicUsize>,
}

impl Signals {
    fn catch() -> io::Result<Signals> {
        let came = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(signal, Arc::clone(&came), 1)?;
        }
        Ok(Signals { came })
    }

    /// Waits for the capture to end; a signal to this process is one to the capture.
    fn pass_on(&self, capture: &mut Child) -> io::Result<ExitStatus> {
        let mut passed = false;
        loop {
            if let Some(ended) = capture.try_wait()? {
                return Ok(ended);
            }
            if self.came.swap(0, Ordering::Relaxed) > 0
                && let Some(pid) = i32::try_from(capture.id()).ok().and_then(Pid::from_raw)
            {
                // A terminal tells both of Ctrl-C: the first one passed on is another signal, so that it does not count twice.
                let signal = if std::mem::replace(&mut passed, true) { Signal::INT } else { Signal::TERM };
                let _ = kill_process(pid, signal);
            }
            std::thread::sleep(PAUSE);
        }
    }
}
