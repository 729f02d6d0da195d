#!/usr/bin/env python3
"""A dataset in Polars and DuckDB, cell by cell: `pip install polars duckdb`, then `python notebook.py DATASET`."""

import sys

import duckdb
import polars as pl

dataset = sys.argv[1] if len(sys.argv) > 1 else "dataset"

# %% One row per connection. The day is the folder; the capture is file_id, and captures.csv has its name.
flows = pl.scan_parquet(f"{dataset}/flows/**/*.parquet", hive_partitioning=True)
captures = pl.read_csv(f"{dataset}/captures.csv", infer_schema=False)
print(f"{flows.select(pl.len()).collect().item()} connections in {captures['file'].n_unique()} captures")

# %% What was negotiated, and how it was judged. Connections with only names or services in clear are counted apart.
counted = flows.filter(pl.col("counts")).group_by("tls_version_protocol", "tls_version", "grade").agg(pl.len().alias("connections"))
print(counted.sort("connections", "grade", descending=True).collect())

# %% The same columns in SQL: post-quantum key exchange by what the client offered.
print(
    duckdb.sql(
        f"""
        SELECT list_has_any(tls_offered_groups, ['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024']) AS offered,
               tls_group, count(*) AS connections
        FROM read_parquet('{dataset}/flows/**/*.parquet', hive_partitioning = true)
        WHERE tls_group IS NOT NULL GROUP BY ALL ORDER BY connections DESC, tls_group
        """
    )
)

# %% A finding leads to its frames: open them in Wireshark with `frame.number in {...}`.
findings = pl.scan_parquet(f"{dataset}/findings/**/*.parquet", hive_partitioning=True)
high = findings.filter(pl.col("severity") == "high").select("file_id", "rule", "text", "frames").collect()
names = captures.select("file_id", "file").unique("file_id")
print(high.join(names, on="file_id").sort("file", "rule").head(5))
