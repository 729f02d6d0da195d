//! A phrase in every literal form it may have in a buffer, found in one pass.
//!
//! What these forms do not cover (compression, nesting, escapes of single characters) is undone by the decoders of this folder, which
//! then search again. Reversed copies are not a form: an echo server that reverses its input proves nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sought {
    /// The phrase.
    Message,
    /// A control phrase, by its place in the list.
    Control(u16),
    /// Neighbouring words of the phrase, without the rest: a sign, never a hit.
    Fragment,
}

/// How a phrase was written where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// As it was typed.
    Exact,
    /// With other separators between its words, or none.
    Separators,
    /// UTF-16, low octet first.
    Utf16Le,
    /// UTF-16, high octet first.
    Utf16Be,
    /// The middle of base64 (RFC 4648 §4), whatever stands before it.
    Base64,
    /// The same with the alphabet for URLs (RFC 4648 §5).
    Base64Url,
    /// Hexadecimal digits.
    Hex,
}

impl Form {
    /// The layer to name, where the form is one.
    #[must_use]
    pub fn layer(self) -> Option<&'static str> {
        match self {
            Form::Exact | Form::Separators => None,
            Form::Utf16Le => Some("UTF-16LE"),
            Form::Utf16Be => Some("UTF-16BE"),
            Form::Base64 => Some("base64"),
            Form::Base64Url => Some("base64url"),
            Form::Hex => Some("hex"),
        }
    }

    /// Whether capitals and small letters are different things in this form.
    fn is_exact(self) -> bool {
        matches!(self, Form::Base64 | Form::Base64Url)
    }
}

/// A form of what is sought, found in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What.
    pub sought: Sought,
    /// How it is written there.
    pub form: Form,
    /// Where.
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
struct Pattern {
    sought: Sought,
    form: Form,
    bytes: Vec<u8>,
}

/// Everything that is looked for, compiled.
#[derive(Clone)]
pub struct Needles {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
    /// Octets of the phrase as typed.
    len: usize,
    controls: usize,
}

/// Never the phrase itself.
impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Needles").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// What may stand between two words in place of what was typed. With capitals and small letters alike.
const SEPARATORS: [&str; 26] = [
    "", " ", "-", "_", "+", ".", ",", "/", ":", "\n", "\r\n", "\t", "\u{a0}", "\u{2010}", "\u{2011}", "\u{2013}", "\u{2014}", "%20", "%2d",
    "%2b", "=20", "=2d", "&nbsp;", "&#45;", "&#x2d;", "\\u002d",
];
/// The same where few are enough.
const COMMON_SEPARATORS: [&str; 6] = ["", " ", "-", "_", "+", "%20"];
/// Two words that together are shorter than this are no sign of a phrase.
const SHORTEST_FRAGMENT: usize = 8;
/// A phrase longer than this is cut where it is compiled: what is left of it is still unmistakable.
pub const LONGEST_PHRASE: usize = 512;
/// How many words of a phrase give fragments.
const MOST_WORDS: usize = 32;

/// Why a phrase cannot be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedlesError {
    /// There is no letter or digit in it.
    #[error("the phrase has no letter or digit in it")]
    Empty,
    /// It is too long to be a phrase.
    #[error("the phrase is longer than {LONGEST_PHRASE} octets")]
    TooLong,
}

