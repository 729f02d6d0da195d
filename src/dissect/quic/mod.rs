//! QUIC (RFC 9000, RFC 9001, RFC 9369), its drafts since 22, and what Google's and Facebook's versions share with it.
//!
//! Recognised on any port by the shape of long headers; that an Initial packet is one is then proven by opening it. Both
//! sides' Initials are opened with the keys that everybody on the path can derive, and the TLS hellos inside are read by
//! [`Handshake`] like any others. Handshake, 0-RTT and 1-RTT packets are only noticed, unless their keys are at
//! hand: then `opened` reads them.

mod crypto;
mod data;
mod frames;
mod google;
mod initials;
mod keys;
mod moves;
mod numbers;
mod opened;
mod packet;
mod protection;
mod streams;
#[cfg(test)]
mod tests;
mod version;

use crate::base::{Alert, AlertDescription, Basis, Dir, Evidence, Fact, Facts, Kind, Message, QuicVersion, Sides, What, Window};
use crate::dissect::tls::Handshake;
use crate::dissect::{Next, Payload, Probe, Protocol, Stranger, Tools};

use frames::{Frame, Frames};
use initials::{Initial, Initials};
use keys::Role;
use opened::{Level, Opening, Sealed};
use packet::{Body, Long, Packet};
use version::{PacketType, RetryProof};

pub use moves::Moves;
pub use packet::{ConnectionId, short_header_id};

/// Datagrams without anything new after which a connection is left alone.
const MOST_IDLE: u16 = 256;

/// One QUIC connection, fed datagram by datagram.
#[derive(Debug, Default)]
pub struct Quic {
    /// The version used, as far as is known.
    version: Option<QuicVersion>,
    /// The version and the evidence of the first packet.
    first: Option<(QuicVersion, Evidence)>,
    /// The server used this version: final.
    version_is_final: bool,
    /// Whose packets open with client keys, once one did: the flow may have guessed the sides wrongly.
    client: Option<Dir>,
    /// The source connection ids last seen from each side.
    ids: Sides<Option<(ConnectionId, Evidence)>>,
    /// Needed until both hellos are read.
    initials: Option<Box<Initials>>,
    /// The first short-header packet of each side.
    one_rtt: Sides<Option<Evidence>>,
    seen: Sides<SeenTypes>,
    closed: Option<Evidence>,
    /// Keys, where there are some.
    opening: Option<Box<Opening>>,
    /// How far the handshake came was stated.
    stated: bool,
    google: bool,
    idle: u16,
    stage: Stage,
}

/// Packet types seen from one side.
#[derive(Clone, Copy, Debug, Default)]
struct SeenTypes {
    handshake: bool,
    zero_rtt: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Reading,
    Done,
    Closed,
}

impl Protocol for Quic {
    const OPENS: bool = true;

    fn equip(&mut self, tools: &Tools) {
        self.opening = Some(Box::new(Opening::new(tools)));
    }

    fn probe(window: &Window<'_>) -> Probe {
        match packet::is_plausible_start(window.bytes) || google::is_plausible_start(window.bytes) {
            true => Probe::Yes,
            false => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        if google::is_plausible_start(window.bytes) {
            return google::sender(window.bytes);
        }
        let Some(Packet::Long(long)) = packet::read(window.bytes) else { return None };
        match long.body {
            Body::Negotiation(_) | Body::Retry(_) => Some(Dir::Server),
            Body::Protected { kind: PacketType::ZeroRtt, .. } => Some(Dir::Client),
            // Who sent an Initial is known once it opens: see `client`.
            Body::Protected { .. } => None,
        }
    }
}

impl Payload for Quic {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if self.stage != Stage::Reading {
            return window.bytes.len();
        }
        self.idle = self.idle.saturating_add(1);
        if self.google || (self.version.is_none() && google::is_plausible_start(window.bytes)) {
            self.google_datagram(window, facts);
        } else {
            self.datagram(window, facts);
        }
        if self.idle >= MOST_IDLE && !self.is_watched() {
            self.stage = Stage::Done;
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        if std::mem::replace(&mut self.stage, Stage::Closed) == Stage::Closed {
            return;
        }
        self.moved(facts);
        self.doubt_refusal();
        let mut initials = self.initials.take();
        let hellos = initials.as_ref().map(|initials| initials.hellos()).unwrap_or_default();
        let judged = facts.has(Kind::Handshake) || self.version.is_none_or(google::is_quic_crypto);
        self.state_ids(facts);
        let handshake = initials.as_mut().map(|initials| initials.handshake());
        if !judged && !state_finished(handshake.as_deref(), facts) {
            self.partly(self.by_role(&hellos), facts);
        }
        if let Some(opening) = &mut self.opening {
            opening.close(handshake, facts);
        }
    }

