//! HTTP/2 (RFC 9113): frames, streams, and what is in them.

use std::collections::HashMap;

use crate::base::{Dir, Sides, Stitched, Window};

use super::super::h2_frame::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADER, HEADERS, PADDED, PUSH_PROMISE, RST_STREAM, SETTINGS,
};
use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::hpack::Hpack;
use super::message::Exchange;

/// The client's preface (§3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Streams followed at once.
const MOST_STREAMS: usize = 1024;
/// A header block, its continuations included, is not longer than this.
const LONGEST_BLOCK: usize = 256 * 1024;
/// Frames other than DATA that are longer than this are passed over.
const LONGEST_FRAME: usize = 256 * 1024;

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Http2 {
    sides: Sides<Side>,
    streams: HashMap<u32, Exchange>,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    hpack: Hpack,
    /// A header block whose continuation is awaited: its stream, whether the stream ends with it, the octets.
    block: Option<(u32, bool, Stitched)>,
    /// Octets of a DATA frame still to come, and of its padding; and its stream and flags.
    data: Option<Data>,
    began: bool,
    is_lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Data {
    stream: u32,
    left: usize,
    padding: usize,
    ends: bool,
}

/// Whether bytes of the server look like the beginning of HTTP/2: a SETTINGS frame. `None` while too few to tell.
pub(super) fn is_settings(bytes: &[u8]) -> Option<bool> {
    let head = bytes.get(..HEADER.min(bytes.len()))?;
    let sound = head.iter().enumerate().all(|(i, b)| match i {
        0 | 1 => *b == 0,
        2 => *b % 6 == 0 && *b <= 120,
        3 => *b == SETTINGS,
        _ => *b == 0,
    });
    if !sound {
        return Some(false);
    }
    if bytes.len() < HEADER { None } else { Some(true) }
}

impl Http2 {
    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        let side = self.sides.of_mut(window.dir);
        side.held.push(window);
        // The octets are taken out before they are read, for the streams are of both sides.
        let held = std::mem::take(&mut side.held);
        let mut taken = 0;
        if let Some(all) = held.window(window.dir) {
            while taken < all.bytes.len() {
                let Some(n) = self.frame(up, &all.from(taken), eye) else { break };
                taken += n;
            }
            self.sides.of_mut(window.dir).held.push(&all.from(taken));
        }
    }

    /// Reads one frame, or part of a DATA frame. Returns how many octets it took; `None` when it is not whole.
    fn frame(&mut self, up: &Chain<'_>, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let dir = rest.dir;
        let side = self.sides.of_mut(dir);
        if side.is_lost {
            eye.piece(up, rest);
            return Some(rest.bytes.len());
        }
        if let Some(data) = side.data {
            return Some(self.data(up, data, rest, eye));
        }
        if !std::mem::replace(&mut side.began, true) && rest.bytes.starts_with(PREFACE) {
            return Some(PREFACE.len());
        }
        let frame = Frame::read(rest.bytes)?;
        let Frame { length: len, kind, flags, stream } = frame;
        let in_block = side.block.as_ref().is_some_and(|(of, ..)| kind != CONTINUATION || *of != stream);
        if !frame.is_sound() || in_block || kind != DATA && len > LONGEST_FRAME {
            eye.cut(Cut::Framing, rest);
            side.is_lost = true;
            return Some(0);
        }
        if kind == DATA {
            let is_padded = flags & PADDED != 0;
            let padding = if is_padded { usize::from(*rest.bytes.get(HEADER)?) } else { 0 };
            let head = usize::from(is_padded);
            let left = len.saturating_sub(head).saturating_sub(padding);
            let data = Data { stream, left, padding, ends: flags & END_STREAM != 0 };
            return Some(HEADER + head + self.data(up, data, &rest.from(HEADER + head), eye));
        }
        let payload = rest.slice(HEADER..HEADER + len)?;
        self.control(up, frame, &payload, eye);
        Some(HEADER + len)
    }

    fn data(&mut self, up: &Chain<'_>, data: Data, rest: &Window<'_>, eye: &mut Eye) -> usize {
        let inside = up.then(Layer::Stream("HTTP/2", u64::from(data.stream)));
        let content = data.left.min(rest.bytes.len());
        let padding = data.padding.min(rest.bytes.len() - content);
        let (left, padding_left) = (data.left - content, data.padding - padding);
        let is_over = left == 0 && padding_left == 0;
        if let Some(part) = rest.slice(0..content).filter(|part| !part.bytes.is_empty()) {
            match self.stream(data.stream, rest, eye) {
                Some(exchange) => exchange.data(&inside, &part, eye),
                None => {
                    eye.piece(&inside, &part);
                }
            }
        }
        self.sides.of_mut(rest.dir).data = if is_over { None } else { Some(Data { left, padding: padding_left, ..data }) };
        if is_over && data.ends {
            self.end(&inside, data.stream, rest.dir, eye);
        }
        content + padding
    }

    fn control(&mut self, up: &Chain<'_>, frame: Frame, payload: &Window<'_>, eye: &mut Eye) {
        let Frame { kind, flags, stream, .. } = frame;
        let inside = up.then(Layer::Stream("HTTP/2", u64::from(stream)));
        match kind {
            HEADERS | PUSH_PROMISE => {
                let mut block = Stitched::new();
                if let Some(fragment) = payload.slice(frame.block(payload.bytes)) {
                    block.push(&fragment);
                }
                // A promised request is the server's word for what the client did not ask: it belongs to the stream it was made on.
                self.block(&inside, stream, flags, kind == HEADERS && flags & END_STREAM != 0, block, payload.dir, eye);
            }
            CONTINUATION => {
                if let Some((_, ends, mut block)) = self.sides.of_mut(payload.dir).block.take() {
                    block.push(payload);
                    if block.len() > LONGEST_BLOCK {
                        eye.cut(Cut::Headers, payload);
                        block.clear();
                    }
                    self.block(&inside, stream, flags, ends, block, payload.dir, eye);
                }
            }
            RST_STREAM => {
                for dir in [Dir::Client, Dir::Server] {
                    self.end(&inside, stream, dir, eye);
                }
            }
            SETTINGS => {}
            // PING, GOAWAY, ALTSVC, unknown ones: a few octets, which may hold text.
            _ if payload.bytes.len() >= SHORTEST_TEXT => {
                eye.piece(&inside, payload);
            }
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn block(&mut self, inside: &Chain<'_>, stream: u32, flags: u8, ends: bool, block: Stitched, dir: Dir, eye: &mut Eye) {
        let side = self.sides.of_mut(dir);
        if flags & END_HEADERS == 0 {
            side.block = Some((stream, ends, block));
            return;
        }
        let Some(window) = block.window(dir) else { return };
        let decoded = side.hpack.decode(window.bytes);
        if !decoded.is_complete {
            eye.cut(Cut::Headers, &window);
        }
        if let Some(exchange) = self.stream(stream, &window, eye) {
            exchange.fields(inside, &decoded.fields, &window, eye);
        }
        if ends {
            self.end(inside, stream, dir, eye);
        }
    }

    fn stream(&mut self, id: u32, at: &Window<'_>, eye: &mut Eye) -> Option<&mut Exchange> {
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&id) {
            eye.cut(Cut::Memory, at);
            return None;
        }
        Some(self.streams.entry(id).or_default())
    }

    fn end(&mut self, inside: &Chain<'_>, id: u32, dir: Dir, eye: &mut Eye) {
        if let Some(exchange) = self.streams.get_mut(&id) {
            exchange.end(inside, dir, true, eye);
            if exchange.is_over() {
                exchange.close(inside, eye);
                self.streams.remove(&id);
            }
        }
    }

    /// Octets are missing: frames can no longer be told apart.
    pub(super) fn gap(&mut self, dir: Dir) {
        let side = self.sides.of_mut(dir);
        side.is_lost = true;
        side.data = None;
        self.streams.values_mut().for_each(|exchange| exchange.gap(dir));
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            if let Some(held) = self.sides.of(dir).held.window(dir) {
                eye.cut(Cut::Unfinished, &held);
                eye.piece(up, &held);
            }
        }
        let mut left: Vec<(u32, Exchange)> = self.streams.drain().collect();
        left.sort_by_key(|(id, _)| *id);
        for (id, mut exchange) in left {
            exchange.close(&up.then(Layer::Stream("HTTP/2", u64::from(id))), eye);
        }
    }
}

/// A frame with less than this holds no phrase.
const SHORTEST_TEXT: usize = 8;
