//! Calls: what shares the ports of one (RFC 7983). STUN and TURN, DTLS, and the RTP or SRTP that follows.
//!
//! SRTP and RTP look alike. Media is called `srtp` only where DTLS on the same addresses and ports agreed on its keys before
//! (RFC 5764), also inside a TURN relay; else it is `rtp`, which says nothing of its protection. Either is said only after several packets
//! of one source have followed each other.

mod rtp;
mod stun;
mod tcp;
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

pub use tcp::RtcOverTcp;

use super::dtls::{Dtls, envelope};
use super::look::Look;
use super::plain::Channel;
use super::{Next, Payload, Probe, Protocol, Tools};
use crate::base::{Dir, Evidence, Facts, Kind, What, Window};

/// Datagrams without anything new after which a connection is left alone.
const MOST_IDLE: u16 = 512;
/// RFC 6189 §5: where the version of a ZRTP packet stands in place of RTP's, and its magic cookie.
const ZRTP_COOKIE: &[u8] = b"ZRTP";

/// One connection of a call.
#[derive(Debug, Default)]
pub struct Rtc {
    stun: stun::Seen,
    dtls: Option<Box<Dtls>>,
    /// The windows of the label `Dir::Client` are the DTLS server's.
    flipped: bool,
    client: Option<Dir>,
    /// The frames of the DTLS handshake, once it was seen to its end.
    complete: Option<Evidence>,
    /// Media that no keys seen here protect.
    plain: rtp::Sources,
    found: Option<rtp::Recognised>,
    /// Media after the keys were agreed.
    keyed: rtp::Sources,
    keyed_found: bool,
    zrtp: bool,
    /// What is none of these.
    look: Look,
    idle: u16,
    /// Keys for DTLS, and somebody who looks at what is in clear: then it is read to its end.
    tools: Option<Box<Tools>>,
    over: Option<Next>,
}

impl Protocol for Rtc {
    const OPENS: bool = true;

    fn equip(&mut self, tools: &Tools) {
        self.tools = Some(Box::new(tools.clone()));
    }

    fn probe(window: &Window<'_>) -> Probe {
        if stun::Message::read(window.bytes).is_some() || Dtls::probe(window) == Probe::Yes { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        if Dtls::probe(window) == Probe::Yes { Dtls::sender(window) } else { None }
    }
}

impl Payload for Rtc {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.over.is_some() {
            return window.bytes.len();
        }
        self.idle = self.idle.saturating_add(1);
        let message = stun::Message::read(window.bytes);
        if let Some(message) = &message {
            // Connectivity is checked as long as a call lasts.
            if self.stun.message(message, window, facts) || self.is_only_stun() {
                self.idle = 0;
            }
        }
        let inner = envelope::inside(window);
        let relayed = inner.bytes.len() != window.bytes.len();
        if message.is_some() && !relayed {
            self.hand_on(window);
        }
        if (message.is_none() || relayed) && !self.payload(&inner, relayed, facts) {
            self.over = Some(Next::Upgrade);
            return 0;
        }
        if self.idle >= MOST_IDLE && self.tools.is_none() {
            self.close(facts);
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        let upgrades = self.over == Some(Next::Upgrade);
        if self.over.replace(Next::Done) == Some(Next::Done) {
            return;
        }
        match &mut self.dtls {
            Some(dtls) => {
                dtls.close(facts);
                self.state_plain(facts);
            }
            None if self.found.is_none() && !upgrades => self.look.state(facts),
            None => {}
        }
        if upgrades {
            self.over = Some(Next::Upgrade);
        }
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }

    fn client(&self) -> Option<Dir> {
        self.client
    }

    fn swap_sides(&mut self) {
        self.flipped = !self.flipped;
        self.client = self.client.map(Dir::other);
        self.plain.swap_sides();
        self.keyed.swap_sides();
        self.look.swap_sides();
    }
}

impl Rtc {
    /// Takes what is not STUN, or what is inside a relay's message. Returns whether it may belong to a call.
    fn payload(&mut self, inner: &Window<'_>, relayed: bool, facts: &mut Facts) -> bool {
        if self.dtls(inner, facts) {
            return true;
        }
        let taken = self.other(inner, relayed, facts);
        if taken {
            self.hand_on(inner);
        }
        taken
    }

    /// Hands on what nothing encrypts, to whoever looks at it.
    fn hand_on(&self, window: &Window<'_>) {
        if let Some(plain) = self.tools.as_ref().and_then(|tools| tools.plain.as_ref()) {
            plain.bytes(Channel::Udp, window);
        }
    }

    /// Takes what is neither STUN nor DTLS. Returns whether it may belong to a call.
    fn other(&mut self, inner: &Window<'_>, relayed: bool, facts: &mut Facts) -> bool {
        // A channel of a relay is believed only after STUN, or for what is inside.
        let believed = !relayed || self.stun.has_begun() || self.dtls.is_some() || self.found.is_some();
        if rtp::Header::read(inner.bytes).is_some() || rtp::is_control(inner.bytes) {
            self.media(inner, facts);
            return true;
        }
        if let Some(message) = stun::Message::read(inner.bytes)
            && relayed
            && believed
        {
            self.stun.message(&message, inner, facts);
            return true;
        }
        if is_zrtp(inner.bytes) {
            if !std::mem::replace(&mut self.zrtp, true) {
                facts.observe(What::MediaKeying("zrtp"), inner.all());
            }
            return true;
        }
        self.look.add(inner);
        relayed && believed || self.dtls.is_some() || self.found.is_some()
    }

