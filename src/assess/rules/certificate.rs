//! The server's certificate and its chain, at capture time.

use super::{Case, Hit, Rule, hit};
use crate::assess::grade::{Identity, Severity};
use crate::assess::identity;
use crate::base::{Kind, What};

/// Days a certificate for a public name may be valid, by the day it became valid: CA/Browser Forum Baseline Requirements §6.3.2.
/// Seconds since 1970 of the first day, and the days allowed from then on.
const LONGEST_VALIDITY: [(i64, i64); 6] = [
    (1_773_532_800, 200),  // 2026-03-15
    (1_598_918_400, 398),  // 2020-09-01
    (1_519_862_400, 825),  // 2018-03-01
    (1_427_846_400, 1185), // 2015-04-01: 39 months
    (1_341_100_800, 1830), // 2012-07-01: 60 months
    (i64::MIN, i64::MAX),
];

/// None of these rules fires without one of these facts.
pub(super) const ABOUT: &[Kind] = &[
    Kind::TlsChainState,
    Kind::TlsCertSha256,
    Kind::TlsIssuer,
    Kind::TlsKeySize,
    Kind::TlsSignatureAlgorithm,
    Kind::TlsNotAfter,
    Kind::TlsVersion,
];

/// Rules about certificates.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "cert-expired",
        severity: Severity::Medium,
        title: "An expired certificate",
        reader: "The server's identity card had expired when this was recorded.",
        engineer: "The leaf's notAfter was before the time of the capture.",
        norm: "RFC 5280 §4.1.2.5 and §6.1.3",
        wireshark: "x509af.notAfter",
        mistaken: "A capturing device whose clock is wrong.",
        check: |case| state(case, "expired", |case| format!("valid until {}", shown(case, Kind::TlsNotAfter))),
    },
    Rule {
        id: "cert-not-yet-valid",
        severity: Severity::Medium,
        title: "A certificate that is not valid yet",
        reader: "The server's identity card was not valid yet when this was recorded.",
        engineer: "The leaf's notBefore was after the time of the capture.",
        norm: "RFC 5280 §4.1.2.5 and §6.1.3",
        wireshark: "x509af.notBefore",
        mistaken: "A capturing device whose clock is wrong.",
        check: |case| state(case, "not-yet-valid", |case| format!("valid from {}", shown(case, Kind::TlsNotBefore))),
    },
    Rule {
        id: "cert-name-mismatch",
        severity: Severity::Medium,
        title: "A certificate for another name",
        reader: "The server showed an identity card with another name than the one the app asked for.",
        engineer: "None of the leaf's names matches the server name that was asked for.",
        norm: "RFC 9525 §6",
        wireshark: "tls.handshake.extensions_server_name && x509ce.dNSName",
        mistaken: "A client that asks for one name and checks another on purpose.",
        check: |case| {
            state(case, "name-mismatch", |case| {
                format!("asked for {}, the certificate is for {}", shown(case, Kind::TlsServerName), names(case))
            })
        },
    },
    Rule {
        id: "cert-self-signed",
        severity: Severity::Medium,
        title: "A self-signed certificate",
        reader: "The server's identity card was made by itself: nobody else vouches for it.",
        engineer: "Issuer and subject of the leaf are the same, and no root known here has it.",
        norm: "RFC 5280 §6.1",
        wireshark: "tls.handshake.certificate",
        mistaken: "A service that pins its own certificate.",
        check: |case| {
            if case.judgement.identity != Some(Identity::Invalid) {
                return None;
            }
            state(case, "self-signed", |case| format!("issued by its own subject, {}", shown(case, Kind::TlsSubject)))
        },
    },
    Rule {
        id: "cert-private",
        severity: Severity::Info,
        title: "A certificate that is not meant for public roots",
        reader: "The server's identity was checked by the app in its own way, which cannot be seen from outside.",
        engineer: "DTLS-SRTP fingerprints, private or pinned roots, mail between servers: the public roots do not decide.",
        norm: "RFC 8827 §6.5 (WebRTC), RFC 7672 §1.3 (mail between servers)",
        wireshark: "tls.handshake.certificate",
        mistaken: "A service that should have a public certificate and has none.",
        check: |case| {
            if case.judgement.identity != Some(Identity::Private) {
                return None;
            }
            hit("not checked against public roots", case.fact(Kind::TlsCertSha256)?.evidence.clone())
        },
    },
    Rule {
        id: "cert-unverified",
        severity: Severity::Info,
        title: "The issuer is not on our list",
        reader: "Who vouches for the server is not on the list used here, so its identity could not be checked.",
        engineer: "No path from the leaf to a root of the dated list in this version; --roots adds others.",
        norm: "RFC 5280 §6.1",
        wireshark: "tls.handshake.certificate",
        mistaken: "A root that was public when the capture was made and has left the list since, or a chain sent incomplete.",
        check: |case| {
            if case.judgement.identity != Some(Identity::Unverified) {
                return None;
            }
            let (issuer, evidence) = case.shown(Kind::TlsIssuer)?;
            hit(format!("{}: issued by {issuer}", identity::reason(&case.connection.facts)), evidence)
        },
    },
    Rule {
        id: "cert-weak-key",
        severity: Severity::Medium,
        title: "A certificate with a key that is too small",
        reader: "The server's key is small enough for a well-equipped attacker to break.",
        engineer: "An RSA key below 2048 bits or an elliptic-curve key below 224 bits.",
        norm: "RFC 9325 §4.5; NIST SP 800-57 Part 1 Rev. 5 §5.6.1",
        wireshark: "tls.handshake.certificate",
        mistaken: "None known: the key stands in the certificate.",
        check: |case| {
            let key = identity::weak_key(&case.connection.facts)?;
            hit(key, case.fact(Kind::TlsKeySize)?.evidence.clone())
        },
    },
    Rule {
        id: "cert-weak-signature",
        severity: Severity::Medium,
        title: "A certificate with a broken signature algorithm",
        reader: "The server's identity card is signed in a way that can be forged.",
        engineer: "The leaf is signed with MD5 or SHA-1.",
        norm: "RFC 9155 §2; RFC 9325 §4.5",
        wireshark: "x509af.algorithm.id",
        mistaken: "A root or a private certificate whose signature nobody checks.",
        check: |case| {
            let algorithm = identity::weak_signature(&case.connection.facts)?;
            hit(format!("signed with {algorithm}"), case.fact(Kind::TlsSignatureAlgorithm)?.evidence.clone())
        },
    },
    Rule {
        id: "cert-validity-too-long",
        severity: Severity::Low,
        title: "A certificate that is valid for too long",
        reader: "The server's identity card is valid for longer than the rules for public ones allow.",
        engineer: "More days between notBefore and notAfter than the CA/Browser Forum allowed when it was issued.",
        norm: "CA/Browser Forum Baseline Requirements §6.3.2",
        wireshark: "x509af.validity_element",
        mistaken: "A private certificate, to which these rules do not apply: only publicly trusted chains are judged.",
        check: |case| {
            if case.judgement.identity != Some(Identity::Valid) {
                return None;
            }
            let (What::TlsNotBefore(from), What::TlsNotAfter(until)) =
                (&case.fact(Kind::TlsNotBefore)?.what, &case.fact(Kind::TlsNotAfter)?.what)
            else {
                return None;
            };
            let seconds = |at: &crate::base::Timestamp| at.nanos() / 1_000_000_000;
            let days = (seconds(until) - seconds(from)) / 86_400;
            let (_, longest) = LONGEST_VALIDITY.iter().find(|(since, _)| seconds(from) >= *since)?;
            if days <= *longest {
                return None;
            }
            hit(format!("valid for {days} days; {longest} were allowed"), case.fact(Kind::TlsNotAfter)?.evidence.clone())
        },
    },
    Rule {
        id: "cert-chain-disordered",
        severity: Severity::Low,
        title: "A certificate chain out of order",
        reader: "The server sent its papers in the wrong order.",
        engineer: "A certificate of the chain is not issued by the next one.",
        norm: "RFC 5246 §7.4.2",
        wireshark: "tls.handshake.certificates",
        mistaken: "Cross-signed chains, which some clients need.",
        check: |case| state(case, "disordered", |_| "the chain is not in the order of issue".to_owned()),
    },
    Rule {
        id: "interception-issuer",
        severity: Severity::High,
        title: "A proxy between the app and its server",
        reader: "Something on the device or the network opens the connection: what is seen here may describe that proxy, not the app's server.",
        engineer: "The leaf's issuer is one that an intercepting proxy makes for itself: these TLS facts may describe the proxy, not the app's server.",
        norm: "RFC 5280 §4.1.2.4 (issuer)",
        wireshark: "x509sat.printableString || x509sat.uTF8String",
        mistaken: "A certificate whose issuer chose such a name.",
        check: |case| {
            let fact = case.fact(Kind::TlsIssuer)?;
            let What::TlsIssuer(issuer) = &fact.what else { return None };
            let product = identity::interceptor(issuer)?;
            hit(format!("issued by {product}: these TLS facts may describe the proxy, not the app's server"), fact.evidence.clone())
        },
    },
    Rule {
        id: "cert-not-visible",
        severity: Severity::Info,
        title: "The certificate was not visible",
        reader: "The server's identity card was itself encrypted, so it could not be checked from outside.",
        engineer: "TLS 1.3 encrypts the certificate; not visible without keys.",
        norm: "RFC 8446 §4.4.2",
        wireshark: "tls.handshake.extensions.supported_version == 0x0304",
        mistaken: "A resumed session, which has no certificate at all.",
        check: |case| {
            let new_version =
                matches!(case.fact(Kind::TlsVersion).map(|f| &f.what), Some(What::TlsVersion(v)) if v.0.number() == Some("1.3"));
            if case.judgement.identity != Some(Identity::NotVisible) || !new_version {
                return None;
            }
            hit("TLS 1.3 encrypts the certificate; not visible without keys", case.fact(Kind::TlsVersion)?.evidence.clone())
        },
    },
];

/// A hit where the validation of the chain stated a word.
fn state(case: &Case<'_>, word: &str, text: impl Fn(&Case<'_>) -> String) -> Option<Hit> {
    let fact = case.fact(Kind::TlsChainState)?;
    let What::TlsChainState(words) = &fact.what else { return None };
    if words.contains(&word) { hit(text(case), fact.evidence.clone()) } else { None }
}

fn shown(case: &Case<'_>, kind: Kind) -> String {
    case.fact(kind).map(|fact| fact.what.shown().to_string()).unwrap_or_default()
}

/// The leaf's names: the first of them, and how many more.
fn names(case: &Case<'_>) -> String {
    match case.fact(Kind::TlsAlternativeNames).map(|fact| &fact.what) {
        Some(What::TlsAlternativeNames(names)) => match names.as_slice() {
            [one] => one.to_string(),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
            [] => "no name".to_owned(),
        },
        _ => shown(case, Kind::TlsSubject),
    }
}
