//! Packets that secrets protect: Handshake, 0-RTT and 1-RTT (RFC 9001 §5, §6; RFC 9369 §3.3).

use std::sync::Arc;

use aws_lc_rs::aead::quic as hp;

use super::keys::expand_number;
use super::packet::{SAMPLE, SAMPLE_AFTER};
use crate::base::QuicVersion;
use crate::dissect::keys::Secret;
use crate::dissect::tls::opening::{AeadKind, RecordKey, Suite13, expand_label, next_secret};

/// What stands before each label of TLS 1.3.
const PREFIX: &[u8] = b"tls13 ";
/// Key updates looked ahead, and kept behind for packets that come late.
const MOST_AHEAD: u32 = 4;
/// The key phase bit of a short header (RFC 9000 §17.3.1).
const KEY_PHASE: u8 = 0x04;

/// The labels of a version (RFC 9001 §5.1, RFC 9369 §3.3.2).
struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
    update: &'static [u8],
}

fn labels(version: QuicVersion) -> Labels {
    if version == QuicVersion::V2 {
        Labels { key: b"quicv2 key", iv: b"quicv2 iv", header: b"quicv2 hp", update: b"quicv2 ku" }
    } else {
        Labels { key: b"quic key", iv: b"quic iv", header: b"quic hp", update: b"quic ku" }
    }
}

/// The keys of one side for one kind of packet.
pub(super) struct PacketKeys {
    suite: Suite13,
    version: QuicVersion,
    header: hp::HeaderProtectionKey,
    /// The generations of keys, the newest last: more than one only in 1-RTT packets (RFC 9001 §6).
    generations: Vec<Generation>,
    /// The highest packet number that opened.
    largest: u64,
}

/// The keys between two key updates.
struct Generation {
    /// How many updates came before.
    number: u32,
    secret: Arc<Secret>,
    key: RecordKey,
}

impl PacketKeys {
    /// Derives the keys; `None` when the secret is not one of this suite.
    pub fn derive(suite: Suite13, version: QuicVersion, secret: &Arc<Secret>) -> Option<PacketKeys> {
        let labels = labels(version);
        let algorithm = match suite.aead {
            AeadKind::Aes128Gcm | AeadKind::Aes128Ccm => &hp::AES_128,
            AeadKind::Aes256Gcm => &hp::AES_256,
            AeadKind::ChaCha20Poly1305 => &hp::CHACHA20,
            // QUIC leaves it out (RFC 9001 §5.3).
            _ => return None,
        };
        let header = expand_label(suite.hash, secret, PREFIX, labels.header, algorithm.key_len())?;
        let header = hp::HeaderProtectionKey::new(algorithm, &header).ok()?;
        let first = Generation::new(suite, &labels, 0, Arc::clone(secret))?;
        Some(PacketKeys { suite, version, header, generations: vec![first], largest: 0 })
    }

    /// The version they are those of.
    pub fn version(&self) -> QuicVersion {
        self.version
    }

    /// The number and the payload of a packet whose number begins at `number_at`. `None` when it does not authenticate.
    pub fn open(&mut self, packet: &[u8], number_at: usize) -> Option<(u64, Vec<u8>)> {
        let sample_at = number_at.checked_add(SAMPLE_AFTER)?;
        let sample = packet.get(sample_at..sample_at.checked_add(SAMPLE)?)?;
        let [mask, masks @ ..] = self.header.new_mask(sample).ok()?;
        let &first = packet.first()?;
        let is_long = first & 0x80 != 0;
        let first = first ^ mask & if is_long { 0x0f } else { 0x1f };
        let number_len = usize::from(first & 3) + 1;
        let (header, sealed) = packet.split_at_checked(number_at.checked_add(number_len)?)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first;
        header.get_mut(number_at..)?.iter_mut().zip(masks).for_each(|(b, m)| *b ^= m);
        let number = expand_number(self.largest, header.get(number_at..)?);
        let mut payload = Vec::new();
        if is_long {
            self.generations.last()?.key.open(number, &header, sealed, &mut payload)?;
        } else {
            self.open_in_phase(first & KEY_PHASE != 0, number, &header, sealed, &mut payload)?;
        }
        self.largest = self.largest.max(number);
        Some((number, payload))
    }

    /// The key phase bit says whether the number of key updates is odd (RFC 9001 §6).
    fn open_in_phase(&mut self, odd: bool, number: u64, header: &[u8], sealed: &[u8], payload: &mut Vec<u8>) -> Option<()> {
        let fits = |generation: &&Generation| (generation.number % 2 == 1) == odd;
        let opens = |generation: &Generation| generation.key.open(number, header, sealed, payload).is_some();
        if self.generations.iter().rev().filter(fits).any(opens) {
            return Some(());
        }
        // An update, or several of which no packet was captured.
        let labels = labels(self.version);
        let mut ahead: Vec<Generation> = Vec::new();
        for _ in 0..MOST_AHEAD {
            let last = ahead.last().or(self.generations.last())?;
            let secret = next_secret(self.suite.hash, &last.secret, PREFIX, labels.update)?;
            let next = Generation::new(self.suite, &labels, last.number.saturating_add(1), Arc::new(secret))?;
            let opened = fits(&&next) && next.key.open(number, header, sealed, payload).is_some();
            ahead.push(next);
            if opened {
                self.generations.append(&mut ahead);
                let old = self.generations.len().saturating_sub(MOST_AHEAD as usize);
                self.generations.drain(..old);
                return Some(());
            }
        }
        None
    }
}

impl Generation {
    fn new(suite: Suite13, labels: &Labels, number: u32, secret: Arc<Secret>) -> Option<Generation> {
        let key = RecordKey::labelled(suite, &secret, PREFIX, labels.key, labels.iv)?;
        Some(Generation { number, secret, key })
    }
}
