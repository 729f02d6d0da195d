//! XMPP (RFC 6120) and its STARTTLS (§5).

mod stanza;

use self::stanza::Stanza;
use super::super::clear::Passing;
use super::super::lines::contains_ignoring_case;
use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Exposed, Facts, Sides, What, Window};

/// A tag longer than this is passed over unread.
const LONGEST_TAG: usize = 8 * 1024;
/// The stream header ends before this, or it is something else.
const LONGEST_HEADER: usize = 2 * 1024;

const STREAMS: &[u8] = b"http://etherx.jabber.org/streams";
const TLS: &[u8] = b"urn:ietf:params:xml:ns:xmpp-tls";

/// An XMPP stream, between client and server or between servers.
#[derive(Debug, Default)]
pub struct Xmpp {
    named: bool,
    /// Inside a tag that is too long.
    skipping: Sides<bool>,
    upgrade: Upgrade,
    /// Stanzas went by in clear: RFC 6120 §5.3.1 has STARTTLS before them.
    past: bool,
    stanza: Sides<Stanza>,
    /// Everything is compressed from here on (XEP-0138), which protects nothing.
    compressed: bool,
    passing: Sides<Passing>,
}

/// What compressed octets are called.
const COMPRESSED: &str = "compressed XMPP stream";

impl Protocol for Xmpp {
    fn probe(window: &Window<'_>) -> Probe {
        match stream_header(window.bytes) {
            Some(true) => Probe::Yes,
            None if window.bytes.len() <= LONGEST_HEADER => Probe::More,
            _ => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        // RFC 6120 §4.7.3: the receiving entity gives the stream its id.
        Some(if contains_ignoring_case(window.bytes.get(..LONGEST_HEADER).unwrap_or(window.bytes), b" id=") {
            Dir::Server
        } else {
            Dir::Client
        })
    }
}

/// Whether `bytes` start with a stream header, after an XML declaration or not; `None` while they are too few to tell.
fn stream_header(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes.trim_ascii_start();
    if rest.starts_with(b"<?xml ") {
        rest = rest.get(memchr::memchr(b'>', rest)?.saturating_add(1)..).unwrap_or_default().trim_ascii_start();
    }
    let known = [&b"<?xml "[..], b"<stream:stream "].iter().any(|open| open.starts_with(rest.get(..open.len()).unwrap_or(rest)));
    if !known {
        return Some(false);
    }
    let header = rest.get(..memchr::memchr(b'>', rest)?).unwrap_or_default();
    Some(contains_ignoring_case(header, STREAMS))
}

impl Payload for Xmpp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.upgrade.is_over() && taken < window.bytes.len() {
            let rest = window.from(taken);
            if self.compressed {
                self.passing.of_mut(rest.dir).piece(Exposed::Content, COMPRESSED, &rest, facts);
                return window.bytes.len();
            }
            match tls_at_front(rest.bytes) {
                Some(true) => {
                    self.upgrade.infer(self.named.then_some("xmpp"), &rest, facts);
                    break;
                }
                None => break,
                Some(false) => {}
            }
            let Some(n) = self.token(&rest, facts) else { break };
            taken = taken.saturating_add(n);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, _missing: u64, _facts: &mut Facts) {
        *self.skipping.of_mut(dir) = false;
        *self.stanza.of_mut(dir) = Stanza::default();
    }

    fn close(&mut self, facts: &mut Facts) {
        for (dir, stanza) in [(Dir::Client, &mut self.stanza.client), (Dir::Server, &mut self.stanza.server)] {
            stanza.end(dir, facts);
        }
        if self.compressed {
            self.passing.client.end(Exposed::Content, COMPRESSED, facts);
            self.passing.server.end(Exposed::Content, COMPRESSED, facts);
        }
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Xmpp {
    /// Reads a tag, or the text before one. Returns how many octets it took; `None` when the tag is not complete.
    fn token(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let skipping = self.skipping.of_mut(rest.dir);
        if !*skipping && rest.bytes.first() != Some(&b'<') {
            // Control characters are not XML: TLS may start there.
            let text = rest.bytes.iter().skip(1).position(|&b| b == b'<' || (0x14..=0x17).contains(&b));
            let n = text.map_or(rest.bytes.len(), |n| n.saturating_add(1));
            self.stanza.of_mut(rest.dir).text(&rest.slice(0..n)?);
            return Some(n);
        }
        let Some(end) = memchr::memchr(b'>', rest.bytes) else {
            *skipping |= rest.bytes.len() > LONGEST_TAG;
            return skipping.then_some(rest.bytes.len());
        };
        let mut end = end.saturating_add(1);
        if std::mem::take(skipping) || end > LONGEST_TAG {
            return Some(end);
        }
        let tag = rest.bytes.get(..end).unwrap_or_default();
        if local_name(tag) == b"proceed" && !tag.ends_with(b"/>") {
            let close = rest.bytes.get(end..).unwrap_or_default();
            match memchr::memchr(b'>', close) {
                Some(n) => end = end.saturating_add(n).saturating_add(1),
                None => return (close.len() > LONGEST_TAG).then_some(rest.bytes.len()),
            }
        }
        self.tag(tag, &rest.slice(0..end)?, facts);
        Some(end)
    }

    fn tag(&mut self, tag: &[u8], window: &Window<'_>, facts: &mut Facts) {
        let about_tls = contains_ignoring_case(tag, TLS);
        match (local_name(tag), window.dir) {
            (b"stream", _) if !self.named && contains_ignoring_case(tag, STREAMS) => {
                facts.observe(What::Protocol("xmpp"), window.all());
                self.named = true;
            }
            (b"starttls", Dir::Client) if about_tls && !self.past => self.upgrade.ask(window, facts),
            (b"proceed", Dir::Server) if about_tls && !self.past => self.upgrade.agree("xmpp", window, facts),
            (b"failure", Dir::Server) if about_tls => self.upgrade.refuse("xmpp", window, facts),
            (b"compressed", Dir::Server) => self.compressed = true,
            (b"iq" | b"message" | b"presence", _) => self.past = true,
            _ => {}
        }
        self.stanza.of_mut(window.dir).tag(tag, window, facts);
    }
}

/// The name of a tag without prefix; empty for a closing tag.
fn local_name(tag: &[u8]) -> &[u8] {
    let inner = tag.strip_prefix(b"<").unwrap_or_default();
    let end = inner.iter().position(|b| b" \t\r\n/>".contains(b)).unwrap_or(inner.len());
    let name = inner.get(..end).unwrap_or_default();
    name.rsplit(|&b| b == b':').next().unwrap_or_default()
}
