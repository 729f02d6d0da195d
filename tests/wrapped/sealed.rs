//! Sessions that rustls has not, sealed here: TLS 1.0 to 1.2 and DTLS 1.2 with CBC (with and without encrypt-then-MAC), CCM, RC4 and 3DES,
//! and TLS 1.3 with CCM. The handshake is as long as a listener needs it to be; the key log is that of the secrets drawn here.

use aes::{Aes128, Aes256};
use aws_lc_rs::{aead, hmac as aws};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockEncryptMut as _, KeyIvInit as _};
use ccm::aead::{AeadInPlace as _, KeyInit as _};
use ccm::consts::{U8, U12, U16};
use hmac::Mac as _;
use intransit::base::Dir;
use rc4::{Rc4, StreamCipher as _};

use super::{Random, Turns};

/// The hash of a MAC, and of what derives keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    Gcm(usize),
    ChaCha,
    /// Octets of the key, and of the tag.
    Ccm(usize, usize),
    Cbc(usize, Hash),
    TripleDes(Hash),
    Rc4(Hash),
}

/// What a session is protected by.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    suite: u16,
    cipher: Cipher,
    /// Of the key derivation.
    hash: Hash,
    version: u16,
    encrypt_then_mac: bool,
    pub datagrams: bool,
}

const fn kind(name: &'static str, suite: u16, cipher: Cipher, hash: Hash, version: u16) -> Kind {
    Kind { name, suite, cipher, hash, version, encrypt_then_mac: false, datagrams: false }
}

const fn etm(kind: Kind) -> Kind {
    Kind { encrypt_then_mac: true, ..kind }
}

const fn dtls(kind: Kind) -> Kind {
    Kind { datagrams: true, version: 0x0303, ..kind }
}

const CBC128: Kind = kind("AES-128-CBC-SHA", 0xc013, Cipher::Cbc(16, Hash::Sha1), Hash::Sha256, 0x0303);
const CBC256: Kind = kind("AES-256-CBC-SHA", 0xc014, Cipher::Cbc(32, Hash::Sha1), Hash::Sha256, 0x0303);
const CBC_SHA256: Kind = kind("AES-128-CBC-SHA256", 0xc027, Cipher::Cbc(16, Hash::Sha256), Hash::Sha256, 0x0303);
const CBC_SHA384: Kind = kind("AES-256-CBC-SHA384", 0xc028, Cipher::Cbc(32, Hash::Sha384), Hash::Sha384, 0x0303);
const TRIPLE_DES: Kind = kind("3DES-CBC-SHA", 0xc012, Cipher::TripleDes(Hash::Sha1), Hash::Sha256, 0x0303);
const RC4_SHA: Kind = kind("RC4-SHA", 0xc011, Cipher::Rc4(Hash::Sha1), Hash::Sha256, 0x0303);
const RC4_MD5: Kind = kind("RC4-MD5", 0x0004, Cipher::Rc4(Hash::Md5), Hash::Sha256, 0x0303);
const CCM128: Kind = kind("AES-128-CCM", 0xc0ac, Cipher::Ccm(16, 16), Hash::Sha256, 0x0303);
const CCM256: Kind = kind("AES-256-CCM", 0xc0ad, Cipher::Ccm(32, 16), Hash::Sha256, 0x0303);
const CCM128_8: Kind = kind("AES-128-CCM-8", 0xc0ae, Cipher::Ccm(16, 8), Hash::Sha256, 0x0303);
const CCM256_8: Kind = kind("AES-256-CCM-8", 0xc0af, Cipher::Ccm(32, 8), Hash::Sha256, 0x0303);
const GCM128: Kind = kind("AES-128-GCM", 0xc02b, Cipher::Gcm(16), Hash::Sha256, 0x0303);
const GCM256: Kind = kind("AES-256-GCM", 0xc02c, Cipher::Gcm(32), Hash::Sha384, 0x0303);
const CHACHA: Kind = kind("ChaCha20-Poly1305", 0xcca9, Cipher::ChaCha, Hash::Sha256, 0x0303);

const fn old(kind: Kind, version: u16) -> Kind {
    Kind { version, ..kind }
}

