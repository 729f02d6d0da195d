//! `intransit canary`: was a phrase readable at the server end?

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{Failure, Grades, Outcome, Output, Read, file_name, keys, lock, read_input, settings, shown};
#[cfg(have_libpcap)]
use crate::assess::canary::Looked;
use crate::assess::canary::{Asked, Canary, Lacks, bits, looked, new_phrase};
use crate::assess::report::{CanaryTest, Tested};
use crate::base::WireStr;
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, Keep, LONGEST_PHRASE, Needles, Quest};
use crate::dissect::plain::Sinks;
use crate::engine::{Analysis, Options};
use crate::present::canary::{Format, Sheet};
use crate::present::tui::Question;
use crate::source::{Capture, SourceError};

/// `intransit canary FILE`, or `intransit canary new`.
///
/// # Errors
/// When the phrase cannot be used, or the output not be written.
pub fn canary(options: &cli::Canary, global: &Global) -> Result<Outcome, Failure> {
    if let Some(cli::CanaryCommand::New) = options.command {
        let phrase = new_phrase().map_err(|_| Failure::Usage("the system has no random numbers".into()))?;
        let mut out = Output::open(None)?;
        out.write(|bytes| {
            bytes.extend_from_slice(phrase.as_bytes());
            bytes.push(b'\n');
            Ok(())
        })?;
        out.finish()?;
        return Ok(Outcome::Done);
    }
    // The command line asks for a file, unless it is `new`.
    let Some(file) = &options.file else { return Ok(Outcome::Done) };
    let Some(asking) = Asking::of(&options.phrase)? else { return Err(Failure::Usage(NO_PHRASE.into())) };
    let equipment = keys::equipment(global)?;
    let mut out = Output::open(options.output.as_deref())?;
    lock::lock(global, &lock::reporting(std::slice::from_ref(file), Some(&out), global))?;
    let mut tally = Read::default();
    let (analysis, canary) = match asking.test(file, settings(global)?, &equipment, Keep::Masked, &mut |_| {}) {
        Ok(tested) => tested,
        Err(error) => {
            tally.refuse(&shown(file), &error);
            out.abandon();
            return Ok(Outcome::Nothing);
        }
    };
    let name = WireStr::from(file_name(file));
    tally.note(&name, &analysis, &Grades::default(), global.quiet);
    let sheet = Sheet {
        file: &name,
        message_sha256: asking.message_sha256,
        canary: &canary,
        keys: analysis.keys.as_ref(),
        keys_in_capture: !analysis.capture.secrets.is_empty(),
        catalogue: analysis.catalogue,
    };
    out.write(|bytes| {
        format(options).write(bytes, &sheet);
        Ok(())
    })?;
    out.finish()?;
    Ok(tally.outcome())
}

/// What is said when there is no phrase.
const NO_PHRASE: &str = "no phrase was given: use --message or --message-file";

/// A phrase, ready to be looked for.
#[derive(Clone)]
pub(super) struct Asking {
    needles: Needles,
    asked: Asked,
    /// SHA-256 of the phrase.
    pub message_sha256: [u8; 32],
}

impl Asking {
    /// As the command line asks; `None` where it does not.
    ///
    /// # Errors
    /// When the phrase cannot be read or searched, or something is said of a phrase that is not given.
    pub fn of(phrase: &cli::Phrase) -> Result<Option<Asking>, Failure> {
        if phrase.is_none() {
            return Ok(None);
        }
        let Some(message) = message(phrase)? else { return Err(Failure::Usage(NO_PHRASE.into())) };
        Asking::new(&Question { message, controls: phrase.control.clone(), since: phrase.sent_after }).map(Some).map_err(Failure::Usage)
    }

