//! NNTP (RFC 3977) and its STARTTLS (RFC 4642).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said, reply};

pub(super) const LANGUAGE: Language = Language { name: "nntp", client, server, agreement: Agreement::Unmistakable };

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"STARTTLS") && rest.is_empty() {
        return Said::likely(Act::Ask(b""));
    }
    if verb.eq_ignore_ascii_case(b"MODE") && is_one_of(rest, &["READER", "STREAM"]) || verb.eq_ignore_ascii_case(b"AUTHINFO") {
        return Said::surely(Act::Line);
    }
    if verb.eq_ignore_ascii_case(b"CAPABILITIES") {
        return Said::likely(Act::Line);
    }
    if is_one_of(verb, &["ARTICLE", "BODY", "HEAD", "POST", "IHAVE", "TAKETHIS", "OVER", "XOVER"]) {
        return Said::fits(Act::Past);
    }
    if is_one_of(verb, &["GROUP", "LISTGROUP", "NEWNEWS", "LIST", "DATE", "HELP", "QUIT"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    let (code, more, text) = reply(line)?;
    let says_news = [&b"NNTP"[..], b"NNRP", b"InterNetNews", b"posting"].iter().any(|name| contains_ignoring_case(text, name));
    match code {
        _ if more => None,
        200 | 201 if says_news => Said::surely(Act::Reply),
        200 | 201 => Said::fits(Act::Reply),
        382 => Said::likely(Act::Agree(b"")),
        400..600 => Said::fits(Act::Refuse(b"")),
        100..400 => Said::fits(Act::Reply),
        _ => None,
    }
}
