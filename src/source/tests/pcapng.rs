//! pcapng: blocks, sections, clocks, and what is not a packet. Frame numbers were checked against tshark 4.0.17.

use super::*;

#[test]
fn the_same_packets_read_alike_in_both_byte_orders_and_sections_may_differ() {
    let one =
        |order| [section(order, &[]), interface(order, 1, 0, &[]), packet(order, 0, 1_700_000_000_123_456, 9, b"abcde", &[])].concat();
    let (frames, capture) = all(&[one(LITTLE), one(BIG)].concat());
    let frame = |number, interface| (number, 1_700_000_000_123_456_000, 9, 1, interface, b"abcde".to_vec());
    assert_eq!(frames, [frame(1, 0), frame(2, 1)]);
    assert_eq!((capture.format, capture.interfaces.len(), capture.damage), ("pcapng", 2, None));
}

#[test]
fn interfaces_are_counted_over_all_sections() {
    let named = |name: &[u8]| interface(LITTLE, 113, 96, &option(LITTLE, 2, name));
    let second = packet(LITTLE, 1, 0, 1, b"x", &[]);
    let file = [section(LITTLE, &[]), named(b"a"), named(b"b"), second.clone(), section(LITTLE, &[]), named(b"c"), named(b"d"), second];
    let (frames, capture) = all(&file.concat());
    assert_eq!(frames.iter().map(|frame| frame.4).collect::<Vec<_>>(), [1, 3]);
    let names: Vec<_> = capture.interfaces.iter().map(|i| (i.name.as_ref().unwrap().to_string(), i.link.0, i.snaplen)).collect();
    assert_eq!(names, ["a", "b", "c", "d"].map(|name| (name.to_owned(), 113, 96)));
}

