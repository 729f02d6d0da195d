//! Text from the wire, which is hostile until escaped.

use std::fmt;

/// Bytes that a stranger chose: a server name, a certificate field, a header.
///
/// There is no way to print them raw. `Display` escapes for a terminal: C0, C1 and DEL, bidirectional
/// controls and other invisible format characters become `\x1b` or `\u{202e}`, invalid UTF-8 becomes `\xNN`.
/// Other sinks (JSON, HTML, CSV, Markdown) escape what they need on top of that.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireStr(Box<[u8]>);

impl WireStr {
    /// Takes bytes as they came.
    #[must_use]
    pub fn new(bytes: &[u8]) -> WireStr {
        WireStr(bytes.into())
    }

    /// The bytes as they came. For parsing and comparing, never for printing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Characters that steer a terminal or hide: controls, bidirectional and other format characters, line and
    /// paragraph separators, tags, private use.
    #[must_use]
    pub fn steers(c: char) -> bool {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
                | '\u{e000}'..='\u{f8ff}')
    }
}

impl From<&str> for WireStr {
    fn from(text: &str) -> WireStr {
        WireStr::new(text.as_bytes())
    }
}

impl From<String> for WireStr {
    fn from(text: String) -> WireStr {
        WireStr(text.into_bytes().into_boxed_slice())
    }
}

impl fmt::Display for WireStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_into(f, &self.0)
    }
}

impl fmt::Debug for WireStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Writes bytes so that they are safe on a terminal and in a log line: see [`WireStr`].
///
/// # Errors
/// Only those of `out`.
pub fn escape_into(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        let mut plain = 0;
        let text = chunk.valid();
        for (i, c) in text.char_indices().filter(|&(_, c)| WireStr::steers(c)) {
            out.write_str(text.get(plain..i).unwrap_or_default())?;
            match u32::from(c) {
                code @ 0..=0xff => write!(out, "\\x{code:02x}")?,
                code => write!(out, "\\u{{{code:x}}}")?,
            }
            plain = i + c.len_utf8();
        }
        out.write_str(text.get(plain..).unwrap_or_default())?;
        for b in chunk.invalid() {
            write!(out, "\\x{b:02x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_bidi_controls_never_reach_the_terminal() {
        let hostile = "a\x1b]0;owned\x07\u{9b}2J\u{202e}gpj.exe\u{200f}";
        let shown = WireStr::from(hostile).to_string();
        assert_eq!(shown, r"a\x1b]0;owned\x07\x9b2J\u{202e}gpj.exe\u{200f}");
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_hexadecimal() {
        assert_eq!(WireStr::new(b"ok\xff\xfe").to_string(), r"ok\xff\xfe");
        assert_eq!(WireStr::new("grüße.example".as_bytes()).to_string(), "grüße.example");
    }
}
