//! The grade of a connection, from its facts (contract §2). A pure function: the same facts, the same answer.
//!
//! | what was seen | grade | because |
//! |---|---|---|
//! | no payload in either direction | `none` | nothing was said |
//! | readable content, credentials or identifiers, also before an upgrade to TLS | `exposed` | anyone on the path could read them |
//! | only readable names or service data | `exposed` (`names`, `service`) | the same; never counted for an app |
//! | a NULL or integrity-only cipher | `exposed` (`content`) | nothing was encrypted |
//! | SSL, TLS 1.0 and 1.1, DTLS 1.0; RC4, 3DES, export; RSA or static key exchange; CBC without encrypt-then-MAC; DHE below 2048 bits; `psk_ke` | `weak` | RFC 9325 and the norm of each advise against it |
//! | TLS 1.2 with forward secrecy and AEAD, TLS 1.3, QUIC, DTLS 1.2 and later; SSH 2, WireGuard, SRTP keyed by DTLS | `protected` | current standards, and the handshake was seen |
//! | an app's or a VPN's own construction | `custom` | its strength cannot be judged from outside |
//! | QUIC or DTLS, and beside it on the same ports something else that no keys were seen for | `unknown` | the handshake says nothing of what it does not protect |
//! | read until an internal error of this program | `unknown` | the rest may be anything |
//! | a handshake not seen whole, or bytes of no known protocol | `unknown` | the reason is given |

use std::borrow::Cow;

use super::grade::{Construction, Grade, Identity};
use super::judgement::Judgement;
use super::protocols::{Class, class, people_say};
use super::rules;
use super::strength::{Strength, Suite, of_suite};
use crate::base::{CipherSuite, Dir, Evidence, Exposed, Fact, Facts, Kind, ProtocolVersion, TEXT_OUTSIDE_TLS, What};
use crate::flow::Connection;

/// What speaks for a grade.
#[derive(Debug)]
struct Verdict {
    grade: Grade,
    exposed: Vec<Exposed>,
    construction: Option<Construction>,
    why: Cow<'static, str>,
    evidence: Option<Evidence>,
}

impl Verdict {
    fn of(grade: Grade, why: impl Into<Cow<'static, str>>, evidence: Option<Evidence>) -> Verdict {
        Verdict { grade, exposed: Vec::new(), construction: None, why: why.into(), evidence }
    }

    fn unknown(why: impl Into<Cow<'static, str>>, evidence: Option<Evidence>) -> Verdict {
        Verdict::of(Grade::Unknown, why, evidence)
    }
}

/// Judges a connection whose facts are in the order of output.
#[must_use]
pub fn judge(connection: &Connection) -> Judgement {
    let verdict = verdict(connection);
    let mut judgement = Judgement {
        grade: verdict.grade,
        exposed: verdict.exposed,
        construction: verdict.construction,
        identity: identity(connection, verdict.grade),
        why: verdict.why,
        evidence: verdict.evidence,
        findings: Vec::new(),
    };
    judgement.findings = rules::check(connection, &judgement);
    judgement
}

fn verdict(c: &Connection) -> Verdict {
    if c.tally(Dir::Client).payload == 0 && c.tally(Dir::Server).payload == 0 {
        return Verdict::of(Grade::None, "no payload went by: the connection was refused, or only opened", None);
    }
    let facts = &c.facts;
    // What was readable is readable whatever came after; names and service data before TLS are the cost of setting it up.
    if let Some(verdict) = readable(facts, |kind| kind.sets_a_group()) {
        return verdict;
    }
    // What was not read may be anything.
    if let Some(failed) = facts.get(Kind::InternalError) {
        return Verdict::unknown("an internal error of intransit ended its reading: please report it", Some(failed.evidence.clone()));
    }
    if matches!(facts.get(Kind::QuicVersion).map(|f| &f.what), Some(What::QuicVersion(v)) if v.is_google()) {
        return custom("gquic", facts.get(Kind::QuicVersion));
    }
    if matches!(word(facts, Kind::TlsTunnel), Some("openvpn")) {
        return custom("openvpn", facts.get(Kind::TlsTunnel));
    }
    if facts.has(Kind::TlsVersionProtocol) || matches!(c.protocol(), Some("tls" | "dtls" | "quic")) {
        return secured(c);
    }
    if let Some(verdict) = readable(facts, |_| true) {
        return verdict;
    }
    of_protocol(c)
}

