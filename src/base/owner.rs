//! The program on this computer that a connection belongs to.

use super::WireStr;

/// How it is known which program a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerSeen {
    /// It held the connection's own socket while that was open.
    Open,
    /// It held a UDP socket bound to the connection's port, and to no one peer.
    Bound,
    /// It listens where the connection was made to; a child of it may serve the connection.
    Listening,
    /// It is one of several that held the connection's socket; which of them used it is not known.
    Shared,
}

impl OwnerSeen {
    /// All of them.
    pub const ALL: [OwnerSeen; 4] = [OwnerSeen::Open, OwnerSeen::Bound, OwnerSeen::Listening, OwnerSeen::Shared];

    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OwnerSeen::Open => "socket-open",
            OwnerSeen::Bound => "port-bound",
            OwnerSeen::Listening => "listening",
            OwnerSeen::Shared => "socket-shared",
        }
    }
}

/// The program that a connection belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The name that the system has for it; empty where several programs held the socket.
    pub name: WireStr,
    /// Its process id; `None` where several processes of this name and file held the socket.
    pub pid: Option<u32>,
    /// Its file; empty when it could not be told.
    pub executable: WireStr,
    /// How it is known.
    pub seen: OwnerSeen,
    /// Whoever held the socket, where these were several programs.
    pub shared: Option<Box<Shared>>,
}

/// Several programs that held one socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared {
    /// Their names in order, each once; the first few.
    pub programs: Vec<WireStr>,
    /// How many processes they are.
    pub processes: u32,
}

/// Programs that are named of those that share a socket.
pub const MOST_PROGRAMS: usize = 8;

/// What became of the connections that somebody was to be found for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerCounts {
    /// Belong to one program.
    pub named: u64,
    /// Nobody was seen to hold the socket.
    pub nobody: u64,
    /// Several programs held the socket.
    pub several: u64,
    /// Not seen in time: the helper could not keep up, or the two ends were used again too soon.
    pub unsure: u64,
}

/// `programs of 412 connections named, not of 12 whose socket nobody was seen to hold, 3 that several programs held, 20 not seen in time`.
impl std::fmt::Display for OwnerCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "programs of {} connections named", self.named)?;
        let not = [
            (self.nobody, "whose socket nobody was seen to hold"),
            (self.several, "that several programs held"),
            (self.unsure, "not seen in time"),
        ];
        let not: Vec<String> = not.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if not.is_empty() { Ok(()) } else { write!(f, ", not of {}", not.join(", ")) }
    }
}

/// In place of a process id.
const SEVERAL: &str = "several";
/// The most octets of a file name that are read back.
const MOST: usize = 4096;

impl Owner {
    /// One of several programs that held a socket: the name of each process.
    #[must_use]
    pub fn several(names: impl Iterator<Item = WireStr>) -> Owner {
        let mut processes = 0_u32;
        let mut programs: Vec<WireStr> = names.inspect(|_| processes = processes.saturating_add(1)).collect();
        programs.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        programs.dedup();
        programs.truncate(MOST_PROGRAMS);
        let shared = Some(Box::new(Shared { programs, processes }));
        Owner { name: WireStr::default(), pid: None, executable: WireStr::default(), seen: OwnerSeen::Shared, shared }
    }

    /// `pid=4711 seen=socket-open name=firefox file=/usr/bin/firefox`: the comment of the packet in a capture file; of several programs
    /// `processes=2 seen=socket-shared programs=sshd,systemd`. What could be taken for a separator is written as `%20`.
    #[must_use]
    pub fn comment(&self) -> String {
        if let Some(shared) = &self.shared {
            let programs: Vec<String> = shared.programs.iter().map(|name| quoted(name).replace(',', "%2c")).collect();
            return format!("processes={} seen={} programs={}", shared.processes, self.seen.word(), programs.join(","));
        }
        let (name, file) = (quoted(&self.name), quoted(&self.executable));
        let pid = self.pid.map_or_else(|| SEVERAL.to_owned(), |pid| pid.to_string());
        format!("pid={pid} seen={} name={name} file={file}", self.seen.word())
    }

