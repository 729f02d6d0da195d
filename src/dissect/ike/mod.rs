//! IKE (RFC 7296; version 1: RFC 2409), and the ESP that follows it in UDP (RFC 3948; RFC 4303).
//!
//! On the port for NAT, IKE has four octets of zero before it where ESP has its index (RFC 3948 §2.2). ESP is named only after IKE on the same
//! addresses and ports: a number and a counter alone could be many things.

mod message;
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Evidence, Exposed, Facts, Kind, Reader, Sides, What, Window};

use message::{Message, exchange, payload};

/// RFC 3948 §2.2: stands where ESP has its index.
const NON_ESP_MARKER: &[u8] = &[0; 4];
/// Datagrams after which a connection is left alone.
const MOST_DATAGRAMS: u16 = 512;
/// Packets of ESP to one index, with rising numbers, that name it.
const ENOUGH_ESP: u8 = 2;

/// One connection of an IPsec peer.
#[derive(Debug, Default)]
pub struct Ike {
    /// The index of the side that began, while the first exchange is read.
    begun: Option<([u8; 8], Evidence)>,
    answered: Option<Evidence>,
    /// Encrypted messages of the exchange that proves who is who.
    proven: Sides<Option<Evidence>>,
    complete: bool,
    esp: Sides<Option<Run>>,
    datagrams: u16,
    over: bool,
}

/// ESP of one side.
#[derive(Debug)]
struct Run {
    index: u32,
    number: u32,
    packets: u8,
    evidence: Evidence,
}

impl Protocol for Ike {
    fn probe(window: &Window<'_>) -> Probe {
        if read(window).is_some() { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        read(window).and_then(|(message, _)| message.sender())
    }
}

impl Payload for Ike {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.over {
            return window.bytes.len();
        }
        self.datagrams = self.datagrams.saturating_add(1);
        match read(window) {
            Some((message, inner)) => self.message(&message, &inner, facts),
            None => self.esp(window, facts),
        }
        let told = self.complete && facts.list().iter().any(|fact| fact.what == What::Protocol("esp"));
        if told || self.datagrams >= MOST_DATAGRAMS {
            self.close(facts);
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        if std::mem::replace(&mut self.over, true) || self.complete {
            return;
        }
        match (self.begun.take(), self.answered.take()) {
            (Some((_, evidence)), None) => facts.observe(What::Handshake("client-only"), evidence),
            (None, Some(evidence)) => facts.observe(What::Handshake("server-only"), evidence),
            _ => {}
        }
    }

    fn next(&self) -> Next {
        if self.over { Next::Done } else { Next::Stay }
    }

    fn swap_sides(&mut self) {
        self.proven.swap();
        self.esp.swap();
    }
}

impl Ike {
    fn message(&mut self, message: &Message<'_>, window: &Window<'_>, facts: &mut Facts) {
        if !facts.has(Kind::IkeVersion) {
            facts.observe(What::Protocol("ike"), window.evidence(0..28));
            facts.observe(What::IkeVersion(if message.version == 2 { "2" } else { "1" }), window.evidence(0..28));
        }
        match (message.version, message.exchange) {
            (2, exchange::SA_INIT) => self.initial(message, window, facts),
            (2, exchange::AUTH) if message.is_encrypted() => self.authentication(window, facts),
            // Version 1, aggressive: who it is goes before the keys (RFC 2409 §5.4).
            (1, exchange::AGGRESSIVE) => {
                if let Some((contents, span)) = message.payload(payload::IDENTITY_1) {
                    facts.readable(Exposed::Identifiers, "IKE identity", contents.get(4..).unwrap_or_default(), window.evidence(span));
                }
            }
            _ => {}
        }
    }

    fn initial(&mut self, message: &Message<'_>, window: &Window<'_>, facts: &mut Facts) {
        if !message.is_response() {
            self.begun = Some((message.initiator_spi, window.all()));
            return;
        }
        // A response that only asks for a cookie or another group has no association (RFC 7296 §2.6, §1.2).
        let Some((contents, span)) = message.payload(payload::SA) else { return };
        self.answered = Some(window.all());
        if facts.has(Kind::IkeEncryption) {
            return;
        }
        if let Some(agreed) = message::agreed(contents) {
            if let Some(name) = agreed.encryption {
                facts.observe(What::IkeEncryption(name), window.evidence(span.clone()));
            }
            if !agreed.groups.is_empty() {
                facts.observe(What::IkeGroups(agreed.groups), window.evidence(span));
            }
        }
    }

    fn authentication(&mut self, window: &Window<'_>, facts: &mut Facts) {
        self.proven.of_mut(window.dir).get_or_insert_with(|| window.all());
        if let (Some((_, begun)), Some(answered), Some(client), Some(server), false) =
            (&self.begun, &self.answered, &self.proven.client, &self.proven.server, self.complete)
        {
            self.complete = true;
            facts.observe(What::Handshake("complete"), begun.clone().and(answered).and(client).and(server));
        }
    }

    /// A datagram that is no IKE: an index, a number that rises, and what is encrypted (RFC 4303 §2).
    fn esp(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let mut r = Reader::new(window.bytes);
        let (Ok(index), Ok(number)) = (r.u32(), r.u32()) else { return };
        // RFC 4303 §2.1: up to 255 are reserved. An initialisation vector and a block follow at least.
        if index <= 255 || number == 0 || r.left() < 16 {
            return;
        }
        let run = self.esp.of_mut(window.dir);
        match run {
            Some(run) if run.index == index => {
                if number > run.number {
                    run.number = number;
                    run.packets = run.packets.saturating_add(1);
                    run.evidence.join(&window.all());
                }
            }
            _ => *run = Some(Run { index, number, packets: 1, evidence: window.all() }),
        }
        let named = facts.list().iter().any(|fact| fact.what == What::Protocol("esp"));
        if let Some(run) = run
            && run.packets >= ENOUGH_ESP
            && !named
        {
            facts.infer(What::Protocol("esp"), run.evidence.clone());
        }
    }
}

/// The message in a datagram, and its window without the marker.
fn read<'a>(window: &Window<'a>) -> Option<(Message<'a>, Window<'a>)> {
    let inner = if window.bytes.starts_with(NON_ESP_MARKER) { window.from(NON_ESP_MARKER.len()) } else { *window };
    Some((Message::read(inner.bytes)?, inner))
}
