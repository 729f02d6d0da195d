//! Registry numbers as open newtypes: GREASE and the future are values here, not errors.

use std::fmt;
use std::sync::LazyLock;

/// A TLS, SSL or DTLS version as it stands on the wire (RFC 8446 §4.1.2, RFC 9147 §5.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// SSL 2.0 (as its hello writes it).
    pub const SSL2: ProtocolVersion = ProtocolVersion(0x0002);
    /// SSL 3.0 (RFC 6101).
    pub const SSL3: ProtocolVersion = ProtocolVersion(0x0300);
    /// TLS 1.0 (RFC 2246).
    pub const TLS1_0: ProtocolVersion = ProtocolVersion(0x0301);
    /// TLS 1.1 (RFC 4346).
    pub const TLS1_1: ProtocolVersion = ProtocolVersion(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS1_2: ProtocolVersion = ProtocolVersion(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS1_3: ProtocolVersion = ProtocolVersion(0x0304);
    /// DTLS 1.0 (RFC 4347).
    pub const DTLS1_0: ProtocolVersion = ProtocolVersion(0xfeff);
    /// DTLS 1.2 (RFC 6347).
    pub const DTLS1_2: ProtocolVersion = ProtocolVersion(0xfefd);
    /// DTLS 1.3 (RFC 9147).
    pub const DTLS1_3: ProtocolVersion = ProtocolVersion(0xfefc);

    /// The version's number: `"1.3"`, `"3.0"` for SSL 3; `None` for a number nobody assigned.
    #[must_use]
    pub fn number(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0002 => "2.0",
            0x0300 => "3.0",
            0x0301 | 0xfeff | 0x0100 => "1.0",
            0x0302 => "1.1",
            0x0303 | 0xfefd => "1.2",
            0x0304 | 0xfefc => "1.3",
            _ if self.draft().is_some() => "1.3",
            _ => return None,
        })
    }

    /// `draft-28`, `fizz-draft-26`: what a draft or vendor version of TLS 1.3 is called.
    #[must_use]
    pub fn draft(self) -> Option<String> {
        let [high, low] = self.0.to_be_bytes();
        match high {
            0x7f => Some(format!("draft-{low}")),
            0xfb => Some(format!("fizz-draft-{low}")),
            0x7e => Some(format!("google-experiment-{low}")),
            _ => None,
        }
    }

    /// `ssl`, `tls` or `dtls`.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self.0 {
            0x0002 | 0x0300 => "ssl",
            0xfeff | 0xfefd | 0xfefc | 0x0100 => "dtls",
            _ => "tls",
        }
    }

    /// Whether this is TLS 1.3, DTLS 1.3, or a draft of TLS 1.3.
    #[must_use]
    pub fn is_1_3(self) -> bool {
        self.number() == Some("1.3")
    }

    /// Whether this is a GREASE value (RFC 8701 §2).
    #[must_use]
    pub fn is_grease(self) -> bool {
        is_grease(self.0)
    }
}

/// As it stands in `supported_versions`: `1.2`, `draft-28`, or the number.
impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.draft(), self.number()) {
            (Some(draft), _) => f.write_str(&draft),
            (None, Some(number)) => f.write_str(number),
            (None, None) => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}({:#06x})", self.0)
    }
}

