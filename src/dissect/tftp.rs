//! TFTP (RFC 1350 §5, RFC 2347): recognised by its request, which names a file. The file itself goes between other ports.

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed};

/// TFTP.
pub type Tftp = Named<Request>;

/// A request to read or write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request;

const MODES: [&[u8]; 3] = [b"octet", b"netascii", b"mail"];

/// The name of the file.
fn parse(bytes: &[u8]) -> Option<&[u8]> {
    let strings = bytes.strip_prefix(&[0, 1]).or_else(|| bytes.strip_prefix(&[0, 2]))?.strip_suffix(&[0])?;
    let mut strings = strings.split(|&b| b == 0);
    let (name, mode) = (strings.next()?, strings.next()?);
    let printable = |text: &[u8]| !text.is_empty() && text.iter().all(|&b| b >= b' ' && b != 0x7f);
    let options: Vec<&[u8]> = strings.collect();
    let sound = printable(name)
        && MODES.iter().any(|known| mode.eq_ignore_ascii_case(known))
        && options.len().is_multiple_of(2)
        && options.into_iter().all(printable);
    sound.then_some(name)
}

impl Telltale for Request {
    const NAME: &'static str = "tftp";
    const IS_READ: bool = true;

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        require(parse(bytes).is_some()).map(|()| bytes.len())
    }

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        parse(bytes).map(|name| Reads::new(Exposed::Content, "TFTP file name", name))
    }

    fn sender(_: &[u8]) -> Option<Dir> {
        Some(Dir::Client)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Probe;
    use super::super::testing::{C, probe, survives, talk};
    use super::*;

    #[test]
    fn a_request_names_its_file() {
        for request in [&b"\0\x01letter.txt\0octet\0"[..], b"\0\x02letter.txt\0NetASCII\0blksize\x001428\0"] {
            let talk = talk::<Tftp>(&[(C, request)], usize::MAX);
            assert!(talk.says(r#"network.protocol Text("tftp") observed [#1]"#));
            assert!(talk.says(r#"Text("TFTP file name"), Number(1), Number("#) && talk.says(r#"Wire("le••••.tx•")"#), "{:?}", talk.said());
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in
            [&b"\0\x03a\0octet\0"[..], b"\0\x01\0octet\0", b"\0\x01a\0binary\0", b"\0\x01a\0octet", b"\0\x01a\0octet\0x\0", b"\0\x01"]
        {
            assert_eq!(probe::<Tftp>(other), Probe::No, "{other:x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
            survives::<Tftp>(&random, usize::MAX);
            survives::<Tftp>(&[(true, [b"\0\x01a\0octet\0".as_slice(), &tail].concat())], usize::MAX);
        }
    }
}
