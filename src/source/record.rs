//! The packets of a running capture, kept as they are judged: pcapng (draft-ietf-opsawg-pcapng §4), one Enhanced Packet Block a frame and
//! no other block that takes a number, so that frame numbers are those of the report.
//!
//! Only whole blocks are written, at short intervals: a kill at any moment leaves a file that can be read. A file is made new, readable by
//! its owner alone, and never through a link.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};

use super::Drops;
use super::blocks::{Block, COMMENT, END, INTERFACE, INTERFACE_STATISTICS, SECTION_HEADER, option, packet};
use super::sandbox::invoker;
use crate::base::{Frame, FrameNo, LinkType, Timestamp};

/// Octets collected before they are written, when nobody asks earlier.
const BUFFER: usize = 256 << 10;

/// What is written, and where.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The file; with rotation a number is put before its suffix.
    pub path: PathBuf,
    /// Begin another file when this one has so many octets.
    pub rotate_size: Option<u64>,
    /// Begin another file when this one covers so many nanoseconds.
    pub rotate_time: Option<u64>,
    /// The interface.
    pub interface: String,
    /// Its link type.
    pub link: LinkType,
    /// The most octets of a frame.
    pub snaplen: u32,
    /// The capture filter.
    pub filter: Option<String>,
}

/// Why packets cannot be kept: one sentence.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is such a file.
    #[error("{0} exists, and a capture never replaces a file: remove it, or choose another name")]
    Exists(String),
    /// It is a link.
    #[error("{0} is a symbolic link, which is not followed: name the file itself")]
    Link(String),
    /// It could not be made.
    #[error("cannot make {0}: {1}")]
    Make(String, io::Error),
    /// It could not be written to its end.
    #[error("cannot write {path}: {error}; it holds the {frames} packets before, and the capture ended there")]
    Write {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
        /// Packets that are in the files, whole.
        frames: u64,
    },
}

/// A file being written.
#[derive(Debug)]
pub struct Recording {
    options: RecordOptions,
    folder: OwnedFd,
    file: File,
    /// The name of the file, with its folder.
    path: PathBuf,
    /// A pipe or a device: it cannot be cut back or followed by another.
    special: bool,
    buffer: Vec<u8>,
    /// Frames in the buffer, and before it.
    waiting: u64,
    frames: u64,
    /// Octets in this file, without those in the buffer.
    len: u64,
    /// The first moment of this file.
    began: Option<Timestamp>,
    /// The files so far, and the frame each begins with.
    files: Vec<(PathBuf, FrameNo)>,
    /// The same, for whoever tells of frames meanwhile.
    told: Arc<Mutex<Vec<(PathBuf, FrameNo)>>>,
}

