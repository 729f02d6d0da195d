//! QUIC packet headers (RFC 8999, RFC 9000 §17): what can be read without any key.

use std::fmt;

use crate::base::{QuicVersion, Reader, Short, begins_with_text};

use super::version::{self, PacketType};

/// The longest connection id of any version we read (RFC 9000 §17.2).
const LONGEST_ID: usize = 20;
/// Octets of ciphertext that header protection samples, and where they begin after the packet number's offset (RFC 9001 §5.4.2).
pub(super) const SAMPLE: usize = 16;
/// The sample begins as if the packet number had four octets.
pub(super) const SAMPLE_AFTER: usize = 4;

/// A connection id (RFC 9000 §5.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    len: u8,
    bytes: [u8; LONGEST_ID],
}

impl ConnectionId {
    /// A connection id of these bytes, `None` when there are more than 20.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<ConnectionId> {
        let mut id = ConnectionId { len: u8::try_from(bytes.len()).ok()?, bytes: [0; LONGEST_ID] };
        id.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(id)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it has no bytes: such a side is addressed by its port alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn read(r: &mut Reader<'_>) -> Option<ConnectionId> {
        ConnectionId::new(r.vec8().ok()?)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// A long-header packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long<'a> {
    pub first: u8,
    pub version: QuicVersion,
    pub dcid: ConnectionId,
    pub scid: ConnectionId,
    pub body: Body<'a>,
}

/// What follows the connection ids.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// Initial, 0-RTT or Handshake: protected, with a length.
    Protected {
        kind: PacketType,
        /// Where the packet number begins.
        number_at: usize,
        /// Where the packet ends, clamped into the datagram.
        end: usize,
        /// Whether the capture (or a liar) cut the packet short.
        cut: bool,
    },
    /// Retry (RFC 9000 §17.2.5): the rest of the datagram.
    Retry(&'a [u8]),
    /// Version Negotiation (RFC 9000 §17.2.1): the supported versions, four octets each.
    Negotiation(&'a [u8]),
}

/// A packet, as far as it can be told without keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    Long(Long<'a>),
    /// Everything to the end of the datagram. The destination connection id has no length field: the receiver knows it.
    Short,
}

/// Octets that keep an address translation alive and say nothing are no more than these.
const LONGEST_KEEPALIVE: usize = 8;
/// The magic cookie of STUN (RFC 8489 §5), in its place.
const STUN: (std::ops::Range<usize>, [u8; 4]) = (4..8, [0x21, 0x12, 0xa4, 0x42]);

/// Whether a datagram beside QUIC is something else: QUIC sets the fixed bit in every packet but Version Negotiation (RFC 9000 §17.2
/// and §17.3.1), and what is multiplexed with it does not (RFC 9443 §3). Connectivity checks do not count: they carry no content.
pub(super) fn is_other(bytes: &[u8]) -> bool {
    let Some(&first) = bytes.first().filter(|first| *first & 0x40 == 0) else {
        // Nothing tells a short header from other octets, but what it protects is no text.
        return begins_with_text(bytes);
    };
    if bytes.len() <= LONGEST_KEEPALIVE || bytes.get(STUN.0) == Some(&STUN.1) {
        return false;
    }
    first & 0x80 == 0 || !has_a_known_version(bytes)
}

/// As [`is_other`], where the fixed bit may be anything (RFC 9287): what looks like RTP or RTCP, or is a record of DTLS.
pub(super) fn is_other_where_greased(bytes: &[u8]) -> bool {
    let is_dtls = matches!(bytes, [20..=63, 0xfe, 0xff | 0xfd | 0xfc, ..]);
    is_other(bytes) && (is_dtls || bytes.first().is_some_and(|first| first & 0x80 != 0))
}

/// Whether octets 1 to 4 of what would be a long header are a version of QUIC.
fn has_a_known_version(bytes: &[u8]) -> bool {
    let mut r = Reader::new(bytes);
    let version = r.skip(1).and_then(|()| r.u32()).map(QuicVersion);
    version.is_ok_and(|v| v == QuicVersion::NEGOTIATION || version::is_known(v) || version::is_reserved(v))
}

/// Reads the header of the packet that begins here; `None` when it is none that we know.
pub(super) fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let first = *bytes.first()?;
    if first & 0x80 == 0 {
        return Some(Packet::Short);
    }
    let mut r = Reader::new(bytes);
    r.skip(1).ok()?;
    let version = QuicVersion(r.u32().ok()?);
    let dcid = ConnectionId::read(&mut r)?;
    let scid = ConnectionId::read(&mut r)?;
    let body = match version {
        QuicVersion::NEGOTIATION => Body::Negotiation(versions_only(r.rest())?),
        _ => match version::packet_type(first, version) {
            PacketType::Retry => Body::Retry(r.rest()),
            kind => protected(&mut r, kind).ok()?,
        },
    };
    Some(Packet::Long(Long { first, version, dcid, scid, body }))
}

