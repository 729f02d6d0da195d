//! What the unit tests feed is worth starting from: where `SEEDS` names a folder, each of their inputs is kept there, by target. See
//! `fuzz/README.md`.
#![allow(clippy::unwrap_used)]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::Turns;
use crate::base::Dir;

/// Keeps an input of a target.
pub(crate) fn keep(target: &str, bytes: &[u8]) {
    let Some(folder) = std::env::var_os("SEEDS") else { return };
    assert!(super::target(target).is_some(), "{target}");
    let folder = std::path::Path::new(&folder).join(target);
    std::fs::create_dir_all(&folder).unwrap();
    let mut hash = DefaultHasher::new();
    bytes.hash(&mut hash);
    std::fs::write(folder.join(format!("test-{:016x}", hash.finish())), bytes).unwrap();
}

/// Keeps a dialogue, for each of these choices of the target.
pub(crate) fn keep_turns(target: &str, choices: &[u8], turns: &[(Dir, &[u8])]) {
    for choice in choices {
        keep(target, &Turns::write(*choice, 0, turns));
    }
}

/// Keeps a dialogue with the protocol of this type.
pub(crate) fn keep_talk<P>(turns: &[(Dir, &[u8])]) {
    let name = std::any::type_name::<P>();
    let mut path = name.trim_end_matches('>').rsplit("::");
    let (own, module) = (path.next().unwrap_or(""), path.next().unwrap_or(""));
    let (target, choices): (_, &[u8]) = match own {
        "Http" => ("http1", &[0, 1]),
        "Dns" => ("dns", &[0]),
        "DnsOverTcp" => ("dns", &[1]),
        "Rtc" => ("rtc", &[0, 5]),
        "RtpFirst" => ("rtc", &[1]),
        "RtcOverTcp" => ("rtc", &[2]),
        "Sip" => ("rtc", &[3, 5]),
        "SipOverTcp" => ("rtc", &[4]),
        "Dialogue" => ("starttls", &[0, 6]),
        "Xmpp" => ("starttls", &[1, 6]),
        "Postgres" => ("starttls", &[2, 6]),
        "Mysql" => ("starttls", &[3, 6]),
        "Rdp" => ("starttls", &[4, 6]),
        "Ldap" => ("starttls", &[5, 6]),
        "Ssh" => ("tunnels", &[0, 7]),
        "Ike" => ("tunnels", &[1]),
        "Openvpn" => ("tunnels", &[2]),
        "OpenvpnOverTcp" => ("tunnels", &[3, 7]),
        "Wireguard" => ("tunnels", &[4]),
        "Socks" => ("tunnels", &[5, 7]),
        "ProxyProtocol" => ("tunnels", &[6, 7]),
        "Message" if module == "dhcp" => ("services", &[0]),
        "Header" => ("services", &[1]),
        "Message" if module == "snmp" => ("services", &[2]),
        "Message" if module == "syslog" => ("services", &[3]),
        "Request" => ("services", &[4]),
        "Message" if module == "ssdp" => ("services", &[5]),
        "NameService" => ("services", &[6]),
        "DatagramService" => ("services", &[7]),
        "Mqtt" => ("services", &[8]),
        "Redis" => ("services", &[9]),
        "Telnet" => ("services", &[10]),
        "Whatsapp" => ("messengers", &[0, 2]),
        "Mtproto" => ("messengers", &[1, 2]),
        _ => ("messengers", &[2, 3]),
    };
    keep_turns(target, choices, turns);
}
