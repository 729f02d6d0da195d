//! Whether bytes are TLS records (RFC 5246 §6.2, RFC 8446 §5.1), by content alone.

use super::ssl2;
use crate::base::{AlertDescription, Dir, ProtocolVersion, Reader, Window};
use crate::dissect::{FrameHeader, Probe};

/// Octets of a record's header.
pub(super) const HEADER: usize = 5;
/// The longest record: 2^14 and the most that TLS 1.2 lets protection add.
const MOST: usize = (1 << 14) + 2048;
/// `ServerHello` and `ClientHello` cannot be shorter: version, random, session id, suite, compression.
const SHORTEST_HELLO: usize = 38;
/// The shortest protected record: an octet and a MAC or tag of 8.
const SHORTEST_PROTECTED: usize = 9;
/// Octets of a record that are enough to see that they are random.
const SAMPLE: usize = 256;

/// Record content types.
pub(super) mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
    pub const HEARTBEAT: u8 = 24;
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: u8,
    pub version: ProtocolVersion,
    pub length: usize,
}

impl Header {
    /// The header at the start of `bytes`: `More` octets are needed, or it is not one.
    pub fn read(bytes: &[u8]) -> Result<Header, Probe> {
        let mut r = Reader::new(bytes);
        let kind = r.u8().map_err(|_| Probe::More)?;
        if !(content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT).contains(&kind) {
            return Err(Probe::No);
        }
        match r.rest() {
            [3, 0..=4, ..] | [3] | [] => {}
            _ => return Err(Probe::No),
        }
        let (Ok(version), Ok(length)) = (r.u16(), r.u16()) else { return Err(Probe::More) };
        let length = usize::from(length);
        // Only application data may be empty (RFC 5246 §6.2.1); older stacks send it so against BEAST.
        if length > MOST || length == 0 && kind != content::APPLICATION_DATA {
            return Err(Probe::No);
        }
        Ok(Header { kind, version: ProtocolVersion(version), length })
    }
}

/// How long the record is that begins with `bytes`, header included.
pub(super) fn frame_header(bytes: &[u8]) -> FrameHeader {
    match Header::read(bytes) {
        Ok(header) => u32::try_from(HEADER + header.length).map_or(FrameHeader::No, FrameHeader::Whole),
        Err(Probe::More) => FrameHeader::More,
        Err(_) => FrameHeader::No,
    }
}

/// Whether the first bytes of a direction are TLS or SSL.
pub(super) fn probe(window: &Window<'_>) -> Probe {
    match record(window.bytes) {
        Probe::No => ssl2::probe(window.bytes),
        told => told,
    }
}

/// Whether a `ClientHello` begins here, judged by everything its first 44 octets must hold: believed even after a preface that
/// nobody recognised.
pub(super) fn begins(window: &Window<'_>) -> bool {
    let Ok(header) = Header::read(window.bytes) else { return false };
    let mut r = Reader::new(window.bytes.get(HEADER..).unwrap_or_default());
    let (Ok(1), Ok(length), Ok([3, 0..=4])) = (r.u8(), r.u24(), r.array::<2>()) else { return false };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let fits = header.kind == content::HANDSHAKE && length.saturating_add(4) <= header.length && length > SHORTEST_HELLO;
    // After the random: a session id of at most 32 octets, then a list of suites of two octets each.
    let built = r.skip(32).is_ok() && r.vec8().is_ok_and(|id| id.len() <= 32) && r.u16().is_ok_and(|n| n > 0 && n % 2 == 0);
    fits && built
}

/// Who sends such first bytes.
pub(super) fn sender(window: &Window<'_>) -> Option<Dir> {
    match Header::read(window.bytes) {
        Ok(header) if header.kind == content::HANDSHAKE => match window.bytes.get(HEADER)? {
            1 | 16 => Some(Dir::Client),
            0 | 2 | 4 | 12 | 13 | 14 | 22 => Some(Dir::Server),
            _ => None,
        },
        Ok(_) => None,
        Err(_) => ssl2::sender(window.bytes),
    }
}

fn record(bytes: &[u8]) -> Probe {
    let header = match Header::read(bytes) {
        Ok(header) => header,
        Err(told) => return told,
    };
    let body = bytes.get(HEADER..).unwrap_or_default();
    match header.kind {
        content::CHANGE_CIPHER_SPEC => match (header.length, body.first()) {
            (1, Some(1)) => Probe::Yes,
            (1, None) => Probe::More,
            _ => Probe::No,
        },
        content::ALERT if header.length == 2 => match body {
            [1 | 2, description, ..] if AlertDescription(*description).name().is_some() => Probe::Yes,
            [1 | 2] | [] => Probe::More,
            _ => Probe::No,
        },
        content::HANDSHAKE => match handshake(body, header.length) {
            // Perhaps an encrypted message of a connection that began before the capture.
            Probe::No => protected(bytes, header),
            told => told,
        },
        content::HEARTBEAT => match followed(bytes, header) {
            Some(true) => Probe::Yes,
            Some(false) => Probe::No,
            None => Probe::More,
        },
        _ => protected(bytes, header),
    }
}

