//! A connection in the words of the table: every unknown is a word or `·`, never a blank.

use crate::assess::{Family, Outcome};
use crate::base::{Fact, Kind, Shown, What, WireStr};
use crate::flow::{Connection, Endpoint};

/// What stands where nothing was seen, or where the question does not arise.
pub const UNKNOWN: &str = "·";

/// `10.0.0.1:443`, `[2001:db8::1]:443`.
#[must_use]
pub fn endpoint(end: &Endpoint) -> String {
    socket(end).to_string()
}

/// An endpoint as the standard library prints it.
#[must_use]
pub fn socket(end: &Endpoint) -> std::net::SocketAddr {
    std::net::SocketAddr::new(end.ip, end.port)
}

/// A name for the server that the wire gave: the server name asked for, else the host of a request or of a proxy, else the name that was
/// looked up for its address.
#[must_use]
pub fn name(connection: &Connection) -> Option<&WireStr> {
    [Kind::TlsServerName, Kind::HttpHost, Kind::HttpConnectTarget, Kind::SocksTarget, Kind::ResolvedName].into_iter().find_map(|kind| {
        match &connection.facts.get(kind)?.what {
            What::TlsServerName(name)
            | What::HttpHost(name)
            | What::HttpConnectTarget(name)
            | What::SocksTarget(name)
            | What::ResolvedName(name) => Some(name),
            _ => None,
        }
    })
}

/// The server by name, else by address.
#[must_use]
pub fn server(connection: &Connection) -> String {
    match name(connection) {
        Some(name) if !name.as_bytes().is_empty() => name.to_string(),
        _ => endpoint(&connection.server),
    }
}

/// The protocol with its negotiated version: `TLS 1.3`, `QUIC v1`, `TLS unknown`, `dns`, `unrecognised`.
#[must_use]
pub fn protocol(connection: &Connection) -> String {
    let outcome = Outcome::of(connection);
    let version = value(connection, Kind::TlsVersion);
    match (&outcome, outcome.family()) {
        (Outcome::GoogleQuic, _) | (_, Some(Family::Quic)) => match value(connection, Kind::QuicVersion) {
            // A QUIC version in a header is the client's wish until the server has answered.
            Some(quic) if version.is_some() || outcome == Outcome::GoogleQuic => match quic.starts_with(|c: char| c.is_ascii_digit()) {
                true if !quic.starts_with("0x") => format!("QUIC v{quic}"),
                _ => format!("QUIC {quic}"),
            },
            _ if version.is_some() => "QUIC".to_owned(),
            _ => "QUIC unknown".to_owned(),
        },
        (_, Some(family)) => match version {
            Some(version) => {
                let ssl =
                    matches!(connection.facts.get(Kind::TlsVersion).map(|f| &f.what), Some(What::TlsVersion(v)) if v.0.family() == "ssl");
                let detail = value(connection, Kind::TlsVersionDetail).map(|d| format!(" {d}")).unwrap_or_default();
                format!("{} {version}{detail}", if ssl { "SSL" } else { family.name() })
            }
            None => format!("{} unknown", family.name()),
        },
        (_, None) => value(connection, Kind::Protocol).unwrap_or_else(|| "unrecognised".to_owned()),
    }
}

/// The negotiated cipher suite, without the `TLS_` that all have and with a space for `_WITH_`.
#[must_use]
pub fn cipher(connection: &Connection) -> Option<String> {
    let name = value(connection, Kind::TlsCipher)?;
    let short = name.strip_prefix("TLS_").unwrap_or(&name);
    Some(short.replacen("_WITH_", " ", 1))
}

/// What is inside: the application protocol negotiated, else the protocol that was upgraded to TLS.
#[must_use]
pub fn application(connection: &Connection) -> Option<String> {
    value(connection, Kind::TlsNextProtocol).or_else(|| value(connection, Kind::StartTls))
}

/// How much of the handshake was seen, in a word; `None` where nothing has one.
#[must_use]
pub fn handshake(connection: &Connection) -> Option<&'static str> {
    match connection.facts.get(Kind::Handshake).map(|f| &f.what) {
        Some(What::Handshake("missing")) => Some("not seen"),
        Some(What::Handshake(word)) => Some(word),
        _ => match Outcome::of(connection) {
            Outcome::Nothing | Outcome::Other(_) => None,
            Outcome::GoogleQuic => None,
            _ => Some("not seen"),
        },
    }
}

/// Octets of whole frames, both ways.
#[must_use]
pub fn octets(connection: &Connection) -> u64 {
    connection.sent.iter().fold(0, |sum, side| sum.saturating_add(side.bytes))
}

/// Packets, both ways.
#[must_use]
pub fn packets(connection: &Connection) -> u64 {
    connection.sent.iter().fold(0, |sum, side| sum.saturating_add(side.packets))
}

/// The value of the first fact of a kind, safe to print.
#[must_use]
pub fn value(connection: &Connection, kind: Kind) -> Option<String> {
    connection.facts.get(kind).map(shown)
}

/// The value of a fact, safe to print; the alerts with who sent them.
#[must_use]
pub fn shown(fact: &Fact) -> String {
    match (&fact.what, fact.what.shown()) {
        (What::TlsAlerts(alerts), _) => {
            let one = |a: &crate::base::Alert| {
                let from = if a.dir == crate::base::Dir::Client { "client" } else { "server" };
                format!("{} ({}, from the {from})", a.description, if a.fatal { "fatal" } else { "warning" })
            };
            alerts.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        (_, Shown::List(list)) if list.is_empty() => "none".to_owned(),
        (_, value) => {
            let text = value.to_string();
            if text.is_empty() { "empty".to_owned() } else { text }
        }
    }
}

/// The Wireshark display filter that shows the packets of an address.
#[must_use]
pub fn address_filter(ip: &std::net::IpAddr) -> String {
    format!("{} == {ip}", if ip.is_ipv4() { "ip.addr" } else { "ipv6.addr" })
}

/// The Wireshark display filter that shows the packets of a connection: its addresses and ports, between its first and last frame.
#[must_use]
pub fn display_filter(connection: &Connection) -> String {
    let (a, b, port) = (&connection.client, &connection.server, connection.transport.name());
    let (first, last) = (connection.first_frame, connection.last_frame);
    format!(
        "{} && {} && {port}.port == {} && {port}.port == {} && frame.number >= {first} && frame.number <= {last}",
        address_filter(&a.ip),
        address_filter(&b.ip),
        a.port,
        b.port
    )
}
