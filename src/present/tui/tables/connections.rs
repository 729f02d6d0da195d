//! The columns of the table of connections.

use crate::assess::attribution::Confidence;
use crate::assess::{Judged, Outcome};
use crate::base::{Kind, What};
use crate::present::tui::table::{Cell, Column, Key, STRETCH};
use crate::present::tui::{row, text};

/// Every column, from left to right. What follows a name begins with a letter: digits after a name that is written from right to left
/// would change places with it on terminals that know both directions.
pub const COLUMNS: &[Column<Judged>] = &[
    Column {
        title: "#",
        says: "number of the first frame, as in Wireshark",
        width: |_| 7,
        from: 0,
        right: true,
        cell: |c, _| Cell::text(c.first_frame.to_string()),
        key: |c| Key::count(c.first_frame.get()),
    },
    Column {
        title: "start",
        says: "seconds since the capture's first connection",
        width: |_| 9,
        from: 100,
        right: true,
        cell: |c, ledger| Cell::text(text::seconds(c.start.since(ledger.span().map_or(c.start, |s| s.0)))),
        key: |c| Key::Number(i128::from(c.start.nanos())),
    },
    Column {
        title: "in transit",
        says: "how well a listener was kept out: the grade",
        width: |_| 11,
        from: 0,
        right: false,
        cell: |c, _| Cell::judged(&c.judgement),
        key: |c| Key::judged(&c.judgement),
    },
    Column {
        title: "app",
        says: "whose it is, where that can be said; with ? where it is only possibly so",
        width: |_| 13,
        from: 76,
        right: false,
        cell: |c, _| Cell::maybe(app(c)),
        key: |c| c.attribution.as_ref().map_or(Key::Unknown, |of| Key::bytes(of.platform.as_bytes())),
    },
    Column {
        title: "client",
        says: "address and port of the client",
        width: |_| 21,
        from: 176,
        right: false,
        cell: |c, _| Cell::text(row::endpoint(&c.client)),
        key: |c| Key::Address(c.client.ip, c.client.port),
    },
    Column {
        title: "address",
        says: "address and port of the server",
        width: |_| 21,
        from: 200,
        right: false,
        cell: |c, _| Cell::text(row::endpoint(&c.server)),
        key: |c| Key::Address(c.server.ip, c.server.port),
    },
    Column {
        title: "server",
        says: "name the client asked for, else the host of the request, else the address",
        width: |_| STRETCH,
        from: 0,
        right: false,
        cell: |c, _| Cell::text(row::server(c)),
        key: |c| match row::name(c) {
            Some(name) => Key::bytes(name.as_bytes()),
            None => Key::Address(c.server.ip, c.server.port),
        },
    },
    Column {
        title: "protocol",
        says: "what was recognised, with the version the server chose",
        width: |table| if table >= 120 { 16 } else { 12 },
        from: 0,
        right: false,
        cell: |c, _| Cell::text(row::protocol(c)),
        key: |c| match c.facts.get(Kind::Protocol).map(|f| &f.what) {
            Some(What::Protocol(name)) => Key::Outcome(Outcome::of(c), name),
            _ => Key::Outcome(Outcome::of(c), c.transport.name()),
        },
    },
    Column {
        title: "cipher",
        says: "cipher suite the server chose",
        width: |table| if table >= 170 { 30 } else { 18 },
        from: 118,
        right: false,
        cell: |c, _| Cell::maybe(row::cipher(c)),
        key: |c| match c.facts.get(Kind::TlsCipher).map(|f| &f.what) {
            Some(What::TlsCipher(suite)) => suite.name().map_or(Key::Number(i128::from(suite.0)), Key::Word),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "group",
        says: "key-exchange group the server chose",
        width: |_| 14,
        from: 136,
        right: false,
        cell: |c, _| Cell::maybe(row::value(c, Kind::TlsCurve)),
        key: |c| match c.facts.get(Kind::TlsCurve).map(|f| &f.what) {
            Some(What::TlsCurve(group)) => group.name().map_or(Key::Number(i128::from(group.0)), Key::Word),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "inside",
        says: "application protocol that was negotiated in clear, or upgraded to TLS",
        width: |_| 8,
        from: 190,
        right: false,
        cell: |c, _| Cell::maybe(row::application(c)),
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
        from: 112,
        right: false,
        cell: |c, _| Cell::text(row::handshake(c).unwrap_or_default()),
        key: |c| row::handshake(c).map_or(Key::Unknown, Key::Word),
    },
    Column {
        title: "process",
        says: "the program on this device that made it, where the capture or the system says so",
        width: |_| 14,
        from: 150,
        right: false,
        cell: |c, _| Cell::maybe(row::value(c, Kind::ProcessName).or_else(|| row::value(c, Kind::ProcessHolders))),
        key: |c| match c.facts.get(Kind::ProcessName).map(|f| &f.what) {
            Some(What::ProcessName(name)) => Key::bytes(name.as_bytes()),
            _ => Key::Unknown,
        },
    },
    Column {
        title: "bytes",
        says: "octets of its packets, both ways",
        width: |_| 7,
        from: 50,
        right: true,
        cell: |c, _| Cell::text(text::octets(row::octets(c))),
        key: |c| Key::count(row::octets(c)),
    },
];

/// `signal`; `signal?` where the connection is only possibly its own.
fn app(judged: &Judged) -> Option<String> {
    let of = judged.attribution.as_ref()?;
    let doubt = if of.confidence == Confidence::Possible { "?" } else { "" };
    Some(format!("{}{doubt}", of.platform))
}
