//! Floor 3: packets to connections.
//!
//! [`FlowTable`] finds the connection of a packet, keeps its counters, puts TCP segments into order ([`Assembler`]) and feeds
//! the bytes to a [`Payload`] of the floor above, about which it knows nothing.

mod assembler;
mod community_id;
mod finished;
mod framing;
mod key;
mod merge;
mod payload;
mod resting;
mod runs;
mod spill;
mod table;
mod tcp;

use std::net::IpAddr;

pub use assembler::{Assembler, Conflict, Inserted, MOST_HELD};
pub use finished::Finished;
pub use framing::{FrameHeader, Framing};
pub use key::FlowKey;
pub use payload::{Next, Payload, Stranger};
pub use table::{FlowTable, Left, Limits, Make, Makers, SHARDS, Seen, TableCounts};

use crate::base::{Dir, Evidence, Facts, Frame, FrameNo, Kind, LinkType, Timestamp, What};

/// The transport of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// `tcp`, `udp`, `sctp`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// `192.0.2.1:443`, `[2001:db8::1]:443`.
impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Octets of whole frames, as on the wire.
    pub bytes: u64,
    /// Octets of transport payload, retransmissions left out where they were recognised.
    pub payload: u64,
}

/// Which connection of a capture: it stays the same when it turns out who the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    first_frame: FrameNo,
    transport: Transport,
    low: Endpoint,
    high: Endpoint,
}

/// A connection as it is reported: who, when, how much, and everything found out, with its frames.
#[derive(Clone, Debug)]
pub struct Connection {
    /// TCP, UDP or SCTP.
    pub transport: Transport,
    /// Who sent the `ClientHello`, else the SYN, else the protocol's first client message, else the first packet.
    pub client: Endpoint,
    /// The other side.
    pub server: Endpoint,
    /// Whether which side is the client was guessed from the first packet.
    pub guessed: bool,
    /// The first frame.
    pub first_frame: FrameNo,
    /// The last frame.
    pub last_frame: FrameNo,
    /// When the first packet was captured.
    pub start: Timestamp,
    /// When the last packet was captured.
    pub end: Timestamp,
    /// What each side sent: index by [`Dir::index`].
    pub sent: [Tally; 2],
    /// The VLAN identifier of the first packet that had one.
    pub vlan: Option<u16>,
    /// Packets the capture cut short.
    pub truncated: u64,
    /// Facts, sorted into the order of output, and the handshake's steps.
    pub facts: Facts,
}

impl Connection {
    /// What one side sent.
    #[must_use]
    pub fn tally(&self, dir: Dir) -> Tally {
        match dir {
            Dir::Client => self.sent[0],
            Dir::Server => self.sent[1],
        }
    }

    /// The frame that opened it, as evidence: that these two addresses met.
    #[must_use]
    pub fn opening(&self) -> Evidence {
        Frame { number: self.first_frame, at: self.start, bytes: &[], wire_len: 0, link: LinkType(0), interface: 0 }.evidence()
    }

    /// The innermost recognised protocol: the last one stated.
    #[must_use]
    pub fn protocol(&self) -> Option<&'static str> {
        self.facts.list().iter().rev().find_map(|fact| match fact.what {
            What::Protocol(name) => Some(name),
            _ => None,
        })
    }

    /// The name the client asked the server for: in TLS, else in HTTP in clear (without its port), unless it asked a proxy.
    #[must_use]
    pub fn domain(&self) -> Option<&[u8]> {
        if let Some(What::TlsServerName(name)) = self.facts.get(Kind::TlsServerName).map(|fact| &fact.what) {
            return Some(name.as_bytes());
        }
        match self.facts.get(Kind::HttpHost).map(|fact| &fact.what) {
            Some(What::HttpHost(host)) if !self.facts.has(Kind::HttpConnectTarget) => without_port(host.as_bytes()),
            _ => None,
        }
    }

    /// What tells this connection from all others of its capture, as long as it lasts.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        let (low, high) = (self.client.min(self.server), self.client.max(self.server));
        ConnectionId { first_frame: self.first_frame, transport: self.transport, low, high }
    }

    /// The Community ID v1 with seed 0: the key that joins with Zeek, Suricata and Arkime.
    #[must_use]
    pub fn community_id(&self) -> String {
        community_id::v1(self.transport, self.client, self.server)
    }
}

/// The host of a host and port (RFC 9110 §7.2), brackets of an address left out; `None` where there is none.
fn without_port(authority: &[u8]) -> Option<&[u8]> {
    let host = match authority.strip_prefix(b"[") {
        Some(address) => address.split(|&b| b == b']').next(),
        None => authority.split(|&b| b == b':').next(),
    };
    host.filter(|host| !host.is_empty())
}
