//! Packets from a network interface, by libpcap. Compiled only where build.rs found it.
//!
//! The ring is large and the kernel fills it by blocks: measured, a small ring or immediate mode loses packets where this loses none.
//! Interfaces are not made promiscuous: what is seen is what this computer sends and receives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use pcap::{Active, Capture as Device, Error, Linktype, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[cfg(target_os = "linux")]
use super::carrier::Carrier;
use super::interfaces::{self, ANY};
use super::{Capture, Chunk, Drops, FrameAt, Interface, Source, SourceError, Status};
use crate::base::{FrameNo, LinkType, Timestamp, WireStr};

/// Octets of ring buffer: with this much, bursts at 400,000 packets a second were not lost.
const RING: i32 = 64 << 20;
/// How long the kernel may collect packets before it hands them over, in milliseconds.
const TIMEOUT: i32 = 100;
/// The whole of any packet.
const SNAPLEN: u32 = 262_144;
/// Octets of a packet that hold its headers, those of tunnels left out.
const HEADERS: u32 = 160;
/// Octets of ring buffer where packets are taken at once, and a lost one costs no evidence.
const SMALL_RING: i32 = 2 << 20;
/// A chunk is handed on when it holds this much, or when nothing more is there.
const CHUNK: usize = 256 * 1024;
/// Packets taken in one call.
const AT_ONCE: usize = 64;
/// How long to wait for packets before the caller may look around.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Whatever is captured before a moment is handed over so long after it at the latest: several times the kernel's timeout.
const LATENESS: Duration = Duration::from_millis(800);
/// When asked to stop, packets that came before are waited for at most this long: several times the kernel's timeout.
const DRAIN: Duration = Duration::from_millis(350);

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct LiveOptions {
    /// The interface; `None` for that of the default route.
    pub interface: Option<String>,
    /// A filter in libpcap's language.
    pub filter: Option<String>,
    /// Put a wireless interface into monitor mode.
    pub monitor: bool,
    /// Hand over each packet at once, and only its headers: for whoever must look while the socket is still open.
    pub at_once: bool,
}

/// What libpcap is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    snaplen: u32,
    ring: i32,
    immediate: bool,
    /// Only asked for where it is wanted: asking can already change the interface on some systems.
    monitor: bool,
}

impl LiveOptions {
    fn plan(&self) -> Plan {
        let (snaplen, ring) = if self.at_once { (HEADERS, SMALL_RING) } else { (SNAPLEN, RING) };
        Plan { snaplen, ring, immediate: self.at_once, monitor: self.monitor }
    }
}

/// An open interface.
pub struct Live {
    device: Device<Active>,
    name: String,
    filter: Option<String>,
    capture: Capture,
    link: LinkType,
    next: FrameNo,
    stop: Arc<AtomicBool>,
    stopping: Option<(Instant, Timestamp)>,
    /// Everything was taken from the ring at this moment.
    drained: Option<Timestamp>,
    ended: bool,
    counted: [u32; 3],
    drops: Drops,
    #[cfg(target_os = "linux")]
    carrier: Option<Carrier>,
    down_since: Option<Timestamp>,
}

