//! LINE's calls on UDP: the datagrams that open a call, as seen in captures of 2018 and 2023. There is no specification.

use super::{Read, Signature};

/// Octets before the content that the length in the header counts.
const HEADER: usize = 4;

/// A datagram that opens a call: a kind in six bits and the length in ten, a counter, a version.
#[derive(Debug, Default)]
pub struct LineCall;

impl Signature for LineCall {
    fn read(bytes: &[u8]) -> Read {
        match *bytes {
            [first, second, _, _, 6, 2, ..] if first >> 2 == 0b11_0110 => {
                let length = usize::from(u16::from_be_bytes([first & 3, second]));
                if bytes.len() == HEADER + length { Read::Is { name: "line-call", proof: bytes.len(), sender: None } } else { Read::Not }
            }
            _ => Read::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, noise, refuses_others};
    use super::*;

    fn opening(length: u16, rest: usize) -> Vec<u8> {
        [&(0xd800 | length).to_be_bytes()[..], b"\0\xb9\x06\x02", &noise(rest)].concat()
    }

    #[test]
    fn a_datagram_that_is_as_long_as_it_says_is_recognised() {
        assert_eq!(datagram::<LineCall>(&opening(868, 866)), Some(("line-call", None)));
        assert_eq!(datagram::<LineCall>(&opening(238, 236)), Some(("line-call", None)));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<LineCall>();
        for wrong in [opening(868, 865), opening(238, 238), b"\xd8\x02\0\xb9\x06\x03".to_vec(), b"\xd4\x02\0\xb9\x06\x02".to_vec()] {
            assert_eq!(LineCall::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
