//! What of a handshake the keys of its records depend on.

use super::Carrier;
use super::hello::{ClientHello, ServerHello};
use crate::base::{CipherSuite, Dir, ExtensionType, ProtocolVersion, Reader, Sides};

/// Octets of handshake kept for the session hash (RFC 7627 §3); a longer handshake has certificates of unheard-of size.
const MOST_TRANSCRIPT: usize = 256 * 1024;

/// What the latest hellos of a connection agreed on: it may be renegotiated (RFC 5246 §7.4.1). Kept only where there are keys.
#[derive(Debug, Default)]
pub(in crate::dissect) struct Terms {
    pub client_random: Option<[u8; 32]>,
    pub server_random: Option<[u8; 32]>,
    pub version: Option<ProtocolVersion>,
    pub cipher: Option<CipherSuite>,
    pub compressed: bool,
    pub encrypt_then_mac: bool,
    pub extended_master_secret: bool,
    /// The client sent ECH, real or not: its true random may be encrypted.
    pub ech: bool,
    /// `Finished` messages of each side that were read: in TLS 1.3 other keys follow each.
    pub finished: Sides<u32>,
    /// `KeyUpdate` messages.
    pub key_updates: Sides<u32>,
    pub end_of_early_data: bool,
    /// The `encrypted_pre_master_secret` of an RSA key exchange.
    pub encrypted_pre_master: Option<Vec<u8>>,
    /// The messages from the `ClientHello` to the `ClientKeyExchange`, where the master secret may depend on them.
    pub transcript: Option<Vec<u8>>,
}

impl Terms {
    /// Terms of a connection of which nothing was seen; `with_transcript` where pre-master secrets may become known.
    pub fn new(with_transcript: bool) -> Terms {
        Terms { transcript: with_transcript.then(Vec::new), ..Terms::default() }
    }

    /// Looks at a whole message: type, length, body.
    pub(super) fn message(&mut self, message: &[u8], dir: Dir, carrier: Carrier) {
        let mut r = Reader::new(message);
        let (Ok(kind), Ok(body)) = (r.u8(), r.vec24()) else { return };
        let before_keys = self.encrypted_pre_master.is_none();
        match kind {
            1 => self.client_hello(body, carrier),
            2 => self.server_hello(body),
            5 => self.end_of_early_data = true,
            16 => self.client_key_exchange(body),
            20 => *self.finished.of_mut(dir) = self.finished.of(dir).saturating_add(1),
            24 => *self.key_updates.of_mut(dir) = self.key_updates.of(dir).saturating_add(1),
            _ => {}
        }
        // HelloRequest is no part of it (RFC 5246 §7.4.1.1).
        if let Some(transcript) = self.transcript.as_mut().filter(|_| before_keys && kind != 0) {
            match transcript.len().saturating_add(message.len()) {
                0..=MOST_TRANSCRIPT => transcript.extend_from_slice(message),
                _ => self.transcript = None,
            }
        }
    }

    fn client_hello(&mut self, body: &[u8], carrier: Carrier) {
        let Ok((hello, _)) = ClientHello::read(body, carrier) else { return };
        let mut r = Reader::new(body);
        let random = r.skip(2).and_then(|()| r.array()).ok();
        self.client_random = random;
        self.ech = hello.extensions.get(ExtensionType::ENCRYPTED_CLIENT_HELLO).is_some();
        self.server_random = None;
        self.encrypted_pre_master = None;
        self.transcript.iter_mut().for_each(Vec::clear);
    }

    fn server_hello(&mut self, body: &[u8]) {
        let Ok((hello, _)) = ServerHello::read(body) else { return };
        if hello.is_retry() {
            return;
        }
        self.server_random = Some(hello.random);
        self.version = Some(hello.version());
        self.cipher = Some(hello.cipher);
        self.compressed = hello.compression != 0;
        self.encrypt_then_mac = hello.extensions.get(ExtensionType::ENCRYPT_THEN_MAC).is_some();
        self.extended_master_secret = hello.extensions.get(ExtensionType::EXTENDED_MASTER_SECRET).is_some();
    }

    /// RFC 5246 §7.4.7.1; SSL 3 leaves out the length (RFC 6101 §5.6.7.1).
    fn client_key_exchange(&mut self, body: &[u8]) {
        let encrypted = match self.version {
            Some(ProtocolVersion::SSL3) => Some(body),
            _ => Reader::new(body).vec16().ok(),
        };
        self.encrypted_pre_master = encrypted.map(<[u8]>::to_vec);
    }
}
