//! DTLS 1.0, 1.2 and 1.3 (RFC 4347, RFC 6347, RFC 9147) over UDP, also when a TURN relay carries it.
//!
//! The messages in clear are put together and read by [`Handshake`], as for TLS. Records of later epochs are encrypted and
//! only noticed, unless their keys are at hand: then `opened` reads them. Connectivity checks and media of the same ports (RFC 7983) pass by unread.

pub(in crate::dissect) mod envelope;
mod epoch;
mod fragments;
mod opened;
mod record;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::base::{Basis, Dir, Evidence, Fact, Facts, Kind as FactKind, Message, ProtocolVersion, Sides, What, Window};
use crate::dissect::tls::{Carrier, Handshake, Terms};
use crate::dissect::{Next, Payload, Probe, Protocol, Tools};

use fragments::Fragments;
use opened::{Opening, Sealed};
use record::{Kind, Record, content};

/// Datagrams without anything new after which a connection is left alone.
const MOST_IDLE: u16 = 512;
/// How many different record versions are told.
const MOST_VERSIONS: usize = 4;
/// The handshake header of DTLS has 8 octets that TLS's does not have: with it, no record that only acknowledges up to two
/// others is as long as one with a `Finished` (RFC 9147 §5.2, §7).
const LONGER_HEADER: usize = 8;
/// The epoch of handshake records of DTLS 1.3 (RFC 9147 §6.1).
const HANDSHAKE_EPOCH: u8 = 2;

/// One DTLS connection, fed datagram by datagram.
#[derive(Debug)]
pub struct Dtls {
    handshake: Handshake,
    messages: Sides<Fragments>,
    /// The versions on records, for want of a hello.
    versions: SmallVec<[(ProtocolVersion, Evidence); 1]>,
    /// Keys, where there are some.
    opening: Option<Box<Opening>>,
    begun: bool,
    idle: u16,
    done: bool,
}

impl Default for Dtls {
    fn default() -> Dtls {
        Dtls {
            handshake: Handshake::new(Carrier::Dtls),
            messages: Sides::default(),
            versions: SmallVec::new(),
            opening: None,
            begun: false,
            idle: 0,
            done: false,
        }
    }
}

impl Protocol for Dtls {
    const OPENS: bool = true;

    fn equip(&mut self, tools: &Tools) {
        self.handshake.follow(Terms::new(false));
        self.opening = Some(Box::new(Opening::new(tools)));
    }

    fn probe(window: &Window<'_>) -> Probe {
        if record::is_dtls(envelope::inside(window).bytes) { Probe::Yes } else { Probe::No }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        let datagram = envelope::inside(window);
        let first = record::read(datagram.bytes, None)?;
        match first.kind {
            Kind::Plain { content: content::HANDSHAKE, epoch: 0, .. } => record::sender(*datagram.bytes.get(first.body)?),
            _ => None,
        }
    }
}

impl Payload for Dtls {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if !self.done {
            self.idle = self.idle.saturating_add(1);
            self.datagram(&envelope::inside(window), facts);
            let watched = self.opening.as_ref().is_some_and(|opening| opening.is_watched());
            let unfinished = self.opening.as_ref().is_some_and(|opening| opening.is_unfinished(&self.handshake));
            if self.handshake.is_settled() && !unfinished || self.idle >= MOST_IDLE && !watched {
                self.close(facts);
            }
        }
        window.bytes.len()
    }

    fn close(&mut self, facts: &mut Facts) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        self.flush(Dir::Client, facts);
        self.flush(Dir::Server, facts);
        if !self.handshake.has_client_hello() && !self.handshake.has_server_hello() {
            self.state_record_versions(facts);
        }
        self.handshake.close(facts);
        if let Some(opening) = &mut self.opening {
            opening.close(&mut self.handshake, facts);
        }
    }

    fn next(&self) -> Next {
        if self.done { Next::Done } else { Next::Stay }
    }
}

impl Dtls {
    /// The frames that show that the handshake was completed, if it was.
    pub(in crate::dissect) fn completion(&self) -> Option<Evidence> {
        self.handshake.completed()
    }

    /// Whether DTLS 1.3 was negotiated.
    pub(in crate::dissect) fn is_1_3(&self) -> bool {
        self.handshake.version().is_some_and(ProtocolVersion::is_1_3)
    }

