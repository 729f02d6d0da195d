//! Telnet (RFC 854): recognised by its negotiation of options, never by a port. Everything typed and shown is readable.

use super::clear::Passing;
use super::telltale::{Unlike, require};
use super::{Payload, Probe, Protocol};
use crate::base::{Dir, Exposed, Facts, Reader, Sides, What, Window};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
/// WILL, WON'T, DO, DON'T.
const NEGOTIATES: std::ops::RangeInclusive<u8> = 251..=254;
/// Options in use: IANA's registry, up to 49, and those of games (MCCP, MSDP, MXP, GMCP and the like).
const MOST_OPTION: u8 = 49;
const OTHER_OPTIONS: [u8; 9] = [69, 70, 85, 86, 90, 91, 93, 200, 201];
/// How much of what the server showed last is remembered.
const REMEMBERED: usize = 24;

const TYPED: &str = "Telnet input";
const SHOWN: &str = "Telnet output";

/// Where one direction stands in a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// Behind IAC.
    Command,
    /// Before an option.
    Option,
    /// In a subnegotiation, up to IAC SE.
    Sub,
    SubCommand,
}

/// A Telnet connection.
#[derive(Debug, Default)]
pub struct Telnet {
    named: bool,
    at: Sides<At>,
    passing: Sides<Passing>,
    /// The end of what the server showed, in lower case.
    shown: Vec<u8>,
    /// The client is typing a password.
    secret: bool,
    password: Passing,
}

/// Octets at the front of a direction that only Telnet begins with: two commands, or one and then text.
fn negotiation(bytes: &[u8]) -> Result<usize, Unlike> {
    let mut r = Reader::new(bytes);
    let mut commands = 0;
    loop {
        require(r.u8()? == IAC)?;
        let command = r.u8()?;
        let option = r.u8()?;
        require(
            (NEGOTIATES.contains(&command) || command == SB && commands > 0) && (option <= MOST_OPTION || OTHER_OPTIONS.contains(&option)),
        )?;
        commands += 1;
        if commands >= 2 || command == SB {
            return Ok(r.position());
        }
        match r.rest().first() {
            // A single command alone in its segment: what follows decides.
            None => return Err(Unlike::Short),
            Some(&IAC) => {}
            Some(b'\r' | b'\n' | b' '..=b'~') => return Ok(r.position()),
            Some(_) => return Err(Unlike::Other),
        }
    }
}

impl Protocol for Telnet {
    fn probe(window: &Window<'_>) -> Probe {
        match negotiation(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(Unlike::Short) => Probe::More,
            Err(Unlike::Other) => Probe::No,
        }
    }
}

impl Payload for Telnet {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if !self.named {
            let Ok(proof) = negotiation(window.bytes) else { return 0 };
            self.named = true;
            facts.observe(What::Protocol("telnet"), window.evidence(0..proof));
        }
        let mut taken = 0;
        while taken < window.bytes.len() {
            let rest = window.from(taken);
            let n = match *self.at.of(window.dir) {
                At::Text => {
                    let n = memchr::memchr(IAC, rest.bytes).unwrap_or(rest.bytes.len());
                    if let Some(text) = rest.slice(0..n).filter(|text| !text.bytes.is_empty()) {
                        self.text(&text, facts);
                    }
                    if n < rest.bytes.len() {
                        *self.at.of_mut(window.dir) = At::Command;
                    }
                    n.saturating_add(1).min(rest.bytes.len())
                }
                _ => {
                    self.command(rest.bytes.first().copied().unwrap_or(0), window.dir);
                    1
                }
            };
            taken = taken.saturating_add(n);
        }
        taken
    }

    fn close(&mut self, facts: &mut Facts) {
        self.password.end(Exposed::Credentials, "Telnet password", facts);
        self.passing.client.end(Exposed::Content, TYPED, facts);
        self.passing.server.end(Exposed::Content, SHOWN, facts);
    }
}

