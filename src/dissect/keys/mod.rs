//! Keys of the user's own TLS sessions: read from NSS key logs and Decryption Secrets Blocks, found again by client random.
//!
//! Nothing here is ever written out: secrets have no `Debug` and no `Display`, and are wiped from memory. What may be told is how many keys
//! there are, and how many of them belonged to a connection.

mod log;
mod lookup;
mod secret;
mod server;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod usage;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub(in crate::dissect) use lookup::Lookup;
pub use secret::Secret;
pub use server::KeyError;
pub(in crate::dissect) use usage::KeyId;
pub use usage::{KeyCounts, Lack, Usage};

use crate::base::{Dir, Sides};

use log::{Label, Line};
use server::ServerKey;

/// The type of a Decryption Secrets Block that holds a TLS key log: `TLSK` (draft-ietf-opsawg-pcapng §4.7).
pub const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Keys kept at most; a browser logs some hundreds an hour.
const MOST: usize = 1 << 20;

/// The keys at hand. Shared by all that read a capture; more may be added while it is read.
#[derive(Default)]
pub struct Keys {
    filed: RwLock<Filed>,
    servers: Vec<Arc<ServerKey>>,
    /// A key log was given, or may come: also one that is empty so far.
    expected: AtomicBool,
    /// Changes when keys are added, so that who looked in vain knows when to look again.
    generation: AtomicU64,
}

#[derive(Clone, Default)]
struct Filed {
    sessions: HashMap<[u8; 32], Arc<Session>>,
    /// By the first octets of the encrypted pre-master secret.
    rsa: HashMap<[u8; 8], Arc<Secret>>,
    not_understood: u64,
    left_out: u64,
}

