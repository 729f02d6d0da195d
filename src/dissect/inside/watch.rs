//! Takes what becomes readable of each connection, looks into it, and keeps what was found.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::eye::Quest;
use super::found::{Found, Hit};
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
pub struct Gathered(Arc<Mutex<All>>);

/// What is found in all connections.
#[derive(Debug, Default)]
struct All {
    /// In those that are over.
    over: Vec<Watched>,
    /// Entries of these, of all lists together.
    entries: usize,
    /// In those that go on: hits only, and only where there are some.
    open: Vec<(Identity, Vec<Hit>)>,
    /// Changes so far.
    changes: u64,
}

/// Entries of all connections together that are kept beside hits. A connection that ends beyond that keeps its hits, one entry of each
/// other list, and the number of those it lacks, so that nothing is ever called "not seen" for it: some 200 MiB.
const MOST_ENTRIES: usize = 1 << 20;

impl All {
    fn over(&mut self, mut watched: Watched) {
        self.changes += 1;
        self.open.retain(|(identity, _)| *identity != watched.identity);
        if self.entries.saturating_add(watched.found.entries()) > MOST_ENTRIES {
            watched.found.shed();
        }
        self.entries = self.entries.saturating_add(watched.found.entries());
        self.over.push(watched);
    }

    fn goes_on(&mut self, identity: &Identity, hits: &[Hit]) {
        self.changes += 1;
        match self.open.iter_mut().find(|(known, _)| known == identity) {
            Some((_, known)) => *known = hits.to_vec(),
            None => self.open.push((*identity, hits.to_vec())),
        }
    }
}

impl Gathered {
    /// Makes those who look into each connection for a phrase.
    #[must_use]
    pub fn sinks(&self, quest: Quest) -> Sinks {
        let (all, quest) = (Arc::clone(&self.0), Arc::new(quest));
        Arc::new(move |identity| {
            Box::new(Watch { identity: *identity, inside: Some(Inside::new(Arc::clone(&quest))), told: 0, all: Arc::clone(&all) })
        })
    }

    /// Makes those who look into one connection, and let all others pass.
    #[must_use]
    pub fn sinks_of(&self, quest: Quest, wanted: Identity) -> Sinks {
        let (all, quest) = (Arc::clone(&self.0), Arc::new(quest));
        Arc::new(move |identity| {
            let inside = (*identity == wanted).then(|| Inside::new(Arc::clone(&quest)));
            Box::new(Watch { identity: *identity, inside, told: 0, all: Arc::clone(&all) })
        })
    }

    /// What was found, by the first frame of the connection.
    #[must_use]
    pub fn take(&self) -> Vec<Watched> {
        let mut all = std::mem::take(&mut *self.all()).over;
        all.sort_by_key(|watched| watched.identity.first_frame);
        all
    }

    /// How often something was found, or a connection ended: what was found so far is new when this is another number.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.all().changes
    }

    /// What was found so far, while it goes on: in connections that are over by their first frame, and the hits of those that go on.
    #[must_use]
    pub fn so_far(&self) -> (Vec<Watched>, Vec<(Identity, Vec<Hit>)>) {
        let all = self.all();
        let mut over = all.over.clone();
        over.sort_by_key(|watched| watched.identity.first_frame);
        (over, all.open.clone())
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks into one connection.
struct Watch {
    identity: Identity,
    inside: Option<Inside>,
    /// How many hits the others were told of.
    told: usize,
    all: Arc<Mutex<All>>,
}

impl Watch {
    /// Tells of hits while the connection goes on.
    fn tell(&mut self) {
        let Some(inside) = &self.inside else { return };
        let hits = inside.hits();
        if hits.len() != self.told {
            self.told = hits.len();
            self.all.lock().unwrap_or_else(PoisonError::into_inner).goes_on(&self.identity, hits);
        }
    }
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
            self.tell();
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
            // What was told is of the other side.
            self.told = if self.told == 0 { 0 } else { usize::MAX };
            self.tell();
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
            self.all.lock().unwrap_or_else(PoisonError::into_inner).over(watched);
        }
    }
}
