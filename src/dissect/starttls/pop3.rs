//! POP3 (RFC 1939) and its STLS (RFC 2595 §4).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};
use super::overheard::{Login, Mode, Overheard, Thing};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "pop3", client, server, agreement: Agreement::Counted, overhear };

const MESSAGE: Thing = (Exposed::Content, "mail message");
const LOGIN: Login = Login { name: "POP3 user name", secret: "POP3 password" };
/// Commands whose answers may be awaited.
const MOST_AWAITED: usize = 64;

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"STLS") && rest.is_empty() {
        return Said::surely(Act::Ask(b""));
    }
    if verb.eq_ignore_ascii_case(b"CAPA") && rest.is_empty() || verb.eq_ignore_ascii_case(b"APOP") {
        return Said::surely(Act::Line);
    }
    if verb.eq_ignore_ascii_case(b"USER") && !rest.is_empty() {
        return Said::likely(Act::Line);
    }
    if is_one_of(verb, &["RETR", "TOP", "UIDL"]) {
        // Only in the transaction state, in which STLS is not allowed any more.
        return Said::fits(Act::Past);
    }
    if is_one_of(verb, &["AUTH", "PASS", "STAT", "LIST", "NOOP", "DELE", "RSET", "QUIT", "UTF8", "LANG"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (status, text) = word(line);
    match status {
        // `+OK` alone is also how Redis and NATS answer.
        b"+OK" if text.is_empty() => Said::fits(Act::Agree(b"")),
        b"+OK" => Said::surely(Act::Agree(b"")),
        b"-ERR" => Said::fits(Act::Refuse(b"")),
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
        Dir::Server => server_said(o, line, facts),
    }
    false
}

fn client_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (verb, rest) = word(line.bytes);
    let mut state = |kind, what, text: &[u8]| facts.readable(kind, what, text, line.all());
    match rest {
        _ if rest.is_empty() => {}
        _ if verb.eq_ignore_ascii_case(b"USER") => state(Exposed::Identifiers, LOGIN.name, rest),
        _ if verb.eq_ignore_ascii_case(b"APOP") => state(Exposed::Identifiers, LOGIN.name, word(rest).0),
        _ if verb.eq_ignore_ascii_case(b"PASS") => state(Exposed::Credentials, LOGIN.secret, rest),
        _ if verb.eq_ignore_ascii_case(b"AUTH") => {
            let (mechanism, first) = word(rest);
            o.begin_sasl(mechanism, first, LOGIN, line, facts);
        }
        _ => {}
    }
    // Which answers have more than one line (RFC 1939 §3, RFC 2449 §5).
    let several = match rest {
        _ if is_one_of(verb, &["RETR", "TOP"]) => Some(Mode::Text(Some(MESSAGE))),
        b"" if is_one_of(verb, &["LIST", "UIDL", "AUTH"]) => Some(Mode::Text(None)),
        _ if is_one_of(verb, &["CAPA"]) => Some(Mode::Text(None)),
        _ => None,
    };
    if o.awaited.len() < MOST_AWAITED {
        o.awaited.push_back(several);
    }
}

fn server_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (status, _) = word(line.bytes);
    if !matches!(status, b"+OK" | b"-ERR") {
        // Without the client's direction nothing says which answers are messages; but only answers of several lines have such lines.
        if !o.spoke.client && status != b"+" {
            facts.readable(MESSAGE.0, MESSAGE.1, line.bytes, line.all());
        }
        return;
    }
    o.sasl = None;
    if let Some(Some(several)) = o.awaited.pop_front()
        && status == b"+OK"
    {
        o.mode.server = several;
    }
}
