//! Which platform a connection belongs to, how sure that is, and why.
//!
//! | seen | level |
//! |---|---|
//! | the program that made it, named by the operating system; or the platform's own protocol together with a name or an address that only it uses | `confirmed` |
//! | a name that only this service uses; or its own protocol alone | `likely` |
//! | a name that stands for all of an owner's services; an address alone; a name looked up before; a sign that others use too | `possible` |
//! | a name or a channel that several apps use: a group that lists them | `shared` |
//!
//! A server name is what the client wrote, and a censor's opponent may write another's: what contradicts the attribution stands beside it
//! as a [`Conflict`], and takes a level away. An address never names anybody against a name.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::platforms::{Catalogue, Index, Named, Ranged, Reach, Scope, Sign, Strength, Who, Wired};
use crate::base::{Evidence, Fact, QuicVersion, What, WireStr};
use crate::flow::Connection;

pub use super::platforms::Role;

/// How sure an attribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The operating system says it, or protocol bytes and a name (or a service-only address) agree.
    Confirmed,
    /// A name that only this service uses, or strong bytes alone.
    Likely,
    /// A name of the owner, an address, a name looked up before.
    Possible,
    /// A name or a channel that several apps use.
    Shared,
}

impl Confidence {
    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Confirmed => "confirmed",
            Confidence::Likely => "likely",
            Confidence::Possible => "possible",
            Confidence::Shared => "shared",
        }
    }

    /// Whether the connection may set the headline of its platform (contract §2, Groups).
    #[must_use]
    pub fn counts(self) -> bool {
        self <= Confidence::Likely
    }

    /// One level less, where something contradicts.
    fn doubted(self) -> Confidence {
        match self {
            Confidence::Confirmed => Confidence::Likely,
            Confidence::Likely | Confidence::Possible => Confidence::Possible,
            Confidence::Shared => Confidence::Shared,
        }
    }
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// `process`, `protocol`, `sni`, `http-host`, `proxy-target`, `certificate`, `dns`, `alpn`, `quic-version`, `stun-realm`,
    /// `stun-sign`, `same-socket`, `ip`, `borrowed-sni`.
    pub signal: &'static str,
    /// What it says.
    pub value: WireStr,
    /// Where.
    pub evidence: Evidence,
}

/// Something that was seen and speaks for somebody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What was seen.
    pub seen: Signal,
    /// For whom it speaks: the id of a platform or a group.
    pub says: Arc<str>,
}

/// Which platform a connection belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The id of a platform in the catalogue, or of a group.
    pub platform: Arc<str>,
    /// For a group: the platforms of which packets do not tell which. Empty for a platform.
    pub candidates: Arc<[Arc<str>]>,
    /// What the connection is for.
    pub role: Role,
    /// How sure.
    pub confidence: Confidence,
    /// Why; never empty.
    pub because: Vec<Signal>,
    /// What contradicts.
    pub conflicts: Vec<Conflict>,
}

impl Attribution {
    /// For a narrow column: `tiktok`, and `x?` where it is only possible. A group's id says that it is shared.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}{}", self.platform, if self.confidence == Confidence::Possible { "?" } else { "" })
    }
}

/// Attributes a connection whose facts are in the order of output. A pure function: the same facts and catalogue, the same answer.
#[must_use]
pub fn attribute(connection: &Connection, catalogue: &Catalogue) -> Option<Attribution> {
    let index = catalogue.index();
    let mut seen = Seen::of(connection, index);
    seen.address(connection, index);
    seen.conclude(index)
}

/// How a sign speaks for somebody; before others in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The operating system named the program.
    Process,
    /// Bytes that nobody else sends.
    Bytes,
    /// A name in this connection: the server name, the host of a request.
    Name,
    /// The name in the server's certificate.
    Certificate,
    /// A name that stands for all of an owner's services.
    OwnersName,
    /// A channel or a name of a group.
    Group,
    /// Bytes that others send too.
    WeakBytes,
    /// A name that was looked up before and led to this address.
    LookedUp,
    /// An address that only this service uses.
    Address,
}

/// One sign, resolved.
struct Sighting<'i> {
    weight: Weight,
    who: &'i Who,
    role: Option<Role>,
    signal: Signal,
}

/// Everything that was seen of a connection and that the catalogue knows.
#[derive(Default)]
struct Seen<'i> {
    sightings: Vec<Sighting<'i>>,
    /// Names that are in the catalogue or not: for what a platform borrows.
    names: Vec<Signal>,
    /// The operating system named a program that is not in the catalogue.
    unknown_program: bool,
    range: Option<(&'i Ranged, Signal)>,
}

