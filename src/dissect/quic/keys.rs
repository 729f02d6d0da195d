//! Opening Initial packets (RFC 9001 §5): anyone who saw the client's first packet has their keys.

use std::cell::{Cell, OnceCell};

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic as hp};
use aws_lc_rs::hkdf::{self, KeyType, Prk, Salt};

use crate::base::{QuicVersion, Stitched, Window};

use super::packet::{ConnectionId, SAMPLE, SAMPLE_AFTER};
use super::version::{RetrySeal, Secret};

/// The keys of both directions, made from the destination connection id of the client's first Initial. Those of a direction are derived
/// when a packet of it comes: many a client is never answered.
pub(super) struct InitialKeys {
    pub version: QuicVersion,
    secret: Secret,
    origin: ConnectionId,
    client: OnceCell<Option<Box<Opener>>>,
    server: OnceCell<Option<Box<Opener>>>,
}

/// The side that protected a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// An opened packet: its number and its payload, each octet of which depends on all of the packet.
pub(super) struct Opened {
    pub number: u64,
    pub payload: Stitched,
}

thread_local! {
    /// Where a packet is opened. Kept for the next one, and not by each connection.
    static CLEAR: Cell<Vec<u8>> = Cell::default();
}

impl InitialKeys {
    /// Keys of a version that a client's first connection id makes.
    pub fn new(secret: Secret, version: QuicVersion, origin: ConnectionId) -> InitialKeys {
        InitialKeys { version, secret, origin, client: OnceCell::new(), server: OnceCell::new() }
    }

    /// Removes the protection of a whole packet that a side sent. `None` when it does not authenticate.
    pub fn open(&self, role: Role, packet: &Window<'_>, number_at: usize, largest: u64) -> Option<Opened> {
        let (cell, label): (_, &[u8]) = match role {
            Role::Client => (&self.client, b"client in"),
            Role::Server => (&self.server, b"server in"),
        };
        let opener = cell.get_or_init(|| Opener::derive(self.secret, self.origin, label).map(Box::new)).as_ref()?;
        let mut buffer = CLEAR.take();
        buffer.clear();
        buffer.extend_from_slice(packet.bytes);
        let opened = opener.open(&mut buffer, number_at, largest).map(|(number, clear)| {
            let mut payload = Stitched::new();
            payload.push_derived(clear, packet);
            Opened { number, payload }
        });
        CLEAR.set(buffer);
        opened
    }
}

/// The keys of one direction.
struct Opener {
    header: hp::HeaderProtectionKey,
    packet: LessSafeKey,
    iv: [u8; 12],
}

impl Opener {
    /// RFC 9001 §5.2; `None` only when the cryptographic library refuses.
    fn derive(Secret { salt, labels }: Secret, origin: ConnectionId, label: &[u8]) -> Option<Opener> {
        let initial = Salt::new(hkdf::HKDF_SHA256, salt).extract(origin.as_bytes());
        let mut secret = [0; 32];
        expand_label(&initial, label, &mut secret)?;
        let secret = Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let (mut key, mut iv, mut header) = ([0; 16], [0; 12], [0; 16]);
        expand_label(&secret, labels.key, &mut key)?;
        expand_label(&secret, labels.iv, &mut iv)?;
        expand_label(&secret, labels.header, &mut header)?;
        Some(Opener {
            header: hp::HeaderProtectionKey::new(&hp::AES_128, &header).ok()?,
            packet: LessSafeKey::new(UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            iv,
        })
    }

    /// Opens a packet in place; returns its number and its payload.
    fn open<'b>(&self, packet: &'b mut [u8], number_at: usize, largest: u64) -> Option<(u64, &'b [u8])> {
        let header_len = self.unmask(packet, number_at)?;
        let (header, payload) = packet.split_at_mut_checked(header_len)?;
        let number = expand_number(largest, header.get(number_at..)?);
        Some((number, self.decrypt(number, header, payload)?))
    }

    /// Removes header protection in place (RFC 9001 §5.4); returns the length of the header, packet number included.
    fn unmask(&self, packet: &mut [u8], number_at: usize) -> Option<usize> {
        let sample_at = number_at.checked_add(SAMPLE_AFTER)?;
        let mut sample = [0; SAMPLE];
        sample.copy_from_slice(packet.get(sample_at..sample_at.checked_add(SAMPLE)?)?);
        let (first, rest) = packet.split_first_mut()?;
        let number = rest.get_mut(number_at.checked_sub(1)?..sample_at.checked_sub(1)?)?;
        let [mask, masks @ ..] = self.header.new_mask(&sample).ok()?;
        *first ^= mask & 0x0f;
        let len = usize::from(*first & 3) + 1;
        number.iter_mut().zip(masks).take(len).for_each(|(b, m)| *b ^= m);
        Some(number_at + len)
    }

    /// Authenticates and decrypts the payload in place (RFC 9001 §5.3); returns it without the tag.
    fn decrypt<'b>(&self, number: u64, header: &[u8], payload: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut nonce = self.iv;
        nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(n, b)| *n ^= b);
        let plain = self.packet.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), payload).ok()?;
        Some(plain)
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand_label(secret: &Prk, label: &[u8], out: &mut [u8]) -> Option<()> {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let [high, low] = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_len = u8::try_from(label.len()).ok()?.checked_add(6)?;
    let info: [&[u8]; 4] = [&[high, low, label_len], b"tls13 ", label, &[0]];
    secret.expand(&info, Len(out.len())).ok()?.fill(out).ok()
}

/// The packet number from its truncated form (RFC 9000 §A.3), given the largest seen so far.
pub(super) fn expand_number(largest: u64, truncated: &[u8]) -> u64 {
    let bits = 8 * truncated.len().min(4);
    let value = truncated.iter().take(4).fold(0u64, |n, &b| n << 8 | u64::from(b));
    let (window, expected) = (1u64 << bits, largest.saturating_add(1));
    let candidate = (expected & !(window - 1)) | value;
    if candidate.saturating_add(window / 2) <= expected {
        candidate.saturating_add(window)
    } else if candidate > expected.saturating_add(window / 2) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// Whether a Retry packet (all of it) carries the tag that only someone who saw `origin` can make (RFC 9001 §5.8).
pub(super) fn is_genuine_retry(seal: &RetrySeal, origin: ConnectionId, packet: &[u8]) -> bool {
    let Some((body, tag)) = packet.len().checked_sub(16).and_then(|at| packet.split_at_checked(at)) else { return false };
    let Ok(key) = UnboundKey::new(&aead::AES_128_GCM, seal.key) else { return false };
    let id = origin.as_bytes();
    let mut pseudo = Vec::with_capacity(1 + id.len() + body.len());
    pseudo.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
    pseudo.extend_from_slice(id);
    pseudo.extend_from_slice(body);
    let mut sealed = [0; 16];
    sealed.copy_from_slice(tag);
    let nonce = Nonce::assume_unique_for_key(seal.nonce);
    LessSafeKey::new(key).open_in_place(nonce, Aad::from(pseudo.as_slice()), &mut sealed).is_ok()
}
