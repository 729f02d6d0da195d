//! Escapes of text, each undone over a whole buffer: percent (RFC 3986 §2.1), backslash (RFC 8259 §7, ECMAScript), HTML and XML
//! character references, quoted-printable (RFC 2045 §6.7), UTF-16.
//!
//! A function returns `None` when there is nothing to undo. All of them shrink or keep what they are given, save for a character
//! reference, which is bounded by its own length; none fails.

use std::ops::Range;

/// The transformation to undo next, and what comes of it.
pub(super) fn undo(text: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    backslash(text)
        .map(|t| ("escapes", t))
        .or_else(|| entities(text).map(|t| ("HTML entities", t)))
        .or_else(|| percent(text).map(|t| ("percent", t)))
        .or_else(|| quoted_printable(text).map(|t| ("quoted-printable", t)))
}

/// What an escape stands for.
enum Stands {
    Nothing,
    Octet(u8),
    Char(u32),
}

/// Rewrites `text`: at each `marker`, `step` says how long the escape is and what it stands for, or that it is none.
fn rewrite(text: &[u8], marker: u8, step: impl Fn(&[u8]) -> Option<(usize, Stands)>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut rest, mut any) = (text, false);
    while let Some(at) = memchr::memchr(marker, rest) {
        let (before, from) = rest.split_at_checked(at)?;
        out.extend_from_slice(before);
        let len = match step(from) {
            Some((len, stands)) => {
                match stands {
                    Stands::Nothing => {}
                    Stands::Octet(b) => out.push(b),
                    Stands::Char(code) => push_char(&mut out, code),
                }
                any = true;
                len
            }
            None => {
                out.push(marker);
                1
            }
        };
        rest = from.get(len..)?;
    }
    out.extend_from_slice(rest);
    any.then_some(out)
}

/// `%41`, and `%u0041` of old scripts.
pub(super) fn percent(text: &[u8]) -> Option<Vec<u8>> {
    rewrite(text, b'%', |from| match from {
        [_, b'u' | b'U', code @ ..] => Some((6, Stands::Char(u32::from(hex4(code)?)))),
        [_, pair @ ..] => Some((3, Stands::Octet(hex2(pair)?))),
        [] => None,
    })
}

/// `\n`, `\"`, `\u0041` with surrogate pairs, `\x41`, `\u{41}`.
pub(super) fn backslash(text: &[u8]) -> Option<Vec<u8>> {
    rewrite(text, b'\\', |from| {
        let (kind, after) = (*from.get(1)?, from.get(2..)?);
        let octet = |b| Some((2, Stands::Octet(b)));
        match kind {
            b'u' if after.first() == Some(&b'{') => {
                let (code, len) = braced(after.get(1..)?)?;
                Some((len + 3, Stands::Char(code)))
            }
            b'u' => {
                let high = hex4(after)?;
                let low = after.get(4..6).filter(|mark| *mark == b"\\u").and_then(|_| hex4(after.get(6..)?));
                Some(match (high, low) {
                    (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                        (12, Stands::Char(0x10000 + ((u32::from(high) & 0x3ff) << 10 | u32::from(low) & 0x3ff)))
                    }
                    _ => (6, Stands::Char(u32::from(high))),
                })
            }
            b'x' => Some((4, Stands::Octet(hex2(after)?))),
            b'"' | b'\\' | b'/' | b'\'' => octet(kind),
            b'n' => octet(b'\n'),
            b't' => octet(b'\t'),
            b'r' => octet(b'\r'),
            b'b' => octet(8),
            b'f' => octet(12),
            b'0' => octet(0),
            _ => None,
        }
    })
}

