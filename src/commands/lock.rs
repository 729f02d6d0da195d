//! Locks the program in once its inputs and outputs are known, before bytes from strangers are read.

use std::path::PathBuf;

use super::{Failure, Output};
use crate::cli::{Global, Sandbox};
use crate::source::sandbox::{self, Level, Lock, Needs};

impl From<Sandbox> for Level {
    fn from(level: Sandbox) -> Level {
        match level {
            Sandbox::Best => Level::Best,
            Sandbox::Strict => Level::Strict,
            Sandbox::Off => Level::Off,
        }
    }
}

/// Locks the program in; to be called before there is a second thread. Only a strict lock can fail.
///
/// # Errors
/// When a strict lock was asked for and something of it does not hold.
pub(super) fn lock(global: &Global, needs: &Needs) -> Result<Option<Lock>, Failure> {
    sandbox::lock(global.sandbox.into(), needs).map_err(|e| Failure::Locked(e.to_string()))
}

/// For reading captures: these files, the folder of the output, and that of temporary files.
pub(super) fn reading(files: &[PathBuf], output: Option<&Output>) -> Needs {
    let folder = output.and_then(Output::folder);
    Needs { read: files.to_vec(), write: folder.into_iter().chain([std::env::temp_dir()]).collect(), ..Needs::default() }
}

/// As [`reading`], for commands that read what else the command line names when they are locked in already.
pub(super) fn reporting(files: &[PathBuf], output: Option<&Output>, global: &Global) -> Needs {
    let mut needs = reading(files, output);
    let key_log = std::env::var_os("SSLKEYLOGFILE").map(PathBuf::from);
    let named = global.catalogue.iter().chain(&global.keylog).chain(&global.server_key).chain(&key_log);
    needs.read.extend(named.cloned());
    needs
}

/// For reading captures on a screen, from which reports are written into the folder that is open.
pub(super) fn looking(files: &[PathBuf]) -> Needs {
    let mut needs = reading(files, None);
    needs.write.push(PathBuf::from("."));
    needs.devices.extend(["/dev/tty", "/dev/null"].map(PathBuf::from));
    needs
}
