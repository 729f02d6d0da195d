//! Whether the other side was who it said: from the certificate facts, at capture time (contract §2, Peer identity).

use super::grade::Identity;
use crate::base::{Kind, What};
use crate::flow::Connection;

/// The identity of a word that the chain's validation stated.
pub(super) fn of_word(word: &str) -> Option<Identity> {
    [Identity::Valid, Identity::Invalid, Identity::Private, Identity::Unverified, Identity::None, Identity::NotVisible]
        .into_iter()
        .find(|identity| identity.word() == word)
}

/// What the leaf alone says, where its chain was not validated: never `valid`.
pub(super) fn of(c: &Connection) -> Identity {
    let time = |kind| match c.facts.get(kind).map(|fact| &fact.what) {
        Some(What::TlsNotBefore(at) | What::TlsNotAfter(at)) => Some(*at),
        _ => None,
    };
    let early = time(Kind::TlsNotBefore).is_some_and(|from| c.start < from);
    let late = time(Kind::TlsNotAfter).is_some_and(|until| c.start > until);
    if early || late { Identity::Invalid } else { Identity::Unverified }
}
