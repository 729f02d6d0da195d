//! IMAP (RFC 9051, RFC 3501) and its STARTTLS (RFC 9051 §6.2.1).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};
use super::overheard::{Login, Mode, Overheard, Thing, argument, literal};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "imap", client, server, agreement: Agreement::Unmistakable, overhear };

const MESSAGE: Thing = (Exposed::Content, "mail message");
const LOGIN: Login = Login { name: "IMAP user name", secret: "IMAP password" };

/// Where a client stands in a command of several lines: [`Overheard::step`].
const NOTHING: u8 = 0;
const NAME: u8 = 1;
const PASSWORD: u8 = 2;
/// Inside a FETCH response of the server.
const FETCHED: u8 = 4;

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (tag, rest) = word(line);
    if !is_tag(tag) {
        return None;
    }
    let (command, arguments) = word(rest);
    if command.eq_ignore_ascii_case(b"STARTTLS") && arguments.is_empty() {
        return Said::surely(Act::Ask(tag));
    }
    if is_one_of(command, &["SELECT", "EXAMINE", "APPEND", "FETCH", "UID", "IDLE", "STATUS"]) {
        // Only in the authenticated state, in which STARTTLS is not allowed any more.
        return Said::likely(Act::Past);
    }
    if is_one_of(command, &["CAPABILITY", "LOGIN", "AUTHENTICATE"]) {
        return Said::surely(Act::Line);
    }
    if is_one_of(command, &["NOOP", "LOGOUT", "ID", "ENABLE", "NAMESPACE", "LIST", "LSUB"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (tag, rest) = word(line);
    let (condition, _) = word(rest);
    match tag {
        b"*" if is_one_of(condition, &["OK", "PREAUTH", "BYE"]) => Said::surely(Act::Reply),
        b"*" if is_one_of(condition, &["CAPABILITY"]) => Said::surely(Act::Line),
        b"*" | b"+" => Said::fits(Act::Line),
        tag if !is_tag(tag) => None,
        tag if is_one_of(condition, &["OK"]) => Said::fits(Act::Agree(tag)),
        tag if is_one_of(condition, &["NO", "BAD"]) => Said::fits(Act::Refuse(tag)),
        _ => None,
    }
}

/// RFC 9051 §9: a tag is letters, digits and most signs, but not the sign of an untagged or continued line.
fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.len() <= 32 && tag.iter().all(|b| b.is_ascii_graphic() && !b"+*(){%\"\\:".contains(b))
}

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    match line.dir {
        Dir::Client if o.sasl.is_some() => {
            o.respond(line.bytes, LOGIN, line, facts);
            true
        }
        Dir::Client if o.step & (NAME | PASSWORD) != NOTHING => {
            log_in(o, line.bytes, line, facts);
            true
        }
        Dir::Client => {
            client_said(o, line, facts);
            false
        }
        Dir::Server => {
            server_said(o, line, facts);
            false
        }
    }
}

fn client_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (_tag, rest) = word(line.bytes);
    let (command, arguments) = word(rest);
    if is_one_of(command, &["AUTHENTICATE"]) {
        let (mechanism, first) = word(arguments);
        o.begin_sasl(mechanism, first, LOGIN, line, facts);
    } else if is_one_of(command, &["LOGIN"]) {
        o.step |= NAME;
        log_in(o, arguments, line, facts);
    } else if is_one_of(command, &["COMPRESS"]) {
        // RFC 4978: what follows the server's agreement is compressed, which protects nothing.
        o.awaited.push_back(Some(Mode::Octets(u64::MAX, Some((Exposed::Content, "compressed mail session")))));
    } else if let Some(octets) = literal(line.bytes) {
        let is_message = is_one_of(command, &["APPEND", "REPLACE"]) || contains_ignoring_case(rest, b"SEARCH");
        o.mode.client = octets_of(octets, is_message.then_some(MESSAGE));
    }
}

/// The arguments of LOGIN: the name, then the password, each an atom, quoted, or a literal whose octets come behind the line.
fn log_in(o: &mut Overheard, arguments: &[u8], line: &Window<'_>, facts: &mut Facts) {
    let mut rest = arguments;
    while o.step & (NAME | PASSWORD) != NOTHING {
        let thing = if o.step & NAME == NAME { (Exposed::Identifiers, LOGIN.name) } else { (Exposed::Credentials, LOGIN.secret) };
        let next = if o.step & NAME == NAME { PASSWORD } else { NOTHING };
        let (value, behind) = argument(rest);
        if value.is_empty() && behind.is_empty() {
            // A line after a literal that was the last argument; or one that broke off.
            o.step &= !(NAME | PASSWORD);
            return;
        }
        o.step = o.step & !(NAME | PASSWORD) | next;
        if let Some(octets) = literal(value) {
            o.mode.client = octets_of(octets, Some(thing));
            return;
        }
        facts.readable(thing.0, thing.1, value, line.all());
        rest = behind;
    }
}

fn server_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (tag, rest) = word(line.bytes);
    match tag {
        b"*" => {
            let (_number, what) = word(rest);
            let fetched = is_one_of(word(what).0, &["FETCH"]);
            o.step = o.step & !FETCHED | if fetched { FETCHED } else { NOTHING };
        }
        b"+" => {}
        tag if is_tag(tag) && is_one_of(word(rest).0, &["OK", "NO", "BAD"]) => {
            o.sasl = None;
            o.step = NOTHING;
            if let Some(Some(mode)) = o.awaited.pop_front()
                && is_one_of(word(rest).0, &["OK"])
            {
                o.mode.client = mode;
                o.mode.server = mode;
            }
        }
        // A response goes on behind a literal.
        _ => {}
    }
    let fetched = o.step & FETCHED != NOTHING;
    if let Some(octets) = literal(line.bytes) {
        o.mode.server = octets_of(octets, fetched.then_some(MESSAGE));
    } else if fetched && contains_ignoring_case(line.bytes, b"ENVELOPE (") {
        facts.readable(MESSAGE.0, MESSAGE.1, line.bytes, line.all());
    }
}

/// A literal of no octets is none: what follows is a line again.
fn octets_of(octets: u64, thing: Option<Thing>) -> Mode {
    if octets == 0 { Mode::Lines } else { Mode::Octets(octets, thing) }
}
