//! What could be read.

use super::{Case, Hit, Rule, hit};
use crate::assess::grade::Severity;
use crate::base::{Evidence, Exposed, Kind};

/// Rules about what was readable.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "plaintext-credentials",
        severity: Severity::High,
        title: "Passwords or tokens in clear",
        reader: "A password or another secret went over the network so that anyone on the way could take it.",
        engineer: "Credentials were readable in the payload. They are never printed here.",
        norm: "RFC 8314 §3 (mail), RFC 9110 §11.7.1 (HTTP Basic over TLS only), RFC 4513 §5.1.3 (LDAP)",
        wireshark: "http.authorization || http.cookie || smtp.auth.password || imap.request.password || ftp.request.command == \"PASS\"",
        mistaken: "A value that has the shape of a password field and is none.",
        check: |case| readable(case, Exposed::Credentials),
    },
    Rule {
        id: "plaintext-content",
        severity: Severity::High,
        title: "Content in clear",
        reader: "What was sent could be read by anyone on the way.",
        engineer: "Application content was readable in the payload.",
        norm: "RFC 7435 §3; RFC 7258 §2 (pervasive monitoring is an attack)",
        wireshark: "http || imap || smtp || irc || xmpp || mqtt",
        mistaken: "Public content, such as a web page without a login.",
        check: |case| readable(case, Exposed::Content).or_else(|| whole(case, Exposed::Content)),
    },
    Rule {
        id: "plaintext-identifiers",
        severity: Severity::Medium,
        title: "Identifiers in clear",
        reader: "Who was talking could be read by anyone on the way.",
        engineer: "Account names, addresses or device identifiers were readable in the payload.",
        norm: "RFC 6973 §5.2.1 (identification)",
        wireshark: "sip || xmpp || smtp",
        mistaken: "An identifier that is not of a person, such as a service account.",
        check: |case| readable(case, Exposed::Identifiers).or_else(|| whole(case, Exposed::Identifiers)),
    },
    Rule {
        id: "plain-dns-names",
        severity: Severity::Low,
        title: "Names looked up in clear",
        reader: "Anyone on the way could see which names the device asked for.",
        engineer: "Queries or announcements of names without encryption. They never count for an app's grade.",
        norm: "RFC 9076 §5 (DNS privacy)",
        wireshark: "dns || mdns || llmnr || nbns",
        mistaken: "Names that the network itself needs.",
        check: |case| readable(case, Exposed::Names).or_else(|| whole(case, Exposed::Names)),
    },
    Rule {
        id: "plain-service",
        severity: Severity::Info,
        title: "Service data in clear",
        reader: "The device exchanged what a network needs to work, in clear.",
        engineer: "Leases, clocks, certificate status, connectivity checks, STUN: readable, and no message.",
        norm: "RFC 7844 §2 (DHCP anonymity), RFC 6960 §5 (OCSP)",
        wireshark: "dhcp || ntp || ocsp || stun",
        mistaken: "An application that carries content in such a protocol.",
        check: |case| readable(case, Exposed::Service).or_else(|| whole(case, Exposed::Service)),
    },
    Rule {
        id: "starttls-refused",
        severity: Severity::High,
        title: "Encryption was asked for and refused",
        reader: "The app asked for encryption, was refused, and went on in clear.",
        engineer: "STARTTLS was asked for and refused: a server without TLS, or someone on the way who took it out.",
        norm: "RFC 3207 §6 (SMTP), RFC 8314 §3; RFC 7435 §3",
        wireshark: "smtp.req.command == \"STARTTLS\" || imap.request.command == \"starttls\"",
        mistaken: "A client that asks although the server never offered it.",
        check: |case| {
            let (protocol, evidence) = case.shown(Kind::StartTlsRefused)?;
            if case.fact(Kind::StartTls).is_some() { None } else { hit(format!("{protocol}: the upgrade to TLS was refused"), evidence) }
        },
    },
    Rule {
        id: "starttls-never",
        severity: Severity::Medium,
        title: "The connection was never upgraded",
        reader: "The protocol can switch to encryption; this connection never did.",
        engineer: "A protocol with STARTTLS whose connection stayed in clear: not supported, or taken out of the server's answer on the way.",
        norm: "RFC 8314 §3; RFC 7590 §3 (XMPP)",
        wireshark: "smtp || imap || pop || xmpp",
        mistaken: "A connection that ended before anything was said.",
        check: |case| {
            let protocol = case.connection.protocol().filter(|p| matches!(*p, "smtp" | "imap" | "pop3" | "sieve" | "xmpp" | "nntp"))?;
            let exposed = case.judgement.exposed.iter().any(|kind| kind.sets_a_group());
            if !exposed || case.fact(Kind::StartTls).is_some() || case.fact(Kind::StartTlsRefused).is_some() {
                return None;
            }
            hit(format!("{protocol} stayed in clear"), case.judgement.evidence.clone()?)
        },
    },
    Rule {
        id: "starttls-plain-start",
        severity: Severity::Low,
        title: "The connection began in clear",
        reader: "The connection began in clear and was encrypted before anything was said that matters.",
        engineer: "Greeting and capabilities went before TLS: an active attacker can take the upgrade out, a listener learns little.",
        norm: "RFC 8314 §3 prefers implicit TLS",
        wireshark: "tls.handshake.type == 1",
        mistaken: "None known: the upgrade is in the stream.",
        check: |case| {
            let (protocol, evidence) = case.shown(Kind::StartTls)?;
            hit(format!("upgraded from {protocol} with STARTTLS"), evidence)
        },
    },
    Rule {
        id: "secrets-before-starttls",
        severity: Severity::High,
        title: "Sent in clear before encryption began",
        reader: "Something that matters was sent just before the encryption was switched on.",
        engineer: "Credentials, an envelope or content before the upgrade to TLS.",
        norm: "RFC 8314 §3; RFC 2595 §2.4",
        wireshark: "smtp || imap || pop || xmpp",
        mistaken: "A test account.",
        check: |case| {
            let upgrade = case.fact(Kind::StartTls)?;
            let (what, evidence) = case.connection.facts.readables().find(|(readable, _)| readable.kind.sets_a_group())?;
            hit(format!("{} before the upgrade to TLS", what.what), evidence.clone().and(&upgrade.evidence))
        },
    },
    Rule {
        id: "sdes-in-clear",
        severity: Severity::High,
        title: "The key of a call in clear",
        reader: "The call was encrypted, but its key was sent in clear next to it.",
        engineer: "SRTP keys in an SDP crypto attribute over readable signalling: whoever reads the signalling opens the media.",
        norm: "RFC 4568 §7; RFC 8827 §6.5",
        wireshark: "sdp.crypto",
        mistaken: "A key that was replaced before media flowed.",
        check: |case| {
            if case.word(Kind::MediaKeying) != Some("sdes-in-clear") {
                return None;
            }
            hit("the keys stand in the readable signalling", case.fact(Kind::MediaKeying)?.evidence.clone())
        },
    },
    Rule {
        id: "looks-readable",
        severity: Severity::Low,
        title: "Text of an unknown protocol",
        reader: "Something that looks like text went by in a protocol that is not known here.",
        engineer: "Mostly printable octets of no recognised protocol: an inference, not a grade.",
        norm: "none: a statistic over the first octets",
        wireshark: "data",
        mistaken: "Encoded binary data.",
        check: |case| looks(case, "readable", "mostly printable octets of no recognised protocol"),
    },
    Rule {
        id: "looks-random",
        severity: Severity::Info,
        title: "Random-looking bytes of an unknown protocol",
        reader: "Something that looks random went by: encrypted or compressed, which cannot be told apart.",
        engineer: "High entropy and no recognised protocol: an inference that never counts as protection.",
        norm: "none: a statistic over the first octets",
        wireshark: "data",
        mistaken: "Compressed data.",
        check: |case| looks(case, "random", "octets that look random, of no recognised protocol"),
    },
];

/// What was readable of one kind.
fn readable(case: &Case<'_>, kind: Exposed) -> Option<Hit> {
    let mut all: Option<Evidence> = None;
    let mut text = String::new();
    for (readable, evidence) in case.connection.facts.readables().filter(|(readable, _)| readable.kind == kind) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(readable.what);
        if readable.count > 1 {
            text.push_str(&format!(" ({} times)", readable.count));
        }
        all = Some(all.map_or_else(|| evidence.clone(), |joined: Evidence| joined.and(evidence)));
    }
    hit(text, all?)
}

/// A protocol that is readable as a whole, where its dissector stated nothing more exact.
fn whole(case: &Case<'_>, kind: Exposed) -> Option<Hit> {
    let stated = case.connection.facts.readables().next().is_some();
    if stated || !case.judgement.exposed.contains(&kind) {
        return None;
    }
    hit(case.judgement.why.clone(), case.judgement.evidence.clone()?)
}

fn looks(case: &Case<'_>, like: &str, text: &'static str) -> Option<Hit> {
    if case.word(Kind::Looks) != Some(like) {
        return None;
    }
    hit(text, case.fact(Kind::Looks)?.evidence.clone())
}
