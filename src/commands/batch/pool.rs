//! A pool of processes, one capture each.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::dataset::Identity;
use super::super::{Failure, shown};
use crate::cli::{self, Global};

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(200);

/// What the pool came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// Captures that were read.
    pub new: usize,
    /// Captures whose content was in the dataset already.
    pub known: usize,
    /// Ended by a signal from outside.
    pub interrupted: bool,
    /// Why the dataset could not be written.
    pub failure: Option<String>,
}

struct Running {
    child: Child,
    path: PathBuf,
    bytes: u64,
    since: Instant,
    out: File,
    err: File,
    late: bool,
}

/// Runs `intransit one` for each capture.
pub(super) fn run(todo: &[(PathBuf, Identity)], options: &cli::Batch, global: &Global, show: bool) -> Result<Ran, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|e| Failure::Terminal(format!("cannot watch for signals: {e}")))?;
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let most = options.jobs.map_or(processors, usize::from);
    let failed = |e: io::Error| Failure::Input("intransit one".into(), format!("cannot be started: {e}"));
    let mut ran = Ran::default();
    let mut running: Vec<Running> = Vec::new();
    let mut bar = Bar::new(show, todo);
    let mut next = todo.iter();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        while running.len() < most && !stopping && ran.failure.is_none() {
            let Some((path, id)) = next.next() else { break };
            running.push(start(path, id.bytes.unwrap_or(0), options, global).map_err(failed)?);
        }
        if running.is_empty() {
            break;
        }
        let mut at = 0;
        while let Some(one) = running.get_mut(at) {
            if stopping || (!one.late && one.since.elapsed() > Duration::from_secs(options.timeout)) {
                one.late = true;
                // It may have ended by itself just now.
                let _ = one.child.kill();
            }
            match one.child.try_wait().map_err(failed)? {
                None => at += 1,
                Some(status) => {
                    let one = running.swap_remove(at);
                    bar.done(one.bytes);
                    if stopping {
                        continue;
                    }
                    settle(one, status, options, global, &mut ran).map_err(failed)?;
                }
            }
        }
        bar.draw(running.len());
        std::thread::sleep(LOOK);
    }
    bar.end();
    ran.interrupted = stop.load(Ordering::Relaxed);
    Ok(ran)
}

fn command(path: &Path, options: &cli::Batch, global: &Global) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("one").arg("--out").arg(&options.out).args(["--quiet", "--child", "--workers", "1"]);
    command.arg("--memory").arg(options.memory.to_string());
    command.arg("--max-flows").arg(global.max_flows.to_string());
    let sandbox = match global.sandbox {
        cli::Sandbox::Best => "best",
        cli::Sandbox::Strict => "strict",
        cli::Sandbox::Off => "off",
    };
    command.args(["--sandbox", sandbox]);
    for (option, paths) in [
        ("--catalogue", global.catalogue.as_slice()),
        ("--keylog", &global.keylog),
        ("--server-key", &global.server_key),
        ("--roots", &global.roots),
    ] {
        for path in paths {
            command.arg(option).arg(path);
        }
    }
    if global.unmask {
        command.arg("--unmask");
    }
    for poison in &options.test_poison {
        command.arg("--test-poison").arg(format!("{}:{}", poison.kind, poison.name));
    }
    command.stdin(Stdio::null());
    // A name may begin with a dash.
    let path = if path.is_absolute() { path.to_path_buf() } else { Path::new(".").join(path) };
    command.arg(path);
    Ok(command)
}

fn start(path: &Path, bytes: u64, options: &cli::Batch, global: &Global) -> io::Result<Running> {
    // Files, and not pipes: nobody has to read them meanwhile.
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let child = command(path, options, global)?.stdout(out.try_clone()?).stderr(err.try_clone()?).spawn()?;
    Ok(Running { child, path: path.to_path_buf(), bytes, since: Instant::now(), out, err, late: false })
}

