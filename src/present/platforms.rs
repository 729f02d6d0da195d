//! The catalogue of platforms as text: a list, and the page of one.
//!
//! All of it is claimed by somebody: the list says so, and the page names the source of every line.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::assess::platforms::{
    App, Article, Catalogue, Claim, Domain, Group, Platform, Quality, Range, Reach, Role, SourceKey, WireSignature,
};
use crate::base::Timestamp;

/// Where a line is folded.
const WIDTH: usize = 100;

/// Every platform in a line, and the groups; `now` is when it is read.
#[must_use]
pub fn list(catalogue: &Catalogue, now: Timestamp) -> String {
    let mut rows = vec![["id", "name", "end-to-end", "messages", "groups", "calls", "since", "checked", "source"].map(str::to_owned)];
    for platform in catalogue.platforms() {
        rows.push(match platform.claim_now() {
            Some(claim) => [
                platform.id.to_string(),
                platform.name.clone(),
                claim.status.word().into(),
                claim.messages().word().into(),
                claim.groups().word().into(),
                claim.calls().word().into(),
                claim.since.map_or_else(|| "·".into(), |since| since.to_string()),
                format!("{}{}", claim.checked, if claim.is_stale(now) { " (stale)" } else { "" }),
                catalogue.source(&claim.source).map_or("", |source| source.quality.word()).into(),
            ],
            None => {
                let mut row = [""; 9].map(str::to_owned);
                row[0] = platform.id.to_string();
                row[1].clone_from(&platform.name);
                row[2] = "no statement found".into();
                row
            }
        });
    }
    let mut out = String::new();
    table(&mut out, &rows);
    out.push_str("\nNames, addresses and channels that several apps use; packets do not tell which:\n");
    let groups: Vec<[String; 3]> = catalogue
        .groups()
        .iter()
        .map(|group| [format!("  {}", group.id), group.name.clone(), format!("candidates: {}", group.candidates.join(", "))])
        .collect();
    table(&mut out, &groups);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "\nWhat stands here is claimed: packets cannot show it. `intransit platforms ID` shows one whole, with its sources.\n\
         Catalogue of {}, SHA-256 {}\n",
        catalogue.date,
        catalogue.hash()
    );
    out
}

/// One platform or group whole, with sources; `None` for an id that is not there.
#[must_use]
pub fn page(catalogue: &Catalogue, id: &str, now: Timestamp) -> Option<String> {
    let mut page = Page { catalogue, out: String::new(), cited: Vec::new() };
    if let Some(platform) = catalogue.platform(id) {
        page.platform(platform, now);
    } else {
        page.group(catalogue.group(id)?);
    }
    page.sources();
    Some(page.out)
}

struct Page<'a> {
    catalogue: &'a Catalogue,
    out: String,
    cited: Vec<&'a SourceKey>,
}

impl<'a> Page<'a> {
    fn platform(&mut self, platform: &'a Platform, now: Timestamp) {
        self.line(&format!("{} ({}), run by {}", platform.name, platform.id, platform.owner));
        if let Some(Article { said, found }) = &platform.article {
            self.text("  The founding article said: ", said);
            self.text("  Found since: ", found);
        }
        if let Some(note) = &platform.note {
            self.text("  Note: ", note);
        }
        self.line("\nEnd-to-end encryption, as claimed (packets cannot show it)");
        if platform.claims.is_empty() {
            self.line("  no statement found");
        }
        for claim in platform.claims.iter().rev() {
            self.claim(claim, now);
        }
        self.line("\nWhat a reader asks next, as claimed");
        for (question, answer) in platform.beside.answers() {
            match answer {
                Some(statement) => {
                    let cited = self.cite(std::iter::once(&statement.source).chain(&statement.also));
                    self.text(&format!("  {question}: "), &format!("{} {cited}", statement.text));
                }
                None => self.line(&format!("  {question}: no statement found")),
            }
        }
        self.apps(&platform.apps);
        self.signs(&platform.domains, &platform.ranges, &platform.wire);
        if !platform.borrows.is_empty() {
            let names: Vec<&str> = platform.borrows.iter().map(|name| name.host.as_str()).collect();
            let cited = self.cite(platform.borrows.iter().map(|name| &name.source));
            self.line(
                "\nNames of others that the app may write into the server name to pass a censor; they are no contact with those others",
            );
            self.text("  ", &format!("{} {cited}", names.join(", ")));
        }
    }

