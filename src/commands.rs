//! Carries out what was asked for on the command line.

mod batch;
mod canary;
mod compare;
mod dataset;
mod evidence;
mod inspect;
mod keys;
#[cfg(have_libpcap)]
mod live;
mod lock;
mod logs;
mod manual;
mod one;
mod open;
mod output;
mod place;
mod progress;
mod report;
mod rules;
#[cfg(all(have_libpcap, target_os = "linux"))]
mod run;
mod saved;
mod split;
mod verify;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::assess::{Catalogue, Grade, Judged};
use crate::base::{Timestamp, WireStr, escape_into};
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::dissect::tls;
use crate::engine::{self, Analysis, Options};
use crate::flow::{Limits, TableCounts};
use crate::link::LinkCounts;
use crate::present;
#[cfg(have_libpcap)]
use crate::present::export::Format;
use crate::source::{self, Capture, Joined, Source as _, SourceError};

pub use batch::batch;
pub use canary::canary;
pub use compare::compare;
pub use inspect::inspect;
#[cfg(all(have_libpcap, target_os = "linux"))]
pub use live::onlooker;
#[cfg(have_libpcap)]
pub use live::{interfaces, live};
pub use manual::{completions, man};
pub use one::one;
pub use open::open;
use output::{Output, closed_pipe};
pub use report::report;
pub use rules::rules;
#[cfg(all(have_libpcap, target_os = "linux"))]
pub use run::run;
pub use split::split;
pub use verify::verify;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was read.
    Done,
    /// Some input was read up to where it is damaged.
    Partial,
    /// No input could be read; what is wrong was said.
    Nothing,
    /// `--fail-on` matched, whatever else happened.
    Matched,
    /// A report is not what its captures give.
    Differs,
    /// `one`: the input is not a capture; the manifest says so.
    NotACapture,
    /// `one`: a fault of ours; the manifest says so.
    Internal,
    /// Stopped by a signal before everything was done.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Nothing | Outcome::Differs => 1,
            Outcome::Partial => 3,
            Outcome::Matched => 4,
            Outcome::NotACapture => 65,
            Outcome::Internal => 70,
            Outcome::Interrupted => 130,
        })
    }
}

/// Why a command failed: one sentence for standard error.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The output could not be written.
    #[error("cannot write {0}: {1}")]
    Output(String, io::Error),
    /// The terminal UI failed.
    #[error("{0}")]
    Terminal(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    Usage(String),
    /// A file named by an option could not be used.
    #[error("{0}: {1}")]
    Input(String, String),
    /// Too little of a strict lock holds.
    #[error("{0}")]
    Locked(String),
    /// An interface could not be watched.
    #[error("{0}")]
    Live(String),
    /// Keys could not be read.
    #[error("cannot read keys from {0}: {1}")]
    Keys(String, String),
}

impl Failure {
    /// 2 for what was asked wrongly, else 1.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Failure::Usage(_)) { 2 } else { 1 })
    }
}

/// Puts in force what the options of every command ask for, before anything is read.
///
/// # Errors
/// When a file with roots cannot be read or holds none.
pub fn prepare(global: &Global) -> Result<(), Failure> {
    // A file that may grow no further is an error of writing, as a full disk, and no reason to be ended with half a file left behind.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    if global.unmask {
        crate::base::Readable::unmask();
    }
    if global.roots.is_empty() {
        return Ok(());
    }
    let mut roots = Vec::new();
    for path in &global.roots {
        let failed = |why: String| Failure::Input(shown(path), why);
        let bytes = std::fs::read(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
        let found = tls::chain::certificates(&bytes);
        if found.is_empty() {
            return Err(failed("holds no certificate; expected PEM or DER".into()));
        }
        roots.extend(found);
    }
    tls::chain::trust(&roots).map_err(|e| Failure::Input("--roots".into(), e))
}

