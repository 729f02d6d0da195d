//! The conclusion of the canary test: a pure function of what was looked for, what was found, and how much was really looked at.
//!
//! *Readable* is proof for one channel: the server end of that connection could read the phrase. *Not seen* is a finding only when
//! everything was looked at and a control was found; it is consistent with end-to-end encryption and proves nothing. Everything else is
//! *inconclusive*, with every reason. A false "not seen" is the danger here, so each doubt counts against it.

mod channel;
mod phrase;
mod reason;
#[cfg(test)]
mod tests;

pub use channel::{Channel, Looked, looked, not_opened};
pub use phrase::{Bits, ENOUGH_BITS, WORDS, bits, new_phrase};
pub use reason::Reason;

use crate::assess::Judged;
use crate::base::{Evidence, Timestamp};
use crate::dissect::inside::{Hit, Sought};

/// What a channel, or the whole capture, shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The phrase could be read at the server end.
    Readable,
    /// It was not seen, and everything was looked at.
    NotSeen,
    /// The test does not tell.
    Inconclusive,
}

impl Verdict {
    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Readable => "readable",
            Verdict::NotSeen => "not-seen",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// What it means, and what it does not: said wherever the verdict is.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Verdict::Readable => {
                "The server end of this connection could read the phrase. That it could does not mean that anyone did; and it is a finding about \
                 this connection, not about every other."
            }
            Verdict::NotSeen => {
                "This is consistent with end-to-end encryption and does not prove it. It does not test backups, who holds the keys, or scanning \
                 on the device."
            }
            Verdict::Inconclusive => "The test does not tell whether the phrase could be read at the server end.",
        }
    }
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How much chance the phrase leaves.
    pub bits: Bits,
    /// When it was sent, where that is known.
    pub since: Option<Timestamp>,
    /// How many controls were given.
    pub controls: usize,
    /// From how many octets on something may hold the phrase: [`Needles::room`](crate::dissect::inside::Needles::room).
    pub room: usize,
}

/// What the capture itself lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// The file breaks off, or is damaged, at this octet.
    pub damaged_at: Option<u64>,
    /// Connections not read to their end because the table was full, or because too many were read at once.
    pub evicted: u64,
    /// Connections whose reading failed: a fault of this program.
    pub failed: u64,
    /// Packets that were lost when the capture was made, as far as that was counted.
    pub lost: u64,
    /// Connections that the test found no room for.
    pub not_kept: u64,
    /// The capture goes on: what is said is how things stand.
    pub running: bool,
}

/// Whether a control reached the server, readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The frames that show it.
    pub evidence: Option<Evidence>,
}

/// The result of the test.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What the capture shows.
    pub verdict: Verdict,
    /// Why not more, when it is inconclusive; connections are named.
    pub reasons: Vec<String>,
    /// Those of the capture as a whole, whatever the verdict.
    pub general: Vec<Reason>,
    /// What became of each control.
    pub controls: Vec<Control>,
    /// The connections that carried something, in the order of their first frames.
    pub channels: Vec<Channel>,
    /// Those that are not shown: see [`Canary::hide`].
    pub hidden: Hidden,
}

/// Connections of other devices, which were looked into and are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// How many.
    pub connections: usize,
    /// In how many of them the phrase was readable.
    pub readable: usize,
}

/// How many reasons that name a connection are listed.
const MOST_REASONS: usize = 40;

impl Canary {
    /// Draws the conclusion.
    #[must_use]
    pub fn conclude(asked: &Asked, lacks: &Lacks, looked: Vec<Looked>) -> Canary {
        let known_earlier =
            looked.iter().flat_map(|one| &one.found.hits).filter(|hit| is_earlier(asked, hit)).map(|hit| hit.evidence.clone());
        let known_earlier = known_earlier.reduce(|one, other| one.and(&other));
        let controls: Vec<Control> = (0..asked.controls).map(|n| control(n, &looked)).collect();
        let general = general(asked, lacks, known_earlier, &controls, &looked);
        let given = channel::given(&looked);
        let channels: Vec<Channel> =
            looked.into_iter().filter(|one| one.concerns(asked)).map(|one| Channel::conclude(asked, &general, &given, one)).collect();
        let is_readable = channels.iter().any(|channel| channel.verdict == Verdict::Readable);
        let mut reasons = reasons(&general, &channels);
        let verdict = match () {
            () if is_readable => Verdict::Readable,
            () if reasons.is_empty() => Verdict::NotSeen,
            () => Verdict::Inconclusive,
        };
        if verdict == Verdict::Readable {
            reasons.clear();
        }
        Canary { verdict, reasons, general, controls, channels, hidden: Hidden::default() }
    }

