//! Reading bytes from the front, totally: no index, no panic.

/// The bytes ended before what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end {missing} short")]
pub struct Short {
    /// Octets that were missing.
    pub missing: usize,
}

/// A cursor that consumes from the front. Lengths are read as sub-readers, so a parser cannot step outside
/// what a length field gave it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// How far into the bytes given to [`Reader::new`] this reader is.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Octets left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Short`] when fewer are left; nothing is consumed then.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Short> {
        let rest = self.rest();
        let taken = rest.get(..n).ok_or(Short { missing: n.saturating_sub(rest.len()) })?;
        self.at += n;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Short`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let taken = self.take(N)?;
        <[u8; N]>::try_from(taken).map_err(|_| Short { missing: N })
    }

    /// Skips `n` bytes.
    ///
    /// # Errors
    /// [`Short`] when fewer are left.
    pub fn skip(&mut self, n: usize) -> Result<(), Short> {
        self.take(n).map(|_| ())
    }

    /// One octet.
    ///
    /// # Errors
    /// [`Short`] when none is left.
    pub fn u8(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[b]| b)
    }

    /// A big-endian 16-bit number.
    ///
    /// # Errors
    /// [`Short`] when fewer than 2 octets are left.
    pub fn u16(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_be_bytes)
    }

    /// A big-endian 24-bit number.
    ///
    /// # Errors
    /// [`Short`] when fewer than 3 octets are left.
    pub fn u24(&mut self) -> Result<u32, Short> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// A big-endian 32-bit number.
    ///
    /// # Errors
    /// [`Short`] when fewer than 4 octets are left.
    pub fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_be_bytes)
    }

    /// A big-endian 64-bit number.
    ///
    /// # Errors
    /// [`Short`] when fewer than 8 octets are left.
    pub fn u64(&mut self) -> Result<u64, Short> {
        self.array().map(u64::from_be_bytes)
    }

    /// The bytes after an 8-bit length.
    ///
    /// # Errors
    /// [`Short`] when the length reaches past the end.
    pub fn vec8(&mut self) -> Result<&'a [u8], Short> {
        let n = usize::from(self.u8()?);
        self.take(n)
    }

    /// The bytes after a 16-bit length.
    ///
    /// # Errors
    /// [`Short`] when the length reaches past the end.
    pub fn vec16(&mut self) -> Result<&'a [u8], Short> {
        let n = usize::from(self.u16()?);
        self.take(n)
    }

    /// The bytes after a 24-bit length.
    ///
    /// # Errors
    /// [`Short`] when the length reaches past the end.
    pub fn vec24(&mut self) -> Result<&'a [u8], Short> {
        let n = usize::try_from(self.u24()?).unwrap_or(usize::MAX);
        self.take(n)
    }

    /// A QUIC variable-length integer (RFC 9000 §16).
    ///
    /// # Errors
    /// [`Short`] when the bytes end inside it.
    pub fn varint(&mut self) -> Result<u64, Short> {
        let first = *self.rest().first().ok_or(Short { missing: 1 })?;
        let len = 1usize << (first >> 6);
        let bytes = self.take(len)?;
        let value = bytes.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
        Ok(value & (u64::MAX >> (66 - 8 * len.min(8)).min(63)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_integers_read_as_in_rfc_9000_appendix_a_1() {
        let value = |bytes: &[u8]| Reader::new(bytes).varint();
        assert_eq!(value(&[0x25]), Ok(37));
        assert_eq!(value(&[0x7b, 0xbd]), Ok(15_293));
        assert_eq!(value(&[0x9d, 0x7f, 0x3e, 0x7d]), Ok(494_878_333));
        assert_eq!(value(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Ok(151_288_809_941_952_652));
        assert_eq!(value(&[0x7b]), Err(Short { missing: 1 }));
    }

    #[test]
    fn a_length_that_reaches_past_the_end_is_short_by_what_is_missing() {
        let mut r = Reader::new(&[0, 5, 1, 2]);
        assert_eq!(r.vec16(), Err(Short { missing: 3 }));
    }
}
