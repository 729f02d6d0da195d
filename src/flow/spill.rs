//! Bytes that wait for the end of the capture: in memory while few, then in an unlinked temporary file.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// How much one shard keeps in memory before it is written out: 16 MiB over all shards.
const IN_MEMORY: usize = 256 << 10;

/// Where something was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    at: u64,
    len: u32,
}

impl Place {
    /// A place that was taken apart.
    pub fn new(at: u64, len: u32) -> Place {
        Place { at, len }
    }

    /// Offset and length.
    pub fn parts(self) -> (u64, u32) {
        (self.at, self.len)
    }
}

/// An append-only store of small records.
#[derive(Debug, Default)]
pub struct Spill {
    /// What is not in the file yet.
    tail: Vec<u8>,
    file: Option<File>,
    file_len: u64,
    /// Set when no temporary file could be made or written: everything stays in memory then.
    memory_only: bool,
}

impl Spill {
    /// Stores what `write` appends.
    pub fn store(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        let before = self.tail.len();
        write(&mut self.tail);
        let len = u32::try_from(self.tail.len() - before).unwrap_or(u32::MAX);
        let place = Place { at: self.file_len + before as u64, len };
        if self.tail.len() > IN_MEMORY && !self.memory_only {
            self.write_out();
        }
        place
    }

    /// Reads a record into `buffer`. Leaves it empty if the temporary file cannot be read.
    pub fn load(&self, place: Place, buffer: &mut Vec<u8>) {
        buffer.clear();
        let len = usize::try_from(place.len).unwrap_or(0);
        if let Some(start) = place.at.checked_sub(self.file_len).and_then(|n| usize::try_from(n).ok()) {
            buffer.extend_from_slice(self.tail.get(start..start.saturating_add(len)).unwrap_or_default());
        } else if let Some(file) = &self.file {
            buffer.resize(len, 0);
            if file.read_exact_at(buffer, place.at).is_err() {
                buffer.clear();
            }
        }
    }

    fn write_out(&mut self) {
        if self.file.is_none() {
            self.file = tempfile::tempfile().ok();
        }
        match self.file.as_mut().map(|file| file.write_all(&self.tail)) {
            Some(Ok(())) => {
                self.file_len += self.tail.len() as u64;
                self.tail.clear();
            }
            // A partial write leaves the file position behind `file_len`: the file is then no longer used for writing.
            Some(Err(_)) | None => self.memory_only = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_memory_and_from_the_file() {
        let mut spill = Spill::default();
        let places: Vec<Place> = (0..3000u32).map(|n| spill.store(|out| out.extend_from_slice(&vec![(n % 251) as u8; 3000]))).collect();
        assert!(spill.file_len > 0 && !spill.tail.is_empty());
        let mut buffer = Vec::new();
        for (n, place) in places.iter().enumerate() {
            spill.load(*place, &mut buffer);
            assert_eq!(buffer, vec![(n % 251) as u8; 3000]);
        }
    }
}
