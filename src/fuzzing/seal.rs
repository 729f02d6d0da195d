//! Seals packets of QUIC and records of DTLS 1.3 and TLS 1.3 with AES-128-GCM and secrets that are no secret.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic as hp};
use aws_lc_rs::hkdf::{self, KeyType, Prk};

use super::sealed;
use crate::base::Dir;

/// The random of the client's hello, by which its keys are found.
pub(super) const RANDOM: [u8; 32] = [7; 32];

/// How it goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    QuicV1,
    QuicV2,
    Dtls13,
    Tls13,
}

/// Which secret protects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Handshake,
    Early,
    Data,
}

impl Level {
    fn index(self) -> usize {
        match self {
            Level::Handshake => 0,
            Level::Early => 1,
            Level::Data => 2,
        }
    }
}

/// The first secret of a side on a level.
pub(super) fn secret(dir: Dir, level: Level) -> [u8; 32] {
    let side = u8::from(dir == Dir::Server);
    [16 * (1 + side) + u8::try_from(level.index()).unwrap_or(0); 32]
}

/// Numbers what it seals.
pub(super) struct Sealer {
    carrier: Carrier,
    /// The next number of each side on each level.
    numbers: [[u64; 3]; 2],
    /// The same of what is in clear.
    clear: [u8; 2],
    /// The key updates that each side's last record came after.
    updates: [u8; 2],
}

impl Sealer {
    pub fn new(carrier: Carrier) -> Sealer {
        Sealer { carrier, numbers: [[0; 3]; 2], clear: [0; 2], updates: [0; 2] }
    }

    fn number(&mut self, dir: Dir, level: Level) -> Option<&mut u64> {
        self.numbers.get_mut(dir.index())?.get_mut(level.index())
    }

    /// So many numbers are not used.
    pub fn skip(&mut self, dir: Dir, level: Level, count: u64) {
        if let Some(number) = self.number(dir, level) {
            *number += count;
        }
    }

    /// What both sides say before anything is sealed.
    pub fn hellos(&mut self) -> Vec<(Dir, Vec<u8>)> {
        let mut out = Vec::new();
        for dir in [Dir::Client, Dir::Server] {
            let message = hello(dir, self.carrier);
            let said = match self.carrier {
                Carrier::QuicV1 | Carrier::QuicV2 => [&[6, 0, 0x40, u8::try_from(message.len()).unwrap_or(0)][..], &message].concat(),
                _ => [&[22][..], &message].concat(),
            };
            out.extend(self.in_clear(dir, &said).map(|sent| (dir, sent)));
        }
        out
    }

    /// Frames of an Initial packet, or a record's type and content.
    pub fn in_clear(&mut self, dir: Dir, content: &[u8]) -> Option<Vec<u8>> {
        let number = self.clear.get_mut(dir.index())?;
        let this = *number;
        *number = number.wrapping_add(1);
        match self.carrier {
            Carrier::QuicV1 | Carrier::QuicV2 => sealed::initial_packet(self.carrier == Carrier::QuicV2, dir, this, content),
            Carrier::Dtls13 => {
                let (kind, body) = content.split_first()?;
                let length = u16::try_from(body.len()).ok()?.to_be_bytes();
                Some([&[*kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, this][..], &length, body].concat())
            }
            Carrier::Tls13 => {
                let (kind, body) = content.split_first()?;
                Some([&[*kind, 3, 3][..], &u16::try_from(body.len()).ok()?.to_be_bytes(), body].concat())
            }
        }
    }

