//! What a stranger on the same network sees, even where all is encrypted: names, addresses, times and sizes; and what was readable.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Citations, Counts};
use crate::assess::{Grade, Judged};
use crate::base::{Basis, Dir, Exposed, Kind, Timestamp, What, WireStr};

/// Different names that are kept.
const MOST_NAMES: usize = 1000;
/// Names of one certificate that are listed: some hold hundreds, of other customers.
const MOST_OF_A_CERTIFICATE: usize = 4;
/// Different identifiers that are kept.
const MOST_IDENTIFIERS: usize = 200;
/// Pairs of addresses that are kept.
const MOST_PAIRS: usize = 1000;

/// How a name could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameFrom {
    /// It was looked up in DNS.
    LookedUp,
    /// The client wrote it at the beginning of a TLS, DTLS or QUIC connection (RFC 6066 §3).
    ServerName,
    /// It stood in an HTTP request, or was asked of a proxy.
    Host,
    /// It stood in a certificate that was sent in clear.
    Certificate,
    /// A device or a service announced it.
    Announced,
}

impl NameFrom {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            NameFrom::LookedUp => "looked up in DNS",
            NameFrom::ServerName => "server name in clear",
            NameFrom::Host => "host of a request in clear",
            NameFrom::Certificate => "in a certificate in clear",
            NameFrom::Announced => "announced",
        }
    }

    /// For programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NameFrom::LookedUp => "dns",
            NameFrom::ServerName => "sni",
            NameFrom::Host => "host",
            NameFrom::Certificate => "certificate",
            NameFrom::Announced => "announced",
        }
    }
}

/// Something readable, of one kind and name, over all connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadableCount {
    /// Connections it was seen in.
    pub connections: u64,
    /// How many times.
    pub count: u64,
    /// Octets.
    pub bytes: u64,
    /// The masked beginning of the first one; empty where there is none.
    pub excerpt: WireStr,
    /// The frames.
    pub cited: Citations,
}

/// Two addresses that exchanged packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Connections between them.
    pub connections: u64,
    /// Octets of whole frames, both ways.
    pub bytes: u64,
    /// The first name that was read for the server.
    pub name: Option<WireStr>,
    /// The first and the last moment.
    pub span: (Timestamp, Timestamp),
    /// The first frames of their connections.
    pub cited: Citations,
}

