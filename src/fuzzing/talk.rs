//! Dialogues with the dissectors of floor 4.

use super::sinks;
use super::turns::{Frames, Turn, Turns};
use crate::base::{Dir, Facts, Stitched};
use crate::dissect::{self, Datagrams, Next, Payload, Stream, dtls, http, ike, messengers, mqtt, openvpn, quic, starttls, tls};
use crate::flow::Transport;

/// Feeds a dialogue to the two streams of a TCP connection, as the flow floor does.
pub(super) fn stream<P: Payload>(turns: &Turns<'_>, make: &dyn Fn() -> P) -> Facts {
    stream_with(turns, make, &|_| ())
}

/// The same, with something to be done before each turn.
pub(super) fn stream_with<P: Payload>(turns: &Turns<'_>, make: &dyn Fn() -> P, before: &dyn Fn(usize)) -> Facts {
    let (mut payload, mut facts, mut frames) = (make(), Facts::new(), Frames::new());
    let mut held = [Stitched::new(), Stitched::new()];
    let mut swapped = false;
    for (n, turn) in turns.clone().enumerate() {
        before(n);
        let (Turn::Says(dir, _) | Turn::Missing(dir, _)) = turn;
        let dir = if swapped { dir.other() } else { dir };
        match turn {
            Turn::Missing(_, octets) => {
                if let Some(own) = held.get_mut(dir.index()) {
                    if let Some(front) = own.window(dir) {
                        payload.left(&front);
                    }
                    own.clear();
                }
                payload.gap(dir, octets, &mut facts);
            }
            Turn::Says(_, bytes) => {
                for piece in turns.pieces(bytes) {
                    let window = frames.window(dir, piece);
                    if let Some(own) = held.get_mut(dir.index()) {
                        own.push(&window);
                    }
                    // The other side's bytes may have become readable by what was just recognised.
                    for dir in [dir, dir.other()] {
                        if let Some(own) = held.get_mut(dir.index()) {
                            let taken = own.window(dir).map_or(0, |front| payload.feed(&front, &mut facts));
                            own.consume(taken);
                        }
                    }
                }
            }
        }
        if payload.client() == Some(Dir::Server) {
            payload.swap_sides();
            held.reverse();
            swapped = !swapped;
        }
        if payload.next() != Next::Stay {
            payload.close(&mut facts);
            payload = make();
            held.iter_mut().for_each(Stitched::clear);
        }
    }
    for dir in [Dir::Client, Dir::Server] {
        if let Some(front) = held.get(dir.index()).and_then(|own| own.window(dir)) {
            payload.left(&front);
        }
    }
    payload.close(&mut facts);
    facts
}

/// Feeds a dialogue as datagrams, a turn each.
pub(super) fn datagrams<P: Payload>(turns: &Turns<'_>, make: &dyn Fn() -> P) -> Facts {
    datagrams_with(turns, make, &|_| ())
}

/// The same, with something to be done before each turn.
pub(super) fn datagrams_with<P: Payload>(turns: &Turns<'_>, make: &dyn Fn() -> P, before: &dyn Fn(usize)) -> Facts {
    let (mut payload, mut facts, mut frames) = (make(), Facts::new(), Frames::new());
    let mut swapped = false;
    for (n, turn) in turns.clone().enumerate() {
        before(n);
        if let Turn::Says(dir, bytes) = turn {
            let dir = if swapped { dir.other() } else { dir };
            payload.feed(&frames.window(dir, bytes), &mut facts);
            if let Some(stranger) = payload.stranger(&facts) {
                stranger(bytes);
            }
        }
        if payload.client() == Some(Dir::Server) {
            payload.swap_sides();
            swapped = !swapped;
        }
        if payload.next() != Next::Stay {
            payload.close(&mut facts);
            payload = make();
        }
    }
    payload.close(&mut facts);
    facts
}

fn over_tcp<P: Payload>(turns: &Turns<'_>) {
    sinks::check(Transport::Tcp, stream(turns, &P::default));
}

fn over_udp<P: Payload>(turns: &Turns<'_>) {
    sinks::check(Transport::Udp, datagrams(turns, &P::default));
}

/// What the table of protocols makes of it.
fn any(which: u8, turns: &Turns<'_>) {
    if which & 1 == 0 { over_tcp::<Stream>(turns) } else { over_udp::<Datagrams>(turns) }
}

/// TLS records and handshakes, SSL 2 included.
pub(super) fn tls(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    if which & 1 == 0 { over_tcp::<tls::Tls>(&turns) } else { over_tcp::<Stream>(&turns) }
}

