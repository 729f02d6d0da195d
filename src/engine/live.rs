//! A capture that is still running: its connections are told while it runs, and forgotten when they are over.
//!
//! What is told of a connection that is over is what reading the same packets from a file would say of it.
//!
//! The calling thread reads, decodes headers, names programs, keeps packets and tells. Payload is read there, too, or by several threads; what
//! is told, and in which order, does not depend on that.

use std::time::{Duration, Instant};

use crate::assess::{Catalogue, Judged, Links};
use crate::base::{OwnerCounts, Timestamp};
use crate::dissect::Equipment;
use crate::dissect::keys::KeyCounts;
use crate::flow::{Seen, TableCounts};
use crate::link::{Decoder, LinkCounts, Packet, Process};
use crate::source::{Capture, Chunk, RecordError, Recording, Source, SourceError, Status};

use super::crew::{Crew, Tables};
#[cfg(have_libpcap)]
use super::named::{self, Owners};
use super::{Options, Table, app_of, take_secrets};

/// How much capture time passes between two looks at what is over or has changed, in nanoseconds.
const TEND: u64 = 250_000_000;

/// How long packets wait at most before they are in the file that keeps them, while others come: a second SIGINT ends the program at once. By
/// the computer's clock, because that of the capture is behind where nothing comes.
const KEEP: Duration = Duration::from_millis(250);

/// What is told.
#[derive(Debug)]
pub enum Event<'a> {
    /// Packets came, and none of them has been read yet; or the capture is over, and what waits is about to be read for the last time: the
    /// moment to bring keys.
    Come,
    /// A connection that goes on, as far as it is known. It is the same one as long as [`Connection::id`](crate::flow::Connection::id) is the same.
    Changed(Judged),
    /// A connection that is over.
    Over(Judged),
    /// Some time passed, or packets came.
    Tick(&'a Tick<'a>),
}

/// How things stand.
#[derive(Debug)]
pub struct Tick<'a> {
    /// What the capture said of itself so far.
    pub capture: &'a Capture,
    /// The interface and what was lost; now and then, and never for files.
    pub status: Option<&'a Status>,
    /// What the link floor counted.
    pub link: &'a LinkCounts,
    /// What the flow table had done when connections were last looked at.
    pub counts: TableCounts,
    /// For how many connections a program was found, where programs are looked for.
    pub programs: Option<OwnerCounts>,
    /// The capture's clock.
    pub now: Timestamp,
}

/// What was counted until the end.
#[derive(Debug)]
pub struct Watched {
    /// What the capture said of itself, and why it broke off.
    pub capture: Capture,
    /// The interface and what was lost.
    pub status: Option<Status>,
    /// What the link floor counted.
    pub link: LinkCounts,
    /// What the flow table did.
    pub counts: TableCounts,
    /// Announcements for other connections that found no room.
    pub announced_left_out: u64,
    /// What became of keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// For how many connections a program was found, where programs were looked for.
    pub programs: Option<OwnerCounts>,
    /// Why packets could no longer be kept.
    pub unwritten: Option<RecordError>,
}

/// A capture to be watched, and how.
pub struct Watch<'a> {
    /// Where packets come from.
    pub source: &'a mut dyn Source,
    /// Where they are kept.
    pub recording: Option<&'a mut Recording>,
    /// What the dissectors are given.
    pub equipment: Equipment,
    /// What the flow table may hold, who uses which names, and how many threads read payload: 1 for none beside the calling one. With keys that
    /// may come while packets do, chance would decide which packets several threads still open with them; and a QUIC connection that somebody
    /// looks into may go on as one of another thread. Then it is one ([`Equipment::is_for_one`]).
    pub options: Options,
    /// Who tells which programs connections belong to.
    #[cfg(have_libpcap)]
    pub owners: Option<&'a mut Owners>,
    /// Tell also of connections that go on.
    pub changes: bool,
}

