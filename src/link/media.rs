//! Link-layer headers that capture programs make, and those of rarer media (the tcpdump.org registry of link-layer header types).

use super::LinkType;
use super::layer::{Layer, Walk};

const ARPHRD_IEEE80211: u16 = 801;
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;

impl<'a> Walk<'_, 'a> {
    /// BSD loopback: the address family in the byte order of the machine that captured (`NULL`), or of the network (`LOOP`).
    pub fn null(&mut self, layer: Layer<'a>) -> bool {
        let (Some(family), Some(rest)) = (layer.le32(0), layer.skip(4)) else { return self.broken() };
        // Families are small numbers, so the order shows.
        let family = if family > 0xffff { family.swap_bytes() } else { family };
        match family {
            // AF_INET, and AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
            2 | 10 | 23 | 24 | 28 | 30 => self.ip(rest),
            // Some programs put an EtherType there.
            0x600..=0xffff => u16::try_from(family).is_ok_and(|kind| self.ethertype(kind, rest)),
            _ => false,
        }
    }

    /// Linux cooked capture.
    pub fn linux_cooked(&mut self, layer: Layer<'a>) -> bool {
        let (Some(hardware), Some(kind), Some(rest)) = (layer.be16(2), layer.be16(14), layer.skip(16)) else { return self.broken() };
        self.cooked(hardware, kind, rest)
    }

    /// Linux cooked capture, version 2.
    pub fn linux_cooked_v2(&mut self, layer: Layer<'a>) -> bool {
        let (Some(kind), Some(hardware), Some(rest)) = (layer.be16(0), layer.be16(8), layer.skip(20)) else { return self.broken() };
        self.cooked(hardware, kind, rest)
    }

    fn cooked(&mut self, hardware: u16, kind: u16, rest: Layer<'a>) -> bool {
        match (hardware, kind) {
            (ARPHRD_IEEE80211, _) => self.wlan(rest, false),
            (ARPHRD_IEEE80211_RADIOTAP, _) => self.radiotap(rest),
            (_, 4) => self.llc(rest),
            (_, 0x600..) => self.ethertype(kind, rest),
            _ => false,
        }
    }

    /// Per-packet information: a header that names the link type of the rest.
    pub fn ppi(&mut self, layer: Layer<'a>) -> bool {
        let (Some(length), Some(link)) = (layer.le16(2), layer.le32(4)) else { return self.broken() };
        let rest = layer.skip(usize::from(length)).filter(|_| length >= 8);
        let (Some(rest), Ok(link)) = (rest, u16::try_from(link)) else { return self.broken() };
        // A header in a header would only be a way to make work.
        link != 192 && self.next_header() && self.link(LinkType(link), rest)
    }

    /// Linux netfilter log: type-length-values in the byte order of the machine, one of them the packet.
    pub fn nflog(&mut self, layer: Layer<'a>) -> bool {
        const PAYLOAD: u16 = 9;
        let (Some(family), Some(mut rest)) = (layer.u8(0), layer.skip(4)) else { return self.broken() };
        let order = |bytes: [u8; 2], big: bool| if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        // The first length is small, so the order shows.
        let big = rest.array(0).is_some_and(|length| order(length, true) < order(length, false));
        while let (Some(length), Some(kind)) = (rest.array(0), rest.array(2)) {
            let length = usize::from(order(length, big));
            if length < 4 {
                return self.broken();
            }
            if order(kind, big) == PAYLOAD {
                return matches!(family, 2 | 10) && self.ip(rest.limit(length).after(4));
            }
            let Some(next) = rest.skip(length.next_multiple_of(4)) else { return self.broken() };
            rest = next;
        }
        false
    }

    /// ARCNET as Linux captures it (RFC 1201, RFC 1051): addresses, a filler, the protocol, and for the newer protocols a split flag and a
    /// sequence number.
    pub fn arcnet(&mut self, layer: Layer<'a>) -> bool {
        match (layer.u8(4), layer.u8(5)) {
            (Some(240), _) => self.ip(layer.after(5)),
            // 0xff marks a frame of a length the hardware cannot send: the header comes again.
            (Some(212 | 196), Some(0xff)) => layer.skip(12).is_some_and(|packet| self.ip(packet)),
            (Some(212 | 196), Some(0)) => layer.skip(8).is_some_and(|packet| self.ip(packet)),
            (Some(_), _) => false,
            (None, _) => self.broken(),
        }
    }

    /// Apple's IP over IEEE 1394: two 8-octet addresses, EtherType.
    pub fn ip_over_1394(&mut self, layer: Layer<'a>) -> bool {
        match (layer.be16(16), layer.skip(18)) {
            (Some(kind), Some(rest)) => self.ethertype(kind, rest),
            _ => self.broken(),
        }
    }

    /// IP over InfiniBand: global routing header, EtherType, two reserved octets (RFC 4391 §6).
    pub fn ip_over_infiniband(&mut self, layer: Layer<'a>) -> bool {
        match (layer.be16(40), layer.skip(44)) {
            (Some(kind), Some(rest)) => self.ethertype(kind, rest),
            _ => self.broken(),
        }
    }

    /// Juniper's header in front of Ethernet: a magic number, flags, and when flagged, extensions with their length.
    pub fn juniper_ethernet(&mut self, layer: Layer<'a>) -> bool {
        const EXTENSIONS: u8 = 0x80;
        const NO_LAYER_2: u8 = 0x02;
        let Some([b'M', b'G', b'C', flags]) = layer.array(0) else { return self.broken() };
        let length = if flags & EXTENSIONS == 0 { Some(4) } else { layer.be16(4).map(|n| usize::from(n) + 6) };
        let Some(rest) = length.and_then(|n| layer.skip(n)) else { return self.broken() };
        if flags & NO_LAYER_2 == 0 { self.ethernet(rest) } else { self.plausible_ip(rest) }
    }
}