impl Recording {
    /// Makes the first file.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub fn begin(options: RecordOptions) -> Result<Recording, RecordError> {
        let dir = open_folder(&options.path)?;
        let rotates = options.rotate_size.is_some() || options.rotate_time.is_some();
        let path = if rotates { numbered(&options.path, 1) } else { options.path.clone() };
        let (file, special) = make(&dir, &path, invoker())?;
        let mut recording = Recording {
            options,
            folder: dir,
            file,
            path: path.clone(),
            special,
            buffer: Vec::with_capacity(BUFFER * 2),
            waiting: 0,
            frames: 0,
            len: 0,
            began: None,
            files: vec![(path.clone(), FrameNo::FIRST)],
            told: Arc::new(Mutex::new(vec![(path, FrameNo::FIRST)])),
        };
        recording.section();
        recording.flush()?;
        Ok(recording)
    }

    /// Keeps a frame, with a comment where there is something to say of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn frame(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> Result<(), RecordError> {
        if self.is_full(frame.at) {
            self.flush()?;
            self.rotate(frame.number)?;
        }
        self.began = self.began.or(Some(frame.at));
        // One interface: number 0.
        packet(&mut self.buffer, frame, 0, comment);
        self.waiting += 1;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes out what waits.
    ///
    /// # Errors
    /// When the file cannot be written; it is then cut back to its last whole block.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        if let Err(error) = self.file.write_all(&self.buffer) {
            if !self.special {
                // Where this fails as well, readers stop at the block that is cut.
                let _ = self.file.set_len(self.len);
            }
            self.buffer.clear();
            return Err(RecordError::Write { path: shown(&self.path), error, frames: self.frames });
        }
        self.len += self.buffer.len() as u64;
        self.frames += std::mem::take(&mut self.waiting);
        self.buffer.clear();
        Ok(())
    }

    /// The capture is over: says what was lost, and sees to it that everything is on the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(&mut self, drops: Option<Drops>, now: Timestamp) -> Result<(), RecordError> {
        self.statistics(drops, now);
        self.flush()?;
        if !self.special {
            let failed = |error| RecordError::Write { path: shown(&self.path), error, frames: self.frames };
            self.file.sync_all().map_err(failed)?;
        }
        Ok(())
    }

    /// The files so far, and the first frame in each.
    #[must_use]
    pub fn files(&self) -> &[(PathBuf, FrameNo)] {
        &self.files
    }

    /// The files so far, as they come: a look that stays good while this is being written.
    #[must_use]
    pub fn growing_files(&self) -> Arc<Mutex<Vec<(PathBuf, FrameNo)>>> {
        Arc::clone(&self.told)
    }

    /// Packets kept so far, all of them in the file.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether other files will be made in this folder later.
    #[must_use]
    pub fn rotates(&self) -> bool {
        !self.special && (self.options.rotate_size.is_some() || self.options.rotate_time.is_some())
    }

    /// The folder in which files are made.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.options.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn is_full(&self, at: Timestamp) -> bool {
        let Some(began) = self.began else { return false };
        self.rotates()
            && (self.options.rotate_size.is_some_and(|most| self.len + self.buffer.len() as u64 >= most)
                || self.options.rotate_time.is_some_and(|most| at.since(began) >= most))
    }

    fn rotate(&mut self, first: FrameNo) -> Result<(), RecordError> {
        let path = numbered(&self.options.path, self.files.len() + 1);
        let (file, _) = make(&self.folder, &path, invoker())?;
        (self.file, self.path, self.len, self.began) = (file, path.clone(), 0, None);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push((path.clone(), first));
        self.files.push((path, first));
        self.section();
        self.flush()
    }

    /// Section Header Block (§4.1) and Interface Description Block (§4.2).
    fn section(&mut self) {
        let options = &self.options;
        let out = &mut self.buffer;
        let block = Block::begin(out, SECTION_HEADER);
        out.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        out.extend_from_slice(&[1, 0, 0, 0]);
        // The length of the section is not known.
        out.extend_from_slice(&[0xff; 8]);
        let system = rustix::system::uname();
        option(out, 2, system.machine().to_bytes());
        option(out, 3, format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()).as_bytes());
        option(out, 4, concat!("intransit ", env!("CARGO_PKG_VERSION")).as_bytes());
        if let Some((_, first)) = self.files.last().filter(|_| self.files.len() > 1) {
            option(out, COMMENT, format!("continues a capture; its first packet is frame {first} there").as_bytes());
        }
        option(out, END, &[]);
        block.end(out);
        let block = Block::begin(out, INTERFACE);
        out.extend_from_slice(&options.link.0.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&options.snaplen.to_le_bytes());
        option(out, 2, options.interface.as_bytes());
        // Nanoseconds.
        option(out, 9, &[9]);
        if let Some(filter) = &options.filter {
            option(out, 11, &[&[0], filter.as_bytes()].concat());
        }
        option(out, END, &[]);
        block.end(out);
    }

    /// Interface Statistics Block (§4.6).
    fn statistics(&mut self, drops: Option<Drops>, now: Timestamp) {
        let Some(drops) = drops else { return };
        let ticks = u64::try_from(now.nanos()).unwrap_or(0);
        let out = &mut self.buffer;
        let block = Block::begin(out, INTERFACE_STATISTICS);
        for word in [0, (ticks >> 32) as u32, (ticks & u64::from(u32::MAX)) as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for (code, n) in [(4, drops.received), (5, drops.interface), (7, drops.kernel), (8, self.frames + self.waiting)] {
            option(out, code, &n.to_le_bytes());
        }
        option(out, END, &[]);
        block.end(out);
    }
}

/// `x.pcapng` with number 2 is `x-00002.pcapng`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let suffix = path.extension().map_or_else(String::new, |suffix| format!(".{}", suffix.to_string_lossy()));
    path.with_file_name(format!("{stem}-{number:05}{suffix}"))
}

/// Makes a new file as a capture does: for the user who called this program alone, and never through a link.
///
/// # Errors
/// When there is one already, or it cannot be made.
pub fn new_file(path: &Path) -> Result<File, RecordError> {
    Ok(make(&open_folder(path)?, path, invoker())?.0)
}

fn open_folder(path: &Path) -> Result<OwnedFd, RecordError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| RecordError::Make(shown(path), e.into()))
}

/// Makes a file in a folder that is held open, so that nobody can put another folder in its place; or opens a pipe or device.
fn make(folder: &OwnedFd, path: &Path, owner: Option<(u32, u32)>) -> Result<(File, bool), RecordError> {
    let name = path.file_name().unwrap_or_default();
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let failed = |e: rustix::io::Errno| RecordError::Make(shown(path), e.into());
    match rustix::fs::openat(folder, name, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            if let Some((user, group)) = owner {
                let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
                rustix::fs::fchown(&file, Some(user), Some(group)).map_err(failed)?;
            }
            Ok((file.into(), false))
        }
        Err(rustix::io::Errno::EXIST) => {
            let file = rustix::fs::openat(folder, name, flags, Mode::empty()).map_err(|e| match e {
                rustix::io::Errno::LOOP => RecordError::Link(shown(path)),
                e => failed(e),
            })?;
            let file = File::from(file);
            match file.metadata() {
                Ok(meta) if !meta.is_file() => Ok((file, true)),
                Ok(_) => Err(RecordError::Exists(shown(path))),
                Err(e) => Err(RecordError::Make(shown(path), e)),
            }
        }
        Err(e) => Err(failed(e)),
    }
}

