//! What became of the keys: how many there were, how many belonged to a connection, and what connections lacked.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Why a connection was not opened, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// No `ClientHello` was seen: its random says which keys belong to a connection.
    Hello,
    /// No key has its client random.
    Key,
    /// A key has its client random, but a secret of the kind that it needs is missing.
    Secret,
    /// Its cipher suite or version is one that cannot be opened here.
    Suite,
    /// There are keys, but nothing opened with them: they are of another connection, or the bytes are not those that were sent.
    Opened,
}

impl Lack {
    /// One word for the fact.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Lack::Hello => "no-hello",
            Lack::Key => "no-key",
            Lack::Secret => "secret-missing",
            Lack::Suite => "suite-not-supported",
            Lack::Opened => "not-opened",
        }
    }

    /// The reason, after "because".
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Lack::Hello => "the ClientHello is not in the capture",
            Lack::Key => "no key has its client random",
            Lack::Secret => "the key log lacks the secret that opens it",
            Lack::Suite => "its cipher suite cannot be opened",
            Lack::Opened => "the key did not open it",
        }
    }
}

/// Which of the keys; public values all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::dissect) enum KeyId {
    /// The one filed under this client random.
    Random([u8; 32]),
    /// The one filed under the first octets of an encrypted pre-master secret.
    Rsa([u8; 8]),
    /// The private key of a server, by its place in the list.
    Server(usize),
}

/// What became of the keys in one capture.
#[derive(Debug, Default)]
pub struct Usage(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    matched: HashSet<KeyId>,
    without: BTreeMap<Lack, u64>,
}

/// The same, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Keys there were: client randoms with at least one secret, and private keys of servers.
    pub loaded: u64,
    /// Of these, how many belong to a connection of the capture.
    pub matched: u64,
    /// Encrypted connections without keys, or not opened, and why.
    pub without: Vec<(Lack, u64)>,
    /// Lines of key logs that were not understood.
    pub not_understood: u64,
}

impl Usage {
    /// A connection that was opened with a key.
    pub(in crate::dissect) fn with(&self, key: KeyId) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.matched.insert(key);
    }

    /// A connection that was not opened.
    pub(in crate::dissect) fn without(&self, lack: Lack) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *noted.without.entry(lack).or_default() += 1;
    }

    /// The numbers, beside those of the keys themselves.
    pub(super) fn counts(&self, loaded: u64, not_understood: u64) -> KeyCounts {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        KeyCounts {
            loaded,
            matched: noted.matched.len() as u64,
            without: noted.without.iter().map(|(&lack, &n)| (lack, n)).collect(),
            not_understood,
        }
    }
}

impl KeyCounts {
    /// The first line for people, where keys opened anything: what follows is more than a listener sees.
    #[must_use]
    pub fn notice(&self) -> Option<&'static str> {
        let used = "Keys were used: some of what follows is more than a listener on the path could see.";
        (self.matched > 0).then_some(used)
    }

    /// `12 keys loaded, 0 matched, because …`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        let mut text = format!("{} key{} loaded, {} matched", self.loaded, plural(self.loaded), self.matched);
        let lacking: u64 = self.without.iter().map(|(_, n)| n).sum();
        match (self.matched, lacking) {
            (0, 0) => text.push_str(", because no encrypted connection with TLS, DTLS or QUIC is in the capture"),
            (_, 0) => {}
            (matched, _) => {
                let reasons: Vec<String> = self.without.iter().map(|(lack, n)| format!("{n}: {}", lack.sentence())).collect();
                let begin = if matched == 0 { ", because of" } else { ";" };
                text.push_str(&format!("{begin} {lacking} encrypted connection{} not opened ({})", plural(lacking), reasons.join("; ")));
            }
        }
        if self.not_understood > 0 {
            text.push_str(&format!("; {} line{} of the key log not understood", self.not_understood, plural(self.not_understood)));
        }
        text
    }
}
