//! What stands in which field of which log.

use aws_lc_rs::digest::{SHA256, digest};

use super::Cell;
use crate::assess::Judged;
use crate::base::{Dir, Kind, Shown, What, WireStr};
use crate::flow::Transport;

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

/// The logs, with the fields and types of Zeek 7.1 (scripts/base/protocols/*/main.zeek, scripts/base/files/x509), and `community_id` where
/// scripts/policy/protocols/conn/community-id-logging.zeek puts it.
pub static LOGS: [Log; 5] = [
    log!("conn": "proto" "enum", "service" "string", "duration" "interval", "orig_bytes" "count", "resp_bytes" "count", "conn_state" "string",
        "local_orig" "bool", "local_resp" "bool", "missed_bytes" "count", "history" "string", "orig_pkts" "count", "orig_ip_bytes" "count",
        "resp_pkts" "count", "resp_ip_bytes" "count", "tunnel_parents" "set[string]", "ip_proto" "count", "community_id" "string"),
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
            Some(Shown::List(list)) => Cell::Texts(list.texts()),
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
        let lasted = |cell| if c.end > c.start { cell } else { Cell::Unset };
        let ip_proto = match c.transport {
            Transport::Tcp => 6,
            Transport::Udp => 17,
            Transport::Sctp => 132,
        };
        let mut cells = self.begin();
        cells.extend([
            Cell::Text(c.transport.name().to_owned()),
            Cell::text(self.service()),
            // Of a single packet, Zeek says neither.
            lasted(Cell::Interval(c.end.since(c.start))),
            lasted(Cell::Count(client.payload)),
            lasted(Cell::Count(server.payload)),
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
            Cell::Count(ip_proto),
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
            // Google's versions carry another handshake.
            ("quic", _) if self.has(Kind::TlsVersion) || self.has(Kind::TlsJa4) => "quic,ssl".to_owned(),
            ("postgres", _) => "postgresql".to_owned(),
            ("ldap", _) if self.judged.connection.transport == Transport::Udp => "ldap_udp".to_owned(),
            ("ldap", _) => "ldap_tcp".to_owned(),
            (other, _) => other.to_owned(),
        })
    }

    fn ssl(&self) -> Vec<Cell> {
        let c = &self.judged.connection;
        let version = match (self.fact(Kind::TlsVersionProtocol), self.fact(Kind::TlsVersion)) {
            (Cell::Text(family), Cell::Text(number)) => Cell::Text(match (family.as_str(), number.as_str()) {
                ("tls" | "quic", "1.3") => match self.fact(Kind::TlsVersionDetail) {
                    Cell::Text(detail) if detail.starts_with("draft-") => format!("TLSv13-{}", detail.replacen('-', "", 1)),
                    _ => "TLSv13".to_owned(),
                },
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
        let [dns, uri, email, ip] = match self.fact(Kind::TlsAlternativeNames) {
            Cell::Texts(names) if !side.client => by_kind(names),
            _ => [const { Cell::Unset }; 4],
        };
        let key = self.fact(side.key);
        let key_type = match &key {
            Cell::Text(key) => Cell::text(match key.as_str() {
                "rsa" => Some("rsa"),
                "dsa" => Some("dsa"),
                "ec" => Some("ecdsa"),
                _ => None,
            }),
            _ => Cell::Unset,
        };
        vec![
            Cell::Time(self.judged.connection.start.nanos()),
            self.fact(side.sha256),
            Cell::Unset,
            self.fact(side.serial),
            self.fact(side.subject),
            self.fact(side.issuer),
            self.time(side.not_before),
            self.time(side.not_after),
            named(key, &KEYS),
            named(self.fact(side.signature), &SIGNATURES),
            key_type,
            self.fact(side.size),
            Cell::Unset,
            Cell::Unset,
            dns,
            uri,
            email,
            ip,
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
        // Those that are not empty: of a single one it is not known whose it is.
        let (client, server) = match ids.as_slice() {
            [client, server] => (Cell::Text(client.clone()), Cell::Text(server.clone())),
            _ => (Cell::Unset, Cell::Unset),
        };
        let version = match self.fact(Kind::QuicVersion) {
            Cell::Text(version) if version == "2" => Cell::Text("quicv2".to_owned()),
            version => version,
        };
        let protocol = match self.fact(Kind::TlsOfferedAlpn) {
            Cell::Texts(list) => Cell::text(list.first().cloned()),
            _ => Cell::Unset,
        };
        let mut cells = self.begin();
        cells.extend([version, Cell::Unset, client, server, self.fact(Kind::TlsServerName), protocol, Cell::Unset]);
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

/// Kinds of keys as OpenSSL calls them, whose names Zeek prints (RFC 3279 §2.3, RFC 8410 §3).
const KEYS: [(&str, &str); 5] =
    [("rsa", "rsaEncryption"), ("ec", "id-ecPublicKey"), ("dsa", "dsaEncryption"), ("ed25519", "ED25519"), ("ed448", "ED448")];

/// Signatures as OpenSSL calls them.
const SIGNATURES: [(&str, &str); 19] = [
    ("MD2-RSA", "md2WithRSAEncryption"),
    ("MD5-RSA", "md5WithRSAEncryption"),
    ("SHA1-RSA", "sha1WithRSAEncryption"),
    ("SHA224-RSA", "sha224WithRSAEncryption"),
    ("SHA256-RSA", "sha256WithRSAEncryption"),
    ("SHA384-RSA", "sha384WithRSAEncryption"),
    ("SHA512-RSA", "sha512WithRSAEncryption"),
    ("SHA1-RSAPSS", "rsassaPss"),
    ("SHA256-RSAPSS", "rsassaPss"),
    ("SHA384-RSAPSS", "rsassaPss"),
    ("SHA512-RSAPSS", "rsassaPss"),
    ("ECDSA-SHA1", "ecdsa-with-SHA1"),
    ("ECDSA-SHA224", "ecdsa-with-SHA224"),
    ("ECDSA-SHA256", "ecdsa-with-SHA256"),
    ("ECDSA-SHA384", "ecdsa-with-SHA384"),
    ("ECDSA-SHA512", "ecdsa-with-SHA512"),
    ("DSA-SHA256", "dsa_with_SHA256"),
    ("Ed25519", "ED25519"),
    ("Ed448", "ED448"),
];

/// The name in a table; what is not in it stays as it is.
fn named(cell: Cell, names: &[(&str, &str)]) -> Cell {
    match cell {
        Cell::Text(ours) => {
            let theirs = names.iter().find(|(known, _)| *known == ours).map(|(_, theirs)| (*theirs).to_owned());
            Cell::Text(theirs.unwrap_or(ours))
        }
        other => other,
    }
}

/// Alternative names as `san.dns`, `san.uri`, `san.email`, `san.ip`, told apart by their looks: a fact holds them in one list.
fn by_kind(names: Vec<String>) -> [Cell; 4] {
    let mut lists = [const { Vec::new() }; 4];
    let [dns, uri, email, ip] = &mut lists;
    for name in names {
        if name.parse::<std::net::IpAddr>().is_ok() {
            ip.push(name);
        } else if name.contains(':') {
            uri.push(name);
        } else if name.contains('@') {
            email.push(name);
        } else {
            dns.push(name);
        }
    }
    lists.map(|list| if list.is_empty() { Cell::Unset } else { Cell::Texts(list) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternative_names_are_told_apart_by_their_looks() {
        let texts = |list: &[&str]| Cell::Texts(list.iter().map(|&name| name.to_owned()).collect());
        let all = ["a.example", "2001:db8::1", "mailto:x@a.example", "x@a.example", "*.b.example", "192.0.2.1"];
        assert_eq!(
            by_kind(all.map(str::to_owned).to_vec()),
            [
                texts(&["a.example", "*.b.example"]),
                texts(&["mailto:x@a.example"]),
                texts(&["x@a.example"]),
                texts(&["2001:db8::1", "192.0.2.1"])
            ]
        );
    }

    #[test]
    fn algorithms_have_the_names_that_zeek_prints_and_unknown_ones_stay() {
        assert_eq!(named(Cell::Text("SHA256-RSA".into()), &SIGNATURES), Cell::Text("sha256WithRSAEncryption".into()));
        assert_eq!(named(Cell::Text("1.2.3".into()), &SIGNATURES), Cell::Text("1.2.3".into()));
        assert_eq!(named(Cell::Unset, &KEYS), Cell::Unset);
    }
}
