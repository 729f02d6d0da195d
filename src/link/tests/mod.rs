//! Packets written out octet by octet, one per header kind, and properties over any octets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod any;
mod fragments;
mod links;
mod tunnels;

use super::{Decoder, Packet, Process, Transport};
use crate::base::{Frame, FrameNo, LinkType, Timestamp};

/// IPv4, 192.0.2.1 to 198.51.100.2, TCP 49152 to 443, sequence number 1000, `hello`; checksums are right.
pub(super) const TCP4: &str = "4500002d0007000040068e8dc0000201c6336402 c00001bb000003e8000007d05018ffffb24a0000 68656c6c6f";
/// IPv6, 2001:db8::1 to 2001:db8::2, UDP 5353 to 443, `world`.
pub(super) const UDP6: &str =
    "60000000000d1140 20010db8000000000000000000000001 20010db8000000000000000000000002 14e901bb000d3fdf 776f726c64";
/// What [`seen`] says of them.
pub(super) const TCP4_SEEN: &str = "tcp 192.0.2.1:49152 198.51.100.2:443 hello";
pub(super) const UDP6_SEEN: &str = "udp 2001:db8::1:5353 2001:db8::2:443 world";

pub(super) const ETHERNET: u16 = 1;
pub(super) const RAW: u16 = 101;

/// Octets from hexadecimal, spaces for the eye.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn frame(link: u16, bytes: &[u8], wire_len: usize) -> Frame<'_> {
    let wire_len = u32::try_from(wire_len).unwrap();
    Frame { number: FrameNo::FIRST, at: Timestamp::ZERO, bytes, wire_len, link: LinkType(link), interface: 0 }
}

/// A packet in words.
pub(super) fn words(packet: &Packet<'_>) -> String {
    let (name, src, dst) = match packet.transport {
        Transport::Tcp(header) => ("tcp", header.src_port, header.dst_port),
        Transport::Udp { src_port, dst_port } => ("udp", src_port, dst_port),
        Transport::Sctp { src_port, dst_port } => ("sctp", src_port, dst_port),
        Transport::Other(protocol) => return format!("protocol {protocol} {} {}", packet.src, packet.dst),
    };
    format!("{name} {}:{src} {}:{dst} {}", packet.src, packet.dst, String::from_utf8_lossy(packet.payload.bytes))
}

/// All packets of one frame, in words.
pub(super) fn seen(link: u16, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    crate::fuzzing::kept::keep("link", &[&link.to_be_bytes(), &length.to_be_bytes(), bytes].concat());
    Decoder::new().decode(&frame(link, bytes, bytes.len()), &mut |packet| found.push(words(packet)));
    found
}

/// The one packet of a frame of these octets.
pub(super) fn one(link: u16, text: &str) -> String {
    let found = seen(link, &hex(text));
    assert_eq!(found.len(), 1, "packets in {text}: {found:?}");
    found[0].clone()
}

/// An IPv4 packet with a header of its own around a payload.
pub(super) fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = hex("45000000 00000000 40000000 0a000001 0a000002");
    packet[9] = protocol;
    packet.extend_from_slice(payload);
    let total = u16::try_from(packet.len()).unwrap().to_be_bytes();
    packet[2..4].copy_from_slice(&total);
    packet
}

/// A UDP datagram in IPv4 around a payload.
pub(super) fn in_udp(dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = [5000u16, dst_port, u16::try_from(payload.len() + 8).unwrap(), 0].map(u16::to_be_bytes).concat();
    datagram.extend_from_slice(payload);
    in_ipv4(17, &datagram)
}

#[test]
fn the_payload_is_a_part_of_the_frame_and_not_a_copy() {
    let bytes = hex(TCP4);
    Decoder::new().decode(&frame(RAW, &bytes, bytes.len()), &mut |packet| {
        assert!(std::ptr::eq(packet.payload.bytes, &bytes[40..]));
        assert_eq!((packet.wire_len, packet.payload_wire_len), (45, 5));
        assert_eq!(packet.payload.all().frames(), [FrameNo::FIRST]);
    });
}

#[test]
fn ethernet_padding_is_no_payload() {
    assert_eq!(one(ETHERNET, &format!("{} 0800 {TCP4} 00000000000000000000", "00".repeat(12))), TCP4_SEEN);
}

#[test]
fn a_frame_the_capture_cut_gives_what_there_is_and_tells_how_much_there_was() {
    let bytes = hex(TCP4);
    let mut decoder = Decoder::new();
    let mut found = 0;
    decoder.decode(&frame(RAW, &bytes[..42], bytes.len()), &mut |packet| {
        assert_eq!((packet.payload.bytes, packet.payload_wire_len), (&b"he"[..], 5));
        found += 1;
    });
    assert_eq!(found, 1);
    // In the middle of the TCP header there are no ports to speak of yet, but nothing is wrong with it either.
    decoder.decode(&frame(RAW, &bytes[..30], bytes.len()), &mut |_| panic!("half a TCP header is no packet"));
    assert_eq!((decoder.counts().truncated, decoder.counts().malformed, decoder.counts().not_ip), (2, 0, 0));
}

#[test]
fn a_total_length_of_zero_left_by_segmentation_offload_means_all_there_is() {
    let mut bytes = hex(TCP4);
    bytes[2..4].fill(0);
    assert_eq!(seen(RAW, &bytes), [TCP4_SEEN]);
}

#[test]
fn pcapdroids_trailer_behind_the_padding_names_the_app() {
    let trailer = "01072021 00002af8 6f72672e6578616d706c652e6170700000000000 deadbeef";
    let text = format!("{} 0800 {TCP4} 00 {trailer}", "00".repeat(12));
    let bytes = hex(&text);
    let mut found = None;
    Decoder::new().decode(&frame(ETHERNET, &bytes, bytes.len()), &mut |packet| {
        assert_eq!(words(packet), TCP4_SEEN);
        assert_eq!(packet.process, Some(Process::Android { uid: 11_000, name: b"org.example.app" }));
        found = Some(());
    });
    assert!(found.is_some());
}

#[test]
fn ipv6_extension_headers_are_stepped_over() {
    // Hop-by-hop options, then destination options, then UDP.
    let text = UDP6.replacen("000d1140", "001d0040", 1).replacen("14e9", "3c00010400000000 1100010400000000 14e9", 1);
    assert_eq!(one(RAW, &text), UDP6_SEEN);
}

#[test]
fn other_protocols_and_sctp_are_told_and_quoted_packets_in_icmp_are_not() {
    let icmp = in_ipv4(1, &hex(&format!("03010000 00000000 {TCP4}")));
    assert_eq!(seen(RAW, &icmp), ["protocol 1 10.0.0.1 10.0.0.2"]);
    let sctp = in_ipv4(132, &hex("1388 01bb 00000000 00000000 00"));
    assert_eq!(seen(RAW, &sctp), ["sctp 10.0.0.1:5000 10.0.0.2:443 \0"]);
}