    /// A packet with these frames, or a record of this type and content, so many key updates later.
    pub fn sealed(&mut self, dir: Dir, level: Level, updates: u8, content: &[u8]) -> Option<Vec<u8>> {
        let carrier = self.carrier;
        let updates = if level == Level::Data { updates } else { 0 };
        let before = self.updates.get_mut(dir.index())?;
        let is_anew = carrier == Carrier::Tls13 && level == Level::Data && std::mem::replace(before, updates) != updates;
        let number = self.number(dir, level)?;
        if is_anew {
            // Each update begins to count anew (RFC 8446 §5.3).
            *number = 0;
        }
        let this = *number;
        *number += 1;
        match carrier {
            Carrier::QuicV1 | Carrier::QuicV2 => quic(carrier, dir, level, updates, this, content),
            Carrier::Dtls13 => dtls(dir, level, updates, this, content),
            Carrier::Tls13 => {
                let (kind, body) = content.split_first()?;
                let mut inner = [body, &[*kind]].concat();
                let header = [&[23, 3, 3][..], &u16::try_from(inner.len() + aead::MAX_TAG_LEN).ok()?.to_be_bytes()].concat();
                Keys::of(dir, level, updates, TLS)?.seal(this, &header, &mut inner)?;
                Some([header, inner].concat())
            }
        }
    }
}

/// A hello: of the client one that asks for `chat.example` and h3, of the server one that takes TLS_AES_128_GCM_SHA256.
fn hello(dir: Dir, carrier: Carrier) -> Vec<u8> {
    let is_dtls = carrier == Carrier::Dtls13;
    let version: [u8; 2] = if is_dtls { [0xfe, 0xfc] } else { [3, 4] };
    let legacy: [u8; 2] = if is_dtls { [0xfe, 0xfd] } else { [3, 3] };
    let body = if dir == Dir::Client {
        let name = [&[0, 0, 0, 17, 0, 15, 0, 0, 12][..], b"chat.example"].concat();
        let alpn: &[u8] = &[0, 16, 0, 5, 0, 3, 2, b'h', if carrier == Carrier::Tls13 { b'2' } else { b'3' }];
        let versions = [&[0, 43, 0, 3, 2][..], &version].concat();
        let early: &[u8] = &[0, 42, 0, 0];
        let extensions = [&name, alpn, &versions, early].concat();
        let cookie: &[u8] = if is_dtls { &[0] } else { &[] };
        let length = u16::try_from(extensions.len()).unwrap_or(0).to_be_bytes();
        [&legacy[..], &RANDOM, &[0], cookie, &[0, 2, 0x13, 1, 1, 0], &length, &extensions].concat()
    } else {
        let extensions = [&[0, 43, 0, 2][..], &version].concat();
        [&legacy[..], &[9; 32], &[0, 0x13, 1, 0, 0, 6], &extensions].concat()
    };
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let kind = if dir == Dir::Client { 1 } else { 2 };
    if is_dtls { [&[kind][..], &length, &[0, 0, 0, 0, 0], &length, &body].concat() } else { [&[kind][..], &length, &body].concat() }
}

/// The labels of a carrier: what stands before each, then those of key, nonce, header and update.
type Labels = [&'static [u8]; 5];
const TLS: Labels = [b"tls13 ", b"key", b"iv", b"", b"traffic upd"];
const DTLS: Labels = [b"dtls13", b"key", b"iv", b"sn", b"traffic upd"];
const QUIC_V1: Labels = [b"tls13 ", b"quic key", b"quic iv", b"quic hp", b"quic ku"];
const QUIC_V2: Labels = [b"tls13 ", b"quicv2 key", b"quicv2 iv", b"quicv2 hp", b"quicv2 ku"];

struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    header: hp::HeaderProtectionKey,
}

