"""See `run`. Every check raises when it does not hold."""

import glob
import json
import os
import signal
import subprocess
import sys
import time

import duckdb
import polars
import pyarrow.dataset

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "contrib", "spark"))
import intransit_spark  # noqa: E402

TABLES = intransit_spark.TABLES


def say(text):
    print(f"{time.monotonic() - BEGUN:6.1f} s  {text}", flush=True)


def duck(sql, **tables):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, path in tables.items():
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}/**/*.parquet', hive_partitioning = true)")
    return connection.execute(sql).fetchall()


def same(one, other, what):
    """EXCEPT both ways is empty, and the counts agree."""
    for table in TABLES:
        a, b = os.path.join(one, table), os.path.join(other, table)
        for left, right in ((a, b), (b, a)):
            extra = duck("SELECT count(*) FROM (SELECT * FROM l EXCEPT ALL SELECT * FROM r)", l=left, r=right)[0][0]
            assert extra == 0, f"{what}: {table}: {extra} rows in {left} and not in {right}"
    say(f"{what}: equal row for row")


def sound(out, what):
    """What the manifests count is there, once, and nothing is left over."""
    manifests = [json.load(open(path)) for path in glob.glob(f"{out}/_files/*.json")]
    for table in TABLES:
        said = sum(manifest["rows"].get(table, 0) for manifest in manifests)
        found = duck("SELECT count(*) FROM t", t=os.path.join(out, table))[0][0]
        assert said == found, f"{what}: {table}: manifests say {said}, there are {found}"
    return manifests


def batch(files, out, *more, ok=(0, 3)):
    done = subprocess.run([BINARY, "batch", "-", "--out", out, "-q", *more], input="\n".join(files).encode(), capture_output=True)
    assert done.returncode in ok, (done.returncode, done.stderr[-2000:])
    return done


def readers_agree(spark, out):
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    for table in TABLES:
        path = os.path.join(out, table)
        d = duck("SELECT count(*), epoch_ns(min(start)), epoch_ns(max(start)), min(file_id), max(flow) FROM t", t=path)[0]
        frame = polars.scan_parquet(f"{path}/**/*.parquet", hive_partitioning=True)
        start = polars.col("start").dt.epoch("ns")
        of = [polars.len(), start.min().alias("a"), start.max().alias("b"), polars.col("file_id").min().alias("c"), polars.col("flow").max().alias("d")]
        p = frame.select(of).collect().row(0)
        arrow = pyarrow.dataset.dataset(path, partitioning="hive")
        rows = arrow.to_table(columns=["start", "file_id", "flow"])
        import pyarrow.compute as pc

        ends = pc.min_max(rows["start"].cast("int64")).as_py()
        a = (arrow.count_rows(), ends["min"], ends["max"], pc.min(rows["file_id"]).as_py(), pc.max(rows["flow"]).as_py())
        read = spark.read.parquet(path)
        s = tuple(read.selectExpr("count(*)", "min(start)", "max(start)", "min(file_id)", "max(flow)").collect()[0])
        assert d == tuple(p) == a == s, (table, d, p, a, s)
        names = [column["name"] for column in SCHEMA["tables"][table]["columns"]] + ["day"]
        found = {
            "DuckDB": [row[0] for row in duck("DESCRIBE t", t=path)],
            "Polars": frame.collect_schema().names(),
            "pyarrow": arrow.schema.names,
            "Spark": read.columns,
        }
        for reader, columns in found.items():
            assert columns == names, (reader, table, columns)
    say("DuckDB, Polars, pyarrow and Spark read the same columns, counts, minima and maxima")


