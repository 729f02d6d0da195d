//! The connections of a finished capture, in the order of their first frames.

use std::net::IpAddr;

use crate::base::{Facts, FrameNo, Kind, Reader, Timestamp};

use super::spill::{Place, Spill};
use super::{Connection, Endpoint, SHARDS, TableCounts, Tally, Transport};

/// Every connection of a capture, waiting in compact form. One worker's, or several joined.
#[derive(Debug, Default)]
pub struct Finished {
    spills: Vec<Spill>,
    rows: Vec<Row>,
    counts: TableCounts,
}

/// A connection that was frozen.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Retired {
    pub first_frame: FrameNo,
    pub place: Place,
    /// It holds facts that other connections are judged by: see [`tells_of_others`].
    pub mark: bool,
}

/// Whether these facts say something about other connections: ECH keys announced in DNS, QUIC connection ids.
pub(in crate::flow) fn tells_of_others(facts: &Facts) -> bool {
    facts.list().iter().any(|fact| matches!(fact.what.kind(), Kind::DnsEchConfig | Kind::QuicConnectionIds))
}

#[derive(Clone, Copy, Debug)]
struct Row {
    first_frame: FrameNo,
    spill: u32,
    place: Place,
    mark: bool,
}

impl Finished {
    pub(in crate::flow) fn new(shards: Vec<(Vec<Retired>, Spill)>, counts: TableCounts) -> Finished {
        let mut finished = Finished { counts, ..Finished::default() };
        for (rows, spill) in shards {
            let at = u32::try_from(finished.spills.len()).unwrap_or(u32::MAX);
            finished.rows.extend(rows.into_iter().map(|Retired { first_frame, place, mark }| Row { first_frame, spill: at, place, mark }));
            finished.spills.push(spill);
        }
        finished.order();
        finished
    }

    /// Adds another worker's connections.
    pub fn join(&mut self, other: Finished) {
        let base = u32::try_from(self.spills.len()).unwrap_or(u32::MAX);
        self.rows.extend(other.rows.into_iter().map(|row| Row { spill: row.spill.saturating_add(base), ..row }));
        self.spills.extend(other.spills);
        self.counts.flows += other.counts.flows;
        self.counts.evicted += other.counts.evicted;
        self.counts.other_packets += other.counts.other_packets;
        self.order();
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the table did.
    #[must_use]
    pub fn counts(&self) -> TableCounts {
        self.counts
    }

    /// The connections, by first frame.
    pub fn iter(&self) -> impl Iterator<Item = Connection> {
        self.range(0..self.rows.len())
    }

    /// Some of the connections, by first frame.
    pub fn range(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = Connection> {
        self.thawed(self.rows.get(rows).unwrap_or_default().iter())
    }

    /// The connections whose facts say something about other connections.
    pub fn telling_of_others(&self) -> impl Iterator<Item = Connection> {
        self.thawed(self.rows.iter().filter(|row| row.mark))
    }

    fn thawed<'a>(&'a self, rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = Connection> {
        let mut bytes = Vec::new();
        rows.filter_map(move |row| {
            self.spills.get(row.spill as usize)?.load(row.place, &mut bytes);
            thaw(&mut Reader::new(&bytes))
        })
    }

    /// By first frame; of connections that one frame began (aggregated frames), by shard and then as they came: a total
    /// order that does not depend on who tracked what, since every worker brings its shards in their order.
    fn order(&mut self) {
        self.rows.sort_unstable_by_key(|row| (row.first_frame, row.spill as usize % SHARDS, row.place));
    }
}

/// Appends a connection as bytes that never leave the process.
pub(in crate::flow) fn freeze(connection: &Connection, out: &mut Vec<u8>) {
    let c = connection;
    out.push(c.transport as u8);
    for end in [c.client, c.server] {
        match end.ip {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
        out.extend_from_slice(&end.port.to_be_bytes());
    }
    out.push(u8::from(c.guessed));
    let vlan = c.vlan.map_or(u32::MAX, u32::from);
    out.extend_from_slice(&vlan.to_be_bytes());
    let numbers = [c.first_frame.get(), c.last_frame.get(), c.start.nanos().cast_unsigned(), c.end.nanos().cast_unsigned(), c.truncated];
    let tallies = c.sent.iter().flat_map(|t| [t.packets, t.bytes, t.payload]);
    for n in numbers.into_iter().chain(tallies) {
        out.extend_from_slice(&n.to_be_bytes());
    }
    c.facts.freeze(out);
}

fn thaw(reader: &mut Reader<'_>) -> Option<Connection> {
    let transport = *[Transport::Tcp, Transport::Udp, Transport::Sctp].get(usize::from(reader.u8().ok()?))?;
    let client = endpoint(reader)?;
    let server = endpoint(reader)?;
    let guessed = reader.u8().ok()? != 0;
    let vlan = u16::try_from(reader.u32().ok()?).ok();
    let mut next = || reader.u64().ok();
    let (first_frame, last_frame) = (FrameNo::new(next()?)?, FrameNo::new(next()?)?);
    let (start, end) = (Timestamp::from_nanos(next()?.cast_signed()), Timestamp::from_nanos(next()?.cast_signed()));
    let truncated = next()?;
    let mut tally = || Some(Tally { packets: next()?, bytes: next()?, payload: next()? });
    let sent = [tally()?, tally()?];
    Some(Connection {
        transport,
        client,
        server,
        guessed,
        first_frame,
        last_frame,
        start,
        end,
        sent,
        vlan,
        truncated,
        facts: Facts::thaw(reader)?,
    })
}

fn endpoint(reader: &mut Reader<'_>) -> Option<Endpoint> {
    let ip = match reader.u8().ok()? {
        4 => IpAddr::from(reader.array::<4>().ok()?),
        _ => IpAddr::from(reader.array::<16>().ok()?),
    };
    Some(Endpoint { ip, port: reader.u16().ok()? })
}