    /// Leaves out the connections that are not to be shown, and counts them. The verdict stays that of all: a phrase that went by in one of
    /// them was not "not seen".
    pub fn hide(&mut self, is_hidden: impl Fn(&Judged) -> bool) {
        let all = std::mem::take(&mut self.channels);
        let (hidden, shown): (Vec<Channel>, Vec<Channel>) = all.into_iter().partition(|channel| is_hidden(&channel.connection));
        self.channels = shown;
        let readable = hidden.iter().filter(|channel| channel.verdict == Verdict::Readable).count();
        self.hidden = Hidden { connections: hidden.len(), readable };
        if !self.reasons.is_empty() {
            self.reasons = reasons(&self.general, &self.channels);
            match hidden.iter().filter(|channel| channel.is_blocking()).count() {
                0 => {}
                1 => self.reasons.push("1 connection of other devices was not wholly looked at".to_owned()),
                n => self.reasons.push(format!("{n} connections of other devices were not wholly looked at")),
            }
        }
    }

    /// The channels whose result refutes the claim of a platform: readable, and surely or likely its own messages or calls. A phrase that
    /// is readable elsewhere (a spell checker, a search, statistics) is a finding about that channel alone.
    pub fn refuting(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| channel.bears_on() == Some(Bearing::Refutes))
    }
}

/// Why the test does not tell: what is so of the whole capture, and what is of connections.
fn reasons(general: &[Reason], channels: &[Channel]) -> Vec<String> {
    let mut reasons: Vec<String> = general.iter().map(Reason::to_string).collect();
    let blocking: Vec<&Channel> = channels.iter().filter(|channel| channel.is_blocking()).collect();
    for channel in blocking.iter().take(MOST_REASONS) {
        let own: Vec<String> = channel.own_reasons.iter().map(Reason::to_string).collect();
        reasons.push(format!("{}: {}", channel.name(), own.join("; ")));
    }
    if blocking.len() > MOST_REASONS {
        reasons.push(format!("{} more connections were not wholly looked at", blocking.len() - MOST_REASONS));
    }
    reasons
}

/// What a readable channel means for the claim of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It is, surely or likely, the platform's own messages or calls: what is claimed of them does not hold here.
    Refutes,
    /// It is the platform's, but carries something else, as a search or statistics do.
    OtherRole,
    /// It is not sure enough whose it is.
    Unsure,
    /// It is nobody's that is known here.
    Nobody,
}

fn is_earlier(asked: &Asked, hit: &Hit) -> bool {
    hit.sought == Sought::Message && asked.since.is_some_and(|since| hit.at < since)
}

/// A control counts where it went to the server.
fn control(n: usize, looked: &[Looked]) -> Control {
    let is_it = |hit: &&Hit| hit.sought == Sought::Control(u16::try_from(n).unwrap_or(u16::MAX)) && hit.dir == crate::base::Dir::Client;
    let evidence = looked.iter().flat_map(|one| &one.found.hits).filter(is_it).map(|hit| hit.evidence.clone()).next();
    Control { evidence }
}

/// What speaks against a conclusion, whatever the channel.
fn general(asked: &Asked, lacks: &Lacks, known_earlier: Option<Evidence>, controls: &[Control], looked: &[Looked]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if asked.bits.0 < ENOUGH_BITS {
        reasons.push(Reason::ShortPhrase(asked.bits));
    }
    reasons.extend(known_earlier.map(Reason::KnownEarlier));
    if controls.is_empty() {
        reasons.push(Reason::NoControl);
    }
    for (n, control) in (1..).zip(controls) {
        if control.evidence.is_none() {
            reasons.push(Reason::ControlMissing(n));
        }
    }
    if let Some(at) = lacks.damaged_at {
        reasons.push(Reason::Damaged(at));
    }
    if lacks.failed > 0 {
        reasons.push(Reason::Failed(lacks.failed));
    }
    if lacks.evicted > 0 {
        reasons.push(Reason::Evicted(lacks.evicted));
    }
    if lacks.lost > 0 {
        reasons.push(Reason::Lost(lacks.lost));
    }
    if lacks.not_kept > 0 {
        reasons.push(Reason::NotKept(lacks.not_kept));
    }
    if lacks.running {
        reasons.push(Reason::Running);
    }
    if !looked.iter().any(|one| one.found.octets.client >= asked.room as u64) {
        reasons.push(Reason::NoUplink);
    }
    reasons
}
