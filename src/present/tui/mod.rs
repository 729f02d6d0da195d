//! The terminal UI: the table of connections, one connection, the keys.
//!
//! One [`Model`], one [`Message`], one `update`, one pure [`draw`]: none of them touches a terminal, a clock or a file, so screens are
//! tested as text. [`run`] is the only loop. The UI thread owns the [`Ledger`](crate::assess::Ledger); workers send [`Update`]s.

mod columns;
mod draw;
#[cfg(test)]
#[allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]
mod fixture;
mod keys;
mod model;
mod order;
mod row;
mod run;
mod said;
mod screen;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod text;
mod theme;

pub use draw::draw;
pub use model::{Effect, Message, Model};
pub use run::{Options, TuiError, Update, run};
pub use theme::{ColorChoice, Theme};
