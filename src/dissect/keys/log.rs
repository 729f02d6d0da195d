//! NSS key log files (draft-ietf-tls-keylogfile): one secret a line, `LABEL CLIENT_RANDOM SECRET` in hexadecimal.

use crate::base::Dir;

use super::Secret;
use super::secret::unhex;

/// The longest line that is read; real ones have 200 octets, and a pre-master secret is as long as a Diffie-Hellman prime.
const LONGEST: usize = 8192;
/// The highest `n` of `CLIENT_TRAFFIC_SECRET_n` that is believed.
const MOST_UPDATES: u32 = 1 << 16;

/// What a line holds.
pub(super) enum Line {
    /// A secret of the connection with this client random.
    Of([u8; 32], Label, Secret),
    /// The pre-master secret of the RSA key exchange whose encrypted form begins with these octets.
    Rsa([u8; 8], Secret),
    /// A secret that opens no record, as `EXPORTER_SECRET`.
    Other,
    /// A comment, or nothing.
    Empty,
    /// Something else.
    Unknown,
}

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// `CLIENT_RANDOM`: the master secret of TLS 1.2 and before.
    Master,
    /// `PMS_CLIENT_RANDOM`: the pre-master secret.
    PreMaster,
    /// `CLIENT_EARLY_TRAFFIC_SECRET`.
    Early,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, `SERVER_…`.
    Handshake(Dir),
    /// `CLIENT_TRAFFIC_SECRET_n`, `SERVER_…`: after `n` key updates.
    Traffic(Dir, u32),
}

/// The lines of a key log, each read.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Line> {
    text.split(|&b| b == b'\n').map(line)
}

fn line(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Line::Empty;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(label), Some(of), Some(secret), None) if line.len() <= LONGEST => secret_line(label, of, secret).unwrap_or(Line::Unknown),
        _ => Line::Unknown,
    }
}

fn secret_line(label: &[u8], of: &[u8], secret: &[u8]) -> Option<Line> {
    let (of, secret) = (unhex(of)?, Secret::new(unhex(secret)?));
    if label == b"RSA" {
        return Some(Line::Rsa(of.as_slice().try_into().ok()?, secret));
    }
    // Drafts of QUIC put their name before the labels of TLS.
    let label = label.strip_prefix(b"QUIC_").unwrap_or(label);
    let label = match label {
        b"CLIENT_RANDOM" => Label::Master,
        b"PMS_CLIENT_RANDOM" => Label::PreMaster,
        b"CLIENT_EARLY_TRAFFIC_SECRET" => Label::Early,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::Handshake(Dir::Client),
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::Handshake(Dir::Server),
        // OpenSSL's line after a key update: which update is not said, and the secret follows from the first.
        b"CLIENT_TRAFFIC_SECRET_N" | b"SERVER_TRAFFIC_SECRET_N" => return Some(Line::Other),
        b"EXPORTER_SECRET" | b"EARLY_EXPORTER_SECRET" | b"ECH_SECRET" | b"ECH_CONFIG" => return Some(Line::Other),
        _ => {
            let numbered = |prefix: &[u8]| number(label.strip_prefix(prefix)?);
            match (numbered(b"CLIENT_TRAFFIC_SECRET_"), numbered(b"SERVER_TRAFFIC_SECRET_")) {
                (Some(n), _) => Label::Traffic(Dir::Client, n),
                (None, Some(n)) => Label::Traffic(Dir::Server, n),
                (None, None) => return None,
            }
        }
    };
    Some(Line::Of(of.as_slice().try_into().ok()?, label, secret))
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|&n| n <= MOST_UPDATES)
}
