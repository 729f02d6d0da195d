//! Facts as compact bytes, so that a finished connection costs a few hundred octets and can wait on disk.
//!
//! The bytes never leave the process: no version, no checks beyond those that keep decoding total.

use std::sync::RwLock;

use super::fact::{Basis, Fact, Facts, Kind, VersionName, What};
use super::{
    Alert, AlertDescription, CipherSuite, Dir, Evidence, Message, NamedGroup, ProtocolVersion, QuicVersion, Reader, SignatureScheme,
    SrtpProfile, Timestamp, WireStr,
};

/// A value that can be written to bytes and read back.
pub(in crate::base) trait Freeze: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads it back.
    fn take(reader: &mut Reader<'_>) -> Option<Self>;
    /// Goes past it.
    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        Self::take(reader).map(drop)
    }
}

impl Facts {
    /// Appends these facts as bytes.
    pub fn freeze(&self, out: &mut Vec<u8>) {
        put_number(out, self.list().len() as u64);
        for fact in self.list() {
            put_number(out, fact.what.kind() as u64);
            out.push(fact.basis as u8);
            fact.evidence.put(out);
            fact.what.put(out);
        }
        put_number(out, self.steps().len() as u64);
        for step in self.steps() {
            let dir = if step.dir == Dir::Client { 0 } else { 1 };
            put_number(out, u64::from(step.message as u8) << 1 | dir);
            step.at.put(out);
            step.evidence.put(out);
        }
        put_number(out, u64::from(self.dropped()));
    }

    /// Reads back the facts of some kinds, and no steps; `None` only for bytes that [`Facts::freeze`] did not write.
    #[must_use]
    pub fn thaw_only(reader: &mut Reader<'_>, wanted: impl Fn(Kind) -> bool) -> Option<Facts> {
        let mut facts = Facts::new();
        for _ in 0..take_number(reader)? {
            let (kind, basis) = (take_kind(reader)?, take_basis(reader)?);
            if wanted(kind) {
                let evidence = Evidence::take(reader)?;
                facts.add(Fact { what: What::take(kind, reader)?, basis, evidence });
            } else {
                Evidence::skip(reader)?;
                What::skip(kind, reader)?;
            }
        }
        Some(facts)
    }

    /// Reads facts back; `None` only for bytes that [`Facts::freeze`] did not write.
    #[must_use]
    pub fn thaw(reader: &mut Reader<'_>) -> Option<Facts> {
        let count = take_number(reader)?;
        let mut facts = Facts::new();
        // A few more come when connections tell of each other.
        facts.expect(usize::try_from(count).unwrap_or(0).saturating_add(3), 0);
        for _ in 0..count {
            let (kind, basis) = (take_kind(reader)?, take_basis(reader)?);
            let evidence = Evidence::take(reader)?;
            facts.add(Fact { what: What::take(kind, reader)?, basis, evidence });
        }
        let steps = take_number(reader)?;
        facts.expect(0, usize::try_from(steps).unwrap_or(0));
        for _ in 0..steps {
            let word = take_number(reader)?;
            let message = *Message::ALL.get(usize::try_from(word >> 1).ok()?)?;
            let dir = if word & 1 == 0 { Dir::Client } else { Dir::Server };
            let at = Timestamp::take(reader)?;
            facts.step(dir, message, at, Evidence::take(reader)?);
        }
        facts.set_dropped(u32::try_from(take_number(reader)?).unwrap_or(u32::MAX));
        Some(facts)
    }
}

fn take_kind(reader: &mut Reader<'_>) -> Option<Kind> {
    Kind::ALL.get(usize::try_from(take_number(reader)?).ok()?).copied()
}

fn take_basis(reader: &mut Reader<'_>) -> Option<Basis> {
    Basis::ALL.get(usize::from(reader.u8().ok()?)).copied()
}

/// An unsigned number, seven bits an octet, lowest first.
pub(crate) fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        #[allow(clippy::cast_possible_truncation)]
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    #[allow(clippy::cast_possible_truncation)]
    out.push(n as u8);
}

/// The number [`put_number`] wrote.
pub(crate) fn take_number(reader: &mut Reader<'_>) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let b = reader.u8().ok()?;
        n |= u64::from(b & 0x7f) << shift;
        if b & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// The words the program itself uses as values. Frozen facts name them by position; the list lives as long as the process.
static WORDS: RwLock<Vec<&'static str>> = RwLock::new(Vec::new());

impl Freeze for &'static str {
    fn put(&self, out: &mut Vec<u8>) {
        let known = WORDS.read().ok().and_then(|words| words.iter().position(|w| w == self));
        let at = known.unwrap_or_else(|| {
            // A poisoned lock still holds a usable list: pushing to it cannot be left half done.
            let mut words = WORDS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            match words.iter().position(|w| w == self) {
                Some(at) => at,
                None => {
                    words.push(self);
                    words.len() - 1
                }
            }
        });
        put_number(out, at as u64);
    }

    fn take(reader: &mut Reader<'_>) -> Option<&'static str> {
        let at = usize::try_from(take_number(reader)?).ok()?;
        WORDS.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(at).copied()
    }
}

impl Freeze for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(reader: &mut Reader<'_>) -> Option<bool> {
        Some(reader.u8().ok()? != 0)
    }
}

