//! Which program or app a packet belongs to: PKTAP headers and PCAPdroid trailers.

use super::layer::{Layer, Walk};
use super::{LinkType, Process};

/// Octets of PCAPdroid's trailer.
pub(super) const TRAILER: usize = 32;

/// The trailer that PCAPdroid puts behind the IP packet, at the end of the frame: a magic number, the Android user id, 20
/// octets of app name and a checksum of the frame.
pub(super) fn pcapdroid(frame: &[u8]) -> Option<Process<'_>> {
    const MAGIC: u32 = 0x0107_2021;
    const UNKNOWN: u32 = u32::MAX;
    let trailer = frame.last_chunk::<TRAILER>()?;
    let word = |at: usize| trailer.get(at..).and_then(|bytes| bytes.first_chunk()).map(|word| u32::from_be_bytes(*word));
    let uid = word(4)?;
    (word(0)? == MAGIC && uid != UNKNOWN).then_some(Process::Android { uid, name: until_nul(trailer.get(8..28)?) })
}

impl<'a> Walk<'_, 'a> {
    /// Apple's PKTAP header: how the rest is to be read, and who sent it.
    pub fn pktap(&mut self, layer: Layer<'a>) -> bool {
        let header = || {
            let length = usize::try_from(layer.le32(0)?).ok()?;
            let link = u16::try_from(layer.le32(8)?).ok()?;
            let trailer = usize::try_from(layer.le32(48)?).ok()?;
            let pid = layer.le32(52)?;
            let name = until_nul(layer.bytes.get(56..76)?);
            let rest = layer.skip(length)?;
            // Records of other kinds than "a packet follows" carry none.
            (length >= 76 && layer.le32(4)? == 1).then_some((link, pid, name, rest.limit(rest.wire().saturating_sub(trailer))))
        };
        let Some((link, pid, name, rest)) = header() else { return self.broken() };
        if !name.is_empty() {
            // -1: the kernel did not know.
            self.process = Some(Process::Named { name, pid: (pid != u32::MAX).then_some(pid) });
        }
        // A header in a header would only be a way to make work.
        !matches!(link, 149 | 258) && self.next_header() && self.link(LinkType(link), rest)
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&octet| octet == 0).next().unwrap_or_default()
}
