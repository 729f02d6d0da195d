//! The evidence alone: the packets of chosen connections as a capture, each with its original frame number and what it proves.

use super::*;
use common::container::{Pcap, Record, pcap};
use common::frames::{ipv4, udp, udp_datagram};

struct Kept {
    ticks: u64,
    wire_len: u32,
    bytes: Vec<u8>,
    comment: String,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The comments among the options of a block.
fn comments(mut options: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while options.len() >= 4 {
        let (code, len) = (u16::from_le_bytes([options[0], options[1]]), usize::from(u16::from_le_bytes([options[2], options[3]])));
        if code == 0 {
            break;
        }
        if code == 1 {
            found.push(String::from_utf8(options[4..4 + len].to_vec()).unwrap());
        }
        options = &options[4 + len.next_multiple_of(4)..];
    }
    found
}

/// The types of all blocks, the packets, and the comments of sections. Written apart from `src/source`.
fn taken_apart(file: &[u8]) -> (Vec<u32>, Vec<Kept>, Vec<String>) {
    let (mut kinds, mut packets, mut sections, mut at) = (Vec::new(), Vec::new(), Vec::new(), 0);
    while at < file.len() {
        let (kind, len) = (word(file, at), word(file, at + 4) as usize);
        assert_eq!(word(file, at + len - 4) as usize, len, "both lengths of a block agree");
        let body = &file[at + 8..at + len - 4];
        kinds.push(kind);
        match kind {
            6 => {
                let captured = word(body, 12) as usize;
                let said = comments(&body[20 + captured.next_multiple_of(4)..]);
                assert_eq!(said.len(), 1, "every packet has its comment");
                packets.push(Kept {
                    ticks: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                    wire_len: word(body, 16),
                    bytes: body[20..20 + captured].to_vec(),
                    comment: said[0].clone(),
                });
            }
            0x0a0d_0d0a => sections.extend(comments(&body[16..])),
            _ => {}
        }
        at += len;
    }
    (kinds, packets, sections)
}

/// What `inspect --format pcapng` writes.
fn excerpt(args: &[&str]) -> Vec<u8> {
    let done = intransit(&[&["inspect", "-q", "--format", "pcapng"], args].concat());
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn number(packet: &Kept) -> usize {
    packet.comment.lines().next().unwrap().strip_prefix("frame ").unwrap().parse().unwrap()
}

fn lines(args: &[&str]) -> Vec<Value> {
    let done = intransit(&[&["inspect", "-q", "--format", "jsonl"], args].concat());
    String::from_utf8(done.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn evidence_holds_the_packets_of_the_chosen_connections_as_they_were_each_with_its_number_and_grade() {
    let mut seen = 0;
    for path in everything().iter().filter(|path| path.ends_with(".pcap")) {
        let Some(original) = pcap(&fs::read(path).unwrap()) else { continue };
        let flows = lines(&[path]);
        let (_, packets, _) = taken_apart(&excerpt(&[path]));
        let counted: u64 = flows.iter().map(|flow| flow["network"]["packets"].as_u64().unwrap()).sum();
        // A datagram of several fragments is one packet of its connection, and several frames.
        assert!(packets.len() as u64 >= counted, "{path}: {} of {counted}", packets.len());
        for packet in &packets {
            let record: &Record = &original.records[number(packet) - 1];
            let scale = if original.nanos { 1 } else { 1000 };
            assert_eq!(packet.ticks, u64::from(record.secs) * 1_000_000_000 + u64::from(record.frac) * scale, "{path}");
            assert!(packet.bytes == record.bytes && packet.wire_len == record.wire_len, "{path}: frame {}", number(packet));
            seen += 1;
        }
        assert!(packets.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])), "{path}: in the order of frames");
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn a_packet_that_proves_something_says_what() {
    let path = capture("demo.pcapng");
    let (_, packets, sections) = taken_apart(&excerpt(&[&path, "--filter", "app:tiktok"]));
    assert_eq!(sections[0], "evidence from demo.pcapng, --filter app:tiktok; a packet's comment begins with its frame number there");
    let flow = &lines(&[&path, "--filter", "app:tiktok"])[0];
    for fact in flow["intransit"]["facts"].as_array().unwrap() {
        let said = format!("\n  {}: ", fact["name"].as_str().unwrap());
        for frame in fact["frames"].as_array().unwrap() {
            let at = usize::try_from(frame.as_u64().unwrap()).unwrap();
            let packet =
                packets.iter().find(|packet| number(packet) == at).unwrap_or_else(|| panic!("frame {at} is evidence and is missing"));
            assert!(packet.comment.contains(&said), "{said} at {at}: {}", packet.comment);
            assert!(packet.comment.contains("TikTok (likely): protected: "), "{}", packet.comment);
        }
    }
    // The answer of DNS that tells the name is of another connection, and comes along as what it is.
    let dns = &packets[0];
    assert!(dns.comment.contains("intransit.resolved_name: www.tiktok.com (inferred)"), "{}", dns.comment);
}

#[test]
fn keys_stay_behind_unless_they_are_asked_for() {
    let path = capture("form_dsb.pcapng");
    let (kinds, packets, sections) = taken_apart(&excerpt(&[&path]));
    assert!(!kinds.contains(&10), "a Decryption Secrets Block");
    assert!(sections.iter().any(|said| said == "the capture brought keys along, which were left out"), "{sections:?}");
    assert!(sections.iter().any(|said| said.starts_with("Keys were used")), "{sections:?}");
    assert!(!packets.is_empty());
    let (kinds, ..) = taken_apart(&excerpt(&[&path, "--with-secrets"]));
    assert_eq!(kinds.iter().filter(|kind| **kind == 10).count(), 1);
}

#[test]
fn evidence_of_several_files_is_one_section_each_and_names_the_file_on_every_packet() {
    let (kinds, packets, _) = taken_apart(&excerpt(&[&capture("phone.pcap"), &capture("tls13_aes128.pcap")]));
    assert_eq!(kinds.iter().filter(|kind| **kind == 0x0a0d_0d0a).count(), 2);
    for packet in &packets {
        assert!(packet.comment.contains(" of phone.pcap") || packet.comment.contains(" of tls13_aes128.pcap"), "{}", packet.comment);
    }
}

#[test]
fn what_evidence_cannot_be_taken_from_is_refused_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.pcapng");
    let out = out.to_str().unwrap();
    let piped = Command::new(env!("CARGO_BIN_EXE_intransit"))
        .args(["inspect", "-", "-o", out])
        .stdin(fs::File::open(capture("phone.pcap")).unwrap())
        .output()
        .unwrap();
    assert_eq!(piped.status.code(), Some(2), "{}", String::from_utf8_lossy(&piped.stderr));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("save the capture to a file first"));
    let none = intransit(&["inspect", "-q", &capture("phone.pcap"), "--filter", "app:signal", "-o", out]);
    assert_eq!(none.status.code(), Some(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_ip_datagram_in_fragments_is_evidence_with_all_of_them() {
    let datagram = udp_datagram(CLIENT, SERVER, &[0x5a; 2000]);
    let (a, b) = datagram.split_at(1024);
    let fragments = [ipv4(CLIENT, SERVER, 17, 7, 0, true, a), ipv4(CLIENT, SERVER, 17, 7, 1024, false, b)];
    let other = udp((CLIENT.0, 9), SERVER, b"x");
    let frames: Vec<Vec<u8>> = fragments.iter().chain([&other]).cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fragments.pcap");
    fs::write(&path, ethernet_pcap(&frames)).unwrap();
    let (_, packets, _) = taken_apart(&excerpt(&[path.to_str().unwrap(), "--filter", "port:51234"]));
    assert_eq!(packets.iter().map(number).collect::<Vec<_>>(), [1, 2]);
}

/// A pcap file of these records.
pub fn written(original: &Pcap, records: &[&Record]) -> Vec<u8> {
    let mut out = [&if original.nanos { 0xa1b2_3c4du32 } else { 0xa1b2_c3d4 }.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8]].concat();
    out.extend_from_slice(&original.snaplen.to_le_bytes());
    out.extend_from_slice(&original.link.to_le_bytes());
    for record in records {
        for n in [record.secs, record.frac, record.bytes.len() as u32, record.wire_len] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out.extend_from_slice(&record.bytes);
    }
    out
}

#[test]
fn files_that_are_joined_say_what_the_whole_says_however_it_was_cut() {
    let path = capture("phone_seven.pcap");
    let original = pcap(&fs::read(&path).unwrap()).unwrap();
    assert!(original.records.windows(2).all(|pair| (pair[0].secs, pair[0].frac) <= (pair[1].secs, pair[1].frac)), "in order");
    let folder = tempfile::tempdir().unwrap();
    let whole = lines(&[&path]);
    // Records of one moment stay together: between files, nothing but the time tells their order.
    let moment = |record: &Record| u64::from(record.secs) << 32 | u64::from(record.frac);
    let half = moment(&original.records[original.records.len() / 2]);
    let cuts: [&dyn Fn(&Record) -> bool; 2] = [&|record| moment(record) < half, &|record| moment(record).is_multiple_of(2)];
    for (nth, first) in cuts.iter().enumerate() {
        let (a, b): (Vec<&Record>, Vec<&Record>) = original.records.iter().partition(|record| first(record));
        assert!(!a.is_empty() && !b.is_empty());
        let parts = [("a.pcap", a), ("b.pcap", b)].map(|(name, records)| {
            let path = folder.path().join(name);
            fs::write(&path, written(&original, &records)).unwrap();
            path.to_str().unwrap().to_owned()
        });
        for parts in [[&parts[0], &parts[1]], [&parts[1], &parts[0]]] {
            let mut joined = lines(&[parts[0], parts[1], "--join"]);
            assert!(joined.iter().all(|flow| flow["file"]["name"].as_str().unwrap().contains('+')));
            joined.iter_mut().for_each(|flow| flow["file"]["name"] = "phone_seven.pcap".into());
            assert!(joined == whole, "cut {nth}");
        }
        let apart = lines(&[&parts[0], &parts[1]]);
        assert!(apart.len() > whole.len(), "without --join each file stands alone");
    }
    let told = intransit(&["inspect", folder.path().join("a.pcap").to_str().unwrap(), folder.path().join("b.pcap").to_str().unwrap()]);
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("--join") || !told.contains("begins within"), "{told}");
}

#[test]
fn a_file_that_goes_on_where_another_ended_is_mentioned() {
    let original = pcap(&fs::read(capture("phone_seven.pcap")).unwrap()).unwrap();
    let records: Vec<&Record> = original.records.iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.pcap", "b.pcap"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let (first, second) = records.split_at(records.len() / 2);
    fs::write(&paths[0], written(&original, first)).unwrap();
    fs::write(&paths[1], written(&original, second)).unwrap();
    let told = |args: &[&str]| String::from_utf8(intransit(&[&["inspect"], args].concat()).stderr).unwrap();
    assert!(
        told(&[&paths[0], &paths[1]]).contains("b.pcap begins within a second of the end of a.pcap: --join takes files as one capture")
    );
    assert!(!told(&[&paths[0], &paths[1], "--join"]).contains("begins within"));
    assert!(!told(&[&paths[0], &capture("demo.pcapng")]).contains("begins within"));
}
