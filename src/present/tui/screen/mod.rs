//! The screens that are not only a table.

pub mod canary;
pub mod capture;
pub mod detail;
pub mod facts;
pub mod help;
pub mod inside;
mod items;
pub mod ladder;
pub mod pane;
mod said_of;
