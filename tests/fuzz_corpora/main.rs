//! Every seed and every crash of `fuzz/` once more through its target, on every run of the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod behind;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "../sinks/hostile.rs"]
mod hostile;
mod seeds;

use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use intransit::fuzzing::{self, TARGETS};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a packed corpus: gzip of `length(4) octets` each.
fn unpacked(path: &Path) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (input, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        all.push(input.to_vec());
        rest = after;
    }
    assert!(rest.is_empty(), "{}: cut", path.display());
    all
}

/// The crashes of a target, by name.
fn crashes(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz().join("crashes").join(target);
    if !folder.is_dir() {
        return Vec::new();
    }
    let named = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap());
    common::files_under(&folder).into_iter().map(named).collect()
}

fn survives(run: fn(&[u8]), input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(input))).is_ok()
}

#[test]
fn every_target_survives_its_corpus_and_every_crash_that_was_found() {
    let failed = std::sync::Mutex::new(Vec::new());
    common::each(&TARGETS, |(name, run)| {
        let corpus = unpacked(&fuzz().join(format!("corpora/{name}.gz")));
        assert!(corpus.len() >= 3, "{name}: {} inputs are no corpus", corpus.len());
        for (n, input) in corpus.iter().enumerate().filter(|(_, input)| !survives(*run, input)) {
            failed.lock().unwrap().push(format!("{name}: input {n} of {} octets: {:02x?}", input.len(), &input[..input.len().min(64)]));
        }
        for (crash, _) in crashes(name).iter().filter(|(_, input)| !survives(*run, input)) {
            failed.lock().unwrap().push(format!("{name}: crash {crash}"));
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_survives_no_bytes_and_all_short_ones() {
    for (name, run) in TARGETS {
        assert!(survives(run, &[]), "{name}");
        for first in 0..=255 {
            assert!(survives(run, &[first]) && survives(run, &[first, 0]) && survives(run, &[first, 1, 0, 0, 1, 0x16]), "{name}: {first}");
        }
    }
}

#[test]
fn every_target_can_be_run_and_nothing_in_fuzz_is_of_no_target() {
    for folder in ["corpora", "crashes"] {
        let Ok(entries) = std::fs::read_dir(fuzz().join(folder)) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            assert!(fuzzing::target(name.trim_end_matches(".gz")).is_some(), "fuzz/{folder}/{name} is of no target");
        }
    }
    let readme = std::fs::read_to_string(fuzz().join("README.md")).unwrap();
    for (name, _) in TARGETS {
        assert!(readme.contains(&format!("| `{name}` |")), "fuzz/README.md does not tell of {name}");
    }
}

/// Makes the first inputs of every target of `captures/`, in the folder that `SEEDS` names; see `fuzz/README.md`.
#[test]
#[ignore = "makes seeds, where SEEDS names a folder for them"]
fn seeds_of_the_captures() {
    let into = PathBuf::from(std::env::var_os("SEEDS").expect("SEEDS names a folder"));
    for (target, seeds) in seeds::all() {
        assert!(fuzzing::target(target).is_some(), "{target}");
        let folder = into.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in seeds {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}
