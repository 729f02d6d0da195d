"""See `standalone`. Every check raises when it does not hold."""

import glob
import os
import re
import signal
import subprocess
import sys
import time

import check
import pyspark
from check import BINARY, ROOT, WORK, batch, readers_agree, same, say, sound

SPARK = os.path.dirname(pyspark.__file__)
SHARES = (0.2, 0.5, 0.8)


class Daemon:
    """A master or a worker in a session of its own, so that what it starts can be killed with it."""

    def __init__(self, name, *arguments):
        self.log = os.path.join(WORK, f"{name}.log")
        environment = {
            **os.environ,
            "SPARK_HOME": SPARK,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_NO_DAEMONIZE": "1",
            "SPARK_WORKER_DIR": os.path.join(WORK, "workers"),
            "PYSPARK_PYTHON": sys.executable,
        }
        command = [os.path.join(SPARK, "bin", "spark-class"), *arguments]
        self.process = subprocess.Popen(command, env=environment, stdout=open(self.log, "w"), stderr=subprocess.STDOUT, start_new_session=True)

    def wait_for(self, pattern):
        for _ in range(600):
            found = re.search(pattern, open(self.log).read())
            if found:
                return found.group(1)
            assert self.process.poll() is None, open(self.log).read()[-2000:]
            time.sleep(0.1)
        raise AssertionError(f"{self.log} does not say {pattern}")

    def kill(self):
        """With SIGKILL, its executors and what they run with it: each is in a session that it or they began."""
        for pid in [self.process.pid, *children(self.process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def children(pid):
    """All processes below one, from /proc."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = open(path).read().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(path.split("/")[2]))
        except (OSError, IndexError):
            continue
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def worker(number, master):
    arguments = ["org.apache.spark.deploy.worker.Worker", master, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0"]
    daemon = Daemon(f"worker-{number}", *arguments)
    daemon.wait_for("(Successfully registered with master)")
    return daemon


def job(files, out, master):
    """One job by spark-submit, as a user starts it."""
    listed = os.path.join(WORK, "list.txt")
    with open(listed, "w") as lines:
        lines.write("\n".join(files) + "\n")
    command = [os.path.join(SPARK, "bin", "spark-submit"), "--master", master]
    for name, value in (
        ("spark.ui.enabled", "false"),
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.driver.host", "127.0.0.1"),
        ("spark.executor.memory", "512m"),
        ("spark.driver.memory", "1g"),
    ):
        command += ["--conf", f"{name}={value}"]
    command += [os.path.join(ROOT, "contrib", "spark", "intransit_spark.py"), listed, "--out", out, "--binary", BINARY, "--memory", "512"]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=open(os.path.join(WORK, "job.log"), "w"))


def main():
    files = sorted(glob.glob(os.path.join(ROOT, "captures", "*.pcap*")))
    if len(sys.argv) > 3:
        files = [line.strip() for line in open(sys.argv[3]) if line.strip()]
    serial = os.path.join(WORK, "serial")
    for path in files:
        subprocess.run([BINARY, "one", path, "--out", serial, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    manifests = sound(serial, "serial")
    say(f"{len(files)} captures one after the other: {len(manifests)} manifests, {sum(m['rows'].get('flows', 0) for m in manifests)} connections")
    head = Daemon("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
    daemons = [head]
    try:
        master = head.wait_for(r"Starting Spark master at (spark://\S+)")
        two = [worker(1, master), worker(2, master)]
        daemons += two
        for turn, share in enumerate((None, *SHARES)):
            out = os.path.join(WORK, f"cluster-{turn}")
            began = time.monotonic()
            running = job(files, out, master)
            if share is not None:
                while running.poll() is None and len(glob.glob(f"{out}/_files/*.json")) < share * len(manifests):
                    time.sleep(0.02)
                assert running.poll() is None, "the job was over before a worker was killed"
                done = len(glob.glob(f"{out}/_files/*.json"))
                two[0].kill()
                # Its place is taken, as a supervisor would do.
                two = [two[1], worker(turn + 2, master)]
                daemons.append(two[1])
            status = running.wait()
            assert status == 0, (status, open(os.path.join(WORK, "job.log")).read()[-3000:])
            took = time.monotonic() - began
            sound(out, "cluster")
            left = os.listdir(os.path.join(out, "_tmp"))
            what = f"master and two workers, {'none killed' if share is None else f'one killed at {done} of {len(manifests)} manifests'}"
            same(out, serial, f"{what}, {took:.0f} s, {len(left)} folders of killed processes left until the next batch")
            batch(files, out, "--resume")
            assert not os.listdir(os.path.join(out, "_tmp")), "left over after batch --resume"
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.master(master).config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
        spark = spark.config("spark.executor.memory", "512m").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        readers_agree(spark, out)
        spark.stop()
        say("all held")
    finally:
        for daemon in daemons:
            daemon.kill()


if __name__ == "__main__":
    main()
