//! `intransit live` and `intransit interfaces`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::output::{Output, closed_pipe};
use super::{Failure, Grades, Outcome, choose, file_name, keys, lock};
use crate::assess::Judged;
use crate::base::{LinkType, WireStr, escape_into};
use crate::cli::{self, Global};
use crate::engine::live::{Event, Tick, Watch, Watched};
use crate::present::export::{Format, Writer};
use crate::source::interfaces::{self, Found};
use crate::source::live::{Live, LiveOptions};
use crate::source::sandbox::Needs;
use crate::source::{Drops, RecordOptions, Recording, Source, SourceError, Status};

/// Signals that a running capture listens to.
struct Signals {
    stop: Arc<AtomicBool>,
    statistics: Arc<AtomicBool>,
}

impl Signals {
    /// From now on SIGINT, SIGTERM and SIGHUP end the capture with everything written, a second SIGINT ends the program at once, and
    /// SIGUSR1 asks for statistics.
    fn catch() -> io::Result<Signals> {
        let (stop, statistics) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        // Before the flag is set for the first time this does nothing.
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop))?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        signal_hook::flag::register(SIGUSR1, Arc::clone(&statistics))?;
        Ok(Signals { stop, statistics })
    }
}

/// `intransit live`: watches until it is told to stop, and prints connections as they end.
///
/// # Errors
/// When the interface cannot be watched or the output not be written.
pub fn live(options: &cli::Live, global: &Global) -> Result<Outcome, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::Live(safe(&e.to_string()));
    let (settings, mut growing) = (super::settings(global)?, keys::Growing::open(global)?);
    let equipment = growing.equipment();
    let signals = Signals::catch().map_err(|e| failed(&e))?;
    let wanted = LiveOptions { interface: options.interface.clone(), filter: options.filter.clone(), monitor: options.monitor };
    let mut source = Live::open(&wanted, Arc::clone(&signals.stop)).map_err(|e| failed(&e))?;
    let format = match (options.format, options.output.as_deref()) {
        // What is read while it is written is read by programs.
        (None, None) if options.headless => Format::LINES,
        (format, output) => choose(format, output),
    };
    let mut recording = match &options.write {
        Some(path) => Some(Recording::begin(record_options(options, path, &source)).map_err(|e| failed(&e))?),
        None => None,
    };
    let name = safe(source.name());
    // The numbers of frames are those of the file that keeps them.
    let kept_in = options.write.as_deref().map_or_else(|| source.name().to_owned(), file_name);
    let mut printer = Printer {
        out: Output::growing(options.output.as_deref())?,
        writer: format.writer(),
        name: WireStr::from(kept_in),
        signals,
        quiet: global.quiet,
        over: 0,
        grades: Grades::default(),
        status: None,
        failed: None,
    };
    printer.say(|| format!("Watching {name}: {}. Ctrl-C ends.", interfaces::what_it_sees(source.name())));
    if options.monitor {
        printer.say(|| MONITOR.to_owned());
    }
    if let Some((path, _)) = recording.as_ref().and_then(|recording| recording.files().first()) {
        printer.say(|| {
            format!("{} keeps every packet as it went by: what was not encrypted stands in it in clear.", safe(&path.to_string_lossy()))
        });
    }
    let lock = lock::lock(global, &needs(&source, recording.as_ref(), growing.places()))?;
    printer.say(|| match &lock {
        Some(lock) => format!("The program is {}.", safe(&lock.to_string())),
        None => "The program is not locked in.".to_owned(),
    });
    if options.test_sandbox {
        crate::source::sandbox::attempts().into_iter().for_each(|(what, denied)| {
            let _ = writeln!(io::stderr(), "{what}: {}", if denied { "denied" } else { "POSSIBLE" });
        });
    }
    printer.begin();
    let watching = Watch { source: &mut source, recording: recording.as_mut(), equipment, options: settings, changes: false };
    let watched = watching
        .run(&mut |event| {
            growing.read_on();
            printer.take(event)
        })
        .map_err(|e| failed(&e))?;
    if let Some(recording) = &recording {
        printer.say(|| kept(recording));
    }
    printer.end(watched)
}

fn record_options(options: &cli::Live, path: &Path, source: &Live) -> RecordOptions {
    let interface = source.capture().interfaces.first();
    RecordOptions {
        path: path.to_path_buf(),
        rotate_size: options.rotate_size,
        rotate_time: options.rotate_time,
        interface: source.name().to_owned(),
        link: interface.map_or(LinkType(0), |interface| interface.link),
        snaplen: interface.map_or(0, |interface| interface.snaplen),
        filter: source.filter().map(ToOwned::to_owned),
    }
}

/// Further files of the capture, key logs, and what libpcap counts the interface's losses by.
fn needs(source: &Live, recording: Option<&Recording>, keys: impl Iterator<Item = PathBuf>) -> Needs {
    let folder = recording.filter(|recording| recording.rotates()).map(|recording| recording.folder().to_path_buf());
    Needs {
        read: interfaces::counters(source.name()).into_iter().chain(keys).collect(),
        write: folder.iter().cloned().collect(),
        devices: Vec::new(),
        become_invoker: true,
        keeps_making_files_in: folder,
    }
}

/// What was kept, and where.
fn kept(recording: &Recording) -> String {
    let name = |path: &Path| safe(&path.to_string_lossy());
    match recording.files() {
        [(path, _)] => format!("{} packets kept in {}", recording.frames(), name(path)),
        files => {
            let each: Vec<String> = files.iter().map(|(path, first)| format!("{} from frame {first}", name(path))).collect();
            format!("{} packets kept in {} files: {}", recording.frames(), files.len(), each.join(", "))
        }
    }
}

