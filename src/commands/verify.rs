//! `intransit verify`: makes a report again from its captures and says whether it is the same.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::canary::Asking;
use super::report::gather;
use super::{Failure, Outcome, catalogue, closed_pipe, lock, shown};
use crate::assess::Filter;
use crate::assess::report::{About, Case, Report, WITHHELD};
use crate::base::{WireStr, escape_into};
use crate::cli::{self, Global};
use crate::present::report::verifiable;
use crate::source;

/// Differences that are listed.
const MOST_LISTED: usize = 20;
/// And where a capture of the report is missing.
const FEW_LISTED: usize = 3;

/// Makes the report again, and lists what differs.
///
/// # Errors
/// When the report or a capture cannot be read.
pub fn verify(options: &cli::Verify, global: &Global) -> Result<Outcome, Failure> {
    let said = read(&options.report)?;
    let filter = filter(&said, options)?;
    let files = in_order(&said, &options.files)?;
    let case = case(&said, options)?;
    let asking = Asking::of(&options.phrase)?;
    lock::lock(global, &lock::reporting(&files, None, global))?;
    let quiet = Global { quiet: true, ..global.clone() };
    let (mut summary, canary, _) = gather(&files, filter.as_ref().map(|(_, filter)| filter), asking.as_ref(), &quiet)?;
    // A file may have another name today; its hash says that it is the same.
    for (input, was) in summary.inputs.iter_mut().zip(inputs(&said)) {
        if let (Some(name), false) = (text(was, "/name"), is_redacted(&said))
            && text(was, "/sha256") == Some(&hex(&input.sha256))
        {
            input.name = WireStr::from(name);
        }
    }
    let report = Report {
        summary,
        about: About {
            command: Vec::new(),
            filter_is_public: filter.as_ref().is_some_and(|(_, filter)| filter.is_public()),
            filter: filter.map(|(text, _)| text),
            redacted: is_redacted(&said),
            unmasked: global.unmask,
            made: None,
        },
        case,
        canary,
        catalogue: catalogue(global)?,
    };
    let mut fresh = verifiable(&report);
    // What was not read from the captures is taken as it stands.
    if let Some(fresh) = fresh.as_object_mut() {
        for key in
            ["command", "made"].into_iter().chain(options.case.is_none().then_some("case")).chain(asking.is_none().then_some("canary"))
        {
            match said.get(key) {
                Some(value) => drop(fresh.insert(key.to_owned(), value.clone())),
                None => drop(fresh.remove(key)),
            }
        }
    }
    let mut differences = Vec::new();
    compare("", &said, &fresh, &mut differences);
    let text = if differences.is_empty() {
        format!("identical: {} follows from {}\n", shown(&options.report), crate::assess::report::counted(files.len() as u64, "file"))
    } else {
        told(&said, &fresh, &differences)
    };
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(if differences.is_empty() { Outcome::Done } else { Outcome::Differs })
}

fn read(path: &Path) -> Result<Value, Failure> {
    let failed = |why: String| Failure::Input(shown(path), why);
    let bytes = std::fs::read(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let said: Value = serde_json::from_slice(&bytes).map_err(|e| failed(format!("is no report: {e}")))?;
    match text(&said, "/schema") {
        Some("intransit/report/1") => Ok(said),
        _ => Err(failed("is no report that `intransit report -o x.json` wrote".into())),
    }
}

/// The text at a place (RFC 6901).
fn text<'v>(value: &'v Value, place: &str) -> Option<&'v str> {
    value.pointer(place)?.as_str()
}

fn inputs(report: &Value) -> impl Iterator<Item = &Value> {
    report.get("inputs").and_then(Value::as_array).into_iter().flatten()
}

fn is_redacted(said: &Value) -> bool {
    said.get("redacted") == Some(&Value::Bool(true))
}

/// The filter of the report; a redacted one does not tell it.
fn filter(said: &Value, options: &cli::Verify) -> Result<Option<(String, Filter)>, Failure> {
    if let Some(chosen) = &options.filter {
        return Ok(Some((chosen.text.clone(), chosen.filter.clone())));
    }
    let Some(text) = text(said, "/filter/expression") else { return Ok(None) };
    if is_redacted(said) && text == WITHHELD {
        return Err(Failure::Usage("the report is redacted and does not tell its filter: give it with --filter".into()));
    }
    let filter = Filter::parse(text).map_err(|e| Failure::Usage(format!("the report's filter is not understood: {e}")))?;
    Ok(Some((text.to_owned(), filter)))
}

