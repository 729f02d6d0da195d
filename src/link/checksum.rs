//! The TCP checksum, computed only for those who ask (RFC 9293 §3.1, RFC 1071).

use std::net::IpAddr;

use super::{Packet, Transport};

/// The TCP header's part of the checksum: the ones' complement sum of its words, its length and the protocol number.
///
/// The rest, addresses and payload, is in the [`Packet`]. Kept so that the whole checksum is computed only where a conflict
/// between segments has to be settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderSum(u16);

impl HeaderSum {
    pub(super) fn of(header: &[u8]) -> HeaderSum {
        const TCP: u64 = 6;
        HeaderSum(fold(sum(header).saturating_add(TCP).saturating_add(header.len() as u64)))
    }
}

impl Packet<'_> {
    /// Whether the TCP checksum is right; `None` for other transports and where the capture does not hold the whole segment.
    ///
    /// A wrong one proves nothing by itself: segments captured on their sender often carry none, because the network card
    /// fills it in (offload).
    #[must_use]
    pub fn tcp_checksum_ok(&self) -> Option<bool> {
        let Transport::Tcp(header) = self.transport else { return None };
        let payload = self.payload.bytes;
        if usize::try_from(self.payload_wire_len) != Ok(payload.len()) {
            return None;
        }
        let addresses = address(&self.src).saturating_add(address(&self.dst));
        let all =
            sum(payload).saturating_add(addresses).saturating_add(u64::from(header.header_sum.0)).saturating_add(payload.len() as u64);
        Some(fold(all) == u16::MAX)
    }
}

fn address(ip: &IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    }
}

/// The ones' complement sum of the bytes as big-endian words, the last padded with zero. 64 bits hold the sums of any slice that
/// fits in memory.
///
/// The sum does not depend on the byte order but for its own (RFC 1071 §2), so words are added as the machine has them.
fn sum(bytes: &[u8]) -> u64 {
    let (quads, rest) = bytes.as_chunks::<4>();
    let words = quads.iter().fold(0u64, |sum, quad| sum.wrapping_add(u64::from(u32::from_ne_bytes(*quad))));
    let mut last = [0; 4];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    u64::from(u16::from_be(fold(words.wrapping_add(u64::from(u32::from_ne_bytes(last))))))
}

/// Folds carries back in until 16 bits are left.
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16 & 0xffff).wrapping_add(sum >> 32);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    let [.., high, low] = (sum & 0xffff).wrapping_add(sum >> 16).to_be_bytes();
    u16::from_be_bytes([high, low])
}
