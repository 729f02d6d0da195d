//! The screens, a file each.

pub mod connections;
pub mod detail;
pub mod help;
