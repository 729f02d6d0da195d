//! `intransit batch`: folders of captures into a dataset, a process for each capture, so that what goes wrong costs one of them.

mod inputs;
mod labels;
mod pool;
mod summary;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::dataset::{Configuration, Dataset, Identity, Manifest, Status, compact};
use super::output::closed_pipe;
use super::{Failure, Outcome, shown};
use crate::assess::report::counted;
use crate::cli::{self, Global};

/// Writes captures into a dataset and sums up.
///
/// # Errors
/// When there is nothing to read, labels cannot be read, or the dataset cannot be written.
pub fn batch(options: &cli::Batch, global: &Global) -> Result<Outcome, Failure> {
    let labels = options.labels.as_deref().map(labels::Labels::read).transpose()?;
    let files = inputs::find(&options.paths)?;
    if files.is_empty() {
        return Err(Failure::Usage("no capture was found under what was named: pcap, pcapng or cap, also .gz, .zst, .xz".into()));
    }
    let dataset = Dataset::open(&options.out)?;
    let failed = |e: io::Error| Failure::Output(shown(&options.out), e);
    dataset.sweep().map_err(failed)?;
    let configuration = Configuration::of(global)?;
    let mut todo: Vec<(PathBuf, Identity)> =
        files.into_iter().map(|path| (Identity::of(&path), path)).map(|(id, path)| (path, id)).collect();
    let all: Vec<Identity> = todo.iter().map(|(_, id)| id.clone()).collect();
    if options.resume {
        let done = known(&dataset.manifests().map_err(failed)?, configuration.text());
        todo.retain(|(_, id)| done.get(&id.path) != Some(id));
    }
    let skipped = all.len() - todo.len();
    // The longest first, so that none is left alone at the end.
    todo.sort_by(|(a, x), (b, y)| y.bytes.cmp(&x.bytes).then_with(|| a.cmp(b)));
    let ran = pool::run(&todo, options, global)?;
    if !global.quiet {
        let _ = writeln!(
            io::stderr(),
            "intransit: {}: {} read now, {} in the dataset already",
            counted(all.len() as u64, "capture"),
            ran.new,
            skipped + ran.known
        );
    }
    if ran.interrupted {
        let _ = writeln!(io::stderr(), "intransit: stopped; the same command with --resume goes on");
        return Ok(Outcome::Interrupted);
    }
    if let Some(failure) = ran.failure {
        return Err(Failure::Input(shown(&options.out), failure));
    }
    if !options.no_compaction {
        let done = compact::compact(&dataset, &configuration).map_err(failed)?;
        if !global.quiet {
            let again = if done.superseded > 0 {
                let were = if done.superseded == 1 { "was" } else { "were" };
                format!("; {} {were} done again, the earlier rows are gone", counted(done.superseded as u64, "capture"))
            } else {
                String::new()
            };
            let _ = writeln!(io::stderr(), "intransit: {} merged into {}{again}", counted(done.before as u64, "file"), done.after);
        }
    }
    let manifests = dataset.manifests().map_err(failed)?;
    let summary = summary::Summary::of(&all, &manifests, configuration.text());
    let rows = summary.csv(labels.as_ref());
    summary::write(&dataset, &rows).map_err(failed)?;
    io::stdout().write_all(summary.text().as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    if let Some(labels) = &labels {
        labels.tell_unused(&all);
    }
    Ok(summary.outcome())
}

/// Captures by path, as they were when they were read.
fn known(manifests: &[Manifest], configuration: &str) -> BTreeMap<String, Identity> {
    let of_now = manifests.iter().filter(|manifest| manifest.configuration == configuration);
    let names = of_now.filter(|manifest| manifest.sha256.is_some() || manifest.status != Status::Unreadable);
    names.flat_map(|manifest| &manifest.names).map(|id| (id.path.clone(), id.clone())).collect()
}
