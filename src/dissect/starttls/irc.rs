//! IRC (RFC 1459, RFC 2812) and its STARTTLS (the deprecated `tls` extension of IRCv3).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};

pub(super) const LANGUAGE: Language = Language { name: "irc", client, server, agreement: Agreement::Unmistakable };

fn client(line: &[u8]) -> Option<Said<'_>> {
    let (verb, rest) = word(line);
    if verb.eq_ignore_ascii_case(b"STARTTLS") && rest.is_empty() {
        return Said::likely(Act::Ask(b""));
    }
    if verb.eq_ignore_ascii_case(b"CAP") && is_one_of(word(rest).0, &["LS", "REQ", "END", "LIST"]) {
        return Said::surely(Act::Line);
    }
    // RFC 2812 §3.1.3: user, mode, unused, real name.
    if verb.eq_ignore_ascii_case(b"USER") && rest.split(|&b| b == b' ').count() >= 4 {
        return Said::surely(Act::Line);
    }
    if verb.eq_ignore_ascii_case(b"NICK") && is_nick(rest.strip_prefix(b":").unwrap_or(rest)) {
        return Said::surely(Act::Line);
    }
    if is_one_of(verb, &["JOIN", "PRIVMSG"]) {
        return Said::fits(Act::Past);
    }
    if is_one_of(verb, &["PASS", "PING", "PONG", "MODE", "QUIT", "AUTHENTICATE", "NOTICE", "WHO", "WHOIS", "PROTOCTL"]) {
        return Said::fits(Act::Line);
    }
    None
}

fn server(line: &[u8]) -> Option<Said<'_>> {
    // An IRCv3 message may start with tags.
    let line = if line.starts_with(b"@") { word(line).1 } else { line };
    let (first, rest) = word(line);
    if let Some(prefix) = first.strip_prefix(b":") {
        let (command, _) = word(rest);
        return match command {
            _ if prefix.is_empty() => None,
            b"670" => Said::surely(Act::Agree(b"")),
            b"691" => Said::surely(Act::Refuse(b"")),
            // ERR_UNKNOWNCOMMAND: a server that does not know STARTTLS.
            b"421" if rest.windows(9).any(|w| w.eq_ignore_ascii_case(b" STARTTLS")) => Said::likely(Act::Refuse(b"")),
            // 001 to 005 and the message of the day: the client is registered, TLS cannot begin any more.
            b"001" | b"376" => Said::surely(Act::Past),
            b"NOTICE" | b"CAP" => Said::surely(Act::Line),
            [a, b, c] if [a, b, c].into_iter().all(u8::is_ascii_digit) => Said::likely(Act::Line),
            _ => Said::fits(Act::Line),
        };
    }
    if first.eq_ignore_ascii_case(b"NOTICE") && rest.starts_with(b"AUTH ") {
        return Said::surely(Act::Line);
    }
    if first.eq_ignore_ascii_case(b"ERROR") && rest.starts_with(b":") {
        return Said::likely(Act::Line);
    }
    if first.eq_ignore_ascii_case(b"PING") { Said::fits(Act::Line) } else { None }
}

fn is_nick(nick: &[u8]) -> bool {
    !nick.is_empty() && nick.len() <= 64 && nick.iter().all(|b| b.is_ascii_alphanumeric() || b"[]\\`_^{|}-".contains(b) || *b >= 0x80)
}
