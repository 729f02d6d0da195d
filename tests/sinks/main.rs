//! What strangers chose, in every field that they can choose, and every place it is written to: no control character, nothing that turns
//! text round, no formula, no mark-up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
#[allow(dead_code)]
#[path = "../common/screen.rs"]
mod screen;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hostile::{KINDS, capture, harmless, marked};
use serde_json::Value;

/// The name of the capture file, which a stranger may have chosen as well.
const NAME: &[u8] = b"=mark-file\x1b]0;pwned\x07\n\xe2\x80\xae<script>|`\xff.pcapng";

/// Fields that must be seen in the output of some format: what is not told anywhere is not tested by not being there.
const TOLD: &[&str] = &[
    "sni",
    "alpn",
    "alpn-chosen",
    "subject-cn",
    "subject-o",
    "issuer-cn",
    "san-dns",
    "http-host",
    "http-connect",
    "socks-target",
    "dns-label",
    "stun-software",
    "stun-realm",
    "process-name",
    "process-file",
    "app-name",
    "section-comment",
    "hardware",
    "os",
    "application",
    "interface-name",
    "interface-description",
    "interface-filter",
    "ssh-client",
    "ssh-server",
    "file",
];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &[u8], bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(OsStr::from_bytes(name));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn intransit(args: &[&OsStr]) -> Output {
    let done = Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).stdin(Stdio::null()).output().unwrap();
    is_clean(&text(&done.stderr), "\n", &format!("standard error of {args:?}"));
    done
}

fn run(args: &[&str], files: &[&Path]) -> Output {
    let all: Vec<&OsStr> = args.iter().map(OsStr::new).chain(files.iter().map(|path| path.as_os_str())).collect();
    intransit(&all)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|e| panic!("no UTF-8: {e}: {:?}", String::from_utf8_lossy(bytes)))
}

/// Control characters but those of the format, and what hides or turns text round.
fn is_clean(text: &str, format: &str, what: &str) {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| !format.contains(c) && bad(c)) {
        let from = text[..at].char_indices().rev().nth(60).map_or(0, |(from, _)| from);
        panic!("{what}: {c:?} after {:?}", &text[from..at]);
    }
}

/// Cells of comma-separated values (RFC 4180).
fn cells(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) if chars.peek() == Some(&'\n') => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (c, _) => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last row ends");
    rows
}

fn check_csv(csv: &str, what: &str) {
    is_clean(csv, "\r\n", what);
    let rows = cells(csv);
    for row in &rows {
        assert_eq!(row.len(), rows[0].len(), "{what}: {row:?}");
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{what}: a formula: {cell:?}");
        }
    }
}

/// The tags of a page with their attributes. What is no tag is text.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let (mut found, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            found.push(("!--".into(), Vec::new()));
            continue;
        }
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!' | '-')).collect();
        assert!(!name.is_empty(), "a bare < before {:?}", rest.chars().take(40).collect::<String>());
        rest = &rest[name.len()..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('>').or_else(|| rest.strip_prefix("/>")) {
                rest = after;
                break;
            }
            let key: String = rest.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '=' | '>' | '/')).collect();
            assert!(!key.is_empty(), "a tag {name} that goes on with {:?}", rest.chars().take(40).collect::<String>());
            rest = &rest[key.len()..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix("=\"") {
                let (inside, after) = after.split_once('"').expect("an attribute ends");
                value = inside.to_owned();
                rest = after;
            } else {
                assert!(!rest.starts_with('='), "an attribute {key} without quotes");
            }
            attributes.push((key, value));
        }
        // What is in a style is no markup.
        if name == "style" {
            rest = rest.split_once("</style>").expect("a style ends").1;
        }
        found.push((name, attributes));
    }
    found
}

