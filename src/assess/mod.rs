//! Floor 5: from facts to judgement. So far only the keeping of connections and their count by outcome.

mod ledger;

pub use ledger::{Family, Ledger, MOST_CONNECTIONS, Outcome, State};
