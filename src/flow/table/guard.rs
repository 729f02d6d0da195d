//! A fault in what reads one connection ends the reading of that connection, and of no other.
//!
//! No dissector is meant to panic on any input. Should one, a folder of captures must not be lost to it: the connection says what happened,
//! the table counts it, and everything else is read as if nothing had been.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Away, Flow, Makers, Packet, Payload, Reading, Watched};
use crate::base::{Dir, Evidence, Frame, LinkType, What};

impl<S: Payload, D: Payload> Flow<S, D> {
    /// Reads the payload. Returns how many octets of it were new, and whether that failed.
    #[inline]
    pub(super) fn guarded_read(&mut self, dir: Dir, packet: &Packet<'_>, makers: &Makers<S, D>, away: Away<'_>) -> (u64, bool) {
        // What may be half done behind it belongs to this flow alone: its reader is dropped, and its facts are appended to one by one.
        match catch_unwind(AssertUnwindSafe(|| self.read(dir, packet, makers, away))) {
            Ok(fresh) => (fresh, false),
            Err(_) => {
                self.fail(packet.payload.all());
                (u64::from(packet.payload_wire_len), true)
            }
        }
    }

    /// Reads what still waits. Returns whether that failed.
    #[must_use]
    pub(super) fn close(&mut self) -> bool {
        let failed = catch_unwind(AssertUnwindSafe(|| self.read_rest())).is_err();
        if failed {
            let first = Frame { number: self.first_frame, at: self.start, bytes: &[], wire_len: 0, link: LinkType(0), interface: 0 };
            self.fail(first.evidence());
        }
        failed
    }

    #[cold]
    fn fail(&mut self, evidence: Evidence) {
        self.watched = Watched::Nothing;
        if !self.reading.is_put_away() {
            self.reading = Reading::Done;
        }
        self.facts_of_now().observe(What::InternalError(true), evidence);
    }
}

#[cfg(test)]
mod tests;
