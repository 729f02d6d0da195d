//! The report as JSON (contract §7), the same sentences included.
//!
//! A field that is not known is absent. Shares are rounded down: 1 means all. What strangers chose is safe to look at: characters that steer
//! a terminal or hide are written as escapes.

mod canary;
mod shape;

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::assess::Grade;
use crate::assess::platforms::{Claim, Source, Status};
use crate::assess::report::{
    App, Citations, Claimed, Counts, Ground, NameFrom, Part, Report, Sentence, Standing, VERSION, Voice, rules_hash, signal_part, words,
};
use crate::base::{Timestamp, WireStr};

use shape::*;

/// The schema's name.
pub const SCHEMA: &str = "intransit/report/1";

/// The whole report, indented.
#[must_use]
pub fn render(report: &Report) -> String {
    safe(&document(report))
}

/// Any value, indented and safe to look at.
pub fn safe(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Safe(PrettyFormatter::with_indent(b" ")));
    // Writing to a Vec cannot fail, and no map here has a key that is not text.
    let _ = value.serialize(&mut writer);
    out.push(b'\n');
    String::from_utf8(out).unwrap_or_default()
}

/// The report as a tree, to compare with one that was written before.
#[must_use]
pub fn verifiable(report: &Report) -> serde_json::Value {
    serde_json::to_value(document(report)).unwrap_or_default()
}

/// Escapes what steers a terminal or hides.
struct Safe<'a>(PrettyFormatter<'a>);

impl Formatter for Safe<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| WireStr::steers(*c)) {
            writer.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

fn document(report: &Report) -> Document {
    View { report, voice: report.voice() }.document()
}

struct View<'r> {
    report: &'r Report,
    voice: Voice,
}

