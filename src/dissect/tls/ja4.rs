//! JA4, the TLS client fingerprint of FoxIO (the part under the BSD licence; the other fingerprints of the suite are not free and stay out).

use std::fmt::Write as _;

use aws_lc_rs::digest;
use smallvec::SmallVec;

use super::Carrier;
use super::hello::{ClientHello, Codes};
use crate::base::ExtensionType;

/// What stands for the hash of nothing.
const NOTHING: &str = "000000000000";

/// `t13d1516h2_8daaf6152771_e5627efa2ab1`.
pub(super) fn client(hello: &ClientHello<'_>, carrier: Carrier) -> String {
    let mut out = String::with_capacity(36);
    out.push(match carrier {
        Carrier::Tls => 't',
        Carrier::Dtls => 'd',
        Carrier::Quic => 'q',
    });
    out.push_str(version(hello));
    out.push(if hello.extensions.get(ExtensionType::SERVER_NAME).is_some() { 'd' } else { 'i' });

    let mut ciphers: SmallVec<[u16; 64]> = hello.ciphers.plain().collect();
    let mut extensions: SmallVec<[u16; 64]> = hello.extensions.iter().filter(|(k, _)| !k.is_grease()).map(|(k, _)| k.0).collect();
    // Writing to a String cannot fail.
    let _ = write!(out, "{:02}{:02}", ciphers.len().min(99), extensions.len().min(99));
    application_protocol(&mut out, hello.alpn().next().unwrap_or_default());

    ciphers.sort_unstable();
    out.push('_');
    let mut list = String::with_capacity(512);
    hexadecimal(&mut list, ciphers.iter().copied());
    hash(&mut out, &list);

    extensions.retain(|k| !matches!(ExtensionType(*k), ExtensionType::SERVER_NAME | ExtensionType::ALPN));
    extensions.sort_unstable();
    out.push('_');
    list.clear();
    hexadecimal(&mut list, extensions.iter().copied());
    let schemes = hello.signature_algorithms().unwrap_or(Codes(&[]));
    if schemes.plain().next().is_some() {
        list.push('_');
        hexadecimal(&mut list, schemes.plain());
    }
    hash(&mut out, &list);
    out
}

/// The highest version offered.
fn version(hello: &ClientHello<'_>) -> &'static str {
    let known = |v: u16| {
        Some(match v {
            0x0304 => (7, "13"),
            0x0303 => (6, "12"),
            0x0302 => (5, "11"),
            0x0301 => (4, "10"),
            0x0300 => (3, "s3"),
            0x0002 => (2, "s2"),
            0xfefc => (7, "d3"),
            0xfefd => (6, "d2"),
            0xfeff => (5, "d1"),
            _ => return None,
        })
    };
    let highest = match hello.supported_versions() {
        Some(list) => list.plain().filter_map(known).max(),
        None => known(hello.version),
    };
    highest.map_or("00", |(_, name)| name)
}

/// First and last character of the first protocol, or of its hexadecimal form where one of them is no letter or digit.
fn application_protocol(out: &mut String, protocol: &[u8]) {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else {
        out.push_str("00");
        return;
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        out.push(char::from(first));
        out.push(char::from(last));
    } else {
        let _ = write!(out, "{:x}{:x}", first >> 4, last & 0x0f);
    }
}

fn hexadecimal(list: &mut String, numbers: impl Iterator<Item = u16>) {
    for (i, n) in numbers.enumerate() {
        if i > 0 {
            list.push(',');
        }
        for shift in [12, 8, 4, 0] {
            list.push(digit((n >> shift & 0x0f) as u8));
        }
    }
}

/// A hexadecimal digit, of a number below 16.
fn digit(n: u8) -> char {
    char::from(if n < 10 { b'0' + n } else { b'a' + (n & 0x0f) - 10 })
}

/// The first 12 characters of the SHA-256.
fn hash(out: &mut String, list: &str) {
    if list.is_empty() {
        out.push_str(NOTHING);
        return;
    }
    for byte in digest::digest(&digest::SHA256, list.as_bytes()).as_ref().iter().take(6) {
        out.extend([byte >> 4, byte & 0x0f].map(digit));
    }
}
