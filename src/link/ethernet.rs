//! Ethernet, its tags, and what EtherTypes announce (IEEE 802.3, 802.1Q, 802.2; RFC 3032, RFC 8300).

use super::layer::{Layer, Walk};

/// How many MPLS labels are read.
const MOST_LABELS: usize = 16;

impl<'a> Walk<'_, 'a> {
    /// An Ethernet frame from its destination address on.
    pub fn ethernet(&mut self, layer: Layer<'a>) -> bool {
        let (Some(kind), Some(rest)) = (layer.be16(12), layer.skip(14)) else { return self.broken() };
        self.ethertype(kind, rest)
    }

    /// What follows an EtherType, or an IEEE 802.3 length.
    pub fn ethertype(&mut self, kind: u16, layer: Layer<'a>) -> bool {
        match kind {
            // Some drivers announce one version and carry the other; the packet itself knows.
            0x0800 | 0x86dd => self.ip(layer),
            _ => self.next_header() && self.other_ethertype(kind, layer),
        }
    }

    fn other_ethertype(&mut self, kind: u16, layer: Layer<'a>) -> bool {
        match kind {
            0..=1500 => self.llc(layer.limit(usize::from(kind))),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => self.vlan(layer),
            0x8847 | 0x8848 => self.mpls(layer),
            0x8864 => self.pppoe(layer),
            0x880b => self.ppp(layer),
            0x894f => self.nsh(layer),
            0x6558 => self.ethernet(layer),
            // LLC in a jumbo frame.
            0x8870 => self.llc(layer),
            // Tags with an EtherType behind: Cisco VN-Tag and CMD, IEEE 802.1BR E-Tag.
            0x8926 => self.tagged(layer, 4),
            0x8909 => self.tagged(layer, 6),
            0x893f => self.tagged(layer, 6),
            // Provider backbone bridging (IEEE 802.1ah): I-TAG, then the customer's frame.
            0x88e7 => layer.skip(4).is_some_and(|frame| self.ethernet(frame)),
            _ => false,
        }
    }

    fn tagged(&mut self, layer: Layer<'a>, at: usize) -> bool {
        match (layer.be16(at), layer.skip(at.saturating_add(2))) {
            (Some(kind), Some(rest)) => self.ethertype(kind, rest),
            _ => self.broken(),
        }
    }

    fn vlan(&mut self, layer: Layer<'a>) -> bool {
        let Some(id) = layer.be16(0).map(|tag| tag & 0xfff) else { return self.broken() };
        // Identifier 0 only carries a priority.
        if id != 0 && self.vlan.is_none() {
            self.vlan = Some(id);
        }
        self.tagged(layer, 2)
    }

    /// IEEE 802.2: SNAP, or IP by its own service access point.
    pub fn llc(&mut self, layer: Layer<'a>) -> bool {
        let Some([dsap, ssap, control]) = layer.array(0) else { return self.broken() };
        match (dsap & 0xfe, ssap & 0xfe, control) {
            (0xaa, 0xaa, 3) => layer.skip(3).is_some_and(|snap| self.snap(snap)),
            (6, 6, 3) => layer.skip(3).is_some_and(|packet| self.ip(packet)),
            _ => false,
        }
    }

    /// The SNAP header: an organisation and what it calls a protocol.
    pub fn snap(&mut self, layer: Layer<'a>) -> bool {
        let (Some(oui), Some(kind), Some(rest)) = (layer.array(0), layer.be16(3), layer.skip(5)) else { return self.broken() };
        match (oui, kind) {
            // EtherTypes, also inside bridged tunnels.
            ([0, 0, 0] | [0, 0, 0xf8], 0x600..) => self.ethertype(kind, rest),
            // Bridged Ethernet with and without its checksum (RFC 2427 §4.2).
            ([0, 0x80, 0xc2], 1 | 7) => self.next_header() && self.ethernet(rest),
            _ => false,
        }
    }

    /// MPLS labels. What is below is not announced: IP shows its version, else it may be Ethernet (RFC 4448).
    pub fn mpls(&mut self, mut layer: Layer<'a>) -> bool {
        for _ in 0..MOST_LABELS {
            let (Some(label), Some(rest)) = (layer.be32(0), layer.skip(4)) else { return self.broken() };
            layer = rest;
            if label & 0x100 != 0 {
                return self.below_labels(layer);
            }
        }
        false
    }

    fn below_labels(&mut self, layer: Layer<'a>) -> bool {
        if !self.next_header() {
            return false;
        }
        match layer.u8(0).map(|first| first >> 4) {
            Some(4 | 6) if self.plausible_ip(layer) => true,
            // A pseudowire's control word.
            Some(0) if layer.skip(4).is_some_and(|frame| self.inside(|walk| walk.ethernet(frame))) => true,
            Some(_) => self.inside(|walk| walk.ethernet(layer)),
            None => false,
        }
    }

    /// The network service header (RFC 8300 §2.2).
    pub fn nsh(&mut self, layer: Layer<'a>) -> bool {
        let (Some(base), Some(next)) = (layer.be16(0), layer.u8(3)) else { return self.broken() };
        let words = usize::from(base & 0x3f);
        // Version 0, at least base and service path header.
        let Some(rest) = layer.skip(words * 4).filter(|_| base >> 14 == 0 && words >= 2) else { return self.broken() };
        match next {
            1 | 2 => self.ip(rest),
            3 => self.next_header() && self.ethernet(rest),
            5 => self.next_header() && self.mpls(rest),
            4 => self.next_header() && self.nsh(rest),
            _ => false,
        }
    }
}
