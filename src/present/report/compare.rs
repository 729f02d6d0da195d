//! Two captures side by side: HTML, Markdown and JSON.

use serde_json::{Value, json};

use super::html::head;
use super::markdown::{code, escaped};
use super::notes::display_filter;
use super::page::Page;
use super::sections;
use crate::assess::report::{App, Citations, Comparison, Counted, Ground, Part, Row, Subject, VERSION, Voice, grouped, rules_hash};
use crate::present::glyph;

/// Rows of one table.
const MOST_ROWS: usize = 300;

/// The comparison in the format of this name; `None` for one that is not known.
#[must_use]
pub fn render(comparison: &Comparison, format: &str) -> Option<String> {
    match format {
        "html" => Some(html(comparison)),
        "md" => Some(markdown(comparison)),
        "json" => Some(json(comparison)),
        _ => None,
    }
}

/// What a row says in one capture.
fn standing(comparison: &Comparison, side: usize, id: &str) -> Option<(String, Citations)> {
    let app: &App = comparison.sides.get(side)?.board.app(id)?;
    let headline = app.headline();
    if headline.of() == 0 && headline.empty == 0 {
        return Some(("? not seen: no connection for messages or calls".to_owned(), app.cited.clone()));
    }
    let cited = app.headline_cited.get(&headline.grade).cloned().unwrap_or_else(|| app.cited.clone());
    Some((format!("{} {headline}", glyph(headline.grade)), cited))
}

fn name(comparison: &Comparison, id: &str) -> String {
    let app = comparison.sides.iter().find_map(|side| side.board.app(id));
    app.map_or_else(|| id.to_owned(), |app| comparison.both.name_of(app))
}

fn html(comparison: &Comparison) -> String {
    let mut page = Page::spoken(&comparison.both, comparison.voice());
    head(&mut page, "What changed between two captures");
    page.raw("<body>\n<main>\n<header>\n");
    page.paragraph("warning", &comparison.warnings());
    let (class, banner) = banner(comparison);
    page.element("p", class, &format!("{banner}."));
    page.element("p", "kicker", "A comparison by intransit").element("h1", "", "What changed between two captures");
    let whole = Ground::Whole;
    page.open_on("p", "subject", &whole).text("First: ");
    for (i, input) in comparison.both.summary.inputs.iter().enumerate() {
        page.text(if i > 0 { "; second: " } else { "" }).part(&Part::File(input.name.clone()));
        if let Some((start, end)) = input.span {
            page.text(", ").part(&Part::Time(start)).text(" to ").part(&Part::Time(end));
        }
    }
    page.text(".").mark(&whole).close("p").raw("</header>\n");

    page.raw("<section>\n").element("h2", "", "App by app");
    page.raw("<table>\n<thead><tr><th>App</th><th>First</th><th>Second</th></tr></thead>\n<tbody>\n");
    for id in comparison.apps() {
        page.raw("<tr>").open("th", "").text(&name(comparison, &id)).raw("</th>");
        for side in 0..2 {
            match standing(comparison, side, &id) {
                Some((said, cited)) => page.open_on("td", "", &Ground::Frames(cited.clone())).text(&said).cite(&cited).raw("</td>"),
                None => page.raw("<td data-ground=\"whole\">–</td>"),
            };
        }
        page.close("tr");
    }
    page.raw("</tbody></table>\n").close("section");
    for subject in Subject::ALL {
        let rows = comparison.rows(subject);
        if rows.is_empty() {
            continue;
        }
        page.raw("<section>\n").element("h2", "", subject.heading());
        page.raw("<table>\n<thead><tr><th>What</th><th>First</th><th>Second</th><th>Change</th></tr></thead>\n<tbody>\n");
        for row in rows.iter().take(MOST_ROWS) {
            let mut cited = Citations::default();
            row.seen.iter().for_each(|seen| cited.extend(&seen.cited));
            page.open_on("tr", "", &Ground::Frames(cited)).open("td", "");
            for part in Comparison::said(subject, &row.value) {
                page.part(&part);
            }
            page.raw("</td>");
            for seen in &row.seen {
                page.open("td", "").text(&if seen.connections == 0 { "–".to_owned() } else { grouped(seen.connections) });
                if seen.connections > 0 {
                    page.cite(&seen.cited);
                }
                page.raw("</td>");
            }
            page.element("td", "", change(row)).close("tr");
        }
        page.raw("</tbody></table>\n");
        left_out(comparison, subject, rows.len()).into_iter().for_each(|text| {
            page.open_on("p", "small", &whole).text(&text).close("p");
        });
        page.close("section");
    }
    sections::custody(&mut page);
    sections::method(&mut page);
    sections::notes(&mut page);
    page.raw("</main>\n</body>\n</html>\n");
    page.finish()
}

/// A value as text.
fn value(voice: &Voice, subject: Subject, row: &Row) -> String {
    Comparison::said(subject, &row.value).iter().map(|part| voice.part(part)).collect()
}

/// Whom the comparison tells of, and how the page shows that.
fn banner(comparison: &Comparison) -> (&'static str, &'static str) {
    if comparison.both.about.redacted {
        ("banner calm", "Redacted: names and addresses are pseudonyms, times count from the first packet")
    } else {
        (
            "banner",
            "Not redacted: this comparison contains addresses and names of people and devices. Make one with --redact before you pass it on",
        )
    }
}

