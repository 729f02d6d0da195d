//! Recognises how an application frames its bytes, by the first of them, and follows it.

use crate::base::{Dir, Sides, Stitched, Window};

use super::chain::Chain;
use super::eye::Eye;
use super::http1::{self, Http1};
use super::http2::{self, Http2};
use super::kind;
use super::mqtt::{self, Mqtt};
use super::turns::Turns;
use super::xmpp::Xmpp;

/// How much of a direction is held before it is taken as it is.
const MOST_UNDECIDED: usize = 16 * 1024;
/// A first line of text longer than this tells nothing more.
const LONGEST_FIRST_LINE: usize = 512;
/// Tunnels inside tunnels.
const DEEPEST: u8 = 4;

/// Both directions of an application's stream.
#[derive(Debug, Default)]
pub(super) struct Root {
    framing: Framing,
    held: Sides<Stitched>,
    /// The protocol, where something else knows it.
    hint: Option<&'static str>,
    depth: u8,
    is_broken: bool,
}

#[derive(Debug, Default)]
enum Framing {
    #[default]
    Undecided,
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    Mqtt(Mqtt),
    Xmpp(Xmpp),
    Turns(Turns),
}

impl Root {
    /// A stream of which nothing is known but perhaps its protocol.
    pub(super) fn new(hint: Option<&'static str>) -> Root {
        Root { hint, ..Root::default() }
    }

    /// A stream in a tunnel in so many others.
    pub(super) fn inside(depth: u8) -> Root {
        Root { depth: depth.saturating_add(1), ..Root::default() }
    }

    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if !matches!(self.framing, Framing::Undecided) {
            self.follow(up, window, eye);
            return;
        }
        self.held.of_mut(window.dir).push(window);
        let decided = self.held.of(window.dir).window(window.dir).and_then(|held| self.decide(held.dir, held.bytes));
        if let Some(framing) = decided {
            self.begin(framing, up, window.dir, eye);
        }
    }

    /// Follows a framing from the beginning of what was held, the side that decided first.
    fn begin(&mut self, framing: Framing, up: &Chain<'_>, first: Dir, eye: &mut Eye) {
        if let Some(name) = framing.name(self.hint) {
            eye.found.framing(name);
        }
        self.framing = framing;
        let held = std::mem::take(&mut self.held);
        // Requests before responses: a response is read by what was asked.
        let order = if matches!(self.framing, Framing::Turns(_)) { [first.other(), first] } else { [Dir::Client, Dir::Server] };
        for dir in order {
            if let Some(window) = held.of(dir).window(dir) {
                self.follow(up, &window, eye);
            }
        }
    }

    /// The framing of a stream whose one side begins with `bytes`; `None` while they are too few.
    fn decide(&self, dir: Dir, bytes: &[u8]) -> Option<Framing> {
        let turns = |hint: Option<&'static str>| Some(Framing::Turns(Turns::new(hint.and_then(text_name).or_else(|| guess(dir, bytes)))));
        if self.depth > DEEPEST || bytes.len() > MOST_UNDECIDED || self.is_broken {
            return turns(self.hint);
        }
        let preface = bytes.get(..http2::PREFACE.len().min(bytes.len()))?;
        if dir == Dir::Client && http2::PREFACE.starts_with(preface) {
            return if preface.len() < http2::PREFACE.len() { None } else { Some(Framing::Http2(Box::default())) };
        }
        let mut waits = false;
        for (says, framing) in [
            (http1::begins(bytes), 0),
            (if dir == Dir::Server { http2::is_settings(bytes) } else { Some(false) }, 1),
            (mqtt::is_connect(bytes), 2),
        ] {
            match (says, framing) {
                (Some(true), 0) => return Some(Framing::Http1(Box::new(Http1::new(self.depth)))),
                (Some(true), 1) => return Some(Framing::Http2(Box::default())),
                (Some(true), _) => return Some(Framing::Mqtt(Mqtt::default())),
                (None, _) => waits = true,
                (Some(false), _) => {}
            }
        }
        let text = bytes.trim_ascii_start();
        if text.is_empty() || waits {
            return None;
        }
        let xml: [&[u8]; 4] = [b"<?xml", b"<stream:stream", b"<open", b"<flash:stream"];
        if xml.iter().any(|start| text.starts_with(start)) || self.hint == Some("xmpp") && text.first() == Some(&b'<') {
            return Some(Framing::Xmpp(Xmpp::default()));
        }
        // The first line tells what a dialogue is.
        let is_half = kind::is_text(bytes) && bytes.len() < LONGEST_FIRST_LINE && !bytes.contains(&b'\n');
        if is_half || xml.iter().any(|start| start.starts_with(text)) {
            return None;
        }
        turns(self.hint)
    }

    fn follow(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        match &mut self.framing {
            Framing::Undecided => {}
            Framing::Http1(http) => http.push(up, window, eye),
            Framing::Http2(http) => http.push(up, window, eye),
            Framing::Mqtt(mqtt) => mqtt.push(up, window, eye),
            Framing::Xmpp(xmpp) => xmpp.push(up, window, eye),
            Framing::Turns(turns) => turns.push(up, window, eye),
        }
    }

    /// The protocol, in the word that a hint uses.
    pub(super) fn protocol(&self) -> Option<&'static str> {
        match &self.framing {
            Framing::Xmpp(_) => Some("xmpp"),
            Framing::Turns(turns) => turns.name().and_then(|name| WORDS.iter().find(|(_, known)| *known == name)).map(|(word, _)| *word),
            _ => self.hint,
        }
    }

    /// Octets of one direction are missing: how many, where that is known.
    pub(super) fn gap(&mut self, dir: Dir, missing: Option<u64>) {
        match &mut self.framing {
            // What was held and what comes are no longer one beginning.
            Framing::Undecided => self.is_broken = true,
            Framing::Turns(_) => {}
            Framing::Http1(http) => http.gap(dir, missing),
            Framing::Http2(http) => http.gap(dir),
            Framing::Mqtt(mqtt) => mqtt.gap(dir),
            Framing::Xmpp(xmpp) => xmpp.gap(dir),
        }
    }

    /// The stream is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        if matches!(self.framing, Framing::Undecided) {
            let first = if self.held.client.is_empty() { Dir::Server } else { Dir::Client };
            let framing = match self.held.of(first).window(first) {
                Some(held) => Framing::Turns(Turns::new(self.hint.and_then(text_name).or_else(|| guess(first, held.bytes)))),
                None => return,
            };
            self.begin(framing, up, first, eye);
        }
        match &mut self.framing {
            Framing::Undecided => {}
            Framing::Http1(http) => http.close(up, eye),
            Framing::Http2(http) => http.close(up, eye),
            Framing::Mqtt(mqtt) => mqtt.close(up, eye),
            Framing::Xmpp(xmpp) => xmpp.close(up, eye),
            Framing::Turns(turns) => turns.close(up, eye),
        }
    }
}

