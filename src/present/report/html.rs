//! The report as one HTML file: no script of any kind, nothing from outside, readable on paper and on a phone, in the dark and in the light.

use super::page::Page;
use super::{canary, charts, sections};
use crate::assess::report::{App, Ground, Part, Report, Sentence, Standing, Voice, counted, words};
use crate::base::base64;

const STYLE: &str = include_str!("style.css");

/// The whole page.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = Page::new(report);
    let title = title(report, &page.voice);
    head(&mut page, &title);
    page.raw("<body>\n<main>\n").raw(charts::PATTERNS);
    top(&mut page);
    let rows = report.summary.board.rows();
    board(&mut page, &rows);
    page.raw("<section id=\"charts\">\n").element("h2", "", "At a glance");
    charts::bytes_by_grade(&mut page, &rows);
    charts::versions(&mut page);
    charts::timeline(&mut page);
    page.close("section");
    sections::apps(&mut page, &rows);
    canary::html(&mut page);
    sections::findings(&mut page);
    sections::exposure(&mut page);
    sections::limits(&mut page);
    sections::custody(&mut page);
    sections::method(&mut page);
    sections::sources(&mut page);
    sections::notes(&mut page);
    page.raw("</main>\n</body>\n</html>\n");
    page.finish()
}

/// Everything before the body: nothing may be fetched, and no style but ours applies.
pub fn head(page: &mut Page<'_>, title: &str) {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.raw(&base64(hash.as_ref())).raw("'; base-uri 'none'; form-action 'none'\">\n");
    page.raw(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
    );
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    page.text(title).raw("</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n");
}

/// The question, and what it is asked of.
#[must_use]
pub fn title(report: &Report, voice: &Voice) -> String {
    let inputs = &report.summary.inputs;
    let of = match inputs.as_slice() {
        [] => "no capture".to_owned(),
        [one] => voice.file(&one.name),
        [first, rest @ ..] => format!("{} and {}", voice.file(&first.name), counted(rest.len() as u64, "more capture")),
    };
    format!("Was it readable on the way? Report on {of}")
}

/// The banner, the answer, how much it covers.
fn top(page: &mut Page<'_>) {
    let report = page.report;
    page.raw("<header>\n");
    page.paragraph("warning", &words::warnings(report));
    if report.about.redacted {
        page.element("p", "banner calm", "Redacted: names and addresses are pseudonyms, times count from the first packet.");
    } else {
        page.element(
            "p",
            "banner",
            "Not redacted: this report contains addresses and names of people and devices. Make one with --redact before you pass it on.",
        );
    }
    if report.about.unmasked {
        page.element("p", "banner", "Not masked: what was readable is shown as it was.");
    }
    page.element("p", "kicker", "Protected in transit? A report by intransit");
    page.element("h1", "", "Was what was sent readable to a listener on the way?");
    let coverage = words::coverage(report);
    page.paragraph("coverage", coverage.get(..2).unwrap_or_default());
    let (short, sentences) = words::answer(report);
    let grade = report.summary.board.all().headline().grade;
    page.open("p", &format!("answer {}", grade.word())).element("strong", "", short);
    sentences.iter().for_each(|sentence| {
        page.raw(" ").sentence(sentence);
    });
    page.close("p");
    subject(page);
    page.raw("</header>\n");
}

/// What was captured, and when.
fn subject(page: &mut Page<'_>) {
    let report = page.report;
    let inputs = &report.summary.inputs;
    let start = inputs.iter().filter_map(|input| input.span).map(|(start, _)| start).min();
    let end = inputs.iter().filter_map(|input| input.span).map(|(_, end)| end).max();
    let mut parts: Vec<Part> = vec![counted(inputs.len() as u64, "capture").into(), ": ".into()];
    for (i, input) in inputs.iter().take(3).enumerate() {
        if i > 0 {
            parts.push(", ".into());
        }
        parts.push(Part::File(input.name.clone()));
    }
    if inputs.len() > 3 {
        parts.push(" and more".into());
    }
    if let (Some(start), Some(end)) = (start, end) {
        parts.extend([", ".into(), Part::Time(start), " to ".into(), Part::Time(end)]);
    }
    parts.push(".".into());
    page.paragraph("subject", &[Sentence { parts, ground: Ground::Whole }]);
}

