//! TLS and SSL (RFC 8446, 5246, 4346, 2246, 6101), and its handshake for the other protocols that carry one.
//!
//! [`Tls`] reads records from a byte stream; [`Handshake`] reads messages, whoever carries them: DTLS and QUIC use it too.
//! Every fact from a message names all frames of that message, because only together do they say it.

mod answer;
mod certificate;
mod exchange;
mod handshake;
mod hello;
mod ja3;
mod ja4;
mod name;
mod offer;

pub use handshake::{Carrier, Handshake};
#[derive(Debug, Default)]
pub struct Tls;
impl super::Payload for Tls {
    fn feed(&mut self, w: &crate::base::Window<'_>, _: &mut crate::base::Facts) -> usize {
        w.bytes.len()
    }
}
impl super::Protocol for Tls {
    fn probe(_: &crate::base::Window<'_>) -> super::Probe {
        super::Probe::No
    }
}
