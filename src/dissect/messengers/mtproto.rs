//! MTProto on TCP, Telegram's protocol, in its transports: abridged, intermediate, padded intermediate, full, and obfuscated
//! (core.telegram.org, "MTProto transports", "Transport obfuscation" and "MTProto description").

use aws_lc_rs::cipher::{AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::{Read, Signature, le32, starts};
use crate::base::{Dir, Reader, Short};

/// Octets of the header of an obfuscated connection.
const HEADER: usize = 64;
/// What marks a transport: the abridged one's octet four times, as the obfuscated header has it; intermediate; padded intermediate.
const TAGS: [[u8; 4]; 3] = [[0xef; 4], [0xee; 4], [0xdd; 4]];
/// Octets of an unencrypted message before its body: a key identifier of zero, the message's identifier, the body's length.
const ENVELOPE: u32 = 20;
/// The longest first message that is waited for.
const LONGEST: u32 = 2048;
/// Constructors of what a client without a key may ask first: `req_pq`, `req_pq_multi`.
const REQUESTS: [[u8; 4]; 2] = [0x6046_9778_u32.to_le_bytes(), 0xbe7e_8ef1_u32.to_le_bytes()];
/// Octets at the front of a packet that is encrypted: the key's identifier and that of the message.
const ENCRYPTED: u32 = 24;

/// What the client sends first on a connection.
#[derive(Debug, Default)]
pub struct Mtproto;

impl Signature for Mtproto {
    fn read(bytes: &[u8]) -> Read {
        let verdicts = [plain(bytes), full(bytes), obfuscated(bytes)];
        let mut cut = false;
        for verdict in verdicts {
            match verdict {
                Ok(0) => {}
                Ok(proof) => return Read::Is { name: "mtproto", proof, sender: Some(Dir::Client) },
                Err(Short { .. }) => cut = true,
            }
        }
        if cut { Read::Cut } else { Read::Not }
    }
}

/// Octets that prove a transport without obfuscation; 0 when it is none.
fn plain(bytes: &[u8]) -> Result<usize, Short> {
    let mut reader = Reader::new(bytes);
    // One octet and a length say nothing: only the first request of a client without a key proves the abridged transport.
    if bytes.first() == Some(&0xef) {
        reader.skip(1)?;
        let words = match reader.u8()? {
            0x7f => return Ok(0),
            words => u32::from(words),
        };
        return first_request(&mut reader, words.saturating_mul(4), 0);
    }
    let Some(tag) = [[0xee; 4], [0xdd; 4]].into_iter().find(|tag| starts(bytes, tag)) else { return Ok(0) };
    let padding = if tag == [0xdd; 4] { 15 } else { 0 };
    reader.skip(4)?;
    let length = u32::from_le_bytes(reader.array()?);
    let key = u64::from_le_bytes(reader.array()?);
    if key == 0 {
        // Again from the key, whose octets were looked at only.
        let mut reader = Reader::new(bytes);
        reader.skip(8)?;
        return first_request(&mut reader, length, padding);
    }
    // A packet with a key: encrypted in blocks of 16 octets, and padded after that where padding is agreed on.
    let blocks = length.checked_sub(ENCRYPTED).is_some_and(|n| n >= 16 && n % 16 <= padding) && length < 1 << 20;
    Ok(if blocks { reader.position() } else { 0 })
}

/// Reads an unencrypted message in a packet of `length` octets that asks what a client without a key asks first.
fn first_request(reader: &mut Reader<'_>, length: u32, padding: u32) -> Result<usize, Short> {
    if !(ENVELOPE + 20..=LONGEST).contains(&length) {
        return Ok(0);
    }
    for _ in 0..8 {
        if reader.u8()? != 0 {
            return Ok(0);
        }
    }
    reader.skip(8)?;
    let body = u32::from_le_bytes(reader.array()?);
    if length.checked_sub(ENVELOPE).and_then(|n| n.checked_sub(body)).is_none_or(|rest| rest > padding) {
        return Ok(0);
    }
    let constructor: [u8; 4] = reader.array()?;
    Ok(if REQUESTS.contains(&constructor) { reader.position() } else { 0 })
}

/// Octets that prove the full transport: its length, the number 0, and a checksum over all of the first packet that is right.
fn full(bytes: &[u8]) -> Result<usize, Short> {
    let mut reader = Reader::new(bytes);
    // Refused as early as it shows: few others begin so.
    for (at, &octet) in bytes.iter().take(8).enumerate() {
        let sound = match at {
            0 => octet % 4 == 0,
            1 => u32::from(octet) << 8 <= LONGEST,
            _ => octet == 0,
        };
        if !sound {
            return Ok(0);
        }
    }
    let length = u32::from_le_bytes(reader.array()?);
    if !(12 + ENVELOPE..=LONGEST).contains(&length) {
        return Ok(0);
    }
    let summed = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(4);
    let mut packet = Reader::new(bytes);
    let mut crc = flate2::Crc::new();
    crc.update(packet.take(summed)?);
    let stated = u32::from_le_bytes(packet.array()?);
    Ok(if crc.sum() == stated { packet.position() } else { 0 })
}

/// Octets that prove an obfuscated connection: the header holds the key it is encrypted with, and in it the mark of a transport. With an
/// MTProxy the key is mixed with a secret, and nothing can be seen.
fn obfuscated(bytes: &[u8]) -> Result<usize, Short> {
    // What the header must not begin with, so that it is not taken for something else; and text, which is not random.
    let taken = [&[0xef][..], b"HEAD", b"POST", b"GET ", b"OPTI", &[0xee; 4], &[0xdd; 4], &[0x16, 3, 1, 2]];
    let text = bytes.len() >= 16 && bytes.iter().take(HEADER).all(|&b| matches!(b, b' '..=b'~' | b'\r' | b'\n' | b'\t'));
    if text || taken.iter().any(|with| bytes.starts_with(with)) || le32(bytes, 4) == Some(0) {
        return Ok(0);
    }
    let header: [u8; HEADER] = Reader::new(bytes).array()?;
    let marked = decrypted(&header).is_some_and(|clear| TAGS.iter().any(|tag| clear.get(56..60) == Some(&tag[..])));
    Ok(if marked { HEADER } else { 0 })
}

/// The header, decrypted with the key and the counter it holds itself: AES-256-CTR.
fn decrypted(header: &[u8; HEADER]) -> Option<[u8; HEADER]> {
    let key = UnboundCipherKey::new(&AES_256, header.get(8..40)?).ok()?;
    let counter = <[u8; 16]>::try_from(header.get(40..56)?).ok()?;
    let mut cipher = StreamingDecryptingKey::ctr(key, DecryptionContext::Iv128(FixedLength::from(counter))).ok()?;
    let mut clear = [0; HEADER + 16];
    let written = cipher.update(header, &mut clear).ok()?.written().len();
    (written == HEADER).then_some(())?;
    clear.get(..HEADER)?.try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{name_of, noise, refuses_others};
    use super::*;

    fn request() -> Vec<u8> {
        [&[0; 8][..], &noise(8), &20u32.to_le_bytes(), &REQUESTS[1], &noise(16)].concat()
    }

    fn in_full(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 12).unwrap();
        let mut packet = [&length.to_le_bytes()[..], &[0; 4], payload].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&packet);
        packet.extend(crc.sum().to_le_bytes());
        packet
    }

    /// As a client makes it: random octets, of which the last eight are encrypted with those before.
    fn header(tag: [u8; 4]) -> Vec<u8> {
        let mut header: [u8; HEADER] = noise(HEADER).try_into().unwrap();
        let mut clear = header;
        clear[56..60].copy_from_slice(&tag);
        // In counter mode, decrypting zeros gives the key stream: encrypted is clear xor key stream.
        let stream: Vec<u8> = decrypted(&header).unwrap().iter().zip(&header).map(|(a, b)| a ^ b).collect();
        for at in 56..HEADER {
            header[at] = clear[at] ^ stream[at];
        }
        header.to_vec()
    }

    #[test]
    fn the_first_request_is_recognised_in_each_transport() {
        let request = request();
        assert_eq!(name_of::<Mtproto>(&[&[0xef, 10][..], &request].concat()), Some("mtproto"));
        assert_eq!(name_of::<Mtproto>(&[&[0xee; 4][..], &40u32.to_le_bytes(), &request].concat()), Some("mtproto"));
        assert_eq!(name_of::<Mtproto>(&[&[0xdd; 4][..], &47u32.to_le_bytes(), &request, &[9; 7]].concat()), Some("mtproto"));
        assert_eq!(name_of::<Mtproto>(&in_full(&request)), Some("mtproto"));
    }

    #[test]
    fn a_packet_with_a_key_is_recognised_where_the_transport_says_enough() {
        let encrypted = noise(24 + 96);
        assert_eq!(name_of::<Mtproto>(&[&[0xee; 4][..], &120u32.to_le_bytes(), &encrypted].concat()), Some("mtproto"));
        assert_eq!(name_of::<Mtproto>(&[&[0xdd; 4][..], &125u32.to_le_bytes(), &encrypted, &[9; 5]].concat()), Some("mtproto"));
        assert_eq!(name_of::<Mtproto>(&in_full(&encrypted)), Some("mtproto"));
        assert_eq!(Mtproto::read(&[&[0xef, 30][..], &encrypted].concat()), Read::Not);
    }

    #[test]
    fn an_obfuscated_header_is_proven_by_decrypting_it() {
        for tag in TAGS {
            assert_eq!(name_of::<Mtproto>(&[header(tag), noise(41)].concat()), Some("mtproto"));
        }
        let mut wrong = header(TAGS[0]);
        wrong[20] ^= 1;
        assert_eq!(Mtproto::read(&wrong), Read::Not);
        assert_eq!(Mtproto::read(&header([0xee, 0xee, 0xee, 0xef])), Read::Not);
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Mtproto>();
        let request = request();
        let mut damaged = in_full(&request);
        damaged[30] ^= 1;
        for wrong in [
            [&[0xef, 11][..], &request, &[1; 40]].concat(),
            [&[0xef, 10][..], &[1; 80]].concat(),
            [&[0xee; 4][..], &41u32.to_le_bytes(), &request, &[1; 40]].concat(),
            [&[0xee; 4][..], &121u32.to_le_bytes(), &noise(130)].concat(),
            [&[0xdd; 4][..], &0x0100_0000u32.to_le_bytes(), &noise(130)].concat(),
            [&damaged[..], &[1; 40]].concat(),
        ] {
            assert_eq!(Mtproto::read(&wrong), Read::Not, "{wrong:x?}");
        }
    }
}
