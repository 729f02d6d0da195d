//! The pseudorandom function of TLS 1.2 and before, and what is made with it: master secrets and keys (RFC 5246 §5, §6.3, §8.1;
//! RFC 2246 §5; RFC 7627 §4), and what SSL 3 has in its place (RFC 6101 §6).

use aws_lc_rs::{digest, hmac as aws_hmac, tls_prf};
use hmac::Mac as _;
use md5::Md5;
use zeroize::Zeroizing;

use super::mac::hash;
use super::suite::{Hash, MacKind};
use crate::base::ProtocolVersion;
use crate::dissect::keys::Secret;
use crate::dissect::tls::terms::Terms;

type Octets = Zeroizing<Vec<u8>>;

/// Octets of a master secret.
const MASTER: usize = 48;

/// Which function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Ssl3,
    /// MD5 and SHA-1 together: TLS 1.0 and 1.1.
    Both,
    /// One hash: TLS 1.2.
    One(Hash),
}

impl Function {
    fn of(version: ProtocolVersion, hash: Hash) -> Option<Function> {
        Some(match version {
            ProtocolVersion::SSL3 => Function::Ssl3,
            ProtocolVersion::TLS1_0 | ProtocolVersion::TLS1_1 | ProtocolVersion::DTLS1_0 => Function::Both,
            ProtocolVersion::TLS1_2 | ProtocolVersion::DTLS1_2 => Function::One(hash),
            _ => return None,
        })
    }

    fn expand(self, secret: &[u8], label: &[u8], seed: &[u8], len: usize) -> Option<Octets> {
        match self {
            Function::Ssl3 => ssl3(secret, seed, len),
            Function::Both => Some(both(secret, &[label, seed].concat(), len)),
            Function::One(hash) => {
                let algorithm = if hash == Hash::Sha384 { &tls_prf::P_SHA384 } else { &tls_prf::P_SHA256 };
                let out = tls_prf::Secret::new(algorithm, secret).ok()?.derive(label, seed, len).ok()?;
                Some(Zeroizing::new(out.as_ref().to_vec()))
            }
        }
    }
}

/// The master secret out of a pre-master secret.
pub(super) fn master(terms: &Terms, hash: Hash, pre_master: &Secret) -> Option<Secret> {
    let function = Function::of(terms.version?, hash)?;
    let (client, server) = (terms.client_random?, terms.server_random?);
    let master = if terms.extended_master_secret {
        let session = session_hash(function, terms.transcript.as_ref()?);
        function.expand(pre_master.octets(), b"extended master secret", &session, MASTER)
    } else {
        function.expand(pre_master.octets(), b"master secret", &[client, server].concat(), MASTER)
    };
    master.map(Secret::new)
}

/// The key block out of a master secret.
pub(super) fn key_block(terms: &Terms, hash: Hash, master: &Secret, len: usize) -> Option<Octets> {
    let function = Function::of(terms.version?, hash)?;
    let (client, server) = (terms.client_random?, terms.server_random?);
    function.expand(master.octets(), b"key expansion", &[server, client].concat(), len)
}

/// The hash over the handshake so far (RFC 7627 §3).
fn session_hash(function: Function, transcript: &[u8]) -> Vec<u8> {
    match function {
        Function::One(Hash::Sha384) => digest::digest(&digest::SHA384, transcript).as_ref().to_vec(),
        Function::One(Hash::Sha256) => digest::digest(&digest::SHA256, transcript).as_ref().to_vec(),
        Function::Ssl3 | Function::Both => [hash(MacKind::Md5, &[transcript]), hash(MacKind::Sha1, &[transcript])].concat(),
    }
}

/// RFC 2246 §5: half of the secret each, the outputs combined by XOR.
fn both(secret: &[u8], seed: &[u8], len: usize) -> Octets {
    let half = secret.len().div_ceil(2);
    let (first, _) = secret.split_at_checked(half).unwrap_or_default();
    let (_, second) = secret.split_at_checked(secret.len() - half).unwrap_or_default();
    let sha1 = aws_hmac::Key::new(aws_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, second);
    let mut out = p_hash(seed, len, |text| {
        let mac = hmac::Hmac::<Md5>::new_from_slice(first).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec());
        Zeroizing::new(mac.unwrap_or_default())
    });
    let other = p_hash(seed, len, |text| Zeroizing::new(aws_hmac::sign(&sha1, text).as_ref().to_vec()));
    out.iter_mut().zip(other.iter()).for_each(|(a, b)| *a ^= b);
    out
}

/// `P_hash` (RFC 5246 §5).
fn p_hash(seed: &[u8], len: usize, hmac: impl Fn(&[u8]) -> Octets) -> Octets {
    let mut out = Zeroizing::new(Vec::with_capacity(len + 64));
    let mut a = hmac(seed);
    // Ends: an HMAC is never empty, since a key may have any length.
    while out.len() < len && !a.is_empty() {
        out.extend_from_slice(&hmac(&[a.as_slice(), seed].concat()));
        a = hmac(&a);
    }
    out.truncate(len);
    out
}

/// RFC 6101 §6.1 and §6.2.2: MD5 over the secret and a SHA-1, with `A`, `BB`, `CCC` before it.
fn ssl3(secret: &[u8], seed: &[u8], len: usize) -> Option<Octets> {
    let mut out = Zeroizing::new(Vec::with_capacity(len + 16));
    for (letter, count) in (b'A'..=b'Z').zip(1usize..) {
        if out.len() >= len {
            break;
        }
        let salt = vec![letter; count];
        out.extend_from_slice(&hash(MacKind::Md5, &[secret, &hash(MacKind::Sha1, &[&salt, secret, seed])]));
    }
    (out.len() >= len).then(|| {
        out.truncate(len);
        out
    })
}
