//! MQTT 3.1, 3.1.1 and 5 (OASIS MQTT 3.1.1, MQTT 5.0) in clear: who connects with which password, and what is published.

use super::clear::mostly_text;
use super::telltale::{Unlike, require, starts};
use super::{Next, Payload, Probe, Protocol};
use crate::base::{Dir, Exposed, Facts, Reader, Sides, What, Window};

/// Types of control packets (MQTT 5.0 §2.1.2).
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const MOST_TYPES: u8 = 15;
/// No honest CONNECT is longer: names, a password and a will are short.
const LONGEST: usize = 1 << 16;
/// Octets of a packet that are read; of a longer one the rest is counted only.
const MOST_READ: usize = 8 * 1024;

const MESSAGE: &str = "MQTT message";
const TOPIC: &str = "MQTT topic";

/// An MQTT connection.
#[derive(Debug, Default)]
pub struct Mqtt {
    named: bool,
    version: u8,
    /// Octets of the current packet that are not read, and whether they are of a message.
    skip: Sides<(usize, bool)>,
    lost: bool,
}

/// The CONNECT packet up to the client identifier: where that begins, the version and the flags.
struct Connect {
    at: usize,
    version: u8,
    flags: u8,
}

/// Everything up to the client identifier's length must be right.
fn connect(bytes: &[u8]) -> Result<Connect, Unlike> {
    let mut r = Reader::new(bytes);
    // Type 1, and four flags that are zero (MQTT 3.1.1 §3.1.1).
    require(r.u8()? == CONNECT << 4)?;
    let length = remaining_length(&mut r)?;
    require((12..=LONGEST).contains(&length))?;
    let end = r.position().saturating_add(length);
    let long = match r.rest() {
        [0, 6, ..] => true,
        [] | [0] | [0, 4, ..] => false,
        _ => return Err(Unlike::Other),
    };
    starts(r.rest(), if long { b"\0\x06MQIsdp" } else { b"\0\x04MQTT" })?;
    r.skip(if long { 8 } else { 6 })?;
    // A bridge sets the highest bit of the version.
    let version = r.u8()? & 0x7f;
    require(if long { version == 3 } else { matches!(version, 4 | 5) })?;
    let flags = r.u8()?;
    require(are_sound(flags, version))?;
    let _keep_alive = r.u16()?;
    if version == 5 {
        let properties = remaining_length(&mut r)?;
        require(r.position().saturating_add(properties).saturating_add(2) <= end)?;
        r.skip(properties)?;
    }
    let at = r.position();
    let identifier = usize::from(r.u16()?);
    require(r.position().saturating_add(identifier) <= end)?;
    Ok(Connect { at, version, flags })
}

