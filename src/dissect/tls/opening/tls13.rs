//! Records of TLS 1.3, opened with logged traffic secrets (RFC 8446 §5.2, §7).
//!
//! A direction goes through early data, the handshake and the application's keys. The message that ends each stage may be missing from
//! the capture, and so may records: what does not open with the key and number that are due is tried with the numbers after it, and with
//! the keys of the later stages. Authentication decides, so that a wrong try cannot mislead.

use std::sync::Arc;

use super::Opened;
use super::budget::Budget;
use super::schedule::{self, RecordKey, next_secret};
use super::suite::Suite13;
use crate::base::{Dir, Sides};
use crate::dissect::keys::{Secret, Session};
use crate::dissect::tls::terms::Terms;

/// Octets of a record's header.
const HEADER: usize = 5;
/// Key updates looked ahead when records are missing.
const MOST_UPDATES_MISSED: u32 = 4;

/// Both directions.
#[derive(Default)]
pub(in crate::dissect) struct Tls13 {
    sides: Sides<Side>,
}

/// One direction.
#[derive(Default)]
struct Side {
    now: Option<Epoch>,
    /// The furthest stage that keys were looked for.
    due: Stage,
    /// `Finished` and `KeyUpdate` messages already acted upon.
    finished: u32,
    updates: u32,
    /// How many records beyond the one that is due may be missing.
    slack: u64,
}

/// The keys of a direction for a while.
struct Epoch {
    stage: Stage,
    suite: Suite13,
    secret: Arc<Secret>,
    key: RecordKey,
    /// The number of the record that is due.
    number: u64,
}

/// Which secret protects records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Early,
    Handshake,
    /// After so many key updates.
    Application(u32),
}

impl Tls13 {
    /// Opens a record: its header, and what it protects.
    pub fn open(&mut self, dir: Dir, record: &[u8], session: &Session, terms: &Terms, budget: &mut Budget) -> Option<Opened> {
        let side = self.sides.of_mut(dir);
        let mut plain = Vec::new();
        if !side.open_in_turn(record, budget, &mut plain) && !side.open_later(dir, record, session, terms, budget, &mut plain) {
            // It may be damaged: then it has taken its number all the same.
            side.slack = side.slack.saturating_add(1);
            return None;
        }
        side.slack = 0;
        let content = content(&mut plain)?;
        Some(Opened { content, plain, keyless: false })
    }

    /// At most so many records are missing before the next one.
    pub fn missing(&mut self, dir: Dir, records: u64) {
        let side = self.sides.of_mut(dir);
        side.slack = side.slack.saturating_add(records);
    }

    /// Acts upon the messages that were read from the last record: other keys follow them.
    pub fn turn(&mut self, dir: Dir, session: &Session, terms: &Terms) {
        let side = self.sides.of_mut(dir);
        if dir == Dir::Client && terms.end_of_early_data && side.stage() == Some(Stage::Early) {
            side.leave(Stage::Handshake);
        }
        let finished = *terms.finished.of(dir);
        if std::mem::replace(&mut side.finished, finished) < finished && side.stage() <= Some(Stage::Handshake) {
            side.leave(Stage::Application(0));
        }
        let updates = *terms.key_updates.of(dir);
        for _ in std::mem::replace(&mut side.updates, updates)..updates {
            side.update(dir, session);
        }
    }
}

impl Side {
    fn stage(&self) -> Option<Stage> {
        self.now.as_ref().map(|epoch| epoch.stage)
    }

    /// The keys of the stage before are done with.
    fn leave(&mut self, next: Stage) {
        self.now = None;
        self.due = next;
        self.slack = 0;
    }

    /// The next generation of the application's keys (RFC 8446 §7.2).
    fn update(&mut self, dir: Dir, session: &Session) {
        let Some(Epoch { stage: Stage::Application(n), suite, secret, .. }) = &self.now else { return };
        let (n, suite) = (n.saturating_add(1), *suite);
        let next = session.traffic(dir, n).cloned().or_else(|| following(suite, secret).map(Arc::new));
        self.now = next.and_then(|secret| Epoch::begin(Stage::Application(n), suite, secret));
        self.due = Stage::Application(n);
        self.slack = 0;
    }

