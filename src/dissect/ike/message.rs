//! IKE messages as they stand on the wire: the header and the chain of payloads (RFC 7296 §3; version 1: RFC 2408 §3).

use crate::base::{Dir, Reader, Short};

/// Exchange types (RFC 7296 §3.1, RFC 9242, RFC 9370; RFC 2408 §3.1 and RFC 2409 for version 1).
pub(super) mod exchange {
    pub const SA_INIT: u8 = 34;
    pub const AUTH: u8 = 35;
    pub const AGGRESSIVE: u8 = 4;
}
/// Payload types (RFC 7296 §3.2, RFC 7383; RFC 2408 §3.1 for version 1).
pub(super) mod payload {
    pub const SA: u8 = 33;
    pub const ENCRYPTED: u8 = 46;
    pub const ENCRYPTED_FRAGMENT: u8 = 53;
    pub const IDENTITY_1: u8 = 5;
}

/// Octets of the header.
const HEADER: usize = 28;
/// RFC 7296 §3.1.
const RESPONSE: u8 = 0x20;
const INITIATOR: u8 = 0x08;
/// Version 1: what follows the header is encrypted.
const ENCRYPTED_1: u8 = 0x01;

/// The header of a message that is there whole, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// 1 or 2.
    pub version: u8,
    pub exchange: u8,
    pub initiator_spi: [u8; 8],
    responder_spi: [u8; 8],
    flags: u8,
    first: u8,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message, strictly: known numbers, its own length, and payloads that end where it ends.
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        Message::parse(bytes).ok().flatten()
    }

    fn parse(bytes: &'a [u8]) -> Result<Option<Message<'a>>, Short> {
        let mut r = Reader::new(bytes);
        let (initiator_spi, responder_spi): ([u8; 8], [u8; 8]) = (r.array()?, r.array()?);
        let (first, version, exchange, flags) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        let (id, length) = (r.u32()?, r.u32()?);
        let version = version >> 4;
        let known = match version {
            2 => matches!(exchange, 34..=38 | 43 | 44) && flags & 0xc7 == 0,
            1 => matches!(exchange, 1..=6 | 32 | 33) && flags & 0xf8 == 0,
            _ => false,
        };
        // Who begins does not know the other's index yet (RFC 7296 §2.6, RFC 2408 §2.5.3).
        let alone = responder_spi == [0; 8];
        let in_order = match (version, exchange) {
            (2, exchange::SA_INIT) if flags & RESPONSE == 0 => id == 0 && alone && flags & INITIATOR != 0,
            (2, exchange::SA_INIT) => id == 0 && flags & INITIATOR == 0,
            (2, _) => !alone,
            _ => !alone || id == 0 && flags & ENCRYPTED_1 == 0,
        };
        let fits = usize::try_from(length) == Ok(bytes.len()) && initiator_spi != [0; 8];
        if !known || !fits || !in_order {
            return Ok(None);
        }
        let message = Message { version, exchange, initiator_spi, responder_spi, flags, first, body: r.rest() };
        Ok(message.is_sound().then_some(message))
    }

    /// Whether its payloads end where it ends.
    fn is_sound(&self) -> bool {
        if self.version == 1 && self.flags & ENCRYPTED_1 != 0 {
            return self.body.len() >= 8;
        }
        let (mut payloads, mut end) = (0, 0);
        for (_, range) in self.payloads() {
            end = range.end;
            payloads += 1;
        }
        payloads > 0 && end == self.body.len()
    }

    /// The payloads in clear: their types, and where their contents stand in what follows the header. The last one is that with the
    /// encrypted rest.
    pub fn payloads(&self) -> impl Iterator<Item = (u8, std::ops::Range<usize>)> + use<'a> {
        let mut r = Reader::new(self.body);
        let mut next = if self.version == 1 && self.flags & ENCRYPTED_1 != 0 { 0 } else { self.first };
        std::iter::from_fn(move || {
            if next == 0 {
                return None;
            }
            let kind = next;
            let (following, reserved, length) = (r.u8().ok()?, r.u8().ok()?, usize::from(r.u16().ok()?));
            // All bits but the first are zero (RFC 7296 §3.2).
            let contents = length.checked_sub(4).filter(|_| reserved & 0x7f == 0)?;
            let start = r.position();
            r.skip(contents).ok()?;
            next = if matches!(kind, payload::ENCRYPTED | payload::ENCRYPTED_FRAGMENT) { 0 } else { following };
            Some((kind, start..start + contents))
        })
    }

    /// The contents of the first payload of a type, and where they stand in the message.
    pub fn payload(&self, kind: u8) -> Option<(&'a [u8], std::ops::Range<usize>)> {
        let (_, range) = self.payloads().find(|(found, _)| *found == kind)?;
        Some((self.body.get(range.clone())?, range.start + HEADER..range.end + HEADER))
    }

    pub fn is_response(&self) -> bool {
        self.version == 2 && self.flags & RESPONSE != 0
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        match self.version {
            1 => self.flags & ENCRYPTED_1 != 0,
            _ => self.payloads().any(|(kind, _)| matches!(kind, payload::ENCRYPTED | payload::ENCRYPTED_FRAGMENT)),
        }
    }

    /// Who sends it, where it says so.
    pub fn sender(&self) -> Option<Dir> {
        match (self.version, self.responder_spi == [0; 8]) {
            (2, _) => Some(if self.flags & INITIATOR != 0 { Dir::Client } else { Dir::Server }),
            (_, true) => Some(Dir::Client),
            (_, false) => None,
        }
    }
}

