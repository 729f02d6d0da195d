//! Puts the bytes of one direction into order: the one assembler for TCP segments and QUIC CRYPTO frames.
//!
//! Offsets count from the start of the stream. Where bytes come twice, the first that came win; a difference is reported,
//! never resolved in silence. In-order bytes are shown to the consumer straight from the capture buffer; only what it
//! does not take, and what came too early, is copied.

use std::collections::BTreeMap;

use crate::base::{Dir, Evidence, Stitched, Window};

/// How many octets one direction holds at most while it waits for missing ones, or for its consumer.
pub const MOST_HELD: usize = 256 * 1024;
/// How many separate pieces may wait; one-byte segments in reverse order must not cost a megabyte each.
const MOST_PIECES: usize = 4096;
/// How much of the beginning is remembered to notice that it is sent again with other content: a hello with a post-quantum key share
/// and its names.
const HISTORY: usize = 2048;

/// The bytes of one direction, in order.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Offset after the last byte in order.
    next: u64,
    /// Bytes in order that the consumer has not taken yet; they end at `next`.
    ready: Stitched,
    /// Bytes that came too early, by offset; never overlapping, never touching `next`.
    early: BTreeMap<u64, Stitched>,
    early_len: usize,
    /// The first bytes of the stream, and where they began.
    history: Vec<u8>,
    history_at: u64,
    history_of: Option<Evidence>,
}

/// Bytes that differ from what came before at the same place.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// What came first, and is kept.
    pub first: Vec<u8>,
    /// What came then.
    pub then: Vec<u8>,
    /// The frames of both.
    pub evidence: Evidence,
}

/// What became of bytes that were inserted.
#[derive(Debug, Default)]
pub struct Inserted {
    /// Octets that had not been seen before.
    pub fresh: usize,
    /// A difference to what had been seen before.
    pub conflict: Option<Conflict>,
    /// The bounds were reached: bytes were dropped.
    pub overflow: bool,
    /// Octets in order that nobody took and that were dropped: the next window starts after them.
    pub dropped: usize,
}

impl Assembler {
    /// An assembler whose stream starts at `offset`.
    #[must_use]
    pub fn starting_at(offset: u64) -> Assembler {
        Assembler { next: offset, history_at: offset, ..Assembler::default() }
    }

