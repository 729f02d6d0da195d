//! Runs of letters and digits inside text that may be encoded bytes: base64 in both alphabets (RFC 4648 §§4–5, wrapped into lines as in
//! RFC 2045 §6.8) and hexadecimal.

use std::ops::Range;

use super::text::hex;

/// A run of the base64 alphabets shorter than this is a word.
const SHORTEST: usize = 12;
/// A line shorter than this does not continue on the next.
const SHORTEST_LINE: usize = 40;

/// A run of base64 characters in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Where it stands, padding and line ends included.
    pub span: Range<usize>,
    /// Its characters, without padding and line ends.
    pub chars: Vec<u8>,
}

impl Token {
    /// Octets it stands for.
    pub(super) fn octets(&self) -> usize {
        if self.chars.iter().all(u8::is_ascii_hexdigit) { self.chars.len() / 2 } else { self.chars.len() * 3 / 4 }
    }

    /// Hexadecimal digits throughout, as many as nobody counts with.
    pub(super) fn is_hexadecimal(&self) -> bool {
        self.chars.len() >= 2 * SHORTEST_HEX && self.chars.iter().all(u8::is_ascii_hexdigit)
    }

    /// What stands between its slashes, where there are any; none in a token over several lines.
    pub(super) fn parts(&self) -> Vec<Token> {
        let padding = self.span.len().saturating_sub(self.chars.len());
        if padding > 2 || !self.chars.contains(&b'/') {
            return Vec::new();
        }
        let mut at = self.span.start;
        let part = |chars: &[u8]| {
            let span = at..at + chars.len();
            at = span.end + 1;
            Token { span, chars: chars.to_vec() }
        };
        self.chars.split(|b| *b == b'/').map(part).filter(|part| part.chars.len() >= SHORTEST).collect()
    }
}

fn is_digit(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

/// The runs in `text`, at most `most` of them.
pub(super) fn tokens(text: &[u8], most: usize) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.iter().position(|b| is_digit(*b))).map(|i| at + i) {
        let (end, chars) = run(text, start);
        if chars.len() >= SHORTEST {
            found.push(Token { span: start..end, chars });
            if found.len() >= most {
                return found;
            }
        }
        at = end.max(start + 1);
    }
    found
}

/// The run that starts at `start`: where it ends, and its characters.
fn run(text: &[u8], start: usize) -> (usize, Vec<u8>) {
    let mut chars = Vec::new();
    let mut at = start;
    loop {
        let line = text.get(at..).unwrap_or_default();
        let len = line.iter().position(|b| !is_digit(*b)).unwrap_or(line.len());
        chars.extend_from_slice(line.get(..len).unwrap_or_default());
        at += len;
        let rest = line.get(len..).unwrap_or_default();
        let newline = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        let goes_on =
            newline > 0 && len >= SHORTEST_LINE && (at == start + len || len % 4 == 0) && rest.get(newline).is_some_and(|b| is_digit(*b));
        if !goes_on {
            let padding = rest.iter().take(2).take_while(|b| **b == b'=').count();
            return (at + padding, chars);
        }
        at += newline;
    }
}

/// Decodes base64 of either alphabet, from the `skip`th character on. Bits left over at the end are dropped.
pub(super) fn base64(chars: &[u8], skip: usize) -> Vec<u8> {
    let chars = chars.get(skip..).unwrap_or_default();
    let mut out = Vec::with_capacity(chars.len() / 4 * 3 + 2);
    let (mut bits, mut n) = (0u32, 0);
    for c in chars {
        let Some(digit) = digit(*c) else { break };
        bits = (bits << 6 | u32::from(digit)) & 0xffff;
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push(u8::try_from(bits >> n & 0xff).unwrap_or(0));
        }
    }
    out
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Decodes a run that is hexadecimal throughout; an odd digit at the end is dropped.
pub(super) fn hexadecimal(chars: &[u8]) -> Option<Vec<u8>> {
    if chars.len() < SHORTEST_HEX {
        return None;
    }
    let digits: Option<Vec<u8>> = chars.iter().map(|c| hex(*c)).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | d)).collect())
}

