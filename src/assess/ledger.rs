//! The finished connections of a capture and the counts over them, as plain data.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::group::Group;
use super::judgement::Judged;
use super::protocols::people_say;
use crate::base::{Dir, FrameNo, Kind, ProtocolVersion, Timestamp, What};
use crate::dissect::keys::KeyCounts;
use crate::flow::{Connection, Endpoint};
use crate::source::Capturing;

/// How many connections a [`Ledger`] keeps unless told otherwise; more are counted only.
pub const MOST_CONNECTIONS: usize = 200_000;

/// How far the reading has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Frames are being read.
    #[default]
    Reading,
    /// Everything readable was read.
    Done,
    /// Nothing usable was read, and why.
    Failed(String),
}

/// Everything a screen can show: connections in the order they were finished, so that the place of one never changes.
/// Bounded: beyond its room connections are counted, not kept.
#[derive(Clone, Debug)]
pub struct Ledger {
    connections: Vec<Arc<Judged>>,
    /// Where each connection is: only of a capture that is still running, where a connection is told again when it has changed.
    places: HashMap<Identity, usize>,
    room: usize,
    outcomes: BTreeMap<Outcome, u64>,
    whole: Group,
    span: Option<(Timestamp, Timestamp)>,
    /// Connections that found no room: they are in the counts, not in the list.
    pub not_kept: u64,
    /// Packets cut short by the capture, over all connections.
    pub truncated: u64,
    /// What was seen of connections, beside their grades.
    seen: Seen,
    /// Octets of the input read so far.
    pub read: u64,
    /// Octets of the input, where known.
    pub total: Option<u64>,
    /// Frames read so far.
    pub frames: u64,
    /// Damage, bounds that were hit, and what else the reader of the capture had to say.
    pub notes: Vec<String>,
    /// What became of keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// The SHA-256 of the input, in hexadecimal, where it was read to its end.
    pub sha256: Option<String>,
    /// How the capture stands, where it is one that runs.
    pub capturing: Option<Capturing>,
    /// How far the reading has come.
    pub state: State,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::with_room(MOST_CONNECTIONS)
    }
}

impl Ledger {
    /// An empty ledger with room for so many connections.
    #[must_use]
    pub fn with_room(room: usize) -> Ledger {
        Ledger {
            connections: Vec::new(),
            places: HashMap::new(),
            room,
            outcomes: BTreeMap::new(),
            whole: Group::default(),
            span: None,
            not_kept: 0,
            truncated: 0,
            seen: Seen::default(),
            read: 0,
            total: None,
            frames: 0,
            notes: Vec::new(),
            keys: None,
            sha256: None,
            capturing: None,
            state: State::Reading,
        }
    }

    /// Counts a finished connection, and keeps it while there is room.
    pub fn push(&mut self, connection: impl Into<Arc<Judged>>) {
        let connection = connection.into();
        self.count_in(&connection);
        if self.connections.len() < self.room {
            self.connections.push(connection);
        } else {
            self.not_kept = self.not_kept.saturating_add(1);
        }
    }

    /// Takes in a connection of a capture that is still running: the first time, or again because it has changed. `over` says that it
    /// will not be told again. Returns the place of one that was known before.
    pub fn put(&mut self, connection: impl Into<Arc<Judged>>, over: bool) -> Option<usize> {
        let connection = connection.into();
        let identity = identity(&connection);
        if let Some(&place) = self.places.get(&identity) {
            self.replace(place, connection);
            return Some(place);
        }
        let full = self.connections.len() >= self.room;
        if !full {
            self.places.insert(identity, self.connections.len());
        }
        // One without a place is counted when it is over, and only then.
        if !full || over {
            self.push(connection);
        }
        None
    }

