//! Floor 5: from facts to judgement.
//!
//! [`Links`] says of a connection what only other connections of the capture can tell.

mod links;

pub use links::Links;
