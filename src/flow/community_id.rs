//! Community ID v1 (Corelight's published specification): `1:` and the base64 of a SHA-1 over seed, addresses, protocol and ports.

use std::net::IpAddr;

use aws_lc_rs::digest;
use smallvec::SmallVec;

use super::{Endpoint, Transport};
use crate::base::base64_into;

/// The Community ID v1 of a connection, seed 0; the same for both directions.
#[must_use]
pub fn v1(transport: Transport, a: Endpoint, b: Endpoint) -> String {
    let (low, high) = if (octets(a.ip), a.port) <= (octets(b.ip), b.port) { (a, b) } else { (b, a) };
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
        Transport::Sctp => 132,
    };
    // Seed, addresses, protocol, padding, ports: at most 40 octets, hashed in one go.
    let mut hashed: SmallVec<[u8; 64]> = SmallVec::new();
    hashed.extend_from_slice(&0u16.to_be_bytes());
    hashed.extend_from_slice(&octets(low.ip));
    hashed.extend_from_slice(&octets(high.ip));
    hashed.extend_from_slice(&[protocol, 0]);
    hashed.extend_from_slice(&low.port.to_be_bytes());
    hashed.extend_from_slice(&high.port.to_be_bytes());
    let mut id = String::with_capacity(30);
    id.push_str("1:");
    base64_into(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed).as_ref(), &mut id);
    id
}

fn octets(ip: IpAddr) -> SmallVec<[u8; 16]> {
    match ip {
        IpAddr::V4(v4) => SmallVec::from_slice(&v4.octets()),
        IpAddr::V6(v6) => SmallVec::from_slice(&v6.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn community_ids_equal_those_of_the_specifications_baseline() {
        let at = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
        let (client, server) = (at([128, 232, 110, 120], 34855), at([66, 35, 250, 204], 80));
        assert_eq!(v1(Transport::Tcp, client, server), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(v1(Transport::Tcp, server, client), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
