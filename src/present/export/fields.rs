//! Chosen columns as tab-separated values, for quick tables: `inspect --fields source.ip,tls.version,intransit.grade`.
//!
//! The names are those of the JSON objects; any fact may be named too. A value that is not known is an empty cell.

use std::io;

use crate::assess::{Identity, Judged};
use crate::base::{Dir, Kind, WireStr};

use super::Writer;

/// The names that are not facts.
const OF_THE_CONNECTION: &[&str] = &[
    "@timestamp",
    "event.start",
    "event.end",
    "event.duration",
    "file.name",
    "network.type",
    "network.transport",
    "network.application",
    "network.community_id",
    "network.bytes",
    "network.packets",
    "source.ip",
    "source.port",
    "source.bytes",
    "source.packets",
    "destination.ip",
    "destination.port",
    "destination.bytes",
    "destination.packets",
    "destination.domain",
    "intransit.first_frame",
    "intransit.last_frame",
    "intransit.grade",
    "intransit.exposed",
    "intransit.identity",
    "intransit.why",
    "intransit.history",
    "intransit.findings",
    "intransit.frames",
    "intransit.platform.id",
    "intransit.platform.confidence",
];

/// Rows of chosen columns.
#[derive(Clone, Debug)]
pub struct Fields {
    names: Vec<Name>,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    OfTheConnection(&'static str),
    Fact(Kind),
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Name::OfTheConnection(name) => name,
            Name::Fact(kind) => kind.name(),
        }
    }
}

impl Fields {
    /// Columns by their names, comma-separated.
    ///
    /// # Errors
    /// The first name that is not known, and one that is like it where there is any.
    pub fn named(list: &str) -> Result<Fields, String> {
        let mut names = Vec::new();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let of_the_connection = OF_THE_CONNECTION.iter().find(|known| **known == name).map(|known| Name::OfTheConnection(known));
            let fact = || Kind::ALL.iter().find(|kind| kind.name() == name).map(|kind| Name::Fact(*kind));
            names.push(of_the_connection.or_else(fact).ok_or_else(|| unknown(name))?);
        }
        if names.is_empty() { Err("no field is named".into()) } else { Ok(Fields { names }) }
    }
}

fn unknown(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let known = OF_THE_CONNECTION.iter().copied().chain(Kind::ALL.iter().map(|kind| kind.name()));
    let like: Vec<&str> = known.filter(|known| known.rsplit('.').next() == Some(last)).take(4).collect();
    let hint = if like.is_empty() { String::new() } else { format!("; did you mean {}?", like.join(" or ")) };
    format!("there is no field {name:?}{hint}")
}

impl Writer for Fields {
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let heads: Vec<&str> = self.names.iter().map(|name| name.text()).collect();
        out.extend_from_slice(heads.join("\t").as_bytes());
        out.push(b'\n');
        Ok(())
    }

    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        for (i, name) in self.names.iter().enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            let value = match name {
                Name::OfTheConnection(name) => of_the_connection(name, file, judged),
                Name::Fact(Kind::Protocol) => judged.protocol().unwrap_or_default().to_owned(),
                Name::Fact(kind) => {
                    let facts = judged.facts.list().iter().filter(|fact| fact.what.kind() == *kind);
                    facts.map(|fact| fact.what.shown().to_string()).collect::<Vec<_>>().join(", ")
                }
            };
            // Displayed values are escaped for a terminal, tabs and line breaks included.
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'\n');
        Ok(())
    }
}

fn of_the_connection(name: &str, file: &WireStr, judged: &Judged) -> String {
    let (c, judgement) = (&judged.connection, &judged.judgement);
    let (client, server) = (c.tally(Dir::Client), c.tally(Dir::Server));
    let fact = |kind| c.facts.get(kind).map(|fact| fact.what.shown().to_string());
    match name {
        "@timestamp" | "event.start" => c.start.to_string(),
        "event.end" => c.end.to_string(),
        "event.duration" => c.end.since(c.start).to_string(),
        "file.name" => file.to_string(),
        "network.type" => if c.client.ip.is_ipv4() { "ipv4" } else { "ipv6" }.to_owned(),
        "network.transport" => c.transport.name().to_owned(),
        "network.community_id" => c.community_id(),
        "network.bytes" => client.bytes.saturating_add(server.bytes).to_string(),
        "network.packets" => client.packets.saturating_add(server.packets).to_string(),
        "source.ip" => c.client.ip.to_string(),
        "source.port" => c.client.port.to_string(),
        "source.bytes" => client.bytes.to_string(),
        "source.packets" => client.packets.to_string(),
        "destination.ip" => c.server.ip.to_string(),
        "destination.port" => c.server.port.to_string(),
        "destination.bytes" => server.bytes.to_string(),
        "destination.packets" => server.packets.to_string(),
        "destination.domain" => fact(Kind::TlsServerName).or_else(|| fact(Kind::HttpHost)).unwrap_or_default(),
        "intransit.first_frame" => c.first_frame.to_string(),
        "intransit.last_frame" => c.last_frame.to_string(),
        "intransit.grade" => judgement.grade.word().to_owned(),
        "intransit.exposed" => judgement.exposed.iter().map(|kind| kind.word()).collect::<Vec<_>>().join("+"),
        "intransit.identity" => judgement.identity.map_or("", Identity::word).to_owned(),
        "intransit.why" => WireStr::from(judgement.why.as_ref()).to_string(),
        "intransit.history" => c.facts.history(),
        "intransit.findings" => judgement.findings.iter().map(|finding| finding.rule.id).collect::<Vec<_>>().join(" "),
        "intransit.frames" => {
            let frames = judgement.evidence.as_ref().map(|evidence| evidence.frames().iter().map(ToString::to_string).collect::<Vec<_>>());
            frames.unwrap_or_default().join(" ")
        }
        "network.application" | "intransit.platform.id" => {
            judged.attribution.as_ref().map(|a| WireStr::from(&*a.platform).to_string()).unwrap_or_default()
        }
        "intransit.platform.confidence" => judged.attribution.as_ref().map_or("", |a| a.confidence.word()).to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_known_is_refused_with_one_that_is_like_it() {
        assert!(Fields::named("source.ip,tls.version,network.protocol,intransit.grade").is_ok());
        let refused = Fields::named("grade").err().unwrap_or_default();
        assert!(refused.contains("intransit.grade"), "{refused}");
        assert!(Fields::named(" , ").is_err());
    }

    #[test]
    fn every_name_of_the_connection_has_a_place_in_the_row() {
        for name in OF_THE_CONNECTION {
            assert!(!Kind::ALL.iter().any(|kind| kind.name() == *name), "{name} is a fact too");
        }
    }
}
