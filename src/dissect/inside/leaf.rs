//! The content of one message or body: collected, and looked at as a whole where it fits.

use crate::base::{Dir, Stitched, Window};

use super::chain::Chain;
use super::eye::{Eye, Nature};
use super::found::Cut;
use super::mqtt::Mqtt;

/// Content up to this size is looked at as a whole; what is longer, in pieces.
const MOST_WHOLE: usize = 512 * 1024;
/// How much of a piece is looked at again with the next: no phrase is longer, however it is escaped.
const OVERLAP: usize = 4 * 1024;

/// Content that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    held: Stitched,
    /// How many octets at the front were looked at with the piece before.
    looked: usize,
    /// Said to be Protocol Buffers.
    is_protobuf: bool,
    is_media: bool,
}

impl Leaf {
    /// Content that was said to be Protocol Buffers.
    pub(super) fn of_protobuf() -> Leaf {
        Leaf { is_protobuf: true, ..Leaf::default() }
    }

    /// More content.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        self.held.push(window);
        self.settle(up, window.dir, eye);
    }

    /// More content, made of all of `origin`.
    pub(super) fn push_derived(&mut self, up: &Chain<'_>, bytes: &[u8], origin: &Window<'_>, eye: &mut Eye) {
        self.held.push_derived(bytes, origin);
        self.settle(up, origin.dir, eye);
    }

    fn settle(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        if self.held.len() >= MOST_WHOLE {
            self.look(up, dir, eye);
            let behind = self.held.len().saturating_sub(OVERLAP);
            self.held.consume(behind);
            self.looked = self.held.len();
        }
    }

    /// The content ends, or is cut off.
    pub(super) fn end(&mut self, up: &Chain<'_>, dir: Dir, is_whole: bool, eye: &mut Eye) {
        self.look(up, dir, eye);
        if !is_whole && let Some(window) = self.held.window(dir) {
            eye.cut(Cut::Unfinished, &window);
        }
        self.held.clear();
        (self.looked, self.is_media) = (0, false);
    }

    /// A turn ends, and the same text may go on after it: the last of it is kept.
    pub(super) fn pause(&mut self, up: &Chain<'_>, dir: Dir, keep: usize, eye: &mut Eye) {
        self.look(up, dir, eye);
        let behind = self.held.len().saturating_sub(keep);
        self.held.consume(behind);
        self.looked = self.held.len();
    }

    /// A few octets more that only became readable now: they belong to the last that came.
    pub(super) fn push_more(&mut self, up: &Chain<'_>, bytes: &[u8], dir: Dir, eye: &mut Eye) {
        let mut last = Stitched::new();
        if let Some(held) = self.held.window(dir)
            && let Some(tail) = held.slice(held.bytes.len().saturating_sub(1)..held.bytes.len())
        {
            last.push_derived(bytes, &tail);
        }
        if let Some(window) = last.window(dir) {
            self.push(up, &window, eye);
        }
    }

    /// What was collected is a stretch of an MQTT stream.
    pub(super) fn hand_over(&mut self, up: &Chain<'_>, dir: Dir, mqtt: &mut Mqtt, eye: &mut Eye) {
        if let Some(window) = self.held.window(dir) {
            mqtt.push(up, &window, eye);
        }
        self.held.clear();
        self.looked = 0;
    }

    fn look(&mut self, up: &Chain<'_>, dir: Dir, eye: &mut Eye) {
        if self.held.len() <= self.looked {
            return;
        }
        let Some(window) = self.held.window(dir) else { return };
        if self.is_media {
            eye.search(up, &window);
            return;
        }
        eye.looked = self.looked;
        let nature = if self.is_protobuf { eye.declared_protobuf(up, &window) } else { eye.piece(up, &window) };
        eye.looked = 0;
        self.is_media = nature == Nature::Media;
    }
}