    fn group(&mut self, group: &'a Group) {
        self.line(&format!("{} ({}), run by {}", group.name, group.id, group.owner));
        self.text("  Packets do not tell which. Candidates: ", &group.candidates.join(", "));
        self.text("  Others: ", &group.others.join("; "));
        if let Some(note) = &group.note {
            self.text("  Note: ", note);
        }
        for id in &group.candidates {
            if let Some(platform) = self.catalogue.platform(id) {
                let status = platform.claim_now().map_or("no statement found", |claim| claim.status.word());
                self.line(&format!("  claim of {}: {status} (`intransit platforms {id}`)", platform.name));
            }
        }
        self.apps(&group.apps);
        self.signs(&group.domains, &group.ranges, &group.wire);
    }

    fn apps(&mut self, apps: &'a [App]) {
        if apps.is_empty() {
            return;
        }
        let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
        let cited = self.cite(apps.iter().map(|app| &app.source));
        self.line("\nPrograms and apps");
        self.text("  ", &format!("{} {cited}", names.join(", ")));
    }

    fn claim(&mut self, claim: &'a Claim, now: Timestamp) {
        let since = claim.since.map_or_else(|| "from an unknown date".to_owned(), |since| format!("since {since}"));
        let until = claim.until.map(|until| format!(" until {until}")).unwrap_or_default();
        let stale = if claim.is_stale(now) { "; stale: checked more than a year ago" } else { "" };
        let cited = self.cite(std::iter::once(&claim.source).chain(&claim.also));
        self.line(&format!("  {since}{until}: {} {cited} (checked {}{stale})", claim.status.word(), claim.checked));
        self.line(&format!("    messages {}, groups {}, calls {}", claim.messages().word(), claim.groups().word(), claim.calls().word()));
        self.text("    ", &claim.scope);
        if let Some(protocol) = &claim.protocol {
            self.text("    Protocol: ", protocol);
        }
        if let Some(disputed) = &claim.disputed {
            self.text("    Disputed: ", disputed);
        }
    }

    fn signs(&mut self, domains: &'a [Domain], ranges: &'a [Range], wire: &'a [WireSignature]) {
        if !domains.is_empty() {
            self.line("\nNames (each with everything under it; the longest match wins)");
        }
        for role in [Role::Messaging, Role::Call, Role::Media, Role::Push, Role::Web, Role::Telemetry, Role::Shared] {
            for domain in domains.iter().filter(|domain| domain.role == role) {
                let reach = if domain.reach == Reach::Owner { ", all of the owner" } else { "" };
                let note = domain.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
                let cited = self.cite(std::iter::once(&domain.source));
                self.text("  ", &format!("{} ({}{reach}){note} {cited}", domain.suffix, role.word()));
            }
        }
        if !wire.is_empty() {
            self.line("\nSigns on the wire");
        }
        for sign in wire {
            let note = sign.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
            let cited = self.cite(std::iter::once(&sign.source));
            self.text("  ", &format!("{} {} ({}){note} {cited}", sign.sign.word(), sign.value, sign.role.word()));
        }
        if let Some(first) = ranges.first() {
            let list: Vec<String> = ranges.iter().map(|range| format!("{} ({})", range.cidr, range.scope.word())).collect();
            let cited = self.cite(std::iter::once(&first.source).chain(ranges.iter().map(|range| &range.source)));
            self.line("\nAddresses (they support a name; alone, only a service's own say anything)");
            self.text("  ", &format!("{} {cited}", list.join(", ")));
        }
    }

    /// `[1, 3]`: the numbers of these sources on this page.
    fn cite(&mut self, keys: impl Iterator<Item = &'a SourceKey>) -> String {
        let mut numbers: Vec<usize> = Vec::new();
        for key in keys {
            let at = self.cited.iter().position(|cited| *cited == key).unwrap_or_else(|| {
                self.cited.push(key);
                self.cited.len() - 1
            });
            if !numbers.contains(&(at + 1)) {
                numbers.push(at + 1);
            }
        }
        numbers.sort_unstable();
        let recalled = numbers
            .iter()
            .filter_map(|n| self.cited.get(n - 1))
            .any(|key| self.catalogue.source(key).is_some_and(|source| source.quality == Quality::Recalled));
        let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        format!("[{}{}]", list.join(", "), if recalled { ": recalled, not checked against any source" } else { "" })
    }

