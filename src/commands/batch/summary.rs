//! What all captures come to, from their manifests: a table, the worst findings, and a row for each capture and app.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::super::Outcome;
use super::super::dataset::{AppCount, Dataset, Identity, Manifest, RuleCount, Status};
use super::labels::Labels;
use crate::assess::Severity;
use crate::assess::report::counted;
use crate::commands::dataset::by_grade;
use crate::present::export::csv_cell;

/// The grades, in the order of columns.
const GRADES: [&str; 6] = ["exposed", "weak", "custom", "protected", "unknown", "none"];

/// The captures of this run, each with what is said of it.
pub(super) struct Summary<'a> {
    captures: Vec<(&'a Identity, Option<&'a Manifest>)>,
}

impl<'a> Summary<'a> {
    pub fn of(all: &'a [Identity], manifests: &'a [Manifest], configuration: &str) -> Summary<'a> {
        let mut by_path: BTreeMap<&str, (&Identity, &Manifest)> = BTreeMap::new();
        for manifest in manifests.iter().filter(|manifest| manifest.configuration == configuration) {
            for id in &manifest.names {
                // The file as it is now, where it was another one before.
                let is_newer = by_path.get(id.path.as_str()).is_none_or(|(known, _)| known.modified <= id.modified);
                if is_newer {
                    by_path.insert(&id.path, (id, manifest));
                }
            }
        }
        let captures = all.iter().map(|id| (id, by_path.get(id.path.as_str()).map(|(_, manifest)| *manifest))).collect();
        Summary { captures }
    }

    fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.captures.iter().filter_map(|(_, manifest)| *manifest)
    }

    fn with(&self, status: Status) -> usize {
        self.manifests().filter(|manifest| manifest.status == status).count()
    }

    pub fn outcome(&self) -> Outcome {
        let read = self.with(Status::Ok) + self.with(Status::Partial);
        match read {
            0 => Outcome::Nothing,
            _ if self.with(Status::Ok) == self.captures.len() => Outcome::Done,
            _ => Outcome::Partial,
        }
    }

    /// For reading.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let frames: u64 = self.manifests().map(|manifest| manifest.frames).sum();
        let flows: u64 = self.manifests().filter_map(|manifest| manifest.rows.get("flows")).sum();
        // Writing to a String cannot fail.
        let [captures, frames, flows] =
            [(self.captures.len() as u64, "capture"), (frames, "frame"), (flows, "connection")].map(|(n, thing)| counted(n, thing));
        let _ = writeln!(text, "{captures}, {frames}, {flows}");
        let excluded = self.excluded();
        if !excluded.is_empty() {
            let _ = writeln!(text, "\nleft out:");
            for (why, n) in &excluded {
                let _ = writeln!(text, "  {n:>7}  {why}");
            }
        }
        let mut apps: BTreeMap<&str, (u64, AppCount)> = BTreeMap::new();
        for manifest in self.manifests() {
            for (app, count) in &manifest.told.apps {
                let (captures, sum) = apps.entry(app).or_default();
                *captures += 1;
                sum.join(count);
            }
        }
        let mut apps: Vec<_> = apps.into_iter().collect();
        apps.sort_by_key(|(app, (_, count))| (*app == "other", std::cmp::Reverse(count.connections)));
        let _ = writeln!(
            text,
            "\n{:<24} {:<10} {:>8} {:>11} {:>9} {:>8} {:>8} {:>9} {:>8}",
            "app", "grade", "captures", "connections", "protected", "custom", "weak", "exposed", "unknown"
        );
        for (app, (captures, count)) in apps {
            let of = |grade: &str| count.grades.get(grade).copied().unwrap_or(0);
            let _ = writeln!(
                text,
                "{app:<24} {:<10} {captures:>8} {:>11} {:>9} {:>8} {:>8} {:>9} {:>8}",
                headline(&count),
                count.connections,
                of("protected"),
                of("custom"),
                of("weak"),
                of("exposed"),
                of("unknown"),
            );
        }
        self.findings(&mut text);
        let mut why: BTreeMap<&str, u64> = BTreeMap::new();
        self.manifests().flat_map(|manifest| &manifest.told.not_judged).for_each(|(reason, n)| *why.entry(reason).or_default() += n);
        let mut why: Vec<_> = why.into_iter().collect();
        why.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        if !why.is_empty() {
            let _ = writeln!(text, "\nconnections that could not be judged:");
            for (reason, n) in why.iter().take(8) {
                let _ = writeln!(text, "  {n:>7}  {reason}");
            }
        }
        text
    }

    fn findings(&self, text: &mut String) {
        let mut rules: BTreeMap<&str, (u64, RuleCount)> = BTreeMap::new();
        for manifest in self.manifests() {
            for (rule, count) in &manifest.told.rules {
                let (captures, sum) = rules.entry(rule).or_default();
                *captures += 1;
                sum.severity.clone_from(&count.severity);
                sum.connections += count.connections;
            }
        }
        let rank = |word: &str| Severity::ALL.iter().position(|severity| severity.word() == word);
        let mut worst: Vec<_> = rules.into_iter().filter(|(_, (_, count))| !matches!(count.severity.as_str(), "good" | "info")).collect();
        worst.sort_by_key(|(_, (_, count))| std::cmp::Reverse((rank(&count.severity), count.connections)));
        if !worst.is_empty() {
            let _ = writeln!(text, "\nworst findings (`intransit rules ID` explains one):");
            for (rule, (captures, count)) in worst.iter().take(10) {
                let _ = writeln!(text, "  {:<8} {rule:<32} {} connections in {captures} captures", count.severity, count.connections);
            }
        }
    }

    /// Captures that are in no count, by reason.
    fn excluded(&self) -> BTreeMap<String, usize> {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for (_, manifest) in &self.captures {
            if let Some(reason) = reason(*manifest) {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        reasons
    }

    /// A row for each capture and app; one without an app for a capture that is in no count.
    pub fn csv(&self, labels: Option<&Labels>) -> Vec<u8> {
        let mut out = Vec::new();
        let extra = labels.map(|labels| labels.columns.as_slice()).unwrap_or_default();
        let own = "file,path,file_id,status,excluded,start,end,app,grade,connections,bytes,aside";
        let heads = own.split(',').map(str::to_owned).chain(GRADES.iter().map(|grade| format!("n_{grade}")));
        let heads = heads.chain(["versions".to_owned()]).chain(extra.iter().cloned());
        line(&mut out, heads);
        for (id, manifest) in &self.captures {
            let known = labels.and_then(|labels| labels.of(id)).map_or_else(|| vec![String::new(); extra.len()], <[String]>::to_vec);
            let none = BTreeMap::from([(String::new(), AppCount::default())]);
            let excluded = reason(*manifest);
            let apps = manifest.map(|manifest| &manifest.told.apps).filter(|apps| !apps.is_empty()).unwrap_or(&none);
            for (app, count) in apps {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                let number = |n: u64| if app.is_empty() { String::new() } else { n.to_string() };
                let cells = [
                    id.name.clone(),
                    id.path.clone(),
                    text(manifest.map(|m| m.key.as_str())),
                    text(manifest.map(|m| m.status.word())),
                    text(excluded.as_deref()),
                    text(manifest.and_then(|m| m.told.start.as_deref())),
                    text(manifest.and_then(|m| m.told.end.as_deref())),
                    app.clone(),
                    if app.is_empty() { String::new() } else { headline(count).to_owned() },
                    number(count.connections),
                    number(count.bytes),
                    number(count.aside),
                ];
                let grades = GRADES.iter().map(|grade| number(count.grades.get(*grade).copied().unwrap_or(0)));
                let versions: Vec<String> = count.versions.iter().map(|(version, n)| format!("{version}={n}")).collect();
                line(&mut out, cells.into_iter().chain(grades).chain([versions.join("; ")]).chain(known.iter().cloned()));
            }
        }
        out
    }
}

/// The grade of an app: that of its messages and calls where there are some, else that of all its connections.
fn headline(count: &AppCount) -> &'static str {
    let of = if count.headline.is_empty() { &count.grades } else { &count.headline };
    by_grade(of).group().word()
}

