//! LDAP (RFC 4511) and its `StartTLS` operation (§4.14).

use super::super::{Next, Payload, Probe, Protocol};
use super::{Upgrade, tls_at_front};
use crate::base::{Dir, Exposed, Facts, Reader, Sides, What, Window};

/// The name of the `StartTLS` operation (RFC 4511 §4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// A message is not larger than this, or it is not LDAP.
const LARGEST: usize = 1 << 24;
/// Octets of a message that are read; of a larger one the rest is counted only.
const LARGEST_READ: usize = 4096;

const BIND_REQUEST: u8 = 0x60;
const SEARCH_REQUEST: u8 = 0x63;
const ENTRY: u8 = 0x64;
/// Add, modify, rename (RFC 4511 §4.6, §4.7, §4.9): each begins with the name of an entry.
const CHANGES: [u8; 3] = [0x66, 0x68, 0x6c];
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// Tags of `protocolOp` (RFC 4511 §4.2 to §4.13) that only a client or only a server sends.
const REQUESTS: [u8; 10] = [0x60, 0x42, 0x63, 0x66, 0x68, 0x4a, 0x6c, 0x6e, 0x50, EXTENDED_REQUEST];
const RESPONSES: [u8; 11] = [0x61, 0x64, 0x65, 0x73, 0x67, 0x69, 0x6b, 0x6d, 0x6f, EXTENDED_RESPONSE, 0x79];

/// An LDAP connection.
#[derive(Debug, Default)]
pub struct Ldap {
    named: bool,
    /// Octets of the current message that are not read, and what they are, if worth stating.
    skip: Sides<(usize, Option<&'static str>)>,
    /// The message id of the request for TLS.
    id: u32,
    upgrade: Upgrade,
}

/// The beginning of an `LDAPMessage` (RFC 4511 §4.1.1).
#[derive(Debug)]
struct Header {
    /// Octets of the whole message.
    len: usize,
    id: u32,
    op: u8,
    /// Where the content of the operation is.
    body: std::ops::Range<usize>,
}

/// Why there is no header.
#[derive(Debug)]
enum NoHeader {
    Short,
    NotLdap,
}

impl From<crate::base::Short> for NoHeader {
    fn from(_: crate::base::Short) -> NoHeader {
        NoHeader::Short
    }
}

fn header(bytes: &[u8]) -> Result<Header, NoHeader> {
    let mut r = Reader::new(bytes);
    expect(&mut r, 0x30)?;
    let len = ber_length(&mut r)?;
    let len = r.position().saturating_add(len);
    expect(&mut r, 0x02)?;
    let id = match r.u8()? {
        n @ 1..=4 => r.take(usize::from(n))?.iter().fold(0u32, |id, &b| id << 8 | u32::from(b)),
        _ => return Err(NoHeader::NotLdap),
    };
    let op = r.u8()?;
    if !REQUESTS.contains(&op) && !RESPONSES.contains(&op) || id > i32::MAX as u32 {
        return Err(NoHeader::NotLdap);
    }
    let body = ber_length(&mut r)?;
    let body = r.position()..r.position().saturating_add(body);
    // Controls may follow the operation, nothing else.
    let controls = bytes.get(body.end).is_none_or(|&tag| tag == 0xa0);
    if body.end == len || body.end < len && controls { Ok(Header { len, id, op, body }) } else { Err(NoHeader::NotLdap) }
}

fn expect(r: &mut Reader<'_>, tag: u8) -> Result<(), NoHeader> {
    if r.u8()? == tag { Ok(()) } else { Err(NoHeader::NotLdap) }
}

/// A definite length of BER (X.690 §8.1.3), as RFC 4511 §5.1 demands.
fn ber_length(r: &mut Reader<'_>) -> Result<usize, NoHeader> {
    let len = match r.u8()? {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => r.take(usize::from(long & 0x7f))?.iter().fold(0usize, |n, &b| n << 8 | usize::from(b)),
        _ => return Err(NoHeader::NotLdap),
    };
    if len <= LARGEST { Ok(len) } else { Err(NoHeader::NotLdap) }
}

impl Protocol for Ldap {
    fn probe(window: &Window<'_>) -> Probe {
        match header(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(NoHeader::Short) => Probe::More,
            Err(NoHeader::NotLdap) => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        let header = header(window.bytes).ok()?;
        Some(if REQUESTS.contains(&header.op) { Dir::Client } else { Dir::Server })
    }
}

impl Payload for Ldap {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.upgrade.is_over() && taken < window.bytes.len() {
            let rest = window.from(taken);
            let (skip, what) = self.skip.of_mut(window.dir);
            if *skip > 0 {
                let n = rest.bytes.len().min(*skip);
                *skip = skip.saturating_sub(n);
                if let Some(what) = *what {
                    facts.more_readable(Exposed::Content, what, n as u64, &rest.evidence(0..n));
                }
                taken = taken.saturating_add(n);
                continue;
            }
            match tls_at_front(rest.bytes) {
                Some(true) => {
                    self.upgrade.infer(Some("ldap"), &rest, facts);
                    break;
                }
                None => break,
                Some(false) => {}
            }
            match header(rest.bytes) {
                Ok(header) => {
                    let read = header.len.min(LARGEST_READ);
                    let Some(message) = rest.slice(0..read) else { break };
                    let what = self.message(&header, &message, facts);
                    *self.skip.of_mut(window.dir) = (header.len.saturating_sub(read), what);
                    taken = taken.saturating_add(read);
                }
                Err(NoHeader::Short) => break,
                // A SASL security layer, for example.
                Err(NoHeader::NotLdap) => self.upgrade.give_up(),
            }
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let (skip, _) = self.skip.of_mut(dir);
        *skip = skip.saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
    }

