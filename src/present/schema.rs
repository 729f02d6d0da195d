//! JSON Schemas (draft 2020-12) of what is written as JSON, and the program that prints them.

/// A schema: its name on the command line, and its text.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("flow", include_str!("schema/flow.json")),
    ("report", include_str!("schema/report.json")),
    ("canary", include_str!("schema/canary.json")),
];

/// The schema of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