/// One line for each app: what was seen and what is claimed side by side, in the same size.
fn board(page: &mut Page<'_>, rows: &[&App]) {
    let report = page.report;
    page.raw("<section id=\"board\">\n").element("h2", "", "App by app");
    page.element(
        "p",
        "lead",
        "Two questions, never one tick. In transit is what packets show: could somebody on the same network read it? End-to-end is what \
         is claimed: can the company read it? Packets cannot show that.",
    );
    page.raw("<table class=\"board\">\n<thead><tr><th scope=\"col\">App</th><th scope=\"col\">In transit <small>observed</small></th>");
    page.raw("<th scope=\"col\">End-to-end <small>claimed</small></th><th scope=\"col\">Seen</th></tr></thead>\n<tbody>\n");
    for app in rows {
        let headline = app.headline();
        page.open_on("tr", "", &Ground::Frames(app.cited.clone()));
        page.raw("<th scope=\"row\">").element("span", "app", &report.name_of(app)).raw("</th>");
        page.raw("<td data-label=\"In transit, observed\">");
        let cited = app.headline_cited.get(&headline.grade).cloned().unwrap_or_default();
        if headline.of() == 0 && headline.empty == 0 {
            page.element("span", "g unknown", "? not seen").raw("<br>");
            let why = if app.standing == Standing::App { "no connection for messages or calls" } else { "only names and services" };
            page.element("span", "den", why);
        } else {
            page.grade(headline.grade).raw("<br>").open("span", "den").text(&denominator(&headline));
            page.cite(&cited).close("span");
        }
        page.raw("</td><td data-label=\"End-to-end, claimed\">");
        claim_cell(page, app);
        page.raw("</td><td data-label=\"Seen\">");
        page.text(&counted(app.total(), "connection")).raw("<br>").element("span", "den", &crate::assess::report::octets(app.bytes));
        if let Some((severity, rule)) = app.worst()
            && let Some(seen) = report.summary.findings.get(rule)
        {
            page.raw(&format!("<br><a class=\"sev {}\" href=\"#r-{rule}\">", severity.word())).text(seen.rule.title).close("a");
        }
        page.raw("</td>").close("tr");
    }
    page.raw("</tbody></table>\n");
    if let Some(sentence) = report.not_seen() {
        page.paragraph("small", &[sentence]);
    }
    page.close("section");
}

/// `in 32 of 34; 2 not judged`.
fn denominator(headline: &crate::assess::report::Headline) -> String {
    let said = headline.to_string();
    said.strip_prefix(headline.grade.word()).map_or(said.clone(), |rest| rest.trim_start_matches([':', ' ']).to_owned())
}

fn claim_cell(page: &mut Page<'_>, app: &App) {
    let claims = page.report.claims_of(app);
    match claims.as_slice() {
        [] => {
            page.element("span", "den", if app.standing == Standing::All { "–" } else { "no claim in the catalogue" });
        }
        [claim] if app.standing == Standing::App => {
            page.open("span", "claim").sentence(&claim.line()).close("span");
            if let Some(kinds) = claim.kinds() {
                page.raw("<br>").open_on("span", "den", &kinds.ground).parts(&kinds).close("span");
            }
            if claim.in_force.has_changed_since() {
                let now = claim.now();
                page.raw("<br>").open("span", "den").text("changed since the capture; now: ").sentence(&now).close("span");
            }
            if claim.is_stale() {
                page.raw("<br>").element("span", "den", "stale: checked more than a year before the capture's end");
            }
        }
        several => {
            page.element("span", "den", "packets do not tell which:");
            for claim in several {
                page.raw("<br>").open("span", "den").text(&claim.platform.name).text(": ").sentence(&claim.line()).close("span");
            }
        }
    }
}