/// The variable byte integer (MQTT 5.0 §1.5.5).
fn remaining_length(r: &mut Reader<'_>) -> Result<usize, Unlike> {
    let mut length = 0usize;
    for shift in [0, 7, 14, 21] {
        let octet = r.u8()?;
        length |= usize::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(Unlike::Other)
}

/// The connect flags (MQTT 3.1.1 §3.1.2.3): one is reserved, and those of a will need a will.
fn are_sound(flags: u8, version: u8) -> bool {
    let (will, qos, retain) = (flags & 0x04 != 0, flags >> 3 & 3, flags & 0x20 != 0);
    let (password, user) = (flags & 0x40 != 0, flags & 0x80 != 0);
    flags & 1 == 0 && qos < 3 && (will || qos == 0 && !retain) && (user || !password || version == 5)
}

impl Protocol for Mqtt {
    fn probe(window: &Window<'_>) -> Probe {
        match connect(window.bytes) {
            Ok(_) => Probe::Yes,
            Err(Unlike::Short) => Probe::More,
            Err(Unlike::Other) => Probe::No,
        }
    }

    fn sender(_: &Window<'_>) -> Option<Dir> {
        Some(Dir::Client)
    }
}

impl Payload for Mqtt {
    fn feed(&mut self, window: &Window<'_>, facts: &mut Facts) -> usize {
        let mut taken = 0;
        while !self.lost && taken < window.bytes.len() {
            let rest = window.from(taken);
            let (skip, of_message) = *self.skip.of(window.dir);
            if skip > 0 {
                let n = rest.bytes.len().min(skip);
                *self.skip.of_mut(window.dir) = (skip.saturating_sub(n), of_message);
                if of_message {
                    facts.more_readable(Exposed::Content, MESSAGE, n as u64, &rest.evidence(0..n));
                }
                taken = taken.saturating_add(n);
                continue;
            }
            let mut r = Reader::new(rest.bytes);
            let (first, length) = match (r.u8(), remaining_length(&mut r)) {
                (Ok(first), Ok(length)) => (first, length),
                (_, Err(Unlike::Short)) | (Err(_), _) => break,
                (_, Err(Unlike::Other)) => {
                    self.lost = true;
                    break;
                }
            };
            if first >> 4 == 0 || first >> 4 > MOST_TYPES {
                self.lost = true;
                break;
            }
            let end = r.position().saturating_add(length);
            let read = end.min(MOST_READ);
            let Some(packet) = rest.slice(0..read) else { break };
            let body = r.position().min(read);
            self.packet(first, &packet, body, facts);
            *self.skip.of_mut(window.dir) = (end.saturating_sub(read), first >> 4 == PUBLISH);
            taken = taken.saturating_add(read);
        }
        taken
    }

    fn gap(&mut self, dir: Dir, missing: u64, _facts: &mut Facts) {
        let skip = self.skip.of_mut(dir);
        match skip.0.checked_sub(usize::try_from(missing).unwrap_or(usize::MAX)) {
            Some(left) if skip.0 > 0 => skip.0 = left,
            _ => self.lost = true,
        }
    }

    fn next(&self) -> Next {
        if self.lost { Next::Done } else { Next::Stay }
    }
}

impl Mqtt {
    /// A packet, whole or its beginning; its variable header starts at `body`.
    fn packet(&mut self, first: u8, packet: &Window<'_>, body: usize, facts: &mut Facts) {
        // What breaks off says what it says up to there.
        let _ = match first >> 4 {
            CONNECT => self.connect(packet, facts),
            PUBLISH => self.publish(first, packet, body, facts),
            SUBSCRIBE => self.subscribe(packet, body, facts),
            _ => Ok(()),
        };
    }

    fn connect(&mut self, packet: &Window<'_>, facts: &mut Facts) -> Result<(), Unlike> {
        let Connect { at, version, flags } = connect(packet.bytes)?;
        self.version = version;
        if !std::mem::replace(&mut self.named, true) {
            facts.observe(What::Protocol("mqtt"), packet.evidence(0..at.saturating_add(2)));
        }
        let mut r = Reader::new(packet.bytes);
        r.skip(at)?;
        let mut state = |kind, what, text: &[u8]| {
            if !text.is_empty() {
                facts.readable(kind, what, text, packet.all());
            }
        };
        state(Exposed::Identifiers, "MQTT client name", r.vec16()?);
        if flags & 0x04 != 0 {
            if version == 5 {
                let properties = remaining_length(&mut r)?;
                r.skip(properties)?;
            }
            state(Exposed::Content, TOPIC, r.vec16()?);
            state(Exposed::Content, MESSAGE, r.vec16()?);
        }
        if flags & 0x80 != 0 {
            state(Exposed::Identifiers, "MQTT user name", r.vec16()?);
        }
        if flags & 0x40 != 0 {
            state(Exposed::Credentials, "MQTT password", r.vec16()?);
        }
        Ok(())
    }

    /// MQTT 5.0 §3.3. The topic is readable whatever the message is; the message may have an encryption of its own.
    fn publish(&mut self, first: u8, packet: &Window<'_>, body: usize, facts: &mut Facts) -> Result<(), Unlike> {
        let mut r = Reader::new(packet.bytes);
        r.skip(body)?;
        let topic = r.vec16()?;
        if first & 0x06 != 0 {
            r.skip(2)?;
        }
        if self.version == 5 {
            let properties = remaining_length(&mut r)?;
            r.skip(properties)?;
        }
        if !topic.is_empty() {
            facts.readable(Exposed::Content, TOPIC, topic, packet.all());
        }
        if mostly_text(r.rest()) {
            facts.readable(Exposed::Content, MESSAGE, r.rest(), packet.all());
        }
        Ok(())
    }

    /// MQTT 5.0 §3.8.
    fn subscribe(&mut self, packet: &Window<'_>, body: usize, facts: &mut Facts) -> Result<(), Unlike> {
        let mut r = Reader::new(packet.bytes);
        r.skip(body.saturating_add(2))?;
        if self.version == 5 {
            let properties = remaining_length(&mut r)?;
            r.skip(properties)?;
        }
        while !r.is_empty() {
            facts.readable(Exposed::Content, TOPIC, r.vec16()?, packet.all());
            r.skip(1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, S, dialogue, probe, survives};
    use super::*;

    const V3_1_1: &[u8] = b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me";

    fn read(turns: &[(Dir, &[u8])]) -> Vec<String> {
        let talk = dialogue::<Mqtt>(turns);
        talk.facts.readables().map(|(r, e)| format!("{} {} {} {} {} {e:?}", r.kind.word(), r.what, r.count, r.bytes, r.excerpt)).collect()
    }

    #[test]
    fn a_connect_packet_of_each_version_names_mqtt() {
        for connect in [V3_1_1, b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02me", b"\x10\x12\0\x04MQTT\x05\xc2\0\x3c\x03\x21\0\x14\0\x02me"] {
            let talk = dialogue::<Mqtt>(&[(C, connect)]);
            assert_eq!(talk.said()[0], r#"network.protocol Text("mqtt") observed [#1]"#);
            assert_eq!(talk.next, Next::Stay);
        }
    }

    #[test]
    fn names_passwords_and_messages_are_readable() {
        let connect = b"\x10\x18\0\x04MQTT\x04\xc2\0\x3c\0\x02me\0\x02al\0\x04open";
        let found = read(&[(C, connect), (S, b"\x20\x02\0\0"), (C, b"\x82\x0b\0\x01\0\x06room/1\0"), (S, b"\x30\x10\0\x06room/1see you!")]);
        let expected = [
            "identifiers MQTT client name 1 2 me [#1]",
            "identifiers MQTT user name 1 2 al [#1]",
            "credentials MQTT password 1 4 •••••• [#1]",
            "content MQTT topic 2 12 ro••/1 [#3, #4]",
            "content MQTT message 1 8 se• yo•! [#4]",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn version_5_has_properties_before_what_it_says() {
        let found =
            read(&[(C, b"\x10\x12\0\x04MQTT\x05\x02\0\x3c\x03\x21\0\x14\0\x02me"), (C, b"\x32\x10\0\x01a\0\x07\x02\x01\x01see you\r")]);
        assert!(found.contains(&"content MQTT message 1 8 se• yo•\\x0d [#2]".to_owned()), "{found:?}");
    }

    #[test]
    fn a_message_that_is_not_text_is_not_called_readable_but_its_topic_is() {
        let found = read(&[(C, V3_1_1), (C, b"\x30\x0b\0\x01a\x91\x02\xfe\x80\x13\xc4\xaa\x01")]);
        assert_eq!(found[1..], ["content MQTT topic 1 1 a [#2]"]);
    }

    #[test]
    fn look_alikes_are_refused() {
        assert_eq!(probe::<Mqtt>(&V3_1_1[..13]), Probe::More);
        for (at, with) in [(0, 0x11), (1, 3), (3, 5), (4, b'm'), (8, 3), (9, 3), (9, 0x20), (9, 0x42), (12, 9)] {
            let mut changed = V3_1_1.to_vec();
            changed[at] = with;
            assert_eq!(probe::<Mqtt>(&changed), Probe::No, "octet {at} is {with}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, at in 0usize..16, with: u8, piece in 1usize..9) {
            survives::<Mqtt>(&random, piece);
            let mut connect = V3_1_1.to_vec();
            connect[at] = with;
            survives::<Mqtt>(&[(true, connect)], piece);
            let mut turns = vec![(true, V3_1_1.to_vec())];
            turns.extend(random);
            survives::<Mqtt>(&turns, piece);
        }
    }
}
