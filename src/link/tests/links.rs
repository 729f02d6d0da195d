use super::*;

const MACS: &str = "020000000001 020000000002";

#[test]
fn every_link_type_leads_to_the_packet() {
    let cases: &[(u16, &str, &str)] = &[
        (1, "Ethernet", "020000000001 020000000002 0800"),
        (1, "802.3 with SNAP", "020000000001 020000000002 0035 aaaa03 000000 0800"),
        (0, "little-endian loopback", "02000000"),
        (0, "big-endian loopback", "00000002"),
        (108, "OpenBSD loopback", "00000002"),
        (12, "raw", ""),
        (14, "raw", ""),
        (101, "raw", ""),
        (228, "IPv4", ""),
        (9, "PPP", "ff03 0021"),
        (9, "PPP, compressed protocol", "21"),
        (9, "PPP line that is Cisco HDLC", "0f00 0800"),
        (50, "PPP in HDLC framing", "ff03 0021"),
        (51, "PPPoE", "1100 0001 002f 0021"),
        (204, "PPP with direction", "01 ff03 0021"),
        (104, "Cisco HDLC", "0f00 0800"),
        (107, "frame relay", "1841 03cc"),
        (107, "frame relay with SNAP", "1841 0300 80 000000 0800"),
        (107, "frame relay, Cisco", "1841 0800"),
        (113, "Linux cooked", "0000 0001 0006 0200000000010000 0800"),
        (276, "Linux cooked v2", "0800 0000 00000002 0001 00 06 0200000000010000"),
        (192, "PPI", "00 00 0800 01000000 020000000001 020000000002 0800"),
        (239, "netfilter log", "02 00 0000 0800 0100 08000100 3100 0900"),
        (129, "ARCNET, RFC 1051", "0102 0000 f0"),
        (129, "ARCNET, RFC 1201", "0102 0000 d4 00 0001"),
        (138, "IP over 1394", "0000000000000001 0000000000000002 0800"),
        (242, "IP over InfiniBand", "00000000000000000000000000000000000000000000000000000000000000000000000000000000 0800 0000"),
        (178, "Juniper Ethernet", "4d4743 00 020000000001 020000000002 0800"),
        (178, "Juniper Ethernet with extensions", "4d4743 80 0003 010101 020000000001 020000000002 0800"),
        (281, "Broadcom tag", "020000000001 020000000002 00000000 0800"),
        (282, "Broadcom tag in front", "00000000 020000000001 020000000002 0800"),
        (284, "DSA tag", "020000000001 020000000002 00000000 0800"),
        (285, "EtherType DSA tag", "020000000001 020000000002 dada 0000 00000000 0800"),
        (105, "802.11 data", "0801 0000 020000000001 020000000002 020000000003 1000 aaaa03 000000 0800"),
        (105, "802.11 QoS data", "8802 0000 020000000001 020000000002 020000000003 1000 0000 aaaa03 000000 0800"),
        (105, "802.11 between access points", "0803 0000 020000000001 020000000002 020000000003 1000 020000000004 aaaa03 000000 0800"),
        (
            127,
            "radiotap, padded 802.11 header",
            "00 00 1100 03000000 0000000000000000 20 8801 0000 020000000001 020000000002 020000000003 1000 0000 0000 aaaa03 000000 0800",
        ),
        (163, "AVS", "80211001 00000008 0801 0000 020000000001 020000000002 020000000003 1000 aaaa03 000000 0800"),
    ];
    for (link, name, header) in cases {
        assert_eq!(seen(*link, &hex(&format!("{header} {TCP4}"))), [TCP4_SEEN], "{name}");
    }
}

#[test]
fn loopback_knows_every_systems_number_of_ipv6() {
    for family in ["18000000", "1c000000", "1e000000", "0a000000", "17000000", "0000001e"] {
        assert_eq!(one(0, &format!("{family} {UDP6}")), UDP6_SEEN, "{family}");
    }
    assert_eq!(one(229, UDP6), UDP6_SEEN);
}

