//! Authenticated encryption, opened: AES-GCM and ChaCha20-Poly1305 by aws-lc-rs, AES-CCM by RustCrypto.

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ccm::Ccm;
use ccm::aead::{AeadInPlace as _, KeyInit as _};
use ccm::consts::{U8, U12, U16};

use super::suite::AeadKind;

/// A key of a direction.
pub(in crate::dissect) struct AeadKey {
    key: Key,
    tag_len: usize,
}

enum Key {
    AwsLc(Box<LessSafeKey>),
    Aes128Ccm(Box<Ccm<Aes128, U16, U12>>),
    Aes128Ccm8(Box<Ccm<Aes128, U8, U12>>),
    Aes256Ccm(Box<Ccm<Aes256, U16, U12>>),
    Aes256Ccm8(Box<Ccm<Aes256, U8, U12>>),
}

impl AeadKey {
    /// `None` when the key is not as long as it must be.
    pub fn new(kind: AeadKind, key: &[u8]) -> Option<AeadKey> {
        let aws_lc = |algorithm| Some(Key::AwsLc(Box::new(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?))));
        let key = match kind {
            AeadKind::Aes128Gcm => aws_lc(&aead::AES_128_GCM)?,
            AeadKind::Aes256Gcm => aws_lc(&aead::AES_256_GCM)?,
            AeadKind::ChaCha20Poly1305 => aws_lc(&aead::CHACHA20_POLY1305)?,
            AeadKind::Aes128Ccm => Key::Aes128Ccm(Box::new(Ccm::new_from_slice(key).ok()?)),
            AeadKind::Aes128Ccm8 => Key::Aes128Ccm8(Box::new(Ccm::new_from_slice(key).ok()?)),
            AeadKind::Aes256Ccm => Key::Aes256Ccm(Box::new(Ccm::new_from_slice(key).ok()?)),
            AeadKind::Aes256Ccm8 => Key::Aes256Ccm8(Box::new(Ccm::new_from_slice(key).ok()?)),
        };
        Some(AeadKey { key, tag_len: kind.tag_len() })
    }

    /// Replaces the content of `out` by what `sealed` (ciphertext and tag) protects. `None` when it does not authenticate; `sealed` stays
    /// as it was, so that another nonce can be tried.
    pub fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(self.tag_len)?)?;
        out.clear();
        if let Key::AwsLc(key) = &self.key {
            out.resize(text.len(), 0);
            return key.open_separate_gather(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), text, tag, out).ok();
        }
        out.extend_from_slice(text);
        match &self.key {
            Key::AwsLc(_) => return None,
            Key::Aes128Ccm(key) => key.decrypt_in_place_detached(nonce.into(), aad, out, tag.into()),
            Key::Aes128Ccm8(key) => key.decrypt_in_place_detached(nonce.into(), aad, out, tag.into()),
            Key::Aes256Ccm(key) => key.decrypt_in_place_detached(nonce.into(), aad, out, tag.into()),
            Key::Aes256Ccm8(key) => key.decrypt_in_place_detached(nonce.into(), aad, out, tag.into()),
        }
        .ok()
    }
}
