//! The table of captures/README.md, row by row: every capture in the cabinet says what its row promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use intransit::present::export::FORMATS;
use serde_json::Value;

/// Keys that are answered with keys, or by the canary test: the tests for those look at them.
fn is_of_a_later_feature(key: &str) -> bool {
    matches!(key, "canary" | "canary.message" | "canary.control") || key.starts_with("keys:")
}

/// Values that the program does not give yet: file, key, why. A row that becomes right must leave this list.
const KNOWN_WRONG: &[(&str, &str, &str)] = &[];

struct Row {
    file: String,
    expected: Vec<(String, String)>,
    sha256: String,
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(common::cabinet().join("README.md")).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| file | shows | software | script | expected | sha256 |"));
    assert!(lines.next().is_some(), "README.md has a table with these columns");
    lines.take_while(|line| line.starts_with('|')).skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    assert_eq!(cells.len(), 6, "six columns in: {line}");
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or_else(|| panic!("{}: no value in {pair:?}", cells[0]));
        (key.trim().to_owned(), value.trim().to_owned())
    };
    Row { file: cells[0].to_owned(), expected: cells[4].split("; ").map(pair).collect(), sha256: cells[5].to_owned() }
}

fn dig<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let path = match path {
        "grade" => "intransit.grade",
        "exposed" => "intransit.exposed",
        other => other,
    };
    path.split('.').try_fold(object, |value, name| value.get(name))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As text; a list has the value, or is it when joined with commas; times are compared as instants.
fn holds(value: Option<&Value>, expected: &str) -> bool {
    match value {
        Some(Value::Array(list)) => {
            let texts: Vec<String> = list.iter().map(text).collect();
            // Kinds joined by `+` are at least these.
            let at_least = expected.split('+').all(|part| texts.iter().any(|one| one == part));
            at_least || texts.iter().any(|one| one == expected) || texts.join(",") == expected
        }
        Some(value) => text(value) == expected || instant(&text(value)).is_some_and(|at| Some(at) == instant(expected)),
        None => false,
    }
}

/// An RFC 3339 time in UTC without the zeros of its fraction.
fn instant(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z').filter(|text| text.as_bytes().get(10) == Some(&b'T'))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    Some(format!("{whole}.{}", fraction.trim_end_matches('0')))
}

