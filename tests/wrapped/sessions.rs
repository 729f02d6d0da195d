//! The same over real TLS: each phrase in a session of its own between rustls and rustls, of every cipher suite that it has, cut into random
//! segments, and opened with the key log that it writes. What rustls has not is sealed in [`super::sealed`] and [`super::quic`].

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use intransit::assess::canary::{Asked, Bits, Canary, Lacks, Verdict, looked};
use intransit::base::Dir;
use intransit::dissect::Equipment;
use intransit::dissect::inside::{Gathered, Keep, Medium, Quest};
use intransit::dissect::keys::Keys;
use intransit::{engine, source};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, KeyLog, ServerConfig, ServerConnection, SignatureScheme};

use super::common::container::ethernet_pcap;
use super::common::frames::{self, ACK, CLIENT, PSH, SERVER, SYN};
use super::{CONTROL, PHRASE, QUEST, Random, Turns, cases, encodings, framings, sealed};

/// An element of DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        n @ 0..128 => out.push(n as u8),
        n @ 128..256 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

/// A certificate for a key, signed by itself (RFC 5280 §4.1), and the key.
fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    let sha256 = der(0x30, &[b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"]);
    let name = der(0x30, &[&der(0x31, &[&der(0x30, &[b"\x06\x03\x55\x04\x03", &der(0x0c, &[b"chat.example.net"])])])]);
    let time = |text: &[u8]| der(0x17, &[text]);
    let public = der(
        0x30,
        &[
            &der(0x30, &[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"]),
            &der(0x03, &[&[0], pair.public_key().as_ref()]),
        ],
    );
    let alternative = der(0x04, &[&der(0x30, &[&der(0x82, &[b"chat.example.net"])])]);
    let extensions = der(0xa3, &[&der(0x30, &[&der(0x30, &[b"\x06\x03\x55\x1d\x11", &alternative])])]);
    let body = der(
        0x30,
        &[
            &der(0xa0, &[&der(0x02, &[&[2]])]),
            &der(0x02, &[&[1]]),
            &sha256,
            &name,
            &der(0x30, &[&time(b"240101000000Z"), &time(b"490101000000Z")]),
            &name,
            &public,
            &extensions,
        ],
    );
    let signature = pair.sign(&random, &body).unwrap();
    let whole = der(0x30, &[&body, &sha256, &der(0x03, &[&[0], signature.as_ref()])]);
    (CertificateDer::from(whole), PrivateKeyDer::try_from(pkcs8.as_ref().to_vec()).unwrap())
}

/// The session is ours: whose certificate it is does not matter.
#[derive(Debug)]
pub struct Anybody(pub Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The key log of one session.
#[derive(Debug, Default)]
pub struct Log(pub Mutex<String>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}

/// One suite each.
pub static PROVIDERS: LazyLock<Vec<Arc<CryptoProvider>>> = LazyLock::new(|| {
    let all = provider::default_provider();
    let is_ours = |suite: &&rustls::SupportedCipherSuite| !format!("{:?}", suite.suite()).contains("_RSA_");
    let one = |suite: &rustls::SupportedCipherSuite| Arc::new(CryptoProvider { cipher_suites: vec![*suite], ..all.clone() });
    all.cipher_suites.iter().filter(is_ours).map(one).collect()
});

pub static IDENTITY: LazyLock<(CertificateDer<'static>, PrivateKeyDer<'static>)> = LazyLock::new(certificate);

/// What both sides put on the wire, in order, and the keys.
fn session(turns: &Turns, random: &mut Random) -> (Turns, String) {
    let (suite, log) = (&PROVIDERS[random.below(PROVIDERS.len())], Arc::new(Log::default()));
    let (certificate, key) = &*IDENTITY;
    let server = ServerConfig::builder_with_provider(Arc::clone(suite)).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![certificate.clone()], key.clone_key()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::clone(suite)).with_safe_default_protocol_versions().unwrap();
    let verifier = Arc::new(Anybody(Arc::clone(suite)));
    let mut client = client.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    client.key_log = Arc::clone(&log) as Arc<dyn KeyLog>;
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("chat.example.net").unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut wire: Turns = Vec::new();
    let mut exchange = |client: &mut ClientConnection, server: &mut ServerConnection| {
        loop {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).unwrap();
            }
            let mut rest = there.as_slice();
            while !rest.is_empty() {
                server.read_tls(&mut rest).unwrap();
                server.process_new_packets().unwrap();
                let _ = server.reader().read_to_end(&mut Vec::new());
            }
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
            let mut rest = back.as_slice();
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
                let _ = client.reader().read_to_end(&mut Vec::new());
            }
            if there.is_empty() && back.is_empty() {
                return;
            }
            wire.extend([(Dir::Client, there), (Dir::Server, back)].into_iter().filter(|(_, bytes)| !bytes.is_empty()));
        }
    };
    exchange(&mut client, &mut server);
    for (dir, bytes) in turns {
        // Not more at once than a session takes before it is sent.
        for part in bytes.chunks(16 * 1024) {
            match dir {
                Dir::Client => client.writer().write_all(part).unwrap(),
                Dir::Server => server.writer().write_all(part).unwrap(),
            }
            exchange(&mut client, &mut server);
        }
    }
    (wire, std::mem::take(&mut *log.0.lock().unwrap()))
}

