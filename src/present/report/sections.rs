//! The parts of the HTML report below its first screen.

use super::notes::display_filter;
use super::page::{Page, escape_into};
use crate::assess::report::{App, Ground, NameFrom, Part, VERSION, WITHHELD, counted, grouped, octets, rules_hash, signal_part, words};
use crate::base::WireStr;

/// Rows of a long table.
const MOST_ROWS: usize = 200;

/// Sentences that read well in one paragraph; more stand in a list.
const MOST_IN_A_PARAGRAPH: usize = 4;

/// A paragraph on each app, its claim and its history, and why it was taken for this app.
pub fn apps(page: &mut Page<'_>, rows: &[&App]) {
    let report = page.report;
    page.raw("<section id=\"apps\">\n").element("h2", "", "In plain words");
    for app in rows {
        page.raw("<article>\n").element("h3", "", &report.name_of(app));
        let said = words::paragraph(report, app);
        if said.seen.len() > MOST_IN_A_PARAGRAPH {
            page.raw("<ul class=\"seen\">\n");
            for sentence in &said.seen {
                page.raw("<li>").sentence(sentence).close("li");
            }
            page.close("ul");
        } else {
            page.paragraph("", &said.seen);
        }
        page.paragraph("", &said.follows);
        page.paragraph("", &said.not);
        because(page, app);
        for claim in report.claims_of(app) {
            page.raw("<div class=\"claimed\">\n").open("p", "kicker").text("Claimed: ").text(&claim.platform.name).close("p");
            page.paragraph("", &claim.sentences());
            page.paragraph("", &claim.article());
            page.raw("<dl class=\"ask\">\n");
            for (question, answer) in claim.beside() {
                page.element("dt", "", question).open("dd", "").sentence(&answer).close("dd");
            }
            page.raw("</dl>\n").close("div");
        }
        page.raw("</article>\n");
    }
    page.close("section");
}

fn because(page: &mut Page<'_>, app: &App) {
    if app.because.is_empty() {
        return;
    }
    page.open("p", "small").text("Taken for this app because of:");
    for (i, ((signal, value), seen)) in app.because.most_first().into_iter().enumerate() {
        page.text(if i > 0 { "; " } else { " " }).open_on("span", "st", &Ground::Frames(seen.cited.clone())).text(signal).text(" ");
        page.part(&signal_part(signal, value)).text(&format!(" ({})", grouped(seen.connections))).cite(&seen.cited);
        if let Some(source) = page.report.source_of_signal(app, signal, value) {
            page.mark(&source);
        }
        page.close("span");
    }
    let more = app.because.left_out();
    if more > 0 {
        page.open_on("span", "st", &Ground::Frames(app.cited.clone()))
            .text(&format!("; {} more times something else", grouped(more)))
            .close("span");
    }
    page.text(".").close("p");
}

/// Every rule that fired.
pub fn findings(page: &mut Page<'_>) {
    let report = page.report;
    page.raw("<section id=\"findings\">\n").element("h2", "", "Findings");
    let all = report.summary.findings.gravest_first();
    if all.is_empty() {
        page.open_on("p", "", &Ground::Whole).text("No rule fired.").mark(&Ground::Whole).close("p");
    }
    for seen in all {
        let rule = seen.rule;
        page.raw(&format!("<article class=\"finding\" id=\"r-{}\">\n", rule.id)).open("h3", "");
        page.element("span", &format!("sev {}", rule.severity.word()), rule.severity.word()).raw(" ").text(rule.title).close("h3");
        page.open_on("p", "", &Ground::Rule(rule.id)).text(rule.reader).close("p");
        page.open_on("p", "", &Ground::Frames(seen.cited.clone()));
        page.text(&format!("Seen in {}", counted(seen.connections, "connection")));
        let apps: Vec<String> = seen
            .apps
            .most_first()
            .into_iter()
            .map(|(id, n)| {
                let name = report.summary.board.app(id).map_or_else(|| id.clone(), |app| report.name_of(app));
                format!("{name}: {}", grouped(n.connections))
            })
            .collect();
        page.text(&format!(" ({}).", apps.join("; "))).cite(&seen.cited).close("p");
        if !page.voice.is_redacted() {
            page.raw("<ul class=\"small\">\n");
            for (text, n) in seen.texts.most_first() {
                page.open_on("li", "", &Ground::Frames(n.cited.clone())).part(&Part::Quoted(WireStr::from(text.as_str())));
                page.text(&format!(" ({})", grouped(n.connections))).cite(&n.cited).close("li");
            }
            page.close("ul");
        }
        page.open_on("p", "small", &Ground::Rule(rule.id)).text(rule.engineer).text(" Norm: ").text(rule.norm).text(". Rule: ");
        page.element("code", "", rule.id).text(". In Wireshark: ").element("code", "", rule.wireshark).text(".").close("p");
        page.raw("</article>\n");
    }
    page.close("section");
}

