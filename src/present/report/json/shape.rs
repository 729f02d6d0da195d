//! The fields of the report as JSON, in the order of output. A field that is not known is absent.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::assess::Grade;
use crate::assess::report::ByGrade;

#[derive(Serialize)]
pub(super) struct Document {
    pub(super) schema: &'static str,
    pub(super) tool: Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<String>,
    pub(super) command: Vec<String>,
    pub(super) redacted: bool,
    pub(super) unmasked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Filtered>,
    pub(super) warnings: Vec<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) case: Option<Stated>,
    pub(super) inputs: Vec<Input>,
    pub(super) coverage: Coverage,
    pub(super) grade: &'static str,
    pub(super) answer: Answer,
    pub(super) connections: Grades,
    pub(super) by_design: u64,
    pub(super) shares: Shares,
    pub(super) versions: BTreeMap<String, u64>,
    pub(super) platforms: Vec<Platform>,
    pub(super) findings: Vec<Finding>,
    pub(super) exposure: Exposure,
    pub(super) timeline: Timeline,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) canary: Option<super::canary::Section>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_seen: Option<Said>,
    pub(super) limits: Vec<&'static str>,
    pub(super) sources: BTreeMap<String, SourceView>,
}

#[derive(Serialize)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) rules: String,
    pub(super) catalogue: String,
    pub(super) catalogue_date: String,
}

#[derive(Serialize)]
pub(super) struct Filtered {
    pub(super) expression: String,
    pub(super) connections: u64,
    pub(super) of: u64,
}

#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) short: &'static str,
    pub(super) text: Vec<Said>,
}

/// A sentence and what it rests on.
#[derive(Serialize)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) basis: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<String>,
}

/// Frames of one input.
#[derive(Serialize)]
pub(super) struct Evidence {
    pub(super) input: u32,
    pub(super) frames: Vec<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) more: bool,
}

#[derive(Serialize)]
pub(super) struct Stated {
    pub(super) basis: &'static str,
    #[serde(flatten)]
    pub(super) fields: BTreeMap<&'static str, String>,
    pub(super) not_stated: Vec<&'static str>,
    pub(super) actions: Vec<Action>,
}

#[derive(Serialize)]
pub(super) struct Action {
    pub(super) time: String,
    pub(super) what: String,
}

#[derive(Serialize)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<String>,
    pub(super) complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) damage: Option<String>,
    pub(super) format: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) compression: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) said: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) interfaces: Vec<String>,
    pub(super) has_secrets: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<Keys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dropped: Option<u64>,
    pub(super) undecodable: u64,
    pub(super) left_out: u64,
}

/// Keys there were, and those that opened something.
#[derive(Serialize)]
pub(super) struct Keys {
    pub(super) loaded: u64,
    pub(super) matched: u64,
}

#[derive(Serialize)]
pub(super) struct Coverage {
    pub(super) connections: u64,
    pub(super) judged: u64,
    pub(super) bytes: u64,
    pub(super) judged_bytes: u64,
    pub(super) with_handshake: u64,
    pub(super) whole: u64,
    pub(super) with_handshake_bytes: u64,
    pub(super) whole_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dropped: Option<u64>,
    pub(super) truncated: u64,
    pub(super) one_sided: u64,
    pub(super) undecodable: u64,
    pub(super) missing_bytes: u64,
    pub(super) evicted: u64,
    pub(super) unread: u64,
    /// Absent where the capture names no program.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) named: u64,
    /// Absent where nothing failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) internal_errors: u64,
    pub(super) text: Vec<Said>,
}

/// For fields that are absent where nothing was counted.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Counts by grade; grades that do not occur are absent.
pub(super) struct Grades(pub(super) ByGrade);

impl Serialize for Grades {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for grade in Grade::ALL {
            if self.0.of(grade) > 0 {
                map.serialize_entry(grade.word(), &self.0.of(grade))?;
            }
        }
        map.end()
    }
}

/// Shares by grade, of payload without retransmissions, rounded down.
pub(super) struct Shares(pub(super) ByGrade);

