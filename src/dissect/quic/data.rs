//! The frames of 0-RTT and 1-RTT packets (RFC 9000 §12.4, §19; RFC 9221): the bytes of streams, of DATAGRAM frames and of the handshake; the
//! others are stepped over.

use std::ops::Range;

use crate::base::{Reader, Short};

/// A frame that carries bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DataFrame {
    /// Bytes of the TLS handshake (§19.6).
    Crypto { offset: u64, span: Range<usize> },
    /// Bytes of a stream (§19.8); `last` when they end it.
    Stream { id: u64, offset: u64, span: Range<usize>, last: bool },
    /// The sender has these packets of the other side: an ACK frame without its type (§19.3).
    Ack { span: Range<usize> },
    /// The sender can be reached by this id, too (§19.15).
    NewId { span: Range<usize> },
    /// A stream was given up by its sender (§19.4).
    Reset { id: u64 },
    /// A message of its own (RFC 9221 §4).
    Datagram { span: Range<usize> },
    /// The connection is closed with this error (§19.19).
    Close { code: u64, span: Range<usize> },
    /// A frame that is not known: what follows it cannot be read.
    Unknown,
}

/// The frames of a payload in clear.
pub(super) struct DataFrames<'a> {
    reader: Reader<'a>,
    ended: bool,
}

impl<'a> DataFrames<'a> {
    pub fn new(payload: &'a [u8]) -> DataFrames<'a> {
        DataFrames { reader: Reader::new(payload), ended: false }
    }

    fn read(&mut self) -> Result<Option<DataFrame>, Short> {
        let r = &mut self.reader;
        while !r.is_empty() {
            let start = r.position();
            match r.varint()? {
                // PADDING, PING, HANDSHAKE_DONE, IMMEDIATE_ACK (draft-ietf-quic-ack-frequency).
                0x00 | 0x01 | 0x1e | 0x1f | 0xac => {}
                kind @ (0x02 | 0x03) => {
                    let start = r.position();
                    super::frames::skip_ack(r, kind == 0x03)?;
                    return Ok(Some(DataFrame::Ack { span: start..r.position() }));
                }
                kind @ (0x04 | 0x24) => {
                    let id = r.varint()?;
                    // Error code, final size, and in RESET_STREAM_AT the size that is still delivered.
                    numbers(r, if kind == 0x24 { 3 } else { 2 })?;
                    return Ok(Some(DataFrame::Reset { id }));
                }
                0x06 => {
                    let offset = r.varint()?;
                    return Ok(Some(DataFrame::Crypto { offset, span: with_length(r)? }));
                }
                0x07 => {
                    with_length(r)?;
                }
                kind @ 0x08..=0x0f => return stream(r, kind).map(Some),
                // STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED.
                0x05 | 0x11 | 0x15 => numbers(r, 2)?,
                // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED, RETIRE_CONNECTION_ID.
                0x10 | 0x12 | 0x13 | 0x14 | 0x16 | 0x17 | 0x19 => numbers(r, 1)?,
                0x18 => {
                    numbers(r, 2)?;
                    let len = r.vec8()?.len();
                    let end = r.position();
                    r.skip(16)?;
                    return Ok(Some(DataFrame::NewId { span: end.saturating_sub(len)..end }));
                }
                0x1a | 0x1b => r.skip(8)?,
                kind @ (0x1c | 0x1d) => {
                    let code = r.varint()?;
                    numbers(r, if kind == 0x1c { 1 } else { 0 })?;
                    let reason = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
                    let _ = r.skip(reason.min(r.left()));
                    if kind == 0x1c {
                        return Ok(Some(DataFrame::Close { code, span: start..r.position() }));
                    }
                }
                0x30 => {
                    let start = r.position();
                    r.skip(r.left())?;
                    return Ok(Some(DataFrame::Datagram { span: start..r.position() }));
                }
                0x31 => return Ok(Some(DataFrame::Datagram { span: with_length(r)? })),
                // TIME_STAMP (draft-huitema-quic-ts).
                0x02f5 => numbers(r, 1)?,
                // ACK_FREQUENCY (draft-ietf-quic-ack-frequency).
                0xaf => numbers(r, 4)?,
                _ => return Ok(Some(DataFrame::Unknown)),
            }
        }
        Ok(None)
    }
}

impl Iterator for DataFrames<'_> {
    type Item = DataFrame;

