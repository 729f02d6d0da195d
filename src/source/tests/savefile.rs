//! pcap, its variants, and files that are none.

use super::*;

#[test]
fn every_magic_number_is_read_in_both_byte_orders() {
    for order in [LITTLE, BIG] {
        for (magic, name, nanos) in [(0xa1b2_c3d4, "pcap", 7_000_000_500_000), (0xa1b2_3c4d, "pcap-ns", 7_000_000_000_500)] {
            let file = [pcap_header(order, magic), pcap_record(order, (7000, 500), 9, b"one"), pcap_record(order, (7000, 500), 2, b"two")];
            let (frames, capture) = all(&file.concat());
            assert_eq!(capture.format, name);
            assert_eq!(frames, [(1, nanos, 9, 1, 0, b"one".to_vec()), (2, nanos, 2, 1, 0, b"two".to_vec())]);
            assert_eq!((capture.frames, capture.damage), (2, None));
        }
        let longer = [&pcap_record(order, (7000, 500), 0, b"")[..8], &order.u32(3), &order.u32(3), &[0; 8], b"mod"].concat();
        let (frames, capture) = all(&[pcap_header(order, 0xa1b2_cd34), longer.clone(), longer].concat());
        assert_eq!((capture.format, frames.len(), &frames[1].5[..]), ("pcap-modified", 2, &b"mod"[..]));
        let ixia = [pcap_header(order, 0x1c00_01ac), vec![0; 4], pcap_record(order, (1, 1), 4, b"ixia")].concat();
        assert_eq!(all(&ixia).0[0].5, b"ixia");
    }
}

#[test]
fn the_upper_half_of_the_link_type_is_flags() {
    let mut header = pcap_header(LITTLE, 0xa1b2_c3d4);
    header[20..24].copy_from_slice(&[101, 0, 0, 0x14]);
    assert_eq!(all(&[header, pcap_record(LITTLE, (0, 0), 1, b"x")].concat()).0[0].3, 101);
}

#[test]
fn before_version_2_3_the_length_on_the_wire_came_first() {
    for (minor, first, second) in [(2, 9, 3), (3, 9, 3), (3, 3, 9)] {
        let mut file = pcap_header(LITTLE, 0xa1b2_c3d4);
        file[6] = minor;
        file.extend([&[0; 8][..], &LITTLE.u32(first), &LITTLE.u32(second), b"abc"].concat());
        let (frames, capture) = all(&file);
        assert_eq!((frames[0].2, &frames[0].5[..], capture.damage), (9, &b"abc"[..], None));
    }
}

#[test]
fn a_small_snapshot_length_rejects_nothing() {
    let mut header = pcap_header(LITTLE, 0xa1b2_c3d4);
    header[16..20].copy_from_slice(&[2, 0, 0, 0]);
    assert_eq!(all(&[header, pcap_record(LITTLE, (0, 0), 5, b"hello")].concat()).0[0].5, b"hello");
}

#[test]
fn a_cut_at_a_record_boundary_is_no_damage_and_anywhere_else_it_is() {
    let header = pcap_header(LITTLE, 0xa1b2_c3d4);
    let record = pcap_record(LITTLE, (0, 0), 5, b"hello");
    let file = [header, record.clone(), record].concat();
    for cut in 24..=file.len() {
        let (frames, capture) = all(&file[..cut]);
        assert_eq!(frames.len(), (cut - 24) / 21);
        let boundary = (cut - 24).is_multiple_of(21);
        let at = (24 + (cut - 24) / 21 * 21) as u64;
        assert_eq!(capture.damage.map(|damage| damage.at), (!boundary).then_some(at));
    }
}

#[test]
fn a_cut_inside_the_file_header_is_an_error() {
    let header = pcap_header(LITTLE, 0xa1b2_c3d4);
    for cut in 4..24 {
        assert!(matches!(all_of(io::Cursor::new(header[..cut].to_vec())), Err(SourceError::Header(_))));
    }
}

