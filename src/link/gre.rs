//! Generic routing encapsulation and what Cisco, Microsoft and others put into it (RFC 2784, RFC 2890, RFC 2637, ERSPAN).

use super::layer::{Layer, Walk};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;

impl<'a> Walk<'_, 'a> {
    /// A GRE packet; `false` when nothing readable is inside.
    pub fn gre(&mut self, layer: Layer<'a>) -> bool {
        let (Some(flags), Some(kind)) = (layer.be16(0), layer.be16(2)) else { return false };
        let optional = |flag: u16| if flags & flag == 0 { 0 } else { 4 };
        if !self.next_header() {
            return false;
        }
        match flags & 7 {
            0 => {
                let checksum = optional(CHECKSUM | ROUTING);
                let length = 4 + checksum + optional(KEY) + optional(SEQUENCE);
                let Some(mut rest) = layer.skip(length) else { return false };
                if flags & ROUTING != 0 {
                    let Some(unrouted) = skip_routes(rest) else { return false };
                    rest = unrouted;
                }
                self.inside(|walk| walk.gre_payload(kind, flags & SEQUENCE != 0, rest))
            }
            // PPTP: the key holds the payload's length.
            1 if kind == 0x880b && flags & KEY != 0 => {
                let length = 8 + optional(SEQUENCE) + optional(ACKNOWLEDGMENT);
                let (Some(payload), Some(rest)) = (layer.be16(4), layer.skip(length)) else { return false };
                self.inside(|walk| walk.ppp(rest.limit(usize::from(payload))))
            }
            _ => false,
        }
    }

    fn gre_payload(&mut self, kind: u16, sequenced: bool, rest: Layer<'a>) -> bool {
        match kind {
            // ERSPAN II has a sequence number and a header, ERSPAN I neither.
            0x88be if sequenced => rest.u8(0).is_some_and(|v| v >> 4 == 1) && rest.skip(8).is_some_and(|frame| self.ethernet(frame)),
            0x88be => self.ethernet(rest),
            0x22eb => self.erspan_3(rest),
            // WCCP: version 2 adds a redirect header; no IP version looks like its first half octet.
            0x883e => match rest.u8(0).map(|first| first >> 4) {
                Some(4 | 6) => self.plausible_ip(rest),
                _ => rest.skip(4).is_some_and(|packet| self.plausible_ip(packet)),
            },
            // Bridged 802.3 lengths have no place here.
            0x600.. => self.ethertype(kind, rest),
            _ => false,
        }
    }

    fn erspan_3(&mut self, rest: Layer<'a>) -> bool {
        let (Some(version), Some(last)) = (rest.u8(0), rest.u8(11)) else { return false };
        let length = if last & 1 == 0 { 12 } else { 20 };
        // The frame type: 0 is Ethernet, 2 is IP.
        let Some(inner) = rest.skip(length).filter(|_| version >> 4 == 2) else { return false };
        match rest.be16(10).map_or(0, |word| word >> 10 & 0x1f) {
            2 => self.plausible_ip(inner),
            _ => self.ethernet(inner),
        }
    }
}

/// Source route entries (RFC 1701): family, offset, length; ended by an empty one.
fn skip_routes(mut rest: Layer<'_>) -> Option<Layer<'_>> {
    const MOST: usize = 16;
    for _ in 0..MOST {
        let (family, length) = (rest.be16(0)?, usize::from(rest.u8(3)?));
        rest = rest.skip(length + 4)?;
        if (family, length) == (0, 0) {
            return Some(rest);
        }
    }
    None
}
