//! The line that begins a message (RFC 3261 §7.1, §7.2).

use crate::dissect::telltale::{Unlike, require};

/// IANA's registry of SIP methods.
const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"REGISTER",
    b"OPTIONS",
    b"INFO",
    b"MESSAGE",
    b"NOTIFY",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"SUBSCRIBE",
    b"UPDATE",
];
const SCHEMES: [&[u8]; 4] = [b"sip:", b"sips:", b"tel:", b"urn:"];
const VERSION: &[u8] = b"SIP/2.0";
/// A longer start line is none.
const LONGEST: usize = 2048;

/// How many octets the start line at the front of `bytes` takes.
///
/// # Errors
/// [`Unlike::Short`] when more octets are needed to tell, [`Unlike::Other`] when it is something else.
pub(super) fn read(bytes: &[u8]) -> Result<usize, Unlike> {
    require(bytes.first().is_none_or(u8::is_ascii_uppercase))?;
    let line = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', line) else {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        require(bytes.len() < LONGEST && may_become(text))?;
        return Err(Unlike::Short);
    };
    let text = line.get(..end).and_then(|text| text.strip_suffix(b"\r")).ok_or(Unlike::Other)?;
    require(is_request(text) || is_status(text)).map(|()| end.saturating_add(1))
}

fn is_request(line: &[u8]) -> bool {
    let mut words = line.split(|&b| b == b' ');
    let (method, uri, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
    METHODS.contains(&method) && is_uri(uri) && version == Some(VERSION) && words.next().is_none()
}

fn is_uri(uri: &[u8]) -> bool {
    let scheme =
        SCHEMES.iter().any(|scheme| uri.len() > scheme.len() && uri.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
    scheme && uri.iter().all(|&b| b > b' ' && b != 0x7f)
}

fn is_status(line: &[u8]) -> bool {
    let code = line.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix(b" "));
    matches!(code, Some([b'1'..=b'6', b'0'..=b'9', b'0'..=b'9', b' ', ..]))
}

/// Whether the beginning of a line may be that of a start line.
fn may_become(line: &[u8]) -> bool {
    let begins = |word: &[u8]| line.iter().zip(word).all(|(a, b)| a == b);
    let request = |method: &&[u8]| match line.get(method.len()) {
        None => begins(method),
        Some(b' ') => {
            let uri = line.get(method.len().saturating_add(1)..).unwrap_or_default();
            let scheme = |scheme: &&[u8]| uri.iter().zip(*scheme).all(|(a, b)| a.eq_ignore_ascii_case(b));
            begins(method) && SCHEMES.iter().any(scheme)
        }
        Some(_) => false,
    };
    begins(b"SIP/2.0 ") || METHODS.iter().any(request)
}
