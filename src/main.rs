//! The `intransit` command: parse, choose, report one error line.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;

use intransit::cli::{Cli, Command, Inspect};
use intransit::commands::{self, Failure, Outcome};

/// Internal errors that are told one by one; all are counted.
const MOST_TOLD: u32 = 8;

/// Says where an internal error is. Its message is not printed, because it may quote bytes of a capture; `RUST_BACKTRACE` asks for it.
fn tell_of_internal_errors() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    static TOLD: AtomicU32 = AtomicU32::new(0);
    panic::set_hook(Box::new(|what| {
        if let Some(place) = what.location()
            && TOLD.fetch_add(1, Ordering::Relaxed) < MOST_TOLD
        {
            // Standard error may be closed: there is nobody left to tell.
            let _ = writeln!(io::stderr(), "intransit: internal error at {place}; please report it");
        }
    }));
}

fn main() -> ExitCode {
    tell_of_internal_errors();
    let cli = Cli::parse();
    match commands::prepare(&cli.global).and_then(|()| carry_out(cli)) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            // Standard error may be closed: there is nobody left to tell.
            let _ = writeln!(io::stderr(), "intransit: {error}");
            error.exit_code()
        }
    }
}

fn carry_out(cli: Cli) -> Result<Outcome, Failure> {
    match (cli.command, cli.files) {
        (Some(Command::Inspect(inspect)), _) => commands::inspect(&inspect, &cli.global),
        (Some(Command::Report(report)), _) => commands::report(&report, &cli.global),
        (Some(Command::Compare(compare)), _) => commands::compare(&compare, &cli.global),
        (Some(Command::Verify(verify)), _) => commands::verify(&verify, &cli.global),
        (Some(Command::Schema(schema)), _) => commands::schema(&schema),
        (Some(Command::One(one)), _) => commands::one(&one, &cli.global),
        (Some(Command::Batch(batch)), _) => commands::batch(&batch, &cli.global),
        (Some(Command::Split(split)), _) => commands::split(&split, &cli.global),
        (Some(Command::Live(live)), _) => commands::live(&live, &cli.global),
        (Some(Command::Run(run)), _) => commands::run(&run, &cli.global),
        (Some(Command::Onlooker { interface, test_sandbox }), _) => commands::onlooker(&interface, test_sandbox),
        (Some(Command::Interfaces), _) => commands::interfaces(),
        (Some(Command::Canary(canary)), _) => commands::canary(&canary, &cli.global),
        (Some(Command::Completions { shell }), _) => commands::completions(shell),
        (Some(Command::Man { out }), _) => commands::man(out.as_deref()),
        (Some(Command::Rules(rules)), _) => commands::rules(rules.id.as_deref()),
        (Some(Command::Platforms(platforms)), _) => commands::platforms(&platforms, &cli.global),
        (None, files) if files.is_empty() => commands::hello(),
        (None, files) if io::stdout().is_terminal() && !files.iter().any(|f| f == Path::new("-")) => {
            commands::open(&files, &cli.phrase, cli.case.as_deref(), &cli.global)
        }
        (None, _) if !cli.phrase.is_none() => Err(Failure::Usage(
            "a phrase is looked for on a screen, or by `intransit canary FILE --message-file PHRASE`, which prints the result".into(),
        )),
        (None, files) => commands::inspect(&Inspect { files, ..Inspect::default() }, &cli.global),
    }
}
