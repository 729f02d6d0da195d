//! Opening records with keys of the user's own sessions: TLS here, and what DTLS and QUIC share with it.
//!
//! Every primitive is aws-lc-rs's, or RustCrypto's where it has none (AES-CCM, 3DES, RC4, HMAC-MD5); here is only which key, which nonce
//! and which additional data the RFCs prescribe.

mod aead;
mod budget;
mod cbc;
mod mac;
mod pre_master;
mod prf;
mod schedule;
mod suite;
mod tls12;
mod tls13;

pub(in crate::dissect) use budget::Budget;
pub(in crate::dissect) use pre_master::master_of;
pub(in crate::dissect) use schedule::{RecordKey, expand_label, next_secret};
pub(in crate::dissect) use suite::{AeadKind, Suite, Suite13};
pub(super) use tls12::Tls12;
pub(in crate::dissect) use tls12::{Head, Key12};
pub(super) use tls13::Tls13;
pub(in crate::dissect) use tls13::content;

/// What a record protected.
pub(in crate::dissect) struct Opened {
    /// Its content type.
    pub content: u8,
    /// Its content.
    pub plain: Vec<u8>,
    /// No key was needed: nothing encrypted it.
    pub keyless: bool,
}
