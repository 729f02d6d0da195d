//! The connections of a finished capture, in the order of their first frames.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Facts, FrameNo, Kind, Reader, Timestamp, What};
use crate::source::PartOf;

use super::spill::{Ahead, Place, Spill};
use super::{Connection, Endpoint, SHARDS, TableCounts, Tally, Transport};

/// Every connection of a capture, waiting in compact form. One worker's, or several joined.
#[derive(Debug, Default)]
pub struct Finished {
    shards: Vec<RestingShard>,
    /// Which shard, and which of its rows, in the order of output.
    order: Vec<(u32, u32)>,
    counts: TableCounts,
    /// Connections that could not be read back from the temporary file.
    lost: AtomicU64,
    /// Of a part of a capture: only its connections are given, the others tell of them.
    part: Option<PartOf>,
}

/// The connections of one shard.
#[derive(Debug)]
pub(in crate::flow) struct RestingShard {
    pub rows: Vec<Row>,
    pub resting: Vec<Resting>,
    pub spill: Spill,
    /// Connections whose reading failed.
    pub failed: u64,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Row {
    pub first_frame: FrameNo,
    /// It holds facts that other connections are judged by: see [`tells_of_others`].
    pub tells: bool,
    pub at: At,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::flow) enum At {
    /// In the table when the capture ended.
    Slot(u32),
    /// Left the table before.
    Spilled(Place),
}

/// A connection whose facts are in the spill, or at hand.
#[derive(Debug)]
pub(in crate::flow) struct Resting {
    pub facts: Option<Place>,
    /// Its facts are empty here where they are in the spill.
    pub flow: Connection,
}

/// Whether these facts say something about other connections: addresses and ECH keys in DNS, QUIC connection ids, where
/// media is expected, whose software uses a socket.
pub(in crate::flow) fn tells_of_others(facts: &Facts) -> bool {
    telling(facts) > 0
}

/// How many of them do.
pub(in crate::flow) fn telling(facts: &Facts) -> usize {
    let tells = |kind| matches!(kind, Kind::DnsAnswer | Kind::DnsEchConfig | Kind::QuicConnectionIds | Kind::SdpMedia | Kind::StunSigns);
    facts.list().iter().filter(|fact| tells(fact.what.kind())).count()
}

impl Finished {
    pub(in crate::flow) fn new(shards: Vec<RestingShard>, counts: TableCounts) -> Finished {
        let mut finished = Finished { shards, order: Vec::new(), counts, lost: AtomicU64::new(0), part: None };
        finished.put_in_order();
        finished
    }

    /// Adds another worker's connections.
    pub fn join(&mut self, other: Finished) {
        self.shards.extend(other.shards);
        self.counts.add(other.counts);
        self.put_in_order();
    }

    /// Leaves only the connections of a part of a capture, where it is one.
    #[must_use]
    pub fn of_part(mut self, part: Option<PartOf>) -> Finished {
        self.part = part;
        self
    }

