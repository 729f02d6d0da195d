//! What is claimed of an app's end-to-end encryption at the time of the capture, as sentences with their sources. Never what packets show.

use super::sentence::{listed, said};
use super::{App, Ground, Part, Report, Sentence};
use crate::assess::platforms::{Catalogue, Claim, InForce, Platform, Quality, Source, SourceKey, Status};
use crate::base::{Timestamp, WireStr};

/// The claim on one platform, and what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    catalogue: &'a Catalogue,
    /// Of whom.
    pub platform: &'a Platform,
    /// The claim in force when the capture was taken, and how it changed.
    pub in_force: InForce<'a>,
    /// The last moment of the capture.
    end: Timestamp,
    /// Whether the capture carries a real time; else the latest claim counts.
    has_clock: bool,
}

/// 1995, the year of SSL: a capture that says it is older carries no real time.
const FIRST_CLOCK: i64 = 788_918_400;

impl Report {
    /// The claims that stand beside a row: that of the app; of a shared group, those of every candidate.
    #[must_use]
    pub fn claims_of(&self, app: &App) -> Vec<Claimed<'_>> {
        let catalogue = self.catalogue;
        let (start, end) = app.span.unwrap_or_default();
        let has_clock = start >= Timestamp::from_secs(FIRST_CLOCK);
        let at = if has_clock { start } else { Timestamp::from_nanos(i64::MAX) };
        let claimed = |platform| Claimed { catalogue, platform, in_force: Platform::claim_at(platform, at), end, has_clock };
        match (catalogue.platform(&app.id), catalogue.group(&app.id)) {
            (Some(platform), _) => vec![claimed(platform)],
            (None, Some(group)) => group.candidates.iter().filter_map(|id| catalogue.platform(id)).map(claimed).collect(),
            (None, None) => Vec::new(),
        }
    }
}

/// The status in a few words.
#[must_use]
pub fn status_words(status: Status) -> &'static str {
    match status {
        Status::Default => "end-to-end encrypted by default",
        Status::Optional => "end-to-end encrypted only where people turn it on",
        Status::Partial => "end-to-end encrypted in part",
        Status::None => "not end-to-end encrypted",
        Status::Retired => "the service has ended",
        Status::Unknown => "no statement found",
    }
}

impl Claimed<'_> {
    /// The status in force then.
    #[must_use]
    pub fn status(&self) -> Status {
        self.in_force.claim.map_or(Status::Unknown, |claim| claim.status)
    }

    /// Whether the capture ends more than a year after the claim was checked.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.in_force.claim.is_some_and(|claim| claim.is_stale(self.end))
    }

    /// The keys of the sources of the claim in force.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        self.in_force.claim.map(keys).unwrap_or_default()
    }

    /// The source of the claim in force.
    fn ground(&self) -> Ground {
        Ground::Sources(self.sources().into_iter().take(1).collect())
    }

    /// The source the claim in force rests on.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        self.catalogue.source(&self.in_force.claim?.source)
    }

    /// The line that stands beside the grade.
    #[must_use]
    pub fn line(&self) -> Sentence {
        said![self.ground(); status_words(self.status())]
    }

    /// What is claimed now, where that is something else.
    #[must_use]
    pub fn now(&self) -> Sentence {
        match self.in_force.now() {
            Some(claim) => said![Ground::Sources(vec![claim.source.as_str().to_owned()]); status_words(claim.status)],
            None => said![Ground::Sources(Vec::new()); "no statement found"],
        }
    }

    /// `messages default, groups partial, calls default`.
    #[must_use]
    pub fn kinds(&self) -> Option<Sentence> {
        let claim = self.in_force.claim?;
        let kinds = [("messages", claim.messages()), ("groups", claim.groups()), ("calls", claim.calls())];
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, status)| format!("{kind}: {}", kind_word(status))).collect();
        Some(said![self.ground(); kinds.join(", ")])
    }

    /// Everything said of the claim, its changes and what a reader asks next.
    #[must_use]
    pub fn sentences(&self) -> Vec<Sentence> {
        let name = &self.platform.name;
        let mut all = Vec::new();
        match self.in_force.claim {
            None => all
                .push(said![Ground::Sources(Vec::new()); "Claimed: no statement was found on end-to-end encryption in ", name.clone(),
                                   " for the time of this capture."]),
            Some(claim) => {
                let ground = || self.ground();
                all.push(said![Ground::Sources(keys(claim)); "Claimed, not observed: ", name.clone(), " is ", status_words(claim.status), " (",
                               self.kinds().map(|kinds| super::Voice::plain().say(&kinds)).unwrap_or_default(), "), ", self.told_by(claim), "."]);
                all.push(said![ground(); "That is: ", ended(&claim.scope)]);
                if let Some(protocol) = &claim.protocol {
                    all.push(said![ground(); "Protocol, as claimed: ", ended(protocol)]);
                }
                if let Some(disputed) = &claim.disputed {
                    all.push(said![ground(); "Disputed: ", ended(disputed)]);
                }
                let stale = if self.is_stale() { "; that is stale: the capture is more than a year younger" } else { "" };
                all.push(said![ground(); "The claim was last checked on ", claim.checked.to_string(), stale, "."]);
            }
        }
        if !self.has_clock {
            all.push(said![Ground::Whole; "The capture carries no real time: the claim is the latest one."]);
        }
        for earlier in self.in_force.earlier {
            all.push(self.changed("Before that", earlier));
        }
        for later in self.in_force.later {
            all.push(self.changed("It has changed since the capture", later));
        }
        all
    }

    /// What the founding article said, and what was found since.
    #[must_use]
    pub fn article(&self) -> Vec<Sentence> {
        let Some(article) = &self.platform.article else { return Vec::new() };
        vec![
            said![Ground::Method; "The article this tool was made for said: ", ended(&article.said)],
            said![Ground::Sources(self.platform.claims.last().map(keys).unwrap_or_default()); "Found since: ", ended(&article.found)],
        ]
    }

    /// What a reader asks next, and what is claimed: the question, and the answer.
    #[must_use]
    pub fn beside(&self) -> Vec<(&'static str, Sentence)> {
        let answers = self.platform.beside.answers().into_iter();
        answers
            .map(|(question, answer)| match answer {
                Some(statement) => {
                    let keys = std::iter::once(&statement.source).chain(&statement.also).map(|key| key.as_str().to_owned()).collect();
                    (question, said![Ground::Sources(keys); statement.text.clone()])
                }
                None => (question, said![Ground::Sources(Vec::new()); "no statement found"]),
            })
            .collect()
    }

    fn changed(&self, when: &'static str, claim: &Claim) -> Sentence {
        let since = claim.since.map(|since| format!(" from {since}")).unwrap_or_default();
        let until = claim.until.map(|until| format!(" until {until}")).unwrap_or_default();
        said![Ground::Sources(keys(claim)); when, ",", since, until, ": ", status_words(claim.status), "."]
    }

    /// Who says so, and how good the source is.
    fn told_by(&self, claim: &Claim) -> String {
        let Some(source) = self.catalogue.source(&claim.source) else { return "by a source that is missing".to_owned() };
        let quoting = source.quoting.as_ref().map(|quoting| format!(", quoting {quoting}")).unwrap_or_default();
        match source.quality {
            Quality::Secondary => format!("as reported by “{}”{quoting}", source.title),
            Quality::Recalled => format!("from memory, not checked against any source (“{}”)", source.title),
            Quality::Official => format!("according to “{}”", source.title),
            Quality::OfficialCopy => format!("according to a copy of “{}”", source.title),
            Quality::Research | Quality::Code | Quality::Capture | Quality::List => {
                format!("according to “{}” ({}){quoting}", source.title, source.quality.word())
            }
        }
    }
}

