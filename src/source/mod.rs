//! Floor 1: where frames come from.
//!
//! A [`Source`] fills a reused [`Chunk`] with whole frames. Files are read, not mapped: a chunk of 256 KiB stays in the
//! processor's cache, works on pipes, and cannot die when the file shrinks under it.
//!
//! [`open`] a file or [`read`] a stream: [`FileSource`] finds out by the first bytes what it is. `input` undoes compression,
//! `pcap` and `pcapng` read records and blocks, and `file` carries the incomplete tail of one chunk to the next.

mod blocks;
#[cfg(all(have_libpcap, target_os = "linux"))]
mod carrier;
mod excerpt;
mod file;
mod hashed;
mod input;
mod joined;
mod options;
#[cfg(all(have_libpcap, target_os = "linux"))]
pub mod owners;
mod parts;
mod pcapng;
mod record;
pub mod sandbox;
mod savefile;
#[cfg(all(have_libpcap, target_os = "linux"))]
pub mod space;
#[cfg(test)]
mod tests;

pub use excerpt::Excerpt;
pub use file::{FileSource, open, read};
pub use hashed::{InputHash, open_hashed, sha256};
pub use joined::Joined;
pub use parts::{Kept, PartOf, Parts};

#[cfg(have_libpcap)]
pub mod addresses;
#[cfg(have_libpcap)]
pub mod interfaces;
#[cfg(have_libpcap)]
pub mod live;
mod status;

pub use record::{RecordError, RecordOptions, Recording, new_file};
pub use status::{Capturing, Drops, Status};

use zeroize::Zeroizing;

use crate::base::{Frame, FrameNo, LinkType, Owner, Timestamp, WireStr};

/// A place frames come from.
pub trait Source: Send {
    /// Replaces the content of `chunk` by the next frames of the capture.
    ///
    /// Returns `false` when there are no more; damage is then told by [`Source::capture`].
    ///
    /// # Errors
    /// Only when nothing of the capture could be read: see [`SourceError`].
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError>;

    /// What the capture said of itself so far.
    fn capture(&self) -> &Capture;

    /// The moment up to which every frame has been handed over, where the source knows: a device does when nothing comes.
    fn clock(&self) -> Option<Timestamp> {
        None
    }

    /// How a running capture stands; `None` for files.
    fn status(&mut self) -> Option<Status> {
        None
    }
}

impl Source for Box<dyn Source> {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        self.as_mut().fill(chunk)
    }

    fn capture(&self) -> &Capture {
        self.as_ref().capture()
    }

    fn clock(&self) -> Option<Timestamp> {
        self.as_ref().clock()
    }

    fn status(&mut self) -> Option<Status> {
        self.as_mut().status()
    }
}

/// Whole frames, read in one go. The buffers are reused from fill to fill.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The bytes the frames lie in, among record headers and what an earlier fill left behind.
    pub bytes: Vec<u8>,
    /// The frames, ascending by number.
    pub frames: Vec<FrameAt>,
    /// Uids of the apps that frames belong to, ascending by number: PCAPdroid writes `u-UID` as the comment of a frame.
    /// Only uids of [`Capture::apps`].
    pub uids: Vec<(FrameNo, u32)>,
    /// Programs that frames belong to, ascending by number: what this program writes as the comment of a frame (see [`Owner::comment`]).
    pub owners: Vec<(FrameNo, Owner)>,
    /// The blocks of a pcapng file, where somebody wants them: see [`Parts`].
    pub blocks: Option<Vec<BlockAt>>,
}

/// A block of a pcapng file as a place in its chunk.
#[derive(Clone, Copy, Debug)]
pub struct BlockAt {
    /// Its type.
    pub kind: u32,
    /// Where it starts in the chunk.
    pub start: usize,
    /// Its octets, padding included.
    pub len: usize,
    /// Whether its numbers are big-endian.
    pub big_endian: bool,
    /// Which of the chunk's frames it carries.
    pub frame: Option<usize>,
    /// Whether it takes a frame number.
    pub numbered: bool,
    /// Time in units of its interface, for a Simple Packet Block, which does not say it.
    pub ticks: u64,
}

/// A frame as a place in its chunk.
#[derive(Clone, Copy, Debug)]
pub struct FrameAt {
    /// Its number.
    pub number: FrameNo,
    /// When it was captured.
    pub at: Timestamp,
    /// Where it starts in the chunk.
    pub start: u32,
    /// Octets captured.
    pub captured: u32,
    /// Octets on the wire.
    pub wire_len: u32,
    /// The link-layer header type of its interface.
    pub link: LinkType,
    /// Its interface, in the order of the capture's interface descriptions.
    pub interface: u32,
    /// In a part of a capture: it is of connections of other parts, and here because those of this one may need it.
    pub copy: bool,
}

