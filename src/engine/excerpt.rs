//! The packets of chosen connections, found in a second reading: the first one keeps no packet.
//!
//! Which connection a packet belongs to is not remembered either, and need not be: connections with the same addresses and ports follow each
//! other, so that the frames between the first and the last one of a connection tell it from the others.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::Table;
use crate::base::{Frame, FrameNo};
use crate::flow::{Connection, FlowKey};
use crate::link::Decoder;
use crate::source::{Chunk, Source, SourceError};

/// Octets of notes that are kept, with what it takes to find them.
const MOST_NOTES: usize = 128 << 20;
/// What a note costs beside its text.
const NOTE: usize = size_of::<(FrameNo, u32, Arc<str>)>();
/// Earlier fragments of datagrams that are remembered.
const MOST_FRAGMENTS: usize = 1 << 21;

/// Connections whose packets are wanted, and what is to be said of them.
#[derive(Debug, Default)]
pub struct Wanted {
    flows: HashMap<FlowKey, Vec<u32>>,
    members: Vec<Member>,
    /// What a connection's evidence says at a frame; in the order of frames once sealed.
    notes: Vec<(FrameNo, u32, Arc<str>)>,
    octets: usize,
    notes_left_out: u64,
    /// Fragments that were completed by a later frame, in the order of frames.
    fragments: Vec<(FrameNo, u32)>,
    fragments_left_out: u64,
}

#[derive(Debug)]
struct Member {
    first: FrameNo,
    last: FrameNo,
    label: Box<str>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excerpted {
    /// Packets that were handed over.
    pub packets: u64,
    /// Notes that found no room: their packets carry the label only.
    pub notes_left_out: u64,
    /// Fragments that found no room, and are missing.
    pub fragments_left_out: u64,
}

impl Wanted {
    /// Wants a connection's packets; each is labelled so. Connections come by first frame. The evidence of `notes` comes along, whatever
    /// connection its frames are of.
    pub fn add(&mut self, connection: &Connection, label: String, notes: impl Iterator<Item = (String, Vec<FrameNo>)>) {
        let Ok(index) = u32::try_from(self.members.len()) else { return };
        let (key, _) = FlowKey::new(connection.transport, connection.client, connection.server);
        self.members.push(Member { first: connection.first_frame, last: connection.last_frame, label: label.into() });
        self.flows.entry(key).or_default().push(index);
        for (text, frames) in notes {
            let text: Arc<str> = text.into();
            let costs = text.len() + NOTE * frames.len();
            if self.octets + costs > MOST_NOTES {
                self.notes_left_out += 1;
                continue;
            }
            self.octets += costs;
            self.notes.extend(frames.into_iter().map(|frame| (frame, index, Arc::clone(&text))));
        }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Reads the capture again, once or (where datagrams were put together from fragments) twice, and hands over every wanted frame, by
    /// number, with its comment.
    ///
    /// # Errors
    /// When the capture cannot be read any more, or `take` fails.
    pub fn extract<S: Source, E: From<SourceError>>(
        mut self,
        mut open: impl FnMut() -> Result<S, SourceError>,
        fragmented: bool,
        mut take: impl FnMut(&Frame<'_>, &str) -> Result<(), E>,
    ) -> Result<Excerpted, E> {
        self.notes.sort_by_key(|(frame, member, _)| (*frame, *member));
        if fragmented {
            self.find_fragments(&mut open()?)?;
        }
        let (mut source, mut decoder, mut chunk) = (open()?, Decoder::new(), Chunk::default());
        let mut packets = 0;
        let mut of: Vec<u32> = Vec::new();
        while source.fill(&mut chunk)? {
            for frame in chunk.frames.iter().filter_map(|place| chunk.frame(place)) {
                of.clear();
                decoder.decode(&frame, &mut |packet| {
                    of.extend(Table::key_of(packet).and_then(|key| self.member(&key, packet.payload.newest())));
                });
                let earlier = self.fragments.partition_point(|(at, _)| *at < frame.number);
                of.extend(self.fragments.iter().skip(earlier).take_while(|(at, _)| *at == frame.number).map(|(_, member)| *member));
                let noted = self.notes.partition_point(|(at, _, _)| *at < frame.number);
                let notes = || self.notes.iter().skip(noted).take_while(|(at, _, _)| *at == frame.number);
                of.extend(notes().map(|(_, member, _)| *member));
                of.sort_unstable();
                of.dedup();
                if of.is_empty() {
                    continue;
                }
                let mut comment = format!("frame {}", frame.number);
                for member in &of {
                    let label = usize::try_from(*member).ok().and_then(|at| self.members.get(at)).map_or("", |member| &member.label);
                    // Writing to a String cannot fail.
                    let _ = write!(comment, "\n{label}");
                    for (_, _, text) in notes().filter(|(_, of, _)| of == member) {
                        let _ = write!(comment, "\n  {text}");
                    }
                }
                take(&frame, &comment)?;
                packets += 1;
            }
        }
        Ok(Excerpted { packets, notes_left_out: self.notes_left_out, fragments_left_out: self.fragments_left_out })
    }

    fn member(&self, key: &FlowKey, frame: FrameNo) -> Option<u32> {
        let of = self.flows.get(key)?;
        let holds = |index: &&u32| {
            let member = usize::try_from(**index).ok().and_then(|at| self.members.get(at));
            member.is_some_and(|member| (member.first..=member.last).contains(&frame))
        };
        of.iter().find(holds).copied()
    }

    /// A datagram is known to be wanted when its last fragment has come; the others stand before it.
    fn find_fragments<S: Source>(&mut self, source: &mut S) -> Result<(), SourceError> {
        let (mut decoder, mut chunk) = (Decoder::new(), Chunk::default());
        let mut found = Vec::new();
        let mut left_out = 0;
        while source.fill(&mut chunk)? {
            for frame in chunk.frames.iter().filter_map(|place| chunk.frame(place)) {
                decoder.decode(&frame, &mut |packet| {
                    let Some(key) = Table::key_of(packet) else { return };
                    let Some(member) = self.member(&key, packet.payload.newest()) else { return };
                    packet.payload.each_frame(|part| {
                        if part != frame.number && found.len() < MOST_FRAGMENTS {
                            found.push((part, member));
                        } else if part != frame.number {
                            left_out += 1;
                        }
                    });
                });
            }
        }
        found.sort_unstable();
        found.dedup();
        (self.fragments, self.fragments_left_out) = (found, left_out);
        Ok(())
    }
}
