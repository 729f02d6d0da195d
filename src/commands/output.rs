//! Where data goes: standard output, a pipe or device, or a file that takes its name only when it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{Failure, shown};

/// Where data goes: buffered, and checked to its end.
pub(super) struct Output {
    target: Target,
    name: String,
    buffer: Vec<u8>,
    closed: bool,
}

enum Target {
    Stdout,
    /// A pipe or device, written as it is.
    Special(File),
    /// A file that takes its name only when it is whole.
    Whole(tempfile::NamedTempFile, PathBuf),
    /// Nothing is written here: what writes makes its own files in this folder.
    Nowhere(PathBuf),
}

/// Octets collected before they are written.
const BUFFER: usize = 256 * 1024;

impl Output {
    pub(super) fn open(path: Option<&Path>) -> Result<Output, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Output { target: Target::Stdout, name: "standard output".into(), buffer: Vec::new(), closed: false });
        };
        let name = shown(path);
        let failed = |e| Failure::Output(shown(path), e);
        if is_a_strangers_link(path) {
            return Err(failed(io::Error::other(
                "it is a symbolic link that another user put into a folder that everybody may write to: name the file itself",
            )));
        }
        let special = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file());
        let target = if special {
            Target::Special(File::options().write(true).open(path).map_err(failed)?)
        } else {
            // What a link points to is replaced, not the link.
            let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // As readable as any new file: the umask takes away what is too much.
            let mut builder = tempfile::Builder::new();
            let file = builder.permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder).map_err(failed)?;
            Target::Whole(file, path)
        };
        Ok(Output { target, name, buffer: Vec::new(), closed: false })
    }

    /// For what makes its own files in a folder.
    pub(super) fn nowhere(folder: &Path) -> Output {
        Output { target: Target::Nowhere(folder.to_path_buf()), name: shown(folder), buffer: Vec::new(), closed: false }
    }

    /// Standard output, or a new file that can be read while it is written, for the user who called this program alone.
    #[cfg(have_libpcap)]
    pub(super) fn growing(path: Option<&Path>) -> Result<Output, Failure> {
        match path.filter(|path| *path != Path::new("-")) {
            None => Output::open(None),
            Some(path) => {
                let file = crate::source::new_file(path).map_err(|e| Failure::Live(super::live::safe(&e.to_string())))?;
                Ok(Output { target: Target::Special(file), name: shown(path), buffer: Vec::new(), closed: false })
            }
        }
    }

    pub(super) fn write(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<(), Failure> {
        fill(&mut self.buffer).map_err(|e| Failure::Output(self.name.clone(), e))?;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let buffer = std::mem::take(&mut self.buffer);
        if self.closed {
            return Ok(());
        }
        let done = match &mut self.target {
            Target::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(&buffer).and_then(|()| out.flush())
            }
            Target::Nowhere(_) => Ok(()),
            Target::Special(file) => file.write_all(&buffer),
            Target::Whole(file, _) => file.write_all(&buffer),
        };
        // A reader that has seen enough (`| head`) is no error.
        if done.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            self.closed = true;
        }
        self.buffer = buffer;
        self.buffer.clear();
        done.or_else(closed_pipe).map_err(|e| Failure::Output(self.name.clone(), e))
    }

    /// The folder in which a file takes its name when it is whole.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.target {
            Target::Whole(_, path) => Some(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))),
            Target::Nowhere(folder) => Some(folder),
            Target::Stdout | Target::Special(_) => None,
        }
    }

    /// Whether nobody reads any more (`| head`): known when a write has failed, and for standard output also before the next one.
    #[cfg(have_libpcap)]
    pub(super) fn is_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        if self.closed || !matches!(self.target, Target::Stdout) {
            return self.closed;
        }
        let out = io::stdout();
        let mut fds = [PollFd::new(&out, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok() && fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::NVAL))
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        if let Target::Whole(file, path) = self.target {
            let failed = |e| Failure::Output(self.name.clone(), e);
            file.as_file().sync_all().map_err(failed)?;
            file.persist(path).map_err(|e| failed(e.error))?;
        }
        Ok(())
    }

    /// Leaves the target as it was.
    pub(super) fn abandon(self) {}
}

/// Whether following this link would have a stranger choose the file: as the kernel's `protected_symlinks`, which is off on some systems
/// and does not know of a file that is replaced. A link in a sticky folder that all may write to is followed only where it belongs to us or
/// to whom the folder belongs.
fn is_a_strangers_link(path: &Path) -> bool {
    const STICKY_AND_SHARED: u32 = 0o1002;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(link), Ok(folder)) = (std::fs::symlink_metadata(path), std::fs::metadata(folder)) else { return false };
    link.is_symlink()
        && folder.mode() & STICKY_AND_SHARED == STICKY_AND_SHARED
        && link.uid() != rustix::process::geteuid().as_raw()
        && link.uid() != folder.uid()
}

pub(super) fn closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
