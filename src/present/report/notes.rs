//! Footnotes: what each sentence rests on, numbered in the order of appearance, the same one only once.

use crate::assess::report::{Citations, Ground};
use crate::base::FrameNo;

/// The footnotes and the sources of a report, as they are called for.
#[derive(Debug, Default)]
pub struct Notes {
    frames: Vec<Citations>,
    sources: Vec<String>,
}

/// A mark behind a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The footnote of this number names the frames.
    Note(usize),
    /// These entries of the list of sources.
    Sources(Vec<usize>),
    /// All frames of all inputs.
    Whole,
    /// The operator's statement.
    Operator,
    /// What the file of this input says of itself.
    File(u32),
    /// The page of a rule.
    Rule(&'static str),
    /// Nothing is stated of anybody.
    Nothing,
}

impl Notes {
    /// The mark of what a sentence rests on.
    pub fn mark(&mut self, ground: &Ground) -> Mark {
        match ground {
            Ground::Frames(cited) if cited.is_empty() => Mark::Whole,
            Ground::Frames(cited) => Mark::Note(place(&mut self.frames, cited)),
            Ground::Sources(keys) if keys.is_empty() => Mark::Nothing,
            Ground::Sources(keys) => Mark::Sources(keys.iter().map(|key| place(&mut self.sources, key)).collect()),
            Ground::Whole => Mark::Whole,
            Ground::Operator => Mark::Operator,
            Ground::File(input) => Mark::File(*input),
            Ground::Rule(id) => Mark::Rule(id),
            Ground::Method => Mark::Nothing,
        }
    }

    /// The footnotes, numbered from 1.
    #[must_use]
    pub fn frames(&self) -> &[Citations] {
        &self.frames
    }

    /// The keys of the sources, numbered from 1.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}

/// The number of an entry, from 1; a new one is added.
fn place<T: PartialEq + Clone>(list: &mut Vec<T>, entry: &T) -> usize {
    match list.iter().position(|known| known == entry) {
        Some(at) => at + 1,
        None => {
            list.push(entry.clone());
            list.len()
        }
    }
}

/// The Wireshark display filter that shows exactly these frames.
#[must_use]
pub fn display_filter(frames: &[FrameNo]) -> String {
    let list: Vec<String> = frames.iter().map(ToString::to_string).collect();
    format!("frame.number in {{{}}}", list.join(","))
}
