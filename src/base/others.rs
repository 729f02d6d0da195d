//! What went by on a connection and is not of its protocol, counted also after its other facts were put away.

use super::text::{begins_with_text, is_text};
use super::{Evidence, Exposed, Fact, Facts, What, Window};

/// Text that somebody sent on a TLS connection outside its records, whatever TLS protected before and after.
pub const TEXT_OUTSIDE_TLS: &str = "text outside TLS";

impl Facts {
    /// Adds what was stated after these facts were put away; what was counted before is counted on.
    pub fn add_late(&mut self, late: &Facts) {
        for fact in late.list() {
            match fact.what {
                What::QuicOtherDatagrams(_) | What::TlsOtherOctets(_) => self.count_other(fact.what.clone(), &fact.evidence),
                What::Readable(ref more) => match self.readable_mut(more.kind, more.what) {
                    Some((known, frames)) => {
                        known.count = known.count.saturating_add(more.count);
                        known.bytes = known.bytes.saturating_add(more.bytes);
                        frames.join(&fact.evidence);
                    }
                    None => self.add(fact.clone()),
                },
                _ => self.add(fact.clone()),
            }
        }
    }

    /// A datagram that is not QUIC, on the ports of a QUIC connection.
    pub fn other_datagram(&mut self, datagram: &Window<'_>) {
        self.count_other(What::QuicOtherDatagrams(1), &datagram.all());
        if begins_with_text(datagram.bytes) {
            self.readable(Exposed::Content, "text beside QUIC", datagram.bytes, datagram.all());
        }
    }

    /// Octets of a TLS connection that are in no record.
    pub fn other_octets(&mut self, octets: &Window<'_>) {
        self.count_other(What::TlsOtherOctets(octets.bytes.len() as u64), &octets.all());
        if is_text(octets.bytes) {
            self.readable(Exposed::Content, TEXT_OUTSIDE_TLS, octets.bytes, octets.all());
        }
    }

    /// Counts what went by that is not of the protocol: [`What::QuicOtherDatagrams`] or [`What::TlsOtherOctets`].
    pub fn count_other(&mut self, more: What, frames: &Evidence) {
        match (self.get_mut(more.kind()), &more) {
            (Some(Fact { what: What::QuicOtherDatagrams(count), evidence, .. }), What::QuicOtherDatagrams(more))
            | (Some(Fact { what: What::TlsOtherOctets(count), evidence, .. }), What::TlsOtherOctets(more)) => {
                *count = count.saturating_add(*more);
                evidence.join(frames);
            }
            _ => self.observe(more, frames.clone()),
        }
    }
}
