//! What the operator of a capture states about it: a small TOML file. Claimed, never observed; blanks are told as such.

use serde::Deserialize;

/// A case file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A name or number for the case.
    pub title: Option<String>,
    /// Who captured.
    pub operator: Option<String>,
    /// The device that was observed.
    pub device: Option<String>,
    /// The app.
    pub app: Option<String>,
    /// Its version.
    pub app_version: Option<String>,
    /// The account that was used.
    pub account: Option<String>,
    /// Where.
    pub place: Option<String>,
    /// The time zone of the times below.
    pub time_zone: Option<String>,
    /// How it was captured.
    pub method: Option<String>,
    /// Anything else.
    pub note: Option<String>,
    /// What was done, and when.
    #[serde(default, rename = "action")]
    pub actions: Vec<Action>,
}

/// Something the operator did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// When, as the operator's clock showed it.
    pub time: Moment,
    /// What.
    pub what: String,
}

/// A time as a case file gives it: `10:32:05`, a date with a time, or words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Moment(pub String);

impl TryFrom<toml::Value> for Moment {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Moment, &'static str> {
        match value {
            toml::Value::Datetime(time) => Ok(Moment(time.to_string())),
            toml::Value::String(words) => Ok(Moment(words)),
            _ => Err("expected a time, as 10:32:05 or 2024-05-01T10:32:05+02:00"),
        }
    }
}

/// Why a case file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CaseError(String);

/// Actions at most.
const MOST_ACTIONS: usize = 1000;

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Case, CaseError> {
        let case: Case = toml::from_str(text).map_err(|error| {
            let at = error.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            let place = at.map(|line| format!("line {line}: ")).unwrap_or_default();
            CaseError(format!("{place}{}", error.message().replace('\n', "; ")))
        })?;
        if case.actions.len() > MOST_ACTIONS {
            return Err(CaseError(format!("more than {MOST_ACTIONS} actions")));
        }
        Ok(case)
    }

    /// Every field that has one value: its name, and what is stated. The operator's words, blanks included.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &'static str, Option<&str>); 10] {
        [
            ("title", "case", self.title.as_deref()),
            ("operator", "operator", self.operator.as_deref()),
            ("device", "device", self.device.as_deref()),
            ("app", "app", self.app.as_deref()),
            ("app_version", "version of the app", self.app_version.as_deref()),
            ("account", "account", self.account.as_deref()),
            ("place", "place", self.place.as_deref()),
            ("time_zone", "time zone", self.time_zone.as_deref()),
            ("method", "method", self.method.as_deref()),
            ("note", "note", self.note.as_deref()),
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_case_file_states_what_was_done_and_leaves_blanks() {
        let case = Case::parse(
            "device = \"Pixel 8, Android 15\"\napp = \"TikTok\"\ntime_zone = \"Europe/Berlin\"\n\
             [[action]]\ntime = 10:32:05\nwhat = \"sent message\"\n[[action]]\ntime = 2024-05-01T10:33:00+02:00\nwhat = \"closed the app\"\n",
        )
        .unwrap();
        assert_eq!(case.device.as_deref(), Some("Pixel 8, Android 15"));
        assert_eq!(case.fields().iter().filter(|(.., value)| value.is_none()).count(), 7);
        let told: Vec<&str> = case.actions.iter().map(|action| action.time.0.as_str()).collect();
        assert_eq!(told, ["10:32:05", "2024-05-01T10:33:00+02:00"]);
    }

    #[test]
    fn a_misspelt_field_is_refused_with_its_line() {
        let error = Case::parse("device = \"x\"\nacount = \"me\"\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2: ") && error.contains("acount"), "{error}");
    }
}
