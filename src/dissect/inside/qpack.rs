//! QPACK (RFC 9204): header fields of HTTP/3, with a table that travels on a stream of its own.

use std::collections::VecDeque;

use super::hpack::{Block, Field, integer, string};
use super::static_tables::QPACK;

/// A larger table is not kept.
const LARGEST_TABLE: usize = 256 * 1024;
/// Octets of fields that one section may become.
const MOST_DECODED: usize = 256 * 1024;
/// What an entry counts beside its octets (§3.2.1).
const OVERHEAD: usize = 32;

/// The dynamic table of one direction.
#[derive(Debug, Default)]
pub(super) struct Qpack {
    entries: VecDeque<Field>,
    size: usize,
    capacity: usize,
    /// Insertions so far; those at the front of `entries` are the latest.
    inserted: usize,
    /// What the reader of the table allowed (SETTINGS_QPACK_MAX_TABLE_CAPACITY).
    pub(super) allowed: usize,
    is_lost: bool,
}

/// What can be done with a field section now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// It was decoded.
    Block(Block),
    /// It needs insertions that did not come yet.
    Blocked,
}

impl Qpack {
    /// Reads instructions of the encoder (§4.3). Returns how many octets were taken: the rest is not whole.
    pub(super) fn instructions(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_lost {
            let Some(after) = self.instruction(rest) else { break };
            rest = after;
        }
        // What can never become whole is passed over.
        self.is_lost |= rest.len() > LARGEST_TABLE;
        if self.is_lost { bytes.len() } else { bytes.len() - rest.len() }
    }

    fn instruction<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let first = *bytes.first()?;
        if first & 0x80 != 0 {
            let (index, rest) = integer(bytes, 6)?;
            let (value, rest) = string(rest, 7)?;
            let name = if first & 0x40 != 0 { fixed(index) } else { self.relative(index) }.map(|field| field.name);
            self.insert(Field { name: name.unwrap_or_default(), value });
            return Some(rest);
        }
        if first & 0x40 != 0 {
            let (name, rest) = string(bytes, 5)?;
            let (value, rest) = string(rest, 7)?;
            self.insert(Field { name, value });
            return Some(rest);
        }
        let (number, rest) = integer(bytes, 5)?;
        if first & 0x20 != 0 {
            self.capacity = number;
            self.is_lost |= number > LARGEST_TABLE;
            self.evict(0);
        } else {
            let copy = self.relative(number).unwrap_or(Field { name: Vec::new(), value: Vec::new() });
            self.insert(copy);
        }
        Some(rest)
    }

    /// Octets of the encoder's stream are missing: the table is no longer known.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Decodes a field section (§4.5). When `is_last`, it is not waited for.
    pub(super) fn section(&self, bytes: &[u8], is_last: bool) -> Section {
        let mut block = Block { fields: Vec::new(), is_complete: true };
        let Some((required, base, mut rest)) = self.prefix(bytes) else {
            return Section::Block(Block { is_complete: false, ..block });
        };
        if required > self.inserted && !is_last && !self.is_lost {
            return Section::Blocked;
        }
        let mut decoded = 0usize;
        while !rest.is_empty() {
            let Some((field, after)) = self.line(rest, base) else {
                block.is_complete = false;
                break;
            };
            rest = after;
            match field {
                Some(field) => {
                    decoded = decoded.saturating_add(field.name.len() + field.value.len());
                    block.fields.push(field);
                }
                None => block.is_complete = false,
            }
            if decoded > MOST_DECODED {
                block.is_complete = false;
                break;
            }
        }
        Section::Block(block)
    }

    /// The insertions a section needs, the base of its references, and its lines (§4.5.1).
    fn prefix<'a>(&self, bytes: &'a [u8]) -> Option<(usize, usize, &'a [u8])> {
        let (encoded, rest) = integer(bytes, 8)?;
        let sign = rest.first()? & 0x80 != 0;
        let (delta, rest) = integer(rest, 7)?;
        let required = if encoded == 0 {
            0
        } else {
            let most = self.allowed / OVERHEAD;
            let range = most.checked_mul(2).filter(|range| *range >= encoded)?;
            let highest = self.inserted + most;
            let wrapped = highest / range * range + encoded - 1;
            if wrapped > highest { wrapped.checked_sub(range)? } else { wrapped }
        };
        let base = if sign { required.checked_sub(delta + 1)? } else { required.checked_add(delta)? };
        Some((required, base, rest))
    }

    /// One line; a field that is not known is `None` inside.
    fn line<'a>(&self, bytes: &'a [u8], base: usize) -> Option<(Option<Field>, &'a [u8])> {
        let first = *bytes.first()?;
        let before = |index: usize| base.checked_sub(index + 1).and_then(|at| self.absolute(at));
        if first & 0x80 != 0 {
            let (index, rest) = integer(bytes, 6)?;
            return Some((if first & 0x40 != 0 { fixed(index) } else { before(index) }, rest));
        }
        if first & 0x40 != 0 {
            let (index, rest) = integer(bytes, 4)?;
            let (value, rest) = string(rest, 7)?;
            let named = if first & 0x10 != 0 { fixed(index) } else { before(index) };
            // A value says something even where its name is not known.
            return Some((Some(Field { name: named.map(|f| f.name).unwrap_or_default(), value }), rest));
        }
        if first & 0x20 != 0 {
            let (name, rest) = string(bytes, 3)?;
            let (value, rest) = string(rest, 7)?;
            return Some((Some(Field { name, value }), rest));
        }
        if first & 0x10 != 0 {
            let (index, rest) = integer(bytes, 4)?;
            return Some((base.checked_add(index).and_then(|at| self.absolute(at)), rest));
        }
        let (index, rest) = integer(bytes, 3)?;
        let (value, rest) = string(rest, 7)?;
        let named = base.checked_add(index).and_then(|at| self.absolute(at));
        Some((Some(Field { name: named.map(|f| f.name).unwrap_or_default(), value }), rest))
    }

    fn relative(&self, index: usize) -> Option<Field> {
        self.entries.get(index).cloned()
    }

    fn absolute(&self, at: usize) -> Option<Field> {
        self.entries.get(self.inserted.checked_sub(at + 1)?).cloned()
    }

    fn insert(&mut self, field: Field) {
        let size = field.name.len() + field.value.len() + OVERHEAD;
        self.evict(size);
        self.size += size;
        self.inserted += 1;
        self.entries.push_front(field);
    }

    fn evict(&mut self, size: usize) {
        while self.size.saturating_add(size) > self.capacity
            && let Some(old) = self.entries.pop_back()
        {
            self.size = self.size.saturating_sub(old.name.len() + old.value.len() + OVERHEAD);
        }
    }
}