def queries_agree(spark, out, files):
    """Every query runs unchanged in DuckDB and in Spark SQL, with the same answer."""
    logs = os.path.join(out, "..", "zeek")
    os.makedirs(logs, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    views = open(os.path.join(ROOT, "queries", "views.duckdb.sql")).read().replace("DATASET", out)
    connection.execute(views)
    intransit_spark.views(spark, out)
    # Records as Zeek and Suricata write them: from our own formats, of the same captures.
    other = [("zeek_conn", "conn.log", "zeek"), ("eve_flow", "eve.json", "eve")]
    for view, name, _ in other:
        path = os.path.join(logs, name)
        rows = connection.execute("SELECT DISTINCT community_id, protocol FROM flows").fetchall()
        with open(path, "w") as log:
            for community_id, protocol in rows:
                word = {"community_id": community_id, "service": protocol, "app_proto": protocol}
                log.write(json.dumps({key: value for key, value in word.items() if value}) + "\n")
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM read_json_auto('{path}', format = 'newline_delimited')")
        spark.read.json(path).createOrReplaceTempView(view)
    for path in sorted(glob.glob(os.path.join(ROOT, "queries", "*.sql"))):
        name = os.path.basename(path)
        if name.startswith("views."):
            continue
        sql = open(path).read()
        d = [tuple(plain(value) for value in row) for row in connection.execute(sql).fetchall()]
        s = [tuple(plain(value) for value in row) for row in spark.sql(sql).collect()]
        assert d == s, (name, d[:3], s[:3])
        assert d, f"{name} has no answer"
        say(f"{name}: {len(d)} rows, the same in DuckDB and Spark SQL")


def plain(value):
    if hasattr(value, "tzinfo"):
        return value.replace(tzinfo=None).isoformat()
    return int(value) if type(value).__name__ == "Decimal" else value


def by_spark(spark, files, serial, work):
    out = os.path.join(work, "spark")
    # Whole paths: a name may be part of another.
    poison = [files[len(files) * part // 4] for part in (1, 2, 3)]
    mine = [path for path in files if not any(name in path for name in poison)]
    options = [f"--test-poison={kind}:{name}" for kind, name in zip(("crash", "hang", "memory"), poison)]
    poisoned = len(files) - len(mine)
    intransit_spark.run(spark, files, out, BINARY, options, timeout=20, memory=512, tries=1, merge=False)
    crashed = [m for m in sound(out, "Spark") if m["status"] == "crashed"]
    assert len(crashed) == poisoned, [m["names"] for m in crashed]
    say(f"Spark: {poisoned} poisoned captures have a manifest, and the job succeeded")
    intransit_spark.run(spark, files, out, BINARY, memory=512)
    sound(out, "Spark")
    same(out, serial, "Spark after that, without poison")
    counts = intransit_spark.run(spark, files, out, BINARY, memory=512)
    assert set(counts) == {"known"}, counts
    same(out, serial, "Spark once more")


def killed(files, serial, work):
    """`batch` killed at once and in the middle goes on where it was."""
    out = os.path.join(work, "killed")
    for share in (0.2, 0.5, 0.8):
        batch_process = subprocess.Popen([BINARY, "batch", "-", "--out", out, "-q", "-j", "2", "--resume"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        batch_process.stdin.write("\n".join(files).encode())
        batch_process.stdin.close()
        while batch_process.poll() is None and len(glob.glob(f"{out}/_files/*.json")) < share * len(files):
            time.sleep(0.005)
        before = {path: os.stat(path).st_mtime_ns for path in glob.glob(f"{out}/_files/*.json")}
        batch_process.send_signal(signal.SIGKILL)
        batch_process.wait()
        time.sleep(0.3)
    batch(files, out, "--resume")
    again = [path for path, at in before.items() if os.stat(path).st_mtime_ns != at]
    assert len(again) <= 2, f"{len(again)} captures were done again"
    sound(out, "killed")
    same(out, serial, "batch, killed with SIGKILL at 20, 50 and 80 % and resumed")


def main():
    files = sorted(glob.glob(os.path.join(ROOT, "captures", "*.pcap*")))
    if len(sys.argv) > 3:
        files = [line.strip() for line in open(sys.argv[3]) if line.strip()]
    from pyspark.sql import SparkSession

    serial = os.path.join(WORK, "serial")
    for path in files:
        subprocess.run([BINARY, "one", path, "--out", serial, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sound(serial, "serial")
    say(f"{len(files)} captures one after the other")
    pool = os.path.join(WORK, "pool")
    batch(files, pool, "-j", "2")
    sound(pool, "batch")
    same(pool, serial, "batch -j 2, merged")
    killed(files, serial, WORK)
    spark = (
        SparkSession.builder.master(os.environ.get("INTRANSIT_SPARK_MASTER", "local-cluster[2,1,1024]"))
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.submit.pyFiles", os.path.join(ROOT, "contrib", "spark", "intransit_spark.py"))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    readers_agree(spark, pool)
    by_spark(spark, files, serial, WORK)
    queries_agree(spark, pool, files)
    spark.stop()
    example = os.path.join(ROOT, "contrib", "notebook.py")
    done = subprocess.run([sys.executable, example, pool], capture_output=True, text=True)
    assert done.returncode == 0 and "connections" in done.stdout, done.stderr
    say("contrib/notebook.py runs")
    say("all held")


BEGUN = time.monotonic()
BINARY, WORK = sys.argv[1], sys.argv[2]
SCHEMA = json.loads(subprocess.run([BINARY, "schema", "dataset"], capture_output=True, check=True).stdout)
if __name__ == "__main__":
    main()
