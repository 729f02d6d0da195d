//! Protocols of which one message says enough: recognised, and named by the octets that say it. Where their messages are worth reading,
//! each is one for itself.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Exposed, Facts, Short, What, Window};

/// A protocol that one message names.
pub trait Telltale: Default + std::fmt::Debug {
    /// The name in `network.protocol`.
    const NAME: &'static str;

    /// How many octets at the start of a direction, or of a datagram, say that this is the protocol.
    ///
    /// # Errors
    /// [`Unlike::Short`] when more octets are needed to tell, [`Unlike::Other`] when it is something else.
    fn read(bytes: &[u8]) -> Result<usize, Unlike>;

    /// Whether [`Telltale::readable`] says something of each message.
    const IS_READ: bool = false;

    /// What can be read of a message, how that is called, and the part worth showing.
    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        let _ = bytes;
        None
    }

    /// Which role the sender of such octets plays, where they say so.
    fn sender(bytes: &[u8]) -> Option<Dir> {
        let _ = bytes;
        None
    }
}

/// What can be read of a message.
#[derive(Debug)]
pub struct Reads<'a> {
    /// What kind of thing.
    pub kind: Exposed,
    /// What it is, in our words.
    pub what: &'static str,
    /// The part of it worth showing; empty where there is none.
    pub shown: Cow<'a, [u8]>,
}

impl<'a> Reads<'a> {
    /// Shows a part of the message, or something made from it.
    pub(super) fn new(kind: Exposed, what: &'static str, shown: impl Into<Cow<'a, [u8]>>) -> Reads<'a> {
        Reads { kind, what, shown: shown.into() }
    }
}

/// Why octets are not the protocol that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlike {
    /// They end too early to tell.
    Short,
    /// They are something else.
    Other,
}

impl From<Short> for Unlike {
    fn from(_: Short) -> Unlike {
        Unlike::Short
    }
}

/// Goes on only when a condition of the protocol holds.
pub(super) fn require(holds: bool) -> Result<(), Unlike> {
    if holds { Ok(()) } else { Err(Unlike::Other) }
}

/// Whether `bytes` begin with `with`, as far as they go.
pub(super) fn starts(bytes: &[u8], with: &[u8]) -> Result<(), Unlike> {
    require(bytes.iter().zip(with).all(|(a, b)| a == b))?;
    if bytes.len() < with.len() { Err(Unlike::Short) } else { Ok(()) }
}

/// A connection of such a protocol.
#[derive(Debug, Default)]
pub struct Named<T> {
    named: bool,
    of: PhantomData<T>,
}

impl<T: Telltale> Protocol for Named<T> {
    fn probe(window: &Window<'_>) -> Probe {
        match T::read(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(Unlike::Short) => Probe::More,
            Err(Unlike::Other) => Probe::No,
        }
    }

    fn sender(window: &Window<'_>) -> Option<Dir> {
        T::sender(window.bytes)
    }
}

impl<T: Telltale> Payload for Named<T> {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        if !self.named {
            let Ok(said) = T::read(window.bytes) else { return 0 };
            self.named = true;
            facts.observe(What::Protocol(T::NAME), window.evidence(0..said));
            if !T::IS_READ {
                return said;
            }
        }
        if let Some(Reads { kind, what, shown }) = T::readable(window.bytes) {
            facts.readable(kind, what, &shown, window.all());
            facts.more_readable(kind, what, window.bytes.len().saturating_sub(shown.len()) as u64, &window.all());
        }
        window.bytes.len()
    }

    fn next(&self) -> Next {
        if self.named && !T::IS_READ { Next::Done } else { Next::Stay }
    }
}
