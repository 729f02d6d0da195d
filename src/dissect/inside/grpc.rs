//! gRPC over HTTP/2 (the gRPC protocol document): messages with a length before them, each compressed or not, each Protocol Buffers.

use crate::base::{Dir, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;
use super::leaf::Leaf;
use super::unpack::{Format, State, Unpack};

/// A compressed flag and a length.
const PREFIX: usize = 5;
/// A message longer than this is looked at in pieces, and not as Protocol Buffers.
const MOST_WHOLE: usize = 512 * 1024;

/// The messages of one direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Grpc {
    encoding: Vec<u8>,
    held: Stitched,
    count: u32,
}

impl Grpc {
    /// Messages compressed as `grpc-encoding` says.
    pub(super) fn new(encoding: &[u8]) -> Grpc {
        Grpc { encoding: encoding.to_vec(), ..Grpc::default() }
    }

    /// More octets.
    pub(super) fn push(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        self.held.push(window);
        loop {
            let Some(held) = self.held.window(window.dir) else { return };
            let Some(&[flag, a, b, c, d]) = held.bytes.get(..PREFIX) else { return };
            let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            if len > MOST_WHOLE && held.bytes.len() >= MOST_WHOLE || flag & 0x7e != 0 {
                // Too long to wait for, or no prefix at all.
                eye.cut(Cut::Framing, &held);
                eye.piece(up, &held);
                self.held.clear();
                return;
            }
            let Some(message) = PREFIX.checked_add(len).and_then(|end| held.slice(PREFIX..end)) else { return };
            self.count = self.count.saturating_add(1);
            let inside = up.then(Layer::Message("gRPC", self.count));
            if flag & 1 == 1 {
                compressed(&inside, &self.encoding, &message, eye);
            } else if flag & 0x80 == 0 {
                eye.declared_protobuf(&inside, &message);
            } else {
                // Trailers of gRPC-Web: text.
                eye.piece(&inside, &message);
            }
            self.held.consume(PREFIX + len);
        }
    }

    /// The stream ends.
    pub(super) fn end(&mut self, up: &Chain<'_>, dir: Dir, _is_whole: bool, eye: &mut Eye) {
        if let Some(held) = self.held.window(dir) {
            eye.cut(Cut::Unfinished, &held);
            eye.piece(up, &held);
        }
        self.held.clear();
    }
}

fn compressed(up: &Chain<'_>, encoding: &[u8], message: &Window<'_>, eye: &mut Eye) {
    let Some(format) = Format::of_coding(encoding).or_else(|| Format::of_magic(message.bytes)) else {
        eye.piece(up, message);
        return;
    };
    let inside = up.then(Layer::Undone(format.name()));
    let mut leaf = Leaf::of_protobuf();
    let state = Unpack::new(format).push(message.bytes, &mut |piece| {
        leaf.push_derived(&inside, piece, message, eye);
        true
    });
    match state {
        State::Ended(_) => {}
        State::Bomb => eye.cut(Cut::Bomb, message),
        State::Open | State::Damaged => eye.cut(Cut::Compression, message),
    }
    leaf.end(&inside, message.dir, true, eye);
}
