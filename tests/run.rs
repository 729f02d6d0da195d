//! `intransit run`: one program in a network of its own. The tests stand on a computer of their own, with an internet of one server behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use common::namespace::{Namespace, is_root, objects};

/// A namespace as the internet: 198.51.100.7 answers by TLS on port 443, by HTTP on port 80. `left` says what of a run is still there.
const INTERNET: &str = r#"
    unshare -n sleep 120 & internet=$!
    n=0; until [ "$(readlink /proc/$internet/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do n=$((n + 1)); [ $n -lt 100 ] || exit 96; sleep 0.05; done
    ip link add up0 type veth peer name server netns $internet 2>/dev/null || { echo skip=1 >skip; exit; }
    ip addr add 10.9.0.1/24 dev up0; ip link set up0 up; ip route add default via 10.9.0.2
    there() { nsenter -t $internet -n "$@"; }
    there sh -c 'ip link set lo up; ip addr add 10.9.0.2/24 dev server; ip addr add 198.51.100.7/32 dev server; ip link set server up'
    certificate
    there openssl s_server -accept 443 -cert cert.pem -key key.pem -www -quiet >/dev/null 2>&1 &
    there python3 -m http.server 80 >/dev/null 2>&1 &
    n=0
    until curl -sk -m 1 https://198.51.100.7/ >/dev/null && curl -s -m 1 http://198.51.100.7/ >/dev/null; do
        n=$((n + 1)); [ $n -lt 100 ] || exit 95; sleep 0.1
    done
    fetch='curl -sSk --resolve chat.example.net:443:198.51.100.7 https://chat.example.net/'
    left() {
        sleep 0.2
        ip -br link | grep -o 'itr[0-9]*'; nft list tables 2>/dev/null
        cat /proc/sys/net/ipv4/conf/up0/forwarding | grep -v 0
        for n in all/forwarding up0/force_forwarding; do grep -v 0 /proc/sys/net/ipv6/conf/$n 2>/dev/null; done
        grep -H 2 /proc/sys/net/ipv6/conf/*/accept_ra 2>/dev/null
        for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -E '^(sleep 7[0-9]|[^ ]*pasta|[^ ]*/intransit|nft)'; done
        true
    }
"#;

/// Runs a script there; `None` where the system has no interfaces for it.
fn at(space: &Namespace, what: &str, script: &str) -> Option<()> {
    space.run(&format!("{INTERNET}\n{script}"));
    if space.path("skip").exists() {
        println!("skipped: {what} (no veth)");
        return None;
    }
    Some(())
}

fn root(what: &str) -> Option<Namespace> {
    if !common::namespace::has("nft") && !common::namespace::has("iptables") {
        println!("skipped: {what} (neither nft nor iptables is installed)");
        return None;
    }
    Namespace::new(what, &["openssl", "python3", "curl", "nsenter"])
}

