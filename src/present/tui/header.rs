//! The top of every screen: the file and the counts; one answer for the whole capture, in plain words; what went wrong.
//!
//! ```text
//!  intransit  demo.pcapng   48 connections   12,345 packets   4.2 MB   2 min 3 s   09:02:03 UTC
//!  ○ In this capture, 7 of 43 connections could be read by a listener on the path; 31 were protected, 3 weak, 2 not judged.
//!  ! the capture breaks at byte 123456: …                                (only if it does)
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::{line, put_all};
use super::model::Model;
use super::text;
use super::theme::glyph;
use crate::assess::{Grade, Group, Ledger, State};
use crate::base::{Timestamp, escape_into};

/// The start of the title where there is room.
pub const PROGRAM: &str = " intransit  ";

/// Escapes what might steer the terminal: notes can quote a capture.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _ = escape_into(&mut out, text.as_bytes());
    out
}

/// How many lines the header takes.
#[must_use]
pub fn height(model: &Model, ledger: &Ledger) -> u16 {
    let told = answer_lines(model, ledger).len().saturating_add(notes(ledger, most_notes(model)).len());
    1_u16.saturating_add(u16::try_from(told).unwrap_or(u16::MAX))
}

fn most_notes(model: &Model) -> usize {
    if model.size.height < 20 { 1 } else { 2 }
}

/// Draws the header.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    title(buf, line(area, 0), model, ledger);
    let grade = ledger.whole().grade();
    let theme = &model.theme;
    let mut n = 1_u16;
    for told in answer_lines(model, ledger) {
        let (mark, style) = if n == 1 { (format!(" {} ", glyph(grade)), theme.grade(grade)) } else { ("   ".to_owned(), theme.text) };
        put_all(buf, line(area, n), &[(&mark, style), (&told, theme.heading)]);
        n = n.saturating_add(1);
    }
    for told in notes(ledger, most_notes(model)) {
        put_all(buf, line(area, n), &[(" ! ", theme.warning), (&told, theme.warning)]);
        n = n.saturating_add(1);
    }
}

/// The file and the counts; what does not fit is left out from the least telling on, and the file's name is cut last.
fn title(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    let theme = &model.theme;
    let (at, of) = model.shown.of;
    let which = if of > 1 { format!(" ({at} of {of})") } else { String::new() };
    let file = model.shown.name.to_string();
    let span = ledger.span();
    let clock = model.time.replay.map(|replay| replay.at).or(span.map(|(_, end)| end)).map(clock).unwrap_or_default();
    let counts = [
        text::counted(ledger.count(), "connection"),
        text::counted(ledger.frames, "packet"),
        text::octets(ledger.whole().all().bytes),
        span.map(|(start, end)| text::duration(end.since(start))).unwrap_or_default(),
        clock,
    ];
    let room = usize::from(area.width);
    // The first and the last matter most.
    let drop_order = [3, 2, 1, 0];
    let mut left_out = 0;
    let (told, program) = loop {
        let dropped = drop_order.get(..left_out).unwrap_or(&drop_order);
        let kept: Vec<&str> =
            counts.iter().enumerate().filter(|(i, told)| !dropped.contains(i) && !told.is_empty()).map(|(_, told)| told.as_str()).collect();
        let told = kept.join("   ");
        let needs = text::width(&file).min(24).saturating_add(which.len()).saturating_add(text::width(&told)).saturating_add(4);
        if needs.saturating_add(text::width(PROGRAM)) <= room {
            break (told, PROGRAM);
        }
        if needs <= room || left_out >= drop_order.len() {
            break (told, " ");
        }
        left_out += 1;
    };
    let taken = text::width(program).saturating_add(which.len()).saturating_add(text::width(&told)).saturating_add(4);
    let file = text::fit(&file, room.saturating_sub(taken).max(8));
    put_all(buf, area, &[(program, theme.heading), (&file, theme.heading), (&which, theme.text), ("   ", theme.text), (&told, theme.text)]);
}

/// `09:02:03 UTC`.
fn clock(at: Timestamp) -> String {
    let exact = at.to_string();
    format!("{} UTC", exact.get(11..19).unwrap_or_default())
}

/// The answer for the whole capture, in as many lines as it needs, at most three.
fn answer_lines(model: &Model, ledger: &Ledger) -> Vec<String> {
    if ledger.count() == 0 {
        return Vec::new();
    }
    let when = match (model.time.replay.is_some(), &ledger.state) {
        (true, _) => "Up to this moment, ",
        (false, State::Reading) => "So far, ",
        (false, _) => "In this capture, ",
    };
    let most = if model.size.height < 20 { 2 } else { 3 };
    text::wrap(&format!("{when}{}", answer(ledger.whole())), usize::from(model.size.width.saturating_sub(4)), most)
}

