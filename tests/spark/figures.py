"""See `figures`."""

import os
import resource
import shutil
import struct
import subprocess
import sys
import time

from check import BINARY, WORK, say, sound

SMALL = 64 << 10


def replicate(files, folder, enough):
    """Copies of captures that are other captures: two fields of pcap's file header that nobody reads (§4) hold a number. Until enough(number,
    octets)."""
    os.makedirs(folder)
    number = octets = 0
    while True:
        for path in files:
            with open(path, "rb") as file:
                content = bytearray(file.read())
            number += 1
            content[8:16] = struct.pack("<II", 0, number)
            with open(os.path.join(folder, f"{number:07}.pcap"), "wb") as copy:
                copy.write(content)
            octets += len(content)
            if enough(number, octets):
                return number, octets


def is_pcap(path):
    with open(path, "rb") as file:
        return file.read(4) in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")


def ethernet(files):
    """The Ethernet records of pcap files one after the other, as little-endian microseconds, as if all had begun at the same second of one
    day; and where the addresses of IPv4 lie in them."""
    records, places = bytearray(), []
    for path in files:
        content = open(path, "rb").read()
        order = "<" if content[0] in (0xD4, 0x4D) else ">"
        nanos = content[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
        if struct.unpack_from(order + "I", content, 20)[0] & 0xFFFF != 1:
            continue
        at, first = 24, None
        while at + 16 <= len(content):
            seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", content, at)
            frame = content[at + 16 : at + 16 + captured]
            at += 16 + captured
            if len(frame) < captured:
                break
            start = len(records)
            first = seconds if first is None else first
            records += struct.pack("<IIII", 1_700_000_000 + (seconds - first) % 3600, fraction // 1000 if nanos else fraction, captured, wire) + frame
            if frame[12:14] == b"\x08\x00" and len(frame) >= 34:
                places += [start + 16 + 26, start + 16 + 30]
    return records, places


def grow(files, folder, octets_each, enough):
    """Captures of about so many octets: all records again and again, each time with other addresses, so that the connections are others."""
    os.makedirs(folder)
    records, places = ethernet(files)
    second, third = ([records[place + n] for place in places] for n in (1, 2))
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    number = octets = turn = 0
    while octets < enough:
        number += 1
        with open(os.path.join(folder, f"{number:04}.pcap"), "wb") as copy:
            copy.write(header)
            size = 0
            while size < octets_each:
                for place, a, b in zip(places, second, third):
                    records[place + 1], records[place + 2] = a ^ (turn >> 8 & 255), b ^ (turn & 255)
                turn += 1
                copy.write(records)
                size += len(records)
        octets += size
    return number, octets


def run(folder, out, *more):
    """Wall and CPU seconds of a batch, and the largest resident set of any of its processes in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run([BINARY, "batch", folder, "--out", out, "-q", *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall = time.monotonic() - began
    assert done.returncode in (0, 3), done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def large(files, gigabytes):
    folder, out = os.path.join(WORK, "large"), os.path.join(WORK, "out")
    number, octets = grow(files, folder, 100 << 20, gigabytes * 1e9)
    say(f"{number} captures, {octets / 1e9:.1f} GB")
    wall, cpu, peak = run(folder, out, "-j", "2")
    manifests = sound(out, "large")
    shutil.rmtree(folder)
    flows = sum(manifest["rows"].get("flows", 0) for manifest in manifests)
    frames = sum(manifest["frames"] for manifest in manifests)
    size = sum(os.path.getsize(os.path.join(where, name)) for where, _, names in os.walk(out) for name in names)
    say(
        f"{number} captures, {octets / 1e9:.1f} GB, {frames} frames, {flows} connections: {wall:.0f} s with two processes, {cpu:.0f} s of CPU, "
        f"{octets / 1e6 / cpu:.0f} MB for each second of a processor, at most {peak:.0f} MiB for one process; "
        f"the dataset has {size / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}"
    )
    shutil.rmtree(out)
    assert peak <= 512, f"a process took {peak:.0f} MiB"


def small(files):
    folder, out = os.path.join(WORK, "small"), os.path.join(WORK, "out")
    number, octets = replicate([path for path in files if os.path.getsize(path) <= SMALL], folder, lambda number, _: number == 1000)
    best = {}
    for _ in range(3):
        for jobs in (1, 2):
            wall, cpu, _ = run(folder, out, "-j", str(jobs), "--no-compaction")
            assert len(sound(out, "small")) == number
            shutil.rmtree(out)
            say(f"{number} captures of at most {SMALL >> 10} KiB ({octets / 1e6:.0f} MB), -j {jobs}: {wall:.1f} s, {cpu:.1f} s of CPU, load {os.getloadavg()[0]:.1f}")
            best[jobs] = min(best.get(jobs, wall), wall)
    say(f"two processes are {best[1] / best[2]:.2f} times as fast as one (best of three each)")


def main():
    files = [line.strip() for line in open(sys.argv[3]) if line.strip()]
    files = [path for path in files if is_pcap(path)]
    large(files, float(sys.argv[4]))
    small(files)
    say("all held")


if __name__ == "__main__":
    main()
