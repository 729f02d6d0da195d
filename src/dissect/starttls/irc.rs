//! IRC (RFC 1459, RFC 2812) and its STARTTLS (the deprecated `tls` extension of IRCv3).

use super::super::lines::{is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said};
use super::overheard::{Login, Overheard};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "irc", client, server, agreement: Agreement::Unmistakable, overhear };

const LOGIN: Login = Login { name: "IRC account", secret: "IRC password" };
/// What people say to the services that keep nicknames and channels, and that has a password behind it.
const TO_SERVICES: [&str; 7] = ["IDENTIFY", "ID", "AUTH", "LOGIN", "REGISTER", "GHOST", "RECOVER"];

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

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    // Tags and prefix (IRCv3 message tags, RFC 2812 §2.3.1).
    let rest = if line.bytes.starts_with(b"@") { word(line.bytes).1 } else { line.bytes };
    let (prefix, rest) = if rest.starts_with(b":") { word(rest) } else { (&[][..], rest) };
    let (command, arguments) = word(rest);
    let (target, text) = word(arguments);
    let text = text.strip_prefix(b":").unwrap_or(text);
    let from_client = line.dir == Dir::Client;
    let mut state = |kind, what, text: &[u8]| {
        if !text.is_empty() {
            facts.readable(kind, what, text, line.all());
        }
    };
    // A server speaks without a user's name in the prefix.
    let from_person = from_client || prefix.contains(&b'!');
    match command {
        _ if is_one_of(command, &["PRIVMSG", "NOTICE"]) && from_person => {
            let (first, more) = word(text);
            let to_service = from_client && is_one_of(first, &TO_SERVICES) && is_service(target) && !more.is_empty();
            if to_service { state(Exposed::Credentials, LOGIN.secret, more) } else { state(Exposed::Content, "IRC message", text) }
        }
        _ if is_one_of(command, &["TOPIC", "KICK", "332"]) => state(Exposed::Content, "IRC message", text),
        _ if is_one_of(command, &["JOIN", "353", "352", "311"]) => state(Exposed::Identifiers, "IRC names and channels", arguments),
        // The login succeeded, failed or was called off (IRCv3 SASL).
        _ if is_one_of(command, &["900", "902", "903", "904", "905", "906", "907"]) => o.sasl = None,
        _ if !from_client => {}
        _ if is_one_of(command, &["NICK", "USER"]) => state(Exposed::Identifiers, "IRC user name", arguments),
        _ if is_one_of(command, &["PASS"]) => state(Exposed::Credentials, LOGIN.secret, arguments),
        _ if is_one_of(command, &["OPER"]) => state(Exposed::Credentials, LOGIN.secret, text),
        _ if is_one_of(command, &["NICKSERV", "NS", "IDENTIFY"]) => state(Exposed::Credentials, LOGIN.secret, text),
        _ if is_one_of(command, &["AUTHENTICATE"]) => match o.sasl {
            None => o.begin_sasl(arguments, b"", LOGIN, line, facts),
            Some(_) => o.respond(arguments, LOGIN, line, facts),
        },
        _ => {}
    }
    false
}

/// `NickServ`, `Q@CServe.example`, `AuthServ`.
fn is_service(target: &[u8]) -> bool {
    let name = target.split(|&b| b == b'@').next().unwrap_or_default();
    name.len() > 4 && name.get(name.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(b"serv")) || is_one_of(name, &["Q", "X"])
}
