//! Records of TLS 1.2 and before, and of DTLS 1.2 and before, opened with the master secret (RFC 5246 §6.2.3, §6.3; RFC 7366; RFC 6101 §5.2.3).

use super::Opened;
use super::aead::AeadKey;
use super::budget::Budget;
use super::cbc::BlockKey;
use super::mac::MacKey;
use super::prf;
use super::suite::{AeadKind, Cipher, MacKind, Suite};
use crate::base::{Dir, ProtocolVersion, Sides};
use crate::dissect::keys::Secret;
use crate::dissect::tls::terms::Terms;
use rc4::{KeyInit as _, Rc4, StreamCipher as _, consts::U16};

/// The keys of one direction since its last `ChangeCipherSpec`.
pub(in crate::dissect) struct Key12 {
    protection: Protection,
    ssl3: bool,
}

enum Protection {
    Aead {
        key: AeadKey,
        kind: AeadKind,
        iv: Vec<u8>,
    },
    Block {
        key: BlockKey,
        mac: MacKey,
        mac_len: usize,
        encrypt_then_mac: bool,
        /// The initialisation vector of the next record where records have none of their own: until TLS 1.0.
        chain: Option<Chain>,
    },
    Rc4 {
        /// `None` once bytes are missing: the place in the key stream is lost.
        key: Option<Box<Rc4<U16>>>,
        mac: MacKey,
        mac_len: usize,
    },
    Null {
        /// `None` without a key: the content can be read all the same, though not verified.
        mac: Option<MacKey>,
        mac_len: usize,
    },
}

/// The last block of the record before; `None` when it is missing.
type Chain = Option<Vec<u8>>;

/// What stands outside of what a record protects.
#[derive(Clone, Copy, Debug)]
pub(in crate::dissect) struct Head<'a> {
    pub content: u8,
    pub version: [u8; 2],
    /// The connection id of DTLS (RFC 9146), which changes what is authenticated.
    pub cid: Option<&'a [u8]>,
}

impl Key12 {
    /// Derives the keys of a direction. Without a master secret only a suite that does not encrypt can be read.
    pub fn derive(dir: Dir, terms: &Terms, master: Option<&Secret>) -> Option<Key12> {
        let (suite, version) = (Suite::before_1_3(terms.cipher?)?, terms.version?);
        if terms.compressed {
            return None;
        }
        let ssl3 = version == ProtocolVersion::SSL3;
        let Some(master) = master else {
            let Cipher::Null(mac) = suite.cipher else { return None };
            return Some(Key12 { protection: Protection::Null { mac: None, mac_len: mac.len() }, ssl3 });
        };
        let chained = ssl3 || version == ProtocolVersion::TLS1_0;
        let (mac_len, key_len, iv_len) = match suite.cipher {
            Cipher::Aead(kind) => (0, kind.key_len(), if kind.explicit_nonce() == 0 { 12 } else { 4 }),
            Cipher::Block(kind, mac) => (mac.len(), kind.key_len(), if chained { kind.block_len() } else { 0 }),
            Cipher::Rc4 { key_len, mac } => (mac.len(), key_len, 0),
            Cipher::Null(mac) => (mac.len(), 0, 0),
        };
        let block = prf::key_block(terms, suite.hash, master, 2 * (mac_len + key_len + iv_len))?;
        let part = |before: usize, len: usize| {
            let at = 2 * before + if dir == Dir::Client { 0 } else { len };
            block.get(at..at + len)
        };
        let (mac_key, key, iv) = (part(0, mac_len)?, part(mac_len, key_len)?, part(mac_len + key_len, iv_len)?);
        let mac = |kind: MacKind| if ssl3 { MacKey::ssl3(kind, mac_key) } else { MacKey::hmac(kind, mac_key) };
        let protection = match suite.cipher {
            Cipher::Aead(kind) => Protection::Aead { key: AeadKey::new(kind, key)?, kind, iv: iv.to_vec() },
            Cipher::Block(kind, mac_kind) => Protection::Block {
                key: BlockKey::new(kind, key)?,
                mac: mac(mac_kind)?,
                mac_len,
                encrypt_then_mac: terms.encrypt_then_mac,
                chain: chained.then(|| Some(iv.to_vec())),
            },
            Cipher::Rc4 { mac: mac_kind, .. } => {
                Protection::Rc4 { key: Some(Box::new(Rc4::new_from_slice(key).ok()?)), mac: mac(mac_kind)?, mac_len }
            }
            Cipher::Null(mac_kind) => Protection::Null { mac: mac(mac_kind), mac_len },
        };
        Some(Key12 { protection, ssl3 })
    }

