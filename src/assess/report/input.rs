//! The captures a report is about, and how much of them could be seen.

use crate::assess::{Judged, Outcome};
use crate::base::{Dir, Kind, Timestamp, What, WireStr};
use crate::dissect::keys::KeyCounts;
use crate::flow::TableCounts;
use crate::link::LinkCounts;
use crate::source::Capture;

/// One capture.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The file's own name.
    pub name: WireStr,
    /// SHA-256 of the file as it is stored.
    pub sha256: [u8; 32],
    /// Octets of the file as it is stored.
    pub bytes: u64,
    /// Frames, as Wireshark numbers them.
    pub packets: u64,
    /// When the first connection began and the last one ended.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Where and how reading broke off; `None` for a file that was read whole.
    pub damage: Option<String>,
    /// `pcap`, `pcapng`, …
    pub format: &'static str,
    /// `gzip`, `zstd`, `xz`; empty for none.
    pub compression: &'static str,
    /// What the file says of itself: hardware, system, program, filter, comments, each as `key: value`.
    pub said: Vec<WireStr>,
    /// Names of its interfaces.
    pub interfaces: Vec<WireStr>,
    /// Whether it brings TLS secrets along (Decryption Secrets Blocks).
    pub has_secrets: bool,
    /// What became of keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// Interfaces, comments and names that were left out because a bound was reached.
    pub left_out: u64,
    /// What became of its frames.
    pub link: LinkCounts,
    /// Packets that the capturing program says it lost; `None` where it does not say.
    pub dropped: Option<u64>,
    /// Connections reported early because the table was full.
    pub evicted: u64,
    /// Connections not read to their end because too many were read at once.
    pub unread: u64,
    /// Connections whose reading failed: a fault of this program.
    pub failed: u64,
    /// Announcements for other connections that found no room.
    pub announced_left_out: u64,
}

/// Names of interfaces that are listed.
const MOST_INTERFACES: usize = 16;
/// Comments that are listed.
const MOST_SAID: usize = 32;

impl Input {
    /// From what reading it came to.
    #[must_use]
    pub fn of(name: WireStr, (sha256, bytes): ([u8; 32], u64), capture: &Capture, link: &LinkCounts, table: TableCounts) -> Input {
        let mut said: Vec<WireStr> = Vec::new();
        for comment in &capture.comments {
            if said.len() < MOST_SAID && !said.contains(comment) {
                said.push(comment.clone());
            }
        }
        let mut interfaces: Vec<WireStr> = Vec::new();
        for name in capture.interfaces.iter().filter_map(|interface| interface.name.as_ref()) {
            if interfaces.len() < MOST_INTERFACES && !interfaces.contains(name) {
                interfaces.push(name.clone());
            }
        }
        Input {
            name,
            sha256,
            bytes,
            packets: capture.frames,
            span: None,
            damage: capture.damage.as_ref().map(ToString::to_string),
            format: capture.format,
            compression: capture.compression,
            said,
            interfaces,
            has_secrets: !capture.secrets.is_empty(),
            keys: None,
            left_out: capture.left_out,
            link: link.clone(),
            dropped: capture.dropped,
            evicted: table.evicted,
            unread: table.unread,
            failed: table.failed,
            announced_left_out: 0,
        }
    }

    /// Frames that could not be taken apart: of unknown link types, malformed, protected by the radio layer, fragments never completed.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        let unknown = self.link.unknown_link.iter().fold(0u64, |sum, (_, n)| sum.saturating_add(*n));
        [self.link.malformed, self.link.wlan_protected, self.link.fragments_dropped].into_iter().fold(unknown, u64::saturating_add)
    }
}

/// How much of what was captured could be seen and judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Connections.
    pub connections: u64,
    /// Connections that were judged.
    pub judged: u64,
    /// Octets of whole frames of all connections.
    pub bytes: u64,
    /// Of those, of connections that were judged.
    pub judged_bytes: u64,
    /// Connections of a protocol with a handshake.
    pub with_handshake: u64,
    /// Of those, seen whole.
    pub whole: u64,
    /// Octets of whole frames of connections with a handshake.
    pub with_handshake_bytes: u64,
    /// Of those, of connections whose handshake was seen whole.
    pub whole_bytes: u64,
    /// Connections with packets in one direction only.
    pub one_sided: u64,
    /// Connections of which the capture says which program they belong to.
    pub named: u64,
    /// Packets the capture cut short.
    pub truncated: u64,
    /// Octets missing in the middle of TCP streams.
    pub missing: u64,
}

impl Coverage {
    /// Counts a connection.
    pub fn push(&mut self, judged: &Judged) {
        let connection = &judged.connection;
        let (client, server) = (connection.tally(Dir::Client), connection.tally(Dir::Server));
        let bytes = client.bytes.saturating_add(server.bytes);
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n);
        add(&mut self.connections, 1);
        add(&mut self.bytes, bytes);
        if judged.judgement.grade.is_judged() {
            add(&mut self.judged, 1);
            add(&mut self.judged_bytes, bytes);
        }
        let handshake = match connection.facts.get(Kind::Handshake).map(|fact| &fact.what) {
            Some(What::Handshake(word)) => Some(*word),
            _ => None,
        };
        if handshake.is_some() || Outcome::of(connection) != Outcome::Nothing {
            add(&mut self.with_handshake, 1);
            add(&mut self.with_handshake_bytes, bytes);
            if handshake == Some("complete") {
                add(&mut self.whole, 1);
                add(&mut self.whole_bytes, bytes);
            }
        }
        if client.packets == 0 || server.packets == 0 {
            add(&mut self.one_sided, 1);
        }
        if connection.facts.has(Kind::ProcessName) {
            add(&mut self.named, 1);
        }
        add(&mut self.truncated, connection.truncated);
        for fact in connection.facts.list() {
            if let What::TcpGap(octets) = fact.what {
                add(&mut self.missing, octets);
            }
        }
    }
}
