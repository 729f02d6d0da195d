//! Puts the floors together: source, link, flow, dissect. Nothing below it starts threads.
//!
//! One worker: everything happens on the calling thread, so that a chunk is still in the processor's cache when its payload is read.
//! More workers: the calling thread reads and decodes headers; each worker owns some of the 64 virtual shards of the flow table and reads
//! the payload of its packets straight from the shared chunk. Both ways give the same connections.

mod crew;
mod each;
pub mod excerpt;
pub mod live;
#[cfg(have_libpcap)]
pub mod named;
#[cfg(all(have_libpcap, target_os = "linux"))]
pub mod onlooker;
pub mod split;

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::assess::{Catalogue, Judged, Links};
use crate::base::{Owner, Stitched};
use crate::dissect::keys::{KeyCounts, TLS_KEY_LOG};
use crate::dissect::{Datagrams, Equipment, Stream};
use crate::flow::{Connection, Finished, FlowTable, Limits};
use crate::link::{Decoder, LinkCounts, Packet, Process, Transport};
use crate::source::{Capture, Chunk, FrameAt, Source, SourceError};

pub use each::analyse_each;

/// Fewest connections that a thread is started for, to judge them.
const WORTH_A_THREAD: usize = 2048;
/// Connections judged together, and how many such batches may wait.
const BATCH: usize = 128;
const AHEAD: usize = 8;

type Table = FlowTable<Stream, Datagrams>;

/// How to analyse.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that read payload; 1 for none beside the calling one.
    pub workers: usize,
    /// What the flow table may hold.
    pub limits: Limits,
    /// Who uses which names and addresses.
    pub catalogue: &'static Catalogue,
}

/// A capture, read to its end.
#[derive(Debug)]
pub struct Analysis {
    /// What the capture said of itself, and where it broke.
    pub capture: Capture,
    /// What the link floor counted.
    pub link: LinkCounts,
    /// The connections, as each was found.
    pub finished: Finished,
    /// What the connections tell of each other.
    pub links: Links,
    /// What became of keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// Who uses which names and addresses.
    pub catalogue: &'static Catalogue,
}

impl Analysis {
    /// The connections by first frame, judged and attributed.
    pub fn judged(&self) -> impl Iterator<Item = Judged> {
        self.connections().map(|connection| Judged::of(connection, self.catalogue))
    }

    /// As [`Analysis::judged`], once, for whoever takes long over each: with a processor to spare, another thread judges ahead.
    pub fn judged_ahead<T>(&mut self, workers: usize, take: impl FnOnce(&mut dyn Iterator<Item = Judged>) -> T) -> T {
        let Analysis { finished, links, catalogue, .. } = self;
        let threads = if workers < 2 || finished.len() < WORTH_A_THREAD { 1 } else { 2 };
        let mut judged = finished.give().map(|mut connection| {
            links.apply(&mut connection);
            Judged::of(connection, catalogue)
        });
        if threads < 2 {
            return take(&mut judged);
        }
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let batch: Vec<Judged> = judged.by_ref().take(BATCH).collect();
                    // Whoever takes them may have had enough.
                    if batch.is_empty() || sender.send(batch).is_err() {
                        return;
                    }
                }
            });
            take(&mut receiver.into_iter().flatten())
        })
    }

    /// The connections by first frame, with what others tell of them.
    pub fn connections(&self) -> impl Iterator<Item = Connection> {
        self.finished.iter().map(|mut connection| {
            self.links.apply(&mut connection);
            connection
        })
    }
}

/// Reads a capture to its end. `progress` is called after each chunk.
///
/// # Errors
/// When nothing of the capture could be read; damage further in is told in [`Capture::damage`].
pub fn analyse(source: &mut dyn Source, options: Options, progress: &mut dyn FnMut(&Capture)) -> Result<Analysis, SourceError> {
    analyse_with(source, options, &Equipment::default(), progress)
}

thread_local! {
    /// The buffers of the capture that this thread read last: a folder of small ones takes them from the system once.
    static CHUNK: Cell<Chunk> = Cell::default();
}

/// Octets of a buffer that is kept for the next capture.
const MOST_KEPT: usize = 1 << 20;

