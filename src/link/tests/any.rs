use proptest::prelude::*;

use super::*;

const LINKS: [u16; 31] = [
    0, 1, 9, 11, 12, 50, 51, 101, 104, 105, 107, 108, 113, 119, 127, 129, 138, 149, 163, 178, 192, 204, 228, 229, 239, 242, 258, 276, 281,
    285, 999,
];

fn decodes(decoder: &mut Decoder, link: u16, bytes: &[u8], wire_len: usize) -> Result<(), TestCaseError> {
    let mut packets = 0;
    let mut inside = true;
    decoder.decode(&frame(link, bytes, wire_len), &mut |packet| {
        packets += 1;
        let payload = packet.payload.bytes.as_ptr_range();
        let all = bytes.as_ptr_range();
        let reassembled = packet.wire_len as usize != wire_len;
        inside &= reassembled || packet.payload.bytes.is_empty() || all.start <= payload.start && payload.end <= all.end;
    });
    prop_assert!(inside);
    prop_assert!(packets <= 32);
    Ok(())
}

proptest! {
    #[test]
    fn any_octets_under_any_link_type_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        link in proptest::sample::select(&LINKS[..]),
        more in 0usize..100,
    ) {
        decodes(&mut Decoder::new(), link, &bytes, bytes.len() + more)?;
    }

    #[test]
    fn changed_packets_in_tunnels_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        port in proptest::sample::select(vec![4789u16, 4790, 6081, 2152, 3544, 1701, 5247, 6635]),
        header in proptest::collection::vec(any::<u8>(), 0..24),
        protocol in proptest::sample::select(vec![4u8, 41, 47, 51, 97, 137, 0, 43, 44, 60]),
    ) {
        let mut decoder = Decoder::new();
        let mut inner = header.clone();
        inner.extend_from_slice(&hex(TCP4));
        for mut packet in [in_udp(port, &inner), in_ipv4(protocol, &inner), in_ipv4(47, &in_udp(port, &inner))] {
            let wire_len = packet.len();
            for (at, octet) in &changes {
                let at = at.index(packet.len());
                packet[at] = *octet;
            }
            packet.truncate(wire_len - cut.index(20));
            decodes(&mut decoder, RAW, &packet, wire_len)?;
        }
    }

    #[test]
    fn any_radio_frame_never_panics(body in proptest::collection::vec(any::<u8>(), 0..120), control in any::<[u8; 2]>()) {
        let bytes = [&control[..], &body].concat();
        decodes(&mut Decoder::new(), 105, &bytes, bytes.len())?;
    }
}
