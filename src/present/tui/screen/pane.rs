//! What is said of the selected row, below its table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::assess::report::RuleCount;
use crate::assess::{Grade, Judged, Ledger};
use crate::base::Exposed;
use crate::present::tui::draw::{line, put, put_all};
use crate::present::tui::header::safe;
use crate::present::tui::model::Model;
use crate::present::tui::rows::connection;
use crate::present::tui::screens::Screen;
use crate::present::tui::tables::apps::App;
use crate::present::tui::tables::endpoints::Endpoint;
use crate::present::tui::tables::exposure::Shown;
use crate::present::tui::theme::{Theme, glyph, severity_glyph};
use crate::present::tui::{row, tables, text};

/// Lines, each with how it looks.
type Lines = Vec<(String, Style)>;

/// Draws the pane.
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, ledger: &Ledger) {
    if area.height < 2 {
        return;
    }
    let theme = &model.theme;
    let lines = said(model, ledger);
    put(buf, area.x, area.y, area.width, &"─".repeat(usize::from(area.width)), theme.quiet);
    let (top, left) = (model.said_from(), usize::from(area.height.saturating_sub(1)));
    let wrapped = wrapped(lines, area.width);
    for (n, (told, style)) in (1_u16..).zip(wrapped.iter().skip(top).take(left)) {
        put_all(buf, line(area, n), &[(" ", theme.text), (told, *style)]);
    }
    let more: Vec<&str> = [(top.saturating_add(left) < wrapped.len(), "J: more"), (top > 0, "K: back")]
        .into_iter()
        .filter_map(|(holds, told)| holds.then_some(told))
        .collect();
    if !more.is_empty() {
        let told = format!(" {} ", more.join("  "));
        let width = u16::try_from(text::width(&told)).unwrap_or(u16::MAX).min(area.width);
        put(buf, area.right().saturating_sub(width).saturating_sub(2), area.y, width, &told, theme.key);
    }
}

/// Lines as they fit.
fn wrapped(lines: Lines, width: u16) -> Lines {
    let room = usize::from(width.saturating_sub(2));
    let told = lines.into_iter().filter(|(told, _)| !told.is_empty());
    told.flat_map(|(told, style)| text::wrap(&told, room, usize::from(u16::MAX)).into_iter().map(move |line| (line, style))).collect()
}

/// How many lines it would take to say all of it, the line above it counted.
#[must_use]
pub fn lines(model: &Model, ledger: &Ledger) -> u16 {
    u16::try_from(wrapped(said(model, ledger), model.size.width).len()).unwrap_or(u16::MAX).saturating_add(1)
}

/// What is said of the selected row.
fn said(model: &Model, ledger: &Ledger) -> Lines {
    let theme = &model.theme;
    match model.screen {
        Screen::Apps => model.rows.apps.get(model.list().cursor).map(|app| of_app(app, theme)),
        Screen::Connections => model.selected().and_then(|id| connection(ledger, id)).map(|judged| of_connection(judged, theme)),
        Screen::Endpoints => model.rows.endpoints.get(model.list().cursor).map(|endpoint| of_endpoint(endpoint, theme)),
        Screen::Exposure => model.rows.exposure.get(model.list().cursor).map(|shown| of_exposure(shown, theme)),
        Screen::Findings => model.rows.findings.get(model.list().cursor).map(|found| of_finding(found, theme)),
        Screen::Capture | Screen::Canary => None,
    }
    .unwrap_or_default()
}

/// The paragraph, in one piece; a blank line would cost room.
fn of_app(app: &App, theme: &Theme) -> Lines {
    let frames = format!(" ({})", tables::cited(&app.cited));
    vec![(format!("{}{frames}", app.name), theme.heading), (app.told.join(" "), theme.text)]
}