/// `intransit` alone: what one can do.
///
/// # Errors
/// When standard output cannot be written.
pub fn hello() -> Result<Outcome, Failure> {
    let text = "intransit captures/demo.pcapng   look at the bundled demo\n\
                intransit FILE                   open a capture (pcap, pcapng; .gz, .zst, .xz)\n\
                intransit live                   watch this computer's traffic (intransit --help for the rest)\n";
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// `intransit platforms`: the catalogue, or one entry of it.
///
/// # Errors
/// When the catalogue cannot be read, there is no such entry, or standard output cannot be written.
pub fn platforms(options: &cli::Platforms, global: &Global) -> Result<Outcome, Failure> {
    let catalogue = catalogue(global)?;
    let text = match &options.id {
        None => present::platforms::list(catalogue, now()),
        Some(id) => present::platforms::page(catalogue, id, now())
            .ok_or_else(|| Failure::Usage(format!("no platform is called \"{}\": `intransit platforms` lists them", id.escape_debug())))?,
    };
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// `intransit schema`: the JSON Schema of an output, or what there is.
///
/// # Errors
/// When standard output cannot be written.
pub fn schema(options: &cli::Schema) -> Result<Outcome, Failure> {
    let schemas = present::schema::SCHEMAS;
    let list = || {
        schemas
            .iter()
            .map(|(name, _)| format!("intransit schema {name}\n"))
            .chain(["intransit schema dataset\n".to_owned()])
            .collect::<String>()
    };
    let text = match options.what.as_deref() {
        Some("dataset") => present::export::dataset::schema_json(),
        what => what.and_then(present::schema::named).map_or_else(list, str::to_owned),
    };
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// `intransit live` in a build without libpcap.
///
/// # Errors
/// Always: what to install, and to build again.
#[cfg(not(have_libpcap))]
pub fn live(_options: &cli::Live, _global: &Global) -> Result<Outcome, Failure> {
    interfaces()
}

/// `intransit interfaces` in a build without libpcap.
///
/// # Errors
/// Always: what to install, and to build again.
#[cfg(not(have_libpcap))]
pub fn interfaces() -> Result<Outcome, Failure> {
    Err(Failure::Live(
        "this build cannot watch interfaces because libpcap was not found when it was built: install it \
         (Debian and Ubuntu: apt install libpcap-dev; Fedora: dnf install libpcap-devel) and run `cargo build --release` again"
            .into(),
    ))
}

/// `intransit run`, where there is none.
///
/// # Errors
/// Always.
#[cfg(not(all(have_libpcap, target_os = "linux")))]
pub fn run(_options: &cli::Run, _global: &Global) -> Result<Outcome, Failure> {
    Err(Failure::Live("`run` works on Linux only, by a build with libpcap".into()))
}

/// The helper that looks which programs hold sockets, where there is none.
///
/// # Errors
/// Always.
#[cfg(not(all(have_libpcap, target_os = "linux")))]
pub fn onlooker(_interface: &str, _test_sandbox: bool) -> Result<Outcome, Failure> {
    Err(Failure::Live("programs can be named on Linux only, by a build with libpcap".into()))
}

fn settings(global: &Global) -> Result<Options, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = global.workers.map_or(processors, usize::from);
    let limits = Limits { max_flows: usize::try_from(global.max_flows).unwrap_or(usize::MAX) };
    Ok(Options { workers, limits, catalogue: catalogue(global)? })
}

/// The catalogue of the program, and what `--catalogue` adds to it. Read once, and kept until the program ends.
fn catalogue(global: &Global) -> Result<&'static Catalogue, Failure> {
    let Some(path) = &global.catalogue else { return Ok(Catalogue::own()) };
    let failed = |why: String| Failure::Input(shown(path), why);
    let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let catalogue = Catalogue::with(&text).map_err(|e| failed(format!("is no catalogue of platforms: {e}")))?;
    Ok(Box::leak(Box::new(catalogue)))
}

/// The time of the clock, to the second.
fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(have_libpcap)]
fn choose(format: Option<Format>, output: Option<&Path>) -> Format {
    format.or_else(|| Format::for_path(output?)).unwrap_or(Format::TABLE)
}

/// Reads an input with keys: a file twice, when secrets are in it; standard input and pipes once, with what secrets have come by then.
fn read_input(path: &Path, settings: Options, equipment: &Equipment, progress: &mut dyn FnMut(&Capture)) -> Result<Analysis, SourceError> {
    let once = Equipment { growing: true, ..equipment.branch() };
    // Keys come in the middle: with several workers, chance would decide who sees them in time.
    let alone = Options { workers: 1, ..settings };
    if path == Path::new("-") {
        return engine::analyse_with(&mut source::read(io::stdin(), None)?, alone, &once, progress);
    }
    let mut opened = source::open(path)?;
    // Only a file has a length, and can be read again.
    if opened.capture().input_len.is_none() {
        return engine::analyse_with(&mut opened, alone, &once, progress);
    }
    let mut first = Some(opened);
    engine::analyse_twice(|| first.take().map_or_else(|| source::open(path), Ok), settings, equipment, progress)
}

