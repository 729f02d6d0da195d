//! SIP (RFC 3261) over UDP and TCP: who calls whom, and where the media of the call is expected (SDP, RFC 8866).

mod sdp;
mod start_line;
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::telltale::Unlike;
use super::{Next, Payload, Probe, Protocol, authorization};
use crate::base::{Dir, Exposed, Facts, Keying, Kind, SdpMedia, Sides, What, Window};

/// Octets of headers that may wait for their end.
const LONGEST_HEADERS: usize = 16 * 1024;
/// Octets of a body that is read; a larger one is passed over.
const LONGEST_BODY: usize = 64 * 1024;
/// Media descriptions that one connection states.
const MOST_MEDIA: u16 = 96;

/// SIP over UDP: each datagram a message.
#[derive(Debug, Default)]
pub struct Sip {
    reading: Reading,
    /// Something else came instead.
    over: bool,
}

/// SIP over TCP (RFC 3261 §18.3): the length of each body stands in its headers.
#[derive(Debug, Default)]
pub struct SipOverTcp {
    reading: Reading,
    skip: Sides<usize>,
    over: bool,
}

impl Protocol for Sip {
    fn probe(window: &Window<'_>) -> Probe {
        probe(window.bytes)
    }
}

impl Payload for Sip {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if let Ok(start) = start_line::read(window.bytes) {
            let headers = end_of_headers(window.bytes).unwrap_or(window.bytes.len());
            self.reading.message(start, headers, window, facts);
        } else if !is_keep_alive(window.bytes) {
            self.over = true;
            return 0;
        }
        window.bytes.len()
    }

    fn next(&self) -> Next {
        if self.over { Next::Upgrade } else { Next::Stay }
    }
}

impl Protocol for SipOverTcp {
    fn probe(window: &Window<'_>) -> Probe {
        probe(window.bytes)
    }
}

impl Payload for SipOverTcp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.over && taken < window.bytes.len() {
            let rest = window.from(taken);
            let skip = self.skip.of_mut(window.dir);
            let step = if *skip > 0 {
                let n = rest.bytes.len().min(*skip);
                *skip = skip.saturating_sub(n);
                n
            } else if let [b'\r' | b'\n', ..] = rest.bytes {
                // Keep-alives (RFC 5626 §3.5.1), and white space before a start line (RFC 3261 §7.5).
                1
            } else {
                match start_line::read(rest.bytes) {
                    Err(Unlike::Short) => return taken,
                    Err(Unlike::Other) => {
                        self.over = true;
                        0
                    }
                    Ok(start) => match self.message(start, &rest, facts) {
                        Some(n) => n,
                        None => return taken,
                    },
                }
            };
            taken = taken.saturating_add(step);
        }
        if self.over { window.bytes.len() } else { taken }
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, _facts: &mut Facts) {
        // Where the next message starts cannot be known.
        self.over = true;
    }

    fn next(&self) -> Next {
        if self.over { Next::Done } else { Next::Stay }
    }
}

impl SipOverTcp {
    /// Reads a message that is there whole. Returns the octets it takes, `None` when more are needed.
    fn message(&mut self, start: usize, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        self.reading.name(start, rest, facts);
        let Some(headers) = end_of_headers(rest.bytes) else {
            self.over = rest.bytes.len() > LONGEST_HEADERS;
            return if self.over { Some(0) } else { None };
        };
        let length = header(rest.bytes.get(start..headers).unwrap_or_default(), b"Content-Length", b"l");
        let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok()).unwrap_or(0);
        let whole = headers.saturating_add(length);
        if length > LONGEST_BODY {
            *self.skip.of_mut(rest.dir) = whole;
            return Some(0);
        }
        let message = rest.slice(0..whole)?;
        self.reading.message(start, headers, &message, facts);
        Some(whole)
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    named: bool,
    media: u16,
}

impl Reading {
    fn name(&mut self, start: usize, window: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("sip"), window.evidence(0..start));
        }
    }

    /// Reads a message whose start line and headers end there.
    fn message(&mut self, start: usize, headers: usize, window: &Window<'_>, facts: &mut Facts) {
        self.name(start, window, facts);
        let lines = window.bytes.get(start..headers).unwrap_or_default();
        let body = window.bytes.get(headers..).unwrap_or_default();
        for (long, short) in [(b"From".as_slice(), b"f"), (b"To", b"t")] {
            if let Some(who) = header(lines, long, short).and_then(address) {
                facts.readable(Exposed::Identifiers, "SIP address", who, window.evidence(start..headers));
            }
        }
        for name in [b"Authorization".as_slice(), b"Proxy-Authorization"] {
            if let Some(value) = header(lines, name, b"") {
                let (kind, what) = if authorization::hides_the_secret(value) {
                    (Exposed::Identifiers, "SIP login without its password")
                } else {
                    (Exposed::Credentials, "SIP password or token")
                };
                facts.readable(kind, what, value, window.evidence(start..headers));
            }
        }
        if body.is_empty() {
            return;
        }
        let kind = header(lines, b"Content-Type", b"c").unwrap_or_default();
        let is_message = window.bytes.starts_with(b"MESSAGE ");
        if is_message && kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/")) {
            facts.readable(Exposed::Content, "SIP message", body, window.evidence(headers..window.bytes.len()));
        }
        let is = |name: &[u8]| kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if is(b"application/sdp") || is(b"multipart/") {
            self.sdp(&window.from(headers), facts);
        }
    }

    fn sdp(&mut self, body: &Window<'_>, facts: &mut Facts) {
        for media in sdp::read(body.bytes) {
            if self.media >= MOST_MEDIA {
                if !facts.has(Kind::Overflow) {
                    facts.observe(What::Overflow("sdp media descriptions"), body.all());
                }
                return;
            }
            self.media = self.media.saturating_add(1);
            let evidence = body.evidence(media.span);
            if media.keying == Keying::Sdes {
                for key in &media.keys {
                    facts.readable(Exposed::Credentials, "SRTP key", key, evidence.clone());
                }
            }
            let sdp::Media { addresses, rtcp, profile, keying, formats, codec, .. } = media;
            facts.observe(What::SdpMedia(Box::new(SdpMedia { at: body.at, addresses, rtcp, profile, keying, formats, codec })), evidence);
        }
    }
}

fn probe(bytes: &[u8]) -> Probe {
    match start_line::read(bytes) {
        Ok(_) => Probe::Yes,
        Err(Unlike::Short) => Probe::More,
        Err(Unlike::Other) => Probe::No,
    }
}

/// RFC 5626 §3.5.1, and the single NUL and short padding that programs send instead.
fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.len() <= 8 && bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0 | b' '))
}

/// Where the body begins.
fn end_of_headers(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at.saturating_add(4))
}

/// The value of the first header of this name, which may have a short form (RFC 3261 §7.3.3).
fn header<'a>(lines: &'a [u8], long: &[u8], short: &[u8]) -> Option<&'a [u8]> {
    lines.split(|&b| b == b'\n').find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let name = name.trim_ascii();
        let is = name.eq_ignore_ascii_case(long) || !short.is_empty() && name.eq_ignore_ascii_case(short);
        is.then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

/// The address in a `From` or `To` header: between angle brackets, or up to its parameters.
fn address(value: &[u8]) -> Option<&[u8]> {
    let inner = match memchr::memchr(b'<', value) {
        Some(open) => value.get(open.saturating_add(1)..)?.split(|&b| b == b'>').next()?,
        None => value.split(|&b| b == b';').next()?,
    };
    (!inner.is_empty()).then_some(inner)
}
