//! Which frames of which input stand behind a sentence of a report.

use smallvec::SmallVec;

use crate::base::{Evidence, FrameNo};

/// How many frames a sentence names at most, over all inputs; the first ones are kept.
pub const MOST_CITED: usize = 16;

/// Frames of one or several inputs: ascending, unique, the 16 first. [`Evidence`] is about one capture; a report joins several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citations {
    /// Which input (by its place in the report), and the frame there.
    frames: SmallVec<[(u32, FrameNo); 2]>,
    more: bool,
}

impl Citations {
    /// What one piece of evidence names.
    #[must_use]
    pub fn of(input: u32, evidence: &Evidence) -> Citations {
        let mut cited = Citations::default();
        cited.join(input, evidence);
        cited
    }

    /// One frame: the first of a connection of which nothing more can be said.
    #[must_use]
    pub fn frame(input: u32, frame: FrameNo) -> Citations {
        Citations { frames: SmallVec::from_slice(&[(input, frame)]), more: false }
    }

    /// Adds the frames of a piece of evidence.
    pub fn join(&mut self, input: u32, evidence: &Evidence) {
        evidence.frames().iter().for_each(|&frame| self.insert((input, frame)));
        self.more |= evidence.truncated();
    }

    /// Adds all that another one names.
    pub fn extend(&mut self, other: &Citations) {
        other.frames.iter().for_each(|&cited| self.insert(cited));
        self.more |= other.more;
    }

    fn insert(&mut self, cited: (u32, FrameNo)) {
        let Err(at) = self.frames.binary_search(&cited) else { return };
        if at >= MOST_CITED {
            self.more = true;
            return;
        }
        self.frames.insert(at, cited);
        if self.frames.len() > MOST_CITED {
            self.frames.truncate(MOST_CITED);
            self.more = true;
        }
    }

    /// The first frame, by input and number.
    #[must_use]
    pub fn first(&self) -> Option<(u32, FrameNo)> {
        self.frames.first().copied()
    }

    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether more frames stand behind the sentence than are named.
    #[must_use]
    pub fn more(&self) -> bool {
        self.more
    }

    /// The frames of each input, in order.
    #[must_use]
    pub fn by_input(&self) -> Vec<(u32, Vec<FrameNo>)> {
        let mut all: Vec<(u32, Vec<FrameNo>)> = Vec::new();
        for &(input, frame) in &self.frames {
            match all.last_mut() {
                Some((last, frames)) if *last == input => frames.push(frame),
                _ => all.push((input, vec![frame])),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(n: u64) -> FrameNo {
        FrameNo::new(n).unwrap_or(FrameNo::FIRST)
    }

    #[test]
    fn the_first_frames_are_kept_by_input_whatever_the_order_they_came_in() {
        let mut up = Citations::default();
        (1..30).for_each(|n| up.extend(&Citations::frame(u32::from(n > 10), no(n))));
        let mut down = Citations::default();
        (1..30).rev().for_each(|n| down.extend(&Citations::frame(u32::from(n > 10), no(n))));
        assert_eq!(up, down);
        assert!(up.more());
        let by_input = up.by_input();
        assert_eq!(by_input.iter().map(|(input, frames)| (*input, frames.len())).collect::<Vec<_>>(), [(0, 10), (1, 6)]);
        assert_eq!(up.first(), Some((0, no(1))));
    }
}