    /// Reads [`Owner::comment`] back; `None` for any other text.
    #[must_use]
    pub fn parse(comment: &str) -> Option<Owner> {
        if comment.starts_with("processes=") {
            return Owner::parse_several(comment);
        }
        let mut words = comment.split(' ');
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=').map(ToOwned::to_owned);
        let pid = match value("pid")? {
            several if several == SEVERAL => None,
            one => Some(one.parse().ok()?),
        };
        let word = value("seen")?;
        let seen = OwnerSeen::ALL.into_iter().find(|seen| seen.word() == word && *seen != OwnerSeen::Shared)?;
        let (name, executable) = (unquoted(&value("name")?)?, unquoted(&value("file")?)?);
        (words.next().is_none() && !name.as_bytes().is_empty()).then_some(Owner { name, pid, executable, seen, shared: None })
    }

    fn parse_several(comment: &str) -> Option<Owner> {
        let mut words = comment.split(' ');
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=');
        let processes = value("processes")?.parse().ok()?;
        let seen = value("seen")? == OwnerSeen::Shared.word();
        let programs: Option<Vec<WireStr>> = value("programs")?.split(',').take(MOST_PROGRAMS).map(unquoted).collect();
        let programs = programs.filter(|all| all.iter().all(|name| !name.as_bytes().is_empty()))?;
        let shared = Some(Box::new(Shared { programs, processes }));
        let owner = Owner { name: WireStr::default(), pid: None, executable: WireStr::default(), seen: OwnerSeen::Shared, shared };
        (seen && processes > 1 && words.next().is_none()).then_some(owner)
    }
}

fn quoted(text: &WireStr) -> String {
    let mut out = String::new();
    for &octet in text.as_bytes() {
        if octet.is_ascii_graphic() && octet != b'%' {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02x}"));
        }
    }
    out
}

fn unquoted(text: &str) -> Option<WireStr> {
    let mut out = Vec::new();
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if out.len() >= MOST {
            return None;
        }
        if octet == b'%' {
            let mut digit = || char::from(octets.next()?).to_digit(16);
            out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            out.push(octet);
        }
    }
    Some(WireStr::new(&out))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_of_a_program_comes_back_as_it_was() {
        let name = WireStr::new(b"a name=b %\n\x1b[2J\xff");
        for pid in [Some(4711), None] {
            let owner = Owner { name: name.clone(), pid, executable: WireStr::new(b"/tmp/x y"), seen: OwnerSeen::Bound, shared: None };
            let comment = owner.comment();
            assert!(comment.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()), "{comment}");
            assert_eq!(Owner::parse(&comment).unwrap(), owner);
        }
    }

    #[test]
    fn several_programs_come_back_each_once_and_in_order() {
        let hostile = WireStr::new(b"a, b\x1b%");
        let owner = Owner::several(["sshd", "systemd", "sshd"].into_iter().map(WireStr::from).chain([hostile.clone()]));
        let shared = owner.shared.as_ref().unwrap();
        assert_eq!((shared.processes, shared.programs.as_slice()), (4, [hostile, "sshd".into(), "systemd".into()].as_slice()));
        let comment = owner.comment();
        assert!(comment.starts_with("processes=4 seen=socket-shared programs=a%2c%20b%1b%25,sshd,systemd"), "{comment}");
        assert_eq!(Owner::parse(&comment).unwrap(), owner);
        let many = Owner::several((0..20).map(|n| WireStr::from(format!("program{n}"))));
        assert_eq!(many.shared.as_ref().unwrap().programs.len(), MOST_PROGRAMS);
        assert_eq!(Owner::parse(&many.comment()).unwrap(), many);
        for bad in [
            "processes=2",
            "processes=1 seen=socket-shared programs=a",
            "processes=2 seen=socket-open programs=a,b",
            "processes=2 seen=socket-shared programs=a,,b",
            "pid=1 seen=socket-shared name=a file=",
        ] {
            assert_eq!(Owner::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn other_comments_name_no_program() {
        let good = "pid=1 seen=socket-open name=a file=";
        assert!(Owner::parse(good).is_some());
        for bad in [
            "",
            "hello",
            "u-10123",
            "pid=x seen=socket-open name=a file=",
            "pid=1 seen=guessed name=a file=",
            "pid=1 seen=listening name= file=",
        ] {
            assert_eq!(Owner::parse(bad), None, "{bad}");
        }
        assert_eq!(Owner::parse(&format!("{good} more")), None);
        assert_eq!(Owner::parse("pid=1 seen=socket-open name=%4 file="), None);
    }
}
