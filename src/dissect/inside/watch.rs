//! Takes what becomes readable of each connection, looks into it, and keeps what was found.

use std::sync::{Arc, Mutex, PoisonError};

use super::eye::Quest;
use super::found::Found;
use super::stream::{Inside, Medium};
use crate::base::{Dir, Window};
use crate::dissect::plain::{Books, Channel, Identity, PlainSink, Sinks};

/// What was found in one connection.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Which connection.
    pub identity: Identity,
    /// What was found.
    pub found: Found,
    /// What of its encrypted records was opened.
    pub books: Books,
}

/// Gathers what is found in all connections.
#[derive(Clone, Debug, Default)]
pub struct Gathered(Arc<Mutex<Vec<Watched>>>);

impl Gathered {
    /// Makes those who look into each connection for a phrase.
    #[must_use]
    pub fn sinks(&self, quest: Quest) -> Sinks {
        let (all, quest) = (Arc::clone(&self.0), Arc::new(quest));
        Arc::new(move |identity| {
            Box::new(Watch { identity: *identity, inside: Some(Inside::new(Arc::clone(&quest))), all: Arc::clone(&all) })
        })
    }

    /// Makes those who look into one connection, and let all others pass.
    #[must_use]
    pub fn sinks_of(&self, quest: Quest, wanted: Identity) -> Sinks {
        let (all, quest) = (Arc::clone(&self.0), Arc::new(quest));
        Arc::new(move |identity| {
            let inside = (*identity == wanted).then(|| Inside::new(Arc::clone(&quest)));
            Box::new(Watch { identity: *identity, inside, all: Arc::clone(&all) })
        })
    }

    /// What was found so far, by the first frame of the connection.
    #[must_use]
    pub fn take(&self) -> Vec<Watched> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.sort_by_key(|watched| watched.identity.first_frame);
        all
    }
}

/// Looks into one connection.
struct Watch {
    identity: Identity,
    inside: Option<Inside>,
    all: Arc<Mutex<Vec<Watched>>>,
}

fn medium(channel: Channel) -> Medium {
    match channel {
        Channel::Tcp | Channel::Tls(_) => Medium::Stream,
        Channel::Udp | Channel::QuicDatagram => Medium::Datagrams,
        Channel::Dtls(_) => Medium::Records,
        Channel::QuicStream(id) => Medium::QuicStream(id),
    }
}

/// The name of what carries the content: the streams of QUIC have names of their own inside.
fn carrier(channel: Channel) -> String {
    match channel {
        Channel::QuicStream(_) => "QUIC".to_owned(),
        other => other.to_string(),
    }
}

impl PlainSink for Watch {
    fn bytes(&mut self, channel: Channel, window: &Window<'_>) {
        if let Some(inside) = &mut self.inside {
            inside.bytes(&carrier(channel), medium(channel), window);
        }
    }

    fn gap(&mut self, channel: Channel, dir: Dir, missing: Option<u64>) {
        if let Some(inside) = &mut self.inside {
            inside.gap(medium(channel), dir, missing);
        }
    }

    fn swap_sides(&mut self) {
        if let Some(inside) = &mut self.inside {
            inside.swap_sides();
        }
    }

    fn moved(&mut self) {
        if let Some(inside) = &mut self.inside {
            inside.moved();
        }
    }

    fn close(&mut self, books: &Books) {
        if let Some(inside) = self.inside.take() {
            let watched = Watched { identity: self.identity, found: inside.close(), books: *books };
            self.all.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        }
    }
}
