//! SSDP (UPnP Device Architecture 2.0 §1): HTTP's form in datagrams, recognised by its start lines and the fields that go with them.

use super::lines::contains_ignoring_case;
use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed};

/// SSDP, until it is recognised.
pub type Ssdp = Named<Message>;

/// A search, an answer or an announcement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message;

const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\n";
const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.1\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n";
/// How much of a datagram is searched for fields.
const SEARCHED: usize = 2048;

impl Telltale for Message {
    const NAME: &'static str = "ssdp";

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let searched = bytes.get(..SEARCHED).unwrap_or(bytes);
        let has = |field: &[u8]| contains_ignoring_case(searched, field);
        let sound = if bytes.starts_with(SEARCH) {
            has(b"\r\nMAN:") && has(b"ssdp:discover")
        } else if bytes.starts_with(NOTIFY) {
            has(b"\r\nNT:") && has(b"\r\nNTS:")
        } else {
            bytes.starts_with(ANSWER) && has(b"\r\nST:") && has(b"\r\nUSN:")
        };
        require(sound).map(|()| searched.len())
    }

    const IS_READ: bool = true;

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        let what = if bytes.starts_with(SEARCH) { "search for devices" } else { "announcement of a device" };
        Message::read(bytes).ok().map(|_| Reads::new(Exposed::Names, what, bytes))
    }

    fn sender(bytes: &[u8]) -> Option<Dir> {
        match bytes.first()? {
            b'M' => Some(Dir::Client),
            b'H' => Some(Dir::Server),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, probe, survives, talk};
    use super::super::{Next, Probe};
    use super::*;

    const DISCOVER: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n";

    #[test]
    fn searches_answers_and_announcements_name_ssdp() {
        for message in [DISCOVER, b"NOTIFY * HTTP/1.1\r\nNT: x\r\nNTS: ssdp:alive\r\n\r\n", b"HTTP/1.1 200 OK\r\nST: x\r\nUSN: y\r\n\r\n"] {
            let talk = talk::<Ssdp>(&[(C, message)], usize::MAX);
            assert!(talk.says(r#"network.protocol Text("ssdp") observed [#1]"#));
            assert!(talk.says(r#"intransit.readable List([Text("names"), "#), "{:?}", talk.said());
            assert_eq!(talk.next, Next::Stay);
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for other in [b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".as_slice(), b"M-SEARCH * HTTP/1.1\r\n\r\n", b"NOTIFY sip:a@b SIP/2.0\r\n"] {
            assert_eq!(probe::<Ssdp>(other), Probe::No);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, tail: Vec<u8>) {
            survives::<Ssdp>(&random, usize::MAX);
            survives::<Ssdp>(&[(true, [SEARCH, &tail].concat())], usize::MAX);
        }
    }
}