    fn next(&self) -> Next {
        match self.stage {
            Stage::Reading => Next::Stay,
            Stage::Done | Stage::Closed => Next::Done,
        }
    }

    fn client(&self) -> Option<Dir> {
        self.client
    }

    fn stranger(&self, facts: &Facts) -> Option<Stranger> {
        // Google's public header has no fixed bit.
        self.version.filter(|version| !version.is_google())?;
        Some(if facts.has(Kind::QuicGreaseBit) { packet::is_other_where_greased } else { packet::is_other })
    }

    fn swap_sides(&mut self) {
        self.client = self.client.map(Dir::other);
        self.ids.swap();
        self.one_rtt.swap();
        self.seen.swap();
        if let Some(initials) = &mut self.initials {
            initials.swap_sides();
        }
    }
}

impl Quic {
    /// States the connection ids that client and server chose for themselves: a datagram from a new address to one of them
    /// belongs to this connection (RFC 9000 §9).
    fn state_ids(&mut self, facts: &mut Facts) {
        if facts.has(Kind::QuicConnectionIds) {
            return;
        }
        let ids = self.ids.clone();
        let client = self.client.unwrap_or(Dir::Client);
        let chosen: Vec<_> = [ids.of(client), ids.of(client.other())].into_iter().flatten().filter(|(id, _)| !id.is_empty()).collect();
        let Some((_, first)) = chosen.first() else { return };
        let evidence = chosen.iter().fold(first.clone(), |all, (_, evidence)| all.and(evidence));
        facts.observe(What::QuicConnectionIds(chosen.iter().map(|(id, _)| format!("{id:?}")).collect()), evidence);
    }

    /// Reads one packet after the other (RFC 9000 §12.2).
    fn datagram(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let mut rest = *window;
        while let Some(found) = packet::read(rest.bytes) {
            match found {
                Packet::Short => return self.short(&rest, facts),
                Packet::Long(long) => match long.body {
                    Body::Negotiation(list) => return self.negotiation(&long, list, &rest, facts),
                    Body::Retry(_) => return self.retry(&long, &rest, facts),
                    Body::Protected { kind, number_at, end, cut } => {
                        let Some(whole) = rest.slice(0..end) else { return };
                        self.protected(&long, kind, number_at, cut, &whole, facts);
                        rest = rest.from(end);
                    }
                },
            }
        }
    }

    fn protected(&mut self, long: &Long<'_>, kind: PacketType, number_at: usize, cut: bool, packet: &Window<'_>, facts: &mut Facts) {
        self.accept(long.version, packet, facts);
        if kind != PacketType::Initial && self.may_be_another() {
            return;
        }
        // A side keeps its id during a handshake (RFC 9000 §7.2): what comes with another is the other client's, or for it.
        let known = self.ids.of(packet.dir).as_ref().map(|(id, _)| *id);
        if kind != PacketType::Initial && self.has_another() && known.is_some_and(|id| id != long.scid) {
            return;
        }
        // What is no Initial is not opened here; of an Initial that is, it is known whose it is.
        if kind != PacketType::Initial || known.is_none() {
            self.note_id(long, packet);
        }
        let seen = self.seen.of_mut(packet.dir);
        match kind {
            PacketType::Initial if !cut => {
                self.initial(long, number_at, packet, facts);
            }
            PacketType::ZeroRtt if !seen.zero_rtt => {
                seen.zero_rtt = true;
                self.step(Message::QuicZeroRtt, packet, facts);
            }
            PacketType::Handshake if !seen.handshake => {
                seen.handshake = true;
                self.step(Message::QuicHandshake, packet, facts);
            }
            _ => {}
        }
        let level = match kind {
            PacketType::ZeroRtt => Level::ZeroRtt,
            PacketType::Handshake => Level::Handshake,
            PacketType::Initial | PacketType::Retry => return,
        };
        self.sealed(level, long.version, number_at, packet, facts);
    }

    fn note_id(&mut self, long: &Long<'_>, packet: &Window<'_>) {
        let id = self.ids.of_mut(packet.dir);
        if id.as_ref().is_none_or(|(id, _)| *id != long.scid) {
            *id = Some((long.scid, packet.all()));
        }
    }

    /// Two clients use these addresses and ports.
    fn has_another(&self) -> bool {
        self.initials.as_ref().is_some_and(|initials| initials.has_another())
    }

