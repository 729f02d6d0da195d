//! The hellos of SSL 2 (RFC 5246 appendix E.2; the SSL 2.0 protocol specification of 1995), which early TLS clients sent too.

use super::certificate;
use crate::base::{CipherSuite, Dir, Evidence, Facts, ProtocolVersion, Reader, VersionName, What, Window};
use crate::dissect::Probe;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;
/// `SSL_X509_CERTIFICATE`.
const X509: u8 = 1;
/// Octets before the message of a record: a length whose top bit says that there is no padding.
const HEADER: usize = 2;

/// A hello, whole, whose lengths add up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hello<'a> {
    /// A client's.
    Client {
        /// The highest version it speaks.
        version: ProtocolVersion,
        /// Suites of three octets.
        ciphers: &'a [u8],
    },
    /// A server's: SSL 2 it is.
    Server {
        /// The X.509 certificate, where there is one.
        certificate: Option<&'a [u8]>,
    },
}

/// What the first bytes of a direction are. All lengths must add up to the octet: many protocols start with such a length.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    match check(bytes) {
        Ok(_) => Probe::Yes,
        Err(told) => told,
    }
}

/// Who sends such bytes.
pub(super) fn sender(bytes: &[u8]) -> Option<Dir> {
    match bytes.get(HEADER) {
        Some(&CLIENT_HELLO) => Some(Dir::Client),
        Some(&SERVER_HELLO) => Some(Dir::Server),
        _ => None,
    }
}

/// The fixed part of a hello. Returns the length of its record.
fn check(bytes: &[u8]) -> Result<usize, Probe> {
    let mut r = Reader::new(bytes);
    let first = r.u8().map_err(|_| Probe::More)?;
    if first & 0x80 == 0 {
        return Err(Probe::No);
    }
    let length = usize::from(first & 0x7f) << 8 | usize::from(r.u8().map_err(|_| Probe::More)?);
    let kind = r.u8().map_err(|_| Probe::More)?;
    let more = |_| Probe::More;
    let adds_up = match kind {
        CLIENT_HELLO => {
            let version = ProtocolVersion(r.u16().map_err(more)?);
            let sizes = [r.u16().map_err(more)?, r.u16().map_err(more)?, r.u16().map_err(more)?].map(usize::from);
            let [ciphers, session, challenge] = sizes;
            let shaped = ciphers > 0 && ciphers % 3 == 0 && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
            is_version(version) && shaped && sizes.iter().sum::<usize>() + 9 == length
        }
        SERVER_HELLO => {
            let (hit, form) = (r.u8().map_err(more)?, r.u8().map_err(more)?);
            let version = ProtocolVersion(r.u16().map_err(more)?);
            let sizes = [r.u16().map_err(more)?, r.u16().map_err(more)?, r.u16().map_err(more)?].map(usize::from);
            let [certificate, ciphers, connection] = sizes;
            let shaped = match hit {
                0 => form == X509 && certificate > 0 && ciphers > 0 && ciphers % 3 == 0,
                1 => form == 0 && certificate == 0 && ciphers == 0,
                _ => false,
            };
            version == ProtocolVersion::SSL2 && shaped && connection == 16 && sizes.iter().sum::<usize>() + 11 == length
        }
        _ => false,
    };
    if adds_up { Ok(HEADER + length) } else { Err(Probe::No) }
}

fn is_version(version: ProtocolVersion) -> bool {
    matches!(version.0, 0x0002 | 0x0300..=0x0304)
}

/// The hello at the start of `bytes` and the length of its record.
pub(super) fn read(bytes: &[u8]) -> Result<(Hello<'_>, usize), Probe> {
    let total = check(bytes)?;
    let record = bytes.get(HEADER..total).ok_or(Probe::More)?;
    let hello = match record.first() {
        Some(&CLIENT_HELLO) => client(record),
        _ => server(record),
    };
    hello.map(|hello| (hello, total)).ok_or(Probe::No)
}

fn client(record: &[u8]) -> Option<Hello<'_>> {
    let mut r = Reader::new(record);
    r.skip(1).ok()?;
    let version = ProtocolVersion(r.u16().ok()?);
    let ciphers = usize::from(r.u16().ok()?);
    r.skip(4).ok()?;
    Some(Hello::Client { version, ciphers: r.take(ciphers).ok()? })
}

fn server(record: &[u8]) -> Option<Hello<'_>> {
    let mut r = Reader::new(record);
    r.skip(5).ok()?;
    let certificate = usize::from(r.u16().ok()?);
    r.skip(4).ok()?;
    let certificate = r.take(certificate).ok().filter(|der| !der.is_empty());
    Some(Hello::Server { certificate })
}

/// States what a hello says. JA3 and JA4 are not defined for it.
pub(super) fn state(hello: Hello<'_>, window: &Window<'_>, facts: &mut Facts) -> Evidence {
    let evidence = window.all();
    match hello {
        Hello::Client { version, ciphers } => {
            super::answer::protocol(version.family(), &evidence, facts);
            // Suites of TLS have a zero before their number; those of SSL 2 have no other name.
            let suites = ciphers.chunks_exact(3).filter_map(|suite| match suite {
                [0, high, low] => Some(CipherSuite(u16::from_be_bytes([*high, *low]))),
                _ => None,
            });
            let suites: Vec<CipherSuite> = suites.collect();
            let secure = suites.contains(&CipherSuite(super::offer::RENEGOTIATION_SCSV));
            if !suites.is_empty() {
                facts.observe(What::TlsOfferedCiphers(suites), evidence.clone());
            }
            facts.observe(What::TlsOfferedRenegotiationInfo(secure), evidence.clone());
        }
        Hello::Server { certificate } => {
            super::answer::protocol(ProtocolVersion::SSL2.family(), &evidence, facts);
            facts.observe(What::TlsVersion(VersionName(ProtocolVersion::SSL2)), evidence.clone());
            if let Some(der) = certificate {
                // One that is not X.509 has no facts but its digests.
                let _ = certificate::state_leaf(Dir::Server, der, |what| facts.observe(what, evidence.clone()));
            }
        }
    }
    evidence
}