const MONITOR: &str = "Monitor mode: this may have disconnected the interface from its network. Frames that Wi-Fi protects stay unreadable \
                       without its keys, and what other people's devices send is recorded as well.";

/// Prints connections as they end.
struct Printer {
    out: Output,
    writer: Box<dyn Writer>,
    name: WireStr,
    signals: Signals,
    quiet: bool,
    over: u64,
    grades: Grades,
    status: Option<Status>,
    failed: Option<Failure>,
}

impl Printer {
    /// A sentence on standard error, which may be closed: the capture goes on.
    fn say(&self, text: impl FnOnce() -> String) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", text());
        }
    }

    fn begin(&mut self) {
        let Printer { out, writer, .. } = self;
        let done = out.write(|bytes| writer.begin(bytes)).and_then(|()| out.flush());
        self.note(done);
    }

    /// What cannot be written ends the capture.
    fn note(&mut self, done: Result<(), Failure>) {
        if let Err(failure) = done {
            self.failed.get_or_insert(failure);
        }
        if self.failed.is_some() || self.out.is_closed() {
            self.signals.stop.store(true, Ordering::Relaxed);
        }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Over(connection) => self.connection(&connection),
            Event::Changed(_) => {}
            Event::Tick(tick) => self.tick(tick),
        }
    }

    fn connection(&mut self, connection: &Judged) {
        self.over += 1;
        self.grades.count(connection);
        if self.failed.is_none() {
            let Printer { out, writer, name, .. } = self;
            let done = out.write(|bytes| writer.connection(bytes, name, connection));
            self.note(done);
        }
    }

    fn tick(&mut self, tick: &Tick<'_>) {
        if let Some(status) = tick.status {
            if self.status.as_ref().is_some_and(|before| before.down_since != status.down_since) {
                let name = &status.interface;
                self.say(|| match status.down_since {
                    Some(since) => format!("{name} has been down since {}; the capture goes on when it is up", since.seconds()),
                    None => format!("{name} is up again"),
                });
            }
            self.status = Some(status.clone());
            let done = self.out.flush();
            self.note(done);
        }
        if self.signals.statistics.swap(false, Ordering::Relaxed) {
            let drops = self.status.as_ref().map_or_else(String::new, |status| format!("; {}", status.drops));
            let open = tick.counts.flows.saturating_sub(self.over);
            let line = format!("{} frames, {} connections over, {open} going on{drops}", tick.capture.frames, self.over);
            // Asked for: said even where nothing else is.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// What was seen and what was lost, in one line.
    fn summary(&self, watched: &Watched) -> String {
        let counted = format!("{}: {} connections in {} frames", self.name, self.over, watched.capture.frames);
        let grades = self.grades.to_string();
        let mut parts = vec![if grades.is_empty() { counted } else { format!("{counted}: {grades}") }];
        parts.extend(super::bounds(&watched.link, watched.counts));
        parts.extend(watched.keys.as_ref().map(|keys| keys.sentence()));
        parts.extend(watched.status.as_ref().map(|status| status.drops.to_string()));
        parts.join("; ")
    }

    fn end(mut self, watched: Watched) -> Result<Outcome, Failure> {
        let Printer { out, writer, .. } = &mut self;
        let done = out.write(|bytes| writer.end(bytes));
        self.note(done);
        let drops = watched.status.as_ref().map(|status| status.drops);
        self.say(|| self.summary(&watched));
        if let Some(drops) = drops.filter(Drops::is_serious) {
            // A warning is no summary: --quiet does not silence it.
            let _ = writeln!(
                io::stderr(),
                "intransit: warning: {drops}; connections may look cut, one-sided or begun before the capture because of it"
            );
        }
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        self.out.finish()?;
        if let Some(error) = &watched.unwritten {
            let _ = writeln!(io::stderr(), "intransit: {}", safe(&error.to_string()));
            return Ok(Outcome::Partial);
        }
        match &watched.capture.damage {
            Some(damage) => {
                let _ = writeln!(
                    io::stderr(),
                    "intransit: {}: the capture broke off: {}; the {} frames before were read and everything is written",
                    watched.status.as_ref().map_or(&self.name, |status| &status.interface),
                    safe(&damage.what),
                    watched.capture.frames
                );
                Ok(Outcome::Partial)
            }
            None => Ok(Outcome::Done),
        }
    }
}

/// `intransit interfaces`.
///
/// # Errors
/// When they cannot be listed, or standard output not be written.
pub fn interfaces() -> Result<Outcome, Failure> {
    let found = interfaces::list().map_err(|e: SourceError| Failure::Live(safe(&e.to_string())))?;
    let mut text = table(&found);
    if !found.iter().any(Found::is_worth_watching) {
        text.push_str("no interface leads to a network at the moment\n");
    }
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// A line per interface; `*` marks those worth watching.
fn table(found: &[Found]) -> String {
    let rows: Vec<[String; 5]> = found
        .iter()
        .map(|f| {
            let addresses: Vec<String> = f.addresses.iter().map(ToString::to_string).collect();
            let link = if f.wireless { "Wi-Fi" } else { f.link };
            [
                format!("{}{}", if f.is_worth_watching() { "* " } else { "  " }, safe(&f.name)),
                if f.up { "up" } else { "down" }.to_owned(),
                link.to_owned(),
                if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") },
                f.advice().to_owned(),
            ]
        })
        .collect();
    let heads = ["  name", "state", "link", "addresses", "what one sees there"].map(ToOwned::to_owned);
    let mut widths = [0_usize; 5];
    for row in std::iter::once(&heads).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&rows) {
        let mut line = String::new();
        for (&width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Text of the system, safe to print.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, text.as_bytes());
    out
}