fn change(row: &Row) -> &'static str {
    match row.seen.each_ref().map(|seen| seen.connections) {
        [0, _] => "new",
        [_, 0] => "gone",
        [a, b] if a == b => "same",
        [a, b] if a < b => "more",
        _ => "fewer",
    }
}

fn left_out(comparison: &Comparison, subject: Subject, rows: usize) -> Option<String> {
    let more = (rows.saturating_sub(MOST_ROWS) as u64).saturating_add(comparison.left_out(subject));
    (more > 0).then(|| format!("{} more are not listed.", grouped(more)))
}

fn markdown(comparison: &Comparison) -> String {
    let voice = comparison.voice();
    let mut out = String::new();
    for warning in comparison.warnings() {
        let words = warning.parts.iter().map(|part| match part {
            Part::Words(words) => escaped(words),
            part => code(&voice.part(part)),
        });
        let said: Vec<String> = words.collect();
        out.push_str(&format!("> {}\n\n", said.concat()));
    }
    out.push_str("# What changed between two captures\n\n");
    out.push_str(&format!("> **{}.**\n\n", banner(comparison).1));
    for (which, input) in ["First", "Second"].into_iter().zip(&comparison.both.summary.inputs) {
        let span = input.span.map(|(start, end)| format!(", {} to {}", voice.second(start), voice.second(end))).unwrap_or_default();
        out.push_str(&format!("- {which}: {}{span}\n", code(&voice.file(&input.name))));
    }
    let frames = |cited: &Citations| {
        let of: Vec<String> = cited.by_input().iter().map(|(_, frames)| display_filter(frames)).collect();
        format!("{}{}", code(&of.join(" ")), if cited.more() { " and more" } else { "" })
    };
    let cell = |seen: &Counted| {
        if seen.connections == 0 { "–".to_owned() } else { format!("{}: {}", grouped(seen.connections), frames(&seen.cited)) }
    };
    let row = |out: &mut String, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    };
    out.push_str("\n## App by app\n\n| App | First | Second |\n|---|---|---|\n");
    for id in comparison.apps() {
        let mut cells = vec![escaped(&name(comparison, &id))];
        cells.extend((0..2).map(|side| {
            standing(comparison, side, &id).map_or_else(|| "–".to_owned(), |(said, cited)| format!("{said}: {}", frames(&cited)))
        }));
        row(&mut out, &cells);
    }
    for subject in Subject::ALL {
        let rows = comparison.rows(subject);
        if rows.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {}\n\n| What | First | Second | Change |\n|---|---|---|---|\n", subject.heading()));
        for entry in rows.iter().take(MOST_ROWS) {
            let what = if subject.is_private() { code(&value(&voice, subject, entry)) } else { escaped(&entry.value.to_string()) };
            let [first, second] = &entry.seen;
            row(&mut out, &[what, cell(first), cell(second), change(entry).to_owned()]);
        }
        left_out(comparison, subject, rows.len()).into_iter().for_each(|text| out.push_str(&format!("\n{text}\n")));
    }
    out.push_str(&format!("\nMade by intransit {VERSION}; rules {}.\n", rules_hash()));
    out
}

fn json(comparison: &Comparison) -> String {
    let voice = comparison.voice();
    let evidence = |cited: &Citations| -> Value {
        let of = cited.by_input().into_iter();
        of.map(|(input, frames)| json!({"input": input, "frames": frames.iter().map(|frame| frame.get()).collect::<Vec<_>>()})).collect()
    };
    let inputs: Vec<Value> = comparison
        .both
        .summary
        .inputs
        .iter()
        .map(|input| {
            let hash: String = input.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"name": voice.file(&input.name), "sha256": hash, "bytes": input.bytes, "packets": input.packets})
        })
        .collect();
    let platforms: Vec<Value> = comparison
        .apps()
        .iter()
        .map(|id| {
            let side = |side| {
                standing(comparison, side, id).map(|(_, cited)| {
                    let app = comparison.sides.get(side).and_then(|side| side.board.app(id));
                    let headline = app.map(App::headline);
                    json!({"grade": headline.map(|h| h.grade.word()), "headline": headline.map(|h| h.to_string()), "evidence": evidence(&cited)})
                })
            };
            json!({"id": id, "name": name(comparison, id), "first": side(0), "second": side(1)})
        })
        .collect();
    let subjects: serde_json::Map<String, Value> = Subject::ALL
        .into_iter()
        .map(|subject| {
            let rows: Vec<Value> = comparison
                .rows(subject)
                .iter()
                .map(|row| {
                    let side = |seen: &Counted| json!({"connections": seen.connections, "evidence": evidence(&seen.cited)});
                    let [first, second] = &row.seen;
                    json!({"value": value(&voice, subject, row), "change": change(row), "first": side(first), "second": side(second)})
                })
                .collect();
            (subject.word().to_owned(), Value::Array(rows))
        })
        .collect();
    let all = json!({
        "schema": "intransit/comparison/1",
        "tool": {"name": "intransit", "version": VERSION, "rules": rules_hash(), "catalogue": comparison.both.catalogue.hash()},
        "redacted": comparison.both.about.redacted,
        "warnings": comparison.warnings().iter().map(|warning| voice.say(warning)).collect::<Vec<_>>(),
        "inputs": inputs,
        "platforms": platforms,
        "subjects": subjects,
    });
    super::json::safe(&all)
}
