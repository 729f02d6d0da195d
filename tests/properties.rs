//! The same bytes say the same, however a network cut, shuffled and repeated them: for every TCP connection of the cabinet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::PathBuf;
use std::sync::Mutex;

use common::container::{self, ethernet_pcap};
use common::frames::{self, ACK, CLIENT, PSH, SERVER, tcp, udp};
use intransit::assess::{Catalogue, Judged};
use intransit::flow::{Connection, Transport};

const CLIENT_ISN: u32 = 1_000;
const SERVER_ISN: u32 = 9_000;
/// Octets of a side that are sent again; longer ones say nothing new after their handshake.
const MOST: usize = 24_000;
/// Orders that are tried of each connection; `INTRANSIT_ROUNDS` asks for more.
fn rounds() -> u64 {
    std::env::var("INTRANSIT_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6)
}

/// Who says what in a connection, in turns.
fn turns(path: &std::path::Path, connection: &Connection) -> Vec<(bool, Vec<u8>)> {
    let kept = common::frames_of::Kept::open(path).unwrap();
    let named = common::frames_of::Named::of(&kept, &kept.numbers(), connection);
    let (mut turns, mut sizes): (Vec<(bool, Vec<u8>)>, _) = (Vec::new(), [0; 2]);
    for (from, payload) in named.payloads().filter(|(_, payload)| !payload.is_empty()) {
        let client = from == connection.client;
        sizes[usize::from(client)] += payload.len();
        if sizes[usize::from(client)] > MOST {
            break;
        }
        match turns.last_mut() {
            Some((side, bytes)) if *side == client => bytes.extend(payload),
            _ => turns.push((client, payload.to_vec())),
        }
    }
    turns
}

/// The turns as segments: whole, or cut anywhere, in any order within a turn, some twice, some that overlap.
fn segments(turns: &[(bool, Vec<u8>)], mut dice: Option<common::Dice>) -> Vec<Vec<u8>> {
    let mut frames = frames::handshake(CLIENT_ISN, SERVER_ISN);
    let mut sent = [0usize; 2];
    for (client, bytes) in turns {
        let mut spans = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let Some(dice) = &mut dice else {
                spans.push(at..(at + 1400).min(bytes.len()));
                at += 1400;
                continue;
            };
            let longest = [3, 40, 900][dice.below(3) as usize];
            let end = (at + 1 + dice.below(longest) as usize).min(bytes.len());
            let from = at.saturating_sub(if dice.below(4) == 0 { dice.below(60) as usize } else { 0 });
            spans.extend(std::iter::repeat_n(from..end, 1 + usize::from(dice.below(5) == 0)));
            at = end;
        }
        if let Some(dice) = &mut dice {
            // Within a window: a segment overtakes up to eight others.
            for i in (1..spans.len()).rev() {
                let by = dice.below(8.min(i as u64) + 1) as usize;
                spans.swap(i, i - by);
            }
        }
        let before = sent[usize::from(*client)];
        frames.extend(spans.into_iter().map(|span| match client {
            true => tcp(CLIENT, SERVER, CLIENT_ISN + 1 + (before + span.start) as u32, SERVER_ISN + 1, ACK | PSH, &bytes[span]),
            false => tcp(SERVER, CLIENT, SERVER_ISN + 1 + (before + span.start) as u32, CLIENT_ISN + 1, ACK | PSH, &bytes[span]),
        }));
        sent[usize::from(*client)] += bytes.len();
    }
    frames
}

/// Everything said of the one connection, without frames, times and counts.
fn said(frames: &[Vec<u8>]) -> Vec<String> {
    let all = common::connections(ethernet_pcap(frames));
    assert_eq!(all.len(), 1, "one connection");
    let judged = Judged::of(all.into_iter().next().unwrap(), Catalogue::own());
    let mut said: Vec<String> = judged.facts.list().iter().map(|fact| format!("{:?} {:?}", fact.what, fact.basis)).collect();
    // What is said first is a matter of what came first.
    said.sort();
    said.push(format!("{} {}", judged.judgement.grade.word(), judged.judgement.why));
    said.extend(judged.judgement.findings.iter().map(|finding| finding.rule.id.to_owned()));
    said
}

