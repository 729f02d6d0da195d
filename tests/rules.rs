//! Every rule has a capture that fires it and one that must not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use intransit::assess::{Grade, Identity, Judged, RULES, judge};
use intransit::base::{
    CipherSuite, Exposed, Facts, Frame, FrameNo, LinkType, NamedGroup, ProtocolVersion, Readable, SrtpProfile, TEXT_OUTSIDE_TLS, Timestamp,
    VersionName, What, WireStr,
};
use intransit::flow::{Connection, Endpoint, Tally, Transport};

/// Rule, a capture of the cabinet that fires it, and one that is like it but must not.
const PAIRS: &[(&str, &str, &str)] = &[
    ("ssl-version", "ssl3.pcap", "tls10.pcap"),
    ("tls-obsolete-version", "tls11.pcap", "tls12_gcm.pcap"),
    ("tls-obsolete-version", "dtls10.pcap", "dtls12.pcap"),
    ("cipher-null", "tls12_null.pcap", "tls12_gcm.pcap"),
    ("cipher-rc4", "tls10_rc4.pcap", "tls10.pcap"),
    ("cipher-64-bit-block", "tls12_3des.pcap", "tls12_cbc.pcap"),
    ("cipher-anonymous", "tls12_anon.pcap", "tls12_psk.pcap"),
    ("no-forward-secrecy", "tls12_rsa_kx.pcap", "tls12_dhe2048.pcap"),
    ("no-forward-secrecy", "tls12_psk.pcap", "tls12_ecdhe_psk.pcap"),
    ("tls13-psk-without-exchange", "tls13_psk_ke.pcap", "tls13_ext_psk.pcap"),
    ("cipher-cbc", "tls12_cbc.pcap", "tls12_cbc_etm.pcap"),
    ("cipher-cbc-encrypt-then-mac", "tls12_cbc_etm.pcap", "tls12_cbc.pcap"),
    ("dhe-weak", "tls12_dhe1024.pcap", "tls12_dhe2048.pcap"),
    ("dhe-finite-field", "tls12_dhe2048.pcap", "tls12_dhe1024.pcap"),
    ("server-could-do-better", "form_nanoseconds.pcap", "tls13_aes128.pcap"),
    ("early-data", "tls13_0rtt.pcap", "tls13_resumed.pcap"),
    ("handshake-failed", "tls_refused.pcap", "tls13_hrr.pcap"),
    ("cert-expired", "cert_expired.pcap", "tls12_gcm.pcap"),
    ("cert-name-mismatch", "cert_wrong_name.pcap", "tls12_gcm.pcap"),
    ("cert-self-signed", "cert_self_signed.pcap", "tls12_gcm.pcap"),
    ("cert-private", "dtls_srtp.pcap", "tls12_gcm.pcap"),
    ("cert-unverified", "tls12_gcm.pcap", "tls13_aes128.pcap"),
    ("cert-weak-key", "cert_rsa1024.pcap", "cert_rsa_pss.pcap"),
    ("cert-weak-signature", "cert_sha1.pcap", "cert_rsa_pss.pcap"),
    ("interception-issuer", "mitm_client_leg.pcap", "tls12_gcm.pcap"),
    ("cert-not-visible", "tls13_aes128.pcap", "tls12_gcm.pcap"),
    ("pq-hybrid", "pq_x25519mlkem768.pcap", "pq_refused.pcap"),
    ("pq-offered-only", "pq_refused.pcap", "pq_x25519mlkem768.pcap"),
    ("pq-absent", "tls12_gcm.pcap", "pq_refused.pcap"),
    ("sni-visible", "tls13_aes128.pcap", "ech_accepted.pcap"),
    ("ech-present", "ech_grease.pcap", "tls13_aes128.pcap"),
    ("custom-encryption", "mtproto_abridged.pcap", "ssh.pcap"),
    ("plaintext-content", "smtp_plain.pcap", "smtp_starttls.pcap"),
    ("plain-dns-names", "dns_plain.pcap", "dns_dot.pcap"),
    ("starttls-refused", "imap_refused.pcap", "imap_plain.pcap"),
    ("starttls-never", "pop3_plain.pcap", "pop3_starttls.pcap"),
    ("starttls-plain-start", "imap_starttls.pcap", "irc_tls.pcap"),
    ("joined-mid-stream", "form_midstream.pcap", "tls13_aes128.pcap"),
    ("one-sided", "form_client_only.pcap", "tls13_aes128.pcap"),
    ("gap", "form_snaplen96.pcap", "tls13_aes128.pcap"),
    ("truncated-packets", "form_snaplen96.pcap", "tls13_aes128.pcap"),
];

