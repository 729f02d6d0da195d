//! The PostgreSQL protocol (documentation: "Message Flow", "SSL Session Encryption") and its `SSLRequest`.

use super::super::clear::{Passing, mostly_text};
use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Evidence, Exposed, Facts, Reader, Sides, What, Window};

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// Protocol versions 3.x: the major version stands in the upper 16 bits.
const MAJOR: u32 = 3;
/// The server refuses longer ones (`MAX_STARTUP_PACKET_LENGTH`).
const LARGEST_STARTUP: u32 = 10_000;

/// A password is not longer than this.
const LARGEST_PASSWORD: usize = 1024;
/// A message is not larger than this, or it is none.
const LARGEST: u32 = 1 << 30;
/// Octets of type and length.
const HEADER: usize = 5;
/// How the server asks for a password in clear (`AuthenticationCleartextPassword`).
const CLEARTEXT: u32 = 3;

const STATEMENT: &str = "SQL statement";
const ANSWER: &str = "SQL answer";

/// The message that is being passed over in one direction.
#[derive(Debug, Default)]
struct Message {
    left: u32,
    /// What it is, if worth stating.
    what: Option<&'static str>,
    passing: Passing,
}

/// A connection to a PostgreSQL server.
#[derive(Debug, Default)]
pub struct Postgres {
    /// The start-up is over: messages with types follow.
    started: bool,
    message: Sides<Message>,
    /// How the server asked for a password, if it did.
    authentication: Option<u32>,
    /// The frames of an unanswered `SSLRequest` or `GSSENCRequest`: each is answered by one octet.
    asked: Option<(u32, Evidence)>,
    named: bool,
    upgrade: Upgrade,
}

/// The first message of a client: its length and request code.
#[derive(Debug, PartialEq)]
enum Opening {
    Request(u32, usize),
    Startup,
    Short,
    Other,
}

fn opening(bytes: &[u8]) -> Opening {
    let mut r = Reader::new(bytes);
    let (Ok(len), Ok(code)) = (r.u32(), r.u32()) else {
        // No length above LARGEST_STARTUP starts like this.
        return if bytes.iter().take(2).all(|&b| b == 0) { Opening::Short } else { Opening::Other };
    };
    match (code, len) {
        (SSL_REQUEST | GSSENC_REQUEST, 8) => Opening::Request(code, 8),
        (CANCEL_REQUEST, 16) => Opening::Startup,
        _ if code >> 16 == MAJOR && (9..=LARGEST_STARTUP).contains(&len) => match r.rest() {
            // Names and values, each ended by a zero octet; the user is the one that must be there.
            [] => Opening::Short,
            [first, ..] if first.is_ascii_lowercase() || *first == b'_' => match r.rest().iter().take(64).position(|&b| b == 0) {
                Some(_) => Opening::Startup,
                None if r.left() < 64 => Opening::Short,
                None => Opening::Other,
            },
            _ => Opening::Other,
        },
        _ => Opening::Other,
    }
}

impl Protocol for Postgres {
    fn probe(window: &Window<'_>) -> Probe {
        match opening(window.bytes) {
            Opening::Request(..) | Opening::Startup => Probe::Yes,
            Opening::Short => Probe::More,
            Opening::Other => Probe::No,
        }
    }

    fn sender(_window: &Window<'_>) -> Option<Dir> {
        Some(Dir::Client)
    }
}