impl View<'_> {
    fn document(&self) -> Document {
        let (report, summary) = (self.report, &self.report.summary);
        let all = summary.board.all();
        let (short, answer) = words::answer(report);
        let c = &summary.coverage;
        let platforms: Vec<Platform> = summary.board.rows().into_iter().map(|app| self.platform(app)).collect();
        Document {
            schema: SCHEMA,
            tool: Tool {
                name: "intransit",
                version: VERSION,
                rules: rules_hash(),
                catalogue: report.catalogue.hash(),
                catalogue_date: report.catalogue.date.to_string(),
            },
            made: report.about.made.clone(),
            command: report.about.command.iter().map(|part| self.voice.part(part)).collect(),
            redacted: report.about.redacted,
            unmasked: report.about.unmasked,
            filter: report.filter().map(|filter| Filtered {
                expression: self.voice.part(&filter),
                connections: c.connections,
                of: c.connections.saturating_add(summary.left_out),
            }),
            warnings: self.all(&words::warnings(report)),
            case: report.case.as_ref().map(|case| Stated {
                basis: "claimed",
                fields: case.fields().into_iter().filter_map(|(key, _, value)| Some((key, self.quoted(value?)))).collect(),
                not_stated: case.fields().into_iter().filter(|(.., value)| value.is_none()).map(|(key, ..)| key).collect(),
                actions: case.actions.iter().map(|a| Action { time: self.quoted(&a.time.0), what: self.quoted(&a.what) }).collect(),
            }),
            inputs: self.inputs(),
            coverage: Coverage {
                connections: c.connections,
                judged: c.judged,
                bytes: c.bytes,
                judged_bytes: c.judged_bytes,
                with_handshake: c.with_handshake,
                whole: c.whole,
                with_handshake_bytes: c.with_handshake_bytes,
                whole_bytes: c.whole_bytes,
                dropped: summary.inputs.iter().map(|input| input.dropped).try_fold(0u64, |sum, n| Some(sum.saturating_add(n?))),
                truncated: summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.link.truncated)),
                one_sided: c.one_sided,
                undecodable: summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.undecodable())),
                missing_bytes: c.missing,
                evicted: summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.evicted)),
                unread: summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.unread)),
                named: c.named,
                internal_errors: summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.failed)),
                text: self.all(&words::coverage(report)),
            },
            grade: all.headline().grade.word(),
            answer: Answer { short, text: self.all(&answer) },
            connections: Grades(all.connections),
            by_design: all.by_design,
            shares: Shares(all.payload),
            versions: versions(&all.versions),
            sources: self.sources(&platforms),
            platforms,
            findings: self.findings(),
            exposure: self.exposure(),
            timeline: Timeline {
                seconds: summary.timeline.seconds(),
                stretches: summary
                    .timeline
                    .stretches()
                    .into_iter()
                    .zip(0u64..)
                    .filter(|((_, counts), _)| counts.total() > 0)
                    .map(|((start, counts), place)| Stretch {
                        start: self.voice.stretch(start, place, summary.timeline.seconds()),
                        connections: Grades(counts),
                    })
                    .collect(),
            },
            canary: self.canary(),
            not_seen: report.not_seen().map(|sentence| self.said(&sentence)),
            limits: words::LIMITS.to_vec(),
        }
    }

    fn inputs(&self) -> Vec<Input> {
        let said = |list: &[WireStr]| list.iter().map(|item| self.voice.part(&Part::Quoted(item.clone()))).collect();
        self.report
            .summary
            .inputs
            .iter()
            .map(|input| Input {
                name: self.voice.file(&input.name),
                sha256: input.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
                bytes: input.bytes,
                packets: input.packets,
                start: input.span.map(|(start, _)| self.voice.time(start)),
                end: input.span.map(|(_, end)| self.voice.time(end)),
                complete: input.damage.is_none(),
                damage: input.damage.clone(),
                format: input.format,
                compression: input.compression,
                said: said(&input.said),
                interfaces: said(&input.interfaces),
                has_secrets: input.has_secrets,
                keys: input.keys.as_ref().map(|keys| Keys { loaded: keys.loaded, matched: keys.matched }),
                dropped: input.dropped,
                undecodable: input.undecodable(),
                left_out: input.left_out,
            })
            .collect()
    }

    fn platform(&self, app: &App) -> Platform {
        let report = self.report;
        let headline = app.headline();
        let said = words::paragraph(report, app);
        let claims = report.claims_of(app);
        let whole = [&said.seen, &said.follows, &said.not].into_iter().flatten().map(|sentence| self.voice.say(sentence));
        let summary = whole.collect::<Vec<_>>().join(" ");
        let own = claims.first().filter(|_| app.standing == Standing::App);
        Platform {
            id: app.id.clone(),
            name: report.name_of(app),
            kind: match app.standing {
                Standing::App => "app",
                Standing::Shared => "shared",
                Standing::All => "other",
            },
            grade: if headline.of() == 0 && headline.empty == 0 { Grade::Unknown } else { headline.grade }.word(),
            headline: Headline {
                text: headline.to_string(),
                with: headline.with,
                judged: headline.judged,
                of: headline.of(),
                not_judged: headline.unjudged,
                empty: headline.empty,
            },
            shares: Shares(app.payload),
            connections: app.total(),
            by_grade: Grades(app.connections),
            beside: Grades(app.beside),
            possible: Grades(app.possible),
            by_design: app.by_design,
            roles: app.roles.iter().map(|(role, counts)| (role.word(), Grades(*counts))).collect(),
            bytes: app.bytes,
            packets: app.packets,
            versions: versions(&app.versions),
            identities: app.identities.iter().map(|(identity, seen)| (identity.word(), seen.connections)).collect(),
            because: app
                .because
                .most_first()
                .into_iter()
                .map(|((signal, value), seen)| Because {
                    signal,
                    value: self.signal(signal, value),
                    connections: seen.connections,
                    evidence: evidence(&seen.cited),
                })
                .collect(),
            worst: app.worst().map(|(severity, rule)| Worst { severity: severity.word(), rule }),
            claim: own.map(|claim| self.claim(claim)),
            candidates: claims
                .iter()
                .filter(|_| app.standing != Standing::App)
                .map(|c| Candidate { id: c.platform.id.to_string(), name: c.platform.name.clone(), claim: self.claim(c) })
                .collect(),
            article: own
                .and_then(|claim| claim.platform.article.as_ref())
                .map(|a| Article { said: a.said.clone(), found: a.found.clone() }),
            summary,
            seen: self.all(&said.seen),
            follows: self.all(&said.follows),
            not: self.all(&said.not),
            evidence: evidence(&app.cited),
        }
    }

    fn claim(&self, claimed: &Claimed<'_>) -> ClaimView {
        let claim = claimed.in_force.claim;
        let word = |of: fn(&Claim) -> Status| claim.map_or(Status::Unknown, of).word();
        ClaimView {
            basis: "claimed",
            status: claimed.status().word(),
            messages: word(Claim::messages),
            groups: word(Claim::groups),
            calls: word(Claim::calls),
            scope: claim.map(|claim| claim.scope.clone()),
            protocol: claim.and_then(|claim| claim.protocol.clone()),
            disputed: claim.and_then(|claim| claim.disputed.clone()),
            since: claim.and_then(|claim| claim.since).map(|date| date.to_string()),
            until: claim.and_then(|claim| claim.until).map(|date| date.to_string()),
            source: claimed.source().map(|source| self.source(source)),
            also: claim.into_iter().flat_map(|claim| &claim.also).map(|key| key.as_str().to_owned()).collect(),
            checked: claim.map(|claim| claim.checked.to_string()),
            stale: claimed.is_stale(),
            history: claimed.in_force.earlier.iter().chain(claimed.in_force.later).map(past).collect(),
            beside: claimed.beside().into_iter().map(|(question, answer)| (question, self.said(&answer))).collect(),
            text: self.all(&claimed.sentences()),
        }
    }

    fn source(&self, source: &Source) -> SourceView {
        SourceView {
            title: source.title.clone(),
            url: source.url.clone().filter(|_| !self.voice.is_redacted()),
            date: source.date.map(|date| date.to_string()),
            quality: source.quality.word(),
            quoting: source.quoting.clone(),
            checked: source.checked.to_string(),
        }
    }

    /// The sources that the platforms' sentences name.
    fn sources(&self, platforms: &[Platform]) -> BTreeMap<String, SourceView> {
        let claims = platforms.iter().flat_map(|p| p.claim.iter().chain(p.candidates.iter().map(|c| &c.claim)));
        let keys = claims.flat_map(|claim| claim.text.iter().chain(claim.beside.values()).flat_map(|said| &said.sources));
        keys.filter_map(|key| Some((key.clone(), self.source(self.report.catalogue.source_named(key)?)))).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        self.report
            .summary
            .findings
            .gravest_first()
            .into_iter()
            .map(|seen| Finding {
                rule: seen.rule.id,
                severity: seen.rule.severity.word(),
                title: seen.rule.title,
                text: seen.rule.reader,
                engineer: seen.rule.engineer,
                norm: seen.rule.norm,
                wireshark: seen.rule.wireshark,
                connections: seen.connections,
                platforms: versions(&seen.apps),
                seen: seen
                    .texts
                    .most_first()
                    .into_iter()
                    .filter(|_| !self.voice.is_redacted())
                    .map(|(text, n)| Detail { text: text.clone(), connections: n.connections, evidence: evidence(&n.cited) })
                    .collect(),
                evidence: evidence(&seen.cited),
            })
            .collect()
    }

    fn exposure(&self) -> Exposure {
        let exposure = &self.report.summary.exposure;
        Exposure {
            names: exposure
                .names_in_order()
                .into_iter()
                .map(|((name, from), seen)| Name {
                    name: self.name(name),
                    from: NameFrom::word(*from),
                    connections: seen.connections,
                    evidence: evidence(&seen.cited),
                })
                .collect(),
            names_left_out: exposure.names.left_out(),
            readable: exposure
                .readable
                .iter()
                .map(|((kind, what), seen)| Readable {
                    kind: kind.word(),
                    what,
                    connections: seen.connections,
                    count: seen.count,
                    bytes: seen.bytes,
                    excerpt: Some(seen.excerpt.clone())
                        .filter(|excerpt| !excerpt.as_bytes().is_empty() && !self.voice.is_redacted())
                        .map(|excerpt| text(&excerpt)),
                    evidence: evidence(&seen.cited),
                })
                .collect(),
            identifiers: exposure
                .identifiers
                .iter()
                .map(|((what, value), seen)| Identifier {
                    what,
                    value: if self.voice.is_redacted() { self.voice.quoted(value) } else { text(value) },
                    connections: seen.connections,
                    evidence: evidence(&seen.cited),
                })
                .collect(),
            identifiers_left_out: exposure.identifiers.left_out(),
            pairs: exposure
                .pairs_in_order()
                .into_iter()
                .map(|((client, server), pair)| Pair {
                    client: self.voice.address(*client),
                    server: self.voice.address(*server),
                    name: pair.name.as_ref().map(|name| self.name(name)),
                    start: self.time(pair.span.0),
                    end: self.time(pair.span.1),
                    connections: pair.connections,
                    bytes: pair.bytes,
                    evidence: evidence(&pair.cited),
                })
                .collect(),
            pairs_left_out: exposure.pairs_left_out,
        }
    }

    fn all(&self, sentences: &[Sentence]) -> Vec<Said> {
        sentences.iter().map(|sentence| self.said(sentence)).collect()
    }

    fn said(&self, sentence: &Sentence) -> Said {
        let (basis, evidence, sources) = match &sentence.ground {
            Ground::Frames(cited) => ("observed", evidence(cited), Vec::new()),
            Ground::Whole => ("observed", Vec::new(), Vec::new()),
            Ground::Sources(keys) => ("claimed", Vec::new(), keys.clone()),
            Ground::Operator | Ground::File(_) => ("claimed", Vec::new(), Vec::new()),
            Ground::Rule(_) | Ground::Method => ("inferred", Vec::new(), Vec::new()),
        };
        Said { text: self.voice.say(sentence), basis, evidence, sources }
    }

    fn name(&self, name: &WireStr) -> String {
        if self.voice.is_redacted() { self.voice.name(name) } else { text(name) }
    }

    fn signal(&self, signal: &str, value: &WireStr) -> String {
        match signal_part(signal, value) {
            Part::Name(name) => self.name(&name),
            part => self.voice.part(&part),
        }
    }

    fn time(&self, at: Timestamp) -> String {
        self.voice.time(at)
    }

    fn quoted(&self, words: &str) -> String {
        self.voice.quoted(&words.into())
    }
}

fn past(claim: &Claim) -> Past {
    Past {
        status: claim.status.word(),
        since: claim.since.map(|date| date.to_string()),
        until: claim.until.map(|date| date.to_string()),
        scope: claim.scope.clone(),
        source: claim.source.as_str().to_owned(),
    }
}

fn versions(counts: &Counts<String>) -> BTreeMap<String, u64> {
    counts.iter().map(|(key, seen)| (key.clone(), seen.connections)).collect()
}

fn evidence(cited: &Citations) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = cited
        .by_input()
        .into_iter()
        .map(|(input, frames)| Evidence { input, frames: frames.iter().map(|frame| frame.get()).collect(), more: false })
        .collect();
    if let Some(last) = all.last_mut() {
        last.more = cited.more();
    }
    all
}

/// Text that a stranger chose: what is UTF-8 stays, other bytes are written as `\xNN`.
fn text(wire: &WireStr) -> String {
    let mut out = String::new();
    for chunk in wire.as_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}