/// What a stranger on the same network sees, even where all is encrypted.
pub fn exposure(page: &mut Page<'_>) {
    page.raw("<section id=\"exposure\">\n").element("h2", "", "What a stranger on the same network sees");
    page.element(
        "p",
        "lead",
        "Even where every connection is encrypted, names, addresses, times and sizes are not. They tell who talked with which service, \
         when, for how long and how much.",
    );
    readable(page);
    identifiers(page);
    names(page);
    pairs(page);
    page.close("section");
}

fn readable(page: &mut Page<'_>) {
    let report = page.report;
    page.element("h3", "", "Readable");
    let readable = &report.summary.exposure.readable;
    if readable.is_empty() {
        page.open_on("p", "", &Ground::Whole).text("Nothing readable was recognised in these connections.").mark(&Ground::Whole).close("p");
        return;
    }
    page.raw("<table>\n<thead><tr><th>Kind</th><th>What</th><th>How much</th><th>Begins, masked</th></tr></thead>\n<tbody>\n");
    for ((kind, what), seen) in readable {
        page.open_on("tr", "", &Ground::Frames(seen.cited.clone()));
        page.element("td", "", kind.word()).element("td", "", what).open("td", "");
        page.text(&format!("{} in {}, {}", counted(seen.count, "time"), counted(seen.connections, "connection"), octets(seen.bytes)));
        page.cite(&seen.cited).raw("</td><td>");
        if !seen.excerpt.as_bytes().is_empty() {
            page.part(&Part::Quoted(seen.excerpt.clone()));
        }
        page.raw("</td>").close("tr");
    }
    page.raw("</tbody></table>\n");
}

fn identifiers(page: &mut Page<'_>) {
    let report = page.report;
    let identifiers = &report.summary.exposure.identifiers;
    if identifiers.is_empty() {
        return;
    }
    page.element("h3", "", "Identifiers in clear").raw("<ul>\n");
    for ((what, value), seen) in identifiers.iter().take(MOST_ROWS) {
        page.open_on("li", "", &Ground::Frames(seen.cited.clone())).text(what).text(": ").part(&Part::Quoted(value.clone()));
        page.text(&format!(" ({})", counted(seen.connections, "connection"))).cite(&seen.cited).close("li");
    }
    page.close("ul");
    rest(page, identifiers.len().saturating_sub(MOST_ROWS) as u64, identifiers.left_out(), "identifier");
}

fn names(page: &mut Page<'_>) {
    let report = page.report;
    let names = report.summary.exposure.names_in_order();
    page.element("h3", "", "Names");
    if names.is_empty() {
        page.open_on("p", "", &Ground::Whole).text("No name could be read.").mark(&Ground::Whole).close("p");
        return;
    }
    page.raw("<table>\n<thead><tr><th>Name</th><th>How it could be read</th><th>Connections</th></tr></thead>\n<tbody>\n");
    for ((name, from), seen) in names.iter().take(MOST_ROWS) {
        page.open_on("tr", "", &Ground::Frames(seen.cited.clone())).open("td", "").part(&Part::Name(name.clone())).raw("</td>");
        page.element("td", "", NameFrom::words(*from)).open("td", "").text(&grouped(seen.connections)).cite(&seen.cited).raw("</td>");
        page.close("tr");
    }
    page.raw("</tbody></table>\n");
    rest(page, names.len().saturating_sub(MOST_ROWS) as u64, report.summary.exposure.names.left_out(), "name");
}