impl Freeze for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, *self);
    }

    fn take(reader: &mut Reader<'_>) -> Option<u64> {
        take_number(reader)
    }
}

impl Freeze for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.nanos().to_be_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Option<Timestamp> {
        reader.array().ok().map(|b| Timestamp::from_nanos(i64::from_be_bytes(b)))
    }
}

impl Freeze for WireStr {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.as_bytes().len() as u64);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Option<WireStr> {
        let len = usize::try_from(take_number(reader)?).ok()?;
        reader.take(len).ok().map(WireStr::new)
    }

    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        let len = usize::try_from(take_number(reader)?).ok()?;
        reader.take(len).ok().map(drop)
    }
}

impl Freeze for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.len() as u64);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(reader: &mut Reader<'_>) -> Option<String> {
        let len = usize::try_from(take_number(reader)?).ok()?;
        String::from_utf8(reader.take(len).ok()?.to_vec()).ok()
    }

    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        let len = usize::try_from(take_number(reader)?).ok()?;
        reader.take(len).ok().map(drop)
    }
}

impl<const N: usize> Freeze for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(reader: &mut Reader<'_>) -> Option<[u8; N]> {
        reader.array().ok()
    }
}

impl<T: Freeze> Freeze for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<Box<T>> {
        T::take(reader).map(Box::new)
    }

    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        T::skip(reader)
    }
}

impl<T: Freeze> Freeze for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.len() as u64);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(reader: &mut Reader<'_>) -> Option<Vec<T>> {
        let len = usize::try_from(take_number(reader)?).ok()?;
        // Every item takes at least an octet, so a wrong length cannot ask for more memory than there are bytes.
        let mut list = Vec::with_capacity(len.min(reader.left()));
        for _ in 0..len {
            list.push(T::take(reader)?);
        }
        Some(list)
    }

    fn skip(reader: &mut Reader<'_>) -> Option<()> {
        (0..take_number(reader)?).try_for_each(|_| T::skip(reader))
    }
}

macro_rules! freeze_as_number {
    ($($type:ident($inner:ty);)*) => {$(
        impl Freeze for $type {
            fn put(&self, out: &mut Vec<u8>) {
                put_number(out, u64::from(self.0));
            }

            fn take(reader: &mut Reader<'_>) -> Option<$type> {
                <$inner>::try_from(take_number(reader)?).ok().map($type)
            }
        }
    )*};
}

freeze_as_number! { ProtocolVersion(u16); CipherSuite(u16); NamedGroup(u16); SignatureScheme(u16); SrtpProfile(u16); QuicVersion(u32); AlertDescription(u8); }

impl Freeze for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(reader: &mut Reader<'_>) -> Option<u8> {
        reader.u8().ok()
    }
}

impl Freeze for VersionName {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<VersionName> {
        ProtocolVersion::take(reader).map(VersionName)
    }
}

impl Freeze for Alert {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.dir == Dir::Server) << 1 | u8::from(self.fatal));
        self.description.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<Alert> {
        let bits = reader.u8().ok()?;
        let dir = if bits & 2 == 0 { Dir::Client } else { Dir::Server };
        Some(Alert { dir, fatal: bits & 1 == 1, description: AlertDescription::take(reader)? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{Frame, FrameNo, LinkType};

    #[test]
    fn facts_come_back_as_they_were_frozen() {
        let frame = Frame {
            number: FrameNo::FIRST.next(),
            at: Timestamp::from_nanos(7),
            bytes: b"x",
            wire_len: 1,
            link: LinkType(1),
            interface: 0,
        };
        let mut facts = Facts::new();
        facts.observe(What::TlsVersion(VersionName(ProtocolVersion::TLS1_3)), frame.evidence());
        facts.infer(What::TlsVersionProtocol("tls"), frame.evidence());
        facts.observe(What::TlsOfferedAlpn(vec!["h2".into(), WireStr::new(b"\xff")]), frame.evidence());
        facts.observe(What::TlsCertSha256(Box::new([7; 32])), frame.evidence());
        facts.observe(What::TlsAlerts(vec![Alert { dir: Dir::Server, fatal: true, description: AlertDescription(40) }]), frame.evidence());
        facts.step(Dir::Server, Message::ServerHello, frame.at, frame.evidence());
        let mut bytes = Vec::new();
        facts.freeze(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let thawed = Facts::thaw(&mut reader).unwrap();
        assert!(reader.is_empty());
        assert_eq!((thawed.list(), thawed.steps()), (facts.list(), facts.steps()));
        for fact in facts.list() {
            let kind = fact.what.kind();
            let only = Facts::thaw_only(&mut Reader::new(&bytes), |wanted| wanted == kind).unwrap();
            assert_eq!((only.list(), only.steps().len()), (std::slice::from_ref(fact), 0));
        }
    }
}
