//! `intransit inspect`: the connections of captures, one after the other, in a format.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::output::Output;
use super::progress::Progress;
use super::{Failure, Grades, Outcome, Read, Told, evidence, inputs, joined_name, keys, lock, logs, read_joined, settings, shown};
use crate::assess::Judged;
use crate::base::WireStr;
use crate::cli::{self, Global, InspectFormat};
use crate::engine::{self, Analysis};
use crate::present::export::{Fields, Format, Writer};
use crate::source::SourceError;

/// Most connections of a capture that are written by the thread that read it. What is written waits in memory until it is its turn: some
/// kilobytes a connection, for as many captures as the desk lets wait.
const MOST_WRITTEN_AHEAD: usize = 512;

/// `intransit inspect`.
///
/// # Errors
/// When the output cannot be written.
pub fn inspect(options: &cli::Inspect, global: &Global) -> Result<Outcome, Failure> {
    joinable(options)?;
    let format = match inspect_format(options) {
        InspectFormat::Connections(format) => format,
        InspectFormat::Packets => return evidence::evidence(options, global),
    };
    let settings = settings(global)?;
    let folder = options.output.as_deref().filter(|path| format.name == Format::ZEEK.name && is_for_logs(path));
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|e| Failure::Output(shown(folder), e))?;
    }
    let mut out = folder.map_or_else(|| Output::open(options.output.as_deref()), |folder| Ok(Output::nowhere(folder)))?;
    let fields = options.fields.as_deref().map(Fields::named).transpose().map_err(Failure::Usage)?;
    let mut writer: Box<dyn Writer> = match (&fields, folder) {
        (Some(fields), _) => Box::new(fields.clone()),
        (None, Some(folder)) => Box::new(logs::Logs::open(folder)?),
        (None, None) => format.writer(),
    };
    let mut tally = Read::default();
    let equipment = keys::equipment(global)?;
    lock::lock(global, &lock::reading(&options.files, Some(&out)))?;
    let mut begun = Begun::default();
    let mut failed = None;
    let mut matched = false;
    let inputs = inputs(options);
    let progress = Progress::over(options.files.iter().map(PathBuf::as_path), global.quiet);
    let another_writer = || match &fields {
        Some(fields) => Some(Box::new(fields.clone()) as Box<dyn Writer>),
        None => (format.stands_alone && folder.is_none()).then(|| format.writer()),
    };
    let several = inputs.len() > 1 && settings.workers > 1;
    engine::analyse_each(
        &inputs,
        settings,
        |paths, settings| {
            let analysis = read_joined(paths, settings, &equipment, &mut progress.of_one())?;
            let ahead = several && analysis.finished.len() <= MOST_WRITTEN_AHEAD;
            Ok(match another_writer().filter(|_| ahead) {
                Some(mut writer) => Input::Written(Written::of(analysis, options, &joined_name(paths), writer.as_mut())),
                None => Input::Read(Box::new(analysis)),
            })
        },
        |paths, result: Result<Input, SourceError>| {
            if failed.is_some() {
                return;
            }
            progress.clear();
            let name = joined_name(paths);
            let written = match result {
                Ok(Input::Read(mut analysis)) => {
                    let mut grades = Grades::default();
                    let begin = begun.with(&mut out, format, writer.as_mut(), notice(&analysis));
                    let written = analysis.judged_ahead(settings.workers, |judged| {
                        let judged = chosen(judged, options, &mut matched);
                        begin.and_then(|()| write_connections(&mut out, writer.as_mut(), &name, judged, &mut grades))
                    });
                    written.map(|()| tally.note(&name, &analysis, &grades, global.quiet))
                }
                Ok(Input::Written(Written { bytes, grades, matched: any, told, notice })) => {
                    matched |= any;
                    let begin = begun.with(&mut out, format, writer.as_mut(), notice);
                    let written = begin.and_then(|()| out.write(|to| bytes.map(|bytes| to.extend_from_slice(&bytes))));
                    written.map(|()| tally.tell(&name, &told, &grades, global.quiet))
                }
                Err(error) => {
                    tally.refuse(&name.to_string(), &error);
                    Ok(())
                }
            };
            // What was not written is not counted.
            failed = written.err();
        },
    );
    drop(progress);
    if let Some(failure) = failed {
        return Err(failure);
    }
    tally.mention_join(global.quiet);
    if tally.read == 0 && tally.refused > 0 {
        out.abandon();
        return Ok(Outcome::Nothing);
    }
    begun.with(&mut out, format, writer.as_mut(), None)?;
    out.write(|bytes| writer.end(bytes))?;
    out.finish()?;
    let outcome = tally.outcome();
    match options.fail_on {
        Some(grade) if matched => {
            let broken = if outcome == Outcome::Partial { "; and part of the input could not be read" } else { "" };
            // Standard error may be closed; the exit status tells it too.
            let _ = writeln!(io::stderr(), "intransit: a connection is {} or worse{broken}", grade.word());
            Ok(Outcome::Matched)
        }
        _ => Ok(outcome),
    }
}

