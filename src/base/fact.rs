//! What was found out, and from which frames.

use std::sync::LazyLock;

use super::freeze::Freeze;
use super::kind_set::KindSet;
use super::render::{Render, Shown};
use super::{
    AlertDescription, CipherSuite, Dir, DnsAnswer, Evidence, Exposed, Message, NamedGroup, ProtocolVersion, QuicVersion, Readable, Reader,
    SdpMedia, SignatureScheme, SrtpProfile, Step, Timestamp, WireStr,
};

/// How a statement came about (contract §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Bytes in the named frames say it.
    Observed,
    /// Bytes that were opened with TLS keys say it.
    ObservedWithKeys,
    /// It follows from something observed.
    Inferred,
    /// Somebody says so.
    Claimed,
}

impl Basis {
    /// Every basis, in the order of the contract.
    pub const ALL: [Basis; 4] = [Basis::Observed, Basis::ObservedWithKeys, Basis::Inferred, Basis::Claimed];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Basis::Observed => "observed",
            Basis::ObservedWithKeys => "observed-with-keys",
            Basis::Inferred => "inferred",
            Basis::Claimed => "claimed",
        }
    }
}

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident($type:ty) = $name:literal $(as $field:ident)?;)*) => {
        /// A statement about a connection. The order of the variants is the order of output, and variants whose
        /// dotted names share a prefix stand together, so that the nested JSON is one walk over sorted facts.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum What { $($(#[$doc])* $variant($type)),* }

        /// Which statement it is, without the value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)]
        pub enum Kind { $($variant),* }

        impl Kind {
            /// Every kind, in the order of output.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// The dotted name: that of the JSON field where there is one.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name),* }
            }

            /// The objects that the field stands in, and its name there: [`Kind::name`] taken apart.
            #[must_use]
            pub fn path(self) -> &'static (Vec<&'static str>, &'static str) {
                static PATHS: LazyLock<Vec<(Vec<&'static str>, &'static str)>> = LazyLock::new(|| {
                    Kind::ALL
                        .iter()
                        .map(|kind| {
                            let (path, leaf) = kind.name().rsplit_once('.').unwrap_or(("", kind.name()));
                            (path.split('.').collect(), leaf)
                        })
                        .collect()
                });
                static NONE: (Vec<&str>, &str) = (Vec::new(), "");
                PATHS.get(self as usize).unwrap_or(&NONE)
            }

            /// Whether the fact is also a field of the JSON object (contract §5).
            #[must_use]
            pub fn is_field(self) -> bool {
                match self { $(Kind::$variant => facts!(@field $($field)?)),* }
            }
        }

        impl What {
            /// Which statement it is.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(What::$variant(_) => Kind::$variant),* }
            }

            pub(in crate::base) fn put(&self, out: &mut Vec<u8>) {
                match self { $(What::$variant(value) => value.put(out)),* }
            }

            pub(in crate::base) fn take(kind: Kind, reader: &mut Reader<'_>) -> Option<What> {
                Some(match kind { $(Kind::$variant => What::$variant(<$type as Freeze>::take(reader)?)),* })
            }

            pub(in crate::base) fn skip(kind: Kind, reader: &mut Reader<'_>) -> Option<()> {
                match kind { $(Kind::$variant => <$type as Freeze>::skip(reader)),* }
            }

            /// Its value, for a sink.
            #[must_use]
            pub fn shown(&self) -> Shown<'_> {
                match self { $(What::$variant(value) => value.shown()),* }
            }
        }
    };
    (@field field) => { true };
    (@field) => { false };
}