/// Rules that no software of the cabinet fires: fired by facts, and not by their opposite.
fn by_facts() -> Vec<(&'static str, Vec<What>, Vec<What>)> {
    let version = |v| What::TlsVersion(VersionName(v));
    let v12 = || version(ProtocolVersion::TLS1_2);
    let suite = |n| What::TlsCipher(CipherSuite(n));
    let offers = |versions: &[ProtocolVersion]| What::TlsOfferedVersions(versions.to_vec());
    let time = Timestamp::from_secs;
    let valid = || What::TlsChainState(vec!["trusted-path", "name-matches"]);
    let cert = || What::TlsCertSha256(Box::new([7; 32]));
    let dated = |from, days: i64| {
        vec![v12(), suite(0xc02b), cert(), valid(), What::TlsNotBefore(time(from)), What::TlsNotAfter(time(from + days * 86_400))]
    };
    let named = |words: Vec<&'static str>| vec![v12(), suite(0xc02b), cert(), What::TlsChainState(words)];
    vec![
        ("cipher-export", vec![v12(), suite(0x0003)], vec![v12(), suite(0x0005)]),
        (
            "downgrade-sentinel",
            vec![v12(), What::TlsDowngradeSentinel("1.2"), offers(&[ProtocolVersion::TLS1_3, ProtocolVersion::TLS1_2])],
            vec![v12(), What::TlsDowngradeSentinel("1.2"), offers(&[ProtocolVersion::TLS1_2])],
        ),
        ("weak-curve", vec![v12(), What::TlsCurve(NamedGroup(19))], vec![v12(), What::TlsCurve(NamedGroup(23))]),
        ("tls-compression", vec![v12(), What::TlsCompression(1)], vec![v12()]),
        (
            "insecure-renegotiation",
            vec![v12(), What::TlsOfferedRenegotiationInfo(true)],
            vec![v12(), What::TlsOfferedRenegotiationInfo(true), What::TlsRenegotiationInfo(true)],
        ),
        ("no-extended-master-secret", vec![v12()], vec![v12(), What::TlsExtendedMasterSecret(true)]),
        ("no-extended-master-secret", vec![v12()], vec![version(ProtocolVersion::TLS1_3)]),
        ("fallback-scsv", vec![v12(), What::TlsFallbackScsv(true)], vec![v12()]),
        ("draft-version", vec![What::TlsVersionDetail("draft-28".into())], vec![version(ProtocolVersion::TLS1_3)]),
        ("malformed-handshake", vec![What::Malformed("ClientHello: cut".into())], vec![v12()]),
        ("cert-validity-too-long", dated(1_700_000_000, 400), dated(1_700_000_000, 397)),
        ("cert-validity-too-long", dated(1_774_000_000, 201), dated(1_774_000_000, 200)),
        ("cert-not-yet-valid", named(vec!["trusted-path", "not-yet-valid"]), named(vec!["trusted-path", "clock-unset"])),
        ("cert-chain-disordered", named(vec!["unknown-issuer", "disordered"]), named(vec!["unknown-issuer"])),
        ("conflicting-overlap", vec![What::ConflictingOverlap(vec!["a".into(), "b".into()])], vec![]),
        ("overflow", vec![What::Overflow("tcp")], vec![]),
        ("sdes-in-clear", vec![What::MediaKeying("sdes-in-clear")], vec![What::MediaKeying("dtls-srtp")]),
        ("looks-readable", vec![What::Looks("readable")], vec![What::Looks("random")]),
        ("looks-random", vec![What::Looks("random")], vec![What::Looks("readable")]),
        ("plain-service", vec![What::Protocol("ntp")], vec![What::Protocol("ssh")]),
        ("interception-issuer", vec![What::TlsIssuer("CN=Fortinet_CA_SSL".into())], vec![What::TlsIssuer("O=Fortinet,CN=support".into())]),
    ]
}

/// What was readable is stated by a method, not as a plain fact.
fn by_readable() -> Vec<(&'static str, Judged, Judged)> {
    use intransit::base::Exposed::{Content, Credentials, Identifiers, Names};
    let with = |kind, starttls: bool| {
        let mut c = connection(&[]);
        let frame = frame();
        c.facts.readable(kind, "a thing", b"text", frame.evidence());
        if starttls {
            c.facts.observe(What::StartTls("smtp"), frame.evidence());
        }
        c.facts.sort();
        Judged::from(c)
    };
    vec![
        ("plaintext-credentials", with(Credentials, false), with(Content, false)),
        ("plaintext-content", with(Content, false), with(Names, false)),
        ("plaintext-identifiers", with(Identifiers, false), with(Names, false)),
        ("secrets-before-starttls", with(Credentials, true), with(Credentials, false)),
    ]
}

