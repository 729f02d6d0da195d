//! What stands in which column: the schema of the dataset, as it is written and as `intransit schema dataset` prints it.

use std::net::IpAddr;

use super::column::{Column, Type, Value};
use crate::assess::{Finding, Identity, Judged};
use crate::base::{Basis, Dir, Evidence, Fact, Kind, Shown, What, WireStr};

/// A table of the dataset.
pub struct Table {
    /// Its folder.
    pub name: &'static str,
    /// One line for the guide.
    pub help: &'static str,
    /// Its own columns; those of [`COMMON`] stand before them.
    pub columns: &'static [Column],
    /// What of a connection are its rows.
    pub(super) items: for<'a> fn(&'a Judged, &mut dyn FnMut(Item<'a>)),
}

impl Table {
    /// Whether a connection has rows in it.
    #[must_use]
    pub fn has_rows(&self, judged: &Judged) -> bool {
        let mut any = false;
        (self.items)(judged, &mut |_| any = true);
        any
    }

    /// All its columns.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> {
        COMMON.iter().chain(self.columns)
    }
}

/// The capture a row is of, the connection, and what of it.
pub struct Row<'a> {
    pub(super) file: &'a str,
    pub(super) flow: i64,
    pub(super) judged: &'a Judged,
    pub(super) item: Item<'a>,
}

/// What of a connection is told.
#[derive(Clone, Copy)]
pub enum Item<'a> {
    /// All of it.
    Flow,
    /// One fact.
    Fact(&'a Fact),
    /// One finding.
    Finding(&'a Finding),
    /// One name: of which fact, and the address it belongs to, where one was given with it.
    Name(&'a Fact, &'a WireStr, Option<IpAddr>),
}

impl<'a> Item<'a> {
    fn fact(&self) -> Option<&'a Fact> {
        match self {
            Item::Fact(fact) | Item::Name(fact, ..) => Some(fact),
            Item::Flow | Item::Finding(_) => None,
        }
    }

    fn finding(&self) -> Option<&'a Finding> {
        match self {
            Item::Finding(finding) => Some(finding),
            _ => None,
        }
    }
}

/// The tables.
pub static TABLES: [Table; 4] = [
    Table { name: "flows", help: "one row per connection", columns: FLOWS, items: |_, each| each(Item::Flow) },
    Table {
        name: "facts",
        help: "one row per fact, with its basis and frames",
        columns: FACTS,
        items: |judged, each| judged.connection.facts.list().iter().for_each(|fact| each(Item::Fact(fact))),
    },
    Table {
        name: "findings",
        help: "one row per rule that fired on a connection",
        columns: FINDINGS,
        items: |judged, each| judged.judgement.findings.iter().for_each(|finding| each(Item::Finding(finding))),
    },
    Table { name: "names", help: "one row per name that was seen, in clear or with keys", columns: NAMES, items: names },
];

fn names<'a>(judged: &'a Judged, each: &mut dyn FnMut(Item<'a>)) {
    for fact in judged.connection.facts.list() {
        match &fact.what {
            What::TlsServerName(name)
            | What::HttpHost(name)
            | What::HttpConnectTarget(name)
            | What::SocksTarget(name)
            | What::DnsQuery(name)
            | What::StunRealm(name)
            | What::ResolvedName(name) => each(Item::Name(fact, name, None)),
            What::TlsAlternativeNames(list) => list.iter().for_each(|name| each(Item::Name(fact, name, None))),
            What::DnsAnswer(answer) => answer.addresses.iter().for_each(|address| each(Item::Name(fact, &answer.name, Some(*address)))),
            _ => {}
        }
    }
}

const fn column(name: &'static str, kind: Type, help: &'static str, value: for<'a> fn(&Row<'a>) -> Value<'a>) -> Column {
    Column { name, kind, required: false, help, from: From::Row(value) }
}