/// Reads a capture to its end with keys, or for somebody who looks inside. Where keys may come while it is read, secrets in
/// the capture are taken as they come; see also [`analyse_twice`].
///
/// # Errors
/// See [`analyse`].
pub fn analyse_with(
    source: &mut dyn Source,
    options: Options,
    equipment: &Equipment,
    progress: &mut dyn FnMut(&Capture),
) -> Result<Analysis, SourceError> {
    let mut decoder = Decoder::new();
    let finished = if options.workers > 1 {
        in_parallel(source, options, equipment, &mut decoder, progress)?
    } else {
        let mut table = Table::making(options.limits, equipment.makers());
        let mut chunk = CHUNK.take();
        let mut secrets = 0;
        while source.fill(&mut chunk)? {
            take_secrets(source.capture(), &mut secrets, equipment);
            for place in &chunk.frames {
                if let Some(frame) = chunk.frame(place) {
                    let app = app_of(&chunk, place, source.capture());
                    match app {
                        None => decoder.decode(&frame, &mut |packet| table.packet(packet)),
                        Some(_) => {
                            decoder.decode(&frame, &mut |packet| table.packet(&Packet { process: packet.process.or(app), ..*packet }))
                        }
                    }
                }
            }
            progress(source.capture());
        }
        if chunk.bytes.len() <= MOST_KEPT {
            CHUNK.set(chunk);
        }
        table.finish()
    };
    let finished = finished.of_part(source.capture().part);
    let links = Links::gather(&finished).with_names(&source.capture().names);
    Ok(Analysis {
        capture: source.capture().clone(),
        link: decoder.counts().clone(),
        finished,
        links,
        keys: equipment.counts(),
        catalogue: options.catalogue,
    })
}

/// Reads a capture that can be opened again: secrets in it may come after the packets they open, so that a capture that turns out to hold
/// some is read twice.
///
/// # Errors
/// See [`analyse`].
pub fn analyse_twice<S: Source>(
    mut open: impl FnMut() -> Result<S, SourceError>,
    mut options: Options,
    equipment: &Equipment,
    progress: &mut dyn FnMut(&Capture),
) -> Result<Analysis, SourceError> {
    let known = equipment.branch();
    let mut source = open()?;
    // Whoever looks inside does so once, with all the keys there are.
    if known.sinks.is_some() {
        // One after the other: a connection of QUIC that goes on from another address may be another worker's.
        options.workers = 1;
        let mut chunk = Chunk::default();
        while source.fill(&mut chunk)? {}
    } else {
        let analysis = analyse_with(&mut source, options, &known, progress)?;
        if !has_key_log(&analysis.capture) {
            return Ok(analysis);
        }
    }
    let all = equipment.branch();
    add_secrets(source.capture(), &mut 0, &all);
    analyse_with(&mut open()?, options, &all, progress)
}

fn has_key_log(capture: &Capture) -> bool {
    capture.secrets.iter().any(|secrets| secrets.kind == TLS_KEY_LOG)
}

/// Takes the key logs of a capture that is read only once and were not `taken` before.
fn take_secrets(capture: &Capture, taken: &mut usize, equipment: &Equipment) {
    if equipment.growing {
        add_secrets(capture, taken, equipment);
    }
}

fn add_secrets(capture: &Capture, taken: &mut usize, equipment: &Equipment) {
    for secrets in capture.secrets.iter().skip(*taken).filter(|secrets| secrets.kind == TLS_KEY_LOG) {
        equipment.keys.add_log(&secrets.content);
    }
    *taken = capture.secrets.len();
}

/// Starts work beside the calling thread.
pub fn background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::spawn(work)
}

/// A chunk and the packets found in it, for all workers.
#[derive(Debug, Default)]
struct Batch {
    chunk: Chunk,
    packets: Vec<(u8, Held)>,
}

/// A packet apart from its bytes.
#[derive(Debug)]
struct Held {
    wire_len: u32,
    src: IpAddr,
    dst: IpAddr,
    transport: Transport,
    payload: Payload,
    payload_wire_len: u32,
    vlan: Option<u16>,
    process: Option<HeldProcess>,
}

#[derive(Debug)]
enum Payload {
    /// Octets `start..start + len` of the chunk, in the frame at this place.
    Chunk { frame: u32, start: usize, len: usize },
    /// Put together from fragments.
    Own(Box<Stitched>),
}

#[derive(Debug)]
enum HeldProcess {
    Named(Vec<u8>, Option<u32>),
    Android(u32, Vec<u8>),
    Owner(Box<Owner>),
}

/// Batches on their way to one worker: enough to bridge an uneven load, few enough to stay small.
const IN_FLIGHT: usize = 8;

