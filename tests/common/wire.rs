//! Whether bytes say something about TLS: looked for by the shapes of RFC 5246, RFC 8446, RFC 8422 and RFC 6347, without parsing
//! records or messages the way `src/dissect` does.

use intransit::base::{NamedGroup, ProtocolVersion, VersionName, What};

/// Whether the bytes of one side (TCP payload in order, or one datagram) show it.
pub fn shows(bytes: &[u8], what: &What, dtls: bool) -> bool {
    // A message may be split over records: their headers are taken out in a second view.
    let bare = without_record_headers(bytes);
    [bytes, &bare].iter().filter(|bytes| !bytes.is_empty()).any(|bytes| match what {
        What::TlsVersion(VersionName(version)) => version_is(bytes, *version, dtls),
        What::TlsCipher(suite) => hellos(bytes, dtls).iter().any(|hello| hello.suite == suite.0),
        What::TlsCurve(group) => group_is(bytes, *group, dtls),
        What::TlsServerName(name) => {
            let name = name.as_bytes();
            let len = name.len() as u16;
            // server_name_list: its length, host_name, the name's length, the name (RFC 6066 §3).
            let entry = [&(len + 3).to_be_bytes()[..], &[0], &len.to_be_bytes(), name].concat();
            contains(bytes, &entry) || contains(bytes, &entry[2..])
        }
        What::TlsOfferedAlpn(ids) => ids.iter().all(|id| {
            let id = id.as_bytes();
            contains(bytes, &[&[id.len() as u8][..], id].concat())
        }),
        What::TlsSubject(subject) => subject_is(bytes, subject.as_bytes()),
        What::TlsCertSha256(digest) => certificate_is(bytes, digest),
        What::QuicVersion(version) => {
            // A long header (RFC 8999 §5.1), or Google's public header: flags with the version bit, a connection id where its bit says so.
            let at = match bytes[0] {
                flags if flags & 0x80 != 0 => 1,
                flags => 1 + usize::from(flags & 0x08),
            };
            bytes[0] & 0x81 != 0 && bytes.get(at..at + 4) == Some(&version.0.to_be_bytes())
        }
        _ => false,
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

/// Cuts out what looks like a TLS record header, from the first one on.
fn without_record_headers(bytes: &[u8]) -> Vec<u8> {
    let is_header = |at: usize| matches!(bytes.get(at..at + 3), Some([20..=23, 3, 0..=4]));
    let Some(mut at) = (0..bytes.len()).find(|&at| is_header(at)) else { return Vec::new() };
    let mut bare = bytes[..at].to_vec();
    while is_header(at) && at + 5 <= bytes.len() {
        let len = usize::from(u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]));
        bare.extend(&bytes[at + 5..(at + 5 + len).min(bytes.len())]);
        at += 5 + len;
    }
    bare
}

struct Hello {
    legacy: u16,
    suite: u16,
    /// Behind the compression method.
    rest: Vec<u8>,
}

/// Everything shaped like a `ServerHello`: `02 length version random session-id cipher compression`.
fn hellos(bytes: &[u8], dtls: bool) -> Vec<Hello> {
    let mut found = Vec::new();
    // DTLS adds message_seq, fragment_offset and fragment_length (RFC 6347 §4.2.2).
    let header = if dtls { 12 } else { 4 };
    for at in memchr::memchr_iter(2, bytes) {
        let Some(body) = bytes.get(at + header..) else { continue };
        let len = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let plausible_version = matches!(body, [3, 0..=4, ..] | [0x7f | 0xfb | 0x7e, _, ..] | [0xfe, 0xff | 0xfd | 0xfc, ..] | [1, 0, ..]);
        if bytes[at + 1] != 0 || !plausible_version || len < 34 {
            continue;
        }
        // Drafts of TLS 1.3 before 22 had no session id: version, random, cipher, extensions.
        if let Some(&[high, low]) = body.get(34..36)
            && matches!(body[0], 0x7f)
        {
            found.push(Hello { legacy: word(body), suite: u16::from_be_bytes([high, low]), rest: message(&body[36..], len, 36) });
        }
        let Some(&sid) = body.get(34).filter(|sid| **sid <= 32) else { continue };
        let cipher_at = 35 + usize::from(sid);
        if let Some(&[high, low, _compression]) = body.get(cipher_at..cipher_at + 3) {
            let rest = message(&body[cipher_at + 3..], len, cipher_at + 3);
            found.push(Hello { legacy: word(body), suite: u16::from_be_bytes([high, low]), rest });
        }
    }
    found
}

fn message(rest: &[u8], len: usize, read: usize) -> Vec<u8> {
    rest[..len.saturating_sub(read).min(rest.len())].to_vec()
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// supported_versions (43) of a `ServerHello` where there is one, else its old version field.
fn version_is(bytes: &[u8], version: ProtocolVersion, dtls: bool) -> bool {
    let negotiated = [&[0, 0x2b, 0, 2][..], &version.0.to_be_bytes()].concat();
    hellos(bytes, dtls).iter().any(|hello| {
        let new = memchr::memmem::find(&hello.rest, &[0, 0x2b, 0, 2]).is_some();
        if new { contains(&hello.rest, &negotiated) } else { hello.legacy == version.0 }
    }) || version.0 == 2 && ssl2_server_hello(bytes).is_some()
}

/// key_share (51, 40 in early drafts) of a `ServerHello`, or a named curve in a `ServerKeyExchange`.
fn group_is(bytes: &[u8], group: NamedGroup, dtls: bool) -> bool {
    let id = group.0.to_be_bytes();
    let in_hello = hellos(bytes, dtls).iter().any(|hello| {
        [0x33, 0x28]
            .iter()
            .any(|extension| memchr::memmem::find_iter(&hello.rest, &[0, *extension]).any(|at| hello.rest.get(at + 4..at + 6) == Some(&id)))
    });
    // ServerKeyExchange: a PSK hint where the suite has one, curve_type named_curve, the curve, the length of a point
    // (RFC 8422 §5.4, RFC 5489 §2).
    let header = if dtls { 12 } else { 4 };
    let in_exchange = memchr::memchr_iter(0x0c, bytes).any(|at| {
        let Some(body) = bytes.get(at + header..at + header + 4) else { return false };
        let names = |at: usize| bytes.get(at..at + 3) == Some(&[3, id[0], id[1]]) && matches!(bytes.get(at + 3), Some(20..=133));
        bytes[at + 1] == 0 && (names(at + header) || names(at + header + 2 + usize::from(word(body))))
    });
    in_hello || in_exchange
}

/// A certificate (DER: `30 82` and its length) with this digest, behind its length in a `Certificate` message.
fn certificate_is(bytes: &[u8], digest: &[u8; 32]) -> bool {
    memchr::memmem::find_iter(bytes, &[0x30, 0x82]).any(|at| {
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
        let whole = usize::from(u16::from_be_bytes([high, low])) + 4;
        let Some(der) = bytes.get(at..at + whole) else { return false };
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref() == digest
    })
}

/// SSL 2's SERVER-HELLO: `04 session-id-hit certificate-type 00 02`.
fn ssl2_server_hello(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| matches!(bytes.get(at..at + 5), Some([4, 0 | 1, _, 0, 2])))
}

/// The values of a distinguished name that stand in it as they stand in the certificate: nothing escaped, nothing converted.
fn plain_values(subject: &str) -> Vec<&str> {
    let values = subject.split([',', '+']).filter_map(|part| part.split_once('=')).map(|(_, value)| value);
    values.filter(|value| value.is_ascii() && value.len() > 1).collect()
}

/// Whether a distinguished name can be looked for in bytes.
pub fn is_plain(subject: &[u8]) -> bool {
    let text = String::from_utf8_lossy(subject);
    !text.contains('\\') && !plain_values(&text).is_empty()
}

/// Every value of the subject stands in the bytes, behind its length.
fn subject_is(bytes: &[u8], subject: &[u8]) -> bool {
    let text = String::from_utf8_lossy(subject);
    plain_values(&text).iter().all(|value| contains(bytes, &[&[value.len() as u8][..], value.as_bytes()].concat()))
}