/// Another connection with the control, in clear, so that "not seen" could be said at all.
fn control() -> Vec<Vec<u8>> {
    let other = (CLIENT.0, CLIENT.1 + 1);
    let line = format!("{CONTROL} and some more text, enough to hold a phrase\n");
    vec![
        frames::tcp(other, SERVER, 5, 0, SYN, &[]),
        frames::tcp(SERVER, other, 50, 6, SYN | ACK, &[]),
        frames::tcp(other, SERVER, 6, 51, ACK | PSH, line.as_bytes()),
        frames::tcp(SERVER, other, 51, 6 + line.len() as u32, ACK, &[]),
    ]
}

/// A capture of datagrams; some come twice, and behind the handshake some in another order.
pub fn captured_datagrams(wire: &Turns, in_order: usize, random: &mut Random) -> Vec<u8> {
    let mut packets = control();
    let mut last = 0;
    for (n, (dir, bytes)) in wire.iter().enumerate() {
        let (from, to) = if *dir == Dir::Client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        packets.push(frames::udp(from, to, bytes));
        let at = packets.len() - 1;
        // Of one side: what answers something comes behind it.
        if n > in_order && wire[n - 1].0 == *dir && packets.len() == last + 2 && random.chance(4) {
            packets.swap(at - 1, at);
        }
        last = at;
        if random.chance(6) {
            packets.push(packets[at].clone());
        }
    }
    ethernet_pcap(&packets)
}

/// A capture of it in random segments, some of them twice or in another order.
pub fn captured(wire: &Turns, random: &mut Random) -> Vec<u8> {
    let mut packets = control();
    packets.extend(frames::handshake(1000, 9000));
    let mut sent = [1001u32, 9001];
    let most = random.pick(&[3, 40, 300, 1400]);
    for (dir, bytes) in wire {
        let mut rest = bytes.as_slice();
        let first = packets.len();
        while !rest.is_empty() {
            let (segment, after) = rest.split_at((1 + random.below(most)).min(rest.len()));
            rest = after;
            let mine = dir.index();
            let (from, to) = if *dir == Dir::Client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            packets.push(frames::tcp(from, to, sent[mine], sent[1 - mine], ACK | PSH, segment));
            sent[mine] = sent[mine].wrapping_add(segment.len() as u32);
        }
        let here = packets.len() - first;
        if here > 1 && random.chance(3) {
            let at = first + random.below(here - 1);
            packets.swap(at, at + 1);
        }
        if random.chance(4) {
            packets.push(packets[first + random.below(here)].clone());
        }
    }
    ethernet_pcap(&packets)
}

pub fn canary(capture: &[u8], log: &str) -> Canary {
    let (keys, gathered) = (Keys::default(), Gathered::default());
    keys.add_log(log.as_bytes());
    let quest = Quest { needles: QUEST.needles.clone(), since: None, keep: Keep::Masked };
    let equipment = Equipment { sinks: Some(gathered.sinks(quest)), ..Equipment::with_keys(Arc::new(keys)) };
    let open = || source::read(Cursor::new(capture.to_vec()), None);
    let analysis = engine::analyse_twice(open, super::common::options(1), &equipment, &mut |_| {}).unwrap();
    let asked = Asked { bits: Bits(46), since: None, controls: 1, room: QUEST.needles.room() };
    Canary::conclude(&asked, &Lacks::default(), looked(analysis.judged(), gathered.take()))
}

