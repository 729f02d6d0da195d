//! Names of servers: what DNS said of their addresses earlier in the capture, or what the capture's own list says.
//!
//! An inference, and it says from what: several names can share an address, and a name looked up is not a name used. The nearest earlier
//! answer to the same client is taken, else the nearest to anyone; how old it was stands beside it.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::base::{Basis, DnsAnswer, Evidence, Fact, Timestamp, What, WireStr};
use crate::flow::Connection;

/// Answers remembered at most: an address in an answer counts as one.
const MOST: usize = 1 << 16;
/// Answers of one address remembered at most.
const MOST_OF_ONE: usize = 128;

/// What is known of addresses.
#[derive(Debug, Default)]
pub(super) struct Names {
    answers: HashMap<IpAddr, Vec<Answer>, RandomState>,
    count: usize,
    /// Names the capture itself gives (pcapng Name Resolution Blocks).
    listed: HashMap<IpAddr, WireStr, RandomState>,
    /// Answers that found no room.
    left_out: u64,
}

#[derive(Debug)]
struct Answer {
    client: IpAddr,
    at: Timestamp,
    name: WireStr,
    evidence: Evidence,
}

impl Names {
    /// Remembers an answer that `client` got.
    pub(super) fn answered(&mut self, answer: &DnsAnswer, client: IpAddr, evidence: &Evidence) {
        for address in &answer.addresses {
            let list = self.answers.entry(*address).or_default();
            // A connection that goes on says again what it said before.
            if list.iter().any(|known| known.client == client && known.at == answer.at && known.name == answer.name) {
                continue;
            }
            if self.count >= MOST || list.len() >= MOST_OF_ONE {
                self.left_out = self.left_out.saturating_add(1);
                continue;
            }
            self.count += 1;
            list.push(Answer { client, at: answer.at, name: answer.name.clone(), evidence: evidence.clone() });
        }
    }

    /// Takes the capture's own list of names.
    pub(super) fn listed(&mut self, names: &[(IpAddr, WireStr)]) {
        for (address, name) in names {
            self.listed.entry(*address).or_insert_with(|| name.clone());
        }
    }

    /// How many answers found no room.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Says what the server may be called. Returns whether facts were added.
    pub(super) fn apply(&self, connection: &mut Connection) -> bool {
        if let Some(answer) = self.nearest(connection) {
            let age = connection.start.nanos().saturating_sub(answer.at.nanos());
            let age = u64::try_from(age).unwrap_or(0) / 1_000_000_000;
            connection.facts.infer(What::ResolvedName(answer.name.clone()), answer.evidence.clone());
            connection.facts.infer(What::ResolvedAge(age), answer.evidence.clone());
            return true;
        }
        let (Some(name), Some(first)) = (self.listed.get(&connection.server.ip), connection.facts.list().first()) else { return false };
        let fact = Fact { what: What::ResolvedName(name.clone()), basis: Basis::Claimed, evidence: first.evidence.clone() };
        connection.facts.add(fact);
        true
    }

    /// The last answer before the connection began: to its client, else to anyone.
    fn nearest(&self, connection: &Connection) -> Option<&Answer> {
        let answers = self.answers.get(&connection.server.ip)?;
        let earlier = || answers.iter().filter(|answer| answer.at <= connection.start);
        let own = earlier().filter(|answer| answer.client == connection.client.ip).max_by_key(|answer| answer.at);
        own.or_else(|| earlier().max_by_key(|answer| answer.at))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{Facts, Frame, FrameNo, Kind, LinkType};
    use crate::flow::{Endpoint, Transport};

    fn evidence(number: u64) -> Evidence {
        Frame { number: FrameNo::new(number).unwrap(), at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }
            .evidence()
    }

    fn seconds(n: i64) -> Timestamp {
        Timestamp::from_nanos(n * 1_000_000_000)
    }

    const ALICE: [u8; 4] = [192, 0, 2, 1];
    const BOB: [u8; 4] = [192, 0, 2, 2];
    const SERVER: [u8; 4] = [203, 0, 113, 9];

    fn connection(client: [u8; 4], start: i64) -> Connection {
        let end = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
        let mut facts = Facts::new();
        facts.observe(What::Protocol("tls"), evidence(9));
        Connection {
            transport: Transport::Tcp,
            client: end(client, 5000),
            server: end(SERVER, 443),
            guessed: false,
            first_frame: FrameNo::new(9).unwrap(),
            last_frame: FrameNo::new(9).unwrap(),
            start: seconds(start),
            end: seconds(start),
            sent: Default::default(),
            vlan: None,
            truncated: 0,
            facts,
        }
    }

    fn known() -> Names {
        let mut names = Names::default();
        for (client, at, name, frame) in
            [(ALICE, 10, "a.example", 1), (BOB, 20, "b.example", 2), (ALICE, 30, "c.example", 3), (ALICE, 90, "late.example", 4)]
        {
            let answer = DnsAnswer { name: name.into(), at: seconds(at), addresses: vec![SERVER.into()] };
            names.answered(&answer, client.into(), &evidence(frame));
        }
        names
    }

    fn said(names: &Names, mut connection: Connection) -> Vec<String> {
        names.apply(&mut connection);
        let facts = connection.facts.list().iter().filter(|fact| matches!(fact.what.kind(), Kind::ResolvedName | Kind::ResolvedAge));
        facts.map(|fact| format!("{} {} {:?}", fact.what.shown(), fact.basis.word(), fact.evidence)).collect()
    }

    #[test]
    fn the_nearest_earlier_answer_to_the_same_client_names_the_server() {
        let names = known();
        assert_eq!(said(&names, connection(ALICE, 50)), ["c.example inferred [#3]", "20 inferred [#3]"]);
        assert_eq!(said(&names, connection(ALICE, 12)), ["a.example inferred [#1]", "2 inferred [#1]"]);
        assert_eq!(said(&names, connection(BOB, 50)), ["b.example inferred [#2]", "30 inferred [#2]"]);
        assert_eq!(said(&names, connection([192, 0, 2, 3], 25)), ["b.example inferred [#2]", "5 inferred [#2]"], "somebody else's");
        assert_eq!(said(&names, connection(ALICE, 5)), [""; 0], "an answer that came later says nothing");
    }

    #[test]
    fn the_captures_own_list_is_a_claim_and_counts_only_without_an_answer() {
        let mut names = known();
        names.listed(&[(SERVER.into(), "listed.example".into())]);
        assert_eq!(said(&names, connection(ALICE, 50)).first().map(String::as_str), Some("c.example inferred [#3]"));
        assert_eq!(said(&names, connection(ALICE, 5)), ["listed.example claimed [#9]"]);
    }

    #[test]
    fn a_flood_of_answers_is_bounded_and_counted() {
        let mut names = Names::default();
        for n in 0..300 {
            let answer = DnsAnswer { name: "x.example".into(), at: seconds(n), addresses: vec![SERVER.into()] };
            names.answered(&answer, ALICE.into(), &evidence(1));
        }
        assert_eq!((names.count, names.left_out()), (MOST_OF_ONE, 300 - MOST_OF_ONE as u64));
    }
}
