//! Which program a connection belongs to, on Linux.
//!
//! A helper process watches the first packets of connections as they go by, asks the kernel for the socket of each (`sock_diag`, one exact
//! question a connection) and looks which process holds that socket. It is a process of its own because looking at others is what the
//! locked-in program must not be able to do. It reads packet headers and the lines it is sent, and writes lines; see `engine::onlooker`.
//!
//! Nothing is guessed: who cannot be seen holding the socket while it is open, and be seen to be the only one, is not named. What is answered of
//! a TCP connection is answered of the SYN with this sequence number: the same two ends may be used again within a millisecond.

mod holders;
mod sockets;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

pub use holders::{Held, Holder, Holders};
pub use sockets::{Socket, Sockets};

use crate::base::{Owner, OwnerCounts, Timestamp};

/// Both ends of a connection, in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// UDP; else TCP.
    pub udp: bool,
    low: SocketAddr,
    high: SocketAddr,
}

impl Ends {
    /// The connection that a packet from `one` to `other` belongs to.
    #[must_use]
    pub fn new(udp: bool, one: SocketAddr, other: SocketAddr) -> Ends {
        Ends { udp, low: one.min(other), high: one.max(other) }
    }

    /// `udp 10.0.0.1:53 10.0.0.2:40000`.
    fn line(&self) -> String {
        format!("{} {} {}", if self.udp { "udp" } else { "tcp" }, self.low, self.high)
    }