/// What could be seen by anyone on the path.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// Names, and how they could be read.
    pub names: Counts<(WireStr, NameFrom)>,
    /// What was readable, by its kind and what it was.
    pub readable: BTreeMap<(Exposed, &'static str), ReadableCount>,
    /// Identifiers in clear: what they are, and a masked beginning.
    pub identifiers: Counts<(&'static str, WireStr)>,
    /// Who exchanged packets with whom: client and server.
    pub pairs: BTreeMap<(IpAddr, IpAddr), Pair>,
    /// Connections between pairs of addresses that found no room.
    pub pairs_left_out: u64,
}

impl Default for Exposure {
    fn default() -> Exposure {
        Exposure {
            names: Counts::with_room(MOST_NAMES),
            readable: BTreeMap::new(),
            identifiers: Counts::with_room(MOST_IDENTIFIERS),
            pairs: BTreeMap::new(),
            pairs_left_out: 0,
        }
    }
}

impl Exposure {
    /// Counts what one connection showed.
    pub fn push(&mut self, input: u32, judged: &Judged) {
        let connection = &judged.connection;
        let mut server_name = None;
        for fact in super::in_clear(&connection.facts) {
            let from = match &fact.what {
                What::DnsQuery(_) => NameFrom::LookedUp,
                What::TlsServerName(_) => NameFrom::ServerName,
                What::HttpHost(_) | What::HttpConnectTarget(_) | What::SocksTarget(_) => NameFrom::Host,
                What::TlsAlternativeNames(_) => NameFrom::Certificate,
                _ => continue,
            };
            let cited = Citations::of(input, &fact.evidence);
            match &fact.what {
                What::DnsQuery(name) => self.names.add((name.clone(), from), &cited),
                What::TlsServerName(name) | What::HttpHost(name) | What::HttpConnectTarget(name) | What::SocksTarget(name) => {
                    server_name = server_name.or(Some(name));
                    self.names.add((name.clone(), from), &cited);
                }
                What::TlsAlternativeNames(names) => {
                    names.iter().take(MOST_OF_A_CERTIFICATE).for_each(|name| self.names.add((name.clone(), from), &cited));
                }
                _ => {}
            }
        }
        self.readable(input, judged);
        if let Some(fact) = connection.facts.get(Kind::TlsClientSubject).filter(|fact| fact.basis != Basis::ObservedWithKeys)
            && let What::TlsClientSubject(subject) = &fact.what
        {
            self.identifiers.add(("subject of a client certificate", subject.clone()), &Citations::of(input, &fact.evidence));
        }
        self.pair(input, judged, server_name);
    }

    fn readable(&mut self, input: u32, judged: &Judged) {
        let mut any = false;
        for (readable, evidence) in super::readables(&judged.connection.facts) {
            any = true;
            let cited = Citations::of(input, evidence);
            let known = self.readable.entry((readable.kind, readable.what)).or_default();
            known.connections = known.connections.saturating_add(1);
            known.count = known.count.saturating_add(readable.count);
            known.bytes = known.bytes.saturating_add(readable.bytes);
            if known.excerpt.as_bytes().is_empty() {
                known.excerpt = readable.excerpt.clone();
            }
            known.cited.extend(&cited);
            match readable.kind {
                Exposed::Names if !readable.excerpt.as_bytes().is_empty() && !judged.connection.facts.has(Kind::DnsQuery) => {
                    self.names.add((readable.excerpt.clone(), NameFrom::Announced), &cited);
                }
                Exposed::Identifiers => self.identifiers.add((readable.what, readable.excerpt.clone()), &cited),
                _ => {}
            }
        }
        // A protocol in clear whose dissector does not say what exactly was readable.
        if !any && judged.judgement.grade == Grade::Exposed {
            let what = judged.connection.protocol().unwrap_or("payload");
            let opening = Citations::frame(input, judged.connection.first_frame);
            for kind in &judged.judgement.exposed {
                let known = self.readable.entry((*kind, what)).or_default();
                known.connections = known.connections.saturating_add(1);
                known.count = known.count.saturating_add(1);
                let sent = judged.connection.sent.iter().fold(0u64, |sum, tally| sum.saturating_add(tally.payload));
                known.bytes = known.bytes.saturating_add(sent);
                known.cited.extend(&judged.judgement.evidence.as_ref().map_or_else(|| opening.clone(), |e| Citations::of(input, e)));
            }
        }
    }

    fn pair(&mut self, input: u32, judged: &Judged, name: Option<&WireStr>) {
        let connection = &judged.connection;
        let key = (connection.client.ip, connection.server.ip);
        let bytes = connection.tally(Dir::Client).bytes.saturating_add(connection.tally(Dir::Server).bytes);
        let opening = Citations::frame(input, connection.first_frame);
        if let Some(pair) = self.pairs.get_mut(&key) {
            pair.connections = pair.connections.saturating_add(1);
            pair.bytes = pair.bytes.saturating_add(bytes);
            pair.span = (pair.span.0.min(connection.start), pair.span.1.max(connection.end));
            pair.cited.extend(&opening);
            if pair.name.is_none() {
                pair.name = name.cloned();
            }
        } else if self.pairs.len() < MOST_PAIRS {
            let span = (connection.start, connection.end);
            self.pairs.insert(key, Pair { connections: 1, bytes, name: name.cloned(), span, cited: opening });
        } else {
            self.pairs_left_out = self.pairs_left_out.saturating_add(1);
        }
    }

    /// The names in the order they were first seen.
    #[must_use]
    pub fn names_in_order(&self) -> Vec<(&(WireStr, NameFrom), &super::Counted)> {
        let mut all: Vec<_> = self.names.iter().collect();
        all.sort_by_key(|(_, counted)| counted.cited.first());
        all
    }

    /// The pairs of addresses in the order they first met.
    #[must_use]
    pub fn pairs_in_order(&self) -> Vec<(&(IpAddr, IpAddr), &Pair)> {
        let mut all: Vec<_> = self.pairs.iter().collect();
        all.sort_by_key(|(_, pair)| pair.cited.first());
        all
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{connection, frame, graded};
    use super::*;

    #[test]
    fn names_that_anyone_could_read_are_listed_with_how_and_where() {
        let mut lookup = connection(1);
        lookup.facts.observe(What::DnsQuery("chat.example".into()), frame(1));
        let mut exposure = Exposure::default();
        exposure.push(0, &lookup.into());
        exposure.push(0, &graded(11, Grade::Protected, "chat.example"));
        let said: Vec<(String, NameFrom)> = exposure.names_in_order().iter().map(|((name, from), _)| (name.to_string(), *from)).collect();
        assert_eq!(said, [("chat.example".to_owned(), NameFrom::LookedUp), ("chat.example".to_owned(), NameFrom::ServerName)]);
        let (_, pair) = exposure.pairs_in_order()[0];
        assert_eq!((pair.connections, pair.name.as_ref().map(ToString::to_string)), (2, Some("chat.example".into())));
    }

    #[test]
    fn what_was_readable_is_counted_over_connections_with_one_masked_beginning() {
        let mut exposure = Exposure::default();
        for first in [1, 11] {
            let mut c = connection(first);
            c.facts.readable(Exposed::Content, "IRC message", b"meet me at seven", frame(first + 3));
            exposure.push(0, &c.into());
        }
        let seen = &exposure.readable[&(Exposed::Content, "IRC message")];
        assert_eq!((seen.connections, seen.count, seen.bytes, seen.excerpt.to_string().as_str()), (2, 2, 32, "me•• me at se•••"));
    }

    #[test]
    fn pairs_and_names_beyond_the_bounds_are_counted() {
        let mut exposure = Exposure::default();
        for n in 0..1200u32 {
            let mut judged = graded(u64::from(n) * 10 + 1, Grade::Protected, &format!("n{n}.example"));
            judged.connection.server.ip = std::net::Ipv4Addr::from(n).into();
            exposure.push(0, &judged);
        }
        assert_eq!((exposure.pairs.len(), exposure.pairs_left_out), (1000, 200));
        assert_eq!((exposure.names.len(), exposure.names.left_out()), (1000, 200));
    }
}
