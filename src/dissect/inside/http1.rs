//! HTTP/1 (RFC 9112): messages, their header fields and bodies, and what a connection may be upgraded to.

use std::collections::VecDeque;

use crate::base::{Dir, Sides, Stitched, Window};

use super::body::{Body, Described};
use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::http2::Http2;
use super::root::Root;
use super::websocket::{Agreed, WebSocket};

/// A head longer than this is none.
const LONGEST_HEAD: usize = 128 * 1024;
/// A line with a chunk's size, or a trailer, is not longer than this.
const LONGEST_LINE: usize = 16 * 1024;
/// Requests whose responses are awaited.
const MOST_PENDING: usize = 256;
/// What a client may send before the answer to its wish for an upgrade.
const MOST_AHEAD: usize = 256 * 1024;

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Http1 {
    sides: Sides<Side>,
    pending: VecDeque<Request>,
    upgraded: Option<Upgraded>,
    depth: u8,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    part: Part,
    body: Option<Body>,
    count: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    ToTheEnd,
    /// Nothing is read until the answer to a request for an upgrade is there.
    Waiting,
    Lost,
}

/// What matters of a request for its response (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    is_head: bool,
    is_connect: bool,
    wants_upgrade: bool,
}

/// What the connection became.
#[derive(Debug)]
enum Upgraded {
    WebSocket(Box<WebSocket>),
    Http2(Box<Http2>),
    /// Somebody else's bytes: recognised anew.
    Tunnel(Box<Root>),
}

/// Whether bytes begin with a request or a status line. `None` while too few to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    let line = bytes.get(..bytes.len().min(LONGEST_LINE)).unwrap_or_default();
    if b"HTTP/1.".starts_with(line.get(..7).unwrap_or(line)) {
        return if line.len() < 7 { None } else { Some(true) };
    }
    let method = line.iter().position(|b| !(b.is_ascii_uppercase() || matches!(b, b'-' | b'_')));
    match method {
        None if line.len() <= 24 => None,
        Some(at @ 1..=24) if line.get(at) == Some(&b' ') => match memchr::memchr(b'\n', line) {
            Some(end) => Some(memchr::memmem::find(line.get(..end)?, b" HTTP/1.").is_some()),
            None if line.len() >= LONGEST_LINE => Some(false),
            None => None,
        },
        _ => Some(false),
    }
}

