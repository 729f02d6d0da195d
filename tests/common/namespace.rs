//! Tests that need a network of their own: a shell script in a network namespace, with nothing but a loopback interface.
//! Nothing leaves it, and everything in it ends with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of one test, and what it runs.
pub struct Namespace {
    pub folder: tempfile::TempDir,
}

/// Lines of JSON.
pub fn objects(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// `name=value` that a script echoed.
pub fn said(output: &Output, name: &str) -> i64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} was not said: {text}"))
}

/// Whether a program is in the path.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

impl Namespace {
    /// A namespace for `what`; `None`, which is said, where a program is missing or the system gives no namespace.
    pub fn new(what: &str, programs: &[&str]) -> Option<Namespace> {
        if !cfg!(have_libpcap) {
            println!("skipped: {what} (built without libpcap)");
            return None;
        }
        if let Some(missing) = ["unshare", "ip", "sh"].iter().chain(programs).find(|program| !has(program)) {
            println!("skipped: {what} ({missing} is not installed)");
            return None;
        }
        let namespace = Namespace { folder: tempfile::tempdir().unwrap() };
        let done = namespace.unshare().arg("ip link set lo up").output().unwrap();
        if !done.status.success() {
            println!("skipped: {what} (no network namespace: {})", String::from_utf8_lossy(&done.stderr).trim());
            return None;
        }
        Some(namespace)
    }

    fn unshare(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(Namespace::flags()).stdin(Stdio::null()).envs(self.variables());
        command
    }

    fn flags() -> &'static [&'static str] {
        // Processes end with the first one of their namespace, whatever happens to the test.
        if is_root() {
            &["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c"]
        } else {
            &["-U", "-r", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c"]
        }
    }

    /// What scripts find in their environment.
    pub fn variables(&self) -> Vec<(String, String)> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        vec![
            ("BIN".into(), env!("CARGO_BIN_EXE_intransit").into()),
            ("DIR".into(), text(self.folder.path())),
            ("TRAFFIC".into(), text(&source.join("tests/tools/traffic.py"))),
            ("CAPTURES".into(), text(&source.join("captures"))),
            ("TERM".into(), "xterm-256color".into()),
        ]
    }

    /// The arguments of `unshare` for a script that somebody else runs.
    pub fn script(&self, script: &str) -> Vec<String> {
        Namespace::flags().iter().map(|flag| (*flag).to_owned()).chain([format!("{FUNCTIONS}\n{script}")]).collect()
    }

    /// Runs a script there, after functions for it: `start ARGS…` starts `$BIN ARGS…` with its output in `$DIR/out` and `$DIR/err` and
    /// waits until it watches; `stop SIGNAL` sends a signal and leaves the exit status in `$status`, and the seconds it took in `$took`.
    pub fn run(&self, script: &str) -> Output {
        let all = format!("{FUNCTIONS}\n{script}");
        let done = self.unshare().arg(all).output().unwrap();
        println!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        done
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        read(&self.path(name))
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

const FUNCTIONS: &str = r#"
set -u
cd "$DIR"
mount -t sysfs none /sys 2>/dev/null
ip link set lo up
watching() {
    n=0
    until grep -q Watching "$DIR/err" 2>/dev/null; do
        kill -0 "$pid" 2>/dev/null || { echo "it ended: $(cat "$DIR/err")"; exit 97; }
        n=$((n + 1)); [ $n -lt 100 ] || { echo "it never watched"; exit 98; }
        sleep 0.1
    done
    # What is sent from here on is seen.
    sleep 0.2
}
start() { "$BIN" "$@" >"$DIR/out" 2>"$DIR/err" & pid=$!; watching; }
now() { date +%s%3N; }
stop() {
    before=$(now)
    kill -s "$1" "$pid"
    wait "$pid"; status=$?
    took=$(($(now) - before))
}
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=chat.example.net \
        -keyout key.pem -out cert.pem 2>/dev/null
}
# tls PORT ARGS…: a TLS server that answers HTTP.
tls() {
    port=$1; shift
    openssl s_server -accept "$port" -cert cert.pem -key key.pem -www -quiet "$@" >/dev/null 2>&1 &
    n=0
    until openssl s_client -connect 127.0.0.1:"$port" </dev/null >/dev/null 2>&1; do
        n=$((n + 1)); [ $n -lt 100 ] || { echo "no server"; exit 99; }
        sleep 0.1
    done
}
# traffic ARGS…: see tests/tools/traffic.py. serve PORT ARGS…: the same in the background, once it listens.
traffic() { python3 "$TRAFFIC" "$@" >/dev/null 2>&1; }
serve() {
    python3 "$TRAFFIC" "$@" >/dev/null 2>&1 &
    n=0
    until python3 -c "import socket; socket.create_connection((\"127.0.0.1\", $2))" 2>/dev/null; do
        n=$((n + 1)); [ $n -lt 100 ] || { echo "no server"; exit 99; }
        sleep 0.1
    done
}
ask() {
    port=$1; shift
    printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect 127.0.0.1:"$port" -servername chat.example.net -ign_eof "$@" >/dev/null 2>&1
}
"#;
