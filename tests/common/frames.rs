//! Ethernet frames with IPv4, TCP and UDP, built octet by octet.

pub const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 10], 51234);
pub const SERVER: ([u8; 4], u16) = ([198, 51, 100, 20], 443);

pub type Side = ([u8; 4], u16);

pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;
pub const PSH: u8 = 0x08;
pub const FIN: u8 = 0x01;
pub const RST: u8 = 0x04;

/// The ones' complement sum of RFC 1071.
fn checksum(parts: &[&[u8]]) -> u16 {
    let all = parts.concat();
    let mut sum: u32 = all.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn pseudo(from: Side, to: Side, protocol: u8, len: usize) -> Vec<u8> {
    [&from.0[..], &to.0, &[0, protocol], &(len as u16).to_be_bytes()].concat()
}

/// A TCP segment with its checksum (RFC 9293 §3.1).
pub fn tcp_segment(from: Side, to: Side, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &seq.to_be_bytes(), &ack.to_be_bytes()].concat();
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    let sum = checksum(&[&pseudo(from, to, 6, segment.len()), &segment]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// A UDP datagram with its checksum (RFC 768).
pub fn udp_datagram(from: Side, to: Side, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() + 8;
    let mut datagram = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &(len as u16).to_be_bytes(), &[0, 0]].concat();
    datagram.extend(payload);
    let sum = checksum(&[&pseudo(from, to, 17, len), &datagram]);
    datagram[6..8].copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());
    datagram
}

/// An Ethernet frame with an IPv4 packet, or with a fragment of one: `offset` in octets.
pub fn ipv4(from: Side, to: Side, protocol: u8, id: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((payload.len() as u16 + 20).to_be_bytes());
    header.extend(id.to_be_bytes());
    header.extend(((offset / 8) as u16 | if more { 0x2000 } else { 0 }).to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(from.0);
    header.extend(to.0);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend(header);
    frame.extend(payload);
    frame
}

pub fn tcp(from: Side, to: Side, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    ipv4(from, to, 6, 1, 0, false, &tcp_segment(from, to, seq, ack, flags, payload))
}

pub fn udp(from: Side, to: Side, payload: &[u8]) -> Vec<u8> {
    ipv4(from, to, 17, 1, 0, false, &udp_datagram(from, to, payload))
}

/// The three frames that open a TCP connection; what the client then sends has sequence number `client_isn + 1`.
pub fn handshake(client_isn: u32, server_isn: u32) -> Vec<Vec<u8>> {
    vec![
        tcp(CLIENT, SERVER, client_isn, 0, SYN, &[]),
        tcp(SERVER, CLIENT, server_isn, client_isn.wrapping_add(1), SYN | ACK, &[]),
        tcp(CLIENT, SERVER, client_isn.wrapping_add(1), server_isn.wrapping_add(1), ACK, &[]),
    ]
}

/// A TLS record (RFC 8446 §5.1).
pub fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat()
}

/// A `ClientHello` in its record (RFC 8446 §4.1.2): this server name, TLS 1.3 and 1.2.
pub fn client_hello(server_name: &[u8]) -> Vec<u8> {
    let name = [&[0][..], &(server_name.len() as u16).to_be_bytes(), server_name].concat();
    let list = [&(name.len() as u16).to_be_bytes()[..], &name].concat();
    let mut extensions = [&[0, 0][..], &(list.len() as u16).to_be_bytes(), &list].concat();
    extensions.extend([0, 0x2b, 0, 5, 4, 3, 4, 3, 3]);
    extensions.extend([0, 0x0a, 0, 4, 0, 2, 0, 0x1d]);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    record(22, &message)
}
