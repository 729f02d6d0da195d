//! Handshake messages out of the fragments that records carry (RFC 5246 §6.2.1, RFC 8446 §5.1).

use crate::base::{Dir, Facts, Kind, Reader, Stitched, What, Window};

use super::Handshake;
use super::probe::is_message_type;

/// Octets of a handshake message's header: type and length.
const HEADER: usize = 4;
/// A message longer than this is counted and not read. The longest real ones are certificates.
const MOST: usize = 256 * 1024;

/// Puts the messages of one direction together. Copies only messages that no single fragment holds.
#[derive(Debug, Default)]
pub(super) struct Messages {
    partial: Stitched,
    /// Octets that `partial` must have before it can be looked at again.
    need: usize,
    /// Octets still to come of a message that is not read.
    skip: usize,
}

impl Messages {
    /// Reads one fragment. Returns whether it held what it should: if not, the rest of its record is best left out.
    pub fn fragment(&mut self, fragment: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> bool {
        let mut at = 0;
        // Ends: each round consumes at least an octet.
        while at < fragment.bytes.len() {
            let rest = fragment.from(at);
            let step = if self.skip > 0 {
                let n = self.skip.min(rest.bytes.len());
                self.skip -= n;
                n
            } else if self.partial.is_empty() {
                self.begin(&rest, handshake, facts)
            } else {
                self.go_on(&rest, handshake, facts)
            };
            if step == 0 {
                return false;
            }
            at += step;
        }
        true
    }

    /// `missing` octets of a fragment were lost. Returns whether the next message can still be found.
    pub fn gap(&mut self, missing: usize) -> bool {
        let known = self.skip > 0 || self.partial.len() >= HEADER;
        let rest = if self.skip > 0 { self.skip } else { self.need.saturating_sub(self.partial.len()) };
        self.clear();
        if known && missing <= rest {
            self.skip = rest - missing;
            return true;
        }
        false
    }

    /// Forgets what was begun.
    pub fn clear(&mut self) {
        self.partial = Stitched::new();
        self.skip = 0;
    }

    /// At the start of a message. Returns what was consumed, 0 for something that is no message.
    fn begin(&mut self, rest: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> usize {
        if rest.bytes.first().is_some_and(|&kind| !is_message_type(kind)) {
            return 0;
        }
        match total(rest) {
            Some(total) if total <= rest.bytes.len() => {
                if let Some(message) = rest.slice(0..total) {
                    handshake.message(&message, facts);
                }
                return total;
            }
            Some(total) if total > MOST => self.overflow(total.saturating_sub(rest.bytes.len()), rest, facts),
            found => {
                self.need = found.unwrap_or(HEADER);
                self.partial.push(rest);
            }
        }
        rest.bytes.len()
    }

    /// Inside a message.
    fn go_on(&mut self, rest: &Window<'_>, handshake: &mut Handshake, facts: &mut Facts) -> usize {
        let n = self.need.saturating_sub(self.partial.len()).min(rest.bytes.len());
        if let Some(piece) = rest.slice(0..n) {
            self.partial.push(&piece);
        }
        if self.partial.len() >= self.need {
            self.look(rest.dir, handshake, facts);
        }
        n
    }

    /// As much is there as was needed: the header, or the whole message.
    fn look(&mut self, dir: Dir, handshake: &mut Handshake, facts: &mut Facts) {
        let Some(window) = self.partial.window(dir) else { return };
        match total(&window) {
            Some(total) if total > MOST => {
                let left = total.saturating_sub(window.bytes.len());
                note_overflow(&window, facts);
                self.clear();
                self.skip = left;
            }
            Some(total) if total > window.bytes.len() => self.need = total,
            _ => {
                handshake.message(&window, facts);
                self.clear();
            }
        }
    }

    fn overflow(&mut self, left: usize, window: &Window<'_>, facts: &mut Facts) {
        note_overflow(window, facts);
        self.skip = left;
    }
}

/// The length of a message with its header, when the header is there.
fn total(window: &Window<'_>) -> Option<usize> {
    let mut r = Reader::new(window.bytes);
    r.skip(1).ok()?;
    usize::try_from(r.u24().ok()?).ok()?.checked_add(HEADER)
}

fn note_overflow(window: &Window<'_>, facts: &mut Facts) {
    if !facts.has(Kind::Overflow) {
        facts.observe(What::Overflow("tls handshake message"), window.all());
    }
}
