//! Who speaks: plainly, or with a pseudonym for everything that says who, where or when.
//!
//! Pseudonyms are numbers in the order of appearance in the report, never derived from the value, so that nothing can be computed back.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Part, Sentence, Summary};
use crate::base::{Timestamp, WireStr};

/// What kind of thing a pseudonym stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An address.
    Address,
    /// A host's or a service's name.
    Name,
    /// A file.
    File,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Address => "address",
            Kind::Name => "name",
            Kind::File => "file",
        }
    }
}

/// What stands for something that is not told.
pub const WITHHELD: &str = "(withheld)";

/// How a report says what it says.
#[derive(Clone, Debug, Default)]
pub struct Voice {
    redacted: Option<Pseudonyms>,
}

#[derive(Clone, Debug, Default)]
struct Pseudonyms {
    known: BTreeMap<(Kind, Vec<u8>), u64>,
    next: BTreeMap<Kind, u64>,
    /// Times are told from here.
    zero: Timestamp,
}

impl Voice {
    /// Everything is told as it was seen.
    #[must_use]
    pub fn plain() -> Voice {
        Voice::default()
    }

    /// Everything that says who, where or when gets a pseudonym.
    #[must_use]
    pub fn redacted(summary: &Summary) -> Voice {
        let zero = summary.inputs.iter().filter_map(|input| input.span).map(|(start, _)| start).min().unwrap_or_default();
        let mut all = Pseudonyms { zero, ..Pseudonyms::default() };
        summary.inputs.iter().for_each(|input| all.learn(Kind::File, input.name.as_bytes()));
        summary.refused.iter().for_each(|(name, _)| all.learn(Kind::File, name.as_bytes()));
        for ((name, _), _) in summary.exposure.names_in_order() {
            all.name(name);
        }
        for ((client, server), pair) in summary.exposure.pairs_in_order() {
            all.address(*client);
            all.address(*server);
            pair.name.iter().for_each(|name| all.name(name));
        }
        for ((_, value), _) in summary.board.rows().iter().flat_map(|app| app.because.iter()) {
            all.name(value);
        }
        Voice { redacted: Some(all) }
    }

    /// Gives the next pseudonym to what a sentence will say, where it has none yet.
    pub fn learn(&mut self, part: &Part) {
        let Some(all) = &mut self.redacted else { return };
        match part {
            Part::Name(name) => all.name(name),
            Part::Address(ip) => all.address(*ip),
            Part::File(name) => all.learn(Kind::File, name.as_bytes()),
            Part::Words(_) | Part::Time(_) | Part::Quoted(_) => {}
        }
    }

