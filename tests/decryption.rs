//! What keys open: the same bytes as tshark opens, however the records are cut, with a reason for every record that stays closed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::process::Command;

use intransit::dissect::plain::Channel;
use intransit::flow::Transport;

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
