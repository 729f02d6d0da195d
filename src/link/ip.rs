//! IPv4 and IPv6 headers, extension headers and what they carry (RFC 791, RFC 8200 §4).

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::Transport;
use super::defrag::{Fragment, Key};
use super::layer::{Layer, Walk};
use super::process;
use super::transport::Ends;
use crate::base::Dir;

/// How many IPv6 extension headers are read.
const MOST_EXTENSIONS: usize = 16;

impl<'a> Walk<'_, 'a> {
    /// An IP packet, by the version in its first half octet.
    pub fn ip(&mut self, layer: Layer<'a>) -> bool {
        match layer.u8(0).map(|first| first >> 4) {
            Some(4) => self.ipv4(layer),
            Some(6) => self.ipv6(layer),
            _ => self.broken(),
        }
    }

    /// An IP packet where one is only guessed: its lengths must fit.
    pub fn plausible_ip(&mut self, layer: Layer<'a>) -> bool {
        is_plausible(&layer) && self.inside(|walk| walk.ip(layer))
    }

    /// An IPv4 packet. Wrong header checksums are accepted: routers and network cards fill them in after the capture.
    pub fn ipv4(&mut self, layer: Layer<'a>) -> bool {
        if !self.next_header() {
            return false;
        }
        let Ok(header) = Ipv4HeaderSlice::from_slice(layer.bytes) else { return self.broken() };
        let length = header.slice().len();
        let datagram = match usize::from(header.total_len()) {
            // TCP segmentation offload: the network card was to fill it in.
            0 => layer,
            total if total < length => return self.broken(),
            total => {
                self.trailer(&layer, total);
                layer.claim(total)
            }
        };
        let ends = Ends { src: IpAddr::V4(header.source_addr()), dst: IpAddr::V4(header.destination_addr()) };
        let payload = datagram.after(length);
        let protocol = header.protocol().0;
        if header.is_fragmenting_payload() {
            let offset = u32::from(header.fragments_offset().value()) * 8;
            let id = u32::from(header.identification());
            self.fragment(ends, protocol, id, offset, header.more_fragments(), protocol, payload)
        } else {
            self.carried(ends, protocol, payload)
        }
    }

    /// An IPv6 packet.
    pub fn ipv6(&mut self, layer: Layer<'a>) -> bool {
        if !self.next_header() {
            return false;
        }
        let Ok(header) = Ipv6HeaderSlice::from_slice(layer.bytes) else { return self.broken() };
        let payload = match usize::from(header.payload_length()) {
            // A jumbogram (RFC 2675 §2), or segmentation offload.
            0 => layer.after(40),
            length => {
                self.trailer(&layer, length.saturating_add(40));
                layer.after(40).claim(length)
            }
        };
        let ends = Ends { src: IpAddr::V6(header.source_addr()), dst: IpAddr::V6(header.destination_addr()) };
        self.carried(ends, header.next_header().0, payload)
    }

    /// What an IP packet carries, behind any extension headers.
    fn carried(&mut self, ends: Ends, mut protocol: u8, mut payload: Layer<'a>) -> bool {
        for _ in 0..MOST_EXTENSIONS {
            let length = match protocol {
                6 => return self.tcp(ends, payload),
                17 => return self.udp(ends, payload),
                132 => return self.sctp(ends, payload),
                // Hop-by-hop options, routing, destination options, mobility, HIP, Shim6 (RFC 6564 §4).
                0 | 43 | 60 | 135 | 139 | 140 => payload.u8(1).map(|n| usize::from(n) * 8 + 8),
                // Authentication Header (RFC 4302 §2.2).
                51 => payload.u8(1).map(|n| usize::from(n) * 4 + 8),
                44 => return self.ipv6_fragment(ends, payload),
                _ => return self.tunnel(ends, protocol, payload),
            };
            let Some((next, rest)) = payload.u8(0).zip(length.and_then(|n| payload.skip(n))) else {
                return self.broken();
            };
            (protocol, payload) = (next, rest);
        }
        self.broken()
    }

    /// Protocols that may carry another packet; if they do not, they are told as they are.
    fn tunnel(&mut self, ends: Ends, protocol: u8, payload: Layer<'a>) -> bool {
        let found = match protocol {
            4 | 41 | 94 => self.plausible_ip(payload),
            47 => self.gre(payload),
            // EtherIP (RFC 3378): version 3, reserved bits zero.
            97 => payload.be16(0) == Some(0x3000) && payload.skip(2).is_some_and(|inner| self.inside(|walk| walk.ethernet(inner))),
            137 => self.inside(|walk| walk.mpls(payload)),
            _ => false,
        };
        found || self.emit(ends, Transport::Other(protocol), payload)
    }

    /// The fragment header (RFC 8200 §4.5).
    fn ipv6_fragment(&mut self, ends: Ends, payload: Layer<'a>) -> bool {
        let (Some([next, _]), Some(place), Some(id), Some(rest)) = (payload.array(0), payload.be16(2), payload.be32(4), payload.skip(8))
        else {
            return self.broken();
        };
        let (offset, more) = (u32::from(place & !7), place & 1 != 0);
        if offset == 0 && !more {
            // An atomic fragment (RFC 6946) is whole.
            self.carried(ends, next, rest)
        } else {
            self.fragment(ends, 44, id, offset, more, next, rest)
        }
    }

    /// A fragment: kept until its datagram is complete, which is then read on.
    #[expect(clippy::too_many_arguments, reason = "the fields of two fragment headers; they meet only here")]
    fn fragment(&mut self, ends: Ends, protocol: u8, id: u32, offset: u32, more: bool, next: u8, payload: Layer<'a>) -> bool {
        if payload.is_cut() {
            // Cannot be put together. Its beginning is still a beginning.
            self.counts.fragments += 1;
            self.counts.fragments_dropped += 1;
            return offset != 0 || self.carried(ends, next, payload);
        }
        let key = Key { src: ends.src, dst: ends.dst, protocol, id, vlan: self.vlan };
        let fragment = Fragment { offset, more, protocol: next, window: payload.window(&self.root), wire_len: self.wire_len };
        self.put_together(key, &fragment, |walk, protocol, all| walk.carried(ends, protocol, all))
    }

    /// Keeps a fragment; when it completes a datagram, reads that. A fragment that waits was worth keeping.
    pub fn put_together(
        &mut self,
        key: Key,
        fragment: &Fragment<'a>,
        read: impl for<'b> FnOnce(&mut Walk<'_, 'b>, u8, Layer<'b>) -> bool,
    ) -> bool {
        if !self.next_header() {
            return false;
        }
        let Some(whole) = self.fragments.add(key, fragment, self.counts) else { return true };
        let Some(window) = whole.bytes.window(Dir::Client) else { return true };
        let mut walk = self.within(window, whole.wire_len);
        let found = read(&mut walk, whole.protocol, Layer::whole(&window, 0));
        let malformed = walk.malformed;
        self.malformed |= malformed;
        found
    }

    /// Octets behind the IP packet: Ethernet padding, or what PCAPdroid put there.
    fn trailer(&mut self, layer: &Layer<'a>, total: usize) {
        if self.process.is_none() && layer.bytes.len() >= total.saturating_add(process::TRAILER) {
            self.process = process::pcapdroid(layer.bytes);
        }
    }
}

/// Whether these bytes begin with an IP header whose lengths fit into the layer.
fn is_plausible(layer: &Layer<'_>) -> bool {
    let Some(first) = layer.u8(0) else { return false };
    match first >> 4 {
        4 => {
            let header = usize::from(first & 15) * 4;
            let total = layer.be16(2).map_or(0, usize::from);
            // A total of zero is left by segmentation offload, also inside tunnels.
            header >= 20 && (total == 0 || total >= header && total <= layer.wire())
        }
        6 => layer.be16(4).is_some_and(|length| usize::from(length).saturating_add(40) <= layer.wire()),
        _ => false,
    }
}
