//! One OpenVPN connection: how it opens, and the TLS of its control channel.

use crate::base::{Basis, Dir, Evidence, Fact, Facts, Kind, Sides, Stitched, What, Window};
use crate::dissect::tls::Tls;
use crate::dissect::{Next, Payload};

use super::packet::{Control, Reset, Wrapping, opcode};

/// Packets after which a connection is left alone.
const MOST_PACKETS: u16 = 1024;
/// Packets that may wait for an earlier one: the reference implementation sends no more ahead.
const MOST_AHEAD: usize = 12;
/// Octets of TLS that may wait to be read: a record's beginning does.
const MOST_UNREAD: usize = 1 << 15;

/// Where a connection is.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The first packet that opened it, and its frames.
    opening: Option<(Reset, Evidence)>,
    /// The frames that named it, once it is.
    named: Option<Evidence>,
    control: Option<Box<ControlChannel>>,
    packets: u16,
    over: Option<Next>,
}

/// The bytes of the control channel, put into order, and what reads them.
#[derive(Debug, Default)]
struct ControlChannel {
    tls: Tls,
    sides: Sides<Side>,
    begun: bool,
}

/// One direction of the control channel.
#[derive(Debug, Default)]
struct Side {
    /// The id of the packet read last: the one that opened the connection has 0.
    read: u32,
    bytes: Stitched,
    ahead: Vec<(u32, Stitched)>,
}

impl Session {
    pub(super) fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }

    /// Reads a packet. Returns whether it may be one of this connection.
    pub(super) fn packet(&mut self, packet: &Window<'_>, facts: &mut Facts) -> bool {
        if self.over.is_some() {
            return true;
        }
        self.packets = self.packets.saturating_add(1);
        let sound = match (packet.bytes.first().map(|first| (first >> 3, first & 7)), &self.named) {
            (Some((opcode::HARD_RESET_CLIENT_V2 | opcode::HARD_RESET_SERVER_V2 | opcode::HARD_RESET_CLIENT_V3, 0)), None) => {
                self.reset(packet, facts)
            }
            (Some((opcode::CONTROL_V1, 0)), Some(_)) => {
                self.control(packet, facts);
                true
            }
            (Some((kind, _)), Some(_)) => (1..=opcode::LAST).contains(&kind),
            // Its side of the opening was not captured.
            (Some((kind, _)), None) => self.opening.as_ref().is_some_and(|(opening, _)| opening.from != packet.dir) && kind <= opcode::LAST,
            (None, _) => true,
        };
        if !sound && self.named.is_none() {
            self.over = Some(Next::Upgrade);
            return false;
        }
        if self.packets >= MOST_PACKETS {
            self.close(facts);
        }
        true
    }

    /// The connection is over, or nothing more of it can be read.
    pub(super) fn close(&mut self, facts: &mut Facts) {
        if self.over.is_some() {
            return;
        }
        self.over = Some(Next::Done);
        match (self.named.take(), self.opening.take()) {
            (Some(named), _) => {
                if let Some(mut control) = self.control.take() {
                    control.tls.close(facts);
                    name_it(named, facts);
                }
            }
            // Nobody answered in this capture.
            (None, Some((_, evidence))) => facts.infer(What::Protocol("openvpn"), evidence),
            (None, None) => {}
        }
    }

    /// A packet that opens the connection: the second one names it, when it answers the first.
    fn reset(&mut self, packet: &Window<'_>, facts: &mut Facts) -> bool {
        let Some(reset) = Reset::read(packet.bytes).filter(|reset| reset.from == packet.dir) else { return false };
        let (first, evidence) = match &self.opening {
            Some((first, evidence)) if first.from != reset.from => (first, evidence.clone().and(&packet.all())),
            // The first, or sent again: by a server that answers, or a client that begins anew.
            _ => {
                self.opening = Some((reset, packet.all()));
                return true;
            }
        };
        let (client, server) = if reset.from == Dir::Server { (*first, reset) } else { (reset, *first) };
        let belong = match (client.wrapping, server.wrapping) {
            (Wrapping::Encrypted, Wrapping::Encrypted) => true,
            (client_wrapping, server_wrapping) => client_wrapping == server_wrapping && server.answers == Some(client.session),
        };
        if belong {
            facts.observe(What::Protocol("openvpn"), evidence.clone());
            self.named = Some(evidence);
            match client.wrapping {
                Wrapping::Encrypted => self.over = Some(Next::Done),
                Wrapping::Plain | Wrapping::Authenticated(_) => self.control = Some(Box::default()),
            }
        }
        belong
    }

    fn control(&mut self, packet: &Window<'_>, facts: &mut Facts) {
        let (Some(control), Some(named), Some((opening, _))) = (&mut self.control, &self.named, &self.opening) else { return };
        let Ok(Some(Control { id, payload, .. })) = Control::read(packet.bytes, opening.wrapping) else { return };
        let lost = !control.packet(id, &packet.from(payload), named, facts);
        if lost || control.tls.next() == Next::Done {
            self.close(facts);
        }
    }
}

impl ControlChannel {
    /// Takes the payload of a packet. Returns whether what follows can still be put into order.
    fn packet(&mut self, id: u32, payload: &Window<'_>, named: &Evidence, facts: &mut Facts) -> bool {
        let side = self.sides.of_mut(payload.dir);
        if id <= side.read || side.ahead.iter().any(|(waiting, _)| *waiting == id) {
            return true;
        }
        if id != side.read.saturating_add(1) {
            let mut waiting = Stitched::new();
            waiting.push(payload);
            side.ahead.push((id, waiting));
            return side.ahead.len() <= MOST_AHEAD;
        }
        if !std::mem::replace(&mut self.begun, true) {
            facts.observe(What::TlsTunnel("openvpn"), named.clone().and(&payload.all()));
        }
        side.read = id;
        side.bytes.push(payload);
        while let Some(at) = side.ahead.iter().position(|(waiting, _)| *waiting == side.read.saturating_add(1)) {
            let (id, waiting) = side.ahead.swap_remove(at);
            side.read = id;
            if let Some(window) = waiting.window(payload.dir) {
                side.bytes.push(&window);
            }
        }
        if let Some(window) = side.bytes.window(payload.dir) {
            let taken = self.tls.feed(&window, facts);
            side.bytes.consume(taken);
        }
        let fits = side.bytes.len() <= MOST_UNREAD;
        name_it(named.clone(), facts);
        fits
    }
}

/// The TLS of the control channel calls the connection `tls`: what is inside are keys, not the payload.
fn name_it(evidence: Evidence, facts: &mut Facts) {
    if facts.get(Kind::Protocol).is_some_and(|fact| fact.what == What::Protocol("tls")) {
        facts.replace(Fact { what: What::Protocol("openvpn"), basis: Basis::Observed, evidence });
    }
}
