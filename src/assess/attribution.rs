//! Which app a connection belongs to, how sure that is, and why.

use crate::base::{Evidence, WireStr};

/// How sure an attribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Protocol bytes and a name (or a service-only address) agree.
    Confirmed,
    /// A name that only this service uses, or strong bytes alone.
    Likely,
    /// A name of the owner, a hosting range.
    Possible,
    /// A name that several apps use.
    Shared,
}

impl Confidence {
    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Confirmed => "confirmed",
            Confidence::Likely => "likely",
            Confidence::Possible => "possible",
            Confidence::Shared => "shared",
        }
    }
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Messages.
    Messaging,
    /// Calls.
    Call,
    /// Pictures, video, files.
    Media,
    /// Notifications, for every app of a device.
    Push,
    /// A web site.
    Web,
    /// Statistics about use.
    Telemetry,
    /// Several things, or several apps.
    Shared,
}

impl Role {
    /// `messaging`, `call`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Messaging => "messaging",
            Role::Call => "call",
            Role::Media => "media",
            Role::Push => "push",
            Role::Web => "web",
            Role::Telemetry => "telemetry",
            Role::Shared => "shared",
        }
    }
}

/// One thing that speaks for an attribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// `sni`, `dns`, `ip`, `protocol`, `process`, …
    pub signal: &'static str,
    /// What was seen.
    pub value: WireStr,
    /// Where.
    pub evidence: Evidence,
}

/// Which platform a connection belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The platform's id in the catalogue.
    pub platform: String,
    /// What the connection is for.
    pub role: Role,
    /// How sure.
    pub confidence: Confidence,
    /// Why; never empty.
    pub because: Vec<Signal>,
}