impl Report {
    /// Who says that a name, an address or a sign is of this row's app: the source in the catalogue.
    #[must_use]
    pub fn source_of_signal(&self, app: &App, signal: &str, value: &WireStr) -> Option<Ground> {
        let catalogue = self.catalogue;
        let (domains, ranges, wire, apps) = match (catalogue.platform(&app.id), catalogue.group(&app.id)) {
            (Some(p), _) => (&p.domains, &p.ranges, &p.wire, &p.apps),
            (None, Some(g)) => (&g.domains, &g.ranges, &g.wire, &g.apps),
            (None, None) => return None,
        };
        let text = std::str::from_utf8(value.as_bytes()).ok()?.trim_end_matches('.').to_ascii_lowercase();
        let under = |suffix: &str| text.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let key = match signal {
            "process" => apps.iter().find(|app| app.name.eq_ignore_ascii_case(&text)).map(|app| &app.source),
            "ip" => text.parse().ok().and_then(|ip| ranges.iter().find(|range| range.cidr.contains(ip))).map(|range| &range.source),
            "protocol" | "alpn" | "quic-version" | "stun-realm" | "stun-attribute" => {
                wire.iter().find(|sign| sign.sign.word() == signal && (sign.value == text || under(&sign.value))).map(|sign| &sign.source)
            }
            _ => {
                domains.iter().filter(|domain| under(&domain.suffix)).max_by_key(|domain| domain.suffix.len()).map(|domain| &domain.source)
            }
        };
        Some(Ground::Sources(vec![key?.as_str().to_owned()]))
    }
}

fn keys(claim: &Claim) -> Vec<String> {
    let key = |key: &SourceKey| key.as_str().to_owned();
    std::iter::once(&claim.source).chain(&claim.also).map(key).collect()
}

/// A statement with a full stop, whether it had one or not.
fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '”', '"']) { text.to_owned() } else { format!("{text}.") }
}

fn kind_word(status: Status) -> &'static str {
    match status {
        Status::Default => "by default",
        Status::Optional => "optional",
        Status::Partial => "in part",
        Status::None => "no",
        Status::Retired => "ended",
        Status::Unknown => "no statement found",
    }
}

impl Report {
    /// Which platforms of the founding article are not in the capture: that they were not seen proves nothing.
    #[must_use]
    pub fn not_seen(&self) -> Option<Sentence> {
        let board = &self.summary.board;
        let absent: Vec<String> = self
            .catalogue
            .platforms()
            .iter()
            .filter(|platform| platform.article.is_some() && board.app(&platform.id).is_none())
            .map(|platform| platform.name.clone())
            .collect();
        let which = match &self.about.filter {
            Some(_) => " among the connections this report covers. ",
            None => " in this capture. ",
        };
        (!absent.is_empty()).then(|| {
            said![Ground::Whole; "No traffic recognisable as ", listed(&absent, "or"), " is", Part::from(which),
                  "That is not evidence that it was not used."]
        })
    }
}
