//! Charts as inline SVG: bars in shares of the width, so that words stay words and keep their size on a phone.
//!
//! Grades are told apart by pattern and by the words beside the bar, never by colour alone. `custom` and `unknown` stand apart from the rest,
//! behind a gap: they are no place on a scale from good to bad.

use std::fmt::Write as _;

use super::page::Page;
use crate::assess::Grade;
use crate::assess::report::{App, ByGrade, Citations, Ground, counted, grouped, octets, percent};

/// Apps in a chart.
const MOST_APPS: usize = 14;
/// Versions in a chart.
const MOST_VERSIONS: usize = 12;
/// Columns of a timeline at least, empty ones included.
const FEWEST_COLUMNS: usize = 24;
/// The order of the segments of a bar: a gap stands before `custom`.
const SEGMENTS: [Grade; 5] = [Grade::Exposed, Grade::Weak, Grade::Protected, Grade::Custom, Grade::Unknown];

/// The patterns that all charts fill with; written once, before the first.
pub const PATTERNS: &str = "<svg width=\"0\" height=\"0\" class=\"defs\" aria-hidden=\"true\"><defs>\
<pattern id=\"p-exposed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect class=\"f-exposed\" width=\"6\" height=\"6\"/><rect class=\"f-paper\" width=\"2\" height=\"6\"/></pattern>\
<pattern id=\"p-weak\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<rect class=\"f-weak\" width=\"6\" height=\"6\"/><circle class=\"f-paper\" cx=\"3\" cy=\"3\" r=\"1.2\"/></pattern>\
<pattern id=\"p-custom\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
<rect class=\"f-custom\" width=\"5\" height=\"5\"/><rect class=\"f-paper\" width=\"5\" height=\"1.5\"/></pattern></defs></svg>\n";

/// The attributes that fill a shape: a pattern, or a solid colour.
fn fill(grade: Grade) -> &'static str {
    match grade {
        Grade::Exposed => "class=\"edge\" fill=\"url(#p-exposed)\"",
        Grade::Weak => "class=\"edge\" fill=\"url(#p-weak)\"",
        Grade::Custom => "class=\"edge\" fill=\"url(#p-custom)\"",
        Grade::Protected => "class=\"edge f-protected\"",
        Grade::Unknown | Grade::None => "class=\"edge f-unknown\"",
    }
}

/// Bytes of payload by grade, app by app.
pub fn bytes_by_grade(page: &mut Page<'_>, rows: &[&App]) {
    page.element("h3", "", "Bytes by grade, app by app");
    legend(page);
    page.open("div", "chart");
    for app in rows.iter().take(MOST_APPS) {
        let name = page.report.name_of(app);
        row(page, &name, &app.payload, &app.cited);
    }
    page.close("div");
    if rows.len() > MOST_APPS {
        let left = counted((rows.len() - MOST_APPS) as u64, "more row");
        page.open_on("p", "small", &Ground::Whole).text(&left).text(" not shown here; see the table.").close("p");
    }
}

/// What the patterns mean.
fn legend(page: &mut Page<'_>) {
    page.open("p", "legend");
    for grade in SEGMENTS {
        page.raw("<span class=\"key\"><svg width=\"22\" height=\"12\" aria-hidden=\"true\"><rect width=\"22\" height=\"12\" ");
        page.raw(fill(grade)).raw("/></svg> ").grade(grade).raw("</span> ");
    }
    page.close("p");
}

fn row(page: &mut Page<'_>, name: &str, payload: &ByGrade, cited: &Citations) {
    let total = payload.total();
    let told: Vec<String> = SEGMENTS
        .into_iter()
        .filter(|grade| payload.of(*grade) > 0)
        .map(|grade| format!("{} {}", percent(payload.of(grade), total), grade.word()))
        .collect();
    page.open_on("div", "bar", &Ground::Frames(cited.clone())).element("span", "name", name);
    let label = if total == 0 { "no payload".to_owned() } else { told.join(", ") };
    let mut svg = String::from("<svg class=\"b\" width=\"100%\" height=\"16\" aria-hidden=\"true\">");
    let mut at = 0.0;
    for grade in SEGMENTS {
        let width = share(payload.of(grade), total) * 0.985;
        if grade == Grade::Custom && at > 0.0 {
            at += 1.5;
        }
        if payload.of(grade) > 0 {
            // Writing to a String cannot fail.
            let _ = write!(svg, "<rect x=\"{at:.2}%\" width=\"{width:.2}%\" height=\"16\" {}/>", fill(grade));
        }
        at += width;
    }
    svg.push_str("</svg>");
    page.raw(&svg).open("span", "num").text(&octets(total)).text(": ").text(&label).close("span").close("div");
}

