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

    fn read(&mut self) -> Result<Option<Frame>, Short> {
        while !self.reader.is_empty() {
            let start = self.reader.position();
            let r = &mut self.reader;
            match r.varint()? {
                0x00 | 0x01 => {}
                kind @ (0x02 | 0x03) if !self.google => skip_ack(r, kind == 0x03)?,
                kind if kind == if self.google { 0x08 } else { 0x06 } => {
                    let offset = r.varint()?;
                    let len = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
                    r.take(len)?;
                    let end = r.position();
                    return Ok(Some(Frame::Crypto { offset, span: end - len..end }));
                }
                0x1c if !self.google => {
                    let code = r.varint()?;
                    r.varint()?;
                    let reason = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
                    // A reason cut short by a sloppy sender still closes.
                    let _ = r.skip(reason.min(r.left()));
                    return Ok(Some(Frame::Close { code, span: start..r.position() }));
                }
                // IMMEDIATE_ACK (draft-ietf-quic-ack-frequency).
                0x1f | 0xac if !self.google => {}
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.read().ok().flatten()
    }
}

/// ACK (RFC 9000 §19.3).
fn skip_ack(r: &mut Reader<'_>, with_ecn: bool) -> Result<(), Short> {
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
