//! Records that are opened with keys of the user's own sessions (RFC 6347 §4.1.2, RFC 9146 §5, RFC 9147 §4).

use super::epoch::{Epoch13, Opened, SECRET_EPOCHS};
use super::fragments::Fragments;
use super::record::{Record, content};
use crate::base::{Dir, Evidence, Facts, ProtocolVersion, Sides, Stitched, Window};
use crate::dissect::Tools;
use crate::dissect::keys::{Lack, Lookup, Session};
use crate::dissect::plain::{Channel, Closed, Plain};
use crate::dissect::ranges::Ranges;
use crate::dissect::tls::opening::{self, Budget, Head, Key12, Suite, Suite13};
use crate::dissect::tls::{Handshake, Terms};
use crate::dissect::waiting::Waiting;

/// Epochs of one side whose keys are kept: this one, and those before it whose records come late.
const MOST_EPOCHS: usize = 4;

/// What opening the records of one connection takes.
#[derive(Debug)]
pub(super) struct Opening {
    lookup: Lookup,
    plain: Option<Plain>,
    epochs: Epochs,
    /// Messages of records that were opened.
    messages: Sides<Fragments>,
    /// The numbers of the records that were opened, by epoch; those of an epoch have no holes unless records are missing.
    numbers: Sides<Vec<(u64, Ranges)>>,
    /// Records that came before their keys, where these may still come.
    waiting: Option<Waiting<Place>>,
    /// Records of each side that were given up while they waited.
    given_up: Sides<u64>,
    gave_up: bool,
    /// The first encrypted record.
    sealed: Option<Evidence>,
    closed: bool,
}

/// What is to be known of a record that waits.
#[derive(Clone, Copy, Debug)]
struct Place {
    record: Record,
    cid_len: usize,
    dir: Dir,
    kind: Layout,
}

/// Which kind of record it is.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Until12 { content: u8, epoch: u16 },
    Since13 { epoch_bits: u8 },
}

impl Layout {
    /// Whether it may carry application data.
    fn is_data(self) -> bool {
        match self {
            Layout::Until12 { content, .. } => matches!(content, content::APPLICATION_DATA | content::TLS12_CID),
            Layout::Since13 { epoch_bits } => epoch_bits != super::HANDSHAKE_EPOCH,
        }
    }
}

/// Keys by epoch. Apart, since they have no `Debug`.
#[derive(Default)]
struct Epochs {
    until_1_2: Sides<Vec<(u16, Key12)>>,
    since_1_3: Sides<Vec<Epoch13>>,
    budget: Budget,
}

impl std::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Epochs")
    }
}

/// An encrypted record: where its parts are in the bytes of its window, and what its header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealed<'a> {
    pub record: Record,
    pub whole: Window<'a>,
    /// Octets of the connection id in its header.
    pub cid_len: usize,
}

impl Opening {
    pub fn new(tools: &Tools) -> Opening {
        Opening {
            lookup: Lookup::new(&tools.keys, &tools.usage),
            plain: tools.plain.clone(),
            epochs: Epochs::default(),
            messages: Sides { client: Fragments::joining(), server: Fragments::joining() },
            numbers: Sides::default(),
            waiting: tools.patient.clone().map(Waiting::new),
            given_up: Sides::default(),
            gave_up: false,
            sealed: None,
            closed: false,
        }
    }

    /// Somebody looks at what is inside: every record matters, to the end.
    pub fn is_watched(&self) -> bool {
        self.plain.is_some()
    }

    /// Whether more is to be learnt of a handshake that is complete from outside.
    pub fn is_unfinished(&self, handshake: &Handshake) -> bool {
        let is_1_3 = handshake.version().is_some_and(ProtocolVersion::is_1_3);
        self.is_watched() || is_1_3 && self.lookup.opened && handshake.both_finished().is_none()
    }

    /// A datagram, or a part of one, that is not DTLS.
    pub fn passes(&self, window: &Window<'_>) {
        if let Some(plain) = &self.plain {
            plain.bytes(Channel::Udp, window);
        }
    }

