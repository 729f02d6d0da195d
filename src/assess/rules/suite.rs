//! What was negotiated: version, cipher suite, key exchange.

use super::{Case, Hit, Rule, hit};
use crate::assess::grade::Severity;
use crate::assess::judge::{obsolete, version_name};
use crate::assess::strength::{Cipher, Suite};
use crate::base::{Kind, NamedGroup, ProtocolVersion, What};

/// None of these rules fires without one of these facts.
pub(super) const ABOUT: &[Kind] =
    &[Kind::TlsVersion, Kind::TlsCipher, Kind::TlsDhBits, Kind::TlsCurve, Kind::TlsCompression, Kind::TlsVersionDetail, Kind::QuicVersion];

/// Rules about the negotiated version and suite.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "ssl-version",
        severity: Severity::High,
        title: "SSL instead of TLS",
        reader: "The connection used SSL, which was replaced long ago because it can be broken.",
        engineer: "The server chose SSL 2 or SSL 3. SSL 2 has no protection against a downgrade; SSL 3 falls to POODLE.",
        norm: "RFC 6176 §3 (SSL 2), RFC 7568 §3 (SSL 3)",
        wireshark: "tls.handshake.type == 2 && tls.handshake.version <= 0x0300",
        mistaken: "A stream that only looks like an SSL 2 hello: the answer of the server must be there for this rule.",
        check: |case| version(case, |v| v.family() == "ssl"),
    },
    Rule {
        id: "tls-obsolete-version",
        severity: Severity::Medium,
        title: "A retired version of TLS",
        reader: "The connection used a version of TLS that was retired because newer ones are safer.",
        engineer: "The server chose TLS 1.0, TLS 1.1 or DTLS 1.0: no authenticated encryption, SHA-1 and MD5 in the handshake.",
        norm: "RFC 8996 §4 and §5; RFC 9325 §3.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.version in {0x0301, 0x0302, 0xfeff}",
        mistaken: "TLS 1.3 writes an old version into the same field; the supported_versions extension decides there, and is read first here.",
        check: |case| version(case, |v| v.family() != "ssl" && obsolete(v).is_some()),
    },
    Rule {
        id: "cipher-null",
        severity: Severity::High,
        title: "A cipher suite that does not encrypt",
        reader: "The connection was set up so that nothing was encrypted.",
        engineer: "The negotiated suite has no cipher: the records are authenticated at most.",
        norm: "RFC 9325 §4.1; RFC 9150 §8 for the integrity-only suites of TLS 1.3",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "None known: the suite stands in the ServerHello.",
        check: |case| cipher(case, |s| s.cipher == Cipher::Null),
    },
    Rule {
        id: "cipher-export",
        severity: Severity::High,
        title: "Encryption weakened for export",
        reader: "The connection used encryption that was made weak on purpose in the 1990s.",
        engineer: "An EXPORT suite: 40 or 56 bits of key, breakable at once (FREAK, Logjam).",
        norm: "RFC 9325 §4.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "None known: the suite stands in the ServerHello.",
        check: |case| cipher(case, |s| s.export),
    },
    Rule {
        id: "cipher-rc4",
        severity: Severity::Medium,
        title: "RC4",
        reader: "The connection used RC4, a cipher whose use is forbidden because it leaks.",
        engineer: "RC4 has biases that recover repeated plaintext such as cookies.",
        norm: "RFC 7465 §2",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "None known: the suite stands in the ServerHello.",
        check: |case| cipher(case, |s| s.cipher == Cipher::Rc4 && !s.export),
    },
    Rule {
        id: "cipher-64-bit-block",
        severity: Severity::Medium,
        title: "An old cipher with small blocks",
        reader: "The connection used an old cipher that wears out when much is sent.",
        engineer: "3DES, DES, IDEA and RC2 have 64-bit blocks (Sweet32); DES has 56 bits of key.",
        norm: "RFC 9325 §4.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "None known: the suite stands in the ServerHello.",
        check: |case| cipher(case, |s| matches!(s.cipher, Cipher::TripleDes | Cipher::OldBlock) && !s.export),
    },
    Rule {
        id: "cipher-anonymous",
        severity: Severity::Medium,
        title: "Nobody showed who they are",
        reader: "The connection was encrypted, but neither side proved who it was: an impostor in the middle would not be noticed.",
        engineer: "An anonymous Diffie-Hellman suite: safe from a listener, not from an active attacker.",
        norm: "RFC 5246 §F.1.1.1; RFC 9325 §4.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "A protocol that authenticates inside the channel on purpose.",
        check: |case| cipher(case, |s| s.anonymous),
    },
    Rule {
        id: "no-forward-secrecy",
        severity: Severity::Medium,
        title: "No forward secrecy",
        reader: "Whoever records this traffic now and gets the server's key later can read it.",
        engineer: "RSA key transport, a static Diffie-Hellman key or a bare pre-shared key: one long-term secret opens every recorded session.",
        norm: "RFC 9325 §4.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "None known: the suite stands in the ServerHello.",
        check: |case| cipher(case, |s| !s.forward_secret && s.cipher != Cipher::Null),
    },
    Rule {
        id: "tls13-psk-without-exchange",
        severity: Severity::Medium,
        title: "TLS 1.3 without a fresh key exchange",
        reader: "Whoever records this traffic now and gets the shared key later can read it.",
        engineer: "The server took a pre-shared key in mode psk_ke: no key share, so no forward secrecy.",
        norm: "RFC 8446 §2.2 and §E.1",
        wireshark: "tls.handshake.type == 2 && tls.handshake.extensions.supported_version == 0x0304 && !tls.handshake.extensions_key_share_group",
        mistaken: "A ServerHello of which the end was not captured: its key share may be missing from the capture only.",
        check: |case| {
            let version = case.fact(Kind::TlsVersion)?;
            let What::TlsVersion(v) = &version.what else { return None };
            let psk_only = v.0.number() == Some("1.3") && case.is_true(Kind::TlsResumed) && case.fact(Kind::TlsCurve).is_none();
            if psk_only { hit("a pre-shared key was taken and no key share was sent", version.evidence.clone()) } else { None }
        },
    },
    Rule {
        id: "cipher-cbc",
        severity: Severity::Medium,
        title: "CBC without encrypt-then-MAC",
        reader: "The connection used an older way of encrypting that has been attacked before.",
        engineer: "A CBC suite that authenticates before it encrypts: open to padding oracles such as Lucky Thirteen.",
        norm: "RFC 7366 §1; RFC 9325 §4.2",
        wireshark: "tls.handshake.type == 2 && tls.handshake.ciphersuite",
        mistaken: "An implementation with constant-time padding checks, which cannot be seen from outside.",
        check: |case| cipher(case, |s| s.cbc).filter(|_| !case.is_true(Kind::TlsEncryptThenMac)),
    },
    Rule {
        id: "cipher-cbc-encrypt-then-mac",
        severity: Severity::Low,
        title: "CBC with encrypt-then-MAC",
        reader: "The connection used an older but repaired way of encrypting.",
        engineer: "A CBC suite with the encrypt_then_mac extension: sound, but authenticated encryption is preferred.",
        norm: "RFC 7366 §3; RFC 9325 §4.2",
        wireshark: "tls.handshake.extension.type == 22",
        mistaken: "None known: the server's hello carries the extension.",
        check: |case| cipher(case, |s| s.cbc).filter(|_| case.is_true(Kind::TlsEncryptThenMac)),
    },
    Rule {
        id: "dhe-weak",
        severity: Severity::Medium,
        title: "A Diffie-Hellman group that is too small",
        reader: "The key was agreed with numbers small enough for a well-equipped attacker to break.",
        engineer: "The prime of the finite-field exchange is below 2048 bits (Logjam).",
        norm: "RFC 9325 §4.5",
        wireshark: "tls.handshake.p_len < 256",
        mistaken: "None known: the prime stands in the ServerKeyExchange.",
        check: |case| dhe(case, |bits| bits < 2048),
    },
    Rule {
        id: "dhe-finite-field",
        severity: Severity::Low,
        title: "Finite-field Diffie-Hellman",
        reader: "The key was agreed in an older way that is still sound.",
        engineer: "DHE with a prime of 2048 bits or more: sound, but elliptic curves or ML-KEM hybrids are preferred.",
        norm: "RFC 9325 §4.5",
        wireshark: "tls.handshake.p_len >= 256",
        mistaken: "None known: the prime stands in the ServerKeyExchange.",
        check: |case| dhe(case, |bits| bits >= 2048),
    },
    Rule {
        id: "weak-curve",
        severity: Severity::Medium,
        title: "A curve that is too small",
        reader: "The key was agreed with numbers smaller than today's norm.",
        engineer: "The negotiated curve gives less than 112 bits of strength.",
        norm: "RFC 8422 §5.1.1; NIST SP 800-186 §2.1.1",
        wireshark: "tls.handshake.server_named_curve",
        mistaken: "None known: the curve stands in the ServerKeyExchange.",
        check: |case| {
            let fact = case.fact(Kind::TlsCurve)?;
            let What::TlsCurve(group) = fact.what else { return None };
            if is_small(group) { hit(format!("{group} was negotiated"), fact.evidence.clone()) } else { None }
        },
    },
    Rule {
        id: "tls-compression",
        severity: Severity::Medium,
        title: "Compression before encryption",
        reader: "The data were compressed before they were encrypted, which can give parts of them away by their length.",
        engineer: "The server chose TLS compression: CRIME recovers secrets from lengths.",
        norm: "RFC 9325 §3.3; RFC 8446 §4.1.2 forbids it in TLS 1.3",
        wireshark: "tls.handshake.type == 2 && tls.handshake.comp_method != 0",
        mistaken: "None known: the method stands in the ServerHello.",
        check: |case| {
            let fact = case.fact(Kind::TlsCompression)?;
            hit("the server chose a compression method other than null", fact.evidence.clone())
        },
    },
    Rule {
        id: "draft-version",
        severity: Severity::Info,
        title: "A draft or vendor version",
        reader: "The connection used a version from before the standard was finished.",
        engineer: "A draft of TLS 1.3 or of QUIC, or a vendor's variant: judged like the final version.",
        norm: "RFC 8446 (TLS 1.3), RFC 9000 §15 (QUIC versions)",
        wireshark: "tls.handshake.extensions.supported_version || quic.version",
        mistaken: "None known: the number stands in the server's answer.",
        check: |case| {
            if let Some((detail, evidence)) = case.shown(Kind::TlsVersionDetail) {
                return hit(format!("the negotiated version is {detail}"), evidence);
            }
            let fact = case.fact(Kind::QuicVersion)?;
            let What::QuicVersion(version) = &fact.what else { return None };
            let shown = version.to_string();
            let is_final = matches!(shown.as_str(), "1" | "2");
            if is_final { None } else { hit(format!("QUIC version {shown}"), fact.evidence.clone()) }
        },
    },
];

