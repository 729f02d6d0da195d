use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// A fragment of protocol `protocol` with identification 9.
fn fragment(protocol: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = in_ipv4(protocol, payload);
    packet[5] = 9;
    let place = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
    packet[6..8].copy_from_slice(&place.to_be_bytes());
    packet
}

fn datagram(len: usize) -> Vec<u8> {
    let mut bytes = [5000u16, 443, u16::try_from(len + 8).unwrap(), 0].map(u16::to_be_bytes).concat();
    bytes.extend((0..len).map(|n| u8::try_from(n * 7 % 251).unwrap()));
    bytes
}

/// Decodes packets as frames 1, 2, …; gives payload, frames and octets on the wire of every packet.
fn run(decoder: &mut Decoder, packets: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u64>, u32)> {
    let mut found = Vec::new();
    let framed = packets.iter().flat_map(|bytes| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat());
    crate::fuzzing::kept::keep("link", &RAW.to_be_bytes().into_iter().chain(framed).collect::<Vec<u8>>());
    for (number, bytes) in (1..).zip(packets) {
        let frame = Frame { number: FrameNo::new(number).unwrap(), ..frame(RAW, bytes, bytes.len()) };
        decoder.decode(&frame, &mut |packet| {
            let frames = packet.payload.all().frames().iter().map(|frame| frame.get()).collect();
            found.push((packet.payload.bytes.to_vec(), frames, packet.wire_len));
        });
    }
    found
}

#[test]
fn a_datagram_in_three_fragments_names_three_frames_and_counts_all_their_octets() {
    let whole = datagram(40);
    let parts = [fragment(17, 0, true, &whole[..16]), fragment(17, 16, true, &whole[16..32]), fragment(17, 32, false, &whole[32..])];
    let mut decoder = Decoder::new();
    assert_eq!(run(&mut decoder, &parts), [(whole[8..].to_vec(), vec![1, 2, 3], 48 + 60)]);
    let counts = decoder.counts();
    assert_eq!((counts.fragments, counts.reassembled, counts.fragments_dropped, counts.not_ip), (3, 1, 0, 0));
}

#[test]
fn fragments_of_ipv6_are_put_together() {
    let whole = hex("14e901bb000d3fdf 776f726c64");
    let part = |place: &str, payload: &[u8]| {
        let header = "60000000 0000 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002";
        let mut bytes = hex(&format!("{header} 1100 {place} 00000007"));
        bytes.extend_from_slice(payload);
        bytes[5] = u8::try_from(bytes.len() - 40).unwrap();
        bytes
    };
    let found = run(&mut Decoder::new(), &[part("0008", &whole[8..]), part("0001", &whole[..8])]);
    assert_eq!(found, [(b"world".to_vec(), vec![1], 48 + 8 + 48 + 5)]);
    assert_eq!(run(&mut Decoder::new(), &[part("0000", &whole)])[0].0, b"world", "an atomic fragment is whole");
}

#[test]
fn where_fragments_overlap_the_first_to_arrive_stands() {
    let whole = datagram(24);
    let mut forged = whole.clone();
    forged[8..].fill(0xee);
    let parts = [fragment(17, 0, true, &whole[..16]), fragment(17, 8, true, &forged[8..24]), fragment(17, 8, false, &whole[8..])];
    let found = run(&mut Decoder::new(), &parts);
    let expected = [&whole[8..16], &forged[16..24], &whole[24..]].concat();
    assert_eq!(found, [(expected, vec![1, 2, 3], 36 + 36 + 44)]);
}

#[test]
fn fragments_that_contradict_the_end_are_not_believed() {
    let whole = datagram(24);
    // A last fragment inside what is held (teardrop), one past the largest datagram (ping of death), and a second end.
    let parts = [
        fragment(17, 0, true, &whole[..24]),
        fragment(17, 8, false, &whole[8..16]),
        fragment(17, 65_528, false, &[0; 100]),
        fragment(17, 24, false, &whole[24..]),
    ];
    assert_eq!(run(&mut Decoder::new(), &parts), [(whole[8..].to_vec(), vec![1, 4], 44 + 28 + 120 + 28)]);
}

#[test]
fn a_first_fragment_the_capture_cut_is_still_a_beginning() {
    let whole = datagram(1000);
    let bytes = fragment(17, 0, true, &whole[..800]);
    let mut found = Vec::new();
    let mut decoder = Decoder::new();
    decoder
        .decode(&frame(RAW, &bytes[..100], bytes.len()), &mut |packet| found.push((packet.payload.bytes.len(), packet.payload_wire_len)));
    assert_eq!(found, [(72, 792)]);
    assert_eq!(decoder.counts().fragments_dropped, 1);
}

#[test]
fn an_identification_used_again_a_minute_later_belongs_to_another_datagram() {
    let whole = datagram(24);
    let mut decoder = Decoder::new();
    let old = fragment(17, 0, true, &whole[..16]);
    let new = fragment(17, 16, false, &whole[16..]);
    decoder.decode(&frame(RAW, &old, old.len()), &mut |_| panic!("incomplete"));
    let later = Frame { at: Timestamp::from_secs(61), ..frame(RAW, &new, new.len()) };
    decoder.decode(&later, &mut |_| panic!("not of the same datagram"));
    assert_eq!(decoder.counts().fragments_dropped, 2);
}

#[test]
fn fragments_without_end_do_not_fill_the_memory() {
    let mut decoder = Decoder::new();
    let payload = vec![0; 16_000];
    for id in 0..20_000u16 {
        let mut bytes = fragment(17, 8, true, &payload);
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
        decoder.decode(&frame(RAW, &bytes, bytes.len()), &mut |_| panic!("incomplete"));
    }
    assert!(decoder.fragments.memory() <= 32 << 20);
    assert!(decoder.counts().fragment_bounds > 15_000);
    assert_eq!(decoder.counts().fragments_dropped, 20_000);
}

#[test]
fn a_datagram_of_the_smallest_fragments_in_the_worst_order_costs_little() {
    let whole = datagram(65_000);
    let start = Instant::now();
    let parts: Vec<_> = whole.chunks(8).enumerate().map(|(n, part)| fragment(17, n * 8, (n + 1) * 8 < whole.len(), part)).rev().collect();
    let found = run(&mut Decoder::new(), &parts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, &whole[8..]);
    assert!(start.elapsed().as_secs() < 5);
}

proptest! {
    #[test]
    fn fragments_in_any_order_with_any_repeats_give_the_same_payload(
        len in 0usize..600,
        cuts in proptest::collection::btree_set(1usize..75, 0..8),
        order in Just(()).prop_perturb(|(), mut rng| (0..24).map(|_| rng.next_u32() as usize).collect::<Vec<_>>()),
    ) {
        let whole = datagram(len);
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).filter(|&cut| cut < whole.len()).collect();
        ends.push(whole.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let mut parts: Vec<Vec<u8>> =
            starts.zip(&ends).map(|(start, &end)| fragment(17, start, end < whole.len(), &whole[start..end])).collect();
        let n = parts.len();
        for (at, to) in order.iter().enumerate() {
            parts.swap(at % n, to % n);
        }
        let repeated = parts.last().cloned();
        if n > 1 {
            parts.insert(0, repeated.unwrap());
        }
        let found = run(&mut Decoder::new(), &parts);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].0[..], &whole[8..]);
    }
}
