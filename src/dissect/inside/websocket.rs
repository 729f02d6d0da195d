//! WebSocket (RFC 6455 §5) with permessage-deflate (RFC 7692): masks, fragments, control frames between them, and a compression context
//! that may be carried from message to message.

use crate::base::{Dir, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::leaf::Leaf;
use super::mqtt::Mqtt;
use super::unpack::{Format, State, Unpack};

/// What the handshake agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Sides that begin each message with an empty context.
    pub no_takeover: Sides<bool>,
    /// The subprotocol is MQTT (its standard, §6).
    pub mqtt: bool,
}

impl Agreed {
    /// Takes in a header field of the server's answer.
    pub(super) fn header(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"sec-websocket-extensions") {
            let value = value.to_ascii_lowercase();
            let has = |part: &[u8]| memchr::memmem::find(&value, part).is_some();
            self.no_takeover.client |= has(b"client_no_context_takeover");
            self.no_takeover.server |= has(b"server_no_context_takeover");
        } else if name.eq_ignore_ascii_case(b"sec-websocket-protocol") {
            self.mqtt |= value.trim_ascii().to_ascii_lowercase().starts_with(b"mqtt");
        }
    }
}

/// Both directions of a WebSocket.
#[derive(Debug, Default)]
pub(super) struct WebSocket {
    agreed: Agreed,
    sides: Sides<Side>,
    mqtt: Mqtt,
}

#[derive(Debug, Default)]
struct Side {
    /// A header that is not whole yet.
    head: Stitched,
    /// The frame that is being read.
    frame: Option<Frame>,
    /// Messages begun.
    count: u32,
    /// The message that is being read: whether it is compressed.
    message: Option<bool>,
    leaf: Leaf,
    unpack: Option<Unpack>,
    is_lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    /// Octets still to come, and where in the mask the next one is.
    left: u64,
    at: usize,
}

/// From this opcode on, frames are control frames (RFC 6455 §5.5).
const CLOSE: u8 = 8;

impl WebSocket {
    /// After the handshake.
    pub(super) fn new(agreed: Agreed) -> WebSocket {
        WebSocket { agreed, ..WebSocket::default() }
    }

    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        let WebSocket { agreed, sides, mqtt } = self;
        let side = sides.of_mut(window.dir);
        let mut rest = *window;
        while !rest.bytes.is_empty() {
            if side.is_lost {
                side.leaf.push(up, &rest, eye);
                return;
            }
            let Some(frame) = side.frame else {
                let Some(taken) = side.header(&rest, eye) else { return };
                rest = rest.from(taken);
                side.begin(up, window.dir, *agreed, mqtt, eye);
                continue;
            };
            let len = usize::try_from(frame.left).unwrap_or(usize::MAX).min(rest.bytes.len());
            let Some(part) = rest.slice(0..len) else { return };
            side.payload(up, &part, eye);
            rest = rest.from(len);
            side.begin(up, window.dir, *agreed, mqtt, eye);
        }
    }

    /// Octets are missing: frames can no longer be told apart.
    pub(super) fn gap(&mut self, dir: Dir) {
        self.sides.of_mut(dir).is_lost = true;
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            let side = self.sides.of_mut(dir);
            let is_whole = side.message.is_none() && side.frame.is_none() && side.head.is_empty() && !side.is_lost;
            side.within(up, |leaf, chain, eye| leaf.end(chain, dir, is_whole, eye), eye);
        }
        self.mqtt.close(up, eye);
    }
}

impl Side {
    /// Reads a frame header (RFC 6455 §5.2) from the front of `rest`. Returns how many octets of it were taken; `None` when it is not whole.
    fn header(&mut self, rest: &Window<'_>, eye: &mut Eye) -> Option<usize> {
        let before = self.head.len();
        // Two octets, a length, a mask.
        let most = rest.bytes.len().min(14usize.saturating_sub(before));
        self.head.push(&rest.slice(0..most)?);
        let held = self.head.window(rest.dir)?;
        let &[first, second, ..] = held.bytes else { return None };
        let extra = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        let len = 2 + extra + if masked { 4 } else { 0 };
        let header = held.bytes.get(..len)?;
        let left = match extra {
            0 => u64::from(second & 0x7f),
            n => header.get(2..2 + n)?.iter().fold(0, |value, b| value << 8 | u64::from(*b)),
        };
        let mask = if masked { <[u8; 4]>::try_from(header.get(2 + extra..)?).ok() } else { None };
        let opcode = first & 0x0f;
        let is_sound = first & 0x30 == 0 && matches!(opcode, 0..=2 | 8..=10) && left < 1 << 62;
        if !is_sound {
            eye.cut(Cut::Framing, &held);
            self.is_lost = true;
            self.head.clear();
            return Some(0);
        }
        if opcode < CLOSE && opcode != 0 {
            self.message = Some(first & 0x40 != 0);
            self.count = self.count.saturating_add(1);
        }
        self.frame = Some(Frame { fin: first & 0x80 != 0, opcode, mask, left, at: 0 });
        self.head.clear();
        Some(len.saturating_sub(before))
    }

