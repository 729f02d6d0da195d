//! The keys that the user gave: key logs and private keys of servers.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => note(&format!("the keys of {VARIABLE} were not read: {}: {e}", shown(&path))),
        }
    }
    for path in &global.server_key {
        let pem = read(path).map_err(|e| Failure::Keys(shown(path), e.to_string()))?;
        keys.add_server_key(&pem).map_err(|e| Failure::Keys(shown(path), e.to_string()))?;
    }
    Ok(Equipment::with_keys(Arc::new(keys)))
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
