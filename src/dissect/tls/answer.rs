//! What a `ServerHello` or `HelloRetryRequest` says, as facts (RFC 8446 §4.1.3 and §4.1.4).

use super::hello::{ServerHello, protocols};
use super::offer::{Offer, srtp_profiles};
use super::{Carrier, ja3};
use crate::base::{
    Basis, CipherSuite, Evidence, ExtensionType, Fact, Facts, Kind, NamedGroup, ProtocolVersion, Reader, VersionName, What, WireStr,
};

/// The last octets of a random when the server could have done better (RFC 8446 §4.1.3).
const DOWNGRADE_TO_1_2: &[u8] = b"DOWNGRD\x01";
const DOWNGRADE_TO_1_1: &[u8] = b"DOWNGRD\x00";

/// States what a server asked the client to try again with.
pub(super) fn retry(hello: &ServerHello<'_>, evidence: &Evidence, facts: &mut Facts) {
    facts.observe(What::TlsHelloRetryRequest(true), evidence.clone());
    if let Some(group) = key_share(hello) {
        facts.observe(What::TlsRetryGroup(group), evidence.clone());
    }
}

/// Whether the client offered this version, as far as its hello gave a list (RFC 8446 §4.2.1: "illegal_parameter" else). A server that
/// chooses another one speaks with nobody who would go on.
pub(super) fn is_offered(version: ProtocolVersion, facts: &Facts) -> bool {
    match facts.get(Kind::TlsOfferedVersions).map(|fact| &fact.what) {
        Some(What::TlsOfferedVersions(offered)) => offered.contains(&version),
        _ => true,
    }
}

/// States what a server chose.
pub(super) fn state(hello: &ServerHello<'_>, carrier: Carrier, offer: Offer, evidence: &Evidence, facts: &mut Facts) {
    let version = hello.version();
    let family = if carrier == Carrier::Quic { "quic" } else { version.family() };
    protocol(family, evidence, facts);
    let retried = facts.has(Kind::TlsHelloRetryRequest);

    let mut say = |what| facts.observe(what, evidence.clone());
    say(What::TlsVersion(VersionName(version)));
    if let Some(draft) = version.draft() {
        say(What::TlsVersionDetail(draft));
    }
    if hello.legacy_version != version {
        say(What::TlsLegacyVersion(hello.legacy_version));
    }
    say(What::TlsCipher(hello.cipher));
    say(What::TlsJa3s(ja3::server(hello)));
    if hello.compression != 0 {
        say(What::TlsCompression(u64::from(hello.compression)));
    }
    let extensions = hello.extensions;
    let has = |kind| extensions.get(kind).is_some();
    if version.is_1_3() {
        if !retried {
            say(What::TlsHelloRetryRequest(false));
        }
        if let Some(group) = key_share(hello) {
            say(What::TlsCurve(group));
        }
        say(What::TlsResumed(has(ExtensionType::PRE_SHARED_KEY)));
    } else {
        say(What::TlsExtendedMasterSecret(has(ExtensionType::EXTENDED_MASTER_SECRET)));
        say(What::TlsRenegotiationInfo(has(ExtensionType::RENEGOTIATION_INFO)));
        if is_block_cipher(hello.cipher) {
            say(What::TlsEncryptThenMac(has(ExtensionType::ENCRYPT_THEN_MAC)));
        }
        if let Some(sentinel) = downgrade(hello, version) {
            say(What::TlsDowngradeSentinel(sentinel));
        }
    }
    if let Some(name) = extensions.get(ExtensionType::ALPN).and_then(|data| protocols(data).next()) {
        say(What::TlsNextProtocol(WireStr::new(name)));
    }
    if let Some(profile) = extensions.get(ExtensionType::USE_SRTP).and_then(|data| srtp_profiles(data).next()) {
        say(What::SrtpProfile(profile));
    }
    let answered = extensions.get(ExtensionType::CONNECTION_ID).or_else(|| extensions.get(ExtensionType(53)));
    if let (Some(client), Some(server)) = (offer.connection_id, answered.and_then(|data| data.first())) {
        say(What::DtlsConnectionIds(vec![client, u64::from(*server)]));
    }
}

/// States which family of protocols this is; what is learnt later is truer.
pub(super) fn protocol(family: &'static str, evidence: &Evidence, facts: &mut Facts) {
    facts.replace(Fact { what: What::TlsVersionProtocol(family), basis: Basis::Observed, evidence: evidence.clone() });
}

/// The group of a server's `key_share`, whose number was 40 until draft 22.
fn key_share(hello: &ServerHello<'_>) -> Option<NamedGroup> {
    let data = hello.extensions.get(ExtensionType::KEY_SHARE).or_else(|| hello.extensions.get(ExtensionType(40)))?;
    Reader::new(data).u16().ok().map(NamedGroup)
}

/// Encrypt-then-MAC says something about block ciphers only (RFC 7366 §3).
fn is_block_cipher(cipher: CipherSuite) -> bool {
    cipher.parts().is_some_and(|parts| parts.enc_mode == tls_parser::TlsCipherEncMode::Cbc)
}

fn downgrade(hello: &ServerHello<'_>, version: ProtocolVersion) -> Option<&'static str> {
    let below_1_2 = matches!(version, ProtocolVersion::TLS1_1 | ProtocolVersion::TLS1_0 | ProtocolVersion::SSL3);
    if hello.random.ends_with(DOWNGRADE_TO_1_2) {
        Some("1.2")
    } else if below_1_2 && hello.random.ends_with(DOWNGRADE_TO_1_1) {
        Some("1.1")
    } else {
        None
    }
}
