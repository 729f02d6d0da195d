//! The addresses of this computer, as they come and go: they tell its own connections from those of other devices.
//!
//! An address that was this computer's stays its own for as long as a capture runs: connections were made with it.

use std::collections::HashSet;
use std::net::IpAddr;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::sync::{PoisonError, RwLock};

#[cfg(target_os = "linux")]
use rustix::net::netlink::SocketAddrNetlink;
#[cfg(target_os = "linux")]
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType};

use super::{SourceError, interfaces};

/// Addresses that are remembered: more than any computer has, so that nobody who can give it addresses fills the memory.
const MOST: usize = 1 << 16;

/// Addresses of this computer.
#[derive(Debug)]
pub struct OwnAddresses {
    known: RwLock<HashSet<IpAddr>>,
    #[cfg(target_os = "linux")]
    news: Option<OwnedFd>,
}

impl OwnAddresses {
    /// Those of now; later ones are heard of by [`OwnAddresses::listen`], where the system tells.
    ///
    /// # Errors
    /// When the interfaces cannot be listed.
    pub fn open() -> Result<OwnAddresses, SourceError> {
        // Before the list, so that none comes in between.
        #[cfg(target_os = "linux")]
        let news = news();
        let known = interfaces::list()?.into_iter().flat_map(|found| found.addresses).map(|ip| ip.to_canonical()).collect();
        Ok(OwnAddresses {
            known: RwLock::new(known),
            #[cfg(target_os = "linux")]
            news,
        })
    }

    /// These and no others, for tests.
    #[cfg(test)]
    pub fn of(known: &[IpAddr]) -> OwnAddresses {
        OwnAddresses {
            known: RwLock::new(known.iter().copied().collect()),
            #[cfg(target_os = "linux")]
            news: None,
        }
    }

    /// Takes in the addresses that came since. Never waits.
    pub fn listen(&self) {
        #[cfg(target_os = "linux")]
        if let Some(news) = &self.news {
            let mut buffer = [0_u8; 16 << 10];
            for _ in 0..64 {
                let Ok((_, len)) = rustix::net::recv(news, buffer.as_mut_slice(), RecvFlags::DONTWAIT) else { break };
                let came = added(buffer.get(..len).unwrap_or_default());
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                for ip in came {
                    if known.len() < MOST {
                        known.insert(ip.to_canonical());
                    }
                }
            }
        }
    }

    /// Whether an address is this computer's.
    #[must_use]
    pub fn is_own(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&ip)
    }

    /// Whether a connection between these two is one of other devices: neither is this computer.
    #[must_use]
    pub fn are_others(&self, one: IpAddr, other: IpAddr) -> bool {
        !self.is_own(one) && !self.is_own(other)
    }
}

/// Messages about addresses of IPv4 and IPv6: `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR`.
#[cfg(target_os = "linux")]
const ADDRESSES: u32 = 0x10 | 0x100;
#[cfg(target_os = "linux")]
const NEW_ADDRESS: u16 = 20;
/// Attributes: the address of the other end where there is one, else the own one; the own one.
#[cfg(target_os = "linux")]
const ADDRESS: u16 = 1;
#[cfg(target_os = "linux")]
const LOCAL: u16 = 2;

#[cfg(target_os = "linux")]
fn news() -> Option<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // NETLINK_ROUTE, which is number 0.
    let route: Option<Protocol> = None;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, route).ok()?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, ADDRESSES)).ok()?;
    Some(socket)
}

/// The addresses that messages of rtnetlink(7) say are new: a header of 16 octets (length, type), 8 octets that begin with the family, and
/// attributes, each with its length and its type.
#[cfg(target_os = "linux")]
fn added(mut bytes: &[u8]) -> Vec<IpAddr> {
    let mut all = Vec::new();
    while let Some(&[l0, l1, l2, l3, t0, t1]) = bytes.first_chunk::<6>() {
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some(message) = bytes.get(..len).filter(|_| len >= 16) else { break };
        if u16::from_ne_bytes([t0, t1]) == NEW_ADDRESS {
            all.extend(address_in(message.get(24..).unwrap_or_default()));
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

#[cfg(target_os = "linux")]
fn address_in(mut attributes: &[u8]) -> Option<IpAddr> {
    let (mut local, mut address) = (None, None);
    while let Some(&[l0, l1, t0, t1]) = attributes.first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(value) = attributes.get(4..len) else { break };
        let ip = match (<[u8; 4]>::try_from(value), <[u8; 16]>::try_from(value)) {
            (Ok(four), _) => Some(IpAddr::from(four)),
            (_, Ok(sixteen)) => Some(IpAddr::from(sixteen)),
            _ => None,
        };
        match u16::from_ne_bytes([t0, t1]) {
            LOCAL => local = ip,
            ADDRESS => address = ip,
            _ => {}
        }
        attributes = attributes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    local.or(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_connection_is_that_of_others_when_neither_end_is_here() {
        let own = OwnAddresses::of(&[ip("192.0.2.7"), ip("2001:db8::7")]);
        assert!(!own.are_others(ip("192.0.2.7"), ip("198.51.100.1")));
        assert!(!own.are_others(ip("198.51.100.1"), ip("2001:db8::7")));
        assert!(!own.are_others(ip("::ffff:192.0.2.7"), ip("198.51.100.1")), "the same address by another family");
        assert!(!own.are_others(ip("127.0.0.1"), ip("127.0.0.1")));
        assert!(own.are_others(ip("192.0.2.8"), ip("198.51.100.1")));
        assert!(own.are_others(ip("0.0.0.0"), ip("255.255.255.255")), "whoever has no address yet is not known to be this computer");
        assert!(own.are_others(ip("192.0.2.8"), ip("224.0.0.251")));
    }

    #[cfg(target_os = "linux")]
    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![0; 8];
        for (kind, value) in attributes {
            body.extend_from_slice(&u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut out = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        out.extend_from_slice(&kind.to_ne_bytes());
        out.extend_from_slice(&[0; 10]);
        [out, body].concat()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn addresses_that_come_while_the_capture_runs_are_heard_of() {
        let six = ip("2001:db8::9");
        let IpAddr::V6(octets) = six else { return };
        let all = [
            // Of a tunnel: the own end, and the other one.
            message(NEW_ADDRESS, &[(ADDRESS, &[10, 0, 0, 2]), (LOCAL, &[10, 0, 0, 1]), (3, b"tun0\0")]),
            message(NEW_ADDRESS, &[(ADDRESS, &octets.octets())]),
            message(NEW_ADDRESS + 1, &[(ADDRESS, &[10, 0, 0, 9])]),
        ]
        .concat();
        assert_eq!(added(&all), [ip("10.0.0.1"), six]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn messages_that_lie_about_their_length_end_the_reading() {
        let whole = message(NEW_ADDRESS, &[(LOCAL, &[10, 0, 0, 1])]);
        for len in 0..whole.len() {
            assert!(added(whole.get(..len).unwrap()).is_empty());
        }
        for octet in [0, 0xff] {
            assert!(added(&[octet; 64]).is_empty());
        }
        let mut short = whole;
        *short.get_mut(24).unwrap() = 0;
        assert!(added(&short).is_empty(), "an attribute shorter than its own head");
    }
}