/// The secrets of one connection, as far as they were logged.
#[derive(Clone, Default)]
pub struct Session {
    /// The master secret of TLS 1.2 and before.
    pub(in crate::dissect) master: Option<Arc<Secret>>,
    pub(in crate::dissect) pre_master: Option<Arc<Secret>>,
    pub(in crate::dissect) early: Option<Arc<Secret>>,
    pub(in crate::dissect) handshake: Sides<Option<Arc<Secret>>>,
    /// By the number of key updates before it, ascending.
    traffic: Sides<Vec<(u32, Arc<Secret>)>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.loaded())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Keys {
    /// Reads a key log, or the part that was added to it. Lines that are not understood are counted.
    pub fn add_log(&self, text: &[u8]) {
        let mut filed = self.filed.write().unwrap_or_else(PoisonError::into_inner);
        for line in log::lines(text) {
            filed.add(line);
        }
        drop(filed);
        self.expect();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A key log is named: what it does not open is told to lack a key, also while it holds none. A running capture cannot know which keys will
    /// come, and says of a connection that is over what its file says later.
    pub fn expect(&self) {
        self.expected.store(true, Ordering::Relaxed);
    }

    /// Whether there are keys, or a key log was named.
    #[must_use]
    pub fn are_expected(&self) -> bool {
        self.expected.load(Ordering::Relaxed) || !self.is_empty()
    }

    /// The same keys, to which others may be added.
    #[must_use]
    pub fn branch(&self) -> Keys {
        let filed = self.filed.read().unwrap_or_else(PoisonError::into_inner).clone();
        let expected = AtomicBool::new(self.expected.load(Ordering::Relaxed));
        Keys { filed: RwLock::new(filed), servers: self.servers.clone(), expected, generation: AtomicU64::new(0) }
    }

    /// Takes the private key of a server.
    ///
    /// # Errors
    /// When the file holds none that helps.
    pub fn add_server_key(&mut self, pem: &[u8]) -> Result<(), KeyError> {
        self.servers.push(Arc::new(ServerKey::from_pem(pem)?));
        Ok(())
    }

    /// How many keys there are.
    #[must_use]
    pub fn loaded(&self) -> u64 {
        let filed = self.filed.read().unwrap_or_else(PoisonError::into_inner);
        (filed.sessions.len() + filed.rsa.len() + self.servers.len()) as u64
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.loaded() == 0
    }

    /// What became of them in the capture that `usage` was noted in.
    #[must_use]
    pub fn counts(&self, usage: &Usage) -> KeyCounts {
        let filed = self.filed.read().unwrap_or_else(PoisonError::into_inner);
        let not_understood = filed.not_understood;
        drop(filed);
        usage.counts(self.loaded(), not_understood)
    }

    /// A number that changes when keys are added.
    pub(in crate::dissect) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The secrets filed under a client random.
    pub(in crate::dissect) fn session(&self, random: &[u8; 32]) -> Option<Arc<Session>> {
        self.filed.read().unwrap_or_else(PoisonError::into_inner).sessions.get(random).cloned()
    }

    /// Sessions of TLS 1.3 that may be that of a hello whose true random is encrypted (RFC 9849 §6.1), ascending by random; at most `most`.
    pub(in crate::dissect) fn sessions_1_3(&self, most: usize) -> Vec<([u8; 32], Arc<Session>)> {
        let filed = self.filed.read().unwrap_or_else(PoisonError::into_inner);
        let is_1_3 = |session: &Session| session.handshake.server.is_some() || !session.traffic.server.is_empty();
        let mut found: Vec<_> = filed.sessions.iter().filter(|(_, s)| is_1_3(s)).map(|(random, s)| (*random, Arc::clone(s))).collect();
        // Whatever the order of the table, the same ones are tried.
        found.sort_unstable_by_key(|&(random, _)| random);
        found.truncate(most);
        found
    }

    /// Whether pre-master secrets of RSA key exchanges can be known.
    pub(in crate::dissect) fn has_rsa(&self) -> bool {
        !self.servers.is_empty() || !self.filed.read().unwrap_or_else(PoisonError::into_inner).rsa.is_empty()
    }

    /// The pre-master secret that a client encrypted to its server's key, and the key that gave it.
    pub(in crate::dissect) fn pre_master(&self, encrypted: &[u8]) -> Option<(KeyId, Arc<Secret>)> {
        let &begin = encrypted.first_chunk::<8>()?;
        if let Some(secret) = self.filed.read().unwrap_or_else(PoisonError::into_inner).rsa.get(&begin) {
            return Some((KeyId::Rsa(begin), Arc::clone(secret)));
        }
        self.servers.iter().enumerate().find_map(|(at, key)| Some((KeyId::Server(at), Arc::new(key.pre_master(encrypted)?))))
    }
}

impl Filed {
    fn add(&mut self, line: Line) {
        match line {
            Line::Of(random, label, secret) => {
                if !self.sessions.contains_key(&random) && self.sessions.len() >= MOST {
                    self.left_out = self.left_out.saturating_add(1);
                    return;
                }
                let session = Arc::make_mut(self.sessions.entry(random).or_default());
                session.add(label, secret);
            }
            Line::Rsa(begin, secret) if self.rsa.len() < MOST => {
                self.rsa.entry(begin).or_insert_with(|| Arc::new(secret));
            }
            Line::Rsa(..) => self.left_out = self.left_out.saturating_add(1),
            Line::Unknown => self.not_understood = self.not_understood.saturating_add(1),
            Line::Other | Line::Empty => {}
        }
    }
}

impl Session {
    /// Takes a secret; of two with one label the first stays.
    fn add(&mut self, label: Label, secret: Secret) {
        let secret = Arc::new(secret);
        match label {
            Label::Master => first(&mut self.master, secret),
            Label::PreMaster => first(&mut self.pre_master, secret),
            Label::Early => first(&mut self.early, secret),
            Label::Handshake(dir) => first(self.handshake.of_mut(dir), secret),
            Label::Traffic(dir, n) => {
                let list = self.traffic.of_mut(dir);
                if let Err(at) = list.binary_search_by_key(&n, |&(n, _)| n) {
                    list.insert(at, (n, secret));
                }
            }
        }
    }

    /// Whether there is a secret that opens records of TLS 1.3, or of the versions before.
    pub(in crate::dissect) fn has_any(&self, is_1_3: bool) -> bool {
        let Sides { client, server } = &self.traffic;
        let of_1_3 = self.handshake.client.is_some() || self.handshake.server.is_some() || !client.is_empty() || !server.is_empty();
        if is_1_3 { of_1_3 } else { self.master.is_some() || self.pre_master.is_some() }
    }

    /// Whether the secrets that open application data of a side are there.
    pub(in crate::dissect) fn is_ready(&self, dir: Dir, is_1_3: bool) -> bool {
        if is_1_3 { !self.traffic.of(dir).is_empty() } else { self.has_any(false) }
    }

    /// The traffic secret after `n` key updates, where it was logged.
    pub(in crate::dissect) fn traffic(&self, dir: Dir, n: u32) -> Option<&Arc<Secret>> {
        let list = self.traffic.of(dir);
        list.binary_search_by_key(&n, |&(n, _)| n).ok().and_then(|at| list.get(at)).map(|(_, secret)| secret)
    }
}

fn first(slot: &mut Option<Arc<Secret>>, secret: Arc<Secret>) {
    slot.get_or_insert(secret);
}
