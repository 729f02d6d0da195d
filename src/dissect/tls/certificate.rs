//! `Certificate` before TLS 1.3, and its leaf (RFC 5246 §7.4.2, RFC 5280).

use std::net::{Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use super::hello::{At as _, Broken};
use super::{chain, name};
use crate::base::{Dir, Evidence, Fact, Facts, Kind, Reader, Timestamp, What, WireStr};

/// Octets of a serial number that are shown; RFC 5280 §4.1.2.2 allows 20.
const MOST_SERIAL: usize = 64;
/// Certificates of a chain that are kept for validation.
const MOST_OF_A_CHAIN: usize = 16;

/// How the entries of a certificate list are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entries {
    /// A certificate each (RFC 5246 §7.4.2).
    Bare,
    /// A certificate and extensions each (RFC 8446 §4.4.2).
    WithExtensions,
}

/// States what a `Certificate` message before TLS 1.3 says of the side that sent it.
pub(super) fn state(role: Dir, body: &[u8], at: Timestamp, evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
    state_list(role, body, Entries::Bare, at, evidence, facts)
}

/// States what a list of certificates says of the side that sent it.
pub(super) fn state_list(
    role: Dir,
    body: &[u8],
    entries: Entries,
    at: Timestamp,
    evidence: &Evidence,
    facts: &mut Facts,
) -> Result<(), Broken> {
    let mut list = Reader::new(body);
    let chain = list.vec24().at("certificate list");
    // What is there of a list that promises more.
    let mut chain_reader = Reader::new(chain.unwrap_or_else(|_| body.get(3..).unwrap_or_default()));
    let mut ders: Vec<&[u8]> = Vec::new();
    let mut count = 0u64;
    let whole = loop {
        if chain_reader.is_empty() {
            break chain.map(|_| ());
        }
        match chain_reader.vec24().at("certificate") {
            Ok(der) => {
                if ders.len() < MOST_OF_A_CHAIN {
                    ders.push(der);
                }
            }
            Err(broken) => break Err(broken),
        }
        if entries == Entries::WithExtensions
            && let Err(broken) = chain_reader.vec16().at("certificate extensions")
        {
            break Err(broken);
        }
        count = count.saturating_add(1);
    };
    if let Some(leaf) = ders.first() {
        let mut say = |what| facts.observe(what, evidence.clone());
        if whole.is_ok() {
            say(match role {
                Dir::Client => What::TlsClientChainLength(count),
                Dir::Server => What::TlsChainLength(count),
            });
        }
        let digest = digests(role, leaf, &mut say);
        let certificate = parsed(leaf)?;
        state_parsed(role, &certificate, say);
        if let (Dir::Server, Ok(()), Some(digest)) = (role, &whole, digest) {
            validate(&ders, &certificate, &digest, at, evidence, facts);
        }
    }
    whole
}

/// States what the chain comes to for the name that was asked for (see [`chain::state`]).
fn validate(ders: &[&[u8]], leaf: &X509Certificate<'_>, digest: &[u8; 32], at: Timestamp, evidence: &Evidence, facts: &mut Facts) {
    // Where ECH was taken, the name that was asked for is not the one that can be read.
    let hidden = facts.get(Kind::Ech).is_some_and(|fact| fact.what == What::Ech("accepted"));
    let (asked, evidence) = match facts.get(Kind::TlsServerName).filter(|_| !hidden) {
        Some(Fact { what: What::TlsServerName(name), evidence: offer, .. }) => (Some(name.to_string()), evidence.clone().and(offer)),
        _ => (None, evidence.clone()),
    };
    let words = chain::state(ders, leaf, digest, asked.as_deref(), at);
    if !words.is_empty() {
        facts.infer(What::TlsChainState(words), evidence);
    }
}

/// States what the certificate of one side says. Fails when it is not X.509; its digests are stated even then.
pub(super) fn state_leaf(role: Dir, der: &[u8], mut say: impl FnMut(What)) -> Result<(), Broken> {
    digests(role, der, &mut say);
    state_parsed(role, &parsed(der)?, say);
    Ok(())
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Broken> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(|_| Broken::not("the leaf is not an X.509 certificate"))
}

fn state_parsed(role: Dir, certificate: &X509Certificate<'_>, mut say: impl FnMut(What)) {
    let not_before = Timestamp::from_secs(certificate.validity().not_before.timestamp());
    let not_after = Timestamp::from_secs(certificate.validity().not_after.timestamp());
    let serial = serial_number(certificate.raw_serial());
    let signature = signature_algorithm(&certificate.signature_algorithm);
    let (key, size) = public_key(certificate.public_key());
    match role {
        Dir::Server => {
            say_name(certificate.subject(), What::TlsSubject, &mut say);
            say_name(certificate.issuer(), What::TlsIssuer, &mut say);
            say(What::TlsNotBefore(not_before));
            say(What::TlsNotAfter(not_after));
            let names = alternative_names(certificate);
            if !names.is_empty() {
                say(What::TlsAlternativeNames(names));
            }
            say(What::TlsSerial(serial));
            say(What::TlsSignatureAlgorithm(signature));
            say(What::TlsKeyAlgorithm(key));
            size.into_iter().for_each(|bits| say(What::TlsKeySize(bits)));
        }
        Dir::Client => {
            say_name(certificate.subject(), What::TlsClientSubject, &mut say);
            say_name(certificate.issuer(), What::TlsClientIssuer, &mut say);
            say(What::TlsClientNotBefore(not_before));
            say(What::TlsClientNotAfter(not_after));
            say(What::TlsClientSerial(serial));
            say(What::TlsClientSignatureAlgorithm(signature));
            say(What::TlsClientKeyAlgorithm(key));
            size.into_iter().for_each(|bits| say(What::TlsClientKeySize(bits)));
        }
    }
}