    /// Whether pseudonyms are used.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.redacted.is_some()
    }

    /// A name.
    #[must_use]
    pub fn name(&self, name: &WireStr) -> String {
        match (&self.redacted, as_address(name)) {
            (None, _) => name.to_string(),
            (Some(_), Some(ip)) => self.address(ip),
            (Some(all), None) => all.of(Kind::Name, &lower(name)),
        }
    }

    /// An address.
    #[must_use]
    pub fn address(&self, ip: IpAddr) -> String {
        self.redacted.as_ref().map_or_else(|| ip.to_string(), |all| all.of(Kind::Address, ip.to_string().as_bytes()))
    }

    /// A file's name.
    #[must_use]
    pub fn file(&self, name: &WireStr) -> String {
        self.redacted.as_ref().map_or_else(|| name.to_string(), |all| all.of(Kind::File, name.as_bytes()))
    }

    /// A moment: RFC 3339, or how long after the first one.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        let Some(all) = &self.redacted else { return at.to_string() };
        let nanos = at.since(all.zero);
        let seconds = nanos / 1_000_000_000;
        format!("+{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, nanos / 1_000_000 % 1000)
    }

    /// A moment to the second, for people: `2024-05-01 09:00:01 UTC`.
    #[must_use]
    pub fn second(&self, at: Timestamp) -> String {
        if self.is_redacted() {
            return self.time(at).split('.').next().unwrap_or_default().to_owned();
        }
        at.seconds().to_string().replace('T', " ").replace('Z', " UTC")
    }

    /// The beginning of a stretch of the timeline: the moment, or how many stretches after the first one. Stretches begin at round times,
    /// so that an offset from the first packet would tell the time of day.
    #[must_use]
    pub fn stretch(&self, at: Timestamp, place: u64, seconds: u64) -> String {
        if !self.is_redacted() {
            return self.second(at);
        }
        let seconds = place.saturating_mul(seconds);
        format!("+{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// Words that others chose, or that hold values seen: told, or not.
    #[must_use]
    pub fn quoted(&self, words: &WireStr) -> String {
        if self.is_redacted() { WITHHELD.to_owned() } else { words.to_string() }
    }

    /// A part of a sentence.
    #[must_use]
    pub fn part(&self, part: &Part) -> String {
        match part {
            Part::Words(words) => words.clone().into_owned(),
            Part::Name(name) => self.name(name),
            Part::Address(ip) => self.address(*ip),
            Part::Time(at) => self.second(*at),
            Part::File(name) => self.file(name),
            Part::Quoted(words) => self.quoted(words),
        }
    }

    /// A whole sentence as text.
    #[must_use]
    pub fn say(&self, sentence: &Sentence) -> String {
        sentence.parts.iter().map(|part| self.part(part)).collect()
    }
}

impl Pseudonyms {
    fn learn(&mut self, kind: Kind, value: &[u8]) {
        let key = (kind, value.to_vec());
        if !self.known.contains_key(&key) {
            let next = self.next.entry(kind).or_default();
            *next = next.saturating_add(1);
            self.known.insert(key, *next);
        }
    }

    fn address(&mut self, ip: IpAddr) {
        self.learn(Kind::Address, ip.to_string().as_bytes());
    }

    fn name(&mut self, name: &WireStr) {
        match as_address(name) {
            Some(ip) => self.address(ip),
            None => self.learn(Kind::Name, &lower(name)),
        }
    }

    /// A value that was not met before is not told at all.
    fn of(&self, kind: Kind, value: &[u8]) -> String {
        let known = self.known.get(&(kind, value.to_vec()));
        known.map_or_else(|| WITHHELD.to_owned(), |number| format!("{}-{number}", kind.word()))
    }
}

/// A name that is an address gets the pseudonym of the address.
fn as_address(name: &WireStr) -> Option<IpAddr> {
    std::str::from_utf8(name.as_bytes()).ok()?.trim_matches(['[', ']']).parse().ok()
}

/// Names are the same in upper and lower case (RFC 4343).
fn lower(name: &WireStr) -> Vec<u8> {
    name.as_bytes().to_ascii_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::testing::graded;
    use super::super::{Input, ReportBuilder};
    use super::*;
    use crate::assess::Grade;

    fn summary() -> Summary {
        let mut builder = ReportBuilder::new();
        builder.begin(Input { name: "holiday.pcap".into(), ..Input::default() });
        builder.push(&graded(1, Grade::Protected, "chat.example"));
        builder.push(&graded(11, Grade::Protected, "CHAT.example"));
        builder.push(&graded(21, Grade::Protected, "203.0.113.9"));
        builder.finish()
    }

    #[test]
    fn pseudonyms_are_numbers_in_order_of_appearance_and_the_same_for_the_same_thing() {
        let voice = Voice::redacted(&summary());
        assert_eq!((voice.name(&"chat.example".into()), voice.name(&"Chat.Example".into())), ("name-1".into(), "name-1".into()));
        assert_eq!(voice.address([203, 0, 113, 9].into()), voice.name(&"203.0.113.9".into()));
        assert_eq!(voice.file(&"holiday.pcap".into()), "file-1");
        assert_eq!(voice.name(&"never.seen".into()), WITHHELD);
        assert_eq!(voice.quoted(&"a diary".into()), WITHHELD);
    }

    #[test]
    fn times_become_offsets_from_the_first() {
        let summary = summary();
        let start = summary.inputs.first().and_then(|input| input.span).map(|(start, _)| start).unwrap();
        let voice = Voice::redacted(&summary);
        assert_eq!(voice.time(start), "+00:00:00.000");
        assert_eq!(voice.second(Timestamp::from_nanos(start.nanos() + 3_723_500_000_000)), "+01:02:03");
        assert_eq!(voice.stretch(Timestamp::from_secs(1_714_553_940), 2, 60), "+00:02:00", "the round time is not told");
        assert_eq!(Voice::plain().second(start), "2024-05-01 09:00:01 UTC");
    }
}