/// What could be read, of the kinds that are asked for.
fn readable(facts: &Facts, asked: impl Fn(Exposed) -> bool) -> Option<Verdict> {
    let mut exposed: Vec<Exposed> = Vec::new();
    let mut what: Vec<&'static str> = Vec::new();
    let mut evidence: Option<Evidence> = None;
    for (readable, frames) in facts.readables() {
        if !exposed.contains(&readable.kind) {
            exposed.push(readable.kind);
        }
        if asked(readable.kind) {
            if !what.contains(&readable.what) {
                what.push(readable.what);
            }
            evidence = Some(evidence.map_or_else(|| frames.clone(), |joined: Evidence| joined.and(frames)));
        }
    }
    let evidence = evidence?;
    exposed.sort_unstable();
    let listed = match what.as_slice() {
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
        [] => return None,
    };
    let when = match word(facts, Kind::StartTls) {
        Some(_) if !what.contains(&TEXT_OUTSIDE_TLS) => " in clear before TLS began",
        _ => " in clear",
    };
    Some(Verdict { exposed, ..Verdict::of(Grade::Exposed, format!("{listed}{when}"), Some(evidence)) })
}

/// TLS, DTLS and QUIC.
fn secured(c: &Connection) -> Verdict {
    let facts = &c.facts;
    if let Some((why, frames)) = super::media::unprotected_beside_dtls(facts) {
        return Verdict::unknown(why, Some(frames));
    }
    if let Some(Fact { what: What::QuicOtherDatagrams(count), evidence, .. }) = facts.get(Kind::QuicOtherDatagrams) {
        let datagrams = if *count == 1 { "a datagram that is" } else { "datagrams that are" };
        let why = format!("QUIC, and beside it on the same ports {datagrams} not QUIC: what protects them was not seen");
        return Verdict::unknown(why, Some(evidence.clone()));
    }
    let evidence = |kind| facts.get(kind).map(|fact| fact.evidence.clone());
    let Some(Fact { what: What::TlsVersion(version), evidence: version_frames, .. }) = facts.get(Kind::TlsVersion) else {
        return unseen(c);
    };
    let version = version.0;
    let suite = match facts.get(Kind::TlsCipher).map(|f| &f.what) {
        Some(What::TlsCipher(suite)) => Some(*suite),
        _ => None,
    };
    let frames = facts.get(Kind::TlsCipher).map_or_else(|| version_frames.clone(), |f| f.evidence.clone().and(version_frames));
    let established = matches!(facts.get(Kind::TlsEstablished).map(|f| &f.what), Some(What::TlsEstablished(true)));
    match word(facts, Kind::Handshake) {
        Some("failed") if !established => {
            let mut frames = frames;
            evidence(Kind::TlsAlerts).iter().for_each(|alert| frames.join(alert));
            return Verdict::of(Grade::None, "the handshake failed before anything was sent", Some(frames));
        }
        Some("server-only") => return Verdict::unknown("only the server's direction was captured", Some(frames)),
        Some("complete") => {}
        _ if established => {}
        _ => return Verdict::unknown("the handshake was not seen to its end", Some(frames)),
    }
    if let Some(Fact { what: What::TlsOtherOctets(count), evidence, .. }) = facts.get(Kind::TlsOtherOctets) {
        let octets = if *count == 1 { "octet that is" } else { "octets that are" };
        let why = format!("TLS, and on the same connection {count} {octets} in no TLS record: what protects them was not seen");
        return Verdict::unknown(why, Some(evidence.clone()));
    }
    let name = version_name(facts, version);
    let Some(suite) = suite else {
        return Verdict::unknown(format!("{name}; the cipher suite was not seen"), Some(frames));
    };
    let (strength, why) = strength(facts, version, suite);
    let key_exchange = group(facts).map_or_else(String::new, |group| format!("{group} and "));
    let mut how = format!("{name} with {key_exchange}{suite}");
    match super::media::keyed_by_dtls(facts) {
        Some(super::media::Profile::Readable(profile)) => {
            let mut verdict = Verdict::of(Grade::Exposed, format!("{profile} keyed by {name}: media is only authenticated"), Some(frames));
            verdict.exposed = vec![Exposed::Content];
            return verdict;
        }
        Some(super::media::Profile::Secret(profile)) => how = format!("{profile} keyed by {how}"),
        None => {}
    }
    match strength {
        Strength::Readable => {
            let mut verdict = Verdict::of(Grade::Exposed, format!("{how}: {why}"), Some(frames));
            verdict.exposed = vec![Exposed::Content];
            verdict
        }
        Strength::Weak => Verdict::of(Grade::Weak, format!("{how}: {why}"), Some(frames)),
        Strength::Unknown => Verdict::unknown(format!("{how}: {why}"), Some(frames)),
        Strength::Strong => {
            let seen = if word(facts, Kind::Handshake) == Some("complete") { "handshake seen whole" } else { "established" };
            Verdict::of(Grade::Protected, format!("{how}; {seen}"), Some(frames))
        }
    }
}

