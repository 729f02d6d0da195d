//! Text that fits: display widths, truncation, wrapping, and numbers for people.

use unicode_width::UnicodeWidthChar;

/// Marks that draw over the character before them; more in a row than this are left out, so that no name climbs over its neighbours.
const MOST_MARKS: usize = 2;

/// How many columns a text takes on the terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `room` columns, with `…` where something was left out.
#[must_use]
pub fn fit(text: &str, room: usize) -> String {
    let mut out = String::with_capacity(text.len().min(room.saturating_mul(4)));
    let (mut used, mut marks) = (0_usize, 0_usize);
    // Where to cut, and what is used up to there, should the text turn out to be too long.
    let (mut cut, mut at_cut) = (0_usize, 0_usize);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        marks = if wide == 0 { marks.saturating_add(1) } else { 0 };
        if marks > MOST_MARKS {
            continue;
        }
        if used.saturating_add(wide) > room {
            out.truncate(cut);
            if at_cut < room {
                out.push('…');
            }
            return out;
        }
        out.push(c);
        used = used.saturating_add(wide);
        if used < room {
            (cut, at_cut) = (out.len(), used);
        }
    }
    out
}

/// The text in exactly `room` columns, at the left.
#[must_use]
pub fn left(text: &str, room: usize) -> String {
    let mut out = fit(text, room);
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', room.saturating_sub(used)));
    out
}

/// The text in exactly `room` columns, at the right.
#[must_use]
pub fn right(text: &str, room: usize) -> String {
    let fitted = fit(text, room);
    let mut out = " ".repeat(room.saturating_sub(width(&fitted)));
    out.push_str(&fitted);
    out
}

/// The text in lines of at most `room` columns, broken at spaces where there are some; at most `most` lines, the last with `…`.
#[must_use]
pub fn wrap(text: &str, room: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() && lines.len() < most {
        if lines.len().saturating_add(1) == most {
            lines.push(fit(rest, room));
            break;
        }
        let (line, after) = first_line(rest, room.max(2));
        lines.push(fit(line, room));
        rest = after;
    }
    lines
}

fn first_line(text: &str, room: usize) -> (&str, &str) {
    let mut used = 0_usize;
    let mut space = None;
    for (at, c) in text.char_indices() {
        if c == ' ' {
            space = Some(at);
        }
        used = used.saturating_add(c.width().unwrap_or(0));
        if used > room {
            let cut = space.filter(|&s| s > 0).unwrap_or(at);
            let (line, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
            return (line, rest.trim_start_matches(' '));
        }
    }
    (text, "")
}

/// `12,345`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && digits.len().saturating_sub(i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `999 B`, `1.2 kB`, `34 MB`.
#[must_use]
pub fn octets(n: u64) -> String {
    let mut unit = 1_u64;
    let mut name = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if n / unit < 1000 {
            break;
        }
        unit = unit.saturating_mul(1000);
        name = larger;
    }
    let whole = n / unit;
    let tenth = (n % unit).saturating_mul(10) / unit;
    if unit == 1 || whole >= 10 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}

/// Seconds with three decimals: `12.345`.
#[must_use]
pub fn seconds(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1000)
}

/// A duration for people: `12.3 ms`, `1.234 s`, `2 min 3 s`, `3 h 5 min`, `2 d 4 h`.
#[must_use]
pub fn duration(nanos: u64) -> String {
    let s = nanos / 1_000_000_000;
    match s {
        0 => format!("{}.{} ms", nanos / 1_000_000, nanos / 100_000 % 10),
        1..60 => format!("{} s", seconds(nanos)),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3600 % 24),
    }
}

/// `1 packet`, `2,000 packets`.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(fit("example.org", 11), "example.org");
        assert_eq!(fit("example.org", 8), "example…");
        assert_eq!(fit("例え.テスト", 7), "例え.…");
        assert_eq!(fit("例え", 3), "例…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let tower = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(fit(&tower, 10), "a\u{301}\u{301}b");
    }

    #[test]
    fn lines_break_at_spaces_and_the_last_one_says_when_there_is_more() {
        assert_eq!(wrap("one two three four", 9, 3), ["one two", "three", "four"]);
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "three fo…"]);
        assert_eq!(wrap("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([grouped(1), grouped(1000), grouped(1_234_567)], ["1", "1,000", "1,234,567"]);
        assert_eq!([octets(999), octets(1200), octets(34_000_000), octets(u64::MAX)], ["999 B", "1.2 kB", "34 MB", "18446744 TB"]);
        assert_eq!(
            [duration(1_250_000), duration(1_234_567_890), duration(123_000_000_000), duration(9_000_000_000_000)],
            ["1.2 ms", "1.234 s", "2 min 3 s", "2 h 30 min"]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_ever_wider_than_its_room(text in "\\PC*", room in 0_usize..40) {
            prop_assert!(width(&fit(&text, room)) <= room);
            prop_assert_eq!(width(&left(&text, room)), room);
            prop_assert_eq!(width(&right(&text, room)), room);
            for line in wrap(&text, room, 5) {
                prop_assert!(width(&line) <= room);
            }
        }
    }
}