    /// Whether it opens without any secret.
    pub fn is_keyless(&self) -> bool {
        matches!(self.protection, Protection::Null { mac: None, .. })
    }

    /// Octets are missing: what continues from record to record is lost.
    pub fn interrupt(&mut self) {
        match &mut self.protection {
            Protection::Block { chain: Some(last), .. } => *last = None,
            Protection::Rc4 { key, .. } => *key = None,
            _ => {}
        }
    }

    /// Opens a record with the first of `numbers` that authenticates it; returns that number.
    pub fn open(
        &mut self,
        head: Head<'_>,
        fragment: &[u8],
        numbers: impl Iterator<Item = u64>,
        budget: &mut Budget,
        plain: &mut Vec<u8>,
    ) -> Option<u64> {
        let ssl3 = self.ssl3;
        let mut first = true;
        let mut affordable = move |budget: &mut Budget| std::mem::replace(&mut first, false) || budget.spend(fragment.len());
        match &mut self.protection {
            Protection::Aead { key, kind, iv } => {
                let (explicit, sealed) = fragment.split_at_checked(kind.explicit_nonce())?;
                let text_len = u16::try_from(sealed.len().checked_sub(kind.tag_len())?).ok()?;
                for number in numbers {
                    if !affordable(budget) {
                        return None;
                    }
                    let nonce = nonce(iv, explicit, number)?;
                    if key.open(&nonce, &additional(head, number, text_len), sealed, plain).is_some() {
                        return Some(number);
                    }
                }
                None
            }
            Protection::Block { key, mac, mac_len, encrypt_then_mac: true, chain } => {
                let (body, tag) = fragment.split_at_checked(fragment.len().checked_sub(*mac_len)?)?;
                let mut numbers = numbers;
                let genuine = numbers.find(|&number| affordable(budget) && mac.is_genuine(number, head.content, head.version, body, tag));
                key.decrypt(body, chain, plain)?;
                unpad(plain, ssl3)?;
                genuine
            }
            Protection::Block { key, mac, mac_len, encrypt_then_mac: false, chain } => {
                key.decrypt(fragment, chain, plain)?;
                unpad(plain, ssl3)?;
                authenticate(plain, mac, *mac_len, head, numbers, |_| affordable(budget))
            }
            Protection::Rc4 { key, mac, mac_len } => {
                plain.clear();
                plain.extend_from_slice(fragment);
                key.as_mut()?.apply_keystream(plain);
                authenticate(plain, mac, *mac_len, head, numbers, |_| affordable(budget))
            }
            Protection::Null { mac: Some(mac), mac_len } => {
                plain.clear();
                plain.extend_from_slice(fragment);
                authenticate(plain, mac, *mac_len, head, numbers, |_| affordable(budget))
            }
            Protection::Null { mac: None, mac_len } => {
                plain.clear();
                plain.extend_from_slice(fragment.get(..fragment.len().checked_sub(*mac_len)?)?);
                let mut numbers = numbers;
                numbers.next()
            }
        }
    }
}

/// Takes the MAC off the end; the first number that it is genuine for.
fn authenticate(
    plain: &mut Vec<u8>,
    mac: &MacKey,
    mac_len: usize,
    head: Head<'_>,
    mut numbers: impl Iterator<Item = u64>,
    mut affordable: impl FnMut(()) -> bool,
) -> Option<u64> {
    let at = plain.len().checked_sub(mac_len)?;
    let (text, tag) = plain.split_at_checked(at)?;
    let genuine = numbers.find(|&number| affordable(()) && mac.is_genuine(number, head.content, head.version, text, tag));
    plain.truncate(at);
    genuine
}