impl Serialize for Shares {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for grade in Grade::ALL {
            if self.0.of(grade) > 0 {
                #[allow(clippy::cast_precision_loss)]
                let share = self.0.thousandths(grade) as f64 / 1000.0;
                map.serialize_entry(grade.word(), &share)?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
pub(super) struct Platform {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) grade: &'static str,
    pub(super) headline: Headline,
    pub(super) shares: Shares,
    pub(super) connections: u64,
    pub(super) by_grade: Grades,
    pub(super) beside: Grades,
    pub(super) possible: Grades,
    pub(super) by_design: u64,
    pub(super) roles: BTreeMap<&'static str, Grades>,
    pub(super) bytes: u64,
    pub(super) packets: u64,
    pub(super) versions: BTreeMap<String, u64>,
    pub(super) identities: BTreeMap<&'static str, u64>,
    pub(super) because: Vec<Because>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worst: Option<Worst>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<ClaimView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) candidates: Vec<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) article: Option<Article>,
    pub(super) summary: String,
    pub(super) seen: Vec<Said>,
    pub(super) follows: Vec<Said>,
    pub(super) not: Vec<Said>,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Headline {
    pub(super) text: String,
    pub(super) with: u64,
    pub(super) judged: u64,
    pub(super) of: u64,
    pub(super) not_judged: u64,
    pub(super) empty: u64,
}

#[derive(Serialize)]
pub(super) struct Because {
    pub(super) signal: &'static str,
    pub(super) value: String,
    pub(super) connections: u64,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Worst {
    pub(super) severity: &'static str,
    pub(super) rule: &'static str,
}

#[derive(Serialize)]
pub(super) struct Candidate {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) claim: ClaimView,
}

#[derive(Serialize)]
pub(super) struct Article {
    pub(super) said: String,
    pub(super) found: String,
}

#[derive(Serialize)]
pub(super) struct ClaimView {
    pub(super) basis: &'static str,
    pub(super) status: &'static str,
    pub(super) messages: &'static str,
    pub(super) groups: &'static str,
    pub(super) calls: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disputed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<SourceView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checked: Option<String>,
    pub(super) stale: bool,
    pub(super) history: Vec<Past>,
    pub(super) beside: BTreeMap<&'static str, Said>,
    pub(super) text: Vec<Said>,
}

#[derive(Serialize)]
pub(super) struct Past {
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    pub(super) scope: String,
    pub(super) source: String,
}

#[derive(Serialize)]
pub(super) struct SourceView {
    pub(super) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    pub(super) quality: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quoting: Option<String>,
    pub(super) checked: String,
}

#[derive(Serialize)]
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) severity: &'static str,
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) engineer: &'static str,
    pub(super) norm: &'static str,
    pub(super) wireshark: &'static str,
    pub(super) connections: u64,
    pub(super) platforms: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) seen: Vec<Detail>,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Detail {
    pub(super) text: String,
    pub(super) connections: u64,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Exposure {
    pub(super) names: Vec<Name>,
    pub(super) names_left_out: u64,
    pub(super) readable: Vec<Readable>,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) identifiers_left_out: u64,
    pub(super) pairs: Vec<Pair>,
    pub(super) pairs_left_out: u64,
}

#[derive(Serialize)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) from: &'static str,
    pub(super) connections: u64,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Readable {
    pub(super) kind: &'static str,
    pub(super) what: &'static str,
    pub(super) connections: u64,
    pub(super) count: u64,
    pub(super) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) excerpt: Option<String>,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Identifier {
    pub(super) what: &'static str,
    pub(super) value: String,
    pub(super) connections: u64,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Pair {
    pub(super) client: String,
    pub(super) server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) connections: u64,
    pub(super) bytes: u64,
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct Timeline {
    pub(super) seconds: u64,
    pub(super) stretches: Vec<Stretch>,
}

#[derive(Serialize)]
pub(super) struct Stretch {
    pub(super) start: String,
    pub(super) connections: Grades,
}
