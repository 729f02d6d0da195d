//! What stands in which field of which log.

use aws_lc_rs::digest::{SHA256, digest};

use super::Cell;
use crate::assess::Judged;
use crate::base::{Dir, Kind, Shown, What, WireStr};

/// A log: its name, and its fields with their types.
#[derive(Debug)]
pub struct Log {
    /// `conn`, `ssl`, …: the name of the file without `.log`.
    pub path: &'static str,
    /// Names and types, as in Zeek's header.
    pub fields: &'static [(&'static str, &'static str)],
}

macro_rules! log {
    ($path:literal: $($name:literal $kind:literal),* $(,)?) => {
        Log {
            path: $path,
            fields: &[
                ("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"), ("id.resp_p", "port"),
                $(($name, $kind)),*
            ],
        }
    };
}

/// The logs, with the fields of Zeek 7.
pub static LOGS: [Log; 5] = [
    log!("conn": "proto" "enum", "service" "string", "duration" "interval", "orig_bytes" "count", "resp_bytes" "count", "conn_state" "string",
        "local_orig" "bool", "local_resp" "bool", "missed_bytes" "count", "history" "string", "orig_pkts" "count", "orig_ip_bytes" "count",
        "resp_pkts" "count", "resp_ip_bytes" "count", "tunnel_parents" "set[string]", "community_id" "string"),
    log!("ssl": "version" "string", "cipher" "string", "curve" "string", "server_name" "string", "resumed" "bool", "last_alert" "string",
        "next_protocol" "string", "established" "bool", "ssl_history" "string", "cert_chain_fps" "vector[string]",
        "client_cert_chain_fps" "vector[string]", "sni_matches_cert" "bool"),
    Log {
        path: "x509",
        fields: &[
            ("ts", "time"),
            ("fingerprint", "string"),
            ("certificate.version", "count"),
            ("certificate.serial", "string"),
            ("certificate.subject", "string"),
            ("certificate.issuer", "string"),
            ("certificate.not_valid_before", "time"),
            ("certificate.not_valid_after", "time"),
            ("certificate.key_alg", "string"),
            ("certificate.sig_alg", "string"),
            ("certificate.key_type", "string"),
            ("certificate.key_length", "count"),
            ("certificate.exponent", "string"),
            ("certificate.curve", "string"),
            ("san.dns", "vector[string]"),
            ("san.uri", "vector[string]"),
            ("san.email", "vector[string]"),
            ("san.ip", "vector[addr]"),
            ("basic_constraints.ca", "bool"),
            ("basic_constraints.path_len", "count"),
            ("host_cert", "bool"),
            ("client_cert", "bool"),
        ],
    },
    log!("quic": "version" "string", "client_initial_dcid" "string", "client_scid" "string", "server_scid" "string", "server_name" "string",
        "client_protocol" "string", "history" "string"),
    log!("dns": "proto" "enum", "trans_id" "count", "rtt" "interval", "query" "string", "qclass" "count", "qclass_name" "string",
        "qtype" "count", "qtype_name" "string", "rcode" "count", "rcode_name" "string", "AA" "bool", "TC" "bool", "RD" "bool", "RA" "bool",
        "Z" "count", "answers" "vector[string]", "TTLs" "vector[interval]", "rejected" "bool"),
];

/// The records of a connection: of which log, and the values in the order of its fields.
pub fn records(file: &WireStr, judged: &Judged, each: &mut dyn FnMut(&'static Log, &[Cell])) {
    let [conn, ssl, x509, quic, dns] = &LOGS;
    let of = Of { file, judged };
    each(conn, &of.conn());
    if of.has(Kind::TlsVersion) || of.has(Kind::TlsJa4) {
        each(ssl, &of.ssl());
    }
    for side in [&SERVER, &CLIENT] {
        if of.has(side.sha256) {
            each(x509, &of.x509(side));
        }
    }
    if of.has(Kind::QuicVersion) {
        each(quic, &of.quic());
    }
    for fact in judged.connection.facts.list() {
        if let What::DnsQuery(name) = &fact.what {
            each(dns, &of.dns(name));
        }
    }
}

/// The facts of one side's certificate.
struct Side {
    sha256: Kind,
    serial: Kind,
    subject: Kind,
    issuer: Kind,
    not_before: Kind,
    not_after: Kind,
    signature: Kind,
    key: Kind,
    size: Kind,
    client: bool,
}

const SERVER: Side = Side {
    sha256: Kind::TlsCertSha256,
    serial: Kind::TlsSerial,
    subject: Kind::TlsSubject,
    issuer: Kind::TlsIssuer,
    not_before: Kind::TlsNotBefore,
    not_after: Kind::TlsNotAfter,
    signature: Kind::TlsSignatureAlgorithm,
    key: Kind::TlsKeyAlgorithm,
    size: Kind::TlsKeySize,
    client: false,
};

const CLIENT: Side = Side {
    sha256: Kind::TlsClientCertSha256,
    serial: Kind::TlsClientSerial,
    subject: Kind::TlsClientSubject,
    issuer: Kind::TlsClientIssuer,
    not_before: Kind::TlsClientNotBefore,
    not_after: Kind::TlsClientNotAfter,
    signature: Kind::TlsClientSignatureAlgorithm,
    key: Kind::TlsClientKeyAlgorithm,
    size: Kind::TlsClientKeySize,
    client: true,
};

struct Of<'a> {
    file: &'a WireStr,
    judged: &'a Judged,
}