fn version(case: &Case<'_>, is: impl Fn(ProtocolVersion) -> bool) -> Option<Hit> {
    let fact = case.fact(Kind::TlsVersion)?;
    let What::TlsVersion(version) = &fact.what else { return None };
    if !is(version.0) {
        return None;
    }
    hit(format!("{} was negotiated", version_name(&case.connection.facts, version.0)), fact.evidence.clone())
}

fn cipher(case: &Case<'_>, is: impl Fn(&Suite) -> bool) -> Option<Hit> {
    let (suite, parts) = case.suite?;
    if is(&parts) { hit(format!("{suite} was negotiated"), case.fact(Kind::TlsCipher)?.evidence.clone()) } else { None }
}

fn dhe(case: &Case<'_>, is: impl Fn(u64) -> bool) -> Option<Hit> {
    let fact = case.fact(Kind::TlsDhBits)?;
    let What::TlsDhBits(bits) = fact.what else { return None };
    if is(bits) { hit(format!("Diffie-Hellman with a prime of {bits} bits"), fact.evidence.clone()) } else { None }
}

/// Curves of less than 112 bits of strength, by the IANA registry: 1 to 5 (sect163 to sect193) and 15 to 19 (secp160 and secp192).
fn is_small(group: NamedGroup) -> bool {
    matches!(group.0, 1..=5 | 15..=19)
}
