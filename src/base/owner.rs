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
}

impl OwnerSeen {
    /// All of them.
    pub const ALL: [OwnerSeen; 3] = [OwnerSeen::Open, OwnerSeen::Bound, OwnerSeen::Listening];

    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OwnerSeen::Open => "socket-open",
            OwnerSeen::Bound => "port-bound",
            OwnerSeen::Listening => "listening",
        }
    }
}

/// The program that a connection belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The name that the system has for it.
    pub name: WireStr,
    /// Its process id; `None` where several processes of this name and file held the socket.
    pub pid: Option<u32>,
    /// Its file; empty when it could not be told.
    pub executable: WireStr,
    /// How it is known.
    pub seen: OwnerSeen,
}

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
    /// `pid=4711 seen=socket-open name=firefox file=/usr/bin/firefox`: the comment of the packet in a capture file. What could be taken for
    /// a separator is written as `%20`.
    #[must_use]
    pub fn comment(&self) -> String {
        let (name, file) = (quoted(&self.name), quoted(&self.executable));
        let pid = self.pid.map_or_else(|| SEVERAL.to_owned(), |pid| pid.to_string());
        format!("pid={pid} seen={} name={name} file={file}", self.seen.word())
    }

    /// Reads [`Owner::comment`] back; `None` for any other text.
    #[must_use]
    pub fn parse(comment: &str) -> Option<Owner> {
        let mut words = comment.split(' ');
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=').map(ToOwned::to_owned);
        let pid = match value("pid")? {
            several if several == SEVERAL => None,
            one => Some(one.parse().ok()?),
        };
        let word = value("seen")?;
        let seen = OwnerSeen::ALL.into_iter().find(|seen| seen.word() == word)?;
        let (name, executable) = (unquoted(&value("name")?)?, unquoted(&value("file")?)?);
        (words.next().is_none() && !name.as_bytes().is_empty()).then_some(Owner { name, pid, executable, seen })
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
            let owner = Owner { name: name.clone(), pid, executable: WireStr::new(b"/tmp/x y"), seen: OwnerSeen::Bound };
            let comment = owner.comment();
            assert!(comment.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()), "{comment}");
            assert_eq!(Owner::parse(&comment).unwrap(), owner);
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
