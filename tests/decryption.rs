//! What keys open: the same bytes as tshark opens, however the records are cut, with a reason for every record that stays closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::process::Command;
use std::sync::Arc;

use common::Dice;
use common::container::{self, ethernet_pcap};
use common::frames::{self, ACK, CLIENT, PSH, SERVER};
use intransit::base::{Frame, FrameNo, LinkType};
use intransit::dissect::Equipment;
use intransit::dissect::keys::Keys;
use intransit::dissect::plain::Channel;
use intransit::engine;
use intransit::flow::Transport;
use intransit::link::{self, Decoder};
use intransit::source::{Capture, Chunk, Source, SourceError};
use serde_json::Value;

/// tshark's words, or nothing where it is not installed.
fn tshark(arguments: &[&str]) -> Option<String> {
    let done = Command::new("tshark").args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// What tshark shows when it follows the TLS of the first `count` TCP connections: the bytes of both sides, in either order.
fn followed(path: &str, keylog: &str, count: usize) -> Vec<[Vec<u8>; 2]> {
    let keys = format!("tls.keylog_file:{keylog}");
    let follow: Vec<String> = (0..count).flat_map(|n| ["-z".to_owned(), format!("follow,tls,raw,{n}")]).collect();
    let mut arguments = vec!["-r", path, "-o", &keys, "-o", "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==6667,tls", "-q"];
    arguments.extend(follow.iter().map(String::as_str));
    let out = tshark(&arguments).unwrap_or_default();
    let mut found = vec![[Vec::new(), Vec::new()]; count];
    let mut at = 0;
    for line in out.lines() {
        if let Some(n) = line.strip_prefix("Filter: tcp.stream eq ") {
            at = n.parse().unwrap();
            continue;
        }
        let (side, digits) = match line.strip_prefix('\t') {
            Some(digits) => (1, digits),
            None => (0, line),
        };
        let octets = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok()));
        if let Some(octets) = octets.collect::<Option<Vec<u8>>>().filter(|_| !digits.is_empty()) {
            found[at][side].extend(octets);
        }
    }
    found
}

fn is_tls(channel: Channel) -> bool {
    matches!(channel, Channel::Tls(_))
}

/// Captures that tshark 4.0 does not follow: what is inside is checked by its canary in the cabinet's table.
const NOT_BY_TSHARK: &[(&str, &str)] = &[
    ("ech_accepted", "the secrets are filed under the inner hello's random"),
    ("ech_matches_config", "the secrets are filed under the inner hello's random"),
    ("ech_rejected", "the secrets of its second connection are filed under the inner hello's random"),
    ("form_xz", "tshark does not read xz"),
    ("ftp_starttls", "tshark takes the TLS of the data connection for plain FTP data"),
];

/// One of each kind of record; all captures are compared where the environment has `INTRANSIT_TSHARK=all`.
const SAMPLE: [&str; 12] = [
    "ssl3",
    "tls10",
    "tls10_rc4",
    "tls11",
    "tls12_3des",
    "tls12_cbc_etm",
    "tls12_gcm",
    "tls12_resumed",
    "tls13_0rtt",
    "tls13_chacha",
    "tls13_hrr",
    "form_reordered",
];

