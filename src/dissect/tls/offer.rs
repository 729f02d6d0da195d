//! What a `ClientHello` says, as facts (RFC 8446 §4.1.2 and §4.2).

use super::hello::{ClientHello, list16};
use super::{Carrier, ja3, ja4};
use crate::base::{
    CipherSuite, Evidence, ExtensionType, Facts, NamedGroup, ProtocolVersion, Reader, Short, SignatureScheme, SrtpProfile, What, WireStr,
};

/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV` (RFC 5746 §3.3).
pub(super) const RENEGOTIATION_SCSV: u16 = 0x00ff;
/// `TLS_FALLBACK_SCSV` (RFC 7507 §2).
const FALLBACK_SCSV: u16 = 0x5600;
/// `key_share` until draft 22.
const DRAFT_KEY_SHARE: ExtensionType = ExtensionType(40);
/// `connection_id` until RFC 9146 gave it a number.
const DRAFT_CONNECTION_ID: ExtensionType = ExtensionType(53);

/// What of an offer matters when the answer is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offer {
    /// The client announced 0-RTT data.
    pub early_data: bool,
    /// The length of the connection id that the client wants to be sent (RFC 9146).
    pub connection_id: Option<u64>,
}

/// States what a client offered.
pub(super) fn state(hello: &ClientHello<'_>, carrier: Carrier, evidence: &Evidence, facts: &mut Facts) -> Offer {
    facts.expect_handshake();
    let mut say = |what| facts.observe(what, evidence.clone());
    say(What::TlsJa3(ja3::client(hello)));
    say(What::TlsJa4(ja4::client(hello, carrier)));
    if !hello.ciphers.is_empty() {
        say(What::TlsOfferedCiphers(hello.ciphers.plain().map(CipherSuite).collect()));
    }
    if hello.ciphers.all().any(|c| c == FALLBACK_SCSV) {
        say(What::TlsFallbackScsv(true));
    }
    let compressions: Vec<u64> = hello.compressions.iter().filter(|&&c| c != 0).map(|&c| u64::from(c)).collect();
    if !compressions.is_empty() {
        say(What::TlsOfferedCompression(compressions));
    }

    let mut offer = Offer::default();
    let mut seen = Seen { renegotiation: hello.ciphers.all().any(|c| c == RENEGOTIATION_SCSV), ..Seen::default() };
    for (kind, data) in hello.extensions.iter() {
        // A type that comes twice counts once: the first stands, as in every list here.
        match kind {
            ExtensionType::EXTENDED_MASTER_SECRET => seen.extended_master_secret = true,
            ExtensionType::RENEGOTIATION_INFO => seen.renegotiation = true,
            ExtensionType::PRE_SHARED_KEY => seen.psk = true,
            ExtensionType::EARLY_DATA => offer.early_data = true,
            ExtensionType::ENCRYPTED_CLIENT_HELLO => seen.ech = true,
            ExtensionType::CONNECTION_ID | DRAFT_CONNECTION_ID => {
                offer.connection_id = offer.connection_id.or_else(|| data.first().map(|&n| u64::from(n)));
            }
            _ => {}
        }
        if let Some(what) = extension(kind, data) {
            say(what);
        }
    }
    say(What::TlsEch(if seen.ech { "present" } else { "none" }));
    if let Some(id) = hello.extensions.get(ExtensionType::ENCRYPTED_CLIENT_HELLO).and_then(ech_config_id) {
        say(What::TlsEchConfigId(id));
    }
    if hello.offers_1_3() || seen.psk {
        say(What::TlsPskOffered(seen.psk));
    }
    if hello.offers_1_3() || offer.early_data {
        say(What::TlsEarlyData(offer.early_data));
    }
    say(What::TlsOfferedExtendedMasterSecret(seen.extended_master_secret));
    say(What::TlsOfferedRenegotiationInfo(seen.renegotiation));
    offer
}

/// Extensions that say something by being there, or by being absent.
#[derive(Default)]
struct Seen {
    renegotiation: bool,
    extended_master_secret: bool,
    psk: bool,
    ech: bool,
}

/// The fact that one extension states by its contents.
fn extension(kind: ExtensionType, data: &[u8]) -> Option<What> {
    Some(match kind {
        ExtensionType::SERVER_NAME => What::TlsServerName(WireStr::new(host_name(data)?)),
        ExtensionType::SUPPORTED_VERSIONS => {
            let list = Reader::new(data).vec8().ok()?;
            What::TlsOfferedVersions(some(super::hello::Codes(list).plain().map(ProtocolVersion))?)
        }
        ExtensionType::SUPPORTED_GROUPS => What::TlsOfferedGroups(some(list16(data)?.plain().map(NamedGroup))?),
        ExtensionType::SIGNATURE_ALGORITHMS => What::TlsOfferedSignatures(some(list16(data)?.plain().map(SignatureScheme))?),
        ExtensionType::ALPN => What::TlsOfferedAlpn(some(super::hello::protocols(data).filter(|p| !is_grease(p)).map(WireStr::new))?),
        ExtensionType::KEY_SHARE | DRAFT_KEY_SHARE => What::TlsOfferedKeyShares(some(key_shares(data).filter(|g| !g.is_grease()))?),
        ExtensionType::PSK_KEY_EXCHANGE_MODES => What::TlsPskModes(some(Reader::new(data).vec8().ok()?.iter().filter_map(psk_mode))?),
        ExtensionType::USE_SRTP => What::SrtpOffered(some(srtp_profiles(data))?),
        ExtensionType::ENCRYPTED_SERVER_NAME => What::TlsEsni(true),
        ExtensionType::QUIC_TRANSPORT_PARAMETERS | ExtensionType::QUIC_TRANSPORT_PARAMETERS_DRAFT if greases_quic_bit(data) => {
            What::QuicGreaseBit(true)
        }
        _ => return None,
    })
}

/// Whether the transport parameters (RFC 9000 §18) have `grease_quic_bit` (RFC 9287 §3).
fn greases_quic_bit(parameters: &[u8]) -> bool {
    const GREASE_QUIC_BIT: u64 = 0x2ab2;
    let mut r = Reader::new(parameters);
    while let (Ok(id), Ok(length)) = (r.varint(), r.varint()) {
        if id == GREASE_QUIC_BIT {
            return true;
        }
        if usize::try_from(length).map_or(true, |length| r.skip(length).is_err()) {
            return false;
        }
    }
    false
}

/// A list, unless it is empty.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let list: Vec<T> = items.collect();
    (!list.is_empty()).then_some(list)
}

/// The first host name of a `ServerNameList` (RFC 6066 §3).
fn host_name(data: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(Reader::new(data).vec16().ok()?);
    loop {
        let kind = r.u8().ok()?;
        let name = r.vec16().ok()?;
        if kind == 0 && !name.is_empty() {
            return Some(name);
        }
    }
}

/// The groups of a client's `key_share` (RFC 8446 §4.2.8).
fn key_shares(data: &[u8]) -> impl Iterator<Item = NamedGroup> {
    let mut r = Reader::new(Reader::new(data).vec16().unwrap_or_default());
    std::iter::from_fn(move || {
        let share = |r: &mut Reader<'_>| -> Result<NamedGroup, Short> {
            let group = NamedGroup(r.u16()?);
            r.vec16()?;
            Ok(group)
        };
        share(&mut r).ok()
    })
}

/// The protection profiles of `use_srtp` (RFC 5764 §4.1.1).
pub(super) fn srtp_profiles(data: &[u8]) -> impl Iterator<Item = SrtpProfile> {
    super::hello::Codes(Reader::new(data).vec16().unwrap_or_default()).all().map(SrtpProfile)
}

/// RFC 8446 §4.2.9; GREASE values there have the form `0x0b + 0x1f * n` (RFC 8701 §2) and are left out.
fn psk_mode(mode: &u8) -> Option<String> {
    match mode {
        0 => Some("psk_ke".into()),
        1 => Some("psk_dhe_ke".into()),
        n if n % 0x1f == 0x0b => None,
        n => Some(format!("{n:#04x}")),
    }
}

/// The config id of an outer `encrypted_client_hello` (RFC 9849 §5).
fn ech_config_id(data: &[u8]) -> Option<u8> {
    let mut r = Reader::new(data);
    let outer = r.u8().ok()? == 0;
    r.skip(4).ok()?;
    r.u8().ok().filter(|_| outer)
}

/// A protocol name that is GREASE (RFC 8701 §2): two equal octets ending in `a`.
fn is_grease(name: &[u8]) -> bool {
    matches!(name, [a, b] if a == b && a & 0x0f == 0x0a)
}