impl Of<'_> {
    fn has(&self, kind: Kind) -> bool {
        self.judged.connection.facts.has(kind)
    }

    fn fact(&self, kind: Kind) -> Cell {
        match self.judged.connection.facts.get(kind).map(|fact| fact.what.shown()) {
            None => Cell::Unset,
            Some(Shown::Bool(is)) => Cell::Bool(is),
            Some(Shown::Number(n)) => Cell::Count(n),
            Some(Shown::List(list)) => Cell::Texts(list.iter().map(ToString::to_string).collect()),
            Some(text) => Cell::Text(text.to_string()),
        }
    }

    fn time(&self, kind: Kind) -> Cell {
        match self.judged.connection.facts.get(kind).map(|fact| &fact.what) {
            Some(What::TlsNotBefore(at) | What::TlsNotAfter(at) | What::TlsClientNotBefore(at) | What::TlsClientNotAfter(at)) => {
                Cell::Time(at.nanos())
            }
            _ => Cell::Unset,
        }
    }

    /// `ts`, `uid` and the `id` fields.
    fn begin(&self) -> Vec<Cell> {
        let c = &self.judged.connection;
        let [client, server] = [c.client, c.server].map(|end| (Cell::Text(end.ip.to_string()), Cell::Count(end.port.into())));
        vec![Cell::Time(c.start.nanos()), Cell::Text(self.uid()), client.0, client.1, server.0, server.1]
    }

    /// Shaped like Zeek's: `C` and 17 digits of base 62. The same connection of the same capture has the same one.
    fn uid(&self) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let c = &self.judged.connection;
        let said = format!("{} {} {} {} {}", self.file, c.first_frame, c.transport.name(), c.client.min(c.server), c.client.max(c.server));
        let hash = digest(&SHA256, said.as_bytes());
        let mut n = hash.as_ref().iter().take(16).fold(0u128, |n, b| n << 8 | u128::from(*b));
        let mut uid = String::from("C");
        for _ in 0..17 {
            uid.push(DIGITS.get(usize::try_from(n % 62).unwrap_or(0)).copied().map_or('0', char::from));
            n /= 62;
        }
        uid
    }

    fn conn(&self) -> Vec<Cell> {
        let c = &self.judged.connection;
        let (client, server) = (c.tally(Dir::Client), c.tally(Dir::Server));
        let is_udp = c.transport.name() == "udp";
        let both = server.packets > 0;
        // Of TCP, flags are not kept: its state is unset and not guessed.
        let state = is_udp.then_some(if both { "SF" } else { "S0" });
        let history = is_udp.then_some(if both { "Dd" } else { "D" });
        let missed: u64 = c.facts.list().iter().map(|fact| if let What::TcpGap(n) = fact.what { n } else { 0 }).sum();
        let mut cells = self.begin();
        cells.extend([
            Cell::Text(c.transport.name().to_owned()),
            Cell::text(self.service()),
            Cell::Interval(c.end.since(c.start)),
            Cell::Count(client.payload),
            Cell::Count(server.payload),
            Cell::text(state),
            Cell::Unset,
            Cell::Unset,
            Cell::Count(missed),
            Cell::text(history),
            Cell::Count(client.packets),
            Cell::Unset,
            Cell::Count(server.packets),
            Cell::Unset,
            Cell::Unset,
            Cell::Text(c.community_id()),
        ]);
        cells
    }

    /// Zeek's names: TLS is `ssl`, and both protocols stand where one was upgraded or carries the other.
    fn service(&self) -> Option<String> {
        let protocol = self.judged.connection.protocol()?;
        let starttls = self.judged.connection.facts.get(Kind::StartTls).map(|fact| fact.what.shown().to_string());
        Some(match (protocol, starttls) {
            ("tls", Some(before)) => format!("{before},ssl"),
            ("tls", None) => "ssl".to_owned(),
            ("quic", _) => "quic,ssl".to_owned(),
            (other, _) => other.to_owned(),
        })
    }

    fn ssl(&self) -> Vec<Cell> {
        let c = &self.judged.connection;
        let version = match (self.fact(Kind::TlsVersionProtocol), self.fact(Kind::TlsVersion)) {
            (Cell::Text(family), Cell::Text(number)) => Cell::Text(match (family.as_str(), number.as_str()) {
                ("ssl", number) => format!("SSLv{}", number.trim_end_matches(".0")),
                ("quic", number) => format!("TLSv{}", number.replace('.', "")),
                (family, number) => format!("{}v{}", family.to_uppercase(), number.replace('.', "")),
            }),
            _ => Cell::Unset,
        };
        let last_alert = match self.fact(Kind::TlsAlerts) {
            Cell::Texts(list) => Cell::text(list.last().cloned()),
            _ => Cell::Unset,
        };
        let fingerprint = |kind| match self.fact(kind) {
            Cell::Text(sha256) => Cell::Texts(vec![sha256]),
            _ => Cell::Unset,
        };
        let or_false = |kind| if let Cell::Bool(is) = self.fact(kind) { Cell::Bool(is) } else { Cell::Bool(false) };
        let mut cells = self.begin();
        cells.extend([
            version,
            self.fact(Kind::TlsCipher),
            self.fact(Kind::TlsCurve),
            self.fact(Kind::TlsServerName),
            or_false(Kind::TlsResumed),
            last_alert,
            self.fact(Kind::TlsNextProtocol),
            or_false(Kind::TlsEstablished),
            Cell::text(Some(c.facts.history()).filter(|history| !history.is_empty())),
            fingerprint(Kind::TlsCertSha256),
            fingerprint(Kind::TlsClientCertSha256),
            Cell::Unset,
        ]);
        cells
    }

    fn x509(&self, side: &Side) -> Vec<Cell> {
        let names = if side.client { Cell::Unset } else { self.fact(Kind::TlsAlternativeNames) };
        vec![
            Cell::Time(self.judged.connection.start.nanos()),
            self.fact(side.sha256),
            Cell::Unset,
            self.fact(side.serial),
            self.fact(side.subject),
            self.fact(side.issuer),
            self.time(side.not_before),
            self.time(side.not_after),
            self.fact(side.key),
            self.fact(side.signature),
            Cell::Unset,
            self.fact(side.size),
            Cell::Unset,
            Cell::Unset,
            names,
            Cell::Unset,
            Cell::Unset,
            Cell::Unset,
            Cell::Unset,
            Cell::Unset,
            Cell::Bool(true),
            Cell::Bool(side.client),
        ]
    }

    fn quic(&self) -> Vec<Cell> {
        let ids = match self.fact(Kind::QuicConnectionIds) {
            Cell::Texts(ids) => ids,
            _ => Vec::new(),
        };
        let id = |at: usize| Cell::text(ids.get(at).filter(|id| !id.is_empty()).cloned());
        let protocol = match self.fact(Kind::TlsOfferedAlpn) {
            Cell::Texts(list) => Cell::text(list.first().cloned()),
            _ => Cell::Unset,
        };
        let mut cells = self.begin();
        cells.extend([self.fact(Kind::QuicVersion), Cell::Unset, id(0), id(1), self.fact(Kind::TlsServerName), protocol, Cell::Unset]);
        cells
    }

    fn dns(&self, name: &WireStr) -> Vec<Cell> {
        let c = &self.judged.connection;
        let answers: Vec<String> = c
            .facts
            .list()
            .iter()
            .filter_map(|fact| if let What::DnsAnswer(answer) = &fact.what { Some(answer) } else { None })
            .filter(|answer| answer.name == *name)
            .flat_map(|answer| answer.addresses.iter().map(ToString::to_string))
            .collect();
        let mut cells = self.begin();
        cells.extend([Cell::Text(c.transport.name().to_owned()), Cell::Unset, Cell::Unset, Cell::Text(name.to_string())]);
        cells.extend([const { Cell::Unset }; 11]);
        cells.extend([if answers.is_empty() { Cell::Unset } else { Cell::Texts(answers) }, Cell::Unset, Cell::Unset]);
        cells
    }
}