/// What a security association agrees on, of one proposal (RFC 7296 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub encryption: Option<String>,
    pub groups: Vec<String>,
}

/// The one proposal of a response.
pub(super) fn agreed(contents: &[u8]) -> Option<Agreed> {
    proposal(contents).ok().flatten()
}

fn proposal(contents: &[u8]) -> Result<Option<Agreed>, Short> {
    let mut r = Reader::new(contents);
    let (last, _) = (r.u8()?, r.u8()?);
    let length = usize::from(r.u16()?);
    let (_number, protocol, spi, transforms) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    r.skip(usize::from(spi))?;
    if last != 0 || protocol != 1 || length != contents.len() {
        return Ok(None);
    }
    let mut agreed = Agreed::default();
    for _ in 0..transforms {
        r.skip(2)?;
        let mut transform = Reader::new(r.take(usize::from(r.clone().u16()?).saturating_sub(2))?);
        transform.skip(2)?;
        let kind = transform.u8()?;
        transform.skip(1)?;
        let id = transform.u16()?;
        // An attribute in the short form: the length of the key.
        let bits = match (transform.u16(), transform.u16()) {
            (Ok(0x800e), Ok(bits)) => Some(bits),
            _ => None,
        };
        match kind {
            1 => agreed.encryption = Some(encryption(id, bits)),
            // Further key exchanges of RFC 9370 §2.2.1 are types 6 to 12.
            4 | 6..=12 if id != 0 => agreed.groups.push(group(id)),
            _ => {}
        }
    }
    Ok(Some(agreed))
}

/// IANA "Transform Type 1 - Encryption Algorithm Transform IDs", without its prefix.
fn encryption(id: u16, bits: Option<u16>) -> String {
    let name = match id {
        2 => "DES",
        3 => "3DES",
        11 => "NULL",
        12 => "AES_CBC",
        13 => "AES_CTR",
        14 => "AES_CCM_8",
        15 => "AES_CCM_12",
        16 => "AES_CCM_16",
        18 => "AES_GCM_8",
        19 => "AES_GCM_12",
        20 => "AES_GCM_16",
        23 => "CAMELLIA_CBC",
        28 => "CHACHA20_POLY1305",
        _ => return format!("{id:#06x}"),
    };
    bits.map_or_else(|| name.to_owned(), |bits| format!("{name}_{bits}"))
}

/// IANA "Transform Type 4 - Key Exchange Method Transform IDs".
fn group(id: u16) -> String {
    match id {
        1 => "modp768",
        2 => "modp1024",
        5 => "modp1536",
        14 => "modp2048",
        15 => "modp3072",
        16 => "modp4096",
        17 => "modp6144",
        18 => "modp8192",
        19 => "ecp256",
        20 => "ecp384",
        21 => "ecp521",
        28 => "brainpoolP256r1",
        29 => "brainpoolP384r1",
        30 => "brainpoolP512r1",
        31 => "curve25519",
        32 => "curve448",
        35 => "ml-kem-512",
        36 => "ml-kem-768",
        37 => "ml-kem-1024",
        _ => return format!("{id:#06x}"),
    }
    .to_owned()
}
