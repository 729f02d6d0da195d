//! Looks inside streams for a phrase: floor 4 of the canary test.
//!
//! Bytes of an application, readable or decrypted, go through the framings of that application (HTTP, WebSocket, MQTT and others), then
//! through whatever their content is wrapped in (compression, base64, JSON and others), and are searched at every layer. What was found,
//! and what was looked at and could not be read, is [`Found`]; floor 5 draws the conclusion.

mod binary;
mod body;
mod chain;
mod container;
mod data_channel;
mod eye;
mod found;
mod grpc;
mod hpack;
mod http1;
mod http2;
mod http3;
mod huffman;
mod json;
mod kind;
mod layers;
mod leaf;
mod message;
mod mime;
mod mqtt;
mod needles;
mod outline;
mod protobuf;
mod qpack;
mod root;
mod static_tables;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod turns;
mod unpack;
mod watch;
mod websocket;
mod xmpp;
mod zstd;

pub use chain::{Chain, JsonPath, Layer, Step};
pub use eye::{Eye, Keep, Quest};
pub use found::{Container, Cut, CutAt, Found, Hit, Opaque, Sealed};
pub(super) use hpack::{Field, Hpack};
pub use needles::{Form, LONGEST_PHRASE, Match, Needles, NeedlesError, Sought, split};
pub use outline::{Clear, Outline, Seen};
pub use stream::{Inside, Medium};
pub use watch::{Gathered, Watched};
