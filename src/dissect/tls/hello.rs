//! `ClientHello` and `ServerHello` as they stand on the wire (RFC 8446 §4.1, RFC 5246 §7.4.1, RFC 9147 §5.3).

use std::fmt;

use super::Carrier;
use crate::base::{CipherSuite, ExtensionType, ProtocolVersion, Reader, Short};

/// Octets of a `Random`.
const RANDOM: usize = 32;

/// The random of a `ServerHello` that is a `HelloRetryRequest`: SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY: [u8; RANDOM] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Where a message stopped making sense; what stood before is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    at: &'static str,
    short: Option<Short>,
}

impl Broken {
    /// Something is there, and is not what it should be.
    pub fn not(what: &'static str) -> Broken {
        Broken { at: what, short: None }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.short {
            Some(short) => write!(f, "{}: {short}", self.at),
            None => f.write_str(self.at),
        }
    }
}

/// Marks a short read with the name of what was being read.
pub(super) trait At<T> {
    fn at(self, name: &'static str) -> Result<T, Broken>;
}

impl<T> At<T> for Result<T, Short> {
    fn at(self, name: &'static str) -> Result<T, Broken> {
        self.map_err(|short| Broken { at: name, short: Some(short) })
    }
}

/// A list of 16-bit registry numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codes<'a>(pub &'a [u8]);

impl<'a> Codes<'a> {
    pub fn all(self) -> impl Iterator<Item = u16> + 'a {
        self.0.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(u16::from_be_bytes)
    }

    /// Without the values that only keep others tolerant (RFC 8701).
    pub fn plain(self) -> impl Iterator<Item = u16> + 'a {
        self.all().filter(|&code| !CipherSuite(code).is_grease())
    }

    pub fn is_empty(self) -> bool {
        self.0.len() < 2
    }
}

/// The extensions of a hello: total, ends at the first that reaches past the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    pub fn iter(self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> {
        let mut r = Reader::new(self.0);
        std::iter::from_fn(move || Some((ExtensionType(r.u16().ok()?), r.vec16().ok()?)))
    }

    /// The contents of the first extension of a type.
    pub fn get(self, kind: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find(|&(k, _)| k == kind).map(|(_, data)| data)
    }

    /// Reads the list at the end of a hello, which may be left out whole (RFC 5246 §7.4.1.2).
    fn read(r: &mut Reader<'a>) -> (Extensions<'a>, Result<(), Broken>) {
        if r.is_empty() {
            return (Extensions::default(), Ok(()));
        }
        let (bytes, length) = match r.clone().vec16() {
            Ok(bytes) => (bytes, Ok(())),
            // What is there of a list that promises more.
            Err(short) => (r.rest().get(2..).unwrap_or_default(), Err(Broken { at: "extensions", short: Some(short) })),
        };
        (Extensions(bytes), length.and_then(|()| Extensions(bytes).check()))
    }

    fn check(self) -> Result<(), Broken> {
        let mut r = Reader::new(self.0);
        while !r.is_empty() {
            r.u16().at("extension type")?;
            r.vec16().at("extension")?;
        }
        Ok(())
    }
}

/// What a client offered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClientHello<'a> {
    /// `legacy_version`: before TLS 1.3 the highest version offered.
    pub version: u16,
    pub ciphers: Codes<'a>,
    pub compressions: &'a [u8],
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads as far as it goes; fails only when not even the version stands there.
    pub fn read(body: &'a [u8], carrier: Carrier) -> Result<(ClientHello<'a>, Option<Broken>), Broken> {
        let mut r = Reader::new(body);
        let mut hello = ClientHello { version: r.u16().at("version")?, ..ClientHello::default() };
        let broken = hello.fill(&mut r, carrier).err();
        Ok((hello, broken))
    }

    fn fill(&mut self, r: &mut Reader<'a>, carrier: Carrier) -> Result<(), Broken> {
        r.skip(RANDOM).at("random")?;
        r.vec8().at("session id")?;
        if carrier == Carrier::Dtls {
            r.vec8().at("cookie")?;
        }
        self.ciphers = Codes(r.vec16().at("cipher suites")?);
        self.compressions = r.vec8().at("compression methods")?;
        let (extensions, end) = Extensions::read(r);
        self.extensions = extensions;
        end
    }

    /// The versions of `supported_versions` (RFC 8446 §4.2.1).
    pub fn supported_versions(&self) -> Option<Codes<'a>> {
        let data = self.extensions.get(ExtensionType::SUPPORTED_VERSIONS)?;
        Reader::new(data).vec8().ok().map(Codes)
    }

    /// Whether some TLS 1.3, final or draft, is offered.
    pub fn offers_1_3(&self) -> bool {
        self.supported_versions().is_some_and(|list| list.plain().any(|v| ProtocolVersion(v).is_1_3()))
    }

    /// The signature schemes offered (RFC 8446 §4.2.3).
    pub fn signature_algorithms(&self) -> Option<Codes<'a>> {
        list16(self.extensions.get(ExtensionType::SIGNATURE_ALGORITHMS)?)
    }

    /// The groups offered (RFC 8446 §4.2.7).
    pub fn groups(&self) -> Option<Codes<'a>> {
        list16(self.extensions.get(ExtensionType::SUPPORTED_GROUPS)?)
    }

    /// The application protocols offered, in order (RFC 7301 §3.1).
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        protocols(self.extensions.get(ExtensionType::ALPN).unwrap_or_default())
    }
}

