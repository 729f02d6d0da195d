//! The report in plain words: what was seen, with its denominators; then what follows; then what does not (contract §6).

use super::sentence::{counted, grouped, listed, octets, percent, said};
use super::{App, Citations, Ground, Report, Sentence, Standing};
use crate::assess::attribution::Role;
use crate::assess::{Construction, Grade, Identity};
use crate::base::Exposed;

/// What every report says of its limits.
pub const LIMITS: &[&str] = &[
    "This shows what a listener could read. An active attacker was not tested.",
    "End-to-end encryption, encryption at rest, who holds keys, scanning and access are claims; packets cannot show them.",
    "Protected means between this device and that server, not beyond it.",
    "Packets show contact with a server, not that a message was sent: apps also talk to their servers in the background.",
    "What was not found is not proved absent: apps change their names and addresses, and traffic in a VPN, in a relay or behind Encrypted \
     Client Hello names nobody.",
    "A protocol that imitates TLS on purpose may look like TLS.",
];

/// Actions of the operator that are repeated beside an app; the case lists them all.
const MOST_ACTIONS: usize = 5;

/// A paragraph on one app.
#[derive(Clone, Debug, Default)]
pub struct Paragraph {
    /// What was seen.
    pub seen: Vec<Sentence>,
    /// What follows from it.
    pub follows: Vec<Sentence>,
    /// What does not.
    pub not: Vec<Sentence>,
}

/// The answer for the whole capture: a few words, and the sentences that bear them out.
#[must_use]
pub fn answer(report: &Report) -> (&'static str, Vec<Sentence>) {
    let (short, sentence) = verdict(report);
    let mut sentences = vec![sentence];
    let all = report.summary.board.all();
    if all.by_design > 0 {
        sentences.push(said![Ground::Whole; counted(all.by_design, "more connection"), " carried only names and services of the network, \
                             which are readable by design and set no grade here."]);
    }
    (short, sentences)
}

fn verdict(report: &Report) -> (&'static str, Sentence) {
    let all = report.summary.board.all();
    let headline = all.headline();
    let (with, judged) = (headline.with, counted(headline.judged, "connection"));
    let frames = |grade| Ground::Frames(all.headline_cited.get(&grade).cloned().unwrap_or_default());
    let ground = frames(headline.grade);
    match headline.grade {
        Grade::Exposed if headline.with == headline.judged => {
            ("Yes.", said![ground; "A listener on the path could read what was sent in all of the ", judged, " that could be judged."])
        }
        Grade::Exposed => (
            "Yes, some of it.",
            said![ground; "A listener on the path could read what was sent in ", with, " of ", judged, " that could be judged."],
        ),
        Grade::Weak => (
            "Nothing readable was recognised, but some of it is weakly encrypted.",
            said![ground; with, " of ", judged, " that could be judged used encryption that today's standards advise against."],
        ),
        Grade::Custom => (
            "Nothing readable was recognised; some of it cannot be judged from outside.",
            said![ground; with, " of ", judged, " that could be judged used encryption of an app's or a VPN's own making, \
                  whose strength packets do not show."],
        ),
        Grade::Protected => (
            "No, as far as could be judged.",
            said![ground; with, " of ", judged, " that could be judged", if with == 1 { " was" } else { " were" },
                  " protected in transit by current standards."],
        ),
        Grade::Unknown => (
            "That cannot be said.",
            said![frames(Grade::Unknown); "None of ", counted(headline.unjudged, "connection"), " could be judged: see the reasons below."],
        ),
        Grade::None => ("There was nothing to read.", said![Ground::Whole; "No connection in this capture carried anything that counts."]),
    }
}