fn frame() -> Frame<'static> {
    Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes: &[0], wire_len: 1, link: LinkType(1), interface: 0 }
}

fn connection(say: &[What]) -> Connection {
    let frame = frame();
    let mut facts = Facts::new();
    say.iter().for_each(|what| facts.observe(what.clone(), frame.evidence()));
    facts.sort();
    let end = |port| Endpoint { ip: "192.0.2.1".parse().unwrap(), port };
    Connection {
        transport: Transport::Tcp,
        client: end(50_000),
        server: end(443),
        guessed: false,
        first_frame: frame.number,
        last_frame: frame.number,
        start: Timestamp::from_secs(1_700_000_000),
        end: Timestamp::from_secs(1_700_000_001),
        sent: [Tally { packets: 1, bytes: 100, payload: 50 }; 2],
        vlan: None,
        truncated: 0,
        facts,
    }
}

fn fired(judged: &Judged) -> BTreeSet<&'static str> {
    judged.judgement.findings.iter().map(|finding| finding.rule.id).collect()
}

fn fired_in(file: &str) -> BTreeSet<&'static str> {
    let analysis = common::analyse_file(&common::cabinet().join(file), 1).unwrap();
    analysis.judged().flat_map(|judged| fired(&judged)).collect()
}

#[test]
fn every_rule_fires_where_it_must_and_not_where_it_must_not() {
    let mut known: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for (_, yes, no) in PAIRS {
        for file in [*yes, *no] {
            known.entry(file).or_insert_with(|| fired_in(file));
        }
    }
    let mut wrong = Vec::new();
    let mut tested = BTreeSet::new();
    for (rule, yes, no) in PAIRS {
        tested.insert(*rule);
        if !known[yes].contains(rule) {
            wrong.push(format!("{rule} does not fire in {yes}"));
        }
        if known[no].contains(rule) {
            wrong.push(format!("{rule} fires in {no}"));
        }
    }
    let facts = by_facts().into_iter().map(|(rule, yes, no)| (rule, Judged::from(connection(&yes)), Judged::from(connection(&no))));
    for (rule, yes, no) in facts.chain(by_readable()) {
        tested.insert(rule);
        if !fired(&yes).contains(rule) {
            wrong.push(format!("{rule} does not fire for {:?}", yes.facts.list()));
        }
        if fired(&no).contains(rule) {
            wrong.push(format!("{rule} fires for {:?}", no.facts.list()));
        }
    }
    wrong.extend(RULES.iter().filter(|rule| !tested.contains(rule.id)).map(|rule| format!("{} has no test", rule.id)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows of the table in the documentation of `assess`: name and grade.
fn grading_table() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../src/assess/grading.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?.trim_matches('`')))
    });
    rows.skip(1).collect()
}

