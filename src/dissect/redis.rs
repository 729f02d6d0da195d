//! Redis (its serialization protocol, RESP 2 and 3) in clear: recognised by a client's first command, an array of strings.

use super::clear::Passing;
use super::lines::{Front, Lines, is_one_of, word};
use super::telltale::{Unlike, require};
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Exposed, Facts, Reader, Sides, What, Window};

/// What a connection may begin with: nothing else is believed.
const COMMANDS: [&[u8]; 28] = [
    b"AUTH",
    b"CLIENT",
    b"CLUSTER",
    b"COMMAND",
    b"CONFIG",
    b"DEL",
    b"ECHO",
    b"EVAL",
    b"EVALSHA",
    b"EXISTS",
    b"EXPIRE",
    b"FLUSHALL",
    b"GET",
    b"HELLO",
    b"HGETALL",
    b"HSET",
    b"INCR",
    b"INFO",
    b"KEYS",
    b"LPUSH",
    b"MULTI",
    b"PING",
    b"PSYNC",
    b"PUBLISH",
    b"REPLCONF",
    b"SELECT",
    b"SET",
    b"SUBSCRIBE",
];
/// Digits of the numbers in front of the command.
const MOST_DIGITS: usize = 4;
/// A name or a password longer than this is none.
const LONGEST_SECRET: u64 = 1024;

const COMMAND: &str = "Redis command";
const ANSWER: &str = "Redis answer";

/// How far into a login the strings of a command are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Login {
    /// Before the command's name.
    #[default]
    Unknown,
    /// No login.
    No,
    /// Behind `HELLO`: AUTH may follow.
    Hello,
    /// The next string is a user's name.
    Name,
    Password,
}

/// What is read of one direction.
#[derive(Debug, Default)]
struct Side {
    /// Strings of the current command that are left.
    strings: u64,
    /// Octets of the current string that are left, its CR LF included.
    left: u64,
    login: Login,
    passing: Passing,
}

/// A connection to a Redis server.
#[derive(Debug, Default)]
pub struct Redis {
    named: bool,
    lines: Lines,
    sides: Sides<Side>,
    lost: bool,
}

/// Octets of a first command that say it is one.
fn first_command(bytes: &[u8]) -> Result<usize, Unlike> {
    let mut r = Reader::new(bytes);
    number(&mut r, b'*')?;
    let length = number(&mut r, b'$')?;
    let command = COMMANDS.iter().filter(|command| command.len() == length);
    let seen = r.rest().get(..length).unwrap_or(r.rest());
    require(command.into_iter().any(|command| seen.iter().zip(*command).all(|(a, b)| a.eq_ignore_ascii_case(b))))?;
    r.skip(length)?;
    require(r.array()? == *b"\r\n").map(|()| r.position())
}

/// A type's octet, a positive number and the end of the line.
fn number(r: &mut Reader<'_>, kind: u8) -> Result<usize, Unlike> {
    require(r.u8()? == kind)?;
    let mut number = 0usize;
    for digits in 0..=MOST_DIGITS {
        match r.u8()? {
            digit @ b'0'..=b'9' if digits < MOST_DIGITS && (digit != b'0' || digits > 0) => {
                number = number.saturating_mul(10).saturating_add(usize::from(digit.wrapping_sub(b'0')));
            }
            b'\r' if digits > 0 => return require(r.u8()? == b'\n').map(|()| number),
            _ => return Err(Unlike::Other),
        }
    }
    Err(Unlike::Other)
}

impl Protocol for Redis {
    fn probe(window: &Window<'_>) -> Probe {
        match first_command(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(Unlike::Short) => Probe::More,
            Err(Unlike::Other) => Probe::No,
        }
    }

    fn sender(_: &Window<'_>) -> Option<Dir> {
        Some(Dir::Client)
    }
}