#[test]
fn the_bytes_inside_tls_are_those_that_tshark_opens() {
    if tshark(&["--version"]).is_none() {
        return println!("skipped: comparing with tshark, which is not installed");
    }
    let all = std::env::var_os("INTRANSIT_TSHARK").is_some_and(|which| which == "all");
    let (mut same, mut octets, mut wrong) = (0, 0, Vec::new());
    for path in common::cabinet_captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let stem = name.split(".pcap").next().unwrap();
        let keylog = path.with_file_name(format!("{stem}.keylog"));
        let wanted = all && !NOT_BY_TSHARK.iter().any(|(known, _)| *known == stem) || SAMPLE.contains(&stem);
        if !keylog.exists() || !wanted {
            continue;
        }
        let connections = common::analyse_file(&path, 1).unwrap();
        let tcp: Vec<u64> = connections.connections().filter(|c| c.transport == Transport::Tcp).map(|c| c.first_frame.get()).collect();
        let theirs = followed(path.to_str().unwrap(), keylog.to_str().unwrap(), tcp.len());
        let inside = common::inside::look_into(&path);
        for (frame, theirs) in tcp.iter().zip(&theirs) {
            let Some(inside) = inside.get(frame) else { continue };
            let mut ours: Vec<&Vec<u8>> =
                inside.bytes.iter().filter(|(channel, _)| is_tls(**channel)).flat_map(|(_, sides)| sides).collect();
            let mut theirs: Vec<&Vec<u8>> = theirs.iter().collect();
            ours.resize(2, const { &Vec::new() });
            ours.sort();
            theirs.sort();
            if ours == theirs {
                same += usize::from(!ours[1].is_empty());
                octets += ours[0].len() + ours[1].len();
            } else {
                let lengths = |sides: &[&Vec<u8>]| sides.iter().map(|side| side.len()).collect::<Vec<_>>();
                wrong.push(format!("{name} from frame {frame}: {:?}, tshark {:?}", lengths(&ours), lengths(&theirs)));
            }
        }
    }
    println!("{same} TLS connections, {octets} octets the same as tshark's");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= if all { 80 } else { SAMPLE.len() }, "{same}");
}

/// Captures with keys in which something stays closed, and why.
const NOT_WHOLE: &[(&str, &str)] =
    &[("demo", "two of its connections have no key"), ("form_snaplen96", "the capture cut its packets short")];

/// The captures of the corpus that bring their keys along or have them beside them: tshark and this program read the same ones.
#[test]
fn the_bytes_inside_tls_in_the_corpus_are_those_that_tshark_opens() {
    let Some(root) = common::corpus("comparing the corpus with tshark") else { return };
    if tshark(&["--version"]).is_none() {
        return println!("skipped: comparing with tshark, which is not installed");
    }
    let (mut same, mut octets, mut captures, mut wrong) = (0, 0, 0, Vec::new());
    for path in common::corpus_captures(&root) {
        let Ok(analysis) = common::analyse_file(&path, 1) else { continue };
        let beside = common::keylog(&path);
        if beside.is_none() && analysis.capture.secrets.is_empty() {
            continue;
        }
        captures += 1;
        let folder = tempfile::tempdir().unwrap();
        let keylog = folder.path().join("keys");
        let mut log = beside.unwrap_or_default();
        analysis.capture.secrets.iter().for_each(|secrets| log.extend_from_slice(&secrets.content));
        std::fs::write(&keylog, &log).unwrap();
        let tcp: Vec<u64> = analysis.connections().filter(|c| c.transport == Transport::Tcp).map(|c| c.first_frame.get()).collect();
        let theirs = followed(path.to_str().unwrap(), keylog.to_str().unwrap(), tcp.len());
        let inside = common::inside::look(|| intransit::source::open(&path), &log);
        for (frame, theirs) in tcp.iter().zip(&theirs) {
            let Some(inside) = inside.get(frame) else { continue };
            let mut ours: Vec<&Vec<u8>> =
                inside.bytes.iter().filter(|(channel, _)| is_tls(**channel)).flat_map(|(_, sides)| sides).collect();
            let mut theirs: Vec<&Vec<u8>> = theirs.iter().collect();
            ours.resize(2, const { &Vec::new() });
            ours.sort();
            theirs.sort();
            octets += ours[0].len() + ours[1].len();
            match ours == theirs {
                true => same += usize::from(!ours[1].is_empty()),
                false => wrong.push(format!(
                    "{} from frame {frame}: {} and {} octets, tshark {} and {}",
                    path.display(),
                    ours[0].len(),
                    ours[1].len(),
                    theirs[0].len(),
                    theirs[1].len()
                )),
            }
        }
    }
    println!("{captures} captures of the corpus with keys: {same} TLS connections, {octets} octets the same as tshark's");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(captures > 0);
}

