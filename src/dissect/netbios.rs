//! NetBIOS over UDP (RFC 1002): names asked for, registered and announced to the whole network, and the datagrams that carry the list of
//! computers ("browser").

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed, Reader, Short};

/// The name service (RFC 1002 §4.2).
pub type NetbiosNames = Named<NameService>;
/// The datagram service (RFC 1002 §4.4).
pub type NetbiosDatagrams = Named<DatagramService>;

/// A message of the name service.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameService;

/// A datagram.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatagramService;

/// Octets of a name on the wire: half-octets as letters, 32 of them, behind their number.
const NAME: usize = 33;
/// RFC 1002 §4.2.1.3: NB and NBSTAT, also NULL.
const TYPES: [u16; 3] = [0x20, 0x21, 0x0a];

/// Passes over an encoded name (RFC 1001 §14.1) and its scope.
fn name(r: &mut Reader<'_>) -> Result<(), Unlike> {
    require(r.u8()? == 32)?;
    require(r.take(NAME - 1)?.iter().all(|b| (b'A'..=b'P').contains(b)))?;
    loop {
        // The scope, in labels as in DNS.
        match r.u8()? {
            0 => return Ok(()),
            len @ 1..=63 => r.skip(usize::from(len))?,
            _ => return Err(Unlike::Other),
        }
    }
}

impl Telltale for NameService {
    const NAME: &'static str = "netbios";
    const IS_READ: bool = true;

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let mut r = Reader::new(bytes);
        r.skip(2)?;
        let flags = r.u16()?;
        let [questions, answers, authorities, additionals] = [r.u16()?, r.u16()?, r.u16()?, r.u16()?];
        // Query, registration, release, wait, refresh (RFC 1002 §4.2.1.1); one name in each message.
        require(matches!(flags >> 11 & 15, 0 | 5..=9) && questions.saturating_add(answers) == 1 && authorities <= 1 && additionals <= 1)?;
        require((flags & 0x8000 == 0) == (questions == 1))?;
        name(&mut r)?;
        require(TYPES.contains(&r.u16()?) && r.u16()? & 0x7fff == 1)?;
        Ok(r.position())
    }

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        NameService::read(bytes).ok()?;
        Some(Reads::new(Exposed::Names, "NetBIOS name", decoded(bytes.get(13..)?).ok()?))
    }

    fn sender(bytes: &[u8]) -> Option<Dir> {
        Some(if bytes.get(2)? & 0x80 == 0 { Dir::Client } else { Dir::Server })
    }
}

impl Telltale for DatagramService {
    const NAME: &'static str = "netbios";
    const IS_READ: bool = true;

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let mut r = Reader::new(bytes);
        // Direct unique, direct group, broadcast (RFC 1002 §4.4.1).
        require(matches!(r.u8()?, 0x10..=0x12))?;
        require(r.u8()? & 0xf0 == 0)?;
        r.skip(2)?;
        let (_source, _port) = (r.u32()?, r.u16()?);
        let length = usize::from(r.u16()?);
        let offset = r.u16()?;
        require(offset == 0 && r.left() >= length)?;
        name(&mut r)?;
        name(&mut r)?;
        Ok(r.position())
    }

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        DatagramService::read(bytes).ok()?;
        Some(Reads::new(Exposed::Names, "NetBIOS announcement", decoded(bytes.get(15..)?).ok()?))
    }
}

/// The name that stands in an encoded one (RFC 1001 §14.1), padding and the octet for its kind left out.
fn decoded(letters: &[u8]) -> Result<Vec<u8>, Short> {
    let mut r = Reader::new(letters);
    let mut name = Vec::with_capacity(15);
    while name.len() < 15 {
        let [high, low] = r.array()?;
        name.push(high.wrapping_sub(b'A') << 4 | low.wrapping_sub(b'A') & 15);
    }
    name.truncate(name.trim_ascii_end().len());
    Ok(name)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, probe, survives, talk};
    use super::super::{Dns, Probe};
    use super::*;

    /// `FILESERVER`, of kind 0x20.
    const LETTERS: &[u8] = b" EGEJEMEFFDEFFCFGEFFCCACACACACACA\0";

    fn query() -> Vec<u8> {
        [b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0".as_slice(), LETTERS, b"\0\x20\0\x01"].concat()
    }

    fn datagram() -> Vec<u8> {
        let names = [LETTERS, LETTERS].concat();
        [b"\x11\x0a\x12\x34\xc0\0\x02\x01\0\x8a\0\x44\0\0".as_slice(), &names, &[0; 10]].concat()
    }

    #[test]
    fn names_asked_for_and_announced_are_readable() {
        let asked = talk::<NetbiosNames>(&[(C, &query())], usize::MAX);
        assert!(asked.says(r#"network.protocol Text("netbios") observed [#1]"#));
        assert!(asked.says(r#"[Text("names"), Text("NetBIOS name"), Number(1), Number(50), Wire("FILESERVER")]"#), "{:?}", asked.said());
        let told = talk::<NetbiosDatagrams>(&[(C, &datagram())], usize::MAX);
        assert!(told.says(r#"Text("NetBIOS announcement"), Number(1), Number(92), Wire("FILESERVER")]"#), "{:?}", told.said());
    }

    #[test]
    fn look_alikes_are_refused() {
        assert_eq!(probe::<NetbiosNames>(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01"), Probe::No);
        assert_eq!(probe::<Dns>(&query()), Probe::No);
        for at in [2, 5, 12, 13, 47, 49] {
            let mut changed = query();
            changed.splice(at..=at, [0x7b]);
            assert_ne!(probe::<NetbiosNames>(&changed), Probe::Yes, "octet {at}");
        }
        for at in [0, 1, 10, 14, 15] {
            let mut changed = datagram();
            changed.splice(at..=at, [0xfb]);
            assert_ne!(probe::<NetbiosDatagrams>(&changed), Probe::Yes, "octet {at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
            survives::<NetbiosNames>(&random, usize::MAX);
            survives::<NetbiosDatagrams>(&random, usize::MAX);
            survives::<NetbiosNames>(&[(true, [&query()[..12], &tail].concat())], usize::MAX);
            survives::<NetbiosDatagrams>(&[(true, [&datagram()[..14], &tail].concat())], usize::MAX);
        }
    }
}
