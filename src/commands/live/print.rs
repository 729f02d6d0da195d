//! A running capture without a screen: connections are printed as they end.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::output::Output;
use super::super::{Failure, Grades, Outcome, bounds, file_name};
use super::canary::Conclusion;
use super::{Signals, others, safe};
use crate::assess::Judged;
use crate::base::{FrameNo, WireStr};
use crate::engine::live::{Event, Tick, Watched};
use crate::present::canary;
use crate::present::export::{FilePart, Format, Writer, part_of};
use crate::source::{Drops, Status};

/// Prints connections as they end.
pub(super) struct Printer {
    out: Output,
    writer: Box<dyn Writer>,
    tally: Tally,
    signals: Signals,
    status: Option<Status>,
    failed: Option<Failure>,
    /// The files that hold the packets, where one follows another, and those of them that the writer knows.
    files: Option<Files>,
    parts: Vec<FilePart>,
}

/// The files of a capture and the frame each begins with, as they are made.
pub(super) type Files = Arc<Mutex<Vec<(PathBuf, FrameNo)>>>;

impl Printer {
    pub fn new(out: Output, format: Format, name: WireStr, files: Option<Files>, signals: Signals, quiet: bool) -> Printer {
        let tally = Tally::new(name, quiet);
        let mut printer = Printer { out, writer: format.writer(), tally, signals, status: None, failed: None, files, parts: Vec::new() };
        let Printer { out, writer, .. } = &mut printer;
        let done = out.write(|bytes| writer.begin(bytes)).and_then(|()| out.flush());
        printer.note(done);
        printer
    }

    /// What cannot be written ends the capture.
    fn note(&mut self, done: Result<(), Failure>) {
        if let Err(failure) = done {
            self.failed.get_or_insert(failure);
        }
        if self.failed.is_some() || self.out.is_closed() {
            self.signals.stop.store(true, Ordering::Relaxed);
        }
    }

