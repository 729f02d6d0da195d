//! `intransit report`: captures as one document.

use std::io;
use std::path::{Path, PathBuf};

use super::canary::Asking;
use super::output::Output;
use super::progress::Progress;
use super::{Failure, Grades, Outcome, Read, catalogue, file_name, keys, lock, now, settings, shown};
use crate::assess::Filter;
use crate::assess::report::{About, CanaryTest, Case, Input, Part, Report, ReportBuilder, Summary};
use crate::base::WireStr;
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, Keep};
use crate::engine::{self, Analysis, Options};
use crate::present::report::{FORMATS, Format};
use crate::source::{self, Capture, SourceError};

/// Writes a report.
///
/// # Errors
/// When a case file or a catalogue cannot be read, or the output not be written.
pub fn report(options: &cli::Report, global: &Global) -> Result<Outcome, Failure> {
    let format = choose(options.format, options.output.as_deref())?;
    let case = options.case.as_deref().map(case).transpose()?;
    let mut out = Output::open(options.output.as_deref())?;
    let asking = Asking::of(&options.phrase)?;
    lock::lock(global, &lock::reporting(&options.files, Some(&out), global))?;
    let filter = options.filter.as_ref().map(|chosen| &chosen.filter);
    let (summary, canary, read) = gather(&options.files, filter, asking.as_ref(), global)?;
    if read.read == 0 && read.refused > 0 {
        out.abandon();
        return Ok(Outcome::Nothing);
    }
    let report = Report {
        summary,
        about: About {
            command: command(options, global, format),
            filter: options.filter.as_ref().map(|chosen| chosen.text.clone()),
            filter_is_public: options.filter.as_ref().is_some_and(|chosen| chosen.filter.is_public()),
            redacted: options.redact,
            unmasked: global.unmask,
            made: options.stamp.then(|| now().seconds().to_string()),
        },
        case,
        canary,
        catalogue: catalogue(global)?,
    };
    out.write(|bytes| {
        bytes.extend_from_slice(format.render(&report).as_bytes());
        Ok(())
    })?;
    out.finish()?;
    Ok(read.outcome())
}

/// The format that was named, else that of the output's suffix, else Markdown for standard output.
pub(super) fn choose(format: Option<Format>, output: Option<&Path>) -> Result<Format, Failure> {
    let markdown = || Format::named("md");
    let chosen = format.or_else(|| match output {
        None => markdown(),
        Some(path) if path == Path::new("-") => markdown(),
        Some(path) => Format::for_path(path),
    });
    chosen.ok_or_else(|| {
        let suffixes: Vec<&str> = FORMATS.iter().flat_map(|format| format.suffixes).copied().collect();
        let name = output.map(shown).unwrap_or_default();
        Failure::Usage(format!("{name}: its suffix is none of {}; name a --format", suffixes.join(", ")))
    })
}

pub(super) fn case(path: &Path) -> Result<Case, Failure> {
    let failed = |why: String| Failure::Input(shown(path), why);
    let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    Case::parse(&text).map_err(|e| failed(format!("is no case file: {e}")))
}

/// Reads captures and counts their connections.
pub(super) fn gather(
    files: &[PathBuf],
    filter: Option<&Filter>,
    asking: Option<&Asking>,
    global: &Global,
) -> Result<(Summary, Option<CanaryTest>, Read), Failure> {
    let mut read = Read::default();
    let mut builder = ReportBuilder::new();
    let mut failed = None;
    let (mut input_number, mut tests) = (0, Vec::new());
    let equipment = keys::equipment(global)?;
    let progress = Progress::over(files.iter().map(PathBuf::as_path), global.quiet);
    engine::analyse_each(
        files,
        settings(global)?,
        |path, settings| {
            let gathered = Gathered::default();
            let sinks = asking.map(|asking| asking.sinks(&gathered, Keep::Masked));
            let equipment = Equipment { sinks, ..equipment.clone() };
            read_hashed(path, settings, &equipment, &mut progress.of_one()).map(|read| (read, gathered))
        },
        |path, result| {
            progress.clear();
            let name = WireStr::from(if path == Path::new("-") { "standard input".to_owned() } else { file_name(path) });
            match result {
                Ok(((analysis, Ok(hash)), gathered)) => {
                    let mut grades = Grades::default();
                    builder.begin(input(&name, hash, &analysis));
                    for judged in analysis.judged() {
                        grades.count(&judged);
                        if filter.is_none_or(|filter| filter.matches(&judged)) {
                            builder.push(&judged);
                        } else {
                            builder.leave_out();
                        }
                    }
                    if let Some(asking) = asking {
                        tests.push(asking.tested(input_number, &analysis, &gathered));
                    }
                    input_number += 1;
                    read.note(&name, &analysis, &grades, global.quiet);
                }
                Ok(((_, Err(error)), _)) => {
                    failed = failed.take().or(Some(Failure::Input(shown(path), format!("cannot be read to its end: {error}"))))
                }
                Err(error) => {
                    builder.refuse(name, error.to_string());
                    read.refuse(&shown(path), &error);
                }
            }
        },
    );
    match failed {
        Some(failure) => Err(failure),
        None => Ok((builder.finish(), asking.map(|asking| asking.section(tests)), read)),
    }
}