#[test]
fn every_capture_says_what_its_row_promises() {
    let (mut skipped, mut judged, mut wrong) = (0, 0, Vec::new());
    for Row { file, expected, .. } in table() {
        let path = common::cabinet().join(&file);
        if !path.exists() {
            continue;
        }
        let analysis = common::analyse_file(&path, 1).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(analysis.capture.damage, None, "{file}");
        let lines = common::jsonl(&analysis, &file);
        let connections: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (later, mut now): (Vec<_>, Vec<_>) = expected.iter().partition(|(key, _)| is_of_a_later_feature(key));
        skipped += later.len();
        for (_, key, _) in KNOWN_WRONG.iter().filter(|(of, ..)| *of == file) {
            let (known, right): (Vec<_>, Vec<_>) = now.into_iter().partition(|(name, _)| name == key);
            assert!(!known.is_empty(), "{file} no longer expects {key}: take it off the list");
            for (_, value) in known {
                let fixed = connections.iter().any(|object| holds(dig(object, key), value));
                assert!(!fixed, "{file} now says {key}={value}: take it off the list");
            }
            now = right;
        }
        judged += now.len();
        let missing = |object: &Value| now.iter().filter(|(key, value)| !holds(dig(object, key), value)).count();
        let Some(best) = connections.iter().min_by_key(|object| missing(object)) else {
            if !now.is_empty() {
                wrong.push(format!("{file}: no connection at all"));
            }
            continue;
        };
        for (key, value) in now.iter().filter(|(key, value)| !holds(dig(best, key), value)) {
            let got = dig(best, key).map_or("nothing".to_owned(), text);
            wrong.push(format!("{file}: {key}: expected {value}, got {got} (connection from frame {})", best["intransit"]["first_frame"]));
        }
    }
    println!(
        "cabinet: {judged} values hold; {skipped} values are answered with keys or by the canary; {} known to be wrong",
        KNOWN_WRONG.len()
    );
    for (file, key, why) in KNOWN_WRONG {
        println!("  known to be wrong: {file}: {key}: {why}");
    }
    assert!(wrong.is_empty(), "{} values differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_has_its_capture_with_the_stated_digest() {
    let mut wrong = Vec::new();
    for Row { file, sha256, .. } in table() {
        let Ok(bytes) = fs::read(common::cabinet().join(&file)) else {
            wrong.push(format!("{file}: a row without a file"));
            continue;
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let hex: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
        if hex != sha256 {
            wrong.push(format!("{file}: SHA-256 is {hex}, the row says {sha256}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_in_the_cabinet_has_one_row() {
    let rows: Vec<String> = table().into_iter().map(|row| row.file).collect();
    let known: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(known.len(), rows.len(), "a file has two rows");
    for entry in fs::read_dir(common::cabinet()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() || name == "README.md" || name.ends_with(".keylog") || name.ends_with(".key") {
            continue;
        }
        assert!(known.contains(name.as_str()), "captures/{name}: a file without a row");
    }
}

/// The connections of a capture as `inspect --format jsonl --keylog` writes them.
fn with_keys(file: &str) -> Vec<Value> {
    let analysis = common::analyse_with_keys(&common::cabinet().join(file), 1).unwrap_or_else(|error| panic!("{file}: {error}"));
    common::jsonl(&analysis, file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn with_keys_a_capture_says_what_its_row_promises_for_keys_and_all_that_it_says_without() {
    let (mut judged, mut wrong) = (0, Vec::new());
    for Row { file, expected, .. } in table() {
        if common::keylog(&common::cabinet().join(&file)).is_none() {
            continue;
        }
        let promised = |key: &str| expected.iter().any(|(other, _)| other.strip_prefix("keys:") == Some(key));
        let known_wrong = |key: &str| KNOWN_WRONG.iter().any(|(of, name, _)| *of == file && *name == key);
        let wanted: Vec<(&str, &str)> = expected
            .iter()
            .filter_map(|(key, value)| match key.strip_prefix("keys:") {
                Some(key) => Some((key, value.as_str())),
                None if is_of_a_later_feature(key) || promised(key) || known_wrong(key) => None,
                None => Some((key.as_str(), value.as_str())),
            })
            .collect();
        judged += wanted.len();
        let connections = with_keys(&file);
        let missing = |object: &Value| wanted.iter().filter(|(key, value)| !holds(dig(object, key), value)).count();
        let best = connections.iter().min_by_key(|object| missing(object)).unwrap_or(&Value::Null);
        for (key, value) in wanted.iter().filter(|(key, value)| !holds(dig(best, key), value)) {
            wrong.push(format!("{file}: {key}: expected {value}, got {}", dig(best, key).map_or("nothing".to_owned(), text)));
        }
    }
    println!("cabinet with keys: {judged} values hold");
    assert!(wrong.is_empty(), "{} values differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(judged > 300, "{judged}");
}

#[test]
fn no_output_holds_a_secret() {
    let mut checked = 0;
    for path in common::cabinet_captures() {
        let Some(log) = common::keylog(&path) else { continue };
        let log = String::from_utf8(log).unwrap();
        let secrets: Vec<String> = log
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(' ').nth(2))
            .map(str::to_ascii_lowercase)
            .collect();
        let analysis = common::analyse_with_keys(&path, 1).unwrap();
        let debugged = format!("{analysis:?}").to_ascii_lowercase();
        let outputs = FORMATS.iter().map(|format| common::written(&analysis, "x", format.name).to_ascii_lowercase()).chain([debugged]);
        for output in outputs {
            let shown = secrets.iter().find(|secret| output.contains(&secret[..32.min(secret.len())]));
            assert_eq!(shown, None, "{}", common::short(&path));
            checked += 1;
        }
    }
    assert!(checked > 300, "{checked}");
}
