//! Messages that TLS 1.3 encrypts, read with keys: `EncryptedExtensions`, `Certificate` and its compressed form
//! (RFC 8446 §4.3.1, §4.4.2; RFC 8879).

use std::io::Read as _;

use super::certificate::{self, Entries};
use super::hello::{At as _, Broken, protocols};
use crate::base::{Dir, Evidence, ExtensionType, Facts, Kind, Reader, Timestamp, What, WireStr};

/// The handshake type of `CompressedCertificate` (RFC 8879 §4).
pub(super) const COMPRESSED_CERTIFICATE: u8 = 25;
/// The longest certificate list that is unpacked; the longest real ones have some tens of KiB.
const MOST: usize = 256 * 1024;

/// States what the extensions say that a server encrypts.
pub(super) fn extensions(body: &[u8], evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
    let mut list = Reader::new(Reader::new(body).vec16().at("extensions")?);
    let mut early_data = false;
    while !list.is_empty() {
        let kind = ExtensionType(list.u16().at("extension type")?);
        let data = list.vec16().at("extension")?;
        match kind {
            ExtensionType::ALPN if !facts.has(Kind::TlsNextProtocol) => {
                if let Some(name) = protocols(data).next() {
                    facts.observe(What::TlsNextProtocol(WireStr::new(name)), evidence.clone());
                }
            }
            ExtensionType::EARLY_DATA => early_data = true,
            ExtensionType::ENCRYPTED_CLIENT_HELLO if !facts.has(Kind::TlsEchRetryConfigs) => {
                facts.observe(What::TlsEchRetryConfigs(true), evidence.clone());
            }
            _ => {}
        }
    }
    // Of a server that was offered 0-RTT data, silence is an answer too.
    let offered = facts.get(Kind::TlsEarlyData).is_some_and(|fact| fact.what == What::TlsEarlyData(true));
    if offered && !facts.has(Kind::TlsEarlyDataAccepted) {
        facts.observe(What::TlsEarlyDataAccepted(early_data), evidence.clone());
    }
    Ok(())
}

/// States what a `Certificate` or `CompressedCertificate` says of the side that sent it.
pub(super) fn certificate(role: Dir, kind: u8, body: &[u8], at: Timestamp, evidence: &Evidence, facts: &mut Facts) -> Result<(), Broken> {
    let unpacked;
    let body = if kind == COMPRESSED_CERTIFICATE {
        unpacked = unpack(body)?;
        &unpacked
    } else {
        body
    };
    let mut r = Reader::new(body);
    r.vec8().at("certificate request context")?;
    certificate::state_list(role, r.rest(), Entries::WithExtensions, at, evidence, facts)
}

/// The `Certificate` in a `CompressedCertificate` (RFC 8879 §4): never more than it claims, and never more than [`MOST`].
fn unpack(body: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut r = Reader::new(body);
    let algorithm = r.u16().at("compression algorithm")?;
    let length = usize::try_from(r.u24().at("uncompressed length")?).unwrap_or(usize::MAX);
    let packed = r.vec24().at("compressed certificate")?;
    if length > MOST {
        return Err(Broken::not("the compressed certificate claims to be longer than any real one"));
    }
    let limit = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
    let mut out = Vec::new();
    let read = match algorithm {
        1 => flate2::read::ZlibDecoder::new(packed).take(limit).read_to_end(&mut out).is_ok(),
        2 => brotli_decompressor::Decompressor::new(packed, 4096).take(limit).read_to_end(&mut out).is_ok(),
        3 => ruzstd::decoding::StreamingDecoder::new(packed).is_ok_and(|zstd| zstd.take(limit).read_to_end(&mut out).is_ok()),
        _ => return Err(Broken::not("the certificate is compressed in an unknown way")),
    };
    if read && out.len() == length { Ok(out) } else { Err(Broken::not("the compressed certificate does not unpack to what it claims")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn compressed(algorithm: u8, claims: usize, packed: &[u8]) -> Vec<u8> {
        let length = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
        [vec![0, algorithm], length(claims), length(packed.len()), packed.to_vec()].concat()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_certificate_is_unpacked_only_to_the_length_it_claims() {
        let zstd = ruzstd::encoding::compress_to_vec(&[7; 100][..], ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(unpack(&compressed(1, 100, &zlib(&[7; 100]))), Ok(vec![7; 100]));
        assert_eq!(unpack(&compressed(3, 100, &zstd)), Ok(vec![7; 100]));
        for claims in [99, 101] {
            assert!(unpack(&compressed(1, claims, &zlib(&[7; 100]))).is_err());
        }
        assert!(unpack(&compressed(9, 1, b"x")).is_err());
    }

    #[test]
    fn a_bomb_in_a_certificate_costs_no_more_than_it_claims() {
        let bomb = zlib(&vec![0; 8 << 20]);
        assert!(unpack(&compressed(1, 1000, &bomb)).is_err());
        assert!(unpack(&compressed(1, 0xff_ffff, &bomb)).is_err());
    }
}
