//! What goes by on a connection and is not of its protocol, also when nothing more is read of it.

use super::{Flow, Header, Packet, Payload, Streams};
use crate::base::{Dir, Facts};
use crate::flow::Stranger;
use crate::flow::framing::Follower;

/// What tells payload that is something else than what was recognised.
#[derive(Debug)]
pub(super) enum Watched {
    Nothing,
    /// Datagrams are looked at one by one.
    Datagrams(Stranger),
    /// The frames of both byte streams are followed; nothing more is learnt of them.
    Frames(Box<Follower>),
}

impl Watched {
    /// What is done with byte streams whose reading ended.
    pub(super) fn after<S: Payload>(streams: &Streams<S>, facts: &mut Facts) -> Watched {
        streams.follower(facts).map_or(Watched::Nothing, Watched::Frames)
    }

    /// From now on windows carry the opposite labels.
    pub(super) fn swap_sides(&mut self) {
        if let Watched::Frames(follower) = self {
            follower.swap_sides();
        }
    }
}

impl<S: Payload, D: Payload> Flow<S, D> {
    /// Counts what is not of the protocol that was recognised.
    #[inline]
    pub(super) fn watch(&mut self, dir: Dir, packet: &Packet<'_>) {
        let bytes = packet.payload.bytes;
        match (&mut self.watched, &packet.transport) {
            (Watched::Nothing, _) => {}
            (Watched::Datagrams(stranger), _) if stranger(bytes) => self.count_other(packet, None),
            // A reset may say why in octets of its own, which are no part of the stream (RFC 9293 §3.5.3).
            (Watched::Frames(follower), Header::Tcp(tcp)) if !tcp.flags.rst => {
                if let Some(at) = follower.see(dir, tcp.seq, bytes, packet.payload_wire_len) {
                    self.count_other(packet, Some(at));
                }
            }
            _ => {}
        }
    }

    /// A datagram that is something else, or what of a segment begins at an octet.
    #[cold]
    fn count_other(&mut self, packet: &Packet<'_>, from: Option<usize>) {
        let facts = self.facts_of_now();
        match from {
            None => facts.other_datagram(&packet.payload),
            Some(at) => facts.other_octets(&packet.payload.from(at)),
        }
    }
}
