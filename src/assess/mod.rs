//! Floor 5: from facts to judgement.
//!
//! [`Links`] says of a connection what only other connections of the capture can tell. [`Ledger`] keeps the finished connections for a
//! screen and counts them by [`Outcome`].

mod ledger;
mod links;

pub use ledger::{Family, Ledger, MOST_CONNECTIONS, Newest, Outcome, State};
pub use links::Links;
