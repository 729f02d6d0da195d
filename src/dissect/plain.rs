//! The bytes inside a connection, as they become readable: handed on, in order, to whoever looks for something in them.
//!
//! Payload that nothing encrypts and payload that keys opened arrive the same way: as [`Window`]s, so that whatever is found in them names
//! its frames. What could not be opened is told too, since "not found" means something only where everything was looked at.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Dir, FrameNo, ProtocolVersion, Sides, Window};
use crate::flow::{Connection, FlowKey};

/// Where in a connection bytes were found. Each is a duplex stream of its own, or a row of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A TCP connection, outside of TLS.
    Tcp,
    /// The datagrams of a UDP connection, outside of DTLS and QUIC.
    Udp,
    /// The application data of TLS.
    Tls(ProtocolVersion),
    /// The application data of DTLS: each window is a record, and records may be missing, doubled or out of order.
    Dtls(ProtocolVersion),
    /// A stream of QUIC, by its id (RFC 9000 §2.1).
    QuicStream(u64),
    /// The DATAGRAM frames of QUIC (RFC 9221).
    QuicDatagram,
}

impl Channel {
    /// Whether windows continue each other; else each is a message of its own.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(self, Channel::Tcp | Channel::Tls(_) | Channel::QuicStream(_))
    }
}

/// As a layer is named in a chain: `TLS 1.3`, `QUIC stream 5`.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Channel::Tcp => f.write_str("TCP"),
            Channel::Udp => f.write_str("UDP"),
            Channel::Tls(version) if version.family() == "ssl" => write!(f, "SSL {version}"),
            Channel::Tls(version) => write!(f, "TLS {version}"),
            Channel::Dtls(version) => write!(f, "DTLS {version}"),
            Channel::QuicStream(id) => write!(f, "QUIC stream {id}"),
            Channel::QuicDatagram => f.write_str("QUIC datagram"),
        }
    }
}

/// Why a record or packet that may carry application data was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closed {
    /// There is no key for it.
    NoKey,
    /// It does not authenticate: the key is another one's, or the bytes are not those that were sent.
    NotAuthentic,
    /// Its key came when it was no longer kept.
    TooLate,
    /// Part of it is missing from the capture.
    Cut,
}

impl Closed {
    /// The reason in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Closed::NoKey => "no key",
            Closed::NotAuthentic => "did not authenticate",
            Closed::TooLate => "its key came too late",
            Closed::Cut => "part of it is missing from the capture",
        }
    }
}

/// Encrypted records (in QUIC, packets) of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seen.
    pub seen: u64,
    /// Opened.
    pub opened: u64,
    /// Not opened for want of a key.
    pub no_key: u64,
    /// Not opened: they did not authenticate.
    pub not_authentic: u64,
    /// Not opened: their keys came too late.
    pub too_late: u64,
    /// Not opened: part of them is missing.
    pub cut: u64,
    /// Gaps in which an unknown number of records is missing.
    pub gaps: u64,
}

impl Tally {
    /// Notes a record.
    pub fn note(&mut self, outcome: Result<(), Closed>) {
        self.seen = self.seen.saturating_add(1);
        let counter = match outcome {
            Ok(()) => &mut self.opened,
            Err(Closed::NoKey) => &mut self.no_key,
            Err(Closed::NotAuthentic) => &mut self.not_authentic,
            Err(Closed::TooLate) => &mut self.too_late,
            Err(Closed::Cut) => &mut self.cut,
        };
        *counter = counter.saturating_add(1);
    }

    /// Whether everything was opened that one side sent.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.seen == self.opened && self.gaps == 0
    }
}

/// What of a connection's encrypted records was opened.
pub type Books = Sides<Tally>;

/// Somebody who looks at the bytes inside one connection.
pub trait PlainSink: Send {
    /// The next bytes of a channel. The direction on the window is that of client and server as known now.
    fn bytes(&mut self, channel: Channel, window: &Window<'_>);
    /// Bytes of a channel are missing before the next: how many, where that is known.
    fn gap(&mut self, channel: Channel, dir: Dir, missing: Option<u64>);
    /// Client and server were the wrong way round so far.
    fn swap_sides(&mut self);
    /// What it carries is that of another connection, which goes on here and looks into it.
    fn moved(&mut self) {}
    /// The connection is over.
    fn close(&mut self, books: &Books);
}

/// Which connection bytes are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its transport, addresses and ports.
    pub key: FlowKey,
    /// The frame that began it.
    pub first_frame: FrameNo,
}

impl Identity {
    /// That of a connection that was found.
    #[must_use]
    pub fn of(connection: &Connection) -> Identity {
        let ends = (connection.client, connection.server);
        Identity { key: FlowKey::new(connection.transport, ends.0, ends.1).0, first_frame: connection.first_frame }
    }
}

/// Makes somebody who looks at a connection, when it begins.
pub type Sinks = Arc<dyn Fn(&Identity) -> Box<dyn PlainSink> + Send + Sync>;

/// The way from a connection's dissectors to its sink.
#[derive(Clone)]
pub(in crate::dissect) struct Plain(Arc<Mutex<Inside>>);

struct Inside {
    sink: Box<dyn PlainSink>,
    books: Books,
    closed: bool,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

impl Plain {
    pub fn new(sink: Box<dyn PlainSink>) -> Plain {
        Plain(Arc::new(Mutex::new(Inside { sink, books: Books::default(), closed: false })))
    }

    pub fn bytes(&self, channel: Channel, window: &Window<'_>) {
        if !window.bytes.is_empty() {
            self.with(|inside| inside.sink.bytes(channel, window));
        }
    }

    pub fn gap(&self, channel: Channel, dir: Dir, missing: Option<u64>) {
        self.with(|inside| inside.sink.gap(channel, dir, missing));
    }

    pub fn swap_sides(&self) {
        self.with(|inside| inside.sink.swap_sides());
    }

    pub fn moved(&self) {
        self.with(|inside| inside.sink.moved());
    }

    /// Notes an encrypted record, or packet.
    pub fn note(&self, dir: Dir, outcome: Result<(), Closed>) {
        self.with(|inside| inside.books.of_mut(dir).note(outcome));
    }

    /// Notes that records are missing, nobody knows how many.
    pub fn lost(&self, dir: Dir) {
        self.with(|inside| {
            let tally = inside.books.of_mut(dir);
            tally.gaps = tally.gaps.saturating_add(1);
        });
    }

    /// The connection is over; said once.
    pub fn close(&self) {
        self.with(|inside| {
            if !std::mem::replace(&mut inside.closed, true) {
                inside.sink.close(&inside.books);
            }
        });
    }

    fn with(&self, work: impl FnOnce(&mut Inside)) {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
