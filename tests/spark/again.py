"""See `again`. Every check raises when it does not hold."""

import glob
import os
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time

from check import BINARY, TABLES, WORK, batch, same, say, sound


def copies(listed):
    """The captures under names of their own, so that one may be changed."""
    folder = os.path.join(WORK, "captures")
    os.makedirs(folder)
    files = []
    for number, path in enumerate(listed):
        files.append(os.path.join(folder, f"{number:05}-{os.path.basename(path)}"))
        shutil.copyfile(path, files[-1])
    return files


def counts(done):
    """How many captures were read, and how many were there already."""
    told = re.search(r"(\d+) read now, (\d+) in the dataset already", done.stderr.decode())
    assert told, done.stderr[-2000:]
    return int(told[1]), int(told[2])


def loud(files, out, *more, binary=BINARY):
    """`batch` with its summary."""
    done = subprocess.run([binary, "batch", "-", "--out", out, *more], input="\n".join(files).encode(), capture_output=True)
    assert done.returncode in (0, 3), (done.returncode, done.stderr[-2000:])
    return counts(done)


def clean(files, name):
    out = os.path.join(WORK, name)
    batch(files, out)
    sound(out, name)
    return out


def twice(files, expected):
    out = os.path.join(WORK, "twice")
    first = loud(files, out)
    again, resumed = loud(files, out), loud(files, out, "--resume")
    assert first[0] + first[1] == len(files) and again == resumed == (0, len(files)), (first, again, resumed)
    same(out, expected, f"the same list three times: {first[0]}, then {again[0]}, then {resumed[0]} read")
    return out


def one_changed(files, out):
    """A capture of pcap with another number in a field that nobody reads is another capture with the same rows."""
    changed = next(path for path in files if open(path, "rb").read(4) == b"\xd4\xc3\xb2\xa1")
    with open(changed, "r+b") as file:
        file.seek(12)
        file.write(struct.pack("<I", 4711))
    told = loud(files, out, "--resume")
    assert told == (1, len(files) - 1), told
    say(f"one capture changed: {told[0]} read")


def another_build(files, out, other):
    told = loud(files, out, binary=other)
    sound(out, "another build")
    assert told[1] == 0, told
    say(f"another build of the program: {told[0]} read, {told[1]} left as they were")


def both_at_once(files, expected):
    out = os.path.join(WORK, "both")
    command = [BINARY, "batch", "-", "--out", out, "-q", "-j", "1"]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        process.stdin.write("\n".join(files).encode())
        process.stdin.close()
    for process in both:
        assert process.wait() in (0, 3), process.stderr.read()[-2000:]
    # Each merges what it knows of; what both read stands once.
    batch(files, out, "--resume")
    sound(out, "two at once")
    same(out, expected, "two at once into one folder")


def killed(files, expected):
    out, moments = os.path.join(WORK, "killed"), random.Random(9)
    redone = 0
    for _ in range(10):
        process = subprocess.Popen([BINARY, "batch", "-", "--out", out, "-q", "-j", "2", "--resume"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write("\n".join(files).encode())
        process.stdin.close()
        enough = len(glob.glob(f"{out}/_files/*.json")) + moments.uniform(0, 0.15) * len(files)
        while process.poll() is None and len(glob.glob(f"{out}/_files/*.json")) < enough:
            time.sleep(0.002)
        before = {path: os.stat(path).st_mtime_ns for path in glob.glob(f"{out}/_files/*.json")}
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.3)
        batch(files[:1], out, "--resume")
        redone += sum(1 for path, then in before.items() if os.path.exists(path) and os.stat(path).st_mtime_ns != then)
    batch(files, out, "--resume")
    sound(out, "killed")
    same(out, expected, f"killed at ten random moments, {redone} manifests written again")


def full_disk(files, expected):
    """A file system that holds half of it."""
    mounted = os.path.join(WORK, "full")
    os.makedirs(mounted)
    size = sum(os.path.getsize(path) for path in glob.glob(f"{expected}/**/*", recursive=True) if os.path.isfile(path))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs", mounted], check=True)
    out = os.path.join(mounted, "dataset")
    done = batch(files, out, ok=(1,))
    lines = done.stderr.decode().splitlines()
    subprocess.run(["mount", "-o", "remount,size=4g", mounted], check=True)
    batch(files, out, "--resume")
    sound(out, "full disk")
    same(out, expected, f"a disk of {size // 2} octets (\"{lines[-1][:100] if lines else ''}\"), then a larger one")


def faster(files):
    """Wall time with one process and with two, in turn."""
    took = {1: [], 2: []}
    for _ in range(3):
        for jobs, times in took.items():
            out = os.path.join(WORK, "timed")
            begun = time.monotonic()
            batch(files, out, "-j", str(jobs))
            times.append(time.monotonic() - begun)
            shutil.rmtree(out)
    one, two = (statistics.median(took[jobs]) for jobs in (1, 2))
    say(f"one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast")


def main():
    files = copies([line.strip() for line in open(sys.argv[3]) if line.strip()])
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    expected = clean(files, "expected")
    say(f"{len(files)} captures, {len(TABLES)} tables")
    faster(files)
    both_at_once(files, expected)
    killed(files, expected)
    full_disk(files, expected)
    out = twice(files, expected)
    one_changed(files, out)
    if len(sys.argv) > 4:
        another_build(files, out, sys.argv[4])


if __name__ == "__main__":
    main()
