//! The canary test as a part of a report: its results, capture by capture.

use super::{Part, Voice};
use crate::assess::canary::Canary;
use crate::dissect::keys::KeyCounts;

/// A phrase that was looked for in every capture of a report.
#[derive(Clone, Debug)]
pub struct CanaryTest {
    /// SHA-256 of the phrase, which is in no report.
    pub message_sha256: [u8; 32],
    /// The results.
    pub tests: Vec<Tested>,
}

/// The result in one capture.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The capture's place among the inputs.
    pub input: u32,
    /// The result.
    pub canary: Canary,
    /// What became of the keys, where there were some.
    pub keys: Option<KeyCounts>,
    /// Keys came with the capture itself.
    pub keys_in_capture: bool,
}

impl CanaryTest {
    /// Gives pseudonyms to what will be said of its connections.
    pub(super) fn teach(&self, voice: &mut Voice) {
        for channel in self.tests.iter().flat_map(|test| &test.canary.channels) {
            let (client, server) = (channel.connection.client, channel.connection.server);
            voice.learn(&Part::Address(client.ip));
            voice.learn(&Part::Address(server.ip));
            if let Some(name) = channel.server_name() {
                voice.learn(&Part::Name(name.clone()));
            }
        }
    }
}
