//! HPACK (RFC 7541): header fields of HTTP/2, with the table that both sides keep.
//!
//! Where the beginning of a connection is not in the capture the table is not known: fields that point into it are left out, the others
//! are read, and the block is told as incomplete.

use std::collections::VecDeque;

use super::huffman;
use super::static_tables::HPACK;

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Field {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// A larger table is not kept.
const LARGEST_TABLE: usize = 256 * 1024;
/// Octets of fields that one block may become; two octets may name an entry of many.
const MOST_DECODED: usize = 256 * 1024;
/// What an entry counts beside its octets (§4.1).
const OVERHEAD: usize = 32;

/// The dynamic table of one direction.
#[derive(Debug)]
pub(in crate::dissect) struct Hpack {
    entries: VecDeque<Field>,
    size: usize,
    capacity: usize,
}

impl Default for Hpack {
    fn default() -> Hpack {
        Hpack { entries: VecDeque::new(), size: 0, capacity: 4096 }
    }
}

/// A header block, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::dissect) struct Block {
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Nothing of it was left out.
    pub is_complete: bool,
}

impl Hpack {
    /// Decodes a block (§6).
    pub(in crate::dissect) fn decode(&mut self, bytes: &[u8]) -> Block {
        let mut block = Block { fields: Vec::new(), is_complete: true };
        let (mut rest, mut decoded) = (bytes, 0usize);
        while let Some(first) = rest.first().copied() {
            let Some((after, step)) = self.step(first, rest) else {
                block.is_complete = false;
                break;
            };
            rest = after;
            match step {
                Step::Field(field) => {
                    decoded = decoded.saturating_add(field.name.len() + field.value.len());
                    block.fields.push(field);
                    if decoded > MOST_DECODED {
                        block.is_complete = false;
                        break;
                    }
                }
                Step::Unknown => block.is_complete = false,
                Step::Size => {}
            }
        }
        block
    }

    fn step<'a>(&mut self, first: u8, rest: &'a [u8]) -> Option<(&'a [u8], Step)> {
        if first & 0x80 != 0 {
            let (index, rest) = integer(rest, 7)?;
            return Some((rest, self.entry(index).map_or(Step::Unknown, Step::Field)));
        }
        if first & 0xe0 == 0x20 {
            let (size, rest) = integer(rest, 5)?;
            self.capacity = Some(size).filter(|size| *size <= LARGEST_TABLE)?;
            self.evict(0);
            return Some((rest, Step::Size));
        }
        let is_indexed = first & 0x40 != 0;
        let (index, rest) = integer(rest, if is_indexed { 6 } else { 4 })?;
        let (name, rest) = match index {
            0 => {
                let (name, rest) = string(rest, 7)?;
                (Some(name), rest)
            }
            _ => (self.entry(index).map(|field| field.name), rest),
        };
        let (value, rest) = string(rest, 7)?;
        let field = name.clone().map(|name| Field { name, value: value.clone() });
        if is_indexed {
            self.insert(field.clone().unwrap_or(Field { name: Vec::new(), value }));
        }
        Some((rest, field.map_or(Step::Unknown, Step::Field)))
    }

    fn entry(&self, index: usize) -> Option<Field> {
        let at = index.checked_sub(1)?;
        if let Some((name, value)) = HPACK.get(at) {
            return Some(Field { name: name.as_bytes().to_vec(), value: value.as_bytes().to_vec() });
        }
        self.entries.get(at - HPACK.len()).cloned()
    }

    fn insert(&mut self, field: Field) {
        let size = field.name.len() + field.value.len() + OVERHEAD;
        self.evict(size);
        if size <= self.capacity {
            self.size += size;
            self.entries.push_front(field);
        }
    }

    /// Makes room for `size` octets (§4.3, §4.4).
    fn evict(&mut self, size: usize) {
        while self.size.saturating_add(size) > self.capacity
            && let Some(old) = self.entries.pop_back()
        {
            self.size = self.size.saturating_sub(old.name.len() + old.value.len() + OVERHEAD);
        }
    }
}

enum Step {
    Field(Field),
    /// It points to an entry that is not there.
    Unknown,
    /// The table changed its size.
    Size,
}

/// An integer with a prefix of so many bits (§5.1), and what follows it.
pub(super) fn integer(bytes: &[u8], prefix: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & mask;
    if value < mask {
        return Some((value, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (next, after) = rest.split_first()?;
        value += usize::from(next & 0x7f) << shift;
        rest = after;
        if next & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// A string whose length has a prefix of so many bits, the bit above them saying whether it is Huffman-coded (§5.2).
pub(super) fn string(bytes: &[u8], prefix: u32) -> Option<(Vec<u8>, &[u8])> {
    let is_coded = bytes.first()? >> prefix & 1 == 1;
    let (len, rest) = integer(bytes, prefix)?;
    let (text, rest) = rest.split_at_checked(len)?;
    Some((if is_coded { huffman::decode(text)? } else { text.to_vec() }, rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2).unwrap(), 16).unwrap()).collect()
    }

    fn said(block: &Block) -> Vec<String> {
        block.fields.iter().map(|f| format!("{}: {}", String::from_utf8_lossy(&f.name), String::from_utf8_lossy(&f.value))).collect()
    }

    #[test]
    fn requests_decode_as_in_rfc_7541_appendix_c_4() {
        let mut hpack = Hpack::default();
        let first = hpack.decode(&hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"));
        assert_eq!(said(&first), [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]);
        let second = hpack.decode(&hex("828684be5886a8eb10649cbf"));
        assert_eq!(said(&second).last().unwrap(), "cache-control: no-cache");
        let third = hpack.decode(&hex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"));
        assert_eq!(
            said(&third),
            [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"]
        );
        assert!(first.is_complete && second.is_complete && third.is_complete);
    }

    #[test]
    fn entries_are_evicted_as_in_rfc_7541_appendix_c_5() {
        let mut hpack = Hpack::default();
        hpack.decode(&hex("3fe101"));
        assert_eq!(hpack.capacity, 256);
        let block = hpack.decode(&hex("4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d"));
        assert_eq!(said(&block).first().unwrap(), ":status: 302");
        assert_eq!(hpack.size, 222);
        hpack.decode(&hex("4803333037c1c0bf"));
        assert_eq!(hpack.size, 222);
    }

    #[test]
    fn where_the_table_is_not_known_the_rest_is_read() {
        let block = Hpack::default().decode(&hex("828684be5886a8eb10649cbf"));
        assert_eq!(said(&block).last().unwrap(), "cache-control: no-cache");
        assert!(!block.is_complete);
    }

    #[test]
    fn a_block_that_names_a_long_entry_many_times_is_stopped() {
        let mut hpack = Hpack::default();
        let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
        block.extend([b'x'; 4000]);
        block.extend([0xbe; 100_000]);
        let decoded = hpack.decode(&block);
        assert!(!decoded.is_complete);
        assert!(decoded.fields.len() < 100);
    }
}