/// The parts of a text between the delimiters of addresses and forms (RFC 3986 §2.2), with their escapes undone, that turn out to be no
/// text: what a form carries may be anything.
pub(super) fn escaped_octets(text: &[u8]) -> Vec<(Range<usize>, Vec<u8>)> {
    let is_between = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'&' | b'?' | b';' | b'=' | b'"' | b'\'' | b'<' | b'>');
    let (mut found, mut at) = (Vec::new(), 0);
    for part in text.split(is_between) {
        let span = at..at + part.len();
        at = span.end + 1;
        if let Some(octets) = percent(part).filter(|octets| !super::kind::is_text(octets)) {
            found.push((span, octets));
        }
    }
    found
}

/// The plus of forms, which is a space (HTML §4.10.22.6), where no space shows that it is none: in the whole text, or in the stretches of it
/// that have escapes and no space or mark-up, as a form does that stands in a mail or a stanza.
pub(super) fn form(text: &[u8]) -> Option<Vec<u8>> {
    let is_between = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'<' | b'>' | b'"' | b'\'');
    let is_form = |part: &[u8]| part.contains(&b'+') && percent(part).is_some();
    if !text.contains(&b' ') && is_form(text) {
        return percent(&spaced(text));
    }
    let (mut out, mut any) = (Vec::with_capacity(text.len()), false);
    for part in text.split_inclusive(is_between) {
        match is_form(part) {
            true => out.extend(spaced(part)),
            false => out.extend_from_slice(part),
        }
        any |= is_form(part);
    }
    any.then(|| percent(&out)).flatten()
}

fn spaced(text: &[u8]) -> Vec<u8> {
    text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect()
}

/// Whether a text is quoted-printable for sure: much of it is escaped; or every equals sign begins an escape as RFC 2045 §6.7 has it, and
/// there are several.
pub(super) fn is_quoted_printable(text: &[u8]) -> bool {
    let escapes = text.windows(3).filter(|w| matches!(w, [b'=', pair @ ..] if hex2(pair).is_some())).count();
    let is_upper = |b: &u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
    let mut signs = memchr::memchr_iter(b'=', text).map(|at| match text.get(at + 1..).unwrap_or_default() {
        [b'\n', ..] | [b'\r', b'\n', ..] => true,
        [a, b, ..] if is_upper(a) && is_upper(b) => hex2(&[*a, *b]).is_some_and(|octet| octet >= b' ' && octet != 0x7f),
        _ => false,
    });
    escapes * 9 >= text.len() || escapes >= FEWEST_ESCAPES && signs.all(|is_escape| is_escape)
}

/// Fewer escapes may be names and values: `a=20&b=30`.
const FEWEST_ESCAPES: usize = 4;

/// `&#45;`, `&#x2d;` and the named references that stand for punctuation (HTML §13.5).
pub(super) fn entities(text: &[u8]) -> Option<Vec<u8>> {
    rewrite(text, b'&', |from| {
        let end = from.iter().take(LONGEST_REFERENCE).position(|b| *b == b';')?;
        Some((end + 1, Stands::Char(reference(from.get(1..end)?)?)))
    })
}

/// `&CounterClockwiseContourIntegral;` is longer, but stands for nothing that is in a phrase.
const LONGEST_REFERENCE: usize = 12;

fn reference(name: &[u8]) -> Option<u32> {
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    match name {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => NAMED.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, code)| *code),
    }
}

const NAMED: [(&str, u32); 40] = [
    ("amp", 0x26),
    ("lt", 0x3c),
    ("gt", 0x3e),
    ("quot", 0x22),
    ("apos", 0x27),
    ("nbsp", 0x20),
    ("hyphen", 0x2010),
    ("dash", 0x2010),
    ("ndash", 0x2013),
    ("mdash", 0x2014),
    ("shy", 0xad),
    ("num", 0x23),
    ("percnt", 0x25),
    ("plus", 0x2b),
    ("comma", 0x2c),
    ("period", 0x2e),
    ("sol", 0x2f),
    ("bsol", 0x5c),
    ("colon", 0x3a),
    ("semi", 0x3b),
    ("equals", 0x3d),
    ("quest", 0x3f),
    ("commat", 0x40),
    ("lsqb", 0x5b),
    ("rsqb", 0x5d),
    ("lowbar", 0x5f),
    ("UnderBar", 0x5f),
    ("grave", 0x60),
    ("lcub", 0x7b),
    ("rcub", 0x7d),
    ("verbar", 0x7c),
    ("excl", 0x21),
    ("dollar", 0x24),
    ("lpar", 0x28),
    ("rpar", 0x29),
    ("ast", 0x2a),
    ("Tab", 9),
    ("NewLine", 10),
    ("szlig", 0xdf),
    ("hellip", 0x2026),
];

