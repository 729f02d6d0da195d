//! SDP (RFC 8866): where media is expected, and what is said of its keys.

use std::net::{IpAddr, SocketAddr};

use crate::base::{Keying, WireStr};

/// Media descriptions of one body that are read.
const MOST_MEDIA: usize = 16;
/// Addresses of one description that are kept: its own, and ICE candidates (RFC 8839 §5.1).
const MOST_ADDRESSES: usize = 8;
/// Payload types of one description that are kept.
const MOST_FORMATS: usize = 24;
/// Octets of names that are kept.
const LONGEST_NAME: usize = 48;
/// Codecs with a fixed number (RFC 3551 §6).
const STATIC: [(u8, &str); 11] = [
    (0, "PCMU/8000"),
    (3, "GSM/8000"),
    (4, "G723/8000"),
    (8, "PCMA/8000"),
    (9, "G722/8000"),
    (13, "CN/8000"),
    (15, "G728/8000"),
    (18, "G729/8000"),
    (26, "JPEG/90000"),
    (31, "H261/90000"),
    (34, "H263/90000"),
];

/// One media description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Media<'a> {
    pub addresses: Vec<SocketAddr>,
    pub rtcp: Option<SocketAddr>,
    pub profile: WireStr,
    pub keying: Keying,
    pub formats: Vec<u8>,
    pub codec: WireStr,
    /// The lines of `a=crypto`: they hold keys.
    pub keys: Vec<&'a [u8]>,
    /// Where it stands in the body.
    pub span: std::ops::Range<usize>,
}

/// What holds for all media of a body.
#[derive(Clone, Debug, Default)]
struct Session {
    address: Option<IpAddr>,
    fingerprint: bool,
}

/// What one description said so far.
#[derive(Debug)]
struct Draft<'a> {
    start: usize,
    port: u16,
    profile: &'a [u8],
    formats: Vec<u8>,
    address: Option<IpAddr>,
    candidates: Vec<SocketAddr>,
    rtcp: Option<(u16, Option<IpAddr>)>,
    codec: Option<WireStr>,
    keys: Vec<&'a [u8]>,
    fingerprint: bool,
    zrtp: bool,
}

/// The media descriptions of the SDP in a body, which may be one part of several (RFC 2046 §5.1). Those that are refused (port 0) or
/// have no address of a host are left out.
pub(super) fn read(body: &[u8]) -> Vec<Media<'_>> {
    let mut found = Vec::new();
    let Some(start) = begin(body) else { return found };
    let mut session = Session::default();
    let mut draft: Option<Draft<'_>> = None;
    let mut at = start;
    for raw in body.get(start..).unwrap_or_default().split_inclusive(|&b| b == b'\n') {
        let here = at;
        at = at.saturating_add(raw.len());
        let line = raw.trim_ascii_end();
        let Some((&kind, value)) = line.split_first().and_then(|(kind, rest)| Some((kind, rest.strip_prefix(b"=")?))) else {
            // The end of this part.
            if line.starts_with(b"--") {
                break;
            }
            continue;
        };
        match (kind, &mut draft) {
            (b'm', _) => {
                finish(draft.take(), here, &session, &mut found);
                if found.len() >= MOST_MEDIA {
                    return found;
                }
                draft = Draft::begin(here, value);
            }
            (b'c', None) => session.address = connection(value),
            (b'c', Some(draft)) => draft.address = connection(value),
            (b'a', None) => session.fingerprint |= value.starts_with(b"fingerprint:"),
            (b'a', Some(draft)) => draft.attribute(value),
            _ => {}
        }
    }
    finish(draft, at, &session, &mut found);
    found
}

/// Where `v=0` begins a line.
fn begin(body: &[u8]) -> Option<usize> {
    let starts = |rest: &[u8]| rest.starts_with(b"v=0\r") || rest.starts_with(b"v=0\n");
    if starts(body) {
        return Some(0);
    }
    memchr::memmem::find_iter(body, b"\nv=0").map(|at| at.saturating_add(1)).find(|&at| starts(body.get(at..).unwrap_or_default()))
}

