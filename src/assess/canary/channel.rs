//! One connection in the canary test.

use std::collections::{HashMap, VecDeque};

use super::{Asked, Bearing, Reason, Verdict, is_earlier};
use crate::assess::Judged;
use crate::assess::attribution::{Confidence, Role};
use crate::base::{Dir, Evidence, Kind, Timestamp, What, WireStr};
use crate::dissect::inside::{Found, Hit, Sealed, Sought, Watched};
use crate::dissect::plain::{Books, Identity, Tally};

/// A connection, what was found inside it, and how much of it was opened.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The connection.
    pub connection: Judged,
    /// What was found.
    pub found: Found,
    /// What of its encrypted records was opened.
    pub books: Books,
    /// It goes on: of it no more is known than where the phrase was found so far.
    pub goes_on: bool,
}

impl Looked {
    /// Whether it carried something in the time that is asked about.
    #[must_use]
    pub fn concerns(&self, asked: &Asked) -> bool {
        let sent = self.connection.tally(Dir::Client).payload + self.connection.tally(Dir::Server).payload;
        let is_in_time = asked.since.is_none_or(|since| self.connection.end >= since);
        sent > 0 && is_in_time || !self.found.hits.is_empty()
    }
}

/// Brings connections, in the order of their first frames, together with what was found inside them.
pub fn looked(connections: impl Iterator<Item = Judged>, found: Vec<Watched>) -> Vec<Looked> {
    let mut watched: VecDeque<Watched> = found.into();
    connections
        .map(|connection| {
            // Both come in the order of first frames; connections without payload were not watched.
            let early = watched.iter().take_while(|one| one.identity.first_frame <= connection.first_frame);
            let identity = Identity::of(&connection);
            let own = early.enumerate().find(|(_, one)| one.identity == identity).map(|(at, _)| at);
            let (found, books) = own.and_then(|at| watched.remove(at)).map(|one| (one.found, one.books)).unwrap_or_default();
            Looked { connection, found, books, goes_on: false }
        })
        .collect()
}

/// A connection, concluded.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The connection.
    pub connection: Judged,
    /// What it shows.
    pub verdict: Verdict,
    /// Why not more: those of every channel first.
    pub reasons: Vec<Reason>,
    /// Those of this one alone.
    pub own_reasons: Vec<Reason>,
    /// Where the phrase was found, by time.
    pub hits: Vec<Hit>,
    /// Recognised containers.
    pub sealed: Vec<Sealed>,
    /// What of its encrypted records was opened.
    pub books: Books,
    /// Octets of pictures, sound and film, which were not read.
    pub media: u64,
    /// The product whose name stands in the certificate's issuer, if it intercepts.
    pub proxy: Option<String>,
}

/// Tokens that servers sent, and when first: over all connections, for a token from one is often sent on another.
pub(super) fn given(looked: &[Looked]) -> HashMap<u64, Timestamp> {
    let mut all: HashMap<u64, Timestamp> = HashMap::new();
    for (&digest, &at) in looked.iter().flat_map(|one| &one.found.given) {
        let first = all.entry(digest).or_insert(at);
        *first = at.min(*first);
    }
    all
}

/// Protocols that serve names, addresses and time: no app sends a message in them, and what they say is readable.
const SERVICES: [&str; 8] = ["dns", "dhcp", "ntp", "ssdp", "stun", "netbios", "snmp", "turn"];
/// Protocols that encrypt by themselves, without keys that could be given.
const ENCRYPTED: [&str; 22] = [
    "ssh",
    "wireguard",
    "openvpn",
    "ike",
    "esp",
    "tor",
    "gquic",
    "whatsapp-noise",
    "whatsapp",
    "mtproto",
    "mmtls",
    "threema-csp",
    "loco",
    "viber",
    "line",
    "discord",
    "zoom",
    "telegram-voip",
    "srtp",
    "rtp",
    "srtcp",
    "rtcp",
];

impl Channel {
    pub(super) fn conclude(asked: &Asked, general: &[Reason], given: &HashMap<u64, Timestamp>, looked: Looked) -> Channel {
        let own_reasons = own_reasons(asked, given, &looked);
        let Looked { connection, found, books, .. } = looked;
        let mut hits: Vec<Hit> = found.hits.into_iter().filter(|hit| hit.sought == Sought::Message).collect();
        hits.sort_by_key(|hit| (hit.at, hit.evidence.first()));
        let is_doubtful = general.iter().any(|reason| matches!(reason, Reason::ShortPhrase(_) | Reason::KnownEarlier(_)));
        let is_found = hits.iter().any(|hit| !is_earlier(asked, hit));
        let verdict = match () {
            () if is_found && !is_doubtful => Verdict::Readable,
            () if hits.is_empty() && general.is_empty() && own_reasons.is_empty() => Verdict::NotSeen,
            () => Verdict::Inconclusive,
        };
        let mut reasons = Vec::new();
        if verdict == Verdict::Inconclusive {
            reasons.extend(general.iter().chain(&own_reasons).cloned());
        }
        let proxy =
            connection.judgement.findings.iter().find(|finding| finding.rule.id == "interception-issuer").map(|f| f.text.to_string());
        Channel { verdict, reasons, own_reasons, hits, sealed: found.sealed, books, media: found.media, proxy, connection }
    }

