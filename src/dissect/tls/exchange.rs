//! `ServerKeyExchange`: group, size and signature of an ephemeral exchange (RFC 5246 §7.4.3, RFC 8422 §5.4, RFC 4279 §2–3, RFC 5489 §2).

use tls_parser::{TlsCipherAu as Au, TlsCipherKx as Kx};

use super::hello::{At as _, Broken};
use crate::base::{CipherSuite, NamedGroup, ProtocolVersion, Reader, SignatureScheme, What};

/// `ECCurveType.named_curve`.
const NAMED_CURVE: u8 = 3;

/// What the parameters are those of.
enum Parameters {
    Ecdhe,
    Dhe,
}

/// Reads a `ServerKeyExchange` for the suite the server chose; the facts go to `say`.
pub(super) fn read(body: &[u8], cipher: CipherSuite, version: ProtocolVersion, mut say: impl FnMut(What)) -> Result<(), Broken> {
    let mut r = Reader::new(body);
    let Some(parts) = cipher.parts() else { return Ok(()) };
    let parameters = match parts.kx {
        Kx::Ecdhe | Kx::Aecdh | Kx::Ecdh => Parameters::Ecdhe,
        Kx::Dhe | Kx::Dh => Parameters::Dhe,
        _ => return Ok(()),
    };
    if parts.au == Au::Psk {
        r.vec16().at("PSK identity hint")?;
    }
    match parameters {
        Parameters::Ecdhe => {
            if r.u8().at("curve type")? != NAMED_CURVE {
                return Ok(());
            }
            say(What::TlsCurve(NamedGroup(r.u16().at("named curve")?)));
            r.vec8().at("public point")?;
        }
        Parameters::Dhe => {
            say(What::TlsDhBits(bits(r.vec16().at("prime")?)));
            r.vec16().at("generator")?;
            r.vec16().at("public value")?;
        }
    }
    // Before TLS 1.2 the signature has no scheme; anonymous and PSK suites have no signature.
    let has_scheme = matches!(version, ProtocolVersion::TLS1_2 | ProtocolVersion::DTLS1_2);
    if has_scheme && !r.is_empty() {
        say(What::TlsKeyExchangeSignature(SignatureScheme(r.u16().at("signature scheme")?)));
    }
    Ok(())
}

/// The length of a big-endian number in bits.
fn bits(number: &[u8]) -> u64 {
    let digits = number.iter().position(|&b| b != 0).and_then(|from| number.get(from..)).unwrap_or_default();
    let octets = u64::try_from(digits.len()).unwrap_or(u64::MAX);
    let unused = digits.first().map_or(0, |b| u64::from(b.leading_zeros()));
    octets.saturating_mul(8).saturating_sub(unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_prime_counts_bits_and_not_padding() {
        assert_eq!(bits(&[0, 0, 0x80, 0]), 16);
        assert_eq!(bits(&[1, 0]), 9);
        assert_eq!(bits(&[0, 0]), 0);
    }

    #[test]
    fn a_psk_identity_hint_stands_before_the_curve() {
        let mut found = Vec::new();
        // TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256: hint "h", secp256r1, a point of one octet.
        let body = [0, 1, b'h', 3, 0, 23, 1, 4];
        let read = read(&body, CipherSuite(0xc037), ProtocolVersion::TLS1_2, |what| found.push(what));
        assert_eq!(read, Ok(()));
        assert_eq!(found, [What::TlsCurve(NamedGroup::SECP256R1)]);
    }
}