    fn payload(&mut self, up: &Chain<'_>, part: &Window<'_>, eye: &mut Eye) {
        let Some(frame) = &mut self.frame else { return };
        let mut bytes = part.bytes.to_vec();
        if let Some(mask) = frame.mask {
            for (i, b) in bytes.iter_mut().enumerate() {
                *b ^= mask.get((frame.at + i) % 4).copied().unwrap_or(0);
            }
        }
        frame.at = (frame.at + bytes.len()) % 4;
        frame.left = frame.left.saturating_sub(bytes.len() as u64);
        if frame.opcode >= CLOSE {
            // A few octets of text at most: a reason, or an echo.
            eye.derived(&up.then(Layer::Message("WebSocket control", self.count)), &bytes, part, true);
            return;
        }
        self.take(up, &bytes, part, eye);
    }

    /// Unmasked octets of the message.
    fn take(&mut self, up: &Chain<'_>, bytes: &[u8], part: &Window<'_>, eye: &mut Eye) {
        let message = up.then(Layer::Message("WebSocket", self.count));
        if self.message != Some(true) {
            // The mask is undone octet by octet: each keeps its own frame.
            let mut made = Stitched::new();
            let mut at = 0;
            for chunk in bytes.chunks(CHUNK) {
                if let Some(origin) = part.slice(at..at + chunk.len()) {
                    made.push_derived(chunk, &origin);
                }
                at += chunk.len();
            }
            if let Some(window) = made.window(part.dir) {
                self.leaf.push(&message, &window, eye);
            }
            return;
        }
        let inside = message.then(Layer::Undone("inflate"));
        let Side { unpack, leaf, .. } = self;
        let unpack = unpack.get_or_insert_with(|| Unpack::new(Format::Inflate));
        let state = unpack.push(bytes, &mut |piece| {
            leaf.push_derived(&inside, piece, part, eye);
            true
        });
        match state {
            State::Open | State::Ended(_) => {}
            State::Damaged => eye.cut(Cut::Compression, part),
            State::Bomb => eye.cut(Cut::Bomb, part),
        }
    }

    /// What happens where a frame ends: the message may end with it.
    fn begin(&mut self, up: &Chain<'_>, dir: Dir, agreed: Agreed, mqtt: &mut Mqtt, eye: &mut Eye) {
        let Some(frame) = self.frame.filter(|frame| frame.left == 0) else { return };
        self.frame = None;
        if frame.opcode >= CLOSE || !frame.fin {
            return;
        }
        if self.message == Some(true) {
            // RFC 7692 §7.2.2: the end that the sender left out.
            self.finish_deflate(up, dir, eye);
        }
        let is_mqtt = agreed.mqtt;
        self.within(
            up,
            |leaf, chain, eye| if is_mqtt { leaf.hand_over(chain, dir, mqtt, eye) } else { leaf.end(chain, dir, true, eye) },
            eye,
        );
        if self.message == Some(true) && (*agreed.no_takeover.of(dir) || self.unpack.as_ref().is_some_and(|u| u.state() != State::Open)) {
            self.unpack = None;
        }
        self.message = None;
    }

    fn finish_deflate(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        let message = up.then(Layer::Message("WebSocket", self.count));
        let inside = message.then(Layer::Undone("inflate"));
        let Side { unpack: Some(unpack), leaf, .. } = self else { return };
        let mut rest = Vec::new();
        unpack.push(&[0, 0, 0xff, 0xff], &mut |piece| {
            rest.extend_from_slice(piece);
            true
        });
        unpack.next_message();
        leaf.push_more(&inside, &rest, dir, eye);
    }

    fn within(&mut self, up: &Chain<'_>, then: impl FnOnce(&mut Leaf, &Chain<'_>, &mut Eye), eye: &mut Eye) {
        let message = up.then(Layer::Message("WebSocket", self.count));
        match &self.unpack {
            Some(_) if self.message == Some(true) => then(&mut self.leaf, &message.then(Layer::Undone("inflate")), eye),
            _ => then(&mut self.leaf, &message, eye),
        }
    }
}

/// Unmasked octets are mapped to their frames in chunks of this size.
const CHUNK: usize = 256;
