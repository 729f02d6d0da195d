//! OICQ, QQ's protocol on UDP of about 2010: the end of a session and the sign of life, which have nothing encrypted before them to vary.
//! After nDPI (`oicq.c`) and its capture. There is no specification.

use super::{Read, Signature};
use crate::base::Dir;

/// A packet of a client: from 2 to 3, with version, command, counter, number of the account, and eight zeros.
#[derive(Debug, Default)]
pub struct Oicq;

impl Signature for Oicq {
    fn read(bytes: &[u8]) -> Read {
        match *bytes {
            [2, 1..=0x3f, _, 0, 1..=2, _, _, _, _, _, _, 0, 0, 0, 0, 0, 0, 0, 0, .., 3] if (36..=128).contains(&bytes.len()) => {
                Read::Is { name: "oicq", proof: bytes.len(), sender: Some(Dir::Client) }
            }
            _ => Read::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, noise, refuses_others};
    use super::*;

    fn packet(command: u8, zeros: &[u8; 8], last: u8) -> Vec<u8> {
        [&[2, 0x3b, 0x0b, 0, command, 0, 0x17, 0x12, 0x34, 0x56, 0x78][..], zeros, &noise(24), &[last]].concat()
    }

    #[test]
    fn a_packet_between_its_marks_is_recognised() {
        assert_eq!(datagram::<Oicq>(&packet(1, &[0; 8], 3)), Some(("oicq", Some(Dir::Client))));
        assert_eq!(datagram::<Oicq>(&packet(2, &[0; 8], 3)), Some(("oicq", Some(Dir::Client))));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Oicq>();
        for wrong in [packet(1, &[0; 8], 4), packet(0, &[0; 8], 3), packet(1, &[0, 0, 0, 0, 0, 0, 0, 1], 3)] {
            assert_eq!(Oicq::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
