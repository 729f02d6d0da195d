//! Bytes put together from several windows.

use super::window::{Mark, Marks};
use super::{Dir, Timestamp, Window};

/// Contiguous bytes stitched together from windows, each byte remembering its frames.
///
/// The only way to make bytes that no single frame holds: reassembled TCP segments, IP fragments, QUIC
/// CRYPTO frames, decrypted records. Marks can enter only through a [`Window`], so evidence cannot be invented.
#[derive(Clone, Debug, Default)]
pub struct Stitched {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// When the last of the bytes arrived: kept, so that making a window costs the same however many frames there are.
    latest: Timestamp,
}

impl Stitched {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Stitched {
        Stitched::default()
    }

    /// Appends the bytes of a window after those already here.
    pub fn push(&mut self, window: &Window<'_>) {
        let base = clamp(self.bytes.len());
        self.bytes.extend_from_slice(window.bytes);
        self.latest = if base == 0 { window.at } else { self.latest.max(window.at) };
        let marks = &mut self.marks;
        window.each_mark(|m| append(marks, Mark { start: base.saturating_add(m.start), end: base.saturating_add(m.end), ..m }));
    }

    /// Appends bytes that were made from all of `origin` (decrypted, decompressed, unescaped): each of them
    /// names every frame of `origin`.
    pub fn push_derived(&mut self, bytes: &[u8], origin: &Window<'_>) {
        let base = clamp(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        let end = clamp(self.bytes.len());
        self.latest = if base == 0 { origin.at } else { self.latest.max(origin.at) };
        let marks = &mut self.marks;
        origin.each_mark(|m| append(marks, Mark { start: base, end, ..m }));
    }

    /// Forgets the first `n` bytes.
    pub fn consume(&mut self, n: usize) {
        let n = n.min(self.bytes.len());
        if n == self.bytes.len() {
            self.clear();
            return;
        }
        self.bytes.drain(..n);
        let cut = clamp(n);
        self.marks.retain_mut(|m| {
            m.start = m.start.saturating_sub(cut);
            m.end = m.end.saturating_sub(cut);
            m.end > 0
        });
    }

    /// Forgets everything, keeping the memory for reuse.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
    }

    /// Octets held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Octets of memory this holds on to, marks included.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.bytes.capacity() + self.marks.capacity() * std::mem::size_of::<Mark>()
    }

    /// What is held, as a window; `None` when nothing is held.
    #[must_use]
    pub fn window(&self, dir: Dir) -> Option<Window<'_>> {
        if self.bytes.is_empty() {
            return None;
        }
        Some(Window { bytes: &self.bytes, dir, at: self.latest, marks: Marks::Many(&self.marks), base: 0 })
    }
}

/// Adds a mark; one that continues the last frame without a break is merged into it.
fn append(marks: &mut Vec<Mark>, mark: Mark) {
    if mark.start >= mark.end {
        return;
    }
    match marks.last_mut() {
        Some(last) if last.frame == mark.frame && last.end == mark.start => last.end = mark.end,
        _ => marks.push(mark),
    }
}

fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
