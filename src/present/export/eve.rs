//! Suricata's EVE: `flow`, `tls` and `quic` events as JSON Lines, with `community_id`.

use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::Writer;
use crate::assess::Judged;
use crate::base::{Dir, Kind, Shown, Timestamp, WireStr};

/// Events, as Suricata 7 writes them. What is not known is absent.
#[derive(Debug, Default)]
pub struct Eve;

impl Writer for Eve {
    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        let c = &judged.connection;
        let mut events = Vec::new();
        if c.facts.has(Kind::TlsVersion) || c.facts.has(Kind::TlsJa4) {
            let quic = c.protocol() == Some("quic");
            events.push(if quic { ("quic", quic_of(judged)) } else { ("tls", tls_of(judged)) });
        }
        events.push(("flow", flow_of(judged)));
        for (kind, body) in events {
            let mut event = common(file, judged);
            event.insert("event_type".into(), kind.into());
            if kind == "flow" {
                event.extend(app_proto(c.protocol()).map(|name| ("app_proto".to_owned(), name.into())));
            }
            event.insert(kind.into(), Value::Object(body));
            // serde_json leaves DEL and what steers a terminal as they are.
            out.extend_from_slice(safe(&serde_json::to_string(&event)?).as_bytes());
            out.push(b'\n');
        }
        Ok(())
    }
}

/// Characters that steer a terminal as JSON escapes.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if WireStr::steers(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

fn common(file: &WireStr, judged: &Judged) -> Map<String, Value> {
    let c = &judged.connection;
    let hash = digest(&SHA256, format!("{file} {} {}", c.first_frame, c.community_id()).as_bytes());
    // Suricata's are below 2^53 too, so that every reader of JSON keeps them whole.
    let id = hash.as_ref().iter().take(6).fold(0u64, |n, b| n << 8 | u64::from(*b));
    let mut event = Map::new();
    event.insert("timestamp".into(), time(c.start).into());
    event.insert("flow_id".into(), id.into());
    event.insert("pcap_filename".into(), file.to_string().into());
    event.insert("pcap_cnt".into(), c.first_frame.get().into());
    event.extend(c.vlan.map(|vlan| ("vlan".to_owned(), json!([vlan]))));
    event.insert("src_ip".into(), c.client.ip.to_string().into());
    event.insert("src_port".into(), c.client.port.into());
    event.insert("dest_ip".into(), c.server.ip.to_string().into());
    event.insert("dest_port".into(), c.server.port.into());
    event.insert("proto".into(), c.transport.name().to_uppercase().into());
    event.insert("community_id".into(), c.community_id().into());
    event
}

/// `2024-05-01T09:00:00.000000+0000`.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+0000", text.get(..26).unwrap_or(&text))
}

