//! What a cipher suite means for the records it protects (RFC 8446 §B.4, RFC 5246 §6.2.3, RFC 6655, RFC 7905).

use aws_lc_rs::hkdf;
use tls_parser::{TlsCipherEnc as Enc, TlsCipherEncMode as Mode, TlsCipherKx as Kx, TlsCipherMac as Mac, TlsPRF as Prf};

use crate::base::CipherSuite;

/// How records are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) enum Cipher {
    Aead(AeadKind),
    /// A block cipher in CBC mode, and a MAC.
    Block(BlockKind, MacKind),
    /// RC4, and a MAC.
    Rc4 {
        key_len: usize,
        mac: MacKind,
    },
    /// No encryption, and a MAC.
    Null(MacKind),
}

/// Authenticated encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) enum AeadKind {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Ccm,
    Aes128Ccm8,
    Aes256Ccm,
    Aes256Ccm8,
}

impl AeadKind {
    pub fn key_len(self) -> usize {
        match self {
            AeadKind::Aes128Gcm | AeadKind::Aes128Ccm | AeadKind::Aes128Ccm8 => 16,
            _ => 32,
        }
    }

    pub fn tag_len(self) -> usize {
        if matches!(self, AeadKind::Aes128Ccm8 | AeadKind::Aes256Ccm8) { 8 } else { 16 }
    }

    /// Octets of the nonce that each record carries before TLS 1.3 (RFC 5288 §3); ChaCha20-Poly1305 carries none (RFC 7905 §2).
    pub fn explicit_nonce(self) -> usize {
        if self == AeadKind::ChaCha20Poly1305 { 0 } else { 8 }
    }
}

/// A block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) enum BlockKind {
    Aes128,
    Aes256,
    TripleDes,
}

impl BlockKind {
    pub fn key_len(self) -> usize {
        match self {
            BlockKind::Aes128 => 16,
            BlockKind::Aes256 => 32,
            BlockKind::TripleDes => 24,
        }
    }

    pub fn block_len(self) -> usize {
        if self == BlockKind::TripleDes { 8 } else { 16 }
    }
}

/// The hash under a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) enum MacKind {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl MacKind {
    pub fn len(self) -> usize {
        match self {
            MacKind::Md5 => 16,
            MacKind::Sha1 => 20,
            MacKind::Sha256 => 32,
            MacKind::Sha384 => 48,
        }
    }
}

/// The hash that keys are derived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    pub fn len(self) -> usize {
        if self == Hash::Sha384 { 48 } else { 32 }
    }

    pub fn hkdf(self) -> hkdf::Algorithm {
        if self == Hash::Sha384 { hkdf::HKDF_SHA384 } else { hkdf::HKDF_SHA256 }
    }
}

/// A cipher suite that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Suite {
    pub cipher: Cipher,
    pub hash: Hash,
    /// Whether the client encrypts its pre-master secret to the server's RSA key.
    pub rsa: bool,
}

impl Suite {
    /// A suite of TLS 1.2 and before; `None` for one that cannot be opened.
    pub fn before_1_3(suite: CipherSuite) -> Option<Suite> {
        let parts = suite.parts().filter(|parts| parts.kx != Kx::Tls13)?;
        let mac = match parts.mac {
            Mac::HmacMd5 => Some(MacKind::Md5),
            Mac::HmacSha1 => Some(MacKind::Sha1),
            Mac::HmacSha256 => Some(MacKind::Sha256),
            Mac::HmacSha384 => Some(MacKind::Sha384),
            _ => None,
        };
        let short_tag = parts.name.ends_with("_CCM_8") || parts.name.contains("_CCM_8_");
        let cipher = match (parts.enc, parts.enc_mode, parts.enc_size) {
            (Enc::Aes, Mode::Gcm, 128) => Cipher::Aead(AeadKind::Aes128Gcm),
            (Enc::Aes, Mode::Gcm, 256) => Cipher::Aead(AeadKind::Aes256Gcm),
            (Enc::Aes, Mode::Ccm, 128) => Cipher::Aead(if short_tag { AeadKind::Aes128Ccm8 } else { AeadKind::Aes128Ccm }),
            (Enc::Aes, Mode::Ccm, 256) => Cipher::Aead(if short_tag { AeadKind::Aes256Ccm8 } else { AeadKind::Aes256Ccm }),
            (Enc::Chacha20_Poly1305, ..) => Cipher::Aead(AeadKind::ChaCha20Poly1305),
            (Enc::Aes, Mode::Cbc, 128) => Cipher::Block(BlockKind::Aes128, mac?),
            (Enc::Aes, Mode::Cbc, 256) => Cipher::Block(BlockKind::Aes256, mac?),
            (Enc::TripleDes, Mode::Cbc, _) => Cipher::Block(BlockKind::TripleDes, mac?),
            (Enc::Rc4, _, 128) => Cipher::Rc4 { key_len: 16, mac: mac? },
            (Enc::Null, ..) => Cipher::Null(mac?),
            _ => return None,
        };
        let hash = if parts.prf == Prf::Sha384 { Hash::Sha384 } else { Hash::Sha256 };
        Some(Suite { cipher, hash, rsa: parts.kx == Kx::Rsa })
    }
}

/// A suite of TLS 1.3, of DTLS 1.3 and of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Suite13 {
    pub aead: AeadKind,
    pub hash: Hash,
}

impl Suite13 {
    /// Those that can be opened (RFC 8446 §B.4).
    const ALL: [(CipherSuite, Suite13); 5] = [
        (CipherSuite(0x1301), Suite13 { aead: AeadKind::Aes128Gcm, hash: Hash::Sha256 }),
        (CipherSuite(0x1302), Suite13 { aead: AeadKind::Aes256Gcm, hash: Hash::Sha384 }),
        (CipherSuite(0x1303), Suite13 { aead: AeadKind::ChaCha20Poly1305, hash: Hash::Sha256 }),
        (CipherSuite(0x1304), Suite13 { aead: AeadKind::Aes128Ccm, hash: Hash::Sha256 }),
        (CipherSuite(0x1305), Suite13 { aead: AeadKind::Aes128Ccm8, hash: Hash::Sha256 }),
    ];

    /// `None` for one that cannot be opened.
    pub fn of(suite: CipherSuite) -> Option<Suite13> {
        Suite13::ALL.iter().find(|(known, _)| *known == suite).map(|&(_, suite)| suite)
    }

    /// Those whose secrets have this length: what a suite may be that was not seen.
    pub fn with_secret_len(len: usize) -> impl Iterator<Item = Suite13> {
        Suite13::ALL.iter().map(|&(_, suite)| suite).filter(move |suite| suite.hash.len() == len)
    }
}
