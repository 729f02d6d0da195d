//! Which process holds a socket: the links in `/proc/PID/fd`.
//!
//! A look at all processes costs milliseconds: all sockets of a moment are looked for in one go, newest processes first, and no more than a
//! fifth of the time is spent on it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::WireStr;

/// Holders that are remembered.
const MOST: usize = 4096;
/// Most of the time that one look may take, and what may be saved up.
const LONGEST: Duration = Duration::from_millis(200);
/// One part in so many of all time goes into looking.
const SHARE: u32 = 5;

/// A process that holds a socket.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// The system's name for it.
    pub name: WireStr,
    /// Its file; empty where it cannot be told.
    pub executable: WireStr,
    /// Where it was seen to hold the socket.
    link: PathBuf,
}

/// Finds holders.
#[derive(Debug)]
pub struct Holders {
    known: HashMap<u32, Holder>,
    /// Processes in which sockets were found last; asked first.
    last: Vec<u32>,
    saved: Duration,
    asked: Instant,
}

impl Default for Holders {
    fn default() -> Holders {
        Holders { known: HashMap::new(), last: Vec::new(), saved: LONGEST, asked: Instant::now() }
    }
}

impl Holders {
    /// Looks who holds these sockets now. Who is not found is not in the answer.
    pub fn find(&mut self, inodes: &[u32]) -> HashMap<u32, Holder> {
        let mut found = HashMap::new();
        let mut wanted: Vec<u32> = Vec::new();
        for &inode in inodes {
            match self.known.get(&inode) {
                // Still: a process may be gone, and its descriptors with it.
                Some(holder) if holds(&holder.link, inode) => drop(found.insert(inode, holder.clone())),
                _ => wanted.push(inode),
            }
        }
        if wanted.is_empty() {
            return found;
        }
        let began = Instant::now();
        self.saved = (self.saved + began.duration_since(self.asked) / SHARE).min(LONGEST);
        self.asked = began;
        let own = std::process::id();
        let mut pids = processes();
        let last = std::mem::take(&mut self.last);
        pids.sort_by_key(|pid| (!last.contains(pid), std::cmp::Reverse(*pid)));
        self.last = last;
        for pid in pids.into_iter().filter(|pid| *pid != own) {
            if wanted.is_empty() || began.elapsed() > self.saved {
                break;
            }
            self.look_into(pid, &mut wanted, &mut found);
        }
        self.saved = self.saved.saturating_sub(began.elapsed());
        found
    }

    fn look_into(&mut self, pid: u32, wanted: &mut Vec<u32>, found: &mut HashMap<u32, Holder>) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        // Gone, or of another user.
        let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return };
        for descriptor in descriptors.flatten() {
            let link = descriptor.path();
            let Some(inode) = socket(&link).filter(|inode| wanted.contains(inode)) else { continue };
            let name = fs::read(process.join("comm")).unwrap_or_default();
            let name = WireStr::new(name.strip_suffix(b"\n").unwrap_or(&name));
            let executable = fs::read_link(process.join("exe")).map(|path| WireStr::new(path.as_os_str().as_bytes())).unwrap_or_default();
            // The name is of the process that holds the socket only if it still does.
            if name.as_bytes().is_empty() || !holds(&link, inode) {
                continue;
            }
            let holder = Holder { pid, name, executable, link };
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(inode, holder.clone());
            found.insert(inode, holder);
            wanted.retain(|other| *other != inode);
            self.last.retain(|other| *other != pid);
            self.last.insert(0, pid);
            self.last.truncate(8);
        }
    }
}

fn processes() -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn holds(link: &Path, inode: u32) -> bool {
    socket(link) == Some(inode)
}

/// The inode in `socket:[4711]`.
fn socket(link: &Path) -> Option<u32> {
    let target = fs::read_link(link).ok()?;
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
