//! The keys that the user gave: key logs and private keys of servers.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::cli::Global;
use crate::dissect::Equipment;
use crate::dissect::keys::Keys;

use super::{Failure, shown};

/// Where browsers and many other programs write their keys.
const VARIABLE: &str = "SSLKEYLOGFILE";
/// The largest key log that is read; a browser's grows by some hundred KiB a day.
const MOST: u64 = 256 << 20;

/// Reads the keys that were asked for, and those of `SSLKEYLOGFILE`.
///
/// # Errors
/// When a file that was named on the command line cannot be read, or holds no key.
pub(super) fn equipment(global: &Global) -> Result<Equipment, Failure> {
    let mut keys = Keys::default();
    for path in &global.keylog {
        keys.add_log(&read(path).map_err(|e| Failure::Keys(shown(path), e.to_string()))?);
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from)
        && !global.keylog.contains(&path)
    {
        match read(&path) {
            Ok(text) => keys.add_log(&text),
            // It need not exist before a browser has run.
            Err(e) if e.kind() == io::ErrorKind::NotFound => keys.expect(),
            Err(e) => note(&format!("the keys of {VARIABLE} were not read: {}: {e}", shown(&path))),
        }
    }
    server_keys(global, &mut keys)?;
    Ok(Equipment::with_keys(Arc::new(keys)))
}

/// Key logs that grow while packets come.
#[cfg_attr(not(have_libpcap), allow(dead_code))]
pub(super) struct Growing {
    equipment: Equipment,
    files: Vec<GrowingFile>,
}

#[cfg_attr(not(have_libpcap), allow(dead_code))]
struct GrowingFile {
    path: PathBuf,
    /// Opened while that could be: another user than the one who opens it may read it later.
    held: Option<File>,
    /// How much of it was read.
    read: u64,
}

#[cfg_attr(not(have_libpcap), allow(dead_code))]
impl Growing {
    /// The key logs that were asked for, and that of `SSLKEYLOGFILE`; they need not exist yet.
    ///
    /// # Errors
    /// When the key of a server cannot be read.
    pub fn open(global: &Global) -> Result<Growing, Failure> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in global.keylog.iter().cloned().chain(named) {
            let path = std::path::absolute(&path).unwrap_or(path);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let files: Vec<_> = paths.into_iter().map(|path| GrowingFile { held: File::open(&path).ok(), path, read: 0 }).collect();
        let mut keys = Keys::default();
        server_keys(global, &mut keys)?;
        let growing = !files.is_empty();
        if growing {
            keys.expect();
        }
        let equipment = Equipment { growing, patient: growing, ..Equipment::with_keys(Arc::new(keys)) };
        let mut all = Growing { equipment, files };
        all.read_on();
        Ok(all)
    }

    /// What the dissectors are given; more keys come to it with [`Growing::read_on`].
    pub fn equipment(&self) -> Equipment {
        self.equipment.clone()
    }

    /// What must stay readable for it: each file, or where it is not there yet, the folder in which it will be.
    pub fn places(&self) -> impl Iterator<Item = PathBuf> {
        let folder = |path: &Path| path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        self.files.iter().map(move |GrowingFile { path, .. }| if path.exists() { path.clone() } else { folder(path) })
    }

    /// Reads the whole lines that were added since.
    pub fn read_on(&mut self) {
        for GrowingFile { path, held, read } in &mut self.files {
            // A file that is not there yet, or cannot be read now, is looked for again.
            let held = || held.as_ref()?.try_clone().ok();
            let Some(mut file) = File::open(path).ok().or_else(held) else { continue };
            if file.metadata().is_ok_and(|about| about.len() <= *read) || file.seek(io::SeekFrom::Start(*read)).is_err() {
                continue;
            }
            let mut added = Zeroizing::new(Vec::new());
            if io::Read::by_ref(&mut file).take(MOST).read_to_end(&mut added).is_err() {
                continue;
            }
            let whole = added.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            if let Some(lines) = added.get(..whole).filter(|lines| !lines.is_empty()) {
                self.equipment.keys.add_log(lines);
                *read += whole as u64;
            }
        }
    }
}

fn server_keys(global: &Global, keys: &mut Keys) -> Result<(), Failure> {
    for path in &global.server_key {
        let pem = read(path).map_err(|e| Failure::Keys(shown(path), e.to_string()))?;
        keys.add_server_key(&pem).map_err(|e| Failure::Keys(shown(path), e.to_string()))?;
    }
    Ok(())
}

/// Reads a whole file of secrets into memory that is wiped.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_file() && about.permissions().mode() & 0o004 != 0 {
        note(&format!("{}: everybody on this computer can read these keys; chmod o-r takes that away", shown(path)));
    }
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let room = usize::try_from(about.len().min(MOST)).unwrap_or(0).saturating_add(4096);
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    io::Read::by_ref(&mut file).take(MOST).read_to_end(&mut text)?;
    if file.read(&mut [0])? > 0 {
        return Err(io::Error::other("it is larger than any key log"));
    }
    Ok(text)
}

/// Standard error may be closed; the keys are read all the same.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "intransit: {text}");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_key_log_that_grows_is_read_on_line_by_line_and_may_come_late() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.log");
        let global = Cli::parse_from(["intransit", "--keylog", path.to_str().unwrap(), "x"]).global;
        let mut growing = Growing::open(&global).unwrap();
        let keys = Arc::clone(&growing.equipment().keys);
        let loaded = || keys.counts(&Default::default()).loaded;
        assert_eq!((loaded(), growing.places().next()), (0, Some(folder.path().to_path_buf())), "it is not there yet");
        let line = |n: u8| format!("CLIENT_RANDOM {} {}\n", format!("{n:02x}").repeat(32), "5e".repeat(48));
        let mut file = File::create(&path).unwrap();
        file.write_all(line(1).as_bytes()).unwrap();
        growing.read_on();
        assert_eq!(loaded(), 1);
        // Half a line is not a key, and its other half is not one either.
        let next = line(2);
        let (half, rest) = next.split_at(80);
        file.write_all(half.as_bytes()).unwrap();
        growing.read_on();
        assert_eq!(loaded(), 1);
        file.write_all(format!("{rest}# a comment\n{}", line(3)).as_bytes()).unwrap();
        growing.read_on();
        growing.read_on();
        assert_eq!((loaded(), keys.counts(&Default::default()).not_understood), (3, 0));
    }
}
