#!/usr/bin/env python3
"""Captures into an intransit dataset with Spark: `intransit one` for each, on whatever runs Spark.

    spark-submit intransit_spark.py LIST --out DIR                      # local[*]
    spark-submit --master spark://host:7077 intransit_spark.py LIST --out DIR
    spark-submit --master yarn | k8s://... intransit_spark.py LIST --out DIR

LIST is a file with one path a line; it, the captures and DIR must be reachable under the same paths from every node, and the
program too (--binary). A capture that crashes, hangs or takes too much memory becomes a manifest that says so, not a failed job.
What fails the job is what another capture would meet as well: a full disk, a missing program.

As a module: `run(spark, files, out)`, then `views(spark, out)` and SQL.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter

TABLES = ("flows", "facts", "findings", "names")
TIMES = {"start", "end", "cert_not_before", "cert_not_after"}


def worker(out, binary, options, timeout, memory, tries):
    """What a task does with its captures: a function that Spark can send to others."""

    def work(paths):
        for path in paths:
            command = [binary, "one", "--out", out, "--quiet", "--child", "--memory", str(memory), *options]
            for attempt in range(tries):
                try:
                    done = subprocess.run([*command, path], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
                    code, said = done.returncode, done.stderr.decode(errors="replace").strip()[-500:]
                    line = done.stdout.decode(errors="replace").strip().split("\t")
                    why = f"the program was ended by signal {-code}" if code < 0 else f"the program ended with status {code}"
                except subprocess.TimeoutExpired:
                    code, said, line, why = None, "", [], f"it took longer than {timeout} seconds"
                if len(line) == 3:  # key, status, new or known: there is a manifest
                    yield line[1] if line[2] == "new" else "known"
                    break
                if code in (1, 2):  # the dataset cannot be written: another attempt, or another node, may
                    raise RuntimeError(f"{path}: {said}")
                if attempt + 1 == tries:
                    # Never raised: after spark.task.maxFailures one bad capture would fail the whole job.
                    subprocess.run([*command, "--mark-crashed", why, path], check=True, stdin=subprocess.DEVNULL, capture_output=True)
                    yield "crashed"

    return work


def run(spark, files, out, binary="intransit", options=(), timeout=3600, memory=2048, tries=2, merge=True):
    """Writes captures into the dataset. Returns how many came to what, of the tasks that succeeded: the manifests are the truth."""
    files = sorted({os.path.abspath(path) for path in files}, key=lambda path: (-size(path), path))
    if not files:
        raise ValueError("no captures")
    out = os.path.abspath(out)
    context = spark.sparkContext
    slices = min(len(files), max(context.defaultParallelism * 8, len(files) // 16))
    # Largest first, dealt out like cards: tasks of about the same size, and the long ones begin early.
    dealt = [(n % slices, path) for n, path in enumerate(files)]
    work = worker(out, binary, list(options), timeout, memory, tries)
    parts = context.parallelize(dealt, slices).partitionBy(slices, lambda key: key).values()
    counts = Counter(parts.mapPartitions(work).collect())
    if merge:
        finish(files, out, binary, options)
    return counts


def size(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def finish(files, out, binary="intransit", options=()):
    """Merges small files and writes captures.csv; opens no capture, because all have a manifest. Returns the exit status of `batch`."""
    command = [binary, "batch", "-", "--out", out, "--resume", "--quiet", *options]
    done = subprocess.run(command, input="\n".join(files).encode() + b"\n", stdout=subprocess.PIPE)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"merging failed with status {done.returncode}")
    sys.stdout.write(done.stdout.decode())
    return done.returncode


def views(spark, out):
    """Registers flows, facts, findings, names and captures, with the columns that the queries expect.

    Spark has no timestamps of nanoseconds: it reads them as numbers. Here they become timestamps of microseconds, and the number
    stays as start_ns."""
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for table in TABLES:
        path = os.path.join(out, table)
        if not any(name.startswith("day=") for name in os.listdir(path)):
            continue  # a table without rows has no schema to read
        frame = spark.read.option("mergeSchema", "true").parquet(path)
        columns = [f"timestamp_micros(`{c}` div 1000) AS `{c}`" if c in TIMES else f"`{c}`" for c in frame.columns]
        frame.selectExpr(*columns, "start AS start_ns").createOrReplaceTempView(table)
    captures = os.path.join(out, "captures.csv")
    if os.path.exists(captures):
        spark.read.option("header", True).option("escape", '"').csv(captures).createOrReplaceTempView("captures")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", help="a file with one path a line")
    parser.add_argument("--out", required=True)
    parser.add_argument("--binary", default="intransit")
    parser.add_argument("--timeout", type=int, default=3600, help="seconds one capture may take")
    parser.add_argument("--memory", type=int, default=2048, help="MB one capture may take")
    parser.add_argument("--tries", type=int, default=2, help="how often a capture that crashes is tried")
    parser.add_argument("--no-merge", action="store_true")
    parser.add_argument("--option", action="append", default=[], help="passed on to intransit, such as --option=--max-flows=100000")
    asked = parser.parse_args()
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("intransit").getOrCreate()
    with open(asked.list, encoding="utf-8") as lines:
        files = [line.rstrip("\n") for line in lines if line.strip()]
    counts = run(spark, files, asked.out, asked.binary, asked.option, asked.timeout, asked.memory, asked.tries, not asked.no_merge)
    print(", ".join(f"{n} {what}" for what, n in sorted(counts.items())), file=sys.stderr)
    spark.stop()


if __name__ == "__main__":
    main()
