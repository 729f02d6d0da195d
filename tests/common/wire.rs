//! Whether bytes say something about TLS: looked for by the shapes of RFC 5246, RFC 8446, RFC 8422 and RFC 6347, without parsing
//! records or messages the way `src/dissect` does.

use intransit::base::{CipherSuite, NamedGroup, ProtocolVersion, VersionName, What};

/// Whether the bytes of one side (TCP payload in order, or one datagram) show it.
pub fn shows(bytes: &[u8], what: &What, dtls: bool) -> bool {
    // A message may be split over records: their headers are taken out in a second view.
    let bare = without_record_headers(bytes);
    [bytes, &bare].iter().any(|bytes| match what {
        What::TlsVersion(VersionName(version)) => version_is(bytes, *version, dtls),
        What::TlsCipher(suite) => hellos(bytes, dtls).iter().any(|hello| hello.suite == suite.0) || ssl2_offers(bytes, *suite),
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
    // curve_type named_curve, the curve, the length of a point of that curve (RFC 8422 §5.4).
    let named = [3, id[0], id[1]];
    let in_exchange = memchr::memmem::find_iter(bytes, &named).any(|at| matches!(bytes.get(at + 3), Some(20..=133)))
        && memchr::memchr(0x0c, bytes).is_some();
    in_hello || in_exchange
}

/// SSL 2's SERVER-HELLO: `04 session-id-hit certificate-type 00 02`.
fn ssl2_server_hello(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| matches!(bytes.get(at..at + 5), Some([4, 0 | 1, _, 0, 2])))
}

fn ssl2_offers(bytes: &[u8], _suite: CipherSuite) -> bool {
    let _ = bytes;
    false
}

/// Every value of the subject stands in the bytes of the certificate. Values that were converted or escaped are left out.
fn subject_is(bytes: &[u8], subject: &[u8]) -> bool {
    let text = String::from_utf8_lossy(subject);
    let plain = |value: &&str| value.is_ascii() && !value.contains('\\') && value.len() > 1;
    let mut values = text.split([',', '+']).filter_map(|part| part.split_once('=')).map(|(_, value)| value).filter(plain);
    text.contains('\\') || values.all(|value| contains(bytes, &[&[value.len() as u8][..], value.as_bytes()].concat()))
}
