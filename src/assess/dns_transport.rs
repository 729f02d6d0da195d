//! Encrypted DNS: over TLS (RFC 7858), HTTPS (RFC 8484) and QUIC (RFC 9250), told from other TLS by what is in clear.
//!
//! The application protocol says so, or the name of a public resolver. The port alone says nothing; together with a name like a resolver's it
//! supports the inference.

use crate::base::{Evidence, Facts, Kind, What, WireStr};
use crate::flow::Connection;

/// IANA: `domain-s`, for DNS over TLS and over QUIC.
const PORT: u16 = 853;
/// Names under which public resolvers serve DNS over HTTPS or TLS, by their operators' own pages; a name that begins with a dot stands for
/// everything below it.
const RESOLVERS: &[&str] = &[
    "dns.google",
    "dns64.dns.google",
    "cloudflare-dns.com",
    ".cloudflare-dns.com",
    "one.one.one.one",
    "dns.quad9.net",
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "doh.opendns.com",
    "dns.opendns.com",
    "doh.familyshield.opendns.com",
    "dns.adguard.com",
    "dns.adguard-dns.com",
    "family.adguard-dns.com",
    "unfiltered.adguard-dns.com",
    "dns.nextdns.io",
    ".dns.nextdns.io",
    "doh.cleanbrowsing.org",
    "dns.controld.com",
    "freedns.controld.com",
    "dns.mullvad.net",
    "adblock.dns.mullvad.net",
    "doh.dns.sb",
    "dot.sb",
    "doh.dns.apple.com",
    "dns.alidns.com",
    "doh.pub",
    "dot.pub",
    "doh.xfinity.com",
    "ordns.he.net",
    "odvr.nic.cz",
    "dns.switch.ch",
    "dns.digitale-gesellschaft.ch",
];

/// States that a connection carries DNS, and how. Returns whether it does.
pub(super) fn state(connection: &mut Connection) -> bool {
    let Some((word, evidence)) = of(connection) else { return false };
    connection.facts.infer(What::DnsTransport(word), evidence);
    true
}

fn of(connection: &Connection) -> Option<(&'static str, Evidence)> {
    let facts = &connection.facts;
    let over_quic = match connection.protocol() {
        Some("quic") => true,
        Some("tls") => false,
        _ => return None,
    };
    let (over_tls, port) = (if over_quic { "doq" } else { "dot" }, connection.server.port == PORT);
    // RFC 7858 has none; "dot" is registered for it (IANA "TLS ALPN Protocol IDs"), "doq" by RFC 9250 §4.1.1, with drafts before it.
    if let Some(evidence) = offers(facts, |name| name == b"dot" || name == b"doq" || name.starts_with(b"doq-i")) {
        return Some((over_tls, evidence));
    }
    let (name, evidence) = match facts.get(Kind::TlsServerName) {
        Some(fact) => match &fact.what {
            What::TlsServerName(name) => (name.as_bytes().to_ascii_lowercase(), &fact.evidence),
            _ => return None,
        },
        None => return None,
    };
    let speaks_http = offers(facts, |name| name.starts_with(b"h")).is_some();
    if is_resolver(&name) {
        return Some((if port && !speaks_http { over_tls } else { "doh" }, evidence.clone()));
    }
    let first = name.split(|&b| b == b'.').next().unwrap_or_default();
    let like_a_resolver = first.starts_with(b"dns") || first.starts_with(b"dot") || first.starts_with(b"resolver");
    (port && !speaks_http && like_a_resolver).then(|| (over_tls, evidence.clone()))
}

fn is_resolver(name: &[u8]) -> bool {
    RESOLVERS.iter().any(|known| if known.starts_with('.') { name.ends_with(known.as_bytes()) } else { name == known.as_bytes() })
}

/// The frames where an application protocol was chosen or offered that fits.
fn offers(facts: &Facts, fits: impl Fn(&[u8]) -> bool) -> Option<Evidence> {
    let one = |name: &WireStr| fits(name.as_bytes());
    let fact = facts.list().iter().find(|fact| match &fact.what {
        What::TlsNextProtocol(name) => one(name),
        What::TlsOfferedAlpn(names) => names.iter().any(one),
        _ => false,
    })?;
    Some(fact.evidence.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::base::{Frame, FrameNo, LinkType, Timestamp};
    use crate::flow::{Endpoint, Transport};

    fn said(protocol: &'static str, port: u16, name: &str, alpn: &[&str]) -> Option<&'static str> {
        let frame = Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 };
        let mut facts = Facts::new();
        if !name.is_empty() {
            facts.observe(What::TlsServerName(name.into()), frame.evidence());
        }
        if !alpn.is_empty() {
            facts.observe(What::TlsOfferedAlpn(alpn.iter().map(|&name| name.into()).collect()), frame.evidence());
        }
        facts.observe(What::Protocol(protocol), frame.evidence());
        let end = |port| Endpoint { ip: [192, 0, 2, 1].into(), port };
        let mut connection = Connection {
            transport: Transport::Tcp,
            client: end(5000),
            server: end(port),
            guessed: false,
            first_frame: FrameNo::FIRST,
            last_frame: FrameNo::FIRST,
            start: Timestamp::ZERO,
            end: Timestamp::ZERO,
            sent: Default::default(),
            vlan: None,
            truncated: 0,
            facts,
        };
        state(&mut connection);
        match connection.facts.get(Kind::DnsTransport).map(|fact| &fact.what) {
            Some(What::DnsTransport(word)) => Some(word),
            _ => None,
        }
    }

    #[test]
    fn the_application_protocol_or_the_name_of_a_resolver_says_that_it_is_dns() {
        for (protocol, port, name, alpn, expected) in [
            ("tls", 443, "", ["dot"].as_slice(), Some("dot")),
            ("quic", 8853, "dns.example.net", &["doq"], Some("doq")),
            ("quic", 784, "", &["doq-i00"], Some("doq")),
            ("tls", 853, "dns.google", &[], Some("dot")),
            ("tls", 443, "Mozilla.Cloudflare-DNS.com", &["h2"], Some("doh")),
            ("quic", 443, "dns.google", &["h3"], Some("doh")),
            ("tls", 853, "dns.example.net", &[], Some("dot")),
            ("tls", 443, "dns.example.net", &["h2"], None),
            ("tls", 853, "chat.example.net", &[], None),
            ("tls", 853, "", &[], None),
            ("tls", 443, "notcloudflare-dns.com", &["h2"], None),
            ("http", 853, "dns.google", &[], None),
        ] {
            assert_eq!(said(protocol, port, name, alpn), expected, "{protocol} {port} {name} {alpn:?}");
        }
    }
}
