//! `intransit FILE...`: captures in the terminal UI.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Failure, Outcome, Read, file_name, keys, lock, notes, read_input, settings, shown};
use crate::assess::{Judged, State};
use crate::base::{WireStr, escape_into};
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::engine::{self, Options};
use crate::present::tui::{self, Update};

/// Updates that wait for the screen; with more, the reader waits.
const UPDATES_IN_FLIGHT: usize = 64;
/// Connections in one update.
const BATCH: usize = 512;

/// `intransit FILE...`: the terminal UI.
///
/// # Errors
/// When the terminal cannot be used.
pub fn open(files: &[PathBuf], global: &Global) -> Result<Outcome, Failure> {
    let (sender, updates) = std::sync::mpsc::sync_channel(UPDATES_IN_FLIGHT);
    let (inputs, settings, equipment) = (files.to_vec(), settings(global)?, keys::equipment(global)?);
    lock::lock(global, &lock::looking(files))?;
    let reader = engine::background(move || {
        let each = inputs.iter().enumerate();
        each.map(|(at, input)| feed(input, settings, &equipment, &|update| sender.send((at, update)).is_ok())).collect::<Vec<_>>()
    });
    let names = files.iter().map(|path| WireStr::from(file_name(path))).collect();
    let (color, theme) = looks(global);
    let states = tui::run(tui::Options { files: names, color, theme, live: false }, updates)
        .map_err(|error| Failure::Terminal(error.to_string()))?;
    if states.contains(&State::Reading) {
        // The user left before the end; what is still being read is not waited for.
        return Ok(Outcome::Done);
    }
    let outcomes = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut tally = Read::default();
    for ((path, state), outcome) in files.iter().zip(states).zip(outcomes) {
        match (state, outcome) {
            (State::Failed(why), _) => {
                tally.refused += 1;
                let _ = writeln!(io::stderr(), "intransit: {}: {why}", shown(path));
            }
            (_, Outcome::Partial) => tally.damaged += 1,
            _ => tally.read += 1,
        }
    }
    if tally.read + tally.damaged == 0 && tally.refused > 0 {
        return Ok(Outcome::Nothing);
    }
    Ok(tally.outcome())
}

pub(super) fn looks(global: &Global) -> (tui::ColorChoice, tui::ThemeChoice) {
    let color = match global.color {
        cli::Color::Auto => tui::ColorChoice::Auto,
        cli::Color::Always => tui::ColorChoice::Always,
        cli::Color::Never => tui::ColorChoice::Never,
    };
    let theme = match global.theme {
        cli::Theme::Auto => tui::ThemeChoice::Auto,
        cli::Theme::Dark => tui::ThemeChoice::Dark,
        cli::Theme::Light => tui::ThemeChoice::Light,
        cli::Theme::Sixteen => tui::ThemeChoice::Sixteen,
        cli::Theme::Mono => tui::ThemeChoice::Mono,
    };
    (color, theme)
}

/// Reads a capture and sends what it finds to the terminal UI, until that is gone.
fn feed(path: &Path, settings: Options, equipment: &Equipment, send: &dyn Fn(Update) -> bool) -> Outcome {
    let mut last = None;
    let mut gone = false;
    let analysed = read_input(path, settings, equipment, &mut |capture| {
        let percent = capture.input_len.map_or(capture.frames >> 16, |len| capture.input_read.saturating_mul(200) / len.max(1));
        if !gone && last.replace(percent) != Some(percent) {
            gone = !send(Update::Progress { read: capture.input_read, total: capture.input_len, frames: capture.frames });
        }
    });
    let analysis = match analysed {
        Ok(analysis) => analysis,
        Err(error) => {
            let mut text = String::new();
            let _ = escape_into(&mut text, error.to_string().as_bytes());
            send(Update::Failed(text));
            return Outcome::Nothing;
        }
    };
    let mut connections = analysis.judged();
    loop {
        let batch: Vec<Judged> = connections.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        if !send(Update::Connections(batch)) {
            return Outcome::Done;
        }
    }
    let capture = &analysis.capture;
    send(Update::Progress { read: capture.input_read, total: capture.input_len, frames: capture.frames });
    let notice = analysis.keys.as_ref().and_then(|keys| keys.notice()).map(str::to_owned);
    send(Update::Done { notes: notice.into_iter().chain(notes(&analysis)).collect() });
    if analysis.capture.damage.is_some() { Outcome::Partial } else { Outcome::Done }
}
