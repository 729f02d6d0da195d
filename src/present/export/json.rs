//! JSON, one object per connection, by the names of the Elastic Common Schema (contract §5; RFC 8259).

use std::io::{self, Write as _};

use crate::base::{Dir, Fact, Facts, Kind, Shown, Timestamp, What, WireStr};
use crate::flow::{Connection, Endpoint};

use super::Writer;

/// One object a line.
#[derive(Debug, Default)]
pub struct Lines;

impl Writer for Lines {
    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, connection: &Connection) -> io::Result<()> {
        object(out, file, connection);
        out.push(b'\n');
        Ok(())
    }
}

/// One array of objects.
#[derive(Debug, Default)]
pub struct Array {
    any: bool,
}

impl Writer for Array {
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.push(b'[');
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, connection: &Connection) -> io::Result<()> {
        out.extend_from_slice(if std::mem::replace(&mut self.any, true) { b",\n" } else { b"\n" });
        object(out, file, connection);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"\n]\n");
        Ok(())
    }
}

fn object(out: &mut Vec<u8>, file: &WireStr, c: &Connection) {
    let mut json = Json { out };
    json.raw("{\"@timestamp\":");
    json.time(c.start);
    json.raw(",\"event\":{\"start\":");
    json.time(c.start);
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
    if let Some(Fact { what: What::TlsServerName(name), .. }) = c.facts.get(Kind::TlsServerName) {
        json.raw(",\"domain\":");
        json.bytes(name.as_bytes());
    }
    json.raw("}");
    let (inner, outer): (Vec<&Fact>, Vec<&Fact>) = fields(&c.facts).partition(|fact| fact.what.kind().name().starts_with(INTRANSIT));
    json.nested(&outer);
    json.raw(",\"intransit\":{\"first_frame\":");
    json.number(c.first_frame.get());
    json.raw(",\"last_frame\":");
    json.number(c.last_frame.get());
    if c.guessed {
        json.raw(",\"orientation\":\"guessed\"");
    }
    if c.truncated > 0 {
        json.raw(",\"truncated_packets\":");
        json.number(c.truncated);
    }
    for fact in inner {
        json.raw(",");
        json.text(fact.what.kind().name().strip_prefix(INTRANSIT).unwrap_or_default());
        json.raw(":");
        json.value(&fact.what.shown());
    }
    let history = c.facts.history();
    if !history.is_empty() {
        json.raw(",\"history\":");
        json.text(&history);
    }
    json.facts(&c.facts);
    json.raw("}}");
}

const INTRANSIT: &str = "intransit.";

/// The facts that are also fields, the first of each kind.
fn fields(facts: &Facts) -> impl Iterator<Item = &Fact> {
    let mut last = None;
    facts.list().iter().filter(move |fact| {
        let kind = fact.what.kind();
        kind.is_field() && last.replace(kind) != Some(kind)
    })
}

struct Json<'a> {
    out: &'a mut Vec<u8>,
}

impl Json<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, n: u64) {
        self.raw(itoa::Buffer::new().format(n));
    }

    fn time(&mut self, at: Timestamp) {
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "\"{at}\"");
    }

    /// Text of our own or of a registry.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A string from bytes. Valid UTF-8 comes back as it was; bytes that are not become `\xNN` in the text. Characters that steer a
    /// terminal are written as JSON escapes, so that the output is safe to look at.
    fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        if bytes.iter().all(|&b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
            self.out.extend_from_slice(bytes);
        } else {
            self.escaped(bytes);
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' => self.raw("\\\""),
                    '\\' => self.raw("\\\\"),
                    '\n' => self.raw("\\n"),
                    '\r' => self.raw("\\r"),
                    '\t' => self.raw("\\t"),
                    c if WireStr::steers(c) => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            let _ = write!(self.out, "\\u{unit:04x}");
                        }
                    }
                    c => self.raw(c.encode_utf8(&mut [0; 4])),
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
                self.raw("[");
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        self.raw(",");
                    }
                    self.value(item);
                }
                self.raw("]");
            }
        }
    }

    fn endpoint(&mut self, end: Endpoint, bytes: u64, packets: u64) {
        let _ = write!(self.out, "\"ip\":\"{}\",\"port\":", end.ip);
        self.number(u64::from(end.port));
        self.raw(",\"bytes\":");
        self.number(bytes);
        self.raw(",\"packets\":");
        self.number(packets);
    }

    /// Dotted names as nested objects. The facts are sorted so that names with a common prefix follow each other: objects
    /// are opened and closed in one walk.
    fn nested(&mut self, facts: &[&Fact]) {
        let mut open: Vec<&str> = Vec::new();
        for fact in facts {
            let name = fact.what.kind().name();
            let mut path: Vec<&str> = name.split('.').collect();
            let Some(leaf) = path.pop() else { continue };
            let shared = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
            for _ in shared..open.len() {
                self.raw("}");
            }
            open.truncate(shared);
            self.raw(if self.out.ends_with(b"{") { "" } else { "," });
            for part in path.into_iter().skip(shared) {
                self.text(part);
                self.raw(":{");
                open.push(part);
            }
            self.text(leaf);
            self.raw(":");
            self.value(&fact.what.shown());
        }
        for _ in open {
            self.raw("}");
        }
    }

    fn facts(&mut self, facts: &Facts) {
        self.raw(",\"facts\":[");
        for (i, fact) in facts.list().iter().enumerate() {
            self.raw(if i > 0 { ",{\"name\":" } else { "{\"name\":" });
            self.text(fact.what.kind().name());
            self.raw(",\"value\":");
            self.value(&fact.what.shown());
            self.raw(",\"basis\":");
            self.text(fact.basis.word());
            self.raw(",\"frames\":[");
            for (i, frame) in fact.evidence.frames().iter().enumerate() {
                if i > 0 {
                    self.raw(",");
                }
                self.number(frame.get());
            }
            self.raw("]");
            if fact.evidence.truncated() {
                self.raw(",\"more\":true");
            }
            self.raw("}");
        }
        self.raw("]");
    }
}
