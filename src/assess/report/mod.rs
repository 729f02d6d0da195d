//! What is told of one or several captures as a whole: plain data, counted connection by connection within bounds.

mod board;
mod cited;
mod tally;

pub use board::{App, Board, Headline, OTHER, Standing};
pub use cited::{Citations, MOST_CITED};
pub use tally::{ByGrade, Counted, Counts, thousandths};
