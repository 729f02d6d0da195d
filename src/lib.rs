//! intransit reads captured packets and says, connection by connection, what protected them on the way, naming
//! the frames behind every word.
//!
//! The house has floors; each imports only floors below it:
//!
//! 0. [`base`]: frames, evidence, windows, facts, registry numbers.
//! 1. [`source`]: where frames come from: pcap, pcapng, compressed files, pipes.
//! 2. [`link`]: frame to packet: link types, tunnels, IP fragments.
//! 3. [`flow`]: packets to connections: the flow table, TCP streams, the one assembler.
//! 4. [`dissect`]: bytes to facts: one file or folder per protocol.
//! 5. [`assess`]: facts to judgement: the ledger of finished connections.
//! 6. [`present`]: judgement to people: JSON, tables, the terminal UI.
//!
//! [`engine`] puts them together and is the only file that starts threads; [`cli`] is the only one that reads arguments;
//! [`commands`] carries out what was asked for.
//!
//! What the crate does not do: it sends no packet, resolves no name, decides nothing by port number, and never
//! calls a connection end-to-end encrypted, because packets cannot show that. Only a
//! [`Frame`](base::Frame) or a [`Window`](base::Window) can mint [`Evidence`](base::Evidence), so no statement exists without frames.

pub mod assess;
pub mod base;
pub mod cli;
pub mod commands;
pub mod dissect;
pub mod engine;
pub mod flow;
#[doc(hidden)]
pub mod fuzzing;
pub mod link;
pub mod present;
pub mod source;
