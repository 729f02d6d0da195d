//! What is overheard of a dialogue in clear: who logs in with what, envelopes, messages.
//!
//! The languages say what their lines mean; here is what they share: messages that end with a dot, counted octets, and logins by SASL
//! (RFC 4422).

use super::super::clear::{Passing, base64};
use super::super::lines::{Front, Lines, is_one_of};
use crate::base::{Exposed, Facts, Sides, Window};

/// A kind of readable thing and its name.
pub(super) type Thing = (Exposed, &'static str);

/// What the bytes that come next from a side are, when they are no commands or answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Commands or answers, line by line.
    #[default]
    Lines,
    /// A text up to a line with nothing but a dot (RFC 5321 §4.5.2, RFC 1939 §3, RFC 3977 §3.1.1); what it is, if worth stating.
    Text(Option<Thing>),
    /// So many octets (RFC 9051 §4.3, RFC 3030 §2); what they are, if worth stating.
    Octets(u64, Option<Thing>),
}

/// The words for what logs in: the name and the secret of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    pub(super) name: &'static str,
    pub(super) secret: &'static str,
}

/// A login that goes over several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sasl {
    /// RFC 4616.
    Plain,
    /// The mechanism that asks for the name first, then for the password (draft-murchison-sasl-login).
    LoginName,
    LoginPassword,
    /// RFC 7628, and XOAUTH2 before it.
    Token,
    /// Shows who logs in, not the password: CRAM-MD5, DIGEST-MD5, SCRAM.
    Challenge,
    /// Nothing readable, or nothing known.
    Other,
}

/// What was overheard so far, and what it makes of what comes next.
#[derive(Debug, Default)]
pub(super) struct Overheard {
    pub(super) mode: Sides<Mode>,
    passing: Sides<Passing>,
    /// What the client's next line is a part of.
    pub(super) sasl: Option<Sasl>,
    /// For the language: where it stands in a command of several parts.
    pub(super) step: u8,
    /// For the language: what the answers to come will carry, oldest first.
    pub(super) awaited: std::collections::VecDeque<Option<Mode>>,
    /// Whether a side was heard.
    pub(super) spoke: Sides<bool>,
}

impl Overheard {
    /// Takes bytes that are no lines of the dialogue. `None`: they are, or not enough of them is there.
    pub(super) fn content(&mut self, rest: &Window<'_>, lines: &mut Lines, facts: &mut Facts) -> Option<usize> {
        let mode = self.mode.of_mut(rest.dir);
        let passing = self.passing.of_mut(rest.dir);
        match *mode {
            Mode::Lines => None,
            Mode::Octets(left, thing) => {
                let n = rest.bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left.saturating_sub(n as u64);
                *mode = if left == 0 { Mode::Lines } else { Mode::Octets(left, thing) };
                if let Some((kind, what)) = thing {
                    passing.piece(kind, what, &rest.slice(0..n)?, facts);
                    if left == 0 {
                        passing.end(kind, what, facts);
                    }
                }
                Some(n)
            }
            Mode::Text(thing) => {
                let (n, over) = match lines.front(rest) {
                    Front::Line(line, n) => (n, line.bytes == b"."),
                    Front::Skip(n) => (n, false),
                    Front::Partial => return None,
                };
                if over {
                    *mode = Mode::Lines;
                }
                if let Some((kind, what)) = thing {
                    match over {
                        true => passing.end(kind, what, facts),
                        false => passing.piece(kind, what, &rest.slice(0..n)?, facts),
                    }
                }
                Some(n)
            }
        }
    }

    /// Octets of a side are missing.
    pub(super) fn gap(&mut self, dir: crate::base::Dir, missing: u64) {
        let mode = self.mode.of_mut(dir);
        if let Mode::Octets(left, thing) = *mode {
            *mode = match left.saturating_sub(missing) {
                0 => Mode::Lines,
                left => Mode::Octets(left, thing),
            };
        }
        self.awaited.clear();
        self.sasl = None;
    }

    /// The connection is over in the middle of something.
    pub(super) fn close(&mut self, facts: &mut Facts) {
        for (mode, passing) in [(&self.mode.client, &mut self.passing.client), (&self.mode.server, &mut self.passing.server)] {
            if let Mode::Octets(_, Some((kind, what))) | Mode::Text(Some((kind, what))) = *mode {
                passing.end(kind, what, facts);
            }
        }
    }

    /// The client begins a login, perhaps with its first response (RFC 4954 §4, RFC 9051 §6.2.2 by RFC 4959, RFC 5034).
    pub(super) fn begin_sasl(&mut self, mechanism: &[u8], first: &[u8], login: Login, line: &Window<'_>, facts: &mut Facts) {
        self.sasl = Some(sasl(mechanism));
        // `=` stands for an empty response.
        if !first.is_empty() && first != b"=" {
            self.respond(first, login, line, facts);
        }
    }

