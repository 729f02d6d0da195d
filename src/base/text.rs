//! Whether bytes are text, judged so strictly that nothing encrypted passes for it.

/// How many printable octets at the beginning are text: ciphertext begins so once in 2^44 times.
const BEGINNING: usize = 32;
/// As many are text when there is nothing else: once in 2^22 times.
const WHOLE: usize = 16;
/// As many are a line when a line feed ends them: `PASV` and its like.
const LINE: usize = 6;

/// Whether bytes begin with so much text that they are not encrypted.
#[must_use]
pub fn begins_with_text(bytes: &[u8]) -> bool {
    bytes.get(..BEGINNING).is_some_and(is_printable)
}

/// Whether bytes, taken as a whole, are text.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    let long = bytes.len() >= WHOLE || bytes.len() >= LINE && bytes.ends_with(b"\n");
    long && is_printable(bytes) || begins_with_text(bytes)
}

fn is_printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_long_beginnings_are_text_and_short_or_mixed_bytes_are_not() {
        let mut long = [b'a'; 40].to_vec();
        long.push(0);
        assert!(begins_with_text(&long) && is_text(&long));
        assert!(is_text(b"PASV\r\n") && is_text(b"sixteen octets !") && !begins_with_text(b"sixteen octets !"));
        for not in [&b"PASV"[..], b"ab\r\n", b"fifteen octets!", b"sixteen octets \x80", b""] {
            assert!(!is_text(not), "{not:?}");
        }
    }
}