#[test]
fn tags_and_labels_are_stepped_over_and_the_outermost_vlan_is_kept() {
    let cases: &[(&str, &str, Option<u16>)] = &[
        ("802.1Q", "8100 0064 0800", Some(100)),
        ("802.1Q with a priority only", "8100 a000 0800", None),
        ("QinQ", "88a8 0064 8100 00c8 0800", Some(100)),
        ("older QinQ", "9100 0064 8100 00c8 0800", Some(100)),
        ("MPLS", "8847 00010040 00011140", None),
        ("MPLS, Ethernet with a control word", "8847 00010140 00000000 020000000001 020000000002 0800", None),
        ("MPLS, Ethernet", "8847 00010140 020000000001 020000000002 0800", None),
        ("PPPoE", "8864 1100 0001 002f 0021", None),
        ("VN-Tag", "8926 80000001 0800", None),
        ("network service header", "894f 0fc2 01 01 00000100", None),
        ("provider backbone", "88e7 00000001 020000000001 020000000002 0800", None),
    ];
    for (name, tags, vlan) in cases {
        let bytes = hex(&format!("{MACS} {tags} {TCP4}"));
        let mut found = Vec::new();
        Decoder::new().decode(&frame(ETHERNET, &bytes, bytes.len()), &mut |packet| found.push((words(packet), packet.vlan)));
        assert_eq!(found, [(TCP4_SEEN.to_owned(), *vlan)], "{name}");
    }
}

#[test]
fn pktap_names_the_program() {
    let name = format!("{:0<40}", "66697265666f78");
    let header =
        format!("6c000000 01000000 0c000000 {} 00000000 02000000 00000000 00000000 67120000 {name} {}", "00".repeat(24), "00".repeat(32));
    for link in [149, 258] {
        let bytes = hex(&format!("{header} {TCP4}"));
        let mut found = Vec::new();
        Decoder::new().decode(&frame(link, &bytes, bytes.len()), &mut |packet| {
            assert_eq!(packet.process, Some(Process::Named { name: b"firefox", pid: Some(4711) }));
            found.push(words(packet));
        });
        assert_eq!(found, [TCP4_SEEN]);
    }
}

#[test]
fn an_aggregated_802_11_frame_gives_all_its_packets() {
    let first = format!("020000000001 020000000002 0035 aaaa03 000000 0800 {TCP4} 00");
    let second = format!("020000000001 020000000002 003d aaaa03 000000 86dd {UDP6}");
    let header = "8801 0000 020000000001 020000000002 020000000003 1000 8000";
    assert_eq!(seen(105, &hex(&format!("{header} {first} {second}"))), [TCP4_SEEN, UDP6_SEEN]);
}

#[test]
fn protected_802_11_data_is_counted_and_the_beacons_cipher_is_named() {
    let mut decoder = Decoder::new();
    let protected = hex(&format!("0841 0000 020000000001 020000000002 020000000003 1000 0000000000000000 {TCP4}"));
    let beacon = hex(
        "8000 0000 ffffffffffff 020000000001 020000000001 1000 0000000000000000 6400 1100 0003 666f6f 3014 0100 000fac04 0100 000fac04 0100 000fac02 0000",
    );
    for bytes in [&protected, &beacon, &beacon] {
        decoder.decode(&frame(105, bytes, bytes.len()), &mut |packet| panic!("{packet:?}"));
    }
    let counts = decoder.counts();
    assert_eq!((counts.wlan_protected, counts.not_ip, counts.malformed), (1, 3, 0));
    assert_eq!(counts.wlan_ciphers, ["CCMP-128".into()]);
}

#[test]
fn frames_without_ip_and_unknown_link_types_are_counted() {
    let mut decoder = Decoder::new();
    let arp = hex(&format!("{MACS} 0806 0001080006040001"));
    for link in [ETHERNET, 220, 195, 220] {
        decoder.decode(&frame(link, &arp, arp.len()), &mut |packet| panic!("{packet:?}"));
    }
    let mut counts = decoder.counts().clone();
    counts.join(decoder.counts());
    assert_eq!((counts.frames, counts.not_ip, counts.unknown_link), (8, 8, vec![(195, 2), (220, 4)]));
}
