//! A name in a folder that is held open: whoever puts another folder or a link in its place meanwhile changes nothing of where is written.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, fstat, linkat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// A folder is held by a descriptor that needs no right to list it, where the system has such.
#[cfg(target_os = "linux")]
const HELD: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const HELD: OFlags = OFlags::RDONLY;

/// Names that are tried for a temporary file, each of 64 bits by chance.
const TRIES: usize = 16;

/// A name in a folder.
pub(super) struct Place {
    folder: OwnedFd,
    name: OsString,
    /// The same as it was named.
    path: PathBuf,
}

impl Place {
    /// This name itself, even where it is a link.
    pub(super) fn of(path: &Path) -> io::Result<Place> {
        Place::from(rustix::fs::openat(CWD, folder_of(path), HELD | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()), path)
    }

    fn from(folder: rustix::io::Result<OwnedFd>, path: &Path) -> io::Result<Place> {
        // `reports/` is a folder, whether it is there or not.
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(Errno::ISDIR.into());
        }
        let name = path.file_name().ok_or(Errno::ISDIR)?.to_os_string();
        Ok(Place { folder: folder?, name, path: path.to_path_buf() })
    }

    /// The file that a name means: what a link points to is replaced, not the link. A link is asked once who made it and where it leads, by
    /// one descriptor, so that nobody can put another in its place in between; what stands behind a name that is no link is not followed
    /// later.
    pub(super) fn behind(path: &Path) -> io::Result<Place> {
        let mut place = Place::of(path)?;
        // As many as the kernel follows.
        for _ in 0..40 {
            let Some((about, target)) = place.link()? else { break };
            if is_a_strangers(&about, &fstat(&place.folder)?) {
                return Err(io::Error::other(
                    "it is a symbolic link that another user put into a folder that everybody may write to: name the file itself",
                ));
            }
            // Descriptors of this process (`/dev/stdout`) lead to what has no name, where that is a pipe.
            if place.is_of_a_process() && target.is_relative() {
                break;
            }
            let folder = openat(&place.folder, folder_of(&target), HELD | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
            place = Place::from(folder, &folder_of(&place.path).join(target))?;
        }
        Ok(place)
    }

    /// The name is one of a process's descriptors, by whatever path (`/proc/self/fd`, `/dev/fd`).
    #[cfg(target_os = "linux")]
    fn is_of_a_process(&self) -> bool {
        rustix::fs::fstatfs(&self.folder).is_ok_and(|about| about.f_type == rustix::fs::PROC_SUPER_MAGIC)
    }

    #[cfg(not(target_os = "linux"))]
    fn is_of_a_process(&self) -> bool {
        self.path.starts_with("/dev/fd")
    }

    /// What a link is and where it leads; `None` for what is no link.
    #[cfg(target_os = "linux")]
    fn link(&self) -> io::Result<Option<(Stat, PathBuf)>> {
        // Opens the link itself, whatever it leads to.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(link) = openat(&self.folder, &self.name, flags, Mode::empty()) else { return Ok(None) };
        let about = fstat(&link)?;
        if !FileType::from_raw_mode(about.st_mode).is_symlink() {
            return Ok(None);
        }
        Ok(Some((about, target(rustix::fs::readlinkat(&link, "", Vec::new())?))))
    }

    /// The same in two steps, where a link cannot be opened.
    #[cfg(not(target_os = "linux"))]
    fn link(&self) -> io::Result<Option<(Stat, PathBuf)>> {
        match self.about() {
            Ok(about) if FileType::from_raw_mode(about.st_mode).is_symlink() => {
                Ok(Some((about, target(rustix::fs::readlinkat(&self.folder, &self.name, Vec::new())?))))
            }
            _ => Ok(None),
        }
    }

    fn about(&self) -> rustix::io::Result<Stat> {
        statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// A pipe or device of this name, opened; `None` for a file, or where there is nothing.
    pub(super) fn special(&self) -> io::Result<Option<File>> {
        let Ok(kind) = self.about().map(|about| FileType::from_raw_mode(about.st_mode)) else { return Ok(None) };
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        if kind.is_symlink() && self.is_of_a_process() {
            return Ok(Some(openat(&self.folder, &self.name, flags, Mode::empty())?.into()));
        }
        if kind.is_file() || kind.is_symlink() {
            return Ok(None);
        }
        let file = File::from(openat(&self.folder, &self.name, flags | OFlags::NOFOLLOW, Mode::empty())?);
        // It may have become a file meanwhile, which is not written in place.
        match file.metadata()?.is_file() {
            true => Err(io::Error::other("it changed while it was opened")),
            false => Ok(Some(file)),
        }
    }

    /// A file that will take this name when it is whole; of `mode` the umask takes away what is too much.
    pub(super) fn make(self, mode: Mode) -> io::Result<Whole> {
        let mut last = Errno::EXIST;
        for _ in 0..TRIES {
            let name = by_chance();
            match openat(&self.folder, &name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, mode) {
                Ok(file) => return Ok(Whole { file: file.into(), temporary: Some(name), place: self }),
                Err(Errno::EXIST) => {}
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
        Err(last.into())
    }

    /// Gives the file of a temporary name this one. What had it has the temporary name then, or another one that comes back; where the file
    /// system knows neither exchange nor links, it is gone.
    fn give(&self, temporary: &OsStr) -> io::Result<Option<OsString>> {
        let Place { folder, name, .. } = self;
        for _ in 0..TRIES {
            match renameat_with(folder, temporary, folder, name, RenameFlags::EXCHANGE) {
                Ok(()) => {
                    // A folder was put there meanwhile: it is nothing that a file takes the place of.
                    let older = statat(folder, temporary, AtFlags::SYMLINK_NOFOLLOW);
                    if older.is_ok_and(|about| FileType::from_raw_mode(about.st_mode).is_dir()) {
                        renameat_with(folder, temporary, folder, name, RenameFlags::EXCHANGE)?;
                        return Err(Errno::ISDIR.into());
                    }
                    return Ok(Some(temporary.to_os_string()));
                }
                Err(Errno::NOENT) => match renameat_with(folder, temporary, folder, name, RenameFlags::NOREPLACE) {
                    Ok(()) => return Ok(None),
                    // Somebody gave the name to a file in between.
                    Err(Errno::EXIST) => {}
                    Err(error) if is_unknown(error) => return self.give_by_link(temporary),
                    Err(error) => return Err(error.into()),
                },
                Err(error) if is_unknown(error) => return self.give_by_link(temporary),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// As [`Place::give`], on a file system that cannot exchange names.
    fn give_by_link(&self, temporary: &OsStr) -> io::Result<Option<OsString>> {
        let Place { folder, name, .. } = self;
        let kept = by_chance();
        let older = linkat(folder, name, folder, &kept, AtFlags::empty()).is_ok().then_some(kept);
        if let Err(error) = renameat(folder, temporary, folder, name) {
            // Nothing more can be done where this fails.
            let _ = older.map(|older| unlinkat(folder, older, AtFlags::empty()));
            return Err(error.into());
        }
        Ok(older)
    }

    /// A path to the folder that is held, wherever it is meanwhile, for whoever takes paths only.
    fn folder(&self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            let held = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.folder)));
            // Not every place has a /proc.
            if held.exists() {
                return held;
            }
        }
        folder_of(&self.path).to_path_buf()
    }
}

/// A file that takes its name only when it is whole. Until then it has another one in the same folder, and is taken away if it does not
/// come to that.
pub(super) struct Whole {
    pub(super) file: File,
    /// The name it has, until it has its own.
    temporary: Option<OsString>,
    place: Place,
}

impl Whole {
    /// A path to its folder, wherever that is meanwhile.
    pub(super) fn folder(&self) -> PathBuf {
        self.place.folder()
    }

    /// Gives it its name, in place of what has it now.
    pub(super) fn take_name(mut self) -> io::Result<()> {
        if let Some(temporary) = &self.temporary {
            renameat(&self.place.folder, temporary, &self.place.folder, &self.place.name)?;
            self.temporary = None;
        }
        Ok(())
    }

    /// Gives it its name until [`Named`] is undone or dropped: what has the name now is kept as long.
    pub(super) fn try_name(mut self) -> io::Result<Named> {
        if let Some(temporary) = self.temporary.take() {
            match self.place.give(&temporary) {
                Ok(older) => self.temporary = older,
                Err(error) => {
                    self.temporary = Some(temporary);
                    return Err(error);
                }
            }
        }
        Ok(Named(self))
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing more can be done.
            let _ = unlinkat(&self.place.folder, temporary, AtFlags::empty());
        }
    }
}

/// A file that has its name. The older one has the temporary name, and goes when this is dropped.
pub(super) struct Named(Whole);

impl Named {
    /// Takes it away; the older one has its name again.
    pub(super) fn undo(mut self) {
        let Whole { temporary, place, file } = &mut self.0;
        // What somebody else put there since is theirs.
        let ours = fstat(&*file).is_ok_and(|ours| place.about().is_ok_and(|now| (ours.st_dev, ours.st_ino) == (now.st_dev, now.st_ino)));
        if !ours {
            return;
        }
        // Nothing more can be done where this fails.
        let _ = match temporary.take() {
            Some(older) => renameat(&place.folder, older, &place.folder, &place.name),
            None => unlinkat(&place.folder, &place.name, AtFlags::empty()),
        };
    }
}

/// The file system does not know this way of giving a name.
fn is_unknown(error: Errno) -> bool {
    error == Errno::INVAL || error == Errno::NOSYS || error == Errno::OPNOTSUPP || error == Errno::NOTSUP
}

/// A name that nothing has yet, as good as certainly.
fn by_chance() -> OsString {
    OsString::from(format!(".tmp{:016x}", RandomState::new().hash_one(std::process::id())))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn target(link: std::ffi::CString) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;

    PathBuf::from(OsStr::from_bytes(link.as_bytes()))
}

/// Whether following this link would have a stranger choose the file: as the kernel's `protected_symlinks`, which is off on some systems
/// and does not know of a file that is replaced. A link in a sticky folder that all may write to is followed only where it belongs to us or
/// to whom the folder belongs.
fn is_a_strangers(link: &Stat, folder: &Stat) -> bool {
    Mode::from_raw_mode(folder.st_mode).contains(Mode::SVTX | Mode::WOTH)
        && link.st_uid != rustix::process::geteuid().as_raw()
        && link.st_uid != folder.st_uid
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Was: the folder was looked up by its name again at the end, so that a temporary file stayed in the folder where it was made, and the
    /// file was missing.
    #[test]
    fn a_folder_that_is_moved_meanwhile_gets_the_file_and_no_temporary_one_stays() {
        for whole in [true, false] {
            let root = tempfile::tempdir().unwrap();
            let (here, there) = (root.path().join("here"), root.path().join("there"));
            fs::create_dir(&here).unwrap();
            fs::create_dir(root.path().join("other")).unwrap();
            let mut made = Place::behind(&here.join("report.md")).unwrap().make(Mode::from_raw_mode(0o666)).unwrap();
            made.file.write_all(b"whole").unwrap();
            fs::rename(&here, &there).unwrap();
            std::os::unix::fs::symlink("other", &here).unwrap();
            if whole {
                made.take_name().unwrap();
                assert_eq!(fs::read(there.join("report.md")).unwrap(), b"whole");
            } else {
                drop(made);
            }
            assert_eq!(names_in(&there), if whole { vec!["report.md"] } else { vec![] });
            assert!(names_in(&here).is_empty());
        }
    }

    #[test]
    fn a_link_to_a_file_elsewhere_stays_one_and_the_file_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("file"), "old").unwrap();
        std::os::unix::fs::symlink("b/further", root.path().join("a/link")).unwrap();
        std::os::unix::fs::symlink("../../file", root.path().join("a/b/further")).unwrap();
        let mut made = Place::behind(&root.path().join("a/link")).unwrap().make(Mode::RUSR | Mode::WUSR).unwrap();
        made.file.write_all(b"new").unwrap();
        made.take_name().unwrap();
        assert_eq!(fs::read(root.path().join("file")).unwrap(), b"new");
        assert!(root.path().join("a/link").is_symlink() && root.path().join("a/b/further").is_symlink());
        assert_eq!(names_in(root.path()), ["a", "file"]);
    }

    /// Gives a file its name by exchange, or as on NFS, CIFS and some others, by a link that keeps the older one.
    fn named(mut made: Whole, by_exchange: bool) -> Named {
        if by_exchange {
            return made.try_name().unwrap();
        }
        let temporary = made.temporary.take().unwrap();
        made.temporary = made.place.give_by_link(&temporary).unwrap();
        Named(made)
    }

    /// Was: of files that belong together, an older one of the same name was gone when a later one could not take its name.
    #[test]
    fn a_name_that_is_undone_belongs_to_the_older_file_again_whatever_the_file_system_knows() {
        for (older, by_exchange) in [(Some("old"), true), (None, true), (Some("old"), false), (None, false)] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("part.pcap");
            older.iter().for_each(|text| fs::write(&path, text).unwrap());
            for undone in [true, false] {
                let mut made = Place::behind(&path).unwrap().make(Mode::RUSR | Mode::WUSR).unwrap();
                made.file.write_all(b"new").unwrap();
                let named = named(made, by_exchange);
                assert_eq!(fs::read_to_string(&path).unwrap(), "new");
                if undone {
                    named.undo()
                } else {
                    drop(named)
                }
                let now = if undone { older } else { Some("new") };
                assert_eq!(fs::read_to_string(&path).ok().as_deref(), now);
                assert_eq!(names_in(root.path()).len(), usize::from(now.is_some()), "nothing else stays");
            }
        }
    }

    #[test]
    fn what_somebody_else_put_there_since_is_not_undone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("part.pcap");
        fs::write(&path, "old").unwrap();
        let made = Place::behind(&path).unwrap().make(Mode::RUSR | Mode::WUSR).unwrap();
        let named = made.try_name().unwrap();
        fs::write(root.path().join("other"), "another's").unwrap();
        fs::rename(root.path().join("other"), &path).unwrap();
        named.undo();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        assert_eq!(names_in(root.path()), ["part.pcap"]);
    }

    #[test]
    fn a_folder_that_was_put_there_meanwhile_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("part.pcap");
        let made = Place::behind(&path).unwrap().make(Mode::RUSR | Mode::WUSR).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(made.try_name().err().map(|e| e.kind()), Some(io::ErrorKind::IsADirectory));
        assert_eq!(names_in(root.path()), ["part.pcap"]);
        assert!(path.is_dir());
    }

    /// Was: `-o reports/` wrote a file `reports`.
    #[test]
    fn a_folder_is_no_file() {
        let root = tempfile::tempdir().unwrap();
        for path in [root.path().to_path_buf(), root.path().join("."), root.path().join("new/"), PathBuf::from("/"), PathBuf::from("..")] {
            let refused = Place::behind(&path).and_then(|place| place.special());
            assert_eq!(refused.err().map(|e| e.kind()), Some(io::ErrorKind::IsADirectory), "{path:?}");
        }
        assert!(Place::behind(&root.path().join("missing/file")).is_err());
    }
}
