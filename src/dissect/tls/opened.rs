//! Records that are opened with keys, on the way from the record layer to whoever reads what is inside.

use super::ech;
use super::handshake::Handshake;
use super::messages::Messages;
use super::opening::{self, Budget, Opened, Suite, Suite13, Tls12, Tls13};
use super::probe::content;
use super::terms::Terms;
use crate::base::{Dir, Evidence, Facts, ProtocolVersion, Sides, Stitched, Window};
use crate::dissect::Tools;
use crate::dissect::keys::{Lack, Lookup, Session};
use crate::dissect::plain::{Channel, Closed, Plain};
use crate::dissect::waiting::Waiting;

/// Octets that the shortest protected record has, header included: what a gap is divided by.
const SHORTEST: u64 = 5 + 17;
/// Records that a gap is taken to hide at most.
const MOST_MISSING: u64 = 4096;
/// Records of a server that are tried with all keys, where the hello's true random is encrypted.
const MOST_TRIED: u8 = 2;

/// What opening the records of one connection takes.
#[derive(Debug)]
pub(super) struct Opening {
    lookup: Lookup,
    plain: Option<Plain>,
    ciphers: Ciphers,
    /// Messages of records that were opened.
    messages: Sides<Messages>,
    /// Records that came before their keys, where these may still come.
    waiting: Option<Waiting<Dir>>,
    /// Records of each side that were given up while they waited.
    given_up: Sides<u64>,
    gave_up: bool,
    /// Tries with all keys that are left.
    tries: u8,
    /// The first encrypted record.
    sealed: Option<Evidence>,
    /// Records opened without any secret: nothing encrypts them.
    keyless: bool,
    closed: bool,
    /// The first one that opened.
    first_opened: Option<Evidence>,
}

/// Apart, since keys have no `Debug`.
#[derive(Default)]
struct Ciphers {
    tls13: Tls13,
    tls12: Tls12,
    budget: Budget,
}

impl std::fmt::Debug for Ciphers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ciphers")
    }
}

impl Opening {
    pub fn new(tools: &Tools) -> Opening {
        Opening {
            lookup: Lookup::new(&tools.keys, &tools.usage),
            plain: tools.plain.clone(),
            ciphers: Ciphers::default(),
            messages: Sides::default(),
            waiting: tools.patient.clone().map(Waiting::new),
            given_up: Sides::default(),
            gave_up: false,
            tries: MOST_TRIED,
            sealed: None,
            keyless: false,
            closed: false,
            first_opened: None,
        }
    }

    /// Somebody looks at what is inside: every record matters, to the end.
    pub fn is_watched(&self) -> bool {
        self.plain.is_some()
    }

    /// Whether there are keys that may open records of this side: then they are collected whole.
    pub fn wants(&mut self, dir: Dir, handshake: &Handshake) -> bool {
        let Some(terms) = handshake.terms() else { return false };
        let may_come = self.waiting.is_some() && terms.client_random.is_some() && !is_ready(&mut self.lookup, dir, terms);
        self.has_keys(dir, terms) || may_come
    }

    fn has_keys(&mut self, dir: Dir, terms: &Terms) -> bool {
        match terms.version {
            Some(version) if version.is_1_3() => {
                self.lookup.session(terms.client_random).is_some() || dir == Dir::Server && terms.ech && self.tries > 0
            }
            Some(_) => {
                // More keys may have come since the ChangeCipherSpec.
                if self.ciphers.tls12.lacks_key(dir)
                    && let Some(master) = opening::master_of(&mut self.lookup, terms)
                {
                    self.ciphers.tls12.catch_up(dir, terms, &master);
                }
                self.ciphers.tls12.has_key(dir)
            }
            // Nothing of the server was seen: TLS 1.3 can be opened all the same.
            None => self.lookup.session(terms.client_random).is_some(),
        }
    }

    /// Notes an encrypted record that begins.
    pub fn begins(&mut self, head: &Window<'_>) {
        if self.sealed.is_none() {
            self.sealed = Some(head.all());
        }
    }

    /// A record passes by that no key opens.
    pub fn passes(&mut self, dir: Dir, version: Option<ProtocolVersion>, length: usize) {
        if self.gave_up {
            return self.gives_up(dir, version, length);
        }
        self.ciphers.missing(dir, 1);
        if let Some(plain) = &self.plain {
            plain.note(dir, Err(Closed::NoKey));
            plain.gap(channel(version), dir, Some(length as u64));
        }
    }

    /// A `ChangeCipherSpec`: before TLS 1.3 other keys follow it.
    pub fn change(&mut self, dir: Dir, handshake: &Handshake) {
        let Some(terms) = handshake.terms().filter(|terms| terms.version.is_some_and(|version| !version.is_1_3())) else { return };
        let master = opening::master_of(&mut self.lookup, terms);
        self.ciphers.tls12.change(dir, terms, master.as_deref());
    }