#[test]
fn only_the_program_is_captured_its_keys_are_kept_and_the_file_says_the_same() {
    let what = "one program in a network of its own";
    let Some(space) = root(what) else { return };
    let script = r#"
        (while :; do curl -s http://198.51.100.7/ >/dev/null; sleep 0.05; done) & other=$!
        "$BIN" run -w x.pcapng --headless -- sh -c "$fetch -o page; sleep 0.5; exit 7" >out 2>err; echo $? >status
        kill $other
        "$BIN" inspect -q --format jsonl --keylog x.keys x.pcapng >file
        stat -c '%a' x.pcapng x.keys >modes
        left >left
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    let err = space.read("err");
    assert_eq!(space.read("status").trim(), "0", "{err}");
    assert!(err.contains("Watching eth0: only what the program and those it starts send and receive"), "{err}");
    assert!(err.contains("sh ended with status 7") && err.contains("x.keys gets the program's TLS keys"), "{err}");
    assert!(space.read("page").contains("Cipher"), "the program got its page: {err}");
    let told = objects(&space.read("out"));
    assert_eq!(told.len(), 1, "of the computer's other connections none: {told:?}");
    let c = &told[0];
    assert_eq!((&c["destination"]["ip"], &c["tls"]["client"]["server_name"]), (&"198.51.100.7".into(), &"chat.example.net".into()));
    assert_eq!((&c["intransit"]["grade"], &c["process"]["name"]), (&"protected".into(), &"curl".into()));
    let with_keys = c["intransit"]["facts"].as_array().unwrap().iter().any(|fact| fact["basis"] == "observed-with-keys");
    assert!(with_keys, "its keys were used: {c}");
    assert_eq!(space.read("out"), space.read("file"));
    assert_eq!(space.read("modes").split_whitespace().collect::<Vec<_>>(), ["600", "600"]);
    assert_eq!(space.read("left"), "", "nothing stays behind");
}

#[test]
fn a_phrase_that_the_program_sends_is_readable_with_its_keys_and_inconclusive_without() {
    let what = "the canary test of a run";
    let Some(space) = root(what) else { return };
    let script = r#"
        cat >server.py <<'END'
import http.server, ssl
class Taken(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"])); self.send_response(204); self.end_headers()
server = http.server.HTTPServer(("198.51.100.7", 8443), Taken)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
        there python3 server.py >/dev/null 2>&1 &
        send() { "$BIN" run "$@" -- curl -sSk -A quiet.harbour.mouse -d 'text=lantern-otter-40713-poppy' https://198.51.100.7:8443/; }
        n=0; until curl -sk -m 1 -d x https://198.51.100.7:8443/; do n=$((n + 1)); [ $n -lt 100 ] || exit 95; sleep 0.1; done
        echo lantern-otter-40713-poppy >phrase
        asking="--message-file phrase --control quiet.harbour.mouse"
        send -w x.pcapng --headless $asking >out 2>err; echo $? >status
        "$BIN" canary x.pcapng --keylog x.keys $asking --format json >file
        send --headless --no-keys $asking >closed 2>>err; echo $? >>status
        send --headless --control alone >refused 2>&1; echo $? >>status
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    let err = space.read("err");
    assert_eq!(space.read("status").split_whitespace().collect::<Vec<_>>(), ["0", "0", "2"], "{err}");
    let (told, closed) = (objects(&space.read("out")), objects(&space.read("closed")));
    assert_eq!((told.len(), &told[1]["verdict"]), (2, &"readable".into()), "{told:?}");
    let hit = &told[1]["channels"][0]["hits"][0];
    assert_eq!((&hit["direction"], &hit["chain"]), (&"client-to-server".into(), &"TLS 1.3 › HTTP/1 request 1".into()), "{hit}");
    assert_eq!(told[1], objects(&space.read("file"))[0], "{err}");
    assert_eq!((closed.len(), &closed[1]["verdict"]), (2, &"inconclusive".into()), "{closed:?}");
    assert!(closed[1]["reasons"].to_string().contains("no key for its"), "{closed:?}");
    assert!(space.read("refused").contains("no phrase was given"), "{}", space.read("refused"));
}

#[test]
fn after_any_signal_nothing_of_it_stays_behind() {
    let what = "signals to a run";
    let Some(space) = root(what) else { return };
    let script = r#"
        mkdir -m 777 tmp; export TMPDIR=$DIR/tmp
        for signal in INT TERM HUP KILL; do
            rm -f err
            "$BIN" run --headless -- sh -c 'sleep 70 & sleep 71' >out 2>err & pid=$!
            n=0; until grep -q 'is started' err; do n=$((n + 1)); [ $n -lt 100 ] || exit 94; sleep 0.1; done
            sleep 0.3; left >during; ls tmp >>during
            stop $signal
            echo "$signal $status $took $(wc -l <during)" >>all
            [ $signal = KILL ] && sleep 3
            left >>left; ls tmp >>keys
        done
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    for line in space.read("all").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[1], if words[0] == "KILL" { "137" } else { "0" }, "{line}: {}", space.read("err"));
        assert!(words[2].parse::<u64>().unwrap() < 4000, "{line}");
        assert!(words[3].parse::<u64>().unwrap() >= 7, "the test looks for what is there while it runs: {line}");
    }
    assert_eq!(space.read("all").lines().count(), 4);
    assert_eq!(space.read("keys"), "", "and no keys");
    assert_eq!(space.read("left"), "");
}

/// A way out by IPv6, and behind it [2001:db8:7::7], which answers by HTTP on port 86 and writes down who asked.
const SIX: &str = r#"
    [ -e /proc/sys/net/ipv6 ] || { echo skip=1 >skip; exit; }
    ip -6 addr add 2001:db8:9::1/64 dev up0 nodad; ip -6 route add default via 2001:db8:9::2
    there sh -c 'ip -6 addr add 2001:db8:9::2/64 dev server nodad; ip -6 addr add 2001:db8:7::7/128 dev server nodad'
    cat >six.py <<'END'
import http.server, socket, sys
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(sys.argv[2], "a").write(self.client_address[0] + "\n")
        self.send_response(200); self.end_headers(); self.wfile.write(b"by six")
Server(("::", int(sys.argv[1])), Asked).serve_forever()
END
    there python3 six.py 86 asked >/dev/null 2>&1 &
    python3 six.py 87 asked_here >/dev/null 2>&1 &
    n=0
    until curl -s -m 1 'http://[2001:db8:7::7]:86/' >/dev/null && curl -s -m 1 'http://[::1]:87/' >/dev/null; do
        n=$((n + 1)); [ $n -lt 100 ] || exit 95; sleep 0.1
    done
    rm asked asked_here
"#;

#[test]
fn the_program_has_ipv6_as_far_as_the_computer_has_it_and_nothing_of_that_stays_behind() {
    let what = "a run by IPv6";
    let Some(space) = root(what) else { return };
    let script = r#"
        "$BIN" run -w x.pcapng --headless -- sh -c "curl -sS -m 5 'http://[2001:db8:7::7]:86/' >page; ip -6 addr show dev eth0 >addresses" >out 2>err; echo $? >status
        "$BIN" inspect -q --format jsonl --keylog x.keys x.pcapng >file
        left >left
        "$BIN" run --headless -- sleep 70 >killed 2>&1 & pid=$!
        n=0; until grep -q 'is started' killed; do n=$((n + 1)); [ $n -lt 100 ] || exit 94; sleep 0.1; done
        sleep 0.3; left >during; stop KILL; sleep 3; left >>left
        # Without a way out it leads to this computer, and no further.
        ip -6 route del default
        here='http://[$(ip -6 -o addr show dev eth0 scope global | sed -E "s,.*inet6 ([0-9a-f:]*:):2/64.*,\\1:1,")]:87/'
        "$BIN" run --headless -- sh -c "curl -sS -m 5 $here >here; curl -sS -m 5 'http://[2001:db8:7::7]:86/' >nowhere 2>&1" >out2 2>err2; echo $? >>status
        left >>left
    "#;
    if at(&space, what, &format!("{SIX}\n{script}")).is_none() {
        return;
    }
    let err = space.read("err");
    if err.contains("no way out by IPv6") {
        return println!("skipped: {what} ({err})");
    }
    assert_eq!(space.read("page"), "by six", "{err}");
    assert_eq!(space.read("asked").lines().collect::<Vec<_>>(), ["2001:db8:9::1"], "who asks has the computer's address");
    let told = objects(&space.read("out"));
    let six: Vec<_> = told.iter().filter(|c| c["destination"]["ip"] == "2001:db8:7::7").collect();
    assert_eq!(six.len(), 1, "{told:?}");
    assert!(six[0]["source"]["ip"].as_str().unwrap().starts_with("fd") && six[0]["process"]["name"] == "curl", "{}", six[0]);
    assert_eq!(space.read("out"), space.read("file"));
    let addresses = space.read("addresses");
    assert!(addresses.contains("inet6 fd") && !addresses.contains("fe80"), "no more than it needs: {addresses}");
    assert!(space.read("during").contains("table ip6 intransit_") || !common::namespace::has("nft"), "{}", space.read("during"));
    let here = space.read("asked_here");
    assert_eq!(space.read("here"), "by six", "{}", space.read("err2"));
    assert!(here.starts_with("fd"), "{here}");
    assert!(!space.read("nowhere").contains("by six"), "{}", space.read("nowhere"));
    assert_eq!(space.read("left"), "", "nothing stays behind, also after SIGKILL");
}

#[test]
fn a_user_without_rights_runs_a_program_by_pasta() {
    let what = "a run by pasta";
    if !is_root() {
        return println!("skipped: {what} (not root, which makes a computer with a user)");
    }
    let Some(space) = Namespace::new(what, &["openssl", "python3", "curl", "nsenter", "pasta", "setpriv"]) else { return };
    let script = r#"
        chmod 777 .; mkdir -m 755 bin; cp "$BIN" bin/intransit
        # Where only root may make tun devices, a computer on which users may.
        mkdir dev; mount -t tmpfs none dev && mknod dev/tun c 10 200 && chmod 666 dev/tun && mount --bind dev/tun /dev/net/tun || { echo skip >skip; exit; }
        user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
        user bin/intransit run -w x.pcapng --headless -- sh -c "id -u >id; $fetch -o page; grep ^CapEff /proc/self/status >caps" >out 2>err; echo $? >status
        left >left
        user env PATH=/nowhere bin/intransit run -- /bin/true >refused 2>&1; echo $? >>status
        user bin/intransit run -- no-such-program >>refused 2>&1; echo $? >>status
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    let err = space.read("err");
    if err.contains("pasta gave the program no network") || err.contains("gives the program no network of its own") {
        return println!("skipped: {what} ({err})");
    }
    assert_eq!(space.read("status").split_whitespace().collect::<Vec<_>>(), ["0", "1", "2"], "{err}");
    let told = objects(&space.read("out"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["tls"]["client"]["server_name"], &told[0]["process"]["name"]), (&"chat.example.net".into(), &"curl".into()));
    assert_eq!(space.read("id").trim(), "65534", "it is the same user inside");
    assert_eq!(space.read("caps").trim(), "CapEff:\t0000000000000000", "and has no more rights than outside");
    assert!(err.contains("locked in: runs as user 65534"), "{err}");
    assert_eq!(space.read("left"), "");
    let refused = space.read("refused");
    assert_eq!(refused.lines().count(), 2, "{refused}");
    assert!(refused.contains("needs pasta (Debian and Ubuntu: apt install passt") && refused.contains("sudo"), "{refused}");
    assert!(refused.contains("there is no program no-such-program"), "{refused}");
}

#[test]
fn under_sudo_the_program_runs_as_the_user_who_called() {
    if !is_root() {
        return println!("skipped: a run under sudo (not root)");
    }
    let what = "a run under sudo";
    let Some(space) = root(what) else { return };
    let script = r#"
        chmod 777 .
        export SUDO_UID=1234 SUDO_GID=2345
        "$BIN" run -w x.pcapng --headless -- sh -c "grep -E '^(Uid|Gid|Groups|CapPrm)' /proc/self/status >state; $fetch -o page" >out 2>err; echo $? >status
        stat -c '%u:%g' x.pcapng x.keys page >owners
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    let err = space.read("err");
    assert_eq!(space.read("status").trim(), "0", "{err}");
    let state: Vec<String> = space.read("state").lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(state, ["Uid: 1234 1234 1234 1234", "Gid: 2345 2345 2345 2345", "Groups: 2345", "CapPrm: 0000000000000000"], "{err}");
    assert_eq!(space.read("owners").split_whitespace().collect::<Vec<_>>(), ["1234:2345"; 3]);
    assert!(err.contains("1 key loaded, 1 matched"), "{err}");
}

#[test]
fn on_a_terminal_the_screen_shows_the_program_and_what_it_said_comes_after_it() {
    let what = "a run on the screen";
    let Some(space) = root(what) else { return };
    if at(&space, what, "").is_none() {
        return;
    }
    for ends_first in [true, false] {
        let wait = if ends_first { "" } else { "; sleep 73" };
        let script = space.script(&format!("{INTERNET}\nexec \"$BIN\" run -- sh -c \"$fetch >/dev/null; echo it said this{wait}\""));
        let args: Vec<&str> = script.iter().map(String::as_str).collect();
        let env = space.variables();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut terminal = screen::Terminal::start_program(120, 30, "unshare", &args, &env);
        terminal.sees("1 connection");
        terminal.types("2");
        terminal.sees("chat.example.net");
        assert!(!terminal.screen().contains("it said this"), "{}", terminal.screen());
        if ends_first {
            // It is over, and the screen stays.
            std::thread::sleep(std::time::Duration::from_secs(2));
            terminal.types("1");
            terminal.sees("In this capture,");
        }
        terminal.types("q");
        assert!(terminal.ends().success(), "{}", terminal.screen());
        terminal.is_given_back();
        let last = terminal.screen();
        assert!(last.contains("sh: it said this"), "{last}");
        assert!(last.contains(if ends_first { "sh ended with status 0" } else { "sh was still running, and is ended" }), "{last}");
    }
}

#[test]
fn keys_that_a_killed_run_left_behind_are_taken_away_by_the_next_one_and_nothing_else_is() {
    let what = "keys that were left behind";
    let Some(space) = root(what) else { return };
    let script = r#"
        mkdir -m 777 tmp; export TMPDIR=$DIR/tmp
        for name in intransit-keys-left intransit-keys-young intransit-keys-held intransit-keys-theirs intransit-other; do echo secret >tmp/$name; done
        echo precious >victim; ln -s ../victim tmp/intransit-keys-link; mkdir tmp/intransit-keys-folder; mkfifo tmp/intransit-keys-pipe
        touch -h -d '1 minute ago' tmp/*; touch tmp/intransit-keys-young
        chown 1234 tmp/intransit-keys-theirs
        flock tmp/intransit-keys-held sleep 20 & holder=$!
        sleep 0.3; touch tmp/intransit-keys-young
        "$BIN" run --headless -- true >out 2>err; echo $? >status
        ls tmp >left; kill $holder
    "#;
    if at(&space, what, script).is_none() {
        return;
    }
    let err = space.read("err");
    assert_eq!(space.read("status").trim(), "0", "{err}");
    assert!(err.contains("1 file with TLS keys, left in ") && err.contains("taken away"), "{err}");
    let mut left: Vec<String> = space.read("left").lines().map(ToOwned::to_owned).collect();
    left.sort();
    let expected = ["folder", "held", "link", "pipe", "theirs", "young"].map(|name| format!("intransit-keys-{name}"));
    assert_eq!(left[..6], expected, "{err}");
    assert_eq!(left[6..], ["intransit-other"]);
    assert_eq!(space.read("victim"), "precious\n");
}
