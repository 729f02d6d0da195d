//! The Huffman code of HPACK and QPACK (RFC 7541 Appendix B). It is canonical: the lengths of its codes are all there is to write down.

use std::sync::OnceLock;

/// Length of the code of each octet; the last is the end of string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10,
    10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6,
    7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23,
    21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
    22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27,
    26, 30,
];
const END: u16 = 256;

/// For each length: the first code of that length, how many there are, and where their symbols begin.
struct Code {
    first: [u32; 31],
    count: [u32; 31],
    offset: [usize; 31],
    symbols: Vec<u16>,
}

fn code() -> &'static Code {
    static CODE: OnceLock<Code> = OnceLock::new();
    CODE.get_or_init(|| {
        let mut symbols: Vec<u16> = (0..=END).collect();
        symbols.sort_by_key(|s| (LENGTHS.get(usize::from(*s)).copied(), *s));
        let (mut first, mut count, mut offset) = ([0u32; 31], [0u32; 31], [0usize; 31]);
        for length in LENGTHS {
            if let Some(n) = count.get_mut(usize::from(length)) {
                *n += 1;
            }
        }
        let (mut next, mut at) = (0u32, 0usize);
        for (length, n) in count.iter().enumerate() {
            next <<= 1;
            if let (Some(f), Some(o)) = (first.get_mut(length), offset.get_mut(length)) {
                (*f, *o) = (next, at);
            }
            next += n;
            at += *n as usize;
        }
        Code { first, count, offset, symbols }
    })
}

/// Decodes a string. `None` when it is none: the end of string inside it, or padding that is not the beginning of it (RFC 7541 §5.2).
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let code = code();
    let mut out = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut value, mut length) = (0u32, 0usize);
    for bit in bytes.iter().flat_map(|b| (0..8).rev().map(move |i| u32::from(b >> i & 1))) {
        value = value << 1 | bit;
        length += 1;
        let (first, count, offset) = (*code.first.get(length)?, *code.count.get(length)?, *code.offset.get(length)?);
        if let Some(at) = value.checked_sub(first).filter(|at| *at < count) {
            let symbol = *code.symbols.get(offset + at as usize)?;
            out.push(u8::try_from(symbol).ok()?);
            (value, length) = (0, 0);
        }
    }
    // Padding is ones, and fewer than eight of them.
    (length < 8 && value == (1 << length) - 1).then_some(out)
}

/// Codes a string, for tests.
#[cfg(test)]
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let code = code();
    let (mut out, mut bits, mut free) = (Vec::new(), 0u64, 64u32);
    let mut add = |value: u32, length: u32| {
        bits |= u64::from(value) << (free - length);
        free -= length;
        while free <= 56 {
            out.push((bits >> 56) as u8);
            bits <<= 8;
            free += 8;
        }
        64 - free
    };
    let mut left = 0;
    for b in bytes {
        let length = usize::from(LENGTHS.get(usize::from(*b)).copied().unwrap_or_default());
        let at = code.symbols.iter().position(|symbol| *symbol == u16::from(*b)).unwrap_or_default();
        let (first, offset) = (code.first.get(length).copied().unwrap_or_default(), code.offset.get(length).copied().unwrap_or_default());
        left = add(first + (at - offset) as u32, length as u32);
    }
    if left > 0 {
        add(0xff >> left, 8 - left);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_decode_as_in_rfc_7541_appendix_c() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).filter_map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
        };
        assert_eq!(decode(&hex("f1e3c2e5f23a6ba0ab90f4ff")).as_deref(), Some(&b"www.example.com"[..]));
        assert_eq!(decode(&hex("a8eb10649cbf")).as_deref(), Some(&b"no-cache"[..]));
        assert_eq!(decode(&hex("9d29ad171863c78f0b97c8e9ae82ae43d3")).as_deref(), Some(&b"https://www.example.com"[..]));
        assert_eq!(decode(&hex("d07abe941054d444a8200595040b8166e082a62d1bff")).as_deref(), Some(&b"Mon, 21 Oct 2013 20:13:21 GMT"[..]));
    }

    #[test]
    fn every_octet_is_decoded_as_it_was_coded() {
        let all: Vec<u8> = (0..=255).collect();
        for from in 0..256 {
            let text = all.get(from..).unwrap_or_default();
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_string_is_none() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(decode(&[0]), None);
        assert_eq!(decode(&[]), Some(Vec::new()));
    }
}
