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
