//! A capture seen again at any moment: for replay.
//!
//! A connection is in the picture from its first frame on; a fact, a step of the handshake and the process from the frames that show
//! them; the grade follows from what was known at that moment. Going forward touches only the connections that begin or are open; going
//! back starts over.

use std::sync::Arc;

use super::attribution::{Attribution, Confidence};
use super::judgement::Judged;
use super::ledger::Ledger;
use super::{Severity, judge};
use crate::base::{FrameNo, Timestamp};
use crate::flow::{Connection, Tally};

/// A capture and the moment it is seen at.
#[derive(Debug)]
pub struct Rewind {
    /// Every connection, by first frame.
    all: Vec<Arc<Judged>>,
    /// Which frame was the latest at which time: ascending in both.
    clock: Vec<(Timestamp, FrameNo)>,
    /// When something happened: a connection began or ended, a message of a handshake came, something was readable, a rule fired.
    events: Vec<Timestamp>,
    /// When a rule fired, and how grave that is.
    findings: Vec<(Timestamp, Severity)>,
    /// How many of `all` have begun.
    begun: usize,
    /// Those of them that are not over, as places in `all`.
    open: Vec<usize>,
    at: Timestamp,
    frame: FrameNo,
    shown: Ledger,
}

impl Rewind {
    /// The whole of a capture, at its end. `None` where there is nothing to rewind.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Option<Rewind> {
        let (start, end) = ledger.span()?;
        let mut all: Vec<Arc<Judged>> = ledger.connections().to_vec();
        all.sort_by_key(|judged| judged.first_frame);
        let clock = clock(&all);
        let mut rewind = Rewind {
            events: Vec::new(),
            findings: Vec::new(),
            begun: 0,
            open: Vec::new(),
            at: start,
            frame: FrameNo::FIRST,
            shown: ledger.beginning(),
            all,
            clock,
        };
        rewind.note_events();
        rewind.seek(end);
        Some(rewind)
    }

    fn note_events(&mut self) {
        let when = |frame: FrameNo| time_of(&self.clock, frame);
        let (mut events, mut findings) = (Vec::new(), Vec::new());
        for judged in &self.all {
            events.extend([judged.start, judged.end]);
            events.extend(judged.facts.steps().iter().map(|step| step.at));
            events.extend(judged.facts.readables().map(|(_, evidence)| when(evidence.first())));
            for finding in &judged.judgement.findings {
                let last = finding.evidence.frames().last().copied().unwrap_or(FrameNo::FIRST);
                findings.push((when(last), finding.rule.severity));
            }
        }
        events.extend(findings.iter().map(|(at, _)| *at));
        events.sort_unstable();
        events.dedup();
        findings.sort_unstable();
        (self.events, self.findings) = (events, findings);
    }

    /// The capture as it was at the moment sought last.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shown
    }

    /// The moment.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// When rules fired, in the order of time.
    #[must_use]
    pub fn findings(&self) -> &[(Timestamp, Severity)] {
        &self.findings
    }

    /// The next moment at which something happened.
    #[must_use]
    pub fn event_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.events.get(self.events.partition_point(|event| *event <= at)).copied()
    }

    /// The last moment before, at which something happened.
    #[must_use]
    pub fn event_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.events.get(self.events.partition_point(|event| *event < at).checked_sub(1)?).copied()
    }

    /// Goes to a moment.
    pub fn seek(&mut self, at: Timestamp) {
        let reached = self.clock.partition_point(|(time, _)| *time <= at).checked_sub(1).and_then(|i| self.clock.get(i));
        let Some(frame) = reached.map(|(_, frame)| *frame) else {
            // Before everything.
            (self.begun, self.at) = (0, at);
            self.open.clear();
            self.shown = self.shown.beginning();
            return;
        };
        if at < self.at || self.begun == 0 {
            self.begun = 0;
            self.open.clear();
            self.shown = self.shown.beginning();
        }
        (self.at, self.frame) = (at, frame);
        self.shown.frames = frame.get();
        for &i in &self.open {
            if let Some(judged) = self.all.get(i) {
                self.shown.replace(i, so_far(judged, frame, at));
            }
        }
        while let Some(judged) = self.all.get(self.begun).filter(|judged| judged.first_frame <= frame) {
            self.shown.push(so_far(judged, frame, at));
            self.open.push(self.begun);
            self.begun = self.begun.saturating_add(1);
        }
        let all = &self.all;
        self.open.retain(|i| all.get(*i).is_some_and(|judged| judged.last_frame > frame));
    }
}

/// When which frame was captured, as far as the connections tell.
fn clock(all: &[Arc<Judged>]) -> Vec<(Timestamp, FrameNo)> {
    let mut clock: Vec<(Timestamp, FrameNo)> = Vec::with_capacity(all.len().saturating_mul(4));
    for judged in all {
        clock.extend([(judged.start, judged.first_frame), (judged.end, judged.last_frame)]);
        let steps = judged.facts.steps().iter();
        clock.extend(steps.filter_map(|step| Some((step.at, *step.evidence.frames().last()?))));
    }
    clock.sort_unstable();
    // Frames that were captured out of order in time: the latest so far counts.
    let mut latest = FrameNo::FIRST;
    for (_, frame) in &mut clock {
        latest = latest.max(*frame);
        *frame = latest;
    }
    clock.dedup();
    clock
}

/// When a frame had come.
fn time_of(clock: &[(Timestamp, FrameNo)], frame: FrameNo) -> Timestamp {
    let at = clock.partition_point(|(_, no)| *no < frame);
    clock.get(at).or(clock.last()).map_or(Timestamp::ZERO, |(time, _)| *time)
}

