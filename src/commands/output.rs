//! Where data goes: standard output, a pipe or device, or a file that takes its name only when it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::place::{Named, Place, Whole};
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
    Whole(Whole),
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
        let place = Place::behind(path).map_err(failed)?;
        let target = match place.special().map_err(failed)? {
            Some(file) => Target::Special(file),
            // As readable as any new file: the umask takes away what is too much.
            None => Target::Whole(place.make(Mode::from_raw_mode(0o666)).map_err(failed)?),
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
            Target::Whole(whole) => whole.file.write_all(&buffer),
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
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match &self.target {
            Target::Whole(whole) => Some(whole.folder()),
            Target::Nowhere(folder) => Some(folder.clone()),
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

    /// Everything is written, and where it is a file on the disk: what is still to come is its name.
    fn settle(&mut self) -> Result<(), Failure> {
        self.flush()?;
        match &self.target {
            Target::Whole(whole) => whole.file.sync_all().map_err(|e| Failure::Output(self.name.clone(), e)),
            _ => Ok(()),
        }
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.settle()?;
        match self.target {
            Target::Whole(whole) => whole.take_name().map_err(|e| Failure::Output(self.name.clone(), e)),
            _ => Ok(()),
        }
    }

    /// What is settled takes its name, which can be undone; `None` for what needs none.
    fn try_name(self) -> Result<Option<Named>, Failure> {
        match self.target {
            Target::Whole(whole) => whole.try_name().map(Some).map_err(|e| Failure::Output(self.name.clone(), e)),
            _ => Ok(None),
        }
    }

    /// Leaves the target as it was.
    pub(super) fn abandon(self) {}
}

/// Files that belong together take their names when each is on the disk. Where one cannot, none stays, as some of them would pass for all,
/// and older files of these names are as they were.
pub(super) fn finish_all(mut outputs: Vec<Output>) -> Result<(), Failure> {
    outputs.iter_mut().try_for_each(Output::settle)?;
    let mut named = Vec::new();
    for output in outputs {
        match output.try_name() {
            Ok(file) => named.extend(file),
            Err(failure) => {
                // The last first: two names may mean one file.
                named.into_iter().rev().for_each(Named::undo);
                return Err(failure);
            }
        }
    }
    Ok(())
}

pub(super) fn closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
