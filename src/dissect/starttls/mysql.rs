//! The MySQL protocol (documentation: "Connection Phase") and its `SSLRequest` packet.

use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Evidence, Facts, Reader, What, Window};

/// `CLIENT_PROTOCOL_41`.
const PROTOCOL_41: u32 = 1 << 9;
/// `CLIENT_SSL`.
const SSL: u32 = 1 << 11;
/// Octets of a packet header: 24-bit length, sequence number.
const HEADER: usize = 4;
/// A greeting is not larger than this, or it is something else.
const LARGEST_GREETING: usize = 512;

/// A connection to a MySQL or MariaDB server, until the connection phase is over.
#[derive(Debug, Default)]
pub struct Mysql {
    named: bool,
    /// The server's offer of TLS: the agreement to what the client may ask for.
    offer: Option<Evidence>,
    upgrade: Upgrade,
}

/// A packet at the front: `None` while it is not complete.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut r = Reader::new(bytes);
    let [a, b, c, sequence] = r.array().ok()?;
    let body = r.take(usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?).ok()?;
    Some((sequence, body))
}

/// The capabilities in a greeting (`HandshakeV10`).
fn greeting(body: &[u8]) -> Option<u32> {
    let mut r = Reader::new(body);
    (r.u8().ok()? == 10).then_some(())?;
    let version = r.rest().iter().take(64).position(|&b| b == 0)?;
    let version = r.take(version).ok()?;
    let readable = version.first().is_some_and(u8::is_ascii_digit) && version.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    // NUL, thread id, 8 octets of the scramble, NUL.
    let [.., filler] = r.array::<14>().ok()?;
    let low = r.array::<2>().ok()?;
    let _charset_and_status = r.array::<3>().unwrap_or_default();
    let high = r.array::<2>().unwrap_or_default();
    (readable && filler == 0).then(|| u32::from(u16::from_le_bytes(low)) | u32::from(u16::from_le_bytes(high)) << 16)
}

/// Whether a client's packet is an `SSLRequest`: a handshake response that ends before the user's name.
fn is_ssl_request(body: &[u8]) -> bool {
    let [a, b, rest @ ..] = body else { return false };
    match (body.len(), rest) {
        // Capabilities, largest packet, character set, 23 octets of zeros (MariaDB uses the last four).
        (32, [c, d, _, _, _, _, _, filler @ ..]) => {
            let capabilities = u32::from_le_bytes([*a, *b, *c, *d]);
            capabilities & (SSL | PROTOCOL_41) == SSL | PROTOCOL_41 && filler.iter().take(19).all(|&b| b == 0)
        }
        // Before MySQL 4.1: 16 bits of capabilities, largest packet.
        (5, _) => u32::from(u16::from_le_bytes([*a, *b])) & (SSL | PROTOCOL_41) == SSL,
        _ => false,
    }
}

impl Protocol for Mysql {
    fn probe(window: &Window<'_>) -> Probe {
        match (packet(window.bytes), window.bytes) {
            (Some((0, body)), _) if greeting(body).is_some() => Probe::Yes,
            // Only the form that says more than its length.
            (Some((1, body)), _) if body.len() == 32 && is_ssl_request(body) => Probe::Yes,
            (None, [] | [_] | [_, _]) => Probe::More,
            (None, [a, b, 0, rest @ ..]) => {
                let len = usize::from(u16::from_le_bytes([*a, *b]));
                let begins = match rest {
                    [] => true,
                    [0] => len <= LARGEST_GREETING,
                    [0, 10, version @ ..] => len <= LARGEST_GREETING && version.first().is_none_or(u8::is_ascii_digit),
                    [1, ..] => len == 32,
                    _ => false,
                };
                if begins { Probe::More } else { Probe::No }
            }
            _ => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        packet(window.bytes).map(|(sequence, _)| if sequence == 0 { Dir::Server } else { Dir::Client })
    }
}

impl Payload for Mysql {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        match tls_at_front(window.bytes) {
            // 0x16 0x03 0x01 is also a packet of 66,326 octets, which nobody sends while connecting.
            Some(true) => {
                self.upgrade.infer(Some("mysql"), window, facts);
                return 0;
            }
            None if !window.bytes.is_empty() => return 0,
            _ => {}
        }
        let Some((_, body)) = packet(window.bytes) else {
            // Nothing of the connection phase is that large.
            if window.bytes.len() > 1 << 14 {
                self.upgrade.give_up();
            }
            return 0;
        };
        let len = HEADER.saturating_add(body.len());
        let packet = window.slice(0..len).unwrap_or(*window);
        match (window.dir, greeting(body)) {
            (Dir::Server, Some(capabilities)) => {
                self.name_it(&packet, facts);
                self.offer = (capabilities & SSL != 0).then(|| packet.all());
            }
            (Dir::Client, _) if is_ssl_request(body) => {
                self.name_it(&packet, facts);
                self.upgrade.ask(&packet, facts);
                let request = packet.all();
                let evidence = match &self.offer {
                    Some(offer) => request.and(offer),
                    None => request,
                };
                self.upgrade.start("mysql", evidence, facts);
            }
            // The client logs in without TLS, or the server turns it away.
            _ => self.upgrade.give_up(),
        }
        len
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Mysql {
    fn name_it(&mut self, packet: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("mysql"), packet.all());
        }
    }
}