/// What became of one capture.
fn settle(mut one: Running, status: ExitStatus, options: &cli::Batch, global: &Global, ran: &mut Ran) -> io::Result<()> {
    let said = tail(&mut one.err)?;
    let key = tail(&mut one.out)?;
    if key.ends_with("known\n") {
        ran.known += 1;
        return Ok(());
    }
    if key.ends_with("new\n") {
        ran.new += 1;
        // Standard error may be closed; the manifest says it too.
        let _ = io::stderr().write_all(said.as_bytes());
        return Ok(());
    }
    let why = match (one.late, status.code()) {
        (true, _) => format!("it took longer than {} seconds", options.timeout),
        // It could not write, or was asked wrongly: the next one would end the same way.
        (false, Some(1 | 2)) => {
            ran.failure = Some(said.trim().trim_start_matches("intransit: ").to_owned());
            return Ok(());
        }
        (false, Some(code)) => format!("the program ended with status {code}"),
        (false, None) => {
            use std::os::unix::process::ExitStatusExt as _;
            let last = said.lines().last().map_or_else(String::new, |line| format!(": {line}"));
            format!("the program was ended by signal {}{last}", status.signal().unwrap_or(0))
        }
    };
    let marked =
        command(&one.path, options, global)?.arg("--mark-crashed").arg(&why).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !marked.success() {
        ran.failure = Some(format!("{}: {why}; and its manifest could not be written", shown(&one.path)));
    }
    ran.new += 1;
    let _ = writeln!(io::stderr(), "intransit: {}: crashed: {why}", shown(&one.path));
    Ok(())
}

/// The end of what a process wrote.
fn tail(file: &mut File) -> io::Result<String> {
    let len = file.metadata()?.len();
    file.seek(io::SeekFrom::Start(len.saturating_sub(4096)))?;
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes)?;
    let text: Vec<String> = String::from_utf8_lossy(&bytes)
        .lines()
        .map(|line| {
            let mut safe = String::new();
            // Writing to a String cannot fail.
            let _ = crate::base::escape_into(&mut safe, line.as_bytes());
            safe + "\n"
        })
        .collect();
    Ok(text.concat())
}

/// How far it is, on a terminal.
struct Bar {
    show: bool,
    files: usize,
    bytes: u64,
    files_done: usize,
    bytes_done: u64,
    since: Instant,
    drawn: Instant,
}

impl Bar {
    fn new(show: bool, todo: &[(PathBuf, Identity)]) -> Bar {
        let bytes = todo.iter().filter_map(|(_, id)| id.bytes).sum();
        let now = Instant::now();
        Bar { show, files: todo.len(), bytes, files_done: 0, bytes_done: 0, since: now, drawn: now }
    }

    fn done(&mut self, bytes: u64) {
        self.files_done += 1;
        self.bytes_done = self.bytes_done.saturating_add(bytes);
    }

    fn draw(&mut self, running: usize) {
        if !self.show || self.drawn.elapsed() < DRAW {
            return;
        }
        self.drawn = Instant::now();
        let _ = write!(io::stderr(), "\r{}\x1b[K", line(self, running, self.since.elapsed()));
    }

    fn end(&mut self) {
        if self.show {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `[#########           ] 450 of 1000 captures, 120 MB/s, 2 running, 3 min left`.
fn line(bar: &Bar, running: usize, elapsed: Duration) -> String {
    let share = if bar.bytes > 0 { u128::from(bar.bytes_done) * 20 / u128::from(bar.bytes) } else { 0 };
    let full = usize::try_from(share).unwrap_or(20).min(20);
    let millis = elapsed.as_millis().max(1);
    let rate = u128::from(bar.bytes_done) * 1000 / millis;
    let left = match rate {
        0 => String::new(),
        rate => {
            let secs = u128::from(bar.bytes.saturating_sub(bar.bytes_done)) / rate;
            if secs < 90 { format!(", {secs} s left") } else { format!(", {} min left", secs.div_ceil(60)) }
        }
    };
    let rate = if rate >= 1_000_000 { format!("{} MB/s", rate / 1_000_000) } else { format!("{} kB/s", rate / 1000) };
    format!("[{:<20}] {} of {} captures, {rate}, {running} running{left}", "#".repeat(full), bar.files_done, bar.files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        let now = Instant::now();
        let bar = Bar { show: true, files: 10, bytes: 400_000_000, files_done: 5, bytes_done: 100_000_000, since: now, drawn: now };
        assert_eq!(line(&bar, 2, Duration::from_secs(10)), "[#####               ] 5 of 10 captures, 10 MB/s, 2 running, 30 s left");
    }
}
