//! Dialogues for the tests: who says what, fed whole or in pieces.
#![allow(clippy::expect_used, clippy::panic)]

use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Facts, Frame, FrameNo, LinkType, Stitched, Timestamp, Window};

pub(super) use Dir::{Client as C, Server as S};

/// Runs `f` on a window that came in frame `n`.
pub(super) fn in_frame<T>(n: u64, dir: Dir, bytes: &[u8], f: impl FnOnce(&Window<'_>) -> T) -> T {
    let mut number = FrameNo::FIRST;
    (1..n).for_each(|_| number = number.next());
    let frame = Frame { number, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 };
    f(&frame.window(bytes).with_dir(dir))
}

/// What came of a dialogue.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) next: Next,
    pub(super) facts: Facts,
    /// Bytes offered after the one that ended it, or not taken.
    pub(super) left: usize,
}

impl Outcome {
    /// Names, values, basis and frames of all facts.
    pub(super) fn said(&self) -> Vec<String> {
        self.facts
            .list()
            .iter()
            .map(|f| format!("{} {:?} {} {:?}", f.what.kind().name(), f.what.shown(), f.basis.word(), f.evidence))
            .collect()
    }

    /// Whether one of the facts reads like this.
    pub(super) fn says(&self, text: &str) -> bool {
        self.said().iter().any(|fact| fact.contains(text))
    }
}

/// Feeds a dialogue; each turn is a frame, and is fed in pieces of `piece` octets.
pub(super) fn talk<P: Payload>(turns: &[(Dir, &[u8])], piece: usize) -> Outcome {
    crate::fuzzing::kept::keep_talk::<P>(turns);
    fed::<P>(turns, piece)
}

fn fed<P: Payload>(turns: &[(Dir, &[u8])], piece: usize) -> Outcome {
    let mut payload = P::default();
    let mut facts = Facts::new();
    let mut held = [Stitched::new(), Stitched::new()];
    let mut left = 0;
    for (n, (dir, bytes)) in (1..).zip(turns) {
        for chunk in bytes.chunks(piece.max(1)) {
            if payload.next() != Next::Stay {
                left += chunk.len();
                continue;
            }
            let held = held.get_mut(dir.index()).expect("two sides");
            in_frame(n, *dir, chunk, |w| held.push(w));
            let taken = held.window(*dir).map_or(0, |w| payload.feed(&w, &mut facts));
            held.consume(taken);
        }
    }
    payload.close(&mut facts);
    Outcome { next: payload.next(), facts, left: left + held.iter().map(Stitched::len).sum::<usize>() }
}

/// A whole dialogue, and a check that one octet at a time says the same.
pub(super) fn dialogue<P: Payload>(turns: &[(Dir, &[u8])]) -> Outcome {
    let whole = talk::<P>(turns, usize::MAX);
    for piece in [1, 2, 3, 7] {
        let pieces = fed::<P>(turns, piece);
        assert_eq!(whole.said(), pieces.said());
        assert_eq!((whole.next, whole.left), (pieces.next, pieces.left));
        assert_eq!(whole.facts.steps(), pieces.facts.steps());
    }
    whole
}

/// What the probe says to these bytes.
pub(super) fn probe<P: Protocol>(bytes: &[u8]) -> Probe {
    in_frame(1, C, bytes, P::probe)
}

/// The beginning of a TLS record with a `ClientHello`.
pub(super) const HELLO: &[u8] = &[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];

/// A dialogue as a property test makes one: sides and bytes.
pub(super) fn turns(random: &[(bool, Vec<u8>)]) -> Vec<(Dir, &[u8])> {
    random.iter().map(|(client, bytes)| (if *client { C } else { S }, bytes.as_slice())).collect()
}

/// Cuts of dialogues: any part of real turns, with any octet changed, must not panic, however it is fed.
pub(super) fn survives<P: Protocol>(random: &[(bool, Vec<u8>)], piece: usize) {
    let turns = turns(random);
    fed::<P>(&turns, piece);
    fed::<P>(&turns, usize::MAX);
    for (_, bytes) in turns {
        probe::<P>(bytes);
        in_frame(1, C, bytes, P::sender);
    }
}
