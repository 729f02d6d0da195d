//! A SYN in the middle of a connection.
//!
//! It begins another connection with the same addresses and ports where the old one ended unseen; or it is forged, and the receiver answers
//! with an acknowledgment of what it expects (RFC 5961 §4). So it begins one only once it is answered: by a SYN of the other side that
//! acknowledges it, or, where only one side was captured, by the sender going on behind it. Else whoever can send one packet could cut any
//! connection in two, and have neither part judged.

use super::{Away, Flow, Header, Makers, Packet, Payload, Shard};
use crate::base::{Frame, FrameNo, LinkType, Timestamp};
use crate::flow::FlowKey;
use crate::link::TcpHeader;

/// An opening that nobody has answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Challenge {
    from_low: bool,
    header: TcpHeader,
    frame: FrameNo,
    at: Timestamp,
    wire_len: u32,
    vlan: Option<u16>,
}

impl Challenge {
    /// Whether this segment shows that the opening was taken.
    pub(super) fn is_answered_by(&self, tcp: &TcpHeader, from_low: bool) -> bool {
        let next = self.header.seq.wrapping_add(1);
        match (from_low == self.from_low, tcp.flags.syn) {
            (false, true) => tcp.flags.ack && tcp.ack == next,
            (true, false) => tcp.flags.ack && tcp.seq == next,
            _ => false,
        }
    }
}

impl<S: Payload, D: Payload> Shard<S, D> {
    /// Keeps the opening aside; of several the last one, and of one that is repeated the first.
    #[cold]
    pub(super) fn challenged(&mut self, slot: u32, from_low: bool, packet: &Packet<'_>) {
        let (Some(flow), Header::Tcp(header)) = (self.flows.get_mut(slot as usize), packet.transport) else { return };
        self.strays += 1;
        let is_repeated = |old: &Challenge| old.from_low == from_low && old.header.seq == header.seq;
        if !flow.challenge.as_deref().is_some_and(is_repeated) {
            let (frame, at) = (packet.payload.newest(), packet.payload.at);
            flow.challenge = Some(Box::new(Challenge { from_low, header, frame, at, wire_len: packet.wire_len, vlan: packet.vlan }));
        }
    }

    /// The opening was answered: the connection that it began takes the place of the old one.
    #[cold]
    pub(super) fn give_way(&mut self, slot: u32, key: &FlowKey, makers: &Makers<S, D>) {
        let Some(opening) = self.flows.get_mut(slot as usize).and_then(|flow| flow.challenge.take()) else { return };
        let (src, dst) = if opening.from_low { (key.low(), key.high()) } else { (key.high(), key.low()) };
        let frame =
            Frame { number: opening.frame, at: opening.at, bytes: &[], wire_len: opening.wire_len, link: LinkType(0), interface: 0 };
        let packet = Packet {
            wire_len: opening.wire_len,
            src: src.ip,
            dst: dst.ip,
            transport: Header::Tcp(opening.header),
            payload: frame.window(&[]),
            payload_wire_len: 0,
            vlan: opening.vlan,
            process: None,
        };
        self.strays = self.strays.saturating_sub(1);
        self.replace(slot, Flow::new(*key, opening.from_low, &packet));
        if let Some(flow) = self.flows.get_mut(slot as usize) {
            // It has no payload: nothing is read, and nothing can fail.
            let _ = flow.packet(opening.from_low, &packet, makers, Away::Nowhere);
        }
    }
}