/// TLS of which no `ServerHello` was seen.
fn unseen(c: &Connection) -> Verdict {
    let facts = &c.facts;
    let frames = facts.get(Kind::Protocol).or_else(|| facts.get(Kind::TlsOfferedVersions)).map(|fact| fact.evidence.clone());
    match word(facts, Kind::Handshake) {
        Some("client-only") if facts.has(Kind::TlsHelloRetryRequest) && is_true(facts, Kind::TlsHelloRetryRequest) => {
            Verdict::unknown("ClientHello and HelloRetryRequest only: nothing was agreed yet", frames)
        }
        Some("client-only") => Verdict::unknown("ClientHello only: what was negotiated was not seen", frames),
        Some("server-only") => Verdict::unknown("only the server's direction was captured", frames),
        Some("failed") => Verdict::of(
            Grade::None,
            "the handshake failed before anything was sent",
            facts.get(Kind::TlsAlerts).map(|f| f.evidence.clone()),
        ),
        Some("missing") => Verdict::unknown("TLS, version not observed: the handshake was before the capture began", frames),
        _ => Verdict::unknown("what was negotiated was not seen", frames),
    }
}

/// How strong a negotiated version and suite are, and why.
fn strength(facts: &Facts, version: ProtocolVersion, suite: CipherSuite) -> (Strength, String) {
    let (strength, why) = of_suite(suite);
    if strength == Strength::Readable {
        return (strength, why.into());
    }
    if let Some(norm) = obsolete(version) {
        return (Strength::Weak, norm.into());
    }
    if version.number() == Some("1.3") {
        let no_exchange = is_true(facts, Kind::TlsResumed) && !facts.has(Kind::TlsCurve);
        return match strength {
            Strength::Strong if no_exchange => (Strength::Weak, "pre-shared key without a key exchange: no forward secrecy".into()),
            _ => (strength, why.into()),
        };
    }
    match strength {
        Strength::Weak if why == super::strength::CBC && is_true(facts, Kind::TlsEncryptThenMac) => (Strength::Strong, String::new()),
        Strength::Strong => match facts.get(Kind::TlsDhBits).map(|f| &f.what) {
            Some(What::TlsDhBits(bits)) if *bits < 2048 => {
                (Strength::Weak, format!("Diffie-Hellman of {bits} bits; RFC 9325 §4.2 asks for 2048"))
            }
            _ => (Strength::Strong, String::new()),
        },
        _ => (strength, why.into()),
    }
}