impl Payload for Redis {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if !self.named {
            let Ok(proof) = first_command(window.bytes) else { return 0 };
            self.named = true;
            facts.observe(What::Protocol("redis"), window.evidence(0..proof));
        }
        let mut taken = 0;
        while !self.lost && taken < window.bytes.len() {
            let rest = window.from(taken);
            let side = self.sides.of_mut(window.dir);
            if side.left > 0 {
                let Some(n) = side.string(&rest, facts) else { break };
                taken = taken.saturating_add(n);
                continue;
            }
            match self.lines.front(&rest) {
                Front::Line(line, n) => {
                    taken = taken.saturating_add(n);
                    self.lost = !side.line(&line, facts);
                }
                Front::Skip(_) => self.lost = true,
                Front::Partial => break,
            }
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let side = self.sides.of_mut(dir);
        match side.left.checked_sub(missing) {
            Some(left) if left > 0 => side.left = left,
            _ => self.lost = true,
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        self.sides.client.passing.end(Exposed::Content, COMMAND, facts);
        self.sides.server.passing.end(Exposed::Content, ANSWER, facts);
    }

    fn next(&self) -> Next {
        if self.lost { Next::Done } else { Next::Stay }
    }
}

impl Side {
    /// A line: the head of a command, of a string, or a short answer. Returns whether it is one of the protocol.
    fn line(&mut self, line: &Window<'_>, facts: &mut Facts) -> bool {
        let Some((kind, rest)) = line.bytes.split_first() else { return true };
        let count = std::str::from_utf8(rest).ok().and_then(|digits| digits.parse::<i64>().ok());
        match (kind, line.dir) {
            (b'*', Dir::Client) => {
                self.strings = count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                self.login = Login::Unknown;
                count.is_some()
            }
            (b'$' | b'=', _) => {
                if let Some(n) = count.and_then(|n| u64::try_from(n).ok()) {
                    self.left = n.saturating_add(2);
                }
                count.is_some()
            }
            // A command as a line of words.
            (b'A'..=b'Z' | b'a'..=b'z', Dir::Client) => {
                let (command, arguments) = word(line.bytes);
                if is_one_of(command, &["AUTH"]) {
                    facts.readable(Exposed::Credentials, "Redis password", arguments, line.all());
                } else {
                    facts.readable(Exposed::Content, COMMAND, line.bytes, line.all());
                }
                true
            }
            (b'*' | b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' | b'!' | b'%' | b'~' | b'>' | b'|', Dir::Server) => true,
            _ => false,
        }
    }

    /// Octets of a string. `None` until as much of it is there as is needed.
    fn string(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let text = self.left.saturating_sub(2);
        let whole = usize::try_from(self.left).ok().and_then(|n| rest.slice(0..n));
        let what = if rest.dir == Dir::Client { COMMAND } else { ANSWER };
        // Strings that decide how the next are read, and secrets, are waited for.
        if rest.dir == Dir::Client && self.login != Login::No && text <= LONGEST_SECRET {
            let whole = whole?;
            let text = whole.slice(0..usize::try_from(text).ok()?)?;
            self.strings = self.strings.saturating_sub(1);
            self.left = 0;
            self.log_in(&text, facts);
            if self.strings == 0 {
                self.passing.end(Exposed::Content, what, facts);
            }
            return Some(whole.bytes.len());
        }
        let n = rest.bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        // The CR LF at the end is not content; a name or a password so long is not stated at all.
        let secret = rest.dir == Dir::Client && self.login != Login::No;
        let content = if secret { 0 } else { n.min(usize::try_from(text).unwrap_or(usize::MAX)) };
        self.passing.piece(Exposed::Content, what, &rest.slice(0..content)?, facts);
        self.left = self.left.saturating_sub(n as u64);
        if self.left == 0 {
            self.strings = self.strings.saturating_sub(1);
            if rest.dir == Dir::Server || self.strings == 0 {
                self.passing.end(Exposed::Content, what, facts);
            }
        }
        Some(n)
    }

    /// A string of a command that is a login, or may be.
    fn log_in(&mut self, text: &Window<'_>, facts: &mut Facts) {
        let mut state = |kind, what| facts.readable(kind, what, text.bytes, text.all());
        self.login = match self.login {
            Login::Unknown if is_one_of(text.bytes, &["AUTH"]) => {
                if self.strings > 1 {
                    Login::Name
                } else {
                    Login::Password
                }
            }
            Login::Unknown if is_one_of(text.bytes, &["HELLO"]) => Login::Hello,
            Login::Hello if is_one_of(text.bytes, &["AUTH"]) => Login::Name,
            Login::Hello => Login::Hello,
            Login::Name => {
                state(Exposed::Identifiers, "Redis user name");
                Login::Password
            }
            Login::Password => {
                state(Exposed::Credentials, "Redis password");
                Login::Hello
            }
            Login::Unknown | Login::No => {
                self.passing.piece(Exposed::Content, COMMAND, text, facts);
                Login::No
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, S, dialogue, probe, survives};
    use super::*;

    fn read(turns: &[(Dir, &[u8])]) -> Vec<String> {
        let talk = dialogue::<Redis>(turns);
        talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.bytes, r.excerpt)).collect()
    }

    #[test]
    fn a_command_names_redis() {
        for command in [b"*1\r\n$4\r\nPING\r\n".as_slice(), b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n"] {
            let talk = dialogue::<Redis>(&[(C, command)]);
            assert!(talk.says(r#"network.protocol Text("redis") observed [#1]"#));
            assert_eq!(talk.next, Next::Stay);
        }
    }

    #[test]
    fn commands_answers_and_passwords_are_readable() {
        let found = read(&[
            (C, b"*2\r\n$4\r\nAUTH\r\n$4\r\nopen\r\n"),
            (S, b"+OK\r\n"),
            (C, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$7\r\nsee you\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
            (S, b"+OK\r\n$7\r\nsee you\r\n"),
        ]);
        let expected = [
            "credentials Redis password 1 4 •••••• [#1]",
            "content Redis command 2 15 SE••••• yo• [#3]",
            "content Redis answer 1 7 se• yo• [#4]",
        ];
        assert_eq!(found, expected);
        let named = read(&[(C, b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$2\r\nal\r\n$4\r\nopen\r\n")]);
        assert_eq!(named, ["identifiers Redis user name 1 2 al [#1]", "credentials Redis password 1 4 •••••• [#1]"]);
    }

    #[test]
    fn what_is_not_redis_any_more_is_not_read() {
        let talk = dialogue::<Redis>(&[(C, b"*1\r\n$4\r\nPING\r\n"), (S, b"\x16\x03\x01\r\n")]);
        assert_eq!(talk.next, Next::Done);
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in
            [b"*1\r\n$4\r\nPONG\r\n".as_slice(), b"* OK IMAP ready\r\n", b"*0\r\n$4\r\n", b"*1\r\n+OK\r\n", b"*12345\r\n", b"*1\n$4\n"]
        {
            assert_eq!(probe::<Redis>(other), Probe::No);
        }
        assert_eq!(probe::<Redis>(b"*1\r\n$4\r\nPI"), Probe::More);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
            survives::<Redis>(&random, piece);
            survives::<Redis>(&[(true, [b"*1\r\n$".as_slice(), &tail].concat())], piece);
        }

        #[test]
        fn any_talk_says_the_same_in_any_pieces(
            lines in proptest::collection::vec((proptest::bool::ANY, "([*$][0-9]{1,2}|\\+OK|AUTH|SET|[a-z]{0,9})\r\n"), 0..9),
        ) {
            let turns: Vec<(Dir, &[u8])> = lines.iter().map(|(client, line)| (if *client { C } else { S }, line.as_bytes())).collect();
            let all = [&[(C, &b"*1\r\n$4\r\nPING\r\n"[..])][..], &turns].concat();
            dialogue::<Redis>(&all);
        }
    }
}