impl Watch<'_> {
    /// Reads a running capture to its end. It also ends when packets can no longer be kept.
    ///
    /// # Errors
    /// When nothing of the capture could be read.
    pub fn run(self, tell: &mut dyn FnMut(Event<'_>)) -> Result<Watched, SourceError> {
        let options = self.options;
        if options.workers < 2 || self.equipment.is_for_one() {
            let table = Table::running(options.limits, self.equipment.makers());
            return self.read(table, tell);
        }
        let equipment = self.equipment.clone();
        std::thread::scope(|scope| self.read(Crew::start(scope, options.workers, options, &equipment), tell))
    }

    fn read(mut self, mut tables: impl Tables, tell: &mut dyn FnMut(Event<'_>)) -> Result<Watched, SourceError> {
        let mut decoder = Decoder::new();
        let mut links = Links::default();
        let catalogue = self.options.catalogue;
        let mut chunk = Chunk::default();
        let mut counts = TableCounts::default();
        let (mut newest, mut tended) = (Timestamp::ZERO, Timestamp::ZERO);
        let mut unwritten = None;
        let (mut secrets, mut kept) = (0, Instant::now());
        while unwritten.is_none() && self.source.fill(&mut chunk)? {
            take_secrets(self.source.capture(), &mut secrets, &self.equipment);
            #[cfg(have_libpcap)]
            if let Some(owners) = &mut self.owners {
                owners.listen();
            }
            if !chunk.frames.is_empty() {
                tell(Event::Come);
            }
            for (at, place) in chunk.frames.iter().enumerate() {
                let Some(frame) = chunk.frame(place) else { continue };
                let app = app_of(&chunk, place, self.source.capture());
                let mut comment = None;
                decoder.decode(&frame, &mut |packet| {
                    #[cfg(have_libpcap)]
                    let owner = named::owner(self.owners.as_deref_mut(), packet);
                    #[cfg(not(have_libpcap))]
                    let owner: Option<&crate::base::Owner> = None;
                    // What is kept says it of the same packet: the file tells what was told live.
                    comment = owner.map(|owner| format!("process: {}", owner.comment()));
                    let process = packet.process.or(app).or(owner.map(Process::Owner));
                    tables.packet(&Packet { process, ..*packet }, &chunk, at);
                });
                if let Some(recording) = &mut self.recording
                    && let Err(error) = recording.frame(&frame, comment.as_deref())
                {
                    unwritten = Some(error);
                    break;
                }
                newest = newest.max(place.at);
            }
            if let Some(recording) = self.recording.as_mut().filter(|_| chunk.frames.is_empty() || kept.elapsed() >= KEEP) {
                unwritten = unwritten.or(recording.flush().err());
                kept = Instant::now();
            }
            chunk = tables.next(chunk);
            let now = self.source.clock().map_or(newest, |clock| clock.max(newest));
            let due = now.since(tended) >= TEND || tended == Timestamp::ZERO;
            let mut status = None;
            if due {
                tended = now;
                counts = tables.tend(now, self.changes, &mut |seen| pass_on(seen, &mut links, catalogue, tell));
                status = self.source.status();
            }
            let (capture, status) = (self.source.capture(), status.as_ref());
            #[cfg(have_libpcap)]
            let programs = self.owners.as_ref().map(|owners| owners.counts());
            #[cfg(not(have_libpcap))]
            let programs = None;
            tell(Event::Tick(&Tick { capture, status, link: decoder.counts(), counts, programs, now }));
        }
        // Before all that takes time.
        unwritten = unwritten.or(self.recording.as_mut().and_then(|recording| recording.flush().err()));
        tell(Event::Come);
        let counts = tables.end(&mut |seen| pass_on(seen, &mut links, catalogue, tell));
        let status = self.source.status();
        if let Some(recording) = self.recording
            && unwritten.is_none()
        {
            unwritten = recording.end(status.as_ref().map(|status| status.drops), newest).err();
        }
        Ok(Watched {
            capture: self.source.capture().clone(),
            status,
            link: decoder.counts().clone(),
            counts,
            announced_left_out: links.left_out(),
            keys: self.equipment.counts(),
            #[cfg(have_libpcap)]
            programs: self.owners.as_ref().map(|owners| owners.counts()),
            #[cfg(not(have_libpcap))]
            programs: None,
            unwritten,
        })
    }
}

/// Adds what other connections tell of this one.
fn pass_on(seen: Seen, links: &mut Links, catalogue: &'static Catalogue, tell: &mut dyn FnMut(Event<'_>)) {
    match seen {
        Seen::Telling(connection) => links.learn(&connection),
        Seen::Open(mut connection) => {
            links.apply(&mut connection);
            tell(Event::Changed(Judged::of(connection, catalogue)));
        }
        Seen::Over(mut connection) => {
            links.apply(&mut connection);
            tell(Event::Over(Judged::of(connection, catalogue)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::base::{FrameNo, LinkType};
    use crate::flow::Limits;
    use crate::source::{FrameAt, RecordOptions};

    /// One frame each time, a tenth of a second apart; then nothing, several times; then the end.
    struct Few {
        capture: Capture,
        file: PathBuf,
        came: u64,
        /// How often nothing is to come, and whether it was so.
        nothing: u64,
        waited: bool,
    }

    impl Source for Few {
        fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
            chunk.clear();
            if self.came == 3 {
                // What came before nothing came is in the file.
                assert!(!self.waited || frames_in(&self.file) == 3);
                let goes_on = self.nothing > 0;
                (self.nothing, self.waited) = (self.nothing.saturating_sub(1), goes_on);
                return Ok(goes_on);
            }
            self.came += 1;
            let at = Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(self.came).unwrap() * 100_000_000);
            let number = FrameNo::new(self.came).unwrap();
            chunk.bytes.clear();
            chunk.bytes.extend([0; 60]);
            let (captured, wire_len, link) = (60, 60, LinkType(1));
            chunk.frames.push(FrameAt { number, at, start: 0, captured, wire_len, link, interface: 0, copy: false });
            Ok(true)
        }

        fn capture(&self) -> &Capture {
            &self.capture
        }

        fn clock(&self) -> Option<Timestamp> {
            // As that of a device: behind.
            Some(Timestamp::from_nanos(1_700_000_000_000_000_000))
        }
    }

    fn frames_in(path: &Path) -> u64 {
        let mut source = crate::source::open(path).unwrap();
        let mut chunk = Chunk::default();
        while source.fill(&mut chunk).unwrap() {}
        source.capture().frames
    }

    fn watch(nothing: u64, tell: &mut dyn FnMut(&Path, Event<'_>)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pcapng");
        let mut recording = Recording::begin(RecordOptions {
            path: path.clone(),
            rotate_size: None,
            rotate_time: None,
            interface: "wlan0".into(),
            link: LinkType(1),
            snaplen: 262_144,
            filter: None,
        })
        .unwrap();
        let mut source = Few { capture: Capture::default(), file: path.clone(), came: 0, nothing, waited: false };
        let watch = Watch {
            source: &mut source,
            recording: Some(&mut recording),
            equipment: Equipment::default(),
            options: Options { workers: 1, limits: Limits::default(), catalogue: Catalogue::own() },
            #[cfg(have_libpcap)]
            owners: None,
            changes: false,
        };
        watch.run(&mut |event| tell(&path, event)).unwrap();
    }

    /// Was: the file grew by the capture's clock, which is behind where nothing comes, so that packets of a second before were lost by a
    /// second SIGINT.
    #[test]
    fn packets_are_in_the_file_as_soon_as_nothing_more_comes() {
        watch(2, &mut |_, _| {});
    }

    #[test]
    fn packets_are_in_the_file_before_anything_is_told_of_the_end() {
        let mut come = 0;
        watch(0, &mut |path, event| {
            come += u64::from(matches!(event, Event::Come));
            // Three times for packets, then for the end.
            assert!(come < 4 || frames_in(path) == 3);
        });
        assert_eq!(come, 4);
    }
}
