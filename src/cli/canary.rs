//! `intransit canary` as typed values.

use std::path::PathBuf;

use clap::Subcommand;

use crate::base::Timestamp;
use crate::present::canary;

/// `intransit canary`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = CANARY_HELP)]
pub struct Canary {
    /// Instead of a test
    #[command(subcommand)]
    pub command: Option<CanaryCommand>,
    /// The capture; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub file: Option<PathBuf>,
    /// The phrase
    #[command(flatten)]
    pub phrase: Phrase,
    /// How to print the result: table, json or md; guessed from the suffix of -o, else a table
    #[arg(long, value_parser = canary_format)]
    pub format: Option<canary::Format>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// A phrase that was sent, and what is known of it.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "The canary test")]
pub struct Phrase {
    /// The phrase that was sent. Others on this computer can see it in the list of processes: see --message-file
    #[arg(long, value_name = "TEXT", conflicts_with = "message_file", allow_hyphen_values = true)]
    pub message: Option<String>,
    /// Read the phrase from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    pub message_file: Option<PathBuf>,
    /// A phrase of yours that must reach the server in the same app; without one found, the test cannot say "not seen". May be repeated
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub control: Vec<String>,
    /// When the phrase was sent (2024-05-01T09:00:00Z); what came before says nothing, but that the phrase was known
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub sent_after: Option<Timestamp>,
}

impl Phrase {
    /// Whether nothing was said of a phrase.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.message.is_none() && self.message_file.is_none() && self.control.is_empty() && self.sent_after.is_none()
    }
}

/// What `intransit canary` can do beside a test.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CanaryCommand {
    /// Make a phrase that a person can type and that is found by chance once in a million million
    New,
}

const CANARY_HELP: &str = "Send the phrase in the app, record the traffic with the TLS keys of your own session (--keylog), then run the test.\n\
                           The status is 0 whatever the result. docs/canary.md is the guide, step by step.";

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a time like 2024-05-01T09:00:00Z or 2024-05-01T11:00:00+02:00".into())
}

fn canary_format(name: &str) -> Result<canary::Format, String> {
    canary::Format::named(name).ok_or_else(|| "expected table, json or md".into())
}