const fn required(name: &'static str, kind: Type, help: &'static str, value: for<'a> fn(&Row<'a>) -> Value<'a>) -> Column {
    Column { name, kind, required: true, help, from: From::Row(value) }
}

/// The first fact of a kind.
const fn of_fact(name: &'static str, kind: Type, help: &'static str, fact: Kind) -> Column {
    Column { name, kind, required: false, help, from: From::Fact(fact) }
}

/// Where the value of a column comes from.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// Whatever the row holds.
    Row(for<'a> fn(&Row<'a>) -> Value<'a>),
    /// The first fact of this kind.
    Fact(Kind),
}

impl From {
    /// The value in a row.
    pub(super) fn value<'a>(self, row: &Row<'a>) -> Value<'a> {
        match self {
            From::Row(value) => value(row),
            From::Fact(kind) => fact(row, kind),
        }
    }
}

/// What every table begins with.
pub static COMMON: [Column; 3] = [
    required("file_id", Type::Text, "the capture: the key of its manifest", |row| Value::Text(row.file.into())),
    required("flow", Type::Int, "the connection: its place in the capture by first frame, from 1", |row| Value::Int(row.flow)),
    required("start", Type::Time, "when its first packet was captured", |row| Value::Time(row.judged.start.nanos())),
];

const FLOWS: &[Column] = &[
    required("end", Type::Time, "when its last packet was captured", |row| Value::Time(row.judged.end.nanos())),
    required("duration_ns", Type::Int, "nanoseconds between the two", |row| Value::count(row.judged.end.since(row.judged.start))),
    required("first_frame", Type::Int, "number of its first frame, as in Wireshark", |row| Value::count(row.judged.first_frame.get())),
    required("last_frame", Type::Int, "number of its last frame", |row| Value::count(row.judged.last_frame.get())),
    required("network_type", Type::Text, "ipv4 or ipv6", |row| {
        Value::Text(if row.judged.client.ip.is_ipv4() { "ipv4" } else { "ipv6" }.into())
    }),
    required("transport", Type::Text, "tcp, udp or sctp", |row| Value::Text(row.judged.transport.name().into())),
    column("protocol", Type::Text, "the innermost recognised protocol", |row| Value::text(row.judged.protocol())),
    required("community_id", Type::Text, "Community ID v1, seed 0: joins with Zeek, Suricata and Arkime", |row| {
        Value::Text(row.judged.community_id().into())
    }),
    required("client_ip", Type::Text, "the client's address", |row| Value::Text(row.judged.client.ip.to_string().into())),
    required("client_ip_bytes", Type::Bytes, "the same as 16 octets, IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2)", |row| {
        address(row.judged.client.ip)
    }),
    required("client_port", Type::Small, "the client's port", |row| Value::Small(row.judged.client.port.into())),
    required("client_packets", Type::Int, "packets it sent", |row| Value::count(row.judged.tally(Dir::Client).packets)),
    required("client_bytes", Type::Int, "octets of their frames on the wire", |row| Value::count(row.judged.tally(Dir::Client).bytes)),
    required("client_payload", Type::Int, "octets of transport payload, retransmissions left out", |row| {
        Value::count(row.judged.tally(Dir::Client).payload)
    }),
    required("server_ip", Type::Text, "the server's address", |row| Value::Text(row.judged.server.ip.to_string().into())),
    required("server_ip_bytes", Type::Bytes, "the same as 16 octets", |row| address(row.judged.server.ip)),
    required("server_port", Type::Small, "the server's port", |row| Value::Small(row.judged.server.port.into())),
    required("server_packets", Type::Int, "packets it sent", |row| Value::count(row.judged.tally(Dir::Server).packets)),
    required("server_bytes", Type::Int, "octets of their frames on the wire", |row| Value::count(row.judged.tally(Dir::Server).bytes)),
    required("server_payload", Type::Int, "octets of transport payload, retransmissions left out", |row| {
        Value::count(row.judged.tally(Dir::Server).payload)
    }),
    column("server_name", Type::Text, "the name the client asked for, in TLS or in HTTP in clear", |row| {
        Value::text(row.judged.domain().map(|name| WireStr::new(name).to_string()))
    }),
    column("vlan", Type::Small, "the VLAN of the first packet that had one", |row| {
        row.judged.vlan.map_or(Value::Null, |vlan| Value::Small(vlan.into()))
    }),
    required("guessed", Type::Bool, "whether which side is the client was guessed", |row| Value::Bool(row.judged.guessed)),
    required("truncated_packets", Type::Int, "packets the capture cut short", |row| Value::count(row.judged.truncated)),
    required("grade", Type::Text, "exposed, weak, custom, protected, unknown or none", |row| {
        Value::Text(row.judged.judgement.grade.word().into())
    }),
    required("counts", Type::Bool, "whether it counts for the grade of a group: readable names and services never do", |row| {
        Value::Bool(row.judged.judgement.counts_for_groups())
    }),
    column("exposed", Type::Texts, "what was readable: content, credentials, identifiers, names, service", |row| {
        let kinds: Vec<String> = row.judged.judgement.exposed.iter().map(|kind| kind.word().to_owned()).collect();
        if kinds.is_empty() { Value::Null } else { Value::Texts(kinds) }
    }),
    column("construction", Type::Text, "for custom: published-design, published-weaknesses or unreviewed", |row| {
        Value::text(row.judged.judgement.construction.map(|known| known.word()))
    }),
    column("identity", Type::Text, "whether the server was who it said: valid, invalid, private, unverified, none, not-visible", |row| {
        Value::text(row.judged.judgement.identity.map(Identity::word))
    }),
    required("why", Type::Text, "the reason of the grade", |row| {
        Value::Text(WireStr::from(row.judged.judgement.why.as_ref()).to_string().into())
    }),
    column("why_frames", Type::Ints, "the frames behind the reason", |row| {
        row.judged.judgement.evidence.as_ref().map_or(Value::Null, frames)
    }),
    of_fact("handshake", Type::Text, "complete, client-only, server-only, missing or failed", Kind::Handshake),
    column("history", Type::Text, "the handshake, one letter a message, as Zeek's ssl_history", |row| {
        Value::text(Some(row.judged.facts.history()).filter(|history| !history.is_empty()))
    }),
    of_fact("starttls", Type::Text, "the plain protocol that was upgraded to TLS", Kind::StartTls),
    of_fact("tls_version", Type::Text, "the negotiated version: 1.3, 1.2, …", Kind::TlsVersion),
    of_fact("tls_version_detail", Type::Text, "which draft or vendor version", Kind::TlsVersionDetail),
    of_fact("tls_version_protocol", Type::Text, "ssl, tls, dtls or quic", Kind::TlsVersionProtocol),
    of_fact("tls_cipher", Type::Text, "the negotiated cipher suite", Kind::TlsCipher),
    of_fact("tls_group", Type::Text, "the negotiated key-exchange group", Kind::TlsCurve),
    of_fact("tls_established", Type::Bool, "whether protected data followed the handshake", Kind::TlsEstablished),
    of_fact("tls_resumed", Type::Bool, "whether the session was resumed", Kind::TlsResumed),
    of_fact("tls_next_protocol", Type::Text, "the application protocol the server chose, where visible", Kind::TlsNextProtocol),
    of_fact("tls_hello_retry_request", Type::Bool, "whether a HelloRetryRequest was sent", Kind::TlsHelloRetryRequest),
    of_fact("tls_alerts", Type::Texts, "alerts in clear", Kind::TlsAlerts),
    of_fact("tls_offered_versions", Type::Texts, "versions the client offered", Kind::TlsOfferedVersions),
    of_fact("tls_offered_ciphers", Type::Texts, "cipher suites it offered", Kind::TlsOfferedCiphers),
    of_fact("tls_offered_groups", Type::Texts, "groups it offered", Kind::TlsOfferedGroups),
    of_fact("tls_offered_key_shares", Type::Texts, "groups it sent a key share for", Kind::TlsOfferedKeyShares),
    of_fact("tls_offered_alpn", Type::Texts, "application protocols it offered", Kind::TlsOfferedAlpn),
    of_fact("tls_ech", Type::Text, "present or none: the ECH extension, real or padding", Kind::TlsEch),
    of_fact("tls_psk_offered", Type::Bool, "whether a pre-shared key was offered", Kind::TlsPskOffered),
    of_fact("tls_early_data", Type::Bool, "whether 0-RTT data was announced", Kind::TlsEarlyData),
    of_fact("ja3", Type::Text, "JA3 of the first ClientHello", Kind::TlsJa3),
    of_fact("ja3s", Type::Text, "JA3S of the ServerHello", Kind::TlsJa3s),
    of_fact("ja4", Type::Text, "JA4 of the first ClientHello", Kind::TlsJa4),
    of_fact("cert_sha256", Type::Text, "SHA-256 of the server's certificate", Kind::TlsCertSha256),
    of_fact("cert_subject", Type::Text, "its subject (RFC 4514)", Kind::TlsSubject),
    of_fact("cert_issuer", Type::Text, "its issuer", Kind::TlsIssuer),
    of_fact("cert_not_before", Type::Time, "when it becomes valid", Kind::TlsNotBefore),
    of_fact("cert_not_after", Type::Time, "when it expires", Kind::TlsNotAfter),
    of_fact("cert_names", Type::Texts, "the names it is for", Kind::TlsAlternativeNames),
    of_fact("cert_serial", Type::Text, "its serial number, upper-case hexadecimal", Kind::TlsSerial),
    of_fact("cert_signature_algorithm", Type::Text, "what it was signed with", Kind::TlsSignatureAlgorithm),
    of_fact("cert_key_algorithm", Type::Text, "the kind of its key", Kind::TlsKeyAlgorithm),
    of_fact("cert_key_size", Type::Int, "the size of its key in bits", Kind::TlsKeySize),
    of_fact("cert_chain_length", Type::Int, "how many certificates the server sent", Kind::TlsChainLength),
    of_fact("quic_version", Type::Text, "the QUIC version in use", Kind::QuicVersion),
    of_fact("quic_retry", Type::Bool, "whether a Retry was sent", Kind::QuicRetry),
    of_fact("process", Type::Text, "the program or app a capture format names", Kind::ProcessName),
    required("keys_used", Type::Bool, "whether something of it was read with keys", |row| {
        Value::Bool(row.judged.facts.list().iter().any(|fact| fact.basis == Basis::ObservedWithKeys))
    }),
    column("platform", Type::Text, "the app or service, by its id in the catalogue", |row| {
        Value::text(row.judged.attribution.as_ref().map(|of| WireStr::from(&*of.platform).to_string()))
    }),
    column("role", Type::Text, "what the connection is for: messaging, call, media, push, web, telemetry, shared", |row| {
        Value::text(row.judged.attribution.as_ref().map(|of| of.role.word()))
    }),
    column("confidence", Type::Text, "how sure that is: confirmed, likely, possible or shared", |row| {
        Value::text(row.judged.attribution.as_ref().map(|of| of.confidence.word()))
    }),
];

