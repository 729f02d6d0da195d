//! When a connection is over: the same by a file read whole and by a capture that tells while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;

use common::frames::{self, ACK, CLIENT, FIN, PSH, SERVER, SYN, tcp, udp};
use intransit::assess::Judged;
use intransit::base::{Kind, WireStr};
use intransit::dissect::Equipment;
use intransit::engine::Options;
use intransit::engine::live::{Event, Watch, Watched};
use intransit::flow::Limits;
use intransit::present::export::Format;
use intransit::source::{self, Source};

const RST: u8 = 0x04;

/// A pcap file of frames and the seconds at which they came.
fn at(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 0x40000, 1] {
        out.extend(field.to_le_bytes());
    }
    for (second, frame) in frames {
        for field in [1_700_000_000 + second, 0, frame.len() as u32, frame.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out.extend(frame);
    }
    out
}

fn options(max_flows: usize) -> Options {
    Options { limits: Limits { max_flows }, ..common::options(1) }
}

/// What a running capture tells of these frames: each connection when it is over, and what was counted.
fn told(source: &mut dyn Source, max_flows: usize) -> (Vec<Judged>, Watched) {
    let mut over = Vec::new();
    let watched = Watch {
        source,
        recording: None,
        equipment: Equipment::default(),
        options: options(max_flows),
        #[cfg(have_libpcap)]
        owners: None,
        changes: true,
    }
    .run(&mut |event| {
        if let Event::Over(judged) = event {
            over.push(judged);
        }
    });
    (over, watched.unwrap())
}

#[test]
fn keys_that_are_there_when_the_packets_come_open_a_connection_that_is_over_with_them() {
    let path = common::cabinet().join("tls13_aes128.pcap");
    let keys = std::sync::Arc::new(intransit::dissect::keys::Keys::default());
    let equipment = Equipment { growing: true, patient: true, ..Equipment::with_keys(std::sync::Arc::clone(&keys)) };
    let mut source = source::open(&path).unwrap();
    let mut opened = false;
    let watch = Watch {
        source: &mut source,
        recording: None,
        equipment,
        options: options(1 << 20),
        #[cfg(have_libpcap)]
        owners: None,
        changes: false,
    };
    let watched = watch.run(&mut |event| match event {
        Event::Come => keys.add_log(&common::keylog(&path).unwrap()),
        Event::Over(judged) => opened |= lines(&[judged], "x").concat().contains("observed-with-keys"),
        _ => {}
    });
    assert!(opened, "{:?}", watched.unwrap().keys);
}

fn lines(judged: &[Judged], name: &str) -> Vec<String> {
    let mut writer = Format::LINES.writer();
    let mut all: Vec<String> = judged
        .iter()
        .map(|judged| {
            let mut out = Vec::new();
            writer.connection(&mut out, &WireStr::from(name), judged).unwrap();
            String::from_utf8(out).unwrap()
        })
        .collect();
    all.sort();
    all
}

/// The packets of each connection, by first frame, told the same by a file and by a capture that runs.
fn packets(bytes: &[u8]) -> Vec<u64> {
    let analysis = common::analyse(bytes.to_vec(), 1).unwrap();
    let expected: Vec<Judged> = analysis.judged().collect();
    let (over, watched) = told(&mut source::read(Cursor::new(bytes.to_vec()), None).unwrap(), 1 << 20);
    assert_eq!(lines(&over, "x"), lines(&expected, "x"));
    assert_eq!(watched.counts, analysis.finished.counts());
    expected.iter().map(|c| c.sent.iter().map(|tally| tally.packets).sum()).collect()
}

/// A connection with a request, an answer and an orderly end, in eight frames, at these second.
fn whole(second: u32) -> Vec<(u32, Vec<u8>)> {
    let mut all: Vec<Vec<u8>> = frames::handshake(100, 500);
    all.push(tcp(CLIENT, SERVER, 101, 501, ACK | PSH, b"question"));
    all.push(tcp(SERVER, CLIENT, 501, 109, ACK | PSH, b"answer"));
    all.push(tcp(CLIENT, SERVER, 109, 507, ACK | FIN, &[]));
    all.push(tcp(SERVER, CLIENT, 507, 110, ACK | FIN, &[]));
    all.push(tcp(CLIENT, SERVER, 110, 508, ACK, &[]));
    all.into_iter().map(|frame| (second, frame)).collect()
}

#[test]
fn a_closed_connection_is_over_soon_and_what_comes_late_is_a_stray() {
    let bare = tcp(SERVER, CLIENT, 508, 110, ACK | RST, &[]);
    assert_eq!(packets(&at(&[whole(0), vec![(5, bare.clone())]].concat())), [9], "the network may be slow");
    let late = [whole(0), vec![(6, bare.clone()), (200, bare.clone())]].concat();
    assert_eq!(packets(&at(&late)), [8]);
    assert_eq!(common::analyse(at(&late), 1).unwrap().finished.counts().strays, 2);
    let after = [whole(0), vec![(300, bare)]].concat();
    assert_eq!(packets(&at(&after)), [8, 1], "after TIME-WAIT nobody knows whose segment it is");
}