    /// Opens a whole record, header included, and reads what is inside.
    pub fn record(&mut self, record: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) {
        if self.wait(record, handshake) {
            return;
        }
        self.catch_up(handshake, facts);
        if let Some(terms) = handshake.terms().filter(|_| self.waiting.is_some()) {
            self.has_keys(record.dir, terms);
        }
        self.read(record, handshake, facts);
    }

    /// Whether a record is kept until its keys come. When too many wait, none does any more.
    fn wait(&mut self, record: &Window<'_>, handshake: &Handshake) -> bool {
        let Some(terms) = handshake.terms() else { return false };
        if self.waiting.is_none() || is_ready(&mut self.lookup, record.dir, terms) {
            return false;
        }
        let Some(waiting) = &mut self.waiting else { return false };
        if waiting.push(record.dir, record) {
            return true;
        }
        self.gave_up = true;
        let version = terms.version;
        let late = self.waiting.take().map(|mut waiting| waiting.take()).unwrap_or_default();
        late.iter().for_each(|(dir, record)| self.gives_up(*dir, version, record.len()));
        self.gives_up(record.dir, version, record.bytes.len());
        true
    }

    /// A record waits no longer: why it stays closed is told at the end, when it is known whether its key came.
    fn gives_up(&mut self, dir: Dir, version: Option<ProtocolVersion>, length: usize) {
        self.ciphers.missing(dir, 1);
        let count = self.given_up.of_mut(dir);
        *count = count.saturating_add(1);
        if let Some(plain) = &self.plain {
            plain.gap(channel(version), dir, Some(length as u64));
        }
    }

    /// The keys are there: what waited for them is read, in its order.
    fn catch_up(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        let records = self.waiting.as_mut().map(Waiting::take).unwrap_or_default();
        for (dir, copy) in records {
            // A ChangeCipherSpec came before its keys did.
            let known = handshake.terms().is_some_and(|terms| self.has_keys(dir, terms));
            match copy.window(dir).filter(|_| known) {
                Some(record) => self.read(&record, handshake, facts),
                None => self.passes(dir, handshake.terms().and_then(|terms| terms.version), copy.len()),
            }
        }
    }

    fn read(&mut self, record: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) {
        let dir = record.dir;
        let Some(terms) = handshake.terms() else { return };
        let version = terms.version;
        let Some(opened) = self.open(record, terms) else {
            let keys = self.lookup.session(terms.client_random).is_some();
            if let Some(plain) = &self.plain {
                plain.note(dir, Err(if keys { Closed::NotAuthentic } else { Closed::NoKey }));
                plain.gap(channel(version), dir, Some(record.bytes.len() as u64));
            }
            return;
        };
        if let Some(plain) = &self.plain {
            plain.note(dir, Ok(()));
        }
        self.keyless |= opened.keyless;
        if opened.keyless && opened.content != content::APPLICATION_DATA {
            return;
        }
        self.lookup.opened |= !opened.keyless;
        if self.first_opened.is_none() && !opened.keyless {
            self.first_opened = Some(record.all());
            // Before any message is read: whose name a certificate is for depends on it.
            ech::state(&self.lookup, self.first_opened.as_ref(), handshake.terms(), facts);
        }
        let mut inside = Stitched::new();
        inside.push_derived(&opened.plain, record);
        let Some(inside) = inside.window(dir) else { return };
        match opened.content {
            content::HANDSHAKE => {
                let messages = self.messages.of_mut(dir);
                facts.with_keys(|facts| messages.fragment(&inside, handshake, facts));
                self.turn(dir, handshake);
            }
            content::CHANGE_CIPHER_SPEC => self.change(dir, handshake),
            content::ALERT => facts.with_keys(|facts| handshake.opened_alert(&inside, facts)),
            content::APPLICATION_DATA => {
                if let Some(plain) = &self.plain {
                    plain.bytes(channel(version), &inside);
                }
            }
            _ => {}
        }
    }

    /// Part of a record is missing.
    pub fn cut(&mut self, dir: Dir, handshake: &Handshake) {
        self.ciphers.missing(dir, 1);
        self.messages.of_mut(dir).clear();
        if let Some(plain) = &self.plain {
            plain.note(dir, Err(Closed::Cut));
            plain.gap(channel(handshake.terms().and_then(|terms| terms.version)), dir, None);
        }
    }

