//! The dataset on disk: where files lie, when they take their names, and what is said of each capture.
//!
//! ```text
//! OUT/flows/day=2024-05-01/KEY-0.parquet   and facts, findings, names
//! OUT/_files/KEY.json                      the manifest: written last, so that what has one is whole
//! OUT/_tmp/…                               what is being written; left over only by a process that was killed
//! OUT/_lock                                held shared while files take their names, alone while small files are merged
//! ```
//!
//! Every file is written under another name and renamed; a second run, or two at once, write the same bytes under the same names.

pub(super) mod compact;
mod manifest;
mod staging;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use rustix::fs::{FlockOperation, flock};

pub(super) use manifest::{AppCount, Identity, Manifest, Rows, RuleCount, Status, Told, by_grade};
pub(super) use staging::Staging;

use super::{Failure, shown};
use crate::cli::Global;
use crate::present::export::dataset::{SCHEMA_VERSION, TABLES};

/// What the program was made of: see `build.rs`.
pub(super) const BUILD: &str = env!("INTRANSIT_BUILD");

/// The folder of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Dataset {
    root: PathBuf,
}

impl Dataset {
    /// Makes the folders of a dataset, where they are not there yet.
    pub fn open(root: &Path) -> Result<Dataset, Failure> {
        let made = || -> io::Result<Dataset> {
            let tables = TABLES.iter().map(|table| table.name);
            for folder in tables.chain(["_files", "_tmp"]) {
                fs::create_dir_all(root.join(folder))?;
            }
            Ok(Dataset { root: fs::canonicalize(root)? })
        };
        made().map_err(|e| Failure::Output(shown(root), e))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn files(&self) -> PathBuf {
        self.root.join("_files")
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("_tmp")
    }

    /// Where the manifest of a key lies.
    pub fn manifest_path(&self, key: &str) -> PathBuf {
        self.files().join(format!("{key}.json"))
    }

    /// What is said of a capture; `None` where nothing is, or nothing that can be read.
    pub fn manifest(&self, key: &str) -> Option<Manifest> {
        serde_json::from_slice(&fs::read(self.manifest_path(key)).ok()?).ok()
    }

    /// All manifests, by key.
    pub fn manifests(&self) -> io::Result<Vec<Manifest>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.files())? {
            let name = entry?.file_name();
            if let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".json")) {
                all.extend(self.manifest(key));
            }
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    /// Waits for the lock of the dataset, which lasts as long as what is given back.
    pub fn lock(&self, alone: bool) -> io::Result<File> {
        let file = File::options().create(true).truncate(false).write(true).open(self.root.join("_lock"))?;
        flock(&file, if alone { FlockOperation::LockExclusive } else { FlockOperation::LockShared })?;
        Ok(file)
    }

    /// Takes away what processes that were killed left behind.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.tmp())? {
            staging::sweep(&entry?.path());
        }
        Ok(())
    }

    /// Writes a manifest, keeping what names an earlier one had. Under the lock.
    fn put(&self, mut manifest: Manifest, staged: &Path) -> io::Result<()> {
        // One at a time, so that no name is lost.
        let turn = File::options().create(true).truncate(false).write(true).open(self.files().join("_turn"))?;
        flock(&turn, FlockOperation::LockExclusive)?;
        if let Some(earlier) = self.manifest(&manifest.key) {
            manifest.names.extend(earlier.names);
        }
        // Of a path as it was and as it is, the later.
        manifest.names.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| b.modified.cmp(&a.modified)));
        manifest.names.dedup_by(|a, b| a.path == b.path);
        let path = staged.join("manifest.json");
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        let mut file = File::create(&path)?;
        io::Write::write_all(&mut file, &text)?;
        file.sync_all()?;
        fs::rename(path, self.manifest_path(&manifest.key))
    }
}

/// What besides its content decides what is said of a capture: the version, and the options that change the answer.
#[derive(Clone, Debug)]
pub(super) struct Configuration(String);

impl Configuration {
    /// Reads the files that options name.
    pub fn of(global: &Global) -> Result<Configuration, Failure> {
        let mut hash = Context::new(&SHA256);
        let mut say = |what: &str, bytes: &[u8]| {
            hash.update(what.as_bytes());
            hash.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        say("version", env!("CARGO_PKG_VERSION").as_bytes());
        // Between two releases, what is said changes too.
        say("build", BUILD.as_bytes());
        say("schema", SCHEMA_VERSION.as_bytes());
        say("max-flows", &global.max_flows.to_be_bytes());
        say("unmask", &[u8::from(global.unmask)]);
        let variable = std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty()).map(PathBuf::from).filter(|path| path.exists());
        let files = [("catalogue", global.catalogue.as_slice()), ("roots", &global.roots), ("server-key", &global.server_key)];
        let files = files.into_iter().chain([("keylog", global.keylog.as_slice()), ("keylog", variable.as_slice())]);
        for (option, paths) in files {
            for path in paths {
                let bytes = fs::read(path).map_err(|e| Failure::Input(shown(path), format!("cannot be read: {e}")))?;
                say(option, &zeroize::Zeroizing::new(bytes));
            }
        }
        Ok(Configuration(hex(hash.finish().as_ref())))
    }

    /// The key of a capture: 128 bits over its content and this configuration, in hexadecimal.
    pub fn key(&self, content: &[u8]) -> String {
        let mut hash = Context::new(&SHA256);
        hash.update(self.0.as_bytes());
        hash.update(content);
        let mut key = hex(hash.finish().as_ref());
        key.truncate(32);
        key
    }

    /// As it stands in manifests.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}
