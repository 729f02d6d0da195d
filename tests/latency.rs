//! How soon a key shows on the screen of a running capture with very many connections, and what a quiet one costs. It takes minutes and
//! wants a quiet machine, so it runs when asked for: `tests/soak/latency`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::namespace::Namespace;
use screen::Terminal;

/// What is waited for after a key, of the lines of the screen before it and since.
type Shows = fn(before: &[String], now: &[String]) -> bool;

/// The line that the cursor is on.
fn cursor(lines: &[String]) -> Option<usize> {
    lines.iter().position(|line| line.starts_with('>'))
}

/// The order that rows are in: its column's heading, or, where that column is not shown, the words below.
fn sorted(lines: &[String]) -> Option<String> {
    let heading = lines.iter().find_map(|line| {
        let at = line.find(['↑', '↓'])?;
        line[..at].split_whitespace().last()
    });
    let below = || lines.iter().find_map(|line| line.split_once(", by ")?.1.split_whitespace().next());
    heading.or_else(below).map(ToOwned::to_owned)
}

fn has(lines: &[String], words: &str) -> bool {
    lines.iter().any(|line| line.contains(words))
}

/// Kinds of keys: what is typed, and what shows that it was heard.
const KEYS: &[(&str, &str, Shows)] = &[
    ("findings", "5", |_, now| has(now, "severity")),
    ("connections", "2", |_, now| has(now, "handshake") && has(now, "protocol")),
    ("down", "j", |before, now| cursor(now).is_some() && cursor(now) != cursor(before)),
    ("down", "j", |before, now| cursor(now).is_some() && cursor(now) != cursor(before)),
    ("up", "k", |before, now| cursor(now).is_some() && cursor(now) != cursor(before)),
    ("up", "k", |before, now| cursor(now).is_some() && cursor(now) != cursor(before)),
    ("sort", "s", |before, now| sorted(now).is_some() && sorted(now) != sorted(before)),
    ("help", "?", |_, now| has(now, "go to the next row with a word")),
    ("help", "\x1b", |_, now| !has(now, "go to the next row with a word")),
    ("filter", "f", |_, now| has(now, "✓") || has(now, "filter")),
    ("filter", "g", |_, now| has(now, "filter: g") && has(now, "✓")),
    ("filter", "\x1b", |_, now| !has(now, "filter: g")),
    ("capture", "6", |_, now| has(now, "How much could be judged")),
    ("endpoints", "3", |_, now| !has(now, "How much could be judged")),
    ("apps", "1", |_, now| has(now, "end-to-end")),
];

fn lines(screen: &vt100::Screen) -> Vec<String> {
    screen.rows(0, screen.size().1).collect()
}

/// Octets of clock ticks that a process and its helpers spent, in hundredths of a second.
fn spent(pids: &[u32]) -> u64 {
    let one = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let words: Vec<u64> = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|n| n.parse().unwrap()).collect();
        words[0] + words[1]
    };
    pids.iter().map(one).sum()
}

/// Those that descend from a process and run `intransit`.
fn ours(root: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{root}/task/{root}/children")).unwrap_or_default();
    let mut all: Vec<u32> = children.split_whitespace().flat_map(|pid| ours(pid.parse().unwrap())).collect();
    if std::fs::read_to_string(format!("/proc/{root}/comm")).is_ok_and(|name| name.starts_with("intransit") || name.starts_with("exe")) {
        all.push(root);
    }
    all
}

/// The share of one processor in these seconds, in percent.
fn idle(terminal: &mut Terminal, pids: &[u32], seconds: u64) -> f64 {
    let (before, began) = (spent(pids), Instant::now());
    terminal.waits(Duration::from_secs(seconds), |_| false);
    #[allow(clippy::cast_precision_loss)]
    let hundredths = (spent(pids) - before) as f64;
    hundredths / began.elapsed().as_secs_f64()
}

