//! What the other connections of a UDP socket tell: a program asks relays and the other party of a call for a path from one socket, and
//! only its messages to the relays say whose program it is.

use std::collections::HashMap;

use crate::base::{Basis, Evidence, Fact, Kind, Timestamp, What};
use crate::flow::{Connection, Endpoint, Transport};

/// Sockets remembered at most, and uses of one.
const MOST_SOCKETS: usize = 1 << 16;
const MOST_USES: usize = 8;
/// A port may go to another program: the socket is believed to be the same this long before and after.
const NANOS_BETWEEN: u64 = 60_000_000_000;

/// Sockets from which STUN went that tells one implementation from others.
#[derive(Debug, Default)]
pub struct Sockets(HashMap<Endpoint, Vec<Use>>);

/// One connection of a socket.
#[derive(Debug)]
struct Use {
    start: Timestamp,
    end: Timestamp,
    sign: What,
    evidence: Evidence,
}

impl Sockets {
    /// Whether a fact is what tells implementations apart.
    #[must_use]
    pub fn is_sign(what: &What) -> bool {
        matches!(what, What::StunVendorAttributes(_) | What::StunVendorMessages(_))
    }

    /// Takes a sign that a connection states.
    pub fn told(&mut self, connection: &Connection, sign: &What, evidence: &Evidence) {
        let room = self.0.len() < MOST_SOCKETS;
        if connection.transport != Transport::Udp || !room && !self.0.contains_key(&connection.client) {
            return;
        }
        let uses = self.0.entry(connection.client).or_default();
        if uses.len() < MOST_USES {
            let (start, end) = (connection.start, connection.end);
            uses.push(Use { start, end, sign: sign.clone(), evidence: evidence.clone() });
        }
    }

    /// Adds to a connection of STUN that says nothing by itself what its socket says. Returns whether a fact was added.
    pub fn apply(&self, connection: &mut Connection) -> bool {
        let facts = &connection.facts;
        if self.0.is_empty() || connection.transport != Transport::Udp || facts.list().iter().any(|fact| Sockets::is_sign(&fact.what)) {
            return false;
        }
        let Some(stun) = facts.get(Kind::Protocol).filter(|fact| fact.what == What::Protocol("stun")) else { return false };
        let near = |used: &&Use| {
            let apart = |a: Timestamp, b: Timestamp| if a > b { a.since(b) } else { 0 };
            apart(connection.start, used.end) <= NANOS_BETWEEN && apart(used.start, connection.end) <= NANOS_BETWEEN
        };
        let uses = [connection.client, connection.server].into_iter().filter_map(|end| self.0.get(&end)).flatten();
        let Some(used) = uses.filter(near).min_by_key(|used| used.evidence.first()) else { return false };
        let fact = Fact { what: used.sign.clone(), basis: Basis::Inferred, evidence: stun.evidence.clone().and(&used.evidence) };
        connection.facts.add(fact);
        true
    }
}
