//! TLS.

mod handshake;

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
