//! What a flow feeds, without knowing any protocol.

use super::framing::Framing;
use crate::base::{Dir, Facts, Window};

/// Something that is fed the payload of a connection and states facts.
///
/// TCP: `feed` is given contiguous bytes of one direction, starting at the first byte not yet taken, and returns how many
/// it took; the stream keeps the rest and offers it again with what follows. UDP: each datagram once; the return value is ignored.
/// A parse failure is a fact, not an error. No implementation panics on any input.
pub trait Payload: Default {
    /// Looks at bytes; returns how many were taken.
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize;

    /// `missing` octets of this direction will never come; the next window starts after them.
    fn gap(&mut self, dir: Dir, missing: u64, facts: &mut Facts) {
        let _ = (dir, missing, facts);
    }

    /// Bytes that were offered and not taken, and will not be offered again: a gap follows them, or the end.
    fn left(&mut self, window: &Window<'_>) {
        let _ = window;
    }

    /// The connection is over: state what is known only now.
    fn close(&mut self, facts: &mut Facts) {
        let _ = facts;
    }

    /// What should happen to the bytes that follow; asked after each `feed`.
    fn next(&self) -> Next {
        Next::Stay
    }

    /// Who the bytes say the client is, in the labels the windows carry now: `Some(Dir::Server)` means that the flow has
    /// the sides the wrong way round. The flow then swaps its labels, and calls [`Payload::swap_sides`]; what was stated
    /// in facts has the right labels already.
    fn client(&self) -> Option<Dir> {
        None
    }

    /// What tells datagrams that cannot be of the protocol that was recognised, also once nothing more is to be learnt of it. Asked after
    /// each `feed` until then.
    fn stranger(&self, facts: &Facts) -> Option<Stranger> {
        let _ = facts;
        None
    }

    /// How the byte streams go on, asked once when nothing more is to be learnt of them: their frames are still followed, so that what is
    /// none is told.
    fn framing(&self) -> Option<Framing> {
        None
    }

    /// From now on windows carry the opposite labels.
    fn swap_sides(&mut self) {}
}

/// Whether a datagram on the addresses and ports of a connection is something else.
pub type Stranger = fn(&[u8]) -> bool;

/// What a dissector wants done with the bytes that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Feed me.
    Stay,
    /// Everything that follows, in both directions, is to be recognised anew: TLS is expected.
    Upgrade,
    /// Nothing more can be learnt here: count bytes only.
    Done,
}
