//! Zstandard (RFC 8878): several frames, and those that are to be skipped.

use std::io::{self, BufRead as _, Read as _};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Stored;

/// An empty frame with a window of 1 KiB. A [`FrameDecoder`] checks the size of the window (at most 100 MiB) only from its second frame
/// on; this is the first.
const PRIMER: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x01, 0x00, 0x00];

/// An empty last block (RFC 8878 §3.1.1.2), and room for a checksum.
const LAST_BLOCK: [u8; 7] = [0x01, 0, 0, 0, 0, 0, 0];

/// Zstandard frames, one after the other. What was decoded before a damage is given.
pub(super) struct Zstd {
    pub(super) stored: Stored,
    frame: FrameDecoder,
    /// The damage, until everything before it was given.
    damage: Option<io::Error>,
}

impl Zstd {
    pub(super) fn new(stored: Stored) -> io::Result<Zstd> {
        let mut frame = FrameDecoder::new();
        let mut primer: &[u8] = &PRIMER;
        frame.init(&mut primer).map_err(io::Error::other)?;
        frame.decode_blocks(&mut primer, BlockDecodingStrategy::All).map_err(io::Error::other)?;
        Ok(Zstd { stored, frame, damage: None })
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.frame.can_collect();
            if ready > 0 {
                return self.frame.read(buffer);
            }
            if let Some(damage) = self.damage.take() {
                return Err(damage);
            }
            if self.frame.is_finished() {
                self.verify()?;
                if self.stored.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
            } else {
                let wanted = BlockDecodingStrategy::UptoBytes(buffer.len());
                if let Err(damage) = self.frame.decode_blocks(&mut self.stored, wanted) {
                    self.damage = Some(io::Error::other(damage));
                    // The decoder keeps a window of what it decoded, up to megabytes, until the frame ends: so it ends here.
                    let _ = self.frame.decode_blocks(LAST_BLOCK.as_slice(), BlockDecodingStrategy::All);
                }
            }
        }
    }

    /// Starts the next frame, or skips one that is to be skipped.
    fn begin(&mut self) -> io::Result<()> {
        match self.frame.init(&mut self.stored) {
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut (&mut self.stored).take(length), &mut io::sink())?;
                if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
            }
            other => other.map_err(io::Error::other),
        }
    }

    fn verify(&self) -> io::Result<()> {
        match (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum()) {
            (Some(stated), Some(actual)) if stated != actual => Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum differs")),
            _ => Ok(()),
        }
    }
}
