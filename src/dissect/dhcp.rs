//! DHCP for IPv4 (RFC 2131 §2, RFC 2132): recognised by the header of BOOTP, the cookie and the message type.

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed, Reader};

/// DHCP, until it is recognised.
pub type Dhcp = Named<Message>;

/// A DHCP message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message;

/// RFC 2131 §3.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Octets between the hardware address's length and the cookie: hops to the boot file's name.
const BETWEEN: usize = 233;
/// RFC 2132 §9.6.
const MESSAGE_TYPE: u8 = 53;
const PAD: u8 = 0;
const END: u8 = 255;

impl Telltale for Message {
    const NAME: &'static str = "dhcp";

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        let mut r = Reader::new(bytes);
        let [op, hardware, length] = r.array()?;
        require(matches!(op, 1 | 2) && (1..=38).contains(&hardware) && length <= 16)?;
        r.skip(BETWEEN)?;
        require(r.array()? == COOKIE)?;
        loop {
            match r.u8()? {
                PAD => {}
                MESSAGE_TYPE => return require(matches!(r.vec8()?, [1..=18])).map(|()| r.position()),
                END => return Err(Unlike::Other),
                _ => r.vec8().map(|_| ())?,
            }
        }
    }

    const IS_READ: bool = true;

    /// The name of a device stands in it too; but what DHCP says, it says to everybody.
    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        Message::read(bytes).ok().map(|_| Reads::new(Exposed::Service, "DHCP message", &[]))
    }

    fn sender(bytes: &[u8]) -> Option<Dir> {
        Some(if bytes.first() == Some(&1) { Dir::Client } else { Dir::Server })
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, probe, survives, talk};
    use super::super::{Next, Probe};
    use super::*;

    fn discover() -> Vec<u8> {
        [[1, 1, 6].as_slice(), &[0; BETWEEN], &COOKIE, &[12, 2, b'm', b'e', 53, 1, 1, 255]].concat()
    }

    #[test]
    fn a_message_with_cookie_and_type_names_dhcp() {
        let talk = talk::<Dhcp>(&[(C, &discover())], usize::MAX);
        let service = r#"intransit.readable List([Text("service"), Text("DHCP message"), Number(1), Number(248)]) observed [#1]"#;
        assert_eq!(talk.said(), [r#"network.protocol Text("dhcp") observed [#1]"#, service]);
        assert_eq!(talk.next, Next::Stay);
    }

    #[test]
    fn look_alikes_are_refused() {
        for (at, with) in [(0, 3), (1, 0), (2, 17), (237, 0), (240, 255), (246, 19)] {
            let mut changed = discover();
            changed[at] = with;
            assert_ne!(probe::<Dhcp>(&changed), Probe::Yes, "octet {at} is {with}");
        }
        assert_ne!(probe::<Dhcp>(&discover()[..244]), Probe::Yes);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, options: Vec<u8>) {
            survives::<Dhcp>(&random, usize::MAX);
            survives::<Dhcp>(&[(true, [&discover()[..240], &options].concat())], usize::MAX);
        }
    }
}
