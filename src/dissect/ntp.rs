//! NTP 1 to 4 (RFC 5905 §7.3) and SNTP, in client and server mode: recognised by what the fields of the header may hold.

use super::telltale::{Named, Reads, Telltale, Unlike, require};
use crate::base::{Dir, Exposed, Reader};

/// NTP, until it is recognised.
pub type Ntp = Named<Header>;

/// The header of a request or an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Header;

const CLIENT: u8 = 3;
const SERVER: u8 = 4;
/// Octets of the header; a key id and a digest of 16 or 20 may follow (RFC 5905 §7.3).
const LENGTHS: [usize; 3] = [48, 68, 72];
/// Seconds between the arrival of a request and its answer.
const LONGEST_ANSWER: u32 = 4;
/// Timestamps with their highest bit set are of 1968 to 2036 (RFC 4330 §3).
const THIS_ERA: u32 = 1 << 31;

impl Telltale for Header {
    const NAME: &'static str = "ntp";

    fn read(bytes: &[u8]) -> Result<usize, Unlike> {
        require(LENGTHS.contains(&bytes.len()))?;
        let mut r = Reader::new(bytes);
        let [flags, stratum, poll, precision] = r.array()?;
        let [delay, dispersion, reference] = [r.u32()?, r.u32()?, r.u32()?];
        let mut timestamp = || Ok::<_, Unlike>((r.u32()?, r.u32()?));
        let [referred, origin, received, sent] = [timestamp()?, timestamp()?, timestamp()?, timestamp()?];
        let (version, mode) = (flags >> 3 & 7, flags & 7);
        require((1..=4).contains(&version) && stratum <= 16 && poll <= 17)?;
        let is_time = |seconds: u32| seconds >= THIS_ERA;
        let sound = match mode {
            // RFC 4330 §5: all but the first octet and the time of sending may be zero; that time may be random.
            CLIENT if sent != (0, 0) && stratum == 0 => {
                let quiet = [delay, dispersion, reference] == [0; 3] || precision >= 0xe0;
                quiet && [referred, origin, received].iter().all(|&(seconds, rest)| (seconds, rest) == (0, 0) || is_time(seconds))
            }
            CLIENT => is_time(sent.0) && precision >= 0xe0 && (stratum == 0 || reference != 0),
            SERVER => {
                let prompt = sent.0.wrapping_sub(received.0) <= LONGEST_ANSWER;
                let referred = referred == (0, 0) || is_time(referred.0) && referred.0 <= received.0;
                stratum > 0 && precision >= 0xe0 && prompt && is_time(sent.0) && is_time(received.0) && referred
            }
            _ => false,
        };
        require(sound).map(|()| 48)
    }

    const IS_READ: bool = true;

    fn readable(bytes: &[u8]) -> Option<Reads<'_>> {
        Header::read(bytes).ok().map(|_| Reads::new(Exposed::Service, "time of day", &[]))
    }

    fn sender(bytes: &[u8]) -> Option<Dir> {
        Some(if bytes.first()? & 7 == CLIENT { Dir::Client } else { Dir::Server })
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::testing::{C, S, probe, survives, talk};
    use super::super::{Next, Probe};
    use super::*;

    fn request() -> Vec<u8> {
        [[0x23, 0, 6, 0x20].as_slice(), &[0; 36], &[0xe9, 0, 0, 1, 9, 9, 9, 9]].concat()
    }

    fn answer() -> Vec<u8> {
        let times = [[0xe9, 0, 0, 0, 1, 2, 3, 4], [0x11; 8], [0xe9, 0, 0, 7, 1, 2, 3, 4], [0xe9, 0, 0, 7, 2, 2, 3, 4]].concat();
        [[0x24, 2, 6, 0xe9].as_slice(), &[0, 0, 1, 2, 0, 0, 3, 4, 192, 0, 2, 1], &times].concat()
    }

    #[test]
    fn a_request_or_an_answer_names_ntp() {
        for (dir, bytes) in [(C, request()), (S, answer()), (S, [answer(), vec![7; 20]].concat())] {
            let talk = talk::<Ntp>(&[(dir, &bytes)], usize::MAX);
            assert!(talk.says(r#"network.protocol Text("ntp") observed [#1]"#));
            assert!(talk.says(r#"[Text("service"), Text("time of day"), Number(1), Number("#));
            assert_eq!(talk.next, Next::Stay);
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        assert_eq!(probe::<Ntp>(&[0; 48]), Probe::No);
        assert_eq!(probe::<Ntp>(&[0x1b; 48]), Probe::No);
        assert_eq!(probe::<Ntp>(&[answer(), vec![7]].concat()), Probe::No);
        for (at, with) in [(0, 0x3c), (0, 0x25), (1, 17), (2, 18), (3, 6), (16, 0xea), (32, 0x11), (43, 0x20)] {
            let mut changed = answer();
            changed[at] = with;
            assert_eq!(probe::<Ntp>(&changed), Probe::No, "octet {at} is {with}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>, octets: [u8; 32]) {
            survives::<Ntp>(&random, usize::MAX);
            survives::<Ntp>(&[(true, [&[0x23], &octets[..31], &octets[..16]].concat())], usize::MAX);
        }
    }
}
