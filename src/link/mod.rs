//! Floor 2: from a frame to the packets inside it.
//!
//! [`Decoder::decode`] strips the link-layer header, tunnels and IP headers, puts IP fragments together, and hands each
//! innermost transport packet to the caller. It keeps state only for fragments (bounded).

mod defrag;
mod ethernet;
mod framing;
mod gre;
mod ip;
mod layer;
mod media;
mod process;
#[cfg(test)]
mod tests;
mod transport;
mod udp_tunnel;
mod wlan;

use std::net::IpAddr;

use crate::base::{Frame, LinkType, Owner, Window, WireStr};
use defrag::Fragments;
use layer::{Layer, Walk};

/// An innermost transport packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Octets on the wire of the frame, or of all frames whose fragments make up the datagram.
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
    /// This program looked which program holds the socket.
    Owner(&'a Owner),
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
    /// Fragments whose datagram was not completed: others are missing, it was too old, or a bound was reached. Those that
    /// still wait count too.
    pub fragments_dropped: u64,
    /// How often a datagram was given up because all waiting fragments together reached a bound.
    pub fragment_bounds: u64,
}

impl LinkCounts {
    /// Adds what another decoder counted.
    pub fn join(&mut self, other: &LinkCounts) {
        self.frames += other.frames;
        self.not_ip += other.not_ip;
        self.malformed += other.malformed;
        self.truncated += other.truncated;
        self.wlan_protected += other.wlan_protected;
        self.fragments += other.fragments;
        self.reassembled += other.reassembled;
        self.fragments_dropped += other.fragments_dropped;
        self.fragment_bounds += other.fragment_bounds;
        other.unknown_link.iter().for_each(|&(link, frames)| self.count_unknown(link, frames));
        other.wlan_ciphers.iter().for_each(|cipher| self.saw_cipher(cipher.clone()));
    }

    fn count_unknown(&mut self, link: u16, frames: u64) {
        match self.unknown_link.binary_search_by_key(&link, |&(known, _)| known) {
            Ok(at) => self.unknown_link.iter_mut().skip(at).take(1).for_each(|(_, n)| *n += frames),
            Err(at) => self.unknown_link.insert(at, (link, frames)),
        }
    }

    /// Only names of a fixed table come here, so the list is short.
    fn saw_cipher(&mut self, name: WireStr) {
        if let Err(at) = self.wlan_ciphers.binary_search(&name) {
            self.wlan_ciphers.insert(at, name);
        }
    }
}

/// Finds the packets in frames. Keeps fragments of datagrams that are not complete yet, and nothing else.
#[derive(Debug, Default)]
pub struct Decoder {
    counts: LinkCounts,
    fragments: Fragments,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &LinkCounts {
        &self.counts
    }

    /// Hands each innermost transport packet of a frame to `sink`: usually one, none for a frame without IP or for a
    /// fragment whose datagram is not complete, several for aggregated 802.11 frames.
    pub fn decode(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(&Packet<'_>)) {
        self.counts.frames += 1;
        let root = frame.window(frame.bytes);
        let whole = Layer::whole(&root, frame.wire_len);
        if whole.is_cut() {
            self.counts.truncated += 1;
        }
        let mut walk = Walk::new(&mut self.counts, &mut self.fragments, sink, root, frame.wire_len);
        let found = walk.link(frame.link, whole);
        // Where the capture cut a header short, nothing is wrong with the header.
        if walk.malformed {
            self.counts.malformed += u64::from(!whole.is_cut());
        } else if !found {
            self.counts.not_ip += 1;
        }
    }
}

impl<'a> Walk<'_, 'a> {
    /// Reads a frame by its link-layer header type. Says, like every method that reads a layer, whether IP was found.
    fn link(&mut self, link: LinkType, layer: Layer<'a>) -> bool {
        match link.0 {
            1 => self.ethernet(layer),
            0 | 108 => self.null(layer),
            12 | 14 | 101 | 228 | 229 => self.ip(layer),
            113 => self.linux_cooked(layer),
            276 => self.linux_cooked_v2(layer),
            9 | 50 => self.ppp_or_hdlc(layer),
            51 => self.pppoe(layer),
            204 => layer.skip(1).is_some_and(|layer| self.ppp_or_hdlc(layer)),
            104 => self.cisco_hdlc(layer),
            107 => self.frame_relay(layer),
            105 => self.wlan(layer, false),
            127 => self.radiotap(layer),
            119 => self.prism(layer),
            163 => self.wlan_avs(layer),
            192 => self.ppi(layer),
            149 | 258 => self.pktap(layer),
            239 => self.nflog(layer),
            129 => self.arcnet(layer),
            138 => self.ip_over_1394(layer),
            178 => self.juniper_ethernet(layer),
            242 => self.ip_over_infiniband(layer),
            11 => self.llc(layer),
            // Switch chips' tags: Broadcom's behind the addresses and in front, Marvell's DSA and EtherType DSA.
            281 | 284 => self.tagged(layer, 16),
            282 => layer.skip(4).is_some_and(|frame| self.ethernet(frame)),
            285 => self.tagged(layer, 20),
            other => {
                self.counts.count_unknown(other, 1);
                false
            }
        }
    }
}