const FACTS: &[Column] = &[
    required("name", Type::Text, "which fact: the dotted name of the JSON output", |row| {
        Value::text(row.item.fact().map(|fact| fact.what.kind().name()))
    }),
    required("value", Type::Text, "its value as text, lists joined by a comma", |row| {
        Value::text(row.item.fact().map(|fact| fact.what.shown().to_string()))
    }),
    required("values", Type::Texts, "its value, one entry for each item of a list", |row| match row.item.fact() {
        Some(fact) => Value::Texts(match fact.what.shown() {
            Shown::List(list) => list.texts(),
            one => vec![one.to_string()],
        }),
        None => Value::Null,
    }),
    column("number", Type::Int, "its value where it is a number", |row| match row.item.fact().map(|fact| fact.what.shown()) {
        Some(Shown::Number(n)) => Value::count(n),
        _ => Value::Null,
    }),
    required("basis", Type::Text, "observed, observed-with-keys, inferred or claimed", |row| {
        Value::text(row.item.fact().map(|fact| fact.basis.word()))
    }),
    required("frames", Type::Ints, "the frames that prove it, the 16 lowest", |row| {
        row.item.fact().map_or(Value::Null, |fact| frames(&fact.evidence))
    }),
    required("more", Type::Bool, "whether more frames stand behind it", |row| {
        row.item.fact().map_or(Value::Null, |fact| Value::Bool(fact.evidence.truncated()))
    }),
];

