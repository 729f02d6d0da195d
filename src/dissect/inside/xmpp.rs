//! XMPP (RFC 6120 §4) and other endless XML: stanza by stanza.

use crate::base::{Dir, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;

/// A stanza longer than this is not waited for.
const MOST_WHOLE: usize = 512 * 1024;

/// Both directions of a stream of XML.
#[derive(Debug, Default)]
pub(super) struct Xmpp {
    sides: Sides<Side>,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    scan: Scan,
    count: u32,
    is_lost: bool,
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
    first: u8,
    last: u8,
}

impl Xmpp {
    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        let side = self.sides.of_mut(window.dir);
        side.held.push(window);
        loop {
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
            side.held.consume(end);
            side.scan.at = 0;
        }
    }

    /// Octets are missing: what is open is no longer known.
    pub(super) fn gap(&mut self, dir: Dir) {
        self.sides.of_mut(dir).is_lost = true;
    }

    /// The connection is over, or something else begins.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            let side = self.sides.of_mut(dir);
            if let Some(held) = side.held.window(dir).filter(|held| !held.bytes.trim_ascii().is_empty()) {
                eye.cut(Cut::Unfinished, &held);
                eye.piece(&up.then(Layer::Message("XMPP", side.count.saturating_add(1))), &held);
            }
            side.held.clear();
        }
    }
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
                    let Tag { first, last } = *tag;
                    self.tag = None;
                    match first {
                        b'/' => self.depth = self.depth.saturating_sub(1),
                        b'?' | b'!' => continue,
                        _ if last == b'/' => {}
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
                (None, _) if b == b'<' => self.tag = Some(Tag { first: 0, last: 0 }),
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