    /// Two clients use these addresses and ports, and packets that are not opened may be of either.
    fn may_be_another(&self) -> bool {
        self.initials.as_ref().is_some_and(|initials| initials.may_be_another())
    }

    /// A packet that secrets protect.
    fn sealed(&mut self, level: Level, version: QuicVersion, number_at: usize, packet: &Window<'_>, facts: &mut Facts) {
        let packet = packet.with_dir(self.role(packet.dir));
        let Quic { opening: Some(opening), initials, .. } = self else { return };
        let initials = initials.get_or_insert_with(|| Box::new(Initials::new(true)));
        let sealed = Sealed { level, version, number_at, packet };
        if let Some(close) = opening.packet(&sealed, initials.handshake(), facts)
            && let Some(payload) = close.payload.window(packet.dir)
        {
            facts.with_keys(|facts| self.connection_close(close.code, &payload, close.span, facts));
        }
    }

    /// Packets that came from another address, with an id that is known to be this connection's.
    fn moved(&mut self, facts: &mut Facts) {
        let Some(version) = self.version else { return };
        let Quic { opening: Some(opening), initials, .. } = self else { return };
        for ((sender, number_at), copy) in opening.posted() {
            let Some(packet) = copy.window(sender) else { continue };
            let initials = initials.get_or_insert_with(|| Box::new(Initials::new(true)));
            opening.packet(&Sealed { level: Level::OneRtt, version, number_at, packet }, initials.handshake(), facts);
        }
    }

    /// Somebody looks at what is inside.
    fn is_watched(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.is_watched())
    }

    /// The role of a side: facts name roles, also where the flow has its labels the wrong way round.
    fn role(&self, label: Dir) -> Dir {
        if self.client == Some(Dir::Server) { label.other() } else { label }
    }

    fn step(&mut self, message: Message, packet: &Window<'_>, facts: &mut Facts) {
        self.idle = 0;
        facts.step(self.role(packet.dir), message, packet.at, packet.all());
    }

    /// The first packet states the protocol; its version stands until a better one is proven.
    fn accept(&mut self, version: QuicVersion, packet: &Window<'_>, facts: &mut Facts) {
        if self.first.is_none() {
            facts.observe(What::Protocol("quic"), packet.all());
            facts.observe(What::QuicVersion(version), packet.all());
            self.first = Some((version, packet.all()));
            self.version = Some(version);
            facts.observe(What::TlsVersionProtocol("quic"), packet.all());
        }
    }

    /// A packet that opened proves its version. The server's choice is final (RFC 9368 §2.3).
    fn prove(&mut self, version: QuicVersion, by: Role, packet: &Window<'_>, facts: &mut Facts) {
        let changes = self.version != Some(version) && !self.version_is_final;
        self.version_is_final |= by == Role::Server;
        if !changes {
            return;
        }
        if let (Some((first, evidence)), false) = (&self.first, facts.has(Kind::QuicOriginalVersion)) {
            facts.observe(What::QuicOriginalVersion(*first), evidence.clone());
        }
        self.version = Some(version);
        facts.replace(Fact { what: What::QuicVersion(version), basis: Basis::Observed, evidence: packet.all() });
    }

    /// Opens an Initial packet, or keeps it until the packet comes that its keys derive from.
    fn initial(&mut self, long: &Long<'_>, number_at: usize, packet: &Window<'_>, facts: &mut Facts) {
        // Taken out while the packet is read into `self`.
        let mut initials = self.initials.take().unwrap_or_else(|| Box::new(Initials::new(self.opening.is_some())));
        match initials.open(long, number_at, packet, self.client) {
            Some(initial) => {
                self.read(&mut initials, long, &initial, packet, facts);
                if initial.fresh {
                    for (dir, waiting) in initials.take_waiting() {
                        let Some(packet) = waiting.window(dir) else { continue };
                        self.late(&mut initials, &packet, facts);
                    }
                }
            }
            None => initials.wait(packet),
        }
        if let Some(opening) = &mut self.opening {
            opening.catch_up(initials.handshake(), facts);
        }
        self.initials = Some(initials);
    }

    fn late(&mut self, initials: &mut Initials, packet: &Window<'_>, facts: &mut Facts) {
        let Some(Packet::Long(long)) = packet::read(packet.bytes) else { return };
        let Body::Protected { number_at, .. } = long.body else { return };
        match initials.open(&long, number_at, packet, self.client) {
            Some(initial) => self.read(initials, &long, &initial, packet, facts),
            None => initials.wait(packet),
        }
    }

