//! Packets that are opened with keys of the user's own sessions, and what is in them.

use super::crypto::CryptoStream;
use super::data::{DataFrame, DataFrames};
use super::moves::{Mailbox, Moves, Posted};
use super::numbers::Numbers;
use super::packet::ConnectionId;
use super::protection::PacketKeys;
use super::streams::Streams;
use crate::base::{Dir, Evidence, Facts, QuicVersion, Sides, Stitched, Window};
use crate::dissect::Tools;
use crate::dissect::keys::{Lack, Lookup, Secret, Session};
use crate::dissect::plain::{Channel, Closed, Plain};
use crate::dissect::tls::opening::Suite13;
use crate::dissect::tls::{Handshake, Terms, ech};
use crate::dissect::waiting::Waiting;
use std::sync::Arc;

/// Packets kept that came before the `ClientHello` was whole.
const MOST_WAITING: usize = 32;
/// Packets of a server that are tried with all keys, where the hello's true random is encrypted.
const MOST_TRIED: u8 = 2;

/// Which keys protect a packet (RFC 9001 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    ZeroRtt,
    Handshake,
    OneRtt,
}

/// A packet that is protected with secrets. The direction on its window is the role of its sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealed<'a> {
    pub level: Level,
    pub version: QuicVersion,
    pub number_at: usize,
    pub packet: Window<'a>,
}

/// What opening the packets of one connection takes.
#[derive(Debug)]
pub(super) struct Opening {
    lookup: Lookup,
    plain: Option<Plain>,
    keys: Keyring,
    handshake: Sides<CryptoStream>,
    /// The handshake goes on in 1-RTT packets: tickets, and requests for a certificate.
    late: Sides<CryptoStream>,
    streams: Streams,
    /// The numbers of 0-RTT and 1-RTT packets.
    numbers: Sides<Numbers>,
    /// How packets from other addresses find here, where somebody looks inside.
    moves: Option<(Arc<Moves>, Arc<Mailbox>)>,
    waiting: Vec<(Level, QuicVersion, usize, Dir, Stitched)>,
    /// Packets that came before their keys, where these may still come.
    keyless: Option<Waiting<(Level, QuicVersion, usize, Dir)>>,
    /// Packets of each side that were given up while they waited.
    given_up: Sides<u64>,
    gave_up: bool,
    /// Tries with all keys that are left.
    tries: u8,
    /// The first packet protected with secrets.
    sealed: Option<Evidence>,
    first_opened: Option<Evidence>,
}

/// The keys of every level, and the random that they belong to. Apart, since keys have no `Debug`.
#[derive(Default)]
struct Keyring {
    random: Option<[u8; 32]>,
    zero_rtt: Option<PacketKeys>,
    handshake: Sides<Option<PacketKeys>>,
    one_rtt: Sides<Option<PacketKeys>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

/// A CONNECTION_CLOSE in a Handshake packet, and the payload it stands in.
pub(super) struct Close {
    pub code: u64,
    pub span: std::ops::Range<usize>,
    pub payload: Stitched,
}

impl Opening {
    pub fn new(tools: &Tools) -> Opening {
        Opening {
            lookup: Lookup::new(&tools.keys, &tools.usage),
            plain: tools.plain.clone(),
            keys: Keyring::default(),
            handshake: Sides::default(),
            late: Sides::default(),
            streams: Streams::default(),
            numbers: Sides::default(),
            moves: tools.plain.is_some().then(|| (Arc::clone(&tools.moves), Arc::new(Mailbox::new(Arc::clone(&tools.room))))),
            waiting: Vec::new(),
            keyless: tools.patient.clone().map(Waiting::new),
            given_up: Sides::default(),
            gave_up: false,
            tries: MOST_TRIED,
            sealed: None,
            first_opened: None,
        }
    }

    /// Somebody looks at what is inside: every packet matters, to the end.
    pub fn is_watched(&self) -> bool {
        self.plain.is_some()
    }

    /// This id is a way to one side, for packets that the other one sends.
    pub fn is_reached_by(&self, id: ConnectionId, sender: Dir) {
        if let Some((moves, mailbox)) = &self.moves {
            moves.register(id, sender, mailbox);
        }
    }

