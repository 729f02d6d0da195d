//! Discord's voice connections before their media: IP discovery (Discord's documentation for developers, "Voice Connections"), and the
//! clients' keepalive (as nDPI's `discord.c` knows it).

use super::{Read, Signature};
use crate::base::Dir;

/// A datagram of IP discovery or a keepalive.
#[derive(Debug, Default)]
pub struct Discord;

impl Signature for Discord {
    fn read(bytes: &[u8]) -> Read {
        let is = |sender| Read::Is { name: "discord", proof: bytes.len(), sender };
        match bytes {
            // Type 1, length 70, SSRC; room for the address and the port, not filled in yet.
            [0, 1, 0, 70, rest @ ..] if rest.len() == 70 && rest.iter().skip(4).all(|&b| b == 0) => is(Some(Dir::Client)),
            // Type 2: an address in text, ended and filled up with zeros, and a port.
            [0, 2, 0, 70, rest @ ..] if rest.len() == 70 && rest.get(4..68).is_some_and(is_address) => is(Some(Dir::Server)),
            // The magic number and a counter, little-endian, that is still small.
            [0x13, 0x37, 0xca, 0xfe, _, _, 0, 0] => is(None),
            _ => Read::Not,
        }
    }
}

/// Whether this is the text of an address, and zeros to the end.
fn is_address(field: &[u8]) -> bool {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    let (text, fill) = field.split_at_checked(end).unwrap_or_default();
    fill.iter().all(|&b| b == 0) && std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, refuses_others};
    use super::*;

    fn discovery(kind: u8, address: &[u8], port: [u8; 2]) -> Vec<u8> {
        let mut field = address.to_vec();
        field.resize(64, 0);
        [&[0, kind, 0, 70, 1, 2, 3, 4], &field[..], &port].concat()
    }

    #[test]
    fn ip_discovery_and_keepalives_are_recognised() {
        assert_eq!(datagram::<Discord>(&discovery(1, b"", [0, 0])), Some(("discord", Some(Dir::Client))));
        assert_eq!(datagram::<Discord>(&discovery(2, b"192.0.2.7", [0x88, 1])), Some(("discord", Some(Dir::Server))));
        assert_eq!(datagram::<Discord>(b"\x13\x37\xca\xfe\x0e\0\0\0"), Some(("discord", None)));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Discord>();
        for wrong in [
            discovery(1, b"192.0.2.7", [0, 0]),
            discovery(2, b"", [0, 0]),
            discovery(2, b"192.0.2.700", [0, 1]),
            discovery(2, b"192.0.2.7\0x", [0, 1]),
            discovery(3, b"", [0, 0]),
            // STUN of RFC 3489 has the same first octets, and is as long as it says after 20 octets.
            [&[0, 1, 0, 70][..], &[0; 86]].concat(),
            b"\x13\x37\xca\xfe".to_vec(),
            b"\x13\x37\xca\xfe\x0e\0\0\x01".to_vec(),
        ] {
            assert_eq!(Discord::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
