//! TLS handshake messages, whichever transport carries them (RFC 8446 §4, RFC 5246 §7.4).

use super::hello::{Broken, ClientHello, ServerHello};
use super::offer::{self, Offer};
use super::progress::Progress;
use super::terms::Terms;
use super::{answer, certificate, encrypted, exchange, ssl2};
use crate::base::{CipherSuite, Dir, Evidence, Facts, Kind, Message, ProtocolVersion, Reader, Sides, Timestamp, What, Window};

/// What carries the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TLS records over a byte stream.
    Tls,
    /// DTLS records.
    Dtls,
    /// QUIC CRYPTO frames.
    Quic,
}

/// How many malformed messages of one handshake are told.
const MOST_MALFORMED: u8 = 4;

/// What the messages of one handshake said. Of several handshakes on one connection, and of two `ClientHello`s around a
/// `HelloRetryRequest`, the first is the one that is stated.
#[derive(Debug)]
pub struct Handshake {
    carrier: Carrier,
    /// The side whose hello says that it is the client.
    client: Option<Dir>,
    offer: Offer,
    offered: Option<Evidence>,
    retried: Option<Evidence>,
    answered: Option<Answer>,
    /// Whether the session is a new one or a resumed one is known.
    kind_known: bool,
    /// Bytes of a side were lost: of its messages, a missing one proves nothing.
    lost: Sides<bool>,
    malformed: u8,
    pub(super) progress: Progress,
    /// What keys depend on; kept only where there are keys.
    terms: Option<Box<Terms>>,
}

/// The `ServerHello`.
#[derive(Debug)]
pub(super) struct Answer {
    pub version: ProtocolVersion,
    pub cipher: CipherSuite,
    pub evidence: Evidence,
}

impl Handshake {
    /// What carries its messages.
    pub(super) fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// A handshake of which nothing was seen.
    #[must_use]
    pub fn new(carrier: Carrier) -> Handshake {
        Handshake {
            carrier,
            client: None,
            offer: Offer::default(),
            offered: None,
            retried: None,
            answered: None,
            kind_known: false,
            lost: Sides::default(),
            malformed: 0,
            progress: Progress::default(),
            terms: None,
        }
    }

    /// From now on keeps what keys depend on.
    pub(in crate::dissect) fn follow(&mut self, terms: Terms) {
        self.terms = Some(Box::new(terms));
    }

    /// What keys depend on.
    pub(in crate::dissect) fn terms(&self) -> Option<&Terms> {
        self.terms.as_deref()
    }

