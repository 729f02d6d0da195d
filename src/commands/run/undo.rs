//! What takes back what was changed on the computer: a process of its own, which does so when whoever changed it is done or gone, also when
//! that was killed.
//!
//! It is told of each change before that is made, by lines on its standard input, and begins when nobody can write there any more.

use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::network::output;
use super::{Failure, Outcome, failed};

/// Changes that are remembered; more than are ever made.
const MOST: usize = 4096;

/// The process, as long as this is kept.
#[derive(Debug)]
pub(super) struct Undo {
    child: Child,
    changes: Option<ChildStdin>,
}

impl Undo {
    /// Starts it.
    pub fn start() -> Result<Undo, String> {
        let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
        command.args(["run", "--part", "undo", "--", "changes"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // What a terminal tells the others is not for it.
        let mut child = command.process_group(0).spawn().map_err(|e| e.to_string())?;
        let changes = child.stdin.take();
        Ok(Undo { child, changes })
    }

    /// A command takes back what is about to be done.
    pub fn by(&mut self, command: &[&str]) -> Result<(), String> {
        self.remember("run", command)
    }

    /// Writes another value into a switch of the kernel, and remembers the one it had. Returns whether it was another one.
    pub fn switch(&mut self, switch: &Path, value: &str) -> Result<bool, String> {
        let failed = |e: io::Error| format!("{}: {e}", switch.display());
        let before = std::fs::read_to_string(switch).map_err(failed)?;
        if before.trim() == value {
            return Ok(false);
        }
        self.keep(switch, before.trim())?;
        std::fs::write(switch, value).map_err(failed)?;
        Ok(true)
    }

    /// A switch gets this value in the end, whatever becomes of it.
    pub fn keep(&mut self, switch: &Path, value: &str) -> Result<(), String> {
        self.remember("write", &[&switch.to_string_lossy(), value])
    }

    fn remember(&mut self, how: &str, words: &[&str]) -> Result<(), String> {
        let line = format!("{how}\t{}\n", words.join("\t"));
        let told = self.changes.as_mut().map(|changes| changes.write_all(line.as_bytes()).and_then(|()| changes.flush()));
        match told {
            Some(Ok(())) => Ok(()),
            _ => Err("what would take the changes back is gone".to_owned()),
        }
    }
}

/// Waits until everything is as it was.
impl Drop for Undo {
    fn drop(&mut self) {
        self.changes = None;
        let _ = self.child.wait();
    }
}

/// The process itself.
pub(super) fn undo() -> Result<Outcome, Failure> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // It ends with its work, which is soon.
        signal_hook::flag::register(signal, Arc::default()).map_err(failed)?;
    }
    let mut changes: Vec<String> = Vec::new();
    // To the end, however many there are: what begins earlier would take changes back under a capture that goes on.
    for change in io::stdin().lock().lines().map_while(Result::ok) {
        if changes.len() < MOST {
            changes.push(change);
        }
    }
    for change in changes.iter().rev() {
        let words: Vec<&str> = change.split('\t').collect();
        match words.as_slice() {
            ["write", switch, value] => drop(std::fs::write(PathBuf::from(switch), value)),
            // Gone already, or nothing that can be done about it.
            ["run", command @ ..] => drop(output(command)),
            _ => {}
        }
    }
    Ok(Outcome::Done)
}