/// Every kind of session.
pub const KINDS: &[Kind] = &[
    CBC128,
    CBC256,
    CBC_SHA256,
    CBC_SHA384,
    TRIPLE_DES,
    RC4_SHA,
    RC4_MD5,
    CCM128,
    CCM256,
    CCM128_8,
    CCM256_8,
    etm(CBC128),
    etm(CBC256),
    etm(CBC_SHA256),
    etm(CBC_SHA384),
    etm(TRIPLE_DES),
    old(CBC128, 0x0301),
    old(CBC256, 0x0301),
    old(TRIPLE_DES, 0x0301),
    old(RC4_SHA, 0x0301),
    old(RC4_MD5, 0x0301),
    etm(old(CBC128, 0x0301)),
    old(CBC128, 0x0302),
    old(CBC256, 0x0302),
    old(TRIPLE_DES, 0x0302),
    old(RC4_SHA, 0x0302),
    etm(old(CBC128, 0x0302)),
    kind("AES-128-CCM", 0x1304, Cipher::Ccm(16, 16), Hash::Sha256, 0x0304),
    kind("AES-128-CCM-8", 0x1305, Cipher::Ccm(16, 8), Hash::Sha256, 0x0304),
    dtls(GCM128),
    dtls(GCM256),
    dtls(CHACHA),
    dtls(CBC128),
    dtls(CBC_SHA256),
    dtls(etm(CBC128)),
    dtls(CCM128),
    dtls(CCM128_8),
    dtls(CCM256),
];

impl Kind {
    /// `TLS 1.0 AES-128-CBC-SHA EtM`.
    pub fn title(&self) -> String {
        let family = if self.datagrams { "DTLS" } else { "TLS" };
        format!("{family} 1.{} {}{}", self.version - 0x0301, self.name, if self.encrypt_then_mac { " EtM" } else { "" })
    }

    fn wire_version(&self) -> [u8; 2] {
        match (self.datagrams, self.version) {
            (true, _) => [0xfe, 0xfd],
            (false, 0x0304) => [3, 3],
            (false, version) => version.to_be_bytes(),
        }
    }
}

fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Md5 => {
            let mut mac = <hmac::Hmac<md5::Md5> as hmac::Mac>::new_from_slice(key).unwrap();
            parts.iter().for_each(|part| mac.update(part));
            return mac.finalize().into_bytes().to_vec();
        }
        Hash::Sha1 => aws::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => aws::HMAC_SHA256,
        Hash::Sha384 => aws::HMAC_SHA384,
    };
    aws::sign(&aws::Key::new(algorithm, key), &parts.concat()).as_ref().to_vec()
}

fn p_hash(hash: Hash, secret: &[u8], seed: &[u8], len: usize) -> Vec<u8> {
    let (mut out, mut a) = (Vec::new(), hmac(hash, secret, &[seed]));
    while out.len() < len {
        out.extend(hmac(hash, secret, &[&a, seed]));
        a = hmac(hash, secret, &[&a]);
    }
    out.truncate(len);
    out
}

/// The key block (RFC 5246 §6.3, RFC 2246 §5).
fn key_block(kind: &Kind, master: &[u8], client: &[u8], server: &[u8], len: usize) -> Vec<u8> {
    let seed = [b"key expansion", server, client].concat();
    if kind.version >= 0x0303 {
        return p_hash(kind.hash, master, &seed, len);
    }
    let one = p_hash(Hash::Md5, &master[..24], &seed, len);
    let other = p_hash(Hash::Sha1, &master[24..], &seed, len);
    one.iter().zip(other).map(|(a, b)| a ^ b).collect()
}

/// HKDF-Expand-Label of no more than one block (RFC 8446 §7.1).
fn expand(secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let info = [&(len as u16).to_be_bytes()[..], &[label.len() as u8], label.as_bytes(), &[0]].concat();
    hmac(Hash::Sha256, secret, &[&info, &[1]])[..len].to_vec()
}

/// Seals what one side sends.
struct Sealer {
    kind: Kind,
    mac: Vec<u8>,
    key: Vec<u8>,
    iv: Vec<u8>,
    /// The key stream goes on from record to record.
    stream: Option<Box<Rc4<U16>>>,
    number: u64,
}