    fn holds(&self, &(shard, _): &(u32, u32)) -> bool {
        self.part.is_none_or(|part| part.holds(shard as usize % SHARDS))
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.part.is_none() { self.order.len() } else { self.order.iter().filter(|at| self.holds(at)).count() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the table did, and how many connections could not be read back so far.
    #[must_use]
    pub fn counts(&self) -> TableCounts {
        TableCounts { lost: self.lost.load(Ordering::Relaxed), ..self.counts }
    }

    /// The connections, by first frame.
    pub fn iter(&self) -> impl Iterator<Item = Connection> {
        let mut aheads = self.aheads();
        let order = self.order.iter().copied().filter(|at| self.holds(at));
        order.filter_map(move |at| self.thaw(at, aheads.get_mut(at.0 as usize)?))
    }

    /// Shows the connections whose facts say something about other connections.
    pub fn telling_of_others(&self, mut show: impl FnMut(&Connection)) {
        let mut aheads = self.aheads();
        for &at in &self.order {
            let Some((shard, row)) = self.row(at).filter(|(_, row)| row.tells) else { continue };
            // Facts that are at hand are shown where they are.
            if let At::Slot(slot) = row.at
                && let Some(resting) = shard.resting.get(slot as usize).filter(|resting| resting.facts.is_none())
            {
                show(&resting.flow);
            } else if let Some(connection) = aheads.get_mut(at.0 as usize).and_then(|ahead| self.thaw(at, ahead)) {
                show(&connection);
            }
        }
    }

    fn row(&self, (shard, row): (u32, u32)) -> Option<(&RestingShard, &Row)> {
        let shard = self.shards.get(shard as usize)?;
        Some((shard, shard.rows.get(row as usize)?))
    }

    /// As [`Finished::iter`], for whoever asks for them once: facts that are at hand are given away and not copied.
    pub fn give(&mut self) -> impl Iterator<Item = Connection> {
        let mut aheads = self.aheads();
        let order: Vec<(u32, u32)> = self.order.iter().copied().filter(|at| self.holds(at)).collect();
        order.into_iter().filter_map(move |at| {
            let ahead = aheads.get_mut(at.0 as usize)?;
            self.at_hand(at).or_else(|| self.thaw(at, ahead))
        })
    }

    /// A connection whose facts are at hand, which are taken out.
    fn at_hand(&mut self, at: (u32, u32)) -> Option<Connection> {
        let (_, &Row { at: At::Slot(slot), .. }) = self.row(at)? else { return None };
        let resting = self.shards.get_mut(at.0 as usize)?.resting.get_mut(slot as usize).filter(|resting| resting.facts.is_none())?;
        let facts = std::mem::take(&mut resting.flow.facts);
        Some(Connection { facts, ..resting.flow.clone() })
    }

    fn aheads(&self) -> Vec<Ahead> {
        let mut aheads = Vec::new();
        aheads.resize_with(self.shards.len(), Ahead::default);
        aheads
    }

    fn thaw(&self, at: (u32, u32), ahead: &mut Ahead) -> Option<Connection> {
        let (shard, row) = self.row(at)?;
        let (mut connection, facts) = match row.at {
            At::Slot(slot) => shard.resting.get(slot as usize).map(|resting| (resting.flow.clone(), resting.facts))?,
            At::Spilled(place) => match thaw(&mut Reader::new(shard.spill.load(place, ahead))) {
                Some(resting) => resting,
                None => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
            },
        };
        if let Some(place) = facts {
            match Facts::thaw(&mut Reader::new(shard.spill.load(place, ahead))) {
                Some(facts) => connection.facts = facts,
                None => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    let opening = connection.opening();
                    connection.facts.observe(What::InternalError(true), opening);
                }
            }
        }
        Some(connection)
    }

    /// By first frame; of connections that one frame began (aggregated frames), by shard and then as they came: a total
    /// order that does not depend on who tracked what, since every worker brings its shards in their order.
    fn put_in_order(&mut self) {
        let mut keyed: Vec<(FrameNo, u32, u32, u32)> = Vec::with_capacity(self.shards.iter().map(|shard| shard.rows.len()).sum());
        for (at, shard) in self.shards.iter().enumerate() {
            let (at, virtual_shard) = (u32::try_from(at).unwrap_or(u32::MAX), u32::try_from(at % SHARDS).unwrap_or(0));
            keyed.extend((0u32..).zip(&shard.rows).map(|(row, r)| (r.first_frame, virtual_shard, row, at)));
        }
        keyed.sort_unstable();
        self.order = keyed.into_iter().map(|(_, _, row, shard)| (shard, row)).collect();
    }
}

impl Resting {
    /// Appends this as bytes that never leave the process.
    pub fn freeze(&self, out: &mut Vec<u8>) {
        let facts = self.facts.map_or((u64::MAX, 0), Place::parts);
        out.extend_from_slice(&facts.0.to_be_bytes());
        out.extend_from_slice(&facts.1.to_be_bytes());
        freeze(&self.flow, out);
    }
}

fn freeze(connection: &Connection, out: &mut Vec<u8>) {
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
}

fn thaw(reader: &mut Reader<'_>) -> Option<(Connection, Option<Place>)> {
    let (at, len) = (reader.u64().ok()?, reader.u32().ok()?);
    let place = (at != u64::MAX).then(|| Place::new(at, len));
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
    let facts = Facts::new();
    Some((Connection { transport, client, server, guessed, first_frame, last_frame, start, end, sent, vlan, truncated, facts }, place))
}

fn endpoint(reader: &mut Reader<'_>) -> Option<Endpoint> {
    let ip = match reader.u8().ok()? {
        4 => IpAddr::from(reader.array::<4>().ok()?),
        _ => IpAddr::from(reader.array::<16>().ok()?),
    };
    Some(Endpoint { ip, port: reader.u16().ok()? })
}
