//! Whether the other side was who it said: from the certificate facts, at capture time (contract §2, Peer identity).

use super::grade::Identity;
use super::judge::word;
use crate::base::{Facts, Kind, What, WireStr};
use crate::flow::Connection;

/// Issuers that intercepting proxies make for themselves, and what they are called: the default names in each product's own code or
/// documentation.
const INTERCEPTORS: &[(&str, &str)] = &[
    ("mitmproxy", "mitmproxy"),
    ("pcapdroid", "PCAPdroid"),
    ("portswigger", "Burp Suite"),
    ("charles proxy", "Charles"),
    ("do_not_trust_fiddlerroot", "Fiddler"),
    ("proxyman", "Proxyman"),
    ("owasp zed attack proxy", "ZAP"),
    ("http toolkit", "HTTP Toolkit"),
    ("adguard personal ca", "AdGuard"),
    ("zscaler intermediate root ca", "Zscaler"),
    ("fortinet_ca_ssl", "a Fortinet gateway"),
    ("fortinet untrusted ca", "a Fortinet gateway"),
    ("kaspersky anti-virus personal root", "Kaspersky"),
    ("avast web/mail shield", "Avast"),
    ("bitdefender personal ca", "Bitdefender"),
    ("eset ssl filter", "ESET"),
    ("goskope.com", "Netskope"),
    ("superfish", "Superfish"),
];

/// The product whose name stands in an issuer, if it is one that intercepts.
pub(super) fn interceptor(issuer: &WireStr) -> Option<&'static str> {
    let issuer = issuer.as_bytes().to_ascii_lowercase();
    let contains = |part: &str| memchr::memmem::find(&issuer, part.as_bytes()).is_some();
    INTERCEPTORS.iter().find(|(part, _)| contains(part)).map(|(_, product)| *product)
}

/// What the server's certificate comes to. `valid` only where a path to a root, the name and the time hold.
pub(super) fn of(c: &Connection) -> Identity {
    let facts = &c.facts;
    let Some(What::TlsChainState(words)) = facts.get(Kind::TlsChainState).map(|fact| &fact.what) else {
        return Identity::Unverified;
    };
    let is = |word: &str| words.contains(&word);
    if is_private(facts) && !is("trusted-path") {
        return Identity::Private;
    }
    let spoilt = ["expired", "not-yet-valid", "name-mismatch", "self-signed", "bad-signature"].iter().any(|word| is(word));
    if spoilt || weak_key(facts).is_some() || weak_signature(facts).is_some() {
        return Identity::Invalid;
    }
    if is("trusted-path") && is("name-matches") && !is("clock-unset") { Identity::Valid } else { Identity::Unverified }
}

/// Whether public trust is not the norm here: media keyed by fingerprints (RFC 8827 §6.5), mail between servers (RFC 7672 §1.3).
fn is_private(facts: &Facts) -> bool {
    word(facts, Kind::TlsVersionProtocol) == Some("dtls") || word(facts, Kind::StartTls) == Some("smtp")
}

/// Why an identity could not be verified.
pub(super) fn reason(facts: &Facts) -> &'static str {
    match facts.get(Kind::TlsChainState).map(|fact| &fact.what) {
        Some(What::TlsChainState(words)) if words.contains(&"clock-unset") => "the capture carries no real time to compare with",
        Some(What::TlsChainState(words)) if words.contains(&"trusted-path") => "the chain holds, but no name was asked for to compare",
        Some(What::TlsChainState(words)) if words.contains(&"path-broken") => "the chain does not hold",
        Some(What::TlsChainState(_)) => "no path to a root of the list used here",
        _ => "the chain could not be read",
    }
}

/// A key of less than 112 bits of strength (NIST SP 800-57 Part 1 §5.6.1), in words.
pub(super) fn weak_key(facts: &Facts) -> Option<String> {
    let (What::TlsKeyAlgorithm(kind), What::TlsKeySize(bits)) =
        (&facts.get(Kind::TlsKeyAlgorithm)?.what, &facts.get(Kind::TlsKeySize)?.what)
    else {
        return None;
    };
    let least = match kind.as_str() {
        "rsa" | "dsa" => 2048,
        "ec" => 224,
        _ => return None,
    };
    (*bits < least).then(|| format!("{kind} key of {bits} bits"))
}

/// MD2, MD5 and SHA-1 signatures (RFC 9155).
pub(super) fn weak_signature(facts: &Facts) -> Option<&str> {
    let What::TlsSignatureAlgorithm(name) = &facts.get(Kind::TlsSignatureAlgorithm)?.what else { return None };
    let weak = ["MD2", "MD5", "SHA1"].iter().any(|hash| name.contains(hash));
    weak.then_some(name.as_str())
}