    /// A `ChangeCipherSpec` in this epoch: the next one has other keys.
    pub fn change(&mut self, dir: Dir, epoch: u16, handshake: &Handshake) {
        let Some(terms) = handshake.terms().filter(|terms| terms.version.is_some_and(|version| !version.is_1_3())) else { return };
        let epoch = epoch.saturating_add(1);
        let known = self.epochs.until_1_2.of_mut(dir);
        // Flights are sent again when they get lost.
        if known.iter().any(|(of, _)| *of == epoch) {
            return;
        }
        let master = opening::master_of(&mut self.lookup, terms);
        if let Some(key) = Key12::derive(dir, terms, master.as_deref()) {
            if known.len() >= MOST_EPOCHS {
                known.remove(0);
            }
            known.push((epoch, key));
        }
    }

    /// Opens a record of DTLS 1.2 or before, and reads what is inside.
    pub fn until_1_2(&mut self, sealed: &Sealed<'_>, kind: u8, epoch: u16, handshake: &mut Handshake, facts: &mut Facts) {
        self.sealed.get_or_insert_with(|| sealed.whole.all());
        if !self.wait(sealed, Layout::Until12 { content: kind, epoch }, handshake) {
            self.catch_up(handshake, facts);
            self.read_until_1_2(sealed, kind, epoch, handshake, facts);
        }
    }

    /// Opens a record of DTLS 1.3, and reads what is inside.
    pub fn since_1_3(&mut self, sealed: &Sealed<'_>, epoch_bits: u8, handshake: &mut Handshake, facts: &mut Facts) {
        self.sealed.get_or_insert_with(|| sealed.whole.all());
        if !self.wait(sealed, Layout::Since13 { epoch_bits }, handshake) {
            self.catch_up(handshake, facts);
            self.read_since_1_3(sealed, epoch_bits, handshake, facts);
        }
    }

    /// Whether a record is kept until its keys come. When there is no room, none is any more.
    fn wait(&mut self, sealed: &Sealed<'_>, kind: Layout, handshake: &Handshake) -> bool {
        let Some(random) = handshake.terms().and_then(|terms| terms.client_random) else { return false };
        let dir = sealed.whole.dir;
        let is_1_3 = matches!(kind, Layout::Since13 { .. });
        if self.waiting.is_none() || self.lookup.session(Some(random)).is_some_and(|session| session.is_ready(dir, is_1_3)) {
            return false;
        }
        let Some(waiting) = &mut self.waiting else { return false };
        let place = Place { record: sealed.record, cid_len: sealed.cid_len, dir, kind };
        if waiting.push(place, &sealed.whole) {
            return true;
        }
        self.gave_up = true;
        let late = self.waiting.take().map(|mut waiting| waiting.take()).unwrap_or_default();
        for place in late.iter().map(|(place, _)| *place).chain([place]).filter(|place| place.kind.is_data()) {
            let count = self.given_up.of_mut(place.dir);
            *count = count.saturating_add(1);
        }
        true
    }

    /// The keys are there: what waited for them is read, in its order.
    fn catch_up(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        for (place, copy) in self.waiting.as_mut().map(Waiting::take).unwrap_or_default() {
            let Some(whole) = copy.window(place.dir) else { continue };
            let sealed = Sealed { record: place.record, whole, cid_len: place.cid_len };
            match place.kind {
                Layout::Until12 { content, epoch } => self.read_until_1_2(&sealed, content, epoch, handshake, facts),
                Layout::Since13 { epoch_bits } => self.read_since_1_3(&sealed, epoch_bits, handshake, facts),
            }
        }
    }

