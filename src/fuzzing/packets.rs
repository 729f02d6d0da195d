//! Captures, frames and segments: floors 1 to 3.

use std::io::{self, Cursor, Read};

use super::sinks;
use super::turns::Frames;
use crate::assess::Catalogue;
use crate::assess::report::{About, Input, Report, ReportBuilder};
use crate::base::{Dir, FrameNo, LinkType, Timestamp, WireStr};
use crate::dissect::{Datagrams, Stream};
use crate::engine::{self, Analysis, Options};
use crate::flow::{FlowTable, Limits, Makers, Seen};
use crate::link::{Decoder, Packet, TcpFlags, TcpHeader, Transport};
use crate::source::{self, Capture, Chunk, Source};

/// Octets of one capture that are read: a compressed one may hold any number.
const MOST_READ: u64 = 32 << 20;
/// Frames or segments made of one input.
const MOST_FRAMES: usize = 4096;

/// Bytes that come in pieces of one length.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.piece.min(buffer.len());
        self.bytes.read(buffer.get_mut(..length).unwrap_or_default())
    }
}

/// What reading a capture came to.
#[derive(Debug, PartialEq)]
struct Came {
    frames: Vec<(FrameNo, Timestamp, Vec<u8>, u32, LinkType, u32)>,
    said: String,
}

/// Reads a capture to its end; `None` when nothing of it can be read, or when it is too long.
fn read(bytes: &[u8], piece: usize) -> Option<Came> {
    let mut source = source::read(Pieces { bytes: Cursor::new(bytes.to_vec()), piece: piece.max(1) }, None).ok()?;
    let (mut chunk, mut frames) = (Chunk::default(), Vec::new());
    while source.fill(&mut chunk).ok()? {
        for place in &chunk.frames {
            let Some(frame) = chunk.frame(place) else { continue };
            frames.push((frame.number, frame.at, frame.bytes.to_vec(), frame.wire_len, frame.link, frame.interface));
            let _ = (chunk.uid(frame.number), chunk.owner(frame.number));
        }
        if source.capture().bytes_read > MOST_READ || frames.len() > 1 << 16 {
            return None;
        }
    }
    let Capture { format, frames: count, interfaces, comments, names, apps, packages, other_blocks, left_out, dropped, damage, .. } =
        source.capture();
    let said = format!(
        "{format} {count} {interfaces:?} {comments:?} {names:?} {apps:?} {packages:?} {other_blocks:?} {left_out} {dropped:?} {damage:?}"
    );
    Some(Came { frames, said })
}

/// The same bytes are the same capture, in whatever pieces they come.
fn in_any_pieces(bytes: &[u8], pieces: &[usize]) {
    let whole = read(bytes, usize::MAX);
    for &piece in pieces {
        assert_eq!(read(bytes, piece), whole, "in pieces of {piece}");
    }
}

/// The lengths of pieces that are tried: single octets where these are few, since each costs a read.
fn pieces(bytes: &[u8]) -> &'static [usize] {
    if bytes.len() < 256 { &[1, 97] } else { &[997] }
}

/// Plain captures, pcap by their seeds.
pub(super) fn pcap(bytes: &[u8]) {
    in_any_pieces(bytes, pieces(bytes));
}

/// pcapng; bytes that do not begin with a section header are blocks behind one and an interface.
pub(super) fn pcapng(bytes: &[u8]) {
    const START: &[u8] = &[
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0,
        0, 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0,
    ];
    if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        in_any_pieces(bytes, pieces(bytes));
    } else {
        in_any_pieces(&[START, bytes].concat(), pieces(bytes));
    }
}

/// Compressed captures. A damaged stream, too, gives the same in any pieces.
pub(super) fn compressed(bytes: &[u8]) {
    in_any_pieces(bytes, &[997]);
}

