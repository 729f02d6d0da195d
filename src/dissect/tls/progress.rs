//! How far a handshake came: what the records around its messages say (contract §5, "handshake"; RFC 8446 §2, RFC 5246 §7.3).

use super::handshake::{Carrier, Handshake, arrived};
use crate::base::{Alert, AlertDescription, Basis, Dir, Evidence, Fact, Facts, Kind, Message, Reader, Sides, What, Window};

/// Alerts of one connection that are kept.
const MOST_ALERTS: usize = 16;
/// No TLS 1.3 record with a `Finished` is shorter: header, the shortest hash, content type, the shortest tag (RFC 8446 §4.4.4,
/// §5.2). An alert's is 19 octets at most, unless padded.
const SHORTEST_FINISHED: usize = 4 + 32 + 1 + 8;
/// `close_notify` and `user_canceled` end a handshake without being errors.
const ENDS: [u8; 2] = [0, 90];

/// What was seen of records, beside messages in clear.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// `ChangeCipherSpec`.
    changed: Sides<Option<Evidence>>,
    /// The first protected record: in TLS 1.3 one of type application data, before one after `ChangeCipherSpec`.
    protected: Sides<Option<Evidence>>,
    /// The first record after `ChangeCipherSpec` (before TLS 1.3), or of a later epoch (DTLS): what came before it was not protected,
    /// whatever its type says.
    after_change: Sides<Option<Evidence>>,
    /// A client's record after the server's flight, long enough for a `Finished` of TLS 1.3.
    finished: Option<Evidence>,
    /// A record of type application data.
    data: Sides<bool>,
    /// Protected records of other types, told once.
    sealed: Sides<bool>,
    /// `Finished` of TLS 1.3, read with keys.
    opened_finished: Sides<Option<Evidence>>,
    /// An alert in clear that ends the connection.
    refused: Option<Evidence>,
    /// An alert read with keys that ends the handshake.
    opened_refusal: Option<Evidence>,
    /// Whatever came first.
    first: Option<Evidence>,
    settled: bool,
}

impl Progress {
    pub fn changed(&mut self, dir: Dir, evidence: &Evidence) {
        self.begin(evidence);
        self.changed.of_mut(dir).get_or_insert_with(|| evidence.clone());
    }

    /// A `Finished` was read with keys.
    pub fn finished(&mut self, dir: Dir, evidence: &Evidence) {
        self.opened_finished.of_mut(dir).get_or_insert_with(|| evidence.clone());
    }

    /// Remembers the frames of what came first.
    pub fn begin(&mut self, evidence: &Evidence) {
        if self.first.is_none() {
            self.first = Some(evidence.clone());
        }
    }
}

impl Handshake {
    /// The frames of the hello's answer and of the `Finished` of both sides, where they were read with keys.
    pub(in crate::dissect) fn both_finished(&self) -> Option<Evidence> {
        match (&self.progress.opened_finished, self.answered()) {
            (Sides { client: Some(client), server: Some(server) }, Some(answer)) => Some(answer.evidence.clone().and(server).and(client)),
            _ => None,
        }
    }

    /// A protected record: its header (or all of it), whether its type is application data, and how long its fragment is.
    /// DTLS 1.2 and earlier: a record of an epoch other than 0. DTLS 1.3: pass `true` for every encrypted record.
    pub fn protected(&mut self, header: &Window<'_>, is_data: bool, length: usize, facts: &mut Facts) {
        let dir = header.dir;
        let (evidence, at) = (|| header.all(), || arrived(header));
        let answered = self.has_server_hello() && (!self.offer().early_data || self.progress.protected.server.is_some());
        let has_epochs = self.carrier() == Carrier::Dtls;
        let progress = &mut self.progress;
        let told = if is_data { progress.data.of_mut(dir) } else { progress.sealed.of_mut(dir) };
        if !std::mem::replace(told, true) {
            let message = if is_data { Message::ApplicationData } else { Message::EncryptedHandshake };
            facts.step(dir, message, at(), evidence());
        }
        if is_data || progress.changed.of(dir).is_some() {
            progress.protected.of_mut(dir).get_or_insert_with(evidence);
        }
        if has_epochs || progress.changed.of(dir).is_some() {
            progress.after_change.of_mut(dir).get_or_insert_with(evidence);
        }
        // What a client encrypts before the server has answered is 0-RTT data, or nothing that TLS knows.
        if dir == Dir::Client && is_data && length >= SHORTEST_FINISHED && answered {
            progress.finished.get_or_insert_with(evidence);
        }
        if progress.first.is_none() {
            progress.first = Some(evidence());
        }
    }

    /// The contents of an alert record, which was in clear when it is two octets of which the first is 1 or 2.
    pub fn alert(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let evidence = window.all();
        self.progress.begin(&evidence);
        let mut r = Reader::new(window.bytes);
        let (Ok(level @ (1 | 2)), Ok(description), true) = (r.u8(), r.u8(), r.is_empty()) else {
            if !*self.progress.sealed.of(window.dir) {
                *self.progress.sealed.of_mut(window.dir) = true;
                facts.step(window.dir, Message::EncryptedAlert, arrived(window), evidence);
            }
            return;
        };
        facts.step(window.dir, Message::Alert, arrived(window), evidence.clone());
        if level == 2 || ENDS.contains(&description) {
            self.progress.refused.get_or_insert_with(|| evidence.clone());
        }
        let alert = Alert { dir: window.dir, fatal: level == 2, description: AlertDescription(description) };
        match facts.get_mut(Kind::TlsAlerts) {
            Some(Fact { what: What::TlsAlerts(list), evidence: frames, .. }) => {
                if list.len() < MOST_ALERTS {
                    list.push(alert);
                    frames.join(&evidence);
                }
            }
            _ => facts.observe(What::TlsAlerts(vec![alert]), evidence),
        }
    }

