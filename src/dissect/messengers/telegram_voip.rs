//! Telegram's calls through its reflectors, as the open-source library libtgvoip sends them (`VoIPController.cpp`): before media, a client
//! asks a reflector to describe itself.

use super::{Read, Signature};
use crate::base::Dir;

/// Octets of the tag that names the call to a reflector.
const TAG: usize = 16;
/// -1 three times: what is not for the other party but for the reflector itself.
const SPECIAL: [u8; 12] = [0xff; 12];

/// A request for, or a report of, what a reflector sees of a client.
#[derive(Debug, Default)]
pub struct TelegramVoip;

impl Signature for TelegramVoip {
    fn read(bytes: &[u8]) -> Read {
        let is = |sender| Read::Is { name: "telegram-voip", proof: bytes.len(), sender: Some(sender) };
        let Some((tag, rest)) = bytes.split_at_checked(TAG) else { return Read::Not };
        if tag.iter().all(|b| Some(b) == tag.first()) {
            return Read::Not;
        }
        match (rest.strip_prefix(&SPECIAL), bytes.len()) {
            // -2 and the number of the request.
            (Some([0xfe, 0xff, 0xff, 0xff, ..]), 40) => is(Dir::Client),
            // The constructor of udpReflectorSelfInfo.
            (Some([0xc7, 0x72, 0x15, 0xc0, ..]), 40..=96) => is(Dir::Server),
            _ => Read::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, noise, refuses_others};
    use super::*;

    fn special(tag: &[u8], kind: [u8; 4], rest: usize) -> Vec<u8> {
        [tag, &SPECIAL, &kind, &noise(rest)].concat()
    }

    #[test]
    fn a_request_to_a_reflector_and_its_answer_are_recognised() {
        let tag = noise(16);
        assert_eq!(datagram::<TelegramVoip>(&special(&tag, [0xfe, 0xff, 0xff, 0xff], 8)), Some(("telegram-voip", Some(Dir::Client))));
        assert_eq!(datagram::<TelegramVoip>(&special(&tag, [0xc7, 0x72, 0x15, 0xc0], 32)), Some(("telegram-voip", Some(Dir::Server))));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<TelegramVoip>();
        assert_eq!(TelegramVoip::read(&special(&[0xff; 16], [0xfe, 0xff, 0xff, 0xff], 8)), Read::Not);
        assert_eq!(TelegramVoip::read(&special(&noise(16), [0xff; 4], 8)), Read::Not);
        assert_eq!(TelegramVoip::read(&special(&noise(16), [0xfe, 0xff, 0xff, 0xff], 9)), Read::Not);
    }
}