    /// Packets that came from other addresses.
    pub fn posted(&self) -> Vec<Posted> {
        self.moves.as_ref().map(|(_, mailbox)| mailbox.take()).unwrap_or_default()
    }

    /// Opens a packet, if there are keys, and reads it.
    pub fn packet(&mut self, sealed: &Sealed<'_>, handshake: &mut Handshake, facts: &mut Facts) -> Option<Close> {
        self.sealed.get_or_insert_with(|| sealed.packet.all());
        let terms = handshake.terms()?;
        if terms.client_random.is_none() && self.waiting.len() < MOST_WAITING {
            let mut copy = Stitched::new();
            copy.push(&sealed.packet);
            self.waiting.push((sealed.level, sealed.version, sealed.number_at, sealed.packet.dir, copy));
            return None;
        }
        if self.wait(sealed, handshake) {
            return None;
        }
        self.late_keys(handshake, facts);
        self.read(sealed, handshake, facts)
    }

    /// Whether a packet is kept until its keys come. When there is no room, none is any more.
    fn wait(&mut self, sealed: &Sealed<'_>, handshake: &Handshake) -> bool {
        let random = handshake.terms().and_then(|terms| terms.client_random);
        let dir = sealed.packet.dir;
        let is_ready = |lookup: &mut Lookup| lookup.session(random).is_some_and(|session| session.is_ready(dir, true));
        if self.keyless.is_none() || is_ready(&mut self.lookup) {
            return false;
        }
        let Some(keyless) = &mut self.keyless else { return false };
        if keyless.push((sealed.level, sealed.version, sealed.number_at, dir), &sealed.packet) {
            return true;
        }
        self.gave_up = true;
        let late = self.keyless.take().map(|mut keyless| keyless.take()).unwrap_or_default();
        for (level, dir) in late.iter().map(|((level, _, _, dir), _)| (*level, *dir)).chain([(sealed.level, dir)]) {
            let count = self.given_up.of_mut(dir);
            *count = count.saturating_add(u64::from(level != Level::Handshake));
        }
        true
    }

    /// The keys are there: what waited for them is read, in its order.
    fn late_keys(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        for ((level, version, number_at, dir), copy) in self.keyless.as_mut().map(Waiting::take).unwrap_or_default() {
            if let Some(packet) = copy.window(dir) {
                self.read(&Sealed { level, version, number_at, packet }, handshake, facts);
            }
        }
    }

    /// A `ClientHello` may be whole now: what waited for its random is read.
    pub fn catch_up(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        if self.waiting.is_empty() || handshake.terms().is_none_or(|terms| terms.client_random.is_none()) {
            return;
        }
        for (level, version, number_at, dir, copy) in std::mem::take(&mut self.waiting) {
            let Some(packet) = copy.window(dir) else { continue };
            let sealed = Sealed { level, version, number_at, packet };
            if !self.wait(&sealed, handshake) {
                self.late_keys(handshake, facts);
                self.read(&sealed, handshake, facts);
            }
        }
    }

    fn read(&mut self, sealed: &Sealed<'_>, handshake: &mut Handshake, facts: &mut Facts) -> Option<Close> {
        let dir = sealed.packet.dir;
        let opened = handshake.terms().and_then(|terms| self.open(sealed, terms));
        // Datagrams are padded, also behind their last packet: what neither opens nor has the fixed bit was none (RFC 9000 §17.3.1).
        let is_packet = opened.is_some() || sealed.packet.bytes.first().is_some_and(|first| first & 0x40 != 0);
        if let Some(plain) = self.plain.as_ref().filter(|_| is_packet && sealed.level != Level::Handshake) {
            let closed = if self.has_keys(sealed) { Closed::NotAuthentic } else { Closed::NoKey };
            if opened.is_none() && closed == Closed::NoKey && self.gave_up {
                // Whether its key came is known at the end.
                let count = self.given_up.of_mut(dir);
                *count = count.saturating_add(1);
            } else {
                plain.note(dir, if opened.is_some() { Ok(()) } else { Err(closed) });
            }
        }
        let mut payload = Stitched::new();
        let (number, opened) = opened?;
        payload.push_derived(&opened, &sealed.packet);
        if sealed.level != Level::Handshake && self.plain.is_some() {
            self.numbers.of_mut(dir).saw(number);
        }
        self.lookup.opened = true;
        if self.first_opened.is_none() {
            self.first_opened = Some(sealed.packet.all());
            ech::state(&self.lookup, self.first_opened.as_ref(), handshake.terms(), facts);
        }
        let found = self.frames(sealed.level, &payload.window(dir)?, handshake, facts);
        found.map(|(code, span)| Close { code, span, payload })
    }

