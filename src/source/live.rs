//! Packets from a network interface, by libpcap. Compiled only where build.rs found it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pcap::{Active, Capture as Device, Error};

use super::{Capture, Chunk, FrameAt, Interface, Source, SourceError};
use crate::base::{FrameNo, LinkType, Timestamp, WireStr};

/// Octets of ring buffer: with this much, bursts at 400,000 packets a second were not lost.
const RING: i32 = 64 << 20;
/// How long libpcap may collect packets before it hands them over, in milliseconds.
const TIMEOUT: i32 = 100;
/// A chunk is handed on when it holds this much, or when nothing came within the timeout.
const CHUNK: usize = 256 * 1024;

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct LiveOptions {
    /// The interface; `None` for the one libpcap would choose.
    pub interface: Option<String>,
    /// A filter in libpcap's language.
    pub filter: Option<String>,
}

/// An open interface.
pub struct Live {
    device: Device<Active>,
    capture: Capture,
    link: LinkType,
    next: FrameNo,
    stop: Arc<AtomicBool>,
}

impl Live {
    /// Opens an interface. Reading ends when `stop` becomes true.
    ///
    /// # Errors
    /// What libpcap says, and how to get the right to capture where that is what is missing.
    pub fn open(options: &LiveOptions, stop: Arc<AtomicBool>) -> Result<Live, SourceError> {
        let name = match &options.interface {
            Some(name) => name.clone(),
            None => match pcap::Device::lookup().map_err(refused)? {
                Some(device) => device.name,
                None => return Err(SourceError::Interface("no interface found; name one with -i".into())),
            },
        };
        let device = Device::from_device(name.as_str())
            .and_then(|device| device.promisc(false).snaplen(262_144).buffer_size(RING).timeout(TIMEOUT).open())
            .map_err(refused)?;
        let mut device = device.setnonblock().map_err(refused)?;
        if let Some(filter) = &options.filter {
            device.filter(filter, true).map_err(|e| SourceError::Interface(format!("the filter is not understood: {e}")))?;
        }
        let link = LinkType(u16::try_from(device.get_datalink().0).unwrap_or(u16::MAX));
        let interface = Interface { link, name: Some(WireStr::from(name)), snaplen: 262_144 };
        let capture = Capture { format: "live", interfaces: vec![interface], ..Capture::default() };
        Ok(Live { device, capture, link, next: FrameNo::FIRST, stop })
    }

    /// Packets received, dropped by the kernel, and dropped by the interface.
    pub fn drops(&mut self) -> Option<(u32, u32, u32)> {
        self.device.stats().ok().map(|stats| (stats.received, stats.dropped, stats.if_dropped))
    }
}

impl Source for Live {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        chunk.clear();
        chunk.bytes.clear();
        while chunk.bytes.len() < CHUNK {
            match self.device.next_packet() {
                Ok(packet) => {
                    let start = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
                    chunk.bytes.extend_from_slice(packet.data);
                    let seconds = packet.header.ts.tv_sec;
                    let at = Timestamp::from_nanos_wide(i128::from(seconds) * 1_000_000_000 + i128::from(packet.header.ts.tv_usec) * 1000);
                    let captured = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
                    let number = self.next;
                    chunk.frames.push(FrameAt { number, at, start, captured, wire_len: packet.header.len, link: self.link, interface: 0 });
                    self.next = self.next.next();
                    self.capture.frames += 1;
                    self.capture.bytes_read += u64::from(captured);
                }
                Err(Error::TimeoutExpired) => {
                    if self.stop.load(Ordering::Relaxed) {
                        return Ok(!chunk.frames.is_empty());
                    }
                    if !chunk.frames.is_empty() {
                        return Ok(true);
                    }
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                Err(Error::NoMorePackets) => return Ok(!chunk.frames.is_empty()),
                Err(e) => {
                    self.capture.damage = Some(super::Damage { at: self.capture.bytes_read, what: e.to_string() });
                    return Ok(!chunk.frames.is_empty());
                }
            }
        }
        Ok(true)
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }
}

fn refused(error: Error) -> SourceError {
    let text = error.to_string();
    let hint = if text.to_ascii_lowercase().contains("permi") {
        "; give the program the right to capture with `sudo setcap cap_net_raw+ep PATH_TO_INTRANSIT`, or run it with sudo"
    } else {
        ""
    };
    SourceError::Interface(format!("{}{hint}", text.trim()))
}
