//! Media of calls: RTP and SRTP look alike, so that only their keys tell (contract §2, "RTP").
//!
//! | seen | said |
//! |---|---|
//! | DTLS on the same addresses and ports agreed on a profile, then media | judged as that DTLS is, or `exposed` where the profile does not encrypt |
//! | media before those keys, or beside DTLS that agreed on none | `unknown` |
//! | media to an address that readable signalling named, without keys | `exposed`: RTP |
//! | the same, with the keys in that signalling (SDES) | `exposed`: SRTP that anyone can open |
//! | media of which neither keys nor signalling were seen | `unknown` |

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::base::{Basis, Dir, Evidence, Exposed, Fact, Facts, Keying, Kind, Readable, SdpMedia, Timestamp, What, WireStr};
use crate::flow::{Connection, Endpoint, Transport};

/// Addresses that signalling named, remembered at most.
const MOST_ADDRESSES: usize = 1 << 16;
/// Descriptions of one address, remembered at most.
const MOST_OF_ONE: usize = 16;
/// Media begins no later than this after its description, in nanoseconds; later, a port is taken for another call's.
const LONGEST_RINGING: i64 = 600 * 1_000_000_000;

/// How media is protected by the keys that DTLS agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Encrypted, by the profile of this name.
    Secret(Cow<'static, str>),
    /// Only authenticated.
    Readable(Cow<'static, str>),
}

/// The profile of media whose keys DTLS agreed on.
pub(super) fn keyed_by_dtls(facts: &Facts) -> Option<Profile> {
    facts.get(Kind::MediaKeying).filter(|fact| fact.what == What::MediaKeying("dtls-srtp"))?;
    Some(match facts.get(Kind::SrtpProfile).map(|fact| &fact.what) {
        Some(What::SrtpProfile(profile)) if profile.is_readable() => Profile::Readable(profile.to_string().into()),
        Some(What::SrtpProfile(profile)) => Profile::Secret(profile.to_string().into()),
        // The server's answer is encrypted in DTLS 1.3.
        _ => Profile::Secret("SRTP (offered; the answer is encrypted)".into()),
    })
}

/// Media beside DTLS that its keys do not protect, as far as was seen: why, and its frames.
pub(super) fn unprotected_beside_dtls(facts: &Facts) -> Option<(&'static str, Evidence)> {
    let plain = facts.list().iter().find(|fact| matches!(fact.what, What::Protocol("rtp" | "rtcp")))?;
    let why = if facts.list().iter().any(|fact| fact.what == What::Protocol("srtp")) {
        "RTP-shaped packets went by before DTLS agreed on keys: plain and protected media look alike"
    } else {
        "RTP-shaped packets beside DTLS that was not seen to agree on keys for them: plain and protected media look alike"
    };
    Some((why, plain.evidence.clone()))
}

/// Where readable signalling expects media, and what it says of its keys.
#[derive(Debug, Default)]
pub(super) struct Calls {
    media: HashMap<SocketAddr, Vec<Announced>>,
    control: HashMap<SocketAddr, Vec<Announced>>,
    left_out: u64,
}

#[derive(Clone, Debug)]
struct Announced {
    at: Timestamp,
    keying: Keying,
    formats: Vec<u8>,
    evidence: Evidence,
}

impl Calls {
    /// Remembers a description.
    pub(super) fn announced(&mut self, media: &SdpMedia, evidence: &Evidence) {
        let announced = Announced { at: media.at, keying: media.keying, formats: media.formats.clone(), evidence: evidence.clone() };
        for address in &media.addresses {
            let mut kept = remember(&mut self.media, *address, &announced);
            // RFC 3550 §11: the next port, unless SDP says otherwise; both may share one (RFC 5761).
            let beside = SocketAddr::new(address.ip(), address.port().saturating_add(1));
            kept &= remember(&mut self.control, media.rtcp.unwrap_or(beside), &announced);
            kept &= remember(&mut self.control, *address, &announced);
            self.left_out = self.left_out.saturating_add(u64::from(!kept));
        }
    }

    /// How many descriptions found no room.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Says of media what the signalling says of its keys. Returns whether facts were added.
    pub(super) fn apply(&self, connection: &mut Connection) -> bool {
        let is_control = match connection.protocol() {
            Some("rtp") => false,
            Some("rtcp") => true,
            _ => return false,
        };
        let facts = &connection.facts;
        if connection.transport != Transport::Udp || facts.has(Kind::TlsVersionProtocol) || facts.has(Kind::MediaKeying) {
            return false;
        }
        let Some(shape) = facts.list().iter().rev().find(|fact| matches!(fact.what, What::Protocol(_))) else { return false };
        let mut evidence = shape.evidence.clone();
        let mut said: Vec<Keying> = Vec::new();
        for announced in self.of(connection, is_control) {
            evidence.join(&announced.evidence);
            said.push(announced.keying);
        }
        let keying = match (said.contains(&Keying::Dtls), said.contains(&Keying::Other)) {
            _ if said.is_empty() => return false,
            (true, _) => "dtls-announced",
            (false, true) => "unclear",
            // An answer without keys declines those of an offer (RFC 8643 §3.1).
            (false, false) if said.contains(&Keying::Plain) => "plain-rtp",
            (false, false) => "sdes-in-clear",
        };
        let facts = &mut connection.facts;
        facts.infer(What::MediaKeying(keying), evidence.clone());
        let (kind, what) = match (keying, is_control) {
            ("plain-rtp", false) => (Exposed::Content, "media as plain RTP"),
            ("plain-rtp", true) => (Exposed::Service, "RTCP reports"),
            ("sdes-in-clear", false) => (Exposed::Content, "media whose SRTP keys stood in the signalling"),
            ("sdes-in-clear", true) => (Exposed::Service, "RTCP reports whose SRTP keys stood in the signalling"),
            _ => return true,
        };
        if keying == "sdes-in-clear" {
            facts.infer(What::Protocol("srtp"), evidence.clone());
        }
        let both = [connection.tally(Dir::Client), connection.tally(Dir::Server)];
        let count = both.iter().map(|tally| tally.packets).sum();
        let bytes = both.iter().map(|tally| tally.payload).sum();
        let excerpt = WireStr::from("");
        connection.facts.add(Fact {
            what: What::Readable(Box::new(Readable { kind, what, count, bytes, excerpt })),
            basis: Basis::Inferred,
            evidence,
        });
        true
    }

    /// What was said of the addresses of this connection before it, or while it lasted.
    fn of<'a>(&'a self, connection: &'a Connection, is_control: bool) -> impl Iterator<Item = &'a Announced> {
        let payload_types = match connection.facts.get(Kind::RtpPayloadTypes).map(|fact| &fact.what) {
            Some(What::RtpPayloadTypes(list)) => list.as_slice(),
            _ => &[],
        };
        let index = if is_control { &self.control } else { &self.media };
        let earliest = connection.start.nanos().saturating_sub(LONGEST_RINGING);
        let in_time = move |announced: &&Announced| (earliest..=connection.end.nanos()).contains(&announced.at.nanos());
        let fits = move |announced: &&Announced| {
            is_control || payload_types.iter().any(|number| announced.formats.iter().any(|&format| u64::from(format) == *number))
        };
        let of = |end: Endpoint| index.get(&SocketAddr::new(end.ip, end.port)).map_or(&[] as &[Announced], Vec::as_slice);
        of(connection.client).iter().chain(of(connection.server)).filter(in_time).filter(fits)
    }
}

/// Returns whether it is remembered.
fn remember(index: &mut HashMap<SocketAddr, Vec<Announced>>, address: SocketAddr, announced: &Announced) -> bool {
    if index.len() >= MOST_ADDRESSES && !index.contains_key(&address) {
        return false;
    }
    let list = index.entry(address).or_default();
    // A connection that goes on says again what it said before.
    let known = list.iter().any(|known| known.at == announced.at && known.keying == announced.keying && known.formats == announced.formats);
    let has_room = list.len() < MOST_OF_ONE;
    if has_room && !known {
        list.push(announced.clone());
    }
    has_room || known
}

/// Why media beside readable signalling is not judged.
pub(super) fn why_unknown(facts: &Facts) -> Option<&'static str> {
    match facts.get(Kind::MediaKeying).map(|fact| &fact.what) {
        Some(What::MediaKeying("dtls-announced")) => {
            Some("RTP-shaped packets; the signalling announced keys by DTLS, whose handshake was not seen")
        }
        Some(What::MediaKeying("unclear")) => Some("RTP-shaped packets; what the signalling says of their keys is not known here"),
        Some(What::MediaKeying("zrtp")) => Some("RTP-shaped packets with ZRTP: whether keys were agreed cannot be seen from outside"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::assess::judge;
    use crate::base::{Frame, FrameNo, LinkType};
    use crate::flow::Tally;

    fn evidence(number: u64) -> Evidence {
        Frame { number: FrameNo::new(number).unwrap(), at: Timestamp::ZERO, bytes: &[], wire_len: 0, link: LinkType(1), interface: 0 }
            .evidence()
    }

    fn seconds(n: i64) -> Timestamp {
        Timestamp::from_nanos(n * 1_000_000_000)
    }

    fn description(port: u16, keying: Keying, at: i64) -> SdpMedia {
        SdpMedia {
            at: seconds(at),
            addresses: vec![SocketAddr::from(([192, 0, 2, 1], port))],
            rtcp: None,
            profile: "RTP/AVP".into(),
            keying,
            formats: vec![8],
            codec: "PCMA/8000".into(),
        }
    }

    /// Media from second 100 to 200, from a stranger to port 5004.
    fn media(port: u16, payload_type: u64) -> Connection {
        let end = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
        let mut facts = Facts::new();
        facts.infer(What::RtpPayloadTypes(vec![payload_type]), evidence(9));
        facts.infer(What::Protocol("rtp"), evidence(9));
        let sent = Tally { packets: 10, bytes: 2000, payload: 1600 };
        Connection {
            transport: Transport::Udp,
            client: end([198, 51, 100, 7], 6000),
            server: end([192, 0, 2, 1], port),
            guessed: true,
            first_frame: FrameNo::new(9).unwrap(),
            last_frame: FrameNo::new(19).unwrap(),
            start: seconds(100),
            end: seconds(200),
            sent: [sent, Tally::default()],
            vlan: None,
            truncated: 0,
            facts,
        }
    }

    fn judged(descriptions: &[SdpMedia], mut connection: Connection) -> (String, String, Option<&'static str>) {
        let mut calls = Calls::default();
        descriptions.iter().for_each(|media| calls.announced(media, &evidence(3)));
        if calls.apply(&mut connection) {
            connection.facts.sort();
        }
        let judgement = judge(&connection);
        (judgement.grade.word().into(), judgement.why.into_owned(), connection.protocol())
    }

    #[test]
    fn media_is_exposed_only_where_signalling_named_its_address_without_keys_or_with_them_in_clear() {
        for (descriptions, grade, protocol) in [
            (vec![], "unknown", "rtp"),
            (vec![description(5004, Keying::Plain, 99)], "exposed", "rtp"),
            (vec![description(5004, Keying::Sdes, 99)], "exposed", "srtp"),
            (vec![description(5004, Keying::Dtls, 99)], "unknown", "rtp"),
            (vec![description(5004, Keying::Other, 99)], "unknown", "rtp"),
            (vec![description(5004, Keying::Plain, 99), description(5004, Keying::Dtls, 150)], "unknown", "rtp"),
            (vec![description(5006, Keying::Plain, 99)], "unknown", "rtp"),
            (vec![description(5004, Keying::Plain, 201)], "unknown", "rtp"),
            (vec![description(5004, Keying::Plain, -501)], "unknown", "rtp"),
        ] {
            let (got, why, named) = judged(&descriptions, media(5004, 8));
            assert_eq!((got.as_str(), named), (grade, Some(protocol)), "{descriptions:?}: {why}");
        }
        assert_eq!(judged(&[description(5004, Keying::Plain, 99)], media(5004, 96)).0, "unknown", "a payload type that was not announced");
    }

    #[test]
    fn keys_that_dtls_agreed_on_or_zrtp_are_not_overruled_by_signalling() {
        let mut zrtp = media(5004, 8);
        zrtp.facts.observe(What::MediaKeying("zrtp"), evidence(9));
        assert_eq!(judged(&[description(5004, Keying::Plain, 99)], zrtp).0, "unknown");
        let mut dtls = media(5004, 8);
        dtls.facts.observe(What::TlsVersionProtocol("dtls"), evidence(9));
        assert_eq!(judged(&[description(5004, Keying::Plain, 99)], dtls).0, "unknown");
    }

    #[test]
    fn both_frames_stand_behind_what_is_said() {
        let mut calls = Calls::default();
        calls.announced(&description(5004, Keying::Plain, 99), &evidence(3));
        let mut connection = media(5004, 8);
        assert!(calls.apply(&mut connection));
        let fact = connection.facts.get(Kind::MediaKeying).unwrap();
        assert_eq!((&fact.what, fact.evidence.display_filter().as_str()), (&What::MediaKeying("plain-rtp"), "frame.number in {3,9}"));
    }

    #[test]
    fn reports_beside_plain_media_are_service_data() {
        let mut connection = media(5005, 8);
        connection.facts = Facts::new();
        connection.facts.infer(What::Protocol("rtcp"), evidence(9));
        let mut calls = Calls::default();
        calls.announced(&description(5004, Keying::Plain, 99), &evidence(3));
        calls.apply(&mut connection);
        assert_eq!(judge(&connection).exposed, [Exposed::Service]);
    }
}