/// `=41`, and `=` at the end of a line.
pub(super) fn quoted_printable(text: &[u8]) -> Option<Vec<u8>> {
    rewrite(text, b'=', |from| match from {
        [_, b'\r', b'\n', ..] => Some((3, Stands::Nothing)),
        [_, b'\n', ..] => Some((2, Stands::Nothing)),
        [_, pair @ ..] => Some((3, Stands::Octet(hex2(pair)?))),
        [] => None,
    })
}

/// UTF-16 as UTF-8, where the bytes look like it: a byte order mark, or the high octets of Latin letters.
pub(super) fn utf16(bytes: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let mut by_mark = true;
    let big = match bytes {
        [0xff, 0xfe, ..] => false,
        [0xfe, 0xff, ..] => true,
        _ if bytes.len() >= 8 => {
            by_mark = false;
            let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).filter(|b| **b == 0).count() * 10 >= bytes.len() / 2 * 7;
            match (zeros(0), zeros(1)) {
                (true, false) => true,
                (false, true) => false,
                _ => return None,
            }
        }
        _ => return None,
    };
    // Behind an odd octet the pairs are the other way round, and the zero of the last one is missing.
    let units = bytes.chunks(2).filter_map(|pair| match pair {
        [a, b] if big => Some(u16::from_be_bytes([*a, *b])),
        [a, b] => Some(u16::from_le_bytes([*a, *b])),
        [a] if !big => Some(u16::from(*a)),
        _ => None,
    });
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let name = if big { "UTF-16BE" } else { "UTF-16LE" };
    // Text, or the same once more; what stood before it, if anything, made other characters of the first two.
    let behind = text.char_indices().nth(2).map_or("", |(at, _)| text.get(at..).unwrap_or_default());
    // A mark of two octets stands before one random blob in thirty thousand, and some of these have a character for every pair.
    let is_whole = |text: &str| {
        !text.contains(char::REPLACEMENT_CHARACTER) && super::kind::is_text(text.as_bytes()) && (!by_mark || is_of_scripts_in_use(text))
    };
    let is_text = is_whole(&text) || behind.len() >= 8 && is_whole(behind) || utf16(text.as_bytes()).is_some();
    is_text.then(|| (name, text.into_bytes()))
}

/// Whether nearly all characters are of scripts that phones have keyboards for. Of random ones six in ten are. Text of another script is
/// not lost: it counts as unread, which leaves the test open.
fn is_of_scripts_in_use(text: &str) -> bool {
    let is_in_use = |c: &char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{6ff}' | '\u{700}'..='\u{137f}' | '\u{1780}'..='\u{17ff}' | '\u{1e00}'..='\u{206f}' | '\u{20a0}'..='\u{20bf}'
            | '\u{2600}'..='\u{27bf}' | '\u{3000}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{fe0f}' | '\u{feff}' | '\u{ff00}'..='\u{ffef}' | '\u{1f000}'..='\u{1faff}')
    };
    let all = text.chars().count();
    text.chars().filter(is_in_use).count() * 20 >= all * 19
}

