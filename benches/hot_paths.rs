//! The hot paths one by one, on recorded bytes: `cargo bench --bench hot_paths`. To be compared within one run; whole files are measured
//! by `benches/side_by_side`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Cursor;
use std::path::Path;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use intransit::assess::{Catalogue, Judged};
use intransit::base::{Facts, Frame, FrameNo, LinkType, Reader, Timestamp, WireStr};
use intransit::engine::{self, Analysis, Options};
use intransit::flow::{Connection, Limits};
use intransit::link::Decoder;
use intransit::present::export::Format;
use intransit::source;

fn main() {
    divan::main();
}

/// Captures with the protocols that cost most.
const CAPTURES: &[&str] =
    &["tls13_aes128.pcap", "tls12_gcm.pcap", "quic_v1_h3.pcap", "quic_long_hello.pcap", "dtls_srtp.pcap", "http_plain.pcap", "ssh.pcap"];

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)).expect("a capture of the cabinet")
}

fn analyse(bytes: &[u8]) -> Analysis {
    let options = Options { workers: 1, limits: Limits { max_flows: 1 << 10 }, catalogue: Catalogue::own() };
    engine::analyse(&mut source::read(Cursor::new(bytes.to_vec()), None).unwrap(), options, &mut |_| {}).unwrap()
}

fn connections(name: &str) -> Vec<Connection> {
    analyse(&bytes(name)).connections().collect()
}

/// The frames of a little-endian pcap file.
fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = &bytes[24..];
    while let Some((header, after)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let (frame, after) = after.split_at(length);
        frames.push(frame);
        rest = after;
    }
    frames
}

/// From the bytes of a file to finished connections.
#[divan::bench(args = CAPTURES)]
fn file_to_facts(bencher: Bencher, name: &str) {
    let bytes = bytes(name);
    bencher.counter(BytesCount::of_slice(&bytes)).bench(|| analyse(black_box(&bytes)));
}

/// From a frame to a packet.
#[divan::bench]
fn decode(bencher: Bencher) {
    let bytes = bytes("tls12_gcm.pcap");
    let frames = frames(&bytes);
    bencher.counter(ItemsCount::new(frames.len())).bench(|| {
        let mut decoder = Decoder::new();
        for (number, bytes) in (1u64..).zip(&frames) {
            let frame = Frame {
                number: FrameNo::new(number).unwrap(),
                at: Timestamp::ZERO,
                bytes,
                wire_len: u32::try_from(bytes.len()).unwrap(),
                link: LinkType(1),
                interface: 0,
            };
            decoder.decode(&frame, &mut |packet| {
                black_box(packet.payload.bytes.len());
            });
        }
    });
}

/// From facts to a grade, findings and an app.
#[divan::bench(args = CAPTURES)]
fn judge(bencher: Bencher, name: &str) {
    let connections = connections(name);
    bencher
        .counter(ItemsCount::new(connections.len()))
        .with_inputs(|| connections.clone())
        .bench_values(|connections| connections.into_iter().map(|c| Judged::of(c, Catalogue::own())).collect::<Vec<_>>());
}

/// From a judged connection to a line of JSON.
#[divan::bench(args = CAPTURES)]
fn json(bencher: Bencher, name: &str) {
    let judged: Vec<Judged> = connections(name).into_iter().map(|c| Judged::of(c, Catalogue::own())).collect();
    let mut writer = Format::named("jsonl").unwrap().writer();
    let name = WireStr::from("capture.pcap");
    let mut out = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(judged.len())).bench_local(|| {
        out.clear();
        judged.iter().for_each(|judged| writer.connection(&mut out, &name, judged).unwrap());
        black_box(out.len())
    });
}

/// Facts to compact bytes and back: what every finished connection of a large capture goes through.
#[divan::bench(args = CAPTURES)]
fn freeze_and_thaw(bencher: Bencher, name: &str) {
    let connections = connections(name);
    let mut out = Vec::with_capacity(1 << 16);
    bencher.counter(ItemsCount::new(connections.len())).bench_local(|| {
        for connection in &connections {
            out.clear();
            connection.facts.freeze(&mut out);
            black_box(Facts::thaw(&mut Reader::new(&out)));
        }
    });
}