impl Live {
    /// Opens an interface. Reading ends when `stop` becomes true, with everything that was captured until then.
    ///
    /// # Errors
    /// What libpcap says, and how to get the right to capture where that is what is missing.
    pub fn open(options: &LiveOptions, stop: Arc<AtomicBool>) -> Result<Live, SourceError> {
        let name = match &options.interface {
            Some(name) => name.clone(),
            None => interfaces::default().ok_or_else(|| {
                SourceError::Interface("no interface leads to a network; `intransit interfaces` lists all, choose one with -i".into())
            })?,
        };
        let refused = |error| refused(error, &name);
        let device = Device::from_device(name.as_str()).map_err(refused)?;
        let Plan { snaplen, ring, immediate, monitor } = options.plan();
        let device = device.promisc(false).snaplen(snaplen.cast_signed()).buffer_size(ring).timeout(TIMEOUT).precision(Precision::Nano);
        let device = if immediate { device.immediate_mode(true) } else { device };
        let device = if monitor { device.rfmon(true) } else { device };
        let mut device = device.open().and_then(Device::setnonblock).map_err(refused)?;
        if name == ANY {
            // The newer cooked header names the interface of each packet; older kernels and libraries have the older one.
            let _ = device.set_datalink(SLL2);
        }
        if let Some(filter) = &options.filter {
            device.filter(filter, true).map_err(|e| SourceError::Interface(format!("the filter is not understood: {e}")))?;
        }
        let link = LinkType(u16::try_from(device.get_datalink().0).unwrap_or(u16::MAX));
        let interface = Interface { link, name: Some(WireStr::new(name.as_bytes())), snaplen: SNAPLEN };
        let capture = Capture { format: "live", interfaces: vec![interface], ..Capture::default() };
        let filter = options.filter.clone();
        Ok(Live {
            device,
            #[cfg(target_os = "linux")]
            carrier: Carrier::of(&name),
            down_since: None,
            name,
            filter,
            capture,
            link,
            next: FrameNo::FIRST,
            stop,
            stopping: None,
            drained: None,
            ended: false,
            counted: [0; 3],
            drops: Drops::default(),
        })
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The filter, as it was given.
    #[must_use]
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// From now on only packets that match.
    ///
    /// # Errors
    /// When the filter is not understood.
    pub fn narrow(&mut self, filter: &str) -> Result<(), SourceError> {
        self.device.filter(filter, true).map_err(|e| SourceError::Interface(words(e)))
    }

    /// What came and what was lost since the beginning.
    pub fn drops(&mut self) -> Drops {
        if let Ok(now) = self.device.stats() {
            let now = [now.received, now.dropped, now.if_dropped];
            let all = [&mut self.drops.received, &mut self.drops.kernel, &mut self.drops.interface];
            for ((all, now), before) in all.into_iter().zip(now).zip(self.counted) {
                // The library's counters have 32 bits and wrap.
                *all = all.saturating_add(u64::from(now.wrapping_sub(before)));
            }
            self.counted = now;
        }
        self.drops
    }

    /// Takes what is there, up to a chunk's worth. Returns whether there may be more.
    fn take(&mut self, chunk: &mut Chunk) -> Result<bool, Error> {
        let Live { device, capture, link, next, stopping, .. } = self;
        let until = stopping.map(|(_, moment)| moment);
        let mut late = false;
        let taken = device.dispatch(Some(AT_ONCE), |packet| {
            let (seconds, nanos) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
            #[allow(clippy::useless_conversion, reason = "their sizes depend on the system")]
            let at = Timestamp::from_nanos_wide(i128::from(seconds) * 1_000_000_000 + i128::from(nanos));
            // What came after the end was asked for is left out.
            if until.is_some_and(|until| at > until) {
                late = true;
                return;
            }
            let start = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
            chunk.bytes.extend_from_slice(packet.data);
            let captured = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
            chunk.frames.push(FrameAt {
                number: *next,
                at,
                start,
                captured,
                wire_len: packet.header.len,
                link: *link,
                interface: 0,
                copy: false,
            });
            *next = next.next();
            capture.frames += 1;
            capture.bytes_read += u64::from(captured);
        })?;
        self.ended |= late;
        Ok(taken > 0 && !late)
    }

    /// As `fill`, and does not wait when nothing is there.
    ///
    /// # Errors
    /// See [`Source::fill`].
    pub fn fill_now(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        self.fill_or(chunk, &mut |_| {})
    }

    fn fill_or(&mut self, chunk: &mut Chunk, idle: &mut dyn FnMut(&mut Live)) -> Result<bool, SourceError> {
        chunk.clear();
        chunk.bytes.clear();
        if self.ended {
            return Ok(false);
        }
        if self.stopping.is_none() && self.stop.load(Ordering::Relaxed) {
            self.stopping = Some((Instant::now(), now()));
        }
        self.drained = None;
        while chunk.bytes.len() < CHUNK && !self.ended {
            match self.take(chunk) {
                Ok(true) => {}
                Ok(false) => {
                    if chunk.frames.is_empty() {
                        idle(self);
                    }
                    break;
                }
                Err(e) => {
                    self.ended = true;
                    self.capture.damage = Some(super::Damage { at: self.capture.bytes_read, what: words(e) });
                }
            }
        }
        Ok(true)
    }

    /// Nothing is there: waits a moment, or ends when the end was asked for.
    fn idle(&mut self) {
        if self.stopping.is_some_and(|(since, _)| since.elapsed() > DRAIN) {
            self.ended = true;
            return;
        }
        self.drained = Some(now());
        // A signal ends the waiting early, which is what it is for.
        let mut fds = [PollFd::new(&self.device, PollFlags::IN)];
        let came = poll(&mut fds, Some(&WAIT));
        let broken = fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP));
        if broken && came.is_ok() {
            // An interface that went down says so at once and for ever: no reason to ask it without a pause.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The link type of the newer cooked header of Linux.
const SLL2: Linktype = Linktype(276);

impl Source for Live {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        self.fill_or(chunk, &mut Live::idle)
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }

    fn clock(&self) -> Option<Timestamp> {
        let lateness = i64::try_from(LATENESS.as_nanos()).unwrap_or(i64::MAX);
        self.drained.map(|at| Timestamp::from_nanos(at.nanos().saturating_sub(lateness)))
    }

    fn status(&mut self) -> Option<Status> {
        #[cfg(target_os = "linux")]
        if let Some(carrier) = &mut self.carrier {
            self.down_since = if carrier.is_up() { None } else { self.down_since.or(Some(now())) };
        }
        Some(Status { interface: WireStr::new(self.name.as_bytes()), drops: self.drops(), down_since: self.down_since })
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos_wide(i128::try_from(since.as_nanos()).unwrap_or(i128::MAX))
}

/// What libpcap says, without the library's own preface.
fn words(error: Error) -> String {
    match error {
        Error::PcapError(text) => text,
        other => other.to_string(),
    }
}

/// libpcap's words, and what to do.
fn refused(error: Error, name: &str) -> SourceError {
    let text = words(error);
    let lower = text.to_ascii_lowercase();
    if lower.contains("permi") || lower.contains("not permitted") {
        let program = std::env::current_exe().map_or_else(|_| "PATH_TO_INTRANSIT".into(), |path| path.display().to_string());
        return SourceError::Interface(format!(
            "no right to watch {name}: give this program the right with `sudo setcap cap_net_raw+ep '{program}'`, or run it with sudo"
        ));
    }
    if lower.contains("no such device") || lower.contains("doesn't exist") {
        return SourceError::Interface(format!("there is no interface {name}; `intransit interfaces` lists them"));
    }
    if lower.contains("rfmon") || lower.contains("monitor mode") {
        return SourceError::Interface(format!("{name} has no monitor mode, or its driver does not offer it: {}", text.trim()));
    }
    SourceError::Interface(format!("{name} cannot be watched: {}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_has_a_large_ring_and_never_takes_whole_packets_at_once() {
        let plan = LiveOptions::default().plan();
        assert_eq!(plan, Plan { snaplen: 262_144, ring: 64 << 20, immediate: false, monitor: false });
        let onlooker = LiveOptions { at_once: true, ..LiveOptions::default() }.plan();
        assert!(onlooker.immediate && onlooker.snaplen <= 160, "{onlooker:?}");
    }

    #[test]
    fn monitor_mode_is_asked_for_where_it_is_wanted_and_changes_nothing_else() {
        let plan = LiveOptions { monitor: true, ..LiveOptions::default() }.plan();
        assert_eq!(plan, Plan { monitor: true, ..LiveOptions::default().plan() });
    }

    #[test]
    fn what_the_library_says_of_monitor_mode_is_told_with_the_interface() {
        // `pcap_statustostr` of PCAP_ERROR_RFMON_NOTSUP, and what Linux's part of the library says of a driver that refuses.
        for said in ["That device doesn't support monitor mode", "wlan0: can't turn on rfmon mode: Operation not supported"] {
            let told = refused(Error::PcapError(said.to_owned()), "wlan0").to_string();
            assert!(told.contains("wlan0 has no monitor mode, or its driver does not offer it"), "{told}");
        }
        let told = refused(Error::PcapError("wlan0: You don't have permission to turn on rfmon".to_owned()), "wlan0").to_string();
        assert!(told.contains("setcap cap_net_raw"), "a missing right is told as that: {told}");
    }
}
