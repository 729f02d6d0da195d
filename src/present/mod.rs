//! Floor 6: from judgement to people.

pub mod export;
pub mod platforms;
pub mod tui;