impl Payload for Postgres {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.upgrade.is_over() && taken < window.bytes.len() {
            let rest = window.from(taken);
            match tls_at_front(rest.bytes) {
                Some(true) => {
                    self.upgrade.infer(Some("postgres"), &rest, facts);
                    break;
                }
                None => break,
                Some(false) => {}
            }
            let n = match window.dir {
                _ if self.started => self.message(&rest, facts),
                Dir::Client => self.client(&rest, facts),
                Dir::Server => Some(self.server(&rest, facts)),
            };
            let Some(n) = n else { break };
            taken = taken.saturating_add(n);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let message = self.message.of_mut(dir);
        match u64::from(message.left).checked_sub(missing).map(u32::try_from) {
            Some(Ok(left @ 1..)) => message.left = left,
            // Where the next message begins cannot be known.
            _ => self.upgrade.give_up(),
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        for message in [&mut self.message.client, &mut self.message.server] {
            if let Some(what) = message.what {
                message.passing.end(Exposed::Content, what, facts);
            }
        }
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Postgres {
    fn client(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let opening = opening(rest.bytes);
        if !self.named && matches!(opening, Opening::Request(..) | Opening::Startup) {
            facts.observe(What::Protocol("postgres"), rest.evidence(0..8));
            self.named = true;
        }
        match opening {
            Opening::Request(code, len) => {
                let request = rest.slice(0..len).unwrap_or(*rest);
                self.asked = Some((code, request.all()));
                if code == SSL_REQUEST {
                    self.upgrade.ask(&request, facts);
                }
                Some(len)
            }
            Opening::Short => None,
            Opening::Startup => self.startup(rest, facts),
            Opening::Other => {
                self.upgrade.give_up();
                None
            }
        }
    }

    /// The start-up message: names and values. A request to cancel has neither.
    fn startup(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let mut r = Reader::new(rest.bytes);
        let (len, code) = (r.u32().ok()?, r.u32().ok()?);
        let message = rest.slice(0..usize::try_from(len).ok()?)?;
        self.started = true;
        if code == CANCEL_REQUEST {
            self.upgrade.give_up();
        }
        let mut strings = message.bytes.get(8..).unwrap_or_default().split(|&b| b == 0);
        while let (Some(name @ [_, ..]), Some(value)) = (strings.next(), strings.next()) {
            if matches!(name, b"user" | b"database") && !value.is_empty() {
                let what = if name == b"user" { "SQL user name" } else { "SQL database name" };
                facts.readable(Exposed::Identifiers, what, value, message.all());
            }
        }
        Some(message.bytes.len())
    }

    /// A message with a type (documentation: "Message Formats"), or a piece of one.
    fn message(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let message = self.message.of_mut(rest.dir);
        if message.left > 0 {
            let n = rest.bytes.len().min(usize::try_from(message.left).unwrap_or(usize::MAX));
            message.left = message.left.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
            if let Some(what) = message.what {
                message.passing.piece(Exposed::Content, what, &rest.slice(0..n)?, facts);
                if message.left == 0 {
                    message.passing.end(Exposed::Content, what, facts);
                }
            }
            return Some(n);
        }
        let mut r = Reader::new(rest.bytes);
        let (kind, len) = (r.u8().ok()?, r.u32().ok()?);
        if !kind.is_ascii_alphanumeric() || !(4..=LARGEST).contains(&len) {
            self.upgrade.give_up();
            return None;
        }
        let body = usize::try_from(len).unwrap_or(usize::MAX).saturating_sub(4);
        // The answer to a request for a password, and how it was asked for, are waited for.
        let is_login = matches!((rest.dir, kind), (Dir::Client, b'p') | (Dir::Server, b'R'));
        if is_login && body <= LARGEST_PASSWORD {
            let whole = rest.slice(HEADER..HEADER.saturating_add(body))?;
            match rest.dir {
                Dir::Client => self.password(&whole, facts),
                Dir::Server => self.authentication = Reader::new(whole.bytes).u32().ok(),
            }
            return Some(HEADER.saturating_add(body));
        }
        message.left = u32::try_from(body).unwrap_or(u32::MAX);
        message.what = match (rest.dir, kind) {
            // Query, Parse, Bind, FunctionCall; CopyData.
            (Dir::Client, b'Q' | b'P' | b'B' | b'F' | b'd') => Some(STATEMENT),
            // DataRow, CopyData, FunctionCallResponse.
            (Dir::Server, b'D' | b'd' | b'V') => Some(ANSWER),
            _ => None,
        };
        Some(HEADER)
    }

    /// `PasswordMessage`: in clear only if the server asked so; MD5 and SCRAM show no password.
    fn password(&self, body: &Window<'_>, facts: &mut Facts) {
        let text = body.bytes.strip_suffix(b"\0").unwrap_or(body.bytes);
        let in_clear = match self.authentication {
            Some(how) => how == CLEARTEXT,
            None => mostly_text(text) && !text.starts_with(b"md5") && !text.starts_with(b"SCRAM-") && !text.contains(&0),
        };
        if in_clear && !text.is_empty() {
            facts.readable(Exposed::Credentials, "SQL password", text, body.all());
        }
    }

    fn server(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let answer = rest.slice(0..1).unwrap_or(*rest);
        match (answer.bytes, self.asked.take()) {
            (b"S", Some((SSL_REQUEST, _))) => self.upgrade.agree("postgres", &answer, facts),
            (b"N" | b"E", Some((SSL_REQUEST, _))) => self.upgrade.refuse("postgres", &answer, facts),
            (b"N" | b"E", Some((GSSENC_REQUEST, _))) => {}
            // GSSAPI encryption follows, or the answer to a start-up that was not seen.
            _ => self.upgrade.give_up(),
        }
        1
    }
}