    /// Puts a connection of which more is known in its place.
    pub fn replace(&mut self, place: usize, connection: impl Into<Arc<Judged>>) {
        let connection = connection.into();
        let Some(kept) = self.connections.get_mut(place) else { return };
        let before = std::mem::replace(kept, Arc::clone(&connection));
        self.whole.remove(&before);
        self.truncated = self.truncated.saturating_sub(before.truncated);
        self.seen.change(&before, |count| *count = count.saturating_sub(1));
        let outcome = Outcome::of(&before);
        if let Some(count) = self.outcomes.get_mut(&outcome) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.outcomes.remove(&outcome);
            }
        }
        self.count_in(&connection);
    }

    fn count_in(&mut self, connection: &Judged) {
        let count = self.outcomes.entry(Outcome::of(connection)).or_default();
        *count = count.saturating_add(1);
        self.whole.add(connection);
        self.truncated = self.truncated.saturating_add(connection.truncated);
        self.seen.change(connection, |count| *count = count.saturating_add(1));
        let (start, end) = self.span.unwrap_or((connection.start, connection.end));
        self.span = Some((start.min(connection.start), end.max(connection.end)));
    }

    /// The same capture with no connection yet; what is known of its file stays.
    #[must_use]
    pub fn beginning(&self) -> Ledger {
        let mut ledger = Ledger::with_room(self.room.max(self.connections.len()));
        (ledger.span, ledger.read, ledger.total, ledger.state) = (self.span, self.read, self.total, self.state.clone());
        ledger.notes.clone_from(&self.notes);
        ledger
    }

    /// What was seen of all connections, kept or not, beside their grades.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// All connections by grade, kept or not.
    #[must_use]
    pub fn whole(&self) -> &Group {
        &self.whole
    }

    /// The connections, in the order they were finished.
    #[must_use]
    pub fn connections(&self) -> &[Arc<Judged>] {
        &self.connections
    }

    /// How many connections there were, kept or not.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.outcomes.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many connections came to which outcome: best known first, as [`Outcome`] orders them.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Outcome, u64)> {
        self.outcomes.iter().map(|(outcome, n)| (outcome, *n))
    }

    /// How many connections spoke a protocol of this family.
    #[must_use]
    pub fn of_family(&self, family: Family) -> u64 {
        let of = |outcome: &&Outcome| outcome.family() == Some(family);
        self.outcomes.iter().filter(|(outcome, _)| of(outcome)).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// The first and the last moment of all connections.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }
}

/// What was seen of connections: how many of each kind. Counted as they come, because there may be very many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets went one way only.
    pub one_sided: u64,
    /// The program that made them is known.
    pub named: u64,
    /// Several programs held their sockets.
    pub shared: u64,
}

impl Seen {
    fn change(&mut self, connection: &Connection, change: impl Fn(&mut u64)) {
        let one_sided = [Dir::Client, Dir::Server].iter().any(|side| connection.tally(*side).packets == 0);
        let facts = &connection.facts;
        let counts = [
            (one_sided, &mut self.one_sided),
            (facts.has(Kind::ProcessName), &mut self.named),
            (facts.has(Kind::ProcessHolders), &mut self.shared),
        ];
        counts.into_iter().filter(|(is_so, _)| *is_so).for_each(|(_, count)| change(count));
    }
}

/// What makes a connection the same when it is told again: its first frame and its two ends, whichever of them is the client.
type Identity = (FrameNo, Endpoint, Endpoint);

fn identity(connection: &Connection) -> Identity {
    let (a, b) = (connection.client, connection.server);
    (connection.first_frame, a.min(b), a.max(b))
}

/// The family of a protocol that protects what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// TLS or SSL over a byte stream.
    Tls,
    /// QUIC, with its own TLS inside.
    Quic,
    /// DTLS.
    Dtls,
}

impl Family {
    /// `TLS`, `QUIC`, `DTLS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Family::Tls => "TLS",
            Family::Quic => "QUIC",
            Family::Dtls => "DTLS",
        }
    }
}

/// What became of a connection's protection. Negotiated is what the server chose, never what the client offered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A version was negotiated; newest first.
    Negotiated(Family, Newest),
    /// The handshake failed: nothing was protected by it.
    Failed(Family),
    /// A client asked and no answer was seen.
    Unanswered(Family),
    /// The handshake was not seen, so what was negotiated is not known.
    Unseen(Family),
    /// Google's own QUIC, which has another handshake.
    GoogleQuic,
    /// Another protocol that encrypts by itself.
    Other(&'static str),
    /// Nothing that encrypts was recognised.
    Nothing,
}

/// A version, ordered from the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Newest(pub ProtocolVersion);

impl Newest {
    /// SSL 2's number is below all others; those of DTLS count down, but never meet those of TLS in one family.
    fn rank(self) -> (u8, u16) {
        match self.0.number() {
            Some("1.3") => (0, self.0.0),
            Some("1.2") => (1, self.0.0),
            Some("1.1") => (2, self.0.0),
            Some("1.0") => (3, self.0.0),
            Some("3.0") => (4, self.0.0),
            Some(_) => (5, self.0.0),
            None => (6, self.0.0),
        }
    }
}

impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Newest) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Newest {
    fn cmp(&self, other: &Newest) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Protocols that encrypt what they carry without TLS.
const ENCRYPT_BY_THEMSELVES: &[&str] = &["ssh", "wireguard", "openvpn", "srtp", "whatsapp-noise", "mtproto", "mmtls", "loco"];

impl Outcome {
    /// What the facts of a connection say.
    #[must_use]
    pub fn of(connection: &Connection) -> Outcome {
        let facts = &connection.facts;
        if matches!(facts.get(Kind::QuicVersion).map(|f| &f.what), Some(What::QuicVersion(v)) if v.is_google()) {
            return Outcome::GoogleQuic;
        }
        // The TLS that was read is that of its control channel; the data go another way.
        if matches!(facts.get(Kind::TlsTunnel).map(|f| &f.what), Some(What::TlsTunnel("openvpn"))) {
            return Outcome::Other("openvpn");
        }
        let protocol = match facts.get(Kind::Protocol).map(|f| &f.what) {
            Some(What::Protocol(name)) => Some(*name),
            _ => None,
        };
        let handshake = match facts.get(Kind::Handshake).map(|f| &f.what) {
            Some(What::Handshake(word)) => Some(*word),
            _ => None,
        };
        let version = match facts.get(Kind::TlsVersion).map(|f| &f.what) {
            Some(What::TlsVersion(version)) => Some(version.0),
            _ => None,
        };
        let family = match facts.get(Kind::TlsVersionProtocol).map(|f| &f.what) {
            Some(What::TlsVersionProtocol("quic")) => Some(Family::Quic),
            Some(What::TlsVersionProtocol("dtls")) => Some(Family::Dtls),
            Some(_) => Some(Family::Tls),
            None => match protocol {
                Some("quic") => Some(Family::Quic),
                Some("dtls") => Some(Family::Dtls),
                Some("tls") => Some(Family::Tls),
                _ if facts.has(Kind::QuicVersion) => Some(Family::Quic),
                _ if version.is_some_and(|v| v.family() == "dtls") => Some(Family::Dtls),
                _ if version.is_some() || handshake.is_some() => Some(Family::Tls),
                _ => None,
            },
        };
        match (family, handshake, version) {
            (Some(family), Some("failed"), _) => Outcome::Failed(family),
            (Some(family), _, Some(version)) => Outcome::Negotiated(family, Newest(folded(version))),
            (Some(family), Some("client-only"), None) => Outcome::Unanswered(family),
            (Some(family), _, None) => Outcome::Unseen(family),
            (None, ..) => match protocol.and_then(|name| ENCRYPT_BY_THEMSELVES.iter().find(|known| **known == name)) {
                Some(name) => Outcome::Other(name),
                None => Outcome::Nothing,
            },
        }
    }

    /// The family, where one was recognised.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self {
            Outcome::Negotiated(family, _) | Outcome::Failed(family) | Outcome::Unanswered(family) | Outcome::Unseen(family) => {
                Some(*family)
            }
            Outcome::GoogleQuic => Some(Family::Quic),
            Outcome::Other(_) | Outcome::Nothing => None,
        }
    }
}

/// Drafts count as TLS 1.3, numbers nobody assigned as one: the counts stay few whatever strangers send.
fn folded(version: ProtocolVersion) -> ProtocolVersion {
    match version.number() {
        Some("1.3") if version.family() == "tls" => ProtocolVersion::TLS1_3,
        Some(_) => version,
        None => ProtocolVersion(0),
    }
}