/// Takes padding off the end (RFC 5246 §6.2.3.2): in TLS every octet of it is its length, in SSL 3 only the last.
fn unpad(plain: &mut Vec<u8>, ssl3: bool) -> Option<()> {
    let &padding = plain.last()?;
    let at = plain.len().checked_sub(usize::from(padding) + 1)?;
    let sound = ssl3 || plain.get(at..)?.iter().all(|&b| b == padding);
    plain.truncate(at);
    sound.then_some(())
}

/// GCM and CCM: a salt and what the record carries (RFC 5288 §3); ChaCha20-Poly1305: the fixed part and the number (RFC 7905 §2).
fn nonce(iv: &[u8], explicit: &[u8], number: u64) -> Option<[u8; 12]> {
    if !explicit.is_empty() {
        return [iv, explicit].concat().try_into().ok();
    }
    let mut nonce: [u8; 12] = iv.try_into().ok()?;
    nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(n, b)| *n ^= b);
    Some(nonce)
}

/// What is authenticated beside the content: RFC 5246 §6.2.3.3; with a connection id RFC 9146 §5.3.
fn additional(head: Head<'_>, number: u64, text_len: u16) -> Vec<u8> {
    let (number, length) = (number.to_be_bytes(), text_len.to_be_bytes());
    match head.cid {
        None => [&number[..], &[head.content], &head.version, &length].concat(),
        Some(cid) => {
            let cid_len = u8::try_from(cid.len()).unwrap_or(u8::MAX);
            [&[0xff; 8][..], &[head.content, cid_len, head.content], &head.version, &number, cid, &length].concat()
        }
    }
}

/// Both directions of a TLS connection before TLS 1.3.
#[derive(Default)]
pub(in crate::dissect) struct Tls12 {
    sides: Sides<Side>,
}

#[derive(Default)]
struct Side {
    key: Option<Key12>,
    /// `ChangeCipherSpec` came; a key is looked for.
    changed: bool,
    /// The number of the record that is due.
    number: u64,
    /// How many records beyond it may be missing.
    slack: u64,
}

/// Octets of a record's header.
const HEADER: usize = 5;

impl Tls12 {
    /// A `ChangeCipherSpec`: other keys from here on, if they are known.
    pub fn change(&mut self, dir: Dir, terms: &Terms, master: Option<&Secret>) {
        *self.sides.of_mut(dir) = Side { key: Key12::derive(dir, terms, master), changed: true, ..Side::default() };
    }

    /// The master secret became known after a `ChangeCipherSpec`.
    pub fn catch_up(&mut self, dir: Dir, terms: &Terms, master: &Secret) {
        let side = self.sides.of_mut(dir);
        side.key = Key12::derive(dir, terms, Some(master));
        if let Some(key) = side.key.as_mut().filter(|_| side.slack > 0) {
            key.interrupt();
        }
    }

    pub fn has_key(&self, dir: Dir) -> bool {
        self.sides.of(dir).key.is_some()
    }

    /// Whether a key was due and not there.
    pub fn lacks_key(&self, dir: Dir) -> bool {
        let side = self.sides.of(dir);
        side.changed && side.key.is_none()
    }

    /// At most so many records are missing before the next one.
    pub fn missing(&mut self, dir: Dir, records: u64) {
        let side = self.sides.of_mut(dir);
        side.slack = side.slack.saturating_add(records);
        if let Some(key) = &mut side.key {
            key.interrupt();
        }
    }

    /// Opens a record: its header, and what it protects.
    pub fn open(&mut self, dir: Dir, record: &[u8], budget: &mut Budget) -> Option<Opened> {
        let side = self.sides.of_mut(dir);
        let (&[content, high, low, _, _], fragment) = record.split_first_chunk::<HEADER>()?;
        let head = Head { content, version: [high, low], cid: None };
        let mut plain = Vec::new();
        let numbers = side.number..=side.number.saturating_add(side.slack);
        match side.key.as_mut()?.open(head, fragment, numbers, budget, &mut plain) {
            Some(number) => {
                side.number = number.saturating_add(1);
                side.slack = 0;
                Some(Opened { content, plain, keyless: side.key.as_ref().is_some_and(Key12::is_keyless) })
            }
            None => {
                // It may be damaged: then it has taken its number all the same.
                side.slack = side.slack.saturating_add(1);
                None
            }
        }
    }
}
