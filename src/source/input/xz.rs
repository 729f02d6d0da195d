//! xz: version 1.2.1 of its file format, several streams one after the other.

use std::io::{self, BufRead as _};

use liblzma::stream::{Action, CONCATENATED, Status, Stream};

use super::Stored;

/// The most memory a stream may ask for; `xz -9` needs 65 MiB.
const MEMORY: u64 = 128 << 20;

/// What an xz stream holds. What was decoded before a damage is given, however the input is cut.
pub(super) struct Xz {
    pub(super) stored: Stored,
    stream: Stream,
    /// The damage, until everything before it was given.
    damage: Option<io::Error>,
}

impl Xz {
    pub(super) fn new(stored: Stored) -> io::Result<Xz> {
        Ok(Xz { stored, stream: Stream::new_stream_decoder(MEMORY, CONCATENATED)?, damage: None })
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(damage) = self.damage.take() {
            return Err(damage);
        }
        loop {
            let input = self.stored.fill_buf()?;
            let ended = input.is_empty();
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let done = self.stream.process(input, buffer, if ended { Action::Finish } else { Action::Run });
            let took = narrow(self.stream.total_in() - before_in);
            let given = narrow(self.stream.total_out() - before_out);
            self.stored.consume(took);
            return match done {
                // The library tells a damage together with what it decoded before.
                Err(damage) if given > 0 => {
                    self.damage = Some(damage.into());
                    Ok(given)
                }
                Err(damage) => Err(damage.into()),
                Ok(_) if given > 0 => Ok(given),
                Ok(Status::StreamEnd) => Ok(0),
                Ok(_) if ended => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if took == 0 => Err(io::Error::new(io::ErrorKind::InvalidData, "corrupt xz stream")),
                Ok(_) => continue,
            };
        }
    }
}

fn narrow(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