/// `TLS 1.3`, `QUIC`, `TLS handshake failed`, `no encryption recognised`.
impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Negotiated(Family::Quic, _) => f.write_str("QUIC"),
            Outcome::Negotiated(family, Newest(version)) => match version.number() {
                Some(number) if version.family() == "ssl" => write!(f, "SSL {number}"),
                Some(number) => write!(f, "{} {number}", family.name()),
                None => write!(f, "{} of unassigned version", family.name()),
            },
            Outcome::Failed(family) => write!(f, "{} failed", family.name()),
            Outcome::Unanswered(family) => write!(f, "{} unanswered", family.name()),
            Outcome::Unseen(family) => write!(f, "{} version not seen", family.name()),
            Outcome::GoogleQuic => f.write_str("Google QUIC"),
            Outcome::Other(name) => f.write_str(&people_say(name)),
            Outcome::Nothing => f.write_str("no encryption recognised"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::base::{Facts, Frame, FrameNo, LinkType, VersionName};
    use crate::flow::{Endpoint, Tally, Transport};

    fn connection(say: &[What]) -> Connection {
        let frame = Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes: &[0], wire_len: 1, link: LinkType(1), interface: 0 };
        let mut facts = Facts::new();
        say.iter().for_each(|what| facts.observe(what.clone(), frame.evidence()));
        let end = Endpoint { ip: "10.0.0.1".parse().unwrap(), port: 443 };
        Connection {
            transport: Transport::Tcp,
            client: end,
            server: end,
            guessed: false,
            first_frame: frame.number,
            last_frame: frame.number,
            start: Timestamp::ZERO,
            end: Timestamp::from_secs(1),
            sent: [Tally::default(); 2],
            vlan: None,
            truncated: 0,
            facts,
        }
    }

    fn told(say: &[What]) -> String {
        Outcome::of(&connection(say)).to_string()
    }

    #[test]
    fn an_offer_or_a_failed_handshake_is_never_counted_as_a_version() {
        let offered = What::TlsOfferedVersions(vec![ProtocolVersion::TLS1_3]);
        assert_eq!(told(&[offered.clone(), What::Protocol("tls"), What::Handshake("client-only")]), "TLS unanswered");
        assert_eq!(told(&[offered, What::Protocol("tls"), What::Handshake("missing")]), "TLS version not seen");
        let version = What::TlsVersion(VersionName(ProtocolVersion::TLS1_2));
        assert_eq!(told(&[version, What::Handshake("failed")]), "TLS failed");
    }

    #[test]
    fn the_tls_of_a_vpns_control_channel_is_not_counted_as_that_of_its_data() {
        let version = What::TlsVersion(VersionName(ProtocolVersion::TLS1_3));
        let said = told(&[version, What::TlsVersionProtocol("tls"), What::TlsTunnel("openvpn"), What::Handshake("complete")]);
        assert!(!said.contains("TLS"), "{said}");
    }

    #[test]
    fn versions_are_named_by_their_own_family() {
        let of = |version, family| {
            told(&[What::TlsVersion(VersionName(version)), What::TlsVersionProtocol(family), What::Handshake("complete")])
        };
        assert_eq!(of(ProtocolVersion::TLS1_3, "quic"), "QUIC");
        assert_eq!(of(ProtocolVersion::SSL3, "ssl"), "SSL 3.0");
        assert_eq!(of(ProtocolVersion::DTLS1_2, "dtls"), "DTLS 1.2");
        assert_eq!(of(ProtocolVersion(0x7f1c), "tls"), "TLS 1.3");
        assert_eq!(of(ProtocolVersion(0x1a2b), "tls"), "TLS of unassigned version");
    }

    #[test]
    fn what_is_not_recognised_is_not_called_plain() {
        assert_eq!(told(&[What::Protocol("http")]), "no encryption recognised");
        assert_eq!(told(&[What::Protocol("ssh")]), "SSH");
        assert_eq!(told(&[]), "no encryption recognised");
    }

    #[test]
    fn connections_beyond_the_room_are_counted_and_not_kept() {
        let mut ledger = Ledger::with_room(2);
        (0..5).for_each(|_| ledger.push(connection(&[])));
        assert_eq!((ledger.connections().len(), ledger.not_kept, ledger.count()), (2, 3, 5));
        assert_eq!(ledger.outcomes().map(|(_, n)| n).sum::<u64>(), 5);
    }

    #[test]
    fn a_connection_that_is_told_again_stays_one_and_in_its_place() {
        let mut ledger = Ledger::with_room(1);
        assert_eq!(ledger.put(Judged::from(connection(&[])), false), None);
        let more = connection(&[What::Protocol("ssh")]);
        let mut other = more.clone();
        other.client.port = 7;
        assert_eq!(ledger.put(Judged::from(more), false), Some(0));
        assert_eq!(ledger.outcomes().map(|(o, n)| (o.to_string(), n)).collect::<Vec<_>>(), [("SSH".to_owned(), 1)]);
        assert_eq!(ledger.put(Judged::from(other.clone()), false), None);
        assert_eq!((ledger.count(), ledger.not_kept), (1, 0));
        assert_eq!(ledger.put(Judged::from(other), true), None);
        assert_eq!((ledger.count(), ledger.not_kept, ledger.whole().all().connections), (2, 1, 2));
    }

    #[test]
    fn outcomes_stand_newest_first() {
        let mut ledger = Ledger::default();
        for version in [ProtocolVersion::SSL3, ProtocolVersion::TLS1_0, ProtocolVersion::TLS1_3, ProtocolVersion::TLS1_2] {
            ledger.push(connection(&[What::TlsVersion(VersionName(version))]));
        }
        ledger.push(connection(&[]));
        let order: Vec<String> = ledger.outcomes().map(|(outcome, _)| outcome.to_string()).collect();
        assert_eq!(order, ["TLS 1.3", "TLS 1.2", "TLS 1.0", "SSL 3.0", "no encryption recognised"]);
    }
}
