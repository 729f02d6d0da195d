//! A pool of processes, one capture each.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::dataset::Identity;
use super::super::progress::Progress;
use super::super::{Failure, shown};
use crate::cli::{self, Global};

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(5);

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
pub(super) fn run(todo: &[(PathBuf, Identity)], options: &cli::Batch, global: &Global) -> Result<Ran, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|e| Failure::Terminal(format!("cannot watch for signals: {e}")))?;
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let most = options.jobs.map_or(processors, usize::from);
    let failed = |e: io::Error| Failure::Input("intransit one".into(), format!("cannot be started: {e}"));
    let mut ran = Ran::default();
    let mut running: Vec<Running> = Vec::new();
    let progress = Progress::over_captures(todo.iter().map(|(_, id)| id.bytes.unwrap_or(0)), global.quiet);
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
                    progress.capture_done(one.bytes);
                    if stopping {
                        continue;
                    }
                    settle(one, status, options, global, &progress, &mut ran).map_err(failed)?;
                }
            }
        }
        progress.tick(running.len());
        std::thread::sleep(LOOK);
    }
    drop(progress);
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
fn settle(
    mut one: Running,
    status: ExitStatus,
    options: &cli::Batch,
    global: &Global,
    progress: &Progress,
    ran: &mut Ran,
) -> io::Result<()> {
    let said = tail(&mut one.err)?;
    let key = tail(&mut one.out)?;
    if key.ends_with("known\n") {
        ran.known += 1;
        return Ok(());
    }
    if key.ends_with("new\n") {
        ran.new += 1;
        if !said.is_empty() {
            progress.clear();
        }
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
    progress.clear();
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
