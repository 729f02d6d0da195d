//! JSON, one object per connection, by the names of the Elastic Common Schema (contract §5; RFC 8259).

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::LazyLock;

use smallvec::SmallVec;

use crate::assess::attribution::Signal;
use crate::assess::{Attribution, Finding, Judged, Judgement};
use crate::base::{Basis, Dir, Evidence, Fact, Kind, Shown, Timestamp, WireStr};
use crate::flow::Endpoint;

use super::{FilePart, Writer, part_of};

/// One object a line.
#[derive(Debug, Default)]
pub struct Lines {
    parts: Vec<FilePart>,
}

impl Writer for Lines {
    fn parts(&mut self, parts: &[FilePart]) {
        parts.clone_into(&mut self.parts);
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        object(out, file, &self.parts, judged);
        out.push(b'\n');
        Ok(())
    }
}

/// One array of objects.
#[derive(Debug, Default)]
pub struct Array {
    any: bool,
    parts: Vec<FilePart>,
}

impl Writer for Array {
    fn parts(&mut self, parts: &[FilePart]) {
        parts.clone_into(&mut self.parts);
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.push(b'[');
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        out.extend_from_slice(if std::mem::replace(&mut self.any, true) { b",\n" } else { b"\n" });
        object(out, file, &self.parts, judged);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"\n]\n");
        Ok(())
    }
}

fn object(out: &mut Vec<u8>, file: &WireStr, parts: &[FilePart], judged: &Judged) {
    let c = &judged.connection;
    let mut json = Json { out };
    json.raw("{\"@timestamp\":");
    let began = json.out.len();
    json.time(c.start);
    let began = began..json.out.len();
    json.raw(",\"event\":{\"start\":");
    json.out.extend_from_within(began);
    json.raw(",\"end\":");
    json.time(c.end);
    json.raw(",\"duration\":");
    json.number(c.end.since(c.start));
    json.raw("},\"file\":{\"name\":");
    json.bytes(file.as_bytes());
    json.raw("},\"network\":{\"type\":");
    json.raw(if c.client.ip.is_ipv4() { "\"ipv4\"" } else { "\"ipv6\"" });
    json.raw(",\"transport\":");
    json.text(c.transport.name());
    if let Some(protocol) = c.protocol() {
        json.raw(",\"protocol\":");
        json.text(protocol);
    }
    if let Some(attribution) = &judged.attribution {
        json.raw(",\"application\":");
        json.text(&attribution.platform);
    }
    json.raw(",\"community_id\":");
    json.text(&c.community_id());
    let (client, server) = (c.tally(Dir::Client), c.tally(Dir::Server));
    json.raw(",\"bytes\":");
    json.number(client.bytes + server.bytes);
    json.raw(",\"packets\":");
    json.number(client.packets + server.packets);
    if let Some(vlan) = c.vlan {
        json.raw(",\"vlan\":{\"id\":");
        json.text(&vlan.to_string());
        json.raw("}");
    }
    json.raw("},\"source\":{");
    json.endpoint(c.client, client.bytes, client.packets);
    json.raw("},\"destination\":{");
    json.endpoint(c.server, server.bytes, server.packets);
    if let Some(name) = c.domain() {
        json.raw(",\"domain\":");
        json.bytes(name);
    }
    json.raw("}");
    let list = c.facts.list();
    // Where the value of each fact that is also a field stands in the output: the list of facts repeats it.
    let mut values: SmallVec<[Option<Range<usize>>; 32]> = std::iter::repeat_n(None, list.len()).collect();
    json.nested(fields(list).filter(|(_, fact)| !is_ours(fact)), &mut values);
    json.raw(",\"intransit\":{\"first_frame\":");
    json.number(c.first_frame.get());
    json.raw(",\"last_frame\":");
    json.number(c.last_frame.get());
    if !parts.is_empty() {
        json.files(parts, judged);
    }
    if c.guessed {
        json.raw(",\"orientation\":\"guessed\"");
    }
    if c.truncated > 0 {
        json.raw(",\"truncated_packets\":");
        json.number(c.truncated);
    }
    json.judgement(&judged.judgement);
    for (at, fact) in fields(list).filter(|(_, fact)| is_ours(fact)) {
        json.raw(",");
        json.word(fact.what.kind().name().strip_prefix("intransit.").unwrap_or_default());
        json.raw(":");
        json.field_value(at, fact, &mut values);
    }
    let history = c.facts.history();
    if !history.is_empty() {
        json.raw(",\"history\":");
        json.text(&history);
    }
    if let Some(attribution) = &judged.attribution {
        json.platform(attribution);
    }
    json.facts(list, &values);
    json.findings(&judged.judgement.findings);
    json.raw("}}");
}

