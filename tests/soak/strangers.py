"""Names with control characters, from the network, of programs and of files: part of `live`."""
import ctypes, json, os, re, signal, socket, struct, subprocess, time

from watching import *

HOSTILE = [
    b"\x1b]0;pwned\x07", b"\x1b[2J", b"\x1b[31mred", b"\x1b]8;;http://x/\x07y", b"\x1b]52;c;cHduZWQ=\x07", b"\x9b2J", "\u009b2J".encode(),
    "\u202egnp.exe".encode(), "\u2066x\u2069".encode(), "\u200e\u200f".encode(), b"a\x08\x08b", b"\x7f", b"a\rb", b"\x1bP+q\x1b\\", b"\x1b(0lqk",
    b"\x0e\x0f", "\u2028x".encode(), b"\xff\xfe\x00z",
]
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]")
# What the terminal UI itself writes: modes, places, colours, clearing, questions about colours and kind.
OWN = re.compile(rb"\x1b\[\?\d+[hl]|\x1b\[[0-9;:]*[mHJKABCDGdXrsu]|\x1b\[[0-9;]* q|\x1b\][01]{2};\?(?:\x1b\\|\x07)|\x1b\[c|\x1b\[>\d*[a-z]|\x1b[78=>]")


def clean(data, what):
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    bad = RAW.search(text)
    check(not bad, f"escapes: {what}: {bad and text[max(0, bad.start() - 40) : bad.end() + 20]!r}")


def client_hello(name, alpn):
    ext = lambda kind, body: struct.pack(">HH", kind, len(body)) + body
    sni = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    protocols = bytes([len(alpn)]) + alpn
    exts = ext(0, sni) + ext(16, struct.pack(">H", len(protocols)) + protocols) + ext(43, b"\2\3\3")
    body = b"\3\3" + bytes(32) + b"\0" + struct.pack(">H", 2) + b"\xc0\x2f" + b"\1\0" + struct.pack(">H", len(exts)) + exts
    hello = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(hello)) + hello


def strangers(tls):
    """One connection of each kind for each name, by a program of that name."""
    libc = ctypes.CDLL(None)
    for name in HOSTILE:
        libc.prctl(15, ctypes.c_char_p(name[:15]), 0, 0, 0)
        for data in (b"GET / HTTP/1.1\r\nHost: " + name + b"\r\nUser-Agent: " + name + b"\r\nCookie: " + name + b"\r\n\r\n", client_hello(name, name), b"NICK " + name + b"\r\nUSER " + name + b" 0 * :x\r\nPRIVMSG " + name + b" :" + name + b"\r\n"):
            try:
                s = socket.create_connection(("127.0.0.1", 8080))
                s.sendall(data)
                time.sleep(0.02)
                s.close()
            except OSError:
                pass
        labels = bytes([min(63, len(name))]) + name[:63] + b"\7example\0"
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\1\0\1", ("127.0.0.1", 53))
    libc.prctl(15, ctypes.c_char_p(b"python3"), 0, 0, 0)
    for port in tls:
        subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def escapes(_):
    listener = socket.create_server(("127.0.0.1", 8080), backlog=64)
    server = os.fork()
    if server == 0:
        while True:
            s, _ = listener.accept()
            s.settimeout(1)
            try:
                s.recv(4096)
                s.sendall(b"HTTP/1.1 200 " + HOSTILE[1] + b"\r\nServer: " + HOSTILE[0] + b"\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                pass
            s.close()
    listener.close()
    servers, tls = [], []
    for port, name in zip(range(4440, 4460), HOSTILE):
        if b"\0" in name:
            continue
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-utf8", "-subj", b"/CN=" + name.replace(b"/", b"\\/") + b"/O=" + name.replace(b"/", b"\\/"), "-keyout", path("k"), "-out", path("c")], capture_output=True)
        if made.returncode == 0:
            servers.append(subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", path("c"), "-key", path("k"), "-quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(0.15)
            tls.append(port)
    hostile_file = b"x\x1b]0;pwned\x07\xe2\x80\xae.pcapng".decode()
    fresh(hostile_file)
    live = Live("-i", "lo", "-w", hostile_file)
    strangers(tls)
    time.sleep(1)
    live.process.send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    status, _ = live.end(signal.SIGINT)
    lines = [json.loads(line) for line in read("out").splitlines()]
    named = sum("process" in line for line in lines)
    check(status == 0 and len(lines) >= 4 * len(HOSTILE) and named > 0, f"escapes: status {status}, {len(lines)} connections, {named} with a program")
    clean(read("out", "rb"), "live, standard output")
    clean(read("err", "rb"), "live, standard error")
    formats = ("table", "jsonl", "json", "csv", "md", "zeek", "eve")
    for form in formats:
        done = run("inspect", "--format", form, hostile_file)
        check(done.returncode == 0, f"escapes: inspect {form}: {done.returncode}")
        clean(done.stdout, f"inspect {form}")
        clean(done.stderr, f"inspect {form}, standard error")
    for form in ("html", "md", "json"):
        done = run("report", hostile_file, "--format", form, "-o", "-")
        check(done.returncode == 0 and done.stdout, f"escapes: report {form}: {done.returncode} {done.stderr}")
        clean(done.stdout, f"report {form}")
    for args in (("inspect", "no\x1b[2Jfile.pcap"), ("inspect", "--filter", "grade:\x1b[2J", hostile_file), ("live", "-i", "\x1b[2J"), ("live", "-i", "lo", "-f", "\x1b]0;x\x07"), ("live", "-i", "lo", "--headless", "-w", "no/\x1b[2J"), ("run", "--", "\x1b[2J")):
        done = run(*args, stdin=subprocess.DEVNULL)
        check(done.returncode not in (0, 101), f"escapes: {args}: {done.returncode}")
        clean(done.stdout + done.stderr, f"the message of {args[0]} {args[1:]}")
    screens_of = {}
    for what, args, live_now in (("live", ("live", "-i", "lo"), True), ("the file", (hostile_file,), False)):
        fresh("on")
        screen = Screen(*args)
        screen.stay(0.5)
        if live_now:
            child = os.fork()
            if child == 0:
                strangers(tls)
                os._exit(0)
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                screen.take(0.05)
        screen.stay(1)
        for key in "123456":
            screen.types(key)
            screen.stay(0.2)
            for _ in range(8):
                screen.types("j")
                screen.stay(0.04)
        screen.types("2")
        for _ in range(24):
            screen.types("\r")
            screen.stay(0.1)
            screen.types("\x1b[D")
            screen.stay(0.05)
            screen.types("j")
        screen.types("q")
        screen.ended(f"escapes, {what}")
        rest = OWN.sub(b"", screen.output)
        clean(rest, f"the screen of {what}")
        screens_of[what] = len(screen.output)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    for process in servers:
        process.kill()
        process.wait()
    print(f"escapes: {len(HOSTILE)} names in {len(lines)} connections ({named} with a program), {len(tls)} certificates; {len(formats)} formats, 3 reports, 6 messages, screens: {screens_of} octets")