/// Why a version must not be used any more.
pub(super) fn obsolete(version: ProtocolVersion) -> Option<&'static str> {
    match (version.family(), version.number()?) {
        ("ssl", "2.0") => Some("SSL 2 is prohibited (RFC 6176)"),
        ("ssl", _) => Some("SSL 3 is prohibited (RFC 7568)"),
        ("tls", "1.0" | "1.1") => Some("retired by RFC 8996"),
        ("dtls", "1.0") => Some("DTLS 1.0 was retired by RFC 8996"),
        _ => None,
    }
}

/// `TLS 1.3`, `QUIC v1`, `DTLS 1.2`.
pub(super) fn version_name(facts: &Facts, version: ProtocolVersion) -> String {
    let number = version.number().map_or_else(|| version.to_string(), ToOwned::to_owned);
    match word(facts, Kind::TlsVersionProtocol) {
        Some("quic") => match facts.get(Kind::QuicVersion).map(|f| &f.what) {
            Some(What::QuicVersion(quic)) => format!("QUIC {quic}"),
            _ => "QUIC".to_owned(),
        },
        Some("dtls") => format!("DTLS {number}"),
        Some("ssl") => format!("SSL {number}"),
        _ => match facts.get(Kind::TlsVersionDetail).map(|f| &f.what) {
            Some(What::TlsVersionDetail(detail)) => format!("TLS {number} ({detail})"),
            _ => format!("TLS {number}"),
        },
    }
}

pub(super) fn group(facts: &Facts) -> Option<String> {
    facts.get(Kind::TlsCurve).map(|fact| fact.what.shown().to_string())
}

/// Protocols other than TLS, by their class.
fn of_protocol(c: &Connection) -> Verdict {
    let facts = &c.facts;
    let named = facts.list().iter().rev().find(|fact| matches!(fact.what, What::Protocol(_)));
    let frames = named.map(|fact| fact.evidence.clone());
    let Some(protocol) = c.protocol() else {
        let why = match word(facts, Kind::Looks) {
            Some("random") => "bytes of no known protocol that look random: encrypted or compressed, which cannot be told apart",
            Some("readable") => "bytes of no known protocol that look like text",
            _ => "bytes of no known protocol",
        };
        return Verdict::unknown(why, facts.get(Kind::Looks).map(|fact| fact.evidence.clone()));
    };
    match class(protocol) {
        Some(Class::Readable(_)) if protocol == "stun" && facts.has(Kind::Looks) => {
            let why = match word(facts, Kind::Looks) {
                Some("random") => "STUN, and beside it bytes that look random: media or data of no known protocol",
                Some("readable") => "STUN, and beside it bytes of no known protocol that look like text",
                _ => "STUN, and beside it bytes of no known protocol",
            };
            Verdict::unknown(why, facts.get(Kind::Looks).map(|fact| fact.evidence.clone()))
        }
        Some(Class::Readable(kinds)) => {
            let mut verdict = Verdict::of(Grade::Exposed, format!("{} in clear", people_say(protocol)), frames);
            verdict.exposed = kinds.to_vec();
            verdict
        }
        Some(Class::Custom(construction, _)) => {
            let mut verdict = custom(protocol, named);
            verdict.construction = Some(construction);
            verdict
        }
        Some(Class::Standard(how)) => match word(facts, Kind::Handshake) {
            Some("complete") if protocol == "ssh" => ssh(facts, frames),
            Some("complete") => Verdict::of(Grade::Protected, how, frames),
            Some("client-only") => Verdict::unknown(format!("{}: only the client's beginning was seen", people_say(protocol)), frames),
            Some("server-only") => Verdict::unknown(format!("{}: only the server's direction was captured", people_say(protocol)), frames),
            Some("failed") => {
                Verdict::of(Grade::None, format!("{}: the handshake failed before anything was sent", people_say(protocol)), frames)
            }
            Some("missing") => Verdict::unknown(format!("{}: its key exchange was before the capture began", people_say(protocol)), frames),
            _ => Verdict::unknown(format!("{}: its key exchange was not seen to its end", people_say(protocol)), frames),
        },
        Some(Class::Unjudged(why)) => Verdict::unknown(super::media::why_unknown(facts).unwrap_or(why), frames),
        None => Verdict::unknown(format!("{protocol}: not judged"), frames),
    }
}

