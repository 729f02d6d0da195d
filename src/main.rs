//! The `intransit` command.
fn main() {}
