//! Google's QUIC before the IETF's (versions Q0xx): recognised, and the name the client asked for read from its
//! "CHLO" message, which was sent in clear. Its own "QUIC crypto" handshake is not TLS.

use crate::base::{Dir, Facts, Kind, QuicVersion, Reader, What, Window, WireStr};

/// A datagram of Google's QUIC that says its version.
pub(super) struct Datagram<'a> {
    pub version: QuicVersion,
    /// What follows the header.
    pub payload: Window<'a>,
}

/// The public flag that a version follows, and the flag that the connection id has 8 octets.
const HAS_VERSION: u8 = 0x01;
const HAS_CONNECTION_ID: u8 = 0x08;
/// How far into a packet the first message can begin: packet number, hash, private flags, frame header.
const MOST_BEFORE_MESSAGE: usize = 48;
/// Tags a message may have.
const MOST_TAGS: u16 = 128;

/// Whether the handshake of a version is Google's "QUIC crypto" and not TLS.
pub(super) fn is_quic_crypto(version: QuicVersion) -> bool {
    version.is_google() && version.0.to_be_bytes().first() == Some(&b'Q')
}

/// Whether a client's datagram is one of the versions with a header of Google's own: Q024 to Q046.
pub(super) fn is_plausible_start(datagram: &[u8]) -> bool {
    header(datagram).is_some_and(|(_, at)| datagram.len() >= at + 13)
}

/// Reads a datagram that says its version.
pub(super) fn read<'a>(window: &Window<'a>) -> Option<Datagram<'a>> {
    let (version, at) = header(window.bytes)?;
    Some(Datagram { version, payload: window.from(at) })
}

/// Whose datagram it is: the client of Q046 writes a destination id only, the server a source id only; before, only a
/// client's message can be longer than a list of versions.
pub(super) fn sender(datagram: &[u8]) -> Option<Dir> {
    match (datagram.first()?, datagram.get(5)) {
        (0x80.., Some(0x05)) => Some(Dir::Server),
        (0x80.., _) => Some(Dir::Client),
        _ if memchr::memmem::find(datagram, b"CHLO").is_some() => Some(Dir::Client),
        _ => None,
    }
}

/// The version, and how long the header up to it (or to the connection ids) is.
fn header(datagram: &[u8]) -> Option<(QuicVersion, usize)> {
    let mut r = Reader::new(datagram);
    let flags = r.u8().ok()?;
    if flags & 0x80 != 0 {
        // Q046: the IETF's long header, with both lengths of connection ids in one octet, and no protection.
        let version = QuicVersion(r.u32().ok()?);
        let lengths = r.u8().ok()?;
        let known = version.is_google() && version.0.to_be_bytes() < *b"Q047" && matches!(lengths, 0x50 | 0x05 | 0x55);
        let ids = if lengths == 0x55 { 16 } else { 8 };
        return (known && flags & 0x40 != 0 && r.skip(ids).is_ok()).then_some((version, r.position()));
    }
    if flags & HAS_VERSION == 0 || flags & HAS_CONNECTION_ID == 0 {
        return None;
    }
    r.skip(8).ok()?;
    let version = QuicVersion(r.u32().ok()?);
    let plausible = version.is_google() && (*b"Q010"..=*b"Q046").contains(&version.0.to_be_bytes());
    plausible.then_some((version, r.position()))
}

/// States the server name in a "CHLO" message, where the message begins near the start of `data`.
pub(super) fn client_hello(data: &Window<'_>, facts: &mut Facts) {
    if facts.has(Kind::TlsServerName) {
        return;
    }
    let near = data.bytes.get(..data.bytes.len().min(MOST_BEFORE_MESSAGE)).unwrap_or_default();
    let Some(at) = memchr::memmem::find(near, b"CHLO") else { return };
    let message = data.from(at);
    if let Some(span) = tag(message.bytes, b"SNI\0")
        && let Some(name) = message.bytes.get(span.clone()).filter(|name| !name.is_empty())
    {
        facts.observe(What::TlsServerName(WireStr::new(name)), message.evidence(span));
    }
}

/// Where the value of a tag is in a message: four octets of type, the number of tags, then tags with the end of their
/// value, all little-endian, then the values.
fn tag(message: &[u8], wanted: &[u8; 4]) -> Option<std::ops::Range<usize>> {
    let mut r = Reader::new(message);
    r.skip(4).ok()?;
    let [low, high] = r.array().ok()?;
    r.skip(2).ok()?;
    let count = u16::from_le_bytes([low, high]);
    if count > MOST_TAGS {
        return None;
    }
    let values = r.position() + usize::from(count) * 8;
    let mut start = 0usize;
    for _ in 0..count {
        let name: [u8; 4] = r.array().ok()?;
        let end = usize::try_from(u32::from_le_bytes(r.array().ok()?)).ok()?;
        if name == *wanted {
            return (start <= end).then(|| values.saturating_add(start)..values.saturating_add(end));
        }
        start = end;
    }
    None
}
