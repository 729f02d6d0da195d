//! Block ciphers in CBC mode: AES by aws-lc-rs, 3DES by RustCrypto.

use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use des::TdesEde3;
use zeroize::Zeroizing;

use super::suite::BlockKind;

/// A key of a direction.
pub(super) struct BlockKey {
    key: Key,
    block_len: usize,
}

enum Key {
    Aes(Box<DecryptingKey>),
    TripleDes(Zeroizing<Vec<u8>>),
}

impl BlockKey {
    /// `None` when the key is not as long as it must be.
    pub fn new(kind: BlockKind, key: &[u8]) -> Option<BlockKey> {
        let aes = |algorithm| Some(Key::Aes(Box::new(DecryptingKey::cbc(UnboundCipherKey::new(algorithm, key).ok()?).ok()?)));
        let key = match kind {
            BlockKind::Aes128 => aes(&AES_128)?,
            BlockKind::Aes256 => aes(&AES_256)?,
            BlockKind::TripleDes => Key::TripleDes(Zeroizing::new(key.to_vec())),
        };
        Some(BlockKey { key, block_len: kind.block_len() })
    }

    /// Replaces the content of `plain` by what the blocks of `body` hold, padding included. Where records are chained, the vector is the
    /// last block of the record before; else it stands at their beginning.
    pub fn decrypt(&self, body: &[u8], chain: &mut Option<Option<Vec<u8>>>, plain: &mut Vec<u8>) -> Option<()> {
        let (iv, blocks) = match chain {
            None => body.split_at_checked(self.block_len).map(|(iv, blocks)| (Some(iv.to_vec()), blocks))?,
            Some(last) => {
                let next = body.len().checked_sub(self.block_len).and_then(|at| body.get(at..));
                (std::mem::replace(last, next.map(<[u8]>::to_vec)), body)
            }
        };
        if blocks.is_empty() || !blocks.len().is_multiple_of(self.block_len) {
            return None;
        }
        plain.clear();
        plain.extend_from_slice(blocks);
        let iv = iv?;
        match &self.key {
            Key::Aes(key) => {
                let iv = FixedLength::from(<[u8; 16]>::try_from(iv.as_slice()).ok()?);
                key.decrypt(plain, DecryptionContext::Iv128(iv)).ok()?;
            }
            Key::TripleDes(key) => {
                let cipher = cbc::Decryptor::<TdesEde3>::new_from_slices(key, &iv).ok()?;
                cipher.decrypt_padded_mut::<NoPadding>(plain).ok()?;
            }
        }
        Some(())
    }
}
