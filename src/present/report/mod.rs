//! The report for people and programs: one file per format, one row in [`FORMATS`] each. All of them print the same sentences.

mod canary;
mod charts;
pub mod compare;
mod html;
mod json;
mod markdown;
mod notes;
mod page;
mod sections;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use crate::assess::report::Report;

pub use json::verifiable;

/// A format of the report.
#[derive(Clone, Copy)]
pub struct Format {
    /// What it is called on the command line.
    pub name: &'static str,
    /// File name suffixes that choose it.
    pub suffixes: &'static [&'static str],
    render: fn(&Report) -> String,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format { name: "html", suffixes: &["html", "htm"], render: html::render },
    Format { name: "md", suffixes: &["md", "markdown"], render: markdown::render },
    Format { name: "json", suffixes: &["json"], render: json::render },
];

impl Format {
    /// The format of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Format> {
        FORMATS.iter().find(|format| format.name == name).copied()
    }

    /// The format that a file's suffix suggests.
    #[must_use]
    pub fn for_path(path: &std::path::Path) -> Option<Format> {
        let suffix = path.extension()?.to_str()?.to_ascii_lowercase();
        FORMATS.iter().find(|format| format.suffixes.contains(&suffix.as_str())).copied()
    }

    /// The report in this format.
    #[must_use]
    pub fn render(&self, report: &Report) -> String {
        (self.render)(report)
    }
}