/// States the digests; returns the SHA-256.
fn digests(role: Dir, der: &[u8], say: &mut impl FnMut(What)) -> Option<[u8; 32]> {
    let sha256 = <[u8; 32]>::try_from(digest::digest(&digest::SHA256, der).as_ref()).map(Box::new);
    let sha1 = <[u8; 20]>::try_from(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()).map(Box::new);
    let (Ok(sha256), Ok(sha1)) = (sha256, sha1) else { return None };
    let digest = *sha256;
    let (long, short) = match role {
        Dir::Client => (What::TlsClientCertSha256(sha256), What::TlsClientCertSha1(sha1)),
        Dir::Server => (What::TlsCertSha256(sha256), What::TlsCertSha1(sha1)),
    };
    say(long);
    say(short);
    Some(digest)
}

/// States a name, unless it is empty (the subject may be: RFC 5280 §4.1.2.6).
fn say_name(name: &X509Name<'_>, what: fn(WireStr) -> What, say: &mut impl FnMut(What)) {
    let text = name::print(name);
    if !text.is_empty() {
        say(what(WireStr::new(&text)));
    }
}

/// Upper-case hexadecimal without the sign octet.
fn serial_number(serial: &[u8]) -> String {
    let digits = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    digits
        .iter()
        .take(MOST_SERIAL)
        .flat_map(|b| [b >> 4, b & 0x0f])
        .filter_map(|n| char::from_digit(u32::from(n), 16))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The names a certificate is for: DNS names, addresses, mail addresses, URIs (RFC 5280 §4.2.1.6).
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<WireStr> {
    let names = certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(names),
        _ => None,
    });
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some(WireStr::from(*text)),
        GeneralName::IPAddress(octets) => match <[u8; 4]>::try_from(*octets) {
            Ok(v4) => Some(WireStr::from(Ipv4Addr::from(v4).to_string())),
            Err(_) => <[u8; 16]>::try_from(*octets).ok().map(|v6| WireStr::from(Ipv6Addr::from(v6).to_string())),
        },
        _ => None,
    };
    names.map(|names| names.general_names.iter().filter_map(text).collect()).unwrap_or_default()
}

/// Names as ECS examples and Go spell them, else the object identifier.
fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let name = match algorithm.algorithm.as_bytes() {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            2 => "MD2-RSA",
            4 => "MD5-RSA",
            5 => "SHA1-RSA",
            10 => return pss(algorithm),
            11 => "SHA256-RSA",
            12 => "SHA384-RSA",
            13 => "SHA512-RSA",
            14 => "SHA224-RSA",
            _ => return algorithm.algorithm.to_id_string(),
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => "ECDSA-SHA1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 1] => "ECDSA-SHA224",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 2] => "ECDSA-SHA256",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 3] => "ECDSA-SHA384",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 4] => "ECDSA-SHA512",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => "DSA-SHA1",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 2] => "DSA-SHA256",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 17] => "ML-DSA-44",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 18] => "ML-DSA-65",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 19] => "ML-DSA-87",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        _ => return algorithm.algorithm.to_id_string(),
    };
    name.into()
}

/// RSASSA-PSS has its digest in the parameters (RFC 4055 §3.1).
fn pss(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let parameters = algorithm.parameters().map(|any| any.data).unwrap_or_default();
    let names = |tail: &[u8]| parameters.windows(tail.len()).any(|w| w == tail);
    // The digest's object identifier: SHA-384, SHA-512, SHA-256; SHA-1 is the default.
    let sha2 = |last: u8| names(&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]);
    let name = match () {
        () if sha2(2) => "SHA384-RSAPSS",
        () if sha2(3) => "SHA512-RSAPSS",
        () if sha2(1) => "SHA256-RSAPSS",
        () => "SHA1-RSAPSS",
    };
    name.into()
}

/// The kind of a key, and its size in bits where it is known.
fn public_key(key: &SubjectPublicKeyInfo<'_>) -> (String, Option<u64>) {
    let (name, size) = match key.algorithm.algorithm.as_bytes() {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 1 | 10] => ("rsa", rsa_bits(key)),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => ("ec", curve_bits(key)),
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => ("dsa", None),
        [0x2b, 0x65, 0x70] => ("ed25519", Some(256)),
        [0x2b, 0x65, 0x71] => ("ed448", Some(456)),
        _ => return (key.algorithm.algorithm.to_id_string(), None),
    };
    (name.into(), size)
}

fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<u64> {
    // SEQUENCE { INTEGER modulus, .. } (RFC 8017 §A.1.1).
    let (_, rsa) = x509_parser::public_key::RSAPublicKey::from_der(&key.subject_public_key.data).ok()?;
    let digits = rsa.modulus.iter().position(|&b| b != 0).and_then(|from| rsa.modulus.get(from..))?;
    let octets = u64::try_from(digits.len()).ok()?;
    Some(octets.saturating_mul(8).saturating_sub(digits.first().map_or(0, |b| u64::from(b.leading_zeros()))))
}

/// The size of a named curve's field (RFC 5480 §2.1.1.1, RFC 5639).
fn curve_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<u64> {
    match key.algorithm.parameters()?.data {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 1] => Some(192),
        [0x2b, 0x81, 0x04, 0x00, 33] => Some(224),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 7] | [0x2b, 0x81, 0x04, 0x00, 10] => Some(256),
        [0x2b, 0x81, 0x04, 0x00, 34] => Some(384),
        [0x2b, 0x81, 0x04, 0x00, 35] => Some(521),
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 7] => Some(256),
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 11] => Some(384),
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 13] => Some(512),
        _ => None,
    }
}
