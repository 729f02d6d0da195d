//! The Initial packets of a connection: opened, put in order, and read by the TLS handshake (RFC 9001 §4, §5.2).

use std::fmt;

use smallvec::{SmallVec, smallvec};

use crate::base::{Dir, Evidence, Facts, Sides, Stitched, Window};
use crate::dissect::tls::{Carrier, Handshake, Terms};

use super::crypto::CryptoStream;
use super::keys::{InitialKeys, Opened, Role};
use super::packet::{ConnectionId, Long};
use super::version;

/// Attempts kept: the first, after Version Negotiation, after a Retry, and one more.
const MOST_ATTEMPTS: usize = 4;
/// Versions one attempt may go through (RFC 9368 §2.3).
const MOST_VERSIONS: usize = 3;
/// Derivations one connection may cost; a stranger who sends Initials with ever new connection ids gets no more.
const MOST_DERIVATIONS: u8 = 48;
/// Initials kept that came before the packet that their keys derive from.
const MOST_WAITING: usize = 4;

/// What reading the Initial packets takes; needed until both hellos are read.
pub(super) struct Initials {
    attempts: Vec<Attempt>,
    handshake: Handshake,
    ours: Ours,
    /// Attempts before this one ended in Version Negotiation.
    ended: usize,
    waiting: Vec<(Dir, Stitched)>,
    derivations: u8,
}

/// Which of the attempts are this connection's. Another client may begin one of its own on the same addresses and ports, when the first one is
/// over or behind a NAT: what one of them said is not to be stated of the other.
#[derive(Default)]
struct Ours {
    /// The first connection id of the attempt whose messages are read.
    origin: Option<ConnectionId>,
    /// The random of the `ClientHello` that was read. After a Retry it comes again (RFC 9000 §17.2.5.3).
    random: Option<[u8; 32]>,
    /// The server asked for another attempt, by Version Negotiation or a Retry.
    invited: bool,
    /// A hello came that is another client's.
    another: bool,
}

impl Ours {
    /// Whether a message of an attempt is to be read.
    fn is(&mut self, origin: ConnectionId, invited: bool, message: &[u8]) -> bool {
        // Type 1, three octets of length, two of a version, then the random (RFC 8446 §4.1.2).
        let random = message.first().filter(|kind| **kind == 1).and_then(|_| message.get(6..38)?.try_into().ok());
        let ours = self.origin.is_none_or(|ours| ours == origin) || invited || random.is_some() && random == self.random;
        if ours {
            self.origin = Some(origin);
            self.random = random.or(self.random);
        } else {
            self.another |= random.is_some();
        }
        ours
    }
}

/// What one client says under one first connection id: a later attempt on the same ports (after Version Negotiation, after
/// a Retry, or by a stranger) begins its CRYPTO streams anew.
struct Attempt {
    origin: ConnectionId,
    /// The server asked for it.
    invited: bool,
    keys: SmallVec<[InitialKeys; 1]>,
    streams: Sides<CryptoStream>,
    largest: Sides<u64>,
    /// The first message of each side.
    hello: Sides<Option<Evidence>>,
}

/// An Initial packet without its protection. The payload remembers the frames of its packet.
pub(super) struct Initial {
    pub attempt: usize,
    pub role: Role,
    pub payload: Stitched,
    /// It is the first that opened with these keys.
    pub fresh: bool,
}

impl Initials {
    /// Nothing yet; `followed` where there are keys, which depend on what the hellos say.
    pub fn new(followed: bool) -> Initials {
        let mut handshake = Handshake::new(Carrier::Quic);
        if followed {
            handshake.follow(Terms::new(false));
        }
        Initials { attempts: Vec::new(), handshake, ours: Ours::default(), ended: 0, waiting: Vec::new(), derivations: 0 }
    }
}

impl fmt::Debug for Initials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initials").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

impl Initials {
    /// Opens a packet with the keys at hand, else with keys derived for it. `client` is the side known to be the client.
    pub fn open(&mut self, long: &Long<'_>, number_at: usize, packet: &Window<'_>, client: Option<Dir>) -> Option<Initial> {
        let from_client = client.is_none_or(|client| client == packet.dir);
        let role = if from_client { Role::Client } else { Role::Server };
        for (at, attempt) in self.attempts.iter_mut().enumerate() {
            let largest = *attempt.largest.of(packet.dir);
            for keys in attempt.keys.iter().filter(|k| k.version == long.version) {
                if let Some(Opened { number, payload }) = keys.open(role, packet, number_at, largest) {
                    attempt.note(packet.dir, number);
                    return Some(Initial { attempt: at, role, payload, fresh: false });
                }
            }
        }
        self.open_in_other_version(long, role, number_at, packet)
            .or_else(|| if from_client { self.open_as_first(long, number_at, packet) } else { None })
    }

    /// The server may have chosen another version (RFC 9368 §2.3): the connection id stays that of the first Initial.
    fn open_in_other_version(&mut self, long: &Long<'_>, role: Role, number_at: usize, packet: &Window<'_>) -> Option<Initial> {
        for at in self.ended..self.attempts.len() {
            let Some(attempt) = self.attempts.get(at) else { continue };
            let origin = attempt.origin;
            if attempt.keys.len() >= MOST_VERSIONS || attempt.keys.iter().any(|k| k.version == long.version) {
                continue;
            }
            if let Some((keys, Opened { number, payload })) = self.derive_and_open(long, origin, role, number_at, packet) {
                let attempt = self.attempts.get_mut(at)?;
                attempt.keys.push(keys);
                attempt.note(packet.dir, number);
                return Some(Initial { attempt: at, role, payload, fresh: true });
            }
        }
        None
    }

