//! Floods between two real connections, small: tables keep their bounds and say so, and the real connections are told as if alone. The same
//! floods at full size are `tests/soak/floods`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;
use std::process::{Command, Output};

use common::container::{self, ethernet_pcap};
use common::frames::{self, ACK, PSH, SYN, Side, tcp, udp};
use intransit::assess::Catalogue;
use intransit::base::{Kind, What};
use intransit::engine::{self, Analysis, Options};
use intransit::flow::{Endpoint, FlowKey, Limits, Transport};
use intransit::source;

const SERVER: Side = ([203, 0, 113, 9], 443);

/// The address and port of the `n`th stranger.
fn stranger(n: usize) -> Side {
    let [_, a, b, c] = (n as u32).to_be_bytes();
    ([11, a, b, c], 1024 + (n % 60_000) as u16)
}

fn recorded(name: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(common::cabinet().join(name)).unwrap();
    container::pcap(&bytes).unwrap().records.into_iter().map(|record| record.bytes).collect()
}

/// The flood, with a real connection before it and another one after it.
fn between(flood: Vec<Vec<u8>>) -> Vec<u8> {
    ethernet_pcap(&[recorded("tls13_aes128.pcap"), flood, recorded("tls12_gcm.pcap")].concat())
}

fn analyse(bytes: Vec<u8>, max_flows: usize) -> Analysis {
    let options = Options { workers: 1, limits: Limits { max_flows }, catalogue: Catalogue::own() };
    engine::analyse(&mut source::read(Cursor::new(bytes), None).unwrap(), options, &mut |_| {}).unwrap()
}

/// What is said of connections whose handshake was completed: ends, grade, and every fact but its frames.
fn real(analysis: &Analysis) -> Vec<String> {
    let mut all: Vec<String> = analysis
        .judged()
        .filter(|judged| judged.facts.get(Kind::TlsEstablished).is_some_and(|fact| fact.what == What::TlsEstablished(true)))
        .map(|judged| {
            let facts: Vec<String> = judged.facts.list().iter().map(|fact| format!("{:?}", fact.what)).collect();
            format!("{} {} {} {}", judged.client, judged.server, judged.judgement.grade.word(), facts.join(" "))
        })
        .collect();
    all.sort();
    all
}

/// Both real connections are told as if there had been no flood.
fn is_as_alone(analysis: &Analysis) {
    let alone = real(&analyse(between(Vec::new()), 1 << 12));
    assert_eq!(alone.len(), 2);
    assert_eq!(real(analysis), alone);
    assert_eq!((analysis.finished.counts().failed, analysis.finished.counts().lost), (0, 0));
}

/// What comes of reading it with so many KiB of address space.
fn read_in(bytes: &[u8], kib: u32, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pcap");
    std::fs::write(&path, bytes).unwrap();
    let limit = format!("ulimit -v {kib}; exec \"$0\" inspect -q --workers 1 --format jsonl \"$@\"");
    Command::new("sh").args(["-c", &limit, env!("CARGO_BIN_EXE_intransit")]).args(more).arg(&path).output().unwrap()
}

/// That the program reads it with so many KiB of address space.
fn fits_in(bytes: &[u8], kib: u32) {
    let done = read_in(bytes, kib, &[]);
    assert_eq!(done.status.code(), Some(0), "in {kib} KiB: {}", String::from_utf8_lossy(&done.stderr));
    assert!(!done.stdout.is_empty());
}

#[test]
fn a_flood_of_openings_fills_a_bounded_table_and_is_counted() {
    let flood: Vec<Vec<u8>> = (0..20_000).map(|n| tcp(stranger(n), SERVER, n as u32 * 7919, 0, SYN, &[])).collect();
    let analysis = analyse(between(flood), 1 << 12);
    let counts = analysis.finished.counts();
    assert_eq!(counts.flows, 20_002);
    assert!(counts.evicted >= 20_002 - (1 << 12), "{counts:?}");
    assert_eq!(analysis.finished.len(), 20_002, "what left the table early is reported as well");
    is_as_alone(&analysis);
}

#[test]
fn handshakes_that_claim_sixteen_mebibytes_cost_what_they_send() {
    let mut body = vec![22, 3, 3, 16, 0, 2, 0xff, 0xff, 0xff, 3, 3];
    body.resize(4096, 5);
    let flood: Vec<Vec<u8>> = (0..2000)
        .flat_map(|n| {
            let parts = body.chunks(1400).scan(1u32, |at, part| {
                let seq = *at;
                *at += part.len() as u32;
                Some((seq, part))
            });
            parts.map(|(seq, part)| tcp(SERVER, stranger(n), seq, 1, ACK, part)).collect::<Vec<_>>()
        })
        .collect();
    let bytes = between(flood);
    // 2,000 claims of 16 MiB are 32 GiB; what they sent is 8 MiB.
    fits_in(&bytes, 400_000);
    is_as_alone(&analyse(bytes, 1 << 16));
}

