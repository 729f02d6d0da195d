//! Point-to-point framings: PPP, PPPoE, Cisco HDLC, frame relay (RFC 1661, RFC 1662, RFC 2516, RFC 2427).

use super::layer::{Layer, Walk};

impl<'a> Walk<'_, 'a> {
    /// A serial line: PPP, unless the address octet is one of Cisco HDLC.
    pub fn ppp_or_hdlc(&mut self, layer: Layer<'a>) -> bool {
        match layer.array(0) {
            Some([0x0f | 0x8f, 0]) => self.cisco_hdlc(layer),
            _ => self.ppp(layer),
        }
    }

    /// Cisco HDLC: address, control, EtherType.
    pub fn cisco_hdlc(&mut self, layer: Layer<'a>) -> bool {
        match (layer.be16(2), layer.skip(4)) {
            (Some(kind), Some(rest)) => self.ethertype(kind, rest),
            _ => self.broken(),
        }
    }

    /// PPP, with or without HDLC-like framing, the protocol in one or two octets.
    pub fn ppp(&mut self, layer: Layer<'a>) -> bool {
        let layer = if layer.be16(0) == Some(0xff03) { layer.after(2) } else { layer };
        let Some(first) = layer.u8(0) else { return self.broken() };
        let (protocol, length) = if first & 1 == 1 { (Some(u16::from(first)), 1) } else { (layer.be16(0), 2) };
        let (Some(protocol), Some(rest)) = (protocol, layer.skip(length)) else { return self.broken() };
        match protocol {
            0x0021 | 0x0057 => self.ip(rest),
            0x0281 | 0x0283 => self.next_header() && self.mpls(rest),
            // Multilink (RFC 1990): readable when the packet begins and ends here.
            0x003d => match rest.u8(0) {
                Some(flags) if flags & 0xc0 == 0xc0 => self.next_header() && self.multilink(rest),
                _ => false,
            },
            _ => false,
        }
    }

    /// Both forms of sequence number are in use and nothing in the packet says which.
    fn multilink(&mut self, layer: Layer<'a>) -> bool {
        [4, 2].into_iter().any(|length| layer.skip(length).is_some_and(|inner| self.inside(|walk| walk.ppp(inner))))
    }

    /// A PPPoE session packet.
    pub fn pppoe(&mut self, layer: Layer<'a>) -> bool {
        let (Some([version, code]), Some(length), Some(rest)) = (layer.array(0), layer.be16(4), layer.skip(6)) else {
            return self.broken();
        };
        // Code 0 is the session; the others are discovery.
        version == 0x11 && code == 0 && self.ppp(rest.limit(usize::from(length)))
    }

    /// Frame relay: a Q.922 address, then the RFC 2427 multiprotocol header, or Cisco's EtherType.
    pub fn frame_relay(&mut self, layer: Layer<'a>) -> bool {
        // The last octet of the address has its lowest bit set.
        let Some(address) = layer.bytes.iter().take(4).position(|octet| octet & 1 == 1).filter(|&last| last > 0) else {
            return self.broken();
        };
        let layer = layer.after(address + 1);
        match layer.array(0) {
            Some([3, 0xcc | 0x8e]) => self.ip(layer.after(2)),
            Some([3, 0x80]) => self.snap(layer.after(2)),
            Some([3, 0]) if layer.u8(2) == Some(0x80) => self.snap(layer.after(3)),
            Some([3, _]) | None => false,
            Some(kind) => self.ethertype(u16::from_be_bytes(kind), layer.after(2)),
        }
    }
}
