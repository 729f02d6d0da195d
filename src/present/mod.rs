//! Floor 6: judgement to people.

pub mod tui;