fn is_ours(fact: &Fact) -> bool {
    fact.what.kind().path().0.first() == Some(&"intransit")
}

/// The facts that are also fields, the first of each kind, with their places in the list.
fn fields(list: &[Fact]) -> impl Iterator<Item = (usize, &Fact)> {
    let mut last = None;
    list.iter().enumerate().filter(move |(_, fact)| {
        let kind = fact.what.kind();
        kind.is_field() && last.replace(kind) != Some(kind)
    })
}

/// What stands around the value of every fact, put together once: most of what is written is lists of facts.
struct Pieces {
    /// By kind: its name and what leads to the value.
    names: Vec<String>,
    /// By basis: its word and what leads to the frames.
    bases: Vec<String>,
}

static PIECES: LazyLock<Pieces> = LazyLock::new(|| Pieces {
    names: Kind::ALL.iter().map(|kind| format!("{}\",\"value\":", kind.name())).collect(),
    bases: Basis::ALL.iter().map(|basis| format!(",\"basis\":\"{}\",\"frames\":[", basis.word())).collect(),
});

/// Writes JSON, piece by piece.
#[derive(Debug)]
pub(in crate::present) struct Json<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Json<'a> {
    /// Appends to `out`.
    pub(in crate::present) fn new(out: &'a mut Vec<u8>) -> Json<'a> {
        Json { out }
    }
}

