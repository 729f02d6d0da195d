//! The result for a report.

use std::fmt::Write as _;

use super::{LIMITS, METHOD, Sheet, bearing, direction, frames, notices, sealed, title};

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    let canary = sheet.canary;
    let mut say = |text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}\n");
    };
    say(&format!("# Canary test of {}", escaped(&sheet.file.to_string())));
    for notice in notices(canary, sheet.keys, sheet.keys_in_capture) {
        say(&format!("> {}", escaped(&notice)));
    }
    say(&format!("**{}.** {}", title(canary.verdict), canary.verdict.meaning()));
    say(&format!("The phrase has the SHA-256 `{}`.", hex(&sheet.message_sha256)));
    if !canary.reasons.is_empty() {
        say("## Why the test does not tell");
        say(&canary.reasons.iter().map(|reason| format!("- {}", escaped(reason))).collect::<Vec<_>>().join("\n"));
    }
    if !canary.controls.is_empty() {
        say("## Controls");
        let rows = (1..).zip(&canary.controls).map(|(n, control)| match &control.evidence {
            Some(evidence) => format!("- control {n}: found, {}", frames(evidence)),
            None => format!("- control {n}: not found in what went to the server"),
        });
        say(&rows.collect::<Vec<_>>().join("\n"));
    }
    say("## Connections");
    for channel in &canary.channels {
        say(&format!("### {}: {}", escaped(&channel.name()), title(channel.verdict)));
        let mut rows = Vec::new();
        let (opened, of) = channel.records();
        if of > 0 {
            rows.push(format!("- decrypted: {opened} of {of} records"));
        }
        if let Some(of) = &channel.connection.attribution {
            rows.push(format!(
                "- platform: {} ({}, {})",
                escaped(sheet.catalogue.name(&of.platform)),
                of.confidence.word(),
                of.role.word()
            ));
        }
        rows.extend(bearing(channel, sheet.catalogue).map(|bearing| format!("- {}", escaped(&bearing))));
        for hit in &channel.hits {
            rows.push(format!(
                "- {} at {}, {} (`{}`): {}; `{}`",
                direction(channel, hit),
                hit.at,
                frames(&hit.evidence),
                hit.evidence.display_filter(),
                escaped(&hit.chain),
                hit.excerpt.replace('`', "'")
            ));
        }
        rows.extend(channel.sealed.iter().map(|one| format!("- {}", escaped(&sealed(channel.verdict, one)))));
        if channel.media > 0 {
            rows.push(format!("- {} octets of pictures, sound or film were not read", channel.media));
        }
        rows.extend(channel.own_reasons.iter().map(|reason| format!("- {}", escaped(&reason.to_string()))));
        if rows.is_empty() {
            rows.push("- nothing found".to_owned());
        }
        say(&rows.join("\n"));
    }
    say("## Method");
    say(METHOD);
    say("## Limits");
    say(&LIMITS.iter().map(|limit| format!("- {limit}")).collect::<Vec<_>>().join("\n"));
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Characters that steer Markdown or HTML, made harmless (CommonMark §2.4).
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}
