#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::base::{Facts, FrameNo, Timestamp};
use crate::flow::{Connection, Endpoint, Tally, Transport};

fn resting(first_frame: u64, nth: u64) -> Resting {
    let first_frame = FrameNo::new(first_frame).unwrap();
    let end = |n: u64| Endpoint { ip: Ipv4Addr::from(n as u32).into(), port: n as u16 };
    let tally = Tally { packets: nth, bytes: nth << 20, payload: 1 };
    let flow = Connection {
        transport: Transport::Udp,
        client: end(nth),
        server: end(first_frame.get()),
        guessed: nth.is_multiple_of(2),
        first_frame,
        last_frame: FrameNo::new(first_frame.get() + nth).unwrap(),
        start: Timestamp::from_nanos(-5),
        end: Timestamp::from_nanos(i64::try_from(nth).unwrap()),
        sent: [tally, Tally::default()],
        vlan: nth.is_multiple_of(3).then_some(7),
        truncated: nth,
        facts: Facts::new(),
    };
    Resting { nth, tells: nth.is_multiple_of(5), facts: nth.is_multiple_of(7).then(|| Place::new(nth, 9)), flow }
}

/// What is told of connections that came in this order of first frames, and how many runs that took.
fn told(bounds: Bounds, frames: &[u64]) -> (Vec<Resting>, usize) {
    let (mut runs, mut spill) = (Runs::within(bounds), Spill::default());
    for (nth, frame) in (0..).zip(frames) {
        runs.add(resting(*frame, nth), &mut spill);
        assert!(runs.kept.len() <= bounds.waiting && runs.waiting.len() <= bounds.waiting);
        assert!(runs.writer.bytes.len() < bounds.block + 200);
    }
    let InOrder { waiting, runs, lost } = runs.finish(&mut spill);
    assert_eq!(lost, 0);
    let mut all = Vec::new();
    let mut readings: Vec<Reading> = runs.iter().map(|_| Reading::default()).collect();
    let mut merge = Merge::new(readings.iter_mut().zip(&runs).map(|(reading, run)| reading.next(run, &spill, &mut 0)));
    while let Some(at) = merge.turn() {
        let reading = readings.get_mut(at).unwrap();
        all.push(reading.connection().unwrap());
        merge.went_on(reading.next(runs.get(at).unwrap(), &spill, &mut 0));
    }
    assert!(all.is_sorted_by_key(Resting::order));
    all.extend(waiting);
    let count = runs.len();
    assert!(all.len() - runs.iter().flat_map(|run| &run.blocks).map(|block| block.connections as usize).sum::<usize>() <= bounds.waiting);
    all.sort_by_key(Resting::order);
    (all, count)
}

fn shown(rows: &[Resting]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

/// The way that keeps everything in memory.
fn sorted(frames: &[u64]) -> Vec<Resting> {
    let mut all: Vec<Resting> = (0..).zip(frames).map(|(nth, frame)| resting(*frame, nth)).collect();
    all.sort_by_key(Resting::order);
    all
}

const SMALL: Bounds = Bounds { waiting: 4, block: 150, runs: 3 };

proptest! {
    #[test]
    fn connections_come_in_the_order_in_which_memory_would_give_them(frames in prop::collection::vec(1u64..300, 0..400)) {
        prop_assert_eq!(shown(&told(SMALL, &frames).0), shown(&sorted(&frames)));
    }

    #[test]
    fn a_run_ascends(frames in prop::collection::vec(1u64..300, 0..400)) {
        let (mut runs, mut spill) = (Runs::within(SMALL), Spill::default());
        for (nth, frame) in (0..).zip(&frames) {
            runs.add(resting(*frame, nth), &mut spill);
        }
        let InOrder { waiting, runs, .. } = runs.finish(&mut spill);
        prop_assert!(waiting.is_sorted_by_key(Resting::order));
        for run in &runs {
            let mut reading = Reading::default();
            let read: Vec<_> = std::iter::from_fn(|| reading.next(run, &spill, &mut 0)).collect();
            prop_assert!(!read.is_empty() && read.is_sorted());
        }
    }
}

#[test]
fn what_leaves_nearly_in_order_is_one_run_whatever_its_length() {
    // Each within a few places of where it belongs.
    let frames: Vec<u64> = (1..100_000u64).map(|n| n + n * 7919 % 400).collect();
    assert_eq!(told(BOUNDS, &frames).1, 1);
}

#[test]
fn what_leaves_backwards_takes_few_runs_and_no_more_memory() {
    let frames: Vec<u64> = (1..100_000u64).rev().collect();
    let (rows, runs) = told(BOUNDS, &frames);
    assert_eq!(rows.len(), frames.len());
    // Of one, eight and sixty-four times as many as wait: fewer than eight each.
    assert!(runs <= 3 * 7, "{runs}");
}

#[test]
fn connections_of_a_block_that_cannot_be_read_are_counted_and_the_others_told() {
    let (mut runs, mut spill) = (Runs::within(SMALL), Spill::default());
    (1..100).for_each(|n| runs.add(resting(n, n), &mut spill));
    let InOrder { waiting, mut runs, .. } = runs.finish(&mut spill);
    let run = runs.first_mut().unwrap();
    let gone = run.blocks.get_mut(1).unwrap();
    gone.place = Place::new(1 << 40, 150);
    let gone = u64::from(gone.connections);
    let (mut reading, mut lost) = (Reading::default(), 0);
    let read = std::iter::from_fn(|| reading.next(run, &spill, &mut lost)).count() as u64;
    assert_eq!((lost, read + waiting.len() as u64), (gone, 99 - gone));
}
