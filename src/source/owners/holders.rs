//! Which processes hold a socket: the links in `/proc/PID/fd`.
//!
//! A socket can have several holders: whoever it was passed on to, by fork or otherwise. Only when every process that can be seen was looked
//! into is it known who they are; a look that had to be broken off names nobody. Such a look costs milliseconds: all sockets of a moment
//! are looked for in one go, and no more than a fifth of the time is spent on it.

use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{Dir, Mode, OFlags, readlinkat};

use crate::base::WireStr;

/// Sockets whose holder is remembered.
const MOST: usize = 4096;
/// Most of the time that one look may take, and what may be saved up.
const LONGEST: Duration = Duration::from_millis(200);
/// One part in so many of all time goes into looking.
const SHARE: u32 = 5;
/// So long somebody who still holds a socket is taken to be the only one who does.
const FRESH: Duration = Duration::from_secs(1);

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Processes of this program and no other.
    By(Holder),
    /// Processes of several programs: the name of each process.
    BySeveral(Vec<WireStr>),
    /// Not everybody could be looked at in time.
    Unsure,
}

/// A program that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process; `None` when there are several.
    pub pid: Option<u32>,
    /// The system's name for it.
    pub name: WireStr,
    /// Its file; empty where it cannot be told.
    pub executable: WireStr,
}

/// Finds holders.
#[derive(Debug)]
pub struct Holders {
    /// A holder, the link it holds the socket by, and when that was found.
    known: HashMap<u32, (Holder, PathBuf, Instant)>,
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

/// Those of one socket, as they are found.
#[derive(Debug, Default)]
struct Found {
    holders: Vec<(u32, WireStr, WireStr)>,
    link: PathBuf,
}

impl Holders {
    /// Looks who holds these sockets now. A socket that nobody holds is not in the answer.
    pub fn find(&mut self, inodes: &[u32]) -> HashMap<u32, Held> {
        let mut answer = HashMap::new();
        let mut wanted: HashMap<u32, Found> = HashMap::new();
        for &inode in inodes {
            match self.known.get(&inode) {
                // Still: a process may be gone, and its descriptors with it.
                Some((holder, link, at)) if at.elapsed() < FRESH && socket_at(link) == Some(inode) => {
                    answer.insert(inode, Held::By(holder.clone()));
                }
                _ => drop(wanted.entry(inode).or_default()),
            }
        }
        if wanted.is_empty() {
            return answer;
        }
        let began = Instant::now();
        self.saved = (self.saved + began.duration_since(self.asked) / SHARE).min(LONGEST);
        self.asked = began;
        let own = std::process::id();
        let mut pids = processes();
        pids.sort_by_key(|pid| (!self.last.contains(pid), std::cmp::Reverse(*pid)));
        let mut complete = true;
        for pid in pids.into_iter().filter(|pid| *pid != own) {
            if began.elapsed() > self.saved {
                complete = false;
                break;
            }
            self.look_into(pid, &mut wanted);
        }
        self.saved = self.saved.saturating_sub(began.elapsed());
        for (inode, found) in wanted {
            let Some(held) = found.held(complete) else { continue };
            if let Held::By(holder) = &held {
                if self.known.len() >= MOST {
                    self.known.clear();
                }
                self.known.insert(inode, (holder.clone(), found.link, began));
            }
            answer.insert(inode, held);
        }
        answer
    }

    fn look_into(&mut self, pid: u32, wanted: &mut HashMap<u32, Found>) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let folder = process.join("fd");
        // Gone, or of another user.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(descriptors) = rustix::fs::open(&folder, flags, Mode::empty()) else { return };
        let Ok(names) = Dir::read_from(&descriptors) else { return };
        let mut room = Vec::with_capacity(64);
        for entry in names.flatten() {
            let Some(inode) = socket_in(&descriptors, entry.file_name(), &mut room) else { continue };
            let Some(found) = wanted.get_mut(&inode).filter(|found| found.holders.iter().all(|(other, ..)| *other != pid)) else {
                continue;
            };
            let name = fs::read(process.join("comm")).unwrap_or_default();
            let name = WireStr::new(name.strip_suffix(b"\n").unwrap_or(&name));
            let executable = fs::read_link(process.join("exe")).map(|path| WireStr::new(path.as_os_str().as_bytes())).unwrap_or_default();
            // The name is of the process that holds the socket only if it still does.
            if name.as_bytes().is_empty() || socket_in(&descriptors, entry.file_name(), &mut room) != Some(inode) {
                continue;
            }
            found.holders.push((pid, name, executable));
            found.link = folder.join(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()));
            self.last.retain(|other| *other != pid);
            self.last.insert(0, pid);
            self.last.truncate(8);
        }
    }
}

impl Found {
    fn held(&self, complete: bool) -> Option<Held> {
        let (pid, name, executable) = self.holders.first()?;
        if self.holders.iter().any(|(_, other, file)| (other, file) != (name, executable)) {
            return Some(Held::BySeveral(self.holders.iter().map(|(_, name, _)| name.clone()).collect()));
        }
        if !complete {
            return Some(Held::Unsure);
        }
        let pid = (self.holders.len() == 1).then_some(*pid);
        Some(Held::By(Holder { pid, name: name.clone(), executable: executable.clone() }))
    }
}

fn processes() -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn socket_at(link: &std::path::Path) -> Option<u32> {
    inode_of(fs::read_link(link).ok()?.as_os_str().as_bytes())
}

fn socket_in(folder: &OwnedFd, name: &std::ffi::CStr, room: &mut Vec<u8>) -> Option<u32> {
    let target = readlinkat(folder.as_fd(), name, std::mem::take(room)).ok()?;
    let inode = inode_of(target.as_bytes());
    *room = target.into_bytes();
    room.clear();
    inode
}

/// The inode in `socket:[4711]`.
fn inode_of(target: &[u8]) -> Option<u32> {
    std::str::from_utf8(target).ok()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(holders: &[(u32, &str)]) -> Found {
        let holders = holders.iter().map(|(pid, name)| (*pid, WireStr::from(*name), WireStr::from("/bin/x"))).collect();
        Found { holders, link: PathBuf::new() }
    }

    #[test]
    fn of_several_holders_none_is_said_to_be_the_one() {
        assert_eq!(found(&[]).held(true), None);
        let one = found(&[(7, "curl")]);
        assert!(matches!(one.held(true).unwrap(), Held::By(Holder { pid: Some(7), .. })));
        assert_eq!(one.held(false).unwrap(), Held::Unsure, "who was not looked at may hold it too");
        let workers = found(&[(7, "nginx"), (8, "nginx")]);
        assert!(matches!(workers.held(true).unwrap(), Held::By(Holder { pid: None, .. })), "the program is known, the process is not");
        for complete in [true, false] {
            let held = found(&[(1, "systemd"), (7, "sshd")]).held(complete).unwrap();
            assert_eq!(held, Held::BySeveral(vec!["systemd".into(), "sshd".into()]));
        }
    }

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        assert_eq!(inode_of(b"socket:[4711]"), Some(4711));
        for other in [&b"pipe:[4711]"[..], b"/dev/null", b"socket:[]", b"socket:[99999999999]", b"\xff"] {
            assert_eq!(inode_of(other), None);
        }
    }
}
