//! The columns of the table: one row here is a column there, with its width, its cell and its order.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::row::{self, UNKNOWN};
use super::text;
use crate::assess::{Ledger, Outcome};
use crate::base::{Kind, What};
use crate::flow::Connection;

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// What the help page says of it.
    pub says: &'static str,
    /// Its width; [`STRETCH`] takes what is left.
    width: fn(u16) -> u16,
    /// The narrowest terminal that shows it.
    from: u16,
    /// Whether numbers line up at the right.
    right: bool,
    /// What stands in it.
    pub cell: fn(&Connection, &Ledger) -> String,
    /// What it is sorted by.
    pub key: for<'a> fn(&'a Connection) -> Key<'a>,
}

/// A width of "what is left".
const STRETCH: u16 = 0;

/// What a column is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A count or a moment.
    Number(i128),
    /// A name from the wire: its first bytes as a number, which mostly settles it without a look at the rest, then all of it.
    Bytes(u128, &'a [u8]),
    /// An address.
    Address(IpAddr, u16),
    /// A word of ours.
    Word(&'static str),
    /// An outcome, newest version first, then the protocol.
    Outcome(Outcome, &'static str),
    /// Not known: last, whichever way the order is turned.
    Unknown,
}

impl<'a> Key<'a> {
    fn bytes(all: &'a [u8]) -> Key<'a> {
        let head = (0..16).fold(0_u128, |head, i| (head << 8) | u128::from(all.get(i).copied().unwrap_or(0)));
        Key::Bytes(head, all)
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Number(_) => 0,
            Key::Outcome(..) => 1,
            Key::Word(_) => 2,
            Key::Bytes(..) => 3,
            Key::Address(..) => 4,
            Key::Unknown => 5,
        }
    }

    /// Compares two keys of one column; what is unknown stays last.
    #[must_use]
    pub fn compare(&self, other: &Key<'_>, reversed: bool) -> Ordering {
        let order = match (self, other) {
            (Key::Unknown, _) | (_, Key::Unknown) => return self.rank().cmp(&other.rank()),
            (Key::Number(a), Key::Number(b)) => a.cmp(b),
            (Key::Bytes(a, all_a), Key::Bytes(b, all_b)) => a.cmp(b).then_with(|| all_a.cmp(all_b)),
            (Key::Address(a, p), Key::Address(b, q)) => (a, p).cmp(&(b, q)),
            (Key::Word(a), Key::Word(b)) => a.cmp(b),
            (Key::Outcome(a, n), Key::Outcome(b, m)) => (a, n).cmp(&(b, m)),
            (a, b) => a.rank().cmp(&b.rank()),
        };
        if reversed { order.reverse() } else { order }
    }
}

/// Every column, from left to right.
pub const COLUMNS: &[Column] = &[
    Column {
        title: "#",
        says: "number of the first frame, as in Wireshark",
        width: |_| 7,
        from: 0,
        right: true,
        cell: |c, _| c.first_frame.to_string(),
        key: |c| Key::Number(i128::from(c.first_frame.get())),
    },
    Column {
        title: "start",
        says: "seconds since the capture's first connection",
        width: |_| 9,
        from: 96,
        right: true,
        cell: |c, ledger| text::seconds(c.start.since(ledger.span().map_or(c.start, |s| s.0))),
        key: |c| Key::Number(i128::from(c.start.nanos())),
    },
    Column {
        title: "client",
        says: "address and port of the client",
        width: |_| 21,
        from: 130,
        right: false,
        cell: |c, _| row::endpoint(&c.client),
        key: |c| Key::Address(c.client.ip, c.client.port),
    },
    Column {
        title: "server",
        says: "name the client asked for, else the host of the request, else the address",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |c, _| row::server(c),
        key: |c| match row::name(c) {
            Some(name) => Key::bytes(name.as_bytes()),
            None => Key::Address(c.server.ip, c.server.port),
        },
    },
    Column {
        title: "address",
        says: "address and port of the server",
        width: |_| 21,
        from: 180,
        right: false,
        cell: |c, _| row::endpoint(&c.server),
        key: |c| Key::Address(c.server.ip, c.server.port),
    },
    Column {
        title: "protocol",
        says: "what was recognised, with the version the server chose",
        width: |screen| if screen >= 120 { 16 } else { 12 },
        from: 0,
        right: false,
        cell: |c, _| row::protocol(c),
        key: |c| match c.facts.get(Kind::Protocol).map(|f| &f.what) {
            Some(What::Protocol(name)) => Key::Outcome(Outcome::of(c), name),
            _ => Key::Outcome(Outcome::of(c), c.transport.name()),
        },
    },
    Column {
        title: "cipher",
        says: "cipher suite the server chose",
        width: |screen| if screen >= 150 { 30 } else { 18 },
        from: 76,
        right: false,
        cell: |c, _| row::cipher(c).unwrap_or_else(|| UNKNOWN.to_owned()),
        key: |c| match c.facts.get(Kind::TlsCipher).map(|f| &f.what) {
            Some(What::TlsCipher(suite)) => suite.name().map_or(Key::Number(i128::from(suite.0)), Key::Word),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "group",
        says: "key-exchange group the server chose",
        width: |_| 14,
        from: 112,
        right: false,
        cell: |c, _| row::value(c, Kind::TlsCurve).unwrap_or_else(|| UNKNOWN.to_owned()),
        key: |c| match c.facts.get(Kind::TlsCurve).map(|f| &f.what) {
            Some(What::TlsCurve(group)) => group.name().map_or(Key::Number(i128::from(group.0)), Key::Word),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "inside",
        says: "application protocol that was negotiated in clear, or upgraded to TLS",
        width: |_| 8,
        from: 150,
        right: false,
        cell: |c, _| row::application(c).unwrap_or_else(|| UNKNOWN.to_owned()),
        key: |c| match (c.facts.get(Kind::TlsNextProtocol).map(|f| &f.what), c.facts.get(Kind::StartTls).map(|f| &f.what)) {
            (Some(What::TlsNextProtocol(name)), _) => Key::bytes(name.as_bytes()),
            (_, Some(What::StartTls(name))) => Key::bytes(name.as_bytes()),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "handshake",
        says: "how much of the handshake was seen",
        width: |_| 11,
        from: 60,
        right: false,
        cell: |c, _| row::handshake(c).unwrap_or(UNKNOWN).to_owned(),
        key: |c| row::handshake(c).map_or(Key::Unknown, Key::Word),
    },
    Column {
        title: "bytes",
        says: "octets of its packets, both ways",
        width: |_| 7,
        from: 60,
        right: true,
        cell: |c, _| text::octets(row::octets(c)),
        key: |c| Key::Number(i128::from(row::octets(c))),
    },
];

/// A column where it stands on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its index in [`COLUMNS`].
    pub index: usize,
    /// Where it starts, from the left edge.
    pub x: u16,
    /// How wide it is.
    pub width: u16,
    /// Whether it lines up at the right.
    pub right: bool,
}

/// Which columns a terminal of this width shows, and where. The first column of the screen is left for the cursor.
#[must_use]
pub fn arrange(screen: u16) -> Vec<Place> {
    let shown: Vec<(usize, &Column)> = COLUMNS.iter().enumerate().filter(|(_, c)| c.from <= screen).collect();
    let fixed = shown.iter().fold(1_u16, |sum, (_, c)| sum.saturating_add((c.width)(screen)).saturating_add(1));
    let left = screen.saturating_sub(fixed.saturating_sub(1));
    let mut x = 1_u16;
    let mut places = Vec::with_capacity(shown.len());
    for (index, column) in shown {
        let width = match (column.width)(screen) {
            STRETCH => left,
            width => width,
        };
        places.push(Place { index, x, width, right: column.right });
        x = x.saturating_add(width).saturating_add(1);
    }
    places
}
