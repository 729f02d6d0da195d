//! The beginning of RDP (MS-RDPBCGR §2.2.1.1, §2.2.1.2), where TLS is negotiated.

use super::super::lines::contains_ignoring_case;
use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Facts, Reader, What, Window};

/// X.224 Connection Request and Connection Confirm (X.224 §13.3, §13.4).
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
/// Types of the negotiation structures (MS-RDPBCGR §2.2.1.1.1, §2.2.1.2.1, §2.2.1.2.2).
const NEG_REQ: u8 = 1;
const NEG_RSP: u8 = 2;
const NEG_FAILURE: u8 = 3;
/// Octets of TPKT header and X.224 header.
const HEADERS: usize = 11;
/// `PROTOCOL_SSL`, `PROTOCOL_HYBRID`, `PROTOCOL_RDSTLS`, `PROTOCOL_HYBRID_EX`, `PROTOCOL_RDSAAD`: TLS comes first in each.
const WITH_TLS: u32 = 1 | 2 | 4 | 8 | 16;

/// An RDP connection, until its security is agreed.
#[derive(Debug, Default)]
pub struct Rdp {
    named: bool,
    upgrade: Upgrade,
}

/// A connection request or confirm.
#[derive(Debug)]
struct Connection {
    len: usize,
    kind: u8,
    /// Type and value of the negotiation structure.
    negotiation: Option<(u8, u32)>,
    /// A cookie or routing token.
    token: bool,
}

/// Reads the TPDU at the front: `Ok(None)` while it is too short, `Err` when it is none.
fn connection(bytes: &[u8]) -> Result<Option<Connection>, ()> {
    // TPKT (RFC 1006 §6): version 3, reserved, length; then the X.224 length, which covers the rest.
    let fixed = bytes.iter().zip([3u8, 0, 0]).all(|(a, b)| *a == b);
    let mut r = Reader::new(bytes);
    let (Ok([_, _, _, len]), Ok(indicator), Ok(kind)) = (r.array::<4>(), r.u8(), r.u8()) else {
        return if fixed { Ok(None) } else { Err(()) };
    };
    let len = usize::from(len);
    let sound = fixed && len >= HEADERS && usize::from(indicator) == len.saturating_sub(5) && [REQUEST, CONFIRM].contains(&kind);
    if !sound {
        return Err(());
    }
    let Some(rest) = bytes.get(HEADERS..len) else { return Ok(None) };
    let (text, tail) = match memchr::memmem::find(rest, b"\r\n") {
        Some(end) if kind == REQUEST => rest.split_at_checked(end.saturating_add(2)).unwrap_or_default(),
        _ => (&[][..], rest),
    };
    let token = contains_ignoring_case(text, b"Cookie: ");
    let negotiation = match *tail {
        [kind, _flags, 8, 0, a, b, c, d, ..] => Some((kind, u32::from_le_bytes([a, b, c, d]))),
        _ => None,
    };
    Ok(Some(Connection { len, kind, negotiation, token }))
}

impl Protocol for Rdp {
    fn probe(window: &Window<'_>) -> Probe {
        match connection(window.bytes) {
            Ok(None) => Probe::More,
            // Without one of these it is some protocol over ISO transport.
            Ok(Some(Connection { kind: REQUEST, negotiation: Some((NEG_REQ, _)), .. } | Connection { kind: REQUEST, token: true, .. })) => {
                Probe::Yes
            }
            Ok(Some(Connection { kind: CONFIRM, negotiation: Some((NEG_RSP | NEG_FAILURE, _)), .. })) => Probe::Yes,
            _ => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        let connection = connection(window.bytes).ok()??;
        Some(if connection.kind == REQUEST { Dir::Client } else { Dir::Server })
    }
}

impl Payload for Rdp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        match tls_at_front(window.bytes) {
            Some(true) => {
                self.upgrade.infer(Some("rdp"), window, facts);
                return 0;
            }
            None => return 0,
            Some(false) => {}
        }
        match connection(window.bytes) {
            Ok(Some(connection)) => {
                let tpdu = window.slice(0..connection.len).unwrap_or(*window);
                self.connection(&connection, &tpdu, facts);
                connection.len
            }
            Ok(None) => 0,
            Err(()) => {
                if !window.bytes.is_empty() {
                    self.upgrade.give_up();
                }
                0
            }
        }
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Rdp {
    fn connection(&mut self, connection: &Connection, tpdu: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("rdp"), tpdu.all());
        }
        match (connection.kind, connection.negotiation) {
            (REQUEST, Some((NEG_REQ, protocols))) if protocols & WITH_TLS != 0 => self.upgrade.ask(tpdu, facts),
            (REQUEST, _) => {}
            (_, Some((NEG_RSP, selected))) if selected & WITH_TLS != 0 => self.upgrade.agree("rdp", tpdu, facts),
            (_, answer) => {
                // SSL_REQUIRED_BY_SERVER (1) and HYBRID_REQUIRED_BY_SERVER (5) refuse too little protection, not TLS.
                if self.upgrade.asked() && !matches!(answer, Some((NEG_FAILURE, 1 | 5 | 6))) {
                    self.upgrade.refuse("rdp", tpdu, facts);
                }
                self.upgrade.give_up();
            }
        }
    }
}