    /// Offset after the last byte in order.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Offset after the last byte that was taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.next.saturating_sub(self.ready.len() as u64)
    }

    /// Whether nothing was ever inserted.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.history.is_empty() && self.ready.is_empty() && self.early.is_empty()
    }

    /// Whether bytes wait for missing ones before them.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.early.is_empty()
    }

    /// Where the bytes that wait begin.
    #[must_use]
    pub fn waiting_from(&self) -> Option<u64> {
        self.early.first_key_value().map(|(&at, _)| at)
    }

    /// The bytes in order that were not taken yet.
    #[must_use]
    pub fn front(&self, dir: Dir) -> Option<Window<'_>> {
        self.ready.window(dir)
    }

    /// Drops the first `n` bytes of [`Assembler::front`]: they were taken.
    pub fn consume(&mut self, n: usize) {
        self.ready.consume(n);
    }

    /// Forgets the beginning, when a difference to it no longer matters.
    pub fn forget_history(&mut self) {
        self.history = Vec::new();
        self.history_of = None;
    }

    /// Puts bytes at `offset`. Bytes in order are offered to `take`, which returns how many it took.
    pub fn insert(&mut self, offset: u64, window: &Window<'_>, take: &mut impl FnMut(&Window<'_>) -> usize) -> Inserted {
        let mut done = Inserted::default();
        let end = offset.saturating_add(window.bytes.len() as u64);
        if offset < self.next {
            done.conflict = self.compare_with_history(offset, window);
        }
        if end <= self.next {
            return done;
        }
        let skip = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let fresh = window.from(skip);
        let at = offset.max(self.next);
        // In order up to the first bytes that wait: these need no room among them.
        let stop = if at == self.next { self.waiting_from().map_or(end, |early| early.min(end)) } else { at };
        let in_order = usize::try_from(stop.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(head) = fresh.slice(0..in_order).filter(|head| !head.bytes.is_empty()) {
            done.fresh = head.bytes.len();
            self.advance(&head, take);
        }
        if !self.early.is_empty() || stop < end {
            self.keep_early(stop, &fresh.from(in_order), &mut done);
            while let Some((_, piece)) =
                self.early.first_key_value().is_some_and(|(&at, _)| at == self.next).then(|| self.early.pop_first()).flatten()
            {
                self.early_len = self.early_len.saturating_sub(piece.len());
                if let Some(window) = piece.window(window.dir) {
                    self.advance(&window, take);
                }
            }
        }
        if self.ready.len() > MOST_HELD {
            done.dropped = self.ready.len();
            self.ready.clear();
            done.overflow = true;
        }
        done
    }

    /// Gives up on the bytes missing before those that wait. Returns how many were missing.
    pub fn skip_gap(&mut self, dir: Dir, gap: &mut impl FnMut(u64), take: &mut impl FnMut(&Window<'_>) -> usize) -> u64 {
        let Some((&at, _)) = self.early.first_key_value() else { return 0 };
        let missing = at.saturating_sub(self.next);
        // What was not taken before a gap can no longer be completed.
        self.ready.clear();
        gap(missing);
        self.next = at;
        while let Some((_, piece)) =
            self.early.first_key_value().is_some_and(|(&at, _)| at == self.next).then(|| self.early.pop_first()).flatten()
        {
            self.early_len = self.early_len.saturating_sub(piece.len());
            if let Some(window) = piece.window(dir) {
                self.advance(&window, take);
            }
        }
        missing
    }

    /// Moves the start back to `offset`: bytes from before the supposed start came, and nothing has been taken yet.
    /// What was in order waits again.
    pub fn rewind(&mut self, offset: u64) {
        if offset >= self.history_at || !self.is_untaken() {
            return;
        }
        let ready = std::mem::take(&mut self.ready);
        if !ready.is_empty() {
            self.early_len += ready.len();
            self.early.insert(self.history_at, ready);
        }
        self.next = offset;
        self.history.clear();
        self.history_at = offset;
        self.history_of = None;
    }

    /// Whether nothing was taken yet, so that [`Assembler::rewind`] is possible.
    #[must_use]
    pub fn is_untaken(&self) -> bool {
        self.taken() == self.history_at
    }

    /// Bytes in order: offers them, keeps what was not taken.
    fn advance(&mut self, window: &Window<'_>, take: &mut impl FnMut(&Window<'_>) -> usize) {
        self.remember(window);
        self.next = self.next.saturating_add(window.bytes.len() as u64);
        if self.ready.is_empty() {
            let taken = take(window);
            if taken < window.bytes.len() {
                self.ready.push(&window.from(taken));
            }
            return;
        }
        self.ready.push(window);
        if let Some(front) = self.ready.window(window.dir) {
            let taken = take(&front);
            self.ready.consume(taken);
        }
    }

    fn remember(&mut self, window: &Window<'_>) {
        if self.next.saturating_sub(self.history_at) != self.history.len() as u64 {
            return;
        }
        let room = HISTORY.saturating_sub(self.history.len()).min(window.bytes.len());
        if room > 0 {
            self.history.extend_from_slice(window.bytes.get(..room).unwrap_or_default());
            let evidence = window.evidence(0..room);
            match &mut self.history_of {
                Some(of) => of.join(&evidence),
                none => *none = Some(evidence),
            }
        }
    }

    fn compare_with_history(&self, offset: u64, window: &Window<'_>) -> Option<Conflict> {
        // A keep-alive carries one octet of garbage (RFC 9293 §3.8.4).
        if window.bytes.len() < 2 {
            return None;
        }
        let start = offset.max(self.history_at);
        let old = self.history.get(usize::try_from(start - self.history_at).ok()?..)?;
        let new = window.bytes.get(usize::try_from(start - offset).ok()?..)?;
        let differs = old.iter().zip(new).position(|(a, b)| a != b)?;
        let excerpt = |bytes: &[u8]| bytes.iter().skip(differs).take(64).copied().collect::<Vec<u8>>();
        let mut evidence = window.all();
        if let Some(of) = &self.history_of {
            evidence.join(of);
        }
        Some(Conflict { first: excerpt(old), then: excerpt(new), evidence })
    }

    /// Keeps bytes that came too early, where nothing is kept yet.
    fn keep_early(&mut self, at: u64, window: &Window<'_>, done: &mut Inserted) {
        let mut from = at;
        let end = at.saturating_add(window.bytes.len() as u64);
        while from < end {
            // The piece that covers `from`, else the next one after it.
            if let Some((&start, piece)) = self.early.range(..=from).next_back() {
                let stop = start.saturating_add(piece.len() as u64);
                if stop > from {
                    let overlap = stop.min(end);
                    done.conflict = done.conflict.take().or_else(|| compare(piece, start, window, at, from, overlap));
                    from = overlap;
                    continue;
                }
            }
            let until = self.early.range(from..).next().map_or(end, |(&start, _)| start.min(end));
            let span = usize::try_from(from - at).unwrap_or(usize::MAX)..usize::try_from(until - at).unwrap_or(usize::MAX);
            let Some(part) = window.slice(span) else { return };
            if self.early_len.saturating_add(part.bytes.len()) > MOST_HELD || self.early.len() >= MOST_PIECES {
                done.overflow = true;
                return;
            }
            done.fresh += part.bytes.len();
            self.early_len += part.bytes.len();
            // A segment that continues the piece before it joins that piece.
            let joined = match self.early.range_mut(..from).next_back() {
                Some((&start, piece)) if start.saturating_add(piece.len() as u64) == from => {
                    piece.push(&part);
                    true
                }
                _ => false,
            };
            if !joined {
                let mut piece = Stitched::new();
                piece.push(&part);
                self.early.insert(from, piece);
            }
            from = until;
        }
    }
}

