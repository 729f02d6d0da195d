//! The screens, a file each, and the two kinds of lines of which one connection is made.

pub mod connections;
pub mod detail;
mod facts;
pub mod help;
mod ladder;
