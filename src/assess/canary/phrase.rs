//! Phrases: how much chance one leaves, and new ones that a person can type.

use std::fmt;

use aws_lc_rs::error::Unspecified;

/// So many bits must a phrase be worth, so that chance can be left out: one in a million million.
pub const ENOUGH_BITS: u32 = 40;

/// How much chance a phrase leaves, in whole bits, estimated from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits(pub u32);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What runs a phrase is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    /// Chinese and Japanese characters, Korean syllables.
    Syllable,
    Digit,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3134f}' => Class::Syllable,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

/// Estimates how many bits a phrase is worth. A word of five letters or more counts ten (one of a thousand), one of four letters six, a
/// shorter one two; said again, a word counts four, and then nothing. A digit counts ten in three, unless the same comes again and again; a
/// character of a script that writes syllables or words, four. People choose less freely than that, and machines more.
#[must_use]
pub fn bits(phrase: &str) -> Bits {
    let mut seen: Vec<(String, u32)> = Vec::new();
    let mut tenths = 0u32;
    let chars: Vec<char> = phrase.chars().collect();
    for run in chars.chunk_by(|a, b| class(*a) == class(*b)) {
        let word: String = run.iter().flat_map(|c| c.to_lowercase()).collect();
        let class = run.first().map_or(Class::Other, |c| class(*c));
        let times = match seen.iter_mut().find(|(known, _)| *known == word) {
            Some((_, times)) => {
                *times += 1;
                *times
            }
            None => {
                seen.push((word, 1));
                1
            }
        };
        let distinct = run.iter().collect::<std::collections::BTreeSet<_>>().len();
        let worth = match (class, run.len()) {
            (Class::Letter, 5..) => 100,
            (Class::Letter, 4) => 60,
            (Class::Letter, _) => 20,
            (Class::Digit, len) => len.min(distinct * 2) * 33,
            (Class::Syllable, _) => distinct * 40,
            (Class::Other, _) => 0,
        };
        let worth = match times {
            1 => worth,
            2 => worth.min(40),
            _ => 0,
        };
        tenths = tenths.saturating_add(u32::try_from(worth).unwrap_or(u32::MAX));
    }
    Bits(tenths / 10)
}

/// The words that new phrases are made of: 1,024 nouns that are easy to type and that no keyboard corrects into another.
pub static WORDS: std::sync::LazyLock<Vec<&'static str>> =
    std::sync::LazyLock::new(|| include_str!("words.txt").split_ascii_whitespace().collect());

/// A new phrase: three words, and five digits before the last, as `otter-lantern-40713-poppy`. 46 bits by chance alone.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_phrase() -> Result<String, Unspecified> {
    loop {
        let mut words = ["", "", ""];
        for word in &mut words {
            *word = WORDS.get(below(WORDS.len())?).copied().ok_or(Unspecified)?;
        }
        let [first, second, third] = words;
        let phrase = format!("{first}-{second}-{:05}-{third}", below(100_000)?);
        // A word twice, or one digit five times, looks like less than it is.
        if first != second && second != third && first != third && bits(&phrase).0 >= ENOUGH_BITS {
            return Ok(phrase);
        }
    }
}

/// A random number below `end`, each as likely as the other.
fn below(end: usize) -> Result<usize, Unspecified> {
    let end = u32::try_from(end).map_err(|_| Unspecified)?;
    let most = u32::MAX - u32::MAX.checked_rem(end).ok_or(Unspecified)?;
    loop {
        let mut bytes = [0; 4];
        aws_lc_rs::rand::fill(&mut bytes)?;
        let number = u32::from_be_bytes(bytes);
        if number < most {
            return usize::try_from(number % end).map_err(|_| Unspecified);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn made_phrases_are_worth_enough_and_everyday_ones_are_not() {
        for phrase in ["lentil-otter-27913-clover", "purple-otter-47112-clover", "zebra lantern quartz 90 violet"] {
            assert!(bits(phrase).0 >= ENOUGH_BITS, "{phrase}: {}", bits(phrase));
        }
        for phrase in [
            "hello",
            "see you at the station",
            "otter otter otter otter otter",
            "1234567",
            "00000000000000000000",
            "ok",
            "",
            "purple-otter-4711",
        ] {
            assert!(bits(phrase).0 < ENOUGH_BITS, "{phrase}: {}", bits(phrase));
        }
    }

    #[test]
    fn the_list_has_1024_plain_words_and_none_twice() {
        assert_eq!(WORDS.len(), 1024);
        let mut sorted = WORDS.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 1024);
        assert!(WORDS.iter().all(|word| (5..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn new_phrases_differ_and_are_worth_enough() {
        let phrases: Vec<String> = (0..200).map(|_| new_phrase().unwrap()).collect();
        for phrase in &phrases {
            assert!(bits(phrase).0 >= ENOUGH_BITS, "{phrase}");
        }
        let distinct: std::collections::BTreeSet<&String> = phrases.iter().collect();
        assert_eq!(distinct.len(), phrases.len());
    }
}