    /// Reads the frames of an opened Initial packet, whose side is as the flow calls it.
    fn read(&mut self, initials: &mut Initials, long: &Long<'_>, initial: &Initial, packet: &Window<'_>, facts: &mut Facts) {
        let (version, label) = (long.version, packet.dir);
        if self.client.is_none() {
            self.client = Some(if initial.role == Role::Client { label } else { label.other() });
            if self.client == Some(Dir::Server) {
                facts.swap_sides();
            }
        }
        let Some(payload) = initial.payload.window(self.role(label)) else { return };
        let ours = initials.is_ours(initial.attempt);
        if ours {
            self.note_id(long, packet);
            self.prove(version, initial.role, &payload, facts);
        }
        for frame in Frames::new(payload.bytes, version.is_google()) {
            match frame {
                Frame::Crypto { offset, span } => {
                    let Some(data) = payload.slice(span) else { continue };
                    if google::is_quic_crypto(version) {
                        google::client_hello(&data, facts);
                    } else if initials.crypto(initial.attempt, label, offset, &data, facts) {
                        self.idle = 0;
                    }
                }
                Frame::Close { code, span } if ours => self.connection_close(code, &payload, span, facts),
                Frame::Close { .. } => {}
            }
        }
        if !ours && initials.is_ours(initial.attempt) {
            self.note_id(long, packet);
            self.prove(version, initial.role, &payload, facts);
        }
    }

    /// CONNECTION_CLOSE in an Initial packet ends a handshake before it was complete; the codes 0x0100 to 0x01ff are TLS
    /// alerts (RFC 9001 §4.8).
    fn connection_close(&mut self, code: u64, payload: &Window<'_>, span: std::ops::Range<usize>, facts: &mut Facts) {
        if self.closed.is_some() {
            return;
        }
        let evidence = payload.evidence(span);
        if let (1, Ok(description)) = (code >> 8, u8::try_from(code & 0xff)) {
            let alert = Alert { dir: payload.dir, fatal: true, description: AlertDescription(description) };
            match facts.get_mut(Kind::TlsAlerts) {
                Some(Fact { what: What::TlsAlerts(list), evidence: all, .. }) => {
                    list.push(alert);
                    all.join(&evidence);
                }
                _ => facts.observe(What::TlsAlerts(vec![alert]), evidence.clone()),
            }
            facts.step(payload.dir, Message::Alert, payload.at, evidence.clone());
        }
        self.closed = Some(evidence);
    }

    fn retry(&mut self, long: &Long<'_>, packet: &Window<'_>, facts: &mut Facts) {
        if facts.has(Kind::QuicRetry) || !self.is_genuine_retry(long, packet) {
            return;
        }
        self.accept(long.version, packet, facts);
        facts.observe(What::QuicRetry(true), packet.all());
        if let Some(initials) = &mut self.initials {
            initials.invite();
        }
        self.step(Message::QuicRetry, packet, facts);
    }

    fn is_genuine_retry(&self, long: &Long<'_>, packet: &Window<'_>) -> bool {
        let mut origins = self.initials.iter().flat_map(|initials| initials.origins()).peekable();
        if origins.peek().is_none() {
            // The first Initial was not captured: the type is all there is to go by.
            return self.version.is_none_or(|version| version == long.version);
        }
        origins.any(|origin| match version::retry_proof(long.version) {
            RetryProof::Tag(seal) => keys::is_genuine_retry(&seal, origin, packet.bytes),
            RetryProof::OriginalId => {
                let Body::Retry(rest) = long.body else { return false };
                rest.split_first().is_some_and(|(&len, rest)| rest.get(..usize::from(len)) == Some(origin.as_bytes()))
            }
            RetryProof::Unknown => true,
        })
    }

    /// A Version Negotiation packet echoes the ids of the client's packet (RFC 9000 §17.2.1); one that does not is forged.
    fn negotiation(&mut self, long: &Long<'_>, list: &[u8], packet: &Window<'_>, facts: &mut Facts) {
        let to = self.ids.of(packet.dir.other()).as_ref().map(|(id, _)| *id);
        if facts.has(Kind::QuicNegotiation) || to.is_some_and(|id| id != long.dcid) {
            return;
        }
        if self.first.is_none() {
            facts.observe(What::Protocol("quic"), packet.all());
        }
        let offered = packet::versions(list).filter(|&v| !version::is_reserved(v)).take(32).collect();
        facts.observe(What::QuicNegotiation(offered), packet.all());
        if let Some(initials) = &mut self.initials {
            initials.end_attempts();
        }
        self.step(Message::QuicVersionNegotiation, packet, facts);
    }