fn pairs(page: &mut Page<'_>) {
    let report = page.report;
    let pairs = report.summary.exposure.pairs_in_order();
    page.element("h3", "", "Who exchanged packets with whom, and when");
    page.raw("<table>\n<thead><tr><th>Device</th><th>Server</th><th>First and last</th><th>How much</th></tr></thead>\n<tbody>\n");
    for ((client, server), pair) in pairs.iter().take(MOST_ROWS) {
        page.open_on("tr", "", &Ground::Frames(pair.cited.clone())).open("td", "").part(&Part::Address(*client)).raw("</td><td>");
        page.part(&Part::Address(*server));
        if let Some(name) = &pair.name {
            page.raw("<br>").part(&Part::Name(name.clone()));
        }
        page.raw("</td><td>").part(&Part::Time(pair.span.0)).raw("<br>").part(&Part::Time(pair.span.1)).raw("</td><td>");
        page.text(&counted(pair.connections, "connection")).text(", ").text(&octets(pair.bytes)).cite(&pair.cited).raw("</td>").close("tr");
    }
    page.raw("</tbody></table>\n");
    rest(page, pairs.len().saturating_sub(MOST_ROWS) as u64, report.summary.exposure.pairs_left_out, "pair");
}

/// That a table is not the whole.
fn rest(page: &mut Page<'_>, not_shown: u64, not_kept: u64, thing: &str) {
    if not_shown + not_kept == 0 {
        return;
    }
    page.open_on("p", "small", &Ground::Whole);
    if not_shown > 0 {
        page.text(&format!("{} not shown here; the report as JSON lists them. ", counted(not_shown, thing)));
    }
    if not_kept > 0 {
        page.text(&format!(
            "A bound was reached: connections with a further {thing} were seen {} times and are not listed.",
            grouped(not_kept)
        ));
    }
    page.mark(&Ground::Whole).close("p");
}

/// Coverage and limits.
pub fn limits(page: &mut Page<'_>) {
    let report = page.report;
    page.raw("<section id=\"limits\">\n").element("h2", "", "Coverage and limits");
    page.paragraph("", &words::coverage(report));
    page.raw("<ul>\n");
    for limit in words::LIMITS {
        page.element("li", "", limit);
    }
    page.close("ul").close("section");
}