    /// Reads one record after the other (RFC 6347 §4.1.1).
    fn datagram(&mut self, datagram: &Window<'_>, facts: &mut Facts) {
        let mut rest = *datagram;
        loop {
            let cid_len = self.cid_len(rest.dir, facts);
            let Some(record) = record::read(rest.bytes, cid_len) else { break };
            let Some(whole) = rest.slice(0..record.end) else { return };
            let sealed = Sealed { record, whole, cid_len: cid_len.unwrap_or_default() };
            match record.kind {
                Kind::Plain { content, version, epoch } => {
                    self.begin(version, &whole, facts);
                    self.plain(content, epoch, record, &whole, facts);
                    if let Some(opening) = self.opening.as_mut().filter(|_| epoch > 0) {
                        opening.until_1_2(&sealed, content, epoch, &mut self.handshake, facts);
                    }
                }
                Kind::Unified { epoch_bits } if self.may_be_1_3() => {
                    self.unified(epoch_bits, record, &whole, facts);
                    if let Some(opening) = &mut self.opening {
                        opening.since_1_3(&sealed, epoch_bits, &mut self.handshake, facts);
                    }
                }
                Kind::Unified { .. } => break,
            }
            rest = rest.from(record.end);
        }
        if let Some(opening) = self.opening.as_ref().filter(|_| !rest.bytes.is_empty()) {
            opening.passes(&rest);
        }
    }

    fn plain(&mut self, kind: u8, epoch: u16, record: Record, whole: &Window<'_>, facts: &mut Facts) {
        let body = whole.from(record.body);
        match (kind, epoch) {
            (content::HANDSHAKE, 0) => {
                if self.messages.of_mut(whole.dir).record(&body, &mut self.handshake, facts) {
                    self.idle = 0;
                }
            }
            (content::CHANGE_CIPHER_SPEC, 0) => {
                self.flush(whole.dir, facts);
                self.idle = 0;
                if let Some(opening) = &mut self.opening {
                    opening.change(whole.dir, epoch, &self.handshake);
                }
                if let Some(value) = body.slice(0..1) {
                    self.handshake.change_cipher_spec(&value, facts);
                }
            }
            (content::ALERT, 0) => {
                self.flush(whole.dir, facts);
                if let Some(alert) = body.slice(0..2) {
                    self.handshake.alert(&alert, facts);
                }
            }
            (_, 0) => {}
            (content::ALERT, _) => self.handshake.alert(whole, facts),
            (content::HEARTBEAT, _) => {
                if !facts.steps().iter().any(|step| step.dir == whole.dir && step.message == Message::Heartbeat) {
                    facts.step(whole.dir, Message::Heartbeat, whole.at, whole.all());
                }
            }
            _ => {
                self.flush(whole.dir, facts);
                // The type of a record with a connection id is encrypted (RFC 9146 §5): data is the likeliest.
                let is_data = kind != content::HANDSHAKE;
                self.handshake.protected(whole, is_data, body.bytes.len(), facts);
            }
        }
    }

    /// An encrypted record of DTLS 1.3: its type is not visible.
    fn unified(&mut self, epoch_bits: u8, record: Record, whole: &Window<'_>, facts: &mut Facts) {
        self.flush(whole.dir, facts);
        let length = whole.bytes.len().saturating_sub(record.body);
        let finished = if epoch_bits == HANDSHAKE_EPOCH { length.saturating_sub(LONGER_HEADER) } else { length };
        self.handshake.protected(whole, true, finished, facts);
    }

    /// The unified header is one octet of evidence: it counts only where DTLS 1.3 was negotiated, or may have been.
    fn may_be_1_3(&self) -> bool {
        self.handshake.version().is_none_or(ProtocolVersion::is_1_3)
    }

    /// The length of the connection ids in records that a side sends: the other side chose it.
    fn cid_len(&self, dir: Dir, facts: &Facts) -> Option<usize> {
        let Some(Fact { what: What::DtlsConnectionIds(lengths), .. }) = facts.get(FactKind::DtlsConnectionIds) else { return None };
        lengths.get(dir.other().index()).and_then(|&n| usize::try_from(n).ok())
    }

    fn flush(&mut self, dir: Dir, facts: &mut Facts) {
        self.messages.of_mut(dir).flush(dir, &mut self.handshake, facts);
    }

    fn begin(&mut self, version: ProtocolVersion, record: &Window<'_>, facts: &mut Facts) {
        if !std::mem::replace(&mut self.begun, true) {
            facts.replace(Fact { what: What::Protocol("dtls"), basis: Basis::Observed, evidence: record.all() });
            facts.replace(Fact { what: What::TlsVersionProtocol("dtls"), basis: Basis::Observed, evidence: record.all() });
        }
        if self.versions.len() < MOST_VERSIONS && self.versions.iter().all(|(v, _)| *v != version) {
            self.versions.push((version, record.all()));
        }
    }

    fn state_record_versions(&mut self, facts: &mut Facts) {
        let mut versions = std::mem::take(&mut self.versions).into_iter();
        let Some((first, mut evidence)) = versions.next() else { return };
        let mut list = vec![first];
        for (version, frames) in versions {
            list.push(version);
            evidence.join(&frames);
        }
        facts.observe(What::TlsRecordVersions(list), evidence);
    }
}
