//! Messaging Layer Security (RFC 9420 §6).

use crate::base::Reader;

/// `mls10`.
const VERSION: u16 = 1;
/// `mls_private_message`.
const PRIVATE: u16 = 2;

/// Whether bytes are an MLSMessage with a PrivateMessage from the first to the last octet.
pub(super) fn is_private(bytes: &[u8]) -> bool {
    read(&mut Reader::new(bytes)).is_some()
}

fn read(reader: &mut Reader<'_>) -> Option<()> {
    if reader.u16().ok()? != VERSION || reader.u16().ok()? != PRIVATE {
        return None;
    }
    vector(reader)?; // group_id
    reader.u64().ok()?; // epoch
    (1..=3).contains(&reader.u8().ok()?).then_some(())?; // content_type
    vector(reader)?; // authenticated_data
    let sender = vector(reader)?;
    let ciphertext = vector(reader)?;
    // Both end with the tag of an AEAD.
    (reader.is_empty() && sender.len() >= 16 && ciphertext.len() >= 16).then_some(())
}

/// A vector with a length of one, two or four octets, written as shortly as it can be (RFC 9420 §2.1.2).
fn vector<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let before = reader.position();
    let len = reader.varint().ok()?;
    let shortest = match len {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        _ => 4,
    };
    if reader.position() - before != shortest {
        return None;
    }
    reader.take(usize::try_from(len).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_message_is_recognised_to_its_last_octet() {
        let mut bytes = vec![0, 1, 0, 2, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 16];
        bytes.extend([9; 16]);
        bytes.push(40);
        bytes.extend([7; 40]);
        assert!(is_private(&bytes));
        bytes.push(0);
        assert!(!is_private(&bytes));
        assert!(!is_private(&[0, 1, 0, 1, 0]));
    }
}
