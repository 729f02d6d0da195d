#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use proptest::prelude::*;

use super::*;

/// Frames of an octet 9, a length of two octets, and as many octets.
fn header(bytes: &[u8]) -> FrameHeader {
    match *bytes {
        [9, high, low, ..] => FrameHeader::Whole(3 + u32::from(u16::from_be_bytes([high, low]))),
        [9, ..] | [] => FrameHeader::More,
        _ => FrameHeader::No,
    }
}

fn frame(length: u16) -> Vec<u8> {
    // Octets that look like no header, and like no text.
    [&[9][..], &length.to_be_bytes(), &vec![0xee; usize::from(length)]].concat()
}

const START: u32 = u32::MAX - 40;

fn follower() -> Follower {
    Follower::new(Framing { header, left: Sides { client: Some(0), server: Some(7) } }, Sides { client: Some(START), server: Some(5) })
}

/// Shows the client's segments, each at its offset in the stream.
fn see(follower: &mut Follower, segments: &[(u32, &[u8])]) -> Vec<Option<usize>> {
    segments.iter().map(|(at, bytes)| follower.see(Dir::Client, START.wrapping_add(*at), bytes, bytes.len() as u32)).collect()
}

#[test]
fn what_follows_a_frame_and_is_none_is_told_from_its_first_octet() {
    let mut bytes = [frame(10), frame(100)].concat();
    bytes.extend(b"quit");
    assert_eq!(see(&mut follower(), &[(0, &bytes)]), [Some(116)]);
    // Across segments, and behind the part of a header.
    let (begin, rest) = bytes.split_at(14);
    assert_eq!(see(&mut follower(), &[(0, begin), (14, rest)]), [None, Some(102)]);
    assert_eq!(see(&mut follower(), &[(0, &frame(10)), (13, b"hello, all of you")]), [None, Some(0)]);
}

#[test]
fn what_was_left_of_a_frame_is_not_looked_at() {
    let mut follower = follower();
    assert_eq!(follower.see(Dir::Server, 5, b"1234567", 7), None);
    assert_eq!(follower.see(Dir::Server, 12, b"x", 1), Some(0));
}

#[test]
fn repeated_segments_are_not_looked_at_again() {
    let first = frame(10);
    assert_eq!(see(&mut follower(), &[(0, &first), (0, &first), (5, b"hello"), (13, &first)]), [None; 4]);
}

#[test]
fn after_a_lost_segment_only_text_or_a_chain_of_frames_tells() {
    let short = b"not so many octets";
    let text = b"this line is long enough that nothing encrypted looks like it";
    let mut lost = follower();
    assert_eq!(see(&mut lost, &[(500, short), (600, text), (700, &[0xee; 60])]), [None, Some(0), None]);
    let four = [frame(1), frame(2), frame(3), frame(4)].concat();
    assert_eq!(see(&mut lost, &[(1000, &frame(5)), (1008, short)]), [None, None], "one header may be chance");
    assert_eq!(see(&mut lost, &[(1100, &four), (1122, short)]), [None, Some(0)]);
}

#[test]
fn what_was_not_captured_of_a_segment_is_lost_and_not_something_else() {
    let mut follower = follower();
    let bytes = frame(10);
    // The next header lies behind what was captured.
    assert_eq!(follower.see(Dir::Client, START, &bytes, 40), None);
    assert_eq!(see(&mut follower, &[(40, b"x")]), [None]);
}

proptest! {
    #[test]
    fn frames_alone_are_never_something_else(
        lengths in prop::collection::vec(0u16..300, 1..40),
        cuts in prop::collection::vec(1usize..200, 1..60),
        lost in prop::collection::vec(any::<bool>(), 60),
        swapped in prop::collection::vec(any::<bool>(), 60),
    ) {
        let bytes: Vec<u8> = lengths.iter().flat_map(|&length| frame(length)).collect();
        let mut segments = Vec::new();
        let mut at = 0;
        for cut in cuts.iter().cycle() {
            let end = bytes.len().min(at + cut);
            segments.push((at as u32, &bytes[at..end]));
            at = end;
            if at == bytes.len() {
                break;
            }
        }
        let in_order = see(&mut follower(), &segments);
        prop_assert!(in_order.iter().all(Option::is_none), "in order");
        // Then text where a frame is expected is told, however the segments were cut.
        let mut whole = follower();
        see(&mut whole, &segments);
        prop_assert_eq!(see(&mut whole, &[(bytes.len() as u32, b"text")]), [Some(0)]);
        for (i, swap) in swapped.iter().enumerate() {
            if *swap && i + 1 < segments.len() {
                segments.swap(i, i + 1);
            }
        }
        let mut keep = lost.iter().cycle();
        segments.retain(|_| *keep.next().unwrap());
        let disturbed = see(&mut follower(), &segments);
        prop_assert!(disturbed.iter().all(Option::is_none), "reordered and lost");
    }

    #[test]
    fn no_bytes_make_it_fail(segments in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..40), any::<u32>()), 0..40)) {
        let mut follower = follower();
        for (seq, bytes, wire_len) in &segments {
            if let Some(at) = follower.see(Dir::Client, *seq, bytes, *wire_len) {
                prop_assert!(at <= bytes.len());
            }
        }
    }
}
