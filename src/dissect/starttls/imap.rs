//! IMAP (RFC 9051, RFC 3501) and its STARTTLS (RFC 9051 §6.2.1).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};

pub(super) const LANGUAGE: Language = Language { name: "imap", client, server, agreement: Agreement::Unmistakable };

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