    fn next(&self) -> Next {
        self.upgrade.next()
    }
}

impl Ldap {
    fn name_it(&mut self, rest: &Window<'_>, header: &Header, facts: &mut Facts) {
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("ldap"), rest.evidence(0..header.body.start));
        }
    }

    /// Reads a message, or the beginning of a large one. Returns what the rest of it is, if worth stating.
    fn message(&mut self, header: &Header, message: &Window<'_>, facts: &mut Facts) -> Option<&'static str> {
        self.name_it(message, header, facts);
        let end = header.body.end.min(message.bytes.len());
        let bytes = message.bytes.get(header.body.start..end).unwrap_or_default();
        match header.op {
            BIND_REQUEST => {
                // What breaks off says what it says up to there.
                let _ = bind(bytes, message, facts);
            }
            SEARCH_REQUEST | ENTRY => {
                return named(bytes, if header.op == ENTRY { "directory entry" } else { "directory search" }, message, facts);
            }
            op if CHANGES.contains(&op) => return named(bytes, "directory change", message, facts),
            EXTENDED_REQUEST | EXTENDED_RESPONSE if header.len <= LARGEST_READ => self.extended(header, bytes, message, facts),
            _ => {}
        }
        None
    }

    fn extended(&mut self, header: &Header, bytes: &[u8], message: &Window<'_>, facts: &mut Facts) {
        let mut body = Reader::new(bytes);
        match (header.op, body.u8(), body.vec8()) {
            (EXTENDED_REQUEST, Ok(0x80), Ok(START_TLS)) => {
                self.id = header.id;
                self.upgrade.ask(message, facts);
            }
            // resultCode, an ENUMERATED; 0 is success.
            (EXTENDED_RESPONSE, Ok(0x0a), Ok([code])) if self.upgrade.asked() && self.id == header.id => match code {
                0 => self.upgrade.agree("ldap", message, facts),
                _ => self.upgrade.refuse("ldap", message, facts),
            },
            _ => {}
        }
    }
}

/// An operation on the entry of a name. The entry without a name is the server's own (RFC 4512 §5.1): what it offers is for everybody.
fn named(body: &[u8], what: &'static str, message: &Window<'_>, facts: &mut Facts) -> Option<&'static str> {
    let mut r = Reader::new(body);
    let name = octets(&mut r, 0x04).unwrap_or_default();
    if name.is_empty() {
        return None;
    }
    facts.readable(Exposed::Content, what, name, message.all());
    facts.more_readable(Exposed::Content, what, r.left() as u64, &message.all());
    Some(what)
}

/// A bind (RFC 4511 §4.2): the name, and with the simple method the password.
fn bind(body: &[u8], message: &Window<'_>, facts: &mut Facts) -> Result<(), NoHeader> {
    let mut r = Reader::new(body);
    let _version = octets(&mut r, 0x02)?;
    let name = octets(&mut r, 0x04)?;
    if !name.is_empty() {
        facts.readable(Exposed::Identifiers, "LDAP name", name, message.all());
    }
    match r.rest().first() {
        Some(0x80) => {
            let password = octets(&mut r, 0x80)?;
            if !password.is_empty() {
                facts.readable(Exposed::Credentials, "LDAP password", password, message.all());
            }
        }
        Some(0xa3) => {
            let mut sasl = Reader::new(octets(&mut r, 0xa3)?);
            let mechanism = octets(&mut sasl, 0x04)?;
            if mechanism.eq_ignore_ascii_case(b"PLAIN") {
                let credentials = octets(&mut sasl, 0x04)?;
                facts.readable(Exposed::Credentials, "LDAP password", credentials, message.all());
            }
        }
        _ => {}
    }
    Ok(())
}

/// The content of an element with this tag.
fn octets<'a>(r: &mut Reader<'a>, tag: u8) -> Result<&'a [u8], NoHeader> {
    expect(r, tag)?;
    let len = ber_length(r)?;
    Ok(r.take(len)?)
}