    fn sources(&mut self) {
        self.line("\nSources");
        for (at, key) in std::mem::take(&mut self.cited).into_iter().enumerate() {
            if let Some(source) = self.catalogue.source(key) {
                self.text(&format!("  [{}] ", at + 1), &source.to_string());
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Text behind a lead, folded between words, further lines set in under the lead's own indentation.
    fn text(&mut self, lead: &str, text: &str) {
        let indent = lead.len() - lead.trim_start().len() + 2;
        let mut column = lead.width();
        self.out.push_str(lead);
        for (at, word) in text.split_whitespace().enumerate() {
            if at > 0 && column + 1 + word.width() > WIDTH {
                let _ = write!(self.out, "\n{:indent$}", "");
                column = indent;
            } else if at > 0 {
                self.out.push(' ');
                column += 1;
            }
            self.out.push_str(word);
            column += word.width();
        }
        self.out.push('\n');
    }
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(out: &mut String, rows: &[[String; N]]) {
    let widths: Vec<usize> =
        (0..N).map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width.saturating_sub(cell.width()) + 2;
            let _ = write!(line, "{cell}{:pad$}", "");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str) -> Timestamp {
        date.parse::<crate::assess::platforms::Date>().map_or(Timestamp::ZERO, crate::assess::platforms::Date::start)
    }

    #[test]
    fn the_list_says_that_it_is_claimed_and_marks_what_is_stale() {
        let fresh = list(Catalogue::own(), day("2026-12-01"));
        assert!(fresh.contains("packets cannot show it") && fresh.contains(&Catalogue::own().hash()));
        assert!(!fresh.contains("stale"));
        let later = list(Catalogue::own(), day("2028-01-01"));
        assert_eq!(later.matches("(stale)").count(), Catalogue::own().platforms().iter().filter(|p| !p.claims.is_empty()).count());
        insta::assert_snapshot!("list", fresh.replace(&Catalogue::own().hash(), "HASH"));
    }

    #[test]
    fn a_page_names_the_source_of_every_line_of_a_claim() {
        let page = page(Catalogue::own(), "instagram", day("2026-12-01")).unwrap_or_default();
        insta::assert_snapshot!("instagram", page);
    }

    #[test]
    fn a_group_lists_every_candidate_with_its_claim() {
        let page = page(Catalogue::own(), "apple-push", day("2026-12-01")).unwrap_or_default();
        insta::assert_snapshot!("apple-push", page);
    }

    #[test]
    fn every_entry_has_a_page_and_no_line_of_prose_is_longer_than_the_fold() {
        let catalogue = Catalogue::own();
        let ids = catalogue.platforms().iter().map(|p| &p.id).chain(catalogue.groups().iter().map(|g| &g.id));
        for id in ids {
            let page = page(catalogue, id, day("2026-12-01")).unwrap_or_default();
            assert!(page.contains("\nSources\n  [1] "), "{id}");
            for line in page.lines().filter(|line| !line.contains("http")) {
                assert!(line.width() <= 125, "{id}: {line}");
            }
        }
        assert_eq!(super::page(catalogue, "nobody", Timestamp::ZERO), None);
    }

    #[test]
    fn a_recalled_source_is_called_that_wherever_it_is_cited() {
        let catalogue = Catalogue::read(&[r#"
            schema = 1
            date = "2026-01-01"
            [sources.memory]
            title = "From memory"
            quality = "recalled"
            checked = "2026-01-01"
            [[platform]]
            id = "example"
            name = "Example"
            owner = "Nobody"
            [[platform.claim]]
            status = "default"
            scope = "All."
            source = "memory"
            checked = "2026-01-01"
        "#]);
        let page = catalogue.ok().and_then(|catalogue| page(&catalogue, "example", Timestamp::ZERO)).unwrap_or_default();
        assert!(page.contains("default [1: recalled, not checked against any source]"), "{page}");
    }
}
