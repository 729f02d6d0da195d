//! TLS handshake messages, whichever transport carries them.

use crate::base::{Facts, Window};

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

/// What the messages of one handshake said.
#[derive(Debug)]
pub struct Handshake {
    carrier: Carrier,
}

impl Handshake {
    /// A handshake of which nothing was seen.
    #[must_use]
    pub fn new(carrier: Carrier) -> Handshake {
        Handshake { carrier }
    }

    /// Reads one whole handshake message that was in clear: its 4-octet header (type, 24-bit length) and body, without DTLS's fields.
    pub fn message(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let _ = (window, facts, self.carrier);
    }

    /// Whether a `ServerHello` that is not a `HelloRetryRequest` was read.
    #[must_use]
    pub fn has_server_hello(&self) -> bool {
        false
    }
}
