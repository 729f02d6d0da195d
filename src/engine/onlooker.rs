//! The helper process that looks which program a connection belongs to (see `source::owners`).
//!
//! It watches by a device of its own that hands over each packet at once: a connection of a few milliseconds is over before the capture,
//! which collects packets, sees its first one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::base::{Owner, OwnerSeen, Timestamp};
use crate::link::{Decoder, Packet, Transport};
use crate::source::live::{Live, LiveOptions};
use crate::source::owners::{self, Ends, Held, Holder, Holders, READY, Socket, Sockets, Whose};
use crate::source::{Chunk, Source, interfaces, sandbox};

/// First packets of TCP connections, and those of UDP.
const BEGINNINGS: &str = "(tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn) or (ip6[6] == 6 and ip6[53] & 0x12 == 2) or udp";
/// The same without UDP: where so much of it goes by that looking at each packet would cost too much.
const ONLY_TCP: &str = "(tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn) or (ip6[6] == 6 and ip6[53] & 0x12 == 2)";
/// Packets in a second from which on UDP is left out.
const TOO_MANY: u32 = 20_000;
/// Two ends that were silent for so long are looked at anew, in nanoseconds.
const SILENT: u64 = 30_000_000_000;
/// Ends that are remembered.
const MOST: usize = 1 << 16;
/// Octets of questions that wait.
const MOST_UNREAD: usize = 1 << 20;

/// Watches and answers until standard input ends. `locked` is called when it is locked in.
///
/// # Errors
/// What keeps it from looking.
pub fn run(interface: &str, locked: &dyn Fn()) -> Result<(), String> {
    let options =
        LiveOptions { interface: Some(interface.to_owned()), filter: Some(BEGINNINGS.to_owned()), at_once: true, ..LiveOptions::default() };
    let mut source = Live::open(&options, Arc::new(AtomicBool::new(false))).map_err(|e| e.to_string())?;
    let sockets = Sockets::open().map_err(|e| format!("the kernel tells nothing of sockets: {e}"))?;
    let own = interfaces::list().map_err(|e| e.to_string())?.into_iter().flat_map(|found| found.addresses).collect();
    let all = sandbox::lock_onlooker()?;
    locked();
    let (input, output) = own_ends().map_err(|e| e.to_string())?;
    let mut looking = Onlooker { sockets, holders: Holders::default(), seen: HashMap::default(), output, own };
    looking.say(&format!("{READY} {}\n", if all { "all" } else { "own" })).map_err(|e| e.to_string())?;
    let mut questions = Questions { input, unread: Vec::new() };
    let (mut decoder, mut chunk) = (Decoder::new(), Chunk::default());
    let (mut second, mut packets, mut narrowed) = (0, 0_u32, false);
    // What was found out of the packets before, and not said yet.
    let mut looked: Vec<Looked> = Vec::new();
    loop {
        let more = if looked.is_empty() { source.fill(&mut chunk) } else { source.fill_now(&mut chunk) };
        if !more.map_err(|e| e.to_string())? {
            return Ok(());
        }
        let mut asked: Vec<Asked> = Vec::new();
        for place in &chunk.frames {
            let Some(frame) = chunk.frame(place) else { continue };
            if second != place.at.nanos() / 1_000_000_000 {
                (second, packets) = (place.at.nanos() / 1_000_000_000, 0);
            }
            packets += 1;
            decoder.decode(&frame, &mut |packet| {
                let Some(new) = looking.beginning(packet, frame.at) else { return };
                // Whoever uses these ends now may have done so when the socket of the connection before was looked for.
                asked.iter_mut().filter(|before| new.replaces(before)).for_each(|before| before.whose = Some(Whose::Unsure));
                looked.iter_mut().filter(|(before, _)| new.replaces(before)).for_each(|(_, whose)| *whose = Whose::Unsure);
                asked.push(new);
            });
        }
        if packets > TOO_MANY && !narrowed {
            // For good: what follows is asked for by the capture itself.
            narrowed = source.narrow(ONLY_TCP).is_ok();
        }
        let said: String = looked.drain(..).map(|(asked, whose)| owners::answer(&asked.ends, asked.at, asked.began, &whose)).collect();
        looking.say(&said).map_err(|e| e.to_string())?;
        match questions.read() {
            None => return Ok(()),
            Some(more) => asked.extend(more.into_iter().filter_map(|(ends, at)| looking.asked(ends, at))),
        }
        looked = looking.look(asked);
    }
}

/// Standard input and output without the buffers in front of them.
fn own_ends() -> io::Result<(File, File)> {
    let own = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
    let input: File = own(io::stdin().as_fd())?;
    let output: File = own(io::stdout().as_fd())?;
    let flags = rustix::fs::fcntl_getfl(&input)?;
    rustix::fs::fcntl_setfl(&input, flags | rustix::fs::OFlags::NONBLOCK)?;
    Ok((input, output))
}

/// What the capture asks.
struct Questions {
    input: File,
    unread: Vec<u8>,
}