/// What the reader must know before the rest: it may change what every other sentence means.
#[must_use]
pub fn warnings(report: &Report) -> Vec<Sentence> {
    let summary = &report.summary;
    let mut all = Vec::new();
    let keys = || summary.inputs.iter().filter_map(|input| input.keys.as_ref());
    if keys().any(|keys| keys.matched > 0) {
        let (opened, loaded) = keys().fold((0u64, 0u64), |(m, l), keys| (m.saturating_add(keys.matched), l.saturating_add(keys.loaded)));
        all.push(said![Ground::Whole; "Keys were used: ", opened, " of ", counted(loaded, "key"), " opened connections. What they opened \
                       sets no grade and is not listed under what a stranger sees."]);
    } else if let Some(keys) = keys().next() {
        all.push(said![Ground::Whole; "Keys were loaded and not used: ", keys.sentence(), "."]);
    }
    if summary.inputs.iter().any(|input| input.has_secrets) {
        let with = summary.inputs.iter().filter(|input| input.has_secrets).count() as u64;
        let brings = if with == 1 { " brings" } else { " bring" };
        all.push(
            said![Ground::Whole; counted(with, "capture"), brings, " TLS keys along. Such keys often come from a proxy on the device: \
                       these TLS facts may describe the proxy, not the app's server."],
        );
    }
    if let Some(rule) = summary.findings.get("interception-proxy") {
        all.push(said![Ground::Frames(rule.cited.clone()); "A known interception proxy issued the certificate of ",
                       counted(rule.connections, "connection"), ": these TLS facts may describe the proxy, not the app's server."]);
    }
    for (place, input) in (0u32..).zip(&summary.inputs) {
        if let Some(damage) = &input.damage {
            all.push(said![Ground::File(place); super::Part::File(input.name.clone()), ": ", damage.clone(),
                           ". What comes after is not in this report."]);
        }
    }
    for (name, why) in &summary.refused {
        all.push(said![Ground::Method; super::Part::File(name.clone()), " was given but could not be read: ",
                       super::Part::Quoted(why.as_str().into()), "."]);
    }
    if let Some(filter) = report.filter() {
        let (matched, of) = (summary.coverage.connections, summary.coverage.connections.saturating_add(summary.left_out));
        all.push(said![Ground::Whole; "This report is limited by the filter ", filter, ": it covers ",
                       matched, " of ", counted(of, "connection"), "."]);
    } else if summary.left_out > 0 {
        all.push(said![Ground::Whole; counted(summary.left_out, "connection"), " of other devices went by and are not in this report."]);
    }
    all
}

/// How much of the capture the report can speak of.
#[must_use]
pub fn coverage(report: &Report) -> Vec<Sentence> {
    let (summary, c) = (&report.summary, &report.summary.coverage);
    let frames = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.packets));
    let mut all = vec![
        said![Ground::Whole; c.judged, " of ", counted(c.connections, "connection"), " could be judged, which carried ",
              percent(c.judged_bytes, c.bytes), " of the bytes (", octets(c.judged_bytes), " of ", octets(c.bytes), ")."],
        said![Ground::Whole; "Of ", counted(c.with_handshake, "connection"), " with a handshake, ", c.whole, " showed it whole (",
              percent(c.whole_bytes, c.with_handshake_bytes), " of their bytes)."],
    ];
    let undecodable = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.undecodable()));
    let cut = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.link.truncated));
    let evicted = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.evicted));
    let unread = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.unread));
    let failed = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.failed));
    let announced = summary.inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.announced_left_out));
    let told = [
        (c.one_sided, "connection", "showed one direction only"),
        (cut, "frame", "cut short by the capture"),
        (undecodable, "frame", "not to be taken apart"),
        (c.missing, "byte", "missing in the middle of TCP streams"),
        (evicted, "connection", "told before its end because the table was full"),
        (unread, "connection", "not read to its end because too many were read at once"),
        (failed, "connection", "not read to its end because of an internal error of intransit"),
    ];
    // What never happens is not denied in every report.
    let told = if failed > 0 { told.as_slice() } else { told.split_last().map_or(told.as_slice(), |(_, rest)| rest) };
    let phrase = |(n, thing, what): &(u64, &str, &str)| {
        let was = match n {
            _ if what.starts_with("showed") => "",
            0 | 1 => "was ",
            _ => "were ",
        };
        if *n == 0 { format!("no {thing} {was}{what}") } else { format!("{} {was}{what}", counted(*n, thing)) }
    };
    let some: Vec<String> = told.iter().filter(|(n, ..)| *n > 0).map(phrase).collect();
    let none: Vec<String> = told.iter().filter(|(n, ..)| *n == 0).map(phrase).collect();
    let listed = listed(if some.is_empty() { &none } else { &some }, "and");
    all.push(said![Ground::Whole; "Of ", counted(frames, "frame"), " in all: ", listed, "."]);
    if announced > 0 {
        all.push(
            said![Ground::Whole; counted(announced, "announcement"), " of names, media or connection ids found no room: what they tell of \
                       other connections is not told."],
        );
    }
    match summary.inputs.iter().map(|input| input.dropped).try_fold(0u64, |sum, dropped| Some(sum.saturating_add(dropped?))) {
        Some(dropped) => all.push(said![Ground::Whole; "The capturing program says that it lost ", counted(dropped, "packet"), "."]),
        None => all.push(said![Ground::Whole; "The capture does not say how many packets the capturing program lost."]),
    }
    // A capture that names no program at all was not made to.
    if c.named > 0 {
        all.push(said![Ground::Whole; "The capture names the program or app of ", c.named, " of ", counted(c.connections, "connection"),
                       "; of the others it is not known."]);
    }
    all
}

