"""A bad wire: two TUN devices joined by this process, which delays, swaps and doubles some packets.
wire.py CLIENTNS SERVERNS - makes t0 (192.0.2.50) in the one and t1 (198.51.100.50) in the other. The pattern is fixed, not random."""
import fcntl, os, select, struct, subprocess, sys, time

TUNSETIFF, TUN, NO_PI = 0x400454CA, 1, 0x1000


def tun(name):
    f = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(f, TUNSETIFF, struct.pack("16sH", name.encode(), TUN | NO_PI))
    return f


a, b = tun(f"ta{os.getpid()}"[:15]), tun(f"tb{os.getpid()}"[:15])
for old, ns, new, ip, to in ((f"ta{os.getpid()}", sys.argv[1], "t0", "192.0.2.50", "198.51.100.50"), (f"tb{os.getpid()}", sys.argv[2], "t1", "198.51.100.50", "192.0.2.50")):
    for cmd in (f"ip link set {old} netns {ns}", f"ip -n {ns} link set {old} name {new}", f"ip -n {ns} addr add {ip}/32 dev {new}",
                f"ip -n {ns} link set {new} up", f"ip -n {ns} route add {to}/32 dev {new}"):
        subprocess.run(cmd.split(), check=True)
print("ready", flush=True)
held, count = [], {a: 0, b: 0}          # packets waiting for their time, packets seen
bad = len(sys.argv) > 3
while True:
    now = time.monotonic()
    wait = max(0, min((t for t, _, _ in held), default=now + 1) - now)
    for f in select.select([a, b], [], [], wait)[0]:
        p = os.read(f, 65536)
        o = b if f == a else a
        count[f] += 1
        n = count[f]
        late = 0.03 if bad and n % 5 == 4 else 0.001        # every fifth packet comes 30 ms late: after its successors
        held.append((time.monotonic() + late, o, p))
        if bad and n % 4 == 0:                              # every fourth comes twice
            held.append((time.monotonic() + late + 0.004, o, p))
    now = time.monotonic()
    for t, o, p in sorted((h for h in held if h[0] <= now), key=lambda h: h[0]):
        os.write(o, p)
    held = [h for h in held if h[0] > now]