/// As [`read_input`]; several files as one capture.
fn read_joined(
    paths: &[PathBuf],
    settings: Options,
    equipment: &Equipment,
    progress: &mut dyn FnMut(&Capture),
) -> Result<Analysis, SourceError> {
    match paths {
        [path] => read_input(path, settings, equipment, progress),
        several => engine::analyse_twice(|| Joined::open(several), settings, equipment, progress),
    }
}

/// What is read as one capture each.
fn inputs(options: &cli::Inspect) -> Vec<Vec<PathBuf>> {
    if options.join { vec![options.files.clone()] } else { options.files.iter().map(|path| vec![path.clone()]).collect() }
}

/// The name of one capture, or of several that are read as one: `a.pcap+b.pcap`.
fn joined_name(paths: &[PathBuf]) -> WireStr {
    WireStr::from(paths.iter().map(|path| file_name(path)).collect::<Vec<_>>().join("+"))
}

/// The file's own name, as in the output.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A path for an error message, safe to print.
fn shown(path: &Path) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, path.as_os_str().as_encoded_bytes());
    out
}

/// What became of the inputs.
#[derive(Debug, Default)]
struct Read {
    read: usize,
    refused: usize,
    damaged: usize,
    /// When each input began and ended, with its name.
    spans: Vec<(Timestamp, Timestamp, WireStr)>,
}

impl Read {
    fn note(&mut self, name: &WireStr, analysis: &Analysis, grades: &Grades, quiet: bool) {
        self.tell(name, &Told::of(analysis, grades), grades, quiet);
    }

    fn tell(&mut self, name: &WireStr, told: &Told, grades: &Grades, quiet: bool) {
        self.read += 1;
        self.spans.extend(grades.span.map(|(start, end)| (start, end, name.clone())));
        let mut err = io::stderr().lock();
        // Standard error may be closed; the data still goes out.
        if let Some(damage) = &told.damage {
            self.damaged += 1;
            let _ = writeln!(err, "intransit: {name}: {damage}");
        }
        if let Some(lost) = &told.lost {
            self.damaged += usize::from(told.damage.is_none());
            let _ = writeln!(err, "intransit: {name}: {lost}");
        }
        if !quiet {
            let _ = writeln!(err, "{name}: {}", told.summary);
        }
    }

    /// One file that goes on where another ended is likely one capture in two files.
    fn mention_join(&self, quiet: bool) {
        let mut spans: Vec<_> = self.spans.iter().collect();
        spans.sort_by_key(|(start, ..)| *start);
        let follows = spans.windows(2).find_map(|pair| match pair {
            [(_, end, first), (start, _, second)] => (start >= end && start.since(*end) <= 1_000_000_000).then_some((first, second)),
            _ => None,
        });
        if let (Some((first, second)), false) = (follows, quiet) {
            // Standard error may be closed; nothing hangs on this.
            let _ = writeln!(io::stderr(), "{second} begins within a second of the end of {first}: --join takes files as one capture");
        }
    }

    fn refuse(&mut self, path: &str, error: &SourceError) {
        self.refused += 1;
        let mut text = String::new();
        let _ = escape_into(&mut text, error.to_string().as_bytes());
        let _ = writeln!(io::stderr(), "intransit: {path}: {text}");
    }

    fn outcome(&self) -> Outcome {
        if self.damaged + self.refused > 0 { Outcome::Partial } else { Outcome::Done }
    }
}

/// What is said of an input that was read.
struct Told {
    /// Where it broke.
    damage: Option<String>,
    /// Connections that are missing from the output.
    lost: Option<String>,
    summary: String,
}

impl Told {
    fn of(analysis: &Analysis, grades: &Grades) -> Told {
        let damage = analysis.capture.damage.is_some().then(|| notes(analysis).into_iter().next().unwrap_or_default());
        let lost = analysis.finished.counts().lost;
        let lost = (lost > 0).then(|| format!("{lost} {LOST}: of these not everything was told"));
        Told { damage, lost, summary: summary(analysis, grades) }
    }
}