/// An input that was read.
enum Input {
    /// Its connections are still to be judged and written.
    Read(Box<Analysis>),
    /// The thread that read it did that as well.
    Written(Written),
}

/// What one of several small captures comes to.
struct Written {
    bytes: io::Result<Vec<u8>>,
    grades: Grades,
    /// A connection is as bad as was asked for.
    matched: bool,
    told: Told,
    notice: Option<&'static str>,
}

impl Written {
    fn of(mut analysis: Analysis, options: &cli::Inspect, name: &WireStr, writer: &mut dyn Writer) -> Written {
        let (mut grades, mut matched, mut bytes) = (Grades::default(), false, Vec::new());
        let written = analysis.judged_ahead(1, |judged| {
            chosen(judged, options, &mut matched).try_for_each(|judged| {
                grades.count(&judged);
                writer.connection(&mut bytes, name, &judged)
            })
        });
        let told = Told::of(&analysis, &grades);
        Written { bytes: written.map(|()| bytes), grades, matched, told, notice: notice(&analysis) }
    }
}

/// The connections that the filter lets through; notes whether one is as bad as was asked for.
fn chosen<'a>(
    judged: &'a mut dyn Iterator<Item = Judged>,
    options: &'a cli::Inspect,
    matched: &'a mut bool,
) -> impl Iterator<Item = Judged> + 'a {
    let judged = judged.filter(|judged| options.filter.as_ref().is_none_or(|chosen| chosen.filter.matches(judged)));
    judged.inspect(|judged| {
        *matched |= options.fail_on.is_some_and(|worst| judged.judgement.grade <= worst && judged.judgement.counts_for_groups());
    })
}

/// That keys were used.
fn notice(analysis: &Analysis) -> Option<&'static str> {
    analysis.keys.as_ref()?.notice()
}

fn write_connections(
    out: &mut Output,
    writer: &mut dyn Writer,
    name: &WireStr,
    judged: impl Iterator<Item = Judged>,
    grades: &mut Grades,
) -> Result<(), Failure> {
    for judged in judged {
        grades.count(&judged);
        out.write(|bytes| writer.connection(bytes, name, &judged))?;
    }
    Ok(())
}

/// What stands before the first connection: that keys were used, where people read it, and the format's own beginning.
#[derive(Debug, Default)]
struct Begun {
    format: bool,
    notice: bool,
}

impl Begun {
    fn with(&mut self, out: &mut Output, format: Format, writer: &mut dyn Writer, notice: Option<&str>) -> Result<(), Failure> {
        if let Some(notice) = notice.filter(|_| format.is_for_people())
            && !std::mem::replace(&mut self.notice, true)
        {
            out.write(|bytes| writeln!(bytes, "{notice}"))?;
        }
        if !std::mem::replace(&mut self.format, true) {
            out.write(|bytes| writer.begin(bytes))?;
        }
        Ok(())
    }
}

/// Whether Zeek's logs go into this folder, which is made where it is not there; a name with a suffix is that of a file with all of them.
fn is_for_logs(path: &Path) -> bool {
    path.is_dir() || path != Path::new("-") && !path.exists() && path.extension().is_none()
}

/// Pipes cannot be read in the order of time beside others.
fn joinable(options: &cli::Inspect) -> Result<(), Failure> {
    let pipe = |path: &&PathBuf| *path == Path::new("-") || std::fs::metadata(path).is_ok_and(|about| !about.is_file());
    match options.files.iter().filter(|_| options.join && options.files.len() > 1).find(pipe) {
        Some(path) => Err(Failure::Usage(format!("--join reads files, and {} is none: save it to a file first", shown(path)))),
        None => Ok(()),
    }
}

fn inspect_format(options: &cli::Inspect) -> InspectFormat {
    let of_suffix = |path: &Path| match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("pcapng" | "ntar") => Some(InspectFormat::Packets),
        _ => Format::for_path(path).map(InspectFormat::Connections),
    };
    let suggested = || options.output.as_deref().filter(|_| options.fields.is_none()).and_then(of_suffix);
    options.format.or_else(suggested).unwrap_or(InspectFormat::Connections(Format::TABLE))
}
