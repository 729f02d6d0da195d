//! The terminal UI: the screens, one connection, the replay, the keys.
//!
//! One [`Model`], one [`Message`], one `update`, one pure [`draw`]: none of them touches a terminal, a clock or a file, so screens are
//! tested as text. A [`Session`] holds a model and a [`Ledger`](crate::assess::Ledger) for each capture, and gives a screen the ledger of
//! the moment that is shown: that a replay shows the state at its moment on every screen is then nothing a screen must see to.
//! [`run`] is the only loop. The UI thread owns the ledgers; workers send [`Update`]s. Very many connections are put in order beside it.

mod asking;
mod background;
mod beside;
mod draw;
#[cfg(test)]
#[allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fixture;
mod header;
mod keys;
mod layout;
mod looking;
mod model;
mod mouse;
mod order;
mod prompt;
mod replay;
mod row;
mod rows;
mod run;
mod said;
mod screen;
mod screens;
mod session;
mod sparks;
mod table;
mod tables;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod text;
mod theme;
mod update;

pub use draw::draw;
pub use looking::{Answer, Look, Question, Request, Seen, Tested};
pub use model::Mark;
pub use model::{Effect, Message, Model};
pub use run::{Options, TuiError, run};
pub use session::Session;
pub use theme::{ColorChoice, Theme, ThemeChoice};
pub use update::Update;