impl Framing {
    fn name(&self, hint: Option<&'static str>) -> Option<&'static str> {
        match self {
            Framing::Undecided => None,
            Framing::Http1(_) => Some("HTTP/1"),
            Framing::Http2(_) => Some("HTTP/2"),
            Framing::Mqtt(_) => Some("MQTT"),
            Framing::Xmpp(_) => Some("XMPP"),
            Framing::Turns(turns) => turns.name().or_else(|| hint.and_then(text_name)),
        }
    }
}

/// Text protocols: the word that facts use, and the name for people.
const WORDS: [(&str, &str); 13] = [
    ("smtp", "SMTP"),
    ("imap", "IMAP"),
    ("pop3", "POP3"),
    ("irc", "IRC"),
    ("nntp", "NNTP"),
    ("ftp", "FTP"),
    ("sieve", "ManageSieve"),
    ("sip", "SIP"),
    ("redis", "Redis"),
    ("ldap", "LDAP"),
    ("postgres", "PostgreSQL"),
    ("mysql", "MySQL"),
    ("dns", "DNS"),
];

fn text_name(hint: &str) -> Option<&'static str> {
    WORDS.iter().find(|(word, _)| *word == hint).map(|(_, name)| *name)
}

/// What a dialogue is by its first line; `text` when it is at least text.
fn guess(dir: Dir, bytes: &[u8]) -> Option<&'static str> {
    if !kind::is_text(bytes) {
        return None;
    }
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let starts = |word: &[u8]| line.len() >= word.len() && line.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let has = |part: &[u8]| memchr::memmem::find(&line.to_ascii_lowercase(), part).is_some();
    Some(match dir {
        Dir::Server if starts(b"* OK") || starts(b"* PREAUTH") => "IMAP",
        Dir::Server if starts(b"+OK") => "POP3",
        Dir::Server if starts(b"220") && has(b"smtp") => "SMTP",
        Dir::Server if starts(b"220") && has(b"ftp") => "FTP",
        Dir::Server if (starts(b"200 ") || starts(b"201 ")) && (has(b"nntp") || has(b"nnrp") || has(b"news")) => "NNTP",
        Dir::Server if starts(b"\"IMPLEMENTATION\"") => "ManageSieve",
        Dir::Server if starts(b":") && has(b" notice ") => "IRC",
        Dir::Client if starts(b"EHLO ") || starts(b"HELO ") || starts(b"LHLO ") => "SMTP",
        Dir::Client if starts(b"NICK ") || starts(b"USER ") && has(b" :") || starts(b"CAP LS") || starts(b"PASS ") => "IRC",
        _ => "text",
    })
}