    /// Reads one whole handshake message that was in clear: its 4-octet header (type, 24-bit length) and body, without DTLS's fields.
    pub fn message(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let mut r = Reader::new(window.bytes);
        let (Ok(kind), Ok(body)) = (r.u8(), r.vec24()) else { return };
        if let Some(terms) = &mut self.terms {
            terms.message(window.bytes, window.dir, self.carrier);
        }
        let evidence = window.all();
        let message = Handshake::kind(kind, body);
        facts.step(window.dir, message, arrived(window), evidence.clone());
        if !self.is_in_role(message, window.dir) {
            return self.tell(message, Broken::not("the side that sent it has the other role"), evidence, facts);
        }
        let read = match message {
            Message::ClientHello => self.client_hello(body, &evidence, facts),
            Message::ServerHello => self.server_hello(body, &evidence, facts),
            Message::HelloRetryRequest => self.retry(kind, body, &evidence, facts),
            Message::HelloVerifyRequest => {
                once(What::DtlsCookie(true), &evidence, facts);
                Ok(())
            }
            Message::Certificate => self.certificate(window, kind, body, &evidence, facts),
            Message::EncryptedExtensions => encrypted::extensions(body, &evidence, facts),
            Message::Finished => {
                self.progress.finished(window.dir, &evidence);
                Ok(())
            }
            Message::ServerKeyExchange => self.server_key_exchange(body, &evidence, facts),
            Message::ServerHelloDone => {
                self.full(&evidence, facts);
                Ok(())
            }
            Message::CertificateRequest => {
                once(What::TlsCertificateRequested(true), &evidence, facts);
                Ok(())
            }
            // In TLS 1.3 it is never in clear.
            Message::NewSessionTicket if !self.version().is_some_and(ProtocolVersion::is_1_3) => {
                once(What::TlsTicketIssued(true), &evidence, facts);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(broken) = read {
            // What one side may say follows from what the other one said.
            let evidence = match &self.offered {
                Some(offered) if message == Message::ServerHello && self.answered.is_none() => offered.clone().and(&evidence),
                _ => evidence,
            };
            self.tell(message, broken, evidence, facts);
        }
    }

    /// Whether this side can send this message. Who sends a `ClientHello` and then answers it has negotiated with nobody.
    fn is_in_role(&mut self, message: Message, dir: Dir) -> bool {
        let client = match message {
            Message::ClientHello => *self.client.get_or_insert(dir),
            Message::ServerHello | Message::HelloRetryRequest | Message::HelloVerifyRequest => *self.client.get_or_insert(dir.other()),
            _ => self.client.unwrap_or(Dir::Client),
        };
        match message {
            Message::ClientHello | Message::ClientKeyExchange => client == dir,
            Message::ServerHello
            | Message::HelloRetryRequest
            | Message::HelloVerifyRequest
            | Message::ServerKeyExchange
            | Message::ServerHelloDone
            | Message::CertificateRequest
            | Message::NewSessionTicket => client != dir,
            _ => true,
        }
    }

    /// Whether a `ServerHello` that is not a `HelloRetryRequest` was read.
    #[must_use]
    pub fn has_server_hello(&self) -> bool {
        self.answered.is_some()
    }

    /// Whether a `ClientHello` was read.
    #[must_use]
    pub fn has_client_hello(&self) -> bool {
        self.offered.is_some()
    }

    /// The negotiated version, once there is one.
    #[must_use]
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.answered.as_ref().map(|a| a.version)
    }

    /// Whether a `HelloRetryRequest` was read.
    #[must_use]
    pub fn has_retry(&self) -> bool {
        self.retried.is_some()
    }

    /// Reads a `ChangeCipherSpec`. A server that sends one after its `ServerHello` without a `Certificate`, a
    /// `ServerKeyExchange` or a `ServerHelloDone` resumes a session (RFC 5246 §7.3).
    pub fn change_cipher_spec(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let evidence = window.all();
        facts.step(window.dir, Message::ChangeCipherSpec, arrived(window), evidence.clone());
        self.progress.changed(window.dir, &evidence);
        if window.dir == Dir::Client || self.kind_known || self.lost.server {
            return;
        }
        if let Some(answer) = self.answered.as_ref().filter(|a| !a.version.is_1_3()) {
            self.kind_known = true;
            facts.observe(What::TlsResumed(true), evidence.and(&answer.evidence));
        }
    }

    /// Messages of one side were lost, or could not be read.
    pub fn lost(&mut self, dir: Dir) {
        *self.lost.of_mut(dir) = true;
    }

    /// Notes that where a message should begin, something else stands.
    pub(super) fn no_message(&mut self, window: &Window<'_>, facts: &mut Facts) {
        self.tell(Message::OtherHandshake, Broken::not("no type of message stands where one should begin"), window.all(), facts);
    }

    pub(super) fn has_lost(&self, dir: Dir) -> bool {
        *self.lost.of(dir)
    }

    /// Takes a hello that is not one of these messages: SSL 2's.
    pub(super) fn ssl2_hello(&mut self, hello: ssl2::Hello<'_>, window: &Window<'_>, facts: &mut Facts) {
        let (known, message) = match hello {
            ssl2::Hello::Client { .. } => (self.offered.is_some(), Message::ClientHello),
            ssl2::Hello::Server { .. } => (self.answered.is_some(), Message::ServerHello),
        };
        if known || !self.is_in_role(message, window.dir) {
            return;
        }
        let evidence = ssl2::state(hello, window, facts);
        match hello {
            ssl2::Hello::Client { .. } => self.offered = Some(evidence.clone()),
            ssl2::Hello::Server { .. } => {
                let (version, cipher) = (ProtocolVersion::SSL2, CipherSuite(0));
                self.answered = Some(Answer { version, cipher, evidence: evidence.clone() });
            }
        }
        facts.step(window.dir, message, arrived(window), evidence);
    }

    pub(super) fn offer(&self) -> Offer {
        self.offer
    }

    pub(super) fn offered(&self) -> Option<&Evidence> {
        self.offered.as_ref()
    }

    pub(super) fn retried(&self) -> Option<&Evidence> {
        self.retried.as_ref()
    }

    pub(super) fn answered(&self) -> Option<&Answer> {
        self.answered.as_ref()
    }

    /// Which message it is; a `HelloRetryRequest` looks like a `ServerHello` but for its random.
    fn kind(kind: u8, body: &[u8]) -> Message {
        match kind {
            0 => Message::HelloRequest,
            1 => Message::ClientHello,
            2 if matches!(ServerHello::read(body), Ok((hello, _)) if hello.is_retry()) => Message::HelloRetryRequest,
            2 => Message::ServerHello,
            3 => Message::HelloVerifyRequest,
            4 => Message::NewSessionTicket,
            5 => Message::EndOfEarlyData,
            6 => Message::HelloRetryRequest,
            8 => Message::EncryptedExtensions,
            11 | encrypted::COMPRESSED_CERTIFICATE => Message::Certificate,
            12 => Message::ServerKeyExchange,
            13 => Message::CertificateRequest,
            14 => Message::ServerHelloDone,
            15 => Message::CertificateVerify,
            16 => Message::ClientKeyExchange,
            20 => Message::Finished,
            22 => Message::CertificateStatus,
            24 => Message::KeyUpdate,
            _ => Message::OtherHandshake,
        }
    }

    fn client_hello(&mut self, body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
        if self.offered.is_some() {
            return Ok(());
        }
        let (hello, broken) = ClientHello::read(body, self.carrier)?;
        self.offered = Some(evidence.clone());
        self.offer = offer::state(&hello, self.carrier, evidence, facts);
        if self.answered.is_none() {
            answer::protocol(self.family(), evidence, facts);
        }
        broken.map_or(Ok(()), Err)
    }

    fn server_hello(&mut self, body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
        if self.answered.is_some() {
            return Ok(());
        }
        let (hello, broken) = ServerHello::read(body)?;
        if self.offered.is_some() && !answer::is_offered(hello.version(), facts) {
            return Err(Broken::not("it chooses a version that the client did not offer"));
        }
        answer::state(&hello, self.carrier, self.offer, evidence, facts);
        let version = hello.version();
        self.kind_known = version.is_1_3();
        self.answered = Some(Answer { version, cipher: hello.cipher, evidence: evidence.clone() });
        broken.map_or(Ok(()), Err)
    }

    fn retry(&mut self, kind: u8, body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
        if self.retried.is_some() || self.answered.is_some() {
            return Ok(());
        }
        let (hello, broken) = if kind == 6 { ServerHello::read_draft_retry(body)? } else { ServerHello::read(body)? };
        self.retried = Some(evidence.clone());
        answer::retry(&hello, evidence, facts);
        broken.map_or(Ok(()), Err)
    }

    fn certificate(&mut self, window: &Window<'_>, kind: u8, body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
        let (dir, at) = (window.dir, arrived(window));
        let known = match dir {
            Dir::Client => Kind::TlsClientCertSha256,
            Dir::Server => Kind::TlsCertSha256,
        };
        if dir == Dir::Server {
            self.full(evidence, facts);
        }
        if facts.has(known) {
            return Ok(());
        }
        match self.version() {
            Some(version) if version.is_1_3() => encrypted::certificate(dir, kind, body, at, evidence, facts),
            _ => certificate::state(dir, body, at, evidence, facts),
        }
    }

    fn server_key_exchange(&mut self, body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
        self.full(evidence, facts);
        let Some(answer) = self.answered.as_ref().filter(|_| !facts.has(Kind::TlsCurve) && !facts.has(Kind::TlsDhBits)) else {
            return Ok(());
        };
        let evidence = evidence.clone();
        exchange::read(body, answer.cipher, answer.version, |what| facts.observe(what, evidence.clone()))
    }

    /// The server sent a message that only a full handshake has.
    fn full(&mut self, evidence: &Evidence, facts: &mut Facts) {
        if let Some(answer) = self.answered.as_ref().filter(|_| !self.kind_known) {
            facts.observe(What::TlsResumed(false), answer.evidence.clone().and(evidence));
            self.kind_known = true;
        }
    }

    fn family(&self) -> &'static str {
        match self.carrier {
            Carrier::Tls => "tls",
            Carrier::Dtls => "dtls",
            Carrier::Quic => "quic",
        }
    }

    fn tell(&mut self, message: Message, broken: Broken, evidence: Evidence, facts: &mut Facts) {
        if self.malformed < MOST_MALFORMED {
            self.malformed = self.malformed.saturating_add(1);
            facts.observe(What::Malformed(format!("{}: {broken}", message.name())), evidence);
        }
    }
}

/// When the last octet of a window came; the window may be a part of a longer one.
pub(super) fn arrived(window: &Window<'_>) -> Timestamp {
    window.arrived(0..window.bytes.len())
}

/// States something that one connection states once.
fn once(what: What, evidence: &Evidence, facts: &mut Facts) {
    if !facts.has(what.kind()) {
        facts.observe(what, evidence.clone());
    }
}
