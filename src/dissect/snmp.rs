//! SNMP versions 1 and 2c (RFC 1157 §4, RFC 1901 §3): recognised by its structure in BER. Whoever reads the community's name may use it.

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Exposed, Reader};

/// SNMP.
pub type Snmp = Named<Message>;

/// A message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message;

/// Communities that every device comes with: nobody's secret.
const DEFAULTS: [&[u8]; 2] = [b"public", b""];
/// GetRequest to Report (RFC 3416 §3).
const OPERATIONS: std::ops::RangeInclusive<u8> = 0xa0..=0xa8;

/// A definite length (X.690 §8.1.3).
fn length(r: &mut Reader<'_>) -> Result<usize, Unlike> {
    match r.u8()? {
        short @ 0..=0x7f => Ok(usize::from(short)),
        0x81 => Ok(usize::from(r.u8()?)),
        0x82 => Ok(usize::from(r.u16()?)),
        _ => Err(Unlike::Other),
    }
}

/// Where the community stands, and where the operation's tag ends.
fn parse(bytes: &[u8]) -> Result<(&[u8], usize), Unlike> {
    let mut r = Reader::new(bytes);
    require(r.u8()? == 0x30)?;
    // The sequence fills the datagram.
    require(length(&mut r)? == r.left())?;
    require(r.array()? == [2, 1] && matches!(r.u8()?, 0 | 1))?;
    require(r.u8()? == 4)?;
    let octets = length(&mut r)?;
    let community = r.take(octets)?;
    require(OPERATIONS.contains(&r.u8()?) && length(&mut r)? == r.left())?;
    Ok((community, r.position()))
}

impl Telltale for Message {
    const NAME: &'static str = "snmp";
    const IS_READ: bool = true;

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        parse(bytes).map(|(_, proof)| proof)
    }

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        let (community, _) = parse(bytes).ok()?;
        Some(match DEFAULTS.contains(&community) {
            true => Reads::new(Exposed::Service, "SNMP message", &[]),
            false => Reads::new(Exposed::Credentials, "SNMP community", community),
        })
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::Probe;
    use super::super::testing::{C, probe, survives, talk};
    use super::*;

    const GET: &[u8] = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x07\x02\x01\0\x02\x01\0\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0\x05\0";

    #[test]
    fn a_community_of_ones_own_is_a_credential_and_the_default_is_not() {
        let default = talk::<Snmp>(&[(C, GET)], usize::MAX);
        assert!(default.says(r#"network.protocol Text("snmp") observed [#1]"#));
        assert!(default.says(r#"[Text("service"), Text("SNMP message"), Number(1), Number(40)]"#), "{:?}", default.said());
        let mut own = GET.to_vec();
        own[7..13].copy_from_slice(b"secret");
        let own = talk::<Snmp>(&[(C, &own)], usize::MAX);
        assert!(own.says(r#"[Text("credentials"), Text("SNMP community"), Number(1), Number(40), Wire("••••••")]"#), "{:?}", own.said());
    }

    #[test]
    fn look_alikes_are_refused() {
        for (at, with) in [(0, 0x31), (1, 0x25), (4, 3), (5, 2), (13, 0xaf), (14, 0x18)] {
            let mut changed = GET.to_vec();
            changed[at] = with;
            assert_ne!(probe::<Snmp>(&changed), Probe::Yes, "octet {at} is {with}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
            survives::<Snmp>(&random, usize::MAX);
            survives::<Snmp>(&[(true, [&GET[..7], &tail].concat())], usize::MAX);
        }
    }
}