impl Needles {
    /// Compiles a phrase and its controls.
    ///
    /// # Errors
    /// When one of them has no letters, or is no phrase but a text.
    pub fn new(message: &str, controls: &[String]) -> Result<Needles, NeedlesError> {
        let mut patterns: Vec<Pattern> = Vec::new();
        for (sought, phrase) in
            std::iter::once((Sought::Message, message)).chain(controls.iter().enumerate().map(|(i, text)| (control(i), text.as_str())))
        {
            let phrase = phrase.trim();
            if !phrase.chars().any(char::is_alphanumeric) {
                return Err(NeedlesError::Empty);
            }
            if phrase.len() > LONGEST_PHRASE {
                return Err(NeedlesError::TooLong);
            }
            forms(sought, phrase, &mut patterns);
        }
        fragments(message.trim(), &mut patterns);
        // The automaton folds ASCII; forms in which case matters are compared again when found.
        let mut seen: HashMap<(Vec<u8>, bool), ()> = HashMap::new();
        patterns.retain(|p| {
            let key = if p.form.is_exact() { p.bytes.clone() } else { p.bytes.to_ascii_lowercase() };
            seen.insert((key, p.form.is_exact()), ()).is_none()
        });
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|p| &p.bytes))
            .map_err(|_| NeedlesError::TooLong)?;
        Ok(Needles { automaton, patterns, len: message.trim().len(), controls: controls.len() })
    }

    /// Looks for nothing: for whoever wants to see what is there.
    ///
    /// # Errors
    /// Never for no patterns; the automaton's maker says it could.
    pub fn none() -> Result<Needles, NeedlesError> {
        let none: [&[u8]; 0] = [];
        let automaton = AhoCorasick::new(none).map_err(|_| NeedlesError::Empty)?;
        Ok(Needles { automaton, patterns: Vec::new(), len: 0, controls: 0 })
    }

    /// Octets of the phrase.
    #[must_use]
    pub fn message_len(&self) -> usize {
        self.len
    }

    /// How many controls there are.
    #[must_use]
    pub fn controls(&self) -> usize {
        self.controls
    }

    /// From how many octets on something that cannot be read may hold the phrase, encrypted or compressed in some way of its own.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.len * 3 / 4).max(12)
    }

    /// All forms in `bytes`, by where they begin. Of matches at one place only the longest, and no fragment inside the phrase.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(bytes).take(MOST_MATCHES) {
            let Some(pattern) = self.patterns.get(hit.pattern().as_usize()) else { continue };
            let span = hit.start()..hit.end();
            if pattern.form.is_exact() && bytes.get(span.clone()) != Some(pattern.bytes.as_slice()) {
                continue;
            }
            found.push(Match { sought: pattern.sought, form: pattern.form, span });
        }
        if found.len() < 2 {
            return found;
        }
        // The phrase outranks its fragments, and what is longer what is inside it.
        found.sort_by_key(|m| (m.sought == Sought::Fragment, std::cmp::Reverse(m.span.len()), m.span.start));
        let mut kept: Vec<Match> = Vec::new();
        for m in found {
            let inside = |k: &&Match| {
                let same = k.sought == m.sought || m.sought == Sought::Fragment && k.sought == Sought::Message;
                same && k.span.start < m.span.end && m.span.start < k.span.end
            };
            if kept.iter().find(inside).is_none() {
                kept.push(m);
            }
        }
        kept.sort_by_key(|m| (m.span.start, m.sought));
        kept
    }

    /// Whether anything is in `bytes`: cheaper than [`Needles::find`].
    #[must_use]
    pub fn any(&self, bytes: &[u8]) -> bool {
        self.automaton.is_match(bytes)
    }
}

/// How many matches of one buffer are looked at.
const MOST_MATCHES: usize = 4096;

fn control(i: usize) -> Sought {
    Sought::Control(u16::try_from(i).unwrap_or(u16::MAX))
}

