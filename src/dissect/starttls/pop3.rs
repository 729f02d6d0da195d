//! POP3 (RFC 1939) and its STLS (RFC 2595 §4).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};

pub(super) const LANGUAGE: Language = Language { name: "pop3", client, server, agreement: Agreement::Counted };

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
