//! TLS.

mod handshake;

pub use handshake::{Carrier, Handshake};
