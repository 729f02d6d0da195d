//! The dataset: connections, facts, findings and names as tables of Parquet, for DuckDB, Polars, pyarrow and Spark.
//!
//! `tables` says what stands in which column, `column` of which types and how it is collected, `writer` writes rows, and [`merge`] makes few
//! files of many. Both write columns of `values` with `row_groups`, which encodes them within bounds. Where files lie, and when they take
//! their names, is the business of the commands.

mod column;
mod lone;
mod merge;
mod row_groups;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod writer;

pub use column::{Column, Type};
pub use lone::Parquet;
pub use merge::{Group, Merged, groups, merge, rows_of};
pub use tables::{COMMON, TABLES, Table};
pub use writer::TableWriter;

/// The version of the schema: in the metadata of every file as `intransit.schema`. Columns may be added within a version, at the end of a
/// table; a change of what one means or of its type makes another.
pub const SCHEMA_VERSION: &str = "1";

/// The schema as JSON, for `intransit schema dataset`.
#[must_use]
pub fn schema_json() -> String {
    let tables: serde_json::Map<String, serde_json::Value> = TABLES
        .iter()
        .map(|table| {
            let columns: Vec<serde_json::Value> = table
                .all_columns()
                .map(|column| {
                    serde_json::json!({"name": column.name, "type": column.kind.word(), "nullable": !column.required,
                                       "description": column.help})
                })
                .collect();
            (table.name.to_owned(), serde_json::json!({"description": table.help, "columns": columns}))
        })
        .collect();
    let whole = serde_json::json!({
        "schema": format!("intransit/dataset/{SCHEMA_VERSION}"),
        "format": "Parquet, zstd, partitioned by day=YYYY-MM-DD of the column start (UTC)",
        "tables": tables,
    });
    // What was just made can be printed.
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}
