//! `intransit live` and `intransit interfaces`.

mod canary;
mod list;
mod others;
mod owners;
mod print;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::canary::Asking;
use super::output::Output;
use super::saved::CaseFile;
use super::{Failure, Outcome, choose, file_name, keys, lock};
use crate::base::{LinkType, WireStr, escape_into};
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::engine::Options;
use crate::engine::live::{Event, Watch, Watched};
use crate::engine::named::Owners;
use crate::present::export::Format;
use crate::present::tui::Tested;
use crate::source::addresses::OwnAddresses;
use crate::source::live::{Live, LiveOptions};
use crate::source::sandbox::{self, Lock, Needs};
use crate::source::{RecordOptions, Recording, Source, interfaces};

use canary::Test;
pub use list::interfaces;
use others::Others;
#[cfg(target_os = "linux")]
pub use owners::onlooker;
use print::Printer;

#[cfg(target_os = "linux")]
use super::run::{Program as Run, Starting};

/// No program is run on this system.
#[cfg(not(target_os = "linux"))]
enum Run {}
#[cfg(not(target_os = "linux"))]
enum Starting {}

#[cfg(not(target_os = "linux"))]
impl Starting {
    fn start(self) -> Result<Run, Failure> {
        match self {}
    }
}

#[cfg(not(target_os = "linux"))]
impl Run {
    fn name(&self) -> &str {
        match *self {}
    }

    fn go(&mut self) {
        match *self {}
    }

    fn is_over(&mut self) -> bool {
        match *self {}
    }

    fn end(self, _: bool) {
        match self {}
    }
}

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

/// A device that is open, what is kept of it, and what holds of the lock.
struct Opened {
    source: Live,
    recording: Option<Recording>,
    owners: Option<Owners>,
    others: Others,
    /// The addresses of this computer, where only its own connections are shown.
    own: Option<Arc<OwnAddresses>>,
    /// Part of the name of the program whose connections are told.
    program: Option<String>,
    keys: keys::Growing,
    /// The phrase that is looked for.
    test: Option<Test>,
    settings: Options,
    /// Threads that read payload.
    workers: usize,
    lock: Option<Lock>,
    /// The one program whose network this is.
    run: Option<Run>,
    /// What marks are added to.
    case: Option<Arc<CaseFile>>,
    /// What a capture here can see.
    sees: &'static str,
    stop: Arc<AtomicBool>,
    /// What frame numbers refer to: the file that keeps the packets, else the interface.
    name: WireStr,
}

/// `intransit live`: watches until it is told to stop; on a terminal on a screen, else connections are printed as they end.
///
/// # Errors
/// When the interface cannot be watched or the output not be written.
pub fn live(options: &cli::Live, global: &Global) -> Result<Outcome, Failure> {
    begin(options, global, None)
}

/// As [`live`], in a network that is that of one program, which is started when the capture watches and ends the capture when it ends.
#[cfg(target_os = "linux")]
pub(super) fn of_program(options: &cli::Live, global: &Global, program: Starting) -> Result<Outcome, Failure> {
    begin(options, global, Some(program))
}