fn finish<'a>(draft: Option<Draft<'a>>, end: usize, session: &Session, found: &mut Vec<Media<'a>>) {
    let Some(draft) = draft else { return };
    let own = draft.address.or(session.address).map(|ip| SocketAddr::new(ip, draft.port));
    let is_host = |address: &SocketAddr| address.port() > 0 && !address.ip().is_unspecified();
    let rtcp = draft.rtcp.and_then(|(port, ip)| Some(SocketAddr::new(ip.or(own.map(|own| own.ip()))?, port)));
    let keying = match (draft.keys.is_empty(), draft.fingerprint || session.fingerprint, draft.zrtp) {
        (false, ..) => Keying::Sdes,
        (true, true, _) => Keying::Dtls,
        (true, false, true) => Keying::Other,
        (true, false, false) if is_plain(draft.profile) => Keying::Plain,
        (true, false, false) => Keying::Other,
    };
    let refused = draft.port == 0;
    let mut addresses: Vec<SocketAddr> = own.into_iter().chain(draft.candidates).filter(is_host).collect();
    addresses.truncate(MOST_ADDRESSES);
    if refused || addresses.is_empty() || !is_rtp(draft.profile) {
        return;
    }
    let fixed =
        || draft.formats.first().and_then(|format| STATIC.iter().find(|(number, _)| number == format)).map(|(_, name)| (*name).into());
    found.push(Media {
        addresses,
        rtcp: rtcp.filter(is_host),
        profile: name(draft.profile),
        keying,
        codec: draft.codec.or_else(fixed).unwrap_or_else(|| "".into()),
        formats: draft.formats,
        keys: draft.keys,
        span: draft.start..end,
    });
}

