//! What the program can no longer do when it reads bytes from strangers, and that it can still do its work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Output};

use common::namespace::{Namespace, is_root};

fn intransit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_intransit")).args(args).output().unwrap()
}

fn has_landlock() -> bool {
    let done = intransit(&["inspect", "-q", "--sandbox", "strict", common::cabinet().join("tls10.pcap").to_str().unwrap()]);
    if done.status.success() {
        return true;
    }
    println!("skipped: {}", String::from_utf8_lossy(&done.stderr).trim());
    false
}

#[test]
fn a_locked_capture_goes_on_and_everything_else_is_denied() {
    let Some(space) = Namespace::new("the lock of a capture", &["python3"]) else { return };
    space.run(
        r#"
        start live -i lo --test-sandbox --headless -w x.pcapng
        traffic blast 9 20 100
        sleep 0.5
        cat /proc/$pid/status >state
        stop INT
        "#,
    );
    let err = space.read("err");
    let tried: Vec<&str> = err.lines().filter(|line| line.ends_with(": denied") || line.ends_with(": POSSIBLE")).collect();
    assert!(tried.len() >= 12, "{err}");
    let possible: Vec<&&str> = tried.iter().filter(|line| line.ends_with("POSSIBLE")).collect();
    if has_landlock() {
        assert!(possible.is_empty(), "{possible:?}: {err}");
    }
    assert!(space.read("out").contains("\"port\":9,"), "it still captures: {err}");
    let state = space.read("state");
    let field = |name: &str| state.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap_or_default().trim().to_owned();
    assert_eq!((field("NoNewPrivs").as_str(), field("Seccomp").as_str()), ("1", "2"));
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(set), 16), Ok(0), "{set}");
    }
    if is_root() {
        assert_eq!(field("Uid").split_whitespace().collect::<Vec<_>>(), ["65534"; 4]);
        assert_eq!(field("Gid").split_whitespace().collect::<Vec<_>>(), ["65534"; 4]);
        assert_eq!(field("Groups"), "");
        assert!(err.contains("The program is locked in: runs as user 65534 without privileges"), "{err}");
    } else {
        // A namespace of its own has one user only, who cannot become another.
        assert!(err.contains("locked in only in part"), "{err}");
    }
}

/// Of a running helper: its capabilities, and whether anything but reading files is possible to it.
#[test]
fn the_process_that_names_programs_may_look_at_others_and_do_nothing_else() {
    let Some(space) = Namespace::new("the lock of the process that names programs", &["python3"]) else { return };
    space.run(
        r#"
        chmod 755 .
        SUDO_UID=1234 SUDO_GID=2345 start live -i lo --headless
        for p in /proc/[0-9]*; do
            tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -q ' onlooker lo' && cat $p/status >state
        done
        stop INT
        "$BIN" onlooker lo --test-sandbox </dev/null >said 2>tried
        "#,
    );
    let state = space.read("state");
    let field = |name: &str| state.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap_or_default().trim().to_owned();
    assert_eq!((field("NoNewPrivs").as_str(), field("Seccomp").as_str()), ("1", "2"), "{state}");
    let looking = 1 << 19 | 1 << 2; // CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        let held = u64::from_str_radix(&field(set), 16).unwrap();
        assert_eq!(held & !looking, 0, "{set} {held:x}");
    }
    if is_root() {
        assert_eq!(field("Uid").split_whitespace().collect::<Vec<_>>(), ["1234"; 4]);
        assert_eq!(field("Gid").split_whitespace().collect::<Vec<_>>(), ["2345"; 4]);
        assert_eq!(field("Groups"), "");
    }
    assert!(space.read("said").starts_with("ready "), "{}", space.read("said"));
    let tried = space.read("tried");
    // Landlock would keep it from looking: files can be read.
    let files = ["read /etc/shadow", "read /etc/passwd", "make a temporary file", "read the environment of process 1"];
    let rest: Vec<&str> = tried.lines().filter(|line| !files.iter().any(|file| line.starts_with(file))).collect();
    assert!(rest.len() >= 8, "{tried}");
    for line in rest {
        assert!(line.ends_with(": denied"), "{line}");
    }
}