/// The 16 reserved values of RFC 8701: both bytes equal and ending in `a`.
fn is_grease(n: u16) -> bool {
    let [high, low] = n.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $konst:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        #[allow(missing_docs)]
        impl $name {
            $($(#[$vdoc])* pub const $konst: $name = $name($number);)*

            /// The registered name, or `None`.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }

            /// Whether this is a GREASE value (RFC 8701 §2).
            #[must_use]
            pub fn is_grease(self) -> bool {
                is_grease(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}({:#06x})", self.0)
            }
        }
    };
}

named! {
    /// A key-exchange group (IANA "TLS Supported Groups").
    #[allow(missing_docs)]
    NamedGroup {
        SECT163K1 = 1, "sect163k1"; SECT163R1 = 2, "sect163r1"; SECT163R2 = 3, "sect163r2"; SECT193R1 = 4, "sect193r1";
        SECT193R2 = 5, "sect193r2"; SECT233K1 = 6, "sect233k1"; SECT233R1 = 7, "sect233r1"; SECT239K1 = 8, "sect239k1";
        SECT283K1 = 9, "sect283k1"; SECT283R1 = 10, "sect283r1"; SECT409K1 = 11, "sect409k1"; SECT409R1 = 12, "sect409r1";
        SECT571K1 = 13, "sect571k1"; SECT571R1 = 14, "sect571r1"; SECP160K1 = 15, "secp160k1"; SECP160R1 = 16, "secp160r1";
        SECP160R2 = 17, "secp160r2"; SECP192K1 = 18, "secp192k1"; SECP192R1 = 19, "secp192r1"; SECP224K1 = 20, "secp224k1";
        SECP224R1 = 21, "secp224r1"; SECP256K1 = 22, "secp256k1"; SECP256R1 = 23, "secp256r1"; SECP384R1 = 24, "secp384r1";
        SECP521R1 = 25, "secp521r1"; BRAINPOOLP256R1 = 26, "brainpoolP256r1"; BRAINPOOLP384R1 = 27, "brainpoolP384r1";
        BRAINPOOLP512R1 = 28, "brainpoolP512r1"; X25519 = 29, "x25519"; X448 = 30, "x448";
        BRAINPOOLP256R1TLS13 = 31, "brainpoolP256r1tls13"; BRAINPOOLP384R1TLS13 = 32, "brainpoolP384r1tls13";
        BRAINPOOLP512R1TLS13 = 33, "brainpoolP512r1tls13"; GC256A = 34, "GC256A"; GC256B = 35, "GC256B"; GC256C = 36, "GC256C";
        GC256D = 37, "GC256D"; GC512A = 38, "GC512A"; GC512B = 39, "GC512B"; GC512C = 40, "GC512C"; CURVESM2 = 41, "curveSM2";
        FFDHE2048 = 256, "ffdhe2048"; FFDHE3072 = 257, "ffdhe3072"; FFDHE4096 = 258, "ffdhe4096"; FFDHE6144 = 259, "ffdhe6144";
        FFDHE8192 = 260, "ffdhe8192"; MLKEM512 = 512, "MLKEM512"; MLKEM768 = 513, "MLKEM768"; MLKEM1024 = 514, "MLKEM1024";
        SECP256R1MLKEM768 = 4587, "SecP256r1MLKEM768"; X25519MLKEM768 = 4588, "X25519MLKEM768";
        SECP384R1MLKEM1024 = 4589, "SecP384r1MLKEM1024"; CURVESM2MLKEM768 = 4590, "curveSM2MLKEM768";
        CECPQ2 = 16696, "CECPQ2"; X25519KYBER512DRAFT00 = 0xfe30, "X25519Kyber512Draft00";
        X25519KYBER768DRAFT00 = 25497, "X25519Kyber768Draft00"; SECP256R1KYBER768DRAFT00 = 25498, "SecP256r1Kyber768Draft00";
        ARBITRARY_EXPLICIT_PRIME_CURVES = 0xff01, "arbitrary_explicit_prime_curves";
        ARBITRARY_EXPLICIT_CHAR2_CURVES = 0xff02, "arbitrary_explicit_char2_curves";
    }
}

impl NamedGroup {
    /// Whether a key encapsulation believed to withstand quantum computers takes part.
    #[must_use]
    pub fn is_post_quantum(self) -> bool {
        matches!(self.0, 512..=514 | 4587..=4590 | 16696 | 25497 | 25498 | 0xfe30)
    }
}

named! {
    /// A signature scheme (IANA "TLS SignatureScheme").
    #[allow(missing_docs)]
    SignatureScheme {
        RSA_PKCS1_MD5 = 0x0101, "rsa_pkcs1_md5"; RSA_PKCS1_SHA1 = 0x0201, "rsa_pkcs1_sha1"; DSA_SHA1 = 0x0202, "dsa_sha1"; ECDSA_SHA1 = 0x0203, "ecdsa_sha1";
        RSA_PKCS1_SHA224 = 0x0301, "rsa_pkcs1_sha224"; ECDSA_SHA224 = 0x0303, "ecdsa_sha224";
        RSA_PKCS1_SHA256 = 0x0401, "rsa_pkcs1_sha256"; DSA_SHA256 = 0x0402, "dsa_sha256"; ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
        RSA_PKCS1_SHA384 = 0x0501, "rsa_pkcs1_sha384"; ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
        RSA_PKCS1_SHA512 = 0x0601, "rsa_pkcs1_sha512"; ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
        SM2SIG_SM3 = 0x0708, "sm2sig_sm3";
        RSA_PSS_RSAE_SHA256 = 0x0804, "rsa_pss_rsae_sha256"; RSA_PSS_RSAE_SHA384 = 0x0805, "rsa_pss_rsae_sha384"; RSA_PSS_RSAE_SHA512 = 0x0806, "rsa_pss_rsae_sha512";
        ED25519 = 0x0807, "ed25519"; ED448 = 0x0808, "ed448";
        RSA_PSS_PSS_SHA256 = 0x0809, "rsa_pss_pss_sha256"; RSA_PSS_PSS_SHA384 = 0x080a, "rsa_pss_pss_sha384"; RSA_PSS_PSS_SHA512 = 0x080b, "rsa_pss_pss_sha512";
        MLDSA44 = 0x0904, "mldsa44"; MLDSA65 = 0x0905, "mldsa65"; MLDSA87 = 0x0906, "mldsa87";
    }
}

named! {
    /// How SRTP is protected when DTLS agrees on its keys (IANA "DTLS-SRTP Protection Profiles").
    #[allow(missing_docs)]
    SrtpProfile {
        AES128_CM_HMAC_SHA1_80 = 1, "SRTP_AES128_CM_HMAC_SHA1_80"; AES128_CM_HMAC_SHA1_32 = 2, "SRTP_AES128_CM_HMAC_SHA1_32";
        NULL_HMAC_SHA1_80 = 5, "SRTP_NULL_HMAC_SHA1_80"; NULL_HMAC_SHA1_32 = 6, "SRTP_NULL_HMAC_SHA1_32";
        AEAD_AES_128_GCM = 7, "SRTP_AEAD_AES_128_GCM"; AEAD_AES_256_GCM = 8, "SRTP_AEAD_AES_256_GCM";
        DOUBLE_AEAD_AES_128_GCM = 9, "DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM";
        DOUBLE_AEAD_AES_256_GCM = 10, "DOUBLE_AEAD_AES_256_GCM_AEAD_AES_256_GCM";
        ARIA_128_CTR_HMAC_SHA1_80 = 11, "SRTP_ARIA_128_CTR_HMAC_SHA1_80"; ARIA_128_CTR_HMAC_SHA1_32 = 12, "SRTP_ARIA_128_CTR_HMAC_SHA1_32";
        ARIA_256_CTR_HMAC_SHA1_80 = 13, "SRTP_ARIA_256_CTR_HMAC_SHA1_80"; ARIA_256_CTR_HMAC_SHA1_32 = 14, "SRTP_ARIA_256_CTR_HMAC_SHA1_32";
        AEAD_ARIA_128_GCM = 15, "SRTP_AEAD_ARIA_128_GCM"; AEAD_ARIA_256_GCM = 16, "SRTP_AEAD_ARIA_256_GCM";
    }
}

impl SrtpProfile {
    /// Whether the payload is only authenticated.
    #[must_use]
    pub fn is_readable(self) -> bool {
        matches!(self, SrtpProfile::NULL_HMAC_SHA1_80 | SrtpProfile::NULL_HMAC_SHA1_32)
    }
}

named! {
    /// A TLS extension type (IANA "TLS ExtensionType Values").
    ExtensionType {
        /// RFC 6066 §3.
        SERVER_NAME = 0, "server_name";
        /// RFC 6066 §8.
        STATUS_REQUEST = 5, "status_request";
        /// RFC 8446 §4.2.7.
        SUPPORTED_GROUPS = 10, "supported_groups";
        /// RFC 8422 §5.1.2.
        EC_POINT_FORMATS = 11, "ec_point_formats";
        /// RFC 8446 §4.2.3.
        SIGNATURE_ALGORITHMS = 13, "signature_algorithms";
        /// RFC 5764 §4.1.1.
        USE_SRTP = 14, "use_srtp";
        /// RFC 6520 §2.
        HEARTBEAT = 15, "heartbeat";
        /// RFC 7301 §3.1.
        ALPN = 16, "application_layer_protocol_negotiation";
        /// RFC 6962 §3.3.1.
        SIGNED_CERTIFICATE_TIMESTAMP = 18, "signed_certificate_timestamp";
        /// RFC 7250 §3.
        CLIENT_CERTIFICATE_TYPE = 19, "client_certificate_type";
        /// RFC 7250 §3.
        SERVER_CERTIFICATE_TYPE = 20, "server_certificate_type";
        /// RFC 7685.
        PADDING = 21, "padding";
        /// RFC 7366 §2.
        ENCRYPT_THEN_MAC = 22, "encrypt_then_mac";
        /// RFC 7627 §5.1.
        EXTENDED_MASTER_SECRET = 23, "extended_master_secret";
        /// RFC 8879 §3.
        COMPRESS_CERTIFICATE = 27, "compress_certificate";
        /// RFC 8449 §4.
        RECORD_SIZE_LIMIT = 28, "record_size_limit";
        /// RFC 5077 §3.2.
        SESSION_TICKET = 35, "session_ticket";
        /// RFC 8446 §4.2.11.
        PRE_SHARED_KEY = 41, "pre_shared_key";
        /// RFC 8446 §4.2.10.
        EARLY_DATA = 42, "early_data";
        /// RFC 8446 §4.2.1.
        SUPPORTED_VERSIONS = 43, "supported_versions";
        /// RFC 8446 §4.2.2.
        COOKIE = 44, "cookie";
        /// RFC 8446 §4.2.9.
        PSK_KEY_EXCHANGE_MODES = 45, "psk_key_exchange_modes";
        /// RFC 8446 §4.2.8.
        KEY_SHARE = 51, "key_share";
        /// RFC 9146 §3.
        CONNECTION_ID = 54, "connection_id";
        /// RFC 9001 §8.2.
        QUIC_TRANSPORT_PARAMETERS = 57, "quic_transport_parameters";
        /// RFC 9001 §8.2, the number used by its drafts.
        QUIC_TRANSPORT_PARAMETERS_DRAFT = 0xffa5, "quic_transport_parameters_draft";
        /// The version before Encrypted Client Hello (draft-ietf-tls-esni-05).
        ENCRYPTED_SERVER_NAME = 0xffce, "encrypted_server_name";
        /// Encrypted Client Hello (RFC 9849 §5).
        ENCRYPTED_CLIENT_HELLO = 0xfe0d, "encrypted_client_hello";
        /// Next Protocol Negotiation (draft-agl-tls-nextprotoneg-04).
        NEXT_PROTOCOL_NEGOTIATION = 13172, "next_protocol_negotiation";
        /// RFC 5746 §3.2.
        RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
    }
}

/// A cipher suite (IANA "TLS Cipher Suites"); names come from the table of `tls-parser`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The IANA name, or `None`.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.parts().map(|suite| suite.name)
    }

    /// What the name stands for: key exchange, authentication, cipher, MAC.
    #[must_use]
    pub fn parts(self) -> Option<&'static tls_parser::TlsCipherSuite> {
        // By number: the library's own table hashes for longer than it takes to find one of some hundred here.
        static SUITES: LazyLock<Vec<&tls_parser::TlsCipherSuite>> = LazyLock::new(|| {
            let mut suites: Vec<_> = tls_parser::CIPHERS.values().collect();
            suites.sort_unstable_by_key(|suite| suite.id.0);
            suites
        });
        let at = SUITES.binary_search_by_key(&self.0, |suite| suite.id.0).ok()?;
        SUITES.get(at).copied()
    }

    /// Whether this is a GREASE value (RFC 8701 §2).
    #[must_use]
    pub fn is_grease(self) -> bool {
        is_grease(self.0)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}({:#06x})", self.0)
    }
}

/// A TLS alert description (RFC 8446 §6 and the IANA registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The registered name, or `None`.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#04x}", self.0),
        }
    }
}