facts! {
    /// The negotiated version: from the `ServerHello` (its `supported_versions` where present), never from an offer.
    TlsVersion(VersionName) = "tls.version" as field;
    /// Which draft or vendor version of TLS 1.3.
    TlsVersionDetail(String) = "tls.version_detail" as field;
    /// `ssl`, `tls`, `dtls` or `quic`.
    TlsVersionProtocol(&'static str) = "tls.version_protocol" as field;
    /// The negotiated cipher suite.
    TlsCipher(CipherSuite) = "tls.cipher" as field;
    /// The negotiated key-exchange group.
    TlsCurve(NamedGroup) = "tls.curve" as field;
    /// Whether protected data followed a handshake that was not refused.
    TlsEstablished(bool) = "tls.established" as field;
    /// Whether the session was resumed (1.3: `pre_shared_key` in the `ServerHello`; before: `ChangeCipherSpec` without a `Certificate`).
    TlsResumed(bool) = "tls.resumed" as field;
    /// The application protocol the server chose, where it is in clear (or read with keys).
    TlsNextProtocol(WireStr) = "tls.next_protocol" as field;
    /// The server name the client asked for (RFC 6066 §3); may be an outer name where ECH is present.
    TlsServerName(WireStr) = "tls.client.server_name" as field;
    /// JA3 of the first `ClientHello`.
    TlsJa3(Md5) = "tls.client.ja3" as field;
    /// JA4 of the first `ClientHello`.
    TlsJa4(String) = "tls.client.ja4" as field;
    /// Versions offered, GREASE left out.
    TlsOfferedVersions(Vec<ProtocolVersion>) = "tls.client.supported_versions" as field;
    /// Cipher suites offered, GREASE left out.
    TlsOfferedCiphers(Vec<CipherSuite>) = "tls.client.supported_ciphers" as field;
    /// Groups offered, GREASE left out.
    TlsOfferedGroups(Vec<NamedGroup>) = "tls.client.supported_groups" as field;
    /// Groups the client sent a key share for, GREASE left out.
    TlsOfferedKeyShares(Vec<NamedGroup>) = "tls.client.key_shares";
    /// Signature schemes offered, GREASE left out.
    TlsOfferedSignatures(Vec<SignatureScheme>) = "tls.client.signature_algorithms";
    /// Application protocols offered, GREASE left out.
    TlsOfferedAlpn(Vec<WireStr>) = "tls.client.alpn" as field;
    /// `present` when the extension `encrypted_client_hello` is there (the real and the padding kind look alike), else `none`.
    TlsEch(&'static str) = "tls.client.ech" as field;
    /// The config id in the ECH extension.
    TlsEchConfigId(u8) = "tls.client.ech_config_id";
    /// The older `encrypted_server_name` extension is present.
    TlsEsni(bool) = "tls.client.esni";
    /// Whether a pre-shared key was offered (TLS 1.3).
    TlsPskOffered(bool) = "tls.client.psk_offered" as field;
    /// PSK modes offered: `psk_ke`, `psk_dhe_ke`.
    TlsPskModes(Vec<String>) = "tls.client.psk_modes";
    /// Whether the client announced 0-RTT data.
    TlsEarlyData(bool) = "tls.client.early_data" as field;
    /// Whether the client offered the extended master secret (RFC 7627).
    TlsOfferedExtendedMasterSecret(bool) = "tls.client.extended_master_secret";
    /// Whether the client signalled secure renegotiation (RFC 5746: extension or SCSV).
    TlsOfferedRenegotiationInfo(bool) = "tls.client.renegotiation_info";
    /// Whether the client sent `TLS_FALLBACK_SCSV` (RFC 7507).
    TlsFallbackScsv(bool) = "tls.client.fallback_scsv";
    /// Compression methods offered other than null.
    TlsOfferedCompression(Vec<u64>) = "tls.client.compression";
    /// SHA-256 of the client's leaf certificate.
    TlsClientCertSha256(Sha256) = "tls.client.hash.sha256" as field;
    /// SHA-1 of the client's leaf certificate.
    TlsClientCertSha1(Sha1) = "tls.client.hash.sha1" as field;
    /// Its subject, RFC 4514.
    TlsClientSubject(WireStr) = "tls.client.subject" as field;
    /// Its issuer, RFC 4514.
    TlsClientIssuer(WireStr) = "tls.client.issuer" as field;
    /// The moment it becomes valid.
    TlsClientNotBefore(Timestamp) = "tls.client.not_before" as field;
    /// The last moment it is valid.
    TlsClientNotAfter(Timestamp) = "tls.client.not_after" as field;
    /// How many certificates the client sent.
    TlsClientChainLength(u64) = "tls.client.certificate_chain_length" as field;
    /// Its serial number, upper-case hexadecimal.
    TlsClientSerial(String) = "tls.client.x509.serial_number" as field;
    /// The algorithm it was signed with.
    TlsClientSignatureAlgorithm(String) = "tls.client.x509.signature_algorithm" as field;
    /// The kind of its key.
    TlsClientKeyAlgorithm(String) = "tls.client.x509.public_key_algorithm" as field;
    /// The size of its key in bits.
    TlsClientKeySize(u64) = "tls.client.x509.public_key_size" as field;
    /// A `HelloRetryRequest` was sent.
    TlsHelloRetryRequest(bool) = "tls.hello_retry_request" as field;
    /// The group a `HelloRetryRequest` asked for.
    TlsRetryGroup(NamedGroup) = "tls.hello_retry_group";
    /// Alerts in clear, in order.
    TlsAlerts(Vec<Alert>) = "tls.alerts" as field;
    /// JA3S of the `ServerHello`.
    TlsJa3s(Md5) = "tls.server.ja3s" as field;
    /// Whether the server agreed to the extended master secret (RFC 7627).
    TlsExtendedMasterSecret(bool) = "tls.server.extended_master_secret";
    /// Whether the server signalled secure renegotiation (RFC 5746).
    TlsRenegotiationInfo(bool) = "tls.server.renegotiation_info";
    /// Whether the server agreed to encrypt-then-MAC (RFC 7366).
    TlsEncryptThenMac(bool) = "tls.server.encrypt_then_mac";
    /// The compression method the server chose, when not null.
    TlsCompression(u64) = "tls.server.compression";
    /// The server's random ends in the downgrade sentinel (RFC 8446 §4.1.3): `1.2` or `1.1`.
    TlsDowngradeSentinel(&'static str) = "tls.server.downgrade_sentinel";
    /// The version that stands in the `ServerHello`'s old version field, where it differs.
    TlsLegacyVersion(ProtocolVersion) = "tls.server.legacy_version";
    /// Size of the prime of a finite-field Diffie-Hellman exchange, in bits.
    TlsDhBits(u64) = "tls.server.dh_bits";
    /// The signature scheme of the `ServerKeyExchange`.
    TlsKeyExchangeSignature(SignatureScheme) = "tls.server.key_exchange_signature";
    /// The server asked for a client certificate.
    TlsCertificateRequested(bool) = "tls.server.certificate_requested";
    /// The server issued a session ticket in clear.
    TlsTicketIssued(bool) = "tls.server.ticket_issued";
    /// SHA-256 of the server's leaf certificate.
    TlsCertSha256(Sha256) = "tls.server.hash.sha256" as field;
    /// SHA-1 of the server's leaf certificate.
    TlsCertSha1(Sha1) = "tls.server.hash.sha1" as field;
    /// Its subject, RFC 4514.
    TlsSubject(WireStr) = "tls.server.subject" as field;
    /// Its issuer, RFC 4514.
    TlsIssuer(WireStr) = "tls.server.issuer" as field;
    /// The moment it becomes valid.
    TlsNotBefore(Timestamp) = "tls.server.not_before" as field;
    /// The last moment it is valid.
    TlsNotAfter(Timestamp) = "tls.server.not_after" as field;
    /// What validating the server's chain at capture time came to, in words: `trusted-path` or why there is none, and whatever else is wrong
    /// (see [`dissect::tls`](crate::dissect::tls)).
    TlsChainState(Vec<&'static str>) = "tls.server.chain_state";
    /// How many certificates the server sent.
    TlsChainLength(u64) = "tls.server.certificate_chain_length" as field;
    /// The names it is for.
    TlsAlternativeNames(Vec<WireStr>) = "tls.server.x509.alternative_names" as field;
    /// Its serial number, upper-case hexadecimal.
    TlsSerial(String) = "tls.server.x509.serial_number" as field;
    /// The algorithm it was signed with.
    TlsSignatureAlgorithm(String) = "tls.server.x509.signature_algorithm" as field;
    /// The kind of its key.
    TlsKeyAlgorithm(String) = "tls.server.x509.public_key_algorithm" as field;
    /// The size of its key in bits.
    TlsKeySize(u64) = "tls.server.x509.public_key_size" as field;
    /// Whether the server took the 0-RTT data.
    TlsEarlyDataAccepted(bool) = "tls.server.early_data";
    /// The server answered an ECH extension with other keys to try (RFC 9849 §5): it did not take the one it got.
    TlsEchRetryConfigs(bool) = "tls.server.ech_retry_configs";
    /// Versions on the records of a connection whose hellos were not seen.
    TlsRecordVersions(Vec<ProtocolVersion>) = "tls.record_versions";
    /// What carried the TLS: `socks`, `http_connect`, `openvpn` (the TLS of its control channel).
    TlsTunnel(&'static str) = "tls.tunnel";
    /// A DTLS connection id was negotiated (RFC 9146): its length from the client, then from the server.
    DtlsConnectionIds(Vec<u64>) = "dtls.connection_ids";
    /// The server asked for a DTLS cookie.
    DtlsCookie(bool) = "dtls.cookie";
    /// The QUIC version in use.
    QuicVersion(QuicVersion) = "quic.version" as field;
    /// A Retry packet was sent.
    QuicRetry(bool) = "quic.retry" as field;
    /// Versions offered in a Version Negotiation packet.
    QuicNegotiation(Vec<QuicVersion>) = "quic.version_negotiation";
    /// The first version the client tried, where another one was then used.
    QuicOriginalVersion(QuicVersion) = "quic.original_version";
    /// The connection ids the client and the server chose for themselves, in hexadecimal; empty for one not seen.
    QuicConnectionIds(Vec<String>) = "quic.connection_ids";
    /// Octets 1 to 20 of a datagram shaped like a QUIC short header, on a connection that began without a handshake: the
    /// connection id it may begin with. Settled when the capture is over; never in a report.
    QuicShortHeader(WireStr) = "quic.short_header";
    /// The client takes packets whose fixed bit is anything (RFC 9287): what is no QUIC cannot be told by that bit then.
    QuicGreaseBit(bool) = "quic.client.grease_quic_bit";
    /// How many datagrams went by on the same addresses and ports, after QUIC was recognised, that cannot be QUIC.
    QuicOtherDatagrams(u64) = "quic.other_datagrams";
    /// How many octets went by on the connection, after TLS was recognised, that are no TLS records.
    TlsOtherOctets(u64) = "tls.other_octets";
    /// The first frame of the connection that this one continues from another address (RFC 9000 §9).
    QuicContinues(u64) = "quic.continues";
    /// The application in the payload, innermost recognised.
    Protocol(&'static str) = "network.protocol";
    /// How much of the handshake was seen: `complete`, `client-only`, `server-only`, `missing`, `failed` (contract §5).
    Handshake(&'static str) = "intransit.handshake" as field;
    /// What became of keys: `matched`, else what is lacking.
    Keys(&'static str) = "intransit.keys";
    /// The plain protocol that was upgraded to TLS.
    StartTls(&'static str) = "intransit.starttls" as field;
    /// Something that anyone on the path could read: its kind, what it was, how often, octets, and a masked beginning.
    Readable(Box<Readable>) = "intransit.readable";
    /// The upgrade was asked for, and refused.
    StartTlsRefused(&'static str) = "intransit.starttls_refused";
    /// `matches-config` when config id and public name equal an HTTPS record of this capture, else `undetermined`.
    Ech(&'static str) = "intransit.ech" as field;
    /// Handshake messages, or records, that did not parse: where they are and what was wrong.
    Malformed(String) = "intransit.malformed";
    /// The same bytes of a TCP stream came twice with different content: `first` and `then`, both as seen. First wins.
    ConflictingOverlap(Vec<WireStr>) = "tcp.conflicting_overlap";
    /// Octets missing from the capture (lost by the capture, or never sent) in the middle of a direction.
    TcpGap(u64) = "tcp.gap";
    /// The capture cut packets short: the frame of the first one.
    Truncated(bool) = "intransit.truncated";
    /// Reading the connection failed: a fault of this program. What was found before still holds; the rest was counted and not read.
    InternalError(bool) = "intransit.internal_error" as field;
    /// More unread bytes waited than the bounds allow; the rest was counted but not read.
    Overflow(&'static str) = "intransit.overflow";
    /// The host an HTTP proxy was asked to connect to.
    HttpConnectTarget(WireStr) = "http.connect_target";
    /// The host and port a SOCKS proxy was asked to connect to.
    SocksTarget(WireStr) = "socks.target";
    /// The `Host` of the first HTTP request.
    HttpHost(WireStr) = "http.host";
    /// The first HTTP request's method.
    HttpMethod(WireStr) = "http.method";
    /// The client's identification string (RFC 4253 §4.2).
    SshClient(WireStr) = "ssh.client";
    /// The server's identification string.
    SshServer(WireStr) = "ssh.server";
    /// The version of SSH in use: `2`, or `1`.
    SshVersion(&'static str) = "ssh.version";
    /// The key exchange agreed on (RFC 4253 §7.1).
    SshKeyExchange(WireStr) = "ssh.kex";
    /// The host key algorithm agreed on.
    SshHostKey(WireStr) = "ssh.host_key";
    /// The cipher agreed on; two where the client's differs from the server's.
    SshCipher(Vec<WireStr>) = "ssh.cipher";
    /// The MAC agreed on; two where they differ. Not stated where the cipher authenticates by itself.
    SshMac(Vec<WireStr>) = "ssh.mac";
    /// The version of IKE: `2`, or `1`.
    IkeVersion(&'static str) = "ike.version";
    /// The cipher of the IKE exchange, as the responder chose it (RFC 7296 §3.3.2).
    IkeEncryption(String) = "ike.encryption";
    /// Its key exchanges: more than one where they are combined (RFC 9370).
    IkeGroups(Vec<String>) = "ike.groups";
    /// The software a STUN message names (RFC 8489 §14.14).
    StunSoftware(WireStr) = "stun.software";
    /// The realm of a STUN or TURN server.
    StunRealm(WireStr) = "stun.realm";
    /// The user name in a STUN message: of a connectivity check, or of an account at a relay.
    StunUsername(WireStr) = "stun.username";
    /// The address a TURN relay lent out (RFC 8656 §18.5).
    StunRelayedAddress(String) = "stun.relayed_address";
    /// The addresses reached through the relay.
    StunPeers(Vec<String>) = "stun.peers";
    /// Attributes that are in no registry: they tell implementations apart.
    StunVendorAttributes(Vec<String>) = "stun.vendor_attributes";
    /// Message types whose method is in no registry.
    StunVendorMessages(Vec<String>) = "stun.vendor_messages";
    /// How DTLS protects the media that follows: from the server's answer (RFC 5764 §4.1).
    SrtpProfile(SrtpProfile) = "srtp.profile";
    /// What the client offered for that.
    SrtpOffered(Vec<SrtpProfile>) = "srtp.offered";
    /// Payload types of the RTP-shaped packets.
    RtpPayloadTypes(Vec<u64>) = "rtp.payload_types";
    /// Where media of a call is expected, and what was said of its keys, in readable signalling.
    SdpMedia(Box<SdpMedia>) = "sdp.media";
    /// A name asked for in DNS.
    DnsQuery(WireStr) = "dns.question.name";
    /// The addresses an answer gave for a name.
    DnsAnswer(Box<DnsAnswer>) = "dns.answer";
    /// DNS inside TLS, HTTPS or QUIC, by what is in clear: `dot`, `doh`, `doq`. An inference.
    DnsTransport(&'static str) = "dns.transport";
    /// An ECH config in an HTTPS record: owner name, public name and config id.
    DnsEchConfig(Vec<String>) = "dns.ech_config";
    /// A name that DNS gave for the server's address earlier in this capture: an inference, with the frames of the answer.
    ResolvedName(WireStr) = "intransit.resolved_name";
    /// How old that answer was when the connection began, in seconds.
    ResolvedAge(u64) = "intransit.resolved_age";
    /// How the keys of media were agreed: `dtls-srtp`, `sdes-in-clear`, `plain-rtp` (negotiated without keys in readable signalling).
    MediaKeying(&'static str) = "intransit.media_keying";
    /// What bytes of no known protocol look like: `random`, `readable`, `structured`. An inference, never a protection.
    Looks(&'static str) = "intransit.looks";
    /// Messages and attributes of STUN that no registry has: they tell who made the client.
    StunSigns(Vec<String>) = "intransit.stun_signs";
    /// Those that the same address and port of the client showed to another server at the same time: an inference, with their frames.
    SocketSigns(Vec<String>) = "intransit.socket_stun_signs";
    /// The process or app a capture format names.
    ProcessName(WireStr) = "process.name" as field;
    /// Its process id on the computer that captured.
    ProcessPid(u64) = "process.pid" as field;
    /// Its file there.
    ProcessExecutable(WireStr) = "process.executable" as field;
    /// How it is known: `socket-open`, `port-bound`, `listening`; `socket-shared` where several programs held the socket, and none is named.
    ProcessSeen(&'static str) = "process.seen" as field;
    /// The programs that held the socket together: which of them used it is not known. The first few, in order.
    ProcessHolders(Vec<WireStr>) = "process.holders" as field;
    /// How many processes they were.
    ProcessHolderCount(u64) = "process.holder_count" as field;
}

/// A version as a JSON value: the number of the contract, `0x1a2b` where unassigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionName(pub ProtocolVersion);

/// An alert: who sent it and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who sent it.
    pub dir: Dir,
    /// `true` for a fatal one.
    pub fatal: bool,
    /// What it says.
    pub description: AlertDescription,
}

/// An MD5, for fingerprints that are defined as one.
pub type Md5 = [u8; 16];
/// A SHA-1, for looking a certificate up; boxed to keep facts small.
pub type Sha1 = Box<[u8; 20]>;
/// A SHA-256; boxed to keep facts small.
pub type Sha256 = Box<[u8; 32]>;

/// A statement, how it came about, and the frames that prove it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The statement.
    pub what: What,
    /// How it came about.
    pub basis: Basis,
    /// The frames.
    pub evidence: Evidence,
}

// There are two dozen of them for each connection: one line of the processor's cache.
const _: () = assert!(size_of::<Fact>() <= 64);

/// How many steps of a handshake are kept; more are counted only.
const MOST_STEPS: usize = 64;
/// How many facts one connection can state.
const MOST_FACTS: usize = 256;

/// Everything found out about one connection so far.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    list: Vec<Fact>,
    /// The kinds in the list: most questions are for facts that are not there.
    kinds: KindSet,
    steps: Vec<Step>,
    dropped: u32,
    /// What is observed now was opened with keys.
    with_keys: bool,
}

impl Facts {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Facts {
        Facts::default()
    }

    /// Makes room for as many facts and steps as are known to come.
    pub(in crate::base) fn expect(&mut self, facts: usize, steps: usize) {
        self.list.reserve_exact(facts.min(MOST_FACTS));
        self.steps.reserve_exact(steps.min(MOST_STEPS));
    }

    /// Makes room for the facts and steps of a handshake, which are many and come at once.
    pub fn expect_handshake(&mut self) {
        self.list.reserve(24);
        self.steps.reserve(4);
    }

    /// States something that bytes in the named frames say.
    pub fn observe(&mut self, what: What, evidence: Evidence) {
        let basis = if self.with_keys { Basis::ObservedWithKeys } else { Basis::Observed };
        self.add(Fact { what, basis, evidence });
    }

    /// Does `work` on bytes that were opened with keys: what it observes is marked so.
    pub fn with_keys<T>(&mut self, work: impl FnOnce(&mut Facts) -> T) -> T {
        self.with_keys = true;
        let done = work(self);
        self.with_keys = false;
        done
    }

    /// States something that follows from what the named frames hold.
    pub fn infer(&mut self, what: What, evidence: Evidence) {
        self.add(Fact { what, basis: Basis::Inferred, evidence });
    }

    /// Adds a fact. Beyond the bound it is counted and dropped.
    pub fn add(&mut self, fact: Fact) {
        if self.list.len() < MOST_FACTS {
            self.kinds.insert(fact.what.kind());
            if self.list.len() == self.list.capacity() {
                // By half: connections by the million wait with what they have.
                self.list.reserve_exact((self.list.len() / 2).max(4));
            }
            self.list.push(fact);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// States that something could be read (see [`Readable::new`]). What is of the same kind and name is counted together, with the
    /// frames of all of it.
    pub fn readable(&mut self, kind: Exposed, what: &'static str, text: &[u8], evidence: Evidence) {
        match self.readable_mut(kind, what) {
            Some((known, frames)) => {
                known.count = known.count.saturating_add(1);
                known.bytes = known.bytes.saturating_add(text.len() as u64);
                frames.join(&evidence);
            }
            None => self.observe(What::Readable(Box::new(Readable::new(kind, what, text))), evidence),
        }
    }

    /// Counts more octets of what [`Facts::readable`] stated already.
    pub fn more_readable(&mut self, kind: Exposed, what: &'static str, bytes: u64, evidence: &Evidence) {
        if let Some((known, frames)) = self.readable_mut(kind, what) {
            known.bytes = known.bytes.saturating_add(bytes);
            frames.join(evidence);
        }
    }

    pub(super) fn readable_mut(&mut self, kind: Exposed, what: &str) -> Option<(&mut Readable, &mut Evidence)> {
        let any = self.has(Kind::Readable);
        self.list.iter_mut().filter(|_| any).find_map(|fact| match &mut fact.what {
            What::Readable(known) if known.kind == kind && known.what == what => Some((known.as_mut(), &mut fact.evidence)),
            _ => None,
        })
    }

    /// Everything that could be read.
    pub fn readables(&self) -> impl Iterator<Item = (&Readable, &Evidence)> {
        let list = if self.has(Kind::Readable) { self.list.as_slice() } else { &[] };
        list.iter().filter_map(|fact| match &fact.what {
            What::Readable(readable) => Some((readable.as_ref(), &fact.evidence)),
            _ => None,
        })
    }

    /// Replaces a fact of the same kind, or adds it.
    pub fn replace(&mut self, fact: Fact) {
        match self.get_mut(fact.what.kind()) {
            Some(old) => *old = fact,
            None => self.add(fact),
        }
    }

    /// Takes a fact back.
    pub fn remove(&mut self, kind: Kind) -> Option<Fact> {
        if !self.has(kind) {
            return None;
        }
        let at = self.list.iter().position(|fact| fact.what.kind() == kind)?;
        let removed = self.list.remove(at);
        if !self.list.iter().any(|fact| fact.what.kind() == kind) {
            self.kinds.remove(kind);
        }
        Some(removed)
    }

    /// Changes the fact of a kind in place, for lists that grow.
    pub fn get_mut(&mut self, kind: Kind) -> Option<&mut Fact> {
        if !self.has(kind) {
            return None;
        }
        self.list.iter_mut().find(|f| f.what.kind() == kind)
    }

    /// The first fact of a kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&Fact> {
        if !self.has(kind) {
            return None;
        }
        self.list.iter().find(|f| f.what.kind() == kind)
    }

    /// Whether a fact of this kind was stated.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.holds(kind)
    }

    /// Whether there is a fact of one of these kinds.
    #[must_use]
    pub fn has_any(&self, kinds: KindSet) -> bool {
        self.kinds.meets(kinds)
    }

    /// Adds a step to the handshake's ladder.
    pub fn step(&mut self, dir: Dir, message: Message, at: Timestamp, evidence: Evidence) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push(Step { dir, message, at, evidence });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The facts, in the order they were stated until [`Facts::sort`] is called.
    #[must_use]
    pub fn list(&self) -> &[Fact] {
        &self.list
    }

    /// The handshake, in the order its messages were completed.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many facts and steps found no room.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    pub(in crate::base) fn set_dropped(&mut self, dropped: u32) {
        self.dropped = dropped;
    }

    /// Puts the facts into the order of output (stable: facts of one kind stay as stated).
    pub fn sort(&mut self) {
        self.list.sort_by_key(|fact| fact.what.kind());
    }

    /// The handshake in one letter a message (Zeek's `ssl_history`): `CsxkngiIzD`.
    #[must_use]
    pub fn history(&self) -> String {
        self.steps
            .iter()
            .map(|s| match s.dir {
                Dir::Client => s.message.letter(),
                Dir::Server => s.message.letter().to_ascii_lowercase(),
            })
            .collect()
    }

    /// Swaps client and server everywhere, when it turns out that they were guessed the wrong way round.
    pub fn swap_sides(&mut self) {
        for step in &mut self.steps {
            step.dir = step.dir.other();
        }
        for fact in &mut self.list {
            if let What::TlsAlerts(alerts) = &mut fact.what {
                alerts.iter_mut().for_each(|alert| alert.dir = alert.dir.other());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_share_a_prefix_stand_together_so_that_json_nests_in_one_walk() {
        let names: Vec<&str> = Kind::ALL.iter().filter(|k| k.is_field()).map(|k| k.name()).collect();
        let mut closed: Vec<String> = Vec::new();
        let mut open: Vec<String> = Vec::new();
        for name in names {
            let mut parents: Vec<String> = Vec::new();
            let mut path = String::new();
            for part in name.split('.').collect::<Vec<_>>().split_last().map(|(_, p)| p).unwrap_or_default() {
                path = format!("{path}.{part}");
                parents.push(path.clone());
            }
            closed.extend(open.iter().filter(|o| !parents.contains(o)).cloned());
            for parent in &parents {
                assert!(!closed.contains(parent), "{name} opens {parent} a second time");
            }
            open = parents;
        }
    }
}
