//! The program that is watched.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Failure, GRACE, Outcome, failed};
use crate::commands::live::safe;
use crate::source::space::{self, Space};

/// The last octets of what a program says behind a screen, which are shown when it is left.
const TAIL: usize = 64 << 10;
/// What comes so long after the end of a program may still be an answer to it.
const LINGER: Duration = Duration::from_millis(500);

/// A program to be started.
pub(crate) struct Starting {
    pub command: Vec<OsString>,
    /// The terminal is the screen's: the program cannot read from it, and what it says is kept back.
    pub screen: bool,
}

/// A program that was started.
pub(crate) struct Program {
    name: String,
    child: Child,
    /// It waits for an octet from here, and ends when this does.
    go: io::PipeWriter,
    said: Option<Said>,
    ended: Option<(ExitStatus, Instant)>,
}

/// What a program says behind a screen.
struct Said {
    from: File,
    last: Vec<u8>,
    left_out: u64,
}

impl Starting {
    /// Starts it, by way of this program: it waits until it may go on.
    pub fn start(self) -> Result<Program, Failure> {
        let name = safe(&self.command.first().map(|name| name.to_string_lossy()).unwrap_or_default());
        let (wait, go) = io::pipe().map_err(failed)?;
        // What it waits for comes where its standard output will be.
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["run", "--part", "program", "--"]).args(&self.command).stdout(Stdio::from(wait));
        let said = if self.screen {
            let (from, to) = io::pipe().map_err(failed)?;
            let flags = rustix::fs::fcntl_getfl(&from).map_err(failed)?;
            rustix::fs::fcntl_setfl(&from, flags | rustix::fs::OFlags::NONBLOCK).map_err(failed)?;
            command.stdin(Stdio::null()).stderr(to).process_group(0);
            Some(Said { from: File::from(std::os::fd::OwnedFd::from(from)), last: Vec::new(), left_out: 0 })
        } else {
            None
        };
        let child = command.spawn().map_err(|e| failed(format!("{name} cannot be started: {e}")))?;
        Ok(Program { name, child, go, said, ended: None })
    }
}

impl Program {
    /// Its name, safe to print.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Now it runs.
    pub fn go(&mut self) {
        // When it is gone already, that is seen soon.
        let _ = self.go.write_all(&[1]);
    }

    /// Looks after it. Returns whether it is over, and nothing of it comes any more.
    pub fn is_over(&mut self) -> bool {
        if let Some(said) = &mut self.said {
            said.listen();
        }
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.ended = Some((status, Instant::now()));
        }
        self.ended.is_some_and(|(_, at)| at.elapsed() > LINGER)
    }

    /// How it ended, in one sentence; what it said last, where that was kept back.
    pub fn end(mut self, quiet: bool) {
        self.is_over();
        let mut err = io::stderr().lock();
        // Standard error may be closed: everything that counts is written.
        if let Some(said) = self.said.take() {
            if said.left_out > 0 {
                let _ = writeln!(err, "({} octets that {} said before are left out)", said.left_out, self.name);
            }
            let text = String::from_utf8_lossy(&said.last);
            text.lines().for_each(|line| drop(writeln!(err, "{}: {}", self.name, safe(line))));
        }
        if quiet {
            return;
        }
        let name = &self.name;
        let _ = match self.ended.map(|(status, _)| (status.code(), status.signal())) {
            Some((Some(code), _)) => writeln!(err, "{name} ended with status {code}"),
            Some((None, signal)) => writeln!(err, "{name} was ended by signal {}", signal.unwrap_or_default()),
            None => writeln!(err, "{name} was still running, and is ended"),
        };
    }
}

impl Said {
    fn listen(&mut self) {
        let mut buffer = [0; 16 << 10];
        while let Ok(n @ 1..) = self.from.read(&mut buffer) {
            self.last.extend_from_slice(buffer.get(..n).unwrap_or_default());
            let over = self.last.len().saturating_sub(TAIL);
            self.left_out += over as u64;
            self.last.drain(..over);
        }
    }
}

/// Between two looks at the program.
const LOOK: Duration = Duration::from_millis(10);

