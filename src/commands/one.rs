//! `intransit one`: a capture into a dataset. What engines of clusters call, and `intransit batch`.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::dataset::{Configuration, Dataset, Identity, Manifest, Staging, Status, Told, hex};
use super::output::closed_pipe;
use super::{Failure, Outcome, keys, lock, report, settings, shown};
use crate::cli::{self, Global, Poison};
use crate::dissect::Equipment;
use crate::engine::{Analysis, Options};
use crate::source::sandbox::Needs;
use crate::source::{self, SourceError};

/// Writes a capture into a dataset: tables first, the manifest last. On standard output: the key, the status, and whether it was `new`.
///
/// # Errors
/// When the dataset cannot be written.
pub fn one(options: &cli::One, global: &Global) -> Result<Outcome, Failure> {
    #[cfg(target_os = "linux")]
    if options.child {
        // Where it cannot be, the process ends on its own.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }
    let dataset = Dataset::open(&options.out)?;
    let configuration = Configuration::of(global)?;
    let equipment = keys::equipment(global)?;
    let settings = Options { workers: global.workers.map_or(1, usize::from), ..settings(global)? };
    lock::lock(
        global,
        &Needs {
            read: vec![options.file.clone()],
            write: vec![std::env::temp_dir()],
            grow: vec![dataset.root().to_path_buf()],
            ..Needs::default()
        },
    )?;
    if let Some(mb) = options.memory {
        let most = Some(u64::from(mb) << 20);
        // Where there are no such limits, the caller's own hold.
        let _ = setrlimit(Resource::Data, Rlimit { current: most, maximum: most });
    }
    let name = Identity::of(&options.file);
    let one = One { options, dataset, configuration, name };
    let manifest = one.manifest(settings, &equipment).map_err(|e| Failure::Output(shown(&options.out), e))?;
    let new = if manifest.1 { "new" } else { "known" };
    let manifest = manifest.0;
    // A reader that has gone has the manifest.
    let line = format!("{}\t{}\t{new}\n", manifest.key, manifest.status.word());
    let said = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
    said.or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    let mut err = io::stderr().lock();
    if !global.quiet || manifest.status != Status::Ok {
        let rows: Vec<String> = manifest.rows.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
        let said = if manifest.messages.is_empty() { rows.join(", ") } else { manifest.messages.join("; ") };
        let _ = writeln!(err, "intransit: {}: {}: {said}", shown(&options.file), manifest.status.word());
    }
    Ok(match manifest.status {
        Status::Ok => Outcome::Done,
        Status::Partial => Outcome::Partial,
        Status::Unreadable if manifest.sha256.is_some() => Outcome::NotACapture,
        Status::Unreadable => Outcome::Nothing,
        Status::Crashed if options.mark_crashed.is_some() => Outcome::Done,
        Status::Crashed => Outcome::Internal,
    })
}

struct One<'a> {
    options: &'a cli::One,
    dataset: Dataset,
    configuration: Configuration,
    name: Identity,
}