    pub fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Over(connection) => self.connection(&connection),
            Event::Come | Event::Changed(_) => {}
            Event::Tick(tick) => self.tick(tick),
        }
    }

    fn connection(&mut self, connection: &Judged) {
        self.tally.count(connection);
        self.learn_files();
        if self.failed.is_none() {
            let Printer { out, writer, tally, parts, .. } = self;
            let part = part_of(parts, connection.first_frame).and_then(|at| parts.get(at));
            let name = part.map_or(&tally.name, |part| &part.name);
            let done = out.write(|bytes| writer.connection(bytes, name, connection));
            self.note(done);
        }
    }

    /// Tells the writer of files that were begun since.
    fn learn_files(&mut self) {
        let Some(files) = &self.files else { return };
        let files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() > self.parts.len() {
            let new = files.iter().skip(self.parts.len());
            self.parts.extend(new.map(|(path, first)| FilePart { name: WireStr::from(file_name(path)), first_frame: *first }));
            self.writer.parts(&self.parts);
        }
    }

    fn tick(&mut self, tick: &Tick<'_>) {
        if let Some(status) = tick.status {
            if self.status.as_ref().is_some_and(|before| before.down_since != status.down_since) {
                let name = &status.interface;
                let said = match status.down_since {
                    Some(since) => format!("{name} has been down since {}; the capture goes on when it is up", since.seconds()),
                    None => format!("{name} is up again"),
                };
                if !self.tally.quiet {
                    let _ = writeln!(io::stderr(), "{said}");
                }
            }
            self.status = Some(status.clone());
            let done = self.out.flush();
            self.note(done);
        }
        if self.signals.statistics.swap(false, Ordering::Relaxed) {
            let drops = self.status.as_ref().map_or_else(String::new, |status| format!("; {}", status.drops));
            let over = self.tally.over;
            let open = tick.counts.flows.saturating_sub(over);
            let line = format!("{} frames, {over} connections over, {open} going on{drops}", tick.capture.frames);
            // Asked for: said even where nothing else is.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// The capture is over; `others`: connections of other devices, which were not told.
    pub fn end(mut self, watched: &Watched, conclusion: Option<&Conclusion>, format: Format, others: u64) -> Result<Outcome, Failure> {
        let Printer { out, writer, .. } = &mut self;
        let done = out.write(|bytes| writer.end(bytes));
        self.note(done);
        if let Some(conclusion) = conclusion {
            self.conclusion(conclusion, format);
        }
        let outcome = self.tally.end(watched, conclusion, others);
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        self.out.finish()?;
        Ok(outcome)
    }
}

impl Printer {
    /// The result of the canary test: in the same way as the connections where there is one, else in words on standard error.
    fn conclusion(&mut self, conclusion: &Conclusion, format: Format) {
        let Printer { out, tally, .. } = self;
        let name = &tally.name;
        let (before, format) = match format.name {
            "jsonl" => ("", canary::Format::Json),
            "table" => ("\n", canary::Format::Table),
            "md" => ("\n", canary::Format::Markdown),
            _ => {
                let mut text = Vec::new();
                conclusion.write(&mut text, canary::Format::Table, name);
                // Standard error may be closed; the connections are written all the same.
                let _ = io::stderr().write_all(&text);
                return;
            }
        };
        let done = out.write(|bytes| {
            bytes.extend_from_slice(before.as_bytes());
            conclusion.write(bytes, format, name);
            Ok(())
        });
        self.note(done);
    }
}

/// What is counted, and said at the end.
#[derive(Default)]
pub(super) struct Tally {
    name: WireStr,
    quiet: bool,
    over: u64,
    grades: Grades,
}

impl Tally {
    pub fn new(name: WireStr, quiet: bool) -> Tally {
        Tally { name, quiet, over: 0, grades: Grades::default() }
    }

    /// A connection is over.
    pub fn count(&mut self, connection: &Judged) {
        self.over += 1;
        self.grades.count(connection);
    }

    /// What was seen and what was lost, in one line.
    fn summary(&self, watched: &Watched, others: u64) -> String {
        let counted = format!("{}: {} connections in {} frames", self.name, self.over, watched.capture.frames);
        let grades = self.grades.to_string();
        let mut parts = vec![if grades.is_empty() { counted } else { format!("{counted}: {grades}") }];
        parts.extend(others::sentence(others));
        parts.extend(bounds(&watched.link, watched.counts, watched.announced_left_out));
        parts.extend(watched.keys.as_ref().map(|keys| keys.sentence()));
        parts.extend(watched.programs.filter(|_| self.over > 0).map(|programs| programs.to_string()));
        parts.extend(watched.status.as_ref().map(|status| status.drops.to_string()));
        parts.join("; ")
    }

    /// Says how it was, and what of it failed. Standard error may be closed: the outcome tells it, too.
    pub fn end(&self, watched: &Watched, conclusion: Option<&Conclusion>, others: u64) -> Outcome {
        let mut err = io::stderr().lock();
        if !self.quiet {
            let _ = writeln!(err, "{}", self.summary(watched, others));
            if let Some(conclusion) = conclusion {
                let _ = writeln!(err, "{}: {}", self.name, conclusion.sentence());
            }
        }
        // A warning is no summary: --quiet does not silence it.
        if let Some(drops) = watched.status.as_ref().map(|status| status.drops).filter(Drops::is_serious) {
            let so = "connections may look cut, one-sided or begun before the capture because of it";
            let _ = writeln!(err, "intransit: warning: {drops}; {so}");
        }
        if let Some(error) = &watched.unwritten {
            let _ = writeln!(err, "intransit: {}", safe(&error.to_string()));
            return Outcome::Partial;
        }
        let Some(damage) = &watched.capture.damage else { return Outcome::Done };
        let interface = watched.status.as_ref().map_or(&self.name, |status| &status.interface);
        let (what, frames) = (safe(&damage.what), watched.capture.frames);
        let _ = writeln!(
            err,
            "intransit: {interface}: the capture broke off: {what}; the {frames} frames before were read and everything is written"
        );
        Outcome::Partial
    }
}
