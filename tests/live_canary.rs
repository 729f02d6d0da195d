//! The canary test of a capture that runs says what the test of its file says. In a network namespace; tests say that they skip where the
//! system gives none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;
#[path = "common/screen.rs"]
#[allow(dead_code)]
mod screen;

use common::namespace::Namespace;
use serde_json::Value;

const PHRASE: &str = "lantern-otter-40713-poppy";

/// `say FLAGS PATH`: asks the server for a path, and names who asks; the keys of the session go to keys.log as they are made.
const SAY: &str = r#"
    say() {
        printf 'GET /%s HTTP/1.0\r\nX-Login: quiet.harbour.mouse\r\n\r\n' "$2" |
            openssl s_client -connect 127.0.0.1:4433 -servername chat.example.net -ign_eof -keylogfile keys.log $1 >/dev/null 2>&1
    }
"#;

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The last line of a capture without a screen, and what the test of its file says of the same keys.
fn both(space: &Namespace, name: &str) -> (Value, Value) {
    let live = objects(&space.read(&format!("{name}.out"))).pop().unwrap();
    (live, objects(&space.read(&format!("{name}.file"))).pop().unwrap())
}

#[test]
fn the_test_of_a_capture_that_runs_says_what_the_test_of_its_file_says() {
    let Some(space) = Namespace::new("the canary test of a running capture", &["openssl"]) else { return };
    space.run(&format!(
        r#"{SAY}
        certificate; tls 4433
        printf '%s\n' {PHRASE} >phrase
        # try NAME PATH LIVE-ARGUMENTS…: a capture during which the keys come, and the test of its file.
        try() {{
            name=$1; path=$2; shift 2
            rm -f keys.log out err
            start live -i lo -w $name.pcapng --headless --message-file phrase --control quiet.harbour.mouse "$@"
            say -tls1_3 $path; say -tls1_2 $path
            sleep 1
            stop INT
            mv out $name.out; mv err $name.err
            "$BIN" canary $name.pcapng "$@" --message-file phrase --control quiet.harbour.mouse --format json >$name.file
        }}
        try readable {PHRASE} --keylog keys.log
        try unseen elsewhere --keylog keys.log
        try closed {PHRASE}
        "#
    ));
    for (name, verdict, reason) in [("readable", "readable", ""), ("unseen", "not-seen", ""), ("closed", "inconclusive", "no key")] {
        let (live, file) = both(&space, name);
        let err = space.read(&format!("{name}.err"));
        assert_eq!(live["schema"], "intransit/canary/1", "{live}");
        assert_eq!(live["verdict"], verdict, "{live}\n{err}");
        assert_eq!(live, file, "{name}: {err}");
        assert!(live.to_string().contains(reason), "{live}");
        assert!(!live.to_string().contains(PHRASE) && !err.contains(PHRASE), "the phrase itself is in no output");
        assert!(err.contains("canary test: "), "{err}");
        assert_eq!(live["channels"].as_array().unwrap().len(), 2, "{live}");
    }
    let (live, _) = both(&space, "readable");
    let chains: Vec<&str> = live["channels"].as_array().unwrap().iter().map(|c| c["hits"][0]["chain"].as_str().unwrap()).collect();
    assert_eq!(chains, ["TLS 1.3 › HTTP/1 request 1 › start line", "TLS 1.2 › HTTP/1 request 1 › start line"]);
    assert_eq!((&live["controls"][0]["found"], &live["keys"]["matched"]), (&true.into(), &2.into()), "{live}");
}

#[test]
fn the_screen_says_readable_while_the_connection_goes_on() {
    let Some(space) = Namespace::new("the canary test on the screen of a running capture", &["openssl"]) else { return };
    let script = space.script(&format!(
        r#"{SAY}
        certificate; sleep 120 | openssl s_server -accept 4433 -cert cert.pem -key key.pem -quiet >/dev/null 2>&1 &
        printf '%s\n' {PHRASE} >phrase
        (sleep 2; (printf 'POST / HTTP/1.1\r\nContent-Length: 25\r\n\r\n{PHRASE}'; sleep 60) |
            openssl s_client -connect 127.0.0.1:4433 -keylogfile keys.log -quiet >/dev/null 2>&1) &
        exec "$BIN" live -i lo --keylog keys.log --message-file phrase
        "#
    ));
    let args: Vec<&str> = script.iter().map(String::as_str).collect();
    let env = space.variables();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut terminal = screen::Terminal::start_program(140, 40, "unshare", &args, &env);
    terminal.sees("7 Canary");
    terminal.types("7");
    terminal.sees("the capture goes on");
    terminal.sees("READABLE: of 1 connection, readable in 1");
    terminal.sees("HTTP/1 request 1");
    assert!(!terminal.screen().contains(PHRASE), "masked until asked: {}", terminal.screen());
    terminal.types("u");
    terminal.sees(PHRASE);
    terminal.types("q");
    assert!(terminal.ends().success(), "{}", terminal.screen());
    assert!(terminal.screen().contains("canary test: READABLE: of 1 connection"), "{}", terminal.screen());
}
