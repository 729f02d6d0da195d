//! IEEE 802.11 frames: data in clear is read, data under the radio's own protection is counted (IEEE 802.11-2020 §9.2, §9.3, §9.4.2.24).

use super::layer::{Layer, Walk};
use crate::base::{Reader, WireStr};

const FROM_TO_DS: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

impl<'a> Walk<'_, 'a> {
    /// Radiotap: a little-endian header whose flags say whether the 802.11 header is padded.
    pub fn radiotap(&mut self, layer: Layer<'a>) -> bool {
        let (Some(0), Some(length)) = (layer.u8(0), layer.le16(2).map(usize::from)) else { return self.broken() };
        let Some(frame) = layer.skip(length).filter(|_| length >= 8) else { return self.broken() };
        let padded = radiotap_flags(&layer.limit(length)).unwrap_or(0) & 0x20 != 0;
        self.wlan(frame, padded)
    }

    /// The header of the AVS capture format.
    pub fn wlan_avs(&mut self, layer: Layer<'a>) -> bool {
        let length = layer.be32(4).and_then(|n| usize::try_from(n).ok());
        match length.and_then(|n| layer.skip(n)) {
            Some(frame) => self.wlan(frame, false),
            None => self.broken(),
        }
    }

    /// The Prism header, in the byte order of the machine; some drivers write an AVS header under the same link type.
    pub fn prism(&mut self, layer: Layer<'a>) -> bool {
        const LENGTH: usize = 144;
        if layer.be32(0).is_some_and(|magic| magic & 0xffff_f000 == 0x8021_1000) {
            return self.wlan_avs(layer);
        }
        match layer.skip(LENGTH) {
            Some(frame) => self.wlan(frame, false),
            None => self.broken(),
        }
    }

    /// An 802.11 frame; `padded` when its header is filled up to a multiple of four octets.
    pub fn wlan(&mut self, layer: Layer<'a>, padded: bool) -> bool {
        match layer.array(0) {
            Some([control, flags]) => self.wlan_with(layer, control, flags, padded),
            None => self.broken(),
        }
    }

    /// An 802.11 frame whose frame control is already read.
    pub fn wlan_with(&mut self, layer: Layer<'a>, control: u8, flags: u8, padded: bool) -> bool {
        let (version, kind, subtype) = (control & 3, control >> 2 & 3, control >> 4);
        match (version, kind) {
            (0, 0) => {
                self.wlan_management(layer, subtype, flags);
                false
            }
            (0, 2) => self.wlan_data(layer, subtype, flags, padded),
            _ => false,
        }
    }

    fn wlan_data(&mut self, layer: Layer<'a>, subtype: u8, flags: u8, padded: bool) -> bool {
        let quality = subtype & 8 != 0;
        // Null functions carry nothing.
        if subtype & 4 != 0 || !self.next_header() {
            return false;
        }
        if flags & PROTECTED != 0 {
            self.counts.wlan_protected += 1;
            return false;
        }
        let addresses = if flags & FROM_TO_DS == FROM_TO_DS { 30 } else { 24 };
        let aggregated = quality && layer.u8(addresses).is_some_and(|control| control & 0x80 != 0);
        let mut length = addresses;
        if quality {
            length += if flags & ORDER == 0 { 2 } else { 6 };
        }
        if padded {
            length = length.next_multiple_of(4);
        }
        let (Some(sequence), Some(body)) = (layer.le16(22), layer.skip(length)) else { return self.broken() };
        if flags & MORE_FRAGMENTS != 0 || sequence & 0xf != 0 {
            // A part of a frame; nobody fragments below IP any more.
            return false;
        }
        if aggregated { self.wlan_aggregate(body) } else { self.llc(body) }
    }

    /// An A-MSDU: destination, source, length, then LLC; all but the last padded to a multiple of four octets.
    fn wlan_aggregate(&mut self, mut rest: Layer<'a>) -> bool {
        let mut found = false;
        while let (Some(length), Some(body)) = (rest.be16(12).map(usize::from), rest.skip(14)) {
            if !self.next_header() {
                break;
            }
            found |= self.llc(body.limit(length));
            let Some(next) = rest.skip((length + 14).next_multiple_of(4)) else { break };
            rest = next;
        }
        found
    }

    /// Beacons, probe responses and association requests announce the network's ciphers.
    fn wlan_management(&mut self, layer: Layer<'a>, subtype: u8, flags: u8) {
        let fixed = match subtype {
            0 => 4,
            2 => 10,
            5 | 8 => 12,
            _ => return,
        };
        let header = if flags & ORDER == 0 { 24 } else { 28 };
        let Some(elements) = layer.skip(header + fixed).filter(|_| flags & PROTECTED == 0) else { return };
        let mut reader = Reader::new(elements.bytes);
        while let (Ok(id), Ok(body)) = (reader.u8(), reader.vec8()) {
            let suites = match (id, body) {
                (48, rsn) => rsn,
                (221, [0x00, 0x50, 0xf2, 0x01, wpa @ ..]) => wpa,
                _ => continue,
            };
            for name in pairwise_ciphers(suites) {
                self.counts.saw_cipher(WireStr::from(name));
            }
        }
    }
}

/// The flags field, which is the second a radiotap header may have.
fn radiotap_flags(header: &Layer<'_>) -> Option<u8> {
    const TSFT: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    let present = header.le32(4)?;
    let mut at: usize = 8;
    let mut word = present;
    while word & MORE != 0 {
        word = header.le32(at)?;
        at += 4;
    }
    if present & TSFT != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if present & FLAGS != 0 { header.u8(at) } else { None }
}

/// The pairwise cipher suites of an RSN or WPA element: version, group suite, count, suites.
fn pairwise_ciphers(element: &[u8]) -> impl Iterator<Item = &'static str> {
    let mut reader = Reader::new(element);
    let suites = reader.skip(6).ok().and_then(|()| reader.array().ok()).map_or(0, u16::from_le_bytes);
    (0..suites).map_while(move |_| reader.array::<4>().ok()).filter_map(|suite| match suite {
        [0x00, 0x0f, 0xac, 1] | [0x00, 0x50, 0xf2, 1] => Some("WEP-40"),
        [0x00, 0x0f, 0xac, 2] | [0x00, 0x50, 0xf2, 2] => Some("TKIP"),
        [0x00, 0x0f, 0xac, 4] | [0x00, 0x50, 0xf2, 4] => Some("CCMP-128"),
        [0x00, 0x0f, 0xac, 5] | [0x00, 0x50, 0xf2, 5] => Some("WEP-104"),
        [0x00, 0x0f, 0xac, 8] => Some("GCMP-128"),
        [0x00, 0x0f, 0xac, 9] => Some("GCMP-256"),
        [0x00, 0x0f, 0xac, 10] => Some("CCMP-256"),
        _ => None,
    })
}
