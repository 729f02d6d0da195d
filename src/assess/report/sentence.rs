//! Sentences that know what they rest on, and which of their words say who, where and when.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Citations;
use crate::base::{Timestamp, WireStr};

/// What a sentence rests on (contract §1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// These frames.
    Frames(Citations),
    /// Every frame of every input: a count over all of them, or that something is not among them.
    Whole,
    /// The sources of the catalogue with these keys.
    Sources(Vec<String>),
    /// The operator of the capture says so.
    Operator,
    /// The file of the input in this place says so of itself.
    File(u32),
    /// A rule's own page.
    Rule(&'static str),
    /// Nothing is stated of anybody: how to read the report, and where its limits are.
    Method,
}

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words and numbers of ours, of a registry or of the catalogue.
    Words(Cow<'static, str>),
    /// A name that a stranger chose.
    Name(WireStr),
    /// An address.
    Address(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// The name of a file.
    File(WireStr),
    /// What the operator, a file or a rule says in its own words, which may hold names and times.
    Quoted(WireStr),
}

impl From<&'static str> for Part {
    fn from(words: &'static str) -> Part {
        Part::Words(Cow::Borrowed(words))
    }
}

impl From<String> for Part {
    fn from(words: String) -> Part {
        Part::Words(Cow::Owned(words))
    }
}

impl From<u64> for Part {
    fn from(number: u64) -> Part {
        Part::Words(Cow::Owned(grouped(number)))
    }
}

impl From<Timestamp> for Part {
    fn from(at: Timestamp) -> Part {
        Part::Time(at)
    }
}

/// A sentence, or a cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its words.
    pub parts: Vec<Part>,
    /// What it rests on.
    pub ground: Ground,
}

/// A sentence of parts: `said![ground; "In this capture, ", n, " connections …"]`.
macro_rules! said {
    ($ground:expr; $($part:expr),+ $(,)?) => {
        $crate::assess::report::sentence::Sentence {
            parts: vec![$($crate::assess::report::sentence::Part::from($part)),+],
            ground: $ground,
        }
    };
}
pub(super) use said;

/// `612`, `12,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 connection`, `2 connections`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `812 bytes`, `4.3 MB`: powers of ten, rounded down.
#[must_use]
pub fn octets(number: u64) -> String {
    let (unit, name) = match number {
        0..10_000 => return counted(number, "byte"),
        10_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", grouped(number / unit), number % unit * 10 / unit)
}

/// `97 %`: rounded down, so that 100 % means all; `under 1 %` where there is some.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    match u128::from(part) * 100 / u128::from(whole.max(1)) {
        0 if part > 0 => "under 1 %".to_owned(),
        n => format!("{n} %"),
    }
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_and_shares_round_down() {
        assert_eq!((grouped(612), grouped(12_345), grouped(1_234_567)), ("612".into(), "12,345".into(), "1,234,567".into()));
        assert_eq!((counted(1, "connection"), counted(0, "connection")), ("1 connection".into(), "0 connections".into()));
        assert_eq!((octets(812), octets(4_399_999), octets(10_000)), ("812 bytes".into(), "4.3 MB".into(), "10.0 kB".into()));
        assert_eq!(
            (percent(999, 1000), percent(1000, 1000), percent(1, 1000), percent(0, 0)),
            ("99 %".into(), "100 %".into(), "under 1 %".into(), "0 %".into())
        );
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()], "or"), "a, b or c");
    }
}