fn fixed(index: usize) -> Option<Field> {
    QPACK.get(index).map(|(name, value)| Field { name: name.as_bytes().to_vec(), value: value.as_bytes().to_vec() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2).unwrap(), 16).unwrap()).collect()
    }

    fn said(section: &Section) -> Vec<String> {
        let Section::Block(block) = section else { return vec!["blocked".into()] };
        block.fields.iter().map(|f| format!("{}: {}", String::from_utf8_lossy(&f.name), String::from_utf8_lossy(&f.value))).collect()
    }

    #[test]
    fn sections_decode_as_in_rfc_9204_appendix_b() {
        let mut qpack = Qpack { allowed: 220, ..Qpack::default() };
        // B.1: a literal with a name of the static table.
        assert_eq!(said(&qpack.section(&hex("0000510b2f696e6465782e68746d6c"), false)), [":path: /index.html"]);
        // B.2: two insertions, then a section that refers to them past its base.
        let section = hex("03811011");
        assert_eq!(qpack.section(&section, false), Section::Blocked);
        let instructions = hex("3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468");
        assert_eq!(qpack.instructions(&instructions), instructions.len());
        assert_eq!(said(&qpack.section(&section, false)), [":authority: www.example.com", ":path: /sample/path"]);
        // B.3: a custom field; B.4: a duplicate, and a section before its base.
        qpack.instructions(&hex("4a637573746f6d2d6b65790c637573746f6d2d76616c7565"));
        qpack.instructions(&hex("02"));
        assert_eq!(
            said(&qpack.section(&hex("050080c181"), false)),
            [":authority: www.example.com", ":path: /", "custom-key: custom-value"]
        );
    }

    #[test]
    fn half_an_instruction_waits_for_the_other_half() {
        let mut qpack = Qpack::default();
        let instructions = hex("3fbd01c00f7777772e6578616d706c652e636f6d");
        assert_eq!(qpack.instructions(instructions.get(..10).unwrap()), 3);
    }
}