#[test]
fn data_after_a_connection_was_closed_is_another_connection() {
    let data = tcp(CLIENT, SERVER, 110, 508, ACK | PSH, b"more");
    assert_eq!(packets(&at(&[whole(0), vec![(4, data.clone())]].concat())), [9]);
    assert_eq!(packets(&at(&[whole(0), vec![(6, data)]].concat())), [8, 1]);
    assert_eq!(packets(&at(&[whole(0), whole(1)].concat())), [16], "the same SYN again is a repetition");
    let mut again = whole(1);
    again[0].1 = tcp(CLIENT, SERVER, 9000, 0, SYN, &[]);
    assert_eq!(packets(&at(&[whole(0), again].concat())), [8, 8], "another SYN is not");
}

#[test]
fn a_reset_that_neither_side_obeys_ends_nothing() {
    let mut all = whole(0);
    all.truncate(4);
    all.push((1, tcp(SERVER, CLIENT, 999_999, 0, RST, &[])));
    all.push((2, tcp(SERVER, CLIENT, 501, 109, ACK | PSH, b"answer")));
    all.push((60, tcp(SERVER, CLIENT, 507, 109, ACK | PSH, b"goes on")));
    assert_eq!(packets(&at(&all)), [7]);
}

#[test]
fn a_connection_may_be_silent_for_as_long_as_a_nat_must_keep_it() {
    let open = |silence: u32| {
        let mut all = whole(0);
        all.truncate(5);
        all.push((silence, tcp(SERVER, CLIENT, 507, 109, ACK | PSH, b"push")));
        packets(&at(&all))
    };
    assert_eq!(open(7440), [6]);
    assert_eq!(open(7441), [5, 1]);
    let asked = |silence: u32| packets(&at(&[(0, udp(CLIENT, SERVER, b"a")), (silence, udp(SERVER, CLIENT, b"b"))]));
    assert_eq!(asked(300), [2]);
    assert_eq!(asked(301), [1, 1]);
    let knock = |silence: u32| {
        let syn = tcp(CLIENT, SERVER, 1, 0, SYN, &[]);
        let first = syn.clone();
        // The same SYN: with another one it would be another connection at once.
        packets(&at(&[(0, first), (silence, syn)]))
    };
    assert_eq!(knock(240), [2]);
    assert_eq!(knock(241), [1, 1]);
}

#[test]
fn a_running_capture_tells_a_connection_before_the_end_and_forgets_it() {
    let other = (CLIENT.0, 40_000);
    let mut all = whole(0);
    all.extend((1..60).map(|second| (second, tcp(other, SERVER, 1, 1, ACK | PSH, b"x"))));
    let bytes = at(&all);
    let mut source = source::read(Cursor::new(bytes), None).unwrap();
    let (mut frames, mut over_at, mut changes) = (0, Vec::new(), 0);
    // A file is read in one chunk: what is over before its end is told in the order of its ending.
    let watch = Watch {
        source: &mut source,
        recording: None,
        equipment: Equipment::default(),
        options: options(1 << 20),
        #[cfg(have_libpcap)]
        owners: None,
        changes: true,
    };
    watch
        .run(&mut |event| match event {
            Event::Over(judged) => over_at.push(judged.client.port),
            Event::Changed(_) => changes += 1,
            Event::Come => {}
            Event::Tick(tick) => frames = tick.capture.frames,
        })
        .unwrap();
    assert_eq!((frames, over_at, changes), (67, vec![CLIENT.1, 40_000], 1));
}

#[test]
fn a_full_table_tells_early_and_counts() {
    let all: Vec<(u32, Vec<u8>)> = (0..2000u16).map(|n| (0, udp((CLIENT.0, 1024 + n), SERVER, b"knock knock"))).collect();
    let bytes = at(&all);
    let (over, watched) = told(&mut source::read(Cursor::new(bytes), None).unwrap(), 64);
    assert_eq!(over.len(), 2000, "each is told, once");
    assert!(watched.counts.evicted > 1800, "{:?}", watched.counts);
}

/// Without what only the whole capture can tell of a connection: names from DNS, media tied to their signalling.
fn alone(judged: &[Judged]) -> Vec<Judged> {
    let told_by_others = [Kind::ResolvedName, Kind::ResolvedAge, Kind::MediaKeying, Kind::Ech, Kind::QuicContinues];
    let mut all: Vec<Judged> = Vec::new();
    for judged in judged.iter().filter(|judged| !judged.facts.has(Kind::MediaKeying) && judged.protocol() != Some("rtp")) {
        let mut connection = judged.connection.clone();
        for kind in told_by_others {
            while connection.facts.remove(kind).is_some() {}
        }
        all.push(Judged::from(connection));
    }
    all
}

#[test]
fn every_capture_of_the_cabinet_gives_the_same_connections_while_it_runs() {
    common::each(&common::cabinet_captures(), |path| {
        let expected: Vec<Judged> = common::analyse_file(path, 1).unwrap().judged().collect();
        let (over, _) = told(&mut source::open(path).unwrap(), 1 << 20);
        let name = common::short(path);
        let (over_alone, expected_alone) = (alone(&over), alone(&expected));
        for (got, expected) in lines(&over_alone, &name).iter().zip(lines(&expected_alone, &name)) {
            assert_eq!(*got, expected);
        }
        assert_eq!(over.len(), expected.len(), "{name}");
    });
}
