//! Machine- and paper-readable output: one file per format, one row in [`FORMATS`] each.
//!
//! To add a format: a file beside this one with a type that implements [`Writer`], and a row in [`FORMATS`].
//! Help, the choice by suffix and the test that every format names its frames derive from that list.

mod csv;
pub mod dataset;
mod eve;
mod fields;
pub(in crate::present) mod json;
pub mod md;
mod table;
pub mod zeek;

pub use csv::cell as csv_cell;
pub use fields::Fields;

use std::io;

use crate::assess::Judged;
use crate::base::{FrameNo, WireStr};

/// A way to write connections.
#[derive(Clone, Copy)]
pub struct Format {
    /// What it is called on the command line.
    pub name: &'static str,
    /// File name suffixes that choose it.
    pub suffixes: &'static [&'static str],
    /// One line of help.
    pub help: &'static str,
    /// Whether what is written of a connection depends on nothing that was written before.
    pub stands_alone: bool,
    make: fn() -> Box<dyn Writer>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format::TABLE,
    Format::LINES,
    Format { name: "json", suffixes: &["json"], help: "one JSON array", stands_alone: false, make: || Box::new(json::Array::default()) },
    Format { name: "csv", suffixes: &["csv"], help: "one row per connection (RFC 4180)", stands_alone: true, make: || Box::new(csv::Csv) },
    Format { name: "md", suffixes: &["md", "markdown"], help: "a Markdown table", stands_alone: true, make: || Box::new(md::Markdown) },
    Format::ZEEK,
    Format {
        name: "eve",
        suffixes: &[],
        help: "Suricata's EVE: flow, tls and quic events with community_id",
        stands_alone: true,
        make: || Box::new(eve::Eve),
    },
    Format {
        name: "parquet",
        suffixes: &["parquet"],
        help: "one Parquet file of connections",
        stands_alone: false,
        make: || Box::<dataset::Parquet>::default(),
    },
];

impl Format {
    /// For reading: the default.
    pub const TABLE: Format = Format {
        name: "table",
        suffixes: &["txt"],
        help: "aligned columns for reading",
        stands_alone: true,
        make: || Box::new(table::Table),
    };

    /// For programs, and while a capture runs.
    pub const LINES: Format = Format {
        name: "jsonl",
        suffixes: &["jsonl", "ndjson"],
        help: "one JSON object per connection",
        stands_alone: true,
        make: || Box::new(json::Lines::default()),
    };

    /// For programs that read Zeek's logs.
    pub const ZEEK: Format = Format {
        name: "zeek",
        suffixes: &[],
        help: "Zeek's conn, ssl, x509, quic and dns logs: JSON with _path, or with -o FOLDER a log file each",
        stands_alone: true,
        make: || Box::new(zeek::Zeek),
    };

    /// Whether people read it, and not only programs.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        matches!(self.name, "table" | "md")
    }

    /// The format of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Format> {
        FORMATS.iter().find(|format| format.name == name).copied()
    }

    /// The format that a file's suffix suggests.
    #[must_use]
    pub fn for_path(path: &std::path::Path) -> Option<Format> {
        let suffix = path.extension()?.to_str()?;
        FORMATS.iter().find(|format| format.suffixes.contains(&suffix)).copied()
    }

    /// A writer of this format.
    #[must_use]
    pub fn writer(&self) -> Box<dyn Writer> {
        (self.make)()
    }
}

/// One of several files that follow each other and hold one capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// The file's name.
    pub name: WireStr,
    /// The frame of the capture that is frame 1 of this file.
    pub first_frame: FrameNo,
}

/// The place in `parts`, which are in order, of the file that holds a frame.
#[must_use]
pub fn part_of(parts: &[FilePart], frame: FrameNo) -> Option<usize> {
    parts.partition_point(|part| part.first_frame <= frame).checked_sub(1)
}

/// Writes connections one after the other. Appends to `out`; the caller decides when it is flushed.
pub trait Writer {
    /// What comes before the first connection.
    ///
    /// # Errors
    /// None of its own: the type leaves room for formats that can fail.
    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let _ = out;
        Ok(())
    }

    /// The files that hold the capture, where these are several, as far as there are any yet: what follows names frames of theirs.
    fn parts(&mut self, parts: &[FilePart]) {
        let _ = parts;
    }

    /// One connection of the capture named `file`.
    ///
    /// # Errors
    /// See [`Writer::begin`].
    fn connection(&mut self, out: &mut Vec<u8>, file: &WireStr, judged: &Judged) -> io::Result<()>;

    /// What comes after the last connection.
    ///
    /// # Errors
    /// See [`Writer::begin`].
    fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let _ = out;
        Ok(())
    }
}