fn check_html(html: &str, harmless: &str, what: &str) {
    is_clean(html, "\n", what);
    let kinds = |html: &str| -> (BTreeSet<String>, BTreeSet<(String, String)>) {
        let tags = tags(html);
        let attributes = tags.iter().flat_map(|(tag, all)| all.iter().map(move |(key, _)| (tag.clone(), key.clone())));
        (tags.iter().map(|(tag, _)| tag.clone()).collect(), attributes.collect())
    };
    let (found, known) = (kinds(html), kinds(harmless));
    assert!(found.0.is_subset(&known.0), "{what}: tags {:?}", found.0.difference(&known.0));
    assert!(found.1.is_subset(&known.1), "{what}: attributes {:?}", found.1.difference(&known.1));
    for (tag, attributes) in tags(html) {
        assert!(!["script", "iframe", "img", "object", "embed", "base", "form"].contains(&tag.as_str()), "{what}: {tag}");
        for (key, value) in attributes {
            assert!(!key.starts_with("on"), "{what}: {tag} {key}");
            let goes_out = ["href", "src", "action"].contains(&key.as_str());
            assert!(
                !goes_out || value.starts_with('#') || value.starts_with("https://") && !value.contains("evil"),
                "{what}: {key}={value}"
            );
        }
    }
}

/// The text of Markdown outside of code spans.
fn outside_of_code(md: &str) -> String {
    let mut out = String::new();
    for line in md.lines() {
        let (mut rest, mut inside) = (line, false);
        loop {
            // A backtick that is escaped begins no code; inside of code nothing is escaped.
            let tick = rest.char_indices().find(|&(at, c)| c == '`' && (inside || !escaped(rest, at))).map(|(at, _)| at);
            let (part, after) = tick.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
            if !inside {
                out.push_str(part);
            }
            match after {
                Some(after) => (rest, inside) = (after, !inside),
                None => break,
            }
        }
        assert!(!inside, "code that does not end in its line: {line}");
        out.push('\n');
    }
    out
}

fn escaped(text: &str, at: usize) -> bool {
    text[..at].chars().rev().take_while(|&c| c == '\\').count() % 2 == 1
}

fn check_markdown(md: &str, what: &str) {
    is_clean(md, "\n", what);
    let text = outside_of_code(md);
    for (at, c) in text.char_indices() {
        let next = text[at + c.len_utf8()..].chars().next().unwrap_or(' ');
        let begins = match c {
            '<' => next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'),
            '!' => next == '[',
            ']' => next == '(',
            _ => false,
        };
        let around: String = text[at..].chars().take(60).collect();
        let own = ["](https://", "](#", "<https://"].iter().any(|link| around.starts_with(link));
        assert!(!begins || escaped(&text, at) || own && !around.contains("evil"), "{what}: {around:?}");
    }
    // A row of a table has as many cells as its head.
    let mut columns = None;
    for line in md.lines() {
        let bars = |line: &str| {
            let line = outside_of_code(line);
            line.char_indices().filter(|&(at, c)| c == '|' && !escaped(&line, at)).count()
        };
        match (line.starts_with('|'), columns) {
            (true, None) => columns = Some(bars(line)),
            (true, Some(n)) => assert_eq!(bars(line), n, "{what}: {line}"),
            (false, _) => columns = None,
        }
    }
    for line in md.lines() {
        assert!(!line.starts_with("# head"), "{what}: {line}");
    }
}

fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.insert(key.clone());
            keys(value, into);
        }),
        Value::Array(all) => all.iter().for_each(|value| keys(value, into)),
        _ => {}
    }
}

