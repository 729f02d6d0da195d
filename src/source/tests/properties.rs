//! Properties: short reads change nothing, prefixes give prefixes, no bytes panic, both formats agree.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Packets = Vec<(u32, u32, Vec<u8>)>;

fn packets() -> impl Strategy<Value = Packets> {
    vec((0..u32::MAX, 0..1_000_000u32, vec(any::<u8>(), 0..200)), 0..20)
}

fn as_pcap(packets: &Packets, order: Order) -> Vec<u8> {
    let records = packets.iter().flat_map(|(secs, micros, frame)| pcap_record(order, (*secs, *micros), 1500, frame));
    pcap_header(order, 0xa1b2_c3d4).into_iter().chain(records).collect()
}

/// The same packets, with other blocks that take no number between them.
fn as_pcapng(packets: &Packets, order: Order) -> Vec<u8> {
    let mut file = [section(order, &option(order, 4, b"test")), interface(order, 1, 65_535, &[])].concat();
    for (n, (secs, micros, frame)) in packets.iter().enumerate() {
        if n % 3 == 1 {
            file.extend(block(order, 5, &[0; 12]));
        }
        let options = if n % 2 == 0 { Vec::new() } else { option(order, 1, b"a comment") };
        file.extend(packet(order, 0, u64::from(*secs) * 1_000_000 + u64::from(*micros), 1500, frame, &options));
    }
    file
}

fn outcome(reader: impl Read + Send + 'static) -> Result<(Vec<Copied>, String), String> {
    let (frames, capture) = all_of(reader).map_err(|error| error.to_string())?;
    Ok((frames, format!("{capture:?}")))
}

proptest! {
    #[test]
    fn any_split_of_reads_gives_the_same(packets in packets(), big in any::<bool>(), ng in any::<bool>(), cut in 0..200usize,
        sizes in vec(1..90usize, 1..6)) {
        let mut file = if ng { as_pcapng(&packets, Order { big }) } else { as_pcap(&packets, Order { big }) };
        file.truncate(file.len().saturating_sub(cut));
        let dripping = Dripping { bytes: io::Cursor::new(file.clone()), sizes, turn: 0 };
        prop_assert_eq!(outcome(dripping), outcome(io::Cursor::new(file)));
    }

    #[test]
    fn every_prefix_gives_a_prefix_of_the_frames(packets in packets(), ng in any::<bool>()) {
        let file = if ng { as_pcapng(&packets, LITTLE) } else { as_pcap(&packets, LITTLE) };
        let (frames, _) = all(&file);
        prop_assert_eq!(frames.len(), packets.len());
        for cut in (0..file.len()).step_by(7) {
            if let Ok((some, _)) = all_of(io::Cursor::new(file[..cut].to_vec())) {
                prop_assert!(frames.starts_with(&some));
            }
        }
    }

    #[test]
    fn pcap_and_pcapng_of_either_byte_order_give_the_same_frames(packets in packets(), a in any::<bool>(), b in any::<bool>()) {
        prop_assert_eq!(all(&as_pcap(&packets, Order { big: a })).0, all(&as_pcapng(&packets, Order { big: b })).0);
    }

    #[test]
    fn any_bytes_never_panic(start in 0..8usize, bytes in vec(any::<u8>(), 0..600)) {
        let starts = [
            Vec::new(),
            pcap_header(LITTLE, 0xa1b2_c3d4),
            pcap_header(BIG, 0xa1b2_cd34),
            section(LITTLE, &[]),
            super::start(),
            vec![0x1f, 0x8b, 8, 0],
            vec![0x28, 0xb5, 0x2f, 0xfd],
            vec![0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4],
        ];
        let _ = all_of(io::Cursor::new([&starts[start][..], &bytes].concat()));
    }

    #[test]
    fn any_body_of_any_block_never_panics(kind in 0..16usize, body in vec(any::<u8>(), 0..120), pen in any::<bool>()) {
        let kinds = [1, 2, 3, 4, 5, 6, 9, 10, 0x0bad, 0x4000_0bad, 0x204, 0x0a0d_0d0a, 0x0bad, 0x0bad, 6, 77];
        let body = match (kind, pen) {
            (12, _) => [&LITTLE.u32(62_652)[..], &[1, 0, 1, 0], &body].concat(),
            (13, _) => [&LITTLE.u32(10_949)[..], &body].concat(),
            (14, _) => [&[0; 12][..], &LITTLE.u32(8), &body].concat(),
            _ => body,
        };
        let _ = all(&[super::start(), plain(b"x"), block(LITTLE, kinds[kind], &body), plain(b"y")].concat());
    }

    #[test]
    fn changed_octets_never_panic(packets in packets(), ng in any::<bool>(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = if ng { as_pcapng(&packets, LITTLE) } else { as_pcap(&packets, LITTLE) };
        for (at, octet) in changes {
            let at = at.index(file.len());
            file[at] = octet;
        }
        let _ = all_of(io::Cursor::new(file));
    }
}
