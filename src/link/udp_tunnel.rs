//! Tunnels in UDP: VXLAN, Geneve, GTP-U, Teredo, L2TP, CAPWAP, MPLS.
//!
//! A port only says where to look. Every header must be right in its fixed bits and lengths, and IP must be found inside; else
//! the datagram is told as it is.

use super::defrag::{Fragment, Key};
use super::layer::{Layer, Walk};
use super::transport::Ends;

/// What may be in datagrams from or to a port.
#[derive(Clone, Copy)]
enum Tunnel {
    Vxlan,
    VxlanGpe,
    Geneve,
    Gtp,
    Teredo,
    L2tp,
    Capwap,
    Mpls,
}

impl Tunnel {
    fn at(port: u16) -> Option<Tunnel> {
        Some(match port {
            4789 | 8472 => Tunnel::Vxlan,
            4790 => Tunnel::VxlanGpe,
            6081 => Tunnel::Geneve,
            2152 => Tunnel::Gtp,
            3544 => Tunnel::Teredo,
            1701 => Tunnel::L2tp,
            5247 => Tunnel::Capwap,
            6635 => Tunnel::Mpls,
            _ => return None,
        })
    }
}

impl<'a> Walk<'_, 'a> {
    /// Reads the packet inside a UDP datagram. `false` when it is no tunnel.
    pub fn udp_tunnel(&mut self, ends: Ends, src_port: u16, dst_port: u16, payload: Layer<'a>) -> bool {
        let Some(tunnel) = Tunnel::at(dst_port).or_else(|| Tunnel::at(src_port)) else { return false };
        if !self.next_header() {
            return false;
        }
        let outside = std::mem::replace(&mut self.in_udp, true);
        let found = self.inside(|walk| walk.in_tunnel(tunnel, ends, payload).unwrap_or(false));
        self.in_udp = outside;
        found
    }

    fn in_tunnel(&mut self, tunnel: Tunnel, ends: Ends, layer: Layer<'a>) -> Option<bool> {
        match tunnel {
            Tunnel::Vxlan => self.vxlan(layer),
            Tunnel::VxlanGpe => self.vxlan_gpe(layer),
            Tunnel::Geneve => self.geneve(layer),
            Tunnel::Gtp => self.gtp(layer),
            Tunnel::Teredo => self.teredo(layer),
            Tunnel::L2tp => self.l2tp(layer),
            Tunnel::Capwap => self.capwap(ends, layer),
            Tunnel::Mpls => Some(self.mpls(layer)),
        }
    }

    /// RFC 7348 §5: the I flag, all reserved bits zero but those of the group policy extension.
    fn vxlan(&mut self, layer: Layer<'a>) -> Option<bool> {
        const GROUP_POLICY: u8 = 0x80;
        let (flags, reserved) = (layer.u8(0)?, layer.u8(7)?);
        let group = layer.be16(2)?;
        let right = flags & !GROUP_POLICY == 8 && reserved == 0 && (flags & GROUP_POLICY != 0 || group == 0);
        Some(right && self.ethernet(layer.skip(8)?))
    }

    /// The generic protocol extension for VXLAN: the next protocol in the fourth octet.
    fn vxlan_gpe(&mut self, layer: Layer<'a>) -> Option<bool> {
        let (flags, next, inner) = (layer.u8(0)?, layer.u8(3)?, layer.skip(8)?);
        // The I flag; version 0.
        if flags & 0xf8 != 8 || layer.u8(7)? != 0 {
            return None;
        }
        Some(match next {
            1 | 2 => self.plausible_ip(inner),
            3 => self.ethernet(inner),
            4 => self.nsh(inner),
            5 => self.mpls(inner),
            _ => false,
        })
    }

    /// RFC 8926 §3.4.
    fn geneve(&mut self, layer: Layer<'a>) -> Option<bool> {
        let (first, flags, kind) = (layer.u8(0)?, layer.u8(1)?, layer.be16(2)?);
        // Version 0, reserved bits zero.
        if first >> 6 != 0 || flags & 0x3f != 0 || layer.u8(7)? != 0 {
            return None;
        }
        let inner = layer.skip(usize::from(first & 0x3f) * 4 + 8)?;
        Some(kind >= 0x600 && self.ethertype(kind, inner))
    }

    /// GTP-U version 1, message G-PDU (3GPP TS 29.281 §5).
    fn gtp(&mut self, layer: Layer<'a>) -> Option<bool> {
        const G_PDU: u8 = 0xff;
        const MOST_EXTENSIONS: usize = 8;
        let (flags, message, length) = (layer.u8(0)?, layer.u8(1)?, usize::from(layer.be16(2)?));
        if flags & 0xf8 != 0x30 || message != G_PDU || length.saturating_add(8) > layer.wire() {
            return None;
        }
        let layer = layer.limit(length + 8);
        if flags & 7 == 0 {
            return Some(self.plausible_ip(layer.skip(8)?));
        }
        let (mut next, mut rest) = (if flags & 4 == 0 { 0 } else { layer.u8(11)? }, layer.skip(12)?);
        for _ in 0..MOST_EXTENSIONS {
            if next == 0 {
                return Some(self.plausible_ip(rest));
            }
            let extension = usize::from(rest.u8(0)?) * 4;
            next = rest.u8(extension.checked_sub(1)?)?;
            rest = rest.skip(extension)?;
        }
        None
    }

    /// RFC 4380 §5.1.1: authentication and origin indications, then an IPv6 packet that fills the datagram.
    fn teredo(&mut self, mut layer: Layer<'a>) -> Option<bool> {
        if layer.be16(0)? == 1 {
            let (id, authentication) = (usize::from(layer.u8(2)?), usize::from(layer.u8(3)?));
            layer = layer.skip(id + authentication + 13)?;
        }
        if layer.be16(0)? == 0 {
            layer = layer.skip(8)?;
        }
        let fills = usize::from(layer.be16(4)?).saturating_add(40) == layer.wire();
        Some(layer.u8(0)? >> 4 == 6 && fills && self.ipv6(layer))
    }

    /// L2TP version 2 data (RFC 2661 §3.1): PPP behind optional length, sequence numbers and offset.
    fn l2tp(&mut self, layer: Layer<'a>) -> Option<bool> {
        const CONTROL: u16 = 0x8000;
        const LENGTH: u16 = 0x4000;
        const SEQUENCE: u16 = 0x0800;
        const OFFSET: u16 = 0x0200;
        const RESERVED: u16 = 0x34f0;
        let flags = layer.be16(0)?;
        if flags & (CONTROL | RESERVED) != 0 || flags & 0xf != 2 {
            return None;
        }
        let (mut at, mut layer) = (2, layer);
        if flags & LENGTH != 0 {
            let length = usize::from(layer.be16(2)?);
            if length > layer.wire() {
                return None;
            }
            (at, layer) = (4, layer.limit(length));
        }
        // Tunnel and session.
        at += 4;
        if flags & SEQUENCE != 0 {
            at += 4;
        }
        if flags & OFFSET != 0 {
            at += usize::from(layer.be16(at)?) + 2;
        }
        Some(self.ppp(layer.skip(at)?))
    }

    /// CAPWAP data in clear (RFC 5415 §4.3): an 802.11 or 802.3 frame, in one piece or several.
    fn capwap(&mut self, ends: Ends, layer: Layer<'a>) -> Option<bool> {
        const NATIVE: u32 = 0x100;
        const FRAGMENT: u32 = 0x80;
        const LAST: u32 = 0x40;
        /// No IP protocol, so that these fragments are never mixed with those of IP.
        const CAPWAP: u8 = 255;
        let word = layer.be32(0)?;
        let header = usize::try_from(word >> 19 & 0x1f).ok()? * 4;
        // Preamble 0: version 0, not DTLS. At least the fixed header.
        if word >> 24 != 0 || header < 8 {
            return None;
        }
        let (native, inner) = (word & NATIVE != 0, layer.skip(header)?);
        if word & FRAGMENT == 0 {
            return Some(self.capwap_frame(native, inner));
        }
        if inner.is_cut() {
            return None;
        }
        let key = Key { src: ends.src, dst: ends.dst, protocol: CAPWAP, id: u32::from(layer.be16(4)?), vlan: self.vlan };
        let (offset, more) = (u32::from(layer.be16(6)? & !7), word & LAST == 0);
        let fragment = Fragment { offset, more, protocol: 0, window: inner.window(&self.root), wire_len: self.wire_len };
        Some(self.put_together(key, &fragment, |walk, _, frame| walk.capwap_frame(native, frame)))
    }

    fn capwap_frame(&mut self, native: bool, frame: Layer<'a>) -> bool {
        // Some controllers swap the two octets of the frame control; the version, which is 0, shows it.
        match frame.array(0) {
            Some([flags, control]) if native && flags & 3 != 0 && control & 3 == 0 => self.wlan_with(frame, control, flags, false),
            _ if native => self.wlan(frame, false),
            _ => self.ethernet(frame),
        }
    }
}