/// Why a capture is in no count.
fn reason(manifest: Option<&Manifest>) -> Option<String> {
    let Some(manifest) = manifest else { return Some("not read".to_owned()) };
    let said = manifest.messages.first().map_or("", String::as_str);
    match manifest.status {
        Status::Unreadable if manifest.sha256.is_none() => Some("could not be opened".to_owned()),
        Status::Unreadable if said.starts_with("not a capture") => Some("not a capture".to_owned()),
        Status::Unreadable => Some("damaged at its beginning".to_owned()),
        Status::Crashed if said.starts_with("it took longer") => Some("took too long".to_owned()),
        Status::Crashed => Some("crashed".to_owned()),
        Status::Ok | Status::Partial if manifest.told.apps.is_empty() => Some("without connections".to_owned()),
        Status::Ok | Status::Partial => None,
    }
}

fn line(out: &mut Vec<u8>, cells: impl Iterator<Item = String>) {
    for (n, text) in cells.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        csv_cell(out, &text);
    }
    out.extend_from_slice(b"\r\n");
}

/// Puts `captures.csv` into the dataset.
pub(super) fn write(dataset: &Dataset, rows: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dataset.root().join("_tmp"))?;
    file.write_all(rows)?;
    file.as_file().sync_all()?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(permissions)?;
    file.persist(dataset.root().join("captures.csv")).map_err(|e| e.error)?;
    Ok(())
}
