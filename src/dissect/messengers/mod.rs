//! The messengers' own protocols: recognised by what their first bytes say, never by a port or an address.
//!
//! Only the name of the protocol is stated. What it carries is encrypted by the messenger itself, and how well cannot be seen. To add
//! one: a file with a [`Signature`], and a row in the lists of [`super`].

mod discord;
mod line;
mod loco;
mod mmtls;
mod mtproto;
mod mumble;
mod oicq;
mod telegram_voip;
mod threema;
mod viber;
mod whatsapp;
mod zoom;

use std::marker::PhantomData;

use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Facts, What, Window};

pub use discord::Discord;
pub use line::LineCall;
pub use loco::Loco;
pub use mmtls::{Mmtls, short_link};
pub use mtproto::Mtproto;
pub use mumble::Mumble;
pub use oicq::Oicq;
pub use telegram_voip::TelegramVoip;
pub use threema::ThreemaCsp;
pub use viber::{Viber, ViberCall};
pub use whatsapp::Whatsapp;
pub use zoom::Zoom;

/// What the first bytes of a direction, or a datagram, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The protocol of this name: the first `proof` octets say so.
    Is {
        /// What it is called in `network.protocol`.
        name: &'static str,
        /// Octets that were judged.
        proof: usize,
        /// Who sends such bytes, where that is fixed.
        sender: Option<Dir>,
    },
    /// Too few to tell.
    Cut,
    /// Something else.
    Not,
}

/// How a protocol begins: so strict that random bytes pass less than once in 2^30 times.
pub trait Signature: Default + std::fmt::Debug {
    /// Judges the first bytes.
    fn read(bytes: &[u8]) -> Read;
}

/// A protocol of which nothing but its beginning can be read.
#[derive(Debug, Default)]
pub struct Named<S> {
    stated: bool,
    signature: PhantomData<S>,
}

impl<S: Signature> Protocol for Named<S> {
    fn probe(window: &Window<'_>) -> Probe {
        match S::read(window.bytes) {
            Read::Is { .. } => Probe::Yes,
            Read::Cut => Probe::More,
            Read::Not => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        match S::read(window.bytes) {
            Read::Is { sender, .. } => sender,
            Read::Cut | Read::Not => None,
        }
    }
}

impl<S: Signature> Payload for Named<S> {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.stated {
            return window.bytes.len();
        }
        match S::read(window.bytes) {
            Read::Is { name, proof, .. } => {
                self.stated = true;
                facts.observe(What::Protocol(name), window.evidence(0..proof));
                window.bytes.len()
            }
            Read::Cut | Read::Not => 0,
        }
    }

    fn next(&self) -> Next {
        if self.stated { Next::Done } else { Next::Stay }
    }
}

/// Whether `bytes` begin with `with`, as far as there are any.
fn starts(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(a, b)| a == b)
}

/// A little-endian number of four octets.
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

/// How many different values these octets have.
fn values(bytes: &[u8]) -> usize {
    let mut seen = [0u128; 2];
    for &byte in bytes {
        if let Some(half) = seen.get_mut(usize::from(byte >> 7)) {
            *half |= 1 << (byte & 0x7f);
        }
    }
    seen.iter().flat_map(|half| usize::try_from(half.count_ones())).sum()
}

#[cfg(test)]
mod testing {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::dissect::testing::{C, talk};

    /// The name these bytes get: the same whole and in pieces, and never before the bytes that prove it.
    pub(super) fn name_of<S: Signature>(bytes: &[u8]) -> Option<&'static str> {
        let Read::Is { name, proof, .. } = S::read(bytes) else { return None };
        for cut in 0..proof {
            assert_eq!(S::read(&bytes[..cut]), Read::Cut, "after {cut} octets");
        }
        for piece in [1, 2, 3, 7, usize::MAX] {
            let said = talk::<Named<S>>(&[(C, bytes)], piece).said();
            assert_eq!(said, [format!("network.protocol Text({name:?}) observed [#1]")]);
        }
        Some(name)
    }

    /// What a datagram is called.
    pub(super) fn datagram<S: Signature>(bytes: &[u8]) -> Option<(&'static str, Option<crate::base::Dir>)> {
        crate::fuzzing::kept::keep_turns("messengers", &[3], &[(C, bytes)]);
        match S::read(bytes) {
            Read::Is { name, sender, .. } => Some((name, sender)),
            Read::Cut | Read::Not => None,
        }
    }

    /// Octets without structure, always the same.
    pub(super) fn noise(n: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_be_bytes()[0]
            })
            .collect()
    }

    /// Beginnings of other protocols.
    pub(super) const OTHERS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: WA/2 ED\r\nAccept: text/html, text/plain\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n and more text until there is enough of it here\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF\x20abcdefghijklmnopqrstuvwxyzabcdef\x00\x02\x13\x01",
        b"\x00\x01\x00\x00\x05\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        &[0xee; 100],
        &[0xdd; 100],
        &[0xef; 600],
        &[0; 600],
        &[0xff; 100],
        b"WAV is a format for sound, and this is a text that begins with its name and goes on for long.",
        b"EDITED by hand: a text that begins with the two letters, and goes on for as long as is needed.",
    ];

    /// No other protocol is taken for this one, and nothing panics.
    pub(super) fn refuses_others<S: Signature>() {
        for other in OTHERS {
            assert_eq!(S::read(other), Read::Not, "{other:x?}");
        }
        assert_eq!(S::read(&noise(4096)), Read::Not);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::testing::survives;

    fn all_survive(random: &[(bool, Vec<u8>)], piece: usize) {
        survives::<Named<Whatsapp>>(random, piece);
        survives::<Named<Mtproto>>(random, piece);
        survives::<Named<Mmtls>>(random, piece);
        survives::<Named<Loco>>(random, piece);
        survives::<Named<Discord>>(random, piece);
        survives::<Named<Zoom>>(random, piece);
        survives::<Named<TelegramVoip>>(random, piece);
        survives::<Named<Viber>>(random, piece);
        survives::<Named<ViberCall>>(random, piece);
        survives::<Named<LineCall>>(random, piece);
        survives::<Named<Oicq>>(random, piece);
        survives::<Named<Mumble>>(random, piece);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, piece in 1usize..9) {
            all_survive(&random, piece);
        }

        #[test]
        fn any_bytes_after_a_true_beginning_never_panic(
            which in 0usize..9,
            rest in proptest::collection::vec(proptest::num::u8::ANY, 0..700),
            piece in 1usize..99,
        ) {
            let beginnings: [&[u8]; 9] = [
                b"WA\x06\x03", b"ED\0\x01", b"\xef", b"\xee\xee\xee\xee", b"\xdd\xdd\xdd\xdd", b"\x20\0\0\0\0\0\0\0",
                b"\x19\xf1\x04", b"\0\x01\0\0\x0f\0\0\0\x02\0\0\0", b"\x1f\x02\x01\0",
            ];
            let first = beginnings.get(which).copied().unwrap_or_default();
            all_survive(&[(true, [first, &rest].concat())], piece);
        }
    }
}
