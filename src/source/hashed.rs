//! SHA-256 of an input as it is stored, computed while it is read: the file that was hashed is the one that was read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use super::{FileSource, SourceError};

struct Hashing {
    reader: Box<dyn Read + Send>,
    hash: Context,
    bytes: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(read as u64);
        Ok(read)
    }
}

/// The reader's half.
struct Shared(Arc<Mutex<Hashing>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

/// The hash of an input that is being read.
pub struct InputHash(Arc<Mutex<Hashing>>);

impl InputHash {
    /// Reads what the capture's reader left unread, and gives the SHA-256 and the octets of the whole input as it is stored.
    ///
    /// # Errors
    /// When the rest cannot be read.
    pub fn finish(self) -> io::Result<([u8; 32], u64)> {
        let mut hashing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        io::copy(&mut *hashing, &mut io::sink())?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hashing.hash.clone().finish().as_ref());
        Ok((sha256, hashing.bytes))
    }
}

/// Opens a capture file, `-` for standard input, and hashes it while it is read.
///
/// # Errors
/// As [`open`](super::open).
pub fn open_hashed(path: &Path) -> Result<(FileSource, InputHash), SourceError> {
    let (reader, len): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(path)?;
        let len = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        (Box::new(file), len)
    };
    let hashing = Arc::new(Mutex::new(Hashing { reader, hash: Context::new(&SHA256), bytes: 0 }));
    let source = super::read(Shared(Arc::clone(&hashing)), len)?;
    Ok((source, InputHash(hashing)))
}

/// SHA-256 and octets of all that a reader gives.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(reader: impl Read + Send + 'static) -> io::Result<([u8; 32], u64)> {
    let hashing = Hashing { reader: Box::new(reader), hash: Context::new(&SHA256), bytes: 0 };
    InputHash(Arc::new(Mutex::new(hashing))).finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::source::{Chunk, Source};

    #[test]
    fn the_hash_is_that_of_the_whole_file_even_where_reading_broke_off() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut content = [&0xa1b2_c3d4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0xff, 0xff, 0, 0], &[1, 0, 0, 0]].concat();
        content.extend_from_slice(&[0xff; 500_000]);
        file.write_all(&content).unwrap();
        let (mut source, hash) = open_hashed(file.path()).unwrap();
        let mut chunk = Chunk::default();
        while source.fill(&mut chunk).unwrap() {}
        assert!(source.capture().damage.is_some());
        let whole = aws_lc_rs::digest::digest(&SHA256, &content);
        assert_eq!(hash.finish().unwrap(), (whole.as_ref().try_into().unwrap(), content.len() as u64));
    }
}