    /// With the key at hand.
    fn open_in_turn(&mut self, record: &[u8], budget: &mut Budget, plain: &mut Vec<u8>) -> bool {
        let slack = self.slack;
        self.now.as_mut().is_some_and(|epoch| epoch.open(record, slack, budget, plain))
    }

    /// With the keys of a later stage, from their first record on.
    fn open_later(&mut self, dir: Dir, record: &[u8], session: &Session, terms: &Terms, budget: &mut Budget, plain: &mut Vec<u8>) -> bool {
        let from = self.stage();
        let first = if dir == Dir::Client { Stage::Early } else { Stage::Handshake };
        let mut stages = vec![first, Stage::Handshake, Stage::Application(0)];
        if let (Some(Stage::Application(n)), 1..) = (from, self.slack) {
            stages.extend((1..=MOST_UPDATES_MISSED).map(|ahead| Stage::Application(n.saturating_add(ahead))));
        }
        for stage in stages.into_iter().filter(|&stage| stage >= self.due && from.is_none_or(|from| stage > from)) {
            for mut epoch in self.epochs(stage, dir, session, terms) {
                if epoch.open(record, self.slack, budget, plain) {
                    self.due = stage;
                    self.now = Some(epoch);
                    return true;
                }
            }
        }
        false
    }

    /// The keys that may be those of a stage: one, unless the suite is not known.
    fn epochs(&self, stage: Stage, dir: Dir, session: &Session, terms: &Terms) -> Vec<Epoch> {
        let secret = match stage {
            Stage::Early => session.early.as_ref(),
            Stage::Handshake => session.handshake.of(dir).as_ref(),
            Stage::Application(n) => session.traffic(dir, n),
        };
        let chosen = terms.cipher.filter(|_| terms.version.is_some_and(|version| version.is_1_3())).and_then(Suite13::of);
        let Some(secret) = secret else { return self.derived(stage).into_iter().collect() };
        let known = chosen.filter(|suite| suite.hash.len() == secret.octets().len());
        // Early data is protected by the suite of the session before, which is the chosen one only if it was accepted.
        let others = known.is_none() || stage == Stage::Early;
        let suites = known.into_iter().chain(Suite13::with_secret_len(secret.octets().len()).filter(move |_| others));
        suites.filter_map(|suite| Epoch::begin(stage, suite, Arc::clone(secret))).collect()
    }

    /// A later generation that was not logged.
    fn derived(&self, stage: Stage) -> Option<Epoch> {
        let (Stage::Application(to), Some(Epoch { stage: Stage::Application(from), suite, secret, .. })) = (stage, &self.now) else {
            return None;
        };
        let mut secret = Arc::clone(secret);
        for _ in *from..to {
            secret = Arc::new(following(*suite, &secret)?);
        }
        Epoch::begin(stage, *suite, secret)
    }
}

impl Epoch {
    fn begin(stage: Stage, suite: Suite13, secret: Arc<Secret>) -> Option<Epoch> {
        let key = RecordKey::derive(suite, &secret, schedule::TLS)?;
        Some(Epoch { stage, suite, secret, key, number: 0 })
    }

    /// Tries the number that is due and `slack` more; the one that opens is taken.
    fn open(&mut self, record: &[u8], slack: u64, budget: &mut Budget, plain: &mut Vec<u8>) -> bool {
        let Some((header, sealed)) = record.split_at_checked(HEADER) else { return false };
        for number in self.number..=self.number.saturating_add(slack) {
            // The number that is due is always tried.
            if number != self.number && !budget.spend(sealed.len()) {
                return false;
            }
            if self.key.open(number, header, sealed, plain).is_some() {
                self.number = number.saturating_add(1);
                return true;
            }
        }
        false
    }
}

fn following(suite: Suite13, secret: &Secret) -> Option<Secret> {
    next_secret(suite.hash, secret, schedule::TLS, b"traffic upd")
}

/// Takes padding and content type off the end (RFC 8446 §5.4).
pub(in crate::dissect) fn content(plain: &mut Vec<u8>) -> Option<u8> {
    let at = plain.iter().rposition(|&b| b != 0)?;
    let content = *plain.get(at)?;
    plain.truncate(at);
    Some(content)
}
