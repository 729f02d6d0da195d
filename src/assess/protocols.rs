//! What each recognised protocol other than TLS does for secrecy: one row each.

use std::borrow::Cow;

use super::grade::Construction;
use crate::base::Exposed;

/// What a protocol does for secrecy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    /// Everything is readable: these kinds, where the dissector did not say more exactly.
    Readable(&'static [Exposed]),
    /// A published standard that protects what follows its key exchange, when that was seen (`intransit.handshake`).
    Standard(&'static str),
    /// Its own construction: what is known of it, and its name for people.
    Custom(Construction, &'static str),
    /// Nothing can be said, and why.
    Unjudged(&'static str),
}

/// The class of a protocol by its name in `network.protocol`.
pub(super) fn class(protocol: &str) -> Option<Class> {
    use Construction::{PublishedDesign, PublishedWeaknesses, Unreviewed};
    use Exposed::{Content, Identifiers, Names, Service};
    Some(match protocol {
        "http" | "http2" | "redis" | "telnet" | "syslog" | "tftp" => Class::Readable(&[Content]),
        "websocket" => Class::Unjudged("a WebSocket in clear; the messages seen in it are not text and may be anything"),
        // The dissectors state what people wrote. Without any, greetings and capabilities went by.
        "smtp" | "imap" | "pop3" | "sieve" | "nntp" | "irc" | "ftp" | "xmpp" => Class::Readable(&[Service]),
        "ldap" | "postgres" | "mysql" | "mqtt" => Class::Readable(&[Service]),
        "sip" => Class::Readable(&[Identifiers]),
        "socks" | "proxy-protocol" => Class::Unjudged("a proxy's own few words; what it carries is of no known protocol"),
        "rtp" => Class::Unjudged("RTP-shaped packets without keys or signalling: plain and protected media look alike"),
        "rtcp" => Class::Unjudged("RTCP without keys or signalling: plain and protected reports look alike"),
        "srtp" => Class::Standard("SRTP with keys agreed by DTLS (RFC 5764)"),
        "dns" => Class::Readable(&[Names]),
        "netbios" | "ssdp" => Class::Readable(&[Names]),
        "dhcp" | "ntp" | "stun" | "turn" | "ocsp" | "snmp" => Class::Readable(&[Service]),
        "ssh" => Class::Standard("SSH 2 (RFC 4253); key exchange seen whole"),
        "wireguard" => Class::Standard("WireGuard; handshake seen whole"),
        "openvpn" => Class::Custom(PublishedDesign, "OpenVPN"),
        "ike" | "esp" => Class::Custom(PublishedDesign, "IPsec"),
        "tor" => Class::Custom(PublishedDesign, "Tor"),
        "gquic" => Class::Custom(PublishedDesign, "Google's QUIC crypto"),
        "whatsapp-noise" => Class::Custom(PublishedDesign, "WhatsApp's Noise channel"),
        "whatsapp" => Class::Custom(Unreviewed, "WhatsApp's older protocol"),
        "mtproto" => Class::Custom(PublishedDesign, "Telegram's MTProto"),
        "mmtls" => Class::Custom(PublishedWeaknesses, "WeChat's MMTLS"),
        "threema-csp" => Class::Custom(PublishedDesign, "Threema's chat server protocol"),
        "loco" => Class::Custom(PublishedWeaknesses, "KakaoTalk's LOCO"),
        "viber" => Class::Custom(Unreviewed, "Viber's own protocol"),
        "line" => Class::Custom(Unreviewed, "LINE's own protocol"),
        "discord" | "zoom" | "telegram-voip" => Class::Custom(Unreviewed, "the app's own media protocol"),
        _ => return None,
    })
}

/// A protocol's name as people write it.
pub(super) fn people_say(protocol: &str) -> Cow<'_, str> {
    match protocol {
        "mysql" => "MySQL".into(),
        "postgres" => "PostgreSQL".into(),
        "redis" => "Redis".into(),
        "telnet" => "Telnet".into(),
        "netbios" => "NetBIOS".into(),
        "wireguard" => "WireGuard".into(),
        "websocket" => "WebSocket".into(),
        "sieve" => "ManageSieve".into(),
        "http2" => "HTTP/2".into(),
        "openvpn" => "OpenVPN".into(),
        "tor" => "Tor".into(),
        "viber" => "Viber".into(),
        "zoom" => "Zoom".into(),
        "discord" => "Discord".into(),
        "mtproto" => "MTProto".into(),
        "whatsapp" => "WhatsApp (older protocol)".into(),
        "whatsapp-noise" => "WhatsApp Noise".into(),
        "threema-csp" => "Threema CSP".into(),
        "telegram-voip" => "Telegram calls".into(),
        short if short.len() <= 5 => short.to_ascii_uppercase().into(),
        other => other.into(),
    }
}
