//! A secret.

use zeroize::Zeroizing;

/// Octets that never leave the process and are wiped from memory when they are no longer needed. There is no `Debug`, no `Display` and no
/// way to write them out: a report, a log or an error cannot hold them by accident.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes octets that are wiped with it.
    #[must_use]
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Secret {
        Secret(octets)
    }

    /// The octets, for a key schedule.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Hexadecimal digits as octets; `None` when they are anything else.
pub(super) fn unhex(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for &[high, low] in digits.as_chunks::<2>().0 {
        octets.push(digit(high)? << 4 | digit(low)?);
    }
    Some(octets)
}

fn digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok())
}