/// What the connections of a group together say, for a newspaper reader, with every denominator.
#[must_use]
pub fn answer(group: &Group) -> String {
    let grade = group.grade();
    let unknown = group.of(Grade::Unknown).connections;
    let all = group.judged().saturating_add(unknown);
    let n = group.of(grade).connections;
    let of = match (n == all, all) {
        (true, 1) => "the one connection".to_owned(),
        (true, _) => format!("all {}", text::counted(all, "connection")),
        (false, _) => format!("{} of {}", text::grouped(n), text::counted(all, "connection")),
    };
    let mut told = match grade {
        Grade::Exposed => format!("{of} could be read by a listener on the path"),
        Grade::Weak => format!("nothing readable was seen, but {of} {} only weakly encrypted", were(n)),
        Grade::Custom => format!("nothing readable was seen; {of} used encryption of {} own, which cannot be judged from outside", own(n)),
        Grade::Protected => format!("{of} {} protected in transit", were(n)),
        Grade::Unknown if n == 1 => "the one connection could not be judged: what protected it was not seen".to_owned(),
        Grade::Unknown => format!("none of {} could be judged: what protected them was not seen", text::counted(n, "connection")),
        Grade::None => "no connection carried anything that could be judged".to_owned(),
    };
    let others: Vec<String> = [(Grade::Weak, "weak"), (Grade::Custom, "custom"), (Grade::Protected, "protected")]
        .into_iter()
        .filter(|(other, _)| *other > grade && group.of(*other).connections > 0)
        .map(|(other, word)| format!("{} {word}", text::grouped(group.of(other).connections)))
        .chain((unknown > 0 && grade != Grade::Unknown).then(|| format!("{} not judged", text::grouped(unknown))))
        .collect();
    if !others.is_empty() {
        told = format!("{told}; {}", others.join(", "));
    }
    match group.aside().connections {
        0 => format!("{told}."),
        1 => format!("{told}. 1 more was a name lookup or network service, readable by design."),
        n => format!("{told}. {} more were name lookups or network services, readable by design.", text::grouped(n)),
    }
}

fn were(n: u64) -> &'static str {
    if n == 1 { "was" } else { "were" }
}

fn own(n: u64) -> &'static str {
    if n == 1 { "its" } else { "their" }
}

/// What went wrong, worst first.
fn notes(ledger: &Ledger, most: usize) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    if let State::Failed(why) = &ledger.state
        && ledger.count() > 0
    {
        told.push(why.clone());
    }
    told.extend(all_notes(ledger));
    if told.len() > most {
        let more = told.len().saturating_sub(most.saturating_sub(1));
        told.truncate(most.saturating_sub(1));
        told.push(match most {
            0 | 1 => format!("{}: see Capture", text::counted(super::draw::len(more), "warning")),
            _ => format!("and {more} more warnings: see Capture"),
        });
    }
    told.iter().map(|note| safe(note)).collect()
}

/// Everything the reader of this capture should know.
#[must_use]
pub fn all_notes(ledger: &Ledger) -> Vec<String> {
    let mut told: Vec<String> = ledger.notes.clone();
    if ledger.truncated > 0 {
        told.push(format!(
            "the capture cut {} short: what was in the missing part is not known",
            text::counted(ledger.truncated, "packet")
        ));
    }
    let others = ledger.capturing.as_ref().map_or(0, |capturing| capturing.others);
    if others > 0 && ledger.count() == 0 {
        let counted = text::counted(others, "connection");
        told.push(format!("{counted} of other devices went by, none of this computer: begin with --show-others to see them"));
    }
    if ledger.not_kept > 0 {
        told.push(format!("{} counted but not listed: there were more than fit in memory", text::counted(ledger.not_kept, "connection")));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::Judged;
    use crate::base::Exposed;
    use crate::present::tui::fixture;

    fn told(grades: &[(Grade, u64)], names: u64) -> String {
        let mut group = Group::default();
        let graded = |grade, exposed: &[Exposed]| {
            let mut judged = Judged::from(fixture::http(1, "x.example"));
            judged.judgement.grade = grade;
            judged.judgement.exposed = exposed.to_vec();
            judged
        };
        for (grade, n) in grades {
            (0..*n).for_each(|_| group.add(&graded(*grade, &[Exposed::Content])));
        }
        (0..names).for_each(|_| group.add(&graded(Grade::Exposed, &[Exposed::Names])));
        answer(&group)
    }

    #[test]
    fn the_answer_names_every_denominator() {
        use Grade::{Custom, Exposed as Readable, None, Protected, Unknown, Weak};
        assert_eq!(
            told(&[(Readable, 7), (Weak, 3), (Protected, 31), (Unknown, 2), (None, 5)], 0),
            "7 of 43 connections could be read by a listener on the path; 3 weak, 31 protected, 2 not judged."
        );
        assert_eq!(told(&[(Protected, 34)], 0), "all 34 connections were protected in transit.");
        assert_eq!(
            told(&[(Protected, 32), (Unknown, 2)], 6),
            "32 of 34 connections were protected in transit; 2 not judged. 6 more were name lookups or network services, \
             readable by design."
        );
        assert_eq!(told(&[(Weak, 1)], 0), "nothing readable was seen, but the one connection was only weakly encrypted.");
        assert_eq!(
            told(&[(Custom, 1), (Protected, 1)], 0),
            "nothing readable was seen; 1 of 2 connections used encryption of its own, which cannot be judged from outside; 1 protected."
        );
        assert_eq!(told(&[(Unknown, 2)], 0), "none of 2 connections could be judged: what protected them was not seen.");
        assert_eq!(told(&[(None, 2)], 0), "no connection carried anything that could be judged.");
    }
}
