//! A capture held in memory, to look again at chosen frames only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use intransit::base::{Frame, FrameNo, Timestamp};
use intransit::flow::{Connection, Endpoint};
use intransit::link::{Decoder, Transport};
use intransit::source::{self, Capture, Chunk, FrameAt, Source, SourceError};

struct Held {
    place: FrameAt,
    bytes: Vec<u8>,
}

/// Every frame of a capture.
pub struct Kept {
    frames: BTreeMap<u64, Held>,
    capture: Capture,
}

impl Kept {
    pub fn open(path: &Path) -> Result<Kept, SourceError> {
        let mut source = source::open(path)?;
        let (mut frames, mut chunk) = (BTreeMap::new(), Chunk::default());
        while source.fill(&mut chunk)? {
            for place in &chunk.frames {
                let frame = chunk.frame(place).unwrap();
                frames.insert(place.number.get(), Held { place: *place, bytes: frame.bytes.to_vec() });
            }
        }
        Ok(Kept { frames, capture: source.capture().clone() })
    }

    /// The numbers of all frames.
    pub fn numbers(&self) -> BTreeSet<u64> {
        self.frames.keys().copied().collect()
    }

    /// A source of these frames only, under their own numbers.
    pub fn only(&self, numbers: &BTreeSet<u64>) -> Chosen {
        let mut some = Chosen { chunk: Chunk::default(), capture: self.capture.clone(), done: false };
        for held in numbers.iter().filter_map(|number| self.frames.get(number)) {
            some.push(held.place, &held.bytes);
        }
        some
    }

    fn each_packet(&self, numbers: &BTreeSet<u64>, mut sink: impl FnMut(&intransit::link::Packet<'_>)) {
        let mut decoder = Decoder::new();
        for held in numbers.iter().filter_map(|number| self.frames.get(number)) {
            let FrameAt { number, at, wire_len, link, interface, .. } = held.place;
            let frame = Frame { number, at, bytes: &held.bytes, wire_len, link, interface };
            decoder.decode(&frame, &mut |packet| sink(packet));
        }
    }
}

/// Chosen frames of a capture as a source.
pub struct Chosen {
    chunk: Chunk,
    capture: Capture,
    done: bool,
}

impl Chosen {
    fn push(&mut self, place: FrameAt, bytes: &[u8]) {
        let start = self.chunk.bytes.len() as u32;
        self.chunk.bytes.extend(bytes);
        self.chunk.frames.push(FrameAt { start, ..place });
    }
}

impl Source for Chosen {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        chunk.clear();
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        std::mem::swap(chunk, &mut self.chunk);
        Ok(!chunk.frames.is_empty())
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }
}

struct Piece {
    from: Endpoint,
    frame: FrameNo,
    seq: u32,
    payload: Vec<u8>,
}

/// The payload of chosen frames that belongs to one connection.
pub struct Named {
    pieces: Vec<Piece>,
}

impl Named {
    pub fn of(kept: &Kept, numbers: &BTreeSet<u64>, connection: &Connection) -> Named {
        let mut pieces = Vec::new();
        kept.each_packet(numbers, |packet| {
            let (src_port, dst_port, seq) = match packet.transport {
                Transport::Tcp(tcp) => (tcp.src_port, tcp.dst_port, tcp.seq.wrapping_add(u32::from(tcp.flags.syn))),
                Transport::Udp { src_port, dst_port } | Transport::Sctp { src_port, dst_port } => (src_port, dst_port, 0),
                Transport::Other(_) => return,
            };
            let (from, to) = (Endpoint { ip: packet.src, port: src_port }, Endpoint { ip: packet.dst, port: dst_port });
            if BTreeSet::from([from, to]) == BTreeSet::from([connection.client, connection.server]) && !packet.payload.bytes.is_empty() {
                pieces.push(Piece { from, frame: packet.payload.newest(), seq, payload: packet.payload.bytes.to_vec() });
            }
        });
        Named { pieces }
    }

    /// Each payload and who sent it, in the order of the frames.
    pub fn payloads(&self) -> impl Iterator<Item = (Endpoint, &[u8])> {
        self.pieces.iter().map(|piece| (piece.from, piece.payload.as_slice()))
    }

    /// The TCP payload of each side in the order of sequence numbers, what touches put together.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        let sides: BTreeSet<Endpoint> = self.pieces.iter().map(|piece| piece.from).collect();
        let mut streams = Vec::new();
        for side in sides {
            let mut pieces: Vec<&Piece> = self.pieces.iter().filter(|piece| piece.from == side).collect();
            let origin = pieces[0].seq;
            // Sequence numbers wrap: their distance from one of them does not, for what one handshake holds.
            pieces.sort_by_key(|piece| (piece.seq.wrapping_sub(origin).cast_signed(), piece.frame));
            let (mut stream, mut next): (Vec<u8>, Option<u32>) = (Vec::new(), None);
            for piece in pieces {
                let known = next.map_or(0, |next| next.wrapping_sub(piece.seq).cast_signed());
                if known < 0 {
                    streams.push(std::mem::take(&mut stream));
                }
                let fresh = piece.payload.get(usize::try_from(known).unwrap_or(0)..).unwrap_or_default();
                if !fresh.is_empty() || next.is_none() {
                    stream.extend(fresh);
                    next = Some(piece.seq.wrapping_add(piece.payload.len() as u32));
                }
            }
            streams.push(stream);
        }
        // Each segment by itself too: in a retransmission with other content, the first to arrive counts.
        streams.extend(self.pieces.iter().map(|piece| piece.payload.clone()));
        streams
    }

    /// The datagrams, and each DTLS handshake message put together from its fragments (RFC 6347 §4.2.3).
    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = self.pieces.iter().map(|piece| piece.payload.clone()).collect();
        let mut messages: BTreeMap<(Endpoint, Vec<u8>), Vec<u8>> = BTreeMap::new();
        for piece in &self.pieces {
            for record in piece.payload.windows(25).enumerate().filter(|(_, w)| matches!(w, [22, 0xfe, 0xff | 0xfd, ..])).map(|(at, _)| at)
            {
                let header = &piece.payload[record + 13..record + 25];
                let number = |at: usize| usize::from(header[at]) << 16 | usize::from(header[at + 1]) << 8 | usize::from(header[at + 2]);
                let (len, from, part) = (number(1), number(6), number(9));
                let Some(fragment) = piece.payload.get(record + 25..record + 25 + part) else { continue };
                // Type, length and message_seq name the message.
                let message = messages.entry((piece.from, header[..6].to_vec())).or_insert_with(|| vec![0; len]);
                if let Some(place) = message.get_mut(from..from + part) {
                    place.copy_from_slice(fragment);
                }
            }
        }
        // As one fragment, whole.
        all.extend(messages.into_iter().map(|((_, head), body)| [&head[..], &[0, 0, 0], &head[1..4], &body].concat()));
        all
    }

    /// Frames of datagrams that begin like a QUIC long header: from the client, Retry packets, and from the server too when asked.
    pub fn long_headers(&self, connection: &Connection, from_server: bool) -> Vec<u64> {
        let long = |piece: &&Piece| piece.payload[0] & 0x80 != 0;
        let giving_keys = |piece: &&Piece| from_server || piece.from == connection.client || piece.payload[0] & 0x30 == 0x30;
        self.pieces.iter().filter(long).filter(giving_keys).map(|piece| piece.frame.get()).collect()
    }
}

/// A time of its own, for frames that a test makes.
pub fn second(n: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + n)
}
