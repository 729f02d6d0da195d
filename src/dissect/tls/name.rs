//! Distinguished names as text (RFC 4514): the last element of the certificate's sequence comes first (§2.1).

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// `CN=example.net,O=Example\, Inc.,C=US`. Bytes, because a certificate may hold any.
pub(super) fn print(name: &X509Name<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    let parts: Vec<_> = name.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        for (i, attribute) in part.iter().enumerate() {
            match (out.is_empty(), i) {
                (true, _) => {}
                (false, 0) => out.push(b','),
                (false, _) => out.push(b'+'),
            }
            match short_name(attribute.attr_type().as_bytes()) {
                Some(short) => out.extend_from_slice(short.as_bytes()),
                None => out.extend_from_slice(attribute.attr_type().to_id_string().as_bytes()),
            }
            out.push(b'=');
            value(&mut out, attribute.attr_value());
        }
    }
    out
}

/// RFC 4514 §3 and the names certificates use beyond it.
fn short_name(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 4, last] => match last {
            3 => "CN",
            4 => "SN",
            5 => "serialNumber",
            6 => "C",
            7 => "L",
            8 => "ST",
            9 => "street",
            10 => "O",
            11 => "OU",
            12 => "title",
            15 => "businessCategory",
            17 => "postalCode",
            42 => "GN",
            46 => "dnQualifier",
            65 => "pseudonym",
            97 => "organizationIdentifier",
            _ => return None,
        },
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, last] => match last {
            1 => "jurisdictionLocalityName",
            2 => "jurisdictionStateOrProvinceName",
            3 => "jurisdictionCountryName",
            _ => return None,
        },
        _ => return None,
    })
}

fn value(out: &mut Vec<u8>, any: &Any<'_>) {
    let start = out.len();
    match any.tag() {
        Tag::BmpString => {
            let units = any.as_bytes().chunks_exact(2).filter_map(|c| <[u8; 2]>::try_from(c).ok()).map(u16::from_be_bytes);
            char::decode_utf16(units).for_each(|c| push(out, start, c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        Tag::UniversalString => {
            let units = any.as_bytes().chunks_exact(4).filter_map(|c| <[u8; 4]>::try_from(c).ok()).map(u32::from_be_bytes);
            units.for_each(|c| push(out, start, char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        // In practice Latin-1.
        Tag::T61String => any.as_bytes().iter().for_each(|&b| push(out, start, char::from(b))),
        _ => {
            for &b in any.as_bytes() {
                escape(out, start, b);
                out.push(b);
            }
        }
    }
}

fn push(out: &mut Vec<u8>, start: usize, c: char) {
    let mut buffer = [0; 4];
    for &b in c.encode_utf8(&mut buffer).as_bytes() {
        escape(out, start, b);
        out.push(b);
    }
}

/// RFC 4514 §2.4: what would end a value, or change its meaning.
fn escape(out: &mut Vec<u8>, start: usize, b: u8) {
    let first = out.len() == start;
    if matches!(b, b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';') || first && matches!(b, b'#' | b' ') {
        out.push(b'\\');
    }
}
