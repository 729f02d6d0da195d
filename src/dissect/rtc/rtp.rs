//! RTP and RTCP by their headers (RFC 3550 §5.1, §6.4): what SRTP leaves in clear too, so that the two look alike.

use smallvec::SmallVec;

use crate::base::{Dir, Evidence, Reader, Window};

/// Packets of one source that follow each other before it is believed.
const ENOUGH: u8 = 6;
/// Reports of one source before a connection of nothing else is believed.
const ENOUGH_REPORTS: u8 = 3;
/// Sources of one connection that are followed at once.
const MOST_SOURCES: usize = 8;
/// How far a sequence number may step: a burst of loss.
const LARGEST_STEP: u16 = 64;
/// How far a timestamp may step: a minute of video.
const LARGEST_TICKS: u32 = 90_000 * 60;

/// The fixed header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub source: u32,
}

impl Header {
    /// Reads a datagram that is shaped like RTP: version 2, a payload type, contributing sources and an extension that fit, and
    /// something after them.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let mut r = Reader::new(bytes);
        let (first, second) = (r.u8().ok()?, r.u8().ok()?);
        let payload_type = second & 0x7f;
        // RFC 5761 §4: 64 to 95 with or without a marker are where RTCP has its packet types.
        if first >> 6 != 2 || (64..=95).contains(&payload_type) {
            return None;
        }
        let (sequence, timestamp, source) = (r.u16().ok()?, r.u32().ok()?, r.u32().ok()?);
        r.skip(usize::from(first & 0x0f) * 4).ok()?;
        if first & 0x10 != 0 {
            r.skip(2).ok()?;
            let words = r.u16().ok()?;
            r.skip(usize::from(words) * 4).ok()?;
        }
        // A source of nothing but zeros is one that nobody drew at random.
        (!r.is_empty() && source != 0).then_some(Header { payload_type, sequence, timestamp, source })
    }
}

/// The source of a datagram that is shaped like a sender's or receiver's report, or a compound that begins with one (RFC 3550 §6.1).
pub(super) fn report(bytes: &[u8]) -> Option<u32> {
    let mut r = Reader::new(bytes);
    let (first, kind) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::from(r.u16().ok()?) * 4;
    let source = r.u32().ok()?;
    let blocks = usize::from(first & 0x1f) * 24;
    let least = match kind {
        200 => 24 + blocks,
        201 => 4 + blocks,
        _ => return None,
    };
    (first >> 6 == 2 && length >= least && length + 4 <= bytes.len() && source != 0).then_some(source)
}

/// Whether a datagram has the form of RTCP of any kind (RFC 5761 §4).
pub(super) fn is_control(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 192..=223, high, low, _, _, _, _, ..]
        if first >> 6 == 2 && usize::from(u16::from_be_bytes([*high, *low])) * 4 + 4 <= bytes.len())
}

/// Packets of one source.
#[derive(Debug)]
struct Run {
    dir: Dir,
    header: Header,
    packets: u8,
    /// Whether its timestamp moved: in a counter of something else, it may not.
    moved: bool,
    evidence: Evidence,
}

/// The sources of one connection.
#[derive(Debug, Default)]
pub(super) struct Sources {
    runs: SmallVec<[Run; 2]>,
    reports: Option<(Dir, u32, u8, Evidence)>,
}

/// What was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    /// `rtp` or `rtcp`.
    pub name: &'static str,
    /// Payload types of the sources that sent more than once.
    pub payload_types: Vec<u64>,
    pub evidence: Evidence,
}

impl Sources {
    /// Takes a datagram. Says so when enough of one source have followed each other.
    pub fn packet(&mut self, window: &Window<'_>) -> Option<Recognised> {
        if is_control(window.bytes) {
            return self.report(window);
        }
        let header = Header::read(window.bytes)?;
        let known = self.runs.iter_mut().find(|run| run.dir == window.dir && run.header.source == header.source);
        let Some(run) = known else {
            let fresh = Run { dir: window.dir, header, packets: 1, moved: false, evidence: window.all() };
            let full = self.runs.len() >= MOST_SOURCES;
            match self.runs.iter_mut().min_by_key(|run| run.packets).filter(|_| full) {
                Some(least) => *least = fresh,
                None => self.runs.push(fresh),
            }
            return None;
        };
        let step = header.sequence.wrapping_sub(run.header.sequence);
        let ticks = header.timestamp.wrapping_sub(run.header.timestamp);
        if step == 0 || step.wrapping_neg() <= LARGEST_STEP {
            // Again, or late.
            return None;
        }
        // Frames of video may come in another order than they are shown in.
        if step > LARGEST_STEP || ticks.min(ticks.wrapping_neg()) > LARGEST_TICKS {
            *run = Run { dir: window.dir, header, packets: 1, moved: false, evidence: window.all() };
            return None;
        }
        run.moved |= ticks != 0;
        run.packets = run.packets.saturating_add(1);
        run.header = header;
        run.evidence.join(&window.all());
        let enough = run.packets >= ENOUGH && run.moved || run.packets >= 4 * ENOUGH;
        if !enough {
            return None;
        }
        let evidence = run.evidence.clone();
        let mut payload_types: Vec<u64> =
            self.runs.iter().filter(|run| run.packets > 1).map(|run| u64::from(run.header.payload_type)).collect();
        payload_types.sort_unstable();
        payload_types.dedup();
        Some(Recognised { name: "rtp", payload_types, evidence })
    }

    fn report(&mut self, window: &Window<'_>) -> Option<Recognised> {
        let source = report(window.bytes)?;
        match &mut self.reports {
            Some((dir, known, reports, evidence)) if *dir == window.dir && *known == source => {
                *reports = reports.saturating_add(1);
                evidence.join(&window.all());
                (*reports >= ENOUGH_REPORTS).then(|| Recognised { name: "rtcp", payload_types: Vec::new(), evidence: evidence.clone() })
            }
            Some(_) => None,
            None => {
                self.reports = Some((window.dir, source, 1, window.all()));
                None
            }
        }
    }

    pub fn swap_sides(&mut self) {
        self.runs.iter_mut().for_each(|run| run.dir = run.dir.other());
        if let Some((dir, ..)) = &mut self.reports {
            *dir = dir.other();
        }
    }
}
