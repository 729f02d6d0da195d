//! How strong a negotiated cipher suite is, by its parts (RFC 9325 §4).

use tls_parser::{TlsCipherAu as Au, TlsCipherEnc as Enc, TlsCipherEncMode as Mode, TlsCipherKx as Kx};

use crate::base::CipherSuite;

/// What a suite does for secrecy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// It does not encrypt.
    Readable,
    /// Advised against.
    Weak,
    /// Forward secrecy and authenticated encryption.
    Strong,
    /// Not known here.
    Unknown,
}

/// Why CBC is weak: the one reason that encrypt-then-MAC takes away.
pub(super) const CBC: &str = "CBC without encrypt-then-MAC (RFC 7366; RFC 9325 §4.2 recommends AEAD)";

/// The kind of cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// None at all.
    Null,
    Rc4,
    TripleDes,
    /// DES, RC2, IDEA: blocks of 64 bits.
    OldBlock,
    Modern,
}

/// The parts of a suite that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite {
    /// Nobody shows who they are.
    pub anonymous: bool,
    /// A pre-shared key takes part.
    pub psk: bool,
    /// Fresh keys for every session.
    pub forward_secret: bool,
    /// Weakened for export.
    pub export: bool,
    pub cbc: bool,
    pub cipher: Cipher,
}

impl Suite {
    /// A registered suite, taken apart.
    pub(super) fn of(suite: CipherSuite) -> Option<Suite> {
        let parts = suite.parts()?;
        let anonymous = parts.au == Au::Null && !matches!(parts.kx, Kx::Psk | Kx::Tls13 | Kx::Null);
        // tls-parser names anonymous Diffie-Hellman `Dh` and `Aecdh`; the keys are fresh all the same.
        let ephemeral = matches!(parts.kx, Kx::Dhe | Kx::Ecdhe | Kx::Aecdh | Kx::Eccpwd | Kx::Tls13 | Kx::Srp);
        let cipher = match parts.enc {
            Enc::Null => Cipher::Null,
            Enc::Rc4 => Cipher::Rc4,
            Enc::TripleDes => Cipher::TripleDes,
            Enc::Des | Enc::Rc2 | Enc::Idea => Cipher::OldBlock,
            _ => Cipher::Modern,
        };
        Some(Suite {
            anonymous,
            psk: parts.kx == Kx::Psk || parts.au == Au::Psk,
            forward_secret: ephemeral || anonymous && matches!(parts.kx, Kx::Dh | Kx::Ecdh),
            export: parts.name.contains("_EXPORT"),
            cbc: parts.enc_mode == Mode::Cbc,
            cipher,
        })
    }
}

/// What a suite does for secrecy, and why where that is not all.
pub(super) fn of_suite(suite: CipherSuite) -> (Strength, &'static str) {
    let Some(parts) = Suite::of(suite) else { return (Strength::Unknown, "a cipher suite that is not in the registry") };
    match parts.cipher {
        Cipher::Null => return (Strength::Readable, "a suite that does not encrypt (RFC 9325 §4.1)"),
        _ if parts.export => return (Strength::Weak, "export-grade encryption (RFC 9325 §4.1)"),
        Cipher::Rc4 => return (Strength::Weak, "RC4 is prohibited (RFC 7465)"),
        Cipher::TripleDes => return (Strength::Weak, "3DES has 64-bit blocks and 112 bits of strength (RFC 9325 §4.1)"),
        Cipher::OldBlock => return (Strength::Weak, "an old cipher of 64-bit blocks (RFC 9325 §4.1)"),
        Cipher::Modern => {}
    }
    if !parts.forward_secret {
        let why = if parts.psk {
            "a pre-shared key without a key exchange: no forward secrecy (RFC 9325 §4.1)"
        } else {
            "a key exchange without forward secrecy (RFC 9325 §4.1)"
        };
        return (Strength::Weak, why);
    }
    if parts.cbc { (Strength::Weak, CBC) } else { (Strength::Strong, "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Strength {
        let id = tls_parser::TlsCipherSuite::from_name(name).map_or(0xffff, |suite| suite.id.0);
        of_suite(CipherSuite(id)).0
    }

    #[test]
    fn suites_are_judged_by_their_parts() {
        for strong in [
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_128_CCM_8_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_DH_anon_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        ] {
            assert_eq!(of(strong), Strength::Strong, "{strong}");
        }
        for weak in [
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_PSK_WITH_AES_128_GCM_SHA256",
            "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
            "TLS_DHE_RSA_WITH_DES_CBC_SHA",
        ] {
            assert_eq!(of(weak), Strength::Weak, "{weak}");
        }
        for readable in ["TLS_RSA_WITH_NULL_SHA256", "TLS_ECDHE_RSA_WITH_NULL_SHA", "TLS_SHA256_SHA256"] {
            assert_eq!(of(readable), Strength::Readable, "{readable}");
        }
        assert_eq!(of("no such suite"), Strength::Unknown);
    }

    #[test]
    fn no_registered_suite_without_encryption_is_called_anything_but_readable() {
        for id in 0..=u16::MAX {
            let Some(name) = CipherSuite(id).name() else { continue };
            let plain = name.contains("_NULL_") && !name.contains("NULL_WITH") || matches!(name, "TLS_SHA256_SHA256" | "TLS_SHA384_SHA384");
            assert!(!plain || of_suite(CipherSuite(id)).0 == Strength::Readable, "{name}");
        }
    }
}
