//! What goes by in clear: stated from its beginning, counted to its end, the same however it is cut into segments.

use crate::base::{Dir, Evidence, Exposed, Facts, Stitched, Window};

/// Octets of a beginning that are waited for before something is stated: as many as an excerpt shows.
const BEGINNING: usize = 96;

/// Content that comes in pieces. Its beginning is kept until there is enough of it to show; the rest is only counted.
#[derive(Debug, Default)]
pub(super) struct Passing {
    beginning: Stitched,
    stated: bool,
}

impl Passing {
    /// The next piece.
    pub(super) fn piece(&mut self, kind: Exposed, what: &'static str, piece: &Window<'_>, facts: &mut Facts) {
        if piece.bytes.is_empty() {
            return;
        }
        if self.stated {
            facts.more_readable(kind, what, piece.bytes.len() as u64, &piece.all());
            return;
        }
        if self.beginning.is_empty() && piece.bytes.len() >= BEGINNING {
            facts.readable(kind, what, piece.bytes, piece.all());
            self.stated = true;
            return;
        }
        self.beginning.push(piece);
        if self.beginning.len() >= BEGINNING {
            self.state(kind, what, facts);
        }
    }

    /// It ends here; what comes next is another.
    pub(super) fn end(&mut self, kind: Exposed, what: &'static str, facts: &mut Facts) {
        if !self.stated {
            self.state(kind, what, facts);
        }
        self.stated = false;
    }

    fn state(&mut self, kind: Exposed, what: &'static str, facts: &mut Facts) {
        if let Some(all) = self.beginning.window(Dir::Client) {
            facts.readable(kind, what, all.bytes, all.all());
            self.stated = true;
        }
        self.beginning = Stitched::new();
    }
}

/// Something short that is stated later, when it is known what kind of thing it is.
#[derive(Debug)]
pub(super) struct Held {
    beginning: Box<[u8]>,
    octets: u64,
    evidence: Evidence,
}

impl Held {
    /// All of a window.
    pub(super) fn new(window: &Window<'_>) -> Held {
        let beginning = window.bytes.get(..BEGINNING).unwrap_or(window.bytes);
        Held { beginning: beginning.into(), octets: window.bytes.len() as u64, evidence: window.all() }
    }

    /// States it.
    pub(super) fn state(self, kind: Exposed, what: &'static str, facts: &mut Facts) {
        let rest = self.octets.saturating_sub(self.beginning.len() as u64);
        let evidence = self.evidence;
        facts.readable(kind, what, &self.beginning, evidence.clone());
        if rest > 0 {
            facts.more_readable(kind, what, rest, &evidence);
        }
    }
}

/// Whether bytes are text for the most part: random or compressed bytes are not, in any encoding that extends ASCII.
pub(super) fn mostly_text(bytes: &[u8]) -> bool {
    let printable = bytes.iter().filter(|b| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n')).count();
    // Three in eight octets are printable by chance.
    bytes.len() >= 4 && printable * 10 >= bytes.len() * 7 || is_utf8(bytes)
}

/// Whether bytes are UTF-8 (RFC 3629) without control characters, where a character may be cut at the end.
fn is_utf8(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.len() >= 4 && !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())
}

/// Names of fields whose values let somebody in.
const PASSWORDS: [&str; 9] = ["password", "passwd", "passwort", "pwd", "passphrase", "pass", "client_secret", "otp", "pin_code"];
const TOKENS: [&str; 12] = [
    "access_token",
    "refresh_token",
    "auth_token",
    "authtoken",
    "session_token",
    "id_token",
    "api_key",
    "apikey",
    "sessionid",
    "session_id",
    "jsessionid",
    "phpsessid",
];

/// Whether a field of this name holds a password or a token.
fn is_secret(name: &[u8]) -> bool {
    let ends = |known: &&str| -> bool {
        let at = name.len().checked_sub(known.len());
        at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(known.as_bytes()))
    };
    PASSWORDS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || ["password", "passwd", "_pwd", "_pass"].iter().any(ends)
        || TOKENS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The first password or token among the fields of a form (`application/x-www-form-urlencoded`), a query, or a JSON object: where its
/// value stands.
pub(super) fn secret_field(text: &[u8]) -> Option<std::ops::Range<usize>> {
    secret_in_form(text).or_else(|| secret_in_json(text))
}

fn secret_in_form(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for field in text.split(|&b| b == b'&' || b == b'?' || b == b';') {
        if let Some(equals) = memchr::memchr(b'=', field)
            && field.get(..equals).is_some_and(|name| is_secret(name.trim_ascii()))
            && equals + 1 < field.len()
        {
            return Some(start + equals + 1..start + field.len());
        }
        start += field.len() + 1;
    }
    None
}

fn secret_in_json(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let quote = |from: usize| memchr::memchr(b'"', text.get(from..)?).map(|at| from + at);
    let mut at = quote(0)?;
    loop {
        let end = quote(at + 1)?;
        let name = text.get(at + 1..end)?;
        let rest = text.get(end + 1..)?.trim_ascii_start();
        if is_secret(name)
            && let Some(value) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start)
            && let Some(inner) = value.strip_prefix(b"\"")
        {
            let from = text.len() - inner.len();
            let to = quote(from).unwrap_or(text.len());
            if to > from {
                return Some(from..to);
            }
        }
        at = end;
    }
}

/// The octets that base64 stands for (RFC 4648 §4), leniently: what is not of its alphabet ends it.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for &b in text {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            #[allow(clippy::cast_possible_truncation)]
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::in_frame;
    use super::*;

    fn said(facts: &Facts) -> Vec<(u64, u64, String)> {
        facts.readables().map(|(readable, _)| (readable.count, readable.bytes, readable.excerpt.to_string())).collect()
    }

    #[test]
    fn content_says_the_same_however_it_is_cut() {
        let text = b"ab ".repeat(100);
        let of = |size: usize| {
            let (mut facts, mut passing) = (Facts::new(), Passing::default());
            for piece in text.chunks(size) {
                in_frame(1, Dir::Client, piece, |w| passing.piece(Exposed::Content, "x", w, &mut facts));
            }
            passing.end(Exposed::Content, "x", &mut facts);
            passing.end(Exposed::Content, "x", &mut facts);
            said(&facts)
        };
        let whole = of(usize::MAX);
        assert_eq!((whole.len(), whole[0].0, whole[0].1), (1, 1, 300));
        assert!((1..99).all(|size| of(size) == whole));
    }

    #[test]
    fn passwords_and_tokens_are_found_by_the_names_of_their_fields() {
        let value = |text: &str| secret_field(text.as_bytes()).map(|span| text[span].to_owned());
        assert_eq!(value("user=alice&password=hunter2&x=1"), Some("hunter2".into()));
        assert_eq!(value("/login?j_password=a"), Some("a".into()));
        assert_eq!(value(r#"{"user":"alice", "access_token" : "abc"}"#), Some("abc".into()));
        assert_eq!(value(r#"{"password":"cut off"#), Some("cut off".into()));
        for plain in ["compass=north", "password=", r#"{"password":""}"#, r#"{"text":"password"}"#, "a=password", ""] {
            assert_eq!(value(plain), None, "{plain}");
        }
    }

    #[test]
    fn base64_reads_as_in_rfc_4648_section_10() {
        for (text, plain) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar"), ("AGEAYg==", "\0a\0b")] {
            assert_eq!(base64(text.as_bytes()), plain.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>, text in "[\"=&:{}a-z ]{0,40}") {
            let _ = (base64(&bytes), secret_field(&bytes), secret_field(text.as_bytes()));
        }
    }
}
