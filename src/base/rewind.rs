//! What was known of a connection when the capture had come as far as a frame: for replay.

use super::{Basis, Dir, Evidence, Fact, Facts, FrameNo, Kind, Message, What};

impl Evidence {
    /// The part of this evidence that had come by a frame; `None` when none of it had.
    #[must_use]
    pub fn until(&self, frame: FrameNo) -> Option<Evidence> {
        let mut seen = self.frames().iter().take_while(|no| **no <= frame);
        let mut part = Evidence::of(*seen.next()?);
        seen.for_each(|no| part.insert(*no));
        Some(if part.frames().len() == self.frames().len() { self.clone() } else { part })
    }

    /// Whether all of it had come by a frame, as far as its frames are listed.
    #[must_use]
    pub fn is_whole_at(&self, frame: FrameNo) -> bool {
        self.frames().last().is_none_or(|last| *last <= frame)
    }
}

impl Facts {
    /// What was known by a frame: a fact is known when the last of its frames has come. What was readable is known from its first frame
    /// on; how much of it had come is then in proportion to its frames. A handshake under way is what its messages so far make it.
    #[must_use]
    pub fn until(&self, frame: FrameNo) -> Facts {
        let mut facts = Facts::new();
        for step in self.steps().iter().filter(|step| step.evidence.is_whole_at(frame)) {
            facts.step(step.dir, step.message, step.at, step.evidence.clone());
        }
        for fact in self.list() {
            if fact.evidence.is_whole_at(frame) {
                facts.add(fact.clone());
            } else if let (What::Readable(readable), Some(evidence)) = (&fact.what, fact.evidence.until(frame)) {
                let (come, all) = (evidence.frames().len() as u64, fact.evidence.frames().len().max(1) as u64);
                let part = |n: u64| (n / all).saturating_mul(come).max(1);
                let mut so_far = readable.clone();
                (so_far.count, so_far.bytes) = (part(readable.count), part(readable.bytes));
                facts.add(Fact { what: What::Readable(so_far), basis: fact.basis, evidence });
            }
        }
        if self.has(Kind::Handshake)
            && !facts.has(Kind::Handshake)
            && let Some(fact) = facts.under_way()
        {
            facts.add(fact);
            facts.sort();
        }
        facts
    }

    /// Of a handshake whose end has not come: what its messages so far make it.
    fn under_way(&self) -> Option<Fact> {
        let hello = self.steps().iter().find(|step| step.message == Message::ClientHello);
        let (word, step) = match hello {
            Some(hello) => ("client-only", hello),
            None => ("server-only", self.steps().iter().find(|step| step.dir == Dir::Server)?),
        };
        Some(Fact { what: What::Handshake(word), basis: Basis::Inferred, evidence: step.evidence.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Exposed, Timestamp};
    use super::*;

    fn frames(numbers: &[u64]) -> Evidence {
        let no = |n: u64| FrameNo::new(n).unwrap_or(FrameNo::FIRST);
        let mut evidence = Evidence::of(no(numbers.first().copied().unwrap_or(1)));
        numbers.iter().for_each(|n| evidence.insert(no(*n)));
        evidence
    }

    fn at(facts: &Facts, frame: u64) -> Facts {
        facts.until(FrameNo::new(frame).unwrap_or(FrameNo::FIRST))
    }

    #[test]
    fn a_fact_is_known_when_its_last_frame_has_come_and_never_before() {
        let mut facts = Facts::new();
        facts.observe(What::Protocol("tls"), frames(&[3]));
        facts.infer(What::Handshake("complete"), frames(&[3, 5, 9]));
        facts.step(Dir::Client, Message::ClientHello, Timestamp::ZERO, frames(&[3]));
        assert!(at(&facts, 2).list().is_empty());
        let early = at(&facts, 8);
        assert_eq!(early.get(Kind::Handshake).map(|f| f.what.clone()), Some(What::Handshake("client-only")));
        assert_eq!(early.steps().len(), 1);
        assert_eq!(at(&facts, 9).get(Kind::Handshake).map(|f| f.what.clone()), Some(What::Handshake("complete")));
    }

    #[test]
    fn what_was_readable_grows_with_its_frames() {
        let mut facts = Facts::new();
        for n in [4, 6, 8, 10] {
            facts.readable(Exposed::Content, "IRC message", b"12345", frames(&[n]));
        }
        let told = |frame| at(&facts, frame).readables().map(|(r, e)| (r.count, r.bytes, e.frames().len())).collect::<Vec<_>>();
        assert_eq!([told(3), told(4), told(9), told(10)], [vec![], vec![(1, 5, 1)], vec![(3, 15, 3)], vec![(4, 20, 4)]]);
    }
}