    fn read_until_1_2(&mut self, sealed: &Sealed<'_>, kind: u8, epoch: u16, handshake: &mut Handshake, facts: &mut Facts) {
        let dir = sealed.whole.dir;
        if let (Some(before), true) = (epoch.checked_sub(1), self.epochs.until_1_2.of(dir).iter().all(|(of, _)| *of != epoch)) {
            // Its ChangeCipherSpec may have come before its keys did.
            self.change(dir, before, handshake);
        }
        let keys = self.epochs.until_1_2.of_mut(dir).iter_mut().find(|(of, _)| *of == epoch);
        let outcome = match keys {
            None => Err(Closed::NoKey),
            Some(_) if sealed.record.cut => Err(Closed::Cut),
            Some((_, key)) => open(key, sealed, kind, &mut self.epochs.budget).ok_or(Closed::NotAuthentic),
        };
        if let (Ok((_, number, _)), true) = (&outcome, self.plain.is_some()) {
            self.saw(dir, u64::from(epoch), *number & 0xffff_ffff_ffff);
        }
        let outcome = outcome.map(|(content, _, bytes)| (content, bytes));
        let is_data = Layout::Until12 { content: kind, epoch }.is_data();
        self.inside(sealed, epoch, is_data, outcome, handshake, facts);
    }

    fn read_since_1_3(&mut self, sealed: &Sealed<'_>, epoch_bits: u8, handshake: &mut Handshake, facts: &mut Facts) {
        let Some(terms) = handshake.terms() else { return };
        let session = self.lookup.session(terms.client_random).cloned();
        let outcome = match session {
            None => Err(Closed::NoKey),
            Some(_) if sealed.record.cut => Err(Closed::Cut),
            Some(session) => self.epochs.open(sealed, epoch_bits, &session, terms).ok_or(Closed::NotAuthentic),
        };
        let is_data = Layout::Since13 { epoch_bits }.is_data();
        if let (Ok(opened), true) = (&outcome, is_data && self.plain.is_some()) {
            self.saw(sealed.whole.dir, u64::from(opened.epoch), opened.number);
        }
        let outcome = outcome.map(|opened| (opened.content, opened.bytes));
        self.inside(sealed, 0, is_data, outcome, handshake, facts);
    }

    /// A record of this number was opened.
    fn saw(&mut self, dir: Dir, epoch: u64, number: u64) {
        let known = self.numbers.of_mut(dir);
        if let Some((_, numbers)) = known.iter_mut().find(|(of, _)| *of == epoch) {
            return numbers.insert(number, number);
        }
        if known.len() >= MOST_EPOCHS {
            let (_, old) = known.remove(0);
            if let Some(plain) = self.plain.as_ref().filter(|_| old.is_holed()) {
                plain.lost(dir);
            }
        }
        let mut numbers = Ranges::default();
        numbers.insert(number, number);
        known.push((epoch, numbers));
    }

    fn inside(
        &mut self,
        sealed: &Sealed<'_>,
        epoch: u16,
        is_data: bool,
        outcome: Result<(u8, Vec<u8>), Closed>,
        handshake: &mut Handshake,
        facts: &mut Facts,
    ) {
        let dir = sealed.whole.dir;
        if let (Err(Closed::NoKey), true) = (&outcome, self.gave_up) {
            // Whether its key came is known at the end.
            let count = self.given_up.of_mut(dir);
            *count = count.saturating_add(u64::from(is_data));
        } else if let Some(plain) = self.plain.as_ref().filter(|_| is_data) {
            plain.note(dir, outcome.as_ref().map(|_| ()).map_err(|&closed| closed));
        }
        let Ok((content, bytes)) = outcome else { return };
        self.lookup.opened = true;
        let mut inside = Stitched::new();
        inside.push_derived(&bytes, &sealed.whole);
        let Some(inside) = inside.window(dir) else { return };
        match content {
            content::HANDSHAKE => {
                let messages = self.messages.of_mut(dir);
                facts.with_keys(|facts| messages.record(&inside, handshake, facts));
            }
            content::CHANGE_CIPHER_SPEC => self.change(dir, epoch, handshake),
            content::ALERT => facts.with_keys(|facts| handshake.opened_alert(&inside, facts)),
            content::APPLICATION_DATA => {
                if let Some(plain) = &self.plain {
                    let version = handshake.version().unwrap_or(ProtocolVersion::DTLS1_2);
                    plain.bytes(Channel::Dtls(version), &inside);
                }
            }
            _ => {}
        }
    }

