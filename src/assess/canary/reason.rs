//! Reasons against a conclusion, each a sentence without its full stop.

use std::fmt;

use super::phrase::{Bits, ENOUGH_BITS};
use crate::base::Evidence;
use crate::dissect::inside::Cut;
use crate::dissect::plain::Tally;

/// Why "not seen" cannot be said, or "readable" not be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The phrase is too short, or too common.
    ShortPhrase(Bits),
    /// The phrase was in the capture before it was sent.
    KnownEarlier(Evidence),
    /// No control was given.
    NoControl,
    /// This control (from 1) did not reach the server in any readable form.
    ControlMissing(usize),
    /// The capture file breaks off or is damaged.
    Damaged(u64),
    /// Reading connections failed: a fault of this program.
    Failed(u64),
    /// Connections were reported before their end.
    Evicted(u64),
    /// Packets were lost when the capture was made: what was in them, nobody knows.
    Lost(u64),
    /// Connections that the test found no room for.
    NotKept(u64),
    /// The capture goes on.
    Running,
    /// The connection goes on: it is looked through to its end when it is over.
    GoesOn,
    /// Nothing went to a server that could have held the phrase.
    NoUplink,
    /// Encrypted records were not opened.
    Closed(Tally),
    /// Keys were at hand for none of it.
    NoKeys(u64),
    /// A protocol that encrypts by itself.
    OwnEncryption(String),
    /// What the bytes are framed as is not known.
    NoFraming,
    /// Content that is neither text nor any known encoding.
    Opaque {
        /// How many pieces.
        pieces: usize,
        /// How many octets in all.
        octets: u64,
        /// The layers down to the first.
        first: String,
        /// The frames of all.
        evidence: Evidence,
    },
    /// Something was not looked at.
    Cut {
        /// Why.
        cut: Cut,
        /// How often.
        times: u64,
        /// The frames, where there are any to name.
        evidence: Option<Evidence>,
    },
    /// Words of the phrase were readable, without the rest.
    Fragment(Evidence),
    /// Packets that the capture cut short.
    Truncated(u64),
    /// Only the server's side is in the capture.
    OneSided,
    /// Lists were full.
    Dropped(u64),
    /// It is a part of another connection, and was looked into there.
    Moved,
    /// Too little went to the server to hold the phrase.
    TooLittle(u64),
}

impl Reason {
    /// The frames that show it, where there are any to name.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Reason::KnownEarlier(evidence) | Reason::Opaque { evidence, .. } | Reason::Fragment(evidence) => Some(evidence),
            Reason::Cut { evidence, .. } => evidence.as_ref(),
            _ => None,
        }
    }

    /// Whether a channel with this reason leaves the whole capture open: what cannot have held the phrase does not.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        !matches!(self, Reason::TooLittle(_) | Reason::Moved)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::ShortPhrase(bits) => {
                write!(
                    f,
                    "the phrase is worth about {bits} bits; below {ENOUGH_BITS} it may be found by chance (make one with `intransit canary new`)"
                )
            }
            Reason::KnownEarlier(evidence) => {
                write!(f, "phrase known earlier: it was in the capture before the time it was sent ({})", evidence.display_filter())
            }
            Reason::NoControl => f.write_str(
                "no control was given: a phrase of your own that must reach the server in the same app, to show that it would be found",
            ),
            Reason::ControlMissing(n) => {
                write!(f, "control {n} was not found in what went to the server, so the phrase might not be found either")
            }
            Reason::Damaged(at) => write!(f, "the capture breaks off or is damaged at octet {at}"),
            Reason::Failed(n) => write!(f, "{n} connections were not read to their end because of an internal error of intransit"),
            Reason::Evicted(n) => write!(f, "{n} connections were given up before their end because the table was full (see --max-flows)"),
            Reason::Lost(n) => write!(f, "{n} packets were lost when the capture was made"),
            Reason::NotKept(n) => {
                write!(f, "{n} connections found no room in the test of a capture that runs: test the file that keeps its packets")
            }
            Reason::Running => f.write_str("the capture goes on"),
            Reason::GoesOn => f.write_str("it goes on"),
            Reason::NoUplink => f.write_str("nothing readable went to a server that was long enough to hold the phrase"),
            Reason::NoKeys(records) => write!(f, "no key for its {records} encrypted records"),
            Reason::Closed(tally) => closed(f, tally),
            Reason::OwnEncryption(protocol) => {
                write!(f, "it is encrypted by its own protocol ({protocol}), for which no keys can be given")
            }
            Reason::NoFraming => f.write_str("its bytes are of no protocol that is known here"),
            Reason::Opaque { pieces, octets, first, evidence } => {
                let pieces = if *pieces == 1 { "one piece".to_owned() } else { format!("{pieces} pieces") };
                write!(f, "{pieces} of content, {octets} octets, could not be read (the first at {first}; {})", evidence.display_filter())
            }
            Reason::Cut { cut, times, evidence } => {
                f.write_str(cut.reason())?;
                if *times > 1 {
                    write!(f, ", {times} times")?;
                }
                match evidence {
                    Some(evidence) => write!(f, " ({})", evidence.display_filter()),
                    None => Ok(()),
                }
            }
            Reason::Fragment(evidence) => write!(f, "part of the phrase was readable without the rest ({})", evidence.display_filter()),
            Reason::Truncated(n) => write!(f, "{n} packets were cut short when they were captured"),
            Reason::OneSided => f.write_str("only what the server sent is in the capture"),
            Reason::Dropped(n) => write!(f, "{n} more places than are kept"),
            Reason::Moved => f.write_str("it is a QUIC connection that goes on from another address, and was looked into where it began"),
            Reason::TooLittle(octets) => write!(f, "only {octets} octets went to the server, too few to hold the phrase"),
        }
    }
}

fn closed(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    let mut parts = Vec::new();
    let left = tally.seen.saturating_sub(tally.opened);
    if left > 0 {
        let why: Vec<String> = [
            (tally.no_key, "no key"),
            (tally.not_authentic, "did not authenticate"),
            (tally.too_late, "keys came too late"),
            (tally.cut, "incomplete in the capture"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, why)| format!("{n}: {why}"))
        .collect();
        parts.push(format!("{left} of {} encrypted records were not opened ({})", tally.seen, why.join("; ")));
    }
    if tally.gaps > 0 {
        parts.push(format!("{} gaps in which encrypted records are missing", tally.gaps));
    }
    f.write_str(&parts.join("; "))
}
