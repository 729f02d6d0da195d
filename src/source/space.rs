//! A network namespace for one program: made, and emptied again. Linux's namespaces(7).

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, User, initgroups, setgid, setuid};
use rustix::process::{DumpableBehavior, Pid, Signal};

use super::sandbox;

/// From now on this process has a network of its own, in which there is nothing yet, and mounts of its own. Who is not root gets a user
/// namespace around it in which it is the same user, and may do there what only root may do outside. To be called while there is one thread.
///
/// # Errors
/// When the system gives none; the error says at which step.
pub fn enter() -> Result<(), String> {
    let step = |what: &str| {
        let what = what.to_owned();
        move |e: nix::errno::Errno| format!("{what}: {e}")
    };
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if !user.is_root() {
        // A program with capabilities of its file is closed to its own user; then its maps could not be written.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable);
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(step("no user namespace"))?;
        let map = |file: &str, text: String| fs::write(file, text).map_err(|e| format!("no user namespace: {file}: {e}"));
        map("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
        map("/proc/self/setgroups", "deny".to_owned())?;
        map("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    } else {
        unshare(CloneFlags::CLONE_NEWNS).map_err(step("no mount namespace"))?;
    }
    // What is mounted here is seen here only.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).map_err(step("mounts"))?;
    // Last: whoever waits for this namespace finds everything else done.
    unshare(CloneFlags::CLONE_NEWNET).map_err(step("no network namespace"))?;
    // The folder of interfaces shows the network of whoever mounted it. Where it cannot be mounted, less is known of them.
    let _ = mount(Some("none"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>);
    Ok(())
}

/// Puts one file in the place of another, for this process and those it starts.
///
/// # Errors
/// When it cannot.
pub fn put_over(file: &Path, place: &Path) -> io::Result<()> {
    mount(Some(file), place, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(io::Error::from)
}

/// A network namespace, held so that its number stays its own.
#[derive(Debug)]
pub struct Space {
    held: fs::File,
}

impl Space {
    /// The network of a process; `None` while that is our own, or when the process is gone.
    #[must_use]
    pub fn of(pid: u32) -> Option<Space> {
        let held = fs::File::open(format!("/proc/{pid}/ns/net")).ok()?;
        let own = fs::metadata("/proc/self/ns/net").ok()?;
        let meta = held.metadata().ok()?;
        (meta.ino() != own.ino()).then_some(Space { held })
    }

    /// The network of this process.
    #[must_use]
    pub fn own() -> Option<Space> {
        fs::File::open("/proc/self/ns/net").ok().map(|held| Space { held })
    }

    /// The processes in it that can be seen; not those that are over and only wait to be asked how.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let Ok(here) = self.held.metadata() else { return Vec::new() };
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let inside =
            |pid: &i32| fs::metadata(format!("/proc/{pid}/ns/net")).is_ok_and(|meta| (meta.dev(), meta.ino()) == (here.dev(), here.ino()));
        pids.filter(inside)
            .filter_map(Pid::from_raw)
            .filter(|pid| field(*pid, "State").is_some_and(|state| !state.starts_with('Z')))
            .collect()
    }

    /// Sends a signal to every process in it. Returns how many there were.
    pub fn signal(&self, signal: Signal) -> usize {
        let all = self.processes();
        for pid in &all {
            // It may be gone already.
            let _ = rustix::process::kill_process(*pid, signal);
        }
        all.len()
    }
}

/// The process that started another, or that took it over.
#[must_use]
pub fn parent_of(pid: Pid) -> Option<Pid> {
    Pid::from_raw(field(pid, "PPid")?.parse().ok()?)
}

/// A line of `/proc/PID/status`.
fn field(pid: Pid, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

/// Becomes the user who called this program by sudo, where there is one, with that user's groups; gives up what only the capture needs.
/// Returns the user's name and home folder, where they changed.
///
/// # Errors
/// When it cannot; then the program must not be started.
pub fn become_caller() -> Result<Option<(String, PathBuf)>, String> {
    sandbox::inherit_nothing()?;
    let Some((user, group)) = sandbox::invoker() else { return Ok(None) };
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(group));
    let known = User::from_uid(uid).ok().flatten();
    let failed = |e: nix::errno::Errno| format!("cannot become user {user}: {e}");
    match known.as_ref().and_then(|known| CString::new(known.name.clone()).ok()) {
        Some(name) => initgroups(&name, gid).map_err(failed)?,
        None => nix::unistd::setgroups(&[gid]).map_err(failed)?,
    }
    setgid(gid).map_err(failed)?;
    setuid(uid).map_err(failed)?;
    Ok(known.map(|known| (known.name, known.dir)))
}

/// From now on this process is asked to end when the one that started it is gone.
///
/// # Errors
/// When it is gone already.
pub fn end_with_parent() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    Ok(())
}
