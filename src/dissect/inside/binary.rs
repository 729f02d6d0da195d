//! Bytes that are no text: compressed data, messages of Protocol Buffers, end-to-end containers, and mixtures of bytes and text.

use std::ops::Range;

use super::chain::{Chain, Layer};
use super::container;
use super::eye::{Eye, Nature, Origin};
use super::found::Cut;
use super::layers::{Covered, SHORTEST_RUN};
use super::unpack::{Format, State, Unpack};
use super::{kind, protobuf};

/// How often compressed data is tried inside bytes that are something else.
const MOST_INNER: usize = 16;
/// How many runs of text inside bytes are looked at one by one.
const MOST_RUNS: usize = 512;
/// How many levels of Protocol Buffers are followed.
const MOST_LEVELS: usize = 32;
/// What one compressed piece may become.
const MOST_PLAIN: usize = 4 << 20;

impl Eye {
    /// Bytes that are no text.
    pub(super) fn binary(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Nature {
        if kind::is_media(bytes) {
            return Nature::Media;
        }
        let all = 0..bytes.len();
        if let Some(format) = Format::of_magic(bytes)
            && let Some((nature, _)) = self.unpacked(chain, format, bytes, all.clone(), origin, depth, covered, false)
        {
            return nature;
        }
        match container::binary(bytes) {
            Some(container::Binary::Sealed(kind)) => {
                self.seal(kind, bytes.len() as u64, origin);
                return Nature::Read;
            }
            Some(container::Binary::Open(name, content)) => {
                return self.below(&chain.then(Layer::Undone(name)), &content, &origin.made_of(&all), depth, all, covered);
            }
            None => {}
        }
        if let Some(nature) = self.protobuf(chain, bytes, false, origin, depth, covered) {
            return nature;
        }
        if let Some((nature, _)) = self.unpacked(chain, Format::Deflate, bytes, all.clone(), origin, depth, covered, true)
            && nature != Nature::Opaque
        {
            return nature;
        }
        // One in a thousand random blobs is Brotli, for its dictionary makes words of anything: a hit in it counts, that it could be read
        // does not.
        self.unpacked(chain, Format::Brotli, bytes, all, origin, depth, covered, true);
        self.mixture(chain, bytes, origin, depth, covered)
    }

    /// Bytes of a format that is not known here: compressed data and text inside them, and what is left.
    fn mixture(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8, covered: &mut Covered) -> Nature {
        let mut left = kind::unreadable(bytes);
        let (mut from, mut tried) = (1, 0);
        while tried < MOST_INNER
            && let Some(at) = bytes
                .get(from..)
                .and_then(|rest| {
                    rest.windows(4).position(|w| Format::of_magic(w).is_some_and(|f| f != Format::Zlib || w.starts_with(&[0x78])))
                })
                .map(|i| from + i)
        {
            tried += 1;
            let rest = bytes.get(at..).unwrap_or_default();
            let end = Format::of_magic(rest)
                .and_then(|format| self.unpacked(chain, format, rest, at..bytes.len(), origin, depth, covered, true))
                .filter(|(nature, _)| *nature != Nature::Opaque)
                .map_or(at + 1, |(_, behind)| bytes.len() - behind);
            if end > at + 1 {
                left = left.saturating_sub(kind::unreadable(bytes.get(at..end).unwrap_or_default()));
            }
            from = end;
        }
        for run in kind::text_runs(bytes, SHORTEST_RUN).into_iter().take(MOST_RUNS) {
            let content = bytes.get(run.clone()).unwrap_or_default();
            self.below(chain, content, &origin.part(&run), depth, run, covered);
        }
        if left >= self.quest.needles.room() || left * 2 > bytes.len() { Nature::Opaque } else { Nature::Read }
    }

    /// Unpacks `packed`, which stands at `span`, and looks at what comes of it. Returns how that was understood and how many octets stand
    /// behind the compressed data; `None` when it is not of this format. A mere `guess` must come out even.
    #[allow(clippy::too_many_arguments)]
    fn unpacked(
        &mut self,
        chain: &Chain<'_>,
        format: Format,
        packed: &[u8],
        span: Range<usize>,
        origin: &Origin<'_>,
        depth: u8,
        covered: &mut Covered,
        is_guess: bool,
    ) -> Option<(Nature, usize)> {
        let mut plain = Vec::new();
        let mut unpack = Unpack::new(format);
        let state = unpack.push(packed, &mut |piece| {
            plain.extend_from_slice(piece);
            plain.len() <= MOST_PLAIN
        });
        let behind = match state {
            State::Ended(behind) => behind,
            State::Bomb if !is_guess || plain.len() > MOST_PLAIN => {
                self.found.cut(Cut::Bomb, origin.dir(), origin.at(), Some(origin.evidence()));
                0
            }
            State::Open if !is_guess && !plain.is_empty() => {
                self.found.cut(Cut::Compression, origin.dir(), origin.at(), Some(origin.evidence()));
                0
            }
            _ => return None,
        };
        // Nothing announces raw deflate and Brotli: they must end where the bytes end, and say something.
        let is_unmarked = matches!(format, Format::Deflate | Format::Brotli);
        if is_unmarked && (behind > 0 || plain.len() < 8) {
            return None;
        }
        let inside = chain.then(Layer::Undone(format.name()));
        let place = origin.made_of(&span);
        let nature = if is_unmarked {
            self.attempt(|eye| eye.below(&inside, &plain, &place, depth, span.clone(), covered))
        } else {
            self.below(&inside, &plain, &place, depth, span.clone(), covered)
        };
        if behind > 0 && !is_guess {
            let tail = span.end - behind..span.end;
            let rest = packed.get(packed.len() - behind..).unwrap_or_default();
            if self.below(chain, rest, &origin.part(&tail), depth, tail.clone(), covered) == Nature::Opaque {
                self.body_inside(chain, rest, &origin.part(&tail));
            }
        }
        Some((nature, behind))
    }

    /// A message of Protocol Buffers; `None` when it is none. Where nobody declared it, some of it must be text.
    pub(super) fn protobuf(
        &mut self,
        chain: &Chain<'_>,
        bytes: &[u8],
        is_declared: bool,
        origin: &Origin<'_>,
        depth: u8,
        covered: &mut Covered,
    ) -> Option<Nature> {
        let fields = protobuf::fields(bytes)?;
        if !is_declared && !says_something(bytes, &fields, 0) {
            return None;
        }
        self.fields(chain, bytes, &fields, &mut Vec::new(), origin, depth, covered);
        Some(Nature::Read)
    }

    #[allow(clippy::too_many_arguments)]
    fn fields(
        &mut self,
        chain: &Chain<'_>,
        bytes: &[u8],
        fields: &[protobuf::Field],
        path: &mut Vec<u32>,
        origin: &Origin<'_>,
        depth: u8,
        covered: &mut Covered,
    ) {
        for field in fields {
            let content = bytes.get(field.span.clone()).unwrap_or_default();
            let place = origin.part(&field.span);
            path.push(field.number);
            let inner =
                if kind::is_text(content) { None } else { protobuf::fields(content).filter(|inner| says_something(content, inner, 0)) };
            match inner {
                Some(inner) if path.len() < MOST_LEVELS => {
                    let mut own = Vec::new();
                    self.fields(chain, content, &inner, path, &place, depth, &mut own);
                    covered.extend(own.into_iter().map(|part| part.start + field.span.start..part.end + field.span.start));
                }
                Some(_) => self.found.cut(Cut::Depth, place.dir(), place.at(), Some(place.evidence())),
                None => {
                    let inside = chain.then(Layer::Protobuf(path));
                    if self.below(&inside, content, &place, depth, field.span.clone(), covered) == Nature::Opaque {
                        self.body_inside(&inside, content, &place);
                    }
                }
            }
            path.pop();
        }
    }
}

/// Whether a message of Protocol Buffers says something that random bytes which happen to parse do not: a text of eight characters, or half of
/// it text; inside another message that parses, a word.
fn says_something(bytes: &[u8], fields: &[protobuf::Field], level: usize) -> bool {
    let mut readable = 0;
    for field in fields {
        let content = bytes.get(field.span.clone()).unwrap_or_default();
        if content.len() >= 4 && kind::is_text(content) {
            if level > 0 || content.len() >= 8 {
                return true;
            }
            readable += content.len();
        } else if level < MOST_LEVELS
            && Format::of_magic(content).is_none()
            && protobuf::fields(content).is_some_and(|inner| says_something(content, &inner, level + 1))
        {
            return true;
        }
    }
    readable * 2 >= bytes.len()
}