/// A QUIC version (RFC 9000 §15 and the IANA registry).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicVersion(pub u32);

impl QuicVersion {
    /// QUIC version 1 (RFC 9000).
    pub const V1: QuicVersion = QuicVersion(1);
    /// QUIC version 2 (RFC 9369).
    pub const V2: QuicVersion = QuicVersion(0x6b33_43cf);
    /// Version negotiation (RFC 9000 §17.2.1).
    pub const NEGOTIATION: QuicVersion = QuicVersion(0);

    /// The number of an IETF draft (`0xff0000NN`).
    #[must_use]
    pub fn draft(self) -> Option<u8> {
        let [a, b, c, n] = self.0.to_be_bytes();
        ([a, b, c] == [0xff, 0, 0]).then_some(n)
    }

    /// Whether this is Google's own QUIC (`Q046`, `T051`): another protocol with another handshake.
    #[must_use]
    pub fn is_google(self) -> bool {
        let [kind, digits @ ..] = self.0.to_be_bytes();
        matches!(kind, b'Q' | b'T') && digits.iter().all(u8::is_ascii_digit)
    }
}

impl fmt::Display for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1"),
            0x6b33_43cf | 0x709a_50c4 => f.write_str("2"),
            0xface_b000 => f.write_str("mvfst"),
            0xface_b001 => f.write_str("mvfst-draft-22"),
            0xface_b002 => f.write_str("mvfst-draft-27"),
            0xface_b00d..=0xface_b00f => f.write_str("mvfst-alias"),
            _ if self.is_google() => self.0.to_be_bytes().iter().try_for_each(|&b| write!(f, "{}", char::from(b))),
            _ => match self.draft() {
                Some(n) => write!(f, "draft-{n}"),
                None => write!(f, "{:#010x}", self.0),
            },
        }
    }
}