impl Http1 {
    /// A connection inside so many others.
    pub(super) fn new(depth: u8) -> Http1 {
        Http1 { depth, ..Http1::default() }
    }

    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        if self.upgraded.is_some() {
            self.hand_over(up, window, eye);
            return;
        }
        let held = std::mem::take(&mut self.sides.of_mut(window.dir).held);
        let joined = if held.is_empty() {
            None
        } else {
            let mut joined = held;
            joined.push(window);
            Some(joined)
        };
        let all = match &joined {
            Some(joined) => joined.window(window.dir),
            None => Some(*window),
        };
        let Some(all) = all else { return };
        let mut taken = 0;
        while taken < all.bytes.len() && self.upgraded.is_none() {
            let Some(n) = self.part(up, &all.from(taken), eye) else { break };
            taken += n;
        }
        let rest = all.from(taken);
        if rest.bytes.is_empty() {
            return;
        }
        match &self.upgraded {
            Some(_) => self.hand_over(up, &rest, eye),
            None => self.sides.of_mut(window.dir).held.push(&rest),
        }
    }

    fn hand_over(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        match &mut self.upgraded {
            Some(Upgraded::WebSocket(websocket)) => websocket.push(up, window, eye),
            Some(Upgraded::Http2(http2)) => http2.push(up, window, eye),
            Some(Upgraded::Tunnel(root)) => root.push(up, window, eye),
            None => {}
        }
    }

    /// Reads one part of a message. Returns how many octets it took; `None` when it is not whole.
    fn part(&mut self, up: &Chain<'_>, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let dir = rest.dir;
        match self.sides.of(dir).part {
            Part::Head => self.head(up, rest, eye),
            Part::Length(left) => Some(self.content(up, rest, left, Part::Length, Part::Head, eye)),
            Part::Chunk(left) => Some(self.content(up, rest, left, Part::Chunk, Part::ChunkEnd, eye)),
            Part::ToTheEnd => {
                self.body(up, rest, eye);
                Some(rest.bytes.len())
            }
            Part::Waiting if rest.bytes.len() <= MOST_AHEAD => None,
            Part::Waiting => Some(self.lose(up, rest, eye)),
            Part::Lost => {
                eye.piece(up, rest);
                Some(rest.bytes.len())
            }
            Part::ChunkSize | Part::ChunkEnd | Part::Trailers => self.line(up, rest, eye),
        }
    }

    fn line(&mut self, up: &Chain<'_>, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let Some(end) = memchr::memchr(b'\n', rest.bytes) else {
            return (rest.bytes.len() > LONGEST_LINE).then(|| self.lose(up, rest, eye));
        };
        let line = rest.bytes.get(..end)?.trim_ascii();
        let dir = rest.dir;
        let next = match self.sides.of(dir).part {
            Part::ChunkEnd if line.is_empty() => Part::ChunkSize,
            Part::ChunkSize => {
                let digits = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
                match std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
                    Some(0) => Part::Trailers,
                    Some(size) => Part::Chunk(size),
                    None => return Some(self.lose(up, rest, eye)),
                }
            }
            Part::Trailers if line.is_empty() => {
                self.finish(up, dir, eye);
                Part::Head
            }
            Part::Trailers => {
                eye.piece(&up.then(Layer::Header(b"trailer")), &rest.slice(0..end)?);
                Part::Trailers
            }
            _ => return Some(self.lose(up, rest, eye)),
        };
        self.sides.of_mut(dir).part = next;
        Some(end + 1)
    }

    fn content(&mut self, up: &Chain<'_>, rest: &Window<'_>, left: u64, goes_on: fn(u64) -> Part, then: Part, eye: &mut Eye) -> usize {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(rest.bytes.len());
        if let Some(part) = rest.slice(0..len) {
            self.body(up, &part, eye);
        }
        let left = left.saturating_sub(len as u64);
        if left == 0 && then == Part::Head {
            self.finish(up, rest.dir, eye);
        }
        self.sides.of_mut(rest.dir).part = if left == 0 { then } else { goes_on(left) };
        len
    }

    fn body(&mut self, up: &Chain<'_>, part: &Window<'_>, eye: &mut Eye) {
        let side = self.sides.of_mut(part.dir);
        let message = up.then(layer(part.dir, side.count));
        if let Some(body) = &mut side.body {
            body.push(&message, part, eye);
        }
    }

    fn finish(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        let side = self.sides.of_mut(dir);
        let message = up.then(layer(dir, side.count));
        if let Some(mut body) = side.body.take() {
            body.end(&message, dir, true, eye);
        }
    }

    /// The framing is broken: what follows is looked at as it is.
    fn lose(&mut self, up: &Chain<'_>, rest: &Window<'_>, eye: &mut Eye) -> usize {
        eye.cut(Cut::Framing, rest);
        self.finish(up, rest.dir, eye);
        self.sides.of_mut(rest.dir).part = Part::Lost;
        0
    }

    fn head(&mut self, up: &Chain<'_>, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        // An empty line before a request is ignored (RFC 9112 §2.2).
        let blank = rest.bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            return Some(blank);
        }
        if begins(rest.bytes) == Some(false) {
            return Some(self.lose(up, rest, eye));
        }
        let Some(len) = head_len(rest.bytes) else {
            return (rest.bytes.len() > LONGEST_HEAD).then(|| self.lose(up, rest, eye));
        };
        let head = rest.slice(0..len)?;
        let side = self.sides.of_mut(rest.dir);
        side.count = side.count.saturating_add(1);
        let message = up.then(layer(rest.dir, side.count));
        let parsed = read_head(&message, &head, eye);
        let next = match rest.dir {
            Dir::Client => self.request(&parsed),
            Dir::Server => self.response(up, &parsed, eye),
        };
        let side = self.sides.of_mut(rest.dir);
        side.part = next;
        if matches!(next, Part::Length(_) | Part::ChunkSize | Part::ToTheEnd) {
            side.body = Some(Body::new(&parsed.described));
        }
        Some(len)
    }

    fn request(&mut self, head: &Head) -> Part {
        let request = Request {
            is_head: head.line.starts_with(b"HEAD "),
            is_connect: head.line.starts_with(b"CONNECT "),
            wants_upgrade: head.wants_upgrade,
        };
        if self.pending.len() < MOST_PENDING {
            self.pending.push_back(request);
        }
        match (head.is_chunked, head.length) {
            _ if request.is_connect => Part::Waiting,
            (true, _) => Part::ChunkSize,
            (false, Some(n @ 1..)) => Part::Length(n),
            _ if request.wants_upgrade => Part::Waiting,
            _ => Part::Head,
        }
    }

    fn response(&mut self, up: &Chain<'_>, head: &Head, eye: &mut Eye) -> Part {
        let status = head.line.split(|b| *b == b' ').nth(1).unwrap_or_default();
        if status == b"101" {
            let http2 = head.upgrade.starts_with(b"h2c");
            self.upgraded = Some(match () {
                () if head.upgrade == b"websocket" => Upgraded::WebSocket(Box::new(WebSocket::new(head.agreed))),
                () if http2 => Upgraded::Http2(Box::default()),
                () => Upgraded::Tunnel(Box::new(Root::inside(self.depth))),
            });
            self.release(up, eye);
            return Part::Head;
        }
        if status.first() == Some(&b'1') {
            // An interim response: the final one follows.
            return Part::Head;
        }
        let request = self.pending.pop_front().unwrap_or_default();
        if request.is_connect && status.first() == Some(&b'2') {
            self.upgraded = Some(Upgraded::Tunnel(Box::new(Root::inside(self.depth))));
            self.release(up, eye);
            return Part::Head;
        }
        if (request.is_connect || request.wants_upgrade) && self.sides.client.part == Part::Waiting {
            self.sides.client.part = Part::Head;
            let held = std::mem::take(&mut self.sides.client.held);
            if let Some(window) = held.window(Dir::Client) {
                self.push(up, &window, eye);
            }
        }
        match (head.is_chunked, head.length) {
            _ if request.is_head || matches!(status, b"204" | b"304") => Part::Head,
            (true, _) => Part::ChunkSize,
            (false, Some(0)) => Part::Head,
            (false, Some(n)) => Part::Length(n),
            (false, None) => Part::ToTheEnd,
        }
    }

    /// What the client sent ahead of the answer belongs to what the connection became.
    fn release(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        let held = std::mem::take(&mut self.sides.client.held);
        if let Some(window) = held.window(Dir::Client) {
            self.hand_over(up, &window, eye);
        }
    }

    /// Octets are missing.
    pub(super) fn gap(&mut self, dir: Dir, missing: Option<u64>) {
        match &mut self.upgraded {
            Some(Upgraded::WebSocket(websocket)) => websocket.gap(dir),
            Some(Upgraded::Http2(http2)) => http2.gap(dir),
            Some(Upgraded::Tunnel(root)) => root.gap(dir, missing),
            None => {
                let side = self.sides.of_mut(dir);
                side.held.clear();
                let missing = missing.unwrap_or(u64::MAX);
                side.part = match side.part {
                    // Inside a body of known length it is known where the next message begins.
                    Part::Length(left) if left > missing => Part::Length(left - missing),
                    Part::Chunk(left) if left > missing => Part::Chunk(left - missing),
                    Part::ToTheEnd => Part::ToTheEnd,
                    _ => Part::Lost,
                };
            }
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        match &mut self.upgraded {
            Some(Upgraded::WebSocket(websocket)) => websocket.close(up, eye),
            Some(Upgraded::Http2(http2)) => http2.close(up, eye),
            Some(Upgraded::Tunnel(root)) => root.close(up, eye),
            None => {}
        }
        for dir in [Dir::Client, Dir::Server] {
            let side = self.sides.of_mut(dir);
            let message = up.then(layer(dir, side.count));
            let is_whole = side.part == Part::ToTheEnd;
            if let Some(mut body) = side.body.take() {
                body.end(&message, dir, is_whole, eye);
            }
            let held = std::mem::take(&mut side.held);
            if let Some(window) = held.window(dir) {
                eye.cut(Cut::Unfinished, &window);
                eye.piece(up, &window);
            }
        }
    }
}