impl Chunk {
    /// Forgets the frames, keeping the memory. The bytes stay as they are: nothing refers to them, and writing zeros
    /// over them before each read would cost as much as the read.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.uids.clear();
        self.owners.clear();
        self.blocks.iter_mut().for_each(Vec::clear);
    }

    /// The program that a frame of this chunk belongs to, where this program wrote it down.
    #[must_use]
    pub fn owner(&self, frame: FrameNo) -> Option<&Owner> {
        if self.owners.is_empty() {
            return None;
        }
        let at = self.owners.binary_search_by_key(&frame, |&(number, _)| number).ok()?;
        self.owners.get(at).map(|(_, owner)| owner)
    }

    /// The uid of the app a frame of this chunk belongs to, where the capture says so.
    #[must_use]
    pub fn uid(&self, frame: FrameNo) -> Option<u32> {
        let at = self.uids.binary_search_by_key(&frame, |&(number, _)| number).ok()?;
        self.uids.get(at).map(|&(_, uid)| uid)
    }

    /// A frame of this chunk; `None` for a place of another chunk.
    #[must_use]
    pub fn frame(&self, place: &FrameAt) -> Option<Frame<'_>> {
        let start = usize::try_from(place.start).ok()?;
        let end = start.checked_add(usize::try_from(place.captured).ok()?)?;
        let bytes = self.bytes.get(start..end)?;
        Some(Frame { number: place.number, at: place.at, bytes, wire_len: place.wire_len, link: place.link, interface: place.interface })
    }
}

/// What a capture says of itself, and what became of reading it.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// `pcap`, `pcap-ns`, `pcap-modified`, `pcapng`.
    pub format: &'static str,
    /// `gzip`, `zstd`, `xz`; empty for none.
    pub compression: &'static str,
    /// Octets of the (decompressed) capture read so far.
    pub bytes_read: u64,
    /// Octets of the input as it is stored, where known: for progress.
    pub input_len: Option<u64>,
    /// Octets of the input as stored consumed so far.
    pub input_read: u64,
    /// Frames so far: equal to the number of the last one; of a part of a capture, how many are its own.
    pub frames: u64,
    /// Which part of a capture this is, where `intransit split` made it: its frames have the numbers of the whole.
    pub part: Option<PartOf>,
    /// The interfaces described so far, over all sections.
    pub interfaces: Vec<Interface>,
    /// Hardware, operating system and program of each section, and file comments, as `key: value`.
    pub comments: Vec<WireStr>,
    /// Names from Name Resolution Blocks: address text and name.
    pub names: Vec<(std::net::IpAddr, WireStr)>,
    /// Decryption Secrets Blocks, kept for later: type (`0x544c534b` is a TLS key log) and content. Never printed.
    pub secrets: Vec<Secrets>,
    /// Apps by uid, from PCAPdroid's custom block: the name people know it by (else its package).
    pub apps: Vec<(u32, WireStr)>,
    /// Packages by uid, from the same block: the name that is unique.
    pub packages: Vec<(u32, WireStr)>,
    /// Blocks that carry no packet we decode, by kind: `custom`, `systemd-journal`, `statistics`, `sysdig`, `unknown`.
    pub other_blocks: Vec<(&'static str, u64)>,
    /// Interfaces, comments, names, secrets and apps that were left out because a bound was reached.
    pub left_out: u64,
    /// Packets that the capturing program says were lost (pcapng's interface statistics); `None` where it does not say.
    pub dropped: Option<u64>,
    /// Where and how the capture broke, if it did.
    pub damage: Option<Damage>,
}

/// An interface of a capture.
#[derive(Clone, Debug)]
pub struct Interface {
    /// How its frames begin.
    pub link: LinkType,
    /// Its name, where given.
    pub name: Option<WireStr>,
    /// The most octets of a frame that were captured; 0 for no limit.
    pub snaplen: u32,
}

/// The content of a Decryption Secrets Block. `Debug` shows the size only.
#[derive(Clone)]
pub struct Secrets {
    /// The secrets type.
    pub kind: u32,
    /// The content.
    pub content: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({:#010x}, {} octets)", self.kind, self.content.len())
    }
}

/// Where a capture broke. What came before it was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the capture breaks at byte {at}: {what}")]
pub struct Damage {
    /// Offset in the (decompressed) capture of the record or block that could not be read.
    pub at: u64,
    /// What is wrong there, in a few words.
    pub what: String,
}

/// Why nothing of an input could be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file could not be opened or read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The first bytes are of no format we know.
    #[error("not a capture file: expected pcap or pcapng (plain, or compressed with gzip, zstd or xz), found {0}")]
    NotACapture(String),
    /// An interface could not be watched.
    #[error("{0}")]
    Interface(String),
    /// The file ends inside its header, or its header contradicts itself.
    #[error("the capture's header is damaged: {0}")]
    Header(String),
}
