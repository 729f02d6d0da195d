//! A capture in parts: together they give what the whole gives, with the frames of the whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use intransit::dissect::Equipment;
use intransit::engine::{self, Analysis};
use intransit::source::{self, Parts, SourceError};
use parquet::file::reader::{FileReader, SerializedFileReader};

/// The parts of a capture, in memory.
fn parts_of(capture: &[u8], of: u8) -> Result<Vec<Vec<u8>>, SourceError> {
    let mut source = source::read(Cursor::new(capture.to_vec()), None)?;
    let mut parts = vec![Vec::new(); of.into()];
    let names = Parts { of, name: "whole".into() };
    engine::split::split::<SourceError>(
        &mut source,
        &names,
        &mut |part, fill| {
            fill(&mut parts[part]);
            Ok(())
        },
        &mut |_| {},
    )?;
    Ok(parts)
}

fn analyse(capture: &[u8]) -> Result<Analysis, SourceError> {
    let open = || source::read(Cursor::new(capture.to_vec()), None);
    engine::analyse_twice(open, common::options(1), &Equipment::default(), &mut |_| {})
}

/// All that is said of each connection.
fn lines(analysis: &Analysis) -> Vec<String> {
    common::jsonl(analysis, "x").lines().map(str::to_owned).collect()
}

#[test]
fn the_connections_of_the_parts_are_those_of_the_whole_word_for_word() {
    let mut captures = common::cabinet_captures();
    if let Some(root) = common::corpus("the corpus; only the cabinet is split") {
        captures.extend(common::corpus_captures(&root));
    }
    let (wrong, counts) = (Mutex::new(Vec::new()), Mutex::new([0usize; 4]));
    common::each(&captures, |path| {
        let bytes = fs::read(path).unwrap();
        let Ok(whole) = analyse(&bytes) else { return };
        let expected = lines(&whole);
        if expected.len() < 2 || bytes.len() > 8 << 20 {
            return;
        }
        let parts = parts_of(&bytes, 3).unwrap();
        let mut found = Vec::new();
        let mut frames = 0;
        for part in &parts {
            let analysis = analyse(part).unwrap();
            assert_eq!(analysis.capture.damage, None, "{}", common::short(path));
            frames += analysis.capture.frames;
            found.extend(lines(&analysis));
        }
        let others: u64 = whole.capture.other_blocks.iter().map(|(_, n)| n).sum();
        assert!(
            (whole.capture.frames - others.min(whole.capture.frames)..=whole.capture.frames).contains(&frames),
            "{}",
            common::short(path)
        );
        let (mut a, mut b) = (expected.clone(), found.clone());
        a.sort();
        b.sort();
        let missing: Vec<&String> = a.iter().filter(|line| b.binary_search(line).is_err()).collect();
        let added: Vec<&String> = b.iter().filter(|line| a.binary_search(line).is_err()).collect();
        let mut counts = counts.lock().unwrap();
        counts[0] += 1;
        counts[1] += expected.len();
        counts[2] += bytes.len();
        counts[3] += parts.iter().map(Vec::len).sum::<usize>();
        if a.len() != b.len() || !missing.is_empty() {
            let first = missing.first().zip(added.first()).map(|(a, b)| format!("\n  {a}\n  {b}")).unwrap_or_default();
            wrong.lock().unwrap().push(format!(
                "{}: {} connections, {} in the parts; {} differ{first}",
                common::short(path),
                a.len(),
                b.len(),
                missing.len()
            ));
        }
    });
    let ([captures, connections, octets, in_parts], wrong) = (counts.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("split: {captures} captures, {connections} connections; {octets} octets became {in_parts}");
    assert!(captures > 20, "{captures}");
    assert!(wrong.is_empty(), "{} captures:\n{}", wrong.len(), wrong.join("\n"));
}

fn intransit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).env_remove("SSLKEYLOGFILE").args(arguments).output().unwrap()
}