/// The table of the documentation of `assess`, which is that of the contract (§2) case by case: facts, and the grade they must get.
#[test]
fn every_row_of_the_grading_table_holds() {
    let version = |v, family| vec![What::TlsVersion(VersionName(v)), What::TlsVersionProtocol(family), What::Handshake("complete")];
    let with = |mut facts: Vec<What>, more: &[What]| {
        facts.extend(more.iter().cloned());
        facts
    };
    let suite = |n| What::TlsCipher(CipherSuite(n));
    let tls12 = |n| with(version(ProtocolVersion::TLS1_2, "tls"), &[suite(n)]);
    let tls13 = |n| with(version(ProtocolVersion::TLS1_3, "tls"), &[suite(n), What::TlsCurve(NamedGroup(29))]);
    let ssh = |kex: &str, cipher: &str| {
        let agreed = [What::SshKeyExchange(kex.into()), What::SshCipher(vec![cipher.into()])];
        with(vec![What::Protocol("ssh"), What::Handshake("complete")], &agreed)
    };
    let dtls_srtp = |profile| {
        let keyed = [suite(0xc02b), What::SrtpProfile(profile), What::MediaKeying("dtls-srtp"), What::Protocol("dtls")];
        with(version(ProtocolVersion::DTLS1_2, "dtls"), &keyed)
    };
    let rows: Vec<(&str, Vec<What>, Grade)> = vec![
        ("TLS 1.3", tls13(0x1301), Grade::Protected),
        ("TLS 1.3, integrity only", tls13(0xc0b4), Grade::Exposed),
        ("TLS 1.3, psk_ke", with(version(ProtocolVersion::TLS1_3, "tls"), &[suite(0x1301), What::TlsResumed(true)]), Grade::Weak),
        ("TLS 1.3 draft", with(tls13(0x1301), &[What::TlsVersionDetail("draft-28".into())]), Grade::Protected),
        ("TLS 1.2, ECDHE, AEAD", tls12(0xc02f), Grade::Protected),
        ("TLS 1.2, RSA key exchange", tls12(0x009c), Grade::Weak),
        ("TLS 1.2, CBC", tls12(0xc013), Grade::Weak),
        ("TLS 1.2, CBC, encrypt-then-MAC", with(tls12(0xc013), &[What::TlsEncryptThenMac(true)]), Grade::Protected),
        ("TLS 1.2, RSA, CBC, encrypt-then-MAC", with(tls12(0x002f), &[What::TlsEncryptThenMac(true)]), Grade::Weak),
        ("TLS 1.2, DHE 1024", with(tls12(0x009e), &[What::TlsDhBits(1024)]), Grade::Weak),
        ("TLS 1.2, DHE 2048", with(tls12(0x009e), &[What::TlsDhBits(2048)]), Grade::Protected),
        ("TLS 1.2, 3DES", tls12(0xc012), Grade::Weak),
        ("TLS 1.2, RC4", tls12(0xc011), Grade::Weak),
        ("TLS 1.2, export", tls12(0x0003), Grade::Weak),
        ("TLS 1.2, NULL", tls12(0xc010), Grade::Exposed),
        ("TLS 1.2, anonymous", tls12(0x00a7), Grade::Protected),
        ("TLS 1.2, suite nobody registered", tls12(0xfafb), Grade::Unknown),
        ("TLS 1.1", with(version(ProtocolVersion::TLS1_1, "tls"), &[suite(0xc013), What::TlsEncryptThenMac(true)]), Grade::Weak),
        ("TLS 1.0", with(version(ProtocolVersion::TLS1_0, "tls"), &[suite(0xc013)]), Grade::Weak),
        ("TLS 1.0, NULL", with(version(ProtocolVersion::TLS1_0, "tls"), &[suite(0x0002)]), Grade::Exposed),
        ("SSL 3", with(version(ProtocolVersion::SSL3, "ssl"), &[suite(0xc013)]), Grade::Weak),
        ("DTLS 1.0", with(version(ProtocolVersion::DTLS1_0, "dtls"), &[suite(0xc013)]), Grade::Weak),
        ("DTLS 1.2", with(version(ProtocolVersion::DTLS1_2, "dtls"), &[suite(0xc02b)]), Grade::Protected),
        ("QUIC", with(version(ProtocolVersion::TLS1_3, "quic"), &[suite(0x1301)]), Grade::Protected),
        ("TLS 1.3, and octets outside its records", with(tls13(0x1301), &[What::TlsOtherOctets(9)]), Grade::Unknown),
        (
            "QUIC, and beside it something else",
            with(version(ProtocolVersion::TLS1_3, "quic"), &[suite(0x1301), What::QuicOtherDatagrams(1)]),
            Grade::Unknown,
        ),
        (
            "TLS 1.3, and text outside its records",
            with(
                tls13(0x1301),
                &[What::TlsOtherOctets(9), What::Readable(Box::new(Readable::new(Exposed::Content, "text outside TLS", b"see you")))],
            ),
            Grade::Exposed,
        ),
        ("ClientHello only", vec![What::TlsVersionProtocol("tls"), What::Handshake("client-only")], Grade::Unknown),
        ("mid-stream", vec![What::Protocol("tls"), What::Handshake("missing")], Grade::Unknown),
        (
            "one direction",
            vec![
                What::TlsVersion(VersionName(ProtocolVersion::TLS1_3)),
                What::TlsVersionProtocol("tls"),
                suite(0x1301),
                What::Handshake("server-only"),
            ],
            Grade::Unknown,
        ),
        ("handshake failed", vec![What::TlsVersionProtocol("tls"), What::Handshake("failed")], Grade::None),
        ("HTTP", vec![What::Protocol("http")], Grade::Exposed),
        ("DNS", vec![What::Protocol("dns")], Grade::Exposed),
        ("NTP", vec![What::Protocol("ntp")], Grade::Exposed),
        ("SSH 2", ssh("curve25519-sha256", "aes256-ctr"), Grade::Protected),
        ("SSH 2 with RC4", ssh("curve25519-sha256", "arcfour"), Grade::Weak),
        ("SSH 2 that does not encrypt", ssh("curve25519-sha256", "none"), Grade::Exposed),
        ("SSH 2 of which the lists were not seen", vec![What::Protocol("ssh"), What::Handshake("complete")], Grade::Unknown),
        ("SSH 1", with(ssh("", "3des"), &[What::SshVersion("1")]), Grade::Weak),
        ("IKE and ESP", vec![What::Protocol("ike"), What::Protocol("esp"), What::Handshake("complete")], Grade::Custom),
        ("STUN", vec![What::Protocol("stun")], Grade::Exposed),
        ("STUN, and beside it something else", vec![What::Protocol("stun"), What::Looks("random")], Grade::Unknown),
        ("SRTP keyed by DTLS", with(dtls_srtp(SrtpProfile(1)), &[What::Protocol("srtp")]), Grade::Protected),
        ("SRTP that does not encrypt", with(dtls_srtp(SrtpProfile(5)), &[What::Protocol("srtp")]), Grade::Exposed),
        ("media before the keys too", with(dtls_srtp(SrtpProfile(1)), &[What::Protocol("rtp"), What::Protocol("srtp")]), Grade::Unknown),
        (
            "media beside DTLS without keys for it",
            with(version(ProtocolVersion::DTLS1_2, "dtls"), &[suite(0xc02b), What::Protocol("dtls"), What::Protocol("rtp")]),
            Grade::Unknown,
        ),
        ("SSH, joined", vec![What::Protocol("ssh")], Grade::Unknown),
        ("WireGuard", vec![What::Protocol("wireguard"), What::Handshake("complete")], Grade::Protected),
        ("MTProto", vec![What::Protocol("mtproto")], Grade::Custom),
        ("WhatsApp", vec![What::Protocol("whatsapp-noise")], Grade::Custom),
        ("OpenVPN whose control channel is TLS 1.3", with(tls13(0x1301), &[What::TlsTunnel("openvpn")]), Grade::Custom),
        ("RTP without keys", vec![What::Protocol("rtp")], Grade::Unknown),
        ("unknown, random", vec![What::Looks("random")], Grade::Unknown),
        ("unknown", vec![], Grade::Unknown),
    ];
    let tested: Vec<(&str, &str)> = rows.iter().map(|(name, _, grade)| (*name, grade.word())).collect();
    let (tested, documented): (BTreeSet<_>, BTreeSet<_>) = (tested.into_iter().collect(), grading_table().into_iter().collect());
    assert_eq!(tested, documented, "every row of the table is a test, and every test a row");
    let mut wrong = Vec::new();
    for (name, facts, grade) in rows {
        let judgement = judge(&connection(&facts));
        if judgement.grade != grade {
            wrong.push(format!("{name}: {} instead of {} ({})", judgement.grade.word(), grade.word(), judgement.why));
        }
        assert_eq!(
            judgement.grade == Grade::Exposed,
            !judgement.exposed.is_empty(),
            "{name}: exposed names its kinds, and nothing else does"
        );
        assert!(!judgement.why.is_empty(), "{name}: the reason is always given");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let readable = |what| What::Readable(Box::new(Readable::new(Exposed::Content, what, b"see you")));
    let both = with(tls13(0x1301), &[What::StartTls("smtp"), readable("mail"), readable(TEXT_OUTSIDE_TLS)]);
    assert_eq!(judge(&connection(&both)).why, "mail and text outside TLS in clear", "not all of it was before TLS began");
    let mut silent = connection(&[What::Protocol("http")]);
    silent.sent = [Tally::default(); 2];
    assert_eq!(judge(&silent).grade, Grade::None, "nothing was said");
}

#[test]
fn an_anonymous_suite_has_no_identity_and_a_hidden_certificate_is_not_a_missing_one() {
    let facts = |n: u16, v| {
        vec![
            What::TlsVersion(VersionName(v)),
            What::TlsVersionProtocol("tls"),
            What::Handshake("complete"),
            What::TlsCipher(CipherSuite(n)),
            What::TlsServerName(WireStr::from("chat.example.net")),
        ]
    };
    assert_eq!(judge(&connection(&facts(0x00a7, ProtocolVersion::TLS1_2))).identity, Some(Identity::None));
    assert_eq!(judge(&connection(&facts(0x1301, ProtocolVersion::TLS1_3))).identity, Some(Identity::NotVisible));
    assert_eq!(judge(&connection(&[What::Protocol("http")])).identity, None);
}
