//! Binary packets before encryption begins: version 2 (RFC 4253 §6) and version 1 (its protocol text, "Binary Packet Protocol").

use crate::base::{Reader, Short};

/// RFC 4253 §6.1 asks for 35000 octets to be possible; a longer one is none that a key exchange needs.
const LONGEST: usize = 35_000;
/// Message numbers (RFC 4250 §4.1.2).
pub(super) mod message {
    pub const DISCONNECT: u8 = 1;
    pub const KEXINIT: u8 = 20;
    pub const NEWKEYS: u8 = 21;
    /// The first of a key exchange (RFC 4253 §8, RFC 5656 §4): the client sends it.
    pub const KEX_INIT: u8 = 30;
    /// RFC 4419 §3: the client asks for a group.
    pub const KEX_GEX_REQUEST: u8 = 34;
    /// Messages before encryption have numbers up to here.
    pub const LAST_OF_KEX: u8 = 49;
}
/// Message numbers of version 1.
pub(super) mod message1 {
    pub const PUBLIC_KEY: u8 = 2;
    pub const SESSION_KEY: u8 = 3;
}

/// What stands at the front of a side's packets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front<'a> {
    /// A packet: the message number, what follows it, and the octets of all of it.
    Packet { number: u8, body: &'a [u8], taken: usize },
    /// More octets are needed.
    Partial,
    /// No packet of a key exchange.
    Other,
}

/// A packet of version 2.
pub(super) fn read(bytes: &[u8]) -> Front<'_> {
    front(bytes, |r| {
        let length = r.u32()?;
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        if !(12..=LONGEST).contains(&whole) {
            return Ok(None);
        }
        let mut packet = Reader::new(r.take(whole)?);
        let padding = usize::from(packet.u8()?);
        // RFC 4253 §6: at least four octets of padding, and together a multiple of eight.
        let payload = packet.left().checked_sub(padding).filter(|&n| n > 0 && padding >= 4 && (whole + 4).is_multiple_of(8));
        let Some(payload) = payload else { return Ok(None) };
        let mut payload = Reader::new(packet.take(payload)?);
        let number = payload.u8()?;
        Ok((1..=message::LAST_OF_KEX).contains(&number).then_some((number, payload.rest())))
    })
}

/// A packet of version 1.
pub(super) fn read1(bytes: &[u8]) -> Front<'_> {
    front(bytes, |r| {
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        if !(5..=LONGEST).contains(&length) {
            return Ok(None);
        }
        // One to eight octets, so that it is a multiple of eight.
        r.skip(8 - length % 8)?;
        let mut packet = Reader::new(r.take(length)?);
        let number = packet.u8()?;
        let body = packet.take(packet.left().saturating_sub(4))?;
        Ok(matches!(number, 1..=5).then_some((number, body)))
    })
}

fn front<'a>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<Option<(u8, &'a [u8])>, Short>) -> Front<'a> {
    let mut r = Reader::new(bytes);
    match read(&mut r) {
        Ok(Some((number, body))) => Front::Packet { number, body, taken: r.position() },
        Ok(None) => Front::Other,
        Err(_) => Front::Partial,
    }
}
