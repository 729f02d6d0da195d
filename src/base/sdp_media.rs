//! Where media of a call is expected, and what was said of its keys, in signalling that anyone could read.

use std::net::{IpAddr, SocketAddr};

use super::freeze::{Freeze, put_number, take_number};
use super::render::{List, Render, Shown};
use super::{Reader, Timestamp, WireStr};

/// One media description of an SDP offer or answer (RFC 8866 §5.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpMedia {
    /// When it was sent.
    pub at: Timestamp,
    /// Where its sender expects media; further addresses come from ICE candidates.
    pub addresses: Vec<SocketAddr>,
    /// Where its sender expects RTCP, if not beside the media.
    pub rtcp: Option<SocketAddr>,
    /// `RTP/AVP`, `RTP/SAVP`, `UDP/TLS/RTP/SAVPF`.
    pub profile: WireStr,
    /// What was said of keys.
    pub keying: Keying,
    /// The payload types announced.
    pub formats: Vec<u8>,
    /// The first codec: `PCMA/8000`.
    pub codec: WireStr,
}

/// What a media description says of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keying {
    /// No keys: plain RTP.
    Plain,
    /// The key stands in it (`a=crypto`, RFC 4568).
    Sdes,
    /// Keys are to be agreed in DTLS (RFC 5763).
    Dtls,
    /// Keys in some other way, or none that could be understood.
    Other,
}

impl Keying {
    const ALL: [Keying; 4] = [Keying::Plain, Keying::Sdes, Keying::Dtls, Keying::Other];

    /// `plain`, `sdes`, `dtls`, `other`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Keying::Plain => "plain",
            Keying::Sdes => "sdes",
            Keying::Dtls => "dtls",
            Keying::Other => "other",
        }
    }
}

impl Render for SdpMedia {
    fn shown(&self) -> Shown<'_> {
        let mut list = vec![Shown::Wire(&self.profile), Shown::Text(self.keying.word().into()), Shown::Wire(&self.codec)];
        list.extend(self.addresses.iter().map(|address| Shown::Text(address.to_string().into())));
        Shown::List(List::Made(list))
    }
}

impl Freeze for SdpMedia {
    fn put(&self, out: &mut Vec<u8>) {
        self.at.put(out);
        self.addresses.put(out);
        self.rtcp.map_or_else(Vec::new, |address| vec![address]).put(out);
        self.profile.put(out);
        out.push(self.keying as u8);
        self.formats.put(out);
        self.codec.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Option<SdpMedia> {
        Some(SdpMedia {
            at: Timestamp::take(reader)?,
            addresses: Vec::take(reader)?,
            rtcp: <Vec<SocketAddr>>::take(reader)?.first().copied(),
            profile: WireStr::take(reader)?,
            keying: *Keying::ALL.get(usize::from(reader.u8().ok()?))?,
            formats: Vec::take(reader)?,
            codec: WireStr::take(reader)?,
        })
    }
}

impl Freeze for IpAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Option<IpAddr> {
        match reader.u8().ok()? {
            4 => reader.array::<4>().ok().map(IpAddr::from),
            _ => reader.array::<16>().ok().map(IpAddr::from),
        }
    }
}

impl Freeze for SocketAddr {
    fn put(&self, out: &mut Vec<u8>) {
        self.ip().put(out);
        put_number(out, u64::from(self.port()));
    }

    fn take(reader: &mut Reader<'_>) -> Option<SocketAddr> {
        let ip = IpAddr::take(reader)?;
        Some(SocketAddr::new(ip, u16::try_from(take_number(reader)?).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_description_comes_back_as_it_was_frozen() {
        let media = SdpMedia {
            at: Timestamp::from_nanos(-7),
            addresses: vec![SocketAddr::from(([192, 0, 2, 1], 5004)), SocketAddr::from(([0u16, 1, 2, 3, 4, 5, 6, 7], 65535))],
            rtcp: Some(SocketAddr::from(([192, 0, 2, 1], 5005))),
            profile: "RTP/SAVP".into(),
            keying: Keying::Sdes,
            formats: vec![0, 96],
            codec: "opus/48000/2".into(),
        };
        for media in [SdpMedia { rtcp: None, ..media.clone() }, media] {
            let mut bytes = Vec::new();
            media.put(&mut bytes);
            assert_eq!(SdpMedia::take(&mut Reader::new(&bytes)), Some(media));
        }
    }
}