/// One certificate, in the flight of a server that speaks TLS 1.2.
pub(super) fn certificate(bytes: &[u8]) {
    let der = bytes.get(..0xfff0).unwrap_or(bytes);
    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes()[1..], bytes].concat();
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat();
    let messages = [(2, hello), (11, sized(&sized(der)))];
    let mut flight = Vec::new();
    for (kind, body) in messages {
        let message = [&[kind][..], &sized(&body)].concat();
        for fragment in message.chunks(1 << 14) {
            flight.extend([22, 3, 3]);
            flight.extend(u16::try_from(fragment.len()).unwrap_or(0).to_be_bytes());
            flight.extend_from_slice(fragment);
        }
    }
    let dialogue = Turns::write(0, 0, &[(Dir::Server, &flight)]);
    over_tcp::<tls::Tls>(&Turns::read(&dialogue).1);
}

/// DTLS.
pub(super) fn dtls(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    if which & 1 == 0 { over_udp::<dtls::Dtls>(&turns) } else { over_udp::<Datagrams>(&turns) }
}

/// QUIC as it comes: its packets' protection is not undone unless they are whole. See [`super::sealed::initial`].
pub(super) fn quic(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    if which & 1 == 0 { over_udp::<quic::Quic>(&turns) } else { over_udp::<Datagrams>(&turns) }
}

/// HTTP/1 in clear, upgraded or not, and what is inside.
pub(super) fn http1(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    match which % 3 {
        0 => over_tcp::<http::Http>(&turns),
        1 => over_tcp::<Stream>(&turns),
        _ => super::inside::stream(&turns),
    }
}

/// DNS over UDP and TCP.
pub(super) fn dns(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    if which & 1 == 0 { over_udp::<dissect::Dns>(&turns) } else { over_tcp::<dissect::DnsOverTcp>(&turns) }
}

/// STUN, TURN, RTP, SIP.
pub(super) fn rtc(bytes: &[u8]) {
    use dissect::{rtc, sip};
    let (which, turns) = Turns::read(bytes);
    match which % 6 {
        0 => over_udp::<rtc::Rtc>(&turns),
        1 => over_udp::<rtc::RtpFirst>(&turns),
        2 => over_tcp::<rtc::RtcOverTcp>(&turns),
        3 => over_udp::<sip::Sip>(&turns),
        4 => over_tcp::<sip::SipOverTcp>(&turns),
        _ => over_udp::<Datagrams>(&turns),
    }
}

/// The messengers' own protocols: recognised among all others.
pub(super) fn messengers(bytes: &[u8]) {
    use messengers::{Mtproto, Named, Whatsapp};
    let (which, turns) = Turns::read(bytes);
    match which % 4 {
        0 => over_tcp::<Named<Whatsapp>>(&turns),
        1 => over_tcp::<Named<Mtproto>>(&turns),
        other => any(other, &turns),
    }
}

/// The dialects that begin in clear and may turn to TLS.
pub(super) fn starttls(bytes: &[u8]) {
    let (which, turns) = Turns::read(bytes);
    match which % 7 {
        0 => over_tcp::<starttls::Dialogue>(&turns),
        1 => over_tcp::<starttls::Xmpp>(&turns),
        2 => over_tcp::<starttls::Postgres>(&turns),
        3 => over_tcp::<starttls::Mysql>(&turns),
        4 => over_tcp::<starttls::Rdp>(&turns),
        5 => over_tcp::<starttls::Ldap>(&turns),
        _ => over_tcp::<Stream>(&turns),
    }
}

/// SSH, IKE, OpenVPN, WireGuard, SOCKS, the PROXY protocol.
pub(super) fn tunnels(bytes: &[u8]) {
    use dissect::{proxy_protocol, ssh, wireguard};
    let (which, turns) = Turns::read(bytes);
    match which % 8 {
        0 => over_tcp::<ssh::Ssh>(&turns),
        1 => over_udp::<ike::Ike>(&turns),
        2 => over_udp::<openvpn::Openvpn>(&turns),
        3 => over_tcp::<openvpn::OpenvpnOverTcp>(&turns),
        4 => over_udp::<wireguard::Wireguard>(&turns),
        5 => over_tcp::<dissect::Socks>(&turns),
        6 => over_tcp::<proxy_protocol::ProxyProtocol>(&turns),
        _ => over_tcp::<Stream>(&turns),
    }
}

/// What else goes by in clear.
pub(super) fn services(bytes: &[u8]) {
    use dissect::{dhcp, netbios, ntp, redis, snmp, ssdp, syslog, telnet, tftp};
    let (which, turns) = Turns::read(bytes);
    match which % 12 {
        0 => over_udp::<dhcp::Dhcp>(&turns),
        1 => over_udp::<ntp::Ntp>(&turns),
        2 => over_udp::<snmp::Snmp>(&turns),
        3 => over_udp::<syslog::Syslog>(&turns),
        4 => over_udp::<tftp::Tftp>(&turns),
        5 => over_udp::<ssdp::Ssdp>(&turns),
        6 => over_udp::<netbios::NetbiosNames>(&turns),
        7 => over_udp::<netbios::NetbiosDatagrams>(&turns),
        8 => over_tcp::<mqtt::Mqtt>(&turns),
        9 => over_tcp::<redis::Redis>(&turns),
        10 => over_tcp::<telnet::Telnet>(&turns),
        other => any(other, &turns),
    }
}