#[test]
fn fragments_that_are_never_completed_are_bounded_and_counted() {
    let flood: Vec<Vec<u8>> = (0..6000)
        .map(|n| frames::ipv4(stranger(n), SERVER, 17, n as u16, 0, true, &frames::udp_datagram(stranger(n), SERVER, &[0; 24])))
        .collect();
    let analysis = analyse(between(flood), 1 << 12);
    assert_eq!((analysis.link.fragments, analysis.link.fragments_dropped), (6000, 6000));
    assert_eq!(analysis.link.fragment_bounds, 6000 - 4096, "the oldest are given up, and told");
    is_as_alone(&analysis);
}

#[test]
fn initials_of_quic_that_are_none_are_bounded() {
    let mut dice = common::Dice(7);
    let flood: Vec<Vec<u8>> = (0..4000)
        .map(|n| {
            let mut packet = vec![0xc3, 0, 0, 0, 1, 8];
            packet.extend((0..8).map(|_| dice.below(256) as u8));
            packet.extend([0, 0, 0x44, 0x9c]);
            packet.extend((0..1180).map(|_| dice.below(256) as u8));
            udp(stranger(n), SERVER, &packet)
        })
        .collect();
    let bytes = between(flood);
    fits_in(&bytes, 400_000);
    let analysis = analyse(bytes, 1 << 12);
    assert_eq!(analysis.finished.counts().flows, 4002);
    // None of them can be opened, so none of them is said to be protected.
    let of_the_flood =
        |judged: &intransit::assess::Judged| judged.server.port == SERVER.1 && judged.server.ip == std::net::IpAddr::from(SERVER.0);
    let protected = analysis.judged().filter(of_the_flood).filter(|judged| judged.judgement.grade.is_judged()).count();
    assert_eq!(protected, 0);
    is_as_alone(&analysis);
}

#[test]
fn octets_in_reverse_order_are_bounded_told_and_read_in_time() {
    let backwards = |count: u32| -> Vec<Vec<u8>> {
        let opening = tcp(stranger(1), SERVER, 0, 0, SYN, &[]);
        std::iter::once(opening).chain((1..=count).rev().map(|seq| tcp(stranger(1), SERVER, seq, 1, ACK, &[0x16]))).collect()
    };
    let read = |count: u32| {
        let began = std::time::Instant::now();
        let analysis = analyse(between(backwards(count)), 1 << 12);
        (analysis, began.elapsed())
    };
    let (analysis, _) = read(10_000);
    let flooded = analysis.connections().find(|connection| connection.client.port == stranger(1).1).unwrap();
    assert!(flooded.facts.has(Kind::Overflow), "{:?}", flooded.facts.list());
    is_as_alone(&analysis);
    // Four times as many: a quadratic reader would take sixteen times as long. What little is asked for leaves room for a busy machine.
    let ((_, few), (_, many)) = (read(10_000), read(40_000));
    assert!(many < few * 12 + std::time::Duration::from_secs(2), "{few:?} for 10,000, {many:?} for 40,000");
}