#[test]
#[ignore = "takes minutes and wants a quiet machine: tests/soak/latency"]
fn a_key_shows_soon_while_very_many_connections_are_kept_and_packets_come() {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let number = |name: &str, otherwise: &str| variable(name, otherwise).parse::<u64>().unwrap();
    let (connections, pps, rounds) = (number("CONNECTIONS", "100000"), number("PPS", "20000"), number("ROUNDS", "30"));
    let binary = variable("BINARY", env!("CARGO_BIN_EXE_intransit"));
    let captures = std::env::var("CAPTURES").expect("CAPTURES names a folder with flows.pcap and handshakes.pcap");
    let Some(space) = Namespace::new("latency", &["tcpreplay"]) else { return };
    // Written when something has happened, or is to happen.
    let (flows, handshakes) = (format!("{captures}/flows.pcap"), format!("{captures}/handshakes.pcap"));
    let script = space.script(&format!(
        r#"
        ip link add va type veth peer name vb
        for n in va vb; do echo 1 >/proc/sys/net/ipv6/conf/$n/disable_ipv6; ip link set $n mtu 1500 up; done
        sleep 1
        (
            until [ -e begin ]; do sleep 0.1; done
            tcpreplay -q -i va --pps=40000 --preload-pcap {flows} >/dev/null 2>&1
            until [ -e go ]; do sleep 0.1; done
            tcpreplay -q -i va --pps={pps} --loop=0 --preload-pcap {handshakes} >/dev/null 2>&1 & replay=$!
            until [ -e quiet ]; do sleep 0.1; done
            kill -s INT $replay
        ) &
        BIN={binary}
        exec "$BIN" live -i vb --show-others
        "#
    ));
    let args: Vec<&str> = script.iter().map(String::as_str).collect();
    let env = space.variables();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut terminal = Terminal::start_program(160, 48, "unshare", &args, &env);
    terminal.sees("0 connections");
    terminal.waits(Duration::from_secs(3), |_| false);
    let pids = ours(terminal.pid());
    assert!(!pids.is_empty());
    let at_first = idle(&mut terminal, &pids, 20);
    println!("idle, nothing seen yet: {at_first:.2} % of a processor");
    std::fs::write(space.path("begin"), "").unwrap();
    let count = |screen: &vt100::Screen| {
        let title = lines(screen).first().cloned().unwrap_or_default();
        let words: Vec<&str> = title.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("connection")).unwrap_or(0);
        words.get(at.saturating_sub(1)).and_then(|n| n.replace(',', "").parse::<u64>().ok()).unwrap_or(0)
    };
    let loaded = terminal.waits(Duration::from_secs(180), |screen| count(screen) >= connections);
    println!("{} connections", count(terminal.emulator()));
    assert!(loaded, "{}", terminal.screen());
    std::fs::write(space.path("go"), "").unwrap();
    terminal.waits(Duration::from_secs(3), |_| false);
    let mut took: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let began = Instant::now();
    let before = spent(&pids);
    for round in 0..rounds {
        for (n, (kind, keys, shows)) in (0..).zip(KEYS) {
            // At any moment of what the program does in turn.
            terminal.waits(Duration::from_millis(40 + (round * 37 + n * 53) % 211), |_| false);
            let seen = lines(terminal.emulator());
            let typed = Instant::now();
            terminal.types(keys);
            let shown = terminal.waits(Duration::from_secs(10), |screen| shows(&seen, &lines(screen)));
            assert!(shown, "{kind}:\n{}", terminal.screen());
            took.entry(kind).or_default().push(typed.elapsed());
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let busy = (spent(&pids) - before) as f64 / began.elapsed().as_secs_f64();
    println!("{} connections in the end, {busy:.0} % of a processor", count(terminal.emulator()));
    let mut all: Vec<Duration> = took.values().flatten().copied().collect();
    let told = |kind: &str, times: &mut Vec<Duration>| {
        times.sort();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
        println!("{kind:12} {:5} keys: median {:6.1} ms, 95th {:6.1} ms, most {:6.1} ms", times.len(), at(50), at(95), at(100));
        at(95)
    };
    for (kind, times) in &mut took {
        told(kind, times);
    }
    let late = told("all", &mut all);
    std::fs::write(space.path("quiet"), "").unwrap();
    terminal.waits(Duration::from_secs(number("SETTLE", "15")), |_| false);
    let at_last = idle(&mut terminal, &pids, 20);
    println!("idle, with all of them: {at_last:.2} % of a processor");
    terminal.types("q");
    assert!(terminal.ends().success());
    assert!(late < 50.0, "of 20 keys one takes more than 50 ms");
    assert!(at_first < 1.0 && at_last < 1.0, "a quiet capture costs more than 1 % of a processor");
}
