//! STUN messages (RFC 8489 §5) and what their attributes say of a call and its relay (RFC 8656).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::{Facts, Kind, Reader, Short, What, Window, WireStr};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Octets of the header.
pub(super) const HEADER: usize = 20;
/// How many peers, and how many message types and attributes that no registry has, one connection states.
const MOST: usize = 12;
/// A name longer than this is none that a relay or a program gives itself (RFC 8489 §14.3, §14.9, §14.14).
const LONGEST_NAME: usize = 763;

/// Attributes (RFC 8489 §18.3, RFC 8656 §18).
mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const REALM: u16 = 0x0014;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const SOFTWARE: u16 = 0x8022;
}

/// A whole message: header, cookie, and attributes that end where it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    kind: u16,
    transaction: [u8; 12],
    attributes: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        Message::parse(bytes).ok().flatten()
    }

    fn parse(bytes: &'a [u8]) -> Result<Option<Message<'a>>, Short> {
        let mut r = Reader::new(bytes);
        let (kind, length) = (r.u16()?, r.u16()?);
        let has_cookie = r.u32()? == MAGIC_COOKIE;
        let transaction = r.array()?;
        let attributes = r.rest();
        if kind >> 14 != 0 || attributes.len() != usize::from(length) {
            return Ok(None);
        }
        let (mut some_are_old, mut none_is_new) = (false, true);
        while !r.is_empty() {
            let attribute = r.u16()?;
            some_are_old |= is_old(attribute);
            none_is_new &= is_old(attribute) || attribute == attribute::SOFTWARE;
            let value = r.vec16()?;
            // WhatsApp leaves the padding of the last one out.
            r.skip((value.len().wrapping_neg() & 3).min(r.left()))?;
        }
        // RFC 3489 had no cookie: there the attributes must be its own.
        let is_classic =
            some_are_old && none_is_new && length % 4 == 0 && matches!(kind, 0x0001 | 0x0002 | 0x0101 | 0x0102 | 0x0111 | 0x0112);
        Ok((has_cookie || is_classic).then_some(Message { kind, transaction, attributes }))
    }

    /// The length of the message that begins with these octets, as its header states it; `None` where none begins.
    pub fn length(bytes: &[u8]) -> Option<usize> {
        let mut r = Reader::new(bytes);
        let (kind, length) = (r.u16().ok()?, r.u16().ok()?);
        (kind >> 14 == 0 && r.u32().ok()? == MAGIC_COOKIE).then_some(HEADER + usize::from(length))
    }

    /// Each attribute with its value.
    fn each(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut r = Reader::new(self.attributes);
        std::iter::from_fn(move || {
            let kind = r.u16().ok()?;
            let value = r.vec16().ok()?;
            // The last one may come without its padding.
            let _ = r.skip(value.len().wrapping_neg() & 3);
            Some((kind, value))
        })
    }

    /// The method: twelve of the fourteen bits of the type (RFC 8489 §5).
    fn method(&self) -> u16 {
        self.kind & 0x000f | (self.kind >> 1) & 0x0070 | (self.kind >> 2) & 0x0f80
    }

    /// An address that was exclusive-ored with the cookie and the transaction (RFC 8489 §14.2).
    fn address(&self, value: &[u8]) -> Option<String> {
        let mut r = Reader::new(value);
        r.skip(1).ok()?;
        let family = r.u8().ok()?;
        let cookie = MAGIC_COOKIE.to_be_bytes();
        let port = r.u16().ok()? ^ u16::from_be_bytes([cookie[0], cookie[1]]);
        let ip = match family {
            1 => IpAddr::V4(Ipv4Addr::from(r.u32().ok()? ^ MAGIC_COOKIE)),
            2 => {
                let mut mask = [0; 16];
                for (to, from) in mask.iter_mut().zip(cookie.iter().chain(&self.transaction)) {
                    *to = *from;
                }
                IpAddr::V6(Ipv6Addr::from(u128::from_be_bytes(r.array().ok()?) ^ u128::from_be_bytes(mask)))
            }
            _ => return None,
        };
        Some(std::net::SocketAddr::new(ip, port).to_string())
    }
}

/// What the messages of one connection said so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    begun: bool,
    software: bool,
    realm: bool,
    username: bool,
    relayed: bool,
}

