//! Floor 4: from bytes to facts; one file or folder per protocol.

pub mod quic;
pub mod tls;

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

    /// The connection is over: state what is known only now.
    fn close(&mut self, facts: &mut Facts) {
        let _ = facts;
    }

    /// What should happen to the bytes that follow; asked after each `feed`.
    fn next(&self) -> Next {
        Next::Stay
    }
}

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

/// Whether the first bytes of a direction are a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// Too few to tell.
    More,
}

/// A protocol: recognised by its bytes, never by its port.
pub trait Protocol: Payload {
    /// Whether the first bytes sent in a direction are this protocol.
    fn probe(window: &Window<'_>) -> Probe;
}