impl Telnet {
    fn command(&mut self, octet: u8, dir: Dir) {
        let at = self.at.of_mut(dir);
        *at = match (*at, octet) {
            (At::Command, SB) => At::Sub,
            (At::Command, n) if NEGOTIATES.contains(&n) => At::Option,
            (At::Sub, IAC) => At::SubCommand,
            (At::SubCommand, SE) => At::Text,
            (At::Sub | At::SubCommand, _) => At::Sub,
            // A command of one octet; IAC IAC stands for the octet 255.
            _ => At::Text,
        };
    }

    /// What is shown or typed. After a prompt for a password, what is typed up to the end of the line is one.
    fn text(&mut self, text: &Window<'_>, facts: &mut Facts) {
        match text.dir {
            Dir::Server => {
                let visible = text.bytes.iter().filter(|b| !b.is_ascii_control());
                self.shown.extend(visible.map(u8::to_ascii_lowercase));
                let cut = self.shown.len().saturating_sub(REMEMBERED);
                self.shown.drain(..cut);
                self.secret |= asks_for_password(&self.shown);
                self.passing.server.piece(Exposed::Content, SHOWN, text, facts);
            }
            Dir::Client if self.secret => {
                let line = text.bytes.iter().position(|b| matches!(b, b'\r' | b'\n'));
                let end = line.unwrap_or(text.bytes.len());
                if let Some(typed) = text.slice(0..end) {
                    self.password.piece(Exposed::Credentials, "Telnet password", &typed, facts);
                }
                if line.is_some() {
                    self.password.end(Exposed::Credentials, "Telnet password", facts);
                    self.secret = false;
                    self.shown.clear();
                    // What was typed ahead.
                    let ahead = text.from(end.saturating_add(1));
                    self.passing.client.piece(Exposed::Content, TYPED, &ahead, facts);
                }
            }
            Dir::Client => self.passing.client.piece(Exposed::Content, TYPED, text, facts),
        }
    }
}

fn asks_for_password(shown: &[u8]) -> bool {
    let shown = shown.trim_ascii_end();
    [b"password:".as_slice(), b"passwd:", b"passcode:", b"passwort:", b"mot de passe:", b"mot de passe :"]
        .iter()
        .any(|end| shown.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, S, dialogue, probe, survives};
    use super::*;

    const ASKS: &[u8] = b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01";

    #[test]
    fn what_is_typed_and_shown_is_readable_and_the_password_is_one() {
        let talk = dialogue::<Telnet>(&[
            (S, ASKS),
            (C, b"\xff\xfb\x18\xff\xfc\x20"),
            (C, b"\xff\xfa\x18\0xterm\xff\xf0"),
            (S, b"\r\nlogin: "),
            (C, b"al\r\n"),
            (S, b"al\r\nPassword: "),
            (C, b"op"),
            (C, b"en\r\n"),
            (S, b"\r\n$ "),
            (C, b"mail bo\r\n"),
        ]);
        let found: Vec<String> =
            talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {e:?}", r.kind.word(), r.what, r.bytes, r.excerpt)).collect();
        let expected = [
            "credentials Telnet password 4 •••••• [#7, #8]".to_owned(),
            r"content Telnet input 14 al\x0d\x0a\x0ama•• bo\x0d\x0a [#5, #8, #10]".into(),
            r"content Telnet output 27 \x0d\x0alo•••: al\x0d\x0aPa••••••: \x0d\x0a$  [#4, #6, #9]".into(),
        ];
        assert!(talk.says(r#"network.protocol Text("telnet") observed [#1]"#));
        assert_eq!(found, expected);
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in
            [&b"\xff\xff\xff\xff"[..], b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xffSMBr", b"\xff\xfd\x99", b"\xff\xfd\x18\x80\x90", b"login: "]
        {
            assert_eq!(probe::<Telnet>(other), Probe::No, "{other:x?}");
        }
        assert_eq!(probe::<Telnet>(b"\xff\xfd\x18"), Probe::More);
        assert_eq!(probe::<Telnet>(b"\xff\xfb\x01login: "), Probe::Yes);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
            survives::<Telnet>(&random, piece);
            survives::<Telnet>(&[(true, [ASKS, &tail].concat())], piece);
        }
    }
}