impl Seen {
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Takes a message, which `window` holds whole. Returns whether it said something new.
    pub fn message(&mut self, message: &Message<'_>, window: &Window<'_>, facts: &mut Facts) -> bool {
        let before = facts.list().len();
        if !std::mem::replace(&mut self.begun, true) && !facts.has(Kind::Protocol) {
            facts.observe(What::Protocol("stun"), window.evidence(0..HEADER));
        }
        let mut grown = false;
        if !is_registered_method(message.method()) {
            grown |= add_number(What::StunVendorMessages, Kind::StunVendorMessages, message.kind, window, facts);
        }
        for (kind, value) in message.each() {
            let text = |value: &[u8]| value.len() <= LONGEST_NAME && !value.is_empty();
            let once = |told: &mut bool, holds: bool| holds && !std::mem::replace(told, true);
            match kind {
                attribute::SOFTWARE if once(&mut self.software, text(value)) => {
                    facts.observe(What::StunSoftware(WireStr::new(value)), window.all());
                }
                attribute::REALM if once(&mut self.realm, text(value)) => {
                    facts.observe(What::StunRealm(WireStr::new(value)), window.all());
                }
                attribute::USERNAME if once(&mut self.username, text(value)) => {
                    facts.observe(What::StunUsername(WireStr::new(value)), window.all());
                }
                attribute::XOR_RELAYED_ADDRESS => {
                    if let Some(address) = message.address(value)
                        && once(&mut self.relayed, true)
                    {
                        facts.observe(What::StunRelayedAddress(address), window.all());
                    }
                }
                attribute::XOR_PEER_ADDRESS => {
                    if let Some(address) = message.address(value) {
                        grown |= add(What::StunPeers, Kind::StunPeers, &address, window, facts);
                    }
                }
                kind if !is_registered(kind) => {
                    grown |= add_number(What::StunVendorAttributes, Kind::StunVendorAttributes, kind, window, facts);
                }
                _ => {}
            }
        }
        grown || facts.list().len() > before
    }
}

/// As [`add`], of a number, as `0x8022`; without memory for one that is known, as most are.
fn add_number(of: fn(Vec<String>) -> What, kind: Kind, number: u16, window: &Window<'_>, facts: &mut Facts) -> bool {
    let digit = |shift: u16| b"0123456789abcdef".get(usize::from(number >> shift & 15)).copied().unwrap_or(b'0');
    let text = [b'0', b'x', digit(12), digit(8), digit(4), digit(0)];
    add(of, kind, std::str::from_utf8(&text).unwrap_or_default(), window, facts)
}

/// Adds a value to the list of a fact, unless it is there or the list is full. Returns whether it was added.
fn add(of: fn(Vec<String>) -> What, kind: Kind, value: &str, window: &Window<'_>, facts: &mut Facts) -> bool {
    match facts.get_mut(kind) {
        None => facts.observe(of(vec![value.to_owned()]), window.all()),
        Some(fact) => {
            let (What::StunPeers(list) | What::StunVendorAttributes(list) | What::StunVendorMessages(list)) = &mut fact.what else {
                return false;
            };
            if list.len() >= MOST || list.iter().any(|known| known == value) {
                return false;
            }
            list.push(value.to_owned());
            fact.evidence.join(&window.all());
        }
    }
    true
}

/// Attributes of RFC 3489 §11.2, and those that Zoom's messages without a cookie have.
fn is_old(kind: u16) -> bool {
    matches!(kind, 0x0001..=0x000b | 0x0101 | 0x0103 | 0x8020)
}

/// IANA's "STUN Methods".
fn is_registered_method(method: u16) -> bool {
    matches!(method, 0x001..=0x004 | 0x006..=0x00c | 0x080)
}

/// IANA's "STUN Attributes", those that were withdrawn included; vendors' ranges left out.
fn is_registered(kind: u16) -> bool {
    matches!(kind,
        0x0001..=0x000d | 0x0010 | 0x0012..=0x001e | 0x0020..=0x0022 | 0x0024..=0x0027 | 0x002a | 0x0030
        | 0x8000..=0x8004 | 0x8022 | 0x8023 | 0x8025 | 0x8027..=0x802e | 0x8030)
}