#[test]
fn every_record_of_a_capture_with_its_keys_opens() {
    let (mut opened, mut wrong) = (0, Vec::new());
    for path in common::cabinet_captures().into_iter().filter(|path| common::keylog(path).is_some()) {
        let name = common::short(&path);
        let inside = common::inside::look_into(&path);
        for (frame, inside) in &inside {
            assert!(inside.closed, "{name}: the connection from frame {frame} was not closed");
            for (dir, tally) in [("client", &inside.books.client), ("server", &inside.books.server)] {
                opened += tally.opened;
                if !tally.is_whole() && !NOT_WHOLE.iter().any(|(known, _)| name.contains(known)) {
                    wrong.push(format!("{name} from frame {frame}, {dir}: {tally:?}"));
                }
            }
        }
    }
    println!("{opened} records and packets opened");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What tshark finds in the STREAM frames of each UDP stream, both sides, in either order.
fn in_streams(path: &str, keylog: &str) -> BTreeMap<u64, [Vec<u8>; 2]> {
    let keys = format!("tls.keylog_file:{keylog}");
    let fields = ["frame.number", "udp.stream", "udp.srcport", "quic.stream_data"].into_iter().flat_map(|field| ["-e", field]);
    let arguments = ["-r", path, "-o", &keys, "-d", "udp.port==853,quic", "-Y", "quic", "-T", "fields"];
    let out = tshark(&arguments.into_iter().chain(fields).collect::<Vec<_>>()).unwrap_or_default();
    let mut found: BTreeMap<&str, (u64, BTreeMap<&str, Vec<u8>>)> = BTreeMap::new();
    for line in out.lines() {
        let [frame, stream, port, data] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let (_, sides) = found.entry(stream).or_insert_with(|| (frame.parse().unwrap(), BTreeMap::new()));
        let digits = data.replace([',', ':'], "");
        let octets = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        sides.entry(port).or_default().extend(octets);
    }
    let pair = |sides: BTreeMap<&str, Vec<u8>>| {
        let mut sides = sides.into_values();
        [sides.next().unwrap_or_default(), sides.next().unwrap_or_default()]
    };
    found.into_values().map(|(frame, sides)| (frame, pair(sides))).collect()
}

#[test]
fn the_bytes_inside_quic_are_those_that_tshark_opens() {
    if tshark(&["--version"]).is_none() {
        return println!("skipped: comparing with tshark, which is not installed");
    }
    let (mut same, mut wrong) = (0, Vec::new());
    // tshark 4.0 opens nothing after a Retry, and does not follow a connection to another port.
    for name in ["quic_v1_h3", "quic_v2_h3", "quic_0rtt", "quic_compatible", "quic_long_hello", "chromium_h3", "dns_doq"] {
        let path = common::cabinet().join(format!("{name}.pcap"));
        let keylog = path.with_extension("keylog");
        let inside = common::inside::look_into(&path);
        for (frame, mut theirs) in in_streams(path.to_str().unwrap(), keylog.to_str().unwrap()) {
            let mut ours = inside[&frame].all.clone();
            ours.sort();
            theirs.sort();
            same += usize::from(ours == theirs && !ours[1].is_empty());
            if ours != theirs {
                let lengths = |sides: &[Vec<u8>; 2]| sides.iter().map(Vec::len).collect::<Vec<_>>();
                wrong.push(format!("{name} from frame {frame}: {:?}, tshark {:?}", lengths(&ours), lengths(&theirs)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 8, "{same}");
}

#[test]
fn what_tshark_does_not_open_holds_what_was_sent() {
    let table = std::fs::read_to_string(common::cabinet().join("README.md")).unwrap();
    let names = ["ech_accepted", "ech_matches_config", "ech_rejected", "quic_retry", "ftp_starttls", "form_xz"];
    let datagrams = ["dtls12", "dtls12_cookie", "dtls13_cid", "dtls_srtp", "dtls_srtp_turn"];
    for name in names.into_iter().chain(datagrams) {
        let row = table.lines().find(|line| line.starts_with(&format!("| {name}.pcap"))).unwrap();
        let phrase = row.split("canary.message=").nth(1).unwrap().split(' ').next().unwrap();
        let file = row.split(' ').nth(1).unwrap();
        let inside = common::inside::look_into(&common::cabinet().join(file));
        let holds = |bytes: &[u8]| bytes.windows(phrase.len()).any(|window| window == phrase.as_bytes());
        let found = inside.values().flat_map(|inside| &inside.bytes).filter(|(_, sides)| sides.iter().any(|side| holds(side)));
        let channels: Vec<String> = found.map(|(channel, _)| channel.to_string()).collect();
        let encrypted = channels.iter().any(|channel| !matches!(channel.as_str(), "TCP" | "UDP"));
        assert!(encrypted, "{file}: {phrase} is in {channels:?}");
    }
}

#[test]
fn secrets_in_the_captures_of_the_corpus_show_what_its_truth_expects_of_them() {
    let Some(root) = common::corpus("what the truth expects with keys") else { return };
    let mut checked = 0;
    for truth in common::files_under(&root.join("truth")) {
        let text = std::fs::read_to_string(&truth).unwrap();
        let name = truth.strip_prefix(root.join("truth")).unwrap().with_extension("");
        for line in text.lines().filter(|line| line.contains("\"expect_if_decrypted\"")) {
            let flow: Value = serde_json::from_str(line).unwrap();
            let analysis = common::analyse_with_keys(&root.join("captures").join(&name), 1).unwrap();
            let lines = common::jsonl(&analysis, "x");
            let ours: Value = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .find(|ours| ours["intransit"]["first_frame"] == flow["first_frame"])
                .unwrap();
            for (key, expected) in flow["expect_if_decrypted"].as_object().unwrap() {
                let got = key.split('.').fold(&ours, |value, part| &value[part]);
                // Distinguished names may be written in either order.
                let parts = |value: &Value| {
                    let mut parts: Vec<String> = value.as_str().unwrap_or_default().split(',').map(|part| part.trim().to_owned()).collect();
                    parts.sort();
                    parts
                };
                assert_eq!(parts(got), parts(expected), "{}: {key}", name.display());
                checked += 1;
            }
        }
    }
    println!("{checked} values");
    assert!(checked >= 12, "{checked}");
}

#[test]
fn captures_of_the_corpus_with_secrets_open() {
    let Some(root) = common::corpus("opening the captures that hold secrets") else { return };
    for name in
        ["foxio/http2-with-cookies.pcapng", "foxio/chrome-cloudflare-quic-with-secrets.pcapng", "ndpi/doq.pcapng", "ndpi/quic-33.pcapng"]
    {
        let path = root.join("captures").join(name);
        let inside = common::inside::look_into(&path);
        for (frame, inside) in inside {
            let books = [inside.books.client, inside.books.server];
            assert!(books.iter().all(|tally| tally.opened > 0 && tally.seen == tally.opened), "{name} from frame {frame}: {books:?}");
        }
    }
}

#[test]
fn the_key_of_a_server_opens_what_was_recorded_before_and_no_other_key_does() {
    let path = common::cabinet().join("tls12_server_key.pcap");
    let opened_by = |pem: &[u8]| {
        let mut keys = Keys::default();
        keys.add_server_key(pem).unwrap();
        common::inside::look_with(|| intransit::source::open(&path), keys).into_values().next().unwrap()
    };
    let inside = opened_by(&std::fs::read(common::cabinet().join("tls12_server_key.key")).unwrap());
    assert!(inside.books.client.is_whole() && inside.books.client.opened > 0, "{:?}", inside.books);
    assert!(inside.all[0].starts_with(b"good morning\n"));
    let other = aws_lc_rs::rsa::PrivateDecryptingKey::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = aws_lc_rs::encoding::AsDer::as_der(&other).unwrap();
    let inside = opened_by(pem("PRIVATE KEY", der.as_ref()).as_bytes());
    assert_eq!((inside.books.client.opened, inside.all[0].len()), (0, 0));
}

#[test]
fn the_line_of_an_rsa_key_exchange_opens_it_without_the_line_of_the_master_secret() {
    let log = String::from_utf8(std::fs::read(common::cabinet().join("tls12_rsa_kx.keylog")).unwrap()).unwrap();
    let rsa = log.lines().find(|line| line.starts_with("RSA ")).unwrap();
    let path = common::cabinet().join("tls12_rsa_kx.pcap");
    let inside = common::inside::look(|| intransit::source::open(&path), rsa.as_bytes());
    assert!(inside.values().any(|inside| inside.books.client.opened > 0 && inside.books.client.is_whole()), "{inside:?}");
}

/// Octets as a PEM section (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let n = three.iter().fold(0u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - three.len()));
        let four = (0..4).map(|i| DIGITS[(n >> (18 - 6 * i)) as usize & 63] as char);
        text.extend(four.take(three.len() + 1).chain(std::iter::repeat_n('=', 3 - three.len())));
    }
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The TCP payload of a capture with one connection: who sent it, in order.
fn turns(name: &str) -> Vec<(bool, Vec<u8>)> {
    let bytes = std::fs::read(common::cabinet().join(name)).unwrap();
    let (mut decoder, mut next, mut found) = (Decoder::new(), BTreeMap::new(), Vec::new());
    for (n, record) in container::pcap(&bytes).unwrap().records.iter().enumerate() {
        let number = FrameNo::new(n as u64 + 1).unwrap();
        let at = common::frames_of::second(n as i64);
        let frame = Frame { number, at, bytes: &record.bytes, wire_len: record.wire_len, link: LinkType(1), interface: 0 };
        decoder.decode(&frame, &mut |packet| {
            let link::Transport::Tcp(header) = packet.transport else { return };
            let due = next.entry(header.src_port).or_insert(header.seq);
            if !packet.payload.bytes.is_empty() && *due == header.seq {
                found.push((header.src_port != 443, packet.payload.bytes.to_vec()));
            }
            *due = header.seq.wrapping_add(packet.payload.bytes.len() as u32 + u32::from(header.flags.syn));
        });
    }
    found
}

/// A capture of the same bytes in segments of other lengths; `lose` says of each whether the capture missed it.
fn cut_anew(turns: &[(bool, Vec<u8>)], dice: &mut Dice, mut lose: impl FnMut(&mut Dice) -> bool) -> Vec<u8> {
    let mut packets = frames::handshake(1000, 9000);
    let mut sent = [9001u32, 1001];
    for (client, bytes) in turns {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (segment, after) = rest.split_at(1 + dice.below(rest.len().min(600) as u64) as usize);
            rest = after;
            let (from, to) = if *client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            let mine = usize::from(*client);
            let packet = frames::tcp(from, to, sent[mine], sent[1 - mine], ACK | PSH, segment);
            sent[mine] = sent[mine].wrapping_add(segment.len() as u32);
            if !lose(dice) {
                packets.push(packet);
            }
        }
    }
    ethernet_pcap(&packets)
}

const TO_CUT: [&str; 7] = ["tls10", "tls12_cbc", "tls12_cbc_etm", "tls12_gcm", "tls13_chacha", "tls13_key_update", "tls12_renegotiated"];

#[test]
fn the_same_bytes_open_however_they_are_cut_into_segments() {
    for (seed, name) in TO_CUT.iter().enumerate() {
        let keylog = std::fs::read(common::cabinet().join(format!("{name}.keylog"))).unwrap();
        let turns = turns(&format!("{name}.pcap"));
        let whole = common::inside::look_into(&common::cabinet().join(format!("{name}.pcap"))).into_values().next().unwrap();
        for round in 0..20 {
            let capture = cut_anew(&turns, &mut Dice(seed as u64 * 1000 + round), |_| false);
            let inside = common::inside::look(|| intransit::source::read(Cursor::new(capture.clone()), None), &keylog);
            let inside = inside.into_values().next().unwrap();
            assert_eq!((&inside.all, inside.books, inside.gaps), (&whole.all, whole.books, 0), "{name} in round {round}");
        }
    }
}

#[test]
fn what_is_missing_is_told_and_what_opens_around_it_was_really_sent() {
    let (mut resumed, mut lossy) = (0, 0);
    for (seed, name) in TO_CUT.iter().enumerate() {
        let keylog = std::fs::read(common::cabinet().join(format!("{name}.keylog"))).unwrap();
        let turns = turns(&format!("{name}.pcap"));
        let whole = common::inside::look_into(&common::cabinet().join(format!("{name}.pcap"))).into_values().next().unwrap();
        for round in 0..60 {
            let mut lost = 0;
            let capture = cut_anew(&turns, &mut Dice(seed as u64 * 1000 + round), |dice| {
                let lose = dice.below(12) == 0;
                lost += usize::from(lose);
                lose
            });
            let inside = common::inside::look(|| intransit::source::read(Cursor::new(capture.clone()), None), &keylog);
            // Where the beginning is lost, TLS is not always recognised: then the bytes were handed on as they were.
            for inside in inside.into_values().filter(|inside| inside.bytes.keys().all(|channel| is_tls(*channel))) {
                let books = [inside.books.client, inside.books.server];
                for (side, tally) in books.iter().enumerate() {
                    let (found, sent) = (&inside.all[side], &whole.all[side]);
                    // A subsequence: nothing that was not sent, and in its order.
                    let mut rest = sent.iter();
                    assert!(found.iter().all(|b| rest.any(|s| s == b)), "{name} in round {round}: {found:?} is not of {sent:?}");
                    // Bytes that are missing at the end of a side are not known of; those before are told.
                    let told = !tally.is_whole() || inside.gaps > 0 || sent.starts_with(found);
                    assert!(found == sent || told, "{name} in round {round}: silence about what is missing");
                    resumed += usize::from(lost > 0 && tally.gaps > 0 && tally.opened > 0);
                }
                lossy += usize::from(lost > 0);
            }
        }
    }
    println!("{lossy} captures with losses; in {resumed} directions records opened beside a gap");
    assert!(lossy > 100 && resumed > 20, "{lossy} {resumed}");
}

/// Hands out one frame at a time, as a live capture may.
struct OneByOne {
    all: Chunk,
    next: usize,
    capture: Capture,
}

impl Source for OneByOne {
    fn fill(&mut self, chunk: &mut Chunk) -> Result<bool, SourceError> {
        chunk.clear();
        let Some(place) = self.all.frames.get(self.next) else { return Ok(false) };
        self.next += 1;
        chunk.bytes.clone_from(&self.all.bytes);
        chunk.frames.push(*place);
        Ok(true)
    }

    fn capture(&self) -> &Capture {
        &self.capture
    }
}

#[test]
fn records_wait_for_keys_that_come_after_them() {
    for name in ["tls13_aes128", "tls13_client_cert", "tls12_gcm", "tls12_cbc", "tls13_key_update"] {
        let path = common::cabinet().join(format!("{name}.pcap"));
        let log = std::fs::read(path.with_extension("keylog")).unwrap();
        let mut source = intransit::source::open(&path).unwrap();
        let mut all = Chunk::default();
        source.fill(&mut all).unwrap();
        let whole = common::jsonl(&common::analyse_with_keys(&path, 1).unwrap(), "x");
        for after in [0, 6, 9, 12] {
            let keys = Arc::new(Keys::default());
            let equipment = Equipment { growing: true, patient: true, ..Equipment::with_keys(Arc::clone(&keys)) };
            let all = Chunk { bytes: all.bytes.clone(), frames: all.frames.clone(), ..Chunk::default() };
            let mut source = OneByOne { all, next: 0, capture: source.capture().clone() };
            let mut seen = 0;
            let analysis = engine::analyse_with(&mut source, common::options(1), &equipment, &mut |_| {
                if seen == after {
                    keys.add_log(&log);
                }
                seen += 1;
            });
            let said = common::jsonl(&analysis.unwrap(), "x");
            for fact in ["tls.server.subject", "intransit.keys\",\"value\":\"matched"] {
                assert_eq!(said.contains(fact), whole.contains(fact), "{name}, keys after frame {after}: {fact}");
            }
            let count = |text: &str| text.matches("observed-with-keys").count();
            assert_eq!(count(&said), count(&whole), "{name}, keys after frame {after}");
        }
    }
}