/// What was known of a connection by a frame.
fn so_far(judged: &Arc<Judged>, frame: FrameNo, at: Timestamp) -> Arc<Judged> {
    if judged.last_frame <= frame {
        return Arc::clone(judged);
    }
    let whole = &judged.connection;
    let (sent, end) = (sent_until(whole, at), whole.end.min(at).max(whole.start));
    let last_frame = frame.max(whole.first_frame);
    let connection = Connection { sent, end, last_frame, facts: whole.facts.until(frame), ..whole.clone() };
    let judgement = judge(&connection);
    let attribution = judged.attribution.as_ref().and_then(|whole| attributed(whole, frame));
    Arc::new(Judged { connection, judgement, attribution })
}

/// What had been sent by a moment: in proportion to the time, because the moment of each packet is not kept; at least the first packet.
fn sent_until(whole: &Connection, at: Timestamp) -> [Tally; 2] {
    let (come, all) = (u128::from(at.since(whole.start)), u128::from(whole.end.since(whole.start)).max(1));
    let part = |n: u64| u64::try_from((u128::from(n).saturating_mul(come.min(all))).div_ceil(all)).unwrap_or(n);
    let mut sent = whole.sent.map(|tally| Tally { packets: part(tally.packets), bytes: part(tally.bytes), payload: part(tally.payload) });
    for (so_far, whole) in sent.iter_mut().zip(&whole.sent).take(1) {
        let least = |so_far: u64, whole: u64| so_far.max(whole.min(1));
        so_far.packets = least(so_far.packets, whole.packets);
        so_far.bytes = least(so_far.bytes, whole.bytes);
        so_far.payload = least(so_far.payload, whole.payload);
    }
    sent
}

/// With only some of the reasons, an attribution was not yet confirmed.
fn attributed(whole: &Attribution, frame: FrameNo) -> Option<Attribution> {
    let because: Vec<_> = whole.because.iter().filter(|signal| signal.evidence.first() <= frame).cloned().collect();
    if because.is_empty() {
        return None;
    }
    let confidence = match whole.confidence {
        Confidence::Confirmed if because.len() < whole.because.len() => Confidence::Likely,
        confidence => confidence,
    };
    Some(Attribution { because, confidence, ..whole.clone() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::assess::testing::silent;
    use crate::base::{Dir, Exposed, Frame, Kind, LinkType, Message};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_714_554_000 + secs)
    }

    fn frame(n: u64) -> FrameNo {
        FrameNo::new(n).unwrap()
    }

    fn evidence(n: u64) -> crate::base::Evidence {
        Frame { number: frame(n), at: at(0), bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }.evidence()
    }

    /// Lasts from frame and second `n` to frame and second `n + 10`; something is readable in frame `n + 5`.
    fn connection(n: u64) -> Connection {
        let mut c = silent(n);
        let secs = i64::try_from(n).unwrap();
        (c.last_frame, c.start, c.end) = (frame(n + 10), at(secs), at(secs + 10));
        c.facts.step(Dir::Client, Message::StartTlsRequest, at(secs + 5), evidence(n + 5));
        c.facts.readable(Exposed::Content, "IRC message", b"hello", evidence(n + 5));
        c
    }

    fn session() -> Ledger {
        let mut ledger = Ledger::default();
        [30, 1, 15].into_iter().for_each(|n| ledger.push(connection(n)));
        ledger
    }

    fn told(rewind: &Rewind) -> Vec<(u64, bool)> {
        rewind.ledger().connections().iter().map(|c| (c.first_frame.get(), c.facts.has(Kind::Readable))).collect()
    }

    #[test]
    fn at_a_moment_only_what_had_come_by_then_is_known() {
        let mut rewind = Rewind::of(&session()).unwrap();
        assert_eq!(told(&rewind), [(1, true), (15, true), (30, true)]);
        for (secs, expected) in [
            (0, vec![]),
            (1, vec![(1, false)]),
            (6, vec![(1, true)]),
            (15, vec![(1, true), (15, false)]),
            (21, vec![(1, true), (15, true)]),
        ] {
            rewind.seek(at(secs));
            assert_eq!(told(&rewind), expected, "at {secs} s");
        }
    }

    #[test]
    fn going_forward_step_by_step_gives_what_going_there_at_once_gives() {
        let (mut slow, mut fast) = (Rewind::of(&session()).unwrap(), Rewind::of(&session()).unwrap());
        slow.seek(at(0));
        for secs in 0..45 {
            slow.seek(at(secs));
            fast.seek(at(0));
            fast.seek(at(secs));
            assert_eq!(told(&slow), told(&fast), "at {secs} s");
            assert_eq!(slow.ledger().whole(), fast.ledger().whole());
            assert_eq!(slow.ledger().outcomes().collect::<Vec<_>>(), fast.ledger().outcomes().collect::<Vec<_>>());
        }
        assert_eq!(slow.ledger().whole(), session().whole());
    }

    #[test]
    fn events_are_the_moments_at_which_something_happened() {
        let rewind = Rewind::of(&session()).unwrap();
        assert_eq!(rewind.event_after(at(-5)), Some(at(1)));
        assert_eq!(rewind.event_after(at(1)), Some(at(6)));
        assert_eq!(rewind.event_before(at(6)), Some(at(1)));
        assert_eq!(rewind.event_before(at(1)), None);
    }
}
