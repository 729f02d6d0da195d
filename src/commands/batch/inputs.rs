//! Which captures were named: files, folders, patterns, a list on standard input.

use std::fs;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};

use crate::commands::{Failure, shown};

/// Suffixes of captures in a folder; a file that is named is taken whatever it is called.
const SUFFIXES: [&str; 4] = ["pcap", "pcapng", "cap", "dmp"];
/// Folders in folders that are looked into.
const DEEPEST: usize = 64;

/// All captures that were named, each once, sorted.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            for line in io::stdin().lock().lines() {
                let line = line.map_err(|e| Failure::Input("standard input".into(), format!("cannot be read: {e}")))?;
                if !line.is_empty() {
                    add(Path::new(&line), &mut found)?;
                }
            }
        } else {
            add(path, &mut found)?;
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn add(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let text = path.to_string_lossy();
    if !path.exists() && text.contains(['*', '?']) {
        // From the last folder before the first sign of a pattern on.
        let fixed = text.find(['*', '?']).and_then(|at| text.get(..at)).unwrap_or_default();
        let base = fixed.rfind('/').and_then(|at| fixed.get(..=at)).filter(|base| !base.is_empty()).unwrap_or(".");
        let mut all = Vec::new();
        walk(Path::new(base), DEEPEST, &mut |_| true, &mut all)?;
        let strip = |path: &Path| path.strip_prefix("./").unwrap_or(path).to_string_lossy().into_owned();
        let pattern = strip(path);
        found.extend(all.into_iter().filter(|path| matches(pattern.as_bytes(), strip(path).as_bytes())));
        return Ok(());
    }
    if path.is_dir() {
        return walk(path, DEEPEST, &mut is_capture, found);
    }
    found.push(path.to_path_buf());
    Ok(())
}

fn walk(folder: &Path, depth: usize, wanted: &mut dyn FnMut(&Path) -> bool, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::Input(shown(folder), format!("cannot be read: {e}"));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(failed)?;
        // Links to folders are not followed: they may lead round in circles.
        if kind.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, wanted, found)?;
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let bare = [".gz", ".zst", ".xz"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
    // Rotated captures end in a number: x.pcap1, x.pcap.3.
    let bare = bare.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.');
    SUFFIXES.iter().any(|suffix| bare.strip_suffix(suffix).is_some_and(|stem| stem.ends_with('.')))
}

/// `*` and `?` within a name, `**` across folders.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // (pattern, text) to come back to: after the last `*`, and after the last `**`.
    let (mut p, mut t) = (pattern, text);
    type Back<'a> = Option<(&'a [u8], &'a [u8])>;
    let (mut star, mut deep): (Back<'_>, Back<'_>) = (None, None);
    loop {
        match (p, t) {
            ([b'*', b'*', rest @ ..], _) => {
                // `a/**/b` is also `a/b`.
                p = rest.strip_prefix(b"/").unwrap_or(rest);
                (star, deep) = (None, Some((p, t)));
                continue;
            }
            ([b'*', rest @ ..], _) => {
                p = rest;
                star = Some((p, t));
                continue;
            }
            ([], []) => return true,
            ([a, rest @ ..], [b, more @ ..]) if a == b || (*a == b'?' && *b != b'/') => {
                (p, t) = (rest, more);
                continue;
            }
            _ => {}
        }
        match (star, deep) {
            (Some((pattern, [b, more @ ..])), _) if *b != b'/' => {
                (p, t) = (pattern, more);
                star = Some((pattern, more));
            }
            (_, Some((pattern, [_, more @ ..]))) => {
                (p, t) = (pattern, more);
                (star, deep) = (None, Some((pattern, more)));
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_folder_and_two_go_through_them() {
        for (pattern, text, expected) in [
            ("*.pcap", "a.pcap", true),
            ("*.pcap", "x/a.pcap", false),
            ("x/*.pcap", "x/a.pcap", true),
            ("**/*.pcap", "a.pcap", true),
            ("**/*.pcap", "x/y/a.pcap", true),
            ("x/**/b?.pcap", "x/y/z/b1.pcap", true),
            ("x/**/b?.pcap", "x/b1.pcap", true),
            ("x/**/b?.pcap", "x/b1.pcapng", false),
            ("*a*b", "xaayb", true),
            ("*a*b", "xaay", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn captures_in_a_folder_are_known_by_their_suffixes() {
        for (name, expected) in [
            ("a.pcap", true),
            ("A.PCAPNG.gz", true),
            ("a.pcap12", true),
            ("a.pcap.3", true),
            ("a.txt", false),
            ("pcap", false),
            ("keys.log", false),
        ] {
            assert_eq!(is_capture(Path::new(name)), expected, "{name}");
        }
    }
}