impl Json<'_> {
    /// The files that hold the frames this object names: a frame's number there is its number here less `first_frame`, and one.
    fn files(&mut self, parts: &[FilePart], judged: &Judged) {
        let c = &judged.connection;
        let facts = c.facts.list().iter().map(|fact| &fact.evidence);
        let evidence = facts.chain(judged.judgement.findings.iter().map(|finding| &finding.evidence));
        let frames = evidence.flat_map(|evidence| evidence.frames().iter().copied()).chain([c.first_frame, c.last_frame]);
        let held: std::collections::BTreeSet<usize> = frames.filter_map(|frame| part_of(parts, frame)).collect();
        self.raw(",\"files\":[");
        for (n, part) in held.into_iter().filter_map(|at| parts.get(at)).enumerate() {
            self.raw(if n > 0 { ",{\"name\":" } else { "{\"name\":" });
            self.bytes(part.name.as_bytes());
            self.raw(",\"first_frame\":");
            self.number(part.first_frame.get());
            self.raw("}");
        }
        self.raw("]");
    }

    /// As it is.
    pub(in crate::present) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(in crate::present) fn number(&mut self, n: u64) {
        self.raw(itoa::Buffer::new().format(n));
    }

    pub(in crate::present) fn time(&mut self, at: Timestamp) {
        self.out.push(b'"');
        self.out.extend_from_slice(&at.rfc3339());
        self.out.push(b'"');
    }

    /// A word of our own, known to need no escape.
    pub(in crate::present) fn word(&mut self, word: &str) {
        self.out.push(b'"');
        self.raw(word);
        self.out.push(b'"');
    }

    /// Text of our own or of a registry.
    pub(in crate::present) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A string from bytes. Valid UTF-8 comes back as it was; bytes that are not become `\xNN` in the text. Characters that steer a
    /// terminal are written as JSON escapes, so that the output is safe to look at.
    pub(in crate::present) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        if is_plain(bytes) {
            self.out.extend_from_slice(bytes);
        } else {
            self.escaped(bytes);
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            let mut rest = chunk.valid();
            while !rest.is_empty() {
                // What stands for itself goes in one piece.
                let sound = rest.find(|c| matches!(c, '"' | '\\' | '\n' | '\r' | '\t') || WireStr::steers(c)).unwrap_or(rest.len());
                let (plain, from) = rest.split_at(sound);
                self.raw(plain);
                let Some(c) = from.chars().next() else { break };
                rest = from.get(c.len_utf8()..).unwrap_or_default();
                match c {
                    '"' => self.raw("\\\""),
                    '\\' => self.raw("\\\\"),
                    '\n' => self.raw("\\n"),
                    '\r' => self.raw("\\r"),
                    '\t' => self.raw("\\t"),
                    c => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            let _ = write!(self.out, "\\u{unit:04x}");
                        }
                    }
                }
            }
            for b in chunk.invalid() {
                let _ = write!(self.out, "\\\\x{b:02x}");
            }
        }
    }

    fn value(&mut self, value: &Shown<'_>) {
        match value {
            Shown::Bool(true) => self.raw("true"),
            Shown::Bool(false) => self.raw("false"),
            Shown::Number(n) => self.number(*n),
            Shown::Text(text) => self.text(text),
            Shown::Wire(text) => self.bytes(text.as_bytes()),
            Shown::List(list) => {
                let mut before = "[";
                list.each(&mut |item| {
                    self.raw(std::mem::replace(&mut before, ","));
                    self.value(item);
                });
                self.raw(if list.is_empty() { "[]" } else { "]" });
            }
        }
    }

    fn endpoint(&mut self, end: Endpoint, bytes: u64, packets: u64) {
        self.raw("\"ip\":\"");
        match end.ip {
            IpAddr::V4(ip) => {
                for (i, octet) in ip.octets().into_iter().enumerate() {
                    self.raw(if i > 0 { "." } else { "" });
                    self.number(u64::from(octet));
                }
            }
            // Writing to a Vec cannot fail.
            IpAddr::V6(ip) => drop(write!(self.out, "{ip}")),
        }
        self.raw("\",\"port\":");
        self.number(u64::from(end.port));
        self.raw(",\"bytes\":");
        self.number(bytes);
        self.raw(",\"packets\":");
        self.number(packets);
    }

    /// The value of a fact that is also a field; remembers where it stands.
    fn field_value(&mut self, at: usize, fact: &Fact, values: &mut [Option<Range<usize>>]) {
        let start = self.out.len();
        self.value(&fact.what.shown());
        if let Some(slot) = values.get_mut(at) {
            *slot = Some(start..self.out.len());
        }
    }

    /// Dotted names as nested objects. The facts are sorted so that names with a common prefix follow each other: objects
    /// are opened and closed in one walk.
    fn nested<'f>(&mut self, facts: impl Iterator<Item = (usize, &'f Fact)>, values: &mut [Option<Range<usize>>]) {
        let mut open: SmallVec<[&str; 4]> = SmallVec::new();
        for (at, fact) in facts {
            let (path, leaf) = fact.what.kind().path();
            let shared = open.iter().zip(path).take_while(|(a, b)| a == b).count();
            for _ in shared..open.len() {
                self.raw("}");
            }
            open.truncate(shared);
            self.raw(if self.out.ends_with(b"{") { "" } else { "," });
            for part in path.iter().skip(shared) {
                self.word(part);
                self.raw(":{");
                open.push(part);
            }
            self.word(leaf);
            self.raw(":");
            self.field_value(at, fact, values);
        }
        for _ in open {
            self.raw("}");
        }
    }

    /// `,"frames":[…]`, and that there are more where there are.
    pub(in crate::present) fn evidence(&mut self, evidence: &Evidence) {
        self.raw(",\"frames\":[");
        self.frames(evidence);
    }

    /// The numbers, and what ends their list.
    fn frames(&mut self, evidence: &Evidence) {
        for (i, frame) in evidence.frames().iter().enumerate() {
            if i > 0 {
                self.raw(",");
            }
            self.number(frame.get());
        }
        self.raw(if evidence.truncated() { "],\"more\":true" } else { "]" });
    }

    /// The grade and its reason.
    fn judgement(&mut self, judgement: &Judgement) {
        self.raw(",\"grade\":");
        self.word(judgement.grade.word());
        for (i, kind) in judgement.exposed.iter().enumerate() {
            self.raw(if i > 0 { "," } else { ",\"exposed\":[" });
            self.word(kind.word());
        }
        self.raw(if judgement.exposed.is_empty() { "" } else { "]" });
        if let Some(construction) = judgement.construction {
            self.raw(",\"construction\":");
            self.word(construction.word());
        }
        if let Some(identity) = judgement.identity {
            self.raw(",\"identity\":");
            self.word(identity.word());
        }
        self.raw(",\"why\":");
        self.text(&judgement.why);
    }

    /// The platform, why, and what contradicts.
    fn platform(&mut self, attribution: &Attribution) {
        self.raw(",\"platform\":{\"id\":");
        self.text(&attribution.platform);
        for (i, candidate) in attribution.candidates.iter().enumerate() {
            self.raw(if i > 0 { "," } else { ",\"candidates\":[" });
            self.text(candidate);
        }
        self.raw(if attribution.candidates.is_empty() { "" } else { "]" });
        self.raw(",\"role\":");
        self.word(attribution.role.word());
        self.raw(",\"confidence\":");
        self.word(attribution.confidence.word());
        self.raw(",\"because\":[");
        for (i, signal) in attribution.because.iter().enumerate() {
            self.raw(if i > 0 { ",{" } else { "{" });
            self.signal(signal);
            self.raw("}");
        }
        self.raw("]");
        for (i, conflict) in attribution.conflicts.iter().enumerate() {
            self.raw(if i > 0 { ",{\"says\":" } else { ",\"conflicts\":[{\"says\":" });
            self.text(&conflict.says);
            self.raw(",");
            self.signal(&conflict.seen);
            self.raw("}");
        }
        self.raw(if attribution.conflicts.is_empty() { "}" } else { "]}" });
    }

    /// What was seen, and where.
    fn signal(&mut self, signal: &Signal) {
        self.raw("\"signal\":");
        self.word(signal.signal);
        self.raw(",\"value\":");
        self.bytes(signal.value.as_bytes());
        self.evidence(&signal.evidence);
    }

    /// The rules that fired.
    fn findings(&mut self, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        self.raw(",\"findings\":[");
        for (i, finding) in findings.iter().enumerate() {
            self.raw(if i > 0 { ",{\"rule\":" } else { "{\"rule\":" });
            self.word(finding.rule.id);
            self.raw(",\"severity\":");
            self.word(finding.rule.severity.word());
            self.raw(",\"text\":");
            self.text(&finding.text);
            self.evidence(&finding.evidence);
            self.raw("}");
        }
        self.raw("]");
    }

    /// The list of facts. `values` says where the values of those that are also fields stand already.
    fn facts(&mut self, list: &[Fact], values: &[Option<Range<usize>>]) {
        let pieces = &*PIECES;
        self.raw(",\"facts\":[");
        for (i, (fact, value)) in list.iter().zip(values).enumerate() {
            self.raw(if i > 0 { "},{\"name\":\"" } else { "{\"name\":\"" });
            self.raw(pieces.names.get(fact.what.kind() as usize).map_or("", String::as_str));
            match value {
                Some(range) if range.end <= self.out.len() => self.out.extend_from_within(range.clone()),
                _ => self.value(&fact.what.shown()),
            }
            self.raw(pieces.bases.get(fact.basis as usize).map_or("", String::as_str));
            self.frames(&fact.evidence);
        }
        self.raw(if list.is_empty() { "]" } else { "}]" });
    }
}

