//! The keys of one connection: looked up by its client random, again when more keys came.

use std::sync::Arc;

use super::{KeyId, Keys, Lack, Session, Usage};
use crate::base::{Evidence, Facts, What};

/// Sessions that are tried at most for a hello whose true random is encrypted.
const MOST_TRIED: usize = 4096;

/// The search for the keys of one connection, and what came of it.
#[derive(Debug)]
pub(in crate::dissect) struct Lookup {
    keys: Arc<Keys>,
    usage: Arc<Usage>,
    /// The random last looked for, and the generation of keys that was looked through.
    looked: Option<([u8; 32], u64)>,
    found: Option<Arc<Session>>,
    /// Where the random of a hello is not the one that its keys are filed under: the former, and the latter.
    adopted: Option<([u8; 32], [u8; 32])>,
    /// Every key that belonged to the connection: after a renegotiation it is another one.
    matched: Vec<KeyId>,
    /// Something was opened.
    pub opened: bool,
}

impl Lookup {
    pub fn new(keys: &Arc<Keys>, usage: &Arc<Usage>) -> Lookup {
        Lookup {
            keys: Arc::clone(keys),
            usage: Arc::clone(usage),
            looked: None,
            found: None,
            adopted: None,
            matched: Vec::new(),
            opened: false,
        }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The secrets filed under a random.
    pub fn session(&mut self, random: Option<[u8; 32]>) -> Option<&Arc<Session>> {
        let random = random?;
        let now = (random, self.keys.generation());
        // Also what was found: the secrets of a session are logged one by one, while it goes on.
        if self.looked != Some(now) {
            self.looked = Some(now);
            let filed = self.adopted.filter(|(outer, _)| *outer == random).map_or(random, |(_, inner)| inner);
            self.found = self.keys.session(&filed);
            if self.found.is_some() {
                self.matches(KeyId::Random(filed));
            }
        }
        self.found.as_ref()
    }

    /// Sessions that may be that of a hello whose true random is encrypted.
    pub fn candidates(&self) -> Vec<([u8; 32], Arc<Session>)> {
        self.keys.sessions_1_3(MOST_TRIED)
    }

    /// Takes the session that turned out to be the one behind an outer hello with the random `outer`.
    pub fn adopt(&mut self, outer: [u8; 32], random: [u8; 32], session: Arc<Session>) {
        self.looked = Some((outer, self.keys.generation()));
        self.found = Some(session);
        self.adopted = Some((outer, random));
        self.matches(KeyId::Random(random));
    }

    /// Whether the keys are filed under another random than that of the hello that everybody can read.
    pub fn is_of_another(&self, outer: [u8; 32]) -> bool {
        self.found.is_some() && matches!(self.matched.first(), Some(&KeyId::Random(random)) if random != outer)
    }

    /// A key belongs to this connection.
    pub fn matches(&mut self, key: KeyId) {
        if !self.matched.contains(&key) {
            self.matched.push(key);
        }
    }

    /// The connection is over: tells what became of its keys. `lack` is what it lacked, if anything was encrypted and not opened.
    pub fn close(&self, lack: Option<Lack>, evidence: Option<Evidence>, facts: &mut Facts) {
        match self.matched.first() {
            Some(_) => self.matched.iter().for_each(|&key| self.usage.with(key)),
            None if lack.is_none() => return,
            None => {}
        }
        if let Some(lack) = lack {
            self.usage.without(lack);
        }
        if let Some(evidence) = evidence.filter(|_| self.keys.are_expected()) {
            facts.infer(What::Keys(lack.map_or("matched", Lack::word)), evidence);
        }
    }
}
