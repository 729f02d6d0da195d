//! The values of facts, as sinks see them. Sinks escape; values do not.

use std::fmt;

use super::fact::{Alert, VersionName};
use super::{CipherSuite, NamedGroup, ProtocolVersion, QuicVersion, SignatureScheme, SrtpProfile, Timestamp, WireStr};

/// A value as the sinks see it. Sinks escape; values do not.
#[derive(Debug)]
pub enum Shown<'a> {
    /// True or false.
    Bool(bool),
    /// A count or a size.
    Number(u64),
    /// Text that intransit or a registry chose.
    Text(std::borrow::Cow<'a, str>),
    /// Text that a stranger chose.
    Wire(&'a WireStr),
    /// Several values.
    List(List<'a>),
}

/// The values of a list.
pub enum List<'a> {
    /// Put together for the sink.
    Made(Vec<Shown<'a>>),
    /// As the fact holds them; each is made when it is its turn.
    Held(&'a dyn Held),
}

impl List<'_> {
    /// Hands them over, one after the other.
    pub fn each(&self, take: &mut dyn FnMut(&Shown<'_>)) {
        match self {
            List::Made(list) => list.iter().for_each(take),
            List::Held(list) => list.each(take),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            List::Made(list) => list.is_empty(),
            List::Held(list) => list.is_empty(),
        }
    }

    /// Each as text that is safe for a terminal.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        self.each(&mut |item| texts.push(item.to_string()));
        texts
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.each(&mut |item| {
            list.entry(item);
        });
        list.finish()
    }
}

/// A list that a fact holds.
pub trait Held {
    /// Hands its values over, one after the other.
    fn each(&self, take: &mut dyn FnMut(&Shown<'_>));

    /// Whether there are none.
    fn is_empty(&self) -> bool;
}

impl<T: Render> Held for Vec<T> {
    fn each(&self, take: &mut dyn FnMut(&Shown<'_>)) {
        self.iter().for_each(|item| take(&item.shown()));
    }

    fn is_empty(&self) -> bool {
        <[T]>::is_empty(self)
    }
}

/// A type that a fact can hold.
pub trait Render {
    /// The value for a sink.
    fn shown(&self) -> Shown<'_>;
}

impl Render for bool {
    fn shown(&self) -> Shown<'_> {
        Shown::Bool(*self)
    }
}

impl Render for u64 {
    fn shown(&self) -> Shown<'_> {
        Shown::Number(*self)
    }
}

impl Render for u8 {
    fn shown(&self) -> Shown<'_> {
        Shown::Number(u64::from(*self))
    }
}

impl Render for &'static str {
    fn shown(&self) -> Shown<'_> {
        Shown::Text((*self).into())
    }
}

impl Render for String {
    fn shown(&self) -> Shown<'_> {
        Shown::Text(self.as_str().into())
    }
}

impl Render for WireStr {
    fn shown(&self) -> Shown<'_> {
        Shown::Wire(self)
    }
}

impl Render for VersionName {
    fn shown(&self) -> Shown<'_> {
        match self.0.number() {
            Some(number) => Shown::Text(number.into()),
            None => Shown::Text(self.0.to_string().into()),
        }
    }
}

impl Render for ProtocolVersion {
    fn shown(&self) -> Shown<'_> {
        registered(self.number().filter(|_| self.draft().is_none()), self)
    }
}

impl Render for CipherSuite {
    fn shown(&self) -> Shown<'_> {
        registered(self.name(), self)
    }
}

impl Render for NamedGroup {
    fn shown(&self) -> Shown<'_> {
        registered(self.name(), self)
    }
}

impl Render for SrtpProfile {
    fn shown(&self) -> Shown<'_> {
        registered(self.name(), self)
    }
}

impl Render for SignatureScheme {
    fn shown(&self) -> Shown<'_> {
        registered(self.name(), self)
    }
}

impl Render for QuicVersion {
    fn shown(&self) -> Shown<'_> {
        registered((*self == QuicVersion::V1).then_some("1"), self)
    }
}

impl Render for Alert {
    fn shown(&self) -> Shown<'_> {
        registered(self.description.name(), &self.description)
    }
}

/// RFC 3339 without a fraction: facts hold times of certificates, which have none.
impl Render for Timestamp {
    fn shown(&self) -> Shown<'_> {
        Shown::Text(self.seconds().to_string().into())
    }
}

impl<const N: usize> Render for [u8; N] {
    fn shown(&self) -> Shown<'_> {
        Shown::Text(hex(self).into())
    }
}

impl<T: Render> Render for Box<T> {
    fn shown(&self) -> Shown<'_> {
        T::shown(self)
    }
}

impl<T: Render> Render for Vec<T> {
    fn shown(&self) -> Shown<'_> {
        Shown::List(List::Held(self))
    }
}

impl fmt::Display for Shown<'_> {
    /// Safe for a terminal: see [`WireStr`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Bool(value) => f.write_str(if *value { "yes" } else { "no" }),
            Shown::Number(value) => value.fmt(f),
            Shown::Text(text) => super::escape_into(f, text.as_bytes()),
            Shown::Wire(text) => text.fmt(f),
            Shown::List(list) => {
                let (mut first, mut done) = (true, Ok(()));
                list.each(&mut |item| {
                    let before = if std::mem::replace(&mut first, false) { "" } else { ", " };
                    done = done.and_then(|()| f.write_str(before)).and_then(|()| item.fmt(f));
                });
                done
            }
        }
    }
}

fn registered<'a>(name: Option<&'static str>, number: &dyn fmt::Display) -> Shown<'a> {
    match name {
        Some(name) => Shown::Text(name.into()),
        None => Shown::Text(number.to_string().into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |n: u8| DIGITS.get(usize::from(n & 15)).copied().unwrap_or('?');
    bytes.iter().flat_map(|&b| [digit(b >> 4), digit(b)]).collect()
}
