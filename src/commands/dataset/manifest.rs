//! What is said of one capture: `_files/KEY.json`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::assess::Judged;
use crate::assess::report::ByGrade;
use crate::commands::shown;

/// What became of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands) enum Status {
    /// Read to its end.
    Ok,
    /// Read up to where it is damaged.
    Partial,
    /// Nothing of it could be read.
    Unreadable,
    /// The program ended before it was read: killed, out of time or memory, or a fault of ours.
    Crashed,
}

impl Status {
    /// As in the manifest.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Partial => "partial",
            Status::Unreadable => "unreadable",
            Status::Crashed => "crashed",
        }
    }

    /// Whether the answer stands, or another try may give another.
    pub fn is_final(self) -> bool {
        self != Status::Crashed
    }
}

/// A name the capture had, and what else tells a file from its next version without reading it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::commands) struct Identity {
    /// The path as it was given, safe to print.
    pub path: String,
    /// The file's own name, safe to print.
    pub name: String,
    /// Octets; absent for pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Last changed: nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
}

impl Identity {
    /// Of a path, as far as it can be looked at.
    pub fn of(path: &Path) -> Identity {
        let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        let modified = about.as_ref().and_then(|about| about.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        // The same file is the same from wherever the program is started.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let name = path.file_name().unwrap_or(path.as_os_str());
        Identity {
            path: if path == Path::new("-") { "-".to_owned() } else { shown(&whole) },
            name: shown(Path::new(name)),
            bytes: about.map(|about| about.len()),
            modified: modified.and_then(|since| u64::try_from(since.as_nanos()).ok()),
        }
    }
}

/// Rows by table.
pub(in crate::commands) type Rows = BTreeMap<String, u64>;

/// Connections of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct AppCount {
    /// All of them.
    pub connections: u64,
    /// Octets of their frames.
    pub bytes: u64,
    /// Those that make the headline (messages and calls, certainly or likely its own), by grade.
    pub headline: BTreeMap<String, u64>,
    /// Those that count for a group, by grade.
    pub grades: BTreeMap<String, u64>,
    /// Those with only names or service data in clear.
    pub aside: u64,
    /// Negotiated versions: `TLS 1.3`, `QUIC`.
    pub versions: BTreeMap<String, u64>,
}

/// A rule that fired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct RuleCount {
    /// `good` to `high`.
    pub severity: String,
    /// On how many connections.
    pub connections: u64,
}

/// What the connections of a capture come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Told {
    /// By app; those of none are `other`.
    pub apps: BTreeMap<String, AppCount>,
    /// By rule.
    pub rules: BTreeMap<String, RuleCount>,
    /// Why connections could not be judged.
    pub not_judged: BTreeMap<String, u64>,
    /// When the first connection began, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// When the last one ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

impl Told {
    /// Counts a connection.
    pub fn add(&mut self, judged: &Judged) {
        let of = judged.attribution.as_ref();
        let app = self.apps.entry(of.map_or("other", |of| &of.platform).to_owned()).or_default();
        app.connections += 1;
        app.bytes = judged.sent.iter().fold(app.bytes, |sum, side| sum.saturating_add(side.bytes));
        let grade = judged.judgement.grade.word();
        if judged.judgement.counts_for_groups() {
            *app.grades.entry(grade.to_owned()).or_default() += 1;
            let makes_headline = |of: &crate::assess::Attribution| {
                use crate::assess::attribution::Role;
                of.confidence.counts() && matches!(of.role, Role::Messaging | Role::Call)
            };
            if of.is_some_and(makes_headline) {
                *app.headline.entry(grade.to_owned()).or_default() += 1;
            }
        } else {
            app.aside += 1;
        }
        if judged.judgement.grade == crate::assess::Grade::Unknown {
            let why = crate::base::WireStr::from(judged.judgement.why.as_ref()).to_string();
            let room = self.not_judged.len() < 64 || self.not_judged.contains_key(&why);
            *self.not_judged.entry(if room { why } else { "other reasons".to_owned() }).or_default() += 1;
        }
        if let Some(version) = version(judged) {
            *app.versions.entry(version).or_default() += 1;
        }
        for finding in &judged.judgement.findings {
            let rule = self.rules.entry(finding.rule.id.to_owned()).or_default();
            rule.severity = finding.rule.severity.word().to_owned();
            rule.connections += 1;
        }
        let (start, end) = (judged.start.to_string(), judged.end.to_string());
        if self.start.as_ref().is_none_or(|known| start < *known) {
            self.start = Some(start);
        }
        if self.end.as_ref().is_none_or(|known| end > *known) {
            self.end = Some(end);
        }
    }
}

fn version(judged: &Judged) -> Option<String> {
    use crate::base::Kind;
    let fact = |kind| judged.connection.facts.get(kind).map(|fact| fact.what.shown().to_string());
    let number = fact(Kind::TlsVersion)?;
    Some(match fact(Kind::TlsVersionProtocol)?.as_str() {
        "quic" => "QUIC".to_owned(),
        family => format!("{} {number}", family.to_uppercase()),
    })
}

impl AppCount {
    /// Adds what another one counted.
    pub fn join(&mut self, other: &AppCount) {
        self.connections += other.connections;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.aside += other.aside;
        let maps = [(&mut self.headline, &other.headline), (&mut self.grades, &other.grades), (&mut self.versions, &other.versions)];
        for (mine, theirs) in maps {
            for (key, n) in theirs {
                *mine.entry(key.clone()).or_default() += n;
            }
        }
    }
}

/// Counts by grade from their words.
pub(in crate::commands) fn by_grade(words: &BTreeMap<String, u64>) -> ByGrade {
    let mut counts = ByGrade::default();
    for (word, n) in words {
        if let Some(grade) = crate::assess::Grade::named(word) {
            counts.add(grade, *n);
        }
    }
    counts
}

/// What is said of one capture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::commands) struct Manifest {
    /// `intransit/manifest/1`.
    pub schema: String,
    /// Over content, version and configuration; `file_id` in the tables.
    pub key: String,
    /// What became of it.
    pub status: Status,
    /// The names it had.
    pub names: Vec<Identity>,
    /// SHA-256 of the file as it is stored; absent where it could not be read at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Octets of the file as it is stored.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// The program that read it.
    pub version: String,
    /// What that was made of: another one is another key.
    #[serde(default)]
    pub build: String,
    /// SHA-256 over version, build and options: another one is another key.
    pub configuration: String,
    /// Rows by table.
    pub rows: Rows,
    /// What could not be read, and what was left out.
    pub messages: Vec<String>,
    /// What its connections come to.
    #[serde(flatten)]
    pub told: Told,
}

impl Manifest {
    /// Of a capture of which nothing is known yet.
    pub fn new(key: String, configuration: &str, status: Status, name: Identity) -> Manifest {
        Manifest {
            schema: "intransit/manifest/1".to_owned(),
            key,
            status,
            bytes: name.bytes.unwrap_or(0),
            names: vec![name],
            sha256: None,
            frames: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: super::BUILD.to_owned(),
            configuration: configuration.to_owned(),
            rows: Rows::new(),
            messages: Vec::new(),
            told: Told::default(),
        }
    }

    /// Adds a message, within bounds.
    pub fn say(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        if self.messages.len() < 64 {
            let mut safe = String::new();
            crate::base::escape_into(&mut safe, text.as_ref().as_bytes()).map_err(io::Error::other)?;
            self.messages.push(safe.chars().take(1000).collect());
        }
        Ok(())
    }
}