/// The paragraph on one row of the board.
#[must_use]
pub fn paragraph(report: &Report, app: &App) -> Paragraph {
    let name = report.name_of(app);
    let mut said = Paragraph::default();
    let headline = app.headline();
    let of = match app.standing {
        Standing::App => format!(" that {name} is reported to use for messages or calls"),
        Standing::Shared => format!(" with {name}"),
        Standing::All => " with servers of no known app".to_owned(),
    };
    let total = counted(headline.of(), "connection");
    for grade in Grade::ALL.into_iter().filter(|grade| grade.is_judged()) {
        if app.headline.of(grade) > 0 {
            said.seen.push(seen(app, grade, &total, if said.seen.is_empty() { &of } else { "" }, said.seen.is_empty()));
        }
    }
    if headline.unjudged > 0 {
        let ground = Ground::Frames(app.headline_cited.get(&Grade::Unknown).cloned().unwrap_or_default());
        let which = if said.seen.is_empty() {
            format!("In this capture, none of {total}{of} could be judged: ")
        } else {
            format!("{} could not be judged: ", grouped(headline.unjudged))
        };
        said.seen.push(said![ground; which, reasons(app, Grade::Unknown), "."]);
    }
    if headline.empty > 0 {
        let ground = Ground::Frames(app.headline_cited.get(&Grade::None).cloned().unwrap_or_default());
        said.seen.push(said![ground; counted(headline.empty, "connection"), " carried nothing: ", reasons(app, Grade::None), "."]);
    }
    if headline.of() == 0 && headline.empty == 0 && app.standing == Standing::App {
        said.seen.push(said![Ground::Whole; "No connection that ", name.clone(), " is reported to use for messages or calls was \
                             recognised in this capture. That is not evidence that none was made."]);
    }
    beside(app, &name, &mut said.seen);
    readable(app, headline.judged, &mut said.seen);
    constructions(report, app, &mut said.seen);
    identities(app, &mut said.seen);
    visible(app, &mut said.seen);
    stated(report, app, &name, &mut said.seen);
    follow(app, &mut said);
    match app.standing {
        Standing::App if report.catalogue.platform(&app.id).is_some_and(|platform| platform.many_servers) => {
            said.not.push(said![Ground::Method; "This says nothing about what those who run the servers of ", name, " can read on them."]);
        }
        Standing::App => said.not.push(said![Ground::Method; "This says nothing about what ", name, " can read on its servers."]),
        Standing::Shared => {
            said.not.push(said![Ground::Method; "Packets do not tell which app it was. This says nothing about what the company can read \
                                on its servers."]);
        }
        Standing::All => said.not.push(said![Ground::Method; "This says nothing about what those at the other end can read."]),
    }
    said
}

/// How many connections have a grade, and what they used.
fn seen(app: &App, grade: Grade, total: &str, of: &str, first: bool) -> Sentence {
    let n = app.headline.of(grade);
    let ground = Ground::Frames(app.headline_cited.get(&grade).cloned().unwrap_or_default());
    let lead = if first { format!("In this capture, {} of {total}{of} ", grouped(n)) } else { format!("{} of {total} ", grouped(n)) };
    let was = if n == 1 { "was" } else { "were" };
    match grade {
        Grade::Exposed => said![ground; lead, was, " readable: ", reasons(app, grade), "."],
        Grade::Weak => said![ground; lead, was, " encrypted in a way that today's standards advise against: ", reasons(app, grade), "."],
        Grade::Custom => said![ground; lead, "used encryption of its own making: ", reasons(app, grade), "."],
        _ => {
            let versions = versions(app, grade);
            if versions.is_empty() {
                said![ground; lead, was, " protected: ", reasons(app, grade), "."]
            } else {
                said![ground; lead, "used ", versions, ", which protects what is sent on the way."]
            }
        }
    }
}