/// An input that was read, for the report.
pub(super) fn input(name: &WireStr, hash: ([u8; 32], u64), analysis: &Analysis) -> Input {
    let input = Input::of(name.clone(), hash, &analysis.capture, &analysis.link, analysis.finished.counts());
    Input { keys: analysis.keys.clone(), announced_left_out: analysis.links.left_out(), ..input }
}

/// SHA-256 and octets of an input, or why it was not read to its end.
type Hash = io::Result<([u8; 32], u64)>;

/// As [`read_input`](super::read_input), and hashes the input as it is stored.
pub(super) fn read_hashed(
    path: &Path,
    settings: Options,
    equipment: &Equipment,
    progress: &mut dyn FnMut(&Capture),
) -> Result<(Analysis, Hash), SourceError> {
    if path != Path::new("-") && std::fs::metadata(path).is_ok_and(|about| about.is_file()) {
        let mut hash = None;
        let open = || {
            let (source, hashing) = source::open_hashed(path)?;
            hash = Some(hashing);
            Ok(source)
        };
        let analysis = engine::analyse_twice(open, settings, equipment, progress)?;
        let hash = hash.map_or_else(|| Err(io::Error::other("nothing was read")), source::InputHash::finish);
        return Ok((analysis, hash));
    }
    let (mut source, hash) = source::open_hashed(path)?;
    let once = Equipment { growing: true, ..equipment.branch() };
    let analysis = engine::analyse_with(&mut source, Options { workers: 1, ..settings }, &once, progress)?;
    Ok((analysis, hash.finish()))
}

/// The command line, without what changes nothing in the report: its own place, and the number of threads. Files are named without their
/// folders.
pub(super) fn command(options: &cli::Report, global: &Global, format: Format) -> Vec<Part> {
    let file = |path: &Path| Part::File(file_name(path).into());
    let mut all: Vec<Part> = vec!["intransit".into(), "report".into()];
    all.extend(options.files.iter().map(|path| file(path)));
    if let Some(chosen) = &options.filter {
        let text = if chosen.filter.is_public() { Part::from(chosen.text.clone()) } else { Part::Quoted(chosen.text.as_str().into()) };
        all.extend(["--filter".into(), text]);
    }
    for (option, paths) in [
        ("--case", options.case.as_slice()),
        ("--keylog", &global.keylog),
        ("--server-key", &global.server_key),
        ("--catalogue", global.catalogue.as_slice()),
        ("--roots", &global.roots),
    ] {
        for path in paths {
            all.extend([option.into(), file(path)]);
        }
    }
    // The phrase and the controls are in no output.
    let phrase = &options.phrase;
    if phrase.message.is_some() {
        all.extend(["--message".into(), "PHRASE".into()]);
    }
    if let Some(path) = &phrase.message_file {
        all.extend(["--message-file".into(), file(path)]);
    }
    for _ in &phrase.control {
        all.extend(["--control".into(), "CONTROL".into()]);
    }
    if let Some(at) = phrase.sent_after {
        all.extend(["--sent-after".into(), Part::Time(at)]);
    }
    for (flag, given) in [("--redact", options.redact), ("--unmask", global.unmask), ("--stamp", options.stamp)] {
        if given {
            all.push(flag.into());
        }
    }
    all.extend(["--max-flows".into(), Part::Words(global.max_flows.to_string().into()), "--format".into(), format.name.into()]);
    all
}
