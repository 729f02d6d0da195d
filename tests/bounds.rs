//! What a capture may cost: tables have bounds, and what a bound loses is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;

use common::container::ethernet_pcap;
use common::frames::{ACK, PSH, SYN, Side, client_hello, tcp};
use intransit::assess::Catalogue;
use intransit::engine::{self, Analysis, Options};
use intransit::flow::Limits;
use intransit::source;

const SERVER: Side = ([198, 51, 100, 20], 443);

fn client(n: usize) -> Side {
    ([10, 0, (n >> 14) as u8, 1], 10_000 + (n & 0x3fff) as u16)
}

fn analyse(frames: &[Vec<u8>], max_flows: usize) -> Analysis {
    let options = Options { workers: 1, limits: Limits { max_flows }, catalogue: Catalogue::own() };
    engine::analyse(&mut source::read(Cursor::new(ethernet_pcap(frames)), None).unwrap(), options, &mut |_| {}).unwrap()
}

/// Half of a hello each: every one waits for the rest.
fn halves(count: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let hello = client_hello(b"chat.example");
    let (half, rest) = hello.split_at(hello.len() / 2);
    let mut frames = Vec::new();
    for n in 0..count {
        frames.push(tcp(client(n), SERVER, 101, 1, ACK | PSH, half));
    }
    (frames, rest.to_vec())
}

fn name_of_the_first(analysis: &Analysis) -> Option<String> {
    let first = analysis.connections().next().unwrap();
    first.domain().map(|name| String::from_utf8_lossy(name).into_owned())
}

#[test]
fn only_so_many_connections_are_read_at_once_and_those_that_lose_by_it_are_counted() {
    // 64 shards read 64 connections each at least.
    let (mut frames, rest) = halves(6_000);
    let half = client_hello(b"chat.example").len() / 2;
    let second_half = tcp(client(0), SERVER, 101 + half as u32, 1, ACK | PSH, &rest);
    let silent = analyse(&frames, 1 << 17);
    assert_eq!((silent.finished.len(), silent.finished.counts().unread), (6_000, 0), "nothing was lost: none of them went on");
    frames.push(second_half);
    let analysis = analyse(&frames, 1 << 17);
    assert_eq!(analysis.finished.counts().unread, 1);
    assert_eq!(name_of_the_first(&analysis), None);
}

#[test]
fn a_connection_that_goes_on_is_read_however_many_fall_silent() {
    let hello = client_hello(b"chat.example");
    let (others, _) = halves(6_000);
    let step = hello.len().div_ceil(40);
    let mut frames = vec![tcp(client(9_000), SERVER, 100, 0, SYN, &[])];
    let mut others = others.chunks(others.len() / 40);
    for (n, part) in hello.chunks(step).enumerate() {
        frames.push(tcp(client(9_000), SERVER, 101 + (n * step) as u32, 1, ACK | PSH, part));
        frames.extend(others.next().unwrap_or_default().iter().cloned());
    }
    let analysis = analyse(&frames, 1 << 17);
    assert_eq!(name_of_the_first(&analysis).as_deref(), Some("chat.example"));
    assert_eq!(analysis.finished.counts().unread, 0);
}

/// A connection takes the place of one that left a full table, whose turn to be read no further was about to come.
#[test]
fn a_connection_that_has_just_begun_is_read_in_a_full_table() {
    let hello = client_hello(b"chat.example");
    let (mut frames, _) = halves(6_000);
    for n in 0..40 {
        let (client, (half, rest)) = (client(7_000 + n), hello.split_at(hello.len() / 2));
        frames.push(tcp(client, SERVER, 100, 0, SYN, &[]));
        frames.push(tcp(client, SERVER, 101, 1, ACK | PSH, half));
        frames.push(tcp(client, SERVER, 101 + half.len() as u32, 1, ACK | PSH, rest));
    }
    let analysis = analyse(&frames, 1 << 12);
    let named = analysis.connections().filter(|connection| connection.domain() == Some(b"chat.example")).count();
    assert_eq!((named, analysis.finished.counts().unread), (40, 0));
}
