//! Messages of the Signal protocol as libsignal writes them: a version, Protocol Buffers, and a MAC. WhatsApp and OMEMO's keys look the same.

use super::super::protobuf::{Field, fields};

/// Versions: this and the highest, in one octet.
const VERSIONS: [u8; 4] = [0x33, 0x34, 0x43, 0x44];
/// A key of Curve25519 with its type before it.
const KEY: usize = 33;
const KEY_TYPE: u8 = 5;
/// The truncated MAC behind a message.
const MAC: usize = 8;
/// The signature behind a sender-key message.
const SIGNATURE: usize = 64;

/// Whether bytes are a SignalMessage, a PreKeySignalMessage, a SenderKeyMessage or an UnidentifiedSenderMessage.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let Some((version, body)) = bytes.split_first() else { return false };
    if *version == 0x11 {
        return parse(body, 0).is_some_and(|f| is_key(body, &f, 1) && len(&f, 2) == Some(48) && len(&f, 3).is_some_and(|n| n >= 32));
    }
    if !VERSIONS.contains(version) {
        return false;
    }
    let message = || parse(body, MAC).is_some_and(|f| is_key(body, &f, 1) && is_ciphertext(&f, 4));
    let pre_key = || parse(body, 0).is_some_and(|f| is_key(body, &f, 2) && is_key(body, &f, 3) && len(&f, 4).is_some_and(|n| n >= 48));
    let sender_key = || parse(body, SIGNATURE).is_some_and(|f| len(&f, 1) == Some(16) && is_ciphertext(&f, 4));
    message() || pre_key() || sender_key()
}

fn parse(body: &[u8], behind: usize) -> Option<Vec<Field>> {
    fields(body.get(..body.len().checked_sub(behind)?)?)
}

fn field(fields: &[Field], number: u32) -> Option<&Field> {
    fields.iter().find(|f| f.number == number)
}

fn len(fields: &[Field], number: u32) -> Option<usize> {
    field(fields, number).map(|f| f.span.len())
}

fn is_key(body: &[u8], fields: &[Field], number: u32) -> bool {
    field(fields, number).is_some_and(|f| f.span.len() == KEY && body.get(f.span.start) == Some(&KEY_TYPE))
}

/// AES-CBC: whole blocks.
fn is_ciphertext(fields: &[Field], number: u32) -> bool {
    len(fields, number).is_some_and(|n| n >= 16 && n % 16 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_message_is_recognised_by_its_key_its_blocks_and_its_mac() {
        let mut bytes = vec![0x33, 0x0a, 33, 5];
        bytes.extend([7; 32]);
        bytes.extend([0x10, 1, 0x18, 0, 0x22, 32]);
        bytes.extend([9; 32]);
        bytes.extend([1; 8]);
        assert!(is_message(&bytes));
        assert!(!is_message(bytes.get(..bytes.len() - 1).unwrap_or_default()));
        assert!(!is_message(b"\x33hello, this is text"));
        assert!(!is_message(b""));
    }
}
