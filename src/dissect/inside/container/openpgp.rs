//! OpenPGP messages (RFC 9580 §4.2, §10.3): encrypted, or merely packed.

use super::super::unpack::{Format, Unpack};

/// What a sequence of packets is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Encrypted data.
    Encrypted,
    /// Literal or compressed data that anyone can read: how it was undone, and what it is.
    Open(&'static str, Vec<u8>),
    /// Keys and signatures.
    Other,
}

/// How much a compressed packet may become.
const MOST: usize = 1 << 20;
/// How many packets are followed.
const MOST_PACKETS: usize = 256;

/// Whether bytes that nothing labels are an encrypted message: a session key for somebody, then the data, to the last octet.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    let Some((tag @ (1 | 3), body, rest)) = packet(bytes) else { return false };
    let is_known = match (tag, body) {
        // Version, key id, algorithm (RFC 9580 §5.1.1, §9.1).
        (1, [3, _, _, _, _, _, _, _, _, algorithm, ..]) => matches!(algorithm, 1 | 2 | 16 | 18 | 25 | 26),
        (1, [6, ..]) => true,
        (3, [4..=6, cipher, ..]) => *cipher <= 13,
        _ => false,
    };
    is_known && !rest.is_empty() && read(rest) == Some(Message::Encrypted)
}

/// Reads packets from the first to the last octet; `None` when they are not that.
pub(super) fn read(bytes: &[u8]) -> Option<Message> {
    let (mut rest, mut found) = (bytes, None);
    for _ in 0..MOST_PACKETS {
        if rest.is_empty() {
            return found;
        }
        let (tag, body, after) = packet(rest)?;
        rest = after;
        let version = body.first().copied();
        match (tag, version) {
            // The session key, encrypted to someone or with a password.
            (1, Some(3 | 6)) | (3, Some(4..=6)) => {}
            // Encrypted data with integrity protection, and in the old forms.
            (18, Some(1 | 2)) | (20, Some(1)) | (9, Some(_)) => found = found.or(Some(Message::Encrypted)),
            (8, Some(algorithm)) => return compressed(algorithm, body.get(1..)?),
            (11, Some(b'b' | b't' | b'u' | b'l' | b'1')) => {
                // Format, name, date.
                let name = usize::from(*body.get(1)?);
                return Some(Message::Open("OpenPGP literal", body.get(name + 6..)?.to_vec()));
            }
            // Signatures around a message; keys and user ids; markers and padding.
            (2 | 4 | 5 | 6 | 7 | 10 | 13 | 14 | 17 | 21, Some(_)) => found = found.or(Some(Message::Other)),
            _ => return None,
        }
    }
    None
}

fn compressed(algorithm: u8, body: &[u8]) -> Option<Message> {
    let format = match algorithm {
        0 => return Some(Message::Open("OpenPGP", body.to_vec())),
        1 => Format::Deflate,
        2 => Format::Zlib,
        _ => return None,
    };
    let mut plain = Vec::new();
    Unpack::new(format).push(body, &mut |piece| {
        plain.extend_from_slice(piece);
        plain.len() < MOST
    });
    (!plain.is_empty()).then_some(Message::Open("OpenPGP compressed", plain))
}

/// One packet: its type, its body, and what follows. A body in parts (§4.2.1.4) is taken as its first part; the type tells enough.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    if head & 0x40 == 0 {
        let (size, tag) = (head & 3, head >> 2 & 0x0f);
        if size == 3 {
            return Some((tag, rest, &[]));
        }
        let digits = 1usize << size;
        let len = rest.get(..digits)?.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        return split(tag, rest.get(digits..)?, len);
    }
    let tag = head & 0x3f;
    let mut rest = rest;
    let first = *rest.first()?;
    match first {
        0..=191 => split(tag, rest.get(1..)?, usize::from(first)),
        192..=223 => {
            let second = usize::from(*rest.get(1)?);
            split(tag, rest.get(2..)?, (usize::from(first) - 192) * 256 + second + 192)
        }
        255 => {
            let len = rest.get(1..5)?.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
            split(tag, rest.get(5..)?, len)
        }
        _ => {
            let (_, body, mut after) = split(tag, rest.get(1..)?, 1 << (first & 0x1f))?;
            // The parts that follow: passed over.
            for _ in 0..MOST_PACKETS {
                rest = after;
                let next = *rest.first()?;
                if (224..255).contains(&next) {
                    (_, _, after) = split(tag, rest.get(1..)?, 1 << (next & 0x1f))?;
                    continue;
                }
                let whole = [&[0xc0 | tag], rest].concat();
                let (_, last, _) = packet(&whole)?;
                let head = if next < 192 {
                    1
                } else if next < 224 {
                    2
                } else {
                    5
                };
                return Some((tag, body, rest.get(head + last.len()..)?));
            }
            None
        }
    }
}

fn split(tag: u8, rest: &[u8], len: usize) -> Option<(u8, &[u8], &[u8])> {
    let (body, after) = rest.split_at_checked(len)?;
    Some((tag, body, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_data_is_told_from_packed_text() {
        let mut bytes = vec![0x85, 0, 12, 3];
        bytes.extend([7; 11]);
        bytes.extend([0xd2, 30, 1]);
        bytes.extend([9; 29]);
        assert_eq!(read(&bytes), Some(Message::Encrypted));
        assert_eq!(read(b"\xcb\x0bb\0\0\0\0\0hello"), Some(Message::Open("OpenPGP literal", b"hello".to_vec())));
        assert_eq!(read(b"\xc8\x06\x00hello"), Some(Message::Open("OpenPGP", b"hello".to_vec())));
        assert_eq!(read(b"\xd2\x04\x01abc and more"), None);
        assert_eq!(read(b"plain"), None);
    }
}
