//! The options of `one`, `batch` and `split`.

use std::path::PathBuf;

/// `intransit one`.
#[derive(Debug, clap::Args)]
pub struct One {
    /// A capture; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder of the dataset; made where it is not there yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Memory this may take, in MB; beyond it the capture counts as crashed
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: Option<u32>,
    /// Only writes a manifest: that reading this capture ended by a signal, ran out of time or memory. For engines that run this program
    #[arg(long, value_name = "WHY")]
    pub mark_crashed: Option<String>,
    /// Ends when the process that started it ends
    #[arg(long, hide = true)]
    pub child: bool,
    /// For tests: what befalls captures with this in their names
    #[arg(long, hide = true, value_name = "KIND:NAME", value_parser = poison)]
    pub test_poison: Vec<Poison>,
}

/// `intransit batch`.
#[derive(Debug, clap::Args)]
pub struct Batch {
    /// Captures, folders of captures, patterns ('day*/**/*.pcap'); `-` reads a list from standard input, one path a line
    #[arg(value_name = "PATHS", required = true)]
    pub paths: Vec<PathBuf>,
    /// The folder of the dataset; made where it is not there yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Processes at once; the number of processors when not given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Does not open captures that are in the dataset already: same path, size and time of change. Crashed ones are not tried again
    #[arg(long)]
    pub resume: bool,
    /// Seconds one capture may take
    #[arg(long, value_name = "S", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Memory the process of one capture may take, in MB
    #[arg(long, value_name = "MB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// What is known of captures: a CSV with a column `file` (a name or a path) and others, such as device, country, app_version
    #[arg(long, value_name = "LABELS.csv")]
    pub labels: Option<PathBuf>,
    /// Leaves the files of each capture as they are, instead of merging small ones at the end
    #[arg(long)]
    pub no_compaction: bool,
    /// For tests: what befalls captures with this in their names
    #[arg(long, hide = true, value_name = "KIND:NAME", value_parser = poison)]
    pub test_poison: Vec<Poison>,
}

/// `intransit split`.
#[derive(Debug, clap::Args)]
pub struct Split {
    /// A capture; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How many parts, at most 64; powers of two come out most even
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parts: u8,
    /// The folder for FILE.part-01-of-08.pcapng and the others; made where it is not there yet. Keys in the capture go into every part
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// For tests of what happens when reading goes wrong: no capture can do this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// `crash`, `panic`, `hang` or `memory`.
    pub kind: String,
    /// Befalls captures with this in their names.
    pub name: String,
}

fn poison(text: &str) -> Result<Poison, String> {
    let (kind, name) = text.split_once(':').ok_or("expected KIND:NAME")?;
    if !matches!(kind, "crash" | "panic" | "hang" | "memory") {
        return Err("expected crash, panic, hang or memory".to_owned());
    }
    Ok(Poison { kind: kind.to_owned(), name: name.to_owned() })
}
