//! The terminal UI in a real pseudo-terminal, driven by Python's standard library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Output};

/// Runs the program on the demo capture in a pseudo-terminal of 80 by 24. `script` is Python: `screen(word)` waits until the output holds a
/// word, `type(keys)` types, `end()` waits for the program and returns its status (negative for a signal), `output` is all it wrote,
/// `attributes()` are the terminal's settings. `None` where Python is missing.
fn in_a_terminal(script: &str) -> Option<Output> {
    let harness = r#"
import os, pty, select, signal, struct, fcntl, sys, termios, time
program, capture = sys.argv[1:3]
pid, master = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm-256color"
    time.sleep(0.2)
    os.execv(program, [program, capture])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
output = b""
def attributes():
    return termios.tcgetattr(master)[:4]
before = attributes()
def read(seconds):
    global output
    if master >= 0 and select.select([master], [], [], seconds)[0]:
        try: output += os.read(master, 65536)
        except OSError: return False
    return True
def screen(word):
    stop = time.time() + 15
    while word.encode() not in output:
        assert time.time() < stop, "never saw %r in %r" % (word, output[-2000:])
        read(0.1)
def type(keys):
    os.write(master, keys.encode())
def end():
    stop = time.time() + 10
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done: return os.waitstatus_to_exitcode(status)
        if time.time() > stop:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError("still running after 10 s")
        read(0.05)
"#;
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/demo.pcapng");
    let code = format!("{harness}\n{script}");
    let run = Command::new("python3").args(["-c", &code, env!("CARGO_BIN_EXE_intransit"), demo]).output();
    match run {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: python3 cannot be run ({error})");
            None
        }
    }
}

fn holds(script: &str) {
    if let Some(output) = in_a_terminal(script) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_first_screen_names_the_capture_and_its_connections_and_q_gives_the_terminal_back() {
    holds(
        r#"
screen("demo.pcapng"); screen("www.tiktok.com"); screen("TLS 1.0")
type("q")
assert end() == 0
while read(0.2) and select.select([master], [], [], 0)[0]: pass
assert b"\x1b[?1049l" in output, "the alternate screen is left"
assert attributes() == before, "the terminal's settings are as they were"
"#,
    );
}

#[test]
fn one_connection_is_opened_with_its_ladder_and_its_frames() {
    holds(
        r#"
screen("www.tiktok.com")
type("\x1b[B\x1b[B\x1b[B\r")
screen("ClientHello"); screen("ServerHello"); screen("frames")
type("q")
end()
"#,
    );
}

#[test]
fn a_closed_terminal_ends_the_program() {
    holds(
        r#"
screen("www.tiktok.com")
os.close(master); master = -1
assert end() in (-signal.SIGHUP, 129, 1), "ended by the hangup"
"#,
    );
}

#[test]
fn a_request_to_terminate_gives_the_terminal_back() {
    holds(
        r#"
screen("www.tiktok.com")
os.kill(pid, signal.SIGTERM)
assert end() == -signal.SIGTERM
while read(0.2) and select.select([master], [], [], 0)[0]: pass
assert b"\x1b[?1049l" in output
assert attributes() == before
"#,
    );
}