fn seal_aead(cipher: Cipher, key: &[u8], nonce: [u8; 12], aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut sealed = text.to_vec();
    let aws_lc = |algorithm: &'static aead::Algorithm, mut sealed: Vec<u8>| {
        let key = aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, key).unwrap());
        key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::from(aad), &mut sealed).unwrap();
        sealed
    };
    macro_rules! ccm {
        ($block:ty, $tag:ty) => {{
            let key = ccm::Ccm::<$block, $tag, U12>::new_from_slice(key).unwrap();
            let tag = key.encrypt_in_place_detached((&nonce).into(), aad, &mut sealed).unwrap();
            sealed.extend(tag);
            sealed
        }};
    }
    match cipher {
        Cipher::Gcm(16) => aws_lc(&aead::AES_128_GCM, sealed),
        Cipher::Gcm(_) => aws_lc(&aead::AES_256_GCM, sealed),
        Cipher::ChaCha => aws_lc(&aead::CHACHA20_POLY1305, sealed),
        Cipher::Ccm(16, 16) => ccm!(Aes128, U16),
        Cipher::Ccm(16, _) => ccm!(Aes128, U8),
        Cipher::Ccm(_, 16) => ccm!(Aes256, U16),
        Cipher::Ccm(..) => ccm!(Aes256, U8),
        _ => unreachable!("{cipher:?} authenticates nothing"),
    }
}

fn seal_blocks(cipher: Cipher, key: &[u8], iv: &[u8], text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    let len = out.len();
    match cipher {
        Cipher::Cbc(16, _) => cbc::Encryptor::<Aes128>::new_from_slices(key, iv).unwrap().encrypt_padded_mut::<NoPadding>(&mut out, len),
        Cipher::Cbc(..) => cbc::Encryptor::<Aes256>::new_from_slices(key, iv).unwrap().encrypt_padded_mut::<NoPadding>(&mut out, len),
        _ => cbc::Encryptor::<des::TdesEde3>::new_from_slices(key, iv).unwrap().encrypt_padded_mut::<NoPadding>(&mut out, len),
    }
    .unwrap();
    out
}

impl Sealer {
    fn record(&mut self, content: u8, text: &[u8], random: &mut Random) -> Vec<u8> {
        let number = if self.kind.datagrams { 1 << 48 | self.number } else { self.number };
        self.number += 1;
        let version = self.kind.wire_version();
        let about = |len: usize| [&number.to_be_bytes()[..], &[content], &version, &(len as u16).to_be_bytes()].concat();
        let body = match self.kind.cipher {
            cipher @ (Cipher::Gcm(_) | Cipher::Ccm(..)) => {
                let explicit = number.to_be_bytes();
                let nonce = [&self.iv[..], &explicit].concat().try_into().unwrap();
                [&explicit[..], &seal_aead(cipher, &self.key, nonce, &about(text.len()), text)].concat()
            }
            Cipher::ChaCha => seal_aead(Cipher::ChaCha, &self.key, self.nonce(number), &about(text.len()), text),
            Cipher::Rc4(hash) => {
                let mut body = [text, &hmac(hash, &self.mac, &[&about(text.len()), text])].concat();
                self.stream.as_mut().unwrap().apply_keystream(&mut body);
                body
            }
            cipher @ (Cipher::Cbc(_, hash) | Cipher::TripleDes(hash)) => {
                let block = if matches!(cipher, Cipher::Cbc(..)) { 16 } else { 8 };
                let mut plain = text.to_vec();
                if !self.kind.encrypt_then_mac {
                    plain.extend(hmac(hash, &self.mac, &[&about(text.len()), text]));
                }
                // Any padding up to 255 octets makes whole blocks (RFC 5246 §6.2.3.2).
                let least = block - 1 - plain.len() % block;
                let pad = least + block * random.below((255 - least) / block + 1);
                plain.resize(plain.len() + pad + 1, pad as u8);
                let explicit = self.kind.version > 0x0301;
                if explicit {
                    self.iv = (0..block).map(|_| random.draw() as u8).collect();
                }
                let blocks = seal_blocks(cipher, &self.key, &self.iv, &plain);
                let mut body = if explicit { [&self.iv[..], &blocks].concat() } else { blocks.clone() };
                self.iv = blocks[blocks.len() - block..].to_vec();
                if self.kind.encrypt_then_mac {
                    let tag = hmac(hash, &self.mac, &[&about(body.len()), &body]);
                    body.extend(tag);
                }
                body
            }
        };
        self.envelope(content, number, &body)
    }

