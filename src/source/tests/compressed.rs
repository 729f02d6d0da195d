//! gzip, Zstandard and xz, whole, in several parts, cut and damaged.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn file(frames: u32) -> Vec<u8> {
    let records = (0..frames)
        .flat_map(|n| pcap_record(LITTLE, (n, n), 40, format!("frame number {n}, {}", n.wrapping_mul(2_654_435_761)).as_bytes()));
    pcap_header(LITTLE, 0xa1b2_c3d4).into_iter().chain(records).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    liblzma::encode_all(bytes, 1).unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;
const ALL: [(&str, Compress); 3] = [("gzip", gzip), ("zstd", zstd), ("xz", xz)];

#[test]
fn a_compressed_capture_gives_the_same_frames() {
    let file = file(20_000);
    let (frames, _) = all(&file);
    for (name, compress) in ALL {
        let packed = compress(&file);
        let (unpacked, capture) = all(&packed);
        assert!(unpacked == frames, "{name}");
        assert_eq!((capture.compression, capture.damage, capture.bytes_read), (name, None, file.len() as u64));
        assert_eq!(capture.input_read, packed.len() as u64);
        let dripping = Dripping { bytes: io::Cursor::new(packed), sizes: vec![1, 700, 3], turn: 0 };
        assert!(all_of(dripping).unwrap().0 == frames, "{name}, a few octets at a time");
    }
}

#[test]
fn parts_that_were_compressed_one_by_one_are_one_stream() {
    let file = file(3000);
    for (name, compress) in ALL {
        let (a, b) = file.split_at(70_001);
        let packed = [compress(a), compress(b"").clone(), compress(b)].concat();
        let (frames, capture) = all(&packed);
        assert_eq!((frames.len(), capture.damage), (3000, None), "{name}");
    }
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(&file)].concat();
    assert_eq!(all(&skippable).0.len(), 3000);
}

#[test]
fn zeros_after_gzip_are_padding_and_anything_else_is_told() {
    let file = file(10);
    let (frames, capture) = all(&[gzip(&file), vec![0; 100_000]].concat());
    assert_eq!((frames.len(), capture.damage), (10, None));
    let (frames, capture) = all(&[gzip(&file), b"junk".to_vec()].concat());
    assert_eq!(frames.len(), 10);
    assert_eq!(
        capture.damage.unwrap().to_string(),
        format!("the capture breaks at byte {}: the gzip stream is damaged: something else follows it", file.len())
    );
}

#[test]
fn a_cut_stream_gives_what_was_decompressed_and_says_that_it_breaks_off() {
    let file = file(20_000);
    let (frames, _) = all(&file);
    for (name, compress) in ALL {
        let packed = compress(&file);
        for cut in [packed.len() / 2, packed.len() - 100, packed.len() - 1] {
            match all_of(io::Cursor::new(packed[..cut].to_vec())) {
                Ok((some, capture)) => {
                    assert!(frames.starts_with(&some), "{name} at {cut}");
                    let damage = capture.damage.unwrap();
                    assert_eq!(damage.what, format!("the {name} stream breaks off"), "at {cut}");
                    assert!(damage.at <= capture.bytes_read);
                }
                // One block of xz may be all there is.
                Err(error) => assert!(error.to_string().contains("breaks off"), "{error}"),
            }
        }
        let tiny = &packed[..7];
        assert!(all_of(io::Cursor::new(tiny.to_vec())).is_err());
    }
}

