//! Which programs connections belong to: the helper, and whose connections are told.

use std::io::{self, Write};

use super::super::{Failure, Outcome};
use super::safe;
use crate::base::{What, WireStr};
use crate::cli::{Global, Sandbox};
use crate::engine::live::Event;
use crate::engine::named::Owners;

/// Starts the helper, and says what it sees. Under a strict lock it runs only where a program was named: looking at other processes is
/// what a strict lock is against. `alone`: there is one program, and those it starts.
#[cfg(target_os = "linux")]
pub(super) fn start(interface: &str, global: &Global, named: bool, alone: bool, say: &dyn Fn(String)) -> Option<Owners> {
    if global.sandbox == Sandbox::Strict && !named {
        say("Programs are not looked for under --sandbox strict, unless --process names one.".to_owned());
        return None;
    }
    match Owners::start(interface) {
        Ok(owners) => {
            if !owners.sees_everyone() && !alone {
                say("Programs of other users cannot be named: that takes the capabilities CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH."
                    .to_owned());
            }
            Some(owners)
        }
        Err(error) => {
            say(format!("Programs cannot be named: {}.", safe(&error.to_string())));
            None
        }
    }
}

/// Nobody can be asked on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn start(_: &str, global: &Global, _: bool, _: bool, say: &dyn Fn(String)) -> Option<Owners> {
    let _ = global.sandbox == Sandbox::Strict;
    say("Programs can be named on Linux only.".to_owned());
    None
}

/// What the helper is, for the screen that tells of the capture.
#[cfg(target_os = "linux")]
pub(super) fn what_it_is(owners: &Owners) -> &'static str {
    if owners.sees_everyone() {
        "a second process, which may look at those of every user, and do nothing else"
    } else {
        "a second process, which may look at those of its own user only: of the others no program is named"
    }
}

/// Nobody looks.
#[cfg(not(target_os = "linux"))]
pub(super) fn what_it_is(_: &Owners) -> &'static str {
    ""
}

/// Whether an event is of the program that was asked for.
pub(super) fn is_wanted(event: &Event<'_>, program: Option<&str>) -> bool {
    let (Some(program), Event::Changed(judged) | Event::Over(judged)) = (program, event) else { return true };
    let has = |name: &WireStr| String::from_utf8_lossy(name.as_bytes()).to_lowercase().contains(&program.to_lowercase());
    judged.connection.facts.list().iter().any(|fact| match &fact.what {
        What::ProcessName(name) => has(name),
        // It may be that program's.
        What::ProcessHolders(names) => names.iter().any(has),
        _ => false,
    })
}

/// The helper itself. What keeps it from looking is its first line.
///
/// # Errors
/// Never: whoever started it reads its lines.
#[cfg(target_os = "linux")]
pub fn onlooker(interface: &str, test_sandbox: bool) -> Result<Outcome, Failure> {
    let locked = || {
        let attempts = if test_sandbox { crate::source::sandbox::attempts() } else { Vec::new() };
        for (what, denied) in attempts {
            let _ = writeln!(io::stderr(), "{what}: {}", if denied { "denied" } else { "POSSIBLE" });
        }
    };
    if let Err(why) = crate::engine::onlooker::run(interface, &locked) {
        let _ = writeln!(io::stdout(), "{}", safe(&why));
    }
    Ok(Outcome::Done)
}
