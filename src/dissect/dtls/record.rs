//! DTLS record headers: RFC 6347 §4.1, RFC 9146 §4 (connection ids), RFC 9147 §4 (the unified header).

use crate::base::{Dir, ProtocolVersion, Reader};

/// Content types (RFC 5246 §6.2.1, RFC 9146 §4, RFC 9147 §4).
pub(super) mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
    pub const HEARTBEAT: u8 = 24;
    pub const TLS12_CID: u8 = 25;
    pub const ACK: u8 = 26;
}

/// The longest record: 2^14 and the most that DTLS 1.2 lets protection add.
const MOST: usize = (1 << 14) + 2048;
/// The version that OpenSSL before 0.9.8f, and Cisco's AnyConnect to this day, write for DTLS 1.0.
const BAD_VERSION: ProtocolVersion = ProtocolVersion(0x0100);

/// A record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub kind: Kind,
    /// Where its fragment begins.
    pub body: usize,
    /// Where it ends, clamped into the datagram.
    pub end: usize,
    /// Whether the capture cut it short.
    pub cut: bool,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Content type, version and epoch in clear.
    Plain { content: u8, version: ProtocolVersion, epoch: u16 },
    /// The encrypted records of DTLS 1.3: the low bits of the epoch.
    Unified { epoch_bits: u8 },
}

/// Reads the record that begins here. `cid_len` is the length of connection ids sent this way, where it is known.
pub(super) fn read(bytes: &[u8], cid_len: Option<usize>) -> Option<Record> {
    let first = *bytes.first()?;
    match first {
        content::CHANGE_CIPHER_SPEC..=content::ACK => plain(bytes, cid_len),
        _ if first & 0xe0 == 0x20 => unified(bytes, cid_len),
        _ => None,
    }
}

fn plain(bytes: &[u8], cid_len: Option<usize>) -> Option<Record> {
    let mut r = Reader::new(bytes);
    let content = r.u8().ok()?;
    let version = ProtocolVersion(r.u16().ok()?);
    let epoch = r.u16().ok()?;
    r.skip(6).ok()?;
    if !is_version(version) {
        return None;
    }
    let kind = Kind::Plain { content, version, epoch };
    if content == content::TLS12_CID {
        let Some(cid_len) = cid_len else {
            // Where the length stands is not known: taken for the last record.
            return Some(Record { kind, body: r.position(), end: bytes.len(), cut: false });
        };
        r.skip(cid_len).ok()?;
    }
    let length = usize::from(r.u16().ok()?);
    let body = r.position();
    (length <= MOST).then(|| Record { kind, body, end: body + length.min(r.left()), cut: length > r.left() })
}

/// The unified header: `001CSLEE`.
fn unified(bytes: &[u8], cid_len: Option<usize>) -> Option<Record> {
    let mut r = Reader::new(bytes);
    let flags = r.u8().ok()?;
    let kind = Kind::Unified { epoch_bits: flags & 3 };
    let has_cid = flags & 0x10 != 0;
    if has_cid && cid_len.is_none() {
        return Some(Record { kind, body: r.position(), end: bytes.len(), cut: false });
    }
    if has_cid {
        r.skip(cid_len.unwrap_or_default()).ok()?;
    }
    r.skip(if flags & 0x08 != 0 { 2 } else { 1 }).ok()?;
    let length = if flags & 0x04 != 0 { usize::from(r.u16().ok()?) } else { r.left() };
    let body = r.position();
    (length <= MOST).then(|| Record { kind, body, end: body + length.min(r.left()), cut: length > r.left() })
}

fn is_version(version: ProtocolVersion) -> bool {
    matches!(version, ProtocolVersion::DTLS1_0 | ProtocolVersion::DTLS1_2 | ProtocolVersion::DTLS1_3 | BAD_VERSION)
}

/// Octets of the header of a handshake message or fragment (RFC 6347 §4.2.2).
pub(super) const FRAGMENT_HEADER: usize = 12;

/// The header of a handshake fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub kind: u8,
    /// The length of the whole message.
    pub length: usize,
    pub sequence: u16,
    pub offset: usize,
    /// Where the fragment ends, header included.
    pub end: usize,
}

impl Fragment {
    /// Reads the fragment that begins here; `None` when it contradicts itself, or is not all there.
    pub fn read(bytes: &[u8]) -> Option<Fragment> {
        let mut r = Reader::new(bytes);
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let kind = r.u8().ok()?;
        let length = size(r.u24().ok()?);
        let sequence = r.u16().ok()?;
        let offset = size(r.u24().ok()?);
        let fragment = size(r.u24().ok()?);
        r.skip(fragment).ok()?;
        let fits = offset.saturating_add(fragment) <= length && (fragment > 0 || length == 0);
        (fits && is_message_type(kind)).then(|| Fragment { kind, length, sequence, offset, end: r.position() })
    }
}

/// The handshake messages of DTLS that can be in clear, and those that only a faulty peer sends so.
fn is_message_type(kind: u8) -> bool {
    matches!(kind, 0..=6 | 8 | 11..=16 | 20..=25)
}

/// Who sends a handshake message, where only one side can.
pub(super) fn sender(kind: u8) -> Option<Dir> {
    match kind {
        1 | 16 => Some(Dir::Client),
        0 | 2 | 3 | 4 | 6 | 12 | 13 | 14 => Some(Dir::Server),
        _ => None,
    }
}

/// Whether a datagram is DTLS: every octet of it must belong to a record that makes sense, since anything on any port is
/// asked, and connectivity checks and media share its ports (RFC 7983).
pub(super) fn is_dtls(datagram: &[u8]) -> bool {
    let mut at = 0;
    while at < datagram.len() {
        let rest = datagram.get(at..).unwrap_or_default();
        let Some(record) = read(rest, None) else { return false };
        let sound = match record.kind {
            Kind::Plain { content, epoch, .. } => {
                let body = rest.get(record.body..record.end).unwrap_or_default();
                // 48 bits of sequence number: none that is honest comes near 2^40.
                let calm = rest.get(5) == Some(&0);
                calm && is_sound(content, epoch, body, record.cut)
            }
            // Too little to go by, but for what follows a record that is sound.
            Kind::Unified { .. } => at > 0,
        };
        if !sound {
            return false;
        }
        at += record.end;
    }
    at > 0
}

fn is_sound(content: u8, epoch: u16, body: &[u8], cut: bool) -> bool {
    match (content, epoch) {
        (content::HANDSHAKE, 0) => cut || Fragment::read(body).is_some(),
        // In the version before DTLS 1.0 a message number follows.
        (content::CHANGE_CIPHER_SPEC, 0) => matches!(body, [1] | [1, _, _]),
        (content::ALERT, 0) => matches!(body, [1 | 2, _] | [1 | 2, _, ..] if body.len() <= 7),
        (content::ACK, 0) => body.len().is_multiple_of(16) || body.len() % 16 == 2,
        (_, 0) => false,
        // Protected: an explicit nonce or a MAC is there, and few renegotiate.
        (content::HANDSHAKE | content::ALERT | content::APPLICATION_DATA | content::HEARTBEAT | content::TLS12_CID, 1..=16) => {
            cut || body.len() >= 9
        }
        _ => false,
    }
}
