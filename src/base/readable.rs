//! What could be read by anyone on the path: the kinds of the contract (§2), how much of it, and a masked beginning.

use std::sync::atomic::{AtomicBool, Ordering};

use super::freeze::{Freeze, put_number, take_number};
use super::render::{List, Render, Shown};
use super::{Reader, WireStr};

/// What kind of thing was readable. The order is that of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposed {
    /// What people or programs wrote to each other.
    Content,
    /// Passwords, tokens, cookies.
    Credentials,
    /// Who it was: addresses of accounts, numbers, names of devices.
    Identifiers,
    /// Names looked up or announced.
    Names,
    /// What the network needs to work: leases, clocks, connectivity checks, certificate status.
    Service,
}

impl Exposed {
    /// Every kind, in the order of output.
    pub const ALL: [Exposed; 5] = [Exposed::Content, Exposed::Credentials, Exposed::Identifiers, Exposed::Names, Exposed::Service];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Exposed::Content => "content",
            Exposed::Credentials => "credentials",
            Exposed::Identifiers => "identifiers",
            Exposed::Names => "names",
            Exposed::Service => "service",
        }
    }

    /// Whether it counts for the grade of an app or a capture: `names` and `service` never do (contract §2).
    #[must_use]
    pub fn sets_a_group(self) -> bool {
        matches!(self, Exposed::Content | Exposed::Credentials | Exposed::Identifiers)
    }
}

/// Octets of an excerpt.
const MOST_EXCERPT: usize = 96;
/// Characters of a word that a masked excerpt shows.
const SHOWN_OF_A_WORD: usize = 2;
/// What stands for a masked character.
const MASK: char = '•';

/// Whether excerpts are taken as they came. Set once, by an option whose name says so, before anything is read.
static UNMASKED: AtomicBool = AtomicBool::new(false);

/// Something that could be read, masked from the start: what is not kept cannot leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// What kind of thing.
    pub kind: Exposed,
    /// What it was, in words of ours: `HTTP request`, `IRC message`, `SMTP password`.
    pub what: &'static str,
    /// How many times.
    pub count: u64,
    /// Octets of it, in all.
    pub bytes: u64,
    /// The beginning of the first one, masked; empty where there is nothing to show.
    pub excerpt: WireStr,
}

impl Readable {
    /// Something readable, seen once. `text` is what could be read; a bounded, masked beginning of it is kept. Of credentials nothing is
    /// kept, not even how long they are.
    #[must_use]
    pub fn new(kind: Exposed, what: &'static str, text: &[u8]) -> Readable {
        Readable { kind, what, count: 1, bytes: text.len() as u64, excerpt: excerpt(kind, text) }
    }

    /// Takes excerpts as they came from now on. For the option that asks for it.
    pub fn unmask() {
        UNMASKED.store(true, Ordering::Relaxed);
    }
}

fn excerpt(kind: Exposed, text: &[u8]) -> WireStr {
    let start = text.get(..MOST_EXCERPT).unwrap_or(text);
    if UNMASKED.load(Ordering::Relaxed) || !kind.sets_a_group() {
        return WireStr::new(start);
    }
    if kind == Exposed::Credentials {
        return WireStr::from(MASK.to_string().repeat(6));
    }
    let mut shown = 0;
    let mut masked = String::with_capacity(start.len().saturating_mul(MASK.len_utf8()));
    masked.extend(String::from_utf8_lossy(start).chars().map(|c| {
        shown = if c.is_alphanumeric() { shown + 1 } else { 0 };
        if shown > SHOWN_OF_A_WORD || c == char::REPLACEMENT_CHARACTER { MASK } else { c }
    }));
    WireStr::from(masked)
}

impl Render for Readable {
    fn shown(&self) -> Shown<'_> {
        let mut list =
            vec![Shown::Text(self.kind.word().into()), Shown::Text(self.what.into()), Shown::Number(self.count), Shown::Number(self.bytes)];
        if !self.excerpt.as_bytes().is_empty() {
            list.push(Shown::Wire(&self.excerpt));
        }
        Shown::List(List::Made(list))
    }
}

impl Freeze for Readable {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        self.what.put(out);
        put_number(out, self.count);
        put_number(out, self.bytes);
        self.excerpt.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<Readable> {
        let kind = *Exposed::ALL.get(usize::from(reader.u8().ok()?))?;
        let what = <&'static str>::take(reader)?;
        Some(Readable { kind, what, count: take_number(reader)?, bytes: take_number(reader)?, excerpt: WireStr::take(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_that_it_was_readable_and_not_what_it_said() {
        let of = |kind, text: &str| Readable::new(kind, "x", text.as_bytes()).excerpt.to_string();
        assert_eq!(of(Exposed::Content, "meet me at seven"), "me•• me at se•••");
        assert_eq!(of(Exposed::Credentials, "hunter2"), "••••••");
        assert_eq!(of(Exposed::Credentials, "a much longer password"), "••••••");
        assert_eq!(of(Exposed::Names, "chat.example.net"), "chat.example.net");
        assert!(of(Exposed::Content, &"x".repeat(1000)).chars().count() <= MOST_EXCERPT);
    }
}