impl One<'_> {
    /// The manifest that stands in the end, and whether it is new.
    fn manifest(&self, settings: Options, equipment: &Equipment) -> io::Result<(Manifest, bool)> {
        let path = &self.options.file;
        if let Some(why) = &self.options.mark_crashed {
            return self.crashed(why);
        }
        if let Some(known) = self.known() {
            return Ok((known, false));
        }
        let read = catch_unwind(AssertUnwindSafe(|| {
            self.options.test_poison.iter().filter(|poison| shown(path).contains(&poison.name)).for_each(befall);
            report::read_hashed(path, settings, equipment, &mut |_| {}).map(|(analysis, hash)| (hash, analysis))
        }));
        let staging = Staging::begin(&self.dataset)?;
        match read {
            Ok(Ok((Ok((sha256, bytes)), analysis))) => {
                let written = catch_unwind(AssertUnwindSafe(|| self.write(staging, sha256, bytes, &analysis)));
                match written {
                    Ok(written) => written,
                    Err(panic) => self.crashed(&panic_text(panic.as_ref())),
                }
            }
            Ok(Ok((Err(error), _)) | Err(SourceError::Io(error))) => self.unreadable(staging, None, &format!("it cannot be read: {error}")),
            Ok(Err(error)) => self.unreadable(staging, content(path), &error.to_string()),
            Err(panic) => self.crashed(&panic_text(panic.as_ref())),
        }
    }

    /// What stands already of this very content; a new name is added to it.
    fn known(&self) -> Option<Manifest> {
        let (sha256, _) = content(&self.options.file)?;
        let mut manifest = self.dataset.manifest(&self.configuration.key(&sha256)).filter(|manifest| manifest.status.is_final())?;
        if !manifest.names.contains(&self.name) {
            manifest.names.insert(0, self.name.clone());
            Staging::begin(&self.dataset).and_then(|staging| staging.rename(manifest.clone())).ok()?;
        }
        Some(manifest)
    }

    fn write(&self, mut staging: Staging, sha256: [u8; 32], bytes: u64, analysis: &Analysis) -> io::Result<(Manifest, bool)> {
        let key = self.configuration.key(&sha256);
        let status = if analysis.capture.damage.is_some() { Status::Partial } else { Status::Ok };
        let mut manifest = Manifest::new(key, self.configuration.text(), status, self.name.clone());
        manifest.sha256 = Some(hex(&sha256));
        manifest.bytes = bytes;
        manifest.frames = analysis.capture.frames;
        let mut told = Told::default();
        for judged in analysis.judged() {
            told.add(&judged);
            staging.connection(&manifest.key, &judged)?;
        }
        manifest.told = told;
        for note in super::notes(analysis) {
            manifest.say(note)?;
        }
        if let Some(keys) = &analysis.keys {
            manifest.say(keys.sentence())?;
        }
        if staging.without_day() > 0 {
            manifest.say(format!(
                "{} connections have no partition of their own: they begin on too many different days",
                staging.without_day()
            ))?;
        }
        let published = staging.publish(manifest)?;
        // It could not be opened before.
        let _ = std::fs::remove_file(self.dataset.manifest_path(&self.key_of_name()));
        Ok(published)
    }

    /// Of a file whose content is not known: by its name.
    fn key_of_name(&self) -> String {
        self.configuration.key(format!("no content: {}", self.name.path).as_bytes())
    }

    fn unreadable(&self, staging: Staging, content: Option<([u8; 32], u64)>, why: &str) -> io::Result<(Manifest, bool)> {
        let key = content.map_or_else(|| self.key_of_name(), |(sha256, _)| self.configuration.key(&sha256));
        let mut manifest = Manifest::new(key, self.configuration.text(), Status::Unreadable, self.name.clone());
        if let Some((sha256, bytes)) = content {
            manifest.sha256 = Some(hex(&sha256));
            manifest.bytes = bytes;
        }
        manifest.say(why)?;
        staging.publish(manifest)
    }

    fn crashed(&self, why: &str) -> io::Result<(Manifest, bool)> {
        let content = content(&self.options.file);
        let key = content.map_or_else(|| self.key_of_name(), |(sha256, _)| self.configuration.key(&sha256));
        // Somebody else may have come through.
        if let Some(known) = self.dataset.manifest(&key).filter(|manifest| manifest.status.is_final()) {
            return Ok((known, false));
        }
        let mut manifest = Manifest::new(key, self.configuration.text(), Status::Crashed, self.name.clone());
        if let Some((sha256, bytes)) = content {
            manifest.sha256 = Some(hex(&sha256));
            manifest.bytes = bytes;
        }
        manifest.say(why)?;
        Staging::begin(&self.dataset)?.publish(manifest)
    }
}

/// SHA-256 and octets of a regular file.
fn content(path: &Path) -> Option<([u8; 32], u64)> {
    let is_file = path != Path::new("-") && std::fs::metadata(path).is_ok_and(|about| about.is_file());
    is_file.then(|| source::sha256(std::fs::File::open(path)?)).and_then(Result::ok)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a fault of the program: {}", text.unwrap_or_default())
}

/// For tests.
fn befall(poison: &Poison) {
    match poison.kind.as_str() {
        "crash" => std::process::abort(),
        "hang" => loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
        "memory" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(vec![1; 16 << 20]);
            }
        }
        _ => std::panic::resume_unwind(Box::new("asked for by a test")),
    }
}