impl fmt::Debug for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}({:#010x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_print_as_the_contract_names_them() {
        let shown: Vec<String> =
            [0x0002, 0x0300, 0x0304, 0x7f1c, 0xfb1a, 0xfefc, 0x1a2b].iter().map(|&v| ProtocolVersion(v).to_string()).collect();
        assert_eq!(shown, ["2.0", "3.0", "1.3", "draft-28", "fizz-draft-26", "1.3", "0x1a2b"]);
        let shown: Vec<String> =
            [1, 0x6b33_43cf, 0xff00_001d, 0xface_b002, 0x5130_3530, 7].iter().map(|&v| QuicVersion(v).to_string()).collect();
        assert_eq!(shown, ["1", "2", "draft-29", "mvfst-draft-27", "Q050", "0x00000007"]);
    }

    #[test]
    fn unknown_numbers_print_as_hexadecimal() {
        assert_eq!(CipherSuite(0x1301).to_string(), "TLS_AES_128_GCM_SHA256");
        assert_eq!(CipherSuite(0xeeee).to_string(), "0xeeee");
        assert_eq!(NamedGroup(4588).to_string(), "X25519MLKEM768");
        assert!(NamedGroup(0x2a2a).is_grease() && NamedGroup(0x2a2a).name().is_none());
    }
}