    fn envelope(&self, content: u8, number: u64, body: &[u8]) -> Vec<u8> {
        let number = if self.kind.datagrams { number.to_be_bytes().to_vec() } else { Vec::new() };
        [&[content][..], &self.kind.wire_version(), &number, &(body.len() as u16).to_be_bytes(), body].concat()
    }

    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce: [u8; 12] = self.iv.clone().try_into().unwrap();
        nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(n, b)| *n ^= b);
        nonce
    }

    /// A record of TLS 1.3, with padding.
    fn record13(&mut self, content: u8, text: &[u8], random: &mut Random) -> Vec<u8> {
        let mut plain = [text, &[content]].concat();
        plain.resize(plain.len() + random.below(40), 0);
        let Cipher::Ccm(_, tag) = self.kind.cipher else { unreachable!("only CCM is sealed here") };
        let head = [&[23, 3, 3][..], &((plain.len() + tag) as u16).to_be_bytes()].concat();
        let sealed = seal_aead(self.kind.cipher, &self.key, self.nonce(self.number), &head, &plain);
        self.number += 1;
        [head, sealed].concat()
    }
}

fn octets<const N: usize>(random: &mut Random) -> [u8; N] {
    std::array::from_fn(|_| random.draw() as u8)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Handshake messages, each in a record of its own, in clear.
struct Clear {
    kind: Kind,
    /// Messages and records so far, of each side.
    count: [u64; 2],
    records: [u64; 2],
}

impl Clear {
    fn message(&mut self, dir: Dir, kind: u8, body: &[u8]) -> Vec<u8> {
        let message = self.bare(dir, kind, body);
        self.record(dir, 22, &message)
    }

    /// Without its record.
    fn bare(&mut self, dir: Dir, kind: u8, body: &[u8]) -> Vec<u8> {
        let len = &(body.len() as u32).to_be_bytes()[1..];
        let number = self.count[dir.index()];
        self.count[dir.index()] += 1;
        // DTLS numbers messages, and says which part of one this is: the whole (RFC 6347 §4.2.2).
        let part = if self.kind.datagrams { [&(number as u16).to_be_bytes()[..], &[0; 3], len].concat() } else { Vec::new() };
        [&[kind][..], len, &part, body].concat()
    }

    fn record(&mut self, dir: Dir, content: u8, body: &[u8]) -> Vec<u8> {
        let number = if self.kind.datagrams { self.records[dir.index()].to_be_bytes().to_vec() } else { Vec::new() };
        self.records[dir.index()] += 1;
        [&[content][..], &self.kind.wire_version(), &number, &(body.len() as u16).to_be_bytes(), body].concat()
    }
}

fn hello(kind: &Kind, dir: Dir, own: &[u8], extensions: &[u8]) -> Vec<u8> {
    let suite = kind.suite.to_be_bytes();
    let mut body = [&kind.wire_version()[..], own, &[0]].concat();
    if dir == Dir::Client {
        if kind.datagrams {
            body.push(0);
        }
        body.extend([&[0, 2][..], &suite, &[1, 0]].concat());
    } else {
        body.extend([&suite[..], &[0]].concat());
    }
    body.extend((extensions.len() as u16).to_be_bytes());
    [&body[..], extensions].concat()
}

/// What both sides put on the wire, a record each, and the key log.
pub fn session(kind: &Kind, turns: &Turns, random: &mut Random) -> (Turns, String) {
    if kind.version == 0x0304 { session13(kind, turns, random) } else { session12(kind, turns, random) }
}

fn session12(kind: &Kind, turns: &Turns, random: &mut Random) -> (Turns, String) {
    let (client, server, master): ([u8; 32], [u8; 32], [u8; 48]) = (octets(random), octets(random), octets(random));
    let (mac, key, iv) = match kind.cipher {
        Cipher::Gcm(key) | Cipher::Ccm(key, _) => (0, key, 4),
        Cipher::ChaCha => (0, 32, 12),
        Cipher::Cbc(key, hash) => (len(hash), key, 16),
        Cipher::TripleDes(hash) => (len(hash), 24, 8),
        Cipher::Rc4(hash) => (len(hash), 16, 0),
    };
    // Records bring their own vector since TLS 1.1.
    let drawn = if kind.version > 0x0301 && matches!(kind.cipher, Cipher::Cbc(..) | Cipher::TripleDes(_)) { 0 } else { iv };
    let block = key_block(kind, &master, &client, &server, 2 * (mac + key + drawn));
    let mut rest = block.as_slice();
    let mut next = |len: usize| {
        let (one, after) = rest.split_at(len);
        rest = after;
        one.to_vec()
    };
    let (macs, keys, ivs) = ([next(mac), next(mac)], [next(key), next(key)], [next(drawn), next(drawn)]);
    let mut sealers = [0, 1].map(|side| Sealer {
        kind: *kind,
        mac: macs[side].clone(),
        key: keys[side].clone(),
        iv: ivs[side].clone(),
        stream: matches!(kind.cipher, Cipher::Rc4(_)).then(|| Box::new(<Rc4<U16> as rc4::KeyInit>::new_from_slice(&keys[side]).unwrap())),
        number: 0,
    });
    let mut clear = Clear { kind: *kind, count: [0; 2], records: [0; 2] };
    let name = b"\x00\x00\x00\x15\x00\x13\x00\x00\x10chat.example.net";
    let etm: &[u8] = if kind.encrypt_then_mac { &[0, 0x16, 0, 0] } else { &[] };
    let mut wire: Turns = vec![
        (Dir::Client, clear.message(Dir::Client, 1, &hello(kind, Dir::Client, &client, &[&name[..], etm].concat()))),
        (Dir::Server, clear.message(Dir::Server, 2, &hello(kind, Dir::Server, &server, etm))),
        (Dir::Server, clear.message(Dir::Server, 14, &[])),
        (Dir::Client, clear.message(Dir::Client, 16, &[&[65][..], &octets::<65>(random)].concat())),
    ];
    for dir in [Dir::Client, Dir::Server] {
        wire.push((dir, clear.record(dir, 20, &[1])));
        let finished = clear.bare(dir, 20, &octets::<12>(random));
        wire.push((dir, sealers[dir.index()].record(22, &finished, random)));
    }
    for (dir, bytes) in turns {
        // Each turn of DTLS is a record.
        let most = if kind.datagrams { bytes.len().max(1) } else { 1 + random.below(4000) };
        wire.extend(bytes.chunks(most).map(|part| (*dir, sealers[dir.index()].record(23, part, random))));
    }
    (wire, format!("CLIENT_RANDOM {} {}\n", hex(&client), hex(&master)))
}

fn session13(kind: &Kind, turns: &Turns, random: &mut Random) -> (Turns, String) {
    let (client, server): ([u8; 32], [u8; 32]) = (octets(random), octets(random));
    let secrets: [[u8; 32]; 4] = std::array::from_fn(|_| octets(random));
    let labels =
        ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"];
    let log = labels.iter().zip(&secrets).map(|(label, secret)| format!("{label} {} {}\n", hex(&client), hex(secret))).collect();
    let sealer = |secret: &[u8]| Sealer {
        kind: *kind,
        mac: Vec::new(),
        key: expand(secret, "key", 16),
        iv: expand(secret, "iv", 12),
        stream: None,
        number: 0,
    };
    let share = [&[0, 0x1d, 0, 32][..], &octets::<32>(random)].concat();
    let shares = [&[0, 0x33, 0, 38, 0, 36][..], &share].concat();
    let offers =
        [&b"\x00\x00\x00\x15\x00\x13\x00\x00\x10chat.example.net\x00\x2b\x00\x03\x02\x03\x04\x00\x0a\x00\x04\x00\x02\x00\x1d"[..], &shares]
            .concat();
    let answers = [&[0, 0x2b, 0, 2, 3, 4, 0, 0x33, 0, 36][..], &share].concat();
    let mut clear = Clear { kind: *kind, count: [0; 2], records: [0; 2] };
    let mut wire: Turns = vec![
        (Dir::Client, clear.message(Dir::Client, 1, &hello(kind, Dir::Client, &client, &offers))),
        (Dir::Server, clear.message(Dir::Server, 2, &hello(kind, Dir::Server, &server, &answers))),
    ];
    let flight = [clear.bare(Dir::Server, 8, &[0, 0]), clear.bare(Dir::Server, 20, &octets::<32>(random))].concat();
    wire.push((Dir::Server, sealer(&secrets[1]).record13(22, &flight, random)));
    let finished = clear.bare(Dir::Client, 20, &octets::<32>(random));
    wire.push((Dir::Client, sealer(&secrets[0]).record13(22, &finished, random)));
    let mut secrets = [secrets[2].to_vec(), secrets[3].to_vec()];
    let mut sealers = [sealer(&secrets[0]), sealer(&secrets[1])];
    for (dir, bytes) in turns {
        let side = dir.index();
        for part in bytes.chunks(1 + random.below(4000)) {
            if random.chance(5) {
                wire.push((*dir, sealers[side].record13(22, &[24, 0, 0, 1, 0], random)));
                secrets[side] = expand(&secrets[side], "traffic upd", 32);
                sealers[side] = sealer(&secrets[side]);
            }
            wire.push((*dir, sealers[side].record13(23, part, random)));
        }
    }
    (wire, log)
}

fn len(hash: Hash) -> usize {
    match hash {
        Hash::Md5 => 16,
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
    }
}