/// SSH whose key exchange was seen whole.
fn ssh(facts: &Facts, frames: Option<Evidence>) -> Verdict {
    let (strength, why) = super::ssh::of(facts);
    let agreed = facts.get(Kind::SshCipher).map(|fact| fact.evidence.clone()).or(frames);
    match strength {
        Strength::Strong => Verdict::of(Grade::Protected, format!("{why}; key exchange seen whole"), agreed),
        Strength::Weak => Verdict::of(Grade::Weak, why, agreed),
        Strength::Unknown => Verdict::unknown(why, agreed),
        Strength::Readable => {
            let mut verdict = Verdict::of(Grade::Exposed, why, agreed);
            verdict.exposed = vec![Exposed::Content];
            verdict
        }
    }
}

fn custom(protocol: &str, fact: Option<&Fact>) -> Verdict {
    let (construction, name) = match class(protocol) {
        Some(Class::Custom(construction, name)) => (Some(construction), name),
        _ => (None, "own encryption"),
    };
    let mut verdict =
        Verdict::of(Grade::Custom, format!("{name}: its strength cannot be judged from outside"), fact.map(|fact| fact.evidence.clone()));
    verdict.construction = construction;
    verdict
}

/// Whether the other side was who it said. Chains are judged by [`rules`]' certificate facts where they are in clear.
fn identity(c: &Connection, grade: Grade) -> Option<Identity> {
    let facts = &c.facts;
    if !facts.has(Kind::TlsVersion) || matches!(word(facts, Kind::TlsTunnel), Some("openvpn")) || grade == Grade::None {
        return None;
    }
    let Some(What::TlsCipher(suite)) = facts.get(Kind::TlsCipher).map(|f| &f.what) else { return None };
    let suite = Suite::of(*suite);
    if facts.has(Kind::TlsCertSha256) {
        return Some(super::identity::of(c));
    }
    if suite.is_some_and(|suite| suite.anonymous) {
        return Some(Identity::None);
    }
    Some(Identity::NotVisible)
}

/// The value of a fact that is one of our own words.
pub(super) fn word(facts: &Facts, kind: Kind) -> Option<&'static str> {
    match facts.get(kind).map(|fact| &fact.what)? {
        What::Handshake(word)
        | What::TlsTunnel(word)
        | What::TlsVersionProtocol(word)
        | What::StartTls(word)
        | What::StartTlsRefused(word)
        | What::TlsEch(word)
        | What::Ech(word)
        | What::TlsDowngradeSentinel(word)
        | What::Looks(word)
        | What::MediaKeying(word) => Some(word),
        _ => None,
    }
}

/// Whether a yes-or-no fact was stated and is true.
pub(super) fn is_true(facts: &Facts, kind: Kind) -> bool {
    facts.get(kind).is_some_and(|fact| {
        matches!(
            fact.what,
            What::TlsResumed(true)
                | What::TlsEncryptThenMac(true)
                | What::TlsHelloRetryRequest(true)
                | What::TlsEarlyData(true)
                | What::TlsPskOffered(true)
                | What::TlsExtendedMasterSecret(true)
                | What::TlsRenegotiationInfo(true)
                | What::TlsEsni(true)
                | What::TlsOfferedExtendedMasterSecret(true)
                | What::TlsOfferedRenegotiationInfo(true)
                | What::TlsEstablished(true)
        )
    })
}
