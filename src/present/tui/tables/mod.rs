//! What the tables show: one file per table, with its rows and its columns.

pub mod apps;
pub mod connections;
pub mod endpoints;
pub mod exposure;
pub mod findings;

use super::screens::Screen;
use super::table::{Column, Place, arrange};
use crate::assess::report::Citations;

/// The headings of a screen's columns, each with what the help page says of it.
#[must_use]
pub fn titles(screen: Screen) -> Vec<(&'static str, &'static str)> {
    match screen {
        Screen::Apps => told(apps::COLUMNS),
        Screen::Connections => told(connections::COLUMNS),
        Screen::Endpoints => told(endpoints::COLUMNS),
        Screen::Exposure => told(exposure::COLUMNS),
        Screen::Findings => told(findings::COLUMNS),
        Screen::Capture | Screen::Canary => Vec::new(),
    }
}

/// Where the columns of a screen stand in a table of this width.
#[must_use]
pub fn places(screen: Screen, table: u16) -> Vec<Place> {
    match screen {
        Screen::Apps => arrange(apps::COLUMNS, table),
        Screen::Connections => arrange(connections::COLUMNS, table),
        Screen::Endpoints => arrange(endpoints::COLUMNS, table),
        Screen::Exposure => arrange(exposure::COLUMNS, table),
        Screen::Findings => arrange(findings::COLUMNS, table),
        Screen::Capture | Screen::Canary => Vec::new(),
    }
}

fn told<R>(columns: &[Column<R>]) -> Vec<(&'static str, &'static str)> {
    columns.iter().map(|column| (column.title, column.says)).collect()
}

/// The frames of one capture that are cited, in order.
fn frames(cited: &Citations) -> Vec<String> {
    cited.by_input().iter().flat_map(|(_, frames)| frames.iter().map(ToString::to_string)).collect()
}

/// `frame 12`, `frames 12,14…`.
#[must_use]
pub fn cited(cited: &Citations) -> String {
    let frames = frames(cited);
    let noun = if frames.len() == 1 && !cited.more() { "frame" } else { "frames" };
    format!("{noun} {}{}", frames.join(","), if cited.more() { "…" } else { "" })
}

/// The Wireshark display filter that shows the frames that are cited.
#[must_use]
pub fn cited_filter(cited: &Citations) -> String {
    format!("frame.number in {{{}}}", frames(cited).join(","))
}
