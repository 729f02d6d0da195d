//! What one connection tells of another: QUIC connections that moved to another address, ECH keys announced in DNS.

use std::collections::HashMap;
use std::net::IpAddr;

use super::dns_transport;
use super::media::Calls;
use super::names::Names;
use super::sockets::Sockets;
use crate::base::{Basis, Evidence, Fact, Kind, What, WireStr};
use crate::flow::{Connection, Endpoint, Finished, Transport};

/// Fewest octets of a connection id that a match is believed for: a shorter one meets by chance.
const SHORTEST_ID: usize = 8;
/// Announced ECH configs, and connection ids, remembered at most.
const MOST: usize = 1 << 16;

/// What the connections of a capture say about each other.
#[derive(Debug, Default)]
pub struct Links {
    /// Announced ECH configs: public name and config id, with the frames of the announcement.
    ech: HashMap<(String, u8), Evidence>,
    /// QUIC connection ids, and the connection that chose them.
    ids: HashMap<Vec<u8>, Origin>,
    /// The lengths of ids that occur.
    lengths: Vec<usize>,
    /// Where readable signalling expects the media of calls.
    calls: Calls,
    /// What addresses are called.
    names: Names,
    /// Which software uses which sockets.
    sockets: Sockets,
    /// ECH configs and connection ids that found no room.
    left_out: u64,
}

#[derive(Clone, Debug)]
struct Origin {
    first_frame: u64,
    server: Endpoint,
    evidence: Evidence,
}

impl Links {
    /// Gathers what connections say of others.
    #[must_use]
    pub fn gather(finished: &Finished) -> Links {
        let mut links = Links::default();
        finished.telling_of_others(|connection| links.learn(connection));
        links
    }

    /// Gathers what one connection says of others; again when it says more.
    pub fn learn(&mut self, connection: &Connection) {
        for fact in connection.facts.list() {
            match &fact.what {
                What::DnsEchConfig(values) => self.announced(values, &fact.evidence),
                What::DnsAnswer(answer) => self.names.answered(answer, connection.client.ip, &fact.evidence),
                What::SdpMedia(media) => self.calls.announced(media, &fact.evidence),
                What::StunSigns(signs) => self.sockets.shown(signs, connection, &fact.evidence),
                What::QuicConnectionIds(ids) => self.chosen(ids, connection, &fact.evidence),
                _ => {}
            }
        }
    }

    /// Takes the names that the capture itself gives to addresses.
    #[must_use]
    pub fn with_names(mut self, names: &[(IpAddr, WireStr)]) -> Links {
        self.names.listed(names);
        self
    }

