//! SMTP (RFC 5321) and its STARTTLS (RFC 3207).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said, reply};

pub(super) const LANGUAGE: Language = Language { name: "smtp", client, server, agreement: Agreement::LikeTheGreeting };

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
        // What follows is a message, whose lines are no commands.
        return Said::fits(Act::Past);
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
        354 => Said::fits(Act::Past),
        _ if more => Said::fits(Act::Line),
        400..600 => Said::fits(Act::Refuse(b"")),
        211 | 214 | 221 | 235 | 250..=252 | 334 => Said::fits(Act::Reply),
        _ => None,
    }
}