/// Where the capture comes from: what its file says, what its operator says.
pub fn custody(page: &mut Page<'_>) {
    let report = page.report;
    page.raw("<section id=\"custody\">\n").element("h2", "", "Where this comes from");
    if let Some(case) = &report.case {
        page.element("h3", "", "What the operator states").raw("<p class=\"small\">Claimed by the operator; packets do not show it.</p>\n");
        page.raw("<dl class=\"ask\" id=\"case\">\n");
        for (_, label, value) in case.fields() {
            let part = value.map_or_else(|| Part::from("not stated"), |value| Part::Quoted(value.into()));
            page.element("dt", "", label).open_on("dd", "", &Ground::Operator).part(&part).close("dd");
        }
        page.raw("</dl>\n");
        if !case.actions.is_empty() {
            page.raw("<ul>\n");
            for action in &case.actions {
                page.open_on("li", "", &Ground::Operator).text("The operator states, at ");
                page.part(&Part::Quoted(action.time.0.as_str().into())).text(": ").part(&Part::Quoted(action.what.as_str().into()));
                page.close("li");
            }
            page.close("ul");
        }
    }
    page.raw("<h3 id=\"inputs\">Captures</h3>\n");
    for (place, input) in (0u32..).zip(&report.summary.inputs) {
        page.raw(&format!("<article id=\"i{}\">\n", place + 1)).open_on("h4", "", &Ground::File(place));
        page.part(&Part::File(input.name.clone())).close("h4");
        page.raw("<dl class=\"ask\">\n");
        let fact = |page: &mut Page<'_>, label: &str, value: &[Part]| {
            page.element("dt", "", label).open_on("dd", "", &Ground::File(place));
            value.iter().for_each(|part| {
                page.part(part);
            });
            page.close("dd");
        };
        let hash: String = input.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        page.element("dt", "", "SHA-256").open_on("dd", "hash", &Ground::File(place)).text(&hash).close("dd");
        let format =
            if input.compression.is_empty() { input.format.to_owned() } else { format!("{}, {}", input.format, input.compression) };
        fact(page, "size", &[format!("{} bytes, {format}", grouped(input.bytes)).into()]);
        fact(page, "frames", &[format!("1 to {}, as Wireshark numbers them", grouped(input.packets)).into()]);
        match input.span {
            Some((start, end)) => fact(page, "time", &[Part::Time(start), " to ".into(), Part::Time(end)]),
            None => fact(page, "time", &["no connection".into()]),
        }
        fact(page, "read whole", &[input.damage.as_ref().map_or_else(|| "yes".into(), |damage| format!("no: {damage}").into())]);
        let lost = input.dropped.map_or_else(|| "not stated".to_owned(), |n| counted(n, "packet"));
        fact(page, "lost while capturing", &[lost.into()]);
        for (label, list) in [("the file says", &input.said), ("interfaces", &input.interfaces)] {
            if list.is_empty() {
                fact(page, label, &["nothing".into()]);
            } else {
                let mut parts = Vec::new();
                for item in list.iter() {
                    if !parts.is_empty() {
                        parts.push("; ".into());
                    }
                    parts.push(Part::Quoted(item.clone()));
                }
                fact(page, label, &parts);
            }
        }
        page.raw("</dl>\n</article>\n");
    }
    page.close("section");
}

/// How it was made, how to check it, and what the words mean.
pub fn method(page: &mut Page<'_>) {
    let report = page.report;
    page.raw("<section id=\"method\">\n").element("h2", "", "Method, and how to check it");
    page.element(
        "p",
        "",
        "intransit put the packets of each connection together, recognised its protocol by its bytes and never by its port, and judged what \
         was negotiated, never what was only offered. It sent no packet and resolved no name.",
    );
    page.element(
        "p",
        "",
        "A small number behind a sentence leads to the frames that prove it, by the numbers Wireshark gives them. Open the capture in \
         Wireshark, write the filter of the note into its filter line, and look at the same bytes. S leads to the source of a claim, all to \
         the captures as a whole. A sentence that something was not found names how many connections were looked at.",
    );
    page.raw("<dl class=\"glossary\">\n");
    for (word, meaning) in GLOSSARY {
        page.element("dt", "", word).element("dd", "", meaning);
    }
    page.raw("</dl>\n<dl class=\"ask\">\n");
    page.element("dt", "", "program").open_on("dd", "", &Ground::Method).text("intransit ").text(VERSION).close("dd");
    page.element("dt", "", "rules, SHA-256").open_on("dd", "hash", &Ground::Method).text(&rules_hash()).close("dd");
    let catalogue = format!("{} of {}", report.catalogue.hash(), report.catalogue.date);
    page.element("dt", "", "catalogue, SHA-256").open_on("dd", "hash", &Ground::Method).text(&catalogue).close("dd");
    page.element("dt", "", "command").raw("<dd class=\"hash\" data-ground=\"method\">");
    for (i, part) in report.about.command.iter().enumerate() {
        if i > 0 {
            page.raw(" ");
        }
        page.part(part);
    }
    page.close("dd");
    if let Some(made) = &report.about.made {
        page.element("dt", "", "made").open_on("dd", "", &Ground::Method).text(made).close("dd");
    }
    page.raw("</dl>\n").close("section");
}

