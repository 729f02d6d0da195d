//! `intransit interfaces`.

use std::io::{self, Write};

use super::super::output::closed_pipe;
use super::super::{Failure, Outcome};
use super::safe;
use crate::source::SourceError;
use crate::source::interfaces::{self, Found};

/// `intransit interfaces`.
///
/// # Errors
/// When they cannot be listed, or standard output not be written.
pub fn interfaces() -> Result<Outcome, Failure> {
    let found = interfaces::list().map_err(|e: SourceError| Failure::Live(safe(&e.to_string())))?;
    let mut text = table(&found);
    if !found.iter().any(Found::is_worth_watching) {
        text.push_str("no interface leads to a network at the moment\n");
    }
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// A line per interface; `*` marks those worth watching.
fn table(found: &[Found]) -> String {
    let rows: Vec<[String; 5]> = found
        .iter()
        .map(|f| {
            let addresses: Vec<String> = f.addresses.iter().map(ToString::to_string).collect();
            let link = if f.wireless { "Wi-Fi" } else { f.link };
            [
                format!("{}{}", if f.is_worth_watching() { "* " } else { "  " }, safe(&f.name)),
                if f.up { "up" } else { "down" }.to_owned(),
                link.to_owned(),
                if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") },
                f.advice().to_owned(),
            ]
        })
        .collect();
    let heads = ["  name", "state", "link", "addresses", "what one sees there"].map(ToOwned::to_owned);
    let mut widths = [0_usize; 5];
    for row in std::iter::once(&heads).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&rows) {
        let mut line = String::new();
        for (&width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