impl Keys {
    fn of(dir: Dir, level: Level, updates: u8, [prefix, key, iv, header, update]: Labels) -> Option<Keys> {
        let first = secret(dir, level);
        let mut now = first;
        for _ in 0..updates {
            now = expand(&now, prefix, update)?;
        }
        let key: [u8; 16] = expand(&now, prefix, key)?;
        // An update leaves the protection of headers as it is in QUIC (RFC 9001 §6); DTLS makes it anew (RFC 9147 §4.2.3).
        let of = if update == TLS[4] { now } else { first };
        let mask: [u8; 16] = expand(&of, prefix, header)?;
        Some(Keys {
            key: LessSafeKey::new(UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            iv: expand(&now, prefix, iv)?,
            header: hp::HeaderProtectionKey::new(&hp::AES_128, &mask).ok()?,
        })
    }

    fn seal(&self, number: u64, header: &[u8], body: &mut Vec<u8>) -> Option<()> {
        let mut nonce = self.iv;
        nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(n, b)| *n ^= b);
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), body).ok()
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1), SHA-256.
fn expand<const N: usize>(secret: &[u8; 32], prefix: &[u8], label: &[u8]) -> Option<[u8; N]> {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let [high, low] = u16::try_from(N).ok()?.to_be_bytes();
    let length = u8::try_from(prefix.len() + label.len()).ok()?;
    let info: [&[u8]; 4] = [&[high, low, length], prefix, label, &[0]];
    let mut out = [0; N];
    Prk::new_less_safe(hkdf::HKDF_SHA256, secret).expand(&info, Len(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// A packet of QUIC (RFC 9000 §17.2.3, §17.2.4, §17.3.1), its number in two octets.
fn quic(carrier: Carrier, dir: Dir, level: Level, updates: u8, number: u64, frames: &[u8]) -> Option<Vec<u8>> {
    let [client, server] = sealed::IDS;
    // The server is found by its own id once it told it, and before by the one that the client chose.
    let (to, from): (&[u8], &[u8]) = match (dir, level) {
        (Dir::Client, Level::Early) => (&client, &[]),
        (Dir::Client, _) => (&server, &[]),
        (Dir::Server, _) => (&[], &server),
    };
    let mut body = frames.to_vec();
    body.resize(body.len().max(20), 0);
    let is_v2 = carrier == Carrier::QuicV2;
    let mut packet = match level {
        Level::Data => [&[0x41 | (updates & 1) << 2][..], to].concat(),
        _ => {
            let kind = match (level, is_v2) {
                (Level::Early, false) => 0xd1,
                (Level::Early, true) => 0xe1,
                (_, false) => 0xe1,
                (_, true) => 0xf1,
            };
            let version: [u8; 4] = if is_v2 { [0x6b, 0x33, 0x43, 0xcf] } else { [0, 0, 0, 1] };
            let mut packet = [&[kind][..], &version].concat();
            for id in [to, from] {
                packet.push(u8::try_from(id.len()).ok()?);
                packet.extend_from_slice(id);
            }
            packet.extend((0x8000_0000 | u32::try_from(2 + body.len() + aead::MAX_TAG_LEN).ok()?).to_be_bytes());
            packet
        }
    };
    let at = packet.len();
    let [.., high, low] = number.to_be_bytes();
    packet.extend([high, low]);
    let keys = Keys::of(dir, level, updates, if is_v2 { QUIC_V2 } else { QUIC_V1 })?;
    keys.seal(number, &packet, &mut body)?;
    packet.extend(body);
    let [mask, masks @ ..] = keys.header.new_mask(packet.get(at + 4..at + 20)?).ok()?;
    let (first, rest) = packet.split_first_mut()?;
    *first ^= mask & if level == Level::Data { 0x1f } else { 0x0f };
    rest.get_mut(at - 1..at + 1)?.iter_mut().zip(masks).for_each(|(b, m)| *b ^= m);
    Some(packet)
}

/// A record of DTLS 1.3 (RFC 9147 §4) with a length and a number of two octets.
fn dtls(dir: Dir, level: Level, updates: u8, number: u64, content: &[u8]) -> Option<Vec<u8>> {
    let (kind, body) = content.split_first()?;
    let mut inner = [body, &[*kind]].concat();
    let epoch = match level {
        Level::Early => 1,
        Level::Handshake => 2,
        Level::Data => 3 + updates,
    };
    let [.., high, low] = number.to_be_bytes();
    let length = u16::try_from(inner.len() + aead::MAX_TAG_LEN).ok()?.to_be_bytes();
    let mut header = [&[0x2c | epoch & 3, high, low][..], &length].concat();
    let keys = Keys::of(dir, level, updates, DTLS)?;
    keys.seal(number, &header, &mut inner)?;
    let mask = keys.header.new_mask(inner.get(..16)?).ok()?;
    header.get_mut(1..3)?.iter_mut().zip(mask).for_each(|(b, m)| *b ^= m);
    Some([header, inner].concat())
}