fn check_json(values: &[Value], text: &str, what: &str) {
    is_clean(text, "\n", what);
    let mut found = BTreeSet::new();
    values.iter().for_each(|value| keys(value, &mut found));
    for key in found {
        assert!(!key.contains("mark-") && key.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{what}: a key {key:?}");
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The captures of all kinds, one after the other.
fn all_kinds() -> Vec<u8> {
    (0..KINDS).flat_map(|kind| capture(&|field, room| marked(kind, field, room), kind)).collect()
}

fn ordinary() -> Vec<u8> {
    (0..KINDS).flat_map(|kind| capture(&harmless, kind)).collect()
}

/// Checks one output by its format, and takes note of what it tells.
fn check(format: &str, text: &str, ordinary: &str, what: &str) {
    match format {
        "csv" => check_csv(text, what),
        "md" => check_markdown(text, what),
        "html" => check_html(text, ordinary, what),
        "jsonl" | "eve" | "zeek" => check_json(&lines(text), text, what),
        "json" => check_json(&[serde_json::from_str(text).unwrap()], text, what),
        _ => is_clean(text, "\n", what),
    }
}

#[test]
fn what_strangers_chose_reaches_no_output_as_anything_but_text() {
    let folder = Folder::new();
    let (bad, good) = (folder.put(NAME, &all_kinds()), folder.put(b"ordinary.pcapng", &ordinary()));
    let mut told = String::new();
    for format in ["table", "jsonl", "json", "csv", "md", "eve", "zeek"] {
        let done = run(&["inspect", "--format", format], &[&bad]);
        assert_eq!(done.status.code(), Some(0), "{format}: {}", text(&done.stderr));
        check(format, &text(&done.stdout), "", format);
        told.push_str(&text(&done.stdout));
    }
    for format in ["html", "md", "json"] {
        for more in [&[][..], &["--redact"]] {
            let args = [&["report", "--format", format][..], more].concat();
            let (done, without) = (run(&args, &[&bad]), run(&args, &[&good]));
            assert_eq!(done.status.code(), Some(0), "{format}: {}", text(&done.stderr));
            check(format, &text(&done.stdout), &text(&without.stdout), &format!("report as {format} {more:?}"));
            told.push_str(&text(&done.stdout));
        }
    }
    for format in ["html", "md", "json"] {
        let (to, plain) = (folder.path(&format!("c.{format}")), folder.path(&format!("d.{format}")));
        for (first, to) in [(&bad, &to), (&good, &plain)] {
            let done = intransit(&["compare".as_ref(), first.as_os_str(), good.as_os_str(), "-o".as_ref(), to.as_os_str()]);
            assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        }
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        check(format, &read(&to), &read(&plain), &format!("comparison as {format}"));
    }
    for format in ["table", "json", "md"] {
        let done = run(&["canary", "--message", "hello over there", "--format", format], &[&bad]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        check(format, &text(&done.stdout), "", &format!("canary as {format}"));
    }
    let logs = folder.path("logs");
    std::fs::create_dir(&logs).unwrap();
    let done = intransit(&["inspect".as_ref(), "--format".as_ref(), "zeek".as_ref(), bad.as_os_str(), "-o".as_ref(), logs.as_os_str()]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    for log in common::files_under(&logs) {
        let written = std::fs::read_to_string(&log).unwrap();
        is_clean(&written, "\t\n", &format!("{}", log.display()));
        let columns = written.lines().find_map(|line| line.strip_prefix("#fields\t")).map(|fields| fields.split('\t').count()).unwrap();
        for line in written.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').count(), columns, "{line}");
        }
    }
    let untold: Vec<&&str> = TOLD.iter().filter(|field| !told.contains(&format!("mark-{field}"))).collect();
    assert!(untold.is_empty(), "not told anywhere, so not tested: {untold:?}");
}

#[test]
fn each_kind_alone_is_text_in_every_format_of_the_library() {
    let kinds: Vec<usize> = (0..KINDS).collect();
    common::each(&kinds, |&kind| {
        let analysis = common::analyse(capture(&|field, room| marked(kind, field, room), kind), 1).unwrap();
        for format in ["table", "jsonl", "json", "csv", "md", "eve", "zeek"] {
            let written = common::written(&analysis, &String::from_utf8_lossy(NAME), format);
            check(format, &written, "", &format!("kind {kind} as {format}"));
        }
        assert_eq!(analysis.finished.counts().failed, 0);
    });
}

#[test]
fn a_report_of_a_stranger_is_told_as_text_when_it_is_verified() {
    let folder = Folder::new();
    let (bad, report) = (folder.put(NAME, &all_kinds()), folder.path("r.json"));
    let made = intransit(&["report".as_ref(), bad.as_os_str(), "-o".as_ref(), report.as_os_str()]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let same = run(&["verify"], &[&report, &bad]);
    assert_eq!(same.status.code(), Some(0), "{}", text(&same.stdout));
    is_clean(&text(&same.stdout), "\n", "verify");
    let mut said: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    for (n, kind) in hostile::HOSTILE.iter().enumerate() {
        let key = String::from_utf8_lossy(kind).into_owned();
        said[&key] = Value::String(key.clone());
        said["findings"][n % 3][&key] = Value::String(key.clone());
    }
    said["grade"] = Value::String("\u{1b}]0;pwned\u{7}\u{202e}".into());
    std::fs::write(&report, said.to_string()).unwrap();
    let other = run(&["verify"], &[&report, &bad]);
    assert_ne!(other.status.code(), Some(0));
    is_clean(&text(&other.stdout), "\n", "verify of another report");
    assert!(text(&other.stdout).contains("pwned"), "{}", text(&other.stdout));
}

#[test]
fn messages_about_files_that_cannot_be_read_are_text() {
    let folder = Folder::new();
    let whole = all_kinds();
    let cut = folder.put(&[NAME, b".cut"].concat(), &whole[..whole.len() - 5]);
    let letter = folder.put(&[NAME, b".letter"].concat(), b"\x1b]0;pwned\x07 no packets");
    let done = run(&["inspect"], &[&cut]);
    assert_eq!(done.status.code(), Some(3));
    for command in
        [&["inspect"][..], &["report"], &["canary", "--message", "hello over there"], &["split", "-n", "2", "--out", "/nowhere\u{1b}[2J"]]
    {
        assert_ne!(run(command, &[&letter]).status.code(), Some(0));
    }
    for option in ["--keylog", "--catalogue", "--roots", "--filter", "--fields"] {
        let done = intransit(&["inspect".as_ref(), option.as_ref(), letter.as_os_str(), cut.as_os_str()]);
        is_clean(&text(&done.stdout), "\n", option);
    }
    let done = intransit(&["report".as_ref(), "--case".as_ref(), letter.as_os_str(), cut.as_os_str()]);
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn folders_of_captures_are_told_as_text() {
    let folder = Folder::new();
    let (bad, out) = (folder.put(NAME, &all_kinds()), folder.path("out"));
    for command in ["one", "batch"] {
        let done = intransit(&[command.as_ref(), bad.as_os_str(), "--out".as_ref(), out.as_os_str()]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        // `one` says a line of words with tabs between them.
        is_clean(&text(&done.stdout), "\t\n", command);
    }
    for path in
        common::files_under(&out).into_iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "json" || suffix == "md"))
    {
        is_clean(&std::fs::read_to_string(&path).unwrap(), "\n", &path.display().to_string());
    }
}

#[test]
fn the_terminal_ui_shows_what_strangers_chose_as_text() {
    let folder = Folder::new();
    let path = folder.put(b"=mark-file.pcapng", &all_kinds());
    let mut terminal = screen::Terminal::start(200, 60, &[path.to_str().unwrap()]);
    terminal.sees("In this capture,");
    let mut seen = String::new();
    for key in ["1", "2", "3", "4", "5", "6", "2", "\r", "\t", "\x1b[B", "\x1b[6~", "\x1b", "\x1b[B", "\x1b[B", "\x1b[B", "\r", "\x1b"] {
        terminal.types(key);
        seen.push_str(&terminal.screen());
    }
    terminal.types("q");
    assert!(terminal.ends().success());
    assert!(seen.contains("mark-"), "{seen}");
    is_clean(&seen, "\n", "the screen");
    let output = terminal.output.lock().unwrap().clone();
    let written = text(&output);
    for sequence in ["\x1b]0", "\x1b]2", "\x1b]52", "\x1b]8", "\x1b[2J\x1b[31m", "\u{202e}", "\u{2066}", "\u{200f}"] {
        assert!(!written.contains(sequence), "{sequence:?}");
    }
    // What the program itself steers the terminal with begins with ESC [, ESC ] 10 or 11, or is a charset or cursor command.
    let c1 = written.chars().find(|c| ('\u{80}'..='\u{9f}').contains(c));
    assert_eq!(c1, None);
}
