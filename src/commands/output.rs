//! Where data goes: standard output, a pipe or device, or a file that takes its name only when it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

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
        let path = followed(path).map_err(failed)?;
        let target = match special(&path).map_err(failed)? {
            Some(file) => Target::Special(file),
            None => {
                let folder = folder_of(&path);
                // As readable as any new file: the umask takes away what is too much.
                let mut builder = tempfile::Builder::new();
                let file = builder.permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder).map_err(failed)?;
                Target::Whole(file, path)
            }
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
            Target::Whole(_, path) => Some(folder_of(path)),
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

/// The file that a name means: what a link points to is replaced, not the link. A link is asked once who made it and where it leads, by one
/// descriptor, so that nobody can put another in its place in between; what stands behind a name that is no link is not followed later.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // As many as the kernel follows.
    for _ in 0..40 {
        let folder = folder_of(&path).to_path_buf();
        let Some((about, target)) = link(&path)? else { break };
        if is_a_strangers(&about, &std::fs::metadata(&folder)?) {
            return Err(io::Error::other(
                "it is a symbolic link that another user put into a folder that everybody may write to: name the file itself",
            ));
        }
        // Descriptors of this process (`/dev/stdout`) lead to what has no name, where that is a pipe.
        if path.starts_with("/proc") && target.is_relative() {
            break;
        }
        path = folder.join(target);
    }
    Ok(path)
}

/// What a link is and where it leads; `None` for what is no link.
#[cfg(target_os = "linux")]
fn link(path: &Path) -> io::Result<Option<(std::fs::Metadata, PathBuf)>> {
    use std::os::unix::ffi::OsStrExt as _;

    // Opens the link itself, whatever it leads to.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(link) = rustix::fs::open(path, flags, Mode::empty()).map(File::from) else { return Ok(None) };
    let about = link.metadata()?;
    if !about.is_symlink() {
        return Ok(None);
    }
    let target = rustix::fs::readlinkat(&link, "", Vec::new())?;
    Ok(Some((about, PathBuf::from(std::ffi::OsStr::from_bytes(target.as_bytes())))))
}

/// The same in two steps, where a link cannot be opened.
#[cfg(not(target_os = "linux"))]
fn link(path: &Path) -> io::Result<Option<(std::fs::Metadata, PathBuf)>> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => Ok(Some((about, std::fs::read_link(path)?))),
        _ => Ok(None),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A pipe or device of this name, opened; `None` for a file, or where there is nothing.
fn special(path: &Path) -> io::Result<Option<File>> {
    let about = std::fs::symlink_metadata(path);
    if about.as_ref().is_ok_and(|about| about.is_symlink()) && path.starts_with("/proc") {
        return File::options().write(true).open(path).map(Some);
    }
    if !about.is_ok_and(|about| !about.is_file() && !about.is_symlink()) {
        return Ok(None);
    }
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    // It may have become a file meanwhile, which is not written in place.
    match file.metadata()?.is_file() {
        true => Err(io::Error::other("it changed while it was opened")),
        false => Ok(Some(file)),
    }
}

/// Whether following this link would have a stranger choose the file: as the kernel's `protected_symlinks`, which is off on some systems
/// and does not know of a file that is replaced. A link in a sticky folder that all may write to is followed only where it belongs to us or
/// to whom the folder belongs.
fn is_a_strangers(link: &std::fs::Metadata, folder: &std::fs::Metadata) -> bool {
    const STICKY_AND_SHARED: u32 = 0o1002;
    folder.mode() & STICKY_AND_SHARED == STICKY_AND_SHARED
        && link.uid() != rustix::process::geteuid().as_raw()
        && link.uid() != folder.uid()
}

pub(super) fn closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
