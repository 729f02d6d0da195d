//! Validates a server's certificate chain at the time of the capture (RFC 5280 §6, RFC 9525), telling each reason apart.
//!
//! A verifier stops at the first thing that is wrong. Here the time of the leaf and the name are looked at on their own, and the path to a
//! root is validated at a moment at which the leaf is valid, so that an expired certificate for another name says both.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};
use x509_parser::certificate::X509Certificate;

use crate::base::{Reader, Timestamp};

/// Results remembered per thread: the same chain is met again and again. Beyond it, all are forgotten.
const MOST_REMEMBERED: usize = 1024;
/// Octets of issuers' certificates remembered with one of them, at most: 16 MiB in all.
const LONGEST_REMEMBERED: usize = 16 << 10;
/// Certificates of a chain that are looked at.
const LONGEST_CHAIN: usize = 16;
/// The year in which SSL was published: a capture that says it is older carries no real time.
const FIRST_TLS: i64 = 788_918_400;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// The roots in force for this process.
static ROOTS: OnceLock<Vec<TrustAnchor<'static>>> = OnceLock::new();

/// Which public roots are used unless others are named, for the report.
pub const DEFAULT_ROOTS: &str = concat!("Mozilla's roots of the crate webpki-roots ", env!("WEBPKI_ROOTS_VERSION"));

/// Adds roots, in DER, to the public ones. To be called before anything is read; later calls change nothing.
///
/// # Errors
/// When one of them is not a certificate that can be a root.
pub fn trust(more: &[Vec<u8>]) -> Result<(), String> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for der in more {
        store.add(CertificateDer::from(der.clone())).map_err(|error| error.to_string())?;
    }
    // A second call comes too late: what was read is judged by the first.
    let _ = ROOTS.set(store.roots);
    Ok(())
}

fn roots() -> &'static [TrustAnchor<'static>] {
    ROOTS.get_or_init(|| webpki_roots::TLS_SERVER_ROOTS.to_vec())
}

/// What a chain comes to, in words, `chain` leaf first, for the server name that was asked for, at the time of the capture:
/// one of `trusted-path`, `self-signed`, `unknown-issuer`, `bad-signature`, `path-broken`; `expired`, `not-yet-valid`, or `clock-unset` where the capture carries no real time; `name-matches` or
/// `name-mismatch` where a name was asked for; `disordered`.
/// `parsed` is the leaf, and `digest` its SHA-256.
pub(super) fn state(
    chain: &[&[u8]],
    parsed: &X509Certificate<'_>,
    digest: &[u8; 32],
    asked: Option<&str>,
    at: Timestamp,
) -> Vec<&'static str> {
    let mut words = Vec::new();
    let Some(leaf) = chain.first().copied() else { return words };
    let now = at.nanos().div_euclid(1_000_000_000);
    let (from, until) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    words.push(path(chain, parsed, digest, now.clamp(from, until.max(from))));
    match now {
        _ if now < FIRST_TLS => words.push("clock-unset"),
        _ if now > until => words.push("expired"),
        _ if now < from => words.push("not-yet-valid"),
        _ => {}
    }
    if let Some(name) = asked.and_then(|name| ServerName::try_from(name).ok()) {
        let leaf = CertificateDer::from(leaf);
        let matches = EndEntityCert::try_from(&leaf).is_ok_and(|leaf| leaf.verify_is_valid_for_subject_name(&name).is_ok());
        words.push(if matches { "name-matches" } else { "name-mismatch" });
    }
    if is_disordered(chain) {
        words.push("disordered");
    }
    words
}

