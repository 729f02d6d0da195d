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

/// How much is read from the file at once, beginning at a multiple of half of it: no record that is shorter than that is cut.
const WINDOW: u64 = 32 << 10;
/// How many such pieces of one store are kept.
const MOST_WINDOWS: usize = 16;

/// What was read of one store, and may be asked for next. Connections are stored when they are over and asked for by their first
/// frames: the more of them went on at once, the farther apart they lie, and those that were over before the capture ended lie elsewhere
/// than those that were not.
#[derive(Debug, Default)]
pub struct Ahead {
    windows: Vec<Window>,
    turn: u64,
}

#[derive(Debug, Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
    /// When it was last asked for.
    used: u64,
}

impl Window {
    fn holds(&self, place: Place) -> bool {
        place.at >= self.at && place.at.saturating_add(u64::from(place.len)) <= self.at.saturating_add(self.bytes.len() as u64)
    }
}

impl Ahead {
    /// The piece that holds a record: one that was read already, or one that is read now.
    fn window(&mut self, place: Place, read: impl FnOnce(&mut Window)) -> Option<&Window> {
        self.turn += 1;
        let at = match self.windows.iter().position(|window| window.holds(place)) {
            Some(at) => at,
            None => {
                if self.windows.len() < MOST_WINDOWS {
                    self.windows.push(Window::default());
                }
                let (at, oldest) = self.windows.iter_mut().enumerate().min_by_key(|(_, window)| window.used)?;
                read(oldest);
                at
            }
        };
        let window = self.windows.get_mut(at)?;
        window.used = self.turn;
        Some(window)
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

    /// The bytes of a record; empty if the temporary file cannot be read. `ahead` is the caller's buffer for this store: records are
    /// asked for nearly in the order in which they were stored, so most are in it already.
    pub fn load<'a>(&'a self, place: Place, ahead: &'a mut Ahead) -> &'a [u8] {
        let len = usize::try_from(place.len).unwrap_or(0);
        let within = |base: u64, bytes: &'a [u8]| -> Option<&'a [u8]> {
            let start = usize::try_from(place.at.checked_sub(base)?).ok()?;
            bytes.get(start..start.checked_add(len)?)
        };
        if place.at >= self.file_len {
            return within(self.file_len, &self.tail).unwrap_or_default();
        }
        let window = ahead.window(place, |window| {
            window.at = place.at - place.at % (WINDOW / 2);
            let needed = place.at.saturating_add(u64::from(place.len)) - window.at;
            let length = needed.max(WINDOW).min(self.file_len.saturating_sub(window.at));
            window.bytes.resize(usize::try_from(length).unwrap_or(0), 0);
            let read = self.file.as_ref().is_some_and(|file| file.read_exact_at(&mut window.bytes, window.at).is_ok());
            if !read {
                window.bytes.clear();
            }
        });
        window.and_then(|window| within(window.at, &window.bytes)).unwrap_or_default()
    }

    /// The bytes of a record that is asked for once; none if the temporary file cannot be read.
    pub fn read(&self, place: Place, into: &mut Vec<u8>) {
        into.clear();
        let len = usize::try_from(place.len).unwrap_or(0);
        if let Some(at) = place.at.checked_sub(self.file_len) {
            let rest = usize::try_from(at).ok().and_then(|at| self.tail.get(at..)).unwrap_or_default();
            into.extend_from_slice(rest.get(..len).unwrap_or_default());
            return;
        }
        into.resize(len, 0);
        let read = self.file.as_ref().is_some_and(|file| file.read_exact_at(into, place.at).is_ok());
        if !read {
            into.clear();
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
        let mut ahead = Ahead::default();
        let backwards = places.iter().enumerate().rev().step_by(100);
        for (n, place) in places.iter().enumerate().chain(backwards) {
            assert_eq!(spill.load(*place, &mut ahead), vec![(n % 251) as u8; 3000]);
        }
    }
}