fn protected<'a>(r: &mut Reader<'a>, kind: PacketType) -> Result<Body<'a>, Short> {
    if kind == PacketType::Initial {
        let token = r.varint()?;
        r.skip(usize::try_from(token).unwrap_or(usize::MAX))?;
    }
    let length = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    let number_at = r.position();
    Ok(Body::Protected { kind, number_at, end: number_at + length.min(r.left()), cut: length > r.left() })
}

fn versions_only(list: &[u8]) -> Option<&[u8]> {
    (!list.is_empty() && list.len().is_multiple_of(4)).then_some(list)
}

/// The versions in a Version Negotiation packet.
pub(super) fn versions(list: &[u8]) -> impl Iterator<Item = QuicVersion> {
    list.as_chunks::<4>().0.iter().map(|&v| QuicVersion(u32::from_be_bytes(v)))
}

/// The destination connection id of a short-header packet, when it is `len` octets long (RFC 9000 §17.3.1); for
/// finding the connection of a datagram from an address not seen before. `None` for other datagrams.
#[must_use]
pub fn short_header_id(datagram: &[u8], len: usize) -> Option<&[u8]> {
    let (&first, rest) = datagram.split_first()?;
    // The sample must fit behind the connection id.
    (first & 0xc0 == 0x40 && rest.len() >= len.saturating_add(SAMPLE_AFTER + SAMPLE)).then(|| rest.get(..len)).flatten()
}

/// Whether a datagram is shaped like the beginning of a QUIC connection, or like a server's first answer: judged by the
/// structure alone, strictly, since anything on any port is asked.
pub(super) fn is_plausible_start(datagram: &[u8]) -> bool {
    let Some(Packet::Long(long)) = read(datagram) else { return false };
    if long.version == QuicVersion::NEGOTIATION {
        return is_plausible_negotiation(&long);
    }
    if long.first & 0x40 == 0 {
        return false;
    }
    let known = version::is_known(long.version);
    match long.body {
        Body::Retry(rest) => known && rest.len() >= 16 && !long.scid.is_empty() && rest.len() < 1500,
        Body::Negotiation(_) => false,
        Body::Protected { kind, number_at, end, cut } => {
            let room = end.saturating_sub(number_at);
            // What a client must send first (RFC 9000 §7.2, §14.1).
            let first = kind == PacketType::Initial && datagram.len() >= 1200 && long.dcid.as_bytes().len() >= 8;
            let rest = datagram.get(end..).unwrap_or_default();
            match (known, cut) {
                (true, true) => room > 0,
                (true, false) => room >= SAMPLE_AFTER + SAMPLE && (first || rest_is_quic(rest, &long)),
                (false, _) => first && !cut && rest_is_quic(rest, &long),
            }
        }
    }
}

/// After the first packet of a datagram come further packets to the same destination (RFC 9000 §12.2), or padding.
fn rest_is_quic(rest: &[u8], first: &Long<'_>) -> bool {
    if rest.iter().all(|&b| b == 0) {
        return true;
    }
    match read(rest) {
        Some(Packet::Long(next)) => next.version == first.version || version::is_known(next.version),
        Some(Packet::Short) => rest.get(1..).is_some_and(|r| r.starts_with(first.dcid.as_bytes())),
        None => false,
    }
}

/// A Version Negotiation packet names at least one version that exists, and only such as look like versions.
fn is_plausible_negotiation(long: &Long<'_>) -> bool {
    let Body::Negotiation(list) = long.body else { return false };
    let mut any = false;
    let all = list.len() <= 4 * 32
        && versions(list).all(|v| {
            let known = version::is_known(v);
            any |= known;
            known || version::is_reserved(v) || v.draft().is_some() || v.0 >> 16 != 0
        });
    all && any && (long.dcid.as_bytes().len() + long.scid.as_bytes().len()) >= 4
}
