//! Lines of text from a byte stream, bounded: what the text protocols share.

use crate::base::{Dir, Sides, Window};

/// A line longer than this is passed over unread.
const LONGEST: usize = 8 * 1024;

/// What stands at the front of a stream.
#[derive(Debug)]
pub(super) enum Front<'a> {
    /// A line, without its CR LF, and how many octets it took with them.
    Line(Window<'a>, usize),
    /// So many octets to take and ignore: part of a line that is too long.
    Skip(usize),
    /// The line is not complete yet.
    Partial,
}

/// Reads lines of both directions; remembers only whether it is inside an overlong one.
#[derive(Debug, Default)]
pub(super) struct Lines {
    skipping: Sides<bool>,
}

impl Lines {
    /// The front of `rest`, which starts where the last line ended.
    pub(super) fn front<'a>(&mut self, rest: &Window<'a>) -> Front<'a> {
        let skipping = self.skipping.of_mut(rest.dir);
        let Some(newline) = memchr::memchr(b'\n', rest.bytes) else {
            *skipping |= rest.bytes.len() > LONGEST;
            // Never a skip of nothing: who reads on after each skip must come to an end.
            return if *skipping && !rest.bytes.is_empty() { Front::Skip(rest.bytes.len()) } else { Front::Partial };
        };
        let taken = newline.saturating_add(1);
        if std::mem::take(skipping) || newline > LONGEST {
            return Front::Skip(taken);
        }
        let line = rest.bytes.get(..newline).unwrap_or_default();
        let end = line.strip_suffix(b"\r").unwrap_or(line).len();
        rest.slice(0..end).map_or(Front::Skip(taken), |line| Front::Line(line, taken))
    }

    /// Octets of this direction are missing: what follows starts a line, as far as can be known.
    pub(super) fn gap(&mut self, dir: Dir) {
        *self.skipping.of_mut(dir) = false;
    }
}

/// The first word of a line, and what follows the spaces after it.
pub(super) fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.trim_ascii_start())
}

/// Whether `text` contains `part`, whatever the case.
pub(super) fn contains_ignoring_case(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|w| w.eq_ignore_ascii_case(part))
}

/// Whether `word` is one of `list` (upper case), whatever the case.
pub(super) fn is_one_of(word: &[u8], list: &[&str]) -> bool {
    list.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
