//! A connection that is over, while it waits to be told: its counters, and where its facts are.

use std::net::IpAddr;

use crate::base::{Facts, FrameNo, Kind, Reader, Timestamp, put_number, take_number};

use super::spill::Place;
use super::{Connection, Endpoint, Tally, Transport};

/// The first frame of a connection, and how many came to rest before it.
pub(in crate::flow) type Order = (FrameNo, u64);

/// A connection whose facts are in the spill, or at hand.
#[derive(Clone, Debug)]
pub(in crate::flow) struct Resting {
    /// How many of its shard came to rest before it: of connections that one frame began (aggregated frames), the earlier is told first.
    pub nth: u64,
    /// It holds facts that other connections are judged by: see [`tells_of_others`].
    pub tells: bool,
    /// Where its facts are in the spill.
    pub facts: Option<Place>,
    /// Its facts are empty here where they are in the spill.
    pub flow: Connection,
}

/// Whether facts of a kind say something about other connections: addresses and ECH keys in DNS, QUIC connection ids, where
/// media is expected, whose software uses a socket.
pub(in crate::flow) fn tells(kind: Kind) -> bool {
    matches!(kind, Kind::DnsAnswer | Kind::DnsEchConfig | Kind::QuicConnectionIds | Kind::SdpMedia | Kind::StunSigns)
}

/// Whether one of these facts does.
pub(in crate::flow) fn tells_of_others(facts: &Facts) -> bool {
    telling(facts) > 0
}

/// How many of them do.
pub(in crate::flow) fn telling(facts: &Facts) -> usize {
    facts.list().iter().filter(|fact| tells(fact.what.kind())).count()
}

/// Bits of the octet that a frozen connection begins with, beside two for its transport.
const TELLS: u8 = 4;
const GUESSED: u8 = 8;
const HAS_FACTS: u8 = 16;
const HAS_VLAN: u8 = 32;

impl Resting {
    /// What connections are told by: first frames, then as they came.
    pub fn order(&self) -> Order {
        (self.flow.first_frame, self.nth)
    }

    /// The order of a frozen one.
    pub fn order_of(frozen: &[u8]) -> Option<Order> {
        order(&mut Reader::new(frozen))
    }

    /// Appends this as bytes that never leave the process. Facts that are at hand are not among them.
    pub fn freeze(&self, out: &mut Vec<u8>) {
        let c = &self.flow;
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let bits =
            bit(self.tells, TELLS) | bit(c.guessed, GUESSED) | bit(self.facts.is_some(), HAS_FACTS) | bit(c.vlan.is_some(), HAS_VLAN);
        put_number(out, c.first_frame.get());
        put_number(out, self.nth);
        out.push(c.transport as u8 | bits);
        if let Some((at, len)) = self.facts.map(Place::parts) {
            put_number(out, at);
            put_number(out, u64::from(len));
        }
        if let Some(vlan) = c.vlan {
            out.extend_from_slice(&vlan.to_be_bytes());
        }
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
        out.extend_from_slice(&c.start.nanos().to_be_bytes());
        put_number(out, c.end.nanos().wrapping_sub(c.start.nanos()).cast_unsigned());
        put_number(out, c.last_frame.get().wrapping_sub(c.first_frame.get()));
        put_number(out, c.truncated);
        for tally in &c.sent {
            put_number(out, tally.packets);
            put_number(out, tally.bytes);
            put_number(out, tally.payload);
        }
    }

    /// Reads it back; `None` only for bytes that [`Resting::freeze`] did not write.
    pub fn thaw(reader: &mut Reader<'_>) -> Option<Resting> {
        let (first_frame, nth) = order(reader)?;
        let bits = reader.u8().ok()?;
        let has = |bit: u8| bits & bit != 0;
        let transport = *[Transport::Tcp, Transport::Udp, Transport::Sctp].get(usize::from(bits & 3))?;
        let facts = if has(HAS_FACTS) { Some(Place::new(take_number(reader)?, u32::try_from(take_number(reader)?).ok()?)) } else { None };
        let vlan = if has(HAS_VLAN) { Some(reader.u16().ok()?) } else { None };
        let client = endpoint(reader)?;
        let server = endpoint(reader)?;
        let start = i64::from_be_bytes(reader.array().ok()?);
        let end = start.wrapping_add(take_number(reader)?.cast_signed());
        let (start, end) = (Timestamp::from_nanos(start), Timestamp::from_nanos(end));
        let last_frame = FrameNo::new(first_frame.get().wrapping_add(take_number(reader)?))?;
        let truncated = take_number(reader)?;
        let mut tally = || Some(Tally { packets: take_number(reader)?, bytes: take_number(reader)?, payload: take_number(reader)? });
        let sent = [tally()?, tally()?];
        let (guessed, tells) = (has(GUESSED), has(TELLS));
        let flow = Connection {
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
            facts: Facts::new(),
        };
        Some(Resting { nth, tells, facts, flow })
    }
}

fn order(reader: &mut Reader<'_>) -> Option<Order> {
    Some((FrameNo::new(take_number(reader)?)?, take_number(reader)?))
}

fn endpoint(reader: &mut Reader<'_>) -> Option<Endpoint> {
    let ip = match reader.u8().ok()? {
        4 => IpAddr::from(reader.array::<4>().ok()?),
        _ => IpAddr::from(reader.array::<16>().ok()?),
    };
    Some(Endpoint { ip, port: reader.u16().ok()? })
}