const GLOSSARY: &[(&str, &str)] = &[
    ("in transit", "on the way between this device and the next server: over the Wi-Fi, the provider, the networks between."),
    ("end-to-end", "from one person's device to the other's, so that no server between can read it. Packets do not show it."),
    ("connection", "the packets that two addresses exchange through one pair of ports."),
    ("exposed ○", "something in it could be read by anyone on the way."),
    ("weak ◐", "encrypted, but in a way that today's standards advise against; nothing readable was seen."),
    (
        "custom ◇",
        "encrypted by a construction of the app's own; how strong it is cannot be judged from outside. Not a rank between the others.",
    ),
    ("protected ●", "a current standard protects what is sent."),
    ("unknown ?", "bytes went by, and they do not say; the reason is given."),
    ("none –", "nothing was sent."),
    ("TLS, QUIC, DTLS", "the standards that encrypt most traffic; TLS over TCP, QUIC and DTLS over UDP."),
    ("server name", "the name a device asks for at the beginning of a TLS connection, mostly in clear."),
];

/// The sources of claims that were called for.
pub fn sources(page: &mut Page<'_>) {
    let report = page.report;
    let keys = page.notes.sources().to_vec();
    if keys.is_empty() {
        return;
    }
    page.raw("<section id=\"sources\">\n").element("h2", "", "Sources of the claims");
    if page.voice.is_redacted() {
        page.element(
            "p",
            "small",
            "Where to read them is left out here, because a name in it may be one that was replaced: see intransit platforms.",
        );
    }
    page.raw("<ol class=\"sources\">\n");
    for (n, key) in keys.iter().enumerate() {
        let mut escaped = String::new();
        escape_into(&mut escaped, key);
        page.raw(&format!("<li id=\"s{}\" data-source=\"{escaped}\">", n + 1));
        match report.catalogue.source_named(key) {
            Some(source) => {
                page.text("“").text(&source.title).text("”");
                page.text(&source.date.map_or_else(|| ", undated".to_owned(), |date| format!(", {date}")));
                page.text(&format!(", {}", source.quality.word()));
                if let Some(quoting) = &source.quoting {
                    page.text(", quoting ").text(quoting);
                }
                page.text(&format!("; read {}. ", source.checked));
                if let Some(url) = source.url.as_ref().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
                    if page.voice.is_redacted() {
                        page.text(WITHHELD);
                    } else {
                        page.raw("<a rel=\"noreferrer\" href=\"").text(url).raw("\">").text(url).close("a");
                    }
                }
            }
            None => {
                page.text(key);
            }
        }
        page.close("li");
    }
    page.raw("</ol>\n").close("section");
}

/// The frames behind each numbered note. Last, because everything before may call for one.
pub fn notes(page: &mut Page<'_>) {
    let report = page.report;
    let notes = page.notes.frames().to_vec();
    if notes.is_empty() {
        return;
    }
    page.raw("<section id=\"notes\">\n").element("h2", "", "Notes: the frames").raw("<ol class=\"notes\">\n");
    for (n, cited) in notes.iter().enumerate() {
        page.raw(&format!("<li id=\"n{}\"", n + 1)).raw(&super::page::attribute(&Ground::Frames(cited.clone()))).raw(">");
        for (i, (input, frames)) in cited.by_input().iter().enumerate() {
            if i > 0 {
                page.text("; ");
            }
            if report.summary.inputs.len() > 1
                && let Some(input) = report.summary.inputs.get(*input as usize)
            {
                page.part(&Part::File(input.name.clone())).text(" ");
            }
            page.element("code", "", &display_filter(frames));
        }
        if cited.more() {
            page.text(" and more");
        }
        page.close("li");
    }
    page.raw("</ol>\n").close("section");
}

/// For other formats: a sentence is the same everywhere.
#[must_use]
pub fn glossary() -> &'static [(&'static str, &'static str)] {
    GLOSSARY
}
