//! The CRYPTO stream of one side (RFC 9000 §7.5, §19.6): bytes by offset in, whole handshake messages out.

use std::collections::BTreeMap;

use crate::base::{Facts, Stitched, What, Window};
use crate::dissect::tls::Handshake;

/// The most octets of handshake that one side may have in Initial packets: a hello is far smaller.
const MOST_OFFSET: u64 = 64 * 1024;
/// How many separate pieces may wait.
const MOST_PIECES: usize = 512;
/// The type and length before each handshake message (RFC 8446 §4).
const MESSAGE_HEADER: usize = 4;

/// What one side said in CRYPTO frames.
#[derive(Debug, Default)]
pub(super) struct CryptoStream {
    next: u64,
    ready: Stitched,
    early: BTreeMap<u64, Stitched>,
    /// Bytes were dropped, or were no handshake: nothing more is read.
    broken: bool,
}

impl CryptoStream {
    /// Puts the bytes of a CRYPTO frame in their place: what came first stays. Whole messages are handed to `handshake`; returns
    /// whether there were any.
    pub fn insert(&mut self, offset: u64, window: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        let end = offset.saturating_add(window.bytes.len() as u64);
        if self.broken || end <= self.next {
            return false;
        }
        if end > MOST_OFFSET || self.early.len() >= MOST_PIECES {
            facts.observe(What::Overflow("quic.crypto"), window.all());
            self.broken = true;
            return false;
        }
        self.keep(offset, end, window);
        while let Some(piece) = self.early.remove(&self.next) {
            if let Some(window) = piece.window(window.dir) {
                self.ready.push(&window);
                self.next = self.next.saturating_add(window.bytes.len() as u64);
            }
        }
        self.read(window, handshake, facts)
    }

    /// Keeps what is not there yet.
    fn keep(&mut self, offset: u64, end: u64, window: &Window<'_>) {
        let mut from = offset.max(self.next);
        while from < end {
            let covered = self.early.range(..=from).next_back().map_or(0, |(&at, piece)| at.saturating_add(piece.len() as u64));
            if covered > from {
                from = covered;
                continue;
            }
            let until = self.early.range(from..).next().map_or(end, |(&at, _)| at.min(end));
            let place = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            if let Some(part) = window.slice(place(from)..place(until)) {
                let mut piece = Stitched::new();
                piece.push(&part);
                self.early.insert(from, piece);
            }
            from = until;
        }
    }

    /// Takes whole messages off the front.
    fn read(&mut self, newest: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        let mut any = false;
        while let Some(front) = self.ready.window(newest.dir) {
            let Some(&[_, a, b, c]) = front.bytes.first_chunk::<MESSAGE_HEADER>() else { break };
            let len = MESSAGE_HEADER + usize::from(a) * 0x1_0000 + usize::from(b) * 0x100 + usize::from(c);
            if len as u64 > MOST_OFFSET {
                facts.observe(
                    What::Malformed("a QUIC handshake message claims to be longer than any hello".into()),
                    front.evidence(0..MESSAGE_HEADER),
                );
                self.broken = true;
                break;
            }
            let Some(message) = front.slice(0..len) else { break };
            handshake.message(&message, facts);
            any = true;
            self.ready.consume(len);
        }
        any
    }
}