/// What the operator stated: some sentences repeat it. A redacted report does not tell it.
fn case(said: &Value, options: &cli::Verify) -> Result<Option<Case>, Failure> {
    if let Some(path) = &options.case {
        return super::report::case(path).map(Some);
    }
    let Some(Value::Object(stated)) = said.get("case") else { return Ok(None) };
    let mut stated = stated.clone();
    let actions = stated.remove("actions").unwrap_or_default();
    if is_redacted(said) && stated.contains_key("app") && actions.as_array().is_some_and(|actions| !actions.is_empty()) {
        return Err(Failure::Usage("the report is redacted and does not tell its case: give the file with --case".into()));
    }
    ["basis", "not_stated"].iter().for_each(|key| drop(stated.remove(*key)));
    if actions.is_array() {
        stated.insert("action".into(), actions);
    }
    let failed = |e| Failure::Input(shown(&options.report), format!("tells its case in a way that is not understood: {e}"));
    serde_json::from_value(Value::Object(stated)).map(Some).map_err(failed)
}

/// The files in the order of the report's inputs, found by their hashes; others follow as they were given.
fn in_order(said: &Value, files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut waiting: Vec<(String, &PathBuf)> = Vec::new();
    for path in files {
        let failed = |e: io::Error| Failure::Input(shown(path), format!("cannot be read: {e}"));
        let file = std::fs::File::open(path).map_err(failed)?;
        let (hash, _) = source::sha256(file).map_err(failed)?;
        waiting.push((hex(&hash), path));
    }
    let mut ordered = Vec::new();
    for input in inputs(said) {
        if let Some(at) = waiting.iter().position(|(hash, _)| Some(hash.as_str()) == text(input, "/sha256")) {
            ordered.push(waiting.remove(at).1.clone());
        }
    }
    ordered.extend(waiting.into_iter().map(|(_, path)| path.clone()));
    Ok(ordered)
}

/// Where two trees differ: the path, what one says, what the other says.
fn compare(path: &str, said: &Value, fresh: &Value, into: &mut Vec<(String, String, String)>) {
    match (said, fresh) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                compare(&format!("{path}.{key}"), value, b.get(key).unwrap_or(&Value::Null), into);
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                compare(&format!("{path}.{key}"), &Value::Null, value, into);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (one, other)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{at}]"), one, other, into);
            }
        }
        _ if said == fresh => {}
        (Value::Array(a), Value::Array(b)) => {
            into.push((path.to_owned(), format!("{} entries", a.len()), format!("{} entries", b.len())));
        }
        (Value::String(a), Value::String(b)) => {
            // Of long sentences, the words around the first difference.
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            let skipped = same.saturating_sub(20);
            let part = |text: &str| {
                let begin = if skipped > 0 { "…" } else { "" };
                shorten(&Value::String(format!("{begin}{}", text.chars().skip(skipped).collect::<String>())))
            };
            into.push((path.to_owned(), part(a), part(b)));
        }
        _ => into.push((path.to_owned(), shorten(said), shorten(fresh))),
    }
}

fn shorten(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Object(_) | Value::Array(_) => return "something".to_owned(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, text.chars().take(80).collect::<String>().as_bytes());
    out
}

fn told(said: &Value, fresh: &Value, differences: &[(String, String, String)]) -> String {
    let mut out = format!("different in {}\n", crate::assess::report::counted(differences.len() as u64, "place"));
    for (key, what) in [("version", "the version of intransit"), ("rules", "the rules"), ("catalogue", "the catalogue of platforms")] {
        let place = format!("/tool/{key}");
        if said.pointer(&place) != fresh.pointer(&place) {
            out.push_str(&format!("{what} is another one than when the report was made: that alone may be why\n"));
        }
    }
    let mut missing = false;
    for input in inputs(said) {
        let (name, hash) = (input.get("name").unwrap_or(&Value::Null), input.get("sha256"));
        if !inputs(fresh).any(|now| now.get("sha256") == hash) {
            let hash = shorten(hash.unwrap_or(&Value::Null));
            missing = true;
            out.push_str(&format!("no file given has the SHA-256 of the report's input {}: {hash}\n", shorten(name)));
        }
    }
    // Without one of its captures, nearly everything differs, and none of that says more.
    let listed = if missing { FEW_LISTED } else { MOST_LISTED };
    for (path, was, is) in differences.iter().take(listed) {
        let mut name = String::new();
        // Writing to a String cannot fail.
        let _ = escape_into(&mut name, path.trim_start_matches('.').as_bytes());
        out.push_str(&format!("{name}: {was} in the report, {is} now\n"));
    }
    if differences.len() > listed {
        let why = if missing { ", which may all follow from that" } else { "" };
        out.push_str(&format!("and {} more{why}\n", differences.len() - listed));
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