fn of_connection(judged: &Judged, theme: &Theme) -> Lines {
    let judgement = &judged.judgement;
    let frames = judgement.evidence.as_ref().map(|e| format!(" ({})", super::facts::frames(e))).unwrap_or_default();
    let mut lines = vec![(format!("{}{frames}", verdict(judged)), theme.grade(judgement.grade))];
    lines.extend(judgement.findings.iter().map(|finding| {
        let told = format!("{}: {}", finding.rule.severity.word(), safe(&finding.text));
        (told, theme.severity(finding.rule.severity))
    }));
    let ends = format!("{} to {}", row::endpoint(&judged.client), row::endpoint(&judged.server));
    lines.push((format!("{} {ends}, {}", judged.transport.name(), text::counted(row::packets(judged), "packet")), theme.quiet));
    lines
}

/// `● protected: TLS 1.3 with …`.
#[must_use]
pub fn verdict(judged: &Judged) -> String {
    let judgement = &judged.judgement;
    let kinds = match judgement.grade {
        Grade::Exposed => format!(" ({})", judgement.exposed.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")),
        Grade::Custom => judgement.construction.map(|c| format!(" ({})", c.word())).unwrap_or_default(),
        _ => String::new(),
    };
    format!("{} {}{kinds}: {}", glyph(judgement.grade), judgement.grade.word(), safe(&judgement.why))
}

fn of_endpoint(endpoint: &Endpoint, theme: &Theme) -> Lines {
    let group = &endpoint.group;
    let mut counts: Vec<String> = Grade::ALL
        .into_iter()
        .filter(|grade| group.of(*grade).connections > 0)
        .map(|grade| format!("{} {} {}", glyph(grade), text::grouped(group.of(grade).connections), grade.word()))
        .collect();
    if group.aside().connections > 0 {
        counts.push(format!("{} readable by design", text::grouped(group.aside().connections)));
    }
    let addresses = endpoint.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    vec![
        (format!("{}: {}", endpoint.title(), counts.join(", ")), theme.grade(group.grade())),
        (format!("spoke {} at {addresses}", endpoint.protocols.join(", ")), theme.text),
        ("Enter shows its connections".to_owned(), theme.quiet),
    ]
}

fn of_exposure(shown: &Shown, theme: &Theme) -> Lines {
    let style = if shown.kind.sets_a_group() { theme.grade(Grade::Exposed) } else { theme.text };
    let amount = shown.amount.map(|(count, bytes)| format!(", {}, {}", times(count), text::octets(bytes))).unwrap_or_default();
    let connections = text::counted(shown.connections, "connection");
    vec![
        (format!("{}: {} in {connections}{amount} ({})", shown.kind.word(), shown.what, tables::cited(&shown.cited)), style),
        (if shown.value.is_empty() { String::new() } else { format!("“{}”", shown.value) }, theme.text),
        (meaning(shown.kind).to_owned(), theme.quiet),
    ]
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{} times", text::grouped(n)) }
}

/// What a kind means, in a sentence.
fn meaning(kind: Exposed) -> &'static str {
    match kind {
        Exposed::Content => "What people or programs wrote to each other; masked here. Anyone on the path could read all of it.",
        Exposed::Credentials => "Whoever reads them can act in somebody's name. Nothing of them is kept here.",
        Exposed::Identifiers => "Who it was; masked here.",
        Exposed::Names => "Names show who is talked to, not what is said; they set no grade.",
        Exposed::Service => "What the network needs to work; it sets no grade.",
    }
}

fn of_finding(found: &RuleCount, theme: &Theme) -> Lines {
    let rule = found.rule;
    let mark = format!("{} {}: ", severity_glyph(rule.severity), rule.severity.word());
    let seen: Vec<String> = found.texts.most_first().into_iter().take(3).map(|(told, _)| safe(told)).collect();
    vec![
        (format!("{mark}{}", rule.reader), theme.severity(rule.severity)),
        (format!("Seen: {} ({})", seen.join("; "), tables::cited(&found.cited)), theme.text),
        (rule.engineer.to_owned(), theme.text),
        (format!("Norm: {}", rule.norm), theme.quiet),
    ]
}
