//! The canary test in a report: the sentences that HTML and Markdown print. Each rests on frames, or on all of the capture.

use super::page::Page;
use crate::assess::Catalogue;
use crate::assess::canary::{Canary, Channel, Reason, Verdict};
use crate::assess::report::{Citations, Ground, Part, Report, Sentence, Tested, counted, grouped};
use crate::base::{Evidence, WireStr};
use crate::dissect::inside::Hit;
use crate::present::canary::{LIMITS, METHOD, bearing, direction, hidden, title};

/// What is said of the test of one capture.
#[derive(Debug)]
pub struct Told<'r> {
    /// The result.
    pub verdict: Verdict,
    /// What it is, and what it rests on.
    pub head: Vec<Sentence>,
    /// Why it does not tell, where it does not; of the capture as a whole.
    pub reasons: Vec<Sentence>,
    /// What became of the controls.
    pub controls: Vec<Sentence>,
    /// Connection by connection.
    pub channels: Vec<ToldChannel>,
    /// The same connections.
    pub shown: Vec<&'r Channel>,
    /// Connections that are not told one by one: nothing was found in them, and nothing was lacking.
    pub quiet: usize,
}

/// What is said of one connection.
#[derive(Debug)]
pub struct ToldChannel {
    /// Its ends.
    pub name: Sentence,
    /// The result.
    pub verdict: Verdict,
    /// What was found, and what was lacking.
    pub sentences: Vec<Sentence>,
}

/// Connections that are told one by one.
const MOST_CHANNELS: usize = 200;

/// The sentences of each test of a report.
#[must_use]
pub fn told(report: &Report) -> Vec<Told<'_>> {
    report.canary.iter().flat_map(|canary| &canary.tests).map(|test| of(report, test)).collect()
}

fn of<'r>(report: &Report, test: &'r Tested) -> Told<'r> {
    let canary = &test.canary;
    let (mut shown, quiet): (Vec<&Channel>, Vec<&Channel>) = canary.channels.iter().partition(|channel| is_told(channel));
    let left_out = shown.len().saturating_sub(MOST_CHANNELS);
    shown.truncate(MOST_CHANNELS);
    Told {
        verdict: canary.verdict,
        head: head(report, test),
        reasons: canary.general.iter().filter(|_| canary.verdict == Verdict::Inconclusive).map(|one| reason(test.input, one)).collect(),
        controls: (1u64..).zip(&canary.controls).map(|(n, control)| of_control(test.input, n, control.evidence.as_ref())).collect(),
        quiet: quiet.len().saturating_add(left_out),
        channels: shown.iter().map(|channel| of_channel(test.input, channel, report.catalogue)).collect(),
        shown,
    }
}

fn is_told(channel: &Channel) -> bool {
    channel.verdict != Verdict::Inconclusive || channel.is_blocking() || !channel.hits.is_empty() || !channel.sealed.is_empty()
}

fn sentence(parts: Vec<Part>, ground: Ground) -> Sentence {
    Sentence { parts, ground }
}

fn cited(input: u32, evidence: &Evidence) -> Ground {
    Ground::Frames(Citations::of(input, evidence))
}

fn head(report: &Report, test: &Tested) -> Vec<Sentence> {
    let canary = &test.canary;
    let file = report.summary.inputs.get(test.input as usize).map(|input| input.name.clone()).unwrap_or_default();
    let mut proof = Citations::default();
    canary
        .channels
        .iter()
        .filter(|c| c.verdict == Verdict::Readable)
        .flat_map(|c| &c.hits)
        .for_each(|hit| proof.join(test.input, &hit.evidence));
    let ground = if proof.is_empty() { Ground::Whole } else { Ground::Frames(proof) };
    let mut all = vec![sentence(vec!["In ".into(), Part::File(file), ": ".into(), canary.verdict.meaning().into()], ground)];
    let of = |verdict| canary.channels.iter().filter(|channel| channel.verdict == verdict).count() as u64;
    let counts = format!(
        "Of {} that carried something, the phrase was readable in {}; in {} it was not seen, and in {} the test does not tell.",
        counted(canary.channels.len() as u64, "connection"),
        grouped(of(Verdict::Readable)),
        grouped(of(Verdict::NotSeen)),
        grouped(of(Verdict::Inconclusive))
    );
    all.push(sentence(vec![counts.into()], Ground::Whole));
    if let Some(hidden) = hidden(canary) {
        all.push(sentence(vec![hidden.into()], Ground::Whole));
    }
    all.push(sentence(vec![claims(canary, report.catalogue).into()], Ground::Whole));
    if let Some(filter) = report.filter() {
        let rest = " does not narrow this test: it is about every connection of the capture that carried something.";
        all.push(sentence(vec!["The filter ".into(), filter, rest.into()], Ground::Method));
    }
    match &test.keys {
        Some(keys) => all.push(sentence(vec![format!("Keys were used: {}.", keys.sentence()).into()], Ground::File(test.input))),
        None => all.push(sentence(vec!["No keys were used: what was encrypted was not looked into.".into()], Ground::File(test.input))),
    }
    if test.keys_in_capture {
        let told = "The keys came with the capture, as when a proxy on the device recorded it: the TLS facts may describe the proxy, not the app's \
                    server.";
        all.push(sentence(vec![told.into()], Ground::File(test.input)));
    }
    all
}

/// Whether a platform's claim falls, in one sentence.
fn claims(canary: &Canary, catalogue: &Catalogue) -> String {
    let mut platforms: Vec<&str> =
        canary.refuting().filter_map(|channel| channel.connection.attribution.as_ref()).map(|of| catalogue.name(&of.platform)).collect();
    platforms.sort_unstable();
    platforms.dedup();
    match platforms.as_slice() {
        [] => "No platform's claim is refuted by this.".to_owned(),
        some => format!("A claim that messages can only be read at their ends is refuted for connections of: {}.", some.join(", ")),
    }
}

