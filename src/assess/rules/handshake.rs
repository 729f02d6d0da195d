//! How the handshake went.

use super::{Rule, hit};
use crate::assess::grade::Severity;
use crate::base::{Dir, Kind, ProtocolVersion, What};

/// None of these rules fires without one of these facts.
pub(super) const ABOUT: &[Kind] =
    &[Kind::TlsDowngradeSentinel, Kind::TlsFallbackScsv, Kind::TlsVersion, Kind::TlsEarlyData, Kind::Handshake, Kind::Malformed];

/// Rules about the handshake.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "downgrade-sentinel",
        severity: Severity::High,
        title: "Signs of a downgrade",
        reader: "Both sides could have used a newer version, and did not: someone on the way may have interfered.",
        engineer: "The server's random ends in the downgrade sentinel although the client offered a newer version: a client must abort here.",
        norm: "RFC 8446 §4.1.3",
        wireshark: "tls.handshake.type == 2 && tls.handshake.random contains \"DOWNGRD\"",
        mistaken: "Middleboxes that terminate TLS and pass the server's random through.",
        check: |case| {
            let fact = case.fact(Kind::TlsDowngradeSentinel)?;
            let offered = case.fact(Kind::TlsOfferedVersions)?;
            let (What::TlsOfferedVersions(versions), What::TlsVersion(chosen)) = (&offered.what, &case.fact(Kind::TlsVersion)?.what) else {
                return None;
            };
            if !versions.contains(&ProtocolVersion::TLS1_3) || chosen.0.number() == Some("1.3") {
                return None;
            }
            hit(
                "TLS 1.3 was offered, an older version chosen, and the server says it would have spoken TLS 1.3",
                fact.evidence.clone().and(&offered.evidence),
            )
        },
    },
    Rule {
        id: "server-could-do-better",
        severity: Severity::Info,
        title: "The server knows a newer version than the client",
        reader: "The server would have used a newer version; the app did not offer it.",
        engineer: "The downgrade sentinel is there and the client did not offer the newer version: an old client.",
        norm: "RFC 8446 §4.1.3",
        wireshark: "tls.handshake.type == 2 && tls.handshake.random contains \"DOWNGRD\"",
        mistaken: "Eight random octets that happen to be the sentinel: one in 2^64.",
        check: |case| {
            let fact = case.fact(Kind::TlsDowngradeSentinel)?;
            let offered_1_3 = matches!(case.fact(Kind::TlsOfferedVersions).map(|f| &f.what), Some(What::TlsOfferedVersions(v)) if v.contains(&ProtocolVersion::TLS1_3));
            if offered_1_3 { None } else { hit("the server's random ends in the downgrade sentinel", fact.evidence.clone()) }
        },
    },
    Rule {
        id: "fallback-scsv",
        severity: Severity::Info,
        title: "The client tried again with an older version",
        reader: "The app had failed to connect before and tried again with an older version.",
        engineer: "The client sent TLS_FALLBACK_SCSV: this is a retry at a lower version.",
        norm: "RFC 7507 §4",
        wireshark: "tls.handshake.ciphersuite == 0x5600",
        mistaken: "Clients that always send it.",
        check: |case| hit("TLS_FALLBACK_SCSV was offered", case.fact(Kind::TlsFallbackScsv)?.evidence.clone()),
    },
    Rule {
        id: "no-extended-master-secret",
        severity: Severity::Low,
        title: "No extended master secret",
        reader: "A protection against a known attack on session keys was not used.",
        engineer: "TLS 1.2 or older without the extended master secret: open to the triple handshake attack.",
        norm: "RFC 7627 §5.4; RFC 9325 §3.5",
        wireshark: "tls.handshake.type == 2 && !(tls.handshake.extension.type == 23)",
        mistaken: "A ServerHello of which the extensions were not captured.",
        check: |case| {
            classic(case, |case| !case.is_true(Kind::TlsExtendedMasterSecret), "the server's hello has no extended_master_secret")
        },
    },
    Rule {
        id: "insecure-renegotiation",
        severity: Severity::Medium,
        title: "Renegotiation is not protected",
        reader: "An attacker could have put their own words in front of the user's.",
        engineer: "The server did not answer the client's renegotiation indication: a prefix can be injected.",
        norm: "RFC 5746 §3.4; RFC 9325 §3.5",
        wireshark: "tls.handshake.type == 2 && !(tls.handshake.extension.type == 65281)",
        mistaken: "Servers that never renegotiate at all, which cannot be seen.",
        check: |case| {
            let asked = case.is_true(Kind::TlsOfferedRenegotiationInfo);
            classic(
                case,
                |case| asked && !case.is_true(Kind::TlsRenegotiationInfo),
                "the client signalled secure renegotiation and the server did not answer",
            )
        },
    },
    Rule {
        id: "early-data",
        severity: Severity::Info,
        title: "Data before the handshake was complete",
        reader: "The app sent its first request before the connection was fully set up; such a request can be replayed.",
        engineer: "The client announced 0-RTT data: not forward secret, and replayable.",
        norm: "RFC 8446 §2.3 and §8",
        wireshark: "tls.handshake.extension.type == 42",
        mistaken: "The announcement shows neither that data was sent nor that it was accepted.",
        check: |case| {
            if case.is_true(Kind::TlsEarlyData) {
                hit("early_data was announced", case.fact(Kind::TlsEarlyData)?.evidence.clone())
            } else {
                None
            }
        },
    },
    Rule {
        id: "handshake-failed",
        severity: Severity::Info,
        title: "The handshake failed",
        reader: "The two sides could not agree, and nothing was sent.",
        engineer: "A fatal alert, or the end of the connection, before protected data.",
        norm: "RFC 8446 §6.2",
        wireshark: "tls.alert_message.level == 2",
        mistaken: "A capture that lost the end of the handshake.",
        check: |case| {
            if case.word(Kind::Handshake) != Some("failed") {
                return None;
            }
            let handshake = case.fact(Kind::Handshake)?;
            match case.fact(Kind::TlsAlerts) {
                Some(fact) => {
                    let What::TlsAlerts(alerts) = &fact.what else { return None };
                    let last = alerts.iter().rev().find(|alert| alert.fatal).or(alerts.last())?;
                    let who = if last.dir == Dir::Client { "client" } else { "server" };
                    let name = last.description.name().map_or_else(|| last.description.to_string(), ToOwned::to_owned);
                    hit(format!("the {who} ended it: {name}"), fact.evidence.clone())
                }
                None => hit("the connection ended before protected data", handshake.evidence.clone()),
            }
        },
    },
    Rule {
        id: "malformed-handshake",
        severity: Severity::Info,
        title: "Part of the handshake could not be read",
        reader: "Part of what the two sides said while setting up could not be read.",
        engineer: "A message or record that does not follow its definition; what it would have said is missing here.",
        norm: "RFC 8446 §4 and §5",
        wireshark: "_ws.malformed",
        mistaken: "A capture that lost packets.",
        check: |case| {
            let (what, evidence) = case.shown(Kind::Malformed)?;
            hit(what, evidence)
        },
    },
];

/// Something about a negotiated version before TLS 1.3, where the server's hello was seen.
fn classic(case: &super::Case<'_>, is: impl Fn(&super::Case<'_>) -> bool, text: &'static str) -> Option<super::Hit> {
    let fact = case.fact(Kind::TlsVersion)?;
    let What::TlsVersion(version) = &fact.what else { return None };
    let old = version.0.family() != "ssl" && version.0.number().is_some_and(|n| n != "1.3");
    if old && is(case) { hit(text, fact.evidence.clone()) } else { None }
}