/// Suricata's names of the protocols it knows too; of others there is none.
fn app_proto(protocol: Option<&'static str>) -> Option<&'static str> {
    Some(match protocol? {
        "tls" | "dtls" => "tls",
        known @ ("quic" | "dns" | "http" | "ssh" | "smtp" | "ftp" | "imap" | "mqtt" | "sip" | "snmp" | "telnet" | "tftp" | "dhcp"
        | "ntp" | "ldap" | "pop3") => known,
        "postgres" => "pgsql",
        "ike" => "ike",
        _ => return None,
    })
}

fn value(judged: &Judged, kind: Kind) -> Option<Value> {
    fn json(shown: &Shown<'_>) -> Value {
        match shown {
            Shown::Bool(is) => Value::Bool(*is),
            Shown::Number(n) => (*n).into(),
            Shown::List(list) => {
                let mut values = Vec::new();
                list.each(&mut |item| values.push(json(item)));
                Value::Array(values)
            }
            Shown::Text(text) => text.as_ref().into(),
            Shown::Wire(text) => text.to_string().into(),
        }
    }
    judged.connection.facts.get(kind).map(|fact| json(&fact.what.shown()))
}

fn put(body: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    body.extend(value.map(|value| (name.to_owned(), value)));
}

fn hash(value: Option<Value>) -> Option<Value> {
    value.map(|hash| json!({ "hash": hash }))
}

fn tls_of(judged: &Judged) -> Map<String, Value> {
    let mut body = Map::new();
    let of = |kind| value(judged, kind);
    put(&mut body, "subject", of(Kind::TlsSubject).map(dn));
    put(&mut body, "issuerdn", of(Kind::TlsIssuer).map(dn));
    put(&mut body, "subjectaltname", of(Kind::TlsAlternativeNames));
    put(&mut body, "serial", of(Kind::TlsSerial).map(colons));
    put(&mut body, "fingerprint", of(Kind::TlsCertSha1).map(colons).map(|text| text.as_str().unwrap_or_default().to_lowercase().into()));
    put(&mut body, "sni", of(Kind::TlsServerName));
    put(&mut body, "version", version(judged));
    put(&mut body, "notbefore", of(Kind::TlsNotBefore).map(without_zone));
    put(&mut body, "notafter", of(Kind::TlsNotAfter).map(without_zone));
    put(&mut body, "session_resumed", of(Kind::TlsResumed).filter(|is| *is == Value::Bool(true)));
    put(&mut body, "client_alpns", of(Kind::TlsOfferedAlpn));
    put(&mut body, "server_alpns", of(Kind::TlsNextProtocol).map(|alpn| json!([alpn])));
    put(&mut body, "ja3", hash(of(Kind::TlsJa3)));
    put(&mut body, "ja3s", hash(of(Kind::TlsJa3s)));
    put(&mut body, "ja4", of(Kind::TlsJa4));
    let mut client = Map::new();
    put(&mut client, "subject", of(Kind::TlsClientSubject).map(dn));
    put(&mut client, "issuerdn", of(Kind::TlsClientIssuer).map(dn));
    put(&mut client, "serial", of(Kind::TlsClientSerial).map(colons));
    let sha1 = of(Kind::TlsClientCertSha1).map(colons);
    put(&mut client, "fingerprint", sha1.map(|text| text.as_str().unwrap_or_default().to_lowercase().into()));
    put(&mut client, "notbefore", of(Kind::TlsClientNotBefore).map(without_zone));
    put(&mut client, "notafter", of(Kind::TlsClientNotAfter).map(without_zone));
    put(&mut body, "client", Some(client).filter(|client| !client.is_empty()).map(Value::Object));
    body
}

/// `C=US, O=Example, CN=a.example`: the order of the certificate. RFC 4514 has the last first, and a backslash before what separates.
fn dn(name: Value) -> Value {
    let mut parts = vec![String::new()];
    let mut chars = name.as_str().unwrap_or_default().chars();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            (',', _) => parts.push(String::new()),
            (c, Some(part)) => {
                part.push(c);
                // Whatever comes next is part of the value.
                if c == '\\' {
                    part.extend(chars.next());
                }
            }
            (_, None) => {}
        }
    }
    parts.reverse();
    parts.join(", ").replace("\\,", ",").into()
}

/// `TLS 1.3`, `TLSv1` for 1.0, `SSLv3`, `DTLS 1.2`: Suricata's spelling.
fn version(judged: &Judged) -> Option<Value> {
    let number = value(judged, Kind::TlsVersion)?.as_str()?.to_owned();
    let family = value(judged, Kind::TlsVersionProtocol)?.as_str()?.to_uppercase();
    Some(match (family.as_str(), number.as_str()) {
        ("TLS", "1.0") => "TLSv1".into(),
        ("SSL", number) => format!("SSLv{}", number.trim_end_matches(".0")).into(),
        (family, number) => format!("{family} {number}").into(),
    })
}

/// `AB:CD`.
fn colons(hex: Value) -> Value {
    let text = hex.as_str().unwrap_or_default();
    let pairs: Vec<&str> = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    pairs.join(":").into()
}

/// Suricata's times of certificates have no zone.
fn without_zone(time: Value) -> Value {
    time.as_str().unwrap_or_default().trim_end_matches('Z').into()
}

fn quic_of(judged: &Judged) -> Map<String, Value> {
    let mut body = Map::new();
    put(&mut body, "version", value(judged, Kind::QuicVersion));
    put(&mut body, "sni", value(judged, Kind::TlsServerName));
    put(&mut body, "ja3", hash(value(judged, Kind::TlsJa3)));
    put(&mut body, "ja3s", hash(value(judged, Kind::TlsJa3s)));
    put(&mut body, "ja4", value(judged, Kind::TlsJa4));
    body
}

fn flow_of(judged: &Judged) -> Map<String, Value> {
    let c = &judged.connection;
    let (client, server) = (c.tally(Dir::Client), c.tally(Dir::Server));
    let body = json!({
        "pkts_toserver": client.packets, "pkts_toclient": server.packets,
        "bytes_toserver": client.bytes, "bytes_toclient": server.bytes,
        "start": time(c.start), "end": time(c.end), "age": c.end.since(c.start) / 1_000_000_000,
    });
    if let Value::Object(body) = body { body } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_certificate() {
        assert_eq!(dn("CN=a.example,O=Example\\, Inc,C=US".into()), "C=US, O=Example, Inc, CN=a.example");
        assert_eq!(dn("CN=a".into()), "CN=a");
        assert_eq!(dn("".into()), "");
    }
}
