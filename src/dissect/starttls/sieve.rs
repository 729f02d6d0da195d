//! `ManageSieve` (RFC 5804) and its STARTTLS (§2.2).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};

pub(super) const LANGUAGE: Language = Language { name: "sieve", client, server, agreement: Agreement::Counted };

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
