//! What bytes are by their look: text, a picture or a film, or nothing that can be told.

/// Whether bytes are text: UTF-8 with hardly a control character. A character cut at either end is allowed.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.iter().take(3).take_while(|b| (0x80..0xc0).contains(*b)).count();
    let bytes = bytes.get(start..).unwrap_or_default();
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let (whole, _) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    if valid.is_empty() {
        return bytes.is_empty();
    }
    let odd = valid.chars().filter(|c| is_odd(*c)).count();
    // One in a hundred: form feeds, the separators of data channels, NUL behind a line.
    odd * 100 <= valid.len()
}

fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}') || matches!(c, '\u{fffd}' | '\u{e000}'..='\u{f8ff}')
}

/// Pictures, sound, film, fonts: formats with a signature of their own whose content is not text.
pub(super) fn is_media(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xd8, 0xff, ..]
        | [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..]
        | [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]
        | [b'w', b'O', b'F', b'F' | b'2', ..]
        | [b'O', b'g', b'g', b'S', 0, ..]
        | [b'f', b'L', b'a', b'C', 0, ..]
        | [0x1a, 0x45, 0xdf, 0xa3, ..]
        | [0, b'a', b's', b'm', 1, 0, 0, 0, ..]
        | [0, 0, 1, 0, _, 0, ..] => true,
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] => [b"WEBP", b"WAVE", b"AVI "].iter().any(|k| kind.starts_with(*k)),
        [0, 0, _, _, b'f', b't', b'y', b'p', ..] | [0, 0, _, _, b's', b't', b'y', b'p', ..] | [0, 0, _, _, b'm', b'o', b'o', b'f', ..] => {
            true
        }
        _ => false,
    }
}

/// Octets of a buffer that are in no run of six or more printable characters, those that carry nothing (0 and 0xff) left out.
pub(super) fn unreadable(bytes: &[u8]) -> usize {
    let mut count = 0;
    for run in bytes.chunk_by(|a, b| printable(*a) == printable(*b)) {
        let is_text = run.len() >= 6 && run.first().is_some_and(|b| printable(*b));
        if !is_text {
            count += run.iter().filter(|b| !matches!(b, 0 | 0xff)).count();
        }
    }
    count
}

/// The runs of text of at least `shortest` octets in bytes that are something else.
pub(super) fn text_runs(bytes: &[u8], shortest: usize) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    for chunk in bytes.utf8_chunks() {
        for run in chunk.valid().split_inclusive(is_odd) {
            let len = run.trim_end_matches(is_odd).len();
            if len >= shortest {
                found.push(at..at + len);
            }
            at += run.len();
        }
        at += chunk.invalid().len();
    }
    found
}

fn printable(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        assert!(is_text("Grüße, 你好\r\n".as_bytes()));
        assert!(is_text("ü cut".as_bytes().get(1..).unwrap_or_default()));
        assert!(!is_text(&[0x8f, 0x12, 0xaa, 0xe1, 0x00, 0x55, 0x91, 0xff]));
        assert!(!is_text(b"\x08\x01\x12\x05hello"));
        assert_eq!(text_runs(b"\x01D\0\xbb\xffhello\x02you\xff", 3), [5..10, 11..14]);
        assert_eq!(unreadable(b"\x08\x01\x12\x06hello!\0\0\0\xff"), 4);
    }
}