    fn frames(
        &mut self,
        level: Level,
        payload: &Window<'_>,
        handshake: &mut Handshake,
        facts: &mut Facts,
    ) -> Option<(u64, std::ops::Range<usize>)> {
        let dir = payload.dir;
        let mut close = None;
        for frame in DataFrames::new(payload.bytes) {
            match (frame, &self.plain) {
                (DataFrame::Crypto { offset, span }, _) => {
                    let Some(data) = payload.slice(span) else { continue };
                    let stream = if level == Level::Handshake { &mut self.handshake } else { &mut self.late };
                    facts.with_keys(|facts| {
                        stream.of_mut(dir).insert(offset, &data, facts, &mut |message, facts| handshake.message(message, facts))
                    });
                }
                (DataFrame::Ack { span }, Some(_)) if level == Level::OneRtt => {
                    // An ACK that does not add up says nothing.
                    let _ = self.numbers.of_mut(dir.other()).acknowledge(payload.bytes.get(span).unwrap_or_default());
                }
                (DataFrame::NewId { span }, Some(_)) if level != Level::Handshake => {
                    if let Some(id) = payload.bytes.get(span).and_then(ConnectionId::new) {
                        self.is_reached_by(id, dir.other());
                    }
                }
                (DataFrame::Close { code, span }, _) if level == Level::Handshake => close = Some((code, span)),
                (DataFrame::Stream { id, offset, span, last }, Some(plain)) => {
                    let Some(data) = payload.slice(span) else { continue };
                    if !self.streams.insert(id, offset, &data, last, plain) {
                        plain.lost(dir);
                    }
                }
                (DataFrame::Reset { id }, Some(plain)) => self.streams.reset(id, dir, plain),
                (DataFrame::Datagram { span }, Some(plain)) => {
                    if let Some(data) = payload.slice(span) {
                        plain.bytes(Channel::QuicDatagram, &data);
                    }
                }
                (DataFrame::Unknown, Some(plain)) if level != Level::Handshake => plain.lost(dir),
                _ => {}
            }
        }
        close
    }

    /// The number and the payload of a packet.
    fn open(&mut self, sealed: &Sealed<'_>, terms: &Terms) -> Option<(u64, Vec<u8>)> {
        let Opening { lookup, keys, .. } = self;
        if keys.random != terms.client_random {
            *keys = Keyring { random: terms.client_random, ..Keyring::default() };
        }
        if let Some(session) = lookup.session(terms.client_random) {
            return keys.open(sealed, session, terms);
        }
        // The keys may be filed under the random of the inner hello, which only the server has seen (RFC 9849 §6.1).
        let by_server = sealed.packet.dir == Dir::Server && sealed.level == Level::Handshake;
        let outer = terms.client_random.filter(|_| terms.ech && by_server && self.tries > 0)?;
        self.tries -= 1;
        for (random, session) in lookup.candidates() {
            if let Some(payload) = keys.open(sealed, &session, terms) {
                lookup.adopt(outer, random, session);
                return Some(payload);
            }
        }
        None
    }

    fn has_keys(&self, sealed: &Sealed<'_>) -> bool {
        self.keys.slot(sealed).is_some()
    }