    /// As a screen asks.
    ///
    /// # Errors
    /// When the phrase cannot be searched: a sentence.
    pub fn new(question: &Question) -> Result<Asking, String> {
        let Question { message, controls, since } = question;
        let needles = Needles::new(message, controls).map_err(|e| e.to_string())?;
        let asked = Asked { bits: bits(message), since: *since, controls: controls.len(), room: needles.room() };
        Ok(Asking { needles, asked, message_sha256: digest(message.as_bytes()) })
    }

    /// Those who look into each connection.
    pub fn sinks(&self, gathered: &Gathered, keep: Keep) -> Sinks {
        gathered.sinks(Quest { needles: self.needles.clone(), since: self.asked.since, keep })
    }

    /// Reads a capture for the phrase.
    ///
    /// # Errors
    /// When nothing of the capture could be read.
    pub fn test(
        &self,
        path: &Path,
        settings: Options,
        equipment: &Equipment,
        keep: Keep,
        progress: &mut dyn FnMut(&Capture),
    ) -> Result<(Analysis, Canary), SourceError> {
        let gathered = Gathered::default();
        let equipment = Equipment { sinks: Some(self.sinks(&gathered, keep)), ..equipment.clone() };
        let analysis = read_input(path, settings, &equipment, progress)?;
        let canary = self.conclude(&analysis, &gathered);
        Ok((analysis, canary))
    }

    /// The result for a report, of the input in this place.
    pub fn tested(&self, input: u32, analysis: &Analysis, gathered: &Gathered) -> Tested {
        Tested {
            input,
            canary: self.conclude(analysis, gathered),
            keys: analysis.keys.clone(),
            keys_in_capture: !analysis.capture.secrets.is_empty(),
        }
    }

    /// The section of a report.
    pub fn section(&self, tests: Vec<Tested>) -> CanaryTest {
        CanaryTest { message_sha256: self.message_sha256, tests }
    }

    /// Options that say as much of it as a report may tell, which is not its words.
    pub fn stand_in(&self) -> cli::Phrase {
        let hidden = String::new();
        cli::Phrase {
            message: Some(hidden.clone()),
            message_file: None,
            control: vec![hidden; self.asked.controls],
            sent_after: self.asked.since,
        }
    }

    /// Brings what was found inside connections together with the connections.
    pub fn conclude(&self, analysis: &Analysis, gathered: &Gathered) -> Canary {
        let counts = analysis.finished.counts();
        let damaged_at = analysis.capture.damage.as_ref().map(|damage| damage.at);
        let lacks = Lacks {
            damaged_at,
            evicted: counts.evicted + counts.unread,
            failed: counts.failed,
            lost: analysis.capture.dropped.unwrap_or(0),
            ..Lacks::default()
        };
        Canary::conclude(&self.asked, &lacks, looked(analysis.judged(), gathered.take()))
    }

    /// The same of connections that were gathered otherwise.
    #[cfg(have_libpcap)]
    pub fn conclude_of(&self, lacks: &Lacks, looked: Vec<Looked>) -> Canary {
        Canary::conclude(&self.asked, lacks, looked)
    }
}

fn format(options: &cli::Canary) -> Format {
    let by_suffix = || options.output.as_deref()?.extension()?.to_str().and_then(Format::named);
    options.format.or_else(by_suffix).unwrap_or(Format::Table)
}

/// The phrase: from the command line, a file, or standard input; `None` where there is none.
fn message(phrase: &cli::Phrase) -> Result<Option<String>, Failure> {
    if let Some(message) = &phrase.message {
        return Ok(Some(message.trim().to_owned()));
    }
    let Some(path) = &phrase.message_file else { return Ok(None) };
    let unread = |e: io::Error| Failure::Usage(format!("cannot read the phrase from {}: {e}", shown(path)));
    let mut text = String::new();
    let most = LONGEST_PHRASE as u64 + 16;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut text).map_err(unread)?;
    } else {
        File::open(path).map_err(unread)?.take(most).read_to_string(&mut text).map_err(unread)?;
    }
    Ok(Some(text.trim().to_owned()))
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    out.copy_from_slice(digest.as_ref());
    out
}