#[test]
fn a_phrase_sent_readable_inside_tls_is_never_not_seen() {
    let (all, mut readable, mut not_seen, mut open) = (cases() / 4, 0, Vec::new(), Vec::new());
    for seed in 0..all {
        let mut random = Random(seed.wrapping_mul(0x5eed) ^ 0x7157);
        let (content, wrappings) = encodings::wrap(PHRASE, &mut random);
        let (framing, turns) = loop {
            if let (Medium::Stream, framing, turns) = framings::frame(&content, &mut random) {
                break (framing, turns);
            }
        };
        let (wire, log) = session(&turns, &mut random);
        let canary = canary(&captured(&wire, &mut random), &log);
        let name = format!("seed {seed}: {framing} > {}", wrappings.join(" > "));
        match canary.verdict {
            Verdict::Readable => readable += 1,
            Verdict::NotSeen => not_seen.push(name),
            Verdict::Inconclusive => open.push(format!("{name}: {:?}", canary.reasons)),
        }
    }
    // What leaves one session open is of that session: "not seen" was possible.
    assert!(open.iter().all(|one| !one.contains("control 1") && !one.contains("no control")), "{open:#?}");
    println!("{readable} of {all} sessions over {} suites were readable, {} inconclusive", PROVIDERS.len(), open.len());
    assert!(not_seen.is_empty(), "{not_seen:#?}");
    assert!(readable * 100 >= all * 97, "{readable} of {all}: {:#?}", &open[..open.len().min(20)]);
}

/// What became of the cases, by the kind of session.
#[derive(Default)]
pub struct Tried {
    all: BTreeMap<String, (u64, u64)>,
    not_seen: Vec<String>,
    open: Vec<String>,
}

impl Tried {
    pub fn note(&mut self, kind: &str, name: String, canary: &Canary) {
        let (tried, readable) = self.all.entry(kind.to_owned()).or_default();
        *tried += 1;
        match canary.verdict {
            Verdict::Readable => *readable += 1,
            Verdict::NotSeen => self.not_seen.push(format!("{kind}, {name}")),
            Verdict::Inconclusive => self.open.push(format!("{kind}, {name}: {:?}", canary.reasons)),
        }
    }

    /// Never "not seen"; and of each kind nearly all were readable.
    pub fn check(&self) {
        for (kind, (tried, readable)) in &self.all {
            println!("{kind}: {readable} of {tried} readable");
        }
        assert!(self.not_seen.is_empty(), "{:#?}", self.not_seen);
        for (kind, (tried, readable)) in &self.all {
            assert!(readable * 10 >= tried * 8, "{kind}: {readable} of {tried}: {:#?}", &self.open[..self.open.len().min(20)]);
        }
    }
}

#[test]
fn a_phrase_sent_readable_in_sessions_of_any_cipher_is_never_not_seen() {
    let mut tried = Tried::default();
    for seed in 0..cases() / 2 {
        let mut random = Random(seed.wrapping_mul(0x5ea1) ^ 0x0ed);
        let kind = &sealed::KINDS[seed as usize % sealed::KINDS.len()];
        let (content, wrappings) = encodings::wrap(PHRASE, &mut random);
        let (framing, turns) = loop {
            match framings::frame(&content, &mut random) {
                (Medium::Stream, framing, turns) if !kind.datagrams => break (framing, turns),
                (Medium::Datagrams | Medium::Records, framing, turns)
                    if kind.datagrams && turns.iter().all(|(_, bytes)| bytes.len() < 8000) =>
                {
                    break (framing, turns);
                }
                // What is too long for one record is not sent in one.
                (Medium::Datagrams | Medium::Records, _, turns) if turns.iter().any(|(_, bytes)| bytes.len() >= 8000) => {
                    break ("datagram", vec![(Dir::Client, PHRASE.as_bytes().to_vec())]);
                }
                _ => {}
            }
        };
        let (wire, log) = sealed::session(kind, &turns, &mut random);
        let capture = if kind.datagrams { captured_datagrams(&wire, 8, &mut random) } else { captured(&wire, &mut random) };
        tried.note(&kind.title(), format!("seed {seed}: {framing} > {}", wrappings.join(" > ")), &canary(&capture, &log));
    }
    tried.check();
}

/// The same capture without its keys, or with one octet of a record changed, says that it does not tell.
#[test]
fn a_session_without_its_keys_or_with_a_changed_record_is_inconclusive() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let line = format!("{CONTROL} and an ordinary sentence that is long enough\n").into_bytes();
        let turns: Turns = (0..4).map(|_| (Dir::Client, line.clone())).collect();
        let (wire, log) = session(&turns, &mut random);
        let whole = captured(&wire, &mut Random(seed));
        assert_eq!(canary(&whole, &log).verdict, Verdict::NotSeen, "{:?}", canary(&whole, &log).reasons);
        let closed = canary(&whole, "");
        assert!(closed.reasons.iter().any(|reason| reason.contains("no key")), "{:?}", closed.reasons);
        let mut changed = wire.clone();
        let (_, last) = changed.iter_mut().rfind(|(dir, _)| *dir == Dir::Client).unwrap();
        let at = last.len() - 5;
        last[at] ^= 1;
        let changed = canary(&captured(&changed, &mut Random(seed)), &log);
        assert_eq!(changed.verdict, Verdict::Inconclusive);
        assert!(changed.reasons.iter().any(|reason| reason.contains("did not authenticate")), "{:?}", changed.reasons);
    }
}
