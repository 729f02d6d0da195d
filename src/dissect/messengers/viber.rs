//! Viber's own protocol on TCP and its calls on UDP, after nDPI (`viber.c`) and captures of 2018 and later. There is no specification.

use super::{Read, Signature};
use crate::base::Dir;

/// Octets of the header of a first record on TCP.
const HEADER: usize = 12;
/// Lengths of a first record that are believed.
const FIRST_RECORD: std::ops::RangeInclusive<usize> = 16..=1024;

/// The record that opens a connection: its length, a token, a mark.
#[derive(Debug, Default)]
pub struct Viber;

impl Signature for Viber {
    fn read(bytes: &[u8]) -> Read {
        // Length; token; 0xfcff; a kind; 0x80; a length; each of two or four octets little-endian.
        for (at, &octet) in bytes.iter().take(HEADER).enumerate() {
            let sound = match at {
                1 => octet <= 4,
                6 => octet == 0xfc,
                7 => octet == 0xff,
                8 => matches!(octet, 3 | 5),
                9 => octet == 0x80,
                11 => octet <= 1,
                _ => true,
            };
            if !sound {
                return Read::Not;
            }
        }
        let (Some(&[low, high]), Some(&inner)) = (bytes.first_chunk(), bytes.get(10)) else { return Read::Cut };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if !FIRST_RECORD.contains(&length) {
            return Read::Not;
        }
        if bytes.len() < length {
            return Read::Cut;
        }
        // The mark's own length ends before the record does.
        if usize::from(inner) >= length { Read::Not } else { Read::Is { name: "viber", proof: length, sender: Some(Dir::Client) } }
    }
}

/// A datagram of a call: a tag of the call, what it is, and the time in milliseconds since 1970.
#[derive(Debug, Default)]
pub struct ViberCall;

impl Signature for ViberCall {
    fn read(bytes: &[u8]) -> Read {
        let is = |sender| Read::Is { name: "viber", proof: bytes.len(), sender };
        match bytes {
            // A ping, and its answer with both sides' times.
            [_, _, 9, 0, rest @ ..] if rest.len() == 16 && is_time(rest) => is(Some(Dir::Client)),
            [_, _, 11, 0, rest @ ..] if rest.len() == 30 && is_time(rest) && rest.get(8..).is_some_and(is_time) => is(Some(Dir::Server)),
            // Asking for a path: the call's number, the own address, a counter and the time.
            [_, _, 1, 0, 5, 0, rest @ ..] if rest.len() > 36 && rest.get(28..).is_some_and(is_time) => is(Some(Dir::Client)),
            // Asking another port of the server.
            [_, _, 25, 0, rest @ .., 0, 0] if rest.len() == 28 => is(Some(Dir::Client)),
            // The answer.
            [_, _, 12, 0, _, 0, rest @ ..] if rest.len() == 70 && rest.get(14..).is_some_and(is_time) => is(Some(Dir::Server)),
            _ => Read::Not,
        }
    }
}

/// Whether these octets begin with a time between 2004 and 2039, in milliseconds, little-endian.
fn is_time(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, 1, 0, 0, ..])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, name_of, noise, refuses_others};
    use super::*;

    /// 2024-05-01.
    const TIME: [u8; 8] = 1_714_550_400_000u64.to_le_bytes();

    fn record(kind: u8, inner: u8, length: u16, rest: usize) -> Vec<u8> {
        [&length.to_le_bytes()[..], b"\xad\xd4\xdc\x17\xfc\xff", &[kind, 0x80, inner, 0], &noise(rest)].concat()
    }

    #[test]
    fn the_first_record_is_recognised_when_it_is_whole() {
        assert_eq!(name_of::<Viber>(&record(3, 0x59, 96, 84)), Some("viber"));
        assert_eq!(name_of::<Viber>(&record(5, 9, 24, 12)), Some("viber"));
    }

    #[test]
    fn datagrams_of_calls_are_recognised() {
        let id = noise(8);
        let ping = [&b"\xed\xf6\x09\0"[..], &TIME, &id].concat();
        assert_eq!(datagram::<ViberCall>(&ping), Some(("viber", Some(Dir::Client))));
        let pong = [&b"\xed\xf6\x0b\0"[..], &TIME, &TIME, &[0; 14]].concat();
        assert_eq!(datagram::<ViberCall>(&pong), Some(("viber", Some(Dir::Server))));
        let ask = [&b"\xed\xf6\x01\0\x05\0"[..], &id, &noise(20), &TIME, &[0; 215]].concat();
        assert_eq!(datagram::<ViberCall>(&ask), Some(("viber", Some(Dir::Client))));
        let other_port = [&b"\xed\xf6\x19\0"[..], &id, &noise(20), &[0; 2]].concat();
        assert_eq!(datagram::<ViberCall>(&other_port), Some(("viber", Some(Dir::Client))));
        let answer = [&b"\xed\xf6\x0c\0\x01\0"[..], &id, &noise(6), &TIME, &[0; 48]].concat();
        assert_eq!(datagram::<ViberCall>(&answer), Some(("viber", Some(Dir::Server))));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Viber>();
        refuses_others::<ViberCall>();
        for wrong in [record(4, 9, 24, 12), record(5, 24, 24, 12), record(5, 9, 15, 3), record(5, 9, 2000, 1988)] {
            assert_eq!(Viber::read(&wrong), Read::Not, "{wrong:x?}");
        }
        let in_2050 = 2_524_608_000_000u64.to_le_bytes();
        for wrong in [
            [&b"\xed\xf6\x09\0"[..], &in_2050, &[1; 8]].concat(),
            [&b"\xed\xf6\x09\0"[..], &TIME, &[1; 9]].concat(),
            [&b"\xed\xf6\x08\0"[..], &TIME, &[1; 8]].concat(),
            [&b"\xed\xf6\x0b\0"[..], &TIME, &[1; 22]].concat(),
            [&b"\xed\xf6\x19\0"[..], &[1; 29], &[0; 2]].concat(),
        ] {
            assert_eq!(ViberCall::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
