//! SSH: identification strings, and the key exchange up to where encryption begins (RFC 4253; version 1 by its protocol text).
//!
//! What was agreed on follows from the lists of both sides (§7.1). Everything after `SSH_MSG_NEWKEYS` is encrypted and not looked at.

mod identification;
mod kexinit;
mod packet;
#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;

use super::telltale::Unlike;
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Evidence, Facts, Kind, Sides, What, Window, WireStr};

use identification::Speaks;
use kexinit::KexInit;
use packet::{Front, message, message1};

/// Octets before the identification string that may wait for the end of their line.
const LONGEST_LINE: usize = 8 * 1024;
/// Lines a server may send before it (RFC 4253 §4.2).
const MOST_LINES: u8 = 64;
/// The ciphers of version 1, by number.
const CIPHERS_1: [&str; 7] = ["none", "idea", "des", "3des", "tss", "arcfour", "blowfish"];

/// One SSH connection, until it is encrypted.
#[derive(Debug, Default)]
pub struct Ssh {
    sides: Sides<Side>,
    /// The side that a message shows to be the client.
    client: Option<Dir>,
    /// The frames of a `DISCONNECT` in clear.
    refused: Option<Evidence>,
    over: bool,
}

/// What one side sent.
#[derive(Debug, Default)]
struct Side {
    stage: Stage,
    identification: Option<(Speaks, WireStr, Evidence)>,
    lines: u8,
    offer: Option<(Box<KexInit>, Evidence)>,
    /// The message after which it encrypts.
    sealed: Option<Evidence>,
}

/// Where one side is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Identification,
    Packets,
    /// Encrypted, or not to be read for another reason.
    Over,
}

impl Protocol for Ssh {
    fn probe(window: &Window<'_>) -> Probe {
        match identification::read(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(Unlike::Short) => Probe::More,
            Err(Unlike::Other) => Probe::No,
        }
    }
}

impl Payload for Ssh {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.over && taken < window.bytes.len() {
            let rest = window.from(taken);
            let step = match self.sides.of(window.dir).stage {
                Stage::Identification => self.identify(&rest, facts),
                Stage::Packets => self.packet(&rest, facts),
                Stage::Over => rest.bytes.len(),
            };
            if step == 0 {
                return taken;
            }
            taken = taken.saturating_add(step);
        }
        window.bytes.len()
    }

    fn gap(&mut self, dir: Dir, _missing: u64, facts: &mut Facts) {
        // Where the next packet starts cannot be known.
        self.sides.of_mut(dir).stage = Stage::Over;
        self.settle(facts);
    }

    fn close(&mut self, facts: &mut Facts) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        // Facts carry the right labels, whether or not the flow has swapped its own already.
        let Sides { client, server } = std::mem::take(&mut self.sides);
        let (client, server) = if self.client == Some(Dir::Server) { (server, client) } else { (client, server) };
        state_identifications(&client, &server, facts);
        state_agreement(&client, &server, facts);
        self.state_handshake(&client, &server, facts);
    }

    fn next(&self) -> Next {
        if self.over { Next::Done } else { Next::Stay }
    }

    fn client(&self) -> Option<Dir> {
        self.client
    }

    fn swap_sides(&mut self) {
        self.sides.swap();
        self.client = self.client.map(Dir::other);
    }
}

impl Ssh {
    /// Reads the identification string, or a line before it. Returns the octets taken.
    fn identify(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let side = self.sides.of_mut(rest.dir);
        match identification::read(rest.bytes) {
            Ok(found) => {
                let evidence = rest.evidence(0..found.taken);
                if !facts.has(Kind::Protocol) {
                    facts.observe(What::Protocol("ssh"), evidence.clone());
                }
                side.identification = Some((found.speaks, WireStr::new(found.text), evidence));
                side.stage = Stage::Packets;
                found.taken
            }
            Err(Unlike::Short) => 0,
            Err(Unlike::Other) => {
                let line = memchr::memchr(b'\n', rest.bytes).map(|at| at.saturating_add(1));
                side.lines = side.lines.saturating_add(u8::from(line.is_some()));
                if side.lines > MOST_LINES || line.is_none() && rest.bytes.len() > LONGEST_LINE {
                    side.stage = Stage::Over;
                    self.settle(facts);
                    return rest.bytes.len();
                }
                line.unwrap_or(0)
            }
        }
    }

    /// Reads a packet that is not encrypted. Returns the octets taken.
    fn packet(&mut self, rest: &Window<'_>, facts: &mut Facts) -> usize {
        let version_1 = match self.is_version_1() {
            Some(version_1) => version_1,
            // A side that speaks both waits for the other, unless its packet tells.
            None => match packet::read(rest.bytes) {
                Front::Packet { number: message::KEXINIT, .. } => false,
                _ => return 0,
            },
        };
        let front = if version_1 { packet::read1(rest.bytes) } else { packet::read(rest.bytes) };
        let (number, body, taken) = match front {
            Front::Packet { number, body, taken } => (number, body, taken),
            Front::Partial => return 0,
            Front::Other => {
                self.sides.of_mut(rest.dir).stage = Stage::Over;
                self.settle(facts);
                return rest.bytes.len();
            }
        };
        let evidence = rest.evidence(0..taken);
        if version_1 {
            self.message_1(number, body, rest.dir, evidence, facts);
        } else {
            self.message(number, body, rest.dir, evidence);
        }
        self.settle(facts);
        taken
    }

