-- The views that the queries read, for DuckDB; DATASET stands for the folder. Spark's are made by contrib/spark/intransit_spark.py.
-- Timestamps are of microseconds here, as in Spark; the nanoseconds stay as start_ns.
SET TimeZone = 'UTC';
CREATE OR REPLACE VIEW flows AS
SELECT * REPLACE (CAST(start AS TIMESTAMP) AS start, CAST("end" AS TIMESTAMP) AS "end",
                  CAST(cert_not_before AS TIMESTAMP) AS cert_not_before, CAST(cert_not_after AS TIMESTAMP) AS cert_not_after),
       epoch_ns(start) AS start_ns
FROM read_parquet('DATASET/flows/**/*.parquet', hive_partitioning = true, union_by_name = true);
CREATE OR REPLACE VIEW facts AS
SELECT * REPLACE (CAST(start AS TIMESTAMP) AS start), epoch_ns(start) AS start_ns
FROM read_parquet('DATASET/facts/**/*.parquet', hive_partitioning = true, union_by_name = true);
CREATE OR REPLACE VIEW findings AS
SELECT * REPLACE (CAST(start AS TIMESTAMP) AS start), epoch_ns(start) AS start_ns
FROM read_parquet('DATASET/findings/**/*.parquet', hive_partitioning = true, union_by_name = true);
CREATE OR REPLACE VIEW names AS
SELECT * REPLACE (CAST(start AS TIMESTAMP) AS start), epoch_ns(start) AS start_ns
FROM read_parquet('DATASET/names/**/*.parquet', hive_partitioning = true, union_by_name = true);
CREATE OR REPLACE VIEW captures AS SELECT * FROM read_csv('DATASET/captures.csv', header = true, all_varchar = true);
