//! OpenVPN over UDP and TCP (draft-openvpn-wire-protocol): recognised by the packets that open a connection and answer each other.
//!
//! Where the control channel is not encrypted, the TLS inside it is read: the facts of that TLS then describe how the keys of the
//! connection were agreed on. The data channel is encrypted with those keys and not looked at.

mod packet;
mod session;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
mod tests;

use crate::base::{Dir, Facts, Reader, Sides, Window};
use crate::dissect::{Next, Payload, Probe, Protocol};

use packet::Reset;
use session::Session;

/// Octets of one packet over TCP that may wait until it is complete; a larger one carries data and is passed over.
const LARGEST_READ: usize = 4096;
/// The longest packet that opens a connection: the client's wrapped key of `tls-crypt-v2` can carry some data.
const LONGEST_RESET: usize = 1500;

/// OpenVPN over UDP.
#[derive(Debug, Default)]
pub struct Openvpn {
    session: Session,
}

/// OpenVPN over TCP: each packet after its length.
#[derive(Debug, Default)]
pub struct OpenvpnOverTcp {
    session: Session,
    skip: Sides<usize>,
}

impl Protocol for Openvpn {
    fn probe(window: &Window<'_>) -> Probe {
        if Reset::read(window.bytes).is_some() { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        Reset::read(window.bytes).map(|reset| reset.from)
    }
}

impl Payload for Openvpn {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.session.packet(window, facts) { window.bytes.len() } else { 0 }
    }

    fn close(&mut self, facts: &mut Facts) {
        self.session.close(facts);
    }

    fn next(&self) -> Next {
        self.session.next()
    }
}

impl Protocol for OpenvpnOverTcp {
    fn probe(window: &Window<'_>) -> Probe {
        let mut r = Reader::new(window.bytes);
        let Ok(length) = r.u16() else { return Probe::More };
        let length = usize::from(length);
        let first = r.rest().first();
        if !(14..=LONGEST_RESET).contains(&length) || first.is_some_and(|first| !matches!(first, 0x38 | 0x40 | 0x50)) {
            return Probe::No;
        }
        match r.take(length) {
            Ok(packet) if Reset::read(packet).is_some() => Probe::Yes,
            Ok(_) => Probe::No,
            Err(_) => Probe::More,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        let packet = Reader::new(window.bytes).vec16().ok()?;
        Reset::read(packet).map(|reset| reset.from)
    }
}

impl Payload for OpenvpnOverTcp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while self.session.next() == Next::Stay && taken < window.bytes.len() {
            let rest = window.from(taken);
            let skip = self.skip.of_mut(window.dir);
            if *skip > 0 {
                let n = rest.bytes.len().min(*skip);
                *skip = skip.saturating_sub(n);
                taken = taken.saturating_add(n);
                continue;
            }
            let Ok(length) = Reader::new(rest.bytes).u16() else { break };
            let whole = usize::from(length).saturating_add(2);
            if whole > LARGEST_READ {
                *skip = whole;
                continue;
            }
            let Some(packet) = rest.slice(2..whole) else { break };
            if !self.session.packet(&packet, facts) {
                break;
            }
            taken = taken.saturating_add(whole);
        }
        taken
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, facts: &mut Facts) {
        // Where the next packet starts cannot be known.
        self.session.close(facts);
    }

    fn close(&mut self, facts: &mut Facts) {
        self.session.close(facts);
    }

    fn next(&self) -> Next {
        self.session.next()
    }
}
