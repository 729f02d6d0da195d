//! Octets over time, a line for each grade. Connections that are readable by design (name lookups and the like) are left out.
//!
//! ```text
//!  ○ exposed   ▁▁ ▂▁  ▁        ▁▁▁ 12 kB
//!  ● protected ▂▃▅▇█▅▃▂▁▁▁▂▃▅▃▂▁▁▁ 4.2 MB
//! ```

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::{line, put, put_all};
use super::text;
use super::theme::{Theme, glyph};
use crate::assess::{Grade, Judged};
use crate::base::Timestamp;

/// Parts of the capture's time that are kept.
const PARTS: usize = 240;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Octets of each grade in each part of the capture's time.
#[derive(Clone, Debug, Default)]
pub struct Sparks {
    grades: Vec<(Grade, u64, Vec<f64>)>,
}

impl Sparks {
    /// Counts the octets of the connections, spread evenly over the time each lasted: the moment of each packet is not kept.
    #[must_use]
    pub fn of(connections: &[Arc<Judged>], span: Option<(Timestamp, Timestamp)>) -> Sparks {
        let Some((start, end)) = span else { return Sparks::default() };
        let whole = to_f64(end.since(start)).max(1.0);
        // What begins and ends where; the sums of these differences are the octets.
        let mut grades: Vec<(Grade, u64, Vec<f64>)> = Grade::ALL.into_iter().map(|grade| (grade, 0, vec![0.0; PARTS + 1])).collect();
        for judged in connections {
            // What is readable by design is no more than noise here.
            if !judged.judgement.counts_for_groups() {
                continue;
            }
            let Some((_, octets, parts)) = grades.iter_mut().find(|(grade, ..)| *grade == judged.judgement.grade) else { continue };
            let bytes = judged.sent.iter().fold(0_u64, |sum, side| sum.saturating_add(side.bytes));
            *octets = octets.saturating_add(bytes);
            let (first, last) = (part(judged.start.since(start), whole), part(judged.end.since(start), whole));
            let each = to_f64(bytes) / to_f64(super::draw::len(last.saturating_sub(first).saturating_add(1)));
            if let Some(begins) = parts.get_mut(first) {
                *begins += each;
            }
            if let Some(ends) = parts.get_mut(last.saturating_add(1)) {
                *ends -= each;
            }
        }
        grades.retain(|(_, octets, _)| *octets > 0);
        for (.., parts) in &mut grades {
            let mut sum = 0.0;
            for part in parts.iter_mut() {
                sum += *part;
                *part = sum.max(0.0);
            }
            parts.truncate(PARTS);
        }
        Sparks { grades }
    }

    /// How many lines there are to draw.
    #[must_use]
    pub fn lines(&self) -> u16 {
        u16::try_from(self.grades.len()).unwrap_or(u16::MAX)
    }

    /// Draws as many lines as there are rows, worst grade first; where there are too few, the ones with the fewest octets are left out,
    /// but never what lay open.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let mut shown: Vec<&(Grade, u64, Vec<f64>)> = self.grades.iter().collect();
        while shown.len() > usize::from(area.height) {
            let least =
                shown.iter().enumerate().filter(|(_, (grade, ..))| *grade != Grade::Exposed).min_by_key(|(_, (_, octets, _))| *octets);
            let Some((at, _)) = least else { break };
            shown.remove(at);
        }
        // The scale is that of all lines together, so that a few octets look like few.
        let most = shown.iter().map(|(.., parts)| resample(parts, room(area)).into_iter().fold(0.0, f64::max)).fold(0.0, f64::max);
        for (n, (grade, octets, parts)) in (0..area.height).zip(shown) {
            let here = line(area, n);
            let style = theme.grade(*grade);
            let word = format!("{} {}", glyph(*grade), text::left(grade.word(), 10));
            let used = put_all(buf, here, &[(" ", theme.text), (&word, style)]);
            let bars: String = resample(parts, room(area)).into_iter().map(|octets| bar(octets, most)).collect();
            put(buf, here.x.saturating_add(used), here.y, here.width, &bars, style);
            let told = text::right(&text::octets(*octets), 8);
            put(buf, here.right().saturating_sub(9), here.y, 9, &told, theme.quiet);
        }
    }
}

/// Columns for the bars.
fn room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(13).saturating_sub(10))
}

fn bar(octets: f64, most: f64) -> char {
    if octets < 0.5 || most <= 0.0 {
        return ' ';
    }
    // The root makes what is small beside what is large still be seen.
    let height = (octets / most).sqrt();
    let thresholds = BARS.iter().enumerate().rev();
    let found = thresholds.into_iter().find(|(at, _)| height * 8.0 > to_f64(super::draw::len(*at)));
    found.map_or('▁', |(_, bar)| *bar)
}

fn resample(parts: &[f64], into: usize) -> Vec<f64> {
    if into == 0 {
        return Vec::new();
    }
    (0..into)
        .map(|column| {
            let from = column.saturating_mul(parts.len()) / into;
            let to = (column.saturating_add(1).saturating_mul(parts.len()) / into).max(from.saturating_add(1));
            parts.get(from..to.min(parts.len())).unwrap_or_default().iter().fold(0.0, |most: f64, part| most.max(*part))
        })
        .collect()
}

fn part(after: u64, whole: f64) -> usize {
    let share = to_f64(after) / whole;
    let parts = to_f64(super::draw::len(PARTS));
    // Between 0 and the number of parts: the conversion loses nothing.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (share * parts) as usize;
    at.min(PARTS.saturating_sub(1))
}

#[allow(clippy::cast_precision_loss)]
fn to_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_a_full_bar_and_nothing_is_none() {
        assert_eq!([bar(100.0, 100.0), bar(1.0, 100.0), bar(0.0, 100.0), bar(0.0, 0.0)], ['█', '▁', ' ', ' ']);
        assert_eq!(resample(&[1.0, 5.0, 2.0, 0.0], 2), [5.0, 2.0]);
        assert_eq!(resample(&[1.0, 5.0], 4), [1.0, 1.0, 5.0, 5.0]);
        assert!(resample(&[1.0], 0).is_empty());
    }
}
