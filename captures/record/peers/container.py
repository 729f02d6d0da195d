"""Puts recorded packets into other containers; the packets, their order and their times stay as recorded.
container.py bigendian OUT PCAP1 PCAP2 PCAP3    a big-endian pcapng: section 1 with two interfaces (microseconds, nanoseconds), section 2 with one (2^-20 s)
container.py trailer OUT PCAP UID APP           a pcap with PCAPdroid's trailer: Ethernet header of zeros, packet, padding, 32 bytes
container.py uidblock OUT PCAP UID PACKAGE APP [KEYLOG]   a pcapng as PCAPdroid writes it: raw IP, a custom block that names the app, a comment "u-UID", the secrets first
container.py pktap OUT PCAP PID COMMAND         a pcap with Apple's PKTAP header (108 bytes) before each frame"""
import struct, sys, zlib


def read(path):
    d = open(path, "rb").read()
    e = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1)}[d[:4]]
    link = struct.unpack("<I", d[20:24])[0]
    out, at = [], 24
    while at < len(d):
        s, f, cap, orig = struct.unpack("<IIII", d[at:at + 16])
        out.append((s * 10**9 + f * e[1], d[at + 16:at + 16 + cap], orig))
        at += 16 + cap
    return link, out


def pad(b):
    return b + b"\0" * (-len(b) % 4)


def block(E, kind, body):
    n = len(body) + 12
    return struct.pack(E + "II", kind, n) + body + struct.pack(E + "I", n)


def opt(E, code, value):
    return struct.pack(E + "HH", code, len(value)) + pad(value)


def shb(E):
    return block(E, 0x0A0D0D0A, struct.pack(E + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def idb(E, link, name=None, tsresol=None):
    o = (opt(E, 2, name) if name else b"") + (opt(E, 9, bytes([tsresol])) if tsresol is not None else b"")
    return block(E, 1, struct.pack(E + "HHI", link, 0, 262144) + (o + opt(E, 0, b"") if o else b""))


def epb(E, iface, ticks, data, orig, options=b""):
    return block(E, 6, struct.pack(E + "IIIII", iface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), orig) + pad(data) + options)


kind, out, src = sys.argv[1], sys.argv[2], sys.argv[3]
w = open(out, "wb")
if kind == "bigendian":
    E = ">"
    (l1, p1), (l2, p2), (l3, p3) = (read(p) for p in sys.argv[3:6])
    w.write(shb(E) + idb(E, l1, b"c0") + idb(E, l2, b"t0", 9))
    for t, i, d, o in sorted([(t, 0, d, o) for t, d, o in p1] + [(t, 1, d, o) for t, d, o in p2]):
        w.write(epb(E, i, t // 1000 if i == 0 else t, d, o))
    w.write(shb(E) + idb(E, l3, b"c0", 0x80 | 20))
    for t, d, o in p3:
        w.write(epb(E, 0, (t << 20) // 10**9, d, o))
elif kind == "trailer":
    uid, app = int(sys.argv[4]), sys.argv[5].encode()
    w.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for t, d, o in read(src)[1]:
        ip = d[14:14 + struct.unpack(">H", d[16:18])[0]]
        f = b"\0" * 12 + b"\x08\0" + ip
        f = pad(f) + struct.pack(">Ii20s", 0x01072021, uid, app)
        f += struct.pack("<I", zlib.crc32(f))
        w.write(struct.pack("<IIII", t // 10**9, t // 1000 % 10**6, len(f), len(f)) + f)
elif kind == "uidblock":
    E, uid, package, app = "<", int(sys.argv[4]), sys.argv[5].encode(), sys.argv[6].encode()
    w.write(shb(E) + idb(E, 101))
    if len(sys.argv) > 7:
        k = open(sys.argv[7], "rb").read()
        w.write(block(E, 0x0A, struct.pack(E + "II", 0x544C534B, len(k)) + pad(k)))
    w.write(block(E, 0xBAD, pad(struct.pack(E + "IHBBIBB", 62652, 1, 1, 0, uid, len(package), len(app)) + package + app)))
    for t, d, o in read(src)[1]:
        ip = d[14:14 + struct.unpack(">H", d[16:18])[0]]
        w.write(epb(E, 0, t // 1000, ip, len(ip), opt(E, 1, f"u-{uid}".encode())))
elif kind == "pktap":
    pid, comm = int(sys.argv[4]), sys.argv[5].encode()
    w.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 258))
    for t, d, o in read(src)[1]:
        out_ = d[26:30] == bytes([192, 0, 2, 10])
        h = struct.pack("<III24sIIIIi20sIHHi20s", 108, 1, 1, b"en0", 2 if out_ else 1, 2, 14, 0, pid, comm, 0, 6, 0, -1, b"")
        w.write(struct.pack("<IIII", t // 10**9, t // 1000 % 10**6, len(d) + 108, o + 108) + h + d)
