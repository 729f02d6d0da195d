//! What the fuzz targets of `fuzz/` do with their bytes, one function each; `tests/fuzz_corpora.rs` replays every seed and every crash
//! through the same functions.
//!
//! Not part of the library's interface. A target fails by panicking: on a panic of what it calls, and on the checks of its own, which are
//! that nothing from a stranger reaches an output as a control character, that facts survive being put away and fetched again, and that
//! no table lost count.

mod files;
mod inside;
#[cfg(test)]
pub(crate) mod kept;
mod opened;
mod packets;
mod seal;
mod sealed;
mod sinks;
mod talk;
mod turns;

pub use turns::{Turn, Turns};

/// A target: its name, and what it does with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 25] = [
    ("pcap", packets::pcap),
    ("pcapng", packets::pcapng),
    ("compressed", packets::compressed),
    ("link", packets::link),
    ("fragments", packets::fragments),
    ("tcp", packets::tcp),
    ("tls", talk::tls),
    ("certificate", talk::certificate),
    ("dtls", talk::dtls),
    ("quic", talk::quic),
    ("initial", sealed::initial),
    ("opened", opened::opened),
    ("http1", talk::http1),
    ("http2", inside::http2),
    ("http3", inside::http3),
    ("dns", talk::dns),
    ("rtc", talk::rtc),
    ("messengers", talk::messengers),
    ("starttls", talk::starttls),
    ("tunnels", talk::tunnels),
    ("services", talk::services),
    ("inside", inside::unpack),
    ("keylog", files::keylog),
    ("words", files::words),
    ("sinks", sinks::sinks),
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
