//! What carries DTLS over a TURN relay: `ChannelData` (RFC 8656 §12.4), and the DATA attribute of Send and Data
//! indications (RFC 8656 §11, RFC 8489 §5).

use crate::base::{Reader, Window};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const SEND_INDICATION: u16 = 0x0016;
const DATA_INDICATION: u16 = 0x0017;
const DATA: u16 = 0x0013;
/// Channel numbers (RFC 8656 §12; 0x5000 to 0x7fff were allowed by RFC 5766).
const CHANNELS: std::ops::RangeInclusive<u8> = 0x40..=0x7f;

/// The datagram inside; the datagram itself when nothing is around it.
pub(in crate::dissect) fn inside<'a>(datagram: &Window<'a>) -> Window<'a> {
    let span = match datagram.bytes.first() {
        Some(first) if CHANNELS.contains(first) => channel_data(datagram.bytes),
        Some(0) => indication(datagram.bytes),
        _ => None,
    };
    span.and_then(|span| datagram.slice(span)).unwrap_or(*datagram)
}

fn channel_data(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut r = Reader::new(bytes);
    r.skip(2).ok()?;
    let data = r.vec16().ok()?;
    // Over UDP there may be padding to four octets.
    (r.left() < 4).then_some(4..4 + data.len())
}

fn indication(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut r = Reader::new(bytes);
    let kind = r.u16().ok()?;
    let length = usize::from(r.u16().ok()?);
    if !matches!(kind, SEND_INDICATION | DATA_INDICATION) || r.u32().ok()? != MAGIC_COOKIE {
        return None;
    }
    r.skip(12).ok()?;
    if length > r.left() {
        return None;
    }
    loop {
        let attribute = r.u16().ok()?;
        let value = r.vec16().ok()?;
        if attribute == DATA {
            let end = r.position();
            return Some(end - value.len()..end);
        }
        r.skip(value.len().wrapping_neg() & 3).ok()?;
    }
}