/// Hexadecimal behind or before something else: `0x68656c6c6f`. The longest run of digits, from either digit on.
pub(super) fn hexadecimal_inside(chars: &[u8]) -> Vec<Vec<u8>> {
    let longest = chars.split(|c| hex(*c).is_none()).max_by_key(|run| run.len()).filter(|run| run.len() < chars.len());
    longest.map(|run| [run, run.get(1..).unwrap_or_default()].into_iter().filter_map(hexadecimal).collect()).unwrap_or_default()
}

const SHORTEST_HEX: usize = 16;

/// A list of numbers below 256 with commas or spaces between them: octets, as programs print them.
pub(super) fn octets(text: &[u8]) -> Vec<(Range<usize>, Vec<u8>)> {
    let mut found = Vec::new();
    let is_part = |b: u8| b.is_ascii_digit() || matches!(b, b',' | b' ' | b'\n' | b'\r');
    let mut at = 0;
    for run in text.chunk_by(|a, b| is_part(*a) == is_part(*b)) {
        let span = at..at + run.len();
        at = span.end;
        if run.len() < 3 * SHORTEST || !run.first().is_some_and(|b| is_part(*b)) {
            continue;
        }
        let numbers = run.split(|b| !b.is_ascii_digit()).filter(|n| !n.is_empty());
        let octets: Option<Vec<u8>> = numbers.map(|n| std::str::from_utf8(n).ok()?.parse().ok()).collect();
        found.extend(octets.filter(|octets| octets.len() >= SHORTEST).map(|octets| (span, octets)));
    }
    found
}

/// Whether a run looks like random bytes and not like words: how often the kind of character changes. Random base64 changes at about
/// 60 of 100 characters, hexadecimal at 47; `backgroundColorTransition` at 11.
pub(super) fn is_random(chars: &[u8]) -> bool {
    let kind = |b: u8| match b {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        // Between the words of a path or a slug, too.
        _ => None,
    };
    let changes =
        chars.windows(2).filter(|pair| matches!(pair, [a, b] if kind(*a).is_some() && kind(*b).is_some() && kind(*a) != kind(*b)));
    changes.count() * 4 >= chars.len()
}

/// The name of the alphabet of a run.
pub(super) fn name(chars: &[u8]) -> &'static str {
    if chars.iter().any(|b| matches!(b, b'-' | b'_')) { "base64url" } else { "base64" }
}

/// `123e4567-e89b-42d3-a456-426614174000`: too short for a phrase, and made by rule (RFC 9562 §4).
pub(super) fn is_uuid(chars: &[u8]) -> bool {
    chars.len() == 36
        && chars.iter().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_in_text_and_across_lines() {
        let text = b"to: QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5, ok";
        let found = tokens(text, 9);
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().map(|t| base64(&t.chars, 0)), Some(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".to_vec()));
        let wrapped = b"x\r\n\r\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5\r\nQUJDREVGR0g=\r\n.";
        let found = tokens(wrapped, 9);
        assert_eq!(
            found.iter().map(|t| base64(&t.chars, 0)).collect::<Vec<_>>(),
            [b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH".to_vec()]
        );
        assert_eq!(found.first().map(|t| t.span.clone()), Some(5..67));
    }

    #[test]
    fn random_runs_are_told_from_words() {
        assert!(is_random(b"v0Qx8Rk2mZpLw7TyBn3sHdUe9aJfCg5i"));
        assert!(is_random(b"3f9ac2e81b7d4056aa19c8f3e2d7b640"));
        assert!(!is_random(b"backgroundColorTransitionDuration"));
        assert!(!is_random(b"lentil-otter-27913-clover"));
        assert!(!is_random(b"1234567890123456789012345"));
        assert!(is_uuid(b"123e4567-e89b-42d3-a456-426614174000"));
    }
}