#[test]
fn clocks_tick_as_the_interface_says() {
    let at = |options: &[u8], ticks| {
        let file = [section(LITTLE, &[]), interface(LITTLE, 1, 0, options), packet(LITTLE, 0, ticks, 1, b"x", &[])].concat();
        all(&file).0[0].1
    };
    let unit = |resolution: u8| option(LITTLE, 9, &[resolution]);
    assert_eq!(at(&[], 5), 5000);
    assert_eq!(at(&unit(9), 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
    assert_eq!(at(&unit(6), 5), 5000);
    assert_eq!(at(&unit(3), 5), 5_000_000);
    assert_eq!(at(&unit(0), 5), 5_000_000_000);
    assert_eq!(at(&unit(12), 5999), 5);
    assert_eq!(at(&unit(127), u64::MAX), 0);
    assert_eq!(at(&unit(0x80), 5), 5_000_000_000);
    assert_eq!(at(&unit(0x80 | 10), 1536), 1_500_000_000);
    assert_eq!(at(&unit(0x80 | 32), (7 << 32) + (1 << 31)), 7_500_000_000);
    assert_eq!(at(&unit(0xff), u64::MAX), 0);
    let offset = |seconds: i64| option(LITTLE, 14, &seconds.to_le_bytes());
    assert_eq!(at(&offset(3600), 5), 3_600_000_005_000);
    assert_eq!(at(&offset(-1), 5), -999_995_000);
    assert_eq!(at(&[unit(9), offset(i64::MIN)].concat(), 5), i64::MIN);
    assert_eq!(at(&unit(0), u64::MAX), i64::MAX);
    assert_eq!(at(&option(LITTLE, 9, &[9, 0]), 5), 5000, "an option of the wrong length is as good as none");
}

#[test]
fn simple_and_obsolete_packet_blocks_are_packets() {
    let interface = interface(LITTLE, 1, 4, &[]);
    let simple = block(LITTLE, 3, &[&LITTLE.u32(100)[..], b"abcd"].concat());
    let lengths = [LITTLE.u32(3), LITTLE.u32(8)].concat();
    let obsolete = block(LITTLE, 2, &[&LITTLE.u16(0)[..], &LITTLE.u16(7), &LITTLE.u32(0), &LITTLE.u32(2), &lengths, b"old\0"].concat());
    let (frames, capture) = all(&[section(LITTLE, &[]), interface, obsolete, simple].concat());
    assert_eq!(frames, [(1, 2000, 8, 1, 0, b"old".to_vec()), (2, 2000, 100, 1, 0, b"abcd".to_vec())]);
    assert_eq!(capture.damage, None);
}

#[test]
fn blocks_take_frame_numbers_as_in_wireshark() {
    let custom = |kind, enterprise: u32, content: &[u8]| block(LITTLE, kind, &[&LITTLE.u32(enterprise)[..], content].concat());
    let journal = block(LITTLE, 9, b"__REALTIME_TIMESTAMP=1000000\nMESSAGE=hi\n");
    let takes = [
        custom(0x0bad, 7, b"anything"),
        custom(0x0bad, 7, b""),
        custom(0x4000_0bad, 46_254, b"<x/>"),
        custom(0x0bad, 62_652, b"unknown version"),
        custom(0x0bad, 10_949, &1u32.to_le_bytes()),
        custom(0x0bad, 10_949, &[2, 0, 0, 0, 9, 0, 0, 0]),
        journal,
        block(LITTLE, 0x204, &[0; 40]),
        block(LITTLE, 0x216, &[0; 48]),
        block(LITTLE, 0x221, &[0; 48]),
    ];
    for other in takes {
        assert_eq!(numbers(&[start(), plain(b"x"), other, plain(b"x")].concat()), [1, 3]);
    }
    let takes_none = [
        block(LITTLE, 0x77, b"what"),
        block(LITTLE, 0x8000_0001, b"what"),
        block(LITTLE, 5, &[0; 12]),
        block(LITTLE, 4, &[0; 4]),
        block(LITTLE, 10, &[LITTLE.u32(1), LITTLE.u32(0)].concat()),
        block(LITTLE, 0x208, &[0; 40]),
        block(LITTLE, 0x217, &[0; 48]),
        block(LITTLE, 0x222, &[0; 48]),
    ];
    for other in takes_none {
        assert_eq!(numbers(&[start(), plain(b"x"), other, plain(b"x")].concat()), [1, 2]);
    }
}

#[test]
fn blocks_without_packets_are_counted() {
    let file =
        [start(), block(LITTLE, 0x0bad, &[0; 4]), block(LITTLE, 5, &[0; 12]), block(LITTLE, 5, &[0; 12]), block(LITTLE, 9, &[b'A'; 40])];
    let (frames, capture) = all(&file.concat());
    assert!(frames.is_empty());
    assert_eq!(capture.frames, 2);
    assert_eq!(capture.other_blocks, [("custom", 1), ("statistics", 2), ("systemd-journal", 1)]);
}

#[test]
fn lost_packets_are_those_of_each_interfaces_last_statistics() {
    let statistics =
        |interface: u32, options: &[Vec<u8>]| block(LITTLE, 5, &[&LITTLE.u32(interface)[..], &[0; 8], &options.concat()].concat());
    let lost = |code, n: u64| option(LITTLE, code, &n.to_le_bytes());
    let two = [section(LITTLE, &[]), interface(LITTLE, 1, 0, &[]), interface(LITTLE, 1, 0, &[])].concat();
    assert_eq!(all(&[two.clone(), statistics(0, &[lost(4, 99)])].concat()).1.dropped, None, "received is not lost");
    let told = [two, statistics(0, &[lost(5, 3)]), statistics(1, &[lost(7, 4), lost(5, 1)]), statistics(0, &[lost(5, 10)])];
    assert_eq!(all(&told.concat()).1.dropped, Some(15));
    assert_eq!(all(&[start(), statistics(9, &[lost(5, 3)])].concat()).1.dropped, None, "an interface that is not described");
}

#[test]
fn the_filter_and_the_system_of_an_interface_are_kept_as_the_file_says_them() {
    let said = [option(LITTLE, 11, b"\0tcp port 443"), option(LITTLE, 12, b"Linux 6.1"), option(LITTLE, 11, b"\x01bytecode")].concat();
    let (_, capture) = all(&[section(LITTLE, &[]), interface(LITTLE, 1, 0, &said)].concat());
    let comments: Vec<String> = capture.comments.iter().map(ToString::to_string).collect();
    assert_eq!(comments, ["capture filter: tcp port 443", "interface system: Linux 6.1"]);
}

#[test]
fn what_is_damaged_is_told_at_the_offset_of_its_block() {
    let good = [start(), plain(b"x")].concat();
    let at = good.len() as u64;
    let lengths = |first: u32, last: u32| {
        let mut bad = plain(b"x");
        let end = bad.len() - 4;
        bad[4..8].copy_from_slice(&first.to_le_bytes());
        bad[end..].copy_from_slice(&last.to_le_bytes());
        bad
    };
    let lie = [LITTLE.u16(1), LITTLE.u16(200)].concat();
    let captured = |n: u32| block(LITTLE, 6, &[&[0; 12][..], &n.to_le_bytes(), &[0; 4], b"abcd"].concat());
    let secrets = [LITTLE.u32(1), LITTLE.u32(99)].concat();
    for (bad, words) in [
        (lengths(0, 0), "a block claims 0 octets"),
        (lengths(u32::MAX, 0), "a block claims 4294967295 octets"),
        (lengths(17 << 20, 0), "a block claims 17825792 octets"),
        (lengths(36, 40), "a block is 36 octets long at its start and 40 at its end"),
        (packet(LITTLE, 7, 0, 1, b"x", &[]), "a packet of interface 7, where 1 are described in its section"),
        (packet(LITTLE, 0, 0, 1, b"x", &lie), "an option of 200 octets does not fit in its block"),
        (interface(LITTLE, 1, 0, &lie), "an option of 200 octets does not fit in its block"),
        (captured(8), "a packet of 8 octets does not fit in its block"),
        (captured(u32::MAX), "a packet claims 4294967295 octets"),
        (block(LITTLE, 3, &[&LITTLE.u32(100)[..], b"abcd"].concat()), "a packet of 100 octets does not fit in its block"),
        (block(LITTLE, 6, &[0; 16]), "a packet block is too short"),
        (block(LITTLE, 1, &[0; 4]), "an interface description is too short"),
        (block(LITTLE, 4, &lie), "a name record of 200 octets does not fit in its block"),
        (block(LITTLE, 10, &secrets), "the secrets do not fit in their block"),
        (block(LITTLE, 0x0bad, &[]), "a custom block is too short"),
        (block(LITTLE, 9, b"A=1\n"), "a systemd journal block is too short"),
        (block(LITTLE, 5, &[0; 4]), "an interface statistics block is too short"),
        (block(LITTLE, 0x0a0d_0d0a, &[0; 16]), "the byte-order magic of a section is missing"),
        (section(LITTLE, &[])[..20].to_vec(), "the file ends inside a block"),
    ] {
        let cut = words.starts_with("the file ends");
        let file = [good.clone(), bad, if cut { Vec::new() } else { plain(b"after") }].concat();
        assert_eq!(numbers(&file), [1], "{words}");
        assert_eq!(damage(&file), (at, words.to_owned()));
    }
}

#[test]
fn packets_before_any_interface_are_damage() {
    let simple = block(LITTLE, 3, &[&LITTLE.u32(4)[..], b"abcd"].concat());
    for packet in [plain(b"abcd"), simple] {
        assert_eq!(damage(&[section(LITTLE, &[]), packet].concat()).0, 28);
    }
}

#[test]
fn a_length_that_is_no_multiple_of_4_is_rounded_up() {
    let odd = [&LITTLE.u32(0x77)[..], &LITTLE.u32(13), b"a\0\0\0", &LITTLE.u32(13)].concat();
    assert_eq!(numbers(&[start(), odd, plain(b"x")].concat()), [1]);
}

#[test]
fn a_cut_at_a_block_boundary_is_no_damage_and_inside_the_first_header_nothing_can_be_read() {
    let parts = [section(LITTLE, &[]), interface(LITTLE, 1, 0, &[]), plain(b"hello"), plain(b"world")];
    let file = parts.concat();
    let ends: Vec<usize> = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        })
        .collect();
    for cut in 4..=file.len() {
        match all_of(io::Cursor::new(file[..cut].to_vec())) {
            Err(error) => assert!(cut < 28 && matches!(error, SourceError::Header(_))),
            Ok((frames, capture)) => {
                assert_eq!(frames.len(), ends[2..].iter().filter(|&&end| end <= cut).count());
                assert_eq!(capture.damage.is_none(), ends.contains(&cut), "cut at {cut}");
            }
        }
    }
}