/// What was found of a path: for one leaf, by its SHA-256, and one day.
type Remembered = HashMap<([u8; 32], i64), (Vec<u8>, &'static str)>;

/// The word for the path. Validated for the beginning of the day of `at`, so that it does not depend on which connection asked first.
fn path(chain: &[&[u8]], leaf: &X509Certificate<'_>, digest: &[u8; 32], at: i64) -> &'static str {
    thread_local! {
        static KNOWN: RefCell<Remembered> = RefCell::default();
    }
    let not_before = leaf.validity().not_before.timestamp();
    let day = at.div_euclid(DAY);
    // The rest of the chain is kept and compared as it is: cheaper than a second digest, and as exact.
    let rest = chain.get(1..).unwrap_or_default();
    let is_the_same = |kept: &[u8]| {
        let mut left = kept;
        let follows = |der: &&[u8]| match left.strip_prefix(*der) {
            Some(after) => {
                left = after;
                true
            }
            None => false,
        };
        rest.iter().all(follows) && left.is_empty()
    };
    let known = KNOWN.with_borrow(|known| known.get(&(*digest, day)).filter(|(kept, _)| is_the_same(kept)).map(|&(_, word)| word));
    if let Some(word) = known {
        return word;
    }
    let moment = day.saturating_mul(DAY).max(not_before);
    let word = validate(chain, leaf, moment);
    let kept = rest.concat();
    if kept.len() <= LONGEST_REMEMBERED {
        KNOWN.with_borrow_mut(|known| {
            if known.len() >= MOST_REMEMBERED {
                known.clear();
            }
            known.insert((*digest, day), (kept, word));
        });
    }
    word
}

fn validate(chain: &[&[u8]], leaf: &X509Certificate<'_>, at: i64) -> &'static str {
    let Some((end, rest)) = chain.split_first() else { return "path-broken" };
    let end = CertificateDer::from(*end);
    let intermediates: Vec<CertificateDer<'_>> = rest.iter().take(LONGEST_CHAIN).map(|der| CertificateDer::from(*der)).collect();
    let self_signed = leaf.issuer().as_raw() == leaf.subject().as_raw();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
    let algorithms = algorithms();
    let verified = EndEntityCert::try_from(&end).and_then(|end| {
        end.verify_for_usage(algorithms.all, roots(), &intermediates, time, KeyUsage::server_auth(), None, None).map(|_| ())
    });
    match verified {
        Ok(()) => "trusted-path",
        Err(_) if self_signed => "self-signed",
        Err(Error::UnknownIssuer) => "unknown-issuer",
        Err(Error::InvalidSignatureForPublicKey) => "bad-signature",
        Err(_) => "path-broken",
    }
}

/// Whether a certificate is followed by one that did not issue it.
fn is_disordered(chain: &[&[u8]]) -> bool {
    let mut issuer: Option<&[u8]> = None;
    chain.iter().take(LONGEST_CHAIN).filter_map(|der| issuer_and_subject(der)).any(|(next, subject)| {
        let before = issuer.replace(next);
        before.is_some_and(|issuer| issuer != subject)
    })
}

/// The names of a certificate as they are encoded (RFC 5280 §4.1): enough to see who follows whom without reading all of it.
fn issuer_and_subject(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut certificate = Reader::new(element(&mut Reader::new(der))?.1);
    let mut tbs = Reader::new(element(&mut certificate)?.1);
    // [0] EXPLICIT Version is there from version 2 on.
    if tbs.rest().first() == Some(&0xa0) {
        element(&mut tbs)?;
    }
    let (_serial, _signature) = (element(&mut tbs)?, element(&mut tbs)?);
    let issuer = element(&mut tbs)?.0;
    let _validity = element(&mut tbs)?;
    Some((issuer, element(&mut tbs)?.0))
}

/// The next element of DER (X.690 §8.1) with a low tag number: all of it, and its contents.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let whole = reader.rest();
    let _tag = reader.u8().ok()?;
    let length = match reader.u8().ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8().ok()?),
        0x82 => usize::from(reader.u16().ok()?),
        0x83 => usize::try_from(reader.u24().ok()?).ok()?,
        _ => return None,
    };
    let contents = reader.take(length).ok()?;
    Some((whole.get(..whole.len() - reader.left())?, contents))
}

fn algorithms() -> rustls::crypto::WebPkiSupportedAlgorithms {
    static PROVIDER: OnceLock<Arc<rustls::crypto::CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).signature_verification_algorithms
}

/// The certificates in a file's bytes, in DER: every PEM block (RFC 7468), or the whole file when it begins like DER.
#[must_use]
pub fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    // An ASN.1 SEQUENCE: no text begins like this.
    if bytes.first() == Some(&0x30) {
        return vec![bytes.to_vec()];
    }
    CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).map(|der| der.to_vec()).collect()
}