    /// Hands over what is DTLS. Returns whether it was.
    fn dtls(&mut self, inner: &Window<'_>, facts: &mut Facts) -> bool {
        let dtls = match &mut self.dtls {
            Some(dtls) => dtls,
            None if Dtls::probe(inner) == Probe::Yes => {
                if let Some(sender) = Dtls::sender(inner) {
                    self.flipped = sender != inner.dir;
                    self.client = Some(if self.flipped { Dir::Server } else { Dir::Client });
                }
                self.idle = 0;
                let dtls = self.dtls.insert(Box::default());
                if let Some(tools) = &self.tools {
                    dtls.equip(tools);
                }
                dtls
            }
            None => return false,
        };
        // RFC 7983 §7; RFC 9147 §4 for the unified header.
        let Some(20..=63) = inner.bytes.first() else { return false };
        let dir = if self.flipped { inner.dir.other() } else { inner.dir };
        let steps = facts.steps().len();
        dtls.feed(&inner.with_dir(dir), facts);
        if facts.steps().len() > steps {
            self.idle = 0;
        }
        true
    }

    fn media(&mut self, packet: &Window<'_>, facts: &mut Facts) {
        if let Some(keys) = self.keys(facts) {
            if let Some(found) = self.keyed.packet(packet)
                && !std::mem::replace(&mut self.keyed_found, true)
            {
                self.state_keyed(&found, keys, facts);
            }
            return;
        }
        let Some(found) = self.plain.packet(packet) else { return };
        let better = self.found.as_ref().is_none_or(|known| known.name == "rtcp" && found.name == "rtp");
        if !better {
            return;
        }
        self.idle = 0;
        self.found = Some(found);
        // Beside DTLS it is said when DTLS has said what it is.
        if self.dtls.is_none() {
            self.state_plain(facts);
        }
    }

    /// The frames of the keys for media, once they are agreed: `use_srtp` was answered, or was offered in DTLS 1.3, where the answer is
    /// encrypted (RFC 5764 §4.1, RFC 9147 §5.6).
    fn keys(&mut self, facts: &Facts) -> Option<Evidence> {
        let dtls = self.dtls.as_ref()?;
        if self.complete.is_none() {
            self.complete = dtls.completion();
        }
        let complete = self.complete.as_ref()?;
        let offered = || facts.get(Kind::SrtpOffered).filter(|_| dtls.is_1_3());
        facts.get(Kind::SrtpProfile).or_else(offered).map(|fact| fact.evidence.clone().and(complete))
    }

    /// Media whose keys were agreed before: what else there was is stated first, so that it is not taken for protected too.
    fn state_keyed(&mut self, found: &rtp::Recognised, keys: Evidence, facts: &mut Facts) {
        self.state_plain(facts);
        let evidence = keys.and(&found.evidence);
        facts.infer(What::Protocol("srtp"), evidence.clone());
        facts.infer(What::MediaKeying("dtls-srtp"), evidence);
        if self.tools.is_none() {
            self.close(facts);
        }
    }

    fn state_plain(&self, facts: &mut Facts) {
        let Some(found) = &self.found else { return };
        let known = facts.list().iter().any(|fact| fact.what == What::Protocol(found.name));
        if !known {
            facts.infer(What::Protocol(found.name), found.evidence.clone());
        }
        if !facts.has(Kind::RtpPayloadTypes) && !found.payload_types.is_empty() {
            facts.infer(What::RtpPayloadTypes(found.payload_types.clone()), found.evidence.clone());
        }
    }

    fn is_only_stun(&self) -> bool {
        self.dtls.is_none() && self.found.is_none()
    }
}

/// A ZRTP packet (RFC 6189 §5): it agrees on keys beside the media.
fn is_zrtp(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 4 == 1) && bytes.get(4..8) == Some(ZRTP_COOKIE)
}

/// The same, recognised by its media: one packet is a weak sign, so this is asked last and given up at the first datagram that does not
/// fit.
#[derive(Debug, Default)]
pub struct RtpFirst(Rtc);

impl Protocol for RtpFirst {
    fn probe(window: &Window<'_>) -> Probe {
        let inner = envelope::inside(window);
        let shaped = rtp::Header::read(inner.bytes).is_some() || rtp::report(inner.bytes).is_some() || is_zrtp(inner.bytes);
        if shaped { Probe::Yes } else { Probe::No }
    }
}

impl Payload for RtpFirst {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        self.0.feed(window, facts)
    }

    fn close(&mut self, facts: &mut Facts) {
        self.0.close(facts);
    }

    fn next(&self) -> Next {
        self.0.next()
    }

    fn client(&self) -> Option<Dir> {
        self.0.client()
    }

    fn swap_sides(&mut self) {
        self.0.swap_sides();
    }
}