fn forms(sought: Sought, phrase: &str, out: &mut Vec<Pattern>) {
    let mut add = |form, bytes: Vec<u8>| {
        // A pattern of a few octets would be found by chance.
        if bytes.len() >= 4 || form == Form::Exact {
            out.push(Pattern { sought, form, bytes });
        }
    };
    let mut texts = vec![(Form::Exact, phrase.to_owned())];
    // The automaton folds ASCII only.
    for folded in [phrase.to_lowercase(), phrase.to_uppercase()] {
        if !folded.eq_ignore_ascii_case(phrase) {
            texts.push((Form::Exact, folded));
        }
    }
    let (words, _) = split(phrase);
    if words.len() > 1 {
        texts.extend(SEPARATORS.iter().map(|between| (Form::Separators, words.join(between))));
    }
    for (form, text) in &texts {
        add(*form, text.as_bytes().to_vec());
    }
    let mut wide = vec![phrase.to_owned()];
    if words.len() > 1 {
        wide.extend(["", " "].iter().map(|between| words.join(between)));
    }
    for text in &wide {
        add(Form::Utf16Le, text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        add(Form::Utf16Be, text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    for alignment in 0..3 {
        let (standard, url) = base64_middle(phrase.as_bytes(), alignment);
        add(Form::Base64Url, url);
        add(Form::Base64, standard);
    }
    add(Form::Hex, phrase.bytes().flat_map(|b| format!("{b:02x}").into_bytes()).collect());
}

/// Neighbouring words: two at a time are enough, longer pieces contain them.
fn fragments(phrase: &str, out: &mut Vec<Pattern>) {
    let (words, _) = split(phrase);
    if words.len() < 3 {
        return;
    }
    for pair in words.windows(2).take(MOST_WORDS) {
        if pair.iter().map(|word| word.len()).sum::<usize>() < SHORTEST_FRAGMENT {
            continue;
        }
        let mut texts: Vec<String> = COMMON_SEPARATORS.iter().map(|between| pair.join(between)).collect();
        if let Some(at) = phrase.find(&pair.join("")).or_else(|| phrase.find(pair.first().copied().unwrap_or_default())) {
            // As it was typed.
            let end = pair.get(1).and_then(|second| phrase.get(at..)?.find(second).map(|i| at + i + second.len()));
            texts.extend(end.and_then(|end| phrase.get(at..end)).map(str::to_owned));
        }
        out.extend(texts.into_iter().map(|text| Pattern { sought: Sought::Fragment, form: Form::Exact, bytes: text.into_bytes() }));
    }
}

/// The words of a phrase, and how many separators were between them.
#[must_use]
pub fn split(phrase: &str) -> (Vec<&str>, usize) {
    let words: Vec<&str> = phrase.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let between = words.len().saturating_sub(1);
    (words, between)
}

/// The part of base64 that is the same whatever stands before and behind, when `alignment` octets stand before it: standard and URL.
fn base64_middle(bytes: &[u8], alignment: usize) -> (Vec<u8>, Vec<u8>) {
    // Skip to the next whole group of three, and stop at the last.
    let skip = (3 - alignment) % 3;
    let whole = bytes.get(skip..).unwrap_or_default();
    let whole = whole.get(..whole.len() / 3 * 3).unwrap_or_default();
    let url: Vec<u8> = whole.chunks_exact(3).flat_map(|group| group_of_four(group, b"-_")).collect();
    let standard = whole.chunks_exact(3).flat_map(|group| group_of_four(group, b"+/")).collect();
    (standard, url)
}

fn group_of_four(group: &[u8], last: &[u8; 2]) -> [u8; 4] {
    let n = group.iter().fold(0u32, |n, &b| n << 8 | u32::from(b));
    [18, 12, 6, 0].map(|shift| {
        let digit = u8::try_from(n >> shift & 63).unwrap_or(0);
        match digit {
            0..=25 => b'A' + digit,
            26..=51 => b'a' + (digit - 26),
            52..=61 => b'0' + (digit - 52),
            62 => last[0],
            _ => last[1],
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PHRASE: &str = "purple-otter-47112-Clover";

    fn found(bytes: &[u8]) -> Vec<(Sought, Form)> {
        Needles::new(PHRASE, &["room-7".into()]).unwrap().find(bytes).into_iter().map(|m| (m.sought, m.form)).collect()
    }

    #[test]
    fn the_phrase_is_found_whatever_its_case_and_separators() {
        assert_eq!(found(b"xx purple-otter-47112-Clover yy"), [(Sought::Message, Form::Exact)]);
        assert_eq!(found(b"PURPLE-OTTER-47112-CLOVER"), [(Sought::Message, Form::Exact)]);
        for other in ["purple otter 47112 clover", "purpleotter47112clover", "Purple%20otter%2047112%20clover", "purple+otter+47112+clover"]
        {
            assert_eq!(found(other.as_bytes()), [(Sought::Message, Form::Separators)], "{other}");
        }
    }

    #[test]
    fn the_phrase_is_found_in_utf_16_hexadecimal_and_base64_at_any_alignment() {
        let utf16: Vec<u8> = PHRASE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(found(&utf16), [(Sought::Message, Form::Utf16Le)]);
        let hex: String = PHRASE.bytes().map(|b| format!("{b:02X}")).collect();
        assert_eq!(found(hex.as_bytes()), [(Sought::Message, Form::Hex)]);
        for text in ["cHVycGxlLW90dGVyLTQ3MTEyLUNsb3Zlcg", "eHB1cnBsZS1vdHRlci00NzExMi1DbG92ZXI", "eHhwdXJwbGUtb3R0ZXItNDcxMTItQ2xvdmVyeg"]
        {
            let one = found(text.as_bytes());
            assert!(matches!(one.as_slice(), [(Sought::Message, Form::Base64 | Form::Base64Url)]), "{text}: {one:?}");
        }
        assert!(found(b"CHVYCGXLLW90DGVYLTQ3MTEYLUNSB3ZLCG").is_empty());
    }

    #[test]
    fn a_reversed_copy_is_nothing() {
        let reversed: Vec<u8> = PHRASE.bytes().rev().collect();
        assert!(found(&reversed).is_empty());
    }

    #[test]
    fn neighbouring_words_are_a_fragment_and_part_of_the_phrase_is_not_also_one() {
        assert_eq!(found(b"... purple-otter-9 ..."), [(Sought::Fragment, Form::Exact)]);
        assert_eq!(found(b"47112 clover"), [(Sought::Fragment, Form::Exact)]);
        assert!(found(b"purple clover").is_empty());
    }

    #[test]
    fn controls_are_found_beside_the_phrase() {
        assert_eq!(found(b"room-7 purple-otter-47112-clover"), [(Sought::Control(0), Form::Exact), (Sought::Message, Form::Exact)]);
    }
}