/// A share in percent, for drawing only: words say it rounded down.
#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// How many connections negotiated which version.
pub fn versions(page: &mut Page<'_>) {
    let report = page.report;
    let all = report.summary.board.all();
    let list = all.versions.most_first();
    if list.is_empty() {
        return;
    }
    page.element("h3", "", "Versions that were negotiated");
    let most = list.iter().map(|(_, counted)| counted.connections).max().unwrap_or(1);
    page.open("div", "chart");
    for (version, seen) in list.iter().take(MOST_VERSIONS) {
        page.open_on("div", "bar", &Ground::Frames(seen.cited.clone())).element("span", "name", version);
        let width = share(seen.connections, most);
        page.raw(&format!(
            "<svg class=\"b\" width=\"100%\" height=\"16\" aria-hidden=\"true\"><rect class=\"count\" width=\"{width:.2}%\" height=\"16\"/></svg>"
        ));
        page.open("span", "num").text(&counted(seen.connections, "connection")).cite(&seen.cited).close("span").close("div");
    }
    page.close("div");
}

/// When connections began, by grade.
pub fn timeline(page: &mut Page<'_>) {
    let timeline = &page.report.summary.timeline;
    let stretches = timeline.stretches();
    let (Some((first, _)), Some((last, _))) = (stretches.first(), stretches.last()) else { return };
    let seconds = timeline.seconds();
    let most = stretches.iter().map(|(_, counts)| counts.total()).max().unwrap_or(1).max(1);
    page.element("h3", "", "When connections began");
    page.open_on("figure", "time", &Ground::Whole);
    // Few columns stay narrow.
    let column_width = 100.0 / width(stretches.len().max(FEWEST_COLUMNS));
    let mut svg =
        String::from("<svg width=\"100%\" height=\"110\" role=\"img\" aria-label=\"Connections by when they began and by grade\">");
    for (column, (_, counts)) in stretches.iter().enumerate() {
        let mut top = 100.0;
        for grade in [Grade::Protected, Grade::Weak, Grade::Exposed, Grade::Custom, Grade::Unknown, Grade::None] {
            let height = share(counts.of(grade), most);
            if counts.of(grade) > 0 {
                top -= height;
                // Writing to a String cannot fail.
                let _ = write!(
                    svg,
                    "<rect x=\"{:.2}%\" y=\"{top:.2}%\" width=\"{:.2}%\" height=\"{height:.2}%\" {}/>",
                    width(column) * column_width,
                    column_width * 0.9,
                    fill(grade)
                );
            }
        }
    }
    svg.push_str("</svg>");
    let last_place = (stretches.len() as u64).saturating_sub(1);
    let (first, last) = (page.voice.stretch(*first, 0, seconds), page.voice.stretch(*last, last_place, seconds));
    let caption = format!("From {first} to {last}: each column is {}, the highest {}.", length(seconds), counted(most, "connection"));
    page.raw(&svg).open("figcaption", "").text(&caption).close("figcaption").close("figure");
    let mut told = Vec::new();
    for grade in Grade::ALL {
        let n = stretches.iter().fold(0u64, |sum, (_, counts)| sum.saturating_add(counts.of(grade)));
        if n > 0 {
            told.push(format!("{} {}", grouped(n), grade.word()));
        }
    }
    page.open_on("p", "small", &Ground::Whole).text("In all: ").text(&told.join(", ")).text(".").mark(&Ground::Whole).close("p");
}

/// A count, for drawing only.
#[allow(clippy::cast_precision_loss)]
fn width(n: usize) -> f64 {
    n as f64
}

fn length(seconds: u64) -> String {
    match seconds {
        0..60 => counted(seconds, "second"),
        60..3600 => counted(seconds / 60, "minute"),
        3600..86_400 => counted(seconds / 3600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}