impl<'i> Seen<'i> {
    fn of(connection: &Connection, index: &'i Index) -> Seen<'i> {
        let mut seen = Seen::default();
        for fact in connection.facts.list() {
            seen.fact(fact, index);
        }
        seen
    }

    fn fact(&mut self, fact: &Fact, index: &'i Index) {
        match &fact.what {
            What::ProcessName(name) => match index.app(name.as_bytes()) {
                Some(who) => self.add(Weight::Process, who, None, "process", name, fact),
                None => self.unknown_program = true,
            },
            What::Protocol(name) => self.wired(index.wire(Sign::Protocol, name), Sign::Protocol, &(*name).into(), fact),
            What::QuicVersion(version) => {
                let name = quic_version(*version);
                self.wired(index.wire(Sign::QuicVersion, &name), Sign::QuicVersion, &name.into(), fact);
            }
            What::TlsOfferedAlpn(list) => {
                for name in list {
                    let known = std::str::from_utf8(name.as_bytes()).ok().and_then(|text| index.wire(Sign::Alpn, text));
                    self.wired(known, Sign::Alpn, name, fact);
                }
            }
            What::TlsServerName(name) => {
                self.names.push(Signal { signal: "sni", value: name.clone(), evidence: fact.evidence.clone() });
                self.named(index.name(name.as_bytes()), Weight::Name, "sni", name, fact);
            }
            What::HttpHost(name) => self.named(index.name(name.as_bytes()), Weight::Name, "http-host", name, fact),
            What::HttpConnectTarget(name) | What::SocksTarget(name) => {
                self.named(index.name(name.as_bytes()), Weight::Name, "proxy-target", name, fact);
            }
            What::StunSigns(list) => {
                if let Some((value, known)) = list.iter().find_map(|value| Some((value, index.wire(Sign::StunSign, value)?))) {
                    self.wired(Some(known), Sign::StunSign, &value.as_str().into(), fact);
                }
            }
            What::SocketSigns(list) => {
                if let Some((value, known)) = list.iter().find_map(|value| Some((value, index.wire(Sign::StunSign, value)?))) {
                    // At most possible: others may send the same signs, and nothing in this connection says more.
                    self.add(Weight::WeakBytes, &known.who, Some(known.role), "same-socket", &value.as_str().into(), fact);
                }
            }
            What::ResolvedName(name) => self.named(index.name(name.as_bytes()), Weight::LookedUp, "dns", name, fact),
            What::TlsSubject(subject) => {
                if let Some(name) = common_name(subject) {
                    self.certificate(std::slice::from_ref(&name), fact, index);
                }
            }
            What::TlsAlternativeNames(names) => self.certificate(names, fact, index),
            _ => {}
        }
    }

    /// A certificate speaks for somebody only where all the names in it that are known are theirs: those of a hosting company hold
    /// many customers'.
    fn certificate(&mut self, names: &[WireStr], fact: &Fact, index: &'i Index) {
        let mut known = names.iter().take(MOST_NAMES).filter_map(|name| index.name(name.as_bytes()).map(|named| (name, named)));
        let Some((name, named)) = known.next() else { return };
        let already = self.sightings.iter().any(|s| s.signal.signal == "certificate" && s.who == &named.who);
        if !already && known.all(|(_, other)| other.who == named.who) {
            self.named(Some(named), Weight::Certificate, "certificate", name, fact);
        }
    }

    fn named(&mut self, named: Option<&'i Named>, weight: Weight, signal: &'static str, value: &WireStr, fact: &Fact) {
        let Some(named) = named else { return };
        let weight = match (named.who.candidates.is_some(), named.reach, weight) {
            (true, _, _) => Weight::Group,
            (false, Reach::Owner, _) => Weight::OwnersName,
            (_, _, weight) => weight,
        };
        self.add(weight, &named.who, Some(named.role), signal, value, fact);
    }

    fn wired(&mut self, wired: Option<&'i Wired>, sign: Sign, value: &WireStr, fact: &Fact) {
        let Some(wired) = wired else { return };
        let weight = match (wired.who.candidates.is_some(), wired.strength) {
            (true, _) => Weight::Group,
            (false, Strength::Strong) => Weight::Bytes,
            (false, Strength::Medium) => Weight::WeakBytes,
        };
        self.add(weight, &wired.who, Some(wired.role), sign.word(), value, fact);
    }

    fn add(&mut self, weight: Weight, who: &'i Who, role: Option<Role>, signal: &'static str, value: &WireStr, fact: &Fact) {
        if self.sightings.len() < MOST_SIGHTINGS {
            let signal = Signal { signal, value: value.clone(), evidence: fact.evidence.clone() };
            self.sightings.push(Sighting { weight, who, role, signal });
        }
    }

    /// The server's address; where the sides were guessed, the other one too.
    fn address(&mut self, connection: &Connection, index: &'i Index) {
        let ends = [Some(connection.server), connection.guessed.then_some(connection.client)];
        self.range = ends.into_iter().flatten().find_map(|end| {
            let ranged = index.range(end.ip)?;
            let value = WireStr::from(end.ip.to_string());
            Some((ranged, Signal { signal: "ip", value, evidence: connection.opening() }))
        });
        if let Some((ranged, signal)) = &self.range
            && ranged.scope == Scope::Service
        {
            let signal = signal.clone();
            self.sightings.push(Sighting { weight: Weight::Address, who: &ranged.who, role: None, signal });
        }
    }

    fn conclude(mut self, index: &Index) -> Option<Attribution> {
        // Stable: of two of one weight, the one that was stated first.
        self.sightings.sort_by_key(|sighting| sighting.weight);
        let first = self.sightings.first()?;
        // A group does not stand against one of its members, whom something weaker names.
        let winner = match first.weight {
            Weight::Group => self.sightings.iter().find(|s| s.who != first.who && s.who.candidates.is_none() && s.who.may_be(first.who)),
            _ => None,
        }
        .unwrap_or(first);
        let (weight, who) = (winner.weight, winner.who);
        let confidence = self.confidence(weight, who);
        let role = self.role(who);
        let mut because = Vec::new();
        let mut conflicts = Vec::new();
        for sighting in self.sightings {
            let borrowed = sighting.signal.signal == "sni" && index.borrows(&who.id, sighting.signal.value.as_bytes());
            if sighting.who.may_be(who) {
                because.push(sighting.signal);
            } else if !borrowed {
                conflicts.push(Conflict { seen: sighting.signal, says: sighting.who.id.clone() });
            }
        }
        for name in self.names.into_iter().filter(|name| index.borrows(&who.id, name.value.as_bytes())) {
            because.push(Signal { signal: "borrowed-sni", ..name });
        }
        if let Some((ranged, signal)) = self.range
            && ranged.scope != Scope::Service
        {
            if ranged.who.may_be(who) {
                because.push(signal);
            } else if ranged.scope == Scope::Owner {
                conflicts.push(Conflict { seen: signal, says: ranged.who.id.clone() });
            }
        }
        let doubted = weight != Weight::Process && !conflicts.is_empty();
        Some(Attribution {
            platform: who.id.clone(),
            candidates: who.candidates.clone().unwrap_or_else(|| Arc::from([])),
            role,
            confidence: if doubted { confidence.doubted() } else { confidence },
            because,
            conflicts,
        })
    }

    /// The level, contradictions left out.
    fn confidence(&self, weight: Weight, who: &Who) -> Confidence {
        let speaks = |weights: &[Weight]| self.sightings.iter().any(|s| s.who == who && weights.contains(&s.weight));
        let bytes = speaks(&[Weight::Bytes, Weight::WeakBytes]);
        let name = speaks(&[Weight::Name, Weight::Certificate, Weight::LookedUp]);
        let address = speaks(&[Weight::Address]);
        let in_range = self.range.as_ref().is_some_and(|(ranged, _)| ranged.who.may_be(who));
        let confirmed = if self.unknown_program { Confidence::Likely } else { Confidence::Confirmed };
        match weight {
            _ if who.candidates.is_some() => Confidence::Shared,
            Weight::Process => Confidence::Confirmed,
            Weight::Bytes | Weight::Name | Weight::Certificate if bytes && (name || address) || address && name => confirmed,
            Weight::Bytes | Weight::Name | Weight::Certificate => Confidence::Likely,
            Weight::WeakBytes | Weight::LookedUp if in_range || bytes && name => Confidence::Likely,
            Weight::OwnersName | Weight::WeakBytes | Weight::LookedUp | Weight::Address | Weight::Group => Confidence::Possible,
        }
    }

    /// What the connection is for: what bytes that nobody else sends say, else a name, else anything.
    fn role(&self, who: &Who) -> Role {
        let of =
            |exact: bool| self.sightings.iter().filter(move |s| if exact { s.who == who } else { s.who.may_be(who) }).find_map(|s| s.role);
        of(true).or_else(|| of(false)).unwrap_or(Role::Shared)
    }
}

/// Names of one certificate that are looked at.
const MOST_NAMES: usize = 64;
/// Signs of one connection that are kept.
const MOST_SIGHTINGS: usize = 24;

/// A version of QUIC as its number, `0xfaceb002`.
fn quic_version(version: QuicVersion) -> String {
    format!("{:#010x}", version.0)
}

/// The common name in a subject written by RFC 4514, where it needs no unescaping.
fn common_name(subject: &WireStr) -> Option<WireStr> {
    let text = std::str::from_utf8(subject.as_bytes()).ok()?;
    let name = text.split(',').find_map(|part| part.strip_prefix("CN="))?;
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'*')).then(|| name.into())
}
