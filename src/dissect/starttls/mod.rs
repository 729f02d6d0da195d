//! Plain protocols in which TLS may begin.
//!
//! Each recognises its own bytes, follows the negotiation, and after the server agreed hands over to TLS with
//! [`Next::Upgrade`]. The line-based protocols share one state machine, [`Dialogue`], because their openings overlap:
//! a bare `220` greets in SMTP and in FTP.

mod dialogue;
mod ftp;
mod imap;
mod irc;
mod ldap;
mod mysql;
mod nntp;
mod overheard;
mod pop3;
mod postgres;
mod rdp;
mod sieve;
mod smtp;
#[cfg(test)]
mod tests;
mod xmpp;

pub use dialogue::Dialogue;
pub use ldap::Ldap;
pub use mysql::Mysql;
pub use postgres::Postgres;
pub use rdp::Rdp;
pub use xmpp::Xmpp;

use super::Next;
use crate::base::{Evidence, Facts, Kind, Message, What, Window};

/// Where the negotiation of TLS inside a plain protocol stands.
#[derive(Debug, Default)]
struct Upgrade {
    /// The frames that asked for TLS, while no answer was seen.
    request: Option<Evidence>,
    over: Option<Next>,
}

impl Upgrade {
    /// The client asked for TLS in `window`.
    fn ask(&mut self, window: &Window<'_>, facts: &mut Facts) {
        let evidence = window.all();
        facts.step(window.dir, Message::StartTlsRequest, window.at, evidence.clone());
        self.request = Some(evidence);
    }

    /// Whether a request waits for its answer.
    fn asked(&self) -> bool {
        self.request.is_some()
    }

    /// The server agreed in `window`: what follows is TLS.
    fn agree(&mut self, name: &'static str, window: &Window<'_>, facts: &mut Facts) {
        let evidence = window.all();
        facts.step(window.dir, Message::StartTlsAccepted, window.at, evidence.clone());
        self.start(name, evidence, facts);
    }

    /// TLS starts with the octet after those of `evidence`.
    fn start(&mut self, name: &'static str, mut evidence: Evidence, facts: &mut Facts) {
        if let Some(request) = self.request.take() {
            evidence.join(&request);
        }
        facts.observe(What::StartTls(name), evidence);
        self.over = Some(Next::Upgrade);
    }

    /// The server refused in `window`: the dialogue goes on in clear.
    fn refuse(&mut self, name: &'static str, window: &Window<'_>, facts: &mut Facts) {
        let mut evidence = window.all();
        facts.step(window.dir, Message::StartTlsRefused, window.at, evidence.clone());
        if let Some(request) = self.request.take() {
            evidence.join(&request);
        }
        if !facts.has(Kind::StartTlsRefused) {
            facts.observe(What::StartTlsRefused(name), evidence);
        }
    }

    /// TLS is there at the front of `window`, though no agreement was seen before it: an inference.
    fn infer(&mut self, name: Option<&'static str>, window: &Window<'_>, facts: &mut Facts) {
        let mut evidence = window.evidence(0..TLS_HEADER);
        if let Some(request) = self.request.take() {
            evidence.join(&request);
        }
        if let Some(name) = name {
            facts.infer(What::StartTls(name), evidence);
        }
        self.over = Some(Next::Upgrade);
    }

    /// TLS can no longer begin, or nothing can be read any more.
    fn give_up(&mut self) {
        self.over = Some(Next::Done);
    }

    fn is_over(&self) -> bool {
        self.over.is_some()
    }

    fn next(&self) -> Next {
        self.over.unwrap_or(Next::Stay)
    }
}

/// Octets of a TLS record header (RFC 8446 §5.1).
pub(super) const TLS_HEADER: usize = 5;

/// Whether a TLS record stands at the front of `bytes`; `None` while they are too few to tell.
///
/// The content types 20 to 23 are control characters, so no line, tag or packet of the plain protocols starts like this.
pub(super) fn tls_at_front(bytes: &[u8]) -> Option<bool> {
    let plausible = bytes.iter().take(3).zip([20..=23u8, 3..=3, 0..=4]).all(|(byte, range)| range.contains(byte));
    match bytes.get(3..TLS_HEADER) {
        _ if bytes.is_empty() || !plausible => Some(false),
        Some(&[high, low]) => Some((1..=(1 << 14) + 2048).contains(&u16::from_be_bytes([high, low]))),
        _ => None,
    }
}
