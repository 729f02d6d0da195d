//! What the connection shows of itself: post-quantum key exchange, Encrypted Client Hello, the visible name.

use super::{Rule, hit};
use crate::assess::grade::Severity;
use crate::assess::ssh;
use crate::base::{Kind, NamedGroup, What};

/// Rules about posture; none of them enters a grade.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "pq-hybrid",
        severity: Severity::Good,
        title: "Post-quantum key exchange",
        reader: "The keys were agreed in a way that is meant to hold against future quantum computers.",
        engineer: "A hybrid with ML-KEM (in SSH also with NTRU Prime) was negotiated. This concerns the transport only.",
        norm: "FIPS 203; IANA TLS Supported Groups; IANA SSH Key Exchange Method Names",
        wireshark: "tls.handshake.extensions_key_share_group in {4587, 4588, 4589, 25497} || ssh.kex_algorithms contains \"mlkem\"",
        mistaken: "None known: the group stands in the server's answer.",
        check: |case| {
            if let Some(fact) = case.fact(Kind::SshKeyExchange)
                && let What::SshKeyExchange(name) = &fact.what
                && ssh::is_post_quantum(name)
            {
                return hit(format!("{name} was negotiated"), fact.evidence.clone());
            }
            let fact = case.fact(Kind::TlsCurve)?;
            let What::TlsCurve(group) = fact.what else { return None };
            if is_post_quantum(group) { hit(format!("{group} was negotiated"), fact.evidence.clone()) } else { None }
        },
    },
    Rule {
        id: "pq-offered-only",
        severity: Severity::Info,
        title: "Post-quantum key exchange offered, not used",
        reader: "The app offered a key exchange meant to hold against quantum computers; the server chose another.",
        engineer: "The client offered an ML-KEM hybrid and the server chose a classical group. This concerns the transport only and says nothing about \
                   the app's own message encryption.",
        norm: "RFC 8446 §4.2.7; FIPS 203",
        wireshark: "tls.handshake.extensions_supported_group in {4587, 4588, 4589, 25497}",
        mistaken: "None known: both lists stand in the hellos.",
        check: |case| {
            let chosen = case.fact(Kind::TlsCurve)?;
            let What::TlsCurve(group) = chosen.what else { return None };
            let offered = case.fact(Kind::TlsOfferedGroups)?;
            let What::TlsOfferedGroups(groups) = &offered.what else { return None };
            let wanted = groups.iter().find(|group| is_post_quantum(**group))?;
            if is_post_quantum(group) {
                return None;
            }
            hit(format!("{wanted} was offered, {group} was chosen"), chosen.evidence.clone().and(&offered.evidence))
        },
    },
    Rule {
        id: "pq-absent",
        severity: Severity::Info,
        title: "The key exchange is not post-quantum",
        reader: "The connection's key exchange is not post-quantum. This concerns the transport only and says nothing about the app's own message \
                 encryption.",
        engineer: "Neither offered nor negotiated: a recording could be opened by a future quantum computer.",
        norm: "FIPS 203; NIST IR 8547 (initial public draft) §4.1",
        wireshark: "tls.handshake.extensions_key_share_group",
        mistaken: "None known: both lists stand in the hellos.",
        check: |case| {
            let chosen = case.fact(Kind::TlsCurve)?;
            let What::TlsCurve(group) = chosen.what else { return None };
            let offered = match case.fact(Kind::TlsOfferedGroups).map(|f| &f.what) {
                Some(What::TlsOfferedGroups(groups)) => groups.iter().any(|group| is_post_quantum(*group)),
                _ => false,
            };
            if is_post_quantum(group) || offered { None } else { hit(format!("{group} was negotiated"), chosen.evidence.clone()) }
        },
    },
    Rule {
        id: "sni-visible",
        severity: Severity::Info,
        title: "The name of the server was visible",
        reader: "Anyone on the way could see which server the app talked to, though not what was said.",
        engineer: "server_name was in clear in the ClientHello.",
        norm: "RFC 6066 §3; RFC 9849 §1",
        wireshark: "tls.handshake.extensions_server_name",
        mistaken: "With Encrypted Client Hello the visible name may be an outer name.",
        check: |case| {
            let fact = case.fact(Kind::TlsServerName)?;
            if case.word(Kind::TlsEch) == Some("present") {
                return None;
            }
            hit(format!("server name {}", fact.what.shown()), fact.evidence.clone())
        },
    },
    Rule {
        id: "ech-present",
        severity: Severity::Info,
        title: "Encrypted Client Hello may hide the name",
        reader: "The app may have hidden which server it talked to; from outside the real and the padding kind look alike.",
        engineer: "The encrypted_client_hello extension is present; whether it was real cannot be told from outside; the name shown may be an outer name.",
        norm: "RFC 9849 §5 and §6.2",
        wireshark: "tls.handshake.extension.type == 65037",
        mistaken: "Padding (GREASE ECH), which most browsers send.",
        check: |case| {
            let fact = case.fact(Kind::TlsEch)?;
            if case.word(Kind::TlsEch) != Some("present") {
                return None;
            }
            match (case.word(Kind::Ech), case.fact(Kind::Ech)) {
                (Some("matches-config"), Some(ech)) => {
                    hit("its config id and outer name match a configuration announced in this capture", ech.evidence.clone())
                }
                _ => hit(
                    "ECH extension present: the real and the padding kind cannot be told apart from outside; the name shown may be an outer name",
                    fact.evidence.clone(),
                ),
            }
        },
    },
    Rule {
        id: "custom-encryption",
        severity: Severity::Info,
        title: "The app's own encryption",
        reader: "The app encrypts in its own way; how strong that is cannot be seen from outside.",
        engineer: "A construction other than the standards; see intransit.construction for what is publicly known of it.",
        norm: "the source named for the construction in the catalogue",
        wireshark: "data",
        mistaken: "Another protocol that begins with the same octets.",
        check: |case| {
            if case.judgement.grade != crate::assess::Grade::Custom {
                return None;
            }
            hit(case.judgement.why.clone(), case.judgement.evidence.clone()?)
        },
    },
];

/// Hybrids with ML-KEM, and the drafts with Kyber before them (IANA TLS Supported Groups; draft-tls-westerbaan-xyber768d00).
fn is_post_quantum(group: NamedGroup) -> bool {
    matches!(group.0, 0x0200..=0x0202 | 0x11eb..=0x11ed | 0x6399 | 0x639a | 0xfe30..=0xfe32)
}
