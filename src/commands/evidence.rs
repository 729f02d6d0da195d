//! `intransit inspect --format pcapng`: the packets of the chosen connections alone, each with what it proves as its comment.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::output::Output;
use super::progress::Progress;
use super::{Failure, Grades, Outcome, Read, inputs, joined_name, keys, lock, read_joined, settings, shown};
use crate::assess::report::counted;
use crate::assess::{Catalogue, Judged};
use crate::base::{Basis, FrameNo, WireStr};
use crate::cli::{self, Global};
use crate::engine::Analysis;
use crate::engine::excerpt::Wanted;
use crate::source::{self, Excerpt, Joined, Source, SourceError};

/// Writes the evidence.
///
/// # Errors
/// When an input cannot be read a second time, or the output not be written.
pub(super) fn evidence(options: &cli::Inspect, global: &Global) -> Result<Outcome, Failure> {
    let settings = settings(global)?;
    for path in &options.files {
        if path == Path::new("-") || std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            let what = shown(path);
            let why = "packets are found in a second reading, which a pipe does not allow: save the capture to a file first";
            return Err(Failure::Usage(format!("{what}: {why}")));
        }
    }
    let to_stdout = options.output.as_deref().is_none_or(|path| path == Path::new("-"));
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::Usage("pcapng is nothing to read on a terminal: write it with -o FILE.pcapng".into()));
    }
    let mut out = Output::open(options.output.as_deref())?;
    let equipment = keys::equipment(global)?;
    lock::lock(global, &lock::reading(&options.files, Some(&out)))?;
    let progress = Progress::over(options.files.iter().map(PathBuf::as_path), global.quiet);
    let mut tally = Read::default();
    let mut matched = false;
    let (mut packets, mut connections) = (0, 0);
    let inputs = inputs(options);
    for paths in &inputs {
        let name = joined_name(paths);
        let before = state(paths);
        let analysis = match read_joined(paths, settings, &equipment, &mut progress.of_one()) {
            Ok(analysis) => analysis,
            Err(error) => {
                progress.clear();
                tally.refuse(&name.to_string(), &error);
                continue;
            }
        };
        let mut grades = Grades::default();
        let mut wanted = Wanted::default();
        let place = if inputs.len() > 1 { format!(" of {name}") } else { String::new() };
        for (number, judged) in (1u64..).zip(analysis.judged()) {
            grades.count(&judged);
            if options.filter.as_ref().is_none_or(|chosen| chosen.filter.matches(&judged)) {
                connections += 1;
                matched |= options.fail_on.is_some_and(|worst| judged.judgement.grade <= worst && judged.judgement.counts_for_groups());
                wanted.add(&judged, label(number, &place, &judged, settings.catalogue), notes(&judged));
            }
        }
        progress.clear();
        tally.note(&name, &analysis, &grades, global.quiet);
        if wanted.is_empty() {
            continue;
        }
        let excerpt = Excerpt { capture: &analysis.capture, secrets: options.with_secrets };
        let said = section_notes(&name, options, &analysis);
        out.write(|bytes| {
            excerpt.begin(bytes, &said);
            Ok(())
        })?;
        let done = wanted.extract(
            || open(paths),
            analysis.link.reassembled > 0,
            |frame, comment| {
                out.write(|bytes| {
                    excerpt.packet(bytes, frame, comment);
                    Ok(())
                })
                .map_err(Stopped::Output)
            },
        );
        let done = match done {
            Ok(done) if state(paths) == before => done,
            Ok(_) => return Err(Failure::Input(name.to_string(), "was changed while it was read: take a copy of it first".into())),
            Err(Stopped::Output(failure)) => return Err(failure),
            Err(Stopped::Source(error)) => return Err(Failure::Input(name.to_string(), error.to_string())),
        };
        packets += done.packets;
        for (n, what) in [
            (done.notes_left_out, "statements found no room in the comments; their packets say app and grade only"),
            (done.fragments_left_out, "earlier fragments of datagrams are missing because a bound was reached"),
        ] {
            if n > 0 {
                // Standard error may be closed; the data still goes out.
                let _ = writeln!(io::stderr(), "intransit: {name}: {n} {what}");
            }
        }
    }
    if tally.read == 0 && tally.refused > 0 {
        out.abandon();
        return Ok(Outcome::Nothing);
    }
    if packets == 0 {
        out.abandon();
        // Standard error may be closed; the exit status tells it too.
        let _ = writeln!(io::stderr(), "intransit: no connection matches, and a capture without packets is not written");
        return Ok(Outcome::Nothing);
    }
    out.finish()?;
    if !global.quiet {
        let told = format!("{} of {}", counted(packets, "packet"), counted(connections, "connection"));
        let _ = writeln!(io::stderr(), "written: {told}, as they were captured: whatever is readable in them stays readable");
    }
    Ok(if matched { Outcome::Matched } else { tally.outcome() })
}

