//! A running capture where other devices are seen: on a computer that forwards for them, in namespaces of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use common::namespace::{Namespace, objects, said};

/// A computer that forwards for others: 10.1.0.2 behind `va`, 10.2.0.2 behind `vb`, each with a server on port 80. `get FROM URL` fetches.
const ROUTER: &str = r#"
    behind() {
        unshare -n sleep 60 & far=$!
        n=0; until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do n=$((n + 1)); [ $n -lt 100 ] || exit 96; sleep 0.05; done
        ip link add $1 type veth peer name e0 netns $far 2>/dev/null || { echo status=77; exit; }
        echo 1 >/proc/sys/net/ipv6/conf/$1/disable_ipv6
        ip addr add $2.1/24 dev $1; ip link set $1 up
        nsenter -t $far -n sh -c "echo 1 >/proc/sys/net/ipv6/conf/e0/disable_ipv6; ip link set lo up; ip addr add $2.2/24 dev e0; ip link set e0 up; ip route add default via $2.1"
        nsenter -t $far -n python3 -m http.server 80 >/dev/null 2>&1 &
    }
    behind va 10.1.0; a=$far
    behind vb 10.2.0; b=$far
    echo 1 >/proc/sys/net/ipv4/ip_forward
    fetch='import sys, time, urllib.request, http.client
c = http.client.HTTPConnection(sys.argv[1], timeout=2, source_address=(sys.argv[2], 0)); c.request("GET", sys.argv[3] if len(sys.argv) > 3 else "/"); c.getresponse().read(); c.close()'
    get() { n=0; until python3 -c "$fetch" $2 $1 2>/dev/null; do n=$((n + 1)); [ $n -lt 50 ] || exit 95; sleep 0.1; done; }
    theirs() { n=0; until nsenter -t $a -n python3 -c "$fetch" 10.2.0.2 10.1.0.2 "$@" 2>/dev/null; do n=$((n + 1)); [ $n -lt 50 ] || exit 94; sleep 0.1; done; }
    get 10.1.0.1 10.1.0.2; theirs
"#;

#[test]
fn connections_of_other_devices_are_counted_and_shown_only_where_that_is_asked_for() {
    let Some(space) = Namespace::new("other devices", &["python3", "nsenter"]) else { return };
    let script = r#"
        start live -i va -w x.pcapng --headless --no-programs
        get 10.1.0.1 10.1.0.2; theirs; theirs
        # An address that comes while the capture runs.
        ip addr add 10.1.0.77/24 dev va
        get 10.1.0.77 10.1.0.2
        sleep 0.5
        stop INT; echo status=$status
        mv out own; mv err said
        "$BIN" inspect -q --format jsonl x.pcapng >file
        start live -i va --show-others --headless --no-programs
        get 10.1.0.1 10.1.0.2; theirs
        sleep 0.5
        stop INT
        "$BIN" live -i va --monitor --headless >none 2>monitor; echo monitor=$?
    "#;
    let done = space.run(&format!("{ROUTER}{script}"));
    if said(&done, "status") == 77 {
        return println!("skipped: other devices (no veth)");
    }
    assert_eq!(said(&done, "status"), 0, "{}", space.read("said"));
    let clients = |lines: &str| {
        let mut all: Vec<String> = objects(lines)
            .iter()
            .filter(|c| c["destination"]["port"] == 80)
            .map(|c| c["source"]["ip"].as_str().unwrap().to_owned())
            .collect();
        all.sort();
        all
    };
    assert_eq!(clients(&space.read("own")), ["10.1.0.1", "10.1.0.77"], "{}", space.read("own"));
    assert!(!space.read("own").contains("10.2.0.2") && !space.read("said").contains("10.2.0.2"));
    assert!(space.read("said").contains("2 connections of other devices, counted and not shown (--show-others"), "{}", space.read("said"));
    assert!(space.read("said").starts_with("Watching va: this computer's traffic, and what it forwards for others."));
    // What goes by is kept, and whoever opens the file sees it.
    assert_eq!(clients(&space.read("file")), ["10.1.0.1", "10.1.0.2", "10.1.0.2", "10.1.0.77"]);
    assert_eq!(clients(&space.read("out")), ["10.1.0.1", "10.1.0.2"]);
    assert!(!space.read("err").contains("of other devices, counted"), "{}", space.read("err"));
    assert_eq!(said(&done, "monitor"), 1, "a pair of virtual interfaces is no radio");
    assert!(space.read("monitor").contains("va has no monitor mode"), "{}", space.read("monitor"));
}

#[test]
fn on_the_screen_other_devices_are_a_count_and_the_report_leaves_them_out() {
    let Some(space) = Namespace::new("other devices on the screen", &["python3", "nsenter"]) else { return };
    if space.run("ip link add va type veth peer name vb || echo none >none").status.success() && space.path("none").exists() {
        return println!("skipped: other devices on the screen (no veth)");
    }
    let script = space.script(&format!(
        r#"{ROUTER}
        chmod 777 .; export SUDO_UID=65534 SUDO_GID=65534
        (sleep 2; theirs; theirs /lantern-otter-40713-poppy; until [ -e go ]; do sleep 0.1; done; get 10.1.0.1 10.1.0.2) &
        echo lantern-otter-40713-poppy >phrase; chmod 644 phrase
        exec "$BIN" live -i va -w x.pcapng --no-programs --message-file phrase --control Directory
        "#
    ));
    let args: Vec<&str> = script.iter().map(String::as_str).collect();
    let env = space.variables();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut terminal = screen::Terminal::start_program(120, 40, "unshare", &args, &env);
    // Why nothing is shown is said on every screen.
    terminal.sees("2 connections of other devices went by, none of this computer");
    std::fs::write(space.path("go"), "").unwrap();
    terminal.sees("1 connection ");
    terminal.types("2");
    terminal.sees("10.1.0.2");
    assert!(!terminal.screen().contains("10.2.0.2"), "{}", terminal.screen());
    terminal.types("6");
    terminal.sees("2 connections, not shown: begin with --show-others");
    // What they sent is looked into, and counts; whose it is is not shown.
    terminal.types("7");
    terminal.sees("2 connections of other devices, not shown: begin with --show-others to see them.");
    terminal.sees("READABLE");
    assert!(terminal.screen().contains("READABLE: of 1 connection"), "{}", terminal.screen());
    assert!(!terminal.screen().contains("10.2.0.2") && terminal.screen().contains("10.1.0.2"), "{}", terminal.screen());
    terminal.types("w\x15r.md\r");
    terminal.sees("the report is in ");
    terminal.types("q");
    assert!(terminal.ends().success(), "{}", terminal.screen());
    let report = space.read("r.md");
    assert!(report.contains("10.1.0.2") && !report.contains("10.2.0.2"), "{report}");
    assert!(report.contains("2 connections of other devices went by and are not in this report"), "{report}");
    assert!(report.contains("The server end of this connection could read the phrase"), "{report}");
    assert!(
        report.contains(
            "2 connections of other devices, not shown: begin with --show-others to see them. The phrase was readable in 1 of them."
        ),
        "{report}"
    );
    assert!(terminal.screen().contains("canary test: READABLE: of 1 connection"), "{}", terminal.screen());
}