impl Questions {
    /// What was asked since; `None` when nobody can ask any more.
    fn read(&mut self) -> Option<Vec<(Ends, Timestamp)>> {
        let mut buffer = [0; 16 << 10];
        while self.unread.len() < MOST_UNREAD {
            match self.input.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => self.unread.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        let Some(end) = self.unread.iter().rposition(|&octet| octet == b'\n') else { return Some(Vec::new()) };
        let rest = self.unread.split_off(end + 1);
        let lines = std::mem::replace(&mut self.unread, rest);
        Some(String::from_utf8_lossy(&lines).lines().filter_map(owners::read_question).collect())
    }
}

/// A connection to be looked at: the socket that is its end here, if there is one.
struct Asked {
    ends: Ends,
    at: Timestamp,
    /// The sequence number of its SYN.
    began: Option<u32>,
    socket: Option<(Socket, OwnerSeen)>,
    /// What is known of it before anybody is looked at.
    whose: Option<Whose>,
}

impl Asked {
    /// Whether this is another connection between the same ends.
    fn replaces(&self, before: &Asked) -> bool {
        self.ends == before.ends && self.began != before.began
    }
}

/// A connection that was looked at, and whose it is.
type Looked = (Asked, Whose);

struct Onlooker {
    sockets: Sockets,
    holders: Holders,
    /// When a packet of these ends was last seen.
    seen: HashMap<Ends, Timestamp, foldhash::fast::RandomState>,
    output: File,
    /// Addresses of this computer.
    own: Vec<IpAddr>,
}

impl Onlooker {
    /// The first packet of a connection, and its socket at this moment.
    fn beginning(&mut self, packet: &Packet<'_>, at: Timestamp) -> Option<Asked> {
        let (udp, from, to) = ends_of(packet)?;
        let ends = Ends::new(udp, from, to);
        let before = self.remember(ends, at);
        // A new TCP connection may use the ends of an earlier one; datagrams go on until they are silent.
        if udp && before.is_some_and(|before| at.since(before) < SILENT) {
            return None;
        }
        Some(Asked { ends, at, began: began(packet), socket: self.socket(udp, from, to), whose: None })
    }

    /// A connection that the capture saw and asks for.
    fn asked(&mut self, ends: Ends, at: Timestamp) -> Option<Asked> {
        if self.remember(ends, at).is_some() {
            return None;
        }
        let (one, other) = ends.pair();
        // Which of them began is not known: where both are here, it is not known whose connection it is.
        let (from, to) = match (self.is_own(one.ip()), self.is_own(other.ip())) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return Some(Asked { ends, at, began: None, socket: None, whose: None }),
        };
        Some(Asked { ends, at, began: None, socket: self.socket(ends.udp, from, to), whose: None })
    }

    fn remember(&mut self, ends: Ends, at: Timestamp) -> Option<Timestamp> {
        if self.seen.len() >= MOST && !self.seen.contains_key(&ends) {
            self.seen.clear();
        }
        self.seen.insert(ends, at)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains(&address)
    }

    /// The socket of the end that began where that is here, else that of the other. A connection between two programs of this computer is
    /// that of the one that began: when its socket is gone already, the other one's name would be a wrong answer.
    fn socket(&mut self, udp: bool, from: SocketAddr, to: SocketAddr) -> Option<(Socket, OwnerSeen)> {
        let bound = if udp { OwnerSeen::Bound } else { OwnerSeen::Listening };
        let seen = |socket: Socket| (socket, if socket.unconnected { bound } else { OwnerSeen::Open });
        let began = self.sockets.find(udp, from, to).filter(|socket| udp || !socket.unconnected);
        if let Some(socket) = began {
            return Some(seen(socket));
        }
        if from.ip() == to.ip() || self.is_own(from.ip()) {
            return None;
        }
        let nobody = SocketAddr::new(from.ip(), 0);
        let socket = self.sockets.find(udp, to, from).or_else(|| if udp { None } else { self.sockets.find(udp, to, nobody) });
        socket.map(seen)
    }

    /// Looks who holds these sockets.
    fn look(&mut self, asked: Vec<Asked>) -> Vec<Looked> {
        let open = asked.iter().filter(|asked| asked.whose.is_none());
        let inodes: Vec<u32> = open.filter_map(|asked| asked.socket.map(|(socket, _)| socket.inode)).collect();
        let held = if inodes.is_empty() { HashMap::default() } else { self.holders.find(&inodes) };
        let whose = |asked: &Asked| {
            let Some((socket, seen)) = asked.socket else { return Whose::Nobody };
            match held.get(&socket.inode) {
                None => Whose::Nobody,
                Some(Held::BySeveral(names)) => Whose::Program(Owner::several(names.iter().cloned())),
                Some(Held::Unsure) => Whose::Unsure,
                Some(Held::By(Holder { pid, name, executable })) => {
                    Whose::Program(Owner { name: name.clone(), pid: *pid, executable: executable.clone(), seen, shared: None })
                }
            }
        };
        asked
            .into_iter()
            .map(|mut asked| (asked.whose.take().unwrap_or_else(|| whose(&asked)), asked))
            .map(|(whose, asked)| (asked, whose))
            .collect()
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.output.write_all(text.as_bytes())
    }
}

/// The sequence number of a packet that begins a TCP connection.
pub(super) fn began(packet: &Packet<'_>) -> Option<u32> {
    match packet.transport {
        Transport::Tcp(header) if header.flags.syn && !header.flags.ack => Some(header.seq),
        _ => None,
    }
}

/// UDP or TCP, and from where to where; `None` for everything else.
pub(super) fn ends_of(packet: &Packet<'_>) -> Option<(bool, SocketAddr, SocketAddr)> {
    let (udp, from, to) = match packet.transport {
        Transport::Tcp(header) => (false, header.src_port, header.dst_port),
        Transport::Udp { src_port, dst_port } => (true, src_port, dst_port),
        Transport::Sctp { .. } | Transport::Other(_) => return None,
    };
    Some((udp, SocketAddr::new(packet.src, from), SocketAddr::new(packet.dst, to)))
}
