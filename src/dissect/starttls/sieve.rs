//! `ManageSieve` (RFC 5804) and its STARTTLS (§2.2).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};
use super::overheard::{Login, Mode, Overheard, Sasl, Thing, argument, literal};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "sieve", client, server, agreement: Agreement::Counted, overhear };

const SCRIPT: Thing = (Exposed::Content, "mail filter");
const LOGIN: Login = Login { name: "ManageSieve user name", secret: "ManageSieve password" };

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"STARTTLS") && rest.is_empty() {
        return Said::likely(Act::Ask(b""));
    }
    if is_one_of(verb, &["PUTSCRIPT", "GETSCRIPT", "LISTSCRIPTS", "SETACTIVE", "HAVESPACE", "CHECKSCRIPT"]) {
        return Said::likely(Act::Past);
    }
    if is_one_of(verb, &["AUTHENTICATE", "CAPABILITY", "NOOP", "LOGOUT", "UNAUTHENTICATE"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (first, _) = word(line);
    if first.eq_ignore_ascii_case(b"\"IMPLEMENTATION\"") {
        return Said::surely(Act::Line);
    }
    if is_one_of(first, &["OK"]) {
        return Said::fits(Act::Agree(b""));
    }
    if is_one_of(first, &["NO", "BYE"]) {
        return Said::fits(Act::Refuse(b""));
    }
    let capability =
        is_one_of(first, &["\"SIEVE\"", "\"SASL\"", "\"STARTTLS\"", "\"NOTIFY\"", "\"VERSION\"", "\"MAXREDIRECTS\"", "\"LANGUAGE\""]);
    if capability { Said::likely(Act::Line) } else { None }
}

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    match line.dir {
        Dir::Client if o.sasl.is_some() => {
            respond(o, line.bytes, line, facts);
            return true;
        }
        Dir::Client => client_said(o, line, facts),
        Dir::Server => match literal(line.bytes) {
            Some(octets @ 1..) => o.mode.server = Mode::Octets(octets, o.sasl.is_none().then_some(SCRIPT)),
            _ if is_one_of(word(line.bytes).0, &["OK", "NO", "BYE"]) => o.sasl = None,
            _ => {}
        },
    }
    false
}

fn client_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (verb, rest) = word(line.bytes);
    if is_one_of(verb, &["AUTHENTICATE"]) {
        let (mechanism, first) = argument(rest);
        o.begin_sasl(mechanism, b"", LOGIN, line, facts);
        let first = first.trim_ascii_start();
        if !first.is_empty() {
            respond(o, first, line, facts);
        }
    } else if let Some(octets @ 1..) = literal(line.bytes) {
        let is_script = is_one_of(verb, &["PUTSCRIPT", "CHECKSCRIPT"]);
        o.mode.client = Mode::Octets(octets, is_script.then_some(SCRIPT));
    }
}

/// A response in a login: base64 in quotes, or a literal of it (RFC 5804 §2.1).
fn respond(o: &mut Overheard, text: &[u8], line: &Window<'_>, facts: &mut Facts) {
    let Some(octets) = literal(text) else {
        return o.respond(argument(text).0, LOGIN, line, facts);
    };
    let thing = match o.sasl {
        Some(Sasl::Plain | Sasl::LoginPassword | Sasl::Token) => Some((Exposed::Credentials, LOGIN.secret)),
        Some(Sasl::LoginName | Sasl::Challenge) => Some((Exposed::Identifiers, LOGIN.name)),
        Some(Sasl::Other) | None => None,
    };
    o.sasl = match o.sasl {
        Some(Sasl::LoginName) => Some(Sasl::LoginPassword),
        Some(Sasl::Challenge) => Some(Sasl::Other),
        _ => None,
    };
    if octets > 0 {
        o.mode.client = Mode::Octets(octets, thing);
    }
}
