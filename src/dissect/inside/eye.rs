//! Looks into one piece of content: undoes what it is wrapped in, layer by layer, and searches every layer.
//!
//! Everything is bounded: how deep, how much work for one piece, how much is kept. What was not looked at is told ([`Cut`]), and what was
//! looked at and could not be read as well ([`Opaque`]): only so can "not seen" ever be said.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::base::{Dir, Evidence, Timestamp, Window, escape_into};

use super::chain::{Chain, Layer};
use super::found::{Cut, Found, Hit, Opaque};
use super::needles::{Match, Needles, Sought};
use super::outline::Clear;

/// What is looked for, and from when on.
#[derive(Clone, Debug)]
pub struct Quest {
    /// The phrase and the controls.
    pub needles: Needles,
    /// When the phrase was sent, if that is known: content from before says nothing, except that the phrase was known.
    pub since: Option<Timestamp>,
    /// How much of the content is kept.
    pub keep: Keep,
}

/// How much of the content is kept beside what was found in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing that is not masked.
    #[default]
    Masked,
    /// What stands around each hit, as it was: for a screen that unmasks it when asked to.
    Hits,
    /// Every layer, each with its beginning, as it was: for a screen that shows what one connection carries.
    Layers,
}

impl Quest {
    /// Whether something that came at this time is of the time that is asked about.
    #[must_use]
    pub fn concerns(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since)
    }
}

/// How deep layers are looked into.
pub(super) const DEEPEST: u8 = 24;
/// Octets that may be looked at for one piece, all its layers together.
const WORK: usize = 4 << 20;
/// How many tokens of one piece are remembered as looked at.
const MOST_SEEN: usize = 64 * 1024;

/// How bytes were understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Text, or something that could be undone or recognised.
    Read,
    /// A picture, sound or film.
    Media,
    /// Nothing known here.
    Opaque,
}

/// Searches the content of one connection.
#[derive(Debug)]
pub struct Eye {
    pub(super) quest: Arc<Quest>,
    /// What was found so far.
    pub found: Found,
    work: usize,
    /// What was looked at in this piece, and how it was understood.
    pub(super) seen: HashMap<u64, Nature, foldhash::fast::FixedState>,
    /// Matches reported, the same ones again included.
    reported: Reported,
    latest: Timestamp,
    /// How many octets at the front of this piece were looked at with the one before.
    pub(super) looked: usize,
}

/// Matches reported so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reported {
    messages: usize,
    others: usize,
}

/// Where bytes come from.
#[derive(Clone, Debug)]
pub(super) struct Origin<'w> {
    pub window: &'w Window<'w>,
    /// The octets of the window they were made of.
    pub span: Range<usize>,
    /// They are those octets, and were not made of them.
    pub is_direct: bool,
}

impl<'w> Origin<'w> {
    /// A part of these bytes.
    pub(super) fn part(&self, part: &Range<usize>) -> Origin<'w> {
        if self.is_direct {
            let span = self.span.start.saturating_add(part.start)..self.span.start.saturating_add(part.end);
            Origin { span, ..self.clone() }
        } else {
            self.clone()
        }
    }

    /// Something made of a part of these bytes.
    pub(super) fn made_of(&self, part: &Range<usize>) -> Origin<'w> {
        Origin { is_direct: false, ..self.part(part) }
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.window.evidence(self.span.clone())
    }

    pub(super) fn at(&self) -> Timestamp {
        self.window.arrived(self.span.clone())
    }

    pub(super) fn dir(&self) -> Dir {
        self.window.dir
    }
}

impl Eye {
    /// An eye that has seen nothing.
    #[must_use]
    pub fn new(quest: Arc<Quest>) -> Eye {
        Eye {
            quest,
            found: Found::default(),
            work: WORK,
            seen: HashMap::default(),
            reported: Reported::default(),
            latest: Timestamp::ZERO,
            looked: 0,
        }
    }

    /// When the latest content came.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Looks at a message that has no framing of its own.
    pub(super) fn datagram(&mut self, chain: &Chain<'_>, window: &Window<'_>) {
        if self.piece(chain, window) == Nature::Read {
            self.found.framing("datagrams");
        }
    }

    /// Counts content that is about to be looked at: once for each octet of an application's stream.
    pub fn count(&mut self, window: &Window<'_>) {
        self.latest = self.latest.max(window.at);
        if self.quest.concerns(window.at) {
            let octets = self.found.octets.of_mut(window.dir);
            *octets = octets.saturating_add(window.bytes.len() as u64);
        }
    }

