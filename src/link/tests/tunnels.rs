use super::*;

const MACS: &str = "020000000001 020000000002";

#[test]
fn ip_in_ip_in_every_combination_gives_the_innermost() {
    assert_eq!(seen(RAW, &in_ipv4(4, &hex(TCP4))), [TCP4_SEEN]);
    assert_eq!(seen(RAW, &in_ipv4(41, &hex(UDP6))), [UDP6_SEEN]);
    let outer = "60000000 002d 04 40 20010db8000000000000000000000011 20010db8000000000000000000000012";
    assert_eq!(one(RAW, &format!("{outer} {TCP4}")), TCP4_SEEN);
    assert_eq!(one(RAW, &format!("{} {UDP6}", outer.replace("002d 04", "0035 29"))), UDP6_SEEN);
}

#[test]
fn protocols_of_ip_that_carry_packets() {
    let cases: &[(u8, &str, &str)] = &[
        (47, "GRE", "0000 0800"),
        (47, "GRE with checksum, key and sequence number", "b000 0800 00000000 00000001 00000002"),
        (47, "GRE with a source route", "4000 0800 00000000 0800 0004 00000000 0000 0000"),
        (47, "bridged Ethernet", "0000 6558 020000000001 020000000002 0800"),
        (47, "PPTP", "3081 880b 0031 0001 00000001 00000001 ff03 0021"),
        (47, "ERSPAN I", "0000 88be 020000000001 020000000002 0800"),
        (47, "ERSPAN II", "1000 88be 00000001 10640001 00000000 020000000001 020000000002 0800"),
        (47, "ERSPAN III", "1000 22eb 00000001 20640001 00000000 00000000 020000000001 020000000002 0800"),
        (47, "MPLS", "0000 8847 00010140"),
        (51, "Authentication Header", "04040000 00000001 00000001 000000000000000000000000"),
        (97, "EtherIP", "3000 020000000001 020000000002 0800"),
        (137, "MPLS in IP", "00010140"),
    ];
    for (protocol, name, header) in cases {
        assert_eq!(seen(RAW, &in_ipv4(*protocol, &hex(&format!("{header} {TCP4}")))), [TCP4_SEEN], "{name}");
    }
}

fn udp_tunnels() -> Vec<(u16, &'static str, String, &'static str)> {
    let wlan = "0000 020000000001 020000000002 020000000003 1600 aaaa03 000000 0800";
    vec![
        (4789, "VXLAN", format!("08000000 00000100 {MACS} 0800 {TCP4}"), TCP4_SEEN),
        (8472, "VXLAN on Linux's port", format!("08000000 00000100 {MACS} 8100 0064 0800 {TCP4}"), TCP4_SEEN),
        (4790, "VXLAN-GPE with NSH", format!("0c000004 00000100 0fc20101 00000100 {TCP4}"), TCP4_SEEN),
        (6081, "Geneve with an option", format!("02406558 00000100 01028001 00000000 {MACS} 86dd {UDP6}"), UDP6_SEEN),
        (6081, "Geneve with IP", format!("00000800 00000100 {TCP4}"), TCP4_SEEN),
        (2152, "GTP-U", format!("30ff002d 00000001 {TCP4}"), TCP4_SEEN),
        (2152, "GTP-U with an extension", format!("34ff0035 00000001 00000085 01100100 {TCP4}"), TCP4_SEEN),
        (3544, "Teredo", UDP6.to_owned(), UDP6_SEEN),
        (3544, "Teredo with both indications", format!("0001 00 00 0000000000000000 00 0000 ec7a 3fff fdfe {UDP6}"), UDP6_SEEN),
        (1701, "L2TP", format!("4002 0039 0001 0001 ff03 0021 {TCP4}"), TCP4_SEEN),
        (1701, "L2TP with sequence numbers and offset", format!("0a02 0001 0001 0001 0000 0002 0000 0021 {TCP4}"), TCP4_SEEN),
        (5247, "CAPWAP with 802.11", format!("00100300 00000000 0801 {wlan} {TCP4}"), TCP4_SEEN),
        (5247, "CAPWAP with a swapped frame control", format!("00100300 00000000 0108 {wlan} {TCP4}"), TCP4_SEEN),
        (5247, "CAPWAP with 802.3", format!("00100000 00000000 {MACS} 0800 {TCP4}"), TCP4_SEEN),
        (6635, "MPLS in UDP", format!("00010140 {TCP4}"), TCP4_SEEN),
    ]
}

#[test]
fn tunnels_in_udp_give_what_is_inside() {
    for (port, name, payload, inside) in udp_tunnels() {
        assert_eq!(seen(RAW, &in_udp(port, &hex(&payload))), [inside], "{name}");
    }
}

#[test]
fn a_tunnels_port_proves_nothing() {
    for (port, name, payload, _) in udp_tunnels() {
        // The same octets on another port, and other octets on the same port, are plain datagrams.
        let elsewhere = seen(RAW, &in_udp(9999, &hex(&payload)));
        assert!(elsewhere.len() == 1 && elsewhere[0].starts_with("udp 10.0.0.1:5000 10.0.0.2:9999"), "{name}: {elsewhere:?}");
        let other = seen(RAW, &in_udp(port, b"GET / HTTP/1.1 and quite some more text to make it long enough"));
        assert!(other.len() == 1 && other[0].starts_with("udp 10.0.0.1:5000"), "{name}: {other:?}");
    }
}

#[test]
fn a_udp_tunnel_that_carries_only_icmp_is_told_as_its_own_datagram() {
    let icmp = in_ipv4(1, &hex("08000000 00000000"));
    let mut payload = hex(&format!("08000000 00000100 {MACS} 0800"));
    payload.extend_from_slice(&icmp);
    let found = seen(RAW, &in_udp(4789, &payload));
    assert!(found.len() == 1 && found[0].starts_with("udp 10.0.0.1:5000 10.0.0.2:4789"), "{found:?}");
}

#[test]
fn a_tunnel_of_something_else_is_told_by_its_protocol() {
    assert_eq!(seen(RAW, &in_ipv4(47, &hex("0000 88cc 00"))), ["protocol 47 10.0.0.1 10.0.0.2"]);
    assert_eq!(seen(RAW, &in_ipv4(4, b"not IP")), ["protocol 4 10.0.0.1 10.0.0.2"]);
}

#[test]
fn a_tower_of_tunnels_ends() {
    let mut packet = hex(TCP4);
    for _ in 0..200 {
        packet = in_ipv4(4, &packet);
    }
    let found = seen(RAW, &packet);
    assert_eq!(found, ["protocol 4 10.0.0.1 10.0.0.2"]);
}
