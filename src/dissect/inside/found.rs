//! What was found inside one connection, and how much of it was really looked at.

use std::collections::HashMap;

use crate::base::{Dir, Evidence, Sides, Timestamp};

use super::needles::Sought;
use super::outline::{Clear, Outline};

/// A literal form of something sought, in content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What.
    pub sought: Sought,
    /// Who sent it.
    pub dir: Dir,
    /// When its last octet arrived.
    pub at: Timestamp,
    /// The layers down to it, safe to print.
    pub chain: String,
    /// Its frames.
    pub evidence: Evidence,
    /// What stands around it, with the phrase and all letters and digits masked.
    pub excerpt: String,
    /// The same as it was, where that is kept.
    pub clear: Option<Clear>,
}

/// End-to-end containers that are recognised by their form. A sign, never proof: what is inside was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Container {
    /// XMPP's OMEMO (XEP-0384).
    Omemo,
    /// Matrix's Megolm group ratchet.
    Megolm,
    /// Matrix's Olm ratchet.
    Olm,
    /// An OpenPGP encrypted message (RFC 9580 §10.3).
    OpenPgp,
    /// Messaging Layer Security (RFC 9420).
    Mls,
    /// A message of the Signal protocol.
    Signal,
}

impl Container {
    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Container::Omemo => "omemo",
            Container::Megolm => "megolm",
            Container::Olm => "olm",
            Container::OpenPgp => "openpgp",
            Container::Mls => "mls",
            Container::Signal => "signal",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Container::Omemo => "OMEMO",
            Container::Megolm => "Megolm",
            Container::Olm => "Olm",
            Container::OpenPgp => "OpenPGP",
            Container::Mls => "MLS",
            Container::Signal => "the Signal protocol",
        }
    }
}

/// Content of a recognised end-to-end container that was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which kind.
    pub container: Container,
    /// Who sent it.
    pub dir: Dir,
    /// When.
    pub at: Timestamp,
    /// Octets, as they were in the content.
    pub octets: u64,
    /// Its frames.
    pub evidence: Evidence,
}

/// Content that is neither text nor of any encoding or container known here: the phrase may be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// Who sent it.
    pub dir: Dir,
    /// When.
    pub at: Timestamp,
    /// The layers down to it, safe to print.
    pub chain: String,
    /// Octets.
    pub octets: u64,
    /// A number that is the same for the same bytes: something the other side sent before cannot hold the phrase.
    pub digest: u64,
    /// A token inside text, and not a body of its own.
    pub is_token: bool,
    /// Its frames.
    pub evidence: Evidence,
}

/// Why something was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cut {
    /// Octets are missing from the capture.
    Gap,
    /// A framing could not be followed: its rules were broken, or its beginning is not in the capture.
    Framing,
    /// Header fields could not be decompressed (HPACK, QPACK).
    Headers,
    /// Compressed data broke off, or was damaged.
    Compression,
    /// It would have become more than the bounds allow: a decompression bomb, or a very large body.
    Bomb,
    /// Layers inside layers, more than the bounds allow.
    Depth,
    /// A table or a buffer was full.
    Memory,
    /// A message had no end in the capture.
    Unfinished,
    /// Both sides agreed to compress, by a method that is not read here.
    Method,
}

impl Cut {
    /// The reason in words; what comes before it names how many places.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Cut::Gap => "octets are missing from the capture",
            Cut::Framing => "the framing of a stream could not be followed",
            Cut::Headers => "header fields could not be decompressed",
            Cut::Compression => "compressed content was damaged or incomplete",
            Cut::Bomb => "content would have grown beyond the bounds when decoded",
            Cut::Depth => "content was nested deeper than is looked into",
            Cut::Memory => "a bound on memory was reached",
            Cut::Unfinished => "a message had no end in the capture",
            Cut::Method => "content was compressed by a method that is not read here",
        }
    }
}

/// All places that were not looked at for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutAt {
    /// Why.
    pub cut: Cut,
    /// Who sent it.
    pub dir: Dir,
    /// The last time.
    pub at: Timestamp,
    /// How often.
    pub times: u64,
    /// The frames, where there are any to name.
    pub evidence: Option<Evidence>,
}

/// How many of each list are kept.
const MOST: usize = 512;
/// How many tokens of the server are remembered.
const MOST_GIVEN: usize = 8192;