    /// Tells that something of `window` was not looked at.
    pub fn cut(&mut self, cut: Cut, window: &Window<'_>) {
        self.found.cut(cut, window.dir, window.at, Some(window.all()));
    }

    /// Looks at a whole message or body.
    pub(super) fn piece(&mut self, chain: &Chain<'_>, window: &Window<'_>) -> Nature {
        self.derived(chain, window.bytes, window, true)
    }

    /// Looks at a message that was said to be Protocol Buffers.
    pub(super) fn declared_protobuf(&mut self, chain: &Chain<'_>, window: &Window<'_>) -> Nature {
        self.work = WORK;
        self.seen.clear();
        let origin = Origin { window, span: 0..window.bytes.len(), is_direct: true };
        let mut covered = Vec::new();
        match self.protobuf(chain, window.bytes, true, &origin, 0, &mut covered) {
            Some(nature) => {
                self.report(chain, window.bytes, &origin, &covered);
                nature
            }
            None => self.piece(chain, window),
        }
    }

    /// Only searches, for what goes on after a part that was recognised.
    pub(super) fn search(&mut self, chain: &Chain<'_>, window: &Window<'_>) {
        let origin = Origin { window, span: 0..window.bytes.len(), is_direct: true };
        self.report(chain, window.bytes, &origin, &[]);
        self.found.media = self.found.media.saturating_add(window.bytes.len() as u64);
    }

    /// Looks at bytes that are, or were made of, the whole of `window`.
    pub(super) fn derived(&mut self, chain: &Chain<'_>, bytes: &[u8], window: &Window<'_>, is_direct: bool) -> Nature {
        self.work = WORK;
        self.seen.clear();
        let origin = Origin { window, span: 0..window.bytes.len(), is_direct };
        let nature = self.look(chain, bytes, &origin, 0);
        match nature {
            Nature::Opaque if bytes.len() >= self.quest.needles.room() => self.opaque(chain, bytes, bytes.len(), &origin, false),
            Nature::Media => self.found.media = self.found.media.saturating_add(bytes.len() as u64),
            _ => {}
        }
        nature
    }

    /// Looks at bytes at some depth: what they are wrapped in first, then what they say as they are.
    pub(super) fn look(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, depth: u8) -> Nature {
        if bytes.is_empty() {
            return Nature::Read;
        }
        let mut covered = Vec::new();
        let nature = if !self.spend(bytes.len()) {
            self.found.cut(Cut::Bomb, origin.dir(), origin.at(), Some(origin.evidence()));
            Nature::Read
        } else if depth >= DEEPEST {
            self.found.cut(Cut::Depth, origin.dir(), origin.at(), Some(origin.evidence()));
            Nature::Read
        } else {
            let digest = digest(bytes);
            if let Some(nature) = self.seen.get(&digest) {
                return *nature;
            }
            if self.quest.keep == Keep::Layers && origin.span.end > self.looked {
                let fresh = if depth == 0 { bytes.get(self.looked..).unwrap_or(bytes) } else { bytes };
                self.found.outline.add(chain, fresh, (origin.dir(), origin.at(), origin.evidence()));
            }
            let nature = self.layers(chain, bytes, origin, depth, &mut covered);
            if self.seen.len() < MOST_SEEN {
                self.seen.insert(digest, nature);
            }
            nature
        };
        self.report(chain, bytes, origin, &covered);
        nature
    }

    /// Looks at a layer below, whose bytes came from `span` of those above.
    pub(super) fn below(
        &mut self,
        chain: &Chain<'_>,
        bytes: &[u8],
        origin: &Origin<'_>,
        depth: u8,
        span: Range<usize>,
        covered: &mut Vec<Range<usize>>,
    ) -> Nature {
        let before = self.reported;
        let nature = self.look(chain, bytes, origin, depth.saturating_add(1));
        if self.reported != before {
            covered.push(span);
        }
        nature
    }

    /// Looks at a whole text once more with escapes undone. What was found in it before only counts once: as it was found there.
    pub(super) fn again(
        &mut self,
        chain: &Chain<'_>,
        escaped: &[u8],
        plain: &[u8],
        origin: &Origin<'_>,
        depth: u8,
        covered: &mut Vec<Range<usize>>,
    ) -> Nature {
        let own = self.quest.needles.find(escaped);
        let own_messages = own.iter().filter(|m| m.sought == Sought::Message).count();
        let (before, kept) = (self.reported, self.found.hits.len());
        let whole = Origin { is_direct: false, ..origin.clone() };
        let nature = self.look(chain, plain, &whole, depth.saturating_add(1));
        let messages = self.reported.messages - before.messages;
        let others = self.reported.others - before.others;
        if messages > own_messages || messages == own_messages && others > own.len() - own_messages {
            covered.push(0..escaped.len());
        } else {
            self.found.hits.truncate(kept);
            self.reported = before;
        }
        nature
    }

