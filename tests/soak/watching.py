"""What the long tests of a running capture share: the program without a screen and on one, a sender of packets, checks. The environment says
which program (BINARY) and where files go (FOLDER); `inside` starts a script again where both are set, in namespaces of its own."""
import json, os, pty, random, re, select, signal, socket, struct, subprocess, sys, tempfile, termios, time

BINARY, FOLDER = os.environ.get("BINARY", ""), os.environ.get("FOLDER", "")
SEED = int(os.environ.get("SEED") or time.time())
CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../captures")
chance = random.Random(SEED)
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("  FAILED:", what)
    return holds


def path(name):
    return os.path.join(FOLDER, name)


def read(name, how="r"):
    with open(path(name), how, **({} if "b" in how else {"errors": "replace"})) as f:
        return f.read()


def run(*args, **more):
    return subprocess.run([BINARY, *args], capture_output=True, cwd=FOLDER, **more)


def wait_for(holds, seconds, what):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def fresh(*names):
    for name in names:
        try:
            os.unlink(path(name))
        except FileNotFoundError:
            pass


class Live:
    """A capture without a screen, once it watches."""

    def __init__(self, *args, stdout=None):
        self.out, self.err = open(path("out"), "wb"), open(path("err"), "wb")
        self.process = subprocess.Popen([BINARY, "live", "--headless", "--show-others", *args], stdout=stdout or self.out, stderr=self.err, cwd=FOLDER)
        self.pid = self.process.pid
        wait_for(lambda: "The program is" in read("err") or self.process.poll() is not None, 20, "it watches")
        if self.process.poll() is not None:
            raise RuntimeError(read("err"))
        time.sleep(0.1)

    def end(self, sig, seconds=20):
        began = time.monotonic()
        self.process.send_signal(sig)
        status = self.process.wait(seconds)
        return status, time.monotonic() - began


class Sender:
    """Numbered UDP datagrams over the pair of interfaces."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("va", 0))
        self.sent = []

    def frame(self, number, size, port):
        payload = struct.pack(">Q", number) + b"x" * (size - 50)
        udp = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2]))
        words = sum(struct.unpack(">10H", ip))
        words = (words & 0xFFFF) + (words >> 16)
        ip = ip[:10] + struct.pack(">H", ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF) + ip[12:]
        return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp

    def send(self, count, size=200, port=9, pps=0, seconds=None, until=None):
        """So many, or for so long; the moment each was sent is kept."""
        began, n = time.monotonic(), 0
        while (n < count if seconds is None else time.monotonic() - began < seconds) and not (until and until()):
            for _ in range(10 if pps else 1):
                self.socket.send(self.frame(n, size, port))
                n += 1
            self.sent.append((n, time.monotonic()))
            ahead = n / pps - (time.monotonic() - began) if pps else 0
            if ahead > 0:
                time.sleep(ahead)
        return n, time.monotonic() - began


def transmitted():
    with open("/sys/class/net/va/statistics/tx_packets") as f:
        return int(f.read())


def softnet_dropped():
    with open("/proc/net/softnet_stat") as f:
        return sum(int(line.split()[1], 16) for line in f)


def told(err):
    """Received, dropped and read, as the summary has them."""
    received = int(re.search(r"(\d+) packets received", err)[1])
    dropped = re.search(r"packets received, (\d+|none)[^,]* dropped by the kernel", err)[1]
    return received, 0 if dropped == "none" else int(dropped), int(re.search(r"connections? in (\d+) frames", err)[1])


def packets_of(lines, port):
    objects = [json.loads(line) for line in lines.splitlines()]
    return sum(o["network"]["packets"] for o in objects if o.get("destination", {}).get("port") == port)


class Screen:
    """A capture on a terminal, as a shell starts it: a job of its own in the foreground."""

    def __init__(self, *args):
        fresh("states", "status")
        self.leader, self.pty = pty.fork()
        if self.leader == 0:
            self.shell(args)
        self.output = b""
        self.saw(lambda: b"\x1b[?1049h" in self.output, 20, "the screen")

    def shell(self, args):
        os.chdir(FOLDER)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        # The interface of a terminal that closes reaches only the job.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        before = termios.tcgetattr(0)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.environ["TERM"] = "xterm-256color"
            os.execv(BINARY, [BINARY, *args])
        states = open(path("states"), "w", buffering=1)
        print("job", job, file=states)
        while True:
            _, status = os.waitpid(job, os.WUNTRACED)
            same = termios.tcgetattr(0) == before
            if os.WIFSTOPPED(status):
                print("stopped", same, file=states)
                while "on" not in os.listdir(FOLDER):
                    time.sleep(0.02)
                os.unlink(path("on"))
                os.tcsetpgrp(0, job)
                os.killpg(job, signal.SIGCONT)
                continue
            print("ended", same, os.waitstatus_to_exitcode(status), file=states)
            time.sleep(0.3)
            os._exit(0)

    def states(self):
        return read("states").split("\n") if os.path.exists(path("states")) else []

    def job(self):
        wait_for(lambda: len(self.states()) > 1, 5, "the job")
        return int(self.states()[0].split()[1])

    def take(self, seconds):
        ready, _, _ = select.select([self.pty], [], [], seconds)
        if ready:
            try:
                new = os.read(self.pty, 65536)
            except OSError:
                return False
            self.output += new
            for question, answer in ((b"\x1b]10;?", b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"), (b"\x1b]11;?", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"), (b"\x1b[c", b"\x1b[?62;22c")):
                if question in new:
                    os.write(self.pty, answer)
        return True

    def saw(self, holds, seconds, what):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end or not self.take(0.05):
                raise TimeoutError(f"{what}: {self.output[-500:]!r} {self.states()}")

    def stay(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.take(0.02):
            pass

    def types(self, keys):
        os.write(self.pty, keys.encode())

    def ended(self, what):
        began = time.monotonic()
        try:
            self.saw(lambda: any(s.startswith("ended") for s in self.states()), 20, "the end")
        except TimeoutError as error:
            check(False, f"{what}: {error}")
            os.kill(self.job(), signal.SIGKILL)
        took = time.monotonic() - began
        self.stay(0.1)
        os.waitpid(self.leader, 0)
        os.close(self.pty)
        last = [s for s in self.states() if s.startswith("ended")]
        _, same, status = last[0].split() if last else ("", "False", "-1")
        check(same == "True", f"{what}: the terminal's settings are not as they were")
        check(self.output.rfind(b"\x1b[?1049l") > self.output.rfind(b"\x1b[?1049h"), f"{what}: the alternate screen is not left")
        check(self.output.rfind(b"\x1b[?25h") > self.output.rfind(b"\x1b[?25l"), f"{what}: the cursor stays hidden")
        return int(status), took


def network():
    """A loopback interface, and a pair of interfaces on which nobody speaks unasked."""
    os.system("mount -t sysfs none /sys; ip link set lo up; ip link add va type veth peer name vb; for n in va vb; do echo 1 >/proc/sys/net/ipv6/conf/$n/disable_ipv6; ip link set $n mtu 1500 up; done; sleep 1")


def inside(script, binary, arguments):
    """Runs the script again in network, mount and process namespaces of its own; the status it ends with."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        # Nobody called sudo.
        env = {**os.environ, "BINARY": os.path.abspath(binary), "FOLDER": folder, "SEED": str(SEED), "SUDO_UID": "", "TERM": "xterm-256color"}
        flags = ["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"]
        return subprocess.run(["unshare", *flags, sys.executable, os.path.abspath(script), binary, *arguments], env=env).returncode
