//! Threema's chat server protocol (CSP) on TCP: recognised by the lengths of its handshake and of what follows, for every octet of it is
//! random. After Threema's Cryptography Whitepaper ("Client-Server Protocol Description") and the app's source code.
//!
//! ```text
//! client                                             server
//!   48: ephemeral key (32), cookie (16)        ->
//!                                              <-      80: cookie (16), box of ephemeral key and cookie (64)
//!   login                                      ->
//!                                              <-      32: box of zeros; then frames
//!   frames: length in 16 bits, little-endian, and a box
//! ```

use super::values;
use crate::base::{Dir, Evidence, Facts, Sides, What, Window};

/// Octets of the client's hello.
const CLIENT_HELLO: usize = 48;
/// Octets of the server's hello.
const SERVER_HELLO: usize = 80;
/// Octets with which the server takes a login.
const LOGIN_ACK: usize = 32;
/// The longest login that is believed; older apps send 191 octets.
const LONGEST_LOGIN: usize = 2048;
/// The least and the most octets of a frame: an authenticator (16) and a header (4), and a whole message.
const FRAME: std::ops::RangeInclusive<usize> = 20..=8192;
/// 48 random octets have about 44 different values, and text has far fewer.
const LEAST_VALUES: usize = 34;
/// Windows that end where their frames do, before it is believed: each is right by chance once in 2^16.
const WINDOWS: u8 = 2;

/// How far a direction has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Hello,
    Login,
    Frames,
}

/// Whether a connection that nobody recognised is CSP: fed with both directions from their beginnings.
#[derive(Debug, Default)]
pub struct ThreemaCsp {
    at: Sides<At>,
    /// The direction that said hello with 48 octets.
    client: Option<Dir>,
    evidence: Option<Evidence>,
    windows: u8,
    over: bool,
}

impl ThreemaCsp {
    /// Looks at the next octets of a direction. Whether this is settled, and nothing more needs to be looked at.
    pub fn look(&mut self, window: &Window<'_>, facts: &mut Facts) -> bool {
        if !self.over && !window.bytes.is_empty() && self.step(window, facts).is_none() {
            self.over = true;
        }
        self.over
    }

    /// Which role the label on the windows plays: the client's, where that is known.
    pub fn client(&self) -> Option<Dir> {
        self.client
    }

    /// From now on windows carry the opposite labels.
    pub fn swap_sides(&mut self) {
        self.at.swap();
        self.client = self.client.map(Dir::other);
    }

    /// `None` when it is something else.
    fn step(&mut self, window: &Window<'_>, facts: &mut Facts) -> Option<()> {
        let (dir, bytes) = (window.dir, window.bytes);
        let next = match *self.at.of(dir) {
            At::Hello if bytes.len() == SERVER_HELLO && self.client != Some(dir) => At::Login,
            At::Hello if is_hello(window) && self.client.is_none_or(|client| client == dir) => {
                self.client = Some(dir);
                // What came with it when another probe had asked for more is the login.
                match bytes.len() - CLIENT_HELLO {
                    0 => At::Login,
                    1..=LONGEST_LOGIN => At::Frames,
                    _ => return None,
                }
            }
            At::Login if self.client == Some(dir) && bytes.len() <= LONGEST_LOGIN => At::Frames,
            At::Login if self.client == Some(dir) => return None,
            At::Login => match bytes.get(LOGIN_ACK..)? {
                [] => At::Frames,
                frames => self.frames(frames)?,
            },
            At::Frames => self.frames(bytes)?,
            At::Hello => return None,
        };
        *self.at.of_mut(dir) = next;
        let said = window.evidence(0..bytes.len());
        match &mut self.evidence {
            Some(evidence) => evidence.join(&said),
            None => self.evidence = Some(said),
        }
        if self.windows >= WINDOWS && self.client.is_some() && self.at.client != At::Hello && self.at.server != At::Hello {
            facts.observe(What::Protocol("threema-csp"), self.evidence.take()?);
            self.over = true;
        }
        Some(())
    }

    /// Octets that are frames from their first to their last.
    fn frames(&mut self, mut bytes: &[u8]) -> Option<At> {
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let length = usize::from(u16::from_le_bytes(*length));
            bytes = rest.get(length..).filter(|_| FRAME.contains(&length))?;
        }
        self.windows += 1;
        bytes.is_empty().then_some(At::Frames)
    }
}

/// Whether the first 48 octets are random, and came in packets of their own.
fn is_hello(window: &Window<'_>) -> bool {
    let Some(hello) = window.bytes.get(..CLIENT_HELLO).filter(|hello| values(hello) >= LEAST_VALUES) else { return false };
    window.bytes.len() == hello.len() || {
        let (before, after) = (window.evidence(0..CLIENT_HELLO), window.evidence(CLIENT_HELLO..CLIENT_HELLO + 1));
        !before.frames().contains(&after.first())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Stream;
    use super::super::super::testing::{C, S, talk};
    use super::super::testing::noise;
    use super::*;

    /// Different at every call site by its length.
    fn random(length: usize) -> Vec<u8> {
        noise(length + 7).split_off(7)
    }

    fn frame(length: u16) -> Vec<u8> {
        [&length.to_le_bytes()[..], &random(length.into())].concat()
    }

    fn said(parts: &[(Dir, Vec<u8>)]) -> Vec<String> {
        let parts: Vec<(Dir, &[u8])> = parts.iter().map(|(dir, bytes)| (*dir, &**bytes)).collect();
        talk::<Stream>(&parts, usize::MAX).said()
    }

    fn session() -> Vec<(Dir, Vec<u8>)> {
        vec![(C, random(48)), (S, random(80)), (C, random(191)), (S, [random(32), frame(20)].concat()), (C, frame(442)), (S, frame(36))]
    }

    #[test]
    fn a_handshake_of_these_lengths_and_frames_that_fit_are_recognised() {
        assert_eq!(said(&session()), [r#"network.protocol Text("threema-csp") observed [#1, #2, #3, #4, #5]"#]);
    }

    #[test]
    fn look_alikes_are_refused() {
        for (at, with) in [
            (0, random(49)),
            (0, b"the same text in forty-eight octets, as it seems".to_vec()),
            (1, random(81)),
            (2, random(4000)),
            (3, random(54)),
            (4, [frame(442), vec![1]].concat()),
            (4, frame(12)),
        ] {
            let mut changed = session();
            if let Some(part) = changed.get_mut(at) {
                part.1 = with;
            }
            changed.truncate(5);
            assert!(!said(&changed).iter().any(|fact| fact.contains("threema")), "part {at}");
        }
    }
}