    /// The connection is over; `handshake` is that of its Initial packets.
    pub fn close(&mut self, mut handshake: Option<&mut Handshake>, facts: &mut Facts) {
        if let Some(handshake) = handshake.as_deref_mut() {
            self.late_keys(handshake, facts);
        }
        let random = handshake.as_deref().and_then(Handshake::terms).and_then(|terms| terms.client_random);
        let late = if self.lookup.session(random).is_some() { Closed::TooLate } else { Closed::NoKey };
        if let Some(plain) = &self.plain {
            for (level, _, _, dir, _) in std::mem::take(&mut self.waiting) {
                if level != Level::Handshake {
                    plain.note(dir, Err(Closed::NoKey));
                }
            }
            for dir in [Dir::Client, Dir::Server] {
                (0..std::mem::take(self.given_up.of_mut(dir))).for_each(|_| plain.note(dir, Err(late)));
            }
            let missing = self.streams.close(plain);
            let is_missing = |dir: &Dir| *missing.of(*dir) || self.numbers.of(*dir).has_missing();
            [Dir::Client, Dir::Server].into_iter().filter(is_missing).for_each(|dir| plain.lost(dir));
        }
        let terms = handshake.as_deref().and_then(Handshake::terms);
        let random = terms.and_then(|terms| terms.client_random);
        let lack = match (&self.sealed, self.lookup.opened) {
            (None, _) | (_, true) => None,
            (Some(_), false) => Some(match (random, self.lookup.session(random)) {
                (None, _) => Lack::Hello,
                (Some(_), None) => Lack::Key,
                (Some(_), Some(session)) if !session.has_any(true) => Lack::Secret,
                (Some(_), Some(_)) => Lack::Opened,
            }),
        };
        self.lookup.close(lack, self.sealed.clone(), facts);
        ech::state(&self.lookup, self.first_opened.as_ref(), terms, facts);
    }
}

impl Keyring {
    fn slot(&self, sealed: &Sealed<'_>) -> Option<&PacketKeys> {
        match sealed.level {
            Level::ZeroRtt => self.zero_rtt.as_ref(),
            Level::Handshake => self.handshake.of(sealed.packet.dir).as_ref(),
            Level::OneRtt => self.one_rtt.of(sealed.packet.dir).as_ref(),
        }
    }

    fn slot_mut(&mut self, sealed: &Sealed<'_>) -> &mut Option<PacketKeys> {
        match sealed.level {
            Level::ZeroRtt => &mut self.zero_rtt,
            Level::Handshake => self.handshake.of_mut(sealed.packet.dir),
            Level::OneRtt => self.one_rtt.of_mut(sealed.packet.dir),
        }
    }

    /// Opens a packet with the keys of its level, which are derived when the first one comes.
    fn open(&mut self, sealed: &Sealed<'_>, session: &Session, terms: &Terms) -> Option<(u64, Vec<u8>)> {
        let slot = self.slot_mut(sealed);
        if let Some(keys) = slot.as_mut().filter(|keys| keys.version() == sealed.version) {
            return keys.open(sealed.packet.bytes, sealed.number_at);
        }
        let secret = secret(sealed, session)?;
        let len = secret.octets().len();
        let chosen = terms.cipher.and_then(Suite13::of).filter(|suite| suite.hash.len() == len);
        // 0-RTT packets are protected by the suite of the connection before; and the server's hello may be missing.
        let others = Suite13::with_secret_len(len).filter(|_| chosen.is_none() || sealed.level == Level::ZeroRtt);
        for suite in chosen.into_iter().chain(others) {
            let Some(mut keys) = PacketKeys::derive(suite, sealed.version, secret) else { continue };
            if let Some(payload) = keys.open(sealed.packet.bytes, sealed.number_at) {
                *slot = Some(keys);
                return Some(payload);
            }
        }
        None
    }
}

/// The secret of a packet's level.
fn secret<'a>(sealed: &Sealed<'_>, session: &'a Session) -> Option<&'a Arc<Secret>> {
    let dir = sealed.packet.dir;
    match sealed.level {
        Level::ZeroRtt => session.early.as_ref(),
        Level::Handshake => session.handshake.of(dir).as_ref(),
        Level::OneRtt => session.traffic(dir, 0),
    }
}