#[test]
fn the_process_that_names_programs_does_not_begin_when_it_cannot_become_another_user() {
    if !is_root() {
        return println!("skipped: a process that cannot become another user (not root, which could take that right away)");
    }
    let Some(space) = Namespace::new("a process that cannot become another user", &["setpriv"]) else { return };
    space.run(
        r#"
        setpriv --bounding-set -setuid --inh-caps -setuid "$BIN" onlooker lo </dev/null >said
        "#,
    );
    let said = space.read("said");
    assert!(said.starts_with("root could not be given up: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_capture_under_sudo_becomes_the_user_who_called() {
    if !is_root() {
        return println!("skipped: becoming the user who called sudo (not root)");
    }
    let Some(space) = Namespace::new("becoming the user who called sudo", &[]) else { return };
    space.run(
        r#"
        chmod 755 .
        export SUDO_UID=1234 SUDO_GID=2345
        start live -i lo --sandbox strict --headless
        grep -E '^(Uid|Gid|Groups)' /proc/$pid/status >state
        stop INT
        # Others cannot make files here: root stays root for it, and says so; strictly it does not begin.
        start live -i lo -w x.pcapng --rotate-size 1k --headless
        grep -E '^(Uid|CapEff)' /proc/$pid/status >>state
        stop INT
        "$BIN" live -i lo -w y.pcapng --rotate-size 1k --sandbox strict --headless >refused 2>&1; echo $? >status
        "#,
    );
    let state = space.read("state");
    let lines: Vec<String> = state.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[..3], ["Uid: 1234 1234 1234 1234", "Gid: 2345 2345 2345 2345", "Groups:"]);
    assert_eq!(lines[3..], ["Uid: 0 0 0 0", "CapEff: 0000000000000000"]);
    assert!(space.read("err").contains("still root, because only root may make further files"), "{}", space.read("err"));
    assert_eq!(space.read("status").trim(), "1");
    assert!(space.read("refused").contains("--sandbox strict"), "{}", space.read("refused"));
}

#[test]
fn without_the_right_to_capture_the_line_that_gives_it_is_named_and_with_it_nothing_more_is_needed() {
    if !is_root() {
        return println!("skipped: the right to capture (not root, which could take it away)");
    }
    let Some(space) = Namespace::new("the right to capture", &["setcap", "setpriv", "python3"]) else { return };
    space.run(
        r#"
        chmod 755 .; mkdir bin; cp "$BIN" bin/intransit
        as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"; }
        setpriv --reuid 65534 --regid 65534 --clear-groups bin/intransit live -i lo --headless >refused 2>&1; echo $? >status
        # The line itself, without sudo, which is not here.
        sed -n 's/.*`sudo \(setcap[^`]*\)`.*/\1/p' refused >line
        sh line 2>>line || { echo skip >skip; exit; }
        setpriv --reuid 65534 --regid 65534 --clear-groups bin/intransit live -i lo --headless >out 2>err & pid=$!
        watching
        traffic blast 9 5 100
        sleep 0.5
        stop INT
        "#,
    );
    assert_eq!(space.read("status").trim(), "1");
    let refused = space.read("refused");
    assert_eq!(refused.lines().count(), 1, "{refused}");
    let program = space.path("bin/intransit");
    assert!(refused.contains(&format!("`sudo setcap cap_net_raw+ep '{}'`", program.display())), "{refused}");
    if space.path("skip").exists() {
        return println!("skipped: a program with a capability ({})", space.read("line"));
    }
    assert!(space.read("out").contains("\"port\":9,"), "{}", space.read("err"));
}

#[test]
fn a_locked_reader_reads_and_writes_what_it_was_asked_to() {
    if !has_landlock() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let names = ["demo.pcapng", "tls10.pcap", "form_zst.pcap.zst", "quic_v1_h3.pcap"];
    let files: Vec<String> = names.iter().map(|name| common::cabinet().join(name).to_str().unwrap().to_owned()).collect();
    for workers in ["1", "3"] {
        for format in ["jsonl", "table", "csv"] {
            let read = |sandbox: &str| {
                let path = folder.path().join(format!("{sandbox}.{format}"));
                let mut args =
                    vec!["inspect", "--workers", workers, "--sandbox", sandbox, "--format", format, "-o", path.to_str().unwrap()];
                args.extend(files.iter().map(String::as_str));
                let done = intransit(&args);
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                std::fs::read_to_string(path).unwrap()
            };
            assert!(read("strict") == read("off"), "{format}");
        }
    }
    let input = std::fs::File::open(&files[0]).unwrap();
    let piped = Command::new(env!("CARGO_BIN_EXE_intransit")).args(["inspect", "--sandbox", "strict", "-"]).stdin(input).output().unwrap();
    assert!(piped.status.success() && !piped.stdout.is_empty());
    let gone = intransit(&["inspect", "--sandbox", "strict", "no/such/file.pcap"]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("No such file"), "the lock hides no reason");
}

#[test]
fn every_offline_command_does_its_work_locked_in_and_says_the_same_as_without_a_lock() {
    if !has_landlock() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let capture = |name: &str| common::cabinet().join(name).to_str().unwrap().to_owned();
    let (demo, other, keys) = (capture("demo.pcapng"), capture("phone.pcapng"), capture("demo.keylog"));
    std::fs::write(at("case.toml"), "device = \"Pixel 8\"\n").unwrap();
    std::fs::write(
        at("catalogue.toml"),
        "schema = 1\ndate = \"2026-11-25\"\n[[platform]]\nid = \"example\"\nname = \"Example\"\nowner = \"Example Ltd\"\n",
    )
    .unwrap();
    let other = if std::path::Path::new(&other).exists() { other } else { capture("tls10.pcap") };
    let commands: [(&str, Vec<String>); 4] = [
        (
            "r.json",
            ["report", &demo, "--case", &at("case.toml"), "--keylog", &keys, "--catalogue", &at("catalogue.toml"), "-o"]
                .map(String::from)
                .to_vec(),
        ),
        ("c.md", ["compare", &demo, &other, "-o"].map(String::from).to_vec()),
        ("k.json", ["canary", &demo, "--message", "a phrase nobody sent", "--keylog", &keys, "-o"].map(String::from).to_vec()),
        ("r.html", ["report", &demo, &other, "--filter", "grade:exposed", "-o"].map(String::from).to_vec()),
    ];
    for (name, command) in &commands {
        let made = ["strict", "off"].map(|sandbox| {
            let path = at(&format!("{sandbox}-{name}"));
            let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
            args.extend([path.as_str(), "--sandbox", sandbox, "-q"]);
            let done = intransit(&args);
            assert!(done.status.success(), "{name} {sandbox}: {}", String::from_utf8_lossy(&done.stderr));
            std::fs::read_to_string(path).unwrap()
        });
        assert!(made[0] == made[1], "{name}");
    }
    let done = intransit(&["report", &demo, "-o", &at("v.json"), "-q"]);
    assert!(done.status.success());
    let verified = intransit(&["verify", &at("v.json"), &demo, "--sandbox", "strict"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// What one does that would read a capture, seen by the kernel: the lock is there before the capture is read.
#[test]
fn offline_commands_are_locked_in_before_they_read_a_capture() {
    if !has_landlock() || !common::namespace::has("strace") {
        return println!("skipped: the lock of offline commands (strace is not installed)");
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("r.json");
    let demo = common::cabinet().join("demo.pcapng");
    let (report, demo) = (report.to_str().unwrap(), demo.to_str().unwrap());
    for args in [
        vec!["report", demo, "-o", report],
        vec!["compare", demo, demo],
        vec!["canary", demo, "--message", "a phrase nobody sent"],
        vec!["verify", report, demo],
    ] {
        let trace = folder.path().join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-e", "trace=openat,read,seccomp,landlock_restrict_self", "-o"])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_intransit"));
        let done = command.args(&args).output().unwrap();
        if !trace.exists() || String::from_utf8_lossy(&done.stderr).contains("PTRACE") {
            return println!("skipped: the lock of offline commands (strace may not trace)");
        }
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        let trace = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
        let place = |what: &str| trace.find(what).unwrap_or_else(|| panic!("{args:?}: no {what}"));
        // What verify reads to know its inputs is hashed, and not taken apart.
        let reading = trace.rfind("demo.pcapng\", O_RDONLY").unwrap_or_else(|| panic!("{args:?}: the capture was not opened"));
        assert!(place("landlock_restrict_self(") < reading && place("seccomp(SECCOMP_SET_MODE_FILTER") < reading, "{args:?}");
    }
}

#[test]
fn no_command_that_reads_or_watches_opens_a_connection_or_resolves_a_name() {
    if !common::namespace::has("strace") {
        return println!("skipped: what the kernel is asked for (strace is not installed)");
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = common::cabinet().join("demo.pcapng");
    let demo = demo.to_str().unwrap();
    let report = folder.path().join("r.json");
    let report = report.to_str().unwrap();
    for args in [
        vec!["inspect", demo],
        vec!["report", demo, "-o", report],
        vec!["verify", report, demo],
        vec!["compare", demo, demo],
        vec!["canary", demo, "--message", "a phrase nobody sent"],
        vec!["platforms"],
        vec!["rules"],
        vec!["interfaces"],
    ] {
        let trace = folder.path().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=socket,connect,sendto,sendmsg,sendmmsg,bind", "-o"]).arg(&trace);
        let done = command.arg(env!("CARGO_BIN_EXE_intransit")).args(&args).output().unwrap();
        let trace = String::from_utf8_lossy(&std::fs::read(&trace).unwrap_or_default()).into_owned();
        if trace.is_empty() {
            return println!("skipped: what the kernel is asked for (strace may not trace)");
        }
        if args == ["interfaces"] && !cfg!(have_libpcap) {
            continue;
        }
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        for line in trace.lines() {
            // What the kernel itself is asked about interfaces, and by libpcap which of its kinds there are, leaves the computer nowhere.
            let of_the_kernel = ["AF_NETLINK", "AF_UNIX, SOCK_RAW", "AF_PACKET"].iter().any(|own| line.contains(own));
            let about_interfaces =
                args == ["interfaces"] && (line.contains("socket(") || line.contains("NETLINK") || line.contains("sendto"));
            let calls = ["socket(", "connect(", "sendto(", "sendmsg(", "sendmmsg(", "bind("].iter().any(|call| line.contains(call));
            assert!(!calls || of_the_kernel || about_interfaces, "{args:?}: {line}");
            assert!(!line.contains("connect(") && !line.contains("sin_port=htons(53)"), "{args:?}: {line}");
        }
    }
}
