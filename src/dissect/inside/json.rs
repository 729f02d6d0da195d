//! JSON (RFC 8259), as far as its strings and their places go. Lenient: what is cut or wrong gives what stands before it.

use std::ops::Range;

/// Something in a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` (true) or `[`.
    Open(bool),
    /// `}` or `]`.
    Close,
    /// The name of a member: the octets between its quotes.
    Name(Range<usize>),
    /// A string: the octets between its quotes.
    Text(Range<usize>),
    /// A number, `true`, `false` or `null`.
    Other(Range<usize>),
}

/// How many levels are followed.
const DEEPEST: usize = 512;

/// Reads the tokens of one value from the front of a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether each open level is an object.
    open: Vec<bool>,
    /// In an object: the next string is a name.
    name_next: bool,
    over: bool,
    /// The value was whole.
    pub(super) complete: bool,
    /// It was nested deeper than is followed.
    pub(super) too_deep: bool,
}

impl<'a> Tokens<'a> {
    /// Starts at octet `at`.
    pub(super) fn new(text: &'a [u8], at: usize) -> Tokens<'a> {
        Tokens { text, at, open: Vec::new(), name_next: false, over: false, complete: false, too_deep: false }
    }

    /// How far it was read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at + 1;
        let mut from = start;
        loop {
            let rest = self.text.get(from..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            if rest.get(found) == Some(&b'"') {
                self.at = from + found + 1;
                return Some(start..from + found);
            }
            from += found + 2;
        }
    }

    fn end_value(&mut self) {
        if self.open.is_empty() {
            self.over = true;
            self.complete = true;
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while !self.over {
            let byte = *self.text.get(self.at)?;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b':' => self.at += 1,
                b',' => {
                    self.at += 1;
                    self.name_next = self.open.last() == Some(&true);
                }
                b'{' | b'[' => {
                    self.at += 1;
                    if self.open.len() >= DEEPEST {
                        self.too_deep = true;
                        self.over = true;
                        return None;
                    }
                    let object = byte == b'{';
                    self.open.push(object);
                    self.name_next = object;
                    return Some(Token::Open(object));
                }
                b'}' | b']' => {
                    if self.open.pop() != Some(byte == b'}') {
                        self.over = true;
                        return None;
                    }
                    self.at += 1;
                    self.name_next = false;
                    self.end_value();
                    return Some(Token::Close);
                }
                b'"' => {
                    let Some(span) = self.string() else {
                        // Cut inside a string: what is there of it.
                        self.over = true;
                        let start = self.at + 1;
                        self.at = self.text.len();
                        return Some(Token::Text(start.min(self.text.len())..self.text.len()));
                    };
                    if std::mem::take(&mut self.name_next) {
                        return Some(Token::Name(span));
                    }
                    self.end_value();
                    return Some(Token::Text(span));
                }
                b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I' | b'u' => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let len =
                        rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))).unwrap_or(rest.len());
                    let span = self.at..self.at + len.max(1);
                    self.at = span.end;
                    self.end_value();
                    return Some(Token::Other(span));
                }
                _ => self.over = true,
            }
        }
        None
    }
}

/// Where a JSON object or array may begin in a text that is not JSON as a whole: `data: {"a":1}`, `42["message"]`.
pub(super) fn begins(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        let found = at + memchr::memchr2(b'{', b'[', rest)?;
        let after = text.get(found + 1..).unwrap_or_default();
        let next = after.iter().find(|b| !b.is_ascii_whitespace());
        let object = text.get(found) == Some(&b'{');
        match next {
            Some(b'"') => return Some(found),
            Some(b'{' | b'[') if !object => return Some(found),
            Some(b'0'..=b'9') if !object && after.iter().take(64).any(|b| *b == b',') => return Some(found),
            _ => at = found + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, bool) {
        let mut tokens = Tokens::new(text.as_bytes(), 0);
        let said = tokens
            .by_ref()
            .map(|token| match token {
                Token::Open(true) => "{".into(),
                Token::Open(false) => "[".into(),
                Token::Close => "}".into(),
                Token::Name(span) => format!("{}:", text.get(span).unwrap_or_default()),
                Token::Text(span) | Token::Other(span) => text.get(span).unwrap_or_default().to_owned(),
            })
            .collect();
        (said, tokens.complete)
    }

    #[test]
    fn names_strings_and_numbers_come_in_their_order() {
        let (said, complete) = read(r#"{"a":"b\"c","d":[1,true,"e",{}],"f":-1.5e3} trailing"#);
        assert_eq!(said, ["{", "a:", r#"b\"c"#, "d:", "[", "1", "true", "e", "{", "}", "}", "f:", "-1.5e3", "}"]);
        assert!(complete);
    }

    #[test]
    fn a_cut_text_gives_what_is_there() {
        let (said, complete) = read(r#"{"a":"bcd"#);
        assert_eq!(said, ["{", "a:", "bcd"]);
        assert!(!complete);
        assert!(!read("[[[").1 && !read("{]").1 && !read("").1);
    }

    #[test]
    fn json_inside_other_text_is_found() {
        assert_eq!(begins(b"data: {\"a\":1}", 0), Some(6));
        assert_eq!(begins(b"42[\"message\",{}]", 0), Some(2));
        assert_eq!(begins(b"if (a) { b(); } [x]", 0), None);
    }
}
