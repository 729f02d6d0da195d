//! Message authentication codes of records before TLS 1.3 (RFC 5246 §6.2.3.1, RFC 6101 §5.2.3.1).

use aws_lc_rs::{digest, hmac as aws_hmac};
use hmac::Mac as _;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::suite::MacKind;

/// A key of a direction.
pub(super) struct MacKey(Key);

enum Key {
    AwsLc(Box<aws_hmac::Key>),
    Md5(Box<hmac::Hmac<Md5>>),
    /// SSL 3's own construction.
    Ssl3(MacKind, Zeroizing<Vec<u8>>),
}

impl MacKey {
    /// HMAC (RFC 2104).
    pub fn hmac(kind: MacKind, key: &[u8]) -> Option<MacKey> {
        let aws_lc = |algorithm| Key::AwsLc(Box::new(aws_hmac::Key::new(algorithm, key)));
        Some(MacKey(match kind {
            MacKind::Md5 => Key::Md5(Box::new(hmac::Hmac::new_from_slice(key).ok()?)),
            MacKind::Sha1 => aws_lc(aws_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            MacKind::Sha256 => aws_lc(aws_hmac::HMAC_SHA256),
            MacKind::Sha384 => aws_lc(aws_hmac::HMAC_SHA384),
        }))
    }

    /// What came before HMAC, for MD5 and SHA-1 only.
    pub fn ssl3(kind: MacKind, key: &[u8]) -> Option<MacKey> {
        matches!(kind, MacKind::Md5 | MacKind::Sha1).then(|| MacKey(Key::Ssl3(kind, Zeroizing::new(key.to_vec()))))
    }

    /// Whether `tag` authenticates a record: its number, content type, version, and content.
    pub fn is_genuine(&self, number: u64, content: u8, version: [u8; 2], text: &[u8], tag: &[u8]) -> bool {
        let number = number.to_be_bytes();
        let Ok(length) = u16::try_from(text.len()).map(u16::to_be_bytes) else { return false };
        let content = [content];
        let parts: [&[u8]; 5] = [&number, &content, &version, &length, text];
        match &self.0 {
            Key::AwsLc(key) => {
                let mut context = aws_hmac::Context::with_key(key);
                parts.iter().for_each(|part| context.update(part));
                context.sign().as_ref() == tag
            }
            Key::Md5(key) => {
                let mut mac = key.as_ref().clone();
                parts.iter().for_each(|part| mac.update(part));
                mac.verify_slice(tag).is_ok()
            }
            Key::Ssl3(kind, secret) => {
                let pad = if *kind == MacKind::Md5 { 48 } else { 40 };
                let inner = hash(*kind, &[secret, &vec![0x36; pad], &number, &content, &length, text]);
                hash(*kind, &[secret, &vec![0x5c; pad], &inner]) == tag
            }
        }
    }
}

/// MD5, or SHA-1.
pub(super) fn hash(kind: MacKind, parts: &[&[u8]]) -> Vec<u8> {
    if kind == MacKind::Md5 {
        let mut md5 = Md5::new();
        parts.iter().for_each(|part| md5.update(part));
        return md5.finalize().to_vec();
    }
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| sha1.update(part));
    sha1.finish().as_ref().to_vec()
}