    /// An alert that was opened with keys. The ordinary ends are only steps.
    pub(in crate::dissect) fn opened_alert(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let &[level, description] = window.bytes else { return };
        let evidence = window.all();
        facts.step(window.dir, Message::Alert, arrived(window), evidence.clone());
        if ENDS.contains(&description) {
            return;
        }
        if level == 2 && self.both_finished().is_none() {
            self.progress.opened_refusal.get_or_insert_with(|| evidence.clone());
        }
        let alert = Alert { dir: window.dir, fatal: level == 2, description: AlertDescription(description) };
        match facts.get_mut(Kind::TlsAlerts) {
            Some(Fact { what: What::TlsAlerts(list), evidence: frames, basis }) => {
                if list.len() < MOST_ALERTS {
                    list.push(alert);
                    frames.join(&evidence);
                    *basis = Basis::ObservedWithKeys;
                }
            }
            _ => facts.observe(What::TlsAlerts(vec![alert]), evidence),
        }
    }

    /// The frames that show that the handshake was completed, if it was.
    #[must_use]
    pub fn completed(&self) -> Option<Evidence> {
        self.completion().map(|(_, evidence)| evidence)
    }

    /// Whether nothing that is still to come can change what is known.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.progress.data.client && self.progress.data.server && self.completion().is_some()
    }

    /// The connection is over, or settled: states how far the handshake came. Does so once.
    pub fn close(&mut self, facts: &mut Facts) {
        if std::mem::replace(&mut self.progress.settled, true) {
            return;
        }
        if let Some((basis, evidence)) = self.completion() {
            facts.add(Fact { what: What::TlsEstablished(true), basis, evidence: evidence.clone() });
            facts.add(Fact { what: What::Handshake("complete"), basis, evidence });
            return;
        }
        if let Some((basis, evidence)) = self.failure() {
            facts.add(Fact { what: What::TlsEstablished(false), basis, evidence: evidence.clone() });
            facts.add(Fact { what: What::Handshake("failed"), basis, evidence });
            return;
        }
        match (self.offered(), self.answered()) {
            (Some(offered), None) => {
                let evidence = self.retried().map_or_else(|| offered.clone(), |retried| offered.clone().and(retried));
                facts.observe(What::Handshake("client-only"), evidence);
            }
            (None, Some(answer)) => facts.observe(What::Handshake("server-only"), answer.evidence.clone()),
            (None, None) => match (self.retried(), &self.progress.first) {
                (Some(retried), _) => facts.observe(What::Handshake("server-only"), retried.clone()),
                (None, Some(first)) => facts.infer(What::Handshake("missing"), first.clone()),
                (None, None) => {}
            },
            // Both hellos, and then neither an end nor a beginning: none of the contract's words.
            (Some(_), Some(_)) => {}
        }
    }

    /// That the handshake was completed, and the frames that show it. For TLS 1.3, where all that follows the
    /// `ServerHello` is encrypted, it is inferred.
    fn completion(&self) -> Option<(Basis, Evidence)> {
        let answer = self.answered()?;
        self.offered()?;
        let Progress { changed, protected, after_change, finished, opened_refusal, .. } = &self.progress;
        if opened_refusal.is_some() {
            return None;
        }
        if answer.version.is_1_3() {
            if let Some(evidence) = self.both_finished() {
                return Some((Basis::ObservedWithKeys, evidence));
            }
            let (server, client) = (protected.server.as_ref()?, finished.as_ref()?);
            return Some((Basis::Inferred, answer.evidence.clone().and(server).and(client)));
        }
        let parts = [changed.client.as_ref()?, changed.server.as_ref()?, after_change.client.as_ref()?, after_change.server.as_ref()?];
        let evidence = parts.into_iter().fold(answer.evidence.clone(), Evidence::and);
        Some((Basis::Observed, evidence))
    }

    /// That the handshake failed: an alert in clear ended it; or, in TLS 1.3, all that the client sent after the server's
    /// flight was too short for its `Finished`, as an encrypted alert is.
    fn failure(&self) -> Option<(Basis, Evidence)> {
        let Progress { protected, finished, refused, data, .. } = &self.progress;
        let is_1_3 = self.version().is_some_and(|v| v.is_1_3());
        if let Some(refused) = &self.progress.opened_refusal {
            return Some((Basis::ObservedWithKeys, refused.clone()));
        }
        if let Some(refused) = refused {
            return (is_1_3 && finished.is_none() || !data.client && !data.server).then(|| (Basis::Observed, refused.clone()));
        }
        let client = protected.client.as_ref().filter(|_| is_1_3 && finished.is_none() && protected.server.is_some())?;
        let whole = !self.offer().early_data && !self.has_lost(Dir::Client);
        whole.then(|| (Basis::Inferred, client.clone()))
    }
}