/// What the server chose.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerHello<'a> {
    /// The version that stands in the old field.
    pub legacy_version: ProtocolVersion,
    pub random: [u8; RANDOM],
    pub cipher: CipherSuite,
    pub compression: u8,
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads as far as it goes; fails only when the cipher suite cannot be reached.
    pub fn read(body: &'a [u8]) -> Result<(ServerHello<'a>, Option<Broken>), Broken> {
        let mut r = Reader::new(body);
        let legacy_version = ProtocolVersion(r.u16().at("version")?);
        let random = r.array().at("random")?;
        // Until draft 21 the version stood here, and there was neither session id nor compression.
        let early_draft = legacy_version.draft().is_some();
        if !early_draft {
            r.vec8().at("session id")?;
        }
        let cipher = CipherSuite(r.u16().at("cipher suite")?);
        let mut hello = ServerHello { legacy_version, random, cipher, compression: 0, extensions: Extensions::default() };
        let broken = hello.fill(&mut r, early_draft).err();
        // TLS 1.3 is chosen by the extension alone (RFC 8446 §4.2.1, RFC 9147 §5.4).
        let is_new = matches!(legacy_version, ProtocolVersion::TLS1_3 | ProtocolVersion::DTLS1_3);
        if is_new && hello.extensions.get(ExtensionType::SUPPORTED_VERSIONS).is_none() {
            return Err(Broken::not("the old version field says 1.3, which only supported_versions may"));
        }
        Ok((hello, broken))
    }

    /// Reads a `hello_retry_request` as drafts before 22 had it: a message of its own.
    pub fn read_draft_retry(body: &'a [u8]) -> Result<(ServerHello<'a>, Option<Broken>), Broken> {
        let mut r = Reader::new(body);
        let legacy_version = ProtocolVersion(r.u16().at("version")?);
        let mut hello =
            ServerHello { legacy_version, random: RETRY, cipher: CipherSuite(0), compression: 0, extensions: Extensions::default() };
        // Draft 19 added the cipher suite; before, the length of the extensions stands here.
        if r.clone().vec16().map_or(0, <[u8]>::len).saturating_add(2) != r.left() {
            hello.cipher = CipherSuite(r.u16().at("cipher suite")?);
        }
        let (extensions, end) = Extensions::read(&mut r);
        hello.extensions = extensions;
        Ok((hello, end.err()))
    }

    fn fill(&mut self, r: &mut Reader<'a>, early_draft: bool) -> Result<(), Broken> {
        if !early_draft {
            self.compression = r.u8().at("compression method")?;
        }
        let (extensions, end) = Extensions::read(r);
        self.extensions = extensions;
        end
    }

    /// Whether this is a `HelloRetryRequest`.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The version in use: that of `supported_versions` where it stands, else the old field.
    pub fn version(&self) -> ProtocolVersion {
        let chosen = self.extensions.get(ExtensionType::SUPPORTED_VERSIONS).and_then(|data| Reader::new(data).u16().ok());
        chosen.map_or(self.legacy_version, ProtocolVersion)
    }
}

/// A list of 16-bit numbers after a 16-bit length.
pub(super) fn list16(data: &[u8]) -> Option<Codes<'_>> {
    Reader::new(data).vec16().ok().map(Codes)
}

/// A `ProtocolNameList` (RFC 7301 §3.1).
pub(super) fn protocols(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut r = Reader::new(Reader::new(data).vec16().unwrap_or_default());
    std::iter::from_fn(move || r.vec8().ok())
}