/// Frames of one link type: `type(2)`, then `length(2) octets` each.
pub(super) fn link(bytes: &[u8]) {
    let Some((&[high, low], mut rest)) = bytes.split_first_chunk::<2>() else { return };
    let (link, mut decoder, mut frames) = (LinkType(u16::from_be_bytes([high, low])), Decoder::new(), Frames::new());
    for _ in 0..MOST_FRAMES {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { break };
        let (frame, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        rest = after;
        decode(&mut decoder, &mut frames, link, frame);
    }
    let counts = decoder.counts();
    assert!(counts.fragments_dropped <= counts.fragments, "{counts:?}");
}

fn decode(decoder: &mut Decoder, frames: &mut Frames, link: LinkType, bytes: &[u8]) {
    let frame = crate::base::Frame { link, ..frames.frame(bytes) };
    decoder.decode(&frame, &mut |packet| {
        assert!(packet.payload.evidence(0..1).frames().iter().all(|number| *number <= frame.number), "a packet of a later frame");
        let _ = FlowTable::<Stream, Datagrams>::key_of(packet);
    });
}

/// Fragments of IPv4 datagrams: seven octets each, of which the last one is how many payload octets follow, and those.
pub(super) fn fragments(bytes: &[u8]) {
    let (mut rest, mut decoder, mut frames) = (bytes, Decoder::new(), Frames::new());
    let mut packet = Vec::new();
    for _ in 0..MOST_FRAMES {
        let Some((&[host, id, flags, low, protocol, spread, length], after)) = rest.split_first_chunk::<7>() else { break };
        let (payload, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        packet.clear();
        // Mostly protocols that are read on.
        let protocol = match protocol % 5 {
            0 => 17,
            1 => 6,
            2 => 132,
            3 => 47,
            _ => protocol,
        };
        packet.extend([0x45, 0]);
        // Now and then a payload is repeated, so that a few octets make a large datagram.
        let times = 1 + usize::from(spread) / 32;
        packet.extend(u16::try_from(20 + payload.len() * times).unwrap_or(u16::MAX).to_be_bytes());
        packet.extend([0, id & 3, flags & 0x3f, low, 64, protocol, 0, 0, 10, 0, 0, host & 3, 10, 0, 0, 9]);
        (0..times).for_each(|_| packet.extend_from_slice(payload));
        decode(&mut decoder, &mut frames, LinkType(228), &packet);
    }
    let counts = decoder.counts();
    assert!(counts.fragments_dropped <= counts.fragments, "{counts:?}");
}

/// Segments of a few TCP connections: `length(2)` of what a client says, that, `length(2)` of what the server says, that, and then seven octets
/// for each segment: flags, which connection, which octets, and how far from their place.
pub(super) fn tcp(bytes: &[u8]) {
    let mut rest = bytes;
    let mut take = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (said, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        rest = after;
        Some(said)
    };
    let (Some(client), Some(server)) = (take(), take()) else { return };
    let running = rest.first().is_some_and(|first| first & 0x80 != 0);
    let limits = Limits { max_flows: 64 };
    let mut table = if running { FlowTable::<Stream, Datagrams>::running(limits, Makers::default()) } else { FlowTable::new(limits) };
    let (mut frames, mut told) = (Frames::new(), Vec::new());
    let mut tell = |seen: Seen| {
        if let Seen::Over(connection) = seen {
            told.push(connection);
        }
    };
    for (n, op) in rest.as_chunks::<7>().0.iter().take(MOST_FRAMES).enumerate() {
        let &[flags, which, at_high, at_low, length_high, length_low, shift] = op;
        let dir = if which & 1 == 0 { Dir::Client } else { Dir::Server };
        let said = if dir == Dir::Client { client } else { server };
        let from = usize::from(u16::from_be_bytes([at_high, at_low])).min(said.len());
        let until = from.saturating_add(usize::from(u16::from_be_bytes([length_high, length_low]))).min(said.len());
        let payload = said.get(from..until).unwrap_or_default();
        let mut frame = frames.frame(payload);
        // Some segments come much later.
        let late = i64::from(which >> 6) * 250_000_000_000;
        frame.at = Timestamp::from_nanos(frame.at.nanos() + late);
        let port = 1024 + u16::from((which >> 1) & 3);
        let (mine, theirs) = if dir == Dir::Client { (1000u32, 5_000_000u32) } else { (5_000_000, 1000) };
        let flag = |bit: u8| flags & bit != 0;
        let header = TcpHeader {
            src_port: if dir == Dir::Client { port } else { 443 },
            dst_port: if dir == Dir::Client { 443 } else { port },
            seq: mine
                .wrapping_add(u32::try_from(from).unwrap_or(0))
                .wrapping_add(u32::from(!flag(2)))
                .wrapping_add_signed(i32::from(shift.cast_signed())),
            ack: theirs.wrapping_add(u32::from(which) << 3),
            flags: TcpFlags { fin: flag(1), syn: flag(2), rst: flag(4), ack: flag(8) },
        };
        let host = |n: u8| std::net::IpAddr::from([10, 0, 0, n]);
        let (src, dst) = if dir == Dir::Client { (host(1), host(2)) } else { (host(2), host(1)) };
        let payload_wire_len = u32::try_from(payload.len()).unwrap_or(0).saturating_add(u32::from(flags >> 6));
        let transport =
            if flag(16) { Transport::Udp { src_port: header.src_port, dst_port: header.dst_port } } else { Transport::Tcp(header) };
        let wire_len = payload_wire_len.saturating_add(54);
        table.packet(&Packet {
            wire_len,
            src,
            dst,
            transport,
            payload: frame.window(payload),
            payload_wire_len,
            vlan: None,
            process: None,
        });
        if running && n % 16 == 0 {
            table.tend(frame.at, true, &mut tell);
        }
    }
    let counts = if running {
        table.end(&mut tell)
    } else {
        let finished = table.finish();
        told = finished.iter().collect();
        finished.counts()
    };
    assert_eq!((counts.failed, counts.lost), (0, 0), "{counts:?}");
    assert!(told.len() as u64 <= counts.flows, "{counts:?}");
    for connection in told {
        assert!(connection.first_frame <= connection.last_frame, "{connection:?}");
        sinks::check(connection.transport, connection.facts);
    }
}

/// Reads a capture to its end; `None` when nothing of it can be read.
pub(super) fn analyse(bytes: &[u8]) -> Option<Analysis> {
    let options = Options { workers: 1, limits: Limits { max_flows: 1024 }, catalogue: Catalogue::own() };
    let mut source = source::read(Cursor::new(bytes.to_vec()), None).ok()?;
    let analysis = engine::analyse(&mut source, options, &mut |_| {}).ok()?;
    assert_eq!((analysis.finished.counts().failed, analysis.finished.counts().lost), (0, 0));
    Some(analysis)
}

/// Makes every format of the report.
pub(super) fn report(analysis: &Analysis) {
    // Both ways cost much; which one is a matter of the capture, so that an input always does the same.
    {
        let redacted = analysis.capture.bytes_read & 1 == 1;
        let mut builder = ReportBuilder::new();
        let counts = analysis.finished.counts();
        builder.begin(Input::of(WireStr::new(b"capture.pcap"), ([0; 32], 1), &analysis.capture, &analysis.link, counts));
        analysis.judged().for_each(|judged| builder.push(&judged));
        let about = About { redacted, ..About::default() };
        let report = Report { summary: builder.finish(), about, case: None, canary: None, catalogue: Catalogue::own() };
        for format in crate::present::report::FORMATS {
            sinks::assert_clean(&format.render(&report), "\n");
        }
    }
}
