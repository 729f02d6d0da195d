//! The logs of Zeek 7, for tools that read them: `conn`, `ssl`, `x509`, `quic`, `dns`, with Zeek's names and types of fields.
//!
//! What intransit does not know is unset, as Zeek writes it: states of TCP connections, octets of IP, DNS flags. [`records`] says what
//! stands in which field; `tsv` writes Zeek's ASCII format, [`Zeek`] its JSON, all logs in one stream, told apart by `_path`.

mod logs;
mod tsv;

use std::io::{self, Write as _};

pub use logs::{LOGS, Log, records};
pub use tsv::Tsv;

use super::Writer;
use super::json::Json;
use crate::assess::Judged;
use crate::base::WireStr;

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not known.
    Unset,
    /// Nanoseconds since 1970.
    Time(i64),
    /// Nanoseconds.
    Interval(u64),
    /// Text, addresses and enumerations.
    Text(String),
    /// A count or a port.
    Count(u64),
    /// True or false.
    Bool(bool),
    /// A set or vector of text.
    Texts(Vec<String>),
}

impl Cell {
    fn text(text: Option<impl Into<String>>) -> Cell {
        text.map_or(Cell::Unset, |text| Cell::Text(text.into()))
    }
}

/// Seconds with six digits, as Zeek writes times: cut off, not rounded.
fn seconds(nanos: i64) -> String {
    let micros = nanos.div_euclid(1000);
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000)
}

/// JSON Lines, as Zeek writes them with `LogAscii::use_json`; `_path` says of which log a record is.
#[derive(Debug, Default)]
pub struct Zeek;

impl Writer for Zeek {
    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()> {
        records(file, judged, &mut |log, cells| {
            let mut json = Json::new(out);
            json.raw("{\"_path\":");
            json.word(log.path);
            for ((name, _), cell) in log.fields.iter().zip(cells) {
                if *cell == Cell::Unset {
                    continue;
                }
                json.raw(",");
                json.word(name);
                json.raw(":");
                value(&mut json, cell);
            }
            json.raw("}\n");
        });
        Ok(())
    }
}

fn value(json: &mut Json<'_>, cell: &Cell) {
    match cell {
        Cell::Unset => json.raw("null"),
        Cell::Time(nanos) => json.raw(&seconds(*nanos)),
        Cell::Interval(nanos) => json.raw(&seconds(i64::try_from(*nanos).unwrap_or(i64::MAX))),
        Cell::Text(text) => json.text(text),
        Cell::Count(n) => json.number(*n),
        Cell::Bool(is) => json.raw(if *is { "true" } else { "false" }),
        Cell::Texts(list) => {
            json.raw("[");
            for (n, text) in list.iter().enumerate() {
                json.raw(if n > 0 { "," } else { "" });
                json.text(text);
            }
            json.raw("]");
        }
    }
}

/// Lets a stream of logs be written to as one.
pub(super) fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}
