//! Several captures read as one, in the order of time, as `mergecap` writes them.
//!
//! Frames are numbered anew, over all files; of frames with the same time, that of the file named first comes first. A file whose own
//! frames are not in order keeps them in its order.

use std::path::PathBuf;

use super::{Capture, Chunk, Damage, FileSource, FrameAt, Source, SourceError, open};
use crate::base::FrameNo;

/// Octets of frames collected in one go.
const CHUNK: usize = 256 << 10;

/// Captures that are read as one.
pub struct Joined {
    parts: Vec<Part>,
    capture: Capture,
    next: FrameNo,
}

struct Part {
    name: String,
    source: FileSource,
    chunk: Chunk,
    /// The next frame of the chunk.
    at: usize,
    ended: bool,
    /// The number of each of its interfaces among those of all files.
    interfaces: Vec<u32>,
    /// How much of what it says of itself was taken over: comments, names, secrets, apps, packages.
    taken: [usize; 5],
}

impl Joined {
    /// Opens captures, to be read as one.
    ///
    /// # Errors
    /// When one of them cannot be opened or is no capture.
    pub fn open(paths: &[PathBuf]) -> Result<Joined, SourceError> {
        let mut parts = Vec::with_capacity(paths.len());
        for path in paths {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let source = open(path).map_err(|error| SourceError::Io(std::io::Error::other(format!("{}: {error}", path.display()))))?;
            let part = Part { name, source, chunk: Chunk::default(), at: 0, ended: false, interfaces: Vec::new(), taken: [0; 5] };
            parts.push(part);
        }
        let mut joined = Joined { parts, capture: Capture::default(), next: FrameNo::FIRST };
        joined.tell();
        Ok(joined)
    }

    /// Takes over what the files have said of themselves so far.
    fn tell(&mut self) {
        let all = &mut self.capture;
        (all.bytes_read, all.input_read, all.left_out, all.dropped) = (0, 0, 0, None);
        all.input_len = Some(0);
        all.other_blocks.clear();
        for part in &mut self.parts {
            let said = part.source.capture();
            if all.format.is_empty() {
                (all.format, all.compression) = (said.format, said.compression);
            }
            all.bytes_read += said.bytes_read;
            all.input_read += said.input_read;
            all.input_len = all.input_len.zip(said.input_len).map(|(all, one)| all + one);
            all.left_out += said.left_out;
            if let Some(dropped) = said.dropped {
                all.dropped = Some(all.dropped.unwrap_or(0).saturating_add(dropped));
            }
            for (kind, n) in &said.other_blocks {
                match all.other_blocks.iter_mut().find(|(known, _)| known == kind) {
                    Some((_, sum)) => *sum = sum.saturating_add(*n),
                    None => all.other_blocks.push((kind, *n)),
                }
            }
            for interface in said.interfaces.iter().skip(part.interfaces.len()) {
                part.interfaces.push(u32::try_from(all.interfaces.len()).unwrap_or(u32::MAX));
                all.interfaces.push(interface.clone());
            }
            let [comments, names, secrets, apps, packages] = &mut part.taken;
            take(&said.comments, &mut all.comments, comments);
            take(&said.names, &mut all.names, names);
            take(&said.secrets, &mut all.secrets, secrets);
            take(&said.apps, &mut all.apps, apps);
            take(&said.packages, &mut all.packages, packages);
            if let (None, Some(damage)) = (&all.damage, &said.damage) {
                all.damage = Some(Damage { at: damage.at, what: format!("{} (in {})", damage.what, part.name) });
            }
        }
    }
}

fn take<T: Clone>(from: &[T], to: &mut Vec<T>, taken: &mut usize) {
    to.extend(from.iter().skip(*taken).cloned());
    *taken = from.len();
}

impl Part {
    fn head(&self) -> Option<&FrameAt> {
        self.chunk.frames.get(self.at)
    }
}

impl Source for Joined {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        chunk.clear();
        chunk.bytes.clear();
        while chunk.bytes.len() < CHUNK {
            let mut read = false;
            for part in self.parts.iter_mut().filter(|part| !part.ended) {
                while !part.ended && part.head().is_none() {
                    part.at = 0;
                    part.ended = !part.source.fill(&mut part.chunk)?;
                    read = true;
                }
            }
            if read {
                self.tell();
            }
            let heads = self.parts.iter_mut().filter(|part| !part.ended);
            let Some((part, place)) =
                heads.filter_map(|part| part.head().copied().map(|place| (part, place))).min_by_key(|(_, place)| place.at)
            else {
                break;
            };
            part.at += 1;
            // Of parts of a capture: it comes with the part it is of.
            if place.copy {
                continue;
            }
            let Some(frame) = part.chunk.frame(&place) else { continue };
            let number = self.next;
            self.next = number.next();
            self.capture.frames = number.get();
            let interface = part.interfaces.get(place.interface as usize).copied().unwrap_or(u32::MAX);
            let start = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
            chunk.bytes.extend_from_slice(frame.bytes);
            chunk.frames.push(FrameAt { number, start, interface, ..place });
            if let Some(uid) = part.chunk.uid(place.number) {
                chunk.uids.push((number, uid));
            }
        }
        Ok(!chunk.frames.is_empty())
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }
}
