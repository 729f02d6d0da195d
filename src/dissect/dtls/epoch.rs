//! The keys of one epoch of DTLS 1.3 (RFC 9147 §4.2, §5.9, §6.1).

use std::sync::Arc;

use aws_lc_rs::aead::quic as mask;

use super::opened::Sealed;
use crate::base::Dir;
use crate::dissect::keys::{Secret, Session};
use crate::dissect::tls::Terms;
use crate::dissect::tls::opening::{self, AeadKind, RecordKey, Suite13, expand_label, next_secret};

/// What stands before each label (RFC 9147 §5.9).
const PREFIX: &[u8] = b"dtls13";
/// Epochs whose secrets are logged: early data, handshake, the application's first (RFC 9147 §6.1).
pub(super) const SECRET_EPOCHS: [u32; 3] = [1, 2, 3];
/// Octets of ciphertext that encrypt the record number (RFC 9147 §4.2.3).
const SAMPLE: usize = 16;
/// The bit of the unified header that a connection id follows, and the one that the number has 16 bits (RFC 9147 §4).
const HAS_CID: u8 = 0x10;
const LONG_NUMBER: u8 = 0x08;

/// A record that was opened.
pub(super) struct Opened {
    pub epoch: u32,
    pub number: u64,
    /// Its content type.
    pub content: u8,
    pub bytes: Vec<u8>,
}

/// The keys of one side in one epoch.
pub(super) struct Epoch13 {
    number: u32,
    suite: Suite13,
    secret: Arc<Secret>,
    key: RecordKey,
    numbers: mask::HeaderProtectionKey,
    /// The number of the record that is due.
    due: u64,
}

impl Epoch13 {
    /// The epoch's keys, if its secret was logged: of the suite that was chosen, else of each that it may be.
    pub fn logged(number: u32, dir: Dir, session: &Session, terms: &Terms) -> Vec<Epoch13> {
        let secret = match number {
            1 if dir == Dir::Client => session.early.as_ref(),
            2 => session.handshake.of(dir).as_ref(),
            3.. => session.traffic(dir, number - 3),
            _ => None,
        };
        let Some(secret) = secret else { return Vec::new() };
        let len = secret.octets().len();
        let chosen = terms.cipher.and_then(Suite13::of).filter(|suite| suite.hash.len() == len);
        let others = Suite13::with_secret_len(len).filter(|_| chosen.is_none());
        chosen.into_iter().chain(others).filter_map(|suite| Epoch13::new(number, suite, Arc::clone(secret))).collect()
    }

    /// The epoch after a key update (RFC 9147 §8).
    pub fn following(&self, dir: Dir, session: &Session) -> Option<Epoch13> {
        let number = self.number.checked_add(1).filter(|&number| number > 3)?;
        let logged = session.traffic(dir, number - 3).cloned();
        let secret = match logged {
            Some(secret) => secret,
            None => Arc::new(next_secret(self.suite.hash, &self.secret, PREFIX, b"traffic upd")?),
        };
        Epoch13::new(number, self.suite, secret)
    }

    fn new(number: u32, suite: Suite13, secret: Arc<Secret>) -> Option<Epoch13> {
        let algorithm = match suite.aead {
            AeadKind::Aes256Gcm => &mask::AES_256,
            AeadKind::ChaCha20Poly1305 => &mask::CHACHA20,
            _ => &mask::AES_128,
        };
        let numbers = expand_label(suite.hash, &secret, PREFIX, b"sn", algorithm.key_len())?;
        let numbers = mask::HeaderProtectionKey::new(algorithm, &numbers).ok()?;
        let key = RecordKey::derive(suite, &secret, PREFIX)?;
        Some(Epoch13 { number, suite, secret, key, numbers, due: 0 })
    }

    /// Which epoch it is.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether these are the low bits of its number.
    pub fn has_bits(&self, bits: u8) -> bool {
        self.number & 3 == u32::from(bits)
    }

    /// Opens a record, given all of its bytes.
    pub fn open(&mut self, record: &[u8], sealed: &Sealed<'_>) -> Option<Opened> {
        let (header, body) = record.split_at_checked(sealed.record.body)?;
        let mut header = header.to_vec();
        let &flags = header.first()?;
        let at = 1 + if flags & HAS_CID != 0 { sealed.cid_len } else { 0 };
        let mask = self.numbers.new_mask(body.get(..SAMPLE)?).ok()?;
        let truncated = header.get_mut(at..at + if flags & LONG_NUMBER != 0 { 2 } else { 1 })?;
        truncated.iter_mut().zip(mask).for_each(|(b, m)| *b ^= m);
        let number = nearest(self.due, truncated);
        let mut plain = Vec::new();
        self.key.open(number, &header, body, &mut plain)?;
        self.due = self.due.max(number.saturating_add(1));
        let content = opening::content(&mut plain)?;
        Some(Opened { epoch: self.number, number, content, bytes: plain })
    }
}

/// The number with these low bits that is nearest to the one that is due (RFC 9147 §4.2.2).
fn nearest(due: u64, truncated: &[u8]) -> u64 {
    let bits = 8 * truncated.len().min(4);
    let low = truncated.iter().take(4).fold(0u64, |n, &b| n << 8 | u64::from(b));
    let window = 1u64 << bits;
    let candidate = (due & !(window - 1)) | low;
    if candidate.saturating_add(window / 2) < due {
        candidate.saturating_add(window)
    } else if candidate > due.saturating_add(window / 2) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_truncated_number_is_the_nearest_to_the_one_that_is_due() {
        assert_eq!(nearest(0, &[0]), 0);
        assert_eq!(nearest(256, &[0]), 256);
        assert_eq!(nearest(256, &[0xff]), 255);
        assert_eq!(nearest(255, &[1]), 257);
        assert_eq!(nearest(70_000, &[0x11, 0x70]), 70_000);
    }
}