    /// A short header: protected with 1-RTT keys, which exist only once the handshake is done on this side (RFC 9001 §5.7).
    fn short(&mut self, packet: &Window<'_>, facts: &mut Facts) {
        self.moved(facts);
        let to = self.ids.of(packet.dir.other()).as_ref().map(|(id, _)| *id);
        if let Some(version) = self.version.filter(|_| self.opening.is_some()) {
            let number_at = 1 + to.map_or(0, |id| id.as_bytes().len());
            self.sealed(Level::OneRtt, version, number_at, packet, facts);
        }
        if self.may_be_another() {
            return;
        }
        let shaped =
            short_header_id(packet.bytes, to.map_or(0, |id| id.as_bytes().len())).is_some_and(|id| to.is_none_or(|to| to.as_bytes() == id));
        let slot = self.one_rtt.of_mut(packet.dir);
        if !shaped || slot.is_some() {
            return;
        }
        *slot = Some(packet.all());
        self.step(Message::QuicOneRtt, packet, facts);
        self.complete(facts);
    }

    fn complete(&mut self, facts: &mut Facts) {
        let (Some(client), Some(server)) = self.by_role(&self.one_rtt) else { return };
        if std::mem::replace(&mut self.stated, true) {
            return;
        }
        self.stage = if self.is_watched() { Stage::Reading } else { Stage::Done };
        self.state_ids(facts);
        if let Some(opening) = &self.opening {
            for side in [Dir::Client, Dir::Server] {
                if let Some((id, _)) = self.ids.of(side) {
                    opening.is_reached_by(*id, self.role(side).other());
                }
            }
        }
        self.doubt_refusal();
        let mut initials = self.initials.take();
        let hellos = initials.as_ref().map(|initials| initials.hellos()).unwrap_or_default();
        let finished = state_finished(initials.as_mut().map(|initials| &*initials.handshake()), facts);
        // Keys still need it.
        self.initials = initials.filter(|_| self.opening.is_some());
        if self.version.is_some_and(google::is_quic_crypto) {
            return;
        }
        // Protected data both ways: a CONNECTION_CLOSE in an Initial before it was not believed by its receiver.
        self.closed = None;
        match self.by_role(&hellos) {
            _ if finished => {}
            (Some(hello), Some(answer)) => {
                let evidence = client.and(&server).and(&hello).and(&answer);
                facts.infer(What::TlsEstablished(true), evidence.clone());
                facts.infer(What::Handshake("complete"), evidence);
            }
            // Short headers are told by their shape only: without both hellos they prove no protection.
            partly => self.partly(partly, facts),
        }
    }

    /// What was refused was one attempt: where another client's may have gone on, what these addresses and ports carried did not fail.
    fn doubt_refusal(&mut self) {
        if self.may_be_another() {
            self.closed = None;
        }
    }

    /// States how much of a handshake was seen that was not seen whole.
    fn partly(&mut self, hellos: (Option<Evidence>, Option<Evidence>), facts: &mut Facts) {
        match (self.closed.take(), hellos) {
            (Some(closed), _) => {
                facts.observe(What::TlsEstablished(false), closed.clone());
                facts.observe(What::Handshake("failed"), closed);
            }
            (None, (Some(client), None)) => facts.observe(What::Handshake("client-only"), client),
            (None, (None, Some(server))) => facts.observe(What::Handshake("server-only"), server),
            (None, (None, None)) => {
                if let Some((_, first)) = &self.first {
                    facts.infer(What::Handshake("missing"), first.clone());
                }
            }
            // Both hellos, and then nothing to tell success from failure.
            (None, (Some(_), Some(_))) => {}
        }
    }

    /// What both sides have, the client's first.
    fn by_role(&self, both: &Sides<Option<Evidence>>) -> (Option<Evidence>, Option<Evidence>) {
        let client = self.client.unwrap_or(Dir::Client);
        (both.of(client).clone(), both.of(client.other()).clone())
    }

    fn google_datagram(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let Some(found) = google::read(window) else { return };
        self.google = true;
        self.accept(found.version, window, facts);
        google::client_hello(&found.payload, facts);
        if facts.has(Kind::TlsServerName) {
            self.stage = Stage::Done;
        }
    }
}

/// With keys, the `Finished` of both sides say more than the shape of what follows. Returns whether they were read.
fn state_finished(handshake: Option<&Handshake>, facts: &mut Facts) -> bool {
    let Some(evidence) = handshake.and_then(Handshake::both_finished) else { return false };
    facts.with_keys(|facts| {
        facts.observe(What::TlsEstablished(true), evidence.clone());
        facts.observe(What::Handshake("complete"), evidence);
    });
    true
}
