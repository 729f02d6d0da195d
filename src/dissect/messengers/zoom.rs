//! Zoom's UDP before its media: how a client asks a server, or its peer, for a path. After nDPI (`zoom.c`), and what Michel et al.,
//! "Enabling Passive Measurement of Zoom Performance in Production Networks" (IMC 2022), say of the layers. There is no specification.

use super::{Read, Signature};
use crate::base::Dir;

/// A two and two equal counters, in a request to a server.
const COUNTERS: std::ops::Range<usize> = 26..35;

/// The first datagrams of a path.
#[derive(Debug, Default)]
pub struct Zoom;

impl Signature for Zoom {
    fn read(bytes: &[u8]) -> Read {
        let is = |sender| Read::Is { name: "zoom", proof: bytes.len(), sender };
        match bytes {
            [1, 0, 2 | 3, ..] if is_request(bytes) => is(Some(Dir::Client)),
            [0x1f, 2, 1, 0, rest @ ..] if is_to_peer(rest) => is(None),
            // STUN of RFC 3489, without a cookie, and with an attribute of Zoom's own.
            [0, 1, 0, 24, rest @ ..] if rest.get(16..) == Some(b"\x01\x01\0\x141234567890123456789\0") => is(Some(Dir::Client)),
            _ => Read::Not,
        }
    }
}

/// After an identifier: seven zeros, a two, and a counter that is there twice.
fn is_request(bytes: &[u8]) -> bool {
    let zeros = bytes.get(19..26).is_some_and(|zeros| zeros.iter().all(|&b| b == 0));
    let twice = match bytes.get(COUNTERS) {
        Some([2, a, b, c, d, again @ ..]) => again == [*a, *b, *c, *d] && again != [0; 4],
        _ => false,
    };
    zeros && twice && (96..=160).contains(&bytes.len())
}

/// Two small numbers that are 8 and 4, one each way; the peer's address in text after its length; zeros at the end.
fn is_to_peer(rest: &[u8]) -> bool {
    let roles = matches!(rest, [8, 0, 1, 0, 4, 0, ..] | [4, 0, 1, 0, 8, 0, ..]);
    let address = rest.get(20..24).and_then(|length| <[u8; 4]>::try_from(length).ok()).map(u32::from_be_bytes).and_then(|length| {
        let end = usize::try_from(length).ok()?.checked_add(24)?;
        std::str::from_utf8(rest.get(24..end)?).ok()?.parse::<std::net::IpAddr>().ok()
    });
    roles && address.is_some() && rest.ends_with(&[0; 4])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, noise, refuses_others};
    use super::*;

    fn request(kind: u8, again: u8) -> Vec<u8> {
        [&[1, 0, kind][..], &noise(16), &[0; 7], &[2, 0, 0x7a, 0, 0x2a, 0, 0x7a, 0, again], &noise(72)].concat()
    }

    fn to_peer(address: &[u8]) -> Vec<u8> {
        let length = u8::try_from(address.len()).unwrap_or_default();
        [&[0x1f, 2, 1, 0, 8, 0, 1, 0, 4, 0][..], &[9; 14], &[0, 0, 0, length], address, b"\0\0\0\x024F\0\0\0\0"].concat()
    }

    #[test]
    fn requests_to_servers_and_to_peers_are_recognised() {
        assert_eq!(datagram::<Zoom>(&request(2, 0x2a)), Some(("zoom", Some(Dir::Client))));
        assert_eq!(datagram::<Zoom>(&request(3, 0x2a)), Some(("zoom", Some(Dir::Client))));
        assert_eq!(datagram::<Zoom>(&to_peer(b"192.0.2.26")), Some(("zoom", None)));
    }

    #[test]
    fn the_question_for_the_own_address_is_recognised_by_what_it_carries() {
        let question = [&b"\0\x01\0\x18"[..], &noise(16), b"\x01\x01\0\x141234567890123456789\0"].concat();
        assert_eq!(datagram::<Zoom>(&question), Some(("zoom", Some(Dir::Client))));
        let other = [&b"\0\x01\0\x18"[..], &noise(16), b"\x01\x01\0\x141234567890123456780\0"].concat();
        assert_eq!(Zoom::read(&other), Read::Not);
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Zoom>();
        assert_eq!(Zoom::read(&request(2, 0x2b)), Read::Not);
        assert_eq!(Zoom::read(&request(4, 0x2a)), Read::Not);
        assert_eq!(Zoom::read(&to_peer(b"not an address")), Read::Not);
        assert_eq!(Zoom::read(&[1, 0, 2].into_iter().chain([0; 120]).collect::<Vec<u8>>()), Read::Not);
    }
}