/// What one connection showed.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Literal forms of the phrase, of controls and of fragments.
    pub hits: Vec<Hit>,
    /// Content that nothing here can read.
    pub opaque: Vec<Opaque>,
    /// Digests of random-looking tokens that the server sent, and when first: what a client sends back cannot hold the phrase.
    pub given: HashMap<u64, Timestamp>,
    /// Content of recognised end-to-end containers.
    pub sealed: Vec<Sealed>,
    /// What was not looked at.
    pub cuts: Vec<CutAt>,
    /// Names of the framings that were followed, in the order in which they were recognised.
    pub framings: Vec<&'static str>,
    /// Octets of content looked at, transport and security layers not counted.
    pub octets: Sides<u64>,
    /// Octets of pictures, sound and video: recognised, and not read.
    pub media: u64,
    /// It is a part of another connection, and was looked into there.
    pub moved: bool,
    /// Entries that were dropped because a list was full.
    pub dropped: u64,
    /// Every layer that was looked at, where that is kept.
    pub outline: Outline,
}

impl Found {
    /// Adds a hit, unless the same was found before in the same frames.
    pub fn hit(&mut self, hit: Hit) {
        if self
            .hits
            .iter()
            .any(|known| known.sought == hit.sought && known.dir == hit.dir && known.chain == hit.chain && known.evidence == hit.evidence)
        {
            return;
        }
        // One place is enough for a control, and a fragment is only a sign; the phrase itself is always kept as far as there is room.
        let same = self.hits.iter().filter(|known| known.sought == hit.sought && known.dir == hit.dir).count();
        let most = if hit.sought == Sought::Message { MOST } else { 16 };
        if same >= most {
            self.dropped += u64::from(hit.sought == Sought::Message);
            return;
        }
        self.hits.push(hit);
    }

    /// Adds content that could not be read. The same bytes again are not new.
    pub fn opaque(&mut self, opaque: Opaque) {
        if opaque.is_token && opaque.dir == Dir::Server {
            if self.given.len() < MOST_GIVEN {
                self.given.entry(opaque.digest).or_insert(opaque.at);
            }
            return;
        }
        if self.opaque.iter().any(|known| known.digest == opaque.digest && known.dir == opaque.dir && known.octets == opaque.octets) {
            return;
        }
        if self.opaque.len() >= MOST {
            self.dropped += 1;
            return;
        }
        self.opaque.push(opaque);
    }

    /// Adds content of a container.
    pub fn sealed(&mut self, sealed: Sealed) {
        match self.sealed.iter_mut().find(|s| s.container == sealed.container && s.dir == sealed.dir) {
            Some(known) => {
                known.octets = known.octets.saturating_add(sealed.octets);
                known.at = known.at.max(sealed.at);
                known.evidence.join(&sealed.evidence);
            }
            None => self.sealed.push(sealed),
        }
    }

    /// Tells that something was not looked at.
    pub fn cut(&mut self, cut: Cut, dir: Dir, at: Timestamp, evidence: Option<Evidence>) {
        match self.cuts.iter_mut().find(|known| known.cut == cut && known.dir == dir) {
            Some(known) => {
                known.times = known.times.saturating_add(1);
                known.at = known.at.max(at);
                match (&mut known.evidence, evidence) {
                    (Some(all), Some(more)) => all.join(&more),
                    (none @ None, more) => *none = more,
                    (Some(_), None) => {}
                }
            }
            None => self.cuts.push(CutAt { cut, dir, at, times: 1, evidence }),
        }
    }

    /// How many entries there are beside hits, which are few.
    pub(super) fn entries(&self) -> usize {
        self.opaque.len() + self.given.len() + self.sealed.len() + self.cuts.len()
    }

    /// Gives room back: of what could not be read one entry stays, with the number of the others. What the server gave is forgotten, so that
    /// more counts as unread, and never less.
    pub(super) fn shed(&mut self) {
        self.dropped = self.dropped.saturating_add(self.opaque.len().saturating_sub(1) as u64).max(1);
        self.opaque.truncate(1);
        self.opaque.shrink_to_fit();
        self.given = HashMap::new();
    }

    /// Client and server were the wrong way round.
    pub(super) fn swap_sides(&mut self) {
        self.hits.iter_mut().for_each(|hit| hit.dir = hit.dir.other());
        self.opaque.iter_mut().for_each(|opaque| opaque.dir = opaque.dir.other());
        self.sealed.iter_mut().for_each(|sealed| sealed.dir = sealed.dir.other());
        self.cuts.iter_mut().for_each(|cut| cut.dir = cut.dir.other());
        self.octets.swap();
        self.outline.swap_sides();
    }

    /// Tells that a framing is followed.
    pub fn framing(&mut self, name: &'static str) {
        if !self.framings.contains(&name) {
            self.framings.push(name);
        }
    }
}