    /// The client's line in a login.
    pub(super) fn respond(&mut self, text: &[u8], login: Login, line: &Window<'_>, facts: &mut Facts) {
        let Some(sasl) = self.sasl else { return };
        // Without the server's direction nothing says when a login is over.
        self.sasl = login_line(sasl, text, login, line, facts).filter(|next| *next != Sasl::Other || self.spoke.server);
    }
}

/// What a mechanism shows (IANA's registry of SASL mechanisms).
pub(super) fn sasl(mechanism: &[u8]) -> Sasl {
    let scram = mechanism.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"SCRAM"));
    match mechanism {
        _ if is_one_of(mechanism, &["PLAIN"]) => Sasl::Plain,
        _ if is_one_of(mechanism, &["LOGIN"]) => Sasl::LoginName,
        _ if is_one_of(mechanism, &["XOAUTH2", "OAUTHBEARER", "OAUTH10A", "X-OAUTH2"]) => Sasl::Token,
        _ if scram || is_one_of(mechanism, &["CRAM-MD5", "DIGEST-MD5"]) => Sasl::Challenge,
        _ => Sasl::Other,
    }
}

/// Reads one response in base64. Returns what the next one will be.
pub(super) fn login_line(sasl: Sasl, text: &[u8], login: Login, line: &Window<'_>, facts: &mut Facts) -> Option<Sasl> {
    if text == b"*" {
        // Called off.
        return None;
    }
    let plain = base64(text);
    let mut state = |kind, what, text: &[u8]| {
        if !text.is_empty() {
            facts.readable(kind, what, text, line.all());
        }
    };
    match sasl {
        Sasl::Plain => {
            // Authorization identity, name, password, with NUL between.
            let mut parts = plain.splitn(3, |&b| b == 0).skip(1);
            state(Exposed::Identifiers, login.name, parts.next().unwrap_or_default());
            state(Exposed::Credentials, login.secret, parts.next().unwrap_or_default());
            None
        }
        Sasl::LoginName => {
            state(Exposed::Identifiers, login.name, &plain);
            Some(Sasl::LoginPassword)
        }
        Sasl::LoginPassword => {
            state(Exposed::Credentials, login.secret, &plain);
            None
        }
        Sasl::Token => {
            state(Exposed::Credentials, login.secret, &plain);
            Some(Sasl::Other)
        }
        Sasl::Challenge => {
            state(Exposed::Identifiers, login.name, challenged_name(&plain));
            Some(Sasl::Other)
        }
        Sasl::Other => Some(Sasl::Other),
    }
}

/// The name in the first response to a challenge: `name digest` (RFC 2195), `username="name"` (RFC 2831), `n,,n=name,r=…` (RFC 5802 §7).
fn challenged_name(plain: &[u8]) -> &[u8] {
    if let Some(at) = memchr::memmem::find(plain, b"username=\"") {
        return plain.get(at + 10..).unwrap_or_default().split(|&b| b == b'"').next().unwrap_or_default();
    }
    if plain.iter().filter(|&&b| b == b',').count() >= 3 {
        return plain.split(|&b| b == b',').find_map(|field| field.strip_prefix(b"n=")).unwrap_or_default();
    }
    memchr::memrchr(b' ', plain).and_then(|at| plain.get(..at)).unwrap_or_default()
}

/// The length in a literal at the end of a line: `{123}`, `{123+}` (RFC 9051 §4.3, RFC 5804 §4).
pub(super) fn literal(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let digits = inner.get(memchr::memrchr(b'{', inner)? + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first argument of a command: an atom, or a quoted string without its quotes (RFC 9051 §4); and what follows.
pub(super) fn argument(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else { return super::super::lines::word(text) };
    let mut escaped = false;
    let end = quoted.iter().position(|&b| {
        let ends = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        ends
    });
    let end = end.unwrap_or(quoted.len());
    (quoted.get(..end).unwrap_or_default(), quoted.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_answers_to_challenges() {
        for text in ["al 0123456789abcdef", "username=\"al\",realm=\"x\"", "n,,n=al,r=fyko"] {
            assert_eq!(challenged_name(text.as_bytes()), b"al", "{text}");
        }
        assert_eq!(challenged_name(b"c=biws,r=fyko,p=v0X8"), b"");
    }

    #[test]
    fn literals_and_arguments_are_those_of_imap() {
        assert_eq!(literal(b"a1 APPEND x {310}"), Some(310));
        assert_eq!(literal(b"a1 APPEND x {310+}"), Some(310));
        assert_eq!((literal(b"{}"), literal(b"310}"), literal(b"{3} "), literal(b"{99999999999999999999}")), (None, None, None, None));
        assert_eq!(argument(b" \"a \\\"b\" c"), (&b"a \\\"b"[..], &b" c"[..]));
        assert_eq!(argument(b"al open"), (&b"al"[..], &b"open"[..]));
        assert_eq!(argument(b"\"cut"), (&b"cut"[..], &b""[..]));
    }
}