/// Whether bytes are printable ASCII without quotation mark and backslash. Looks at eight at a time.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| word_is_plain(u64::from_ne_bytes(*word)))
        && rest.iter().all(|&b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
}

/// Eight octets at once: the high bit of an octet of the result is set where that octet is not plain.
fn word_is_plain(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let equals = |c: u8| {
        let x = word ^ (ONES * u64::from(c));
        x.wrapping_sub(ONES) & !x
    };
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    (word | equals(b'"') | equals(b'\\') | equals(0x7f) | below_space) & HIGHS == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_need_an_escape_are_found_wherever_they_stand() {
        for at in 0..19 {
            for b in 0..=255u8 {
                let mut bytes = *b"nothing to see here";
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = b;
                }
                let plain = matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
                assert_eq!(is_plain(&bytes), plain, "{b:#04x} at {at}");
            }
        }
    }

    #[test]
    fn strings_from_the_wire_are_valid_json_that_is_safe_to_look_at() {
        let mut out = Vec::new();
        Json { out: &mut out }.bytes(b"a\"\\\x1b[2J\xe2\x80\xae\xff\n</script>");
        assert_eq!(String::from_utf8_lossy(&out), r#""a\"\\\u001b[2J\u202e\\xff\n</script>""#);
    }
}
