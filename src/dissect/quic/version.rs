//! What differs between versions of QUIC: the secrets of Initial packets (RFC 9001 §5.2, RFC 9369 §3.3.1, and the
//! drafts), the numbers of packet types (RFC 9369 §3.2), and the key of Retry packets (RFC 9001 §5.8).

use crate::base::QuicVersion;

/// Where the keys of Initial packets come from: HKDF-Extract of the client's first connection id with a salt, then labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secret {
    pub salt: &'static [u8; 20],
    pub labels: &'static Labels,
}

/// The labels of HKDF-Expand-Label for the keys of one direction.
#[derive(Debug)]
pub(super) struct Labels {
    pub key: &'static [u8],
    pub iv: &'static [u8],
    pub header: &'static [u8],
}

/// RFC 9001 §5.1, and all drafts and vendors.
const LABELS: &Labels = &Labels { key: b"quic key", iv: b"quic iv", header: b"quic hp" };
/// RFC 9369 §3.3.2.
const LABELS_2: &Labels = &Labels { key: b"quicv2 key", iv: b"quicv2 iv", header: b"quicv2 hp" };

const fn salted(salt: &'static [u8; 20]) -> Secret {
    Secret { salt, labels: LABELS }
}

/// RFC 9001 §5.2 (and drafts from -33).
const V1: Secret = salted(b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a");
/// RFC 9369 §3.3.1.
const V2: Secret = Secret { salt: b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9", labels: LABELS_2 };
/// draft-ietf-quic-tls-29 §5.2, until -32.
const DRAFT_29: Secret = salted(b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99");
/// draft-ietf-quic-tls-22 §5.2 (and -21).
const DRAFT_22: Secret = salted(b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a");
/// draft-ietf-quic-tls-23 §5.2, until -28.
const DRAFT_23: Secret = salted(b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02");
/// Google's Q050, T050 and T051 (Chromium's source).
const Q050: Secret = salted(b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45");
const T050: Secret = salted(b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10");
const T051: Secret = salted(b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d");

/// The secrets to try for a version, the likeliest first; empty where Initial packets are not protected.
///
/// A wrong guess costs one derivation and cannot mislead: authentication fails.
pub(super) fn secrets(version: QuicVersion) -> &'static [Secret] {
    match (version.0, version.draft()) {
        (1, _) => &[V1],
        (0x6b33_43cf, _) => &[V2],
        (_, Some(..=20)) => &[],
        (_, Some(21..=22)) | (0xface_b001, _) => &[DRAFT_22],
        (_, Some(23..=28)) | (0xface_b002, _) => &[DRAFT_23],
        (_, Some(29..=32)) => &[DRAFT_29],
        (_, Some(33..)) => &[V1],
        (0xface_b000..=0xface_bfff, _) => &[DRAFT_29, V1, DRAFT_23],
        (0x5130_3530, _) => &[Q050],
        (0x5430_3530, _) => &[T050],
        (0x5430_3531, _) => &[T051],
        _ if version.is_google() => &[],
        // A stranger's version is usually version 1 under another number.
        _ => &[V1],
    }
}

/// Whether the version is registered, a draft, or one that was met in the wild.
pub(super) fn is_known(version: QuicVersion) -> bool {
    matches!(version.0, 1 | 0x6b33_43cf | 0xface_b000..=0xface_b00f) || matches!(version.draft(), Some(22..=34)) || version.is_google()
}

/// Whether the version is one of those reserved to exercise version negotiation (RFC 9000 §15): `0x?a?a?a?a`.
pub(super) fn is_reserved(version: QuicVersion) -> bool {
    version.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// The types of long-header packets (RFC 9000 §17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketType {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}

/// Reads the two type bits of a long header: version 2 moved them by one (RFC 9369 §3.2).
pub(super) fn packet_type(first: u8, version: QuicVersion) -> PacketType {
    let bits = (first >> 4) & 3;
    let bits = if version == QuicVersion::V2 { bits.wrapping_sub(1) & 3 } else { bits };
    match bits {
        0 => PacketType::Initial,
        1 => PacketType::ZeroRtt,
        2 => PacketType::Handshake,
        _ => PacketType::Retry,
    }
}

/// The key and nonce that seal Retry packets.
pub(super) struct RetrySeal {
    pub key: &'static [u8; 16],
    pub nonce: [u8; 12],
}

/// How a Retry packet of a version proves that its sender saw the client's Initial.
pub(super) enum RetryProof {
    /// It ends in an integrity tag (RFC 9001 §5.8, RFC 9369 §3.3.3).
    Tag(RetrySeal),
    /// It repeats the client's first destination connection id (draft-ietf-quic-transport-24 §17.2.5 and before).
    OriginalId,
    /// Not known for this version.
    Unknown,
}

/// How Retry packets of a version are recognised as genuine.
pub(super) fn retry_proof(version: QuicVersion) -> RetryProof {
    let tag = |key, nonce| RetryProof::Tag(RetrySeal { key, nonce });
    match (version.0, version.draft()) {
        (1, _) | (_, Some(33..)) => {
            tag(b"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e", *b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb")
        }
        (0x6b33_43cf, _) => {
            tag(b"\x8f\xb4\xb0\x1b\x56\xac\x48\xe2\x60\xfb\xcb\xce\xad\x7c\xcc\x92", *b"\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a")
        }
        (_, Some(29..=32)) => {
            tag(b"\xcc\xce\x18\x7e\xd0\x9a\x09\xd0\x57\x28\x15\x5a\x6c\xb9\x6b\xe1", *b"\xe5\x49\x30\xf9\x7f\x21\x36\xf0\x53\x0a\x8c\x1c")
        }
        (_, Some(25..=28)) => {
            tag(b"\x4d\x32\xec\xdb\x2a\x21\x33\xc8\x41\xe4\x04\x3d\xf2\x7d\x44\x30", *b"\x4d\x16\x11\xd0\x55\x13\xa5\x52\xc5\x87\xd5\x75")
        }
        (_, Some(..=24)) => RetryProof::OriginalId,
        _ => RetryProof::Unknown,
    }
}
