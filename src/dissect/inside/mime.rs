//! Multipart bodies (RFC 2046 §5.1), in mail and in forms (RFC 7578): where their parts are.

use std::ops::Range;

/// A boundary is not longer than this (RFC 2046 §5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// How many parts are taken apart.
const MOST_PARTS: usize = 256;
/// The header of a part is not longer than this.
const LONGEST_HEADER: usize = 8 * 1024;

/// A piece of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Counted from 1; 0 for what stands before the first part or behind the last.
    pub number: u32,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The parts of a multipart body, headers and contents apart; `None` when it is none.
pub(super) fn parts(bytes: &[u8]) -> Option<Vec<Part>> {
    let (boundary, from) = boundary(bytes)?;
    let mut found = Vec::new();
    let mut add = |number: u32, span: Range<usize>| {
        if !span.is_empty() {
            found.push(Part { number, span });
        }
    };
    let delimiter = [b"--", boundary].concat();
    let finder = memchr::memmem::Finder::new(&delimiter);
    let (mut at, mut number, mut open) = (0, 0, true);
    let mut search = from;
    while let Some(place) = bytes.get(search..).and_then(|rest| finder.find(rest)).map(|i| search + i) {
        search = place + delimiter.len();
        let starts_line = place == 0 || bytes.get(place - 1) == Some(&b'\n');
        if !starts_line || number as usize >= MOST_PARTS {
            continue;
        }
        split(bytes, at..place, if open { number } else { 0 }, &mut add);
        open = !bytes.get(search..).unwrap_or_default().starts_with(b"--");
        number += 1;
        at = bytes.get(search..).and_then(|rest| memchr::memchr(b'\n', rest)).map_or(bytes.len(), |i| search + i + 1);
        search = search.max(at);
    }
    if number == 0 {
        return None;
    }
    split(bytes, at..bytes.len(), if open { number } else { 0 }, &mut add);
    Some(found)
}

/// The header of a part and its content are looked at apart: the content may be anything.
fn split(bytes: &[u8], span: Range<usize>, number: u32, add: &mut impl FnMut(u32, Range<usize>)) {
    let part = bytes.get(span.clone()).unwrap_or_default();
    let head = part.get(..part.len().min(LONGEST_HEADER)).unwrap_or_default();
    match memchr::memmem::find(head, b"\r\n\r\n").filter(|_| number > 0) {
        Some(end) => {
            add(number, span.start..span.start + end + 4);
            let content = part.get(end + 4..).unwrap_or_default();
            let line_end = content.strip_suffix(b"\r\n").unwrap_or(content).len();
            add(number, span.start + end + 4..span.start + end + 4 + line_end);
        }
        None => add(number, span),
    }
}

/// The boundary, and from where on its delimiters are to be looked for.
fn boundary(bytes: &[u8]) -> Option<(&[u8], usize)> {
    if let Some(rest) = bytes.strip_prefix(b"--") {
        let line = rest.get(..memchr::memchr(b'\n', rest.get(..LONGEST_BOUNDARY + 2).unwrap_or(rest))?)?;
        let boundary = line.strip_suffix(b"\r")?;
        let sound = (2..=LONGEST_BOUNDARY).contains(&boundary.len()) && boundary.iter().all(|b| (b' '..=b'~').contains(b));
        // PGP and PEM armour begins alike.
        return (sound && !boundary.starts_with(b"---")).then_some((boundary, 0));
    }
    let head = bytes.get(..bytes.len().min(64 * 1024))?;
    let at = memchr::memmem::find(head, b"boundary=").or_else(|| memchr::memmem::find(head, b"BOUNDARY="))? + b"boundary=".len();
    let value = head.get(at..)?;
    let boundary = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.get(..memchr::memchr(b'"', quoted)?)?,
        None => value.get(..value.iter().position(|b| b.is_ascii_whitespace() || *b == b';').unwrap_or(value.len()))?,
    };
    (1..=LONGEST_BOUNDARY).contains(&boundary.len()).then_some((boundary, at))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<(u32, String)> {
        let text = |part: Part| (part.number, String::from_utf8_lossy(bytes.get(part.span).unwrap()).into_owned());
        parts(bytes).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn a_form_gives_the_header_and_the_content_of_each_part() {
        let form = b"--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\none\r\n--xYz\r\nA: b\r\n\r\n\x1f\x8b\r\n--xYz--\r\n";
        assert_eq!(
            texts(form),
            [
                (1, "Content-Disposition: form-data; name=a\r\n\r\n".into()),
                (1, "one".into()),
                (2, "A: b\r\n\r\n".into()),
                (2, "\x1f\u{fffd}".into())
            ]
        );
    }

    #[test]
    fn a_mail_gives_its_own_header_too() {
        let mail = b"Subject: x\r\nContent-Type: multipart/mixed;\r\n boundary=\"==b==\"\r\n\r\npre\r\n--==b==\r\n\r\none\r\n--==b==--\r\npost\r\n";
        let found = texts(mail);
        assert_eq!(found.first().map(|(n, _)| *n), Some(0));
        assert!(found.contains(&(1, "\r\none\r\n".into())), "{found:?}");
        assert_eq!(found.last(), Some(&(0, "post\r\n".into())));
    }

    #[test]
    fn armour_and_plain_text_are_no_multipart() {
        assert_eq!(parts(b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n"), None);
        assert_eq!(parts(b"hello -- there"), None);
        assert_eq!(parts(b"boundary=x but no such line"), None);
    }
}
