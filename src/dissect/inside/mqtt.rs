//! MQTT 3.1.1 and 5: control packets, and what is published in them.

use crate::base::{Dir, Reader, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;

/// A packet longer than this is not waited for.
const MOST_WHOLE: usize = 512 * 1024;
const PUBLISH: u8 = 3;

/// Both directions of an MQTT connection.
#[derive(Debug, Default)]
pub(super) struct Mqtt {
    sides: Sides<Side>,
    /// Protocol level 5 has properties in its packets.
    has_properties: bool,
}

#[derive(Debug, Default)]
struct Side {
    held: Stitched,
    count: u32,
    is_lost: bool,
}

/// Whether bytes begin with a CONNECT (MQTT 3.1.1 §3.1): its type, a length, the name of the protocol. `None` while too few to tell.
pub(super) fn is_connect(bytes: &[u8]) -> Option<bool> {
    let Some((0x10, rest)) = bytes.split_first() else { return if bytes.is_empty() { None } else { Some(false) } };
    let (_, len) = match remaining_length(rest) {
        Ok(Some(found)) => found,
        Ok(None) => return None,
        Err(()) => return Some(false),
    };
    let name = rest.get(len..).unwrap_or_default();
    let known: [&[u8]; 2] = [b"\x00\x04MQTT", b"\x00\x06MQIsdp"];
    if known.iter().any(|k| name.starts_with(k)) {
        return Some(true);
    }
    if known.iter().any(|k| k.starts_with(name)) { None } else { Some(false) }
}

/// The length behind the first octet, and how many octets it takes (§2.2.3).
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, ()> {
    let mut value = 0usize;
    for (i, b) in bytes.iter().take(4).enumerate() {
        value |= usize::from(b & 0x7f) << (7 * i);
        if b & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() >= 4 { Err(()) } else { Ok(None) }
}

impl Mqtt {
    /// More octets of one side.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        let Mqtt { sides, has_properties } = self;
        let side = sides.of_mut(window.dir);
        side.held.push(window);
        loop {
            let Some(held) = side.held.window(window.dir) else { return };
            let Some((first, rest)) = held.bytes.split_first() else { return };
            let length = if side.is_lost || *first < 0x10 { Err(()) } else { remaining_length(rest) };
            let (len, head) = match length {
                Ok(Some((len, head))) => (len, head + 1),
                Ok(None) => return,
                Err(()) => {
                    eye.cut(Cut::Framing, &held);
                    eye.piece(up, &held);
                    side.is_lost = true;
                    side.held.clear();
                    return;
                }
            };
            if len > MOST_WHOLE {
                side.is_lost = true;
                continue;
            }
            let Some(packet) = held.slice(head..head + len) else { return };
            side.count = side.count.saturating_add(1);
            if first >> 4 == 1 {
                *has_properties = packet.bytes.get(2..).and_then(|rest| rest.iter().find(|b| **b < b' ')).is_some_and(|level| *level == 5);
            }
            let inside = up.then(Layer::Message(name(first >> 4), side.count));
            match published(*first, packet.bytes, *has_properties).and_then(|at| Some((packet.slice(0..at)?, packet.slice(at..len)?))) {
                Some((topic, payload)) => {
                    eye.piece(&inside, &topic);
                    eye.piece(&inside, &payload);
                }
                None => {
                    eye.piece(&inside, &packet);
                }
            }
            side.held.consume(head + len);
        }
    }

    /// Octets are missing.
    pub(super) fn gap(&mut self, dir: Dir) {
        self.sides.of_mut(dir).is_lost = true;
    }

    /// The connection is over.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            if let Some(held) = self.sides.of(dir).held.window(dir) {
                eye.cut(Cut::Unfinished, &held);
                eye.piece(up, &held);
            }
            self.sides.of_mut(dir).held.clear();
        }
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        1 => "MQTT CONNECT",
        PUBLISH => "MQTT PUBLISH",
        8 => "MQTT SUBSCRIBE",
        _ => "MQTT",
    }
}

/// Where the payload of a PUBLISH begins (§3.3): behind the topic, the packet identifier and the properties.
fn published(first: u8, packet: &[u8], has_properties: bool) -> Option<usize> {
    if first >> 4 != PUBLISH {
        return None;
    }
    let mut reader = Reader::new(packet);
    reader.vec16().ok()?;
    if first & 0x06 != 0 {
        reader.u16().ok()?;
    }
    if has_properties {
        let (len, head) = remaining_length(reader.rest()).ok()??;
        reader.skip(head + len).ok()?;
    }
    Some(reader.position())
}