    fn parse(words: &mut std::str::SplitN<'_, char>) -> Option<Ends> {
        let udp = match words.next()? {
            "udp" => true,
            "tcp" => false,
            _ => return None,
        };
        Some(Ends::new(udp, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    }

    /// The two ends.
    #[must_use]
    pub fn pair(&self) -> (SocketAddr, SocketAddr) {
        (self.low, self.high)
    }
}

/// What is asked of the helper: whose is this connection, of which a packet came at this time?
#[must_use]
pub fn question(ends: &Ends, at: Timestamp) -> String {
    format!("{} {}\n", ends.line(), at.nanos())
}

/// Reads [`question`].
#[must_use]
pub fn read_question(line: &str) -> Option<(Ends, Timestamp)> {
    let mut words = line.splitn(4, ' ');
    let ends = Ends::parse(&mut words)?;
    Some((ends, Timestamp::from_nanos(words.next()?.parse().ok()?)))
}

/// Whose connection it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of one program, or of one of several that held its socket.
    Program(Owner),
    /// Nobody was seen to hold its socket.
    Nobody,
    /// It was not seen in time who held its socket, and whether nobody else did.
    Unsure,
}

impl Whose {
    fn line(&self) -> String {
        match self {
            Whose::Program(owner) => owner.comment(),
            Whose::Nobody => "nobody".to_owned(),
            Whose::Unsure => "unsure".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Whose> {
        match text {
            "nobody" => Some(Whose::Nobody),
            "unsure" => Some(Whose::Unsure),
            owner => Owner::parse(owner).map(Whose::Program),
        }
    }
}

/// What the helper answers: from this moment on the connection, of TCP the one that began with this sequence number, belongs so.
#[must_use]
pub fn answer(ends: &Ends, at: Timestamp, began: Option<u32>, whose: &Whose) -> String {
    let began = began.map_or_else(|| "-".to_owned(), |number| number.to_string());
    format!("{} {} {began} {}\n", ends.line(), at.nanos(), whose.line())
}

fn read_answer(line: &str) -> Option<(Ends, Answer)> {
    let mut words = line.splitn(6, ' ');
    let ends = Ends::parse(&mut words)?;
    let at = Timestamp::from_nanos(words.next()?.parse().ok()?);
    let began = match words.next()? {
        "-" => None,
        number => Some(number.parse().ok()?),
    };
    Some((ends, Answer { at, began, whose: Whose::parse(words.next()?)? }))
}

/// Connections that are remembered; the oldest knowledge goes all at once when there are more.
const MOST: usize = 1 << 16;
/// Octets of one line, and of what waits unread.
const MOST_UNREAD: usize = 1 << 20;
/// A packet this much older than the look at its connection may still be its first one: each who watches stamps it anew.
const SLACK: u64 = 1_000_000;
/// Answers that are kept of the same two ends.
const MOST_ANSWERS: usize = 8;
/// So long after a connection's program was last stated it is stated again, in nanoseconds.
const AGAIN: u64 = 1_000_000_000;

#[derive(Debug)]
struct Answer {
    at: Timestamp,
    /// The sequence number of the SYN.
    began: Option<u32>,
    whose: Whose,
}

/// What is known of two ends.
#[derive(Debug, Default)]
struct Known {
    /// To whom it belongs; the same two ends may be used again by another program.
    answers: Vec<Answer>,
    /// The sequence number of the last SYN that came by.
    began: Option<u32>,
    stated: Option<Timestamp>,
}

/// What the helper tells.
#[derive(Debug)]
pub struct Owners {
    child: Child,
    questions: Option<File>,
    answers: File,
    unread: Vec<u8>,
    known: HashMap<Ends, Known, foldhash::fast::RandomState>,
    everyone: bool,
    counts: OwnerCounts,
}

/// What the helper says when it is ready; followed by whose programs it can see.
pub const READY: &str = "ready";

impl Owners {
    /// Starts the helper for an interface and waits until it watches. To be called while this program may still start others.
    ///
    /// # Errors
    /// When it cannot be started, or says that it cannot look.
    pub fn start(interface: &str) -> io::Result<Owners> {
        let mut command = Command::new("/proc/self/exe");
        // Ctrl-C is for the capture, which ends the helper when it is done.
        command.args(["onlooker", interface]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let gone = || io::Error::new(ErrorKind::BrokenPipe, "its helper did not start");
        let questions = File::from(OwnedFd::from(child.stdin.take().ok_or_else(gone)?));
        let mut answers = File::from(OwnedFd::from(child.stdout.take().ok_or_else(gone)?));
        let (mut first, mut octet) = (Vec::new(), [0]);
        while first.len() < 1024 && answers.read(&mut octet)? == 1 && octet != [b'\n'] {
            first.extend(octet);
        }
        let first = String::from_utf8_lossy(&first).into_owned();
        let Some(whose) = first.strip_prefix(READY) else {
            let _ = child.wait();
            return Err(if first.is_empty() { gone() } else { io::Error::other(first) });
        };
        let everyone = whose.trim() == "all";
        for end in [&questions, &answers] {
            let flags = rustix::fs::fcntl_getfl(end)?;
            rustix::fs::fcntl_setfl(end, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(Owners {
            child,
            questions: Some(questions),
            answers,
            unread: Vec::new(),
            known: HashMap::default(),
            everyone,
            counts: OwnerCounts::default(),
        })
    }

    /// Whether programs of all users can be seen, or only of the one who runs this.
    #[must_use]
    pub fn sees_everyone(&self) -> bool {
        self.everyone
    }

    /// Takes what the helper said since. Never waits.
    pub fn listen(&mut self) {
        let mut buffer = [0; 16 << 10];
        while self.unread.len() < MOST_UNREAD {
            match self.answers.read(&mut buffer) {
                Ok(n) if n > 0 => self.unread.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        let Some(end) = self.unread.iter().rposition(|&octet| octet == b'\n') else {
            if self.unread.len() >= MOST_UNREAD {
                self.unread.clear();
            }
            return;
        };
        let rest = self.unread.split_off(end + 1);
        let lines = std::mem::replace(&mut self.unread, rest);
        for (ends, answer) in String::from_utf8_lossy(&lines).lines().filter_map(read_answer) {
            self.count(&answer.whose);
            let known = self.entry(ends);
            if answer.began.is_none() || answer.began == known.began {
                known.stated = None;
            }
            known.answers.push(answer);
            // Those that were long ago concern no packet that is still to come.
            if known.answers.len() > MOST_ANSWERS {
                known.answers.remove(0);
            }
        }
    }

    fn count(&mut self, whose: &Whose) {
        let OwnerCounts { named, nobody, several, unsure } = &mut self.counts;
        let count = match whose {
            Whose::Program(owner) if owner.shared.is_some() => several,
            Whose::Program(_) => named,
            Whose::Nobody => nobody,
            Whose::Unsure => unsure,
        };
        *count = count.saturating_add(1);
    }

    /// What became of the connections so far.
    #[must_use]
    pub fn counts(&self) -> OwnerCounts {
        self.counts
    }

    fn entry(&mut self, ends: Ends) -> &mut Known {
        if self.known.len() >= MOST && !self.known.contains_key(&ends) {
            self.known.clear();
        }
        self.known.entry(ends).or_default()
    }

    /// Whose connection a packet is part of, where that is to be stated of this packet: of the first one after it became known, of each
    /// that begins a connection (`began`: the sequence number of its SYN), and now and then.
    pub fn of(&mut self, ends: Ends, at: Timestamp, began: Option<u32>) -> Option<&Owner> {
        if !self.known.contains_key(&ends) {
            self.entry(ends).began = began;
            // The helper looks at each SYN by itself. A pipe that is full means that it cannot keep up: this connection stays without a name.
            let asked = began.is_some() || self.questions.as_mut().is_some_and(|pipe| pipe.write(question(&ends, at).as_bytes()).is_ok());
            if !asked {
                self.counts.unsure = self.counts.unsure.saturating_add(1);
            }
            return None;
        }
        let Known { answers, began: current, stated } = self.known.get_mut(&ends)?;
        let begins = began.is_some();
        if begins {
            *current = began;
        }
        let fits = |answer: &&Answer| match (*current, answer.began) {
            (Some(current), Some(began)) => current == began,
            // Of whom it was when the capture asked, because it had not seen it begin.
            (None, None) => answer.at.nanos() <= at.nanos().saturating_add_unsigned(SLACK),
            _ => false,
        };
        let Whose::Program(owner) = &answers.iter().rev().find(fits)?.whose else { return None };
        if !begins && stated.is_some_and(|stated| at.since(stated) < AGAIN) {
            return None;
        }
        *stated = Some(at);
        Some(owner)
    }
}

impl Drop for Owners {
    fn drop(&mut self) {
        // It ends when nobody can ask any more; until then it would stay as a zombie.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

/// Addresses as the kernel has them in one family: both or none mapped.
fn plain(end: SocketAddr) -> (IpAddr, u16) {
    (end.ip().to_canonical(), end.port())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{OwnerSeen, WireStr};

    #[test]
    fn what_the_helper_answers_is_what_is_heard() {
        let ends = Ends::new(false, "10.0.0.1:5".parse().unwrap(), "[::1]:6".parse().unwrap());
        let owner = Owner { name: WireStr::from("a b"), pid: None, executable: WireStr::from("/x y"), seen: OwnerSeen::Open, shared: None };
        let several = Owner::several(["a b", "c"].into_iter().map(WireStr::from));
        for whose in [Whose::Program(owner), Whose::Program(several), Whose::Nobody, Whose::Unsure] {
            for began in [None, Some(u32::MAX)] {
                let line = answer(&ends, Timestamp::from_nanos(7), began, &whose);
                let (heard, told) = read_answer(line.strip_suffix('\n').unwrap()).unwrap();
                assert_eq!((heard, told.at, told.began, told.whose), (ends, Timestamp::from_nanos(7), began, whose.clone()));
            }
        }
        for bad in ["", "tcp", "tcp 1.2.3.4:5 1.2.3.4:6 7 8 somebody", "tcp 1.2.3.4:5 1.2.3.4:6 7 -1 nobody"] {
            assert!(read_answer(bad).is_none(), "{bad}");
        }
    }
}
