//! Many small files into few, and captures that were done again by another version or configuration left out.
//!
//! A partition is made anew beside the old one, and the two change places in one step. Nobody writes meanwhile: the lock of the dataset is
//! held alone. Stopped at any moment, it leaves the old partition or the new one, and can be done again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Configuration, Dataset, Manifest};
use crate::present::export::dataset::{TABLES, groups, merge, rows_of};

/// Files of this size stay as they are.
const LARGE: u64 = 64 << 20;

/// What compaction came to.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct Compacted {
    /// Files before.
    pub before: usize,
    /// Files after.
    pub after: usize,
    /// Captures that were done again by another version or configuration: rows and manifests of the earlier one are gone.
    pub superseded: usize,
}

/// Merges the small files of every partition.
pub(in crate::commands) fn compact(dataset: &Dataset, configuration: &Configuration) -> io::Result<Compacted> {
    let _lock = dataset.lock(true)?;
    let manifests = dataset.manifests()?;
    let (keep, superseded) = sort_out(&manifests, configuration.text());
    let mut done = Compacted { superseded: superseded.len(), ..Compacted::default() };
    for table in &TABLES {
        for entry in fs::read_dir(dataset.root().join(table.name))? {
            let folder = entry?.path();
            if folder.is_dir() {
                partition(dataset, table.name, &folder, &keep, !superseded.is_empty(), &mut done)?;
            }
        }
    }
    for key in superseded {
        fs::remove_file(dataset.manifest_path(&key))?;
    }
    Ok(done)
}

/// Keys whose rows stay; and those that another one of the same content, made as asked for now, takes the place of.
fn sort_out(manifests: &[Manifest], now: &str) -> (BTreeSet<String>, Vec<String>) {
    let current: BTreeSet<&str> = manifests
        .iter()
        .filter(|manifest| manifest.configuration == now && manifest.status.is_final())
        .filter_map(|manifest| manifest.sha256.as_deref())
        .collect();
    let is_superseded =
        |manifest: &Manifest| manifest.configuration != now && manifest.sha256.as_deref().is_some_and(|sha256| current.contains(sha256));
    let superseded = manifests.iter().filter(|manifest| is_superseded(manifest)).map(|manifest| manifest.key.clone()).collect();
    (manifests.iter().filter(|manifest| !is_superseded(manifest)).map(|manifest| manifest.key.clone()).collect(), superseded)
}

fn partition(dataset: &Dataset, table: &str, folder: &Path, keep: &BTreeSet<String>, sift: bool, done: &mut Compacted) -> io::Result<()> {
    let mut parts: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "parquet") {
            parts.push(path);
        }
    }
    parts.sort();
    done.before += parts.len();
    let size = |path: &PathBuf| fs::metadata(path).map(|about| about.len());
    let orphan = |path: &Path| key_of(path).is_some_and(|key| !keep.contains(key));
    let small = parts.iter().map(size).collect::<io::Result<Vec<_>>>()?.into_iter().filter(|size| *size < LARGE).count();
    if small <= 1 && !sift && !parts.iter().any(|path| orphan(path)) {
        done.after += parts.len();
        return Ok(());
    }
    let staged = tempfile::Builder::new().prefix("compact-").tempdir_in(dataset.tmp())?;
    let fresh = staged.path().join("new");
    fs::create_dir(&fresh)?;
    let mut merging: Vec<PathBuf> = Vec::new();
    for path in &parts {
        let name = path.file_name().unwrap_or_default();
        let whole = size(path)? >= LARGE && !orphan(path) && (!sift || rows_of(path)?.keys().all(|key| keep.contains(key)));
        if whole {
            // The same file in both folders, until the old one goes.
            fs::hard_link(path, fresh.join(name))?;
            done.after += 1;
        } else {
            merging.push(path.clone());
        }
    }
    let target = staged.path().join("merged.parquet");
    for group in groups(table, merging)? {
        let (merged, file) = merge(table, &group, File::create(&target)?, &|key| keep.contains(key))?;
        file.sync_all()?;
        if merged.rows > 0 {
            fs::rename(&target, fresh.join(format!("merged-{}.parquet", name_of(&merged.of))))?;
            done.after += 1;
        }
    }
    match renameat_with(CWD, &fresh, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => {}
        // A file system without exchange: a moment between the two, in which the partition is not there.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            fs::rename(folder, staged.path().join("old"))?;
            fs::rename(&fresh, folder)?;
        }
        Err(e) => return Err(e.into()),
    }
    if fs::read_dir(folder)?.next().is_none() {
        fs::remove_dir(folder)?;
    }
    Ok(())
}

/// The capture that a file is of, when it is of one.
fn key_of(path: &Path) -> Option<&str> {
    let name = path.file_stem()?.to_str()?;
    name.rsplit_once('-').map(|(key, _)| key).filter(|key| *key != "merged")
}

/// The same captures, the same name.
fn name_of(of: &BTreeMap<String, u64>) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    let all: Vec<String> = of.iter().map(|(key, rows)| format!("{key} {rows}")).collect();
    let mut name = super::hex(digest(&SHA256, all.join("\n").as_bytes()).as_ref());
    name.truncate(32);
    name
}
