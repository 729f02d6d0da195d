//! Where a frame is being read: the bytes of one layer, and what the layers above it said.

use super::defrag::Fragments;
use super::{LinkCounts, Packet, Process};
use crate::base::Window;

/// How many headers of one frame are read. Real stacks of tunnels have less than half of it.
const MOST_HEADERS: u8 = 32;

/// The bytes of one layer: what was captured of them, where they lie, and how many there were on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub bytes: &'a [u8],
    at: usize,
    wire: usize,
}

impl<'a> Layer<'a> {
    /// All of a window. A capture that claims fewer octets on the wire than it holds is not believed.
    pub fn whole(window: &Window<'a>, wire_len: u32) -> Layer<'a> {
        let wire = usize::try_from(wire_len).unwrap_or(usize::MAX).max(window.bytes.len());
        Layer { bytes: window.bytes, at: 0, wire }
    }

    /// Octets there were on the wire; at least as many as `bytes` holds.
    pub fn wire(&self) -> usize {
        self.wire
    }

    /// Whether the capture holds less than there was on the wire.
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.wire
    }

    /// What follows the first `n` octets; `None` when fewer were captured.
    pub fn skip(self, n: usize) -> Option<Layer<'a>> {
        Some(Layer { bytes: self.bytes.get(n..)?, at: self.at.saturating_add(n), wire: self.wire.saturating_sub(n) })
    }

    /// What follows the first `n` octets, empty when the capture ends before.
    pub fn after(self, n: usize) -> Layer<'a> {
        let start = n.min(self.bytes.len());
        let bytes = self.bytes.get(start..).unwrap_or_default();
        Layer { bytes, at: self.at.saturating_add(start), wire: self.wire.saturating_sub(n) }
    }

    /// The first `n` octets, or all when there are fewer: what a length field of an enclosing header leaves.
    pub fn limit(self, n: usize) -> Layer<'a> {
        let bytes = self.bytes.get(..n).unwrap_or(self.bytes);
        Layer { bytes, at: self.at, wire: self.wire.min(n) }
    }

    /// Exactly `n` octets on the wire by this layer's own length field, whether the frame had room for them or not.
    pub fn claim(self, n: usize) -> Layer<'a> {
        Layer { wire: n, ..self.limit(n) }
    }

    /// These octets in `root`, the window the outermost layer was made of.
    pub fn window(&self, root: &Window<'a>) -> Window<'a> {
        root.slice(self.at..self.at.saturating_add(self.bytes.len())).unwrap_or_else(|| root.from(usize::MAX))
    }

    /// `N` bytes at an offset.
    pub fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }

    /// One octet at an offset.
    pub fn u8(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// A big-endian 16-bit number at an offset.
    pub fn be16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// A big-endian 32-bit number at an offset.
    pub fn be32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// A little-endian 16-bit number at an offset.
    pub fn le16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit number at an offset.
    pub fn le32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
}

/// One frame, or one datagram put together from fragments, on its way down the layers.
///
/// The methods that read a layer are spread over the files of this floor; each says whether it found an IP packet worth telling. What
/// they cannot read they leave alone: no error travels up, because the frame's outer packet may still be worth telling.
pub(super) struct Walk<'w, 'a> {
    pub counts: &'w mut LinkCounts,
    pub fragments: &'w mut Fragments,
    pub sink: &'w mut dyn FnMut(&Packet<'_>),
    /// The window the layers' offsets refer to.
    pub root: Window<'a>,
    pub wire_len: u32,
    pub vlan: Option<u16>,
    pub process: Option<Process<'a>>,
    /// Whether a header contradicted the length of its layer.
    pub malformed: bool,
    /// Whether this is inside a UDP datagram.
    pub in_udp: bool,
    headers_left: u8,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub fn new(
        counts: &'w mut LinkCounts,
        fragments: &'w mut Fragments,
        sink: &'w mut dyn FnMut(&Packet<'_>),
        root: Window<'a>,
        wire_len: u32,
    ) -> Walk<'w, 'a> {
        Walk {
            counts,
            fragments,
            sink,
            root,
            wire_len,
            vlan: None,
            process: None,
            malformed: false,
            in_udp: false,
            headers_left: MOST_HEADERS,
        }
    }

    /// A walk through a datagram put together from fragments, of which this frame brought the last.
    pub fn within<'s, 'b>(&'s mut self, root: Window<'b>, wire_len: u32) -> Walk<'s, 'b>
    where
        'a: 'b,
    {
        let Walk { vlan, process, headers_left, malformed, in_udp, .. } = *self;
        Walk {
            counts: &mut *self.counts,
            fragments: &mut *self.fragments,
            sink: &mut *self.sink,
            root,
            wire_len,
            vlan,
            process,
            malformed,
            in_udp,
            headers_left,
        }
    }

    /// Whether one more header may be read: bounds the work on a frame and the depth of the stack.
    pub fn next_header(&mut self) -> bool {
        match self.headers_left.checked_sub(1) {
            Some(left) => {
                self.headers_left = left;
                true
            }
            None => false,
        }
    }

    /// Reads what may be inside a tunnel. When nothing is found, it was no tunnel and nothing is held against the frame.
    pub fn inside(&mut self, read: impl FnOnce(&mut Self) -> bool) -> bool {
        let (vlan, malformed) = (self.vlan, self.malformed);
        let found = read(self);
        if !found {
            (self.vlan, self.malformed) = (vlan, malformed);
        }
        found
    }

    /// Notes a header that contradicts its length. Nothing was found in it.
    pub fn broken(&mut self) -> bool {
        self.malformed = true;
        false
    }
}
