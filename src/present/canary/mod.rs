//! The result of the canary test, for people and for programs. The phrase itself is in none of them, only its digest.

mod json;
mod markdown;
mod table;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::assess::Catalogue;
use crate::assess::canary::{Bearing, Canary, Channel, Hidden, Verdict};
use crate::base::{Dir, Evidence, WireStr};
use crate::dissect::inside::{Hit, Sealed};
use crate::dissect::keys::KeyCounts;

/// Everything that is shown.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The capture's own name.
    pub file: &'a WireStr,
    /// SHA-256 of the phrase.
    pub message_sha256: [u8; 32],
    /// The result.
    pub canary: &'a Canary,
    /// What became of the keys, where there were some.
    pub keys: Option<&'a KeyCounts>,
    /// Keys came with the capture itself.
    pub keys_in_capture: bool,
    /// Who is called what.
    pub catalogue: &'a Catalogue,
}

/// A way to write the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For reading.
    Table,
    /// For programs (contract §7, `intransit/canary/1`).
    Json,
    /// For a report.
    Markdown,
}

/// The formats by their names.
pub const FORMATS: [(&str, Format); 3] = [("table", Format::Table), ("json", Format::Json), ("md", Format::Markdown)];

impl Format {
    /// The format of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Format> {
        FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Writes a result.
    pub fn write(self, out: &mut Vec<u8>, sheet: &Sheet<'_>) {
        match self {
            Format::Table => out.extend_from_slice(table::text(sheet).as_bytes()),
            Format::Json => json::write(out, sheet),
            Format::Markdown => out.extend_from_slice(markdown::text(sheet).as_bytes()),
        }
    }
}

/// What the test did: said under every result.
pub const METHOD: &str = "Every connection of the capture was looked into as far as it was readable or keys opened it: HTTP/1, HTTP/2, HTTP/3, \
                      WebSocket, gRPC, MQTT, XMPP, mail and other text, WebRTC data channels; compression, base64, hexadecimal and escapes, one \
                      inside the other. The phrase was searched in every layer, in either direction, whatever its case and separators; reversed \
                      copies do not count.";
/// What the test cannot tell: said under every result.
pub const LIMITS: [&str; 3] = [
    "\"Readable\" means that the server end of this connection could read the phrase, not that anyone did.",
    "\"Not seen\" is consistent with end-to-end encryption and is no proof of it. It does not test backups, who holds the keys, or scanning on \
     the device.",
    "The result is about the connections of this capture and this version of the app. What was sent on another network, at another time or \
     through another device was not tested.",
];

/// The verdict in capitals, as the guide names it.
#[must_use]
pub fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Readable => "READABLE",
        Verdict::NotSeen => "NOT SEEN",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// `READABLE: of 7 connections, readable in 1, not seen in 5, inconclusive in 1`.
#[must_use]
pub fn summary(canary: &Canary) -> String {
    let of = |verdict| canary.channels.iter().filter(|channel| channel.verdict == verdict).count();
    let all = canary.channels.len();
    let hidden = match canary.hidden {
        Hidden { connections: 0, .. } => String::new(),
        Hidden { connections, readable } => format!("; of {connections} of other devices, not shown, readable in {readable}"),
    };
    format!(
        "{}: of {all} {}, readable in {}, not seen in {}, inconclusive in {}{hidden}",
        title(canary.verdict),
        if all == 1 { "connection" } else { "connections" },
        of(Verdict::Readable),
        of(Verdict::NotSeen),
        of(Verdict::Inconclusive)
    )
}

/// Where a hit went, in words.
#[must_use]
pub fn direction(channel: &Channel, hit: &Hit) -> &'static str {
    match hit.dir {
        Dir::Client => "sent to the server",
        Dir::Server if channel.is_returned() => "returned by the server",
        Dir::Server => "sent by the server",
    }
}

/// `frames 12, 14`.
#[must_use]
pub fn frames(evidence: &Evidence) -> String {
    let list: Vec<String> = evidence.frames().iter().map(ToString::to_string).collect();
    let more = if evidence.truncated() { " and more" } else { "" };
    format!("frame{} {}{more}", if list.len() == 1 { "" } else { "s" }, list.join(", "))
}

/// What is said of a container that was not opened.
#[must_use]
pub fn sealed(verdict: Verdict, sealed: &Sealed) -> String {
    let seen = if verdict == Verdict::NotSeen { "not seen; " } else { "" };
    format!(
        "{seen}{} octets sit in what is labelled {} and were not opened ({})",
        sealed.octets,
        sealed.container.name(),
        frames(&sealed.evidence)
    )
}

/// The name for people of the platform that a connection is taken for.
#[must_use]
pub fn platform<'a>(channel: &'a Channel, catalogue: &'a Catalogue) -> Option<&'a str> {
    channel.connection.attribution.as_ref().map(|of| catalogue.name(&of.platform))
}

/// What a readable phrase means for what a platform claims: a claim falls only where the channel is, surely or likely, the platform's own
/// messages or calls; elsewhere the phrase in it is a finding about that channel. `None` where it was not readable.
#[must_use]
pub fn bearing(channel: &Channel, catalogue: &Catalogue) -> Option<String> {
    let bearing = channel.bears_on()?;
    let of = channel.connection.attribution.as_ref();
    let platform = platform(channel, catalogue).unwrap_or_default();
    let (role, sure) = of.map_or(("", ""), |of| (of.role.word(), of.confidence.word()));
    let alone = "This is a finding about this connection, and refutes no platform's claim:";
    Some(match bearing {
        Bearing::Refutes => format!(
            "This is a {role} connection of {platform} ({sure}): a claim that messages of {platform} can only be read at their ends does not \
             hold for it."
        ),
        Bearing::OtherRole => format!("{alone} of {platform} it carries {role}, not messages."),
        Bearing::Unsure => format!("{alone} that it is {platform}'s is not sure enough ({sure})."),
        Bearing::Nobody => format!("{alone} whose it is, is not known."),
    })
}

/// What is said of connections of other devices, where these are not shown.
#[must_use]
pub fn hidden(canary: &Canary) -> Option<String> {
    let Hidden { connections, readable } = canary.hidden;
    let counted = |n: usize| if n == 1 { "1 connection".to_owned() } else { format!("{n} connections") };
    (connections > 0).then(|| {
        let found = match readable {
            0 => String::new(),
            n => format!(" The phrase was readable in {} of them.", if n == connections { "all".to_owned() } else { n.to_string() }),
        };
        format!("{} of other devices, not shown: begin with --show-others to see them.{found}", counted(connections))
    })
}

/// Lines that come before everything else.
#[must_use]
pub fn notices(canary: &Canary, keys: Option<&KeyCounts>, keys_in_capture: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(counts) = keys {
        let mut line = String::from("Keys were used");
        // Writing to a string cannot fail.
        let _ = write!(line, ": {}.", counts.sentence());
        lines.push(line);
    }
    if keys_in_capture {
        lines.push(
            "The keys came with the capture, as when a proxy on the device recorded it: the TLS facts may describe the proxy, not the app's server."
                .to_owned(),
        );
    }
    lines.extend(hidden(canary));
    for channel in &canary.channels {
        if let Some(proxy) = &channel.proxy {
            lines.push(format!("An intercepting proxy stands between, on {}: {proxy}", channel.name()));
        }
    }
    lines
}
