//! SMTP (RFC 5321) and its STARTTLS (RFC 3207).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said, reply};
use super::overheard::{Login, Mode, Overheard, Thing};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "smtp", client, server, agreement: Agreement::LikeTheGreeting, overhear };

const MESSAGE: Thing = (Exposed::Content, "mail message");
const LOGIN: Login = Login { name: "SMTP user name", secret: "SMTP password" };

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"STARTTLS") && rest.is_empty() {
        return Said::likely(Act::Ask(b""));
    }
    if is_one_of(verb, &["EHLO", "HELO", "LHLO"]) && !rest.is_empty() {
        return Said::surely(Act::Line);
    }
    if verb.eq_ignore_ascii_case(b"MAIL") && contains_ignoring_case(rest, b"FROM:") {
        return Said::surely(Act::Line);
    }
    if is_one_of(verb, &["DATA", "BDAT"]) {
        return Said::fits(Act::Line);
    }
    if is_one_of(verb, &["AUTH", "RCPT", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (code, more, text) = reply(line)?;
    let says_smtp = contains_ignoring_case(word(text).1, b"SMTP");
    match code {
        220 if says_smtp => Said::surely(if more { Act::Line } else { Act::Agree(b"") }),
        220 => Said::likely(if more { Act::Line } else { Act::Agree(b"") }),
        250 if more => Said::likely(Act::Line),
        354 => Said::fits(Act::Reply),
        _ if more => Said::fits(Act::Line),
        400..600 => Said::fits(Act::Refuse(b"")),
        211 | 214 | 221 | 235 | 250..=252 | 334 => Said::fits(Act::Reply),
        _ => None,
    }
}

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    match line.dir {
        Dir::Client if o.sasl.is_some() => {
            o.respond(line.bytes, LOGIN, line, facts);
            return true;
        }
        Dir::Client => client_said(o, line, facts),
        Dir::Server => match reply(line.bytes) {
            Some((354, ..)) => o.mode.client = Mode::Text(Some(MESSAGE)),
            // Anything but a challenge ends a login.
            Some((code, false, _)) if code != 334 => o.sasl = None,
            _ => {}
        },
    }
    false
}

fn client_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (verb, rest) = word(line.bytes);
    if verb.eq_ignore_ascii_case(b"AUTH") {
        let (mechanism, first) = word(rest);
        o.begin_sasl(mechanism, first, LOGIN, line, facts);
    } else if is_one_of(verb, &["MAIL", "RCPT"]) && contains_ignoring_case(rest, b":") {
        let address = rest.split(|&b| b == b':').nth(1).unwrap_or_default();
        facts.readable(Exposed::Identifiers, "mail envelope", address.trim_ascii(), line.all());
    } else if is_one_of(verb, &["VRFY", "EXPN"]) && !rest.is_empty() {
        facts.readable(Exposed::Identifiers, "mail address", rest, line.all());
    } else if verb.eq_ignore_ascii_case(b"DATA") && !o.spoke.server {
        // The server's direction is not in the capture: nothing will say that it agreed.
        o.mode.client = Mode::Text(Some(MESSAGE));
    } else if verb.eq_ignore_ascii_case(b"BDAT")
        && let Some(octets @ 1..) = std::str::from_utf8(word(rest).0).ok().and_then(|n| n.parse().ok())
    {
        o.mode.client = Mode::Octets(octets, Some(MESSAGE));
    }
}
