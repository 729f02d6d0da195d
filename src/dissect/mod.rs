//! Floor 4: from bytes to facts; one file or folder per protocol.
//!
//! To add a protocol: a file that implements [`Protocol`], and a row in the list at the end of this one. The order of the rows is the
//! order of the probes. Dispatch is static; nothing is boxed before something is recognised.

mod dhcp;
mod dns;
pub mod dtls;
mod http;
mod lines;
pub mod messengers;
mod mqtt;
mod ntp;
mod openvpn;
mod proxy_protocol;
pub mod quic;
mod recognise;
mod redis;
mod sip;
mod socks;
mod ssdp;
mod ssh;
pub mod starttls;
mod stun;
mod telltale;
#[cfg(test)]
mod testing;
pub mod tls;
mod wireguard;

pub use crate::flow::{Next, Payload};
pub use dns::{Dns, DnsOverTcp};
pub use http::Http;
pub use recognise::Recognised;
pub use socks::Socks;

use crate::base::{Dir, Window};

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
        Sip(sip::Sip),
        Http(Http),
        Xmpp(starttls::Xmpp),
        Postgres(starttls::Postgres),
        Mysql(starttls::Mysql),
        Rdp(starttls::Rdp),
        Ldap(starttls::Ldap),
        ProxyProtocol(proxy_protocol::ProxyProtocol),
        DnsOverTcp(DnsOverTcp),
        Mqtt(mqtt::Mqtt),
        Openvpn(openvpn::OpenvpnOverTcp),
        Redis(redis::Redis),
        Dialogue(starttls::Dialogue),
        Socks(Socks),
        WhatsApp(messengers::Named<messengers::Whatsapp>),
        Mmtls(messengers::Named<messengers::Mmtls>),
        Loco(messengers::Named<messengers::Loco>),
        // Decrypts bytes that may be anything: last.
        Mtproto(messengers::Named<messengers::Mtproto>),
    }
}

recognise::protocols! {
    /// Protocols over UDP.
    DatagramProtocols {
        Quic(quic::Quic),
        Dtls(dtls::Dtls),
        Dns(Dns),
        Stun(stun::Stun),
        Sip(sip::Sip),
        Ssdp(ssdp::Ssdp),
        Dhcp(dhcp::Dhcp),
        Ntp(ntp::Ntp),
        Openvpn(openvpn::Openvpn),
        Wireguard(wireguard::Wireguard),
        Discord(messengers::Named<messengers::Discord>),
        Zoom(messengers::Named<messengers::Zoom>),
        TelegramVoip(messengers::Named<messengers::TelegramVoip>),
    }
}

/// What reads the two byte streams of a TCP connection.
pub type Stream = recognise::Stream<StreamProtocols>;
/// What reads the datagrams of a UDP connection.
pub type Datagrams = recognise::Datagrams<DatagramProtocols>;