#[test]
fn every_connection_of_the_cabinet_says_the_same_however_it_is_cut_shuffled_and_repeated() {
    let captures = common::cabinet_captures();
    let (wrong, tried) = (Mutex::new(Vec::new()), Mutex::new(0));
    common::each(&captures, |path: &PathBuf| {
        let Ok(analysis) = common::analyse_file(path, 1) else { return };
        for connection in analysis.connections().filter(|connection| connection.transport == Transport::Tcp) {
            let turns = turns(path, &connection);
            if turns.is_empty() {
                continue;
            }
            let expected = said(&segments(&turns, None));
            // A segment that the capture holds twice, or cut short, stands in these turns as if it had been sent so: octets outside TLS, which
            // are told for certain only where segments come in order.
            if expected.iter().any(|line| line.starts_with("TlsOtherOctets")) {
                continue;
            }
            for round in 0..rounds() {
                let got = said(&segments(&turns, Some(common::Dice(round * 7919 + 1))));
                *tried.lock().unwrap() += 1;
                if got != expected {
                    let (less, more): (Vec<_>, Vec<_>) = (
                        expected.iter().filter(|line| !got.contains(line)).collect(),
                        got.iter().filter(|line| !expected.contains(line)).collect(),
                    );
                    wrong.lock().unwrap().push(format!(
                        "{} #{}, round {round}: without {less:?}, with {more:?}",
                        common::short(path),
                        connection.first_frame
                    ));
                    break;
                }
            }
        }
    });
    let (wrong, tried) = (wrong.into_inner().unwrap(), tried.into_inner().unwrap());
    println!("{tried} orders tried");
    assert!(tried > 500, "{tried}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

fn records(name: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(common::cabinet().join(name)).unwrap();
    container::pcap(&bytes).unwrap().records.into_iter().map(|record| record.bytes).collect()
}

#[test]
fn datagrams_that_come_twice_say_nothing_new() {
    for name in ["quic_v1_h3.pcap", "quic_long_hello.pcap", "dtls12.pcap", "dtls13_cid.pcap", "quic_retry.pcap"] {
        let once = records(name);
        let twice: Vec<Vec<u8>> = once.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
        let said = |frames: &[Vec<u8>]| -> Vec<Vec<String>> {
            let all = common::connections(ethernet_pcap(frames));
            all.iter().map(|c| c.facts.list().iter().map(|fact| format!("{:?}", fact.what)).collect()).collect()
        };
        assert_eq!(said(&twice), said(&once), "{name}");
    }
}

#[test]
fn an_opening_that_nobody_answers_does_not_split_a_connection_that_lives() {
    let turns = {
        let path = common::cabinet().join("tls12_gcm.pcap");
        let analysis = common::analyse_file(&path, 1).unwrap();
        turns(&path, &analysis.connections().next().unwrap())
    };
    let whole = segments(&turns, None);
    let expected = said(&whole);
    for at in 3..whole.len() {
        for forged in [tcp(CLIENT, SERVER, 0xdead_0000, 0, frames::SYN, &[]), tcp(SERVER, CLIENT, 0xdead_0000, 0, frames::SYN, &[])] {
            let mut frames = whole.clone();
            // Twice, as a sender who is not answered repeats it.
            frames.insert(at, forged.clone());
            frames.insert(at + 1, forged);
            assert_eq!(said(&frames), expected, "before segment {at}");
        }
    }
}

#[test]
fn an_opening_that_is_answered_is_a_new_connection_also_where_the_old_one_was_never_closed() {
    let opening = |isn: u32, name: &[u8]| {
        [frames::handshake(isn, isn + 5_000), vec![tcp(CLIENT, SERVER, isn + 1, isn + 5_001, ACK | PSH, &frames::client_hello(name))]]
            .concat()
    };
    let first = opening(1000, b"first.example");
    for second in [
        opening(900_000, b"second.example"),
        opening(900_000, b"second.example").into_iter().filter(|frame| frame[26..30] == CLIENT.0).collect(),
    ] {
        let found = common::connections(ethernet_pcap(&[first.clone(), second].concat()));
        let names: Vec<String> = found.iter().map(|c| String::from_utf8_lossy(c.domain().unwrap()).into_owned()).collect();
        assert_eq!(names, ["first.example", "second.example"]);
        assert_eq!(found[1].first_frame.get(), first.len() as u64 + 1, "it begins with its SYN");
        assert_eq!(found[0].last_frame.get(), first.len() as u64);
        assert_eq!(found[0].sent[0].packets + found[0].sent[1].packets, first.len() as u64);
    }
}

#[test]
fn of_two_quic_clients_on_the_same_ports_neither_speaks_for_the_other() {
    let moved = |frames: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        // The same addresses and ports for both, whoever they were recorded between.
        let client: Vec<u8> = frames[0][26..30].to_vec();
        let port: Vec<u8> = frames[0][34..36].to_vec();
        frames
            .iter()
            .map(|frame| match frame[26..30] == client[..] && frame[34..36] == port[..] {
                true => udp(CLIENT, SERVER, &frame[42..]),
                false => udp(SERVER, CLIENT, &frame[42..]),
            })
            .collect()
    };
    let (first, second) = (moved(records("quic_v1_h3.pcap")), moved(records("quic_retry.pcap")));
    let facts = |frames: &[Vec<u8>]| -> Vec<String> {
        let all = common::connections(ethernet_pcap(frames));
        assert_eq!(all.len(), 1);
        all[0].facts.list().iter().map(|fact| format!("{:?} {:?}", fact.what, fact.evidence)).collect()
    };
    let both = facts(&[first.clone(), second.clone()].concat());
    // What the second one says, its Retry among it, is not said of the first.
    for fact in facts(&first) {
        assert!(both.contains(&fact), "{fact} was said of the first one alone");
    }
    assert!(!both.iter().any(|fact| fact.starts_with("QuicRetry")), "{both:#?}");
    let both = facts(&[second.clone(), first].concat());
    for fact in facts(&second) {
        assert!(both.contains(&fact), "{fact} was said of the first one alone");
    }
}

#[test]
fn a_version_that_was_never_offered_is_malformed_and_not_the_version() {
    use intransit::base::Kind;
    let answer = |version: u16, chosen: Option<u16>| {
        let extensions = chosen.map_or_else(Vec::new, |v| [&[0, 6, 0, 43, 0, 2][..], &v.to_be_bytes()].concat());
        let body = [&version.to_be_bytes()[..], &[9; 32], &[0, 0x13, 1, 0], &extensions].concat();
        frames::record(22, &[&[2, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat())
    };
    // `frames::client_hello` offers TLS 1.3 and 1.2.
    let hello = frames::client_hello(b"chat.example");
    for (reply, offered) in [
        (answer(0x303, Some(0x304)), true),
        (answer(0x303, None), true),
        (answer(0x303, Some(0x7f1c)), false),
        (answer(0x303, Some(0x305)), false),
        (answer(0x301, None), false),
        (answer(0x300, None), false),
    ] {
        let mut all = frames::handshake(CLIENT_ISN, SERVER_ISN);
        all.push(tcp(CLIENT, SERVER, CLIENT_ISN + 1, SERVER_ISN + 1, ACK | PSH, &hello));
        all.push(tcp(SERVER, CLIENT, SERVER_ISN + 1, CLIENT_ISN + 1 + hello.len() as u32, ACK | PSH, &reply));
        let connection = common::connections(ethernet_pcap(&all)).pop().unwrap();
        assert_eq!(connection.facts.has(Kind::TlsVersion), offered, "{:?}", connection.facts.list());
        assert_eq!(connection.facts.has(Kind::Malformed), !offered, "{:?}", connection.facts.list());
        if !offered {
            let evidence = &connection.facts.get(Kind::Malformed).unwrap().evidence;
            assert_eq!(
                evidence.frames().iter().map(|frame| frame.get()).collect::<Vec<_>>(),
                [4, 5],
                "what was offered, and what was chosen"
            );
        }
    }
}