#[test]
fn keys_that_were_chosen_to_fall_together_cost_only_the_room_of_one_shard() {
    let end = |side: Side| Endpoint { ip: side.0.into(), port: side.1 };
    let shard = |side: Side| FlowKey::new(Transport::Tcp, end(side), end(SERVER)).0.shard();
    let together: Vec<Side> = (0..).map(stranger).filter(|side| shard(*side) == shard(stranger(0))).take(4000).collect();
    let flood: Vec<Vec<u8>> = together.iter().map(|side| tcp(*side, SERVER, 1, 0, SYN, &[])).collect();
    let began = std::time::Instant::now();
    let analysis = analyse(between(flood), 1 << 14);
    let counts = analysis.finished.counts();
    // Of 64 shards each has room for 256.
    assert!(counts.evicted >= 4000 - (1 << 14) / 64 && counts.evicted <= 4002, "{counts:?}");
    assert_eq!(counts.flows, 4002);
    is_as_alone(&analysis);
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn connections_beyond_the_table_take_no_more_memory_the_more_there_are() {
    let end = |side: Side| Endpoint { ip: side.0.into(), port: side.1 };
    let shard = |side: Side| FlowKey::new(Transport::Tcp, end(side), end(SERVER)).0.shard();
    // All in one shard, so that what a shard keeps in memory of those that left it is reached soon.
    let strangers = (0u32..).map(|n| ([n.to_be_bytes()[0] | 16, n.to_be_bytes()[1], n.to_be_bytes()[2], n.to_be_bytes()[3]], 1024));
    let together: Vec<Side> = strangers.filter(|side| shard(*side) == 0).take(200_000).collect();
    let flood = |count: usize| -> Vec<u8> {
        let frames = together.iter().take(count).map(|side| tcp(*side, SERVER, 1, 0, SYN, &[]));
        between(frames.collect())
    };
    let table = ["--max-flows", "1024"];
    let (few, many) = (flood(20_000), flood(200_000));
    let fits = |kib: u32| read_in(&few, kib, &table).status.success();
    // Address space that is enough for the few, to 4 MiB.
    let (mut too_small, mut enough) = (0, 400_000);
    assert!(fits(enough));
    while enough - too_small > 4 << 10 {
        let between = u32::midpoint(too_small, enough);
        if fits(between) { enough = between } else { too_small = between }
    }
    // 180,000 more; to know of each where it is would take 16 MiB at least.
    let done = read_in(&many, enough + (8 << 10), &table);
    assert_eq!(done.status.code(), Some(0), "more than in {enough} KiB: {}", String::from_utf8_lossy(&done.stderr));
    let told = done.stdout.iter().filter(|octet| **octet == b'\n').count();
    assert_eq!(told, 200_002);
}

#[test]
fn a_certificate_of_ten_thousand_names_is_read_in_time_and_told_once() {
    let der = |tag: u8, content: &[u8]| {
        let length = content.len() as u32;
        [&[tag, 0x84][..], &length.to_be_bytes(), content].concat()
    };
    let names: Vec<u8> = (0..10_000).flat_map(|n| der(0x82, format!("h{n}.example").as_bytes())).collect();
    let algorithm = der(0x30, &der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let name = |cn: &[u8]| der(0x30, &der(0x31, &der(0x30, &[der(6, &[0x55, 4, 3]), der(12, cn)].concat())));
    let key_kind = [der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])].concat();
    let key = der(0x30, &[der(0x30, &key_kind), der(3, &[&[0, 4][..], &[7; 64]].concat())].concat());
    let extension = der(0x30, &[der(6, &[0x55, 0x1d, 0x11]), der(4, &der(0x30, &names))].concat());
    let tbs = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1]),
        algorithm.clone(),
        name(b"issuer"),
        der(0x30, &[der(0x17, b"200101000000Z"), der(0x17, b"300101000000Z")].concat()),
        name(b"many-names"),
        key,
        der(0xa3, &der(0x30, &extension)),
    ];
    let certificate = der(0x30, &[der(0x30, &tbs.concat()), algorithm, der(3, &[0, 1, 2, 3])].concat());
    let sized = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let hello = [&[2][..], &sized(&[&[3, 3][..], &[9; 32], &[0, 0xc0, 0x2b, 0]].concat())].concat();
    let flight = [hello, [&[11][..], &sized(&sized(&sized(&certificate)))].concat()].concat();
    let stream: Vec<u8> = flight.chunks(1 << 14).flat_map(|part| frames::record(22, part)).collect();
    let mut flood = vec![tcp(stranger(1), SERVER, 1, 1, ACK | PSH, &frames::client_hello(b"many.example"))];
    let mut at = 1u32;
    for part in stream.chunks(1400) {
        flood.push(tcp(SERVER, stranger(1), at, 200, ACK, part));
        at += part.len() as u32;
    }
    let began = std::time::Instant::now();
    let analysis = analyse(between(flood), 1 << 12);
    let line = common::jsonl(&analysis, "many.pcap");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    let connection = analysis.connections().find(|connection| connection.client.port == stranger(1).1).unwrap();
    let Some(What::TlsAlternativeNames(told)) = connection.facts.get(Kind::TlsAlternativeNames).map(|fact| &fact.what) else {
        panic!("no names, of a certificate of {} octets: {:?}", certificate.len(), connection.facts.list())
    };
    // All of them, in room that is in proportion to what was sent; a handshake message has a bound of its own.
    assert_eq!(told.len(), 10_000);
    assert!(line.len() < 3 * certificate.len(), "{} octets of JSON of {}", line.len(), certificate.len());
    is_as_alone(&analysis);
}
