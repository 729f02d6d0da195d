//! The frames of Initial packets (RFC 9000 §12.4, §19): CRYPTO and CONNECTION_CLOSE are used, the others stepped over.

use std::ops::Range;

use crate::base::{Reader, Short};

/// A frame that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of the TLS handshake at an offset of their stream (RFC 9000 §19.6).
    Crypto { offset: u64, span: Range<usize> },
    /// The connection is closed with this error (RFC 9000 §19.19).
    Close { code: u64, span: Range<usize> },
}

/// The frames of a payload in clear; ends at the first one that is not allowed in an Initial packet.
pub(super) struct Frames<'a> {
    reader: Reader<'a>,
    google: bool,
}

impl<'a> Frames<'a> {
    /// Frames as RFC 9000 numbers them, or as Google's versions did.
    pub fn new(payload: &'a [u8], google: bool) -> Frames<'a> {
        Frames { reader: Reader::new(payload), google }
    }

    /// Frames as RFC 9000 numbers them.
    fn read(&mut self) -> Result<Option<Frame>, Short> {
        while !self.reader.is_empty() {
            let start = self.reader.position();
            let r = &mut self.reader;
            match r.varint()? {
                // PADDING, PING, and IMMEDIATE_ACK (draft-ietf-quic-ack-frequency).
                0x00 | 0x01 | 0x1f | 0xac => {}
                kind @ (0x02 | 0x03) => skip_ack(r, kind == 0x03)?,
                0x06 => return crypto(r).map(Some),
                0x1c => {
                    let code = r.varint()?;
                    r.varint()?;
                    let reason = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
                    // A reason cut short by a sloppy sender still closes.
                    let _ = r.skip(reason.min(r.left()));
                    return Ok(Some(Frame::Close { code, span: start..r.position() }));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Frames of Q050, T050 and T051: Google's numbers, with a CRYPTO frame in the new shape.
    fn read_google(&mut self) -> Result<Option<Frame>, Short> {
        while !self.reader.is_empty() {
            let r = &mut self.reader;
            match r.u8()? {
                0x00 | 0x07 => {}
                0x08 => return crypto(r).map(Some),
                kind @ 0x40..=0x7f => skip_google_ack(r, kind)?,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn crypto(r: &mut Reader<'_>) -> Result<Frame, Short> {
    let offset = r.varint()?;
    let len = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    r.skip(len)?;
    let end = r.position();
    Ok(Frame::Crypto { offset, span: end.saturating_sub(len)..end })
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let frame = if self.google { self.read_google() } else { self.read() };
        frame.ok().flatten()
    }
}

/// ACK (RFC 9000 §19.3).
pub(super) fn skip_ack(r: &mut Reader<'_>, with_ecn: bool) -> Result<(), Short> {
    let _largest = r.varint()?;
    let _delay = r.varint()?;
    let ranges = r.varint()?;
    let _first = r.varint()?;
    for _ in 0..ranges {
        let _gap = r.varint()?;
        let _length = r.varint()?;
    }
    if with_ecn {
        for _ in 0..3 {
            r.varint()?;
        }
    }
    Ok(())
}

/// ACK of Google's versions: the bits `01ntllmm` of the type give the widths of what follows.
fn skip_google_ack(r: &mut Reader<'_>, kind: u8) -> Result<(), Short> {
    let width = |bits: u8| match bits & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 6,
    };
    r.skip(width(kind >> 2))?;
    let _delay = r.u16()?;
    let blocks = if kind & 0x20 != 0 { r.u8()? } else { 0 };
    r.skip(width(kind))?;
    for _ in 0..blocks {
        r.skip(1 + width(kind))?;
    }
    match r.u8()? {
        0 => Ok(()),
        timestamps => r.skip(5 + 3 * (usize::from(timestamps) - 1)),
    }
}
