//! Keys out of traffic secrets: the key schedule of TLS 1.3 from its last step on (RFC 8446 §7.1–§7.3), as DTLS 1.3 (RFC 9147 §5.9)
//! and QUIC (RFC 9001 §5.1) use it too.

use aws_lc_rs::hkdf::{KeyType, Prk};
use zeroize::Zeroizing;

use super::aead::AeadKey;
use super::suite::{Hash, Suite13};
use crate::dissect::keys::Secret;

/// What stands before each label.
pub(in crate::dissect) const TLS: &[u8] = b"tls13 ";

/// The key and the nonce's fixed part of one direction.
pub(in crate::dissect) struct RecordKey {
    aead: AeadKey,
    iv: [u8; 12],
}

impl RecordKey {
    /// The keys of TLS and DTLS: labels `key` and `iv`.
    pub fn derive(suite: Suite13, secret: &Secret, prefix: &[u8]) -> Option<RecordKey> {
        RecordKey::labelled(suite, secret, prefix, b"key", b"iv")
    }

    /// The same under other labels: QUIC's.
    pub fn labelled(suite: Suite13, secret: &Secret, prefix: &[u8], key: &[u8], iv: &[u8]) -> Option<RecordKey> {
        let key = expand_label(suite.hash, secret, prefix, key, suite.aead.key_len())?;
        let iv = expand_label(suite.hash, secret, prefix, iv, 12)?;
        Some(RecordKey { aead: AeadKey::new(suite.aead, &key)?, iv: iv.as_slice().try_into().ok()? })
    }

    /// Opens a record, or a packet, by its number: the nonce is the fixed part and the number (RFC 8446 §5.3, RFC 9001 §5.3).
    pub fn open(&self, number: u64, aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut nonce = self.iv;
        nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(n, b)| *n ^= b);
        self.aead.open(&nonce, aad, sealed, out)
    }
}

/// The traffic secret after the next key update, whose label is `traffic upd` (RFC 8446 §7.2) or that of QUIC.
pub(in crate::dissect) fn next_secret(hash: Hash, secret: &Secret, prefix: &[u8], label: &[u8]) -> Option<Secret> {
    expand_label(hash, secret, prefix, label, hash.len()).map(Secret::new)
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
pub(in crate::dissect) fn expand_label(hash: Hash, secret: &Secret, prefix: &[u8], label: &[u8], len: usize) -> Option<Zeroizing<Vec<u8>>> {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    if secret.octets().len() != hash.len() {
        return None;
    }
    let [high, low] = u16::try_from(len).ok()?.to_be_bytes();
    let label_len = u8::try_from(prefix.len().checked_add(label.len())?).ok()?;
    let info: [&[u8]; 4] = [&[high, low, label_len], prefix, label, &[0]];
    let mut out = Zeroizing::new(vec![0; len]);
    Prk::new_less_safe(hash.hkdf(), secret.octets()).expand(&info, Len(len)).ok()?.fill(&mut out).ok()?;
    Some(out)
}
