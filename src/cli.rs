//! The command line as typed values; nothing else reads arguments.

mod canary;
mod dataset;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use canary::{Canary, CanaryCommand, Phrase};
pub use dataset::{Batch, One, Poison, Split};

use crate::assess::{Filter, Grade};
use crate::present::export::{FORMATS, Format};
use crate::present::{report, schema};

/// What was asked for.
#[derive(Debug, Parser)]
#[command(
    name = "intransit",
    version,
    about = "Shows whether messages are protected in transit, and names the frames that prove it.",
    long_about = "Reads captured packets and shows, connection by connection, what protected them on the way: the negotiated version, cipher and key \
                  exchange, the names, the certificates, each with the numbers of the frames that prove it.\n\n\
                  It says what a listener on the path could read. Whether a company can read messages on its servers is another question, \
                  which packets do not answer.",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// A command; without one, the files are opened in the terminal UI.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Captures to open: pcap or pcapng, plain or compressed with gzip, zstd or xz.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A phrase to look for in them, on the screen Canary
    #[command(flatten)]
    pub phrase: Phrase,
    /// What the operator states of the capture (TOML); marks made on the screen are added to it
    #[arg(long, value_name = "CASE.toml", requires = "files")]
    pub case: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:\n  intransit captures/demo.pcapng            open a capture in the terminal UI\n  \
                        intransit inspect day1.pcap day2.pcapng.gz   one line per connection\n  \
                        intransit inspect --format jsonl - < x.pcap  JSON Lines from standard input\n  \
                        intransit report day1.pcap -o report.html    a report to print or to publish\n\n\
                        Exit status: 0 done, 1 nothing could be read, 2 usage, 3 read up to where the capture is damaged, 4 --fail-on matched.";

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the connections of captures, with their facts and frames
    Inspect(Inspect),
    /// Write a report on captures: a document that names the frames behind every sentence
    Report(Report),
    /// Show what changed between two captures: grades, versions, ciphers, groups, certificates, servers
    Compare(Compare),
    /// Make a report again from its captures, and say whether it is the same
    Verify(Verify),
    /// Print the JSON Schema of an output
    Schema(Schema),
    /// Write one capture into a dataset of Parquet tables, and its manifest
    One(One),
    /// Write folders of captures into a dataset, each by a process of its own, and sum up
    Batch(Batch),
    /// Split one large capture into parts that `one` can read apart; together they give what the whole gives
    Split(Split),
    /// Watch an interface and print connections as they end, until Ctrl-C
    Live(Live),
    /// Run a program in a network of its own, and watch only what it sends and receives (Linux)
    Run(Run),
    /// List the rules, or print the page of one
    Rules(Rules),
    /// List the platforms that are recognised, with what they claim; or show one whole, with its sources
    Platforms(Platforms),
    /// List the network interfaces: which are up, and what one sees there
    Interfaces,
    /// The helper of `live` that looks which programs hold sockets
    #[command(hide = true)]
    Onlooker {
        /// The interface
        interface: String,
        /// After locking itself in, tries what it should no longer be able to do
        #[arg(long, hide = true)]
        test_sandbox: bool,
    },
    /// Test whether a phrase that was sent could be read at the server end; `canary new` makes a phrase
    Canary(Canary),
    /// Print what makes a shell complete commands and options
    Completions {
        /// bash, elvish, fish, powershell or zsh
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands into a folder
    Man {
        /// The folder, which is made
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// `intransit inspect`.
#[derive(Debug, Default, clap::Args)]
pub struct Inspect {
    /// Captures; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How to print them; guessed from the suffix of -o, else a table
    #[arg(long, value_parser = inspect_format)]
    pub format: Option<InspectFormat>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Take the files as one capture, in the order of time; frames are then numbered over all of them, as mergecap does
    #[arg(long)]
    pub join: bool,
    /// With --format pcapng: keep the keys that the capture brought along
    #[arg(long)]
    pub with_secrets: bool,
    /// Only connections that match: grade:exposed app:x proto:quic tls:<1.2 rule:ID port:443 ip:ADDRESS and or not ( )
    #[arg(long, value_name = "EXPR", value_parser = chosen)]
    pub filter: Option<Chosen>,
    /// Print these columns, tab-separated, in place of a format: source.ip,tls.version,intransit.grade
    #[arg(long, value_name = "A,B,C", conflicts_with = "format")]
    pub fields: Option<String>,
    /// Exit with status 4 when a connection has this grade or a worse one (exposed, weak, custom, protected)
    #[arg(long, value_name = "GRADE", value_parser = grade)]
    pub fail_on: Option<Grade>,
}

/// What `inspect` writes.
#[derive(Clone, Copy, Debug)]
pub enum InspectFormat {
    /// What was found out about connections.
    Connections(Format),
    /// The packets of connections.
    Packets,
}

/// `intransit report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// Captures; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Where to write it: report.html, .md or .json; without this, Markdown goes to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// html, md or json; guessed from the suffix of -o
    #[arg(long, value_parser = report_format)]
    pub format: Option<report::Format>,
    /// Only connections that match, as in inspect; the report says how many it covers
    #[arg(long, value_name = "EXPR", value_parser = chosen)]
    pub filter: Option<Chosen>,
    /// What the operator states of the capture: device, app, account, place, actions with times (TOML)
    #[arg(long, value_name = "CASE.toml")]
    pub case: Option<PathBuf>,
    /// Pseudonyms for addresses and names, offsets for times: a report that can be passed on
    #[arg(long)]
    pub redact: bool,
    /// Say when the report was made; without this, the same input gives the same bytes
    #[arg(long)]
    pub stamp: bool,
    /// A phrase to look for
    #[command(flatten)]
    pub phrase: Phrase,
}

/// `intransit compare`.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// The first capture
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The second capture
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// Where to write it: x.html, .md or .json; without this, Markdown goes to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// html, md or json; guessed from the suffix of -o
    #[arg(long, value_parser = report_format)]
    pub format: Option<report::Format>,
    /// Only connections that match, as in inspect
    #[arg(long, value_name = "EXPR", value_parser = chosen)]
    pub filter: Option<Chosen>,
    /// Pseudonyms for addresses and names, offsets for times: a comparison that can be passed on
    #[arg(long)]
    pub redact: bool,
}

