//! MQTT 3.1, 3.1.1 and 5 (OASIS MQTT 3.1.1 §3.1, MQTT 5.0 §3.1): recognised by the CONNECT packet, the client's first.

use super::telltale::{Named, Telltale, Unlike, require, starts};
use crate::base::{Dir, Reader};

/// MQTT, until it is recognised.
pub type Mqtt = Named<Connect>;

/// The CONNECT packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connect;

/// Type 1, and four flags that are zero.
const CONNECT: u8 = 0x10;
/// No honest CONNECT is longer: names, a password and a will are short.
const LONGEST: usize = 1 << 16;

impl Telltale for Connect {
    const NAME: &'static str = "mqtt";

    /// Everything up to the client identifier's length must be right.
    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let mut r = Reader::new(bytes);
        require(r.u8()? == CONNECT)?;
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
        let identifier = usize::from(r.u16()?);
        require(r.position().saturating_add(identifier) <= end)?;
        Ok(r.position())
    }

    fn sender(_: &[u8]) -> Option<Dir> {
        Some(Dir::Client)
    }
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

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, dialogue, probe, survives};
    use super::super::{Next, Probe};
    use super::*;

    const V3_1_1: &[u8] = b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me";

    #[test]
    fn a_connect_packet_of_each_version_names_mqtt() {
        for connect in [V3_1_1, b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02me", b"\x10\x12\0\x04MQTT\x05\xc2\0\x3c\x03\x21\0\x14\0\x02me"] {
            let talk = dialogue::<Mqtt>(&[(C, connect)]);
            assert_eq!(talk.said(), [r#"network.protocol Text("mqtt") observed [#1]"#]);
            assert_eq!(talk.next, Next::Done);
        }
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
        }
    }
}
