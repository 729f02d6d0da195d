//! MMTLS, WeChat's variant of TLS 1.3: on TCP ("long link") and as the content of an HTTP request ("short link").
//!
//! After Citizen Lab, "Should We Chat, Too?" (2024), and the open-source client gommtls. There is no specification.

use super::{Read, Signature};
use crate::base::{Dir, Reader, Short};

/// Octets that prove it: the header of a record (5), and of the hello that fills it (length, type and version: 7).
const PROOF: usize = 12;

/// A record with a hello.
#[derive(Debug, Default)]
pub struct Mmtls;

impl Signature for Mmtls {
    fn read(bytes: &[u8]) -> Read {
        match record(bytes) {
            Ok(Some(sender)) => Read::Is { name: "mmtls", proof: PROOF, sender: Some(sender) },
            Ok(None) => Read::Not,
            Err(Short { .. }) => Read::Cut,
        }
    }
}

/// Who sent this record with a hello. Record types are those of TLS, and 0x19 for a handshake with early data.
fn record(bytes: &[u8]) -> Result<Option<Dir>, Short> {
    let mut reader = Reader::new(bytes);
    if !matches!(reader.u8()?, 0x16 | 0x19) || reader.u8()? != 0xf1 {
        return Ok(None);
    }
    let version = reader.u8()?;
    if !matches!(version, 0x03 | 0x04) {
        return Ok(None);
    }
    let record = u32::from(reader.u16()?);
    for octet in record.saturating_sub(4).to_be_bytes() {
        if reader.u8()? != octet {
            return Ok(None);
        }
    }
    let sender = match reader.u8()? {
        1 => Dir::Client,
        2 => Dir::Server,
        _ => return Ok(None),
    };
    // The version again, little-endian.
    if reader.u8()? != version || reader.u8()? != 0xf1 {
        return Ok(None);
    }
    Ok((record >= 32).then_some(sender))
}

/// The short link: a hello as the content of an HTTP request.
pub mod short_link {
    use super::{Mmtls, PROOF, Read, Signature};
    use crate::base::{Facts, What, Window};

    /// Whether this is a request of the short link; its content is then to be judged as well.
    #[must_use]
    pub fn is_asked(method: &[u8], target: &[u8]) -> bool {
        let path = target.strip_prefix(b"http://").and_then(|rest| rest.get(memchr::memchr(b'/', rest)?..)).unwrap_or(target);
        method == b"POST" && path.strip_prefix(b"/mmtls/").is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_hexdigit))
    }

    /// Judges the front of the request's content, of which `left` octets are left, and returns whether it is to be judged again;
    /// `None` while there are too few.
    pub fn content(front: &Window<'_>, left: u64, facts: &mut Facts) -> Option<bool> {
        match Mmtls::read(front.bytes) {
            Read::Cut if left > front.bytes.len() as u64 => return None,
            Read::Is { name, proof, .. } if left >= PROOF as u64 => facts.observe(What::Protocol(name), front.evidence(0..proof)),
            Read::Is { .. } | Read::Cut | Read::Not => {}
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{name_of, noise, refuses_others};
    use super::*;

    #[test]
    fn hellos_of_both_sides_are_recognised() {
        let client = [&b"\x19\xf1\x04\0\xa1\0\0\0\x9d\x01\x04\xf1"[..], &noise(154)].concat();
        assert_eq!(name_of::<Mmtls>(&client), Some("mmtls"));
        assert!(matches!(Mmtls::read(&client), Read::Is { sender: Some(Dir::Client), .. }));
        let server = [&b"\x16\xf1\x03\0\x2e\0\0\0\x2a\x02\x03\xf1"[..], &noise(39)].concat();
        assert_eq!(name_of::<Mmtls>(&server), Some("mmtls"));
        assert!(matches!(Mmtls::read(&server), Read::Is { sender: Some(Dir::Server), .. }));
    }

    #[test]
    fn look_alikes_are_refused() {
        refuses_others::<Mmtls>();
        for wrong in [
            &b"\x19\xf1\x05"[..],
            b"\x17\xf1\x04",
            b"\x16\x03\x04",
            b"\x19\xf1\x04\0\xa1\0\0\0\x9c",
            b"\x19\xf1\x04\0\xa1\0\0\0\x9d\x03",
            b"\x19\xf1\x04\0\xa1\0\0\0\x9d\x01\x03",
            b"\x19\xf1\x04\0\x02\0\0\0\0\x01\x04\xf1",
        ] {
            assert_eq!(Mmtls::read(wrong), Read::Not, "{wrong:x?}");
        }
    }

    #[test]
    fn the_short_link_posts_to_a_hexadecimal_name() {
        assert!(short_link::is_asked(b"POST", b"/mmtls/00a1b2c3"));
        assert!(short_link::is_asked(b"POST", b"http://short.example/mmtls/00a1b2c3"));
        for target in ["/mmtls/", "/mmtls/index.html", "/x/mmtls/00a1", "/mmtls"] {
            assert!(!short_link::is_asked(b"POST", target.as_bytes()), "{target}");
        }
        assert!(!short_link::is_asked(b"GET", b"/mmtls/00a1b2c3"));
    }
}