#[test]
fn an_absurd_length_is_damage_at_the_offset_of_its_record() {
    let good = pcap_record(LITTLE, (0, 0), 5, b"hello");
    for absurd in [262_145, 1 << 24, u32::MAX] {
        let bad = [&[0; 8][..], &LITTLE.u32(absurd), &LITTLE.u32(5), b"hello"].concat();
        let file = [pcap_header(LITTLE, 0xa1b2_c3d4), good.clone(), bad, good.clone()].concat();
        assert_eq!(numbers(&file), [1]);
        assert_eq!(damage(&file), (45, format!("a record claims {absurd} octets")));
    }
}

#[test]
fn a_frame_larger_than_a_chunk_is_read_where_the_header_announces_such_frames() {
    let mut header = pcap_header(LITTLE, 0xa1b2_c3d4);
    header[16..20].copy_from_slice(&LITTLE.u32(1 << 23));
    let big: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let record = pcap_record(LITTLE, (0, 0), 3_000_000, &big);
    let small = pcap_record(LITTLE, (0, 0), 5, b"hello");
    let file = [header, small.clone(), record.clone(), small.clone(), record, small].concat();
    let (frames, capture) = all(&file);
    assert_eq!(frames.iter().map(|frame| frame.5.len()).collect::<Vec<_>>(), [5, 3_000_000, 5, 3_000_000, 5]);
    assert!(frames[1].5 == big && frames[3].5 == big);
    assert_eq!((capture.damage, capture.bytes_read), (None, file.len() as u64));
    let (frames, capture) = all(&file[..file.len() - 100]);
    assert_eq!((frames.len(), capture.damage.map(|damage| damage.at)), (3, Some(24 + 21 + 3_000_016 + 21)));
}

#[test]
fn a_lie_about_a_large_frame_does_not_allocate_it() {
    let mut header = pcap_header(LITTLE, 0xa1b2_c3d4);
    header[16..20].copy_from_slice(&LITTLE.u32(u32::MAX));
    let lie = [&[0; 8][..], &LITTLE.u32(16 << 20), &LITTLE.u32(5), b"hello"].concat();
    let mut source = read(io::Cursor::new([header, lie].concat()), None).unwrap();
    let mut chunk = Chunk::default();
    assert!(!source.fill(&mut chunk).unwrap());
    assert!(chunk.bytes.len() < 1 << 20);
    assert_eq!(source.capture().damage.as_ref().map(|damage| damage.at), Some(24));
}

#[test]
fn what_is_no_capture_is_told_by_what_it_looks_like() {
    for (bytes, words) in [
        (&b""[..], "an empty file"),
        (b"\xef\xbb\xbfDear Diary,\r\n", "text that begins with"),
        (b"hello \x1b[2J", "bytes that begin with 68 65 6c"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\xa1\xb2", "bytes that begin with a1 b2"),
        (b"snoop\0\0\0\0\0\0\x02", "editcap"),
    ] {
        match all_of(io::Cursor::new(bytes.to_vec())) {
            Err(SourceError::NotACapture(what)) => assert!(what.contains(words), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_version_before_2_is_refused() {
    let mut header = pcap_header(LITTLE, 0xa1b2_c3d4);
    header[4] = 1;
    assert!(matches!(all_of(io::Cursor::new(header)), Err(SourceError::Header(_))));
}

#[test]
fn an_input_that_fails_while_it_is_read_gives_what_was_read() {
    struct Failing(io::Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is gone")),
                n => Ok(n),
            }
        }
    }
    let file = [pcap_header(LITTLE, 0xa1b2_c3d4), pcap_record(LITTLE, (0, 0), 5, b"hello")].concat();
    let (frames, capture) = all_of(Failing(io::Cursor::new(file))).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(capture.damage.unwrap().what, "reading fails: the disk is gone");
    assert!(matches!(all_of(Failing(io::Cursor::new(Vec::new()))), Err(SourceError::Io(_))));
}