fn reason(input: u32, reason: &Reason) -> Sentence {
    let ground = reason.evidence().map_or(Ground::Whole, |evidence| cited(input, evidence));
    let text = format!("{reason}.");
    // The layers that it names may hold names that strangers chose.
    let part = if matches!(reason, Reason::Opaque { .. }) { Part::Quoted(text.as_str().into()) } else { Part::from(capital(&text)) };
    sentence(vec![part], ground)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn of_control(input: u32, n: u64, evidence: Option<&Evidence>) -> Sentence {
    match evidence {
        Some(evidence) => sentence(vec![format!("Control {n} was found in what went to the server.").into()], cited(input, evidence)),
        None => sentence(vec![format!("Control {n} was not found in what went to the server.").into()], Ground::Whole),
    }
}

/// The ends of a connection, and the name its client asked for.
#[must_use]
pub fn ends(channel: &Channel) -> Vec<Part> {
    let (client, server) = (channel.connection.client, channel.connection.server);
    let mut parts: Vec<Part> = vec![
        Part::Address(client.ip),
        format!(" port {} to ", client.port).into(),
        Part::Address(server.ip),
        format!(" port {}", server.port).into(),
    ];
    if let Some(name) = channel.server_name() {
        parts.extend([" (".into(), Part::Name(name.clone()), ")".into()]);
    }
    parts
}

fn of_channel(input: u32, channel: &Channel, catalogue: &Catalogue) -> ToldChannel {
    let whole = || Ground::Frames(Citations::frame(input, channel.connection.first_frame));
    let mut sentences = Vec::new();
    let (opened, of) = channel.records();
    if of > 0 {
        let told = format!("{} of {} were decrypted.", grouped(opened), counted(of, "encrypted record"));
        sentences.push(sentence(vec![told.into()], whole()));
    }
    if let Some(of) = &channel.connection.attribution {
        let told = format!("Taken for {} ({}, {}).", catalogue.name(&of.platform), of.confidence.word(), of.role.word());
        sentences.push(sentence(vec![told.into()], whole()));
    }
    sentences.extend(bearing(channel, catalogue).map(|told| sentence(vec![told.into()], whole())));
    if let Some(proxy) = &channel.proxy {
        sentences.push(sentence(vec!["An intercepting proxy stands between: ".into(), Part::Quoted(proxy.as_str().into())], whole()));
    }
    sentences.extend(channel.hits.iter().map(|hit| of_hit(input, channel, hit)));
    sentences.extend(channel.sealed.iter().map(|one| {
        let told = format!("{} sit in what is labelled {} and were not opened.", counted(one.octets, "octet"), one.container.name());
        sentence(vec![told.into()], cited(input, &one.evidence))
    }));
    if channel.media > 0 {
        let told = format!("{} of pictures, sound or film were not read.", counted(channel.media, "octet"));
        sentences.push(sentence(vec![told.into()], whole()));
    }
    sentences.extend(channel.own_reasons.iter().map(|one| {
        let said = reason(input, one);
        let ground = if matches!(said.ground, Ground::Whole) { whole() } else { said.ground };
        sentence(said.parts, ground)
    }));
    ToldChannel { name: sentence(ends(channel), whole()), verdict: channel.verdict, sentences }
}

fn of_hit(input: u32, channel: &Channel, hit: &Hit) -> Sentence {
    let how = capital(direction(channel, hit));
    let parts = vec![
        format!("{how} at ").into(),
        Part::Time(hit.at),
        ", inside ".into(),
        Part::Quoted(WireStr::from(hit.chain.as_str())),
        ", masked: ".into(),
        Part::Quoted(WireStr::from(hit.excerpt.trim())),
    ];
    sentence(parts, cited(input, &hit.evidence))
}

/// The section of the page.
pub fn html(page: &mut Page<'_>) {
    let report = page.report;
    let Some(test) = &report.canary else { return };
    page.raw("<section id=\"canary\">\n").element("h2", "", "Canary test: could a phrase that was sent be read at the server end?");
    page.open("p", "small").text("The phrase has the SHA-256 ").element("code", "", &hex(&test.message_sha256)).text(".").close("p");
    for told in told(report) {
        page.raw("<article>\n").element("h3", "", heading(told.verdict));
        page.paragraph("", &told.head);
        list(page, &told.reasons);
        list(page, &told.controls);
        for channel in &told.channels {
            page.raw("<h4>").sentence(&channel.name).text(": ").text(heading(channel.verdict)).close("h4");
            list(page, &channel.sentences);
        }
        if told.quiet > 0 {
            page.open_on("p", "small", &Ground::Whole);
            page.text(&format!("The phrase was not found in {}.", counted(told.quiet as u64, "more connection")));
            page.mark(&Ground::Whole).close("p");
        }
        page.raw("</article>\n");
    }
    page.open("p", "small").text("Method: ").text(METHOD).close("p").raw("<ul>\n");
    LIMITS.iter().for_each(|limit| {
        page.element("li", "", limit);
    });
    page.close("ul").close("section");
}

fn list(page: &mut Page<'_>, sentences: &[Sentence]) {
    if sentences.is_empty() {
        return;
    }
    page.raw("<ul>\n");
    for sentence in sentences {
        page.raw("<li>").sentence(sentence).close("li");
    }
    page.close("ul");
}

/// Octets as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The heading of a result.
#[must_use]
pub fn heading(verdict: Verdict) -> &'static str {
    title(verdict)
}
