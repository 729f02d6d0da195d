//! Floor 5: from facts to judgement.
//!
//! [`Links`] says of a connection what only other connections of the capture can tell. [`judge`](judge()) gives each a grade and its
//! findings; [`attribute`] says which platform of the [`Catalogue`] it belongs to. [`Judged`] is the connection with all that was concluded. [`Ledger`] keeps them for a screen.
//!
//! # Grades
//!
#![doc = include_str!("grading.md")]

pub mod attribution;
pub mod canary;
mod dns_transport;
pub mod filter;
mod grade;
mod group;
mod identity;
mod judge;
mod judgement;
mod ledger;
mod links;
mod media;
mod names;
pub mod platforms;
mod protocols;
pub mod report;
mod rewind;
pub mod rules;
mod sockets;
mod ssh;
mod strength;
#[cfg(test)]
mod testing;

pub use attribution::{Attribution, attribute};
pub use filter::{Filter, FilterError};
pub use grade::{Construction, Grade, Identity, Severity};
pub use group::{Count, Group};
pub use judge::judge;
pub use judgement::{Finding, Judged, Judgement};
pub use ledger::{Family, Ledger, MOST_CONNECTIONS, Newest, Outcome, State};
pub use links::Links;
pub use platforms::Catalogue;
pub use rewind::Rewind;
pub use rules::{RULES, Rule};
