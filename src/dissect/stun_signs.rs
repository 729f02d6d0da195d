//! Signs in STUN of who made the client: messages and attributes that no registry has (RFC 8489 §18). Looked for beside the dissector, in
//! the first datagrams of a connection, whatever else it carries.

use crate::base::{Fact, Facts, Kind, Reader, Short, What, Window};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Signs that are kept.
const MOST: usize = 8;

/// States the signs of a datagram that is a whole STUN message.
pub fn state(window: &Window<'_>, facts: &mut Facts) {
    if is_message(window.bytes) {
        for sign in signs(window.bytes).unwrap_or_default() {
            add(sign, window, facts);
        }
    }
}

/// Whether a datagram begins as a STUN message does (RFC 8489 §5).
pub fn is_message(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(&MAGIC_COOKIE.to_be_bytes()) && bytes.first().is_some_and(|first| first >> 6 == 0)
}

/// The signs of a message whose attributes end where it ends.
fn signs(bytes: &[u8]) -> Result<Vec<String>, Short> {
    let mut r = Reader::new(bytes);
    let (kind, length) = (r.u16()?, usize::from(r.u16()?));
    r.skip(16)?;
    let mut found = Vec::new();
    if r.left() != length {
        return Ok(found);
    }
    // The class of a message stands in two bits of its type (RFC 8489 §5).
    if kind & !0x0110 > 0x000c {
        found.push(format!("message {kind:#06x}"));
    }
    while !r.is_empty() {
        let attribute = r.u16()?;
        let value = r.vec16()?;
        // The last one may come without its padding.
        let _ = r.skip(value.len().wrapping_neg() & 3);
        if !is_registered(attribute) && !value.is_empty() && found.len() < MOST {
            found.push(format!("attribute {attribute:#06x}"));
        }
    }
    Ok(found)
}

/// IANA's registry "STUN Attributes", with those of RFC 3489 and those that WebRTC uses everywhere.
fn is_registered(attribute: u16) -> bool {
    matches!(attribute, 0x0000..=0x0030 | 0x8000..=0x8004 | 0x8020..=0x8030 | 0xc000..=0xc070)
}

fn add(sign: String, window: &Window<'_>, facts: &mut Facts) {
    match facts.get_mut(Kind::StunSigns) {
        Some(Fact { what: What::StunSigns(list), evidence, .. }) => {
            if list.len() < MOST && !list.contains(&sign) {
                list.push(sign);
                evidence.join(&window.all());
            }
        }
        _ => facts.observe(What::StunSigns(vec![sign]), window.all()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, in_frame};
    use super::*;

    fn told(datagrams: &[&[u8]]) -> Vec<String> {
        let mut facts = Facts::new();
        for (n, bytes) in (1..).zip(datagrams) {
            in_frame(n, C, bytes, |window| state(window, &mut facts));
        }
        facts.list().iter().map(|fact| format!("{:?} {:?}", fact.what.shown(), fact.evidence)).collect()
    }

    const VENDOR: &[u8] = b"\x08\x01\0\x10\x21\x12\xa4\x42abcdefghijkl\x40\x03\0\x01x\0\0\0\x80\x70\0\x04\0\0\0\x02";

    #[test]
    fn what_no_registry_has_is_told_once() {
        let said = r#"List([Text("message 0x0801"), Text("attribute 0x4003"), Text("attribute 0x8070")]) [#1]"#;
        assert_eq!(told(&[VENDOR, VENDOR]), [said]);
    }

    #[test]
    fn what_the_registries_have_and_what_is_no_stun_are_no_signs() {
        let plain = b"\0\x01\0\x08\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\x03abc\0";
        let mut long = VENDOR.to_vec();
        long.push(0);
        assert!(told(&[plain, &long, VENDOR.split_at(20).0, b"", b"\x88\x01\0\x10\x21\x12\xa4\x42"]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(tail: Vec<u8>) {
            told(&[&tail, &[VENDOR.split_at(20).0, &tail].concat()]);
        }
    }
}