/// `TLS 1.3 or QUIC`: the versions of one grade, the most frequent first.
fn versions(app: &App, grade: Grade) -> String {
    let all: Vec<String> = app
        .headline_versions
        .most_first()
        .into_iter()
        .filter(|((of, _), _)| *of == grade)
        .map(|((_, version), _)| version.clone())
        .collect();
    listed(&all, "or")
}

/// The reasons of one grade, the most frequent first, with how often.
fn reasons(app: &App, grade: Grade) -> String {
    let of: Vec<(&str, u64)> = app
        .reasons
        .most_first()
        .into_iter()
        .filter(|((of, _), _)| *of == grade)
        .map(|((_, why), counted)| (why.as_str(), counted.connections))
        .collect();
    let all = app.headline.of(grade);
    match of.as_slice() {
        [] => "for reasons not listed here".to_owned(),
        [(why, n)] if *n == all => (*why).to_owned(),
        some => {
            let shown: Vec<String> = some.iter().take(4).map(|(why, n)| format!("{why} ({})", grouped(*n))).collect();
            let told = some.iter().take(4).fold(0u64, |sum, (_, n)| sum.saturating_add(*n));
            let rest = all.saturating_sub(told);
            shown.join("; ") + &if rest > 0 { format!("; for other reasons ({})", grouped(rest)) } else { String::new() }
        }
    }
}

/// Connections that do not make the headline.
fn beside(app: &App, name: &str, into: &mut Vec<Sentence>) {
    let grades = |counts: &super::ByGrade| {
        let all: Vec<String> = Grade::ALL
            .into_iter()
            .filter(|grade| counts.of(*grade) > 0)
            .map(|grade| {
                let word = match grade {
                    Grade::Unknown => "not judged",
                    Grade::None => "without payload",
                    judged => judged.word(),
                };
                format!("{} {word}", grouped(counts.of(grade)))
            })
            .collect();
        listed(&all, "and")
    };
    if app.beside.total() > 0 {
        let uses: Vec<String> = app
            .roles
            .iter()
            .filter(|(role, _)| !matches!(role, Role::Messaging | Role::Call))
            .map(|(role, _)| use_of(*role).to_owned())
            .collect();
        let was = if app.beside.total() == 1 { " was" } else { " were" };
        into.push(said![Ground::Frames(app.cited.clone()); counted(app.beside.total(), "connection"), " with ", name.to_owned(), was,
                        " for other uses (", listed(&uses, "and"), "): ", grades(&app.beside), "."]);
    }
    if app.possible.total() > 0 {
        into.push(said![Ground::Frames(app.cited.clone()); counted(app.possible.total(), "connection"), " may be ", name.to_owned(),
                        "'s or not, and set no grade here: ", grades(&app.possible), "."]);
    }
    if app.by_design > 0 && app.standing == Standing::All {
        into.push(said![Ground::Frames(app.cited.clone()); counted(app.by_design, "connection"), " carried names and services of the network, which are \
                        readable by design and set no grade: see what a stranger sees."]);
    }
}

fn use_of(role: Role) -> &'static str {
    match role {
        Role::Messaging => "messages",
        Role::Call => "calls",
        Role::Media => "pictures, video and files",
        Role::Push => "notifications",
        Role::Web => "web pages",
        Role::Telemetry => "statistics about use",
        Role::Shared => "several uses",
    }
}

/// What was readable; else that nothing was, with the denominator and the checks made.
fn readable(app: &App, judged: u64, into: &mut Vec<Sentence>) {
    let mut cited = Citations::default();
    let mut what = Vec::new();
    for ((kind, name), counted) in app.readable.iter() {
        if kind.sets_a_group() {
            cited.extend(&counted.cited);
            let kind = match kind {
                Exposed::Credentials => "credentials",
                Exposed::Identifiers => "identifiers",
                _ => "content",
            };
            what.push(format!("{name} ({kind}, in {} of them)", grouped(counted.connections)));
        }
    }
    if !what.is_empty() {
        into.push(said![Ground::Frames(cited); "What a listener could read: ", listed(&what, "and"), "."]);
    } else if judged > 0 && app.headline.of(Grade::Exposed) == 0 {
        let which = if judged == 1 { "connection".to_owned() } else { counted(judged, "connection") };
        into.push(said![Ground::Whole; "We recognised no readable message text in the ", which, " we could judge: the bytes of each were compared with every protocol intransit knows."]);
    }
}