/// What was read and what could not be, in one line.
fn summary(analysis: &Analysis, grades: &Grades) -> String {
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let (connections, frames) = (analysis.finished.len() as u64, analysis.capture.frames);
    let counted = format!("{connections} connection{} in {frames} frame{}", plural(connections), plural(frames));
    let grades = grades.to_string();
    let mut parts = vec![if grades.is_empty() { counted } else { format!("{counted}: {grades}") }];
    parts.extend(part_note(analysis));
    parts.extend(bounds(&analysis.link, analysis.finished.counts(), analysis.links.left_out()));
    parts.extend(analysis.keys.as_ref().map(|keys| keys.sentence()));
    parts.join("; ")
}

/// How many connections have which grade. Those that showed only names or service data stand apart, as they do in every group.
#[derive(Debug, Default)]
struct Grades {
    counts: [u64; Grade::ALL.len()],
    names_or_service: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl Grades {
    fn count(&mut self, judged: &Judged) {
        let judgement = &judged.judgement;
        let (start, end) = self.span.unwrap_or((judged.start, judged.end));
        self.span = Some((start.min(judged.start), end.max(judged.end)));
        let slot = Grade::ALL.iter().position(|grade| *grade == judgement.grade).and_then(|at| self.counts.get_mut(at));
        match slot {
            Some(count) if judgement.counts_for_groups() => *count += 1,
            _ => self.names_or_service += 1,
        }
    }
}

/// `6 protected, 1 weak, 2 exposed, 1 unknown; 9 only names or service data`.
impl std::fmt::Display for Grades {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told: Vec<String> = [Grade::Protected, Grade::Weak, Grade::Custom, Grade::Exposed, Grade::Unknown, Grade::None]
            .iter()
            .filter_map(|grade| {
                let count = *Grade::ALL.iter().position(|known| known == grade).and_then(|at| self.counts.get(at))?;
                let word = if *grade == Grade::None { "without payload" } else { grade.word() };
                (count > 0).then(|| format!("{count} {word}"))
            })
            .collect();
        f.write_str(&told.join(", "))?;
        if self.names_or_service > 0 {
            let comma = if told.is_empty() { "" } else { ", " };
            write!(f, "{comma}{} with only names or service data in clear", self.names_or_service)?;
        }
        Ok(())
    }
}

/// What the reader of a report must know before the rest: damage, and everything that was counted but not read.
fn notes(analysis: &Analysis) -> Vec<String> {
    let damage = analysis.capture.damage.iter().map(|damage| {
        let mut what = String::new();
        // Writing to a String cannot fail.
        let _ = escape_into(&mut what, damage.to_string().as_bytes());
        format!("{what}; the {} frames before it were read", analysis.capture.frames)
    });
    damage.chain(part_note(analysis)).chain(bounds(&analysis.link, analysis.finished.counts(), analysis.links.left_out())).collect()
}

/// Of a part of a capture: what its numbers mean.
fn part_note(analysis: &Analysis) -> Option<String> {
    let part = analysis.capture.part?;
    Some(format!("{part} of a capture: frames have the numbers of the whole, and connections of other parts are not told here"))
}

const LOST: &str = "connections that could not be read back from the temporary file they waited in";

/// What was seen but not read, by reason.
fn bounds(link: &LinkCounts, counts: TableCounts, announced_left_out: u64) -> Vec<String> {
    let unknown_link: u64 = link.unknown_link.iter().map(|(_, n)| n).sum();
    [
        (link.truncated, "frames cut short by the capture"),
        (link.malformed, "malformed frames"),
        (link.wlan_protected, "Wi-Fi frames protected by the radio layer and not readable"),
        (unknown_link, "frames of a link type that is not read"),
        (link.fragments_dropped, "IP fragments never completed"),
        (counts.evicted, "connections reported early because the table was full"),
        (counts.unread, "connections not read to their end because too many were read at once"),
        (counts.failed, "connections not read to their end because of an internal error, which is a fault of intransit: please report it"),
        (counts.lost, LOST),
        (counts.strays, "late segments of closed connections"),
        (announced_left_out, "announcements of names, media or connection ids that found no room"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect()
}
