//! Whose software uses a socket: what STUN shows of it in one connection holds for the others of the same client address and port.
//!
//! A call goes to relays first and then, from the same socket, straight to the other side, where nothing tells who made the software. One
//! program holds a UDP socket at a time, so what overlaps in time is the same program's. An inference, and it names the frames of both.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::base::{Evidence, Kind, Timestamp, What};
use crate::flow::{Connection, Endpoint, Transport};

/// Sockets remembered at most; beyond it, connections keep no more than their own signs.
const MOST: usize = 1 << 16;
/// Nanoseconds for which a socket is taken to stay open before and after what was seen of it.
const NEAR: i64 = 30_000_000_000;

/// What is known of sockets.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    known: HashMap<Endpoint, Shown, RandomState>,
    left_out: u64,
}

#[derive(Debug)]
struct Shown {
    signs: Vec<String>,
    evidence: Evidence,
    from: Timestamp,
    until: Timestamp,
}

impl Sockets {
    /// Remembers what the client of a connection showed.
    pub(super) fn shown(&mut self, signs: &[String], connection: &Connection, evidence: &Evidence) {
        let Some(client) = client(connection).filter(|_| connection.transport == Transport::Udp) else { return };
        if let Some(known) = self.known.get_mut(&client) {
            // The span grows only by what joins it: a port that is used again much later may be another program's.
            if near(known, connection) {
                known.from = known.from.min(connection.start);
                known.until = known.until.max(connection.end);
                // The first one that went by, in whatever order connections are learned.
                if evidence.first() < known.evidence.first() {
                    (known.signs, known.evidence) = (signs.to_vec(), evidence.clone());
                }
            }
        } else if self.known.len() < MOST {
            let shown = Shown { signs: signs.to_vec(), evidence: evidence.clone(), from: connection.start, until: connection.end };
            self.known.insert(client, shown);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// How many sockets found no room.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// States what the socket showed elsewhere, where the connection itself showed nothing. Returns whether it was stated.
    pub(super) fn apply(&self, connection: &mut Connection) -> bool {
        if connection.transport != Transport::Udp || connection.facts.has(Kind::StunSigns) || connection.facts.list().is_empty() {
            return false;
        }
        // The other side may have sent first.
        let found = [connection.client, connection.server].into_iter().find_map(|end| self.known.get(&end));
        let Some(shown) = found.filter(|shown| near(shown, connection)) else { return false };
        let evidence = connection.opening().and(&shown.evidence);
        connection.facts.infer(What::SocketSigns(shown.signs.clone()), evidence);
        true
    }
}

/// The client's end. Where the sides were guessed, that of a private address that speaks to a public one: what many clients share, a relay,
/// has a public address.
fn client(connection: &Connection) -> Option<Endpoint> {
    match (connection.guessed, is_private(connection.client.ip), is_private(connection.server.ip)) {
        (false, ..) | (true, true, false) => Some(connection.client),
        (true, false, true) => Some(connection.server),
        (true, ..) => None,
    }
}

/// RFC 1918, RFC 4193, RFC 6598 and link-local addresses.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn near(shown: &Shown, connection: &Connection) -> bool {
    let (from, until) = (shown.from.nanos().saturating_sub(NEAR), shown.until.nanos().saturating_add(NEAR));
    connection.start.nanos() <= until && connection.end.nanos() >= from
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{Facts, Frame, FrameNo, LinkType};

    const PHONE: ([u8; 4], u16) = ([192, 0, 2, 1], 53_688);

    fn evidence(number: u64) -> Evidence {
        Frame { number: FrameNo::new(number).unwrap(), at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }
            .evidence()
    }

    fn connection(client: ([u8; 4], u16), server: [u8; 4], second: i64, fact: What) -> Connection {
        let at = Timestamp::from_nanos(second * 1_000_000_000);
        let mut facts = Facts::new();
        facts.observe(fact, evidence(9));
        Connection {
            transport: Transport::Udp,
            client: Endpoint { ip: client.0.into(), port: client.1 },
            server: Endpoint { ip: server.into(), port: 3478 },
            guessed: false,
            first_frame: FrameNo::new(9).unwrap(),
            last_frame: FrameNo::new(9).unwrap(),
            start: at,
            end: at,
            sent: Default::default(),
            vlan: None,
            truncated: 0,
            facts,
        }
    }

    fn shown() -> Sockets {
        let signs = vec!["attribute 0x4000".to_owned()];
        let relay = connection(PHONE, [203, 0, 113, 1], 100, What::StunSigns(signs.clone()));
        let mut sockets = Sockets::default();
        sockets.shown(&signs, &relay, &evidence(3));
        sockets
    }

    #[test]
    fn what_a_socket_showed_to_one_server_is_inferred_of_its_other_connections_with_the_frames_of_both() {
        let mut direct = connection(PHONE, [198, 51, 100, 7], 110, What::Protocol("rtp"));
        assert!(shown().apply(&mut direct));
        let fact = direct.facts.get(Kind::SocketSigns).unwrap();
        assert_eq!(fact.evidence.display_filter(), "frame.number in {3,9}");
    }

    #[test]
    fn where_the_sides_were_guessed_the_private_address_is_the_client_s() {
        let signs = vec!["attribute 0x4000".to_owned()];
        let mut relay = connection(([203, 0, 113, 1], 3478), [192, 168, 2, 12], 100, What::StunSigns(signs.clone()));
        relay.guessed = true;
        let mut sockets = Sockets::default();
        sockets.shown(&signs, &relay, &evidence(3));
        assert!(sockets.apply(&mut connection(([192, 168, 2, 12], 3478), [198, 51, 100, 7], 110, What::Protocol("rtp"))));
        assert!(!sockets.apply(&mut connection(([203, 0, 113, 1], 3478), [198, 51, 100, 7], 110, What::Protocol("rtp"))));
    }

    #[test]
    fn another_port_another_hour_or_a_guessed_side_says_nothing() {
        let other_port = connection((PHONE.0, 53_689), [198, 51, 100, 7], 110, What::Protocol("rtp"));
        let much_later = connection(PHONE, [198, 51, 100, 7], 3_700, What::Protocol("rtp"));
        for mut stranger in [other_port, much_later] {
            assert!(!shown().apply(&mut stranger));
        }
        let mut guessed = connection(PHONE, [203, 0, 113, 1], 100, What::StunSigns(vec!["attribute 0x4000".to_owned()]));
        guessed.guessed = true;
        let mut sockets = Sockets::default();
        sockets.shown(&["attribute 0x4000".to_owned()], &guessed, &evidence(3));
        assert!(!sockets.apply(&mut connection(PHONE, [198, 51, 100, 7], 110, What::Protocol("rtp"))));
    }
}