/// What is known of constructions that packets cannot judge: claimed, with its source.
fn constructions(report: &Report, app: &App, into: &mut Vec<Sentence>) {
    for (protocol, _) in app.constructions.iter() {
        let Some(claim) = report.catalogue.construction(protocol) else { continue };
        let keys = std::iter::once(&claim.source).chain(&claim.also).map(|key| key.as_str().to_owned()).collect();
        let known = match claim.status {
            Construction::PublishedDesign => "its design is published",
            Construction::PublishedWeaknesses => "weaknesses of it are published",
            Construction::Unreviewed => "no review of it was found",
        };
        into.push(
            said![Ground::Sources(keys); "Of this construction (", *protocol, ") it is claimed that ", known, ": ", claim.text.clone()],
        );
    }
}

/// Whether the other side was who it said: beside the grade, never part of it.
fn identities(app: &App, into: &mut Vec<Sentence>) {
    let mut cited = Citations::default();
    let told: Vec<String> = app
        .identities
        .most_first()
        .into_iter()
        .map(|(identity, seen)| {
            cited.extend(&seen.cited);
            let words = match identity {
                Identity::Valid => "proved by a valid certificate",
                Identity::Invalid => "not proved, the certificate was not valid",
                Identity::Private => "a private certificate, which public lists do not vouch for on purpose",
                Identity::Unverified => "not to be checked with the list of roots used here",
                Identity::None => "not shown at all",
                Identity::NotVisible => "not visible, because TLS 1.3 encrypts the certificate",
            };
            format!("{words} ({})", grouped(seen.connections))
        })
        .collect();
    if !told.is_empty() {
        into.push(said![Ground::Frames(cited); "Identity of the servers: ", told.join("; "), "."]);
    }
}

/// What could be seen even where all is encrypted.
fn visible(app: &App, into: &mut Vec<Sentence>) {
    let ground = Ground::Frames(app.cited.clone());
    into.push(if app.named > 0 {
        said![ground; "Server names, addresses, times and sizes were visible."]
    } else {
        said![ground; "Addresses, times and sizes were visible."]
    });
}

/// What the operator states to have done with this app: claimed, beside what was seen.
fn stated(report: &Report, app: &App, name: &str, into: &mut Vec<Sentence>) {
    let Some(case) = &report.case else { return };
    let meant = case.app.as_deref().is_some_and(|stated| stated.eq_ignore_ascii_case(name) || stated.eq_ignore_ascii_case(&app.id));
    if app.standing != Standing::App || !meant {
        return;
    }
    for action in case.actions.iter().take(MOST_ACTIONS) {
        let quoted = |words: &str| super::Part::Quoted(words.into());
        into.push(said![Ground::Operator; "The operator states, at ", quoted(&action.time.0), ": ", quoted(&action.what), "."]);
    }
}

fn follow(app: &App, said: &mut Paragraph) {
    let h = &app.headline;
    let line = if h.of(Grade::Exposed) > 0 {
        "Anyone on the path, such as the owner of the Wi-Fi or the provider, could have read that."
    } else if h.of(Grade::Weak) > 0 {
        "A listener with the means to break that encryption may read it, now or later."
    } else if h.of(Grade::Custom) > 0 {
        "A listener does not read such bytes at a glance; whether one with means can is not shown by packets."
    } else if h.of(Grade::Protected) > 0 {
        "A listener on the path could see that these servers were contacted, when and how much, but could not read what was sent in the \
         connections that were judged."
    } else if app.beside.judged() > 0 {
        "What was said in messages or calls, if there were any, and whether a listener could have read it, does not follow from this capture."
    } else {
        "Whether a listener could have read anything does not follow from this capture."
    };
    said.follows.push(Sentence { parts: vec![line.into()], ground: Ground::Method });
}