enum Stopped {
    Source(SourceError),
    Output(Failure),
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Stopped {
        Stopped::Source(error)
    }
}

/// What shows that a file is the one that was read before.
fn state(paths: &[PathBuf]) -> Vec<Option<(u64, Option<SystemTime>)>> {
    let of = |path| std::fs::metadata(path).ok().map(|about| (about.len(), about.modified().ok()));
    paths.iter().map(of).collect()
}

fn open(paths: &[PathBuf]) -> Result<Box<dyn Source>, SourceError> {
    Ok(match paths {
        [path] => Box::new(source::open(path)?),
        several => Box::new(Joined::open(several)?),
    })
}

/// What the section says of itself.
fn section_notes(name: &WireStr, options: &cli::Inspect, analysis: &Analysis) -> Vec<String> {
    let filter = options
        .filter
        .as_ref()
        .map_or_else(|| "all connections".to_owned(), |chosen| format!("--filter {}", WireStr::from(chosen.text.as_str())));
    let mut said = vec![format!("evidence from {name}, {filter}; a packet's comment begins with its frame number there")];
    said.extend(analysis.keys.as_ref().and_then(|keys| keys.notice()).map(str::to_owned));
    if !analysis.capture.secrets.is_empty() && !options.with_secrets {
        said.push("the capture brought keys along, which were left out".into());
    }
    said
}

/// The words on every packet of a connection: file, app, grade and why.
fn label(number: u64, place: &str, judged: &Judged, catalogue: &Catalogue) -> String {
    let app = judged.attribution.as_ref().map_or_else(String::new, |attribution| {
        let platform = catalogue.platform(&attribution.platform).map(|platform| &platform.name);
        let name = platform.or_else(|| catalogue.group(&attribution.platform).map(|group| &group.name));
        let name = name.map_or_else(|| attribution.platform.to_string(), ToString::to_string);
        format!(", {name} ({})", attribution.confidence.word())
    });
    let exposed: Vec<&str> = judged.judgement.exposed.iter().map(|kind| kind.word()).collect();
    let kinds = if exposed.is_empty() { String::new() } else { format!(" ({})", exposed.join(", ")) };
    let why = WireStr::from(judged.judgement.why.as_ref());
    format!("connection {number}{place}{app}: {}{kinds}: {why}", judged.judgement.grade.word())
}

/// Every statement on a connection, with its frames.
fn notes(judged: &Judged) -> impl Iterator<Item = (String, Vec<FrameNo>)> {
    let facts = judged.facts.list().iter().map(|fact| {
        let basis = if fact.basis == Basis::Observed { String::new() } else { format!(" ({})", fact.basis.word()) };
        (format!("{}: {}{basis}", fact.what.kind().name(), fact.what.shown()), fact.evidence.frames().to_vec())
    });
    let because = judged.attribution.iter().flat_map(|attribution| &attribution.because);
    let signals = because.map(|signal| (format!("app because of {}: {}", signal.signal, signal.value), signal.evidence.frames().to_vec()));
    let findings = judged.judgement.findings.iter().map(|finding| {
        let text = WireStr::from(finding.text.as_ref());
        (format!("finding {} ({}): {text}", finding.rule.id, finding.rule.severity.word()), finding.evidence.frames().to_vec())
    });
    facts.chain(signals).chain(findings)
}
