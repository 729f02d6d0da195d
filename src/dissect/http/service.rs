//! HTTP that devices speak by themselves to keep the network going: certificate status, revocation lists, connectivity checks.

/// What a message's `Content-Type` says (RFC 9110 §8.3), as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Type {
    /// None is given.
    #[default]
    Unstated,
    /// A question for the status of a certificate, or its answer (RFC 6960 appendix A).
    Ocsp,
    /// A certificate or a revocation list (RFC 2585 §4).
    Pki,
    /// Fields of a form, or JSON: passwords have names there.
    Fields,
    /// A stream of octets of no stated kind.
    Octets,
    Other,
}

const PKI: [&str; 9] = [
    "application/pkix-crl",
    "application/x-pkcs7-crl",
    "application/pkix-cert",
    "application/pkix-attr-cert",
    "application/x-x509-ca-cert",
    "application/x-x509-server-cert",
    "application/x-pkcs7-certificates",
    "application/pkcs7-mime",
    "application/pem-certificate-chain",
];

impl Type {
    pub(super) fn of(value: &[u8]) -> Type {
        let name = value.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
        let ends = |end: &[u8]| name.len() > end.len() && name.get(name.len() - end.len()..).is_some_and(|e| e.eq_ignore_ascii_case(end));
        if ["application/ocsp-request", "application/ocsp-response"].iter().any(is) {
            Type::Ocsp
        } else if PKI.iter().any(is) {
            Type::Pki
        } else if ["application/x-www-form-urlencoded", "application/json", "text/json"].iter().any(is) || ends(b"+json") {
            Type::Fields
        } else if ["application/octet-stream", "binary/octet-stream", "application/x-download"].iter().any(is) {
            Type::Octets
        } else {
            Type::Other
        }
    }
}

/// Whether a path names a certificate or a revocation list (RFC 2585 §3).
pub(super) fn is_pki_path(target: &[u8]) -> bool {
    let path = target.split(|&b| b == b'?').next().unwrap_or_default();
    let extension = memchr::memrchr(b'.', path).and_then(|at| path.get(at + 1..)).unwrap_or_default();
    [b"crl".as_slice(), b"crt", b"cer", b"p7c", b"p7b"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Hosts and paths that systems and browsers ask to see whether they are online, from their vendors' documentation and source code. An
/// empty path: whatever is asked of this host.
const CHECKS: [(&str, &str); 31] = [
    ("captive.apple.com", ""),
    ("www.apple.com", "/library/test/success.html"),
    ("www.appleiphonecell.com", ""),
    ("www.itools.info", ""),
    ("www.ibook.info", ""),
    ("www.airport.us", ""),
    ("www.thinkdifferent.us", ""),
    ("connectivitycheck.gstatic.com", ""),
    ("connectivitycheck.android.com", ""),
    ("clients1.google.com", "/generate_204"),
    ("clients3.google.com", "/generate_204"),
    ("www.gstatic.com", "/generate_204"),
    ("www.google.com", "/gen_204"),
    ("play.googleapis.com", "/generate_204"),
    ("www.msftconnecttest.com", ""),
    ("ipv6.msftconnecttest.com", ""),
    ("www.msftncsi.com", ""),
    ("ipv6.msftncsi.com", ""),
    ("detectportal.firefox.com", ""),
    ("nmcheck.gnome.org", ""),
    ("connectivity-check.ubuntu.com", ""),
    ("network-test.debian.org", "/nm"),
    ("fedoraproject.org", "/static/hotspot.txt"),
    ("www.archlinux.org", "/check_network_status.txt"),
    ("ping.archlinux.org", ""),
    ("conncheck.opensuse.org", ""),
    ("connectivitycheck.platform.hicloud.com", ""),
    ("connect.rom.miui.com", ""),
    ("spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html"),
    ("conntest.nintendowifi.net", ""),
    ("ctest.cdn.nintendo.net", ""),
];

/// Whether a request only asks whether the network works. `host` may have a port; a target with a query is never taken for one, unless
/// the whole host exists for nothing else.
pub(super) fn is_connectivity_check(host: &[u8], target: &[u8]) -> bool {
    let host = host.split(|&b| b == b':').next().unwrap_or_default();
    // Many vendors' devices ask hosts of their own for this path, which means nothing else.
    let path = target.strip_prefix(b"http://").and_then(|rest| rest.get(memchr::memchr(b'/', rest)?..)).unwrap_or(target);
    path == b"/generate_204"
        || CHECKS.iter().any(|(known, at)| host.eq_ignore_ascii_case(known.as_bytes()) && (at.is_empty() || path == at.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_status_and_lists_are_told_by_their_types_and_names() {
        assert_eq!(Type::of(b"application/ocsp-response"), Type::Ocsp);
        assert_eq!(Type::of(b"Application/PKIX-CRL; x=y"), Type::Pki);
        assert_eq!(Type::of(b"application/vnd.api+json"), Type::Fields);
        assert_eq!(Type::of(b"text/html"), Type::Other);
        assert!(is_pki_path(b"/DigiCertGlobalRootCA.crl") && is_pki_path(b"/a/b.CER?x=1.html"));
        assert!(!is_pki_path(b"/crl") && !is_pki_path(b"/a.crl/b") && !is_pki_path(b"/?file=a.crl"));
    }

    #[test]
    fn a_connectivity_check_asks_a_known_host_for_what_it_is_there_for() {
        assert!(is_connectivity_check(b"captive.apple.com", b"/hotspot-detect.html"));
        assert!(is_connectivity_check(b"Clients3.Google.com:80", b"/generate_204"));
        assert!(is_connectivity_check(b"204.vendor.example", b"/generate_204"));
        assert!(is_connectivity_check(b"proxied.example", b"http://proxied.example/generate_204"));
        assert!(!is_connectivity_check(b"www.google.com", b"/gen_204?atyp=i&ei=abc"));
        assert!(!is_connectivity_check(b"www.apple.com", b"/"));
        assert!(!is_connectivity_check(b"captive.apple.com.example", b"/hotspot-detect.html"));
    }
}
