//! Where the keys of the program's TLS sessions go.
//!
//! A file that only the run itself needs is taken away when it ends: by the process that made it; when that is killed, by the one that looks
//! after the program; when all of them are, by the next run.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::failed;
use crate::cli::{self, Global};
use crate::commands::{Failure, shown};
use crate::source;

/// Where programs write their keys (NSS key log).
pub(super) const VARIABLE: &str = "SSLKEYLOGFILE";
/// What the names of passing files begin with.
const PREFIX: &str = "intransit-keys-";
/// A file is made and then held: so long it may be without a holder.
const YOUNG: Duration = Duration::from_secs(2);

/// Where the program's TLS keys go.
pub(super) enum Keys {
    /// A file that stays, and whether it belongs to the kept packets.
    Kept(PathBuf, bool),
    /// A file that goes with this process.
    Passing(tempfile::NamedTempFile),
    /// Nowhere: asked not to.
    Nowhere,
}

impl Keys {
    /// `--keylog`; else what `SSLKEYLOGFILE` says already; else a file beside the packets that are kept; else one that is taken away again.
    pub fn choose(options: &cli::Run, global: &Global) -> Result<Keys, Failure> {
        if options.no_keys {
            return Ok(Keys::Nowhere);
        }
        let named =
            global.keylog.first().cloned().or_else(|| std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from));
        let beside = || options.write.as_ref().filter(|path| !is_special(path)).map(|path| path.with_extension("keys"));
        let (path, belongs) = match (named, beside()) {
            (Some(path), _) => (path, false),
            (None, Some(path)) => (path, true),
            (None, None) => {
                let file = tempfile::Builder::new().prefix(PREFIX).tempfile().map_err(failed)?;
                // As long as this process lives: what nobody holds was left by one that was killed.
                rustix::fs::flock(file.as_file(), FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
                give_away(file.as_file())?;
                return Ok(Keys::Passing(file));
            }
        };
        let path = std::path::absolute(path).map_err(failed)?;
        if belongs || !path.exists() {
            give_away(&source::new_file(&path).map_err(failed)?)?;
        }
        Ok(Keys::Kept(path, belongs))
    }

    pub fn path(&self) -> Option<&Path> {
        match self {
            Keys::Kept(path, _) => Some(path),
            Keys::Passing(file) => Some(file.path()),
            Keys::Nowhere => None,
        }
    }

    pub fn said(&self) -> Option<String> {
        match self {
            Keys::Kept(path, true) => {
                Some(format!("{} gets the program's TLS keys: who has them and the packets reads what was sent.", shown(path)))
            }
            Keys::Kept(path, false) => Some(format!("{} gets the program's TLS keys.", shown(path))),
            Keys::Passing(_) | Keys::Nowhere => None,
        }
    }
}

fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// The program writes its keys as the user who called sudo.
fn give_away(file: &std::fs::File) -> Result<(), Failure> {
    let Some((user, group)) = source::sandbox::invoker() else { return Ok(()) };
    std::os::unix::fs::fchown(file, Some(user), Some(group)).map_err(failed)
}

/// Takes away the key files of runs that were killed. Only regular files of the user who calls that nobody holds, and never through a link.
pub(super) fn take_away_what_was_left() -> Option<String> {
    let folder = std::env::temp_dir();
    let user = source::sandbox::invoker().map_or_else(|| rustix::process::geteuid().as_raw(), |(user, _)| user);
    let mut gone = 0_u32;
    for entry in std::fs::read_dir(&folder).ok()?.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && is_left(&entry.path(), user) {
            gone += u32::from(std::fs::remove_file(entry.path()).is_ok());
        }
    }
    let files = if gone == 1 { "file" } else { "files" };
    (gone > 0).then(|| format!("{gone} {files} with TLS keys, left in {} by runs that were killed, taken away.", shown(&folder)))
}

fn is_left(path: &Path, user: u32) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()).map(std::fs::File::from) else { return false };
    let Ok(about) = file.metadata() else { return false };
    let old = about.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > YOUNG);
    about.is_file()
        && about.uid() == user
        && about.nlink() == 1
        && old
        && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// The capture is gone, and with it whoever would have taken the file away. Called by whoever looks after the program, as the user it runs as.
pub(super) fn take_away_passing() {
    let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
    let passing = path.parent() == Some(&std::env::temp_dir())
        && path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    if passing {
        // Gone already, when its maker was not killed.
        let _ = std::fs::remove_file(path);
    }
}
