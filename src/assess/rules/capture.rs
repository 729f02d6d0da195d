//! What the capture itself did not show.

use super::{Rule, hit};
use crate::assess::grade::Severity;
use crate::base::{Kind, What};

/// None of these rules fires without one of these facts.
pub(super) const ABOUT: &[Kind] = &[Kind::Handshake, Kind::TcpGap, Kind::Truncated, Kind::ConflictingOverlap, Kind::Overflow];

/// Rules about gaps in what was seen.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "joined-mid-stream",
        severity: Severity::Info,
        title: "The capture began after the connection",
        reader: "The connection was already open when the recording began, so how it was set up is not known.",
        engineer: "Records of TLS without a handshake in this capture.",
        norm: "none: a limit of the capture",
        wireshark: "tls.record.content_type == 23",
        mistaken: "A handshake that went by another path.",
        check: |case| {
            if case.word(Kind::Handshake) != Some("missing") {
                return None;
            }
            hit("the handshake was before the capture began", case.fact(Kind::Handshake)?.evidence.clone())
        },
    },
    Rule {
        id: "one-sided",
        severity: Severity::Info,
        title: "Only one direction was captured",
        reader: "Only one side of the connection was recorded, so what was agreed is not known.",
        engineer: "The hello of the other side is not in this capture.",
        norm: "none: a limit of the capture",
        wireshark: "tcp.analysis.ack_lost_segment",
        mistaken: "A peer that never answered.",
        check: |case| {
            let word = case.word(Kind::Handshake).filter(|word| matches!(*word, "client-only" | "server-only"))?;
            let text = if word == "client-only" { "no answer of the server was seen" } else { "no hello of the client was seen" };
            hit(text, case.fact(Kind::Handshake)?.evidence.clone())
        },
    },
    Rule {
        id: "gap",
        severity: Severity::Info,
        title: "Part of the connection is missing",
        reader: "Part of the connection was not recorded.",
        engineer: "Octets of the stream are missing from the capture.",
        norm: "none: a limit of the capture",
        wireshark: "tcp.analysis.lost_segment",
        mistaken: "Segments that were never sent.",
        check: |case| {
            let (missing, evidence) = case.shown(Kind::TcpGap)?;
            hit(format!("{missing} octets are missing"), evidence)
        },
    },
    Rule {
        id: "truncated-packets",
        severity: Severity::Info,
        title: "Packets were cut short",
        reader: "The recording kept only the beginning of some packets, so part of the connection is missing.",
        engineer: "The capture's snapshot length is shorter than these packets: what was cut is not read, and may hide the handshake.",
        norm: "none: a limit of the capture",
        wireshark: "frame.cap_len < frame.len",
        mistaken: "Padding or a trailer that was cut and nothing else.",
        check: |case| {
            let fact = case.fact(Kind::Truncated)?;
            hit(format!("{} packets cut short, the first in this frame", case.connection.truncated), fact.evidence.clone())
        },
    },
    Rule {
        id: "conflicting-overlap",
        severity: Severity::Medium,
        title: "The same bytes came twice, and differ",
        reader: "The same part of the connection was seen twice with different content: someone may have interfered.",
        engineer: "Overlapping TCP segments with different octets. The first is read; both are told.",
        norm: "RFC 9293 §3.4 and §3.10.7.4",
        wireshark: "tcp.segment.overlap.conflict",
        mistaken: "A network card that changes checksums or segments on the sending host.",
        check: |case| {
            let fact = case.fact(Kind::ConflictingOverlap)?;
            let What::ConflictingOverlap(both) = &fact.what else { return None };
            let first = both.first().map(ToString::to_string).unwrap_or_default();
            let then = both.get(1).map(ToString::to_string).unwrap_or_default();
            hit(format!("first {first}, then {then}"), fact.evidence.clone())
        },
    },
    Rule {
        id: "overflow",
        severity: Severity::Info,
        title: "More waited than there is room for",
        reader: "The connection held back more unfinished data than is kept, so part of it was not read.",
        engineer: "A bound of the reassembly was reached; what was dropped counts as a gap.",
        norm: "none: a limit of this program",
        wireshark: "tcp.analysis.out_of_order",
        mistaken: "None: the bound is a number.",
        check: |case| {
            let (what, evidence) = case.shown(Kind::Overflow)?;
            hit(what, evidence)
        },
    },
];
