//! What one connection tells of another: QUIC connections that moved to another address, ECH keys announced in DNS.

use std::collections::HashMap;

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
        for connection in finished.telling_of_others() {
            for fact in connection.facts.list() {
                match &fact.what {
                    What::DnsEchConfig(values) => links.announced(values, &fact.evidence),
                    What::QuicConnectionIds(ids) => links.chosen(ids, &connection, &fact.evidence),
                    _ => {}
                }
            }
        }
        links
    }

    /// Adds to a connection, whose facts are in the order of output, what the others tell of it.
    pub fn apply(&self, connection: &mut Connection) {
        if self.judge_ech(connection) | self.join_migrated(connection) {
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
        if let Ok(id) = id.parse()
            && self.ech.len() < MOST
        {
            self.ech.entry((public_name.to_ascii_lowercase(), id)).or_insert_with(|| evidence.clone());
        }
    }

    fn chosen(&mut self, ids: &[String], connection: &Connection, evidence: &Evidence) {
        for id in ids.iter().filter_map(|id| unhex(id)).filter(|id| id.len() >= SHORTEST_ID) {
            if self.ids.len() >= MOST {
                return;
            }
            if !self.lengths.contains(&id.len()) {
                self.lengths.push(id.len());
            }
            let origin = Origin { first_frame: connection.first_frame.get(), server: connection.server, evidence: evidence.clone() };
            self.ids.entry(id).or_insert(origin);
        }
    }

    /// The extension looks the same whether it is real or padding; only a config announced for the same outer name says more.
    /// Returns whether a fact was added.
    fn judge_ech(&self, connection: &mut Connection) -> bool {
        let facts = &mut connection.facts;
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
