//! The process that has the network of its own: the capture.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Instant;

use super::network::{self, Addresses, INNER};
use super::program::Starting;
use super::{Failure, Outcome, PATIENCE, PAUSE, failed};
use crate::cli::{self, Global};
use crate::commands::live;
use crate::source::{interfaces, space};

/// Makes the network, waits until it leads somewhere, and watches what the program does there.
pub(super) fn watch(options: &cli::Run, global: &Global) -> Result<Outcome, Failure> {
    space::end_with_parent().map_err(failed)?;
    space::enter().map_err(|why| failed(format!("this system gives the program no network of its own ({why}); try it with sudo")))?;
    let interface = connected(options.address.as_deref()).map_err(failed)?;
    if let (Err(why), false) = (network::resolver(options.names_forwarded), global.quiet) {
        let _ = writeln!(io::stderr(), "{why}");
    }
    let watched = cli::Live {
        interface: Some(interface),
        write: options.write.clone(),
        headless: options.headless,
        format: options.format,
        output: options.output.clone(),
        phrase: options.phrase.clone(),
        ..cli::Live::default()
    };
    let printed = options.headless || options.format.is_some() || options.output.is_some();
    let screen = !printed && io::stdout().is_terminal() && io::stdin().is_terminal();
    live::of_program(&watched, global, Starting { command: options.command.clone(), screen })
}

/// Waits for the way out. Returns its interface.
fn connected(addresses: Option<&str>) -> Result<String, String> {
    let since = Instant::now();
    let mut addresses = match addresses {
        Some(text) => Some(Addresses::parse(text).ok_or("the address of the network is none")?),
        None => None,
    };
    while since.elapsed() < PATIENCE {
        if let Some(there) = addresses.filter(|_| is_there(INNER)) {
            network::configure(there)?;
            addresses = None;
        }
        if let Some(interface) = interfaces::of_default_route().filter(|_| addresses.is_none()) {
            return Ok(interface);
        }
        std::thread::sleep(PAUSE);
    }
    Err("the program's network leads nowhere: this computer has no default route".to_owned())
}

fn is_there(interface: &str) -> bool {
    let all = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    all.lines().any(|line| line.split(':').next().is_some_and(|name| name.trim() == interface))
}
