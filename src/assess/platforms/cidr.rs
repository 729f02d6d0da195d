//! Ranges of addresses (RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

/// An address as a number: IPv4 in its mapped place, so that one order holds both (RFC 4291 §2.5.5.2).
#[must_use]
pub fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

impl Cidr {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        let (first, last) = self.bounds();
        (first..=last).contains(&number(ip))
    }

    /// Its first and its last address, as numbers.
    #[must_use]
    pub fn bounds(self) -> (u128, u128) {
        let first = number(self.network);
        (first, first | self.host_bits())
    }

    fn host_bits(self) -> u128 {
        let bits: u32 = if self.network.is_ipv4() { 32 } else { 128 };
        let host = bits.saturating_sub(u32::from(self.length));
        1u128.checked_shl(host).map_or(u128::MAX, |above| above.wrapping_sub(1))
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Cidr, String> {
        let wrong = || format!("\"{text}\" is no range of addresses: write 192.0.2.0/24 or 2001:db8::/32");
        let (network, length) = text.split_once('/').ok_or_else(wrong)?;
        let network: IpAddr = network.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        if length > if network.is_ipv4() { 32 } else { 128 } {
            return Err(wrong());
        }
        let cidr = Cidr { network, length };
        if number(network) & cidr.host_bits() != 0 {
            return Err(format!("\"{text}\" has bits set behind its prefix"));
        }
        Ok(cidr)
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Cidr, String> {
        text.parse()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn holds(cidr: &str, ip: &str) -> bool {
        let (first, last) = cidr.parse::<Cidr>().unwrap().bounds();
        (first..=last).contains(&number(ip.parse().unwrap()))
    }

    #[test]
    fn a_range_ends_where_its_prefix_says() {
        assert!(holds("192.0.2.0/24", "192.0.2.0") && holds("192.0.2.0/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0") && !holds("192.0.2.0/24", "192.0.1.255"));
        assert!(holds("192.0.2.7/32", "192.0.2.7") && !holds("192.0.2.7/32", "192.0.2.6"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::"));
        assert!(holds("::/0", "2001:db8::1") && holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in ["192.0.2.0", "192.0.2.0/33", "192.0.2.1/24", "2001:db8::1/32", "2001:db8::/129", "example.org/8", "192.0.2.0/-1"] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
        }
    }
}
