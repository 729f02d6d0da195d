//! XMPP (RFC 6120 §4) and other endless XML: stanza by stanza, also where the stream goes on compressed (XEP-0138).

use crate::base::{Dir, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::unpack::{Format, State, Unpack};

/// A stanza longer than this is not waited for.
const MOST_WHOLE: usize = 512 * 1024;
/// What one piece of a compressed stream may become beside that.
const MOST_HELD: usize = 4 << 20;

/// Both directions of a stream of XML.
#[derive(Debug, Default)]
pub(super) struct Xmpp {
    sides: Sides<Side>,
    /// The client asked for a method of compression that is not zlib.
    is_other_method: bool,
    /// And the server agreed: what comes is not read.
    is_unread: bool,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    scan: Scan,
    count: u32,
    is_lost: bool,
    /// The stream is compressed from here on.
    zlib: Option<Box<Unpack>>,
}

/// Where in the markup the scan stands.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    /// Octets of what is held that were scanned.
    at: usize,
    depth: u32,
    tag: Option<Tag>,
    quote: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Tag {
    /// Where its name begins.
    name: usize,
    first: u8,
    last: u8,
}

impl Xmpp {
    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if self.is_unread {
            eye.cut(Cut::Method, window);
            eye.piece(up, window);
            return;
        }
        let side = self.sides.of_mut(window.dir);
        match &mut side.zlib {
            None => side.held.push(window),
            Some(zlib) => {
                let held = &mut side.held;
                let state = zlib.push(window.bytes, &mut |piece| {
                    held.push_derived(piece, window);
                    held.len() <= MOST_HELD
                });
                match state {
                    State::Open => {}
                    State::Bomb => eye.cut(Cut::Bomb, window),
                    State::Damaged | State::Ended(_) => eye.cut(Cut::Compression, window),
                }
            }
        }
        let compressed = side.zlib.is_some().then(|| up.then(Layer::Undone(Format::Zlib.name())));
        let up = compressed.as_ref().unwrap_or(up);
        let side = self.sides.of_mut(window.dir);
        let rest = loop {
            let Some(held) = side.held.window(window.dir) else { return };
            let end = if side.is_lost { Some(held.bytes.len()) } else { side.scan.next_end(held.bytes) };
            let Some(end) = end else {
                if held.bytes.len() > MOST_WHOLE {
                    eye.cut(Cut::Framing, &held);
                    side.is_lost = true;
                    continue;
                }
                return;
            };
            let Some(stanza) = held.slice(0..end) else { return };
            if !stanza.bytes.trim_ascii().is_empty() {
                side.count = side.count.saturating_add(1);
                eye.piece(&up.then(Layer::Message("XMPP", side.count)), &stanza);
            }
            if window.dir == Dir::Client
                && let Some(method) = method(stanza.bytes)
            {
                self.is_other_method = !method.eq_ignore_ascii_case(b"zlib");
            }
            // What the server sends behind this is compressed, and what the client sends once it has it (XEP-0138 §3).
            let begins = window.dir == Dir::Server && side.zlib.is_none() && is_compressed(stanza.bytes);
            let rest = begins.then(|| held.slice(end..held.bytes.len()).map(|rest| kept(&rest))).flatten();
            side.held.consume(end);
            side.scan.at = 0;
            if begins {
                side.held.clear();
                break rest.unwrap_or_default();
            }
        };
        self.is_unread = self.is_other_method;
        for dir in [Dir::Client, Dir::Server] {
            let side = self.sides.of_mut(dir);
            if self.is_unread {
                side.held.clear();
                continue;
            }
            side.zlib = Some(Box::new(Unpack::new(Format::Zlib)));
            side.scan = Scan::default();
        }
        if let Some(rest) = rest.window(window.dir) {
            self.push(up, &rest, eye);
        }
    }

    /// Octets are missing: what is open is no longer known. A compressed stream is lost from here on, which the gap itself tells.
    pub(super) fn gap(&mut self, dir: Dir) {
        self.sides.of_mut(dir).is_lost = true;
    }

    /// The connection is over, or something else begins.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            let side = self.sides.of_mut(dir);
            let compressed = side.zlib.is_some().then(|| up.then(Layer::Undone(Format::Zlib.name())));
            let up = compressed.as_ref().unwrap_or(up);
            if let Some(held) = side.held.window(dir).filter(|held| !held.bytes.trim_ascii().is_empty()) {
                eye.cut(Cut::Unfinished, &held);
                eye.piece(&up.then(Layer::Message("XMPP", side.count.saturating_add(1))), &held);
            }
            side.held.clear();
        }
    }
}

