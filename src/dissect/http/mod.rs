//! HTTP/1 in clear (RFC 9112): what of it can be read, the tunnels it opens (RFC 9110 §9.3.6), WebSocket (RFC 6455), and HTTP/2
//! (RFC 9113 §3.4).

mod http2;
mod readable;
mod service;
mod websocket;

use self::http2::Http2;
use self::readable::Readable;
use self::websocket::WebSocket;
use super::lines::{Front, Lines, contains_ignoring_case, word};
use super::messengers::short_link;
use super::starttls::tls_at_front;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Evidence, Facts, Kind, Sides, What, Window, WireStr};

/// The first line of the client's connection preface of HTTP/2.
const PREFACE_LINE: &[u8] = b"PRI * HTTP/2.0";
/// A longer start line is believed by its method alone.
const LONGEST_START: usize = 2048;
/// Methods of the IANA registry and of WebDAV and UPnP: with one of these a start line too long to see its end is HTTP.
const METHODS: [&[u8]; 17] = [
    b"GET",
    b"PRI",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"CONNECT",
    b"PROPFIND",
    b"REPORT",
    b"SEARCH",
    b"MKCOL",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"M-SEARCH",
];
/// A host name, port included, is not longer than this.
const LONGEST_HOST: usize = 300;

/// Where a direction stands inside a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Before a start line.
    #[default]
    Start,
    Headers,
    /// So many octets of content are left.
    Content(u64),
    /// Before the line with a chunk's size (RFC 9112 §7.1).
    ChunkSize,
    /// So many octets of a chunk are left.
    Chunk(u64),
    Trailers,
    /// Content up to the end of the connection.
    ToTheEnd,
}

/// What the headers of a message say of its content.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    /// `Upgrade: websocket`, and what was agreed of it.
    websocket: bool,
    deflate: bool,
}

/// An HTTP connection: every request and answer, and what they lead to.
#[derive(Debug, Default)]
pub struct Http {
    lines: Lines,
    part: Sides<Part>,
    framing: Sides<Framing>,
    named: bool,
    /// Host and frames of a CONNECT that waits for its answer.
    connect: Option<(WireStr, Evidence)>,
    /// Whether the current request is a CONNECT: then nothing of the client follows its headers.
    is_connect: bool,
    /// The status of the response that is being read, and the frames of its status line.
    status: Option<(u16, Evidence)>,
    /// Whether a request's headers were read.
    asked: bool,
    /// The content of the request is to be judged: it may be MMTLS.
    may_be_mmtls: bool,
    readable: Readable,
    websocket: Option<Box<WebSocket>>,
    http2: Option<Box<Http2>>,
    over: Option<Next>,
}

/// A start line.
#[derive(Debug)]
enum StartLine<'a> {
    Request { method: &'a [u8], target: &'a [u8] },
    Response(u16),
}

fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        return match rest {
            [minor, b' ', a, b, c, more @ ..]
                if [minor, a, b, c].into_iter().all(u8::is_ascii_digit) && matches!(more, [] | [b' ', ..]) =>
            {
                Some(StartLine::Response([a, b, c].into_iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'))))
            }
            _ => None,
        };
    }
    let (method, rest) = word(line);
    let space = memchr::memrchr(b' ', rest)?;
    let (target, version) = rest.split_at_checked(space)?;
    let sound = is_method(method)
        && !target.is_empty()
        && matches!(version, [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', d] if d.is_ascii_digit());
    sound.then_some(StartLine::Request { method, target })
}

/// RFC 9110 §9.1: a method is a token; all registered ones are capitals, hyphens and underscores.
fn is_method(word: &[u8]) -> bool {
    (1..=24).contains(&word.len()) && word.iter().all(|b| b.is_ascii_uppercase() || b"-_".contains(b))
}

impl Protocol for Http {
    fn probe(window: &Window<'_>) -> Probe {
        match Lines::default().front(window) {
            Front::Line(line, _) if start_line(line.bytes).is_some() || line.bytes == PREFACE_LINE => Probe::Yes,
            Front::Partial | Front::Skip(_) => {
                let (method, target) = word(window.bytes);
                let complete = method.len() < window.bytes.len();
                let response = window.bytes.starts_with(b"HTTP/1.") || b"HTTP/1.".starts_with(window.bytes);
                let request = if complete { METHODS.contains(&method) } else { METHODS.iter().any(|known| known.starts_with(method)) };
                match window.bytes.len() {
                    0..=LONGEST_START if response || request => Probe::More,
                    _ if request && target.len() > LONGEST_START / 2 => Probe::Yes,
                    _ => Probe::No,
                }
            }
            Front::Line(..) => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        Some(if window.bytes.starts_with(b"HTTP/1.") { Dir::Server } else { Dir::Client })
    }
}

impl Payload for Http {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while self.over.is_none() && taken < window.bytes.len() {
            let rest = window.from(taken);
            if let Some(http2) = &mut self.http2 {
                taken = taken.saturating_add(http2.feed(&rest, facts));
                self.over = http2.is_lost().then_some(Next::Done);
                break;
            }
            if self.websocket.is_some() && *self.part.of(window.dir) == Part::Start {
                break;
            }
            let Some(n) = self.part(&rest, facts) else { break };
            taken = taken.saturating_add(n);
        }
        if let Some(websocket) = &mut self.websocket
            && self.over.is_none()
        {
            taken = taken.saturating_add(websocket.feed(&window.from(taken), facts));
            self.over = websocket.is_lost().then_some(Next::Done);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, facts: &mut Facts) {
        if let Some(websocket) = &mut self.websocket {
            websocket.gap(dir, missing);
            self.over = websocket.is_lost().then_some(Next::Done);
            return;
        }
        if let Some(http2) = &mut self.http2 {
            http2.gap(dir, missing);
            self.over = http2.is_lost().then_some(Next::Done);
            return;
        }
        self.lines.gap(dir);
        match self.part.of_mut(dir) {
            Part::Content(left) | Part::Chunk(left) => *left = left.saturating_sub(missing),
            _ => {}
        }
        if *self.part.of(dir) == Part::Content(0) {
            *self.part.of_mut(dir) = Part::Start;
            self.readable.end(dir, facts);
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        self.readable.close(facts);
        if let Some(websocket) = &mut self.websocket {
            websocket.close(facts);
        }
        if let Some(http2) = &mut self.http2 {
            http2.close(facts);
        }
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }
}

impl Http {
    /// Reads one line, or content. Returns how many octets it took; `None` when the line is not complete.
    fn part(&mut self, rest: &Window<'_>, facts: &mut Facts) -> Option<usize> {
        let part = *self.part.of(rest.dir);
        match part {
            Part::Content(left) if self.may_be_mmtls && rest.dir == Dir::Client => {
                self.may_be_mmtls = short_link::content(rest, left, facts)?;
                return Some(self.content(rest, part, left, facts));
            }
            Part::Content(left) | Part::Chunk(left) => return Some(self.content(rest, part, left, facts)),
            Part::ToTheEnd => {
                self.readable.content(rest, facts);
                return Some(rest.bytes.len());
            }
            // TLS before the answer to CONNECT: the answer is missing from the capture.
            Part::Start if tls_at_front(rest.bytes)? => {
                self.tunnel(rest, facts);
                return None;
            }
            _ => {}
        }
        match self.lines.front(rest) {
            Front::Partial => None,
            Front::Skip(n) => {
                if part == Part::Start {
                    // A start line too long to read: the headers after it still can be.
                    self.name_it(rest, facts);
                    *self.part.of_mut(rest.dir) = Part::Headers;
                }
                Some(n)
            }
            Front::Line(line, n) => {
                match part {
                    // RFC 9112 §2.2: an empty line before a request is ignored.
                    Part::Start if line.bytes.is_empty() => {}
                    Part::Start => self.start(&line, facts),
                    Part::Headers if line.bytes.is_empty() => self.headers_end(&line, facts),
                    Part::Headers => self.header(&line, facts),
                    Part::ChunkSize => *self.part.of_mut(rest.dir) = chunk(line.bytes),
                    Part::Trailers if line.bytes.is_empty() => {
                        *self.part.of_mut(rest.dir) = Part::Start;
                        self.readable.end(rest.dir, facts);
                    }
                    _ => {}
                }
                Some(n)
            }
        }
    }

    fn content(&mut self, rest: &Window<'_>, part: Part, left: u64, facts: &mut Facts) -> usize {
        let size = |octets: u64| rest.bytes.len().min(usize::try_from(octets).unwrap_or(usize::MAX));
        let n = size(left);
        // A chunk ends with a CR LF that is not content.
        let content = if matches!(part, Part::Chunk(_)) { size(left.saturating_sub(2)) } else { n };
        if let Some(content) = rest.slice(0..content) {
            self.readable.content(&content, facts);
        }
        let left = left.saturating_sub(n as u64);
        *self.part.of_mut(rest.dir) = match part {
            Part::Chunk(_) if left == 0 => Part::ChunkSize,
            Part::Chunk(_) => Part::Chunk(left),
            _ if left == 0 => Part::Start,
            _ => Part::Content(left),
        };
        if *self.part.of(rest.dir) == Part::Start {
            self.readable.end(rest.dir, facts);
        }
        n
    }

    fn start(&mut self, line: &Window<'_>, facts: &mut Facts) {
        *self.framing.of_mut(line.dir) = Framing::default();
        if line.bytes == PREFACE_LINE {
            facts.observe(What::Protocol("http2"), line.all());
            self.http2 = Some(Box::new(Http2::after_preface()));
            return;
        }
        let Some(start) = start_line(line.bytes) else {
            // Not HTTP any more, or never: nothing further can be read.
            self.over = Some(Next::Done);
            return;
        };
        self.name_it(line, facts);
        *self.part.of_mut(line.dir) = Part::Headers;
        match start {
            StartLine::Request { method, target } => {
                if !facts.has(Kind::HttpMethod) {
                    facts.observe(What::HttpMethod(WireStr::new(method)), line.evidence(0..method.len()));
                }
                self.readable.start(method, target, line);
                self.is_connect = method == b"CONNECT";
                self.may_be_mmtls = short_link::is_asked(method, target);
                if self.is_connect {
                    let target = target.get(..LONGEST_HOST).unwrap_or(target);
                    self.connect = Some((WireStr::new(target), line.all()));
                }
            }
            StartLine::Response(code) => {
                self.readable.start(b"", b"", line);
                self.status = Some((code, line.all()));
            }
        }
    }

    fn name_it(&mut self, line: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("http"), line.all());
        }
    }

    fn header(&mut self, line: &Window<'_>, facts: &mut Facts) {
        let Some(colon) = memchr::memchr(b':', line.bytes) else { return };
        let (name, value) = line.bytes.split_at_checked(colon).unwrap_or_default();
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        self.readable.header(name, value, line, facts);
        let framing = self.framing.of_mut(line.dir);
        if name.eq_ignore_ascii_case(b"Content-Length") {
            framing.length = std::str::from_utf8(value).ok().and_then(|n| n.parse().ok());
        } else if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            framing.chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        } else if name.eq_ignore_ascii_case(b"Upgrade") {
            framing.websocket = value.eq_ignore_ascii_case(b"websocket");
        } else if name.eq_ignore_ascii_case(b"Sec-WebSocket-Extensions") {
            framing.deflate = contains_ignoring_case(value, b"permessage-deflate");
        } else if name.eq_ignore_ascii_case(b"Host") && line.dir == Dir::Client && !self.asked && !facts.has(Kind::HttpHost) {
            let host = value.get(..LONGEST_HOST).unwrap_or(value);
            facts.observe(What::HttpHost(WireStr::new(host)), line.all());
        }
    }

    fn headers_end(&mut self, line: &Window<'_>, facts: &mut Facts) {
        let framing = *self.framing.of(line.dir);
        let framed = match framing {
            Framing { chunked: true, .. } => Part::ChunkSize,
            Framing { length: Some(0), .. } => Part::Start,
            Framing { length: Some(n), .. } => Part::Content(n),
            Framing { length: None, .. } if line.dir == Dir::Client => Part::Start,
            Framing { length: None, .. } => Part::ToTheEnd,
        };
        let part = match (line.dir, self.status.take()) {
            (Dir::Client, status) => {
                self.status = status;
                self.asked = true;
                self.readable.request(self.is_connect || self.may_be_mmtls, line, facts);
                if self.is_connect { Part::Start } else { framed }
            }
            (Dir::Server, Some((200..300, answer))) if self.connect.is_some() => {
                self.connected(&answer, facts);
                Part::Start
            }
            (Dir::Server, Some((101, answer))) => {
                self.switched(&answer, framing, facts);
                Part::Start
            }
            // Interim responses.
            (Dir::Server, Some((100..200, _))) => Part::Start,
            (Dir::Server, status) => {
                let bodiless = self.readable.response(line, facts);
                // A refused CONNECT is often repeated with credentials on the same connection; another request is no tunnel.
                self.connect = None;
                // RFC 9110 §6.4.1.
                if bodiless || matches!(status, Some((204 | 304, _))) { Part::Start } else { framed }
            }
        };
        *self.part.of_mut(line.dir) = part;
        if part == Part::Start {
            self.readable.end(line.dir, facts);
        }
    }

    /// The server agreed to another protocol (RFC 9110 §15.2.2).
    fn switched(&mut self, answer: &Evidence, framing: Framing, facts: &mut Facts) {
        self.readable.switched();
        if framing.websocket {
            facts.observe(What::Protocol("websocket"), answer.clone());
            self.websocket = Some(Box::new(WebSocket::new(framing.deflate)));
        } else {
            self.over = Some(Next::Upgrade);
        }
    }

    /// The proxy agreed: what follows is the client's and the target's own.
    fn connected(&mut self, answer: &Evidence, facts: &mut Facts) {
        if let Some((target, request)) = self.connect.take() {
            let both = request.clone().and(answer);
            facts.observe(What::HttpConnectTarget(target), request);
            facts.observe(What::TlsTunnel("http_connect"), both);
        }
        self.over = Some(Next::Upgrade);
    }

    /// TLS is there though nothing agreed to it.
    fn tunnel(&mut self, rest: &Window<'_>, facts: &mut Facts) {
        if let Some((target, request)) = self.connect.take() {
            let both = request.clone().and(&rest.evidence(0..5));
            facts.observe(What::HttpConnectTarget(target), request);
            facts.infer(What::TlsTunnel("http_connect"), both);
        }
        self.over = Some(Next::Upgrade);
    }
}

/// What follows the line with a chunk's size: the chunk and its CR LF, or trailers after the last.
fn chunk(line: &[u8]) -> Part {
    let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(digits).ok().and_then(|n| u64::from_str_radix(n, 16).ok());
    match size {
        Some(0) => Part::Trailers,
        Some(n) => Part::Chunk(n.saturating_add(2)),
        None => Part::ToTheEnd,
    }
}

#[cfg(test)]
mod tests;
