//! LOCO, KakaoTalk's protocol on TCP: the handshake that carries an AES key under a fixed RSA key, as open-source clients write it
//! (node-kakao, `loco/secure`). There is no specification.

use super::{Read, Signature, le32, values};
use crate::base::Dir;

/// Octets of the key as encrypted with RSA-2048.
const WRAPPED: usize = 256;
/// Before it: its length, how it is encrypted, and the cipher of what follows, each in four octets.
const HEADER: usize = 12;
/// The least and the most octets of the first record: an initialisation vector and an encrypted packet.
const RECORD: std::ops::RangeInclusive<u32> = 16 + 22..=65536;
/// 256 random octets have about 162 different values, and never so few; fewer octets repeat less.
const LEAST_VALUES: usize = 110;
/// From so many octets on, their values are counted.
const COUNTED: usize = 16;

/// The client's handshake, and the length of its first record.
#[derive(Debug, Default)]
pub struct Loco;

impl Signature for Loco {
    fn read(bytes: &[u8]) -> Read {
        // 256; a small number; a small number: each little-endian.
        for (at, &octet) in bytes.iter().take(HEADER).enumerate() {
            let sound = match at {
                1 => octet == 1,
                4 => (1..=32).contains(&octet),
                8 => (1..=8).contains(&octet),
                _ => octet == 0,
            };
            if !sound {
                return Read::Not;
            }
        }
        let wrapped = bytes.get(HEADER..bytes.len().min(HEADER + WRAPPED)).unwrap_or_default();
        if wrapped.len() >= COUNTED && values(wrapped) * WRAPPED < wrapped.len() * LEAST_VALUES {
            return Read::Not;
        }
        let Some(record) = le32(bytes, HEADER + WRAPPED) else { return Read::Cut };
        if !RECORD.contains(&record) {
            return Read::Not;
        }
        Read::Is { name: "loco", proof: HEADER + WRAPPED + 4, sender: Some(Dir::Client) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{name_of, noise, refuses_others};
    use super::*;

    fn handshake(kind: u8, cipher: u8, wrapped: &[u8], record: u32) -> Vec<u8> {
        [&[0, 1, 0, 0, kind, 0, 0, 0, cipher, 0, 0, 0], wrapped, &record.to_le_bytes(), &noise(317)].concat()
    }

    #[test]
    fn the_handshake_is_recognised_whatever_the_kind_of_key() {
        for (kind, cipher) in [(5, 2), (12, 2), (15, 2), (16, 3)] {
            assert_eq!(name_of::<Loco>(&handshake(kind, cipher, &noise(256), 317)), Some("loco"));
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Loco>();
        for wrong in [
            handshake(0, 2, &noise(256), 317),
            handshake(5, 9, &noise(256), 317),
            handshake(5, 2, &[b'x'; 256], 317),
            handshake(5, 2, b"the same text again and again....".repeat(8).get(..256).unwrap_or_default(), 317),
            handshake(5, 2, &noise(256), 3),
            handshake(5, 2, &noise(256), 0x0100_0000),
        ] {
            assert_eq!(Loco::read(&wrong), Read::Not);
        }
    }
}