/// For messages; they are made safe where they are printed.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::source::{Chunk, Source, open};

    fn options(path: &Path) -> RecordOptions {
        RecordOptions {
            path: path.to_path_buf(),
            rotate_size: None,
            rotate_time: None,
            interface: "wlan0".into(),
            link: LinkType(1),
            snaplen: 262_144,
            filter: Some("port 443".into()),
        }
    }

    fn frame(number: u64, bytes: &[u8]) -> Frame<'_> {
        let at = Timestamp::from_nanos(1_700_000_000_123_456_789 + i64::try_from(number).unwrap() * 1_000_000_000);
        Frame { number: FrameNo::new(number).unwrap(), at, bytes, wire_len: 1500, link: LinkType(1), interface: 0 }
    }

    /// Number, time, bytes and length on the wire of each frame of a file.
    fn read(path: &Path) -> Vec<(u64, Timestamp, Vec<u8>, u32)> {
        let mut source = open(path).unwrap();
        let (mut chunk, mut all) = (Chunk::default(), Vec::new());
        while source.fill(&mut chunk).unwrap() {
            all.extend(chunk.frames.iter().map(|place| {
                let frame = chunk.frame(place).unwrap();
                (frame.number.get(), frame.at, frame.bytes.to_vec(), frame.wire_len)
            }));
        }
        assert_eq!(source.capture().damage, None);
        all
    }

    #[test]
    fn what_is_kept_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        let mut recording = Recording::begin(options(&path)).unwrap();
        let bytes: Vec<Vec<u8>> = (0..9).map(|n| vec![7; n]).collect();
        for (n, bytes) in (1..).zip(&bytes) {
            recording.frame(&frame(n, bytes), (n % 2 == 0).then_some("process: curl")).unwrap();
        }
        recording.end(Some(Drops { received: 9, kernel: 1, interface: 0 }), Timestamp::ZERO).unwrap();
        let expected: Vec<_> = (1..).zip(&bytes).map(|(n, bytes)| (n, frame(n, bytes).at, bytes.clone(), 1500)).collect();
        assert_eq!(read(&path), expected);
        let source = open(&path).unwrap();
        let said: Vec<String> = source.capture().comments.iter().map(ToString::to_string).collect();
        assert!(said.contains(&concat!("application: intransit ", env!("CARGO_PKG_VERSION")).to_owned()), "{said:?}");
    }

    #[test]
    fn files_follow_each_other_by_size_and_by_time_without_losing_a_frame() {
        for (size, time) in [(Some(4000), None), (None, Some(10_000_000_000))] {
            let folder = tempfile::tempdir().unwrap();
            let wanted = RecordOptions { rotate_size: size, rotate_time: time, ..options(&folder.path().join("day.pcapng")) };
            let mut recording = Recording::begin(wanted).unwrap();
            for n in 1..=100 {
                recording.frame(&frame(n, &[1; 400]), None).unwrap();
            }
            recording.end(None, Timestamp::ZERO).unwrap();
            let files = recording.files().to_vec();
            assert!(files.len() >= 10, "{files:?}");
            assert!(files.first().unwrap().0.ends_with("day-00001.pcapng"));
            let mut seen = 0;
            for (path, first) in files {
                assert_eq!(first.get(), seen + 1);
                seen += read(&path).len() as u64;
            }
            assert_eq!(seen, 100);
        }
    }

    #[test]
    fn a_file_is_made_new_for_its_owner_alone_and_never_through_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        Recording::begin(options(&path)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(matches!(Recording::begin(options(&path)), Err(RecordError::Exists(_))));
        let link = folder.path().join("link.pcapng");
        for target in [folder.path().join("nothing"), path] {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&target, &link).unwrap();
            assert!(matches!(Recording::begin(options(&link)), Err(RecordError::Link(_))), "to {target:?}");
        }
        assert!(!folder.path().join("nothing").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_the_packets_that_were_kept() {
        let mut recording = match Recording::begin(options(Path::new("/dev/full"))) {
            Err(RecordError::Write { frames: 0, .. }) => return,
            other => other.unwrap(),
        };
        let error = (1..10_000).find_map(|n| recording.frame(&frame(n, &[0; 1400]), None).err()).unwrap();
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }
}