/// Compares bytes `from..to` of a kept piece with new ones.
fn compare(piece: &Stitched, piece_at: u64, window: &Window<'_>, window_at: u64, from: u64, to: u64) -> Option<Conflict> {
    let span = |base: u64| Some(usize::try_from(from.checked_sub(base)?).ok()?..usize::try_from(to.checked_sub(base)?).ok()?);
    let kept = piece.window(window.dir)?.slice(span(piece_at)?)?;
    let new = window.slice(span(window_at)?)?;
    let differs = kept.bytes.iter().zip(new.bytes).position(|(a, b)| a != b)?;
    let excerpt = |bytes: &[u8]| bytes.iter().skip(differs).take(64).copied().collect::<Vec<u8>>();
    Some(Conflict { first: excerpt(kept.bytes), then: excerpt(new.bytes), evidence: kept.all().and(&new.all()) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::base::{Frame, FrameNo, LinkType, Timestamp};
    use proptest::prelude::*;

    fn frame(n: u64, bytes: &[u8]) -> Frame<'_> {
        let number = (1..n).fold(FrameNo::FIRST, |f, _| f.next());
        Frame { number, at: Timestamp::ZERO, bytes, wire_len: 0, link: LinkType(1), interface: 0 }
    }

    /// Inserts every piece as a frame of its own and returns what a consumer that takes all saw.
    fn assemble(pieces: &[(u64, &[u8])]) -> Vec<u8> {
        let mut assembler = Assembler::default();
        let mut seen = Vec::new();
        for (i, (offset, bytes)) in pieces.iter().enumerate() {
            let frame = frame(i as u64 + 1, bytes);
            assembler.insert(*offset, &frame.window(bytes), &mut |w| {
                seen.extend_from_slice(w.bytes);
                w.bytes.len()
            });
        }
        seen
    }

    #[test]
    fn segments_in_any_order_make_the_same_bytes() {
        assert_eq!(assemble(&[(0, b"ab"), (2, b"cd"), (4, b"ef")]), b"abcdef");
        assert_eq!(assemble(&[(4, b"ef"), (2, b"cd"), (0, b"ab")]), b"abcdef");
        assert_eq!(assemble(&[(2, b"cd"), (4, b"ef"), (0, b"ab")]), b"abcdef");
    }

    #[test]
    fn of_two_different_copies_the_first_wins_and_both_are_told() {
        let mut assembler = Assembler::default();
        let (first, then) = (frame(1, b"one.example"), frame(2, b"two.example"));
        let mut keep_all = |_: &Window<'_>| 0;
        assembler.insert(0, &first.window(first.bytes), &mut keep_all);
        let conflict = assembler.insert(0, &then.window(then.bytes), &mut keep_all).conflict.unwrap();
        assert_eq!((conflict.first.as_slice(), conflict.then.as_slice()), (&b"one.example"[..], &b"two.example"[..]));
        assert_eq!(conflict.evidence.display_filter(), "frame.number in {1,2}");
        assert_eq!(assembler.front(Dir::Client).unwrap().bytes, b"one.example");
    }

    #[test]
    fn bytes_not_taken_are_offered_again_with_all_their_frames() {
        let mut assembler = Assembler::default();
        let (a, b) = (frame(1, b"ab"), frame(2, b"cd"));
        assembler.insert(0, &a.window(a.bytes), &mut |_| 0);
        let mut offered = None;
        assembler.insert(2, &b.window(b.bytes), &mut |w| {
            offered = Some((w.bytes.to_vec(), w.evidence(0..4).display_filter(), w.evidence(2..3).display_filter()));
            4
        });
        assert_eq!(offered.unwrap(), (b"abcd".to_vec(), "frame.number in {1,2}".into(), "frame.number in {2}".into()));
    }

    #[test]
    fn a_gap_is_told_once_and_the_bytes_after_it_are_read() {
        let mut assembler = Assembler::default();
        let f = frame(1, b"later");
        assembler.insert(10, &f.window(f.bytes), &mut |_| 0);
        let (mut missing, mut seen) = (0, Vec::new());
        assembler.skip_gap(Dir::Client, &mut |n| missing = n, &mut |w| {
            seen.extend_from_slice(w.bytes);
            w.bytes.len()
        });
        assert_eq!((missing, seen.as_slice()), (10, &b"later"[..]));
    }

    #[test]
    fn a_segment_that_fills_the_hole_is_read_though_as_much_waits_as_may() {
        let mut assembler = Assembler::default();
        let (head, rest) = ([1; 1000], vec![2; MOST_HELD]);
        let (late, early) = (frame(2, &head), frame(1, &rest));
        let mut seen = Vec::new();
        let mut take = |w: &Window<'_>| {
            seen.extend_from_slice(w.bytes);
            w.bytes.len()
        };
        assembler.insert(1000, &early.window(early.bytes), &mut take);
        let inserted = assembler.insert(0, &late.window(late.bytes), &mut take);
        assert_eq!((inserted.fresh, inserted.overflow), (1000, false));
        assert_eq!(seen.len(), 1000 + MOST_HELD);
    }

    #[test]
    fn bytes_from_before_a_guessed_start_are_put_in_front_while_nothing_was_taken() {
        let mut assembler = Assembler::starting_at(100);
        let (b, a) = (frame(1, b"cd"), frame(2, b"ab"));
        assembler.insert(100, &b.window(b.bytes), &mut |_| 0);
        assert!(assembler.is_untaken());
        assembler.rewind(98);
        let mut seen = Vec::new();
        assembler.insert(98, &a.window(a.bytes), &mut |w| {
            seen.push(w.bytes.to_vec());
            0
        });
        assert_eq!(seen.last().unwrap(), b"abcd");
    }

    proptest! {
        #[test]
        fn any_cutting_overlapping_and_order_gives_the_same_bytes(
            data in proptest::collection::vec(any::<u8>(), 1..200),
            cuts in proptest::collection::vec((0usize..200, 1usize..60), 0..30),
            seed in any::<u64>(),
        ) {
            let mut pieces: Vec<(u64, &[u8])> = cuts.iter().filter(|(at, _)| *at < data.len())
                .map(|&(at, len)| (at as u64, &data[at..(at + len).min(data.len())])).collect();
            // Whole coverage in small steps, then everything shuffled.
            pieces.extend((0..data.len()).step_by(7).map(|at| (at as u64, &data[at..(at + 7).min(data.len())])));
            let mut state = seed | 1;
            for i in (1..pieces.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pieces.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(assemble(&pieces), data);
        }
    }
}
