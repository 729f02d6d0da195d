//! TLS and SSL (RFC 8446, 5246, 4346, 2246, 6101), and its handshake for the other protocols that carry one.
//!
//! [`Tls`] reads records from a byte stream; [`Handshake`] reads messages, whoever carries them: DTLS and QUIC use it too.
//! Every fact from a message names all frames of that message, because only together do they say it.

mod answer;
mod certificate;
pub mod chain;
pub(in crate::dissect) mod ech;
mod encrypted;
mod exchange;
mod handshake;
mod hello;
mod ja3;
mod ja4;
mod messages;
mod name;
mod offer;
mod opened;
pub(in crate::dissect) mod opening;
mod probe;
mod progress;
mod record;
mod ssl2;
mod terms;

pub use handshake::{Carrier, Handshake};
pub(in crate::dissect) use probe::is_random;
pub use record::Tls;
pub(in crate::dissect) use terms::Terms;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]
mod tests;
