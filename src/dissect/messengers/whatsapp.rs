//! WhatsApp's own protocol on TCP: Noise since about 2018, as the open-source client whatsmeow writes it (`socket/`), and FunXMPP before,
//! as the open-source clients of its time did (yowsup, chat-api). There is no specification.

use super::{Read, Signature, starts};
use crate::base::{Dir, Reader, Short};

/// The longest routing information that is believed; seen are a few octets.
const LONGEST_ROUTING: usize = 1024;

/// `WA`, two octets of version, and the first frame; before them, `ED` with routing information for the servers at the edge.
#[derive(Debug, Default)]
pub struct Whatsapp;

/// Why bytes are not taken.
enum Refused {
    Cut,
    Not,
}

impl From<Short> for Refused {
    fn from(_: Short) -> Refused {
        Refused::Cut
    }
}

impl Signature for Whatsapp {
    fn read(bytes: &[u8]) -> Read {
        let mut reader = Reader::new(bytes);
        match prologue(&mut reader) {
            Ok(name) => Read::Is { name, proof: reader.position(), sender: Some(Dir::Client) },
            Err(Refused::Cut) => Read::Cut,
            Err(Refused::Not) => Read::Not,
        }
    }
}

fn prologue(reader: &mut Reader<'_>) -> Result<&'static str, Refused> {
    if reader.rest().first() == Some(&b'E') {
        expect(reader, b"ED\0\x01")?;
        let routing = usize::try_from(reader.u24()?).unwrap_or(usize::MAX);
        if routing > LONGEST_ROUTING {
            return Err(Refused::Not);
        }
        reader.skip(routing)?;
    }
    expect(reader, b"WA")?;
    let [_major, _minor] = reader.array::<2>()?;
    let length = reader.u24()?;
    match reader.array::<1>()? {
        // HandshakeMessage.clientHello, a protocol buffer that fills the frame, and in it the ephemeral key of X25519.
        [0x12] => {
            let (inner, octets) = varint(reader)?;
            if inner.checked_add(octets).and_then(|n| n.checked_add(1)) != Some(length) {
                return Err(Refused::Not);
            }
            expect(reader, b"\x0a\x20")?;
            Ok("whatsapp-noise")
        }
        // FunXMPP: a list of five items (0xf8), the first of them the token that opens the stream.
        [0xf8] if (8..256).contains(&length) => {
            expect(reader, b"\x05\x01")?;
            Ok("whatsapp")
        }
        _ => Err(Refused::Not),
    }
}

/// Takes exactly these octets.
fn expect(reader: &mut Reader<'_>, octets: &[u8]) -> Result<(), Refused> {
    if !starts(reader.rest(), octets) {
        return Err(Refused::Not);
    }
    Ok(reader.skip(octets.len())?)
}

/// A length of protocol buffers, in one or two octets; and in how many.
fn varint(reader: &mut Reader<'_>) -> Result<(u32, u32), Refused> {
    match reader.u8()? {
        low @ 0..=0x7f => Ok((u32::from(low), 1)),
        low => match reader.u8()? {
            high @ 1..=0x7f => Ok((u32::from(low & 0x7f) | u32::from(high) << 7, 2)),
            _ => Err(Refused::Not),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{name_of, noise, refuses_others};
    use super::*;

    fn hello(length: u32) -> Vec<u8> {
        let key = noise(32);
        [&length.to_be_bytes()[1..], b"\x12\x22\x0a\x20", &key].concat()
    }

    #[test]
    fn a_client_hello_of_noise_is_recognised_in_any_version_with_and_without_routing() {
        for version in [[1, 5], [2, 1], [5, 2], [6, 3], [0xff, 0]] {
            let bare = [b"WA", &version[..], &hello(36)].concat();
            assert_eq!(name_of::<Whatsapp>(&bare), Some("whatsapp-noise"));
            let routed = [b"ED\0\x01\0\0\x04\x08\x09\x08\x02", &bare[..]].concat();
            assert_eq!(name_of::<Whatsapp>(&routed), Some("whatsapp-noise"));
        }
        let long = [&b"WA\x05\x02\0\x01\x03\x12\x80\x02\x0a\x20"[..], &noise(254)].concat();
        assert_eq!(name_of::<Whatsapp>(&long), Some("whatsapp-noise"));
    }

    #[test]
    fn the_stream_of_fun_xmpp_is_recognised_and_is_not_noise() {
        assert_eq!(name_of::<Whatsapp>(b"WA\x01\x05\0\0\x17\xf8\x05\x01\xa5\x91\x89\xfc\x0fAndroid-2.12.84"), Some("whatsapp"));
    }

    #[test]
    fn four_octets_of_a_first_segment_ask_for_more() {
        assert_eq!(Whatsapp::read(b"ED\0\x01"), Read::Cut);
        assert_eq!(Whatsapp::read(b""), Read::Cut);
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Whatsapp>();
        for wrong in [
            [b"WA\x06\x03", &hello(37)[..]].concat(),
            [b"ED\0\x02", &hello(36)[..]].concat(),
            b"ED\0\x01\xff\0\0".to_vec(),
            b"ED\0\x01\0\0\x01xWB".to_vec(),
            b"WA\x06\x03\0\0\x24\x12\x22\x0a\x21".to_vec(),
            b"WA\x06\x03\0\0\x24\x13".to_vec(),
            b"WA\x01\x05\xff\0\x17\xf8\x05\x01".to_vec(),
        ] {
            assert_eq!(Whatsapp::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
