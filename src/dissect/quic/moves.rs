//! Packets of a connection that goes on from another address (RFC 9000 §9): they carry a connection id that one side gave the other under
//! encryption, and are posted to the connection that knows it. Only where somebody looks inside, and connections are read one after the other.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::packet::{ConnectionId, short_header_id};
use crate::base::{Dir, Stitched, Window};
use crate::dissect::waiting::{Patience, Waiting};

/// Ids that are remembered; more are not followed.
const MOST: usize = 1 << 16;
/// Ids shorter than this might stand in any datagram.
const SHORTEST: usize = 4;

/// The ids by which connections can be found.
#[derive(Default)]
pub struct Moves(Mutex<Known>);

#[derive(Default)]
struct Known {
    ids: HashMap<ConnectionId, (Dir, Weak<Mailbox>)>,
    lengths: BTreeSet<usize>,
}

impl fmt::Debug for Moves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Moves")
    }
}

/// A packet on its way: the role of its sender, and where its number begins.
pub(super) type Posted = ((Dir, usize), Stitched);

/// Where packets wait for their connection.
#[derive(Debug)]
pub(super) struct Mailbox(Mutex<Waiting<(Dir, usize)>>);

impl Mailbox {
    /// An empty one; what waits takes room from what all connections have together.
    pub fn new(room: Arc<Patience>) -> Mailbox {
        Mailbox(Mutex::new(Waiting::new(room)))
    }

    /// What has come, in its order.
    pub fn take(&self) -> Vec<Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Moves {
    /// Packets with this destination id are that connection's, and are sent by this side.
    pub(super) fn register(&self, id: ConnectionId, sender: Dir, to: &Arc<Mailbox>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if id.as_bytes().len() >= SHORTEST && known.ids.len() < MOST {
            known.lengths.insert(id.as_bytes().len());
            known.ids.insert(id, (sender, Arc::downgrade(to)));
        }
    }

    /// Posts a datagram from an address that is not known; `false` when it is no connection's.
    pub(in crate::dissect) fn post(&self, datagram: &Window<'_>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.lengths.iter().any(|&len| {
            let id = short_header_id(datagram.bytes, len).and_then(ConnectionId::new);
            let Some((sender, to)) = id.and_then(|id| known.ids.get(&id)) else { return false };
            let Some(to) = to.upgrade() else { return false };
            to.0.lock().unwrap_or_else(PoisonError::into_inner).push((*sender, len.saturating_add(1)), datagram)
        })
    }
}