    /// Whether it leaves open what the whole capture shows.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        self.verdict != Verdict::Readable && self.own_reasons.iter().any(Reason::is_blocking)
    }

    /// `10.0.0.2:51234 > 203.0.113.9:443 (im.example.net)`.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.server_name().map(|name| format!(" ({name})")).unwrap_or_default();
        format!("{} > {}{name}", self.connection.client, self.connection.server)
    }

    /// The name the client asked for.
    #[must_use]
    pub fn server_name(&self) -> Option<&WireStr> {
        match self.connection.facts.get(Kind::TlsServerName).map(|fact| &fact.what) {
            Some(What::TlsServerName(name)) => Some(name),
            _ => None,
        }
    }

    /// What it means for a platform's claim that the phrase was readable here; `None` where it was not.
    #[must_use]
    pub fn bears_on(&self) -> Option<Bearing> {
        if self.verdict != Verdict::Readable {
            return None;
        }
        Some(match &self.connection.attribution {
            None => Bearing::Nobody,
            Some(of) if !matches!(of.confidence, Confidence::Confirmed | Confidence::Likely) => Bearing::Unsure,
            Some(of) if matches!(of.role, Role::Messaging | Role::Call) => Bearing::Refutes,
            Some(_) => Bearing::OtherRole,
        })
    }

    /// Encrypted records: opened, and seen.
    #[must_use]
    pub fn records(&self) -> (u64, u64) {
        let Books { client, server } = self.books;
        (client.opened + server.opened, client.seen + server.seen)
    }

    /// The server sent it first: then it may only have come back.
    #[must_use]
    pub fn is_returned(&self) -> bool {
        self.hits.first().is_some_and(|hit| hit.dir == Dir::Server)
    }
}

fn own_reasons(asked: &Asked, given: &HashMap<u64, Timestamp>, looked: &Looked) -> Vec<Reason> {
    let Looked { connection, found, books, goes_on } = looked;
    if *goes_on {
        return vec![Reason::GoesOn];
    }
    let protocol = connection.protocol().unwrap_or_default();
    if SERVICES.contains(&protocol) {
        return Vec::new();
    }
    let concerns = |at: Timestamp| asked.since.is_none_or(|since| at >= since);
    let mut reasons = not_opened(books);
    let is_encrypted = ENCRYPTED.contains(&protocol);
    if is_encrypted {
        reasons.push(Reason::OwnEncryption(protocol.to_owned()));
    }
    let closed = books.client.seen + books.server.seen;
    if found.framings.is_empty() && found.octets.client + found.octets.server > 0 && !is_encrypted {
        reasons.push(Reason::NoFraming);
    }
    let opaque: Vec<_> =
        found.opaque.iter().filter(|o| concerns(o.at) && !given.get(&o.digest).is_some_and(|first| o.is_token && *first <= o.at)).collect();
    if let Some(first) = opaque.first().filter(|_| !is_encrypted) {
        let evidence = opaque.iter().skip(1).fold(first.evidence.clone(), |all, o| all.and(&o.evidence));
        let octets = opaque.iter().map(|o| o.octets).sum();
        reasons.push(Reason::Opaque { pieces: opaque.len(), octets, first: first.chain.clone(), evidence });
    }
    for cut in found.cuts.iter().filter(|cut| concerns(cut.at)) {
        reasons.push(Reason::Cut { cut: cut.cut, times: cut.times, evidence: cut.evidence.clone() });
    }
    let fragments: Option<Evidence> = found
        .hits
        .iter()
        .filter(|hit| hit.sought == Sought::Fragment && concerns(hit.at))
        .map(|hit| hit.evidence.clone())
        .reduce(|one, other| one.and(&other));
    reasons.extend(fragments.map(Reason::Fragment));
    if connection.truncated > 0 {
        reasons.push(Reason::Truncated(connection.truncated));
    }
    if connection.tally(Dir::Client).payload == 0 && connection.tally(Dir::Server).payload > 0 {
        reasons.push(Reason::OneSided);
    }
    if found.dropped > 0 {
        reasons.push(Reason::Dropped(found.dropped));
    }
    if reasons.is_empty() && found.moved {
        return vec![Reason::Moved];
    }
    if reasons.is_empty() && closed == 0 && found.octets.client < asked.room as u64 {
        reasons.push(Reason::TooLittle(found.octets.client));
    }
    reasons
}

/// What of a connection's encrypted records was not opened.
#[must_use]
pub fn not_opened(books: &Books) -> Vec<Reason> {
    let Books { client, server } = *books;
    let seen = client.seen + server.seen;
    if seen > 0 && client.no_key + server.no_key == seen {
        return vec![Reason::NoKeys(seen)];
    }
    let all = Tally {
        seen,
        opened: client.opened + server.opened,
        no_key: client.no_key + server.no_key,
        not_authentic: client.not_authentic + server.not_authentic,
        too_late: client.too_late + server.too_late,
        cut: client.cut + server.cut,
        gaps: client.gaps + server.gaps,
    };
    if all.is_whole() { Vec::new() } else { vec![Reason::Closed(all)] }
}