#[test]
fn comments_names_and_secrets_are_kept() {
    let about =
        [option(LITTLE, 2, b"phone"), option(LITTLE, 3, b"Android"), option(LITTLE, 4, b"dumpcap"), option(LITTLE, 1, b"mine")].concat();
    let record = |kind, value: &[u8]| option(LITTLE, kind, value);
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], b"six.example\0"].concat();
    let names = [record(1, b"\xc0\x00\x02\x01one.example\0two.example\0"), record(2, &v6), record(0, b"")].concat();
    let secrets = [&LITTLE.u32(0x544c_534b)[..], &LITTLE.u32(5), b"keys\n"].concat();
    let file = [section(LITTLE, &about), block(LITTLE, 4, &names), block(LITTLE, 10, &secrets)].concat();
    let (_, capture) = all(&file);
    let comments: Vec<_> = capture.comments.iter().map(ToString::to_string).collect();
    assert_eq!(comments, ["hardware: phone", "os: Android", "application: dumpcap", "comment: mine"]);
    let names: Vec<_> = capture.names.iter().map(|(address, name)| format!("{address} {name}")).collect();
    assert_eq!(names, ["192.0.2.1 one.example", "192.0.2.1 two.example", "2001:db8::1 six.example"]);
    assert_eq!((capture.secrets[0].kind, &capture.secrets[0].content[..]), (0x544c_534b, &b"keys\n"[..]));
    assert_eq!(format!("{:?}", capture.secrets[0]), "Secrets(0x544c534b, 5 octets)");
}

