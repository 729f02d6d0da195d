//! Every system call that writes, reaches for the disk or gives a name fails once, each in a run of its own: a device's error (EIO), and what
//! a user may not use any more (EDQUOT). Whoever wrote says so, the old file stays, and nothing else is left.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::container::ethernet_pcap;
use common::frames::{self, ACK, CLIENT, PSH, SERVER, tcp};
use screen::Terminal;

const BINARY: &str = env!("CARGO_BIN_EXE_intransit");

/// What fails, with which number, and how the system says it.
const FAILURES: [(&str, &str, &str); 4] = [
    ("write", "5", "Input/output error"),
    ("write", "122", "Disk quota exceeded"),
    ("sync", "5", "Input/output error"),
    ("rename", "122", "Disk quota exceeded"),
];

/// What makes calls fail (`tests/tools/failing.c`), and a folder with captures.
struct Place {
    folder: tempfile::TempDir,
    failing: PathBuf,
}

impl Place {
    /// `None` where calls cannot be made to fail, which is said.
    fn new() -> Option<Place> {
        let folder = tempfile::tempdir().unwrap();
        let failing = folder.path().join("failing");
        let made =
            Command::new("cc").arg("-o").arg(&failing).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/failing.c")).output();
        let skip = |why: &str| println!("skipped: calls that fail ({why})");
        if !made.is_ok_and(|made| made.status.success()) {
            skip("no C compiler");
            return None;
        }
        let place = Place { folder, failing };
        if place.runs("write", "5", 1, Path::new("true"), &[]).0.status.code() == Some(77) {
            skip("no listener of seccomp");
            return None;
        }
        for (name, ports) in [("many.pcap", 1024..1424), ("few.pcap", 1500..1505)] {
            let hello = |port: u16| frames::client_hello(format!("host-{port}.{}.example", "long".repeat(12)).as_bytes());
            let each = |port: u16| {
                let client = (CLIENT.0, port);
                [tcp(client, SERVER, 0, 0, frames::SYN, &[]), tcp(client, SERVER, 1, 1, ACK | PSH, &hello(port))]
            };
            fs::write(place.path(name), ethernet_pcap(&ports.flat_map(each).collect::<Vec<_>>())).unwrap();
        }
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wrapped(&self, what: &str, error: &str, n: usize, program: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        vec![n.to_string(), error.to_owned(), text(&self.path("mark")), what.to_owned(), text(program)]
    }

    /// The program, in which the `n`-th such call fails; and whether it came to that.
    fn runs(&self, what: &str, error: &str, n: usize, program: &Path, args: &[&str]) -> (Output, bool) {
        let mut command = Command::new(&self.failing);
        let done = command.args(self.wrapped(what, error, n, program)).args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        let done = done.output().unwrap();
        (done, fs::remove_dir(self.path("mark")).is_ok())
    }

    /// Lets each such call fail in its turn: `begin` before each run, then `failed` of what is left; in the end comes a run in which none does.
    fn each(&self, args: &[&str], begin: &dyn Fn(), failed: &dyn Fn(&Output, &str, &str)) -> Output {
        self.each_of(&FAILURES, args, begin, failed)
    }

    fn each_of(&self, failures: &[(&str, &str, &str)], args: &[&str], begin: &dyn Fn(), failed: &dyn Fn(&Output, &str, &str)) -> Output {
        let mut last = None;
        for (what, error, said) in failures {
            let mut n = 1;
            let done = loop {
                begin();
                let (done, came_to_it) = self.runs(what, error, n, Path::new(BINARY), args);
                if !came_to_it {
                    break done;
                }
                failed(&done, said, &format!("{args:?}: {what} {n} fails with {said}"));
                n += 1;
                assert!(n < 200, "{args:?}: no end of {what}");
            };
            assert_eq!(done.status.code(), Some(0), "{args:?}: {}", err(&done));
            assert!(n > 1, "{args:?}: never did {what}");
            last = Some(done);
        }
        last.unwrap()
    }
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Status 1, and one sentence that says what is wrong and where.
fn is_told(done: &Output, target: &str, said: &str, what: &str) {
    assert_eq!(done.status.code(), Some(1), "{what}: {}", err(done));
    let text = err(done);
    let sentences: Vec<&str> = text.lines().filter(|line| line.starts_with("intransit: ")).collect();
    assert!(sentences.len() == 1 && sentences[0].contains(target) && sentences[0].contains(said), "{what}: {text}");
}

/// Every file below a folder, by its path there, with its octets.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn names_in(folder: &Path) -> Vec<String> {
    files_in(folder).into_keys().collect()
}

#[test]
fn whatever_fails_once_leaves_the_old_file_and_nothing_else() {
    let Some(place) = Place::new() else { return };
    let phrase = ["--message", "maroon walrus 3407"];
    for args in [
        &["inspect", "--format", "table", "many.pcap"][..],
        &["inspect", "--format", "jsonl", "many.pcap"],
        &["inspect", "--format", "eve", "many.pcap"],
        &["inspect", "--format", "parquet", "many.pcap"],
        &["inspect", "--format", "pcapng", "many.pcap"],
        &["report", "--format", "html", "many.pcap"],
        &["report", "--format", "md", "few.pcap"],
        &["report", "--format", "json", "few.pcap"],
        &["compare", "--format", "html", "few.pcap", "many.pcap"],
        &["canary", phrase[0], phrase[1], "--format", "json", "few.pcap"],
    ] {
        let (folder, file) = (place.path("out"), place.path("out/file.x"));
        let begin = || {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
            fs::write(&file, "the old one").unwrap();
        };
        place.each(&[args, &["-o", "out/file.x"]].concat(), &begin, &|done, said, what| {
            is_told(done, "out/file.x", said, what);
            assert_eq!(files_in(&folder), BTreeMap::from([("file.x".to_owned(), b"the old one".to_vec())]), "{what}");
        });
        assert_eq!(names_in(&folder), ["file.x"], "{args:?}");
        assert!(!fs::read(&file).unwrap().starts_with(b"the old one"), "{args:?}");
    }
}

#[test]
fn files_that_belong_together_are_all_there_or_the_new_ones_are_not() {
    let Some(place) = Place::new() else { return };
    let folder = place.path("out");
    let args = [&["split", "many.pcap", "-n", "3", "--out", "out"][..], &["inspect", "--format", "zeek", "many.pcap", "-o", "out"]];
    for args in args {
        let begin = || {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
        };
        place.each(args, &begin, &|done, said, what| {
            is_told(done, "out", said, what);
            assert!(String::from_utf8_lossy(&done.stdout).is_empty(), "{what}");
            assert_eq!(names_in(&folder), [""; 0], "{what}");
        });
        assert!(names_in(&folder).len() >= 3, "{args:?}");
        // Earlier ones of the same names are as they were.
        let earlier: BTreeMap<String, Vec<u8>> = names_in(&folder).into_iter().map(|name| (name, b"the old one".to_vec())).collect();
        let begin = || earlier.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        place.each(args, &begin, &|_, _, what| assert_eq!(files_in(&folder), earlier, "{what}"));
        assert_eq!(names_in(&folder), earlier.into_keys().collect::<Vec<_>>(), "{args:?}");
    }
}

#[test]
fn a_dataset_in_which_something_failed_is_made_whole_by_the_same_command() {
    let Some(place) = Place::new() else { return };
    let folder = place.path("out");
    // Files of rows are called by what is in them, so that names tell what is there; `_tmp` is swept after a minute, or when the process is gone.
    let rows = || names_in(&folder).into_iter().filter(|name| name.ends_with(".parquet")).collect::<Vec<_>>();
    for args in [&["one", "many.pcap", "--out", "out"][..], &["batch", "many.pcap", "few.pcap", "--workers", "1", "--out", "out"]] {
        let run = || Command::new(BINARY).args(args).current_dir(place.folder.path()).stdin(Stdio::null()).output().unwrap();
        let _ = fs::remove_dir_all(&folder);
        assert_eq!(run().status.code(), Some(0));
        let whole = rows();
        assert!(!whole.is_empty());
        let begin = || {
            let _ = fs::remove_dir_all(&folder);
        };
        // Two runs for each call: one number of each is enough.
        place.each_of(&FAILURES[1..], args, &begin, &|done, said, what| {
            // What `one` says to `batch` is written once more when it ends; then nothing is missing.
            if done.status.success() {
                assert_eq!((args[0], rows()), ("batch", whole.clone()), "{what}");
                return;
            }
            assert_eq!(done.status.code(), Some(1), "{what}: {}", err(done));
            assert!(err(done).contains(said), "{what}: {}", err(done));
            let again = run();
            assert_eq!(again.status.code(), Some(0), "{what}: {}", err(&again));
            assert_eq!(rows(), whole, "{what}");
            let left: Vec<String> = names_in(&folder).into_iter().filter(|name| name.starts_with("_tmp")).collect();
            assert!(left.is_empty(), "{what}: {left:?}");
        });
    }
}

/// Was: what was written of an entry stayed, half of it or such as had not reached the disk, and the case file could be none any more.
#[test]
fn a_mark_that_cannot_be_written_leaves_a_case_file() {
    let Some(place) = Place::new() else { return };
    let case = place.path("case.toml");
    for (what, error, said) in FAILURES.into_iter().filter(|(what, ..)| *what != "rename") {
        fs::write(&case, "device = \"Pixel 8\"\n").unwrap();
        let args =
            [place.wrapped(what, error, 1, Path::new(BINARY)), ["few.pcap", "--case", "case.toml"].map(str::to_owned).to_vec()].concat();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let env = [("TERM", "xterm-256color"), ("FOLDER", place.folder.path().to_str().unwrap())];
        let mut t = Terminal::start_program(120, 24, place.failing.to_str().unwrap(), &args, &env);
        t.sees("In this capture,");
        t.types("mthe first\r");
        t.sees(said);
        t.types("mthe second\r");
        t.sees(", in case.toml");
        t.types("q");
        assert!(t.ends().success());
        let _ = fs::remove_dir(place.path("mark"));
        let text = fs::read_to_string(&case).unwrap();
        assert!(
            text.starts_with("device = \"Pixel 8\"\n\n[[action]]\n") && text.contains("the second") && !text.contains("the first"),
            "{text}"
        );
    }
}