fn begin(options: &cli::Live, global: &Global, program: Option<Starting>) -> Result<Outcome, Failure> {
    let printed = options.headless || options.format.is_some() || options.output.is_some();
    let screen = !printed && io::stdout().is_terminal() && io::stdin().is_terminal();
    let asking = Asking::of(&options.phrase)?;
    let signals = Signals::catch().map_err(|e| failed(&e))?;
    let out = if screen { None } else { Some(Output::growing(options.output.as_deref())?) };
    let mut opened = open(options, global, &signals, screen, program)?;
    opened.test = asking.map(|asking| {
        Test::new(asking, opened.keys.equipment(), opened.settings.catalogue, screen, opened.own.clone().map(others::hiding))
    });
    if !global.quiet && opened.workers > 1 && opened.equipment().is_for_one() {
        // Standard error may be closed: the capture goes on.
        let _ = writeln!(io::stderr(), "{ONE_THREAD}");
    }
    if options.test_sandbox {
        sandbox::attempts().into_iter().for_each(|(what, denied)| {
            let _ = writeln!(io::stderr(), "{what}: {}", if denied { "denied" } else { "POSSIBLE" });
        });
    }
    let Some(out) = out else { return screen::show(opened, signals, global) };
    let format = match (options.format, options.output.as_deref()) {
        // What is read while it is written is read by programs.
        (None, None) if options.headless => Format::LINES,
        (format, output) => choose(format, output),
    };
    let files = opened.recording.as_ref().filter(|recording| recording.rotates()).map(Recording::growing_files);
    let mut printer = Printer::new(out, format, opened.name.clone(), files, signals, global.quiet);
    let watched = opened.watch(false, &mut |event, _| printer.take(event))?;
    let conclusion = opened.test.take().map(|test| test.end(&watched));
    if let Some(recording) = opened.recording.as_ref().filter(|_| !global.quiet) {
        let _ = writeln!(io::stderr(), "{}", kept(recording));
    }
    let others = opened.others.count().load(Ordering::Relaxed);
    let outcome = printer.end(&watched, conclusion.as_ref(), format, others);
    if let Some(run) = opened.run {
        run.end(global.quiet);
    }
    outcome
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Live(safe(&error.to_string()))
}

/// Opens the device and the files, says what is seen and kept, and locks the program in.
fn open(options: &cli::Live, global: &Global, signals: &Signals, screen: bool, program: Option<Starting>) -> Result<Opened, Failure> {
    let (settings, keys) = (super::settings(global)?, keys::Growing::open(global)?);
    let wanted =
        LiveOptions { interface: options.interface.clone(), filter: options.filter.clone(), monitor: options.monitor, at_once: false };
    let source = Live::open(&wanted, Arc::clone(&signals.stop)).map_err(|e| failed(&e))?;
    let recording = match &options.write {
        Some(path) => Some(Recording::begin(record_options(options, path, &source)).map_err(|e| failed(&e))?),
        None => None,
    };
    let say = |text: String| {
        if !global.quiet {
            // Standard error may be closed: the capture goes on.
            let _ = writeln!(io::stderr(), "{text}");
        }
    };
    let sees = match (&program, options.monitor) {
        (Some(_), _) => OF_PROGRAM,
        (None, true) => OF_MONITOR,
        (None, false) => interfaces::what_it_sees(source.name()),
    };
    say(format!("Watching {}: {sees}. Ctrl-C ends.", safe(source.name())));
    if options.monitor {
        say(MONITOR.to_owned());
    }
    // It must hear of new addresses, which takes a socket: before the lock.
    let own = if options.show_others { None } else { Some(Arc::new(OwnAddresses::open().map_err(|e| failed(&e))?)) };
    if let Some((path, _)) = recording.as_ref().and_then(|recording| recording.files().first()) {
        let path = safe(&path.to_string_lossy());
        say(format!("{path} keeps every packet as it went by: what was not encrypted stands in it in clear."));
    }
    #[cfg(target_os = "linux")]
    if program.is_some() && !rustix::process::geteuid().is_root() {
        sandbox::let_the_onlooker_watch().map_err(|e| failed(&e))?;
    }
    let alone = program.is_some();
    let owners = if options.no_programs { None } else { owners::start(source.name(), global, options.process.is_some(), alone, &say) };
    // Before the lock, after which nothing can be started; it waits until there is one.
    let mut run = program.map(Starting::start).transpose()?;
    let case = options.case.as_deref().map(CaseFile::open).transpose()?.map(Arc::new);
    let lock = lock::lock(global, &needs(&source, recording.as_ref(), keys.places(), screen))?;
    say(match &lock {
        Some(lock) => format!("The program is {}.", safe(&lock.to_string())),
        None => "The program is not locked in.".to_owned(),
    });
    let name = WireStr::from(options.write.as_deref().map_or_else(|| source.name().to_owned(), file_name));
    if let Some(run) = &mut run {
        // Who becomes another user forgets it.
        #[cfg(target_os = "linux")]
        crate::source::space::end_with_parent().map_err(|e| failed(&e))?;
        say(format!("{} is started.", run.name()));
        run.go();
    }
    let (program, stop) = (options.process.clone(), Arc::clone(&signals.stop));
    let others = Others::new(own.clone());
    // One where no number is given: what comes by is read as fast by one, and other programs have the rest of the computer.
    let workers = global.workers.map_or(1, usize::from);
    Ok(Opened { source, recording, owners, others, own, program, keys, test: None, settings, workers, lock, run, case, sees, stop, name })
}

