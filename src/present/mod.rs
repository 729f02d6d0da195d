//! Floor 6: from judgement to people.

pub mod canary;
pub mod export;
pub mod platforms;
pub mod report;
pub mod schema;
pub mod tui;

use crate::assess::Grade;

/// The sign of a grade, so that colour is never needed: a filled circle for what is covered, a half one, an open one for what lies open; a
/// diamond for what stands outside that order.
#[must_use]
pub fn glyph(grade: Grade) -> &'static str {
    match grade {
        Grade::Exposed => "○",
        Grade::Weak => "◐",
        Grade::Custom => "◇",
        Grade::Protected => "●",
        Grade::Unknown => "?",
        Grade::None => "–",
    }
}