fn push_char(out: &mut Vec<u8>, code: u32) {
    // A lone surrogate is no character.
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The digits before `}`, and how many octets with it.
fn braced(bytes: &[u8]) -> Option<(u32, usize)> {
    let end = bytes.iter().take(8).position(|b| *b == b'}')?;
    let code = u32::from_str_radix(std::str::from_utf8(bytes.get(..end)?).ok()?, 16).ok()?;
    Some((code, end + 1))
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn hex2(digits: &[u8]) -> Option<u8> {
    match digits {
        [a, b, ..] => Some(hex(*a)? << 4 | hex(*b)?),
        _ => None,
    }
}

fn hex4(digits: &[u8]) -> Option<u16> {
    digits.get(..4)?.iter().try_fold(0u16, |n, d| Some(n << 4 | u16::from(hex(*d)?)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(bytes: Option<Vec<u8>>) -> String {
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    #[test]
    fn each_escape_is_undone() {
        assert_eq!(text(percent(b"a%20b%2Dc%u0041%")), "a b-cA%");
        assert_eq!(text(backslash(br#"say \"hi\" \u00fc \ud83d\ude00 \x41\u{42}\q"#)), "say \"hi\" \u{fc} \u{1f600} AB\\q");
        assert_eq!(text(entities(b"a&#45;b&#x2d;c&lt;&nope;&")), "a-b-c<&nope;&");
        assert_eq!(text(quoted_printable(b"a=2Db=\r\nc=\nd=zz")), "a-bcd=zz");
        let (name, utf8) = utf16(b"h\0e\0l\0l\0o\0").unwrap();
        assert_eq!((name, utf8.as_slice()), ("UTF-16LE", b"hello".as_slice()));
    }

    #[test]
    fn the_plus_of_a_form_is_a_space_also_in_a_mail_or_a_stanza() {
        assert_eq!(text(form(b"a=1&t=x%2Cy+z")), "a=1&t=x,y z");
        assert_eq!(text(form(b"<m to='b'><body>t=x%2c+y</body></m>")), "<m to='b'><body>t=x, y</body></m>");
        assert_eq!(text(form(b"1 + 1 is t=x%2c+y")), "1 + 1 is t=x, y");
        assert_eq!((form(b"1 + 1 is a+b"), form(b"x%2cy z")), (None, None));
    }

    #[test]
    fn utf_16_by_its_mark_is_text_that_people_write() {
        let marked = |text: &str| [&[0xff, 0xfe][..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()].concat();
        for words in [
            "hello, this is it",
            "Привет, как дела",
            "你好，我们今天晚上见面",
            "안녕하세요 오늘",
            "สวัสดีครับ",
            "မင်္ဂလာပါ",
            "ሰላም ነው",
            "გამარჯობა",
            "សួស្តី",
            "see you 🙂👍",
        ] {
            assert!(utf16(&marked(words)).is_some(), "{words}");
        }
        // Characters all of them, and no text.
        assert!(utf16(&marked("\u{1234}\u{a111}\u{3ab4}\u{4d11}\u{2c80}\u{1780}\u{a4d0}\u{10a0}\u{4e00}")).is_none());
    }

    #[test]
    fn quoted_printable_is_told_from_names_and_values() {
        assert!(is_quoted_printable(b"v=3DeHl6AUAAv=2F8bQQAA5G1b1=2BeSMIK=\r\nO=2BYbhCxQxcMiB"));
        assert!(is_quoted_printable(b"Gr=C3=BC=C3=9Fe und so weiter, so lange wie eine Zeile es ist und noch etwas l=C3=A4nger"));
        for other in [
            &b"token=AB12&name=a name that is long enough for a form&x=FF&y=20"[..],
            b"a=20&b=30&c=40&and a few words more behind, as forms have them",
            b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWQ==",
            b"a=10&b=10&c=10&d=10&e=10, some more words stand behind it",
        ] {
            assert!(!is_quoted_printable(other), "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn where_there_is_nothing_to_undo_nothing_is_done() {
        for plain in [&b"plain text, 100 % of it & more = less\\"[..], b""] {
            assert!(undo(plain).is_none());
            assert!(utf16(plain).is_none());
        }
    }
}