const FINDINGS: &[Column] = &[
    required("rule", Type::Text, "the rule: `intransit rules ID` prints its page", |row| {
        Value::text(row.item.finding().map(|finding| finding.rule.id))
    }),
    required("severity", Type::Text, "good, info, low, medium or high", |row| {
        Value::text(row.item.finding().map(|finding| finding.rule.severity.word()))
    }),
    required("title", Type::Text, "a few words", |row| Value::text(row.item.finding().map(|finding| finding.rule.title))),
    required("text", Type::Text, "one sentence with the values seen", |row| {
        Value::text(row.item.finding().map(|finding| WireStr::from(finding.text.as_ref()).to_string()))
    }),
    required("frames", Type::Ints, "the frames", |row| row.item.finding().map_or(Value::Null, |finding| frames(&finding.evidence))),
    required("more", Type::Bool, "whether more frames stand behind it", |row| {
        row.item.finding().map_or(Value::Null, |finding| Value::Bool(finding.evidence.truncated()))
    }),
];

const NAMES: &[Column] = &[
    required("name", Type::Text, "the name", |row| match row.item {
        Item::Name(_, name, _) => Value::Text(name.to_string().into()),
        _ => Value::Null,
    }),
    required("source", Type::Text, "where it stood: the dotted name of the fact", |row| {
        Value::text(row.item.fact().map(|fact| fact.what.kind().name()))
    }),
    column("address", Type::Text, "the address that DNS gave for it", |row| match row.item {
        Item::Name(_, _, Some(address)) => Value::Text(address.to_string().into()),
        _ => Value::Null,
    }),
    required("basis", Type::Text, "observed, observed-with-keys, inferred or claimed", |row| {
        Value::text(row.item.fact().map(|fact| fact.basis.word()))
    }),
    required("frames", Type::Ints, "the frames", |row| row.item.fact().map_or(Value::Null, |fact| frames(&fact.evidence))),
    required("more", Type::Bool, "whether more frames stand behind it", |row| {
        row.item.fact().map_or(Value::Null, |fact| Value::Bool(fact.evidence.truncated()))
    }),
];

fn address<'a>(ip: IpAddr) -> Value<'a> {
    Value::Bytes(match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    })
}

fn frames<'a>(evidence: &Evidence) -> Value<'a> {
    Value::Ints(evidence.frames().iter().map(|frame| i64::try_from(frame.get()).unwrap_or(i64::MAX)).collect())
}

/// The first fact of a kind. Text from the wire is escaped, as for a terminal.
fn fact<'a>(row: &Row<'a>, kind: Kind) -> Value<'a> {
    let Some(fact) = row.judged.connection.facts.get(kind) else { return Value::Null };
    match (&fact.what, fact.what.shown()) {
        (What::TlsNotBefore(at) | What::TlsNotAfter(at), _) => Value::Time(at.nanos()),
        (_, Shown::Bool(is)) => Value::Bool(is),
        (_, Shown::Number(n)) => Value::count(n),
        (_, Shown::List(list)) => Value::Texts(list.texts()),
        (_, text) => Value::Text(text.to_string().into()),
    }
}