/// `intransit verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// A report that was written as JSON
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,
    /// The captures it was made from
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The case file of a redacted report, which does not tell it; without this, what the report says was stated is taken as it stands
    #[arg(long, value_name = "CASE.toml")]
    pub case: Option<PathBuf>,
    /// The phrase of its canary test, which no report tells; without it, what the report says of the test is taken as it stands
    #[command(flatten)]
    pub phrase: Phrase,
    /// The filter of a redacted report, which does not tell it
    #[arg(long, value_name = "EXPR", value_parser = chosen)]
    pub filter: Option<Chosen>,
}

/// `intransit schema`.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// Of what: flow (a line of inspect --format jsonl), report, canary, or dataset (the tables of `one` and `batch`)
    #[arg(value_name = "WHAT", value_parser = clap::builder::PossibleValuesParser::new(schema::SCHEMAS.iter().map(|(name, _)| *name).chain(["dataset"])))]
    pub what: Option<String>,
}

/// A filter, and how it was written.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// As it was written.
    pub text: String,
    /// As it was understood.
    pub filter: Filter,
}

/// `intransit rules`.
#[derive(Debug, clap::Args)]
pub struct Rules {
    /// A rule; without one, all are listed
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// `intransit run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Keep the program's packets in a new pcapng file, and its TLS keys beside it
    #[arg(short, long, value_name = "FILE.pcapng")]
    pub write: Option<PathBuf>,
    /// No screen: connections as JSON Lines as they end, a summary at the end; what the program says goes to standard error
    #[arg(long)]
    pub headless: bool,
    /// A phrase to look for in what the program sends and receives
    #[command(flatten)]
    pub phrase: Phrase,
    /// Do not ask the program for its TLS keys; without this, SSLKEYLOGFILE names a file to it (see also --keylog)
    #[arg(long, conflicts_with = "keylog")]
    pub no_keys: bool,
    /// How to print the connections; guessed from the suffix of -o
    #[arg(long, value_parser = format_named)]
    pub format: Option<Format>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Which of the processes this is
    #[arg(long, hide = true)]
    pub part: Option<Part>,
    /// The network of four addresses
    #[arg(long, hide = true)]
    pub address: Option<String>,
    /// The computer's resolver can be asked by another address
    #[arg(long, hide = true)]
    pub names_forwarded: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// The processes of `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The capture, in the network of its own.
    Inside,
    /// What looks after the program.
    Program,
    /// What ends with whoever started it.
    Helper,
    /// What takes back what was changed on the computer.
    Undo,
}

