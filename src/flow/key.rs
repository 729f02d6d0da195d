//! Which packets belong together.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use super::{Endpoint, Transport};

/// A transport and two endpoints, the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    transport: Transport,
    low: Endpoint,
    high: Endpoint,
}

impl FlowKey {
    /// The key of a packet, and whether its sender is the key's `low` endpoint.
    #[must_use]
    pub fn new(transport: Transport, src: Endpoint, dst: Endpoint) -> (FlowKey, bool) {
        let from_low = match (src.ip, dst.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits(), src.port) <= (b.to_bits(), dst.port),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), src.port) <= (b.to_bits(), dst.port),
            (a, _) => a.is_ipv4(),
        };
        let (low, high) = if from_low { (src, dst) } else { (dst, src) };
        (FlowKey { transport, low, high }, from_low)
    }

    /// The endpoint that compares lower.
    #[must_use]
    pub fn low(&self) -> Endpoint {
        self.low
    }

    /// The other endpoint.
    #[must_use]
    pub fn high(&self) -> Endpoint {
        self.high
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The seeded hash for a table.
    #[must_use]
    pub fn hash(&self, seed: &foldhash::fast::RandomState) -> u64 {
        let words = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => (u64::from(v4.to_bits()), 4),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                #[allow(clippy::cast_possible_truncation)]
                let folded = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32);
                (folded, 6)
            }
        };
        let (low, family) = words(self.low.ip);
        let (high, _) = words(self.high.ip);
        let ports = u64::from(self.low.port) << 32 | u64::from(self.high.port) << 8 | family;
        seed.hash_one((low, high, ports))
    }

    /// The virtual shard, 0 to 63: a fixed function of the key, so that bounds and evictions are the same in every run.
    /// An attacker can fill one shard's table with it, but not the others'.
    #[must_use]
    pub fn shard(&self) -> usize {
        let mut n = fold(self.low.ip).wrapping_add(fold(self.high.ip));
        n = n.wrapping_add(u64::from(self.low.port) << 16).wrapping_add(u64::from(self.high.port));
        n ^= n >> 33;
        n = n.wrapping_mul(0xff51_afd7_ed55_8ccd);
        usize::try_from(n >> 58).unwrap_or(0)
    }
}

fn fold(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(v4) => u64::from(v4.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        IpAddr::V6(v6) => v6.octets().iter().fold(0u64, |n, &b| n.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(b))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_of_a_connection_have_one_key_and_one_shard() {
        let a = Endpoint { ip: IpAddr::from([10, 0, 0, 1]), port: 50_000 };
        let b = Endpoint { ip: IpAddr::from([192, 0, 2, 9]), port: 443 };
        let (there, from_low) = FlowKey::new(Transport::Tcp, a, b);
        let (back, also_low) = FlowKey::new(Transport::Tcp, b, a);
        assert_eq!(there, back);
        assert_ne!(from_low, also_low);
        assert_eq!(there.shard(), back.shard());
    }
}