/// Splits a file by the program; the paths it prints.
fn split(file: &Path, of: u8, out: &Path) -> (Vec<PathBuf>, Output) {
    let output = intransit(&["split", file.to_str().unwrap(), "-n", &of.to_string(), "--out", out.to_str().unwrap()]);
    (String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect(), output)
}

/// Every row of a table, without what is another in every file: its key, and which connection of the file it is.
fn rows(dataset: &Path, table: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for part in common::files_under(&dataset.join(table)) {
        let reader = SerializedFileReader::new(File::open(part).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let columns = row.get_column_iter().filter(|(name, _)| *name != "file_id" && *name != "flow");
            rows.push(columns.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "));
        }
    }
    rows.sort();
    rows
}

fn dataset(files: &[PathBuf], out: &Path) -> Vec<serde_json::Value> {
    for file in files {
        let status = intransit(&["one", file.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"]).status;
        assert_eq!(status.code(), Some(0), "{}", file.display());
    }
    let manifests = common::files_under(&out.join("_files")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json"));
    manifests.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

#[test]
fn the_tables_of_the_parts_are_those_of_the_whole_row_for_row() {
    for (name, of) in [("phone.pcap", 8), ("form_zst.pcap.zst", 2), ("demo.pcapng", 64)] {
        let capture = common::cabinet().join(name);
        let folder = tempfile::tempdir().unwrap();
        let (parts, output) = split(&capture, of, &folder.path().join("parts"));
        assert_eq!((output.status.code(), parts.len()), (Some(0), usize::from(of)), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let (whole, union) = (folder.path().join("whole"), folder.path().join("union"));
        let of_whole = dataset(&[capture], &whole);
        let of_parts = dataset(&parts, &union);
        for table in ["flows", "facts", "findings", "names"] {
            let expected = rows(&whole, table);
            assert!(!expected.is_empty(), "{table}");
            assert_eq!(rows(&union, table), expected, "{name} {table}");
        }
        let frames = |manifests: &[serde_json::Value]| manifests.iter().map(|m| m["frames"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(frames(&of_parts), frames(&of_whole), "{name}");
        assert!(of_parts.iter().all(|manifest| manifest["messages"][0].as_str().unwrap().contains("frames have the numbers of the whole")));
    }
}

#[test]
fn parts_joined_again_are_the_whole() {
    let capture = common::cabinet().join("demo.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let (parts, _) = split(&capture, 4, folder.path());
    let said = |files: &[&Path]| {
        let mut arguments =
            vec!["inspect", "-q", "--join", "--fields", "intransit.first_frame,network.community_id,tls.version,intransit.grade"];
        arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
        String::from_utf8(intransit(&arguments).stdout).unwrap()
    };
    let expected = said(&[&capture]);
    assert!(expected.lines().count() > 10, "{expected}");
    assert_eq!(said(&parts.iter().map(PathBuf::as_path).collect::<Vec<_>>()), expected);
}

#[test]
fn what_is_no_capture_has_no_parts_and_a_damaged_one_has_what_was_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (text, cut) = (folder.path().join("notes.pcap"), folder.path().join("cut.pcap"));
    fs::write(&text, "not a capture at all").unwrap();
    let whole = fs::read(common::cabinet().join("phone.pcap")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let out = folder.path().join("parts");
    let (parts, output) = split(&text, 2, &out);
    assert_eq!((output.status.code(), parts.len(), fs::read_dir(&out).unwrap().count()), (Some(1), 0, 0));
    let (parts, output) = split(&cut, 2, &out);
    assert_eq!((output.status.code(), parts.len()), (Some(3), 2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("breaks at byte"), "{}", String::from_utf8_lossy(&output.stderr));
    let said = intransit(&["inspect", parts[0].to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("part 1 of 2 of a capture: frames have the numbers of the whole"));
    // A part is not split again: its numbers are not its own.
    let (_, output) = split(&parts[0], 2, &out);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn blocks_of_a_capture_are_in_the_parts_that_need_them() {
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let len = u32::try_from(body.len() + 12).unwrap().to_be_bytes();
        [&kind.to_be_bytes()[..], &len, &body, &len].concat()
    };
    let option = |code: u16, value: &[u8]| {
        let mut out = [&code.to_be_bytes()[..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    };
    let end = [0; 4];
    let section = [&0x1a2b_3c4du32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8], &option(1, b"a walk"), &end].concat();
    let interface = [&[0, 1, 0, 0, 0, 4, 0, 0][..], &option(2, b"rmnet0"), &option(9, &[6]), &end].concat();
    let names = [&[0, 1, 0, 12][..], &[198, 51, 100, 1], b"a.test\0\0", &end].concat();
    let secrets = [&0x544c_534bu32.to_be_bytes()[..], &4u32.to_be_bytes(), b"none"].concat();
    let packet = |n: u8| {
        let mut ip =
            common::frames::udp(([192, 0, 2, n], 5000), ([198, 51, 100, 1], 9999), b"<34>Oct 11 22:14:15 mymachine su: hello there");
        let len = u32::try_from(ip.len()).unwrap().to_be_bytes();
        ip.resize(ip.len().next_multiple_of(4), 0);
        let fixed = [&[0; 4][..], &[0, 5, 0, 0], &[0, 0, 0, n], &len, &len].concat();
        [fixed, ip, option(1, b"u-10123"), option(2, &[0, 0, 0, 1]), end.to_vec()].concat()
    };
    let journal = b"__REALTIME_TIMESTAMP=1\n\n";
    let mut capture = [block(0x0a0d_0d0a, &section), block(1, &interface), block(4, &names), block(9, journal)].concat();
    for n in 1..=40 {
        capture.extend(block(6, &packet(n)));
    }
    capture.extend(block(10, &secrets));
    let expected = lines(&analyse(&capture).unwrap());
    assert!(expected.iter().any(|line| line.contains("a.test")) && expected.len() == 40, "{}", expected[0]);
    let mut found = Vec::new();
    for part in parts_of(&capture, 4).unwrap() {
        let analysis = analyse(&part).unwrap();
        let said = &analysis.capture;
        assert_eq!((said.damage.clone(), said.names.len(), said.secrets.len(), said.interfaces.len()), (None, 1, 1, 1));
        assert_eq!(said.interfaces[0].name.as_ref().unwrap().to_string(), "rmnet0");
        assert!(said.comments.iter().any(|comment| comment.to_string() == "comment: a walk"));
        assert!(part.windows(7).any(|bytes| bytes == b"u-10123"), "comments of packets stay");
        found.extend(lines(&analysis));
    }
    found.sort();
    let mut expected = expected;
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn fragments_go_with_their_connection_whatever_comes_between() {
    use common::frames::{ipv4, udp, udp_datagram};
    let server = ([198, 51, 100, 1], 9999);
    let mut frames = Vec::new();
    for round in 0..20u16 {
        let mut last = Vec::new();
        for n in 1..=16 {
            let client = ([192, 0, 2, n], 5000);
            let datagram = udp_datagram(client, server, &[0x80 | n; 1200]);
            let piece = |from: usize, to: usize, more| ipv4(client, server, 17, round, from, more, &datagram[from..to]);
            frames.push(piece(800, datagram.len(), false));
            // Of one client, the middle is lost.
            if n != 7 {
                frames.push(piece(400, 800, true));
            }
            last.push(piece(0, 400, true));
            frames.push(udp(client, server, b"between"));
        }
        frames.extend(last);
    }
    let capture = common::container::ethernet_pcap(&frames);
    let mut expected = lines(&analyse(&capture).unwrap());
    assert!(expected.len() == 16 && expected.iter().filter(|line| line.contains("\"packets\":40")).count() == 15, "{expected:#?}");
    let parts = parts_of(&capture, 8).unwrap();
    let mut found: Vec<String> = parts.iter().flat_map(|part| lines(&analyse(part).unwrap())).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    // What waited in vain is in every part, the rest in one.
    let octets: usize = parts.iter().map(Vec::len).sum();
    assert!(octets < capture.len() * 2, "{octets} of {}", capture.len());
}
