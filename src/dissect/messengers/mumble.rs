//! Mumble's ping on UDP, before and without encryption: a program asks a server how many people are there (mumble's documentation for
//! developers, "Ping").

use super::{Read, Signature};
use crate::base::{Dir, Reader, Short};

/// More people than any server has.
const MOST_PEOPLE: u32 = 100_000;

/// A ping or its answer.
#[derive(Debug, Default)]
pub struct Mumble;

impl Signature for Mumble {
    fn read(bytes: &[u8]) -> Read {
        match role(bytes) {
            Ok(Some(sender)) => Read::Is { name: "mumble", proof: bytes.len(), sender: Some(sender) },
            Ok(None) | Err(Short { .. }) => Read::Not,
        }
    }
}

fn role(bytes: &[u8]) -> Result<Option<Dir>, Short> {
    let mut r = Reader::new(bytes);
    match bytes.len() {
        // Four zeros, and a number that comes back.
        12 => Ok((r.u32()? == 0 && r.u64()? > u64::from(u32::MAX)).then_some(Dir::Client)),
        // The version; the number; people, most people, most bits a second.
        24 => {
            let version = r.u32()?;
            r.skip(8)?;
            let (people, most, bits) = (r.u32()?, r.u32()?, r.u32()?);
            let sound =
                (0x0001_0200..0x0003_0000).contains(&version) && people <= most && most <= MOST_PEOPLE && (1..=10_000_000).contains(&bits);
            Ok(sound.then_some(Dir::Server))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, refuses_others};
    use super::*;

    #[test]
    fn a_ping_and_its_answer_are_recognised() {
        assert_eq!(datagram::<Mumble>(b"\0\0\0\0\x03\xd7\x20\0\xfa\x76\x28\x7e"), Some(("mumble", Some(Dir::Client))));
        let answer = b"\0\x01\x03\x04\x03\xd7\x20\0\xfa\x76\x28\x7e\0\0\0\x07\0\0\0\x64\0\x01\x19\x40";
        assert_eq!(datagram::<Mumble>(answer), Some(("mumble", Some(Dir::Server))));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Mumble>();
        for wrong in [
            &b"\0\0\0\0\0\0\0\0\0\0\0\x01"[..],
            b"\0\0\0\x01\x03\xd7\x20\0\xfa\x76\x28\x7e",
            b"\0\x01\x03\x04\x03\xd7\x20\0\xfa\x76\x28\x7e\0\0\0\x65\0\0\0\x64\0\x01\x19\x40",
            b"\x01\x01\x03\x04\x03\xd7\x20\0\xfa\x76\x28\x7e\0\0\0\x07\0\0\0\x64\0\x01\x19\x40",
        ] {
            assert_eq!(Mumble::read(wrong), Read::Not, "{wrong:x?}");
        }
    }
}