fn layer<'a>(dir: Dir, n: u32) -> Layer<'a> {
    Layer::Http1(if dir == Dir::Client { "request" } else { "response" }, n)
}

/// Octets up to and with the empty line.
fn head_len(bytes: &[u8]) -> Option<usize> {
    let crlf = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4);
    let lf = memchr::memmem::find(bytes, b"\n\n").map(|at| at + 2);
    match (crlf, lf) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// What a head says.
#[derive(Debug, Default)]
struct Head {
    line: Vec<u8>,
    described: Described,
    length: Option<u64>,
    is_chunked: bool,
    wants_upgrade: bool,
    upgrade: Vec<u8>,
    agreed: Agreed,
}

/// Reads a head, and looks at every line of it.
fn read_head(up: &Chain<'_>, head: &Window<'_>, eye: &mut Eye) -> Head {
    let mut found = Head::default();
    let mut at = 0;
    for line in head.bytes.split_inclusive(|b| *b == b'\n') {
        let span = at..at + line.trim_ascii_end().len();
        at += line.len();
        let Some(place) = head.slice(span).filter(|place| !place.bytes.is_empty()) else { continue };
        let text = place.bytes;
        if found.line.is_empty() {
            found.line = text.to_vec();
            eye.piece(&up.then(Layer::Text("start line")), &place);
            continue;
        }
        let Some(colon) = memchr::memchr(b':', text) else {
            eye.piece(up, &place);
            continue;
        };
        let (name, value) = (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default());
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        eye.piece(&up.then(Layer::Header(name)), &place.from(colon + 1));
        let value = value.trim_ascii();
        if is("content-length") {
            found.length = std::str::from_utf8(value).ok().and_then(|n| n.parse().ok());
        } else if is("transfer-encoding") {
            let codings = value.to_ascii_lowercase();
            found.is_chunked = codings.ends_with(b"chunked");
            // `gzip, chunked`: undone like a content coding, and applied after those.
            for coding in codings.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|c| *c != b"chunked" && *c != b"identity") {
                found.described.codings.push(coding.to_vec());
            }
        } else if is("upgrade") {
            found.wants_upgrade = true;
            found.upgrade = value.to_ascii_lowercase();
        } else {
            found.described.header(name, value);
            found.agreed.header(name, value);
        }
    }
    found
}
