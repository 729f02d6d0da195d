//! The result for reading.

use std::fmt::Write as _;

use super::{LIMITS, METHOD, Sheet, bearing, direction, frames, notices, sealed, title};
use crate::assess::Catalogue;
use crate::assess::canary::{Channel, Verdict};

/// Lines are not longer than this.
const WIDTH: usize = 100;

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    let canary = sheet.canary;
    for notice in notices(canary, sheet.keys, sheet.keys_in_capture) {
        wrapped(&mut out, "", &notice);
    }
    let verdict = canary.verdict;
    line(&mut out, &format!("Canary test of {}: {}", sheet.file, title(verdict)));
    wrapped(&mut out, "", verdict.meaning());
    if !canary.reasons.is_empty() {
        line(&mut out, "\nWhy the test does not tell:");
        for reason in &canary.reasons {
            wrapped(&mut out, "  - ", reason);
        }
    }
    for (n, control) in (1..).zip(&canary.controls) {
        let what = match &control.evidence {
            Some(evidence) => format!("Control {n}: found, {}", frames(evidence)),
            None => format!("Control {n}: not found in what went to the server"),
        };
        line(&mut out, &what);
    }
    let (shown, quiet): (Vec<&Channel>, Vec<&Channel>) = canary.channels.iter().partition(|channel| is_shown(channel));
    for channel in shown {
        of_channel(&mut out, channel, sheet.catalogue);
    }
    if !quiet.is_empty() {
        let noun = if quiet.len() == 1 { "connection" } else { "connections" };
        line(&mut out, &format!("\nThe phrase was not found in {} more {noun}.", quiet.len()));
    }
    line(&mut out, "\nWhat was done");
    wrapped(&mut out, "  ", METHOD);
    line(&mut out, "\nWhat this does not say");
    for limit in LIMITS {
        wrapped(&mut out, "  - ", limit);
    }
    out
}

fn is_shown(channel: &Channel) -> bool {
    channel.verdict != Verdict::Inconclusive || channel.is_blocking() || !channel.hits.is_empty() || !channel.sealed.is_empty()
}

fn of_channel(out: &mut String, channel: &Channel, catalogue: &Catalogue) {
    line(out, &format!("\n{}: {}", channel.name(), title(channel.verdict)));
    let (opened, of) = channel.records();
    if of > 0 {
        line(out, &format!("  decrypted: {opened} of {of} records"));
    }
    if let Some(of) = &channel.connection.attribution {
        line(out, &format!("  platform: {} ({}, {})", catalogue.name(&of.platform), of.confidence.word(), of.role.word()));
    }
    if let Some(bearing) = bearing(channel, catalogue) {
        wrapped(out, "  ", &bearing);
    }
    for hit in &channel.hits {
        line(out, &format!("  {} {}, {}", direction(channel, hit), hit.at, frames(&hit.evidence)));
        wrapped(out, "    ", &hit.chain);
        line(out, &format!("    {}", hit.excerpt.trim()));
    }
    for one in &channel.sealed {
        wrapped(out, "  ", &sealed(channel.verdict, one));
    }
    if channel.media > 0 {
        line(out, &format!("  {} octets of pictures, sound or film were not read", channel.media));
    }
    for reason in &channel.own_reasons {
        wrapped(out, "  - ", &reason.to_string());
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// Text in lines of at most [`WIDTH`] characters, the first behind `lead` and the others as far in.
fn wrapped(out: &mut String, lead: &str, text: &str) {
    let mut current = lead.to_owned();
    let (indent, mut is_empty) = (" ".repeat(lead.chars().count()), true);
    for word in text.split(' ') {
        if !is_empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            line(out, current.trim_end());
            current.clone_from(&indent);
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    line(out, current.trim_end());
}