    /// So many octets are missing, and with them records.
    pub fn lost(&mut self, dir: Dir, octets: u64, handshake: &Handshake) {
        self.ciphers.missing(dir, (octets / SHORTEST).saturating_add(1).min(MOST_MISSING));
        self.messages.of_mut(dir).clear();
        if let Some(plain) = &self.plain {
            plain.lost(dir);
            plain.gap(channel(handshake.terms().and_then(|terms| terms.version)), dir, None);
        }
    }

    /// Whether more is to be learnt of a handshake that is complete from outside.
    pub fn is_unfinished(&self, handshake: &Handshake) -> bool {
        let is_1_3 = handshake.version().is_some_and(ProtocolVersion::is_1_3);
        let waits = self.waiting.as_ref().is_some_and(|waiting| !waiting.is_empty());
        self.is_watched() || waits || is_1_3 && self.lookup.opened && handshake.both_finished().is_none()
    }

    /// The connection is over, or nothing more is to be learnt: said once.
    pub fn close(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let random = handshake.terms().and_then(|terms| terms.client_random);
        self.catch_up(handshake, facts);
        let closed = if self.lookup.session(random).is_some() { Closed::TooLate } else { Closed::NoKey };
        if let Some(plain) = &self.plain {
            for dir in [Dir::Client, Dir::Server] {
                (0..std::mem::take(self.given_up.of_mut(dir))).for_each(|_| plain.note(dir, Err(closed)));
            }
        }
        let terms = handshake.terms();
        let session = terms.and_then(|terms| self.lookup.session(terms.client_random).cloned());
        let lack = match (&self.sealed, self.lookup.opened || self.keyless) {
            (None, _) | (_, true) => None,
            (Some(_), false) => Some(match (terms.filter(|terms| terms.client_random.is_some()), session) {
                (None, _) => Lack::Hello,
                (Some(_), None) => Lack::Key,
                (Some(terms), Some(session)) => lack(&session, terms),
            }),
        };
        let evidence = handshake.offered().or(self.sealed.as_ref()).cloned();
        self.lookup.close(lack, evidence, facts);
        ech::state(&self.lookup, self.first_opened.as_ref(), terms, facts);
    }

    fn open(&mut self, record: &Window<'_>, terms: &Terms) -> Option<Opened> {
        let Ciphers { tls13, tls12, budget } = &mut self.ciphers;
        if terms.version.is_some_and(|version| !version.is_1_3()) {
            return tls12.open(record.dir, record.bytes, budget);
        }
        if let Some(session) = self.lookup.session(terms.client_random) {
            return tls13.open(record.dir, record.bytes, session, terms, budget);
        }
        // The keys may be filed under the random of the inner hello, which only the server has seen (RFC 9849 §6.1).
        let outer = terms.client_random.filter(|_| terms.ech && record.dir == Dir::Server)?;
        self.tries = self.tries.saturating_sub(1);
        for (random, session) in self.lookup.candidates() {
            let mut fresh = Tls13::default();
            if let Some(opened) = fresh.open(record.dir, record.bytes, &session, terms, budget) {
                *tls13 = fresh;
                self.lookup.adopt(outer, random, session);
                return Some(opened);
            }
            if !budget.spend(record.bytes.len()) {
                return None;
            }
        }
        None
    }

    fn turn(&mut self, dir: Dir, handshake: &Handshake) {
        let Some(terms) = handshake.terms() else { return };
        if let Some(session) = self.lookup.session(terms.client_random) {
            self.ciphers.tls13.turn(dir, session, terms);
        }
    }
}

impl Ciphers {
    /// At most so many records are missing before the next one.
    fn missing(&mut self, dir: Dir, records: u64) {
        self.tls13.missing(dir, records);
        self.tls12.missing(dir, records);
    }
}

/// Whether the keys of a side's application data are there.
fn is_ready(lookup: &mut Lookup, dir: Dir, terms: &Terms) -> bool {
    let is_1_3 = terms.version.is_none_or(ProtocolVersion::is_1_3);
    lookup.session(terms.client_random).is_some_and(|session| session.is_ready(dir, is_1_3))
}

/// Why nothing opened, though a key was there.
fn lack(session: &Session, terms: &Terms) -> Lack {
    let is_1_3 = terms.version.is_none_or(ProtocolVersion::is_1_3);
    if is_1_3 && terms.cipher.is_some_and(|cipher| Suite13::of(cipher).is_none()) {
        return Lack::Suite;
    }
    let unsuited = terms.compressed || terms.cipher.is_some_and(|cipher| Suite::before_1_3(cipher).is_none());
    if !is_1_3 && unsuited {
        return Lack::Suite;
    }
    if session.has_any(is_1_3) { Lack::Opened } else { Lack::Secret }
}

fn channel(version: Option<ProtocolVersion>) -> Channel {
    Channel::Tls(version.unwrap_or(ProtocolVersion::TLS1_3))
}
