//! Floor 0: the words everyone uses.
//!
//! Nothing here knows a protocol, a file format or a screen. The types make two promises that the
//! floors above cannot break: a statement without frames cannot be built ([`Evidence`]), and bytes
//! from the wire cannot be printed without being escaped ([`WireStr`]).
//!
//! Panic contract: no function of this floor panics on any input.

mod base64;
mod dns_answer;
mod evidence;
mod fact;
mod freeze;
mod kind_set;
mod others;
mod owner;
mod readable;
mod reader;
mod registry;
mod render;
mod rewind;
mod sdp_media;
mod stitch;
mod text;
mod time;
mod trail;
mod window;
mod wire_str;

pub use base64::{base64, base64_into};
pub use dns_answer::DnsAnswer;
pub use evidence::{Evidence, FrameNo};
pub use fact::{Alert, Basis, Fact, Facts, Kind, Md5, Sha1, Sha256, VersionName, What};
pub(crate) use freeze::{put_number, take_number};
pub use kind_set::KindSet;
pub use others::TEXT_OUTSIDE_TLS;
pub use owner::{Owner, OwnerCounts, OwnerSeen};
pub use readable::{Exposed, Readable};
pub use reader::{Reader, Short};
pub use registry::{AlertDescription, CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, QuicVersion, SignatureScheme, SrtpProfile};
pub use render::{Held, List, Render, Shown};
pub use sdp_media::{Keying, SdpMedia};
pub use stitch::Stitched;
pub use text::{begins_with_text, is_text};
pub use time::Timestamp;
pub use trail::{Message, Step};
pub use window::{Dir, Frame, LinkType, Sides, Window};
pub use wire_str::{WireStr, escape_into};

/// An internal error, asked for by the hidden switch `--test-panic`: tests look at what is left then.
///
/// # Panics
/// Always.
#[allow(clippy::panic, reason = "it is what it is for, and no input reaches it")]
pub fn fail_for_a_test() -> ! {
    panic!("asked for by a test")
}