    fn message(&mut self, number: u8, body: &[u8], dir: Dir, evidence: Evidence) {
        let side = self.sides.of_mut(dir);
        match number {
            message::KEXINIT if side.offer.is_none() => side.offer = KexInit::read(body).map(|init| (Box::new(init), evidence)),
            message::NEWKEYS => {
                side.sealed = Some(evidence);
                side.stage = Stage::Over;
            }
            message::KEX_INIT | message::KEX_GEX_REQUEST if self.client.is_none() => self.client = Some(dir),
            message::DISCONNECT => self.refused = Some(evidence),
            _ => {}
        }
    }

    /// Version 1: the server sends its keys, the client chooses a cipher, and all that follows is encrypted.
    fn message_1(&mut self, number: u8, body: &[u8], dir: Dir, evidence: Evidence, facts: &mut Facts) {
        let side = self.sides.of_mut(dir);
        match number {
            message1::PUBLIC_KEY => {
                self.client.get_or_insert(dir.other());
                side.sealed = Some(evidence);
                side.stage = Stage::Over;
            }
            message1::SESSION_KEY => {
                self.client.get_or_insert(dir);
                if let Some(name) = body.first().and_then(|&number| CIPHERS_1.get(usize::from(number))) {
                    facts.observe(What::SshCipher(vec![WireStr::from(*name)]), evidence.clone());
                }
                side.sealed = Some(evidence);
                side.stage = Stage::Over;
            }
            message::DISCONNECT => self.refused = Some(evidence),
            _ => {}
        }
    }

    /// Whether version 1 is spoken, once the identification strings tell.
    fn is_version_1(&self) -> Option<bool> {
        is_version_1(&self.sides.client, &self.sides.server)
    }

    /// Nothing more can be read when neither side is.
    fn settle(&mut self, facts: &mut Facts) {
        if self.sides.client.stage == Stage::Over && self.sides.server.stage == Stage::Over {
            self.close(facts);
        }
    }

    fn state_handshake(&self, client: &Side, server: &Side, facts: &mut Facts) {
        let seen = |side: &Side| side.identification.as_ref().map(|(.., evidence)| evidence.clone());
        let offered = |side: &Side| side.offer.as_ref().map(|(_, evidence)| evidence.clone());
        let word = match (&client.sealed, &server.sealed) {
            (Some(c), Some(s)) => {
                let lists = [offered(client), offered(server)].into_iter().flatten();
                Some(("complete", lists.fold(c.clone().and(s), |all, frames| all.and(&frames))))
            }
            _ => match (&self.refused, seen(client), seen(server)) {
                (Some(refused), ..) => Some(("failed", refused.clone())),
                (None, Some(client), None) => Some(("client-only", client)),
                (None, None, Some(server)) => Some(("server-only", server)),
                _ => None,
            },
        };
        if let Some((word, evidence)) = word {
            facts.observe(What::Handshake(word), evidence);
        }
    }
}

fn is_version_1(one: &Side, other: &Side) -> Option<bool> {
    let of = |side: &Side| side.identification.as_ref().map(|(speaks, ..)| *speaks);
    match (of(one), of(other)) {
        (Some(Speaks::Two), _) | (_, Some(Speaks::Two)) => Some(false),
        (Some(Speaks::One), _) | (_, Some(Speaks::One)) => Some(true),
        (Some(Speaks::Both), Some(Speaks::Both)) => Some(false),
        _ => None,
    }
}

fn state_identifications(client: &Side, server: &Side, facts: &mut Facts) {
    let mut all: Option<Evidence> = None;
    for (side, is_client) in [(client, true), (server, false)] {
        let Some((_, text, evidence)) = &side.identification else { continue };
        let text = text.clone();
        facts.observe(if is_client { What::SshClient(text) } else { What::SshServer(text) }, evidence.clone());
        all = Some(all.map_or_else(|| evidence.clone(), |all| all.and(evidence)));
    }
    if let (Some(version_1), Some(evidence)) = (is_version_1(client, server), all) {
        facts.observe(What::SshVersion(if version_1 { "1" } else { "2" }), evidence);
    }
}

/// States what the lists of both sides agree on.
fn state_agreement(client: &Side, server: &Side, facts: &mut Facts) {
    let (Some((offered, c)), Some((answered, s))) = (&client.offer, &server.offer) else { return };
    let evidence = c.clone().and(s);
    let agreed = offered.agree(answered);
    let mut say = |what: What| facts.observe(what, evidence.clone());
    if let Some(name) = agreed.kex {
        say(What::SshKeyExchange(WireStr::new(name)));
    }
    if let Some(name) = agreed.host_key {
        say(What::SshHostKey(WireStr::new(name)));
    }
    if let Some(names) = both(agreed.cipher) {
        say(What::SshCipher(names));
    }
    if let Some(names) = both(agreed.mac) {
        say(What::SshMac(names));
    }
}

/// What the client sends and what the server sends: one name where both are the same.
fn both(names: Sides<Option<&[u8]>>) -> Option<Vec<WireStr>> {
    match (names.client, names.server) {
        (Some(client), Some(server)) if client == server => Some(vec![WireStr::new(client)]),
        (Some(client), Some(server)) => Some(vec![WireStr::new(client), WireStr::new(server)]),
        _ => None,
    }
}
