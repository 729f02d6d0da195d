//! Protocol Buffers without a schema (the encoding guide): fields, and what their contents may be.

use std::ops::Range;

/// A length-delimited field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its number.
    pub number: u32,
    /// Where its content stands.
    pub span: Range<usize>,
}

/// Fields with higher numbers are not believed: schemas count from 1.
const HIGHEST_NUMBER: u64 = 4096;
/// How many fields of one message are looked at.
const MOST_FIELDS: usize = 16 * 1024;

/// The length-delimited fields of a message, when the bytes are one from the first to the last octet: tags in range, lengths that fit,
/// numbers written as shortly as they can be.
pub(super) fn fields(bytes: &[u8]) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let (tag, len) = varint(bytes.get(at..)?)?;
        at += len;
        let number = tag >> 3;
        if number == 0 || number > HIGHEST_NUMBER {
            return None;
        }
        let len = match tag & 7 {
            0 => varint(bytes.get(at..)?)?.1,
            1 => 8,
            2 => {
                let (len, head) = varint(bytes.get(at..)?)?;
                at += head;
                let len = usize::try_from(len).ok()?;
                let end = at.checked_add(len).filter(|end| *end <= bytes.len())?;
                found.push(Field { number: u32::try_from(number).ok()?, span: at..end });
                len
            }
            5 => 4,
            _ => return None,
        };
        at = at.checked_add(len).filter(|end| *end <= bytes.len())?;
        count += 1;
        if count > MOST_FIELDS {
            return None;
        }
    }
    (count > 0).then_some(found)
}

/// A number of seven bits an octet, written as shortly as it can be; and its octets.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, b) in bytes.iter().take(10).enumerate() {
        value |= u64::from(b & 0x7f).checked_shl(u32::try_from(7 * i).ok()?)?;
        if b & 0x80 == 0 {
            return (i == 0 || *b != 0).then_some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gives_its_length_delimited_fields() {
        let bytes = b"\x08\x96\x01\x12\x05hello\x1a\x02\x0a\x00\x25\x01\x02\x03\x04";
        assert_eq!(fields(bytes), Some(vec![Field { number: 2, span: 5..10 }, Field { number: 3, span: 12..14 }]));
    }

    #[test]
    fn what_is_no_message_throughout_is_none() {
        assert_eq!(fields(b"\x12\x09short"), None);
        assert_eq!(fields(b"\x00\x01"), None);
        assert_eq!(fields(b"\x08\x80\x00"), None);
        assert_eq!(fields(b"hello world, this is text"), None);
        assert_eq!(fields(b""), None);
    }
}
