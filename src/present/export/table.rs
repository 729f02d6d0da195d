//! Aligned columns for reading in a terminal or a file.

use std::io::{self, Write as _};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::assess::{Attribution, Judged};
use crate::base::{Evidence, Kind, WireStr};

use super::Writer;

/// Headings and widths. Widths are fixed so that rows can be written while the capture is read.
const COLUMNS: &[(&str, usize)] =
    &[("frame", 7), ("client", 22), ("server", 38), ("app", 11), ("grade", 9), ("protocol", 9), ("why", 76), ("frames", 24)];

/// One line per connection. `·` stands for what was not seen or does not apply.
#[derive(Debug, Default)]
pub struct Table;

impl Writer for Table {
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        row(out, COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
    }

    fn connection(&mut self, out: &mut Vec<u8>, _file: &WireStr, judged: &Judged) -> io::Result<()> {
        let c = &judged.connection;
        let fact = |kind: Kind| c.facts.get(kind).map(|fact| fact.what.shown().to_string());
        let server = fact(Kind::TlsServerName)
            .or_else(|| fact(Kind::HttpHost))
            .map_or_else(|| c.server.to_string(), |name| if c.server.port == 443 { name } else { format!("{name}:{}", c.server.port) });
        let frames = judged.judgement.evidence.as_ref().map(frames);
        let unknown = || "·".to_owned();
        let cells = [
            c.first_frame.to_string(),
            c.client.to_string(),
            server,
            judged.attribution.as_ref().map_or_else(unknown, Attribution::label),
            judged.judgement.grade.word().to_owned(),
            c.protocol().map_or_else(|| c.transport.name().to_owned(), ToOwned::to_owned),
            WireStr::from(judged.judgement.why.as_ref()).to_string(),
            frames.unwrap_or_else(unknown),
        ];
        row(out, cells.into_iter())
    }
}

/// The frames of a statement, with `…` where there are more.
fn frames(evidence: &Evidence) -> String {
    let mut list: Vec<String> = evidence.frames().iter().map(ToString::to_string).collect();
    if evidence.truncated() {
        list.push("…".to_owned());
    }
    list.join(" ")
}

fn row(out: &mut Vec<u8>, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let start = out.len();
    for (cell, &(_, width)) in cells.zip(COLUMNS) {
        if out.len() > start {
            out.extend_from_slice(b"  ");
        }
        let cell = fit(&cell, width);
        let pad = width.saturating_sub(cell.width());
        write!(out, "{cell}{:pad$}", "")?;
    }
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
    Ok(())
}

/// The text cut to a width, with `…` where something was cut.
fn fit(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut used = 1;
    let mut short: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect();
    short.push('…');
    short.into()
}
