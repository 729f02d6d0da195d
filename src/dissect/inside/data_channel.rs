//! WebRTC data channels: SCTP (RFC 9260) inside DTLS (RFC 8261), messages put together from their fragments (RFC 8831).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Dir, Reader, Sides, Stitched, Window};

use super::chain::{Chain, Layer};
use super::eye::Eye;
use super::found::Cut;

/// Ports, verification tag, checksum.
const HEADER: usize = 12;
/// Fragments that wait for others.
const MOST_HELD: usize = 1024;
/// Octets that wait for others.
const MOST_OCTETS: usize = 1 << 20;
/// Fragments that are remembered as looked at.
const MOST_DONE: usize = 8192;
const DATA: u8 = 0;
/// RFC 8260.
const I_DATA: u8 = 64;

/// Both directions of an association.
#[derive(Debug, Default)]
pub(super) struct DataChannels {
    sides: Sides<Side>,
}

#[derive(Debug, Default)]
struct Side {
    /// Fragments by their transmission number.
    fragments: BTreeMap<u32, Fragment>,
    octets: usize,
    count: u32,
    /// Numbers of fragments that were looked at: what comes again is not.
    done: BTreeSet<u32>,
}

#[derive(Debug)]
struct Fragment {
    begins: bool,
    ends: bool,
    /// Messages of other streams may lie between the fragments of one that is interleaved.
    stream: u16,
    content: Stitched,
}

/// Whether a record of DTLS holds an SCTP packet: chunks up to its end.
pub(super) fn is_sctp(bytes: &[u8]) -> bool {
    let mut rest = match bytes.get(HEADER..) {
        Some(rest) if !rest.is_empty() => rest,
        _ => return false,
    };
    while let &[kind, _, a, b, ..] = rest {
        let len = usize::from(u16::from_be_bytes([a, b]));
        let is_known = kind <= 15 || matches!(kind, 64 | 128..=132 | 192 | 193 | 194);
        if len < 4 || !is_known {
            return false;
        }
        match rest.get(len.next_multiple_of(4)..) {
            Some(after) => rest = after,
            None => return len == rest.len(),
        }
    }
    rest.is_empty()
}

impl DataChannels {
    /// One SCTP packet.
    pub(super) fn packet(&mut self, up: &Chain<'_>, window: &Window<'_>, eye: &mut Eye) {
        let mut at = HEADER;
        while let Some(&[kind, flags, a, b]) = window.bytes.get(at..at + 4) {
            let len = usize::from(u16::from_be_bytes([a, b]));
            let Some(chunk) = window.slice(at + 4..at + len.max(4)) else { return };
            if matches!(kind, DATA | I_DATA) {
                self.data(up, kind, flags, &chunk, eye);
            } else if chunk.bytes.len() >= 8 {
                // Cookies and addresses, which may be anything; the phrase in them would be a surprise, not an impossibility.
                eye.search(up, &chunk);
            }
            at += len.max(4).next_multiple_of(4);
        }
    }

    fn data(&mut self, up: &Chain<'_>, kind: u8, flags: u8, chunk: &Window<'_>, eye: &mut Eye) {
        let mut reader = Reader::new(chunk.bytes);
        let (Ok(number), Ok(stream)) = (reader.u32(), reader.u16()) else { return };
        let skip = if kind == I_DATA { 16 } else { 12 };
        let content = chunk.from(skip);
        let side = self.sides.of_mut(chunk.dir);
        if side.done.contains(&number) {
            return;
        }
        let (begins, ends) = (flags & 2 != 0, flags & 1 != 0);
        if begins && ends {
            side.is_done(number);
            side.deliver(up, stream, &content, eye);
            return;
        }
        if side.fragments.len() >= MOST_HELD || side.octets >= MOST_OCTETS {
            eye.cut(Cut::Memory, chunk);
            eye.piece(up, &content);
            return;
        }
        let mut held = Stitched::new();
        held.push(&content);
        side.octets += held.len();
        side.fragments.entry(number).or_insert(Fragment { begins, ends, stream, content: held });
        side.assemble(up, number, chunk.dir, eye);
    }

    /// The association is over: fragments that never became messages.
    pub(super) fn close(&mut self, up: &Chain<'_>, eye: &mut Eye) {
        for dir in [Dir::Client, Dir::Server] {
            for fragment in std::mem::take(&mut self.sides.of_mut(dir).fragments).into_values() {
                if let Some(window) = fragment.content.window(dir) {
                    eye.cut(Cut::Unfinished, &window);
                    eye.piece(up, &window);
                }
            }
        }
    }
}

impl Side {
    /// Looks whether the fragment with this number completes a message: its neighbours from the first to the last are there.
    fn assemble(&mut self, up: &Chain<'_>, number: u32, dir: Dir, eye: &mut Eye) {
        let (mut from, mut to) = (number, number);
        while !self.fragments.get(&from).is_none_or(|f| f.begins) {
            from = from.wrapping_sub(1);
        }
        while !self.fragments.get(&to).is_none_or(|f| f.ends) {
            to = to.wrapping_add(1);
        }
        let Some(stream) = self.fragments.get(&from).filter(|_| self.fragments.contains_key(&to)).map(|f| f.stream) else { return };
        let mut whole = Stitched::new();
        let mut at = from;
        loop {
            if let Some(fragment) = self.fragments.remove(&at) {
                self.is_done(at);
                self.octets = self.octets.saturating_sub(fragment.content.len());
                if let Some(window) = fragment.content.window(dir) {
                    whole.push(&window);
                }
            }
            if at == to {
                break;
            }
            at = at.wrapping_add(1);
        }
        if let Some(window) = whole.window(dir) {
            self.deliver(up, stream, &window, eye);
        }
    }

    fn is_done(&mut self, number: u32) {
        self.done.insert(number);
        if self.done.len() > MOST_DONE {
            self.done.pop_first();
        }
    }

    fn deliver(&mut self, up: &Chain<'_>, stream: u16, content: &Window<'_>, eye: &mut Eye) {
        self.count = self.count.saturating_add(1);
        let channel = up.then(Layer::Stream("SCTP", u64::from(stream)));
        eye.piece(&channel.then(Layer::Message("data channel", self.count)), content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_sctp_are_told_from_other_records() {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0];
        packet.extend([0, 3, 0, 21, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, b'h', b'e', b'l', b'l', b'o', 0, 0, 0]);
        assert!(is_sctp(&packet));
        assert!(!is_sctp(b"a line of text that somebody typed\n"));
        assert!(!is_sctp(&[]));
    }
}
