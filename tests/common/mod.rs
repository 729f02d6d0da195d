//! What the integration tests share: where captures are, how to analyse bytes, how to build frames and files.
#![allow(dead_code)]

pub mod container;
pub mod frames;
pub mod frames_of;
pub mod inside;
#[cfg(target_os = "linux")]
pub mod namespace;
pub mod wire;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use intransit::base::WireStr;
use intransit::dissect::Equipment;
use intransit::dissect::keys::Keys;
use intransit::engine::{self, Analysis, Options};
use intransit::flow::{Connection, Limits};
use intransit::present::export::Format;
use intransit::source::{self, SourceError};

/// The captures of this repository.
pub fn cabinet() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// The developer corpus, where the environment names one; else says that `what` is skipped.
pub fn corpus(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("INTRANSIT_CORPUS").filter(|v| !v.is_empty()).map(PathBuf::from);
    if root.is_none() {
        println!("skipped: {what} (INTRANSIT_CORPUS is not set)");
    }
    root
}

/// All files under a folder, sorted.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a file of `captures/` is a capture.
pub fn is_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bare = [".gz", ".zst", ".xz"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(&name);
    bare.ends_with(".pcap") || bare.ends_with(".pcapng") || bare.ends_with(".cap")
}

/// The captures of the cabinet, sorted.
pub fn cabinet_captures() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(cabinet()).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_file() && is_capture(path));
    all.sort();
    all
}

/// The captures of the corpus, sorted.
pub fn corpus_captures(root: &Path) -> Vec<PathBuf> {
    files_under(&root.join("captures"))
}

/// A path for a message.
pub fn short(path: &Path) -> String {
    let parts: Vec<String> = path.components().rev().take(2).map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

pub fn options(workers: usize) -> Options {
    Options { workers, limits: Limits { max_flows: 1 << 20 }, catalogue: intransit::assess::Catalogue::own() }
}

/// Reads a whole capture from memory.
pub fn analyse(bytes: Vec<u8>, workers: usize) -> Result<Analysis, SourceError> {
    let mut source = source::read(Cursor::new(bytes), None)?;
    engine::analyse(&mut source, options(workers), &mut |_| {})
}

/// The key log that lies beside a capture of the cabinet.
pub fn keylog(path: &Path) -> Option<Vec<u8>> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let stem = name.split(".pcap").next().unwrap();
    std::fs::read(path.with_file_name(format!("{stem}.keylog"))).ok()
}

/// Reads a capture with the keys beside it, and those in it.
pub fn analyse_with_keys(path: &Path, workers: usize) -> Result<Analysis, SourceError> {
    let keys = Keys::default();
    keys.add_log(&keylog(path).unwrap_or_default());
    engine::analyse_twice(|| source::open(path), options(workers), &Equipment::with_keys(Arc::new(keys)), &mut |_| {})
}

pub fn analyse_file(path: &Path, workers: usize) -> Result<Analysis, SourceError> {
    let mut source = source::open(path)?;
    engine::analyse(&mut source, options(workers), &mut |_| {})
}

/// The connections of a capture in memory that must be readable.
pub fn connections(bytes: Vec<u8>) -> Vec<Connection> {
    analyse(bytes, 1).unwrap().connections().collect()
}

/// What `inspect --format jsonl` would write of it, under this file name.
pub fn jsonl(analysis: &Analysis, name: &str) -> String {
    written(analysis, name, "jsonl")
}

/// What `inspect --format FORMAT` would write of it.
pub fn written(analysis: &Analysis, name: &str, format: &str) -> String {
    let mut writer = Format::named(format).unwrap().writer();
    let (mut out, name) = (Vec::new(), WireStr::from(name));
    writer.begin(&mut out).unwrap();
    for connection in analysis.judged() {
        writer.connection(&mut out, &name, &connection).unwrap();
    }
    writer.end(&mut out).unwrap();
    // Parquet is not text.
    String::from_utf8_lossy(&out).into_owned()
}

/// Does `work` for each item on two threads; for captures, of which there are many.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

/// Numbers that look random and are the same at every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }
}

/// Every order of `0..n`.
pub fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(n - 1) {
        for at in 0..n {
            let mut order = shorter.clone();
            order.insert(at, n - 1);
            all.push(order);
        }
    }
    all.sort();
    all
}
