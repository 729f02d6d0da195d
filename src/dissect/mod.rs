//! Floor 4: from bytes to facts; one file or folder per protocol.
//!
//! To add a protocol: a file that implements [`Protocol`], and a row in the list at the end of this one. The order of the rows is the
//! order of the probes. Dispatch is static; nothing is boxed before something is recognised.

mod authorization;
mod clear;
pub(crate) mod dhcp;
mod dns;
pub mod dtls;
mod equipment;
mod h2_frame;
pub(crate) mod http;
pub(crate) mod ike;
pub mod inside;
pub mod keys;
mod lines;
mod look;
pub mod messengers;
pub(crate) mod mqtt;
pub(crate) mod netbios;
pub(crate) mod ntp;
pub(crate) mod openvpn;
pub mod plain;
pub(crate) mod proxy_protocol;
pub mod quic;
mod ranges;
mod recognise;
pub(crate) mod redis;
pub(crate) mod rtc;
pub(crate) mod sip;
pub(crate) mod snmp;
mod socks;
pub(crate) mod ssdp;
pub(crate) mod ssh;
pub mod starttls;
mod stun_signs;
pub(crate) mod syslog;
mod telltale;
pub(crate) mod telnet;
#[cfg(test)]
mod testing;
pub(crate) mod tftp;
pub mod tls;
mod waiting;
pub(crate) mod wireguard;

pub use crate::flow::{FrameHeader, Framing, Next, Payload, Stranger};
pub use dns::{Dns, DnsOverTcp};
pub use equipment::{Equipment, Tools};
pub use http::Http;
pub use recognise::Recognised;
pub use socks::Socks;
pub use waiting::Patience;

use crate::base::{Dir, Window};
use crate::flow::{FlowKey, Makers};

/// Whether the first bytes of a direction are a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// Too few to tell.
    More,
}

/// A protocol: recognised by its bytes, never by its port.
pub trait Protocol: Payload {
    /// Whether it hands on the bytes inside by itself, because what is fed to it is encrypted.
    const OPENS: bool = false;

    /// Takes keys, and the way to whoever looks inside. Called once, before anything is fed.
    fn equip(&mut self, tools: &Tools) {
        let _ = tools;
    }

    /// Whether the first bytes sent in a direction are this protocol.
    fn probe(window: &Window<'_>) -> Probe;

    /// Whether a handshake of this protocol begins with these bytes, judged so strictly that it may be believed after bytes
    /// that nobody recognised.
    fn begins(window: &Window<'_>) -> bool {
        let _ = window;
        false
    }

    /// Which role the sender of recognised bytes plays, where they say so (`ClientHello`, a query, a greeting).
    /// `Dir::Client` for the client; the label on the window is not to be looked at.
    fn sender(window: &Window<'_>) -> Option<Dir> {
        let _ = window;
        None
    }
}

recognise::protocols! {
    /// Protocols over TCP.
    StreamProtocols {
        Tls(tls::Tls),
        Ssh(ssh::Ssh),
        Sip(sip::SipOverTcp),
        Http(Http),
        Xmpp(starttls::Xmpp),
        Postgres(starttls::Postgres),
        Mysql(starttls::Mysql),
        Rdp(starttls::Rdp),
        Ldap(starttls::Ldap),
        ProxyProtocol(proxy_protocol::ProxyProtocol),
        DnsOverTcp(DnsOverTcp),
        Rtc(rtc::RtcOverTcp),
        Mqtt(mqtt::Mqtt),
        Openvpn(openvpn::OpenvpnOverTcp),
        Redis(redis::Redis),
        Dialogue(starttls::Dialogue),
        Telnet(telnet::Telnet),
        Socks(Socks),
        WhatsApp(messengers::Named<messengers::Whatsapp>),
        Mmtls(messengers::Named<messengers::Mmtls>),
        Loco(messengers::Named<messengers::Loco>),
        Viber(messengers::Named<messengers::Viber>),
        // Decrypts bytes that may be anything: last.
        Mtproto(messengers::Named<messengers::Mtproto>),
    }
}

recognise::protocols! {
    /// Protocols over UDP.
    DatagramProtocols {
        Quic(quic::Quic),
        Rtc(rtc::Rtc),
        Dns(Dns),
        Sip(sip::Sip),
        Ssdp(ssdp::Ssdp),
        NetbiosNames(netbios::NetbiosNames),
        NetbiosDatagrams(netbios::NetbiosDatagrams),
        Dhcp(dhcp::Dhcp),
        Ntp(ntp::Ntp),
        Snmp(snmp::Snmp),
        Syslog(syslog::Syslog),
        Tftp(tftp::Tftp),
        Openvpn(openvpn::Openvpn),
        Wireguard(wireguard::Wireguard),
        Ike(ike::Ike),
        Discord(messengers::Named<messengers::Discord>),
        Zoom(messengers::Named<messengers::Zoom>),
        TelegramVoip(messengers::Named<messengers::TelegramVoip>),
        ViberCall(messengers::Named<messengers::ViberCall>),
        LineCall(messengers::Named<messengers::LineCall>),
        Oicq(messengers::Named<messengers::Oicq>),
        Mumble(messengers::Named<messengers::Mumble>),
        // One packet is a weak sign: last.
        Rtp(rtc::RtpFirst),
    }
}

/// What reads the two byte streams of a TCP connection.
pub type Stream = recognise::Stream<StreamProtocols>;
/// What reads the datagrams of a UDP connection.
pub type Datagrams = recognise::Datagrams<DatagramProtocols>;

impl Equipment {
    /// Makes dissectors that are given this.
    #[must_use]
    pub fn makers(&self) -> Makers<Stream, Datagrams> {
        if self.is_none() {
            return Makers::default();
        }
        let (for_streams, for_datagrams) = (self.clone(), self.clone());
        let identity = |key: &FlowKey, first_frame| plain::Identity { key: *key, first_frame };
        Makers {
            stream: Box::new(move |key, first_frame| Stream::equipped(for_streams.of(&identity(key, first_frame)))),
            datagrams: Box::new(move |key, first_frame| Datagrams::equipped(for_datagrams.of(&identity(key, first_frame)))),
        }
    }
}

/// Whether a datagram may say something of other connections: DNS, STUN, SIP, or the beginning of a QUIC connection. Judged by itself, and
/// rather too often than too seldom.
#[must_use]
pub fn tells_of_others(datagram: &Window<'_>) -> bool {
    let yes = |probe: fn(&Window<'_>) -> Probe| probe(datagram) == Probe::Yes;
    yes(Dns::probe) || stun_signs::is_message(datagram.bytes) || yes(quic::Quic::probe) || yes(sip::Sip::probe)
}

/// Whether a byte stream that goes on with these bytes may say something of other connections: SIP, or, where one is to be expected, DNS.
#[must_use]
pub fn begins_to_tell(stream: &Window<'_>, dns: bool) -> bool {
    sip::SipOverTcp::probe(stream) == Probe::Yes || dns && DnsOverTcp::probe(stream) == Probe::Yes
}
