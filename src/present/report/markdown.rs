//! The report as Markdown (CommonMark with tables): the same sentences, with numbered notes.

use super::notes::{Mark, Notes, display_filter};
use super::{canary, sections};
use crate::assess::Grade;
use crate::assess::report::{
    ByGrade, Citations, Ground, NameFrom, Part, Report, Sentence, Standing, VERSION, Voice, WITHHELD, counted, grouped, octets, percent,
    rules_hash, signal_part, words,
};
use crate::base::WireStr;
use crate::present::canary::{LIMITS, METHOD};
use crate::present::glyph;

/// Rows of a long table.
const MOST_ROWS: usize = 200;

/// The whole report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut md = Markdown { report, voice: report.voice(), notes: Notes::default(), out: String::new() };
    md.top();
    md.board();
    md.numbers();
    md.apps();
    md.canary();
    md.findings();
    md.exposure();
    md.limits();
    md.custody();
    md.method();
    md.sources();
    md.frames();
    md.out
}

struct Markdown<'r> {
    report: &'r Report,
    voice: Voice,
    notes: Notes,
    out: String,
}

impl Markdown<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn heading(&mut self, level: usize, text: &str) {
        let line = format!("\n{} {}\n", "#".repeat(level), escaped(text));
        self.line(&line);
    }

    fn paragraph(&mut self, sentences: &[Sentence]) {
        if !sentences.is_empty() {
            let text: Vec<String> = sentences.iter().map(|sentence| self.sentence(sentence)).collect();
            self.line(&format!("{}\n", text.join(" ")));
        }
    }

    fn item(&mut self, text: &str) {
        self.line(&format!("- {text}"));
    }

    fn row(&mut self, cells: &[String]) {
        // A bar ends a cell even in a code span.
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn table(&mut self, heads: &[&str]) {
        let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        self.row(&heads);
        self.line(&format!("|{}", "---|".repeat(heads.len())));
    }

    fn sentence(&mut self, sentence: &Sentence) -> String {
        let words: String = sentence.parts.iter().map(|part| self.part(part)).collect();
        words + &self.mark(&sentence.ground)
    }

    fn part(&self, part: &Part) -> String {
        let said = self.voice.part(part);
        match part {
            Part::Words(_) | Part::Time(_) => escaped(&said),
            Part::Name(_) | Part::Address(_) | Part::File(_) | Part::Quoted(_) => code(&said),
        }
    }

    fn mark(&mut self, ground: &Ground) -> String {
        match self.notes.mark(ground) {
            Mark::Note(n) => format!(" [{n}]"),
            Mark::Sources(list) => list.iter().map(|n| format!(" [S{n}]")).collect(),
            Mark::Whole => " [all]".to_owned(),
            Mark::Operator => " [op]".to_owned(),
            Mark::File(_) => " [file]".to_owned(),
            Mark::Rule(_) | Mark::Nothing => String::new(),
        }
    }

    fn cite(&mut self, cited: &Citations) -> String {
        self.mark(&Ground::Frames(cited.clone()))
    }

    fn top(&mut self) {
        let report = self.report;
        let title = super::html::title(report, &self.voice);
        for warning in words::warnings(report) {
            let warning = self.sentence(&warning);
            self.line(&format!("> {warning}\n"));
        }
        self.line(&format!("# {}\n", escaped(&title)));
        self.line(if report.about.redacted {
            "> Redacted: names and addresses are pseudonyms, times count from the first packet.\n"
        } else {
            "> **Not redacted: this report contains addresses and names of people and devices.** Make one with `--redact` before you pass \
             it on.\n"
        });
        if report.about.unmasked {
            self.line("> **Not masked: what was readable is shown as it was.**\n");
        }
        let coverage = words::coverage(report);
        self.paragraph(coverage.get(..2).unwrap_or_default());
        let (short, sentences) = words::answer(report);
        let sentences: Vec<String> = sentences.iter().map(|sentence| self.sentence(sentence)).collect();
        self.line(&format!("**{short}** {}\n", sentences.join(" ")));
    }

    fn board(&mut self) {
        let report = self.report;
        self.heading(2, "App by app");
        self.table(&["App", "In transit (observed)", "End-to-end (claimed)", "Connections", "Bytes", "Worst finding"]);
        for app in report.summary.board.rows() {
            let headline = app.headline();
            let transit = if headline.of() == 0 && headline.empty == 0 {
                "? not seen".to_owned()
            } else {
                let cited = app.headline_cited.get(&headline.grade).cloned().unwrap_or_default();
                format!("{} {headline}{}", glyph(headline.grade), self.cite(&cited))
            };
            let claims: Vec<String> = report
                .claims_of(app)
                .iter()
                .map(|claim| {
                    let mut line = self.sentence(&claim.line());
                    if claim.in_force.has_changed_since() {
                        let now = self.sentence(&claim.now());
                        line.push_str(&format!("; changed since the capture, now: {now}"));
                    }
                    if app.standing == Standing::Shared { format!("{}: {line}", escaped(&claim.platform.name)) } else { line }
                })
                .collect();
            let claims = match (claims.is_empty(), app.standing) {
                (true, Standing::All) => "–".to_owned(),
                (true, _) => "no claim in the catalogue".to_owned(),
                (false, Standing::Shared) => format!("packets do not tell which: {}", claims.join("; ")),
                (false, _) => claims.join("; "),
            };
            let worst = app.worst().map_or_else(|| "–".to_owned(), |(severity, rule)| format!("{} ({})", rule, severity.word()));
            let cells = [escaped(&report.name_of(app)), transit, claims, grouped(app.total()), octets(app.bytes), worst];
            self.row(&cells);
        }
        self.line("");
        if let Some(sentence) = report.not_seen() {
            self.paragraph(&[sentence]);
        }
    }

    fn numbers(&mut self) {
        let report = self.report;
        self.heading(2, "At a glance");
        self.table(&["App", "Payload", "exposed", "weak", "protected", "custom", "unknown"]);
        for app in report.summary.board.rows() {
            let of = |counts: &ByGrade, grade: Grade| match counts.of(grade) {
                0 => "–".to_owned(),
                n => percent(n, counts.total()),
            };
            let p = &app.payload;
            let grades = [Grade::Exposed, Grade::Weak, Grade::Protected, Grade::Custom, Grade::Unknown];
            let mut cells = vec![escaped(&report.name_of(app)), octets(p.total())];
            cells.extend(grades.into_iter().map(|grade| of(p, grade)));
            self.row(&cells);
        }
        self.line("");
        let all = report.summary.board.all();
        if !all.versions.is_empty() {
            self.table(&["Version that was negotiated", "Connections"]);
            for (version, seen) in all.versions.most_first() {
                let cited = self.cite(&seen.cited);
                self.row(&[escaped(version), format!("{}{cited}", grouped(seen.connections))]);
            }
            self.line("");
        }
        let timeline = &report.summary.timeline;
        self.table(&["Connections that began from", "exposed", "weak", "custom", "protected", "unknown", "none"]);
        for (place, (start, counts)) in (0u64..).zip(timeline.stretches()) {
            if counts.total() > 0 {
                let mut cells = vec![self.voice.stretch(start, place, timeline.seconds())];
                cells.extend(Grade::ALL.into_iter().map(|grade| grouped(counts.of(grade))));
                self.row(&cells);
            }
        }
        self.line(&format!("\nEach row is {}.\n", counted(timeline.seconds(), "second")));
    }

    fn apps(&mut self) {
        let report = self.report;
        self.heading(2, "In plain words");
        for app in report.summary.board.rows() {
            self.heading(3, &report.name_of(app));
            let said = words::paragraph(report, app);
            self.paragraph(&said.seen);
            self.paragraph(&said.follows);
            self.paragraph(&said.not);
            if !app.because.is_empty() {
                let because: Vec<String> = app
                    .because
                    .most_first()
                    .into_iter()
                    .map(|((signal, value), seen)| {
                        let mut cited = self.cite(&seen.cited);
                        if let Some(source) = report.source_of_signal(app, signal, value) {
                            cited += &self.mark(&source);
                        }
                        format!("{signal} {} ({}){cited}", self.part(&signal_part(signal, value)), grouped(seen.connections))
                    })
                    .collect();
                self.line(&format!("Taken for this app because of: {}.\n", because.join("; ")));
            }
            for claim in report.claims_of(app) {
                let name = escaped(&claim.platform.name);
                self.line(&format!("**Claimed: {name}**\n"));
                self.paragraph(&claim.sentences());
                self.paragraph(&claim.article());
                for (question, answer) in claim.beside() {
                    let answer = self.sentence(&answer);
                    self.item(&format!("{question}: {answer}"));
                }
                self.line("");
            }
        }
    }

    fn findings(&mut self) {
        let report = self.report;
        self.heading(2, "Findings");
        let all = report.summary.findings.gravest_first();
        if all.is_empty() {
            self.line("No rule fired. [all]\n");
        }
        for seen in all {
            let rule = seen.rule;
            self.heading(3, &format!("{}: {}", rule.severity.word(), rule.title));
            let cited = self.cite(&seen.cited);
            self.line(&format!("{} Seen in {}.{cited}\n", escaped(rule.reader), counted(seen.connections, "connection")));
            if !self.voice.is_redacted() {
                for (text, n) in seen.texts.most_first() {
                    let cited = self.cite(&n.cited);
                    let text = self.part(&Part::Quoted(WireStr::from(text.as_str())));
                    self.item(&format!("{text} ({}){cited}", grouped(n.connections)));
                }
                self.line("");
            }
            let (engineer, norm) = (escaped(rule.engineer), escaped(rule.norm));
            self.line(&format!("{engineer} Norm: {norm}. Rule: {}. In Wireshark: {}.\n", code(rule.id), code(rule.wireshark)));
        }
    }

    fn exposure(&mut self) {
        let exposure = &self.report.summary.exposure;
        self.heading(2, "What a stranger on the same network sees");
        self.line(
            "Even where every connection is encrypted, names, addresses, times and sizes are not. They tell who talked with which service, \
             when, for how long and how much.\n",
        );
        if exposure.readable.is_empty() {
            self.line("Nothing readable was recognised in these connections. [all]\n");
        } else {
            self.table(&["Kind", "What", "Times", "Connections", "Bytes", "Begins, masked"]);
            for ((kind, what), seen) in &exposure.readable {
                let cited = self.cite(&seen.cited);
                let excerpt =
                    if seen.excerpt.as_bytes().is_empty() { String::new() } else { self.part(&Part::Quoted(seen.excerpt.clone())) };
                let cells = [
                    kind.word().to_owned(),
                    escaped(what),
                    grouped(seen.count),
                    format!("{}{cited}", grouped(seen.connections)),
                    octets(seen.bytes),
                    excerpt,
                ];
                self.row(&cells);
            }
            self.line("");
        }
        for ((what, value), seen) in exposure.identifiers.iter().take(MOST_ROWS) {
            let cited = self.cite(&seen.cited);
            let value = self.part(&Part::Quoted(value.clone()));
            self.item(&format!("{}: {value} ({}){cited}", escaped(what), counted(seen.connections, "connection")));
        }
        let names = exposure.names_in_order();
        if !names.is_empty() {
            self.line("");
            self.table(&["Name", "How it could be read", "Connections"]);
            for ((name, from), seen) in names.iter().take(MOST_ROWS) {
                let cited = self.cite(&seen.cited);
                let cells = [
                    self.part(&Part::Name(name.clone())),
                    NameFrom::words(*from).to_owned(),
                    format!("{}{cited}", grouped(seen.connections)),
                ];
                self.row(&cells);
            }
        }
        self.line("");
        self.table(&["Device", "Server", "First", "Last", "Connections", "Bytes"]);
        let pairs = exposure.pairs_in_order();
        for ((client, server), pair) in pairs.iter().take(MOST_ROWS) {
            let cited = self.cite(&pair.cited);
            let mut to = self.part(&Part::Address(*server));
            if let Some(name) = &pair.name {
                to = format!("{to} {}", self.part(&Part::Name(name.clone())));
            }
            let cells = [
                self.part(&Part::Address(*client)),
                to,
                self.voice.second(pair.span.0),
                self.voice.second(pair.span.1),
                format!("{}{cited}", grouped(pair.connections)),
                octets(pair.bytes),
            ];
            self.row(&cells);
        }
        let more = (names.len().saturating_sub(MOST_ROWS) + pairs.len().saturating_sub(MOST_ROWS)) as u64;
        let left = more.saturating_add(exposure.names.left_out()).saturating_add(exposure.pairs_left_out);
        if left > 0 {
            self.line(&format!("\n{} not listed here. [all]", counted(left, "more name or pair")));
        }
    }

    fn canary(&mut self) {
        let Some(test) = &self.report.canary else { return };
        self.heading(2, "Canary test: could a phrase that was sent be read at the server end?");
        self.line(&format!("The phrase has the SHA-256 `{}`.\n", canary::hex(&test.message_sha256)));
        for told in canary::told(self.report) {
            self.heading(3, canary::heading(told.verdict));
            self.paragraph(&told.head);
            for sentence in told.reasons.iter().chain(&told.controls) {
                let said = self.sentence(sentence);
                self.item(&said);
            }
            for channel in &told.channels {
                let name = self.sentence(&channel.name);
                self.line(&format!("\n{name}: **{}**\n", canary::heading(channel.verdict)));
                for sentence in &channel.sentences {
                    let said = self.sentence(sentence);
                    self.item(&said);
                }
            }
            if told.quiet > 0 {
                self.line(&format!("\nThe phrase was not found in {}. [all]", counted(told.quiet as u64, "more connection")));
            }
        }
        self.line(&format!("\nMethod: {}\n", escaped(METHOD)));
        LIMITS.iter().for_each(|limit| self.item(&escaped(limit)));
    }

    fn limits(&mut self) {
        self.heading(2, "Coverage and limits");
        self.paragraph(&words::coverage(self.report));
        for limit in words::LIMITS {
            self.item(&escaped(limit));
        }
    }

    fn custody(&mut self) {
        let report = self.report;
        self.heading(2, "Where this comes from");
        if let Some(case) = &report.case {
            self.line("Claimed by the operator; packets do not show it.\n");
            for (_, label, value) in case.fields() {
                let value = value.map_or_else(|| "not stated".to_owned(), |value| self.part(&Part::Quoted(value.into())));
                self.item(&format!("{label}: {value} [op]"));
            }
            for action in &case.actions {
                let (time, what) =
                    (self.part(&Part::Quoted(action.time.0.as_str().into())), self.part(&Part::Quoted(action.what.as_str().into())));
                self.item(&format!("the operator states, at {time}: {what} [op]"));
            }
            self.line("");
        }
        for input in &report.summary.inputs {
            let name = self.part(&Part::File(input.name.clone()));
            let hash: String = input.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            self.item(&format!(
                "{name}: SHA-256 `{hash}`, {} bytes, {}, frames 1 to {} [file]",
                grouped(input.bytes),
                input.format,
                grouped(input.packets)
            ));
            if let Some(damage) = &input.damage {
                self.item(&format!("{name} was not read whole: {} [file]", escaped(damage)));
            }
            for said in &input.said {
                let said = self.part(&Part::Quoted(said.clone()));
                self.item(&format!("{name} says: {said} [file]"));
            }
        }
    }

    fn method(&mut self) {
        let report = self.report;
        self.heading(2, "Method, and how to check it");
        self.line(
            "A number in brackets leads to the frames that prove a sentence, by the numbers Wireshark gives them: write the note's filter into \
             Wireshark's filter line. S leads to the source of a claim, all to the captures as a whole, op to the operator, file to what the \
             capture file says of itself.\n",
        );
        for (word, meaning) in sections::glossary() {
            self.item(&format!("**{word}**: {}", escaped(meaning)));
        }
        self.line("");
        self.item(&format!("program: intransit {VERSION}"));
        self.item(&format!("rules, SHA-256: `{}`", rules_hash()));
        self.item(&format!("catalogue, SHA-256: `{}` of {}", report.catalogue.hash(), report.catalogue.date));
        let command: Vec<String> = report.about.command.iter().map(|part| self.voice.part(part)).collect();
        self.item(&format!("command: {}", code(&command.join(" "))));
        if let Some(made) = &report.about.made {
            self.item(&format!("made: {}", escaped(made)));
        }
    }

    fn sources(&mut self) {
        let keys = self.notes.sources().to_vec();
        if keys.is_empty() {
            return;
        }
        self.heading(2, "Sources of the claims");
        for (n, key) in keys.iter().enumerate() {
            let Some(source) = self.report.catalogue.source_named(key) else { continue };
            let date = source.date.map_or_else(|| "undated".to_owned(), |date| date.to_string());
            let quoting = source.quoting.as_ref().map(|quoting| format!(", quoting {}", escaped(quoting))).unwrap_or_default();
            let url = match &source.url {
                Some(_) if self.voice.is_redacted() => WITHHELD.to_owned(),
                Some(url) => format!("<{}>", url.replace(['<', '>', ' '], "")),
                None => String::new(),
            };
            let title = escaped(&source.title);
            self.line(&format!("- S{}: “{title}”, {date}, {}{quoting}; read {}. {url}", n + 1, source.quality.word(), source.checked));
        }
    }

    fn frames(&mut self) {
        let notes = self.notes.frames().to_vec();
        if notes.is_empty() {
            return;
        }
        self.heading(2, "Notes: the frames");
        for (n, cited) in notes.iter().enumerate() {
            let of: Vec<String> = cited
                .by_input()
                .iter()
                .map(|(input, frames)| {
                    let filter = code(&display_filter(frames));
                    match self.report.summary.inputs.get(*input as usize) {
                        Some(input) if self.report.summary.inputs.len() > 1 => {
                            format!("{} {filter}", self.part(&Part::File(input.name.clone())))
                        }
                        _ => filter,
                    }
                })
                .collect();
            let more = if cited.more() { " and more" } else { "" };
            self.line(&format!("- {}: {}{more}", n + 1, of.join("; ")));
        }
    }
}

/// Words as Markdown that means nothing but themselves.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '$' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What strangers chose, as a code span: nothing in it is mark-up, and nothing of it becomes a link.
pub fn code(text: &str) -> String {
    let text = text.replace('`', "\\x60");
    format!("`{}`", if text.trim().is_empty() { "\\x20" } else { text.trim_end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_chose_is_neither_mark_up_nor_a_link() {
        assert_eq!(code("a`<script>https://evil.example"), "`a\\x60<script>https://evil.example`");
        assert_eq!(escaped("[x](y) <b> *c*"), "\\[x\\](y) \\<b\\> \\*c\\*");
    }
}