fn in_parallel(
    source: &mut dyn Source,
    options: Options,
    equipment: &Equipment,
    decoder: &mut Decoder,
    progress: &mut dyn FnMut(&Capture),
) -> Result<Finished, SourceError> {
    let workers = options.workers.min(64);
    std::thread::scope(|scope| {
        let mut senders: Vec<SyncSender<Arc<Batch>>> = Vec::new();
        let mut handles = Vec::new();
        for mine in 0..workers {
            let (sender, receiver) = sync_channel(IN_FLIGHT);
            senders.push(sender);
            handles.push(scope.spawn(move || work(&receiver, options, equipment, mine)));
        }
        let read = distribute(source, equipment, decoder, &senders, workers, progress);
        drop(senders);
        let mut finished = Finished::default();
        for handle in handles {
            match handle.join() {
                Ok(part) => finished.join(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read.map(|()| finished)
    })
}

/// Reads and decodes; sends each batch to all workers.
fn distribute(
    source: &mut dyn Source,
    equipment: &Equipment,
    decoder: &mut Decoder,
    senders: &[SyncSender<Arc<Batch>>],
    workers: usize,
    progress: &mut dyn FnMut(&Capture),
) -> Result<(), SourceError> {
    let mut sent: VecDeque<Arc<Batch>> = VecDeque::new();
    let mut secrets = 0;
    loop {
        // A batch every worker is done with is used again.
        let reused = sent.front_mut().is_some_and(|batch| Arc::get_mut(batch).is_some());
        let mut batch = if reused { sent.pop_front().unwrap_or_default() } else { Arc::default() };
        let Some(filling) = Arc::get_mut(&mut batch) else { continue };
        if !source.fill(&mut filling.chunk)? {
            return Ok(());
        }
        take_secrets(source.capture(), &mut secrets, equipment);
        let Batch { chunk, packets } = filling;
        packets.clear();
        for (at, place) in chunk.frames.iter().enumerate() {
            if let Some(frame) = chunk.frame(place) {
                let app = app_of(chunk, place, source.capture());
                decoder.decode(&frame, &mut |packet| {
                    let shard = Table::shard_of(packet).unwrap_or(0);
                    let worker = u8::try_from(shard % workers).unwrap_or(0);
                    packets.push((worker, hold(&Packet { process: packet.process.or(app), ..*packet }, chunk, at)));
                });
            }
        }
        for sender in senders {
            // A worker that is gone has panicked; joining it tells.
            if sender.send(Arc::clone(&batch)).is_err() {
                return Ok(());
            }
        }
        sent.push_back(batch);
        progress(source.capture());
    }
}

fn work(batches: &Receiver<Arc<Batch>>, options: Options, equipment: &Equipment, mine: usize) -> Finished {
    let mut table = Table::making(options.limits, equipment.makers());
    let mine = u8::try_from(mine).unwrap_or(0);
    for batch in batches {
        for (_, held) in batch.packets.iter().filter(|(worker, _)| *worker == mine) {
            release(held, &batch.chunk, |packet| table.packet(packet));
        }
    }
    table.finish()
}

/// The program that a comment on the packet names: ours, or PCAPdroid's, which gives the uid of an Android app.
fn app_of<'a>(chunk: &'a Chunk, place: &FrameAt, capture: &'a Capture) -> Option<Process<'a>> {
    if let Some(owner) = chunk.owner(place.number) {
        return Some(Process::Owner(owner));
    }
    if chunk.uids.is_empty() {
        return None;
    }
    let uid = chunk.uid(place.number)?;
    let (_, name) = capture.apps.iter().find(|(known, _)| *known == uid)?;
    Some(Process::Android { uid, name: name.as_bytes() })
}

/// Takes a packet apart from its bytes, which stay in the chunk.
fn hold(packet: &Packet<'_>, chunk: &Chunk, frame: usize) -> Held {
    let bytes = packet.payload.bytes;
    let start = (bytes.as_ptr() as usize).wrapping_sub(chunk.bytes.as_ptr() as usize);
    let inside = start.checked_add(bytes.len()).is_some_and(|end| end <= chunk.bytes.len());
    let payload = match u32::try_from(frame) {
        Ok(frame) if inside || bytes.is_empty() => Payload::Chunk { frame, start: if inside { start } else { 0 }, len: bytes.len() },
        _ => {
            let mut own = Stitched::new();
            own.push(&packet.payload);
            Payload::Own(Box::new(own))
        }
    };
    let process = packet.process.map(|process| match process {
        Process::Named { name, pid } => HeldProcess::Named(name.to_vec(), pid),
        Process::Android { uid, name } => HeldProcess::Android(uid, name.to_vec()),
        Process::Owner(owner) => HeldProcess::Owner(Box::new(owner.clone())),
    });
    let Packet { wire_len, src, dst, transport, payload_wire_len, vlan, .. } = *packet;
    Held { wire_len, src, dst, transport, payload, payload_wire_len, vlan, process }
}

/// Puts a packet and its bytes together again.
fn release(held: &Held, chunk: &Chunk, mut read: impl FnMut(&Packet<'_>)) {
    let payload = match &held.payload {
        Payload::Chunk { frame, start, len } => {
            let frame = chunk.frames.get(*frame as usize).and_then(|place| chunk.frame(place));
            frame.and_then(|frame| Some(frame.window(chunk.bytes.get(*start..start.checked_add(*len)?)?)))
        }
        Payload::Own(own) => own.window(crate::base::Dir::Client),
    };
    let process = held.process.as_ref().map(|process| match process {
        HeldProcess::Named(name, pid) => Process::Named { name, pid: *pid },
        HeldProcess::Android(uid, name) => Process::Android { uid: *uid, name },
        HeldProcess::Owner(owner) => Process::Owner(owner),
    });
    if let Some(payload) = payload {
        let Held { wire_len, src, dst, transport, payload_wire_len, vlan, .. } = *held;
        read(&Packet { wire_len, src, dst, transport, payload, payload_wire_len, vlan, process });
    }
}
