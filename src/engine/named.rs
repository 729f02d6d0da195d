//! Packets of a running capture, with the programs they belong to.

use crate::link::Packet;
#[cfg(target_os = "linux")]
pub use crate::source::owners::Owners;

/// Where nobody can be asked.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub enum Owners {}

#[cfg(not(target_os = "linux"))]
impl Owners {
    pub(super) fn listen(&mut self) {
        match *self {}
    }

    pub(super) fn counts(&self) -> crate::base::OwnerCounts {
        match *self {}
    }
}

/// The program of a packet, where it is to be stated of this one.
#[cfg(target_os = "linux")]
pub(super) fn owner<'a>(owners: Option<&'a mut Owners>, packet: &Packet<'_>) -> Option<&'a crate::base::Owner> {
    use crate::source::owners::Ends;
    let (udp, from, to) = super::onlooker::ends_of(packet)?;
    owners?.of(Ends::new(udp, from, to), packet.payload.at, super::onlooker::began(packet))
}

/// Nobody can be asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn owner<'a>(_: Option<&'a mut Owners>, _: &Packet<'_>) -> Option<&'a crate::base::Owner> {
    None
}
