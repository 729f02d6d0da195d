//! `intransit completions` and `intransit man`: what shells and `man` want to know, from the types of the command line.

use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;

use super::{Failure, Outcome, closed_pipe, shown};
use crate::cli::Cli;

/// Prints what makes a shell complete commands and options.
///
/// # Errors
/// When standard output cannot be written.
pub fn completions(shell: clap_complete::Shell) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "intransit", &mut text);
    print(&text)
}

/// Prints the manual page of the program, or writes those of all its commands into a folder.
///
/// # Errors
/// When they cannot be written.
pub fn man(folder: Option<&Path>) -> Result<Outcome, Failure> {
    let Some(folder) = folder else {
        let mut text = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(|e| Failure::Output("standard output".into(), e))?;
        return print(&text);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|e| Failure::Output(shown(folder), e))?;
    Ok(Outcome::Done)
}

fn print(text: &[u8]) -> Result<Outcome, Failure> {
    io::stdout().write_all(text).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}