    fn next(&mut self) -> Option<DataFrame> {
        if self.ended {
            return None;
        }
        // A frame that ends too early is as good as one that is not known.
        let frame = self.read().unwrap_or(Some(DataFrame::Unknown));
        self.ended = matches!(frame, None | Some(DataFrame::Unknown));
        frame
    }
}

/// RFC 9000 §19.8: the low bits of the type say whether an offset and a length stand there, and whether the stream ends.
fn stream(r: &mut Reader<'_>, kind: u64) -> Result<DataFrame, Short> {
    let id = r.varint()?;
    let offset = if kind & 4 != 0 { r.varint()? } else { 0 };
    let span = if kind & 2 != 0 {
        with_length(r)?
    } else {
        let start = r.position();
        r.skip(r.left())?;
        start..r.position()
    };
    Ok(DataFrame::Stream { id, offset, span, last: kind & 1 != 0 })
}

/// Bytes after their length.
fn with_length(r: &mut Reader<'_>) -> Result<Range<usize>, Short> {
    let len = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    let start = r.position();
    r.skip(len)?;
    Ok(start..r.position())
}

fn numbers(r: &mut Reader<'_>, count: usize) -> Result<(), Short> {
    (0..count).try_for_each(|_| r.varint().map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_between_two_streams_is_stepped_over() {
        let between: [&[u8]; 16] = [
            &[0x00, 0x00, 0x01],
            &[0x02, 5, 0, 0, 1],
            &[0x03, 5, 0, 1, 1, 0, 0, 1, 2, 3],
            &[0x05, 0, 1],
            &[0x07, 2, 9, 9],
            &[0x10, 1],
            &[0x11, 0, 1],
            &[0x12, 1],
            &[0x14, 1],
            &[0x15, 0, 1],
            &[0x17, 1],
            &[0x18, 1, 0, 4, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            &[0x19, 1],
            &[0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x1d, 1, 2, b'x', b'y'],
            &[0x1e],
        ];
        for frame in between {
            let payload = [&[0x0a, 4, 2, b'a', b'b'], frame, &[0x0d, 8, 7, b'c']].concat();
            let end = payload.len();
            let found: Vec<DataFrame> =
                DataFrames::new(&payload).filter(|frame| !matches!(frame, DataFrame::Ack { .. } | DataFrame::NewId { .. })).collect();
            let streams = [
                DataFrame::Stream { id: 4, offset: 0, span: 3..5, last: false },
                DataFrame::Stream { id: 8, offset: 7, span: end - 1..end, last: true },
            ];
            assert_eq!(found, streams, "{frame:02x?}");
        }
    }

    #[test]
    fn an_id_that_is_given_is_read() {
        let frame = [&[0x18, 1, 0, 4, 9, 8, 7, 6][..], &[0; 16], &[0x01]].concat();
        assert_eq!(DataFrames::new(&frame).collect::<Vec<_>>(), [DataFrame::NewId { span: 4..8 }]);
    }

    #[test]
    fn what_follows_an_unknown_frame_is_not_guessed() {
        assert_eq!(DataFrames::new(&[0x40, 0x52, 0x0a, 4, 1, b'a']).collect::<Vec<_>>(), [DataFrame::Unknown]);
        assert_eq!(DataFrames::new(&[0x0a, 4, 9, b'a']).collect::<Vec<_>>(), [DataFrame::Unknown]);
        assert_eq!(DataFrames::new(&[0x31, 1, b'a']).collect::<Vec<_>>(), [DataFrame::Datagram { span: 2..3 }]);
    }
}