/// `intransit live`.
#[derive(Debug, Default, clap::Args)]
pub struct Live {
    /// The interface to watch, or `any`; that of the default route when not given
    #[arg(short, long, value_name = "IFACE")]
    pub interface: Option<String>,
    /// Only packets that match this filter (libpcap's language)
    #[arg(short, long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Keep the packets in a new pcapng file: everything that went by, what was not encrypted in clear
    #[arg(short, long, value_name = "FILE.pcapng")]
    pub write: Option<PathBuf>,
    /// Begin another file after so many octets (k, M, G)
    #[arg(long, value_name = "SIZE", requires = "write", value_parser = octets)]
    pub rotate_size: Option<u64>,
    /// Begin another file after so much time (s, m, h)
    #[arg(long, value_name = "TIME", requires = "write", value_parser = nanoseconds)]
    pub rotate_time: Option<u64>,
    /// No screen: connections as JSON Lines as they end, a summary at the end
    #[arg(long)]
    pub headless: bool,
    /// Put a wireless interface into monitor mode; may disconnect it
    #[arg(long)]
    pub monitor: bool,
    /// Show connections of other devices, too; without this they are counted only
    #[arg(long)]
    pub show_others: bool,
    /// Tell only connections of programs with this in their name; -w keeps all packets, and a phrase is looked for in all
    #[arg(long, value_name = "NAME", conflicts_with = "no_programs")]
    pub process: Option<String>,
    /// What the operator states of the capture (TOML); marks made on the screen are added to it
    #[arg(long, value_name = "CASE.toml")]
    pub case: Option<PathBuf>,
    /// A phrase to look for, in every connection that goes by
    #[command(flatten)]
    pub phrase: Phrase,
    /// Do not look which programs connections belong to
    #[arg(long)]
    pub no_programs: bool,
    /// After locking itself in, tries what it should no longer be able to do
    #[arg(long, hide = true)]
    pub test_sandbox: bool,
    /// How to print the connections; guessed from the suffix of -o
    #[arg(long, value_parser = format_named)]
    pub format: Option<Format>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// `intransit platforms`.
#[derive(Debug, clap::Args)]
pub struct Platforms {
    /// The platform or group to show
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// Platforms to add to those that are known, or to put in their place: a TOML file like the one that comes with the program
    #[arg(long, global = true, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Threads to use; when not given, the number of processors, and in live, run and one a single one
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: Option<u16>,
    /// Connections tracked at once; the longest unused is reported early when there are more
    #[arg(long, global = true, value_name = "N", default_value_t = 1 << 20, value_parser = clap::value_parser!(u32).range(64..))]
    pub max_flows: u32,
    /// TLS keys of your own sessions (NSS key log, as SSLKEYLOGFILE makes it); may be given more than once
    #[arg(long, global = true, value_name = "FILE")]
    pub keylog: Vec<PathBuf>,
    /// The RSA key of a server of yours (PEM), for connections without forward secrecy
    #[arg(long, global = true, value_name = "FILE")]
    pub server_key: Vec<PathBuf>,
    /// How far the program locks itself in before it reads bytes from strangers
    #[arg(long, global = true, value_name = "LEVEL", default_value = "best")]
    pub sandbox: Sandbox,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Certificates to trust besides the public roots (PEM or DER); may be given several times
    #[arg(long, global = true, value_name = "FILE")]
    pub roots: Vec<PathBuf>,
    /// Show what was readable as it was, credentials included; without this it is masked
    #[arg(long, global = true)]
    pub unmask: bool,
    /// The looks of the terminal UI: `auto` asks the terminal for its background
    #[arg(long, global = true, value_name = "NAME", default_value = "auto")]
    pub theme: Theme,
    /// Fails there, for tests of what is left then
    #[arg(long, global = true, hide = true, value_name = "WHERE")]
    pub test_panic: Option<TestPanic>,
    /// No summary on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Where the program is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestPanic {
    /// While the screen is drawn.
    Draw,
    /// While what was read is taken apart.
    Parse,
    /// In the thread that reads.
    Thread,
}

/// How far the program locks itself in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sandbox {
    /// As far as the system lets it.
    Best,
    /// Wholly, or not at all: where something does not hold, nothing is read.
    Strict,
    /// Not at all.
    Off,
}

/// When to use colour; `NO_COLOR` counts under `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| format!("\n  {}", error.pointing_at(text).replace('\n', "\n  ")))
}

fn chosen(text: &str) -> Result<Chosen, String> {
    filter(text).map(|filter| Chosen { text: text.to_owned(), filter })
}

fn report_format(name: &str) -> Result<report::Format, String> {
    report::Format::named(name).ok_or_else(|| {
        let names: Vec<&str> = report::FORMATS.iter().map(|format| format.name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn grade(word: &str) -> Result<Grade, String> {
    Grade::named(word).filter(|grade| grade.is_judged()).ok_or_else(|| "expected exposed, weak, custom or protected".to_owned())
}

/// The looks of the terminal UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// As the terminal's background asks for.
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The terminal's own sixteen colours.
    Sixteen,
    /// No colour.
    Mono,
}

fn inspect_format(name: &str) -> Result<InspectFormat, String> {
    if name == "pcapng" {
        return Ok(InspectFormat::Packets);
    }
    format_named(name).map(InspectFormat::Connections).map_err(|names| format!("{names}, pcapng"))
}

fn format_named(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// `500M` in octets, by powers of 1000.
fn octets(text: &str) -> Result<u64, String> {
    scaled(text, &[("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)]).ok_or_else(|| "expected a size such as 500M".to_owned())
}

/// `10m` in nanoseconds.
fn nanoseconds(text: &str) -> Result<u64, String> {
    let units = [("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
    scaled(text, &units).ok_or_else(|| "expected a time such as 30s, 10m or 1h".to_owned())
}

/// A number above zero with a unit.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, scale) = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale))).unwrap_or((text, 1));
    digits.parse::<u64>().ok()?.checked_mul(scale).filter(|n| *n > 0)
}