    /// Only a client's first packets open with the id that they carry themselves.
    fn open_as_first(&mut self, long: &Long<'_>, number_at: usize, packet: &Window<'_>) -> Option<Initial> {
        if self.attempts.iter().any(|a| a.origin == long.dcid && a.keys.iter().any(|k| k.version == long.version)) {
            return None;
        }
        let (keys, Opened { number, payload }) = self.derive_and_open(long, long.dcid, Role::Client, number_at, packet)?;
        if self.attempts.len() >= MOST_ATTEMPTS {
            self.attempts.remove(1);
            self.ended = self.ended.saturating_sub(1);
        }
        let mut attempt = Attempt {
            origin: long.dcid,
            invited: std::mem::take(&mut self.ours.invited),
            keys: smallvec![keys],
            streams: Sides::default(),
            largest: Sides::default(),
            hello: Sides::default(),
        };
        attempt.note(packet.dir, number);
        if self.attempts.is_empty() {
            // Hardly a connection needs a second one.
            self.attempts.reserve_exact(1);
        }
        self.attempts.push(attempt);
        Some(Initial { attempt: self.attempts.len() - 1, role: Role::Client, payload, fresh: true })
    }

    fn derive_and_open(
        &mut self,
        long: &Long<'_>,
        origin: ConnectionId,
        role: Role,
        number_at: usize,
        packet: &Window<'_>,
    ) -> Option<(InitialKeys, Opened)> {
        for &secret in version::secrets(long.version) {
            if self.derivations >= MOST_DERIVATIONS {
                return None;
            }
            self.derivations = self.derivations.saturating_add(1);
            let keys = InitialKeys::new(secret, long.version, origin);
            if let Some(opened) = keys.open(role, packet, number_at, 0) {
                return Some((keys, opened));
            }
        }
        None
    }

    /// Keeps a packet until its keys are known.
    pub fn wait(&mut self, packet: &Window<'_>) {
        if self.waiting.len() < MOST_WAITING && self.derivations < MOST_DERIVATIONS {
            let mut copy = Stitched::new();
            copy.push(packet);
            self.waiting.push((packet.dir, copy));
        }
    }

    /// The packets that waited, each with the side that sent it.
    pub fn take_waiting(&mut self) -> Vec<(Dir, Stitched)> {
        std::mem::take(&mut self.waiting)
    }

    /// Reads the bytes of a CRYPTO frame; returns whether they completed a message of this connection. `side` is the flow's label.
    pub fn crypto(&mut self, attempt: usize, side: Dir, offset: u64, data: &Window<'_>, facts: &mut Facts) -> bool {
        let Initials { attempts, handshake, ours, .. } = self;
        let Some(Attempt { origin, invited, streams, hello, .. }) = attempts.get_mut(attempt) else { return false };
        let mut any = false;
        // What is wrong with the stream itself is said of this connection only if the stream is its own.
        let mut of_stream = Facts::new();
        streams.of_mut(side).insert(offset, data, &mut of_stream, &mut |message, _| {
            if !ours.is(*origin, *invited, message.bytes) {
                return;
            }
            handshake.message(message, facts);
            hello.of_mut(side).get_or_insert_with(|| message.all());
            any = true;
        });
        if ours.origin.is_none_or(|ours| ours == *origin) {
            of_stream.list().iter().for_each(|fact| facts.add(fact.clone()));
        }
        any
    }

    /// Whether a packet of this attempt is this connection's, as far as is known.
    pub fn is_ours(&self, attempt: usize) -> bool {
        let origin = self.attempts.get(attempt).map(|attempt| attempt.origin);
        self.ours.origin.is_none() || self.ours.origin == origin
    }

    /// Another client began a connection on the same addresses and ports.
    pub fn has_another(&self) -> bool {
        self.ours.another
    }

    /// Another client began a connection on the same addresses and ports before the server answered this one: packets that are not opened may
    /// be of either.
    pub fn may_be_another(&self) -> bool {
        self.ours.another && !self.attempts.iter().any(|a| a.hello.client.is_some() && a.hello.server.is_some())
    }

    /// The first messages of both sides, of the attempt that the server answered, else of the first.
    pub fn hellos(&self) -> Sides<Option<Evidence>> {
        let answered = self.attempts.iter().find(|a| a.hello.client.is_some() && a.hello.server.is_some());
        let any = || self.attempts.iter().find(|a| a.hello.client.is_some() || a.hello.server.is_some());
        answered.or_else(any).map(|a| a.hello.clone()).unwrap_or_default()
    }

    /// The handshake, which goes on in packets that secrets protect.
    pub fn handshake(&mut self) -> &mut Handshake {
        &mut self.handshake
    }

    /// The connection ids that the client's attempts began with.
    pub fn origins(&self) -> impl Iterator<Item = ConnectionId> {
        self.attempts.iter().map(|a| a.origin)
    }

    /// The server refused the version: what the client tries next is a new connection (RFC 9000 §6.2).
    pub fn end_attempts(&mut self) {
        self.ended = self.attempts.len();
        self.invite();
    }

    /// The server asked for another attempt.
    pub fn invite(&mut self) {
        self.ours.invited = true;
    }

    /// From now on windows carry the opposite labels.
    pub fn swap_sides(&mut self) {
        for attempt in &mut self.attempts {
            attempt.streams.swap();
            attempt.largest.swap();
            attempt.hello.swap();
        }
        self.waiting.iter_mut().for_each(|(dir, _)| *dir = dir.other());
    }
}

impl Attempt {
    fn note(&mut self, dir: Dir, number: u64) {
        let largest = self.largest.of_mut(dir);
        *largest = (*largest).max(number);
    }
}
