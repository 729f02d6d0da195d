//! The files of one capture while they are written, and the moment they take their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::{Dataset, Manifest, Rows};
use crate::assess::Judged;
use crate::present::export::dataset::{TABLES, TableWriter};

/// Days of one table that are written to at once; the longest unused is finished when there are more.
const MOST_OPEN: usize = 4;
/// Days of one capture that have a partition of their own. A capture with more has broken clocks; the rest goes to [`NO_DAY`].
const MOST_DAYS: usize = 366;
/// The partition of Hive for what has no value.
const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file that is being written.
struct Open {
    day: String,
    writer: TableWriter<io::BufWriter<File>>,
    path: PathBuf,
    used: u64,
}

/// A file that is whole: of which table and day, and the how many-th of them.
struct Whole {
    table: &'static str,
    day: String,
    part: usize,
    path: PathBuf,
}

/// The files of one capture while they are written.
pub(in crate::commands) struct Staging {
    dataset: Dataset,
    folder: tempfile::TempDir,
    /// Says that this process lives.
    _alive: File,
    open: [Vec<Open>; TABLES.len()],
    whole: Vec<Whole>,
    days: BTreeSet<String>,
    clock: u64,
    flow: u64,
    rows: Rows,
    without_day: u64,
}

impl Staging {
    pub fn begin(dataset: &Dataset) -> io::Result<Staging> {
        let folder = tempfile::Builder::new().prefix("one-").tempdir_in(dataset.tmp())?;
        let alive = File::create(folder.path().join("alive"))?;
        flock(&alive, FlockOperation::LockShared)?;
        let rows = TABLES.iter().map(|table| (table.name.to_owned(), 0)).collect();
        Ok(Staging {
            dataset: dataset.clone(),
            folder,
            _alive: alive,
            open: [const { Vec::new() }; TABLES.len()],
            whole: Vec::new(),
            days: BTreeSet::new(),
            clock: 0,
            flow: 0,
            rows,
            without_day: 0,
        })
    }

    /// Writes a connection of the capture with this key.
    pub fn connection(&mut self, key: &str, judged: &Judged) -> io::Result<()> {
        self.flow += 1;
        self.clock += 1;
        let mut day: String = judged.start.to_string().chars().take(10).collect();
        if !self.days.contains(&day) {
            if self.days.len() < MOST_DAYS {
                self.days.insert(day.clone());
            } else {
                self.without_day += 1;
                day = NO_DAY.to_owned();
            }
        }
        for (at, table) in TABLES.iter().enumerate() {
            let used = self.clock;
            // A table without rows needs no file.
            if !table.has_rows(judged) {
                continue;
            }
            let Some(open) = self.open.get_mut(at) else { continue };
            let found = open.iter().position(|one| one.day == day);
            let place = match found {
                Some(place) => place,
                None => {
                    if open.len() >= MOST_OPEN
                        && let Some(oldest) = open.iter().enumerate().min_by_key(|(_, one)| one.used).map(|(place, _)| place)
                    {
                        let oldest = open.swap_remove(oldest);
                        close(table.name, oldest, &mut self.whole)?;
                    }
                    let path = self.folder.path().join(format!("{}-{used}.parquet", table.name));
                    let writer = TableWriter::new(table, io::BufWriter::new(File::create(&path)?))?;
                    open.push(Open { day: day.clone(), writer, path, used });
                    open.len() - 1
                }
            };
            if let Some(one) = open.get_mut(place) {
                one.used = used;
                let rows = one.writer.connection(key, self.flow, judged)?;
                *self.rows.entry(table.name.to_owned()).or_default() += rows;
            }
        }
        Ok(())
    }

    /// Connections whose day has no partition of its own.
    pub fn without_day(&self) -> u64 {
        self.without_day
    }

    /// Writes a manifest that is there already anew: it got another name.
    pub fn rename(self, manifest: Manifest) -> io::Result<()> {
        let _lock = self.dataset.lock(false)?;
        self.dataset.put(manifest, self.folder.path())
    }

    /// Gives all files their names, the manifest last. Gives back the manifest that stands then, and whether it is new: where somebody else
    /// was through first, nothing is written, because those rows may have been merged with others since.
    pub fn publish(mut self, mut manifest: Manifest) -> io::Result<(Manifest, bool)> {
        for (table, open) in TABLES.iter().zip(std::mem::take(&mut self.open)) {
            for one in open {
                close(table.name, one, &mut self.whole)?;
            }
        }
        manifest.rows = std::mem::take(&mut self.rows);
        // While it is held, nobody merges; of two who write at once, both write the same.
        let _lock = self.dataset.lock(false)?;
        if let Some(mut known) = self.dataset.manifest(&manifest.key).filter(|known| known.status.is_final()) {
            known.names.extend(manifest.names);
            self.dataset.put(known.clone(), self.folder.path())?;
            return Ok((known, false));
        }
        for whole in &self.whole {
            let folder = self.dataset.root().join(whole.table).join(format!("day={}", whole.day));
            fs::create_dir_all(&folder)?;
            fs::rename(&whole.path, folder.join(format!("{}-{}.parquet", manifest.key, whole.part)))?;
        }
        self.dataset.put(manifest.clone(), self.folder.path())?;
        Ok((manifest, true))
    }
}

fn close(table: &'static str, one: Open, whole: &mut Vec<Whole>) -> io::Result<()> {
    let part = whole.iter().filter(|other| other.table == table && other.day == one.day).count();
    let file = one.writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    // What a manifest says is there is there, also after the power failed.
    file.sync_all()?;
    whole.push(Whole { table, day: one.day, part, path: one.path });
    Ok(())
}

/// Takes a folder away whose process does not live any more.
pub(super) fn sweep(folder: &Path) {
    let is_old = |path: &Path| {
        let age = fs::metadata(path).and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
        age.is_some_and(|age| age > Duration::from_secs(60))
    };
    let dead = match File::open(folder.join("alive")) {
        Ok(alive) => flock(&alive, FlockOperation::NonBlockingLockExclusive).is_ok(),
        // Between making the folder and the lock lies a moment.
        Err(_) => is_old(folder),
    };
    if dead {
        // What cannot be taken away stays in the way of nobody.
        let _ = fs::remove_dir_all(folder);
    }
}