impl<'a> Draft<'a> {
    /// `<media> <port>[/<count>] <proto> <fmt> ...`
    fn begin(start: usize, value: &'a [u8]) -> Option<Draft<'a>> {
        let mut words = value.split(|&b| b == b' ').filter(|word| !word.is_empty());
        let _media = words.next()?;
        let port = words.next()?.split(|&b| b == b'/').next().and_then(number)?;
        let profile = words.next()?;
        let formats = words.filter_map(number::<u8>).filter(|format| *format < 128).take(MOST_FORMATS).collect();
        Some(Draft {
            start,
            port,
            profile,
            formats,
            address: None,
            candidates: Vec::new(),
            rtcp: None,
            codec: None,
            keys: Vec::new(),
            fingerprint: false,
            zrtp: false,
        })
    }

    fn attribute(&mut self, value: &'a [u8]) {
        let (key, rest) = value.split_at_checked(memchr::memchr(b':', value).unwrap_or(value.len())).unwrap_or((value, &[]));
        let rest = rest.get(1..).unwrap_or_default();
        match key {
            b"crypto" if self.keys.len() < MOST_MEDIA && memchr::memmem::find(rest, b"inline:").is_some() => self.keys.push(rest),
            b"fingerprint" => self.fingerprint = true,
            b"zrtp-hash" => self.zrtp = true,
            b"rtcp" => self.rtcp = rtcp(rest),
            b"rtpmap" if self.codec.is_none() => self.codec = self.rtpmap(rest),
            b"candidate" if self.candidates.len() < MOST_ADDRESSES => self.candidates.extend(candidate(rest)),
            _ => {}
        }
    }

    /// `<payload type> <encoding>/<rate>`, of the first payload type.
    fn rtpmap(&self, value: &[u8]) -> Option<WireStr> {
        let mut words = value.splitn(2, |&b| b == b' ');
        let format = number::<u8>(words.next()?)?;
        (Some(&format) == self.formats.first()).then(|| name(words.next().unwrap_or_default()))
    }
}

/// Profiles over UDP that carry RTP (RFC 3551, RFC 3711, RFC 4585, RFC 5124, RFC 5764 §8).
fn is_rtp(profile: &[u8]) -> bool {
    matches!(profile, b"RTP/AVP" | b"RTP/AVPF" | b"RTP/SAVP" | b"RTP/SAVPF" | b"UDP/TLS/RTP/SAVP" | b"UDP/TLS/RTP/SAVPF")
}

fn is_plain(profile: &[u8]) -> bool {
    matches!(profile, b"RTP/AVP" | b"RTP/AVPF")
}

/// `IN IP4 192.0.2.1`, with the time to live of a group.
fn connection(value: &[u8]) -> Option<IpAddr> {
    let mut words = value.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let (b"IN", b"IP4" | b"IP6") = (words.next()?, words.next()?) else { return None };
    address(words.next()?.split(|&b| b == b'/').next()?)
}

/// `<port> [IN IP4 <address>]` (RFC 3605 §2.1).
fn rtcp(value: &[u8]) -> Option<(u16, Option<IpAddr>)> {
    let (port, rest) = value.split_at_checked(memchr::memchr(b' ', value).unwrap_or(value.len()))?;
    Some((number(port)?, connection(rest.trim_ascii_start())))
}

/// `<foundation> <component> UDP <priority> <address> <port> typ ...` (RFC 8839 §5.1).
fn candidate(value: &[u8]) -> Option<SocketAddr> {
    let mut words = value.split(|&b| b == b' ');
    let transport = words.nth(2)?;
    let (ip, port) = (words.nth(1)?, words.next()?);
    transport.eq_ignore_ascii_case(b"udp").then_some(SocketAddr::new(address(ip)?, number(port)?))
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn name(text: &[u8]) -> WireStr {
    WireStr::new(text.get(..text.len().min(LONGEST_NAME)).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn one(body: &str) -> Option<Media<'_>> {
        let mut all = read(body.as_bytes());
        (all.len() == 1).then(|| all.remove(0))
    }

    fn shown(media: &Media<'_>) -> String {
        let addresses: Vec<String> = media.addresses.iter().map(ToString::to_string).collect();
        format!("{} {} {} {:?} {}", addresses.join(","), media.profile, media.keying.word(), media.formats, media.codec)
    }

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

    #[test]
    fn a_description_says_where_media_is_expected_and_what_of_its_keys() {
        for (media, expected) in [
            ("m=audio 5004 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n", "192.0.2.1:5004 RTP/AVP plain [8, 101] PCMA/8000"),
            ("m=audio 5004/2 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n", "[2001:db8::1]:5004 RTP/AVP plain [0] PCMU/8000"),
            (
                "m=audio 5004 RTP/SAVP 96\r\na=rtpmap:96 opus/48000/2\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJD\r\n",
                "192.0.2.1:5004 RTP/SAVP sdes [96] opus/48000/2",
            ),
            ("m=audio 5004 RTP/AVP 8\r\na=crypto:1 X inline:QUJD\r\n", "192.0.2.1:5004 RTP/AVP sdes [8] PCMA/8000"),
            ("m=audio 5004 RTP/SAVP 8\r\n", "192.0.2.1:5004 RTP/SAVP other [8] PCMA/8000"),
            ("m=audio 5004 RTP/AVP 8\r\na=zrtp-hash:1.10 ab\r\n", "192.0.2.1:5004 RTP/AVP other [8] PCMA/8000"),
            ("m=video 5004 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 AB\r\n", "192.0.2.1:5004 UDP/TLS/RTP/SAVPF dtls [96] "),
            (
                "m=audio 9 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 1 UDP 21 198.51.100.2 6000 typ host\r\na=candidate:1 1 TCP 2 192.0.2.7 9 typ host\r\n",
                "198.51.100.2:6000 RTP/AVP plain [8] PCMA/8000",
            ),
        ] {
            assert_eq!(one(&format!("{HEAD}{media}")).as_ref().map(shown).as_deref(), Some(expected));
        }
        let dtls = format!("v=0\r\na=fingerprint:sha-256 AB\r\n{}m=audio 5004 RTP/AVP 8\r\n", &HEAD[5..]);
        assert_eq!(one(&dtls).map(|media| media.keying), Some(Keying::Dtls), "for all media of the body");
    }

    #[test]
    fn refused_media_and_other_protocols_are_left_out() {
        for media in
            ["m=audio 0 RTP/AVP 8", "m=image 5004 udptl t38", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio x RTP/AVP 8"]
        {
            assert_eq!(read(format!("{HEAD}{media}\r\n").as_bytes()), [], "{media}");
        }
        assert_eq!(read(b"m=audio 5004 RTP/AVP 8\r\n"), [], "no SDP");
    }

    #[test]
    fn several_descriptions_and_other_parts_of_a_body_are_kept_apart() {
        let body = format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\n{HEAD}m=audio 5004 RTP/AVP 8\r\na=rtcp:5007 IN IP4 192.0.2.9\r\nm=video 5008 RTP/SAVP 96\r\na=crypto:1 X inline:QUJD\r\n--b\r\nm=audio 1 RTP/AVP 0\r\n"
        );
        let all = read(body.as_bytes());
        assert_eq!(all.iter().map(|media| media.keying).collect::<Vec<_>>(), [Keying::Plain, Keying::Sdes]);
        assert_eq!(all[0].rtcp, Some(SocketAddr::from(([192, 0, 2, 9], 5007))));
        assert!(body[all[1].span.clone()].starts_with("m=video"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(tail: Vec<u8>, line in "m=[ -~]{0,60}", attribute in "a=(crypto|rtcp|rtpmap|candidate):[ -~]{0,60}") {
            read(&tail);
            read(&[HEAD.as_bytes(), line.as_bytes(), b"\r\n", attribute.as_bytes(), b"\r\n", &tail].concat());
        }
    }
}
