//! The `intransit` command: parse, choose, report one error line.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use intransit::cli::{Cli, Command, Inspect};
use intransit::commands;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match (cli.command, cli.files) {
        (Some(Command::Inspect(inspect)), _) => commands::inspect(&inspect, &cli.global),
        (Some(Command::Live(live)), _) => commands::live(&live, &cli.global),
        (None, files) if files.is_empty() => commands::hello(),
        (None, files) if io::stdout().is_terminal() && !files.iter().any(|f| f == Path::new("-")) => commands::open(&files, &cli.global),
        (None, files) => commands::inspect(&Inspect { files, format: None, output: None }, &cli.global),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            // Standard error may be closed: there is nobody left to tell.
            let _ = writeln!(io::stderr(), "intransit: {error}");
            ExitCode::from(1)
        }
    }
}
