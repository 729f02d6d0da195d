//! SSH (RFC 4253 §4.2, and version 1): recognised by the identification string, which each side sends first.

use super::telltale::{Named, Telltale, Unlike, require, starts};

/// SSH, until it is recognised: what follows is binary packets.
pub type Ssh = Named<Identification>;

/// The identification string.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identification;

/// RFC 4253 §4.2: CR and LF included.
const LONGEST: usize = 255;

impl Telltale for Identification {
    const NAME: &'static str = "ssh";

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        starts(bytes, b"SSH-")?;
        let line = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
        let end = memchr::memchr(b'\n', line);
        let text = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        require(text.iter().all(|&b| (b' '..=b'~').contains(&b)))?;
        let mut parts = text.get(4..).unwrap_or_default().splitn(2, |&b| b == b'-');
        let (version, software) = (parts.next().unwrap_or_default(), parts.next());
        let known = |version: &[u8]| matches!(version, b"2.0" | [b'1', b'.', b'0'..=b'9'] | [b'1', b'.', b'0'..=b'9', b'0'..=b'9']);
        match (end, software) {
            (Some(end), Some(software)) => require(known(version) && !software.is_empty()).map(|()| end.saturating_add(1)),
            (None, Some(_)) => require(known(version) && bytes.len() < LONGEST).and(Err(Unlike::Short)),
            (None, None) => require(version.len() <= 4).and(Err(Unlike::Short)),
            (Some(_), None) => Err(Unlike::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, S, dialogue, probe, survives};
    use super::super::{Next, Probe};
    use super::*;

    #[test]
    fn the_identification_string_of_either_side_names_ssh() {
        for banner in [b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".as_slice(), b"SSH-1.99-Cisco-1.25\n", b"SSH-1.5-1.2.27\n"] {
            let talk = dialogue::<Ssh>(&[(S, banner), (C, b"")]);
            assert_eq!(talk.said(), [r#"network.protocol Text("ssh") observed [#1]"#]);
            assert_eq!((talk.next, talk.left), (Next::Done, 0));
        }
        assert_eq!(dialogue::<Ssh>(&[(C, b"SSH-2.0-x"), (C, b"\r\n")]).said(), [r#"network.protocol Text("ssh") observed [#1, #2]"#]);
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in [b"SSH-3.0-x\r\n".as_slice(), b"SSH-2.0\r\n", b"SSH-2.0-\r\n", b"SSH is fine\n", b"SSH-2.0-\xff\r\n", b"ssh-2.0-x\r\n"]
        {
            assert_eq!(probe::<Ssh>(other), Probe::No, "{other:?}");
        }
        assert_eq!(probe::<Ssh>(&[b"SSH-2.0-".as_slice(), &[b'x'; 300]].concat()), Probe::No);
        assert_eq!(probe::<Ssh>(b"SS"), Probe::More);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>, piece in 1usize..9) {
            survives::<Ssh>(&random, piece);
            survives::<Ssh>(&[(true, [b"SSH-2.0-".as_slice(), &tail].concat())], piece);
        }
    }
}
