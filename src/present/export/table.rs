//! Aligned columns for reading in a terminal or a file.

use std::io::{self, Write as _};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::assess::Judged;
use crate::base::{Kind, WireStr};

use super::Writer;

/// Headings and widths. Widths are fixed so that rows can be written while the capture is read.
const COLUMNS: &[(&str, usize)] = &[
    ("frame", 7),
    ("client", 22),
    ("server", 38),
    ("grade", 9),
    ("protocol", 8),
    ("version", 8),
    ("cipher", 39),
    ("group", 15),
    ("handshake", 12),
    ("frames of version", 18),
];

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
        let version = fact(Kind::TlsVersion).map(|version| match fact(Kind::TlsVersionProtocol).as_deref() {
            Some("ssl") => format!("SSL {version}"),
            Some("dtls") => format!("DTLS {version}"),
            _ => format!("TLS {version}"),
        });
        let frames =
            c.facts.get(Kind::TlsVersion).map(|fact| fact.evidence.frames().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let unknown = || "·".to_owned();
        let cells = [
            c.first_frame.to_string(),
            c.client.to_string(),
            server,
            judged.judgement.grade.word().to_owned(),
            c.protocol().map_or_else(|| c.transport.name().to_owned(), ToOwned::to_owned),
            version.unwrap_or_else(unknown),
            fact(Kind::TlsCipher).unwrap_or_else(unknown),
            fact(Kind::TlsCurve).unwrap_or_else(unknown),
            fact(Kind::Handshake).unwrap_or_else(unknown),
            frames.unwrap_or_else(unknown),
        ];
        row(out, cells.into_iter())
    }
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
