//! Calls over TCP: STUN and TURN messages, which state their own length (RFC 8489 §6.2.2, RFC 8656 §12.5), or each after its length
//! (RFC 4571, as ICE has it: RFC 6544 §3).

use super::Rtc;
use super::stun::{HEADER, Message};
use crate::base::{Dir, Facts, Reader, Sides, Window};
use crate::dissect::{Next, Payload, Probe, Protocol};

/// How the messages of a stream are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Framing {
    #[default]
    Unknown,
    /// By their own length.
    Own,
    /// By a length before each.
    Before,
}

/// One connection of a call over TCP.
#[derive(Debug, Default)]
pub struct RtcOverTcp {
    rtc: Rtc,
    framing: Sides<Framing>,
    over: bool,
}

impl Protocol for RtcOverTcp {
    fn probe(window: &Window<'_>) -> Probe {
        match framing(window.bytes) {
            Some((Framing::Unknown, _)) => Probe::More,
            Some((_, whole)) if whole > window.bytes.len() => Probe::More,
            Some((framing, whole)) => {
                let message = window.bytes.get(usize::from(framing == Framing::Before) * 2..whole).unwrap_or_default();
                if Message::read(message).is_some() { Probe::Yes } else { Probe::No }
            }
            None => Probe::No,
        }
    }
}

impl Payload for RtcOverTcp {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.over && taken < window.bytes.len() {
            let rest = window.from(taken);
            let known = *self.framing.of(window.dir);
            let (head, whole) = match known {
                Framing::Unknown => match framing(rest.bytes) {
                    Some((Framing::Unknown, _)) => return taken,
                    Some((framing, whole)) => {
                        *self.framing.of_mut(window.dir) = framing;
                        (usize::from(framing == Framing::Before) * 2, whole)
                    }
                    None => {
                        self.over = true;
                        break;
                    }
                },
                known => match length(known, rest.bytes) {
                    Ok(Some(whole)) => (usize::from(known == Framing::Before) * 2, whole),
                    Ok(None) => {
                        self.over = true;
                        break;
                    }
                    Err(()) => return taken,
                },
            };
            let Some(message) = rest.slice(head..whole) else { return taken };
            if !message.bytes.is_empty() {
                self.rtc.feed(&message, facts);
            }
            self.over = self.rtc.next() != Next::Stay;
            taken = taken.saturating_add(whole);
        }
        if self.over { window.bytes.len() } else { taken }
    }

    fn gap(&mut self, _dir: Dir, _missing: u64, _facts: &mut Facts) {
        // Where the next message starts cannot be known.
        self.over = true;
    }

    fn close(&mut self, facts: &mut Facts) {
        self.rtc.close(facts);
    }

    fn next(&self) -> Next {
        if self.over { Next::Done } else { Next::Stay }
    }

    fn client(&self) -> Option<Dir> {
        self.rtc.client()
    }

    fn swap_sides(&mut self) {
        self.framing.swap();
        self.rtc.swap_sides();
    }
}

/// How a stream that begins with a STUN message is framed, and how many octets the message takes with its frame.
fn framing(bytes: &[u8]) -> Option<(Framing, usize)> {
    if let Some(length) = Message::length(bytes) {
        return Some((Framing::Own, length));
    }
    let framed = Reader::new(bytes).u16().map(usize::from);
    match (framed, Message::length(bytes.get(2..).unwrap_or_default())) {
        (Ok(framed), Some(length)) => (framed == length).then_some((Framing::Before, length + 2)),
        // Too few to tell, as long as the type and the length of a message are there.
        _ if bytes.len() < HEADER / 2 && bytes.first().is_none_or(|first| first >> 6 == 0) => Some((Framing::Unknown, 0)),
        _ => None,
    }
}

/// The length of the next message with its frame: `Ok(None)` where none can begin so, an error where more octets are needed.
fn length(framing: Framing, bytes: &[u8]) -> Result<Option<usize>, ()> {
    let mut r = Reader::new(bytes);
    let (first, second) = (r.u16().map_err(|_| ())?, r.u16());
    if framing == Framing::Before {
        return Ok(Some(usize::from(first) + 2));
    }
    let length = usize::from(second.map_err(|_| ())?);
    Ok(match first >> 14 {
        0 => Some(HEADER + length),
        // Channels are padded to four octets over TCP (RFC 8656 §12.5).
        1 => Some((4 + length).next_multiple_of(4)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{C, S, dialogue, probe, survives};
    use super::*;

    const REQUEST: &[u8] = b"\0\x03\0\x08\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\x03abc\0";

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u16::try_from(message.len()).unwrap_or_default().to_be_bytes(), message].concat()
    }

    #[test]
    fn messages_are_told_apart_by_their_own_length_or_by_one_before_each() {
        let channel = b"\x40\0\0\x05a text that is none\0";
        let own = dialogue::<RtcOverTcp>(&[(C, &[REQUEST, b"\x40\0\0\x05abcde\0\0\0", REQUEST].concat()), (S, REQUEST)]);
        assert_eq!(own.said(), [r#"network.protocol Text("stun") observed [#1]"#, r#"stun.software Wire("abc") observed [#1]"#]);
        let before = dialogue::<RtcOverTcp>(&[(C, &[framed(REQUEST), framed(REQUEST)].concat()), (S, &framed(REQUEST))]);
        assert_eq!(before.said(), own.said());
        assert_eq!(probe::<RtcOverTcp>(channel), Probe::No, "not before a message");
    }

    #[test]
    fn look_alikes_are_refused() {
        assert_eq!(probe::<RtcOverTcp>(b"\0\x03"), Probe::More);
        assert_eq!(probe::<RtcOverTcp>(REQUEST.get(..22).unwrap_or_default()), Probe::More);
        for other in [b"GET / HTTP/1.1\r\n".as_slice(), b"\0\x0c\x12\x34\x01\0\0\x01\0\0\0\0\0\0", &[0; 64], &framed(&[0; 64])] {
            assert_eq!(probe::<RtcOverTcp>(other), Probe::No, "{other:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
            survives::<RtcOverTcp>(&random, piece);
            for begun in [REQUEST.to_vec(), framed(REQUEST)] {
                survives::<RtcOverTcp>(&[(true, [begun.as_slice(), &tail].concat()), (false, tail.clone())], piece);
            }
        }
    }
}
