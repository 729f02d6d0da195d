//! Whether an interface is up, from the kernel's own messages (rtnetlink(7)), which come at once and need no right.

use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType};

/// Messages about the network: `NETLINK_ROUTE`, which is number 0.
const ROUTE: Option<Protocol> = None;
/// Messages about links: `RTMGRP_LINK`.
const LINKS: u32 = 1;
const NEW_LINK: u16 = 16;
const DELETED_LINK: u16 = 17;
/// Flags of an interface: it was switched on, and it has a carrier.
const UP: u32 = 0x1;
const RUNNING: u32 = 0x40;
/// Messages taken in one look; what is left is taken in the next one.
const MOST: usize = 64;

/// Listens for messages about one interface.
#[derive(Debug)]
pub(super) struct Carrier {
    socket: OwnedFd,
    index: u32,
    up: bool,
}

impl Carrier {
    /// Listens from now on; `None` where the system does not tell, or for what is no single interface.
    pub fn of(name: &str) -> Option<Carrier> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, ROUTE).ok()?;
        let index = rustix::net::netdevice::name_to_index(&socket, name).ok()?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, LINKS)).ok()?;
        let state = std::fs::read_to_string(format!("/sys/class/net/{name}/operstate")).unwrap_or_default();
        let up = !matches!(state.trim(), "down" | "lowerlayerdown" | "notpresent");
        Some(Carrier { socket, index, up })
    }

    /// Whether it is up, by the messages that have come.
    pub fn is_up(&mut self) -> bool {
        let mut buffer = [0_u8; 16 << 10];
        for _ in 0..MOST {
            let Ok((_, len)) = rustix::net::recv(&self.socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) else { break };
            if let Some(up) = latest(buffer.get(..len).unwrap_or_default(), self.index) {
                self.up = up;
            }
        }
        self.up
    }
}

/// What the last message about this interface says: a header of 16 octets (length, type), then family, type, index and flags.
fn latest(mut bytes: &[u8], index: u32) -> Option<bool> {
    let mut said = None;
    while let Some(&[l0, l1, l2, l3, t0, t1]) = bytes.first_chunk::<6>() {
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some(message) = bytes.get(..len).filter(|_| len >= 16) else { break };
        let word = |at: usize| message.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|word| u32::from_ne_bytes(*word));
        if word(20) == Some(index) {
            match u16::from_ne_bytes([t0, t1]) {
                NEW_LINK => said = word(24).map(|flags| flags & (UP | RUNNING) == UP | RUNNING),
                DELETED_LINK => said = Some(false),
                _ => {}
            }
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, index: u32, flags: u32) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&33_u32.to_ne_bytes());
        out.extend_from_slice(&kind.to_ne_bytes());
        out.extend_from_slice(&[0; 14]);
        for word in [index, flags, 0] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        // An attribute of one octet, and the padding that its length leaves out.
        out.extend_from_slice(&[7, 0, 0, 0]);
        out
    }

    #[test]
    fn the_last_message_about_the_interface_counts() {
        let up = message(NEW_LINK, 3, 0x1_0043);
        let down = message(NEW_LINK, 3, 0x1002);
        let no_carrier = message(NEW_LINK, 3, 0x1003);
        let other = message(NEW_LINK, 4, 0x1002);
        assert_eq!(latest(&[up.clone(), other.clone()].concat(), 3), Some(true));
        assert_eq!(latest(&[up.clone(), down.clone()].concat(), 3), Some(false));
        assert_eq!(latest(&[down, up].concat(), 3), Some(true));
        assert_eq!(latest(&no_carrier, 3), Some(false), "a cable was pulled");
        assert_eq!(latest(&message(DELETED_LINK, 3, 0x1_0043), 3), Some(false));
        assert_eq!(latest(&other, 3), None);
    }

    #[test]
    fn messages_that_lie_about_their_length_end_the_reading() {
        let whole = message(NEW_LINK, 3, 0x43);
        for len in 0..whole.len() {
            let _ = latest(whole.get(..len).unwrap_or_default(), 3);
        }
        assert_eq!(latest(&[0; 64], 3), None);
        assert_eq!(latest(&[0xff; 64], 3), None);
    }
}
