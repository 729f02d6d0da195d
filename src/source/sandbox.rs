//! What this program can no longer do once its inputs and outputs are open: bytes from strangers are only read after that.
//!
//! In order: no core dumps, no new privileges, no other groups and no other user than the one who called, no capabilities (see
//! `privileges`), no files but those named (Landlock), and no system calls that start programs, open connections or reach into other
//! processes (seccomp, see `calls`). Each is independent of the others; where the system lacks one, the rest holds and the lack is told.

#[cfg(target_os = "linux")]
mod attempts;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod privileges;

#[cfg(target_os = "linux")]
pub use attempts::attempts;

/// Nothing is tried where nothing is locked.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn attempts() -> Vec<(&'static str, bool)> {
    Vec::new()
}

use std::path::PathBuf;

/// How much is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Whatever the system offers; what is missing is told.
    #[default]
    Best,
    /// Everything, or nothing is read.
    Strict,
    /// Nothing.
    Off,
}

/// What the program still has to do.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Files and folders it reads.
    pub read: Vec<PathBuf>,
    /// Folders in which it makes, replaces and reads files.
    pub write: Vec<PathBuf>,
    /// Folders in which it makes and takes away folders, too.
    pub grow: Vec<PathBuf>,
    /// Devices it talks to, the terminal among them.
    pub devices: Vec<PathBuf>,
    /// Whether it becomes the user who called it, and so gives up what only root may do.
    pub become_invoker: bool,
    /// A folder in which more files are made later: root stays root, without capabilities, where nobody else may write there.
    pub keeps_making_files_in: Option<PathBuf>,
}

/// How one part of the lock stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Holds,
    /// Some of it holds; what does not.
    Partly(String),
    /// It does not hold; why.
    Missing(String),
}

impl State {
    /// Whether all of it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        *self == State::Holds
    }
}

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Which user and groups the program runs as, and that it has no capabilities.
    pub privileges: State,
    /// Files and folders other than those needed cannot be opened.
    pub files: State,
    /// No program is started, no connection opened, no other process touched.
    pub calls: State,
    /// The user it runs as.
    pub user: u32,
}

impl Lock {
    /// The parts by name, for a screen or a report.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, &State); 3] {
        [("privileges dropped", &self.privileges), ("files limited", &self.files), ("system calls limited", &self.calls)]
    }

    /// Whether everything holds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.parts().iter().all(|(_, state)| state.holds())
    }
}

/// `locked in: runs as user 1000 without privileges, opens no other file, starts no program, opens no connection`, or what is missing.
impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_whole() {
            let user = self.user;
            return write!(
                f,
                "locked in: runs as user {user} without privileges, opens no other file, starts no program, opens no connection"
            );
        }
        f.write_str("locked in only in part: ")?;
        for (n, (name, state)) in self.parts().into_iter().enumerate() {
            f.write_str(if n > 0 { "; " } else { "" })?;
            match state {
                State::Holds => write!(f, "{name}")?,
                State::Partly(what) => write!(f, "{name} but {what}")?,
                State::Missing(why) => write!(f, "not {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Why a strict lock was refused.
#[derive(Debug, thiserror::Error)]
#[error("--sandbox strict asks for more than this system gives: {0}")]
pub struct Refused(String);

/// Locks the program in. To be called while there is one thread: those started later are locked in as well. `None` when nothing was
/// asked for.
///
/// # Errors
/// At the strict level, when something does not hold.
pub fn lock(level: Level, needs: &Needs) -> Result<Option<Lock>, Refused> {
    if level == Level::Off {
        return Ok(None);
    }
    let lock = locked(needs);
    if level == Level::Strict && !lock.is_whole() {
        return Err(Refused(lock.to_string()));
    }
    Ok(Some(lock))
}

/// Locks in the helper that looks which program holds a socket: it becomes the user who called, keeps of all capabilities only those to
/// look at other processes where it has them, and starts no program, opens no connection and signals nobody. Landlock would forbid the
/// looking itself. Returns whether it may look at the processes of every user.
///
/// # Errors
/// When it is not so.
#[cfg(all(target_os = "linux", have_libpcap))]
pub fn lock_onlooker() -> Result<bool, String> {
    let all = privileges::keep_looking()?;
    match calls::restrict() {
        State::Holds => Ok(all),
        State::Partly(why) | State::Missing(why) => Err(why),
    }
}

/// Sees to it that a program started from here gets no capability: those that the helper inherits are not for it.
///
/// # Errors
/// When it cannot.
#[cfg(all(target_os = "linux", have_libpcap))]
pub fn inherit_nothing() -> Result<(), String> {
    privileges::inherit(&[])
}

/// Sees to it that the helper that looks which program holds a socket may watch, too, when it is started from a user namespace by another
/// user than root.
///
/// # Errors
/// When it cannot.
#[cfg(all(target_os = "linux", have_libpcap))]
pub fn let_the_onlooker_watch() -> Result<(), String> {
    privileges::inherit(privileges::WATCHING)
}

#[cfg(target_os = "linux")]
fn locked(needs: &Needs) -> Lock {
    // Opened while it may still be: what another user may not even find is allowed by name no more.
    let ruleset = files::prepare(needs);
    let privileges = privileges::drop(needs);
    let files = ruleset.map_or_else(State::Missing, files::restrict);
    let calls = calls::restrict();
    Lock { privileges, files, calls, user: rustix::process::geteuid().as_raw() }
}

#[cfg(not(target_os = "linux"))]
fn locked(_: &Needs) -> Lock {
    let missing = || State::Missing("only built for Linux".to_owned());
    Lock { privileges: missing(), files: missing(), calls: missing(), user: rustix::process::geteuid().as_raw() }
}

/// The user and the group of whoever called this program by sudo, when it runs as root.
#[must_use]
pub fn invoker() -> Option<(u32, u32)> {
    let number = |name| std::env::var(name).ok()?.parse().ok();
    let invoker = || Some((number("SUDO_UID")?, number("SUDO_GID")?));
    rustix::process::geteuid().is_root().then(invoker).flatten().filter(|(user, _)| *user != 0)
}