    /// How many announcements (answers of DNS, ECH configs, descriptions of media, connection ids, signs of a socket) found no room: what they
    /// would have told of other connections is not told.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        [self.names.left_out(), self.calls.left_out(), self.sockets.left_out()].into_iter().fold(self.left_out, u64::saturating_add)
    }

    /// Adds to a connection, whose facts are in the order of output, what the others tell of it.
    pub fn apply(&self, connection: &mut Connection) {
        let told =
            self.judge_ech(connection) | self.join_migrated(connection) | self.calls.apply(connection) | self.sockets.apply(connection);
        if told | self.names.apply(connection) | dns_transport::state(connection) {
            connection.facts.sort();
        }
        // A proxy agreed to connect, or a server to begin TLS, but what then went through was not TLS: the ladder still shows the agreement.
        if !connection.facts.has(Kind::TlsVersionProtocol) {
            connection.facts.remove(Kind::TlsTunnel);
            connection.facts.remove(Kind::StartTls);
        }
    }

    /// `values`: owner name, public name, config id.
    fn announced(&mut self, values: &[String], evidence: &Evidence) {
        let [_, public_name, id] = values else { return };
        let Ok(id) = id.parse() else { return };
        let key = (public_name.to_ascii_lowercase(), id);
        if self.ech.len() >= MOST && !self.ech.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        // The first one that went by, in whatever order connections are learned: a running capture learns them by the moments at which it looks.
        let known = self.ech.entry(key).or_insert_with(|| evidence.clone());
        if evidence.first() < known.first() {
            *known = evidence.clone();
        }
    }

    fn chosen(&mut self, ids: &[String], connection: &Connection, evidence: &Evidence) {
        for id in ids.iter().filter_map(|id| unhex(id)).filter(|id| id.len() >= SHORTEST_ID) {
            if self.ids.len() >= MOST && !self.ids.contains_key(&id) {
                self.left_out = self.left_out.saturating_add(1);
                continue;
            }
            if !self.lengths.contains(&id.len()) {
                self.lengths.push(id.len());
            }
            let origin = Origin { first_frame: connection.first_frame.get(), server: connection.server, evidence: evidence.clone() };
            let known = self.ids.entry(id).or_insert_with(|| origin.clone());
            if origin.first_frame < known.first_frame {
                *known = origin;
            }
        }
    }

    /// The extension looks the same whether it is real or padding; only a config announced for the same outer name says more.
    /// Returns whether a fact was added.
    fn judge_ech(&self, connection: &mut Connection) -> bool {
        let facts = &mut connection.facts;
        // Keys have told more.
        if facts.has(Kind::Ech) {
            return false;
        }
        let Some(Fact { what: What::TlsEch("present"), evidence, .. }) = facts.get(Kind::TlsEch) else { return false };
        let mut evidence = evidence.clone();
        let mut verdict = "undetermined";
        if let (Some(Fact { what: What::TlsEchConfigId(id), .. }), Some(Fact { what: What::TlsServerName(name), .. })) =
            (facts.get(Kind::TlsEchConfigId), facts.get(Kind::TlsServerName))
            && let Some(announced) = self.ech.get(&(name.to_string().to_ascii_lowercase(), *id))
        {
            verdict = "matches-config";
            evidence.join(announced);
        }
        facts.replace(Fact { what: What::Ech(verdict), basis: Basis::Inferred, evidence });
        true
    }

    /// A connection id that another connection chose says that this is that connection, moved (RFC 9000 §9).
    /// Returns whether facts were added.
    fn join_migrated(&self, connection: &mut Connection) -> bool {
        let Some(Fact { what: What::QuicShortHeader(bytes), evidence, .. }) = connection.facts.remove(Kind::QuicShortHeader) else {
            return false;
        };
        if connection.transport != Transport::Udp {
            return false;
        }
        let Some(origin) = self.origin(&bytes, connection) else { return false };
        let evidence = evidence.and(&origin.evidence);
        connection.facts.infer(What::Protocol("quic"), evidence.clone());
        connection.facts.infer(What::QuicContinues(origin.first_frame), evidence);
        true
    }

    fn origin(&self, bytes: &WireStr, connection: &Connection) -> Option<&Origin> {
        self.lengths.iter().find_map(|&len| {
            let origin = self.ids.get(bytes.as_bytes().get(..len)?)?;
            // The client moves; the server stays where it is (RFC 9000 §9).
            let stays = origin.server == connection.server || origin.server == connection.client;
            (stays && origin.first_frame < connection.first_frame.get()).then_some(origin)
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{Facts, Frame, FrameNo, LinkType, Timestamp};

    fn evidence(number: u64) -> Evidence {
        Frame { number: FrameNo::new(number).unwrap(), at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }
            .evidence()
    }

    fn connection(first_frame: u64, client: [u8; 4], server: [u8; 4], fact: (What, Evidence)) -> Connection {
        let mut facts = Facts::new();
        facts.observe(fact.0, fact.1);
        let first_frame = FrameNo::new(first_frame).unwrap();
        let end = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
        Connection {
            transport: Transport::Udp,
            client: end(client, 5000),
            server: end(server, 443),
            guessed: false,
            first_frame,
            last_frame: first_frame,
            start: Timestamp::ZERO,
            end: Timestamp::ZERO,
            sent: Default::default(),
            vlan: None,
            truncated: 0,
            facts,
        }
    }

    const SERVER: [u8; 4] = [203, 0, 113, 1];

    fn known() -> Links {
        let mut links = Links::default();
        let ids = What::QuicConnectionIds(vec!["00".into(), "0102030405060708".into()]);
        let first = connection(1, [192, 0, 2, 1], SERVER, (ids, evidence(2)));
        let What::QuicConnectionIds(ids) = &first.facts.list().first().unwrap().what else { return links };
        links.chosen(ids, &first, &evidence(2));
        links
    }

    fn orphan(server: [u8; 4], id: &[u8]) -> Connection {
        let mut bytes = id.to_vec();
        bytes.resize(20, 0xaa);
        connection(9, [192, 0, 2, 77], server, (What::QuicShortHeader(WireStr::new(&bytes)), evidence(9)))
    }

    #[test]
    fn a_connection_that_moved_to_another_address_keeps_its_beginning_and_names_both_frames() {
        let mut moved = orphan(SERVER, &[1, 2, 3, 4, 5, 6, 7, 8]);
        known().apply(&mut moved);
        assert_eq!(moved.protocol(), Some("quic"));
        let continues = moved.facts.get(Kind::QuicContinues).unwrap();
        assert_eq!((&continues.what, continues.basis), (&What::QuicContinues(1), Basis::Inferred));
        assert_eq!(continues.evidence.display_filter(), "frame.number in {2,9}");
    }

    #[test]
    fn neither_a_short_id_nor_another_server_makes_a_connection_of_two() {
        for mut stranger in [orphan([203, 0, 113, 2], &[1, 2, 3, 4, 5, 6, 7, 8]), orphan(SERVER, &[0; 8])] {
            known().apply(&mut stranger);
            assert!(stranger.facts.list().is_empty(), "and what was only a candidate is not reported");
        }
    }

    #[test]
    fn an_ech_extension_matches_only_the_announced_name_and_config_id() {
        let mut links = Links::default();
        links.announced(&["chat.example.net".into(), "Front.example.net".into(), "7".into()], &evidence(3));
        for (name, id, verdict) in
            [("front.example.net", 7, "matches-config"), ("front.example.net", 8, "undetermined"), ("x.example", 7, "undetermined")]
        {
            let mut hello = connection(5, [192, 0, 2, 1], SERVER, (What::TlsEch("present"), evidence(5)));
            hello.facts.observe(What::TlsEchConfigId(id), evidence(5));
            hello.facts.observe(What::TlsServerName(name.into()), evidence(5));
            links.apply(&mut hello);
            assert_eq!(hello.facts.get(Kind::Ech).unwrap().what, What::Ech(verdict), "{name} {id}");
        }
    }

    #[test]
    fn the_first_announcement_counts_in_whatever_order_they_are_learned() {
        let config = || vec!["chat.example.net".to_owned(), "front.example.net".into(), "7".into()];
        let ids = || vec!["0102030405060708".to_owned()];
        let dns = |frame| connection(frame, [192, 0, 2, 1], SERVER, (What::DnsEchConfig(config()), evidence(frame)));
        let quic = |frame| connection(frame, [192, 0, 2, 1], SERVER, (What::QuicConnectionIds(ids()), evidence(frame)));
        for order in [[3, 6], [6, 3]] {
            let mut links = Links::default();
            order.into_iter().for_each(|frame| links.learn(&dns(frame)));
            order.into_iter().for_each(|frame| links.learn(&quic(frame)));
            assert_eq!(links.ech.values().next().unwrap().first().get(), 3, "{order:?}");
            assert_eq!(links.ids.values().next().unwrap().first_frame, 3, "{order:?}");
        }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut links = Links::default();
        let ids = |from: u32| (from..from + 1000).map(|id| format!("{id:016x}")).collect();
        for part in 0..66 {
            links.learn(&connection(1, [192, 0, 2, 1], SERVER, (What::QuicConnectionIds(ids(part * 1000)), evidence(1))));
        }
        assert_eq!((links.ids.len(), links.left_out()), (MOST, 66_000 - MOST as u64));
        links.learn(&connection(1, [192, 0, 2, 1], SERVER, (What::QuicConnectionIds(ids(0)), evidence(1))));
        assert_eq!(links.left_out(), 66_000 - MOST as u64, "what is known needs no room");
    }
}
