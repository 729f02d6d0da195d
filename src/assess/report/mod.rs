//! What is told of one or several captures as a whole: plain data, counted connection by connection within bounds.

mod board;
mod builder;
mod cited;
mod exposure;
mod findings;
mod input;
mod tally;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod testing;
mod timeline;

pub use board::{App, Board, Headline, OTHER, Standing};
pub use builder::{ReportBuilder, Summary};
pub use cited::{Citations, MOST_CITED};
pub use exposure::{Exposure, NameFrom, Pair, ReadableCount};
pub use findings::{Findings, RuleCount};
pub use input::{Coverage, Input};
pub use tally::{ByGrade, Counted, Counts, thousandths};
pub use timeline::Timeline;
