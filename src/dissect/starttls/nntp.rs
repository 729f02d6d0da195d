//! NNTP (RFC 3977) and its STARTTLS (RFC 4642).

use super::super::lines::{contains_ignoring_case, is_one_of, word};
use super::dialogue::{Act, Agreement, Language, Said, reply};
use super::overheard::{Login, Mode, Overheard, Thing};
use crate::base::{Dir, Exposed, Facts, Window};

pub(super) const LANGUAGE: Language = Language { name: "nntp", client, server, agreement: Agreement::Unmistakable, overhear };

const ARTICLE: Thing = (Exposed::Content, "news article");
const LOGIN: Login = Login { name: "NNTP user name", secret: "NNTP password" };
/// The client asked for the articles of a group one by one: [`Overheard::step`].
const LISTS_GROUP: u8 = 1;

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

fn overhear(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) -> bool {
    match line.dir {
        Dir::Client if o.sasl.is_some() => {
            o.respond(line.bytes, LOGIN, line, facts);
            return true;
        }
        Dir::Client => client_said(o, line, facts),
        Dir::Server => server_said(o, line),
    }
    false
}

fn client_said(o: &mut Overheard, line: &Window<'_>, facts: &mut Facts) {
    let (verb, rest) = word(line.bytes);
    o.step = u8::from(verb.eq_ignore_ascii_case(b"LISTGROUP")) * LISTS_GROUP;
    if verb.eq_ignore_ascii_case(b"AUTHINFO") {
        let (what, value) = word(rest);
        let (mechanism, first) = word(value);
        match what {
            _ if is_one_of(what, &["USER"]) => facts.readable(Exposed::Identifiers, LOGIN.name, value, line.all()),
            _ if is_one_of(what, &["PASS"]) => facts.readable(Exposed::Credentials, LOGIN.secret, value, line.all()),
            _ if is_one_of(what, &["SASL"]) => o.begin_sasl(mechanism, first, LOGIN, line, facts),
            _ => {}
        }
    } else if verb.eq_ignore_ascii_case(b"TAKETHIS") || !o.spoke.server && is_one_of(verb, &["POST", "IHAVE"]) {
        // RFC 4644 §2.5: the article follows at once.
        o.mode.client = Mode::Text(Some(ARTICLE));
    }
}

fn server_said(o: &mut Overheard, line: &Window<'_>) {
    let Some((code, false, _)) = reply(line.bytes) else { return };
    match code {
        // RFC 3977 §6.3.1, §6.3.2: send it.
        340 | 335 => o.mode.client = Mode::Text(Some(ARTICLE)),
        // Article, headers, body, overview, header fields.
        220..=222 | 224 | 225 => o.mode.server = Mode::Text(Some(ARTICLE)),
        // Help, capabilities, lists of groups and numbers.
        100 | 101 | 215 | 230 | 231 => o.mode.server = Mode::Text(None),
        211 if o.step == LISTS_GROUP => o.mode.server = Mode::Text(None),
        _ => {}
    }
    if code != 383 {
        o.sasl = None;
    }
}