    /// The connection is over, or nothing more is to be learnt: said once.
    pub fn close(&mut self, handshake: &mut Handshake, facts: &mut Facts) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.catch_up(handshake, facts);
        let terms = handshake.terms();
        let random = terms.and_then(|terms| terms.client_random);
        let late = if self.lookup.session(random).is_some() { Closed::TooLate } else { Closed::NoKey };
        if let Some(plain) = &self.plain {
            for dir in [Dir::Client, Dir::Server] {
                (0..std::mem::take(self.given_up.of_mut(dir))).for_each(|_| plain.note(dir, Err(late)));
                // Records of an epoch are numbered from 0, each by one more (RFC 6347 §4.1, RFC 9147 §4.2.1).
                let holed = self.numbers.of(dir).iter().filter(|(_, numbers)| numbers.is_holed()).count();
                (0..holed).for_each(|_| plain.lost(dir));
            }
        }
        let lack = match (&self.sealed, self.lookup.opened) {
            (None, _) | (_, true) => None,
            (Some(_), false) => Some(match (terms.filter(|_| random.is_some()), self.lookup.session(random)) {
                (None, _) => Lack::Hello,
                (Some(_), None) => Lack::Key,
                (Some(terms), Some(session)) => lack(session, terms),
            }),
        };
        self.lookup.close(lack, self.sealed.clone(), facts);
    }
}

/// Why nothing opened, though a key was there.
fn lack(session: &Session, terms: &Terms) -> Lack {
    let is_1_3 = terms.version.is_none_or(ProtocolVersion::is_1_3);
    let known = |cipher| if is_1_3 { Suite13::of(cipher).is_some() } else { Suite::before_1_3(cipher).is_some() };
    if terms.cipher.is_some_and(|cipher| !known(cipher)) {
        return Lack::Suite;
    }
    if session.has_any(is_1_3) { Lack::Opened } else { Lack::Secret }
}

/// Content type, epoch with number, and content of a record of DTLS 1.2 or before.
fn open(key: &mut Key12, sealed: &Sealed<'_>, kind: u8, budget: &mut Budget) -> Option<(u8, u64, Vec<u8>)> {
    let header = sealed.whole.bytes.get(..sealed.record.body)?;
    let version = header.get(1..3)?.try_into().ok()?;
    // Epoch and number together take the place of the number (RFC 6347 §4.1.2.1).
    let number = u64::from_be_bytes(header.get(3..11)?.try_into().ok()?);
    let has_cid = kind == content::TLS12_CID;
    let cid = if has_cid { Some(header.get(11..11 + sealed.cid_len)?) } else { None };
    let fragment = sealed.whole.bytes.get(sealed.record.body..sealed.record.end)?;
    let mut plain = Vec::new();
    key.open(Head { content: kind, version, cid }, fragment, std::iter::once(number), budget, &mut plain)?;
    // The type of a record with a connection id is inside (RFC 9146 §4).
    let kind = if has_cid { opening::content(&mut plain)? } else { kind };
    Some((kind, number, plain))
}

impl Epochs {
    /// Opens a record of DTLS 1.3.
    fn open(&mut self, sealed: &Sealed<'_>, epoch_bits: u8, session: &Session, terms: &Terms) -> Option<Opened> {
        let dir = sealed.whole.dir;
        let known = self.since_1_3.of_mut(dir);
        let bytes = sealed.whole.bytes.get(..sealed.record.end)?;
        let fits = |epoch: &&mut Epoch13| epoch.has_bits(epoch_bits);
        if let Some(opened) = known.iter_mut().rev().filter(fits).find_map(|epoch| epoch.open(bytes, sealed)) {
            return Some(opened);
        }
        // A new epoch: one whose secret was logged, or the one after the last.
        let logged = SECRET_EPOCHS.into_iter().filter(|&epoch| known.iter().all(|old| old.number() != epoch));
        let fresh = logged.flat_map(|epoch| Epoch13::logged(epoch, dir, session, terms));
        let next = known.last().and_then(|last| last.following(dir, session));
        for mut epoch in fresh.chain(next).filter(|epoch| epoch.has_bits(epoch_bits)) {
            if let Some(opened) = epoch.open(bytes, sealed) {
                if known.len() >= MOST_EPOCHS {
                    known.remove(0);
                }
                known.push(epoch);
                return Some(opened);
            }
        }
        None
    }
}