#[test]
fn what_is_kept_has_a_bound_and_what_is_left_out_is_counted() {
    let secrets = block(LITTLE, 10, &[&LITTLE.u32(1)[..], &LITTLE.u32(9 << 20), &vec![7; 9 << 20]].concat());
    let comments = section(LITTLE, &option(LITTLE, 1, &[b'x'; 60_000]).repeat(100));
    let (_, capture) = all(&[comments, secrets.clone(), secrets].concat());
    assert_eq!(capture.secrets.len(), 1);
    assert!(capture.comments.iter().map(|comment| comment.as_bytes().len()).sum::<usize>() < 300_000);
    assert_eq!(capture.left_out, 1 + 100 - capture.comments.len() as u64);
}

#[test]
fn pcapdroid_names_the_app_of_each_frame() {
    for order in [LITTLE, BIG] {
        let map = |uid: u32, package: &[u8], app: &[u8]| {
            let lens = [package.len() as u8, app.len() as u8];
            let head = [&order.u32(62_652)[..], &order.u16(1), &[1, 0], &order.u32(uid), &lens].concat();
            block(order, 0x0bad, &[&head, package, app].concat())
        };
        let of = |comment: &[u8]| packet(order, 0, 0, 1, b"x", &option(order, 1, comment));
        let file = [
            section(order, &[]),
            interface(order, 101, 0, &[]),
            map(10_123, b"org.example.chat", b"Chat"),
            of(b"u-10123"),
            map(1000, b"android", b""),
            of(b"u-77"),
            of(b"u-1000"),
            of(b"user"),
        ];
        let mut source = read(io::Cursor::new(file.concat()), None).unwrap();
        let mut chunk = Chunk::default();
        assert!(source.fill(&mut chunk).unwrap());
        let uids: Vec<_> = chunk.frames.iter().map(|frame| (frame.number.get(), chunk.uid(frame.number))).collect();
        assert_eq!(uids, [(2, Some(10_123)), (4, None), (5, Some(1000)), (6, None)]);
        let shown = |list: &[(u32, crate::base::WireStr)]| list.iter().map(|(uid, name)| format!("{uid} {name}")).collect::<Vec<_>>();
        assert_eq!(shown(&source.capture().apps), ["10123 Chat", "1000 android"]);
        assert_eq!(shown(&source.capture().packages), ["10123 org.example.chat", "1000 android"]);
    }
}