impl Opened {
    /// What the dissectors are given.
    fn equipment(&self) -> Equipment {
        self.test.as_ref().map_or_else(|| self.keys.equipment(), Test::equipment)
    }

    /// Reads to the end, with keys as they come. With a tick it is told how the canary test stands, where that is new and wanted.
    fn watch(&mut self, changes: bool, tell: &mut dyn FnMut(Event<'_>, Option<Tested>)) -> Result<Watched, Failure> {
        let equipment = self.equipment();
        let Opened { source, recording, owners, others, program, keys, test, settings, workers, run, stop, .. } = self;
        let options = Options { workers: *workers, ..*settings };
        let watching = Watch { source, recording: recording.as_mut(), equipment, options, owners: owners.as_mut(), changes };
        let watched = watching.run(&mut |event| {
            // A short connection is over with these packets: its keys were written when they were sent.
            if matches!(&event, Event::Come) || matches!(&event, Event::Tick(tick) if tick.status.is_some()) {
                keys.read_on();
            }
            if matches!(&event, Event::Tick(_)) && run.as_mut().is_some_and(Run::is_over) {
                stop.store(true, Ordering::Relaxed);
            }
            // Whichever programs are told of: a connection whose program was not found in time may be the one that carried the phrase.
            let mut news = None;
            if let Some(test) = test {
                test.take(&event);
                news = if let Event::Tick(tick) = &event { test.news(tick) } else { None };
            }
            // A tick is wanted whoever is told of.
            if others.shows(&event) && owners::is_wanted(&event, program.as_deref()) {
                tell(event, news);
            }
        });
        watched.map_err(|e| failed(&e))
    }
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
fn needs(source: &Live, recording: Option<&Recording>, keys: impl Iterator<Item = PathBuf>, screen: bool) -> Needs {
    let folder = recording.filter(|recording| recording.rotates()).map(|recording| recording.folder().to_path_buf());
    let kept = recording
        .filter(|recording| screen && !recording.rotates())
        .and_then(|recording| recording.files().first())
        .map(|(path, _)| path.clone());
    // Reports are written from the screen into the folder that is open.
    let write = folder.iter().cloned().chain(screen.then(|| PathBuf::from("."))).collect();
    let devices: &[&str] = if screen { &["/dev/tty", "/dev/null"] } else { &[] };
    Needs {
        // What a screen asks of the packets is found in the file that keeps them.
        read: interfaces::counters(source.name()).into_iter().chain(keys).chain(kept).collect(),
        write,
        grow: Vec::new(),
        devices: devices.iter().map(PathBuf::from).collect(),
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

/// What a capture in the network of one program sees.
const OF_PROGRAM: &str = "only what the program and those it starts send and receive, in a network of their own";

/// What a capture in monitor mode sees.
const OF_MONITOR: &str = "every device on its radio channel, as far as Wi-Fi does not protect what it sends";

const ONE_THREAD: &str = "One thread reads, whatever --workers asks: which packets keys that still come (--keylog, SSLKEYLOGFILE) open, and where a \
                          phrase is found, must not depend on chance.";

const MONITOR: &str = "Monitor mode: this may have disconnected the interface from its network. Frames that Wi-Fi protects stay unreadable \
                       without its keys, and what other people's devices send is recorded as well; their connections are counted, and \
                       shown only with --show-others.";

/// Text of the system, safe to print.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, text.as_bytes());
    out
}