/// Was: 2,056 octets that the fuzzer found, of which the decoder gave the frames only when they came in one piece (or, by the place of the
/// damage, in small ones): what it had decoded in the call that met the damage was thrown away.
#[test]
fn a_damaged_stream_gives_the_same_in_pieces_of_any_size() {
    let file = file(20_000);
    let (frames, _) = all(&file);
    for (name, compress) in ALL {
        let packed = compress(&file);
        for at in (1..12).map(|n| packed.len() * n / 12) {
            let mut damaged = packed.clone();
            damaged[at..][..8.min(packed.len() - at)].fill(0xff);
            for bytes in [damaged, packed[..at].to_vec()] {
                let whole = all_of(io::Cursor::new(bytes.clone())).ok();
                for sizes in [vec![1, 700, 3], vec![997], vec![65_536]] {
                    let pieces = all_of(Dripping { bytes: io::Cursor::new(bytes.clone()), sizes, turn: 0 }).ok();
                    let same = match (&whole, &pieces) {
                        (Some((one, said)), Some((other, told))) => one == other && said.damage == told.damage,
                        (one, other) => one.is_none() && other.is_none(),
                    };
                    assert!(same, "{name}, damaged at {at} of {}", packed.len());
                }
                let given = whole.map_or(0, |(some, _)| some.len());
                // A block of Zstandard is decoded as a whole: 128 KiB, 2,000 frames; and not every part of a file is as dense as another.
                assert!(given + 3000 >= frames.len() * at / packed.len(), "{name}, damaged at {at} of {}: {given}", packed.len());
            }
        }
    }
}

#[test]
fn headers_of_gzip_with_names_and_all_are_skipped_and_damaged_ones_told() {
    let file = file(10);
    let plain = gzip(&file);
    let long = vec![b'n'; 1 << 16];
    let header = |flags: u8, rest: &[&[u8]]| [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255], &rest.concat()[..], &plain[10..]].concat();
    let crc = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    };
    let sum = crc(&[0x1f, 0x8b, 8, 2 | 8, 0, 0, 0, 0, 0, 255, b'a', 0]);
    for whole in [
        header(0, &[]),
        header(4 | 8 | 16, &[&[3, 0], b"abc", b"name\0", b"comment\0"]),
        header(2 | 8, &[b"a\0", &sum[..2]]),
        [header(8, &[b"\0"]), gzip(b"")].concat(),
    ] {
        let (frames, capture) = all(&whole);
        assert_eq!((frames.len(), capture.damage), (10, None));
    }
    for damaged in [header(0x20, &[]), header(8, &[&long, b"\0"]), header(2 | 8, &[b"b\0", &sum[..2]])] {
        let (frames, capture) = all(&[gzip(&file), damaged.clone()].concat());
        assert_eq!(frames.len(), 10);
        assert!(capture.damage.unwrap().what.starts_with("the gzip stream is damaged"));
        assert!(all_of(io::Cursor::new(damaged)).is_err());
    }
}

#[test]
fn a_checksum_that_differs_is_damage_after_all_frames() {
    let file = file(100);
    let mut packed = gzip(&file);
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    let (frames, capture) = all(&packed);
    assert_eq!(frames.len(), 100);
    assert!(capture.damage.unwrap().what.starts_with("the gzip stream is damaged"));
}

#[test]
fn a_flipped_bit_anywhere_never_panics() {
    let file = file(300);
    for (_, compress) in ALL {
        let packed = compress(&file);
        for at in 0..packed.len() {
            let mut flipped = packed.clone();
            flipped[at] ^= 1 << (at % 8);
            let _ = all_of(io::Cursor::new(flipped));
        }
    }
}

#[test]
fn a_window_larger_than_100_mib_is_refused_and_not_allocated() {
    // A window descriptor of 2⁴¹ octets, then one raw block.
    let bomb = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x09, 0x00, 0x00, 0xd4];
    assert!(matches!(all_of(io::Cursor::new(bomb.to_vec())), Err(SourceError::NotACapture(_))));
}

#[test]
fn a_compressed_text_is_still_a_text() {
    let error = all_of(io::Cursor::new(gzip(b"Dear Diary"))).unwrap_err().to_string();
    assert!(error.ends_with("found text that begins with \"Dear Diary\", compressed with gzip"), "{error}");
}
