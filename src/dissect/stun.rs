//! STUN and TURN (RFC 8489 §5, RFC 8656): connectivity checks and relays, on ports that other protocols use too (RFC 7983).

use super::dtls::Dtls;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Facts, Kind, Reader, Short, What, Window};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Octets of the header.
const HEADER: usize = 20;

/// STUN until something else comes: every datagram that is not STUN is recognised anew, because DTLS follows connectivity checks.
#[derive(Debug, Default)]
pub struct Stun {
    over: bool,
}

impl Protocol for Stun {
    fn probe(window: &Window<'_>) -> Probe {
        if is_message(window.bytes) { Probe::Yes } else { Probe::No }
    }
}

impl Payload for Stun {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let stun = is_message(window.bytes);
        // A relay carries DTLS in messages of its own.
        if !(stun || is_channel_data(window.bytes)) || Dtls::probe(window) == Probe::Yes {
            self.over = true;
            return 0;
        }
        if stun && !facts.has(Kind::Protocol) {
            facts.observe(What::Protocol("stun"), window.evidence(0..HEADER));
        }
        window.bytes.len()
    }

    fn next(&self) -> Next {
        if self.over { Next::Upgrade } else { Next::Stay }
    }
}

/// Whether `bytes` are exactly one STUN message: header, cookie, and attributes that end where it ends.
fn is_message(bytes: &[u8]) -> bool {
    parses(bytes).unwrap_or(false)
}

fn parses(bytes: &[u8]) -> Result<bool, Short> {
    let mut r = Reader::new(bytes);
    let (kind, length) = (r.u16()?, r.u16()?);
    if kind >> 14 != 0 || r.u32()? != MAGIC_COOKIE || length % 4 != 0 {
        return Ok(false);
    }
    r.skip(12)?;
    if r.left() != usize::from(length) {
        return Ok(false);
    }
    while !r.is_empty() {
        r.skip(2)?;
        let value = r.vec16()?;
        r.skip(value.len().wrapping_neg() & 3)?;
    }
    Ok(true)
}

/// `ChannelData` (RFC 8656 §12.4): believed only after STUN.
fn is_channel_data(bytes: &[u8]) -> bool {
    let mut r = Reader::new(bytes);
    let (Ok(0x4000..=0x7fff), Ok(_)) = (r.u16(), r.vec16()) else { return false };
    r.left() < 4
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, S, probe, survives, talk};
    use super::super::{DatagramProtocols, recognise::Datagrams};
    use super::*;

    const REQUEST: &[u8] = b"\0\x01\0\x08\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\x03abc\0";
    /// A whole `ClientHello` of DTLS 1.2 without extensions.
    const HELLO: &[u8] = b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x38\x01\0\0\x2c\0\0\0\0\0\0\0\x2c\xfe\xfd\
        abcdefghijklmnopqrstuvwxyz012345\0\0\0\x04\xc0\x2b\0\xff\x01\0";

    #[test]
    fn a_message_with_the_cookie_names_stun_once() {
        let talk = talk::<Stun>(&[(C, REQUEST), (S, REQUEST), (C, b"\x40\0\0\x01x\0\0\0")], usize::MAX);
        assert_eq!(talk.said(), [r#"network.protocol Text("stun") observed [#1]"#]);
        assert_eq!(talk.next, Next::Stay);
    }

    #[test]
    fn dtls_after_stun_is_read_and_stun_between_does_not_disturb_it() {
        let bare = talk::<Datagrams<DatagramProtocols>>(&[(C, b"media"), (C, b"media"), (C, HELLO)], usize::MAX);
        let behind = talk::<Datagrams<DatagramProtocols>>(&[(C, REQUEST), (S, b"media"), (C, HELLO), (S, REQUEST)], usize::MAX);
        assert!(behind.says(r#"network.protocol Text("dtls") observed [#3]"#), "{:?}", behind.said());
        assert_eq!(bare.said(), behind.said());
        let media = talk::<Datagrams<DatagramProtocols>>(&[(C, REQUEST), (S, b"media"), (C, REQUEST), (C, b"media")], usize::MAX);
        assert_eq!(media.said(), [r#"network.protocol Text("stun") observed [#1]"#]);
    }

    #[test]
    fn look_alikes_are_refused() {
        for (at, with) in [(0, 0x40), (3, 4), (3, 9), (4, 0x22), (23, 9)] {
            let mut changed = REQUEST.to_vec();
            changed.splice(at..=at, [with]);
            assert_eq!(probe::<Stun>(&changed), Probe::No, "octet {at} is {with}");
        }
        assert_eq!(probe::<Stun>(&[REQUEST, b"x"].concat()), Probe::No);
        assert_eq!(probe::<Stun>(b"\x40\0\0\x01x"), Probe::No);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
            survives::<Stun>(&random, usize::MAX);
            survives::<Stun>(&[(true, REQUEST.to_vec()), (true, [REQUEST, &tail].concat())], usize::MAX);
        }
    }
}
