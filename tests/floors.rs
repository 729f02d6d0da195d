//! The house has floors, and no floor looks up.

#![allow(clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A floor may import those before it, and itself.
const FLOORS: [&str; 7] = ["base", "source", "link", "flow", "dissect", "assess", "present"];
/// On top of the house: only `main.rs` and each other may import these.
const TOP: [&str; 3] = ["engine", "cli", "commands"];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("under src").to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(path).expect("source is text"))
        })
        .collect()
}

/// The crate-level module names that code mentions, as `crate::x` or `use crate::{x, y}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            found.extend(
                list.split('}').next().unwrap_or("").split(',').map(|item| item.trim().split("::").next().unwrap_or("").to_owned()),
            );
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn no_floor_imports_a_floor_above_it() {
    let mut wrong = Vec::new();
    for (name, code) in all_sources() {
        let Some(floor) = FLOORS.iter().position(|f| name.starts_with(&format!("{f}/"))) else { continue };
        // Documentation may point up; code may not.
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for import in imports(&code) {
            let up = FLOORS.iter().position(|f| *f == import).is_some_and(|i| i > floor) || TOP.contains(&import.as_str());
            if up {
                wrong.push(format!("src/{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "floors that look up:\n{}", wrong.join("\n"));
}

#[test]
fn each_big_crate_lives_on_its_floor() {
    let homes: [(&str, &[&str]); 9] = [
        ("pcap::", &["source/live.rs", "source/interfaces.rs"]),
        ("landlock::", &["source/sandbox/"]),
        ("seccompiler::", &["source/sandbox/"]),
        ("caps::", &["source/sandbox/"]),
        ("etherparse::", &["link/"]),
        ("tls_parser::", &["base/registry.rs", "dissect/tls/", "assess/strength.rs"]),
        ("ratatui::", &["present/tui/"]),
        ("crossterm::", &["present/tui/"]),
        ("x509_parser::", &["dissect/tls/", "assess/"]),
    ];
    let mut wrong = Vec::new();
    for (name, code) in all_sources() {
        for (krate, folders) in homes {
            let used = code.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
                line.match_indices(krate).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
            });
            if used && !folders.iter().any(|folder| name.starts_with(folder)) {
                wrong.push(format!("src/{name} uses {krate}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_engine_and_the_screens_loop_start_threads() {
    let allowed = ["engine.rs", "engine/each.rs", "engine/live.rs", "present/tui/run.rs", "present/tui/beside.rs"];
    for (name, code) in all_sources() {
        let body = code.split("#[cfg(test)]").next().unwrap_or("");
        let starts = body.contains("thread::spawn") || body.contains("thread::scope") || body.contains("thread::Builder");
        assert!(!starts || allowed.contains(&name.as_str()), "src/{name} starts a thread");
    }
}

#[test]
fn no_file_allows_unsafe_code() {
    let allowing: Vec<String> =
        all_sources().into_iter().filter(|(_, code)| code.contains("allow(unsafe_code)")).map(|(name, _)| name).collect();
    assert!(allowing.is_empty(), "{allowing:?}");
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = fs::read_to_string(root.join("THREAT_MODEL.md")).expect("THREAT_MODEL.md can be read");
    let mut code = String::new();
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    files.iter().for_each(|path| code.push_str(&fs::read_to_string(path).expect("source is text")));
    let named: Vec<&str> =
        model.split('`').skip(1).step_by(2).filter(|word| word.contains('_') && !word.contains(['.', '/', '-'])).collect();
    assert!(named.len() > 10, "the model names its tests");
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "THREAT_MODEL.md names {name}, which is no test");
    }
}
