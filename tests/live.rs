//! Watching an interface, in a network namespace of its own. Tests say that they skip where the system gives none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use std::process::Command;

use common::namespace::{Namespace, objects, said};
use serde_json::Value;

#[test]
fn connections_are_told_while_the_capture_runs_and_the_rest_at_the_end() {
    let Some(space) = Namespace::new("headless capture", &["openssl"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433
        start live -i lo --headless
        ask 4433 -tls1_3
        n=0; until [ -s out ]; do n=$((n + 1)); [ $n -lt 90 ] || break; sleep 0.1; done
        echo before=$(wc -l <out)
        ask 4433 -tls1_2
        sleep 1
        kill -s USR1 $pid; sleep 0.3
        stop INT
        echo status=$status; echo took=$took; echo after=$(wc -l <out)
        "#,
    );
    assert_eq!((said(&done, "status"), said(&done, "before"), said(&done, "after")), (0, 1, 2), "{}", space.read("err"));
    assert!(said(&done, "took") < 2000);
    let told = objects(&space.read("out"));
    let versions: Vec<&str> = told.iter().map(|c| c["tls"]["version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["1.3", "1.2"]);
    for c in &told {
        assert_eq!(c["destination"]["port"], 4433);
        assert_eq!(c["tls"]["client"]["server_name"], "chat.example.net");
        assert_eq!(c["file"]["name"], "lo");
    }
    let err = space.read("err");
    assert!(err.starts_with("Watching lo: traffic between programs of this computer only."), "{err}");
    assert!(err.contains("1 connections over, 1 going on"), "USR1 asks for statistics: {err}");
    assert!(err.contains("lo: 2 connections in ") && err.contains("none dropped by the kernel"), "{err}");
}

#[test]
fn every_signal_that_ends_it_ends_it_cleanly_and_soon() {
    let Some(space) = Namespace::new("signals", &["openssl"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433
        for signal in INT TERM HUP; do
            start live -i lo --headless
            ask 4433
            sleep 1
            stop $signal
            echo $signal=$status; echo ${signal}_took=$took; echo ${signal}_lines=$(wc -l <out)
            rm err
        done
        start live -i lo --headless
        kill -s INT $pid; sleep 0.1; kill -s INT $pid; wait $pid
        echo twice=$?
        "#,
    );
    for signal in ["INT", "TERM", "HUP"] {
        assert_eq!(said(&done, signal), 0, "{signal}");
        assert_eq!(said(&done, &format!("{signal}_lines")), 1, "{signal}: what was sent a second before is told");
        assert!(said(&done, &format!("{signal}_took")) < 2000, "{signal}");
    }
    assert_eq!(said(&done, "twice"), 130);
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_capture_without_an_error() {
    let Some(space) = Namespace::new("a closed pipe", &["python3"]) else { return };
    let done = space.run(
        r#"
        mkfifo pipe
        head -c 0 pipe & head=$!
        "$BIN" live -i lo --headless >pipe 2>err & pid=$!
        wait $head
        before=$(now); wait $pid; status=$?
        echo status=$status; echo took=$(($(now) - before))
        "#,
    );
    assert_eq!(said(&done, "status"), 0, "{}", space.read("err"));
    assert!(said(&done, "took") < 2000);
    assert!(!space.read("err").contains("intransit:"), "{}", space.read("err"));
}

#[test]
fn the_interface_of_the_default_route_is_watched_when_none_is_named() {
    let Some(space) = Namespace::new("the default route", &[]) else { return };
    let done = space.run(
        r#"
        "$BIN" live --headless; echo none=$?
        ip link add va type veth peer name vb 2>/dev/null || { echo veth=1; exit; }
        ip addr add 10.9.0.1/24 dev va; ip link set va up; ip link set vb up
        ip route add default via 10.9.0.2 dev va
        "$BIN" interfaces >list
        start live --headless
        stop INT
        "#,
    );
    assert_eq!(said(&done, "none"), 1);
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(err.contains("intransit interfaces") && err.contains("-i"), "what to do is said: {err}");
    if space.path("list").exists() {
        assert!(space.read("err").starts_with("Watching va: this computer's traffic only; other devices are not visible here"));
        let list = space.read("list");
        assert!(list.contains("\n* va ") && list.contains("10.9.0.1") && list.contains("\n  lo "), "{list}");
    } else {
        println!("skipped: the default route (no veth)");
    }
}

#[test]
fn a_filter_keeps_out_what_it_does_not_name_and_a_wrong_one_is_one_sentence() {
    let Some(space) = Namespace::new("a filter", &["openssl"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433; tls 4434
        start live -i any -f 'tcp port 4434' --headless
        ask 4433; ask 4434
        sleep 0.5
        stop INT
        echo status=$status
        "$BIN" live -i lo -f 'tcp prot 443' --headless >wrong 2>&1; echo wrong=$?
        "#,
    );
    assert_eq!((said(&done, "status"), said(&done, "wrong")), (0, 1));
    let told = objects(&space.read("out"));
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["destination"]["port"], &told[0]["tls"]["version"]), (&Value::from(4434), &Value::from("1.3")));
    assert!(space.read("wrong").contains("the filter is not understood") && space.read("wrong").lines().count() == 1);
}

/// Lines without what may differ between a capture and its file: the name of the file.
fn nameless(lines: &str) -> Vec<Value> {
    let mut all = objects(lines);
    for object in &mut all {
        object.as_object_mut().unwrap().remove("file");
    }
    all.sort_by_key(ToString::to_string);
    all
}

/// Connections without moments, by first frame.
fn timeless(mut all: Vec<Value>) -> Vec<Value> {
    for object in &mut all {
        object.as_object_mut().unwrap().retain(|key, _| key != "@timestamp" && key != "event");
    }
    all.sort_by_key(|object| object["intransit"]["first_frame"].as_u64());
    all
}

/// Connections without the programs they belong to, which only our own files store.
fn programless(mut all: Vec<Value>) -> Vec<Value> {
    for object in &mut all {
        object.as_object_mut().unwrap().remove("process");
        let facts = object["intransit"]["facts"].as_array_mut().unwrap();
        facts.retain(|fact| !fact["name"].as_str().unwrap().starts_with("process."));
    }
    all
}

fn are_the_same(live: &[Value], other: &[Value]) {
    for (live, other) in live.iter().zip(other) {
        assert!(live == other, "live:  {live}\nother: {other}");
    }
    assert_eq!(live.len(), other.len());
}

#[test]
fn what_is_told_live_is_what_its_file_says_and_what_tcpdump_saw() {
    let Some(space) = Namespace::new("live against file and tcpdump", &["openssl", "python3", "tcpdump"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433; serve http 8080; serve smtp 2525 cert.pem key.pem
        old() { openssl s_client -connect 127.0.0.1:$1 $2 -cipher ALL:@SECLEVEL=0 </dev/null >/dev/null 2>&1; }
        openssl s_server -accept 4410 -cert cert.pem -key key.pem -www -quiet -tls1 -cipher ALL:@SECLEVEL=0 >/dev/null 2>&1 &
        openssl s_server -accept 4411 -cert cert.pem -key key.pem -www -quiet -tls1_1 -cipher ALL:@SECLEVEL=0 >/dev/null 2>&1 &
        # A system may have left the old versions out.
        n=0; until old 4410 -tls1 && old 4411 -tls1_1; do n=$((n + 1)); [ $n -lt 20 ] || break; sleep 0.1; done
        echo old=$n
        # What still comes of asking whether the servers listen is not for this.
        sleep 0.5
        tcpdump -i lo -B 65536 --nano -w other.pcap >/dev/null 2>tcpdump & other=$!
        until grep -q listening tcpdump; do sleep 0.1; done
        start live -i lo -w x.pcapng --headless
        ask 4433 -tls1_3; ask 4433 -tls1_2
        ask 4410 -tls1 -cipher ALL:@SECLEVEL=0; ask 4411 -tls1_1 -cipher ALL:@SECLEVEL=0
        traffic get 8080
        traffic mail 2525 plain; traffic mail 2525 upgrade
        traffic datagrams 8443 "$CAPTURES/quic_v1_h3.pcap"
        traffic blast 9 3 200
        sleep 1
        stop INT; echo status=$status
        sleep 0.5; kill -s INT $other; wait $other
        "$BIN" inspect -q --format jsonl x.pcapng >file; echo file=$?
        "$BIN" inspect -q --format jsonl other.pcap >other
        "#,
    );
    assert_eq!((said(&done, "status"), said(&done, "file")), (0, 0), "{}", space.read("err"));
    let (live, file, other) = (nameless(&space.read("out")), nameless(&space.read("file")), nameless(&space.read("other")));
    let protocols: Vec<&str> = live.iter().filter_map(|c| c["network"]["protocol"].as_str()).collect();
    for expected in ["tls", "http", "smtp", "quic"] {
        assert!(protocols.contains(&expected), "{expected} is among {protocols:?}");
    }
    assert!(live.iter().any(|c| c["intransit"]["starttls"] == "smtp" && c["tls"]["version"] == "1.3"), "STARTTLS");
    let versions =
        |port: u64| live.iter().find(|c| c["destination"]["port"] == port).map(|c| c["tls"]["version"].clone()).unwrap_or_default();
    match said(&done, "old") {
        20 => println!("skipped: TLS 1.0 and 1.1 (this OpenSSL has neither)"),
        _ => assert_eq!((versions(4410), versions(4411)), ("1.0".into(), "1.1".into())),
    }
    for version in ["1.2", "1.3"] {
        assert!(live.iter().any(|c| c["destination"]["port"] == 4433 && c["tls"]["version"] == version), "{version}");
    }
    assert!(live.len() >= 8, "{}", live.len());
    are_the_same(&live, &file);
    // The kernel stamps a packet anew for each who watches, and tcpdump stores no programs.
    are_the_same(&timeless(programless(live)), &timeless(other));
    let err = space.read("err");
    assert!(err.contains("x.pcapng keeps every packet") && err.contains("in clear"), "{err}");
    assert!(err.contains(" packets kept in x.pcapng"), "{err}");
}

#[test]
fn two_threads_tell_what_one_tells_with_both_directions_together() {
    let Some(space) = Namespace::new("two threads against one", &["openssl", "python3"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433; serve http 8080; serve smtp 2525 cert.pem key.pem
        # What still comes of asking whether the servers listen is not for this.
        sleep 0.5
        start live -i lo --headless --workers 2 -w two.pcapng
        two=$pid; mv out two.out; mv err two.err
        start live -i lo --headless --workers 1
        one=$pid
        for n in 1 2 3 4 5; do ask 4433 -tls1_3; ask 4433 -tls1_2; traffic get 8080; done
        traffic mail 2525 plain; traffic mail 2525 upgrade
        traffic datagrams 8443 "$CAPTURES/quic_v1_h3.pcap"
        traffic blast 9 3 200
        sleep 1
        kill -s INT $one $two; wait $one; echo one=$?; wait $two; echo two=$?
        mv out one.out
        "$BIN" inspect -q --format jsonl two.pcapng >file
        touch keys.log; rm -f err; start live -i lo --headless --workers 2 --keylog keys.log; stop INT
        "#,
    );
    assert_eq!((said(&done, "one"), said(&done, "two")), (0, 0), "{}", space.read("two.err"));
    let (two, file) = (nameless(&space.read("two.out")), nameless(&space.read("file")));
    assert!(two.len() >= 18, "{}", two.len());
    are_the_same(&two, &file);
    // The kernel stamps a packet anew for each who watches, and each finds out for itself, sooner or later, whose a connection is.
    are_the_same(&timeless(programless(nameless(&space.read("one.out")))), &timeless(programless(two.clone())));
    for tls in two.iter().filter(|c| c["destination"]["port"] == 4433) {
        assert!(tls["source"]["packets"].as_u64() > Some(2) && tls["destination"]["packets"].as_u64() > Some(2), "{tls}");
    }
    assert!(space.read("err").contains("One thread reads, whatever --workers asks"), "{}", space.read("err"));
    assert!(!space.read("two.err").contains("One thread"));
}

#[test]
fn a_key_log_that_is_empty_gives_no_key_live_and_from_the_file() {
    let Some(space) = Namespace::new("an empty key log", &["openssl"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433
        sleep 0.5
        touch empty.log
        start live -i lo --headless -w x.pcapng --keylog empty.log
        ask 4433 -tls1_3; ask 4433 -tls1_2
        sleep 1
        stop INT; echo status=$status
        "$BIN" inspect -q --format jsonl --keylog empty.log x.pcapng >file
        "$BIN" inspect -q --format jsonl x.pcapng >without
        "#,
    );
    assert_eq!(said(&done, "status"), 0, "{}", space.read("err"));
    let (live, file) = (nameless(&space.read("out")), nameless(&space.read("file")));
    assert_eq!(live.len(), 2);
    are_the_same(&live, &file);
    assert!(live.iter().all(|c| c.to_string().contains("no-key")), "{live:?}");
    assert!(!space.read("without").contains("no-key"), "where no key log is named, none is missed");
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_that_can_be_read() {
    let Some(space) = Namespace::new("a kill", &["python3"]) else { return };
    let done = space.run(
        r#"
        for i in 1 2 3 4 5; do
            rm -f err
            start live -i lo -w $i.pcapng --headless
            traffic blast 9 100 1000
            sleep 3
            traffic blast 9 20000 1000 & blast=$!
            sleep 0.$i
            kill -s KILL $pid; wait $pid 2>/dev/null
            kill $blast 2>/dev/null; wait $blast 2>/dev/null
            "$BIN" inspect -q --format jsonl $i.pcapng >$i.jsonl 2>$i.err; echo status$i=$?
            capinfos $i.pcapng >/dev/null 2>&1; echo capinfos$i=$?
        done
        "#,
    );
    for n in 1..=5 {
        let status = said(&done, &format!("status{n}"));
        assert!(status == 0 || status == 3, "{status}: {}", space.read(&format!("{n}.err")));
        // 127: not installed. A kill in the middle of a write leaves part of a packet behind the whole ones: both readers say so.
        let capinfos = said(&done, &format!("capinfos{n}"));
        assert!([0, 127].contains(&capinfos) || (capinfos, status) == (1, 3), "{capinfos} {status}");
        let told = objects(&space.read(&format!("{n}.jsonl")));
        let packets: u64 = told.iter().filter(|c| c["destination"]["port"] == 9).map(|c| c["source"]["packets"].as_u64().unwrap()).sum();
        assert!(packets >= 100, "what was sent seconds before is in it: {packets}");
    }
}

#[test]
fn a_capture_makes_a_new_file_for_its_user_alone() {
    let Some(space) = Namespace::new("files of a capture", &[]) else { return };
    let done = space.run(
        r#"
        umask 0
        SUDO_UID=0 SUDO_GID=0 start live -i lo -w new.pcapng --headless; stop INT
        stat -c '%a' new.pcapng >mode
        echo precious >victim; ln -s victim link.pcapng
        for file in victim link.pcapng new.pcapng nowhere/x.pcapng; do
            timeout 5 "$BIN" live -i lo -w $file --headless 2>refused >/dev/null; echo $file=$?
            cat refused >>all
        done
        start live -i lo -w /dev/null --headless; stop INT; echo null=$status
        chown 65534 . 2>/dev/null && {
            SUDO_UID=65534 SUDO_GID=65534 "$BIN" live -i lo -w theirs.pcapng --headless 2>/dev/null >/dev/null & pid=$!
            sleep 1; stop INT
            stat -c '%u:%g' theirs.pcapng >owner
        }
        "#,
    );
    assert_eq!(space.read("mode").trim(), "600");
    assert_eq!(space.read("victim"), "precious\n");
    for file in ["victim", "link.pcapng", "new.pcapng", "nowhere/x.pcapng"] {
        assert_eq!(said(&done, file), 1, "{file}");
    }
    assert_eq!(said(&done, "null"), 0, "a device is written");
    let all = space.read("all");
    assert!(all.contains("victim exists") && all.contains("is a symbolic link") && all.contains("No such file"), "{all}");
    assert_eq!(all.lines().count(), 4, "one sentence each: {all}");
    match space.read("owner").trim() {
        "" => println!("skipped: the owner of files (not root)"),
        owner => assert_eq!(owner, "65534:65534", "a file belongs to whoever called sudo"),
    }
}

#[test]
fn a_full_disk_ends_the_capture_with_what_was_kept() {
    let Some(space) = Namespace::new("a full disk", &["python3", "mount"]) else { return };
    let done = space.run(
        r#"
        mkdir small && mount -t tmpfs -o size=512k none small || { echo status=77; exit; }
        start live -i lo -w small/x.pcapng --headless
        traffic blast 9 2000 1000
        sleep 1; kill -s INT $pid 2>/dev/null
        wait $pid; echo status=$?
        "$BIN" inspect -q --format jsonl small/x.pcapng >file; echo file=$?
        "#,
    );
    if said(&done, "status") == 77 {
        return println!("skipped: a full disk (no tmpfs)");
    }
    assert_eq!((said(&done, "status"), said(&done, "file")), (3, 0), "{}", space.read("err"));
    let err = space.read("err");
    assert!(err.contains("cannot write small/x.pcapng: No space left"), "{err}");
    let kept = objects(&space.read("file")).iter().map(|c| c["network"]["packets"].as_u64().unwrap()).sum::<u64>();
    let icmp_too = err.split("it holds the ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok()).unwrap();
    assert!(kept > 100 && icmp_too >= kept, "the count is that of the file: {icmp_too} of {kept}: {err}");
}

#[test]
fn files_that_follow_each_other_hold_every_packet() {
    let Some(space) = Namespace::new("rotation", &["python3"]) else { return };
    let done = space.run(
        r#"
        start live -i lo -w x.pcapng --rotate-size 100k --headless
        traffic blast 9 500 1000
        traffic blast 10 3 1000
        sleep 0.5
        stop INT; echo status=$status
        for f in x-*.pcapng; do "$BIN" inspect -q --format jsonl $f >>file || echo bad=1; done
        echo files=$(ls x-*.pcapng | wc -l)
        "#,
    );
    assert_eq!(said(&done, "status"), 0, "{}", space.read("err"));
    let files = said(&done, "files");
    assert!(files >= 5, "{files}");
    let packets = |lines: &str| objects(lines).iter().map(|c| c["network"]["packets"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(packets(&space.read("file")), packets(&space.read("out")));
    // Each frame that is named can be found: it is in a file, and has a number there.
    let told = objects(&space.read("out"));
    let c = told.iter().find(|c| c["destination"]["port"] == 10 && c["network"]["transport"] == "udp").unwrap();
    let parts = c["intransit"]["files"].as_array().unwrap();
    let (name, first) = (parts[0]["name"].as_str().unwrap(), parts[0]["first_frame"].as_u64().unwrap());
    assert!(first > 1 && c["file"]["name"] == name, "{c}");
    let part =
        Command::new(env!("CARGO_BIN_EXE_intransit")).args(["inspect", "-q", "--format", "jsonl"]).arg(space.path(name)).output().unwrap();
    let there = objects(&String::from_utf8(part.stdout).unwrap());
    let same = there.iter().find(|other| other["source"]["port"] == c["source"]["port"]).unwrap();
    let number = c["intransit"]["first_frame"].as_u64().unwrap();
    assert_eq!(same["intransit"]["first_frame"].as_u64().unwrap(), number - first + 1, "{c}");
    let long = told.iter().find(|c| c["destination"]["port"] == 9 && c["network"]["transport"] == "udp").unwrap();
    assert!(long["intransit"]["files"].as_array().unwrap().len() >= 2, "{long}");
    assert!(space.read("err").contains(&format!("kept in {files} files: x-00001.pcapng from frame 1, x-00002.pcapng from frame ")));
}

#[test]
fn an_interface_that_goes_down_is_told_and_one_that_vanishes_ends_the_capture_with_everything_written() {
    let Some(space) = Namespace::new("an interface that goes away", &["python3"]) else { return };
    let done = space.run(
        r#"
        ip link add va type veth peer name vb 2>/dev/null || { echo status=77; exit; }
        ip addr add 10.9.0.1/24 dev va; ip link set va up; ip link set vb up
        ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev va
        start live -i va -w x.pcapng --headless
        send() { python3 -c "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x' * 100, ('10.9.0.2', $1))"; }
        told() { n=0; until grep -q "$1" err; do n=$((n + 1)); [ $n -lt 40 ] || return; sleep 0.05; done; }
        send 1001
        sleep 0.2
        before=$(now); ip link set va down; told 'has been down'; echo down=$(($(now) - before))
        spent() { awk '{ print $14 + $15 }' /proc/$pid/stat; }
        before=$(spent); sleep 1; echo spent=$(($(spent) - before))
        before=$(now); ip link set va up; told 'is up again'; echo up=$(($(now) - before))
        ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev va
        send 1002
        sleep 0.5
        ip link del va
        before=$(now); wait $pid; echo status=$?; echo gone=$(($(now) - before))
        "$BIN" inspect -q --format jsonl x.pcapng >file; echo file=$?
        "#,
    );
    if said(&done, "status") == 77 {
        return println!("skipped: an interface that goes away (no veth)");
    }
    let err = space.read("err");
    assert_eq!((said(&done, "status"), said(&done, "file")), (3, 0), "{err}");
    assert!(said(&done, "down") < 2000 && said(&done, "up") < 2000 && said(&done, "gone") < 2000, "{err}");
    assert!(said(&done, "spent") <= 5, "an interface that is down costs no more than 5 % of a processor");
    assert!(err.contains("va has been down since") && err.contains("va is up again") && err.contains("va: the capture broke off"), "{err}");
    let ports = |lines: &str| {
        let mut ports: Vec<u64> =
            objects(lines).iter().filter_map(|c| c["destination"]["port"].as_u64()).filter(|port| *port > 1000).collect();
        ports.sort_unstable();
        ports
    };
    assert_eq!((ports(&space.read("out")), ports(&space.read("file"))), (vec![1001, 1002], vec![1001, 1002]), "{err}");
}

#[test]
fn the_screen_shows_connections_while_they_go_on_and_the_file_is_whole_when_it_is_left() {
    let Some(space) = Namespace::new("a capture on the screen", &["openssl", "python3"]) else { return };
    for signal in [None, Some(rustix::process::Signal::TERM)] {
        let _ = std::fs::remove_file(space.path("x.pcapng"));
        let script = space.script(
            r#"
            certificate; tls 4433
            (sleep 1.5; ask 4433; traffic blast 9 3 100; sleep 30) &
            exec "$BIN" live -i lo -w x.pcapng
            "#,
        );
        let args: Vec<&str> = script.iter().map(String::as_str).collect();
        let env = space.variables();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut terminal = screen::Terminal::start_program(120, 30, "unshare", &args, &env);
        // Long before the linger of a closed connection is over.
        terminal.sees("2 connections");
        // From the board to the connections.
        terminal.types("2");
        terminal.sees("chat.example.net");
        terminal.types("6");
        terminal.sees("lo: traffic between programs of this computer only");
        terminal.sees("locked in");
        terminal.sees("programs of ");
        match signal {
            None => terminal.types("q"),
            Some(_) => terminal.types("\x03"),
        }
        assert!(terminal.ends().success(), "{}", terminal.screen());
        let file =
            Command::new(env!("CARGO_BIN_EXE_intransit")).args(["inspect", "-q", "--format", "jsonl"]).arg(space.path("x.pcapng")).output();
        let told = objects(&String::from_utf8(file.unwrap().stdout).unwrap());
        let ports: Vec<u64> = told.iter().filter_map(|c| c["destination"]["port"].as_u64()).collect();
        assert!(ports.contains(&9) && ports.contains(&4433), "{ports:?}");
    }
}

#[test]
fn interfaces_are_listed_without_any_right() {
    if !cfg!(have_libpcap) {
        return println!("skipped: interfaces (built without libpcap)");
    }
    let done = Command::new(env!("CARGO_BIN_EXE_intransit")).arg("interfaces").output().unwrap();
    assert!(done.status.success());
    let list = String::from_utf8(done.stdout).unwrap();
    assert!(list.lines().next().unwrap().contains("addresses"), "{list}");
    assert!(list.lines().any(|line| line.contains(" lo ") && line.contains("127.0.0.1")), "{list}");
}

#[test]
fn connections_are_told_with_the_program_that_held_their_socket_and_the_kept_file_says_the_same() {
    let Some(space) = Namespace::new("programs", &["openssl", "python3"]) else { return };
    let done = space.run(
        r#"
        certificate
        tls 4433
        start live -i lo -w kept.pcapng --headless
        for n in 1 2 3 4 5 6; do
            python3 -c 'import socket, sys, time; s = socket.create_connection(("127.0.0.1", 4433)); s.sendall(b"hello"); time.sleep(int(sys.argv[1]) % 2); s.close()' $n
            ask 4433 -tls1_3
        done
        python3 - <<'END'
import socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); listener.bind(("127.0.0.1", 5000))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.1", 5000)); s.send(b"one datagram"); s.close()
END
        sleep 1
        stop INT
        echo status=$status
        "$BIN" inspect -q --format jsonl kept.pcapng >again
        start live -i lo --process PYTHON --headless
        ask 4433
        python3 -c 'import socket, time; s = socket.create_connection(("127.0.0.1", 4433)); s.sendall(b"x"); time.sleep(1); s.close()'
        sleep 1
        stop INT
        cp out only
        "#,
    );
    assert_eq!(said(&done, "status"), 0, "{}", space.read("err"));
    let again = objects(&space.read("again"));
    assert_eq!(again.len(), 13, "{again:?}");
    let named: Vec<&Value> = again.iter().filter(|c| c["process"]["name"].is_string()).collect();
    println!("{} of {} connections have a program", named.len(), again.len());
    for c in &again {
        // The names of the two kinds of clients differ by what they sent; unknown is allowed, another one's name is not.
        let Some(name) = c["process"]["name"].as_str() else { continue };
        let tls = c["tls"]["version"] == "1.3";
        assert!(if tls { name == "openssl" } else { name.starts_with("python3") }, "{c}");
        assert!(c["process"]["pid"].as_u64().is_some_and(|pid| pid > 1), "one process held it: {c}");
        assert!(["socket-open", "port-bound"].contains(&c["process"]["seen"].as_str().unwrap()), "{c}");
        assert!(c["process"]["executable"].as_str().unwrap().starts_with('/'), "{c}");
    }
    // Whether one of a few milliseconds is seen depends on what else the computer does; one that stays open is.
    let stayed: Vec<&Value> = again.iter().filter(|c| c["event"]["duration"].as_u64().is_some_and(|nanos| nanos >= 900_000_000)).collect();
    assert!(stayed.len() >= 3, "{again:?}");
    assert!(stayed.iter().all(|c| c["process"]["name"].is_string()), "{stayed:?}");
    let only = objects(&space.read("only"));
    assert!(only.iter().all(|c| c["process"]["name"].as_str().is_some_and(|name| name.starts_with("python3"))), "{only:?}");
    assert_eq!(only.len(), 1, "--process tells the connections of one program");
}

#[test]
fn a_socket_that_two_programs_hold_is_said_to_be_neither_s() {
    let Some(space) = Namespace::new("a socket of two programs", &["python3", "openssl"]) else { return };
    let done = space.run(
        r#"
        serve http 8080
        start live -i lo -w x.pcapng --headless
        python3 - <<'END'
import ctypes, os, socket, time
def rename(name): ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
for name in [b"other", None]:
    s = socket.socket()
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(w)
        if name: rename(name)
        os.read(r, 1)
        os._exit(0)
    os.close(r)
    time.sleep(0.3)
    s.connect(("127.0.0.1", 8080))
    s.sendall(b"GET / HTTP/1.0\r\nHost: %s.example\r\n\r\n" % (name or b"same"))
    time.sleep(0.5)
    s.close(); os.close(w); os.waitpid(child, 0)
END
        sleep 0.5
        stop INT
        echo status=$status
        "$BIN" inspect -q --format jsonl x.pcapng >file
        "#,
    );
    assert_eq!(said(&done, "status"), 0, "{}", space.read("err"));
    let told = objects(&space.read("out"));
    let of = |host: &str| told.iter().find(|c| c["destination"]["domain"] == host).unwrap_or_else(|| panic!("{told:?}"));
    let several = &of("other.example")["process"];
    assert!(several["name"].is_null() && several["pid"].is_null(), "{several}");
    assert_eq!((&several["seen"], &several["holder_count"]), (&"socket-shared".into(), &2.into()), "{several}");
    let holders: Vec<&str> = several["holders"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(holders.len() == 2 && holders[0] == "other" && holders[1].starts_with("python3"), "{holders:?}");
    // The kept file says the same.
    assert_eq!(space.read("out"), space.read("file"));
    let same = &of("same.example")["process"];
    assert!(same["name"].as_str().is_some_and(|name| name.starts_with("python3")) && same["pid"].is_null(), "{same}");
    assert!(space.read("err").contains("1 that several programs held"), "{}", space.read("err"));
}

#[test]
fn a_fault_while_a_capture_runs_gives_the_terminal_back_and_saves_packets_and_report() {
    let Some(space) = Namespace::new("faults of a running capture", &["openssl", "python3"]) else { return };
    for place in ["draw", "thread"] {
        for name in ["x.pcapng", "x.pcapng.report.html"] {
            let _ = std::fs::remove_file(space.path(name));
        }
        let script = space.script(&format!(
            r#"
            chmod 777 .; export SUDO_UID=65534 SUDO_GID=65534
            certificate; tls 4433
            (sleep 1.5; ask 4433; traffic blast 9 3 100; sleep 30) &
            exec "$BIN" live -i lo -w x.pcapng --test-panic {place}
            "#
        ));
        let args: Vec<&str> = script.iter().map(String::as_str).collect();
        let env = space.variables();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut terminal = screen::Terminal::start_program(120, 30, "unshare", &args, &env);
        if place == "thread" {
            terminal.sees("the analysis ended early");
            terminal.types("q");
        }
        let status = terminal.ends();
        assert_eq!(status.code(), Some(101), "{place}: {}", terminal.screen());
        terminal.is_given_back();
        let file = Command::new(env!("CARGO_BIN_EXE_intransit")).args(["inspect", "-q"]).arg(space.path("x.pcapng")).output().unwrap();
        assert!(file.status.success(), "{place}: {}", String::from_utf8_lossy(&file.stderr));
        assert!(space.path("x.pcapng.report.html").exists(), "{place}: {}", terminal.screen());
    }
}

#[test]
fn a_real_quic_client_is_told_live_as_its_file_says() {
    let what = "a real QUIC client";
    let Some(space) = Namespace::new(what, &["openssl", "python3"]) else { return };
    let tool = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/quic.py");
    let done = space.run(&format!(
        r#"
        python3 -c 'import aioquic' 2>/dev/null || {{ echo status=77; exit; }}
        certificate
        quic() {{ python3 {} "$@" 2>>quic; }}
        quic serve 8443 cert.pem key.pem & server=$!
        n=0; until quic get 8443; do n=$((n + 1)); [ $n -lt 50 ] || {{ cat quic; exit 93; }}; sleep 0.1; done
        start live -i lo -w x.pcapng --headless
        quic get 8443 1; quic get 8443 2
        sleep 0.5
        stop INT; echo status=$status
        mv out first; rm err
        "$BIN" inspect -q --format jsonl x.pcapng >file
        # With the keys of a client, live as from the file.
        : >keys
        start live -i lo -w y.pcapng --keylog keys --headless
        quic get 8443 1 keys
        sleep 0.5
        stop INT
        "$BIN" inspect -q --format jsonl --keylog keys y.pcapng >keyed
        "#,
        tool.display()
    ));
    if said(&done, "status") == 77 {
        return println!("skipped: {what} (python3 has no aioquic)");
    }
    assert_eq!(said(&done, "status"), 0, "{}", space.read("quic"));
    println!("{}", space.read("quic"));
    let quic = |lines: &str| -> Vec<Value> { nameless(lines).into_iter().filter(|c| c["destination"]["port"] == 8443).collect() };
    let (file, keyed) = (quic(&space.read("file")), quic(&space.read("keyed")));
    let mut versions: Vec<&str> = file.iter().map(|c| c["quic"]["version"].as_str().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, ["1", "2"], "{file:?}");
    for c in file.iter().chain(&keyed) {
        assert_eq!((&c["network"]["protocol"], &c["intransit"]["grade"]), (&"quic".into(), &"protected".into()), "{c}");
        assert_eq!(
            (&c["tls"]["client"]["server_name"], &c["tls"]["client"]["alpn"]),
            (&"chat.example.net".into(), &serde_json::json!(["h3"]))
        );
        assert_eq!(c["intransit"]["handshake"], "complete", "{c}");
    }
    assert_eq!(keyed.len(), 1);
    are_the_same(&quic(&space.read("out")), &keyed);
    are_the_same(&quic(&space.read("first")), &file);
}
