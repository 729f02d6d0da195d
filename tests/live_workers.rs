//! A running capture that several threads read tells what one tells, in the same order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;
use std::path::Path;

use common::frames::{CLIENT, SERVER, udp};
use intransit::dissect::Equipment;
use intransit::engine::Options;
use intransit::engine::live::{Event, Watch};
use intransit::flow::Limits;
use intransit::source::{self, Capture, Chunk, FrameAt, Source, SourceError};

/// A capture that comes a few frames at a time, as one from an interface does.
struct Slowly<S> {
    source: S,
    chunk: Chunk,
    frames: VecDeque<FrameAt>,
    at_once: usize,
}

impl<S: Source> Slowly<S> {
    fn new(source: S, at_once: usize) -> Slowly<S> {
        Slowly { source, chunk: Chunk::default(), frames: VecDeque::new(), at_once }
    }
}

impl<S: Source> Source for Slowly<S> {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        if self.frames.is_empty() {
            if !self.source.fill(&mut self.chunk)? {
                return Ok(false);
            }
            self.frames = self.chunk.frames.iter().copied().collect();
        }
        chunk.clear();
        chunk.bytes.clear();
        for place in self.frames.drain(..self.at_once.min(self.frames.len())) {
            let frame = self.chunk.frame(&place).unwrap();
            let start = u32::try_from(chunk.bytes.len()).unwrap();
            chunk.bytes.extend_from_slice(frame.bytes);
            chunk.frames.push(FrameAt { start, ..place });
            chunk.owners.extend(self.chunk.owner(place.number).map(|owner| (place.number, owner.clone())));
            chunk.uids.extend(self.chunk.uid(place.number).map(|uid| (place.number, uid)));
        }
        Ok(true)
    }

    fn capture(&self) -> &Capture {
        self.source.capture()
    }
}

/// The beginning of something that is told, and a number for all of it.
#[derive(PartialEq, Eq, Debug)]
struct Told(String, u64);

impl From<String> for Told {
    fn from(text: String) -> Told {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Told(text.chars().take(300).collect(), hasher.finish())
    }
}

/// Everything that is told of a capture, in its order.
fn told(source: &mut dyn Source, workers: usize, max_flows: usize) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    let watch = Watch {
        source,
        recording: None,
        equipment: Equipment::default(),
        options: Options { limits: Limits { max_flows }, ..common::options(workers) },
        #[cfg(have_libpcap)]
        owners: None,
        changes: true,
    };
    let watched = watch.run(&mut |event| {
        let text = match event {
            Event::Come => "come".to_owned(),
            Event::Changed(judged) => format!("changed {judged:?}"),
            Event::Over(judged) => format!("over {judged:?}"),
            Event::Tick(tick) => format!("{} {:?} {:?} {:?}", tick.capture.frames, tick.link, tick.counts, tick.now),
        };
        all.push(text.into());
    });
    let end = match watched {
        Ok(end) => format!("{:?} {:?} {} {:?}", end.link, end.counts, end.announced_left_out, end.capture.damage),
        Err(error) => error.to_string(),
    };
    all.push(end.into());
    all
}

/// How many things are told of a capture; the same for one, two, and three threads.
fn same(name: &str, at_once: usize, max_flows: usize, open: &dyn Fn() -> Option<Box<dyn Source>>) -> usize {
    let Some(first) = open() else { return 0 };
    let one = told(&mut Slowly::new(first, at_once), 1, max_flows);
    for workers in [2, 3] {
        let several = told(&mut Slowly::new(open().unwrap(), at_once), workers, max_flows);
        for (one, several) in one.iter().zip(&several) {
            assert!(one == several, "{name}, {workers} threads, {at_once} frames at once:\n{one:?}\n{several:?}");
        }
        assert_eq!(one.len(), several.len(), "{name}, {workers} threads");
    }
    one.len()
}

fn of_file(path: &Path, at_once: usize) -> usize {
    same(&common::short(path), at_once, 1 << 20, &|| source::open(path).ok().map(|source| Box::new(source) as Box<dyn Source>))
}

#[test]
fn every_capture_of_the_cabinet_is_told_the_same_by_any_number_of_threads() {
    common::each(&common::cabinet_captures(), |path| {
        assert!(of_file(path, 7) > 2, "{}", common::short(path));
    });
}

#[test]
fn the_corpus_is_told_the_same_by_any_number_of_threads() {
    let Some(root) = common::corpus("the corpus by several threads that watch") else { return };
    let all = common::corpus_captures(&root);
    common::each(&all, |path| {
        of_file(path, 500);
    });
    println!("watched by 1, 2 and 3 threads: {} captures", all.len());
}

#[test]
fn a_table_that_is_full_is_so_with_any_number_of_threads() {
    let mut bytes: Vec<u8> = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 0x40000, 1].into_iter().flat_map(u32::to_le_bytes).collect();
    for n in 0..6000u16 {
        let frame = udp((CLIENT.0, 1024 + n % 2500), SERVER, b"knock knock");
        let head = [1_700_000_000 + u32::from(n) / 1000, u32::from(n) % 1000 * 1000, frame.len() as u32, frame.len() as u32];
        bytes.extend(head.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(frame);
    }
    let open = || source::read(Cursor::new(bytes.clone()), None).ok().map(|source| Box::new(source) as Box<dyn Source>);
    assert!(same("a flood", 50, 64, &open) > 5000);
}
