//! Floor 6: from judgement to people.

pub mod canary;
pub mod export;
pub mod platforms;
pub mod report;
pub mod schema;
pub mod tui;