/// The process between the capture and the program: waits until the program may start, sees it end, and ends what it leaves behind. The
/// capture cannot do that, because it is locked in; when the capture is gone, the program has to go.
pub(super) fn look_after(command: &[OsString]) -> Result<Outcome, Failure> {
    let signal = Arc::new(AtomicUsize::new(0));
    for number in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_usize(number, Arc::clone(&signal), usize::try_from(number).unwrap_or_default()).map_err(failed)?;
    }
    let own = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned();
    let mut capture = File::from(own(io::stdout().as_fd()).map_err(failed)?);
    if !matches!(capture.read(&mut [0]), Ok(1)) {
        // The capture is not to be.
        return Ok(Outcome::Nothing);
    }
    let flags = rustix::fs::fcntl_getfl(&capture).map_err(failed)?;
    rustix::fs::fcntl_setfl(&capture, flags | rustix::fs::OFlags::NONBLOCK).map_err(failed)?;
    let Some((name, arguments)) = command.split_first() else { return Ok(Outcome::Nothing) };
    let mut program = Command::new(name);
    program.args(arguments);
    if let Some((user, home)) = space::become_caller().map_err(failed)? {
        program.env("USER", &user).env("LOGNAME", &user).env("HOME", home);
    }
    // Data of the capture goes to standard output: what the program says goes beside it.
    program.stdout(Stdio::from(own(io::stderr().as_fd()).map_err(failed)?));
    let parent = rustix::process::getppid();
    let mut program = program.spawn().map_err(|e| failed(format!("{} cannot be started: {e}", name.to_string_lossy())))?;
    let status = loop {
        if let Some(status) = program.try_wait().map_err(failed)? {
            break Some(status);
        }
        // Nobody writes: it can be read only when nobody could any more.
        if matches!(capture.read(&mut [0]), Ok(0)) {
            break None;
        }
        match signal.swap(0, Ordering::Relaxed) {
            0 => {}
            // A terminal tells it to all.
            number if number == usize::try_from(SIGINT).unwrap_or_default() => {}
            _ => drop(send(&program, Signal::TERM)),
        }
        std::thread::sleep(LOOK);
    };
    let left = end_all(parent.filter(|_| status.is_some()), &mut program);
    if status.is_none() {
        super::keys::take_away_passing();
    }
    if left > 0 && status.is_some() {
        let _ = writeln!(io::stderr(), "{left} processes that {} had started were ended with it", safe(&name.to_string_lossy()));
    }
    match status.map(|status| (status.code(), status.signal().and_then(Signal::from_named_raw))) {
        Some((Some(code), _)) => std::process::exit(code),
        // It is told to the capture by ending in the same way.
        Some((None, Some(signal))) => {
            let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
            Ok(Outcome::Nothing)
        }
        _ => Ok(Outcome::Nothing),
    }
}

fn send(program: &Child, signal: Signal) -> Option<()> {
    let pid = Pid::from_raw(i32::try_from(program.id()).ok()?)?;
    rustix::process::kill_process(pid, signal).ok()
}

/// Ends what is still in this network, the capture and what is its own left out: asks, and then insists. Returns how many there were.
fn end_all(capture: Option<Pid>, program: &mut Child) -> usize {
    let Some(space) = Space::own() else { return 0 };
    let own = rustix::process::getpid();
    let left = || {
        let mut all = space.processes();
        all.retain(|pid| *pid != own && Some(*pid) != capture && (capture.is_none() || space::parent_of(*pid) != capture));
        all
    };
    let began = Instant::now();
    let (mut most, mut asked) = (0, Signal::TERM);
    loop {
        let _ = program.try_wait();
        let all = left();
        if all.is_empty() || began.elapsed() > GRACE * 2 {
            return most;
        }
        if began.elapsed() > GRACE {
            asked = Signal::KILL;
        }
        if most < all.len() || asked == Signal::KILL {
            for pid in &all {
                // It may be gone by now.
                let _ = rustix::process::kill_process(*pid, asked);
            }
            most = most.max(all.len());
        }
        std::thread::sleep(LOOK);
    }
}

/// Becomes a program that ends with whoever started this.
pub(super) fn become_helper(command: &[OsString]) -> Result<Outcome, Failure> {
    space::end_with_parent().map_err(failed)?;
    let Some((name, arguments)) = command.split_first() else { return Ok(Outcome::Nothing) };
    Err(failed(Command::new(name).args(arguments).exec()))
}
