//! `intransit canary`: was a phrase readable at the server end?

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{Failure, Grades, Outcome, Output, Read, file_name, keys, read_input, settings, shown};
use crate::assess::canary::{Asked, Canary, Lacks, bits, looked, new_phrase};
use crate::base::WireStr;
use crate::cli::{self, Global};
use crate::dissect::Equipment;
use crate::dissect::inside::{Gathered, LONGEST_PHRASE, Needles, Quest};
use crate::engine::Analysis;
use crate::present::canary::{Format, Sheet};

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
    // The command line asks for both, unless it is `new`.
    let Some(file) = &options.file else { return Ok(Outcome::Done) };
    let message = message(options)?;
    let needles = Needles::new(&message, &options.control).map_err(|e| Failure::Usage(e.to_string()))?;
    let asked = Asked { bits: bits(&message), since: options.sent_after, controls: options.control.len(), room: needles.room() };
    let gathered = Gathered::default();
    let quest = Quest { needles, since: options.sent_after };
    let equipment = Equipment { sinks: Some(gathered.sinks(quest)), ..keys::equipment(global)? };
    let mut tally = Read::default();
    let analysis = match read_input(file, settings(global)?, &equipment, &mut |_| {}) {
        Ok(analysis) => analysis,
        Err(error) => {
            tally.refuse(&shown(file), &error);
            return Ok(Outcome::Nothing);
        }
    };
    let name = WireStr::from(file_name(file));
    tally.note(&name, &analysis, &Grades::default(), global.quiet);
    let canary = conclude(&asked, &analysis, &gathered);
    let sheet = Sheet {
        file: &name,
        message_sha256: digest(message.as_bytes()),
        canary: &canary,
        keys: analysis.keys.as_ref(),
        keys_in_capture: !analysis.capture.secrets.is_empty(),
    };
    let mut out = Output::open(options.output.as_deref())?;
    out.write(|bytes| {
        format(options).write(bytes, &sheet);
        Ok(())
    })?;
    out.finish()?;
    Ok(tally.outcome())
}

/// Brings what was found inside connections together with the connections.
fn conclude(asked: &Asked, analysis: &Analysis, gathered: &Gathered) -> Canary {
    let counts = analysis.finished.counts();
    let damaged_at = analysis.capture.damage.as_ref().map(|damage| damage.at);
    let lacks = Lacks { damaged_at, evicted: counts.evicted + counts.unread, failed: counts.failed };
    Canary::conclude(asked, &lacks, looked(analysis.judged(), gathered.take()))
}

fn format(options: &cli::Canary) -> Format {
    let by_suffix = || options.output.as_deref()?.extension()?.to_str().and_then(Format::named);
    options.format.or_else(by_suffix).unwrap_or(Format::Table)
}

/// The phrase: from the command line, a file, or standard input.
fn message(options: &cli::Canary) -> Result<String, Failure> {
    if let Some(message) = &options.message {
        return Ok(message.trim().to_owned());
    }
    let Some(path) = &options.message_file else {
        return Err(Failure::Usage("no phrase was given: use --message or --message-file".into()));
    };
    let unread = |e: io::Error| Failure::Usage(format!("cannot read the phrase from {}: {e}", shown(path)));
    let mut text = String::new();
    let most = LONGEST_PHRASE as u64 + 16;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut text).map_err(unread)?;
    } else {
        File::open(path).map_err(unread)?.take(most).read_to_string(&mut text).map_err(unread)?;
    }
    Ok(text.trim().to_owned())
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    out.copy_from_slice(digest.as_ref());
    out
}