fn kept(window: &Window<'_>) -> Stitched {
    let mut kept = Stitched::new();
    kept.push(window);
    kept
}

/// The method of compression that a stanza of the client asks for (XEP-0138 §3).
fn method(stanza: &[u8]) -> Option<&[u8]> {
    if !stanza.trim_ascii_start().starts_with(b"<compress ") {
        return None;
    }
    let at = memchr::memmem::find(stanza, b"<method>")?.checked_add(b"<method>".len())?;
    let rest = stanza.get(at..)?;
    rest.get(..memchr::memchr(b'<', rest)?).map(<[u8]>::trim_ascii)
}

/// Whether a stanza of the server says that the stream is compressed from here on.
fn is_compressed(stanza: &[u8]) -> bool {
    stanza.trim_ascii_start().starts_with(b"<compressed") && memchr::memmem::find(stanza, b"http://jabber.org/protocol/compress").is_some()
}

/// Whether a tag opens a stream: a stream that is begun anew on the same connection (RFC 6120 §4.3.3) is not inside the one before.
fn opens_a_stream(tag: &[u8]) -> bool {
    tag.starts_with(b"stream:stream") || tag.starts_with(b"flash:stream")
}

impl Scan {
    /// Where the next stanza ends, the opening of the stream counting as one.
    fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(b) = bytes.get(self.at).copied() {
            self.at += 1;
            match (&mut self.tag, self.quote) {
                (Some(_), Some(quote)) => {
                    if b == quote {
                        self.quote = None;
                    }
                }
                (Some(_), None) if matches!(b, b'"' | b'\'') => self.quote = Some(b),
                (Some(tag), None) if b == b'>' => {
                    let Tag { name, first, last } = *tag;
                    self.tag = None;
                    match first {
                        b'/' => self.depth = self.depth.saturating_sub(1),
                        b'?' | b'!' => continue,
                        _ if last == b'/' => {}
                        _ if bytes.get(name..self.at).is_some_and(opens_a_stream) => self.depth = 1,
                        _ => {
                            self.depth = self.depth.saturating_add(1);
                            // The stream itself opens, and stays open.
                            if self.depth > 1 {
                                continue;
                            }
                        }
                    }
                    if self.depth <= 1 {
                        return Some(self.at);
                    }
                }
                (Some(tag), None) => {
                    if tag.first == 0 {
                        tag.first = b;
                    }
                    tag.last = b;
                }
                (None, _) if b == b'<' => self.tag = Some(Tag { name: self.at, first: 0, last: 0 }),
                (None, _) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_begins_anew_is_not_inside_the_one_before() {
        let text = b"<stream:stream to='a'><auth/><?xml version='1.0'?><stream:stream to='a'><message/><iq><q/></iq>";
        let mut scan = Scan::default();
        let (mut from, mut said) = (0, Vec::new());
        while let Some(end) = text.get(from..).and_then(|rest| scan.next_end(rest)) {
            said.push(String::from_utf8_lossy(text.get(from..from + end).unwrap_or_default()).into_owned());
            from += end;
            scan.at = 0;
        }
        assert_eq!(said.len(), 5, "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("<iq><q/></iq>"));
    }

    #[test]
    fn a_stream_is_cut_where_its_stanzas_end() {
        let text =
            b"<?xml version='1.0'?><stream:stream to='a>b'><message><body>x &gt; y</body></message><r/><iq a='/'><q/></iq></stream:stream>";
        let mut scan = Scan::default();
        let (mut from, mut said) = (0, Vec::new());
        while let Some(end) = text.get(from..).and_then(|rest| scan.next_end(rest)) {
            said.push(String::from_utf8_lossy(text.get(from..from + end).unwrap_or_default()).into_owned());
            from += end;
            scan.at = 0;
        }
        assert_eq!(
            said,
            [
                "<?xml version='1.0'?><stream:stream to='a>b'>",
                "<message><body>x &gt; y</body></message>",
                "<r/>",
                "<iq a='/'><q/></iq>",
                "</stream:stream>"
            ]
        );
    }
}
