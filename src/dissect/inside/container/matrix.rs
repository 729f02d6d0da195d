//! Matrix: events encrypted with Megolm or Olm (Matrix specification, "End-to-end encryption"), in JSON.

use std::ops::Range;

use super::super::found::Container;
use super::super::{text, token};

/// What an object of JSON holds that makes it an encrypted event.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Json {
    algorithm: Option<Container>,
    /// Octets of each ciphertext whose structure is that of a ratchet's message.
    bodies: Vec<u64>,
}

/// What became of an object.
#[derive(Clone, Debug)]
pub(in super::super) enum Verdict {
    /// An encrypted event, and the octets of its ciphertexts.
    Sealed(Container, Vec<u64>),
    /// Ciphertexts that belong to an object further out, if to any.
    Bodies(Vec<u64>),
}

impl Json {
    /// A member whose value is a string, as it is written.
    pub(in super::super) fn member(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"algorithm" => {
                self.algorithm = match value {
                    b"m.megolm.v1.aes-sha2" => Some(Container::Megolm),
                    b"m.olm.v1.curve25519-aes-sha2" => Some(Container::Olm),
                    _ => None,
                }
            }
            b"ciphertext" | b"body" => {
                let plain = text::backslash(value);
                let value = plain.as_deref().unwrap_or(value);
                if is_ratchet_message(&token::base64(value, 0)) {
                    self.bodies.push((value.len() * 3 / 4) as u64);
                }
            }
            _ => {}
        }
    }

    /// Ciphertexts of an object inside this one.
    pub(in super::super) fn bodies(&mut self, bodies: Vec<u64>) {
        self.bodies.extend(bodies);
    }

    /// The object ends.
    pub(in super::super) fn finish(self) -> Verdict {
        match self.algorithm {
            Some(container) if !self.bodies.is_empty() => Verdict::Sealed(container, self.bodies),
            _ => Verdict::Bodies(self.bodies),
        }
    }
}

/// Version 3, then a field of the ratchet (the Olm and Megolm specifications, "Message format"): an index or a key.
fn is_ratchet_message(bytes: &[u8]) -> bool {
    matches!(bytes, [3, 0x08 | 0x0a, ..]) && bytes.len() >= 40
}

/// A member whose value is a key or a signature: `ed25519:DEVICE`.
pub(in super::super) fn is_key_name(name: &[u8]) -> bool {
    [&b"ed25519:"[..], b"curve25519:", b"signed_curve25519:"].iter().any(|prefix| name.starts_with(prefix))
}

/// An identifier of a room or an event in the path of a request: a sigil, and 43 characters of a digest or 18 of the older kind (Matrix
/// specification, "Common identifier format").
pub(in super::super) fn is_id(text: &[u8], span: &Range<usize>) -> bool {
    let sigil = span.start.checked_sub(1).and_then(|at| text.get(at));
    memchr::memmem::find(text, b"/_matrix/").is_some() && matches!(sigil, Some(b'!' | b'$')) && matches!(span.len(), 18 | 43)
}