/// Whether a record of type handshake starts with a message in clear.
fn handshake(body: &[u8], record: usize) -> Probe {
    let mut r = Reader::new(body);
    let Ok(kind) = r.u8() else { return Probe::More };
    if !is_message_type(kind) {
        return Probe::No;
    }
    if record < 6 {
        // A hello in crumbs: nothing but the type can be checked.
        return if is_hello(kind) { Probe::Yes } else { Probe::No };
    }
    let Ok(length) = r.u24() else { return Probe::More };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if is_hello(kind) {
        if !(SHORTEST_HELLO..=1 << 17).contains(&length) {
            return Probe::No;
        }
        return match r.u8() {
            Ok(3 | 0x7f) => Probe::Yes,
            Ok(_) => Probe::No,
            Err(_) => Probe::More,
        };
    }
    // In the middle of a handshake: only a message that fills its record is proof enough.
    if length.saturating_add(4) == record { Probe::Yes } else { Probe::No }
}

/// Whether this may be a protected record: one that another follows, that ends where the bytes end, or that looks random.
fn protected(bytes: &[u8], header: Header) -> Probe {
    if header.length < SHORTEST_PROTECTED || header.version.0 == 0x0304 {
        return Probe::No;
    }
    match followed(bytes, header) {
        Some(true) => Probe::Yes,
        Some(false) => Probe::No,
        None => match bytes.get(HEADER..HEADER + SAMPLE) {
            Some(sample) if is_random(sample) => Probe::Yes,
            Some(_) => Probe::No,
            None => Probe::More,
        },
    }
}

/// Whether the bytes after a record are another's header, or end with it; `None` when they end inside it.
pub(super) fn followed(bytes: &[u8], header: Header) -> Option<bool> {
    let after = bytes.get(HEADER.saturating_add(header.length)..)?;
    match Header::read(after) {
        Ok(next) => Some(next.version == header.version),
        Err(Probe::More) => Some(true),
        Err(_) => Some(false),
    }
}

/// Whether bytes use so many values as random ones do: 162 different ones in 256 are expected, text has about 60.
pub(in crate::dissect) fn is_random(sample: &[u8]) -> bool {
    let mut seen = [0u64; 4];
    for &b in sample {
        if let Some(word) = seen.get_mut(usize::from(b >> 6)) {
            *word |= 1 << (b & 63);
        }
    }
    let different: u32 = seen.iter().map(|word| word.count_ones()).sum();
    usize::try_from(different).unwrap_or(0).saturating_mul(2) > sample.len()
}

/// The handshake types in use (IANA "TLS HandshakeType"), NPN's included.
pub(super) fn is_message_type(kind: u8) -> bool {
    matches!(kind, 0..=6 | 8 | 11..=16 | 20..=25 | 67)
}

fn is_hello(kind: u8) -> bool {
    matches!(kind, 1 | 2)
}

/// Whether a record of type handshake after a `ChangeCipherSpec` is a hello in clear all the same: TLS 1.3 sends a meaningless
/// one around a `HelloRetryRequest` (RFC 8446 appendix D.4). `None` when too few bytes are there.
pub(super) fn is_hello_record(body: &[u8], record: usize) -> Option<bool> {
    let mut r = Reader::new(body);
    if record < HEADER {
        return Some(false);
    }
    let (kind, length, major) = (r.u8().ok()?, r.u24().ok()?, r.u8().ok()?);
    Some(is_hello(kind) && usize::try_from(length).is_ok_and(|n| n.saturating_add(4) == record) && major == 3)
}

/// Whether a record of type handshake, on a side of which it is not known whether it encrypts yet, starts with a message in
/// clear. `None` when too few bytes are there.
pub(super) fn is_clear(body: &[u8], record: usize) -> Option<bool> {
    let mut r = Reader::new(body);
    let kind = r.u8().ok()?;
    if record < 4 {
        return Some(is_hello(kind));
    }
    let length = usize::try_from(r.u24().ok()?).ok()?;
    let fits = length.saturating_add(4) <= record || matches!(kind, 1 | 2 | 11 | 12) && length <= 1 << 17;
    Some(is_message_type(kind) && fits)
}
