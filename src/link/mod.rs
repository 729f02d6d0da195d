//! Floor 2: from a frame to the packets inside it.
//!
//! [`Decoder::decode`] strips the link-layer header, tunnels and IP headers, puts IP fragments together, and hands each
//! innermost transport packet to the caller. It keeps state only for fragments (bounded).

use std::net::IpAddr;

use crate::base::{Window, WireStr};

/// An innermost transport packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Octets of the frame that completed it, as on the wire.
    pub wire_len: u32,
    /// Source address of the innermost IP header.
    pub src: IpAddr,
    /// Destination address of the innermost IP header.
    pub dst: IpAddr,
    /// The transport header.
    pub transport: Transport,
    /// The transport payload; remembers its frames, several when IP fragments were put together.
    pub payload: Window<'a>,
    /// Octets of transport payload by the lengths in the headers; more than `payload` holds when the capture cut the frame.
    pub payload_wire_len: u32,
    /// The outermost VLAN identifier.
    pub vlan: Option<u16>,
    /// Which program or app sent it, where the capture format says so.
    pub process: Option<Process<'a>>,
}

/// The transport header, as far as flows need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP (RFC 9293 §3.1).
    Tcp(TcpHeader),
    /// UDP (RFC 768).
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
    },
    /// SCTP (RFC 9260 §3.1).
    Sctp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
    },
    /// Another IP protocol, by number.
    Other(u8),
}

/// A TCP header, as far as flows need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; meaningful when `flags.ack`.
    pub ack: u32,
    /// The control bits.
    pub flags: TcpFlags,
    /// `Some(false)` when the checksum was computed over a whole, unfragmented segment and is wrong.
    pub checksum_ok: Option<bool>,
}

/// TCP control bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TcpFlags {
    pub fin: bool,
    pub syn: bool,
    pub rst: bool,
    pub ack: bool,
}

/// A program or app named by the capture format (PKTAP, PCAPdroid).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process<'a> {
    /// PKTAP: command name and pid.
    Named {
        /// The command's name.
        name: &'a [u8],
        /// The process id, where given.
        pid: Option<u32>,
    },
    /// PCAPdroid: the Android uid and, in the trailer, the app's name.
    Android {
        /// The Android uid.
        uid: u32,
        /// The app's name as the trailer gives it (20 bytes, may be cut).
        name: &'a [u8],
    },
}

/// What the link floor counted while decoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Frames seen.
    pub frames: u64,
    /// Frames that held no IP packet (ARP, management frames, unknown link types).
    pub not_ip: u64,
    /// Frames of a link type we cannot read, by type.
    pub unknown_link: Vec<(u16, u64)>,
    /// Frames whose headers contradict their length.
    pub malformed: u64,
    /// Frames the capture cut (snaplen).
    pub truncated: u64,
    /// 802.11 data frames that were protected by the radio layer and so cannot be read.
    pub wlan_protected: u64,
    /// 802.11 cipher suites that RSN elements of beacons announced.
    pub wlan_ciphers: Vec<WireStr>,
    /// IP fragments seen.
    pub fragments: u64,
    /// Datagrams put together from fragments.
    pub reassembled: u64,
    /// Fragments dropped because a datagram was never completed or a bound was reached.
    pub fragments_dropped: u64,
}

/// Provisional.
#[derive(Debug, Default)]
pub struct Decoder {
    counts: LinkCounts,
}

impl Decoder {
    /// New.
    #[must_use]
    pub fn new() -> Decoder {
        Decoder::default()
    }
    /// Counts.
    #[must_use]
    pub fn counts(&self) -> &LinkCounts {
        &self.counts
    }
    /// Decodes.
    pub fn decode(&mut self, frame: &crate::base::Frame<'_>, sink: &mut impl FnMut(&Packet<'_>)) {
        let _ = self.try_decode(frame, sink);
    }
    fn try_decode(&mut self, frame: &crate::base::Frame<'_>, sink: &mut impl FnMut(&Packet<'_>)) -> Option<()> {
        self.counts.frames += 1;
        let b = frame.bytes;
        let ip = match frame.link.0 {
            1 => {
                let mut at = 12;
                while b.get(at..at + 2)? == [0x81, 0] {
                    at += 4;
                }
                b.get(at + 2..)?
            }
            113 => b.get(16..)?,
            0 => b.get(4..)?,
            _ => b,
        };
        let (src, dst, proto, l4) = match ip.first()? >> 4 {
            4 => {
                let h = usize::from(ip.first()? & 15) * 4;
                let t = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?])).min(ip.len());
                let a: [u8; 4] = ip.get(12..16)?.try_into().ok()?;
                let c: [u8; 4] = ip.get(16..20)?.try_into().ok()?;
                (IpAddr::from(a), IpAddr::from(c), *ip.get(9)?, ip.get(h..t)?)
            }
            6 => {
                let t = (usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?])) + 40).min(ip.len());
                let a: [u8; 16] = ip.get(8..24)?.try_into().ok()?;
                let c: [u8; 16] = ip.get(24..40)?.try_into().ok()?;
                (IpAddr::from(a), IpAddr::from(c), *ip.get(6)?, ip.get(40..t)?)
            }
            _ => return None,
        };
        let mut r = crate::base::Reader::new(l4);
        let (src_port, dst_port) = (r.u16().ok()?, r.u16().ok()?);
        let (transport, payload) = match proto {
            6 => {
                let (seq, ack) = (r.u32().ok()?, r.u32().ok()?);
                let off = usize::from(*l4.get(12)? >> 4) * 4;
                let f = *l4.get(13)?;
                let flags = TcpFlags { fin: f & 1 != 0, syn: f & 2 != 0, rst: f & 4 != 0, ack: f & 16 != 0 };
                (Transport::Tcp(TcpHeader { src_port, dst_port, seq, ack, flags, checksum_ok: None }), l4.get(off..)?)
            }
            17 => (Transport::Udp { src_port, dst_port }, l4.get(8..)?),
            n => (Transport::Other(n), l4),
        };
        sink(&Packet {
            wire_len: frame.wire_len,
            src,
            dst,
            transport,
            payload: frame.window(payload),
            payload_wire_len: payload.len() as u32,
            vlan: None,
            process: None,
        });
        Some(())
    }
}