    /// Tries something that may turn out to be nothing: then it leaves no trace but its hits.
    pub(super) fn attempt(&mut self, look: impl FnOnce(&mut Eye) -> Nature) -> Nature {
        let (opaque, cuts, sealed) = (self.found.opaque.len(), self.found.cuts.clone(), self.found.sealed.clone());
        let outline = self.found.outline.mark();
        let nature = look(self);
        if nature == Nature::Opaque {
            self.found.outline.back_to(outline);
            self.found.opaque.truncate(opaque);
            self.found.cuts = cuts;
            self.found.sealed = sealed;
        }
        nature
    }

    /// Tells that bytes could not be read.
    pub(super) fn opaque(&mut self, chain: &Chain<'_>, bytes: &[u8], octets: usize, origin: &Origin<'_>, is_token: bool) {
        if is_token && chain.has(is_credential) {
            return;
        }
        self.found.opaque(Opaque {
            dir: origin.dir(),
            at: origin.at(),
            chain: chain.to_string(),
            octets: octets as u64,
            digest: digest(bytes),
            is_token,
            evidence: origin.evidence(),
        });
    }

    fn spend(&mut self, octets: usize) -> bool {
        match self.work.checked_sub(octets) {
            Some(left) => {
                self.work = left;
                true
            }
            None => false,
        }
    }

    /// Reports what is written in `bytes` as they are, where no layer below found it already.
    fn report(&mut self, chain: &Chain<'_>, bytes: &[u8], origin: &Origin<'_>, covered: &[Range<usize>]) {
        for hit in self.quest.clone().needles.find(bytes) {
            if covered.iter().any(|span| span.start < hit.span.end && hit.span.start < span.end) {
                continue;
            }
            match hit.sought {
                Sought::Message => self.reported.messages += 1,
                _ => self.reported.others += 1,
            }
            let place = origin.part(&hit.span);
            let chain = match hit.form.layer() {
                Some(name) => chain.then(Layer::Undone(name)).to_string(),
                None => chain.to_string(),
            };
            let clear = (self.quest.keep != Keep::Masked).then(|| Clear::new(bytes.get(around(bytes, &hit.span)).unwrap_or_default()));
            let excerpt = excerpt(bytes, &hit);
            self.found.hit(Hit { sought: hit.sought, dir: place.dir(), at: place.at(), chain, evidence: place.evidence(), excerpt, clear });
        }
    }
}

/// Header fields whose values are credentials or made by rule: a random-looking value in them is no message.
fn is_credential(layer: &Layer<'_>) -> bool {
    const NAMES: [&str; 20] = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "www-authenticate",
        "sec-websocket-key",
        "sec-websocket-accept",
        "etag",
        "if-none-match",
        "if-match",
        "x-csrf-token",
        "x-xsrf-token",
        "traceparent",
        "tracestate",
        "x-request-id",
        "cf-ray",
        "alt-svc",
        "content-security-policy",
        "digest",
        "content-digest",
    ];
    matches!(layer, Layer::Header(name) if NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}

/// A number that is the same for the same bytes, in every run.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    use std::hash::BuildHasher as _;
    foldhash::fast::FixedState::with_seed(0x1e7).hash_one(bytes)
}

/// How much is shown around a match.
const AROUND: usize = 24;

/// A match and what stands around it.
fn around(bytes: &[u8], span: &Range<usize>) -> Range<usize> {
    span.start.saturating_sub(AROUND)..span.end.saturating_add(AROUND).min(bytes.len())
}

/// What stands around a match: the match itself as `[phrase]`, letters and digits around it as dots, so that only the structure shows.
fn excerpt(bytes: &[u8], hit: &Match) -> String {
    let masked = |part: &[u8]| {
        let text: String = String::from_utf8_lossy(part).chars().map(|c| if c.is_alphanumeric() { '·' } else { c }).collect();
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = escape_into(&mut out, text.as_bytes());
        out
    };
    let Range { start, end } = around(bytes, &hit.span);
    let name = match hit.sought {
        Sought::Message => "[phrase]",
        Sought::Control(_) => "[control]",
        Sought::Fragment => "[part of the phrase]",
    };
    let (before, after) = (bytes.get(start..hit.span.start).unwrap_or_default(), bytes.get(hit.span.end..end).unwrap_or_default());
    format!("{}{name}{}", masked(before), masked(after))
}
